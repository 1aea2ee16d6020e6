//! A message as it goes over the wire, and its flags.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::base::error::{Error, Result};
use crate::export::Body;
use crate::export::lint::{MailboxLimits, MessageProbe};
use crate::vault::Entry;
use crate::vault::frame::Checker;

/// The date of a message for its new server, and whether it is its own: that at the old server,
/// or that of the header; else the moment of archiving.
pub(super) fn date(entry: &Entry) -> (i64, bool) {
    match entry.date {
        0 => (entry.archived, false),
        date => (date, true),
    }
}

/// Flag letters of file names as IMAP has them.
const LETTERS: [(char, &str); 5] = [
    ('S', "\\Seen"),
    ('R', "\\Answered"),
    ('F', "\\Flagged"),
    ('D', "\\Draft"),
    ('P', "$Forwarded"),
];

/// How the lines of a message end on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnds {
    /// As they are stored, but a bare LF becomes CR LF, or most servers refuse the message.
    Stored,
    /// Every line ends with CR LF, one with a bare CR too, and so does the last: some servers take
    /// nothing else.
    Strict,
}

/// Reads and checks a message, and looks at what would be sent. Once `stop` is set, neither this
/// nor what reads the message again goes through all of a large one.
pub(super) fn look<'b>(
    entry: &'b Entry,
    line_ends: LineEnds,
    buffer: &'b mut Checker,
    stop: &'b AtomicBool,
) -> Result<(Body<'b>, MessageProbe)> {
    let Some(path) = &entry.path else {
        return Err(Error::Damaged {
            path: entry.name.hash.to_string().into(),
            detail: "its file is missing".to_owned(),
        });
    };
    let mut body = Body::new(path, &entry.name, buffer).until(stop);
    let mut look = MessageProbe::default();
    wire(&mut body, line_ends, &mut |piece| {
        look.at(piece);
        Ok(())
    })?;
    Ok((body, look))
}

/// Hands on a message in the form in which it goes over the wire.
pub(super) fn wire(
    body: &mut Body<'_>,
    line_ends: LineEnds,
    piece: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    match line_ends {
        LineEnds::Stored => stored(body, piece),
        LineEnds::Strict => {
            let mut strict = StrictLines::default();
            body.each(&mut |bytes| strict.push(bytes, piece))?;
            strict.finish(piece)
        }
    }
}

fn stored(body: &mut Body<'_>, piece: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut last = 0;
    body.each(&mut |bytes| {
        let mut start = 0;
        for at in memchr::memchr_iter(b'\n', bytes) {
            let before = if at == 0 { last } else { bytes[at - 1] };
            if before != b'\r' {
                piece(&bytes[start..at])?;
                piece(b"\r")?;
                start = at;
            }
        }
        last = bytes.last().copied().unwrap_or(last);
        piece(&bytes[start..])
    })
}

/// Makes every line end with CR LF.
#[derive(Debug, Default)]
struct StrictLines {
    /// A CR that may be followed by its LF.
    pending: bool,
    /// True within a line.
    is_open: bool,
}

impl StrictLines {
    fn push(&mut self, bytes: &[u8], piece: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut start = 0;
        for at in memchr::memchr2_iter(b'\r', b'\n', bytes) {
            self.text(&bytes[start..at], piece)?;
            if bytes[at] == b'\n' {
                self.end(piece)?;
            } else {
                self.end_pending(piece)?;
                self.pending = true;
            }
            start = at + 1;
        }
        self.text(&bytes[start..], piece)
    }

    fn text(&mut self, text: &[u8], piece: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.end_pending(piece)?;
        self.is_open = true;
        piece(text)
    }

    fn end_pending(&mut self, piece: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.pending {
            self.end(piece)
        } else {
            Ok(())
        }
    }

    fn end(&mut self, piece: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        (self.pending, self.is_open) = (false, false);
        piece(b"\r\n")
    }

    fn finish(&mut self, piece: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.pending || self.is_open {
            self.end(piece)?;
        }
        Ok(())
    }
}

/// The flags of a message that the mailbox keeps, and those that it does not. A mark for
/// deletion is left behind: the next program could carry it out.
pub(super) fn flags(
    entry: &Entry,
    keywords: Option<&Arc<str>>,
    limits: &MailboxLimits,
) -> (Vec<String>, Vec<String>) {
    let letters = LETTERS
        .iter()
        .filter(|(letter, _)| entry.flags.contains(*letter));
    let words = keywords.map_or("", |words| words).split(' ');
    letters
        .map(|(_, flag)| *flag)
        .chain(words)
        .filter(|flag| !flag.is_empty() && !flag.eq_ignore_ascii_case("\\Deleted"))
        .map(str::to_owned)
        .partition(|flag| limits.keeps(flag))
}

pub(super) fn without(lost: &[String]) -> String {
    format!("the server does not keep {}", lost.join(" "))
}

pub(super) fn keeps(permanent: Option<&[Vec<u8>]>) -> Option<Vec<String>> {
    let text = |flag: &Vec<u8>| String::from_utf8_lossy(flag).into_owned();
    permanent.map(|flags| flags.iter().map(text).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::mail::message::Hash128;
    use crate::vault::layout::FileName;

    #[test]
    fn every_line_of_the_strict_form_ends_with_crlf_wherever_the_message_is_cut() {
        for (message, wanted) in [
            ("", ""),
            ("a", "a\r\n"),
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\rb\nc\r", "a\r\nb\r\nc\r\n"),
            ("a\r\r\n\r\r", "a\r\n\r\n\r\n\r\n"),
            ("\n\n", "\r\n\r\n"),
        ] {
            for cut in 0..=message.len() {
                let mut strict = StrictLines::default();
                let mut sent = Vec::new();
                let mut piece = |bytes: &[u8]| {
                    sent.extend_from_slice(bytes);
                    Ok(())
                };
                strict.push(&message.as_bytes()[..cut], &mut piece).unwrap();
                strict.push(&message.as_bytes()[cut..], &mut piece).unwrap();
                strict.finish(&mut piece).unwrap();
                assert_eq!(sent, wanted.as_bytes(), "{message:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_message_keeps_its_date_and_one_without_gets_that_of_its_archiving() {
        let date = |date, archived| {
            super::date(&Entry {
                shown_date: 0,
                name: FileName {
                    received: 5,
                    hash: Hash128::of(b""),
                    size: 0,
                    wire: 0,
                },
                account: String::new(),
                dir: String::new(),
                flags: String::new(),
                date,
                archived,
                from: String::new(),
                subject: String::new(),
                path: None,
            })
        };
        let archived = 1_700_000_000;
        assert_eq!(date(7, archived), (7, true));
        assert_eq!(date(archived - 2, archived), (archived - 2, true));
        assert_eq!(date(0, archived), (archived, false));
    }
}
