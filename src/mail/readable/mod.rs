//! A message as people read it: header fields, text and the list of attachments.
//!
//! Owns the only use of `mail-parser` (RFC 5322, RFC 2045 to 2047, RFC 2231). It is called
//! for what is durable already and decides nothing: identity and duplicates are
//! [`crate::mail::message`]'s. The parser is foreign and the mail hostile, so a panic of the one
//! over the other ends here, and the message is shown as undecoded text instead. It is given
//! one header field or one part at a time: what it does with a whole message has no bound.
//!
//! What comes out may hold any character; whoever shows it on a terminal escapes it.

mod field;
mod gist;
mod html;
mod tree;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::decoders::html::text_to_html;
use mail_parser::{HeaderName, HeaderValue, MessageParser};

use crate::mail::bounds::{FIELD, HTML, TEXT};
use field::{FieldKind, values};
use tree::{Leaf, PartTree};

pub use crate::mail::bounds::MESSAGE as LIMIT;
pub(crate) use gist::{SearchSummary, gist, recipients};

/// The header fields that people look for, in the order of showing.
const FIELDS: [&str; 5] = ["Date", "From", "To", "Cc", "Subject"];

/// So many messages that a message answers are told.
const ANCESTORS: usize = 20;

/// A message in readable form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readable {
    /// Date, From, To, Cc and Subject as far as they are there, decoded.
    pub headers: Vec<(String, String)>,
    /// The text of the message, lines ended by `\n`; made from HTML if there is no other.
    pub text: String,
    /// What else it holds.
    pub attachments: Vec<Attachment>,
    /// True if the message was longer than what is looked at.
    pub truncated: bool,
    /// True if parts of it were left out, since it has too many or they lie too deep.
    pub parts_cut: bool,
    /// True if its text was longer than what is shown.
    pub text_cut: bool,
}

/// A part of a message that is not its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name; empty if it has none.
    pub name: String,
    /// Its decoded size in bytes.
    pub size: u64,
    /// Its media type, such as `application/pdf`.
    pub kind: String,
}

/// What a message is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Its text as HTML, if it was written so; no more than can be shown and a bit.
    pub(crate) html: Option<String>,
    /// What else it holds.
    pub(crate) attachments: Vec<File<'a>>,
    /// True if attachments are missing, since it has too many parts or they lie too deep.
    pub cut: bool,
    /// Its Message-ID, without angle brackets.
    pub(crate) message_id: Option<String>,
    /// The Message-IDs of what it answers, the nearest first.
    pub(crate) ancestors: Vec<String>,
}

/// An attachment that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File<'a> {
    /// Its file name; empty if it has none.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) kind: String,
    /// Its Content-ID, without angle brackets, by which HTML shows it.
    pub(crate) content_id: Option<String>,
    leaf: Leaf<'a>,
}

impl<'a> File<'a> {
    /// Its decoded content, made again each time: of many attachments one is held in memory.
    #[must_use]
    pub(crate) fn bytes(&self) -> Cow<'a, [u8]> {
        let bytes = catch_unwind(AssertUnwindSafe(|| self.leaf.decoded()));
        bytes.unwrap_or(Cow::Borrowed(self.leaf.bytes))
    }
}

/// Takes a message apart, however long it is; of one that cannot be parsed nothing is known.
#[must_use]
pub fn parts(message: &[u8]) -> Parts<'_> {
    catch_unwind(|| take_apart(message))
        .ok()
        .flatten()
        .unwrap_or_default()
}

fn take_apart(bytes: &[u8]) -> Option<Parts<'_>> {
    let tree = tree::whole(bytes)?;
    let shown = || tree.html.iter().filter_map(|at| tree.leaves.get(*at));
    let written_so = shown().any(|leaf| leaf.label.kind == FieldKind::Html);
    let mut html = String::new();
    for leaf in shown().filter(|_| written_so) {
        if html.len() > HTML {
            break;
        }
        match leaf.label.kind {
            FieldKind::Html => html.push_str(&leaf.text(TEXT).0),
            kind if kind.is_text() => html.push_str(&text_to_html(&leaf.text(TEXT).0)),
            _ => {}
        }
    }
    let mut ancestors = ids(&tree, "In-Reply-To");
    ancestors.extend(ids(&tree, "References").into_iter().rev());
    ancestors.truncate(ANCESTORS);
    Some(Parts {
        html: written_so.then_some(html),
        message_id: ids(&tree, "Message-ID").pop(),
        ancestors,
        cut: tree.cut,
        attachments: attached(&tree)
            .map(|leaf| File {
                name: file_name(leaf),
                kind: media(leaf),
                content_id: leaf.label.content_id.clone(),
                leaf: leaf.clone(),
            })
            .collect(),
    })
}

fn attached<'t, 'a>(tree: &'t PartTree<'a>) -> impl Iterator<Item = &'t Leaf<'a>> {
    tree.attached.iter().filter_map(|at| tree.leaves.get(*at))
}

/// The ids in the last field of this name.
fn ids(tree: &PartTree<'_>, name: &str) -> Vec<String> {
    let Some(value) = values(tree.header, name).last() else {
        return Vec::new();
    };
    let value = &value[value.len().saturating_sub(FIELD)..];
    let field = [b"Message-ID:", value.trim_ascii_end(), b"\r\n\r\n"].concat();
    let parser = MessageParser::new().with_message_ids();
    let message = parser.parse_headers(&field);
    let header = message
        .as_ref()
        .and_then(|message| message.headers().first());
    match header.map(|header| &header.value) {
        Some(HeaderValue::Text(id)) => vec![id.as_ref().to_owned()],
        Some(HeaderValue::TextList(ids)) => ids.iter().map(|id| id.as_ref().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// Makes a message readable, as well as may be.
#[must_use]
pub fn read(message: &[u8]) -> Readable {
    let seen = &message[..message.len().min(LIMIT)];
    let mut readable = catch_unwind(|| parse(seen)).ok().flatten();
    let readable = readable.get_or_insert_with(|| Readable {
        text: unix_lines(western(seen).into_owned()),
        ..Readable::default()
    });
    Readable {
        truncated: seen.len() < message.len(),
        ..std::mem::take(readable)
    }
}

/// Decodes the value of one header field: folding, encoded words (RFC 2047), and raw
/// 8-bit text, which is UTF-8 or else Windows-1252.
#[must_use]
pub(crate) fn header_text(raw: &[u8]) -> String {
    let value = western(&raw[..raw.len().min(FIELD)]);
    let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    if !value.contains("=?") {
        return value;
    }
    let field = format!("Subject: {value}\r\n\r\n");
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        let message = MessageParser::new()
            .header_text(HeaderName::Subject)
            .parse_headers(field.as_bytes())?;
        message.subject().map(str::to_owned)
    }));
    decoded.ok().flatten().unwrap_or(value)
}

fn parse(bytes: &[u8]) -> Option<Readable> {
    let tree = tree::whole(bytes)?;
    let headers = FIELDS
        .iter()
        .filter_map(|name| {
            let value = values(tree.header, name).next()?;
            Some(((*name).to_owned(), header_text(value)))
        })
        .collect();
    let (text, text_cut) = text(&tree);
    Some(Readable {
        headers,
        text,
        attachments: attached(&tree)
            .map(|leaf| Attachment {
                name: file_name(leaf),
                size: leaf.decoded().len() as u64,
                kind: media(leaf),
            })
            .collect(),
        truncated: false,
        parts_cut: tree.cut,
        text_cut,
    })
}

/// The text, and whether there is more. Many a newsletter has a plain text that is empty; what
/// it says is its HTML.
fn text(tree: &PartTree<'_>) -> (String, bool) {
    let (whole, cut) = joined(tree, &tree.text);
    if cut || !whole.trim().is_empty() {
        return (whole, cut);
    }
    let html = joined(tree, &tree.html);
    if html.0.trim().is_empty() {
        (whole, cut)
    } else {
        html
    }
}

/// The texts of these parts, one after the other, and whether there is more.
fn joined(tree: &PartTree<'_>, parts: &[usize]) -> (String, bool) {
    let (mut whole, mut cut) = (String::new(), false);
    let leaves = parts.iter().filter_map(|at| tree.leaves.get(*at));
    for leaf in leaves.filter(|leaf| leaf.label.kind.is_text()) {
        if whole.len() >= TEXT {
            return (whole, true);
        }
        let (text, is_cut) = leaf.text(TEXT);
        cut |= is_cut;
        let text = unix_lines(if leaf.label.kind == FieldKind::Html {
            html::plain(&text)
        } else {
            text.into_owned()
        });
        if whole.is_empty() {
            // Moved, since it may be long.
            whole = text;
        } else {
            whole.push('\n');
            whole.push_str(&text);
        }
    }
    (whole, cut)
}

fn media(leaf: &Leaf<'_>) -> String {
    match (&leaf.label.media, leaf.label.kind) {
        (Some(media), _) => media.clone(),
        (None, FieldKind::Message) => "message/rfc822".to_owned(),
        (None, _) => "text/plain".to_owned(),
    }
}

fn file_name(leaf: &Leaf<'_>) -> String {
    let name = leaf.label.name.as_deref();
    name.map_or_else(String::new, |name| header_text(name.as_bytes()))
}

/// The text with lines ended by `\n` alone, the last one too.
fn unix_lines(text: String) -> String {
    // In place, since it may be long.
    let mut bytes = text.into_bytes();
    let mut kept = 0;
    for at in 0..bytes.len() {
        if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') {
            continue;
        }
        bytes[kept] = bytes[at];
        kept += 1;
    }
    bytes.truncate(kept);
    if bytes.last().is_some_and(|last| *last != b'\n') {
        bytes.push(b'\n');
    }
    // Whole characters were taken out only.
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Bytes without a declared charset.
fn western(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        // A cut in the middle of a character does not make it another charset.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| windows_1252(*byte)).collect()),
    }
}

/// The character of a Windows-1252 byte; the five unused ones are those of Latin-1.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// What holds for any bytes as a message: it can be shown, saved and searched, and what is shown
/// of attachments is what is saved.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(message: &[u8]) {
    let readable = read(message);
    let parts = parts(message);
    // Where the foreign parser panics, there are none.
    if !readable.attachments.is_empty() && !readable.truncated {
        let sizes = parts
            .attachments
            .iter()
            .map(|file| file.bytes().len() as u64);
        assert!(sizes.eq(readable.attachments.iter().map(|shown| shown.size)));
    }
    let _ = gist(message, &mut |_| {});
    let _ = header_text(message);
    html::assert_any(&String::from_utf8_lossy(message));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    const MIXED: &[u8] = b"From: =?iso-8859-1?Q?J=F6rg?= <joerg@example.org>\r\n\
        To: ann@example.org\r\n\
        Subject: =?UTF-8?B?w6RwZmVs?=\r\n =?UTF-8?Q?_und_Birnen?=\r\n\
        Date: Mon, 4 Mar 2019 08:15:00 +0000\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n\
        --b\r\nContent-Type: application/PDF\r\n\
        Content-Disposition: attachment; filename=\"list.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\n";

    #[test]
    fn headers_text_and_attachments_are_decoded() {
        let mail = read(MIXED);
        let headers: Vec<_> = mail
            .headers
            .iter()
            .map(|(n, v)| format!("{n}: {v}"))
            .collect();
        assert_eq!(
            headers,
            [
                "Date: Mon, 4 Mar 2019 08:15:00 +0000",
                "From: Jörg <joerg@example.org>",
                "To: ann@example.org",
                "Subject: äpfel und Birnen",
            ]
        );
        assert_eq!(mail.text, "Grüße\n");
        assert_eq!(
            mail.attachments,
            [Attachment {
                name: "list.pdf".into(),
                size: 4,
                kind: "application/pdf".into()
            }]
        );
        assert!(!mail.truncated);
    }

    #[test]
    fn a_message_is_taken_apart() {
        let parts = parts(MIXED);
        assert_eq!(parts.html, None);
        assert_eq!(parts.attachments[0].bytes()[..], [0, 1, 2, 3]);
        let html = super::parts(
            b"Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\nReferences: <y@x> <z@x>\r\nContent-Type: text/html\r\n\r\n<p>x",
        );
        assert_eq!(html.html.unwrap().trim_end(), "<p>x");
        assert_eq!(html.message_id.unwrap(), "b@x");
        assert_eq!(html.ancestors, ["a@x", "z@x", "y@x"]);
    }

    #[test]
    fn html_alone_becomes_text() {
        let mail = read(
            b"Subject: x\r\nContent-Type: text/html\r\n\r\n\
              <html><body><p>One &amp; two</p><script>alert(1)</script></body></html>",
        );
        assert!(mail.text.contains("One & two"), "{}", mail.text);
        assert!(!mail.text.contains('<') && !mail.text.contains("alert"));
    }

    #[test]
    fn html_is_the_text_where_the_plain_text_is_empty() {
        let both = |plain: &str| {
            let text = format!(
                "Content-Type: multipart/alternative; boundary=b\r\n\r\n\
                 --b\r\n\r\n{plain}\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Rich\r\n--b--\r\n"
            );
            read(text.as_bytes()).text
        };
        assert_eq!(both(" \r\n"), "Rich\n");
        assert_eq!(both("Plain"), "Plain\n");
    }

    #[test]
    fn a_raw_8_bit_field_is_utf_8_or_else_windows_1252() {
        assert_eq!(header_text("Grüße".as_bytes()), "Grüße");
        assert_eq!(header_text(b"Gr\xfc\xdfe \x80 5"), "Grüße € 5");
    }

    #[test]
    fn folding_is_one_blank_and_plain_text_stays() {
        assert_eq!(header_text(b" two\r\n\twords\r\n"), "two words");
        assert_eq!(
            header_text(b"\"Ann A.\" <a@example.org>"),
            "\"Ann A.\" <a@example.org>"
        );
        assert_eq!(header_text(b"=?"), "=?");
    }

    #[test]
    fn a_long_message_is_cut_and_says_so() {
        let mut mail = b"Subject: long\r\n\r\n".to_vec();
        mail.resize(LIMIT + 1, b'x');
        let mail = read(&mail);
        assert!(mail.truncated);
        assert!(mail.text.len() <= LIMIT + 1);
        assert_eq!(mail.headers, [("Subject".to_owned(), "long".to_owned())]);
    }

    #[test]
    fn what_is_no_mail_is_shown_as_text() {
        assert_eq!(read(b"").text, "");
        assert!(read(b"\xff\xfe").headers.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_readable(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            assert_any(&bytes);
        }

        #[test]
        fn a_damaged_mail_is_readable(at in 0..MIXED.len(), byte: u8) {
            let mut mail = MIXED.to_vec();
            mail[at] = byte;
            assert_any(&mail);
            assert_any(&mail[..at]);
        }

        #[test]
        fn ascii_without_encoded_words_stays(words in prop::collection::vec("[!-<>-~]+", 1..8)) {
            let text = words.join(" ");
            prop_assert_eq!(header_text(text.as_bytes()), text);
        }
    }
}
