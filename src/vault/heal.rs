//! Putting messages back whose files are missing or damaged, from wherever their bytes come.
//!
//! A file that is good stays as it is. A damaged one goes to quarantine once the bytes that replace
//! it are there, so that a kill at any moment leaves no message worse than it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::catalog::Place;
use super::finder::{FileFinder, homes};
use super::layout::FileName;
use super::ledger::LedgerEvent;
use super::lost::{LostMessage, adoption, lost_messages};
use super::placer::RestoredMessage;
use super::receive::{ExpectedMessage, Receiver};
use super::{Writer, frame, maildir};
use crate::base::error::Result;
use crate::base::fsx::StagedFile;
use crate::mail::message::{Digest, Hash128};

/// Files that are made durable together.
const BATCH: usize = 1_024;

/// A vault, locked, that gets messages back.
#[derive(Debug)]
pub(crate) struct VaultHeal {
    writer: Writer,
    finder: FileFinder,
    receiver: Receiver,
    /// What is recorded before the first file that has another length than the ledger says.
    restored: Option<LedgerEvent>,
    written: Vec<PathBuf>,
    /// What earlier repairs recorded as lost.
    lost: BTreeMap<Hash128, LostMessage>,
    /// The lines that take in again what was lost, once its files are durable.
    adopted: Vec<LedgerEvent>,
}

/// Where a message belongs.
struct HealTarget {
    name: FileName,
    /// The length that its file should have; 0 if that is not known.
    stored: u64,
    places: Vec<Place>,
    is_lost: bool,
}

impl VaultHeal {
    /// Opens and locks a vault.
    pub(crate) fn open(root: &Path, stop: &AtomicBool) -> Result<Self> {
        let writer = Writer::open(root, Duration::ZERO, stop)?;
        let lost = lost_messages(&writer.layout, &writer.manifest.id, &writer.catalog)?;
        Ok(Self {
            finder: FileFinder::default(),
            writer,
            receiver: Receiver::new(),
            restored: None,
            written: Vec::new(),
            lost,
            adopted: Vec::new(),
        })
    }

    /// What earlier repairs recorded as lost.
    pub(crate) fn lost(&self) -> impl Iterator<Item = Hash128> {
        self.lost.keys().copied()
    }

    /// Names the copy that the bytes come from.
    pub(crate) fn comes_from(&mut self, destination: &str, head: u64) {
        let destination = destination.to_owned();
        self.restored = Some(LedgerEvent::Restored { destination, head });
    }

    /// True if a content should have a file, and has no good one.
    pub(crate) fn lacks(&mut self, hash: Hash128) -> Result<bool> {
        let Some(blob) = self.writer.catalog().find(hash)? else {
            return Ok(self.lost.contains_key(&hash));
        };
        if self.writer.catalog().places(blob.id)?.is_empty() {
            return Ok(false);
        }
        Ok(self.writer.find_intact(&mut self.finder, &blob)?.is_none())
    }

    /// Gives a message all its names. `size` is that of its bytes.
    pub(crate) fn put(
        &mut self,
        hash: Hash128,
        (size, mtime): (u64, u64),
        content: &mut dyn std::io::Read,
    ) -> Result<RestoredMessage> {
        let layout = self.writer.layout().clone();
        let Some(target) = self.target(hash)? else {
            return Ok(RestoredMessage::Unplaced);
        };
        let HealTarget { stored, places, .. } = &target;
        let Some(first) = places.first() else {
            return Ok(RestoredMessage::Unplaced);
        };
        for place in places {
            maildir::create_folder(&layout, &place.account, "")?;
            maildir::create_folder(&layout, &place.account, &place.dir)?;
        }
        let expected = ExpectedMessage {
            hash,
            size,
            mtime,
            stored: *stored,
        };
        let arrived = (self.receiver).take(&layout, &first.account, expected, content)?;
        let Some(arrived) = arrived else {
            return Ok(RestoredMessage::Wrong);
        };
        if target.is_lost && !self.may_return(&arrived.digest)? {
            arrived.file.discard()?;
            return Ok(RestoredMessage::Unplaced);
        }
        if *stored != 0 && arrived.stored != *stored {
            self.note_lengths()?;
        }
        let named = self.give_names(&arrived.file, &target);
        arrived.file.discard()?;
        named?;
        if self.written.len() >= BATCH {
            self.sync_written()?;
        }
        Ok(RestoredMessage::Placed)
    }

    fn target(&self, hash: Hash128) -> Result<Option<HealTarget>> {
        if let Some(blob) = self.writer.catalog().find(hash)? {
            return Ok(Some(HealTarget {
                places: self.writer.catalog().places(blob.id)?,
                name: blob.name,
                stored: blob.stored,
                is_lost: false,
            }));
        }
        Ok(self.lost.get(&hash).map(|lost| HealTarget {
            name: lost.name,
            stored: lost.stored,
            places: lost.places.clone(),
            is_lost: true,
        }))
    }

    /// False for what was forgotten, and for all if the key is missing that would tell.
    fn may_return(&self, digest: &Digest) -> Result<bool> {
        match self.writer.tombstones() {
            Err(_) => Ok(false),
            Ok(None) => Ok(true),
            Ok(Some(key)) => Ok(key.forget_of(self.writer.catalog(), digest)?.is_none()),
        }
    }

    /// Records that the lengths of files say nothing from now on.
    fn note_lengths(&mut self) -> Result<()> {
        if let Some(event) = self.restored.take() {
            self.writer.record(&[event])?;
            self.writer.publish()?;
        }
        Ok(())
    }

    fn give_names(&mut self, file: &StagedFile, target: &HealTarget) -> Result<()> {
        let mut first: Option<StagedFile> = None;
        for place in &target.places {
            let from = first.as_ref().unwrap_or(file);
            let path = self.give_name(from, &target.name, place)?;
            self.written.push(path.clone());
            first.get_or_insert(StagedFile::Named(path));
            if target.is_lost {
                self.adopted.push(adoption(&target.name, place));
            }
        }
        Ok(())
    }

    /// Gives a message one of its names, and that of a damaged file if there is one.
    fn give_name(&mut self, from: &StagedFile, name: &FileName, place: &Place) -> Result<PathBuf> {
        let layout = self.writer.layout();
        let folder = layout.folder(&place.account, &place.dir);
        let mut flags = place.flags.clone();
        for home in homes(layout, self.writer.catalog(), &place.account, &place.dir)? {
            let Some(path) = self.finder.find(&home, name, &place.flags)? else {
                continue;
            };
            if frame::check(&path, name.hash, name.size).is_ok() {
                return Ok(path);
            }
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            if let Some((_, there)) = FileName::parse(&file) {
                flags = there;
            }
            if path != folder.join("cur").join(name.with_flags(&flags)) {
                maildir::quarantine(layout, &path)?;
                self.finder.moved_away(&path)?;
            }
        }
        maildir::place(layout, from, &folder, name, &flags)?;
        Ok(folder.join("cur").join(name.with_flags(&flags)))
    }

    fn sync_written(&mut self) -> Result<()> {
        self.writer.sync_names(&self.written)?;
        self.written.clear();
        if !self.adopted.is_empty() {
            self.writer.record(&self.adopted)?;
            self.adopted.clear();
        }
        Ok(())
    }

    /// Makes durable what was put back.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.sync_written()?;
        self.writer.publish()
    }
}
