//! The second copy of a life: pushed to now and then, and all that is left when the machine is
//! lost.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use mailvault::offsite::fault::CopyError;
use mailvault::offsite::init::{InitOptions, init};
use mailvault::offsite::pack::Identities;
use mailvault::offsite::place::{MemoryStore, ObjectStore};
use mailvault::offsite::push::{PushOptions, PushReport, push};
use mailvault::offsite::restore::{RestoreOptions, restore};

static NEVER: AtomicBool = AtomicBool::new(false);
const NAME: &str = "copy";
const KEY: &[u8] = b"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

/// A place and the key to it.
pub(crate) struct SecondCopy {
    store: ObjectStore,
    keys: Identities,
}

impl SecondCopy {
    pub(crate) fn new() -> Self {
        Self {
            store: ObjectStore::Memory(MemoryStore::default()),
            keys: Identities::parse(KEY).unwrap(),
        }
    }

    /// Begins again at another place, as somebody does whose ledger was rewritten.
    pub(crate) fn begin_again(&mut self, vault: &Path) {
        *self = Self::new();
        let _ = fs::remove_dir_all(vault.join("offsite"));
    }

    pub(crate) fn push(&self, vault: &Path) -> Result<PushReport, CopyError> {
        let recipients = self.keys.recipients();
        let options = PushOptions {
            name: NAME,
            recipients: &recipients,
            level: 1,
            rebuild: false,
            stop: &NEVER,
        };
        push(vault, &self.store, options, &mut |_| {})
    }

    /// The vault is lost, and made again from what was pushed; then the copy goes on. Gives how
    /// many messages could not be restored.
    pub(crate) fn replace(&self, vault: &Path) -> Result<u64, CopyError> {
        fs::remove_dir_all(vault).unwrap();
        let options = RestoreOptions {
            destination: NAME,
            identities: &self.keys,
            head: None,
            stop: &NEVER,
        };
        let report = restore(&self.store, vault, options, &mut |_| {})?;
        let recipients = self.keys.recipients();
        let options = InitOptions {
            name: NAME,
            url: "memory",
            recipients: &recipients,
            identities: Some(&self.keys),
            stop: &NEVER,
        };
        init(vault, &self.store, options)?;
        Ok(report.missing)
    }
}
