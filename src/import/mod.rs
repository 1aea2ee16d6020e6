//! Mail into the vault from files: Maildirs, mbox files, folders of `.eml` files, trees of
//! all of them, and other vaults.
//!
//! The caller's thread looks for messages; workers read, compare and compress them; the
//! committer, which is that of `pull`, makes them durable and decides what is a duplicate.
//! Nothing in the source is changed. A message that has line ends as CR LF anywhere is taken
//! to the byte; one with LF alone gets CR LF, as a server would have sent it, unless its
//! file's name holds the id of its very bytes.

mod earlier;
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
mod sorted;
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
use crate::vault::catalog::ImportCache;
use crate::vault::layout::{Layout, is_account};
use routes::Routes;
use tree::SourceTree;
use work::Worker;

use earlier::{EarlierImports, UnchangedFile};
use find::Found;
use folder::{Kind, SourceFolder};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use labels::assert_any_labels;

/// Under this name the progress of an import goes.
const LABEL: &str = "import";
/// How often progress is reported.
const TELL: Duration = Duration::from_millis(100);
/// Handfuls of messages that wait for a worker.
const QUEUE: usize = 8;
/// A handful ends at this many messages, or this many octets of them: to pass on each by itself,
/// and to ask the catalog about each in a transaction of its own, costs more than small messages do.
const HANDFUL: usize = 64;
const HANDFUL_OCTETS: u64 = 256 << 10;

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
    /// Read files again that have not changed since the last import, too.
    pub read_all: bool,
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
    /// Messages found.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
    /// Messages stored; in a dry run, those that would be, duplicates among them.
    pub new: u64,
    /// Messages that the vault has, perhaps in another folder.
    pub duplicates: u64,
    /// Messages that were forgotten on purpose, and so are not stored.
    pub forgotten: u64,
    /// Messages in files that were not read, since they have not changed and the vault has what
    /// they held.
    pub unchanged: u64,
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
    emit(RunEvent::Progress {
        account: LABEL,
        messages: 0,
        octets: 0,
    });
    let mut tree = SourceTree::new(source, options);
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
    // How many messages an mbox file has, and what those of a Maildir take, is known once they were
    // read.
    if !spots.iter().any(|spot| spot.kind == Kind::Maildir) {
        emit(RunEvent::Listed {
            account: LABEL,
            listed: 0,
            wanted: 0,
            wanted_octets: spots.iter().map(|spot| spot.octets).sum(),
        });
    }
    if options.dry_run {
        let from = (source.as_path(), tree);
        return work(&layout, from, &spots, options, None, emit).map(|(report, _)| report);
    }
    let writer = Writer::open(path, options.lock_wait, &options.stop)?;
    if let Some(name) = &options.account {
        writer.catalog().check_not_merged(name)?;
    }
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
    let mut writer = written?;
    let (mut report, _) = worked?;
    writer.close_months(&options.stop)?;
    for tally in tallies {
        report.new += tally.new;
        report.duplicates += tally.duplicates;
        report.forgotten += tally.forgotten;
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
    let (send, queue) = sync_channel::<Vec<Found>>(QUEUE);
    let queue = Mutex::new(queue);
    let routes = Routes::new(layout, options);
    let shared = Shared {
        layout,
        options,
        routes: &routes,
        commit_queue,
        octets: AtomicU64::new(0),
        messages: AtomicU64::new(0),
        counted: AtomicU64::new(0),
        cache: match commit_queue {
            Some(_) => Some(Mutex::new(ImportCache::open(&layout.imports())?)),
            None => None,
        },
    };
    let maildirs = find::maildirs(spots);
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
        if let Some(dirs) = &maildirs {
            let shared = &shared;
            scope.spawn(move || shared.count(dirs));
        }
        let mut progress = || shared.emit(emit);
        let from = (source, &mut tree);
        let mut handful = Handful::default();
        let found = search(from, spots, &shared, &mut |found| {
            if let Some(full) = handful.add(found) {
                progress();
                let _ = send.send(full);
            }
        });
        let _ = send.send(handful.found);
        drop(send);
        let (mut report, mut failed) = (ImportReport::default(), None);
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
        add(&mut report, found?);
        if let Some(cache) = &shared.cache {
            lock(cache).commit()?;
        }
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
    report.forgotten += part.forgotten;
    report.unchanged += part.unchanged;
    report.labelled += part.labelled;
    report.further_folders += part.further_folders;
    report.unread.extend(part.unread);
}

/// Hands every message of every spot to `each`; gives what is said of the others.
fn search(
    (source, tree): (&Path, &mut SourceTree),
    spots: &[SourceFolder],
    shared: &Shared<'_>,
    each: &mut dyn FnMut(Found),
) -> Result<ImportReport> {
    let options = shared.options;
    let mut report = ImportReport::default();
    let mut earlier = EarlierImports::open(shared.layout, options.read_all)?;
    for spot in spots {
        let route = shared.routes.of(spot)?;
        let mbox = find::mbox_record(spot, tree)?;
        if let Some(file) = &mbox
            && let Some(unchanged) = earlier.unchanged_mbox(file, &route)?
        {
            shared.skip(&mut report, unchanged, spot.octets);
            continue;
        }
        let (mut messages, unread) = (0, report.unread.len());
        let mut take = |mut found: Found| {
            messages += 1;
            found.route = Some(Arc::clone(&route));
            if found.record.is_none() {
                found.record.clone_from(&mbox);
            }
            each(found);
        };
        let from = (source, &mut *tree);
        find::messages(spot, from, &options.stop, &mut report.unread, &mut take)?;
        let whole = report.unread.len() == unread && !options.stop.load(Ordering::Relaxed);
        if let (Some(file), Some(cache), true) = (&mbox, &shared.cache, whole) {
            file.expect(cache, messages)?;
        }
    }
    Ok(report)
}

/// Messages that go to one worker.
#[derive(Debug, Default)]
struct Handful {
    found: Vec<Found>,
    octets: u64,
}

impl Handful {
    /// Adds a message; gives all of them once they are enough.
    fn add(&mut self, found: Found) -> Option<Vec<Found>> {
        self.octets += found.octets;
        self.found.push(found);
        let full = self.found.len() >= HANDFUL || self.octets >= HANDFUL_OCTETS;
        full.then(|| std::mem::take(self).found)
    }
}

fn next(queue: &Mutex<Receiver<Vec<Found>>>) -> Option<Vec<Found>> {
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
    /// Messages in all, once they are counted and until that is told.
    counted: AtomicU64,
    /// What is read is remembered there, unless nothing is to be written.
    cache: Option<Mutex<ImportCache>>,
}

impl Shared<'_> {
    fn emit(&self, emit: &mut dyn FnMut(RunEvent<'_>)) {
        let messages = self.messages.load(Ordering::Relaxed);
        emit(RunEvent::Progress {
            account: LABEL,
            messages,
            octets: self.octets.load(Ordering::Relaxed),
        });
        let counted = self.counted.swap(0, Ordering::Relaxed);
        if counted > 0 {
            emit(RunEvent::Listed {
                account: LABEL,
                listed: counted,
                wanted: counted.saturating_sub(messages),
                wanted_octets: 0,
            });
        }
    }

    /// Counts the names in directories, while the first messages are read.
    fn count(&self, dirs: &[PathBuf]) {
        let mut count = 0;
        for dir in dirs {
            let counted = fsx::for_each_entry(dir, &mut |name, _| {
                count += u64::from(!name.as_encoded_bytes().starts_with(b"."));
                if self.options.stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                Ok(())
            });
            // Who reads the directory will tell what is wrong with it.
            if counted.is_err() {
                return;
            }
        }
        self.counted.store(count, Ordering::Relaxed);
    }

    fn worker(&self, queue: &Mutex<Receiver<Vec<Found>>>) -> Result<ImportReport> {
        let earlier = EarlierImports::open(self.layout, self.options.read_all)?;
        let mut worker = Worker::new(self, earlier);
        while let Some(handful) = next(queue) {
            worker.take_all(&handful)?;
        }
        Ok(worker.report)
    }

    /// Counts what is not read.
    fn skip(&self, report: &mut ImportReport, unchanged: UnchangedFile, octets: u64) {
        report.messages += unchanged.messages;
        report.octets += unchanged.octets;
        report.unchanged += unchanged.messages;
        self.octets.fetch_add(octets, Ordering::Relaxed);
        self.messages
            .fetch_add(unchanged.messages, Ordering::Relaxed);
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
