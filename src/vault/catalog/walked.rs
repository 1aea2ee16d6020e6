//! Message files that a walk over the directories found, compared with what should be there.
//!
//! They are in temporary tables, which `SQLite` sorts in runs on the disk: a vault of any
//! number of messages is compared with its record in little memory.

use rusqlite::{OptionalExtension, Row, params};

use super::lookup::{blob, hash};
use super::{Blob, Catalog, Place, split, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::layout::{FileName, base_of};

/// Names whose contents are looked up at once, in the order of the index.
const BATCH: usize = 4096;

/// A file in a folder of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::vault) struct WalkedFile {
    /// The account.
    pub(in crate::vault) account: String,
    /// The directory below it; empty for the root.
    pub(in crate::vault) dir: String,
    /// True if it is in `new`.
    pub(in crate::vault) new: bool,
    /// Its name.
    pub(in crate::vault) name: String,
}

/// Takes in the files of a folder, in the order in which the directories give them.
pub(in crate::vault) struct FolderWalk<'c> {
    catalog: &'c Catalog,
    folder: i64,
    waiting: Vec<(String, bool)>,
}

impl Catalog {
    /// Begins a walk over the directories of a vault.
    pub(in crate::vault) fn begin_walk(&self) -> Result<()> {
        self.run(
            "CREATE TEMP TABLE walked_dir (id INTEGER PRIMARY KEY, account TEXT, dir TEXT);
             CREATE TEMP TABLE walked
                 (folder INTEGER, blob INTEGER, base TEXT, new INTEGER, name TEXT);
             CREATE TEMP TABLE moved (id INTEGER PRIMARY KEY);
             BEGIN",
        )
    }

    /// Goes on with a folder.
    pub(in crate::vault) fn walk_folder(&self, account: &str, dir: &str) -> Result<FolderWalk<'_>> {
        let known = self.folder_id(account, dir)?;
        let find = || {
            // What no line names has a number that no folder has.
            let number = "SELECT coalesce(min(min(id), 0), 0) - 1 FROM walked_dir";
            let id = match known {
                Some(id) => id,
                None => self.db.query_row(number, [], |r| r.get(0))?,
            };
            self.db
                .prepare_cached("INSERT INTO walked_dir VALUES (?1, ?2, ?3)")?
                .execute(params![id, account, dir])?;
            Ok(id)
        };
        Ok(FolderWalk {
            catalog: self,
            folder: find().map_err(|e| self.failed(e))?,
            waiting: Vec::new(),
        })
    }

    /// Ends the walk. An index leads from each content to its files.
    pub(in crate::vault) fn end_walk(&self) -> Result<()> {
        self.run(
            "COMMIT;
             CREATE INDEX temp.walked_blob ON walked (blob, folder) WHERE blob NOT NULL;
             CREATE INDEX temp.walked_base ON walked (folder, base) WHERE base NOT NULL",
        )
    }

    /// Calls `each` with every content that should lie in a folder, by folder and content, and
    /// the first file of it there.
    pub(in crate::vault) fn for_each_walked(
        &self,
        mut each: impl FnMut(Place, Blob, Option<WalkedFile>) -> Result<()>,
    ) -> Result<()> {
        let failed = |e| self.failed(e);
        let mut statement = self
            .db
            .prepare(
                "SELECT blob.id, h64, hrest, received, size, wire,
                        iif(blob.line < (SELECT coalesce(max(CAST(value AS INTEGER)), 0)
                                         FROM meta WHERE key = 'restored'), 0, stored),
                        account, dir, flags,
                        (SELECT new || name FROM temp.walked AS w
                         WHERE w.blob = place.blob AND w.folder = place.folder
                         ORDER BY w.rowid LIMIT 1)
                 FROM place
                 JOIN (SELECT id AS f, account, dir FROM folder) ON f = place.folder
                 JOIN blob ON blob.id = place.blob
                 WHERE NOT lost ORDER BY place.folder, place.blob",
            )
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let (place, blob, file) = placed(row).map_err(failed)?;
            each(place, blob, file)?;
        }
        Ok(())
    }

    /// The key of a folder.
    pub(in crate::vault) fn folder_id(&self, account: &str, dir: &str) -> Result<Option<i64>> {
        self.db
            .prepare_cached("SELECT id FROM folder WHERE account = ?1 AND dir = ?2")
            .and_then(|mut s| s.query_row([account, dir], |r| r.get(0)).optional())
            .map_err(|e| self.failed(e))
    }

    /// Calls `each` with every content that should lie in a folder, its account and the folder's
    /// key, in the order of contents.
    pub(in crate::vault) fn for_each_placed(
        &self,
        mut each: impl FnMut(&str, i64, &Blob) -> Result<()>,
    ) -> Result<()> {
        let failed = |e| self.failed(e);
        let mut statement = self
            .db
            .prepare(
                "SELECT blob.id, h64, hrest, received, size, wire,
                        iif(blob.line < (SELECT coalesce(max(CAST(value AS INTEGER)), 0)
                                         FROM meta WHERE key = 'restored'), 0, stored),
                        folder, account
                 FROM blob CROSS JOIN place ON place.blob = blob.id
                 CROSS JOIN (SELECT id AS f, account FROM folder) ON f = place.folder
                 WHERE NOT lost ORDER BY blob.id",
            )
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let blob = blob(row).map_err(failed)?;
            let folder = row.get(7).map_err(failed)?;
            let account = row.get_ref(8).map_err(failed)?;
            let account = account.as_str().map_err(|e| failed(e.into()))?;
            each(account, folder, &blob)?;
        }
        Ok(())
    }

    /// Bytes on disk of those contents in folders that are wanted, by their account and id.
    pub(in crate::vault) fn placed_octets(
        &self,
        wants: impl Fn(&str, Hash128) -> bool,
    ) -> Result<u64> {
        let sum = || {
            let mut statement = self.db.prepare(
                "SELECT h64, hrest, stored, account
                 FROM place JOIN folder ON folder.id = place.folder
                 JOIN blob ON blob.id = place.blob WHERE NOT lost",
            )?;
            let mut rows = statement.query([])?;
            let mut all = 0;
            while let Some(row) = rows.next()? {
                if wants(row.get_ref(3)?.as_str()?, hash(row)?) {
                    all += unsigned(row.get(2)?);
                }
            }
            Ok(all)
        };
        sum().map_err(|e| self.failed(e))
    }

    /// A file of a content in another folder of an account, which need not have it. That it is
    /// known is noted.
    pub(in crate::vault) fn walked_elsewhere(
        &self,
        account: &str,
        blob: i64,
    ) -> Result<Option<WalkedFile>> {
        let find = || {
            let found = self
                .db
                .prepare_cached(
                    "SELECT w.rowid, dir, new, name
                     FROM temp.walked AS w CROSS JOIN temp.walked_dir ON walked_dir.id = w.folder
                     WHERE w.blob = ?1 AND account = ?2 AND NOT EXISTS
                         (SELECT 1 FROM place WHERE place.folder = w.folder
                          AND place.blob = w.blob)
                     ORDER BY dir, w.rowid LIMIT 1",
                )?
                .query_row(params![blob, account], |row| {
                    let file = WalkedFile {
                        account: account.to_owned(),
                        dir: row.get(1)?,
                        new: row.get(2)?,
                        name: row.get(3)?,
                    };
                    Ok((row.get::<_, i64>(0)?, file))
                })
                .optional()?;
            if let Some((id, _)) = &found {
                self.db
                    .prepare_cached("INSERT OR IGNORE INTO temp.moved VALUES (?1)")?
                    .execute([id])?;
            }
            Ok(found.map(|(_, file)| file))
        };
        find().map_err(|e| self.failed(e))
    }

    /// Files that were walked over.
    pub(in crate::vault) fn walked(&self) -> Result<u64> {
        self.db
            .query_row("SELECT count(*) FROM temp.walked", [], |r| {
                r.get(0).map(unsigned)
            })
            .map_err(|e| self.failed(e))
    }

    /// Calls `each` with every file that no line names, and with true for those whose folder
    /// has another file of the same message.
    pub(in crate::vault) fn for_each_unclaimed(
        &self,
        mut each: impl FnMut(WalkedFile, bool) -> Result<()>,
    ) -> Result<()> {
        let failed = |e| self.failed(e);
        let mut statement = self
            .db
            .prepare(
                "SELECT account, dir, new, name, again
                 FROM (SELECT folder, new, name,
                       CASE WHEN blob NOT NULL THEN
                           EXISTS (SELECT 1 FROM temp.walked AS o WHERE o.blob = w.blob
                                   AND o.folder = w.folder AND o.rowid < w.rowid)
                       ELSE EXISTS (SELECT 1 FROM temp.walked AS o WHERE o.folder = w.folder
                                    AND o.base = w.base AND o.rowid < w.rowid)
                       END AS again,
                       blob NOT NULL AND EXISTS
                           (SELECT 1 FROM place JOIN blob AS b ON b.id = place.blob
                            WHERE place.folder = w.folder AND place.blob = w.blob
                            AND NOT b.lost) AS claimed,
                       w.rowid AS r
                       FROM temp.walked AS w)
                 CROSS JOIN temp.walked_dir ON walked_dir.id = folder
                 WHERE again OR NOT claimed AND r NOT IN (SELECT id FROM temp.moved)
                 ORDER BY account, dir, new, name",
            )
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let unclaimed = |row: &Row<'_>| -> rusqlite::Result<_> {
            let file = WalkedFile {
                account: row.get(0)?,
                dir: row.get(1)?,
                new: row.get(2)?,
                name: row.get(3)?,
            };
            Ok((file, row.get(4)?))
        };
        while let Some(row) = rows.next().map_err(failed)? {
            let (file, again) = unclaimed(row).map_err(failed)?;
            each(file, again)?;
        }
        Ok(())
    }
}

impl FolderWalk<'_> {
    /// Takes in a file of `cur`, or of `new`.
    pub(in crate::vault) fn add(&mut self, name: String, new: bool) -> Result<()> {
        self.waiting.push((name, new));
        if self.waiting.len() >= BATCH {
            self.flush()?;
        }
        Ok(())
    }

    /// Takes in what waits.
    pub(in crate::vault) fn flush(&mut self) -> Result<()> {
        let files = std::mem::take(&mut self.waiting);
        self.put(&files).map_err(|e| self.catalog.failed(e))
    }

    fn put(&self, files: &[(String, bool)]) -> rusqlite::Result<()> {
        let db = &self.catalog.db;
        let mut find = db.prepare_cached(
            "SELECT id, h64, hrest, received, size, wire, stored FROM blob
             WHERE h64 = ?1 AND hrest = ?2",
        )?;
        let mut known: Vec<Option<i64>> = vec![None; files.len()];
        let parsed: Vec<_> = files
            .iter()
            .map(|(name, _)| FileName::parse(name))
            .collect();
        let mut by_hash: Vec<usize> = (0..files.len()).filter(|n| parsed[*n].is_some()).collect();
        by_hash.sort_unstable_by_key(|n| parsed[*n].as_ref().map(|(name, _)| split(name.hash)));
        for n in by_hash {
            if let Some((name, _)) = &parsed[n] {
                let (h64, hrest) = split(name.hash);
                let blob = find.query_row(params![h64, hrest], blob).optional()?;
                // Another size in the name makes it another file.
                known[n] = blob.filter(|blob| blob.name == *name).map(|blob| blob.id);
            }
        }
        let mut put = db.prepare_cached("INSERT INTO temp.walked VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (n, (name, new)) in files.iter().enumerate() {
            let ours = parsed[n].is_some() && known[n].is_none();
            let base = ours.then(|| base_of(name));
            put.execute(params![self.folder, known[n], base, new, name])?;
        }
        Ok(())
    }
}

/// A content in its folder, and the file of it there.
fn placed(row: &Row<'_>) -> rusqlite::Result<(Place, Blob, Option<WalkedFile>)> {
    let place = Place {
        account: row.get(7)?,
        dir: row.get(8)?,
        flags: row.get(9)?,
    };
    let file = row.get::<_, Option<String>>(10)?.map(|file| WalkedFile {
        account: place.account.clone(),
        dir: place.dir.clone(),
        new: file.starts_with('1'),
        name: file[1..].to_owned(),
    });
    Ok((place, blob(row)?, file))
}
