//! The frozen vault and its vectors in `tests/data`, written once by `vault-v1.py` from
//! docs/FORMAT.md: whatever mailvault becomes, it reads them as they are.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mailvault::mail::message::{Scanner, header_hash};
use mailvault::vault::layout::{FileName, folder_dir};

use super::support::sandbox::Sandbox;

/// Each message by its hash, with how often its file is there.
fn messages() -> Vec<(&'static str, usize, Vec<u8>)> {
    let mut long =
        b"From: grace@example.org\r\nSubject: long\r\nDate: 10 Oct 2026 10:00:00 +0000\r\n\
        Message-ID: <long@example.org>\r\n\r\n"
            .to_vec();
    for n in 0..6000 {
        long.extend_from_slice(format!("line {n} of a long message\r\n").as_bytes());
    }
    let plain: [(&str, usize, &[u8]); 13] = [
        (
            "4f36d3c3c5a8ec56da32ecc078c94cda",
            1,
            b"Received: from mx.example.net (mx (a; b)) by pop.example.org; Tue, 6 Oct 2026 08:15:00 +0200\r\n\
            From: Carol <carol@example.net>\r\nTo: ann@example.org\r\nSubject: The garden\r\n\
            Date: Tue, 6 Oct 2026 08:14:58 +0200\r\nMessage-ID: <garden.1@example.net>\r\n\r\n\
            The beans are up.\r\n.\r\n..\r\nCarol\r\n",
        ),
        (
            "be4abe3a9d150555e3dde529a7a1d141",
            1,
            b"From: dave@example.com\nSubject: bare LF\nDate: 1 Jan 99 00:00 EST\n\
            Message-ID: <lf@example.com>\n\none\ntwo\r\nthree",
        ),
        (
            "231b5093b877522a5e21cacdd445c01d",
            1,
            b"From: erin@example.com\r\nSubject: NUL\r\nDate: 7 Oct 2026 10:00:00 Z\r\n\
            Message-ID: <nul@example.com>\r\n\r\na\0b\0\0\r\nbare \r CR\r\n",
        ),
        (
            "27b28bde513d0d36a19b8fc748a9aa2e",
            1,
            b"From: Andr\xe9 <andre@example.org>\r\nSubject: caf\xe9 \xff\r\n\
            Message-ID: <\xe9@example.org>\r\nDate: 8 Oct 2026 10:00 -0330\r\n\r\n\x80\xfe\r\n",
        ),
        ("af1349b9f5f9a1a6a0404dea36dcc949", 1, b""),
        (
            "edf03af5e56dc90c82f2a9afedd14c4a",
            1,
            b"From: frank@example.org\r\nSubject: only\r\n\ta header\r\n\
            Date: 9 Oct 2026 10:00:00 +0000\r\nStatus: RO\r\nMessage-ID: <header@example.org>\r\n",
        ),
        (
            "259ad9fd2607cd04852d762cc72b806a",
            1,
            b"From: heidi@example.org\r\nSubject: gzip\r\nDate: 11 Oct 2026 10:00:00 +0000\r\n\
            Message-ID: <gzip@example.org>\r\n\r\nin another form\r\n",
        ),
        (
            "aaed282c252c693e7fd0f405e87e92ff",
            1,
            b"From: ivan@example.org\r\nSubject: plain\r\nDate: 12 Oct 2026 10:00:00 +0000\r\n\
            Message-ID: <plain@example.org>\r\n\r\nas it is\r\n",
        ),
        (
            "ecf2a1869bce2065faf1aff0668b6b96",
            1,
            b"From: judy@example.org\r\nSubject: frames\r\nDate: 13 Oct 2026 10:00:00 +0000\r\n\
            Message-ID: <frames@example.org>\r\n\r\ntwo and a skippable one\r\n",
        ),
        (
            "9269d8e8301458828a40973ee64577f7",
            1,
            b"From: mallory@example.org\r\nSubject: no id\r\n\
            Received: by mx.example.org; yesterday\r\n\r\nno date either\r\n",
        ),
        (
            "55c7f1fcca8abd61874d6a79af89cca0",
            2,
            b"From: niaj@example.net\r\nSubject: flagged\r\nDate: 2 Nov 2026 10:00:00 +0000\r\n\
            Message-ID: <flagged@example.net>\r\n\r\nin two folders\r\n",
        ),
        (
            "ba1d7d36955c15c0fcf39a1886d0a75f",
            1,
            b"From: olivia@example.net\r\nSubject: lost and found\r\n\
            Date: 3 Nov 2026 10:00:00 +0000\r\nMessage-ID: <lost@example.net>\r\n\r\nhere again\r\n",
        ),
        (
            "c2fb6c08e4f955262510b72ee7261457",
            1,
            b"From: rupert@example.net\r\nSubject: adopted\r\nDate: 5 Nov 2026 10:00:00 +0000\r\n\
            Message-ID: <adopted@example.net>\r\n\r\nput there by hand\r\n",
        ),
    ];
    let plain = plain
        .into_iter()
        .map(|(id, files, bytes)| (id, files, bytes.to_vec()));
    plain
        .chain([("137f25d30f811357c4cb9629860095de", 1, long)])
        .collect()
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// The files below a folder by their path from there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_path_buf();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// A sandbox whose vault is a copy of the frozen one, as a fresh checkout has it: git
/// keeps no empty folders.
fn sandbox() -> Sandbox {
    sandbox_of("vault-v1")
}

fn sandbox_of(vault: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    for (name, bytes) in files(&data(vault)) {
        sandbox.write(
            Path::new("vault").join(name).to_str().unwrap(),
            bytes,
            0o600,
        );
    }
    sandbox
}

#[test]
fn the_frozen_vault_is_whole_and_stays_as_it_is() {
    let sandbox = sandbox();
    let verified = sandbox.run(&["verify", "--read-data"]);
    verified.expect(
        0,
        "ann  11 of 11 messages good\nbob  4 of 4 messages good\n",
        "",
    );
    let _ = sandbox.run(&["list"]).expect_code(0);
    let now = files(&sandbox.vault());
    for (name, bytes) in files(&data("vault-v1")) {
        // Who holds the lock writes who it is.
        if name == Path::new("lock") {
            continue;
        }
        let after = &now[&name];
        let grew = name.starts_with("ledger") && after.starts_with(&bytes);
        assert!(*after == bytes || grew, "{} changed", name.display());
    }
    let count = |files: &BTreeMap<PathBuf, Vec<u8>>| {
        let mail = files.keys().filter(|name| name.starts_with("mail"));
        mail.count()
    };
    assert_eq!(count(&now), count(&files(&data("vault-v1"))));
}

#[test]
fn every_frozen_message_comes_back_to_the_byte() {
    let sandbox = sandbox();
    let mut files_there = 0;
    for (id, files, bytes) in messages() {
        let shown = sandbox.run(&["show", "--raw", id]).expect_code(0);
        assert!(shown.stdout == bytes, "{id} differs: {shown}");
        files_there += files;
    }
    let names = files(&data("vault-v1")).into_keys();
    let names: Vec<String> = names
        .filter_map(|name| Some(name.file_name()?.to_str()?.to_string()))
        .collect();
    let ours = names.iter().filter(|name| FileName::parse(name).is_some());
    assert_eq!(ours.count(), files_there, "a message is not looked at here");
    // It was removed on purpose, and the duplicate never had a file.
    for id in ["forgotten", "duplicate"] {
        let hash = match id {
            "forgotten" => ledger_hash("\"ev\":\"forgotten\"", "\"hash\":\""),
            _ => ledger_hash("\"got\":\"", "\"got\":\""),
        };
        let _ = sandbox.run(&["show", "--raw", &hash]).expect_code(18);
    }
}

/// The hash after `key` in the first ledger line that holds `mark`.
fn ledger_hash(mark: &str, key: &str) -> String {
    let ledgers = files(&data("vault-v1/ledger"));
    let text: String = ledgers
        .into_values()
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect();
    let line = text.lines().find(|line| line.contains(mark)).unwrap();
    line.split_once(key).unwrap().1[..32].to_string()
}

#[test]
fn a_catalog_made_from_the_frozen_vault_knows_its_messages_and_its_history() {
    let sandbox = sandbox();
    let catalog = sandbox.vault().join("catalog.sqlite");
    assert!(!catalog.exists());
    let listed = sandbox.run(&["list", "--json"]).expect_code(0);
    assert!(catalog.exists());
    for (id, _, _) in messages() {
        assert!(listed.stdout().contains(id), "{id} is not listed\n{listed}");
    }
    let status = sandbox.run(&["status", "ann", "--json"]).expect_code(0);
    let status = status.stdout();
    for fact in ["\"messages\":11", "\"purged\":1", "\"refused\":1"] {
        assert!(status.contains(fact), "no {fact} in {status}");
    }
}

#[test]
fn how_each_frozen_message_is_known_is_read_from_its_events() {
    let sandbox = sandbox_of("vault-v1-evidence");
    let verified = sandbox.run(&["verify", "--read-data"]);
    verified.expect(
        0,
        "ann  7 of 7 messages good\nbob  2 of 2 messages good\n",
        "",
    );
    let subjects = |query: &str| {
        let run = sandbox.run(&["list", query, "--json"]).expect_code(0);
        let lines = run.stdout().lines().map(str::to_owned).collect::<Vec<_>>();
        let hits = lines.iter().filter_map(|line| {
            let hit: serde_json::Value = serde_json::from_str(line).unwrap();
            Some(hit["subject"].as_str()?.to_owned())
        });
        let mut subjects: Vec<String> = hits.collect();
        subjects.sort();
        subjects
    };
    assert_eq!(subjects("is:doubtful"), ["doubtful"]);
    assert_eq!(subjects("is:settled"), ["settled"]);
    assert_eq!(subjects("is:superseded"), ["cut"]);
    // Resemblance is what a later way to vouch comes to here.
    assert_eq!(subjects("is:recognised"), ["moved", "unstated"]);
    let all = [
        "cut", "doubtful", "moved", "received", "settled", "unstated", "wanted",
    ];
    assert_eq!(subjects("larger:1"), all);
    let status = sandbox.run(&["status", "ann", "--json"]).expect_code(0);
    for fact in [
        "\"doubtful\":1",
        "\"recognised\":1",
        "\"settled\":1",
        "\"wanted\":1",
    ] {
        assert!(status.stdout().contains(fact), "no {fact} in {status}");
    }
    let listed = sandbox.run(&["list", "doubtful"]).expect_code(0);
    assert!(listed.stdout().contains("? doubtful"), "{listed}");
}

/// `%xx` as bytes; a `%` alone is nothing, a `-` alone is none.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    if text == "-" {
        return None;
    }
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' && after.len() >= 2 {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.extend((*first != b'%').then_some(*first));
            rest = after;
        }
    }
    Some(bytes)
}

/// The words after a kind, for each vector of that kind.
fn vectors(kind: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(data("vault-v1.vectors")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(kind));
    let vectors: Vec<Vec<String>> = lines
        .map(|line| line.split_whitespace().map(ToString::to_string).collect())
        .collect();
    assert!(vectors.len() > 30, "the vectors of {kind}were not found");
    vectors
}

#[test]
fn what_is_derived_from_a_message_is_what_the_frozen_vectors_say() {
    let mut scanner = Scanner::new();
    for vector in vectors("message ") {
        let [hash, header, likeness, received, size, wire, mid, message] = &vector[..] else {
            panic!("{vector:?}");
        };
        let bytes = unescaped(message).unwrap();
        scanner.update(&bytes);
        let digest = scanner.finish();
        assert_eq!(digest.hash.to_string(), *hash, "{message}");
        assert_eq!(digest.header.to_string(), *header, "{message}");
        assert_eq!(header_hash(&bytes).to_string(), *header, "{message}");
        let alike = digest
            .likeness
            .map_or("-".to_owned(), |hash| hash.to_string());
        assert_eq!(alike, *likeness, "{message}");
        assert_eq!(digest.received.to_string(), *received, "{message}");
        assert_eq!(digest.size.to_string(), *size, "{message}");
        assert_eq!(digest.wire.to_string(), *wire, "{message}");
        assert_eq!(digest.mid, unescaped(mid), "{message}");
    }
}

#[test]
fn folders_are_spelled_as_the_frozen_vectors_say() {
    for vector in vectors("folder ") {
        let [wanted, delimiter, name] = &vector[..] else {
            panic!("{vector:?}");
        };
        let delimiter = unescaped(delimiter).map(|byte| byte[0]);
        let wanted = String::from_utf8(unescaped(wanted).unwrap()).unwrap();
        let dir = folder_dir(&unescaped(name).unwrap(), delimiter, &|_| false);
        assert_eq!(dir, wanted, "{name} at {delimiter:?}");
    }
}

#[test]
fn compressed_months_of_a_frozen_ledger_are_read_and_the_next_writer_finishes() {
    let sandbox = sandbox_of("vault-v1-months");
    let months = || -> Vec<PathBuf> {
        let ledger = files(&sandbox.vault().join("ledger"));
        ledger.into_keys().collect()
    };
    let subjects = || {
        let run = sandbox.run(&["list", "--json"]).expect_code(0);
        let all = ["august", "september", "october", "november"];
        let is_listed = |subject: &&str| run.stdout().contains(&format!("\"{subject}\""));
        assert_eq!(all.iter().filter(|subject| is_listed(subject)).count(), 4);
    };
    let before = months();
    let whole = "ann  4 of 4 messages good\n";
    sandbox.run(&["verify", "--read-data"]).expect(0, whole, "");
    subjects();
    // What the compressed September says of August.
    let on_server = sandbox.run(&["list", "on:server"]).expect_code(0);
    assert!(!on_server.stdout().contains("august"), "{on_server}");
    assert!(on_server.stdout().contains("september"), "{on_server}");
    assert_eq!(months(), before);
    sandbox.write("one.eml", "Subject: one\r\n\r\nbody\r\n", 0o600);
    let import = ["import", "one.eml", "--account", "bob"];
    let _ = sandbox.run(&import).expect_code(0);
    let after = months();
    assert!(
        !after.contains(&PathBuf::from("2026-10.jsonl")),
        "{after:?}"
    );
    for name in ["2026-08", "2026-09", "2026-10"] {
        let name = format!("{name}.jsonl.zst");
        let path = Path::new("ledger").join(name);
        let frozen = fs::read(data("vault-v1-months").join(&path)).unwrap();
        assert_eq!(fs::read(sandbox.vault().join(path)).unwrap(), frozen);
    }
    subjects();
    let verified = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    assert!(verified.stdout().contains(whole), "{verified}");
}

#[test]
fn what_was_merged_held_and_forgotten_in_a_frozen_vault_is_so() {
    let sandbox = sandbox_of("vault-v1-kept");
    let whole = "ann  4 of 4 messages good\n";
    sandbox.run(&["verify", "--read-data"]).expect(0, whole, "");
    let listed = sandbox.run(&["list", "--json"]).expect_code(0).stdout();
    for (subject, is_there) in [
        ("august", true),
        ("september", false),
        ("october", true),
        ("november", true),
        ("december", true),
    ] {
        let subject = format!("\"{subject}\"");
        assert_eq!(listed.contains(&subject), is_there, "{subject}");
    }
    let holds = sandbox.run(&["hold", "list"]).expect_code(0).stdout();
    assert!(
        holds.contains("tax") && !holds.contains("until it is decided"),
        "{holds}"
    );
    let forgets = sandbox.run(&["remember"]).expect_code(0).stdout();
    assert!(forgets.contains("1 message: her wish"), "{forgets}");
    // The message that was forgotten is told by the vault's own key.
    let kept = files(&data("vault-v1-kept").join("mail"));
    let gone = files(&data("vault-v1-months").join("mail"));
    let gone: Vec<_> = gone
        .iter()
        .filter(|(name, _)| !kept.contains_key(*name))
        .collect();
    assert_eq!(gone.len(), 1);
    let bytes = zstd::decode_all(&gone[0].1[..]).unwrap();
    sandbox.write("in/september.eml", bytes, 0o600);
    let import = ["import", "in", "--account", "ann"];
    let said = sandbox.run(&import).expect_code(0).stdout();
    assert!(said.contains("1 left out because you forgot"), "{said}");
}
