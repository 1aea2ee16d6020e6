//! A message as it goes over the wire, and its flags.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::export::Body;
use crate::export::lint::{Look, Taste};
use crate::vault::Entry;

/// Flag letters of file names as IMAP has them.
const LETTERS: [(char, &str); 5] = [
    ('S', "\\Seen"),
    ('R', "\\Answered"),
    ('F', "\\Flagged"),
    ('D', "\\Draft"),
    ('P', "$Forwarded"),
];

/// Reads and checks a message, and looks at what would be sent.
pub(super) fn look<'b>(entry: &'b Entry, buffer: &'b mut Vec<u8>) -> Result<(Body<'b>, Look)> {
    let Some(path) = &entry.path else {
        return Err(Error::Damaged {
            path: entry.name.hash.to_string().into(),
            detail: "its file is missing".to_owned(),
        });
    };
    let mut body = Body::new(path, &entry.name, buffer);
    let mut look = Look::default();
    wire(&mut body, &mut |piece| {
        look.at(piece);
        Ok(())
    })?;
    Ok((body, look))
}

/// Hands on a message in the form in which it goes over the wire: a line ends with CR LF,
/// or servers refuse it.
pub(super) fn wire(body: &mut Body<'_>, piece: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
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

/// The flags of a message that the mailbox keeps, and those that it does not. A mark for
/// deletion is left behind: the next program could carry it out.
pub(super) fn flags(
    entry: &Entry,
    keywords: Option<&Arc<str>>,
    taste: &Taste,
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
        .partition(|flag| taste.keeps(flag))
}

pub(super) fn without(lost: &[String]) -> String {
    format!("the server does not keep {}", lost.join(" "))
}

pub(super) fn keeps(permanent: Option<&[Vec<u8>]>) -> Option<Vec<String>> {
    let text = |flag: &Vec<u8>| String::from_utf8_lossy(flag).into_owned();
    permanent.map(|flags| flags.iter().map(text).collect())
}
