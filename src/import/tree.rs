//! What of a source is looked at: its directories and files. A link is read if it leads to a
//! file of the source; everything else is skipped, and told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Unread, shown};
use crate::base::error::Result;
use crate::base::fsx;

/// A source of files.
#[derive(Debug)]
pub(super) struct SourceTree {
    source: PathBuf,
    /// The same without links, to tell what leads out of it.
    root: PathBuf,
    skipped: BTreeMap<PathBuf, String>,
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
    pub(super) fn new(source: &Path) -> Self {
        Self {
            source: source.to_path_buf(),
            root: without_links(source),
            skipped: BTreeMap::new(),
            linked: BTreeSet::new(),
        }
    }

    /// What a directory holds, sorted by name.
    pub(super) fn children(&mut self, dir: &Path) -> Result<Vec<Child>> {
        let mut children = Vec::new();
        for (name, kind) in fsx::list(dir)? {
            let at = dir.join(&name);
            let path = if kind.is_symlink() {
                match at.canonicalize() {
                    Ok(path) if path.starts_with(&self.root) => path,
                    Ok(_) => {
                        self.skip(&at, "a link that leads out of the source");
                        continue;
                    }
                    Err(_) => {
                        self.skip(&at, "a link that leads nowhere");
                        continue;
                    }
                }
            } else {
                at.clone()
            };
            let size = match fsx::look(&path)? {
                // Gone meanwhile.
                None => continue,
                Some(meta) if meta.is_file() => Some(meta.len()),
                Some(meta) if meta.is_dir() && !kind.is_symlink() => None,
                Some(meta) if meta.is_dir() => {
                    self.skip(&at, "a link to a directory");
                    continue;
                }
                Some(_) => {
                    self.skip(&at, "not a file");
                    continue;
                }
            };
            let name = name.to_string_lossy().into_owned();
            children.push((at, Child { name, path, size }));
        }
        children.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(children.into_iter().map(|(_, child)| child).collect())
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
