//! The mbox format, pure (RFC 4155 and the quoting known as mboxrd): `From ` lines, and
//! filters that quote lines and turn line ends round, fed in pieces of any size.
//!
//! What had to be done to a message so that it fits into an mbox is told in the sender of
//! its `From ` line, which no reader needs. So it can be undone to the byte.

mod ends;
mod line;
mod quote;

pub use ends::{ToLf, to_crlf};
pub use line::{FromLine, Tag};
pub use quote::{Quoter, Unquoter};

/// What a separating line begins with.
const FROM: &[u8] = b"From ";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn quoted(bytes: &[u8], cut: usize) -> Vec<u8> {
        let (mut quoter, mut out) = (Quoter::default(), Vec::new());
        for piece in bytes.chunks(cut) {
            quoter.push(piece, &mut out);
        }
        quoter.finish(&mut out);
        out
    }

    fn unquoted(bytes: &[u8], cut: usize, once: bool) -> Vec<u8> {
        let (mut unquoter, mut out) = (Unquoter::new(once), Vec::new());
        for piece in bytes.chunks(cut) {
            unquoter.push(piece, &mut out);
        }
        unquoter.finish(&mut out);
        out
    }

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
            },
            date: 1_754_128_805,
        };
        assert_eq!(
            line.to_string(),
            "From mailvault-exact-bare Sat Aug  2 10:00:05 2025"
        );
        assert_eq!(FromLine::parse(line.to_string().as_bytes()), Some(line));
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
                1_754_128_805,
            ),
            ("From x@example.org Samedi 10:00:05 2025", 0),
        ] {
            let parsed = FromLine::parse(line.as_bytes()).unwrap();
            assert_eq!((parsed.date, parsed.tag.ours), (date, false), "{line}");
        }
        for text in [
            "From here on",
            "From there at 10:00",
            "From: a",
            "from a",
            "",
        ] {
            assert_eq!(FromLine::parse(text.as_bytes()), None, "{text}");
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
            let quoted = quoted(&text, cut);
            prop_assert!(!quoted.split(|b| *b == b'\n').any(|line| line.starts_with(b"From ")));
            prop_assert_eq!(unquoted(&quoted, other, false), text);
        }

        #[test]
        fn line_ends_can_be_turned_back(text in soup(), cut in 1usize..9) {
            let mut crlf = Vec::new();
            to_crlf(&text, &mut crlf);
            let (mut filter, mut lf) = (ToLf::default(), Vec::new());
            for piece in crlf.chunks(cut) {
                filter.push(piece, &mut lf);
            }
            filter.finish(&mut lf);
            prop_assert_eq!(lf, text);
        }

        #[test]
        fn any_line_may_be_asked_for_its_date(line in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = FromLine::parse(&[b"From ", &line[..]].concat());
        }

        #[test]
        fn every_from_line_reads_back(date in 0i64..4_294_967_296, bits in 0u8..8) {
            let tag = Tag { ours: true, exact: bits & 1 > 0, open: bits & 2 > 0, bare: bits & 4 > 0 };
            let line = FromLine { tag, date };
            prop_assert_eq!(FromLine::parse(line.to_string().as_bytes()), Some(line));
        }
    }
}
