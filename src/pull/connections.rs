//! Several connections to one server, each with a folder of its own in hand.
//!
//! The first connection is the session; what those beside it do not bring about, it does
//! itself. So a server that gives fewer than are wanted costs time and nothing else.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, PoisonError};

use super::account_folders::{Mirror, Round};
use super::accounts::lock;
use super::checkpoint::Remembered;
use crate::account::connect::Connector;
use crate::base::error::{Error, Result};
use crate::base::event::Notice;
use crate::net::imap::{Mailbox, Session};
use crate::pull::{Part, Run, Shared};
use crate::vault::catalog::Catalog;

/// A folder to be looked into.
#[derive(Debug, Clone)]
pub(super) struct Job<'m> {
    pub(super) mailbox: &'m Mailbox,
    pub(super) dir: String,
    pub(super) remembered: Option<Remembered>,
    /// True if another connection was refused it.
    for_first: bool,
}

impl<'m> Job<'m> {
    pub(super) fn new(mailbox: &'m Mailbox, dir: String) -> Self {
        Self {
            mailbox,
            dir,
            remembered: None,
            for_first: false,
        }
    }
}

/// The folders that nobody has in hand.
pub(super) struct Queue<'m> {
    waiting: Mutex<Waiting<'m>>,
    changed: Condvar,
}

struct Waiting<'m> {
    jobs: VecDeque<Job<'m>>,
    /// Folders in hand.
    held: usize,
}

/// A folder in hand. Dropped, it is done.
struct Held<'q, 'm> {
    queue: &'q Queue<'m>,
    job: Job<'m>,
}

impl<'m> Queue<'m> {
    pub(super) fn of(jobs: Vec<Job<'m>>) -> Self {
        let jobs = jobs.into();
        Self {
            waiting: Mutex::new(Waiting { jobs, held: 0 }),
            changed: Condvar::new(),
        }
    }

    /// The next folder. The first connection waits for what others have in hand: they may
    /// put it back.
    fn next(&self, first: bool) -> Option<Held<'_, 'm>> {
        let mut waiting = lock(&self.waiting);
        loop {
            let mut jobs = waiting.jobs.iter();
            let at = jobs.position(|job| first || !job.for_first);
            if let Some(job) = at.and_then(|at| waiting.jobs.remove(at)) {
                waiting.held += 1;
                return Some(Held { queue: self, job });
            }
            if !first || waiting.held == 0 {
                return None;
            }
            let woken = self.changed.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_empty(&self) -> bool {
        lock(&self.waiting).jobs.is_empty()
    }

    fn clear(&self) {
        lock(&self.waiting).jobs.clear();
    }
}

impl Held<'_, '_> {
    /// Leaves the folder to others.
    fn put_back(self, for_first: bool) {
        let mut job = self.job.clone();
        job.for_first |= for_first;
        lock(&self.queue.waiting).jobs.push_back(job);
    }
}

impl Drop for Held<'_, '_> {
    fn drop(&mut self) {
        lock(&self.queue.waiting).held -= 1;
        self.queue.changed.notify_all();
    }
}

impl Mirror<'_> {
    /// Brings folders up to date until none is waiting.
    pub(super) fn work<S: Read + Write>(
        &self,
        run: &mut Run<'_, '_>,
        session: &mut Session<S>,
        queue: &Queue<'_>,
        round: &Round,
        first: bool,
    ) -> Result<()> {
        while let Some(held) = queue.next(first) {
            let mark = run.mark();
            match self.mailbox(run, session, &held.job, round) {
                Ok(()) => {}
                Err(error @ Error::Refused { .. }) if first => {
                    run.folder_failed(&held.job.mailbox.label, &error);
                }
                // Perhaps it is one connection too many for this folder.
                Err(Error::Refused { .. }) => {
                    run.back_to(mark);
                    held.put_back(true);
                }
                Err(error) => {
                    // What the first one wanted and has not is for the report to say.
                    if !first {
                        run.back_to(mark);
                    }
                    // Whoever takes the folder is to see what is here of it.
                    let _ = run.make_durable();
                    held.put_back(false);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The same over as many connections as there may be.
    pub(super) fn side_by_side<S: Read + Write>(
        &self,
        run: &mut Run<'_, '_>,
        session: &mut Session<S>,
        connector: &Connector,
        jobs: Vec<Job<'_>>,
        round: &Round,
    ) -> Result<()> {
        let more = self.connections.min(jobs.len()).saturating_sub(1);
        let queue = Queue::of(jobs);
        if more == 0 || self.alone.load(Ordering::Relaxed) {
            return self.work(run, session, &queue, round, true);
        }
        let catalog = run.catalog();
        let shared = run.share(more + 1);
        let door = Mutex::new(());
        let (parts, outcome) = std::thread::scope(|scope| {
            let beside: Vec<_> = (1..=more)
                .map(|connection| {
                    let (shared, queue, door) = (&shared, &queue, &door);
                    scope.spawn(move || {
                        let session = self.one_more(shared, queue, connector, door)?;
                        self.beside(connection, session, shared, queue, round)
                    })
                })
                .collect();
            let (part, outcome) = shared.part(0, catalog, |run| {
                self.work(run, session, &queue, round, true)
            });
            if outcome.as_ref().is_err_and(|error| !error.is_transient()) {
                queue.clear();
            }
            let mut parts = vec![part];
            for thread in beside {
                let part = thread.join();
                parts.extend(part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            (parts, outcome)
        });
        for part in parts {
            run.join(part);
        }
        outcome
    }

    /// Opens one more connection, if there is anything left for it and the server wants it.
    fn one_more(
        &self,
        shared: &Shared<'_>,
        queue: &Queue<'_>,
        connector: &Connector,
        door: &Mutex<()>,
    ) -> Option<Session<crate::net::transport::Transport>> {
        // One by one: behind a refusal no other is tried.
        let _turn = lock(door);
        if queue.is_empty() || self.alone.load(Ordering::Relaxed) {
            return None;
        }
        let opened = connector.open_imap();
        opened.map_err(|error| self.fewer(shared, &error)).ok()
    }

    /// Works on a connection beside the first.
    fn beside<S: Read + Write>(
        &self,
        connection: usize,
        mut session: Session<S>,
        shared: &Shared<'_>,
        queue: &Queue<'_>,
        round: &Round,
    ) -> Option<Part> {
        // The first connection meets the same trouble, and tells of it.
        let catalog = Catalog::open_to_read(&self.layout.catalog()).ok()??;
        let (part, outcome) = shared.part(connection, &catalog, |run| {
            self.work(run, &mut session, queue, round, false)
        });
        match outcome {
            Err(error) => self.fewer(shared, &error),
            Ok(()) => {
                if let Err(error) = session.logout() {
                    tracing::debug!(target: "dialogue", "LOGOUT failed: {error}");
                }
            }
        }
        Some(part)
    }

    /// Goes on without a connection, and says so once.
    fn fewer(&self, shared: &Shared<'_>, error: &Error) {
        let told = self.alone.swap(true, Ordering::Relaxed);
        if !told && !matches!(error, Error::Interrupted) {
            shared.notice(Notice::FewerConnections { error });
        }
    }
}
