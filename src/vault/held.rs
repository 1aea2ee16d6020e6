//! Whether a content that the catalog knows has its file, without reading it.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::base::error::Result;
use crate::base::fsx;
use crate::vault::catalog::{Blob, Catalog};
use crate::vault::layout::{FileName, Layout};
use crate::vault::maildir;

/// Looks for files by their names and lengths. That they are undamaged is for `verify` to find out.
#[derive(Debug)]
pub(crate) struct HeldFiles<'a> {
    layout: &'a Layout,
    /// Folders of which something was renamed, with the contents that they had files of.
    listed: HashMap<PathBuf, Vec<u64>>,
}

impl<'a> HeldFiles<'a> {
    pub(crate) fn new(layout: &'a Layout) -> Self {
        Self {
            layout,
            listed: HashMap::new(),
        }
    }

    /// True if a folder should have a file of the content, and has one.
    pub(crate) fn has(
        &mut self,
        catalog: &Catalog,
        blob: &Blob,
        (account, dir): (&str, &str),
    ) -> Result<bool> {
        let places = catalog.places(blob.id)?;
        let here = places.iter().find(|p| p.account == account && p.dir == dir);
        let Some(place) = here else {
            return Ok(false);
        };
        let folder = self.layout.folder(account, dir);
        let usual = folder.join("cur").join(blob.name.with_flags(&place.flags));
        if let Some(file) = fsx::look(&usual)? {
            // Of an adopted file the length is not known until it is read.
            let fits = blob.stored == 0 || file.len() == blob.stored;
            return Ok(file.is_file() && fits);
        }
        let names = if let Some(names) = self.listed.get(&folder) {
            names
        } else {
            let mut names = Vec::new();
            for sub in ["cur", "new"] {
                maildir::for_each_name(&folder.join(sub), &mut |name| {
                    names.extend(FileName::parse(&name).map(|(name, _)| name.hash.head()));
                    Ok(())
                })?;
            }
            names.sort_unstable();
            self.listed.entry(folder).or_insert(names)
        };
        Ok(names.binary_search(&blob.name.hash.head()).is_ok())
    }
}
