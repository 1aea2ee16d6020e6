//! What was received long ago, and lists of contents by their keys.

use super::{Catalog, IdSet, PickedRows};
use crate::base::error::Result;
use crate::vault::{CLOCKS, EARLIEST};

impl Catalog {
    /// Those of these contents that every view shows as received before a time, in Unix seconds.
    /// One whose date is not known, or cannot be true, is not among them.
    pub(crate) fn received_before(&self, time: i64, among: &IdSet) -> Result<IdSet> {
        let sql = "SELECT id FROM blob
                   WHERE received_at >= ?1 AND received_at < ?2 AND received_at <= seen + ?3";
        let mut old = IdSet::default();
        let mut read = || {
            let mut statement = self.db.prepare_cached(sql)?;
            let mut rows = statement.query([EARLIEST, time, CLOCKS])?;
            while let Some(row) = rows.next()? {
                let id = row.get(0)?;
                if among.contains(id) {
                    old.insert(id);
                }
            }
            Ok(())
        };
        read().map_err(|e| self.failed(e))?;
        Ok(old)
    }

    /// Writes these contents to a temporary table, by date.
    pub(in crate::vault) fn pick(&self, ids: IdSet) -> Result<PickedRows> {
        let number = self.searches.replace(self.searches.get() + 1);
        let table = format!("picked{number}");
        let sql = format!(
            "CREATE TEMP TABLE {table} AS
             SELECT min(place.folder) AS folder, blob.id AS blob, size, h64, hrest
             FROM blob JOIN place ON place.blob = blob.id
             WHERE NOT lost AND fits_sets(blob.id)
             GROUP BY blob.id ORDER BY received_at, h64, hrest"
        );
        let pick = || {
            self.teach_sets(vec![(false, ids)])?;
            let picked = self.db.execute_batch(&sql);
            self.db.remove_function("fits_sets", 1)?;
            picked
        };
        pick().map_err(|e| self.failed(e))?;
        Ok(PickedRows { table })
    }
}
