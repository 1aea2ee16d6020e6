//! The server's inventory against the vault: is there anything that only the server has?
//!
//! Nothing is changed on the server. A message counts as archived if its bytes were received
//! under its name or the server vouches for them, they have their file, and size and header on
//! the server are still the recorded ones. What is found wanting is written down, and the next
//! pull fetches it.

mod compare;
mod headers;
mod manifest;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::account::Job;
use crate::account::config::{Account, Protocol};
use crate::account::connect::{Connector, endpoint, server_name};
use crate::account::folders::{Folders, chosen, prefix};
use crate::account::memory;
use crate::base::error::{Endpoint, Error, Result};
use crate::base::event::{Events, RunEvent};
use crate::mail::message::Hash128;
use crate::mail::source::{Inventory, Listings, Marks, Source, Uid};
use crate::net::imap::Mailbox;
use crate::vault::catalog::Amount;
use crate::vault::layout::message_label;
use crate::vault::ledger::LedgerEvent;
use crate::vault::{Vault, Writer};
use compare::{Dated, Judgement};
use manifest::AuditManifest;

/// Messages of a kind that are named.
const NAMED: usize = 5;

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
    /// Set from outside to end early.
    pub stop: Arc<AtomicBool>,
}

/// How a message on the server stands to the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveStatus {
    /// It is in the vault.
    Archived,
    /// It resembles one that is in the vault.
    Recognised,
    /// What came of it does not agree with what is listed.
    Doubtful,
    /// The same came again: the listing is wrong, or the message is cut on the server.
    Settled,
    /// It is settled, and the user knows that only the listing is wrong.
    Accepted,
    /// The server has another message under this name than the vault.
    Differs,
    /// The server would not give it.
    Refused,
    /// The account's rules leave its folder out.
    Excluded,
    /// It was archived, and its file is gone from the vault.
    Lost,
    /// Nothing is known of it.
    Unknown,
}

impl ArchiveStatus {
    /// All of them, in the order of a [`AuditTally`].
    pub const ALL: [Self; 10] = [
        Self::Archived,
        Self::Recognised,
        Self::Doubtful,
        Self::Settled,
        Self::Accepted,
        Self::Differs,
        Self::Refused,
        Self::Excluded,
        Self::Lost,
        Self::Unknown,
    ];

    /// Its name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::Recognised => "recognised",
            Self::Doubtful => "doubtful",
            Self::Settled => "settled",
            Self::Accepted => "accepted",
            Self::Differs => "differs",
            Self::Refused => "refused",
            Self::Excluded => "excluded",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
        }
    }
}

/// So many messages of each standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditTally([Amount; ArchiveStatus::ALL.len()]);

impl AuditTally {
    /// Those of one standing.
    #[must_use]
    pub fn of(&self, status: ArchiveStatus) -> Amount {
        self.0[status as usize]
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Amount {
        let mut all = Amount::default();
        for amount in self.0 {
            all.messages += amount.messages;
            all.octets += amount.octets;
        }
        all
    }

    /// Adds those of another.
    pub fn add(&mut self, other: &Self) {
        for (own, amount) in self.0.iter_mut().zip(other.0) {
            own.messages += amount.messages;
            own.octets += amount.octets;
        }
    }

    fn count(&mut self, status: ArchiveStatus, octets: Option<u64>) {
        let amount = &mut self.0[status as usize];
        amount.messages += 1;
        amount.octets += octets.unwrap_or(0);
    }
}

/// A folder of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderAudit {
    /// Its name as people read it; foreign text.
    pub name: String,
    /// True if the account's rules leave it out.
    pub excluded: bool,
    /// Its messages.
    pub tally: AuditTally,
    /// Messages that the server counts and does not show.
    pub hidden: u64,
    /// Why it could not be looked into, in the server's words.
    pub failed: Option<String>,
}

impl FolderAudit {
    fn new(name: &str, excluded: bool) -> Self {
        Self {
            name: name.to_owned(),
            excluded,
            tally: AuditTally::default(),
            hidden: 0,
            failed: None,
        }
    }
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// The server.
    pub server: Endpoint,
    /// Every folder that may hold messages.
    pub folders: Vec<FolderAudit>,
    /// True if the server shows only the inbox (POP3).
    pub inbox_only: bool,
    /// True if it shows only a part of its messages at a time.
    pub windowed: bool,
    /// True if headers were not compared.
    pub quick: bool,
    /// Messages whose header or bytes were compared with the recorded ones in this run.
    pub compared: u64,
    /// The first names of settled messages, as `accept_short` takes them.
    pub settled: Vec<String>,
    /// Messages that the server refused, and that `accept_refused` does not name.
    pub refused: Amount,
    /// The first names of these, as `accept_refused` takes them.
    pub refused_names: Vec<String>,
    /// Why what was found could not be written down, if it could not.
    pub unrecorded: Option<String>,
}

impl AuditReport {
    /// The messages of all folders.
    #[must_use]
    pub fn tally(&self) -> AuditTally {
        let mut all = AuditTally::default();
        for folder in &self.folders {
            all.add(&folder.tally);
        }
        all
    }

    /// True if nothing is left of which nothing is known.
    #[must_use]
    pub fn may_leave(&self) -> bool {
        let tally = self.tally();
        let open = |folder: &FolderAudit| {
            !folder.excluded && (folder.hidden > 0 || folder.failed.is_some())
        };
        let wanting = [
            ArchiveStatus::Recognised,
            ArchiveStatus::Doubtful,
            ArchiveStatus::Settled,
            ArchiveStatus::Differs,
            ArchiveStatus::Lost,
            ArchiveStatus::Unknown,
        ];
        wanting.iter().all(|s| tally.of(*s).messages == 0)
            && self.refused.messages == 0
            && !self.windowed
            && !self.folders.iter().any(open)
    }
}

/// Compares what the server of an account lists with the vault.
pub fn audit(
    path: &Path,
    job: Job,
    options: &AuditOptions,
    events: Events<'_>,
) -> Result<AuditReport> {
    let vault = Vault::open(path)?;
    let Job { account, secret } = job;
    let secret = secret?;
    let manifest = options.manifest.as_deref().map(AuditManifest::create);
    let mut audit = Audit {
        server: server_name(&account),
        present: vault.present()?,
        vault: &vault,
        account: &account,
        options,
        manifest: manifest.transpose()?,
        findings: Vec::new(),
        windowed: false,
        compared: 0,
        settled: Vec::new(),
        refused: Amount::default(),
        refused_names: Vec::new(),
    };
    events(RunEvent::Connecting {
        account: &account.name,
        server: &endpoint(&account),
    });
    let known = memory::recall(vault.catalog(), &account)?;
    let mut connector = Connector::new(&account, secret, known, Arc::clone(&options.stop));
    connector.scram = memory::recall_scram(vault.catalog(), &account)?;
    let found = if account.protocol == Protocol::Imap {
        audit.mailboxes(&connector)
    } else {
        connector
            .open(false)
            .and_then(|source| audit.maildrop(source))
    };
    // Also if it ended early: the next audit goes on from there.
    let unrecorded = audit.record(path).err();
    let mut report = found?;
    report.unrecorded = unrecorded.map(|error| error.to_string());
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
    vault: &'a Vault,
    account: &'a Account,
    options: &'a AuditOptions,
    server: String,
    /// Messages that have a file.
    present: HashSet<Hash128>,
    manifest: Option<AuditManifest>,
    /// What is to be written down.
    findings: Vec<LedgerEvent>,
    /// True once a name was seen of a server that shows a part of its messages at a time.
    windowed: bool,
    compared: u64,
    settled: Vec<String>,
    refused: Amount,
    refused_names: Vec<String>,
}

impl Audit<'_> {
    /// Writes down what was found; nothing is asked of the vault where there is nothing.
    fn record(&mut self, path: &Path) -> Result<()> {
        let findings = std::mem::take(&mut self.findings);
        if findings.is_empty() {
            return Ok(());
        }
        let mut writer = Writer::open(path, Duration::ZERO, &self.options.stop)?;
        writer.record(&findings)?;
        writer.publish()
    }

    fn maildrop(&mut self, mut source: Box<dyn Source>) -> Result<AuditReport> {
        let listings = source.list()?;
        let verdicts = self.judge(&mut *source, &listings, "", 0, &Dated::default())?;
        if let Err(error) = source.finish() {
            tracing::debug!(target: "dialogue", "QUIT failed: {error}");
        }
        let mut folder = FolderAudit::new("INBOX", false);
        folder.hidden = listings.unlisted();
        self.enter(&mut folder, "", &listings, &verdicts)?;
        Ok(AuditReport {
            folders: vec![folder],
            inbox_only: true,
            windowed: self.windowed,
            ..self.report()
        })
    }

    /// A report of no folder.
    fn report(&self) -> AuditReport {
        AuditReport {
            server: endpoint(self.account),
            folders: Vec::new(),
            inbox_only: false,
            windowed: false,
            quick: self.options.quick,
            compared: 0,
            settled: Vec::new(),
            refused: Amount::default(),
            refused_names: Vec::new(),
            unrecorded: None,
        }
    }

    fn mailboxes(&mut self, connector: &Connector) -> Result<AuditReport> {
        let mut session = connector.open_imap()?;
        let prefix = prefix(self.account, &mut session)?;
        let mut mailboxes = session.mailboxes()?;
        mailboxes.retain(|mailbox| mailbox.selectable);
        mailboxes.sort_by_cached_key(|mailbox| (mailbox.raw != b"INBOX", label(mailbox)));
        session.ask_counts(&mut mailboxes)?;
        let mut folders = Folders::new(self.vault.catalog(), &self.account.name)?;
        let mut report = self.report();
        for mailbox in &mailboxes {
            let dir = folders.dir_of(mailbox);
            let mut folder =
                FolderAudit::new(&label(mailbox), !chosen(self.account, mailbox, &prefix));
            let recorded = folders.recorded(mailbox);
            let mut open = match session.open_known(mailbox, recorded) {
                Ok(open) => open,
                Err(error @ Error::Refused { .. }) => {
                    folder.failed = Some(error.reply().unwrap_or_default().to_owned());
                    let told = mailbox.counts.and_then(|counts| counts.messages);
                    folder.hidden = told.unwrap_or(0).into();
                    report.folders.push(folder);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let counts = open.counts();
            let uidvalidity = counts.uidvalidity.unwrap_or(0);
            let mut inventory = Inventory::new(uidvalidity, 0);
            let rows = open.rows(1, &mut |row| {
                inventory.flag(row.uid, row.octets, row.date, Marks::default());
                Ok(())
            })?;
            inventory.sort();
            let uids: Vec<u32> = inventory.known().collect();
            let listings = inventory.listings(&uids);
            folder.hidden = u64::from(counts.messages.unwrap_or(0)).saturating_sub(rows as u64);
            let dated = Dated::new(&inventory);
            let verdicts = if folder.excluded {
                self.judge_by_name(&listings, &dir, uidvalidity, &dated)?
                    .verdicts
            } else {
                self.judge(&mut open, &listings, &dir, uidvalidity, &dated)?
            };
            self.enter(&mut folder, &dir, &listings, &verdicts)?;
            report.folders.push(folder);
        }
        if let Err(error) = session.logout() {
            tracing::debug!(target: "dialogue", "LOGOUT failed: {error}");
        }
        Ok(report)
    }

    /// Adds up a folder, and writes it to the manifest.
    fn enter(
        &mut self,
        folder: &mut FolderAudit,
        dir: &str,
        listings: &Listings,
        verdicts: &[Judgement],
    ) -> Result<()> {
        for (row, judgement) in verdicts.iter().enumerate() {
            let mut judgement = *judgement;
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

fn label(mailbox: &Mailbox) -> String {
    mailbox.levels().join("/")
}
