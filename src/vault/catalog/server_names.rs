//! The names that servers gave the messages of a folder: what another server must keep, so that
//! no mail program takes them for new ones.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, params};

use super::{Catalog, Proof, State, lookup};
use crate::base::error::Result;
use crate::mail::message::Hash128;

/// What is known of a folder's names on its servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ServerNames {
    /// The UIDVALIDITY of the mailbox, if it was ever read over IMAP.
    pub(crate) uidvalidity: Option<u32>,
    /// All that the folder ever had, on whatever server.
    pub(crate) epochs: Vec<u32>,
    /// The highest UID that is known of it, also if its message is gone; 0 if there is none.
    pub(crate) last_uid: u32,
    /// The names of each content.
    pub(crate) contents: HashMap<Hash128, ContentNames>,
    /// UIDLs that are nobody's to keep: of messages that are not known for certain, and those
    /// that the server has replaced by another.
    pub(crate) other_uidls: HashSet<Box<[u8]>>,
}

/// The names of a content in a folder: more than one if the server has it several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContentNames {
    /// Its UIDs on the server, the lowest first.
    pub(crate) uids: Vec<u32>,
    /// UIDs that it had there until it was deleted.
    pub(crate) gone_uids: Vec<u32>,
    /// Its UIDLs on the server, or else those that it had there.
    pub(crate) uidls: Vec<Box<[u8]>>,
}

impl Catalog {
    /// The names of a folder's messages on the servers that the account was last read from. A
    /// UID counts only while the server has the message, since it must never come back; a UIDL
    /// always does. Neither counts if it is not known what its message is.
    pub(crate) fn server_names(&self, account: &str, dir: &str) -> Result<ServerNames> {
        let mut names = ServerNames::default();
        if let Some((origin, uidvalidity)) = self.last_mailbox(account, dir)? {
            names.uidvalidity = Some(uidvalidity);
            names.epochs = self.all_epochs(account, dir)?;
            self.each_name(origin, |uid, state, hash| {
                let Ok(uid) = <[u8; 4]>::try_from(uid) else {
                    return;
                };
                let uid = u32::from_be_bytes(uid);
                names.last_uid = names.last_uid.max(uid);
                let Some(hash) = hash.filter(|_| !state.is_wanted()) else {
                    return;
                };
                let content = names.contents.entry(hash).or_default();
                if is_there(state) {
                    content.uids.push(uid);
                } else {
                    content.gone_uids.push(uid);
                }
            })?;
        }
        // A maildrop is the inbox.
        if let Some(origin) = self.last_maildrop(account)?.filter(|_| dir.is_empty()) {
            let mut gone = Vec::new();
            self.each_name(origin, |uidl, state, hash| {
                let Some(hash) = hash.filter(|_| !state.is_wanted()) else {
                    names.other_uidls.insert(uidl.into());
                    return;
                };
                if is_there(state) {
                    let content = names.contents.entry(hash).or_default();
                    content.uidls.push(uidl.into());
                } else {
                    gone.push((hash, Box::from(uidl)));
                }
            })?;
            names.add_gone(gone);
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
        mut each: impl FnMut(&[u8], State, Option<Hash128>),
    ) -> Result<()> {
        let mut run = || -> rusqlite::Result<()> {
            let mut statement = self.db.prepare_cached(
                "SELECT h64, hrest, uid, state, evidence
                 FROM sighting LEFT JOIN blob ON blob.id = sighting.blob AND NOT lost
                 WHERE origin = ?1 ORDER BY uid",
            )?;
            let mut rows = statement.query([origin])?;
            while let Some(row) = rows.next()? {
                let doubtful = Proof::of(row.get(4)?) == Proof::Doubtful;
                let hash = match row.get::<_, Option<i64>>(0)? {
                    Some(_) if !doubtful => Some(lookup::hash(row)?),
                    _ => None,
                };
                each(row.get_ref(2)?.as_blob()?, State::of(row.get(3)?), hash);
            }
            Ok(())
        };
        run().map_err(|e| self.failed(e))
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

impl ServerNames {
    /// Adds the UIDLs of messages that the server no longer has. Where it has the message under
    /// another, that one counts.
    fn add_gone(&mut self, gone: Vec<(Hash128, Box<[u8]>)>) {
        let has_another = |hash: &Hash128| {
            let content = self.contents.get(hash);
            content.is_some_and(|content| !content.uidls.is_empty())
        };
        let (replaced, last): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|(hash, _)| has_another(hash));
        self.other_uidls
            .extend(replaced.into_iter().map(|(_, uidl)| uidl));
        for (hash, uidl) in last {
            self.contents.entry(hash).or_default().uidls.push(uidl);
        }
    }
}

/// True if the server has the message.
fn is_there(state: State) -> bool {
    matches!(state, State::Seen | State::PurgeKept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uidl_that_is_gone_counts_only_where_the_server_has_no_other() {
        let (moved, deleted) = (Hash128::of(b"moved"), Hash128::of(b"deleted"));
        let uidl = |uidl: &[u8]| Box::<[u8]>::from(uidl);
        let mut names = ServerNames::default();
        let content = names.contents.entry(moved).or_default();
        content.uidls.push(uidl(b"u9"));
        names.add_gone(vec![
            (moved, uidl(b"u1")),
            (deleted, uidl(b"u2")),
            (deleted, uidl(b"u3")),
        ]);
        assert_eq!(names.contents[&moved].uidls, [uidl(b"u9")]);
        assert_eq!(names.contents[&deleted].uidls, [uidl(b"u2"), uidl(b"u3")]);
        assert_eq!(names.other_uidls, HashSet::from([uidl(b"u1")]));
    }
}
