#!/usr/bin/env bash
# Installs what building mailvault needs, then runs it or its tests.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
    cat <<'TEXT'
usage: ./bootstrap.sh demo|test|install [--yes]

  demo     install what a build needs, then run the guided tour
  test     install what the tests need too (Dovecot, strace, mutt, zsh, fish, rclone, Chromium, Firefox, Thunderbird), then run them all
  install  install all that, then stop

Packages come from apt and are asked for first; --yes, or no terminal, does not ask.
The tests also get moto, a simulation of object storage, by pip below target/moto (140 MB), and
axe-core, which checks pages for accessibility, by npm below target/axe (3 MB).
On Debian 12, root's tests also get other servers, unpacked below target/servers (90 MB) and
target/servers-trixie (80 MB).
TEXT
}

oldest="1.89" # as rust-version in Cargo.toml

# Servers that Debian lets nobody install side by side, each row followed by the
# libraries that it loads besides those of the others: enough for a root folder of their own.
servers="
popa3d libpam0g libpam-modules libaudit1 libcap-ng0 libcrypt1 libselinux1 libpcre2-8-0
solid-pop3d liblockfile1
courier-pop courier-base courier-authlib libcourier-unicode4 libgdbm6 libidn12 libltdl7
mailutils-pop3d libmailutils9 libmu-dbm9 libgsasl18 libkyotocabinet16v5 libntlm0
libunistring2 libmariadb3 liblzo2-2 libwrap0 libgnutls30 libldap-2.5-0 libsasl2-2 libdb5.3
libnsl2 libtirpc3 libpq5 libgssglue1 libp11-kit0 libidn2-0 libtasn1-6 libnettle8
libhogweed6 libgmp10 liblzma5 libssl3 libgssapi-krb5-2 libkrb5-3 libk5crypto3
libkrb5support0 libcom-err2 libkeyutils1 libffi8
cyrus-pop3d cyrus-common libsasl2-modules-db sasl2-bin libical3 libicu72 libjansson4
libpcre3 libsqlite3-0 libuuid1 libxapian30 libxml2
courier-imap libgamin0
mailutils-imap4d
cyrus-imapd
libc6 libgcc-s1 libstdc++6 zlib1g"

# Debian 13's Dovecot, which speaks another configuration language than Debian 12's, and
# what it loads.
newer_dovecot="
dovecot-core dovecot-imapd dovecot-pop3d libbz2-1.0 libc6 libcap2 libcap-ng0 libaudit1
libcrypt1 libexttextcat-2.0-0 libgcc-s1 libicu76 liblz4-1 liblzma5 libpam0g libsodium23
libssl3t64 libstdc++6 libstemmer0d libsystemd0 libunwind8 libxxhash0 libzstd1 zlib1g"

# What checks whether everybody can use the pages of an HTML archive.
axe="axe-core@4.14.1"

# What simulates object storage, and what its server loads: each version as it was tried.
moto="
moto==5.2.5 boto3==1.44.8 botocore==1.44.8 s3transfer==0.19.3 jmespath==1.1.0
python-dateutil==2.9.0.post0 six==1.17.0 urllib3==2.8.0 requests==2.34.2 certifi==2026.10.19.post1
charset-normalizer==3.5.3 idna==3.20 responses==0.26.3 PyYAML==6.0.4 xmltodict==1.0.4
Werkzeug==3.1.9 Flask==3.1.3 flask-cors==6.0.5 Jinja2==3.1.6 MarkupSafe==3.0.4 blinker==1.9.0
click==8.5.1 itsdangerous==2.2.0 typing_extensions==4.16.0 cryptography==50.0.2 cffi==2.1.1
pycparser==3.12"

# Shows a command and runs it.
run() {
    printf '+ %s\n' "$*" >&2
    "$@"
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        run env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        run sudo env DEBIAN_FRONTEND=noninteractive "$@"
    else
        fail "apt wants root, and there is no sudo: run this script as root"
    fi
}

# True if version $1 is at least $2.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# Puts the first folder with a cargo and rustc that are new enough at the head of PATH.
find_cargo() {
    local folder version
    local -a folders
    IFS=: read -r -a folders <<<"$PATH"
    for folder in "${folders[@]}" "${CARGO_HOME:-$HOME/.cargo}/bin" /usr/bin; do
        [ -x "$folder/cargo" ] && [ -x "$folder/rustc" ] || continue
        version=$("$folder/rustc" --version 2>/dev/null | cut -d ' ' -f 2) || continue
        if at_least "${version:-0}" "$oldest"; then
            PATH="$folder:$PATH"
            export PATH
            return 0
        fi
    done
    return 1
}

# The packages that are missing, one a line.
missing_for_build() {
    command -v cc >/dev/null || printf '%s\n' gcc libc6-dev
    command -v pkg-config >/dev/null || echo pkg-config
    [ -e /usr/include/openssl/ssl.h ] || pkg-config --exists openssl 2>/dev/null || echo libssl-dev
    [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || echo ca-certificates
    # On Debian 12 the packages named -web hold the newer Rust.
    find_cargo || rust_packages
}

missing_for_tests() {
    [ -e /usr/lib/dovecot/pop3 ] || [ -e /usr/libexec/dovecot/pop3 ] || echo dovecot-pop3d
    [ -e /usr/lib/dovecot/imap ] || [ -e /usr/libexec/dovecot/imap ] || echo dovecot-imapd
    command -v strace >/dev/null || echo strace
    command -v mutt >/dev/null || echo mutt
    command -v python3 >/dev/null || echo python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    command -v rclone >/dev/null || echo rclone
    command -v chromium >/dev/null || echo chromium
    command -v firefox-esr >/dev/null || echo firefox-esr
    command -v npm >/dev/null || echo npm
    command -v thunderbird >/dev/null || echo thunderbird
    command -v zstd >/dev/null || echo zstd
    command -v age >/dev/null || echo age
    command -v script >/dev/null || echo bsdutils
    command -v zsh >/dev/null || echo zsh
    command -v fish >/dev/null || echo fish
}

# The Rust packages of this Debian that are new enough; none before the first update.
rust_packages() {
    local suffix version
    for suffix in "" -web; do
        version=$(LC_ALL=C apt-cache policy "rustc$suffix" 2>/dev/null | sed -n 's/^ *Candidate: *//p')
        if [ -n "$version" ] && at_least "$version" "$oldest"; then
            printf '%s\n' "cargo$suffix" "rustc$suffix"
            return
        fi
    done
    echo a-newer-rust
}

# Fills `packages` with what is missing for $1.
look() {
    local list
    list=$(missing_for_build; [ "$1" = demo ] || missing_for_tests)
    # Names of packages have no blanks.
    # shellcheck disable=SC2206
    packages=($list)
}

wants_rust() {
    case " ${packages[*]} " in *" a-newer-rust "*) true ;; *) false ;; esac
}

confirm() {
    if $yes || ! [ -t 0 ]; then
        return
    fi
    printf 'To be installed with apt: %s\n' "${packages[*]/a-newer-rust/cargo rustc}" >&2
    read -r -p "Go on? [y/N] " answer
    case $answer in
        y | Y | yes) ;;
        *) fail "nothing was installed" ;;
    esac
}

install_missing() {
    look "$1"
    if [ "${#packages[@]}" -gt 0 ]; then
        if ! command -v apt-get >/dev/null; then
            fail "this is missing, and there is no apt to install it (Debian's names): ${packages[*]/a-newer-rust/cargo and rustc of at least $oldest}"
        fi
        confirm
        as_root apt-get update
        # Only now may apt know of a newer Rust.
        look "$1"
        if wants_rust; then
            fail "this system has no packages of Rust $oldest or newer: install it with rustup, then run this again"
        fi
        as_root apt-get install -y --no-install-recommends "${packages[@]}"
        case " ${packages[*]} " in
            *" dovecot-"*) [ ! -d /run/systemd/system ] ||
                echo "note: Debian starts the Dovecot service with its package; 'systemctl disable --now dovecot' ends it, the tests start their own" >&2 ;;
        esac
    fi
    find_cargo || fail "there is still no cargo and rustc $oldest or newer"
}

# Puts moto into a folder of its own, from where pip is configured to get packages.
install_moto() {
    [ "$(cat target/moto/packages 2>/dev/null)" != "$moto" ] || return 0
    rm -rf target/moto
    run python3 -m venv target/moto
    # Names and versions have no blanks.
    # shellcheck disable=SC2086
    run target/moto/bin/pip install --quiet --disable-pip-version-check --no-deps $moto
    printf '%s\n' "$moto" >target/moto/packages
}

# Puts axe-core into a folder of its own, from where npm is configured to get packages.
install_axe() {
    [ "$(cat target/axe/packages 2>/dev/null)" != "$axe" ] || return 0
    rm -rf target/axe
    mkdir -p target/axe
    run npm install --prefix target/axe --no-save --ignore-scripts --no-audit --no-fund --silent "$axe"
    printf '%s\n' "$axe" >target/axe/packages
}

# Unpacks the servers without installing them: nothing is started and no user is made.
# Only root can start them, and other Debians have other libraries.
unpack_servers() {
    [ "$(id -u)" = 0 ] && grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release || return 0
    if [ "$(cat target/servers/packages 2>/dev/null)" != "$servers" ]; then
        run apt-get update
        unpack target/servers "$servers"
        printf '%s\n' "$servers" >target/servers/packages
    fi
    if [ "$(cat target/servers-trixie/packages 2>/dev/null)" != "$newer_dovecot" ]; then
        unpack_newer_dovecot
    fi
}

# Downloads packages $2 with apt and unpacks them into a new folder $1.
unpack() {
    local package
    rm -rf "$1"
    mkdir -p "$1/archives"
    # Names of packages have no blanks.
    # shellcheck disable=SC2086
    (cd "$1/archives" && run apt-get -o APT::Sandbox::User=root download $2)
    for package in "$1/archives/"*.deb; do
        dpkg -x "$package" "$1"
    done
    rm -r "$1/archives" "$1/usr/share/doc" "$1/usr/share/man"
}

# The same with Debian 13's packages: from the mirror that apt uses for Debian 12, and with
# lists of apt's own in a temporary folder, so that the system's apt does not learn of them.
unpack_newer_dovecot() (
    mirror=$(apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Codename: bookworm' 'Component: main' | head -n 1)
    [ -n "$mirror" ] || fail "apt has no mirror of Debian 12, from which Debian 13's Dovecot could come"
    lists=$(mktemp -d)
    trap 'rm -rf "$lists"' EXIT
    mkdir -p "$lists/state/lists/partial" "$lists/cache/archives/partial"
    # The keyring of Debian 12.11 and newer has the key by which Debian 13 is signed.
    printf 'deb [target=Packages signed-by=%s] %s trixie main\n' \
        /usr/share/keyrings/debian-archive-keyring.gpg "$mirror" >"$lists/sources.list"
    cat >"$lists/apt.conf" <<TEXT
Dir::Etc::SourceList "$lists/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$lists/state";
Dir::State::Status "/dev/null";
Dir::Cache "$lists/cache";
APT::Sandbox::User "root";
TEXT
    export APT_CONFIG="$lists/apt.conf"
    run apt-get update
    unpack target/servers-trixie "$newer_dovecot"
    # Packages of Debian 13 expect these links.
    ln -s usr/lib target/servers-trixie/lib
    [ ! -d target/servers-trixie/usr/lib64 ] || ln -s usr/lib64 target/servers-trixie/lib64
    # It wants the library of a plugin that is not used.
    rm -f target/servers-trixie/usr/lib/dovecot/modules/settings/libpigeonhole_settings.so
    printf '%s\n' "$newer_dovecot" >target/servers-trixie/packages
)

verb=""
yes=false
for argument in "$@"; do
    case $argument in
        demo | test | install) [ -z "$verb" ] || { usage >&2; exit 2; }; verb=$argument ;;
        -y | --yes) yes=true ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
case $verb in
    demo)
        install_missing demo
        run cargo run --release --locked -- demo
        ;;
    test)
        install_missing test
        unpack_servers
        install_moto
        install_axe
        # Also what a build leaves out unless it is asked for it.
        # Many tests wait for a server or the disk, so that two for each core end sooner.
        run env MAILVAULT_REQUIRE_TOOLS=1 RUST_TEST_THREADS=$((2 * $(nproc))) \
            cargo test --locked --features keyring,faults
        ;;
    install)
        install_missing test
        unpack_servers
        install_moto
        install_axe
        ;;
    *) usage >&2; exit 2 ;;
esac
