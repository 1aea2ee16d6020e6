//! What a query finds.

use std::cmp::Ordering;
use std::fmt::Write;

use rusqlite::OptionalExtension;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};

use super::conditions::{Conditions, PLACES};
use super::lookup::blob;
use super::{Catalog, joined, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::{Query, Term, Uncertainty, What};
use crate::mail::words;
use crate::vault::Entry;
use crate::vault::layout::folder_label;

/// So many contents are looked up one by one, of more all are read.
const FEW: usize = 4096;

/// A message that a query found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its key in this catalog.
    pub key: i64,
    /// Its id.
    pub id: Hash128,
    /// The account that has it; the first by name if several do.
    pub account: String,
    /// The folder, as people write it.
    pub folder: String,
    /// Its flag letters there, as last recorded.
    pub flags: String,
    /// When it was received, in Unix seconds; 0 if nobody knows.
    pub date: i64,
    /// Its sender, decoded.
    pub from: String,
    /// Its subject, decoded.
    pub subject: String,
    /// Its size in octets.
    pub size: u64,
    /// True if it came and did not agree with what was listed, and nothing else says that it
    /// is whole.
    pub doubtful: bool,
}

/// What messages are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// When it was received, the newest first.
    #[default]
    Date,
    /// The largest first.
    Size,
    /// The sender, in any case.
    From,
    /// The subject, in any case.
    Subject,
}

/// The order of what a query finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// By what.
    pub by: SortBy,
    /// The other way round.
    pub reverse: bool,
}

impl Order {
    /// What is sorted by, as SQL; texts are compared in lower case.
    fn key(self) -> &'static str {
        match self.by {
            SortBy::Date => "received",
            SortBy::Size => "size",
            SortBy::From => "coalesce(sender, '')",
            SortBy::Subject => "coalesce(subject, '')",
        }
    }

    /// Numbers fall and texts rise, then the newest is first; or all that the other way round.
    fn compare(self, a: &(ResultKey, i64, i64), b: &(ResultKey, i64, i64)) -> Ordering {
        let by_key = match &a.0 {
            ResultKey::Number(_) => b.0.cmp(&a.0),
            ResultKey::Text(_) => a.0.cmp(&b.0),
        };
        let all = by_key.then_with(|| (b.1, b.2).cmp(&(a.1, a.2)));
        if self.reverse { all.reverse() } else { all }
    }
}

/// What a message is sorted by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ResultKey {
    Number(i64),
    Text(Vec<u8>),
}

/// A message in a folder, by the catalog's keys.
#[derive(Debug, Clone, Copy)]
pub struct Picked {
    /// The folder.
    pub folder: i64,
    /// The content.
    pub blob: i64,
    /// Its size in octets.
    pub size: u64,
    /// Its id.
    pub hash: Hash128,
}

/// What a selection leaves out, since the server no longer has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Omissions {
    /// Messages that the server has in none of the selected folders.
    pub messages: u64,
    /// Accounts whose last session does not show what is there. Nothing of them is left out.
    pub unknown: Vec<String>,
}

impl Catalog {
    /// The messages that fit a query, each content once. What the index of words does not
    /// know fits no text, and every text that is negated.
    pub fn search(&self, query: &Query, order: Order, limit: Option<u64>) -> Result<Vec<Hit>> {
        let conditions = self.conditions(query)?;
        let ids = self.fitting(&conditions, order, limit);
        let ids = ids.map_err(|e| self.failed(e))?;
        let hits: rusqlite::Result<Vec<Hit>> = ids.iter().map(|id| self.hit(*id)).collect();
        let mut hits = hits.map_err(|e| self.failed(e))?;
        let Conditions {
            place, mut values, ..
        } = conditions;
        values.push(Value::Null);
        let key = values.len();
        // The order of the join is given, as no index leads from a content to its places.
        let sql = format!(
            "SELECT account, dir, flags
             FROM (SELECT id AS f, account, dir FROM folder) AS place_of
             CROSS JOIN place ON place.folder = f
             WHERE place.blob = ?{key} {place} ORDER BY account, dir LIMIT 1"
        );
        let placed = self.db.prepare(&sql).and_then(|mut statement| {
            for hit in &mut hits {
                values[key - 1] = Value::Integer(hit.key);
                statement
                    .query_row(rusqlite::params_from_iter(&values), |row| {
                        hit.account = row.get(0)?;
                        hit.folder = folder_label(&row.get::<_, String>(1)?);
                        hit.flags = row.get(2)?;
                        Ok(())
                    })
                    .optional()?;
            }
            Ok(())
        });
        placed.map_err(|e| self.failed(e))?;
        Ok(hits)
    }

    /// The ids of what fits, in order. Sets are read once and asked here, and so is the order:
    /// within the statement each would become a tree.
    fn fitting(
        &self,
        conditions: &Conditions,
        order: Order,
        limit: Option<u64>,
    ) -> rusqlite::Result<Vec<i64>> {
        let mut sets = Vec::new();
        for (negated, sql) in &conditions.sets {
            sets.push((*negated, self.ids(sql, &conditions.values)?));
        }
        if !conditions.place.is_empty() {
            let sql = format!(
                "SELECT place.blob FROM {PLACES} WHERE true {}",
                conditions.place
            );
            sets.push((false, self.ids(&sql, &conditions.values)?));
        }
        let mut sql = format!(
            "SELECT blob.id, received, {} FROM blob LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE NOT lost {}",
            order.key(),
            conditions.content
        );
        let few = sets
            .iter()
            .filter(|(negated, ids)| !negated && ids.len() <= FEW);
        if let Some((_, few)) = few.min_by_key(|(_, ids)| ids.len()) {
            let few: Vec<String> = few.iter().map(ToString::to_string).collect();
            let _ = write!(sql, " AND blob.id IN ({})", few.join(","));
        }
        let mut statement = self.db.prepare(&sql)?;
        let values = conditions.values.iter().take(statement.parameter_count());
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let is_in = |ids: &Vec<i64>| ids.binary_search(&id).is_ok();
            if sets.iter().all(|(negated, ids)| is_in(ids) != *negated) {
                let key = match row.get_ref(2)? {
                    ValueRef::Text(text) => ResultKey::Text(text.to_ascii_lowercase()),
                    other => ResultKey::Number(other.as_i64().unwrap_or(0)),
                };
                found.push((key, row.get::<_, i64>(1)?, id));
            }
        }
        if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok())
            && limit < found.len()
        {
            found.select_nth_unstable_by(limit, |a, b| order.compare(a, b));
            found.truncate(limit);
        }
        found.sort_unstable_by(|a, b| order.compare(a, b));
        Ok(found.into_iter().map(|(_, _, id)| id).collect())
    }

    /// The ids that a statement selects, ascending.
    fn ids(&self, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<i64>> {
        let mut statement = self.db.prepare(sql)?;
        let values = values.iter().take(statement.parameter_count());
        let ids = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(0))?;
        let mut ids: Vec<i64> = ids.collect::<Result<_, _>>()?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    fn hit(&self, id: i64) -> rusqlite::Result<Hit> {
        let mut statement = self.db.prepare_cached(
            "SELECT id, h64, hrest, received, size, wire, stored,
                    coalesce(sender, ''), coalesce(subject, ''),
                    4 = (SELECT min(iif(evidence = 3, NULL, evidence)) FROM sighting
                         WHERE sighting.blob = blob.id)
             FROM blob LEFT JOIN envelope ON envelope.blob = id WHERE id = ?1",
        )?;
        statement.query_row([id], |row| {
            let content = blob(row)?;
            Ok(Hit {
                key: content.id,
                id: content.name.hash,
                account: String::new(),
                folder: String::new(),
                flags: String::new(),
                date: i64::from(content.name.received),
                from: row.get(7)?,
                subject: row.get(8)?,
                size: content.name.size,
                doubtful: row.get::<_, Option<bool>>(9)?.unwrap_or(false),
            })
        })
    }

    /// The conditions of a query.
    pub(super) fn conditions(&self, query: &Query) -> Result<Conditions> {
        self.teach_contains().map_err(|e| self.failed(e))?;
        let mut conditions = Conditions::default();
        let texts = query.needs_texts() && self.has_texts()?;
        let folders = self.known_folders()?;
        for term in &query.terms {
            conditions.add(term, texts, &folders)?;
        }
        let names_it = |term: &Term| {
            matches!(
                term.what,
                What::Uncertain(Uncertainty::Superseded) | What::Id(_)
            )
        };
        if !query.terms.iter().any(names_it) {
            conditions.content.push_str(" AND NOT superseded");
        }
        Ok(conditions)
    }

    /// Calls `each` with every message that fits a query, in each of its folders: by
    /// folder and date; with `once`, each content only once and all by date. With
    /// `on_server`, what the server no longer has is left out.
    pub fn select(
        &self,
        query: &Query,
        once: bool,
        on_server: bool,
        mut each: impl FnMut(Picked),
    ) -> Result<Omissions> {
        self.check_texts(query, false)?;
        let mut omitted = Omissions::default();
        if on_server {
            omitted.unknown = self.mark_gone()?;
        }
        let conditions = self.conditions(query)?;
        let content = conditions.whole();
        let Conditions { place, values, .. } = conditions;
        let from = format!(
            "FROM blob
             JOIN ({PLACES}) ON place.blob = blob.id
             LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE NOT lost {content} {place}"
        );
        let (folder, order) = if once {
            ("min(f)", "GROUP BY blob.id ORDER BY received, h64, hrest")
        } else {
            ("f", "ORDER BY account, dir, received, h64, hrest")
        };
        let gone = "EXISTS (SELECT 1 FROM temp.gone WHERE gone.folder = f AND gone.blob = blob.id)";
        let is_there = if on_server {
            format!("AND NOT {gone}")
        } else {
            String::new()
        };
        let sql = format!("SELECT {folder}, blob.id, size, h64, hrest {from} {is_there} {order}");
        let values = || rusqlite::params_from_iter(&values);
        let mut run = || {
            let mut statement = self.db.prepare(&sql)?;
            let mut rows = statement.query(values())?;
            while let Some(row) = rows.next()? {
                each(Picked {
                    folder: row.get(0)?,
                    blob: row.get(1)?,
                    size: unsigned(row.get(2)?),
                    hash: joined(row.get(3)?, row.get(4)?),
                });
            }
            if on_server {
                let sql = format!(
                    "SELECT count(*) FROM
                     (SELECT blob.id {from} GROUP BY blob.id HAVING min({gone}))"
                );
                omitted.messages = self
                    .db
                    .query_row(&sql, values(), |r| r.get(0).map(unsigned))?;
            }
            Ok(())
        };
        run().map_err(|e| self.failed(e))?;
        Ok(omitted)
    }

    /// Account and directory of a folder.
    pub fn folder_of(&self, folder: i64) -> Result<(String, String)> {
        self.db
            .prepare_cached("SELECT account, dir FROM folder WHERE id = ?1")
            .and_then(|mut s| s.query_row([folder], |r| Ok((r.get(0)?, r.get(1)?))))
            .map_err(|e| self.failed(e))
    }

    /// What is recorded of a message in a folder; its file is not looked for.
    pub fn entry(&self, folder: i64, id: i64) -> Result<Entry> {
        self.db
            .prepare_cached(
                "SELECT blob.id, h64, hrest, received, size, wire, stored,
                        coalesce(sender, ''), coalesce(subject, ''), account, dir, flags, seen,
                        place.idate
                 FROM place JOIN blob ON blob.id = place.blob
                 JOIN (SELECT id AS f, account, dir FROM folder) ON f = place.folder
                 LEFT JOIN envelope ON envelope.blob = blob.id
                 WHERE place.folder = ?1 AND place.blob = ?2",
            )
            .and_then(|mut s| {
                s.query_row([folder, id], |row| {
                    let name = blob(row)?.name;
                    Ok(Entry {
                        name,
                        account: row.get(9)?,
                        dir: row.get(10)?,
                        flags: row.get(11)?,
                        date: row
                            .get::<_, Option<i64>>(13)?
                            .unwrap_or_else(|| name.received.into()),
                        archived: row.get(12)?,
                        from: row.get(7)?,
                        subject: row.get(8)?,
                        path: None,
                    })
                })
            })
            .map_err(|e| self.failed(e))
    }

    /// `contains(text, part)`: whether `part`, which is folded, occurs.
    fn teach_contains(&self) -> rusqlite::Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        self.db
            .create_scalar_function("contains", 2, flags, |args| {
                let text = args.get_raw(0).as_str().unwrap_or_default();
                let part = args.get_raw(1).as_str().unwrap_or_default();
                Ok(words::contains(text, part))
            })
    }
}
