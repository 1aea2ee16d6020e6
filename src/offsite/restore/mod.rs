//! Making the vault again from its second copy.
//!
//! First the ledger, to the byte, from all pushes; then the messages, each under the names that
//! the ledger gives it; then `vault.toml`, which makes it a vault, and the line `restored`. What
//! was done is noted in `restore/` below the new vault, so that a restore that was killed goes on.

mod ledger;
mod part;
mod point;
mod progress;
mod scratch;

#[cfg(test)]
mod attack_tests;
#[cfg(test)]
mod part_tests;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::part::{PartOptions, PartReport, RestoredPart, restore_part};

use self::ledger::LedgerWriter;
use self::point::{RestorePoint, check_key};
use self::progress::RestoreNotes;
use super::checked::{CheckedObject, ObjectVerdict, SourceOnly};
use super::fault::CopyError;
use super::head::HeadObject;
use super::heads::StrayHeads;
use super::object::{ObjectCandidate, ObjectSearch};
use super::pack::{Identities, PackError, PackStream};
use super::payload::{PushPart, PushReader, is_message_name, message_hash};
use super::place::ObjectStore;
use super::watch::{CopyProgress, CopyWatch};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::vault::{RestoredMessage, VaultRestore, record_restored};

/// Missing messages that are named.
const FIRST_MISSING: usize = 1_000;

/// How to restore.
#[derive(Debug, Clone, Copy)]
pub struct RestoreOptions<'o> {
    /// What the ledger says that the vault was restored from.
    pub destination: &'o str,
    /// Who can read the copy.
    pub identities: &'o Identities,
    /// The head up to which it is restored; the newest if none is given.
    pub head: Option<u64>,
    /// Set from outside to end early.
    pub stop: &'o AtomicBool,
}

/// What a restore did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// The head up to which the vault was restored.
    pub head: u64,
    /// Objects that were read by this run.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that have their files; until the end, those that got them by this run.
    pub messages: u64,
    /// Objects that are missing or damaged. What of them is in order was restored.
    pub damaged: Vec<String>,
    /// Objects that are encrypted to other keys, as from before the keys changed.
    pub locked: u64,
    /// Of the objects, those that were read from an older version, because somebody overwrote or
    /// deleted them.
    pub older: u64,
    /// Heads that do not belong to the copy.
    pub strays: StrayHeads,
    /// How many messages have a place in the vault, and are in no object that could be read.
    pub missing: u64,
    /// The first 1,000 of these.
    pub first_missing: Vec<Hash128>,
    /// False if lines of the ledger are damaged, as they were when they were pushed.
    pub whole_ledger: bool,
}

/// Restores a vault into a folder that is empty, or that an earlier restore of the same copy left.
/// `progress` hears how far it is, also within an object.
pub fn restore(
    store: &ObjectStore,
    target: &Path,
    options: RestoreOptions<'_>,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<RestoreReport, CopyError> {
    let target = &fsx::resolve(target);
    let point = RestorePoint::read(store, options.head)?;
    let live = point.live();
    let ledger = point.ledger(&live)?;
    let objects: Vec<&HeadObject> = (point.names())
        .filter_map(|name| live.get(name).copied())
        .collect();
    // Before anything is written.
    check_key(store, &ledger, options.identities)?;
    let watch = CopyWatch::new(progress);
    let mut run = Restorer {
        store,
        options,
        target,
        notes: RestoreNotes::open(target, &format!("{} {}", point.vault, point.seq))?,
        report: RestoreReport {
            head: point.seq,
            strays: point.strays(),
            ..RestoreReport::default()
        },
        watch: &watch,
    };
    if !run.notes.has_ledger()? {
        run.check_room(&objects)?;
        run.ledger(&ledger)?;
    }
    run.vault(&objects)?;
    Ok(run.report)
}

/// What became of an object.
enum ObjectOutcome {
    /// It is what its head says, and was read.
    Right,
    /// It is missing, or not what its head says.
    Damaged,
    /// It is what its head says, and the key does not open it.
    Locked(CopyError),
}

struct Restorer<'r> {
    store: &'r ObjectStore,
    options: RestoreOptions<'r>,
    target: &'r Path,
    notes: RestoreNotes,
    report: RestoreReport,
    watch: &'r CopyWatch<'r>,
}

impl<'r> Restorer<'r> {
    fn check_stop(&self) -> Result<()> {
        if self.options.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    fn expect(&self, objects: &[&HeadObject]) {
        let bytes = objects.iter().map(|object| object.size).sum();
        self.watch.expect(bytes);
    }

    fn check_room(&self, objects: &[&HeadObject]) -> Result<()> {
        let needed = objects.iter().map(|object| object.size).sum();
        let free = fsx::free_space(self.target)?;
        if free < needed {
            return Err(Error::NoSpace {
                path: self.target.to_path_buf(),
                needed: Some(needed),
                free: Some(free),
                source: None,
            });
        }
        Ok(())
    }

    /// Writes the ledger.
    fn ledger(&mut self, pushes: &[&'r HeadObject]) -> Result<(), CopyError> {
        self.expect(pushes);
        let writer = LedgerWriter {
            store: self.store,
            identities: self.options.identities,
            stop: self.options.stop,
            watch: self.watch,
            target: self.target,
        };
        writer.write(pushes)?;
        self.report.objects += pushes.len() as u64;
        self.report.bytes += pushes.iter().map(|object| object.size).sum::<u64>();
        Ok(self.notes.note_ledger()?)
    }

    /// Gives the messages their names, and makes it a vault.
    fn vault(&mut self, objects: &[&'r HeadObject]) -> Result<(), CopyError> {
        let Some(mut vault) = VaultRestore::open(self.target)? else {
            return Err(CopyError::Empty);
        };
        self.report.whole_ledger = vault.has_whole_ledger();
        let done = self.notes.done()?;
        let mut locked = None;
        let left = objects.iter().filter(|object| !done.contains(&object.name));
        let left: Vec<&HeadObject> = left.copied().collect();
        self.expect(&left);
        for object in left {
            self.check_stop()?;
            match self.object(object, &mut vault)? {
                ObjectOutcome::Right => {
                    vault.sync_written()?;
                    self.notes.note_done(&object.name)?;
                }
                ObjectOutcome::Damaged => self.report.damaged.push(object.name.clone()),
                ObjectOutcome::Locked(error) => {
                    self.report.locked += 1;
                    locked.get_or_insert(error);
                }
            }
            self.watch.count(self.report.messages);
            self.watch.say();
        }
        let tally = vault.tally(FIRST_MISSING)?;
        self.report.messages = tally.there;
        (self.report.missing, self.report.first_missing) = (tally.missing, tally.first_missing);
        if let Some(error) = locked.filter(|_| self.report.missing > 0) {
            // With the right key it goes on from here.
            return Err(error);
        }
        vault.finish()?;
        if !self.notes.is_recorded()? {
            self.notes.note_recording()?;
            record_restored(self.target, self.options.destination, self.report.head)?;
        }
        Ok(self.notes.remove()?)
    }

    /// Takes the messages of an object from the version that is right; if there is none, what is in
    /// order of the current one.
    fn object(
        &mut self,
        object: &'r HeadObject,
        vault: &mut VaultRestore,
    ) -> Result<ObjectOutcome, CopyError> {
        let mut search = ObjectSearch::open(self.store, object)?;
        let before = self.report.messages;
        while let Some(found) = search.next_or_wrong()? {
            self.report.messages = before;
            match self.version(object, &found, vault)? {
                ObjectOutcome::Damaged => {}
                outcome => {
                    self.report.older += u64::from(found.is_older());
                    return Ok(outcome);
                }
            }
        }
        Ok(ObjectOutcome::Damaged)
    }

    /// Takes the messages of a version of an object.
    fn version(
        &mut self,
        object: &HeadObject,
        found: &ObjectCandidate<'r>,
        vault: &mut VaultRestore,
    ) -> Result<ObjectOutcome, CopyError> {
        let mut body = self.body(object, found)?;
        let read = self.messages(&mut body, object, vault);
        let right = self.end(body, object)?.is_some();
        match read {
            Ok(true) if right => Ok(ObjectOutcome::Right),
            Err(CopyError::Base(error)) => Err(error.into()),
            Err(error) if right && error.is_wrong_key() => Ok(ObjectOutcome::Locked(error)),
            _ => Ok(ObjectOutcome::Damaged),
        }
    }

    /// Takes the messages of an object; false if one is not what its name says.
    fn messages(
        &mut self,
        body: &mut CheckedObject<'_>,
        object: &HeadObject,
        vault: &mut VaultRestore,
    ) -> Result<bool, CopyError> {
        let keys = self.options.identities;
        let mut good = true;
        if object.name.starts_with("packs/") {
            let failed = |source| CopyError::Pack {
                name: object.name.clone(),
                source,
            };
            let mut stream = PackStream::open(body, keys, None, is_message_name).map_err(failed)?;
            while let Some(entry) = stream.next_member().map_err(failed)? {
                let times = (entry.member.length, entry.mtime);
                if let Some(hash) = message_hash(&entry.member.name) {
                    good &= self.message(vault, hash, times, &mut stream)?;
                }
            }
            return Ok(good);
        }
        let failed = |source| CopyError::Push {
            name: object.name.clone(),
            source,
        };
        let mut push = PushReader::open(body, keys).map_err(failed)?;
        while let Some(part) = push.next_part().map_err(failed)? {
            if let PushPart::Message {
                hash,
                length,
                mtime,
            } = part
            {
                good &= self.message(vault, hash, (length, mtime), &mut push)?;
            }
        }
        Ok(good)
    }

    fn message(
        &mut self,
        vault: &mut VaultRestore,
        hash: Hash128,
        times: (u64, u64),
        content: &mut dyn Read,
    ) -> Result<bool, CopyError> {
        let mut source = SourceOnly::new(content);
        let put = vault.put(hash, times, &mut source);
        if let Some(error) = source.failed() {
            let source = PackError::from_io(error);
            return Err(CopyError::Pack {
                name: String::new(),
                source,
            });
        }
        match put? {
            RestoredMessage::Placed => {
                self.report.messages += 1;
                self.watch.count(self.report.messages);
            }
            RestoredMessage::Unplaced => {}
            RestoredMessage::Wrong => return Ok(false),
        }
        Ok(true)
    }

    /// The bytes of a version of an object.
    fn body(
        &mut self,
        object: &HeadObject,
        found: &ObjectCandidate<'r>,
    ) -> Result<CheckedObject<'r>, CopyError> {
        self.report.objects += 1;
        self.report.bytes += object.size;
        Ok(found.body()?.watched(self.watch))
    }

    /// Compares all of an object with its head; none if it is another.
    fn end(&self, body: CheckedObject<'_>, object: &HeadObject) -> Result<Option<()>, CopyError> {
        let verdict = body.finish(self.store, object)?;
        Ok((verdict == ObjectVerdict::Right).then_some(()))
    }
}

fn damaged(name: &str) -> CopyError {
    CopyError::Damaged {
        name: name.to_owned(),
    }
}
