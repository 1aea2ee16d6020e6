#!/usr/bin/env python3
"""Writes a third frozen vault of format 1, whose ledger has compressed months.

It takes the derivations and the ledger of vault-v1.py, which has them from docs/FORMAT.md.
It ran once, like that one.

    tests/data/vault-v1-months.py DIR      writes DIR/vault-v1-months
"""

import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = importlib.util.spec_from_file_location("vault_v1", os.path.join(HERE, "vault-v1.py"))
V1 = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(V1)


def letter(name, month):
    return (f"From: ann@example.org\r\nSubject: {name}\r\nDate: 2 {month} 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{name}@example.org>\r\n\r\nwritten in {month}\r\n").encode()


AUGUST, SEPTEMBER = letter("august", "Aug"), letter("september", "Sep")
OCTOBER, NOVEMBER = letter("october", "Oct"), letter("november", "Nov")


def write_vault(path):
    vault, ledger = V1.Vault(path), V1.Ledger()
    vault.write("vault.toml", (
        f'format = 1\nid = "{V1.VAULT_ID}"\ncreated = "2026-08-02T06:00:00Z"\nhash = "blake3-128"\n'
        'info_sep = ":"\nencryption = "none"\nfeatures_required = ["ledger-zst"]\n').encode())
    vault.write("README.txt", V1.README)
    vault.write("lock", b"")
    for message in (AUGUST, SEPTEMBER, OCTOBER, NOVEMBER):
        vault.store(message)

    def session(new):
        return "session", dict(account="ann", proto="pop3", complete=1, listed=new, new=new, duplicates=0,
                               refused=0, octets=200 * new, result=0)

    def seen(uidl, message):
        event, fields = vault.seen(V1.pop3(uidl), message)
        return event, dict(fields, how="received")

    ledger.append("2026-08-02T11:00:00.000Z", seen("1", AUGUST), session(1))
    ledger.append("2026-09-02T11:00:00.000Z", seen("2", SEPTEMBER),
                  ("vanished", dict(V1.pop3("1"), flags="", kw="")), session(1))
    ledger.append("2026-09-03T11:00:00.000Z", ("verified", dict(scope="names", damage=0)))
    ledger.append("2026-10-02T11:00:00.000Z", seen("3", OCTOBER), session(2))
    ledger.append("2026-11-02T11:00:00.000Z", seen("4", NOVEMBER), session(3))
    august, september, october, november = ledger.files.values()
    # As mailvault writes it, and as zstd does with all its effort.
    vault.write("ledger/2026-08.jsonl.zst", V1.zstd(august, "-1"))
    vault.write("ledger/2026-09.jsonl.zst", V1.zstd(september, "-19"))
    # As a run leaves it that is killed before it removes the plain file, which counts.
    vault.write("ledger/2026-10.jsonl.zst", V1.zstd(october, "-1"))
    vault.write("ledger/2026-10.jsonl", october)
    vault.write("ledger/2026-11.jsonl", november)


if __name__ == "__main__":
    os.umask(0o077)
    write_vault(os.path.join(sys.argv[1], "vault-v1-months"))
