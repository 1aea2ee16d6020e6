//! What damage is found, and where reading and opening begin.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;

use proptest::prelude::*;

use crate::base::fsx;
use crate::vault::ledger::tests::{NOW, Scratch, VAULT, lost};
use crate::vault::ledger::{
    Checksum, Damage, Item, Ledger, LedgerEvent, Position, Reader, TornTail, month,
};

/// Fifty lines in twenty-five appends, over two files.
fn fifty_lines() -> Scratch {
    let scratch = Scratch::new();
    let (mut ledger, _) = scratch.open();
    for n in 0..24 {
        // The second half is a month later.
        let now = NOW + i64::from(n) + if n < 12 { 0 } else { 30 * 86_400_000 };
        ledger.append(&[lost(n), lost(n + 100)], now).unwrap();
    }
    scratch
}

fn flips_found(bits: impl Fn(usize) -> std::ops::Range<u8>, scratch: &Scratch) {
    let sound = scratch.items();
    for file in month::files(&scratch.layout).unwrap() {
        let path = scratch.layout.root().join(&file);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            for bit in bits(at) {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                fs::write(&path, flipped).unwrap();
                let items = scratch.items();
                let hit = |item: &Item| match item {
                    Item::Entry { .. } => false,
                    Item::Damage(d) => d.file == file && (d.first..=d.last).contains(&(at as u64)),
                    Item::TornTail(t) => t.file == file && t.first <= at as u64,
                };
                assert!(items.iter().any(hit), "bit {bit} of byte {at} of {file}");
                // What is still reported was written in this way.
                for item in items {
                    assert!(!matches!(item, Item::Entry { .. }) || sound.contains(&item));
                }
            }
        }
        fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let scratch = fifty_lines();
    assert_eq!(scratch.entries().len(), 48);
    flips_found(
        |at| {
            let bit = u8::try_from(at % 8).unwrap();
            bit..bit + 1
        },
        &scratch,
    );
}

#[test]
fn every_flipped_bit_of_a_small_ledger_is_found() {
    let scratch = Scratch::new();
    for n in 0..4 {
        scratch.append(&[lost(n)], NOW + i64::from(n));
    }
    flips_found(|_| 0..8, &scratch);
}

#[test]
fn damage_in_the_middle_stays_until_a_chain_line_accepts_it() {
    let scratch = fifty_lines();
    let path = scratch.layout.ledger("2026-12");
    let sound = fs::read(&path).unwrap();
    let mut bytes = sound.clone();
    let starts: Vec<usize> = memchr::memchr_iter(b'\n', &sound)
        .map(|at| at + 1)
        .collect();
    // The number of a line in the middle: its checksum can still be read.
    bytes[starts[6] + 13] ^= 1;
    fs::write(&path, &bytes).unwrap();

    let (mut ledger, opened) = scratch.open();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let [damage] = &opened.damage[..] else {
        panic!("{opened:?}");
    };
    assert_eq!(
        (damage.first, damage.last),
        (starts[6] as u64, starts[7] as u64 - 1)
    );
    assert_eq!(scratch.entries().len(), 47);
    ledger
        .append(
            &[LedgerEvent::Chain {
                file: damage.file.clone(),
                first: damage.first,
                last: damage.last,
                copy: "quarantine/x".to_owned(),
            }],
            NOW,
        )
        .unwrap();
    let mut reader = Reader::new(&scratch.layout, VAULT).unwrap();
    let items: Vec<Item> = reader.by_ref().map(Result::unwrap).collect();
    assert!(items.contains(&Item::Damage(damage.clone())));
    assert_eq!(items.len(), 49);
    let [gap] = reader.accepted_gaps() else {
        panic!("{:?}", reader.accepted_gaps());
    };
    assert!(gap.covers(damage));
    assert!(!gap.covers(&Damage {
        last: damage.last + 1,
        ..damage.clone()
    }));
}

#[test]
fn a_torn_tail_behind_older_damage_is_cut() {
    let scratch = fifty_lines();
    let path = scratch.layout.ledger("2026-12");
    let mut bytes = fs::read(&path).unwrap();
    let sound = bytes.len();
    bytes[sound / 2] ^= 1;
    bytes.extend_from_slice(b"{\"v\":1,\"se");
    fs::write(&path, &bytes).unwrap();
    let items = scratch.items();
    assert!(items.iter().any(|item| matches!(item, Item::Damage(_))));
    assert!(matches!(items.last(), Some(Item::TornTail(_))));
    let (_, opened) = scratch.open();
    assert_eq!(opened.damage.len(), 1);
    assert_eq!(fs::read(&path).unwrap(), bytes[..sound]);
}

#[test]
fn an_older_file_that_lost_its_end_is_damage_and_nothing_is_cut() {
    let scratch = fifty_lines();
    let path = scratch.path();
    let bytes = fs::read(&path).unwrap();
    let newer = fs::read(scratch.layout.ledger("2026-12")).unwrap();
    let lines: Vec<usize> = memchr::memchr_iter(b'\n', &bytes)
        .map(|at| at + 1)
        .collect();
    // At a line's end only the next file can tell; elsewhere the last line does.
    for cut in [lines[lines.len() - 2], bytes.len() - 1, bytes.len() - 30] {
        fs::write(&path, &bytes[..cut]).unwrap();
        let items = scratch.items();
        let damages = items.iter().filter(|item| matches!(item, Item::Damage(_)));
        assert_eq!(damages.count(), 1, "cut at {cut}");
        assert!(!items.iter().any(|item| matches!(item, Item::TornTail(_))));
        let (_, opened) = scratch.open();
        assert!(opened.torn.is_empty());
        assert_eq!(fs::read(scratch.layout.ledger("2026-12")).unwrap(), newer);
    }
}

#[test]
fn a_missing_or_foreign_file_is_damage() {
    let scratch = fifty_lines();
    let damaged = |vault: &str| {
        let reader = Reader::new(&scratch.layout, vault).unwrap();
        reader
            .filter(|item| matches!(item, Ok(Item::Damage(_))))
            .count()
    };
    assert_eq!(damaged(VAULT), 0);
    assert_eq!(damaged("another"), 2);
    fs::rename(
        scratch.layout.ledger("2026-12"),
        scratch.layout.ledger("2027-01"),
    )
    .unwrap();
    assert_eq!(damaged(VAULT), 1);
    fs::rename(
        scratch.layout.ledger("2027-01"),
        scratch.layout.ledger("2026-12"),
    )
    .unwrap();
    fs::remove_file(scratch.path()).unwrap();
    assert_eq!(damaged(VAULT), 1);
}

#[test]
fn a_line_that_is_too_long_is_bad_and_does_not_fill_the_memory() {
    let scratch = Scratch::new();
    scratch.append(&[lost(1)], NOW);
    let before = fs::read(scratch.path()).unwrap();
    let mut file = fsx::append(&scratch.path()).unwrap();
    for _ in 0..50 {
        file.write_all(&[b'x'; 10_000]).unwrap();
    }
    file.write_all(b"\n").unwrap();
    let items = scratch.items();
    assert_eq!(
        items.last(),
        Some(&Item::TornTail(TornTail {
            file: "ledger/2026-11.jsonl".to_owned(),
            first: before.len() as u64,
            len: 500_001,
        }))
    );
}

#[test]
fn reading_resumes_at_every_place() {
    let scratch = fifty_lines();
    let items = scratch.items();
    for (at, item) in items.iter().enumerate() {
        let Item::Entry { position, .. } = item else {
            panic!("{item:?}");
        };
        let reader = Reader::from(&scratch.layout, VAULT, position)
            .unwrap()
            .unwrap();
        let rest: Vec<Item> = reader.map(Result::unwrap).collect();
        assert_eq!(rest, items[at + 1..]);
    }
}

#[test]
fn a_place_that_the_ledger_does_not_have_is_told() {
    let scratch = fifty_lines();
    let Some(Item::Entry { position, .. }) = scratch.items().pop() else {
        panic!("no entry at the end");
    };
    let good = position.clone();
    for bad in [
        Position {
            offset: 0,
            ..good.clone()
        },
        Position {
            offset: good.offset - 1,
            ..good.clone()
        },
        Position {
            offset: u64::MAX,
            ..good.clone()
        },
        Position {
            seq: good.seq + 1,
            ..good.clone()
        },
        Position {
            c: Checksum::START,
            ..good.clone()
        },
        Position {
            file: "../x".to_owned(),
            ..good.clone()
        },
        Position {
            file: "ledger/2026-11.jsonl".to_owned(),
            ..good.clone()
        },
    ] {
        let reader = Reader::from(&scratch.layout, VAULT, &bad).unwrap();
        assert!(reader.is_none(), "{bad:?}");
        let (ledger, _) = Ledger::open(&scratch.layout, VAULT, Some(&bad)).unwrap();
        assert_eq!(ledger.position(), Some(&good));
    }
}

#[test]
fn opening_from_a_place_ends_where_opening_from_the_start_does() {
    let scratch = fifty_lines();
    for item in scratch.items() {
        let Item::Entry { position, .. } = item else {
            panic!("{item:?}");
        };
        let (from, _) = Ledger::open(&scratch.layout, VAULT, Some(&position)).unwrap();
        let (whole, _) = scratch.open();
        assert_eq!((from.position(), from.time), (whole.position(), whole.time));
    }
}

proptest! {
    #[test]
    fn any_file_can_be_opened_and_written_to(
        garbage in prop::collection::vec(any::<u8>(), 0..300), keep in 0_usize..3000
    ) {
        let scratch = fifty_lines();
        let path = scratch.layout.ledger("2026-12");
        let mut bytes = fs::read(&path).unwrap();
        bytes.splice(keep.min(bytes.len())..(keep + 100).min(bytes.len()), garbage);
        fs::write(&path, bytes).unwrap();
        scratch.append(&[lost(77)], NOW);
        let items = scratch.items();
        let is_ours = matches!(
            items.last(), Some(Item::Entry { entry, .. }) if entry.event == lost(77)
        );
        prop_assert!(is_ours);
    }
}
