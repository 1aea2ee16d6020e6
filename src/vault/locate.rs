//! From a content to its files, and from the files to what is derived of them.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::base::error::Result;
use crate::base::fsx;
use crate::mail::message::Scanner;
use crate::vault::catalog::{Blob, Catalog, Place};
use crate::vault::finder::{FileFinder, homes};
use crate::vault::frame::Opener;
use crate::vault::layout::{Layout, base_of};
use crate::vault::maildir;

/// The files of a content, as far as they are there.
pub(super) fn locate(
    layout: &Layout,
    catalog: &Catalog,
    blob: &Blob,
) -> Result<Vec<(Place, PathBuf)>> {
    FileFinder::default().locate(layout, catalog, blob)
}

/// The same for many contents, without their places. A folder is listed at most once,
/// however many of its files a mail reader has renamed.
pub(super) fn locate_all(
    layout: &Layout,
    catalog: &Catalog,
    blobs: &[&Blob],
) -> Result<Vec<Vec<PathBuf>>> {
    let mut found = vec![Vec::new(); blobs.len()];
    let mut renamed: HashMap<PathBuf, HashMap<String, Vec<usize>>> = HashMap::new();
    for (n, blob) in blobs.iter().enumerate() {
        for place in catalog.places(blob.id)? {
            for folder in homes(layout, catalog, &place.account, &place.dir)? {
                let usual = folder.join("cur").join(blob.name.with_flags(&place.flags));
                if fsx::look(&usual)?.is_some() {
                    found[n].push(usual);
                    break;
                }
                let wanted = renamed.entry(folder).or_default();
                wanted.entry(blob.name.base()).or_default().push(n);
            }
        }
    }
    for (folder, wanted) in renamed {
        for sub in ["cur", "new"] {
            let dir = folder.join(sub);
            maildir::for_each_name(&dir, &mut |file| {
                for n in wanted.get(base_of(&file)).into_iter().flatten() {
                    found[*n].push(dir.join(&file));
                }
                Ok(())
            })?;
        }
    }
    Ok(found)
}

/// Reads what the ledger does not say from the files themselves. A file that is
/// missing or damaged is left to `verify`.
pub(super) fn describe(layout: &Layout, catalog: &mut Catalog) -> Result<()> {
    let (mut scanner, mut finder) = (Scanner::new(), FileFinder::default());
    let mut opener = Opener::default();
    let mut last = 0;
    loop {
        let blobs = catalog.undescribed(last)?;
        let Some(end) = blobs.last() else {
            return Ok(());
        };
        last = end.id;
        for blob in blobs {
            for (_, path) in finder.locate(layout, catalog, &blob)? {
                if let Ok(digest) = opener.scan(&path, blob.name.size, &mut scanner)
                    && digest.hash == blob.name.hash
                {
                    catalog.describe(blob.name.hash, &digest)?;
                    break;
                }
            }
        }
    }
}
