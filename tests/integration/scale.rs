//! What the program takes to walk a vault of very many messages: resident memory at most, and,
//! where it is run by hand, the time of its CPU.
//!
//! By hand, with the program that is to be measured and a vault that is kept for the next time:
//! `MAILVAULT_ROWS=1000000 MAILVAULT_ROWS_AT=/big/rows MAILVAULT_PROGRAM=target/release/mailvault
//! cargo test --test integration scale -- --ignored --nocapture`.

#![allow(clippy::print_stdout, reason = "for people who measure")]

use std::env::var;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use mailvault::sample::Server;

use crate::limits::peak;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, sandbox, server};
use crate::support::synthetic::{FileKind, fill, maildrop};

/// Messages of the test that always runs.
const COUNT: u64 = 50_000;

/// A command and what it may take.
struct Walk {
    args: &'static [&'static str],
    code: i32,
    /// Resident at most, in MiB.
    memory: u64,
}

const fn walk(code: i32, memory: u64, args: &'static [&'static str]) -> Walk {
    Walk { args, code, memory }
}

/// Commands that ask for no file.
const OF_ROWS: &[Walk] = &[
    walk(0, 32, &["list"]),
    walk(0, 32, &["--json", "list"]),
    walk(0, 32, &["list", "-l", "20"]),
    walk(0, 32, &["search", "from:person.7@"]),
    walk(0, 32, &["search", "--sort", "from", "-l", "20"]),
    walk(0, 32, &["search", "--sort", "subject"]),
    walk(0, 32, &["list", "account:home"]),
    walk(0, 32, &["stats"]),
    walk(0, 32, &["status"]),
    walk(0, 32, &["import", "one.eml", "--account", "other"]),
];

/// Commands that look for files.
const OF_FILES: &[Walk] = &[
    walk(0, 36, &["verify"]),
    walk(3, 36, &["audit", "--quick", "work"]),
    walk(0, 36, &["purge", "-n", "work", "--all"]),
    walk(0, 36, &["purge", "-n", "work", "--older-than", "1y"]),
    walk(0, 36, &["purge", "-n", "work", "--match", "from:person.7@"]),
];

/// Commands that read files.
const OF_BODIES: &[Walk] = &[walk(0, 36, &["verify", "--read-data"])];

/// A sandbox whose vault has so many messages, and the server that still lists half of them.
struct Scene {
    sandbox: Sandbox,
    _server: Server,
}

fn scene(count: u64, kind: FileKind, kept: Option<&Path>) -> Scene {
    let server = server(maildrop(count));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    sandbox.write("one.eml", "Subject: one\r\n\r\nbody\r\n", 0o600);
    let name = format!("{}@{}", Server::USER, server.addr());
    match kept {
        None => fill(&sandbox.vault(), &name, count, kind),
        Some(kept) => {
            if !kept.exists() {
                fill(kept, &name, count, kind);
            }
            symlink(kept, sandbox.vault()).unwrap();
        }
    }
    Scene {
        sandbox,
        _server: server,
    }
}

impl Scene {
    /// Runs a command with its results in a file; gives its CPU seconds and its peak of
    /// resident memory in MiB.
    fn measure(&self, walk: &Walk) -> (f64, u64) {
        let program = var("MAILVAULT_PROGRAM").map_or_else(
            |_| PathBuf::from(env!("CARGO_BIN_EXE_mailvault")),
            |path| fs::canonicalize(path).unwrap(),
        );
        let mut command = self.sandbox.tool("/usr/bin/time");
        command
            .args(["-f", "%x %U %S %M", "-o", "taken"])
            .arg(program)
            .args(walk.args);
        command.stdout(Stdio::from(File::create(self.sandbox.path("out")).unwrap()));
        command.stderr(Stdio::from(File::create(self.sandbox.path("err")).unwrap()));
        command.status().unwrap();
        let taken = fs::read_to_string(self.sandbox.path("taken")).unwrap();
        let taken: Vec<&str> = taken.lines().next_back().unwrap().split(' ').collect();
        let said = fs::read_to_string(self.sandbox.path("err")).unwrap();
        assert_eq!(taken[0], walk.code.to_string(), "{:?}: {said}", walk.args);
        let seconds = |n: usize| taken[n].parse::<f64>().unwrap();
        (
            seconds(1) + seconds(2),
            taken[3].parse::<u64>().unwrap() >> 10,
        )
    }

    fn tell(&self, walks: &[Walk]) {
        for walk in walks {
            let (cpu, memory) = self.measure(walk);
            println!("{:40} {cpu:7.2} s {memory:6} MiB", walk.args.join(" "));
        }
    }
}

#[test]
fn many_messages_are_walked_in_little_memory() {
    let scene = scene(COUNT, FileKind::Linked, None);
    for walk in OF_ROWS.iter().chain(OF_FILES) {
        let child = scene.sandbox.start(walk.args);
        let id = child.id();
        let watch = std::thread::spawn(move || peak(id));
        let output = child.wait().expect_code(walk.code);
        let most = watch.join().unwrap() >> 10;
        assert!(
            most <= walk.memory,
            "{:?}: {most} MiB resident\n{}",
            walk.args,
            output.stderr()
        );
    }
}

#[test]
#[ignore = "takes minutes; see the head of the file"]
fn many_messages_are_walked_and_measured() {
    let count = var("MAILVAULT_ROWS").map_or(1_000_000, |count| count.parse().unwrap());
    let kept = var("MAILVAULT_ROWS_AT").map(PathBuf::from).ok();
    let whole = var("MAILVAULT_ROWS_WHOLE").is_ok();
    let kind = if whole {
        FileKind::Whole
    } else {
        FileKind::Linked
    };
    let scene = scene(count, kind, kept.as_deref());
    println!("{count} messages");
    scene.tell(OF_ROWS);
    scene.tell(OF_FILES);
    if whole {
        scene.tell(OF_BODIES);
    }
}
