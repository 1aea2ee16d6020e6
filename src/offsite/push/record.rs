//! What is in the place, as an index that is derived: `<vault>/offsite/<name>/index.sqlite`.
//!
//! It changes in one transaction with each head. If it is missing, the next push puts everything
//! there again.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::spool::{PositionText, PushSpool, RoundEnd, SpooledObject};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::offsite::fault::CopyError;
use crate::offsite::head::{HeadObject, PushHead};
use crate::offsite::heads::NewestHead;
use crate::offsite::pack::{PackIndex, Recipients};
use crate::offsite::payload::{OwedMessage, message_hash};
use crate::vault::ledger::Position;

const VERSION: i64 = 3;
const SCHEMA: &str = "
    CREATE TABLE state (text TEXT NOT NULL);
    CREATE TABLE object (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
                         size INTEGER NOT NULL, md5 BLOB NOT NULL, keys BLOB NOT NULL);
    CREATE TABLE superseded (name TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE message (hash BLOB PRIMARY KEY, object INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE owed (hash BLOB PRIMARY KEY) WITHOUT ROWID;
";

/// The newest head, as the place says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastHead {
    pub(super) seq: u64,
    pub(super) sha256: [u8; 32],
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    /// When it was written, in Unix seconds.
    pub(super) time: i64,
}

impl LastHead {
    pub(super) fn of(newest: &NewestHead) -> Self {
        Self {
            seq: newest.seq,
            sha256: newest.digests.sha256,
            size: newest.digests.length,
            md5: newest.digests.md5,
            time: newest.time,
        }
    }
}

/// How far the place is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CopyState {
    /// The id of the vault here.
    pub(super) vault_id: String,
    /// What the vault is called there.
    pub(super) pseudonym: String,
    pub(super) last: Option<LastHead>,
    /// The number of the head that begins the ledger there; none if the next one does.
    pub(super) begin: Option<u64>,
    position: Option<PositionText>,
}

impl CopyState {
    /// Of a place that has nothing of the vault's ledger.
    pub(super) fn new(vault_id: &str, pseudonym: String, last: Option<LastHead>) -> Self {
        Self {
            vault_id: vault_id.to_owned(),
            pseudonym,
            last,
            begin: None,
            position: None,
        }
    }

    /// The same, with the ledger that a head begins up to a place.
    pub(super) fn at(self, begin: u64, position: &Position) -> Self {
        Self {
            begin: Some(begin),
            position: Some(PositionText::of(position)),
            ..self
        }
    }

    /// Up to where the place has the ledger.
    pub(super) fn position(&self) -> Option<Position> {
        self.position.as_ref().and_then(PositionText::position)
    }

    /// The state after a round.
    pub(super) fn after(&self, end: &RoundEnd, begin: u64, last: LastHead) -> Self {
        Self {
            begin: Some(begin),
            last: Some(last),
            position: end.position.clone().or_else(|| self.position.clone()),
            ..self.clone()
        }
    }

    pub(super) fn next_seq(&self) -> u64 {
        self.last.as_ref().map_or(1, |last| last.seq + 1)
    }
}

/// An object that has messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordedObject {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    /// Who can read it.
    pub(super) keys: Hash128,
}

/// A name of public keys, whatever their order.
pub(super) fn keys_id(recipients: &Recipients) -> Hash128 {
    let mut texts: Vec<String> = recipients.texts().collect();
    texts.sort_unstable();
    Hash128::of(texts.join("\n").as_bytes())
}

/// The index.
#[derive(Debug)]
pub(super) struct CopyRecord {
    db: Connection,
    path: PathBuf,
}

impl CopyRecord {
    fn path(folder: &Path) -> PathBuf {
        folder.join("index.sqlite")
    }

    /// Removes the index.
    pub(super) fn remove(folder: &Path) -> Result<()> {
        for file in [folder.join("index.sqlite-journal"), Self::path(folder)] {
            if fsx::look(&file)?.is_some() {
                fsx::remove(&file)?;
            }
        }
        Ok(())
    }

    /// Puts the index of another folder in place of this one's.
    pub(super) fn replace(folder: &Path, by: &Path) -> Result<()> {
        // A journal is of the old one.
        Self::remove(folder)?;
        fsx::rename(&Self::path(by), &Self::path(folder))?;
        fsx::sync_dir(folder)
    }

    /// Opens the index; none if it is missing, damaged or of another version.
    pub(super) fn open(folder: &Path) -> Result<Option<Self>> {
        let path = Self::path(folder);
        if !fsx::is_file(&path)? {
            return Ok(None);
        }
        let record = match Self::connect(path) {
            Err(Error::Catalog { source, .. }) if is_garbage(&source) => return Ok(None),
            record => record?,
        };
        let version = record.db.query_row("PRAGMA user_version", [], |r| r.get(0));
        match version {
            Ok(VERSION) => Ok(Some(record)),
            Ok(_) => Ok(None),
            Err(e) if is_garbage(&e) => Ok(None),
            Err(e) => Err(record.failed(e)),
        }
    }

    /// Makes an empty index in place of any that is there.
    pub(super) fn create(folder: &Path, state: &CopyState) -> Result<Self> {
        let path = Self::path(folder);
        Self::remove(folder)?;
        // SQLite would create it with the mode of the umask.
        drop(fsx::create_new(&path)?);
        let record = Self::connect(path)?;
        let text = serde_json::to_string(state).unwrap_or_default();
        let made = record.in_one(|db| {
            db.execute_batch(SCHEMA)?;
            db.execute("INSERT INTO state VALUES (?1)", [&text])?;
            db.pragma_update(None, "user_version", VERSION)
        });
        made.map_err(|e| record.failed(e))?;
        fsx::sync_dir(folder)?;
        Ok(record)
    }

    fn connect(path: PathBuf) -> Result<Self> {
        let failed = |source| Error::Catalog {
            path: path.clone(),
            source,
        };
        let db = Connection::open(&path).map_err(failed)?;
        db.pragma_update(None, "cache_size", -4096)
            .and_then(|()| db.pragma_update(None, "synchronous", "FULL"))
            .map_err(failed)?;
        Ok(Self { db, path })
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Catalog {
            path: self.path.clone(),
            source,
        }
    }

    /// Does all of it or nothing.
    fn in_one(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let transaction = self.db.unchecked_transaction()?;
        work(&transaction)?;
        transaction.commit()
    }

    /// How far the place is; none if the index does not say.
    pub(super) fn state(&self) -> Result<Option<CopyState>> {
        let text = self
            .db
            .query_row("SELECT text FROM state", [], |r| r.get::<_, String>(0));
        let text = text.optional().map_err(|e| self.failed(e))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// True if a content is in a pack or push that a head names.
    pub(super) fn has(&self, hash: Hash128) -> Result<bool> {
        let mut ask = (self.db)
            .prepare_cached("SELECT 1 FROM message WHERE hash = ?1")
            .map_err(|e| self.failed(e))?;
        ask.exists([&hash.0[..]]).map_err(|e| self.failed(e))
    }

    /// True if a head names an object.
    pub(super) fn has_object(&self, name: &str) -> Result<bool> {
        let mut ask = (self.db)
            .prepare_cached("SELECT 1 FROM object WHERE name = ?1")
            .map_err(|e| self.failed(e))?;
        ask.exists([name]).map_err(|e| self.failed(e))
    }

    /// Contents that could not be read so far.
    pub(super) fn owed(&self) -> Result<Vec<Hash128>> {
        let failed = |e| self.failed(e);
        let mut ask = self.db.prepare("SELECT hash FROM owed").map_err(failed)?;
        let rows = ask.query_map([], |row| row.get(0)).map_err(failed)?;
        let rows: rusqlite::Result<Vec<[u8; 16]>> = rows.collect();
        Ok(rows.map_err(failed)?.into_iter().map(Hash128).collect())
    }

    /// Takes in a round whose head is there.
    pub(super) fn commit(
        &self,
        spool: &PushSpool,
        end: &RoundEnd,
        state: &CopyState,
        head: &PushHead,
    ) -> Result<()> {
        let text = serde_json::to_string(state).unwrap_or_default();
        let transaction = self.db.unchecked_transaction();
        let transaction = transaction.map_err(|e| self.failed(e))?;
        for pack in spool.packs()? {
            let index = spool.index(&pack)?;
            self.put_spooled(&pack, end.keys(), index_hashes(&index))?;
        }
        let hashes = end.messages.iter().filter_map(|hash| Hash128::parse(hash));
        self.put_spooled(&end.object, end.keys(), hashes)?;
        for name in &head.replaces {
            (self.db)
                .execute("DELETE FROM superseded WHERE name = ?1", [name])
                .map_err(|e| self.failed(e))?;
        }
        self.put_owed(&end.owed())
            .and_then(|()| {
                (self.db)
                    .execute("UPDATE state SET text = ?1", [&text])
                    .map(|_| ())
            })
            .and_then(|()| transaction.commit())
            .map_err(|e| self.failed(e))
    }

    /// Takes in all that `read` finds in a place, with the state that it gives.
    pub(super) fn fill(
        &self,
        read: impl FnOnce(&Self) -> Result<CopyState, CopyError>,
    ) -> Result<(), CopyError> {
        let transaction = self.db.unchecked_transaction();
        let transaction = transaction.map_err(|e| self.failed(e))?;
        let state = read(self)?;
        let text = serde_json::to_string(&state).unwrap_or_default();
        let put = (self.db).execute("UPDATE state SET text = ?1", [&text]);
        put.and_then(|_| transaction.commit())
            .map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// Notes an object and the messages in it.
    pub(super) fn found(
        &self,
        object: &HeadObject,
        keys: Hash128,
        hashes: impl Iterator<Item = Hash128>,
    ) -> Result<()> {
        self.put_object(object, keys, hashes)
            .map_err(|e| self.failed(e))
    }

    /// Notes objects that are superfluous once everything is there again.
    pub(super) fn supersede<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<()> {
        self.in_one(|db| {
            let mut put = db.prepare("INSERT OR IGNORE INTO superseded VALUES (?1)")?;
            for name in names {
                put.execute([name])?;
            }
            Ok(())
        })
        .map_err(|e| self.failed(e))
    }

    /// Objects that a head may replace, if everything is there again.
    pub(super) fn superseded(&self) -> Result<Vec<String>> {
        let failed = |e| self.failed(e);
        let mut ask = (self.db)
            .prepare("SELECT name FROM superseded ORDER BY name")
            .map_err(failed)?;
        let rows = ask.query_map([], |row| row.get(0)).map_err(failed)?;
        rows.collect::<rusqlite::Result<_>>().map_err(failed)
    }

    /// Takes an object for lost: the messages in it are owed, and it is to be replaced.
    pub(super) fn lose(&self, name: &str) -> Result<()> {
        self.in_one(|db| {
            db.execute(
                "INSERT OR IGNORE INTO owed SELECT hash FROM message WHERE object IN
                 (SELECT id FROM object WHERE name = ?1)",
                [name],
            )?;
            db.execute(
                "DELETE FROM message WHERE object IN (SELECT id FROM object WHERE name = ?1)",
                [name],
            )?;
            if db.execute("DELETE FROM object WHERE name = ?1", [name])? > 0 {
                db.execute("INSERT OR IGNORE INTO superseded VALUES (?1)", [name])?;
            }
            Ok(())
        })
        .map_err(|e| self.failed(e))
    }

    /// How many messages are in objects that are encrypted to other keys than these.
    pub(super) fn of_other_keys(&self, keys: Hash128) -> Result<u64> {
        // Mostly there is no such object, and the messages need not be looked at.
        let count = self.db.query_row(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM object WHERE keys <> ?1)
             THEN (SELECT count(*) FROM message JOIN object ON object.id = object WHERE keys <> ?1)
             ELSE 0 END",
            [&keys.0[..]],
            |row| row.get::<_, i64>(0),
        );
        count.map(i64::cast_unsigned).map_err(|e| self.failed(e))
    }

    /// The object that has a content; none if none has.
    pub(super) fn object_of(&self, hash: Hash128) -> Result<Option<RecordedObject>> {
        let mut ask = (self.db)
            .prepare_cached(
                "SELECT object.id, name, size, md5, keys FROM message
                 JOIN object ON object.id = message.object WHERE hash = ?1",
            )
            .map_err(|e| self.failed(e))?;
        let found = ask.query_row([&hash.0[..]], |row| {
            Ok(RecordedObject {
                id: row.get(0)?,
                name: row.get(1)?,
                size: row.get::<_, i64>(2)?.cast_unsigned(),
                md5: row.get(3)?,
                keys: Hash128(row.get(4)?),
            })
        });
        found.optional().map_err(|e| self.failed(e))
    }

    fn put_spooled(
        &self,
        object: &SpooledObject,
        keys: Hash128,
        hashes: impl Iterator<Item = Hash128>,
    ) -> Result<()> {
        let Some(object) = object.head_object() else {
            return Err(Error::Damaged {
                path: self.path.clone(),
                detail: "what a push left has no hashes".to_owned(),
            });
        };
        self.found(&object, keys, hashes)
    }

    /// Notes messages that the place owes.
    pub(super) fn found_owed(&self, owed: &[OwedMessage]) -> Result<()> {
        self.put_owed(owed).map_err(|e| self.failed(e))
    }

    fn put_object(
        &self,
        object: &HeadObject,
        keys: Hash128,
        hashes: impl Iterator<Item = Hash128>,
    ) -> rusqlite::Result<()> {
        let name = object.name.as_str();
        let mut put = (self.db).prepare_cached(
            "INSERT OR IGNORE INTO object (name, size, md5, keys) VALUES (?1, ?2, ?3, ?4)",
        )?;
        put.execute(params![
            name,
            object.size.cast_signed(),
            &object.md5[..],
            &keys.0[..]
        ])?;
        let mut find = self
            .db
            .prepare_cached("SELECT id FROM object WHERE name = ?1")?;
        let id: i64 = find.query_row([name], |row| row.get(0))?;
        let mut put = (self.db).prepare_cached("INSERT OR REPLACE INTO message VALUES (?1, ?2)")?;
        let mut pay = self.db.prepare_cached("DELETE FROM owed WHERE hash = ?1")?;
        for hash in hashes {
            put.execute(params![&hash.0[..], id])?;
            pay.execute([&hash.0[..]])?;
        }
        Ok(())
    }

    fn put_owed(&self, owed: &[OwedMessage]) -> rusqlite::Result<()> {
        let mut put = (self.db).prepare_cached("INSERT OR IGNORE INTO owed VALUES (?1)")?;
        for message in owed {
            put.execute([&message.hash.0[..]])?;
        }
        Ok(())
    }
}

/// The messages of a pack.
pub(super) fn index_hashes(index: &PackIndex) -> impl Iterator<Item = Hash128> + '_ {
    let members = index.members().iter();
    members.filter_map(|member| message_hash(&member.name))
}

fn is_garbage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    )
}
