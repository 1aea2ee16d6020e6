//! What verify is asked and what it answers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

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
#[derive(Debug, Clone, Default)]
pub struct VerifyReport {
    /// Messages and how many of them are good, by account.
    pub accounts: Vec<(String, u64, u64)>,
    /// Everything that is not as it should be.
    pub findings: Vec<Finding>,
    /// Bytes of message files that were read.
    pub read: u64,
    /// False if time ran out before everything was read.
    pub complete: bool,
    /// True if repair has dealt with the findings.
    pub repaired: bool,
}

impl VerifyReport {
    /// Findings that mean damage.
    #[must_use]
    pub fn damage(&self) -> usize {
        self.findings
            .iter()
            .filter(|f| f.problem.is_damage())
            .count()
    }

    /// The contents of which a file is missing or damaged, each once.
    #[must_use]
    pub fn broken_contents(&self) -> Vec<Hash128> {
        let broken = |problem: &Problem| matches!(problem, Problem::Damaged(_) | Problem::Missing);
        let findings = self.findings.iter().filter(|found| broken(&found.problem));
        let mut contents: Vec<Hash128> = findings.filter_map(|found| found.id).collect();
        contents.sort_unstable();
        contents.dedup();
        contents
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The account, if it is about a message.
    pub account: Option<String>,
    /// The file, relative to the vault.
    pub path: String,
    /// The message.
    pub id: Option<Hash128>,
    /// What is wrong.
    pub problem: Problem,
    /// True if a server may still have the message.
    pub on_server: bool,
    /// True if repair has put the file back from another one of the vault.
    pub mended: bool,
    /// When the message was received, in Unix seconds; 0 if nobody knows.
    pub date: i64,
    /// Its subject, decoded, as far as the catalog knows it.
    pub subject: String,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The file does not hold what its name says.
    Damaged(String),
    /// No folder of the account has the file.
    Missing,
    /// The file is in another folder of the account.
    Moved,
    /// No line of the ledger names the file.
    Unrecorded,
    /// The message was forgotten on purpose, and its file was put back.
    Returned,
    /// Its folder has another file of the same message.
    Repeated,
    /// The ledger has a damaged stretch, or an unfinished append.
    Ledger(String),
    /// The catalog does not match the ledger.
    Catalog(String),
    /// `vault.toml` was lost or damaged.
    Manifest(String),
    /// The key of what was forgotten is missing or another one.
    Key(String),
    /// A purge is recorded of something that was not archived.
    Purge(String),
}

impl Problem {
    /// True if something is broken, as opposed to unusual.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        !matches!(
            self,
            Self::Moved | Self::Unrecorded | Self::Returned | Self::Repeated
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(how) => write!(f, "damaged ({how})"),
            Self::Missing => f.write_str("missing"),
            Self::Moved => f.write_str("moved to another folder"),
            Self::Unrecorded => f.write_str("not recorded"),
            Self::Returned => f.write_str("forgotten on purpose, but the file is back"),
            Self::Repeated => f.write_str("twice in its folder"),
            Self::Ledger(how)
            | Self::Manifest(how)
            | Self::Catalog(how)
            | Self::Key(how)
            | Self::Purge(how) => f.write_str(how),
        }
    }
}
