//! What of a source is looked at: its directories and files. A link is read if it leads to a
//! file of the source; everything else is skipped, and told.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::earlier::{FileRecord, FileStates};
use super::{ImportOptions, Unread, shown};
use crate::base::error::Result;
use crate::base::fsx;

/// A source of files.
#[derive(Debug)]
pub(super) struct SourceTree {
    source: PathBuf,
    /// The same without links, to tell what leads out of it.
    root: PathBuf,
    skipped: BTreeMap<PathBuf, String>,
    /// The states of its files, where those tell that a file has changed.
    states: Option<FileStates>,
    /// Files that are read because links lead to them.
    linked: BTreeSet<PathBuf>,
}

/// Something in a directory that can hold mail.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) name: String,
    /// Where it is read: for a link what it leads to.
    pub(super) path: PathBuf,
    /// Its length; `None` for a directory.
    pub(super) size: Option<u64>,
}

/// A path that is the same whichever links lead to it.
fn without_links(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

impl SourceTree {
    pub(super) fn new(source: &Path, options: &ImportOptions) -> Self {
        let root = without_links(source);
        Self {
            source: source.to_path_buf(),
            states: FileStates::new(source, &root, options),
            root,
            skipped: BTreeMap::new(),
            linked: BTreeSet::new(),
        }
    }

    /// What a directory holds, sorted by name.
    pub(super) fn children(&mut self, dir: &Path) -> Result<Vec<Child>> {
        let mut children = Vec::new();
        for (name, kind) in fsx::list(dir)? {
            let child = self.child(dir, &name, kind.is_symlink())?;
            children.extend(child.map(|(child, _)| (dir.join(&name), child)));
        }
        children.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(children.into_iter().map(|(_, child)| child).collect())
    }

    /// What has a name in a directory, unless it is to be skipped or gone meanwhile.
    pub(super) fn child(
        &mut self,
        dir: &Path,
        name: &OsStr,
        is_link: bool,
    ) -> Result<Option<(Child, Metadata)>> {
        let at = dir.join(name);
        let path = if is_link {
            match at.canonicalize() {
                Ok(path) if path.starts_with(&self.root) => path,
                Ok(_) => {
                    self.skip(&at, "a link that leads out of the source");
                    return Ok(None);
                }
                Err(_) => {
                    self.skip(&at, "a link that leads nowhere");
                    return Ok(None);
                }
            }
        } else {
            at.clone()
        };
        let Some(meta) = fsx::look(&path)? else {
            return Ok(None);
        };
        if !meta.is_file() && (is_link || !meta.is_dir()) {
            let is_dir = meta.is_dir();
            self.skip(
                &at,
                if is_dir {
                    "a link to a directory"
                } else {
                    "not a file"
                },
            );
            return Ok(None);
        }
        let name = name.to_string_lossy().into_owned();
        let size = meta.is_file().then_some(meta.len());
        Ok(Some((Child { name, path, size }, meta)))
    }

    /// A file that holds so many messages, to be remembered when they were read.
    pub(super) fn record(
        &self,
        path: &Path,
        meta: Option<&Metadata>,
        messages: Option<u64>,
    ) -> Option<Arc<FileRecord>> {
        let states = self.states.as_ref()?;
        states.file(path, meta?, messages)
    }

    /// Notes what is not looked at.
    pub(super) fn skip(&mut self, path: &Path, reason: &str) {
        self.skipped.insert(path.to_path_buf(), reason.to_owned());
    }

    /// Notes that a message is read by this name in a directory. What a link leads to is then
    /// not left out, wherever it lies.
    pub(super) fn take(&mut self, dir: &Path, name: &str, path: &Path) {
        if path != dir.join(name) {
            self.linked.insert(without_links(path));
        }
    }

    /// The first thing that was not looked at, and why.
    pub(super) fn first_skipped(&self) -> Option<(&Path, &str)> {
        let (path, reason) = self.skipped.first_key_value()?;
        Some((path, reason))
    }

    /// What was not looked at.
    pub(super) fn skipped(self) -> Vec<Unread> {
        let (source, linked) = (self.source, self.linked);
        let told = |(path, reason): (PathBuf, String)| Unread {
            place: shown(&path, &source).display().to_string(),
            reason,
        };
        let skipped = self.skipped.into_iter();
        skipped
            .filter(|(path, _)| linked.is_empty() || !linked.contains(&without_links(path)))
            .map(told)
            .collect()
    }
}
