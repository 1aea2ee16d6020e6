//! The state of a copy that is restored, and whether the private key opens it.

use std::collections::BTreeMap;

use super::damaged;
use crate::base::error::Result;
use crate::offsite::fault::CopyError;
use crate::offsite::head::HeadObject;
use crate::offsite::heads::{PlaceHeads, StrayHeads, read_heads};
use crate::offsite::object::{ObjectCandidate, ObjectSearch};
use crate::offsite::pack::{Identities, PackError};
use crate::offsite::payload::{PushError, PushReader};
use crate::offsite::place::ObjectStore;

/// A copy as of one of its heads.
pub(super) struct RestorePoint {
    heads: PlaceHeads,
    /// The number of the head.
    pub(super) seq: u64,
    /// What the vault is called there.
    pub(super) vault: String,
}

impl RestorePoint {
    /// The copy as of this head, or of the newest.
    pub(super) fn read(store: &ObjectStore, head: Option<u64>) -> Result<Self, CopyError> {
        let heads = read_heads(store, head)?;
        let (Some(newest), Some(vault)) = (heads.newest, heads.chain.vault()) else {
            return Err(match head {
                Some(_) => CopyError::NoHead,
                None => CopyError::Empty,
            });
        };
        if head.is_some_and(|head| head != newest.seq) {
            return Err(CopyError::NoHead);
        }
        Ok(Self {
            seq: newest.seq,
            vault: vault.to_owned(),
            heads,
        })
    }

    /// Heads that do not belong to the copy.
    pub(super) fn strays(&self) -> StrayHeads {
        self.heads.strays
    }

    /// The names of all objects, in the order in which heads name them.
    pub(super) fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.heads.names.iter().map(String::as_str)
    }

    /// The objects that were named and not replaced, by their names.
    pub(super) fn live(&self) -> BTreeMap<&str, &HeadObject> {
        let live = self.heads.chain.live();
        live.map(|object| (&*object.name, object)).collect()
    }

    /// The pushes that have the ledger, in the order in which they continue each other.
    pub(super) fn ledger<'h>(
        &self,
        live: &BTreeMap<&'h str, &'h HeadObject>,
    ) -> Result<Vec<&'h HeadObject>, CopyError> {
        let pushes = self.heads.ledger_pushes().into_iter();
        let object = |name: &str| live.get(name).copied().ok_or_else(|| damaged(name));
        pushes.map(object).collect()
    }
}

/// The version of a push that is right. It is known before anything of it is written, unless the
/// place vouches for it.
pub(super) fn right_push<'r>(
    store: &'r ObjectStore,
    object: &'r HeadObject,
) -> Result<ObjectCandidate<'r>, CopyError> {
    let mut search = ObjectSearch::open(store, object)?;
    search.next_trusted()?.ok_or_else(|| damaged(&object.name))
}

/// Refuses a key that does not open the ledger.
pub(super) fn check_key(
    store: &ObjectStore,
    ledger: &[&HeadObject],
    identities: &Identities,
) -> Result<(), CopyError> {
    let Some(object) = ledger.last() else {
        return Ok(());
    };
    match PushReader::open(right_push(store, object)?.body()?, identities) {
        Err(source @ PushError::Pack(PackError::WrongIdentity)) => Err(CopyError::Push {
            name: object.name.clone(),
            source,
        }),
        // What else is wrong is found when it is read.
        _ => Ok(()),
    }
}
