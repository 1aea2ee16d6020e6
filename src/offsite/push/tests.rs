#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;

use std::time::Duration;

use super::*;
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::offsite::heads::read_heads;
use crate::offsite::pack::PackStream;
use crate::offsite::payload::{OwedReason, PushPart, PushReader, message_hash};
use crate::offsite::place::{FolderStore, ObjectName, README, SpoolFile};
use crate::offsite::scene_tests::{
    TestVault, identities, memory, message, new_memory, objects, push_options,
};
use crate::vault::ledger::LedgerEvent;

pub(super) fn run(
    vault: &TestVault,
    store: &ObjectStore,
    limits: PushLimits,
) -> Result<PushReport, CopyError> {
    let recipients = identities().recipients();
    push_within(
        &vault.path(),
        store,
        push_options(&recipients, false),
        limits,
        &mut |_| {},
    )
}

/// Rounds of few messages, each with packs.
const SMALL: PushLimits = PushLimits {
    messages: 3,
    round: 1 << 30,
    time: Duration::from_secs(600),
    inline: 0,
    pack: 1 << 20,
};

/// What a place holds for whoever has the key.
#[derive(Debug, Default, PartialEq)]
struct Copied {
    messages: BTreeSet<Hash128>,
    ledger: BTreeMap<String, Vec<u8>>,
    owed: BTreeSet<Hash128>,
}

fn copied(store: &ObjectStore) -> Copied {
    let chain = read_heads(store, None).unwrap().chain;
    let keys = identities();
    let mut copied = Copied::default();
    let mut packs = BTreeSet::new();
    let mut order = Vec::new();
    for seq in 1..chain.next_seq().unwrap() {
        let name = ObjectName::new(&head_name(seq)).unwrap();
        let bytes = store
            .get(&name)
            .unwrap()
            .unwrap()
            .read_all(1 << 20)
            .unwrap();
        order.extend(
            crate::offsite::head::PushHead::parse(&bytes)
                .unwrap()
                .objects,
        );
    }
    for object in order {
        let name = ObjectName::new(&object.name).unwrap();
        let body = store.get(&name).unwrap().unwrap();
        if object.name.starts_with("packs/") {
            packs.insert(object.name.trim_start_matches("packs/").to_owned());
            let mut stream = PackStream::open(body, &keys, None, |_| true).unwrap();
            while let Some(entry) = stream.next_member().unwrap() {
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).unwrap();
                let hash = message_hash(&entry.member.name).unwrap();
                assert_eq!(Hash128::of(&bytes), hash);
                assert!(copied.messages.insert(hash), "{hash} is there twice");
            }
            continue;
        }
        let mut push = PushReader::open(body, &keys).unwrap();
        while let Some(part) = push.next_part().unwrap() {
            let mut bytes = Vec::new();
            push.read_to_end(&mut bytes).unwrap();
            match part {
                PushPart::Message { hash, .. } => {
                    assert_eq!(Hash128::of(&bytes), hash);
                    assert!(copied.messages.insert(hash), "{hash} is there twice");
                }
                PushPart::Ledger(range) => {
                    let file = copied.ledger.entry(range.file).or_default();
                    assert_eq!(file.len() as u64, range.offset);
                    file.extend(bytes);
                }
                PushPart::Index { id, .. } => assert!(packs.remove(&id), "{id}"),
                PushPart::Owed(owed) => copied.owed.extend(owed.iter().map(|owed| owed.hash)),
                PushPart::Tombstones(_) => {}
            }
        }
    }
    assert!(packs.is_empty(), "packs without an index");
    copied
}

/// That the place has all of the vault's ledger and these messages.
pub(super) fn assert_whole(vault: &TestVault, store: &ObjectStore, messages: &[Vec<u8>]) {
    let copied = copied(store);
    let ledger = vault.path().join("ledger");
    let files = fs::read_dir(ledger)
        .unwrap()
        .map(|file| file.unwrap().path());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(copied.ledger[name] == fs::read(&file).unwrap(), "{name}");
    }
    let hashes = messages.iter().map(|message| Hash128::of(message));
    assert_eq!(copied.messages, hashes.collect());
}

fn calls(store: &ObjectStore) -> Vec<(&'static str, String)> {
    std::mem::take(&mut memory(store).trouble().calls)
}

fn mail(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    numbers.map(|n| message(n, 1_500)).collect()
}

#[test]
fn a_push_puts_what_is_new_and_nothing_twice() {
    let store = new_memory();
    let mut vault = TestVault::new();
    let mut all = mail(0..10);
    vault.deliver("work", "", &all);
    vault.deliver("work", ".Sent", &all[2..5]);
    vault.deliver("home", "", &all[4..6]);
    let report = run(&vault, &store, SMALL).unwrap();
    assert_eq!((report.messages, report.heads), (10, report.seq));
    assert!(report.seq > 2, "{report:?}");
    assert_whole(&vault, &store, &all);
    let before = objects(&store);
    vault.deliver("home", ".New", &mail(20..22));
    all.extend(mail(20..22));
    let report = run(&vault, &store, PushLimits::default()).unwrap();
    assert_eq!((report.messages, report.objects, report.heads), (2, 1, 1));
    assert_whole(&vault, &store, &all);
    let after = objects(&store);
    assert_eq!(after.len(), before.len() + 2);
    assert!(before.iter().all(|(name, bytes)| after[name] == *bytes));
}

#[test]
fn many_messages_are_in_packs_and_few_in_the_push() {
    let store = new_memory();
    let mut vault = TestVault::new();
    vault.deliver("work", "", &mail(0..5));
    let report = run(&vault, &store, PushLimits::default()).unwrap();
    assert_eq!((report.objects, report.heads), (1, 1));
    let large: Vec<_> = (50..53).map(|n| message(n, 600_000)).collect();
    vault.deliver("work", "", &large);
    let report = run(&vault, &store, PushLimits::default()).unwrap();
    assert_eq!((report.objects, report.heads), (2, 1));
    let names = objects(&store);
    let packs = names
        .keys()
        .filter(|name| name.as_str().starts_with("packs/"));
    assert_eq!(packs.count(), 1);
}

#[test]
fn nothing_new_costs_two_heads_and_no_list() {
    let store = new_memory();
    let mut vault = TestVault::new();
    vault.deliver("work", "", &mail(0..3));
    let pushed = run(&vault, &store, SMALL).unwrap();
    calls(&store);
    let report = run(&vault, &store, SMALL).unwrap();
    let seq = pushed.seq;
    let heads = [seq, seq + 1].map(|seq| ("head", head_name(seq)));
    assert_eq!(calls(&store), heads);
    assert_eq!((report.heads, report.objects, report.seq), (0, 0, seq));
    let planned = plan(&vault.path(), "b2").unwrap();
    assert!(planned.is_empty() && planned.puts() == 0, "{planned:?}");
}

#[test]
fn a_plan_says_what_a_push_does() {
    let store = new_memory();
    let mut vault = TestVault::new();
    vault.deliver("work", "", &mail(0..7));
    for n in 0..2 {
        vault.deliver("work", ".More", &mail(10 + n..11 + n));
        let planned = plan::plan_within(&vault.path(), "b2", SMALL).unwrap();
        calls(&store);
        let report = run(&vault, &store, SMALL).unwrap();
        assert_eq!(planned.messages, report.messages);
        assert_eq!(planned.ledger, report.ledger);
        assert_eq!(planned.heads, report.heads);
        let puts = calls(&store)
            .iter()
            .filter(|(call, _)| *call == "put")
            .count();
        assert_eq!(planned.puts(), puts as u64);
    }
}

/// Kills a push at each call to the place; what the next one leaves must be whole.
fn killed_at_every_call(loses_answer: bool) {
    let mut all = mail(0..4);
    for first in 0.. {
        let store = new_memory();
        let mut vault = TestVault::new();
        vault.deliver("work", "", &all[..4]);
        memory(&store).trouble().fails_from = Some(first);
        memory(&store).trouble().loses_answer = loses_answer;
        let killed = run(&vault, &store, SMALL);
        let calls = memory(&store).trouble().calls.len();
        memory(&store).trouble().fails_from = None;
        let done = killed.is_ok();
        assert_eq!(done, calls <= first, "{killed:?}");
        all.truncate(4);
        all.extend(mail(8..9));
        vault.deliver("home", "", &all[4..]);
        run(&vault, &store, SMALL).unwrap();
        assert_whole(&vault, &store, &all);
        let pending = vault.path().join("offsite/b2/pending");
        assert_eq!(fs::read_dir(pending).unwrap().count(), 0);
        if done {
            assert!(first > 7, "{first}");
            return;
        }
    }
}

#[test]
fn after_a_kill_at_any_call_the_next_push_is_whole() {
    killed_at_every_call(false);
}

#[test]
fn after_a_lost_answer_at_any_call_the_next_push_is_whole() {
    killed_at_every_call(true);
}

#[cfg(feature = "faults")]
#[test]
fn after_a_full_disk_at_any_call_the_next_push_is_whole() {
    let all = mail(0..4);
    for left in 0.. {
        let store = new_memory();
        let mut vault = TestVault::new();
        vault.deliver("work", "", &all);
        drop(crate::vault::Vault::open(&vault.path()).unwrap());
        let root = fsx::resolve(&vault.path());
        fsx::faults::plan(&root, left, true);
        let killed = run(&vault, &store, SMALL);
        let failed = fsx::faults::clear(&root);
        assert_eq!(killed.is_ok(), failed == 0, "{killed:?}");
        run(&vault, &store, SMALL).unwrap();
        assert_whole(&vault, &store, &all);
        if failed == 0 {
            assert!(left > 20, "{left}");
            return;
        }
    }
}

#[test]
fn of_two_machines_one_is_refused_and_nothing_is_overwritten() {
    let store = new_memory();
    let mut vault = TestVault::new();
    vault.deliver("work", "", &mail(0..3));
    run(&vault, &store, SMALL).unwrap();
    // The other machine has a copy of everything, as of now.
    let other = TestVault::new();
    fs::remove_dir_all(other.path()).unwrap();
    copy(&vault.path(), &other.path());
    let mut other = other;
    vault.deliver("work", "", &mail(5..6));
    other.deliver("work", "", &mail(6..7));
    let seq = run(&other, &store, SMALL).unwrap().seq;
    let before = objects(&store);
    for _ in 0..2 {
        let refused = run(&vault, &store, SMALL);
        assert!(
            matches!(refused, Err(CopyError::Forked { seq: at }) if at == seq),
            "{refused:?}"
        );
        assert_eq!(objects(&store), before);
    }
}

#[test]
fn a_head_that_appears_during_a_push_is_not_overwritten() {
    let store = new_memory();
    let mut vault = TestVault::new();
    vault.deliver("work", "", &mail(0..1));
    let recipients = identities().recipients();
    let name = ObjectName::new(&head_name(1)).unwrap();
    // After the pack, and before the head.
    let mut intrude = |_: CopyProgress| {
        let mut objects = memory(&store).objects();
        objects
            .entry(name.clone())
            .or_insert_with(|| b"other".to_vec());
    };
    let refused = push_within(
        &vault.path(),
        &store,
        push_options(&recipients, false),
        SMALL,
        &mut intrude,
    );
    assert!(
        matches!(refused, Err(CopyError::Forked { seq: 1 })),
        "{refused:?}"
    );
    assert_eq!(objects(&store)[&name], b"other");
    let again = run(&vault, &store, SMALL);
    assert!(
        matches!(again, Err(CopyError::Forked { seq: 1 })),
        "{again:?}"
    );
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for (name, bytes) in crate::offsite::scene_tests::tree(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_second_push_at_once_is_refused() {
    let store = new_memory();
    let mut vault = TestVault::new();
    vault.deliver("work", "", &mail(0..1));
    let recipients = identities().recipients();
    let mut refused = 0;
    let mut meanwhile = |_: CopyProgress| {
        let second = run(&vault, &store, SMALL);
        assert!(
            matches!(second, Err(CopyError::Running { .. })),
            "{second:?}"
        );
        refused += 1;
        // The vault itself is free.
        drop(vault.writer());
    };
    let done = push_within(
        &vault.path(),
        &store,
        push_options(&recipients, false),
        SMALL,
        &mut meanwhile,
    );
    done.unwrap();
    assert!(refused > 0);
}

#[test]
fn what_cannot_be_read_is_owed_until_it_can_and_what_was_lost_is_not() {
    let store = new_memory();
    let mut vault = TestVault::new();
    let all = mail(0..4);
    vault.deliver("work", "", &all);
    let hash = |n: usize| Hash128::of(&all[n]);
    let cur = vault.path().join("mail/work/cur");
    let file = |n: usize| {
        let mut files = fs::read_dir(&cur).unwrap().map(|file| file.unwrap().path());
        let found = files.find(|file| file.to_string_lossy().contains(&hash(n).to_string()));
        found.unwrap()
    };
    let (missing, damaged) = (file(0), file(1));
    let aside = vault.next_to("aside");
    fs::rename(&missing, &aside).unwrap();
    fs::write(&damaged, b"something else").unwrap();
    let lost = [LedgerEvent::Lost { hash: hash(2) }];
    vault.writer().record(&lost).unwrap();
    let report = run(&vault, &store, SMALL).unwrap();
    let owed: BTreeMap<_, _> = report
        .owed
        .iter()
        .map(|owed| (owed.hash, owed.reason))
        .collect();
    let expected = [
        (hash(0), OwedReason::Missing),
        (hash(1), OwedReason::Damaged),
    ];
    assert_eq!(owed, expected.into());
    let there = copied(&store);
    assert_eq!(there.messages, [hash(3)].into());
    assert_eq!(there.owed, [hash(0), hash(1)].into());
    // Still owed: named, but no reason for a head.
    let report = run(&vault, &store, SMALL).unwrap();
    assert_eq!((report.owed.len(), report.heads), (2, 0));
    fs::rename(&aside, &missing).unwrap();
    let report = run(&vault, &store, SMALL).unwrap();
    assert_eq!(
        (report.owed.len(), report.messages, report.heads),
        (1, 1, 1)
    );
    assert_eq!(copied(&store).messages, [hash(0), hash(3)].into());
}

#[test]
fn a_vault_that_is_older_than_its_copy_is_refused() {
    let store = new_memory();
    let mut vault = TestVault::new();
    vault.deliver("work", "", &mail(0..2));
    let older = TestVault::new();
    fs::remove_dir_all(older.path()).unwrap();
    copy(&vault.path(), &older.path());
    vault.deliver("work", "", &mail(2..4));
    run(&vault, &store, SMALL).unwrap();
    copy(&vault.path().join("offsite"), &older.path().join("offsite"));
    let before = objects(&store);
    let refused = run(&older, &store, SMALL);
    assert!(
        matches!(refused, Err(CopyError::LedgerBehind)),
        "{refused:?}"
    );
    // What is recorded of one vault is not true of another.
    let mut third = TestVault::new();
    third.deliver("work", "", &mail(0..2));
    copy(&vault.path().join("offsite"), &third.path().join("offsite"));
    let refused = run(&third, &store, SMALL);
    assert!(matches!(refused, Err(CopyError::OtherVault)), "{refused:?}");
    assert_eq!(objects(&store), before);
}

#[test]
fn a_head_that_is_gone_or_changed_stops_the_push() {
    let store = new_memory();
    let mut vault = TestVault::new();
    vault.deliver("work", "", &mail(0..1));
    let seq = run(&vault, &store, SMALL).unwrap().seq;
    let name = ObjectName::new(&head_name(seq)).unwrap();
    let head = memory(&store).objects().remove(&name).unwrap();
    let gone = run(&vault, &store, SMALL);
    assert!(matches!(gone, Err(CopyError::HeadGone { .. })), "{gone:?}");
    let mut other = head;
    other[5] ^= 1;
    memory(&store).objects().insert(name, other);
    let changed = run(&vault, &store, SMALL);
    assert!(
        matches!(changed, Err(CopyError::Forked { .. })),
        "{changed:?}"
    );
}

#[test]
fn a_head_is_written_between_packs_when_it_is_time() {
    let store = new_memory();
    let mut vault = TestVault::new();
    // Three of them fill more than one pack.
    let large: Vec<_> = (0..3).map(|n| message(n, 34 << 20)).collect();
    vault.deliver("work", "", &large);
    let limits = PushLimits {
        time: Duration::ZERO,
        ..PushLimits::default()
    };
    let report = run(&vault, &store, limits).unwrap();
    assert_eq!(report.heads, 3);
    assert_whole(&vault, &store, &large);
}

#[test]
fn a_folder_takes_a_push() {
    let mut vault = TestVault::new();
    let all = mail(0..5);
    vault.deliver("work", "", &all);
    let store = ObjectStore::Folder(FolderStore::new(&vault.next_to("disk")));
    let unmounted = run(&vault, &store, SMALL);
    assert!(
        matches!(unmounted, Err(CopyError::Base(Error::Store { .. }))),
        "{unmounted:?}"
    );
    let readme = vault.next_to("readme");
    fs::write(&readme, crate::offsite::README).unwrap();
    let file = SpoolFile::measure(&readme).unwrap();
    store.put(&ObjectName::new(README).unwrap(), &file).unwrap();
    run(&vault, &store, SMALL).unwrap();
    assert_whole(&vault, &store, &all);
}
