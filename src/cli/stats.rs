//! `mailvault stats`: what the mail is made of, as bars.

use std::path::Path;

use chrono::Utc;
use mailvault::mail::query;
use mailvault::stats::{self, Stats, StatsSection};
use mailvault::vault::catalog::{Amount, Facet};
use serde_json::{Value, json};

use super::Done;
use super::args::{By, StatsArgs as Args};
use super::output::Output;
use super::report::Failure;
use super::search::read_texts;
use super::settings::Settings;
use super::text::{count, cut, day, escape, now, plural, rfc3339, size, width};

/// Columns of a name, at most, and of the longest bar.
const NAME: usize = 30;
const BAR: usize = 24;
/// The names of these rows are never cut below this, so that the columns do not dance.
const LEAST: usize = 8;

pub(crate) fn run(args: &Args, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    let query = query::parse(&args.query, Utc::now())?;
    let mut facets: Vec<Facet> = Vec::new();
    for by in &args.by {
        let facet = facet(*by);
        if !facets.contains(&facet) {
            facets.push(facet);
        }
    }
    let vault = settings.open_vault()?;
    read_texts(&vault, &query, out)?;
    let stats = stats::gather(&vault, &query, &facets, args.top)?;
    if let Some(path) = &args.html {
        write_page(path, &stats, args)?;
    }
    for section in stats.sections.iter().filter(|_| out.json) {
        tell(section, out);
    }
    if !out.json {
        for line in lines(&stats, &args.query, out.utf8) {
            out.line(&line);
        }
        if let (Some(path), false) = (&args.html, out.quiet) {
            out.line(&format!("\nWrote {}", escape(&settings.shown(path))));
        }
    }
    let totals = &stats.totals;
    Ok(Done::new(
        0,
        json!({
            "messages": totals.amount.messages,
            "bytes": totals.amount.octets,
            "stored_bytes": totals.stored,
            "first": totals.span.and_then(|(first, _)| rfc3339(first)),
            "last": totals.span.and_then(|(_, last)| rfc3339(last)),
            "html": args.html.as_ref().map(|path| path.to_string_lossy()),
        }),
    ))
}

fn write_page(path: &Path, stats: &Stats, args: &Args) -> Result<(), Failure> {
    let about = match args.query.join(" ") {
        words if words.is_empty() => "all mail".to_owned(),
        words => words,
    };
    let made = now().format("%Y-%m-%d").to_string();
    Ok(stats::write_page(path, stats, &about, &made)?)
}

fn facet(by: By) -> Facet {
    match by {
        By::Year => Facet::Year,
        By::Sender => Facet::Sender,
        By::Size => Facet::Size,
        By::Folder => Facet::Folder,
    }
}

fn name(facet: Facet) -> &'static str {
    match facet {
        Facet::Year => "year",
        Facet::Sender => "sender",
        Facet::Size => "size",
        Facet::Folder => "folder",
    }
}

fn tell(section: &StatsSection, out: &Output) {
    let by = name(section.facet);
    let amount = |kind: &str, mut line: Value, amount: Amount| {
        line["by"] = by.into();
        line["messages"] = amount.messages.into();
        line["bytes"] = amount.octets.into();
        out.json(kind, line, false);
    };
    for row in &section.rows {
        let line = match &row.account {
            Some(account) => json!({"account": account, "key": row.label}),
            None => json!({"key": row.label}),
        };
        amount("group", line, row.amount);
    }
    if section.others > 0 {
        amount("rest", json!({"groups": section.others}), section.rest);
    }
}

fn lines(stats: &Stats, words: &[String], utf8: bool) -> Vec<String> {
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
    let rows = stats.sections.iter().flat_map(|section| &section.rows);
    let wide = rows
        .map(|row| width(&escape(&row.whole_label())))
        .max()
        .unwrap_or(0)
        .clamp(LEAST, NAME);
    for section in stats
        .sections
        .iter()
        .filter(|section| !section.rows.is_empty())
    {
        lines.push(String::new());
        lines.extend(part(section, wide, utf8));
    }
    if let Some((larger, heavy)) = totals.heavy {
        lines.push(String::new());
        lines.push(format!(
            "{} % of the messages hold {} % of the space: mailvault list {}",
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

/// The bars of one facet.
fn part(section: &StatsSection, wide: usize, utf8: bool) -> Vec<String> {
    let pad = |text: &str, columns: usize| {
        format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
    };
    let title = format!("By {}", name(section.facet));
    let mut lines = vec![format!(
        "{}  {:>10}  {:>10}",
        pad(&title, wide + 2 + BAR),
        "messages",
        "size"
    )];
    let most = (section.rows.iter().map(|row| row.amount.octets))
        .max()
        .unwrap_or(0);
    for row in &section.rows {
        let mut label = cut(&escape(&row.whole_label()), wide);
        if !utf8 {
            label = label.replace('…', "~");
        }
        lines.push(format!(
            "{}  {}  {:>10}  {:>10}",
            pad(&label, wide),
            pad(&bar(row.amount.octets, most, utf8), BAR),
            count(row.amount.messages),
            size(row.amount.octets)
        ));
    }
    if section.others > 0 {
        let (groups, rest) = (section.others, section.rest);
        let text = match section.facet {
            Facet::Year => {
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

fn percent(part: u64, whole: u64) -> u64 {
    let whole = u128::from(whole.max(1));
    u64::try_from((u128::from(part) * 200 + whole) / (2 * whole)).unwrap_or(100)
}

/// A size as a query takes it.
fn round(octets: u64) -> String {
    match octets >> 20 {
        0 => format!("{}K", octets >> 10),
        mib => format!("{mib}M"),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || ":@._-/+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        escape(&format!("'{}'", word.replace('\'', "'\\''"))).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailvault::stats::StatsRow;
    use mailvault::vault::catalog::Totals;

    fn amount(messages: u64, mib: u64) -> Amount {
        Amount {
            messages,
            octets: mib << 20,
        }
    }

    fn row(label: &str, amount: Amount) -> StatsRow {
        StatsRow {
            label: label.to_owned(),
            account: None,
            amount,
        }
    }

    fn sample() -> Stats {
        Stats {
            totals: Totals {
                amount: amount(1272, 412),
                stored: 1,
                span: Some((1_455_148_800, 1_795_219_200)),
                heavy: Some((1 << 20, amount(127, 334))),
            },
            sections: vec![
                StatsSection {
                    facet: Facet::Year,
                    rows: vec![row("2025", amount(188, 57)), row("2026", amount(120, 25))],
                    others: 3,
                    rest: amount(337, 51),
                },
                StatsSection {
                    facet: Facet::Sender,
                    rows: vec![
                        row("photos@family.example", amount(41, 121)),
                        row(&format!("{}\x1b@example.org", "x".repeat(90)), amount(1, 0)),
                    ],
                    others: 0,
                    rest: Amount::default(),
                },
            ],
        }
    }

    #[test]
    fn bars_stand_beside_names_and_numbers() {
        let all = lines(&sample(), &["account:work".to_owned()], true);
        assert_eq!(
            all.join("\n"),
            "\
1,272 messages, 412.0 MiB, 2016-02-11 to 2026-11-21

By year                                                     messages        size
2025                            ████████████████████████         188    57.0 MiB
2026                            ██████████▋                      120    25.0 MiB
                                (337 older messages, 51.0 MiB)

By sender                                                   messages        size
photos@family.example           ████████████████████████          41   121.0 MiB
xxxxxxxxxxxxxxxxxxxxxxxxxxxxx…                                     1         0 B

10 % of the messages hold 81 % of the space: mailvault list account:work larger:1M"
        );
    }

    #[test]
    fn without_utf_8_everything_of_ours_is_ascii() {
        for line in lines(&sample(), &[], false) {
            assert!(line.is_ascii(), "{line}");
        }
        assert_eq!(bar(1, 1_000_000, false), "#");
        assert_eq!(bar(0, 10, false), "");
    }

    #[test]
    fn words_for_a_shell_are_quoted_where_they_must_be() {
        assert_eq!(quoted("from:ann@example.org"), "from:ann@example.org");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
