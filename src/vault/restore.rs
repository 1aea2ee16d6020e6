//! A vault that is made again from its ledger and from messages that come in any order.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::catalog::{Catalog, Place};
use super::layout::{self, FileName, Layout, Manifest};
use super::ledger::{self, LedgerEvent};
use super::maildir;
use super::receive::{ExpectedMessage, Receiver};
use super::{Writer, erase, locate, replayed};
use crate::base::error::Result;
use crate::base::fsx::{self, BatchSync, Linked};
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

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestoredMessage {
    /// It has its names.
    Placed,
    /// The ledger knows no place for it: it was lost or forgotten.
    Unplaced,
    /// Its bytes do not have its hash.
    Wrong,
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

/// A vault whose ledger is there and whose messages are to come. Until
/// [`VaultRestore::finish`] no program takes it for a vault.
pub(crate) struct VaultRestore {
    layout: Layout,
    manifest: Manifest,
    catalog: Catalog,
    whole: bool,
    sync: BatchSync,
    receiver: Receiver,
    folders: BTreeSet<(String, String)>,
    written: Vec<PathBuf>,
}

impl VaultRestore {
    /// Reads the ledger below `root`; none if it does not begin as one.
    pub(crate) fn open(root: &Path) -> Result<Option<Self>> {
        let layout = Layout::new(root);
        let Some(manifest) = ledger::origin(&layout)? else {
            return Ok(None);
        };
        // The copy has lines as they were pushed; what was forgotten later must not come back.
        erase::mask_restored(&layout)?;
        let (catalog, whole) = replayed(&layout, &manifest)?;
        Ok(Some(Self {
            sync: BatchSync::new(layout.root())?,
            receiver: Receiver::new(),
            layout,
            manifest,
            catalog,
            whole,
            folders: BTreeSet::new(),
            written: Vec::new(),
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
        (size, mtime): (u64, u64),
        content: &mut dyn Read,
    ) -> Result<RestoredMessage> {
        let Some(blob) = self.catalog.find(hash)? else {
            return Ok(RestoredMessage::Unplaced);
        };
        let places = self.catalog.places(blob.id)?;
        let Some(first) = places.first() else {
            return Ok(RestoredMessage::Unplaced);
        };
        for place in &places {
            self.create_folder(&place.account, &place.dir)?;
        }
        let expected = ExpectedMessage {
            hash,
            size,
            mtime,
            stored: 0,
        };
        let arrived = (self.receiver).take(&self.layout, &first.account, expected, content)?;
        let Some(arrived) = arrived else {
            return Ok(RestoredMessage::Wrong);
        };
        self.give_names(&arrived.file, &blob.name, &places)?;
        arrived.file.discard()?;
        if self.written.len() >= BATCH {
            self.sync_written()?;
        }
        Ok(RestoredMessage::Placed)
    }

    fn create_folder(&mut self, account: &str, dir: &str) -> Result<()> {
        for dir in ["", dir] {
            let folder = (account.to_owned(), dir.to_owned());
            if !self.folders.contains(&folder) {
                maildir::create_folder(&self.layout, account, dir)?;
                self.folders.insert(folder);
            }
        }
        Ok(())
    }

    fn give_names(
        &mut self,
        file: &fsx::StagedFile,
        name: &FileName,
        places: &[Place],
    ) -> Result<()> {
        let mut first: Option<PathBuf> = None;
        for place in places {
            let folder = self.layout.folder(&place.account, &place.dir);
            let path = folder.join("cur").join(name.with_flags(&place.flags));
            // What a restore that was killed left may be torn.
            let linked = match &first {
                Some(first) if fsx::look(&path)?.is_none() => fsx::link(first, &path)?,
                _ => Linked::Unsupported,
            };
            if linked != Linked::Done {
                maildir::place(&self.layout, file, &folder, name, &place.flags)?;
            }
            self.written.push(path.clone());
            first.get_or_insert(path);
        }
        Ok(())
    }

    /// Makes durable what was written so far.
    pub(crate) fn sync_written(&mut self) -> Result<()> {
        self.sync.sync(&self.written)?;
        let folders: BTreeSet<&Path> = self.written.iter().filter_map(|f| f.parent()).collect();
        folders.into_iter().try_for_each(fsx::sync_dir)?;
        self.written.clear();
        Ok(())
    }

    /// Counts the contents that should have a file, by whether they have one; with the first `most`
    /// of those that have none.
    pub(crate) fn tally(&self, most: usize) -> Result<RestoreTally> {
        let mut tally = RestoreTally::default();
        self.catalog.for_each_key(|_, hash| {
            let Some(blob) = self.catalog.find(hash)? else {
                return Ok(());
            };
            if self.catalog.places(blob.id)?.is_empty() {
                return Ok(());
            }
            if !locate(&self.layout, &self.catalog, &blob)?.is_empty() {
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
