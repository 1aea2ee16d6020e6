//! The lines that begin messages, and what their senders tell.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime};

use super::FROM;
use crate::mail::message::Hash128;

/// The sender that our `From ` lines begin with.
const SENDER: &str = "mailvault";

/// What was done to a message, and is undone on reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own.
pub(crate) struct Tag {
    /// It was written by this program.
    pub(crate) ours: bool,
    /// Its line ends are as they were; otherwise each CR LF became LF.
    pub(crate) exact: bool,
    /// It did not end with a line end, and got one.
    pub(crate) open: bool,
    /// It has no body, and got an empty line.
    pub(crate) bare: bool,
    /// The fields in which Thunderbird keeps flags were put in front of it.
    pub(crate) status: bool,
    /// The id of its bytes.
    pub(crate) id: Option<Hash128>,
}

/// A line that begins a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FromLine {
    /// What was done to the message.
    pub(crate) tag: Tag,
    /// When it was received, in Unix seconds; 0 if the line does not say.
    pub(crate) date: i64,
}

impl fmt::Display for FromLine {
    /// The line without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "From {SENDER}")?;
        for (given, word) in [
            (self.tag.exact, "-exact"),
            (self.tag.open, "-open"),
            (self.tag.bare, "-bare"),
            (self.tag.status, "-status"),
        ] {
            if given {
                f.write_str(word)?;
            }
        }
        if let Some(id) = self.tag.id {
            write!(f, "-{id}")?;
        }
        let date = DateTime::from_timestamp(self.date, 0).unwrap_or_default();
        write!(f, " {}", date.format("%a %b %e %H:%M:%S %Y"))
    }
}

/// What a line that begins with `From ` may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    /// It tells a time and a year, which text rarely does.
    Dated(FromLine),
    /// Nothing follows, or a dash, or an address.
    Short,
    /// Words, as in a sentence.
    Words,
    /// The line that `git format-patch` writes before each mail.
    Patch,
}

/// The time that `git format-patch` writes whenever it runs.
const PATCH_TIME: [&str; 5] = ["Mon", "Sep", "17", "00:00:00", "2001"];

impl Separator {
    /// Reads a line with or without its end; `None` if it does not begin with `From `, or is
    /// longer than such a line can be.
    #[must_use]
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(FROM)?;
        if rest.len() > 500 {
            return None;
        }
        let text = String::from_utf8_lossy(rest);
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        Some(match words.as_slice() {
            [commit, time @ ..] if time == PATCH_TIME && is_commit(commit) => Self::Patch,
            [] | ["-"] => Self::Short,
            words => match when(words) {
                Some(date) => Self::Dated(FromLine {
                    tag: tag(words[0]),
                    date: date.unwrap_or(0),
                }),
                None if words.len() == 1 && words[0].contains('@') => Self::Short,
                None => Self::Words,
            },
        })
    }
}

fn is_commit(word: &str) -> bool {
    [40, 64].contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A date in one of the ways in which programs write it. `Some(None)` if there are a time of
/// day and a year, but no date that can be understood.
#[expect(
    clippy::option_option,
    reason = "a line may have a time that is no date"
)]
fn when(words: &[&str]) -> Option<Option<i64>> {
    let iso = words
        .iter()
        .find_map(|word| DateTime::parse_from_rfc3339(word).ok());
    if let Some(time) = iso {
        return Some(Some(time.timestamp()));
    }
    let clock = words.iter().position(|word| is_clock(word))?;
    let (before, after) = (&words[..clock], &words[clock + 1..]);
    let zone = after.iter().take(2).find_map(|word| offset(word));
    let at = |date: Option<NaiveDate>| {
        let time = date?.and_time(time_of_day(words[clock])?);
        Some(time.and_utc().timestamp() - zone.unwrap_or(0))
    };
    // Aug 2 10:00:05 2025, and with a zone between the two.
    if let Some(year) = after.iter().take(2).find(|word| is_year(word)) {
        return Some(at(match before {
            [.., one, other] => date(one, other, year),
            _ => None,
        }));
    }
    match before {
        // 12 Apr 2025 15:59:28, and Apr 12 2025 15:59:28.
        [.., one, other, year] if is_year(year) => Some(at(date(one, other, year))),
        // 2025-04-12 15:59:28.
        [.., day] => {
            let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
            Some(at(Some(day)))
        }
        [] => None,
    }
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit())
}

fn is_clock(word: &str) -> bool {
    let mut parts = word.split(':');
    let two = |part: Option<&str>| {
        part.is_some_and(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_digit()))
    };
    two(parts.next())
        && two(parts.next())
        && parts.next().is_none_or(|p| two(Some(p)))
        && parts.next().is_none()
}

/// Seconds east of Greenwich, from `+0200`.
fn offset(word: &str) -> Option<i64> {
    let (sign, digits) = match word.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    Some(sign * (number / 100 * 3600 + number % 100 * 60))
}

/// A day from a month and its day, in whatever order they come.
fn date(one: &str, other: &str, year: &str) -> Option<NaiveDate> {
    let (one, other) = (one.trim_end_matches(','), other.trim_end_matches(','));
    [(one, other), (other, one)]
        .iter()
        .find_map(|(month, day)| {
            NaiveDate::parse_from_str(&format!("{day} {month} {year}"), "%d %b %Y").ok()
        })
}

fn time_of_day(clock: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(clock, "%H:%M:%S")
        .or_else(|_| NaiveTime::parse_from_str(clock, "%H:%M"))
        .ok()
}

fn tag(sender: &str) -> Tag {
    let mut parts = sender.split('-');
    if parts.next() != Some(SENDER) {
        return Tag::default();
    }
    let mut tag = Tag {
        ours: true,
        ..Tag::default()
    };
    for part in parts {
        match part {
            "exact" => tag.exact = true,
            "open" => tag.open = true,
            "bare" => tag.bare = true,
            "status" => tag.status = true,
            word => match Hash128::parse(word) {
                Some(id) => tag.id = Some(id),
                None => return Tag::default(),
            },
        }
    }
    tag
}
