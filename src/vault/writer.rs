//! The one writer of a vault: holds the lock, and puts right what a killed run left.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::fsx::{self, BatchSync, Staging};
use crate::mail::message::{Digest, Scanner};
use crate::vault::catalog::{Blob, Catalog, Place, discard};
use crate::vault::finder::FileFinder;
use crate::vault::frame::Opener;
use crate::vault::layout::{self, FileName, Layout, Manifest, base_of};
use crate::vault::ledger::{self, Damage, Item, Ledger, LedgerEvent, Opened, Reader};
use crate::vault::lock::Lock;
use crate::vault::tombstones::TombstoneKey;
use crate::vault::{
    describe, frame, locate, locate_all, maildir, now_ms, now_seconds, open_layout,
};

/// The one writer of a vault.
#[derive(Debug)]
pub struct Writer {
    pub(super) layout: Layout,
    pub(super) manifest: Manifest,
    pub(super) ledger: Ledger,
    pub(super) catalog: Catalog,
    sync: BatchSync,
    staging: Staging,
    /// True if the catalog has taken in an event by half: it must not be published.
    pub(super) torn: bool,
    /// True while messages are removed on purpose: the catalog, which knows them, must not be
    /// published.
    pub(super) erasing: bool,
    /// The key of what was forgotten, once it was asked for.
    pub(super) tombstones: OnceCell<Option<TombstoneKey>>,
    /// What opening found amiss.
    pub(crate) opened: Opened,
    _lock: Lock,
}

impl Writer {
    /// Creates an empty vault; the directory may exist if it is empty.
    pub fn create(path: &Path) -> Result<()> {
        let layout = Layout::new(path);
        fsx::create_dir_all_durably(layout.root())?;
        if fsx::is_file(&layout.manifest())? {
            return Ok(());
        }
        if ledger::origin(&layout)?.is_some() {
            let path = path.to_path_buf();
            return Err(Error::ManifestMissing { path });
        }
        let strangers: Vec<_> = maildir::list(layout.root())?
            .into_iter()
            .filter(|name| {
                !matches!(
                    name.as_str(),
                    "lock" | "README.txt" | "vault.toml.tmp" | "README.txt.tmp" | "lost+found"
                )
            })
            .collect();
        if !strangers.is_empty() {
            return Err(Error::Format {
                path: path.to_path_buf(),
                reason: format!(
                    "it is not empty and not a vault (it contains {})",
                    strangers[0]
                ),
            });
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id)
            .map_err(|e| Error::file("create", path, std::io::Error::other(e.to_string())))?;
        let manifest = Manifest::new(id, now_seconds());
        fsx::write_durably(&layout.readme(), layout::README.as_bytes())?;
        fsx::write_durably(&layout.manifest(), manifest.text().as_bytes())
    }

    /// Takes the lock, waiting at most `patience`, and puts right what a killed run
    /// left: a torn tail, files under `tmp`, an outdated catalog.
    pub fn open(path: &Path, patience: Duration, stop: &AtomicBool) -> Result<Self> {
        let (layout, manifest) = open_layout(path)?;
        let lock = Lock::take(&layout.lock(), path, patience, stop)?;
        // By its ledger a vault is told from one that has lost it: that comes first.
        for dir in [layout.ledger_dir(), layout.mail_dir()] {
            fsx::create_dir_all_durably(&dir)?;
        }
        #[cfg(feature = "offsite")]
        super::sweep_restore(layout.root())?;
        let mut catalog = Catalog::open(&layout.catalog())?;
        let position = catalog.position()?;
        let (ledger, opened) = Ledger::open(&layout, &manifest.id, position.as_ref())?;
        let rest = match &position {
            Some(position) => Reader::from(&layout, &manifest.id, position)?,
            None => Some(Reader::new(&layout, &manifest.id)?),
        };
        let rest = if let Some(rest) = rest {
            rest
        } else {
            // Not the ledger that this catalog was made from.
            drop(catalog);
            discard(&layout.catalog())?;
            catalog = Catalog::open(&layout.catalog())?;
            Reader::new(&layout, &manifest.id)?
        };
        let (mut behind, mut erased) = (false, false);
        let is_old = catalog.position()?.is_some();
        for item in rest {
            if let Item::Entry { entry, position } = item? {
                catalog.begin()?;
                catalog.apply(&entry)?;
                catalog.put_waypoint(&position)?;
                behind = true;
                erased |= entry.event.ends_erasure();
            }
        }
        if behind {
            describe(&layout, &mut catalog)?;
            catalog.commit(ledger.position())?;
        }
        let sync = BatchSync::new(layout.root())?;
        // A directory alone may leave out the count of links of a file that had no name.
        let staging = Staging::new(sync.is_whole());
        let mut writer = Self {
            layout,
            manifest,
            ledger,
            catalog,
            sync,
            staging,
            torn: false,
            erasing: false,
            tombstones: OnceCell::new(),
            opened,
            _lock: lock,
        };
        writer.finish_forgets(is_old, erased)?;
        writer.finish_merges()?;
        writer.clean_up()?;
        Ok(writer)
    }

    /// Sweeps `tmp`. Where a run was killed, files may have their names but no line in
    /// the ledger; those are adopted first, in all folders, since a message is written in one
    /// folder of its account and gets its name in another.
    fn clean_up(&mut self) -> Result<()> {
        let torn = !self.opened.torn.is_empty();
        for account in maildir::accounts(&self.layout)? {
            let dirs = maildir::folders(&self.layout, &account)?;
            let mut left = Vec::new();
            for dir in &dirs {
                left.extend(maildir::leftovers(&self.layout.folder(&account, dir))?);
            }
            if left.is_empty() && !torn {
                continue;
            }
            for dir in &dirs {
                self.adopt(&account, dir)?;
            }
            for path in &left {
                fsx::remove(path)?;
            }
        }
        Ok(())
    }

    /// Adopts the files of a folder that no ledger line names; returns how many.
    pub(crate) fn adopt(&mut self, account: &str, dir: &str) -> Result<usize> {
        // What was forgotten does not come back by a file that somebody put here. Without its key
        // that cannot be told, as `verify` says, and nothing is taken in.
        let Ok(key) = self.tombstones() else {
            return Ok(0);
        };
        let key = key.cloned();
        let events = unrecorded(&self.layout, &self.catalog, key.as_ref(), account, dir)?;
        let adopted = events.len();
        if adopted > 0 {
            // The names may have been given by a run that was killed before its sync, to files
            // that had none: for their counts of links, the directory is not enough.
            if self.sync.is_whole() {
                self.sync.everything()?;
            }
            fsx::sync_dir(&self.layout.cur(account, dir))?;
            self.record(&events)?;
            describe(&self.layout, &mut self.catalog)?;
            self.catalog.commit(self.ledger.position())?;
        }
        Ok(adopted)
    }

    /// Appends events to the ledger, durably, and takes them into the catalog, whose
    /// transaction stays open. Once an event could not be taken in, later ones are appended only:
    /// the next opening replays them.
    pub fn record(&mut self, events: &[LedgerEvent]) -> Result<()> {
        let appended = self.ledger.append(events, now_ms())?;
        if self.torn {
            return Ok(());
        }
        self.catalog.begin()?;
        // Until all of them are taken in.
        self.torn = true;
        for (seq, event) in (appended.first..).zip(events) {
            self.catalog.apply_event(event, appended.time, seq)?;
        }
        self.torn = false;
        Ok(())
    }

    /// Ends the catalog's transaction, so that readers see what was recorded. After an event that
    /// could not be taken in, nothing is published: the catalog stays where it was, and the next
    /// opening replays the ledger.
    pub fn publish(&mut self) -> Result<()> {
        if self.torn || self.erasing {
            return self.catalog.abandon();
        }
        let done = self.catalog.commit(self.ledger.position());
        self.torn = done.is_err();
        done
    }

    /// Compresses the months of the ledger that are closed, oldest first, until `stop` is set.
    /// Before there is a compressed one, programs that would not read it must refuse the vault.
    pub(crate) fn close_months(&mut self, stop: &AtomicBool) -> Result<()> {
        let closed = self.ledger.closed()?;
        if !self.manifest.ledger_zst && (!closed.is_empty() || ledger::has_packed(&self.layout)?) {
            let manifest = self.manifest.clone().with_ledger_zst(true);
            fsx::write_durably(&self.layout.manifest(), manifest.text().as_bytes())?;
            self.manifest = manifest;
        }
        for file in closed {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            self.ledger.pack(&file, stop)?;
        }
        Ok(())
    }

    /// Lets programs refuse the vault that do not know accounts which became part of others.
    pub(super) fn require_merged(&mut self) -> Result<()> {
        if !self.manifest.merged {
            let manifest = self.manifest.clone().with_merged(true);
            fsx::write_durably(&self.layout.manifest(), manifest.text().as_bytes())?;
            self.manifest = manifest;
        }
        Ok(())
    }

    /// Refuses a ledger with damage that no repair has accepted: what depends on all that it says
    /// would be decided without the lines that cannot be read.
    pub(crate) fn refuse_damaged(&self) -> Result<()> {
        if let Some(file) = ledger::forked(&self.layout)?.first() {
            return Err(Error::Damaged {
                path: self.layout.root().join(file),
                detail: "its compressed file does not hold the same".to_owned(),
            });
        }
        let mut reader = Reader::new(&self.layout, &self.manifest.id)?;
        let mut found = Vec::new();
        for item in &mut reader {
            if let Item::Damage(damage) = item? {
                found.push(damage);
            }
        }
        let gaps = reader.accepted_gaps();
        let is_open = |damage: &&Damage| !gaps.iter().any(|gap| gap.covers(damage));
        match found.iter().find(is_open) {
            None => Ok(()),
            Some(damage) => Err(Error::Damaged {
                path: self.layout.root().join(&damage.file),
                detail: format!(
                    "bytes {} to {}: {}",
                    damage.first, damage.last, damage.detail
                ),
            }),
        }
    }

    /// Makes written files durable.
    pub(crate) fn sync(&self, files: &[PathBuf]) -> Result<()> {
        self.sync.sync(files)
    }

    /// Makes everything durable; only where files without a name are made.
    pub(crate) fn sync_everything(&self) -> Result<()> {
        self.sync.everything()
    }

    /// Makes further names of files durable that were given in a directory.
    pub(super) fn sync_links(&self, dir: &Path) -> Result<()> {
        if self.sync.is_whole() {
            self.sync.everything()?;
        }
        fsx::sync_dir(dir)
    }

    /// Makes the files of messages before they have names.
    pub(crate) fn staging(&self) -> &Staging {
        &self.staging
    }

    /// Makes files durable that are there already, and their names.
    pub(crate) fn sync_names(&self, files: &[PathBuf]) -> Result<()> {
        self.sync(files)?;
        let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        folders.into_iter().try_for_each(fsx::sync_dir)
    }

    /// A file of `blob` that was opened and hashed just now and holds what it should,
    /// in the given folder if it has one; damaged ones are passed over.
    pub(crate) fn intact(
        &self,
        blob: &Blob,
        account: &str,
        dir: &str,
    ) -> Result<Option<(Place, PathBuf)>> {
        let mut found = locate(&self.layout, &self.catalog, blob)?;
        found.sort_by_key(|(place, _)| !(place.account == account && place.dir == dir));
        Ok(found.into_iter().find(|(_, path)| is_intact(path, blob)))
    }

    /// The same in any folder, for many contents.
    pub(super) fn find_intact(
        &self,
        finder: &mut FileFinder,
        blob: &Blob,
    ) -> Result<Option<PathBuf>> {
        let found = finder.locate(&self.layout, &self.catalog, blob)?;
        let mut paths = found.into_iter().map(|(_, path)| path);
        Ok(paths.find(|path| is_intact(path, blob)))
    }

    /// The files of each content, as far as they are there.
    pub(crate) fn files_of(&self, blobs: &[&Blob]) -> Result<Vec<Vec<PathBuf>>> {
        locate_all(&self.layout, &self.catalog, blobs)
    }

    /// Where everything is.
    #[must_use]
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The catalog, with everything that was recorded.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The catalog, to add what was derived from a content.
    pub fn catalog_mut(&mut self) -> &mut Catalog {
        &mut self.catalog
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The catalog is derived: if this fails, the next opening replays the ledger.
        let _ = self.publish();
    }
}

/// The files of a folder that no ledger line names, as the events that adopt them.
pub(super) fn unrecorded(
    layout: &Layout,
    catalog: &Catalog,
    key: Option<&TombstoneKey>,
    account: &str,
    dir: &str,
) -> Result<Vec<LedgerEvent>> {
    let folder = layout.folder(account, dir);
    let mut events = Vec::new();
    let (mut opener, mut scanner) = (Opener::default(), Scanner::new());
    for sub in ["cur", "new"] {
        let files = folder.join(sub);
        maildir::for_each_name(&files, &mut |file| {
            let Some((name, _)) = FileName::parse(&file) else {
                return Ok(());
            };
            let placed = match catalog.find(name.hash)? {
                Some(blob) => catalog
                    .places(blob.id)?
                    .iter()
                    .any(|p| p.account == catalog.owner(account) && p.dir == dir),
                None => false,
            };
            let digest = if placed {
                None
            } else {
                digest_of(&files.join(&file), &name, &mut opener, &mut scanner)
            };
            let Some(digest) = digest else {
                return Ok(());
            };
            if let Some(key) = key
                && key.forget_of(catalog, &digest)?.is_some()
            {
                return Ok(());
            }
            let mut relative = format!("mail/{account}");
            for part in [dir, sub, base_of(&file)] {
                if !part.is_empty() {
                    relative = relative + "/" + part;
                }
            }
            events.push(LedgerEvent::Adopted {
                account: account.to_owned(),
                file: relative.into_bytes().into(),
                hash: name.hash,
            });
            Ok(())
        })?;
    }
    Ok(events)
}

fn is_intact(path: &Path, blob: &Blob) -> bool {
    frame::check(path, blob.name.hash, blob.name.size).is_ok()
}

/// What is in a file, if it is what its name says.
fn digest_of(
    path: &Path,
    name: &FileName,
    opener: &mut Opener,
    scanner: &mut Scanner,
) -> Option<Digest> {
    let digest = opener.scan(path, name.size, scanner).ok()?;
    let fits = digest.hash == name.hash && digest.size == name.size && digest.wire == name.wire;
    fits.then_some(digest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::mail::message::Hash128;

    fn uploaded(n: u8) -> LedgerEvent {
        LedgerEvent::Uploaded {
            destination: "home".to_owned(),
            folder: "INBOX".to_owned(),
            hash: Hash128::of(&[n]),
            uid: None,
        }
    }

    #[test]
    fn an_event_that_is_not_taken_in_is_replayed_by_the_next_opening() {
        let dir = tempfile::tempdir().unwrap();
        Writer::create(dir.path()).unwrap();
        let open = || Writer::open(dir.path(), Duration::ZERO, &AtomicBool::new(false)).unwrap();
        let mut writer = open();
        writer.record(&[uploaded(1)]).unwrap();
        writer.publish().unwrap();
        writer.catalog().refuse_uploads();
        assert!(writer.record(&[uploaded(2)]).is_err());
        assert!(writer.publish().is_ok());
        drop(writer);
        let writer = open();
        for n in [1, 2] {
            let is_there = writer
                .catalog()
                .is_uploaded("home", "INBOX", Hash128::of(&[n]));
            assert!(is_there.unwrap(), "{n}");
        }
    }
}
