//! Trees of mbox files that an export wrote: their note tells the folders' names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::folder::{Kind, SourceFolder};
use crate::base::fsx;
use crate::mail::export_note::{ExportNote, HIDDEN_NOTE, NOTE};
use crate::vault::layout::folder_label;

/// A tree with its note.
#[derive(Debug)]
pub(super) struct ExportedTree {
    root: PathBuf,
    /// The folder that it lies in, part by part.
    above: Vec<String>,
    /// Each account has a directory of its own.
    several: bool,
    /// Account and directory of each folder, by its path below the root.
    folders: HashMap<PathBuf, (String, String)>,
}

impl ExportedTree {
    /// The tree in a directory, if an export made it.
    pub(super) fn read(root: &Path, above: &[String]) -> Option<Self> {
        let texts = [NOTE, HIDDEN_NOTE].iter();
        let mut texts = texts.filter_map(|name| fsx::read(&root.join(name)).ok());
        let note = texts.find_map(|text| ExportNote::parse(&text))?;
        if note.format != "mbox" {
            return None;
        }
        let folders = note.folders.iter().filter_map(|(key, path)| {
            let (account, dir) = key.split_once('/')?;
            Some((path.into(), (account.to_owned(), dir.to_owned())))
        });
        Some(Self {
            root: root.to_path_buf(),
            above: above.to_vec(),
            several: note.account.is_none(),
            folders: folders.collect(),
        })
    }

    fn of(&self, file: &Path) -> Option<&(String, String)> {
        self.folders.get(file.strip_prefix(&self.root).ok()?)
    }

    /// The name of the folder whose file this is, part by part.
    pub(super) fn parts(&self, file: &Path) -> Option<Vec<String>> {
        let (account, dir) = self.of(file)?;
        let mut parts = self.above.clone();
        if self.several {
            parts.push(account.clone());
        }
        parts.extend(folder_label(dir).split('/').map(str::to_owned));
        Some(parts)
    }

    /// The folder at `file`, which is read from `path`.
    pub(super) fn folder(&self, file: &Path, path: &Path) -> Option<SourceFolder> {
        let (_, dir) = self.of(file)?;
        let mut folder = SourceFolder::new(Kind::Mbox, path, &self.parts(file)?);
        if self.above.is_empty() && !self.several {
            folder.dir = Some(dir.clone());
        }
        Some(folder)
    }
}
