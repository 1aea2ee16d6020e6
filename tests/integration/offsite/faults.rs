//! What is wrong with a place, a key or a copy: a clear error, the right code, nothing overwritten.

use std::collections::BTreeMap;
use std::fs;

use super::{add_place, folder, key, letters, pulled, run, with_place, with_place_of};
use crate::support::moto::Moto;
use crate::support::sandbox::Sandbox;
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
        ("missing.txt", 1, "cannot read"),
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
