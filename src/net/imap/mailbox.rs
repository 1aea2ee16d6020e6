//! The rows of LIST, STATUS, NAMESPACE and QUOTA (RFC 9051 s.7.3, RFC 6154, RFC 9208).

use crate::net::imap::name::label;
use crate::net::imap::reply::{holds, pairs};
use crate::net::imap::token::{Token, TokenReader};

/// What a mailbox is for (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// Every message of the account.
    All,
    /// Archived mail.
    Archive,
    /// Drafts.
    Drafts,
    /// Every flagged message.
    Flagged,
    /// Every important message.
    Important,
    /// Spam.
    Junk,
    /// Sent mail.
    Sent,
    /// Deleted mail.
    Trash,
}

/// What STATUS says of a mailbox; everything is `None` that it did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages in it.
    pub messages: Option<u32>,
    /// The next UID.
    pub uidnext: Option<u32>,
    /// Under which its UIDs hold.
    pub(crate) uidvalidity: Option<u32>,
    /// Its last change (RFC 7162).
    pub modseq: Option<u64>,
}

/// One mailbox of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its name as the server writes it; any bytes, never a path.
    pub(crate) raw: Vec<u8>,
    /// Its name as people read it; foreign text.
    pub label: String,
    /// The delimiter between the levels of its name.
    pub(crate) delimiter: Option<u8>,
    /// False if it only has others below it.
    pub selectable: bool,
    /// What it is for.
    pub(crate) special: Vec<SpecialUse>,
    /// What STATUS said of it.
    pub counts: Option<Counts>,
    utf8: bool,
}

impl Mailbox {
    /// True if it has every message of the account (RFC 6154, `\All`).
    #[must_use]
    pub(crate) fn is_all(&self) -> bool {
        self.special.contains(&SpecialUse::All)
    }

    /// The mailbox that every account has.
    #[must_use]
    pub fn inbox() -> Self {
        Self {
            raw: b"INBOX".to_vec(),
            label: "INBOX".into(),
            delimiter: None,
            selectable: true,
            special: Vec::new(),
            counts: None,
            utf8: false,
        }
    }

    /// The mailbox with this name, be it there or not.
    pub(super) fn named(raw: Vec<u8>, delimiter: Option<u8>, utf8: bool) -> Self {
        Self {
            label: label(&raw, utf8),
            raw,
            delimiter,
            utf8,
            ..Self::inbox()
        }
    }

    /// How the name of a mailbox may be meant that stands where it is not clear how names
    /// come.
    #[must_use]
    pub(crate) fn readings(raw: &[u8]) -> [String; 2] {
        [label(raw, false), label(raw, true)]
    }

    /// The levels of its name in readable form; foreign text, `..` and all.
    #[must_use]
    pub fn levels(&self) -> Vec<String> {
        let level = |raw: &[u8]| label(raw, self.utf8);
        match self.delimiter {
            Some(delimiter) => self.raw.split(|b| *b == delimiter).map(level).collect(),
            None => vec![level(&self.raw)],
        }
    }

    /// Reads a row of LIST after its word; `utf8` says how names come.
    pub(super) fn read(row: &mut TokenReader<'_>, utf8: bool) -> Option<Self> {
        let attributes = row.texts().ok()?;
        let delimiter = row.text().and_then(|text| text.first().copied());
        let mut raw = name(row)?;
        if raw.eq_ignore_ascii_case(b"INBOX") {
            raw = b"INBOX".to_vec();
        }
        let mut special: Vec<_> = attributes.iter().filter_map(|a| special_use(a)).collect();
        special.dedup();
        Some(Self {
            label: label(&raw, utf8),
            raw,
            delimiter,
            selectable: !holds(&attributes, "\\Noselect") && !holds(&attributes, "\\NonExistent"),
            special,
            counts: None,
            utf8,
        })
    }
}

/// Takes a name. Some servers forget the quotes around spaces and control characters.
fn name(row: &mut TokenReader<'_>) -> Option<Vec<u8>> {
    let whole = row.rest();
    match row.token()? {
        Token::Text(text) => Some(text.into_owned()),
        Token::Atom(word) => {
            let rest = row.rest();
            let bare = rest.is_empty() || rest.starts_with(b"(");
            Some(if bare { word } else { whole }.to_vec())
        }
        _ => None,
    }
}

fn special_use(attribute: &[u8]) -> Option<SpecialUse> {
    let name = attribute.strip_prefix(b"\\")?.to_ascii_lowercase();
    Some(match name.as_slice() {
        b"all" | b"allmail" => SpecialUse::All,
        b"archive" => SpecialUse::Archive,
        b"drafts" => SpecialUse::Drafts,
        b"flagged" | b"starred" => SpecialUse::Flagged,
        b"important" => SpecialUse::Important,
        b"junk" | b"spam" => SpecialUse::Junk,
        b"sent" => SpecialUse::Sent,
        b"trash" => SpecialUse::Trash,
        _ => return None,
    })
}

/// Reads a row of STATUS after its word: the name as sent, and the counts.
pub(super) fn status(row: &mut TokenReader<'_>) -> Option<(Vec<u8>, Counts)> {
    let mut raw = name(row)?;
    if raw.eq_ignore_ascii_case(b"INBOX") {
        raw = b"INBOX".to_vec();
    }
    let mut counts = Counts::default();
    for (item, number) in pairs(row).ok()? {
        let small = number.and_then(|n| u32::try_from(n).ok());
        match item.as_str() {
            "MESSAGES" => counts.messages = small,
            "UIDNEXT" => counts.uidnext = small.filter(|n| *n > 0),
            "UIDVALIDITY" => counts.uidvalidity = small.filter(|n| *n > 0),
            "HIGHESTMODSEQ" => counts.modseq = number.filter(|n| *n > 0),
            _ => {}
        }
    }
    Some((raw, counts))
}

/// Where the names of mailboxes begin (RFC 2342).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// What each name in it begins with, as the server writes it.
    pub prefix: Vec<u8>,
    /// The delimiter between the levels of names.
    pub delimiter: Option<u8>,
}

/// The answer to NAMESPACE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The user's own.
    pub personal: Vec<Namespace>,
    /// Those of other users.
    pub(crate) others: Vec<Namespace>,
    /// Shared ones.
    pub(crate) shared: Vec<Namespace>,
}

impl Namespaces {
    /// Reads a row of NAMESPACE after its word.
    pub(super) fn read(row: &mut TokenReader<'_>) -> Self {
        let mut group = || -> Vec<Namespace> {
            let mut found = Vec::new();
            if row.peek() != Some(Token::Open) {
                let _ = row.skip();
                return found;
            }
            row.token();
            while row.token() == Some(Token::Open) {
                let prefix = row.text().unwrap_or_default().into_owned();
                let delimiter = row.text().and_then(|text| text.first().copied());
                found.push(Namespace { prefix, delimiter });
                // Extensions, up to the end of this one.
                while !matches!(row.peek(), Some(Token::Close) | None) && row.skip().is_ok() {}
                row.token();
            }
            found
        };
        Self {
            personal: group(),
            others: group(),
            shared: group(),
        }
    }
}

/// One limit of an account (RFC 9208).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaUsage {
    /// What it is a limit of, such as `STORAGE`, in capitals.
    pub resource: String,
    /// How much is used; `STORAGE` counts units of 1,024 octets.
    pub(crate) used: u64,
    /// How much may be used.
    pub limit: u64,
}

/// Reads a row of QUOTA after its word.
pub(super) fn quota(row: &mut TokenReader<'_>) -> Vec<QuotaUsage> {
    row.text();
    let mut found = Vec::new();
    if row.token() == Some(Token::Open) {
        while let Some(Token::Atom(resource)) = row.token() {
            if let (Some(used), Some(limit)) = (row.number(), row.number()) {
                let resource = String::from_utf8_lossy(resource).to_ascii_uppercase();
                found.push(QuotaUsage {
                    resource,
                    used,
                    limit,
                });
            }
        }
    }
    found
}

/// Reads any text as each kind of row.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(text: &[u8]) {
    for utf8 in [false, true] {
        let mailbox = Mailbox::read(&mut TokenReader::new(text), utf8);
        if let Some(mailbox) = mailbox {
            assert!(!mailbox.levels().is_empty());
        }
    }
    let _ = status(&mut TokenReader::new(text));
    let _ = Namespaces::read(&mut TokenReader::new(text));
    let _ = quota(&mut TokenReader::new(text));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use imap_proto::{MailboxDatum, MailboxListData, NameAttribute, Response, StatusAttribute};
    use proptest::prelude::*;

    fn row(text: &[u8]) -> Option<Mailbox> {
        Mailbox::read(&mut TokenReader::new(text), false)
    }

    #[test]
    fn rows_of_real_servers_are_read() {
        let sent = row(b"(\\HasNoChildren \\Sent) \".\" INBOX.Gesendete&-Mails").unwrap();
        assert_eq!(sent.label, "INBOX.Gesendete&Mails");
        assert_eq!(sent.levels(), ["INBOX", "Gesendete&Mails"]);
        assert!(sent.selectable);
        assert_eq!(sent.special, [SpecialUse::Sent]);
        let flat = row(b"() NIL inbox").unwrap();
        assert_eq!((flat.raw.as_slice(), flat.delimiter), (&b"INBOX"[..], None));
        let windows = row(b"(\\Noselect) \"\\\\\" \"a\\\\b\"").unwrap();
        assert_eq!(windows.levels(), ["a", "b"]);
        assert!(!windows.selectable);
        assert!(!row(b"(\\NonExistent) \"/\" gone").unwrap().selectable);
        let literal = row(b"() \"/\" {7}\r\ncaf\xc3\xa9/x").unwrap();
        assert_eq!(literal.levels(), ["café", "x"]);
        assert_eq!(
            row(b"() \"/\" a (\"CHILDINFO\" (\"X\"))").unwrap().raw,
            b"a"
        );
    }

    #[test]
    fn names_without_their_quotes_are_whole() {
        assert_eq!(
            row(b"() \"/\" My \x01 Folder").unwrap().raw,
            b"My \x01 Folder"
        );
        assert_eq!(row(b"() \"/\" [Gmail]/All").unwrap().raw, b"[Gmail]/All");
        assert_eq!(row(b"() \"/\" \"trailing \"").unwrap().raw, b"trailing ");
        assert_eq!(row(b"() \"/\" \"\"").unwrap().raw, b"");
        assert!(row(b"() \"/\"").is_none());
        assert!(row(b"() \"/\" ()").is_none());
    }

    #[test]
    fn names_that_would_lead_astray_are_data() {
        let levels = row(b"() \"/\" \"../../etc/./a\"").unwrap().levels();
        assert_eq!(levels, ["..", "..", "etc", ".", "a"]);
    }

    #[test]
    fn counts_of_zero_are_unknown_where_zero_is_none() {
        let read = |text: &str| status(&mut TokenReader::new(text.as_bytes()));
        let (name, counts) =
            read("Inbox (MESSAGES 0 UIDNEXT 0 UIDVALIDITY 0 HIGHESTMODSEQ 0)").unwrap();
        assert_eq!(name, b"INBOX");
        let messages = Some(0);
        assert_eq!(
            counts,
            Counts {
                messages,
                ..Counts::default()
            }
        );
        assert!(read("a (MESSAGES").is_none());
    }

    #[test]
    fn namespaces_of_real_servers_are_read() {
        let read = |text: &str| Namespaces::read(&mut TokenReader::new(text.as_bytes()));
        let space = |prefix: &str, delimiter| Namespace {
            prefix: prefix.into(),
            delimiter,
        };
        let courier = read("((\"INBOX.\" \".\")) NIL ((\"#shared.\" \".\")(\"shared.\" \".\"))");
        assert_eq!(courier.personal, [space("INBOX.", Some(b'.'))]);
        assert_eq!(courier.others, []);
        assert_eq!(courier.shared.len(), 2);
        let extended = read("((\"\" NIL \"X\" (\"a\" \"b\"))) NIL NIL");
        assert_eq!(extended.personal, [space("", None)]);
        assert_eq!(read("NIL NIL NIL"), Namespaces::default());
        assert_eq!(read("(("), read("((\"\" NIL"));
    }

    #[test]
    fn quotas_are_read_with_and_without_limits() {
        let read = |text: &str| quota(&mut TokenReader::new(text.as_bytes()));
        assert_eq!(
            read("\"User quota\" (STORAGE 1 5120 MESSAGE 2 x)"),
            [QuotaUsage {
                resource: "STORAGE".into(),
                used: 1,
                limit: 5120
            }]
        );
        assert_eq!(read("\"ROOT\""), []);
        assert_eq!(read("\"\" ()"), []);
    }

    proptest! {
        #[test]
        fn no_row_breaks_them(text in prop::collection::vec(any::<u8>(), 0..80), shaped in "[()\" A-Z0-9]{0,60}") {
            for text in [text.as_slice(), shaped.as_bytes()] {
                assert_any(text);
            }
        }

        #[test]
        fn rows_are_read_as_imap_proto_reads_them(
            name in "[ -!#-\\[\\]-~]{1,20}",
            delimiter in prop::sample::select(vec!["\"/\"", "\".\"", "NIL"]),
            noselect in any::<bool>(),
            messages in any::<u32>(),
            uidnext in 1_u32..,
        ) {
            let attribute = if noselect { "\\Noselect" } else { "\\Trash" };
            let line = format!("({attribute}) {delimiter} \"{name}\"");
            let ours = row(line.as_bytes()).unwrap();
            let wire = format!("* LIST {line}\r\n");
            let parsed = imap_proto::Response::parse(wire.as_bytes());
            let Ok((_, Response::MailboxData(MailboxDatum::List(MailboxListData { name_attributes, delimiter, name: theirs })))) = parsed else {
                panic!("{parsed:?}");
            };
            prop_assert_eq!(String::from_utf8_lossy(&ours.raw), theirs);
            prop_assert_eq!(ours.delimiter, delimiter.map(|d| d.as_bytes()[0]));
            prop_assert_eq!(ours.selectable, !name_attributes.contains(&NameAttribute::NoSelect));
            prop_assert_eq!(ours.special.is_empty(), !name_attributes.contains(&NameAttribute::Trash));

            let line = format!("\"{name}\" (MESSAGES {messages} UIDNEXT {uidnext})");
            let (_, ours) = status(&mut TokenReader::new(line.as_bytes())).unwrap();
            let wire = format!("* STATUS {line}\r\n");
            let parsed = imap_proto::Response::parse(wire.as_bytes());
            let Ok((_, Response::MailboxData(MailboxDatum::Status { status, .. }))) = parsed else {
                panic!("{parsed:?}");
            };
            prop_assert_eq!(
                status,
                [StatusAttribute::Messages(ours.messages.unwrap()), StatusAttribute::UidNext(ours.uidnext.unwrap())]
            );
        }
    }
}
