//! Whether two catalogs say the same, whatever ids they use.

use super::Catalog;
use crate::base::error::Result;

/// Tables that follow from the ledger alone, each as rows without ids in one order.
const FROM_LEDGER: [(&str, &str); 17] = [
    (
        "blob",
        "SELECT h64, hrest, received, size, wire, stored, seen, lost, superseded,
                first_idate, line
         FROM blob ORDER BY h64, hrest",
    ),
    (
        "place",
        "SELECT account, dir, h64, hrest, flags FROM place
         JOIN folder ON folder.id = folder JOIN blob ON blob.id = blob
         ORDER BY account, dir, h64, hrest",
    ),
    (
        "sighting",
        "SELECT account, server, dir, uidvalidity, uid, octets, state, time, header, got, marks,
                idate, evidence, sessions, since, checked, asked,
                h64, hrest
         FROM sighting JOIN origin ON origin.id = origin LEFT JOIN blob ON blob.id = blob
         ORDER BY account, server, dir, uidvalidity, uid",
    ),
    (
        "folder",
        "SELECT account, dir, name, delim, uidvalidity, sum_messages, sum_octets, sum_stored
         FROM folder ORDER BY account, dir",
    ),
    (
        "tally",
        "SELECT account, server, dir, uidvalidity, state, evidence, messages, octets, last
         FROM tally JOIN origin ON origin.id = origin
         ORDER BY account, server, dir, uidvalidity, state, evidence",
    ),
    (
        "mention",
        "SELECT h64, hrest, mention.line FROM mention JOIN blob ON blob.id = blob
         ORDER BY h64, hrest, mention.line",
    ),
    (
        "history",
        "SELECT * FROM history ORDER BY line, kind, account",
    ),
    ("session", "SELECT * FROM session ORDER BY rowid"),
    ("unfinished", "SELECT * FROM unfinished ORDER BY account"),
    ("meta", "SELECT value FROM meta WHERE key = 'merged'"),
    (
        "learned",
        "SELECT account, key, value FROM learned ORDER BY account, key",
    ),
    (
        "uploaded",
        "SELECT destination, folder, h64, hrest, uid, time FROM uploaded
         JOIN goal ON goal.id = goal ORDER BY destination, folder, h64, hrest",
    ),
    ("forget", "SELECT * FROM forget ORDER BY number"),
    ("tombstone", "SELECT * FROM tombstone ORDER BY tag, forget"),
    (
        "uploading",
        "SELECT destination, folder, h64, hrest FROM uploading
         JOIN goal ON goal.id = goal ORDER BY destination, folder, h64, hrest",
    ),
    (
        "hold",
        "SELECT name, query, reason, time, messages FROM hold ORDER BY name",
    ),
    (
        "held",
        "SELECT h64, hrest, name FROM held JOIN hold ON hold.id = hold
         ORDER BY h64, hrest, name",
    ),
];

/// Tables by whose ids the others refer to each other.
const IDS: [&str; 3] = [
    "SELECT id, account, dir FROM folder ORDER BY id",
    "SELECT id, account, server, dir, uidvalidity FROM origin ORDER BY id",
    "SELECT id, h64, hrest FROM blob ORDER BY id",
];

/// The largest tables of [`FROM_LEDGER`] for catalogs with the same ids, in the order in which
/// they are stored: nothing is sorted or looked up.
const BY_IDS: [(&str, &str); 4] = [
    (
        "blob",
        "SELECT id, received, size, wire, stored, seen, lost, superseded, first_idate,
                line
         FROM blob ORDER BY id",
    ),
    (
        "place",
        "SELECT folder, blob, flags FROM place ORDER BY folder, blob",
    ),
    (
        "mention",
        "SELECT blob, line FROM mention ORDER BY blob, line",
    ),
    (
        "sighting",
        "SELECT origin, uid, octets, state, time, header, got, marks, idate, evidence, sessions,
                since, checked, asked, blob
         FROM sighting ORDER BY origin, uid",
    ),
];

/// Tables that follow from the message files.
const FROM_FILES: [(&str, &str); 2] = [
    (
        "likeness",
        "SELECT mid, likeness, h64, hrest FROM likeness JOIN blob ON blob.id = blob
         ORDER BY mid, likeness, h64, hrest",
    ),
    (
        "envelope",
        "SELECT h64, hrest, date, sender, subject FROM envelope JOIN blob ON blob.id = blob
         ORDER BY h64, hrest",
    ),
];

impl Catalog {
    /// The first table that follows from the ledger and differs.
    pub fn differs_from(&self, other: &Self) -> Result<Option<&'static str>> {
        let mut tables = FROM_LEDGER;
        if self.has_ids_of(other).map_err(|e| self.failed(e))? {
            for (table, by_ids) in BY_IDS {
                for (name, sql) in &mut tables {
                    if *name == table {
                        *sql = by_ids;
                    }
                }
            }
        }
        self.first_difference(other, &tables)
    }

    /// True if both give the same contents, folders and origins the same ids, as they do if they
    /// took in the same ledger.
    fn has_ids_of(&self, other: &Self) -> rusqlite::Result<bool> {
        for sql in IDS {
            if !self.same_rows(other, sql)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The first table that follows from the message files and differs.
    pub fn describes_otherwise(&self, other: &Self) -> Result<Option<&'static str>> {
        self.first_difference(other, &FROM_FILES)
    }

    fn first_difference(
        &self,
        other: &Self,
        tables: &[(&'static str, &str)],
    ) -> Result<Option<&'static str>> {
        for (table, sql) in tables {
            if !self.same_rows(other, sql).map_err(|e| self.failed(e))? {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    fn same_rows(&self, other: &Self, sql: &str) -> rusqlite::Result<bool> {
        let (mut left, mut right) = (self.db.prepare(sql)?, other.db.prepare(sql)?);
        let columns = left.column_count();
        let (mut left, mut right) = (left.query([])?, right.query([])?);
        loop {
            match (left.next()?, right.next()?) {
                (None, None) => return Ok(true),
                (Some(left), Some(right)) => {
                    for column in 0..columns {
                        if left.get_ref(column)? != right.get_ref(column)? {
                            return Ok(false);
                        }
                    }
                }
                _ => return Ok(false),
            }
        }
    }
}
