//! What was removed on purpose and must not come back, and the lines of the ledger that are about
//! to be masked (docs/FORMAT.md, Erasing).

use rusqlite::{OptionalExtension, params};

use super::lookup::hash;
use super::{Catalog, PickedRows, State, signed, split, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::ledger::{Erasure, MaskedLine};

/// One forget, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgetRecord {
    /// Its number.
    pub number: u32,
    /// When it was, in Unix seconds.
    pub time: i64,
    /// Why, in the user's words.
    pub reason: String,
    /// How many messages went.
    pub messages: u64,
    /// True if its tombstones hold.
    pub holds: bool,
}

impl Catalog {
    pub(super) fn put_erasure(&mut self, erasure: &Erasure, time: i64) -> rusqlite::Result<()> {
        match erasure {
            Erasure::Begin {
                forget,
                reason,
                messages,
                key,
            } => {
                self.void()?;
                self.db
                    .prepare_cached("INSERT INTO deciding VALUES (?1, ?2, ?3, ?4, ?5)")?
                    .execute(params![forget, time, reason, signed(*messages), key.0])?;
            }
            Erasure::Tombstone { forget, tag, .. } => {
                // One that no decision holds means nothing.
                self.db
                    .prepare_cached(
                        "INSERT OR IGNORE INTO deciding_tombstone SELECT ?1 FROM deciding
                         WHERE number = ?2",
                    )?
                    .execute(params![tag.0, forget])?;
            }
            Erasure::Masked { line, was, now, .. } => {
                self.db
                    .prepare_cached("INSERT OR REPLACE INTO masking VALUES (?1, ?2, ?3)")?
                    .execute(params![signed(*line), was, now])?;
            }
            Erasure::Decided { .. } => self.db.execute_batch(
                "INSERT INTO forget SELECT number, time, reason, messages, key, 1 FROM deciding
                 WHERE true ON CONFLICT DO UPDATE SET messages = messages + excluded.messages;
                 INSERT OR IGNORE INTO tombstone SELECT tag, number FROM deciding_tombstone, deciding;
                 DELETE FROM deciding;
                 DELETE FROM deciding_tombstone",
            )?,
            Erasure::Lifted { tag, .. } => {
                self.db
                    .prepare_cached("DELETE FROM tombstone WHERE tag = ?1")?
                    .execute([tag.0])?;
            }
            Erasure::Void { .. } => self.void()?,
            Erasure::End { .. } => {
                self.db.prepare_cached("DELETE FROM masking")?.execute([])?;
            }
            Erasure::Remembered { forget } => {
                self.db
                    .prepare_cached("DELETE FROM tombstone WHERE forget = ?1")?
                    .execute([forget])?;
                self.db
                    .prepare_cached("UPDATE forget SET holds = 0 WHERE number = ?1")?
                    .execute([forget])?;
            }
        }
        Ok(())
    }

    /// Forgets what was not decided.
    /// The reason and the number of messages of a forget that is being decided.
    pub(super) fn deciding(&self) -> rusqlite::Result<Option<(String, i64)>> {
        self.db
            .prepare_cached("SELECT reason, messages FROM deciding")?
            .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()
    }

    /// The same of one that was decided.
    pub(super) fn forgotten(&self, number: u32) -> rusqlite::Result<Option<(String, i64)>> {
        self.db
            .prepare_cached("SELECT reason, messages FROM forget WHERE number = ?1")?
            .query_row([number], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()
    }

    fn void(&self) -> rusqlite::Result<()> {
        if self.is_deciding()? {
            self.db.execute_batch(
                "DELETE FROM deciding; DELETE FROM deciding_tombstone; DELETE FROM masking",
            )?;
        }
        Ok(())
    }

    fn is_deciding(&self) -> rusqlite::Result<bool> {
        self.db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM deciding)")?
            .query_row([], |r| r.get(0))
    }

    /// The forget that was begun and is not decided, as after an append that was cut.
    pub(crate) fn undecided(&self) -> Result<Option<u32>> {
        self.db
            .prepare_cached("SELECT number FROM deciding")
            .and_then(|mut s| s.query_row([], |r| r.get(0)).optional())
            .map_err(|e| self.failed(e))
    }

    /// True if it is decided that lines are to be masked, and they are not yet.
    pub(crate) fn is_erasing(&self) -> Result<bool> {
        self.has_row(
            "SELECT EXISTS (SELECT 1 FROM masking) AND NOT EXISTS (SELECT 1 FROM deciding)",
        )
    }

    /// True if a content is the cut or wrong form of another one.
    pub(crate) fn is_superseded(&self, content: Hash128) -> Result<bool> {
        let (h64, hrest) = split(content);
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM blob WHERE h64 = ?1 AND hrest = ?2 AND superseded)",
            )
            .and_then(|mut s| s.query_row(params![h64, hrest], |r| r.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// True if any content is.
    pub(crate) fn has_superseded(&self) -> Result<bool> {
        self.has_row("SELECT EXISTS (SELECT 1 FROM blob WHERE superseded)")
    }

    /// True if anything must not be stored again.
    pub(crate) fn has_tombstones(&self) -> Result<bool> {
        self.has_row("SELECT EXISTS (SELECT 1 FROM tombstone)")
    }

    fn has_row(&self, sql: &str) -> Result<bool> {
        self.db
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row([], |r| r.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// The forget whose tombstone has this tag.
    pub(crate) fn forget_with(&self, tag: Hash128) -> Result<Option<u32>> {
        self.db
            .prepare_cached(
                "SELECT forget FROM tombstone WHERE tag = ?1 ORDER BY forget DESC LIMIT 1",
            )
            .and_then(|mut s| s.query_row([tag.0], |r| r.get(0)).optional())
            .map_err(|e| self.failed(e))
    }

    /// What tells the key of the tombstones from others, if there are any.
    pub(crate) fn tombstone_key_mark(&self) -> Result<Option<Hash128>> {
        self.db
            .query_row(
                "SELECT key FROM forget WHERE holds ORDER BY number DESC LIMIT 1",
                [],
                |r| r.get(0).map(Hash128),
            )
            .optional()
            .map_err(|e| self.failed(e))
    }

    /// All forgets, oldest first.
    pub fn forgets(&self) -> Result<Vec<ForgetRecord>> {
        self.db
            .prepare("SELECT number, time, reason, messages, holds FROM forget ORDER BY number")
            .and_then(|mut s| {
                s.query_map([], |r| {
                    Ok(ForgetRecord {
                        number: r.get(0)?,
                        time: r.get(1)?,
                        reason: r.get(2)?,
                        messages: unsigned(r.get(3)?),
                        holds: r.get(4)?,
                    })
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// How many forgets were taken back.
    pub(crate) fn forgets_taken_back(&self) -> Result<u64> {
        self.db
            .prepare_cached("SELECT count(*) FROM forget WHERE holds = 0")
            .and_then(|mut s| s.query_row([], |r| r.get(0)))
            .map(unsigned)
            .map_err(|e| self.failed(e))
    }

    /// The lines that are to be masked, in order.
    pub(crate) fn masking(&self) -> Result<Vec<MaskedLine>> {
        self.db
            .prepare("SELECT line, was, now FROM masking ORDER BY line")
            .and_then(|mut s| {
                s.query_map([], |r| {
                    Ok(MaskedLine {
                        line: unsigned(r.get(0)?),
                        was: r.get(1)?,
                        now: r.get(2)?,
                    })
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// The accounts whose servers list messages of a selection, as far as is known, and how many.
    pub(crate) fn on_servers(&self, rows: &PickedRows) -> Result<Vec<(String, u64)>> {
        let sql = format!(
            "SELECT account, count(DISTINCT sighting.blob) FROM temp.{} AS picked
             JOIN sighting ON sighting.blob = picked.blob JOIN origin ON origin.id = origin
             WHERE state IN ({}) GROUP BY account ORDER BY account",
            rows.table,
            State::on_server_list()
        );
        self.db
            .prepare(&sql)
            .and_then(|mut s| {
                s.query_map([], |r| Ok((r.get(0)?, unsigned(r.get(1)?))))?
                    .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// The likeness that a content has in this catalog.
    pub(crate) fn likeness_of(&self, blob: i64) -> Result<Option<Hash128>> {
        self.db
            .prepare_cached("SELECT likeness FROM likeness WHERE blob = ?1")
            .and_then(|mut s| s.query_row([blob], |r| r.get(0).map(Hash128)).optional())
            .map_err(|e| self.failed(e))
    }

    /// Takes over what another catalog derived from the files of messages that both have.
    pub(crate) fn describe_as(&mut self, other: &Self) -> Result<()> {
        self.try_describe_as(other).map_err(|e| self.failed(e))
    }

    fn try_describe_as(&self, other: &Self) -> rusqlite::Result<()> {
        let mut like = self
            .db
            .prepare("INSERT OR IGNORE INTO likeness VALUES (?1, ?2, ?3)")?;
        let mut rows = other.db.prepare(
            "SELECT h64, hrest, mid, likeness FROM likeness JOIN blob ON blob.id = likeness.blob",
        )?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(id) = self.blob_id(hash(row)?)? {
                let (mid, likeness) = (row.get::<_, i64>(2)?, row.get::<_, [u8; 16]>(3)?);
                like.execute(params![id, mid, likeness])?;
            }
        }
        let mut put = self
            .db
            .prepare("INSERT OR IGNORE INTO envelope VALUES (?1, ?2, ?3, ?4)")?;
        let mut rows = other.db.prepare(
            "SELECT h64, hrest, date, sender, subject
             FROM envelope JOIN blob ON blob.id = envelope.blob",
        )?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(id) = self.blob_id(hash(row)?)? {
                let (sender, subject) = (row.get::<_, String>(3)?, row.get::<_, String>(4)?);
                put.execute(params![id, row.get::<_, i64>(2)?, sender, subject])?;
            }
        }
        Ok(())
    }
}
