//! Heads one after the other, and what lives after the last of them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{HeadError, HeadObject, PushHead, SEQ_LIMIT};

/// An unbroken chain of heads from the first one on.
#[derive(Debug, Default)]
pub struct HeadChain {
    vault: Option<String>,
    seq: u64,
    begin: u64,
    sha256: Option<[u8; 32]>,
    live: BTreeMap<String, HeadObject>,
}

impl HeadChain {
    /// Adds the head whose name has this number. If it does not continue the chain, the chain
    /// stays as it was.
    pub fn add(&mut self, seq: u64, bytes: &[u8]) -> Result<PushHead, HeadError> {
        let head = PushHead::parse(bytes)?;
        self.check(seq, &head)?;
        for name in &head.replaces {
            self.live.remove(name);
        }
        for object in &head.objects {
            self.live.insert(object.name.clone(), object.clone());
        }
        self.vault = Some(head.vault.clone());
        self.seq = seq;
        self.begin = head.begin;
        self.sha256 = Some(Sha256::digest(bytes).into());
        Ok(head)
    }

    fn check(&self, seq: u64, head: &PushHead) -> Result<(), HeadError> {
        if head.seq != seq {
            return Err(HeadError::OtherNumber {
                seq,
                says: head.seq,
            });
        }
        if seq > self.seq + 1 {
            return Err(HeadError::Missing { seq: self.seq + 1 });
        }
        if self
            .vault
            .as_ref()
            .is_some_and(|vault| *vault != head.vault)
        {
            return Err(HeadError::OtherVault { seq });
        }
        if seq <= self.seq || head.previous != self.sha256 {
            return Err(HeadError::Forked { seq });
        }
        if head.begin != seq && head.begin != self.begin {
            return Err(HeadError::OtherBeginning { seq });
        }
        let other = |object: &&HeadObject| {
            let known = self.live.get(&object.name);
            known.is_some_and(|known| known != *object)
        };
        if let Some(object) = head.objects.iter().find(other) {
            return Err(HeadError::Contradicts {
                seq,
                name: object.name.clone(),
            });
        }
        let unknown = |name: &&String| !self.live.contains_key(*name);
        if let Some(name) = head.replaces.iter().find(unknown) {
            return Err(HeadError::ReplacesUnknown {
                seq,
                name: name.clone(),
            });
        }
        Ok(())
    }

    /// The number of the next head; none if there can be no other.
    #[must_use]
    pub fn next_seq(&self) -> Option<u64> {
        (self.seq < SEQ_LIMIT).then_some(self.seq + 1)
    }

    /// SHA-256 of the last head, which the next one names; none if there is no head.
    #[must_use]
    pub fn last_sha256(&self) -> Option<[u8; 32]> {
        self.sha256
    }

    /// The pseudonym of the vault; none if there is no head.
    #[must_use]
    pub fn vault(&self) -> Option<&str> {
        self.vault.as_deref()
    }

    /// The objects that are not replaced, by name.
    pub fn live(&self) -> impl Iterator<Item = &HeadObject> {
        self.live.values()
    }
}
