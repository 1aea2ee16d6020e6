//! Fetching some messages of a copy, and of that only what is needed.
//!
//! The pushes are read from the newest to the oldest until each message was found: in a push
//! itself, or in a pack whose index it has. Of a pack only the frames with these messages are
//! fetched.

mod wanted;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) use self::wanted::{LeftMessages, WantedMessages};

use self::wanted::WantedPack;
use super::checked::{ObjectVerdict, SourceOnly};
use super::fault::CopyError;
use super::head::HeadObject;
use super::object::{ObjectCandidate, ObjectSearch};
use super::pack::{Identities, PackError, PackReader};
use super::payload::{PushError, PushPart, PushReader};
use super::place::ObjectStore;
use super::watch::CopyWatch;
use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;
use crate::vault::RestoredMessage;

/// Takes a message by its hash, its length and time, and its bytes.
pub(super) type MessageSink<'s> =
    &'s mut dyn FnMut(Hash128, (u64, u64), &mut dyn Read) -> Result<RestoredMessage>;

/// Where messages are fetched from.
#[derive(Clone, Copy)]
pub(super) struct FetchSource<'f> {
    pub(super) store: &'f ObjectStore,
    /// The objects that heads name and do not replace.
    pub(super) live: &'f BTreeMap<&'f str, &'f HeadObject>,
    /// Who can read them.
    pub(super) identities: &'f Identities,
    /// Set from outside to end early.
    pub(super) stop: &'f AtomicBool,
    pub(super) watch: &'f CopyWatch<'f>,
}

/// What was fetched.
#[derive(Debug, Default)]
pub(super) struct FetchReport {
    /// Messages that were taken and have a place.
    pub(super) placed: u64,
    /// Bytes that were fetched.
    pub(super) bytes: u64,
    /// Objects that were needed and are missing or damaged.
    pub(super) damaged: Vec<String>,
}

/// Messages on their way.
pub(super) struct MessageFetch<'f, 's> {
    source: FetchSource<'f>,
    sink: MessageSink<'s>,
    pub(super) wanted: WantedMessages,
    pub(super) report: FetchReport,
}

impl<'f, 's> MessageFetch<'f, 's> {
    pub(super) fn new(
        source: FetchSource<'f>,
        wanted: WantedMessages,
        sink: MessageSink<'s>,
    ) -> Self {
        Self {
            source,
            sink,
            wanted,
            report: FetchReport::default(),
        }
    }

    fn check_stop(&self) -> Result<()> {
        if self.source.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// Reads pushes, of which the newest is the last, until nothing more is wanted.
    pub(super) fn pushes<'n>(
        &mut self,
        names: impl DoubleEndedIterator<Item = &'n str>,
    ) -> Result<(), CopyError> {
        for name in names.rev() {
            if self.wanted.is_empty() {
                break;
            }
            let object = self.source.live.get(name).copied();
            if let Some(object) = object.filter(|_| name.starts_with("push/")) {
                self.push(object)?;
                self.source.watch.say();
            }
        }
        Ok(())
    }

    /// Takes what is wanted from a push and the packs that it lists.
    fn push(&mut self, object: &'f HeadObject) -> Result<(), CopyError> {
        self.check_stop()?;
        let mut search = ObjectSearch::open(self.source.store, object)?;
        let Some(found) = search.next_trusted()? else {
            self.note_damaged(object);
            return Ok(());
        };
        let mut body = found.body()?.watched(self.source.watch);
        self.report.bytes += object.size;
        let read = self.read_push(&mut body);
        let right = body.finish(self.source.store, object)? == ObjectVerdict::Right;
        let packs = match read {
            Ok(packs) if right => packs,
            Err(FetchFault::Sink(error)) => return Err(error.into()),
            Err(FetchFault::Push(error)) if right && is_locked(&error) => {
                let name = object.name.clone();
                return Err(CopyError::Push {
                    name,
                    source: error,
                });
            }
            Ok(_) | Err(FetchFault::Push(_)) => {
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
    fn read_push(&mut self, body: &mut dyn Read) -> Result<Vec<WantedPack>, FetchFault> {
        let mut push = PushReader::open(body, self.source.identities)?;
        let mut packs = Vec::new();
        while let Some(part) = push.next_part()? {
            match part {
                PushPart::Message {
                    hash,
                    length,
                    mtime,
                } if self.wanted.has(hash)? => {
                    self.message(hash, (length, mtime), &mut push)?;
                }
                PushPart::Index { id, index } => {
                    packs.extend(self.wanted.of_pack(&id, &index)?);
                }
                _ => {}
            }
        }
        Ok(packs)
    }

    /// Takes what is wanted from a pack, from whichever version of it is right.
    fn pack(&mut self, pack: &WantedPack) -> Result<(), CopyError> {
        let Some(object) = self
            .source
            .live
            .get(&*format!("packs/{}", pack.id))
            .copied()
        else {
            return Ok(());
        };
        let mut search = ObjectSearch::open(self.source.store, object)?;
        while let Some(found) = search.next_or_wrong()? {
            self.check_stop()?;
            self.members(object, &found, pack)?;
            let mut open = false;
            for hash in pack.hashes() {
                open |= self.wanted.has(hash)?;
            }
            if !open {
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
        found: &ObjectCandidate<'f>,
        pack: &WantedPack,
    ) -> Result<(), CopyError> {
        let (mut fetched, mut failed) = (0, None);
        let watch = self.source.watch;
        let fetch = |range: Range<u64>| match found.part(range) {
            Ok(bytes) => {
                fetched += bytes.len() as u64;
                watch.pass(bytes.len() as u64);
                Ok(bytes)
            }
            Err(error) => {
                failed = Some(error);
                Err(io::Error::other("the place failed"))
            }
        };
        let taken = PackReader::open(fetch, object.size, self.source.identities, &pack.frames)
            .map_err(FetchFault::from)
            .and_then(|mut reader| {
                for (hash, member) in &pack.members {
                    if !self.wanted.has(*hash)? {
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
                        Err(FetchFault::Push(PushError::Pack(PackError::Damaged(_)))) => {}
                        taken => taken?,
                    }
                }
                Ok(())
            });
        self.report.bytes += fetched;
        match (taken, failed) {
            (_, Some(error)) | (Err(FetchFault::Sink(error)), _) => Err(error.into()),
            (Err(FetchFault::Push(PushError::Pack(source))), _) if is_lock(&source) => {
                let name = object.name.clone();
                Err(CopyError::Pack { name, source })
            }
            (Ok(()) | Err(FetchFault::Push(_)), None) => Ok(()),
        }
    }

    fn message(
        &mut self,
        hash: Hash128,
        times: (u64, u64),
        content: &mut dyn Read,
    ) -> Result<(), FetchFault> {
        let mut source = SourceOnly::new(content);
        let put = (self.sink)(hash, times, &mut source);
        if let Some(error) = source.failed() {
            return Err(PackError::from_io(error).into());
        }
        match put? {
            RestoredMessage::Placed => {
                self.wanted.done(hash)?;
                self.report.placed += 1;
                self.source.watch.count(self.report.placed);
            }
            RestoredMessage::Unplaced => self.wanted.done(hash)?,
            RestoredMessage::Wrong => {}
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
enum FetchFault {
    /// Where they go, or its disk.
    Sink(Error),
    /// What comes from the place.
    Push(PushError),
}

impl From<Error> for FetchFault {
    fn from(error: Error) -> Self {
        Self::Sink(error)
    }
}

impl From<PushError> for FetchFault {
    fn from(error: PushError) -> Self {
        Self::Push(error)
    }
}

impl From<PackError> for FetchFault {
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
