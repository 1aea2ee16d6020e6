#!/usr/bin/env python3
"""Writes the frozen vault of format 1 and its vectors, from docs/FORMAT.md alone.

It shares nothing with mailvault: BLAKE3, the derivations and the ledger are written out
here once more, and only compression is left to the zstd command. It ran once. What it
wrote is never made anew: a later mailvault has to read it as it is.

    tests/data/vault-v1.py DIR      writes DIR/vault-v1 and DIR/vault-v1.vectors
"""

import base64
import calendar
import gzip
import os
import re
import struct
import subprocess
import sys

# --- BLAKE3, unkeyed, after its paper -------------------------------------------------

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
      0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
START, END, PARENT, ROOT = 1, 2, 4, 8


def compress(chain, words, counter, length, flags):
    state = list(chain) + list(IV[:4]) + [counter & 0xFFFFFFFF, counter >> 32, length, flags]

    def turn(value, by):
        return (value >> by | value << 32 - by) & 0xFFFFFFFF

    def mix(a, b, c, d, x, y):
        state[a] = (state[a] + state[b] + x) & 0xFFFFFFFF
        state[d] = turn(state[d] ^ state[a], 16)
        state[c] = (state[c] + state[d]) & 0xFFFFFFFF
        state[b] = turn(state[b] ^ state[c], 12)
        state[a] = (state[a] + state[b] + y) & 0xFFFFFFFF
        state[d] = turn(state[d] ^ state[a], 8)
        state[c] = (state[c] + state[d]) & 0xFFFFFFFF
        state[b] = turn(state[b] ^ state[c], 7)

    for _ in range(7):
        for n in range(4):
            mix(n, n + 4, n + 8, n + 12, words[2 * n], words[2 * n + 1])
        for n in range(4):
            mix(n, 4 + (n + 1) % 4, 8 + (n + 2) % 4, 12 + (n + 3) % 4,
                words[8 + 2 * n], words[9 + 2 * n])
        words = [words[n] for n in PERMUTATION]
    return [state[n] ^ state[n + 8] for n in range(8)]


def words_of(block):
    return list(struct.unpack("<16I", block.ljust(64, b"\0")))


def subtree(data, first, top):
    """The chaining value of whole chunks; `top` is ROOT for the whole input."""
    if len(data) <= 1024:
        chain = IV
        blocks = [data[at:at + 64] for at in range(0, len(data), 64)] or [b""]
        for n, block in enumerate(blocks):
            flags = START if n == 0 else 0
            if n == len(blocks) - 1:
                flags |= END | top
            chain = compress(chain, words_of(block), first, len(block), flags)
        return chain
    left = 1024
    while left * 2 < len(data):
        left *= 2
    both = subtree(data[:left], first, 0) + subtree(data[left:], first + left // 1024, 0)
    return compress(IV, both, 0, 64, PARENT | top)


def blake3(data, digits):
    return struct.pack("<8I", *subtree(data, 0, ROOT)).hex()[:digits]


assert blake3(b"", 16) == "af1349b9f5f9a1a6"


def hash128(data):
    return blake3(data, 32)


# --- What is derived from a message ---------------------------------------------------

STATUS = {b"status", b"x-status", b"x-uid", b"x-uidl", b"x-imapbase", b"x-keywords"}
OMITTED = STATUS | {
    b"received", b"return-path", b"delivered-to", b"x-original-to", b"envelope-to",
    b"x-envelope-to", b"delivery-date", b"x-imap", b"content-length", b"lines",
    b"x-account-key", b"x-mozilla-status", b"x-mozilla-status2", b"x-mozilla-keys",
    b"authentication-results", b"received-spf", b"x-received", b"x-tuid", b"x-evolution",
    b"x-fetchmail-warning", b"x-offlineimap", b"x-length", b"x-from-line",
    b"x-gnus-article-number", b"x-gnus-mail-source", b"xref", b"x-rmail-attributes",
    b"x-rmail-keywords", b"x-bogosity", b"x-popfile-link", b"x-text-classification"}
OMITTED_STARTS = (
    b"arc-", b"x-spam-", b"x-spambayes-", b"x-gm-", b"x-gmail-", b"x-google-", b"x-ms-exchange-",
    b"x-evolution-", b"x-getmail-", b"x-kmail-", b"x-offlineimap-", b"x-vm-")


def parse(message):
    """The groups of header lines (a line and its continuations), and the body."""
    groups, rest = [], message
    while rest:
        line, end, rest = rest.partition(b"\n")
        if end and line.endswith(b"\r"):
            line = line[:-1]
        if end and not line:
            return groups, rest
        if line[:1] in (b" ", b"\t") and groups:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups, b""


def is_ended(message):
    """Whether an empty line ends the header."""
    return re.match(rb"\r?\n", message) is not None or re.search(rb"\n\r?\n", message) is not None


def field_of(group):
    match = re.match(rb"([!-9;-~]+)[ \t]*:", group[0])
    if not match:
        return None
    return match[1].lower(), b"".join(group)[match.end():].strip(b" \t")


def fields_of(message):
    return [f for f in map(field_of, parse(message)[0]) if f]


def without_comments(value):
    out, depth, at = b"", 0, 0
    while at < len(value):
        byte = value[at:at + 1]
        if byte == b"(":
            depth += 1
        elif depth and byte == b")":
            depth -= 1
            if depth == 0:
                out += b" "
        elif depth and byte == b"\\":
            at += 1
        elif not depth:
            out += byte
        at += 1
    return out + (b" " if depth else b"")


MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
ZONES = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
DATE = re.compile(
    rb"[ \t]*(?:[A-Za-z]+(?:[ \t]*,[ \t]*|[ \t]+))?([0-9]{1,2})[ \t]+([A-Za-z]{3})[ \t]+([0-9]{2,4})"
    rb"[ \t]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?:[ \t]+([+-][0-9]{4}|[A-Za-z]+))?[ \t]*\Z")


def moment(text):
    match = DATE.match(text)
    if not match or match[2].decode().lower() not in MONTHS:
        return None
    day, year, hour, minute = (int(match[n]) for n in (1, 3, 4, 5))
    month, second = MONTHS.index(match[2].decode().lower()) + 1, int(match[6] or 0)
    if len(match[3]) == 2:
        year += 2000 if year < 50 else 1900
    elif len(match[3]) == 3:
        year += 1900
    if not 1970 <= year <= 2105 or hour > 23 or minute > 59 or second > 60:
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    zone = (match[7] or b"").decode().lower()
    if zone[:1] in ("+", "-") and zone:
        if int(zone[3:]) > 59:
            return None
        offset = (int(zone[1:3]) * 60 + int(zone[3:])) * (-60 if zone[0] == "-" else 60)
    else:
        offset = ZONES.get(zone, 0) * 3600
    result = calendar.timegm((year, month, day, hour, minute, 0)) + second - offset
    return result if 0 <= result <= 4294967295 else None


def received(message):
    fields = fields_of(message)
    for name, of in ((b"received", lambda v: v.rpartition(b";")[2] if b";" in v else b""),
                     (b"date", lambda v: v)):
        value = next((value for key, value in fields if key == name), None)
        found = None if value is None else moment(of(without_comments(value)))
        if found is not None:
            return found
    return 0


def message_id(message):
    values = [value for name, value in fields_of(message) if name == b"message-id"]
    return values[0] if len(values) == 1 and 1 <= len(values[0]) <= 998 else None


def likeness(message):
    kept = [f for f in fields_of(message)
            if f[0] not in OMITTED and not f[0].startswith(OMITTED_STARTS)]
    groups, body, ended = parse(message)[0], parse(message)[1], is_ended(message)
    if not ended:
        return None
    text = b"mailvault likeness 3\n"
    text += b"".join(name + b":" + value + b"\n" for name, value in sorted(kept))
    text += b"".join(line + b"\n" for group in groups if not field_of(group) for line in group)
    body = parse(message)[1].replace(b"\r\n", b"\n")
    return hash128(text + b"\n" + body.rstrip(b"\n") + b"\n")


def header_hash(message):
    text = b""
    for group in parse(message)[0]:
        field = field_of(group)
        if not field or field[0] not in STATUS:
            text += b"".join(line + b"\r\n" for line in group)
    return hash128(text + b"\r\n")


def wire(message):
    return len(message) + len(re.findall(rb"(?<!\r)\n", message))


def base_name(message):
    return f"{received(message)}.{hash128(message)}.mv,S={len(message)},W={wire(message)}"


# --- Folders --------------------------------------------------------------------------

def to_utf7(text):
    def run(match):
        digits = base64.b64encode(match[0].encode("utf-16-be")).rstrip(b"=").decode()
        return "&" + digits.replace("/", ",") + "-"
    return re.sub(r"[^ -~]+", run, text.replace("&", "&-"))


def from_utf7(text):
    def run(match):
        if not match[1]:
            return "&"
        digits = match[1].replace(",", "/")
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True).decode("utf-16-be")
    plain = re.sub(r"&([A-Za-z0-9+,]*)-", run, text)
    if re.search(r"[^ -~]", text) or re.search(r"&(?![A-Za-z0-9+,]*-)", text):
        raise ValueError(text)
    return plain


def spell(part):
    text = part.decode()
    try:
        if to_utf7(from_utf7(text)) == text:
            return text
    except ValueError:
        pass
    if "&" in text or re.search("[\0-\x1f\x7f-\x9f]", text):
        raise ValueError(text)
    return to_utf7(text)


def folder(name, delimiter, taken=()):
    try:
        parts = name.split(delimiter) if delimiter else [name]
        if parts[0].upper() == b"INBOX":
            parts[0] = b"INBOX"
            if len(parts) == 1:
                return ""
        result = ""
        for part in parts:
            if not part or b"/" in part:
                raise ValueError(part)
            text = spell(part).replace("\\", "\\5c").replace(".", "\\2e")
            result += "." + ("\\7e" + text[1:] if text.startswith("~") else text)
        if len(result) > 200 or result.startswith(".mv-") or result.lower() in taken:
            raise ValueError(result)
        return result
    except ValueError:
        return ".mv-" + hash128(name)


# --- Files of messages ----------------------------------------------------------------

def zstd(content, *options):
    return subprocess.run(["zstd", "-q", "-3", "--check", "-c", *options], input=content,
                          stdout=subprocess.PIPE, check=True).stdout


def sized(content):
    return zstd(content, f"--stream-size={len(content)}")


def two_frames(content):
    skippable = struct.pack("<II", 0x184D2A50, 5) + b"extra"
    return sized(content[:20]) + sized(content[20:]) + skippable


def zipped(content):
    return gzip.compress(content, mtime=0)


# --- The ledger -----------------------------------------------------------------------

VAULT_ID = "00112233445566778899aabbccddeeff"


def escaped(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return "".join(chr(b) if 0x20 <= b <= 0x7E and b not in b'%"\\' else f"%{b:02x}" for b in raw)


class Ledger:
    def __init__(self):
        self.files, self.seq, self.c, self.month = {}, 0, None, None

    def append(self, time, *events):
        if time[:7] != self.month:
            prev, self.month, self.c = self.c, time[:7], "0" * 16
            self.files[self.month] = b""
            self.line(time, "open", dict(vault=VAULT_ID, month=self.month, prev=prev))
        for event, fields in events:
            self.line(time, event, fields)

    def line(self, time, event, fields):
        self.seq += 1
        text = '{"v":1,"seq":%d,"t":"%s","ev":"%s"' % (self.seq, time, event)
        for key, value in fields.items():
            if value is None:
                shown = "null"
            elif isinstance(value, int):
                shown = str(value)
            else:
                shown = '"' + escaped(value) + '"'
            text += f',"{key}":{shown}'
        self.c = blake3(self.c.encode() + text.encode(), 16)
        self.files[self.month] += f'{text},"c":"{self.c}"}}\n'.encode()


ANN = "ann@pop.example.org:995"
BOB = "bob@imap.example.net:993"


def pop3(uidl):
    return dict(account="ann", proto="pop3", server=ANN, uidl=uidl)


def imap(directory, uid, uidvalidity=1600000000):
    return dict(account="bob", proto="imap", server=BOB, dir=directory, uidvalidity=uidvalidity, uid=uid)


class Vault:
    def __init__(self, path):
        self.path, self.stored = path, {}

    def write(self, name, content):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "xb") as file:
            file.write(content)

    def store(self, message, account="ann", directory="", flags="", form=sized):
        packed = form(message)
        parts = [part for part in ("mail", account, directory, "cur") if part]
        self.write("/".join([*parts, base_name(message) + ":2," + flags]), packed)
        self.stored[hash128(message)] = len(packed)

    def seen(self, identity, message, got=None, octets=None, idate=None, flags="", kw="", stored=None):
        """`message` is the stored one, `got` the one that came if it was another."""
        came = message if got is None else got
        octets = wire(came) if octets is None else octets
        size = stored if stored is not None else self.stored[hash128(message)]
        return "seen", dict(
            identity, octets=octets, hash=hash128(message),
            got=None if got is None else hash128(got), header=header_hash(came),
            mid=message_id(came), idate=idate, flags=flags, kw=kw, received=received(message),
            size=len(message), wire=None if wire(message) == len(message) else wire(message),
            stored=size)


# --- The messages, which tests/integration/frozen.rs has too ---------------------------

LETTER = (b"Received: from mx.example.net (mx (a; b)) by pop.example.org; Tue, 6 Oct 2026 08:15:00 +0200\r\n"
          b"From: Carol <carol@example.net>\r\nTo: ann@example.org\r\nSubject: The garden\r\n"
          b"Date: Tue, 6 Oct 2026 08:14:58 +0200\r\nMessage-ID: <garden.1@example.net>\r\n\r\n"
          b"The beans are up.\r\n.\r\n..\r\nCarol\r\n")
AGAIN = (b"Received: from list.example.com by pop.example.org; Wed, 7 Oct 2026 09:00:00 GMT\r\n"
         b"Delivered-To: ann@example.org\r\nX-Spam-Score: 0.1\r\n" + LETTER.partition(b"\r\n")[2] + b"\r\n")
BARE_LF = b"From: dave@example.com\nSubject: bare LF\nDate: 1 Jan 99 00:00 EST\nMessage-ID: <lf@example.com>\n\none\ntwo\r\nthree"
NUL = b"From: erin@example.com\r\nSubject: NUL\r\nDate: 7 Oct 2026 10:00:00 Z\r\nMessage-ID: <nul@example.com>\r\n\r\na\0b\0\0\r\nbare \r CR\r\n"
EIGHT = b"From: Andr\xe9 <andre@example.org>\r\nSubject: caf\xe9 \xff\r\nMessage-ID: <\xe9@example.org>\r\nDate: 8 Oct 2026 10:00 -0330\r\n\r\n\x80\xfe\r\n"
EMPTY = b""
HEADER = b"From: frank@example.org\r\nSubject: only\r\n\ta header\r\nDate: 9 Oct 2026 10:00:00 +0000\r\nStatus: RO\r\nMessage-ID: <header@example.org>\r\n"
LONG = (b"From: grace@example.org\r\nSubject: long\r\nDate: 10 Oct 2026 10:00:00 +0000\r\nMessage-ID: <long@example.org>\r\n\r\n"
        + b"".join(b"line %d of a long message\r\n" % n for n in range(6000)))
GZIP = b"From: heidi@example.org\r\nSubject: gzip\r\nDate: 11 Oct 2026 10:00:00 +0000\r\nMessage-ID: <gzip@example.org>\r\n\r\nin another form\r\n"
PLAIN = b"From: ivan@example.org\r\nSubject: plain\r\nDate: 12 Oct 2026 10:00:00 +0000\r\nMessage-ID: <plain@example.org>\r\n\r\nas it is\r\n"
FRAMES = b"From: judy@example.org\r\nSubject: frames\r\nDate: 13 Oct 2026 10:00:00 +0000\r\nMessage-ID: <frames@example.org>\r\n\r\ntwo and a skippable one\r\n"
NO_ID = b"From: mallory@example.org\r\nSubject: no id\r\nReceived: by mx.example.org; yesterday\r\n\r\nno date either\r\n"
FLAGGED = b"From: niaj@example.net\r\nSubject: flagged\r\nDate: 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <flagged@example.net>\r\n\r\nin two folders\r\n"
LOST = b"From: olivia@example.net\r\nSubject: lost and found\r\nDate: 3 Nov 2026 10:00:00 +0000\r\nMessage-ID: <lost@example.net>\r\n\r\nhere again\r\n"
GONE = b"From: peggy@example.net\r\nSubject: gone\r\nDate: 4 Nov 2026 10:00:00 +0000\r\nMessage-ID: <gone@example.net>\r\n\r\nremoved on purpose\r\n"
ADOPTED = b"From: rupert@example.net\r\nSubject: adopted\r\nDate: 5 Nov 2026 10:00:00 +0000\r\nMessage-ID: <adopted@example.net>\r\n\r\nput there by hand\r\n"

README = b"""A mail archive of format 1. FILE below mail/ is one message:
zstd -dc FILE                            the message
zstd -dc FILE | b3sum | cut -c1-32       the hash in its name
"""


def write_vault(path):
    vault, ledger = Vault(path), Ledger()
    vault.write("vault.toml", (
        f'format = 1\nid = "{VAULT_ID}"\ncreated = "2026-10-14T06:00:00Z"\nhash = "blake3-128"\n'
        'info_sep = ":"\nencryption = "none"\nfeatures_required = []\n').encode())
    vault.write("README.txt", README)
    vault.write("lock", b"")
    seen = vault.seen
    for message in (LETTER, BARE_LF, NUL, EIGHT, EMPTY, HEADER, NO_ID):
        vault.store(message)
    vault.store(LONG, form=zstd)
    vault.store(GZIP, form=zipped)
    vault.store(PLAIN, form=bytes)
    vault.store(FRAMES, form=two_frames)
    # Learned facts and the first session. UIDLs may hold what they like.
    ledger.append("2026-10-14T06:00:01.000Z", ("learned", dict(account="ann", key="pipelining", value="no")))
    ledger.append(
        "2026-10-14T06:00:02.250Z",
        seen(pop3("0001"), LETTER), seen(pop3('a"b%c\\d'), BARE_LF, octets=len(BARE_LF)),
        seen(pop3("0003"), NUL), seen(pop3("0004"), EIGHT), seen(pop3(None), EMPTY),
        seen(pop3("../0006"), HEADER), seen(pop3("0007"), LONG), seen(pop3("0008"), GZIP))
    ledger.append(
        "2026-10-14T06:00:02.251Z",
        seen(pop3("0009"), PLAIN), seen(pop3("0010"), FRAMES), seen(pop3("0011"), NO_ID),
        seen(pop3("0012"), LETTER, got=AGAIN),
        ("refused", dict(pop3("0013"), octets=4096, reply=b"-ERR \x1b[31m no such \xe9 message", tries=2)))
    ledger.append("2026-10-14T06:00:03.000Z", ("session", dict(
        account="ann", proto="pop3", complete=1, listed=13, new=11, duplicates=1, refused=1,
        octets=170000, result=3)))
    # A deletion on the server, and one that it did not do.
    ledger.append("2026-10-20T18:00:00.000Z",
                  ("purge-intent", dict(pop3("0008"), hash=hash128(GZIP))),
                  ("purge-intent", dict(pop3("0009"), hash=hash128(PLAIN))))
    ledger.append("2026-10-20T18:00:05.000Z",
                  ("purged", dict(pop3("0008"), hash=hash128(GZIP))),
                  ("purge-kept", dict(pop3("0009"), hash=hash128(PLAIN))))
    ledger.append("2026-10-31T23:59:59.999Z", ("verified", dict(scope="all", damage=0)))
    # The next month: an IMAP account, with folders.
    subfolder = folder("Übung/a.b".encode(), b"/")
    for directory in ("", subfolder):
        vault.store(FLAGGED, "bob", directory, "FS")
    vault.write(f"mail/bob/{subfolder}/maildirfolder", b"")
    vault.store(LOST, "bob")
    vault.store(ADOPTED, "bob")
    both = dict(flags="FS", kw="$Label1 work")
    ledger.append(
        "2026-11-06T07:00:00.000Z",
        ("folder", dict(account="bob", dir="", name="INBOX", delim="/", uidvalidity=1600000000)),
        ("folder", dict(account="bob", dir=subfolder, name="Übung/a.b", delim="/", uidvalidity=1600000007)),
        seen(imap("", 1), FLAGGED, idate=1793613700),
        seen(imap(subfolder, 1, 1600000007), FLAGGED, idate=1793613701, **both),
        seen(imap("", 2), LOST, idate=1793700000), seen(imap("", 3), GONE, idate=1793786400, stored=123))
    ledger.append("2026-11-06T07:00:00.001Z", ("session", dict(
        account="bob", proto="imap", complete=1, listed=4, new=3, duplicates=0, refused=0,
        octets=900, result=0)))
    ledger.append("2026-11-07T07:00:00.000Z",
                  ("flags", dict(imap("", 1), **both)), ("vanished", dict(imap("", 2), flags="", kw="")),
                  ("reappeared", dict(imap("", 2), flags="S", kw="")))
    ledger.append("2026-11-08T07:00:00.000Z", ("verified", dict(scope="bob", damage=1)), ("lost", dict(hash=hash128(LOST))))
    ledger.append("2026-11-08T07:10:00.000Z", seen(imap("", 2), LOST, idate=1793700000),
                  ("forgotten", dict(hash=hash128(GONE), reason="asked for")),
                  ("adopted", dict(account="bob", file="mail/bob/cur/" + base_name(ADOPTED), hash=hash128(ADOPTED))),
                  ("uploaded", dict(destination="new@imap.example.com:993", folder="INBOX", hash=hash128(LETTER), uid=None)))
    ledger.append("2026-11-09T07:00:00.000Z", ("verified", dict(scope="all", damage=0)))
    for month, lines in ledger.files.items():
        vault.write(f"ledger/{month}.jsonl", lines)


# --- Vectors --------------------------------------------------------------------------

def write_vectors(path):
    lines = ["# What docs/FORMAT.md derives: kind, result, input; bytes as %xx.",
             "# message: hash header likeness received size wire mid (- for none)"]

    def shown(data):
        return "".join(chr(b) if 0x21 <= b <= 0x7E and b != 0x25 else f"%{b:02x}" for b in data) or "%"

    body = b"Message-ID: <1@example.org>\r\nSubject: s\r\n\r\nbody\r\n"
    messages = [
        LETTER, AGAIN, BARE_LF, NUL, EIGHT, EMPTY, HEADER, GZIP, NO_ID, FLAGGED, body,
        b"\r\n", b"\n", b"\r", b"\n\n\n", b"a", b" continued: first\r\n\r\nx", b"x" * 1025, b"x" * 3000,
        body.replace(b"\r\n", b"\n"), body[:-2], body + b"\r\n\n\r\n", body.replace(b"body", b"bo\rdy"), body + b"\r",
        b"Status: RO\r\n more\r\nX-UID: 1\r\n" + body, b"status : RO\r\n" + body, b"From ann Mon\r\n" + body,
        b"X-Spam-A: 1\r\nARC-Seal: 2\r\nX-MS-Exchange-x: 3\r\nX-Mozilla-Keys:\r\n" + body,
        b"X-Spam: 1\r\n" + body, b"B: 2\r\nA: 2\r\na: 1\r\n" + body, b"no field\r\n continued\r\n" + body,
        b"A\xe9: 1\r\n" + body, b"A b: 1\r\n" + body, b": 1\r\n" + body, b"A\t :\t 1 \t\r\n  2 \r\n" + body,
        b"Message-ID: <2@example.org>\r\n" + body, b"Message-ID:\r\n\r\n", b"Message-ID: \t \r\n\r\n",
        b"MESSAGE-id:<3@example.org>\r\n \r\n\tx\r\n\r\n", b"Message-ID: " + b"m" * 998 + b"\n\n",
        b"Message-ID: " + b"m" * 999 + b"\n\n", b"Message-ID: <4@example.org>\r", b"Subject: a\r\r\n\r\nb",
        b"Subject: a\r\n\r\r\n\r\nb"]
    dates = [
        b"5 Mar 2024 10:20:30 +0100", b"Tue, 5 Mar 2024 10:20", b"Tue 5 mar 24 1:20:60 pdt", b"tue ,5 Mar 124 10:20 XYZ",
        b"5 Mar 2024 10:20 -0330", b"5 Mar 2024 10:20 +0160", b"29 Feb 2100 10:20", b"29 Feb 2000 00:00 Z",
        b"1 Jan 1970 00:00:00 GMT", b"1 Jan 1970 00:59 +0100", b"31 Dec 2105 23:59:60 Z", b"1 Jan 2106 00:00",
        b"7 Feb 2106 06:28:15", b"31 Dec 2105 23:59:59 -9959", b"5 Mar (a(b\\)c)d)2024 10:20(CET)", b"5 Mar 2024 10:20 (open", b"5 Mar 2024 10:20)",
        b"5 Mar 2024 24:00", b"5 Mar 2024 10:20:61", b"5 March 2024 10:20", b"5  Mar\t2024 10:20 est", b"Tue5 Mar 2024 10:20",
        b"5 Mar 069 10:20", b"31 Dec 1969 23:59:59 -0100", b"5 Mar 49 10:20", b"5 Mar 50 10:20", b"5 Mar 70 10:20"]
    for date in dates:
        messages += [b"Date: " + date + b"\r\n\r\n", b"Received: by a; " + date + b"\r\nDate: 1 Jan 2001 00:00\r\n\r\n"]
    messages += [
        b"Received: a; b (; c);5 Mar 2024 10:20 (; d)\r\n\r\n", b"Received: 5 Mar 2024 10:20\r\nDate: 6 Mar 2024 10:20\r\n\r\n",
        b"Received: x\r\nReceived: y; 5 Mar 2024 10:20\r\nDate: z\r\n\r\n", b"Date: z\r\nDate: 5 Mar 2024 10:20\r\n\r\n",
        b"Received: by a;\r\n\t5 Mar 2024\r\n 10:20\r\n\r\n", b"Received: by a; 5 Mar 2024 10:20"]
    for message in messages:
        mid = message_id(message)
        lines.append(" ".join(["message", hash128(message), header_hash(message), likeness(message) or "-", str(received(message)),
                               str(len(message)), str(wire(message)), "-" if mid is None else shown(mid), shown(message)]))
    lines.append("# folder: directory delimiter (- for none) name")
    for name, delimiter in [
            ("INBOX", "/"), ("inBox", "."), ("inbox/Sub", "/"), ("a/INBOX", "/"), ("Sent Mail", "/"), ("Entw&APw-rfe", "/"),
            ("Entwürfe", "/"), ("R&-D", "/"), ("R&D", "/"), ("台北/日本語", "/"), ("😀", "/"), ("a.b", "/"), ("a\\b", "/"), ("a\\b", "\\"),
            ("~a/~b~", "/"), ("..", "/"), ("mv-x", "/"), ("mv", "/"), ("a//b", "/"), ("/a", "/"), ("a/", "/"), ("", "/"), ("a/b", "."),
            ("a/b", None), ("a.b", None), ("&AGE-", "/"), ("&APw-&APw-", "/"), ("&2D0-", "/"), ("&APx-", "/"), ("&", "/"), ("a\u0085b", "/"),
            ("a\nb", "/"), ("a" * 199, "/"), ("a" * 200, "/"), ("ü&-", "/"), ("INBOX.Trash", "."), ("[Mail]/All", "/"), (".hidden", "/")]:
        dash = delimiter.encode() if delimiter else None
        lines.append(f"folder {shown(folder(name.encode(), dash).encode())} {delimiter or '-'} {shown(name.encode())}")
    lines.append(f"folder {folder(bytes([97, 255]), b'/')} / a%ff")
    with open(path, "x", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    os.umask(0o077)
    write_vault(os.path.join(sys.argv[1], "vault-v1"))
    write_vectors(os.path.join(sys.argv[1], "vault-v1.vectors"))
