//! The line of an account while it works, and the one that stays: as wide as the terminal at most.

use std::time::Duration;

use mailvault::base::event::PullReport;

use super::meter;
use crate::cli::text::{count, cut, escape, size, span, width};

/// Columns of a bar.
const BAR: std::ops::RangeInclusive<usize> = 8..=30;
/// Columns of a rate and of a rest, so that what follows them stays in its place.
const RATE: usize = 12;
const REST: usize = 18;
/// Fewest columns in which the name of a folder says anything.
const FOLDER: usize = 8;

/// What is shown of an account at work.
#[derive(Debug, Default)]
pub(super) struct WorkLine<'a> {
    pub(super) account: &'a str,
    /// Octets, or messages where nothing is known of octets: done and wanted.
    pub(super) done: u64,
    pub(super) wanted: u64,
    /// How much that is, in words.
    pub(super) amount: String,
    /// Octets per second.
    pub(super) rate: Option<u64>,
    pub(super) left: Option<Duration>,
    pub(super) folder: Option<&'a str>,
}

impl WorkLine<'_> {
    /// The line in so many columns, its account in `name` of them. What matters less is left out
    /// where there is no room.
    pub(super) fn render(&self, name: usize, columns: usize, utf8: bool) -> String {
        let head = name_in(self.account, name, columns);
        let folder = self.folder.map(|name| escape(name).into_owned());
        let percent = u128::from(self.done) * 100 / u128::from(self.wanted.max(1));
        let percent = format!("{:>3}%", percent.min(100));
        let bar = (columns / 6).clamp(*BAR.start(), *BAR.end());
        let rate = self.rate.map(|rate| format!("{}/s", size(rate)));
        let rest = self.left.map(meter::rest);

        let mut room = columns.saturating_sub(width(&head));
        let mut take = |wanted: usize| {
            let fits = wanted > 0 && room >= wanted + 2;
            room -= if fits { wanted + 2 } else { 0 };
            fits
        };
        let has_percent = self.wanted > 0 && take(width(&percent));
        let has_rest = self.wanted > 0 && take(REST);
        let has_bar = self.wanted > 0 && take(bar);
        let has_folder = folder.is_some() && take(FOLDER);
        let has_rate = take(RATE);
        let has_amount = take(width(&self.amount));

        let mut line = head;
        if has_bar {
            push(
                &mut line,
                &draw(percent_of(bar, self.done, self.wanted), bar, utf8),
                bar,
            );
        }
        if has_percent {
            push(&mut line, &percent, 0);
        }
        if has_amount {
            push(&mut line, &self.amount, 0);
        }
        if has_rate {
            push(&mut line, &rate.unwrap_or_default(), RATE);
        }
        if has_rest {
            push(&mut line, &rest.unwrap_or_default(), REST);
        }
        if let Some(folder) = folder.filter(|_| has_folder) {
            push(&mut line, &cut(&folder, room + FOLDER), 0);
        }
        line.truncate(line.trim_end().len());
        cut(&line, columns)
    }
}

/// A line of an account with other words.
pub(super) fn words(account: &str, text: &str, name: usize, columns: usize) -> String {
    let head = name_in(account, name, columns);
    cut(&format!("{head}  {text}"), columns)
}

/// The line that stays of an account that is done.
pub(super) fn done(account: &str, report: &PullReport, name: usize, columns: usize) -> String {
    let seconds = report.elapsed.as_secs_f64();
    let mut text = match report.new {
        0 => "nothing new".to_owned(),
        new => format!("{} new", count(new)),
    };
    if report.octets > 0 {
        text = format!("{text}, {}", size(report.octets));
    }
    text = format!("{text} in {}", span(report.elapsed));
    if report.octets > 0 && seconds >= 1.0 {
        let rate = u128::from(report.octets) * 1000 / report.elapsed.as_millis().max(1);
        text = format!(
            "{text}, {}/s",
            size(u64::try_from(rate).unwrap_or(u64::MAX))
        );
    }
    words(account, &text, name, columns)
}

/// The account, with blanks up to its columns; at most a third of the line.
fn name_in(account: &str, name: usize, columns: usize) -> String {
    let name = name.min(columns / 3);
    let account = cut(account, name);
    let pad = name.saturating_sub(width(&account));
    account + &" ".repeat(pad)
}

fn push(line: &mut String, text: &str, columns: usize) {
    line.push_str("  ");
    line.push_str(text);
    line.push_str(&" ".repeat(columns.saturating_sub(width(text))));
}

/// Columns of a bar that are full.
fn percent_of(bar: usize, done: u64, wanted: u64) -> usize {
    let full = u128::from(done) * bar as u128 / u128::from(wanted.max(1));
    usize::try_from(full).unwrap_or(bar).min(bar)
}

fn draw(full: usize, columns: usize, utf8: bool) -> String {
    let (done, open) = if utf8 { ("█", "░") } else { ("#", "-") };
    done.repeat(full) + &open.repeat(columns - full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> WorkLine<'static> {
        WorkLine {
            account: "work",
            done: 42 << 20,
            wanted: 100 << 20,
            amount: "42.0 MiB of 100.0 MiB, 1,204 of 5,010".to_owned(),
            rate: Some(3 << 20),
            left: Some(Duration::from_secs(190)),
            folder: Some("Archive/2024"),
        }
    }

    #[test]
    fn what_matters_most_is_shown_where_there_is_little_room() {
        let shown = [40, 80, 120].map(|columns| full().render(6, columns, true));
        assert_eq!(
            shown,
            [
                "work     42%  about 3 min left",
                "work    █████░░░░░░░░   42%  3.0 MiB/s     about 3 min left    Archive/2024",
                "work    ████████░░░░░░░░░░░░   42%  42.0 MiB of 100.0 MiB, 1,204 of 5,010  \
                 3.0 MiB/s     about 3 min left    Archive/20…",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = "日本語のとても長いフォルダ/👩\u{200d}💻/e\u{301}\u{1b}[31m";
        for columns in 40..=160 {
            for folder in [None, Some("INBOX"), Some(long)] {
                for account in ["work", "日本語のとても長い名前日本語のとても長い名前"]
                {
                    for utf8 in [true, false] {
                        let line = WorkLine {
                            account,
                            folder,
                            ..full()
                        };
                        for line in [
                            line.render(width(account), columns, utf8),
                            words(account, &long.repeat(9), width(account), columns),
                        ] {
                            assert!(width(&line) <= columns, "{columns}: {line}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_known_yet_leaves_the_rest_in_its_place() {
        let begun = WorkLine {
            rate: None,
            left: None,
            ..full()
        };
        let at = |line: &WorkLine<'_>| {
            let line = line.render(6, 80, true);
            line.split_once("Archive").map(|(before, _)| width(before))
        };
        assert_eq!(at(&begun), at(&full()));
    }

    #[test]
    fn the_line_that_stays_says_what_came_how_long_it_took_and_how_fast() {
        let report = PullReport {
            new: 1204,
            octets: 100 << 20,
            elapsed: Duration::from_secs(50),
            ..PullReport::default()
        };
        let line = done("work", &report, 6, 80);
        assert_eq!(line, "work    1,204 new, 100.0 MiB in 50s, 2.0 MiB/s");
        let line = done("work", &PullReport::default(), 6, 80);
        assert_eq!(line, "work    nothing new in <1s");
    }
}
