//! Files of a folder by their ids, for those that a Dovecot has renamed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::layout::FileName;
use super::maildir;
use crate::base::error::Result;
use crate::mail::message::Hash128;

/// The message files of a folder with their flags: one look at the directory for all.
#[derive(Debug, Default)]
pub(super) struct FolderIndex(HashMap<Hash128, (bool, Box<str>)>);

impl FolderIndex {
    /// Looks at the directory.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let mut shelf = Self::default();
        for new in [false, true] {
            let sub = if new { "new" } else { "cur" };
            for file in maildir::list(&folder.join(sub))? {
                if let Some((name, _)) = FileName::parse(&file) {
                    let suffix = &file[name.base().len()..];
                    shelf.0.insert(name.hash, (new, suffix.into()));
                }
            }
        }
        Ok(shelf)
    }

    /// The file of a message and its flags, whatever it was renamed to.
    pub(super) fn find(&self, root: &Path, name: &FileName) -> Option<(PathBuf, String)> {
        let (new, suffix) = self.0.get(&name.hash)?;
        let file = format!("{}{suffix}", name.base());
        let flags = FileName::parse(&file).map(|(_, flags)| flags);
        let sub = if *new { "new" } else { "cur" };
        Some((root.join(sub).join(file), flags.unwrap_or_default()))
    }
}
