//! Places of messages that a server had and has no longer, as far as its last listing is to be
//! believed.

use rusqlite::params;

use super::{Catalog, Proof, State};
use crate::base::error::Result;
use crate::vault::ledger::Proto;

impl Catalog {
    /// Makes the temporary table `gone` of folders and contents: what an IMAP server listed
    /// there once, does not list now, and was not deleted by us. Returns the accounts whose
    /// last session does not show what is there; nothing of them counts as gone.
    pub(super) fn mark_gone(&self) -> Result<Vec<String>> {
        let mut unknown = Vec::new();
        let mut known = Vec::new();
        for account in self.read_over_imap()? {
            if self.shows_all(&account)? {
                known.push(account);
            } else {
                unknown.push(account);
            }
        }
        let fill = || -> rusqlite::Result<()> {
            self.db.execute_batch(
                "DROP TABLE IF EXISTS temp.gone;
                 CREATE TEMP TABLE gone (folder INTEGER, blob INTEGER, PRIMARY KEY (folder, blob))
                 WITHOUT ROWID",
            )?;
            let mut insert = self.db.prepare(
                "INSERT INTO gone
                 SELECT folder.id, blob FROM sighting
                 JOIN origin ON origin.id = sighting.origin
                 JOIN folder ON folder.account = origin.account AND folder.dir = origin.dir
                 WHERE blob NOT NULL AND origin.account = ?1 AND origin.uidvalidity > 0
                 GROUP BY folder.id, blob HAVING min(state = ?2)",
            )?;
            for account in &known {
                insert.execute(params![account, State::Vanished as i64])?;
            }
            Ok(())
        };
        fill().map_err(|e| self.failed(e))?;
        Ok(unknown)
    }

    /// The accounts whose last session was one over IMAP.
    fn read_over_imap(&self) -> Result<Vec<String>> {
        self.db
            .prepare_cached(
                "SELECT account FROM session AS s WHERE proto = ?1 AND rowid =
                 (SELECT rowid FROM session WHERE account = s.account
                  ORDER BY time DESC, rowid DESC LIMIT 1) ORDER BY account",
            )
            .and_then(|mut s| s.query_map([Proto::Imap.as_str()], |r| r.get(0))?.collect())
            .map_err(|e| self.failed(e))
    }

    /// True if the last session of an account shows what its server has: it was complete,
    /// neither messages nor folders became half as many, but for those that we deleted, and no
    /// name is left that may stand for any message.
    fn shows_all(&self, account: &str) -> Result<bool> {
        let sessions: rusqlite::Result<Vec<(i64, bool, u64)>> = self
            .db
            .prepare_cached(
                "SELECT * FROM (SELECT time, complete, listed FROM session
                                WHERE account = ?1 AND proto = ?2
                                ORDER BY time DESC, rowid DESC LIMIT 1)
                 UNION ALL
                 SELECT * FROM (SELECT time, complete, listed FROM session
                                WHERE account = ?1 AND proto = ?2 AND complete
                                ORDER BY time DESC, rowid DESC LIMIT 1 OFFSET 1)",
            )
            .and_then(|mut s| {
                s.query_map(params![account, Proto::Imap.as_str()], |r| {
                    Ok((r.get(0)?, r.get(1)?, r.get(2).map(super::unsigned)?))
                })?
                .collect()
            });
        let sessions = sessions.map_err(|e| self.failed(e))?;
        let (listed, time, before) = match sessions[..] {
            [(_, true, listed), (time, _, before)] => (listed, time, before),
            [(_, complete, _)] => return Ok(complete && !self.has_doubts(account)?),
            _ => return Ok(false),
        };
        let left = before.saturating_sub(self.purged_since(account, time)?);
        if listed.saturating_mul(2) < left || self.has_doubts(account)? {
            return Ok(false);
        }
        let folders: rusqlite::Result<(i64, i64)> = self
            .db
            .prepare_cached(
                "SELECT coalesce(sum(there), 0), coalesce(sum(NOT there AND last > ?2), 0) FROM
                 (SELECT max(state NOT IN (?3, ?4)) AS there, max(iif(state = ?3, time, 0)) AS last
                  FROM sighting JOIN origin ON origin.id = sighting.origin
                  WHERE account = ?1 AND uidvalidity > 0 GROUP BY dir)",
            )
            .and_then(|mut s| {
                let (vanished, purged) = (State::Vanished as i64, State::Purged as i64);
                s.query_row(params![account, time, vanished, purged], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
            });
        let (there, gone) = folders.map_err(|e| self.failed(e))?;
        Ok(gone <= there || gone < 2)
    }

    /// True if the server lists a name of which it is not known for certain what it has there, or
    /// something vanished in a run that did not come to its end.
    fn has_doubts(&self, account: &str) -> Result<bool> {
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM sighting JOIN origin ON origin.id = sighting.origin
                 WHERE account = ?1 AND uidvalidity > 0
                 AND (state IN (?2, ?3) OR
                      state NOT IN (?4, ?5) AND coalesce(evidence, 0) NOT IN (?6, ?7)))
                 OR EXISTS (SELECT 1 FROM unfinished WHERE account = ?1)",
            )
            .and_then(|mut s| {
                let (refused, wanted) = (State::Refused as i64, State::Wanted as i64);
                let (vanished, purged) = (State::Vanished as i64, State::Purged as i64);
                let (received, vouched) = (Proof::Received as i64, Proof::Vouched as i64);
                s.query_row(
                    params![
                        account, refused, wanted, vanished, purged, received, vouched
                    ],
                    |r| r.get(0),
                )
            })
            .map_err(|e| self.failed(e))
    }
}
