//! Whether a message is in the copy, for whoever is about to delete it elsewhere.
//!
//! The index says which object has it; the place is asked for that object, once by each gate. So
//! whoever makes a plan and carries it out later needs a gate for each.

use std::collections::HashSet;
use std::path::Path;

use super::record::{CopyRecord, RecordedObject, keys_id};
use super::round::object_name;
use crate::base::error::{Error, Result, StoreFault};
use crate::mail::message::Hash128;
use crate::offsite::fault::CopyError;
use crate::offsite::head::head_name;
use crate::offsite::local::LocalPlace;
use crate::offsite::pack::Recipients;
use crate::offsite::place::{ObjectName, ObjectStore};
use crate::vault::Vault;

/// Looks messages up in a copy.
pub struct CopyGate<'s> {
    store: &'s ObjectStore,
    /// Who must be able to read it.
    keys: Hash128,
    /// None if nothing was pushed yet.
    record: Option<CopyRecord>,
    /// Objects that the place has, as it said to this gate.
    seen: HashSet<i64>,
}

impl<'s> CopyGate<'s> {
    /// Opens what is known of a place, and compares its newest head with the one that is there.
    pub fn open(
        vault: &Path,
        name: &str,
        recipients: &Recipients,
        store: &'s ObjectStore,
    ) -> Result<Self, CopyError> {
        let vault = Vault::open(vault)?;
        let record = CopyRecord::open(LocalPlace::of(vault.root(), name).folder())?;
        let state = match &record {
            Some(record) => record.state()?,
            None => None,
        };
        if state
            .as_ref()
            .is_some_and(|state| state.vault_id != vault.id())
        {
            return Err(CopyError::OtherVault);
        }
        let last = state.and_then(|state| state.last);
        if let Some(last) = &last {
            let head = store.head(&object_name(&head_name(last.seq))?)?;
            let Some(head) = head else {
                return Err(CopyError::HeadGone { seq: last.seq });
            };
            if head.size != last.size || head.md5.is_some_and(|md5| md5 != last.md5) {
                return Err(CopyError::Forked { seq: last.seq });
            }
        }
        Ok(Self {
            store,
            keys: keys_id(recipients),
            record: record.filter(|_| last.is_some()),
            seen: HashSet::new(),
        })
    }

    /// True if the copy has a message for these public keys, and the place the object with it, of
    /// the size that it had when it was put there, and with its MD5 where the place gives one.
    ///
    /// # Errors
    /// [`StoreFault::Unconfirmed`] if the object should be there and is not.
    pub fn has(&mut self, hash: Hash128) -> Result<bool> {
        let Some(record) = &self.record else {
            return Ok(false);
        };
        let Some(object) = record.object_of(hash)? else {
            return Ok(false);
        };
        if object.keys != self.keys {
            return Ok(false);
        }
        if self.seen.contains(&object.id) {
            return Ok(true);
        }
        self.look(&object)?;
        self.seen.insert(object.id);
        Ok(true)
    }

    fn look(&self, object: &RecordedObject) -> Result<()> {
        let stat = match ObjectName::new(&object.name) {
            Some(name) => self.store.head(&name)?,
            None => None,
        };
        let right = stat.is_some_and(|stat| {
            stat.size == object.size && stat.md5.is_none_or(|md5| md5 == object.md5)
        });
        if right {
            return Ok(());
        }
        Err(Error::Store {
            place: self.store.shown().to_owned(),
            fault: StoreFault::Unconfirmed {
                name: object.name.clone(),
            },
            reply: None,
        })
    }
}
