#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::mail::message::Scanner;
use crate::offsite::payload::PushError;
use crate::offsite::place::{FolderStore, ObjectName, README, SpoolFile};
use crate::offsite::scene_tests::{
    NEVER, TestVault, identities, memory, message, messages, new_memory, other_identities, push_to,
    restore_with, tree,
};
use crate::vault::verify::{VerifyOptions, verify};
use crate::vault::{Vault, Writer};

pub(super) fn restore_to(target: &Path, store: &ObjectStore) -> Result<RestoreReport, CopyError> {
    restore_with(target, store, &identities())
}

/// A vault with copies in several folders and accounts, and a flag that changed.
pub(super) fn filled(store: &ObjectStore) -> TestVault {
    let mut vault = TestVault::new();
    let some: Vec<_> = (0..6).map(|n| message(n, 900)).collect();
    vault.deliver("work", "", &some);
    vault.deliver("work", ".Sent.Old", &some[1..4]);
    vault.deliver("home", "", &some[2..3]);
    push_to(&vault.path(), store);
    let large: Vec<_> = (10..12).map(|n| message(n, 900_000)).collect();
    vault.deliver("home", ".Large", &large);
    vault.deliver("home", "", &[message(13, 5 << 20)]);
    push_to(&vault.path(), store);
    vault.deliver("work", ".Sent.Old", &[message(20, 700), some[5].clone()]);
    push_to(&vault.path(), store);
    vault
}

pub(super) fn assert_equal(vault: &TestVault, target: &Path) {
    let (before, after) = (messages(&vault.path()), messages(target));
    assert!(before.len() > 8);
    let names = |all: &[(PathBuf, Vec<u8>, PathBuf, i64)]| -> Vec<_> {
        let row = |(name, _, first, mtime): &(PathBuf, _, PathBuf, i64)| {
            (name.clone(), first.clone(), *mtime)
        };
        all.iter().map(row).collect()
    };
    assert_eq!(names(&before), names(&after));
    assert!(before == after);
    for (name, bytes) in tree(&vault.path().join("ledger")) {
        let restored = fs::read(target.join("ledger").join(&name)).unwrap();
        // Then comes the line `restored`, and what verify writes.
        assert!(restored.starts_with(&bytes), "{}", name.display());
        let rest = String::from_utf8(restored[bytes.len()..].to_vec()).unwrap();
        assert_eq!(rest.matches("\"ev\":\"restored\"").count(), 1, "{rest}");
    }
    for read_data in [false, true] {
        let options = VerifyOptions {
            read_data,
            ..VerifyOptions::default()
        };
        let report = verify(target, &options, &mut |_| {}).unwrap();
        assert!(report.findings.is_empty(), "{report:?}");
    }
    assert!(!target.join("restore").exists());
    // When it was created, the ledger says only from its first line on.
    let manifest = |root: &Path| -> Vec<String> {
        let text = fs::read_to_string(root.join("vault.toml")).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with("created"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(manifest(target), manifest(&vault.path()));
}

#[test]
fn a_restored_vault_is_equal() {
    let store = new_memory();
    let vault = filled(&store);
    let target = vault.next_to("restored");
    let report = restore_to(&target, &store).unwrap();
    assert_eq!((report.head, report.messages), (3, 10));
    assert!(report.missing == 0 && report.damaged.is_empty() && report.whole_ledger);
    assert_equal(&vault, &target);
    let opened = Vault::open(&target).unwrap();
    assert_eq!(opened.count().unwrap(), 10);
    // It can be pushed and restored again.
    let next = new_memory();
    assert_eq!(push_to(&target, &next).messages, 10);
    let again = restore_to(&vault.next_to("again"), &next).unwrap();
    assert_eq!(again.messages, 10);
}

/// The copy has it, in lines from before it was forgotten and in a pack or a push.
#[test]
fn what_was_forgotten_does_not_come_back() {
    let store = new_memory();
    let mut vault = filled(&store);
    let forgotten: Vec<Hash128> = [message(1, 900), message(10, 900_000), message(20, 700)]
        .iter()
        .map(|content| Hash128::of(content))
        .collect();
    let mut writer = vault.writer();
    writer
        .erase(&forgotten, "private", &NEVER, &mut |_| {})
        .unwrap();
    writer.publish().unwrap();
    drop(writer);
    push_to(&vault.path(), &store);
    vault.deliver("work", "", &[message(30, 500)]);
    push_to(&vault.path(), &store);
    let target = vault.next_to("restored");
    let report = restore_to(&target, &store).unwrap();
    assert_eq!((report.missing, report.damaged), (0, vec![]));
    assert_equal(&vault, &target);
    let writer = Writer::open(&target, Duration::ZERO, &NEVER).unwrap();
    for content in [message(1, 900), message(10, 900_000)] {
        let digest = Scanner::new().read(&mut &content[..]).unwrap();
        assert!(writer.is_forgotten(&digest).unwrap());
    }
    let key = |root: &Path| fs::metadata(root.join("tombstones.key")).unwrap();
    assert_eq!(key(&target).mode(), key(&vault.path()).mode());
}

/// A file of another length than the ledger says is no damage after a restore, and is before.
#[test]
fn lengths_are_no_evidence_after_a_restore() {
    let store = new_memory();
    let vault = filled(&store);
    let target = vault.next_to("restored");
    restore_to(&target, &store).unwrap();
    for (root, findings) in [(vault.path(), 1), (target, 0)] {
        let (name, content, _, _) = messages(&root).remove(0);
        let other = zstd::bulk::compress(&content, 19).unwrap();
        let path = root.join("mail").join(name);
        fs::remove_file(&path).unwrap();
        let padding = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        fs::write(&path, [&other[..], &padding].concat()).unwrap();
        let report = verify(&root, &VerifyOptions::default(), &mut |_| {}).unwrap();
        assert_eq!(report.findings.len(), findings, "{report:?}");
    }
}

#[test]
fn a_restore_that_is_killed_at_any_call_goes_on() {
    let store = new_memory();
    let vault = filled(&store);
    memory(&store).trouble().calls.clear();
    restore_to(&vault.next_to("whole"), &store).unwrap();
    let calls = memory(&store).trouble().calls.len();
    assert!(calls > 12, "{calls}");
    for first in 0..calls {
        let target = vault.next_to(&format!("restored{first}"));
        memory(&store).trouble().calls.clear();
        memory(&store).trouble().fails_from = Some(first);
        restore_to(&target, &store).unwrap_err();
        assert!(!target.join("vault.toml").exists());
        memory(&store).trouble().fails_from = None;
        let report = restore_to(&target, &store).unwrap();
        assert_eq!(report.missing, 0);
        assert_equal(&vault, &target);
    }
}

#[cfg(feature = "faults")]
#[test]
fn a_restore_to_a_disk_that_is_full_goes_on() {
    let store = new_memory();
    let vault = filled(&store);
    let mut left = 0;
    loop {
        let target = fsx::resolve(&vault.next_to("")).join(format!("full{left}"));
        fsx::faults::plan(&target, left, true);
        let killed = restore_to(&target, &store);
        let failed = fsx::faults::clear(&target);
        if failed == 0 {
            killed.unwrap();
            assert!(left > 60, "{left}");
            return;
        }
        let is_done = target.join("vault.toml").exists() && !target.join("restore/copy").exists();
        if is_done {
            // Only the notes were still to be removed; to restore into a vault is refused.
            restore_to(&target, &store).unwrap_err();
        } else {
            restore_to(&target, &store).unwrap();
        }
        assert_equal(&vault, &target);
        left += 1 + left / 10;
    }
}

#[test]
fn a_folder_that_holds_something_else_is_refused() {
    let store = new_memory();
    let vault = filled(&store);
    let target = vault.next_to("other");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("letter.txt"), "mine").unwrap();
    let refused = restore_to(&target, &store);
    assert!(
        matches!(refused, Err(CopyError::Base(Error::Unfit { .. }))),
        "{refused:?}"
    );
    assert_eq!(tree(&target).len(), 1);
    // The vault itself, too.
    let before = tree(&vault.path());
    restore_to(&vault.path(), &store).unwrap_err();
    assert!(tree(&vault.path()) == before);
    let nothing = restore_to(&vault.next_to("new"), &new_memory());
    assert!(matches!(nothing, Err(CopyError::Empty)), "{nothing:?}");
}

#[test]
fn an_earlier_head_gives_the_vault_of_that_time() {
    let store = new_memory();
    let vault = filled(&store);
    let keys = identities();
    let mut options = RestoreOptions {
        destination: "b2",
        identities: &keys,
        head: Some(1),
        stop: &NEVER,
    };
    let report = restore(&store, &vault.next_to("first"), options, &mut |_| {}).unwrap();
    assert_eq!((report.head, report.messages), (1, 6));
    options.head = Some(4);
    let none = restore(&store, &vault.next_to("fourth"), options, &mut |_| {});
    assert!(matches!(none, Err(CopyError::NoHead)), "{none:?}");
}

#[test]
fn a_pack_that_is_missing_or_damaged_is_named_and_the_rest_restored() {
    let store = new_memory();
    let vault = filled(&store);
    let packs: Vec<ObjectName> = {
        let objects = memory(&store).objects();
        let packs = objects
            .keys()
            .filter(|name| name.as_str().starts_with("packs/"));
        packs.cloned().collect()
    };
    assert_eq!(packs.len(), 1);
    let whole = memory(&store).objects()[&packs[0]].clone();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    let short = whole[..whole.len() / 2].to_vec();
    for (n, bytes) in [None, Some(changed), Some(short)].into_iter().enumerate() {
        memory(&store).objects().remove(&packs[0]);
        if let Some(bytes) = bytes {
            memory(&store).objects().insert(packs[0].clone(), bytes);
        }
        let target = vault.next_to(&format!("part{n}"));
        let report = restore_to(&target, &store).unwrap();
        assert_eq!(report.damaged, [packs[0].to_string()]);
        assert!(report.missing > 0 && report.messages >= 7, "{report:?}");
        assert_eq!(report.messages + report.missing, 10);
        let verified = verify(&target, &VerifyOptions::default(), &mut |_| {}).unwrap();
        assert_eq!(verified.sums().unwrap().damage, report.missing);
    }
}

#[test]
fn without_a_push_or_its_key_nothing_is_restored() {
    let store = new_memory();
    let vault = filled(&store);
    let pushes: Vec<ObjectName> = {
        let objects = memory(&store).objects();
        let pushes = objects
            .keys()
            .filter(|name| name.as_str().starts_with("push/"));
        pushes.cloned().collect()
    };
    for (n, name) in pushes.iter().enumerate() {
        let whole = memory(&store).objects()[name].clone();
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        memory(&store).objects().insert(name.clone(), changed);
        let target = vault.next_to(&format!("changed{n}"));
        let refused = restore_to(&target, &store);
        assert!(
            matches!(&refused, Err(CopyError::Damaged { name: damaged }) if *damaged == name.to_string()),
            "{refused:?}"
        );
        assert!(!target.join("vault.toml").exists());
        memory(&store).objects().insert(name.clone(), whole);
        restore_to(&target, &store).unwrap();
        assert_equal(&vault, &target);
    }
    let refused = restore_with(&vault.next_to("locked"), &store, &other_identities());
    assert!(!vault.next_to("locked").exists());
    assert!(
        matches!(
            refused,
            Err(CopyError::Push {
                source: PushError::Pack(PackError::WrongIdentity),
                ..
            })
        ),
        "{refused:?}"
    );
}

#[test]
fn a_folder_is_restored_from() {
    let mut vault = TestVault::new();
    let store = ObjectStore::Folder(FolderStore::new(&vault.next_to("disk")));
    let readme = vault.next_to("readme");
    fs::write(&readme, crate::offsite::README).unwrap();
    let file = SpoolFile::measure(&readme).unwrap();
    store.put(&ObjectName::new(README).unwrap(), &file).unwrap();
    vault.deliver(
        "work",
        "",
        &(0..9).map(|n| message(n, 900)).collect::<Vec<_>>(),
    );
    push_to(&vault.path(), &store);
    let target = vault.next_to("restored");
    assert_eq!(restore_to(&target, &store).unwrap().messages, 9);
    assert_equal(&vault, &target);
}
