//! Carrying out a plan, session by session (docs/SAFETY.md, 13).
//!
//! Each session is a round, in which the places of the plan are gone by (`round.rs`); here is
//! what lies between two of them: pauses, new connections, and when to give up. An
//! interrupted run leaves intents, which the next listing of any command settles.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::base::error::{Endpoint, Error, Result};
use crate::base::event::{Notice, RunEvent};
use crate::base::pause::{self, is_set};
use crate::base::retry::Retry;
use crate::purge::mark_set::MarkSet;
use crate::purge::select::{PurgePlan, Sum};
use crate::purge::{CopyCheck, KeptMessage, PurgeReport, RemoteFolder};
use crate::vault::Writer;
use crate::vault::catalog::IdSet;

/// A longer wait leaves the vault to others.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whose mail, in which vault, and how patiently.
#[derive(Debug)]
pub struct PurgeTask<'a> {
    /// The account.
    pub(crate) account: &'a str,
    /// Its server, for messages.
    pub(crate) server: Endpoint,
    /// The vault.
    pub(crate) vault: &'a Path,
    /// How long to wait for another writer.
    pub(crate) lock_wait: Duration,
    /// New connections in a row without progress.
    pub(crate) retries: u32,
    /// When the session signed in that the plan was made in, and how long the server
    /// then requires a pause.
    pub(crate) login: Option<(Instant, Duration)>,
    /// Messages whose listed size is known to be wrong.
    pub(crate) accept_short: &'a [String],
    /// Set to end the run before the next deletion.
    pub(crate) stop: &'a AtomicBool,
}

/// Carries out a plan. `round` goes by the places of the plan in a session of its own, and is
/// told if too much was sent ahead in the one before.
pub fn apply(
    task: &PurgeTask<'_>,
    plan: &PurgePlan,
    copy: Option<CopyCheck<'_>>,
    emit: &mut (dyn FnMut(RunEvent<'_>) + Send),
    round: &mut dyn FnMut(&mut PurgeRun<'_, '_>, bool) -> Result<()>,
) -> (PurgeReport, Option<Error>) {
    let began = Instant::now();
    let mut run = PurgeRun {
        task,
        agreed: AgreedMarks::new(&plan.agreed),
        copy: copy.map(|copy| -> CopyCheck<'_> { copy }),
        emit,
        writer: None,
        lock_wait: task.lock_wait,
        report: PurgeReport {
            planned: plan.chosen,
            ..PurgeReport::default()
        },
        doubted: HashSet::new(),
        last: HashMap::new(),
        asked_now: 0,
        delete_unconfirmed: false,
        futile: false,
        login: task.login,
    };
    let mut error = run.rounds(round).err();
    run.report.unknown += run.pending() as u64;
    if run.pending() > 0 {
        error = error.map(|error| Error::Unconfirmed {
            server: task.server.clone(),
            messages: run.report.unknown,
            source: Box::new(error),
        });
    }
    run.report.left = run.left(plan);
    run.report.elapsed = began.elapsed();
    (run.report, error)
}

/// A message that the server was asked to delete in the last round.
pub(super) struct Pending {
    pub(super) mark: u64,
    pub(super) kept: KeptMessage,
}

/// What the last round did at a place.
#[derive(Default)]
pub(super) struct Last {
    /// What it asked for.
    pub(super) pending: Vec<Pending>,
    /// True if it heard the end of that.
    pub(super) heard: bool,
    /// The names that it listed, with those that it asked for.
    pub(super) names: MarkSet,
    /// How many messages the server counted then and did not list.
    pub(super) hidden: u64,
    /// Everything listed, if nothing was asked for.
    pub(super) listed: Option<Sum>,
}

impl Last {
    /// How many messages it listed and did not ask for.
    pub(super) fn others(&self) -> usize {
        self.names.len().saturating_sub(self.pending.len())
    }
}

/// What was agreed to, and what of it was tried, for better or worse.
pub(super) struct AgreedMarks<'a> {
    marks: &'a MarkSet,
    /// Which of them.
    tried: IdSet,
}

impl<'a> AgreedMarks<'a> {
    fn new(marks: &'a MarkSet) -> Self {
        Self {
            marks,
            tried: IdSet::default(),
        }
    }

    /// True if a message may go and was not tried.
    pub(super) fn is_open(&self, mark: u64) -> Result<bool> {
        let at = self.marks.position(mark)?;
        Ok(at.is_some_and(|at| !self.tried.contains(at)))
    }

    /// Notes that a message was tried, if it was agreed to.
    pub(super) fn tried(&mut self, mark: u64) -> Result<()> {
        if let Some(at) = self.marks.position(mark)? {
            self.tried.insert(at);
        }
        Ok(())
    }

    /// How many were tried.
    pub(super) fn count_tried(&self) -> u64 {
        self.tried.len()
    }
}

/// A plan that is being carried out.
pub struct PurgeRun<'a, 't> {
    pub(super) task: &'a PurgeTask<'a>,
    pub(super) agreed: AgreedMarks<'a>,
    /// Says what the second copy has, if it must have what is deleted.
    pub(super) copy: Option<CopyCheck<'t>>,
    pub(super) emit: &'t mut (dyn FnMut(RunEvent<'_>) + Send),
    /// Holds the vault's lock; given up during long waits.
    writer: Option<Writer>,
    /// How long to wait for another writer.
    lock_wait: Duration,
    pub(super) report: PurgeReport,
    /// Those that are asked for once more, since the line failed.
    pub(super) doubted: HashSet<u64>,
    /// What the last round did, place by place.
    pub(super) last: HashMap<RemoteFolder, Last>,
    /// Messages that this round has asked for.
    pub(super) asked_now: usize,
    /// True if the last deletion failed just now.
    pub(super) delete_unconfirmed: bool,
    /// True once the server has kept all of a large round: the rest is not asked for.
    pub(super) futile: bool,
    /// When the last session signed in, and how long the server then requires a pause.
    login: Option<(Instant, Duration)>,
}

impl PurgeRun<'_, '_> {
    fn rounds(
        &mut self,
        round: &mut dyn FnMut(&mut PurgeRun<'_, '_>, bool) -> Result<()>,
    ) -> Result<()> {
        let mut retry = Retry::new(self.task.retries);
        let mut reduce_pipelining = false;
        loop {
            let freed = self.report.freed.messages;
            self.asked_now = 0;
            let outcome = round(self, reduce_pipelining);
            if self.login.is_some() {
                retry.signed_in();
            }
            let error = match outcome {
                Ok(()) if self.pending() == 0 => return Ok(()),
                Ok(()) => {
                    retry.progressed();
                    continue;
                }
                Err(error) => error,
            };
            if self.report.freed.messages > freed {
                retry.progressed();
            }
            if self.is_stopped() {
                return Err(error);
            }
            let delete_unconfirmed = std::mem::take(&mut self.delete_unconfirmed);
            let failures = retry.failures();
            let pause = if delete_unconfirmed {
                Some(retry.after_unconfirmed_deletion())
            } else {
                retry.after(&error)
            };
            let Some(mut pause) = pause else {
                return Err(error);
            };
            reduce_pipelining = matches!(error, Error::Timeout { .. });
            if error.has_code("LOGIN-DELAY") {
                // It requires more than it announced, if it announced anything.
                let known = self.login.map_or(Duration::ZERO, |(_, delay)| delay);
                pause = if known.is_zero() {
                    PATIENCE
                } else {
                    known.saturating_mul(2u32.saturating_pow(failures + 1))
                };
            }
            let notice = if delete_unconfirmed {
                Notice::DeletionUnknown {
                    error: &error,
                    pause,
                }
            } else {
                Notice::Reconnecting {
                    error: &error,
                    pause,
                }
            };
            self.notice(notice);
            self.wait(pause)?;
        }
    }

    /// Waits until the server allows a new session.
    pub(crate) fn before_login(&mut self) -> Result<()> {
        if let Some((login, delay)) = self.login {
            // A second more than asked for: clocks of servers count whole seconds.
            let pause = (delay + Duration::from_secs(u64::from(!delay.is_zero())))
                .saturating_sub(login.elapsed());
            if !pause.is_zero() {
                self.notice(Notice::LoginDelay { pause });
                self.wait(pause)?;
            }
        }
        Ok(())
    }

    /// To be called when a session is signed in, with how long the server then requires a pause.
    pub(crate) fn signed_in(&mut self, since: Instant, delay: Duration) {
        self.login = Some((since, delay));
    }

    /// Leaves out a place that cannot be gone into. What was asked for there stays unknown.
    pub(crate) fn leave_out(&mut self, maildrop: &RemoteFolder, label: &str, why: String) {
        let last = self.last.remove(maildrop).unwrap_or_default();
        self.report.unknown += last.pending.len() as u64;
        self.report.folders_failed.push((label.to_owned(), why));
    }

    /// What the server was asked to delete, and has not shown yet.
    fn pending(&self) -> usize {
        self.last.values().map(|last| last.pending.len()).sum()
    }

    /// What is left on the server, if that is known of every place.
    fn left(&self, plan: &PurgePlan) -> Option<Sum> {
        let left = |place: &crate::purge::SurveyedFolder| match self.last.get(&place.maildrop) {
            Some(last) => last.listed,
            None if place.chosen.messages == 0 => Some(place.listed),
            None => None,
        };
        plan.places.iter().map(left).sum()
    }

    fn notice(&mut self, notice: Notice<'_>) {
        (self.emit)(RunEvent::Notice {
            account: self.task.account,
            notice,
        });
    }

    /// Waits; a long wait leaves the vault to others.
    fn wait(&mut self, pause: Duration) -> Result<()> {
        if pause > PATIENCE {
            self.writer = None;
            // Whoever came in between is waited for: what is pending wants its answer.
            self.lock_wait = self.lock_wait.max(PATIENCE);
        }
        let stop = self.task.stop;
        pause::pause(Instant::now() + pause, &|| is_set(stop))
    }

    /// The writer, opened if it is not.
    pub(super) fn writer(&mut self) -> Result<&mut Writer> {
        self.writer_and_agreed().map(|(writer, _)| writer)
    }

    /// The writer, which is opened if it is not, and what was agreed to.
    pub(super) fn writer_and_agreed(&mut self) -> Result<(&mut Writer, &AgreedMarks<'_>)> {
        let opened = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::open(self.task.vault, self.lock_wait, self.task.stop)?,
        };
        Ok((self.writer.insert(opened), &self.agreed))
    }

    pub(super) fn is_stopped(&self) -> bool {
        is_set(self.task.stop)
    }
}
