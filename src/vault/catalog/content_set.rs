//! A set of contents that may be too many for the memory.

use rusqlite::Connection;

use super::scratch::{failed_scratch, scratch};
#[cfg(feature = "offsite")]
use super::{signed, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;

/// A set of contents, in a database that spills to the disk.
#[derive(Debug)]
pub(crate) struct ContentSet {
    db: Connection,
}

impl ContentSet {
    /// An empty one, of which nothing stays.
    pub(crate) fn new() -> Result<Self> {
        let db = scratch(
            "PRAGMA cache_size = -4000;
             CREATE TABLE content (hash BLOB PRIMARY KEY) WITHOUT ROWID",
        )?;
        Ok(Self { db })
    }

    /// Adds a content; false if it is there already.
    pub(crate) fn insert(&self, content: Hash128) -> Result<bool> {
        let insert = self
            .db
            .prepare_cached("INSERT OR IGNORE INTO content VALUES (?1)");
        let inserted = insert.and_then(|mut insert| insert.execute([content.0]));
        Ok(inserted.map_err(failed_scratch)? > 0)
    }

    /// True if a content is in it.
    pub(crate) fn contains(&self, content: Hash128) -> Result<bool> {
        let look = self
            .db
            .prepare_cached("SELECT 1 FROM content WHERE hash = ?1");
        look.and_then(|mut look| look.exists([content.0]))
            .map_err(failed_scratch)
    }
}

/// What only a second copy asks.
#[cfg(feature = "offsite")]
impl ContentSet {
    /// Takes a content out; false if it was not there.
    pub(crate) fn remove(&self, content: Hash128) -> Result<bool> {
        let remove = self
            .db
            .prepare_cached("DELETE FROM content WHERE hash = ?1");
        let removed = remove.and_then(|mut remove| remove.execute([content.0]));
        Ok(removed.map_err(failed_scratch)? > 0)
    }

    /// How many there are, which takes as long as it has contents.
    pub(crate) fn len(&self) -> Result<u64> {
        let count = self
            .db
            .query_row("SELECT count(*) FROM content", [], |row| row.get(0));
        count.map(unsigned).map_err(failed_scratch)
    }

    /// The first contents, in order.
    pub(crate) fn first(&self, most: u64) -> Result<Vec<Hash128>> {
        let all = || -> rusqlite::Result<Vec<Hash128>> {
            let mut select =
                (self.db).prepare("SELECT hash FROM content ORDER BY hash LIMIT ?1")?;
            let rows = select.query_map([signed(most)], |row| row.get(0).map(Hash128))?;
            rows.collect()
        };
        all().map_err(failed_scratch)
    }
}

#[cfg(all(test, feature = "offsite"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((any::<bool>(), 0..20_u8), 0..60)) {
            let (set, mut plain) = (ContentSet::new().unwrap(), BTreeSet::new());
            for (add, byte) in steps {
                let content = Hash128([byte; 16]);
                if add {
                    prop_assert_eq!(set.insert(content).unwrap(), plain.insert(content));
                } else {
                    prop_assert_eq!(set.remove(content).unwrap(), plain.remove(&content));
                }
                prop_assert_eq!(set.contains(content).unwrap(), plain.contains(&content));
            }
            prop_assert_eq!(set.len().unwrap(), plain.len() as u64);
            let first: Vec<Hash128> = plain.into_iter().take(7).collect();
            prop_assert_eq!(set.first(7).unwrap(), first);
        }
    }
}
