//! Recognises, by their octets, messages that are not what is on the server; pure.

use std::io::{self, Read};

/// Octets from which a stand-in can be recognised.
pub(super) const ENOUGH: usize = 4 << 10;

/// How Exchange begins the subject of the notice that it sends instead of a message it
/// cannot convert.
const NOTICE: &[u8] = b"retrieval using the imap4 protocol failed for the following message";

/// True if this is a server's notice in place of a message. A message that quotes such a
/// subject has come over some wire, and its header says so.
pub(super) fn is_stand_in(message: &[u8]) -> bool {
    let head = message[..message.len().min(ENOUGH)].to_ascii_lowercase();
    let mut noticed = head.starts_with(NOTICE);
    for line in head.split(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            break;
        }
        if line.starts_with(b"received:") {
            return false;
        }
        let subject = line.strip_prefix(b"subject:");
        noticed |= subject.is_some_and(|text| text.trim_ascii_start().starts_with(NOTICE));
    }
    noticed
}

/// Looks through a message, piece by piece, for an 0x80 that is no part of UTF-8: what some
/// servers send for NUL, which a literal may not hold (RFC 9051 s.4.3).
#[derive(Debug)]
pub(super) struct StrayScan {
    /// The bytes before the next piece, the nearest first.
    last: [u8; 3],
}

impl StrayScan {
    pub(super) fn new() -> Self {
        // A message begins as after text.
        Self { last: [b' '; 3] }
    }

    /// True if there is one in this piece.
    pub(super) fn has_stray(&mut self, piece: &[u8]) -> bool {
        let last = self.last;
        let before = |at: usize, distance: usize| match at.checked_sub(distance) {
            Some(at) => piece[at],
            None => last[distance - at - 1],
        };
        let found = memchr::memchr_iter(0x80, piece)
            .any(|at| !is_continuation([1, 2, 3].map(|distance| before(at, distance))));
        self.last = [1, 2, 3].map(|distance| before(piece.len(), distance));
        found
    }
}

/// True if a byte of 0x80 to 0xBF belongs to a character after these, the nearest first.
fn is_continuation(before: [u8; 3]) -> bool {
    // The nearest that is no continuation, and how far off it is.
    for (distance, lead) in (1..).zip(before) {
        match lead {
            0x80..=0xBF => {}
            0xC2..=0xDF => return distance <= 1,
            0xE0..=0xEF => return distance <= 2,
            0xF0..=0xF4 => return true,
            _ => return false,
        }
    }
    false
}

/// A message that is looked through while it is read: reading fails at a stray 0x80.
#[derive(Debug)]
pub(super) struct ScannedBody<'b, B> {
    body: &'b mut B,
    scan: StrayScan,
    found: bool,
}

impl<'b, B: Read> ScannedBody<'b, B> {
    pub(super) fn new(body: &'b mut B) -> Self {
        Self {
            body,
            scan: StrayScan::new(),
            found: false,
        }
    }

    /// True if one was found.
    pub(super) fn has_stray(&self) -> bool {
        self.found
    }
}

impl<B: Read> Read for ScannedBody<'_, B> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = if self.found { 0 } else { self.body.read(buf)? };
        self.found |= self.scan.has_stray(&buf[..read]);
        if self.found {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(read)
    }
}

/// True if `exact` is `message` with NUL for some 0x80, and otherwise the same.
pub(super) fn restores(message: &[u8], exact: &[u8]) -> bool {
    message.len() == exact.len()
        && message
            .iter()
            .zip(exact)
            .all(|(ours, theirs)| ours == theirs || (*ours == 0x80 && *theirs == 0))
}

/// What holds for any octets: those of a text are none of a NUL.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(octets: &[u8]) {
    let _ = is_stand_in(octets);
    let mut whole = StrayScan::new();
    let found = whole.has_stray(octets);
    assert!(!found || str::from_utf8(octets).is_err());
    for size in 1..4 {
        let mut scan = StrayScan::new();
        assert_eq!(
            octets.chunks(size).any(|piece| scan.has_stray(piece)),
            found
        );
    }
    assert!(restores(octets, octets));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn has_stray(message: &[u8]) -> bool {
        StrayScan::new().has_stray(message)
    }

    #[test]
    fn a_notice_is_told_from_a_message_about_one() {
        let subject =
            "Subject: Retrieval using the IMAP4 protocol failed for the following message: 19";
        let notice = format!("From: Postmaster\r\n{subject}\r\n\r\nThe server could not\r\n");
        assert!(is_stand_in(notice.as_bytes()));
        for other in [
            format!("Received: from a by b\r\n{subject}\r\n\r\n"),
            format!("Subject: hello\r\n\r\n{subject}\r\n"),
            "Subject: Re: Retrieval using the IMAP4 protocol failed".to_owned(),
            String::new(),
        ] {
            assert!(!is_stand_in(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_nul_can_be_told_from_text() {
        assert!(has_stray(b"a\x80b"));
        assert!(has_stray(b"\x80"));
        assert!(has_stray(b"\xc3\xa9\x80"));
        assert!(has_stray(b"caf\xe9 \x80\x80"));
        for text in [
            "\u{c0} \u{2014} \u{10000}",
            "plain",
            "",
            "\u{2000}\u{1f000}",
        ] {
            assert!(!has_stray(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn only_nuls_may_differ() {
        assert!(restores(b"a\x80b\x80", b"a\0b\x80"));
        assert!(!restores(b"a\x80b", b"a\0c"));
        assert!(!restores(b"a\x80", b"a\0b"));
        assert!(!restores(b"ab", b"a\0"));
    }

    proptest! {
        #[test]
        fn no_text_is_suspicious(text in "\\PC{0,60}") {
            prop_assert!(!has_stray(text.as_bytes()));
        }

        #[test]
        fn a_nul_behind_ascii_is_found(text in "[ -~\0]{0,20}") {
            let sent: Vec<u8> = text.bytes().map(|b| if b == 0 { 0x80 } else { b }).collect();
            prop_assert_eq!(has_stray(&sent), text.contains('\0'));
            prop_assert!(restores(&sent, text.as_bytes()));
        }

        #[test]
        fn no_octets_break_it(octets in prop::collection::vec(any::<u8>(), 0..80)) {
            assert_any(&octets);
        }
    }
}
