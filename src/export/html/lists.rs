//! Lists of messages, in pages that are numbered from the oldest message: what comes later changes
//! only the last page, which is `index.html`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use askama::Template;

use super::view::{ListRow, MONTHS, PageHead, day, month, month_id, shown};
use super::{keys, pages, rendered};
use crate::base::error::Result;
use crate::base::units::count_text;
use crate::export::place::ExportPlace;
use crate::vault::catalog::{SiteIndex, SiteLetter, SiteLink};

/// Messages of a page.
const ROWS: usize = 250;
/// Bytes of the rows of a page.
const BYTES: usize = 92_000;

/// A list, to the reader and on the disk.
#[derive(Debug)]
pub(super) struct ListPlace<'a> {
    /// Its number in the index.
    pub(super) folder: i64,
    pub(super) title: &'a str,
    /// Its directory below the root.
    pub(super) dir: &'a Path,
}

/// What a list came to.
#[derive(Debug, Default)]
pub(super) struct ListSums {
    pub(super) messages: u64,
    /// By month, how many, and the page with the newest of them.
    pub(super) months: BTreeMap<(i32, u32), (u64, u64)>,
    /// The number of the last page.
    pub(super) last: u64,
}

impl ListSums {
    /// The file of a page.
    pub(super) fn file(&self, page: u64) -> String {
        file(page, page == self.last)
    }
}

fn file(page: u64, is_last: bool) -> String {
    if is_last {
        "index.html".to_owned()
    } else {
        format!("{page}.html")
    }
}

/// The messages of one month on a page.
struct MonthGroup {
    id: String,
    name: String,
    rows: Vec<ListRow>,
}

#[derive(Template)]
#[template(path = "archive/list.html", whitespace = "minimize")]
struct ListTemplate<'a> {
    head: PageHead,
    title: &'a str,
    range: String,
    months: Vec<MonthGroup>,
    newer: Option<String>,
    older: Option<String>,
}

/// A row with its year and month, and its time.
type DatedRow = (Option<(i32, u32)>, i64, ListRow);

/// Rows of a page that is not written yet.
#[derive(Default)]
struct OpenPage {
    number: u64,
    /// How many messages come before its first.
    before: u64,
    rows: Vec<DatedRow>,
    bytes: usize,
}

/// Writes the pages of a list.
pub(super) fn write(
    index: &SiteIndex,
    place: &mut ExportPlace,
    list: &ListPlace<'_>,
) -> Result<ListSums> {
    let up = "../".repeat(list.dir.components().count());
    let mut sums = ListSums::default();
    let mut open = OpenPage {
        number: 1,
        ..OpenPage::default()
    };
    // Whether the page before the open one is followed by the last is not known before that ends.
    let mut waiting: Option<OpenPage> = None;
    index.for_each_listed(list.folder, &mut |letter: &SiteLetter, link: &SiteLink| {
        let row = ListRow::new(letter, link, &up);
        if open.rows.len() >= ROWS || open.bytes + row.bytes() > BYTES {
            let next = OpenPage {
                number: open.number + 1,
                before: sums.messages,
                ..OpenPage::default()
            };
            let full = std::mem::replace(&mut open, next);
            if let Some(page) = waiting.replace(full) {
                write_page(place, list, page, open.number)?;
            }
        }
        sums.messages += 1;
        let month = month(letter.date);
        if let Some(month) = month {
            let sum = sums.months.entry(month).or_default();
            *sum = (sum.0 + 1, open.number);
        }
        open.bytes += row.bytes();
        open.rows.push((month, letter.date, row));
        Ok(())
    })?;
    sums.last = open.number;
    if let Some(page) = waiting {
        write_page(place, list, page, sums.last)?;
    }
    write_page(place, list, open, sums.last)?;
    Ok(sums)
}

/// Writes a page; `end_page` is the number of the last one, or of one that comes later than the next.
fn write_page(
    place: &mut ExportPlace,
    list: &ListPlace<'_>,
    open: OpenPage,
    end_page: u64,
) -> Result<()> {
    let up = "../".repeat(list.dir.components().count());
    let newest = open.rows.last().map_or(0, |(_, date, _)| *date);
    let oldest = open.rows.first().map_or(0, |(_, date, _)| *date);
    let head = PageHead::new(list.title, &up).with_time(newest);
    let head = head.with_keys(keys::LIST);
    let end = open.before + open.rows.len() as u64;
    let (number, first) = (open.number, open.before + 1);
    let template = ListTemplate {
        head,
        title: &shown(list.title),
        range: format!(
            "{} to {}, messages {} to {} in order of arrival",
            day(oldest),
            day(newest),
            count_text(first.min(end)),
            count_text(end)
        ),
        months: groups(open),
        newer: (number < end_page).then(|| file(number + 1, number + 1 == end_page)),
        older: (number > 1).then(|| file(number - 1, false)),
    };
    let path: PathBuf = place
        .root()
        .join(list.dir)
        .join(file(number, number == end_page));
    pages::put(place, &path, &rendered(&template)?)
}

/// The rows by month, the newest first.
fn groups(page: OpenPage) -> Vec<MonthGroup> {
    let mut groups: Vec<(Option<(i32, u32)>, MonthGroup)> = Vec::new();
    for (month, _, row) in page.rows.into_iter().rev() {
        match groups.last_mut() {
            Some((known, group)) if *known == month => group.rows.push(row),
            _ => {
                let name = month.map(|(year, month)| {
                    let name = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
                    format!("{name} {year}")
                });
                let group = MonthGroup {
                    id: month.map(month_id).unwrap_or_default(),
                    name: name.unwrap_or_else(|| "Undated".to_owned()),
                    rows: vec![row],
                };
                groups.push((month, group));
            }
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::export::html::policy::SCRIPT;
    use crate::mail::markup::{nasty, skeleton, unescaped, visible};
    use crate::mail::message::Hash128;

    fn row(from: &str, subject: &str) -> ListRow {
        let letter = SiteLetter {
            id: Hash128([7; 16]),
            path: PathBuf::new(),
            octets: 1,
            date: 1_754_128_805,
            from: format!("x{from}"),
            to: String::new(),
            subject: format!("x{subject}"),
            flags: "FR".into(),
            folder: 1,
            listed: 0,
            attachments: 1,
            weight: 1,
        };
        let link = SiteLink {
            root: letter.id,
            page: 1,
            id: letter.id,
            subject: String::new(),
        };
        ListRow::new(&letter, &link, "../")
    }

    fn page(title: &str, rows: Vec<ListRow>) -> String {
        let group = MonthGroup {
            id: "2025-08".to_owned(),
            name: "August 2025".to_owned(),
            rows,
        };
        let template = ListTemplate {
            head: PageHead::new(title, "../"),
            title: &shown(title),
            range: String::new(),
            months: vec![group],
            newer: None,
            older: Some("1.html".to_owned()),
        };
        template.render().unwrap().replace(SCRIPT, "")
    }

    #[test]
    fn no_page_is_too_large_for_its_bound() {
        let text = "\"\u{4e2d}&".repeat(200);
        let one = row(&text, &text);
        let rows: Vec<ListRow> = vec![one.clone(); (BYTES / one.bytes()).min(ROWS)];
        let page = page(&text[..500], rows);
        assert!(
            page.len() <= 100_000 && page.len() > 70_000,
            "{}",
            page.len()
        );
    }

    proptest! {
        #[test]
        fn no_text_is_markup(title in nasty(), from in nasty(), subject in nasty()) {
            let page = page(&title, vec![row(&from, &subject)]);
            let plain = self::page("x", vec![row("x", "x")]);
            prop_assert_eq!(skeleton(&page), skeleton(&plain));
            prop_assert_eq!(visible(&page), &*page);
            for text in [&title, &subject] {
                prop_assert!(unescaped(&page).contains(&*visible(text.trim())), "{:?}: {}", text, page);
            }
        }
    }
}
