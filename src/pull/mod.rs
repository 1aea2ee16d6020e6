//! One account's pull: list, plan, fetch, and try again where the line fails.
//!
//! The network thread (the caller's) only frames and copies; compressors write files;
//! the committer, shared by all accounts, makes them durable and decides what is a
//! duplicate. Nothing is deleted here, on either side.

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
mod imap;
mod imported;
mod known;
mod labels;
mod mailbox;
mod misfits;
mod pack;
mod part;
mod renumber;
mod uidl;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::archive::commit::{CommitQueue, CommitRequest, Route, Tally};
use crate::archive::dedupe::{FetchPlan, Merge, Recognition};
use crate::archive::evidence::MailboxSizes;
use crate::base::error::{Error, Result};
use crate::base::event::{Events, Notice, PullReport, RunEvent};
use crate::base::fsx;
use crate::base::pause;
use crate::base::retry::Retry;
use crate::mail::message::Shape;
use crate::mail::source::{Listing, Listings, Source, Uid};
use crate::vault::catalog::{Catalog, Origin};
use crate::vault::layout::{self, Layout};
use crate::vault::ledger::{Identity, LedgerEvent, Proto, SessionRecord};
use destination::PullTarget;
use fetch::cut_short;

pub use accounts::{Outcome, PullOptions, RunReport, pull};
pub use copies::Copies;
pub use destination::PulledMailbox;
pub use part::{ReportMark, RunPart, SharedRun};

/// Messages a call of [`Source::fetch`]: bounds the memory of a first pull.
const SLICE: usize = 16_384;
/// Drops at one message until it counts as refused.
const DROPS: u32 = 2;
/// So many octets of recognised messages a run receives and compares, or a seventh of them.
const COMPARED: u64 = 256 << 20;
const SHARE: u64 = 7;
/// So many octets of doubtful messages are tried again at the end of a run.
const RETRIED: u64 = 64 << 20;
/// How long doubtful messages are left alone after as many sessions as there are entries
/// before, in seconds: the next run tries them at once, then after 1, 7 and 30 days.
const RESTS: [i64; 6] = [0, 0, 0, 86_400, 7 * 86_400, 30 * 86_400];
/// How often progress is told.
const TELL: Duration = Duration::from_millis(100);

/// One account to pull, and how.
#[derive(Debug, Clone)]
pub struct PullTask<'a> {
    /// How the account is read; known before anything is tried.
    pub proto: Proto,
    /// Where messages go.
    pub route: Arc<Route>,
    /// Where the vault lies.
    pub layout: &'a Layout,
    /// The zstd level.
    pub level: i32,
    /// Compressors.
    pub workers: usize,
    /// New connections in a row without progress.
    pub retries: u32,
    /// Fetch at most so many messages.
    pub limit: Option<u64>,
    /// Only find out what would be fetched.
    pub dry_run: bool,
    /// Whether resemblance may save a download for the time being.
    pub recognise: Recognition,
    /// Receive and compare all that is only recognised, not a share.
    pub compare_all: bool,
    /// Names of messages whose refusal is accepted.
    pub accept_refused: &'a [String],
    /// Set to end the run after the message in hand.
    pub stop: &'a AtomicBool,
}

/// What a session that went well leaves for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextSession {
    /// Nothing.
    Nothing,
    /// Perhaps messages that were not listed.
    Unlisted,
    /// Messages whose bytes are in doubt.
    Doubtful,
}

/// A row of a folder's listing within one run. Names may be missing or doubled.
type MessageKey = (Option<String>, Uid, u32, Option<u64>);

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
            run.session(source)
        },
    )
}

/// Pulls one account in sessions that the caller holds: `session` is called until one
/// goes well, or fails for good. It says with [`PullRun::signed_in`] when it is signed in.
pub fn sessions(
    task: &PullTask<'_>,
    catalog: &Catalog,
    commit_queue: Option<&CommitQueue>,
    emit: Events<'_>,
    session: &mut dyn FnMut(&mut PullRun<'_, '_>, bool) -> Result<NextSession>,
) -> (PullReport, Option<Error>) {
    let mut run = PullRun::new(task, catalog, commit_queue, emit);
    let error = run.until_done(session).err();
    run.close(error)
}

/// One account's pull while it goes on.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct PullRun<'a, 't> {
    task: &'a PullTask<'a>,
    catalog: &'a Catalog,
    commit_queue: Option<&'a CommitQueue>,
    emit: Events<'t>,
    began: Instant,
    report: PullReport,
    /// Messages received whole.
    received: u64,
    proto: Proto,
    /// The folder's directory, with IMAP.
    dir: Option<String>,
    /// True once this session has signed in.
    signed_in: bool,
    /// True once this session has asked for messages.
    in_transfer: bool,
    told: Option<Instant>,
    /// How often the line failed at which message.
    drops: HashMap<MessageKey, u32>,
    /// Messages refused in this run: not asked for again after a reconnect.
    refused_now: HashSet<MessageKey>,
    /// Messages after which the session lost its place: what was taken for them may be
    /// only their beginning.
    doubtful: Vec<(Listing, String)>,
    /// The message that was asked for last.
    last: Option<Listing>,
    /// Messages without a usable name, and the most that one session received of them:
    /// the next session begins with the first again.
    nameless: bool,
    furthest: u64,
    /// What is known of the sizes of the mailbox at hand.
    sizes: MailboxSizes,
    /// What came before it was known how they count line ends, and in which mailbox: its
    /// directory and UIDVALIDITY.
    uncounted: Vec<(Listing, Shape)>,
    uncounted_in: (String, u32),
    /// True once the server was seen to send a status line twice.
    doubled_status: bool,
    /// What came in this run, with the size that was listed for it, for whatever comes again
    /// under another name.
    came: HashMap<u64, Option<u64>>,
    /// True if anything was stored before the mailbox at hand.
    had_messages: bool,
    /// Messages whose bytes are in doubt, to be tried once more in this run, and their octets.
    retry: HashSet<MessageKey>,
    retry_octets: u64,
    /// True once they are.
    retrying: bool,
    /// True if the mailbox at hand gave a UID to another message.
    reused: bool,
    /// The headers of imported mail, once they were needed.
    imported: Option<imported::ImportedHeaders>,
}

impl PullRun<'_, '_> {
    fn until_done(
        &mut self,
        session: &mut dyn FnMut(&mut Self, bool) -> Result<NextSession>,
    ) -> Result<()> {
        let mut retry = Retry::new(self.task.retries);
        let mut reduce_pipelining = false;
        loop {
            let before = (self.received, self.report.refused.len());
            self.signed_in = false;
            self.in_transfer = false;
            self.last = None;
            let outcome = session(self, reduce_pipelining);
            if self.signed_in {
                retry.signed_in();
            }
            let error = match outcome {
                Ok(NextSession::Nothing) => return Ok(()),
                Ok(_) if self.is_stopped() => return Err(Error::Interrupted),
                Ok(left) => {
                    self.retrying |= left == NextSession::Doubtful;
                    self.settle()?;
                    continue;
                }
                Err(error) if self.retrying && !self.is_stopped() => {
                    // All is stored that came; what is in doubt stays so until the next run.
                    tracing::debug!(target: "dialogue", "no second try: {error}");
                    self.report.doubtful = self.report.doubtful.max(self.retry.len() as u64);
                    return Ok(());
                }
                Err(error) => error,
            };
            let received = self.received - before.0;
            let progress = if self.nameless {
                received > self.furthest
            } else {
                received > 0
            } || self.report.refused.len() > before.1;
            self.furthest = self.furthest.max(received);
            if progress {
                retry.progressed();
            }
            // A server that falls silent, or hangs up before it has given anything, may
            // not stand so many commands ahead.
            reduce_pipelining =
                self.in_transfer && (!progress || matches!(error, Error::Timeout { .. }));
            if self.is_stopped() {
                return Err(error);
            }
            let Some(pause) = retry.after(&error) else {
                return Err(error);
            };
            self.notice(Notice::Reconnecting {
                error: &error,
                pause,
            });
            self.wait(pause)?;
            self.settle()?;
        }
    }

    /// Makes what was archived durable, so that the next plan sees it.
    fn settle(&self) -> Result<()> {
        match self.commit_queue {
            Some(commit_queue) => commit_queue
                .flush(&self.task.route.account)
                .map(|_| ())
                .ok_or(Error::Interrupted),
            None => Ok(()),
        }
    }

    /// One connection: list, plan, compare, fetch, QUIT.
    fn session(&mut self, mut source: Box<dyn Source>) -> Result<NextSession> {
        self.signed_in = true;
        let now = Instant::now();
        let before = self.received;
        let listings = source.list()?;
        let delay = source.login_delay();
        self.report.next_login = (!delay.is_zero()).then(|| now + delay);
        self.recall_sizes(0)?;
        let mut plan = self.plan(&listings)?;
        self.settle_purge(&plan)?;
        self.report.doubtful = 0;
        self.report.recognised = 0;
        self.report.listed = listings.len() as u64;
        self.report.listed_octets = listings.octets();
        self.report.unlisted = listings.unlisted();
        self.nameless = plan.nameless > 0;
        if self.nameless {
            self.notice(Notice::Nameless {
                messages: plan.nameless,
            });
        }
        if !self.task.dry_run {
            if !plan.compare.is_empty() {
                self.compare(&mut *source, &listings, &mut plan)?;
            }
            self.recognise(&mut *source, &listings, &mut plan)?;
            self.link_listed(&mut *source, &listings, &mut plan)?;
            self.settle()?;
        }
        self.plan_again(&listings, &mut plan);
        self.forget_refused(&listings, &mut plan);
        let left = self
            .task
            .limit
            .map(|limit| limit.saturating_sub(self.received));
        if let Some(left) = left {
            plan.fetch
                .truncate(usize::try_from(left).unwrap_or(usize::MAX));
        }
        let octets = plan
            .fetch
            .iter()
            .map(|row| listings.plausible_octets(*row))
            .sum();
        self.report.wanted = self.received + plan.fetch.len() as u64;
        self.report.wanted_octets = self.report.octets + octets;
        (self.emit)(RunEvent::Listed {
            account: &self.task.route.account,
            listed: self.report.listed,
            wanted: plan.fetch.len() as u64,
            wanted_octets: octets,
        });
        if self.task.dry_run {
            self.report.wanted += plan.compare.len() as u64;
        } else if !plan.fetch.is_empty() {
            self.tell_expiry(&*source);
            self.check_room(octets)?;
            self.in_transfer = true;
            let again = plan.again.iter();
            let place = PullTarget {
                route: Arc::clone(&self.task.route),
                inventory: None,
                again: again.map(|row| listings.number_of(*row as usize)).collect(),
            };
            self.fetch(&mut *source, &listings, &plan.fetch, &place)?;
        }
        self.report.complete =
            self.task.limit.is_none() && !self.task.dry_run && self.report.unlisted == 0;
        self.say_goodbye(source)?;
        // A server that shows a window may show the next one to a new session. Names
        // that identify nothing would come again for ever.
        let more = plan.windowed && !self.nameless && self.received > before;
        Ok(if more && self.report.complete {
            NextSession::Unlisted
        } else {
            self.doubts()
        })
    }

    /// Ends a session in which everything was asked for: a server that fails to say goodbye
    /// costs nothing, unless what it says instead belongs to the last message.
    fn say_goodbye(&mut self, source: Box<dyn Source>) -> Result<()> {
        let Err(error) = source.finish() else {
            return Ok(());
        };
        tracing::debug!(target: "dialogue", "QUIT failed: {error}");
        match (&error, self.last.take()) {
            (Error::Protocol { detail, .. }, Some(last)) => self.refused(&last, cut_short(detail)),
            _ => Ok(()),
        }
    }

    /// What is left to a session after this one: doubtful messages, once.
    fn doubts(&self) -> NextSession {
        let some = !self.retry.is_empty() && self.retry_octets <= RETRIED;
        if some && !self.retrying && self.task.limit.is_none() {
            NextSession::Doubtful
        } else {
            NextSession::Nothing
        }
    }

    /// Adds to the plan what is recorded and must be received again: a share of what is only
    /// recognised, behind what is new, and doubtful messages whose rest is over.
    fn plan_again(&mut self, listings: &Listings, plan: &mut FetchPlan) {
        for (row, sessions, time) in std::mem::take(&mut plan.doubtful) {
            let key = self.key(&listings.get(row as usize));
            if self.is_due(&key, sessions, time) {
                plan.fetch.push(row);
                plan.again.push(row);
            } else {
                self.report.doubtful += 1;
            }
        }
        for (row, time) in std::mem::take(&mut plan.mis_sized) {
            if self.is_settled_due(time) {
                plan.fetch.push(row);
                plan.again.push(row);
            } else {
                plan.known += 1;
            }
        }
        let rows = std::mem::take(&mut plan.recognised);
        let octets = |row: &u32| listings.plausible_octets(*row);
        let share = self.to_compare(rows.iter().map(octets));
        self.report.recognised += (rows.len() - share) as u64;
        plan.fetch.extend(&rows[..share]);
        plan.again.extend(&rows[..share]);
    }

    /// True if a doubtful message is to be tried again now.
    fn is_due(&self, key: &MessageKey, sessions: u32, time: i64) -> bool {
        if self.retrying {
            return self.retry.contains(key);
        }
        if self.task.compare_all {
            return true;
        }
        let rest = RESTS[(sessions as usize).min(RESTS.len() - 1)];
        crate::vault::now_seconds() - time >= rest
    }

    /// True if a message that is settled since `time` is to be received again now: the server
    /// may have been mended.
    fn is_settled_due(&self, time: i64) -> bool {
        let rest = RESTS[RESTS.len() - 1];
        !self.retrying && (self.task.compare_all || crate::vault::now_seconds() - time >= rest)
    }

    /// How many recognised messages of these sizes, from the first on, are received and
    /// compared by this run.
    fn to_compare(&self, octets: impl Iterator<Item = u64> + Clone) -> usize {
        let total: u64 = octets.clone().sum();
        let most = if self.task.compare_all {
            u64::MAX
        } else if self.retrying {
            0
        } else {
            COMPARED.max(total / SHARE)
        };
        let mut sum = 0_u64;
        octets
            .take_while(|octets| {
                sum = sum.saturating_add(*octets);
                sum <= most
            })
            .count()
    }

    fn plan(&self, listings: &Listings) -> Result<FetchPlan> {
        let Route {
            account, server, ..
        } = &*self.task.route;
        let mut merge = Merge::new(listings);
        self.catalog
            .for_each_known(account, server, |known| merge.known(known))?;
        Ok(merge.finish())
    }

    /// A purge that did not hear of its end is settled by the next listing, whoever asks.
    fn settle_purge(&self, plan: &FetchPlan) -> Result<()> {
        if plan.settled.is_empty() {
            return Ok(());
        }
        let Route {
            account, server, ..
        } = &*self.task.route;
        let origin = Origin::maildrop(account, server);
        let events = self.catalog.settled(origin, &plan.settled)?;
        self.order(CommitRequest::Record(events))
    }

    /// Takes out what was refused or dropped too often in this very run.
    fn forget_refused(&self, listings: &Listings, plan: &mut FetchPlan) {
        if self.refused_now.is_empty() {
            return;
        }
        plan.fetch.retain(|row| {
            !self
                .refused_now
                .contains(&self.key(&listings.get(*row as usize)))
        });
    }

    fn check_room(&self, octets: u64) -> Result<()> {
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

    /// Writes the session's line and waits until everything is durable.
    fn close(mut self, mut error: Option<Error>) -> (PullReport, Option<Error>) {
        if error.is_some() {
            self.report.complete = false;
        }
        self.report.elapsed = self.began.elapsed();
        if let Some(commit_queue) = self.commit_queue {
            // Before the line is written, the numbers in it must stand.
            let mut tally = commit_queue.flush(&self.task.route.account);
            if let Some(counted) = &tally {
                let line = self.session_line(counted, error.as_ref());
                tally = commit_queue
                    .order(CommitRequest::Record(vec![line]))
                    .then(|| commit_queue.flush(&self.task.route.account))
                    .flatten();
            }
            if let Some(tally) = tally {
                self.take_in(tally);
            } else {
                // The committer's own error says why; it is told once, for the run.
                self.report.complete = false;
                error = error.or(Some(Error::Interrupted));
            }
        }
        (self.report, error)
    }

    fn take_in(&mut self, tally: Tally) {
        self.report.new = tally.new;
        self.report.duplicates = tally.duplicates;
        self.report.linked = tally.linked;
        self.report.stored = tally.stored;
        for id in tally.replaced {
            self.notice(Notice::Replaced { id });
        }
    }

    fn session_line(&self, tally: &Tally, error: Option<&Error>) -> LedgerEvent {
        let result = match error {
            Some(error) => error.kind().exit_code(),
            None if self.report.is_partial() => crate::base::error::PARTIAL,
            None => 0,
        };
        LedgerEvent::Session(SessionRecord {
            account: self.task.route.account.clone(),
            proto: self.proto,
            complete: self.report.complete,
            listed: self.report.listed,
            new: tally.new,
            duplicates: tally.duplicates,
            refused: self.report.refused.len() as u64,
            octets: self.report.octets,
            result,
        })
    }

    fn identity(&self, uid: &Uid) -> Identity {
        Identity {
            account: self.task.route.account.clone(),
            server: self.task.route.server.clone(),
            uid: uid.clone(),
            dir: self.dir.clone(),
        }
    }

    fn key(&self, listing: &Listing) -> MessageKey {
        let Listing {
            number,
            octets,
            uid,
        } = listing;
        (self.dir.clone(), uid.clone(), *number, *octets)
    }

    /// A message as people see it; with IMAP a name that no other folder has.
    fn shown(&self, listing: &Listing) -> String {
        let dir = self.dir.as_deref().unwrap_or_default();
        layout::message_label(dir, &listing.uid).unwrap_or_else(|| listing.shown())
    }

    fn order(&self, order: CommitRequest) -> Result<()> {
        match self.commit_queue {
            Some(commit_queue) if !commit_queue.order(order) => Err(Error::Interrupted),
            _ => Ok(()),
        }
    }

    fn notice(&mut self, notice: Notice<'_>) {
        (self.emit)(RunEvent::Notice {
            account: &self.task.route.account,
            notice,
        });
    }

    fn progress(&mut self, bytes: usize) {
        self.report.octets += bytes as u64;
        if self.told.is_none_or(|told| told.elapsed() >= TELL) {
            self.told = Some(Instant::now());
            (self.emit)(RunEvent::Progress {
                account: &self.task.route.account,
                messages: self.received,
                octets: self.report.octets,
            });
        }
    }

    fn wait(&self, pause: Duration) -> Result<()> {
        pause::pause(Instant::now() + pause, &|| self.is_stopped())
    }

    fn is_stopped(&self) -> bool {
        self.task.stop.load(Ordering::Relaxed)
            || self.commit_queue.is_some_and(CommitQueue::is_stopped)
    }
}
