//! The page of `stats --html`: one file without scripts, links or anything to be fetched.

use chrono::DateTime;
use maud::{DOCTYPE, Markup, html};

use super::chart::{self, Bar};
use super::{Stats, StatsSection};
use crate::base::units::{count_text, size_text};
use crate::mail::markup::visible;
use crate::vault::catalog::{Amount, Facet, Totals};

/// Without characters that would be escaped, which a browser would not undo in a style sheet.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2329;--soft:#5d6873;--line:#dfe4e8;--page:#f5f7f8;--card:#fff;--rail:#edf0f2;--size:#0b57a4;--mail:#0f7b6c}
@media(prefers-color-scheme:dark){:root{--ink:#e3e7ea;--soft:#9aa5af;--line:#343b42;--page:#15191d;--card:#1c2126;--rail:#2a3137;--size:#7db7ee;--mail:#5cc4b2}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:72rem;padding:1.6rem 1rem 3rem;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:0}h2{font-size:1.1rem;margin:0 0 .9rem}h3{font-size:.9rem;font-weight:600;margin:0;color:var(--soft)}
.soft{color:var(--soft);margin:.2rem 0 1.3rem}
dl{display:grid;grid-template-columns:repeat(4,1fr);gap:1rem;margin:0 0 1rem}
dl div{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:.8rem 1rem}
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.35rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
main{columns:2;column-gap:1rem}
section{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:1.1rem 1.2rem;margin:0 0 1rem;break-inside:avoid}
.wide{column-span:all}.wide table{max-width:36rem}.pair{display:grid;grid-template-columns:1fr 1fr;gap:1.2rem 2.5rem}
svg{display:block;overflow:visible;margin:0 0 .9rem}
svg text{font-size:13px;fill:var(--ink)}svg .tick,svg .value,svg .peak{fill:var(--soft);font-variant-numeric:tabular-nums}
.size{fill:var(--size)}.mail{fill:var(--mail)}.rail{fill:var(--rail)}.base{stroke:var(--line)}
table{width:100%;border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{padding:.3rem 0 .3rem .8rem;border-top:1px solid var(--line);text-align:right;white-space:nowrap;font-weight:400}
th:first-child{text-align:left;padding-left:0;white-space:normal}
thead th{color:var(--soft);font-size:.82rem;border-top:0}tfoot th,tfoot td{color:var(--soft)}
.note{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--size);border-radius:.4rem;padding:.6rem 1rem;margin:0 0 1rem}
@media(max-width:52rem){main{columns:1}.pair{grid-template-columns:1fr}dl{grid-template-columns:1fr 1fr}}
@media(max-width:36rem){.odd{display:none}dd{font-size:1.1rem}.share{display:none}section{padding:.9rem;margin-bottom:.7rem}dl{gap:.6rem}}
@media print{body{background:none}.wide{break-inside:auto}}
";

/// The whole page.
pub(super) fn page(stats: &Stats, about: &str, made: &str) -> String {
    let title = "What the mail is made of";
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";
    let page = html! {
        (DOCTYPE) "\n"
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { "\n" (STYLE) }
            }
            "\n"
            body {
                h1 { (title) }
                "\n"
                p.soft { (visible(about)) " \u{b7} " (visible(made)) }
                "\n"
                (sums(&stats.totals))
                main {
                    "\n"
                    @for section in &stats.sections { (one(section, stats.totals.amount)) }
                }
            }
        }
        "\n"
    };
    page.into_string()
}

/// All of the mail in a few numbers.
fn sums(totals: &Totals) -> Markup {
    let span = totals.span.map_or_else(String::new, |(first, last)| {
        format!("{} \u{2013} {}", month(first), month(last))
    });
    let rows = [
        ("Messages", count_text(totals.amount.messages)),
        ("Size", size_text(totals.amount.octets)),
        ("Stored, compressed", size_text(totals.stored)),
        ("Received", span),
    ];
    html! {
        dl {
            @for (name, value) in rows {
                div { dt { (name) } dd { (value) } }
            }
        }
        "\n"
        @if let Some((size, heavy)) = totals.heavy {
            p.note {
                (percent(heavy.messages, totals.amount.messages)) " of the messages hold "
                (percent(heavy.octets, totals.amount.octets)) " of the space: those larger than "
                (size_text(size)) "."
            }
            "\n"
        }
    }
}

fn one(section: &StatsSection, all: Amount) -> Markup {
    let (title, head) = match section.facet {
        Facet::Year => ("By year", "Year"),
        Facet::Sender => ("By sender", "Sender"),
        Facet::Size => ("By size of a message", "Size"),
        Facet::Folder => ("By folder", "Folder"),
    };
    let wide = section.facet == Facet::Year;
    html! {
        section class=[wide.then_some("wide")] {
            h2 { (title) }
            "\n"
            (charts(section, title))
            table {
                caption { (title) }
                thead {
                    tr {
                        th scope="col" { (head) }
                        th scope="col" { "Messages" }
                        th scope="col" { "Size" }
                        th.share scope="col" { "Share" }
                    }
                }
                "\n"
                tbody {
                    "\n"
                    @for row in &section.rows { (cells(&row.whole_label(), row.amount, all)) }
                }
                @if section.others > 0 {
                    tfoot {
                        (cells(&format!("{} others", count_text(section.others)), section.rest, all))
                    }
                }
            }
        }
        "\n"
    }
}

fn charts(section: &StatsSection, title: &str) -> Markup {
    let bars = |value: fn(&Amount) -> u64, text: fn(u64) -> String| -> Vec<Bar> {
        let rows = section.rows.iter();
        rows.map(|row| Bar {
            label: row.whole_label(),
            value: value(&row.amount),
            text: text(value(&row.amount)),
        })
        .collect()
    };
    let sizes = bars(|a| a.octets, size_text);
    if section.facet != Facet::Year {
        return chart::rows(&format!("Size, {}", title.to_lowercase()), "size", &sizes);
    }
    let messages = bars(|a| a.messages, count_text);
    html! {
        div.pair {
            div {
                h3 { "Size" }
                "\n"
                (chart::columns("Size by year", "size", &sizes))
            }
            div {
                h3 { "Messages" }
                "\n"
                (chart::columns("Messages by year", "mail", &messages))
            }
        }
        "\n"
    }
}

fn cells(label: &str, amount: Amount, all: Amount) -> Markup {
    html! {
        tr {
            th scope="row" { (visible(label)) }
            td { (count_text(amount.messages)) }
            td { (size_text(amount.octets)) }
            td.share { (percent(amount.octets, all.octets)) }
        }
        "\n"
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
    use proptest::prelude::*;

    use super::*;
    use crate::inspect::stats::StatsRow;
    use crate::mail::markup::{nasty, skeleton, unescaped};

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
        let page = page(&stats("<img src=x onerror=y>"), "all & <more>", "today");
        assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'"));
        for word in [
            "<script", "<img", "<link", "http:", "https:", "url(", "@import", "<a ",
        ] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("all &amp; &lt;more&gt;"));
        assert!(page.contains(STYLE));
    }

    #[test]
    fn under_each_chart_stands_a_table() {
        let page = page(&stats("x"), "all", "today");
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
            let (plain, page) = (page(&self::stats("x"), "x", "x"), page(&stats, &about, &made));
            prop_assert_eq!(skeleton(&page), skeleton(&plain));
            let texts = unescaped(&page);
            for field in [&label, &account, &about, &made] {
                prop_assert!(texts.contains(&*visible(field)), "{}", page);
            }
            prop_assert_eq!(visible(&page), &*page);
        }
    }
}
