//! Ages and sizes as people write them (`90d`, `500M`), and as they read them.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Why a text is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationFault {
    /// It is not a whole number and a unit, or too long.
    #[error("write a whole number and one of s min h d w mo y")]
    NoDuration,
    /// Minutes to one reader, months to another.
    #[error("write {0}min for minutes or {0}mo for months")]
    MinutesOrMonths(u64),
}

/// Reads an age: a whole number and one of `s min h d w mo y` (a month has 30 days, a year 365).
///
/// `m` alone is refused: who means minutes and gets months deletes too little or waits too long,
/// and the other way round too much.
pub fn parse_age(text: &str) -> Result<Duration, DurationFault> {
    duration(text, None)
}

/// Reads how long to wait: as an age, but `m` alone is a minute, since nobody waits for months.
pub fn parse_wait(text: &str) -> Result<Duration, DurationFault> {
    duration(text, Some(MINUTE))
}

/// A number and a unit, with what a bare `m` is.
fn duration(text: &str, bare: Option<u64>) -> Result<Duration, DurationFault> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(end);
    let number = whole(number).ok_or(DurationFault::NoDuration)?;
    let unit = match unit {
        "s" => 1,
        "min" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        "mo" => 30 * DAY,
        "y" => 365 * DAY,
        "m" => bare.ok_or(DurationFault::MinutesOrMonths(number))?,
        _ => return Err(DurationFault::NoDuration),
    };
    let seconds = number.checked_mul(unit);
    seconds
        .map(Duration::from_secs)
        .ok_or(DurationFault::NoDuration)
}

/// Reads a size in bytes: a whole number, and `K`, `M`, `G` or `T` (powers of 1,024)
/// if wanted, in either case, also as `KB` and `KiB`.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let bytes = text.strip_suffix(['b', 'B']);
    let unit = bytes.unwrap_or(text);
    let unit = match bytes {
        // `5i` is no size, and `5iB` neither.
        Some(_) => unit.strip_suffix(['i', 'I']).unwrap_or(unit),
        None => unit,
    };
    let shift = match unit.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        b'T' => 40,
        _ if bytes.is_some_and(|bytes| bytes.len() > unit.len()) => return None,
        _ => 0,
    };
    let number = if shift == 0 {
        unit
    } else {
        unit.split_at_checked(unit.len() - 1)?.0
    };
    whole(number)?.checked_mul(1 << shift)
}

/// A number of digits only; `str::parse` alone would take a sign.
fn whole(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// An age as it is typed: the largest unit that divides it.
#[must_use]
pub fn age_text(age: Duration) -> String {
    let hours = age.as_secs() / 3600;
    [(365 * 24, 'y'), (24, 'd')]
        .iter()
        .find(|(unit, _)| hours >= *unit && hours.is_multiple_of(*unit))
        .map_or_else(
            || format!("{hours}h"),
            |(unit, letter)| format!("{}{letter}", hours / unit),
        )
}

/// A size: `412.6 MiB`, `184 KiB`, `96 B`.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let kib = bytes.div_ceil(1024);
    if kib < 1024 {
        return format!("{kib} KiB");
    }
    // Tenths of the unit, rounded; in whole numbers, since a u64 may not fit into an f64.
    let mut shift = 20;
    loop {
        let tenths = (u128::from(bytes) * 10 + (1 << (shift - 1))) >> shift;
        let unit = UNITS[shift / 10 - 2];
        if tenths < 10_240 || unit == "EiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        shift += 10;
    }
}

/// A number in groups of three: `1,284`.
#[must_use]
pub fn count_text(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_of_age_has_its_length() {
        for (text, seconds) in [
            ("60s", 60),
            ("5min", 300),
            ("2h", 7_200),
            ("90d", 7_776_000),
            ("1w", 604_800),
            ("1mo", 2_592_000),
            ("1y", 31_536_000),
            ("0d", 0),
        ] {
            let length = Ok(Duration::from_secs(seconds));
            assert_eq!((parse_age(text), parse_wait(text)), (length, length));
        }
    }

    #[test]
    fn a_bare_m_is_a_minute_to_wait_and_no_age() {
        assert_eq!(parse_wait("5m"), Ok(Duration::from_secs(300)));
        let fault = parse_age("5m").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "write 5min for minutes or 5mo for months"
        );
    }

    #[test]
    fn what_is_not_an_age_is_none() {
        for text in [
            "", "d", "m", "90", "-1d", "+1d", "1.5d", "1 d", "1D", "1M", "1é", "é", "1dd", "1mi",
            "1mon", "1ms",
        ] {
            assert_eq!(parse_age(text), Err(DurationFault::NoDuration), "{text:?}");
            assert_eq!(parse_wait(text), Err(DurationFault::NoDuration), "{text:?}");
        }
        for text in ["18446744073709551615y", "18446744073709551616s"] {
            assert_eq!(parse_age(text), Err(DurationFault::NoDuration));
        }
    }

    #[test]
    fn sizes_are_binary_with_one_decimal_from_a_mebibyte_on() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (188_000, "184 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (432_640_000, "412.6 MiB"),
            (1_073_700_000, "1.0 GiB"),
            (2_040_109_466, "1.9 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size_text(bytes), text);
        }
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(count_text),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn sizes_are_binary_and_take_either_case() {
        assert_eq!(parse_size("0"), Some(0));
        assert_eq!(parse_size("123"), Some(123));
        assert_eq!(parse_size("10k"), Some(10_240));
        assert_eq!(parse_size("10K"), Some(10_240));
        assert_eq!(parse_size("500M"), Some(524_288_000));
        assert_eq!(parse_size("1g"), Some(1_073_741_824));
        assert_eq!(parse_size("1T"), Some(1 << 40));
        for text in ["5M", "5MB", "5MiB", "5mib", "5mb"] {
            assert_eq!(parse_size(text), Some(5 << 20), "{text}");
        }
        assert_eq!(parse_size("5B"), Some(5));
        assert_eq!(parse_size("18446744073709551615"), Some(u64::MAX));
    }

    #[test]
    fn what_is_not_a_size_is_none() {
        for text in [
            "", "K", "-1", "+1", "1.5G", "1 K", "1E", "KB", "é", "1é", "B", "iB", "5i", "5iB",
            "5Mi", "5MiBB", "MiB",
        ] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
        assert_eq!(parse_size("17179869184G"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_none(text in "\\PC*|[0-9]{0,25}[a-zA-Z]{0,3}") {
            let _ = (parse_age(&text), parse_size(&text));
        }

        #[test]
        fn what_is_an_age_is_as_long_to_wait(text in "[0-9]{1,9}(s|min|m|h|d|w|mo|y)") {
            match parse_age(&text) {
                Ok(age) => prop_assert_eq!(parse_wait(&text), Ok(age)),
                Err(_) => prop_assert!(text.ends_with('m')),
            }
        }

        #[test]
        fn a_written_age_reads_back(days in 0..u64::MAX / 86_400) {
            prop_assert_eq!(
                parse_age(&format!("{days}d")),
                Ok(Duration::from_secs(days * 86_400))
            );
        }

        #[test]
        fn a_written_size_reads_back(size in 0..=u64::MAX >> 20) {
            prop_assert_eq!(parse_size(&format!("{size}M")), Some(size << 20));
            prop_assert_eq!(parse_size(&format!("{size}MiB")), Some(size << 20));
            prop_assert_eq!(parse_size(&size.to_string()), Some(size));
        }
    }
}
