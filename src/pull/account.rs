//! The account that is pulled: what is asked for, what the vault has of it, and the way to the
//! committer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::destination::PulledMailbox;
use crate::archive::commit::{CommitQueue, CommitRequest, Route};
use crate::archive::dedupe::Recognition;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::base::pause;
use crate::mail::source::Uid;
use crate::vault::catalog::{Catalog, InMailbox, Origin};
use crate::vault::layout::Layout;
use crate::vault::ledger::{Identity, LedgerEvent, Proto};
use crate::vault::tombstones::TombstoneKey;

/// One account to pull, and how.
#[derive(Debug, Clone)]
pub struct PullTask<'a> {
    /// What the account is called.
    pub name: &'a str,
    /// How the account is read; known before anything is tried.
    pub proto: Proto,
    /// Where messages go.
    pub route: Arc<Route>,
    /// Where the vault is.
    pub layout: &'a Layout,
    /// The zstd level.
    pub level: i32,
    /// Compressors.
    pub workers: usize,
    /// Connections that are in use side by side, and share the memory of a pull.
    pub connections: usize,
    /// New connections in a row without progress.
    pub retries: u32,
    /// Fetch at most this many messages.
    pub limit: Option<u64>,
    /// Only find out what would be fetched.
    pub dry_run: bool,
    /// Whether resemblance may save a download for the time being.
    pub recognise: Recognition,
    /// Receive and compare all that is only recognised, not a share.
    pub compare_all: bool,
    /// Names of messages whose refusal is accepted.
    pub accept_refused: &'a [String],
    /// Servers that the account had before, as the ledger knows them, whose names of messages may
    /// still hold.
    pub moved_from: Vec<String>,
    /// Set to end the run after the current message.
    pub stop: &'a AtomicBool,
}

/// The account while it is pulled.
#[derive(Clone, Copy)]
pub(super) struct PulledAccount<'a> {
    pub(super) task: &'a PullTask<'a>,
    /// A connection next to the first has one of its own.
    pub(super) catalog: &'a Catalog,
    /// `None` in a dry run.
    pub(super) commit_queue: Option<&'a CommitQueue>,
}

impl<'a> PulledAccount<'a> {
    /// Its messages in a mailbox, as the catalog names them.
    pub(super) fn origin<'o>(self, mailbox: &PulledMailbox<'o>) -> Origin<'o>
    where
        'a: 'o,
    {
        Origin {
            account: &self.task.route.account,
            server: &self.task.route.server,
            dir: mailbox.dir,
            uidvalidity: mailbox.inventory.uidvalidity,
        }
    }

    /// The name of a message in the ledger; `dir` is its folder's, with IMAP.
    pub(super) fn identity(self, dir: Option<&str>, uid: &Uid) -> Identity {
        Identity {
            account: self.task.route.account.clone(),
            server: self.task.route.server.clone(),
            uid: uid.clone(),
            dir: dir.map(str::to_owned),
        }
    }

    /// What tells the names of forgotten messages, if there are any.
    pub(super) fn tombstones(self) -> Result<Option<TombstoneKey>> {
        TombstoneKey::load(self.task.layout, self.catalog)
    }

    /// Puts something into the committer's queue.
    pub(super) fn order(self, order: CommitRequest) -> Result<()> {
        match self.commit_queue {
            Some(commit_queue) if !commit_queue.order(order) => Err(Error::Interrupted),
            _ => Ok(()),
        }
    }

    /// Writes an event after everything that was delivered.
    pub(super) fn record(self, event: LedgerEvent) -> Result<()> {
        self.order(CommitRequest::Record(vec![event]))
    }

    /// Remembers a fact about the server, after everything that was delivered.
    pub(super) fn learned(self, key: String, value: String) -> Result<()> {
        self.record(LedgerEvent::Learned {
            account: self.task.route.account.clone(),
            key,
            value,
        })
    }

    /// Notes that messages are gone which an earlier listing had: a folder that is no
    /// more, or their names under another UIDVALIDITY.
    pub(super) fn gone(self, dir: &str, uidvalidity: u32, all: Vec<InMailbox>) -> Result<()> {
        let event = |message: InMailbox| {
            let uid = Uid::Imap {
                uidvalidity,
                uid: message.uid,
            };
            LedgerEvent::Vanished {
                identity: self.identity(Some(dir), &uid),
                flags: message.letters,
                kw: message.words,
            }
        };
        self.order(CommitRequest::Record(all.into_iter().map(event).collect()))
    }

    /// Makes what was archived durable, so that the catalog has it for the next plan.
    pub(super) fn make_durable(self) -> Result<()> {
        match self.commit_queue {
            Some(commit_queue) => commit_queue
                .flush(&self.task.route.account)
                .map(|_| ())
                .ok_or(Error::Interrupted),
            None => Ok(()),
        }
    }

    /// Refuses to begin what the disk has no room for.
    pub(super) fn check_room(self, octets: u64) -> Result<()> {
        let root = self.task.layout.root();
        let free = fsx::free_space(root)?;
        if free < octets / 2 {
            return Err(Error::NoSpace {
                path: root.to_path_buf(),
                needed: Some(octets / 2),
                free: Some(free),
                source: None,
            });
        }
        Ok(())
    }

    pub(super) fn wait(self, pause: Duration) -> Result<()> {
        pause::pause(Instant::now() + pause, &|| self.is_stopped())
    }

    pub(super) fn is_stopped(self) -> bool {
        self.task.stop.load(Ordering::Relaxed)
            || self.commit_queue.is_some_and(CommitQueue::is_stopped)
    }
}
