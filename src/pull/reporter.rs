//! The report of a run, and what it reports while it works.

use std::time::{Duration, Instant};

use super::account::PullTask;
use crate::archive::commit::Tally;
use crate::base::error::Error;
use crate::base::event::{Events, Notice, PullReport, RunEvent};
use crate::mail::source::Source;

/// How often progress is reported.
const TELL: Duration = Duration::from_millis(100);

/// What one run has done so far, and who hears of it.
pub(super) struct PullReporter<'a, 't> {
    account: &'a str,
    pub(super) emit: Events<'t>,
    began: Instant,
    pub(super) report: PullReport,
    /// Messages received whole.
    pub(super) received: u64,
    last_progress: Option<Instant>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ProgressCounts {
    pub(super) listed: u64,
    pub(super) messages: u64,
    pub(super) octets: u64,
    pub(super) wanted: u64,
    pub(super) wanted_octets: u64,
}

/// How far a run was, so that a mailbox can be begun again.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportMark {
    far: ProgressCounts,
    unlisted: u64,
    refused: usize,
}

impl<'a, 't> PullReporter<'a, 't> {
    pub(super) fn new(task: &'a PullTask<'a>, emit: Events<'t>) -> Self {
        Self {
            account: task.name,
            emit,
            began: Instant::now(),
            report: PullReport {
                dry_run: task.dry_run,
                ..PullReport::default()
            },
            received: 0,
            last_progress: None,
        }
    }

    /// Begins to count what a new session lists.
    pub(super) fn begin_session(&mut self) {
        let report = &mut self.report;
        report.listed = 0;
        report.listed_octets = 0;
        report.wanted = self.received + report.refused.len() as u64;
        report.wanted_octets = report.octets;
        report.folders_failed.clear();
        report.unlisted = 0;
        report.doubtful = 0;
        report.recognised = 0;
    }

    /// Counts the messages of a mailbox that needs no look.
    pub(super) fn count(&mut self, messages: u64) {
        self.report.listed += messages;
    }

    /// Notes a mailbox that the server refuses to open.
    pub(super) fn folder_failed(&mut self, label: &str, error: &Error) {
        let words = error
            .reply()
            .map_or_else(|| error.to_string(), str::to_owned);
        self.report.folders_failed.push((label.to_owned(), words));
    }

    /// True if every mailbox could be looked at so far.
    pub(super) fn all_opened(&self) -> bool {
        self.report.folders_failed.is_empty()
    }

    pub(super) fn notice(&mut self, notice: Notice<'_>) {
        (self.emit)(RunEvent::Notice {
            account: self.account,
            notice,
        });
    }

    /// Says which folder is worked on.
    pub(super) fn folder(&mut self, folder: &str) {
        (self.emit)(RunEvent::Folder {
            account: self.account,
            folder,
        });
    }

    /// Says what is going to be fetched.
    pub(super) fn listed(&mut self, wanted: u64, wanted_octets: u64) {
        (self.emit)(RunEvent::Listed {
            account: self.account,
            listed: self.report.listed,
            wanted,
            wanted_octets,
        });
    }

    pub(super) fn progress(&mut self, bytes: usize) {
        self.report.octets += bytes as u64;
        if self.last_progress.is_none_or(|last| last.elapsed() >= TELL) {
            self.last_progress = Some(Instant::now());
            (self.emit)(RunEvent::Progress {
                account: self.account,
                messages: self.received,
                octets: self.report.octets,
            });
        }
    }

    /// That the server may delete by itself is said once, and where it matters.
    pub(super) fn tell_expiry(&mut self, source: &dyn Source) {
        if !source.keeps_fetched() && !self.report.may_delete {
            self.report.may_delete = true;
            self.notice(Notice::MayDelete);
        }
    }

    /// How far the run is.
    pub(super) fn far(&self) -> ProgressCounts {
        ProgressCounts {
            listed: self.report.listed,
            messages: self.received,
            octets: self.report.octets,
            wanted: self.report.wanted,
            wanted_octets: self.report.wanted_octets,
        }
    }

    /// Notes how far the run is before a mailbox.
    pub(super) fn mark(&self) -> ReportMark {
        ReportMark {
            far: self.far(),
            unlisted: self.report.unlisted,
            refused: self.report.refused.len(),
        }
    }

    /// Counts a mailbox as not looked into that another connection will begin again. What
    /// was received of it stays received.
    pub(super) fn back_to(&mut self, mark: ReportMark) {
        let refused = self.report.refused.len() - mark.refused;
        let received = self.received - mark.far.messages + refused as u64;
        let octets = self.report.octets - mark.far.octets;
        self.report.listed = mark.far.listed;
        self.report.unlisted = mark.unlisted;
        self.report.wanted = mark.far.wanted + received;
        self.report.wanted_octets = mark.far.wanted_octets + octets;
    }

    /// Takes in what another connection received and reports.
    pub(super) fn join(&mut self, received: u64, part: PullReport) {
        let PullReport {
            listed,
            wanted,
            wanted_octets,
            forgotten,
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
        } = part;
        let report = &mut self.report;
        report.listed += listed;
        report.wanted += wanted;
        report.wanted_octets += wanted_octets;
        report.forgotten += forgotten;
        report.folders_failed.extend(folders_failed);
        report.refused.extend(refused);
        report.unlisted += unlisted;
        report.doubtful += doubtful;
        report.doubted = report.doubted.take().or(doubted);
        report.recognised += recognised;
        report.compared += compared;
        report.differed += differed;
        report.octets += octets;
        self.received += received;
    }

    /// Takes in what the committer counted.
    pub(super) fn take_in(&mut self, tally: Tally) {
        self.report.new = tally.new;
        self.report.duplicates = tally.duplicates;
        self.report.linked = tally.linked;
        self.report.forgotten += tally.forgotten;
        self.report.stored = tally.stored;
        for id in tally.replaced {
            self.notice(Notice::Replaced { id });
        }
    }

    /// Ends the run.
    pub(super) fn stop_clock(&mut self) {
        self.report.elapsed = self.began.elapsed();
    }
}
