//! The index of some messages that follow each other: terms in order, in shards of which a search
//! reads those that it needs.
//!
//! A shard is a row of terms. Each is its length, its bytes (UTF-8), the length of its list, and
//! the list, from the newest message to the oldest: how much older it is than the one before (at
//! first, than the message after the segment), times 16, plus the fields that have the word.
//! Numbers are of seven bits a byte, the lowest first; the last byte has no 128.

use std::collections::BTreeMap;

use super::piece::{json, put};
use super::terms::Terms;
use crate::base::error::Result;
use crate::export::place::ExportPlace;

/// Messages of a segment, so that the list of a term that all of them have fits into a shard.
pub(super) const MESSAGES: u32 = 16 << 10;
/// Bytes of a segment's lists and terms, or a few more: the table of its shards stays small.
const BYTES: usize = 3 << 20;
/// Bytes of a shard before it is packed; as Base64 they are less than 48 kB if nothing is won.
const SHARD: usize = 35_000;
/// Bytes of a posting in a list, at most.
const POSTING: usize = 3;

/// What a segment came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentSize {
    pub(super) messages: usize,
    pub(super) shards: usize,
}

/// A segment in the making.
#[derive(Debug, Default)]
pub(super) struct Segment {
    count: u32,
    bytes: usize,
    /// The messages that have a term, from the oldest, each times 16 plus the fields.
    lists: BTreeMap<Box<str>, Vec<u32>>,
}

impl Segment {
    /// True if a message fits that has these terms; the first always does.
    pub(super) fn has_room(&self, terms: &Terms) -> bool {
        let more: usize = terms.iter().map(|(term, _)| POSTING + term.len()).sum();
        self.count == 0 || (self.count < MESSAGES && self.bytes + more <= BYTES)
    }

    /// Adds the next message.
    pub(super) fn add(&mut self, terms: &Terms) {
        for (term, fields) in terms.iter() {
            let posting = self.count << 4 | u32::from(fields);
            self.bytes += POSTING;
            if let Some(list) = self.lists.get_mut(term) {
                list.push(posting);
            } else {
                self.bytes += term.len();
                self.lists.insert(term.into(), vec![posting]);
            }
        }
        self.count += 1;
    }

    /// Writes its shards and their table; gives how many there are of these and of messages.
    pub(super) fn write(self, number: usize, place: &mut ExportPlace) -> Result<SegmentSize> {
        let (mut starts, mut shard) = (Vec::new(), Vec::new());
        let mut before: &str = "";
        for (term, list) in &self.lists {
            let entry = entry(term, list, self.count);
            if !shard.is_empty() && shard.len() + entry.len() > SHARD {
                write_shard(number, starts.len() - 1, &shard, place)?;
                shard.clear();
            }
            if shard.is_empty() {
                starts.push(parting(before, term));
            }
            shard.extend(entry);
            before = term;
        }
        if !shard.is_empty() {
            write_shard(number, starts.len() - 1, &shard, place)?;
        }
        let (name, file) = (format!("t{number}"), format!("tables/{number}"));
        put(place, &name, &file, &json(&starts)?)?;
        Ok(SegmentSize {
            messages: self.count as usize,
            shards: starts.len(),
        })
    }
}

fn write_shard(segment: usize, number: usize, shard: &[u8], place: &mut ExportPlace) -> Result<()> {
    let name = format!("w{segment}-{number}");
    let file = format!("words/{segment}/{number}");
    put(place, &name, &file, shard)
}

/// A term with its list; `end` is the number of messages.
fn entry(term: &str, list: &[u32], end: u32) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut newer = end;
    for posting in list.iter().rev() {
        let (message, fields) = (posting >> 4, posting & 15);
        number(&mut packed, (newer - message) << 4 | fields);
        newer = message;
    }
    let mut entry = Vec::with_capacity(packed.len() + term.len() + 4);
    for part in [term.as_bytes(), &packed] {
        number(&mut entry, u32::try_from(part.len()).unwrap_or(u32::MAX));
        entry.extend(part);
    }
    entry
}

/// Writes a number.
fn number(to: &mut Vec<u8>, mut value: u32) {
    loop {
        let [low, ..] = (value & 127).to_le_bytes();
        value >>= 7;
        if value == 0 {
            return to.push(low);
        }
        to.push(low | 128);
    }
}

/// The shortest beginning of a term that comes after another.
fn parting<'t>(before: &str, term: &'t str) -> &'t str {
    let ends = term.char_indices().map(|(at, c)| at + c.len_utf8());
    let mut beginnings = ends.map(|end| &term[..end]);
    beginnings.find(|start| *start > before).unwrap_or(term)
}
