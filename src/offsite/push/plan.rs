//! What a push would do, without reading a message or asking the place.

use std::path::Path;

use super::limits::PushLimits;
use super::record::CopyRecord;
use super::window::NewLines;
use crate::base::error::Result;
use crate::offsite::fault::CopyError;
use crate::offsite::local::LocalPlace;
use crate::offsite::plan::{PackPlace, PackPlan};
use crate::vault::Vault;

/// What a push would do, as far as that is known before anything is compressed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsitePlan {
    /// Messages that the place lacks.
    pub messages: u64,
    /// Their bytes, uncompressed.
    pub bytes: u64,
    /// Bytes of the ledger that the place lacks.
    pub ledger: u64,
    /// Messages that earlier pushes could not read.
    pub owed: u64,
    /// Packs.
    pub packs: u64,
    /// Heads, each with a push.
    pub heads: u64,
    /// The newest head that this machine wrote, 0 if there is none, and when, in Unix seconds.
    pub last: (u64, i64),
    /// Requests that list objects: none, as long as there is an index here.
    pub lists: u64,
}

impl OffsitePlan {
    /// Requests that put something.
    #[must_use]
    pub fn puts(&self) -> u64 {
        self.packs + 2 * self.heads
    }

    /// Requests that ask for an object without reading it: for the newest head, if there is one,
    /// and for the next. Places that cannot refuse to overwrite are asked before each put, too.
    #[must_use]
    pub fn questions(&self) -> u64 {
        1 + u64::from(self.last.0 > 0)
    }

    /// True if there is nothing to push.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages == 0 && self.ledger == 0 && self.owed == 0
    }
}

/// What a push to the place of this name would do now. Without an index it would put everything
/// there.
pub fn plan(vault: &Path, name: &str) -> Result<OffsitePlan, CopyError> {
    plan_within(vault, name, PushLimits::default())
}

pub(super) fn plan_within(
    vault: &Path,
    name: &str,
    limits: PushLimits,
) -> Result<OffsitePlan, CopyError> {
    let vault = Vault::open(vault)?;
    let record = CopyRecord::open(LocalPlace::of(vault.root(), name).folder())?;
    let state = match &record {
        Some(record) => record.state()?,
        None => None,
    };
    let mut plan = OffsitePlan {
        // Heads are listed with their versions; if there are none, as they are.
        lists: if state.is_some() { 0 } else { 2 },
        ..OffsitePlan::default()
    };
    if let (Some(record), Some(state)) = (&record, &state) {
        if state.vault_id != vault.id() {
            return Err(CopyError::OtherVault);
        }
        plan.owed = record.owed()?.len() as u64;
        let last = state.last.as_ref();
        plan.last = last.map_or((0, 0), |last| (last.seq, last.time));
    }
    let begin = state.as_ref().and_then(super::record::CopyState::position);
    let Some(mut lines) = NewLines::open(&vault, begin.clone(), limits)? else {
        return Ok(plan);
    };
    loop {
        let mut is_there = |hash| record.as_ref().map_or(Ok(false), |record| record.has(hash));
        let window = lines.next_window(&mut is_there)?;
        plan.messages += window.messages.len() as u64;
        plan.bytes += window.bytes;
        if !(window.last && window.bytes < limits.inline) {
            plan.packs += packs(window.messages.iter().map(|message| message.size), limits);
        }
        let advances = window.end != begin || plan.heads > 0;
        plan.heads += u64::from(advances || !window.messages.is_empty());
        if window.last {
            if let Some(end) = &window.end {
                let parts = vault.ledger_parts(begin.as_ref(), end)?;
                plan.ledger = parts.iter().map(|(_, _, length)| length).sum();
            }
            return Ok(plan);
        }
    }
}

fn packs(sizes: impl Iterator<Item = u64>, limits: PushLimits) -> u64 {
    let mut plan = PackPlan::within(limits.pack);
    let mut packs = 0;
    for size in sizes {
        match plan.place(size) {
            PackPlace::Here => packs = packs.max(1),
            PackPlace::Next => packs += 1,
            PackPlace::TooLarge => {}
        }
    }
    packs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::offsite::scene_tests::{TestVault, memory, message, new_memory, push_to};

    #[test]
    fn a_plan_knows_what_a_push_asks() {
        let store = new_memory();
        let mut vault = TestVault::new();
        for n in 0..4 {
            if n != 2 {
                vault.deliver("work", "", &[message(n, 900)]);
            }
            let planned = plan(&vault.path(), "b2").unwrap();
            memory(&store).trouble().calls.clear();
            push_to(&vault.path(), &store);
            let calls = memory(&store).trouble().calls.clone();
            let count = |names: &[&str]| {
                let calls = calls.iter().filter(|(call, _)| names.contains(call));
                calls.count() as u64
            };
            assert_eq!(count(&["head"]), planned.questions(), "{n}");
            assert_eq!(count(&["list", "versions"]), planned.lists, "{n}");
            assert_eq!(count(&["put"]), planned.puts(), "{n}");
            assert_eq!(planned.is_empty(), n == 2);
        }
    }
}
