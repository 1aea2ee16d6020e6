//! A second import of the same files reads only what may have changed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::support::sandbox::Sandbox;
use super::support::scene::json_lines;
use crate::limits::peak;

fn mail(n: u32) -> String {
    format!("Subject: letter {n}\nMessage-ID: <{n}@example.org>\n\nbody of {n}\n")
}

fn in_mbox(messages: &[String]) -> String {
    let one = |mail: &String| format!("From ann@example.org Sat Aug  2 10:00:05 2025\n{mail}\n");
    messages.iter().map(one).collect()
}

/// A Maildir and an mbox file that have not changed for a while: each has two messages and a
/// second copy, as a mailing list adds lines to one.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    let copy = |n| format!("Received: by a list\n{}", mail(n));
    sandbox.write("in/Maildir/cur/1:2,S", mail(1), 0o600);
    sandbox.write("in/Maildir/cur/2:2,", mail(2), 0o600);
    sandbox.write("in/Maildir/new/3", copy(2), 0o600);
    let labelled = format!("X-Gmail-Labels: Work,Important\n{}", mail(5));
    sandbox.write(
        "in/Archive.mbox",
        in_mbox(&[mail(3), mail(4), copy(4), labelled]),
        0o600,
    );
    settle();
    sandbox
}

/// Waits until what was changed last is no longer of this moment.
fn settle() {
    std::thread::sleep(Duration::from_millis(2_100));
}

/// The summary of an import.
fn import_with(sandbox: &Sandbox, more: &[&str]) -> Value {
    let mut args = vec!["import", "in", "--account", "old", "--create", "--json"];
    args.extend(more);
    let output = sandbox.run(&args).expect_code(0);
    json_lines(&output.stdout).pop().unwrap()
}

fn import(sandbox: &Sandbox) -> Value {
    import_with(sandbox, &[])
}

/// Messages, and of them those that are new, were known, and were not read.
fn counts(summary: &Value) -> [u64; 4] {
    ["messages", "new", "duplicates", "unchanged"].map(|key| summary[key].as_u64().unwrap())
}

fn bodies(sandbox: &Sandbox) -> Vec<Vec<u8>> {
    let stored = sandbox.messages("old").into_iter();
    let mut bodies: Vec<_> = stored.map(|stored| stored.bytes).collect();
    bodies.sort();
    bodies.dedup();
    bodies
}

/// The vault's files of a message.
fn files(sandbox: &Sandbox, number: u32) -> Vec<PathBuf> {
    let text = format!("body of {number}\r\n").into_bytes();
    let all = sandbox.messages("old").into_iter();
    let of = all.filter(|stored| stored.bytes.ends_with(&text));
    let path = |folder: &str, name: &str| {
        let root = sandbox.vault().join("mail/old").join(folder);
        root.join("cur").join(name)
    };
    of.map(|stored| path(&stored.folder, &stored.name))
        .collect()
}

/// Writes a file again in place, and gives it the time of modification that it had.
fn rewrite(path: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let before = fs::metadata(path).unwrap();
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    let after = fs::metadata(path).unwrap();
    assert_eq!(after.len(), before.len());
    assert_eq!(after.modified().unwrap(), before.modified().unwrap());
}

#[test]
fn files_that_have_not_changed_are_not_read_again() {
    let sandbox = sandbox();
    assert_eq!(counts(&import(&sandbox)), [7, 5, 2, 0]);
    let stored = bodies(&sandbox);
    assert_eq!(stored.len(), 5);
    let lines = sandbox.ledger_lines();
    // A dry run may look, too.
    for more in [&[][..], &["--dry-run"], &[]] {
        assert_eq!(counts(&import_with(&sandbox, more)), [7, 0, 0, 7]);
    }
    assert_eq!(sandbox.ledger_lines(), lines);
    let said = sandbox.run(&["import", "in", "--account", "old"]);
    let said = said.expect_code(0).stdout();
    let wanted = "0 new (0 B stored), 0 already in the vault, 7 in files that have not changed \
                  since the last import (not read)";
    assert!(said.contains(wanted), "{said}");
    // What is asked for is read, and so is what another way of reading may change.
    assert_eq!(
        counts(&import_with(&sandbox, &["--read-all"])),
        [7, 0, 7, 0]
    );
    assert_eq!(counts(&import_with(&sandbox, &["--mboxo"]))[3], 0);
    assert_eq!(counts(&import(&sandbox))[3], 7);
    fs::remove_file(sandbox.vault().join("catalog-imports.sqlite")).unwrap();
    assert_eq!(counts(&import(&sandbox)), [7, 0, 7, 0]);
    assert_eq!(bodies(&sandbox), stored);
    let _ = sandbox.run(&["verify"]).expect_code(0);
}

#[test]
fn a_file_with_the_size_and_time_that_it_had_is_read_again() {
    let sandbox = sandbox();
    let _ = import(&sandbox);
    rewrite(
        &sandbox.path("in/Maildir/cur/1:2,S"),
        "body of 1",
        "BODY OF 1",
    );
    assert_eq!(counts(&import(&sandbox)), [7, 1, 0, 6]);
    rewrite(&sandbox.path("in/Archive.mbox"), "body of 3", "BODY OF 3");
    assert_eq!(counts(&import(&sandbox)), [7, 1, 4, 2]);
    assert_eq!(bodies(&sandbox).len(), 7);
    // Another file under the name.
    settle();
    let _ = import(&sandbox);
    assert_eq!(counts(&import(&sandbox)), [7, 0, 0, 7]);
    let path = sandbox.path("in/Maildir/cur/2:2,");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::remove_file(&path).unwrap();
    let _ = sandbox.write("in/Maildir/cur/2:2,", mail(9), 0o600);
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(modified).unwrap();
    assert_eq!(counts(&import(&sandbox)), [7, 1, 0, 6]);
}

#[test]
fn what_changed_a_moment_ago_is_not_remembered() {
    let sandbox = sandbox();
    let path = sandbox.path("in/Maildir/cur/1:2,S");
    rewrite(&path, "body of 1", "Body of 1");
    assert_eq!(counts(&import(&sandbox)), [7, 5, 2, 0]);
    assert_eq!(counts(&import(&sandbox)), [7, 0, 1, 6]);
    settle();
    let _ = import(&sandbox);
    assert_eq!(counts(&import(&sandbox)), [7, 0, 0, 7]);
}

#[test]
fn what_the_vault_has_lost_since_is_stored_again() {
    for more in [&[][..], &["--read-all"]] {
        let sandbox = sandbox();
        let _ = import(&sandbox);
        let stored = bodies(&sandbox);
        // In the Maildir, in the mbox file, and one that has labels; the last is cut short.
        for path in files(&sandbox, 1).iter().chain(&files(&sandbox, 3)) {
            fs::remove_file(path).unwrap();
        }
        for path in files(&sandbox, 5) {
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(9)
                .unwrap();
        }
        let [messages, new, duplicates, unchanged] = counts(&import_with(&sandbox, more));
        assert_eq!((messages, new), (7, 3));
        assert_eq!(duplicates + unchanged, 4);
        assert_eq!(bodies(&sandbox), stored);
        let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
        assert_eq!(counts(&import(&sandbox)), [7, 0, 0, 7]);
    }
}

#[test]
fn what_verify_declares_lost_is_stored_again() {
    let sandbox = sandbox();
    let _ = import(&sandbox);
    let stored = bodies(&sandbox);
    for number in [2, 4] {
        for path in files(&sandbox, number) {
            fs::remove_file(path).unwrap();
        }
    }
    let _ = sandbox.run(&["verify", "--repair"]);
    assert_eq!(counts(&import(&sandbox))[1], 2);
    assert_eq!(bodies(&sandbox), stored);
}

#[test]
fn a_renamed_file_of_the_vault_is_found() {
    let sandbox = sandbox();
    let _ = import(&sandbox);
    for path in files(&sandbox, 1) {
        let name = path.to_str().unwrap().replace(":2,S", ":2,FS");
        assert_ne!(Path::new(&name), path);
        fs::rename(&path, name).unwrap();
    }
    assert_eq!(counts(&import(&sandbox)), [7, 0, 0, 7]);
}

#[test]
fn what_could_not_be_read_is_told_each_time() {
    let sandbox = sandbox();
    let path = sandbox.path("in/Archive.mbox");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("belongs to nothing\n{text}")).unwrap();
    sandbox.write("in/Maildir/cur/4:2,", "", 0o600);
    settle();
    for unchanged in [0, 3] {
        let args = ["import", "in", "--account", "old", "--create", "--json"];
        let output = sandbox.run(&args).expect_code(3);
        let summary = json_lines(&output.stdout).pop().unwrap();
        assert_eq!(summary["unread"], 2, "{output}");
        assert_eq!(summary["unchanged"], unchanged, "{output}");
    }
}

#[test]
fn many_names_in_a_directory_take_little_memory() {
    const NAMES: usize = 200_000;
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    sandbox.write("in/new/first", mail(0), 0o600);
    let dir = sandbox.path("in/new");
    let mut first = dir.join("first");
    for n in 1..NAMES {
        let name = dir.join(format!(
            "{:010}.M{n}P{n}.a-host.example.org,S=100",
            n * 7919 % NAMES
        ));
        if n % 50_000 == 0 {
            fs::write(&name, mail(0)).unwrap();
            first = name;
        } else {
            fs::hard_link(&first, &name).unwrap();
        }
    }
    let args = ["import", "in", "--account", "old", "--dry-run", "--json"];
    let child = sandbox.start(&args);
    let id = child.id();
    let watch = std::thread::spawn(move || peak(id));
    let output = child.wait().expect_code(0);
    let most = watch.join().unwrap();
    let summary = json_lines(&output.stdout).pop().unwrap();
    assert_eq!(summary["messages"], NAMES);
    assert!(most <= 32 << 10, "{most} kB");
}
