//! How the cost of each command grows with the number of messages in a vault: CPU time and
//! peak resident memory with N messages, as a ratio to a tenth of them, in the same run:
//! `cargo bench --bench scale [MESSAGES] [--names] [--wait]`.
//!
//! Every message has its own file. With `--names` their names are links to a few files, which
//! is made several times faster and leaves out the commands that read messages. With `--wait`
//! nothing is measured: the vault stays there for other programs until Enter is pressed.
//! Absolute times say little on a machine that others use too.
#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::format_push_string,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for people who measure"
)]
#![allow(dead_code, reason = "made for tests, of which this uses a part")]

#[path = "../tests/integration/support/synthetic.rs"]
pub(crate) mod synthetic;
#[path = "../tests/integration/support/walks.rs"]
mod walks;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mailvault::sample::Server;

use synthetic::{FileKind, fill, maildrop};
use walks::{Looks, WALKS, Walk};

/// What the catalog is rebuilt by, once it is removed.
const REINDEX: Walk = Walk {
    args: &["status"],
    code: 0,
    looks: Looks::Bodies,
    memory: 48,
};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let has = |name: &str| args.iter().any(|arg| arg == name);
    let count = args.iter().find_map(|arg| arg.parse().ok());
    let count: u64 = count.unwrap_or(100_000).max(10);
    let kind = if has("--names") {
        FileKind::Linked
    } else {
        FileKind::Whole
    };
    if has("--wait") {
        let scene = Scene::new(count, kind);
        println!("{}", scene.home.path().display());
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    if !Path::new("/usr/bin/time").exists() {
        println!("not measured: /usr/bin/time is not installed");
        return;
    }
    let (small, large) = (Scene::new(count / 10, kind), Scene::new(count, kind));
    println!(
        "{count} messages                                       CPU s   ratio to {:<8} MiB   of   ratio",
        count / 10
    );
    let fits = |walk: &&Walk| kind == FileKind::Whole || walk.looks != Looks::Bodies;
    for walk in WALKS.iter().filter(fits) {
        report(&walk.args.join(" "), &small, &large, walk);
    }
    if kind == FileKind::Whole {
        for scene in [&small, &large] {
            fs::remove_file(scene.vault().join("catalog.sqlite")).unwrap();
        }
        report("status, without a catalog", &small, &large, &REINDEX);
    }
}

fn report(name: &str, small: &Scene, large: &Scene, walk: &Walk) {
    let (before, few) = small.measure(walk);
    let (cpu, most) = large.measure(walk);
    println!(
        "{name:48} {cpu:9.2} {:10.1} {most:17} {:4} {:7.1}",
        // A program takes a hundredth to start.
        cpu / before.max(0.01),
        walk.memory,
        most as f64 / few as f64
    );
}

/// A vault, its configuration, and the server that still lists half of its messages.
struct Scene {
    home: tempfile::TempDir,
    server: Server,
}

impl Scene {
    fn new(count: u64, kind: FileKind) -> Self {
        let server = Server::start(maildrop(count)).unwrap();
        let home = tempfile::tempdir().unwrap();
        let scene = Self { home, server };
        let addr = scene.server.addr();
        let name = format!("{}@{addr}", Server::USER);
        fill(&scene.vault(), &name, count, kind);
        let write = |name: &str, text: &str| fs::write(scene.home.path().join(name), text).unwrap();
        write("one.eml", "Subject: one\r\n\r\nbody\r\n");
        write("password", Server::PASSWORD);
        let config = format!(
            "vault = \"{}\"\n[accounts.work]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             user = \"{}\"\npassword_command = \"cat password\"\n",
            scene.vault().display(),
            addr.port(),
            Server::USER
        );
        write("config.toml", &config);
        scene
    }

    fn vault(&self) -> PathBuf {
        self.home.path().join("vault")
    }

    /// Runs a command with its results in a file; gives its CPU seconds and its peak of
    /// resident memory in MiB.
    fn measure(&self, walk: &Walk) -> (f64, u64) {
        let path = |name: &str| self.home.path().join(name);
        let ended = Command::new("/usr/bin/time")
            .args(["-f", "%x %U %S %M", "-o", "taken"])
            .arg(env!("CARGO_BIN_EXE_mailvault"))
            .args(walk.args)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("MAILVAULT_CONFIG", path("config.toml"))
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(File::create(path("out")).unwrap())
            .stderr(File::create(path("err")).unwrap())
            .status();
        ended.unwrap();
        let taken = fs::read_to_string(path("taken")).unwrap();
        let taken: Vec<&str> = taken.lines().next_back().unwrap().split(' ').collect();
        let said = fs::read_to_string(path("err")).unwrap();
        assert_eq!(taken[0], walk.code.to_string(), "{:?}: {said}", walk.args);
        let seconds = |n: usize| taken[n].parse::<f64>().unwrap();
        let memory: u64 = taken[3].parse().unwrap();
        (seconds(1) + seconds(2), memory >> 10)
    }
}
