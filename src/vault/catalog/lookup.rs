//! Questions that pull, purge, verify and status ask of the catalog.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row, params};

use super::origin::Origin;
use super::{Catalog, Proof, State, joined, mid_key, split, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::layout::FileName;
use crate::vault::ledger::Proto;

/// A stored content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    /// Its key in this catalog.
    pub(crate) id: i64,
    /// What its file name says.
    pub(crate) name: FileName,
    /// Length of its file on disk.
    pub(crate) stored: u64,
}

/// Where a content is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The account.
    pub(crate) account: String,
    /// The directory below it; empty for the root.
    pub(crate) dir: String,
    /// Flag letters as last recorded.
    pub(crate) flags: String,
}

/// A server message that the ledger knows.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    /// The server's name for it.
    pub(crate) uid: &'a [u8],
    /// The size that was listed.
    pub(crate) octets: Option<u64>,
    /// What became of it.
    pub(crate) state: State,
    /// Hash of its header, if it was stored.
    pub(crate) header: Option<Hash128>,
    /// How its content is known.
    pub(crate) proof: Proof,
    /// Sessions that brought it, if it is doubtful.
    pub(crate) sessions: u32,
    /// When it was recorded last, in Unix seconds.
    pub(crate) time: i64,
}

/// The totals of a session, as needed to compare the next one with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastSession {
    /// When it ended, in Unix seconds.
    pub(crate) time: i64,
    /// Messages listed.
    pub(crate) listed: u64,
}

impl Catalog {
    /// A stored content by its hash.
    pub(crate) fn find(&self, hash: Hash128) -> Result<Option<Blob>> {
        if let Some(id) = self.guided_id(hash).map_err(|e| self.failed(e))? {
            return id.map_or(Ok(None), |id| self.stored(id));
        }
        let (h64, hrest) = split(hash);
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored FROM blob
                 WHERE h64 = ?1 AND hrest = ?2 AND NOT lost",
            )
            .and_then(|mut s| s.query_row(params![h64, hrest], blob).optional())
            .map_err(|e| self.failed(e))
    }

    /// The key of a content in this catalog, also of one that is lost.
    pub(crate) fn key_of(&self, hash: Hash128) -> Result<Option<i64>> {
        let (h64, hrest) = split(hash);
        self.db
            .prepare_cached("SELECT id FROM blob WHERE h64 = ?1 AND hrest = ?2")
            .and_then(|mut s| s.query_row(params![h64, hrest], |r| r.get(0)).optional())
            .map_err(|e| self.failed(e))
    }

    /// Calls `each` with the key and the hash of every content, also of one that is lost.
    pub(crate) fn for_each_key(
        &self,
        mut each: impl FnMut(i64, Hash128) -> Result<()>,
    ) -> Result<()> {
        let failed = |e| self.failed(e);
        let mut statement = (self.db)
            .prepare("SELECT h64, hrest, id FROM blob")
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(row.get(2).map_err(failed)?, hash(row).map_err(failed)?)?;
        }
        Ok(())
    }

    /// The contents that are lost.
    #[cfg(feature = "offsite")]
    pub(in crate::vault) fn lost(&self) -> Result<Vec<Hash128>> {
        self.db
            .prepare_cached("SELECT h64, hrest FROM blob WHERE lost")
            .and_then(|mut s| s.query_map([], hash)?.collect())
            .map_err(|e| self.failed(e))
    }

    /// Stored contents with this Message-ID and likeness.
    pub(crate) fn find_like(&self, mid: &[u8], likeness: Hash128) -> Result<Vec<Blob>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored
                 FROM likeness JOIN blob ON blob.id = likeness.blob
                 WHERE mid = ?1 AND substr(likeness, 1, 4) = substr(?2, 1, 4)
                 AND likeness = ?2 AND NOT lost ORDER BY id",
            )
            .and_then(|mut s| {
                s.query_map(params![mid_key(mid), likeness.0], blob)?
                    .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// The folders that hold a content.
    pub(crate) fn places(&self, blob: i64) -> Result<Vec<Place>> {
        self.db
            .prepare_cached(
                "SELECT account, dir, flags FROM place CROSS JOIN folder ON folder.id = place.folder
                 WHERE blob = ?1 ORDER BY account, dir",
            )
            .and_then(|mut s| {
                s.query_map([blob], |r| {
                    Ok(Place {
                        account: r.get(0)?,
                        dir: r.get(1)?,
                        flags: r.get(2)?,
                    })
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// Calls `each` with every known message of a maildrop, by ascending name.
    pub(crate) fn for_each_known(
        &self,
        account: &str,
        server: &str,
        mut each: impl FnMut(&Known<'_>),
    ) -> Result<()> {
        self.db
            .prepare_cached(
                // What was purged, is damaged since, and is listed again after all is wanted.
                "SELECT uid, octets,
                        CASE WHEN state = ?3 AND (SELECT lost FROM blob WHERE id = sighting.blob)
                        THEN ?2 ELSE state END, header, evidence, sessions, time
                 FROM sighting WHERE origin = ?1 ORDER BY uid",
            )
            .and_then(|mut s| {
                let origin = self.origin_id(Origin::maildrop(account, server))?;
                let (lost, purged) = (State::Lost as i64, State::Purged as i64);
                let mut rows = s.query(params![origin, lost, purged])?;
                while let Some(row) = rows.next()? {
                    each(&Known {
                        uid: row.get_ref(0)?.as_blob()?,
                        octets: row.get::<_, Option<i64>>(1)?.map(unsigned),
                        state: State::of(row.get(2)?),
                        header: row.get::<_, Option<[u8; 16]>>(3)?.map(Hash128),
                        proof: Proof::of(row.get(4)?),
                        sessions: row.get(5)?,
                        time: row.get(6)?,
                    });
                }
                Ok(())
            })
            .map_err(|e| self.failed(e))
    }

    /// The subject of a content, decoded; empty if nobody knows.
    pub(crate) fn subject_of(&self, hash: Hash128) -> Result<String> {
        let (h64, hrest) = split(hash);
        self.db
            .prepare_cached(
                "SELECT subject FROM envelope WHERE blob =
                 (SELECT id FROM blob WHERE h64 = ?1 AND hrest = ?2)",
            )
            .and_then(|mut s| s.query_row(params![h64, hrest], |r| r.get(0)).optional())
            .map(Option::unwrap_or_default)
            .map_err(|e| self.failed(e))
    }

    /// The content that is recorded for a server message, the hash of the bytes that were
    /// received if they were others, and how it is known.
    pub(crate) fn content_of(
        &self,
        account: &str,
        server: &str,
        uid: &[u8],
    ) -> Result<Option<(Blob, Option<Hash128>, Proof)>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored, got, evidence
                 FROM sighting JOIN blob ON blob.id = sighting.blob
                 WHERE NOT lost AND origin = ?1 AND uid = ?2",
            )
            .and_then(|mut s| {
                let origin = self.origin_id(Origin::maildrop(account, server))?;
                s.query_row(params![origin, uid], |r| {
                    let got = r.get::<_, Option<[u8; 16]>>(7)?;
                    Ok((blob(r)?, got.map(Hash128), Proof::of(r.get(8)?)))
                })
                .optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// What was learned about an account's server.
    pub(crate) fn learned(&self, account: &str, key: &str) -> Result<Option<String>> {
        self.db
            .prepare_cached("SELECT value FROM learned WHERE account = ?1 AND key = ?2")
            .and_then(|mut s| s.query_row([account, key], |r| r.get(0)).optional())
            .map_err(|e| self.failed(e))
    }

    /// The last complete session of an account by this protocol.
    pub(crate) fn last_complete(&self, account: &str, proto: Proto) -> Result<Option<LastSession>> {
        self.db
            .prepare_cached(
                "SELECT time, listed FROM session
                 WHERE account = ?1 AND complete AND proto = ?2 ORDER BY time DESC, rowid DESC LIMIT 1",
            )
            .and_then(|mut s| {
                s.query_row([account, proto.as_str()], |r| {
                    Ok(LastSession {
                        time: r.get(0)?,
                        listed: unsigned(r.get(1)?),
                    })
                })
                .optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// The first contents after this key of which nothing is known yet but what the ledger says.
    pub(crate) fn undescribed(&self, after: i64) -> Result<Vec<Blob>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored FROM blob
                 LEFT JOIN envelope ON envelope.blob = id
                 WHERE NOT lost AND id > ?1 AND envelope.blob IS NULL ORDER BY id LIMIT 1024",
            )
            .and_then(|mut s| s.query_map([after], blob)?.collect())
            .map_err(|e| self.failed(e))
    }

    /// True if a server has a content under some name, as far as is known.
    pub(crate) fn is_on_server(&self, blob: i64) -> Result<bool> {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM sighting WHERE blob = ?1 AND state IN ({}))",
            State::on_server_list()
        );
        self.db
            .prepare_cached(&sql)
            .and_then(|mut s| s.query_row([blob], |r| r.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// True if any content was stored.
    pub(crate) fn has_contents(&self) -> Result<bool> {
        self.db
            .query_row("SELECT EXISTS (SELECT 1 FROM blob)", [], |r| r.get(0))
            .map_err(|e| self.failed(e))
    }

    /// Messages in all folders, each content once.
    pub fn count(&self) -> Result<u64> {
        self.db
            .query_row(
                "SELECT (SELECT count(*) FROM blob) - (SELECT count(*) FROM blob WHERE lost)",
                [],
                |r| r.get(0).map(unsigned),
            )
            .map_err(|e| self.failed(e))
    }

    /// Hashes that begin with the hex digits `prefix`, at most 100.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Result<Vec<Hash128>> {
        self.beginning_with(prefix, "AND NOT lost")
    }

    /// The same, though their files may be missing.
    pub(crate) fn known_with_prefix(&self, prefix: &str) -> Result<Vec<Hash128>> {
        self.beginning_with(prefix, "")
    }

    fn beginning_with(&self, prefix: &str, condition: &str) -> Result<Vec<Hash128>> {
        let bound = |fill: char| -> i64 {
            let padded: String = prefix
                .chars()
                .chain(std::iter::repeat(fill))
                .take(16)
                .collect();
            u64::from_str_radix(&padded, 16).unwrap_or(0).cast_signed()
        };
        // Keys are signed, so the range of a prefix never crosses zero.
        self.db
            .prepare_cached(&format!(
                "SELECT h64, hrest FROM blob WHERE h64 BETWEEN ?1 AND ?2 {condition} LIMIT 10000"
            ))
            .and_then(|mut s| {
                let all: rusqlite::Result<Vec<Hash128>> = s
                    .query_map([bound('0'), bound('f')], |r| {
                        Ok(joined(r.get(0)?, r.get(1)?))
                    })?
                    .collect();
                all
            })
            .map(|all| {
                all.into_iter()
                    .filter(|h| h.to_string().starts_with(prefix))
                    .take(100)
                    .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// The first halves of those ids' keys that more than one content has: nobody can be meant by
    /// as few digits. One walk over an index.
    pub(crate) fn crowded(&self) -> Result<HashSet<u32>> {
        let walk = || -> rusqlite::Result<HashSet<u32>> {
            let mut statement = self.db.prepare("SELECT h64 FROM blob ORDER BY h64")?;
            let mut rows = statement.query([])?;
            let (mut crowded, mut last) = (HashSet::new(), None);
            while let Some(row) = rows.next()? {
                let half = upper_half(row.get::<_, i64>(0)?.cast_unsigned());
                if last.replace(half) == Some(half) {
                    crowded.insert(half);
                }
            }
            Ok(crowded)
        };
        walk().map_err(|e| self.failed(e))
    }
}

/// The first eight digits of an id as a number.
pub(crate) fn upper_half(head: u64) -> u32 {
    u32::try_from(head >> 32).unwrap_or(u32::MAX)
}

/// Reads h64, hrest.
pub(super) fn hash(row: &Row<'_>) -> rusqlite::Result<Hash128> {
    Ok(joined(row.get(0)?, row.get(1)?))
}

/// Reads id, h64, hrest, received, size, wire, stored.
pub(super) fn blob(row: &Row<'_>) -> rusqlite::Result<Blob> {
    let size = unsigned(row.get(4)?);
    Ok(Blob {
        id: row.get(0)?,
        name: FileName {
            hash: joined(row.get(1)?, row.get(2)?),
            received: row.get(3)?,
            size,
            wire: row.get::<_, Option<i64>>(5)?.map_or(size, unsigned),
        },
        stored: unsigned(row.get(6)?),
    })
}
