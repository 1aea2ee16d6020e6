//! A part of a copy: the messages that a query selects. A part of a ledger is no vault, so they are
//! for whoever writes them as files.
//!
//! The ledger is written into a scratch folder, and the query asked of it. Only the messages that
//! fit are fetched (`fetch/`). What only messages themselves say, as their subject, is asked once
//! they are there: for such a query everything is fetched that fits its other terms.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::ledger::LedgerWriter;
use super::point::{RestorePoint, check_key};
use super::scratch::ScratchFolder;
use crate::base::account_name::AccountNames;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::offsite::fault::CopyError;
use crate::offsite::fetch::{FetchReport, FetchSource, MessageFetch, WantedMessages};
use crate::offsite::heads::StrayHeads;
use crate::offsite::pack::Identities;
use crate::offsite::place::ObjectStore;
use crate::offsite::watch::{CopyProgress, CopyWatch};
use crate::vault::{PartialVault, SelectionScope, Vault};

/// Which part, and how.
#[derive(Debug, Clone, Copy)]
pub struct PartOptions<'o> {
    /// Who can read the copy.
    pub identities: &'o Identities,
    /// The head up to which it is read; the newest if none is given.
    pub head: Option<u64>,
    /// The messages.
    pub query: &'o Query,
    /// Which of these in each folder.
    pub scope: SelectionScope,
    /// What the accounts are called.
    pub names: &'o AccountNames,
    /// Set from outside to end early.
    pub stop: &'o AtomicBool,
}

/// What was fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartReport {
    /// The head up to which the copy was read.
    pub head: u64,
    /// Messages that were fetched: those that the query selects, and if it asks what messages say
    /// those that it may select.
    pub fetched: u64,
    /// Bytes that were fetched.
    pub bytes: u64,
    /// Messages that should have been fetched, and are in no object that could be read.
    pub missing: u64,
    /// The first 1,000 of these.
    pub first_missing: Vec<Hash128>,
    /// Objects that are missing or damaged, and were needed.
    pub damaged: Vec<String>,
    /// Heads that do not belong to the copy.
    pub strays: StrayHeads,
    /// False if lines of the ledger are damaged, as they were when they were pushed.
    pub whole_ledger: bool,
}

/// The messages, as a vault to be read that is gone with this value.
#[derive(Debug)]
pub struct RestoredPart {
    /// What to select from. Messages that were not fetched have no file.
    pub vault: Vault,
    /// What was fetched.
    pub report: PartReport,
    scratch: ScratchFolder,
}

impl RestoredPart {
    /// Removes what was fetched, now that it is where it belongs.
    pub fn remove(self) -> Result<()> {
        drop(self.vault);
        self.scratch.remove()
    }
}

/// Fetches what a query selects into a folder below `target`, the directory in which it is to be
/// written. `progress` hears how far it is.
///
/// # Errors
/// [`Error::NotInVault`] if the query names an account or a folder that the copy does not have.
pub fn restore_part(
    store: &ObjectStore,
    target: &Path,
    options: PartOptions<'_>,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<RestoredPart, CopyError> {
    let point = RestorePoint::read(store, options.head)?;
    let live = point.live();
    let ledger = point.ledger(&live)?;
    // Before anything is written.
    check_key(store, &ledger, options.identities)?;
    let scratch = ScratchFolder::make(target)?;
    let watch = CopyWatch::new(progress);
    let writer = LedgerWriter {
        store,
        identities: options.identities,
        stop: options.stop,
        watch: &watch,
        target: scratch.path(),
    };
    writer.write(&ledger)?;
    let Some(mut vault) = PartialVault::open(scratch.path(), options.names.clone())? else {
        return Err(CopyError::Empty);
    };
    let (wanted, stored) = candidates(&vault, options)?;
    check_room(scratch.path(), stored)?;
    watch.want(wanted.len());
    let source = FetchSource {
        store,
        live: &live,
        identities: options.identities,
        stop: options.stop,
        watch: &watch,
    };
    let mut put = |hash, times, content: &mut dyn std::io::Read| vault.put(hash, times, content);
    let mut fetch = MessageFetch::new(source, wanted, &mut put);
    fetch.pushes(point.names())?;
    let MessageFetch { wanted, report, .. } = fetch;
    let FetchReport {
        placed,
        bytes,
        damaged,
    } = report;
    let left = wanted.left()?;
    let report = PartReport {
        head: point.seq,
        fetched: placed,
        bytes: bytes + ledger.iter().map(|object| object.size).sum::<u64>(),
        missing: left.not_there + left.unreadable,
        first_missing: left.first,
        damaged,
        strays: point.strays(),
        whole_ledger: vault.has_whole_ledger(),
    };
    Ok(RestoredPart {
        vault: vault.into_vault(),
        report,
        scratch,
    })
}

/// The messages that may be selected, as far as the ledger tells, and what their files take.
fn candidates(vault: &PartialVault, options: PartOptions<'_>) -> Result<(WantedMessages, u64)> {
    let of_records;
    let (query, scope) = if options.query.needs_contents() {
        // That it cannot be answered is said before anything is downloaded for it.
        vault.check(options.query)?;
        // What is left out at the end is counted, too.
        of_records = options.query.of_records();
        (&of_records, SelectionScope::All)
    } else {
        (options.query, options.scope)
    };
    let (mut wanted, mut stored) = (WantedMessages::new()?, 0);
    vault.select(query, scope, &mut |hash, size| {
        stored += size;
        wanted.add(hash)
    })?;
    Ok((wanted, stored))
}

fn check_room(folder: &Path, needed: u64) -> Result<()> {
    let free = fsx::free_space(folder)?;
    if free < needed {
        return Err(Error::NoSpace {
            path: folder.to_path_buf(),
            needed: Some(needed),
            free: Some(free),
            source: None,
        });
    }
    Ok(())
}
