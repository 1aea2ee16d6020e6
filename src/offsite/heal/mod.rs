//! Healing a vault: message files that are damaged or missing here are fetched from its second
//! copy, and of that only what is needed.
//!
//! What is fetched is as `fetch/` has it. The ledger is not healed: what lines of it are damaged
//! stay so.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::fault::CopyError;
use super::fetch::{FetchReport, FetchSource, LeftMessages, MessageFetch, WantedMessages};
use super::head::HeadObject;
use super::heads::{StrayHeads, read_heads};
use super::pack::Identities;
use super::place::ObjectStore;
use super::watch::{CopyProgress, CopyWatch};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::VaultHeal;

/// How to heal.
#[derive(Debug, Clone, Copy)]
pub struct HealOptions<'o> {
    /// What the ledger calls the copy.
    pub destination: &'o str,
    /// Who can read the copy.
    pub identities: &'o Identities,
    /// What may be damaged or missing. What has a good file is left alone.
    pub messages: &'o [Hash128],
    /// Bring back, too, what earlier repairs recorded as lost.
    pub lost: bool,
    /// Set from outside to end early.
    pub stop: &'o AtomicBool,
}

/// What was healed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealReport {
    /// Messages that have no good file and were looked for in the copy.
    pub asked: u64,
    /// Of these, those that have their files again.
    pub healed: u64,
    /// Those that are in no push that could be read.
    pub not_there: u64,
    /// Those that are in the copy, in objects that are missing or damaged.
    pub unreadable: u64,
    /// The first 1,000 that were not healed.
    pub left: Vec<Hash128>,
    /// Bytes that were fetched.
    pub bytes: u64,
    /// Objects that were needed and are missing or damaged.
    pub damaged: Vec<String>,
    /// Heads that do not belong to the copy.
    pub strays: StrayHeads,
}

/// Puts back message files that are damaged or missing. The vault is locked meanwhile. `progress`
/// hears how far it is.
pub fn heal(
    store: &ObjectStore,
    vault: &Path,
    options: HealOptions<'_>,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<HealReport, CopyError> {
    let mut vault = VaultHeal::open(vault, options.stop)?;
    let mut wanted = WantedMessages::new()?;
    for hash in options.messages {
        if vault.lacks(*hash)? {
            wanted.add(*hash)?;
        }
    }
    if options.lost {
        for hash in vault.lost() {
            wanted.add(hash)?;
        }
    }
    let asked = wanted.len();
    if asked == 0 {
        return Ok(HealReport::default());
    }
    let heads = read_heads(store, None)?;
    let Some(newest) = heads.newest else {
        return Err(CopyError::Empty);
    };
    vault.comes_from(options.destination, newest.seq);
    let live: BTreeMap<&str, &HeadObject> = (heads.chain.live())
        .map(|object| (&*object.name, object))
        .collect();
    let watch = CopyWatch::new(progress);
    watch.want(asked);
    let source = FetchSource {
        store,
        live: &live,
        identities: options.identities,
        stop: options.stop,
        watch: &watch,
    };
    let mut put = |hash, times, content: &mut dyn Read| vault.put(hash, times, content);
    let mut fetch = MessageFetch::new(source, wanted, &mut put);
    let outcome = fetch.pushes(heads.names.iter().map(String::as_str));
    let MessageFetch { wanted, report, .. } = fetch;
    // What was put back until something failed is kept.
    let finished = vault.finish();
    outcome?;
    finished?;
    let FetchReport {
        placed,
        bytes,
        damaged,
    } = report;
    let LeftMessages {
        not_there,
        unreadable,
        first: left,
    } = wanted.left()?;
    Ok(HealReport {
        asked,
        healed: placed,
        not_there,
        unreadable,
        left,
        bytes,
        damaged,
        strays: heads.strays,
    })
}
