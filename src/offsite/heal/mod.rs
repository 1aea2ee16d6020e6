//! Healing a vault: message files that are damaged or missing here are fetched from its second
//! copy, and of that only what is needed.
//!
//! The pushes are read from the newest to the oldest until each message was found: in a push
//! itself, or in a pack whose index it has. Of a pack only the frames with these messages are
//! fetched. The ledger is not healed: what lines of it are damaged stay so.

mod wanted;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use self::wanted::{WantedMessages, WantedPack};
use super::checked::{ObjectVerdict, SourceOnly};
use super::fault::CopyError;
use super::head::HeadObject;
use super::heads::{StrayHeads, read_heads};
use super::object::{ObjectCandidate, ObjectSearch};
use super::pack::{Identities, PackError, PackReader};
use super::payload::{PushError, PushPart, PushReader};
use super::place::ObjectStore;
use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;
use crate::vault::{HealedMessage, VaultHeal};

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
/// hears what was healed so far, after each object.
pub fn heal(
    store: &ObjectStore,
    vault: &Path,
    options: HealOptions<'_>,
    progress: &mut dyn FnMut(&HealReport),
) -> Result<HealReport, CopyError> {
    let mut vault = VaultHeal::open(vault, options.stop)?;
    let mut wanted = WantedMessages::default();
    for hash in options.messages {
        if vault.lacks(*hash)? {
            wanted.add(*hash);
        }
    }
    if options.lost {
        vault.lost().for_each(|hash| wanted.add(hash));
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
    let mut run = Healer {
        store,
        options,
        live: &live,
        vault,
        wanted,
        report: HealReport {
            asked,
            strays: heads.strays,
            ..HealReport::default()
        },
    };
    let outcome = run.pushes(&heads.names, progress);
    let Healer {
        vault,
        wanted,
        mut report,
        ..
    } = run;
    // What was put back until something failed is kept.
    let finished = vault.finish();
    outcome?;
    finished?;
    (report.not_there, report.unreadable, report.left) = wanted.left();
    Ok(report)
}

struct Healer<'h> {
    store: &'h ObjectStore,
    options: HealOptions<'h>,
    live: &'h BTreeMap<&'h str, &'h HeadObject>,
    vault: VaultHeal,
    wanted: WantedMessages,
    report: HealReport,
}

impl<'h> Healer<'h> {
    fn check_stop(&self) -> Result<()> {
        if self.options.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// Reads pushes, the newest first, until nothing more is wanted.
    fn pushes(
        &mut self,
        names: &[String],
        progress: &mut dyn FnMut(&HealReport),
    ) -> Result<(), CopyError> {
        for name in names.iter().rev() {
            if self.wanted.is_empty() {
                break;
            }
            let object = self.live.get(&**name).copied();
            if let Some(object) = object.filter(|_| name.starts_with("push/")) {
                self.push(object)?;
                progress(&self.report);
            }
        }
        Ok(())
    }

    /// Takes what is wanted from a push and the packs that it lists.
    fn push(&mut self, object: &'h HeadObject) -> Result<(), CopyError> {
        self.check_stop()?;
        let mut search = ObjectSearch::open(self.store, object)?;
        let Some(found) = search.next_trusted()? else {
            self.note_damaged(object);
            return Ok(());
        };
        let mut body = found.body()?;
        self.report.bytes += object.size;
        let read = self.read_push(&mut body);
        let right = body.finish(self.store, object)? == ObjectVerdict::Right;
        let packs = match read {
            Ok(packs) if right => packs,
            Err(HealFault::Vault(error)) => return Err(error.into()),
            Err(HealFault::Push(error)) if right && is_locked(&error) => {
                let name = object.name.clone();
                return Err(CopyError::Push {
                    name,
                    source: error,
                });
            }
            Ok(_) | Err(HealFault::Push(_)) => {
                self.note_damaged(object);
                return Ok(());
            }
        };
        for pack in packs {
            self.pack(&pack)?;
        }
        Ok(())
    }

    /// Takes the messages of a push, and gives the packs that have what is wanted.
    fn read_push(&mut self, body: &mut dyn Read) -> Result<Vec<WantedPack>, HealFault> {
        let mut push = PushReader::open(body, self.options.identities)?;
        let mut packs = Vec::new();
        while let Some(part) = push.next_part()? {
            match part {
                PushPart::Message {
                    hash,
                    length,
                    mtime,
                } if self.wanted.has(hash) => {
                    self.message(hash, (length, mtime), &mut push)?;
                }
                PushPart::Index { id, index } => packs.extend(self.wanted.of_pack(&id, &index)),
                _ => {}
            }
        }
        Ok(packs)
    }

    /// Takes what is wanted from a pack, from whichever version of it is right.
    fn pack(&mut self, pack: &WantedPack) -> Result<(), CopyError> {
        let Some(object) = self.live.get(&*format!("packs/{}", pack.id)).copied() else {
            return Ok(());
        };
        let mut search = ObjectSearch::open(self.store, object)?;
        while let Some(found) = search.next_or_wrong()? {
            self.check_stop()?;
            self.members(object, &found, pack)?;
            if !pack.hashes().any(|hash| self.wanted.has(hash)) {
                return Ok(());
            }
        }
        self.note_damaged(object);
        Ok(())
    }

    /// Takes what is wanted from one version of a pack, as far as it is right.
    fn members(
        &mut self,
        object: &HeadObject,
        found: &ObjectCandidate<'h>,
        pack: &WantedPack,
    ) -> Result<(), CopyError> {
        let (mut fetched, mut failed) = (0, None);
        let fetch = |range: std::ops::Range<u64>| match found.part(range) {
            Ok(bytes) => {
                fetched += bytes.len() as u64;
                Ok(bytes)
            }
            Err(error) => {
                failed = Some(error);
                Err(io::Error::other("the place failed"))
            }
        };
        let taken = PackReader::open(fetch, object.size, self.options.identities, &pack.frames)
            .map_err(HealFault::from)
            .and_then(|mut reader| {
                for (hash, member) in &pack.members {
                    if !self.wanted.has(*hash) {
                        continue;
                    }
                    // What is damaged in one frame may be whole in the next.
                    let mut content = match reader.member(member) {
                        Ok(content) => content,
                        Err(PackError::Read(error)) => return Err(PackError::Read(error).into()),
                        Err(_) => continue,
                    };
                    let times = (member.length, content.mtime());
                    match self.message(*hash, times, &mut content) {
                        Err(HealFault::Push(PushError::Pack(PackError::Damaged(_)))) => {}
                        taken => taken?,
                    }
                }
                Ok(())
            });
        self.report.bytes += fetched;
        match (taken, failed) {
            (_, Some(error)) | (Err(HealFault::Vault(error)), _) => Err(error.into()),
            (Err(HealFault::Push(PushError::Pack(source))), _) if is_lock(&source) => {
                let name = object.name.clone();
                Err(CopyError::Pack { name, source })
            }
            (Ok(()) | Err(HealFault::Push(_)), None) => Ok(()),
        }
    }

    fn message(
        &mut self,
        hash: Hash128,
        times: (u64, u64),
        content: &mut dyn Read,
    ) -> Result<(), HealFault> {
        let mut source = SourceOnly::new(content);
        let put = self.vault.put(hash, times, &mut source);
        if let Some(error) = source.failed() {
            return Err(PackError::from_io(error).into());
        }
        match put.map_err(HealFault::Vault)? {
            HealedMessage::Placed => {
                self.wanted.done(hash);
                self.report.healed += 1;
            }
            HealedMessage::Unplaced => self.wanted.done(hash),
            HealedMessage::Wrong => {}
        }
        Ok(())
    }

    fn note_damaged(&mut self, object: &HeadObject) {
        if !self.report.damaged.contains(&object.name) {
            self.report.damaged.push(object.name.clone());
        }
    }
}

/// Why something was not taken.
#[derive(Debug)]
enum HealFault {
    /// The vault or its disk.
    Vault(Error),
    /// What comes from the place.
    Push(PushError),
}

impl From<PushError> for HealFault {
    fn from(error: PushError) -> Self {
        Self::Push(error)
    }
}

impl From<PackError> for HealFault {
    fn from(error: PackError) -> Self {
        Self::Push(error.into())
    }
}

/// True if the object is in order as far as is known, and cannot be read with these keys or by
/// this program.
fn is_locked(error: &PushError) -> bool {
    match error {
        PushError::NewerFormat { .. } => true,
        PushError::Pack(error) => is_lock(error),
        _ => false,
    }
}

fn is_lock(error: &PackError) -> bool {
    matches!(error, PackError::WrongIdentity | PackError::NewerAge)
}
