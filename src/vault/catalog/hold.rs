//! Holds: what must not be forgotten, as the ledger says.

use rusqlite::{OptionalExtension, params};

use super::conditions::{DateRule, PLACES};
use super::lookup::hash;
use super::{Catalog, IdSet, signed, split, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::vault::ledger::LedgerEvent;

/// A hold that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// What people call it.
    pub name: String,
    /// What it covers besides, whenever something is to be forgotten: all that matches then.
    pub query: String,
    /// Why.
    pub reason: String,
    /// When it began, in Unix seconds.
    pub since: i64,
    /// How many contents matched when it began.
    pub messages: u64,
}

impl Catalog {
    /// Takes in an event about a hold.
    pub(super) fn apply_hold(&mut self, event: &LedgerEvent, time: i64) -> rusqlite::Result<()> {
        match event {
            LedgerEvent::Held { name, hash } => {
                self.db
                    .prepare_cached(
                        "INSERT OR IGNORE INTO hold (name, time, messages) VALUES (?1, ?2, 0)",
                    )?
                    .execute(params![name, time])?;
                let (h64, hrest) = split(*hash);
                self.db
                    .prepare_cached(
                        "INSERT OR IGNORE INTO held SELECT ?2, ?3, id FROM hold WHERE name = ?1",
                    )?
                    .execute(params![name, h64, hrest])
                    .map(drop)
            }
            LedgerEvent::Hold {
                name,
                query,
                reason,
                messages,
            } => {
                let mut put = self.db.prepare_cached(
                    "INSERT INTO hold (name, query, reason, time, messages)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (name) DO UPDATE SET query = ?2, reason = ?3, time = ?4,
                                                      messages = ?5",
                )?;
                put.execute(params![name, query, reason, time, signed(*messages)])
                    .map(drop)
            }
            LedgerEvent::Released { name, .. } => {
                self.db
                    .prepare_cached(
                        "DELETE FROM held WHERE hold = (SELECT id FROM hold WHERE name = ?1)",
                    )?
                    .execute([name])?;
                self.db
                    .prepare_cached("DELETE FROM hold WHERE name = ?1")?
                    .execute([name])
                    .map(drop)
            }
            _ => Ok(()),
        }
    }

    /// The open holds, by name.
    pub fn holds(&self) -> Result<Vec<Hold>> {
        self.db
            .prepare_cached(
                // Where lines of the ledger are lost, one of them may have begun the hold.
                "SELECT name, coalesce(query, ''), coalesce(reason, ''), time, messages FROM hold
                 WHERE query NOT NULL OR EXISTS (SELECT 1 FROM meta WHERE key = 'gap')
                 ORDER BY name",
            )
            .and_then(|mut s| {
                s.query_map([], |row| {
                    Ok(Hold {
                        name: row.get(0)?,
                        query: row.get(1)?,
                        reason: row.get(2)?,
                        since: row.get(3)?,
                        messages: unsigned(row.get(4)?),
                    })
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    pub(super) fn has_hold(&self, name: &str) -> rusqlite::Result<bool> {
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM hold WHERE name = ?1 AND query NOT NULL)",
            )?
            .query_row([name], |r| r.get(0))
    }

    /// True if there is an open hold of this name, false if there are only contents of one that
    /// never began.
    pub(in crate::vault) fn hold_is_open(&self, name: &str) -> Result<Option<bool>> {
        self.db
            .prepare_cached("SELECT query NOT NULL FROM hold WHERE name = ?1")
            .and_then(|mut s| s.query_row([name], |r| r.get(0)).optional())
            .map_err(|e| self.failed(e))
    }

    /// Keys of the contents that matched when a hold began.
    pub(in crate::vault) fn held_by(&self, name: &str) -> Result<IdSet> {
        self.db
            .prepare_cached(
                "SELECT blob.id FROM held
                 JOIN blob ON blob.h64 = held.h64 AND blob.hrest = held.hrest
                 WHERE held.hold = (SELECT id FROM hold WHERE name = ?1)",
            )
            .and_then(|mut s| s.query_map([name], |r| r.get(0))?.collect())
            .map_err(|e| self.failed(e))
    }

    /// True if a content matched when a hold began.
    pub(in crate::vault) fn is_held_by(&self, content: Hash128, name: &str) -> Result<bool> {
        let (h64, hrest) = split(content);
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM held WHERE h64 = ?1 AND hrest = ?2
                 AND hold = (SELECT id FROM hold WHERE name = ?3))",
            )
            .and_then(|mut s| s.query_row(params![h64, hrest, name], |r| r.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// True if one content matches a query, as [`Catalog::matching`] says it of all.
    pub(in crate::vault) fn is_match(&self, query: &Query, content: Hash128) -> Result<bool> {
        self.check_texts(query, true)?;
        let conditions = self.conditions_by(query, DateRule::Any)?;
        let Some(id) = self.blob_id(content).map_err(|e| self.failed(e))? else {
            return Ok(false);
        };
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM blob
             JOIN ({PLACES}) ON place.blob = blob.id
             LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE blob.id = {id} AND NOT lost {} {})",
            conditions.whole(),
            conditions.place_of_one()
        );
        let values = rusqlite::params_from_iter(&conditions.values);
        self.db
            .query_row(&sql, values, |r| r.get(0))
            .map_err(|e| self.failed(e))
    }

    /// The content of a key.
    pub(in crate::vault) fn hash_of_id(&self, id: i64) -> Result<Hash128> {
        self.db
            .prepare_cached("SELECT h64, hrest FROM blob WHERE id = ?1")
            .and_then(|mut s| s.query_row([id], hash))
            .map_err(|e| self.failed(e))
    }
}
