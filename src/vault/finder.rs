//! Finding the files of many messages: nearly all are called as the catalog says, and others were
//! renamed by a mail reader, or are gone. A folder in which that happens often is listed once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::catalog::{Blob, Catalog, Place, failed_scratch, scratch};
use super::layout::{FileName, Layout, base_of};
use super::maildir;
use crate::base::error::Result;
use crate::base::fsx;

/// After so many messages without their usual name, a folder is listed for all that follow.
const PLAIN: u32 = 2;

/// Finds the files of messages, one after another.
#[derive(Debug, Default)]
pub(super) struct FileFinder {
    folders: HashMap<PathBuf, FolderState>,
    db: Option<Connection>,
    /// Tables that there are.
    tables: u32,
}

/// What was seen of a folder.
#[derive(Debug, Clone, Copy)]
enum FolderState {
    /// So many messages did not have their usual name.
    Looked(u32),
    /// It was listed, into the table of this number.
    Listed(u32),
}

impl FileFinder {
    /// The files of a content, as far as they are there, one for each place.
    pub(super) fn locate(
        &mut self,
        layout: &Layout,
        catalog: &Catalog,
        blob: &Blob,
    ) -> Result<Vec<(Place, PathBuf)>> {
        let mut found = Vec::new();
        for place in catalog.places(blob.id)? {
            for folder in homes(layout, catalog, &place.account, &place.dir)? {
                if let Some(path) = self.find(&folder, &blob.name, &place.flags)? {
                    found.push((place, path));
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The file of a message in a folder, whatever flags it was given since. One that was not in
    /// the folder when it was listed is found by its usual name alone.
    pub(super) fn find(
        &mut self,
        folder: &Path,
        name: &FileName,
        flags: &str,
    ) -> Result<Option<PathBuf>> {
        let usual = folder.join("cur").join(name.with_flags(flags));
        if fsx::look(&usual)?.is_some() {
            return Ok(Some(usual));
        }
        let table = match self.folders.get(folder) {
            Some(FolderState::Listed(table)) => *table,
            Some(FolderState::Looked(PLAIN..)) => self.list(folder)?,
            looked => {
                let so_far = match looked {
                    Some(FolderState::Looked(so_far)) => *so_far,
                    _ => 0,
                };
                let state = FolderState::Looked(so_far + 1);
                self.folders.insert(folder.to_path_buf(), state);
                return maildir::find(folder, name, flags);
            }
        };
        let mut was_there = false;
        for (new, file) in self.listed(table, name)? {
            if base_of(&file) != name.base() {
                continue;
            }
            let path = folder.join(sub(new)).join(&file);
            if fsx::look(&path)?.is_some() {
                return Ok(Some(path));
            }
            was_there = true;
        }
        if was_there {
            // A mail reader may have renamed it since.
            return maildir::find(folder, name, flags);
        }
        Ok(None)
    }

    /// Forgets a file that was moved out of its folder.
    pub(super) fn moved_away(&mut self, path: &Path) -> Result<()> {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let folder = path.parent().and_then(Path::parent);
        let state = folder.and_then(|folder| self.folders.get(folder));
        if let (Some(FolderState::Listed(table)), Some(db)) = (state, &self.db)
            && let Some((name, _)) = FileName::parse(&file)
        {
            let new = path.parent().is_some_and(|dir| dir.ends_with(sub(true)));
            let sql =
                format!("DELETE FROM files_{table} WHERE hash = ?1 AND new = ?2 AND name = ?3");
            let delete = db.prepare_cached(&sql);
            let deleted =
                delete.and_then(|mut delete| delete.execute(params![name.hash.0, new, file]));
            deleted.map_err(failed_scratch)?;
        }
        Ok(())
    }

    /// Lists a folder into a table of its own.
    fn list(&mut self, folder: &Path) -> Result<u32> {
        let db = match self.db.take() {
            Some(db) => db,
            None => scratch("PRAGMA cache_size = -4000")?,
        };
        // One that was not filled to its end is never asked.
        let table = self.tables;
        self.tables += 1;
        let listed = fill(&db, table, folder);
        self.db = Some(db);
        listed?;
        let state = FolderState::Listed(table);
        self.folders.insert(folder.to_path_buf(), state);
        Ok(table)
    }

    /// The files that were listed of a message.
    fn listed(&self, table: u32, name: &FileName) -> Result<Vec<(bool, String)>> {
        let Some(db) = &self.db else {
            return Ok(Vec::new());
        };
        let find = || -> rusqlite::Result<Vec<(bool, String)>> {
            let mut select = db.prepare_cached(&format!(
                "SELECT new, name FROM files_{table} WHERE hash = ?1 ORDER BY new, name"
            ))?;
            let rows = select.query_map([name.hash.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        find().map_err(failed_scratch)
    }
}

/// The directories in which the files of a folder are: its own, and until a merge has come to its
/// end those of accounts that became part of its account.
pub(super) fn homes(
    layout: &Layout,
    catalog: &Catalog,
    account: &str,
    dir: &str,
) -> Result<Vec<PathBuf>> {
    let mut homes = vec![layout.folder(account, dir)];
    for merged in catalog.merged_into(account) {
        let home = layout.folder(merged, dir);
        if fsx::is_dir(&home)? {
            homes.push(home);
        }
    }
    Ok(homes)
}

fn fill(db: &Connection, table: u32, folder: &Path) -> Result<()> {
    let create = format!(
        "CREATE TABLE files_{table} (hash BLOB NOT NULL, new INTEGER NOT NULL, name TEXT NOT NULL)"
    );
    db.execute_batch(&create).map_err(failed_scratch)?;
    let mut insert = db
        .prepare(&format!("INSERT INTO files_{table} VALUES (?1, ?2, ?3)"))
        .map_err(failed_scratch)?;
    for new in [false, true] {
        maildir::for_each_name(&folder.join(sub(new)), &mut |file| {
            if let Some((name, _)) = FileName::parse(&file) {
                let added = insert.execute(params![name.hash.0, new, file]);
                added.map_err(failed_scratch)?;
            }
            Ok(())
        })?;
    }
    let index = format!("CREATE INDEX files_{table}_hash ON files_{table} (hash)");
    db.execute_batch(&index).map_err(failed_scratch)
}

fn sub(new: bool) -> &'static str {
    if new { "new" } else { "cur" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::mail::message::Hash128;
    use proptest::prelude::*;

    fn name(n: u8, received: u32) -> FileName {
        FileName {
            received,
            hash: Hash128([n; 16]),
            size: 9,
            wire: 9,
        }
    }

    /// A file of a folder: which folder, whose message, with which flags, and whether it is new.
    type File = (usize, (u8, u32), usize, bool);

    const FOLDERS: usize = 3;

    fn any_file() -> impl Strategy<Value = File> {
        (0..FOLDERS, (0..6_u8, 1..3_u32), 0..4_usize, any::<bool>())
    }

    proptest! {
        #[test]
        fn many_are_found_as_one_by_one_in_any_order(
            files in prop::collection::vec(any_file(), 0..30),
            asked in prop::collection::vec((0..FOLDERS, (0..7_u8, 1..3_u32)), 0..60),
            moves in prop::collection::vec(any::<(prop::sample::Index, bool)>(), 0..6),
        ) {
            let home = tempfile::tempdir().unwrap();
            let folder = |n: usize| home.path().join(n.to_string());
            for (n, new) in (0..FOLDERS).flat_map(|n| [(n, false), (n, true)]) {
                std::fs::create_dir_all(folder(n).join(sub(new))).unwrap();
                std::fs::write(folder(n).join(sub(new)).join("no message"), "").unwrap();
            }
            let mut paths = Vec::new();
            for (n, (hash, received), flags, new) in files {
                let file = name(hash, received).with_flags(["", "S", "RS", "FT"][flags]);
                paths.push(folder(n).join(sub(new)).join(file));
                std::fs::write(paths.last().unwrap(), "").unwrap();
            }
            let mut finder = FileFinder::default();
            // Twice: what was removed or renamed since the folder was listed is seen as that.
            for _ in 0..2 {
                for (n, (hash, received)) in &asked {
                    let name = name(*hash, *received);
                    let plain = maildir::find(&folder(*n), &name, "S").unwrap();
                    let found = finder.find(&folder(*n), &name, "S").unwrap();
                    prop_assert_eq!(found.is_some(), plain.is_some());
                    let is_right = |path: PathBuf| {
                        let file = path.file_name().unwrap().to_string_lossy().into_owned();
                        path.exists() && path.starts_with(folder(*n)) && base_of(&file) == name.base()
                    };
                    prop_assert!(found.is_none_or(is_right));
                }
                for (index, renamed) in &moves {
                    if paths.is_empty() {
                        continue;
                    }
                    let path = paths.swap_remove(index.index(paths.len()));
                    if !path.exists() {
                        // It was drawn twice.
                        continue;
                    }
                    if *renamed {
                        let file = path.file_name().unwrap().to_string_lossy().into_owned();
                        let cur = path.parent().unwrap().with_file_name("cur");
                        std::fs::rename(&path, cur.join(format!("{}:2,D", base_of(&file)))).unwrap();
                    } else {
                        std::fs::remove_file(&path).unwrap();
                        finder.moved_away(&path).unwrap();
                    }
                }
            }
        }
    }
}
