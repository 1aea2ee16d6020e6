//! Compressed months read as plain ones, whatever is wrong with them is told, and whatever
//! stops a writer costs nothing.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::{pack, unpack};
use crate::base::error::Error;
use crate::mail::message::Hash128;
use crate::vault::layout::Layout;
use crate::vault::ledger::tests::{NOW, Scratch, VAULT, imap, lost, pop3, seen};
use crate::vault::ledger::{
    Damage, Item, Ledger, LedgerEvent, Position, Reader, forked, is_packed_better, month, rescue,
    unreadable,
};

const DAY: i64 = 86_400_000;
const OLD: &str = "ledger/2026-11.jsonl";

/// Forty events over three months.
fn three_months() -> Scratch {
    let scratch = Scratch::new();
    let (mut ledger, _) = scratch.open();
    for n in 0..20_u8 {
        let seen = match n % 2 {
            0 => seen(pop3()),
            _ => seen(imap()),
        };
        let events = [LedgerEvent::Seen(Box::new(seen)), lost(n)];
        let now = NOW + i64::from(n) + i64::from(n / 7) * 31 * DAY;
        ledger.append(&events, now).unwrap();
    }
    assert_eq!(month::files(&scratch.layout).unwrap().len(), 3);
    scratch
}

/// Compresses what is closed; gives how many months have no plain file then.
fn close(scratch: &Scratch) -> usize {
    let (ledger, _) = scratch.open();
    for file in ledger.closed().unwrap() {
        ledger.pack(&file, &AtomicBool::new(false)).unwrap();
    }
    let layout = &scratch.layout;
    let files = month::files(layout).unwrap().into_iter();
    files
        .filter(|file| !month::plain_path(layout, file).exists())
        .count()
}

fn names(layout: &Layout) -> Vec<String> {
    let listed = fs::read_dir(layout.ledger_dir()).unwrap();
    let mut names: Vec<String> = listed
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn damages(items: &[Item]) -> Vec<&Damage> {
    let mut damages = Vec::new();
    for item in items {
        if let Item::Damage(damage) = item {
            damages.push(damage);
        }
    }
    damages
}

#[test]
fn closed_months_are_compressed_and_the_newest_is_not() {
    let scratch = three_months();
    let before = fs::read(scratch.path()).unwrap();
    let items = scratch.items();
    assert_eq!(close(&scratch), 2);
    assert_eq!(
        names(&scratch.layout),
        ["2026-11.jsonl.zst", "2026-12.jsonl.zst", "2027-01.jsonl"]
    );
    let packed = fs::read(month::packed_path(&scratch.layout, OLD)).unwrap();
    assert_eq!(zstd::decode_all(&packed[..]).unwrap(), before);
    assert_eq!(scratch.items(), items);
    // Nothing is left to do, and appending goes on where it was.
    assert_eq!(close(&scratch), 2);
    scratch.append(&[lost(99)], NOW);
    assert_eq!(scratch.items()[..items.len()], items);
    assert_eq!(scratch.items().len(), items.len() + 1);
}

#[test]
fn a_compressed_month_that_is_cut_anywhere_is_damage_and_all_that_can_be_read_is_kept() {
    let whole = three_months();
    close(&whole);
    let sound = whole.items();
    let path = month::packed_path(&whole.layout, OLD);
    let packed = fs::read(&path).unwrap();
    let plain = zstd::decode_all(&packed[..]).unwrap();
    for cut in 0..packed.len() {
        fs::write(&path, &packed[..cut]).unwrap();
        let items = whole.items();
        let found = damages(&items);
        assert_eq!(found.len(), 1, "cut at {cut}: {found:?}");
        assert!(found[0].unreadable && found[0].file == OLD, "{found:?}");
        let kept = |item: &Item| matches!(item, Item::Damage(_)) || sound.contains(item);
        assert!(items.iter().all(kept));
        let [(file, length)] = &unreadable(&whole.layout).unwrap()[..] else {
            panic!("cut at {cut} is not noticed");
        };
        assert_eq!(file, OLD);
        rescue(&whole.layout, OLD, *length).unwrap();
        let rescued = fs::read(whole.path()).unwrap_or_default();
        assert!(plain.starts_with(&rescued), "cut at {cut}");
        assert!(rescued.is_empty() || rescued.ends_with(b"\n"));
        let _ = fs::remove_file(whole.path());
    }
}

#[test]
fn of_a_long_month_the_lines_before_the_damage_are_kept() {
    let scratch = Scratch::new();
    let (mut ledger, _) = scratch.open();
    for n in 0..200_u8 {
        let events: Vec<LedgerEvent> = (0..20)
            .map(|part| LedgerEvent::Forgotten {
                hash: Hash128::of(&[n, part]),
                reason: Hash128::of(&[part, n]).to_string(),
            })
            .collect();
        let now = NOW + i64::from(n) + if n < 199 { 0 } else { 31 * DAY };
        ledger.append(&events, now).unwrap();
    }
    drop(ledger);
    let sound = scratch.items();
    let plain = fs::read(scratch.path()).unwrap();
    assert!(plain.len() > 4 * (128 << 10), "{}", plain.len());
    close(&scratch);
    let path = month::packed_path(&scratch.layout, OLD);
    let packed = fs::read(&path).unwrap();
    for part in 2..8 {
        fs::write(&path, &packed[..packed.len() * part / 8]).unwrap();
        let items = scratch.items();
        let [damage] = damages(&items)[..] else {
            panic!("{:?}", damages(&items));
        };
        let [(_, whole)] = unreadable(&scratch.layout).unwrap()[..] else {
            panic!("part {part} is not noticed");
        };
        assert!(
            damage.unreadable && damage.first == whole,
            "{damage:?} {whole}"
        );
        let before = items
            .iter()
            .position(|item| matches!(item, Item::Damage(_)));
        assert_eq!(items[..before.unwrap()], sound[..before.unwrap()]);
        let eighth = plain.len() as u64 / 8;
        let (least, most) = (
            eighth * (part as u64).saturating_sub(3),
            eighth * (part as u64 + 1),
        );
        assert!((least..most).contains(&whole), "part {part}: {whole}");
        rescue(&scratch.layout, OLD, whole).unwrap();
        let length = usize::try_from(whole).unwrap();
        assert_eq!(fs::read(scratch.path()).unwrap(), plain[..length]);
        let told = scratch.items();
        let [damage] = damages(&told)[..] else {
            panic!("{:?}", damages(&told));
        };
        assert_eq!(damage.file, "ledger/2026-12.jsonl");
        fs::remove_file(scratch.path()).unwrap();
    }
}

#[test]
fn a_flipped_bit_anywhere_in_a_compressed_month_is_found_or_changes_nothing() {
    let scratch = three_months();
    close(&scratch);
    let sound = scratch.items();
    let path = month::packed_path(&scratch.layout, OLD);
    let packed = fs::read(&path).unwrap();
    let mut found = 0;
    for at in 0..packed.len() {
        let mut flipped = packed.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, flipped).unwrap();
        let items = scratch.items();
        found += usize::from(!damages(&items).is_empty());
        assert!(items == sound || !damages(&items).is_empty(), "byte {at}");
    }
    // Of a frame, few bits mean nothing.
    assert!(
        found * 20 > packed.len() * 19,
        "{found} of {}",
        packed.len()
    );
}

#[test]
fn what_follows_the_frame_of_a_compressed_month_is_damage() {
    let scratch = three_months();
    close(&scratch);
    let path = month::packed_path(&scratch.layout, OLD);
    let packed = fs::read(&path).unwrap();
    let lines = zstd::encode_all(&b"{\"v\":1}\n"[..], 3).unwrap();
    for after in [&b"x"[..], &[0; 100], &packed[..20], &lines, &packed] {
        fs::write(&path, [&packed[..], after].concat()).unwrap();
        let items = scratch.items();
        assert_eq!(damages(&items).len(), 1, "{after:?}");
    }
}

#[test]
fn a_bomb_is_not_read_to_its_end() {
    let scratch = three_months();
    close(&scratch);
    let path = month::packed_path(&scratch.layout, OLD);
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..300 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let most = month::most_plain(bomb.len() as u64);
    assert!(most < 100 << 20, "{most}");
    fs::write(&path, bomb).unwrap();
    let items = scratch.items();
    let found = damages(&items);
    assert!(found.len() == 1 && found[0].unreadable, "{found:?}");
    assert_eq!(unreadable(&scratch.layout).unwrap(), [(OLD.to_owned(), 0)]);
}

#[test]
fn where_both_files_are_there_the_plain_one_counts_and_the_next_writer_finishes() {
    let scratch = three_months();
    let plain = fs::read(scratch.path()).unwrap();
    close(&scratch);
    fs::write(scratch.path(), &plain).unwrap();
    let items = scratch.items();
    let packed = month::packed_path(&scratch.layout, OLD);
    let good = fs::read(&packed).unwrap();
    // It is not even looked at.
    fs::write(&packed, "damaged").unwrap();
    assert_eq!(scratch.items(), items);
    // What differs stays, both of it.
    assert_eq!(close(&scratch), 1);
    assert_eq!(forked(&scratch.layout).unwrap(), [OLD]);
    assert!(!is_packed_better(&scratch.layout, VAULT, OLD).unwrap());
    fs::write(&packed, &good).unwrap();
    assert!(forked(&scratch.layout).unwrap().is_empty());
    assert_eq!(close(&scratch), 2);
    // An older plain file, as a backup has it.
    let half = memchr::memrchr(b'\n', &plain[..plain.len() / 2]).unwrap() + 1;
    fs::write(scratch.path(), &plain[..half]).unwrap();
    assert_eq!(damages(&scratch.items()).len(), 1);
    assert_eq!(close(&scratch), 1);
    assert_eq!(forked(&scratch.layout).unwrap(), [OLD]);
    assert!(is_packed_better(&scratch.layout, VAULT, OLD).unwrap());
}

#[test]
fn a_newest_month_that_is_compressed_is_plain_again_before_a_line_is_added() {
    let scratch = three_months();
    close(&scratch);
    let all = scratch.items();
    // As in a backup that has not the newest month yet.
    let newest = scratch.layout.ledger("2027-01");
    fs::rename(&newest, scratch.layout.root().join("aside")).unwrap();
    let items = scratch.items();
    assert_eq!(items, all[..items.len()]);
    let plain = scratch.layout.ledger("2026-12");
    let packed = month::packed_path(&scratch.layout, "ledger/2026-12.jsonl");
    scratch.append(&[lost(7)], NOW + 32 * DAY);
    assert!(plain.exists() && !packed.exists());
    assert_eq!(scratch.items()[..items.len()], items);
    assert_eq!(scratch.items().len(), items.len() + 1);
    // What was compressed has no torn tail.
    let whole = fs::read(&plain).unwrap();
    fs::remove_file(&plain).unwrap();
    let torn = zstd::encode_all(&whole[..whole.len() - 9], 1).unwrap();
    fs::write(&packed, torn).unwrap();
    let items = scratch.items();
    assert!(matches!(items.last(), Some(Item::Damage(_))), "{items:?}");
    fs::write(&plain, &whole).unwrap();
    // One that cannot be read is left for repair.
    fs::remove_file(&plain).unwrap();
    fs::write(&packed, "damaged").unwrap();
    let error = Ledger::open(&scratch.layout, VAULT, None).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(packed.exists() && !plain.exists());
}

#[test]
fn a_writer_that_is_to_stop_leaves_a_month_as_it_is() {
    let scratch = three_months();
    let before = names(&scratch.layout);
    let (ledger, _) = scratch.open();
    ledger.pack(OLD, &AtomicBool::new(true)).unwrap();
    assert_eq!(names(&scratch.layout), before);
}

#[test]
fn a_reader_finds_a_month_whatever_a_writer_makes_of_its_file_meanwhile() {
    let scratch = three_months();
    let items = scratch.items();
    let (layout, done) = (&scratch.layout, AtomicBool::new(false));
    let position = |item: &Item| match item {
        Item::Entry { position, .. } => position.clone(),
        _ => panic!("{item:?}"),
    };
    let first = position(&items[0]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..60 {
                pack(layout, OLD, &AtomicBool::new(false)).unwrap();
                unpack(layout, OLD).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            assert_eq!(scratch.items(), items);
            let rest = Reader::from(layout, VAULT, &first).unwrap().unwrap();
            assert_eq!(rest.count(), items.len() - 1);
        }
    });
}

#[cfg(feature = "faults")]
#[test]
fn a_disk_that_fails_while_a_month_is_compressed_or_made_plain_costs_nothing() {
    use crate::base::fsx::faults;

    let (mut failed, mut fine) = (0, 0);
    for (left, lasting) in (0..12).flat_map(|left| [(left, false), (left, true)]) {
        let scratch = three_months();
        let items = scratch.items();
        let root = scratch.layout.root().to_path_buf();
        let (ledger, _) = scratch.open();
        faults::plan(&root, left, lasting);
        let packed = ledger.pack(OLD, &AtomicBool::new(false));
        let times = faults::clear(&root);
        assert_eq!(packed.is_err(), times > 0, "{left}: {packed:?}");
        failed += times;
        fine += usize::from(times == 0);
        assert_eq!(scratch.items(), items, "{left} {lasting}");
        drop(ledger);
        assert_eq!(close(&scratch), 2);
        assert_eq!(scratch.items(), items);

        fs::remove_file(scratch.layout.ledger("2027-01")).unwrap();
        let items = scratch.items();
        faults::plan(&root, left, lasting);
        let _ = Ledger::open(&scratch.layout, VAULT, None);
        let _ = faults::clear(&root);
        assert_eq!(scratch.items(), items, "{left} {lasting}");
        scratch.append(&[lost(1)], NOW);
        assert_eq!(scratch.items().len(), items.len() + 1);
        let left_over = names(&scratch.layout);
        assert_eq!(left_over, ["2026-11.jsonl.zst", "2026-12.jsonl"]);
    }
    assert!(failed > 10 && fine > 2, "{failed} {fine}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_ledger_reads_the_same_whether_its_months_are_plain_or_compressed(
        appends in prop::collection::vec((0_i64..40, 1_usize..5, any::<u8>(), "[ -~]{0,300}"), 1..30)
    ) {
        let scratch = Scratch::new();
        let (mut ledger, _) = scratch.open();
        let mut now = NOW;
        for (days, count, n, reason) in appends {
            now += days * DAY;
            let forgotten = LedgerEvent::Forgotten {
                hash: Hash128([n; 16]),
                reason,
            };
            ledger.append(&vec![forgotten; count], now).unwrap();
        }
        drop(ledger);
        let items = scratch.items();
        let end = scratch.open().0.position().cloned();
        let months = month::files(&scratch.layout).unwrap().len();
        prop_assert_eq!(close(&scratch), months - 1);
        prop_assert_eq!(&scratch.items(), &items);
        prop_assert_eq!(scratch.open().0.position().cloned(), end);
        for (at, item) in items.iter().enumerate() {
            let Item::Entry { position, .. } = item else {
                panic!("{item:?}");
            };
            let rest = Reader::from(&scratch.layout, VAULT, position).unwrap().unwrap();
            let rest: Vec<Item> = rest.map(Result::unwrap).collect();
            prop_assert_eq!(&rest[..], &items[at + 1..]);
            let other = Position { seq: position.seq + 1, ..position.clone() };
            prop_assert!(Reader::from(&scratch.layout, VAULT, &other).unwrap().is_none());
        }
    }

    #[test]
    fn any_bytes_in_place_of_a_compressed_month_are_read_to_an_end(
        bytes in prop::collection::vec(any::<u8>(), 0..400), magic: bool
    ) {
        let scratch = three_months();
        close(&scratch);
        let magic = if magic { &b"\x28\xb5\x2f\xfd"[..] } else { &[] };
        let path = month::packed_path(&scratch.layout, OLD);
        fs::write(path, [magic, &bytes].concat()).unwrap();
        prop_assert!(!damages(&scratch.items()).is_empty());
    }
}
