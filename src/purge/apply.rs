//! Carrying out a plan, session by session (docs/SAFETY.md, 13).
//!
//! Each session is a round (`round.rs`); here is what lies between two of them: pauses,
//! new connections, and when to give up. An interrupted run leaves intents, which the
//! next listing of any command settles.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::error::{Endpoint, Error, ErrorKind, Result};
use crate::event::{Event, Notice};
use crate::pause::{self, is_set};
use crate::purge::select::Plan;
use crate::purge::{KeptMessage, Maildrop, PurgeReport};
use crate::source::{Listings, Source};
use crate::vault::Writer;

/// Pauses before a connection is made anew, in seconds.
const PAUSES: [u64; 3] = [1, 5, 15];
/// A longer wait leaves the vault to others.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whose mail, in which vault, and how patiently.
#[derive(Debug)]
pub struct Task<'a> {
    /// Which mail.
    pub maildrop: Maildrop,
    /// Its server, for messages.
    pub server: Endpoint,
    /// The vault.
    pub vault: &'a Path,
    /// How long to wait for another writer.
    pub lock_wait: Duration,
    /// New connections in a row without progress.
    pub retries: u32,
    /// When the session signed in that the plan was made in, and how long the server
    /// then wants peace.
    pub login: Option<(Instant, Duration)>,
    /// Set to end the run before the next deletion.
    pub stop: &'a AtomicBool,
}

/// A session that has listed its maildrop.
pub struct Session {
    /// The session.
    pub source: Box<dyn Source>,
    /// What it listed.
    pub listings: Listings,
    /// When it signed in.
    pub since: Instant,
}

/// Carries out a plan. `open` is the session that the plan was made in, if it still
/// stands; `connect` makes a new one, and is told that too much was sent ahead if so.
pub fn apply(
    task: &Task<'_>,
    plan: &Plan,
    open: Option<Session>,
    connect: &mut dyn FnMut(bool) -> Result<Box<dyn Source>>,
    tell: &mut (dyn FnMut(Event<'_>) + Send),
) -> (PurgeReport, Option<Error>) {
    let began = Instant::now();
    let mut run = Run {
        task,
        agreed: &plan.agreed,
        tell,
        writer: None,
        lock_wait: task.lock_wait,
        report: PurgeReport {
            planned: plan.chosen,
            ..PurgeReport::default()
        },
        tried: HashSet::new(),
        doubted: HashSet::new(),
        pending: Vec::new(),
        ended_well: true,
        in_doubt: false,
        futile: false,
        others: Vec::new(),
        login: task.login,
    };
    let mut error = run.rounds(open, connect).err();
    run.report.unknown = run.pending.len() as u64;
    if !run.pending.is_empty() {
        error = error.map(|error| Error::Unconfirmed {
            server: task.server.clone(),
            messages: run.report.unknown,
            source: Box::new(error),
        });
    }
    run.report.elapsed = began.elapsed();
    (run.report, error)
}

/// A message that the server was asked to delete in the last round.
pub(super) struct Pending {
    pub(super) mark: u64,
    pub(super) kept: KeptMessage,
}

pub(super) struct Run<'a, 't> {
    pub(super) task: &'a Task<'a>,
    pub(super) agreed: &'a [u64],
    pub(super) tell: &'t mut (dyn FnMut(Event<'_>) + Send),
    /// Holds the vault's lock; given up during long waits.
    writer: Option<Writer>,
    /// How long to wait for another writer.
    lock_wait: Duration,
    pub(super) report: PurgeReport,
    /// Names that were tried, for better or worse.
    pub(super) tried: HashSet<u64>,
    /// Those that are asked for once more, since the line failed.
    pub(super) doubted: HashSet<u64>,
    /// What the last round asked for.
    pub(super) pending: Vec<Pending>,
    /// False if the last round did not hear of its end.
    pub(super) ended_well: bool,
    /// True if that was just now.
    pub(super) in_doubt: bool,
    /// True once the server has kept all of a large round: the rest is not asked for.
    pub(super) futile: bool,
    /// Names that the last round listed and did not ask for, ascending.
    pub(super) others: Vec<u64>,
    /// When the last session signed in, and how long the server then wants peace.
    pub(super) login: Option<(Instant, Duration)>,
}

impl Run<'_, '_> {
    fn rounds(
        &mut self,
        mut open: Option<Session>,
        connect: &mut dyn FnMut(bool) -> Result<Box<dyn Source>>,
    ) -> Result<()> {
        let mut failures = 0;
        let mut too_hasty = false;
        loop {
            let freed = self.report.freed.messages;
            let signed_in = self.login.is_some() || open.is_some();
            let outcome = match open.take() {
                Some(session) => self.round(session),
                None => self
                    .open(connect, too_hasty)
                    .and_then(|session| self.round(session)),
            };
            let error = match outcome {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    failures = 0;
                    continue;
                }
                Err(error) => error,
            };
            if self.report.freed.messages > freed {
                failures = 0;
            }
            // Whatever went wrong at a deletion, what became of it has to be asked; that
            // ends, since no message is asked for more than twice. Otherwise it is as with
            // pull, and nothing is tried again before the first login.
            let in_doubt = std::mem::take(&mut self.in_doubt);
            let passing = in_doubt
                || signed_in && (error.is_transient() || error.kind() == ErrorKind::Unreachable);
            let tired = !in_doubt && failures >= self.task.retries;
            if !passing || tired || self.is_stopped() {
                return Err(error);
            }
            too_hasty = matches!(error, Error::Timeout { .. });
            let mut pause = Duration::from_secs(PAUSES[(failures as usize).min(PAUSES.len() - 1)]);
            if error
                .reply()
                .is_some_and(|reply| reply.contains("[LOGIN-DELAY]"))
            {
                // It wants more than it announced, if it announced anything.
                let known = self.login.map_or(Duration::ZERO, |(_, delay)| delay);
                pause = if known.is_zero() {
                    PATIENCE
                } else {
                    known.saturating_mul(2u32.saturating_pow(failures + 1))
                };
            }
            let notice = if in_doubt {
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
            failures += u32::from(!in_doubt);
            self.notice(notice);
            self.wait(pause)?;
        }
    }

    /// A new session, as soon as the server allows one.
    fn open(
        &mut self,
        connect: &mut dyn FnMut(bool) -> Result<Box<dyn Source>>,
        too_hasty: bool,
    ) -> Result<Session> {
        if let Some((login, delay)) = self.login {
            // A second more than asked for: clocks of servers count whole seconds.
            let pause = (delay + Duration::from_secs(u64::from(!delay.is_zero())))
                .saturating_sub(login.elapsed());
            if !pause.is_zero() {
                self.notice(Notice::LoginDelay { pause });
                self.wait(pause)?;
            }
        }
        let mut source = connect(too_hasty)?;
        let since = Instant::now();
        self.login = Some((since, source.login_delay()));
        let listings = source.list()?;
        Ok(Session {
            source,
            listings,
            since,
        })
    }

    fn notice(&mut self, notice: Notice<'_>) {
        (self.tell)(Event::Notice {
            account: &self.task.maildrop.account,
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
        let opened = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::open(self.task.vault, self.lock_wait, self.task.stop)?,
        };
        Ok(self.writer.insert(opened))
    }

    pub(super) fn is_stopped(&self) -> bool {
        is_set(self.task.stop)
    }
}
