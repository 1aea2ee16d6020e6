//! A query as SQL.

use std::fmt::Write;

use rusqlite::OptionalExtension;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;

use super::lookup::blob;
use super::texts::SHIFT;
use super::{Catalog, joined, mid_key, signed, unsigned};
use crate::error::{Error, Result};
use crate::message::Hash128;
use crate::query::{Query, Term, What};
use crate::vault::Entry;
use crate::vault::layout::folder_label;
use crate::words::{self, Sought, fold};

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
    /// The messages that fit a query, each content once. What the index of words does not
    /// know fits no text, and every text that is negated.
    pub fn search(&self, query: &Query, order: Order, limit: Option<u64>) -> Result<Vec<Hit>> {
        let Conditions {
            content,
            place,
            mut values,
        } = self.conditions(query)?;
        let mut sql = format!(
            "SELECT blob.id, h64, hrest, received, size, wire, stored,
                    coalesce(sender, ''), coalesce(subject, '')
             FROM blob LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE NOT lost {content}"
        );
        // Writing to a String cannot fail.
        if !place.is_empty() {
            let _ = write!(
                sql,
                " AND blob.id IN (SELECT blob FROM place WHERE folder IN
                  (SELECT id FROM folder WHERE true {place}))"
            );
        }
        let _ = write!(sql, " ORDER BY {}", order.sql());
        if let Some(limit) = limit {
            let _ = write!(sql, " LIMIT {limit}");
        }
        let hits: rusqlite::Result<Vec<Hit>> = self.db.prepare(&sql).and_then(|mut statement| {
            let of_all = values.iter().take(statement.parameter_count());
            statement
                .query_map(rusqlite::params_from_iter(of_all), |row| {
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
                    })
                })?
                .collect()
        });
        let mut hits = hits.map_err(|e| self.failed(e))?;
        values.push(Value::Null);
        let key = values.len();
        // The order of the join is given, as no index leads from a content to its places.
        let sql = format!(
            "SELECT account, dir, flags FROM folder CROSS JOIN place ON place.folder = folder.id
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

    /// The conditions of a query.
    pub(super) fn conditions(&self, query: &Query) -> Result<Conditions> {
        self.teach_contains().map_err(|e| self.failed(e))?;
        let mut conditions = Conditions::default();
        let texts = query.needs_texts() && self.has_texts()?;
        for term in &query.terms {
            conditions.add(term, texts)?;
        }
        Ok(conditions)
    }

    /// Calls `each` with every message that fits a query, in each of its folders: by
    /// folder and date; with `once`, each content only once and all by date.
    pub fn select(&self, query: &Query, once: bool, mut each: impl FnMut(Picked)) -> Result<()> {
        let folder = if once { "min(f)" } else { "f" };
        self.check_texts(query, false)?;
        let Conditions {
            content,
            place,
            values,
        } = self.conditions(query)?;
        let mut sql = format!(
            "SELECT {folder}, blob.id, size, h64, hrest FROM blob
             JOIN place ON place.blob = blob.id
             JOIN (SELECT id AS f, account, dir FROM folder) ON f = place.folder
             LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE NOT lost {content} {place}"
        );
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
                        coalesce(sender, ''), coalesce(subject, ''), account, dir, flags, seen
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
                        archived: row.get(12)?,
                        from: row.get(7)?,
                        subject: row.get(8)?,
                        path: None,
                    })
                })
            })
            .map_err(|e| self.failed(e))
    }

    /// `contains(text, part)`: whether `part`, which is folded, occurs; `label(dir)`: a
    /// folder as people write it.
    fn teach_contains(&self) -> rusqlite::Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        self.db
            .create_scalar_function("contains", 2, flags, |args| {
                let text = args.get_raw(0).as_str().unwrap_or_default();
                let part = args.get_raw(1).as_str().unwrap_or_default();
                Ok(words::contains(text, part))
            })?;
        self.db.create_scalar_function("label", 1, flags, |args| {
            Ok(folder_label(args.get_raw(0).as_str().unwrap_or_default()))
        })
    }
}

/// A query as SQL.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// What is asked of `blob` and `envelope`; each condition begins with `AND`.
    pub(super) content: String,
    /// What is asked of `account` and `dir`, which must be true of one folder.
    pub(super) place: String,
    /// The values of both.
    pub(super) values: Vec<Value>,
}

impl Conditions {
    /// Adds the condition of one term; `texts` if the index of words is attached.
    fn add(&mut self, term: &Term, texts: bool) -> Result<()> {
        let mut text = |part: String| {
            self.values.push(Value::Text(part));
            format!("?{}", self.values.len())
        };
        let condition = match &term.what {
            What::Text(part) => {
                let wanted = phrase(part).ok_or_else(|| Error::Query {
                    word: term.to_string(),
                    reason: "it has neither a letter nor a digit, and words are searched for"
                        .to_owned(),
                })?;
                if texts {
                    format!(
                        "blob.id IN (SELECT rowid >> {SHIFT} FROM texts.words WHERE words MATCH {})",
                        text(wanted)
                    )
                } else {
                    let n = text(fold(part));
                    format!(
                        "(contains(coalesce(sender, ''), {n}) OR contains(coalesce(subject, ''), {n}))"
                    )
                }
            }
            What::From(part) => format!("contains(coalesce(sender, ''), {})", text(fold(part))),
            What::Subject(part) => format!("contains(coalesce(subject, ''), {})", text(fold(part))),
            What::To(part) if texts => format!(
                "blob.id IN (SELECT id FROM texts.message WHERE contains(recipients, {}))",
                text(fold(part))
            ),
            What::HasAttachment if texts => {
                "blob.id IN (SELECT id FROM texts.message WHERE attachment)".to_owned()
            }
            What::To(_) | What::HasAttachment => "false".to_owned(),
            What::Account(name) => format!("account = {}", text(name.to_lowercase())),
            What::Id(prefix) => {
                let (low, high) = (pad(prefix, '0'), pad(prefix, 'f'));
                let hex = "lower(printf('%016x', h64) || hex(hrest))";
                format!("{hex} BETWEEN {} AND {}", text(low), text(high))
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
            What::OnServer => {
                "blob.id IN (SELECT blob FROM sighting WHERE state IN (0, 5))".to_owned()
            }
            What::Folder(name) => format!("contains(label(dir), {})", text(fold(name))),
        };
        let of_place = matches!(term.what, What::Account(_) | What::Folder(_));
        let conditions = if of_place {
            &mut self.place
        } else {
            &mut self.content
        };
        conditions.push_str(if term.negated { " AND NOT " } else { " AND " });
        conditions.push_str(&condition);
        Ok(())
    }
}

/// The words that follow each other in the index, the last of which may go on if the text
/// ends within it.
fn phrase(text: &str) -> Option<String> {
    let sought = Sought::new(text)?;
    let star = if sought.open { " *" } else { "" };
    Some(format!("\"{}\"{star}", sought.words))
}

fn pad(prefix: &str, fill: char) -> String {
    prefix
        .chars()
        .chain(std::iter::repeat(fill))
        .take(32)
        .collect()
}
