//! A vault that is made again from its ledger and from messages that come in any order.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::catalog::Catalog;
use super::finder::FileFinder;
use super::layout::{self, Layout, Manifest};
use super::ledger::{self, LedgerEvent};
use super::placer::{MessagePlacer, RestoredMessage};
use super::{Writer, erase, replayed};
use crate::base::error::Result;
use crate::base::fsx::{self, BatchSync};
use crate::mail::message::Hash128;

/// Files that are made durable together.
const BATCH: usize = 1_024;

/// The folder below the vault with what a restore has done so far.
pub(crate) const RESTORE_NOTES: &str = "restore";
/// The note without which no restore is continued.
pub(crate) const RESTORE_BEGUN: &str = "copy";

/// Removes the notes of a restore that had come to its end and was killed over removing them.
pub(crate) fn sweep_restore(root: &Path) -> Result<()> {
    let folder = root.join(RESTORE_NOTES);
    if !fsx::is_dir(&folder)? || fsx::is_file(&folder.join(RESTORE_BEGUN))? {
        return Ok(());
    }
    for (name, _) in fsx::list(&folder)? {
        fsx::remove(&folder.join(name))?;
    }
    fsx::remove_dir(&folder)?;
    fsx::sync_dir(root)
}

/// What of a vault is restored.
#[derive(Debug, Default)]
pub(crate) struct RestoreTally {
    /// Messages that have their file.
    pub(crate) there: u64,
    /// Messages that should have one and have none.
    pub(crate) missing: u64,
    /// The first of these.
    pub(crate) first_missing: Vec<Hash128>,
}

/// What the ledger of a copy says, once it is below `layout`; none if it does not begin as one. With
/// it is false if lines of it are damaged.
pub(super) fn replayed_copy(layout: &Layout) -> Result<Option<(Manifest, Catalog, bool)>> {
    let Some(manifest) = ledger::origin(layout)? else {
        return Ok(None);
    };
    // The copy has lines as they were pushed; what was forgotten later must not come back.
    erase::mask_restored(layout)?;
    let (catalog, whole) = replayed(layout, &manifest)?;
    Ok(Some((manifest, catalog, whole)))
}

/// A vault whose ledger is there and whose messages are to come. Until
/// [`VaultRestore::finish`] no program takes it for a vault.
pub(crate) struct VaultRestore {
    layout: Layout,
    manifest: Manifest,
    catalog: Catalog,
    whole: bool,
    sync: BatchSync,
    placer: MessagePlacer,
}

impl VaultRestore {
    /// Reads the ledger below `root`; none if it does not begin as one.
    pub(crate) fn open(root: &Path) -> Result<Option<Self>> {
        let layout = Layout::new(root);
        let Some((manifest, catalog, whole)) = replayed_copy(&layout)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            sync: BatchSync::new(layout.root())?,
            placer: MessagePlacer::new(&layout),
            layout,
            manifest,
            catalog,
            whole,
        }))
    }

    /// False if lines of the ledger are damaged.
    pub(crate) fn has_whole_ledger(&self) -> bool {
        self.whole
    }

    /// Gives a message all its names. `size` is that of its bytes.
    pub(crate) fn put(
        &mut self,
        hash: Hash128,
        times: (u64, u64),
        content: &mut dyn Read,
    ) -> Result<RestoredMessage> {
        let (outcome, _) = self.placer.put(&self.catalog, hash, times, content)?;
        if self.placer.written().len() >= BATCH {
            self.sync_written()?;
        }
        Ok(outcome)
    }

    /// Makes durable what was written so far.
    pub(crate) fn sync_written(&mut self) -> Result<()> {
        let written = self.placer.take_written();
        self.sync.sync(&written)?;
        let folders: BTreeSet<&Path> = written.iter().filter_map(|f| f.parent()).collect();
        folders.into_iter().try_for_each(fsx::sync_dir)
    }

    /// Counts the contents that should have a file, by whether they have one; with the first `most`
    /// of those that have none.
    pub(crate) fn tally(&self, most: usize) -> Result<RestoreTally> {
        let (mut tally, mut finder) = (RestoreTally::default(), FileFinder::default());
        self.catalog.for_each_key(|_, hash| {
            let Some(blob) = self.catalog.find(hash)? else {
                return Ok(());
            };
            if self.catalog.places(blob.id)?.is_empty() {
                return Ok(());
            }
            if !finder
                .locate(&self.layout, &self.catalog, &blob)?
                .is_empty()
            {
                tally.there += 1;
                return Ok(());
            }
            tally.missing += 1;
            if tally.first_missing.len() < most {
                tally.first_missing.push(hash);
            }
            Ok(())
        })?;
        Ok(tally)
    }

    /// Makes it a vault.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.sync_written()?;
        fsx::create_dir_all_durably(&self.layout.mail_dir())?;
        fsx::write_durably(&self.layout.readme(), layout::README.as_bytes())?;
        fsx::write_durably(&self.layout.manifest(), self.manifest.text().as_bytes())
    }
}

/// Writes the key by which forgotten mail is recognised.
pub(crate) fn write_tombstone_key(root: &Path, key: &[u8; 32]) -> Result<()> {
    fsx::write_durably(&Layout::new(root).tombstone_key(), key)
}

/// Records that a vault was restored.
pub(crate) fn record_restored(root: &Path, from: &str, head: u64) -> Result<()> {
    let mut writer = Writer::open(root, Duration::ZERO, &AtomicBool::new(false))?;
    writer.record(&[LedgerEvent::Restored {
        destination: from.to_owned(),
        head,
    }])?;
    writer.publish()
}
