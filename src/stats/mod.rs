//! What the mail is made of, as numbers, and as a page for a browser.

mod chart;
mod page;

use std::io;
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::query::Query;
use crate::vault::Vault;
use crate::vault::catalog::{Amount, BRACKETS, Facet, Totals};
use crate::vault::layout::folder_label;

/// Sums over the messages that a query finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// All of them.
    pub totals: Totals,
    /// The same, in groups.
    pub sections: Vec<StatsSection>,
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
    /// Its name, as foreign as an address may be.
    pub label: String,
    /// The account, if the group is a folder.
    pub account: Option<String>,
    /// How much it is.
    pub amount: Amount,
}

impl StatsRow {
    /// Its name with that of its account.
    #[must_use]
    pub fn whole_label(&self) -> String {
        match &self.account {
            Some(account) => format!("{account}/{}", self.label),
            None => self.label.clone(),
        }
    }
}

/// Sums up what a query finds; of each facet at most `top` groups.
pub fn gather(vault: &Vault, query: &Query, facets: &[Facet], top: u64) -> Result<Stats> {
    let (totals, groups) = vault.catalog().statistics(query, facets, top)?;
    let sections = groups
        .into_iter()
        .map(|groups| StatsSection {
            facet: groups.facet,
            rows: groups
                .shown
                .into_iter()
                .map(|group| {
                    let (account, label) = named(groups.facet, &group.key);
                    let account = account.map(|account| vault.shown(&account).to_owned());
                    StatsRow {
                        label,
                        account,
                        amount: group.amount,
                    }
                })
                .collect(),
            others: groups.others,
            rest: groups.rest,
        })
        .collect();
    Ok(Stats { totals, sections })
}

/// Writes the page of the statistics: one file that needs nothing else. `about` says which
/// messages they are of; `made` is the day.
pub fn write_page(path: &Path, stats: &Stats, about: &str, made: &str) -> Result<()> {
    let page = page::page(stats, about, made);
    let page = page.map_err(|e| Error::file("write", path, io::Error::other(e)))?;
    fsx::write_durably(&fsx::resolve_parent(path), page.as_bytes())
}

fn named(facet: Facet, key: &str) -> (Option<String>, String) {
    match facet {
        Facet::Folder => {
            let (account, dir) = key.split_once('\n').unwrap_or(("", key));
            (Some(account.to_owned()), folder_label(dir))
        }
        Facet::Size => (None, bracket(key.parse().unwrap_or(0))),
        Facet::Year if key.is_empty() => (None, "no date".to_owned()),
        Facet::Sender if key.is_empty() => (None, "no sender".to_owned()),
        Facet::Year | Facet::Sender => (None, key.to_owned()),
    }
}

/// A bracket in words: `1 - 10 MiB`.
fn bracket(n: usize) -> String {
    let round = |octets: u64| match octets >> 20 {
        0 => format!("{} KiB", octets >> 10),
        mib => format!("{mib} MiB"),
    };
    match (BRACKETS.get(n), BRACKETS.get(n + 1)) {
        (Some(0), Some(high)) => format!("under {}", round(*high)),
        (Some(low), Some(high)) => {
            let (low, high) = (round(*low), round(*high));
            let unit = &high[high.len() - 4..];
            format!("{} - {high}", low.trim_end_matches(unit))
        }
        (Some(low), None) => format!("{} and more", round(*low)),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_named_by_their_ends() {
        let all: Vec<_> = (0..BRACKETS.len()).map(bracket).collect();
        assert_eq!(
            all,
            [
                "under 10 KiB",
                "10 - 100 KiB",
                "100 KiB - 1 MiB",
                "1 - 10 MiB",
                "10 - 100 MiB",
                "100 MiB and more",
            ]
        );
    }

    #[test]
    fn folders_are_named_as_people_write_them() {
        let row = named(Facet::Folder, "work\n.Lists.rust");
        assert_eq!(row, (Some("work".to_owned()), "Lists/rust".to_owned()));
    }
}
