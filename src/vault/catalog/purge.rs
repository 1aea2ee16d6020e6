//! What purge asks of the catalog.

use rusqlite::{OptionalExtension, params};

use super::conditions::{Conditions, DateRule, PLACES};
use super::lookup::blob;
use super::{Blob, Catalog, IdSet, Origin, Proof, State, signed, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::vault::ledger::LedgerEvent;

/// A message that a server had and the vault has.
#[derive(Debug)]
pub struct Archived<'a> {
    /// The server's name for it.
    pub(crate) uid: &'a [u8],
    /// The size that was listed.
    pub(crate) octets: Option<u64>,
    /// What became of it there.
    pub(crate) state: State,
    /// Key of its content in this catalog.
    pub(crate) blob: i64,
    /// Size of its content in bytes.
    pub(crate) size: u64,
    /// The later of Received and Date, in Unix seconds; 0 if neither is usable.
    pub(crate) dated: i64,
    /// When it was first archived, in Unix seconds.
    pub(crate) seen: i64,
    /// How its content is known.
    pub(crate) proof: Proof,
    /// True if another content came since as its whole.
    pub(crate) superseded: bool,
}

/// Everything that the proof of a message is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its content.
    pub(crate) blob: Blob,
    /// Hash of the header that it came with.
    pub(crate) header: Hash128,
    /// Hash of the bytes that it came with; others than the content's for a duplicate.
    pub(crate) got: Hash128,
    /// Likeness of the content.
    pub(crate) likeness: Option<Hash128>,
    /// Hash of the header that the server shows instead, if that was found harmless.
    pub(crate) asked: Option<Hash128>,
    /// True if its content was received under another name of the mailbox, too: then another
    /// header says that it is not this message.
    pub(crate) shared: bool,
    /// The size that was listed for it.
    pub(crate) octets: Option<u64>,
}

impl Record {
    /// True if the header is the one that was received, or known to stand for it.
    #[must_use]
    pub(crate) fn has_header(&self, header: Hash128) -> bool {
        header == self.header || !self.shared && Some(header) == self.asked
    }

    /// True if the header says that it is another message, whatever bytes come again.
    #[must_use]
    pub(crate) fn is_anothers(&self, header: Hash128) -> bool {
        self.shared && header != self.header
    }
}

impl Catalog {
    /// Calls `each` with every archived message of a maildrop or mailbox, by ascending name.
    pub(crate) fn for_each_archived(
        &self,
        origin: Origin<'_>,
        mut each: impl FnMut(&Archived<'_>),
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "SELECT uid, octets, state, sighting.blob, size,
                        max(received, coalesce(date, 0)), seen, evidence, superseded
                 FROM sighting JOIN blob ON blob.id = sighting.blob
                 LEFT JOIN envelope ON envelope.blob = sighting.blob
                 WHERE NOT lost AND origin = ?1 ORDER BY uid",
            )
            .and_then(|mut s| {
                let mut rows = s.query([self.origin_id(origin)?])?;
                while let Some(row) = rows.next()? {
                    each(&Archived {
                        uid: row.get_ref(0)?.as_blob()?,
                        octets: row.get::<_, Option<i64>>(1)?.map(unsigned),
                        state: State::of(row.get(2)?),
                        blob: row.get(3)?,
                        size: unsigned(row.get(4)?),
                        dated: row.get(5)?,
                        seen: row.get(6)?,
                        proof: Proof::of(row.get(7)?),
                        superseded: row.get(8)?,
                    });
                }
                Ok(())
            })
            .map_err(|e| self.failed(e))
    }

    /// True if a name stands for a message that was received, or that the server vouched for.
    pub(crate) fn is_certain(&self, origin: Origin<'_>, uid: &[u8]) -> Result<bool> {
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM sighting WHERE origin = ?1 AND uid = ?2
                 AND state IN (?3, ?4) AND evidence IN (?5, ?6))",
            )
            .and_then(|mut s| {
                let states = [State::Seen, State::PurgeKept].map(|state| state as i64);
                let proofs = [Proof::Received, Proof::Vouched].map(|proof| proof as i64);
                let origin = self.origin_id(origin)?;
                let [seen, kept] = states;
                let [received, vouched] = proofs;
                s.query_row(params![origin, uid, seen, kept, received, vouched], |r| {
                    r.get(0)
                })
            })
            .map_err(|e| self.failed(e))
    }

    /// What is recorded of one archived message of a maildrop or mailbox.
    pub(crate) fn record_of(&self, origin: Origin<'_>, uid: &[u8]) -> Result<Option<Record>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored, header, got,
                        (SELECT likeness FROM likeness WHERE likeness.blob = id), asked,
                        EXISTS (SELECT 1 FROM sighting AS other
                                WHERE other.blob = id AND other.header = sighting.header
                                AND other.origin = ?1 AND other.uid <> ?2), octets
                 FROM sighting JOIN blob ON blob.id = sighting.blob
                 WHERE NOT lost AND header NOT NULL AND origin = ?1 AND uid = ?2",
            )
            .and_then(|mut s| {
                s.query_row(params![self.origin_id(origin)?, uid], |r| {
                    let blob = blob(r)?;
                    let got = r.get::<_, Option<[u8; 16]>>(8)?.map(Hash128);
                    Ok(Record {
                        header: Hash128(r.get(7)?),
                        got: got.unwrap_or(blob.name.hash),
                        likeness: r.get::<_, Option<[u8; 16]>>(9)?.map(Hash128),
                        asked: r.get::<_, Option<[u8; 16]>>(10)?.map(Hash128),
                        shared: r.get(11)?,
                        octets: r.get::<_, Option<i64>>(12)?.map(unsigned),
                        blob,
                    })
                })
                .optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// What a listing says of deletions whose end was not heard: for each name whether
    /// it is gone. As events for the ledger.
    pub(crate) fn settled(
        &self,
        origin: Origin<'_>,
        names: &[(Box<[u8]>, bool)],
    ) -> Result<Vec<LedgerEvent>> {
        let mut events = Vec::with_capacity(names.len());
        for (name, gone) in names {
            // What was lost since is no longer proven, whatever became of it there.
            let Some(record) = self.record_of(origin, name)? else {
                continue;
            };
            let identity = origin.identity(name);
            let hash = record.blob.name.hash;
            events.push(if *gone {
                LedgerEvent::Purged { identity, hash }
            } else {
                LedgerEvent::PurgeKept { identity, hash }
            });
        }
        Ok(events)
    }

    /// Keys of the contents that fit any of the queries; in `folder`, an account
    /// and a directory of it, or anywhere. A query that the index of words cannot answer for
    /// every message is refused.
    pub(crate) fn matching(
        &self,
        queries: &[Query],
        folder: Option<(&str, &str)>,
        dates: DateRule,
    ) -> Result<IdSet> {
        let mut found = IdSet::default();
        for query in queries {
            self.check_texts(query, true)?;
            let conditions = self.conditions_by(query, dates)?;
            let content = conditions.whole();
            let Conditions {
                place, mut values, ..
            } = conditions;
            let mut within = String::new();
            if let Some((account, dir)) = folder {
                values.extend([account, dir].map(|text| text.to_owned().into()));
                let last = values.len();
                within = format!("AND account = ?{} AND dir = ?{last}", last - 1);
            }
            let sql = format!(
                "SELECT blob.id FROM blob
                 JOIN ({PLACES}) ON place.blob = blob.id
                 LEFT JOIN envelope ON envelope.blob = blob.id
                 WHERE NOT lost {content} {place} {within}"
            );
            self.db
                .prepare(&sql)
                .and_then(|mut s| {
                    let mut rows = s.query(rusqlite::params_from_iter(values))?;
                    while let Some(row) = rows.next()? {
                        found.insert(row.get(0)?);
                    }
                    Ok(())
                })
                .map_err(|e| self.failed(e))?;
        }
        Ok(found)
    }

    /// The names of a place under which a content was received with another size.
    pub(crate) fn other_sizes(
        &self,
        origin: Origin<'_>,
        (blob, octets): (i64, u64),
    ) -> Result<Vec<Vec<u8>>> {
        self.db
            .prepare_cached(
                "SELECT uid FROM sighting WHERE blob = ?1 AND origin = ?2 AND octets <> ?3",
            )
            .and_then(|mut s| {
                s.query_map(
                    params![blob, self.origin_id(origin)?, signed(octets)],
                    |r| r.get(0),
                )?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// Sender's subject and hash of a content.
    pub(crate) fn heading(&self, blob: i64) -> Result<Option<(Hash128, String)>> {
        self.db
            .prepare_cached(
                "SELECT h64, hrest, coalesce(subject, '') FROM blob
                 LEFT JOIN envelope ON envelope.blob = blob.id WHERE blob.id = ?1",
            )
            .and_then(|mut s| {
                s.query_row([blob], |r| {
                    Ok((super::joined(r.get(0)?, r.get(1)?), r.get(2)?))
                })
                .optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// Begins to note what is to be purged, however much it is.
    pub(in crate::vault) fn begin_intents(&self) -> Result<()> {
        self.run("CREATE TEMP TABLE intended (hash BLOB PRIMARY KEY) WITHOUT ROWID")
    }

    /// Notes that a content is to be purged.
    pub(in crate::vault) fn put_intent(&self, hash: Hash128) -> Result<()> {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO temp.intended VALUES (?1)")
            .and_then(|mut s| s.execute([hash.0]))
            .map(drop)
            .map_err(|e| self.failed(e))
    }

    /// True if that was noted.
    pub(in crate::vault) fn has_intent(&self, hash: Hash128) -> Result<bool> {
        self.db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM temp.intended WHERE hash = ?1)")
            .and_then(|mut s| s.query_row([hash.0], |r| r.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// Messages of an account that were seen gone after we deleted them, from a moment on.
    pub(crate) fn purged_since(&self, account: &str, time: i64) -> Result<u64> {
        self.db
            .prepare_cached(
                "SELECT count(*) FROM sighting WHERE state = ?3 AND time >= ?2
                 AND origin IN (SELECT id FROM origin WHERE account = ?1)",
            )
            .and_then(|mut s| {
                s.query_row(params![account, time, State::Purged as i64], |r| {
                    r.get(0).map(unsigned)
                })
            })
            .map_err(|e| self.failed(e))
    }

    /// When a verify found damage that no later one has settled, in Unix seconds, and
    /// how much.
    pub(crate) fn unsettled_damage(&self) -> Result<Option<(i64, u64)>> {
        let text: Option<String> = self
            .db
            .query_row("SELECT value FROM meta WHERE key = 'damage'", [], |r| {
                r.get(0)
            })
            .optional()
            .map_err(|e| self.failed(e))?;
        Ok(text.as_deref().and_then(|text| {
            let mut words = text.split(' ');
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        }))
    }

    /// The end of the last verify in Unix seconds, how much was wrong, and what it looked
    /// at: `names`, `data`, or a part of either.
    pub(crate) fn last_verified(&self) -> Result<Option<(i64, u64, String)>> {
        let text: Option<String> = self
            .db
            .query_row("SELECT value FROM meta WHERE key = 'verified'", [], |r| {
                r.get(0)
            })
            .optional()
            .map_err(|e| self.failed(e))?;
        Ok(text.as_deref().and_then(|text| {
            let mut words = text.splitn(3, ' ');
            let (time, damage) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some((time, damage, words.next()?.to_owned()))
        }))
    }

    /// When the newest message was archived, in Unix seconds.
    pub(crate) fn newest(&self) -> Result<i64> {
        self.db
            .query_row("SELECT coalesce(max(seen), 0) FROM blob", [], |r| r.get(0))
            .map_err(|e| self.failed(e))
    }
}
