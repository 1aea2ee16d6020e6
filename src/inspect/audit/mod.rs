//! The server's inventory against the vault: is there anything that only the server has?
//!
//! Nothing is changed on the server. A message counts as archived if its bytes were received
//! under its name or the server vouches for them, they have their file, and size and header on
//! the server are still the recorded ones. What is found wanting is written down, and the next
//! pull fetches it.

mod account;
mod compare;
mod headers;
mod judgement;
mod manifest;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::account::Job;
use crate::account::config::{Account, AuditScope};
use crate::account::connect::server_name;
use crate::base::error::{Error, Result};
use crate::base::event::Events;
use crate::mail::source::{Listings, Uid};
use crate::vault::catalog::Amount;
use crate::vault::layout::message_label;
use crate::vault::ledger::LedgerEvent;
use crate::vault::{Present, Vault, Writer};
use judgement::Judgements;
use manifest::AuditManifest;

pub use report::{ArchiveStatus, AuditReport, AuditTally, FolderAudit, OtherFolders};

/// Messages of a kind that are named.
const NAMED: usize = 5;
/// So many findings are written down at once.
const FINDINGS: usize = 1_024;

/// How to audit.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// Where the list of all messages goes, if one is wanted.
    pub manifest: Option<PathBuf>,
    /// Compare names and sizes only.
    pub quick: bool,
    /// Receive every message and compare its bytes.
    pub read_data: bool,
    /// Believe all bytes that arrived twice, whatever sizes are listed.
    pub accept_sizes: bool,
    /// How long a comparison of a header is believed.
    pub fresh: Duration,
    /// What to answer for, in place of the account's `covers`.
    pub scope: Option<AuditScope>,
    /// Set from outside to end early.
    pub stop: Arc<AtomicBool>,
}

/// Compares what the server of an account lists with the vault.
pub fn audit(
    path: &Path,
    job: Job,
    options: &AuditOptions,
    events: Events<'_>,
) -> Result<AuditReport> {
    let vault = Vault::open(path)?;
    let Job {
        account, secret, ..
    } = job;
    let secret = secret?;
    let manifest = options.manifest.as_deref();
    let manifest = manifest.map(|file| AuditManifest::create(file, path));
    let mut audit = Audit {
        path,
        server: server_name(&account),
        present: vault.present()?,
        vault: &vault,
        account,
        options,
        manifest: manifest.transpose()?,
        findings: Vec::new(),
        unrecorded: None,
        windowed: false,
        compared: 0,
        settled: Vec::new(),
        refused: Amount::default(),
        refused_names: Vec::new(),
    };
    let found = audit.account(&secret, events);
    // Also if it ended early: the next audit goes on from there.
    audit.record();
    let mut report = found?;
    report.unrecorded = audit.unrecorded.map(|error| error.to_string());
    report.compared = audit.compared;
    report.settled = audit.settled;
    report.refused = audit.refused;
    report.refused_names = audit.refused_names;
    if let Some(manifest) = audit.manifest {
        manifest.finish()?;
    }
    Ok(report)
}

struct Audit<'a> {
    path: &'a Path,
    vault: &'a Vault,
    /// As it is read now: over IMAP its port and the server's name are others.
    account: Account,
    options: &'a AuditOptions,
    server: String,
    /// Messages that have a file.
    present: Present<'a>,
    manifest: Option<AuditManifest>,
    /// What is to be written down.
    findings: Vec<LedgerEvent>,
    /// Why some of it could not be.
    unrecorded: Option<Error>,
    /// True once a name was seen of a server that shows a part of its messages at a time.
    windowed: bool,
    compared: u64,
    settled: Vec<String>,
    refused: Amount,
    refused_names: Vec<String>,
}

impl Audit<'_> {
    /// Writes down what was found; nothing is asked of the vault where there is nothing. What
    /// cannot be written is kept for another try.
    fn record(&mut self) {
        if self.findings.is_empty() {
            return;
        }
        let write = || {
            let mut writer = Writer::open(self.path, Duration::ZERO, &self.options.stop)?;
            writer.record(&self.findings)?;
            writer.publish()
        };
        self.unrecorded = write().err();
        if self.unrecorded.is_none() {
            self.findings.clear();
        }
    }

    /// Writes down what was found, if it is much: there may be something about each message.
    fn record_many(&mut self) {
        if self.findings.len() >= FINDINGS {
            self.record();
        }
    }

    /// Adds up a folder, and writes it to the manifest.
    fn enter(
        &mut self,
        folder: &mut FolderAudit,
        dir: &str,
        listings: &Listings,
        verdicts: &Judgements,
    ) -> Result<()> {
        for row in 0..verdicts.len() {
            let mut judgement = verdicts.get(row);
            let open = matches!(
                judgement.status,
                ArchiveStatus::Unknown | ArchiveStatus::Refused
            );
            if folder.excluded && open {
                judgement.status = ArchiveStatus::Excluded;
            }
            let octets = listings.octets_of(row);
            (folder.tally).count(judgement.status, octets);
            self.name(dir, &listings.get(row).uid, judgement.status, octets);
            if let Some(manifest) = &mut self.manifest {
                manifest.add(&folder.name, &listings.get(row), &judgement)?;
            }
        }
        Ok(())
    }

    /// Keeps the first names of messages that the user can accept.
    fn name(&mut self, dir: &str, uid: &Uid, status: ArchiveStatus, octets: Option<u64>) {
        let label = || message_label(dir, uid).unwrap_or_default();
        let names = match status {
            ArchiveStatus::Settled => &mut self.settled,
            ArchiveStatus::Refused if !self.account.accept_refused.contains(&label()) => {
                self.refused.messages += 1;
                self.refused.octets += octets.unwrap_or(0);
                &mut self.refused_names
            }
            _ => return,
        };
        if names.len() < NAMED {
            names.push(label());
        }
    }
}
