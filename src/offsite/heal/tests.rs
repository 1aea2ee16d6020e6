#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::*;
#[cfg(feature = "faults")]
use crate::base::fsx;
use crate::offsite::pack::PackError;
use crate::offsite::payload::PushError;
use crate::offsite::place::ObjectName;
use crate::offsite::push::push;
use crate::offsite::scene_tests::{
    MessageFile, NEVER, TestDice, TestVault, identities, memory, message, messages, new_memory,
    objects, push_options, push_to,
};
use crate::vault::Vault;
use crate::vault::frame;
use crate::vault::layout::FileName;
use crate::vault::verify::{VerifyOptions, verify};

fn rebuild(vault: &TestVault, store: &ObjectStore) {
    let recipients = identities().recipients();
    push(
        &vault.path(),
        store,
        push_options(&recipients, true),
        &mut |_| {},
    )
    .unwrap();
}

/// A vault with messages in packs, in pushes and in several folders.
fn filled() -> (TestVault, ObjectStore) {
    let store = new_memory();
    let mut vault = TestVault::new();
    let some: Vec<_> = (0..8).map(|n| message(n, 900)).collect();
    vault.deliver("work", "", &some);
    vault.deliver("work", ".Sent.Old", &some[1..4]);
    vault.deliver("home", "", &some[2..3]);
    push_to(&vault.path(), &store);
    let large: Vec<_> = (10..22).map(|n| message(n, 700_000)).collect();
    vault.deliver("home", ".Large", &large);
    vault.deliver("home", "", &[message(30, 5 << 20)]);
    push_to(&vault.path(), &store);
    vault.deliver("work", ".Sent.Old", &[message(40, 700), some[5].clone()]);
    push_to(&vault.path(), &store);
    (vault, store)
}

fn broken(vault: &TestVault) -> Vec<Hash128> {
    let options = VerifyOptions {
        read_data: true,
        ..VerifyOptions::default()
    };
    let report = verify(&vault.path(), &options, &mut |_| {}).unwrap();
    report.broken_contents().unwrap()
}

fn heal_with(
    vault: &TestVault,
    store: &ObjectStore,
    identities: &Identities,
) -> Result<HealReport, CopyError> {
    let broken = broken(vault);
    let options = HealOptions {
        destination: "b2",
        identities,
        messages: &broken,
        lost: true,
        stop: &NEVER,
    };
    heal(store, &vault.path(), options, &mut |_| {})
}

fn heal_from(vault: &TestVault, store: &ObjectStore) -> Result<HealReport, CopyError> {
    heal_with(vault, store, &identities())
}

/// Links that are gone are put back by a repair, as without a second copy.
fn repair(vault: &TestVault) {
    let options = VerifyOptions {
        read_data: true,
        repair: true,
        ..VerifyOptions::default()
    };
    verify(&vault.path(), &options, &mut |_| {}).unwrap();
    let report = verify(&vault.path(), &options, &mut |_| {}).unwrap();
    assert!(report.findings.is_empty(), "{report:?}");
}

fn mail_path(vault: &TestVault, file: &MessageFile) -> PathBuf {
    vault.path().join("mail").join(&file.0)
}

/// Damages or removes files, in one of several ways.
fn spoil(vault: &TestVault, files: &[MessageFile], dice: &mut TestDice) {
    for file in files {
        let path = mail_path(vault, file);
        let bytes = fs::read(&path).unwrap_or_default();
        if bytes.is_empty() {
            continue;
        }
        match dice.below(8) {
            // One that its account has in another folder is moved, not missing.
            0 => {
                let account = |file: &MessageFile| file.0.iter().next().unwrap().to_owned();
                let of_it =
                    |other: &&MessageFile| other.1 == file.1 && account(other) == account(file);
                for other in files.iter().filter(of_it) {
                    let _ = fs::remove_file(mail_path(vault, other));
                }
            }
            1 => fs::write(&path, &bytes[..dice.below(bytes.len())]).unwrap(),
            2 => {
                let mut other = bytes.clone();
                other[dice.below(bytes.len())] ^= 0x10;
                fs::write(&path, other).unwrap();
            }
            3 => fs::write(&path, b"").unwrap(),
            _ => {}
        }
    }
}

/// The files that hold what their names say, with their inodes.
fn good(vault: &TestVault, before: &[MessageFile]) -> BTreeSet<(PathBuf, u64)> {
    let mut good = BTreeSet::new();
    for file in before {
        let path = mail_path(vault, file);
        let (name, _) = FileName::parse(&path.file_name().unwrap().to_string_lossy()).unwrap();
        if frame::check(&path, name.hash, name.size).is_ok() {
            good.insert((file.0.clone(), fs::metadata(&path).unwrap().ino()));
        }
    }
    good
}

#[test]
fn whatever_is_damaged_or_missing_comes_back_as_it_was() {
    for seed in 0..16 {
        let mut dice = TestDice::new(seed);
        let (vault, store) = filled();
        let before = messages(&vault.path());
        spoil(&vault, &before, &mut dice);
        let sound = good(&vault, &before);
        let asked = broken(&vault);
        let report = heal_from(&vault, &store).unwrap();
        assert_eq!(report.asked, report.healed, "{report:?}");
        assert!(report.asked <= asked.len() as u64 && report.left.is_empty());
        assert!(sound.is_subset(&good(&vault, &before)), "seed {seed}");
        repair(&vault);
        assert!(messages(&vault.path()) == before, "seed {seed}");
        let again = heal_from(&vault, &store).unwrap();
        assert_eq!(again, HealReport::default());
    }
}

/// A repair without the copy records what is missing as lost, and the ledger no longer says where
/// it was.
#[test]
fn what_a_repair_recorded_as_lost_comes_back() {
    for seed in 0..8 {
        let mut dice = TestDice::new(100 + seed);
        let (vault, store) = filled();
        let before = messages(&vault.path());
        let count = Vault::open(&vault.path()).unwrap().count().unwrap();
        spoil(&vault, &before, &mut dice);
        repair(&vault);
        let lost = count - Vault::open(&vault.path()).unwrap().count().unwrap();
        assert!(lost > 0);
        spoil(&vault, &before, &mut dice);
        let report = heal_from(&vault, &store).unwrap();
        assert!(report.asked >= lost);
        assert_eq!(report.asked, report.healed, "{report:?}");
        repair(&vault);
        assert!(messages(&vault.path()) == before, "seed {seed}");
        let opened = Vault::open(&vault.path()).unwrap();
        assert_eq!(opened.count().unwrap(), count);
        assert_eq!(heal_from(&vault, &store).unwrap(), HealReport::default());
    }
}

/// A reader of mail has renamed files since, and then the disk damaged them.
#[test]
fn a_damaged_file_keeps_its_flags() {
    let (vault, store) = filled();
    let file = messages(&vault.path()).remove(0);
    let path = mail_path(&vault, &file);
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let base = name.split(":2,").next().unwrap().to_owned();
    let renamed = path.with_file_name(format!("{base}:2,FRS"));
    fs::rename(&path, &renamed).unwrap();
    fs::write(&renamed, b"damaged").unwrap();
    assert_eq!(heal_from(&vault, &store).unwrap().healed, 1);
    let mut content = Vec::new();
    (frame::open(&renamed).unwrap())
        .read_to_end(&mut content)
        .unwrap();
    assert!(content == file.1);
    assert!(!path.exists());
    let kept = vault.path().join("quarantine");
    assert_eq!(fs::read_dir(kept).unwrap().count(), 1);
}

#[test]
fn of_a_pack_only_the_frames_are_fetched_that_have_what_is_wanted() {
    let (vault, store) = filled();
    let packed = |file: &MessageFile| file.1.len() == message(10, 700_000).len();
    let files: Vec<_> = messages(&vault.path()).into_iter().filter(packed).collect();
    assert_eq!(files.len(), 12);
    fs::remove_file(mail_path(&vault, &files[5])).unwrap();
    let sizes: u64 = objects(&store)
        .values()
        .map(|bytes| bytes.len() as u64)
        .sum();
    let report = heal_from(&vault, &store).unwrap();
    assert_eq!(report.healed, 1);
    assert!(report.bytes * 3 < sizes, "{} of {sizes}", report.bytes);
    // Those that share frames need no more than the frames.
    for file in &files {
        fs::remove_file(mail_path(&vault, file)).unwrap();
    }
    let report = heal_from(&vault, &store).unwrap();
    assert_eq!(report.healed, 12);
    assert!(report.bytes < sizes, "{} of {sizes}", report.bytes);
}

/// Which messages are in which objects does not matter as long as one of them is right.
#[test]
fn a_message_is_taken_from_whichever_object_is_right() {
    for seed in 0..12 {
        let mut dice = TestDice::new(seed);
        let (mut vault, store) = filled();
        if seed % 2 == 0 {
            memory(&store).keep_versions();
        }
        let first: Vec<ObjectName> = objects(&store).into_keys().collect();
        // While a message is owed, nothing that was there before is replaced.
        let extra = message(900, 500);
        vault.deliver("extra", "", std::slice::from_ref(&extra));
        let files = messages(&vault.path()).into_iter();
        let files: Vec<PathBuf> = files
            .map(|file| mail_path(&vault, &file))
            .filter(|path| path.starts_with(vault.path().join("mail/extra")))
            .collect();
        let whole = fs::read(&files[0]).unwrap();
        fs::write(&files[0], b"x").unwrap();
        rebuild(&vault, &store);
        fs::write(&files[0], whole).unwrap();
        // All of the first copies, or all of the second.
        let spoiled: Vec<ObjectName> = objects(&store)
            .into_keys()
            .filter(|name| !name.as_str().starts_with("heads/"))
            .filter(|name| first.contains(name) == (seed % 4 < 2))
            .collect();
        for name in spoiled {
            let mut bytes = objects(&store)[&name].clone();
            for _ in 0..=(bytes.len() / 10_000) {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1;
            }
            let bytes = Some(bytes).filter(|_| dice.below(3) > 0);
            memory(&store).overwrite(&name, bytes);
        }
        let before = messages(&vault.path());
        let in_copy = |file: &MessageFile| {
            !mail_path(&vault, file).starts_with(vault.path().join("mail/extra"))
        };
        let copied: Vec<MessageFile> = messages(&vault.path())
            .into_iter()
            .filter(in_copy)
            .collect();
        spoil(&vault, &copied, &mut dice);
        let report = heal_from(&vault, &store).unwrap();
        assert_eq!(report.asked, report.healed, "seed {seed} {report:?}");
        repair(&vault);
        assert!(messages(&vault.path()) == before, "seed {seed}");
    }
}

#[test]
fn what_is_not_in_the_copy_or_damaged_there_is_counted() {
    let (mut vault, store) = filled();
    vault.deliver("work", "", &[message(50, 800)]);
    let before = messages(&vault.path());
    for file in &before {
        fs::remove_file(mail_path(&vault, file)).unwrap();
    }
    for (name, mut bytes) in objects(&store) {
        if name.as_str().starts_with("packs/") {
            let rest = bytes.len() / 10 * 7;
            bytes[rest..].fill(0);
            memory(&store).overwrite(&name, Some(bytes));
        }
    }
    let report = heal_from(&vault, &store).unwrap();
    assert_eq!(report.not_there, 1);
    assert!(report.unreadable > 0, "{report:?}");
    assert_eq!(
        report.asked,
        report.healed + report.not_there + report.unreadable
    );
    assert_eq!(
        report.left.len() as u64,
        report.not_there + report.unreadable
    );
    // The part that is whole was read, although the pack does not have its hash.
    assert!(report.healed > 10, "{report:?}");
    let good = good(&vault, &before).into_iter().map(|(name, _)| name);
    assert_eq!(broken(&vault).len() as u64, report.left.len() as u64);
    assert!(good.count() > 10);
}

#[test]
fn without_the_right_key_nothing_is_touched() {
    let (vault, store) = filled();
    let before = messages(&vault.path());
    fs::write(mail_path(&vault, &before[0]), b"damaged").unwrap();
    let other = b"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let refused = heal_with(&vault, &store, &Identities::parse(other).unwrap());
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
    assert_eq!(fs::read(mail_path(&vault, &before[0])).unwrap(), b"damaged");
    let nothing = heal_from(&vault, &new_memory());
    assert!(matches!(nothing, Err(CopyError::Empty)), "{nothing:?}");
}

#[test]
fn a_healing_that_is_cut_off_at_any_call_leaves_nothing_worse() {
    let (vault, store) = filled();
    let before = messages(&vault.path());
    let mut dice = TestDice::new(7);
    spoil(&vault, &before, &mut dice);
    for first in 0.. {
        let sound = good(&vault, &before);
        memory(&store).trouble().calls.clear();
        memory(&store).trouble().fails_from = Some(first);
        let cut = heal_from(&vault, &store);
        assert!(sound.is_subset(&good(&vault, &before)), "{first}");
        if cut.is_ok() {
            assert!(first > 4, "{first}");
            break;
        }
        spoil(&vault, &before[..1], &mut dice);
    }
    repair(&vault);
    assert!(messages(&vault.path()) == before);
}

#[cfg(feature = "faults")]
#[test]
fn a_healing_on_a_disk_that_fails_at_any_write_leaves_nothing_worse() {
    let mut left = 0;
    loop {
        let (vault, store) = filled();
        let before = messages(&vault.path());
        spoil(&vault, &before, &mut TestDice::new(u64::from(left)));
        let sound = good(&vault, &before);
        let broken = broken(&vault);
        let keys = identities();
        let options = HealOptions {
            destination: "b2",
            identities: &keys,
            messages: &broken,
            lost: true,
            stop: &NEVER,
        };
        let root = fsx::resolve(&vault.path());
        fsx::faults::plan(&root, left, true);
        let killed = heal(&store, &vault.path(), options, &mut |_| {});
        let failed = fsx::faults::clear(&root);
        assert!(sound.is_subset(&good(&vault, &before)), "{left}");
        if failed == 0 {
            killed.unwrap();
            assert!(left > 20, "{left}");
            return;
        }
        heal_from(&vault, &store).unwrap();
        repair(&vault);
        assert!(messages(&vault.path()) == before, "{left}");
        left += 1 + left / 6;
    }
}
