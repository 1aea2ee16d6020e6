//! The page of `stats --html`: one file without scripts, links or anything to be fetched. Its
//! markup and style are in `templates/stats`.

use askama::Template;

use super::Stats;
use super::key::month_of;
use super::view::{SectionStyle, SectionView, percent};
use crate::base::units::{count_text, size_text};
use crate::mail::markup::visible;
use crate::vault::catalog::Totals;

/// What a page is made from.
#[derive(Debug)]
pub struct StatsPage<'a> {
    /// The figures.
    pub stats: &'a Stats,
    /// Which messages they are of.
    pub about: &'a str,
    /// The day on which it was made.
    pub made: &'a str,
    /// The room on the server that the mail is compared with, in octets.
    pub quota: Option<u64>,
}

const TITLE: &str = "What the mail is made of";

/// True if a page begins so, this or one of an earlier version.
pub(super) fn is_one(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning);
    text.starts_with("<!DOCTYPE html>") && text.contains(&format!("<title>{TITLE}</title>"))
}

#[derive(Template)]
#[template(path = "stats/page.html")]
struct StatsTemplate {
    title: &'static str,
    about: String,
    made: String,
    sums: Vec<(&'static str, String)>,
    /// Which share of the messages holds which of the space, and above which size.
    heavy: Option<(String, String, String)>,
    sections: Vec<SectionView>,
}

impl StatsPage<'_> {
    /// The whole page.
    pub(super) fn render(&self) -> askama::Result<String> {
        let totals = &self.stats.totals;
        let heavy = totals.heavy.map(|(size, heavy)| {
            (
                percent(heavy.messages, totals.amount.messages),
                percent(heavy.octets, totals.amount.octets),
                size_text(size),
            )
        });
        let style = SectionStyle {
            link: None,
            zone: "UTC",
            quota: self.quota,
        };
        let template = StatsTemplate {
            title: TITLE,
            about: visible(self.about).into_owned(),
            made: visible(self.made).into_owned(),
            sums: sums(totals),
            heavy,
            sections: style.sections(self.stats),
        };
        template.render()
    }
}

/// All of the mail in a few numbers.
fn sums(totals: &Totals) -> Vec<(&'static str, String)> {
    let span = totals.span.map_or_else(String::new, |(first, last)| {
        format!("{} \u{2013} {}", month_of(first), month_of(last))
    });
    vec![
        ("Messages", count_text(totals.amount.messages)),
        ("Size", size_text(totals.amount.octets)),
        ("Stored, compressed", size_text(totals.stored)),
        ("Received", span),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;
    use crate::mail::markup::{nasty, skeleton, unescaped};
    use crate::stats::{Facet, StatsKey, StatsRow, StatsSection};
    use crate::vault::catalog::{Amount, TimeSums};

    fn stats(label: &str, account: &str) -> Stats {
        let amount = Amount {
            messages: 3,
            octets: 4096,
        };
        let section = |facet, key| StatsSection {
            facet,
            rows: vec![StatsRow { key, amount }],
            others: 2,
            rest: amount,
        };
        let mut times = TimeSums::default();
        for (year, month) in [(1999, 1), (2020, 12), (2021, 2)] {
            let day = NaiveDate::from_ymd_opt(year, month, 1).unwrap();
            times.add(day.and_hms_opt(9, 0, 0), 4096);
        }
        Stats {
            totals: Totals {
                amount,
                stored: 1,
                span: Some((0, 86_400)),
                heavy: Some((1 << 20, amount)),
            },
            times,
            groups: vec![
                section(Facet::Sender, StatsKey::Sender(label.to_owned())),
                section(Facet::Size, StatsKey::Size(1)),
                section(
                    Facet::Folder,
                    StatsKey::Folder(account.to_owned(), ".Lists".to_owned()),
                ),
            ],
        }
    }

    fn page(stats: &Stats, about: &str, made: &str) -> String {
        let page = StatsPage {
            stats,
            about,
            made,
            quota: Some(5_000),
        };
        page.render().unwrap()
    }

    #[test]
    fn the_page_fetches_and_runs_nothing() {
        let page = page(
            &stats("<img src=x onerror=y>", "a"),
            "all & <more>",
            "today",
        );
        assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'"));
        for word in [
            "<script", "<img", "<link", "http:", "https:", "url(", "@import", "<a ",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("all &#38; &#60;more&#62;"));
    }

    #[test]
    fn under_each_chart_stands_a_table_with_queries() {
        let page = page(&stats("ann@example.org", "work"), "all", "today");
        for section in page.split("<section").skip(1) {
            let chart = section.find("<svg");
            let table = section.find("<table>");
            assert!(chart.is_some() && chart < table, "{section}");
        }
        assert_eq!(page.matches("<table>").count(), 8);
        for query in [
            "after:2020-01-01 before:2021-01-01",
            "after:2020-12-01 before:2021-01-01",
            "weekday:fri",
            "hour:9",
            "from:ann@example.org",
            "larger:10K smaller:102401",
            "account:work folder:Lists",
        ] {
            assert!(page.contains(&format!("<code>{query}</code>")), "{query}");
        }
        assert!(
            page.contains("The dashed line is 5 KiB, passed in Dec\u{a0}2020."),
            "{page}"
        );
    }

    #[test]
    fn a_page_stays_small_whatever_there_is() {
        let long = "\u{4e2d}\"".repeat(60);
        let mut stats = stats(&long, &long);
        for year in 1970..2107 {
            for month in 1..=12 {
                let day = NaiveDate::from_ymd_opt(year, month, 1).unwrap();
                stats.times.add(day.and_hms_opt(month, 0, 0), 1 << 40);
            }
        }
        for section in &mut stats.groups {
            section.rows = vec![section.rows[0].clone(); 10];
        }
        let page = page(&stats, &long, "today");
        assert!(page.len() < 100_000, "{}", page.len());
    }

    proptest! {
        #[test]
        fn no_text_is_markup(label in nasty(), account in nasty(), about in nasty(), made in nasty()) {
            let plain = page(&self::stats("x", "x"), "x", "x");
            // Not all names have a query, and long ones stand there twice.
            let plain_text = |text: &str| -> String {
                let letters = text.chars().filter(|c| !c.is_control() && *c != '*');
                letters.take(8).collect()
            };
            let (label, account) = (format!("x{}", plain_text(&label)), plain_text(&account));
            let page = page(&stats(&label, &account), &about, &made);
            prop_assert_eq!(skeleton(&page), skeleton(&plain));
            let texts = unescaped(&page);
            for field in [&label, &account, &about, &made] {
                prop_assert!(texts.contains(&*visible(field)), "{}", page);
            }
            prop_assert_eq!(visible(&page), &*page);
        }
    }
}
