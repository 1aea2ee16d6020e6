//! Several connections of one account: each has a run of its own, and the account's run
//! takes in what they brought.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Instant;

use super::{MessageKey, PullRun, PullTask};
use crate::archive::commit::CommitQueue;
use crate::archive::evidence::MailboxSizes;
use crate::base::event::{Events, Notice, PullReport, RunEvent};
use crate::base::sync::lock;
use crate::vault::catalog::Catalog;

/// What the connections of an account share.
pub struct SharedRun<'r> {
    task: PullTask<'r>,
    commit_queue: Option<&'r CommitQueue>,
    drops: HashMap<MessageKey, u32>,
    refused_now: HashSet<MessageKey>,
    retry: HashSet<MessageKey>,
    retrying: bool,
    told: Mutex<LastProgress<'r>>,
}

/// How far they are together.
struct LastProgress<'r> {
    emit: Events<'r>,
    before: ProgressCounts,
    parts: Vec<ProgressCounts>,
}

/// How far one of them is.
#[derive(Debug, Clone, Copy, Default)]
struct ProgressCounts {
    listed: u64,
    messages: u64,
    octets: u64,
    wanted: u64,
    wanted_octets: u64,
}

/// What one connection brought.
#[derive(Debug)]
pub struct RunPart {
    received: u64,
    report: PullReport,
    drops: HashMap<MessageKey, u32>,
    refused_now: HashSet<MessageKey>,
    retry: HashSet<MessageKey>,
    retry_octets: u64,
}

/// How far a run was, so that a mailbox can be begun again.
#[derive(Debug, Clone, Copy)]
pub struct ReportMark {
    far: ProgressCounts,
    unlisted: u64,
    refused: usize,
}

impl<'a, 't> PullRun<'a, 't> {
    pub(super) fn new(
        task: &'a PullTask<'a>,
        catalog: &'a Catalog,
        commit_queue: Option<&'a CommitQueue>,
        emit: Events<'t>,
    ) -> Self {
        Self {
            task,
            catalog,
            commit_queue,
            emit,
            began: Instant::now(),
            report: PullReport {
                dry_run: task.dry_run,
                ..PullReport::default()
            },
            received: 0,
            proto: task.proto,
            dir: None,
            signed_in: false,
            in_transfer: false,
            told: None,
            drops: HashMap::new(),
            refused_now: HashSet::new(),
            doubtful: Vec::new(),
            last: None,
            nameless: false,
            furthest: 0,
            sizes: MailboxSizes::default(),
            uncounted: Vec::new(),
            uncounted_in: (String::new(), 0),
            doubled_status: false,
            came: HashMap::new(),
            had_messages: false,
            retry: HashSet::new(),
            retry_octets: 0,
            retrying: false,
            reused: false,
            imported: None,
        }
    }

    /// The catalog of this run: a connection next to has its own.
    #[must_use]
    pub fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// What so many connections need to work side by side; [`PullRun::join`] takes in what
    /// they brought.
    pub fn share(&mut self, connections: usize) -> SharedRun<'_> {
        SharedRun {
            task: self.task.clone(),
            commit_queue: self.commit_queue,
            drops: self.drops.clone(),
            refused_now: self.refused_now.clone(),
            retry: self.retry.clone(),
            retrying: self.retrying,
            told: Mutex::new(LastProgress {
                before: self.far(),
                parts: vec![ProgressCounts::default(); connections],
                emit: &mut *self.emit,
            }),
        }
    }

    /// Takes in what a connection brought.
    pub fn join(&mut self, part: RunPart) {
        let PullReport {
            listed,
            wanted,
            wanted_octets,
            folders_failed,
            refused,
            unlisted,
            doubtful,
            doubted,
            recognised,
            compared,
            differed,
            octets,
            ..
        } = part.report;
        let report = &mut self.report;
        report.listed += listed;
        report.wanted += wanted;
        report.wanted_octets += wanted_octets;
        report.folders_failed.extend(folders_failed);
        report.refused.extend(refused);
        report.unlisted += unlisted;
        report.doubtful += doubtful;
        report.doubted = report.doubted.take().or(doubted);
        report.recognised += recognised;
        report.compared += compared;
        report.differed += differed;
        report.octets += octets;
        self.received += part.received;
        for (key, drops) in part.drops {
            let known = self.drops.entry(key).or_default();
            *known = drops.max(*known);
        }
        self.refused_now.extend(part.refused_now);
        self.retry.extend(part.retry);
        self.retry_octets = self.retry_octets.saturating_add(part.retry_octets);
    }

    /// Notes how far the run is before a mailbox.
    #[must_use]
    pub fn mark(&self) -> ReportMark {
        ReportMark {
            far: self.far(),
            unlisted: self.report.unlisted,
            refused: self.report.refused.len(),
        }
    }

    /// Counts a mailbox as not looked into that another connection will begin again. What
    /// was received of it stays received.
    pub fn back_to(&mut self, mark: ReportMark) {
        let refused = self.report.refused.len() - mark.refused;
        let received = self.received - mark.far.messages + refused as u64;
        let octets = self.report.octets - mark.far.octets;
        self.report.listed = mark.far.listed;
        self.report.unlisted = mark.unlisted;
        self.report.wanted = mark.far.wanted + received;
        self.report.wanted_octets = mark.far.wanted_octets + octets;
    }

    fn far(&self) -> ProgressCounts {
        ProgressCounts {
            listed: self.report.listed,
            messages: self.received,
            octets: self.report.octets,
            wanted: self.report.wanted,
            wanted_octets: self.report.wanted_octets,
        }
    }
}

impl SharedRun<'_> {
    /// Works on one of the connections, counted from 0, with a run of its own.
    pub fn part<T>(
        &self,
        connection: usize,
        catalog: &Catalog,
        work: impl FnOnce(&mut PullRun<'_, '_>) -> T,
    ) -> (RunPart, T) {
        let mut task = self.task.clone();
        if connection > 0 {
            // The first one's compressors would keep the processors busy alone.
            task.workers = 1;
        }
        let mut emit = |event: RunEvent<'_>| self.emit(connection, event);
        let mut run = PullRun::new(&task, catalog, self.commit_queue, &mut emit);
        run.signed_in();
        run.drops.clone_from(&self.drops);
        run.refused_now.clone_from(&self.refused_now);
        run.retry.clone_from(&self.retry);
        run.retrying = self.retrying;
        let done = work(&mut run);
        let part = RunPart {
            received: run.received,
            report: run.report,
            drops: run.drops,
            refused_now: run.refused_now,
            retry: run.retry,
            retry_octets: run.retry_octets,
        };
        (part, done)
    }

    /// Tells something about the account.
    pub fn notice(&self, notice: Notice<'_>) {
        self.emit(
            0,
            RunEvent::Notice {
                account: &self.task.route.account,
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
