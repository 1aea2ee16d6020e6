//! That it is heard how far a transfer is while a large object is on its way.
#![allow(clippy::unwrap_used)]

use super::CopyProgress;
use super::push::push;
use super::restore::{RestoreOptions, restore};
use super::scene_tests::{
    NEVER, TestVault, identities, memory, message, new_memory, objects, push_options,
};
use super::verify::{PlaceCheck, verify_place};

/// It grows by less than a MiB each time, and comes to its end.
#[track_caller]
fn assert_steady(heard: &[CopyProgress], bytes: u64, messages: u64) {
    let mut before = CopyProgress::default();
    for so_far in heard {
        assert!(so_far.bytes >= before.bytes && so_far.messages >= before.messages);
        assert!(
            so_far.bytes - before.bytes < 1 << 20,
            "{before:?} {so_far:?}"
        );
        before = *so_far;
    }
    assert_eq!((before.bytes, before.messages), (bytes, messages));
}

#[test]
fn it_is_heard_how_far_a_large_object_is() {
    let store = new_memory();
    let mut vault = TestVault::new();
    let all: Vec<_> = (0..5).map(|n| message(n, 2_500_000)).collect();
    vault.deliver("work", "", &all);
    let octets: u64 = all.iter().map(|content| content.len() as u64).sum();
    let keys = identities();
    let recipients = keys.recipients();
    let options = push_options(&recipients, false);
    let mut heard = Vec::new();
    push(&vault.path(), &store, options, &mut |so_far| {
        heard.push(so_far);
    })
    .unwrap();
    assert_steady(&heard, octets, 5);
    let sizes = objects(&store).into_iter();
    let sizes = sizes.filter(|(name, _)| !name.as_str().starts_with("heads/"));
    let sizes: Vec<u64> = sizes.map(|(_, bytes)| bytes.len() as u64).collect();
    let largest = *sizes.iter().max().unwrap();
    assert!(sizes.len() == 2 && largest > 5 << 20, "{sizes:?}");
    let all_bytes = sizes.iter().sum();

    heard.clear();
    let options = RestoreOptions {
        destination: "b2",
        identities: &keys,
        head: None,
        stop: &NEVER,
    };
    let target = vault.next_to("restored");
    restore(&store, &target, options, &mut |so_far| heard.push(so_far)).unwrap();
    // The push is read for the ledger, and then for its messages.
    let bytes = 2 * all_bytes - largest;
    assert_steady(&heard, bytes, 5);
    assert_eq!(heard.last().unwrap().total, bytes);

    for identities in [None, Some(&keys)] {
        heard.clear();
        memory(&store).trouble().calls.clear();
        let check = PlaceCheck {
            read_data: true,
            subset: None,
            identities,
            stop: &NEVER,
        };
        verify_place(&store, check, &mut |so_far| heard.push(so_far)).unwrap();
        assert_steady(&heard, all_bytes, if identities.is_some() { 5 } else { 0 });
        assert_eq!(heard.last().unwrap().total, all_bytes);
    }
}
