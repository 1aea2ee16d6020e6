//! Places that `rclone` reaches: a folder, and servers of its own over SFTP and `WebDAV`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mailvault::base::error::{Error, ErrorKind, StoreFault};
use mailvault::offsite::place::{
    Confirmation, ObjectStore, PutConditions, PutOutcome, RcloneProgram, RcloneStore,
    StoreAbilities, StoreLimits,
};

use super::conformance::{Expected, conforms};
use super::{Spool, kind, limits, name, read};
use crate::support::{await_port, free_port, missing};

const MD5: Expected = Expected {
    abilities: StoreAbilities {
        conditions: PutConditions::Refused,
        vouches_md5: true,
        keeps_versions: false,
    },
    confirmation: Confirmation::Md5,
};

fn open(remote: &str, program: RcloneProgram, limits: StoreLimits) -> ObjectStore {
    ObjectStore::Rclone(RcloneStore::new(remote, program, limits))
}

/// A folder by way of rclone.
pub(super) fn local(root: &Path) -> ObjectStore {
    let remote = format!(":local:{}", root.display());
    open(&remote, RcloneProgram::default(), limits())
}

/// A server of rclone's, ended by its process id when dropped.
pub(crate) struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `rclone serve` of a folder, and a configuration in `dir` with the remote `nas` that reaches it.
pub(crate) fn serve(kind: &str, dir: &Path) -> (Serving, RcloneProgram) {
    let port = free_port();
    let served = dir.join("served");
    fs::create_dir(&served).unwrap();
    let config = dir.join("rclone.conf");
    let child = Command::new("rclone")
        .args(["serve", kind, "--addr", &format!("127.0.0.1:{port}")])
        .args(["--user", "ann", "--pass", "hunter2hunter2", "--config"])
        .arg(&config)
        .arg(&served)
        .env("XDG_CACHE_HOME", dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let serving = Serving(child);
    await_port(port, Duration::from_secs(20));
    let obscured = Command::new("rclone")
        .args(["obscure", "hunter2hunter2"])
        .output()
        .unwrap();
    let obscured = String::from_utf8(obscured.stdout).unwrap();
    let lines = if kind == "sftp" {
        format!("type = sftp\nhost = 127.0.0.1\nport = {port}\n")
    } else {
        format!("type = webdav\nurl = http://127.0.0.1:{port}\nvendor = other\n")
    };
    fs::write(
        &config,
        format!("[nas]\n{lines}user = ann\npass = {obscured}\n"),
    )
    .unwrap();
    let program = RcloneProgram {
        config: Some(config),
        ..RcloneProgram::default()
    };
    (serving, program)
}

#[test]
fn a_folder_by_rclone_conforms() {
    if missing("rclone") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    conforms(&local(&dir.path().join("copy")), &MD5);
}

#[test]
fn sftp_by_rclone_conforms() {
    if missing("rclone") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (_serving, program) = serve("sftp", dir.path());
    conforms(&open("nas:mail", program, limits()), &MD5);
}

#[test]
fn webdav_by_rclone_conforms_and_knows_sizes_alone() {
    if missing("rclone") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (_serving, program) = serve("webdav", dir.path());
    let expected = Expected {
        abilities: StoreAbilities {
            vouches_md5: false,
            ..MD5.abilities
        },
        confirmation: Confirmation::SizeOnly,
    };
    conforms(&open("nas:mail", program, limits()), &expected);
}

fn fault<T: std::fmt::Debug>(result: Result<T, Error>) -> StoreFault {
    match result {
        Err(Error::Store { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_rclone_cannot_do_has_its_class() {
    if missing("rclone") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (serving, program) = serve("webdav", dir.path());
    let spool = Spool::new();
    let nowhere = open("elsewhere:mail", program.clone(), limits());
    assert_eq!(fault(nowhere.head(&name("a"))), StoreFault::NoBucket);
    assert_eq!(
        kind(spool.put(&nowhere, "a", b"x")),
        ErrorKind::VaultMissing
    );
    drop(serving);
    let gone = open("nas:mail", program, limits());
    assert_eq!(fault(gone.head(&name("a"))), StoreFault::Unreachable);
    assert_eq!(kind(spool.put(&gone, "a", b"x")), ErrorKind::Unreachable);
    let none = RcloneProgram {
        program: "no-such-rclone".into(),
        config: None,
    };
    let none = open(":local:/", none, limits());
    assert_eq!(kind(none.head(&name("a"))), ErrorKind::Config);
}

/// A program in place of rclone: a shell script.
fn script(dir: &Path, text: &str) -> RcloneProgram {
    let program = dir.join("rclone");
    fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    RcloneProgram {
        program: program.into(),
        config: None,
    }
}

#[test]
fn statuses_of_rclone_decide_and_not_its_words() {
    let dir = tempfile::tempdir().unwrap();
    for (text, wanted) in [
        ("exit 5", StoreFault::Busy { wait: None }),
        (
            "case \"$*\" in *--hash*) exit 7;; *) exit 0;; esac",
            StoreFault::Refused {
                code: "exit status 7".into(),
            },
        ),
        (
            "echo 'object not found' >&2; exit 1",
            StoreFault::Unreachable,
        ),
        (
            "echo '{'; exit 0",
            StoreFault::Garbled {
                what: "the list of rclone cannot be read".into(),
            },
        ),
    ] {
        let store = open("x:y,z", script(dir.path(), text), limits());
        let found = fault(store.head(&name("a")));
        // A remote that no configuration has is none.
        let wanted = match wanted {
            StoreFault::Unreachable => StoreFault::NoBucket,
            wanted => wanted,
        };
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn a_copy_that_rclone_cut_is_not_taken_for_one_that_was_stored() {
    let dir = tempfile::tempdir().unwrap();
    let text = "case $1 in copyto) exit 0;; lsjson) exit 3;; esac";
    let store = open(":x:", script(dir.path(), text), limits());
    assert_eq!(
        kind(Spool::new().put(&store, "a", b"x")),
        ErrorKind::Damaged
    );
    let text =
        "case $1 in lsjson) echo '{\"Size\":9,\"IsDir\":false}';; cat) echo abc; exit 1;; esac";
    let store = open(":x:", script(dir.path(), text), limits());
    // The place answers lsjson, so the cat was refused.
    assert_eq!(kind(read(&store, "a")), ErrorKind::Auth);
    let text = "case $1 in lsjson) echo '{\"Size\":9,\"IsDir\":false}';; cat) echo abc;; esac";
    let mut few = limits();
    few.retries = 0;
    let store = open(":x:", script(dir.path(), text), few);
    assert_eq!(kind(read(&store, "a")), ErrorKind::Damaged);
}

#[test]
fn a_rclone_that_hangs_is_ended_by_time_or_by_the_user_with_all_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let outlived = dir.path().join("outlived");
    let text = format!("sh -c 'sleep 4; touch {}' & sleep 60", outlived.display());
    let mut short = limits();
    short.wire.reply = Duration::from_millis(500);
    short.wire.connect = Duration::from_millis(500);
    short.retries = 0;
    let store = open(":x:", script(dir.path(), &text), short);
    assert_eq!(kind(store.head(&name("a"))), ErrorKind::Unreachable);

    let stop = Arc::new(AtomicBool::new(false));
    let mut long = limits();
    long.wire.stop = Arc::clone(&stop);
    let store = open(":x:", script(dir.path(), &text), long);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::Relaxed);
    });
    let began = Instant::now();
    assert_eq!(kind(store.head(&name("a"))), ErrorKind::Interrupted);
    assert!(began.elapsed() < Duration::from_millis(1_300));
    std::thread::sleep(Duration::from_secs(4));
    assert!(!outlived.exists());
}

#[test]
fn nothing_secret_is_an_argument_of_rclone() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("arguments");
    let text = format!("echo \"$*\" >>{}; exit 3", log.display());
    let store = open("nas:mail", script(dir.path(), &text), limits());
    let _ = Spool::new().put(&store, "packs/a", b"x");
    let arguments = fs::read_to_string(log).unwrap();
    let lines: Vec<_> = arguments.lines().collect();
    assert_eq!(lines.len(), 3, "{arguments}");
    assert!(lines[1].starts_with("copyto") && lines[1].ends_with("nas:mail/packs/a"));
    assert!(lines[1].contains("--immutable --ignore-existing"));
}

#[test]
fn rclone_overwrites_nothing_that_appears_while_it_copies() {
    if missing("rclone") {
        return;
    }
    // The object appears after we looked: the script puts it there before it copies.
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    let text = format!(
        "case $1 in copyto) mkdir -p {0}; test -e {0}/a || echo theirs >{0}/a;; esac; exec rclone \"$@\"",
        copy.display()
    );
    let remote = format!(":local:{}", copy.display());
    let program = script(dir.path(), &text);
    let store = open(&remote, program, limits());
    let PutOutcome::Exists(_) = Spool::new().put(&store, "a", b"ours and longer").unwrap() else {
        panic!("it was taken for ours");
    };
    assert_eq!(fs::read(copy.join("a")).unwrap(), b"theirs\n");
}
