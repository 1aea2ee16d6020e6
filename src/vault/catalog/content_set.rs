//! A set of contents that may be too many for the memory.

use rusqlite::Connection;

use super::scratch::{failed_scratch, scratch};
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
