//! The one committer of a process.
//!
//! Accounts hand it finished files under `tmp`; it decides what is a duplicate,
//! against the catalog and the open batch, and makes whole batches durable: data,
//! names, directories, ledger, catalog, in this order (`docs/FORMAT.md`, "Writing").
//! A message counts as archived only once its batch has gone through.

mod links;
mod marks;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::archive::dedupe::{self, Policy};
use crate::base::error::{Error, Result};
use crate::base::fsx::{self, StagedFile, Staging};
use crate::mail::message::Hash128;
use crate::mail::source::{ObjectId, Uid};
use crate::vault::layout::FileName;
use crate::vault::ledger::{Evidence, Identity, LedgerEvent, Seen};
use crate::vault::maildir::{self, Packed, Placed};
use crate::vault::{Writer, frame};

/// A batch ends at this many messages, this many bytes of content, or this long after its
/// first message: what is lost and fetched again after a crash.
const BATCH_MESSAGES: usize = 1_024;
const BATCH_BYTES: u64 = 32 << 20;
const BATCH_AGE: Duration = Duration::from_secs(1);
/// The catalog's transaction ends after this many batches; the ledger covers what
/// it lacks.
const BATCHES_A_TRANSACTION: u32 = 4;
/// Room that is left on the disk for others.
const SPARE_BYTES: u64 = 64 << 20;

pub(crate) use links::Link;
pub(crate) use marks::FlagChange;

/// Where messages of one maildrop or mailbox go.
#[derive(Debug, Clone)]
pub struct Route {
    /// The account.
    pub account: String,
    /// `user@host:port`.
    pub server: String,
    /// The folder's directory; `None` for POP3.
    pub dir: Option<String>,
    /// When two messages count as one.
    pub policy: Policy,
}

/// A message that was received and written under `tmp`.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// Where it belongs.
    pub(crate) route: Arc<Route>,
    /// The server's name for it.
    pub(crate) uid: Uid,
    /// The size that the server lists.
    pub(crate) octets: Option<u64>,
    /// The file.
    pub(crate) packed: Packed,
    /// Flag letters, sorted.
    pub(crate) flags: String,
    /// INTERNALDATE or what else says when it was received, in Unix seconds.
    pub(crate) idate: Option<i64>,
    /// Flags without a letter, sorted, separated by spaces.
    pub(crate) kw: String,
    /// How it is known that this is the message.
    pub(crate) evidence: Evidence,
    /// By what the server knows its copies.
    pub(crate) object: Option<ObjectId>,
}

/// What became of an account's messages so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Stored.
    pub(crate) new: u64,
    /// Known already.
    pub(crate) duplicates: u64,
    /// Recognised without fetching them.
    pub(crate) linked: u64,
    /// Received and not stored, since they were forgotten on purpose.
    pub(crate) forgotten: u64,
    /// Bytes that the new ones take on disk.
    pub(crate) stored: u64,
    /// Ids of messages whose damaged file was replaced.
    pub(crate) replaced: Vec<String>,
}

/// What the committer is asked.
#[derive(Debug)]
pub(crate) enum CommitRequest {
    /// Archive a message.
    Deliver(Box<Delivery>),
    /// Take stored messages for messages of a server, and tell of each whether its file
    /// is as it was.
    Link(Arc<Route>, Vec<Link>, Sender<Vec<bool>>),
    /// Take over changed flags.
    Flags(Vec<FlagChange>),
    /// Write events that belong after everything delivered so far.
    Record(Vec<LedgerEvent>),
    /// Make everything durable now and report the state of the account.
    Flush(String, Sender<Tally>),
    /// Somebody could not write: stop.
    Fail(Error),
}

/// The accounts' side of the committer.
#[derive(Debug, Clone)]
pub struct CommitQueue {
    orders: SyncSender<CommitRequest>,
    stopped: Arc<AtomicBool>,
    staging: Staging,
}

impl CommitQueue {
    /// Makes the files that are handed in.
    pub(crate) fn staging(&self) -> &Staging {
        &self.staging
    }

    /// Hands in an order; false if the committer has stopped.
    #[must_use]
    pub(crate) fn order(&self, order: CommitRequest) -> bool {
        !self.is_stopped() && self.orders.send(order).is_ok()
    }

    /// Waits until everything handed in by this account is durable; `None` if the
    /// committer has stopped.
    #[must_use]
    pub(crate) fn flush(&self, account: &str) -> Option<Tally> {
        let (tell, told) = std::sync::mpsc::channel();
        if !self.order(CommitRequest::Flush(account.to_owned(), tell)) {
            return None;
        }
        let tally = told.recv().ok();
        if tally.is_none() {
            // It fails before it says so, and whoever asks next shall know.
            self.stopped.store(true, Ordering::Relaxed);
        }
        tally
    }

    /// True once a failure has ended all writing.
    #[must_use]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Starts the committer. It ends when every desk is dropped, and gives the writer
/// back, or what went wrong.
#[must_use]
pub fn start(writer: Writer) -> (CommitQueue, JoinHandle<Result<Writer>>) {
    // One more batch may wait while one is made durable.
    let (orders, inbox) = sync_channel(BATCH_MESSAGES);
    let stopped = Arc::new(AtomicBool::new(false));
    let commit_queue = CommitQueue {
        orders,
        stopped: Arc::clone(&stopped),
        staging: writer.staging().clone(),
    };
    let handle = std::thread::spawn(move || {
        let mut committer = Committer {
            writer,
            batch: Vec::new(),
            bytes: 0,
            began: Instant::now(),
            closed: 0,
            tallies: HashMap::new(),
        };
        match committer.run(&inbox) {
            Ok(()) => Ok(committer.writer),
            Err(e) => {
                stopped.store(true, Ordering::Relaxed);
                Err(e)
            }
        }
    });
    (commit_queue, handle)
}

#[derive(Debug)]
struct Committer {
    writer: Writer,
    batch: Vec<Delivery>,
    bytes: u64,
    began: Instant,
    closed: u32,
    tallies: HashMap<String, Tally>,
}

/// Where the bytes of a message of the batch come from.
enum Placement {
    /// Its own file, which gets a name.
    Own,
    /// A message before it in the batch.
    Earlier(usize),
    /// A stored file, checked just now, and the flags that the message's own folder has it
    /// with, if it has it.
    Stored(FileName, u64, PathBuf, Option<String>),
    /// Nowhere: it was removed from the vault on purpose. Its name gets no tombstone: the server
    /// may have answered with another message than it was asked for.
    Forgotten,
}

impl Placement {
    /// Whether the message may get a name that is not there yet.
    fn gives_name(&self) -> bool {
        !matches!(self, Self::Stored(.., Some(_)) | Self::Forgotten)
    }
}

impl Committer {
    fn run(&mut self, inbox: &Receiver<CommitRequest>) -> Result<()> {
        loop {
            let order = if self.batch.is_empty() {
                inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                let left = BATCH_AGE.saturating_sub(self.began.elapsed());
                inbox.recv_timeout(left)
            };
            match order {
                Ok(CommitRequest::Deliver(delivery)) => self.take(*delivery)?,
                Ok(CommitRequest::Link(route, links, tell)) => {
                    self.close()?;
                    // Whoever asked may have given up waiting.
                    let _ = tell.send(self.link(&route, links)?);
                }
                Ok(CommitRequest::Flags(changes)) => {
                    self.close()?;
                    self.change_flags(changes)?;
                }
                Ok(CommitRequest::Record(events)) => {
                    self.close()?;
                    self.writer.record(&events)?;
                }
                Ok(CommitRequest::Flush(account, tell)) => {
                    self.close()?;
                    self.writer.publish()?;
                    let tally = self.tallies.get(&account).cloned().unwrap_or_default();
                    // Whoever asked may have given up waiting.
                    let _ = tell.send(tally);
                }
                Ok(CommitRequest::Fail(error)) => {
                    // What was received whole may still find room.
                    let _ = self.close();
                    return Err(error);
                }
                Err(RecvTimeoutError::Timeout) => self.close()?,
                Err(RecvTimeoutError::Disconnected) => {
                    self.close()?;
                    return self.writer.publish();
                }
            }
        }
    }

    fn take(&mut self, delivery: Delivery) -> Result<()> {
        if self.batch.is_empty() {
            self.began = Instant::now();
        }
        self.bytes += delivery.packed.digest.size;
        self.batch.push(delivery);
        if self.batch.len() >= BATCH_MESSAGES
            || self.bytes >= BATCH_BYTES
            || self.began.elapsed() >= BATCH_AGE
        {
            self.close()?;
        }
        Ok(())
    }

    /// Makes the open batch durable.
    fn close(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        // Outside of one, each look into the catalog would be a transaction of its own.
        self.writer.catalog().begin()?;
        let placements = self.decide(&batch)?;
        let tmps = self.stage(&batch, &placements)?;
        let events = self.give_names(&batch, &placements)?;
        self.writer.record(&events)?;
        // At once: whatever fails from here on, the catalog never knows a content only by half.
        for (delivery, placement) in batch.iter().zip(&placements) {
            if matches!(placement, Placement::Own) {
                let digest = &delivery.packed.digest;
                self.writer.catalog_mut().describe(digest.hash, digest)?;
            }
        }
        self.adopt_marks(&batch, &placements)?;
        // Until here they tell the next run that names may lack their lines.
        let mut touched = BTreeSet::new();
        for tmp in &tmps {
            fsx::remove(tmp)?;
            touched.insert(parent(tmp));
        }
        for dir in &touched {
            fsx::sync_dir(dir)?;
        }
        self.closed += 1;
        if self.closed.is_multiple_of(BATCHES_A_TRANSACTION) {
            self.writer.publish()?;
        }
        let root = self.writer.layout().root();
        let free = fsx::free_space(root)?;
        if free < SPARE_BYTES + BATCH_BYTES {
            return Err(Error::NoSpace {
                path: root.to_path_buf(),
                needed: None,
                free: Some(free),
                source: None,
            });
        }
        Ok(())
    }

    /// Makes the data of a batch durable, and gives the names in `tmp` that stand for it.
    fn stage(&mut self, batch: &[Delivery], placements: &[Placement]) -> Result<Vec<PathBuf>> {
        let (mut tmps, mut written) = (Vec::new(), Vec::new());
        let mut unmarked = BTreeSet::new();
        for (delivery, placement) in batch.iter().zip(placements) {
            match &delivery.packed.file {
                StagedFile::Named(path) => {
                    tmps.push(path.clone());
                    if matches!(placement, Placement::Own) {
                        written.push(path.clone());
                    }
                }
                StagedFile::Unnamed(_) if placement.gives_name() => {
                    unmarked.insert(self.writer.layout().tmp(&delivery.route.account));
                }
                StagedFile::Unnamed(_) => {}
            }
        }
        let whole = has_new_unnamed(batch, placements);
        for tmp in &unmarked {
            tmps.push(maildir::mark(tmp)?);
            if !whole {
                fsx::sync_dir(tmp)?;
            }
        }
        if whole {
            self.writer.sync_everything()?;
        } else {
            self.writer.sync(&written)?;
        }
        Ok(tmps)
    }

    fn decide(&self, batch: &[Delivery]) -> Result<Vec<Placement>> {
        let mut by_hash: HashMap<Hash128, usize> = HashMap::new();
        let mut by_mail: HashMap<(&[u8], Hash128), usize> = HashMap::new();
        let mut placements = Vec::with_capacity(batch.len());
        for (n, delivery) in batch.iter().enumerate() {
            let digest = &delivery.packed.digest;
            let placement = if let Some(earlier) = by_hash.get(&digest.hash) {
                Placement::Earlier(*earlier)
            } else if let Some(stored) = self.stored(delivery)? {
                stored
            } else if self.writer.is_forgotten(digest)? {
                Placement::Forgotten
            } else if let Some(earlier) =
                dedupe::same_mail(delivery.route.policy, digest).and_then(|key| by_mail.get(&key))
            {
                Placement::Earlier(*earlier)
            } else {
                Placement::Own
            };
            if matches!(placement, Placement::Own) {
                by_hash.insert(digest.hash, n);
                if let Some(key) = dedupe::same_mail(Policy::MessageId, digest) {
                    by_mail.entry(key).or_insert(n);
                }
            }
            placements.push(placement);
        }
        Ok(placements)
    }

    /// A stored file that the message duplicates. It is opened and hashed before it is
    /// believed in.
    fn stored(&self, delivery: &Delivery) -> Result<Option<Placement>> {
        let catalog = self.writer.catalog();
        let digest = &delivery.packed.digest;
        let account = &delivery.route.account;
        let dir = delivery.route.dir.as_deref().unwrap_or_default();
        let known = !catalog.lacks(digest.hash)?;
        let known = known.then(|| catalog.find(digest.hash)).transpose()?;
        let mut candidates = Vec::from_iter(known.flatten());
        if let Some((mid, likeness)) = dedupe::same_mail(delivery.route.policy, digest) {
            candidates.extend(catalog.find_like(mid, likeness)?);
        }
        for blob in candidates {
            if let Some((place, path)) = self.writer.intact(&blob, account, dir)? {
                let here = place.account == *account && place.dir == dir;
                let here = here.then_some(place.flags);
                return Ok(Some(Placement::Stored(blob.name, blob.stored, path, here)));
            }
        }
        Ok(None)
    }

    /// Gives every message its name, makes the names durable, and says what to record.
    fn give_names(
        &mut self,
        batch: &[Delivery],
        placements: &[Placement],
    ) -> Result<Vec<LedgerEvent>> {
        let mut touched: BTreeSet<PathBuf> = BTreeSet::new();
        let mut events = Vec::with_capacity(batch.len());
        let mut names: Vec<(FileName, u64, PathBuf)> = Vec::with_capacity(batch.len());
        // What this batch has given a name, which the catalog does not know yet.
        let mut given: HashMap<(PathBuf, Hash128), (u64, PathBuf)> = HashMap::new();
        for (delivery, placement) in batch.iter().zip(placements) {
            let Route { account, dir, .. } = &*delivery.route;
            let dir = dir.as_deref().unwrap_or_default();
            let layout = self.writer.layout();
            let folder = layout.folder(account, dir);
            let packed = &delivery.packed;
            let (name, mut stored, known, here) = match placement {
                Placement::Own => (own_name(packed), packed.stored, None, false),
                Placement::Earlier(n) => {
                    let (name, stored, path) = &names[*n];
                    let here = path.parent() == Some(&folder.join("cur"));
                    (*name, *stored, Some(path.clone()), here)
                }
                Placement::Stored(name, stored, path, here) => {
                    (*name, *stored, Some(path.clone()), here.is_some())
                }
                Placement::Forgotten => {
                    let tally = self.tallies.entry(account.clone()).or_default();
                    tally.forgotten += 1;
                    names.push((own_name(packed), 0, PathBuf::new()));
                    continue;
                }
            };
            let key = (folder.clone(), name.hash);
            let path = if let Some(path) = known.clone().filter(|_| here) {
                path
            } else if let Some((length, path)) = given.get(&key) {
                stored = *length;
                path.clone()
            } else {
                touched.insert(folder.join("cur"));
                let there = self.already_there(account, &folder, &name)?;
                let layout = self.writer.layout();
                let path = folder.join("cur").join(name.with_flags(&delivery.flags));
                if let Some(other) = there {
                    stored = fsx::length(&other)?;
                    other
                } else {
                    let known = known.map(StagedFile::Named);
                    let from = known.as_ref().unwrap_or(&packed.file);
                    match maildir::place(layout, from, &folder, &name, &delivery.flags)? {
                        Placed::New => {}
                        Placed::Replaced => {
                            let tally = self.tallies.entry(account.clone()).or_default();
                            tally.replaced.push(name.hash.to_string());
                        }
                        // Named by a run that was killed, perhaps at another level.
                        Placed::Known => stored = fsx::length(&path)?,
                    }
                    path
                }
            };
            let tally = self.tallies.entry(account.clone()).or_default();
            if matches!(placement, Placement::Own) {
                tally.new += 1;
                tally.stored += stored;
            } else {
                tally.duplicates += 1;
            }
            events.push(seen(delivery, &name, stored));
            given.entry(key).or_insert_with(|| (stored, path.clone()));
            names.push((name, stored, path));
        }
        if has_new_unnamed(batch, placements) {
            self.writer.sync_everything()?;
        } else {
            for dir in &touched {
                fsx::sync_dir(dir)?;
            }
        }
        Ok(events)
    }

    /// A good file of a known content, whatever flags it was given since: two files of
    /// one base must not lie in a folder. A damaged one is moved away.
    fn already_there(
        &mut self,
        account: &str,
        folder: &Path,
        name: &FileName,
    ) -> Result<Option<PathBuf>> {
        if self.writer.catalog().lacks(name.hash)? {
            return Ok(None);
        }
        let Some(path) = maildir::find(folder, name, "")? else {
            return Ok(None);
        };
        if frame::check(&path, name.hash, name.size).is_ok() {
            return Ok(Some(path));
        }
        maildir::quarantine(self.writer.layout(), &path)?;
        let tally = self.tallies.entry(account.to_owned()).or_default();
        tally.replaced.push(name.hash.to_string());
        Ok(None)
    }
}

/// Whether a file of the batch gets its first name.
fn has_new_unnamed(batch: &[Delivery], placements: &[Placement]) -> bool {
    batch.iter().zip(placements).any(|(delivery, placement)| {
        matches!(placement, Placement::Own)
            && matches!(delivery.packed.file, StagedFile::Unnamed(_))
    })
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_path_buf()
}

fn own_name(packed: &Packed) -> FileName {
    FileName {
        received: packed.digest.received,
        hash: packed.digest.hash,
        size: packed.digest.size,
        wire: packed.digest.wire,
    }
}

fn identity(delivery: &Delivery) -> Identity {
    Identity {
        account: delivery.route.account.clone(),
        server: delivery.route.server.clone(),
        uid: delivery.uid.clone(),
        dir: delivery.route.dir.clone(),
    }
}

fn seen(delivery: &Delivery, name: &FileName, stored: u64) -> LedgerEvent {
    let digest = &delivery.packed.digest;
    LedgerEvent::Seen(Box::new(Seen {
        identity: identity(delivery),
        octets: delivery.octets,
        hash: name.hash,
        got: digest.hash,
        header: digest.header,
        mid: digest.mid.clone().map(Into::into),
        idate: delivery.idate,
        flags: delivery.flags.clone(),
        kw: delivery.kw.clone(),
        received: name.received,
        size: name.size,
        wire: name.wire,
        stored,
        evidence: delivery.evidence,
        object: delivery.object,
    }))
}
