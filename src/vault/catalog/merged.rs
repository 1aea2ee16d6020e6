//! Accounts that became part of others (`merged`, docs/FORMAT.md): what the catalog has of them
//! becomes that of the other account, and so does what later lines say of them.

use rusqlite::{OptionalExtension, params};

use super::tally::MOST;
use super::{Catalog, State};
use crate::base::error::{Error, Result};
use crate::vault::layout::is_account;

/// A folder of an account, and what its server calls it.
struct FolderRow {
    id: i64,
    dir: String,
    name: Option<Vec<u8>>,
    delim: Option<u8>,
}

impl FolderRow {
    /// The server's name in its levels, whatever separates them.
    fn levels(&self) -> Option<Vec<Vec<u8>>> {
        let name = self.name.as_deref()?;
        let mut levels: Vec<Vec<u8>> = match self.delim {
            Some(delim) => name.split(|b| *b == delim).map(<[u8]>::to_vec).collect(),
            None => vec![name.to_vec()],
        };
        if levels[0].eq_ignore_ascii_case(b"INBOX") {
            levels[0].make_ascii_uppercase();
        }
        Some(levels)
    }
}

/// Messages that two accounts have, before they are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// Of the one, by folder.
    pub(crate) messages: u64,
    /// Of these, those that the same folder of the other has, too.
    pub(crate) in_both: u64,
    /// Of the other, by folder.
    pub(crate) others: u64,
}

impl Catalog {
    /// The account that has the mail of `account`: itself, unless it became part of another.
    pub(in crate::vault) fn owner<'a>(&'a self, account: &'a str) -> &'a str {
        self.merged.get(account).map_or(account, String::as_str)
    }

    /// The accounts that became part of `account`.
    pub(in crate::vault) fn merged_into(&self, account: &str) -> impl Iterator<Item = &str> {
        let pairs = self.merged.iter().filter(move |(_, into)| *into == account);
        pairs.map(|(merged, _)| merged.as_str())
    }

    /// The accounts that became part of others, each with the one that has its mail now.
    pub(in crate::vault) fn merged(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.merged.iter();
        pairs.map(|(account, into)| (account.as_str(), into.as_str()))
    }

    /// Refuses the name of an account that became part of another.
    pub(crate) fn check_not_merged(&self, account: &str) -> Result<()> {
        match self.merged.get(account) {
            Some(into) => Err(Error::Merged {
                account: account.to_owned(),
                into: self.names.shown(into).to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// What two accounts have in common.
    pub(in crate::vault) fn overlap(&self, account: &str, other: &str) -> Result<Overlap> {
        let count = |sql: &str| {
            self.db
                .prepare_cached(sql)
                .and_then(|mut s| s.query_row([account, other], |r| r.get(0).map(super::unsigned)))
                .map_err(|e| self.failed(e))
        };
        let of = "SELECT count(*) FROM place JOIN folder ON folder.id = place.folder";
        Ok(Overlap {
            messages: count(&format!("{of} WHERE account = ?1 AND ?2 NOT NULL"))?,
            others: count(&format!("{of} WHERE account = ?2 AND ?1 NOT NULL"))?,
            in_both: count(
                "SELECT count(*) FROM folder AS f JOIN folder AS t ON t.dir = f.dir
                 JOIN place AS p ON p.folder = f.id
                 JOIN place AS q ON q.folder = t.id AND q.blob = p.blob
                 WHERE f.account = ?1 AND t.account = ?2",
            )?,
        })
    }

    /// True if a merge of these accounts means something.
    pub(super) fn would_merge(&self, account: &str, into: &str) -> bool {
        !self.merged.contains_key(account) && self.owner(into) != account
    }

    /// Takes in that an account became part of another. One that did so before stays where it is,
    /// and nothing becomes part of itself.
    pub(super) fn put_merged(&mut self, account: &str, into: &str) -> rusqlite::Result<()> {
        if !self.would_merge(account, into) {
            return Ok(());
        }
        let into = self.owner(into).to_owned();
        // What is counted so far is counted by folders and origins that may go.
        self.put_tallies()?;
        self.put_happened()?;
        self.folders.clear();
        self.origins.clear();
        let strangers = self.merge_folders(account, &into)?;
        self.merge_origins(account, &into, &strangers)?;
        self.merge_records(account, &into)?;
        for owner in self.merged.values_mut().filter(|owner| *owner == account) {
            into.clone_into(owner);
        }
        self.merged.insert(account.to_owned(), into);
        let pairs = self.merged.iter();
        let pairs = pairs.map(|(account, into)| format!("{account} {into}\n"));
        self.db
            .prepare_cached("INSERT OR REPLACE INTO meta VALUES ('merged', ?1)")?
            .execute([pairs.collect::<String>()])
            .map(drop)
    }

    /// Reads which accounts became part of others; false if that is not what this program writes.
    pub(super) fn load_merged(&mut self) -> Result<bool> {
        let text: rusqlite::Result<Option<String>> = self
            .db
            .query_row("SELECT value FROM meta WHERE key = 'merged'", [], |r| {
                r.get(0)
            })
            .optional();
        let text = text.map_err(|e| self.failed(e))?.unwrap_or_default();
        let pair = |line: &str| {
            let (account, into) = line.split_once(' ')?;
            let plain = is_account(account) && is_account(into);
            plain.then(|| (account.to_owned(), into.to_owned()))
        };
        let pairs: Option<_> = text.lines().map(pair).collect();
        let sound = pairs.is_some();
        self.merged = pairs.unwrap_or_default();
        Ok(sound)
    }

    /// The same of a catalog that is opened, which is of no use if it says something else.
    pub(super) fn with_merged(mut self) -> Result<Option<Self>> {
        Ok(self.load_merged()?.then_some(self))
    }

    fn folder_rows(&self, account: &str) -> rusqlite::Result<Vec<FolderRow>> {
        self.db
            .prepare_cached(
                "SELECT id, dir, name, delim FROM folder WHERE account = ?1 ORDER BY id",
            )?
            .query_map([account], |r| {
                Ok(FolderRow {
                    id: r.get(0)?,
                    dir: r.get(1)?,
                    name: r.get(2)?,
                    delim: r.get(3)?,
                })
            })?
            .collect()
    }

    /// Gives the folders of an account to another. A folder of both keeps the name that it has in
    /// the other, and a name stands for one folder. Returns the directories that have different
    /// names on the server in both.
    fn merge_folders(&mut self, account: &str, into: &str) -> rusqlite::Result<Vec<String>> {
        let others = self.folder_rows(into)?;
        let mut strangers = Vec::new();
        for folder in self.folder_rows(account)? {
            let levels = folder.levels();
            let is_named = |other: &FolderRow| levels.is_some() && other.levels() == levels;
            let twin = others.iter().find(|other| other.dir == folder.dir);
            let is_taken =
                { others.iter() }.any(|other| other.dir != folder.dir && is_named(other));
            if is_taken {
                self.db
                    .prepare_cached(
                        "UPDATE folder SET name = NULL, delim = NULL, uidvalidity = NULL
                         WHERE id = ?1",
                    )?
                    .execute([folder.id])?;
            }
            let Some(twin) = twin else {
                self.db
                    .prepare_cached("UPDATE folder SET account = ?2 WHERE id = ?1")?
                    .execute(params![folder.id, into])?;
                continue;
            };
            if twin.name.is_some() && levels.is_some() && !is_named(twin) {
                strangers.push(folder.dir.clone());
            }
            self.merge_folder(folder.id, twin.id)?;
        }
        Ok(strangers)
    }

    /// Moves what lies in a folder to another.
    fn merge_folder(&mut self, from: i64, to: i64) -> rusqlite::Result<()> {
        let values = [from, to];
        for sql in [
            &*format!(
                "UPDATE folder SET (sum_messages, sum_octets, sum_stored) =
                 (SELECT folder.sum_messages + count(*),
                         folder.sum_octets + coalesce(sum(min(max(size, 0), {MOST})), 0),
                         folder.sum_stored + coalesce(sum(min(max(stored, 0), {MOST})), 0)
                  FROM place JOIN blob ON blob.id = place.blob
                  WHERE place.folder = ?1 AND NOT EXISTS
                      (SELECT 1 FROM place AS p WHERE p.folder = ?2 AND p.blob = place.blob))
             WHERE id = ?2"
            ),
            "UPDATE folder SET (name, delim, uidvalidity) =
                 (SELECT name, delim, uidvalidity FROM folder WHERE id = ?1)
             WHERE id = ?2 AND name IS NULL",
            "INSERT INTO place SELECT ?2, blob, flags, idate FROM place WHERE folder = ?1
             ON CONFLICT DO UPDATE SET idate = coalesce(idate, excluded.idate)",
            "DELETE FROM place WHERE folder = ?1 AND ?2 NOT NULL",
            "DELETE FROM folder WHERE id = ?1 AND ?2 NOT NULL",
        ] {
            self.db.prepare_cached(sql)?.execute(values)?;
        }
        Ok(())
    }

    /// Gives the names on servers to another account. Names in a directory that stands for
    /// different folders of the server are left out: what they name is not certain.
    fn merge_origins(
        &mut self,
        account: &str,
        into: &str,
        strangers: &[String],
    ) -> rusqlite::Result<()> {
        let origins: Vec<(i64, String, Option<i64>)> = self
            .db
            .prepare_cached(
                "SELECT o.id, o.dir, t.id FROM origin AS o LEFT JOIN origin AS t
                 ON t.account = ?2 AND t.server = o.server AND t.dir = o.dir
                 AND t.uidvalidity = o.uidvalidity WHERE o.account = ?1 ORDER BY o.id",
            )?
            .query_map([account, into], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (origin, dir, twin) in origins {
            match twin {
                _ if strangers.contains(&dir) => self.drop_origin(origin)?,
                Some(twin) => self.merge_names(origin, twin)?,
                None => {
                    self.db
                        .prepare_cached("UPDATE origin SET account = ?2 WHERE id = ?1")?
                        .execute(params![origin, into])?;
                }
            }
        }
        Ok(())
    }

    fn drop_origin(&mut self, origin: i64) -> rusqlite::Result<()> {
        for sql in [
            "DELETE FROM sighting WHERE origin = ?1",
            "DELETE FROM tally WHERE origin = ?1",
            "DELETE FROM origin WHERE id = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([origin])?;
        }
        Ok(())
    }

    /// Moves the names of a maildrop or mailbox to the same one of another account. Of a name that
    /// both have the later event counts. If it stood for two contents, it must be fetched again.
    fn merge_names(&mut self, from: i64, to: i64) -> rusqlite::Result<()> {
        let listed = State::on_server_list();
        let wanted = State::Wanted as i64;
        let doubt = |row: i64, other: i64, later: &str| {
            format!(
                "UPDATE sighting AS n SET state = {wanted}, checked = NULL
                 WHERE origin = ?{row} AND state IN ({listed}) AND blob NOT NULL AND EXISTS
                     (SELECT 1 FROM sighting AS o WHERE o.origin = ?{other} AND o.uid = n.uid
                      AND n.time {later} o.time AND o.blob NOT NULL AND o.blob <> n.blob)"
            )
        };
        for sql in [
            &*doubt(2, 1, ">="),
            &*doubt(1, 2, ">"),
            "DELETE FROM sighting AS n WHERE origin = ?2 AND EXISTS
                 (SELECT 1 FROM sighting AS o WHERE o.origin = ?1 AND o.uid = n.uid
                  AND o.time > n.time)",
            "INSERT OR IGNORE INTO sighting
             SELECT ?2, uid, octets, state, time, blob, header, got, marks, idate, evidence,
                    sessions, since, checked, asked, object, voucher
             FROM sighting WHERE origin = ?1",
            "INSERT INTO tally SELECT ?2, state, evidence, 0, 0, last FROM tally WHERE origin = ?1
             ON CONFLICT DO UPDATE SET last = max(last, excluded.last)",
            "UPDATE tally SET messages = 0, octets = 0 WHERE origin = ?2 AND ?1 NOT NULL",
            &*format!(
                "INSERT INTO tally
                 SELECT ?2, state, coalesce(evidence, -1), count(*),
                        sum(min(max(coalesce(octets, 0), 0), {MOST})), max(time)
                 FROM sighting WHERE origin = ?2 AND ?1 NOT NULL GROUP BY 2, 3
                 ON CONFLICT DO UPDATE SET messages = excluded.messages,
                     octets = excluded.octets, last = max(last, excluded.last)"
            ),
        ] {
            self.db.prepare(sql)?.execute([from, to])?;
        }
        self.drop_origin(from)
    }

    /// Gives the runs of an account to another, and what was learned of its servers. Which
    /// mailboxes are complete is found out by the next pull.
    fn merge_records(&mut self, account: &str, into: &str) -> rusqlite::Result<()> {
        for sql in [
            "DELETE FROM learned WHERE account IN (?1, ?2) AND key LIKE 'mailbox %'",
            "UPDATE OR IGNORE learned SET account = ?2 WHERE account = ?1",
            "DELETE FROM learned WHERE account = ?1 AND ?2 NOT NULL",
            "UPDATE session SET account = ?2 WHERE account = ?1",
            "UPDATE history SET account = ?2 WHERE account = ?1",
            "UPDATE OR IGNORE unfinished SET account = ?2 WHERE account = ?1",
            "DELETE FROM unfinished WHERE account = ?1 AND ?2 NOT NULL",
        ] {
            self.db.prepare_cached(sql)?.execute([account, into])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::mail::message::Hash128;
    use crate::mail::source::Uid;
    use crate::vault::catalog::split;
    use crate::vault::catalog::test_lines::received;
    use crate::vault::ledger::{Identity, LedgerEvent};

    fn identity(account: &str, dir: &str, uid: u32) -> Identity {
        Identity {
            account: account.to_owned(),
            server: "u@h:993".to_owned(),
            uid: Uid::Imap {
                uidvalidity: 7,
                uid,
            },
            dir: Some(dir.to_owned()),
        }
    }

    fn seen(account: &str, dir: &str, uid: u32, content: u8) -> LedgerEvent {
        received(identity(account, dir, uid), Hash128::of(&[content]))
    }

    fn folder(account: &str, dir: &str, name: &str, delim: u8) -> LedgerEvent {
        LedgerEvent::Folder {
            account: account.to_owned(),
            dir: dir.to_owned(),
            name: name.as_bytes().into(),
            delim: Some(delim),
            uidvalidity: 7,
        }
    }

    fn merged(account: &str, into: &str) -> LedgerEvent {
        LedgerEvent::Merged {
            account: account.to_owned(),
            into: into.to_owned(),
        }
    }

    /// A catalog that took in these events, one a second.
    fn after(events: &[LedgerEvent]) -> Catalog {
        let mut catalog = Catalog::temporary().unwrap();
        catalog.begin().unwrap();
        for (n, event) in (1_700_000_000..).zip(events) {
            catalog.apply_event(event, n * 1000, 1).unwrap();
        }
        catalog.commit(None).unwrap();
        catalog
    }

    /// The state of a name of account `b`, and whether its content is this one.
    fn state(catalog: &Catalog, dir: &str, uid: u32, content: u8) -> Option<(State, bool)> {
        catalog
            .db
            .query_row(
                "SELECT state, h64 FROM sighting JOIN origin ON origin.id = origin
                 JOIN blob ON blob.id = blob WHERE account = 'b' AND dir = ?1 AND uid = ?2",
                params![dir, uid.to_be_bytes()],
                |r| Ok((State::of(r.get(0)?), r.get::<_, i64>(1)?)),
            )
            .optional()
            .unwrap()
            .map(|(state, h64)| (state, h64 == split(Hash128::of(&[content])).0))
    }

    #[test]
    fn of_a_name_that_both_have_the_later_event_counts() {
        let (one, other) = (seen("a", "", 1, 1), seen("b", "", 1, 1));
        let vanished = |account: &str| LedgerEvent::Vanished {
            identity: identity(account, "", 1),
            flags: String::new(),
            kw: String::new(),
        };
        let merge = merged("a", "b");
        for (events, wanted) in [
            (vec![one.clone(), vanished("a"), other.clone()], State::Seen),
            (
                vec![other.clone(), one.clone(), vanished("a")],
                State::Vanished,
            ),
            (
                vec![one.clone(), other.clone(), vanished("b")],
                State::Vanished,
            ),
        ] {
            let events = [events, vec![merge.clone()]].concat();
            assert_eq!(
                state(&after(&events), "", 1, 1),
                Some((wanted, true)),
                "{events:?}"
            );
        }
    }

    #[test]
    fn a_name_of_two_contents_is_wanted_unless_it_is_gone() {
        let merge = merged("a", "b");
        let (one, other) = (seen("a", "", 1, 1), seen("b", "", 1, 2));
        let catalog = after(&[one.clone(), other.clone(), merge.clone()]);
        assert_eq!(state(&catalog, "", 1, 2), Some((State::Wanted, true)));
        let catalog = after(&[other.clone(), one.clone(), merge.clone()]);
        assert_eq!(state(&catalog, "", 1, 1), Some((State::Wanted, true)));
        let purged = LedgerEvent::Purged {
            identity: identity("b", "", 1),
            hash: Hash128::of(&[2]),
        };
        let catalog = after(&[one, other, purged, merge]);
        assert_eq!(state(&catalog, "", 1, 2), Some((State::Purged, true)));
        // Both contents are still there.
        assert_eq!(catalog.status().unwrap()[0].messages, 2);
    }

    #[test]
    fn names_in_a_directory_that_stands_for_two_folders_are_not_believed() {
        let merge = |a: LedgerEvent, b: LedgerEvent| {
            after(&[
                a,
                b,
                seen("a", ".x.y", 1, 1),
                seen("b", ".x.y", 2, 2),
                merged("a", "b"),
            ])
        };
        let same = merge(
            folder("a", ".x.y", "x/y", b'/'),
            folder("b", ".x.y", "x.y", b'.'),
        );
        assert_eq!(state(&same, ".x.y", 1, 1), Some((State::Seen, true)));
        let other = merge(
            folder("a", ".x.y", "X/y", b'/'),
            folder("b", ".x.y", "x/y", b'/'),
        );
        assert_eq!(state(&other, ".x.y", 1, 1), None);
        assert_eq!(state(&other, ".x.y", 2, 2), Some((State::Seen, true)));
        assert_eq!(other.status().unwrap()[0].messages, 2);
    }

    #[test]
    fn a_folder_of_the_server_has_one_directory_after_a_merge() {
        let catalog = after(&[
            folder("a", ".News", "News", b'/'),
            folder("a", ".news (2)", "news", b'/'),
            folder("b", ".news", "news", b'/'),
            folder("b", ".News (2)", "News", b'/'),
            merged("a", "b"),
        ]);
        let named = catalog.named_folders("b").unwrap();
        let named: Vec<_> = named.iter().map(|f| (&*f.dir, &*f.name)).collect();
        assert_eq!(named, [(".News (2)", &b"News"[..]), (".news", b"news")]);
        assert!(catalog.named_folders("a").unwrap().is_empty());
    }

    #[test]
    fn later_lines_of_a_merged_account_are_of_the_other_and_circles_mean_nothing() {
        let catalog = after(&[
            seen("a", "", 1, 1),
            seen("b", "", 2, 2),
            seen("c", "", 3, 3),
            merged("c", "a"),
            merged("a", "b"),
            merged("b", "a"),
            merged("a", "c"),
            merged("b", "b"),
            seen("a", ".late", 4, 4),
        ]);
        let status = catalog.status().unwrap();
        assert_eq!(
            (status.len(), &*status[0].account, status[0].messages),
            (1, "b", 4)
        );
        let pairs: Vec<_> = catalog.merged().collect();
        assert_eq!(pairs, [("a", "b"), ("c", "b")]);
        assert_eq!(state(&catalog, ".late", 4, 4), Some((State::Seen, true)));
    }

    #[test]
    fn a_merge_that_is_not_committed_did_not_happen() {
        let mut catalog = after(&[seen("a", "", 1, 1), seen("b", "", 2, 2)]);
        catalog.begin().unwrap();
        catalog.apply_event(&merged("a", "b"), 1, 1).unwrap();
        assert_eq!(catalog.owner("a"), "b");
        catalog.abandon().unwrap();
        assert_eq!(catalog.owner("a"), "a");
        assert_eq!(catalog.status().unwrap().len(), 2);
    }
}
