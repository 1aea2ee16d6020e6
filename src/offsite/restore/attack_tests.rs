//! What whoever has the credentials of a push can do to a place that keeps versions.
#![allow(clippy::unwrap_used)]

use super::tests::{assert_equal, filled, restore_to};
use super::*;
use crate::offsite::head::{HeadError, PushHead, head_name};
use crate::offsite::place::ObjectName;
use crate::offsite::scene_tests::{
    NEVER, TestDice, TestVault, identities, memory, message, new_memory, objects, push_to,
};
use crate::offsite::verify::{ObjectProblem, PlaceCheck, verify_place};

fn name(text: &str) -> ObjectName {
    ObjectName::new(text).unwrap()
}

/// A copy of a vault in a place that keeps versions.
fn versioned() -> (TestVault, ObjectStore) {
    let store = new_memory();
    memory(&store).keep_versions();
    let vault = filled(&store);
    (vault, store)
}

/// Overwrites or deletes an object, in one of several ways.
fn spoil(store: &ObjectStore, name: &ObjectName, dice: &mut TestDice) {
    let all = objects(store);
    let whole = all.get(name).cloned();
    let length = whole.as_ref().map_or(9, Vec::len);
    let bytes = match dice.below(6) {
        0 => None,
        1 => Some(vec![]),
        2 => Some(b"junk".to_vec()),
        3 => Some(vec![b'x'; length]),
        4 => all.values().nth(dice.below(all.len())).cloned(),
        _ => whole.map(|mut bytes| {
            if !bytes.is_empty() {
                bytes[dice.below(length)] ^= 1;
            }
            bytes
        }),
    };
    memory(store).overwrite(name, bytes);
}

/// Heads with higher numbers that do not continue the chain.
fn junk_heads(store: &ObjectStore, dice: &mut TestDice, count: u64) {
    let last = objects(store)
        .into_iter()
        .rfind(|(name, _)| name.as_str().starts_with("heads/"));
    let last = PushHead::parse(&last.unwrap().1).unwrap();
    for seq in last.seq + 1..=last.seq + count {
        let mut head = last.clone();
        head.seq = seq;
        let bytes = match dice.below(4) {
            0 => b"no head".to_vec(),
            1 => last.to_bytes(),
            2 => head.to_bytes(),
            _ => {
                head.previous = Some([7; 32]);
                head.objects.clear();
                head.to_bytes()
            }
        };
        memory(store).overwrite(&name(&head_name(seq)), Some(bytes));
    }
}

#[test]
fn whatever_is_overwritten_or_deleted_the_restored_vault_is_equal() {
    for seed in 0..24 {
        let mut dice = TestDice::new(seed);
        let (vault, store) = versioned();
        let names: Vec<ObjectName> = objects(&store).into_keys().collect();
        junk_heads(&store, &mut dice, 50);
        let mut spoiled = 0;
        for name in &names {
            for _ in 0..dice.below(4) {
                spoil(&store, name, &mut dice);
            }
            spoiled += u64::from(objects(&store).contains_key(name));
        }
        assert!(spoiled > 0);
        let target = vault.next_to("restored");
        let report = restore_to(&target, &store).unwrap();
        assert_eq!((report.head, report.messages, report.missing), (3, 10, 0));
        assert_eq!(report.strays.after, 50, "seed {seed}");
        assert!(report.damaged.is_empty() && report.strays.versions_seen);
        assert_equal(&vault, &target);

        let keys = identities();
        for (read_data, identities) in [(false, None), (true, None), (true, Some(&keys))] {
            let check = PlaceCheck {
                read_data,
                subset: None,
                identities,
                stop: &NEVER,
            };
            let report = verify_place(&store, check, &mut |_| {}).unwrap();
            assert_eq!((report.heads, report.strays.after), (3, 50));
            let older =
                |(_, problem): &(String, ObjectProblem)| *problem == ObjectProblem::OlderOnly;
            assert!(report.findings.iter().all(older), "{report:?}");
            assert_eq!(report.lost(), 0);
        }
    }
}

/// The place gives no MD5, and the bytes have the right length.
#[test]
fn versions_of_one_length_are_told_apart_by_reading() {
    let (vault, store) = versioned();
    memory(&store).trouble().keeps_md5_secret = true;
    for (name, bytes) in objects(&store) {
        let mut other = bytes.clone();
        other[bytes.len() / 2] ^= 1;
        memory(&store).overwrite(&name, Some(other));
    }
    let target = vault.next_to("restored");
    let report = restore_to(&target, &store).unwrap();
    assert_eq!((report.missing, report.older), (0, 4));
    assert_equal(&vault, &target);
}

/// A chain that is right by itself, of a vault that the attacker made.
#[test]
fn a_chain_that_replaces_the_whole_copy_is_not_taken_for_it() {
    let (vault, store) = versioned();
    let foreign = new_memory();
    let mut other = TestVault::new();
    for n in 100..105 {
        other.deliver("work", "", &[message(n, 600)]);
        push_to(&other.path(), &foreign);
    }
    for (name, bytes) in objects(&foreign) {
        memory(&store).overwrite(&name, Some(bytes));
    }
    let target = vault.next_to("restored");
    let report = restore_to(&target, &store).unwrap();
    assert_eq!((report.head, report.strays.after), (3, 2));
    assert_eq!(report.strays.replaced, 3);
    assert_equal(&vault, &target);
}

/// Where nothing is kept of what was overwritten, what is left is not taken for all.
#[test]
fn without_versions_a_broken_chain_is_an_error() {
    let store = new_memory();
    let vault = filled(&store);
    junk_heads(&store, &mut TestDice::new(1), 5);
    let refused = restore_to(&vault.next_to("restored"), &store);
    assert!(matches!(refused, Err(CopyError::Head(_))), "{refused:?}");
    let keys = identities();
    let options = RestoreOptions {
        destination: "b2",
        identities: &keys,
        head: Some(3),
        stop: &NEVER,
    };
    let target = vault.next_to("third");
    let report = restore(&store, &target, options, &mut |_| {}).unwrap();
    assert_eq!(report.strays.after, 0);
    assert!(!report.strays.versions_seen);
    assert_equal(&vault, &target);
    memory(&store).overwrite(&name("heads/0000000002"), None);
    let refused = restore_to(&vault.next_to("other"), &store);
    let missing = HeadError::Missing { seq: 2 };
    assert!(
        matches!(&refused, Err(CopyError::Head(error)) if *error == missing),
        "{refused:?}"
    );
}

/// A head of a newer program ends the chain, and is told from junk.
#[test]
fn a_head_in_a_newer_format_is_named() {
    let (vault, store) = versioned();
    let next = name(&head_name(4));
    memory(&store).overwrite(&next, Some(br#"{"format": 2}"#.to_vec()));
    let target = vault.next_to("restored");
    let report = restore_to(&target, &store).unwrap();
    assert_eq!((report.head, report.strays.after), (3, 1));
    assert!(report.strays.newer_format);
}
