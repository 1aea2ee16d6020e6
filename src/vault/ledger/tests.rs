//! What the ledger promises, byte by byte.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;

use super::encode::encode;
use super::line::{MAX_LINE, MAX_TIME};
use super::{
    Appended, Damage, Entry, Event, Identity, Item, Ledger, Mark, Opened, Position, Proto, Reader,
    Seen, Session, TornTail, chain, decode, line,
};
use crate::error::Error;
use crate::fsx;
use crate::message::Hash128;
use crate::source::Uid;
use crate::vault::layout::Layout;

const VAULT: &str = "0123456789abcdef0123456789abcdef";
/// 2026-11-22T18:00:00.000Z
const NOW: i64 = 1_795_370_400_000;

struct Scratch {
    _dir: tempfile::TempDir,
    layout: Layout,
}

impl Scratch {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        fs::create_dir(layout.ledger_dir()).unwrap();
        Self { _dir: dir, layout }
    }

    fn path(&self) -> PathBuf {
        self.layout.ledger("2026-11")
    }

    fn open(&self) -> (Ledger, Opened) {
        Ledger::open(&self.layout, VAULT, None).unwrap()
    }

    fn append(&self, events: &[Event], now: i64) -> Appended {
        self.open().0.append(events, now).unwrap()
    }

    fn items(&self) -> Vec<Item> {
        let reader = Reader::new(&self.layout, VAULT).unwrap();
        reader.map(Result::unwrap).collect()
    }

    fn entries(&self) -> Vec<Entry> {
        self.items().into_iter().filter_map(entry).collect()
    }

    fn quarantined(&self) -> Vec<Vec<u8>> {
        let Ok(dir) = fs::read_dir(self.layout.quarantine()) else {
            return Vec::new();
        };
        dir.map(|file| fs::read(file.unwrap().path()).unwrap())
            .collect()
    }
}

fn entry(item: Item) -> Option<Entry> {
    match item {
        Item::Entry { entry, .. } => Some(entry),
        Item::Damage(_) | Item::TornTail(_) => None,
    }
}

fn lost(n: u8) -> Event {
    Event::Lost {
        hash: Hash128([n; 16]),
    }
}

fn pop3() -> Identity {
    Identity {
        account: "work".to_owned(),
        server: "me@example.org@pop.example.org:995".to_owned(),
        uid: Uid::Uidl(b"a\"%\\\xff".as_slice().into()),
        dir: None,
    }
}

fn imap() -> Identity {
    Identity {
        account: "home".to_owned(),
        server: "me@imap.example.net:993".to_owned(),
        uid: Uid::Imap {
            uidvalidity: 7,
            uid: 42,
        },
        dir: Some(".Entw&APw-rfe.a\\2eb".to_owned()),
    }
}

fn seen(identity: Identity) -> Seen {
    Seen {
        identity,
        octets: Some(1000),
        hash: Hash128([0x11; 16]),
        got: Hash128([0x11; 16]),
        header: Hash128([0x22; 16]),
        mid: Some(b"<x@example.org>".as_slice().into()),
        idate: None,
        flags: "FS".to_owned(),
        kw: String::new(),
        received: 1_700_000_000,
        size: 1000,
        wire: 1000,
        stored: 500,
    }
}

/// The chain as the format describes it, with nothing of ours but BLAKE3.
fn naive_file(bodies: &[String]) -> String {
    let mut c = "0".repeat(16);
    let mut file = String::new();
    for body in bodies {
        let digest = blake3::hash(format!("{c}{body}").as_bytes()).to_hex();
        c = digest.as_str()[..16].to_owned();
        file.extend([body, ",\"c\":\"", &c, "\"}\n"]);
    }
    file
}

#[test]
#[expect(clippy::too_many_lines, reason = "one case for each kind of event")]
fn every_event_has_exactly_these_bytes() {
    let id1 = "1".repeat(32);
    let id2 = "2".repeat(32);
    let hash = Hash128([0x11; 16]);
    let pop = "\"account\":\"work\",\"proto\":\"pop3\",\
        \"server\":\"me@example.org@pop.example.org:995\",\"uidl\":\"a%22%25%5c%ff\"";
    let map = "\"account\":\"home\",\"proto\":\"imap\",\"server\":\"me@imap.example.net:993\",\
        \"dir\":\".Entw&APw-rfe.a%5c2eb\",\"uidvalidity\":7,\"uid\":42";
    let (flags, kw) = ("S".to_owned(), "$Junk a%b".to_owned());
    let (octets, reply, tries) = (None, b"-ERR no\r\n".as_slice().into(), 3);
    let cases: Vec<(Event, String)> = vec![
        (
            Event::Folder {
                account: "home".to_owned(),
                dir: String::new(),
                name: b"INBOX".as_slice().into(),
                delim: Some(b'\\'),
                uidvalidity: 7,
            },
            "\"ev\":\"folder\",\"account\":\"home\",\"dir\":\"\",\"name\":\"INBOX\",\
             \"delim\":\"%5c\",\"uidvalidity\":7"
                .to_owned(),
        ),
        (
            Event::Folder {
                account: "home".to_owned(),
                dir: ".x".to_owned(),
                name: b"x".as_slice().into(),
                delim: None,
                uidvalidity: 8,
            },
            "\"ev\":\"folder\",\"account\":\"home\",\"dir\":\".x\",\"name\":\"x\",\
             \"delim\":null,\"uidvalidity\":8"
                .to_owned(),
        ),
        (
            Event::Seen(Box::new(seen(pop3()))),
            format!(
                "\"ev\":\"seen\",{pop},\"octets\":1000,\"hash\":\"{id1}\",\"got\":null,\
             \"header\":\"{id2}\",\"mid\":\"<x@example.org>\",\"idate\":null,\"flags\":\"FS\",\
             \"kw\":\"\",\"received\":1700000000,\"size\":1000,\"wire\":null,\"stored\":500"
            ),
        ),
        (
            Event::Seen(Box::new(Seen {
                octets: None,
                got: Hash128([0x22; 16]),
                mid: None,
                idate: Some(-5),
                wire: 1010,
                ..seen(imap())
            })),
            format!(
                "\"ev\":\"seen\",{map},\"octets\":null,\"hash\":\"{id1}\",\"got\":\"{id2}\",\
             \"header\":\"{id2}\",\"mid\":null,\"idate\":-5,\"flags\":\"FS\",\
             \"kw\":\"\",\"received\":1700000000,\"size\":1000,\"wire\":1010,\"stored\":500"
            ),
        ),
        (
            Event::Flags {
                identity: imap(),
                flags: flags.clone(),
                kw: kw.clone(),
            },
            format!("\"ev\":\"flags\",{map},\"flags\":\"S\",\"kw\":\"$Junk a%25b\""),
        ),
        (
            Event::Vanished {
                identity: pop3(),
                flags: flags.clone(),
                kw: kw.clone(),
            },
            format!("\"ev\":\"vanished\",{pop},\"flags\":\"S\",\"kw\":\"$Junk a%25b\""),
        ),
        (
            Event::Reappeared {
                identity: imap(),
                flags,
                kw,
            },
            format!("\"ev\":\"reappeared\",{map},\"flags\":\"S\",\"kw\":\"$Junk a%25b\""),
        ),
        (
            Event::Refused {
                identity: Identity {
                    uid: Uid::Absent,
                    ..pop3()
                },
                octets,
                reply,
                tries,
            },
            format!(
                "\"ev\":\"refused\",{},\"octets\":null,\"reply\":\"-ERR no%0d%0a\",\"tries\":3",
                pop.replace("\"a%22%25%5c%ff\"", "null")
            ),
        ),
        (
            Event::PurgeIntent {
                identity: pop3(),
                hash,
            },
            format!("\"ev\":\"purge-intent\",{pop},\"hash\":\"{id1}\""),
        ),
        (
            Event::Purged {
                identity: imap(),
                hash,
            },
            format!("\"ev\":\"purged\",{map},\"hash\":\"{id1}\""),
        ),
        (
            Event::PurgeKept {
                identity: pop3(),
                hash,
            },
            format!("\"ev\":\"purge-kept\",{pop},\"hash\":\"{id1}\""),
        ),
        (
            Event::Adopted {
                account: "work".to_owned(),
                file: "mail/work/cur/ü".as_bytes().into(),
                hash,
            },
            format!(
                "\"ev\":\"adopted\",\"account\":\"work\",\"file\":\"mail/work/cur/%c3%bc\",\
             \"hash\":\"{id1}\""
            ),
        ),
        (lost(0x11), format!("\"ev\":\"lost\",\"hash\":\"{id1}\"")),
        (
            Event::Forgotten {
                hash,
                reason: "asked".to_owned(),
            },
            format!("\"ev\":\"forgotten\",\"hash\":\"{id1}\",\"reason\":\"asked\""),
        ),
        (
            Event::Verified {
                scope: "all".to_owned(),
                damage: 0,
            },
            "\"ev\":\"verified\",\"scope\":\"all\",\"damage\":0".to_owned(),
        ),
        (
            Event::Learned {
                account: "work".to_owned(),
                key: "capa".to_owned(),
                value: "no".to_owned(),
            },
            "\"ev\":\"learned\",\"account\":\"work\",\"key\":\"capa\",\"value\":\"no\"".to_owned(),
        ),
        (
            Event::Uploaded {
                destination: "me@imap.example.net:993".to_owned(),
                folder: "Old".to_owned(),
                hash,
                uid: Some(9),
            },
            format!(
                "\"ev\":\"uploaded\",\"destination\":\"me@imap.example.net:993\",\
             \"folder\":\"Old\",\"hash\":\"{id1}\",\"uid\":9"
            ),
        ),
        (
            Event::Chain {
                file: "ledger/2026-10.jsonl".to_owned(),
                first: 100,
                last: 299,
                copy: "quarantine/x".to_owned(),
            },
            "\"ev\":\"chain\",\"file\":\"ledger/2026-10.jsonl\",\"first\":100,\"last\":299,\
             \"copy\":\"quarantine/x\""
                .to_owned(),
        ),
        (
            Event::Session(Session {
                account: "work".to_owned(),
                proto: Proto::Pop3,
                complete: true,
                listed: 10,
                new: 3,
                duplicates: 2,
                refused: 1,
                octets: u64::MAX,
                result: 9,
            }),
            "\"ev\":\"session\",\"account\":\"work\",\"proto\":\"pop3\",\"complete\":1,\
             \"listed\":10,\"new\":3,\"duplicates\":2,\"refused\":1,\
             \"octets\":18446744073709551615,\"result\":9"
                .to_owned(),
        ),
        (
            Event::Unknown("later".to_owned()),
            "\"ev\":\"later\"".to_owned(),
        ),
    ];
    let head = |seq: usize| format!("{{\"v\":1,\"seq\":{seq},\"t\":\"2026-11-22T18:00:00.000Z\",");
    let mut bodies = vec![format!(
        "{}\"ev\":\"open\",\"vault\":\"{VAULT}\",\"month\":\"2026-11\",\"prev\":null",
        head(1)
    )];
    bodies.extend((2..).zip(&cases).map(|(seq, case)| head(seq) + &case.1));
    let events: Vec<Event> = cases.into_iter().map(|case| case.0).collect();

    let scratch = Scratch::new();
    let appended = scratch.append(&events, NOW);
    assert_eq!(
        appended,
        Appended {
            first: 2,
            time: NOW
        }
    );
    let text = fs::read_to_string(scratch.path()).unwrap();
    assert_eq!(text, naive_file(&bodies));
    let read: Vec<Event> = scratch.entries().into_iter().map(|e| e.event).collect();
    assert_eq!(read, events);
}

#[test]
fn unknown_fields_are_ignored_and_missing_ones_are_damage() {
    let scratch = Scratch::new();
    let head =
        |seq: usize| format!("{{\"v\":1,\"seq\":{seq},\"t\":\"2026-11-22T18:00:0{seq}.000Z\",");
    let hash = "1".repeat(32);
    let bodies = [
        format!(
            "{}\"ev\":\"open\",\"vault\":\"{VAULT}\",\"month\":\"2026-11\",\"prev\":null",
            head(1)
        ),
        format!(
            "{}\"x\":1,\"ev\":\"lost\",\"y\":\"%00\",\"hash\":\"{hash}\",\"z\":null",
            head(2)
        ),
        format!("{}\"ev\":\"lost\",\"hsah\":\"{hash}\"", head(3)),
        format!("{}\"ev\":\"lost\",\"hash\":\"{hash}\"", head(4)),
        format!("{}\"ev\":\"lost\",\"hash\":\"{hash}\"", head(5)),
    ];
    fs::write(scratch.path(), naive_file(&bodies)).unwrap();
    let items = scratch.items();
    let numbers: Vec<u64> = items
        .iter()
        .cloned()
        .filter_map(entry)
        .map(|e| e.seq)
        .collect();
    assert_eq!(numbers, [2, 4, 5]);
    assert!(matches!(&items[1], Item::Damage(d) if d.detail.contains("no sense")));
}

#[test]
fn a_line_of_a_later_version_is_refused() {
    let scratch = Scratch::new();
    let time = "2026-11-22T18:00:00.000Z";
    let bodies = [
        format!(
            "{{\"v\":1,\"seq\":1,\"t\":\"{time}\",\"ev\":\"open\",\"vault\":\"{VAULT}\",\"month\":\"2026-11\",\"prev\":null"
        ),
        format!("{{\"v\":2,\"seq\":2,\"t\":\"{time}\",\"ev\":\"lost\""),
    ];
    fs::write(scratch.path(), naive_file(&bodies)).unwrap();
    let mut reader = Reader::new(&scratch.layout, VAULT).unwrap();
    assert!(matches!(reader.next(), Some(Err(Error::Format { .. }))));
    assert!(reader.next().is_none());
    let opened = Ledger::open(&scratch.layout, VAULT, None);
    assert!(matches!(opened, Err(Error::Format { .. })));
    assert_eq!(
        fs::read_to_string(scratch.path()).unwrap(),
        naive_file(&bodies)
    );
}

#[test]
fn an_append_cut_anywhere_leaves_only_its_whole_lines() {
    let scratch = Scratch::new();
    scratch.append(&[lost(1), lost(2)], NOW);
    let before = fs::read(scratch.path()).unwrap();
    scratch.append(&[lost(3), lost(4), lost(5)], NOW + 10);
    let after = fs::read(scratch.path()).unwrap();
    for cut in before.len()..after.len() {
        let kept = &after[..cut];
        fs::write(scratch.path(), kept).unwrap();
        let _ = fs::remove_dir_all(scratch.layout.quarantine());
        let whole = kept.iter().rposition(|&b| b == b'\n').unwrap() + 1;
        let told = scratch.items();
        assert_eq!(
            matches!(told.last(), Some(Item::TornTail(_))),
            whole != cut,
            "cut at {cut}"
        );

        let (mut ledger, opened) = scratch.open();
        assert_eq!(fs::read(scratch.path()).unwrap(), after[..whole]);
        assert!(opened.damage.is_empty());
        assert_eq!(opened.torn.len(), usize::from(whole != cut));
        let tails: Vec<&[u8]> = Some(&after[whole..cut])
            .into_iter()
            .filter(|t| !t.is_empty())
            .collect();
        assert_eq!(scratch.quarantined(), tails);

        ledger.append(&[lost(9)], NOW).unwrap();
        let items = scratch.items();
        let numbers: Vec<u64> = items
            .iter()
            .cloned()
            .filter_map(entry)
            .map(|e| e.seq)
            .collect();
        let lines = memchr::memchr_iter(b'\n', &after[..whole]).count() as u64;
        assert_eq!(numbers, (2..=lines + 1).collect::<Vec<_>>(), "cut at {cut}");
        assert_eq!(numbers.len(), items.len());
    }
}

#[test]
fn an_append_of_one_line_is_there_or_not() {
    let scratch = Scratch::new();
    scratch.append(&[lost(1)], NOW);
    let before = fs::read(scratch.path()).unwrap();
    scratch.append(&[Event::Seen(Box::new(seen(imap())))], NOW);
    let after = fs::read(scratch.path()).unwrap();
    for cut in before.len()..after.len() {
        fs::write(scratch.path(), &after[..cut]).unwrap();
        scratch.open();
        assert_eq!(fs::read(scratch.path()).unwrap(), before, "cut at {cut}");
    }
}

#[test]
fn pages_of_an_append_may_be_missing_in_the_middle() {
    let scratch = Scratch::new();
    scratch.append(&[lost(1)], NOW);
    let before = fs::read(scratch.path()).unwrap();
    scratch.append(&[lost(2), lost(3), lost(4), lost(5), lost(6)], NOW);
    let mut torn = fs::read(scratch.path()).unwrap();
    torn[before.len() + 5..before.len() + 150].fill(0);
    fs::write(scratch.path(), &torn).unwrap();
    let (_, opened) = scratch.open();
    assert_eq!(fs::read(scratch.path()).unwrap(), before);
    assert_eq!(scratch.quarantined(), [&torn[before.len()..]]);
    let (tail, copy) = &opened.torn[0];
    assert_eq!(
        (tail.first, tail.len),
        (before.len() as u64, (torn.len() - before.len()) as u64)
    );
    let copy = scratch.layout.root().join(copy.as_ref().unwrap());
    assert_eq!(fs::read(copy).unwrap(), torn[before.len()..]);
}

#[test]
fn a_first_append_that_was_torn_leaves_no_file() {
    let scratch = Scratch::new();
    scratch.append(&[lost(1)], NOW);
    let whole = fs::read(scratch.path()).unwrap();
    for cut in 0..whole.iter().position(|&b| b == b'\n').unwrap() {
        fs::write(scratch.path(), &whole[..cut]).unwrap();
        assert!(matches!(scratch.items()[..], [Item::TornTail(_)]));
        let (ledger, _) = scratch.open();
        assert_eq!(ledger.position(), None);
        assert!(!scratch.path().exists(), "cut at {cut}");
    }
    scratch.append(&[lost(1)], NOW);
    assert_eq!(fs::read(scratch.path()).unwrap(), whole);
}

#[test]
fn an_empty_newest_file_is_removed() {
    let scratch = Scratch::new();
    scratch.append(&[lost(1)], NOW);
    let empty = scratch.layout.ledger("2026-12");
    fs::write(&empty, "").unwrap();
    let torn = TornTail {
        file: "ledger/2026-12.jsonl".to_owned(),
        first: 0,
        len: 0,
    };
    assert_eq!(scratch.items().last(), Some(&Item::TornTail(torn.clone())));
    let (ledger, opened) = scratch.open();
    assert!(!empty.exists());
    assert_eq!(opened.torn, [(torn, None)]);
    assert_eq!(ledger.position().unwrap().seq, 2);
}

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
    for file in chain::files(&scratch.layout).unwrap() {
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
                // What is still told was written so.
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
            &[Event::Chain {
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
fn an_event_that_fits_no_line_is_not_written() {
    let scratch = Scratch::new();
    let (mut ledger, _) = scratch.open();
    let huge = Event::Forgotten {
        hash: Hash128([0; 16]),
        reason: "x".repeat(MAX_LINE),
    };
    assert!(ledger.append(&[lost(1), huge], NOW).is_err());
    assert!(!scratch.path().exists());
    ledger.append(&[lost(1)], NOW).unwrap();
    assert_eq!(scratch.entries().len(), 1);
}

#[test]
fn a_refusal_keeps_512_bytes_of_the_reply() {
    let scratch = Scratch::new();
    let refused = |len| Event::Refused {
        identity: pop3(),
        octets: Some(1),
        reply: vec![0xff; len].into(),
        tries: 1,
    };
    scratch.append(&[refused(600)], NOW);
    assert_eq!(scratch.entries()[0].event, refused(512));
}

#[test]
fn each_month_has_its_file_and_names_the_end_of_the_last() {
    let scratch = Scratch::new();
    let (mut ledger, _) = scratch.open();
    ledger.append(&[lost(1)], NOW).unwrap();
    let end = ledger.position().unwrap().clone();
    let appended = ledger.append(&[lost(2)], NOW + 70 * 86_400_000).unwrap();
    assert_eq!(appended.first, 4);
    let text = fs::read_to_string(scratch.layout.ledger("2027-01")).unwrap();
    let open = format!(
        "{{\"v\":1,\"seq\":3,\"t\":\"2027-01-31T18:00:00.000Z\",\"ev\":\"open\",\
         \"vault\":\"{VAULT}\",\"month\":\"2027-01\",\"prev\":\"{}\",\"c\":",
        end.c
    );
    assert!(text.starts_with(&open), "{text}");
    assert_eq!(ledger.position().unwrap().file, "ledger/2027-01.jsonl");
    assert_eq!(scratch.items().len(), 2);
    // A writer that comes later goes on in the newest file.
    scratch.append(&[lost(3)], NOW);
    assert_eq!(scratch.entries().last().unwrap().seq, 5);
    assert_eq!(chain::files(&scratch.layout).unwrap().len(), 2);
}

#[test]
fn time_goes_on_when_the_clock_goes_back() {
    let scratch = Scratch::new();
    let (mut ledger, _) = scratch.open();
    ledger.append(&[lost(1)], NOW).unwrap();
    for (n, now) in [(1, NOW), (2, NOW - 60 * 86_400_000), (3, i64::MIN)] {
        let appended = ledger.append(&[lost(2)], now).unwrap();
        assert_eq!(appended.time, NOW + n);
    }
    assert_eq!(scratch.append(&[lost(3)], 0).time, NOW + 4);
    assert_eq!(
        chain::files(&scratch.layout).unwrap(),
        ["ledger/2026-11.jsonl"]
    );
    assert_eq!(scratch.append(&[lost(3)], i64::MAX).time, MAX_TIME);
    assert_eq!(scratch.items().len(), 6);
}

#[test]
fn nothing_to_write_writes_nothing() {
    let scratch = Scratch::new();
    let (mut ledger, opened) = scratch.open();
    assert_eq!(ledger.append(&[], NOW).unwrap().first, 1);
    assert_eq!((opened, ledger.position()), (Opened::default(), None));
    assert!(!scratch.path().exists());
}

#[test]
fn a_failed_write_ends_the_writer() {
    let scratch = Scratch::new();
    let (mut ledger, _) = scratch.open();
    ledger.append(&[lost(1)], NOW).unwrap();
    // A descriptor that cannot be written to.
    ledger.newest.as_mut().unwrap().0 = fsx::open(&scratch.path()).unwrap();
    assert!(ledger.append(&[lost(2)], NOW).is_err());
    ledger.newest.as_mut().unwrap().0 = fsx::append(&scratch.path()).unwrap();
    assert!(ledger.append(&[lost(2)], NOW).is_err());
    assert_eq!(scratch.append(&[lost(2)], NOW).first, 3);
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
            c: Mark::START,
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

fn identity() -> impl Strategy<Value = Identity> {
    let pop3 = any::<Option<Vec<u8>>>().prop_map(|uidl| {
        (
            uidl.map_or(Uid::Absent, |uidl| Uid::Uidl(uidl.into())),
            None,
        )
    });
    let imap = any::<(u32, u32, String)>()
        .prop_map(|(uidvalidity, uid, dir)| (Uid::Imap { uidvalidity, uid }, Some(dir)));
    (any::<(String, String)>(), prop_oneof![pop3, imap]).prop_map(|((account, server), id)| {
        let (uid, dir) = id;
        Identity {
            account,
            server,
            uid,
            dir,
        }
    })
}

fn hash128() -> impl Strategy<Value = Hash128> {
    any::<[u8; 16]>().prop_map(Hash128)
}

fn any_seen() -> impl Strategy<Value = Event> {
    let sizes = any::<(Option<u64>, Option<i64>, u32, u64, u64, u64)>();
    let texts = any::<(Option<Vec<u8>>, String, String)>();
    (identity(), hash128(), hash128(), sizes, texts).prop_map(|(identity, hash, got, n, text)| {
        Event::Seen(Box::new(Seen {
            identity,
            octets: n.0,
            hash,
            got,
            header: got,
            mid: text.0.map(Into::into),
            idate: n.1,
            flags: text.1,
            kw: text.2,
            received: n.2,
            size: n.3,
            wire: n.4,
            stored: n.5,
        }))
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        any_seen(),
        any::<(String, String, Vec<u8>, Option<u8>, u32)>().prop_map(|f| Event::Folder {
            account: f.0,
            dir: f.1,
            name: f.2.into(),
            delim: f.3,
            uidvalidity: f.4,
        }),
        (identity(), any::<(String, String)>()).prop_map(|(identity, (flags, kw))| Event::Flags {
            identity,
            flags,
            kw
        }),
        (identity(), any::<(String, String)>()).prop_map(|(identity, (flags, kw))| {
            Event::Vanished {
                identity,
                flags,
                kw,
            }
        }),
        (identity(), any::<(String, String)>()).prop_map(|(identity, (flags, kw))| {
            Event::Reappeared {
                identity,
                flags,
                kw,
            }
        }),
        (identity(), any::<(Option<u64>, Vec<u8>, u32)>()).prop_map(|(identity, f)| {
            Event::Refused {
                identity,
                octets: f.0,
                reply: f.1.into(),
                tries: f.2,
            }
        }),
        (identity(), hash128()).prop_map(|(identity, hash)| Event::PurgeIntent { identity, hash }),
        (identity(), hash128()).prop_map(|(identity, hash)| Event::Purged { identity, hash }),
        (identity(), hash128()).prop_map(|(identity, hash)| Event::PurgeKept { identity, hash }),
        (any::<(String, Vec<u8>)>(), hash128()).prop_map(|(f, hash)| Event::Adopted {
            account: f.0,
            file: f.1.into(),
            hash,
        }),
        (any::<String>(), hash128()).prop_map(|(reason, hash)| Event::Forgotten { hash, reason }),
        any::<(String, u64)>().prop_map(|(scope, damage)| Event::Verified { scope, damage }),
        any::<(String, String, String)>().prop_map(|(account, key, value)| Event::Learned {
            account,
            key,
            value
        }),
        (any::<(String, String, Option<u32>)>(), hash128()).prop_map(|(f, hash)| {
            Event::Uploaded {
                destination: f.0,
                folder: f.1,
                hash,
                uid: f.2,
            }
        }),
        any::<(String, u64, u64, String)>().prop_map(|(file, first, last, copy)| {
            Event::Chain {
                file,
                first,
                last,
                copy,
            }
        }),
        any::<(String, bool, bool, u64, u64, u8)>().prop_map(|f| Event::Session(Session {
            account: f.0,
            proto: if f.1 { Proto::Pop3 } else { Proto::Imap },
            complete: f.2,
            listed: f.3,
            new: f.4,
            duplicates: f.3,
            refused: f.4,
            octets: f.3,
            result: f.5,
        })),
        "[A-Z]{1,5}".prop_map(Event::Unknown),
    ]
}

proptest! {
    #[test]
    fn every_event_comes_back(event in any_event(), seq in 1..1_u64 << 62, time in 0..=MAX_TIME) {
        let mut out = Vec::new();
        encode(&mut out, seq, time, &event, Mark::START);
        prop_assert!(out.len() <= MAX_LINE);
        let (body, _) = line::split(out.strip_suffix(b"\n").unwrap()).unwrap();
        let entry = Entry { seq, time, event };
        prop_assert_eq!(decode::decode(body), Ok(decode::Line::Entry(entry)));
    }

    #[test]
    fn no_body_is_too_strange_to_be_judged(
        tail in "(,\"[a-z]{1,6}\":(null|-?[0-9]{1,3}|\"[ -~]{0,8}\")){0,6}",
        ev in "seen|folder|open|session|refused|x"
    ) {
        let head = "{\"v\":1,\"seq\":1,\"t\":\"2026-11-22T18:00:00.000Z\",\"ev\":";
        let body = format!("{head}\"{ev}\"{tail}");
        let judged = decode::decode(body.as_bytes());
        prop_assert!(judged.is_ok() || judged == Err(decode::Fault::Bad));
    }

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
