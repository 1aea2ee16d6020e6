//! What the mail is made of: sums over the messages that a query finds, by time, sender, size and
//! folder, as numbers and as charts for a browser.

mod chart;
mod growth;
mod key;
mod page;
pub(crate) mod view;

use std::io;
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::{fsx, output_file};
use crate::mail::query::Query;
use crate::vault::Vault;
use crate::vault::catalog::{Amount, Grouping, Groups, TimeSums, Totals};

pub use growth::{Growth, GrowthPoint};
pub use key::StatsKey;
use key::{WEEKDAYS, month_text};
pub use page::StatsPage;
pub use view::percent;

/// What messages are told apart by. Times are in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Facet {
    /// The year in which they were received.
    Year,
    /// The month of a year.
    Month,
    /// The day of the week.
    Weekday,
    /// The hour of the day.
    Hour,
    /// The address of the sender.
    Sender,
    /// Brackets of their size.
    Size,
    /// The folder; a message in two of them counts in both.
    Folder,
}

impl Facet {
    /// The grouping of the catalog that it needs.
    #[must_use]
    pub fn grouping(self) -> Option<Grouping> {
        match self {
            Self::Sender => Some(Grouping::Sender),
            Self::Size => Some(Grouping::Size),
            Self::Folder => Some(Grouping::Folder),
            Self::Year | Self::Month | Self::Weekday | Self::Hour => None,
        }
    }
}

/// Sums over the messages that a query finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// All of them.
    pub totals: Totals,
    /// The same by time.
    pub times: TimeSums,
    /// The same in groups that are not of time.
    pub groups: Vec<StatsSection>,
}

/// The groups of one facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsSection {
    /// By what.
    pub facet: Facet,
    /// The groups, in the order in which they are shown.
    pub rows: Vec<StatsRow>,
    /// How many groups are left out.
    pub others: u64,
    /// What they amount to.
    pub rest: Amount,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsRow {
    /// What its messages have in common.
    pub key: StatsKey,
    /// How much it is.
    pub amount: Amount,
}

impl StatsSection {
    /// How many years or months without mail lie between a row and the one before it.
    #[must_use]
    pub fn gap_before(&self, row: usize) -> u64 {
        let last = row.checked_sub(1).and_then(|last| self.rows.get(last));
        let keys = last.zip(self.rows.get(row));
        keys.map_or(0, |(last, next)| last.key.between(&next.key).len() as u64)
    }
}

impl Stats {
    /// The groups of a facet; of years and months the newest `top`. Messages without a date are a
    /// group of their own in each facet of time. Of senders, sizes and folders there are as many
    /// groups as were gathered.
    #[must_use]
    pub fn section(&self, facet: Facet, top: u64) -> StatsSection {
        let row = |(key, amount)| StatsRow { key, amount };
        let undated = (StatsKey::Undated, self.times.undated);
        let undated = Some(undated).filter(|(_, amount)| amount.messages > 0);
        let undated = undated.map(row);
        let along = |rows: Vec<(StatsKey, Amount)>| {
            let mut section = newest(facet, rows.into_iter().map(row).collect(), top);
            section.rows.splice(..0, undated.clone());
            section
        };
        let cyclic = |rows: Vec<(StatsKey, Amount)>| {
            let some = rows.iter().any(|(_, amount)| amount.messages > 0);
            let rows = rows.into_iter().filter(|_| some).map(row);
            newest(facet, rows.chain(undated.clone()).collect(), u64::MAX)
        };
        match facet {
            Facet::Year => {
                let years = self.times.years().into_iter();
                along(
                    years
                        .map(|(year, amount)| (StatsKey::Year(year), amount))
                        .collect(),
                )
            }
            Facet::Month => {
                let months = self.times.months.iter();
                along(
                    months
                        .map(|((y, m), amount)| (StatsKey::Month(*y, *m), *amount))
                        .collect(),
                )
            }
            Facet::Weekday => {
                let days = WEEKDAYS.into_iter().zip(self.times.weekdays);
                cyclic(days.map(|(day, a)| (StatsKey::Weekday(day), a)).collect())
            }
            Facet::Hour => {
                let hours = (0..).zip(self.times.hours);
                cyclic(hours.map(|(hour, a)| (StatsKey::Hour(hour), a)).collect())
            }
            Facet::Sender | Facet::Size | Facet::Folder => {
                let gathered = self.groups.iter().find(|section| section.facet == facet);
                gathered
                    .cloned()
                    .unwrap_or_else(|| newest(facet, Vec::new(), top))
            }
        }
    }

    /// How the mail grew, against a quota if one is given.
    #[must_use]
    pub fn growth(&self, quota: Option<u64>) -> Growth {
        Growth::of(&self.times, quota)
    }
}

/// The last `top` rows, and what the others amount to.
fn newest(facet: Facet, mut rows: Vec<StatsRow>, top: u64) -> StatsSection {
    let top = usize::try_from(top).unwrap_or(usize::MAX);
    let shown = rows.split_off(rows.len().saturating_sub(top));
    let rest = rows.iter().map(|row| row.amount).sum();
    StatsSection {
        facet,
        rows: shown,
        others: rows.len() as u64,
        rest,
    }
}

/// Sums up what a query finds; of each grouping at most `top` groups.
pub fn gather(vault: &Vault, query: &Query, groupings: &[Grouping], top: u64) -> Result<Stats> {
    let (totals, times, groups) = vault.catalog().statistics(query, groupings, top)?;
    let shown = |account: &str| vault.shown(account).to_owned();
    let groups = groups.into_iter().map(|groups| named(groups, &shown));
    Ok(Stats {
        totals,
        times,
        groups: groups.collect(),
    })
}

/// The groups of the catalog with their names.
pub(crate) fn named(groups: Groups, shown: &dyn Fn(&str) -> String) -> StatsSection {
    let key = |key: String| match groups.by {
        Grouping::Folder => {
            let (account, dir) = key.split_once('\n').unwrap_or(("", &key));
            StatsKey::Folder(shown(account), dir.to_owned())
        }
        Grouping::Size => StatsKey::Size(key.parse().unwrap_or(0)),
        Grouping::Sender => StatsKey::Sender(key),
    };
    let rows = groups.shown.into_iter().map(|group| StatsRow {
        key: key(group.key),
        amount: group.amount,
    });
    StatsSection {
        facet: match groups.by {
            Grouping::Sender => Facet::Sender,
            Grouping::Size => Facet::Size,
            Grouping::Folder => Facet::Folder,
        },
        rows: rows.collect(),
        others: groups.others,
        rest: groups.rest,
    }
}

/// Writes the page of the statistics: one file that needs nothing else. No other file is replaced,
/// nor one in the vault at `vault`.
pub fn write_page(path: &Path, vault: &Path, page: &StatsPage<'_>) -> Result<()> {
    let text = page.render();
    let text = text.map_err(|e| Error::file("write", path, io::Error::other(e)))?;
    let place = output_file::place_for(path, vault, page::is_one)?;
    fsx::publish(&place, text.as_bytes(), 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(messages: u64) -> Amount {
        Amount {
            messages,
            octets: messages,
        }
    }

    fn stats() -> Stats {
        let mut times = TimeSums {
            undated: amount(1),
            ..TimeSums::default()
        };
        for (month, messages) in [((2019, 12), 2), ((2020, 1), 3), ((2024, 5), 4)] {
            times.months.insert(month, amount(messages));
        }
        times.weekdays[5] = amount(9);
        Stats {
            times,
            ..Stats::default()
        }
    }

    fn labels(section: &StatsSection) -> Vec<(String, u64)> {
        let rows = section.rows.iter();
        rows.map(|row| (row.key.to_string(), row.amount.messages))
            .collect()
    }

    #[test]
    fn the_newest_times_are_shown_and_the_older_ones_summed_up() {
        let section = stats().section(Facet::Year, 2);
        let shown = [("no date", 1), ("2020", 3), ("2024", 4)];
        let shown = shown.map(|(label, messages)| (label.to_owned(), messages));
        assert_eq!(labels(&section), shown);
        assert_eq!((section.others, section.rest), (1, amount(2)));
        let months = stats().section(Facet::Month, 9);
        assert_eq!(labels(&months)[0], ("no date".to_owned(), 1));
        assert_eq!((months.rows.len(), months.others), (4, 0));
    }

    #[test]
    fn a_week_has_seven_days_whatever_came() {
        let section = stats().section(Facet::Weekday, 1);
        assert_eq!(section.rows.len(), 8);
        assert_eq!(labels(&section)[7], ("no date".to_owned(), 1));
        assert_eq!(labels(&section)[5], ("Saturday".to_owned(), 9));
        let none = Stats::default();
        for facet in [Facet::Year, Facet::Month, Facet::Weekday, Facet::Hour] {
            assert!(none.section(facet, 9).rows.is_empty());
        }
    }
}
