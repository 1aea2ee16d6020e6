#!/usr/bin/env python3
"""Writes a second frozen vault of format 1, with the events that say how a content is known.

It takes the derivations and the ledger of vault-v1.py, which has them from docs/FORMAT.md.
It ran once, like that one.

    tests/data/vault-v1-evidence.py DIR      writes DIR/vault-v1-evidence
"""

import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = importlib.util.spec_from_file_location("vault_v1", os.path.join(HERE, "vault-v1.py"))
V1 = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(V1)


def letter(name, text):
    return (f"From: ann@example.org\r\nSubject: {name}\r\nDate: 2 Nov 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{name}@example.org>\r\n\r\n{text}\r\n").encode()


RECEIVED, WHOLE = letter("received", "as it was listed"), letter("cut", "the beginning and the end")
CUT, SETTLED = WHOLE[:-10], letter("settled", "shorter than it was listed")
DOUBTFUL, WANTED = letter("doubtful", "of another size"), letter("wanted", "of an earlier day")
MOVED, UNSTATED = letter("moved", "in another folder now"), letter("unstated", "before evidence was written")


def known(event, fields, **more):
    return event, dict(fields, **more)


def write_vault(path):
    vault, ledger = V1.Vault(path), V1.Ledger()
    vault.write("vault.toml", (
        f'format = 1\nid = "{V1.VAULT_ID}"\ncreated = "2026-11-10T06:00:00Z"\nhash = "blake3-128"\n'
        'info_sep = ":"\nencryption = "none"\nfeatures_required = []\n').encode())
    vault.write("README.txt", V1.README)
    vault.write("lock", b"")
    for message in (RECEIVED, WHOLE, CUT, SETTLED, DOUBTFUL, WANTED, UNSTATED):
        vault.store(message)
    vault.store(MOVED, "bob")
    vault.store(MOVED, "bob", ".Lists")
    vault.write("mail/bob/.Lists/maildirfolder", b"")

    def seen(*args, **more):
        return vault.seen(*args, **more)[1]

    ann, bob = V1.pop3, V1.imap
    ledger.append(
        "2026-11-10T06:00:00.000Z",
        ("learned", dict(account="ann", key=f"sizes {V1.ANN} ", value="good octets 1794290400")),
        known("seen", seen(ann("received"), RECEIVED), how="received"),
        known("doubtful", seen(ann("cut"), CUT, octets=len(WHOLE)), sessions=1),
        known("doubtful", seen(ann("settled"), SETTLED, octets=9999), sessions=1),
        known("doubtful", seen(ann("doubtful"), DOUBTFUL, octets=77), sessions=1),
        known("seen", seen(ann("wanted"), WANTED), how="received"),
        known("seen", seen(ann("unstated"), UNSTATED)),
        known("recognised", seen(ann("again"), UNSTATED)))
    ledger.append(
        "2026-11-11T06:00:00.000Z",
        known("seen", seen(ann("cut"), WHOLE), how="received"),
        ("superseded", dict(hash=V1.hash128(CUT), by=V1.hash128(WHOLE))),
        known("settled", seen(ann("settled"), SETTLED, octets=9999)),
        known("doubtful", seen(ann("doubtful"), DOUBTFUL, octets=77), sessions=2),
        ("checked", dict(ann("received"), names=b"received unstated")),
        ("asked", dict(ann("unstated"), header=V1.header_hash(letter("unstated", "") + b"X-Seen: yes"))),
        ("wanted", dict(ann("wanted"), why="an audit found another message under this name")))
    ledger.append(
        "2026-11-12T06:00:00.000Z",
        ("folder", dict(account="bob", dir="", name="INBOX", delim="/", uidvalidity=1600000000)),
        ("folder", dict(account="bob", dir=".Lists", name="Lists", delim="/", uidvalidity=1600000007)),
        known("seen", seen(bob("", 1), MOVED, idate=1793613600), how="received", object="guid 00f1e2d3c4b5a697"),
        ("vanished", dict(bob("", 1), flags="", kw="")),
        known("vouched", seen(bob(".Lists", 4, 1600000007), MOVED, idate=1793613600), by="guid",
              object="guid 00f1e2d3c4b5a697"),
        known("vouched", seen(bob(".Lists", 5, 1600000007), MOVED, idate=1793613600), by="a later way"))
    there = dict(destination="new@imap.example.com:993", folder="INBOX")
    ledger.append(
        "2026-11-12T07:00:00.000Z",
        *(("upload-intent", dict(there, hash=V1.hash128(m))) for m in (RECEIVED, WHOLE, MOVED)),
        ("uploaded", dict(there, hash=V1.hash128(RECEIVED), uid=7)),
        ("upload-failed", dict(there, hash=V1.hash128(WHOLE))))
    for month, lines in ledger.files.items():
        vault.write(f"ledger/{month}.jsonl", lines)


if __name__ == "__main__":
    os.umask(0o077)
    write_vault(os.path.join(sys.argv[1], "vault-v1-evidence"))
