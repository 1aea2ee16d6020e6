//! The order of purge events (invariant 6).

use std::collections::HashSet;

use crate::mail::message::Hash128;
use crate::vault::ledger::LedgerEvent;

/// What was archived, and what was to be purged, so far.
#[derive(Default)]
pub(super) struct Purges {
    seen: HashSet<Hash128>,
    intended: HashSet<Hash128>,
}

impl Purges {
    pub(super) fn wrong(&mut self, event: &LedgerEvent) -> Option<String> {
        match event {
            LedgerEvent::Seen(seen) => {
                self.seen.insert(seen.hash);
            }
            LedgerEvent::Adopted { hash, .. } => {
                self.seen.insert(*hash);
            }
            LedgerEvent::Lost { hash } => {
                self.seen.remove(hash);
            }
            LedgerEvent::PurgeIntent { hash, .. } => {
                if !self.seen.contains(hash) {
                    return Some(format!("{hash} was to be purged without being archived"));
                }
                self.intended.insert(*hash);
            }
            LedgerEvent::Purged { hash, .. } if !self.intended.contains(hash) => {
                return Some(format!("{hash} was purged without a recorded intent"));
            }
            _ => {}
        }
        None
    }
}
