//! What a package brings: manual pages, systemd units, and the list of its files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mailvault::sample::Sample;

use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, sandbox, server};
use crate::support::{find_tool, missing, say_skipped};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// `MAILVAULT_BLESS=1` writes the pages anew.
#[test]
fn the_manual_pages_are_those_that_the_program_writes() {
    let kept = project().join("packaging/man");
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("man")).unwrap();
    let _ = sandbox.run(&["man", "--out", "man"]).expect_code(0);
    let made = sandbox.path("man");
    if std::env::var_os("MAILVAULT_BLESS").is_some() {
        let _ = fs::remove_dir_all(&kept);
        fs::create_dir_all(&kept).unwrap();
        for name in names(&made) {
            fs::copy(made.join(&name), kept.join(&name)).unwrap();
        }
    }
    assert_eq!(names(&kept), names(&made));
    for name in names(&made) {
        let (kept, made) = (fs::read(kept.join(&name)), fs::read(made.join(&name)));
        assert!(kept.unwrap() == made.unwrap(), "{name} is an old one");
    }
}

/// The paths of the package's files: where they come from, and where they go.
fn assets() -> Vec<(String, String)> {
    let text = fs::read_to_string(project().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().unwrap().iter();
    assets
        .map(|asset| {
            let word = |n: usize| asset[n].as_str().unwrap().to_owned();
            (word(0), word(1))
        })
        .collect()
}

#[test]
fn every_file_of_the_package_is_in_the_tree() {
    let assets = assets();
    for (from, to) in &assets {
        if from == "target/release/mailvault" {
            continue;
        }
        let path = project().join(from);
        match path.file_name().and_then(|name| name.to_str()) {
            Some(pattern) if pattern.contains('*') => {
                let ending = pattern.trim_start_matches('*');
                let folder = names(path.parent().unwrap());
                assert!(folder.iter().any(|name| name.ends_with(ending)), "{from}");
                assert!(to.ends_with('/'), "{from}");
            }
            _ => assert!(path.is_file(), "{from}"),
        }
    }
    // What is left out by oversight is noticed here.
    for (folder, ending) in [
        ("docs", "*.md"),
        ("packaging/man", "*.1"),
        ("packaging/man", "*.5"),
    ] {
        let all = format!("{folder}/{ending}");
        assert!(assets.iter().any(|(from, _)| *from == all), "{all}");
    }
    for unit in names(&project().join("packaging/systemd")) {
        let path = format!("packaging/systemd/{unit}");
        if project().join(&path).is_file() {
            assert!(assets.iter().any(|(from, _)| *from == path), "{path}");
        }
    }
}

/// True if `systemd-analyze` is missing, which is said. No test is worth a systemd where
/// there is none, so `bootstrap.sh` does not install it.
fn no_systemd() -> bool {
    let missing = find_tool("systemd-analyze").is_none();
    if missing {
        say_skipped("systemd-analyze is not installed");
    }
    missing
}

/// The units of a folder in a place of their own, with the path of the program that is
/// tested.
fn units(sandbox: &Sandbox, folder: &str) -> Vec<PathBuf> {
    let from = project().join("packaging/systemd").join(folder);
    let program = env!("CARGO_BIN_EXE_mailvault");
    ["mailvault.service", "mailvault.timer"]
        .into_iter()
        .map(|name| {
            let text = fs::read_to_string(from.join(name)).unwrap();
            let text = text.replace("/usr/bin/mailvault", program);
            sandbox.write(&format!("units/{name}"), text, 0o644)
        })
        .collect()
}

#[test]
fn systemd_has_nothing_to_say_against_the_units() {
    if no_systemd() {
        return;
    }
    for (kind, folder) in [("--system", ""), ("--user", "user")] {
        let mut sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("run")).unwrap();
        let run = sandbox.path("run");
        sandbox.env("XDG_RUNTIME_DIR", run);
        let units = units(&sandbox, folder);
        let mut verify = sandbox.tool("systemd-analyze");
        verify.args(["verify", kind, "--man=no"]).args(&units);
        let output = sandbox.spawn(verify).wait().expect_code(0);
        assert_eq!(output.stderr(), "", "{kind}");
    }
}

#[test]
fn the_service_is_as_confined_as_can_be() {
    if no_systemd() {
        return;
    }
    let sandbox = Sandbox::new();
    let units = units(&sandbox, "");
    let mut security = sandbox.tool("systemd-analyze");
    // In tenths: 1.5 of 10, where 10 is no confinement.
    security
        .args(["security", "--offline=yes", "--no-pager", "--threshold=15"])
        .arg(&units[0]);
    let output = sandbox.spawn(security).wait().expect_code(0);
    assert!(
        output.stdout().contains("Overall exposure level"),
        "{output}"
    );
}

/// The system calls of a set such as `@resources`, with those of the sets in it.
fn calls(sandbox: &Sandbox, set: &str) -> BTreeSet<String> {
    let mut show = sandbox.tool("systemd-analyze");
    show.args(["syscall-filter", "--no-pager", set]);
    let text = sandbox.spawn(show).wait().expect_code(0).stdout();
    let mut all = BTreeSet::new();
    for line in text.lines().skip(1).map(str::trim) {
        if line.starts_with('@') {
            all.extend(calls(sandbox, line));
        } else if !line.is_empty() && !line.starts_with('#') {
            all.insert(line.to_owned());
        }
    }
    all
}

#[test]
fn a_pull_makes_no_call_that_the_service_forbids() {
    if no_systemd() || missing("strace") {
        return;
    }
    let server = server(Sample::of(40, 7));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let mut pull = sandbox.tool("strace");
    pull.args(["-f", "-qq", "-o", "calls"])
        .arg(env!("CARGO_BIN_EXE_mailvault"))
        .args(["pull", "--create", "--no-input"]);
    let _ = sandbox.spawn(pull).wait().expect_code(0);
    let log = fs::read_to_string(sandbox.path("calls")).unwrap();
    let made: BTreeSet<&str> = log
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1)?.split_once('('))
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        .collect();
    assert!(
        made.contains("connect") && made.contains("linkat"),
        "{made:?}"
    );
    let allowed = calls(&sandbox, "@system-service");
    let mut forbidden = calls(&sandbox, "@privileged");
    forbidden.extend(calls(&sandbox, "@resources"));
    // The program is started before the filter counts; and SQLite hands a file to its
    // owner only where it is root, which the service is not.
    let root = rustix::process::geteuid().is_root();
    let apart = |call: &str| call == "execve" || root && call == "fchown";
    let killed: Vec<_> = made
        .into_iter()
        .filter(|call| !apart(call) && (!allowed.contains(*call) || forbidden.contains(*call)))
        .collect();
    assert!(killed.is_empty(), "{killed:?}");
}
