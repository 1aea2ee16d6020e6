//! What the pages of an HTML archive say about each other, in a database of one run that spills to
//! the disk: which messages belong to a conversation, on which page each of them is, and which
//! come before and after it in a folder.
//!
//! Conversations come from Message-ID, In-Reply-To and References (RFC 5322, section 3.6.4): two
//! messages belong together if one names the other, or both name a third. In memory are four
//! bytes for each message.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::scratch::{failed_scratch, scratch};
use super::stats::{Amount, Groups, address, amount};
use super::{senders, signed, unsigned};
use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;

/// The number under which all messages are listed, each once. Folders have others.
pub(crate) const EVERYTHING: i64 = 0;

const TABLES: &str = "
    CREATE TABLE letter (n INTEGER PRIMARY KEY, id BLOB UNIQUE, path BLOB, octets INTEGER,
                         date INTEGER, sender TEXT, subject TEXT, flags TEXT, folder INTEGER,
                         listed INTEGER, attachments INTEGER, weight INTEGER, addressee TEXT, thread INTEGER);
    CREATE TABLE listed (folder INTEGER, date INTEGER, id BLOB, n INTEGER, flags TEXT,
                         PRIMARY KEY (folder, date, id)) WITHOUT ROWID;
    CREATE TABLE named (mid BLOB PRIMARY KEY, n INTEGER) WITHOUT ROWID;
    CREATE TABLE leaf (root BLOB, page INTEGER, place INTEGER, n INTEGER,
                       PRIMARY KEY (root, page, place)) WITHOUT ROWID;
    CREATE TABLE person (address TEXT PRIMARY KEY, name TEXT, wrote INTEGER, got INTEGER,
                         own INTEGER) WITHOUT ROWID";

/// The columns that [`letter`] reads.
const LETTER: &str = "letter.id, path, octets, letter.date, sender, subject, letter.flags,
                      letter.folder, letter.listed, attachments, weight, addressee";

/// A message of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SiteLetter {
    pub(crate) id: Hash128,
    /// Its file in the vault.
    pub(crate) path: PathBuf,
    pub(crate) octets: u64,
    /// The first time at which it was received, in Unix seconds; 0 if nobody knows.
    pub(crate) date: i64,
    pub(crate) from: String,
    /// Whom it was sent to, if it was sent from here.
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) flags: String,
    /// The first folder that has it.
    pub(crate) folder: i64,
    /// When it was received there.
    pub(crate) listed: i64,
    pub(crate) attachments: u64,
    /// Bytes of its text, as HTML and without.
    pub(crate) weight: u64,
}

/// Where a message is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SiteLink {
    /// The first message of its conversation.
    pub(crate) root: Hash128,
    /// The page of the conversation, from 1.
    pub(crate) page: u64,
    pub(crate) id: Hash128,
    pub(crate) subject: String,
}

/// One page of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SiteThread {
    pub(crate) root: Hash128,
    pub(crate) page: u64,
    /// True if another page follows.
    pub(crate) goes_on: bool,
    pub(crate) letters: Vec<SiteLetter>,
}

/// Someone who wrote or was written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Correspondent {
    pub(crate) address: String,
    pub(crate) name: String,
    /// Messages from them.
    pub(crate) wrote: u64,
    /// Messages to them.
    pub(crate) got: u64,
}

/// How much a page of a conversation may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadBounds {
    pub(crate) messages: u64,
    pub(crate) weight: u64,
}

/// The messages of an archive in the making.
#[derive(Debug)]
pub(crate) struct SiteIndex {
    db: Connection,
    /// For each message another of its conversation, or itself; `find` leads to the same for all.
    joined: Vec<u32>,
}

impl SiteIndex {
    /// An empty one, of which nothing stays.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            db: scratch(TABLES)?,
            joined: Vec::new(),
        })
    }

    /// Lists a message in a folder; false if the message is not in the index yet.
    pub(crate) fn list(&self, folder: i64, id: Hash128, date: i64, flags: &str) -> Result<bool> {
        let put = || {
            let find = "SELECT n, date FROM letter WHERE id = ?1";
            let known: Option<(i64, i64)> = self
                .db
                .prepare_cached(find)?
                .query_row([id.0], |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?;
            let Some((n, first)) = known else {
                return Ok(false);
            };
            self.db
                .prepare_cached("INSERT OR IGNORE INTO listed VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![folder, date, id.0, n, flags])?;
            if date > 0 && (first <= 0 || date < first) {
                self.db
                    .prepare_cached("UPDATE letter SET date = ?2 WHERE n = ?1")?
                    .execute([n, date])?;
            }
            Ok(true)
        };
        put().map_err(failed_scratch)
    }

    /// Adds a message and lists it in its folder. `named` are the Message-IDs that it has and
    /// names.
    pub(crate) fn add(&mut self, letter: &SiteLetter, named: &[Hash128]) -> Result<()> {
        let n = u32::try_from(self.joined.len()).unwrap_or(u32::MAX);
        self.joined.push(n);
        let put = || -> rusqlite::Result<Vec<u32>> {
            self.db
                .prepare_cached(
                    "INSERT INTO letter VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?1)",
                )?
                .execute(params![
                    n,
                    letter.id.0,
                    letter.path.as_os_str().as_bytes(),
                    signed(letter.octets),
                    letter.date,
                    letter.from,
                    letter.subject,
                    letter.flags,
                    letter.folder,
                    letter.listed,
                    signed(letter.attachments),
                    signed(letter.weight),
                    letter.to,
                ])?;
            let mut others = Vec::new();
            let mut find = (self.db).prepare_cached("SELECT n FROM named WHERE mid = ?1")?;
            let mut note = (self.db).prepare_cached("INSERT INTO named VALUES (?1, ?2)")?;
            for mid in named {
                match find.query_row([mid.0], |r| r.get(0)).optional()? {
                    Some(other) => others.push(other),
                    None => drop(note.execute(params![mid.0, n])?),
                }
            }
            Ok(others)
        };
        for other in put().map_err(failed_scratch)? {
            self.join(n, other);
        }
        self.list(letter.folder, letter.id, letter.listed, &letter.flags)?;
        Ok(())
    }

    fn find(&mut self, mut n: u32) -> u32 {
        while let Some(&above) = self.joined.get(n as usize).filter(|above| **above != n) {
            let next = self.joined[above as usize];
            self.joined[n as usize] = next;
            n = next;
        }
        n
    }

    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.find(one), self.find(other));
        self.joined[one.max(other) as usize] = one.min(other);
    }

    /// Counts a message of or to somebody; `own` if it was sent from here.
    pub(crate) fn count(&self, address: &str, name: &str, wrote: bool, own: bool) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT INTO person VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE
                 SET wrote = wrote + excluded.wrote, got = got + excluded.got,
                     own = max(own, excluded.own), name = coalesce(nullif(name, ''), excluded.name)",
            )
            .and_then(|mut put| put.execute(params![address, name, wrote, !wrote, own]))
            .map(drop)
            .map_err(failed_scratch)
    }

    /// Those with whom most messages were exchanged, without those who wrote from here.
    pub(crate) fn correspondents(&self, limit: u64) -> Result<Vec<Correspondent>> {
        let ask = || {
            let sql = "SELECT address, name, wrote, got FROM person WHERE NOT own
                       ORDER BY wrote + got DESC, address LIMIT ?1";
            let mut ask = self.db.prepare(sql)?;
            let rows = ask.query_map([signed(limit)], |r| {
                Ok(Correspondent {
                    address: r.get(0)?,
                    name: r.get(1)?,
                    wrote: unsigned(r.get(2)?),
                    got: unsigned(r.get(3)?),
                })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        ask().map_err(failed_scratch)
    }

    /// Begins to add up what each sender sent.
    pub(crate) fn begin_senders(&self) -> Result<()> {
        senders::begin(&self.db).map_err(failed_scratch)
    }

    /// Adds a message to what its sender sent.
    pub(crate) fn add_sender(&self, letter: &SiteLetter) -> Result<()> {
        let mut one = Amount::default();
        one.add(letter.octets);
        senders::add(&self.db, &address(&letter.from), one).map_err(failed_scratch)
    }

    /// The senders who sent most.
    pub(crate) fn largest_senders(&self, top: u64) -> Result<Groups> {
        senders::largest(&self.db, top).map_err(failed_scratch)
    }

    /// How much is in each folder.
    pub(crate) fn folder_sums(&self) -> Result<Vec<(i64, Amount)>> {
        let ask = || {
            let sql = "SELECT count(*), sum(octets), listed.folder FROM listed
                       JOIN letter ON letter.n = listed.n
                       WHERE listed.folder <> ?1 GROUP BY listed.folder";
            let mut ask = self.db.prepare(sql)?;
            let rows = ask.query_map([EVERYTHING], |r| Ok((r.get(2)?, amount(r, 0)?)))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        ask().map_err(failed_scratch)
    }

    /// Divides all messages into conversations and their pages, the oldest message first: what
    /// comes later changes only the last page of a conversation.
    pub(crate) fn arrange(&mut self, bounds: ThreadBounds) -> Result<()> {
        for n in 0..u32::try_from(self.joined.len()).unwrap_or(u32::MAX) {
            let first = self.find(n);
            if first != n {
                self.db
                    .prepare_cached("UPDATE letter SET thread = ?2 WHERE n = ?1")
                    .and_then(|mut put| put.execute([n, first]))
                    .map_err(failed_scratch)?;
            }
        }
        let arrange = || {
            self.db.execute_batch(
                "INSERT INTO listed SELECT 0, date, id, n, flags FROM letter;
                 CREATE INDEX letter_thread ON letter (thread, date, id)",
            )?;
            let mut put = self
                .db
                .prepare("INSERT INTO leaf VALUES (?1, ?2, ?3, ?4)")?;
            let mut walk = self
                .db
                .prepare("SELECT n, thread, id, weight FROM letter ORDER BY thread, date, id")?;
            let mut rows = walk.query([])?;
            let mut thread: Option<(i64, [u8; 16])> = None;
            let (mut page, mut place, mut weight) = (1, 0, 0);
            while let Some(row) = rows.next()? {
                let (n, of, id): (i64, i64, [u8; 16]) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let more = unsigned(row.get(3)?);
                let root = match thread {
                    Some((known, root)) if known == of => root,
                    _ => {
                        (page, place, weight) = (1, 0, 0);
                        id
                    }
                };
                thread = Some((of, root));
                if place > 0 && (place >= bounds.messages || weight + more > bounds.weight) {
                    (page, place, weight) = (page + 1, 0, 0);
                }
                put.execute(params![root, page, signed(place), n])?;
                place += 1;
                weight += more;
            }
            (self.db).execute_batch("CREATE UNIQUE INDEX leaf_n ON leaf (n)")
        };
        arrange().map_err(failed_scratch)
    }

    /// True if a message is in the index.
    pub(crate) fn has(&self, id: Hash128) -> Result<bool> {
        self.db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM letter WHERE id = ?1)")
            .and_then(|mut ask| ask.query_row([id.0], |r| r.get(0)))
            .map_err(failed_scratch)
    }

    /// True if a conversation has a page of this number.
    pub(crate) fn has_page(&self, root: Hash128, page: u64) -> Result<bool> {
        self.db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM leaf WHERE root = ?1 AND page = ?2)")
            .and_then(|mut ask| ask.query_row(params![root.0, signed(page)], |r| r.get(0)))
            .map_err(failed_scratch)
    }

    /// Calls `each` with every page of every conversation.
    pub(crate) fn for_each_thread(
        &self,
        each: &mut dyn FnMut(&SiteThread) -> Result<()>,
    ) -> Result<()> {
        let sql = format!(
            "SELECT {LETTER}, root, page FROM leaf JOIN letter ON letter.n = leaf.n
             ORDER BY root, page, place"
        );
        let mut open: Option<SiteThread> = None;
        self.walk(
            &sql,
            &[],
            &mut |row| {
                let (found, root) = (letter(row)?, id(row, 12)?);
                let page = unsigned(row.get(13)?);
                Ok((found, root, page))
            },
            &mut |(found, root, page)| {
                if let Some(thread) = &mut open {
                    if thread.root == root && thread.page == page {
                        thread.letters.push(found);
                        return Ok(());
                    }
                    thread.goes_on = thread.root == root;
                    each(thread)?;
                }
                open = Some(SiteThread {
                    root,
                    page,
                    goes_on: false,
                    letters: vec![found],
                });
                Ok(())
            },
        )?;
        open.iter().try_for_each(each)
    }

    /// Calls `each` with the messages of a folder, the oldest first, as they are there.
    pub(crate) fn for_each_listed(
        &self,
        folder: i64,
        each: &mut dyn FnMut(&SiteLetter, &SiteLink) -> Result<()>,
    ) -> Result<()> {
        let sql = format!(
            "SELECT {LETTER}, root, page, listed.date, listed.flags FROM listed
             JOIN letter ON letter.n = listed.n JOIN leaf ON leaf.n = listed.n
             WHERE listed.folder = ?1 ORDER BY listed.date, listed.id"
        );
        self.walk(
            &sql,
            &[folder],
            &mut |row| {
                let found = SiteLetter {
                    date: row.get(14)?,
                    flags: row.get(15)?,
                    ..letter(row)?
                };
                let link = SiteLink {
                    root: id(row, 12)?,
                    page: unsigned(row.get(13)?),
                    id: found.id,
                    subject: found.subject.clone(),
                };
                Ok((found, link))
            },
            &mut |(found, link)| each(&found, &link),
        )
    }

    /// What comes before and after a message in the list of its first folder.
    pub(crate) fn neighbours(
        &self,
        letter: &SiteLetter,
    ) -> Result<(Option<SiteLink>, Option<SiteLink>)> {
        let ask = |than: &str, order: &str| {
            let sql = format!(
                "SELECT root, page, letter.id, subject FROM
                 (SELECT n FROM listed WHERE folder = ?1 AND (date, id) {than} (?2, ?3)
                  ORDER BY date {order}, id {order} LIMIT 1) AS next
                 JOIN letter ON letter.n = next.n JOIN leaf ON leaf.n = next.n"
            );
            let link = |row: &Row<'_>| {
                Ok(SiteLink {
                    root: id(row, 0)?,
                    page: unsigned(row.get(1)?),
                    id: id(row, 2)?,
                    subject: row.get(3)?,
                })
            };
            let mut ask = self.db.prepare_cached(&sql)?;
            ask.query_row(params![letter.folder, letter.listed, letter.id.0], link)
                .optional()
        };
        let both = || Ok((ask("<", "DESC")?, ask(">", "ASC")?));
        both().map_err(failed_scratch)
    }

    /// Reads rows, and hands on what was read; errors of both kinds end it.
    fn walk<T>(
        &self,
        sql: &str,
        values: &[i64],
        read: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<T>,
        each: &mut dyn FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.db.prepare(sql).map_err(failed_scratch)?;
        let mut rows =
            (statement.query(rusqlite::params_from_iter(values))).map_err(failed_scratch)?;
        while let Some(row) = rows.next().map_err(failed_scratch)? {
            each(read(row).map_err(failed_scratch)?)?;
        }
        Ok::<(), Error>(())
    }
}

fn id(row: &Row<'_>, at: usize) -> rusqlite::Result<Hash128> {
    row.get(at).map(Hash128)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<SiteLetter> {
    let path: Vec<u8> = row.get(1)?;
    Ok(SiteLetter {
        id: id(row, 0)?,
        path: OsString::from_vec(path).into(),
        octets: unsigned(row.get(2)?),
        date: row.get(3)?,
        from: row.get(4)?,
        subject: row.get(5)?,
        flags: row.get(6)?,
        folder: row.get(7)?,
        listed: row.get(8)?,
        attachments: unsigned(row.get(9)?),
        weight: unsigned(row.get(10)?),
        to: row.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const BOUNDS: ThreadBounds = ThreadBounds {
        messages: 2,
        weight: 100,
    };

    fn id_of(n: u8) -> Hash128 {
        Hash128([n; 16])
    }

    fn letter_of(n: u8, date: i64, weight: u64) -> SiteLetter {
        SiteLetter {
            id: id_of(n),
            path: format!("{n}").into(),
            octets: 1,
            date,
            from: "ann".into(),
            to: String::new(),
            subject: format!("letter {n}"),
            flags: "S".into(),
            folder: 1,
            listed: date,
            attachments: 0,
            weight,
        }
    }

    fn threads(index: &SiteIndex) -> Vec<(u8, u64, bool, Vec<u8>)> {
        let mut all = Vec::new();
        let each = &mut |thread: &SiteThread| {
            let letters = thread.letters.iter().map(|l| l.id.0[0]).collect();
            all.push((thread.root.0[0], thread.page, thread.goes_on, letters));
            Ok(())
        };
        index.for_each_thread(each).unwrap();
        all
    }

    #[test]
    fn what_names_the_same_message_is_one_conversation_in_pages() {
        let mut index = SiteIndex::new().unwrap();
        let mid = |n: u8| Hash128([100 + n; 16]);
        // 3 and 2 name a message that is not there; 4 joins them and 1.
        index.add(&letter_of(3, 30, 1), &[mid(3), mid(9)]).unwrap();
        index.add(&letter_of(1, 10, 1), &[mid(1)]).unwrap();
        index.add(&letter_of(2, 20, 1), &[mid(2), mid(9)]).unwrap();
        index.add(&letter_of(5, 50, 1), &[mid(5)]).unwrap();
        index
            .add(&letter_of(4, 40, 1), &[mid(4), mid(2), mid(1)])
            .unwrap();
        index.arrange(BOUNDS).unwrap();
        let wanted = vec![
            (1, 1, true, vec![1, 2]),
            (1, 2, false, vec![3, 4]),
            (5, 1, false, vec![5]),
        ];
        assert_eq!(threads(&index), wanted);
    }

    #[test]
    fn a_page_ends_before_a_long_message_and_messages_that_name_each_other_end() {
        let mut index = SiteIndex::new().unwrap();
        let mids = [Hash128([1; 16]), Hash128([2; 16])];
        index.add(&letter_of(1, 10, 90), &mids).unwrap();
        index.add(&letter_of(2, 20, 500), &mids).unwrap();
        index.arrange(BOUNDS).unwrap();
        assert_eq!(
            threads(&index),
            vec![(1, 1, true, vec![1]), (1, 2, false, vec![2])]
        );
    }

    #[test]
    fn a_message_is_in_each_of_its_folders_and_its_first_date_counts() {
        let mut index = SiteIndex::new().unwrap();
        assert!(!index.list(1, id_of(1), 5, "").unwrap());
        for n in 1..=3 {
            index.add(&letter_of(n, i64::from(n) * 10, 1), &[]).unwrap();
        }
        assert!(index.list(2, id_of(3), 4, "F").unwrap());
        index.arrange(BOUNDS).unwrap();
        let listed = |folder| {
            let mut all = Vec::new();
            index
                .for_each_listed(folder, &mut |letter, link| {
                    assert_eq!(link.id, letter.id);
                    all.push((letter.id.0[0], letter.date, letter.flags.clone()));
                    Ok(())
                })
                .unwrap();
            all
        };
        let s = || "S".to_owned();
        assert_eq!(listed(1), [(1, 10, s()), (2, 20, s()), (3, 30, s())]);
        assert_eq!(listed(2), [(3, 4, "F".to_owned())]);
        assert_eq!(
            listed(EVERYTHING),
            [(3, 4, s()), (1, 10, s()), (2, 20, s())]
        );
        let next = |n: u8| {
            let (before, after) = index
                .neighbours(&letter_of(n, i64::from(n) * 10, 1))
                .unwrap();
            (before.map(|l| l.id.0[0]), after.map(|l| l.id.0[0]))
        };
        assert_eq!(next(1), (None, Some(2)));
        assert_eq!(next(2), (Some(1), Some(3)));
        assert_eq!(next(3), (Some(2), None));
    }

    #[test]
    fn who_wrote_from_here_is_no_correspondent() {
        let index = SiteIndex::new().unwrap();
        index.count("me@x", "Me", true, true).unwrap();
        index.count("bob@x", "", false, false).unwrap();
        index.count("bob@x", "Bob", true, false).unwrap();
        index.count("eve@x", "Eve", true, false).unwrap();
        let found = index.correspondents(9).unwrap();
        let found: Vec<_> = found.iter().map(|p| (&*p.name, p.wrote, p.got)).collect();
        assert_eq!(found, [("Bob", 1, 1), ("Eve", 1, 0)]);
    }
}
