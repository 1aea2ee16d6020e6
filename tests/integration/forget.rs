//! Messages that are removed from the vault for good: nothing of them is left in it, nothing
//! brings them back, and whatever stops it, they are there as before or gone.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use mailvault::sample::{Message, Server};
use serde_json::Value;

use crate::crash::points::{self, CALLS, Point};
use crate::crash::scene::{read_log, strace};
use crate::life::ageing::age;
use crate::merge::{letter, renamed_with_another_first};
use crate::support::client::Wire;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::missing;
use crate::support::output::Ended;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, copy, lines_of, pulled, sandbox, subjects, tree};

const FORGET: [&str; 5] = ["forget", "subject:secret", "--reason", "her wish", "--yes"];

fn mail(n: usize, subject: &str) -> Message {
    let words = ["quokka", "narwhal", "pangolin", "axolotl"][n % 4];
    let text = format!(
        "Received: by mx.example.org; {} Nov 2024 10:00:00 +0000\r\nFrom: {words}@example.org\r\n\
         Subject: {subject} {words} {n}\r\nMessage-ID: <{words}-{n}@example.org>\r\n\r\n\
         The {words} {n} met another {words} {n} at the {words} {n} inn.\r\n",
        n % 28 + 1
    );
    Message {
        uidl: format!("uid-of-{words}-{n}"),
        bytes: text.into_bytes(),
    }
}

/// Every second one is to go.
fn maildrop(messages: usize) -> Vec<Message> {
    (0..messages)
        .map(|n| mail(n, ["secret", "plain"][n % 2]))
        .collect()
}

fn bytes_of(messages: &[Message], subject: &str) -> Vec<Vec<u8>> {
    let has = |message: &&Message| {
        String::from_utf8_lossy(&message.bytes).contains(&format!("Subject: {subject}"))
    };
    messages
        .iter()
        .filter(has)
        .map(|m| m.bytes.clone())
        .collect()
}

fn line(sandbox: &Sandbox, args: &[&str], kind: &str) -> Value {
    let line = lines_of(sandbox, args, kind).into_iter().next();
    line.unwrap_or_else(|| panic!("{args:?} tells no {kind}"))
}

/// What each file of a vault holds, decompressed.
fn contents(vault: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = tree(vault);
    for bytes in files.values_mut() {
        if let Ok(plain) = zstd::decode_all(&bytes[..]) {
            *bytes = plain;
        }
    }
    files
}

/// Asserts that no 16 bytes of `gone` are in any file of the vault that are in none of `kept`.
#[track_caller]
fn leaves_no_trace(vault: &Path, gone: &[Vec<u8>], kept: &[Vec<u8>]) {
    let windows = |messages: &[Vec<u8>]| -> HashSet<Vec<u8>> {
        let all = messages.iter().flat_map(|bytes| bytes.windows(16));
        all.map(<[u8]>::to_vec).collect()
    };
    let mut gone = windows(gone);
    for kept in windows(kept) {
        gone.remove(&kept);
    }
    assert!(gone.len() > 20, "too little to look for");
    for (name, bytes) in contents(vault) {
        if let Some(found) = bytes.windows(16).find(|window| gone.contains(*window)) {
            let found = String::from_utf8_lossy(found).into_owned();
            panic!("{name} still has {found:?}");
        }
    }
}

#[track_caller]
fn is_whole(sandbox: &Sandbox) {
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn nothing_of_a_forgotten_message_is_left_in_any_file() {
    let messages = maildrop(8);
    let (gone, kept) = (bytes_of(&messages, "secret"), bytes_of(&messages, "plain"));
    let (sandbox, server) = pulled(messages);
    // A closed month, a copy in another account, the index of words, what an import remembers, and
    // a quarantine with a damaged file, a file of another name and pieces of the ledger.
    age(&sandbox.vault(), 40 * 24);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    sandbox.write("in/secret.eml", &gone[0], 0o600);
    let _ = sandbox
        .run(&["import", "in", "--account", "other"])
        .expect_code(0);
    let _ = sandbox.run(&["search", "quokka"]).expect_code(0);
    let vault = sandbox.vault();
    let months = tree(&vault.join("ledger"));
    assert!(
        months.keys().any(|name| name.ends_with("jsonl.zst")),
        "{months:?}"
    );
    let stored = tree(&vault.join("mail/work/cur"));
    let (name, bytes) = stored
        .iter()
        .find(|(_, bytes)| zstd::decode_all(&bytes[..]).unwrap() == gone[1])
        .unwrap();
    let (old_name, old) = months.iter().next().unwrap();
    let plain = zstd::decode_all(&old[..]).unwrap();
    fs::create_dir_all(vault.join("quarantine")).unwrap();
    for (name, bytes) in [
        (name.clone(), &bytes[..bytes.len() - 3]),
        (format!("{name}.1"), &bytes[..]),
        (
            "1.00112233445566778899aabbccddeeff.mv,S=3,W=3:2,".to_owned(),
            bytes,
        ),
        (
            "2026-01.jsonl.77.00112233445566778899aabbccddeeff".to_owned(),
            &plain[..],
        ),
        (old_name.clone(), old),
        (format!("{old_name}.1"), &old[..old.len() - 9]),
    ] {
        fs::write(vault.join("quarantine").join(name), bytes).unwrap();
    }
    // What a Dovecot that served the tree keeps of headers, here and in an account that was merged.
    for dir in ["mail/work", "quarantine/old"] {
        fs::create_dir_all(vault.join(dir)).unwrap();
        fs::write(vault.join(dir).join("dovecot.index.cache"), &gone[0]).unwrap();
    }
    // What a killed run left of a month.
    fs::write(vault.join("ledger/2026-01.jsonl.zst.tmp"), &plain).unwrap();
    fs::write(vault.join(format!("ledger/{old_name}.tmp")), old).unwrap();
    let before = sandbox.ledger_lines();

    let _ = sandbox.run(&FORGET).expect_code(0);

    leaves_no_trace(&vault, &gone, &kept);
    let ids: Vec<String> = gone
        .iter()
        .map(|b| blake3::hash(b).to_hex()[..32].to_owned())
        .collect();
    for (name, bytes) in contents(&vault) {
        let text = format!("{name} {}", String::from_utf8_lossy(&bytes));
        assert!(ids.iter().all(|id| !text.contains(id)), "{text}");
    }
    // The rest of the ledger is what it was, to the byte.
    let after = sandbox.ledger_lines();
    let changed: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).collect();
    assert_eq!(changed.len(), gone.len() + 1, "{changed:?}");
    for (was, now) in changed {
        assert_eq!(was.len(), now.len());
        assert!(
            now.contains("\"hash\":\"--------------------------------\""),
            "{now}"
        );
    }
    is_whole(&sandbox);
    assert_eq!(subjects(&sandbox).len(), kept.len());
    let _ = sandbox.run(&["search", "quokka"]).expect_code(0);
    leaves_no_trace(&vault, &gone, &kept);
    // A catalog that is made again says the same.
    fs::remove_file(vault.join("catalog.sqlite")).unwrap();
    assert_eq!(subjects(&sandbox).len(), kept.len());
    is_whole(&sandbox);
    drop(server);
}

#[test]
fn a_folder_with_forgotten_messages_is_pulled_whole_whatever_changes_in_it() {
    let Some((dovecot, sandbox)) = pulled_over_imap() else {
        return;
    };
    let _ = sandbox.run(&FORGET).expect_code(0);
    let changes: [&[&str]; 3] = [
        &["STORE 2 +FLAGS (\\Flagged)"],
        &["STORE 4 +FLAGS (\\Deleted)", "EXPUNGE"],
        // One of those that were forgotten.
        &["STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"],
    ];
    for change in changes {
        let mut wire = Wire::imap(dovecot.imap(), "ann", PASSWORD);
        wire.tagged("SELECT INBOX");
        for command in change {
            wire.tagged(command);
        }
        wire.tagged("LOGOUT");
        for _ in 0..2 {
            let pull = line(&sandbox, &["pull", "home"], "account");
            assert_eq!(
                (&pull["new"], &pull["status"]),
                (&0.into(), &"ok".into()),
                "{pull}"
            );
        }
    }
    dovecot.deliver("ann", &[mail(7, "plain").bytes]);
    let pull = line(&sandbox, &["pull", "home"], "account");
    assert_eq!(
        (&pull["new"], &pull["status"]),
        (&1.into(), &"ok".into()),
        "{pull}"
    );
    let _ = sandbox.run(&["audit", "home"]).expect_code(0);
}

#[test]
fn a_forgotten_message_stays_away_over_both_protocols_and_costs_no_byte() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let messages = maildrop(6);
    let (gone, kept) = (bytes_of(&messages, "secret"), bytes_of(&messages, "plain"));
    let bytes: Vec<_> = messages.iter().map(|m| &m.bytes).collect();
    dovecot.deliver("ann", &bytes);
    dovecot.deliver_to("ann", ".Copies", &bytes[..3]);
    let pop3 = Account::new("work", dovecot.pop3().port(), "ann");
    let imap = Account::new("home", dovecot.imap().port(), "ann").with("protocol", "\"imap\"");
    let sandbox = sandbox(&[pop3, imap]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let _ = sandbox.run(&FORGET).expect_code(0);
    leaves_no_trace(&sandbox.vault(), &gone, &kept);
    for _ in 0..5 {
        for account in ["work", "home"] {
            let pull = line(&sandbox, &["pull", account], "account");
            let told = (&pull["new"], &pull["duplicates"], &pull["bytes"]);
            assert_eq!(told, (&0.into(), &0.into(), &0.into()), "{pull}");
            assert_eq!(pull["status"], "ok", "{pull}");
        }
    }
    let audit = sandbox.run(&["audit", "home"]).expect_code(0).stdout();
    assert!(
        audit.contains("Forgotten here on purpose: 5 messages"),
        "{audit}"
    );
    assert!(audit.contains("Everything else on"), "{audit}");
    // Under a name of its own in another folder it comes and is recognised, and so it is by a pull
    // that lists the folder again.
    dovecot.deliver_to("ann", ".Later", &bytes[..2]);
    let pull = line(&sandbox, &["pull", "home"], "account");
    assert_eq!(
        (&pull["new"], &pull["forgotten"]),
        (&0.into(), &1.into()),
        "{pull}"
    );
    let pull = line(&sandbox, &["pull", "home"], "account");
    assert_eq!(pull["new"], 0, "{pull}");
    // Imports leave it out and say so.
    for message in &messages {
        sandbox.write(&format!("in/{}.eml", message.uidl), &message.bytes, 0o600);
    }
    // One that took another way has other bytes.
    let another = [
        b"Received: by mx2.example.org; 1 Nov 2024 10:00:00 +0000\r\n",
        &gone[0][..],
    ];
    sandbox.write("in/another.eml", another.concat(), 0o600);
    for args in [
        &["import", "in", "--account", "work"][..],
        &["import", "in", "-n", "--account", "work"],
    ] {
        let imported = sandbox.run(args).expect_code(0).stdout();
        assert!(
            imported.contains("4 left out because you forgot them"),
            "{imported}"
        );
    }
    assert_eq!(subjects(&sandbox).len(), kept.len());
    is_whole(&sandbox);
    leaves_no_trace(&sandbox.vault(), &gone, &kept);
    // What is taken back comes with the next pull.
    let _ = sandbox.run(&["remember", "1"]).expect_code(0);
    let pull = line(&sandbox, &["pull", "work"], "account");
    assert_eq!(pull["new"], 3, "{pull}");
    assert_eq!(subjects(&sandbox).len(), messages.len());
    is_whole(&sandbox);
}

/// Six messages on a server, half of which are to be forgotten, and a vault that has them over IMAP.
fn pulled_over_imap() -> Option<(Dovecot, Sandbox)> {
    let dovecot = Dovecot::start(&Options::default())?;
    let messages = maildrop(6);
    let bytes: Vec<_> = messages.iter().map(|m| &m.bytes).collect();
    dovecot.deliver("ann", &bytes);
    let imap = Account::new("home", dovecot.imap().port(), "ann").with("protocol", "\"imap\"");
    let sandbox = sandbox(&[imap]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    Some((dovecot, sandbox))
}

/// True if a pull opens a folder, and does not only ask for counts.
fn opens_a_folder(sandbox: &Sandbox) -> bool {
    let run = sandbox.run(&["pull", "-vv"]).expect_code(0);
    assert!(run.stderr().contains("STATUS"), "{run}");
    run.stderr().contains("EXAMINE")
}

#[test]
fn what_is_missing_here_is_fetched_over_imap_though_nothing_changed_there() {
    let Some((_dovecot, sandbox)) = pulled_over_imap() else {
        return;
    };
    assert!(!opens_a_folder(&sandbox));

    let _ = sandbox.run(&FORGET).expect_code(0);
    // Once, to see what is left out there.
    assert!(opens_a_folder(&sandbox));
    assert!(!opens_a_folder(&sandbox));
    let _ = sandbox.run(&["remember", "1"]).expect_code(0);
    let pull = line(&sandbox, &["pull", "home"], "account");
    assert_eq!(pull["new"], 3, "{pull}");
    assert_eq!(subjects(&sandbox).len(), 6);
    assert!(!opens_a_folder(&sandbox));

    // A line of the ledger that is damaged, and the file that it spoke of.
    let months = fs::read_dir(sandbox.vault().join("ledger")).unwrap();
    let ledger = months.map(|month| month.unwrap().path()).max().unwrap();
    let text = fs::read_to_string(&ledger).unwrap();
    let lost = text.lines().rfind(|line| line.contains("\"ev\":\"seen\""));
    let lost = lost.unwrap().to_owned();
    let event: Value = serde_json::from_str(&lost).unwrap();
    let hash = event["hash"].as_str().unwrap();
    let damaged = text.replace(&lost, &lost.replacen("\"uid\":", "\"uit\":", 1));
    fs::write(&ledger, damaged).unwrap();
    let mut files = sandbox.messages("home").into_iter();
    let file = files.find(|message| message.name.contains(hash)).unwrap();
    fs::remove_file(sandbox.vault().join("mail/home/cur").join(file.name)).unwrap();
    for _ in 0..2 {
        let _ = sandbox.run(&["verify", "--repair"]);
    }
    is_whole(&sandbox);
    let pull = line(&sandbox, &["pull", "home"], "account");
    assert_eq!(pull["new"], 1, "{pull}");
    let _ = sandbox.run(&["audit", "home"]).expect_code(0);
    assert!(!opens_a_folder(&sandbox));
}

#[test]
fn another_message_under_a_forgotten_name_is_fetched() {
    let mut messages = maildrop(2);
    let (sandbox, server) = pulled(messages.clone());
    let _ = sandbox.run(&FORGET).expect_code(0);
    drop(server);
    messages[0].bytes = mail(6, "another").bytes;
    let server = Server::start_with(messages, PASSWORD).unwrap();
    configure(&sandbox, &[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let all = subjects(&sandbox);
    assert!(
        all.iter().any(|subject| subject.starts_with("another")),
        "{all:?}"
    );
}

#[test]
fn a_forget_that_cannot_be_done_changes_nothing() {
    let (sandbox, _server) = pulled(maildrop(4));
    let state = |sandbox: &Sandbox| (tree(&sandbox.vault().join("mail")), sandbox.ledger_lines());
    let refused = |args: &[&str], code: i32, said: &str| {
        let before = state(&sandbox);
        let output = sandbox.run(args).expect_code(code);
        assert!(output.stderr().contains(said), "{output}");
        assert!(before == state(&sandbox), "{args:?}");
    };
    refused(
        &["forget", "--yes", "--reason", "x"],
        2,
        "nothing is selected",
    );
    refused(
        &["forget", "subject:secret", "--yes"],
        2,
        "a reason is missing",
    );
    refused(
        &["forget", "subject:secret", "--yes", "--reason", " "],
        2,
        "a reason is missing",
    );
    refused(
        &["forget", "subject:secret", "--reason", "x"],
        2,
        "needs confirmation",
    );
    refused(
        &["forget", "--all", "x", "--reason", "x", "--yes"],
        2,
        "--all",
    );
    refused(
        &["forget", "subject:nothing", "--reason", "x", "--yes"],
        18,
        "no message in the vault matches",
    );
    refused(
        &["forget", "folder:Nowhere", "--reason", "x", "--yes"],
        2,
        "no folder in the vault",
    );
    refused(
        &["forget", "is:nothing", "--reason", "x", "--yes"],
        2,
        "is:",
    );
    refused(&["remember", "7"], 18, "under the number 7");
    sandbox.write("there.mbox", "", 0o600);
    let save = [&FORGET[..], &["--save", "there.mbox"]].concat();
    refused(&save, 2, "there.mbox exists");
    let shown = sandbox
        .run(&["forget", "-n", "subject:secret"])
        .expect_code(0)
        .stdout();
    assert!(
        shown.contains("2 messages") && shown.contains("would be removed"),
        "{shown}"
    );
    assert!(
        shown.contains("work: the server still has 2 of them"),
        "{shown}"
    );
    // Held by another, and damaged.
    let held = fs::File::open(sandbox.vault().join("lock")).unwrap();
    held.lock().unwrap();
    refused(&FORGET, 11, "in use");
    held.unlock().unwrap();
    let month = fs::read_dir(sandbox.vault().join("ledger"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&month).unwrap();
    fs::write(&month, text.replacen("\"size\":", "\"sizf\":", 1)).unwrap();
    refused(&FORGET, 20, "is damaged");
}

#[test]
fn what_is_saved_first_is_whole() {
    let messages = maildrop(4);
    let gone = bytes_of(&messages, "secret");
    let (sandbox, _server) = pulled(messages);
    let _ = sandbox
        .run(&[&FORGET[..], &["--save", "gone.mbox"]].concat())
        .expect_code(0);
    let saved = fs::read_to_string(sandbox.path("gone.mbox")).unwrap();
    for bytes in &gone {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        assert!(saved.contains(&text), "{saved}");
    }
}

#[test]
fn without_its_key_nothing_is_fetched_that_may_have_been_forgotten() {
    let (sandbox, _server) = pulled(maildrop(4));
    copy(&sandbox.vault().join("mail"), &sandbox.path("backup"));
    let _ = sandbox.run(&FORGET).expect_code(0);
    let kept = sandbox.path("kept-mail");
    copy(&sandbox.vault().join("mail"), &kept);
    sandbox.write("in/new.eml", &mail(9, "plain").bytes, 0o600);
    let key = sandbox.vault().join("tombstones.key");
    let bytes = fs::read(&key).unwrap();
    assert_eq!(bytes.len(), 32);
    let refused = || {
        for args in [
            &["pull"][..],
            &["verify"],
            &["import", "in", "--account", "other"],
        ] {
            let output = sandbox.run(args).expect_code(20);
            assert!(format!("{output}").contains("tombstones.key"), "{output}");
        }
        assert_eq!(subjects(&sandbox).len(), 2);
    };
    fs::remove_file(&key).unwrap();
    refused();
    fs::write(&key, [7; 32]).unwrap();
    refused();
    fs::write(&key, &bytes).unwrap();
    let _ = sandbox.run(&["pull"]).expect_code(0);
    fs::remove_file(&key).unwrap();
    // Nor is a file taken in that somebody put back.
    let backup = sandbox.path("backup");
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(20);
    copy(&backup, &sandbox.vault().join("mail"));
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(20);
    assert_eq!(subjects(&sandbox).len(), 2);
    fs::remove_dir_all(sandbox.vault().join("mail")).unwrap();
    copy(&kept, &sandbox.vault().join("mail"));
    let _ = sandbox.run(&["remember", "--all"]).expect_code(0);
    let pull = line(&sandbox, &["pull"], "account");
    assert_eq!(pull["new"], 2, "{pull}");
    // Whoever gave up on the key can forget again, with another one.
    let _ = sandbox.run(&FORGET).expect_code(0);
    assert_ne!(fs::read(&key).unwrap(), bytes);
    let pull = line(&sandbox, &["pull"], "account");
    assert_eq!(
        (&pull["new"], &pull["bytes"]),
        (&0.into(), &0.into()),
        "{pull}"
    );
}

#[test]
fn a_masked_line_is_good_only_if_a_later_line_names_it() {
    let (sandbox, _server) = pulled(maildrop(4));
    let _ = sandbox.run(&FORGET).expect_code(0);
    is_whole(&sandbox);
    let month = fs::read_dir(sandbox.vault().join("ledger"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let good = fs::read_to_string(&month).unwrap();
    let masked = good
        .lines()
        .find(|line| line.contains("\"hash\":\"---"))
        .unwrap();
    let other = good
        .lines()
        .find(|line| line.contains("\"how\":\"received\""))
        .unwrap();
    let hide = |line: &str| -> String {
        let value: Value = serde_json::from_str(line).unwrap();
        let mut line = line.to_owned();
        for key in ["uidl", "hash", "header", "mid", "how"] {
            let text = value[key].as_str().unwrap();
            line = line.replace(
                &format!("\"{text}\""),
                &format!("\"{}\"", "-".repeat(text.len())),
            );
        }
        line
    };
    for (from, to) in [
        // Another number in a masked line.
        (masked, masked.replacen("\"size\":2", "\"size\":3", 1)),
        // A string that was hidden, and is shown again.
        (
            masked,
            masked.replacen("\"how\":\"--------\"", "\"how\":\"received\"", 1),
        ),
        // A line that nobody masked.
        (other, hide(other)),
    ] {
        assert_ne!(from, to);
        fs::write(&month, good.replacen(from, &to, 1)).unwrap();
        let found = sandbox.run(&["verify"]).expect_code(20).stdout();
        assert!(found.contains("checksum"), "{found}");
    }
    fs::write(&month, &good).unwrap();
    is_whole(&sandbox);
}

#[test]
fn a_file_of_a_forgotten_message_that_is_put_back_is_not_taken_in() {
    let (sandbox, _server) = pulled(maildrop(4));
    let backup = sandbox.path("backup");
    copy(&sandbox.vault().join("mail"), &backup);
    let _ = sandbox.run(&FORGET).expect_code(0);
    copy(&backup, &sandbox.vault().join("mail"));
    let found = sandbox.run(&["verify", "--repair"]).stdout();
    assert!(
        found.contains("forgotten on purpose, but the file is back"),
        "{found}"
    );
    assert_eq!(subjects(&sandbox).len(), 2);
    // Unless it is taken back before.
    let _ = sandbox.run(&["remember", "--all"]).expect_code(0);
    let _ = sandbox.run(&["verify", "--repair"]);
    assert_eq!(subjects(&sandbox).len(), 4);
}

#[test]
fn a_decision_that_was_not_written_whole_is_none() {
    let (sandbox, _server) = pulled(maildrop(4));
    let vault = sandbox.vault();
    let base = sandbox.path("base");
    copy(&vault, &base);
    let month = fs::read_dir(vault.join("ledger"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let (name, before) = (month.file_name(), fs::read(month.path()).unwrap().len());
    let _ = sandbox.run(&FORGET).expect_code(0);
    let after = fs::read(month.path()).unwrap();
    let (key, manifest) = (
        fs::read(vault.join("tombstones.key")).unwrap(),
        fs::read(vault.join("vault.toml")).unwrap(),
    );
    let text = String::from_utf8_lossy(&after).into_owned();
    let decided = text.find("\"kind\":\"decided\"").unwrap();
    let decided = decided + text[decided..].find('\n').unwrap();
    // In each line of the append, and at its end; in the last one, before its end.
    let ends: Vec<usize> = (before..=decided)
        .filter(|at| after[*at] == b'\n')
        .collect();
    assert!(ends.len() > 8, "{text}");
    let cuts = ends
        .iter()
        .flat_map(|end| [end - 20, *end, end + 1])
        .filter(|cut| *cut <= decided);
    // The lines that masking changed, as they were.
    let plain = [
        &fs::read(base.join("ledger").join(&name)).unwrap()[..],
        &after[before..],
    ]
    .concat();
    for cut in cuts {
        fs::remove_dir_all(&vault).unwrap();
        copy(&base, &vault);
        fs::write(vault.join("ledger").join(&name), &plain[..cut]).unwrap();
        fs::write(vault.join("tombstones.key"), &key).unwrap();
        fs::write(vault.join("vault.toml"), &manifest).unwrap();
        assert_eq!(subjects(&sandbox).len(), 4, "{cut}");
        assert_eq!(
            sandbox.run(&["remember"]).expect_code(0).stdout(),
            "",
            "{cut}"
        );
        is_whole(&sandbox);
        // Nothing holds of it: what is lost comes again.
        let lost = fs::read_dir(vault.join("mail/work/cur"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        fs::remove_file(lost.path()).unwrap();
        let _ = sandbox.run(&["verify", "--repair"]);
        let _ = sandbox.run(&["pull"]).expect_code(0);
        is_whole(&sandbox);
        let _ = sandbox.run(&FORGET).expect_code(0);
        assert_eq!(subjects(&sandbox).len(), 2, "{cut}");
        is_whole(&sandbox);
    }
}

#[test]
fn a_reason_that_names_another_message_stays_when_that_is_forgotten() {
    let messages = maildrop(4);
    let id = blake3::hash(&messages[2].bytes).to_hex()[..32].to_owned();
    let (sandbox, _server) = pulled(messages);
    let reason = format!("see {id}");
    let first = ["forget", "subject:quokka", "--reason", &reason, "--yes"];
    let _ = sandbox.run(&first).expect_code(0);
    let query = format!("id:{id}");
    let _ = sandbox
        .run(&["forget", &query, "--reason", "second", "--yes"])
        .expect_code(0);
    let listed = sandbox.run(&["remember"]).expect_code(0).stdout();
    assert!(
        listed.contains(&reason) && listed.contains("second"),
        "{listed}"
    );
    is_whole(&sandbox);
    // The longest that there is room for, and one that is longer.
    let long = "r".repeat(4096);
    let third = ["forget", "subject:plain", "--reason", &long, "--yes"];
    let _ = sandbox.run(&third).expect_code(0);
    let longer = format!("{long} {long}");
    let refused = ["forget", "--all", "--reason", &longer, "--yes"];
    assert!(
        sandbox
            .run(&refused)
            .expect_code(2)
            .stderr()
            .contains("longer than 4096")
    );
}

#[test]
fn a_month_that_was_restored_from_a_backup_is_masked_again_by_a_repair() {
    let (sandbox, _server) = begun();
    let ledger = sandbox.vault().join("ledger");
    let (name, old) = tree(&ledger)
        .into_iter()
        .find(|(name, _)| name.ends_with("jsonl.zst"))
        .unwrap();
    let _ = sandbox.run(&FORGET).expect_code(0);
    assert_ne!(fs::read(ledger.join(&name)).unwrap(), old);
    fs::write(ledger.join(&name), &old).unwrap();
    for catalog in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
        let _ = fs::remove_file(sandbox.vault().join(catalog));
    }
    let _ = sandbox.run(&["verify"]).expect_code(20);
    let _ = sandbox.run(&["verify", "--repair"]);
    is_whole(&sandbox);
    let messages = all_of_begun();
    let (gone, kept) = (bytes_of(&messages, "secret"), bytes_of(&messages, "plain"));
    leaves_no_trace(&sandbox.vault(), &gone, &kept);
    assert_eq!(subjects(&sandbox).len(), kept.len());
}

#[test]
fn a_vault_that_died_after_the_decision_shows_nothing_of_it_to_who_cannot_write() {
    if missing("strace") {
        return;
    }
    let (sandbox, _server) = pulled(maildrop(4));
    let _ = strace(
        &sandbox,
        "-e inject=unlink,unlinkat:signal=KILL:when=1 -o /dev/null",
        &FORGET,
    );
    assert!(sandbox.messages("work").len() == 4, "it came further");
    let from = sandbox.path("from");
    copy(&sandbox.vault(), &from);
    let other = sandbox.path("other");
    let import = [
        "--vault",
        other.to_str().unwrap(),
        "import",
        from.to_str().unwrap(),
        "--create",
    ];
    let said = sandbox.run(&import).expect_code(0).stdout();
    assert!(said.contains("2 new"), "{said}");
    assert_eq!(subjects(&sandbox).len(), 2);
}

#[test]
fn what_is_held_is_not_forgotten_until_the_hold_is_released() {
    let (sandbox, _server) = pulled(maildrop(6));
    let hold = [
        "hold",
        "add",
        "tax",
        "subject:quokka",
        "--reason",
        "tax office",
    ];
    let _ = sandbox.run(&hold).expect_code(0);
    let before = (tree(&sandbox.vault().join("mail")), sandbox.ledger_lines());
    for args in [&FORGET[..], &["forget", "--all", "--reason", "x", "--yes"]] {
        let refused = sandbox.run(args).expect_code(1);
        assert!(
            refused.stderr().contains("the hold tax covers 2 messages"),
            "{refused}"
        );
        assert!(refused.stderr().contains("release tax"), "{refused}");
        assert!(before == (tree(&sandbox.vault().join("mail")), sandbox.ledger_lines()));
    }
    // What it does not cover can go, and what matches it since is covered, too.
    let one = [
        "forget",
        "subject:secret",
        "-subject:quokka",
        "--reason",
        "x",
        "--yes",
    ];
    let _ = sandbox.run(&one).expect_code(0);
    assert_eq!(subjects(&sandbox).len(), 5);
    sandbox.write("in/new.eml", &mail(8, "secret").bytes, 0o600);
    let _ = sandbox
        .run(&["import", "in", "--account", "other"])
        .expect_code(0);
    let refused = sandbox.run(&FORGET).expect_code(1);
    assert!(
        refused.stderr().contains("the hold tax covers 3 messages"),
        "{refused}"
    );
    let _ = sandbox.run(&["hold", "release", "tax"]).expect_code(0);
    let _ = sandbox.run(&FORGET).expect_code(0);
    assert_eq!(subjects(&sandbox).len(), 3);
    is_whole(&sandbox);
}

/// What a vault is like before a forget: messages in a closed month, and one in the open one.
fn begun() -> (Sandbox, Server) {
    let mut messages = maildrop(5);
    let last = messages.pop().unwrap();
    let (sandbox, server) = pulled(messages.clone());
    drop(server);
    age(&sandbox.vault(), 40 * 24);
    messages.push(last);
    let server = Server::start_with(messages, PASSWORD).unwrap();
    configure(&sandbox, &[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    // The last line of the ledger is one that is to be masked, and there is an index of words.
    sandbox.write("in/last.eml", &mail(8, "secret").bytes, 0o600);
    let _ = sandbox
        .run(&["import", "in", "--account", "other"])
        .expect_code(0);
    let _ = sandbox.run(&["search", "quokka"]).expect_code(0);
    (sandbox, server)
}

fn all_of_begun() -> Vec<Message> {
    let mut messages = maildrop(5);
    messages.push(mail(8, "secret"));
    messages
}

/// Asserts that a forget which something happened to left one of the two states, and that it can
/// be done then.
fn is_one_of_two(sandbox: &Sandbox, what: &str, seen: &mut [bool; 2]) {
    let messages = all_of_begun();
    let (gone, kept) = (bytes_of(&messages, "secret"), bytes_of(&messages, "plain"));
    let left = subjects(sandbox).len();
    assert!(
        [kept.len(), messages.len()].contains(&left),
        "{what}: {left} messages"
    );
    let is_done = left == kept.len();
    seen[usize::from(is_done)] = true;
    let verified = sandbox.run(&["verify", "--read-data"]);
    assert!(verified.ended == Ended::Exit(0), "{what}: {verified}");
    if is_done {
        leaves_no_trace(&sandbox.vault(), &gone, &kept);
    }
    let again = sandbox.run(&FORGET);
    let code = if is_done { 18 } else { 0 };
    assert!(again.ended == Ended::Exit(code), "{what}: {again}");
    leaves_no_trace(&sandbox.vault(), &gone, &kept);
    let pull = line(sandbox, &["pull", "work"], "account");
    assert_eq!(pull["bytes"], 0, "{what}: {pull}");
}

/// Which of many points are tried: those of each kind of call and file first.
fn some_of(points: Vec<Point>) -> Vec<Point> {
    if std::env::var("MAILVAULT_CRASH").is_ok_and(|asked| !asked.is_empty()) {
        return points;
    }
    let mut met = BTreeMap::new();
    let rare = |point: &Point| {
        let path = point.path.clone().unwrap_or_default();
        let is_sqlite = path.contains("catalog");
        let count: &mut usize = met.entry((point.call.clone(), path)).or_default();
        *count += 1;
        *count <= if is_sqlite { 1 } else { 2 }
    };
    let mut rare = rare;
    points
        .into_iter()
        .filter(|point| !point.reads && rare(point))
        .collect()
}

#[test]
fn a_forget_that_is_killed_or_fails_at_any_call_leaves_one_of_two_states() {
    if missing("strace") {
        return;
    }
    let (start, _server) = begun();
    let base = start.path("base");
    copy(&start.vault(), &base);
    let restore = || {
        fs::remove_dir_all(start.vault()).unwrap();
        copy(&base, &start.vault());
    };
    let log = start.path("calls");
    strace(
        &start,
        &format!("-y -e trace={CALLS} -o {}", log.display()),
        &FORGET,
    );
    let vault = fs::canonicalize(start.vault()).unwrap();
    let points = some_of(points::points(
        &read_log(&log),
        vault.to_str().unwrap(),
        CALLS,
    ));
    assert!(points.len() > 30, "too few points: {points:?}");
    let mut seen = [false; 2];
    for point in &points {
        let Some(path) = &point.path else { continue };
        let path = vault.join(path.trim_start_matches('/'));
        for fault in ["signal=KILL", "error=ENOSPC"] {
            restore();
            let inject = format!("-e inject={}:{fault}:when={}", point.call, point.n);
            let _ = strace(
                &start,
                &format!("-P {} {inject} -o /dev/null", path.display()),
                &FORGET,
            );
            is_one_of_two(&start, &format!("{point:?} {fault}"), &mut seen);
        }
    }
    assert_eq!(seen, [true; 2]);
}

/// `ledger_check.py` was written from docs/FORMAT.md alone and shares no code with mailvault.
#[test]
fn a_second_reader_finds_a_masked_ledger_good_and_a_changed_one_wrong() {
    if missing("python3") || missing("zstd") {
        return;
    }
    let (sandbox, _server) = begun();
    let _ = sandbox.run(&FORGET).expect_code(0);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/ledger_check.py");
    let (gone, kept) = (
        sandbox.write("gone", &mail(0, "secret").bytes, 0o600),
        sandbox.write("kept", &mail(1, "plain").bytes, 0o600),
    );
    let check = || {
        let mut python = sandbox.tool("python3");
        python.arg(&script).arg(sandbox.vault());
        python.arg(&gone).arg(&kept);
        let output = python.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.stderr.is_empty(), "{output:?}");
        (output.status.success(), said)
    };
    let (is_good, said) = check();
    assert!(is_good, "{said}");
    assert!(said.contains(" 6 masked\n"), "{said}");
    assert!(said.ends_with("\nforgotten\nnot forgotten\n"), "{said}");
    for entry in fs::read_dir(sandbox.vault().join("ledger")).unwrap() {
        let path = entry.unwrap().path();
        let good = fs::read(&path).unwrap();
        let mut plain = zstd::decode_all(&good[..]).unwrap_or_else(|_| good.clone());
        let at = plain
            .windows(12)
            .position(|w| w == b"\"received\":1")
            .unwrap();
        plain[at + 11] = b'3';
        if path.extension().unwrap() == "zst" {
            plain = zstd::encode_all(&plain[..], 1).unwrap();
        }
        fs::write(&path, plain).unwrap();
        let (is_good, said) = check();
        assert!(
            !is_good && (said.contains("checksum") || said.contains("masked")),
            "{said}"
        );
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn an_account_that_is_removed_with_its_mail_leaves_what_another_account_has() {
    let messages = maildrop(6);
    let work = Server::start_with(messages.clone(), PASSWORD).unwrap();
    let home = Server::start_with(messages[..2].to_vec(), PASSWORD).unwrap();
    let sandbox = sandbox(&[Account::of("work", &work), Account::of("home", &home)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let config = || fs::read_to_string(sandbox.path(".config/mailvault/config.toml")).unwrap();
    let before = config();
    for (args, said) in [
        (&["--forget", "--yes"][..], "--reason"),
        (&["--reason", "x", "--yes"], "--forget"),
        (
            &["--forget", "--reason", "", "--yes"],
            "a reason is missing",
        ),
        (&["--forget", "--reason", "x"], "needs a confirmation"),
    ] {
        let args = [&["account", "remove", "work"][..], args].concat();
        let refused = sandbox.run(&args).expect_code(2);
        assert!(refused.stderr().contains(said), "{refused}");
        assert_eq!(subjects(&sandbox).len(), 6);
        assert_eq!(config(), before);
    }
    let remove = [
        "account",
        "remove",
        "work",
        "--forget",
        "--reason",
        "left the club",
        "--yes",
    ];
    let removed = sandbox.run(&remove).expect_code(0).stdout();
    assert!(removed.contains("Removed 4 messages"), "{removed}");
    assert!(!config().contains("[accounts.work]"));
    assert_eq!(subjects(&sandbox).len(), 2);
    is_whole(&sandbox);
    let pull = line(&sandbox, &["pull"], "account");
    assert_eq!(
        (&pull["account"], &pull["bytes"]),
        (&"home".into(), &0.into()),
        "{pull}"
    );
    leaves_no_trace(
        &sandbox.vault(),
        &messages[2..]
            .iter()
            .map(|m| m.bytes.clone())
            .collect::<Vec<_>>(),
        &messages[..2]
            .iter()
            .map(|m| m.bytes.clone())
            .collect::<Vec<_>>(),
    );
}

#[test]
fn after_a_merge_no_name_is_left_out_that_stands_for_another_message() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let sandbox = renamed_with_another_first(&dovecot);
    let merge = ["account", "merge", "work", "office", "--yes"];
    let _ = sandbox.run(&merge).expect_code(0);
    // A copy that lay where no folder is goes to quarantine with the rest, and goes from there.
    let kept = sandbox.vault().join("quarantine/work/Nested/cur");
    fs::create_dir_all(&kept).unwrap();
    for (name, bytes) in tree(&sandbox.vault().join("mail/office/cur")) {
        fs::write(kept.join(name), bytes).unwrap();
    }
    let forget = ["forget", "subject:first", "--reason", "x", "--yes"];
    let _ = sandbox.run(&forget).expect_code(0);
    leaves_no_trace(
        &sandbox.vault(),
        &[letter("first").into_bytes()],
        &[letter("other").into_bytes(), letter("third").into_bytes()],
    );
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let lost = tree(&sandbox.vault().join("mail/office/cur"));
    let other = |bytes: &[u8]| zstd::decode_all(bytes).unwrap() == letter("other").into_bytes();
    let (name, _) = lost.iter().find(|(_, bytes)| other(bytes)).unwrap();
    fs::remove_file(sandbox.vault().join("mail/office/cur").join(name)).unwrap();
    let _ = sandbox.run(&["verify", "--repair"]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert!(
        subjects(&sandbox).contains("other"),
        "{:?}",
        subjects(&sandbox)
    );
    // The names of the forgotten message went with it, whichever account had them.
    let _ = sandbox.run(&["audit", "office", "--inbox"]);
    is_whole(&sandbox);
}

#[test]
fn a_forget_that_is_killed_before_its_catalogs_are_made_leaves_no_trace() {
    if missing("strace") {
        return;
    }
    let messages = maildrop(4);
    let (gone, kept) = (bytes_of(&messages, "secret"), bytes_of(&messages, "plain"));
    let (sandbox, _server) = pulled(messages);
    let _ = sandbox.run(&["search", "quokka"]).expect_code(0);
    let vault = fs::canonicalize(sandbox.vault()).unwrap();
    let texts = vault.join("catalog-text.sqlite");
    let options = format!(
        "-P {} -e inject=unlink,unlinkat:signal=KILL:when=1 -o /dev/null",
        texts.display()
    );
    let _ = strace(&sandbox, &options, &FORGET);
    assert!(texts.exists());
    assert!(
        sandbox
            .ledger_lines()
            .last()
            .unwrap()
            .contains("\"kind\":\"end\"")
    );
    assert_eq!(subjects(&sandbox).len(), 2);
    leaves_no_trace(&vault, &gone, &kept);
    is_whole(&sandbox);
}
