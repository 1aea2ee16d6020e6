//! Promise 7 of docs/SAFETY.md: a pull that is killed, or whose disk fails, at any of its
//! calls below the vault leaves nothing lost, altered, doubled or stuck after the next one.
//!
//! A first run under strace tells the calls, each as a point: the call, the path that it
//! is about, and the how manieth by its thread. Then each point has a run of its own in
//! which it kills or fails. `strace -D` keeps the pid, so that names in `tmp` are known.
//! `MAILVAULT_CRASH=fsync` tries only points with that text.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mailvault::sample::{Message, Server};

use super::support::missing;
use super::support::output::Ended;
use super::support::sandbox::Sandbox;

/// Calls that change files, and those that send.
const CALLS: &str = "openat,write,pwrite64,writev,ftruncate,utimensat,fallocate,fdatasync,fsync,syncfs,\
    link,linkat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,sendto";
/// Runs at a time.
const WORKERS: usize = 2;

/// One call of a pull.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    call: String,
    /// Below the vault, with `$$` for the pid; none for a socket.
    path: Option<String>,
    n: usize,
    /// Whether the call may need room for a new name.
    creates: bool,
}

/// What happens to a pull.
#[derive(Debug, Clone)]
struct Fault {
    call: String,
    /// The path it is limited to, as in [`Point`]; `*` for all that are known.
    path: Option<String>,
    /// `signal=KILL:when=3` and such.
    what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.as_deref().unwrap_or("socket");
        write!(f, "{} {path} {}", self.call, self.what)
    }
}

/// A maildrop, and a vault from which pulls begin.
struct Scene {
    server: Server,
    start: Sandbox,
    args: &'static [&'static str],
}

fn mail(n: usize, subject: &str, body: &[u8]) -> Message {
    let head = format!(
        "Received: by mx.example.org; {n} Nov 2026 10:00:00 +0000\r\nFrom: ann@example.org\r\n\
         Subject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\n"
    );
    Message {
        uidl: format!("uid-{n}"),
        bytes: [head.as_bytes(), body, b"\r\n"].concat(),
    }
}

/// Six messages that are four: a copy and a likeness are among them, and one is larger
/// than an arena.
fn maildrop() -> Vec<Message> {
    let digits = |n: u32| n.wrapping_mul(2_654_435_761).to_be_bytes();
    let large: Vec<u8> = (0..90_000).flat_map(digits).map(|b| b % 90 + 33).collect();
    let large: Vec<u8> = large
        .chunks(76)
        .flat_map(|line| [line, b"\r\n"].concat())
        .collect();
    let mut copy = mail(1, "first", b"one");
    "uid-4".clone_into(&mut copy.uidl);
    vec![
        mail(1, "first", b"one"),
        mail(2, "second", b"two"),
        mail(3, "third", b"three"),
        copy,
        mail(5, "second", b"two"),
        mail(6, "large", &large),
    ]
}

fn wanted() -> Vec<Vec<u8>> {
    let mut all = maildrop();
    all.remove(4);
    all.remove(3);
    let mut wanted: Vec<Vec<u8>> = all.into_iter().map(|message| message.bytes).collect();
    wanted.sort();
    wanted
}

impl Scene {
    fn new(args: &'static [&'static str]) -> Self {
        let server = Server::start(maildrop()).unwrap();
        let start = Sandbox::new();
        let scene = Self {
            server,
            start,
            args,
        };
        scene.configure(&scene.start);
        scene
    }

    fn configure(&self, sandbox: &Sandbox) {
        sandbox.write("password", Server::PASSWORD, 0o600);
        sandbox.config(&format!(
            "vault = \"$HOME/vault\"\n[accounts.a]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             user = \"{}\"\npassword_file = \"$HOME/password\"\n",
            self.server.addr().port(),
            Server::USER
        ));
    }

    /// A sandbox with a copy of the vault that this scene begins with.
    fn sandbox(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        self.configure(&sandbox);
        if self.start.vault().exists() {
            let mut copy = Command::new("cp");
            copy.arg("-a").arg(self.start.vault()).arg(sandbox.vault());
            assert!(copy.status().unwrap().success());
        }
        sandbox
    }

    /// The pull under strace with these options, whose `$$` is the pid of the pull.
    fn strace(&self, sandbox: &Sandbox, options: &str) -> Ended {
        let mut shell = sandbox.tool("sh");
        let script = format!("exec strace -D -f -qq {options} \"$@\"");
        shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_mailvault")]);
        shell.args(self.args);
        sandbox.spawn(shell).wait().ended
    }

    /// Every call of an undisturbed pull that is about a file of the vault, or sends.
    fn points(&self) -> Vec<Point> {
        let sandbox = self.sandbox();
        let log = sandbox.path("log");
        let options = format!("-y -s 0 -e trace={CALLS} -o {}", log.display());
        assert_eq!(self.strace(&sandbox, &options), Ended::Exit(0));
        let vault = fs::canonicalize(sandbox.vault()).unwrap();
        // strace may end a little later than what it watches.
        let mut text = String::new();
        for _ in 0..500 {
            text = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
            if text
                .lines()
                .last()
                .is_some_and(|l| l.contains("+++ exited"))
            {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        points(&text, vault.to_str().unwrap())
    }

    /// Runs a pull with a fault, then an honest one; the error says what is wrong. False if
    /// the pull came to its end without the fault: two compressors share out the names in
    /// `tmp` as it happens, and not every failed write stops a run.
    fn try_fault(&self, fault: &Fault, known: &BTreeSet<String>) -> Result<bool, String> {
        let sandbox = self.sandbox();
        let home = fs::canonicalize(sandbox.home()).unwrap();
        let vault = home.join("vault");
        // In double quotes the shell fills in the pid and nothing else: names here have
        // neither a quote nor a backslash.
        let limit = |path: &String| format!(" -P \"{}{path}\"", vault.display());
        let paths: String = match fault.path.as_deref() {
            None => String::new(),
            Some("*") => known.iter().map(limit).collect(),
            Some(path) => limit(&path.to_owned()),
        };
        let (call, what) = (&fault.call, &fault.what);
        let options = format!("--seccomp-bpf -o /dev/null -e inject={call}:{what}{paths}");
        let ended = self.strace(&sandbox, &options);
        let hit = ended != Ended::Exit(0);
        if !what.contains("KILL") && !matches!(ended, Ended::Exit(_)) {
            return Err(format!("ended {ended:?}"));
        }
        let unproved = recorded_without_file(&sandbox);
        if !unproved.is_empty() {
            return Err(format!("the ledger names what is not there: {unproved:?}"));
        }
        let honest = sandbox.run(self.args);
        if honest.ended != Ended::Exit(0) {
            return Err(format!("stuck: {honest}"));
        }
        let verified = sandbox.run(&["verify", "--read-data"]);
        if verified.ended != Ended::Exit(0) {
            return Err(format!("not whole: {verified}"));
        }
        let stored = sandbox.messages("a");
        let mut bytes: Vec<Vec<u8>> = stored.iter().map(|s| s.bytes.clone()).collect();
        bytes.sort();
        if bytes != wanted() {
            let names: Vec<&str> = stored.iter().map(|s| s.name.as_str()).collect();
            return Err(format!("lost, altered or doubled: {names:?}"));
        }
        let left = fs::read_dir(sandbox.vault().join("mail/a/tmp")).unwrap();
        let left = left.count();
        if left > 0 {
            return Err(format!("{left} files are left in tmp"));
        }
        let again = sandbox.run(self.args);
        if again.ended != Ended::Exit(0) || !again.stdout.is_empty() {
            return Err(format!("not done: {again}"));
        }
        Ok(hit)
    }

    /// Tries all faults, some at a time, and fails with all that went wrong.
    fn try_all(&self, faults: Vec<Fault>, points: &[Point]) {
        let only = std::env::var("MAILVAULT_CRASH").unwrap_or_default();
        let known = points.iter().filter_map(|point| point.path.clone());
        let known: BTreeSet<String> = known.collect();
        let count = faults.len();
        let faults = faults.into_iter().filter(|f| f.to_string().contains(&only));
        let faults = Mutex::new(faults.collect::<Vec<_>>().into_iter());
        let (hits, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    loop {
                        let next = faults.lock().unwrap().next();
                        let Some(fault) = next else { break };
                        match self.try_fault(&fault, &known) {
                            Ok(hit) => drop(hits.fetch_add(hit.into(), Ordering::Relaxed)),
                            Err(error) => wrong.lock().unwrap().push(format!("{fault}: {error}")),
                        }
                    }
                });
            }
        });
        let wrong = wrong.into_inner().unwrap();
        assert!(
            wrong.is_empty(),
            "{} of {count} faults:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        let hits = hits.into_inner();
        assert!(
            hits * 2 >= count || !only.is_empty(),
            "only {hits} of {count} faults were met"
        );
    }
}

/// The points of a log that `strace -f -y -o` wrote.
fn points(log: &str, vault: &str) -> Vec<Point> {
    let pid = log.split(' ').next().unwrap();
    let mut counts: BTreeMap<(String, String, Option<String>), usize> = BTreeMap::new();
    let mut points = Vec::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let Some((call, arguments)) = rest.trim_start().split_once('(') else {
            continue;
        };
        if !CALLS.split(',').any(|known| known == call) {
            continue;
        }
        let path = path_in(arguments, vault).map(|path| {
            let name = path.rsplit('/').next().unwrap();
            let of_pid = name.strip_prefix(pid).is_some_and(|n| n.starts_with('.'));
            if of_pid {
                path.replace(&format!("/{pid}."), "/$$.")
            } else {
                path
            }
        });
        if path.is_none() && call != "sendto" {
            continue;
        }
        let key = (thread.to_owned(), call.to_owned(), path.clone());
        let n = counts.entry(key).or_default();
        *n += 1;
        let creates = arguments.contains("O_CREAT");
        let (call, n) = (call.to_owned(), *n);
        points.push(Point {
            call,
            path,
            n,
            creates,
        });
    }
    points.sort();
    points.dedup();
    points
}

/// The first path below the vault that a call names, from there: quoted, or as what a
/// descriptor is.
fn path_in(arguments: &str, vault: &str) -> Option<String> {
    let starts = arguments.match_indices(vault).map(|(at, _)| at);
    for at in starts {
        let end = match arguments[..at].chars().next_back()? {
            '"' => '"',
            '<' => '>',
            _ => continue,
        };
        let path = arguments[at..].split(end).next()?;
        let below = &path[vault.len()..];
        if below.is_empty() || below.starts_with('/') {
            return Some(below.to_owned());
        }
    }
    None
}

/// The hashes of `seen` lines that no file has.
fn recorded_without_file(sandbox: &Sandbox) -> Vec<String> {
    let cur = sandbox.vault().join("mail/a/cur");
    let names: Vec<String> = match fs::read_dir(&cur) {
        Ok(listed) => listed
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect(),
        Err(_) => Vec::new(),
    };
    let there = |hash: &str| {
        let name = names.iter().find(|name| name.contains(hash));
        name.is_some_and(|name| zstd::decode_all(&*fs::read(cur.join(name)).unwrap()).is_ok())
    };
    let ledger = sandbox.vault().join("ledger");
    if !ledger.exists() {
        return Vec::new();
    }
    let hash = |line: String| {
        let hash = line.split_once("\"hash\":\"")?.1.get(..32)?.to_owned();
        (line.contains("\"ev\":\"seen\"") && line.ends_with('}')).then_some(hash)
    };
    let hashes = sandbox.ledger_lines().into_iter().filter_map(hash);
    hashes.filter(|hash| !there(hash)).collect()
}

fn at(point: &Point, what: &str) -> Fault {
    Fault {
        call: point.call.clone(),
        path: point.path.clone(),
        what: format!("{what}:when={}", point.n),
    }
}

fn kills(points: &[Point]) -> Vec<Fault> {
    let kill = |point: &Point| at(point, "signal=KILL");
    points.iter().map(kill).collect()
}

/// What a disk may answer to a call.
fn errors(point: &Point) -> &'static [&'static str] {
    match point.call.as_str() {
        "write" | "pwrite64" | "fdatasync" | "fsync" | "syncfs" => &["error=ENOSPC", "error=EIO"],
        "link" | "linkat" | "rename" | "renameat" | "renameat2" | "mkdir" | "mkdirat" => {
            &["error=ENOSPC"]
        }
        "openat" if point.creates => &["error=ENOSPC"],
        _ => &[],
    }
}

/// A vault that has the first two messages.
fn begun() -> Scene {
    let scene = Scene::new(&["pull"]);
    let first = scene.start.run(&["pull", "--create", "--limit", "2"]);
    let _ = first.expect_code(0);
    scene
}

#[test]
fn a_pull_killed_at_any_call_is_made_good_by_the_next() {
    if missing("strace") {
        return;
    }
    let scene = begun();
    let points = scene.points();
    assert!(points.len() > 30, "too few points: {points:?}");
    scene.try_all(kills(&points), &points);
}

#[test]
fn a_vault_whose_making_is_killed_is_made_by_the_next_pull() {
    if missing("strace") {
        return;
    }
    let scene = Scene::new(&["pull", "--create"]);
    let points = scene.points();
    let making: Vec<Point> = points
        .iter()
        .filter(|point| point.path.as_ref().is_some_and(|p| !is_mail(p)))
        .cloned()
        .collect();
    assert!(making.len() > 20, "too few points: {making:?}");
    scene.try_all(kills(&making), &points);
}

/// Message files are looked at with a vault that is there.
fn is_mail(path: &str) -> bool {
    let folder = Path::new(path).parent().and_then(Path::file_name);
    folder.is_some_and(|name| name == "cur" || name == "tmp")
}

#[test]
fn a_disk_that_fails_a_call_once_costs_nothing() {
    if missing("strace") {
        return;
    }
    let scene = begun();
    let points = scene.points();
    let mut faults = Vec::new();
    for point in points.iter().filter(|point| point.path.is_some()) {
        faults.extend(errors(point).iter().map(|error| at(point, error)));
    }
    assert!(faults.len() > 20, "too few faults: {faults:?}");
    scene.try_all(faults, &points);
}

#[test]
fn a_disk_that_goes_on_failing_costs_nothing() {
    if missing("strace") {
        return;
    }
    let scene = begun();
    let points = scene.points();
    // From each call of a kind on, whatever the path.
    let mut most: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for point in points.iter().filter(|point| point.path.is_some()) {
        for error in errors(point) {
            *most.entry((point.call.clone(), *error)).or_default() += 1;
        }
    }
    let mut faults = Vec::new();
    for ((call, error), count) in most {
        faults.extend((1..=count).map(|n| Fault {
            call: call.clone(),
            path: Some("*".to_owned()),
            what: format!("{error}:when={n}+"),
        }));
    }
    assert!(faults.len() > 10, "too few faults: {faults:?}");
    scene.try_all(faults, &points);
}
