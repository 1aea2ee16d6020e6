//! What a search found, in order and in little memory, however much it is.
//!
//! It is in a temporary table, which `SQLite` sorts in runs on the disk. Nothing of the
//! catalog is locked while somebody reads it, who may be a pager with a person before it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::vec;

use super::lookup::hash;
use super::{Catalog, Extras, signed, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::layout::{FileName, folder_label};

/// Rows that are in memory at a time.
const PAGE: u64 = 512;
/// Bits of a row: what its sightings say.
pub(super) const DOUBTFUL: i64 = 1;
pub(super) const ON_SERVER: i64 = 2;

/// A message that a query found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
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
    /// True if a server has it under some name, as far as is known.
    pub on_server: bool,
    /// What the index of words knows of it, if that was asked for.
    pub extras: Option<Extras>,
    /// Where its file is, if that was asked for.
    pub file: Option<HitFile>,
}

/// Where the file of a message is, if it still has its flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HitFile {
    /// What its name says but for the flags.
    pub(in crate::vault) name: FileName,
    /// The account by its name in the vault.
    pub(in crate::vault) account: String,
    /// The directory below the account.
    pub(in crate::vault) dir: String,
}

/// A folder of the vault, and how people see it.
#[derive(Debug)]
struct HitFolder {
    account: String,
    dir: String,
    shown: String,
    label: String,
}

/// The messages that a query found.
#[derive(Debug)]
pub struct Hits<'c> {
    catalog: &'c Catalog,
    table: String,
    len: u64,
}

impl<'c> Hits<'c> {
    /// Those in a temporary table, which goes with them.
    pub(super) fn new(catalog: &'c Catalog, table: String) -> Result<Self> {
        let mut hits = Self {
            catalog,
            table,
            len: 0,
        };
        let sql = format!("SELECT count(*) FROM temp.{}", hits.table);
        let count = catalog.db.query_row(&sql, [], |r| r.get(0));
        hits.len = unsigned(count.map_err(|e| catalog.failed(e))?);
        Ok(hits)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Keeps only the first `len`.
    pub fn truncate(&mut self, len: u64) {
        self.len = self.len.min(len);
    }

    /// All of them from the first on.
    #[must_use]
    pub fn rows(&self) -> HitRows<'_> {
        HitRows {
            hits: self,
            page: Vec::new().into_iter(),
            read: 0,
            details: false,
            extras: false,
            folders: HashMap::new(),
        }
    }

    fn page(&self, first: u64, details: bool, extras: bool) -> Result<Vec<Hit>> {
        let (known, texts) = if extras {
            (
                "m.id, m.mid, m.recipients",
                "LEFT JOIN texts.message AS m ON m.id = found.id AND m.read",
            )
        } else {
            ("NULL, NULL, NULL", "")
        };
        let file = if details {
            "received, coalesce(wire, size)"
        } else {
            "NULL, NULL"
        };
        let sql = format!(
            "SELECT found.h64, found.hrest, received_at, size, marks, lies, sender, subject,
                    {known}, {file}
             FROM temp.{} AS found {texts}
             WHERE found.rowid > ?1 AND found.rowid <= ?2 ORDER BY found.rowid",
            self.table
        );
        let last = self.len.min(first + PAGE);
        self.catalog
            .db
            .prepare_cached(&sql)
            .and_then(|mut s| {
                s.query_map([signed(first), signed(last)], |row| {
                    let marks: i64 = row.get::<_, Option<i64>>(4)?.unwrap_or(0);
                    let lies: Option<String> = row.get(5)?;
                    let (folder, flags) = (lies.as_deref())
                        .and_then(|lies| lies.split_once(' '))
                        .unwrap_or_default();
                    let (id, size) = (hash(row)?, unsigned(row.get(3)?));
                    let received: Option<u32> = row.get(11)?;
                    let wire: Option<i64> = row.get(12)?;
                    Ok(Hit {
                        id,
                        account: String::new(),
                        folder: folder.to_owned(),
                        flags: flags.to_owned(),
                        date: row.get(2)?,
                        size,
                        from: row.get(6)?,
                        subject: row.get(7)?,
                        doubtful: marks & DOUBTFUL != 0,
                        on_server: marks & ON_SERVER != 0,
                        extras: (row.get::<_, Option<i64>>(8)?)
                            .map(|_| {
                                Ok::<_, rusqlite::Error>(Extras {
                                    message_id: row.get(9)?,
                                    to: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
                                })
                            })
                            .transpose()?,
                        file: received.zip(wire).map(|(received, wire)| HitFile {
                            name: FileName {
                                received,
                                hash: id,
                                size,
                                wire: unsigned(wire),
                            },
                            account: String::new(),
                            dir: String::new(),
                        }),
                    })
                })?
                .collect()
            })
            .map_err(|e| self.catalog.failed(e))
    }
}

impl Drop for Hits<'_> {
    fn drop(&mut self) {
        // It goes with the connection at the latest.
        let _ = self.catalog.run(&format!("DROP TABLE temp.{}", self.table));
    }
}

/// Reads what was found, page by page.
#[derive(Debug)]
pub struct HitRows<'h> {
    hits: &'h Hits<'h>,
    page: vec::IntoIter<Hit>,
    read: u64,
    details: bool,
    extras: bool,
    /// Account, directory and label of the folders so far.
    folders: HashMap<i64, HitFolder>,
}

impl HitRows<'_> {
    /// The same with what [`crate::vault::Vault::details`] needs: where the file of each is, and
    /// what the index of words knows of it, if that is attached.
    pub fn with_details(mut self) -> Result<Self> {
        self.details = true;
        self.extras = self.hits.catalog.has_texts()?;
        Ok(self)
    }

    /// The next hits, as many as are in memory at a time; none at the end.
    pub fn next_page(&mut self) -> Result<Vec<Hit>> {
        if self.page.as_slice().is_empty() && self.read < self.hits.len {
            self.turn()?;
        }
        Ok(std::mem::take(&mut self.page).collect())
    }

    fn turn(&mut self) -> Result<()> {
        let mut page = match self.hits.page(self.read, self.details, self.extras) {
            // A damaged index of words knows nothing.
            Err(_) if self.extras => {
                self.extras = false;
                self.hits.page(self.read, self.details, false)?
            }
            page => page?,
        };
        for hit in &mut page {
            let Ok(folder) = hit.folder.parse() else {
                hit.file = None;
                continue;
            };
            let known = match self.folders.entry(folder) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let (account, dir) = self.hits.catalog.folder_of(folder)?;
                    let shown = self.hits.catalog.names.shown(&account).to_owned();
                    let label = folder_label(&dir);
                    new.insert(HitFolder {
                        account,
                        dir,
                        shown,
                        label,
                    })
                }
            };
            if let Some(file) = &mut hit.file {
                file.account.clone_from(&known.account);
                file.dir.clone_from(&known.dir);
            }
            hit.account.clone_from(&known.shown);
            hit.folder.clone_from(&known.label);
        }
        self.read += page.len() as u64;
        self.page = page.into_iter();
        Ok(())
    }
}

impl Iterator for HitRows<'_> {
    type Item = Result<Hit>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(hit) = self.page.next() {
            return Some(Ok(hit));
        }
        if self.read >= self.hits.len {
            return None;
        }
        if let Err(e) = self.turn() {
            self.read = self.hits.len;
            return Some(Err(e));
        }
        self.page.next().map(Ok)
    }
}
