//! The order of purge events (invariant 6).

use std::collections::HashSet;

use crate::mail::message::Hash128;
use crate::vault::ledger::Event;

/// What was archived, and what was to be purged, so far.
#[derive(Default)]
pub(super) struct Purges {
    seen: HashSet<Hash128>,
    intended: HashSet<Hash128>,
}

impl Purges {
    pub(super) fn wrong(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Seen(seen) => {
                self.seen.insert(seen.hash);
            }
            Event::Adopted { hash, .. } => {
                self.seen.insert(*hash);
            }
            Event::Lost { hash } => {
                self.seen.remove(hash);
            }
            Event::PurgeIntent { hash, .. } => {
                if !self.seen.contains(hash) {
                    return Some(format!("{hash} was to be purged without being archived"));
                }
                self.intended.insert(*hash);
            }
            Event::Purged { hash, .. } if !self.intended.contains(hash) => {
                return Some(format!("{hash} was purged without a recorded intent"));
            }
            _ => {}
        }
        None
    }
}
