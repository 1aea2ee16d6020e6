//! What a pull over IMAP asks of the catalog, and how a message is found again that came
//! another way: by another folder, another UIDVALIDITY, or POP3.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row, params};

use super::lookup::blob;
use super::origin::Origin;
use super::{Blob, Catalog, Proof, State, signed, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::source::{ObjectId, Voucher};

/// A folder of a server that has its directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedFolder {
    /// The directory below the account's.
    pub(crate) dir: String,
    /// The server's name for it.
    pub(crate) name: Vec<u8>,
    /// The UIDVALIDITY that was recorded last.
    pub(crate) uidvalidity: u32,
}

/// A message of a mailbox, as last recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InMailbox {
    /// Its UID.
    pub(crate) uid: u32,
    /// What became of it.
    pub(crate) state: State,
    /// Flag letters.
    pub(crate) letters: String,
    /// Flags without a letter.
    pub(crate) words: String,
    /// True if its content is in the vault.
    pub(crate) stored: bool,
    /// The size that was listed.
    pub(crate) octets: Option<u64>,
    /// INTERNALDATE in Unix seconds.
    pub(crate) date: Option<i64>,
    /// How its content is known.
    pub(crate) proof: Proof,
    /// Sessions that brought it, if it is doubtful.
    pub(crate) sessions: u32,
    /// When it was recorded last, in Unix seconds.
    pub(crate) time: i64,
}

/// The content that is recorded for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The content.
    pub(crate) blob: Blob,
    /// Hash of the header that it came with.
    pub(crate) header: Option<Hash128>,
    /// The size that was listed for it.
    pub(crate) octets: Option<u64>,
    /// Its INTERNALDATE in Unix seconds.
    pub(crate) date: Option<i64>,
    /// How it is known.
    pub(crate) proof: Proof,
    /// By what the server knows its copies.
    pub(crate) object: Option<ObjectId>,
}

/// Reads a content, header, octets, evidence, date and object.
fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        blob: blob(row)?,
        header: row.get::<_, Option<[u8; 16]>>(7)?.map(Hash128),
        octets: row.get::<_, Option<i64>>(8)?.map(unsigned),
        proof: Proof::of(row.get(9)?),
        date: row.get(10)?,
        object: object(row.get(11)?, row.get(12)?),
    })
}

fn object(id: Option<i64>, by: Option<String>) -> Option<ObjectId> {
    let by = Voucher::parse(&by?)?;
    let id = id?.cast_unsigned();
    Some(ObjectId { by, id })
}

impl Catalog {
    /// The key of an origin; none if no message of it is known, which equals no key.
    pub(super) fn origin_id(&self, origin: Origin<'_>) -> rusqlite::Result<Option<i64>> {
        let Origin {
            account,
            server,
            dir,
            uidvalidity,
        } = origin;
        self.db
            .prepare_cached(
                "SELECT id FROM origin
                 WHERE account = ?1 AND server = ?2 AND dir = ?3 AND uidvalidity = ?4",
            )?
            .query_row(params![account, server, dir, uidvalidity], |r| r.get(0))
            .optional()
    }

    /// The epochs of a folder's UIDs on a server in which messages are not known to be
    /// gone.
    pub(crate) fn epochs(&self, account: &str, server: &str, dir: &str) -> Result<Vec<u32>> {
        self.db
            .prepare_cached(
                "SELECT uidvalidity FROM origin
                 WHERE account = ?1 AND server = ?2 AND dir = ?3 AND uidvalidity > 0
                 AND EXISTS (SELECT 1 FROM sighting WHERE origin = origin.id
                             AND state IN (?4, ?5, ?6))
                 ORDER BY uidvalidity",
            )
            .and_then(|mut s| {
                let [seen, kept, wanted] =
                    [State::Seen, State::PurgeKept, State::Wanted].map(|state| state as i64);
                s.query_map(params![account, server, dir, seen, kept, wanted], |r| {
                    r.get(0)
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// True if any message of the account came by IMAP.
    pub(crate) fn has_mailboxes(&self, account: &str) -> Result<bool> {
        self.any(
            "SELECT EXISTS (SELECT 1 FROM origin WHERE account = ?1 AND uidvalidity > 0)",
            account,
        )
    }

    /// True if any message of the account came by POP3.
    pub(crate) fn has_maildrop(&self, account: &str) -> Result<bool> {
        self.any(
            "SELECT EXISTS (SELECT 1 FROM origin WHERE account = ?1 AND uidvalidity = 0)",
            account,
        )
    }

    fn any(&self, sql: &str, account: &str) -> Result<bool> {
        self.db
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row([account], |r| r.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// The folders of an account that a server named.
    pub(crate) fn named_folders(&self, account: &str) -> Result<Vec<NamedFolder>> {
        self.db
            .prepare_cached(
                "SELECT dir, name, coalesce(uidvalidity, 0) FROM folder
                 WHERE account = ?1 AND name NOT NULL ORDER BY dir",
            )
            .and_then(|mut s| {
                s.query_map([account], |r| {
                    Ok(NamedFolder {
                        dir: r.get(0)?,
                        name: r.get(1)?,
                        uidvalidity: r.get(2)?,
                    })
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// Calls `each` with every known message of a mailbox, by ascending UID.
    pub(crate) fn for_each_in_mailbox(
        &self,
        origin: Origin<'_>,
        mut each: impl FnMut(InMailbox),
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "SELECT uid, state, coalesce(marks, ''), coalesce(NOT lost, 0), octets, idate,
                        evidence, sessions, time
                 FROM sighting LEFT JOIN blob ON blob.id = sighting.blob
                 WHERE origin = ?1 ORDER BY uid",
            )
            .and_then(|mut s| {
                let mut rows = s.query([self.origin_id(origin)?])?;
                while let Some(row) = rows.next()? {
                    let uid = <[u8; 4]>::try_from(row.get_ref(0)?.as_blob()?).unwrap_or_default();
                    let marks = row.get_ref(2)?.as_str()?;
                    let (letters, words) = marks.split_once(' ').unwrap_or((marks, ""));
                    each(InMailbox {
                        uid: u32::from_be_bytes(uid),
                        state: State::of(row.get(1)?),
                        letters: letters.to_owned(),
                        words: words.to_owned(),
                        stored: row.get(3)?,
                        octets: row.get::<_, Option<i64>>(4)?.map(unsigned),
                        date: row.get(5)?,
                        proof: Proof::of(row.get(6)?),
                        sessions: row.get(7)?,
                        time: row.get(8)?,
                    });
                }
                Ok(())
            })
            .map_err(|e| self.failed(e))
    }

    /// The content that is recorded for a message of a mailbox, unless it is to be
    /// fetched again.
    pub(crate) fn content_in(&self, origin: Origin<'_>, uid: u32) -> Result<Option<Stored>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored, header, octets, evidence,
                        idate, object, voucher
                 FROM sighting JOIN blob ON blob.id = sighting.blob
                 WHERE NOT lost AND state <> ?3 AND origin = ?1 AND uid = ?2",
            )
            .and_then(|mut s| {
                let origin = self.origin_id(origin)?;
                let values = params![origin, uid.to_be_bytes(), State::Wanted as i64];
                s.query_row(values, stored).optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// A received message of which the server said that it is this one, if it had this size
    /// and, where asked for, this INTERNALDATE.
    pub(crate) fn copy_of(
        &self,
        account: &str,
        server: &str,
        object: ObjectId,
        octets: u64,
        date: Option<i64>,
    ) -> Result<Option<Stored>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored, header, octets, evidence,
                        idate, object, voucher
                 FROM sighting JOIN blob ON blob.id = sighting.blob
                 WHERE object = ?1 AND voucher = ?2 AND NOT lost
                 AND evidence = ?3 AND state <> ?4 AND octets = ?5
                 AND (?6 IS NULL OR idate = ?6)
                 AND origin IN (SELECT id FROM origin WHERE account = ?7 AND server = ?8)
                 LIMIT 1",
            )
            .and_then(|mut s| {
                let values = params![
                    object.id.cast_signed(),
                    object.by.as_str(),
                    Proof::Received as i64,
                    State::Wanted as i64,
                    signed(octets),
                    date,
                    account,
                    server
                ];
                s.query_row(values, stored).optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// True if anything is recorded of a message under this name.
    pub(crate) fn has_name(&self, origin: Origin<'_>, name: &[u8]) -> Result<bool> {
        self.db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM sighting WHERE origin = ?1 AND uid = ?2)")
            .and_then(|mut s| s.query_row(params![self.origin_id(origin)?, name], |r| r.get(0)))
            .map_err(|e| self.failed(e))
    }

    /// Content, header and listed size of a message that came into the inbox of an account
    /// under this name, from whichever host and port, but for the same user as on `server`;
    /// a UIDVALIDITY of 0 means by POP3.
    pub(crate) fn in_inbox(
        &self,
        account: &str,
        server: &str,
        uidvalidity: u32,
        name: &[u8],
    ) -> Result<Option<Stored>> {
        // A host has no `@`, a user may.
        let user = &server[..server.rfind('@').map_or(0, |at| at + 1)];
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored, header, octets, evidence,
                        idate, object, voucher
                 FROM sighting JOIN blob ON blob.id = sighting.blob
                 WHERE NOT lost AND header NOT NULL AND uid = ?3 AND origin IN
                 (SELECT id FROM origin WHERE account = ?1 AND dir = '' AND uidvalidity = ?2
                  AND substr(server, 1, length(?4)) = ?4
                  AND NOT instr(substr(server, length(?4) + 1), '@'))",
            )
            .and_then(|mut s| {
                s.query_row(params![account, uidvalidity, name, user], stored)
                    .optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// Names of messages of an account that were received over POP3, and their contents; the
    /// newest thousand.
    pub(crate) fn received_names(&self, account: &str) -> Result<Vec<(Vec<u8>, Stored)>> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored, header, octets, evidence,
                        idate, object, voucher, uid
                 FROM sighting JOIN blob ON blob.id = sighting.blob
                 WHERE NOT lost AND evidence = ?2 AND origin IN
                 (SELECT id FROM origin WHERE account = ?1 AND uidvalidity = 0)
                 ORDER BY sighting.time DESC LIMIT 1000",
            )
            .and_then(|mut s| {
                s.query_map(params![account, Proof::Received as i64], |r| {
                    Ok((r.get(13)?, stored(r)?))
                })?
                .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// True if a mailbox must be listed whole: messages of it are wanted again that were
    /// refused or lost, or nobody heard whether they were deleted.
    pub(crate) fn wants_again(&self, origin: Origin<'_>) -> Result<bool> {
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM tally
                 WHERE origin = ?1 AND messages > 0
                   AND (state IN (?2, ?3, ?4, ?5)
                        OR state IN (?6, ?7) AND evidence IN (?8, ?9)))",
            )
            .and_then(|mut s| {
                s.query_row(
                    params![
                        self.origin_id(origin)?,
                        State::Refused as i64,
                        State::Lost as i64,
                        State::PurgeIntent as i64,
                        State::Wanted as i64,
                        State::Seen as i64,
                        State::PurgeKept as i64,
                        Proof::Recognised as i64,
                        Proof::Doubtful as i64
                    ],
                    |r| r.get(0),
                )
            })
            .map_err(|e| self.failed(e))
    }

    /// How many names of a mailbox are recorded that its server should list.
    pub(crate) fn listed_names(&self, origin: Origin<'_>) -> Result<u64> {
        self.db
            .prepare_cached(
                "SELECT coalesce(sum(messages), 0) FROM tally
                 WHERE origin = ?1 AND state NOT IN (?2, ?3)",
            )
            .and_then(|mut s| {
                let (gone, purged) = (State::Vanished as i64, State::Purged as i64);
                s.query_row(params![self.origin_id(origin)?, gone, purged], |r| r.get(0))
            })
            .map(unsigned)
            .map_err(|e| self.failed(e))
    }

    /// Sizes that messages of an account have or had on a server, ascending.
    pub(crate) fn sizes(&self, account: &str) -> Result<Vec<u64>> {
        self.db
            .prepare_cached(
                "SELECT DISTINCT size FROM place JOIN blob ON blob.id = place.blob
                 WHERE folder IN (SELECT id FROM folder WHERE account = ?1)
                 UNION SELECT DISTINCT octets FROM sighting
                 WHERE octets NOT NULL AND blob NOT NULL
                 AND origin IN (SELECT id FROM origin WHERE account = ?1)
                 ORDER BY 1",
            )
            .and_then(|mut s| {
                s.query_map([account], |r| r.get(0).map(unsigned))?
                    .collect()
            })
            .map_err(|e| self.failed(e))
    }

    /// Calls `each` with the header and the content of every message that the account's
    /// servers had, if its content or its listing has one of these sizes.
    pub(crate) fn for_each_header(
        &self,
        account: &str,
        sizes: &HashSet<u64>,
        mut each: impl FnMut(Hash128, Option<u64>, Blob),
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "SELECT id, h64, hrest, received, size, wire, stored, header, octets
                 FROM sighting JOIN blob ON blob.id = sighting.blob
                 WHERE NOT lost AND header NOT NULL
                 AND origin IN (SELECT id FROM origin WHERE account = ?1)",
            )
            .and_then(|mut s| {
                let mut rows = s.query([account])?;
                while let Some(row) = rows.next()? {
                    let octets = row.get::<_, Option<i64>>(8)?.map(unsigned);
                    let size = unsigned(row.get(4)?);
                    if sizes.contains(&size) || octets.is_some_and(|n| sizes.contains(&n)) {
                        each(Hash128(row.get(7)?), octets, blob(row)?);
                    }
                }
                Ok(())
            })
            .map_err(|e| self.failed(e))
    }
}
