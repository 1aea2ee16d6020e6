//! The moment that a Date or Received field names (docs/FORMAT.md, "received"). Stricter than
//! RFC 5322 where programs disagree, as the result becomes part of a file's name.

use chrono::NaiveDate;

use super::lines::is_blank;

/// The zones that RFC 5322 names, in hours east; other letters mean nothing.
const ZONES: [(&[u8], i64); 8] = [
    (b"edt", -4),
    (b"est", -5),
    (b"cdt", -5),
    (b"cst", -6),
    (b"mdt", -6),
    (b"mst", -7),
    (b"pdt", -7),
    (b"pst", -8),
];

/// The moment a Date field's value names, in Unix seconds. `scratch` is overwritten.
pub(super) fn date(value: &[u8], scratch: &mut Vec<u8>) -> Option<u32> {
    without_comments(value, scratch);
    parse(scratch)
}

/// The moment a Received field's value names after its last `;`; none without one.
pub(super) fn received(value: &[u8], scratch: &mut Vec<u8>) -> Option<u32> {
    without_comments(value, scratch);
    let semicolon = memchr::memrchr(b';', scratch)?;
    parse(&scratch[semicolon + 1..])
}

/// Copies `value` with a space for each outermost comment.
fn without_comments(value: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut depth = 0_usize;
    let mut bytes = value.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'(' => {
                if depth == 0 {
                    out.push(b' ');
                }
                depth += 1;
            }
            b')' if depth > 0 => depth -= 1,
            b'\\' if depth > 0 => {
                bytes.next();
            }
            _ if depth == 0 => out.push(byte),
            _ => {}
        }
    }
}

fn parse(text: &[u8]) -> Option<u32> {
    let mut text = Text(text);
    text.blanks();
    if !text.letters().is_empty() {
        let apart = text.blanks();
        let comma = text.eat(b',');
        text.blanks();
        (apart || comma).then_some(())?;
    }
    let (day, _) = text.number(1, 2)?;
    text.gap()?;
    let month = month(text.letters())?;
    text.gap()?;
    let year = match text.number(2, 4)? {
        (year @ 0..50, 2) => 2000 + year,
        (year, 2 | 3) => 1900 + year,
        (year, _) => year,
    };
    text.gap()?;
    let (hour, _) = text.number(1, 2)?;
    text.eat(b':').then_some(())?;
    let (minute, _) = text.number(2, 2)?;
    let second = if text.eat(b':') {
        text.number(2, 2)?.0
    } else {
        0
    };
    let apart = text.blanks();
    let east = if text.0.is_empty() {
        0
    } else {
        apart.then_some(())?;
        text.zone()?
    };
    text.blanks();
    if !text.0.is_empty() || !(1970..=2105).contains(&year) || second > 60 {
        return None;
    }
    let moment = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?
        .and_hms_opt(hour, minute, 0)?
        .and_utc()
        .timestamp();
    u32::try_from(moment + i64::from(second) - east).ok()
}

fn month(name: &[u8]) -> Option<u32> {
    const MONTHS: [&[u8]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    (1..)
        .zip(MONTHS)
        .find(|(_, month)| month.eq_ignore_ascii_case(name))
        .map(|(number, _)| number)
}

/// What is still to be read.
struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Takes the longest run of bytes that `wanted` accepts.
    fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|&b| !wanted(b));
        let (run, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        run
    }

    fn blanks(&mut self) -> bool {
        !self.run(is_blank).is_empty()
    }

    fn gap(&mut self) -> Option<()> {
        self.blanks().then_some(())
    }

    fn letters(&mut self) -> &'a [u8] {
        self.run(|b| b.is_ascii_alphabetic())
    }

    fn eat(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A number of so many digits, four at most, and how many it has.
    fn number(&mut self, least: usize, most: usize) -> Option<(u32, usize)> {
        let digits = self.run(|b| b.is_ascii_digit());
        (least..=most).contains(&digits.len()).then(|| {
            let number = digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'));
            (number, digits.len())
        })
    }

    /// Seconds east of Greenwich.
    fn zone(&mut self) -> Option<i64> {
        let west = self.eat(b'-');
        if west || self.eat(b'+') {
            let (number, _) = self.number(4, 4)?;
            let (hours, minutes) = (number / 100, number % 100);
            let east = i64::from(hours * 3600 + minutes * 60);
            return (minutes <= 59).then_some(if west { -east } else { east });
        }
        let name = self.letters();
        let known = ZONES.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        let hours = known.map_or(0, |&(_, hours)| hours);
        (!name.is_empty()).then_some(hours * 3600)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    fn date(value: &str) -> Option<u32> {
        super::date(value.as_bytes(), &mut Vec::new())
    }

    fn received(value: &str) -> Option<u32> {
        super::received(value.as_bytes(), &mut Vec::new())
    }

    #[test]
    fn usable_dates_name_their_moment() {
        for (value, moment) in [
            ("Thu, 1 Jan 1970 00:00:00 +0000", 0),
            ("1 jan 1970 0:00", 0),
            ("Tue, 05 Mar 2024 10:20:30 +0100", 1_709_630_430),
            ("tUE,05\tMAR\t2024 10:20:30 \t +0100\t", 1_709_630_430),
            ("Tue , 5 Mar 2024 10:20:30 +0100", 1_709_630_430),
            ("Tue 5 Mar 2024 10:20:30 +0100", 1_709_630_430),
            ("Tuesday 5 Mar 2024 10:20:30 +0100", 1_709_630_430),
            ("  x,5 Mar 2024 9:20:30", 1_709_630_430),
            ("5 Mar 24 09:20:30 GMT", 1_709_630_430),
            ("5 Mar 124 09:20:30 GMT", 1_709_630_430),
            ("5 Mar 2024 09:20:30 -0000", 1_709_630_430),
            ("5 Mar 2024 09:20:30 ut", 1_709_630_430),
            ("5 Mar 2024 09:20:30 Utc", 1_709_630_430),
            ("5 Mar 2024 09:20:30 Z", 1_709_630_430),
            ("5 Mar 2024 09:20:30 A", 1_709_630_430),
            ("5 Mar 2024 09:20:30 CEST", 1_709_630_430),
            ("5 Mar 2024 04:20:30 est", 1_709_630_430),
            ("5 Mar 2024 05:20:30 EDT", 1_709_630_430),
            ("5 Mar 2024 03:20:30 CST", 1_709_630_430),
            ("5 Mar 2024 04:20:30 CDT", 1_709_630_430),
            ("5 Mar 2024 02:20:30 MST", 1_709_630_430),
            ("5 Mar 2024 03:20:30 MDT", 1_709_630_430),
            ("5 Mar 2024 01:20:30 PST", 1_709_630_430),
            ("5 Mar 2024 02:20:30 PDT", 1_709_630_430),
            ("9 Mar 2024 13:19:30 +9959", 1_709_630_430),
            ("1 Jan 49 00:00 Z", 2_493_072_000),
            ("31 Dec 99 23:59:60 Z", 946_684_800),
            ("29 Feb 2000 00:00:00 Z", 951_782_400),
            ("31 Dec 2105 23:59:60 -9959", 4_291_747_200 + 359_940),
        ] {
            assert_eq!(date(value), Some(moment), "{value}");
        }
    }

    #[test]
    fn unusable_dates_name_none() {
        for value in [
            "",
            " ",
            ",",
            "Tue",
            "Tue,",
            ", 5 Mar 2024 10:20",
            "Tue,, 5 Mar 2024 10:20",
            "Tue5 Mar 2024 10:20",
            "Tue. 5 Mar 2024 10:20",
            "5Mar 2024 10:20",
            "5 Mar2024 10:20",
            "5-Mar-2024 10:20",
            "5 March 2024 10:20",
            "5 Mrz 2024 10:20",
            "005 Mar 2024 10:20",
            "0 Mar 2024 10:20",
            "32 Mar 2024 10:20",
            "31 Apr 2024 10:20",
            "29 Feb 2023 10:20",
            "29 Feb 2100 10:20",
            "5 Mar 4 10:20",
            "5 Mar 02024 10:20",
            "5 Mar 50 10:20",
            "5 Mar 069 10:20",
            "31 Dec 1969 23:59:59",
            "31 Dec 1969 23:59:59 -0100",
            "1 Jan 1970 00:59:59 +0100",
            "1 Jan 2106 00:00",
            "1 Jan 2106 00:00 +0100",
            "5 Mar 2024",
            "5 Mar 2024 10",
            "5 Mar 2024 10:",
            "5 Mar 2024 10:2",
            "5 Mar 2024 10:200",
            "5 Mar 2024 010:20",
            "5 Mar 2024 24:00",
            "5 Mar 2024 10:60",
            "5 Mar 2024 10:20:",
            "5 Mar 2024 10:20:3",
            "5 Mar 2024 10:20:61",
            "5 Mar 2024 10 :20",
            "5 Mar 2024 10.20",
            "5 Mar 2024 10:20+0100",
            "5 Mar 2024 10:20GMT",
            "5 Mar 2024 10:20 +",
            "5 Mar 2024 10:20 +100",
            "5 Mar 2024 10:20 +01:00",
            "5 Mar 2024 10:20 +01000",
            "5 Mar 2024 10:20 +0160",
            "5 Mar 2024 10:20 -+0100",
            "5 Mar 2024 10:20 0100",
            "5 Mar 2024 10:20 +0100 CET",
            "5 Mar 2024 10:20 GMT+0100",
            "5 Mar 2024 10:20 \"GMT\"",
            "5 Mar 2024 10:20 GMT)",
            "5 Mar 2024\r10:20",
            "5 Mar 2024 10:20\0",
        ] {
            assert_eq!(date(value), None, "{value}");
        }
    }

    #[test]
    fn a_comment_counts_as_a_space() {
        let wanted = date("5 Mar 2024 10:20 +0100");
        for value in [
            "5(a)Mar(b)(c)2024 10:20 +0100(CET)",
            "(Tue, )5 Mar 2024 10:20 +0100 (a(b)c)",
            "5 Mar 2024 10:20 +0100 (a\\)b\\(c\\\\)",
            "5 Mar 2024 10:20 +0100 (never closed",
            "5 Mar 2024 10:20 +0100 (never (closed)",
            "5 Mar 2024 10:20 +0100 (never closed\\",
            "5 Mar 2024 10:20 +0100 (\")",
        ] {
            assert_eq!(date(value), wanted, "{value}");
        }
        assert!(wanted.is_some());
        for value in [
            "5 Mar 2024 10(:)20 +0100",
            "5 Mar 2024 10:20 +0100 (a))",
            "5 Mar 2024 10:20 +0100 (a\\))b)",
            "5 Mar 2024 10:20 \\(a) +0100",
            "5 Mar (2024 10:20 +0100",
        ] {
            assert_eq!(date(value), None, "{value}");
        }
    }

    #[test]
    fn received_names_its_moment_after_the_last_semicolon() {
        let wanted = date("5 Mar 2024 10:20 +0100");
        for value in [
            "from a; 5 Mar 2024 10:20 +0100",
            "from a; b ;5 Mar 2024 10:20 +0100",
            ";5 Mar 2024 10:20 +0100 (x; y)",
            "a (;) ;5 Mar 2024 10:20 +0100 (; unclosed",
            "a \"(\" ;) ;5 Mar 2024 10:20 +0100",
        ] {
            assert_eq!(received(value), wanted, "{value}");
        }
        for value in [
            "",
            ";",
            "5 Mar 2024 10:20 +0100",
            "a (b; 5 Mar 2024 10:20 +0100",
            "a \"(\"; 5 Mar 2024 10:20 +0100",
            "a; 5 Mar 2024 10:20 +0100;",
            "a; 5 Mar 2024; 10:20 +0100",
        ] {
            assert_eq!(received(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_moment_reads_back(moment in any::<u32>(), zone in -99..=99_i64, minutes in 0..60_i64) {
            let east = if zone < 0 { zone * 60 - minutes } else { zone * 60 + minutes } * 60;
            let local = chrono::DateTime::from_timestamp(i64::from(moment) + east, 0).unwrap();
            let text = local.format("%a, %d %b %Y %H:%M:%S").to_string();
            let text = format!("{text} {}{:02}{minutes:02}", if zone < 0 { '-' } else { '+' }, zone.abs());
            let inside = (1970..=2105).contains(&chrono::Datelike::year(&local));
            prop_assert_eq!(date(&text), inside.then_some(moment));
        }

        #[test]
        fn nothing_panics(value in "[ ,;:()\\\\+0-9A-Za-z\\r\\x00\u{e4}]{0,40}") {
            date(&value);
            received(&value);
        }
    }
}
