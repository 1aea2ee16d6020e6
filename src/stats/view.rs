//! The sections of a page of statistics, each with its chart and its table, as
//! `templates/stats/sections.html` shows them: on a page of their own and in an HTML archive.

use super::chart::{self, Bar, ColumnChart, LineChart, RowChart};
use super::{Facet, Growth, Stats, StatsKey, StatsRow, StatsSection, month_text};
use crate::base::units::{count_text, size_text};
use crate::mail::markup::visible;
use crate::vault::catalog::Amount;

/// Years and months of a page, the newest. They bound its size.
const YEARS: u64 = 30;
const MONTHS: u64 = 36;
/// Years or months without mail that an axis shows; more of them are one place.
const GAP: usize = 24;

/// Letters of a name and of a query. A query with more is not shown: cut, it would find others.
const NAME: usize = 60;
const QUERY: usize = 120;

/// Where a group leads: to its messages, or nowhere.
pub(crate) type GroupLink<'a> = &'a dyn Fn(&StatsKey) -> Option<String>;

/// A section with its charts and its table.
pub(crate) struct SectionView {
    pub(crate) title: String,
    pub(crate) head: &'static str,
    pub(crate) wide: bool,
    pub(crate) line: Option<LineChart>,
    /// Charts of columns, each with its heading.
    pub(crate) columns: Vec<(&'static str, ColumnChart)>,
    pub(crate) chart: Option<RowChart>,
    pub(crate) note: Option<String>,
    pub(crate) rows: Vec<AmountCells>,
    pub(crate) rest: Option<AmountCells>,
}

/// A row of a table.
pub(crate) struct AmountCells {
    pub(crate) label: String,
    pub(crate) href: Option<String>,
    /// The query that finds its messages, where there is no link.
    pub(crate) query: Option<String>,
    pub(crate) messages: String,
    pub(crate) size: String,
    pub(crate) share: String,
}

/// How the sections of a page are made.
pub(crate) struct SectionStyle<'a> {
    /// Where groups lead; without it, tables have queries.
    pub(crate) link: Option<GroupLink<'a>>,
    /// The zone of the times.
    pub(crate) zone: &'a str,
    /// The room on the server that the mail is compared with, in octets.
    pub(crate) quota: Option<u64>,
}

impl SectionStyle<'_> {
    /// All sections that have something to show.
    pub(crate) fn sections(&self, stats: &Stats) -> Vec<SectionView> {
        let all = stats.totals.amount;
        let growth = stats.growth(self.quota);
        let growth = Some(growth).filter(|growth| !growth.points.is_empty());
        let mut sections: Vec<SectionView> = growth.iter().map(|g| self.growth(g)).collect();
        for (facet, top) in [
            (Facet::Year, YEARS),
            (Facet::Month, MONTHS),
            (Facet::Weekday, 7),
            (Facet::Hour, 24),
            (Facet::Sender, 0),
            (Facet::Size, 0),
            (Facet::Folder, 0),
        ] {
            let section = stats.section(facet, top);
            if !section.rows.is_empty() {
                sections.push(self.section(&section, all));
            }
        }
        sections
    }

    /// How the mail grew.
    fn growth(&self, growth: &Growth) -> SectionView {
        let months = |(year, month): (i32, u32)| u32::try_from(year).unwrap_or(0) * 12 + month;
        let points = growth.points.iter();
        let points: Vec<_> = points
            .map(|point| (months(point.month), point.amount.octets))
            .collect();
        let end = |point: Option<&super::GrowthPoint>| {
            point.map_or_else(String::new, |point| month_text(point.month))
        };
        let ends = (end(growth.points.first()), end(growth.points.last()));
        let last = growth.last();
        let title = format!(
            "Size at the end of each month, from {} to {}: {} in the end",
            ends.0,
            ends.1,
            size_text(last.octets)
        );
        let most = self
            .quota
            .map_or(last.octets, |quota| quota.max(last.octets));
        let rows = growth
            .years()
            .into_iter()
            .map(|(year, amount)| AmountCells {
                label: year.to_string(),
                href: None,
                query: None,
                messages: count_text(amount.messages),
                size: size_text(amount.octets),
                share: percent(amount.octets, self.quota.unwrap_or(last.octets)),
            });
        SectionView {
            title: "How it grew".to_owned(),
            head: "End of",
            wide: true,
            line: Some(chart::line(
                &title,
                &points,
                self.quota,
                (ends, size_text(most)),
            )),
            columns: Vec::new(),
            chart: None,
            note: growth_note(growth),
            rows: last_rows(rows.collect()),
            rest: None,
        }
    }

    fn section(&self, section: &StatsSection, all: Amount) -> SectionView {
        let (title, head) = match section.facet {
            Facet::Year => ("By year".to_owned(), "Year"),
            Facet::Month => ("By month".to_owned(), "Month"),
            Facet::Weekday => (format!("By day of the week ({})", self.zone), "Day"),
            Facet::Hour => (format!("By hour of the day ({})", self.zone), "Hour"),
            Facet::Sender => ("By sender".to_owned(), "Sender"),
            Facet::Size => ("By size of a message".to_owned(), "Size"),
            Facet::Folder => ("By folder".to_owned(), "Folder"),
        };
        let columns = match section.facet {
            Facet::Year => vec![
                (
                    "Size",
                    self.columns("Size by year", "by-size", section, octets),
                ),
                (
                    "Messages",
                    self.columns("Messages by year", "by-mail", section, messages),
                ),
            ],
            Facet::Month | Facet::Weekday | Facet::Hour => {
                let chart_title = format!("Messages, {}", title.to_lowercase());
                vec![(
                    "Messages",
                    self.columns(&chart_title, "by-mail", section, messages),
                )]
            }
            Facet::Sender | Facet::Size | Facet::Folder => Vec::new(),
        };
        let chart = columns.is_empty().then(|| {
            let chart_title = format!("Size, {}", title.to_lowercase());
            let rows = section.rows.iter();
            let bars: Vec<Bar> = rows.map(|row| self.bar(row, octets(&row.amount))).collect();
            chart::rows(&chart_title, "by-size", &bars)
        });
        let others = match section.facet {
            Facet::Year | Facet::Month => "earlier".to_owned(),
            _ => format!("{} others", count_text(section.others)),
        };
        let rows = section.rows.iter().filter(|row| row.amount.messages > 0);
        SectionView {
            title,
            head,
            wide: matches!(section.facet, Facet::Year | Facet::Month),
            line: None,
            columns,
            chart,
            note: chart_note(section),
            rows: rows
                .map(|row| AmountCells {
                    href: self.href(&row.key),
                    query: self.query(&row.key),
                    ..cells(&row.key.whole_label(), row.amount, all)
                })
                .collect(),
            rest: (section.others > 0).then(|| cells(&others, section.rest, all)),
        }
    }

    fn href(&self, key: &StatsKey) -> Option<String> {
        self.link.and_then(|link| link(key))
    }

    fn query(&self, key: &StatsKey) -> Option<String> {
        let query = key.query().filter(|_| self.link.is_none())?.to_string();
        let shown = visible(&query).into_owned();
        (shown.chars().count() <= QUERY).then_some(shown)
    }

    fn bar(&self, row: &StatsRow, (value, text): (u64, String)) -> Bar {
        let label = chart::cut(&row.key.whole_label(), NAME);
        Bar {
            tick: tick(&row.key, &label),
            label,
            href: self.href(&row.key).filter(|_| row.amount.messages > 0),
            value,
            text,
        }
    }

    /// A chart of columns on a time axis: where nothing came is a gap, and a long gap is cut.
    fn columns(
        &self,
        title: &str,
        class: &'static str,
        section: &StatsSection,
        value: fn(&Amount) -> (u64, String),
    ) -> ColumnChart {
        let mut bars: Vec<Bar> = Vec::new();
        let mut last: Option<&StatsKey> = None;
        let dated = section.rows.iter();
        for row in dated.filter(|row| row.key != StatsKey::Undated) {
            let gap = last.map_or_else(Vec::new, |last| last.between(&row.key));
            if gap.len() > GAP {
                bars.push(broken_axis());
            } else {
                let nothing = |key| StatsRow {
                    key,
                    amount: Amount::default(),
                };
                let gap = gap.into_iter().map(nothing);
                bars.extend(gap.map(|row| self.bar(&row, value(&row.amount))));
            }
            bars.push(self.bar(row, value(&row.amount)));
            last = Some(&row.key);
        }
        // Of a few months none may be a January.
        let has_ticks = bars.iter().any(|bar| !bar.tick.is_empty());
        if let Some(first) = bars.first_mut().filter(|_| !has_ticks) {
            first.tick.clone_from(&first.label);
        }
        chart::columns(title, class, &bars)
    }
}

/// A place where the axis leaves out years or months without mail.
fn broken_axis() -> Bar {
    Bar {
        label: chart::BREAK.to_owned(),
        tick: chart::BREAK.to_owned(),
        href: None,
        value: 0,
        text: String::new(),
    }
}

/// What stands below a column.
fn tick(key: &StatsKey, label: &str) -> String {
    match key {
        StatsKey::Month(year, 1) => year.to_string(),
        StatsKey::Weekday(_) => label.chars().take(3).collect(),
        StatsKey::Hour(hour) if hour.is_multiple_of(3) => hour.to_string(),
        StatsKey::Month(..) | StatsKey::Hour(_) => String::new(),
        _ => label.to_owned(),
    }
}

fn octets(amount: &Amount) -> (u64, String) {
    (amount.octets, size_text(amount.octets))
}

fn messages(amount: &Amount) -> (u64, String) {
    (amount.messages, count_text(amount.messages))
}

/// What a chart of times leaves out.
fn chart_note(section: &StatsSection) -> Option<String> {
    match section.facet {
        Facet::Sender | Facet::Size | Facet::Folder => return None,
        Facet::Year | Facet::Month | Facet::Weekday | Facet::Hour => {}
    }
    let undated = section.rows.iter().find(|row| row.key == StatsKey::Undated);
    let undated = undated.map_or(0, |row| row.amount.messages);
    let left_out = [
        (section.rest.messages, "earlier"),
        (undated, "without a date"),
    ];
    let left_out = left_out.into_iter().filter(|(messages, _)| *messages > 0);
    let left_out: Vec<String> = left_out
        .map(|(messages, which)| format!("{} {which}", count_text(messages)))
        .collect();
    (!left_out.is_empty()).then(|| format!("Not in the chart: {}.", left_out.join(" and ")))
}

/// What is said of the quota, and of what is on no axis.
fn growth_note(growth: &Growth) -> Option<String> {
    let quota = growth.quota.map(|quota| {
        let quota = size_text(quota);
        match growth.passed {
            Some(month) => format!(
                "The dashed line is {quota}, passed in {}.",
                month_text(month)
            ),
            None => format!("The dashed line is {quota}, which is not reached."),
        }
    });
    let undated = growth.undated.messages;
    let undated = (undated > 0).then(|| {
        let undated = count_text(undated);
        format!("Counted from the beginning: {undated} without a date.")
    });
    let notes: Vec<String> = quota.into_iter().chain(undated).collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}

/// The newest rows of a table of years.
fn last_rows(mut rows: Vec<AmountCells>) -> Vec<AmountCells> {
    let most = usize::try_from(YEARS).unwrap_or(usize::MAX);
    rows.split_off(rows.len().saturating_sub(most))
}

fn cells(label: &str, amount: Amount, all: Amount) -> AmountCells {
    AmountCells {
        label: chart::cut(&visible(label), NAME),
        href: None,
        query: None,
        messages: count_text(amount.messages),
        size: size_text(amount.octets),
        share: percent(amount.octets, all.octets),
    }
}

/// A share in percent, rounded, and never nothing for something.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    let rounded = (u128::from(part) * 200 + u128::from(whole)) / (u128::from(whole.max(1)) * 2);
    match rounded {
        0 if part > 0 => "<1 %".to_owned(),
        rounded => format!("{rounded} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_and_something_is_more_than_nothing() {
        assert_eq!(percent(1, 3), "33 %");
        assert_eq!(percent(2, 3), "67 %");
        assert_eq!(percent(1, 1_000_000), "<1 %");
        assert_eq!(percent(0, 0), "0 %");
    }
}
