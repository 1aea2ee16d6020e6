//! The texts in which a search looks whether words follow each other, in pieces that are numbered
//! as those of `rows` are. A search reads them only for queries of words that have to.
//!
//! A piece stays small: of a message with more text than fits, the beginnings are kept, and it
//! says so.

use serde::{Deserialize, Serialize};

use super::piece::{json, pack, put_packed};
use super::rows::ROWS;
use super::terms::{FILE, FROM, SUBJECT, SearchedFields, TO};
use crate::base::error::Result;
use crate::base::sorted::SortedRecords;
use crate::export::place::ExportPlace;

/// Bytes of each kind of text of a message, at most.
const TEXT: usize = 2_000;
/// Bytes of a packed piece, which becomes a third longer as Base64.
const PACKED: usize = 35_000;
/// Names of attachments of a message, at most.
const FILES: usize = 100;

/// The texts of a message: of the sender, the recipients, the subject and the attachments, and of
/// which of these fields something is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PhraseTexts(String, String, String, Vec<String>, u8);

impl PhraseTexts {
    pub(super) fn new(fields: &SearchedFields<'_>) -> Self {
        let names = fields.files.iter().take(FILES);
        let all = Self(
            fields.from.to_owned(),
            fields.to.to_owned(),
            fields.subject.to_owned(),
            names.map(|name| (*name).to_owned()).collect(),
            if fields.files.len() > FILES { FILE } else { 0 },
        );
        all.cut(TEXT)
    }

    /// The same with at most so many bytes of each.
    fn cut(mut self, limit: usize) -> Self {
        let fields = [
            (FROM, &mut self.0),
            (TO, &mut self.1),
            (SUBJECT, &mut self.2),
        ];
        for (field, text) in fields {
            if cut(text, limit) {
                self.4 |= field;
            }
        }
        let mut left = limit;
        for name in &mut self.3 {
            if cut(name, left) {
                self.4 |= FILE;
            }
            left -= name.len();
        }
        self
    }

    /// Its bytes in a run.
    pub(super) fn record(&self) -> Result<Vec<u8>> {
        json(self)
    }
}

/// Cuts a text; true if something of it is gone.
fn cut(text: &mut String, limit: usize) -> bool {
    if text.len() <= limit {
        return false;
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    true
}

/// Writes the pieces of so many messages: records of their numbers and texts, in order.
pub(super) fn write(records: SortedRecords, count: u32, place: &mut ExportPlace) -> Result<()> {
    let mut pieces = TextPieces {
        place,
        open: Vec::new(),
        count: 0,
    };
    for record in records {
        let record = record.map_err(super::failed)?;
        let Some((number, texts)) = record.split_first_chunk::<4>() else {
            continue;
        };
        let number = u32::from_be_bytes(*number);
        pieces.fill_up_to(number)?;
        if pieces.count == number {
            pieces.add(serde_json::from_slice(texts).ok())?;
        }
    }
    pieces.fill_up_to(count)?;
    pieces.close()
}

/// Pieces in the making.
struct TextPieces<'p> {
    place: &'p mut ExportPlace,
    /// Of a message whose texts are not known it has none.
    open: Vec<Option<PhraseTexts>>,
    count: u32,
}

impl TextPieces<'_> {
    fn add(&mut self, texts: Option<PhraseTexts>) -> Result<()> {
        self.open.push(texts);
        self.count += 1;
        if self.open.len() == ROWS {
            self.close()?;
        }
        Ok(())
    }

    fn fill_up_to(&mut self, number: u32) -> Result<()> {
        while self.count < number {
            self.add(None)?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let mut texts = std::mem::take(&mut self.open);
        if texts.is_empty() {
            return Ok(());
        }
        let number = (self.count as usize - texts.len()) / ROWS;
        let content = json(&texts)?;
        let (name, file) = (format!("x{number}"), format!("texts/{number}"));
        put_packed(self.place, (&name, &file), &content, &mut || {
            small(std::mem::take(&mut texts))
        })
    }
}

/// Packs the texts, or as much of them as fits.
fn small(mut texts: Vec<Option<PhraseTexts>>) -> Result<Vec<u8>> {
    let mut limit = TEXT;
    loop {
        let packed = pack(&json(&texts)?)?;
        if packed.len() <= PACKED || limit == 0 {
            return Ok(packed);
        }
        limit /= 2;
        let shorter = texts.into_iter();
        texts = shorter.map(|one| one.map(|one| one.cut(limit))).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so_and_stays_whole_letters() {
        let fields = SearchedFields {
            from: "ann",
            to: "",
            subject: &"\u{e4}".repeat(1_001),
            files: vec!["plan.pdf", "b"],
        };
        let texts = PhraseTexts::new(&fields);
        assert_eq!((texts.2.len(), texts.4), (2_000, SUBJECT));
        let less = texts.cut(9);
        assert_eq!(less.2, "\u{e4}".repeat(4));
        assert_eq!((&*less.3[0], &*less.3[1]), ("plan.pdf", "b"));
        let least = less.cut(5);
        assert_eq!(least.3, ["plan.", ""]);
        assert_eq!(least.4, SUBJECT | FILE);
        let few = SearchedFields {
            subject: "x",
            ..SearchedFields::default()
        };
        assert_eq!(PhraseTexts::new(&few).4, 0);
    }
}
