//! A vault in which nothing can be written: a snapshot, a mounted backup, a DVD.

use std::fs;
use std::process::Command;

use crate::life::ageing::age;
use crate::support::output::Output;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, message, pulled, server};
use crate::support::{missing, skip};

/// A command line with the vault mounted for reading only; `None` if nothing may be mounted here.
fn run(sandbox: &Sandbox, args: &[&str]) -> Option<Output> {
    if missing("unshare") {
        return None;
    }
    let mut command: Command = sandbox.tool("unshare");
    let vault = sandbox.vault();
    let vault = vault.display();
    // What is copied goes into a directory of its own, so that what is left of it shows.
    fs::create_dir_all(sandbox.path("copies")).unwrap();
    let script = format!(
        "export TMPDIR=\"$HOME/copies\"; mount --bind {vault} {vault} && \
         mount -o remount,ro,bind {vault} && exec \"$@\""
    );
    command.args(["-m", "sh", "-c", &script, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_mailvault")).args(args);
    let output = sandbox.spawn(command).wait();
    let said = output.stderr();
    if said.contains("unshare:") || said.contains("mount:") {
        skip("nothing may be mounted");
        return None;
    }
    Some(output)
}

fn letter(n: usize) -> mailvault::sample::Message {
    let text = format!(
        "From: ann@example.org\r\nSubject: letter {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\nparrot {n}\r\n"
    );
    message(&format!("u{n}"), &text)
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.vault()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What reads a vault works there, says what it says elsewhere, and leaves nothing behind.
fn reads_everything(sandbox: &Sandbox, messages: usize) {
    let id = sandbox.messages("work")[0].name.split('.').nth(1).unwrap()[..12].to_owned();
    let before = names(sandbox);
    let lines: [(&[&str], &str); 8] = [
        (&["list"], "letter 0"),
        (&["search", "parrot 0"], "letter 0"),
        (&["status"], "work"),
        (&["stats"], "work"),
        (&["show", &id], "parrot"),
        (&["verify"], "messages good"),
        (&["verify", "--read-data"], "messages good"),
        (&["export", "-", "parrot"], "parrot 0"),
    ];
    for (args, part) in lines {
        let Some(output) = run(sandbox, args) else {
            return;
        };
        let output = output.expect_code(0);
        assert!(output.stdout().contains(part), "{output}");
        assert_eq!(output.stderr(), "", "{output}");
    }
    let target = sandbox.path("out");
    let args = ["export", target.to_str().unwrap()];
    let _ = run(sandbox, &args).unwrap().expect_code(0);
    let exported = |sub: &str| fs::read_dir(target.join(sub)).map_or(0, Iterator::count);
    assert_eq!(exported("cur") + exported("new"), messages);
    fs::remove_dir_all(&target).unwrap();
    assert_eq!(fs::read_dir(sandbox.path("copies")).unwrap().count(), 0);
    assert_eq!(names(sandbox), before);
}

#[test]
fn a_vault_on_a_disk_for_reading_only_is_read_in_place() {
    let (sandbox, _server) = pulled((0..7).map(letter).collect());
    // Without an index of words, then with one.
    reads_everything(&sandbox, 7);
    let _ = sandbox.run(&["search", "parrot"]).expect_code(0);
    reads_everything(&sandbox, 7);
    // Nothing writes to it, and that is said.
    if let Some(output) = run(&sandbox, &["pull"]) {
        let output = output.expect_code(1);
        assert!(
            output.stderr().contains("Read-only file system"),
            "{output}"
        );
        let _ = run(&sandbox, &["verify", "--repair"])
            .unwrap()
            .expect_code(1);
    }
}

#[test]
fn a_snapshot_of_a_vault_in_use_is_read_in_a_copy() {
    let (sandbox, _server) = pulled((0..5).map(letter).collect());
    let vault = sandbox.vault();
    let catalog = vault.join("catalog.sqlite");
    // As an open database leaves its journal.
    let open = rusqlite::Connection::open(&catalog).unwrap();
    open.execute_batch("PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x); DROP TABLE t")
        .unwrap();
    let journal = fs::read(vault.join("catalog.sqlite-wal")).unwrap();
    assert!(!journal.is_empty());
    drop(open);
    fs::write(vault.join("catalog.sqlite-wal"), journal).unwrap();
    reads_everything(&sandbox, 5);
}

#[test]
fn a_catalog_that_is_behind_or_missing_is_made_good_outside_the_vault() {
    let (sandbox, _server) = pulled((0..5).map(letter).collect());
    let catalog = sandbox.vault().join("catalog.sqlite");
    let old = fs::read(&catalog).unwrap();
    let second = server((0..8).map(letter).collect());
    configure(&sandbox, &[Account::of("work", &second)]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    fs::write(&catalog, old).unwrap();
    reads_everything(&sandbox, 8);
    fs::remove_file(&catalog).unwrap();
    reads_everything(&sandbox, 8);
}

#[test]
fn compressed_months_are_read_where_nothing_can_be_written() {
    let (sandbox, _server) = pulled((0..6).map(letter).collect());
    age(&sandbox.vault(), 40 * 24);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let packed = |name: &String| name.ends_with(".jsonl.zst");
    let months = fs::read_dir(sandbox.vault().join("ledger")).unwrap();
    let mut months = months.map(|month| month.unwrap().file_name().into_string().unwrap());
    assert!(months.any(|name| packed(&name)));
    reads_everything(&sandbox, 6);
    // Without a catalog all of the ledger is read, and as a vault that has no newer month all
    // of it is compressed.
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    reads_everything(&sandbox, 6);
    let months = fs::read_dir(sandbox.vault().join("ledger")).unwrap();
    for month in months.map(|month| month.unwrap().path()) {
        if month.extension().is_some_and(|end| end == "jsonl") {
            fs::remove_file(month).unwrap();
        }
    }
    reads_everything(&sandbox, 6);
}

#[test]
fn a_merge_that_came_to_no_end_is_read_where_nothing_can_be_written() {
    let (sandbox, server) = pulled((0..7).map(letter).collect());
    configure(
        &sandbox,
        &[Account::of("office", &server).with("stored_as", "\"office\"")],
    );
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let merge = ["account", "merge", "work", "office", "--yes"];
    let _ = sandbox.run(&merge).expect_code(0);
    // As a run leaves it that was killed when some files were moved.
    let mail = sandbox.vault().join("mail");
    for dir in ["cur", "new", "tmp"] {
        fs::create_dir_all(mail.join("work").join(dir)).unwrap();
    }
    let names: Vec<_> = { sandbox.messages("office").into_iter() }
        .map(|message| message.name)
        .collect();
    for name in &names[..4] {
        let [from, to] =
            ["office", "work"].map(|account| mail.join(account).join("cur").join(name));
        fs::rename(from, to).unwrap();
    }
    let moved = names[0].split('.').nth(1).unwrap()[..12].to_owned();
    for args in [
        &["show", &moved][..],
        &["export", "-", &format!("id:{moved}")],
        &["search", "parrot"],
        &["export", "out"],
    ] {
        let Some(output) = run(&sandbox, args) else {
            return;
        };
        let output = output.expect_code(0);
        assert!(
            args == ["export", "out"] || output.stdout().contains("letter"),
            "{output}"
        );
    }
    let exported = |sub: &str| fs::read_dir(sandbox.path("out").join(sub)).unwrap().count();
    assert_eq!(exported("cur") + exported("new"), 7);
    // What lies where is not said before it is settled.
    let _ = run(&sandbox, &["verify"]).unwrap().expect_code(1);
    assert_eq!(sandbox.messages("work").len(), 4);
    // Whoever may write finishes it.
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    assert_eq!(sandbox.messages("office").len(), 7);
    assert!(!mail.join("work").exists());
}
