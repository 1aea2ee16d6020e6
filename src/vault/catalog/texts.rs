//! The index of words: a file of its own, attached to the catalog when a query needs it.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

use super::lookup::blob;
use super::{Blob, Catalog, CatalogAccess, PATIENCE, failed, files, is_garbage, split, unsigned};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::query::Query;
use crate::mail::readable::{SearchSummary, gist};
use crate::mail::words::each_word;

/// Marks files made by this version of the schema.
const USER_VERSION: i64 = 0x6d76_7402;
/// Words of a message that are one row, in bytes: what is held in memory.
const ROW: usize = 256 << 10;
/// So many bytes at the end of a row are in the next one, too, for phrases.
const OVERLAP: usize = 4 << 10;
/// Rowids are ids times two to this, plus the number of the row.
pub(super) const SHIFT: u32 = 11;

/// How far the index has come, compared with the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Messages that have not been looked at.
    pub behind: u64,
    /// Messages that could not be read.
    pub unread: u64,
}

/// What the index knows of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// Whom it is addressed to.
    pub to: String,
}

impl Catalog {
    /// Attaches the index of words, if there is one that fits this catalog.
    pub(crate) fn attach_texts(&self, path: &Path) -> Result<bool> {
        if self.has_texts()? {
            self.run("DETACH texts")?;
        }
        if !files::exists(path)? {
            return Ok(false);
        }
        let attached = self
            .db
            .busy_timeout(PATIENCE)
            .and_then(|()| {
                let name = match self.access {
                    CatalogAccess::Frozen if files::is_frozen(path) => files::frozen_uri(path),
                    _ => path.to_string_lossy().into_owned(),
                };
                self.db.execute("ATTACH ?1 AS texts", [name])
            })
            .and_then(|_| self.fits("texts"));
        match attached {
            Ok(true) => Ok(true),
            Ok(false) => {
                self.run("DETACH texts")?;
                Ok(false)
            }
            Err(e) => {
                if self.has_texts()? {
                    self.run("DETACH texts")?;
                }
                Err(failed(path, e))
            }
        }
    }

    /// Copies the index to where it can be brought up to date, if nothing can be written next to
    /// it; gives its place.
    pub(crate) fn copy_texts(&self, path: &Path) -> Result<Option<PathBuf>> {
        if path.parent().is_none_or(fsx::is_writable) {
            return Ok(None);
        }
        let dir = if let Some(dir) = self.copies.get() {
            dir
        } else {
            let dir = fsx::create_temporary_dir()?;
            self.copies.get_or_init(|| dir)
        };
        let copy = dir.path().join(path.file_name().unwrap_or_default());
        if !fsx::is_file(&copy)? {
            files::copy(path, &copy)?;
        }
        Ok(Some(copy))
    }

    pub(super) fn has_texts(&self) -> Result<bool> {
        self.db
            .query_row(
                "SELECT 1 FROM pragma_database_list WHERE name = 'texts'",
                [],
                |_| Ok(()),
            )
            .optional()
            .map(|found| found.is_some())
            .map_err(|e| self.failed(e))
    }

    /// True if the index is of our make and uses the ids of this catalog.
    fn fits(&self, schema: &str) -> rusqlite::Result<bool> {
        let version: i64 = self
            .db
            .pragma_query_value(Some(schema), "user_version", |r| r.get(0))?;
        if version != USER_VERSION {
            return Ok(false);
        }
        // The catalog may have been rebuilt, or be an older one.
        let known: bool = self.db.query_row(
            "SELECT (SELECT value FROM texts.meta WHERE key = 'made') IS
                    (SELECT value FROM main.meta WHERE key = 'made')
                AND NOT EXISTS (SELECT 1 FROM
                    (SELECT id AS i, h64 AS h FROM texts.message ORDER BY id DESC LIMIT 1)
                    LEFT JOIN blob ON blob.id = i WHERE blob.h64 IS NOT h)",
            [],
            |r| r.get(0),
        )?;
        if known {
            return Ok(true);
        }
        self.db.query_row(
            "SELECT NOT EXISTS (SELECT 1 FROM texts.message AS m
             LEFT JOIN blob ON blob.id = m.id
             WHERE blob.h64 IS NOT m.h64 OR blob.hrest IS NOT m.hrest)",
            [],
            |r| r.get(0),
        )
    }

    /// How far the attached index has come.
    pub(crate) fn coverage(&self) -> Result<Coverage> {
        let attached = self.has_texts()?;
        let sql = if attached {
            "SELECT (SELECT count(*) FROM blob
                     WHERE id > (SELECT coalesce(max(id), 0) FROM texts.message) AND NOT lost),
                    (SELECT count(*) FROM texts.message AS m JOIN blob ON blob.id = m.id
                     WHERE NOT m.read AND NOT blob.lost)"
        } else {
            "SELECT (SELECT count(*) FROM blob WHERE NOT lost), 0"
        };
        self.db
            .query_row(sql, [], |r| {
                Ok(Coverage {
                    behind: unsigned(r.get(0)?),
                    unread: unsigned(r.get(1)?),
                })
            })
            .map_err(|e| self.failed(e))
    }

    /// Refuses a query that the index of words cannot answer with certainty yet; with
    /// `certain`, messages that could not be read are a reason, too.
    pub(crate) fn check_texts(&self, query: &Query, certain: bool) -> Result<()> {
        if !query.needs_texts() {
            return Ok(());
        }
        let Coverage { behind, unread } = self.coverage()?;
        let unknown = |messages: u64| {
            format!(
                "the text of {messages} messages could not be read, so it is not known which of them fit"
            )
        };
        if behind > 0 {
            return Err(Error::Unfit {
                doing: "search in",
                path: self.path.clone(),
                reason: unknown(behind),
                hint: Some(
                    "the index of words is written into the vault, which must be allowed; from: \
                     and subject: need none"
                        .to_owned(),
                ),
            });
        }
        if certain && unread > 0 {
            return Err(Error::Damaged {
                path: self.path.clone(),
                detail: unknown(unread),
            });
        }
        Ok(())
    }

    fn made(&self) -> Result<Option<String>> {
        self.db
            .query_row("SELECT value FROM meta WHERE key = 'made'", [], |r| {
                r.get(0)
            })
            .optional()
            .map_err(|e| self.failed(e))
    }

    /// Contents whose ids follow this one, those that are lost among them, and whether
    /// they are.
    fn following(&self, id: i64, limit: u32) -> Result<Vec<(Blob, bool)>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored, lost FROM blob
                 WHERE id > ?1 ORDER BY id LIMIT ?2",
            )
            .and_then(|mut s| {
                s.query_map(params![id, limit], |r| Ok((blob(r)?, r.get(7)?)))?
                    .collect()
            })
            .map_err(|e| self.failed(e))
    }

    pub(super) fn stored(&self, id: i64) -> Result<Option<Blob>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored FROM blob
                 WHERE id = ?1 AND NOT lost",
            )
            .and_then(|mut s| s.query_row([id], blob).optional())
            .map_err(|e| self.failed(e))
    }
}

/// The index of words, open for writing. Several programs may have it open.
#[derive(Debug)]
pub struct Texts {
    db: Connection,
    path: PathBuf,
}

impl Texts {
    /// Opens the index for a catalog; one that is damaged, of another make or of another
    /// catalog starts over.
    pub(crate) fn open(path: &Path, catalog: &Catalog) -> Result<Self> {
        if !files::exists(path)? {
            // SQLite would create it with the mode of the umask. Another may be faster.
            match fsx::create_new(path) {
                Err(Error::File { source, .. })
                    if source.kind() == std::io::ErrorKind::AlreadyExists => {}
                created => drop(created?),
            }
        }
        let db = files::open(path)?;
        let texts = Self {
            db,
            path: path.to_path_buf(),
        };
        let looked = texts.db.busy_timeout(PATIENCE).and_then(|()| {
            // What a killed run left open is undone now: a reader may not do that.
            texts
                .db
                .pragma_query_value(None, "user_version", |r| r.get::<_, i64>(0))
        });
        let fits = match looked {
            Ok(_) => catalog.attach_texts(path),
            Err(e) => Err(failed(path, e)),
        };
        let fits = match fits {
            Ok(fits) => fits,
            Err(Error::Catalog { source, .. }) if is_garbage(&source) => false,
            Err(e) => return Err(e),
        };
        if !fits {
            texts.reset()?;
        }
        texts.configure().map_err(|e| failed(path, e))?;
        texts
            .db
            .execute(
                "INSERT OR REPLACE INTO meta SELECT 'made', ?1 WHERE ?1 IS NOT
                 (SELECT value FROM meta WHERE key = 'made')",
                [catalog.made()?],
            )
            .map_err(|e| failed(path, e))?;
        Ok(texts)
    }

    fn configure(&self) -> rusqlite::Result<()> {
        self.db.pragma_update(None, "synchronous", "NORMAL")?;
        self.db.pragma_update(None, "cache_size", -8192)?;
        // Words that are held in memory until they are written; with less, more is merged.
        let words = "INSERT INTO words (words, rank) VALUES ('hashsize', 4194304)";
        self.db.execute_batch(words)
    }

    /// Starts over, in place: others may have the file open.
    fn reset(&self) -> Result<()> {
        let reset = DbConfig::SQLITE_DBCONFIG_RESET_DATABASE;
        self.db
            .set_db_config(reset, true)
            .and_then(|_| self.db.execute_batch("VACUUM"))
            .and_then(|()| self.db.set_db_config(reset, false))
            // No WAL: that could not be read where nothing can be written.
            .and_then(|_| self.db.pragma_update(None, "journal_mode", "DELETE"))
            .and_then(|()| {
                self.db.execute_batch(concat!(
                    "BEGIN IMMEDIATE;",
                    include_str!("texts.sql"),
                    "COMMIT"
                ))
            })
            .and_then(|()| self.db.pragma_update(None, "user_version", USER_VERSION))
            .map_err(|e| failed(&self.path, e))
    }

    /// Empties the index, so that it is rebuilt: it was found to be damaged.
    pub(crate) fn discard(path: &Path) -> Result<()> {
        let db = files::open(path)?;
        let texts = Self {
            db,
            path: path.to_path_buf(),
        };
        texts
            .db
            .busy_timeout(PATIENCE)
            .map_err(|e| failed(path, e))?;
        texts.reset()
    }

    /// Begins a transaction; until it is committed no other program can write.
    pub(crate) fn begin(&self) -> Result<()> {
        self.run("BEGIN IMMEDIATE")
    }

    /// Makes it durable what was put since.
    pub(crate) fn commit(&self) -> Result<()> {
        self.run("COMMIT")
    }

    /// The contents to be read next, with whether they are lost.
    pub(crate) fn next(&self, catalog: &Catalog, limit: u32) -> Result<Vec<(Blob, bool)>> {
        let last: i64 = self
            .db
            .query_row("SELECT coalesce(max(id), 0) FROM message", [], |r| r.get(0))
            .map_err(|e| failed(&self.path, e))?;
        catalog.following(last, limit)
    }

    /// Contents that could not be read before, and should be there.
    pub(crate) fn unread(&self, catalog: &Catalog) -> Result<Vec<Blob>> {
        let ids: Vec<i64> = self
            .db
            .prepare_cached("SELECT id FROM message WHERE NOT read")
            .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
            .map_err(|e| failed(&self.path, e))?;
        let stored = ids.into_iter().map(|id| catalog.stored(id));
        stored.filter_map(Result::transpose).collect()
    }

    /// Takes in a piece of a content.
    pub(crate) fn put(&self, piece: &IndexPiece<'_>) -> Result<()> {
        let put = match piece {
            IndexPiece::Row(rowid, words) => self
                .db
                .prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")
                .and_then(|mut s| s.execute(params![rowid, words])),
            IndexPiece::End(blob, summary) => self.put_message(blob, summary.as_ref()),
        };
        put.map(drop).map_err(|e| failed(&self.path, e))
    }

    fn put_message(&self, blob: &Blob, summary: Option<&SearchSummary>) -> rusqlite::Result<usize> {
        let (h64, hrest) = split(blob.name.hash);
        self.db
            .prepare_cached("INSERT OR REPLACE INTO message VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![
                blob.id,
                h64,
                hrest,
                summary.is_some(),
                summary.is_some_and(|summary| summary.attachment),
                summary.and_then(|summary| summary.message_id.as_deref()),
                summary.map(|summary| &summary.to),
            ])
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.db
            .execute_batch(sql)
            .map_err(|e| failed(&self.path, e))
    }
}

/// What the index takes in of a content, which may have any number of words.
#[derive(Debug)]
pub(crate) enum IndexPiece<'b> {
    /// A row of words.
    Row(i64, String),
    /// The end of its words; without a summary it could not be read.
    End(&'b Blob, Option<SearchSummary>),
}

/// Gives the pieces of a content, whose message is `None` if it could not be read, until `each`
/// says false.
pub(crate) fn index_pieces<'b>(
    blob: &'b Blob,
    message: Option<&[u8]>,
    each: &mut dyn FnMut(IndexPiece<'b>) -> bool,
) -> bool {
    let mut rows = Rows {
        id: blob.id,
        number: 0,
        words: String::new(),
        wanted: true,
        each,
    };
    let summary = message.map(|message| gist(message, &mut |text| rows.text(text)));
    if summary.is_some() {
        rows.row();
    }
    rows.wanted && each(IndexPiece::End(blob, summary))
}

/// The words of one message on their way into the index.
struct Rows<'a, 'b> {
    id: i64,
    number: i64,
    words: String,
    wanted: bool,
    each: &'a mut dyn FnMut(IndexPiece<'b>) -> bool,
}

impl Rows<'_, '_> {
    fn text(&mut self, text: &str) {
        each_word(text, &mut |word| {
            self.words.push_str(word);
            self.words.push(' ');
            if self.words.len() >= ROW {
                self.row();
                let mut from = self.words.len() - OVERLAP;
                while !self.words.is_char_boundary(from) {
                    from += 1;
                }
                let from = self.words[from..].find(' ').map_or(from, |at| from + at);
                self.words.drain(..from);
            }
        });
        // Phrases end with the text.
        self.words.push_str("\u{2029} ");
    }

    fn row(&mut self) {
        if !self.wanted || self.number >> SHIFT > 0 {
            return;
        }
        let rowid = self.id << SHIFT | self.number;
        self.wanted = (self.each)(IndexPiece::Row(rowid, self.words.clone()));
        self.number += 1;
    }
}
