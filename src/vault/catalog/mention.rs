//! Which lines of the ledger speak of a content, and from where in the ledger they are reached
//! without reading all of it. The lines themselves are only in the ledger.

use rusqlite::{OptionalExtension, params};

use super::lookup::hash;
use super::{Catalog, PickedRows, signed, split, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::ledger::{Checksum, Identity, LedgerEvent, Position};

/// Lines between two waypoints, at least: so many are read and checked to reach one.
const STRIDE: u64 = 4_096;
/// Lines that are read at a time.
const PAGE: u64 = 4_096;

/// A line of the ledger that speaks of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MentionedLine {
    /// Its number.
    pub(crate) seq: u64,
    /// The content.
    pub(crate) hash: Hash128,
}

/// Lines that speak of selected contents, the newest first, in a temporary table.
#[derive(Debug)]
pub(crate) struct MentionRows {
    table: String,
}

impl Catalog {
    /// Notes that a line speaks of contents that were known before it.
    pub(super) fn put_mentions(&mut self, event: &LedgerEvent, line: i64) -> rusqlite::Result<()> {
        match event {
            LedgerEvent::Flags { identity, .. }
            | LedgerEvent::Vanished { identity, .. }
            | LedgerEvent::Reappeared { identity, .. }
            | LedgerEvent::Wanted { identity, .. }
            | LedgerEvent::Asked { identity, .. } => {
                if let Some(blob) = self.blob_named(identity)? {
                    self.put_mention(blob, line)?;
                }
            }
            LedgerEvent::PurgeIntent { hash, .. }
            | LedgerEvent::Purged { hash, .. }
            | LedgerEvent::PurgeKept { hash, .. }
            | LedgerEvent::Lost { hash }
            | LedgerEvent::Uploaded { hash, .. }
            | LedgerEvent::UploadFailed { hash, .. } => self.put_mention_of(*hash, line)?,
            LedgerEvent::Superseded { hash, by } => {
                self.put_mention_of(*hash, line)?;
                self.put_mention_of(*by, line)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn put_mention_of(&self, hash: Hash128, line: i64) -> rusqlite::Result<()> {
        match self.blob_id(hash)? {
            Some(blob) => self.put_mention(blob, line),
            None => Ok(()),
        }
    }

    /// Notes that a line speaks of a content.
    pub(super) fn put_mention(&self, blob: i64, line: i64) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO mention VALUES (?1, ?2)")?
            .execute([blob, line])
            .map(drop)
    }

    /// The content that is recorded for a name.
    fn blob_named(&mut self, identity: &Identity) -> rusqlite::Result<Option<i64>> {
        let origin = self.origin(identity)?;
        self.db
            .prepare_cached("SELECT blob FROM sighting WHERE origin = ?1 AND uid = ?2")?
            .query_row(params![origin, identity.uid.name()], |r| r.get(0))
            .optional()
            .map(Option::flatten)
    }

    /// Notes a place of the ledger, if none that is near is noted.
    pub(in crate::vault) fn put_waypoint(&mut self, position: &Position) -> Result<()> {
        let put = |catalog: &Self| -> rusqlite::Result<u64> {
            let last: Option<i64> = (catalog.db)
                .prepare_cached("SELECT max(seq) FROM waypoint")?
                .query_row([], |r| r.get(0))?;
            let next = unsigned(last.unwrap_or(0)) + STRIDE;
            if position.seq < next {
                return Ok(next);
            }
            catalog
                .db
                .prepare_cached("INSERT OR REPLACE INTO waypoint VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                    signed(position.seq),
                    position.file,
                    signed(position.offset),
                    position.c.as_str()
                ])?;
            Ok(position.seq + STRIDE)
        };
        if position.seq >= self.next_waypoint {
            self.next_waypoint = put(self).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    /// The last noted place of the ledger before a line; none if it is to be read from its beginning.
    pub(in crate::vault) fn waypoint_before(&self, seq: u64) -> Result<Option<Position>> {
        self.db
            .prepare_cached(
                "SELECT file, offset, c, seq FROM waypoint WHERE seq < ?1
                 ORDER BY seq DESC LIMIT 1",
            )
            .and_then(|mut s| {
                s.query_row([signed(seq)], |r| {
                    let c: String = r.get(2)?;
                    let file = r.get(0)?;
                    let (offset, seq) = (unsigned(r.get(1)?), unsigned(r.get(3)?));
                    Ok(Checksum::parse(&c).map(|c| Position {
                        file,
                        offset,
                        c,
                        seq,
                    }))
                })
                .optional()
            })
            .map(Option::flatten)
            .map_err(|e| self.failed(e))
    }

    /// The lines that speak of contents, the newest first and at most so many.
    pub(in crate::vault) fn mentions(
        &self,
        contents: &PickedRows,
        most: Option<u64>,
    ) -> Result<MentionRows> {
        let number = self.searches.replace(self.searches.get() + 1);
        let table = format!("mentioned{number}");
        let picked = &contents.table;
        let sql = format!(
            "CREATE TEMP TABLE {table} AS
             SELECT line, h64, hrest FROM (
                 SELECT blob.line AS line, picked.h64 AS h64, picked.hrest AS hrest
                 FROM temp.{picked} AS picked JOIN blob ON blob.id = picked.blob
                 UNION ALL
                 SELECT mention.line, picked.h64, picked.hrest
                 FROM temp.{picked} AS picked JOIN mention ON mention.blob = picked.blob)
             WHERE line > 0 ORDER BY line DESC LIMIT {}",
            most.map_or(-1, signed)
        );
        (self.db.execute_batch(&sql)).map_err(|e| self.failed(e))?;
        Ok(MentionRows { table })
    }

    /// Some of these lines, after so many.
    pub(in crate::vault) fn mentioned(
        &self,
        rows: &MentionRows,
        first: u64,
    ) -> Result<Vec<MentionedLine>> {
        let sql = format!(
            "SELECT h64, hrest, line FROM temp.{}
             WHERE rowid > ?1 AND rowid <= ?2 ORDER BY rowid",
            rows.table
        );
        self.db
            .prepare_cached(&sql)
            .and_then(|mut s| {
                s.query_map([signed(first), signed(first.saturating_add(PAGE))], |row| {
                    Ok(MentionedLine {
                        seq: unsigned(row.get(2)?),
                        hash: hash(row)?,
                    })
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// The contents whose id begins with these digits, though their files may be missing.
    pub(in crate::vault) fn pick_by_id(&self, ids: &[Hash128]) -> Result<PickedRows> {
        let number = self.searches.replace(self.searches.get() + 1);
        let table = format!("picked{number}");
        let pick = || -> rusqlite::Result<()> {
            self.db.execute_batch(&format!(
                "CREATE TEMP TABLE {table} (folder INTEGER, blob INTEGER, size INTEGER,
                                            h64 INTEGER, hrest BLOB)"
            ))?;
            let sql = format!(
                "INSERT INTO temp.{table} SELECT 0, id, size, h64, hrest FROM blob
                 WHERE h64 = ?1 AND hrest = ?2"
            );
            let mut put = self.db.prepare(&sql)?;
            for id in ids {
                let (h64, hrest) = split(*id);
                put.execute(params![h64, hrest])?;
            }
            Ok(())
        };
        pick().map_err(|e| self.failed(e))?;
        Ok(PickedRows { table })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::mail::source::Uid;
    use crate::vault::catalog::test_lines::received;

    fn identity(name: &str) -> Identity {
        Identity {
            account: "work".to_owned(),
            server: "ann@example.org:995".to_owned(),
            uid: Uid::Uidl(name.as_bytes().into()),
            dir: None,
        }
    }

    fn seen(name: &str, content: u8) -> LedgerEvent {
        received(identity(name), Hash128([content; 16]))
    }

    fn vanished(name: &str) -> LedgerEvent {
        LedgerEvent::Vanished {
            identity: identity(name),
            flags: String::new(),
            kw: String::new(),
        }
    }

    fn lines(catalog: &Catalog, content: u8) -> Vec<u64> {
        let picked = catalog.pick_by_id(&[Hash128([content; 16])]).unwrap();
        let rows = catalog.mentions(&picked, None).unwrap();
        let lines = catalog.mentioned(&rows, 0).unwrap();
        lines.iter().map(|line| line.seq).collect()
    }

    #[test]
    fn a_name_that_another_message_has_since_is_told_of_each_in_its_time() {
        let mut catalog = Catalog::temporary().unwrap();
        let events = [
            seen("u1", 1),
            vanished("u1"),
            seen("u1", 2),
            seen("u2", 1),
            vanished("u1"),
            LedgerEvent::Lost {
                hash: Hash128([1; 16]),
            },
            LedgerEvent::Superseded {
                hash: Hash128([1; 16]),
                by: Hash128([2; 16]),
            },
        ];
        for (seq, event) in (1..).zip(&events) {
            catalog.apply_event(event, 1_700_000_000_000, seq).unwrap();
        }
        assert_eq!(lines(&catalog, 1), [7, 6, 4, 2, 1]);
        assert_eq!(lines(&catalog, 2), [7, 5, 3]);
        assert!(lines(&catalog, 3).is_empty());
    }

    #[test]
    fn the_newest_lines_of_many_are_found_and_the_nearest_place_before_each() {
        let mut catalog = Catalog::temporary().unwrap();
        catalog.begin().unwrap();
        for n in 1..=20_000_u64 {
            let event = seen(&format!("u{n}"), u8::try_from(n % 100).unwrap());
            catalog.apply_event(&event, 1_700_000_000_000, n).unwrap();
            let place = Position {
                file: "ledger/2026-10.jsonl".to_owned(),
                offset: n * 300,
                c: Checksum::START,
                seq: n,
            };
            catalog.put_waypoint(&place).unwrap();
        }
        let newest = lines(&catalog, 7);
        assert_eq!(newest.len(), 200);
        assert_eq!((newest[0], newest[199]), (19_907, 7));
        for seq in newest {
            let place = catalog.waypoint_before(seq).unwrap();
            let place = place.map_or(0, |place| place.seq);
            assert!(place < seq && seq - place <= STRIDE, "{place} before {seq}");
        }
    }
}
