//! Making the derived files again, so that they hold nothing of what was removed.

use std::cell::OnceCell;
use std::path::PathBuf;

use crate::base::error::Result;
use crate::base::fsx;
use crate::vault::catalog::{Catalog, discard};
use crate::vault::ledger::{Item, Reader};
use crate::vault::{Writer, describe};

impl Writer {
    /// Removes the index of words and the record of imports, which are made again.
    pub(super) fn discard_derived(&self) -> Result<()> {
        discard(&self.layout.texts())?;
        discard(&self.layout.imports())
    }

    /// Replaces the catalog by one that is made from the ledger as it is now; what it knew of the
    /// files of other messages is taken over. The other two are made again when they are needed.
    pub(in crate::vault) fn renew_catalogs(&mut self) -> Result<()> {
        self.erasing = true;
        self.catalog.abandon()?;
        self.discard_derived()?;
        let place = self.layout.catalog();
        let mut new_name = place.as_os_str().to_owned();
        new_name.push(".new");
        let new_place = PathBuf::from(new_name);
        discard(&new_place)?;
        let mut catalog = Catalog::open(&new_place)?;
        catalog.begin()?;
        for item in Reader::new(&self.layout, &self.manifest.id)? {
            if let Item::Entry { entry, position } = item? {
                catalog.apply(&entry)?;
                catalog.put_waypoint(&position)?;
            }
        }
        catalog.describe_as(&self.catalog)?;
        describe(&self.layout, &mut catalog)?;
        catalog.commit(self.ledger.position())?;
        // Both are closed, so that no journal is left.
        drop(catalog);
        self.catalog = Catalog::temporary()?;
        discard(&place)?;
        fsx::rename(&new_place, &place)?;
        fsx::sync_dir(self.layout.root())?;
        self.catalog = Catalog::open(&place)?;
        self.erasing = false;
        self.tombstones = OnceCell::new();
        self.torn = false;
        Ok(())
    }
}
