//! The messages that are still wanted, and where they are.

use std::collections::BTreeMap;

use crate::mail::message::Hash128;
use crate::offsite::pack::{FrameTable, PackIndex, PackMember};
use crate::offsite::payload::message_hash;

/// Messages that are named.
const NAMED: usize = 1_000;

/// The messages that are wanted, and whether the copy has them.
#[derive(Debug, Default)]
pub(in crate::offsite) struct WantedMessages(BTreeMap<Hash128, bool>);

/// What a pack has of them.
#[derive(Debug)]
pub(super) struct WantedPack {
    pub(super) id: String,
    pub(super) frames: FrameTable,
    /// In the order of the pack.
    pub(super) members: Vec<(Hash128, PackMember)>,
}

impl WantedPack {
    pub(super) fn hashes(&self) -> impl Iterator<Item = Hash128> {
        self.members.iter().map(|(hash, _)| *hash)
    }
}

impl WantedMessages {
    pub(in crate::offsite) fn add(&mut self, hash: Hash128) {
        self.0.insert(hash, false);
    }

    pub(super) fn done(&mut self, hash: Hash128) {
        self.0.remove(&hash);
    }

    /// True if it is wanted. Whoever asks has it.
    pub(super) fn has(&mut self, hash: Hash128) -> bool {
        match self.0.get_mut(&hash) {
            Some(is_there) => {
                *is_there = true;
                true
            }
            None => false,
        }
    }

    pub(in crate::offsite) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::offsite) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// What a pack has of them; none if it has nothing.
    pub(super) fn of_pack(&mut self, id: &str, index: &PackIndex) -> Option<WantedPack> {
        let mut members = Vec::new();
        for member in index.members() {
            if let Some(hash) = message_hash(&member.name)
                && self.has(hash)
            {
                members.push((hash, member.clone()));
            }
        }
        (!members.is_empty()).then(|| WantedPack {
            id: id.to_owned(),
            frames: index.frames().clone(),
            members,
        })
    }

    /// How many are nowhere, how many are there and could not be read, and the first of both.
    pub(in crate::offsite) fn left(self) -> (u64, u64, Vec<Hash128>) {
        let unreadable = self.0.values().filter(|is_there| **is_there).count() as u64;
        let all = self.len();
        let first = self.0.into_keys().take(NAMED).collect();
        (all - unreadable, unreadable, first)
    }
}
