//! What a place was found to lack: it is owed again, and the next push sends it.

use std::path::Path;

use super::record::{CopyRecord, keys_id};
use crate::offsite::fault::CopyError;
use crate::offsite::local::LocalPlace;
use crate::offsite::pack::Recipients;
use crate::vault::Vault;

/// Takes packs for lost, so that the next push sends the messages in them once more. A lost push
/// has records, too, which only a rebuild sends.
pub fn note_losses<'n>(
    vault: &Path,
    name: &str,
    packs: impl Iterator<Item = &'n str>,
) -> Result<(), CopyError> {
    let vault = Vault::open(vault)?;
    let local = LocalPlace::of(vault.root(), name);
    let _lock = local.lock(&std::sync::atomic::AtomicBool::new(false))?;
    let Some(record) = CopyRecord::open(local.folder())? else {
        return Ok(());
    };
    for pack in packs {
        record.lose(pack)?;
    }
    Ok(())
}

/// How many messages only other keys than these can read.
pub fn of_other_keys(vault: &Path, name: &str, recipients: &Recipients) -> Result<u64, CopyError> {
    let record = CopyRecord::open(LocalPlace::of(vault, name).folder())?;
    match record {
        Some(record) => Ok(record.of_other_keys(keys_id(recipients))?),
        None => Ok(0),
    }
}
