//! What is added up while the rows of a query are read once.

use std::collections::HashMap;

use chrono::DateTime;

use super::conditions::{Conditions, PLACES};
use super::stats::{Amount, BRACKETS, Group, Grouping, Groups, Totals, address, bracket_of};
use super::{Catalog, TimeSums, senders, unsigned};
use crate::base::error::Result;
use crate::mail::query::Query;

/// Sizes that one would type after `larger:`, the largest first.
const ROUND: [u64; 10] = [
    100 << 20,
    50 << 20,
    20 << 20,
    10 << 20,
    5 << 20,
    2 << 20,
    1 << 20,
    500 << 10,
    100 << 10,
    10 << 10,
];
/// Senders that are held in memory: in spam each message has another.
const SENDERS: usize = 4096;

impl Catalog {
    /// Sums up what a query finds, each content once but in folders; by time in UTC, and
    /// of each grouping at most `top` groups.
    pub(crate) fn statistics(
        &self,
        query: &Query,
        groupings: &[Grouping],
        top: u64,
    ) -> Result<(Totals, TimeSums, Vec<Groups>)> {
        self.check_texts(query, false)?;
        let conditions = self.conditions(query)?;
        let content = conditions.whole();
        let Conditions { place, values, .. } = conditions;
        let sql = format!(
            "SELECT blob.id, f, received_at, size, stored, coalesce(sender, '')
             FROM blob
             JOIN ({PLACES}) ON place.blob = blob.id
             LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE NOT lost {content} {place} ORDER BY blob.id"
        );
        let add_up = || {
            let mut sums = Sums::new(self, groupings)?;
            let mut statement = self.db.prepare(&sql)?;
            let mut rows = statement.query(rusqlite::params_from_iter(&values))?;
            while let Some(row) = rows.next()? {
                sums.add(&SummedRow {
                    blob: row.get(0)?,
                    folder: row.get(1)?,
                    received: row.get(2)?,
                    size: unsigned(row.get(3)?),
                    stored: unsigned(row.get(4)?),
                    sender: row.get_ref(5)?.as_str()?,
                })?;
            }
            drop(rows);
            sums.finish(groupings, top)
        };
        add_up().map_err(|e| self.failed(e))
    }
}

/// A message in a folder.
struct SummedRow<'r> {
    blob: i64,
    folder: i64,
    received: i64,
    size: u64,
    stored: u64,
    sender: &'r str,
}

/// The sums so far. A content's rows follow each other, so that it is counted once.
struct Sums<'c> {
    catalog: &'c Catalog,
    senders_wanted: bool,
    last: Option<i64>,
    totals: Totals,
    larger: [Amount; ROUND.len()],
    brackets: [Amount; BRACKETS.len()],
    times: TimeSums,
    folders: HashMap<i64, Amount>,
    senders: HashMap<String, Amount>,
}

impl<'c> Sums<'c> {
    /// Nothing yet. Senders are added up in a temporary table.
    fn new(catalog: &'c Catalog, groupings: &[Grouping]) -> rusqlite::Result<Self> {
        senders::begin(&catalog.db)?;
        Ok(Self {
            catalog,
            senders_wanted: groupings.contains(&Grouping::Sender),
            last: None,
            totals: Totals::default(),
            larger: Default::default(),
            brackets: Default::default(),
            times: TimeSums::default(),
            folders: HashMap::new(),
            senders: HashMap::new(),
        })
    }

    fn add(&mut self, row: &SummedRow<'_>) -> rusqlite::Result<()> {
        self.folders.entry(row.folder).or_default().add(row.size);
        if self.last.replace(row.blob) == Some(row.blob) {
            return Ok(());
        }
        let totals = &mut self.totals;
        totals.amount.add(row.size);
        totals.stored += row.stored;
        if row.received != 0 {
            let (first, last) = totals.span.unwrap_or((row.received, row.received));
            totals.span = Some((first.min(row.received), last.max(row.received)));
        }
        for (larger, size) in self.larger.iter_mut().zip(ROUND) {
            if row.size > size {
                larger.add(row.size);
            }
        }
        self.brackets[bracket_of(row.size)].add(row.size);
        let time = DateTime::from_timestamp(row.received, 0).filter(|_| row.received != 0);
        self.times.add(time.map(|time| time.naive_utc()), row.size);
        if self.senders_wanted {
            let sender = self.senders.entry(address(row.sender));
            sender.or_default().add(row.size);
            if self.senders.len() >= SENDERS {
                self.put_senders()?;
            }
        }
        Ok(())
    }

    fn put_senders(&mut self) -> rusqlite::Result<()> {
        let mut senders: Vec<_> = self.senders.drain().collect();
        senders.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (sender, amount) in senders {
            senders::add(&self.catalog.db, &sender, amount)?;
        }
        Ok(())
    }

    /// The end: all of it, and of each grouping at most `top` groups.
    fn finish(
        mut self,
        groupings: &[Grouping],
        top: u64,
    ) -> rusqlite::Result<(Totals, TimeSums, Vec<Groups>)> {
        self.put_senders()?;
        let groups = groupings
            .iter()
            .map(|by| self.groups(*by, top))
            .collect::<rusqlite::Result<_>>()?;
        senders::end(&self.catalog.db)?;
        let all = self.totals.amount;
        // A fifth of the messages at most, and half of the space at least.
        let heavy = (ROUND.into_iter().zip(self.larger)).find(|(_, above)| {
            let few = above.messages > 0 && above.messages * 5 <= all.messages;
            few && above.octets * 2 >= all.octets
        });
        self.totals.heavy = heavy;
        Ok((self.totals, self.times, groups))
    }

    fn groups(&self, by: Grouping, top: u64) -> rusqlite::Result<Groups> {
        match by {
            Grouping::Sender => senders::largest(&self.catalog.db, top),
            Grouping::Size => Ok(Groups::of_sizes(&self.brackets)),
            Grouping::Folder => {
                let mut groups = Vec::new();
                for (folder, amount) in &self.folders {
                    let (account, dir) = self.catalog.folder_key(*folder)?;
                    groups.push(Group::of_folder(&account, &dir, *amount));
                }
                Ok(Groups::of_folders(groups, top))
            }
        }
    }
}
