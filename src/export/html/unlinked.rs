//! What earlier exports left in an archive and no page leads to any more: pages of messages that
//! are not selected now, the rest of lists that have become shorter, pieces of the search. It stays,
//! since an export removes nothing, and is named.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::lists::ListSums;
use super::search::SearchSize;
use super::thread::ORIGINAL;
use crate::base::error::Result;
use crate::base::fsx;
use crate::export::UnlinkedFiles;
use crate::mail::message::Hash128;
use crate::vault::catalog::SiteIndex;

/// Names that are kept; the rest is counted.
const NAMES: usize = 1_000;
/// Directories that have nothing but files of the archive.
const OWN: [&str; 4] = ["messages", "all", "folders", "search"];

/// What an archive consists of now.
#[derive(Debug)]
pub(super) struct ArchiveParts<'a> {
    pub(super) index: &'a SiteIndex,
    /// The number of the last page of each list, by its directory.
    lists: HashMap<PathBuf, u64>,
    /// Pages with all folders.
    pub(super) folder_pages: usize,
    pub(super) search: SearchSize,
    /// True if messages lie next to their pages as they were sent.
    pub(super) with_eml: bool,
}

impl<'a> ArchiveParts<'a> {
    pub(super) fn new(index: &'a SiteIndex, with_eml: bool) -> Self {
        Self {
            index,
            lists: HashMap::new(),
            folder_pages: 0,
            search: SearchSize::default(),
            with_eml,
        }
    }

    pub(super) fn add_list(&mut self, dir: &Path, sums: &ListSums) {
        self.lists.insert(dir.to_path_buf(), sums.last);
    }

    /// Looks through the archive.
    pub(super) fn unlinked(&self, root: &Path) -> Result<UnlinkedFiles> {
        let (mut count, mut names) = (0, BTreeSet::new());
        let mut dirs = vec![PathBuf::new()];
        while let Some(dir) = dirs.pop() {
            let is_root = dir.as_os_str().is_empty();
            let full = root.join(&dir);
            if !fsx::is_dir(&full)? {
                continue;
            }
            fsx::for_each_entry(&full, &mut |name, kind| {
                let path = dir.join(&name);
                if kind.is_dir() && (!is_root || OWN.iter().any(|own| name == OsStr::new(own))) {
                    dirs.push(path);
                } else if kind.is_file() && self.is_linked(&path)? == Some(false) {
                    count += 1;
                    names.insert(path);
                    if names.len() > NAMES {
                        names.pop_last();
                    }
                }
                Ok(())
            })?;
        }
        Ok(UnlinkedFiles {
            count,
            names: names.into_iter().collect(),
        })
    }

    /// Whether a page leads to a file; `None` if its name is none that an export gives.
    fn is_linked(&self, path: &Path) -> Result<Option<bool>> {
        let parts: Option<Vec<&str>> = path.iter().map(OsStr::to_str).collect();
        let Some(parts) = parts else {
            return Ok(None);
        };
        Ok(match parts[..] {
            [name] => number_of(name, "folders-", ".html").map(|page| page <= self.folder_pages),
            ["messages", _, page] => self.is_page(page)?,
            ["messages", _, id, file] => self.is_of_letter(id, file)?,
            ["all" | "folders", .., page] => self.is_list(path.parent(), page),
            ["search", ref piece @ ..] => self.search.has(piece),
            _ => None,
        })
    }

    /// Of the name of a page of messages.
    fn is_page(&self, name: &str) -> Result<Option<bool>> {
        let Some(stem) = name.strip_suffix(".html") else {
            return Ok(None);
        };
        let (id, page) = match stem.split_once('-') {
            Some((id, page)) => (id, page.parse().ok()),
            None => (stem, Some(1)),
        };
        let (Some(id), Some(page)) = (Hash128::parse(id), page) else {
            return Ok(None);
        };
        Ok(Some(match page {
            // It has the message, or leads to where it is now.
            1 => self.index.has(id)?,
            page => self.index.has_page(id, page)?,
        }))
    }

    /// Of a file next to the page of a message.
    fn is_of_letter(&self, id: &str, file: &str) -> Result<Option<bool>> {
        let Some(id) = Hash128::parse(id) else {
            return Ok(None);
        };
        let is_meant = file != ORIGINAL || self.with_eml;
        Ok(Some(is_meant && self.index.has(id)?))
    }

    /// Of a page of a list in a directory.
    fn is_list(&self, dir: Option<&Path>, page: &str) -> Option<bool> {
        let stem = page.strip_suffix(".html")?;
        let last = dir.and_then(|dir| self.lists.get(dir));
        let number: Option<u64> = stem.parse().ok();
        Some(last.is_some_and(|last| {
            stem == "index" || number.is_some_and(|number| (1..*last).contains(&number))
        }))
    }
}

/// The number in a name that an export gives, 1 if there is none.
fn number_of(name: &str, start: &str, end: &str) -> Option<usize> {
    let stem = name.strip_suffix(end)?;
    match stem.strip_prefix(start) {
        Some(number) => number.parse().ok(),
        None => (stem == start.trim_end_matches('-')).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;
    use crate::vault::catalog::{SiteLetter, ThreadBounds};

    fn letter(n: u8) -> SiteLetter {
        SiteLetter {
            id: Hash128([n; 16]),
            path: "x".into(),
            octets: 1,
            date: i64::from(n),
            from: String::new(),
            to: String::new(),
            subject: String::new(),
            flags: String::new(),
            folder: 1,
            listed: 0,
            attachments: 0,
            weight: 1,
        }
    }

    #[test]
    fn what_no_page_leads_to_is_named_and_what_is_of_somebody_else_is_not() {
        let mut index = SiteIndex::new().unwrap();
        let mids = [Hash128([9; 16])];
        for n in 1..=2 {
            index.add(&letter(n), &mids).unwrap();
        }
        index
            .arrange(ThreadBounds {
                messages: 1,
                weight: 1,
            })
            .unwrap();
        let mut parts = ArchiveParts::new(&index, false);
        let sums = ListSums {
            last: 3,
            ..ListSums::default()
        };
        parts.add_list(Path::new("folders/Box"), &sums);
        parts.folder_pages = 1;
        parts.search = SearchSize {
            rows: 2,
            shards: vec![1],
        };
        let [one, two, three] = [1, 2, 3].map(|n| Hash128([n; 16]).to_string());
        let linked = [
            format!("messages/01/{one}.html"),
            format!("messages/01/{one}-2.html"),
            format!("messages/02/{two}.html"),
            format!("messages/02/{two}/plan.pdf"),
            "folders/Box/1.html".into(),
            "folders/Box/2.html".into(),
            "folders/Box/index.html".into(),
            "folders/Box/notes.txt".into(),
            "folders.html".into(),
            "search/root.js".into(),
            "search/rows/1.js".into(),
            "search/texts/1.js".into(),
            "search/tables/0.js".into(),
            "search/words/0/0.js".into(),
            "mine/1.html".into(),
            "index.html".into(),
        ];
        let unlinked = [
            "folders-2.html".into(),
            "folders/Box/2024-03.html".into(),
            "folders/Box/3.html".into(),
            "folders/Gone/index.html".into(),
            format!("messages/01/{one}-3.html"),
            format!("messages/02/{two}/message.eml"),
            format!("messages/03/{three}.html"),
            format!("messages/03/{three}/a.png"),
            "search/rows/2.js".into(),
            "search/tables/1.js".into(),
            "search/words/0/1.js".into(),
            "search/words/1/0.js".into(),
        ];
        let dir = tempfile::tempdir().unwrap();
        for name in linked.iter().chain(&unlinked) {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let found = parts.unlinked(dir.path()).unwrap();
        let mut wanted = unlinked.map(PathBuf::from);
        wanted.sort();
        assert_eq!(found.names, wanted);
        assert_eq!(found.count, 12);
    }
}
