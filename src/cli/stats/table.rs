//! The statistics as bars of a terminal.

use mailvault::stats::{Facet, Growth, Stats, StatsSection, percent};
use mailvault::vault::catalog::Amount;

use super::{StatsPart, name};
use crate::cli::text::{count, cut, day, escape, plural, quoted, size, width};

/// Columns of a name, at most, and of the longest bar.
const NAME: usize = 30;
const BAR: usize = 24;
/// The names of these rows are never cut below this, so that the columns do not dance.
const LEAST: usize = 8;

/// Everything that is shown; `words` are the query.
pub(super) fn lines(
    stats: &Stats,
    parts: &[StatsPart],
    words: &[String],
    utf8: bool,
) -> Vec<String> {
    let totals = &stats.totals;
    let mut head = format!(
        "{}, {}",
        plural(totals.amount.messages, "message"),
        size(totals.amount.octets)
    );
    if let Some((first, last)) = totals.span {
        head = format!("{head}, {} to {}", day(first), day(last));
    }
    let mut lines = vec![head];
    let groups = |part: &StatsPart| match part {
        StatsPart::Groups(section) => section.rows.clone(),
        StatsPart::Growth(_) => Vec::new(),
    };
    let wide = parts.iter().flat_map(groups);
    let wide = wide.map(|row| width(&escape(&row.key.whole_label())));
    let wide = wide.max().unwrap_or(0).clamp(LEAST, NAME);
    for part in parts {
        let more = match part {
            StatsPart::Groups(section) => groups_table(section, wide, utf8),
            StatsPart::Growth(growth) => growth_table(growth, wide, utf8),
        };
        if !more.is_empty() {
            lines.push(String::new());
            lines.extend(more);
        }
    }
    if let Some((larger, heavy)) = totals.heavy {
        lines.push(String::new());
        lines.push(format!(
            "{} of the messages hold {} of the space: mailvault list {}",
            percent(heavy.messages, totals.amount.messages),
            percent(heavy.octets, totals.amount.octets),
            words
                .iter()
                .map(|word| quoted(word))
                .chain([format!("larger:{}", round(larger))])
                .collect::<Vec<_>>()
                .join(" ")
        ));
    }
    lines
}

fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The line above the bars.
fn heading(title: &str, wide: usize) -> String {
    format!(
        "{}  {:>10}  {:>10}",
        pad(title, wide + 2 + BAR),
        "messages",
        "size"
    )
}

/// A bar with its name and its numbers.
fn row_line(
    label: &str,
    amount: Amount,
    (value, most): (u64, u64),
    (wide, utf8): (usize, bool),
) -> String {
    let mut label = cut(&escape(label), wide);
    if !utf8 {
        label = label.replace('…', "~");
    }
    format!(
        "{}  {}  {:>10}  {:>10}",
        pad(&label, wide),
        pad(&bar(value, most, utf8), BAR),
        count(amount.messages),
        size(amount.octets)
    )
}

/// What stands in place of years or months without mail.
fn gap_line(gap: u64, of: &str, wide: usize) -> Option<String> {
    let said = format!("{}  ({} without mail)", pad("", wide), plural(gap, of));
    (gap > 0).then_some(said)
}

/// The bars of one facet.
fn groups_table(section: &StatsSection, wide: usize, utf8: bool) -> Vec<String> {
    if section.rows.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![heading(&format!("By {}", name(section.facet)), wide)];
    let value = |amount: &Amount| match section.facet {
        Facet::Month | Facet::Weekday | Facet::Hour => amount.messages,
        Facet::Year | Facet::Sender | Facet::Size | Facet::Folder => amount.octets,
    };
    let most = section.rows.iter().map(|row| value(&row.amount)).max();
    let most = most.unwrap_or(0);
    for (n, row) in section.rows.iter().enumerate() {
        lines.extend(gap_line(section.gap_before(n), name(section.facet), wide));
        let label = row.key.whole_label();
        let bar = (value(&row.amount), most);
        lines.push(row_line(&label, row.amount, bar, (wide, utf8)));
    }
    if section.others > 0 {
        let (groups, rest) = (section.others, section.rest);
        let text = match section.facet {
            Facet::Year | Facet::Month => {
                let s = if rest.messages == 1 { "" } else { "s" };
                let older = count(rest.messages);
                format!("{older} older message{s}, {}", size(rest.octets))
            }
            facet => format!(
                "and {}: {}, {}",
                plural(groups, &format!("other {}", name(facet))),
                plural(rest.messages, "message"),
                size(rest.octets)
            ),
        };
        lines.push(format!("{}  ({text})", pad("", wide)));
    }
    lines
}

/// How much there was at the end of each year.
fn growth_table(growth: &Growth, wide: usize, utf8: bool) -> Vec<String> {
    let years = growth.years();
    if years.is_empty() && growth.undated.messages == 0 {
        return Vec::new();
    }
    let mut lines = vec![heading("Growth by year", wide)];
    if growth.undated.messages > 0 {
        let undated = plural(growth.undated.messages, "message");
        let said = format!("({undated} without a date, counted from the beginning)");
        lines.push(format!("{}  {said}", pad("", wide)));
    }
    let most = growth.last().octets.max(growth.quota.unwrap_or(0));
    let mut last = None;
    for (year, amount) in years {
        let gap = last.map_or(0, |last: i32| year - last - 1);
        lines.extend(gap_line(gap.unsigned_abs().into(), "year", wide));
        let bar = (amount.octets, most);
        lines.push(row_line(&year.to_string(), amount, bar, (wide, utf8)));
        last = Some(year);
    }
    if let Some(quota) = growth.quota {
        let full = size(quota);
        lines.push(match growth.passed {
            Some((year, month)) => {
                format!("{}  (passed {full} in {year:04}-{month:02})", pad("", wide))
            }
            None => format!(
                "{}  (a full bar is {full}, which is not reached)",
                pad("", wide)
            ),
        });
    }
    lines
}

/// A bar; eighths of a column where the terminal can show them.
fn bar(value: u64, most: u64, utf8: bool) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let steps: u128 = if utf8 { 8 } else { 1 };
    let all = BAR as u128 * steps;
    let long = (u128::from(value) * all).div_ceil(u128::from(most.max(1)));
    let long = usize::try_from(long.min(all)).unwrap_or(0);
    if utf8 {
        format!("{}{}", "█".repeat(long / 8), EIGHTHS[long % 8])
    } else {
        "#".repeat(long)
    }
}

/// A size as a query takes it.
fn round(octets: u64) -> String {
    match octets >> 20 {
        0 => format!("{}K", octets >> 10),
        mib => format!("{mib}M"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailvault::stats::{StatsKey, StatsRow};
    use mailvault::vault::catalog::{TimeSums, Totals};

    fn amount(messages: u64, mib: u64) -> Amount {
        Amount {
            messages,
            octets: mib << 20,
        }
    }

    fn row(key: StatsKey, amount: Amount) -> StatsRow {
        StatsRow { key, amount }
    }

    fn stats() -> Stats {
        let mut times = TimeSums::default();
        times.months.insert((2019, 3), amount(935, 338));
        times.months.insert((2025, 5), amount(188, 57));
        times.months.insert((2026, 1), amount(149, 17));
        Stats {
            totals: Totals {
                amount: amount(1272, 412),
                stored: 1,
                span: Some((1_455_148_800, 1_795_219_200)),
                heavy: Some((1 << 20, amount(127, 334))),
            },
            times,
            groups: Vec::new(),
        }
    }

    fn parts() -> Vec<StatsPart> {
        let sender = |address: &str| StatsKey::Sender(address.to_owned());
        vec![
            StatsPart::Groups(StatsSection {
                facet: Facet::Year,
                rows: vec![
                    row(StatsKey::Year(2023), amount(188, 57)),
                    row(StatsKey::Year(2026), amount(120, 25)),
                ],
                others: 3,
                rest: amount(337, 51),
            }),
            StatsPart::Groups(StatsSection {
                facet: Facet::Sender,
                rows: vec![
                    row(sender("photos@family.example"), amount(41, 121)),
                    row(
                        sender(&format!("{}\x1b@example.org", "x".repeat(90))),
                        amount(1, 0),
                    ),
                ],
                others: 0,
                rest: Amount::default(),
            }),
            StatsPart::Growth(stats().growth(Some(400 << 20))),
        ]
    }

    #[test]
    fn bars_stand_beside_names_and_numbers() {
        let all = lines(&stats(), &parts(), &["account:work".to_owned()], true);
        assert_eq!(
            all.join("\n"),
            "\
1,272 messages, 412.0 MiB, 2016-02-11 to 2026-11-21

By year                                                     messages        size
2023                            ████████████████████████         188    57.0 MiB
                                (2 years without mail)
2026                            ██████████▋                      120    25.0 MiB
                                (337 older messages, 51.0 MiB)

By sender                                                   messages        size
photos@family.example           ████████████████████████          41   121.0 MiB
xxxxxxxxxxxxxxxxxxxxxxxxxxxxx…                                     1         0 B

Growth by year                                              messages        size
2019                            ███████████████████▊             935   338.0 MiB
                                (5 years without mail)
2025                            ███████████████████████▏       1,123   395.0 MiB
2026                            ████████████████████████       1,272   412.0 MiB
                                (passed 400.0 MiB in 2026-01)

10 % of the messages hold 81 % of the space: mailvault list account:work larger:1M"
        );
    }

    #[test]
    fn without_utf_8_everything_of_ours_is_ascii() {
        for line in lines(&stats(), &parts(), &[], false) {
            assert!(line.is_ascii(), "{line}");
        }
        assert_eq!(bar(1, 1_000_000, false), "#");
        assert_eq!(bar(0, 10, false), "");
    }
}
