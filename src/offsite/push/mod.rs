//! Putting what is new in the vault into the place.
//!
//! What is new is told by the ledger alone: the lines after the place up to which the last head
//! has it, and the messages in them that no head has. A round takes some of them: packs first,
//! then a push with the ledger's bytes, then the head, which must be the next one.
//!
//! | file | owns |
//! | --- | --- |
//! | `record.rs` | what is there, as a derived index |
//! | `spool.rs` | what was made and has no head yet |
//! | `window.rs` | what is new |
//! | `content.rs` | reading messages |
//! | `packs.rs`, `round.rs` | making and putting objects |
//! | `gate.rs` | whether a message is there |
//! | `losses.rs` | what a place was found to lack |
//! | `plan.rs` | what a push would do |
//! | `begin.rs` | the index for a place that has a copy or none |
//! | `adopt.rs` | the index of a copy that is there, read with a private key |

mod adopt;
mod begin;
mod content;
mod gate;
mod limits;
mod losses;
mod packs;
mod plan;
mod record;
mod round;
mod spool;
mod window;

#[cfg(test)]
mod cut_tests;
#[cfg(test)]
mod rebuild_tests;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use self::limits::PushLimits;
use self::record::{CopyRecord, CopyState};
use self::spool::{PushSpool, SpooledObject, Unsent};
use self::window::{NewLines, WantedMessage};
use super::fault::CopyError;
use super::head::head_name;
use super::local::LocalPlace;
use super::pack::Recipients;
use super::payload::OwedMessage;
use super::place::ObjectStore;
use super::watch::{CopyProgress, CopyWatch};
use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;
use crate::vault::Vault;

pub(super) use adopt::{TakeOver, take_over};
pub(super) use begin::forget_place;
pub use gate::CopyGate;
pub use losses::{note_losses, of_other_keys};
pub use plan::{OffsitePlan, plan};

/// Where what was made lies until a head names it.
const PENDING: &str = "pending";

/// How to push.
#[derive(Debug, Clone, Copy)]
pub struct PushOptions<'o> {
    /// The name of the place in the configuration.
    pub name: &'o str,
    /// Who can read what is put there.
    pub recipients: &'o Recipients,
    /// zstd's level.
    pub level: i32,
    /// Take a copy that is there for one of this vault, even if nothing here says so, and put
    /// everything there again.
    pub rebuild: bool,
    /// Set from outside to end early.
    pub stop: &'o AtomicBool,
}

/// What a push did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushReport {
    /// Messages that were put there.
    pub messages: u64,
    /// Their bytes, uncompressed.
    pub octets: u64,
    /// Bytes of the ledger that were put there.
    pub ledger: u64,
    /// Packs and pushes that were put there.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these objects, those that the place vouches for by their size alone.
    pub size_only: u64,
    /// Heads that were put there.
    pub heads: u64,
    /// The number of the newest head; 0 if there is none.
    pub seq: u64,
    /// Messages that could not be read.
    pub owed: Vec<OwedMessage>,
}

/// A message that goes into the push itself.
#[derive(Debug)]
struct HeldMessage {
    hash: Hash128,
    mtime: u64,
    bytes: Vec<u8>,
}

/// How many messages are in an object, and how many bytes they have.
#[derive(Debug, Clone, Copy, Default)]
struct ObjectLoad {
    messages: u64,
    octets: u64,
}

impl ObjectLoad {
    fn add(&mut self, octets: u64) {
        self.messages += 1;
        self.octets += octets;
    }

    /// What of them so many bytes of the object are.
    fn share(self, sent: u64, size: u64) -> u64 {
        let octets = u128::from(self.octets) * u128::from(sent.min(size));
        let share = octets / u128::from(size.max(1));
        u64::try_from(share).unwrap_or(self.octets)
    }
}

/// Puts into the place what is new in the vault. `progress` hears how much of the mail is there,
/// also while an object is sent.
pub fn push(
    vault: &Path,
    store: &ObjectStore,
    options: PushOptions<'_>,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<PushReport, CopyError> {
    push_within(vault, store, options, PushLimits::default(), progress)
}

fn push_within(
    vault: &Path,
    store: &ObjectStore,
    options: PushOptions<'_>,
    limits: PushLimits,
    progress: &mut dyn FnMut(CopyProgress),
) -> Result<PushReport, CopyError> {
    let vault = Vault::open(vault)?;
    let local = LocalPlace::of(vault.root(), options.name);
    let _lock = local.lock(options.stop)?;
    let spool = PushSpool::open(&local.path(PENDING))?;
    let (record, state) = begin::open_record(&vault, &local, &spool, store, options.rebuild)?;
    let watch = CopyWatch::new(progress);
    let mut pusher = Pusher {
        vault: &vault,
        store,
        options,
        limits,
        record,
        state,
        spool,
        packed: HashSet::new(),
        owed: Vec::new(),
        began: Instant::now(),
        report: PushReport::default(),
        watch: &watch,
    };
    pusher.resume()?;
    pusher.look()?;
    pusher.send_leftovers()?;
    pusher.all()?;
    pusher.report.seq = pusher.state.next_seq() - 1;
    Ok(pusher.report)
}

/// A push at work.
struct Pusher<'p> {
    vault: &'p Vault,
    store: &'p ObjectStore,
    options: PushOptions<'p>,
    limits: PushLimits,
    record: CopyRecord,
    state: CopyState,
    spool: PushSpool,
    /// Messages in packs that no head names yet.
    packed: HashSet<Hash128>,
    /// Messages of this round that could not be read.
    owed: Vec<OwedMessage>,
    /// When the round began.
    began: Instant,
    report: PushReport,
    watch: &'p CopyWatch<'p>,
}

impl Pusher<'_> {
    /// Finishes the round of a push that was killed after its head was made; else keeps its packs.
    fn resume(&mut self) -> Result<(), CopyError> {
        if let Some((head, end)) = self.spool.head()? {
            return self.finish_round(&head, &end);
        }
        self.spool.sweep()?;
        for pack in self.spool.packs()? {
            let index = self.spool.index(&pack)?;
            let mut known =
                !self.record.has_object(&pack.name)? && self.spool.is_for(&pack, self.keys())?;
            for hash in record::index_hashes(&index) {
                // What was forgotten meanwhile must not come into the copy.
                known = known && self.vault.knows_content(hash)?;
            }
            if known {
                self.packed.extend(record::index_hashes(&index));
            } else {
                self.spool.drop_object(&pack)?;
            }
        }
        Ok(())
    }

    /// Looks whether the newest head there is ours.
    fn look(&mut self) -> Result<(), CopyError> {
        if let Some(last) = &self.state.last {
            let name = round::object_name(&head_name(last.seq))?;
            let Some(stat) = self.store.head(&name)? else {
                return Err(CopyError::HeadGone { seq: last.seq });
            };
            if stat.size != last.size || stat.md5.is_some_and(|md5| md5 != last.md5) {
                return Err(CopyError::Forked { seq: last.seq });
            }
        }
        let seq = self.state.next_seq();
        let next = round::object_name(&head_name(seq))?;
        match self.store.head(&next)? {
            None => Ok(()),
            Some(_) => Err(CopyError::Forked { seq }),
        }
    }

    /// Puts the packs that a killed push left.
    fn send_leftovers(&mut self) -> Result<(), CopyError> {
        for pack in self.spool.packs()? {
            match self.spool.unsent(&pack)? {
                Unsent::Confirmed => {}
                Unsent::Whole => self.send_leftover(&pack)?,
                Unsent::Torn => self.pack_again(&pack)?,
            }
        }
        Ok(())
    }

    fn send_leftover(&mut self, pack: &SpooledObject) -> Result<(), CopyError> {
        match self.is_there(pack)? {
            // Only the answer was lost.
            Some(true) => return Ok(self.spool.confirmed(pack)?),
            // Some places keep the part that came before the line was cut.
            Some(false) => return Ok(self.pack_again(pack)?),
            None => {}
        }
        let mut load = ObjectLoad::default();
        for member in self.spool.index(pack)?.members() {
            load.add(member.length);
        }
        match self.send(pack, load) {
            Err(CopyError::Occupied { .. }) => Ok(self.pack_again(pack)?),
            sent => sent,
        }
    }

    /// Drops a pack that was made, and lets its messages be packed once more. The new pack has
    /// another name, so that it is in nobody's way.
    fn pack_again(&mut self, pack: &SpooledObject) -> Result<()> {
        for hash in record::index_hashes(&self.spool.index(pack)?) {
            self.packed.remove(&hash);
        }
        self.spool.drop_object(pack)
    }

    /// Round after round, up to where the ledger ends now.
    fn all(&mut self) -> Result<(), CopyError> {
        let begin = self.state.position();
        let Some(mut lines) = NewLines::open(self.vault, begin, self.limits)? else {
            return Ok(());
        };
        let mut owed = self.earlier_owed()?;
        loop {
            let (record, packed) = (&self.record, &self.packed);
            let mut is_there = |hash| Ok(packed.contains(&hash) || record.has(hash)?);
            let mut window = lines.next_window(&mut is_there)?;
            let known: HashSet<Hash128> = window.messages.iter().map(|m| m.hash).collect();
            for message in std::mem::take(&mut owed) {
                if !known.contains(&message.hash) {
                    window.bytes += message.size;
                    window.messages.push(message);
                }
            }
            let held = if window.last && window.bytes < self.limits.inline {
                self.hold(&window.messages)?
            } else {
                self.pack(&window.messages)?;
                Vec::new()
            };
            let advances = window.end != self.state.position();
            if advances
                || !held.is_empty()
                || !self.spool.packs()?.is_empty()
                || window.last && !self.replaced(&held)?.is_empty()
            {
                let to = window.end.as_ref().filter(|_| advances);
                self.end_round(to, &held, window.last)?;
            }
            self.began = Instant::now();
            if window.last {
                return Ok(());
            }
        }
    }

    /// What earlier pushes could not read.
    fn earlier_owed(&self) -> Result<Vec<WantedMessage>> {
        let mut owed = Vec::new();
        for hash in self.record.owed()? {
            if !self.packed.contains(&hash) {
                owed.extend(WantedMessage::find(self.vault, hash)?);
            }
        }
        Ok(owed)
    }

    /// Who can read what is made.
    fn keys(&self) -> Hash128 {
        record::keys_id(self.options.recipients)
    }

    fn check_stop(&self) -> Result<()> {
        if self.options.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        Ok(())
    }
}
