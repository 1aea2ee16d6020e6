//! Carrying out a plan, in rounds (docs/SAFETY.md, 13).
//!
//! A round lists, proves, makes its intents durable, deletes, and ends the session. What
//! became of it only the next round's listing tells, and the last round does nothing but
//! ask. An interrupted run leaves intents, which the next listing of any command settles.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::error::{Endpoint, Error, ErrorKind, Result};
use crate::event::{Event, Notice};
use crate::message::Hash128;
use crate::purge::proof::{self, Item};
use crate::purge::select::{self, Plan, Sum};
use crate::purge::{KeptMessage, Maildrop, PurgeReport, Reason, is_stopped};
use crate::source::{Listings, Source, Uid};
use crate::vault::Writer;
use crate::vault::ledger::{Event as Entry, Identity};

/// Messages a round at most: what a broken line makes uncertain at once.
const ROUND: usize = 4_096;
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
        report: PurgeReport {
            planned: plan.chosen,
            ..PurgeReport::default()
        },
        tried: HashSet::new(),
        doubted: HashSet::new(),
        pending: Vec::new(),
        ended_well: true,
        in_doubt: false,
        others: Vec::new(),
        login: None,
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
struct Pending {
    mark: u64,
    kept: KeptMessage,
}

struct Run<'a, 't> {
    task: &'a Task<'a>,
    agreed: &'a [u64],
    tell: &'t mut (dyn FnMut(Event<'_>) + Send),
    /// Holds the vault's lock; given up during long waits.
    writer: Option<Writer>,
    report: PurgeReport,
    /// Names that were tried, for better or worse.
    tried: HashSet<u64>,
    /// Those that are asked for once more, since the line failed.
    doubted: HashSet<u64>,
    /// What the last round asked for.
    pending: Vec<Pending>,
    /// False if the last round did not hear of its end.
    ended_well: bool,
    /// True if that was just now.
    in_doubt: bool,
    /// Names that the last round listed and did not ask for, ascending.
    others: Vec<u64>,
    /// When the last session signed in, and how long the server then wants peace.
    login: Option<(Instant, Duration)>,
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
            if !passing || failures >= self.task.retries || self.is_stopped() {
                return Err(error);
            }
            too_hasty = matches!(error, Error::Timeout { .. });
            let mut pause = Duration::from_secs(PAUSES[(failures as usize).min(PAUSES.len() - 1)]);
            if error
                .reply()
                .is_some_and(|reply| reply.contains("[LOGIN-DELAY]"))
            {
                let known = self.login.map_or(Duration::ZERO, |(_, delay)| delay);
                pause = known.max(PATIENCE);
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

    /// One session: settle, prove, delete. True if there was nothing left to delete.
    fn round(&mut self, session: Session) -> Result<bool> {
        let Session {
            mut source,
            listings,
            since,
        } = session;
        self.login = Some((since, source.login_delay()));
        if listings.is_empty() && !self.others.is_empty() {
            return Err(Error::Protocol {
                server: self.task.server.clone(),
                doing: "LIST".into(),
                detail: format!(
                    "it lists nothing, though {} other messages were to stay",
                    self.others.len()
                ),
            });
        }
        let (candidates, names) = self.take_stock(&listings)?;
        let mut batch: Vec<select::Candidate> = candidates
            .into_iter()
            .filter(|c| self.agreed.binary_search(&c.mark).is_ok() && !self.tried.contains(&c.mark))
            .collect();
        // The oldest first, so that a run that ends early has freed those.
        batch.sort_unstable_by_key(|c| (c.dated, c.row));
        batch.truncate(ROUND);
        if batch.is_empty() || self.is_stopped() {
            self.report.left = Some(Sum {
                messages: listings.len() as u64,
                octets: listings.octets(),
            });
            if let Err(e) = source.finish() {
                tracing::debug!(target: "dialogue", "QUIT failed: {e}");
            }
            return if batch.is_empty() {
                Ok(true)
            } else {
                Err(Error::Interrupted)
            };
        }
        let items = self.items(&listings, &batch)?;
        let proven = self.prove(&mut *source, items)?;
        if proven.is_empty() {
            // Nothing is deleted in this session, so its listing stays true.
            return self.round(Session {
                source,
                listings,
                since,
            });
        }
        self.intend(&proven)?;
        self.others = names;
        let pending: HashSet<u64> = self.pending.iter().map(|p| p.mark).collect();
        self.others.retain(|mark| !pending.contains(mark));
        self.ended_well = false;
        let wanted: Vec<_> = proven.iter().map(|item| item.listing.clone()).collect();
        self.in_doubt = true;
        for kept in source.delete(&wanted)? {
            let name = kept.listing.uid;
            if let Some(at) = proven.iter().position(|item| item.listing.uid == name) {
                self.pending[at].kept.reason = Reason::Refused(kept.reply);
            }
        }
        self.ended_well = true;
        self.in_doubt = false;
        Ok(false)
    }

    /// Settles what the last round asked for, and gives what may be deleted now, and the
    /// marks of all names.
    fn take_stock(&mut self, listings: &Listings) -> Result<(Vec<select::Candidate>, Vec<u64>)> {
        let maildrop = &self.task.maildrop;
        let writer = held(&mut self.writer, self.task)?;
        let stock = select::stock(listings, writer.catalog(), maildrop)?;
        if !stock.open.is_empty() {
            let events =
                writer
                    .catalog()
                    .settled(&maildrop.account, &maildrop.server, &stock.open)?;
            writer.record(&events)?;
        }
        let gone: HashMap<u64, bool> = stock
            .open
            .iter()
            .map(|(name, gone)| (select::mark(name), *gone))
            .collect();
        for Pending { mark, kept } in std::mem::take(&mut self.pending) {
            // Another command may have settled it while we waited.
            let gone = match gone.get(&mark) {
                Some(gone) => *gone,
                None => stock.names.binary_search(&mark).is_err(),
            };
            if gone {
                self.report.freed.add(kept.octets);
                self.tried.insert(mark);
            } else if self.ended_well || !self.doubted.insert(mark) {
                self.report.kept.push(kept);
                self.tried.insert(mark);
            } else {
                self.report.asked.messages -= 1;
                self.report.asked.octets -= kept.octets;
            }
        }
        let missing = |mark: &&u64| stock.names.binary_search(mark).is_err();
        self.report.strays += self.others.iter().filter(missing).count() as u64;
        self.others.clear();
        Ok((stock.candidates, stock.names))
    }

    fn items(&mut self, listings: &Listings, batch: &[select::Candidate]) -> Result<Vec<Item>> {
        let maildrop = &self.task.maildrop;
        let writer = held(&mut self.writer, self.task)?;
        let mut items = Vec::with_capacity(batch.len());
        for candidate in batch {
            let listing = listings.get(candidate.row as usize);
            let Uid::Uidl(name) = &listing.uid else {
                continue;
            };
            let record = writer
                .catalog()
                .record_of(&maildrop.account, &maildrop.server, name)?;
            if let Some(record) = record {
                items.push(Item {
                    files: writer.files_of(&record.blob)?,
                    listing,
                    record,
                });
            } else {
                self.tried.insert(candidate.mark);
            }
        }
        Ok(items)
    }

    /// Those that pass the proof; the others are kept, and named.
    fn prove(&mut self, source: &mut dyn Source, items: Vec<Item>) -> Result<Vec<Item>> {
        let planned = self.report.planned.messages;
        let mut done = self.tried.len() as u64;
        let account = &self.task.maildrop.account;
        let tell = &mut *self.tell;
        let intact = proof::read_back(&items, self.task.stop, &mut |more| {
            done += more as u64;
            tell(Event::ReadBack {
                account,
                done,
                planned,
            });
        });
        if self.is_stopped() {
            return Err(Error::Interrupted);
        }
        let (mut whole, mut files) = (Vec::with_capacity(items.len()), Vec::new());
        for (item, file) in items.into_iter().zip(intact) {
            if let Some(file) = file {
                whole.push(item);
                files.push(file);
            } else {
                self.keep(&item, Reason::NotIntact)?;
            }
        }
        let verdicts = proof::ask(source, &whole, &files)?;
        self.report.intact += whole.len() as u64;
        let mut proven = Vec::with_capacity(whole.len());
        for (item, verdict) in whole.into_iter().zip(verdicts) {
            match verdict {
                None => proven.push(item),
                Some(reason) => self.keep(&item, reason)?,
            }
        }
        Ok(proven)
    }

    /// Keeps a message on the server. One that is not what was archived is wanted by the
    /// next pull.
    fn keep(&mut self, item: &Item, reason: Reason) -> Result<()> {
        let kept = self.kept(item, reason)?;
        self.tried.insert(mark_of(item));
        if kept.reason == Reason::OtherMessage {
            let event = Entry::Refused {
                identity: self.identity(item),
                octets: item.listing.octets,
                reply: b"(purge) this name now means another message"[..].into(),
                tries: 1,
            };
            held(&mut self.writer, self.task)?.record(&[event])?;
        }
        self.report.kept.push(kept);
        Ok(())
    }

    fn kept(&mut self, item: &Item, reason: Reason) -> Result<KeptMessage> {
        let hash: Hash128 = item.record.blob.name.hash;
        let subject = held(&mut self.writer, self.task)?
            .catalog()
            .subject_of(hash)?;
        let uid = match &item.listing.uid {
            Uid::Uidl(name) => name.escape_ascii().to_string(),
            _ => format!("message {}", item.listing.number),
        };
        Ok(KeptMessage {
            uid,
            id: hash,
            octets: item.listing.octets.unwrap_or(0),
            subject,
            reason,
        })
    }

    /// Writes down, durably, what the server is about to be asked.
    fn intend(&mut self, proven: &[Item]) -> Result<()> {
        let mut events = Vec::with_capacity(proven.len());
        let mut pending = Vec::with_capacity(proven.len());
        for item in proven {
            let kept = self.kept(item, Reason::StillThere)?;
            let mark = mark_of(item);
            pending.push(Pending { mark, kept });
            events.push(Entry::PurgeIntent {
                identity: self.identity(item),
                hash: item.record.blob.name.hash,
            });
        }
        held(&mut self.writer, self.task)?.record(&events)?;
        for asked in &pending {
            self.report.asked.add(asked.kept.octets);
        }
        self.pending = pending;
        Ok(())
    }

    fn identity(&self, item: &Item) -> Identity {
        Identity {
            account: self.task.maildrop.account.clone(),
            server: self.task.maildrop.server.clone(),
            uid: item.listing.uid.clone(),
            dir: None,
        }
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
        }
        let until = Instant::now() + pause;
        while Instant::now() < until {
            if self.is_stopped() {
                return Err(Error::Interrupted);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        is_stopped(self.task.stop)
    }
}

fn mark_of(item: &Item) -> u64 {
    match &item.listing.uid {
        Uid::Uidl(name) => select::mark(name),
        _ => 0,
    }
}

/// The writer, opened if it is not.
fn held<'w>(writer: &'w mut Option<Writer>, task: &Task<'_>) -> Result<&'w mut Writer> {
    let opened = match writer.take() {
        Some(writer) => writer,
        None => Writer::open(task.vault, task.lock_wait, task.stop)?,
    };
    Ok(writer.insert(opened))
}
