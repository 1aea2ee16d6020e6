//! Mail into the vault from files: Maildirs, mbox files, folders of `.eml` files, trees of
//! all of them, and other vaults.
//!
//! The caller's thread looks for messages; workers read, compare and compress them; the
//! committer, which is that of `pull`, makes them durable and decides what is a duplicate.
//! Nothing in the source is changed. A message that has line ends as CR LF anywhere is taken
//! to the byte; one with LF alone gets CR LF, as a server would have sent it, unless its
//! file's name holds the id of its very bytes.

mod emlx;
mod exported;
mod find;
mod folder;
mod form;
mod labels;
mod mbox;
mod names;
mod read;
mod routes;
mod tree;
mod walk;
mod work;
mod written;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::archive::commit::{self, CommitQueue};
use crate::archive::dedupe::Policy;
use crate::base::account_name::AccountNames;
use crate::base::error::{Error, Result};
use crate::base::event::RunEvent;
use crate::base::fsx;
use crate::base::sync::lock;
use crate::mail::message::Hash128;
use crate::vault::Writer;
use crate::vault::catalog::Catalog;
use crate::vault::layout::{Layout, is_account};
use read::Whole;
use routes::Routes;
use tree::SourceTree;
use work::Worker;

use find::Found;
use folder::SourceFolder;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use labels::assert_any_labels;

/// Under this name the progress of an import goes.
const LABEL: &str = "import";
/// How often progress is reported.
const TELL: Duration = Duration::from_millis(100);
/// Messages that wait for a worker.
const QUEUE: usize = 256;

/// How to read mbox files.
#[derive(Debug, Clone, Copy)]
pub struct MboxOptions {
    /// Lines with several `>` were never quoted.
    pub mboxo: bool,
    /// The labels that Google Takeout writes are folders and flags.
    pub labels: bool,
}

/// How to import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The account; a vault's messages stay in theirs without one.
    pub account: Option<String>,
    /// What the accounts of the configuration are called.
    pub names: AccountNames,
    /// The folder that takes the source's inbox, and the others below it.
    pub into: Option<String>,
    /// When two messages count as one.
    pub policy: Policy,
    /// The zstd level.
    pub level: i32,
    /// How to read mbox files.
    pub mbox: MboxOptions,
    /// Only find out what is new.
    pub dry_run: bool,
    /// Start a new vault where there is none.
    pub create: bool,
    /// How long to wait for another writer.
    pub lock_wait: Duration,
    /// Set from outside to end the run in order.
    pub stop: Arc<AtomicBool>,
}

/// A file or message that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The file, with the place in it where it holds several messages.
    pub place: String,
    /// Why.
    pub reason: String,
}

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Messages read.
    pub messages: u64,
    /// Octets read.
    pub octets: u64,
    /// Messages stored; in a dry run, those that would be, duplicates among them.
    pub new: u64,
    /// Messages that the vault has, perhaps in another folder.
    pub duplicates: u64,
    /// Messages whose folders and flags are those of their Gmail labels.
    pub labelled: u64,
    /// Folders that they have beyond the first.
    pub(crate) further_folders: u64,
    /// Bytes that the new ones take on disk.
    pub stored: u64,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// What was not looked at: links that lead out of the source, and what is no file.
    pub skipped: Vec<Unread>,
}

/// Imports all mail of `source` into the vault at `path`.
pub fn run(
    path: &Path,
    source: &Path,
    options: &ImportOptions,
    emit: &mut dyn FnMut(RunEvent<'_>),
) -> Result<ImportReport> {
    // Source and vault may be links; below them only what stays in the source is read.
    let source = &fsx::resolve(source);
    if same(path, source) {
        return Err(find::unfit(source, "it is this vault itself"));
    }
    if let Some(name) = options.account.as_deref().filter(|name| !is_account(name)) {
        return Err(find::unfit(
            source,
            &format!("no account can be called \"{name}\""),
        ));
    }
    let mut tree = SourceTree::new(source);
    let spots = find::spots(source, &mut tree)?;
    if options.account.is_none() && spots.iter().any(|spot| spot.account.is_none()) {
        return Err(Error::Unfit {
            doing: "import",
            path: source.clone(),
            reason: "it does not name the account that its mail belongs to".to_owned(),
            hint: Some("name a new or existing account: --account work".to_owned()),
        });
    }
    if options.create && !options.dry_run {
        Writer::create(path)?;
    }
    let layout = Layout::new(path);
    let wanted_octets = spots.iter().map(|spot| spot.octets).sum();
    emit(RunEvent::Listed {
        account: LABEL,
        listed: 0,
        // How many messages an mbox file has is known once it was read.
        wanted: 0,
        wanted_octets,
    });
    if options.dry_run {
        let from = (source.as_path(), tree);
        return work(&layout, from, &spots, options, None, emit).map(|(report, _)| report);
    }
    let writer = Writer::open(path, options.lock_wait, &options.stop)?;
    let (commit_queue, committer) = commit::start(writer);
    let from = (source.as_path(), tree);
    let worked = work(&layout, from, &spots, options, Some(&commit_queue), emit);
    let mut tallies = Vec::new();
    if let Ok((_, accounts)) = &worked {
        tallies.extend(
            accounts
                .iter()
                .filter_map(|account| commit_queue.flush(account)),
        );
    }
    drop(commit_queue);
    let written = committer
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    // What stopped the committer is why the rest stopped.
    written?;
    let (mut report, _) = worked?;
    for tally in tallies {
        report.new += tally.new;
        report.duplicates += tally.duplicates;
        report.stored += tally.stored;
    }
    // A message in several folders is stored once, and no duplicate in the others.
    report.duplicates = report.duplicates.saturating_sub(report.further_folders);
    Ok(report)
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Reads everything; gives the accounts that got some as well.
fn work(
    layout: &Layout,
    (source, mut tree): (&Path, SourceTree),
    spots: &[SourceFolder],
    options: &ImportOptions,
    commit_queue: Option<&CommitQueue>,
    emit: &mut dyn FnMut(RunEvent<'_>),
) -> Result<(ImportReport, Vec<String>)> {
    let (send, queue) = sync_channel::<Found>(QUEUE);
    let queue = Mutex::new(queue);
    let routes = Routes::new(layout, options);
    let shared = Shared {
        layout,
        options,
        routes: &routes,
        commit_queue,
        octets: AtomicU64::new(0),
        messages: AtomicU64::new(0),
    };
    let outcome = std::thread::scope(|scope| {
        let (done, results) = sync_channel(4);
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get().min(2)) {
            let (queue, shared, done) = (&queue, &shared, done.clone());
            scope.spawn(move || {
                let worked = shared.worker(queue);
                if worked.is_err() {
                    // Ends the search, which may wait for room in the queue.
                    shared.options.stop.store(true, Ordering::Relaxed);
                    while next(queue).is_some() {}
                }
                let _ = done.send(worked);
            });
        }
        drop(done);
        let mut progress = || shared.emit(emit);
        let from = (source, &mut tree);
        let found = search(from, spots, options, &routes, &mut |found| {
            progress();
            let _ = send.send(found);
        });
        drop(send);
        let mut report = ImportReport::default();
        let mut failed = None;
        loop {
            match results.recv_timeout(TELL) {
                Ok(Ok(part)) => add(&mut report, part),
                Ok(Err(error)) => failed = failed.or(Some(error)),
                Err(RecvTimeoutError::Timeout) => shared.emit(emit),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        report.unread.extend(found?);
        Ok(report)
    });
    let mut report = outcome?;
    report.skipped = tree.skipped();
    if options.stop.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    Ok((report, routes.into_accounts()))
}

fn add(report: &mut ImportReport, part: ImportReport) {
    report.messages += part.messages;
    report.octets += part.octets;
    report.new += part.new;
    report.duplicates += part.duplicates;
    report.labelled += part.labelled;
    report.further_folders += part.further_folders;
    report.unread.extend(part.unread);
}

/// Hands every message of every spot to `each`.
fn search(
    (source, tree): (&Path, &mut SourceTree),
    spots: &[SourceFolder],
    options: &ImportOptions,
    routes: &Routes<'_>,
    each: &mut dyn FnMut(Found),
) -> Result<Vec<Unread>> {
    let mut unread = Vec::new();
    for spot in spots {
        let route = routes.of(spot)?;
        find::messages(
            spot,
            (source, &mut *tree),
            &options.stop,
            &mut unread,
            &mut |mut found| {
                found.route = Some(Arc::clone(&route));
                each(found);
            },
        )?;
    }
    Ok(unread)
}

fn next(queue: &Mutex<Receiver<Found>>) -> Option<Found> {
    let queue = lock(queue);
    queue.recv().ok()
}

/// What workers have in common.
struct Shared<'a> {
    layout: &'a Layout,
    options: &'a ImportOptions,
    routes: &'a Routes<'a>,
    commit_queue: Option<&'a CommitQueue>,
    octets: AtomicU64,
    messages: AtomicU64,
}

impl Shared<'_> {
    fn emit(&self, emit: &mut dyn FnMut(RunEvent<'_>)) {
        emit(RunEvent::Progress {
            account: LABEL,
            messages: self.messages.load(Ordering::Relaxed),
            octets: self.octets.load(Ordering::Relaxed),
        });
    }

    fn worker(&self, queue: &Mutex<Receiver<Found>>) -> Result<ImportReport> {
        let catalog = match Catalog::open_to_read(&self.layout.catalog())? {
            Some(catalog) => catalog,
            None => Catalog::temporary()?,
        };
        let mut worker = Worker {
            shared: self,
            catalog,
            packer: None,
            report: ImportReport::default(),
            whole: Whole::default(),
        };
        while let Some(found) = next(queue) {
            if self.options.stop.load(Ordering::Relaxed) {
                continue;
            }
            let Some(route) = found.route.clone() else {
                continue;
            };
            match worker.take(&found, &route) {
                Ok(()) => {}
                Err(error) if is_of_source(&error, &found.path) => {
                    worker.report.unread.push(Unread {
                        place: found.place(),
                        reason: reason(&error),
                    });
                }
                Err(error) => return Err(error),
            }
            self.octets.fetch_add(found.octets, Ordering::Relaxed);
            self.messages.fetch_add(1, Ordering::Relaxed);
        }
        Ok(worker.report)
    }
}

/// Why a message of the source could not be read.
fn reason(error: &Error) -> String {
    match error {
        Error::File { source, .. } => crate::base::error::words(source),
        Error::Strange { what, .. } => format!("it is {what}"),
        Error::Damaged { detail, .. } => detail.clone(),
        other => other.to_string(),
    }
}

/// True if this is about a file that is imported, and not about the vault.
fn is_of_source(error: &Error, path: &Path) -> bool {
    matches!(
        error,
        Error::File { path: of, .. }
        | Error::Damaged { path: of, .. }
        | Error::Strange { path: of, .. } if of == path
    )
}

/// The id that a file's name holds, if it holds one.
fn id_in(name: &str) -> Option<Hash128> {
    name.split(['.', ',', ':', ' ']).find_map(Hash128::parse)
}

/// A path relative to a root, in words.
fn shown(path: &Path, root: &Path) -> PathBuf {
    path.strip_prefix(root)
        .ok()
        .filter(|rest| !rest.as_os_str().is_empty())
        .unwrap_or(path)
        .to_path_buf()
}
