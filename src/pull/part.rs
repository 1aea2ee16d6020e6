//! Several connections of one account: each has a run of its own, and the account's run
//! takes in what they brought.

use std::sync::Mutex;

use super::PullRun;
use super::account::{PullTask, PulledAccount};
use super::refusals::Refusals;
use super::reporter::ProgressCounts;
use crate::archive::commit::CommitQueue;
use crate::base::event::{Events, Notice, PullReport, RunEvent};
use crate::base::sync::lock;
use crate::vault::catalog::Catalog;

/// What the connections of an account share.
pub(super) struct SharedRun<'r> {
    task: PullTask<'r>,
    commit_queue: Option<&'r CommitQueue>,
    refusals: Refusals,
    told: Mutex<LastProgress<'r>>,
}

/// How far they are together.
struct LastProgress<'r> {
    emit: Events<'r>,
    before: ProgressCounts,
    parts: Vec<ProgressCounts>,
}

/// What one connection brought.
#[derive(Debug)]
pub(super) struct RunPart {
    pub(super) received: u64,
    pub(super) report: PullReport,
    pub(super) refusals: Refusals,
}

impl<'r> SharedRun<'r> {
    /// What this many connections need to work side by side; [`PullRun::join`] takes in what
    /// they brought.
    pub(super) fn new(run: &'r mut PullRun<'_, '_>, connections: usize) -> Self {
        Self {
            task: run.account.task.clone(),
            commit_queue: run.account.commit_queue,
            refusals: run.refusals.for_connection(),
            told: Mutex::new(LastProgress {
                before: run.reporter.far(),
                parts: vec![ProgressCounts::default(); connections],
                emit: &mut *run.reporter.emit,
            }),
        }
    }

    /// Works on one of the connections, counted from 0, with a run of its own.
    pub(super) fn part<T>(
        &self,
        connection: usize,
        catalog: &Catalog,
        work: impl FnOnce(&mut PullRun<'_, '_>) -> T,
    ) -> (RunPart, T) {
        let mut task = self.task.clone();
        task.connections = lock(&self.told).parts.len();
        if connection > 0 {
            // The first one's compressors would keep the processors busy alone.
            task.workers = 1;
        }
        let mut emit = |event: RunEvent<'_>| self.emit(connection, event);
        let account = PulledAccount {
            task: &task,
            catalog,
            commit_queue: self.commit_queue,
        };
        let mut run = PullRun::new(account, &mut emit);
        run.signed_in();
        run.refusals = self.refusals.clone();
        let done = work(&mut run);
        let part = RunPart {
            received: run.reporter.received,
            report: run.reporter.report,
            refusals: run.refusals,
        };
        (part, done)
    }

    /// Tells something about the account.
    pub(super) fn notice(&self, notice: Notice<'_>) {
        self.emit(
            0,
            RunEvent::Notice {
                account: self.task.name,
                notice,
            },
        );
    }

    /// Hands an event on: what one connection says of itself becomes what is to be said of
    /// all.
    fn emit(&self, connection: usize, event: RunEvent<'_>) {
        let mut told = lock(&self.told);
        let LastProgress {
            emit,
            before,
            parts,
        } = &mut *told;
        let sum = |parts: &[ProgressCounts], of: fn(&ProgressCounts) -> u64| {
            parts.iter().map(of).sum::<u64>()
        };
        match event {
            RunEvent::Listed {
                account,
                listed,
                wanted,
                wanted_octets,
            } => {
                let part = &mut parts[connection];
                part.listed = listed;
                part.wanted = part.messages + wanted;
                part.wanted_octets = part.octets + wanted_octets;
                emit(RunEvent::Listed {
                    account,
                    listed: before.listed + sum(parts, |p| p.listed),
                    wanted: sum(parts, |p| p.wanted.saturating_sub(p.messages)),
                    wanted_octets: sum(parts, |p| p.wanted_octets.saturating_sub(p.octets)),
                });
            }
            RunEvent::Progress {
                account,
                messages,
                octets,
            } => {
                let part = &mut parts[connection];
                part.messages = messages;
                part.octets = octets;
                emit(RunEvent::Progress {
                    account,
                    messages: before.messages + sum(parts, |p| p.messages),
                    octets: before.octets + sum(parts, |p| p.octets),
                });
            }
            other => emit(other),
        }
    }
}
