//! The index, read back piece by piece as a browser does it.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::piece::tests::unpacked;
use super::*;
use crate::base::account_name::AccountNames;
use crate::export::Format;
use crate::mail::markup::nasty;
use crate::mail::words::words;
use crate::vault::catalog::{SiteLetter, ThreadBounds};

const BOUNDS: ThreadBounds = ThreadBounds {
    messages: 50,
    weight: 1 << 20,
};

fn letter(n: u32, from: &str, subject: &str) -> SiteLetter {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
    id[4..8].copy_from_slice(&n.to_be_bytes());
    SiteLetter {
        id: Hash128(id),
        path: "x".into(),
        octets: 5_000,
        date: 1_600_000_000 + 3_600 * i64::from(n),
        from: from.to_owned(),
        to: String::new(),
        subject: subject.to_owned(),
        flags: if n.is_multiple_of(3) { "" } else { "S" }.into(),
        folder: 1,
        listed: 0,
        attachments: u64::from(n.is_multiple_of(5)),
        weight: 10,
    }
}

fn open(root: &Path) -> ExportPlace {
    let accounts = ["work".to_owned()];
    let names = AccountNames::default();
    ExportPlace::open(root, Format::Html, false, &accounts, &names).unwrap()
}

/// Writes the index of these messages.
fn write(root: &Path, letters: impl Iterator<Item = SiteLetter>) {
    let (mut place, mut index) = (open(root), SiteIndex::new().unwrap());
    let mut search = SearchIndex::new();
    for letter in letters {
        search.list(letter.id, "work", "INBOX/Sub").unwrap();
        let fields = SearchedFields {
            from: &letter.from,
            subject: &letter.subject,
            to: "Bob <bob@example.org>",
            files: vec!["plan.pdf"],
        };
        search.add(letter.id, &fields).unwrap();
        index.add(&letter, &[]).unwrap();
    }
    index.arrange(BOUNDS).unwrap();
    search.finish(&index, &mut place).unwrap();
    assert!(place.finish().unwrap().is_empty());
}

fn piece(root: &Path, name: &str, file: &str) -> Vec<u8> {
    let bytes = fs::read(root.join(format!("search/{file}.js"))).unwrap();
    assert!(bytes.len() <= 48_000 || file.starts_with("rows"), "{file}");
    unpacked(name, &bytes)
}

fn values(piece: &[u8]) -> Value {
    serde_json::from_slice(piece).unwrap()
}

fn number(piece: &mut &[u8]) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (byte, rest) = piece.split_first().unwrap();
        *piece = rest;
        value |= usize::from(byte & 127) << shift;
        shift += 7;
        if byte & 128 == 0 {
            return value;
        }
    }
}

/// The fields that have a term, by message, and in how many segments the messages are.
fn read(root: &Path) -> (BTreeMap<String, BTreeMap<usize, u8>>, usize) {
    let top = values(&piece(root, "root", "root"));
    assert!(fs::metadata(root.join("search/root.js")).unwrap().len() <= 16_000);
    let (mut found, mut first) = (BTreeMap::<String, BTreeMap<usize, u8>>::new(), 0);
    let counts = top["segments"].as_array().unwrap();
    for (segment, count) in counts.iter().enumerate() {
        let end = first + usize::try_from(count.as_u64().unwrap()).unwrap();
        let table = format!("tables/{segment}");
        let size = fs::metadata(root.join(format!("search/{table}.js"))).unwrap();
        assert!(size.len() <= 16_000, "{}", size.len());
        let starts = values(&piece(root, &format!("t{segment}"), &table));
        let starts: Vec<&str> = starts
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s.as_str().unwrap())
            .collect();
        for (at, start) in starts.iter().enumerate() {
            let shard = piece(
                root,
                &format!("w{segment}-{at}"),
                &format!("words/{segment}/{at}"),
            );
            let mut rest = &shard[..];
            while !rest.is_empty() {
                let length = number(&mut rest);
                let term = std::str::from_utf8(&rest[..length]).unwrap();
                rest = &rest[length..];
                // The table leads to this shard and to no other.
                assert!(*start <= term && starts.get(at + 1).is_none_or(|next| term < *next));
                let length = number(&mut rest);
                let mut list = &rest[..length];
                rest = &rest[length..];
                let (mut message, list_of) = (end, found.entry(term.to_owned()).or_default());
                while !list.is_empty() {
                    let posting = number(&mut list);
                    message -= posting >> 4;
                    assert!(message >= first);
                    let fields = u8::try_from(posting & 15).unwrap();
                    assert!(list_of.insert(message, fields).is_none());
                }
            }
        }
        first = end;
    }
    (found, counts.len())
}

/// All that is below the root but the note, with its bytes.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut dirs) = (BTreeMap::new(), vec![root.join("search")]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Mail as it is: common words, rare ones, and addresses.
fn usual(n: u32) -> SiteLetter {
    let from = format!("Person {} <p{}@host{}.example>", n % 900, n % 900, n % 70);
    let subject = format!(
        "Invoice {n} of week {} {}",
        n % 52,
        n.wrapping_mul(40_503) % 5_000
    );
    letter(n, &from, &subject)
}

#[test]
fn all_of_a_message_is_found_at_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let mails = [usual(7), usual(3), letter(5, "=Ann=", "Grüße, grüße")];
    write(dir.path(), mails.into_iter());
    let (found, segments) = read(dir.path());
    assert_eq!(segments, 1);
    let of = |term: &str| found.get(term).cloned().unwrap_or_default();
    assert_eq!(of("grusse"), [(1, 4)].into());
    assert_eq!(of("ann"), [(1, 1)].into());
    assert_eq!(of("bob"), [(0, 2), (1, 2), (2, 2)].into());
    assert_eq!(of("pdf"), [(0, 8), (1, 8), (2, 8)].into());
    // Both the sender's number and that of the invoice.
    assert_eq!(of("7"), [(2, 5)].into());
    assert_eq!(of("is:unread"), [(0, 0)].into());
    assert_eq!(of("has:attachment"), [(1, 0)].into());
    assert_eq!(of("in:inbox/sub").len() + of("in:sub").len(), 6);
    assert_eq!(of("account:work").len(), 3);
    assert_eq!(of("date:2020").len() + of("date:2020-09").len(), 6);
    let rows = values(&piece(dir.path(), "r0", "rows/0"));
    assert_eq!(rows[1][6], "Grüße, grüße");
    assert_eq!(rows[1][1], "c");
    let texts = values(&piece(dir.path(), "x0", "texts/0"));
    let wanted = ["=Ann=", "Bob <bob@example.org>", "Grüße, grüße"];
    let wanted = serde_json::json!([wanted[0], wanted[1], wanted[2], ["plan.pdf"], 0]);
    assert_eq!(texts[1], wanted);
}

#[test]
fn a_large_index_keeps_its_bounds_and_new_mail_changes_its_end_alone() {
    let dir = tempfile::tempdir().unwrap();
    let count = 2 * segment::MESSAGES + 1_000;
    write(dir.path(), (0..count).map(usual));
    let (found, segments) = read(dir.path());
    assert_eq!(segments, 3);
    assert_eq!(found["invoice"].len(), count as usize);
    for n in (0..count).step_by(997) {
        for term in words(&usual(n).subject).split(' ') {
            assert!(found[term].contains_key(&(n as usize)), "{n}: {term}");
        }
    }
    let before = files(dir.path());
    write(dir.path(), (0..count + 100).map(usual));
    let after = files(dir.path());
    let changed = after
        .iter()
        .filter(|(name, bytes)| before.get(*name) != Some(bytes));
    let changed: BTreeSet<&str> = changed.map(|(name, _)| name.as_str()).collect();
    let old = [
        "search/words/2/",
        "search/rows/13",
        "search/texts/13",
        "search/tables/2.js",
        "search/root.js",
    ];
    assert!(
        changed
            .iter()
            .all(|name| old.iter().any(|start| name.starts_with(start))),
        "{changed:?}"
    );
    assert!(
        changed.contains("search/root.js") && changed.len() < 30,
        "{}",
        changed.len()
    );
    // Nothing new, nothing written.
    let times = |root: &Path| {
        let time = |name: &String| fs::metadata(root.join(name)).unwrap().modified().unwrap();
        after.keys().map(time).collect::<Vec<_>>()
    };
    let known = times(dir.path());
    write(dir.path(), (0..count + 100).map(usual));
    assert_eq!(times(dir.path()), known);
}

#[test]
fn words_that_nobody_else_has_make_no_table_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let odd = |n: u32| {
        let word = |m: u32| {
            format!(
                "{:x}",
                u64::from(n * 40 + m).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            )
            .repeat(4)
        };
        letter(n, "x", &(0..40).map(word).collect::<Vec<_>>().join(" "))
    };
    write(dir.path(), (0..3_000).map(odd));
    let (found, segments) = read(dir.path());
    assert!(segments > 1 && found.len() > 120_000, "{segments}");
}

#[test]
fn a_piece_that_somebody_changed_stays() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), (0..3).map(usual));
    let path = dir.path().join("search/rows/0.js");
    fs::write(&path, "mine").unwrap();
    let (mut place, mut index) = (open(dir.path()), SiteIndex::new().unwrap());
    index.add(&usual(1), &[]).unwrap();
    index.arrange(BOUNDS).unwrap();
    SearchIndex::new().finish(&index, &mut place).unwrap();
    assert_eq!(place.finish().unwrap(), [Path::new("search/rows/0.js")]);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn the_page_allows_its_script_and_is_one_text() {
    assert!(!SCRIPT.to_lowercase().contains("</script") && !SCRIPT.contains("<!--"));
    for way in [
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
    ] {
        assert!(!SCRIPT.contains(way), "{way}");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut place = open(dir.path());
    write_page(&mut place).unwrap();
    place.finish().unwrap();
    let page = fs::read_to_string(dir.path().join("search.html")).unwrap();
    assert!(page.contains(SCRIPT) && page.contains("&#39;strict-dynamic&#39;;"));
    assert!(page.contains("search\" hidden>"));
}

#[test]
#[ignore = "takes long; prints what it needs"]
#[allow(clippy::print_stderr)]
fn an_index_of_two_hundred_thousand_messages_needs_little_memory() {
    let status = || fs::read_to_string("/proc/self/status").unwrap();
    let peak = || {
        let status = status();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let mut peaks = Vec::new();
    for count in [20_000, 200_000] {
        let dir = tempfile::tempdir().unwrap();
        let start = std::time::Instant::now();
        write(dir.path(), (0..count).map(usual));
        let all = files(dir.path());
        let bytes: usize = all.values().map(Vec::len).sum();
        peaks.push(peak());
        eprintln!(
            "{count}: {} files, {bytes} bytes, {:?}, {} kB",
            all.len(),
            start.elapsed(),
            peaks[peaks.len() - 1]
        );
    }
    // This test itself reads all files.
    assert!(peaks[1] - peaks[0] < 16 << 10, "{peaks:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_word_of_any_message_is_found(
        mails in prop::collection::vec((nasty(), "\\PC{0,30}"), 1..20)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mails = mails.iter().zip(0..).map(|((from, subject), n)| letter(n, from, subject));
        let mails: Vec<_> = mails.collect();
        write(dir.path(), mails.iter().cloned());
        let (found, _) = read(dir.path());
        for (n, mail) in mails.iter().enumerate() {
            for (field, text) in [(1, &mail.from), (4, &mail.subject)] {
                for word in words(text).split(' ').filter(|word| !word.is_empty()) {
                    prop_assert!(found[word][&n] & field != 0);
                }
            }
        }
    }
}
