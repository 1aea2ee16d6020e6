#!/bin/sh
# Shows that the life test finds what it is there for: each patch beside this script switches
# off one rule of docs/SAFETY.md, Evidence, and 2,000 lives must break a law then.
#
# usage: tests/mutants/run.sh [PATCH...]
#
# Works in a copy of HEAD below target/mutants and takes some minutes for each patch.
set -eu
cd "$(git -C "$(dirname "$0")" rev-parse --show-toplevel)"
here=$PWD
copy=$here/target/mutants/copy
[ $# -gt 0 ] || set -- "$here"/tests/mutants/*.patch
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$here/target/mutants/target}"
export MAILVAULT_LIFE_FROM=0 MAILVAULT_LIFE_SEEDS=2000 MAILVAULT_LIFE_FIRST=1
git worktree remove --force "$copy" 2>/dev/null || true
git worktree add --quiet --detach "$copy" HEAD
trap 'git worktree remove --force "$copy"' EXIT
missed=0
for patch; do
    name=$(basename "$patch" .patch)
    git -C "$copy" checkout --quiet -- .
    git -C "$copy" apply "$(realpath "$patch")"
    if ! (cd "$copy" && cargo test --quiet --locked --features keyring,faults --test integration --no-run) \
        2> "$here/target/mutants/$name.build"; then
        echo "$name: does not build, see target/mutants/$name.build"
        missed=1
        continue
    fi
    log=$here/target/mutants/$name.log
    (cd "$copy" && cargo test --quiet --locked --features keyring,faults --test integration -- \
        whatever_happens_in_a_life) > "$log" 2>&1 || true
    if found=$(grep -m 1 'is the first of' "$log"); then
        echo "$name: $found"
    else
        echo "$name: NOT FOUND, see target/mutants/$name.log"
        missed=1
    fi
done
exit "$missed"
