//! The labels that Google Takeout writes before the header of each message of its mbox files, as
//! folders and flags.
//!
//! A name that Gmail gives a state or a place of its own comes in the language of the account. The
//! table has what public reports and converters list; a name that is not in it becomes a folder
//! like any label, so that nothing is lost by it.

use crate::mail::readable::header_text;
use crate::mail::source::Marks;

/// Gmail writes no longer field.
const LONGEST: usize = 8 << 10;
/// More labels than a message can sensibly have.
const MOST: usize = 100;
/// The folder for mail whose labels are all states: Gmail calls it archived.
const ARCHIVE: &str = "Archive";

/// What a name of Gmail's own means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SystemLabel {
    Inbox,
    /// A folder of the usual name.
    Folder(&'static str),
    /// A folder whose mail is in no other.
    Apart(&'static str),
    Starred,
    Unread,
    /// A state for which a vault has no place: read, archived, important.
    State,
}

use SystemLabel::{Apart, Folder, Inbox, Starred, State, Unread};

/// English, German, French, Spanish and Catalan, in lower case. Sources: the converters
/// rgladwell/imap-upload and suitenumerique/messages, and files quoted in their issues.
const SYSTEM: [(&str, SystemLabel); 50] = [
    ("inbox", Inbox),
    ("sent", Folder("Sent")),
    ("draft", Folder("Drafts")),
    ("drafts", Folder("Drafts")),
    ("spam", Apart("Spam")),
    ("trash", Apart("Trash")),
    ("bin", Apart("Trash")),
    ("starred", Starred),
    ("unread", Unread),
    ("opened", State),
    ("archived", State),
    ("important", State),
    ("posteingang", Inbox),
    ("gesendet", Folder("Sent")),
    ("entwürfe", Folder("Drafts")),
    ("papierkorb", Apart("Trash")),
    ("markiert", Starred),
    ("ungelesen", Unread),
    ("geöffnet", State),
    ("archiviert", State),
    ("wichtig", State),
    ("boîte de réception", Inbox),
    ("messages envoyés", Folder("Sent")),
    ("envoyé", Folder("Sent")),
    ("brouillons", Folder("Drafts")),
    ("corbeille", Apart("Trash")),
    ("favoris", Starred),
    ("non lus", Unread),
    ("ouvert", State),
    ("messages archivés", State),
    ("archivés", State),
    ("recibidos", Inbox),
    ("enviados", Folder("Sent")),
    ("borradores", Folder("Drafts")),
    ("papelera", Apart("Trash")),
    ("destacados", Starred),
    ("no leídos", Unread),
    ("abierto", State),
    ("archivados", State),
    ("importante", State),
    ("safata d'entrada", Inbox),
    ("enviats", Folder("Sent")),
    ("esborranys", Folder("Drafts")),
    ("paperera", Apart("Trash")),
    ("destacats", Starred),
    ("no llegits", Unread),
    ("oberts", State),
    ("arxivats", State),
    ("importants", State),
    ("correu brossa", Apart("Spam")),
];

/// The tabs of the inbox, which are no folders: `Category Updates`, `Kategorie: "Neuigkeiten"`.
const CATEGORIES: [&str; 5] = [
    "category:",
    "kategorie:",
    "catégorie :",
    "categoría:",
    "categoria:",
];
const ENGLISH_CATEGORIES: [&str; 9] = [
    "category finance",
    "category forums",
    "category personal",
    "category promotions",
    "category purchases",
    "category reservations",
    "category social",
    "category travel",
    "category updates",
];
/// The beginning of a label for a flag that another program set over IMAP.
const FLAG: &str = "IMAP_";

/// Where a message lay at Gmail, and in which state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GmailLabels {
    /// The folders, part by part; the inbox has none. There is at least one.
    pub(super) folders: Vec<Vec<String>>,
    pub(super) marks: Marks,
}

/// The labels of a message, from its beginning. Only fields before all others are from Takeout;
/// later ones a sender may have written.
pub(super) fn read(head: &[u8]) -> Option<GmailLabels> {
    let mut lines = head.split(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        let mut field = line.to_vec();
        while let Some(more) = lines.next_if(|l| matches!(l.first(), Some(b' ' | b'\t'))) {
            field.extend_from_slice(more);
        }
        let colon = field.iter().position(|b| *b == b':')?;
        let name = field[..colon].to_ascii_lowercase();
        if name == b"x-gmail-labels" {
            return meaning(&field[colon + 1..]);
        }
        if !name.starts_with(b"x-gm-") {
            return None;
        }
    }
    None
}

fn meaning(value: &[u8]) -> Option<GmailLabels> {
    if value.len() > LONGEST {
        return None;
    }
    let labels = split(&header_text(value));
    if labels.is_empty() || labels.len() > MOST {
        return None;
    }
    let (mut folders, mut apart) = (Vec::new(), Vec::new());
    let (mut flags, mut seen) = (Vec::new(), true);
    for label in labels {
        match system_label(&label) {
            Some(Inbox) => folders.push(Vec::new()),
            Some(Folder(name)) => {
                if name == "Drafts" {
                    flags.push("\\Draft".to_owned());
                }
                folders.push(vec![name.to_owned()]);
            }
            Some(Apart(name)) => apart.push(vec![name.to_owned()]),
            Some(Starred) => flags.push("\\Flagged".to_owned()),
            Some(Unread) => seen = false,
            Some(State) => {}
            None => match label.strip_prefix(FLAG) {
                Some(flag) if is_keyword(flag) => flags.push(flag.to_owned()),
                _ => folders.extend(path(&label)),
            },
        }
    }
    if seen {
        flags.push("\\Seen".to_owned());
    }
    if !apart.is_empty() {
        folders = apart;
    }
    if folders.is_empty() {
        folders.push(vec![ARCHIVE.to_owned()]);
    }
    Some(GmailLabels {
        folders,
        marks: Marks::of(&flags),
    })
}

/// The labels of a field's text. Commas within quotes separate nothing, and quotes around a whole
/// label do not belong to it; a quote that is never closed is one character among others.
fn split(text: &str) -> Vec<String> {
    let balanced = text.matches('"').count().is_multiple_of(2);
    let mut quoted = false;
    let parts = text.split(|c| {
        quoted ^= c == '"' && balanced;
        c == ',' && !quoted
    });
    let labels = parts.map(|part| {
        let part = part.trim();
        let inner = part.strip_prefix('"').and_then(|p| p.strip_suffix('"'));
        inner.map_or_else(|| part.to_owned(), |inner| inner.replace("\"\"", "\""))
    });
    labels.filter(|label| !label.is_empty()).collect()
}

fn system_label(label: &str) -> Option<SystemLabel> {
    let label = label.to_lowercase().replace('\u{a0}', " ");
    let is_category = CATEGORIES.iter().any(|begin| label.starts_with(begin))
        || ENGLISH_CATEGORIES.contains(&label.as_str());
    if is_category {
        return Some(State);
    }
    let known = SYSTEM.iter().find(|(name, _)| *name == label);
    known.map(|(_, meaning)| *meaning)
}

/// A flag that IMAP can have (RFC 9051, flag-keyword); one with a backslash is not for us to set.
fn is_keyword(flag: &str) -> bool {
    let odd = |b: u8| !b.is_ascii_graphic() || b"(){%*\"\\]".contains(&b);
    !flag.is_empty() && !flag.bytes().any(odd)
}

/// A label's name, part by part; none for one of slashes alone.
fn path(label: &str) -> Option<Vec<String>> {
    let parts = label.split('/').map(str::trim);
    let parts: Vec<String> = parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    (!parts.is_empty()).then_some(parts)
}

/// What holds for any value of the field: a message with labels is in a folder with a name.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any_labels(value: &[u8]) {
    for begin in ["X-Gmail-Labels: ", ""] {
        let head = [begin.as_bytes(), value, b"\r\n\r\n"].concat();
        if let Some(labels) = read(&head) {
            assert!(!labels.folders.is_empty());
            assert!(labels.folders.iter().flatten().all(|part| !part.is_empty()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labelled(value: &str) -> (Vec<String>, String, String) {
        let head = format!("X-GM-THRID: 1\r\nX-Gmail-Labels: {value}\r\nFrom: a\r\n\r\n");
        let labels = read(head.as_bytes()).expect("labels");
        let folders = labels.folders.iter().map(|parts| parts.join("/"));
        (folders.collect(), labels.marks.letters, labels.marks.words)
    }

    fn folders(value: &str) -> Vec<String> {
        labelled(value).0
    }

    #[test]
    fn labels_are_folders_and_flags() {
        for (value, wanted, flags) in [
            ("Inbox,Unread,Important", &[""][..], ""),
            ("Inbox,Opened,Category Promotions", &[""], "S"),
            ("Archived,Opened", &["Archive"], "S"),
            ("Important,Sent,Opened", &["Sent"], "S"),
            ("Archived,Sent,Work/Clients", &["Sent", "Work/Clients"], "S"),
            ("Draft,Starred", &["Drafts"], "DFS"),
            ("Spam,Category Promotions,Unread", &["Spam"], ""),
            ("Trash,Work,Opened", &["Trash"], "S"),
            ("Category Theory", &["Category Theory"], "S"),
            ("Inbox,IMAP_$Forwarded,IMAP_Junk", &[""], "PS"),
            ("IMAP_\\Seen", &["IMAP_\\Seen"], "S"),
            ("//", &["Archive"], "S"),
        ] {
            let (folders, letters, _) = labelled(value);
            assert_eq!(
                (folders, letters.as_str()),
                (wanted.iter().map(ToString::to_string).collect(), flags),
                "{value}"
            );
        }
        assert_eq!(
            labelled("Inbox,IMAP_$MDNSent,IMAP_NotJunk").2,
            "$MDNSent NotJunk"
        );
    }

    #[test]
    fn labels_are_read_in_the_languages_and_encodings_that_takeout_writes() {
        for (value, wanted, flags) in [
            (
                "=?UTF-8?Q?Posteingang,Wichtig,Ungelesen,Kategorie:_=22Neuigkeiten=22?=",
                &[""][..],
                "",
            ),
            (
                "=?UTF-8?Q?Archiviert,Wichtig,Ge=C3=B6ffnet,Kategorie:_=22=22Pers=C3=B6nlich=22=22?=",
                &["Archive"],
                "S",
            ),
            ("=?UTF-8?Q?Archiv=C3=A9s,Envoy=C3=A9?=", &["Sent"], "S"),
            (
                "=?UTF-8?Q?Bo=C3=AEte_de_r=C3=A9ception,Non_lus?=",
                &[""],
                "",
            ),
            (
                "=?UTF-8?Q?Messages_archiv=C3=A9s,Ouvert,Cat=C3=A9gorie=C2=A0:_E-mails_?=\r\n \
                 =?UTF-8?Q?personnels,\"Culture,_associations,_=C3=A9v=C3=A9nements\"?=",
                &["Culture, associations, événements"],
                "S",
            ),
            ("Recibidos,Importante", &[""], "S"),
            ("=?UTF-8?Q?No_le=C3=ADdos,Papelera?=", &["Trash"], ""),
            ("Safata d'entrada,No llegits", &[""], ""),
            ("=?utf-8?B?5Lit5paHLFNlbnQ=?=", &["中文", "Sent"], "S"),
            (
                "=?utf-8?Q?Sent=2C?= =?utf-8?B?5Lit5paH?=",
                &["Sent", "中文"],
                "S",
            ),
            ("=?iso-8859-1?Q?Caf=E9?=,\r\n\tInbox", &["Café", ""], "S"),
            (
                "\"Foo, Bar\",\"say \"\"hi\"\"\"",
                &["Foo, Bar", "say \"hi\""],
                "S",
            ),
            ("5\" disks,Work", &["5\" disks", "Work"], "S"),
            ("Work , , \tHome", &["Work", "Home"], "S"),
        ] {
            let (folders, letters, _) = labelled(value);
            assert_eq!(
                (folders, letters.as_str()),
                (wanted.iter().map(ToString::to_string).collect(), flags),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_not_from_takeout_is_no_label() {
        let many = vec!["a"; MOST + 1].join(",");
        for head in [
            "From: a\nX-Gmail-Labels: Spam\n\n".to_owned(),
            "Received: a\nX-GM-THRID: 1\nX-Gmail-Labels: Spam\n\n".to_owned(),
            "X-GM-THRID: 1\n\nX-Gmail-Labels: Spam\n".to_owned(),
            "X-GM-THRID: 1\n".to_owned(),
            "X-Gmail-Labels:\n\n".to_owned(),
            format!("X-Gmail-Labels: {}\n\n", "a".repeat(LONGEST)),
            format!("X-Gmail-Labels: {many}\n\n"),
            String::new(),
        ] {
            assert_eq!(read(head.as_bytes()), None, "{head}");
        }
        assert_eq!(folders("x"), ["x"]);
    }

    proptest! {
        #[test]
        fn any_field_is_read_without_a_panic(value in prop::collection::vec(any::<u8>(), 0..200)) {
            assert_any_labels(&value);
        }

        #[test]
        fn labels_of_users_come_back_as_they_were(
            labels in prop::collection::vec("[0-9x-z,]{1,8}[0-9x-z]", 1..8),
        ) {
            let quoted: Vec<String> = labels.iter().map(|label| format!("\"{label}\"")).collect();
            prop_assert_eq!(folders(&quoted.join(",")), labels);
        }
    }
}
