//! What a search shows of messages, in pieces that are numbered from the oldest message.

use serde::Serialize;

use super::piece::{json, put};
use crate::base::error::Result;
use crate::base::units::size_text;
use crate::export::html::view::{ListRow, anchor};
use crate::export::place::ExportPlace;
use crate::vault::catalog::{SiteLetter, SiteLink};

/// Messages of a piece; `search.js` knows it, too.
pub(super) const ROWS: usize = 250;

/// What is shown of a message: its date, its marks, the conversation and its page, the end of the
/// link, who, the subject and the size.
#[derive(Debug, Serialize)]
struct SearchRow(i64, String, String, u64, String, String, String, String);

/// Pieces in the making.
#[derive(Debug)]
pub(super) struct RowPieces<'p> {
    place: &'p mut ExportPlace,
    open: Vec<SearchRow>,
    count: u32,
}

impl<'p> RowPieces<'p> {
    pub(super) fn new(place: &'p mut ExportPlace) -> Self {
        Self {
            place,
            open: Vec::new(),
            count: 0,
        }
    }

    /// How many messages there are so far.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Adds the next message.
    pub(super) fn add(&mut self, letter: &SiteLetter, link: &SiteLink) -> Result<()> {
        let row = ListRow::new(letter, link, "");
        let marks = [
            (row.unread, 'u'),
            (row.starred, 's'),
            (row.answered, 'a'),
            (row.attached, 'c'),
        ];
        let marks = marks.into_iter().filter(|(has, _)| *has);
        self.open.push(SearchRow(
            letter.date,
            marks.map(|(_, mark)| mark).collect(),
            link.root.to_string(),
            link.page,
            anchor(&link.id.to_string()).split_off(1),
            row.from,
            row.subject,
            size_text(letter.octets),
        ));
        self.count += 1;
        if self.open.len() == ROWS {
            self.close()?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let number = (self.count as usize - self.open.len()) / ROWS;
        let piece = json(&self.open)?;
        self.open.clear();
        let (name, file) = (format!("r{number}"), format!("rows/{number}"));
        put(self.place, &name, &file, &piece)
    }

    /// Writes the last piece, and gives the number of messages.
    pub(super) fn finish(mut self) -> Result<u32> {
        if !self.open.is_empty() {
            self.close()?;
        }
        Ok(self.count)
    }
}
