//! `dovecot-uidlist`: by this file in each folder of a Maildir, Dovecot keeps the UIDs, the
//! UIDVALIDITY and the POP3 UIDLs of the server that the mail came from.
//!
//! A UID that was given out stays with its message and is never given to another. A folder that
//! Dovecot has opened since, or whose file was changed, is Dovecot's: it has numbered the mail
//! itself.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::maildir::BEHIND;
use super::place::{self, ExportPlace};
use crate::base::error::Result;
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::vault::catalog::{ContentNames, ServerNames};
use crate::vault::layout::folder_label;
use crate::vault::{Part, Vault};

/// The file's name in a folder.
const NAME: &str = "dovecot-uidlist";
/// New UIDs begin this far above the known ones. Until people move to the new server, the old
/// one gives UIDs to new mail, and mail programs remember them.
const ROOM: u32 = 100_000;
/// No UID from here on is written. A file with `u32::MAX` is broken to Dovecot, which deletes it,
/// and the next UID has to be above all others.
const LAST: u32 = u32::MAX - 1;
/// So begin the names of the files that Dovecot makes in a folder when it opens it.
const INDEX: &str = "dovecot.index";

/// What became of the names that the old servers gave the messages of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptNames {
    /// Messages that keep their UID, also if the server has deleted them since an earlier export.
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
    /// Folders that were not read over IMAP before their first export, whose own UIDs stay.
    pub late: Vec<String>,
    /// Files that another program wrote or has changed, or whose folder Dovecot has opened. They
    /// stay as they are.
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
        let dir = place.root().join(&folder);
        let path = dir.join(NAME);
        let old = match look(place, &dir)? {
            FoundList::Nothing => None,
            FoundList::Ours(list) => Some(list),
            FoundList::Foreign => {
                kept.foreign.push(path);
                continue;
            }
        };
        let names = vault.catalog().server_names(&part.account, &part.dir)?;
        let list = UidList::next(old, &names, &files(&dir)?, now);
        list.count(&names, &mut kept);
        let mut label = folder_label(&part.dir);
        if place.several() {
            label = format!("{}/{label}", place.shown(&part.account));
        }
        match names.uidvalidity {
            None => kept.unknown.push(label),
            Some(theirs) if theirs == list.uidvalidity => {}
            Some(_) if names.epochs.contains(&list.uidvalidity) => kept.renumbered.push(label),
            Some(_) => kept.late.push(label),
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

fn look(place: &mut ExportPlace, dir: &Path) -> Result<FoundList> {
    // Even if the file is as it was: Dovecot's index may have given out UIDs above it.
    let names = crate::vault::maildir::list(dir)?;
    if names.iter().any(|name| name.starts_with(INDEX)) {
        return Ok(FoundList::Foreign);
    }
    let path = dir.join(NAME);
    if fsx::look(&path)?.is_none() {
        return Ok(FoundList::Nothing);
    }
    let list = UidList::parse(&fsx::read(&path)?);
    let is_foreign = place.is_foreign(&path)?;
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
    /// False if the file is gone. The line stays, so that nothing else gets its UID; Dovecot
    /// drops it.
    there: bool,
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
            let record = UidRecord {
                id,
                uidl,
                base,
                there: false,
            };
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
        let there: HashSet<&str> = files.iter().map(|(_, base)| &**base).collect();
        for record in list.records.values_mut() {
            record.there = there.contains(&*record.base);
        }
        let listed: HashSet<String> = list.records.values().map(|r| r.base.clone()).collect();
        let mut nameless = Vec::new();
        for (id, base) in files.iter().filter(|(_, base)| !listed.contains(base)) {
            let mut uids = names.contents.get(id).into_iter().flat_map(|c| &c.uids);
            let free = |uid: &&u32| {
                is_theirs && (1..LAST).contains(*uid) && !list.records.contains_key(uid)
            };
            match uids.find(free) {
                Some(uid) => list.insert(*uid, *id, base),
                None => nameless.push((id, base)),
            }
        }
        for (id, base) in nameless {
            // Where no UID is left, Dovecot numbers the mailbox itself.
            if list.next < LAST {
                list.insert(list.next, *id, base);
                list.next += 1;
            }
        }
        list.give_uidls(names);
        list
    }

    fn insert(&mut self, uid: u32, id: Hash128, base: &str) {
        let record = UidRecord {
            id,
            uidl: None,
            base: base.to_owned(),
            there: true,
        };
        self.records.insert(uid, record);
    }

    /// Gives every message a UIDL that the server has for it, if possible that of the last
    /// export. One that the server no longer has stays, unless it is of another message now.
    /// None is given twice: a mail program would never fetch the second message.
    fn give_uidls(&mut self, names: &ServerNames) {
        let theirs = |record: &UidRecord| names.contents.get(&record.id).map(|c| &*c.uidls);
        let all = names.contents.values().flat_map(|c| &c.uidls);
        let known: HashSet<&[u8]> = all.chain(&names.other_uidls).map(|u| &**u).collect();
        let mut given = HashSet::new();
        for record in self.records.values_mut() {
            let has = theirs(record).unwrap_or_default();
            let stays = |uidl: &String| has.iter().any(|u| **u == *uidl.as_bytes());
            let is_old = |uidl: &String| !known.contains(uidl.as_bytes());
            let is_there = record.there;
            let fits = has.iter().any(|uidl| fit(uidl).is_some());
            let uidl = record.uidl.take();
            record.uidl = uidl
                .filter(|uidl| is_there && (stays(uidl) || !fits && is_old(uidl)))
                .filter(|uidl| given.insert(uidl.clone()));
        }
        let without = self.records.values_mut();
        for record in without.filter(|r| r.there && r.uidl.is_none()) {
            let mut has = theirs(record).into_iter().flatten();
            record.uidl = has.find_map(|uidl| fit(uidl).filter(|uidl| given.insert(uidl.clone())));
        }
    }

    /// Adds what became of the names.
    fn count(&self, names: &ServerNames, kept: &mut KeptNames) {
        let is_theirs = names.uidvalidity == Some(self.uidvalidity);
        let none = ContentNames::default();
        for (uid, record) in self.records.iter().filter(|(_, record)| record.there) {
            let theirs = names.contents.get(&record.id).unwrap_or(&none);
            let mut had = theirs.uids.iter().chain(&theirs.gone_uids);
            if is_theirs && had.any(|had| had == uid) {
                kept.uids += 1;
            } else {
                kept.new_uids += 1;
            }
            let further = |count: usize| count.saturating_sub(1) as u64;
            kept.others += further(theirs.uids.len()) + further(theirs.uidls.len());
            let uidl = record.uidl.as_deref().map(str::as_bytes);
            if theirs.uidls.iter().any(|theirs| Some(&**theirs) == uidl) {
                kept.uidls += 1;
            } else if theirs.uidls.iter().any(|uidl| fit(uidl).is_none()) {
                kept.unfit_uidls += 1;
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
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::Format;
    use super::*;
    use crate::base::account_name::AccountNames;

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
            epochs: vec![uidvalidity],
            last_uid: rows.iter().filter_map(|row| row.1).max().unwrap_or(0),
            ..ServerNames::default()
        };
        for (n, uid, uidl) in rows {
            let content = names.contents.entry(id(*n)).or_default();
            content.uids.extend(uid);
            content.uidls.extend(uidl.map(Box::from));
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
        let top = LAST - 1;
        for (uid, listed) in [(top, true), (LAST, false), (u32::MAX, false)] {
            let theirs = names(7, &[(1, Some(uid), None), (2, None, None)]);
            let list = UidList::next(None, &theirs, &[file(1), file(2)], NOW);
            let first = listed.then_some((uid, id(1)));
            assert_eq!(uids(&list), first.into_iter().collect::<Vec<_>>());
            assert_eq!(list.next, LAST);
            // A later run finds none either.
            let files = [file(1), file(2), file(3)];
            let list = UidList::next(Some(list), &theirs, &files, NOW);
            assert_eq!((list.records.len(), list.next), (usize::from(listed), LAST));
        }
        let theirs = names(7, &[(1, Some(top - ROOM - 2), None), (2, None, None)]);
        let files = [file(1), file(2), file(3), file(4)];
        let list = UidList::next(None, &theirs, &files, NOW);
        let given: Vec<_> = list.records.keys().copied().collect();
        assert_eq!(given, [top - ROOM - 2, top - 1, top]);
        assert_eq!(list.next, LAST);
    }

    fn uidls(list: &UidList) -> Vec<(Hash128, Option<&str>)> {
        let records = list.records.values();
        records.map(|r| (r.id, r.uidl.as_deref())).collect()
    }

    #[test]
    fn a_uidl_goes_to_the_message_that_the_server_has_under_it() {
        let first = names(0, &[(1, None, Some(b"u1")), (2, None, Some(b"u2"))]);
        let files = [file(1), file(2), file(3)];
        let list = UidList::next(None, &first, &files[..2], NOW);
        let then = [
            (1, None, Some(&b"u9"[..])),
            (2, None, Some(b"u2")),
            (3, None, Some(b"u1")),
        ];
        let theirs = names(0, &then);
        let next = UidList::next(Some(list.clone()), &theirs, &files, NOW);
        let all = [
            (id(1), Some("u9")),
            (id(2), Some("u2")),
            (id(3), Some("u1")),
        ];
        assert_eq!(uidls(&next), all);
        let mut kept = KeptNames::default();
        next.count(&theirs, &mut kept);
        assert_eq!(kept.uidls, 3);
        // It is lost with the message that had it, if no other is known for that one.
        let next = UidList::next(Some(list.clone()), &names(0, &then[1..]), &files, NOW);
        assert_eq!(uidls(&next)[0], (id(1), None));
        let mut unknown = names(0, &then[1..2]);
        unknown.other_uidls.insert(Box::from(&b"u1"[..]));
        let next = UidList::next(Some(list.clone()), &unknown, &files, NOW);
        assert_eq!(uidls(&next)[0], (id(1), None));
        // One that the server says nothing of stays, and is not counted as the server's.
        let theirs = names(0, &then[1..2]);
        let next = UidList::next(Some(list.clone()), &theirs, &files, NOW);
        assert_eq!(uidls(&next)[0], (id(1), Some("u1")));
        let mut kept = KeptNames::default();
        next.count(&theirs, &mut kept);
        assert_eq!(kept.uidls, 1);
        // Of several, the one that was given out stays.
        let mut several = names(0, &then[1..2]);
        let own = several.contents.entry(id(1)).or_default();
        own.uidls = vec![Box::from(&b"u0"[..]), Box::from(&b"u1"[..])];
        let next = UidList::next(Some(list), &several, &files, NOW);
        assert_eq!(uidls(&next)[0], (id(1), Some("u1")));
    }

    #[test]
    fn a_uid_stays_kept_when_its_message_is_deleted_on_the_server() {
        let theirs = names(7, &[(1, Some(4), None)]);
        let list = UidList::next(None, &theirs, &[file(1)], NOW);
        let mut gone = names(7, &[(1, None, None)]);
        gone.contents.get_mut(&id(1)).unwrap().gone_uids = vec![4];
        let next = UidList::next(Some(list), &gone, &[file(1), file(2)], NOW);
        let mut kept = KeptNames::default();
        next.count(&gone, &mut kept);
        assert_eq!((kept.uids, kept.new_uids), (1, 1));
        // On its first export, it gets a new one.
        let next = UidList::next(None, &gone, &[file(1)], NOW);
        let mut kept = KeptNames::default();
        next.count(&gone, &mut kept);
        assert_eq!((kept.uids, kept.new_uids), (0, 1));
    }

    #[test]
    fn exports_that_were_killed_twice_leave_a_file_of_ours() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = ["work".to_owned()];
        let open = || {
            ExportPlace::open(
                dir.path(),
                Format::Maildir,
                false,
                &accounts,
                &AccountNames::default(),
            )
            .unwrap()
        };
        let path = dir.path().join(NAME);
        let text = |n: u64| {
            let files: Vec<_> = (1..=n).map(file).collect();
            text(&UidList::next(None, &names(7, &[]), &files, NOW))
        };
        let is_ours = |place: &mut ExportPlace| {
            let found = look(place, dir.path()).unwrap();
            matches!(found, FoundList::Ours(_))
        };
        // Killed after the file has its name, and before the note says so.
        let mut place = open();
        put(&mut place, path.clone(), &text(1)).unwrap();
        place.flush().unwrap();
        drop(place);
        // Killed before the file has its name.
        let mut place = open();
        assert!(is_ours(&mut place));
        place
            .state
            .will_write(NAME, Hash128::of(text(2).as_bytes()));
        place.save().unwrap();
        drop(place);
        let mut place = open();
        assert!(is_ours(&mut place));
        put(&mut place, path.clone(), &text(3)).unwrap();
        place.finish().unwrap();
        assert!(is_ours(&mut open()));
        // A file that Dovecot's index may be ahead of is not ours, even if it is as it was.
        std::fs::write(dir.path().join("dovecot.index.log"), "").unwrap();
        assert!(!is_ours(&mut open()));
    }

    /// What a server says of a content: its UIDs and UIDLs.
    type SaidNames = (Vec<u32>, Vec<u8>);

    fn said() -> impl Strategy<Value = (u32, BTreeMap<u64, SaidNames>, Vec<u8>, Vec<u64>)> {
        let numbers = prop::collection::vec(1_u32..40, 0..3);
        let letters = || prop::collection::vec(b'a'..b'h', 0..3);
        (
            1_u32..3,
            prop::collection::btree_map(0_u64..12, (numbers, letters()), 0..12),
            letters(),
            prop::collection::vec(0_u64..12, 0..4),
        )
    }

    proptest! {
        #[test]
        fn a_uid_that_was_given_out_stays_and_no_uidl_is_given_twice(
            runs in prop::collection::vec(said(), 1..6),
        ) {
            let mut there = BTreeMap::new();
            let mut given: HashMap<u32, String> = HashMap::new();
            let mut old: Option<UidList> = None;
            for (uidvalidity, rows, others, removed) in runs {
                let uidl = |uidl: &u8| Box::from([*uidl]);
                let mut theirs = names(uidvalidity, &[]);
                for (n, (uids, uidls)) in rows {
                    there.insert(n, file(n));
                    theirs.last_uid = uids.iter().copied().fold(theirs.last_uid, u32::max);
                    let uidls = uidls.iter().map(uidl).collect();
                    let content = ContentNames { uids, uidls, ..ContentNames::default() };
                    theirs.contents.insert(id(n), content);
                }
                theirs.other_uidls = others.iter().map(uidl).collect();
                for n in removed {
                    there.remove(&n);
                }
                let files: Vec<_> = there.values().cloned().collect();
                let list = UidList::next(old.clone(), &theirs, &files, NOW);
                let listed = list.records.values().filter(|record| record.there);
                prop_assert_eq!(listed.count(), files.len());
                prop_assert!(list.records.keys().all(|uid| *uid < list.next));
                for (uid, record) in &list.records {
                    let first = given.entry(*uid).or_insert_with(|| record.base.clone());
                    prop_assert_eq!(first, &record.base);
                }
                if let Some(old) = &old {
                    prop_assert!(old.next <= list.next && old.uidvalidity == list.uidvalidity);
                    let stay = old.records.keys().all(|uid| list.records.contains_key(uid));
                    prop_assert!(stay);
                }
                let mut uidls = HashSet::new();
                for record in list.records.values() {
                    let Some(uidl) = &record.uidl else { continue };
                    prop_assert!(record.there && uidls.insert(uidl), "{} twice", uidl);
                    let has = |c: &ContentNames| c.uidls.iter().any(|u| **u == *uidl.as_bytes());
                    let is_theirs = theirs.contents.get(&record.id).is_some_and(has);
                    let is_anothers = theirs.contents.values().any(has)
                        || theirs.other_uidls.contains(uidl.as_bytes());
                    prop_assert!(is_theirs || !is_anothers, "{} is another's", uidl);
                }
                let read = UidList::parse(text(&list).as_bytes()).unwrap();
                prop_assert_eq!(text(&read), text(&list));
                old = Some(read);
            }
        }
    }
}
