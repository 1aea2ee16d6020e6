//! `dovecot-uidlist`: by this file in each folder of a Maildir, Dovecot keeps the UIDs, the
//! UIDVALIDITY and the POP3 UIDLs of the server that the mail came from.
//!
//! A UID that was given out stays with its message. A file that Dovecot has changed since is
//! Dovecot's: it has numbered the mail itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::maildir::BEHIND;
use super::place::{self, ExportPlace};
use crate::base::error::Result;
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::vault::catalog::ServerNames;
use crate::vault::layout::folder_label;
use crate::vault::{Part, Vault};

/// The file's name in a folder.
const NAME: &str = "dovecot-uidlist";
/// New UIDs begin this far above the known ones. Until people move to the new server, the old
/// one gives UIDs to new mail, and mail programs remember them.
const ROOM: u32 = 100_000;
/// The greatest UID that Dovecot takes for one.
const LAST: u32 = u32::MAX - 1;

/// What became of the names that the old servers gave the messages of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptNames {
    /// Messages that keep their UID.
    pub uids: u64,
    /// Messages with a new UID, since none is known or the server no longer has them.
    pub new_uids: u64,
    /// Messages that keep their UIDL.
    pub uidls: u64,
    /// UIDLs that the file cannot hold: blanks, control characters or 8-bit.
    pub unfit_uidls: u64,
    /// Further UIDs and UIDLs of messages that their server has more than once.
    pub others: u64,
    /// Folders whose UIDVALIDITY is not known, which got a new one.
    pub unknown: Vec<String>,
    /// Folders that the server has renumbered since their UIDs were first exported.
    pub renumbered: Vec<String>,
    /// Files that another program wrote or has changed, which stay as they are.
    pub foreign: Vec<PathBuf>,
}

/// Writes the files of all folders that these parts of a finished export went to.
pub(super) fn write(
    vault: &Vault,
    place: &mut ExportPlace,
    parts: &[Part],
    now: u32,
) -> Result<KeptNames> {
    let mut kept = KeptNames::default();
    for part in parts {
        let Some(folder) = place.known_folder(&part.account, &part.dir) else {
            continue;
        };
        let path = place.root().join(&folder).join(NAME);
        let old = match look(place, &path)? {
            FoundList::Nothing => None,
            FoundList::Ours(list) => Some(list),
            FoundList::Foreign => {
                kept.foreign.push(path);
                continue;
            }
        };
        let names = vault.catalog().server_names(&part.account, &part.dir)?;
        let list = UidList::next(old, &names, &files(&place.root().join(&folder))?, now);
        list.count(&names, &mut kept);
        let mut label = folder_label(&part.dir);
        if place.several() {
            label = format!("{}/{label}", part.account);
        }
        match names.uidvalidity {
            None => kept.unknown.push(label),
            Some(theirs) if theirs != list.uidvalidity => kept.renumbered.push(label),
            Some(_) => {}
        }
        put(place, path, &list.text(part))?;
    }
    Ok(kept)
}

/// What lies at the name of such a file.
enum FoundList {
    Nothing,
    /// That of an earlier export, unchanged.
    Ours(UidList),
    /// Another program has numbered the mail.
    Foreign,
}

fn look(place: &mut ExportPlace, path: &Path) -> Result<FoundList> {
    if fsx::look(path)?.is_none() {
        return Ok(FoundList::Nothing);
    }
    let list = UidList::parse(&fsx::read(path)?);
    let is_foreign = place.is_foreign(path)?;
    let list = list.filter(|_| !is_foreign);
    Ok(list.map_or(FoundList::Foreign, FoundList::Ours))
}

/// Writes the file if it is another than the one that is there.
fn put(place: &mut ExportPlace, path: PathBuf, text: &str) -> Result<()> {
    if fsx::look(&path)?.is_some() && fsx::read(&path)? == text.as_bytes() {
        return Ok(());
    }
    place.write_replaceable(path, text.as_bytes())
}

/// The messages in a folder with the bases of their files, oldest first.
fn files(folder: &Path) -> Result<Vec<(Hash128, String)>> {
    let mut files = BTreeMap::new();
    for sub in ["cur", "new"] {
        for (name, id) in place::named(&folder.join(sub), BEHIND)? {
            let base = name.split(':').next().unwrap_or_default().to_owned();
            let date = base.split('.').next().and_then(|date| date.parse().ok());
            files.insert((date.unwrap_or(0_u64), base), id);
        }
    }
    let files = files.into_iter();
    Ok(files.map(|((_, base), id)| (id, base)).collect())
}

/// What such a file says, in version 3.
#[derive(Debug, Clone, PartialEq, Eq)]
struct UidList {
    uidvalidity: u32,
    next: u32,
    /// Of the mailbox; made when the text is, if there is none yet.
    guid: Option<Hash128>,
    records: BTreeMap<u32, UidRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct UidRecord {
    id: Hash128,
    uidl: Option<String>,
    base: String,
}

impl UidList {
    /// Reads what [`Self::text`] wrote.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.lines();
        let mut head = lines.next()?.split(' ');
        let version = head.next()? == "3";
        let mut field = |letter| head.next()?.strip_prefix(letter);
        let (uidvalidity, next, guid) = (field('V')?, field('N')?, field('G')?);
        let mut list = Self {
            uidvalidity: uidvalidity.parse().ok().filter(|_| version)?,
            next: next.parse().ok()?,
            guid: Some(Hash128::parse(guid)?),
            records: BTreeMap::new(),
        };
        for line in lines {
            let (fields, base) = line.split_once(" :")?;
            let (uid, uidl) = match fields.split_once(" P") {
                Some((uid, uidl)) => (uid, Some(uidl.to_owned())),
                None => (fields, None),
            };
            let id = place::id_of(base, BEHIND)?;
            let base = base.to_owned();
            let record = UidRecord { id, uidl, base };
            list.records.insert(uid.parse().ok()?, record);
        }
        Some(list)
    }

    /// The list for these files, which keeps all UIDs of the one before.
    fn next(old: Option<Self>, names: &ServerNames, files: &[(Hash128, String)], now: u32) -> Self {
        let room = |last: u32| last.saturating_add(1).saturating_add(ROOM).min(LAST);
        let mut list = old.unwrap_or_else(|| Self {
            uidvalidity: names.uidvalidity.unwrap_or(now),
            next: names.uidvalidity.map_or(1, |_| room(names.last_uid)),
            guid: None,
            records: BTreeMap::new(),
        });
        let is_theirs = names.uidvalidity == Some(list.uidvalidity);
        if is_theirs && names.last_uid >= list.next {
            list.next = room(names.last_uid);
        }
        let there: HashMap<&str, Hash128> = files.iter().map(|(id, b)| (&**b, *id)).collect();
        list.records.retain(|_, r| there.contains_key(&*r.base));
        let listed: BTreeSet<String> = list.records.values().map(|r| r.base.clone()).collect();
        let mut nameless = Vec::new();
        for (id, base) in files.iter().filter(|(_, base)| !listed.contains(base)) {
            let uid = names.contents.get(id).and_then(|c| c.uid);
            let free = |uid: &u32| is_theirs && *uid > 0 && !list.records.contains_key(uid);
            match uid.filter(free) {
                Some(uid) => list.insert(uid, *id, base),
                None => nameless.push((id, base)),
            }
        }
        for (id, base) in nameless {
            // Where no UID is left, Dovecot has to start anew.
            if list.next < LAST {
                list.insert(list.next, *id, base);
                list.next += 1;
            }
        }
        for record in list.records.values_mut() {
            let uidl = names
                .contents
                .get(&record.id)
                .and_then(|c| c.uidl.as_deref());
            record.uidl = record.uidl.take().or_else(|| uidl.and_then(fit));
        }
        list
    }

    fn insert(&mut self, uid: u32, id: Hash128, base: &str) {
        let (uidl, base) = (None, base.to_owned());
        self.records.insert(uid, UidRecord { id, uidl, base });
    }

    /// Adds what became of the names.
    fn count(&self, names: &ServerNames, kept: &mut KeptNames) {
        let is_theirs = names.uidvalidity == Some(self.uidvalidity);
        for (uid, record) in &self.records {
            let theirs = names.contents.get(&record.id);
            if is_theirs && theirs.and_then(|c| c.uid) == Some(*uid) {
                kept.uids += 1;
            } else {
                kept.new_uids += 1;
            }
            let Some(theirs) = theirs else { continue };
            kept.others += theirs.others;
            match &theirs.uidl {
                Some(uidl) if fit(uidl).is_none() => kept.unfit_uidls += 1,
                Some(_) => kept.uidls += 1,
                None => {}
            }
        }
    }

    fn text(&self, part: &Part) -> String {
        let guid = self.guid.unwrap_or_else(|| {
            let what = (&part.account, &part.dir, self.uidvalidity, &self.records);
            Hash128::of(format!("{what:?}").as_bytes())
        });
        let mut text = format!("3 V{} N{} G{guid}\n", self.uidvalidity, self.next);
        for (uid, record) in &self.records {
            let uidl = record.uidl.iter().map(|uidl| format!(" P{uidl}"));
            let uidl: String = uidl.collect();
            let _ = writeln!(text, "{uid}{uidl} :{}", record.base);
        }
        text
    }
}

/// A UIDL as the file can hold it: what RFC 1939 allows in one.
fn fit(uidl: &[u8]) -> Option<String> {
    let fits = !uidl.is_empty() && uidl.iter().all(u8::is_ascii_graphic);
    fits.then(|| String::from_utf8_lossy(uidl).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const NOW: u32 = 1_800_000_000;

    fn id(n: u64) -> Hash128 {
        Hash128::of(&n.to_be_bytes())
    }

    fn file(n: u64) -> (Hash128, String) {
        (id(n), format!("{n}.{}{BEHIND}5,W=6", id(n)))
    }

    /// A message with its UID and UIDL, both of which may be unknown.
    type Row<'a> = (u64, Option<u32>, Option<&'a [u8]>);

    fn names(uidvalidity: u32, rows: &[Row<'_>]) -> ServerNames {
        let mut names = ServerNames {
            uidvalidity: Some(uidvalidity).filter(|v| *v > 0),
            last_uid: rows.iter().filter_map(|row| row.1).max().unwrap_or(0),
            ..ServerNames::default()
        };
        for (n, uid, uidl) in rows {
            let content = names.contents.entry(id(*n)).or_default();
            (content.uid, content.uidl) = (*uid, uidl.map(Into::into));
        }
        names
    }

    /// The UIDs of messages, in their order.
    fn uids(list: &UidList) -> Vec<(u32, Hash128)> {
        list.records.iter().map(|(uid, r)| (*uid, r.id)).collect()
    }

    fn text(list: &UidList) -> String {
        list.text(&Part {
            key: 1,
            account: "work".into(),
            dir: String::new(),
            messages: 0,
            octets: 0,
            list: id(0),
            first: 0,
        })
    }

    #[test]
    fn known_names_are_kept_and_others_begin_far_above() {
        let theirs = names(
            7,
            &[
                (1, Some(4), Some(b"one")),
                (2, Some(9), Some(b"two words")),
                (3, None, Some(b"three:x")),
            ],
        );
        let files = [file(1), file(2), file(3)];
        let list = UidList::next(None, &theirs, &files, NOW);
        let far = 10 + ROOM;
        assert_eq!(uids(&list), [(4, id(1)), (9, id(2)), (far, id(3))]);
        let text = text(&list);
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].starts_with(&format!("3 V7 N{} G", far + 1)),
            "{text}"
        );
        assert_eq!(lines[1], format!("4 Pone :{}", files[0].1));
        assert_eq!(lines[2], format!("9 :{}", files[1].1));
        assert_eq!(lines[3], format!("{far} Pthree:x :{}", files[2].1));
        let mut kept = KeptNames::default();
        list.count(&theirs, &mut kept);
        let counts = (kept.uids, kept.new_uids, kept.uidls, kept.unfit_uidls);
        assert_eq!(counts, (2, 1, 2, 1));
    }

    #[test]
    fn mail_of_pop3_is_numbered_from_one_under_a_uidvalidity_of_its_own() {
        let theirs = names(0, &[(1, None, Some(b"one")), (2, None, Some(b"two"))]);
        let list = UidList::next(None, &theirs, &[file(1), file(2)], NOW);
        assert_eq!((list.uidvalidity, list.next), (NOW, 3));
        assert_eq!(uids(&list), [(1, id(1)), (2, id(2))]);
        // A later run has another time and keeps the first.
        let list = UidList::parse(text(&list).as_bytes()).unwrap();
        let later = UidList::next(Some(list), &theirs, &[file(1), file(2), file(3)], NOW + 9);
        assert_eq!((later.uidvalidity, later.next), (NOW, 4));
    }

    #[test]
    fn what_came_to_the_old_server_since_gets_its_uid_and_nothing_else_moves() {
        let first = names(7, &[(1, Some(4), None), (2, None, None)]);
        let list = UidList::next(None, &first, &[file(1), file(2)], NOW);
        let then = names(
            7,
            &[(1, Some(4), None), (2, None, None), (3, Some(5), None)],
        );
        let files = [file(1), file(2), file(3)];
        let next = UidList::next(Some(list.clone()), &then, &files, NOW);
        assert_eq!(uids(&next), [(4, id(1)), (5, id(3)), (5 + ROOM, id(2))]);
        assert_eq!(next.next, list.next);
        // A UID that was given to another message, or of another epoch, is not used.
        let taken = names(7, &[(3, Some(4), None)]);
        let next = UidList::next(Some(list.clone()), &taken, &files, NOW);
        assert_eq!(uids(&next).last(), Some(&(6 + ROOM, id(3))));
        let renumbered = names(8, &[(1, Some(1), None), (3, Some(3), None)]);
        let next = UidList::next(Some(list), &renumbered, &files, NOW);
        assert_eq!(next.uidvalidity, 7);
        assert_eq!(uids(&next)[0], (4, id(1)));
        assert_eq!(uids(&next).last(), Some(&(6 + ROOM, id(3))));
    }

    #[test]
    fn the_last_uids_do_not_overflow() {
        let theirs = names(7, &[(1, Some(u32::MAX), None), (2, None, None)]);
        let list = UidList::next(None, &theirs, &[file(1), file(2)], NOW);
        assert_eq!(uids(&list), [(u32::MAX, id(1))]);
    }

    proptest! {
        #[test]
        fn a_uid_that_was_given_out_stays(
            runs in prop::collection::vec(
                (1_u32..3, prop::collection::btree_map(0_u64..12, prop::option::of(1_u32..40), 0..12)),
                1..6,
            ),
        ) {
            let mut there = BTreeMap::new();
            let mut old: Option<UidList> = None;
            for (uidvalidity, rows) in runs {
                let rows: Vec<_> = rows.into_iter().map(|(n, uid)| (n, uid, None)).collect();
                there.extend(rows.iter().map(|(n, ..)| (*n, file(*n))));
                let files: Vec<_> = there.values().cloned().collect();
                let theirs = names(uidvalidity, &rows);
                let list = UidList::next(old.clone(), &theirs, &files, NOW);
                prop_assert_eq!(list.records.len(), files.len());
                prop_assert!(list.records.keys().all(|uid| *uid < list.next));
                for (uid, record) in old.iter().flat_map(|old| &old.records) {
                    prop_assert_eq!(&list.records[uid].base, &record.base);
                }
                if let Some(old) = &old {
                    prop_assert!(old.next <= list.next && old.uidvalidity == list.uidvalidity);
                }
                let read = UidList::parse(text(&list).as_bytes()).unwrap();
                prop_assert_eq!(&read.records, &list.records);
                old = Some(read);
            }
        }
    }
}
