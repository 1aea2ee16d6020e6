//! What `verify` must see, and what it can put right.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mailvault::mail::message::Hash128;
use mailvault::mail::source::Uid;
use mailvault::sample::{Message, Sample};
use mailvault::vault::Writer;
use mailvault::vault::catalog::Catalog;
use mailvault::vault::ledger::{Identity, LedgerEvent};
use rustix::process::Signal;

use crate::support::output::Ended;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{copy, json_lines, pulled, pulled_twice, tree, until_locked};

fn some_mail() -> Vec<Message> {
    Sample::of(12, 7)
}

/// The message files of `work`, sorted.
fn files(sandbox: &Sandbox) -> Vec<PathBuf> {
    let cur = sandbox.vault().join("mail/work/cur");
    let mut files: Vec<PathBuf> = fs::read_dir(cur)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The first eight digits of the message's hash.
fn id_of(file: &Path) -> String {
    let name = file.file_name().unwrap().to_str().unwrap();
    name.split('.').nth(1).unwrap()[..8].to_string()
}

#[test]
fn an_account_that_nobody_knows_is_not_verified() {
    let (sandbox, _server) = pulled(some_mail());
    sandbox.config("vault = \"$HOME/vault\"\n[accounts.home]\nhost = \"h\"\nuser = \"u\"\n");
    for args in [
        &["verify", "wrok"][..],
        &["verify", "work", "wrok", "--read-data"],
        &["verify", "../work", "--repair"],
    ] {
        let refused = sandbox.run(args).expect_code(15);
        assert!(
            refused.stderr().contains("no account is called"),
            "{refused}"
        );
        let known = "known accounts: home, work";
        assert!(refused.stderr().contains(known), "{refused}");
        assert_eq!(refused.stdout(), "");
    }
    // The one is in the vault alone, the other in the configuration alone.
    let _ = sandbox.run(&["verify", "work", "home"]).expect_code(0);
    // What only the ledger has left is damage, and no unknown name.
    fs::remove_dir_all(sandbox.vault().join("mail/work")).unwrap();
    let _ = sandbox.run(&["verify", "work"]).expect_code(20);
}

#[test]
fn an_account_is_verified_though_the_catalog_is_damaged() {
    let (sandbox, _server) = pulled(some_mail());
    let catalog = sandbox.vault().join("catalog.sqlite");
    let open = rusqlite::Connection::open(&catalog).unwrap();
    let page = |table: &str| -> u32 {
        let sql = "SELECT rootpage FROM sqlite_master WHERE name = ?1";
        open.query_row(sql, [table], |row| row.get(0)).unwrap()
    };
    // Where a status would look, and nothing that opening it needs.
    let pages = [page("session"), page("folder")];
    drop(open);
    let mut bytes = fs::read(&catalog).unwrap();
    for page in pages {
        bytes[(page as usize - 1) * 4096..][..4096].fill(0xa5);
    }
    fs::write(&catalog, bytes).unwrap();
    for args in [&["verify", "work"][..], &["verify", "work", "--repair"]] {
        let out = sandbox.run(args).expect_code(20);
        assert!(out.stdout().contains("12 of 12 messages good"), "{out}");
    }
    let _ = sandbox.run(&["verify", "work"]).expect_code(0);
}

#[test]
fn a_verification_that_is_interrupted_proves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    // Packed they are small, and they take seconds to read.
    let text = "a line that stands here very often\r\n".repeat(2 << 20);
    for n in 0..6 {
        let mail = format!("Subject: {n}\r\n\r\n{text}");
        sandbox.write(&format!("in/cur/{n}.a:2,"), mail, 0o600);
    }
    let import = ["import", "in", "--account", "old", "--create"];
    let _ = sandbox.run(&import).expect_code(0);
    let child = sandbox.start(&["verify", "--read-data", "--json"]);
    until_locked(&sandbox, &child);
    child.signal(Signal::INT);
    let output = child.wait();
    let summary = json_lines(&output.stdout).pop().unwrap();
    assert_eq!(summary["complete"], false, "{output}");
    let _ = output.expect_code(130);
}

#[test]
fn a_purge_without_an_archived_message_or_an_intent_is_found_in_the_ledger() {
    let (sandbox, _server) = pulled(some_mail());
    let stored = Hash128::of(&sandbox.messages("work")[0].bytes);
    let identity = || Identity {
        account: "work".into(),
        server: "ann@pop.example.org:995".into(),
        uid: Uid::Uidl(Box::from(*b"a name")),
        dir: None,
    };
    let intent = |hash| LedgerEvent::PurgeIntent {
        identity: identity(),
        hash,
    };
    let purged = |hash| LedgerEvent::Purged {
        identity: identity(),
        hash,
    };
    let unknown = Hash128::of(b"never archived");
    let wrong = |events: &[LedgerEvent], said: &str| {
        let copied = Sandbox::new();
        copy(&sandbox.vault(), &copied.vault());
        let stop = AtomicBool::new(false);
        let mut writer = Writer::open(&copied.vault(), Duration::ZERO, &stop).unwrap();
        writer.record(events).unwrap();
        writer.publish().unwrap();
        drop(writer);
        let vault = copied.vault();
        let args = ["verify", "--vault", vault.to_str().unwrap()];
        let output = copied.run(&args);
        if said.is_empty() {
            let _ = output.expect_code(0);
        } else {
            assert!(output.stdout().contains(said), "{output}");
            let _ = output.expect_code(20);
        }
    };
    wrong(&[intent(unknown)], "purged without being archived");
    wrong(&[purged(stored)], "purged without a recorded intent");
    wrong(&[intent(stored), purged(stored)], "");
    wrong(
        &[
            intent(stored),
            LedgerEvent::Lost { hash: stored },
            intent(stored),
        ],
        "purged without being archived",
    );
}

#[test]
fn a_sound_vault_is_quietly_sound() {
    let (sandbox, _server) = pulled(some_mail());
    let before = sandbox.messages("work");
    for args in [&["verify"][..], &["verify", "--read-data"]] {
        sandbox
            .run(args)
            .expect(0, "work  12 of 12 messages good\n", "");
    }
    sandbox
        .run(&["verify", "-q", "--read-data"])
        .expect(0, "", "");
    assert_eq!(sandbox.messages("work"), before);
    assert!(
        !sandbox.vault().join("quarantine").exists()
            || tree(&sandbox.vault().join("quarantine")).is_empty()
    );
}

#[test]
fn every_single_bit_that_flips_is_found() {
    const FLIPS: usize = 100;
    let (sandbox, _server) = pulled(some_mail());
    let vault = sandbox.vault();
    let precious: Vec<(String, Vec<u8>)> = tree(&vault)
        .into_iter()
        .filter(|(name, _)| name.starts_with("mail/") || name.starts_with("ledger/"))
        .collect();
    let total: usize = precious.iter().map(|(_, bytes)| bytes.len() * 8).sum();
    let next = AtomicUsize::new(0);
    let missed = std::sync::Mutex::new(Vec::new());
    let flip = |n: usize| {
        // An odd stride also walks through the bits of a byte.
        let mut at = (total / FLIPS * n + n * 3) % total;
        let (name, bytes) = precious
            .iter()
            .find(|(_, bytes)| {
                let here = at < bytes.len() * 8;
                at -= if here { 0 } else { bytes.len() * 8 };
                here
            })
            .unwrap();
        let copied = sandbox.path(format!("flip{n}"));
        copy(&vault, &copied);
        let mut bytes = bytes.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        fs::write(copied.join(name), bytes).unwrap();
        let output = sandbox.run(&["verify", "--read-data", "--vault", copied.to_str().unwrap()]);
        if output.ended != Ended::Exit(20) {
            let text = format!("bit {} of byte {} of {name}\n{output}", at % 8, at / 8);
            missed.lock().unwrap().push(text);
        }
        fs::remove_dir_all(copied).unwrap();
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    match next.fetch_add(1, Ordering::Relaxed) {
                        n if n < FLIPS => flip(n),
                        _ => break,
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(
        missed.is_empty(),
        "{} missed\n{}",
        missed.len(),
        missed.join("\n")
    );
}

#[test]
fn a_missing_file_is_found_without_reading() {
    let (sandbox, _server) = pulled(some_mail());
    let gone = files(&sandbox)[3].clone();
    fs::remove_file(&gone).unwrap();
    let output = sandbox.run(&["verify", "--json"]).expect_code(20);
    let lines = json_lines(&output.stdout);
    let found = &lines[0];
    assert_eq!(found["type"], "damage");
    assert_eq!(found["problem"], "missing");
    assert_eq!(&found["id"].as_str().unwrap()[..8], id_of(&gone));
    assert_eq!(found["on_server"], true);
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["messages"], &summary["good"]),
        (&12.into(), &11.into())
    );
    assert_eq!(summary["status"], "damaged");
}

#[test]
fn a_damaged_or_missing_message_is_fetched_again_after_repair() {
    let (sandbox, server) = pulled(some_mail());
    let before = sandbox.messages("work");
    let files = files(&sandbox);
    let mut bytes = fs::read(&files[2]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&files[2], &bytes).unwrap();
    fs::remove_file(&files[5]).unwrap();
    let fetched = server.retrs();

    // Without repair a pull asks for nothing and verify changes nothing.
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(20);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(server.retrs(), fetched);
    assert_eq!(fs::read(&files[2]).unwrap(), bytes);

    let _ = sandbox
        .run(&["verify", "--read-data", "--repair"])
        .expect_code(20);
    let aside: Vec<Vec<u8>> = tree(&sandbox.vault().join("quarantine"))
        .into_values()
        .collect();
    assert_eq!(aside, [bytes]);

    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(server.retrs(), fetched + 2);
    assert_eq!(sandbox.messages("work"), before);
    sandbox
        .run(&["verify", "--read-data"])
        .expect(0, "work  12 of 12 messages good\n", "");
}

#[test]
fn a_file_that_nobody_recorded_is_told_and_taken_in() {
    let (sandbox, _server) = pulled(some_mail());
    // Another vault's message, of the name that it has there.
    let (other, _other_server) = pulled(Sample::of(1, 99));
    let stranger = files(&other)[0].clone();
    let name = stranger.file_name().unwrap();
    fs::copy(&stranger, sandbox.vault().join("mail/work/cur").join(name)).unwrap();

    let output = sandbox.run(&["verify", "--json"]).expect_code(0);
    let lines = json_lines(&output.stdout);
    assert_eq!(lines[0]["problem"], "unrecorded");
    assert_eq!(lines[0]["damage"], false);

    let _ = sandbox.run(&["verify", "--repair"]).expect_code(0);
    sandbox
        .run(&["verify", "--read-data"])
        .expect(0, "work  13 of 13 messages good\n", "");
    let _ = sandbox.run(&["show", &id_of(&stranger)]).expect_code(0);
}

#[test]
fn what_a_killed_run_left_in_any_folder_is_taken_in_by_the_next() {
    let (sandbox, _server) = pulled(some_mail());
    let (other, _other_server) = pulled(Sample::of(1, 99));
    let stranger = files(&other)[0].clone();
    let root = sandbox.vault().join("mail/work");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(root.join(".Lists").join(part)).unwrap();
    }
    let name = stranger.file_name().unwrap();
    fs::copy(&stranger, root.join(".Lists/cur").join(name)).unwrap();
    // A message is written here, whichever folder it gets its name in.
    let left = root.join("tmp/4711.1");
    fs::copy(&stranger, &left).unwrap();

    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert!(!left.exists());
    sandbox
        .run(&["verify", "--read-data"])
        .expect(0, "work  13 of 13 messages good\n", "");
}

#[test]
fn the_parts_of_a_subset_are_disjoint_and_together_all() {
    let (sandbox, _server) = pulled(some_mail());
    let ids: BTreeSet<String> = files(&sandbox).iter().map(|file| id_of(file)).collect();
    for file in files(&sandbox) {
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    let mut found = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let args = ["verify", "--read-data", "--subset", part, "--json"];
        let output = sandbox.run(&args);
        for line in json_lines(&output.stdout) {
            if line["type"] == "damage" {
                found.push(line["id"].as_str().unwrap()[..8].to_string());
            }
        }
    }
    let all: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(found.len(), all.len(), "no message is in two parts");
    assert_eq!(all, ids);
}

#[test]
fn who_reads_a_part_is_told_that_it_was_one() {
    let (sandbox, _server) = pulled(some_mail());
    sandbox
        .run(&["verify", "--read-data", "--subset", "2/7"])
        .expect(
            0,
            "work  12 of 12 messages good\n\
             Only part 2 of 7 was read; for the rest, names, sizes and records were checked.\n",
            "",
        );
}

#[test]
fn a_catalog_that_was_deleted_comes_back_the_same() {
    let (sandbox, server) = pulled(some_mail());
    let path = sandbox.vault().join("catalog.sqlite");
    let kept = sandbox.path("kept.sqlite");
    // Nothing of it may still be in the log beside it.
    let remove = |path: &Path| {
        for suffix in ["", "-wal", "-shm"] {
            let file = format!("{}{suffix}", path.display());
            if Path::new(&file).exists() {
                fs::remove_file(file).unwrap();
            }
        }
    };
    for suffix in ["", "-wal"] {
        let (from, to) = (
            format!("{}{suffix}", path.display()),
            format!("{}{suffix}", kept.display()),
        );
        if Path::new(&from).exists() {
            fs::copy(from, to).unwrap();
        }
    }
    let listed = sandbox.run(&["list"]).expect_code(0).stdout();
    remove(&path);
    assert_eq!(sandbox.run(&["list"]).expect_code(0).stdout(), listed);
    remove(&path);
    let fetched = server.retrs();
    // A run that records nothing, which the kept one would lack.
    let _ = sandbox.run(&["status"]).expect_code(0);
    assert!(path.exists());
    assert_eq!(server.retrs(), fetched);
    let (old, new) = (Catalog::open(&kept).unwrap(), Catalog::open(&path).unwrap());
    assert_eq!(old.differs_from(&new).unwrap(), None);
    assert_eq!(old.describes_otherwise(&new).unwrap(), None);
    assert_eq!(new.count().unwrap(), 12);
}

#[test]
fn a_message_elsewhere_in_its_account_has_moved() {
    let (sandbox, _server) = pulled(some_mail());
    let moved = files(&sandbox)[0].clone();
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(sandbox.vault().join("mail/work/.Kept").join(part)).unwrap();
    }
    let there = sandbox.vault().join("mail/work/.Kept/cur");
    fs::rename(&moved, there.join(moved.file_name().unwrap())).unwrap();
    let output = sandbox.run(&["verify", "--json"]).expect_code(0);
    let lines = json_lines(&output.stdout);
    assert_eq!(lines[0]["problem"], "moved");
    // A flag that a mail program set is fine.
    let seen = &files(&sandbox)[0];
    fs::rename(seen, format!("{}S", seen.display())).unwrap();
    let output = sandbox.run(&["verify", "--json"]).expect_code(0);
    assert_eq!(json_lines(&output.stdout).last().unwrap()["findings"], 1);
}

#[test]
fn a_second_file_of_a_message_in_its_folder_is_told_and_moved_away() {
    for damaged in [None, Some(0), Some(1)] {
        let (sandbox, _server) = pulled(some_mail());
        let mut first = files(&sandbox);
        let first = first.remove(0);
        // Another set of flags, as versions before this one could leave it.
        let second = PathBuf::from(format!("{}RS", first.display()));
        fs::copy(&first, &second).unwrap();
        let pair = [&first, &second];
        if let Some(which) = damaged {
            let bytes = fs::read(pair[which]).unwrap();
            fs::write(pair[which], &bytes[..bytes.len() - 1]).unwrap();
        }
        let output = sandbox.run(&["verify", "--json", "--read-data"]);
        let lines = json_lines(&output.stdout);
        assert!(
            lines.iter().any(|line| line["problem"] == "repeated"),
            "{output}"
        );
        let _ = sandbox.run(&["verify", "--repair", "--read-data"]);
        sandbox
            .run(&["verify", "--read-data"])
            .expect(0, "work  12 of 12 messages good\n", "");
        assert_eq!(files(&sandbox).len(), 12, "{damaged:?}");
        let quarantine = sandbox.vault().join("quarantine");
        assert_eq!(fs::read_dir(quarantine).unwrap().count(), 1);
    }
}

#[test]
fn a_vault_that_lost_its_manifest_says_so_and_gets_it_back() {
    let (sandbox, server) = pulled(some_mail());
    let manifest = sandbox.vault().join("vault.toml");
    let before = fs::read_to_string(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    for args in [
        &["list"][..],
        &["verify"],
        &["pull"],
        &["pull", "--create"],
        &["status"],
    ] {
        let output = sandbox.run(args).expect_code(20);
        assert!(output.stderr().contains("has no vault.toml"), "{output}");
        assert!(
            output.stderr().contains("'mailvault verify --repair'"),
            "{output}"
        );
        assert!(!manifest.exists());
    }
    let output = sandbox.run(&["verify", "--repair"]).expect_code(20);
    assert!(output.stdout().contains("missing  vault.toml"), "{output}");
    // All but the second in which it was made, which the ledger knows a little later.
    let id = |text: &str| {
        text.lines()
            .filter(|l| !l.starts_with("created"))
            .collect::<String>()
    };
    assert_eq!(id(&fs::read_to_string(&manifest).unwrap()), id(&before));
    sandbox
        .run(&["verify", "--read-data"])
        .expect(0, "work  12 of 12 messages good\n", "");
    let _ = sandbox.run(&["pull"]).expect_code(0);
    drop(server);
    // A first line that is damaged names no vault.
    fs::remove_file(&manifest).unwrap();
    let ledger = fs::read_dir(sandbox.vault().join("ledger")).unwrap();
    let ledger = ledger.map(|file| file.unwrap().path()).next().unwrap();
    let text = fs::read_to_string(&ledger).unwrap();
    let (start, rest) = text.split_once("\"vault\":\"").unwrap();
    let digit = if rest.starts_with('0') { '1' } else { '0' };
    fs::write(&ledger, format!("{start}\"vault\":\"{digit}{}", &rest[1..])).unwrap();
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(10);
    assert!(!manifest.exists());
}

#[test]
fn a_message_whose_file_is_gone_is_told_by_show_and_fetched_again_as_it_says() {
    let (sandbox, _server) = pulled(some_mail());
    let file = files(&sandbox).remove(0);
    let id = id_of(&file);
    fs::remove_file(&file).unwrap();
    let output = sandbox.run(&["show", &id]).expect_code(20);
    assert!(
        output.stderr().contains("is missing from the vault"),
        "{output}"
    );
    assert!(
        output
            .stderr()
            .contains("'mailvault verify --repair; mailvault pull'"),
        "{output}"
    );
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(20);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let _ = sandbox.run(&["show", &id]).expect_code(0);
}

#[test]
fn a_folder_whose_directory_is_gone_comes_back_with_its_mail() {
    for gone in ["cur", "new", "tmp", ""] {
        let (sandbox, _server) = pulled(some_mail());
        fs::remove_dir_all(sandbox.vault().join("mail/work").join(gone)).unwrap();
        let _ = sandbox.run(&["verify", "--repair"]);
        let _ = sandbox.run(&["pull"]).expect_code(0);
        sandbox
            .run(&["verify", "--read-data"])
            .expect(0, "work  12 of 12 messages good\n", "");
    }
}

#[test]
fn a_whole_account_whose_directory_is_gone_is_linked_again_from_another() {
    let (sandbox, _server) = pulled_twice(Sample::of(3, 7));
    fs::remove_dir_all(sandbox.vault().join("mail/work")).unwrap();
    let _ = sandbox.run(&["verify"]).expect_code(20);
    let _ = sandbox.run(&["verify", "--repair"]);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    assert_eq!(sandbox.messages("work").len(), 3);
}

/// An mbox file with these messages.
fn mbox(numbers: impl Iterator<Item = u32>) -> String {
    let message = |n| {
        format!(
            "From x Mon Feb  1 10:00:00 2021\nFrom: a@example.org\nSubject: number {n}\n\
             Message-ID: <{n}@example.org>\n\nbody {n}\n\n"
        )
    };
    numbers.map(message).collect()
}

/// Imports files of mbox, each into an account and a folder of it.
fn imported(files: &[(&str, &str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    sandbox.write("odd.mbox", mbox((1..=12).step_by(2)), 0o600);
    sandbox.write("even.mbox", mbox((2..=12).step_by(2)), 0o600);
    for (n, (file, account, folder)) in files.iter().enumerate() {
        let make = if n == 0 { "--create" } else { "--new-account" };
        let mut args = vec!["import", file, "--account", account, make];
        if !folder.is_empty() {
            args.extend(["--into", folder]);
        }
        let _ = sandbox.run(&args).expect_code(0);
    }
    sandbox
}

fn cur_of(sandbox: &Sandbox, folder: &str) -> PathBuf {
    sandbox.vault().join("mail").join(folder).join("cur")
}

fn exported(sandbox: &Sandbox, query: &[&str]) -> usize {
    let args = [&["export", "out.mbox", "--format", "mbox"], query].concat();
    let _ = sandbox.run(&args).expect_code(0);
    let file = sandbox.home().join("out.mbox");
    let count = fs::read_to_string(&file)
        .unwrap()
        .matches("Subject: number")
        .count();
    fs::remove_file(file).unwrap();
    count
}

#[test]
fn renamed_files_of_several_folders_are_found_in_turns() {
    let sandbox = imported(&[
        ("odd.mbox", "c", ""),
        ("even.mbox", "c", ""),
        ("odd.mbox", "a", ""),
        ("even.mbox", "a", "Even"),
    ]);
    for folder in ["a", "a/.Even"] {
        for file in fs::read_dir(cur_of(&sandbox, folder)).unwrap() {
            let file = file.unwrap().path();
            fs::rename(&file, format!("{}S", file.display())).unwrap();
        }
    }
    assert_eq!(exported(&sandbox, &["account:a"]), 12);
    // Each has its only other file in the one or the other.
    fs::remove_dir_all(cur_of(&sandbox, "c")).unwrap();
    fs::create_dir(cur_of(&sandbox, "c")).unwrap();
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(20);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    assert_eq!(exported(&sandbox, &["account:c"]), 12);
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    let found = sandbox.run(&["search", "--json", "body"]).expect_code(0);
    assert_eq!(found.stdout().matches("\"type\":\"message\"").count(), 12);
}

#[test]
fn a_message_of_two_folders_that_lost_one_of_its_files_gets_it_back() {
    let sandbox = imported(&[("odd.mbox", "a", ""), ("odd.mbox", "a", "Even")]);
    for file in fs::read_dir(cur_of(&sandbox, "a")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let output = sandbox.run(&["verify", "--json"]).expect_code(20);
    assert_eq!(
        output.stdout().matches("\"problem\":\"missing\"").count(),
        6
    );
    let _ = sandbox.run(&["verify", "--repair"]).expect_code(20);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    assert_eq!(fs::read_dir(cur_of(&sandbox, "a")).unwrap().count(), 6);
}
