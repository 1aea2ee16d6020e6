//! The index with which the archive is searched in a browser, without a server.
//!
//! Messages are numbered from the oldest. Segments of up to 16,384 of them have an index each, so
//! that new mail changes only the last one, and a search begins with the newest messages. Below
//! `search` in the archive are
//!
//! - `root.js`: how many messages each segment has;
//! - `tables/S.js`: with what the first term of each shard of segment S begins;
//! - `words/S/N.js`: shard N, with terms and the messages that have them (`segment`);
//! - `rows/N.js`: what is shown of 250 messages (`rows`);
//! - `texts/N.js`: their texts, in which words are looked for that have to follow each other
//!   (`texts`).
//!
//! All are pieces as in `piece`; `templates/archive/search.js` reads them. What messages have is
//! collected in runs on the disk (`base/sorted.rs`), sorted by id to meet the number, and by number
//! to go into segments: memory does not grow with the messages.

mod address;
mod piece;
mod rows;
mod segment;
mod terms;
mod texts;

use std::io;
use std::ops::Range;

use askama::Template;
use serde::Serialize;

use super::view::{ListRow, PageHead, ShownTime};
use super::{keys, pages, policy, rendered};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::base::sorted::{SortedRecords, Sorter};
use crate::export::place::ExportPlace;
use crate::mail::message::Hash128;
use crate::vault::catalog::{EVERYTHING, SiteIndex};
use piece::put;
use rows::RowPieces;
use segment::{Segment, SegmentSize};
use terms::Terms;
use texts::PhraseTexts;

pub(super) use address::link_to_address;
pub(super) use terms::{SearchedFields, size_range};

/// The page's script: what all pages have, folding, and the search.
const SCRIPT: &str = concat!(
    include_str!("../../../../templates/archive/page.js"),
    include_str!("../../../../templates/archive/fold.js"),
    include_str!("../../../../templates/archive/search.js"),
);

/// Sorts the number of a message before its terms.
const NUMBER: u8 = 0;
const TERMS: u8 = 1;
const TEXTS: u8 = 2;

#[derive(Template)]
#[template(path = "archive/search.html", whitespace = "minimize")]
struct SearchPage {
    head: PageHead,
    /// The row whose copies are filled in.
    model: ListRow,
}

#[derive(Serialize)]
struct RootPiece<'a> {
    segments: &'a [usize],
}

/// Which pieces the index has.
#[derive(Debug, Default)]
pub(super) struct SearchSize {
    /// Pieces of rows, and as many of texts.
    pub(super) rows: usize,
    /// The shards of each segment.
    pub(super) shards: Vec<usize>,
}

impl SearchSize {
    /// Whether it has a piece, by the path of its file in the index; `None` if no piece of any
    /// index has such a name.
    pub(super) fn has(&self, path: &[&str]) -> Option<bool> {
        let number = |file: &str| file.strip_suffix(".js")?.parse::<usize>().ok();
        match path {
            ["root.js"] => Some(true),
            ["rows" | "texts", file] => Some(number(file)? < self.rows),
            ["tables", file] => Some(number(file)? < self.shards.len()),
            ["words", segment, file] => {
                let shards = self.shards.get(segment.parse::<usize>().ok()?);
                Some(number(file)? < shards.copied().unwrap_or(0))
            }
            _ => None,
        }
    }
}

/// An index in the making.
#[derive(Debug)]
pub(super) struct SearchIndex {
    /// By id.
    noted: Sorter,
}

fn failed(error: io::Error) -> Error {
    Error::file("sort the words of mail in", &fsx::temporary(), error)
}

impl SearchIndex {
    pub(super) fn new() -> Self {
        Self {
            noted: Sorter::new(),
        }
    }

    /// Notes a folder that has a message.
    pub(super) fn list(&mut self, id: Hash128, account: &str, folder: &str) -> Result<()> {
        self.note(id, TERMS, &Terms::of_place(account, folder).record())
    }

    /// Notes what a message has, once.
    pub(super) fn add(&mut self, id: Hash128, fields: &SearchedFields<'_>) -> Result<()> {
        self.note(id, TEXTS, &PhraseTexts::new(fields).record()?)?;
        self.note(id, TERMS, &Terms::of_fields(fields).record())
    }

    fn note(&mut self, id: Hash128, kind: u8, record: &[u8]) -> Result<()> {
        let record = [&id.0[..], &[kind], record].concat();
        self.noted.add(&record).map_err(failed)
    }

    /// Writes the index and the page for it, once the messages are arranged.
    pub(super) fn finish(
        mut self,
        index: &SiteIndex,
        place: &mut ExportPlace,
    ) -> Result<SearchSize> {
        let mut rows = RowPieces::new(place);
        index.for_each_listed(EVERYTHING, &mut |letter, link| {
            let mut record = rows.count().to_be_bytes().to_vec();
            record.extend(Terms::of_marks(letter).record());
            self.note(letter.id, NUMBER, &record)?;
            rows.add(letter, link)
        })?;
        let count = rows.finish()?;
        let (terms, texts) = by_number(self.noted.sorted().map_err(failed)?)?;
        texts::write(texts, count, place)?;
        let segments = write_segments(terms, place)?;
        let messages: Vec<usize> = segments.iter().map(|segment| segment.messages).collect();
        let root = RootPiece {
            segments: &messages,
        };
        put(place, "root", "root", &piece::json(&root)?)?;
        write_page(place)?;
        Ok(SearchSize {
            rows: (count as usize).div_ceil(rows::ROWS),
            shards: segments.iter().map(|segment| segment.shards).collect(),
        })
    }
}

/// Takes records by id, and gives terms and texts by the number of their message.
fn by_number(records: SortedRecords) -> Result<(SortedRecords, SortedRecords)> {
    const ID: Range<usize> = 0..16;
    const KIND: usize = ID.end;
    const REST: usize = KIND + 1;
    let (mut all_terms, mut all_texts) = (Sorter::new(), Sorter::new());
    let mut known: Option<([u8; 16], [u8; 4])> = None;
    for record in records {
        let record = record.map_err(failed)?;
        let (Some(Ok(id)), Some(kind), Some(rest)) = (
            record.get(ID).map(<[u8; 16]>::try_from),
            record.get(KIND),
            record.get(REST..),
        ) else {
            continue;
        };
        let mut content = rest;
        if *kind == NUMBER
            && let Some((number, marks)) = rest.split_first_chunk::<4>()
        {
            known = Some((id, *number));
            content = marks;
        }
        // What is not listed is not shown.
        if let Some((_, number)) = known.filter(|(of, _)| *of == id) {
            let record = [&number[..], content].concat();
            let to = match *kind {
                TEXTS => &mut all_texts,
                _ => &mut all_terms,
            };
            to.add(&record).map_err(failed)?;
        }
    }
    let sorted = |sorter: Sorter| sorter.sorted().map_err(failed);
    Ok((sorted(all_terms)?, sorted(all_texts)?))
}

/// Writes the segments; gives the size of each.
fn write_segments(records: SortedRecords, place: &mut ExportPlace) -> Result<Vec<SegmentSize>> {
    let mut sizes = Vec::new();
    let mut open = Segment::default();
    let mut letter: Option<(u32, Terms)> = None;
    let mut close = |terms: Terms, last: bool| -> Result<()> {
        if !open.has_room(&terms) {
            let full = std::mem::take(&mut open);
            sizes.push(full.write(sizes.len(), place)?);
        }
        open.add(&terms);
        if last {
            let rest = std::mem::take(&mut open);
            sizes.push(rest.write(sizes.len(), place)?);
        }
        Ok(())
    };
    for record in records {
        let record = record.map_err(failed)?;
        let Some((number, terms)) = record.split_first_chunk::<4>() else {
            continue;
        };
        let number = u32::from_be_bytes(*number);
        match &mut letter {
            Some((known, all)) if *known == number => all.read(terms),
            _ => {
                let next = (number, Terms::parse(terms));
                if let Some((_, full)) = letter.replace(next) {
                    close(full, false)?;
                }
            }
        }
    }
    if let Some((_, last)) = letter {
        close(last, true)?;
    }
    Ok(sizes)
}

fn write_page(place: &mut ExportPlace) -> Result<()> {
    let head = PageHead {
        policy: policy::loading(SCRIPT),
        script: SCRIPT,
        ..PageHead::new("Search", "").with_keys(keys::FOUND)
    };
    let model = ListRow {
        href: String::new(),
        from: String::new(),
        subject: String::new(),
        time: ShownTime {
            iso: Some(String::new()),
            text: String::new(),
        },
        size: String::new(),
        unread: true,
        starred: true,
        answered: true,
        attached: true,
    };
    let path = place.root().join("search.html");
    pages::put(place, &path, &rendered(&SearchPage { head, model })?)
}

#[cfg(test)]
mod tests;
