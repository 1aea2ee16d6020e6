#![allow(clippy::unwrap_used)]

use super::*;
use crate::base::error::StoreFault;
use crate::offsite::place::ObjectName;
use crate::offsite::scene_tests::{
    NEVER, TestVault, identities, memory, message, new_memory, push_to,
};

const NAMES: PlaceCheck<'static> = PlaceCheck {
    read_data: false,
    subset: None,
    identities: None,
    stop: &NEVER,
};

/// A place with a pack and two pushes, of which one has messages.
fn place() -> (TestVault, ObjectStore) {
    let store = new_memory();
    let mut vault = TestVault::new();
    for messages in [vec![message(1, 1_200_000)], vec![message(2, 800)]] {
        vault.deliver("work", "", &messages);
        push_to(&vault.path(), &store);
    }
    (vault, store)
}

fn names(store: &ObjectStore) -> Vec<ObjectName> {
    let objects = memory(store).objects();
    let named = objects
        .keys()
        .filter(|name| !name.as_str().starts_with("heads/"));
    named.cloned().collect()
}

#[test]
fn what_is_right_has_no_findings() {
    let (_vault, store) = place();
    let report = verify_place(&store, NAMES, &mut |_| {}).unwrap();
    assert_eq!((report.heads, report.objects, report.read), (2, 3, 0));
    assert!(report.findings.is_empty(), "{report:?}");
    memory(&store).trouble().calls.clear();
    let keys = identities();
    let mut all = 0;
    for part in 1..=3 {
        let check = PlaceCheck {
            read_data: true,
            subset: Some((part, 3)),
            identities: Some(&keys),
            ..NAMES
        };
        let report = verify_place(&store, check, &mut |_| {}).unwrap();
        assert!(report.findings.is_empty(), "{report:?}");
        all += report.read;
    }
    assert_eq!(all, 3);
    let whole = PlaceCheck {
        read_data: true,
        identities: Some(&keys),
        ..NAMES
    };
    let report = verify_place(&store, whole, &mut |_| {}).unwrap();
    assert_eq!((report.read, report.messages), (3, 2));
    let stray = ObjectName::new(&format!("packs/{}", "0".repeat(64))).unwrap();
    memory(&store).objects().insert(stray, vec![]);
    let report = verify_place(&store, NAMES, &mut |_| {}).unwrap();
    assert_eq!((report.unnamed, report.findings.len()), (1, 0));
}

#[test]
fn what_is_missing_short_or_changed_is_found() {
    let (_vault, store) = place();
    for name in names(&store) {
        let whole = memory(&store).objects()[&name].clone();
        let short = whole[..whole.len() - 1].to_vec();
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        let there = short.len() as u64;
        for (bytes, problem) in [
            (None, ObjectProblem::Missing),
            (Some(short), ObjectProblem::Size { there }),
            (Some(changed), ObjectProblem::Changed),
        ] {
            memory(&store).objects().remove(&name);
            if let Some(bytes) = bytes {
                memory(&store).objects().insert(name.clone(), bytes);
            }
            let report = verify_place(&store, NAMES, &mut |_| {}).unwrap();
            assert_eq!(report.findings, [(name.to_string(), problem)]);
        }
        memory(&store).objects().insert(name, whole);
    }
}

/// A place may say what it was told and have something else.
#[test]
fn what_the_place_does_not_admit_is_found_by_reading() {
    let (_vault, store) = place();
    let keys = identities();
    for name in names(&store) {
        let whole = memory(&store).objects()[&name].clone();
        for identities in [None, Some(&keys)] {
            let mut changed = whole.clone();
            changed[whole.len() / 3] ^= 4;
            let check = PlaceCheck {
                read_data: true,
                identities,
                ..NAMES
            };
            memory(&store).trouble().lies = Some((name.clone(), changed));
            let report = verify_place(&store, check, &mut |_| {}).unwrap();
            assert_eq!(
                report.findings,
                [(name.to_string(), ObjectProblem::Changed)]
            );
            memory(&store).trouble().lies = None;
        }
    }
}

#[test]
fn a_place_that_fails_is_no_finding() {
    let (_vault, store) = place();
    let check = PlaceCheck {
        read_data: true,
        ..NAMES
    };
    memory(&store).trouble().calls.clear();
    verify_place(&store, check, &mut |_| {}).unwrap();
    let calls = memory(&store).trouble().calls.len();
    for first in 0..calls {
        memory(&store).trouble().calls.clear();
        memory(&store).trouble().fails_from = Some(first);
        let failed = verify_place(&store, check, &mut |_| {});
        let fault = match failed {
            Err(CopyError::Base(Error::Store { fault, .. })) => fault,
            other => panic!("{other:?}"),
        };
        assert_eq!(fault, StoreFault::Unreachable);
    }
}

#[test]
fn a_head_that_is_missing_or_changed_ends_the_check() {
    let (_vault, store) = place();
    let first = ObjectName::new("heads/0000000001").unwrap();
    let whole = memory(&store).objects().remove(&first).unwrap();
    assert!(matches!(
        verify_place(&store, NAMES, &mut |_| {}),
        Err(CopyError::Head(_))
    ));
    let text = String::from_utf8(whole).unwrap();
    let other = text.replacen("\"time\": \"20", "\"time\": \"19", 1);
    assert_ne!(text, other);
    memory(&store).objects().insert(first, other.into_bytes());
    assert!(matches!(
        verify_place(&store, NAMES, &mut |_| {}),
        Err(CopyError::Head(_))
    ));
}
