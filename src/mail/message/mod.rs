//! What is known of a mail from its bytes alone, computed in one streaming pass: its identity, its
//! header hash, its likeness, and the few header values that the catalog shows (docs/FORMAT.md,
//! "A message file" and "Ledger").
//!
//! Only the header is kept, in one buffer that is reused from message to message; the body goes
//! from the caller's slices into the hashes.

mod date;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod header;
mod likeness;
mod lines;
#[cfg(any(test, feature = "fuzzing"))]
mod naive;
mod shape;
mod spool;
mod trace;

use std::{fmt, io};

use header::ParsedHeader;
use likeness::Likeness;
use lines::{HeaderHash, Lines, Piece};
use shape::FirstLine;
pub(crate) use shape::Shape;

/// A header that has not ended after so many bytes is not looked into: a bound of memory.
pub(crate) const HEADER_LIMIT: u64 = 4 << 20;
/// How much of a From, To, Subject or Date value is kept.
const ENVELOPE_LIMIT: usize = 512;
/// Longest Message-ID that counts as one: a line of RFC 5322.
const MID_LIMIT: usize = 998;

/// The first 128 bits of a BLAKE3 hash; displayed as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash128(pub [u8; 16]);

impl Hash128 {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::cut(blake3::hash(bytes))
    }

    /// Reads exactly 32 lower-case hex digits.
    #[must_use]
    pub(crate) fn parse(hex: &str) -> Option<Self> {
        let hex: &[u8; 32] = hex.as_bytes().try_into().ok()?;
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// The first 64 bits.
    #[must_use]
    pub(crate) fn head(self) -> u64 {
        let mut head = [0; 8];
        head.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(head)
    }

    /// The first half of a hash.
    #[must_use]
    pub(crate) fn cut(hash: blake3::Hash) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_bytes()[..16]);
        Self(bytes)
    }
}

fn digit(hex: u8) -> Option<u8> {
    match hex {
        b'0'..=b'9' => Some(hex - b'0'),
        b'a'..=b'f' => Some(hex - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (two, byte) in text.chunks_exact_mut(2).zip(self.0) {
            two[0] = DIGITS[usize::from(byte >> 4)];
            two[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Hash128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Everything derived from the bytes of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Hash of the exact bytes: the message's identity.
    pub hash: Hash128,
    /// Hash of the header without the status fields that some servers rewrite; equals
    /// [`header_hash`] of the reply to `TOP n 0`.
    pub header: Hash128,
    /// What two deliveries of one mail have in common; `None` if no empty line ended the
    /// header within `HEADER_LIMIT`.
    pub likeness: Option<Hash128>,
    /// The only Message-ID, if there is exactly one of sensible length.
    pub mid: Option<Vec<u8>>,
    /// When it arrived, in Unix seconds: the first Received field, else the Date; 0 if unusable.
    pub received: u32,
    /// The first Date field in Unix seconds; 0 if unusable.
    pub(crate) date: u32,
    /// Number of bytes.
    pub size: u64,
    /// Number of bytes with every bare LF counted as CRLF.
    pub wire: u64,
    /// What the sizes follow from that servers list.
    pub(crate) shape: Shape,
    /// What a list of messages shows.
    pub(crate) envelope: Envelope,
}

/// The raw, unfolded values of four header fields, the first of each name, cut at 512 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// The From field.
    pub(crate) from: Vec<u8>,
    /// The To field.
    pub(crate) to: Vec<u8>,
    /// The Subject field.
    pub(crate) subject: Vec<u8>,
    /// The Date field.
    pub(crate) date: Vec<u8>,
}

/// What the header's fields say.
#[derive(Default)]
struct Facts {
    mid: Option<Vec<u8>>,
    received: u32,
    date: u32,
    envelope: Envelope,
}

/// Where in the message the scanner is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ParsePart {
    Header,
    /// Too large a header: only its hash goes on.
    LongHeader,
    Body,
    /// The body after a header that was too large.
    UnlikeBody,
}

/// Computes the [`Digest`] of one message after another, each fed in pieces of any size.
pub struct Scanner {
    exact: blake3::Hasher,
    size: u64,
    /// The last two bytes.
    tail: [u8; 2],
    first: FirstLine,
    lines: Lines,
    part: ParsePart,
    header_limit: u64,
    header_hash: HeaderHash,
    header: ParsedHeader,
    likeness: Likeness,
    facts: Facts,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner at the start of a message.
    #[must_use]
    pub fn new() -> Self {
        Self {
            exact: blake3::Hasher::new(),
            size: 0,
            tail: [0; 2],
            first: FirstLine::default(),
            lines: Lines::default(),
            part: ParsePart::Header,
            header_limit: HEADER_LIMIT,
            header_hash: HeaderHash::new(),
            header: ParsedHeader::default(),
            likeness: Likeness::new(),
            facts: Facts::default(),
        }
    }

    /// Takes the next bytes of the message. Where it is cut does not matter to the result.
    pub fn update(&mut self, bytes: &[u8]) {
        self.exact.update(bytes);
        let mut rest = bytes;
        while let Some(piece) = self.lines.cut(&mut rest) {
            self.piece(piece, self.size + (bytes.len() - rest.len()) as u64);
        }
        self.size += bytes.len() as u64;
        self.tail = match bytes {
            [] => self.tail,
            [last] => [self.tail[1], *last],
            [.., before, last] => [*before, *last],
        };
    }

    /// Takes in a message to its end, and ends it also where it cannot be read.
    pub(crate) fn read(&mut self, message: &mut dyn io::Read) -> io::Result<Digest> {
        let mut buffer = vec![0; 64 << 10];
        let read = loop {
            match message.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(n) => self.update(&buffer[..n]),
                Err(error) => break Err(error),
            }
        };
        let digest = self.finish();
        read.map(|()| digest)
    }

    /// Ends the message. The scanner is then at the start of the next one.
    pub fn finish(&mut self) -> Digest {
        if let Some(piece) = self.lines.last() {
            self.piece(piece, self.size);
        }
        let ended = self.part == ParsePart::Body;
        if self.part == ParsePart::Header {
            self.end_header();
        }
        let likeness = self.likeness.finish();
        let (header, status) = self.header_hash.finish();
        let facts = std::mem::take(&mut self.facts);
        let digest = Digest {
            hash: Hash128::cut(self.exact.finalize()),
            header,
            likeness: ended.then_some(likeness),
            mid: facts.mid,
            received: facts.received,
            date: facts.date,
            size: self.size,
            wire: self.size + self.lines.bare(),
            shape: Shape {
                size: self.size,
                crlf: self.lines.crlf(),
                bare: self.lines.bare(),
                status,
                ended: self.tail == *b"\r\n",
                status_line: self.first.status_line(),
            },
            envelope: facts.envelope,
        };
        self.exact.reset();
        self.size = 0;
        self.tail = [0; 2];
        self.first = FirstLine::default();
        self.lines = Lines::default();
        self.part = ParsePart::Header;
        self.header.clear();
        digest
    }

    /// Takes the next piece, which lies within the first `seen` bytes of the message.
    #[inline]
    fn piece(&mut self, piece: Piece<'_>, seen: u64) {
        match self.part {
            ParsePart::Body => self.likeness.body(piece),
            ParsePart::UnlikeBody => {}
            ParsePart::Header | ParsePart::LongHeader => self.header_piece(piece, seen),
        }
    }

    fn header_piece(&mut self, piece: Piece<'_>, seen: u64) {
        self.first.take(piece);
        let ends = self.header_hash.piece(piece);
        if self.part == ParsePart::Header && seen > self.header_limit {
            self.part = ParsePart::LongHeader;
            self.header.clear();
        }
        match (self.part, ends) {
            (ParsePart::Header, true) => self.end_header(),
            (ParsePart::Header, false) => self.header.piece(piece),
            (_, true) => self.part = ParsePart::UnlikeBody,
            (_, false) => {}
        }
    }

    fn end_header(&mut self) {
        self.facts = self.header.read(&mut self.likeness);
        self.part = ParsePart::Body;
    }
}

/// The header hash of a header that came alone, as the reply to `TOP n 0`; what follows its first
/// empty line is ignored.
#[must_use]
pub fn header_hash(header: &[u8]) -> Hash128 {
    let mut hash = HeaderHash::new();
    let mut lines = Lines::default();
    let mut rest = header;
    while let Some(piece) = lines.cut(&mut rest) {
        if hash.piece(piece) {
            return hash.finish().0;
        }
    }
    if let Some(piece) = lines.last() {
        hash.piece(piece);
    }
    hash.finish().0
}

/// The size of a header's status fields, which servers rewrite, and the lines that they take:
/// octets with each line ended CRLF.
#[must_use]
pub(crate) fn status_octets(header: &[u8]) -> (u64, u64) {
    let (mut octets, mut count) = (0, 0);
    let mut dropping = false;
    for line in header.split_inclusive(|&b| b == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        match text.first() {
            None => break,
            Some(b' ' | b'\t') => {}
            Some(_) => dropping = lines::is_status_field(text),
        }
        if dropping {
            octets += text.len() as u64 + 2;
            count += 1;
        }
    }
    (octets, count)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::fuzzing::{
        assert_any_cut, assert_as_the_page_says, assert_survives_top, scan, scan_cut,
    };
    use super::*;
    use proptest::prelude::*;

    /// The text behind a likeness, spelled out.
    fn like(text: &str) -> Hash128 {
        Hash128::of(format!("mailvault likeness 3\n{text}").as_bytes())
    }

    const MAIL: &[u8] = b"Received: from a.example.net (x; y) by b.example.net;\r\n\
        \tTue, 5 Mar 2024 10:20:30 +0100 (CET)\r\n\
        Received: old; 1 Jan 2000 00:00:00 +0000\r\n\
        Subject: Hello\r\n  world \t\r\n\
        From: ann@example.org\r\n\
        TO : bob@example.com\r\n\
        Date: Tue, 05 Mar 2024 09:20:00 GMT\r\n\
        Message-ID: <1@example.org>\r\n\
        Status: RO\r\n  more\r\n\
        X-Spam-Level: ***\r\n\
        \r\n\
        one\r\ntwo\nthree\r\n\r\n";

    #[test]
    fn every_value_of_a_common_mail_is_as_worked_out_by_hand() {
        let digest = scan(MAIL);
        assert_eq!(digest.hash, Hash128::of(MAIL));
        assert_eq!(digest.size, MAIL.len() as u64);
        assert_eq!(digest.wire, MAIL.len() as u64 + 1);
        assert_eq!(digest.received, 1_709_630_430);
        assert_eq!(digest.date, 1_709_630_400);
        assert_eq!(digest.mid.as_deref(), Some(&b"<1@example.org>"[..]));
        assert_eq!(
            digest.envelope,
            Envelope {
                from: b"ann@example.org".to_vec(),
                to: b"bob@example.com".to_vec(),
                subject: b"Hello  world".to_vec(),
                date: b"Tue, 05 Mar 2024 09:20:00 GMT".to_vec(),
            }
        );
        let text = "date:Tue, 05 Mar 2024 09:20:00 GMT\nfrom:ann@example.org\n\
            message-id:<1@example.org>\nsubject:Hello  world\nto:bob@example.com\n\n\
            one\ntwo\nthree\n";
        assert_eq!(digest.likeness, Some(like(text)));
        let header = String::from_utf8(MAIL.to_vec()).unwrap();
        let header = header.replace("Status: RO\r\n  more\r\n", "");
        let header = &header[..header.find("one").unwrap()];
        assert_eq!(digest.header, Hash128::of(header.as_bytes()));
        assert_as_the_page_says(MAIL, &digest, HEADER_LIMIT);
    }

    #[test]
    fn a_hash_reads_back_what_it_shows_and_nothing_else() {
        let hash = Hash128::of(b"");
        assert_eq!(hash.to_string(), "af1349b9f5f9a1a6a0404dea36dcc949");
        assert_eq!(
            Hash128::parse("af1349b9f5f9a1a6a0404dea36dcc949"),
            Some(hash)
        );
        for wrong in [
            "",
            "af1349b9f5f9a1a6a0404dea36dcc94",
            "af1349b9f5f9a1a6a0404dea36dcc9490",
            "AF1349b9f5f9a1a6a0404dea36dcc949",
            "+f1349b9f5f9a1a6a0404dea36dcc949",
            "\u{e4}1349b9f5f9a1a6a0404dea36dcc949",
        ] {
            assert_eq!(Hash128::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn fields_are_sorted_by_name_and_then_by_value() {
        let message = b"a-b: 1\na: 2\nA: 10\nab: 0\na: 1\x00\na: 1\n\n";
        let text = "a:1\na:1\0\na:10\na:2\na-b:1\nab:0\n\n\n";
        assert_eq!(scan(message).likeness, Some(like(text)));
    }

    #[test]
    fn likeness_ignores_trace_line_ends_and_the_number_of_final_ones() {
        let wanted = scan(b"From: a\nTo: b\n\nx\n\ny").likeness;
        for same in [
            &b"From: a\r\nTo: b\r\n\r\nx\r\n\r\ny\r\n"[..],
            b"to:b\nX-Spam-: 1\nArc-Seal: 2\nFROM : a\n\nx\n\ny\r\n\n\r\n",
            b"From: a\nLines: 3\n 4\nTo:\n b\n\nx\n\ny",
        ] {
            assert_eq!(scan(same).likeness, wanted);
        }
        for other in [
            &b"From: a\nTo: b\n\nx\n\ny\r"[..],
            b"From garbage Mon\nFrom: a\nTo: b\n\nx\n\ny",
            b"From: a\nTo: b\n\nx\n\n y",
            b"From: a\nTo: b\n\nx\r\r\n\ny",
            b"From: a\nTo: b\nX-Spam: 1\n\nx\n\ny",
            b"From: a\nFrom: a\nTo: b\n\nx\n\ny",
        ] {
            assert_ne!(scan(other).likeness, wanted);
        }
    }

    #[test]
    fn odd_messages_have_the_likeness_that_the_page_gives() {
        for (message, text) in [
            (&b"\n"[..], "\n\n"),
            (b"\r\n", "\n\n"),
            (b"\r\n\r\n", "\n\n"),
            (b"\r\nbody: 1\r\n", "\nbody: 1\n"),
            (b"a: 1\n\n", "a:1\n\n\n"),
            (b"a: 1\n 2\n\n", "a:1 2\n\n\n"),
            (b"a: 1\r\r\n\r\r\n\r\nb", "a:1\r\n\r\n\nb\n"),
            (b"a:\n \n\t\n\nb", "a:\n\nb\n"),
            (b" a: 1\nb: 2\n\nc", "b:2\n a: 1\n\nc\n"),
            (b": 1\n : 1\nb c: 1\nd\n\ne", ": 1\n : 1\nb c: 1\nd\n\ne\n"),
            (
                b"a: 1\nnone\n 2\nb: 3\n 4\n\n",
                "a:1\nb:3 4\nnone\n 2\n\n\n",
            ),
            (b"a\t : 1\n\n", "a:1\n\n\n"),
            (b"a::1\n\n", "a::1\n\n\n"),
            (b"a: \0\n\n\0\n", "a:\0\n\n\0\n"),
            (b"a: 1\n\nb\rc\r\r\nd\r", "a:1\n\nb\rc\r\nd\r\n"),
            (b"a: 1\n\n\n\n\nb\n\r\n", "a:1\n\n\n\n\nb\n"),
        ] {
            let digest = scan(message);
            assert_eq!(
                digest.likeness,
                Some(like(text)),
                "{}",
                message.escape_ascii()
            );
            assert_as_the_page_says(message, &digest, HEADER_LIMIT);
        }
    }

    #[test]
    fn the_header_hash_leaves_out_status_fields_with_their_continuations() {
        let wanted = Hash128::of(b"A: 1\r\n 2\r\nStatus\r\nX-UIDLs: 1\r\n 3\r\n\r\n");
        for same in [
            "A: 1\n 2\nStatus\nX-UIDLs: 1\n 3\n\nbody",
            "A: 1\r\n 2\r\nStatus\r\nX-UIDLs: 1\r\n 3\r\n\r\n",
            "A: 1\r\n 2\r\nStatus\r\nX-UIDLs: 1\r\n 3\r\n",
            "A: 1\n 2\nStatus\nX-UIDLs: 1\n 3",
            "STATUS: O\n a\n\tb\nA: 1\n 2\nStatus\nx-uidl: 7\nX-UIDLs: 1\n 3\nX-Keywords \t : k\n\n",
            "A: 1\n 2\nX-Status:\nX-UID:1\nX-IMAPbase: 1 2\nStatus\nX-UIDLs: 1\n 3\n\nStatus: 1",
        ] {
            assert_eq!(scan(same.as_bytes()).header, wanted, "{same:?}");
            assert_eq!(header_hash(same.as_bytes()), wanted, "{same:?}");
        }
        for other in [
            "A: 1\n 2\n 4\nStatus\nX-UIDLs: 1\n 3\n\n",
            "A: 1\n 2\nStatus \nX-UIDLs: 1\n 3\n\n",
            "A: 1\n 2\nStatus\nX-UIDLs: 1\n 3\r",
        ] {
            assert_ne!(scan(other.as_bytes()).header, wanted, "{other:?}");
        }
        assert_eq!(header_hash(b""), Hash128::of(b"\r\n"));
        assert_eq!(
            header_hash(b" Status: 1\nStatus \t x:"),
            Hash128::of(b" Status: 1\r\nStatus \t x:\r\n\r\n")
        );
    }

    #[test]
    fn only_a_single_message_id_of_sensible_length_is_a_key() {
        let long = |n| format!("Message-ID: {}\n\n", "i".repeat(n));
        let length = |message: &str| scan(message.as_bytes()).mid.map(|mid| mid.len());
        assert_eq!(length(&long(1)), Some(1));
        assert_eq!(length(&long(998)), Some(998));
        assert_eq!(length(&long(999)), None);
        assert_eq!(length("Message-ID: \n\n"), None);
        assert_eq!(length("message-id: <a>\nMessage-Id: <a>\n\n"), None);
        assert_eq!(length("message-id: <a>\nMessage-Id:\n\n"), None);
        assert_eq!(length("Message-ID:\n <a>\n <b>\n\n"), Some(7));
        assert_eq!(length("A: b\n\nMessage-ID: <a>\n"), None);
    }

    #[test]
    fn received_is_the_first_received_field_else_the_date_else_nothing() {
        let moments = |message: &str| {
            let digest = scan(message.as_bytes());
            (digest.received, digest.date)
        };
        let second = "Received: x; 2 Jan 1970 00:00 Z\n";
        let date = "Date: 1 Jan 1970 00:01 Z\n";
        let all = |first: &str| moments(&[first, second, date, "\n"].concat());
        assert_eq!(all("Received: x; 1 Jan 1970 01:00 Z\n"), (3600, 60));
        assert_eq!(all("Received: x, 1 Jan 1970 01:00 Z\n"), (60, 60));
        assert_eq!(all("Received: 1 Jan 1970 01:00 Z\n"), (60, 60));
        assert_eq!(all("Received:\n"), (60, 60));
        assert_eq!(all("Received: ; 1 Jan 1970 00:00 Z\n"), (0, 60));
        assert_eq!(moments(date), (60, 60));
        assert_eq!(moments(&["Date: ?\n", date].concat()), (0, 0));
        assert_eq!(moments("Subject: 1 Jan 1970 00:01 Z\n\n"), (0, 0));
    }

    #[test]
    fn an_envelope_value_is_the_first_one_and_has_at_most_512_bytes() {
        let subject = "s".repeat(600);
        let message = format!("To: \nTo: b\nSubject: {subject}\nFrom: \u{e4}\r\n\tz\n\n");
        let envelope = scan(message.as_bytes()).envelope;
        assert_eq!(envelope.to, b"");
        assert_eq!(envelope.subject, subject.as_bytes()[..512]);
        assert_eq!(envelope.from, "\u{e4}\tz".as_bytes());
    }

    #[test]
    fn a_header_beyond_the_limit_is_hashed_but_not_looked_into() {
        let header = b"Date: 1 Jan 2001 00:00 Z\r\nStatus: 1\r\nMessage-ID: <1>\r\n\r\n";
        let message = [&header[..], b"body\n"].concat();
        let size = header.len() as u64;
        for limit in 0..=size + 1 {
            let digest = scan_cut(&message, &[5], limit);
            assert_eq!(digest.likeness.is_some(), limit >= size);
            assert_eq!(digest.mid.is_some(), limit >= size);
            assert_as_the_page_says(&message, &digest, limit);
        }
    }

    #[test]
    fn one_message_leaves_no_trace_in_the_next() {
        for message in [&b" a\nB: c\n\nd\n"[..], b"\nd", b"", b"B: c\n\nd"] {
            assert_eq!(scan_cut(message, &[], HEADER_LIMIT), scan(message));
        }
    }

    #[test]
    fn a_header_of_many_megabytes_is_not_kept() {
        let mut scanner = Scanner::new();
        scanner.update(b"Subject: x\r\n");
        for _ in 0..9 << 10 {
            scanner.update(&[b' '; 1 << 10]);
        }
        assert!(scanner.header.capacity() <= 64 << 10);
        let digest = scanner.finish();
        assert_eq!(digest.likeness, None);
        assert_eq!(digest.size, (9 << 20) + 12);
    }

    #[test]
    fn bodies_longer_than_a_block_are_hashed_whole() {
        let mut message = b"A: b\r\n\r\n".to_vec();
        for n in 0..3000 {
            message.extend_from_slice(format!("line {n} of many\r\n\r\n").as_bytes());
        }
        message.extend(std::iter::repeat_n(b'x', 100_000));
        message.extend(std::iter::repeat_n(b'\n', 70_000));
        message.push(b'.');
        for cuts in [&[][..], &[1, 16_384, 3, 5, 60_001]] {
            let digest = scan_cut(&message, cuts, HEADER_LIMIT);
            assert_as_the_page_says(&message, &digest, HEADER_LIMIT);
        }
    }

    /// Bytes and words that matter to the rules, in any order.
    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            &b"\n"[..],
            b"\n",
            b"\r\n",
            b"\r\n",
            b"\r",
            b" ",
            b"\t",
            b":",
            b": ",
            b"\0",
            b"\xff",
            b"a",
            b"A",
            b"-",
            b"\nStatus",
            b"\nSTATUS: ",
            b"\r\nX-Keywords",
            b"X-UID",
            b"x-uidl:",
            b"x",
            b"s",
            b"\r\nReceived: x;",
            b"1 Jan 2001 00:00 Z",
            b"\nDate: ",
            b"\nMessage-ID: ",
            b"\nSubject: ",
            b"\nFrom : ",
            b"\nTo:",
            b"\nArc-",
        ]);
        prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
    }

    #[test]
    fn status_fields_are_measured_with_their_continuations() {
        let header = b"Status: RO\r\nFrom: a\r\n  b\r\nX-UID : 7\n\tmore\n\nStatus: body\n";
        let whole = "Status: RO\r\n".len() + "X-UID : 7\r\n".len() + "\tmore\r\n".len();
        assert_eq!(status_octets(header), (whole as u64, 3));
        assert_eq!(status_octets(b"From: a\r\n\r\nX-UID: 1\r\n"), (0, 0));
    }

    proptest! {
        #[test]
        fn any_message_in_any_pieces_is_as_the_page_says(
            message in soup(),
            cuts in prop::collection::vec(0..30_usize, 0..20),
            limit in prop_oneof![Just(HEADER_LIMIT), 0..80_u64],
        ) {
            assert_any_cut(&message, &cuts, limit);
        }

        #[test]
        fn arbitrary_bytes_never_panic(message in any::<Vec<u8>>(), cuts in any::<Vec<u8>>()) {
            let cuts: Vec<usize> = cuts.into_iter().map(usize::from).collect();
            assert_any_cut(&message, &cuts, HEADER_LIMIT);
        }

        #[test]
        fn the_header_hash_survives_top(message in soup()) {
            assert_survives_top(&message);
        }

        #[test]
        fn every_hash_reads_back(bytes in any::<[u8; 16]>()) {
            prop_assert_eq!(Hash128::parse(&Hash128(bytes).to_string()), Some(Hash128(bytes)));
        }
    }
}
