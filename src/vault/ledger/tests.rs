//! What the ledger promises when it is written and torn, and what its tests share.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use super::line::{MAX_LINE, MAX_TIME};
use super::{
    Appended, Evidence, Identity, Item, Ledger, LedgerEntry, LedgerEvent, Opened, Reader, Seen,
    TornTail, month,
};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::mail::source::Uid;
use crate::vault::layout::Layout;

pub(super) const VAULT: &str = "0123456789abcdef0123456789abcdef";
/// 2026-11-22T18:00:00.000Z
pub(super) const NOW: i64 = 1_795_370_400_000;

pub(super) struct Scratch {
    _dir: tempfile::TempDir,
    pub(super) layout: Layout,
}

impl Scratch {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        fs::create_dir(layout.ledger_dir()).unwrap();
        Self { _dir: dir, layout }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.layout.ledger("2026-11")
    }

    pub(super) fn open(&self) -> (Ledger, Opened) {
        Ledger::open(&self.layout, VAULT, None).unwrap()
    }

    pub(super) fn append(&self, events: &[LedgerEvent], now: i64) -> Appended {
        self.open().0.append(events, now).unwrap()
    }

    pub(super) fn items(&self) -> Vec<Item> {
        let reader = Reader::new(&self.layout, VAULT).unwrap();
        reader.map(Result::unwrap).collect()
    }

    pub(super) fn entries(&self) -> Vec<LedgerEntry> {
        self.items().into_iter().filter_map(entry).collect()
    }

    pub(super) fn quarantined(&self) -> Vec<Vec<u8>> {
        let Ok(dir) = fs::read_dir(self.layout.quarantine()) else {
            return Vec::new();
        };
        dir.map(|file| fs::read(file.unwrap().path()).unwrap())
            .collect()
    }
}

pub(super) fn entry(item: Item) -> Option<LedgerEntry> {
    match item {
        Item::Entry { entry, .. } => Some(entry),
        Item::Damage(_) | Item::TornTail(_) => None,
    }
}

pub(super) fn lost(n: u8) -> LedgerEvent {
    LedgerEvent::Lost {
        hash: Hash128([n; 16]),
    }
}

pub(super) fn pop3() -> Identity {
    Identity {
        account: "work".to_owned(),
        server: "me@example.org@pop.example.org:995".to_owned(),
        uid: Uid::Uidl(b"a\"%\\\xff".as_slice().into()),
        dir: None,
    }
}

pub(super) fn imap() -> Identity {
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

pub(super) fn seen(identity: Identity) -> Seen {
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
        evidence: Evidence::Unstated,
        object: None,
    }
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
    scratch.append(&[LedgerEvent::Seen(Box::new(seen(imap())))], NOW);
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

#[test]
fn an_event_that_fits_no_line_is_not_written() {
    let scratch = Scratch::new();
    let (mut ledger, _) = scratch.open();
    let huge = LedgerEvent::Forgotten {
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
    let refused = |len| LedgerEvent::Refused {
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
    // A later writer continues in the newest file.
    scratch.append(&[lost(3)], NOW);
    assert_eq!(scratch.entries().last().unwrap().seq, 5);
    assert_eq!(month::files(&scratch.layout).unwrap().len(), 2);
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
        month::files(&scratch.layout).unwrap(),
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
