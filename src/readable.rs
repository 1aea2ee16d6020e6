//! A message as people read it: header fields, text and the list of attachments.
//!
//! Owns the only use of `mail-parser` (RFC 5322, RFC 2045 to 2047, RFC 2231). It is called
//! for what is durable already and decides nothing: identity and duplicates are
//! [`crate::message`]'s. The parser is foreign and the mail hostile, so a panic of the one
//! over the other ends here, and the message is shown as undecoded text instead.
//!
//! What comes out may hold any character; whoever shows it on a terminal escapes it.

mod gist;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{Header, HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType};

pub use gist::{Gist, gist};

/// Of a message no more than this is looked at.
pub const LIMIT: usize = 16 * 1024 * 1024;

/// Of a header field no more than this is decoded.
const FIELD_LIMIT: usize = 64 * 1024;

/// The header fields that people look for, in the order of showing.
const FIELDS: [(&str, HeaderName<'static>); 5] = [
    ("Date", HeaderName::Date),
    ("From", HeaderName::From),
    ("To", HeaderName::To),
    ("Cc", HeaderName::Cc),
    ("Subject", HeaderName::Subject),
];

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

/// What a message is made of, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Its text as HTML, if it was written so.
    pub html: Option<String>,
    /// What else it holds, with the bytes.
    pub attachments: Vec<File>,
    /// Its Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// The Message-ID of what it answers.
    pub answers: Option<String>,
}

/// An attachment with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its file name; empty if it has none.
    pub name: String,
    /// Its media type.
    pub kind: String,
    /// Its Content-ID, without angle brackets, by which HTML shows it.
    pub content_id: Option<String>,
    /// Its decoded content.
    pub bytes: Vec<u8>,
}

/// Takes a message apart, however long it is; of one that cannot be parsed nothing is known.
#[must_use]
pub fn parts(message: &[u8]) -> Parts {
    catch_unwind(|| take_apart(message))
        .ok()
        .flatten()
        .unwrap_or_default()
}

fn take_apart(bytes: &[u8]) -> Option<Parts> {
    let message = MessageParser::default().parse(bytes)?;
    let written_so = message
        .html_bodies()
        .any(|part| matches!(part.body, PartType::Html(_)));
    let mut html = String::new();
    for index in 0..message.html_body_count() {
        if let Some(part) = message.body_html(index).filter(|_| written_so) {
            html.push_str(&part);
        }
    }
    let last = |value: &mail_parser::HeaderValue<'_>| {
        let ids = value.as_text_list()?;
        ids.last().map(ToString::to_string)
    };
    Some(Parts {
        html: written_so.then_some(html),
        attachments: message
            .attachments()
            .map(|part| {
                let Attachment { name, kind, .. } = attachment(part);
                File {
                    name,
                    kind,
                    content_id: part.content_id().map(str::to_owned),
                    bytes: part.contents().to_vec(),
                }
            })
            .collect(),
        message_id: message.message_id().map(str::to_owned),
        answers: last(message.in_reply_to()).or_else(|| last(message.references())),
    })
}

/// Makes a message readable, as well as may be.
#[must_use]
pub fn read(message: &[u8]) -> Readable {
    let seen = &message[..message.len().min(LIMIT)];
    let mut readable = catch_unwind(|| parse(seen)).ok().flatten();
    let readable = readable.get_or_insert_with(|| Readable {
        text: unix_lines(&western(seen)),
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
pub fn header_text(raw: &[u8]) -> String {
    let value = western(&raw[..raw.len().min(FIELD_LIMIT)]);
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
    let message = MessageParser::default().parse(bytes)?;
    let headers = FIELDS
        .iter()
        .filter_map(|(label, name)| {
            let header = message
                .headers()
                .iter()
                .find(|header| header.name == *name)?;
            Some(((*label).to_owned(), header_text(raw_value(header, bytes)?)))
        })
        .collect();
    Some(Readable {
        headers,
        text: text(&message),
        attachments: message.attachments().map(attachment).collect(),
        truncated: false,
    })
}

fn raw_value<'a>(header: &Header<'_>, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let start = usize::try_from(header.offset_start).ok()?;
    let end = usize::try_from(header.offset_end).ok()?;
    bytes.get(start..end)
}

/// All parts of the text, one after the other.
fn text(message: &Message<'_>) -> String {
    let mut whole = String::new();
    for index in 0..message.text_body_count() {
        let Some(part) = message.body_text(index) else {
            continue;
        };
        if !whole.is_empty() {
            whole.push('\n');
        }
        whole.push_str(&unix_lines(&part));
    }
    whole
}

fn attachment(part: &MessagePart<'_>) -> Attachment {
    let kind = match part.content_type() {
        Some(kind) => match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => kind.ctype().to_owned(),
        },
        None if matches!(part.body, PartType::Message(_)) => "message/rfc822".to_owned(),
        None => "text/plain".to_owned(),
    };
    Attachment {
        name: part
            .attachment_name()
            .map_or_else(String::new, |name| header_text(name.as_bytes())),
        size: part.body.len() as u64,
        kind: kind.to_ascii_lowercase(),
    }
}

/// The text with lines ended by `\n` alone, the last one too.
fn unix_lines(text: &str) -> String {
    let mut lines = text.replace("\r\n", "\n");
    if !lines.is_empty() && !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines
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
        assert_eq!(parts.attachments[0].bytes, [0, 1, 2, 3]);
        let html = super::parts(
            b"Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\nContent-Type: text/html\r\n\r\n<p>x",
        );
        assert_eq!(html.html.unwrap().trim_end(), "<p>x");
        assert_eq!(html.message_id.unwrap(), "b@x");
        assert_eq!(html.answers.unwrap(), "a@x");
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
            let _ = (read(&bytes), parts(&bytes), header_text(&bytes));
        }

        #[test]
        fn a_damaged_mail_is_readable(at in 0..MIXED.len(), byte: u8) {
            let mut mail = MIXED.to_vec();
            mail[at] = byte;
            let _ = read(&mail);
            let _ = read(&mail[..at]);
        }

        #[test]
        fn ascii_without_encoded_words_stays(words in prop::collection::vec("[!-<>-~]+", 1..8)) {
            let text = words.join(" ");
            prop_assert_eq!(header_text(text.as_bytes()), text);
        }
    }
}
