//! What an earlier import has read, and which of it need not be read again.
//!
//! A file is taken for the one that was read if its path, inode, size and both of its times are
//! what they were: every change to a file gives it a new time of change, which no program can set.
//! What changed in the last two seconds may change again within the same tick, so it is not
//! remembered. What the file held is then looked for in the vault: in the catalog, and in the
//! directory that should have it.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::ImportOptions;
use crate::archive::commit::Route;
use crate::archive::dedupe::Policy;
use crate::base::error::Result;
use crate::base::fsx;
use crate::base::sync::lock;
use crate::mail::message::Hash128;
use crate::vault::HeldFiles;
use crate::vault::catalog::{Blob, CacheEntry, CachedMessage, Catalog, FileState, ImportCache};
use crate::vault::layout::Layout;

/// Changes with the way in which files are read, and with what counts as the same mail.
const VERSION: u8 = 1;
/// A file that changed later than this is not remembered.
const SETTLED: Duration = Duration::from_secs(2);

/// Tells the states of a source's files.
#[derive(Debug)]
pub(super) struct FileStates {
    source: PathBuf,
    /// Of how they are read, and where the source is.
    how: Hash128,
    device: u64,
}

impl FileStates {
    /// None where the times of files do not tell that they have changed.
    pub(super) fn new(source: &Path, root: &Path, options: &ImportOptions) -> Option<Self> {
        let device = fsx::look(root).ok()??.dev();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[
            VERSION,
            u8::from(options.mbox.mboxo),
            u8::from(options.mbox.labels),
        ]);
        let into = options.into.as_deref().unwrap_or_default();
        let account = options.account.as_deref().unwrap_or_default();
        for text in [
            account.as_bytes(),
            into.as_bytes(),
            root.as_os_str().as_bytes(),
        ] {
            hasher.update(text);
            hasher.update(&[0]);
        }
        fsx::tells_changes(root).then(|| Self {
            source: source.to_path_buf(),
            how: Hash128::cut(hasher.finalize()),
            device,
        })
    }

    /// The state of a file that was looked at just now; none if it may change unnoticed.
    fn of(&self, path: &Path, meta: &Metadata) -> Option<FileState> {
        let seconds = u64::try_from(meta.ctime()).ok()?;
        let nanos = u64::try_from(meta.ctime_nsec()).ok()?;
        let changed = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanos);
        let age = SystemTime::now().duration_since(changed).ok()?;
        if age < SETTLED || meta.dev() != self.device {
            return None;
        }
        let path = path.strip_prefix(&self.source).unwrap_or(path);
        let path = path.as_os_str().as_bytes();
        // The name of a Maildir's file ends with its flags, which come and go.
        let stem = memchr::memmem::rfind(path, b":2,").map_or(path, |end| &path[..end]);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.how.0);
        hasher.update(stem);
        let place = Hash128::cut(hasher.finalize()).head().cast_signed();
        hasher.update(&path[stem.len()..]);
        hasher.update(&[0]);
        for number in [meta.ino(), meta.len()] {
            hasher.update(&number.to_le_bytes());
        }
        let times = [
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime(),
            meta.ctime_nsec(),
        ];
        for number in times {
            hasher.update(&number.to_le_bytes());
        }
        let state = Hash128::cut(hasher.finalize());
        Some(FileState { place, state })
    }

    /// A file that holds so many messages, if that is known.
    pub(super) fn file(
        &self,
        path: &Path,
        meta: &Metadata,
        messages: Option<u64>,
    ) -> Option<Arc<FileRecord>> {
        Some(Arc::new(FileRecord {
            state: self.of(path, meta)?,
            progress: Mutex::new(RecordProgress {
                entry: CacheEntry::default(),
                done: 0,
                expected: messages,
            }),
        }))
    }
}

/// A file that is read, and what was found in it so far.
#[derive(Debug)]
pub(super) struct FileRecord {
    state: FileState,
    progress: Mutex<RecordProgress>,
}

#[derive(Debug)]
struct RecordProgress {
    entry: CacheEntry,
    done: u64,
    /// Messages that the file has, once that is known.
    expected: Option<u64>,
}

impl FileRecord {
    /// Adds a message, once for each of its folders.
    pub(super) fn add(&self, cache: &Mutex<ImportCache>, message: &[CachedMessage]) -> Result<()> {
        let mut progress = lock(&self.progress);
        let mut cache = lock(cache);
        for folder in message {
            cache.add(&self.state, &mut progress.entry, folder)?;
        }
        progress.done += 1;
        self.end(&mut progress, &mut cache)
    }

    /// Says how many messages the file has, all of which could be read.
    pub(super) fn expect(&self, cache: &Mutex<ImportCache>, messages: u64) -> Result<()> {
        let mut progress = lock(&self.progress);
        progress.expected = Some(messages);
        self.end(&mut progress, &mut lock(cache))
    }

    fn end(&self, progress: &mut RecordProgress, cache: &mut ImportCache) -> Result<()> {
        if progress.expected == Some(progress.done) {
            cache.end(&self.state, std::mem::take(&mut progress.entry))?;
        }
        Ok(())
    }
}

/// What a file holds that has not changed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct UnchangedFile {
    pub(super) messages: u64,
    pub(super) octets: u64,
}

/// What the vault has.
#[derive(Debug)]
pub(super) struct EarlierImports<'a> {
    pub(super) catalog: Rc<Catalog>,
    cache: Option<Rc<ImportCache>>,
    held: HeldFiles<'a>,
}

impl<'a> EarlierImports<'a> {
    pub(super) fn open(layout: &'a Layout, read_all: bool) -> Result<Self> {
        let catalog = match Catalog::open_to_read(&layout.catalog())? {
            Some(catalog) => catalog,
            None => Catalog::temporary()?,
        };
        let cache = if read_all {
            None
        } else {
            ImportCache::open_to_read(&layout.imports())?
        };
        Ok(Self {
            catalog: Rc::new(catalog),
            cache: cache.map(Rc::new),
            held: HeldFiles::new(layout),
        })
    }

    /// True if the folder of the route has the content, and its file.
    pub(super) fn has(&mut self, blob: &Blob, route: &Route) -> Result<bool> {
        let dir = route.dir.as_deref().unwrap_or_default();
        self.held.has(&self.catalog, blob, (&route.account, dir))
    }

    /// True if any folder has the content, and its file.
    pub(super) fn has_anywhere(&mut self, blob: &Blob) -> Result<bool> {
        for place in self.catalog.places(blob.id)? {
            if self
                .held
                .has(&self.catalog, blob, (&place.account, &place.dir))?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a file holds, if it is as it was when it was read and the vault has all of it.
    pub(super) fn unchanged(
        &mut self,
        file: &FileRecord,
        route: &Route,
    ) -> Result<Option<UnchangedFile>> {
        let Some(cache) = self.cache.clone() else {
            return Ok(None);
        };
        let mut unchanged = UnchangedFile::default();
        let all = cache.all(&file.state, |message| {
            let Some(blob) = self.stored(&message, route)? else {
                return Ok(false);
            };
            if !message.again {
                unchanged.messages += 1;
                unchanged.octets += blob.name.size;
            }
            Ok(true)
        })?;
        Ok(all.then_some(unchanged))
    }

    /// As [`Self::unchanged`], for a file with any number of messages.
    pub(super) fn unchanged_mbox(
        &mut self,
        file: &FileRecord,
        route: &Route,
    ) -> Result<Option<UnchangedFile>> {
        let catalog = Rc::clone(&self.catalog);
        catalog.at_once(|| self.unchanged(file, route))
    }

    fn stored(&mut self, message: &CachedMessage, route: &Route) -> Result<Option<Blob>> {
        let dir = route.dir.as_deref().unwrap_or_default();
        let folder = (&*route.account, message.dir.as_deref().unwrap_or(dir));
        if let Some(blob) = self.catalog.find(message.hash)?
            && self.held.has(&self.catalog, &blob, folder)?
        {
            return Ok(Some(blob));
        }
        let Some(like) = message.like.filter(|_| route.policy == Policy::MessageId) else {
            return Ok(None);
        };
        for blob in self.catalog.find_alike(like)? {
            if self.held.has(&self.catalog, &blob, folder)? {
                return Ok(Some(blob));
            }
        }
        Ok(None)
    }
}
