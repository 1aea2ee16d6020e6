//! What a query finds.

use std::fmt::Write;

use rusqlite::functions::FunctionFlags;
use rusqlite::params;
use rusqlite::types::Value;

use super::conditions::{Conditions, DateRule, PLACES, PLACES_OF_ONE};
use super::found::{DOUBTFUL, Hits, ON_SERVER};
use super::lookup::blob;
use super::{Catalog, IdSet, State, joined, signed, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::{Query, Term, Uncertainty, What};
use crate::mail::words;
use crate::vault::{Entry, is_plausible};

/// So many contents are looked up one by one, of more all are read.
const FEW: u64 = 4096;

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
    /// The order as SQL: numbers fall and texts rise, in lower case, then the newest is first;
    /// or all that the other way round. `by_index` lets `SQLite` walk the index of dates.
    pub(super) fn clause(self, by_index: bool) -> String {
        let (up, down) = if self.reverse {
            ("DESC", "ASC")
        } else {
            ("ASC", "DESC")
        };
        let received = if by_index {
            "received_at"
        } else {
            "+received_at"
        };
        let newest = format!("{received} {down}, blob.id {down}");
        match self.by {
            SortBy::Date => newest,
            SortBy::Size => format!("size {down}, {newest}"),
            SortBy::From => format!("lower(coalesce(sender, '')) {up}, {newest}"),
            SortBy::Subject => format!("lower(coalesce(subject, '')) {up}, {newest}"),
        }
    }
}

/// A message in a folder, by the catalog's keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picked {
    /// The folder.
    pub(crate) folder: i64,
    /// The content.
    pub(crate) blob: i64,
    /// Its size in octets.
    pub(crate) size: u64,
    /// Its id.
    pub(crate) hash: Hash128,
}

/// The messages of a selection, in a temporary table that goes with the catalog.
#[derive(Debug)]
pub(crate) struct PickedRows {
    pub(super) table: String,
}

/// What a selection leaves out, since the server no longer has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Omissions {
    /// Messages that the server has in none of the selected folders.
    pub messages: u64,
    /// Accounts whose last session does not show what is there. Nothing of them is left out.
    pub unknown: Vec<String>,
}

/// Ids for a statement.
fn listed(ids: impl IntoIterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    ids.join(",")
}

impl Catalog {
    /// The messages that fit a query, each content once. What the index of words does not
    /// know fits no text, and every text that is negated.
    pub(crate) fn search(
        &self,
        query: &Query,
        order: Order,
        limit: Option<u64>,
    ) -> Result<Hits<'_>> {
        let conditions = self.conditions(query)?;
        let number = self.searches.replace(self.searches.get() + 1);
        let table = format!("found{number}");
        let found = self.find_into(&table, &conditions, order, limit);
        found.map_err(|e| self.failed(e))?;
        Hits::new(self, table)
    }

    /// Writes what fits to a temporary table, in order. Sets are read once and asked by a
    /// function: within the statement each would become a tree.
    fn find_into(
        &self,
        table: &str,
        conditions: &Conditions,
        order: Order,
        limit: Option<u64>,
    ) -> rusqlite::Result<()> {
        if let Some(limit) = limit
            && let Some(ids) = self.first_hits(conditions, order, limit)?
        {
            let from = format!(
                "FROM blob LEFT JOIN envelope ON envelope.blob = blob.id
                 WHERE blob.id IN ({})",
                listed(ids)
            );
            return self.put_found(table, &from, conditions, order);
        }
        let (mut from, sets) = self.wanted(conditions)?;
        if let Some(limit) = limit {
            // What is shown of a message is asked only of those that are. Where everything fits,
            // they are the first of the index; where little does, or all is wanted, a walk over
            // the index would jump about in the table.
            from = format!(
                "FROM blob LEFT JOIN envelope ON envelope.blob = blob.id WHERE blob.id IN
                 (SELECT blob.id {from} ORDER BY {} LIMIT {})",
                order.clause(conditions.is_all()),
                signed(limit)
            );
        }
        self.teach_sets(sets)?;
        let made = self.put_found(table, &from, conditions, order);
        self.db.remove_function("fits_sets", 1)?;
        made
    }

    /// How many messages fit a query, each content once.
    pub(crate) fn count_hits(&self, query: &Query) -> Result<u64> {
        let conditions = self.conditions(query)?;
        let counted = self.count_of(&conditions);
        counted.map(unsigned).map_err(|e| self.failed(e))
    }

    fn count_of(&self, conditions: &Conditions) -> rusqlite::Result<i64> {
        let (from, sets) = self.wanted(conditions)?;
        self.teach_sets(sets)?;
        let counted = {
            let mut statement = self.db.prepare(&format!("SELECT count(*) {from}"))?;
            let values = conditions.values.iter().take(statement.parameter_count());
            statement.query_row(rusqlite::params_from_iter(values), |row| row.get(0))
        };
        self.db.remove_function("fits_sets", 1)?;
        counted
    }

    /// Where the contents are that fit, and the sets that `fits_sets` must know.
    fn wanted(&self, conditions: &Conditions) -> rusqlite::Result<(String, Vec<(bool, IdSet)>)> {
        let mut sets = Vec::new();
        for set in &conditions.sets {
            sets.push((set.negated, self.ids(&set.all, &conditions.values)?));
        }
        if !conditions.place.is_empty() {
            let sql = format!(
                "SELECT place.blob FROM {PLACES} WHERE true {}",
                conditions.place
            );
            sets.push((false, self.ids(&sql, &conditions.values)?));
        }
        let mut from = format!(
            "FROM blob LEFT JOIN envelope ON envelope.blob = blob.id WHERE NOT lost {}",
            conditions.content
        );
        let few = sets
            .iter()
            .filter(|(negated, ids)| !negated && ids.len() <= FEW);
        if let Some((_, few)) = few.min_by_key(|(_, ids)| ids.len()) {
            let _ = write!(from, " AND blob.id IN ({})", listed(few.iter()));
        }
        if !sets.is_empty() {
            from.push_str(" AND fits_sets(blob.id)");
        }
        Ok((from, sets))
    }

    /// Writes what is shown of contents to a temporary table, in order.
    fn put_found(
        &self,
        table: &str,
        from: &str,
        conditions: &Conditions,
        order: Order,
    ) -> rusqlite::Result<()> {
        // How a message is known, and whether a server has it, in one look at its sightings.
        let sql = format!(
            "CREATE TEMP TABLE {table} AS
             SELECT blob.id AS id, h64, hrest, received, received_at, size, wire,
                    (SELECT {DOUBTFUL} * (4 IS min(iif(evidence = 3, NULL, evidence)))
                            + {ON_SERVER} * max(state IN ({}))
                     FROM sighting WHERE sighting.blob = blob.id) AS marks,
                    (SELECT f || ' ' || flags
                     FROM {PLACES_OF_ONE}
                     WHERE place.blob = blob.id {} ORDER BY account, dir LIMIT 1) AS lies,
                    coalesce(sender, '') AS sender, coalesce(subject, '') AS subject
             {from} ORDER BY {}",
            State::on_server_list(),
            conditions.place_of_one(),
            order.clause(false)
        );
        let mut statement = self.db.prepare(&sql)?;
        let values = conditions.values.iter().take(statement.parameter_count());
        statement
            .execute(rusqlite::params_from_iter(values))
            .map(drop)
    }

    /// `fits_sets(id)`: whether an id is in all of these sets, or in none that is negated.
    pub(super) fn teach_sets(&self, sets: Vec<(bool, IdSet)>) -> rusqlite::Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8;
        self.db
            .create_scalar_function("fits_sets", 1, flags, move |args| {
                let id: i64 = args.get(0)?;
                Ok(sets
                    .iter()
                    .all(|(negated, ids)| ids.contains(id) != *negated))
            })
    }

    /// The ids that a statement selects.
    fn ids(&self, sql: &str, values: &[Value]) -> rusqlite::Result<IdSet> {
        let mut statement = self.db.prepare(sql)?;
        let values = values.iter().take(statement.parameter_count());
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        let mut ids = IdSet::default();
        while let Some(row) = rows.next()? {
            ids.insert(row.get(0)?);
        }
        Ok(ids)
    }

    /// The conditions of a query.
    pub(super) fn conditions(&self, query: &Query) -> Result<Conditions> {
        self.conditions_by(query, DateRule::Shown)
    }

    pub(super) fn conditions_by(&self, query: &Query, dates: DateRule) -> Result<Conditions> {
        self.teach_contains().map_err(|e| self.failed(e))?;
        let mut conditions = Conditions {
            dates,
            ..Conditions::default()
        };
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
        // What is kept is all that may be meant.
        if dates != DateRule::Any && !query.terms.iter().any(names_it) {
            conditions.skip_superseded();
        }
        Ok(conditions)
    }

    /// Refuses a query that can have no answer: it names what is not there, or asks for no word.
    #[cfg(feature = "offsite")]
    pub(crate) fn check_query(&self, query: &Query) -> Result<()> {
        self.conditions(query).map(drop)
    }

    /// Writes every message that fits a query to a temporary table, in each of its folders: by
    /// folder and date; with `once`, each content only once and all by date. With
    /// `on_server`, what the server no longer has is left out.
    pub(crate) fn select(
        &self,
        query: &Query,
        once: bool,
        on_server: bool,
    ) -> Result<(PickedRows, Omissions)> {
        self.check_texts(query, false)?;
        let mut omitted = Omissions::default();
        if on_server {
            let unknown = self.mark_gone()?.into_iter();
            let shown = unknown.map(|account| self.names.shown(&account).to_owned());
            omitted.unknown = shown.collect();
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
            (
                "min(f)",
                "GROUP BY blob.id ORDER BY received_at, h64, hrest",
            )
        } else {
            ("f", "ORDER BY account, dir, received_at, h64, hrest")
        };
        let gone = "EXISTS (SELECT 1 FROM temp.gone WHERE gone.folder = f AND gone.blob = blob.id)";
        let is_there = if on_server {
            format!("AND NOT {gone}")
        } else {
            String::new()
        };
        let number = self.searches.replace(self.searches.get() + 1);
        let table = format!("picked{number}");
        let sql = format!(
            "CREATE TEMP TABLE {table} AS
             SELECT {folder} AS folder, blob.id AS blob, size, h64, hrest {from} {is_there} {order}"
        );
        let values = || rusqlite::params_from_iter(&values);
        let mut run = || {
            self.db.prepare(&sql)?.execute(values())?;
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
        Ok((PickedRows { table }, omitted))
    }

    /// Some of the messages that were selected, from a row on.
    pub(crate) fn picked(&self, rows: &PickedRows, first: u64, end: u64) -> Result<Vec<Picked>> {
        let sql = format!(
            "SELECT folder, blob, size, h64, hrest FROM temp.{}
             WHERE rowid > ?1 AND rowid <= ?2 ORDER BY rowid LIMIT 512",
            rows.table
        );
        self.db
            .prepare_cached(&sql)
            .and_then(|mut s| {
                s.query_map([signed(first), signed(end)], |row| {
                    Ok(Picked {
                        folder: row.get(0)?,
                        blob: row.get(1)?,
                        size: unsigned(row.get(2)?),
                        hash: joined(row.get(3)?, row.get(4)?),
                    })
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// Account and directory of a folder.
    pub(crate) fn folder_of(&self, folder: i64) -> Result<(String, String)> {
        self.folder_key(folder).map_err(|e| self.failed(e))
    }

    pub(super) fn folder_key(&self, folder: i64) -> rusqlite::Result<(String, String)> {
        self.db
            .prepare_cached("SELECT account, dir FROM folder WHERE id = ?1")?
            .query_row([folder], |r| Ok((r.get(0)?, r.get(1)?)))
    }

    /// What is recorded of a message in a folder; its file is not looked for. With `once` the
    /// folder is but one of those that it lies in, and its date that of the message.
    pub(in crate::vault) fn entry(&self, folder: i64, id: i64, once: bool) -> Result<Entry> {
        self.db
            .prepare_cached(
                "SELECT blob.id, h64, hrest, received, size, wire, stored,
                        coalesce(sender, ''), coalesce(subject, ''), account, dir, flags, seen,
                        iif(?3, first_idate, NULL), place.idate, received_at
                 FROM place JOIN blob ON blob.id = place.blob
                 JOIN (SELECT id AS f, account, dir FROM folder) ON f = place.folder
                 LEFT JOIN envelope ON envelope.blob = blob.id
                 WHERE place.folder = ?1 AND place.blob = ?2",
            )
            .and_then(|mut s| {
                s.query_row(params![folder, id, once], |row| {
                    let name = blob(row)?.name;
                    let archived = row.get(12)?;
                    let idates: [Option<i64>; 2] = [row.get(13)?, row.get(14)?];
                    let mut idates = idates.into_iter().flatten();
                    Ok(Entry {
                        date: idates
                            .find(|idate| is_plausible(*idate, archived))
                            .unwrap_or_else(|| name.received.into()),
                        name,
                        account: row.get(9)?,
                        dir: row.get(10)?,
                        flags: row.get(11)?,
                        shown_date: row.get(15)?,
                        archived,
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
