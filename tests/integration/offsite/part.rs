//! A part of the copy: what is fetched is what an export of the vault would have been.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::Signal;

use super::{add_place, folder, key_file, run};
use crate::support::client::Wire;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::missing;
use crate::support::output::Ended;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, json_lines, sandbox, tree, until};

/// Where the messages lie before they are written.
const SCRATCH: &str = "mailvault-restore.tmp";

fn letter(n: usize, from: &str, text: &str) -> String {
    format!(
        "From: {from}\r\nTo: ann@example.org\r\nSubject: letter {n}\r\nMessage-ID: \
         <{n}@example.org>\r\nDate: Tue, {} Oct 2020 08:14:58 +0000\r\n\r\n{text} {n}\r\n",
        n % 28 + 1
    )
}

/// A vault with mail of a server, some of which is gone from it, and imported mail with flags, and
/// its copy.
fn copied() -> Option<(Sandbox, Dovecot)> {
    if missing("age") {
        return None;
    }
    let dovecot = Dovecot::start(&Options::default())?;
    let of = |from: &'static str| move |n| letter(n, from, "Dear Ann, the invoice");
    dovecot.deliver(
        "ann",
        &(0..8).map(of("carol@example.org")).collect::<Vec<_>>(),
    );
    dovecot.deliver_to(
        "ann",
        ".Sent",
        &(6..12).map(of("ann@example.org")).collect::<Vec<_>>(),
    );
    let port = dovecot.imap().port();
    let office = Account::new("office", port, "ann").with("protocol", "\"imap\"");
    let sandbox = sandbox(&[office]);
    let mut imap = Wire::imap(dovecot.imap(), "ann", PASSWORD);
    imap.tagged("SELECT INBOX");
    imap.tagged("UID STORE 2,3 +FLAGS (\\Seen \\Flagged work)");
    run(&sandbox, &["pull", "--create"]);
    imap.tagged("UID STORE 4 +FLAGS (\\Deleted)");
    imap.tagged("EXPUNGE");
    run(&sandbox, &["pull"]);
    for (n, name) in [
        "cur/1.a.b:2,FS",
        "cur/2.a.b:2,",
        ".Old.2009/cur/3.a.b:2,RS",
        ".Old/new/4.a.b",
    ]
    .into_iter()
    .enumerate()
    {
        let text = letter(20 + n, "dave@example.org", "Good morning, the parcel");
        let file = sandbox.write(&format!("maildir/{name}"), text, 0o600);
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_300_000_000 + n as u64);
        fs::File::options()
            .write(true)
            .open(file)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    for sub in [
        "new",
        "tmp",
        ".Old/cur",
        ".Old/tmp",
        ".Old.2009/new",
        ".Old.2009/tmp",
    ] {
        fs::create_dir_all(sandbox.path("maildir").join(sub)).unwrap();
    }
    run(&sandbox, &["import", "maildir", "--account", "home"]);
    // It lies in a pack of its own.
    let large = letter(
        30,
        "dave@example.org",
        &"A large one, the parcel\r\n".repeat(60_000),
    );
    sandbox.write("large.eml", large, 0o600);
    run(&sandbox, &["import", "large.eml", "--account", "archive"]);
    let url = folder(&sandbox);
    add_place(&sandbox, "b2", &url, "");
    run(&sandbox, &["offsite", "init", "b2"]);
    run(&sandbox, &["offsite", "push"]);
    Some((sandbox, dovecot))
}

/// All files below a folder with their times.
fn dated(root: &Path) -> BTreeMap<String, (Vec<u8>, i64)> {
    let files = tree(root).into_iter();
    let file = |(name, bytes): (String, Vec<u8>)| {
        let time = fs::metadata(root.join(&name)).unwrap().mtime();
        // Of the others it is when they were written.
        let is_eml = Path::new(&name).extension().is_some_and(|end| end == "eml");
        let is_message = is_eml || name.contains("cur/");
        (name, (bytes, if is_message { time } else { 0 }))
    };
    files.map(file).collect()
}

/// The arguments of a restore into this directory.
fn restore<'a>(dir: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = ["offsite", "restore", "b2", dir, "--identity", "key.txt"];
    [&args, more].concat()
}

#[test]
fn a_part_of_the_copy_is_what_an_export_of_the_vault_is() {
    let Some((sandbox, _dovecot)) = copied() else {
        return;
    };
    let cases: [(&[&str], &[&str], usize); 14] = [
        (&["account:office"], &["--account", "office"], 13),
        (
            &["-account:office"],
            &["--account", "home", "--account", "arch*"],
            5,
        ),
        (&["folder:Sent"], &["folder:Sent"], 6),
        (
            &["folder:Sent", "--format", "eml"],
            &["folder:Sent", "--format", "eml"],
            6,
        ),
        (
            &["folder:Old/*", "--format", "mbox"],
            &["folder:Old/*", "--format", "mbox"],
            1,
        ),
        (
            &["account:home", "--format", "mbox"],
            &["--account", "home", "--format", "mbox"],
            4,
        ),
        (&["before:2021"], &["before:2021"], 5),
        (
            &["account:office", "--gone"],
            &["--account", "office", "--gone"],
            14,
        ),
        (&["subject:\"letter 7\""], &["subject:\"letter 7\""], 2),
        (
            &["invoice", "folder:INBOX"],
            &["invoice", "folder:INBOX"],
            7,
        ),
        (
            &["-from:dave", "-folder:Sent"],
            &["-folder:Sent", "-from:dave"],
            7,
        ),
        (&["msgid:21@example.org"], &["msgid:21@example.org"], 1),
        (&["to:ann", "larger:1M"], &["larger:1M", "to:ann"], 1),
        (
            &["account:home", "--format", "html"],
            &["--account", "home", "--format", "html"],
            4,
        ),
    ];
    for (n, (export, part, _)) in cases.iter().enumerate() {
        let dir = format!("export{n}");
        let _ = sandbox
            .run(&[&["export", &dir], *export].concat())
            .expect_code(0);
        let _ = part;
    }
    // On the machine that restores, the vault is not there.
    fs::rename(sandbox.vault(), sandbox.path("lost")).unwrap();
    for (n, (_, part, messages)) in cases.iter().enumerate() {
        let dir = format!("part{n}");
        let out = sandbox
            .run(&[&restore(&dir, part)[..], &["--json"]].concat())
            .expect_code(0);
        let lines = json_lines(&out.stdout);
        let summary = lines.last().unwrap();
        assert_eq!(summary["written"], *messages, "{part:?}: {summary}");
        assert_eq!(
            (&summary["missing"], &summary["head"]),
            (&0.into(), &1.into())
        );
        let (export, restored) = (sandbox.path(format!("export{n}")), sandbox.path(&dir));
        let (export, restored) = (dated(&export), dated(&restored));
        let names = |files: &BTreeMap<String, _>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&export), names(&restored), "{part:?}");
        if part.contains(&"html") {
            // Its pages say when they were made.
            continue;
        }
        for (name, file) in &export {
            assert!(restored[name] == *file, "{part:?}: {name}");
        }
    }
    assert!(!sandbox.vault().exists());
}

#[test]
fn what_it_gives_is_said_to_be_no_vault_and_is_written_once() {
    let Some((sandbox, _dovecot)) = copied() else {
        return;
    };
    let out = sandbox
        .run(&restore("found", &["--account", "home"]))
        .expect_code(0);
    let text = out.stdout();
    assert!(
        text.contains("4 messages") && text.contains("These are files, not a vault."),
        "{text}"
    );
    // The same once more writes nothing.
    let again = sandbox
        .run(&restore("found", &["--account", "home"]))
        .expect_code(0);
    assert!(
        again.stdout().contains("4 already there"),
        "{}",
        again.stdout()
    );
    let nothing = sandbox
        .run(&restore("nothing", &["before:1990"]))
        .expect_code(0);
    assert!(
        nothing.stdout().contains("no messages match"),
        "{}",
        nothing.stdout()
    );
    assert!(!sandbox.path("nothing").exists());
}

#[test]
fn what_cannot_be_meant_or_done_is_refused_before_anything_is_written() {
    let Some((sandbox, _dovecot)) = copied() else {
        return;
    };
    sandbox.write("full/letter.txt", "mine", 0o600);
    let other = key_file(&sandbox, "other.txt");
    let nowhere = sandbox.vault().join("part").display().to_string();
    let cases: [(&str, &[&str], i32, &str); 9] = [
        ("account:home", &[], 2, "is a query"),
        ("-from:dave", &[], 2, "is a query"),
        ("new", &["--format", "eml"], 2, "are for files"),
        ("new", &["--gone"], 2, "are for files"),
        ("new", &["form:dave"], 2, "from:"),
        ("full", &["--account", "home"], 2, "it is not empty"),
        (&nowhere, &["--account", "home"], 2, "inside the vault"),
        ("new", &["--account", "hme"], 2, "home"),
        ("new", &["id:00000000"], 18, ""),
    ];
    for (dir, more, code, said) in cases {
        let out = sandbox.run(&restore(dir, more)).expect_code(code);
        assert!(
            out.stderr().contains(said),
            "{dir} {more:?}: {}",
            out.stderr()
        );
    }
    for (query, name) in [("id:00000000", "id"), ("account:hme", "account")] {
        let export = sandbox.run(&["export", "exported", query]);
        let part = sandbox.run(&restore("new", &[query]));
        assert_eq!(export.ended, part.ended, "{name}");
    }
    let args = [
        "offsite",
        "restore",
        "b2",
        "new",
        "--identity",
        &other,
        "--account",
        "home",
    ];
    let out = sandbox.run(&args).expect_code(12);
    assert!(
        out.stderr().contains("does not open the copy"),
        "{}",
        out.stderr()
    );
    assert!(!sandbox.path("new").exists());
    assert_eq!(tree(&sandbox.path("full")).len(), 1);
}

#[test]
fn what_is_lost_in_the_place_is_named_and_the_rest_is_written() {
    let Some((sandbox, _dovecot)) = copied() else {
        return;
    };
    let packs = sandbox.path("disk/copy/packs");
    fs::rename(&packs, sandbox.path("packs")).unwrap();
    let out = sandbox
        .run(
            &[
                &restore("part", &["--account", "archive", "--account", "home"])[..],
                &["--json"],
            ]
            .concat(),
        )
        .expect_code(20);
    let lines = json_lines(&out.stdout);
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    let summary = lines.last().unwrap();
    let missing = summary["missing"].as_u64().unwrap();
    assert!(
        missing > 0 && of("not_restored") as u64 == missing,
        "{summary}"
    );
    assert_eq!((of("place_damage"), &summary["damaged"]), (1, &1.into()));
    assert_eq!(
        summary["written"].as_u64().unwrap() + missing,
        summary["selected"].as_u64().unwrap()
    );
    let out = sandbox.run(&restore("other", &["parcel"])).expect_code(20);
    assert!(
        out.stdout().contains("could not be looked at"),
        "{}",
        out.stdout()
    );
    // Once it is back, the same command writes the rest.
    fs::rename(sandbox.path("packs"), &packs).unwrap();
    run(
        &sandbox,
        &restore("part", &["--account", "archive", "--account", "home"]),
    );
    assert!(!sandbox.path("part").join(SCRATCH).exists());
}

/// A `rclone` that never ends to read a pack, as long as a file `slow` is there.
const SLOW: &str = "#!/bin/sh\n\
    case \"$*\" in cat*/packs/*) touch \"$HOME/reading\"; while test -e \"$HOME/slow\"; do sleep 0.1; done;; esac\n\
    PATH=$(echo \"$PATH\" | cut -d: -f2-) exec rclone \"$@\"\n";

#[test]
fn what_ctrl_c_or_a_kill_left_is_not_there_after_the_next() {
    if missing("rclone") {
        return;
    }
    let Some((mut sandbox, _dovecot)) = copied() else {
        return;
    };
    sandbox.write("bin/rclone", SLOW, 0o755);
    let path = std::env::var("PATH").unwrap();
    let bin = sandbox.path("bin").display().to_string();
    sandbox.env("PATH", format!("{bin}:{path}"));
    let url = format!("rclone::local:{}", sandbox.path("disk/copy").display());
    let args = [
        "offsite",
        "restore",
        &url,
        "part",
        "--identity",
        "key.txt",
        "--account",
        "archive",
    ];
    let scratch = sandbox.path("part").join(SCRATCH);
    for signal in [Signal::INT, Signal::KILL] {
        fs::write(sandbox.path("slow"), "").unwrap();
        let _ = fs::remove_file(sandbox.path("reading"));
        let child = sandbox.start(&args);
        until("a pack is read", || sandbox.path("reading").exists());
        assert!(scratch.join("ledger").exists());
        child.signal(signal);
        let out = child.wait();
        fs::remove_file(sandbox.path("slow")).unwrap();
        if signal == Signal::INT {
            assert_eq!(out.ended, Ended::Exit(130), "{out}");
            assert!(!sandbox.path("part").exists());
        } else {
            assert!(scratch.join("ledger").exists());
        }
    }
    // An export does not mind what lies there.
    run(&sandbox, &["export", "part", "account:archive"]);
    assert!(scratch.exists());
    let again = sandbox.run(&args).expect_code(0);
    assert!(
        again.stdout().contains("1 already there"),
        "{}",
        again.stdout()
    );
    assert!(!scratch.exists());
}

#[test]
fn a_part_of_an_earlier_state_is_restored() {
    let Some((sandbox, _dovecot)) = copied() else {
        return;
    };
    sandbox.write("late.eml", letter(90, "erin@example.org", "Later"), 0o600);
    run(&sandbox, &["import", "late.eml", "--account", "home"]);
    run(&sandbox, &["offsite", "push"]);
    for (at, messages) in [("1", 4), ("2", 5)] {
        let more = ["--account", "home", "--at", at, "--json"];
        let dir = format!("at{at}");
        let out = sandbox.run(&restore(&dir, &more)).expect_code(0);
        let lines = json_lines(&out.stdout);
        assert_eq!(lines.last().unwrap()["written"], messages);
    }
}
