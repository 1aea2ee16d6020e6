//! The names that servers gave the messages of a folder: what another server must keep, so that
//! no mail program takes them for new ones.

use rusqlite::{OptionalExtension, params};

use super::{Catalog, Proof, State, UidTable, lookup};
use crate::base::error::Result;
use crate::mail::message::Hash128;

/// What is known of a folder on its servers, apart from the names of its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerNames {
    /// The UIDVALIDITY of the mailbox, if it was ever read over IMAP.
    pub(crate) uidvalidity: Option<u32>,
    /// All that the folder ever had, on whatever server.
    pub(crate) epochs: Vec<u32>,
    /// The highest UID that is known of it, also if its message is gone; 0 if there is none.
    pub(crate) last_uid: u32,
}

impl Catalog {
    /// Puts the names of a folder's messages, on the servers that the account was last read
    /// from, into a table. A UID counts only while the server has the message, since it must
    /// never come back; a UIDL always does. Neither counts if it is not known what its message
    /// is.
    pub(crate) fn server_names(
        &self,
        account: &str,
        dir: &str,
        table: &UidTable,
    ) -> Result<ServerNames> {
        let mut names = ServerNames::default();
        if let Some((origin, uidvalidity)) = self.last_mailbox(account, dir)? {
            names.uidvalidity = Some(uidvalidity);
            names.epochs = self.all_epochs(account, dir)?;
            self.each_name(origin, |uid, state, content| {
                let Ok(uid) = <[u8; 4]>::try_from(uid) else {
                    return Ok(());
                };
                let uid = u32::from_be_bytes(uid);
                names.last_uid = names.last_uid.max(uid);
                match content {
                    Some(content) => table.add_uid(content, uid, !is_there(state)),
                    None => Ok(()),
                }
            })?;
        }
        // A maildrop is the inbox.
        if let Some(origin) = self.last_maildrop(account)?.filter(|_| dir.is_empty()) {
            self.each_name(origin, |uidl, state, content| {
                table.add_uidl(content, uidl, !is_there(state))
            })?;
        }
        Ok(names)
    }

    /// Every UIDVALIDITY of a folder.
    fn all_epochs(&self, account: &str, dir: &str) -> Result<Vec<u32>> {
        let run = || -> rusqlite::Result<_> {
            let mut statement = self.db.prepare_cached(
                "SELECT DISTINCT uidvalidity FROM origin
                 WHERE account = ?1 AND dir = ?2 AND uidvalidity > 0",
            )?;
            let rows = statement.query_map(params![account, dir], |r| r.get(0))?;
            rows.collect()
        };
        run().map_err(|e| self.failed(e))
    }

    /// Calls `each` with every name of an origin in order, its state, and the content that is
    /// certain to be its message.
    fn each_name(
        &self,
        origin: i64,
        mut each: impl FnMut(&[u8], State, Option<Hash128>) -> Result<()>,
    ) -> Result<()> {
        let failed = |e| self.failed(e);
        let mut statement = self
            .db
            .prepare_cached(
                "SELECT h64, hrest, uid, state, evidence
                 FROM sighting LEFT JOIN blob ON blob.id = sighting.blob AND NOT lost
                 WHERE origin = ?1 ORDER BY uid",
            )
            .map_err(failed)?;
        let mut rows = statement.query([origin]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let known = || -> rusqlite::Result<_> {
                let state = State::of(row.get(3)?);
                let doubtful = Proof::of(row.get(4)?) == Proof::Doubtful;
                let content = match row.get::<_, Option<i64>>(0)? {
                    Some(_) if !doubtful && !state.is_wanted() => Some(lookup::hash(row)?),
                    _ => None,
                };
                Ok((row.get_ref(2)?.as_blob()?, state, content))
            };
            let (name, state, content) = known().map_err(failed)?;
            each(name, state, content)?;
        }
        Ok(())
    }

    /// A folder's mailbox in its last epoch on the server that it was last read from.
    fn last_mailbox(&self, account: &str, dir: &str) -> Result<Option<(i64, u32)>> {
        self.last_origin(
            "SELECT origin.id, origin.uidvalidity FROM origin
             JOIN folder ON folder.account = origin.account AND folder.dir = origin.dir
             AND folder.uidvalidity = origin.uidvalidity
             WHERE origin.account = ?1 AND origin.dir = ?2 AND origin.uidvalidity > 0",
            account,
            dir,
        )
    }

    /// The maildrop that an account was last read from.
    fn last_maildrop(&self, account: &str) -> Result<Option<i64>> {
        let origin = self.last_origin(
            "SELECT id, uidvalidity FROM origin
             WHERE account = ?1 AND dir = ?2 AND uidvalidity = 0",
            account,
            "",
        )?;
        Ok(origin.map(|(id, _)| id))
    }

    fn last_origin(&self, sql: &str, account: &str, dir: &str) -> Result<Option<(i64, u32)>> {
        let sql = format!(
            "{sql} ORDER BY (SELECT max(time) FROM sighting WHERE sighting.origin = origin.id) DESC,
             origin.id DESC LIMIT 1"
        );
        self.db
            .prepare_cached(&sql)
            .and_then(|mut s| {
                s.query_row(params![account, dir], |r| Ok((r.get(0)?, r.get(1)?)))
                    .optional()
            })
            .map_err(|e| self.failed(e))
    }
}

/// True if the server has the message.
fn is_there(state: State) -> bool {
    matches!(state, State::Seen | State::PurgeKept)
}
