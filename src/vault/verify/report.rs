//! What verify is asked and what it answers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::finding::Problem;
use super::findings::FindingList;
use crate::base::error::Result;
use crate::mail::message::Hash128;

/// What to verify, and how thoroughly.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// Only these accounts; all if empty.
    pub accounts: Vec<String>,
    /// Read every byte of every message file.
    pub read_data: bool,
    /// Of those, only part `n` of `t`, counted from 1; the parts together are all.
    pub subset: Option<(u32, u32)>,
    /// Stop reading after this time.
    pub max_duration: Option<Duration>,
    /// Put right what can be put right.
    pub repair: bool,
    /// Set from outside to end early.
    pub stop: Arc<AtomicBool>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// Messages and how many of them are good, by account.
    pub accounts: Vec<(String, u64, u64)>,
    /// Everything that is not as it should be.
    pub findings: FindingList,
    /// Bytes of message files that were read.
    pub read: u64,
    /// False if time ran out before everything was read.
    pub complete: bool,
    /// True if repair has dealt with the findings.
    pub repaired: bool,
}

/// What was found, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FindingSums {
    /// Findings that mean damage.
    pub damage: u64,
    /// Messages that have damage and were not put back.
    pub bad: u64,
    /// Of these, those that a server may still have.
    pub on_server: u64,
    /// Files that repair has put back from another one of the vault.
    pub mended: u64,
    /// Files that no line names, in a folder of an account and named as those of messages are.
    pub unrecorded: u64,
}

impl VerifyReport {
    /// Counts what was found.
    pub fn sums(&self) -> Result<FindingSums> {
        let mut sums = FindingSums::default();
        for finding in self.findings.all() {
            let finding = finding?;
            let damage = finding.problem.is_damage();
            let bad = damage && finding.id.is_some() && !finding.mended;
            sums.damage += u64::from(damage);
            sums.bad += u64::from(bad);
            sums.on_server += u64::from(bad && finding.on_server);
            sums.mended += u64::from(finding.mended);
            sums.unrecorded += u64::from(finding.is_unrecorded_mail());
        }
        Ok(sums)
    }

    /// The contents of which a file is missing or damaged, each once.
    pub fn broken_contents(&self) -> Result<Vec<Hash128>> {
        let mut contents = Vec::new();
        for finding in self.findings.all() {
            let finding = finding?;
            if matches!(finding.problem, Problem::Damaged(_) | Problem::Missing) {
                contents.extend(finding.id);
            }
        }
        contents.sort_unstable();
        contents.dedup();
        Ok(contents)
    }
}
