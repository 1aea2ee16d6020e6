//! What `status` shows.

use rusqlite::OptionalExtension;

use super::{Catalog, Proof, State, unsigned};
use crate::base::error::Result;

/// What `status` shows for an account.
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
    /// Messages on the server of which nothing more is known than that header and size are
    /// those of a received one.
    pub recognised: u64,
    /// Messages on the server that came and do not agree with what is listed.
    pub doubtful: u64,
    /// Messages on the server whose listing is wrong.
    pub settled: u64,
    /// Messages on the server that must be fetched again.
    pub wanted: u64,
    /// Messages deleted from the server by us.
    pub purged: u64,
    /// Their listed size in octets.
    pub purged_octets: u64,
    /// When the last of them was seen gone, in Unix seconds.
    pub last_purge: Option<i64>,
}

impl Catalog {
    /// What is known of every account, by name.
    pub(crate) fn status(&self) -> Result<Vec<AccountStatus>> {
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

    /// The name of an account that has mail of the same user and host, which differ from those of
    /// `server` at most in the port, and is none of those that `is_other` knows. None if
    /// `account` itself is known.
    pub(crate) fn known_as(
        &self,
        account: &str,
        server: &str,
        is_other: &dyn Fn(&str) -> bool,
    ) -> Result<Option<String>> {
        let known: rusqlite::Result<bool> = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM folder WHERE account = ?1)
                 OR EXISTS (SELECT 1 FROM session WHERE account = ?1)
                 OR EXISTS (SELECT 1 FROM origin WHERE account = ?1)",
            )
            .and_then(|mut s| s.query_row([account], |r| r.get(0)));
        if known.map_err(|e| self.failed(e))? {
            return Ok(None);
        }
        let maildrop = |server: &str| {
            server
                .rsplit_once(':')
                .map(|(maildrop, _)| maildrop.to_owned())
        };
        let servers: rusqlite::Result<Vec<(String, String)>> = self
            .db
            .prepare_cached("SELECT DISTINCT account, server FROM origin ORDER BY account")
            .and_then(|mut s| s.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect());
        let servers = servers.map_err(|e| self.failed(e))?;
        let same = servers
            .into_iter()
            .find(|(other, theirs)| !is_other(other) && maildrop(theirs) == maildrop(server));
        Ok(same.map(|(other, _)| other))
    }

    /// The servers, `user@host:port`, that listed messages of an account.
    pub(crate) fn servers(&self, account: &str) -> Result<Vec<String>> {
        self.db
            .prepare_cached(
                "SELECT DISTINCT server FROM origin
                 WHERE account = ?1 AND server LIKE '%@%' ORDER BY server",
            )
            .and_then(|mut s| s.query_map([account], |r| r.get(0))?.collect())
            .map_err(|e| self.failed(e))
    }

    fn status_of(&self, account: String) -> rusqlite::Result<AccountStatus> {
        let (messages, octets, stored) = self
            .db
            .prepare_cached(
                "SELECT coalesce(sum(sum_messages), 0), coalesce(sum(sum_octets), 0),
                        coalesce(sum(sum_stored), 0)
                 FROM folder WHERE account = ?1",
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
        let mut status = AccountStatus {
            account,
            messages: unsigned(messages),
            octets: unsigned(octets),
            stored: unsigned(stored),
            last_good,
            last,
            ..AccountStatus::default()
        };
        self.count_names(&mut status)?;
        Ok(status)
    }

    /// Counts an account's names on servers by what became of them.
    fn count_names(&self, status: &mut AccountStatus) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare_cached(
            "SELECT state, evidence, sum(messages), sum(octets), max(last)
             FROM tally WHERE messages > 0
             AND origin IN (SELECT id FROM origin WHERE account = ?1)
             GROUP BY state, evidence",
        )?;
        let mut rows = statement.query([&status.account])?;
        while let Some(row) = rows.next()? {
            let messages = unsigned(row.get(2)?);
            match (State::of(row.get(0)?), Proof::of(row.get(1)?)) {
                (State::Refused, _) => status.refused += messages,
                (State::Wanted, _) => status.wanted += messages,
                (State::Purged, _) => {
                    status.purged += messages;
                    status.purged_octets += unsigned(row.get(3)?);
                    status.last_purge = status.last_purge.max(row.get(4)?);
                }
                (State::Seen | State::PurgeKept, Proof::Recognised) => {
                    status.recognised += messages;
                }
                (State::Seen | State::PurgeKept, Proof::Doubtful) => status.doubtful += messages,
                (State::Seen | State::PurgeKept, Proof::Settled) => status.settled += messages,
                _ => {}
            }
        }
        Ok(())
    }
}
