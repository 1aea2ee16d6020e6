//! One account's pull: list, plan, fetch, and try again where the line fails.
//!
//! The network thread (the caller's) only frames and copies; compressors write files;
//! the committer, shared by all accounts, makes them durable and decides what is a
//! duplicate. Nothing is deleted here, on either side.

mod account;
mod account_folders;
mod accounts;
mod arrivals;
mod checkpoint;
mod compare;
mod connections;
mod copies;
mod destination;
mod equal;
mod feed;
mod fetch;
mod folder_queue;
mod gmail;
mod imap;
mod imported;
mod judge;
mod known;
mod link;
mod mailbox;
mod maildrop;
mod misfits;
mod moved;
mod open_mailbox;
mod pack;
mod part;
mod refusals;
mod renumber;
mod reporter;
mod session;
mod uidl;

use crate::archive::commit::{CommitQueue, CommitRequest, Tally};
use crate::base::error::{Error, Result};
use crate::base::event::{Events, Notice, PullReport, RefusedMessage};
use crate::base::retry::Retry;
use crate::mail::source::{Listing, Source, Uid};
use crate::vault::catalog::Catalog;
use crate::vault::ledger::{Identity, LedgerEvent, SessionRecord};
use account::PulledAccount;
use equal::ReceivedBytes;
use imported::ImportedHeaders;
use open_mailbox::OpenMailbox;
use part::RunPart;
use refusals::Refusals;
use reporter::PullReporter;
use session::{NextSession, PullSession};

pub use account::PullTask;
pub use accounts::{Outcome, PullOptions, RunReport, pull};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use uidl::assert_any_uidl;

/// Pulls one account. `connect` makes a new session each time it is called; it is told
/// whether the last one failed in a way that speaks against sending commands ahead.
pub fn account(
    task: &PullTask<'_>,
    catalog: &Catalog,
    commit_queue: Option<&CommitQueue>,
    connect: &mut dyn FnMut(bool) -> Result<Box<dyn Source>>,
    emit: Events<'_>,
) -> (PullReport, Option<Error>) {
    sessions(
        task,
        catalog,
        commit_queue,
        emit,
        &mut |run, reduce_pipelining| {
            let source = connect(reduce_pipelining)?;
            maildrop::session(run, source)
        },
    )
}

/// Pulls one account in sessions that the caller holds: `session` is called until one
/// goes well, or fails for good. It says with [`PullRun::signed_in`] when it is signed in.
fn sessions(
    task: &PullTask<'_>,
    catalog: &Catalog,
    commit_queue: Option<&CommitQueue>,
    emit: Events<'_>,
    session: &mut dyn FnMut(&mut PullRun<'_, '_>, bool) -> Result<NextSession>,
) -> (PullReport, Option<Error>) {
    let account = PulledAccount {
        task,
        catalog,
        commit_queue,
    };
    let mut run = PullRun::new(account, emit);
    let error = run.until_done(session).err();
    run.close(error)
}

/// One account's pull while it goes on.
struct PullRun<'a, 't> {
    account: PulledAccount<'a>,
    reporter: PullReporter<'a, 't>,
    refusals: Refusals,
    session: PullSession,
    mailbox: OpenMailbox,
    /// What came in this run, for whatever comes again under another name.
    came: ReceivedBytes,
    /// True once the server was seen to send a status line twice.
    doubled_status: bool,
    /// The headers of imported mail, once they were needed.
    imported: Option<ImportedHeaders>,
}

impl<'a, 't> PullRun<'a, 't> {
    fn new(account: PulledAccount<'a>, emit: Events<'t>) -> Self {
        Self {
            account,
            reporter: PullReporter::new(account.task, emit),
            refusals: Refusals::default(),
            session: PullSession::default(),
            mailbox: OpenMailbox::default(),
            came: ReceivedBytes::default(),
            doubled_status: false,
            imported: None,
        }
    }

    /// Holds sessions until one goes well, or fails for good.
    fn until_done(
        &mut self,
        session: &mut dyn FnMut(&mut Self, bool) -> Result<NextSession>,
    ) -> Result<()> {
        let account = self.account;
        let mut retry = Retry::new(account.task.retries);
        let mut reduce_pipelining = false;
        loop {
            let before = (self.reporter.received, self.reporter.report.refused.len());
            self.session.begin();
            let outcome = session(self, reduce_pipelining);
            if self.session.signed_in {
                retry.signed_in();
            }
            let error = match outcome {
                Ok(NextSession::Nothing) => return Ok(()),
                Ok(_) if account.is_stopped() => return Err(Error::Interrupted),
                Ok(left) => {
                    if left == NextSession::Doubtful {
                        self.refusals.begin_retrying();
                    }
                    account.make_durable()?;
                    continue;
                }
                Err(error) if self.refusals.is_retrying() && !account.is_stopped() => {
                    // All is stored that came; what is in doubt stays so until the next run.
                    tracing::debug!(target: "dialogue", "no second try: {error}");
                    let report = &mut self.reporter.report;
                    report.doubtful = report.doubtful.max(self.refusals.doubtful());
                    return Ok(());
                }
                Err(error) => error,
            };
            let received = self.reporter.received - before.0;
            let progress = self.session.came_further(received)
                || self.reporter.report.refused.len() > before.1;
            if progress {
                retry.progressed();
            }
            // A server that falls silent, or hangs up before it has given anything, may
            // not stand so many commands ahead.
            reduce_pipelining =
                self.session.in_transfer && (!progress || matches!(error, Error::Timeout { .. }));
            if account.is_stopped() {
                return Err(error);
            }
            let Some(pause) = retry.after(&error) else {
                return Err(error);
            };
            self.reporter.notice(Notice::Reconnecting {
                error: &error,
                pause,
            });
            account.wait(pause)?;
            account.make_durable()?;
        }
    }

    /// To be called when a session is signed in.
    fn signed_in(&mut self) {
        self.session.signed_in = true;
        self.reporter.begin_session();
    }

    /// Takes in what another connection brought.
    fn join(&mut self, part: RunPart) {
        self.reporter.join(part.received, part.report);
        self.refusals.join(part.refusals);
    }

    /// The name of a message of the mailbox at hand in the ledger.
    fn identity(&self, uid: &Uid) -> Identity {
        self.account.identity(self.mailbox.dir.as_deref(), uid)
    }

    /// Records that the server refused a message, once in a run.
    fn refused(&mut self, listing: &Listing, reply: String) -> Result<()> {
        let Some(tries) = self.refusals.refuse(&self.mailbox.key(listing)) else {
            return Ok(());
        };
        let (uid, named) = (self.mailbox.shown(listing), listing.uid != Uid::Absent);
        self.account.record(LedgerEvent::Refused {
            identity: self.identity(&listing.uid),
            octets: listing.octets,
            reply: reply.as_bytes().into(),
            tries,
        })?;
        self.reporter.report.refused.push(RefusedMessage {
            accepted: named && self.account.task.accept_refused.contains(&uid),
            uid,
            named,
            octets: listing.octets,
            reply,
        });
        Ok(())
    }

    /// Counts a message whose bytes are in doubt, and tries it once more in this run.
    fn doubt(&mut self, listing: &Listing, received: u64) {
        let shown = self.mailbox.shown(listing);
        let listed = listing.octets.unwrap_or(0);
        let report = &mut self.reporter.report;
        report.doubtful += 1;
        report.doubted.get_or_insert((shown, received, listed));
        self.refusals.doubt(self.mailbox.key(listing), listed);
    }

    /// Fetches a message again that has its size, and may be another one.
    fn want_again(&mut self, listing: &Listing) -> Result<()> {
        self.doubt(listing, listing.octets.unwrap_or(0));
        if listing.uid == Uid::Absent {
            return Ok(());
        }
        let identity = self.identity(&listing.uid);
        let why = "the server answered with another message".to_owned();
        self.account.record(LedgerEvent::Wanted { identity, why })
    }

    /// Writes the session's line and waits until everything is durable.
    fn close(mut self, mut error: Option<Error>) -> (PullReport, Option<Error>) {
        if error.is_some() {
            self.reporter.report.complete = false;
        }
        self.reporter.stop_clock();
        if let Some(commit_queue) = self.account.commit_queue {
            let account = &self.account.task.route.account;
            // Before the line is written, the numbers in it must stand.
            let mut tally = commit_queue.flush(account);
            if let Some(counted) = &tally {
                let line = self.session_line(counted, error.as_ref());
                tally = commit_queue
                    .order(CommitRequest::Record(vec![line]))
                    .then(|| commit_queue.flush(account))
                    .flatten();
            }
            if let Some(tally) = tally {
                self.reporter.take_in(tally);
            } else {
                // The committer's own error says why; it is told once, for the run.
                self.reporter.report.complete = false;
                error = error.or(Some(Error::Interrupted));
            }
        }
        (self.reporter.report, error)
    }

    fn session_line(&self, tally: &Tally, error: Option<&Error>) -> LedgerEvent {
        let report = &self.reporter.report;
        let result = match error {
            Some(error) => error.kind().exit_code(),
            None if report.is_partial() => crate::base::error::PARTIAL,
            None => 0,
        };
        LedgerEvent::Session(SessionRecord {
            account: self.account.task.route.account.clone(),
            proto: self.account.task.proto,
            complete: report.complete,
            listed: report.listed,
            new: tally.new,
            duplicates: tally.duplicates,
            refused: report.refused.len() as u64,
            octets: report.octets,
            result,
        })
    }
}
