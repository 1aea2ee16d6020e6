#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::limits::PushLimits;
use super::*;
use crate::offsite::heads::read_heads;
use crate::offsite::heal::{HealOptions, heal};
use crate::offsite::pack::{Identities, PackStream};
use crate::offsite::payload::message_hash;
use crate::offsite::scene_tests::{
    NEVER, TestVault, identities, memory, message, messages, new_memory, objects, other_identities,
    push_options, restore_with,
};
use crate::vault::verify::{VerifyOptions, verify};

/// Rounds of few messages, each with packs.
const SMALL: PushLimits = PushLimits {
    messages: 3,
    round: 1 << 30,
    time: Duration::from_secs(600),
    inline: 0,
    pack: 1 << 20,
};

fn push_for(
    vault: &TestVault,
    store: &ObjectStore,
    keys: &Identities,
    rebuild: bool,
) -> Result<PushReport, CopyError> {
    let recipients = keys.recipients();
    let options = push_options(&recipients, rebuild);
    push_within(&vault.path(), store, options, SMALL, &mut |_| {})
}

fn run(vault: &TestVault, store: &ObjectStore) -> Result<PushReport, CopyError> {
    push_for(vault, store, &identities(), false)
}

fn rebuild(vault: &TestVault, store: &ObjectStore) -> Result<PushReport, CopyError> {
    push_for(vault, store, &identities(), true)
}

fn mail(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    numbers.map(|n| message(n, 900)).collect()
}

/// A vault with eight messages, and its copy.
fn copied() -> (TestVault, ObjectStore) {
    let (mut vault, store) = (TestVault::new(), new_memory());
    vault.deliver("work", "", &mail(0..8));
    run(&vault, &store).unwrap();
    (vault, store)
}

fn file_of(vault: &TestVault, content: &[u8]) -> PathBuf {
    let hash = Hash128::of(content).to_string();
    let mut found = messages(&vault.path()).into_iter();
    let found = found.find(|(name, ..)| name.to_string_lossy().contains(&hash));
    vault.path().join("mail").join(found.unwrap().0)
}

#[test]
fn after_a_rebuild_that_owes_a_message_new_mail_is_restored() {
    let (mut vault, store) = copied();
    let file = file_of(&vault, &message(3, 900));
    let (whole, time) = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap());
    fs::write(&file, b"x").unwrap();
    vault.deliver("work", ".Unpushed", &mail(10..12));
    assert_eq!(rebuild(&vault, &store).unwrap().owed.len(), 1);
    vault.deliver("work", ".New", &mail(20..23));
    run(&vault, &store).unwrap();
    fs::write(&file, whole).unwrap();
    let put_back = fs::File::options().write(true).open(&file).unwrap();
    put_back.set_modified(time.modified().unwrap()).unwrap();
    let target = vault.next_to("restored");
    assert_eq!(
        restore_with(&target, &store, &identities())
            .unwrap()
            .missing,
        0
    );
    assert!(messages(&target) == messages(&vault.path()));
}

#[test]
fn a_rebuild_that_is_cut_off_anywhere_leaves_what_was_there() {
    let mut n = 0;
    loop {
        let (vault, store) = copied();
        let calls = memory(&store).trouble().calls.len();
        memory(&store).trouble().fails_from = Some(calls + n);
        let done = rebuild(&vault, &store).is_ok();
        memory(&store).trouble().fails_from = None;
        let target = vault.next_to("restored");
        assert_eq!(
            restore_with(&target, &store, &identities())
                .unwrap()
                .missing,
            0,
            "{n}"
        );
        assert!(messages(&target) == messages(&vault.path()), "{n}");
        if done {
            break;
        }
        n += 1;
    }
    assert!(n > 8, "{n}");
}

/// The copy may have the only good one.
#[test]
fn a_message_that_is_lost_here_stays_in_the_copy_through_a_rebuild() {
    let (vault, store) = copied();
    let before = messages(&vault.path());
    fs::remove_file(file_of(&vault, &message(5, 900))).unwrap();
    let options = VerifyOptions {
        repair: true,
        ..VerifyOptions::default()
    };
    verify(&vault.path(), &options, &mut |_| {}).unwrap();
    rebuild(&vault, &store).unwrap();
    let options = HealOptions {
        destination: "b2",
        identities: &identities(),
        messages: &[],
        lost: true,
        stop: &NEVER,
    };
    let report = heal(&store, &vault.path(), options, &mut |_| {}).unwrap();
    assert_eq!((report.asked, report.healed), (1, 1));
    assert!(messages(&vault.path()) == before);
}

/// The messages in packs that these keys open.
fn readable(store: &ObjectStore, keys: &Identities) -> BTreeSet<Hash128> {
    let mut found = BTreeSet::new();
    for (name, bytes) in objects(store) {
        let is_pack = name.as_str().starts_with("packs/");
        let stream = PackStream::open(&bytes[..], keys, None, |_| true).ok();
        let Some(mut stream) = stream.filter(|_| is_pack) else {
            continue;
        };
        while let Some(entry) = stream.next_member().unwrap() {
            found.extend(message_hash(&entry.member.name));
        }
    }
    found
}

/// What was made before the keys changed is not what the new keys open.
#[test]
fn what_waits_for_a_change_of_keys_is_made_again_for_the_new_ones() {
    let other = other_identities();
    for n in 2..7 {
        let (mut vault, store) = (TestVault::new(), new_memory());
        vault.deliver("work", "", &mail(0..8));
        memory(&store).trouble().fails_from = Some(n);
        assert!(run(&vault, &store).is_err());
        memory(&store).trouble().fails_from = None;
        push_for(&vault, &store, &other, false).unwrap();
        let all = mail(0..8);
        let all = all.iter().map(|content| Hash128::of(content));
        let keys = other.recipients();
        let mut gate = CopyGate::open(&vault.path(), "b2", &keys, &store).unwrap();
        let counted: BTreeSet<Hash128> = all.filter(|hash| gate.has(*hash).unwrap()).collect();
        assert!(counted == readable(&store, &other), "{n}");
    }
}

#[test]
fn an_index_that_is_lost_is_made_again_only_on_demand() {
    let store = new_memory();
    let mut vault = TestVault::new();
    let all = mail(0..3);
    vault.deliver("work", "", &all);
    let first = run(&vault, &store).unwrap();
    let folder = vault.path().join("offsite/b2");
    for damage in [true, false] {
        let index = folder.join("index.sqlite");
        if damage {
            fs::write(&index, vec![7; 8192]).unwrap();
        } else {
            fs::remove_file(&index).unwrap();
        }
        // Nobody knows then whether the vault is older than its copy.
        let refused = run(&vault, &store);
        assert!(
            matches!(refused, Err(CopyError::UnknownCopy)),
            "{refused:?}"
        );
        let report = rebuild(&vault, &store).unwrap();
        assert_eq!((report.messages, report.heads), (3, first.heads));
        // What was there before counts no more.
        let heads = read_heads(&store, None).unwrap();
        assert_eq!(heads.chain.live().count() as u64, report.objects);
    }
    let before = objects(&store);
    // Without the pseudonym, too, nothing says that the copy is ours.
    fs::remove_dir_all(&folder).unwrap();
    let refused = run(&vault, &store);
    assert!(
        matches!(refused, Err(CopyError::UnknownCopy)),
        "{refused:?}"
    );
    assert_eq!(objects(&store), before);
    assert_eq!(rebuild(&vault, &store).unwrap().messages, 3);
    assert!(read_heads(&store, None).is_ok());
}
