//! The page of `stats --html`: one file without scripts, links or anything to be fetched. Its
//! markup and style are in `templates/stats`.

use askama::Template;
use chrono::DateTime;

use super::chart::{self, Bar, ColumnChart, RowChart};
use super::{Stats, StatsSection};
use crate::base::units::{count_text, size_text};
use crate::mail::markup::visible;
use crate::vault::catalog::{Amount, Facet, Totals};

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

/// One facet with its charts and its table.
struct SectionView {
    title: &'static str,
    head: &'static str,
    wide: bool,
    pair: Option<(ColumnChart, ColumnChart)>,
    chart: Option<RowChart>,
    rows: Vec<AmountCells>,
    rest: Option<AmountCells>,
}

/// A row of a table.
struct AmountCells {
    label: String,
    messages: String,
    size: String,
    share: String,
}

/// The whole page.
pub(super) fn page(stats: &Stats, about: &str, made: &str) -> askama::Result<String> {
    let totals = &stats.totals;
    let sections = stats.sections.iter();
    let heavy = totals.heavy.map(|(size, heavy)| {
        (
            percent(heavy.messages, totals.amount.messages),
            percent(heavy.octets, totals.amount.octets),
            size_text(size),
        )
    });
    let template = StatsTemplate {
        title: "What the mail is made of",
        about: visible(about).into_owned(),
        made: visible(made).into_owned(),
        sums: sums(totals),
        heavy,
        sections: sections
            .map(|section| one(section, totals.amount))
            .collect(),
    };
    template.render()
}

/// All of the mail in a few numbers.
fn sums(totals: &Totals) -> Vec<(&'static str, String)> {
    let span = totals.span.map_or_else(String::new, |(first, last)| {
        format!("{} \u{2013} {}", month(first), month(last))
    });
    vec![
        ("Messages", count_text(totals.amount.messages)),
        ("Size", size_text(totals.amount.octets)),
        ("Stored, compressed", size_text(totals.stored)),
        ("Received", span),
    ]
}

fn one(section: &StatsSection, all: Amount) -> SectionView {
    let (title, head) = match section.facet {
        Facet::Year => ("By year", "Year"),
        Facet::Sender => ("By sender", "Sender"),
        Facet::Size => ("By size of a message", "Size"),
        Facet::Folder => ("By folder", "Folder"),
    };
    let bars = |value: fn(&Amount) -> u64, text: fn(u64) -> String| -> Vec<Bar> {
        let rows = section.rows.iter();
        rows.map(|row| Bar {
            label: row.whole_label(),
            value: value(&row.amount),
            text: text(value(&row.amount)),
        })
        .collect()
    };
    let wide = section.facet == Facet::Year;
    let sizes = bars(|a| a.octets, size_text);
    let pair = wide.then(|| {
        let messages = bars(|a| a.messages, count_text);
        (
            chart::columns("Size by year", "size", &sizes),
            chart::columns("Messages by year", "mail", &messages),
        )
    });
    let title_of_chart = format!("Size, {}", title.to_lowercase());
    let others = format!("{} others", count_text(section.others));
    let rows = section.rows.iter();
    SectionView {
        title,
        head,
        wide,
        pair,
        chart: (!wide).then(|| chart::rows(&title_of_chart, "size", &sizes)),
        rows: rows
            .map(|row| cells(&row.whole_label(), row.amount, all))
            .collect(),
        rest: (section.others > 0).then(|| cells(&others, section.rest, all)),
    }
}

fn cells(label: &str, amount: Amount, all: Amount) -> AmountCells {
    AmountCells {
        label: visible(label).into_owned(),
        messages: count_text(amount.messages),
        size: size_text(amount.octets),
        share: percent(amount.octets, all.octets),
    }
}

/// A share in percent, rounded, and never nothing for something.
fn percent(part: u64, whole: u64) -> String {
    let rounded = (u128::from(part) * 200 + u128::from(whole)) / (u128::from(whole.max(1)) * 2);
    match rounded {
        0 if part > 0 => "<1 %".to_owned(),
        rounded => format!("{rounded} %"),
    }
}

/// A month that is not broken at its blank.
fn month(time: i64) -> String {
    DateTime::from_timestamp(time, 0)
        .map_or_else(String::new, |time| time.format("%b\u{a0}%Y").to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::mail::markup::{nasty, skeleton, unescaped};
    use crate::stats::StatsRow;

    fn stats(label: &str) -> Stats {
        let amount = Amount {
            messages: 3,
            octets: 4096,
        };
        let section = |facet| StatsSection {
            facet,
            rows: vec![StatsRow {
                label: label.to_owned(),
                account: None,
                amount,
            }],
            others: 2,
            rest: amount,
        };
        Stats {
            totals: Totals {
                amount,
                stored: 1,
                span: Some((0, 86_400)),
                heavy: Some((1 << 20, amount)),
            },
            sections: [Facet::Year, Facet::Sender, Facet::Size, Facet::Folder]
                .map(section)
                .to_vec(),
        }
    }

    #[test]
    fn the_page_fetches_and_runs_nothing() {
        let page = page(&stats("<img src=x onerror=y>"), "all & <more>", "today").unwrap();
        assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'"));
        for word in [
            "<script", "<img", "<link", "http:", "https:", "url(", "@import", "<a ",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("all &#38; &#60;more&#62;"));
    }

    #[test]
    fn under_each_chart_stands_a_table() {
        let page = page(&stats("x"), "all", "today").unwrap();
        for section in page.split("<section").skip(1) {
            let chart = section.find("<svg");
            let table = section.find("<table>");
            assert!(chart.is_some() && chart < table, "{section}");
        }
        assert_eq!(page.matches("<table>").count(), 4);
    }

    #[test]
    fn shares_are_rounded_and_something_is_more_than_nothing() {
        assert_eq!(percent(1, 3), "33 %");
        assert_eq!(percent(2, 3), "67 %");
        assert_eq!(percent(1, 1_000_000), "<1 %");
        assert_eq!(percent(0, 0), "0 %");
    }

    proptest! {
        #[test]
        fn no_text_is_markup(label in nasty(), account in nasty(), about in nasty(), made in nasty()) {
            let mut stats = stats(&label);
            let folder = stats.sections.last_mut().and_then(|section| section.rows.first_mut());
            if let Some(row) = folder {
                row.account = Some(account.clone());
            }
            let plain = page(&self::stats("x"), "x", "x").unwrap();
            let page = page(&stats, &about, &made).unwrap();
            prop_assert_eq!(skeleton(&page), skeleton(&plain));
            let texts = unescaped(&page);
            for field in [&label, &account, &about, &made] {
                prop_assert!(texts.contains(&*visible(field)), "{}", page);
            }
            prop_assert_eq!(visible(&page), &*page);
        }
    }
}
