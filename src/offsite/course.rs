//! Which pushes of a copy have its ledger. Each continues one before it. If everything was sent once
//! more, a later push begins again, and counts once the earlier ones were replaced; until then it
//! is the beginning of something that is not whole.

use std::collections::BTreeSet;

use super::heads::PlaceHeads;
use super::payload::{LedgerPosition, PushManifest};

/// What a push is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PushRole {
    /// It begins the ledger.
    Begins,
    /// It continues it.
    Continues,
    /// It belongs to another beginning.
    Apart,
}

/// The ledger as far as it was read.
#[derive(Debug)]
pub(super) struct LedgerCourse {
    at: Option<LedgerPosition>,
    /// Pushes that may begin again.
    whole: BTreeSet<String>,
}

impl LedgerCourse {
    pub(super) fn new(heads: &PlaceHeads) -> Self {
        let whole = heads.names.iter().take(heads.replaced_to);
        Self {
            at: None,
            whole: whole
                .filter(|name| name.starts_with("push/"))
                .cloned()
                .collect(),
        }
    }

    /// Takes the next push.
    pub(super) fn next(&mut self, name: &str, manifest: &PushManifest) -> PushRole {
        let role = match &manifest.from {
            None if self.at.is_none() || self.whole.contains(name) => PushRole::Begins,
            from if *from == self.at => PushRole::Continues,
            _ => return PushRole::Apart,
        };
        self.at = Some(manifest.to.clone());
        role
    }
}
