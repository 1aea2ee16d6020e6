//! What is new in the ledger since a place, some messages at a time.

use std::collections::HashSet;

use super::limits::PushLimits;
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::offsite::fault::CopyError;
use crate::vault::Vault;
use crate::vault::layout::FileName;
use crate::vault::ledger::{Item, LedgerEvent, Position, Reader};

/// A message that the place lacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WantedMessage {
    /// Alike messages next to each other compress better.
    account: String,
    dir: String,
    received: u32,
    pub(super) hash: Hash128,
    pub(super) size: u64,
}

impl WantedMessage {
    /// The message; none if it was lost or forgotten.
    pub(super) fn find(vault: &Vault, hash: Hash128) -> Result<Option<Self>> {
        let Some((FileName { received, size, .. }, place)) = vault.content_place(hash)? else {
            return Ok(None);
        };
        let (account, dir) = place.map_or_else(Default::default, |at| (at.account, at.dir));
        Ok(Some(Self {
            account,
            dir,
            received,
            hash,
            size,
        }))
    }
}

/// A stretch of the ledger with the messages in it that the place lacks.
#[derive(Debug, Default)]
pub(super) struct PushWindow {
    pub(super) messages: Vec<WantedMessage>,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Where the stretch ends.
    pub(super) end: Option<Position>,
    /// True if that is where the push ends.
    pub(super) last: bool,
}

/// Reads the ledger from where the place has it to where it ended when the push began.
#[derive(Debug)]
pub(super) struct NewLines<'v> {
    vault: &'v Vault,
    lines: Option<Reader>,
    begin: Option<Position>,
    end: Position,
    limits: PushLimits,
}

/// Files are named by their months, so that later ones follow earlier ones.
fn reaches(position: &Position, other: &Position) -> bool {
    (&position.file, position.offset) >= (&other.file, other.offset)
}

impl<'v> NewLines<'v> {
    /// The lines after `begin`; none if the ledger is empty.
    pub(super) fn open(
        vault: &'v Vault,
        begin: Option<Position>,
        limits: PushLimits,
    ) -> Result<Option<Self>, CopyError> {
        let Some(end) = vault.ledger_end()? else {
            return match begin {
                None => Ok(None),
                Some(_) => Err(CopyError::LedgerBehind),
            };
        };
        if begin.as_ref().is_some_and(|begin| !reaches(&end, begin)) {
            return Err(CopyError::LedgerBehind);
        }
        let lines = match (vault.ledger_after(begin.as_ref())?, &begin) {
            (Some(lines), _) => Some(lines),
            // The line at the place was masked since: then its number is all that is left of it.
            (None, Some(_)) => vault.ledger_after(None)?,
            (None, None) => None,
        };
        Ok(Some(Self {
            vault,
            lines,
            begin,
            end,
            limits,
        }))
    }

    /// The next stretch. `is_there` says which contents the place has.
    pub(super) fn next_window(
        &mut self,
        is_there: &mut dyn FnMut(Hash128) -> Result<bool>,
    ) -> Result<PushWindow> {
        let mut window = PushWindow::default();
        let mut seen = HashSet::new();
        while let Some(item) = self.lines.as_mut().and_then(Iterator::next) {
            let Item::Entry { entry, position } = item? else {
                continue;
            };
            if self
                .begin
                .as_ref()
                .is_some_and(|begin| reaches(begin, &position))
            {
                continue;
            }
            if !reaches(&self.end, &position) {
                break;
            }
            let hash = match &entry.event {
                LedgerEvent::Seen(seen) => Some(seen.hash),
                LedgerEvent::Adopted { hash, .. } => Some(*hash),
                _ => None,
            };
            let new = match hash {
                Some(hash) => seen.insert(hash) && !is_there(hash)?,
                None => false,
            };
            if let Some(hash) = hash.filter(|_| new)
                && let Some(message) = WantedMessage::find(self.vault, hash)?
            {
                window.bytes += message.size;
                window.messages.push(message);
            }
            let full = window.messages.len() >= self.limits.messages
                || window.bytes >= self.limits.round
                || seen.len() >= 2 * self.limits.messages;
            if full && !reaches(&position, &self.end) {
                window.messages.sort_unstable();
                window.end = Some(position);
                return Ok(window);
            }
        }
        self.lines = None;
        window.messages.sort_unstable();
        window.end = Some(self.end.clone());
        window.last = true;
        Ok(window)
    }
}
