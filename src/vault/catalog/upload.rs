//! What was exported to servers, and what an export asks besides.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::{Catalog, split};
use crate::base::error::Result;
use crate::mail::message::Hash128;

impl Catalog {
    pub(super) fn put_uploaded(
        &mut self,
        goal: (&str, &str),
        hash: Hash128,
        uid: Option<u32>,
        time: i64,
    ) -> rusqlite::Result<()> {
        let id = self.goal(goal)?;
        let (h64, hrest) = split(hash);
        self.db
            .prepare_cached("INSERT OR REPLACE INTO uploaded VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![id, h64, hrest, uid, time])?;
        self.close_upload(goal, hash)
    }

    pub(super) fn open_upload(
        &mut self,
        goal: (&str, &str),
        hash: Hash128,
    ) -> rusqlite::Result<()> {
        self.change_uploading(
            "INSERT OR IGNORE INTO uploading VALUES (?1, ?2, ?3)",
            goal,
            hash,
        )
    }

    pub(super) fn close_upload(
        &mut self,
        goal: (&str, &str),
        hash: Hash128,
    ) -> rusqlite::Result<()> {
        let sql = "DELETE FROM uploading WHERE goal = ?1 AND h64 = ?2 AND hrest = ?3";
        self.change_uploading(sql, goal, hash)
    }

    fn change_uploading(
        &mut self,
        sql: &str,
        goal: (&str, &str),
        hash: Hash128,
    ) -> rusqlite::Result<()> {
        let id = self.goal(goal)?;
        let (h64, hrest) = split(hash);
        self.db
            .prepare_cached(sql)?
            .execute(params![id, h64, hrest])?;
        Ok(())
    }

    /// The id of a folder of a server.
    fn goal(&mut self, (destination, folder): (&str, &str)) -> rusqlite::Result<i64> {
        let goal = self
            .db
            .prepare_cached("SELECT id FROM goal WHERE destination = ?1 AND folder = ?2")?
            .query_row([destination, folder], |r| r.get(0))
            .optional()?;
        if let Some(goal) = goal {
            return Ok(goal);
        }
        self.db
            .prepare_cached("INSERT INTO goal (destination, folder) VALUES (?1, ?2)")?
            .execute([destination, folder])?;
        Ok(self.db.last_insert_rowid())
    }

    /// The contents that were about to be sent into a folder of a server, without it being
    /// known whether they came there.
    pub(crate) fn open_uploads(&self, destination: &str, folder: &str) -> Result<HashSet<Hash128>> {
        self.db
            .prepare_cached(
                "SELECT h64, hrest FROM uploading WHERE goal =
                 (SELECT id FROM goal WHERE destination = ?1 AND folder = ?2)",
            )
            .and_then(|mut s| {
                s.query_map([destination, folder], |r| {
                    Ok(super::joined(r.get(0)?, r.get(1)?))
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// The UID that a server returned for the upload of a content into a folder.
    pub(crate) fn uploaded_uid(
        &self,
        destination: &str,
        folder: &str,
        hash: Hash128,
    ) -> Result<Option<u32>> {
        let (h64, hrest) = split(hash);
        self.db
            .prepare_cached(
                "SELECT uid FROM uploaded WHERE h64 = ?3 AND hrest = ?4 AND goal =
                 (SELECT id FROM goal WHERE destination = ?1 AND folder = ?2)",
            )
            .and_then(|mut s| {
                s.query_row(params![destination, folder, h64, hrest], |r| r.get(0))
                    .optional()
            })
            .map(Option::flatten)
            .map_err(|e| self.failed(e))
    }

    /// True if a content was exported into a folder of a server.
    pub(crate) fn is_uploaded(
        &self,
        destination: &str,
        folder: &str,
        hash: Hash128,
    ) -> Result<bool> {
        let (h64, hrest) = split(hash);
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM uploaded WHERE h64 = ?3 AND hrest = ?4 AND goal =
                 (SELECT id FROM goal WHERE destination = ?1 AND folder = ?2))",
            )
            .and_then(|mut s| s.query_row(params![destination, folder, h64, hrest], |r| r.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// The UIDs that a server returned for uploads into a folder since a moment in Unix seconds.
    pub(crate) fn uploaded_uids(
        &self,
        destination: &str,
        folder: &str,
        since: i64,
    ) -> Result<HashSet<u32>> {
        self.db
            .prepare_cached(
                "SELECT uid FROM uploaded WHERE uid NOT NULL AND time >= ?3 AND goal =
                 (SELECT id FROM goal WHERE destination = ?1 AND folder = ?2)",
            )
            .and_then(|mut s| {
                s.query_map(params![destination, folder, since], |r| r.get(0))?
                    .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// The keywords of the messages of a folder that have any, as a server listed them.
    pub(crate) fn keywords_in(
        &self,
        account: &str,
        dir: &str,
    ) -> Result<HashMap<Hash128, Arc<str>>> {
        let mut known: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut found = HashMap::new();
        self.db
            .prepare_cached(
                "SELECT h64, hrest, marks FROM sighting JOIN blob ON blob.id = sighting.blob
                 WHERE marks LIKE '% _%' AND origin IN
                 (SELECT id FROM origin WHERE account = ?1 AND dir = ?2)
                 ORDER BY time",
            )
            .and_then(|mut s| {
                let mut rows = s.query([account, dir])?;
                while let Some(row) = rows.next()? {
                    let marks = row.get_ref(2)?.as_str()?;
                    let words = marks.split_once(' ').map_or("", |(_, words)| words);
                    let words = known.get(words).cloned().unwrap_or_else(|| {
                        let words: Arc<str> = words.into();
                        known.insert(Arc::clone(&words));
                        words
                    });
                    found.insert(super::joined(row.get(0)?, row.get(1)?), words);
                }
                Ok(())
            })
            .map_err(|e| self.failed(e))?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::vault::ledger::{LedgerEntry, LedgerEvent};

    #[test]
    fn an_export_is_open_until_it_is_known_how_it_ended() {
        let mut catalog = Catalog::temporary().unwrap();
        let [sent, refused, lost] = [b"a", b"b", b"c"].map(|text| Hash128::of(text));
        let (destination, folder) = ("ann@imap.example.org:993".to_owned(), "INBOX".to_owned());
        let mut events = Vec::new();
        for hash in [sent, refused, lost] {
            events.push(LedgerEvent::UploadIntent {
                destination: destination.clone(),
                folder: folder.clone(),
                hash,
            });
        }
        events.push(LedgerEvent::Uploaded {
            destination: destination.clone(),
            folder: folder.clone(),
            hash: sent,
            uid: Some(7),
        });
        events.push(LedgerEvent::UploadFailed {
            destination: destination.clone(),
            folder: folder.clone(),
            hash: refused,
        });
        for (seq, event) in (1..).zip(events) {
            let time = 1_000;
            catalog.apply(&LedgerEntry { seq, time, event }).unwrap();
        }
        let open = |folder| catalog.open_uploads(&destination, folder).unwrap();
        assert_eq!(open("INBOX"), HashSet::from([lost]));
        assert_eq!(open("Sent"), HashSet::new());
        let uid = |hash| catalog.uploaded_uid(&destination, "INBOX", hash).unwrap();
        assert_eq!((uid(sent), uid(lost)), (Some(7), None));
    }

    #[test]
    fn what_was_exported_is_known_by_server_and_folder() {
        let mut catalog = Catalog::temporary().unwrap();
        let hash = Hash128::of(b"one");
        for (seq, uid) in [(1_u32, None), (2, Some(7))] {
            let event = LedgerEvent::Uploaded {
                destination: "ann@imap.example.org:993".into(),
                folder: "INBOX".into(),
                hash,
                uid,
            };
            let time = i64::from(seq) * 1_000;
            let seq = u64::from(seq);
            catalog.apply(&LedgerEntry { seq, time, event }).unwrap();
        }
        let known = |destination, folder, hash| catalog.is_uploaded(destination, folder, hash);
        assert!(known("ann@imap.example.org:993", "INBOX", hash).unwrap());
        assert!(!known("ann@imap.example.org:993", "Sent", hash).unwrap());
        assert!(!known("bob@imap.example.org:993", "INBOX", hash).unwrap());
        assert!(!known("ann@imap.example.org:993", "INBOX", Hash128::of(b"two")).unwrap());
        assert!(
            catalog
                .open_uploads("ann@imap.example.org:993", "INBOX")
                .unwrap()
                .is_empty()
        );
        let uids = |since| catalog.uploaded_uids("ann@imap.example.org:993", "INBOX", since);
        assert_eq!(uids(2).unwrap(), HashSet::from([7]));
        assert_eq!(uids(3).unwrap(), HashSet::new());
    }
}
