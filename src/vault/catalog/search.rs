//! A query as SQL.

use std::fmt::Write;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;

use super::lookup::blob;
use super::{Catalog, joined, mid_key, signed, unsigned};
use crate::error::{Error, Result};
use crate::message::Hash128;
use crate::query::{Query, Term, What};
use crate::vault::Entry;
use crate::vault::layout::folder_label;

/// A message that a query found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its id.
    pub id: Hash128,
    /// The account that has it; the first by name if several do.
    pub account: String,
    /// The folder, as people write it.
    pub folder: String,
    /// When it was received, in Unix seconds; 0 if nobody knows.
    pub date: i64,
    /// Its sender, decoded.
    pub from: String,
    /// Its subject, decoded.
    pub subject: String,
    /// Its size in octets.
    pub size: u64,
    /// True if a server may still have it, as far as is known.
    pub on_server: bool,
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
    fn sql(self) -> String {
        let (key, falls) = match self.by {
            SortBy::Date => ("received", true),
            SortBy::Size => ("size", true),
            SortBy::From => ("lower(coalesce(sender, ''))", false),
            SortBy::Subject => ("lower(coalesce(subject, ''))", false),
        };
        let way = |falls: bool| if falls { "DESC" } else { "ASC" };
        let (first, rest) = (way(falls != self.reverse), way(!self.reverse));
        format!("{key} {first}, received {rest}, blob.id {rest}")
    }
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

impl Catalog {
    /// The messages that fit a query, each content once.
    pub fn search(&self, query: &Query, order: Order, limit: Option<u64>) -> Result<Vec<Hit>> {
        let mut sql = String::from(
            "SELECT blob.id, h64, hrest, received, size, wire, stored,
                    coalesce(sender, ''), coalesce(subject, ''), min(account || char(10) || dir)
             FROM blob
             JOIN place ON place.blob = blob.id
             JOIN (SELECT id AS f, account, dir FROM folder) ON f = place.folder
             LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE NOT lost",
        );
        let mut values = Vec::new();
        self.add_terms(query, &mut sql, &mut values)?;
        sql.push_str(" GROUP BY blob.id ORDER BY ");
        sql.push_str(&order.sql());
        if let Some(limit) = limit {
            // Writing to a String cannot fail.
            let _ = write!(sql, " LIMIT {limit}");
        }
        let on_server = self.on_server()?;
        self.db
            .prepare(&sql)
            .and_then(|mut statement| {
                statement
                    .query_map(rusqlite::params_from_iter(values), |row| {
                        let content = blob(row)?;
                        let place: String = row.get(9)?;
                        let (account, dir) = place.split_once('\n').unwrap_or((&place, ""));
                        Ok(Hit {
                            id: content.name.hash,
                            account: account.to_owned(),
                            folder: folder_label(dir),
                            date: i64::from(content.name.received),
                            from: row.get(7)?,
                            subject: row.get(8)?,
                            size: content.name.size,
                            on_server: on_server.contains(&content.id),
                        })
                    })?
                    .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// Adds the conditions of a query, and their values.
    pub(super) fn add_terms(
        &self,
        query: &Query,
        sql: &mut String,
        values: &mut Vec<Value>,
    ) -> Result<()> {
        self.teach_contains().map_err(|e| self.failed(e))?;
        query
            .terms
            .iter()
            .try_for_each(|term| add(term, sql, values))
    }

    /// Calls `each` with every message that fits a query, in each of its folders: by
    /// folder and date; with `once`, each content only once and all by date.
    pub fn select(&self, query: &Query, once: bool, mut each: impl FnMut(Picked)) -> Result<()> {
        let folder = if once { "min(f)" } else { "f" };
        let mut sql = format!(
            "SELECT {folder}, blob.id, size, h64, hrest FROM blob
             JOIN place ON place.blob = blob.id
             JOIN (SELECT id AS f, account, dir FROM folder) ON f = place.folder
             LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE NOT lost"
        );
        let mut values = Vec::new();
        self.add_terms(query, &mut sql, &mut values)?;
        sql.push_str(if once {
            " GROUP BY blob.id ORDER BY received, h64, hrest"
        } else {
            " ORDER BY account, dir, received, h64, hrest"
        });
        self.db
            .prepare(&sql)
            .and_then(|mut statement| {
                let mut rows = statement.query(rusqlite::params_from_iter(values))?;
                while let Some(row) = rows.next()? {
                    each(Picked {
                        folder: row.get(0)?,
                        blob: row.get(1)?,
                        size: unsigned(row.get(2)?),
                        hash: joined(row.get(3)?, row.get(4)?),
                    });
                }
                Ok(())
            })
            .map_err(|e| self.failed(e))
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
                        coalesce(sender, ''), coalesce(subject, ''), account, dir, flags
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
                        date: i64::from(name.received),
                        from: row.get(7)?,
                        subject: row.get(8)?,
                        path: None,
                    })
                })
            })
            .map_err(|e| self.failed(e))
    }

    /// `contains(text, part)`: whether `part`, in lower case, occurs in any case;
    /// `label(dir)`: a folder as people write it.
    fn teach_contains(&self) -> rusqlite::Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        self.db
            .create_scalar_function("contains", 2, flags, |args| {
                let text = args.get_raw(0).as_str().unwrap_or_default().to_lowercase();
                Ok(text.contains(args.get_raw(1).as_str().unwrap_or_default()))
            })?;
        self.db.create_scalar_function("label", 1, flags, |args| {
            Ok(folder_label(args.get_raw(0).as_str().unwrap_or_default()))
        })
    }
}

/// Adds the condition of one term, and its values.
fn add(term: &Term, sql: &mut String, values: &mut Vec<Value>) -> Result<()> {
    let mut text = |part: &str| {
        values.push(Value::Text(part.to_lowercase()));
        format!("?{}", values.len())
    };
    let condition = match &term.what {
        What::Text(part) => {
            let n = text(part);
            format!("(contains(coalesce(sender, ''), {n}) OR contains(coalesce(subject, ''), {n}))")
        }
        What::From(part) => format!("contains(coalesce(sender, ''), {})", text(part)),
        What::Subject(part) => format!("contains(coalesce(subject, ''), {})", text(part)),
        What::Account(name) => format!("account = {}", text(name)),
        What::Id(prefix) => {
            let (low, high) = (pad(prefix, '0'), pad(prefix, 'f'));
            let hex = "lower(printf('%016x', h64) || hex(hrest))";
            format!("{hex} BETWEEN {} AND {}", text(&low), text(&high))
        }
        What::MessageId(id) => format!(
            "blob.id IN (SELECT blob FROM likeness WHERE mid IN ({}, {}))",
            mid_key(id.as_bytes()),
            mid_key(format!("<{id}>").as_bytes())
        ),
        What::ReceivedFrom(time) => format!("received >= {time}"),
        What::ReceivedBefore(time) => format!("(received > 0 AND received < {time})"),
        What::LargerThan(size) => format!("size > {}", signed(*size)),
        What::SmallerThan(size) => format!("size < {}", signed(*size)),
        What::OnServer => "blob.id IN (SELECT blob FROM sighting WHERE state IN (0, 5))".to_owned(),
        What::Folder(name) => format!("contains(label(dir), {})", text(name)),
        What::To(_) | What::HasAttachment => {
            return Err(Error::Query {
                word: term.to_string(),
                reason:
                    "this version searches by from:, subject:, account:, folder:, id:, msgid:, \
                         after:, before:, older:, newer:, larger:, smaller:, on:server"
                        .to_owned(),
            });
        }
    };
    sql.push_str(if term.negated { " AND NOT " } else { " AND " });
    sql.push_str(&condition);
    Ok(())
}

fn pad(prefix: &str, fill: char) -> String {
    prefix
        .chars()
        .chain(std::iter::repeat(fill))
        .take(32)
        .collect()
}
