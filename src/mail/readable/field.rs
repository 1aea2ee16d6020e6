//! Header fields: where they lie, and what those say that describe a part (RFC 2045, RFC 2183).

use mail_parser::{ContentType, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders};

use crate::mail::bounds::{PART_FIELD, PART_FIELDS};

/// The fields of a header: names, and values as they are, folded.
pub(super) fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = header;
    let next = move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        loop {
            end += memchr::memchr(b'\n', &rest[end..]).map_or(rest.len() - end, |at| at + 1);
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (field, after) = rest.split_at(end);
        rest = after;
        Some(field)
    };
    std::iter::from_fn(next).filter_map(|field| {
        let colon = memchr::memchr2(b':', b'\n', field).filter(|at| field[*at] == b':')?;
        let name = field[..colon].trim_ascii();
        (!name.is_empty()).then_some((name, &field[colon + 1..]))
    })
}

/// The values of the fields with this name.
pub(super) fn values<'a>(header: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    fields(header)
        .filter(move |(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
}

/// How the bytes of a part are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    #[default]
    Plain,
    Base64,
    QuotedPrintable,
}

/// What a part is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum FieldKind {
    #[default]
    Plain,
    Html,
    OtherText,
    /// Pictures and the like, which may stand within a text.
    Media,
    Message,
    Mixed,
    Alternative,
    Related,
    Digest,
    OtherMultipart,
    Other,
}

impl FieldKind {
    fn of(content: &ContentType<'_>) -> Self {
        match (content.ctype(), content.subtype()) {
            ("multipart", Some("mixed")) => Self::Mixed,
            ("multipart", Some("alternative")) => Self::Alternative,
            ("multipart", Some("related")) => Self::Related,
            ("multipart", Some("digest")) => Self::Digest,
            ("multipart", _) => Self::OtherMultipart,
            ("text", Some("plain")) => Self::Plain,
            ("text", Some("html")) => Self::Html,
            ("text", _) => Self::OtherText,
            ("image" | "audio" | "video", _) => Self::Media,
            ("message", Some("rfc822" | "global")) => Self::Message,
            _ => Self::Other,
        }
    }

    pub(super) fn is_multipart(self) -> bool {
        matches!(
            self,
            Self::Mixed | Self::Alternative | Self::Related | Self::Digest | Self::OtherMultipart
        )
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Plain | Self::Html | Self::OtherText)
    }

    /// True for what may be shown as part of the text.
    pub(super) fn is_inline(self) -> bool {
        matches!(self, Self::Plain | Self::Html | Self::Media)
    }
}

/// What the header of a part says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) kind: FieldKind,
    /// Its media type, if it is told.
    pub(super) media: Option<String>,
    pub(super) boundary: Option<String>,
    pub(super) charset: Option<String>,
    pub(super) encoding: Encoding,
    /// Its file name, undecoded.
    pub(super) name: Option<String>,
    /// Its type has a name, which makes it none of the text.
    pub(super) is_named: bool,
    pub(super) is_attachment: bool,
    pub(super) content_id: Option<String>,
}

/// Reads labels.
#[derive(Debug)]
pub(super) struct LabelText(MessageParser);

impl LabelText {
    pub(super) fn new() -> Self {
        let parser = MessageParser::new().with_mime_headers();
        Self(parser.default_header_ignore())
    }

    /// What a header says; `is_digest` if the part lies in a digest.
    pub(super) fn read(&self, header: &[u8], is_digest: bool) -> Label {
        let mut told = Vec::new();
        let prefix = |name: &[u8]| {
            let start = name.get(..8);
            start.is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
        };
        for (name, value) in fields(header)
            .filter(|(name, _)| prefix(name))
            .take(PART_FIELDS)
        {
            told.extend_from_slice(name);
            told.push(b':');
            told.extend_from_slice(value[..value.len().min(PART_FIELD)].trim_ascii_end());
            told.extend_from_slice(b"\r\n");
        }
        let unlabelled = Label {
            kind: if is_digest {
                FieldKind::Message
            } else {
                FieldKind::Plain
            },
            ..Label::default()
        };
        if told.is_empty() {
            return unlabelled;
        }
        told.extend_from_slice(b"\r\n");
        match self.0.parse_headers(&told) {
            Some(message) => label(&message, unlabelled),
            None => unlabelled,
        }
    }
}

fn label(message: &Message<'_>, unlabelled: Label) -> Label {
    let Some(part) = message.parts.first() else {
        return unlabelled;
    };
    let content = part.content_type();
    let attribute = |name| {
        let value = content.and_then(|content| content.attribute(name));
        value.map(str::to_owned)
    };
    let encoding = part.headers.iter().rev().find_map(|header| {
        let encoding = HeaderName::ContentTransferEncoding;
        match &header.value {
            HeaderValue::Text(value) if header.name == encoding => Some(value.as_ref()),
            _ => None,
        }
    });
    let media = content.map(|content| match content.subtype() {
        Some(subtype) => format!("{}/{subtype}", content.ctype()),
        None => content.ctype().to_owned(),
    });
    let disposition = part.content_disposition();
    Label {
        kind: content.map_or(unlabelled.kind, FieldKind::of),
        media: media.map(|media| media.to_ascii_lowercase()),
        boundary: attribute("boundary"),
        charset: attribute("charset"),
        encoding: match encoding {
            Some(name) if name.eq_ignore_ascii_case("base64") => Encoding::Base64,
            Some(name) if name.eq_ignore_ascii_case("quoted-printable") => {
                Encoding::QuotedPrintable
            }
            _ => Encoding::Plain,
        },
        name: part.attachment_name().map(str::to_owned),
        is_named: content.is_some_and(|content| content.has_attribute("name")),
        is_attachment: disposition.is_some_and(ContentType::is_attachment),
        content_id: part.content_id().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_with_their_folds() {
        let header = b"A: b\r\n c\r\nno field\r\n : d\r\nE :f\n\nG:";
        let found: Vec<_> = fields(header).collect();
        assert_eq!(
            found,
            [
                (&b"A"[..], &b" b\r\n c\r\n"[..]),
                (b"E", b"f\n"),
                (b"G", b"")
            ]
        );
    }

    #[test]
    fn a_label_is_read() {
        let label = LabelText::new().read(
            b"X: y\r\ncontent-TYPE: Text/HTML; charset=x; name=\"a\"\r\n\
              Content-Transfer-Encoding: BASE64\r\nContent-Id: <i@x>\r\n\
              Content-Disposition: attachment; filename=b\r\n",
            false,
        );
        assert_eq!(label.kind, FieldKind::Html);
        assert_eq!(label.media.as_deref(), Some("text/html"));
        assert_eq!(label.name.as_deref(), Some("b"));
        assert_eq!(label.content_id.as_deref(), Some("i@x"));
        assert!(label.is_named && label.is_attachment);
        assert_eq!(label.encoding, Encoding::Base64);
        assert_eq!(
            LabelText::new().read(b"X: y\r\n", true).kind,
            FieldKind::Message
        );
    }
}
