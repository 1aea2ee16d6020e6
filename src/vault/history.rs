//! The ledger as people ask for it: what happened to the vault, and what happened to a message.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::vec;

use super::catalog::{
    HistoryFilter, HistoryRow, MentionRows, MentionedLine, NameOnServer, PickedRows,
};
use super::ledger::{Item, LedgerEvent, Position, Reader};
use super::locate::locate;
use super::{Vault, the_one};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::{Query, Term, What};

/// A line of the ledger that speaks of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifeEvent {
    /// The message.
    pub id: Hash128,
    /// The number of the line.
    pub seq: u64,
    /// When it was written, in Unix seconds.
    pub time: i64,
    /// What happened.
    pub event: LedgerEvent,
}

/// What happened to some messages, the newest first.
#[derive(Debug)]
pub struct LifeEvents<'v> {
    vault: &'v Vault,
    contents: PickedRows,
    rows: MentionRows,
    /// How many were asked for, and how many lines were looked up for that.
    most: Option<u64>,
    looked_up: Option<u64>,
    read: u64,
    page: vec::IntoIter<LifeEvent>,
    unreadable: u64,
}

impl Vault {
    /// What happened before a line of the ledger, the newest first, at most so many; nothing at the
    /// beginning. Several calls read all of it.
    pub fn history(
        &self,
        filter: HistoryFilter<'_>,
        before: u64,
        most: u64,
    ) -> Result<Vec<HistoryRow>> {
        let mut rows = self.catalog.history(filter, before, most)?;
        for row in &mut rows {
            row.account = self.shown(&row.account).to_owned();
        }
        Ok(rows)
    }

    /// How many pulls since a line of the ledger came to their end and found nothing new.
    pub fn quiet_pulls(&self, account: Option<&str>, since: u64) -> Result<u64> {
        self.catalog.quiet_pulls(account, since)
    }

    /// What happened to the messages that a query selects: the newest lines of the ledger, at most
    /// so many. A message that is asked for by its id may have lost its file.
    pub fn life(&self, query: &Query, most: Option<u64>) -> Result<LifeEvents<'_>> {
        let contents = match only_id(query) {
            Some(digits) => {
                let ids = self.catalog.known_with_prefix(digits)?;
                self.catalog.pick_by_id(&ids)?
            }
            None => self.catalog.select(query, true, false)?.0,
        };
        Ok(LifeEvents {
            vault: self,
            rows: self.catalog.mentions(&contents, most)?,
            contents,
            most,
            looked_up: most,
            read: 0,
            page: Vec::new().into_iter(),
            unreadable: 0,
        })
    }

    /// The message, if a query asks for one by its id and nothing else; its file may be missing.
    pub fn message_of(&self, query: &Query) -> Result<Option<Hash128>> {
        let Some(id) = only_id(query) else {
            return Ok(None);
        };
        the_one(id, &self.catalog.known_with_prefix(id)?).map(Some)
    }

    /// The name in the vault of what is called so.
    #[must_use]
    pub fn stored<'a>(&'a self, name: &'a str) -> &'a str {
        self.catalog.owner(self.catalog.names().stored(name))
    }

    /// What the account is called that another one became part of.
    #[must_use]
    pub fn became<'a>(&'a self, account: &'a str) -> Option<&'a str> {
        let stored = self.catalog.names().stored(account);
        let owner = self.catalog.owner(stored);
        (owner != stored).then(|| self.shown(owner))
    }

    /// What the account of a line is called now.
    #[must_use]
    pub fn called_now<'a>(&'a self, recorded: &'a str) -> &'a str {
        self.shown(self.catalog.owner(recorded))
    }

    /// What servers call a message, and what became of it there.
    pub fn names_of(&self, id: Hash128) -> Result<Vec<NameOnServer>> {
        self.catalog.names_of(id)
    }

    /// The files of a message, as far as they are there.
    pub fn files_of(&self, id: Hash128) -> Result<Vec<PathBuf>> {
        let Some(blob) = self.catalog.find(id)? else {
            return Ok(Vec::new());
        };
        let found = locate(&self.layout, &self.catalog, &blob)?;
        Ok(found.into_iter().map(|(_, path)| path).collect())
    }

    /// Reads lines of the ledger, each with the contents that it speaks of; what is missing could
    /// not be read. The lines are in falling order.
    fn lines(&self, wanted: &[MentionedLine]) -> Result<HashMap<u64, (i64, LedgerEvent)>> {
        let seqs: HashSet<u64> = wanted.iter().map(|line| line.seq).collect();
        let mut found = HashMap::new();
        let mut reader: Option<(Reader, u64)> = None;
        for seq in wanted.iter().rev().map(|line| line.seq) {
            if found.contains_key(&seq) {
                continue;
            }
            let near = self.catalog.waypoint_before(seq)?;
            let start = near.as_ref().map_or(0, |near| near.seq);
            let (mut lines, mut at) = match reader.take() {
                Some((lines, at)) if at >= start => (lines, at),
                _ => (self.reader_from(near.as_ref())?, start),
            };
            while at < seq {
                let Some(item) = lines.next() else {
                    break;
                };
                if let Item::Entry { entry, .. } = item? {
                    at = entry.seq;
                    // Where a line is damaged, this is one after it.
                    if seqs.contains(&at) {
                        found.insert(at, (entry.time / 1000, entry.event));
                    }
                }
            }
            reader = Some((lines, at));
        }
        Ok(found)
    }

    fn reader_from(&self, place: Option<&Position>) -> Result<Reader> {
        if let Some(place) = place
            && let Some(reader) = Reader::from(&self.layout, &self.id, place)?
        {
            return Ok(reader);
        }
        Reader::new(&self.layout, &self.id)
    }
}

/// The digits, if a message is asked for by its id and nothing else.
fn only_id(query: &Query) -> Option<&str> {
    match &query.terms[..] {
        [
            Term {
                what: What::Id(digits),
                negated: false,
            },
        ] => Some(digits),
        _ => None,
    }
}

impl LifeEvents<'_> {
    /// How many lines of the ledger are damaged or gone, of those that were to be read so far.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    fn next_page(&mut self) -> Result<bool> {
        let mut lines = self.vault.catalog.mentioned(&self.rows, self.read)?;
        // Lines that could not be read make room for older ones.
        let needed = self.most.map(|most| most.saturating_add(self.unreadable));
        if lines.is_empty() && needed > self.looked_up {
            self.looked_up = needed;
            self.rows = self.vault.catalog.mentions(&self.contents, needed)?;
            lines = self.vault.catalog.mentioned(&self.rows, self.read)?;
        }
        self.read += lines.len() as u64;
        let found = self.vault.lines(&lines)?;
        let mut page = Vec::new();
        for line in &lines {
            match found.get(&line.seq) {
                Some((time, event)) => page.push(LifeEvent {
                    id: line.hash,
                    seq: line.seq,
                    time: *time,
                    event: event.clone(),
                }),
                None => self.unreadable += 1,
            }
        }
        self.page = page.into_iter();
        Ok(!lines.is_empty())
    }
}

impl Iterator for LifeEvents<'_> {
    type Item = Result<LifeEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.page.next() {
                return Some(Ok(event));
            }
            match self.next_page() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(e) => return Some(Err(e)),
            }
        }
    }
}
