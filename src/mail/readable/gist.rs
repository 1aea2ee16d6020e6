//! What of a message can be searched for: its addresses, subject, texts and attachments.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::field::{Encoding, FieldKind, fields as all_fields, values};
use super::tree::{Leaf, PartTree, grow};
use super::{LIMIT, header_text, html, ids, western};
use crate::mail::bounds::{ADDRESSEES, DECODED_WITHIN, MESSAGES_WITHIN, PARTS, SEARCHED, TEXT};

/// What a message is about, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SearchSummary {
    /// Its Message-ID, without angle brackets.
    pub(crate) message_id: Option<String>,
    /// Whom it is addressed to: To, Cc and Bcc, decoded.
    pub(crate) to: String,
    /// True if it has attachments.
    pub(crate) attachment: bool,
}

/// Takes the gist of a message, and calls `text` with each of its texts: addresses and
/// subject, plain text and HTML, attached ones too, names of attachments, and the same
/// of messages in it. What cannot be parsed is one text.
pub(crate) fn gist(message: &[u8], text: &mut dyn FnMut(&str)) -> SearchSummary {
    let seen = &message[..message.len().min(LIMIT)];
    let taken = catch_unwind(AssertUnwindSafe(|| take(seen, text)));
    if let Ok(Some(gist)) = taken {
        return gist;
    }
    text(&western(seen));
    SearchSummary::default()
}

/// Whom a message is addressed to: To, Cc and Bcc, decoded.
pub(crate) fn recipients(message: &[u8]) -> String {
    let seen = &message[..message.len().min(LIMIT)];
    let to = catch_unwind(AssertUnwindSafe(|| {
        let tree = grow(seen, &mut 1)?;
        Some(addressees(tree.header))
    }));
    to.ok().flatten().unwrap_or_default()
}

fn addressees(header: &[u8]) -> String {
    fields(header, &["To", "Cc", "Bcc"])
}

fn take(bytes: &[u8], text: &mut dyn FnMut(&str)) -> Option<SearchSummary> {
    let mut left = PARTS;
    let tree = grow(bytes, &mut left)?;
    all_fields(tree.header).next()?;
    let to = addressees(tree.header);
    text(&to);
    for name in ["From", "Subject"] {
        text(&fields(tree.header, &[name]));
    }
    texts(&tree, 0, DECODED_WITHIN, &mut left, text);
    Some(SearchSummary {
        message_id: ids(&tree, "Message-ID").pop(),
        to,
        attachment: !tree.attached.is_empty(),
    })
}

/// The texts of a tree that itself lies in so many messages, and may hold so many more that
/// have to be decoded.
fn texts(
    tree: &PartTree<'_>,
    within: usize,
    decoded: usize,
    left: &mut usize,
    text: &mut dyn FnMut(&str),
) {
    for leaf in &tree.leaves {
        let deep = within + leaf.within;
        if deep > MESSAGES_WITHIN {
            continue;
        }
        if let Some(name) = &leaf.label.name {
            text(&header_text(name.as_bytes()));
        }
        match leaf.label.kind {
            FieldKind::Html => text(&html::plain(&leaf.text(TEXT).0)),
            kind if kind.is_text() => text(&leaf.text(SEARCHED).0),
            FieldKind::Message if deep < MESSAGES_WITHIN => {
                message(leaf, deep + 1, decoded, left, text);
            }
            _ => {}
        }
    }
}

fn message(
    leaf: &Leaf<'_>,
    within: usize,
    decoded: usize,
    left: &mut usize,
    text: &mut dyn FnMut(&str),
) {
    let about = |header: &[u8], text: &mut dyn FnMut(&str)| {
        for name in ["Subject", "From", "To", "Cc"] {
            text(&fields(header, &[name]));
        }
    };
    if leaf.label.encoding == Encoding::Plain {
        // Its parts are leaves of the same tree.
        about(leaf.header, text);
    } else if decoded > 0 {
        let bytes = leaf.decoded();
        if let Some(tree) = grow(&bytes, left) {
            about(tree.header, text);
            texts(&tree, within, decoded - 1, left, text);
        }
    }
}

/// The values of all fields with these names.
fn fields(header: &[u8], names: &[&str]) -> String {
    let mut all = String::new();
    for name in names {
        for value in values(header, name) {
            if all.len() >= ADDRESSEES {
                return all;
            }
            if !all.is_empty() {
                all.push_str(", ");
            }
            all.push_str(&header_text(value));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn read(message: &[u8]) -> (SearchSummary, String) {
        let mut all = String::new();
        let gist = gist(message, &mut |text| {
            all.push_str(text);
            all.push('|');
        });
        (gist, all)
    }

    const ALTERNATIVES: &[u8] = b"Message-ID: <1@example.org>\r\n\
        From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\n\
        To: ann@example.org\r\nCc: =?utf-8?q?B=C3=A4r?= <bear@example.org>\r\nCc: c@example.org\r\n\
        Subject: hello\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
        --m\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
        --b\r\n\r\nplain words\r\n\
        --b\r\nContent-Type: text/html\r\n\r\n<p>marked&nbsp;words</p><script>no()</script>\r\n\
        --b--\r\n\
        --m\r\nContent-Type: application/pdf; name=\"list.pdf\"\r\n\
        Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n\
        --m\r\nContent-Type: message/rfc822\r\n\r\n\
        From: inner@example.org\r\nSubject: within\r\n\r\ninner text\r\n\
        --m--\r\n";

    #[test]
    fn addresses_texts_and_names_of_attachments_are_found() {
        let (gist, text) = read(ALTERNATIVES);
        assert_eq!(gist.message_id.unwrap(), "1@example.org");
        assert_eq!(
            gist.to,
            "ann@example.org, Bär <bear@example.org>, c@example.org"
        );
        assert_eq!(recipients(ALTERNATIVES), gist.to);
        assert!(gist.attachment);
        for part in [
            "Jörg",
            "hello",
            "plain words",
            "marked words",
            "list.pdf",
            "inner@",
            "within",
            "inner text",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("no()"), "{text}");
    }

    #[test]
    fn what_is_no_mail_is_text() {
        assert_eq!(read(b"").1, "|");
        assert!(read(b"\r\nno header\r\n").1.contains("no header"));
        assert!(!read(b"Subject: x\r\n\r\ny").0.attachment);
    }

    #[test]
    fn a_thousand_parts_within_each_other_are_read() {
        let mut mail = b"Subject: deep\r\n".to_vec();
        for n in 0..1000 {
            mail.extend(
                format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")
                    .into_bytes(),
            );
        }
        mail.extend(b"\r\nbottom\r\n");
        let text = read(&mail).1;
        assert!(text.contains("deep") && text.contains("bottom"), "{text}");
    }

    proptest! {
        #[test]
        fn a_damaged_mail_has_a_gist(at in 0..ALTERNATIVES.len(), byte: u8) {
            let mut mail = ALTERNATIVES.to_vec();
            mail[at] = byte;
            let _ = read(&mail);
            let _ = read(&mail[..at]);
        }
    }
}
