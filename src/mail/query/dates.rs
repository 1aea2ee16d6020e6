//! Times in a query: dates, ages, days of the week and hours, all in UTC.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc, Weekday};

use crate::base::units::{DurationFault, parse_age};

/// The shape of a full date; what is missing at the end of a shorter one is its start.
const DATE: &str = "0000-01-01T00:00:00Z";

/// The Unix second at which a year, month, day or moment begins.
pub(super) fn moment(text: &str) -> Option<i64> {
    if !matches!(text.len(), 4 | 7 | 10 | 20) || !text.is_ascii() {
        return None;
    }
    let full = format!("{text}{}", &DATE[text.len()..]);
    let shaped = full.bytes().zip(DATE.bytes()).all(|(byte, shape)| {
        if shape.is_ascii_digit() {
            byte.is_ascii_digit()
        } else {
            byte == shape
        }
    });
    if !shaped || full.starts_with("0000") {
        return None;
    }
    let date = NaiveDateTime::parse_from_str(&full, "%Y-%m-%dT%H:%M:%SZ").ok()?;
    Some(date.and_utc().timestamp())
}

/// The Unix second that lies an age before now, if it has a four-digit year.
pub(super) fn ago(text: &str, now: DateTime<Utc>) -> Result<i64, DurationFault> {
    before(now, parse_age(text)?).ok_or(DurationFault::NoDuration)
}

fn before(now: DateTime<Utc>, age: Duration) -> Option<i64> {
    let age = i64::try_from(age.as_secs()).ok()?;
    let second = now.timestamp().checked_sub(age)?;
    let first = NaiveDate::from_yo_opt(1, 1)?.and_hms_opt(0, 0, 0)?;
    let last = NaiveDate::from_yo_opt(9999, 365)?.and_hms_opt(23, 59, 59)?;
    (first.and_utc().timestamp()..=last.and_utc().timestamp())
        .contains(&second)
        .then_some(second)
}

/// A day of the week by its first three letters, or by its name.
pub(super) fn day_of_week(text: &str) -> Option<Weekday> {
    text.parse().ok()
}

/// A day of the week as a query has it.
pub(super) fn day_text(day: Weekday) -> String {
    day.to_string().to_lowercase()
}

/// An hour of the day.
pub(super) fn hour(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 2;
    text.parse().ok().filter(|hour| digits && *hour < 24)
}

pub(super) fn write_moment(f: &mut fmt::Formatter<'_>, key: &str, second: i64) -> fmt::Result {
    f.write_str(key)?;
    match DateTime::from_timestamp(second, 0) {
        Some(at) if second.rem_euclid(86_400) == 0 => write!(f, "{}", at.format("%Y-%m-%d")),
        Some(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%SZ")),
        None => write!(f, "@{second}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_known_by_three_letters_and_by_its_name() {
        for (text, day) in [
            ("mon", Weekday::Mon),
            ("SUN", Weekday::Sun),
            ("Thursday", Weekday::Thu),
        ] {
            assert_eq!(day_of_week(text), Some(day));
            assert_eq!(day_of_week(&day_text(day)), Some(day));
        }
        for text in ["", "mo", "7", "montag", "sunny"] {
            assert_eq!(day_of_week(text), None, "{text}");
        }
    }

    #[test]
    fn an_hour_is_one_of_twenty_four() {
        assert_eq!(
            (hour("0"), hour("09"), hour("23")),
            (Some(0), Some(9), Some(23))
        );
        for text in ["", "24", "-1", "+1", "014", "2pm"] {
            assert_eq!(hour(text), None, "{text}");
        }
    }
}
