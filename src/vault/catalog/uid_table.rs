//! Which UID and UIDL each file of an exported folder gets, in a database of its own that
//! spills to the disk: a folder may have any number of messages.
//!
//! First everything is put in: the names of the servers, the records of an earlier export, the
//! files. Then UIDs and UIDLs are given.

use rusqlite::{Connection, params};

use super::scratch::{failed_scratch, scratch};
use super::unsigned;
use crate::base::error::Result;
use crate::mail::message::Hash128;

/// The tables. A UIDL without a content is nobody's to keep. `had` is the UIDL of the last
/// export, `uidl` that of this one.
const TABLES: &str = "
    PRAGMA cache_size = -8000;
    CREATE TABLE uid (content BLOB, uid INTEGER, gone INTEGER);
    CREATE TABLE uidl (content BLOB, uidl BLOB, fits INTEGER, gone INTEGER);
    CREATE TABLE file (date INTEGER, base TEXT, content BLOB);
    CREATE TABLE record (uid INTEGER PRIMARY KEY, content BLOB, base TEXT, had BLOB, uidl BLOB,
                         there INTEGER)";

/// Sorting once is cheaper than to keep an index in order.
const INDEXES: &str = "
    CREATE INDEX uid_content ON uid (content);
    CREATE INDEX uidl_content ON uidl (content);
    CREATE INDEX uidl_uidl ON uidl (uidl);
    CREATE INDEX file_base ON file (base);
    CREATE INDEX record_base ON record (base);
    CREATE UNIQUE INDEX record_uidl ON record (uidl);
    UPDATE record SET there = EXISTS (SELECT 1 FROM file WHERE file.base = record.base);
    UPDATE uidl SET content = NULL WHERE gone AND EXISTS
        (SELECT 1 FROM uidl AS other WHERE other.content = uidl.content AND NOT other.gone);";

const UNLISTED: &str = "
    SELECT DISTINCT date, base, content FROM file
    WHERE NOT EXISTS (SELECT 1 FROM record WHERE record.base = file.base) ORDER BY date, base";

/// UIDLs of the last export that stay: the server has the message under it, or has no other
/// for the message and says nothing of this one.
const STAYING: &str = "
    SELECT uid, had FROM record WHERE there AND had IS NOT NULL AND (
        EXISTS (SELECT 1 FROM uidl WHERE uidl.content = record.content AND uidl.uidl = had)
        OR NOT EXISTS (SELECT 1 FROM uidl WHERE uidl.content = record.content AND fits)
        AND NOT EXISTS (SELECT 1 FROM uidl WHERE uidl.uidl = had))
    ORDER BY uid";

/// All UIDLs that a message could have. (A condition on those that are given meanwhile would let
/// rows move below the cursor.)
const POSSIBLE: &str = "
    SELECT record.uid, uidl.uidl FROM record JOIN uidl ON uidl.content = record.content AND fits
    WHERE there ORDER BY record.uid, uidl.rowid";

const COUNT: &str = "
    SELECT count(*), coalesce(sum(of_server), 0), coalesce(sum(has), 0),
           coalesce(sum(unfit AND NOT has), 0), coalesce(sum(max(uids - 1, 0) + max(uidls - 1, 0)), 0)
    FROM (SELECT
        EXISTS (SELECT 1 FROM uid WHERE uid.content = record.content AND uid.uid = record.uid)
            AS of_server,
        EXISTS (SELECT 1 FROM uidl WHERE uidl.content = record.content AND uidl.uidl = record.uidl)
            AS has,
        EXISTS (SELECT 1 FROM uidl WHERE uidl.content = record.content AND NOT fits) AS unfit,
        (SELECT count(*) FROM uid WHERE uid.content = record.content AND NOT gone) AS uids,
        (SELECT count(*) FROM uidl WHERE uidl.content = record.content) AS uidls
        FROM record WHERE there)";

/// The UIDs and UIDLs of a folder's files.
#[derive(Debug)]
pub(crate) struct UidTable {
    db: Connection,
}

/// A file, or one that an earlier export had, with its UID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UidRecord {
    pub(crate) uid: u32,
    pub(crate) uidl: Option<String>,
    /// The file's name up to its flags.
    pub(crate) base: String,
}

/// What the files of a folder got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UidCounts {
    /// All that are there.
    pub(crate) files: u64,
    /// Of these, the ones with a UID that the server gave the message.
    pub(crate) uids: u64,
    /// The ones with a UIDL that the server gave the message.
    pub(crate) uidls: u64,
    /// The ones without, whose UIDL cannot be written.
    pub(crate) unfit_uidls: u64,
    /// Further UIDs and UIDLs of the same messages.
    pub(crate) others: u64,
}

impl UidTable {
    /// An empty one, of which nothing stays.
    pub(crate) fn new() -> Result<Self> {
        let db = scratch(TABLES)?;
        Ok(Self { db })
    }

    /// Adds a UID that a message has on its server, or had until it was deleted there.
    pub(crate) fn add_uid(&self, content: Hash128, uid: u32, is_gone: bool) -> Result<()> {
        self.put(
            "INSERT INTO uid VALUES (?1, ?2, ?3)",
            params![content.0, uid, is_gone],
        )
    }

    /// Adds a UIDL that a message has on its server, or had there: that one counts only if the
    /// server has no other for it. One without a content is nobody's to keep.
    pub(crate) fn add_uidl(
        &self,
        content: Option<Hash128>,
        uidl: &[u8],
        is_gone: bool,
    ) -> Result<()> {
        let content = content.map(|content| content.0);
        self.put(
            "INSERT INTO uidl VALUES (?1, ?2, ?3, ?4)",
            params![content, uidl, fits(uidl), is_gone],
        )
    }

    /// Adds what an earlier export wrote of a file.
    pub(crate) fn add_record(&self, record: &UidRecord, content: Hash128) -> Result<()> {
        let had = record.uidl.as_deref().map(str::as_bytes);
        self.put(
            "INSERT OR REPLACE INTO record VALUES (?1, ?2, ?3, ?4, NULL, 0)",
            params![record.uid, content.0, record.base, had],
        )
    }

    /// Adds a file that is there.
    pub(crate) fn add_file(&self, date: u64, base: &str, content: Hash128) -> Result<()> {
        let date = i64::try_from(date).unwrap_or(i64::MAX);
        self.put(
            "INSERT INTO file VALUES (?1, ?2, ?3)",
            params![date, base, content.0],
        )
    }

    fn put(&self, sql: &str, values: impl rusqlite::Params) -> Result<()> {
        let put = self.db.prepare_cached(sql);
        let put = put.and_then(|mut statement| statement.execute(values));
        put.map(drop).map_err(failed_scratch)
    }

    /// Gives every new file a UID and every file a UIDL. No UID is `end` or above. Those of the
    /// server count if `are_valid`; the others begin at `next`. Gives the next UID after them.
    pub(crate) fn give(&self, are_valid: bool, next: u32, end: u32) -> Result<u32> {
        let give = || -> rusqlite::Result<u32> {
            self.db.execute_batch(INDEXES)?;
            if are_valid {
                self.give_uids_of_the_server(end)?;
            }
            let next = self.number(next, end)?;
            self.give_uidls(STAYING)?;
            self.give_uidls(POSSIBLE)?;
            Ok(next)
        };
        give().map_err(failed_scratch)
    }

    fn give_uids_of_the_server(&self, end: u32) -> rusqlite::Result<()> {
        let mut files = self.db.prepare(UNLISTED)?;
        let mut insert = self.db.prepare(
            "INSERT INTO record SELECT min(uid.uid), ?1, ?2, NULL, NULL, 1 FROM uid
             WHERE content = ?1 AND NOT gone AND uid.uid BETWEEN 1 AND ?3 - 1
             AND NOT EXISTS (SELECT 1 FROM record WHERE record.uid = uid.uid)
             HAVING count(*) > 0",
        )?;
        let mut rows = files.query([])?;
        while let Some(row) = rows.next()? {
            let (base, content) = (row.get_ref(1)?, row.get_ref(2)?);
            insert.execute(params![content.as_blob()?, base.as_str()?, end])?;
        }
        Ok(())
    }

    fn number(&self, mut next: u32, end: u32) -> rusqlite::Result<u32> {
        let mut files = self.db.prepare(UNLISTED)?;
        let mut insert = self
            .db
            .prepare("INSERT INTO record VALUES (?1, ?2, ?3, NULL, NULL, 1)")?;
        let mut rows = files.query([])?;
        // Where no UID is left, Dovecot numbers the mailbox itself.
        while next < end
            && let Some(row) = rows.next()?
        {
            let (base, content) = (row.get_ref(1)?, row.get_ref(2)?);
            insert.execute(params![next, content.as_blob()?, base.as_str()?])?;
            next += 1;
        }
        Ok(next)
    }

    /// Gives messages the UIDLs of these rows, the first that is free. None is given twice: a
    /// mail program would never fetch the second message.
    fn give_uidls(&self, sql: &str) -> rusqlite::Result<()> {
        let mut possible = self.db.prepare(sql)?;
        let mut give = self.db.prepare(
            "UPDATE OR IGNORE record SET uidl = ?2 WHERE uid = ?1 AND record.uidl IS NULL",
        )?;
        let mut rows = possible.query([])?;
        while let Some(row) = rows.next()? {
            let (uid, uidl): (u32, Vec<u8>) = (row.get(0)?, row.get(1)?);
            give.execute(params![uid, uidl])?;
        }
        Ok(())
    }

    /// What the files got.
    pub(crate) fn count(&self) -> Result<UidCounts> {
        let count = self.db.query_row(COUNT, [], |r| {
            Ok(UidCounts {
                files: unsigned(r.get(0)?),
                uids: unsigned(r.get(1)?),
                uidls: unsigned(r.get(2)?),
                unfit_uidls: unsigned(r.get(3)?),
                others: unsigned(r.get(4)?),
            })
        });
        count.map_err(failed_scratch)
    }

    /// Calls `each` with every record in the order of UIDs, also those whose file is gone.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&UidRecord) -> Result<()>) -> Result<()> {
        let mut statement = self
            .db
            .prepare_cached("SELECT uid, uidl, base FROM record ORDER BY uid")
            .map_err(failed_scratch)?;
        let mut rows = statement.query([]).map_err(failed_scratch)?;
        while let Some(row) = rows.next().map_err(failed_scratch)? {
            let record = || -> rusqlite::Result<UidRecord> {
                let uidl: Option<Vec<u8>> = row.get(1)?;
                Ok(UidRecord {
                    uid: row.get(0)?,
                    uidl: uidl.map(|uidl| String::from_utf8_lossy(&uidl).into_owned()),
                    base: row.get(2)?,
                })
            };
            each(&record().map_err(failed_scratch)?)?;
        }
        Ok(())
    }
}

/// True for a UIDL of the characters that RFC 1939, section 7 allows.
fn fits(uidl: &[u8]) -> bool {
    !uidl.is_empty() && uidl.iter().all(u8::is_ascii_graphic)
}
