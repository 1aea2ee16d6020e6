//! Texts and links as the templates show them. Foreign text passes [`shown`] on its way into a
//! template, which then escapes it.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Local};

use super::keys::{self, KeyHint};
use super::policy;
use crate::mail::markup::visible;
use crate::vault::catalog::{SiteLetter, SiteLink};

/// A foreign text without characters that are not seen.
pub(super) fn shown(text: &str) -> String {
    visible(text).into_owned()
}

/// A link with a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct NamedLink {
    pub(super) href: String,
    pub(super) label: String,
}

/// What all pages have around their content.
#[derive(Debug, Clone)]
pub(super) struct PageHead {
    pub(super) title: String,
    /// The way up to the start page.
    pub(super) up: String,
    pub(super) policy: String,
    pub(super) script: &'static str,
    /// The pages above this one.
    pub(super) trail: Vec<NamedLink>,
    /// The zone of the times that are shown, if there are some.
    pub(super) zone: Option<String>,
    /// The keys that the page answers to.
    pub(super) keys: &'static [KeyHint],
}

impl PageHead {
    /// That of a page with this way up to the start page.
    pub(super) fn new(title: &str, up: &str) -> Self {
        Self {
            title: shown(title),
            up: up.to_owned(),
            policy: policy::policy(),
            script: policy::SCRIPT,
            trail: vec![NamedLink {
                href: format!("{up}index.html"),
                label: "Mail archive".to_owned(),
            }],
            zone: None,
            keys: keys::PLAIN,
        }
    }

    /// The same for a page that answers to these keys.
    pub(super) fn with_keys(mut self, keys: &'static [KeyHint]) -> Self {
        self.keys = keys;
        self
    }

    /// The same below another page.
    pub(super) fn below(mut self, link: NamedLink) -> Self {
        self.trail.push(link);
        self
    }

    /// The same for a page that shows this time, whose zone it names.
    pub(super) fn with_time(mut self, time: i64) -> Self {
        self.zone = local(time).map(|time| time.format("UTC%:z").to_string());
        self
    }
}

/// A time by the clock of this machine.
pub(super) fn local(time: i64) -> Option<DateTime<Local>> {
    let time = DateTime::from_timestamp(time, 0).filter(|_| time > 0)?;
    Some(time.with_timezone(&Local))
}

/// A time for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ShownTime {
    pub(super) iso: Option<String>,
    pub(super) text: String,
}

impl ShownTime {
    pub(super) fn of(time: i64) -> Self {
        match local(time) {
            Some(time) => Self {
                iso: Some(time.format("%Y-%m-%dT%H:%M:%S%:z").to_string()),
                text: time.format("%-d %b %Y, %H:%M").to_string(),
            },
            None => Self {
                iso: None,
                text: "undated".to_owned(),
            },
        }
    }
}

/// The day of a time, as `2 Aug 2025`.
pub(super) fn day(time: i64) -> String {
    local(time).map_or_else(
        || "undated".to_owned(),
        |time| time.format("%-d %b %Y").to_string(),
    )
}

/// The year and month of a time.
pub(super) fn month(time: i64) -> Option<(i32, u32)> {
    local(time).map(|time| (time.year(), time.month()))
}

/// The names of the months.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The name by which links lead to a month.
pub(super) fn month_id(month: (i32, u32)) -> String {
    format!("{:04}-{:02}", month.0, month.1)
}

/// A relative path in a link.
pub(super) fn link(path: &str) -> String {
    let mut safe = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                safe.push(char::from(byte));
            }
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(safe, "%{byte:02x}");
            }
        }
    }
    safe
}

/// The name by which links lead to a message within a page: no two of a page share it.
pub(super) fn anchor(id: &str) -> String {
    format!("m{}", &id[..16])
}

/// The file of a page of a conversation, below the start page.
pub(super) fn page_file(link: &SiteLink) -> String {
    let root = link.root.to_string();
    let number = match link.page {
        1 => String::new(),
        page => format!("-{page}"),
    };
    format!("messages/{}/{root}{number}.html", &root[..2])
}

/// A link to a message from a page with this way up to the start page.
pub(super) fn letter_href(link: &SiteLink, up: &str) -> String {
    format!("{up}{}#{}", page_file(link), anchor(&link.id.to_string()))
}

/// A subject, or what stands for one.
pub(super) fn subject(text: &str) -> &str {
    match text.trim() {
        "" => "(no subject)",
        subject => subject,
    }
}

/// Who wrote it: the name of a `name <address>`, else all of it.
pub(super) fn sender(from: &str) -> &str {
    let name = from.split('<').next().unwrap_or_default();
    let name = name.trim().trim_matches('"').trim();
    if name.is_empty() {
        from.trim().trim_matches(['<', '>'])
    } else {
        name
    }
}

/// The beginning of a text.
pub(super) fn short(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}\u{2026}", &text[..at]),
        None => text.to_owned(),
    }
}

/// Bytes that a text takes in a page.
pub(super) fn escaped_len(text: &str) -> usize {
    let escaped = text.bytes().filter(|b| b"<>&\"'".contains(b)).count();
    text.len() + 4 * escaped
}

/// A message in a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
pub(super) struct ListRow {
    pub(super) href: String,
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) time: ShownTime,
    pub(super) size: String,
    pub(super) unread: bool,
    pub(super) starred: bool,
    pub(super) answered: bool,
    pub(super) attached: bool,
}

impl ListRow {
    pub(super) fn new(letter: &SiteLetter, link: &SiteLink, up: &str) -> Self {
        let has = |flag| letter.flags.contains(flag);
        let who = match letter.to.as_str() {
            "" => sender(&letter.from).to_owned(),
            to => format!("To: {to}"),
        };
        Self {
            href: letter_href(link, up),
            from: shown(&short(&who, 60)),
            subject: shown(&short(subject(&letter.subject), 160)),
            time: ShownTime::of(letter.date),
            size: crate::base::units::size_text(letter.octets),
            unread: !has('S'),
            starred: has('F'),
            answered: has('R'),
            attached: letter.attachments > 0,
        }
    }

    /// Bytes that it takes in a page, or a few less.
    pub(super) fn bytes(&self) -> usize {
        let marks = [self.unread, self.starred, self.answered, self.attached];
        let marks = marks.into_iter().filter(|mark| *mark).count();
        260 + self.href.len() + escaped_len(&self.from) + escaped_len(&self.subject) + 90 * marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_or_linked_stays_whole_letters() {
        assert_eq!(short("a & b", 5), "a & b");
        assert_eq!(short("\u{e4} & b", 3), "\u{e4} &\u{2026}");
        assert_eq!(link("a b/\u{e4}\".pdf"), "a%20b/%c3%a4%22.pdf");
    }

    #[test]
    fn a_sender_is_a_name_or_an_address() {
        assert_eq!(sender("\"Ann A\" <ann@x>"), "Ann A");
        assert_eq!(sender("<ann@x>"), "ann@x");
        assert_eq!(sender("ann@x"), "ann@x");
    }
}
