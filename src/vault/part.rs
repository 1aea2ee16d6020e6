//! Some messages of a vault, with its whole ledger: what a part of a second copy is selected and
//! read from. It is thrown away afterwards, and nothing of it is made durable.

use std::io::Read;
use std::path::Path;

use super::Vault;
use super::layout::Layout;
use super::placer::{MessagePlacer, RestoredMessage};
use super::restore::replayed_copy;
use crate::base::account_name::AccountNames;
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::vault::SelectionScope;

/// A vault that has files of those messages only that were put into it.
pub(crate) struct PartialVault {
    vault: Vault,
    placer: MessagePlacer,
    whole: bool,
}

impl PartialVault {
    /// Reads the ledger below `root`; none if it does not begin as one.
    pub(crate) fn open(root: &Path, names: AccountNames) -> Result<Option<Self>> {
        let layout = Layout::new(root);
        let Some((manifest, catalog, whole)) = replayed_copy(&layout)? else {
            return Ok(None);
        };
        let placer = MessagePlacer::new(&layout);
        let vault = Vault {
            layout,
            id: manifest.id,
            catalog,
        };
        Ok(Some(Self {
            vault: vault.with_names(names),
            placer,
            whole,
        }))
    }

    /// False if lines of the ledger are damaged.
    pub(crate) fn has_whole_ledger(&self) -> bool {
        self.whole
    }

    /// Refuses a query that can have no answer.
    pub(crate) fn check(&self, query: &Query) -> Result<()> {
        self.vault.catalog.check_query(query)
    }

    /// Tells of the messages that a query selects, as far as the ledger tells, and what their
    /// files take.
    pub(crate) fn select(
        &self,
        query: &Query,
        scope: SelectionScope,
        each: &mut dyn FnMut(Hash128, u64) -> Result<()>,
    ) -> Result<()> {
        let selection = self.vault.select(query, true, scope)?;
        self.vault.each_content(&selection, &mut |hash| {
            let blob = self.vault.catalog.find(hash)?;
            each(hash, blob.map_or(0, |blob| blob.stored))
        })
    }

    /// Gives a message all its names, and takes in what it says of itself. `size` is that of its
    /// bytes.
    pub(crate) fn put(
        &mut self,
        hash: Hash128,
        times: (u64, u64),
        content: &mut dyn Read,
    ) -> Result<RestoredMessage> {
        let catalog = &mut self.vault.catalog;
        let (outcome, digest) = self.placer.put(catalog, hash, times, content)?;
        if let Some(digest) = digest {
            catalog.describe(hash, &digest)?;
        }
        drop(self.placer.take_written());
        Ok(outcome)
    }

    /// What can be selected and read from now on.
    pub(crate) fn into_vault(self) -> Vault {
        self.vault
    }
}
