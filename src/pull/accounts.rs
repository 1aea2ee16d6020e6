//! Runs accounts side by side over one vault, and adds up what came of it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
use crate::pull::{self, PullTask};
use crate::vault::catalog::Catalog;
use crate::vault::layout::Layout;
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
    if options.dry_run {
        let outcomes = run_all(jobs, options, events, &layout, None);
        let total_messages = Vault::open(path).and_then(|v| v.count()).unwrap_or(0);
        return Ok(RunReport {
            outcomes,
            total_messages,
        });
    }
    let writer = Writer::open(path, options.lock_wait, &options.stop)?;
    for job in &jobs {
        maildir::create_folder(&layout, &job.account.name, "")?;
    }
    let (commit_queue, committer) = commit::start(writer);
    let outcomes = run_all(jobs, options, events, &layout, Some(&commit_queue));
    drop(commit_queue);
    let writer = committer
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        .map_err(|error| with_amounts(error, path, &outcomes))?;
    Ok(RunReport {
        outcomes,
        total_messages: writer.catalog().count()?,
    })
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

fn run_all(
    jobs: Vec<Job>,
    options: &PullOptions,
    events: Events<'_>,
    layout: &Layout,
    commit_queue: Option<&CommitQueue>,
) -> Vec<Outcome> {
    let count = jobs.len();
    let queue: Mutex<VecDeque<(usize, Job)>> = Mutex::new(jobs.into_iter().enumerate().collect());
    let done: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::new());
    let events = Mutex::new(events);
    std::thread::scope(|scope| {
        for _ in 0..options.parallel.clamp(1, count.max(1)) {
            scope.spawn(|| {
                while let Some((n, job)) = lock(&queue).pop_front() {
                    let mut emit = |event: RunEvent<'_>| lock(&events)(event);
                    let outcome = run_one(job, options, layout, commit_queue, &mut emit);
                    lock(&done).push((n, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn run_one(
    job: Job,
    options: &PullOptions,
    layout: &Layout,
    commit_queue: Option<&CommitQueue>,
    emit: Events<'_>,
) -> Outcome {
    let name = job.account.name.clone();
    let (report, error) = match begin(job, layout) {
        Ok((account, secret, catalog)) => pull_one(
            &account,
            secret,
            &catalog,
            options,
            layout,
            commit_queue,
            emit,
        ),
        Err(error) => {
            let report = PullReport::default();
            emit(RunEvent::Finished {
                account: &name,
                report: &report,
                error: Some(&error),
            });
            (report, Some(error))
        }
    };
    Outcome {
        account: name,
        report,
        error,
    }
}

fn begin(job: Job, layout: &Layout) -> Result<(Account, Secret, Catalog)> {
    let secret = job.secret?;
    let catalog = match Catalog::open_to_read(&layout.catalog())? {
        Some(catalog) => catalog,
        // A dry run before the first pull: nothing is known yet.
        None => Catalog::temporary()?,
    };
    Ok((job.account, secret, catalog))
}

fn pull_one(
    account: &Account,
    secret: Secret,
    catalog: &Catalog,
    options: &PullOptions,
    layout: &Layout,
    commit_queue: Option<&CommitQueue>,
    emit: Events<'_>,
) -> (PullReport, Option<Error>) {
    let failed = |error| (PullReport::default(), Some(error));
    let way = match protocol::way(account, options.all_folders, catalog) {
        Ok(way) => way,
        Err(error) => return failed(error),
    };
    let over_imap = |imap: &Account, secret, emit: Events<'_>| {
        pull_folders(imap, secret, catalog, options, layout, commit_queue, emit)
    };
    let imap = match way {
        ProtocolChoice::Imap(imap) => return over_imap(&imap, secret, emit),
        ProtocolChoice::Either(imap) => Some(imap),
        ProtocolChoice::Pop3 => None,
    };
    let server = endpoint(account);
    emit(RunEvent::Connecting {
        account: &account.name,
        server: &server,
    });
    let known = match memory::recall(catalog, account) {
        Ok(dialect) => dialect,
        Err(error) => return failed(error),
    };
    let stop = Arc::clone(&options.stop);
    let mut connector = Connector::new(account, secret.clone(), known, stop);
    let mut first = imap.is_some().then(|| connector.open(false));
    if let (Some(imap), Some(Err(error))) = (imap, &first)
        && protocol::is_closed(error)
    {
        emit(RunEvent::Notice {
            account: &account.name,
            notice: Notice::OverImap { error },
        });
        let (report, error) = over_imap(&imap, secret, emit);
        if let (Some(commit_queue), None) = (commit_queue, &error) {
            // Only a shortcut for the next run.
            let _ = commit_queue.order(CommitRequest::Record(vec![protocol::remember(account)]));
        }
        return (report, error);
    }
    let task = task(account, options, layout);
    let mut connect = |reduce_pipelining| {
        // The session before may have learned it.
        connector.dialect.doubled = memory::doubles(catalog, account)?;
        first
            .take()
            .unwrap_or_else(|| connector.open(reduce_pipelining))
    };
    let (report, error) = pull::account(&task, catalog, commit_queue, &mut connect, emit);
    let learned = memory::learned(account, known, connector.dialect);
    if let (Some(commit_queue), false) = (commit_queue, learned.is_empty()) {
        // Only a shortcut for the next run.
        let _ = commit_queue.order(CommitRequest::Record(learned));
    }
    (report, error)
}

/// Pulls the folders of an IMAP account.
fn pull_folders(
    account: &Account,
    secret: Secret,
    catalog: &Catalog,
    options: &PullOptions,
    layout: &Layout,
    commit_queue: Option<&CommitQueue>,
    emit: Events<'_>,
) -> (PullReport, Option<Error>) {
    emit(RunEvent::Connecting {
        account: &account.name,
        server: &endpoint(account),
    });
    let stop = Arc::clone(&options.stop);
    let connector = Connector::new(account, secret, Dialect::default(), stop);
    let task = task(account, options, layout);
    let mirror = AccountFolders {
        account,
        server: &task.route.server,
        layout,
        dry_run: options.dry_run,
        // A limit counts messages, and only one connection can count them.
        connections: match options.limit {
            None if !options.dry_run => account.connections,
            _ => 1,
        },
        alone: AtomicBool::new(false),
    };
    pull::sessions(&task, catalog, commit_queue, emit, &mut |run, _| {
        mirror.session(run, &connector)
    })
}

fn task<'a>(account: &'a Account, options: &'a PullOptions, layout: &'a Layout) -> PullTask<'a> {
    PullTask {
        route: Arc::new(Route {
            account: account.name.clone(),
            server: server_name(account),
            dir: None,
            policy: match account.dedupe {
                Dedupe::MessageId => Policy::MessageId,
                Dedupe::Exact => Policy::Exact,
            },
        }),
        layout,
        level: account.zstd_level,
        workers: std::thread::available_parallelism().map_or(1, |n| n.get().min(2)),
        retries: account.retries,
        limit: options.limit,
        dry_run: options.dry_run,
        recognise: match account.recognise {
            Recognise::Never => Recognition::Renumbered,
            Recognise::Header => Recognition::Always,
        },
        compare_all: options.compare_all,
        accept_refused: &account.accept_refused,
        stop: &options.stop,
    }
}
