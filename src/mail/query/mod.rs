//! The one query language of search, export, purge and stats: text to a tree.
//!
//! A query is a list of terms that must all match; it has no "or". A term is a bare
//! word or phrase, or `key:value`; a minus in front negates it:
//!
//! | term | matches |
//! | --- | --- |
//! | `word`, `"two words"` | words that follow each other anywhere in a message |
//! | `from:` `to:` `subject:` | the text in that header, within words, too |
//! | `account:` `folder:` | where the message came from |
//! | `id:4f2a` | the id, or its first digits, at least four |
//! | `msgid:a@example.org` | the Message-ID, angle brackets or not |
//! | `has:attachment` | messages with an attachment |
//! | `after:2020` | received by the mail server from 2020-01-01 00:00 UTC on, that moment included |
//! | `before:2021` | received earlier than 2021-01-01 00:00 UTC |
//! | `older:90d` `newer:7d` | the same, counted back from now (min h d w, mo = 30 d, y = 365 d) |
//! | `weekday:sat` `hour:14` | received on a Saturday, and between 14:00 and 15:00, in UTC |
//! | `larger:5M` `smaller:10k` | strictly more, strictly fewer bytes (binary K M G) |
//! | `on:server` | still on the server |
//!
//! Dates are `YYYY`, `YYYY-MM`, `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SSZ`, and mean the
//! first second of the year, month or day, so that `after:2019 before:2020` is one
//! year. A value in double quotes is taken as it is (`\"` and `\\` inside); that is
//! also how a word that looks like a term is searched for.
//!
//! Queries select what a purge deletes and what it keeps. So whatever may be a slip
//! (`form:x`, `OR`, an empty text) is an error with the right form, and is never read
//! as words that happen to match nothing.
//!
//! A bare text is looked for in addresses, subject, plain text, HTML and the names of
//! attachments. Its last word may go on: `invoice` finds `invoices`, but `voice` does
//! not; a text that ends in another character, such as `"invoice "`, or in a word of one
//! or two letters, finds whole words only. Case and accents never matter (`crate::mail::words`). `to:` is To, Cc and Bcc. Of a
//! message the first 16 MiB are looked at.

mod dates;
mod records;
mod sought;
mod uncertainty;
mod written;

use chrono::{DateTime, Utc, Weekday};
use std::fmt;

use crate::base::error::{Error, Result};
use crate::base::suggest::nearest;
use crate::base::units::{DurationFault, parse_size};

use dates::{ago, day_of_week, day_text, hour, moment, write_moment};

pub use crate::mail::words::marks;
pub use sought::keys;
pub use uncertainty::Uncertainty;
pub use written::written;

/// A parsed query: every term must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The terms in the order they were written.
    pub(crate) terms: Vec<Term>,
}

/// One condition of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    /// True if the message must not match.
    pub(crate) negated: bool,
    /// What is asked of the message.
    pub(crate) what: What,
}

/// What a term asks of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// The text anywhere: addresses, subject or body.
    Text(String),
    /// The text in the sender.
    From(String),
    /// The text in a recipient.
    To(String),
    /// The text in the subject.
    Subject(String),
    /// The account's name.
    Account(String),
    /// The name of any of these accounts. A text of a query cannot say that.
    AnyAccount(Vec<String>),
    /// The folder's name.
    Folder(String),
    /// The id's first 4 to 32 hex digits, lower case.
    Id(String),
    /// The Message-ID without its angle brackets.
    MessageId(String),
    /// There is an attachment.
    HasAttachment,
    /// Received at this Unix second or later; years 1 to 9999.
    ReceivedFrom(i64),
    /// Received before this Unix second; years 1 to 9999.
    ReceivedBefore(i64),
    /// Received on this day of the week, in UTC.
    Weekday(Weekday),
    /// Received in this hour of the day, in UTC; at most 23.
    Hour(u32),
    /// More bytes than this; at most `i64::MAX`.
    LargerThan(u64),
    /// Fewer bytes than this; at most `i64::MAX`.
    SmallerThan(u64),
    /// Still on the server, as of the last complete listing.
    OnServer,
    /// Not certain to be the message of the server that it is recorded for.
    Uncertain(Uncertainty),
}

impl Query {
    /// True if a message is asked for by its id or its Message-ID.
    #[must_use]
    pub(crate) fn names_a_message(&self) -> bool {
        self.has(|what| matches!(what, What::Id(_) | What::MessageId(_)))
    }

    /// True if an account is asked for.
    #[must_use]
    pub(crate) fn names_an_account(&self) -> bool {
        self.has(|what| matches!(what, What::Account(_) | What::AnyAccount(_)))
    }

    /// True if a message, a folder or an account is asked for, which should be there.
    #[must_use]
    pub(crate) fn names_anything(&self) -> bool {
        self.names_a_message()
            || self.names_an_account()
            || self.has(|what| matches!(what, What::Folder(_)))
    }

    /// True if a term that is not negated is so.
    fn has(&self, is_so: fn(&What) -> bool) -> bool {
        self.terms
            .iter()
            .any(|term| !term.negated && is_so(&term.what))
    }

    /// True if only the index of words can answer it.
    #[must_use]
    pub fn needs_texts(&self) -> bool {
        let asks = |what: &What| matches!(what, What::Text(_) | What::To(_) | What::HasAttachment);
        self.terms.iter().any(|term| asks(&term.what))
    }

    /// The texts that a message must have anywhere.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().filter_map(|term| match &term.what {
            What::Text(text) if !term.negated => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Parses words as a shell hands them over: each is one term, and one that holds
/// blanks is a phrase. No words at all are the query that every message matches.
pub fn parse<S: AsRef<str>>(words: &[S], now: DateTime<Utc>) -> Result<Query> {
    let mut terms = Vec::with_capacity(words.len());
    for word in words {
        let (term, _) = term(word.as_ref().trim(), Extent::Word, now)?;
        terms.push(term);
    }
    Ok(Query { terms })
}

/// Parses a query in one text, as in a configuration or `--match`: terms end at
/// blanks, and phrases stand in double quotes. An empty text is an error, since it
/// would match every message.
pub fn parse_text(text: &str, now: DateTime<Utc>) -> Result<Query> {
    let mut terms = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(EMPTY.error(text));
    }
    while !rest.is_empty() {
        let (term, after) = term(rest, Extent::Blank, now)?;
        terms.push(term);
        rest = after.trim_start();
    }
    Ok(Query { terms })
}

/// Where an unquoted value ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// At the end of the word.
    Word,
    /// At the next blank.
    Blank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QueryKey {
    From,
    To,
    Subject,
    Account,
    Folder,
    Id,
    MessageId,
    Has,
    After,
    Before,
    Older,
    Newer,
    Weekday,
    Hour,
    Larger,
    Smaller,
    On,
    Is,
}

/// Every key with its name and an example of its right form.
const KEYS: [(&str, QueryKey, &str); 18] = [
    ("from", QueryKey::From, "from:ann@example.org"),
    ("to", QueryKey::To, "to:ann@example.org"),
    ("subject", QueryKey::Subject, "subject:invoice"),
    ("account", QueryKey::Account, "account:work"),
    ("folder", QueryKey::Folder, "folder:INBOX"),
    ("id", QueryKey::Id, "id:4f2a91c0, 4 to 32 hex digits"),
    ("msgid", QueryKey::MessageId, "msgid:1234@example.org"),
    ("has", QueryKey::Has, "has:attachment"),
    (
        "after",
        QueryKey::After,
        "after:2020, after:2020-01 or after:2020-01-31",
    ),
    (
        "before",
        QueryKey::Before,
        "before:2020, before:2020-01 or before:2020-01-31",
    ),
    (
        "older",
        QueryKey::Older,
        "older:90d (min, h, d, w, mo or y)",
    ),
    ("newer", QueryKey::Newer, "newer:7d (min, h, d, w, mo or y)"),
    (
        "weekday",
        QueryKey::Weekday,
        "weekday:mon, tue, wed, thu, fri, sat or sun",
    ),
    ("hour", QueryKey::Hour, "hour:14, from 0 to 23"),
    ("larger", QueryKey::Larger, "larger:5M (K, M or G)"),
    ("smaller", QueryKey::Smaller, "smaller:10K (K, M or G)"),
    ("on", QueryKey::On, "on:server"),
    (
        "is",
        QueryKey::Is,
        "is:recognised, is:doubtful, is:settled or is:superseded",
    ),
];

/// True for a term with a key and a leading minus, such as `-from:ann`.
#[must_use]
pub fn is_negated_term(word: &str) -> bool {
    let key = word.strip_prefix('-').and_then(|term| term.split_once(':'));
    key.is_some_and(|(key, _)| KEYS.iter().any(|(name, ..)| key.eq_ignore_ascii_case(name)))
}

/// True for a word with a key, such as `from:ann`.
#[must_use]
pub fn is_keyed_term(word: &str) -> bool {
    word.split_once(':').is_some_and(|(name, value)| {
        known(&name.to_ascii_lowercase()).is_some() && !value.is_empty()
    })
}

/// Keys of other mail programs, with the right form here.
const FOREIGN: [(&str, &str); 24] = [
    ("attachment", "has:attachment"),
    ("bcc", "to:ann@example.org"),
    ("bigger", "larger:5M"),
    ("body", "the word alone"),
    ("cc", "to:ann@example.org"),
    ("date", "after:2020-01-31"),
    ("filename", "has:attachment"),
    ("hash", "id:4f2a91c0"),
    ("in", "folder:INBOX"),
    ("label", "folder:INBOX"),
    ("mailbox", "folder:INBOX"),
    ("messageid", "msgid:1234@example.org"),
    ("mid", "msgid:1234@example.org"),
    ("path", "folder:INBOX"),
    ("recipient", "to:ann@example.org"),
    ("sender", "from:ann@example.org"),
    ("since", "after:2020-01-31"),
    ("size", "larger:5M or smaller:10K"),
    ("tag", "folder:INBOX"),
    ("text", "the word alone"),
    ("title", "subject:invoice"),
    ("uid", "id:4f2a91c0"),
    ("uidl", "id:4f2a91c0"),
    ("until", "before:2020-01-31"),
];

/// Why a word is refused.
struct Complaint(&'static str);

const EMPTY: Complaint =
    Complaint("it is empty and would match every message; write a word, such as invoice");
const MINUS: Complaint =
    Complaint("a minus negates the word right after it: -from:ann@example.org");
const TWICE: Complaint =
    Complaint("one minus negates; put a word that begins with a minus in double quotes: \"-x\"");
const OPEN: Complaint = Complaint("the double quote is not closed; write \"two words\"");
const BEHIND: Complaint =
    Complaint("a space must follow the closing quote: \"two words\" from:ann@example.org");
const OPERATOR: Complaint = Complaint(
    "all words must match and a minus negates (-from:ann@example.org), there is no other \
     operator; put it in double quotes to search for the word",
);

impl Complaint {
    fn error(&self, word: &str) -> Error {
        refuse(word, self.0)
    }
}

fn refuse(word: &str, reason: impl Into<String>) -> Error {
    Error::Query {
        word: word.to_owned(),
        reason: reason.into(),
    }
}

/// Reads one term at the start of `input`, which begins with no blank; gives what is
/// left of it.
fn term(input: &str, extent: Extent, now: DateTime<Utc>) -> Result<(Term, &str)> {
    let end = match extent {
        Extent::Word => input.len(),
        Extent::Blank => input.find(char::is_whitespace).unwrap_or(input.len()),
    };
    let word = &input[..end];
    let (negated, body) = match input.strip_prefix('-') {
        None => (false, input),
        Some(body) if body.starts_with('-') => return Err(TWICE.error(word)),
        Some(body) => (true, body),
    };
    let (key, body) = match key(&body[..end - usize::from(negated)])? {
        Some((key, length)) => (Some(key), &body[length..]),
        None => (None, body),
    };
    let (value, quoted, rest) = value(body, extent, word)?;
    if value.is_empty() {
        return Err(match key {
            Some(key) => refuse(word, format!("the value is missing; write {}", form(key))),
            None if negated => MINUS.error(word),
            None => EMPTY.error(word),
        });
    }
    if !quoted {
        if key.is_none() && ["AND", "OR", "NOT"].contains(&value.as_str()) {
            return Err(OPERATOR.error(word));
        }
        if let Some(inner) = value.split_whitespace().skip(1).find(|part| is_term(part)) {
            return Err(refuse(
                word,
                format!(
                    "write {inner} as a separate word, or put the phrase in double quotes \
                     inside the word"
                ),
            ));
        }
    }
    let what = match key {
        None => What::Text(value),
        Some(key) => what(key, value, now)
            .map_err(|reason| refuse(&input[..input.len() - rest.len()], reason))?,
    };
    Ok((Term { negated, what }, rest))
}

/// The key that a word begins with, and its length with the colon.
fn key(word: &str) -> Result<Option<(QueryKey, usize)>> {
    let Some((name, value)) = word.split_once(':') else {
        return Ok(None);
    };
    let joint = |byte| matches!(byte, b'-' | b'_');
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphabetic() || joint(byte))
    {
        return Ok(None);
    }
    let name = name.to_ascii_lowercase();
    if let Some(key) = known(&name) {
        return Ok(Some((key, name.len() + 1)));
    }
    // An address such as http://host is a word whatever its scheme.
    if value.starts_with("//") {
        return Ok(None);
    }
    match meant(&name.replace(['-', '_'], "")) {
        Some(form) => Err(refuse(
            word,
            format!(
                "there is no key {name}:, write {form}; or put the word in double quotes to \
                 search for it"
            ),
        )),
        None => Ok(None),
    }
}

fn known(name: &str) -> Option<QueryKey> {
    let found = KEYS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, key, _)| *key)
}

fn form(key: QueryKey) -> &'static str {
    let found = KEYS.iter().find(|(_, known, _)| *known == key);
    found.map_or("key:value", |(.., form)| form)
}

/// True if a part of a phrase is surely a term of its own.
fn is_term(part: &str) -> bool {
    let part = part.strip_prefix('-').unwrap_or(part);
    part.split_once(':').is_some_and(|(name, value)| {
        !value.is_empty() && known(&name.to_ascii_lowercase()).is_some()
    })
}

/// The right form of what an unknown key was probably meant to be.
fn meant(name: &str) -> Option<&'static str> {
    if let Some((_, form)) = FOREIGN.iter().find(|(foreign, _)| *foreign == name) {
        return Some(form);
    }
    // Nearly every two letters are one change away from "to"; only their swap is a slip of the
    // fingers.
    let swapped = |known: &str| known.len() == 2 && name.bytes().rev().eq(known.bytes());
    if let Some((.., form)) = KEYS.iter().find(|(known, ..)| swapped(known)) {
        return Some(form);
    }
    let longer = KEYS.iter().map(|(known, ..)| *known);
    let near = nearest(name, longer.filter(|known| known.len() > 2), 2)?;
    known(near).map(form)
}

/// The value that `input` begins with, whether it was quoted, and what is left.
fn value<'a>(input: &'a str, extent: Extent, word: &str) -> Result<(String, bool, &'a str)> {
    let Some(inside) = input.strip_prefix('"') else {
        let end = match extent {
            Extent::Word => input.len(),
            Extent::Blank => input.find(char::is_whitespace).unwrap_or(input.len()),
        };
        return Ok((input[..end].trim().to_owned(), false, &input[end..]));
    };
    let mut value = String::new();
    let mut chars = inside.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => {
                let rest = &inside[at + 1..];
                let ended = match extent {
                    Extent::Word => rest.is_empty(),
                    Extent::Blank => rest.is_empty() || rest.starts_with(char::is_whitespace),
                };
                return if ended {
                    Ok((value, true, rest))
                } else {
                    Err(BEHIND.error(word))
                };
            }
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push(char),
            },
            _ => value.push(char),
        }
    }
    Err(OPEN.error(word))
}

/// The meaning of a key's value, or why it has none.
fn what(key: QueryKey, value: String, now: DateTime<Utc>) -> Result<What, String> {
    let wrong = || format!("write {}", form(key));
    let unclear = |fault| match fault {
        DurationFault::MinutesOrMonths(_) => DurationFault::to_string(&fault),
        DurationFault::NoDuration => wrong(),
    };
    Ok(match key {
        QueryKey::From => What::From(value),
        QueryKey::To => What::To(value),
        QueryKey::Subject => What::Subject(value),
        QueryKey::Account => What::Account(value),
        QueryKey::Folder => What::Folder(value),
        QueryKey::Id => {
            let hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !hex || !(4..=32).contains(&value.len()) {
                return Err(wrong());
            }
            What::Id(value.to_ascii_lowercase())
        }
        QueryKey::MessageId => {
            let bare =
                value.trim_matches(|char: char| matches!(char, '<' | '>') || char.is_whitespace());
            if bare.is_empty() {
                return Err(wrong());
            }
            What::MessageId(bare.to_owned())
        }
        QueryKey::Has => match value.to_ascii_lowercase().as_str() {
            "attachment" | "attachments" => What::HasAttachment,
            _ => return Err(wrong()),
        },
        QueryKey::After => What::ReceivedFrom(moment(&value).ok_or_else(wrong)?),
        QueryKey::Before => What::ReceivedBefore(moment(&value).ok_or_else(wrong)?),
        QueryKey::Older => What::ReceivedBefore(ago(&value, now).map_err(unclear)?),
        QueryKey::Newer => What::ReceivedFrom(ago(&value, now).map_err(unclear)?),
        QueryKey::Weekday => What::Weekday(day_of_week(&value).ok_or_else(wrong)?),
        QueryKey::Hour => What::Hour(hour(&value).ok_or_else(wrong)?),
        QueryKey::Larger => What::LargerThan(size(&value).ok_or_else(wrong)?),
        QueryKey::Smaller => What::SmallerThan(size(&value).ok_or_else(wrong)?),
        QueryKey::On => match value.to_ascii_lowercase().as_str() {
            "server" => What::OnServer,
            _ => return Err(wrong()),
        },
        QueryKey::Is => What::Uncertain(Uncertainty::parse(&value).ok_or_else(wrong)?),
    })
}

/// A size that the catalog can hold.
fn size(text: &str) -> Option<u64> {
    parse_size(text).filter(|size| i64::try_from(*size).is_ok())
}

/// The canonical text, which [`parse_text`] reads back to the same query.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_str("-")?;
        }
        self.what.fmt(f)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if ["AND", "OR", "NOT"].contains(&text.as_str()) => {
                write!(f, "\"{text}\"")
            }
            Self::Text(text) => write_value(f, "", text),
            Self::From(text) => write_value(f, "from:", text),
            Self::To(text) => write_value(f, "to:", text),
            Self::Subject(text) => write_value(f, "subject:", text),
            Self::Account(text) => write_value(f, "account:", text),
            Self::AnyAccount(names) => {
                for (n, name) in names.iter().enumerate() {
                    write_value(f, if n > 0 { " or account:" } else { "account:" }, name)?;
                }
                Ok(())
            }
            Self::Folder(text) => write_value(f, "folder:", text),
            Self::Id(id) => write!(f, "id:{id}"),
            Self::MessageId(id) => write_value(f, "msgid:", id),
            Self::HasAttachment => f.write_str("has:attachment"),
            Self::ReceivedFrom(second) => write_moment(f, "after:", *second),
            Self::ReceivedBefore(second) => write_moment(f, "before:", *second),
            Self::Weekday(day) => write!(f, "weekday:{}", day_text(*day)),
            Self::Hour(hour) => write!(f, "hour:{hour}"),
            Self::LargerThan(bytes) => write_size(f, "larger:", *bytes),
            Self::SmallerThan(bytes) => write_size(f, "smaller:", *bytes),
            Self::OnServer => f.write_str("on:server"),
            Self::Uncertain(uncertainty) => write!(f, "is:{}", uncertainty.as_str()),
        }
    }
}

fn write_value(f: &mut fmt::Formatter<'_>, key: &str, value: &str) -> fmt::Result {
    f.write_str(key)?;
    let bare = !value.starts_with(['-', '"'])
        && !value.contains(|char: char| char == ':' || char.is_whitespace());
    if bare {
        f.write_str(value)
    } else {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{escaped}\"")
    }
}

fn write_size(f: &mut fmt::Formatter<'_>, key: &str, bytes: u64) -> fmt::Result {
    let (number, unit) = match bytes.trailing_zeros() {
        30..64 => (bytes >> 30, "G"),
        20..30 => (bytes >> 20, "M"),
        10..20 => (bytes >> 10, "K"),
        _ => (bytes, ""),
    };
    write!(f, "{key}{number}{unit}")
}

/// What holds for any text as a query: one that is taken reads back the same.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(text: &str, now: DateTime<Utc>) {
    let readings = [parse_text(text, now), parse(&[text], now)];
    for query in readings.into_iter().flatten() {
        let again = parse_text(&query.to_string(), now);
        assert_eq!(again.ok(), Some(query));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-01T12:00:30Z".parse().unwrap()
    }

    fn second(text: &str) -> i64 {
        text.parse::<DateTime<Utc>>().unwrap().timestamp()
    }

    /// The only term of a one-word query.
    fn one(word: &str) -> What {
        let mut query = parse(&[word], now()).unwrap();
        assert_eq!(query.terms.len(), 1);
        let term = query.terms.remove(0);
        assert!(!term.negated);
        term.what
    }

    fn text(word: &str) -> What {
        What::Text(word.to_owned())
    }

    /// The word and the reason of a refusal, from both ways of parsing.
    fn refused(word: &str) -> String {
        let from_text = parse_text(word, now()).unwrap_err().to_string();
        match parse(&[word], now()).unwrap_err() {
            Error::Query {
                word: named,
                reason,
            } => {
                assert!(word.contains(&named), "{named} is not in {word}");
                assert!(from_text.contains(&reason), "{from_text} lacks {reason}");
                reason
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_key_has_its_meaning() {
        assert_eq!(one("from:ann"), What::From("ann".into()));
        assert_eq!(one("to:ann"), What::To("ann".into()));
        assert_eq!(one("subject:Hello"), What::Subject("Hello".into()));
        assert_eq!(one("account:work"), What::Account("work".into()));
        assert_eq!(one("folder:Lists.rust"), What::Folder("Lists.rust".into()));
        assert_eq!(one("id:4F2A"), What::Id("4f2a".into()));
        assert_eq!(one("has:attachment"), What::HasAttachment);
        assert_eq!(one("weekday:Sat"), What::Weekday(Weekday::Sat));
        assert_eq!(one("hour:09"), What::Hour(9));
        assert_eq!(one("larger:5M"), What::LargerThan(5 << 20));
        assert_eq!(one("smaller:10k"), What::SmallerThan(10 << 10));
        assert_eq!(one("on:server"), What::OnServer);
        assert_eq!(one("is:doubtful"), What::Uncertain(Uncertainty::Doubtful));
        assert_eq!(one("FROM:Ann"), What::From("Ann".into()));
    }

    #[test]
    fn a_message_id_is_taken_with_and_without_brackets() {
        let expected = What::MessageId("a.1@example.org".into());
        assert_eq!(one("msgid:a.1@example.org"), expected);
        assert_eq!(one("msgid:<a.1@example.org>"), expected);
        assert!(refused("msgid:<>").contains("msgid:1234@example.org"));
    }

    #[test]
    fn dates_begin_at_their_first_second_in_utc() {
        for (word, start) in [
            ("2020", "2020-01-01T00:00:00Z"),
            ("2020-02", "2020-02-01T00:00:00Z"),
            ("2020-02-29", "2020-02-29T00:00:00Z"),
            ("2020-02-29T13:14:15Z", "2020-02-29T13:14:15Z"),
        ] {
            let start = second(start);
            assert_eq!(one(&format!("after:{word}")), What::ReceivedFrom(start));
            assert_eq!(one(&format!("before:{word}")), What::ReceivedBefore(start));
        }
    }

    #[test]
    fn what_is_no_date_names_the_forms_of_dates() {
        for date in [
            "20",
            "2020-13",
            "2020-2-1",
            "2021-02-29",
            "31.01.2020",
            "0000",
            "+202",
            "2020-01-01T",
            "2020-01-31t00:00:00z",
            "yesterday",
            "२०२०",
        ] {
            let reason = refused(&format!("before:{date}"));
            assert!(reason.contains("before:2020-01-31"), "{date}: {reason}");
        }
    }

    #[test]
    fn ages_are_counted_back_from_now() {
        assert_eq!(
            one("older:90d"),
            What::ReceivedBefore(now().timestamp() - 90 * 86_400)
        );
        assert_eq!(
            one("newer:7d"),
            What::ReceivedFrom(second("2026-02-22T12:00:30Z"))
        );
        assert_eq!(one("newer:0h"), What::ReceivedFrom(now().timestamp()));
    }

    #[test]
    fn a_bare_m_is_refused_with_both_things_that_it_may_mean() {
        for text in ["older:5m", "-newer:5m"] {
            let reason = refused(text);
            assert!(
                reason.contains("write 5min for minutes or 5mo for months"),
                "{reason}"
            );
        }
        assert_eq!(
            one("older:5min"),
            What::ReceivedBefore(now().timestamp() - 300)
        );
        assert_eq!(one("older:1mo"), one("older:30d"));
    }

    #[test]
    fn an_age_without_unit_or_beyond_the_calendar_is_refused() {
        for age in [
            "90",
            "d",
            "-1d",
            "1.5y",
            "90 d",
            "9999y",
            "99999999999999999y",
            "7é",
        ] {
            let reason = refused(&format!("older:\"{age}\""));
            assert!(reason.contains("older:90d"), "{age}: {reason}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        for (size, bytes) in [
            ("0", 0),
            ("512", 512),
            ("512b", 512),
            ("1k", 1024),
            ("1KB", 1024),
            ("10M", 10 << 20),
            ("2g", 2 << 30),
            ("9223372036854775807", i64::MAX as u64),
        ] {
            assert_eq!(super::size(size), Some(bytes), "{size}");
        }
        for size in [
            "",
            "B",
            "K",
            "-1",
            "1.5M",
            "5E",
            "9223372036854775808",
            "9999999999G",
            "é",
        ] {
            assert_eq!(super::size(size), None, "{size}");
        }
        assert!(refused("larger:big").contains("larger:5M"));
    }

    #[test]
    fn a_minus_negates() {
        let query = parse(&["-from:ann", "-spam", "-\"two words\""], now()).unwrap();
        assert!(query.terms.iter().all(|term| term.negated));
        assert_eq!(query.terms[0].what, What::From("ann".into()));
        assert_eq!(query.terms[1].what, text("spam"));
        assert_eq!(query.terms[2].what, text("two words"));
        assert!(refused("-").contains("-from:"));
        assert!(refused("--from:ann").contains("one minus"));
    }

    #[test]
    fn a_shell_word_with_blanks_is_a_phrase() {
        assert_eq!(one("boarding pass"), text("boarding pass"));
        assert_eq!(
            one(" subject: boarding pass "),
            What::Subject("boarding pass".into())
        );
        assert_eq!(one("\"boarding pass\""), text("boarding pass"));
    }

    #[test]
    fn a_whole_query_in_one_shell_word_is_not_taken_for_a_phrase() {
        let error = parse(&["from:ann -after:2020"], now()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("write -after:2020 as a separate word"),
            "{error}"
        );
        assert_eq!(one("\"mail from:ann\""), text("mail from:ann"));
    }

    #[test]
    fn a_text_splits_at_blanks_outside_quotes() {
        let query = parse_text(
            " boarding\tpass from:\"Example Air\" -\"a \\\"b\\\" \\\\c\" ",
            now(),
        );
        let terms = [
            (false, text("boarding")),
            (false, text("pass")),
            (false, What::From("Example Air".into())),
            (true, text("a \"b\" \\c")),
        ];
        let terms = terms.map(|(negated, what)| Term { negated, what }).to_vec();
        assert_eq!(query.unwrap(), Query { terms });
    }

    #[test]
    fn quotes_must_be_closed_and_followed_by_a_blank() {
        assert!(refused("from:\"ann").contains("not closed"));
        assert!(refused("\"ann\\\"").contains("not closed"));
        assert!(refused("\"ann\"lee").contains("a space must follow"));
        assert_eq!(one("5\"disk"), text("5\"disk"));
    }

    #[test]
    fn a_misspelt_or_foreign_key_names_the_right_one() {
        for (word, right) in [
            ("form:x", "from:"),
            ("ot:x", "to:"),
            ("subjct:x", "subject:"),
            ("Folders:x", "folder:"),
            ("-befroe:2020", "before:"),
            ("bigger:5M", "larger:"),
            ("since:2020", "after:2020-01-31"),
            ("cc:ann", "to:"),
            ("-body:x", "the word alone"),
            ("Message-ID:x", "msgid:"),
        ] {
            let reason = refused(word);
            assert!(
                reason.contains(&format!("write {right}")),
                "{word}: {reason}"
            );
            assert!(reason.contains("double quotes"), "{word}: {reason}");
        }
        assert_eq!(one("\"form:x\""), text("form:x"));
    }

    #[test]
    fn a_colon_alone_makes_no_key() {
        for word in [
            "http://x",
            "12:30",
            "Re:",
            "re:invoice",
            "mailto:ann",
            "a.b:c",
            ":",
            ":x",
            "form://x",
            "größe:5",
            "a-b:",
            "::1",
        ] {
            assert_eq!(one(word), text(word));
        }
    }

    #[test]
    fn a_key_without_value_or_with_an_unknown_one_is_refused() {
        assert!(refused("from:").contains("from:ann@example.org"));
        assert!(refused("to:\"\"").contains("to:ann@example.org"));
        assert!(refused("has:star").contains("has:attachment"));
        assert!(refused("on:disk").contains("on:server"));
        for id in ["4f2", "4f2g", "4f2a91c04f2a91c04f2a91c04f2a91c04"] {
            assert!(
                refused(&format!("id:{id}")).contains("4 to 32 hex digits"),
                "{id}"
            );
        }
    }

    #[test]
    fn operators_of_other_languages_are_refused() {
        for word in ["OR", "AND", "NOT", "-OR"] {
            assert!(refused(word).contains("all words must match"), "{word}");
        }
        assert_eq!(one("or"), text("or"));
        assert_eq!(one("\"OR\""), text("OR"));
    }

    #[test]
    fn no_words_match_everything_but_an_empty_text_is_refused() {
        assert!(parse::<&str>(&[], now()).unwrap().terms.is_empty());
        assert!(!parse(&["x"], now()).unwrap().terms.is_empty());
        for empty in ["", "  ", "\"\""] {
            assert!(refused(empty).contains("every message"));
        }
    }

    #[test]
    fn the_canonical_text_is_short() {
        let words = [
            "After:2020",
            "older:7d",
            "larger:1024K",
            "smaller:1500",
            "-from:Ann Lee",
            "12:30",
            "msgid:<a@example.org>",
            "plain",
        ];
        assert_eq!(
            parse(&words, now()).unwrap().to_string(),
            "after:2020-01-01 before:2026-02-22T12:00:30Z larger:1M smaller:1500 \
             -from:\"Ann Lee\" \"12:30\" msgid:a@example.org plain"
        );
    }

    fn words() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{1,12}",
            "[-\"\\\\: a-z<>]{1,8}",
            "OR|NOT|from:x|\u{a0}|\n"
        ]
    }

    fn seconds() -> impl Strategy<Value = i64> {
        let years = second("0001-01-01T00:00:00Z")..=second("9999-12-31T23:59:59Z");
        prop_oneof![years, (-10_000i64..10_000).prop_map(|day| day * 86_400)]
    }

    fn sizes() -> impl Strategy<Value = u64> {
        let small = (0u64..5000, 0u32..4).prop_map(|(number, unit)| number << (10 * unit));
        prop_oneof![0..=i64::MAX as u64, small]
    }

    fn whats() -> impl Strategy<Value = What> {
        let id = "[a-z0-9.]{1,9}(@[a-z -]{0,9}[a-z])?";
        prop_oneof![
            words().prop_map(What::Text),
            words().prop_map(What::From),
            words().prop_map(What::To),
            words().prop_map(What::Subject),
            words().prop_map(What::Account),
            words().prop_map(What::Folder),
            "[0-9a-f]{4,32}".prop_map(What::Id),
            id.prop_map(What::MessageId),
            Just(What::HasAttachment),
            seconds().prop_map(What::ReceivedFrom),
            seconds().prop_map(What::ReceivedBefore),
            (0_u8..7).prop_map(|day| What::Weekday(Weekday::try_from(day).unwrap())),
            (0_u32..24).prop_map(What::Hour),
            sizes().prop_map(What::LargerThan),
            sizes().prop_map(What::SmallerThan),
            Just(What::OnServer),
            proptest::sample::select(&Uncertainty::ALL[..]).prop_map(What::Uncertain),
        ]
    }

    fn queries() -> impl Strategy<Value = Query> {
        let term = (any::<bool>(), whats()).prop_map(|(negated, what)| Term { negated, what });
        proptest::collection::vec(term, 1..6).prop_map(|terms| Query { terms })
    }

    proptest! {
        #[test]
        fn any_input_is_parsed_or_refused(text in "\\PC*", word in words(), value in "\\PC*") {
            assert_any(&text, now());
            let _ = parse(&[&text, &word], now());
            for (key, ..) in KEYS {
                let _ = parse(&[format!("{key}:{value}")], now());
            }
        }

        #[test]
        fn what_parses_reads_back_the_same(text in "([-a-z\"\\\\ <>]|from:|msgid:|id:|OR){1,20}") {
            assert_any(&text, now());
        }

        #[test]
        fn the_canonical_text_reads_back_the_same(query in queries()) {
            prop_assert_eq!(&parse_text(&query.to_string(), now()).unwrap(), &query);
            let words: Vec<String> = query.terms.iter().map(Term::to_string).collect();
            prop_assert_eq!(parse(&words, now()).unwrap(), query);
        }
    }
}
