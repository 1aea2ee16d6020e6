//! What `status` shows is counted as it is recorded: a vault of any size need not be counted.
//!
//! Changes are collected in memory and written when the transaction ends.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::{Catalog, State};

/// What changed since the last transaction.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    /// Messages, octets and bytes on disk by folder.
    folders: HashMap<i64, [i64; 3]>,
    /// Messages and octets by origin, state and evidence, and when one last came to that.
    names: HashMap<(i64, i64, i64), [i64; 3]>,
}

/// What is counted of a name on a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountedName {
    pub(super) state: i64,
    pub(super) evidence: Option<i64>,
    pub(super) octets: Option<i64>,
}

impl CountedName {
    /// The same in another state.
    pub(super) fn in_state(self, state: State) -> Self {
        Self {
            state: state as i64,
            ..self
        }
    }
}

/// No message is larger: what a server lists may be any number, and sums of such would overflow.
pub(super) const MOST: i64 = 1 << 40;

impl Tallies {
    /// Counts a change of a folder by so many messages of this size.
    pub(super) fn count_place(&mut self, folder: i64, messages: i64, (size, stored): (i64, i64)) {
        let sums = self.folders.entry(folder).or_default();
        for (sum, more) in sums.iter_mut().zip([1, size, stored]) {
            *sum += messages * more.clamp(0, MOST);
        }
    }

    /// Counts a name in its new state instead of the old one.
    pub(super) fn count_name(
        &mut self,
        origin: i64,
        old: Option<CountedName>,
        new: CountedName,
        time: i64,
    ) {
        let changes = old.map(|old| (old, -1, i64::MIN));
        for (name, messages, time) in changes.into_iter().chain([(new, 1, time)]) {
            let key = (origin, name.state, name.evidence.unwrap_or(-1));
            let [count, octets, last] = self.names.entry(key).or_insert([0, 0, i64::MIN]);
            *count += messages;
            *octets += messages * name.octets.unwrap_or(0).clamp(0, MOST);
            *last = time.max(*last);
        }
    }
}

impl Catalog {
    /// Writes what was counted.
    pub(super) fn put_tallies(&mut self) -> rusqlite::Result<()> {
        let Tallies { folders, names } = std::mem::take(&mut self.tallies);
        let mut put = self.db.prepare_cached(
            "UPDATE folder SET sum_messages = sum_messages + ?2, sum_octets = sum_octets + ?3,
                               sum_stored = sum_stored + ?4 WHERE id = ?1",
        )?;
        for (folder, [messages, octets, stored]) in folders {
            put.execute([folder, messages, octets, stored])?;
        }
        let mut put = self.db.prepare_cached(
            "INSERT INTO tally VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE
             SET messages = messages + excluded.messages, octets = octets + excluded.octets,
                 last = max(last, excluded.last)",
        )?;
        for ((origin, state, evidence), [messages, octets, last]) in names {
            put.execute([origin, state, evidence, messages, octets, last])?;
        }
        Ok(())
    }

    /// What is counted of a name, if it is known.
    pub(super) fn counted_name(
        &self,
        origin: i64,
        uid: &[u8],
    ) -> rusqlite::Result<Option<CountedName>> {
        self.db
            .prepare_cached(
                "SELECT state, evidence, octets FROM sighting WHERE origin = ?1 AND uid = ?2",
            )?
            .query_row(params![origin, uid], |r| {
                Ok(CountedName {
                    state: r.get(0)?,
                    evidence: r.get(1)?,
                    octets: r.get(2)?,
                })
            })
            .optional()
    }

    /// Size and bytes on disk of a content.
    pub(super) fn sizes_of(&self, blob: i64) -> rusqlite::Result<(i64, i64)> {
        self.db
            .prepare_cached("SELECT size, stored FROM blob WHERE id = ?1")?
            .query_row([blob], |r| Ok((r.get(0)?, r.get(1)?)))
    }

    /// The folders in which a content lies.
    pub(super) fn folders_of(&self, blob: i64) -> rusqlite::Result<Vec<i64>> {
        self.db
            .prepare_cached("SELECT folder FROM place WHERE blob = ?1")?
            .query_map([blob], |r| r.get(0))?
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::mail::message::Hash128;
    use crate::mail::source::Uid;
    use crate::vault::layout::FileName;
    use crate::vault::ledger::{Evidence, Identity, LedgerEntry, LedgerEvent, Seen};

    /// One of a few names in one of a few folders.
    fn identity(name: u8) -> Identity {
        Identity {
            account: if name & 1 == 0 { "a" } else { "b" }.to_owned(),
            server: "u@h:1".to_owned(),
            uid: Uid::Imap {
                uidvalidity: 7,
                uid: u32::from(name >> 2) + 1,
            },
            dir: (name & 2 == 0).then(|| ".x".to_owned()),
        }
    }

    fn hash(content: u8) -> Hash128 {
        Hash128::of(&[content])
    }

    fn file(content: u8) -> FileName {
        FileName {
            received: 1_700_000_000,
            hash: hash(content),
            size: u64::from(content) + 10,
            wire: u64::from(content) + 10,
        }
    }

    fn event(kind: u8, name: u8, content: u8) -> LedgerEvent {
        let (identity, hash) = (identity(name), hash(content));
        let (flags, kw) = (String::new(), String::new());
        match kind {
            0..5 => {
                let file = file(content);
                LedgerEvent::Seen(Box::new(Seen {
                    identity,
                    octets: match (kind, content) {
                        (0, _) => None,
                        // What a server lists may be any number.
                        (_, 4) => Some(i64::MAX.cast_unsigned()),
                        _ => Some(u64::from(content)),
                    },
                    hash,
                    got: hash,
                    header: hash,
                    mid: None,
                    idate: None,
                    flags,
                    kw,
                    received: file.received,
                    size: file.size,
                    wire: file.wire,
                    stored: u64::from(name % 4) * 100,
                    evidence: match kind {
                        1 => Evidence::Recognised,
                        2 => Evidence::Doubtful(1),
                        3 => Evidence::Settled,
                        _ => Evidence::Received,
                    },
                    object: None,
                }))
            }
            5 => LedgerEvent::Refused {
                identity,
                octets: Some(5),
                reply: Box::default(),
                tries: 1,
            },
            6 => LedgerEvent::Vanished {
                identity,
                flags,
                kw,
            },
            7 => LedgerEvent::Reappeared {
                identity,
                flags,
                kw,
            },
            8 => LedgerEvent::Wanted {
                identity,
                why: String::new(),
            },
            9 => LedgerEvent::PurgeIntent { identity, hash },
            10 => LedgerEvent::Purged { identity, hash },
            11 => LedgerEvent::PurgeKept { identity, hash },
            12 => LedgerEvent::Lost { hash },
            13 => LedgerEvent::Merged {
                account: identity.account,
                into: if name & 8 == 0 { "a" } else { "b" }.to_owned(),
            },
            _ => LedgerEvent::Adopted {
                account: identity.account,
                file: format!("mail/a/.x/cur/{}", file(content).base())
                    .into_bytes()
                    .into(),
                hash,
            },
        }
    }

    /// The rows of a statement.
    fn rows(catalog: &Catalog, sql: &str) -> Vec<Vec<Option<i64>>> {
        let mut statement = catalog.db.prepare(sql).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|n| row.get(n)).collect());
        rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    proptest! {
        #[test]
        fn what_is_counted_on_the_way_is_what_there_is(
            events in prop::collection::vec((0_u8..15, 0_u8..12, 0_u8..5, any::<bool>()), 0..60)
        ) {
            let mut catalog = Catalog::temporary().unwrap();
            for (n, (kind, name, content, ends)) in (1_i64..).zip(events) {
                catalog.begin().unwrap();
                let event = event(kind, name, content);
                catalog.apply(&LedgerEntry { seq: 1, time: n * 1000, event }).unwrap();
                if ends {
                    catalog.commit(None).unwrap();
                }
            }
            catalog.commit(None).unwrap();
            let counted = rows(&catalog, "SELECT id, sum_messages, sum_octets, sum_stored FROM folder ORDER BY id");
            let there = rows(&catalog, "SELECT f, count(blob.id), coalesce(sum(blob.size), 0),
                    coalesce(sum(blob.stored), 0)
                FROM (SELECT id AS f FROM folder) LEFT JOIN place ON place.folder = f
                LEFT JOIN blob ON blob.id = place.blob GROUP BY 1 ORDER BY 1");
            prop_assert_eq!(counted, there);
            let counted = rows(&catalog, "SELECT origin, state, evidence, messages, octets FROM tally
                WHERE messages <> 0 ORDER BY 1, 2, 3");
            let there = rows(&catalog, "SELECT origin, state, coalesce(evidence, -1), count(*),
                coalesce(sum(min(octets, 1 << 40)), 0) FROM sighting GROUP BY 1, 2, 3 ORDER BY 1, 2, 3");
            prop_assert_eq!(counted, there);
            let last = rows(&catalog, "SELECT max(time) FROM sighting WHERE state = 4");
            let noted = rows(&catalog, "SELECT max(last) FROM tally WHERE state = 4 AND messages > 0");
            prop_assert!(last[0][0].is_none() || noted[0][0] >= last[0][0]);
        }
    }
}
