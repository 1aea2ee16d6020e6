//! The vault and the disk below it.

use std::path::Path;

use crate::base::error::Result;
use crate::base::fsx;
use crate::vault::Vault;
use crate::vault::layout::Layout;
use crate::vault::lock;

/// What was found out about a vault.
#[derive(Debug)]
pub struct VaultFacts {
    /// Messages in it.
    pub messages: u64,
    /// Bytes that are free on its file system.
    pub free: u64,
    /// Why nothing can be written there, if so.
    pub unwritable: Option<crate::base::error::Error>,
    /// True if its file system may be shared by several machines.
    pub network: bool,
    /// Who writes to it now.
    pub holder: Option<String>,
    /// The end of the last verify in Unix seconds, how much was wrong, and what it
    /// looked at.
    pub verified: Option<(i64, u64, String)>,
    /// Damage that no verify has settled since: when, and how much.
    pub damage: Option<(i64, u64)>,
    /// When the newest message was archived, in Unix seconds; 0 in an empty vault.
    pub newest: i64,
}

/// Looks at a vault.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn vault(path: &Path) -> Result<VaultFacts> {
    let layout = Layout::new(path);
    // Asked first: opening may bring the catalog up to date under the lock.
    let holder = lock::held(&layout.lock());
    let vault = Vault::open(path)?;
    let catalog = vault.catalog();
    Ok(VaultFacts {
        messages: vault.count()?,
        free: fsx::free_space(path)?,
        unwritable: fsx::try_write(path).err(),
        network: fsx::is_network(path),
        holder,
        verified: catalog.last_verified()?,
        damage: catalog.unsettled_damage()?,
        newest: catalog.newest()?,
    })
}
