//! What the first line of a message looks like.

/// Fields that messages begin with. A sentence that begins with `From ` may stand above a line
/// such as `Phone: 12`, but rarely above one of these.
const KNOWN: [&str; 36] = [
    "apparently-to",
    "authentication-results",
    "auto-submitted",
    "bcc",
    "cc",
    "date",
    "delivered-to",
    "delivery-date",
    "envelope-to",
    "errors-to",
    "feedback-id",
    "fcc",
    "from",
    "importance",
    "in-reply-to",
    "keywords",
    "mailing-list",
    "message-id",
    "mime-version",
    "newsgroups",
    "old-return-path",
    "organization",
    "path",
    "precedence",
    "received",
    "received-spf",
    "references",
    "reply-to",
    "return-path",
    "return-receipt-to",
    "sender",
    "status",
    "subject",
    "thread-topic",
    "to",
    "user-agent",
];
/// Beginnings of the names of others.
const KINDS: [&str; 8] = [
    "arc-",
    "content-",
    "dkim-",
    "domainkey-",
    "list-",
    "resent-",
    "x-",
    "thread-",
];
/// No name is longer.
const LONGEST: usize = 76;

/// The name of a header field, if a line looks like one.
fn name(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', &line[..line.len().min(LONGEST + 4)])?;
    let name = line[..colon].trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(|b| (33..127).contains(b));
    // An address on the web is no field.
    (is_name && !line[colon + 1..].starts_with(b"//")).then_some(name)
}

/// True if a line looks like the first of a header field.
#[must_use]
pub(crate) fn is_field(line: &[u8]) -> bool {
    name(line).is_some()
}

/// True if it is a field that is known from mail.
pub(super) fn is_known_field(line: &[u8]) -> bool {
    name(line).is_some_and(|name| {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        KNOWN.contains(&name.as_str()) || KINDS.iter().any(|kind| name.starts_with(kind))
    })
}

/// The number in a `Content-Length` field.
pub(super) fn content_length(line: &[u8]) -> Option<u64> {
    let name = name(line)?;
    let value = line[name.len()..].trim_ascii_start().strip_prefix(b":")?;
    let text = std::str::from_utf8(value.trim_ascii()).ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (name.eq_ignore_ascii_case(b"Content-Length") && is_number)
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_a_name_and_a_colon() {
        for (line, field, known) in [
            ("Subject: a", true, true),
            ("X-UIDL:", true, true),
            ("Status : RO", true, true),
            ("Phone: 12", true, false),
            ("https://example.org/", false, false),
            ("two words: a", false, false),
            (": a", false, false),
            ("", false, false),
        ] {
            let line = line.as_bytes();
            assert_eq!((is_field(line), is_known_field(line)), (field, known));
        }
        assert_eq!(content_length(b"content-length: 94\r"), Some(94));
        assert_eq!(content_length(b"Content-Length: x"), None);
        assert_eq!(content_length(b"Content-Type: 5"), None);
    }
}
