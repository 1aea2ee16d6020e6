//! The catalog: an `SQLite` index over ledger and message files.
//!
//! Derived, and rebuilt whenever it is missing, out of date or of another version. It is
//! replayed from the ledger entry by entry; what the ledger does not say (likeness,
//! sender, subject) is read from the files. Keys are integers and file names are not
//! stored but derived, which is what keeps it small and fast.

mod aged;
mod apply;
mod audit;
mod compare;
mod conditions;
mod content_set;
mod evidence;
mod files;
mod folder_names;
mod found;
mod gone;
mod guide;
mod history;
mod hold;
mod id_set;
mod import_cache;
mod imported;
mod lookup;
mod mailbox;
mod mention;
mod merged;
mod names_of;
mod newest;
mod origin;
#[cfg(test)]
mod plan_tests;
mod purge;
mod scratch;
mod search;
mod senders;
mod server_names;
mod shortlist;
mod sighting;
mod site_index;
mod stats;
mod status;
mod sums;
mod tally;
#[cfg(test)]
mod test_lines;
mod texts;
mod time_sums;
mod tombstone;
mod uid_table;
mod upload;
mod verified;
mod walked;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};
use tempfile::TempDir;

use crate::base::account_name::AccountNames;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::vault::layout::{is_account, is_folder_dir};
use crate::vault::ledger::{Checksum, Position};

pub use audit::Sighting;
pub(crate) use conditions::DateRule;
pub(crate) use content_set::ContentSet;
pub(crate) use evidence::Before;
pub use evidence::Proof;
pub(super) use files::discard;
pub use found::{Hit, HitFile, HitRows, Hits};
pub use history::{HistoryFilter, HistoryKind, HistoryRow};
pub use hold::Hold;
pub(crate) use id_set::IdSet;
pub(crate) use import_cache::{CacheEntry, CachedMessage, FileState, ImportCache, short_mid};
pub(crate) use imported::StoredFile;
pub(crate) use lookup::{Blob, Known, Place, upper_half};
pub(crate) use mailbox::{InMailbox, Stored};
pub(crate) use mention::{MentionRows, MentionedLine};
pub use names_of::NameOnServer;
pub(crate) use origin::Origin;
pub use purge::{Archived, Record};
pub(in crate::vault) use scratch::{failed_scratch, scratch};
pub use search::{Omissions, Order, SortBy};
pub(crate) use search::{Picked, PickedRows};
pub(crate) use server_names::ServerNames;
pub(crate) use shortlist::{Candidate, CandidateOrder, Shortlist};
pub(crate) use site_index::{
    Correspondent, EVERYTHING, SiteIndex, SiteLetter, SiteLink, SiteThread, ThreadBounds,
};
pub(crate) use stats::bracket_of;
pub use stats::{Amount, BRACKETS, Group, Grouping, Groups, Totals};
pub use status::AccountStatus;
pub(crate) use texts::index_pieces;
pub use texts::{Coverage, Extras, Texts};
pub use time_sums::TimeSums;
pub use tombstone::ForgetRecord;
pub(crate) use uid_table::{UidRecord, UidTable};
pub(super) use walked::WalkedFile;

/// Marks files made by this version of the schema.
const USER_VERSION: i64 = 0x6d76_0013;
/// How long a reader waits for a writer that replaces the file.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the latest event says of a server message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub enum State {
    /// Stored.
    Seen = 0,
    /// The server would not give it.
    Refused = 1,
    /// The server no longer lists it.
    Vanished = 2,
    /// It may have been deleted by us.
    PurgeIntent = 3,
    /// Deleted by us.
    Purged = 4,
    /// The server kept it.
    PurgeKept = 5,
    /// Its file is missing or damaged: wanted again.
    Lost = 6,
    /// What is recorded of it is not believed any more: wanted again.
    Wanted = 7,
}

impl State {
    /// What a server has under a name, as far as is known, though our copy may be lost or
    /// no longer believed.
    const ON_SERVER: [Self; 4] = [Self::Seen, Self::PurgeKept, Self::Lost, Self::Wanted];

    /// [`Self::ON_SERVER`] for a statement.
    fn on_server_list() -> String {
        Self::ON_SERVER
            .map(|state| (state as i64).to_string())
            .join(",")
    }

    /// True if it must be fetched, whatever its name and size say.
    #[must_use]
    pub(crate) fn is_wanted(self) -> bool {
        matches!(self, Self::Refused | Self::Lost | Self::Wanted)
    }

    fn of(number: i64) -> Self {
        match number {
            1 => Self::Refused,
            2 => Self::Vanished,
            3 => Self::PurgeIntent,
            4 => Self::Purged,
            5 => Self::PurgeKept,
            6 => Self::Lost,
            7 => Self::Wanted,
            _ => Self::Seen,
        }
    }
}

/// Where a catalog is read.
#[derive(Debug)]
enum CatalogAccess {
    /// In its place.
    InPlace,
    /// In its place, to which nobody can write.
    Frozen,
    /// In a copy.
    Copied,
}

/// Contents that are remembered as not being there; a transaction takes four batches.
const ABSENT: usize = 16_384;

/// The open catalog.
#[derive(Debug)]
pub struct Catalog {
    db: Connection,
    path: PathBuf,
    access: CatalogAccess,
    origins: HashMap<(String, String, String, u32), i64>,
    folders: HashMap<(String, String), i64>,
    /// Contents that this transaction has added.
    fresh: HashMap<Hash128, i64>,
    /// Contents that were looked for in this transaction and are not there.
    absent: RefCell<HashSet<Hash128>>,
    /// What this transaction has counted.
    tallies: tally::Tallies,
    /// What happened in this transaction.
    happened: history::Happened,
    /// Which line of the ledger is far enough for another waypoint.
    next_waypoint: u64,
    /// What was copied.
    copies: OnceCell<TempDir>,
    /// What a replay asks which contents are new.
    guide: RefCell<Option<Box<guide::Guide>>>,
    /// Searches so far, each of which has a table of its own.
    searches: Cell<u64>,
    /// What queries and answers call the accounts.
    names: AccountNames,
    /// Accounts that became part of others, each with the one that has its mail now.
    merged: BTreeMap<String, String>,
}

impl Catalog {
    /// Opens the catalog for writing; one of another make, or a damaged one, is
    /// replaced by an empty one. Only the holder of the vault's lock may.
    pub fn open(path: &Path) -> Result<Self> {
        match Self::try_open(path) {
            Ok(Some(catalog)) => return Ok(catalog),
            Ok(None) => {}
            Err(Error::Catalog { source, .. }) if is_garbage(&source) => {}
            Err(e) => return Err(e),
        }
        discard(path)?;
        // SQLite would create it with the mode of the umask.
        drop(fsx::create_new(path)?);
        let catalog = Self::with(files::open(path)?, path)?;
        catalog.configure()?;
        catalog
            .db
            .execute_batch("BEGIN")
            .and_then(|()| catalog.db.execute_batch(include_str!("schema.sql")))
            .and_then(|()| catalog.db.pragma_update(None, "user_version", USER_VERSION))
            .and_then(|()| catalog.db.execute_batch("COMMIT"))
            .map_err(|e| catalog.failed(e))?;
        Ok(catalog)
    }

    /// A catalog of its own for the caller, which leaves nothing behind; large ones
    /// spill to a temporary file.
    pub(crate) fn temporary() -> Result<Self> {
        let path = Path::new("(temporary)");
        let catalog = Self::with(Connection::open("").map_err(|e| failed(path, e))?, path)?;
        // It is filled at once, and nobody else has it open: what does not fit is written and
        // read again and again.
        catalog
            .db
            .pragma_update(None, "cache_size", -8192)
            .and_then(|()| catalog.db.pragma_update(None, "synchronous", "OFF"))
            .and_then(|()| catalog.db.execute_batch(include_str!("schema.sql")))
            .map_err(|e| catalog.failed(e))?;
        Ok(catalog)
    }

    /// Opens an existing catalog for reading; `None` if it is missing or of another
    /// make. `SQLite` needs files next to it: where none can be created, the catalog is read as one
    /// to which nobody can write, or a copy of it.
    pub fn open_to_read(path: &Path) -> Result<Option<Self>> {
        if !files::exists(path)? {
            return Ok(None);
        }
        let catalog = Self::with(files::open_to_read(path)?, path)?;
        match catalog.version() {
            Err(e) if is_not_writable(&e) => {}
            version => return catalog.of_version(version),
        }
        drop(catalog);
        if !files::is_frozen(path) {
            return Self::open_copy(path);
        }
        let mut catalog = Self::with(files::open_frozen(path)?, path)?;
        catalog.access = CatalogAccess::Frozen;
        let version = catalog.version();
        catalog.of_version(version)
    }

    /// Opens a copy of a catalog, which goes when it is dropped; `None` if the catalog is
    /// missing or of another make.
    pub(crate) fn open_copy(path: &Path) -> Result<Option<Self>> {
        if !files::exists(path)? {
            return Ok(None);
        }
        let dir = fsx::create_temporary_dir()?;
        let copy = dir.path().join(path.file_name().unwrap_or_default());
        files::copy(path, &copy)?;
        let mut catalog = Self::with(files::open(&copy)?, path)?;
        catalog.access = CatalogAccess::Copied;
        catalog.copies = OnceCell::from(dir);
        let version = catalog.version();
        catalog.of_version(version)
    }

    fn version(&self) -> rusqlite::Result<i64> {
        self.db.busy_timeout(PATIENCE)?;
        (self.db).pragma_query_value(None, "user_version", |r| r.get(0))
    }

    fn of_version(self, version: rusqlite::Result<i64>) -> Result<Option<Self>> {
        match version {
            Ok(USER_VERSION) if self.has_places()? => self.with_merged(),
            Ok(_) => Ok(None),
            Err(e) if is_garbage(&e) => Ok(None),
            Err(e) => Err(self.failed(e)),
        }
    }

    fn try_open(path: &Path) -> Result<Option<Self>> {
        if !files::exists(path)? {
            return Ok(None);
        }
        let catalog = Self::with(files::open(path)?, path)?;
        let version = catalog.version().map_err(|e| catalog.failed(e))?;
        if version != USER_VERSION || !catalog.has_places()? {
            return Ok(None);
        }
        catalog.configure()?;
        catalog.with_merged()
    }

    /// False if an account or directory is not one of a vault: the catalog may come from
    /// somebody else, and paths are made of them.
    fn has_places(&self) -> Result<bool> {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
        let all = "SELECT account, dir FROM folder UNION SELECT account, dir FROM origin
                   UNION SELECT account, '' FROM session UNION SELECT account, '' FROM learned
                   UNION SELECT account, '' FROM history WHERE account <> ''";
        let sound = self.db.prepare(all).and_then(|mut query| {
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let (account, dir): (String, String) = (row.get(0)?, row.get(1)?);
                if !is_account(&account) || !is_folder_dir(&dir) {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        match sound {
            // Not a catalog of our make, whatever its version says.
            Err(e)
                if matches!(
                    e.sqlite_error_code(),
                    None | Some(DatabaseCorrupt | NotADatabase | Unknown)
                ) =>
            {
                Ok(false)
            }
            sound => sound.map_err(|e| self.failed(e)),
        }
    }

    fn with(db: Connection, path: &Path) -> Result<Self> {
        db.set_prepared_statement_cache_capacity(64);
        // Plans must not depend on the values bound: SQLite would prepare them again each
        // time, a tenth of the CPU of a first pull.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(|source| failed(path, source))?;
        Ok(Self {
            db,
            path: path.to_path_buf(),
            access: CatalogAccess::InPlace,
            origins: HashMap::new(),
            folders: HashMap::new(),
            fresh: HashMap::new(),
            absent: RefCell::default(),
            tallies: tally::Tallies::default(),
            happened: history::Happened::default(),
            next_waypoint: 0,
            copies: OnceCell::new(),
            guide: RefCell::default(),
            searches: Cell::new(0),
            names: AccountNames::default(),
            merged: BTreeMap::new(),
        })
    }

    fn configure(&self) -> Result<()> {
        let journal = if fsx::is_network(&self.path) {
            "TRUNCATE"
        } else {
            "WAL"
        };
        self.db
            .busy_timeout(PATIENCE)
            .and_then(|()| self.db.pragma_update(None, "journal_mode", journal))
            .and_then(|()| self.db.pragma_update(None, "synchronous", "NORMAL"))
            .and_then(|()| self.db.pragma_update(None, "cache_size", -2048))
            .map_err(|e| self.failed(e))
    }

    /// Begins a transaction, if none is open.
    pub(crate) fn begin(&self) -> Result<()> {
        if self.db.is_autocommit() {
            self.run("BEGIN IMMEDIATE")?;
        }
        Ok(())
    }

    /// Ends the transaction, if one is open, noting how far the ledger was taken in.
    pub(crate) fn commit(&mut self, position: Option<&Position>) -> Result<()> {
        if self.db.is_autocommit() {
            return Ok(());
        }
        (self.put_tallies())
            .and_then(|()| self.put_happened())
            .map_err(|e| self.failed(e))?;
        if let Some(p) = position {
            self.put_waypoint(p)?;
            let text = format!("{} {} {} {}", p.file, p.offset, p.c.as_str(), p.seq);
            self.db
                .prepare_cached("INSERT OR REPLACE INTO meta VALUES ('position', ?1)")
                .and_then(|mut s| s.execute([text]))
                .map_err(|e| self.failed(e))?;
        }
        self.fresh.clear();
        self.absent.borrow_mut().clear();
        self.run("COMMIT")
    }

    /// Ends the transaction, if one is open, as if it had never begun.
    pub(crate) fn abandon(&mut self) -> Result<()> {
        self.fresh.clear();
        self.absent.borrow_mut().clear();
        self.origins.clear();
        self.folders.clear();
        self.tallies = tally::Tallies::default();
        self.happened = history::Happened::default();
        self.next_waypoint = 0;
        if self.db.is_autocommit() {
            return Ok(());
        }
        self.run("ROLLBACK")?;
        self.load_merged().map(drop)
    }

    /// Lets every attempt to note an upload fail, as a full disk would.
    #[cfg(test)]
    pub(crate) fn refuse_uploads(&self) {
        let _ = self.run(
            "CREATE TEMP TRIGGER refuse BEFORE INSERT ON uploaded
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
        );
    }

    /// Asks several questions in one transaction: without it each takes the locks again.
    pub(crate) fn at_once<T>(&self, ask: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.db.is_autocommit() {
            return ask();
        }
        self.run("BEGIN")?;
        let answer = ask();
        let ended = self.run("COMMIT");
        // Where the answer failed, SQLite may have ended the transaction itself.
        let answer = answer?;
        ended.map(|()| answer)
    }

    /// How far the ledger was taken in; `None` at the beginning.
    pub(crate) fn position(&self) -> Result<Option<Position>> {
        let text: Option<String> = self
            .db
            .query_row("SELECT value FROM meta WHERE key = 'position'", [], |r| {
                r.get(0)
            })
            .optional()
            .map_err(|e| self.failed(e))?;
        Ok(text.as_deref().and_then(parse_position))
    }

    /// True if no such content is known. Until the transaction ends nobody else can add one, so
    /// that it is looked for once.
    pub(crate) fn lacks(&self, hash: Hash128) -> Result<bool> {
        let lacks = self.blob_id(hash).map_err(|e| self.failed(e))?.is_none();
        let mut absent = self.absent.borrow_mut();
        if lacks && absent.len() < ABSENT && !self.db.is_autocommit() {
            absent.insert(hash);
        }
        Ok(lacks)
    }

    fn blob_id(&self, hash: Hash128) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.fresh.get(&hash) {
            return Ok(Some(*id));
        }
        if self.absent.borrow().contains(&hash) {
            return Ok(None);
        }
        if let Some(answer) = self.guided_id(hash)? {
            return Ok(answer);
        }
        let (h64, hrest) = split(hash);
        self.db
            .prepare_cached("SELECT id FROM blob WHERE h64 = ?1 AND hrest = ?2")?
            .query_row(rusqlite::params![h64, hrest], |r| r.get(0))
            .optional()
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.db.execute_batch(sql).map_err(|e| self.failed(e))
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        failed(&self.path, source)
    }
}

/// What went wrong; a disk that is full or takes no writes is reported as such.
fn failed(path: &Path, source: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, ReadOnly, SystemIoFailure};
    match source.sqlite_error_code() {
        Some(DiskFull) => {
            return Error::NoSpace {
                path: path.to_path_buf(),
                needed: None,
                free: None,
                source: None,
            };
        }
        // What the system said is lost in these: it is asked again.
        Some(CannotOpen | SystemIoFailure | ReadOnly) => {
            if let Some(Err(error)) = path.parent().map(fsx::try_write) {
                return error;
            }
        }
        _ => {}
    }
    Error::Catalog {
        path: path.to_path_buf(),
        source,
    }
}

/// True if a database cannot be read because nothing can be written next to it.
pub(super) fn is_not_writable(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    matches!(
        error.sqlite_error_code(),
        Some(CannotOpen | PermissionDenied | ReadOnly)
    )
}

pub(super) fn is_garbage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseCorrupt | NotADatabase)
    )
}

fn parse_position(text: &str) -> Option<Position> {
    let mut words = text.split(' ');
    Some(Position {
        file: words.next()?.to_owned(),
        offset: words.next()?.parse().ok()?,
        c: Checksum::parse(words.next()?)?,
        seq: words.next()?.parse().ok()?,
    })
}

/// `SQLite` has signed integers only; what does not fit is not a size.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn split(hash: Hash128) -> (i64, [u8; 8]) {
    let mut rest = [0; 8];
    rest.copy_from_slice(&hash.0[8..]);
    (hash.head().cast_signed(), rest)
}

fn joined(h64: i64, hrest: [u8; 8]) -> Hash128 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&h64.to_be_bytes());
    bytes[8..].copy_from_slice(&hrest);
    Hash128(bytes)
}

fn mid_key(mid: &[u8]) -> i64 {
    split(Hash128::of(mid)).0
}
