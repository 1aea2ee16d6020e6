//! From a content to its files, and from the files to what is derived of them.

use std::path::PathBuf;

use crate::error::Result;
use crate::message::Scanner;
use crate::vault::catalog::{Blob, Catalog, Place};
use crate::vault::layout::Layout;
use crate::vault::{frame, maildir};

/// The files of a content, as far as they are there.
pub(super) fn locate(
    layout: &Layout,
    catalog: &Catalog,
    blob: &Blob,
) -> Result<Vec<(Place, PathBuf)>> {
    let mut found = Vec::new();
    for place in catalog.places(blob.id)? {
        let folder = layout.folder(&place.account, &place.dir);
        if let Some(path) = maildir::find(&folder, &blob.name, &place.flags)? {
            found.push((place, path));
        }
    }
    Ok(found)
}

/// Reads what the ledger does not say from the files themselves. A file that is
/// missing or damaged is left to `verify`.
pub(super) fn describe(layout: &Layout, catalog: &mut Catalog) -> Result<()> {
    let mut scanner = Scanner::new();
    for blob in catalog.undescribed()? {
        for (_, path) in locate(layout, catalog, &blob)? {
            if let Ok(digest) = frame::scan(&path, blob.name.size, &mut scanner)
                && digest.hash == blob.name.hash
            {
                catalog.describe(blob.name.hash, &digest)?;
                break;
            }
        }
    }
    Ok(())
}
