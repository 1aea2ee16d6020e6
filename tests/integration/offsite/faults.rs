//! What is wrong with a place, a key or a copy: a clear error, the right code, nothing overwritten.

use std::collections::BTreeMap;
use std::fs;

use super::{add_place, folder, gate, key, left, letters, pulled, run, with_place, with_place_of};
use crate::support::moto::Moto;
use crate::support::sandbox::{Sandbox, stored};
use crate::support::scene::{copy, tree};

/// What a command ends with, and a part of what it says.
#[track_caller]
fn refused(sandbox: &Sandbox, args: &[&str], code: i32, said: &str) {
    let out = sandbox.run(args).expect_code(code);
    let text = out.stderr();
    assert!(text.contains(said), "{args:?}: {text}");
}

#[test]
fn a_place_that_is_not_there_or_lets_nobody_in_is_told_by_its_code() {
    let Some(moto) = Moto::start() else { return };
    moto.make_bucket("bucket", false);
    let (mut sandbox, _server) = pulled(letters(0..3));
    sandbox
        .env("AWS_ACCESS_KEY_ID", "KEYID")
        .env("AWS_SECRET_ACCESS_KEY", "hunter2hunter2");
    let endpoint = format!("endpoint = \"http://127.0.0.1:{}\"", moto.port);
    add_place(&sandbox, "none", "s3://no-such-bucket", &endpoint);
    add_place(
        &sandbox,
        "nobody",
        "s3://bucket",
        "endpoint = \"http://127.0.0.1:1\"",
    );
    add_place(&sandbox, "disk", "file:///no/such/disk", "");
    refused(&sandbox, &["offsite", "init", "none"], 10, "no such bucket");
    refused(&sandbox, &["offsite", "init", "nobody"], 13, "");
    refused(&sandbox, &["offsite", "init", "disk"], 10, "not mounted");
    refused(
        &sandbox,
        &["offsite", "init", "nonee"],
        15,
        "no second copy is called \"nonee\"",
    );
    refused(
        &sandbox,
        &["offsite", "push", "disk"],
        15,
        "was not set up yet",
    );
    // Where several are asked for, each is told of.
    refused(
        &sandbox,
        &["offsite", "push"],
        15,
        "none: the place was not set up yet",
    );
}

#[test]
fn a_key_that_cannot_open_the_copy_restores_nothing() {
    let (sandbox, _server) = with_place(folder, "");
    run(&sandbox, &["offsite", "push"]);
    let public = key(&sandbox, "other.txt");
    sandbox.write("public.txt", format!("{public}\n"), 0o600);
    sandbox.write("empty.txt", "", 0o600);
    let target = sandbox.path("new").display().to_string();
    for (file, code, said) in [
        ("other.txt", 12, "does not open the copy"),
        ("public.txt", 15, "is not an identity that can be used"),
        ("empty.txt", 15, "has no identity"),
        ("missing.txt", 15, "cannot read"),
    ] {
        let file = sandbox.path(file).display().to_string();
        let args = ["offsite", "restore", "b2", &target, "--identity", &file];
        refused(&sandbox, &args, code, said);
    }
    let file = sandbox.path("other.txt").display().to_string();
    let verify = [
        "offsite",
        "verify",
        "b2",
        "--read-data",
        "--identity",
        &file,
    ];
    refused(&sandbox, &verify, 12, "does not open the copy");
    assert!(!sandbox.path("new/vault.toml").exists());
}

/// A copy of another vault, a copy that another machine went on with, and a vault that was put
/// back to an older state.
#[test]
fn what_another_machine_pushed_is_never_overwritten() {
    let (sandbox, _server) = with_place_of(43, folder, "");
    run(&sandbox, &["offsite", "push"]);
    let (older, vault) = (sandbox.path("older"), sandbox.vault());
    copy(&vault, &older);
    run(&sandbox, &["pull", "--push", "--limit", "1"]);
    let place = sandbox.path("disk/copy");
    let before = tree(&place);
    let same = |after: BTreeMap<String, Vec<u8>>| assert!(after == before);
    let at = older.display().to_string();
    // The backup does not know of the second push, and gets new mail of its own.
    let fork = ["--vault", &at, "pull", "--push"];
    refused(&sandbox, &fork, 3, "was written by another machine");
    same(tree(&place));
    let (other, _other_server) = pulled(letters(50..53));
    add_place(&other, "b2", &format!("file://{}", place.display()), "");
    refused(
        &other,
        &["offsite", "init", "b2"],
        12,
        "that this vault does not know",
    );
    let key = sandbox.path("key.txt").display().to_string();
    let init = ["offsite", "init", "b2", "--identity", &key];
    refused(&other, &init, 12, "another vault");
    same(tree(&place));
}

#[test]
fn damage_in_the_place_is_found_and_named() {
    let (sandbox, _server) = with_place(folder, "");
    run(&sandbox, &["offsite", "push"]);
    let place = sandbox.path("disk/copy");
    let (name, whole) = tree(&place.join("push")).pop_first().unwrap();
    let path = place.join("push").join(&name);
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    fs::write(&path, &changed).unwrap();
    run(&sandbox, &["offsite", "verify", "b2"]);
    let found = sandbox
        .run(&["offsite", "verify", "b2", "--read-data"])
        .expect_code(20);
    assert!(
        found.stdout().contains(&format!("changed  push/{name}")),
        "{}",
        found.stdout()
    );
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let found = sandbox.run(&["offsite", "verify", "b2"]).expect_code(20);
    assert!(
        found.stdout().contains("0 of 1 object there"),
        "{}",
        found.stdout()
    );
    let (key, target) = (sandbox.path("key.txt"), sandbox.path("new"));
    let (key, target) = (key.display().to_string(), target.display().to_string());
    let restore = ["offsite", "restore", "b2", &target, "--identity", &key];
    refused(&sandbox, &restore, 20, "is missing or damaged");
    fs::remove_file(&path).unwrap();
    let found = sandbox.run(&["offsite", "verify", "b2"]).expect_code(20);
    assert!(
        found.stdout().contains("missing  push/"),
        "{}",
        found.stdout()
    );
}

#[test]
fn a_copy_of_a_newer_format_is_left_to_a_newer_program() {
    let (sandbox, _server) = with_place(folder, "");
    run(&sandbox, &["offsite", "push"]);
    let head = sandbox.path("disk/copy/heads/0000000001");
    let text = fs::read_to_string(&head)
        .unwrap()
        .replace("\"format\": 1", "\"format\": 2");
    fs::write(&head, text).unwrap();
    refused(&sandbox, &["offsite", "list", "b2"], 1, "newer");
}

#[test]
fn a_rule_that_requires_a_place_which_is_not_configured_is_an_error() {
    let (sandbox, _server) = pulled(letters(0..3));
    let rule = "[accounts.work.purge]\nrequire_offsite = \"b3\"";
    add_place(&sandbox, "b2", &folder(&sandbox), rule);
    refused(&sandbox, &["pull"], 15, "there is no table [offsite.b3]");
}

/// Replaces the public keys of the places.
fn set_recipient(sandbox: &Sandbox, recipient: &str) {
    let config = sandbox.path(".config/mailvault/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let line = |line: &str| {
        if line.starts_with("recipients = ") {
            format!("recipients = [\"{recipient}\"]")
        } else {
            line.to_owned()
        }
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    fs::write(&config, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_vault_that_is_older_than_its_copy_never_goes_on_with_it() {
    let (sandbox, _server) = with_place_of(43, folder, "");
    run(&sandbox, &["offsite", "push"]);
    let (older, vault) = (sandbox.path("older"), sandbox.vault());
    copy(&vault, &older);
    run(&sandbox, &["pull", "--push", "--limit", "1"]);
    let before = tree(&sandbox.path("disk/copy"));
    let at = older.display().to_string();
    run(&sandbox, &["--vault", &at, "pull"]);
    let key = sandbox.path("key.txt").display().to_string();
    for _ in 0..2 {
        refused(
            &sandbox,
            &["--vault", &at, "offsite", "push"],
            12,
            "another machine",
        );
        let init = ["--vault", &at, "offsite", "init", "b2", "--identity", &key];
        refused(&sandbox, &init, 12, "went another way");
    }
    fs::remove_file(older.join("offsite/b2/index.sqlite")).unwrap();
    refused(
        &sandbox,
        &["--vault", &at, "offsite", "push"],
        12,
        "does not know",
    );
    assert!(tree(&sandbox.path("disk/copy")) == before);
    // On demand it takes the copy's place, and a restore gives it and no mixture.
    run(
        &sandbox,
        &["--vault", &at, "offsite", "push", "b2", "--rebuild"],
    );
    let target = sandbox.path("new").display().to_string();
    run(
        &sandbox,
        &["offsite", "restore", "b2", &target, "--identity", &key],
    );
    run(&sandbox, &["--vault", &target, "verify", "--read-data"]);
    let mail = |root: &str| tree(&std::path::Path::new(root).join("mail/work/cur")).into_keys();
    assert!(mail(&target).eq(mail(&at)));
}

#[test]
fn after_a_change_of_keys_only_what_the_new_key_opens_counts() {
    let (sandbox, server) = gate::gated();
    gate::rehearse(&sandbox);
    run(&sandbox, &["offsite", "push"]);
    let second = key(&sandbox, "second.txt");
    set_recipient(&sandbox, &second);
    refused(
        &sandbox,
        &["offsite", "push"],
        15,
        "changed since it was set up",
    );
    let file = sandbox.path("second.txt").display().to_string();
    // It reads the test and not the copy.
    refused(
        &sandbox,
        &["offsite", "init", "b2", "--identity", &file],
        12,
        "does not open",
    );
    let out = sandbox.run(&["offsite", "init", "b2"]).expect_code(0);
    assert!(
        out.stderr().contains("keys that were configured before"),
        "{}",
        out.stderr()
    );
    let read = std::process::Command::new("age")
        .args(["-d", "-i", &file])
        .arg(sandbox.vault().join("offsite/b2/test.age"))
        .output()
        .unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    let words = text
        .lines()
        .find_map(|line| line.strip_prefix("    "))
        .unwrap();
    run(&sandbox, &["offsite", "init", "b2", "--words", words]);
    run(&sandbox, &["purge", "work", "--all", "--yes"]);
    assert_eq!(left(&server), 25);
    run(&sandbox, &["offsite", "push", "b2", "--rebuild"]);
    let target = sandbox.path("new").display().to_string();
    run(
        &sandbox,
        &["offsite", "restore", "b2", &target, "--identity", &file],
    );
    assert!(sandbox.messages("work") == stored(&sandbox.path("new/mail/work")));
    run(&sandbox, &["purge", "work", "--all", "--yes"]);
    assert_eq!(left(&server), 5);
}

#[test]
fn a_restore_that_goes_on_with_a_wrong_key_stays_one_that_can_go_on() {
    let (sandbox, _server) = with_place(folder, "");
    run(&sandbox, &["offsite", "push"]);
    let (key_file, target) = (sandbox.path("key.txt"), sandbox.path("new"));
    let (right, target) = (key_file.display().to_string(), target.display().to_string());
    key(&sandbox, "other.txt");
    let wrong = sandbox.path("other.txt").display().to_string();
    // The ledger is there, and no message.
    run(
        &sandbox,
        &["offsite", "restore", "b2", &target, "--identity", &right],
    );
    let new = sandbox.path("new");
    let pushed = tree(&sandbox.vault().join("ledger"));
    for (name, bytes) in pushed {
        fs::write(new.join("ledger").join(name), bytes).unwrap();
    }
    fs::remove_dir_all(new.join("mail")).unwrap();
    fs::remove_file(new.join("vault.toml")).unwrap();
    let head = fs::read_to_string(sandbox.path("disk/copy/heads/0000000001")).unwrap();
    let head: serde_json::Value = serde_json::from_str(&head).unwrap();
    let copy = format!("{} 1", head["vault"].as_str().unwrap());
    fs::create_dir(new.join("restore")).unwrap();
    for (name, text) in [("copy", &*copy), ("done", ""), ("ledger", "")] {
        fs::write(new.join("restore").join(name), text).unwrap();
    }
    let restore = ["offsite", "restore", "b2", &target, "--identity"];
    refused(
        &sandbox,
        &[&restore[..], &[&wrong]].concat(),
        12,
        "does not open the copy",
    );
    assert!(!new.join("vault.toml").exists());
    run(&sandbox, &[&restore[..], &[&right]].concat());
    assert!(sandbox.messages("work") == stored(&new.join("mail/work")));
}

#[test]
fn what_is_lost_in_the_place_is_told_and_sent_once_more() {
    let (sandbox, _server) = pulled((0..30).map(large_letter).collect());
    add_place(&sandbox, "b2", &folder(&sandbox), "");
    run(&sandbox, &["offsite", "init", "b2"]);
    run(&sandbox, &["offsite", "push"]);
    let packs = sandbox.path("disk/copy/packs");
    let (name, _) = tree(&packs).pop_first().unwrap();
    fs::remove_file(packs.join(&name)).unwrap();
    let found = sandbox.run(&["offsite", "verify", "b2"]).expect_code(20);
    assert!(
        found.stderr().contains("sends their messages once more"),
        "{}",
        found.stderr()
    );
    run(&sandbox, &["offsite", "push"]);
    run(&sandbox, &["offsite", "verify", "b2", "--read-data"]);
    let (key, target) = (sandbox.path("key.txt"), sandbox.path("new"));
    let (key, target) = (key.display().to_string(), target.display().to_string());
    run(
        &sandbox,
        &["offsite", "restore", "b2", &target, "--identity", &key],
    );
    assert!(sandbox.messages("work") == stored(&sandbox.path("new/mail/work")));
    // The newest head alone tells that there was another push.
    run(
        &sandbox,
        &[
            "import",
            &sandbox
                .write("a.eml", "From: a@b\r\n\r\nx\r\n", 0o600)
                .display()
                .to_string(),
            "--account",
            "more",
        ],
    );
    run(&sandbox, &["offsite", "push"]);
    let head = sandbox.path("disk/copy/heads/0000000003");
    fs::remove_file(head).unwrap();
    let found = sandbox.run(&["offsite", "verify", "b2"]).expect_code(20);
    assert!(
        found.stderr().contains("head 3 is missing"),
        "{}",
        found.stderr()
    );
    assert!(!found.stderr().contains("offsite verify"), "{found}");
    assert!(found.stderr().contains("push b2 --rebuild"), "{found}");
    let heads = sandbox.path("disk/copy/heads");
    fs::rename(&heads, sandbox.path("disk/kept")).unwrap();
    let listed = sandbox.run(&["offsite", "list", "b2"]).expect_code(20);
    assert_eq!(listed.stdout(), "b2: no push there\n");
    assert!(listed.stderr().contains("head 3 is missing"), "{listed}");
    let _ = fs::remove_dir_all(&heads);
    fs::rename(sandbox.path("disk/kept"), &heads).unwrap();
    run(&sandbox, &["offsite", "push", "b2", "--rebuild"]);
    run(&sandbox, &["offsite", "verify", "b2", "--read-data"]);
}

fn large_letter(n: usize) -> mailvault::sample::Message {
    let numbers = (0..6_000).map(|i| (i + n * 7919) * 2_654_435_761);
    let noise = numbers.fold(String::new(), |text, number| {
        text + &format!("{number:08x}\r\n")
    });
    let text = format!(
        "From: carol@example.org\r\nSubject: large {n}\r\nMessage-ID: <l{n}@example.org>\r\n\r\n{noise}"
    );
    crate::support::scene::message(&format!("l{n}"), &text)
}

#[test]
fn a_place_in_the_vault_is_no_second_copy_and_another_url_is_another_place() {
    let (sandbox, _server) = with_place(folder, "");
    run(&sandbox, &["offsite", "push"]);
    let config = sandbox.path(".config/mailvault/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let set = |from: &str, to: &str| {
        fs::write(&config, text.replace(from, to)).unwrap();
    };
    let vault = sandbox.vault().display().to_string();
    let old = sandbox.path("disk/copy").display().to_string();
    for inside in [vault.clone(), format!("{vault}/copy")] {
        set(&old, &inside);
        refused(&sandbox, &["offsite", "init", "b2"], 15, "is in the vault");
    }
    set(&old, &format!("{old}2"));
    refused(
        &sandbox,
        &["offsite", "push"],
        15,
        "changed since it was set up",
    );
    run(&sandbox, &["offsite", "init", "b2"]);
    let pushed = super::one(&sandbox, &["offsite", "push"], "push");
    assert_eq!(
        (&pushed["messages"], &pushed["head"]),
        (&40.into(), &1.into())
    );
}
