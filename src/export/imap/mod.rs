//! Mail from the vault into the mailboxes of a server, each message once.
//!
//! The ledger's `upload-intent`, `uploaded` and `upload-failed` lines are the journal, by server
//! and folder. What has an intent only is looked for by its size and header before it is sent
//! again, so that a run that was killed, or lost its connection, can be repeated.

mod check;
mod course;
mod folder;
mod folder_run;
mod found;
mod intents;
mod letter;
mod names;
mod remarks;
mod rename;
mod report;

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::TELL;
use crate::base::error::{Endpoint, Error, Result};
use crate::base::event::{Notice, RunEvent};
use crate::mail::message::Hash128;
use crate::net::imap::{AppendRefusal, Session};
use crate::vault::frame::Checker;
use crate::vault::ledger::LedgerEvent;
use crate::vault::{Selection, Vault, Writer};
use course::FolderPlan;
use names::FolderNames;
pub(super) use names::is_sent;
use report::{reason, refused};

pub use report::{Doubt, Filled, Goals, Outlook, RefusedUpload, RenamedFolder, UploadReport};

/// Messages that are noted in the ledger at once, and how long they wait for that.
const BATCH: usize = 256;
const BATCH_AGE: Duration = Duration::from_secs(1);

/// What is to be uploaded, and where to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadTask<'a> {
    /// Where it comes from.
    pub(crate) vault: &'a Vault,
    /// The messages, by folders.
    pub(crate) selection: &'a Selection,
    /// The account that takes them.
    pub(crate) account: &'a str,
    /// Its name in the vault.
    pub(crate) stored_as: &'a str,
    /// The same as the journal knows it: `user@host:port`.
    pub(crate) destination: &'a str,
    /// Its server.
    pub(crate) server: &'a Endpoint,
    /// The folder that takes the inbox, and the other folders below it.
    pub(crate) into: Option<&'a str>,
    /// What was uploaded before is uploaded again, unless it is there.
    pub(crate) again: bool,
    /// Sessions that may fail one after another.
    pub(crate) retries: u32,
    /// Set from outside to end in order.
    pub(crate) stop: &'a AtomicBool,
}

/// A message that has no verdict yet.
#[derive(Debug)]
struct Sent {
    message: RefusedUpload,
    /// Flags that it went without.
    lost: Vec<String>,
    /// Its date is its own.
    own: bool,
    /// Its line ends can be made strict.
    has_odd_line_ends: bool,
}

/// An upload in progress, over as many sessions as it takes.
pub(crate) struct Upload<'a> {
    task: UploadTask<'a>,
    writer: &'a mut Writer,
    emit: &'a mut dyn FnMut(RunEvent<'_>),
    /// What came of it so far.
    pub(crate) report: UploadReport,
    /// True once the first session has looked at everything.
    begun: bool,
    batch: Vec<LedgerEvent>,
    batched: HashSet<Hash128>,
    noted: Instant,
    told: Instant,
    /// What this run uploaded, if the journal is not asked.
    mine: HashSet<(String, Hash128)>,
    /// What it need not try a second time.
    settled: HashSet<(String, Hash128)>,
    /// What lost its verdict with the connection, and may be there.
    unsure: HashMap<Hash128, Sent>,
    /// What an interrupted session was about to send.
    interrupted: HashMap<Hash128, RefusedUpload>,
    gone_by: (u64, u64),
    wanted_octets: u64,
    /// One message at a time.
    cautious: bool,
    /// How many messages had their end when the last session began.
    reached: u64,
    /// The message at which a cautious session failed.
    suspect: Option<Hash128>,
    filled: HashMap<Vec<u8>, usize>,
    buffer: Checker,
}

impl<'a> Upload<'a> {
    /// An upload that has not begun.
    pub(crate) fn new(
        task: UploadTask<'a>,
        writer: &'a mut Writer,
        emit: &'a mut dyn FnMut(RunEvent<'_>),
    ) -> Self {
        Self {
            task,
            writer,
            emit,
            report: UploadReport::default(),
            begun: false,
            batch: Vec::new(),
            batched: HashSet::new(),
            noted: Instant::now(),
            told: Instant::now(),
            mine: HashSet::new(),
            settled: HashSet::new(),
            unsure: HashMap::new(),
            interrupted: HashMap::new(),
            gone_by: (0, 0),
            wanted_octets: 0,
            cautious: false,
            reached: 0,
            suspect: None,
            filled: HashMap::new(),
            buffer: Checker::default(),
        }
    }

    /// Uploads what is not there yet. After an error another session may go on.
    pub(crate) fn session<S: Read + Write>(&mut self, session: &mut Session<S>) -> Result<()> {
        let mut names = FolderNames::learn(session)?;
        let task = self.task;
        let mut course =
            task.course(&names, session, &|folder, hash| self.is_done(folder, hash))?;
        if self.settle_names(session, &mut names, &course)? {
            course = task.course(&names, session, &|folder, hash| self.is_done(folder, hash))?;
            let renamed = course.iter().flat_map(|plan| &plan.renamed);
            self.report.renamed = renamed.cloned().collect();
        }
        // A session that brought nothing may have failed at a single message.
        self.cautious = self.begun && self.gone_by.0 == self.reached;
        self.reached = self.gone_by.0;
        if !self.begun {
            self.begun = true;
            self.report.before = course.iter().map(|plan| plan.before).sum();
            let before: u64 = course.iter().map(|plan| plan.before_octets).sum();
            self.wanted_octets = task.selection.octets - before;
            (self.emit)(RunEvent::Listed {
                account: task.account,
                listed: task.selection.messages(),
                wanted: task.selection.messages() - self.report.before,
                wanted_octets: self.wanted_octets,
            });
        }
        for plan in course.iter().filter(|plan| plan.wanted() > 0) {
            let outcome = self.fill(session, plan);
            // What the server has said is noted, whatever follows.
            self.note()?;
            outcome?;
        }
        let report = &mut self.report;
        let told = report.uploaded + report.there + report.before;
        let failed = report.refused.len() + report.left_out.len();
        report.copies = task.selection.messages() - told - failed as u64;
        Ok(())
    }

    /// How many messages have had their end: more of them means that a session was good for
    /// something.
    #[must_use]
    pub(crate) fn progress(&self) -> u64 {
        self.gone_by.0
    }

    /// Tells something that the user should know.
    pub(crate) fn notice(&mut self, notice: Notice<'_>) {
        (self.emit)(RunEvent::Notice {
            account: self.task.account,
            notice,
        });
    }

    fn is_done(&self, folder: &str, hash: Hash128) -> Result<bool> {
        if self.task.again && self.mine.contains(&(folder.to_owned(), hash)) {
            return Ok(true);
        }
        self.task.was_uploaded(self.writer.catalog(), folder, hash)
    }

    /// A message is on the server.
    fn is_there(&mut self, folder: &str, hash: Hash128, uid: Option<u32>) -> Result<()> {
        self.batched.insert(hash);
        if self.task.again {
            self.mine.insert((folder.to_owned(), hash));
        }
        self.batch.push(LedgerEvent::Uploaded {
            destination: self.task.destination.to_owned(),
            folder: folder.to_owned(),
            hash,
            uid,
        });
        if self.batch.len() >= BATCH || self.noted.elapsed() >= BATCH_AGE {
            self.note()?;
        }
        Ok(())
    }

    /// Writes to the ledger what the server has said.
    fn note(&mut self) -> Result<()> {
        self.noted = Instant::now();
        if !self.batch.is_empty() {
            self.writer.record(&self.batch)?;
            self.writer.publish()?;
            self.batch.clear();
            self.batched.clear();
        }
        Ok(())
    }

    fn passed(&mut self, octets: u64) {
        self.gone_by.0 += 1;
        self.gone_by.1 += octets;
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            (self.emit)(RunEvent::Progress {
                account: self.task.account,
                messages: self.gone_by.0,
                octets: self.gone_by.1,
            });
        }
    }

    /// Why the server takes no more for now.
    fn ended(&self, refusal: AppendRefusal, reply: String) -> Error {
        let (report, selection) = (&self.report, self.task.selection);
        let server = self.task.server.clone();
        if refusal == AppendRefusal::Pause {
            return Error::Busy { server, reply };
        }
        Error::Full {
            server,
            reply,
            done: report.uploaded + report.there + report.before,
            wanted: selection.messages(),
            missing: self.wanted_octets.saturating_sub(self.gone_by.1),
        }
    }
}
