#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::offsite::pack::PackError;
use crate::offsite::scene_tests::{
    NEVER, TestVault, identities, memory, message, new_memory, other_identities, push_to,
    restore_with,
};

fn init_at(
    vault: &Path,
    store: &ObjectStore,
    keys: Option<&Identities>,
) -> Result<InitReport, CopyError> {
    let recipients = identities().recipients();
    let options = InitOptions {
        name: "b2",
        url: "s3://bucket",
        recipients: &recipients,
        identities: keys,
        stop: &NEVER,
    };
    init(vault, store, options)
}

fn filled() -> TestVault {
    let mut vault = TestVault::new();
    let some: Vec<_> = (0..6).map(|n| message(n, 900)).collect();
    vault.deliver("work", "", &some);
    vault.deliver("home", ".Large", &[message(9, 2 << 20)]);
    vault
}

#[test]
fn whoever_reads_the_words_has_the_key() {
    let (vault, store) = (TestVault::new(), new_memory());
    let report = init_at(&vault.path(), &store, None).unwrap();
    assert_eq!((report.head, report.rehearsed), (0, None));
    let names: Vec<String> = memory(&store)
        .objects()
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names[0], README_NAME);
    assert!(names[1].starts_with("tests/") && names.len() == 2);
    let text = decrypt_text(&fs::read(&report.test).unwrap(), &identities()).unwrap();
    let words = words_of(&text).unwrap();
    for wrong in ["", "words", &words[1..], &format!("{words} more")] {
        assert!(!rehearse(&vault.path(), "b2", wrong).unwrap(), "{wrong}");
    }
    let read = |name| PlaceNotes::read(&vault.path(), name).unwrap();
    assert_eq!(read("b2").unwrap().rehearsed, None);
    let typed = format!("  {}\n", words.to_uppercase().replace(' ', "   "));
    assert!(rehearse(&vault.path(), "b2", &typed).unwrap());
    assert!(read("b2").unwrap().rehearsed.is_some());
    // Done again, it leaves all of it as it was.
    let again = init_at(&vault.path(), &store, None).unwrap();
    assert!(again.rehearsed.is_some());
    assert_eq!(memory(&store).objects().len(), 2);
    assert!(matches!(
        rehearse(&vault.path(), "other", words),
        Err(CopyError::NotReady)
    ));
}

#[test]
fn other_public_keys_are_tried_again() {
    let (vault, store) = (TestVault::new(), new_memory());
    init_at(&vault.path(), &store, Some(&identities())).unwrap();
    let other = other_identities();
    let recipients = other.recipients();
    let notes = PlaceNotes::read(&vault.path(), "b2").unwrap().unwrap();
    assert!(notes.rehearsed.is_some() && !notes.fits("s3://bucket", &recipients));
    let options = InitOptions {
        name: "b2",
        url: "s3://bucket",
        recipients: &recipients,
        identities: None,
        stop: &NEVER,
    };
    assert_eq!(
        init(&vault.path(), &store, options).unwrap().rehearsed,
        None
    );
    let refused = InitOptions {
        identities: Some(&identities()),
        ..options
    };
    assert!(matches!(
        init(&vault.path(), &store, refused),
        Err(CopyError::Pack {
            source: PackError::WrongIdentity,
            ..
        })
    ));
}

#[test]
fn with_the_key_a_copy_is_continued_where_nothing_is_known_of_it() {
    let store = new_memory();
    let mut vault = filled();
    assert_eq!(push_to(&vault.path(), &store).messages, 7);
    vault.deliver("work", ".Sent", &[message(20, 700), message(1, 900)]);
    assert_eq!(push_to(&vault.path(), &store).messages, 1);
    fs::remove_dir_all(vault.path().join("offsite")).unwrap();
    let refused = init_at(&vault.path(), &store, None);
    assert!(
        matches!(refused, Err(CopyError::UnknownCopy)),
        "{refused:?}"
    );
    let report = init_at(&vault.path(), &store, Some(&identities())).unwrap();
    assert_eq!((report.head, report.taken_over), (2, true));
    let nothing = push_to(&vault.path(), &store);
    assert_eq!((nothing.messages, nothing.ledger, nothing.heads), (0, 0, 0));
    vault.deliver("work", "", &[message(30, 700)]);
    let new = push_to(&vault.path(), &store);
    assert_eq!((new.messages, new.heads, new.seq), (1, 1, 3));
}

#[test]
fn with_the_key_a_restored_vault_continues_its_copy() {
    let store = new_memory();
    let vault = filled();
    push_to(&vault.path(), &store);
    let target = vault.next_to("restored");
    restore_with(&target, &store, &identities()).unwrap();
    init_at(&target, &store, Some(&identities())).unwrap();
    // The line that says so.
    let new = push_to(&target, &store);
    assert_eq!((new.messages, new.heads, new.seq), (0, 1, 2));
    assert!(new.ledger > 0 && new.ledger < 400, "{new:?}");
}

/// The vault of another, and this one as a backup has it or after it went on from that.
#[test]
fn a_copy_that_is_not_of_this_ledger_is_left_alone() {
    let store = new_memory();
    let mut vault = filled();
    init_at(&vault.path(), &store, None).unwrap();
    push_to(&vault.path(), &store);
    let old = vault.next_to("old");
    copy(&vault.path(), &old);
    vault.deliver("work", "", &[message(30, 700)]);
    push_to(&vault.path(), &store);
    let before = memory(&store).objects().clone();
    let other = filled();
    for path in [other.path(), old] {
        let refused = init_at(&path, &store, Some(&identities()));
        assert!(
            matches!(refused, Err(CopyError::OtherLedger)),
            "{refused:?}"
        );
    }
    assert_eq!(*memory(&store).objects(), before);
}

fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status();
    assert!(done.unwrap().success());
}
