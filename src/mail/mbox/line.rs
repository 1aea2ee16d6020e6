//! The lines that begin messages, and what their senders tell.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::FROM;

/// The sender that our `From ` lines begin with.
const SENDER: &str = "mailvault";

/// What was done to a message, and is undone on reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own.
pub struct Tag {
    /// It was written by this program.
    pub ours: bool,
    /// Its line ends are as they were; otherwise each CR LF became LF.
    pub exact: bool,
    /// It did not end with a line end, and got one.
    pub open: bool,
    /// It has no body, and got an empty line.
    pub bare: bool,
}

/// A line that begins a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FromLine {
    /// What was done to the message.
    pub tag: Tag,
    /// When it was received, in Unix seconds; 0 if the line does not say.
    pub date: i64,
}

impl fmt::Display for FromLine {
    /// The line without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "From {SENDER}")?;
        for (given, word) in [
            (self.tag.exact, "-exact"),
            (self.tag.open, "-open"),
            (self.tag.bare, "-bare"),
        ] {
            if given {
                f.write_str(word)?;
            }
        }
        let date = DateTime::from_timestamp(self.date, 0).unwrap_or_default();
        write!(f, " {}", date.format("%a %b %e %H:%M:%S %Y"))
    }
}

impl FromLine {
    /// Reads a line with or without its end; `None` if it is a line of text. Whoever
    /// wrote it must have given a time of day and a year, which text rarely has.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(FROM)?;
        if rest.len() > 500 {
            return None;
        }
        let text = String::from_utf8_lossy(rest);
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let clock = words.iter().position(|word| is_clock(word))?;
        let year = |word: &&&str| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit());
        let year = words[clock + 1..].iter().take(2).find(year)?;
        let date = match clock {
            2.. => time(words[clock - 2], words[clock - 1], words[clock], year),
            _ => None,
        };
        Some(Self {
            tag: tag(words[0]),
            date: date.unwrap_or(0),
        })
    }
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

fn time(month: &str, day: &str, clock: &str, year: &str) -> Option<i64> {
    let clock = if clock.len() == 5 {
        format!("{clock}:00")
    } else {
        clock.to_owned()
    };
    let text = format!("{day} {month} {year} {clock}");
    let time = NaiveDateTime::parse_from_str(&text, "%d %b %Y %H:%M:%S").ok()?;
    Some(time.and_local_timezone(Utc).single()?.timestamp())
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
            _ => return Tag::default(),
        }
    }
    tag
}
