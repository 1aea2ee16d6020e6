//! The index of a copy that is there, made from its pushes with a private key: on a machine that
//! has the vault, but nothing of what is known of the place, as after a restore.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use super::PENDING;
use super::record::{CopyRecord, CopyState, LastHead, index_hashes, keys_id};
use super::spool::PushSpool;
use crate::base::error::Error;
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::offsite::checked::ObjectVerdict;
use crate::offsite::fault::CopyError;
use crate::offsite::head::HeadObject;
use crate::offsite::heads::read_heads;
use crate::offsite::local::LocalPlace;
use crate::offsite::object::ObjectSearch;
use crate::offsite::pack::{Identities, PackError, Recipients};
use crate::offsite::payload::{LedgerPosition, PushError, PushPart, PushReader};
use crate::offsite::place::ObjectStore;
use crate::vault::Vault;

/// More than any line of a ledger has.
const LONGEST_LINE: usize = 1 << 20;
/// Where the index lies until it is whole.
const NEW: &str = "new";

/// How to take over a copy.
#[derive(Clone, Copy)]
pub(in crate::offsite) struct TakeOver<'o> {
    /// Who can read what is sent from now on.
    pub(in crate::offsite) recipients: &'o Recipients,
    /// Who can read what is there.
    pub(in crate::offsite) identities: &'o Identities,
    /// Set from outside to end early.
    pub(in crate::offsite) stop: &'o AtomicBool,
}

/// Makes the index of the copy in a place. The copy must be one of this vault, and the vault must
/// have all of the ledger that the copy has. If not, what is known here stays as it is.
pub(in crate::offsite) fn take_over(
    vault: &Vault,
    store: &ObjectStore,
    local: &LocalPlace,
    options: TakeOver<'_>,
) -> Result<(), CopyError> {
    let heads = read_heads(store, None)?;
    let (Some(newest), Some(pseudonym)) = (&heads.newest, heads.chain.vault()) else {
        return Err(CopyError::Empty);
    };
    let live: BTreeMap<&str, &HeadObject> = (heads.chain.live())
        .map(|object| (&*object.name, object))
        .collect();
    let ledger = heads.ledger_pushes();
    let begin = heads.ledger_begin().unwrap_or(newest.seq);
    let pushes = heads.names.iter().filter(|name| name.starts_with("push/"));
    let state = CopyState::new(vault.id(), pseudonym.to_owned(), Some(LastHead::of(newest)));
    let folder = local.path(NEW);
    fsx::create_dir_all_durably(&folder)?;
    let record = CopyRecord::create(&folder, &state)?;
    let recipients = keys_id(options.recipients);
    record.fill(|record| {
        let mut end = CopyEnd::default();
        for object in pushes.filter_map(|name| live.get(&**name)) {
            if options.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted.into());
            }
            let has_ledger = ledger.contains(&&*object.name);
            let read = read_push(store, object, options.identities, &mut |part, bytes, to| {
                note(record, object, (&live, recipients), &part)?;
                if has_ledger {
                    end.add(&part, bytes, to)?;
                }
                Ok(())
            });
            match read {
                // It is from before everything was sent once more, for other keys.
                Err(error) if error.is_wrong_key() && !has_ledger => {}
                read => read?,
            }
        }
        let Some((to, last)) = end.last() else {
            return Ok(state);
        };
        let position = vault.place_after(last, &to.file, to.offset)?;
        let position = position.ok_or(CopyError::OtherLedger)?;
        Ok(state.at(begin, &position))
    })?;
    drop(record);
    PushSpool::open(&local.path(PENDING))?.sweep()?;
    local.set_pseudonym(pseudonym)?;
    CopyRecord::replace(local.folder(), &folder)?;
    Ok(fsx::remove_dir(&folder)?)
}

/// Takes a part of a push with its bytes, and up to where the push has the ledger.
type EachPart<'e> =
    dyn FnMut(PushPart, &mut dyn Read, &LedgerPosition) -> Result<(), CopyError> + 'e;

/// Calls `each` with every part of a push that is right to the byte.
fn read_push(
    store: &ObjectStore,
    object: &HeadObject,
    keys: &Identities,
    each: &mut EachPart<'_>,
) -> Result<(), CopyError> {
    let damaged = || CopyError::Damaged {
        name: object.name.clone(),
    };
    let found = ObjectSearch::open(store, object)?.next_trusted()?;
    let mut body = found.ok_or_else(damaged)?.body()?;
    let failed = |source| CopyError::Push {
        name: object.name.clone(),
        source,
    };
    let read = (|| {
        let mut push = PushReader::open(&mut body, keys).map_err(failed)?;
        let to = push.manifest().to.clone();
        while let Some(part) = push.next_part().map_err(failed)? {
            each(part, &mut push, &to)?;
        }
        Ok(())
    })();
    // What the place did wrong explains what could not be read.
    match body.finish(store, object)? {
        ObjectVerdict::Wrong if !matches!(read, Err(CopyError::Base(_))) => Err(damaged()),
        _ => read,
    }
}

/// Takes a part of a push into the index.
fn note(
    record: &CopyRecord,
    push: &HeadObject,
    (packs, keys): (&BTreeMap<&str, &HeadObject>, Hash128),
    part: &PushPart,
) -> Result<(), CopyError> {
    match part {
        PushPart::Message { hash, .. } => record.found(push, keys, std::iter::once(*hash))?,
        PushPart::Index { id, index } => {
            if let Some(pack) = packs.get(&*format!("packs/{id}")) {
                record.found(pack, keys, index_hashes(index))?;
            }
        }
        PushPart::Owed(owed) => {
            let mut lacking = Vec::new();
            for message in owed {
                if !record.has(message.hash)? {
                    lacking.push(*message);
                }
            }
            record.found_owed(&lacking)?;
        }
        PushPart::Ledger(_) | PushPart::Tombstones(_) => {}
    }
    Ok(())
}

/// The last line of the ledger in a copy, and where it ends.
#[derive(Debug, Default)]
struct CopyEnd {
    to: Option<LedgerPosition>,
    /// The last whole line, without its LF.
    line: Vec<u8>,
    /// What follows it.
    begun: Vec<u8>,
}

impl CopyEnd {
    fn add(
        &mut self,
        part: &PushPart,
        bytes: &mut dyn Read,
        to: &LedgerPosition,
    ) -> Result<(), CopyError> {
        if !matches!(part, PushPart::Ledger(_)) {
            return Ok(());
        }
        self.to = Some(to.clone());
        self.begun.clear();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = match bytes.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    return Err(CopyError::Push {
                        name: String::new(),
                        source: PushError::Pack(PackError::from_io(e)),
                    });
                }
            };
            self.take(&buffer[..read]);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(rest) => {
                    self.begun.extend_from_slice(rest);
                    std::mem::swap(&mut self.line, &mut self.begun);
                    self.begun.clear();
                }
                // Too long to be a line, so that it fits none here.
                None if self.begun.len() > LONGEST_LINE => self.begun.truncate(1),
                None => self.begun.extend_from_slice(piece),
            }
        }
    }

    fn last(&self) -> Option<(&LedgerPosition, &[u8])> {
        Some((self.to.as_ref()?, &self.line))
    }
}
