//! What a log of calls says is not durable yet, and that no line of the ledger rests on it:
//! promise 6 of docs/SAFETY.md. A kill leaves what the kernel has in memory, so that no test of
//! kills would miss a sync.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::points::CALLS;
use super::scene::{Scene, makes_unnamed, read_log, strace};
use crate::life::ageing::age;
use crate::support::missing;
use crate::support::output::Ended;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, message, sandbox, server, tree};

/// What was written or given a name, and is not durable yet.
pub(crate) struct Unsynced {
    vault: PathBuf,
    /// Files that were there before: to open them names nothing.
    known: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

impl Unsynced {
    /// Nothing yet of this sandbox.
    pub(crate) fn of(sandbox: &Sandbox) -> Self {
        let home = fs::canonicalize(sandbox.home()).unwrap();
        Self {
            known: tree(&home)
                .into_keys()
                .map(|path| home.join(path))
                .collect(),
            vault: home.join("vault"),
            files: BTreeSet::new(),
            folders: BTreeSet::new(),
        }
    }

    /// Goes through a log that `strace -f -y -o` wrote. `at` learns of each call before it is
    /// taken in: what is unsynced then, its name and arguments, and how many went before.
    pub(crate) fn walk(&mut self, log: &str, mut at: impl FnMut(&Self, &str, &str, usize)) {
        let mut calls = 0;
        let mut begun: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        for line in log.lines() {
            let (thread, rest) = line.split_once(' ').unwrap();
            let rest = rest.trim_start();
            // A call that the log cuts in two counts from its beginning if it writes, and only
            // from its end if it syncs.
            let (call, arguments) = if rest.starts_with("<... ") {
                let Some(begun) = begun.remove(thread) else {
                    continue;
                };
                begun
            } else {
                let Some((call, arguments)) = rest.split_once('(') else {
                    continue;
                };
                if arguments.contains("<unfinished ...>") && call.contains("sync") {
                    begun.insert(thread, (call, arguments));
                    continue;
                }
                (call, arguments)
            };
            at(self, call, arguments, calls);
            if !rest.contains(" = -1 ") {
                calls += 1;
                self.take(call, arguments);
            }
        }
    }

    /// Takes in one call.
    fn take(&mut self, call: &str, arguments: &str) {
        let quoted: Vec<PathBuf> = arguments
            .split('"')
            .skip(1)
            .step_by(2)
            .map(PathBuf::from)
            .collect();
        match call {
            "write" | "pwrite64" | "writev" | "ftruncate" | "fallocate" => {
                // A file in `tmp` becomes a message by its next name.
                let matters = |path: &PathBuf| !is_note(path) || is_in_tmp(path);
                self.files.extend(described(arguments).filter(matters));
            }
            "fsync" | "fdatasync" => {
                let synced = described(arguments).unwrap();
                self.files.remove(&synced);
                self.folders.remove(&synced);
            }
            "syncfs" => {
                self.files.clear();
                self.folders.clear();
            }
            "openat" if arguments.contains("O_CREAT") && !self.known.contains(&quoted[0]) => {
                self.name(&quoted[0]);
            }
            "mkdir" | "mkdirat" | "unlink" | "unlinkat" => self.name(&quoted[0]),
            "link" | "linkat" if is_descriptor(&quoted[0]) => {
                self.name(&quoted[1]);
                // However durable its content is, its count of links is not yet.
                self.files.insert(quoted[1].clone());
            }
            "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
                self.name(&quoted[0]);
                self.name(&quoted[1]);
                if self.files.contains(&quoted[0]) {
                    self.files.insert(quoted[1].clone());
                }
            }
            _ => {}
        }
    }

    fn name(&mut self, path: &Path) {
        if !is_note(path) {
            self.folders.extend(path.parent().map(Path::to_path_buf));
        }
    }

    /// What of it lies below the vault.
    pub(crate) fn left(&self) -> Vec<&PathBuf> {
        let all = self.files.iter().chain(&self.folders);
        all.filter(|path| path.starts_with(&self.vault)).collect()
    }

    /// Goes through a log, and fails if at any write to the ledger something is unsynced but
    /// the ledger itself, and what has no name of a message yet; gives how many writes there
    /// were.
    fn check_ledger(&mut self, log: &str) -> usize {
        let ledger = self.vault.join("ledger");
        let mut writes = 0;
        self.walk(log, |unsynced, call, arguments, _| {
            let of_ledger = described(arguments).is_some_and(|path| path.starts_with(&ledger));
            if call == "write" && of_ledger {
                writes += 1;
                let mut left = unsynced.left();
                left.retain(|path| !is_in_tmp(path) && !path.starts_with(&ledger));
                assert_eq!(left, Vec::<&PathBuf>::new(), "at {call}({arguments}");
            }
        });
        writes
    }
}

/// The file of a call's first descriptor.
fn described(arguments: &str) -> Option<PathBuf> {
    let (_, rest) = arguments.split_once('<')?;
    Some(PathBuf::from(rest.split_once('>')?.0))
}

/// Whether a link is made from a descriptor: of a file that has no name.
fn is_descriptor(from: &Path) -> bool {
    from.as_os_str().is_empty() || from.starts_with("/proc/self/fd")
}

fn is_in_tmp(path: &Path) -> bool {
    path.parent().unwrap().ends_with("tmp")
}

/// True for what no message rests on: the catalog is derived from the rest, the lock only
/// tells who holds it, and a name in `tmp` means nothing yet.
fn is_note(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.starts_with("catalog.sqlite") || name == "lock" || is_in_tmp(path)
}

/// A run in which these calls go to a log, which it gives.
fn logged(sandbox: &Sandbox, args: &[&str]) -> String {
    let log = sandbox.path("log");
    let options = format!("-y -s 64 -e trace={CALLS} -o {}", log.display());
    assert_eq!(strace(sandbox, &options, args), Ended::Exit(0));
    read_log(&log)
}

#[test]
fn at_each_ledger_write_of_a_pull_nothing_is_unsynced() {
    if missing("strace") {
        return;
    }
    // The second account has two of the messages again.
    let mails = |from: usize, to: usize| {
        let text = |n| format!("Subject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n{n}\r\n");
        let mail = |n: usize| message(&format!("uid-{n}"), &text(n));
        (from..to).map(mail).collect::<Vec<_>>()
    };
    let (first, second) = (server(mails(0, 20)), server(mails(18, 30)));
    let accounts = [Account::of("a", &first), Account::of("b", &second)];
    let sandbox = sandbox(&accounts);
    let mut unsynced = Unsynced::of(&sandbox);
    let log = logged(&sandbox, &["pull", "--create"]);
    let writes = unsynced.check_ledger(&log);
    assert!(writes >= 2, "{log}");
    assert_eq!(sandbox.messages("a").len(), 20);
    assert_eq!(sandbox.messages("b").len(), 12);
}

#[test]
fn a_batch_that_names_nothing_makes_no_marker_and_syncs_no_names() {
    if missing("strace") {
        return;
    }
    let text = |n| format!("Subject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n{n}\r\n");
    // Each message twice.
    let mail = |n: usize| message(&format!("uid-{n}"), &text(n % 2));
    let server = server((0..4).map(mail).collect());
    let sandbox = sandbox(&[Account::of("work", &server)]);
    if !makes_unnamed(&sandbox) {
        return;
    }
    let first = logged(&sandbox, &["pull", "--create", "--limit", "2"]);
    let makes_marker = |log: &str| {
        let of_tmp = |line: &str| line.contains("/mail/work/tmp/") && line.contains("O_CREAT");
        log.lines().any(of_tmp)
    };
    assert!(makes_marker(&first), "{first}");
    let second = logged(&sandbox, &["pull"]);
    let syncs = ["syncfs(", "mail/work/cur>)", "mail/work/tmp>)"];
    assert!(!makes_marker(&second), "{second}");
    assert!(!syncs.iter().any(|sync| second.contains(sync)), "{second}");
    let lines = sandbox.ledger_lines();
    let seen = lines.iter().filter(|line| line.contains("\"ev\":\"seen\""));
    assert_eq!((seen.count(), sandbox.messages("work").len()), (4, 2));
}

#[test]
fn what_a_killed_pull_named_is_durable_before_the_line_that_adopts_it() {
    if missing("strace") {
        return;
    }
    let scene = Scene::begun();
    let sandbox = scene.killed_at(&scene.first_line());
    if !makes_unnamed(&sandbox) {
        return;
    }
    let mut unsynced = Unsynced::of(&sandbox);
    // The kill came before the sync of names.
    let cur = unsynced.vault.join("mail/a/cur");
    let named = fs::read_dir(&cur).unwrap();
    unsynced
        .files
        .extend(named.map(|entry| entry.unwrap().path()));
    unsynced.folders.insert(cur);
    let log = logged(&sandbox, &["pull", "--limit", "0"]);
    assert!(unsynced.check_ledger(&log) > 0, "{log}");
    let lines = sandbox.ledger_lines();
    assert!(lines.iter().any(|line| line.contains("\"ev\":\"adopted\"")));
}

#[test]
fn a_month_is_compressed_durably_before_its_plain_file_goes() {
    if missing("strace") {
        return;
    }
    let text = |n| format!("Subject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n{n}\r\n");
    let mail = |n: usize| message(&format!("uid-{n}"), &text(n));
    let server = server((0..4).map(mail).collect());
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    age(&sandbox.vault(), 40 * 24);
    let mut unsynced = Unsynced::of(&sandbox);
    let log = logged(&sandbox, &["pull"]);
    let mut steps = Vec::new();
    unsynced.walk(&log, |unsynced, call, arguments, _| {
        let step = match call {
            "openat" if arguments.contains(".jsonl.zst.tmp") && arguments.contains("O_CREAT") => {
                "created"
            }
            "rename" if arguments.contains(".jsonl.zst.tmp") => "named",
            "unlink" if arguments.contains("/ledger/") && arguments.contains(".jsonl\"") => {
                "removed"
            }
            "rename" if arguments.contains("/vault.toml.tmp") => {
                steps.push("required");
                return;
            }
            _ => return,
        };
        steps.push(step);
        let mut left = unsynced.left();
        // The name that it loses is one of the same folder.
        left.retain(|path| step != "named" || unsynced.files.contains(*path));
        assert_eq!(left, Vec::<&PathBuf>::new(), "{step}: {call}({arguments}");
    });
    assert_eq!(steps, ["required", "created", "named", "removed"], "{log}");
    assert_eq!(unsynced.left(), Vec::<&PathBuf>::new());
}
