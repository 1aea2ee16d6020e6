//! The first page, whose size does not grow with the vault, and the pages with all folders where
//! there are too many for it.

use askama::Template;

use super::keys;
use super::lists::ListSums;
use super::search::link_to_address;
use super::view::{ListRow, MONTHS, NamedLink, PageHead, escaped_len, month_id, short, shown};
use crate::base::units::count_text;
use crate::vault::catalog::Correspondent;

/// Years of the calendar.
const YEARS: usize = 40;
/// Folders of the first page, and their bytes there.
const FOLDERS: usize = 120;
const FOLDER_BYTES: usize = 32_000;
/// Bytes of the folders on each page of folders.
const MORE_BYTES: usize = 90_000;

/// A folder in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FolderNode {
    pub(super) depth: usize,
    pub(super) label: String,
    pub(super) href: Option<String>,
    pub(super) count: Option<String>,
}

impl FolderNode {
    /// Bytes that it takes in a page, or a few more.
    fn bytes(&self) -> usize {
        let href = self.href.as_ref().map_or(0, String::len);
        110 + escaped_len(&self.label) + href
    }
}

/// How many of the first folders fit.
fn fitting(folders: &[FolderNode], limit: usize) -> usize {
    let mut bytes = 0;
    let fits = |folder: &&FolderNode| {
        bytes += folder.bytes();
        bytes <= limit
    };
    folders.iter().take_while(fits).count()
}

/// True if the first page has no room for all of these folders.
fn is_cut(folders: &[FolderNode]) -> bool {
    folders.len() > FOLDERS || fitting(folders, FOLDER_BYTES) < folders.len()
}

/// The pages with all folders, each with its name, if the first page has no room for them.
pub(super) fn folder_pages(folders: &[FolderNode]) -> askama::Result<Vec<(String, String)>> {
    let name = |page: usize| match page {
        1 => "folders.html".to_owned(),
        page => format!("folders-{page}.html"),
    };
    let mut pages = Vec::new();
    let mut rest = if is_cut(folders) { folders } else { &[] };
    while !rest.is_empty() {
        let (part, more) = rest.split_at(fitting(rest, MORE_BYTES).max(1));
        rest = more;
        let number = pages.len() + 1;
        let template = FoldersTemplate {
            head: PageHead::new("Folders", ""),
            folders: part,
            next: (!rest.is_empty()).then(|| name(number + 1)),
        };
        pages.push((name(number), template.render()?));
    }
    Ok(pages)
}

/// A month of the calendar.
struct MonthCell {
    href: Option<String>,
    count: String,
    /// How dark it is, from 0 to 4.
    level: u64,
}

/// A year of the calendar.
struct YearRow {
    label: String,
    cells: Vec<MonthCell>,
    total: String,
}

/// Somebody in the table of people.
struct PersonRow {
    name: String,
    address: String,
    /// All messages from and to them.
    href: Option<String>,
    wrote: String,
    got: String,
}

#[derive(Template)]
#[template(path = "archive/start.html", whitespace = "minimize")]
struct StartTemplate {
    head: PageHead,
    title: String,
    sums: Vec<(String, String)>,
    months: Vec<(&'static str, &'static str)>,
    years: Vec<YearRow>,
    older: Option<(String, String)>,
    total: String,
    folders: Vec<FolderNode>,
    more_folders: Option<NamedLink>,
    people: Vec<PersonRow>,
    newest: Vec<ListRow>,
    made: String,
}

/// What the first page is made from.
pub(super) struct StartPage<'a> {
    pub(super) title: String,
    pub(super) sums: Vec<(String, String)>,
    pub(super) all: &'a ListSums,
    pub(super) folders: &'a [FolderNode],
    pub(super) people: &'a [Correspondent],
    pub(super) newest: Vec<ListRow>,
    pub(super) latest: i64,
    pub(super) made: String,
}

impl StartPage<'_> {
    pub(super) fn render(&self) -> askama::Result<String> {
        let (years, older) = calendar(self.all);
        let more_folders = is_cut(self.folders).then(|| NamedLink {
            href: "folders.html".to_owned(),
            label: format!("All {} folders", count_text(self.folders.len() as u64)),
        });
        let room = fitting(self.folders, FOLDER_BYTES).min(FOLDERS);
        let shown_folders = self.folders.iter().take(room);
        let keys = match self.newest.as_slice() {
            [] => keys::PLAIN,
            _ => keys::LIST,
        };
        let template = StartTemplate {
            head: PageHead::new(&self.title, "")
                .with_time(self.latest)
                .with_keys(keys),
            title: shown(&self.title),
            sums: self.sums.clone(),
            months: MONTHS.iter().map(|name| (*name, &name[..3])).collect(),
            years,
            older,
            total: count_text(self.all.messages),
            folders: shown_folders.cloned().collect(),
            more_folders,
            people: self.people.iter().map(person).collect(),
            newest: self.newest.clone(),
            made: self.made.clone(),
        };
        template.render()
    }
}

fn person(person: &Correspondent) -> PersonRow {
    let address = shown(&short(&person.address, 60));
    let named = !person.name.is_empty();
    PersonRow {
        name: if named {
            shown(&short(&person.name, 60))
        } else {
            address.clone()
        },
        address: if named { address } else { String::new() },
        href: link_to_address("", &person.address),
        wrote: count_text(person.wrote),
        got: count_text(person.got),
    }
}

/// A number that fits into a cell.
fn brief(count: u64) -> String {
    match count {
        0..10_000 => count_text(count),
        10_000..10_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}

/// The newest years that have mail, and the months before them: how many messages, and the last
/// of them.
fn calendar(all: &ListSums) -> (Vec<YearRow>, Option<(String, String)>) {
    let most = all
        .months
        .values()
        .map(|(count, _)| *count)
        .max()
        .unwrap_or(1);
    let mut years: Vec<i32> = all.months.keys().map(|(year, _)| *year).collect();
    years.dedup();
    let cut = years.len().saturating_sub(YEARS);
    let first = years.get(cut).copied().unwrap_or(i32::MAX);
    let rows = years[cut..].iter().rev().map(|year| {
        let found = |month: u32| all.months.get(&(*year, month)).copied();
        let cells = (1..=12).map(|month| match found(month) {
            Some((count, page)) => MonthCell {
                href: Some(format!(
                    "all/{}#{}",
                    all.file(page),
                    month_id((*year, month))
                )),
                count: brief(count),
                level: (1 + count * 4 / (most + 1)).min(4),
            },
            None => MonthCell {
                href: None,
                count: String::new(),
                level: 0,
            },
        });
        let total = (1..=12).filter_map(found).map(|(count, _)| count).sum();
        YearRow {
            label: year.to_string(),
            cells: cells.collect(),
            total: count_text(total),
        }
    });
    let rows = rows.collect();
    let older = all.months.range(..(first, 1));
    let before: u64 = older.clone().map(|(_, (count, _))| count).sum();
    let last = older.last().filter(|_| cut > 0);
    let older = last.map(|(month, (_, page))| {
        let href = format!("all/{}#{}", all.file(*page), month_id(*month));
        (count_text(before), href)
    });
    (rows, older)
}

#[derive(Template)]
#[template(path = "archive/folders.html", whitespace = "minimize")]
struct FoldersTemplate<'a> {
    head: PageHead,
    folders: &'a [FolderNode],
    next: Option<String>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::export::html::policy::SCRIPT;
    use crate::export::html::view::ShownTime;
    use crate::mail::markup::{nasty, skeleton, unescaped, visible};

    fn page(text: &str, months: BTreeMap<(i32, u32), (u64, u64)>, many: usize) -> String {
        let all = ListSums {
            messages: 1_000_000,
            last: 4_000,
            months,
        };
        let folder = FolderNode {
            depth: 1,
            label: shown(text),
            href: Some(format!("folders/{}/index.html", "%c3%a4".repeat(40))),
            count: Some(count_text(1_000_000)),
        };
        let person = Correspondent {
            // It is no address that can be searched for, whatever the text is.
            address: format!("\"x{text}"),
            name: format!("x{text}"),
            wrote: 1,
            got: 1,
        };
        let row = ListRow {
            href: "x".repeat(80),
            from: shown(&short(text, 60)),
            subject: shown(&short(text, 160)),
            time: ShownTime::of(1_754_128_805),
            size: "1 B".to_owned(),
            unread: true,
            starred: true,
            answered: true,
            attached: true,
        };
        let page = StartPage {
            title: text.to_owned(),
            sums: vec![("Messages".to_owned(), "1".to_owned())],
            all: &all,
            folders: &vec![folder; many],
            people: &vec![person; 12],
            newest: vec![row; 20],
            latest: 1_754_128_805,
            made: String::new(),
        };
        page.render().unwrap().replace(SCRIPT, "")
    }

    #[test]
    fn the_first_page_stays_small_whatever_there_is() {
        let months = (1..=9_999).flat_map(|year| (1..=12).map(move |month| (year, month)));
        let months = months.map(|month| (month, (1_000_000, 4_000))).collect();
        let page = page(&"\u{4e2d}".repeat(100), months, 5_000);
        assert!(page.len() < 98_000, "{}", page.len());
        assert!(page.contains("All 5,000 folders") && page.contains("messages are older"));
    }

    #[test]
    fn each_page_of_folders_is_small() {
        let row = FolderNode {
            depth: 4,
            label: "\"\u{4e2d}".repeat(60),
            href: Some("x".repeat(80)),
            count: Some("1,000,000".to_owned()),
        };
        let pages = folder_pages(&vec![row.clone(); 5_000]).unwrap();
        for (name, page) in &pages {
            assert!(page.len() < 100_000, "{name}: {}", page.len());
        }
        let rows: usize = pages
            .iter()
            .map(|(_, page)| page.matches("<li class").count())
            .sum();
        assert_eq!(rows, 5_000);
        assert!(folder_pages(&vec![row; 20]).unwrap().is_empty());
    }

    #[test]
    fn a_month_leads_to_the_page_with_its_newest_message() {
        let months = BTreeMap::from([((2009, 3), (2, 1)), ((2010, 12), (1, 4_000))]);
        let page = page("x", months, 1);
        assert!(page.contains("href=\"all/1.html#2009-03\""), "{page}");
        assert!(page.contains("href=\"all/index.html#2010-12\""), "{page}");
    }

    proptest! {
        #[test]
        fn no_text_is_markup(text in nasty()) {
            let (page, plain) = (page(&text, BTreeMap::new(), 2), page("x", BTreeMap::new(), 2));
            prop_assert_eq!(skeleton(&page), skeleton(&plain));
            prop_assert_eq!(visible(&page), &*page);
            prop_assert!(unescaped(&page).contains(&*visible(&text)), "{}", page);
        }
    }
}
