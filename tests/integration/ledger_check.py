"""Checks a ledger by docs/FORMAT.md alone: the chain, masked lines, and tombstones.

    python3 ledger_check.py VAULT [MESSAGE...]

Prints what is wrong, or how many lines are good and masked, and for each message file whether it
has a tombstone. Knows nothing of mailvault's code.
"""

import glob
import json
import os
import re
import subprocess
import sys

# BLAKE3 as its paper has it (https://github.com/BLAKE3-team/BLAKE3-specs).
IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
      0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
COLUMNS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
START, END, PARENT, ROOT, KEYED = 1, 2, 4, 8, 16
MASK = 0xFFFFFFFF


def rotated(word, by):
    return (word >> by | word << (32 - by)) & MASK


def compressed(value, words, counter, length, flags):
    v = value + IV[:4] + [counter & MASK, counter >> 32, length, flags]
    for turn in range(7):
        for n, (a, b, c, d) in enumerate(COLUMNS):
            for word, one, two in ((words[2 * n], 16, 12), (words[2 * n + 1], 8, 7)):
                v[a] = (v[a] + v[b] + word) & MASK
                v[d] = rotated(v[d] ^ v[a], one)
                v[c] = (v[c] + v[d]) & MASK
                v[b] = rotated(v[b] ^ v[c], two)
        words = [words[at] for at in ORDER]
    return [v[n] ^ v[n + 8] for n in range(8)]


def words_of(block):
    block = block.ljust(64, b"\0")
    return [int.from_bytes(block[n:n + 4], "little") for n in range(0, 64, 4)]


def chunk(data, key, counter, flags, root):
    value, blocks = key, [data[n:n + 64] for n in range(0, len(data), 64)] or [b""]
    for n, block in enumerate(blocks):
        last = n == len(blocks) - 1
        how = flags | (START if n == 0 else 0) | (END if last else 0) | (ROOT if last and root else 0)
        value = compressed(value, words_of(block), counter, len(block), how)
    return value


def tree(data, key, counter, flags, root):
    chunks = max(1, -(-len(data) // 1024))
    if chunks == 1:
        return chunk(data, key, counter, flags, root)
    left = 1 << (chunks - 1).bit_length() - 1
    halves = (tree(data[:left * 1024], key, counter, flags, False)
              + tree(data[left * 1024:], key, counter + left, flags, False))
    return compressed(key, halves, 0, 64, flags | PARENT | (ROOT if root else 0))


def blake3(data, key=None):
    start = words_of(key)[:8] if key else IV
    value = tree(data, start, 0, KEYED if key else 0, True)
    return b"".join(word.to_bytes(4, "little") for word in value).hex()


def month_bytes(path):
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dc", path], check=True, stdout=subprocess.PIPE).stdout
    with open(path, "rb") as file:
        return file.read()


KEPT = {"t", "ev", "c", "account", "proto", "server"}


def is_masked(line):
    hidden = [v for k, v in line.items() if isinstance(v, str) and k not in KEPT]
    return any(hidden) and all(set(value) <= {"-"} for value in hidden)


def main(vault, messages):
    wrong, masked, named, tags, good = [], {}, {}, set(), 0
    last, seq = None, 0
    months = {}
    for path in glob.glob(os.path.join(vault, "ledger", "*.jsonl*")):
        month = re.match(r"(\d{4}-\d{2})\.jsonl(\.zst)?$", os.path.basename(path))
        if month and (month[1] not in months or not month[2]):
            months[month[1]] = path
    for month, path in sorted(months.items()):
        chain = "0" * 16
        for number, raw in enumerate(month_bytes(path).split(b"\n")[:-1]):
            place = f"{month} line {number + 1}"
            line = json.loads(raw)
            body = raw[:raw.rindex(b',"c":"')]
            if line["seq"] != seq + 1:
                wrong.append(f"{place}: seq {line['seq']} after {seq}")
            if blake3(chain.encode() + body)[:16] == line["c"]:
                good += 1
                if line["ev"] == "open" and line["prev"] != last:
                    wrong.append(f"{place}: prev is {line['prev']}")
                if line["ev"] == "erased":
                    if line["kind"] == "line":
                        named[line["line"]] = line["now"]
                    elif "tag" in line:
                        tags.add((line["kind"], line["tag"]))
            elif is_masked(line):
                masked[line["seq"]] = blake3(raw)
            else:
                wrong.append(f"{place}: its checksum is wrong")
            chain, seq = line["c"], line["seq"]
        last = chain
    for line, now in masked.items():
        if named.get(line) != now:
            wrong.append(f"line {line} is masked, and no later line names it")
    for problem in wrong:
        print(problem)
    if wrong:
        return 1
    print(f"{good} good, {len(masked)} masked")
    if messages:
        with open(os.path.join(vault, "tombstones.key"), "rb") as file:
            key = file.read()
    for message in messages:
        with open(message, "rb") as file:
            digest = blake3(file.read())[:32]
        tag = blake3(b"content\n" + digest.encode(), key)[:32]
        print("forgotten" if ("content", tag) in tags else "not forgotten")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
