//! The mbox format, pure (RFC 4155 and the quoting known as mboxrd): `From ` lines, where
//! messages begin and end, and filters that quote lines and turn line ends round, fed in
//! pieces of any size.
//!
//! What had to be done to a message so that it fits into an mbox is recorded in the sender of
//! its `From ` line, which no reader needs. So it can be undone to the byte.

mod ends;
mod field;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod line;
mod quote;
mod split;

pub(crate) use ends::{ToLf, to_crlf};
pub(crate) use field::is_field;
pub(crate) use line::{FromLine, Separator, Tag};
pub(crate) use quote::{Quoter, Unquoter};
pub(crate) use split::{LineEnd, MboxPart, Splitter, begins, is_end_of_message};

/// What a separating line begins with.
const FROM: &[u8] = b"From ";

#[cfg(test)]
mod tests {
    use super::fuzzing::{assert_quoted, assert_turned, quoted, unquoted};
    use super::*;
    use crate::mail::message::Hash128;
    use proptest::prelude::*;

    #[test]
    fn lines_that_begin_with_from_are_quoted_whatever_quotes_they_have() {
        let text = b"From a\n>From b\n>>>From c\nFromage\n > From\nxFrom \n>\nFro";
        let wanted = b">From a\n>>From b\n>>>>From c\nFromage\n > From\nxFrom \n>\nFro";
        assert_eq!(quoted(text, 3), wanted);
    }

    #[test]
    fn the_older_quoting_left_quoted_lines_alone() {
        let text = b">From a\n>>From b\n>x\n";
        assert_eq!(unquoted(text, 100, false), b"From a\n>From b\n>x\n");
        assert_eq!(unquoted(text, 100, true), b"From a\n>>From b\n>x\n");
    }

    #[test]
    fn a_from_line_tells_what_was_done_and_when() {
        let line = FromLine {
            tag: Tag {
                ours: true,
                exact: true,
                open: false,
                bare: true,
                status: true,
                id: Some(Hash128([7; 16])),
            },
            date: 1_754_128_805,
        };
        let id = "07".repeat(16);
        assert_eq!(
            line.to_string(),
            format!("From mailvault-exact-bare-status-{id} Sat Aug  2 10:00:05 2025")
        );
        let read = Separator::read(line.to_string().as_bytes());
        assert_eq!(read, Some(Separator::Dated(line)));
    }

    #[test]
    fn from_lines_of_others_are_known_by_their_date() {
        for (line, date) in [
            (
                "From ann@example.org Sat Aug  2 10:00:05 2025\r\n",
                1_754_128_805,
            ),
            ("From - Sat Aug 02 10:00:05 2025", 1_754_128_805),
            ("From MAILER-DAEMON Sat Aug  2 10:00 2025", 1_754_128_800),
            (
                "From \"ann b\"@example.org Sat Aug 2 10:00:05 +0200 2025",
                1_754_121_605,
            ),
            (
                "From ann@example.org Sat, 2 Aug 2025 10:00:05 -0130",
                1_754_134_205,
            ),
            ("From - Sat Aug 2 2025 10:00:05", 1_754_128_805),
            ("From ann@example.org 2025-08-02T10:00:05Z", 1_754_128_805),
            ("From ann@example.org 2025-08-02 10:00:05", 1_754_128_805),
            ("From x@example.org Samedi 10:00:05 2025", 0),
        ] {
            let Some(Separator::Dated(read)) = Separator::read(line.as_bytes()) else {
                panic!("no date in {line}");
            };
            assert_eq!((read.date, read.tag.ours), (date, false), "{line}");
        }
    }

    #[test]
    fn from_lines_without_a_date_are_short_or_text_or_of_a_patch() {
        let patch = format!("From {} Mon Sep 17 00:00:00 2001\n", "0a".repeat(20));
        for (line, read) in [
            ("From \r\n", Some(Separator::Short)),
            ("From -", Some(Separator::Short)),
            ("From ann@example.org", Some(Separator::Short)),
            ("From here on", Some(Separator::Words)),
            ("From there at 10:00", Some(Separator::Words)),
            (&patch, Some(Separator::Patch)),
            ("From: a", None),
            ("from a", None),
            ("", None),
        ] {
            assert_eq!(Separator::read(line.as_bytes()), read, "{line}");
        }
    }

    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            &b"\n"[..],
            b"\r\n",
            b"\r",
            b">",
            b">",
            b"From ",
            b"Fro",
            b"From",
            b"m ",
            b"x",
            b"\0",
        ]);
        prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn what_is_quoted_can_be_unquoted(text in soup(), cut in 1usize..9, other in 1usize..9) {
            assert_quoted(&text, cut, other);
        }

        #[test]
        fn line_ends_can_be_turned_back(text in soup(), cut in 1usize..9) {
            assert_turned(&text, cut);
        }

        #[test]
        fn any_line_may_be_asked_for_its_date(line in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Separator::read(&[b"From ", &line[..]].concat());
        }

        #[test]
        fn every_from_line_reads_back(date in 0i64..4_294_967_296, bits in 0u8..32) {
            let tag = Tag {
                ours: true,
                exact: bits & 1 > 0,
                open: bits & 2 > 0,
                bare: bits & 4 > 0,
                status: bits & 8 > 0,
                id: (bits & 16 > 0).then_some(Hash128([bits; 16])),
            };
            let line = FromLine { tag, date };
            let read = Separator::read(line.to_string().as_bytes());
            prop_assert_eq!(read, Some(Separator::Dated(line)));
        }
    }
}
