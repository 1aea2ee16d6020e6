//! The index of a place: the one that is here, or a new one for a place that has a copy or none.
//!
//! What the vault is called there lies in a file of its own, so that an index that is lost can be
//! made again without taking another vault's copy for ours.

use std::path::Path;

use super::PENDING;
use super::record::{CopyRecord, CopyState, LastHead};
use super::spool::PushSpool;
use crate::base::error::{Error, Result};
use crate::offsite::fault::CopyError;
use crate::offsite::heads::read_heads;
use crate::offsite::local::LocalPlace;
use crate::offsite::pack::hex;
use crate::offsite::place::ObjectStore;
use crate::vault::Vault;

/// Opens the index of a place, or makes it.
pub(super) fn open_record(
    vault: &Vault,
    local: &LocalPlace,
    spool: &PushSpool,
    store: &ObjectStore,
    rebuild: bool,
) -> Result<(CopyRecord, CopyState), CopyError> {
    if let Some(record) = CopyRecord::open(local.folder())?
        && let Some(state) = record.state()?
        && !rebuild
    {
        if state.vault_id != vault.id() {
            return Err(CopyError::OtherVault);
        }
        return Ok((record, state));
    }
    let heads = read_heads(store, None)?;
    let last = heads.newest.as_ref().map(LastHead::of);
    let here = local.pseudonym()?;
    let name = match (heads.chain.vault(), here) {
        (None, Some(here)) => here,
        (None, None) => random_name(local.folder())?,
        (Some(there), _) if rebuild => there.to_owned(),
        // Without an index nobody knows whether the vault is older than its copy.
        (Some(_), _) => return Err(CopyError::UnknownCopy),
    };
    local.set_pseudonym(&name)?;
    // A head that was made for another state continues nothing.
    spool.sweep()?;
    let state = CopyState::new(vault.id(), name, last);
    let record = CopyRecord::create(local.folder(), &state)?;
    record.supersede(heads.chain.live().map(|object| &*object.name))?;
    Ok((record, state))
}

/// Forgets what is known of a place, which is another one now.
pub(in crate::offsite) fn forget_place(local: &LocalPlace) -> Result<()> {
    PushSpool::open(&local.path(PENDING))?.clear()?;
    CopyRecord::remove(local.folder())?;
    local.forget_pseudonym()
}

fn random_name(folder: &Path) -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::file("create", folder, std::io::Error::other(e.to_string())))?;
    Ok(hex(&bytes))
}
