//! The page with the statistics of the archive: what `mailvault stats --html` shows, by the clock of
//! this machine, and with each bar as a link to its messages.

use askama::Template;

use super::search::{link_to_address, size_range};
use super::view::{self, PageHead, local};
use crate::base::error::Result;
use crate::stats::view::{SectionStyle, SectionView};
use crate::stats::{self, Stats, StatsKey};
use crate::vault::catalog::{
    Amount, BRACKETS, EVERYTHING, Group, Groups, SiteIndex, SiteLetter, SiteLink, TimeSums, Totals,
    bracket_of,
};

/// Senders and folders of the page.
const TOP: u64 = 10;

/// What one look at all messages of the archive finds.
#[derive(Debug, Default)]
pub(super) struct SiteFigures {
    /// The newest, the oldest of them first.
    pub(super) newest: Vec<(SiteLetter, SiteLink)>,
    /// The first and the last date.
    pub(super) span: Option<(i64, i64)>,
    amount: Amount,
    times: TimeSums,
    sizes: [Amount; BRACKETS.len()],
}

impl SiteFigures {
    /// Looks at all messages, and keeps the `newest`.
    pub(super) fn look(index: &SiteIndex, newest: usize) -> Result<Self> {
        let mut found = Self::default();
        index.begin_senders()?;
        index.for_each_listed(EVERYTHING, &mut |letter, link| {
            if found.newest.len() == newest {
                found.newest.remove(0);
            }
            found.newest.push((letter.clone(), link.clone()));
            if letter.date > 0 {
                let (first, _) = found.span.unwrap_or((letter.date, 0));
                found.span = Some((first, letter.date));
            }
            found.amount.add(letter.octets);
            let time = local(letter.date).map(|time| time.naive_local());
            found.times.add(time, letter.octets);
            found.sizes[bracket_of(letter.octets)].add(letter.octets);
            index.add_sender(letter)
        })?;
        Ok(found)
    }

    /// The statistics; `folder` gives the account of a folder, as it is shown, and its directory.
    pub(super) fn stats(
        &self,
        index: &SiteIndex,
        folder: &dyn Fn(i64) -> Option<(String, String)>,
    ) -> Result<Stats> {
        let folders = index.folder_sums()?.into_iter();
        let folders = folders.filter_map(|(number, amount)| {
            let (account, dir) = folder(number)?;
            Some(Group::of_folder(&account, &dir, amount))
        });
        let groups = [
            index.largest_senders(TOP)?,
            Groups::of_sizes(&self.sizes),
            Groups::of_folders(folders.collect(), TOP),
        ];
        let as_shown = |groups| stats::named(groups, &str::to_owned);
        Ok(Stats {
            totals: Totals {
                amount: self.amount,
                span: self.span,
                ..Totals::default()
            },
            times: self.times.clone(),
            groups: groups.into_iter().map(as_shown).collect(),
        })
    }
}

#[derive(Template)]
#[template(path = "archive/stats.html", whitespace = "minimize")]
struct SiteStats {
    head: PageHead,
    sections: Vec<SectionView>,
}

/// The page; `latest` is the time of the newest message. `folder_list` gives the list of a folder,
/// by its account, as it is shown, and its directory.
pub(super) fn render(
    stats: &Stats,
    latest: i64,
    folder_list: &dyn Fn(&str, &str) -> Option<String>,
) -> askama::Result<String> {
    let head = PageHead::new("Statistics", "").with_time(latest);
    let style = SectionStyle {
        link: Some(&|key| link(key, folder_list)),
        zone: "local time",
        quota: None,
    };
    let sections = style.sections(stats);
    SiteStats { head, sections }.render()
}

/// Where the messages of a group are: the list of a folder, or a search.
fn link(key: &StatsKey, folder_list: &dyn Fn(&str, &str) -> Option<String>) -> Option<String> {
    let query = match key {
        StatsKey::Undated => return None,
        StatsKey::Year(_) | StatsKey::Month(..) => format!("date:{key}"),
        StatsKey::Weekday(_) | StatsKey::Hour(_) => key.query()?.to_string(),
        StatsKey::Sender(address) => return link_to_address("from:", address),
        StatsKey::Size(bracket) => format!("size:{}", size_range(*bracket)),
        StatsKey::Folder(account, dir) => return folder_list(account, dir),
    };
    Some(format!("search.html#q={}", view::link(&query)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;
    use crate::export::html::policy::SCRIPT;
    use crate::mail::markup::{nasty, skeleton, unescaped, visible};
    use crate::stats::{Facet, StatsRow, StatsSection};

    fn page(name: &str, rows: usize, years: std::ops::Range<i32>) -> String {
        let amount = Amount {
            messages: 1_000_000,
            octets: 1 << 40,
        };
        let section = |facet, key| StatsSection {
            facet,
            rows: vec![StatsRow { key, amount }; rows],
            others: 1,
            rest: amount,
        };
        let mut times = TimeSums::default();
        for year in years {
            for month in 1..=12 {
                let day = NaiveDate::from_ymd_opt(year, month, 1).unwrap();
                times.add(day.and_hms_opt(month, 0, 0), 1 << 40);
            }
        }
        let stats = Stats {
            totals: Totals::default(),
            times,
            groups: vec![
                section(Facet::Sender, StatsKey::Sender(format!("x{name}"))),
                section(
                    Facet::Folder,
                    StatsKey::Folder(name.to_owned(), String::new()),
                ),
            ],
        };
        let folder_list = |_: &str, _: &str| Some("folders/x/index.html".to_owned());
        let page = render(&stats, 1_754_128_805, &folder_list);
        page.unwrap().replace(SCRIPT, "")
    }

    #[test]
    fn the_page_stays_small_whatever_there_is() {
        let page = page(&"\u{4e2d}\"".repeat(60), 10, 1970..2107);
        assert!(page.len() < 98_000, "{}", page.len());
    }

    #[test]
    fn each_bar_leads_to_the_search_for_its_messages() {
        let page = page("ann@example.org", 1, 2020..2022);
        for query in [
            "date%3a2021",
            "date%3a2020-12",
            "weekday%3amon",
            "hour%3a9",
            "from%3a%22xann%40example.org%22",
        ] {
            let link = format!("<a href=\"search.html#q={query}\"");
            assert_eq!(
                page.matches(&link).count(),
                2 + usize::from(query.ends_with("2021")),
                "{query}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_is_markup(name in nasty()) {
            // Long names stand there twice, and not all have a link.
            let name: String = name.chars().take(8).collect();
            let (page, plain) = (page(&name, 1, 2020..2021), page("x", 1, 2020..2021));
            let tags = |page: &str| {
                let is_link = |tag: &String| ["a href=", "/a", "g", "/g"].contains(&&**tag);
                let tags = skeleton(page).into_iter();
                tags.filter(|tag| !is_link(tag)).collect::<Vec<_>>()
            };
            prop_assert_eq!(tags(&page), tags(&plain));
            prop_assert_eq!(visible(&page), &*page);
            let name: String = visible(&name).chars().take(40).collect();
            prop_assert!(unescaped(&page).contains(&name), "{}", page);
        }
    }
}
