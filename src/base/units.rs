//! Ages and sizes as people write them (`90d`, `500M`), and as they read them.

use std::time::Duration;

/// Reads an age: a whole number and one of `s h d w m y` (a month has 30 days, a year 365).
///
/// Seconds are there for time limits; note that `m` is a month.
#[must_use]
pub fn parse_age(text: &str) -> Option<Duration> {
    const HOUR: u64 = 60 * 60;
    const DAY: u64 = 24 * HOUR;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        "m" => 30 * DAY,
        "y" => 365 * DAY,
        _ => return None,
    };
    Some(Duration::from_secs(whole(number)?.checked_mul(unit)?))
}

/// Reads a size in bytes: a whole number, and `K`, `M` or `G` (powers of 1,024)
/// if wanted, in either case, also as `KB`.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let text = text.strip_suffix(['b', 'B']).unwrap_or(text);
    let shift = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        _ => 0,
    };
    let number = if shift == 0 {
        text
    } else {
        text.split_at_checked(text.len() - 1)?.0
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
        let seconds = |text| parse_age(text).map(|age| age.as_secs());
        assert_eq!(seconds("60s"), Some(60));
        assert_eq!(seconds("2h"), Some(7_200));
        assert_eq!(seconds("90d"), Some(7_776_000));
        assert_eq!(seconds("1w"), Some(604_800));
        assert_eq!(seconds("1m"), Some(2_592_000));
        assert_eq!(seconds("1y"), Some(31_536_000));
        assert_eq!(seconds("0d"), Some(0));
    }

    #[test]
    fn what_is_not_an_age_is_none() {
        for text in [
            "", "d", "90", "-1d", "+1d", "1.5d", "1 d", "1D", "1é", "é", "1dd",
        ] {
            assert_eq!(parse_age(text), None, "{text:?}");
        }
        assert_eq!(parse_age("18446744073709551615y"), None);
        assert_eq!(parse_age("18446744073709551616s"), None);
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
        assert_eq!(parse_size("18446744073709551615"), Some(u64::MAX));
    }

    #[test]
    fn what_is_not_a_size_is_none() {
        for text in ["", "K", "-1", "+1", "1.5G", "1 K", "1T", "KB", "é", "1é"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
        assert_eq!(parse_size("17179869184G"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_none(text in "\\PC*|[0-9]{0,25}[a-zA-Z]?") {
            let _ = (parse_age(&text), parse_size(&text));
        }

        #[test]
        fn a_written_age_reads_back(days in 0..u64::MAX / 86_400) {
            prop_assert_eq!(
                parse_age(&format!("{days}d")),
                Some(Duration::from_secs(days * 86_400))
            );
        }

        #[test]
        fn a_written_size_reads_back(size in 0..=u64::MAX >> 20) {
            prop_assert_eq!(parse_size(&format!("{size}M")), Some(size << 20));
            prop_assert_eq!(parse_size(&size.to_string()), Some(size));
        }
    }
}
