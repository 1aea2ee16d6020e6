//! A pull with something happening to it, and the look at what that left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mailvault::sample::{Message, Server};

use super::points::{CALLS, Fault, Point, UNNAMED, points, tear};
use crate::life::ageing::age;
use crate::support::output::{Ended, Output};
use crate::support::sandbox::Sandbox;

/// Runs at a time.
const WORKERS: usize = 2;

/// A maildrop, and a vault from which pulls begin.
pub(super) struct Scene {
    server: Server,
    start: Sandbox,
    args: &'static [&'static str],
    /// Whether new files have names in `tmp`, as with few descriptors or on other systems.
    named: bool,
    /// Whether the pull begins a month and closes the one before.
    closes: bool,
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

fn likeness() -> Vec<u8> {
    maildrop().swap_remove(4).bytes
}

/// What is stored of it.
fn wanted() -> Vec<Vec<u8>> {
    let mut all = maildrop();
    all.remove(4);
    all.remove(3);
    let mut wanted: Vec<Vec<u8>> = all.into_iter().map(|message| message.bytes).collect();
    wanted.sort();
    wanted
}

impl Scene {
    /// A scene without a vault.
    pub(super) fn new(args: &'static [&'static str]) -> Self {
        let server = Server::start(maildrop()).unwrap();
        let start = Sandbox::new();
        let scene = Self {
            server,
            start,
            args,
            named: false,
            closes: false,
        };
        scene.configure(&scene.start);
        scene
    }

    /// A scene whose vault has the first two messages.
    pub(super) fn begun() -> Self {
        let scene = Self::new(&["pull"]);
        let first = scene.start.run(&["pull", "--create", "--limit", "2"]);
        let _ = first.expect_code(0);
        scene
    }

    /// The same where new files have names from the beginning.
    pub(super) fn begun_with_names() -> Self {
        Self {
            named: true,
            ..Self::begun()
        }
    }

    /// The same in a month before this one.
    pub(super) fn begun_before_this_month() -> Self {
        let scene = Self {
            closes: true,
            ..Self::begun()
        };
        age(&scene.start.vault(), 40 * 24);
        let _ = scene.start.run(&["status"]).expect_code(0);
        scene
    }

    fn configure(&self, sandbox: &Sandbox) {
        sandbox.write("password", Server::PASSWORD, 0o600);
        sandbox.config(&format!(
            "vault = \"$HOME/vault\"\n[accounts.a]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             user = \"{}\"\npassword_file = \"$HOME/password\"\nretries = 1\n",
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
    fn strace(&self, sandbox: &Sandbox, options: &str) -> Output {
        let mut shell = sandbox.tool("sh");
        let few = if self.named { "ulimit -n 200; " } else { "" };
        let script = format!("{few}exec strace -D -f -q {options} \"$@\"");
        shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_mailvault")]);
        shell.args(self.args);
        sandbox.spawn(shell).wait()
    }

    /// What a pull leaves that was killed at a point, which has a path.
    pub(super) fn killed_at(&self, point: &Point) -> Sandbox {
        let sandbox = self.sandbox();
        let vault = fs::canonicalize(sandbox.vault()).unwrap();
        let fault = point.fault("signal=KILL");
        let path = format!("{}{}", vault.display(), point.path.as_ref().unwrap());
        let (call, what) = (&fault.call, &fault.what);
        let options = format!("-o /dev/null -e trace={call} -e inject={call}:{what} -P \"{path}\"");
        assert_ne!(self.strace(&sandbox, &options).ended, Ended::Exit(0));
        sandbox
    }

    /// The first write to the ledger of an undisturbed pull.
    pub(super) fn first_line(&self) -> Point {
        let of_ledger = |point: &Point| {
            let path = point.path.as_ref();
            point.call == "write" && path.is_some_and(|path| path.starts_with("/ledger/"))
        };
        self.points().into_iter().find(of_ledger).unwrap()
    }

    /// Every call of an undisturbed pull that is about a file of the vault, or sends.
    pub(super) fn points(&self) -> Vec<Point> {
        let sandbox = self.sandbox();
        let log = sandbox.path("log");
        let options = format!("-y -s 0 -e trace={CALLS} -o {}", log.display());
        let _ = self.strace(&sandbox, &options).expect_code(0);
        let vault = fs::canonicalize(sandbox.vault()).unwrap();
        let points = points(&read_log(&log), vault.to_str().unwrap(), CALLS);
        let unnamed: Vec<&Point> = points.iter().filter(|point| point.is_unnamed()).collect();
        let wanted = !self.named && makes_unnamed(&sandbox);
        assert_eq!(!unnamed.is_empty(), wanted, "{unnamed:?}");
        points
    }

    /// The same of the ledger and of what names its form.
    pub(super) fn points_of_ledger(&self) -> Vec<Point> {
        let mut points = self.points();
        points.retain(|point| {
            let path = point.path.as_deref().unwrap_or_default();
            path.starts_with("/ledger") || path.starts_with("/vault.toml")
        });
        points
    }

    /// The same without what a pull does alike where new files have no names: all that is not
    /// about message files.
    pub(super) fn points_of_mail(&self) -> Vec<Point> {
        let mut points = self.points();
        points.retain(Point::is_of_mail);
        points
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
            None | Some(UNNAMED) => String::new(),
            Some("*") if ["writev", "utimensat"].contains(&&*fault.call) => String::new(),
            Some("*") => known.iter().map(limit).collect(),
            Some(path) => limit(&path.to_owned()),
        };
        let (call, what) = (&fault.call, &fault.what);
        let log = home.join("log");
        let form = match fault.torn {
            Some(_) => format!("-y -xx -s 1000000 -o {}", log.display()),
            None => "-o /dev/null".to_owned(),
        };
        let options = format!("{form} -e trace={call} -e inject={call}:{what}{paths}");
        let output = self.strace(&sandbox, &options);
        let mut hit = output.ended != Ended::Exit(0);
        if !what.contains("KILL") {
            is_told(&output, fault)?;
        }
        if let Some(torn) = fault.torn {
            hit &= tear(&read_log(&log), torn);
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
        // Where a stored file could not be read, its likeness was kept as well.
        if fault.call == "openat" && !what.contains("KILL") {
            bytes.retain(|bytes| *bytes != likeness());
        }
        bytes.sort();
        if bytes != wanted() {
            let names: Vec<&str> = stored.iter().map(|s| s.name.as_str()).collect();
            return Err(format!("lost, altered or doubled: {names:?}"));
        }
        let (before, now) = (self.start.ledger_lines(), sandbox.ledger_lines());
        if !now.starts_with(&before) {
            return Err(format!("lines are lost: {before:#?}\n{now:#?}"));
        }
        let months = fs::read_dir(sandbox.vault().join("ledger")).unwrap();
        let mut months: Vec<String> = months
            .map(|month| month.unwrap().file_name().into_string().unwrap())
            .collect();
        months.sort();
        let ends: Vec<&str> = months.iter().map(|month| &month[7..]).collect();
        let are_closed = match &ends[..] {
            [".jsonl"] => !self.closes,
            [".jsonl.zst", ".jsonl"] => self.closes,
            _ => false,
        };
        if !are_closed {
            return Err(format!("months: {months:?}"));
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
    pub(super) fn try_all(&self, faults: Vec<Fault>, points: &[Point]) {
        let only = std::env::var("MAILVAULT_CRASH").unwrap_or_default();
        let only = if only == "all" { String::new() } else { only };
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
                            Ok(false) if fault.must_be_met() => {
                                wrong.lock().unwrap().push(format!("{fault}: was not met"));
                            }
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

/// Whether pulls make files without a name here: where one call makes everything durable, on
/// ext4, xfs, btrfs and f2fs.
pub(crate) fn makes_unnamed(sandbox: &Sandbox) -> bool {
    let stat = rustix::fs::statfs(sandbox.home()).unwrap();
    let known = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010];
    known.contains(&(i128::from(stat.f_type) & 0xffff_ffff))
}

/// `strace` with these options around a run of the program.
pub(crate) fn strace(sandbox: &Sandbox, options: &str, args: &[&str]) -> Ended {
    let mut shell = sandbox.tool("sh");
    let script = format!("exec strace -D -f -q {options} \"$@\"");
    shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_mailvault")]);
    shell.args(args);
    sandbox.spawn(shell).wait().ended
}

/// What strace wrote, which may end a little later than what it watches.
pub(crate) fn read_log(log: &Path) -> String {
    let mut text = String::new();
    for _ in 0..500 {
        text = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
        // The first thread exits last, but may be killed first.
        let first = text.split(' ').next();
        let last = text
            .lines()
            .last()
            .and_then(|line| line.split_once(" +++ "));
        if last.is_some_and(|(thread, what)| {
            what.starts_with("killed") || Some(thread.trim_end()) == first
        }) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    text
}

/// The exit code and the words of a pull whose disk or network failed, if it failed.
fn is_told(output: &Output, fault: &Fault) -> Result<(), String> {
    let Ended::Exit(code) = output.ended else {
        return Err(format!("ended {:?}", output.ended));
    };
    if code == 0 {
        return Ok(());
    }
    let what = &fault.what;
    let said = output.stderr();
    let has = |words: &str| said.contains(words);
    // SQLite does not say why a disk failed, and one that failed once works when asked. A
    // catalog that it could not open to write to it opens to read.
    let words = ["hint: the disk may be failing", "a readonly database"];
    let of_catalog = code == 1 && has("the catalog") && words.into_iter().any(has);
    let fits = match what {
        _ if fault.path.is_none() => code == 13 && has("closed the connection"),
        _ if of_catalog => true,
        _ if what.contains("ENOSPC") || what.contains("EDQUOT") => {
            code == 16 && has("not enough space in ")
        }
        _ if what.contains("EROFS") => code == 1 && has("Read-only file system"),
        _ => code == 1 && has("Input/output error"),
    };
    // What ended the run is told, and nothing that only follows from it.
    if fits && has("hint: ") && !has("interrupted") {
        return Ok(());
    }
    Err(format!("told badly: {output}"))
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
