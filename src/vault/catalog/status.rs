//! What `status` tells.

use rusqlite::{OptionalExtension, params};

use super::{Catalog, State, unsigned};
use crate::error::Result;

/// What `status` tells of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountStatus {
    /// The account.
    pub account: String,
    /// Messages in its folders.
    pub messages: u64,
    /// Their size in octets.
    pub octets: u64,
    /// Bytes that they take on disk.
    pub stored: u64,
    /// End of the last complete pull, in Unix seconds.
    pub last_good: Option<i64>,
    /// End of the last pull and its exit code.
    pub last: Option<(i64, u8)>,
    /// Messages that the server would not give.
    pub refused: u64,
    /// Messages deleted from the server by us.
    pub purged: u64,
    /// Their listed size in octets.
    pub purged_octets: u64,
    /// When the last of them was seen gone, in Unix seconds.
    pub last_purge: Option<i64>,
}

impl Catalog {
    /// What is known of every account, by name.
    pub fn status(&self) -> Result<Vec<AccountStatus>> {
        self.try_status().map_err(|e| self.failed(e))
    }

    fn try_status(&self) -> rusqlite::Result<Vec<AccountStatus>> {
        let mut statement = self.db.prepare(
            "SELECT account FROM folder UNION SELECT account FROM session
             UNION SELECT account FROM origin ORDER BY account",
        )?;
        let names: Vec<String> = statement
            .query_map([], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        names.into_iter().map(|name| self.status_of(name)).collect()
    }

    fn status_of(&self, account: String) -> rusqlite::Result<AccountStatus> {
        let (messages, octets, stored) = self
            .db
            .prepare_cached(
                "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(stored), 0)
                 FROM place JOIN blob ON blob.id = blob
                 WHERE folder IN (SELECT id FROM folder WHERE account = ?1)",
            )?
            .query_row([&account], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        let last_good = self
            .db
            .prepare_cached("SELECT max(time) FROM session WHERE account = ?1 AND complete")?
            .query_row([&account], |r| r.get(0))?;
        let last = self
            .db
            .prepare_cached(
                "SELECT time, result FROM session WHERE account = ?1
                 ORDER BY time DESC, rowid DESC LIMIT 1",
            )?
            .query_row([&account], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let (refused, purged, purged_octets, last_purge) = self
            .db
            .prepare_cached(
                "SELECT coalesce(sum(state = ?2), 0), coalesce(sum(state = ?3), 0),
                        coalesce(sum(CASE state WHEN ?3 THEN octets END), 0),
                        max(CASE state WHEN ?3 THEN time END)
                 FROM sighting WHERE origin IN (SELECT id FROM origin WHERE account = ?1)",
            )?
            .query_row(
                params![account, State::Refused as i64, State::Purged as i64],
                |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)),
            )?;
        Ok(AccountStatus {
            account,
            messages: unsigned(messages),
            octets: unsigned(octets),
            stored: unsigned(stored),
            last_good,
            last,
            refused: unsigned(refused),
            purged: unsigned(purged),
            purged_octets: unsigned(purged_octets),
            last_purge,
        })
    }
}
