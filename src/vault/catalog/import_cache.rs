//! What the files of earlier imports held: a file of its own, which may be deleted at any time.
//!
//! It says what reading a file gave, and nothing of what the vault has: that is asked of the
//! catalog and the directories whenever an entry is used. Each row ends with a hash over the state
//! of the file and all that the row says, so that a damaged row is no row.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::lookup::blob;
use super::{
    Blob, Catalog, PATIENCE, discard, failed, files, is_garbage, is_not_writable, mid_key,
};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;

/// Marks files made by this version of the schema.
const USER_VERSION: i64 = 0x6d76_6901;
/// Rows that are written in one transaction.
const ROWS: u32 = 4096;
/// Octets of messages that are one row: what is held in memory.
const ROW: usize = 64 << 10;

/// A file as it was when it was read, and how it was read: two states are equal only if all that
/// is known of the two is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileState {
    /// Of its place alone: a file has one entry.
    pub(crate) place: i64,
    /// Of its place, its state and the way to read it.
    pub(crate) state: Hash128,
}

/// A message that a file held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CachedMessage {
    /// What was stored, or would have been.
    pub(crate) hash: Hash128,
    /// By what it may be a duplicate of another; none if that was not looked at.
    pub(crate) like: Option<(i64, Hash128)>,
    /// The directory of its folder, if it is not that of the file's messages.
    pub(crate) dir: Option<String>,
    /// True if it is the message before it, in a further folder.
    pub(crate) again: bool,
}

/// The entry of one file while it is written.
#[derive(Debug, Default)]
pub(crate) struct CacheEntry {
    row: Vec<u8>,
    part: i64,
}

/// The open cache.
#[derive(Debug)]
pub(crate) struct ImportCache {
    db: Connection,
    path: PathBuf,
    rows: u32,
    /// It was found to be damaged, and is made again by the next import.
    damaged: bool,
}

impl ImportCache {
    /// Opens it for writing; a damaged one, or one of another make, is replaced.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        match Self::existing(path, files::open) {
            Ok(Some(cache)) => return Ok(cache),
            Ok(None) => {}
            Err(Error::Catalog { source, .. }) if is_garbage(&source) => {}
            Err(e) => return Err(e),
        }
        discard(path)?;
        // SQLite would create it with the mode of the umask.
        drop(fsx::create_new(path)?);
        let db = files::open(path)?;
        let journal = if fsx::is_network(path) {
            "TRUNCATE"
        } else {
            "WAL"
        };
        let made = db
            .pragma_update(None, "journal_mode", journal)
            .and_then(|()| {
                db.execute_batch(
                    "CREATE TABLE entry (place INTEGER, part INTEGER, last INTEGER, messages BLOB,
                     sum BLOB, PRIMARY KEY (place, part)) WITHOUT ROWID",
                )
            })
            .and_then(|()| db.pragma_update(None, "user_version", USER_VERSION));
        made.map_err(|e| failed(path, e))?;
        Self::with(db, path)
    }

    /// Opens an existing one for reading; `None` if it is missing, damaged or of another make, or
    /// if `SQLite` would have to create files next to it and cannot.
    pub(crate) fn open_to_read(path: &Path) -> Result<Option<Self>> {
        match Self::existing(path, files::open_to_read) {
            Err(Error::Catalog { source, .. })
                if is_garbage(&source) || is_not_writable(&source) =>
            {
                Ok(None)
            }
            opened => opened,
        }
    }

    fn existing(path: &Path, open: fn(&Path) -> Result<Connection>) -> Result<Option<Self>> {
        if !files::exists(path)? {
            return Ok(None);
        }
        let db = open(path)?;
        let version = db.pragma_query_value(None, "user_version", |r| r.get::<_, i64>(0));
        match version {
            Ok(USER_VERSION) => Self::with(db, path).map(Some),
            Ok(_) => Ok(None),
            Err(e) => Err(failed(path, e)),
        }
    }

    fn with(db: Connection, path: &Path) -> Result<Self> {
        // What a failure of the power leaves half-written has no right sum.
        db.busy_timeout(PATIENCE)
            .and_then(|()| db.pragma_update(None, "synchronous", "OFF"))
            .and_then(|()| db.pragma_update(None, "cache_size", -2048))
            .map_err(|e| failed(path, e))?;
        Ok(Self {
            db,
            path: path.to_path_buf(),
            rows: 0,
            damaged: false,
        })
    }

    /// Calls `each` with every message of a file, as long as it is true. True if there is a whole
    /// entry for the file, and it was true of all.
    pub(crate) fn all(
        &self,
        file: &FileState,
        mut each: impl FnMut(CachedMessage) -> Result<bool>,
    ) -> Result<bool> {
        for part in 0.. {
            let Some((last, messages)) = self.row(file, part)? else {
                return Ok(false);
            };
            let mut rest = messages.as_slice();
            while !rest.is_empty() {
                let message = CachedMessage::take(&mut rest);
                if !message.map_or(Ok(false), &mut each)? {
                    return Ok(false);
                }
            }
            if last {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A row, if it is there and undamaged, and whether it is the last one.
    fn row(&self, file: &FileState, part: i64) -> Result<Option<(bool, Vec<u8>)>> {
        let row = self
            .db
            .prepare_cached("SELECT last, messages, sum FROM entry WHERE place = ?1 AND part = ?2")
            .and_then(|mut s| {
                s.query_row([file.place, part], |r| {
                    let (last, messages): (bool, Vec<u8>) = (r.get(0)?, r.get(1)?);
                    let sum: Vec<u8> = r.get(2)?;
                    let is_right = sum == file.sum(part, last, &messages).0;
                    Ok(is_right.then_some((last, messages)))
                })
                .optional()
            });
        match row.map(Option::flatten) {
            Err(rusqlite::Error::InvalidColumnType(..)) => Ok(None),
            Err(e) if is_garbage(&e) => Ok(None),
            row => row.map_err(|e| failed(&self.path, e)),
        }
    }

    /// Adds a message to the entry of a file, which counts once it is whole.
    pub(crate) fn add(
        &mut self,
        file: &FileState,
        entry: &mut CacheEntry,
        message: &CachedMessage,
    ) -> Result<()> {
        message.put(&mut entry.row);
        if entry.row.len() >= ROW {
            self.write(file, entry, false)?;
        }
        Ok(())
    }

    /// Ends the entry of a file all of whose messages were added.
    pub(crate) fn end(&mut self, file: &FileState, mut entry: CacheEntry) -> Result<()> {
        self.write(file, &mut entry, true)
    }

    fn write(&mut self, file: &FileState, entry: &mut CacheEntry, last: bool) -> Result<()> {
        let messages = std::mem::take(&mut entry.row);
        let sum = file.sum(entry.part, last, &messages);
        entry.part += 1;
        self.run(|db| {
            if db.is_autocommit() {
                db.execute_batch("BEGIN IMMEDIATE")?;
            }
            db.prepare_cached("INSERT OR REPLACE INTO entry VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![file.place, entry.part - 1, last, messages, sum.0])
                .map(drop)
        })?;
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS) {
            self.commit()?;
        }
        Ok(())
    }

    /// Lets readers see what was written.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.run(|db| {
            if db.is_autocommit() {
                return Ok(());
            }
            db.execute_batch("COMMIT")
        })
    }

    /// Writes. A damaged cache is removed, and nothing more is remembered: it must not stop an
    /// import.
    fn run(&mut self, write: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<()> {
        if self.damaged {
            return Ok(());
        }
        match write(&self.db) {
            Err(e) if is_garbage(&e) => {
                self.damaged = true;
                discard(&self.path)
            }
            written => written.map_err(|e| failed(&self.path, e)),
        }
    }
}

impl FileState {
    fn sum(&self, part: i64, last: bool, messages: &[u8]) -> Hash128 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.state.0);
        hasher.update(&part.to_le_bytes());
        hasher.update(&[u8::from(last)]);
        hasher.update(messages);
        Hash128::cut(hasher.finalize())
    }
}

impl CachedMessage {
    /// Bits of the first byte.
    const LIKE: u8 = 1;
    const DIR: u8 = 2;
    const AGAIN: u8 = 4;

    fn put(&self, to: &mut Vec<u8>) {
        let bit = |is: bool, bit: u8| if is { bit } else { 0 };
        to.push(
            bit(self.like.is_some(), Self::LIKE)
                | bit(self.dir.is_some(), Self::DIR)
                | bit(self.again, Self::AGAIN),
        );
        to.extend_from_slice(&self.hash.0);
        if let Some((mid, likeness)) = self.like {
            to.extend_from_slice(&mid.to_le_bytes());
            to.extend_from_slice(&likeness.0);
        }
        if let Some(dir) = &self.dir {
            // A directory's name ends at the end of a path's: it is far shorter than that.
            let length = u16::try_from(dir.len()).unwrap_or(u16::MAX);
            to.extend_from_slice(&length.to_le_bytes());
            to.extend_from_slice(&dir.as_bytes()[..usize::from(length)]);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut bytes = |n: usize| {
            let (taken, rest) = from.split_at_checked(n)?;
            *from = rest;
            Some(taken)
        };
        let bits = *bytes(1)?.first()?;
        let hash = Hash128(bytes(16)?.try_into().ok()?);
        let like = if bits & Self::LIKE > 0 {
            let mid = i64::from_le_bytes(bytes(8)?.try_into().ok()?);
            Some((mid, Hash128(bytes(16)?.try_into().ok()?)))
        } else {
            None
        };
        let dir = if bits & Self::DIR > 0 {
            let length = u16::from_le_bytes(bytes(2)?.try_into().ok()?);
            let dir = std::str::from_utf8(bytes(usize::from(length))?).ok()?;
            Some(dir.to_owned())
        } else {
            None
        };
        Some(Self {
            hash,
            like,
            dir,
            again: bits & Self::AGAIN > 0,
        })
    }
}

/// The short form of a Message-ID in a [`CachedMessage`].
pub(crate) fn short_mid(mid: &[u8]) -> i64 {
    mid_key(mid)
}

impl Catalog {
    /// As [`Catalog::find_like`], by the short form of a Message-ID.
    pub(crate) fn find_alike(&self, (mid, likeness): (i64, Hash128)) -> Result<Vec<Blob>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored
                 FROM likeness JOIN blob ON blob.id = likeness.blob
                 WHERE mid = ?1 AND substr(likeness, 1, 4) = substr(?2, 1, 4)
                 AND likeness = ?2 AND NOT lost ORDER BY id",
            )
            .and_then(|mut s| s.query_map(params![mid, likeness.0], blob)?.collect())
            .map_err(|e| self.failed(e))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use super::*;

    fn state(place: i64, state: u8) -> FileState {
        let state = Hash128([state; 16]);
        FileState { place, state }
    }

    fn messages(count: u32) -> Vec<CachedMessage> {
        let one = |n: u32| CachedMessage {
            hash: Hash128::of(&n.to_le_bytes()),
            like: n
                .is_multiple_of(2)
                .then(|| (i64::from(n), Hash128([9; 16]))),
            dir: n.is_multiple_of(3).then(|| format!(".dir{n}")),
            again: n % 5 == 1,
        };
        (0..count).map(one).collect()
    }

    fn write(cache: &mut ImportCache, file: &FileState, messages: &[CachedMessage]) -> CacheEntry {
        let mut entry = CacheEntry::default();
        for message in messages {
            cache.add(file, &mut entry, message).unwrap();
        }
        entry
    }

    fn read(cache: &ImportCache, file: &FileState) -> Option<Vec<CachedMessage>> {
        let mut read = Vec::new();
        let whole = cache.all(file, |message| {
            read.push(message);
            Ok(true)
        });
        whole.unwrap().then_some(read)
    }

    #[test]
    fn only_a_whole_entry_for_the_very_state_of_a_file_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("cache");
        let mut cache = ImportCache::open(&path).unwrap();
        // More than two rows.
        let many = messages(6_000);
        let entry = write(&mut cache, &state(1, 1), &many);
        assert!(entry.part >= 2);
        assert_eq!(read(&cache, &state(1, 1)), None);
        cache.end(&state(1, 1), entry).unwrap();
        cache.commit().unwrap();
        assert_eq!(read(&cache, &state(1, 1)), Some(many));
        assert_eq!(read(&cache, &state(1, 2)), None);
        assert_eq!(read(&cache, &state(2, 1)), None);
        // A later state replaces it, and is none as long as it is not whole.
        let entry = write(&mut cache, &state(1, 2), &messages(3_000));
        assert_eq!(read(&cache, &state(1, 1)), None);
        assert_eq!(read(&cache, &state(1, 2)), None);
        cache.end(&state(1, 2), entry).unwrap();
        assert_eq!(read(&cache, &state(1, 2)), Some(messages(3_000)));
    }

    #[test]
    fn a_damaged_row_is_no_row_and_a_damaged_cache_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("cache");
        let mut cache = ImportCache::open(&path).unwrap();
        let entry = write(&mut cache, &state(1, 1), &messages(1));
        cache.end(&state(1, 1), entry).unwrap();
        cache.commit().unwrap();
        assert_eq!(read(&cache, &state(1, 1)), Some(messages(1)));
        for change in [
            "last = 0",
            "messages = cast(messages || x'00' AS BLOB)",
            "messages = 'text'",
            "messages = x''",
        ] {
            let all = cache
                .db
                .execute_batch(&format!("SAVEPOINT s; UPDATE entry SET {change}"));
            all.unwrap();
            assert_eq!(read(&cache, &state(1, 1)), None, "{change}");
            cache.db.execute_batch("ROLLBACK TO s; RELEASE s").unwrap();
        }
        assert_eq!(read(&cache, &state(1, 1)), Some(messages(1)));
        drop(cache);
        std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &[b'x'; 8192]))
            .unwrap();
        let cache = ImportCache::open(&path).unwrap();
        assert_eq!(read(&cache, &state(1, 1)), None);
    }

    #[test]
    fn a_cache_that_turns_out_to_be_damaged_stops_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("cache");
        let mut cache = ImportCache::open(&path).unwrap();
        let entry = write(&mut cache, &state(1, 1), &messages(1));
        cache.end(&state(1, 1), entry).unwrap();
        cache.commit().unwrap();
        drop(cache);
        let mut bytes = std::fs::read(&path).unwrap();
        // After the page that says what tables there are.
        bytes[4096..].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        let mut cache = ImportCache::open(&path).unwrap();
        assert_eq!(read(&cache, &state(1, 1)), None);
        let entry = write(&mut cache, &state(1, 1), &messages(1));
        cache.end(&state(1, 1), entry).unwrap();
        cache.commit().unwrap();
        assert!(!path.exists());
        assert!(ImportCache::open(&path).is_ok());
    }
}
