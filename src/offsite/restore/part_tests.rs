//! What of a copy is fetched for a part of it, and what is left when that fails.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use chrono::Utc;

use super::tests::filled;
use super::*;
use crate::base::fsx;
use crate::mail::query;
use crate::offsite::place::ObjectName;
use crate::offsite::scene_tests::{
    NEVER, TestVault, identities, memory, message, new_memory, objects, other_identities, push_to,
    tree,
};
use crate::vault::SelectionScope;

/// Restores what these words select.
fn part_of(store: &ObjectStore, target: &Path, words: &[&str]) -> Result<RestoredPart, CopyError> {
    part_with(store, target, words, &identities())
}

fn part_with(
    store: &ObjectStore,
    target: &Path,
    words: &[&str],
    keys: &Identities,
) -> Result<RestoredPart, CopyError> {
    let options = PartOptions {
        identities: keys,
        head: None,
        query: &query::parse(words, Utc::now()).unwrap(),
        scope: SelectionScope::All,
        names: &crate::base::account_name::AccountNames::default(),
        stop: &NEVER,
    };
    restore_part(store, target, options, &mut |_| {})
}

/// The contents that words select in what was restored; each must be there and right.
fn selected(part: &RestoredPart, words: &[&str]) -> BTreeSet<Hash128> {
    let query = query::parse(words, Utc::now()).unwrap();
    if query.needs_texts() {
        part.vault.read_texts(&mut |_| {}).unwrap();
    }
    let selection = part
        .vault
        .select(&query, true, SelectionScope::All)
        .unwrap();
    let mut found = BTreeSet::new();
    let each = &mut |hash| {
        let mut bytes = Vec::new();
        let mut content = part.vault.message(hash)?;
        content.read_to_end(&mut bytes).unwrap();
        assert_eq!(Hash128::of(&bytes), hash);
        found.insert(hash);
        Ok(())
    };
    part.vault.each_content(&selection, each).unwrap();
    found
}

fn hashes(contents: impl IntoIterator<Item = Vec<u8>>) -> BTreeSet<Hash128> {
    let contents = contents.into_iter();
    contents.map(|content| Hash128::of(&content)).collect()
}

fn small(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<Hash128> {
    hashes(numbers.into_iter().map(|n| message(n, 900)))
}

#[test]
fn what_is_selected_is_fetched_and_nothing_else() {
    let store = new_memory();
    let vault = filled(&store);
    let large = hashes((10..12).map(|n| message(n, 900_000)));
    let last = hashes([message(20, 700)]);
    for (n, (words, wanted, fetched)) in [
        (&["account:home", "smaller:2K"][..], small([2]), 1),
        (&["folder:Large"], large.clone(), 2),
        (&["folder:Sent/Old"], &small([1, 2, 3, 5]) | &last, 5),
        // What only messages say is looked for in all that fit the rest.
        (
            &["subject:\"message 10\"", "larger:800K"],
            hashes([message(10, 900_000)]),
            3,
        ),
        (
            &["folder:Large", "-subject:\"message 10\""],
            hashes([message(11, 900_000)]),
            2,
        ),
        (&["msgid:3@example.org", "smaller:2K"], small([3]), 7),
        (&["\"message 20\"", "folder:Sent/Old"], last.clone(), 5),
        (&["before:1990"], BTreeSet::new(), 0),
    ]
    .into_iter()
    .enumerate()
    {
        let target = vault.next_to(&format!("part{n}"));
        let part = part_of(&store, &target, words).unwrap();
        let files = tree(&target.join("mailvault-restore.tmp"));
        assert_eq!(selected(&part, words), wanted, "{words:?}");
        assert_eq!(part.report.fetched, fetched, "{words:?}");
        assert_eq!((part.report.missing, part.report.head), (0, 3));
        let files = files
            .iter()
            .filter(|(name, _)| name.parent().unwrap().ends_with("cur"));
        let contents: BTreeSet<&Vec<u8>> = files.map(|(_, bytes)| bytes).collect();
        assert_eq!(contents.len() as u64, fetched, "{words:?}");
        part.remove().unwrap();
        assert!(!target.exists());
    }
}

#[test]
fn of_a_large_pack_only_the_frames_with_the_message_are_fetched() {
    let store = new_memory();
    let mut vault = TestVault::new();
    let all: Vec<_> = (0..12).map(|n| message(n, 2_500_000)).collect();
    vault.deliver("work", "", &all);
    push_to(&vault.path(), &store);
    let whole: usize = objects(&store).values().map(Vec::len).sum();
    let id = format!("id:{}", Hash128::of(&all[7]));
    let target = vault.next_to("part");
    let part = part_of(&store, &target, &[&id]).unwrap();
    assert_eq!(selected(&part, &[&id]), hashes([all[7].clone()]));
    let bytes = usize::try_from(part.report.bytes).unwrap();
    assert!(whole > 12 << 20 && bytes < 5 << 20, "{bytes} of {whole}");
}

#[test]
fn what_cannot_be_fetched_is_named() {
    let store = new_memory();
    let vault = filled(&store);
    let packs: Vec<ObjectName> = objects(&store).into_keys().collect();
    let pack = packs
        .iter()
        .find(|name| name.as_str().starts_with("packs/"));
    memory(&store).objects().remove(pack.unwrap());
    let target = vault.next_to("part");
    let words = &["folder:Large"];
    let part = part_of(&store, &target, words).unwrap();
    assert_eq!((part.report.fetched, part.report.missing), (0, 2));
    let missing: BTreeSet<_> = part.report.first_missing.iter().copied().collect();
    assert_eq!(missing, hashes((10..12).map(|n| message(n, 900_000))));
    assert_eq!(part.report.damaged, [pack.unwrap().to_string()]);
    drop(part);
    // Whether they fit is not known, and that is not passed over in silence.
    let part = part_of(&store, &target, &["subject:\"message 10\""]).unwrap();
    assert_eq!((part.report.fetched, part.report.missing), (7, 3));
    drop(part);
    // The others do not need the pack.
    let part = part_of(&store, &target, &["folder:Sent/Old"]).unwrap();
    assert_eq!((part.report.fetched, part.report.missing), (5, 0));
}

#[test]
fn with_another_key_nothing_is_made() {
    let store = new_memory();
    let vault = filled(&store);
    let target = vault.next_to("part");
    let refused = part_with(&store, &target, &["account:work"], &other_identities());
    assert!(refused.is_err_and(|error| error.is_wrong_key()));
    assert!(!target.exists());
    let refused = part_of(&store, &target, &["account:wrok"]);
    assert!(
        matches!(refused, Err(CopyError::Base(Error::NotInVault { .. }))),
        "{refused:?}"
    );
    let refused = part_of(&store, &target, &["folder:Large", "from:\"-\"", "\"-\""]);
    assert!(
        matches!(refused, Err(CopyError::Base(Error::Query { .. }))),
        "{refused:?}"
    );
    assert!(!target.exists());
}

#[test]
fn what_was_forgotten_is_in_no_part() {
    let store = new_memory();
    let mut vault = filled(&store);
    let forgotten = Hash128::of(&message(1, 900));
    let mut writer = vault.writer();
    writer
        .erase(&[forgotten], "private", &NEVER, &mut |_| {})
        .unwrap();
    writer.publish().unwrap();
    drop(writer);
    vault.deliver("work", "", &[message(30, 500)]);
    push_to(&vault.path(), &store);
    let words = &["folder:Sent/Old"];
    let part = part_of(&store, &vault.next_to("part"), words).unwrap();
    assert!(!selected(&part, words).contains(&forgotten));
    assert_eq!((part.report.fetched, part.report.missing), (4, 0));
}

/// Cut off at each call to the place, nothing is left.
#[test]
fn a_part_that_is_cut_off_leaves_nothing() {
    let store = new_memory();
    let vault = filled(&store);
    for first in 0.. {
        let target = vault.next_to("part");
        memory(&store).trouble().calls.clear();
        memory(&store).trouble().fails_from = Some(first);
        let part = part_of(&store, &target, &["account:home"]);
        memory(&store).trouble().fails_from = None;
        if let Ok(part) = part {
            assert!(first > 8, "{first}");
            assert_eq!(part.report.fetched, 4);
            return;
        }
        assert!(!target.exists(), "{first}");
    }
}

/// After a kill at any write, the next run removes what is left, and what others have is left alone.
#[cfg(feature = "faults")]
#[test]
fn what_a_killed_part_left_is_removed_by_the_next() {
    let store = new_memory();
    let vault = filled(&store);
    let target = fsx::resolve(&vault.next_to("")).join("part");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("letter.txt"), "mine").unwrap();
    let (mut left, mut lasted) = (0, 0);
    loop {
        fsx::faults::plan(&target, left, true);
        let killed = part_of(&store, &target, &["account:home"]).map(RestoredPart::remove);
        let failed = fsx::faults::clear(&target);
        lasted += u32::from(tree(&target).len() > 1);
        let part = part_of(&store, &target, &["account:home"]).unwrap();
        assert_eq!(selected(&part, &["account:home"]).len(), 4);
        part.remove().unwrap();
        let names: Vec<_> = fs::read_dir(&target).unwrap().collect();
        assert_eq!(names.len(), 1, "{left}");
        if failed == 0 {
            assert!(killed.unwrap().is_ok());
            assert!(left > 20 && lasted > 10, "{left} {lasted}");
            return;
        }
        left += 1 + left / 10;
    }
}

#[test]
fn two_at_once_into_one_directory_are_refused() {
    let store = new_memory();
    let vault = filled(&store);
    let target = vault.next_to("part");
    let first = part_of(&store, &target, &["account:home"]).unwrap();
    let second = part_of(&store, &target, &["account:work"]);
    assert!(
        matches!(second, Err(CopyError::Base(Error::Unfit { .. }))),
        "{second:?}"
    );
    assert_eq!(selected(&first, &["account:home"]).len(), 4);
}

/// What a killed run wrote may be torn.
#[test]
fn what_was_left_is_removed_if_a_restore_left_it_and_never_taken_for_what_was_fetched() {
    let store = new_memory();
    let vault = filled(&store);
    let target = vault.next_to("part");
    let left = target.join("mailvault-restore.tmp/mail/home/cur");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("torn"), "half a message").unwrap();
    // Without its lock it is somebody's.
    let refused = part_of(&store, &target, &["account:home"]);
    assert!(
        matches!(refused, Err(CopyError::Base(Error::Unfit { .. }))),
        "{refused:?}"
    );
    assert!(left.join("torn").exists());
    fs::write(target.join("mailvault-restore.tmp/lock"), "").unwrap();
    let part = part_of(&store, &target, &["account:home"]).unwrap();
    assert!(!left.join("torn").exists());
    assert_eq!(selected(&part, &["account:home"]).len(), 4);
}
