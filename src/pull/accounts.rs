//! Runs accounts side by side over one vault, and adds up what came of it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::account::PullTask;
use super::account_folders::AccountFolders;
use crate::account::config::{Account, Dedupe, Recognise};
use crate::account::connect::{Connector, endpoint, server_name};
use crate::account::protocol::{self, ProtocolChoice};
use crate::account::{Job, memory};
use crate::archive::commit::{self, CommitQueue, CommitRequest, Route};
use crate::archive::dedupe::{Policy, Recognition};
use crate::base::error::{Error, Result};
use crate::base::event::{Events, Notice, PullReport, RunEvent};
use crate::base::fsx;
use crate::base::secret::Secret;
use crate::base::sync::lock;
use crate::net::pop3::Dialect;
use crate::vault::catalog::Catalog;
use crate::vault::layout::Layout;
use crate::vault::ledger::{LedgerEvent, Proto};
use crate::vault::tombstones::TombstoneKey;
use crate::vault::{Vault, Writer, maildir};

/// How to pull.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct PullOptions {
    /// Only find out what would be fetched.
    pub dry_run: bool,
    /// Every folder over IMAP, whatever the accounts say.
    pub all_folders: bool,
    /// Messages an account at most.
    pub limit: Option<u64>,
    /// Receive and compare all that is only recognised, not a share.
    pub compare_all: bool,
    /// How long to wait for another writer.
    pub lock_wait: Duration,
    /// Start a new vault where there is none.
    pub create: bool,
    /// The user and host, `user@host`, that the account had before.
    pub moved_from: Option<String>,
    /// Accounts at once.
    pub parallel: usize,
    /// Set from outside to end the run in order.
    pub stop: Arc<AtomicBool>,
}

/// What became of one account.
#[derive(Debug)]
pub struct Outcome {
    /// The account.
    pub account: String,
    /// What was archived, also if it failed in the end.
    pub report: PullReport,
    /// Why it stopped early.
    pub error: Option<Error>,
}

/// What became of a run.
#[derive(Debug)]
pub struct RunReport {
    /// Every account, in the order given.
    pub outcomes: Vec<Outcome>,
    /// Messages in the vault now.
    pub total_messages: u64,
    /// Why closed months of the ledger could not be compressed, after all mail was archived.
    pub close_error: Option<Error>,
}

/// Pulls all accounts. An error is one that concerns them all: no vault, no lock, no
/// room. What single accounts met is in the report.
pub fn pull(
    path: &Path,
    jobs: Vec<Job>,
    options: &PullOptions,
    events: Events<'_>,
) -> Result<RunReport> {
    if options.create && !options.dry_run {
        Writer::create(path)?;
    }
    let layout = Layout::new(path);
    let runner = |commit_queue| AccountRunner {
        options,
        layout: &layout,
        commit_queue,
    };
    if options.dry_run {
        let outcomes = runner(None).all(jobs, events);
        let total_messages = Vault::open(path).and_then(|v| v.count()).unwrap_or(0);
        return Ok(RunReport {
            outcomes,
            total_messages,
            close_error: None,
        });
    }
    let writer = Writer::open(path, options.lock_wait, &options.stop)?;
    let (commit_queue, committer) = commit::start(writer);
    let outcomes = runner(Some(&commit_queue)).all(jobs, events);
    drop(commit_queue);
    let mut writer = committer
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        .map_err(|error| with_amounts(error, path, &outcomes))?;
    let close_error = writer.close_months(&options.stop).err();
    Ok(RunReport {
        outcomes,
        total_messages: writer.catalog().count()?,
        close_error,
    })
}

/// Refuses an account of the configuration that the vault does not know, if the vault knows its
/// maildrop under a name that is not in the configuration: the account was renamed there, and
/// everything would be fetched into a second one.
fn refuse_renamed(job: &Job, catalog: &Catalog) -> Result<()> {
    let Job { account, names, .. } = job;
    catalog.check_not_merged(account.vault_name())?;
    if account.stored_as.is_some() || !names.is_configured(&account.name) {
        return Ok(());
    }
    let server = server_name(account);
    match catalog.known_as(&account.name, &server, &|stored| {
        names.is_configured(stored)
    })? {
        Some(stored) => Err(Error::KnownAs {
            account: account.name.clone(),
            stored,
        }),
        None => Ok(()),
    }
}

/// `user@host` of a server that the ledger knows as `user@host:port`.
fn maildrop_of(server: &str) -> &str {
    server
        .rsplit_once(':')
        .map_or(server, |(maildrop, _)| maildrop)
}

fn is_maildrop(server: &str, maildrop: &str) -> bool {
    maildrop_of(server).eq_ignore_ascii_case(maildrop)
}

/// A full disk, with how much is missing: what was wanted and is not fetched yet.
fn with_amounts(error: Error, path: &Path, outcomes: &[Outcome]) -> Error {
    match error {
        Error::NoSpace { source, .. } => Error::NoSpace {
            path: path.to_path_buf(),
            needed: Some(
                outcomes
                    .iter()
                    .map(|o| o.report.wanted_octets.saturating_sub(o.report.octets))
                    .sum(),
            ),
            free: fsx::free_space(path).ok(),
            source,
        },
        other => other,
    }
}

/// What the accounts of one run share.
#[derive(Clone, Copy)]
struct AccountRunner<'a> {
    options: &'a PullOptions,
    layout: &'a Layout,
    /// `None` in a dry run.
    commit_queue: Option<&'a CommitQueue>,
}

impl AccountRunner<'_> {
    /// Pulls some accounts side by side, the rest as they end.
    fn all(self, jobs: Vec<Job>, events: Events<'_>) -> Vec<Outcome> {
        let count = jobs.len();
        let queue: Mutex<VecDeque<(usize, Job)>> =
            Mutex::new(jobs.into_iter().enumerate().collect());
        let done: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::new());
        let events = Mutex::new(events);
        std::thread::scope(|scope| {
            for _ in 0..self.options.parallel.clamp(1, count.max(1)) {
                scope.spawn(|| {
                    loop {
                        // In the head of a loop, the lock would be held until the account is done.
                        let next = lock(&queue).pop_front();
                        let Some((n, job)) = next else {
                            break;
                        };
                        let mut emit = |event: RunEvent<'_>| lock(&events)(event);
                        let outcome = self.one(job, &mut emit);
                        lock(&done).push((n, outcome));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(n, _)| *n);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }

    fn one(self, job: Job, emit: Events<'_>) -> Outcome {
        let account = job.account.name.clone();
        let (report, error) = self
            .begin(job, emit)
            .unwrap_or_else(|error| (PullReport::default(), Some(error)));
        // What stopped the committer concerns all accounts, and is reported once, for the run.
        if !self.commit_queue.is_some_and(CommitQueue::is_stopped) {
            emit(RunEvent::Finished {
                account: &account,
                report: &report,
                error: error.as_ref(),
            });
        }
        Outcome {
            account,
            report,
            error,
        }
    }

    fn begin(self, job: Job, emit: Events<'_>) -> Result<(PullReport, Option<Error>)> {
        let catalog = match Catalog::open_to_read(&self.layout.catalog())? {
            Some(catalog) => catalog,
            // A dry run before the first pull: nothing is known yet.
            None => Catalog::temporary()?,
        };
        refuse_renamed(&job, &catalog)?;
        self.check_moved(&job.account, &catalog)?;
        // Without its key nobody could tell what was forgotten.
        TombstoneKey::load(self.layout, &catalog)?;
        let secret = job.secret?;
        if self.commit_queue.is_some() {
            maildir::create_folder(self.layout, job.account.vault_name(), "")?;
        }
        match protocol::way(&job.account, self.options.all_folders, &catalog)? {
            ProtocolChoice::Imap(imap) => Ok(self.folders(&imap, secret, &catalog, emit)),
            ProtocolChoice::Either(imap) => {
                self.maildrop(&job.account, Some(&imap), secret, &catalog, emit)
            }
            ProtocolChoice::Pop3 => self.maildrop(&job.account, None, secret, &catalog, emit),
        }
    }

    /// Pulls a maildrop over POP3, or where that is closed, the account over `imap`.
    fn maildrop(
        self,
        account: &Account,
        imap: Option<&Account>,
        secret: Secret,
        catalog: &Catalog,
        emit: Events<'_>,
    ) -> Result<(PullReport, Option<Error>)> {
        let server = endpoint(account);
        emit(RunEvent::Connecting {
            account: &account.name,
            server: &server,
        });
        let known = memory::recall(catalog, account)?;
        let stop = Arc::clone(&self.options.stop);
        let mut connector = Connector::new(account, secret.clone(), known, stop);
        connector.scram = memory::recall_scram(catalog, account)?;
        let mut first = imap.is_some().then(|| connector.open(false));
        if let (Some(imap), Some(Err(error))) = (imap, &first)
            && protocol::is_closed(error)
        {
            emit(RunEvent::Notice {
                account: &account.name,
                notice: Notice::OverImap { error },
            });
            let (report, error) = self.folders(imap, secret, catalog, emit);
            if error.is_none() {
                self.remember(vec![protocol::remember(account)]);
            }
            return Ok((report, error));
        }
        let task = self.task(account, Proto::Pop3, catalog);
        let mut connect = |reduce_pipelining| {
            // The session before may have learned it.
            connector.dialect.doubled = memory::doubles(catalog, account)?;
            first
                .take()
                .unwrap_or_else(|| connector.open(reduce_pipelining))
        };
        let done = super::account(&task, catalog, self.commit_queue, &mut connect, emit);
        self.remember(memory::learned(account, known, connector.dialect));
        self.remember(memory::learned_scram(account, &connector.scram));
        Ok(done)
    }

    /// Pulls the folders of an IMAP account.
    fn folders(
        self,
        account: &Account,
        secret: Secret,
        catalog: &Catalog,
        emit: Events<'_>,
    ) -> (PullReport, Option<Error>) {
        emit(RunEvent::Connecting {
            account: &account.name,
            server: &endpoint(account),
        });
        let stop = Arc::clone(&self.options.stop);
        let mut connector = Connector::new(account, secret, Dialect::default(), stop);
        // Without it SCRAM is tried once more.
        connector.scram = memory::recall_scram(catalog, account).unwrap_or_default();
        let task = self.task(account, Proto::Imap, catalog);
        let folders = AccountFolders {
            account,
            server: &task.route.server,
            layout: self.layout,
            dry_run: self.options.dry_run,
            // A limit counts messages, and only one connection can count them.
            connections: match self.options.limit {
                None if !self.options.dry_run => account.connections,
                _ => 1,
            },
            alone: AtomicBool::new(false),
        };
        let done = super::sessions(&task, catalog, self.commit_queue, emit, &mut |run, _| {
            folders.session(run, &connector)
        });
        self.remember(memory::learned_scram(account, &connector.scram));
        done
    }

    /// Refuses to look for old names at a server from which the vault has nothing.
    fn check_moved(self, account: &Account, catalog: &Catalog) -> Result<()> {
        let Some(from) = &self.options.moved_from else {
            return Ok(());
        };
        let known = catalog.servers(account.vault_name())?;
        if known.iter().any(|server| is_maildrop(server, from)) {
            return Ok(());
        }
        Err(Error::NeverAt {
            account: account.name.clone(),
            from: from.clone(),
            known: known
                .iter()
                .map(|server| maildrop_of(server).to_owned())
                .collect(),
        })
    }

    /// The servers that an account had before.
    fn moved_from(self, account: &Account, catalog: &Catalog) -> Vec<String> {
        let Some(from) = &self.options.moved_from else {
            return Vec::new();
        };
        // That they can be read was found out before.
        let mut known = catalog.servers(account.vault_name()).unwrap_or_default();
        known.retain(|server| is_maildrop(server, from) && *server != server_name(account));
        known
    }

    /// Notes what was learned of a server: only a shortcut for the next run.
    fn remember(self, learned: Vec<LedgerEvent>) {
        if let (Some(commit_queue), false) = (self.commit_queue, learned.is_empty()) {
            let _ = commit_queue.order(CommitRequest::Record(learned));
        }
    }

    fn task<'t>(&'t self, account: &'t Account, proto: Proto, catalog: &Catalog) -> PullTask<'t> {
        PullTask {
            moved_from: self.moved_from(account, catalog),
            name: &account.name,
            proto,
            route: Arc::new(Route {
                account: account.vault_name().to_owned(),
                server: server_name(account),
                dir: None,
                policy: match account.dedupe {
                    Dedupe::MessageId => Policy::MessageId,
                    Dedupe::Exact => Policy::Exact,
                },
            }),
            layout: self.layout,
            level: account.zstd_level,
            workers: std::thread::available_parallelism().map_or(1, |n| n.get().min(2)),
            connections: 1,
            retries: account.retries,
            limit: self.options.limit,
            dry_run: self.options.dry_run,
            recognise: match account.recognise {
                Recognise::Never => Recognition::Renumbered,
                Recognise::Header => Recognition::Always,
            },
            compare_all: self.options.compare_all,
            accept_refused: &account.accept_refused,
            stop: &self.options.stop,
        }
    }
}
