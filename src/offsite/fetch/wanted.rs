//! The messages that are still wanted, and where they are.

use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::offsite::pack::{FrameTable, PackIndex, PackMember};
use crate::offsite::payload::message_hash;
use crate::vault::catalog::ContentSet;

/// Messages that are named.
const NAMED: u64 = 1_000;

/// The messages that are wanted, however many, and whether the copy has them.
#[derive(Debug)]
pub(in crate::offsite) struct WantedMessages {
    wanted: ContentSet,
    /// Of these, those that the copy has.
    there: ContentSet,
    /// How many are wanted.
    len: u64,
}

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
    /// None.
    pub(in crate::offsite) fn new() -> Result<Self> {
        Ok(Self {
            wanted: ContentSet::new()?,
            there: ContentSet::new()?,
            len: 0,
        })
    }

    pub(in crate::offsite) fn add(&mut self, hash: Hash128) -> Result<()> {
        self.len += u64::from(self.wanted.insert(hash)?);
        Ok(())
    }

    pub(super) fn done(&mut self, hash: Hash128) -> Result<()> {
        self.len -= u64::from(self.wanted.remove(hash)?);
        self.there.remove(hash)?;
        Ok(())
    }

    /// True if it is wanted. Whoever asks has it.
    pub(super) fn has(&self, hash: Hash128) -> Result<bool> {
        let is_wanted = self.wanted.contains(hash)?;
        if is_wanted {
            self.there.insert(hash)?;
        }
        Ok(is_wanted)
    }

    pub(in crate::offsite) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(in crate::offsite) fn len(&self) -> u64 {
        self.len
    }

    /// What a pack has of them; none if it has nothing.
    pub(super) fn of_pack(&self, id: &str, index: &PackIndex) -> Result<Option<WantedPack>> {
        let mut members = Vec::new();
        for member in index.members() {
            if let Some(hash) = message_hash(&member.name)
                && self.has(hash)?
            {
                members.push((hash, member.clone()));
            }
        }
        Ok((!members.is_empty()).then(|| WantedPack {
            id: id.to_owned(),
            frames: index.frames().clone(),
            members,
        }))
    }

    /// What is still wanted.
    pub(in crate::offsite) fn left(&self) -> Result<LeftMessages> {
        let unreadable = self.there.len()?;
        Ok(LeftMessages {
            not_there: self.len - unreadable,
            unreadable,
            first: self.wanted.first(NAMED)?,
        })
    }
}

/// Messages that were wanted and not fetched.
#[derive(Debug)]
pub(in crate::offsite) struct LeftMessages {
    /// How many are nowhere.
    pub(in crate::offsite) not_there: u64,
    /// How many are there and could not be read.
    pub(in crate::offsite) unreadable: u64,
    /// The first of both.
    pub(in crate::offsite) first: Vec<Hash128>,
}
