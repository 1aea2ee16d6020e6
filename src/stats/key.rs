//! What the messages of a group have in common, and the query that finds them.

use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDate, Weekday};

use crate::mail::query::{Query, Term, What};
use crate::vault::catalog::BRACKETS;
use crate::vault::layout::folder_label;

/// What the messages of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatsKey {
    /// Nobody knows when they were received.
    Undated,
    /// The year.
    Year(i32),
    /// The year and the month, from 1 to 12.
    Month(i32, u32),
    /// The day of the week.
    Weekday(Weekday),
    /// The hour of the day.
    Hour(u32),
    /// The address of the sender; empty if there is none.
    Sender(String),
    /// The bracket of their size, an index in [`BRACKETS`].
    Size(usize),
    /// The account, as it is shown, and the folder's directory.
    Folder(String, String),
}

/// The days of the week in the order of a calendar.
pub(super) const WEEKDAYS: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

impl StatsKey {
    /// The account of a folder.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Folder(account, _) => Some(account),
            _ => None,
        }
    }

    /// Its name with that of its account.
    #[must_use]
    pub fn whole_label(&self) -> String {
        match self.account() {
            Some(account) => format!("{account}/{self}"),
            None => self.to_string(),
        }
    }

    /// The years or months between this one and a later one.
    pub(super) fn between(&self, next: &Self) -> Vec<Self> {
        match (self, next) {
            (Self::Year(last), Self::Year(next)) => (last + 1..*next).map(Self::Year).collect(),
            (Self::Month(year, month), Self::Month(to_year, to_month)) => {
                let number = |year: i32, month: u32| i64::from(year) * 12 + i64::from(month) - 1;
                let months = number(*year, *month) + 1..number(*to_year, *to_month);
                let key = |n: i64| {
                    let year = i32::try_from(n.div_euclid(12)).ok()?;
                    let month = u32::try_from(n.rem_euclid(12)).ok()? + 1;
                    Some(Self::Month(year, month))
                };
                months.filter_map(key).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A query that finds these messages, and for a sender perhaps others. None finds what has no
    /// date or no sender, nor what has a name that no query can have.
    #[must_use]
    pub fn query(&self) -> Option<Query> {
        let whats = match self {
            Self::Undated => return None,
            Self::Sender(address) if !can_be_asked(address) => return None,
            Self::Sender(address) => vec![What::From(address.clone())],
            Self::Year(year) => span((*year, 1), (year + 1, 1))?,
            Self::Month(year, 12) => span((*year, 12), (year + 1, 1))?,
            Self::Month(year, month) => span((*year, *month), (*year, month + 1))?,
            Self::Weekday(day) => vec![What::Weekday(*day)],
            Self::Hour(hour) => vec![What::Hour(*hour)],
            Self::Size(n) => {
                let low = BRACKETS.get(*n).filter(|low| **low > 0);
                let above = low.map(|low| What::LargerThan(*low));
                let below = BRACKETS.get(n + 1).map(|high| What::SmallerThan(high + 1));
                above.into_iter().chain(below).collect()
            }
            // A star in a query is any text.
            Self::Folder(account, dir) if format!("{account}{dir}").contains('*') => return None,
            Self::Folder(account, dir) => vec![
                What::Account(account.clone()),
                What::Folder(folder_label(dir)),
            ],
        };
        let negated = false;
        let terms = whats.into_iter().map(|what| Term { negated, what });
        Some(Query {
            terms: terms.collect(),
        })
    }
}

/// True if a command line can have a sender in a query.
fn can_be_asked(sender: &str) -> bool {
    !sender.trim().is_empty() && !sender.contains(char::is_control)
}

/// What was received from the start of a month to that of another.
fn span(from: (i32, u32), to: (i32, u32)) -> Option<Vec<What>> {
    let start = |(year, month)| {
        let day = NaiveDate::from_ymd_opt(year, month, 1)?.and_hms_opt(0, 0, 0)?;
        Some(day.and_utc().timestamp())
    };
    Some(vec![
        What::ReceivedFrom(start(from)?),
        What::ReceivedBefore(start(to)?),
    ])
}

/// The name of a month: `Mar 2021`.
pub(super) fn month_text((year, month): (i32, u32)) -> String {
    let first = NaiveDate::from_ymd_opt(year, month, 1);
    first.map_or_else(String::new, |day| day.format("%b\u{a0}%Y").to_string())
}

/// The month of a time in UTC.
pub(super) fn month_of(time: i64) -> String {
    let time = DateTime::from_timestamp(time, 0);
    time.map_or_else(String::new, |time| month_text((time.year(), time.month())))
}

/// The name of the group, as foreign as an address may be.
impl fmt::Display for StatsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undated => f.write_str("no date"),
            Self::Year(year) => write!(f, "{year:04}"),
            Self::Month(year, month) => write!(f, "{year:04}-{month:02}"),
            Self::Weekday(day) => f.write_str(match day {
                Weekday::Mon => "Monday",
                Weekday::Tue => "Tuesday",
                Weekday::Wed => "Wednesday",
                Weekday::Thu => "Thursday",
                Weekday::Fri => "Friday",
                Weekday::Sat => "Saturday",
                Weekday::Sun => "Sunday",
            }),
            Self::Hour(hour) => write!(f, "{hour:02}:00"),
            Self::Sender(address) if address.is_empty() => f.write_str("no sender"),
            Self::Sender(address) => f.write_str(address),
            Self::Size(n) => f.write_str(&bracket(*n)),
            Self::Folder(_, dir) => f.write_str(&folder_label(dir)),
        }
    }
}

/// A bracket in words: `1 - 10 MiB`.
fn bracket(n: usize) -> String {
    let round = |octets: u64| match octets >> 20 {
        0 => format!("{} KiB", octets >> 10),
        mib => format!("{mib} MiB"),
    };
    match (BRACKETS.get(n), BRACKETS.get(n + 1)) {
        (Some(0), Some(high)) => format!("up to {}", round(*high)),
        (Some(low), Some(high)) => {
            let (low, high) = (round(*low), round(*high));
            let unit = &high[high.len() - 4..];
            format!("{} - {high}", low.trim_end_matches(unit))
        }
        (Some(low), None) => format!("over {}", round(*low)),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn brackets_are_named_by_their_ends() {
        let all: Vec<_> = (0..BRACKETS.len()).map(bracket).collect();
        assert_eq!(
            all,
            [
                "up to 10 KiB",
                "10 - 100 KiB",
                "100 KiB - 1 MiB",
                "1 - 10 MiB",
                "10 - 100 MiB",
                "over 100 MiB",
            ]
        );
    }

    #[test]
    fn a_folder_is_named_as_people_write_it() {
        let key = StatsKey::Folder("work".to_owned(), ".Lists.rust".to_owned());
        assert_eq!(
            (&*key.to_string(), &*key.whole_label()),
            ("Lists/rust", "work/Lists/rust")
        );
    }

    #[test]
    fn between_two_years_or_months_are_those_without_mail() {
        let months = StatsKey::Month(2019, 11).between(&StatsKey::Month(2020, 2));
        assert_eq!(
            months,
            [StatsKey::Month(2019, 12), StatsKey::Month(2020, 1)]
        );
        let years = StatsKey::Year(2019).between(&StatsKey::Year(2021));
        assert_eq!(years, [StatsKey::Year(2020)]);
        assert!(StatsKey::Undated.between(&StatsKey::Year(1999)).is_empty());
    }

    #[test]
    fn each_group_has_the_query_that_finds_it() {
        let folder = StatsKey::Folder("my work".to_owned(), ".Lists.rust".to_owned());
        for (key, query) in [
            (StatsKey::Year(2020), "after:2020-01-01 before:2021-01-01"),
            (
                StatsKey::Month(2020, 2),
                "after:2020-02-01 before:2020-03-01",
            ),
            (
                StatsKey::Month(2020, 12),
                "after:2020-12-01 before:2021-01-01",
            ),
            (StatsKey::Weekday(Weekday::Sat), "weekday:sat"),
            (StatsKey::Hour(9), "hour:9"),
            (
                StatsKey::Sender("ann@example.org".to_owned()),
                "from:ann@example.org",
            ),
            (StatsKey::Size(0), "smaller:10241"),
            (StatsKey::Size(3), "larger:1M smaller:10485761"),
            (StatsKey::Size(5), "larger:100M"),
            (folder, "account:\"my work\" folder:Lists/rust"),
        ] {
            assert_eq!(key.query().unwrap().to_string(), query);
        }
        assert_eq!(StatsKey::Undated.query(), None);
        for sender in ["", " ", "nul\0@example.org"] {
            assert_eq!(StatsKey::Sender(sender.to_owned()).query(), None);
        }
        let starred = StatsKey::Folder("work".to_owned(), ".*".to_owned());
        assert_eq!(starred.query(), None);
    }
}
