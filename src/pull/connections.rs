//! Several connections to one server, each working on its own folder.
//!
//! The first connection is the session; what those next to it do not bring about, it does
//! itself. So a server that gives fewer than are wanted costs time and nothing else.

use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::PullRun;
use super::account_folders::{AccountFolders, Round};
use super::folder_queue::{FolderJob, FolderQueue};
use super::part::{RunPart, SharedRun};
use crate::account::connect::Connector;
use crate::base::error::{Error, Result};
use crate::base::event::Notice;
use crate::base::sync::lock;
use crate::net::imap::Session;
use crate::vault::catalog::Catalog;

impl AccountFolders<'_> {
    /// Brings folders up to date until none is waiting.
    pub(super) fn work<S: Read + Write>(
        &self,
        run: &mut PullRun<'_, '_>,
        session: &mut Session<S>,
        queue: &FolderQueue<'_>,
        round: &Round,
        first: bool,
    ) -> Result<()> {
        while let Some(held) = queue.next(first) {
            let mark = run.reporter.mark();
            match self.mailbox(run, session, &held.job, round) {
                Ok(()) => {}
                Err(error @ Error::Refused { .. }) if first => {
                    run.reporter.folder_failed(&held.job.mailbox.label, &error);
                }
                // Perhaps it is one connection too many for this folder.
                Err(Error::Refused { .. }) => {
                    run.reporter.back_to(mark);
                    held.put_back(true);
                }
                Err(error) => {
                    // What the first one wanted and has not is for the report to say.
                    if !first {
                        run.reporter.back_to(mark);
                    }
                    // Whoever takes the folder is to see what is here of it.
                    let _ = run.account.make_durable();
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
        run: &mut PullRun<'_, '_>,
        session: &mut Session<S>,
        connector: &Connector,
        jobs: Vec<FolderJob<'_>>,
        round: &Round,
    ) -> Result<()> {
        let more = self.connections.min(jobs.len()).saturating_sub(1);
        let queue = FolderQueue::of(jobs);
        if more == 0 || self.alone.load(Ordering::Relaxed) {
            return self.work(run, session, &queue, round, true);
        }
        let catalog = run.account.catalog;
        let shared = SharedRun::new(run, more + 1);
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

    /// Opens one more connection, if there is anything left for it and the server allows it.
    fn one_more(
        &self,
        shared: &SharedRun<'_>,
        queue: &FolderQueue<'_>,
        connector: &Connector,
        door: &Mutex<()>,
    ) -> Option<Session<crate::net::transport::Transport>> {
        // One by one: after a refusal no other is tried.
        let _turn = lock(door);
        if queue.is_empty() || self.alone.load(Ordering::Relaxed) {
            return None;
        }
        let opened = connector.open_imap();
        opened.map_err(|error| self.fewer(shared, &error)).ok()
    }

    /// Works on a connection next to the first.
    fn beside<S: Read + Write>(
        &self,
        connection: usize,
        mut session: Session<S>,
        shared: &SharedRun<'_>,
        queue: &FolderQueue<'_>,
        round: &Round,
    ) -> Option<RunPart> {
        // The first connection meets the same problem, and reports it.
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
    fn fewer(&self, shared: &SharedRun<'_>, error: &Error) {
        let told = self.alone.swap(true, Ordering::Relaxed);
        if !told && !matches!(error, Error::Interrupted) {
            shared.notice(Notice::FewerConnections { error });
        }
    }
}
