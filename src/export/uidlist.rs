//! `dovecot-uidlist`: by this file in each folder of a Maildir, Dovecot keeps the UIDs, the
//! UIDVALIDITY and the POP3 UIDLs of the server that the mail came from.
//!
//! A UID that was given out stays with its message and is never given to another. A folder that
//! Dovecot has opened since, or whose file was changed, is Dovecot's: it has numbered the mail
//! itself.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::maildir::BEHIND;
use super::place::{self, ExportPlace};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::vault::catalog::{ServerNames, UidRecord, UidTable};
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
        let table = UidTable::new()?;
        let old = match look(place, &dir, &table)? {
            FoundList::Nothing => None,
            FoundList::Ours(head) => Some(head),
            FoundList::Foreign => {
                kept.foreign.push(path);
                continue;
            }
        };
        let names = vault
            .catalog()
            .server_names(&part.account, &part.dir, &table)?;
        add_files(&dir, &table)?;
        let list = UidList::new(old, &names, table, now)?;
        list.count(&names, &mut kept)?;
        let mut label = folder_label(&part.dir);
        if place.several() {
            label = format!("{}/{label}", place.shown(&part.account));
        }
        match names.uidvalidity {
            None => kept.unknown.push(label),
            Some(theirs) if theirs == list.head.uidvalidity => {}
            Some(_) if names.epochs.contains(&list.head.uidvalidity) => kept.renumbered.push(label),
            Some(_) => kept.late.push(label),
        }
        let guid = list.guid(&[&part.account, &part.dir])?;
        put(place, path, &list, guid)?;
    }
    Ok(kept)
}

/// What lies at the name of such a file.
enum FoundList {
    Nothing,
    /// That of an earlier export, unchanged.
    Ours(UidListHead),
    /// Another program has numbered the mail.
    Foreign,
}

/// Looks at the file of a folder, and puts its records into the table.
fn look(place: &mut ExportPlace, dir: &Path, table: &UidTable) -> Result<FoundList> {
    // Even if the file is as it was: Dovecot's index may have given out UIDs above it.
    let mut is_indexed = false;
    fsx::for_each_entry(dir, &mut |name, _| {
        is_indexed |= name.as_encoded_bytes().starts_with(INDEX.as_bytes());
        Ok(())
    })?;
    if is_indexed {
        return Ok(FoundList::Foreign);
    }
    let path = dir.join(NAME);
    if fsx::look(&path)?.is_none() {
        return Ok(FoundList::Nothing);
    }
    if place.is_foreign(&path)? {
        return Ok(FoundList::Foreign);
    }
    let lines = BufReader::new(fsx::open(&path)?).lines();
    let lines = lines.map(|line| line.map_err(|e| Error::file("read", &path, e)));
    let head = UidListHead::read(lines, table)?;
    Ok(head.map_or(FoundList::Foreign, FoundList::Ours))
}

/// Writes the file if it is another than the one that is there.
fn put(place: &mut ExportPlace, path: PathBuf, list: &UidList, guid: Hash128) -> Result<()> {
    if fsx::look(&path)?.is_some() {
        let mut hasher = blake3::Hasher::new();
        list.each_line(guid, &mut |line| {
            hasher.update(line.as_bytes());
            Ok(())
        })?;
        if place::hash_of(&path)? == Hash128::cut(hasher.finalize()) {
            return Ok(());
        }
    }
    let mut staged = place.stage_replaceable()?;
    list.each_line(guid, &mut |line| staged.write(line.as_bytes()))?;
    place.keep(staged, path, 0)
}

/// Adds the messages in a folder with the bases of their files.
fn add_files(folder: &Path, table: &UidTable) -> Result<()> {
    for sub in ["cur", "new"] {
        place::for_each_id(&folder.join(sub), BEHIND, &mut |name, id| {
            let base = name.split(':').next().unwrap_or_default();
            let date = base.split('.').next().and_then(|date| date.parse().ok());
            table.add_file(date.unwrap_or(0), base, id)
        })?;
    }
    Ok(())
}

/// The first line of such a file, in version 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct UidListHead {
    uidvalidity: u32,
    next: u32,
    /// Of the mailbox; made from its records if there is none yet.
    guid: Option<Hash128>,
}

impl UidListHead {
    /// Reads what [`UidList::each_line`] wrote, and puts the records into a table; `None` if it
    /// is anything else.
    fn read(lines: impl Iterator<Item = Result<String>>, table: &UidTable) -> Result<Option<Self>> {
        let mut head = None;
        for line in lines {
            let line = line?;
            if head.is_none() {
                head = Self::parse(&line);
                if head.is_none() {
                    return Ok(None);
                }
            } else if let Some((record, id)) = parse_record(&line) {
                table.add_record(&record, id)?;
            } else {
                return Ok(None);
            }
        }
        Ok(head)
    }

    fn parse(line: &str) -> Option<Self> {
        let mut head = line.split(' ');
        let version = head.next()? == "3";
        let mut field = |letter| head.next()?.strip_prefix(letter);
        let (uidvalidity, next, guid) = (field('V')?, field('N')?, field('G')?);
        Some(Self {
            uidvalidity: uidvalidity.parse().ok().filter(|_| version)?,
            next: next.parse().ok()?,
            guid: Some(Hash128::parse(guid)?),
        })
    }
}

fn parse_record(line: &str) -> Option<(UidRecord, Hash128)> {
    let (fields, base) = line.split_once(" :")?;
    let (uid, uidl) = match fields.split_once(" P") {
        Some((uid, uidl)) => (uid, Some(uidl.to_owned())),
        None => (fields, None),
    };
    let record = UidRecord {
        uid: uid.parse().ok()?,
        uidl,
        base: base.to_owned(),
    };
    Some((record, place::id_of(base, BEHIND)?))
}

/// What such a file says.
#[derive(Debug)]
struct UidList {
    head: UidListHead,
    /// Of files that are gone, too, so that nothing else gets their UIDs. Dovecot drops them.
    records: UidTable,
}

impl UidList {
    /// The list for the files of a table, which keeps all UIDs of the one before. It keeps the
    /// UIDLs of the last export, too, as long as they are of the same messages.
    fn new(
        old: Option<UidListHead>,
        names: &ServerNames,
        records: UidTable,
        now: u32,
    ) -> Result<Self> {
        let room = |last: u32| last.saturating_add(1).saturating_add(ROOM).min(LAST);
        let mut head = old.unwrap_or_else(|| UidListHead {
            uidvalidity: names.uidvalidity.unwrap_or(now),
            next: names.uidvalidity.map_or(1, |_| room(names.last_uid)),
            guid: None,
        });
        let is_theirs = names.uidvalidity == Some(head.uidvalidity);
        if is_theirs && names.last_uid >= head.next {
            head.next = room(names.last_uid);
        }
        head.next = records.give(is_theirs, head.next, LAST)?;
        Ok(Self { head, records })
    }

    /// Adds what became of the names.
    fn count(&self, names: &ServerNames, kept: &mut KeptNames) -> Result<()> {
        let counts = self.records.count()?;
        let is_theirs = names.uidvalidity == Some(self.head.uidvalidity);
        let uids = if is_theirs { counts.uids } else { 0 };
        kept.uids += uids;
        kept.new_uids += counts.files - uids;
        kept.uidls += counts.uidls;
        kept.unfit_uidls += counts.unfit_uidls;
        kept.others += counts.others;
        Ok(())
    }

    /// That of the list, or one that is made from what it says of a folder.
    fn guid(&self, folder: &[&str]) -> Result<Hash128> {
        if let Some(guid) = self.head.guid {
            return Ok(guid);
        }
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(text.as_bytes());
            hasher.update(b"\n");
        };
        for part in folder {
            add(part);
        }
        add(&self.head.uidvalidity.to_string());
        self.records.for_each(|record| {
            add(&record_line(record));
            Ok(())
        })?;
        Ok(Hash128::cut(hasher.finalize()))
    }

    /// Calls `each` with every line of the file.
    fn each_line(&self, guid: Hash128, each: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
        let UidListHead {
            uidvalidity, next, ..
        } = self.head;
        each(&format!("3 V{uidvalidity} N{next} G{guid}\n"))?;
        self.records
            .for_each(|record| each(&(record_line(record) + "\n")))
    }
}

fn record_line(UidRecord { uid, uidl, base }: &UidRecord) -> String {
    match uidl {
        Some(uidl) => format!("{uid} P{uidl} :{base}"),
        None => format!("{uid} :{base}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::{BTreeMap, HashMap, HashSet};

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

    /// What servers say of a folder.
    #[derive(Debug, Default)]
    struct SaidOfFolder {
        names: ServerNames,
        uids: Vec<(u64, u32)>,
        gone_uids: Vec<(u64, u32)>,
        uidls: Vec<(Option<u64>, Vec<u8>)>,
        gone_uidls: Vec<(u64, Vec<u8>)>,
    }

    fn names(uidvalidity: u32, rows: &[Row<'_>]) -> SaidOfFolder {
        let mut said = SaidOfFolder::default();
        said.names.uidvalidity = Some(uidvalidity).filter(|v| *v > 0);
        said.names.epochs = vec![uidvalidity];
        said.names.last_uid = rows.iter().filter_map(|row| row.1).max().unwrap_or(0);
        for (n, uid, uidl) in rows {
            said.uids.extend(uid.map(|uid| (*n, uid)));
            said.uidls
                .extend(uidl.map(|uidl| (Some(*n), uidl.to_vec())));
        }
        said
    }

    impl SaidOfFolder {
        fn put(&self, table: &UidTable) {
            for (n, uid) in &self.uids {
                table.add_uid(id(*n), *uid, false).unwrap();
            }
            for (n, uid) in &self.gone_uids {
                table.add_uid(id(*n), *uid, true).unwrap();
            }
            for (n, uidl) in &self.uidls {
                table.add_uidl(n.map(id), uidl, false).unwrap();
            }
            for (n, uidl) in &self.gone_uidls {
                table.add_uidl(Some(id(*n)), uidl, true).unwrap();
            }
        }

        /// Messages that the server has under a UIDL.
        fn have(&self, uidl: &str) -> Vec<Option<u64>> {
            let have = self.uidls.iter().filter(|(_, u)| u == uidl.as_bytes());
            have.map(|(n, _)| *n).collect()
        }
    }

    /// The list of an export after one that wrote `old`.
    fn after(old: Option<&str>, said: &SaidOfFolder, files: &[(Hash128, String)]) -> UidList {
        after_at(NOW, old, said, files)
    }

    fn after_at(
        now: u32,
        old: Option<&str>,
        said: &SaidOfFolder,
        files: &[(Hash128, String)],
    ) -> UidList {
        let table = UidTable::new().unwrap();
        let old = old.map(|old| read(old, &table));
        said.put(&table);
        for (id, base) in files {
            let date = base.split('.').next().unwrap().parse().unwrap();
            table.add_file(date, base, *id).unwrap();
        }
        UidList::new(old, &said.names, table, now).unwrap()
    }

    fn read(text: &str, table: &UidTable) -> UidListHead {
        let lines = text.lines().map(|line| Ok(line.to_owned()));
        UidListHead::read(lines, table).unwrap().unwrap()
    }

    fn count(list: &UidList, said: &SaidOfFolder) -> KeptNames {
        let mut kept = KeptNames::default();
        list.count(&said.names, &mut kept).unwrap();
        kept
    }

    fn records(list: &UidList) -> Vec<UidRecord> {
        let mut records = Vec::new();
        let mut add = |record: &UidRecord| {
            records.push(record.clone());
            Ok(())
        };
        list.records.for_each(&mut add).unwrap();
        records
    }

    fn id_of(record: &UidRecord) -> Hash128 {
        place::id_of(&record.base, BEHIND).unwrap()
    }

    /// The UIDs of messages, in their order.
    fn uids(list: &UidList) -> Vec<(u32, Hash128)> {
        let records = records(list);
        records.iter().map(|r| (r.uid, id_of(r))).collect()
    }

    /// The UIDLs of messages, in the order of UIDs.
    fn uidls(list: &UidList) -> Vec<(Hash128, Option<String>)> {
        let records = records(list).into_iter();
        records.map(|r| (id_of(&r), r.uidl)).collect()
    }

    fn text(list: &UidList) -> String {
        let mut text = String::new();
        let mut add = |line: &str| {
            text.push_str(line);
            Ok(())
        };
        list.each_line(list.guid(&["work", ""]).unwrap(), &mut add)
            .unwrap();
        text
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
        let list = after(None, &theirs, &files);
        let far = 10 + ROOM;
        assert_eq!(uids(&list), [(4, id(1)), (9, id(2)), (far, id(3))]);
        let written = text(&list);
        let lines: Vec<_> = written.lines().collect();
        assert!(
            lines[0].starts_with(&format!("3 V7 N{} G", far + 1)),
            "{written}"
        );
        assert_eq!(lines[1], format!("4 Pone :{}", files[0].1));
        assert_eq!(lines[2], format!("9 :{}", files[1].1));
        assert_eq!(lines[3], format!("{far} Pthree:x :{}", files[2].1));
        let kept = count(&list, &theirs);
        let counts = (kept.uids, kept.new_uids, kept.uidls, kept.unfit_uidls);
        assert_eq!(counts, (2, 1, 2, 1));
    }

    #[test]
    fn mail_of_pop3_is_numbered_from_one_under_a_uidvalidity_of_its_own() {
        let theirs = names(0, &[(1, None, Some(b"one")), (2, None, Some(b"two"))]);
        let list = after(None, &theirs, &[file(1), file(2)]);
        assert_eq!((list.head.uidvalidity, list.head.next), (NOW, 3));
        assert_eq!(uids(&list), [(1, id(1)), (2, id(2))]);
        // A later run has another time and keeps the first.
        let files = [file(1), file(2), file(3)];
        let later = after_at(NOW + 9, Some(&text(&list)), &theirs, &files);
        assert_eq!((later.head.uidvalidity, later.head.next), (NOW, 4));
    }

    #[test]
    fn what_came_to_the_old_server_since_gets_its_uid_and_nothing_else_moves() {
        let first = names(7, &[(1, Some(4), None), (2, None, None)]);
        let list = after(None, &first, &[file(1), file(2)]);
        let then = names(
            7,
            &[(1, Some(4), None), (2, None, None), (3, Some(5), None)],
        );
        let files = [file(1), file(2), file(3)];
        let next = after(Some(&text(&list)), &then, &files);
        assert_eq!(uids(&next), [(4, id(1)), (5, id(3)), (5 + ROOM, id(2))]);
        assert_eq!(next.head.next, list.head.next);
        // A UID that was given to another message, or of another epoch, is not used.
        let taken = names(7, &[(3, Some(4), None)]);
        let next = after(Some(&text(&list)), &taken, &files);
        assert_eq!(uids(&next).last(), Some(&(6 + ROOM, id(3))));
        let renumbered = names(8, &[(1, Some(1), None), (3, Some(3), None)]);
        let next = after(Some(&text(&list)), &renumbered, &files);
        assert_eq!(next.head.uidvalidity, 7);
        assert_eq!(uids(&next)[0], (4, id(1)));
        assert_eq!(uids(&next).last(), Some(&(6 + ROOM, id(3))));
    }

    #[test]
    fn the_last_uids_do_not_overflow() {
        let top = LAST - 1;
        for (uid, listed) in [(top, true), (LAST, false), (u32::MAX, false)] {
            let theirs = names(7, &[(1, Some(uid), None), (2, None, None)]);
            let list = after(None, &theirs, &[file(1), file(2)]);
            let first = listed.then_some((uid, id(1)));
            assert_eq!(uids(&list), first.into_iter().collect::<Vec<_>>());
            assert_eq!(list.head.next, LAST);
            // A later run finds none either.
            let files = [file(1), file(2), file(3)];
            let list = after(Some(&text(&list)), &theirs, &files);
            let left = (uids(&list).len(), list.head.next);
            assert_eq!(left, (usize::from(listed), LAST));
        }
        let theirs = names(7, &[(1, Some(top - ROOM - 2), None), (2, None, None)]);
        let files = [file(1), file(2), file(3), file(4)];
        let list = after(None, &theirs, &files);
        let given: Vec<_> = uids(&list).iter().map(|(uid, _)| *uid).collect();
        assert_eq!(given, [top - ROOM - 2, top - 1, top]);
        assert_eq!(list.head.next, LAST);
    }

    #[test]
    fn a_uidl_goes_to_the_message_that_the_server_has_under_it() {
        let of = |uidl: &str| Some(uidl.to_owned());
        let first = names(0, &[(1, None, Some(b"u1")), (2, None, Some(b"u2"))]);
        let files = [file(1), file(2), file(3)];
        let list = after(None, &first, &files[..2]);
        let then = [
            (1, None, Some(&b"u9"[..])),
            (2, None, Some(b"u2")),
            (3, None, Some(b"u1")),
        ];
        let theirs = names(0, &then);
        let next = after(Some(&text(&list)), &theirs, &files);
        let all = [(id(1), of("u9")), (id(2), of("u2")), (id(3), of("u1"))];
        assert_eq!(uidls(&next), all);
        let kept = count(&next, &theirs);
        assert_eq!(kept.uidls, 3);
        // It is lost with the message that had it, if no other is known for that one.
        let next = after(Some(&text(&list)), &names(0, &then[1..]), &files);
        assert_eq!(uidls(&next)[0], (id(1), None));
        let mut unknown = names(0, &then[1..2]);
        unknown.uidls.push((None, b"u1".to_vec()));
        let next = after(Some(&text(&list)), &unknown, &files);
        assert_eq!(uidls(&next)[0], (id(1), None));
        // One that the server says nothing of stays, and is not counted as the server's.
        let theirs = names(0, &then[1..2]);
        let next = after(Some(&text(&list)), &theirs, &files);
        assert_eq!(uidls(&next)[0], (id(1), of("u1")));
        let kept = count(&next, &theirs);
        assert_eq!(kept.uidls, 1);
        // Of several, the one that was given out stays.
        let mut several = names(0, &then[1..2]);
        let own = [b"u0", b"u1"].map(|uidl| (Some(1), uidl.to_vec()));
        several.uidls.extend(own);
        let next = after(Some(&text(&list)), &several, &files);
        assert_eq!(uidls(&next)[0], (id(1), of("u1")));
    }

    #[test]
    fn a_uid_stays_kept_when_its_message_is_deleted_on_the_server() {
        let theirs = names(7, &[(1, Some(4), None)]);
        let list = after(None, &theirs, &[file(1)]);
        let mut gone = names(7, &[(1, None, None)]);
        gone.gone_uids = vec![(1, 4)];
        let next = after(Some(&text(&list)), &gone, &[file(1), file(2)]);
        let kept = count(&next, &gone);
        assert_eq!((kept.uids, kept.new_uids), (1, 1));
        // On its first export, it gets a new one.
        let next = after(None, &gone, &[file(1)]);
        let kept = count(&next, &gone);
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
        let list = |n: u64| {
            let files: Vec<_> = (1..=n).map(file).collect();
            after(None, &names(7, &[]), &files)
        };
        let put = |place: &mut ExportPlace, list: &UidList| {
            let guid = list.guid(&["work", ""]).unwrap();
            super::put(place, path.clone(), list, guid).unwrap();
        };
        let is_ours = |place: &mut ExportPlace| {
            let found = look(place, dir.path(), &UidTable::new().unwrap()).unwrap();
            matches!(found, FoundList::Ours(_))
        };
        // Killed after the file has its name, and before the note says so.
        let mut place = open();
        put(&mut place, &list(1));
        place.flush().unwrap();
        drop(place);
        // Killed before the file has its name.
        let mut place = open();
        assert!(is_ours(&mut place));
        place
            .state
            .will_write(NAME, Hash128::of(text(&list(2)).as_bytes()));
        place.save().unwrap();
        drop(place);
        let mut place = open();
        assert!(is_ours(&mut place));
        put(&mut place, &list(3));
        place.finish().unwrap();
        assert!(is_ours(&mut open()));
        // A file that Dovecot's index may be ahead of is not ours, even if it is as it was.
        std::fs::write(dir.path().join("dovecot.index.log"), "").unwrap();
        assert!(!is_ours(&mut open()));
    }

    #[test]
    fn a_uidl_that_is_gone_counts_only_where_the_server_has_no_other() {
        let mut said = names(0, &[(1, None, Some(b"u9"))]);
        said.gone_uidls = vec![
            (1, b"u1".to_vec()),
            (2, b"u2".to_vec()),
            (2, b"u3".to_vec()),
        ];
        let list = after(None, &said, &[file(1), file(2)]);
        let of = |uidl: &str| Some(uidl.to_owned());
        assert_eq!(uidls(&list), [(id(1), of("u9")), (id(2), of("u2"))]);
        // Two of a message's own are one more than it can keep.
        assert_eq!(count(&list, &said).others, 1);
        let old = "3 V1800000000 N2 G00112233445566778899aabbccddeeff\n".to_owned();
        let old = old + &format!("1 Pu1 :{}\n", file(1).1);
        let list = after(Some(&old), &said, &[file(1)]);
        assert_eq!(uidls(&list), [(id(1), of("u9"))]);
    }

    /// What a server says of a content: its UIDs and UIDLs, and the UIDLs that are gone.
    type SaidNames = (Vec<u32>, Vec<u8>, Vec<u8>);

    fn said() -> impl Strategy<Value = (u32, BTreeMap<u64, SaidNames>, Vec<u8>, Vec<u64>)> {
        let numbers = prop::collection::vec(1_u32..40, 0..3);
        let letters = || prop::collection::vec(b'a'..b'h', 0..3);
        (
            1_u32..3,
            prop::collection::btree_map(0_u64..12, (numbers, letters(), letters()), 0..12),
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
            let mut old: Option<(String, u32)> = None;
            for (uidvalidity, rows, others, removed) in runs {
                let mut theirs = names(uidvalidity, &[]);
                for (n, (uids, uidls, gone)) in rows {
                    there.insert(n, file(n));
                    theirs.names.last_uid = uids.iter().copied().fold(theirs.names.last_uid, u32::max);
                    theirs.uids.extend(uids.iter().map(|uid| (n, *uid)));
                    theirs.uidls.extend(uidls.iter().map(|uidl| (Some(n), vec![*uidl])));
                    theirs.gone_uidls.extend(gone.iter().map(|uidl| (n, vec![*uidl])));
                }
                theirs.uidls.extend(others.iter().map(|uidl| (None, vec![*uidl])));
                for n in removed {
                    there.remove(&n);
                }
                let files: Vec<_> = there.values().cloned().collect();
                let list = after(old.as_ref().map(|(text, _)| &**text), &theirs, &files);
                let all = records(&list);
                let is_there = |r: &&UidRecord| files.iter().any(|(_, base)| *base == r.base);
                prop_assert_eq!(all.iter().filter(is_there).count(), files.len());
                prop_assert!(all.iter().all(|r| r.uid < list.head.next));
                for record in &all {
                    let first = given.entry(record.uid).or_insert_with(|| record.base.clone());
                    prop_assert_eq!(first, &record.base);
                }
                let stay = given.keys().all(|uid| all.iter().any(|r| r.uid == *uid));
                prop_assert!(stay);
                if let Some((_, next)) = old {
                    prop_assert!(next <= list.head.next);
                }
                let mut uidls = HashSet::new();
                for record in &all {
                    let Some(uidl) = &record.uidl else { continue };
                    prop_assert!(is_there(&record) && uidls.insert(uidl), "{} twice", uidl);
                    let have = theirs.have(uidl);
                    let n = there.iter().find(|(_, (_, base))| *base == record.base).map(|(n, _)| *n);
                    let has_another = theirs.uidls.iter().any(|(m, _)| *m == n);
                    let gone: Vec<_> = theirs.gone_uidls.iter().filter(|(_, u)| *u == uidl.as_bytes()).collect();
                    let had = !has_another && gone.iter().any(|(m, _)| Some(*m) == n);
                    let is_anothers = !have.is_empty() || !gone.is_empty();
                    prop_assert!(have.contains(&n) || had || !is_anothers, "{} is another's", uidl);
                }
                let written = text(&list);
                let table = UidTable::new().unwrap();
                let head = read(&written, &table);
                prop_assert_eq!(head.guid, Some(list.guid(&["work", ""]).unwrap()));
                prop_assert_eq!(text(&UidList { head, records: table }).lines().count(), all.len() + 1);
                old = Some((written, list.head.next));
            }
        }
    }
}
