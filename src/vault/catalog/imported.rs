//! Messages that no server of their account has listed: usually imported mail.

use rusqlite::Row;

use super::lookup::blob;
use super::{Blob, Catalog};
use crate::base::error::Result;

/// One file of a stored message.
#[derive(Debug)]
pub(crate) struct StoredFile {
    /// The content.
    pub(crate) blob: Blob,
    /// The directory of its folder.
    pub(crate) dir: String,
    /// The flags in its name, as far as is known.
    pub(crate) flags: String,
}

impl Catalog {
    /// Calls `each` with every file of an account whose content none of its servers has
    /// listed, folder by folder.
    pub(crate) fn for_each_imported(
        &self,
        account: &str,
        each: &mut dyn FnMut(StoredFile) -> Result<()>,
    ) -> Result<()> {
        let failed = |e| self.failed(e);
        let mut statement = self
            .db
            .prepare_cached(
                "SELECT blob.id, h64, hrest, received, size, wire, stored, dir, flags
                 FROM folder CROSS JOIN place ON place.folder = folder.id
                 CROSS JOIN blob ON blob.id = place.blob
                 WHERE account = ?1 AND NOT lost
                 AND NOT EXISTS (SELECT 1 FROM sighting WHERE sighting.blob = place.blob
                                 AND origin IN (SELECT id FROM origin WHERE account = ?1))",
            )
            .map_err(failed)?;
        let mut rows = statement.query([account]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(stored_file(row).map_err(failed)?)?;
        }
        Ok(())
    }
}

fn stored_file(row: &Row<'_>) -> rusqlite::Result<StoredFile> {
    Ok(StoredFile {
        blob: blob(row)?,
        dir: row.get(7)?,
        flags: row.get(8)?,
    })
}
