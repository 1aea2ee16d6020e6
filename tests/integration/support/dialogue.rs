//! Dialogue files: what a server says, what the program is to say, print and store.
//!
//! ```text
//! args: pull work
//! exit: 3
//! config: dedupe = "exact"
//!
//! connection
//! S: +OK ready
//! C: CAPA
//!
//! stdout:
//!   work   1 new
//!
//! vault:
//!   123 0a1b2c3d
//! ```
//!
//! A file is one or more runs in one sandbox against one port; each begins with
//! `args:`. Steps are those of [`super::step`]. `config:` adds a key to the account
//! `work` or replaces one, from that run on, and `config: -key` takes one away;
//! `env: KEY=VALUE` sets a variable. A block is indented by two spaces. A block that
//! is not there stands for nothing printed or an empty vault. `vault:` has a line for
//! each stored message: its size, the first 8 digits of its BLAKE3, and its folder if
//! that is not the root. `$HOME/ca.pem` is the authority that signed the server.
//!
//! `MAILVAULT_DIALOGUE=word` plays only the files with that word in their names;
//! `MAILVAULT_BLESS=1` writes what was printed and stored into the files.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::diff::diff;
use super::output::{Ended, Output};
use super::sandbox::{Sandbox, Stored, stored};
use super::script::Server;
use super::step::connections;
use super::tls::authority;

/// One run of a dialogue file.
#[derive(Debug, Default)]
struct Run {
    /// The lines as written, without the expected blocks and `exit:`.
    lines: Vec<String>,
    args: Vec<String>,
    config: Vec<String>,
    env: Vec<(String, String)>,
    script: String,
    expected: Expected,
}

/// What comes out of a run.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    exit: String,
    stdout: String,
    stderr: String,
    vault: String,
}

/// Plays one file. The error is the whole report.
pub(crate) fn run_dialogue(path: &Path) -> Result<(), String> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).map_err(|e| format!("{name}: {e}"))?;
    let (preface, runs) = parse(&text).map_err(|e| format!("{name}: {e}"))?;
    let server = Server::new();
    let mut sandbox = Sandbox::new();
    sandbox.mask_port(server.port());
    sandbox.write(".password", "secret\n", 0o600);
    sandbox.write("ca.pem", &authority().ca_pem, 0o644);
    let mut account = account(server.port());
    let mut blessed = preface;
    for (n, run) in runs.iter().enumerate() {
        run.config
            .iter()
            .for_each(|line| configure(&mut account, line));
        for (key, value) in &run.env {
            sandbox.env(key, value);
        }
        sandbox.config(&config(&account));
        let steps = connections(&run.script).map_err(|e| format!("{name}: {e}"))?;
        let play = server.play(steps);
        let args: Vec<&str> = run.args.iter().map(String::as_str).collect();
        let output = sandbox.run(&args);
        let mut played = play.finish();
        let actual = outcome(&output, &sandbox);
        // What did not arrive as listed is tried once more, in a session that a
        // dialogue need not have.
        if actual.stderr.contains("not arrive as listed") {
            let more = |said: &String| said.contains("a connection more than in the dialogue");
            if let Some(at) = played.deviations.iter().position(more) {
                played.deviations.remove(at);
            }
        }
        let wrong = compare(&run.expected, &actual);
        let bless = std::env::var_os("MAILVAULT_BLESS").is_some();
        if !played.deviations.is_empty() || !wrong.is_empty() && !bless {
            return Err(format!(
                "{name}, run {}: mailvault {}\n{}\n{wrong}transcript:\n  {}\n{}",
                n + 1,
                run.args.join(" "),
                played.deviations.join("\n"),
                played.transcript.join("\n  "),
                if wrong.is_empty() {
                    output.to_string()
                } else {
                    String::new()
                },
            ));
        }
        blessed.push_str(&rewritten(run, &actual));
        if bless && n + 1 < runs.len() {
            blessed.push('\n');
        }
    }
    if std::env::var_os("MAILVAULT_BLESS").is_some() && blessed != text {
        fs::write(path, blessed).unwrap();
    }
    Ok(())
}

/// Reads a file: what stands before the first run, and the runs.
fn parse(text: &str) -> Result<(String, Vec<Run>), String> {
    let mut preface = String::new();
    let mut runs: Vec<Run> = Vec::new();
    let mut block: Option<&str> = None;
    for line in text.lines() {
        if let Some(args) = line.strip_prefix("args:") {
            runs.push(Run {
                args: args.split_whitespace().map(ToString::to_string).collect(),
                ..Run::default()
            });
            runs.last_mut().unwrap().expected.exit = "0".to_string();
        }
        let Some(run) = runs.last_mut() else {
            if !(line.is_empty() || line.starts_with('#')) {
                return Err(format!("before the first args: line: {line}"));
            }
            preface.push_str(line);
            preface.push('\n');
            continue;
        };
        let indented = line.starts_with("  ") || line.is_empty();
        if let (Some(name), true) = (block, indented) {
            let text = run.expected.block(name);
            text.push_str(line.strip_prefix("  ").unwrap_or(""));
            text.push('\n');
            continue;
        }
        block = None;
        let (word, rest) = line.split_once(':').unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "stdout" | "stderr" | "vault" if rest.is_empty() => {
                block = Some(word);
                continue;
            }
            "exit" => {
                run.expected.exit = rest.to_string();
                continue;
            }
            "args" => {}
            "config" => run.config.push(rest.to_string()),
            "env" => {
                let (key, value) = rest.split_once('=').ok_or("env: wants KEY=VALUE")?;
                run.env.push((key.to_string(), value.to_string()));
            }
            _ => {
                run.script.push_str(line);
                run.script.push('\n');
            }
        }
        run.lines.push(line.to_string());
    }
    for run in &mut runs {
        run.expected.trim();
    }
    if runs.is_empty() {
        Err("no args: line".to_string())
    } else {
        Ok((preface, runs))
    }
}

impl Expected {
    fn block(&mut self, name: &str) -> &mut String {
        match name {
            "stdout" => &mut self.stdout,
            "stderr" => &mut self.stderr,
            _ => &mut self.vault,
        }
    }

    /// Takes off the empty lines that only separate a block from the next.
    fn trim(&mut self) {
        for name in ["stdout", "stderr", "vault"] {
            let text = self.block(name);
            text.truncate(text.trim_end_matches('\n').len());
            if !text.is_empty() {
                text.push('\n');
            }
        }
        if self.vault.is_empty() {
            self.vault = "empty\n".to_string();
        }
    }
}

/// The account's keys and values as TOML.
fn account(port: u16) -> Vec<(String, String)> {
    [
        ("protocol", "\"pop3\""),
        ("host", "\"127.0.0.1\""),
        ("port", &port.to_string()),
        ("tls", "\"none\""),
        ("user", "\"ann\""),
        ("password_file", "\"$HOME/.password\""),
    ]
    .map(|(key, value)| (key.to_string(), value.to_string()))
    .to_vec()
}

/// Applies one `config:` line.
fn configure(account: &mut Vec<(String, String)>, line: &str) {
    let (key, value) = line.split_once('=').unwrap_or((line, ""));
    let key = key.trim();
    account.retain(|(k, _)| k != key.trim_start_matches('-'));
    if !key.starts_with('-') {
        account.push((key.to_string(), value.trim().to_string()));
    }
}

fn config(account: &[(String, String)]) -> String {
    let keys: String = account
        .iter()
        .map(|(k, v)| format!("{k} = {v}\n"))
        .collect();
    format!("vault = \"$HOME/vault\"\n\n[accounts.work]\n{keys}")
}

/// What came out, in the form of the file.
fn outcome(output: &Output, sandbox: &Sandbox) -> Expected {
    let message = |m: &Stored| {
        let hash = blake3::hash(&m.bytes).to_hex();
        let folder = if m.folder.is_empty() {
            String::new()
        } else {
            format!(" {}", m.folder)
        };
        format!("{} {}{folder}\n", m.bytes.len(), &hash[..8])
    };
    let mut outcome = Expected {
        exit: match output.ended {
            Ended::Exit(code) => code.to_string(),
            Ended::Signal(signal) => format!("signal {signal}"),
        },
        stdout: output.stdout(),
        stderr: output.stderr(),
        vault: stored(&sandbox.vault().join("mail/work"))
            .iter()
            .map(message)
            .collect(),
    };
    if outcome.vault.is_empty() {
        outcome.vault = "empty\n".to_string();
    }
    outcome
}

/// What differs, shown; empty if nothing does.
fn compare(expected: &Expected, actual: &Expected) -> String {
    let mut wrong = String::new();
    if expected.exit != actual.exit {
        wrong = format!("exit: expected {}, got {}\n", expected.exit, actual.exit);
    }
    for (name, expected, actual) in [
        ("stdout", &expected.stdout, &actual.stdout),
        ("stderr", &expected.stderr, &actual.stderr),
        ("vault", &expected.vault, &actual.vault),
    ] {
        if let Some(shown) = diff(expected, actual) {
            wrong.push_str(&format!("{name} (- expected, + got):\n{shown}"));
        }
    }
    wrong
}

/// A run's part of the file with what came out of it.
fn rewritten(run: &Run, actual: &Expected) -> String {
    let mut lines = run.lines.clone();
    if actual.exit != "0" {
        lines.insert(1, format!("exit: {}", actual.exit));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    for (name, text) in [
        ("stdout", &actual.stdout),
        ("stderr", &actual.stderr),
        ("vault", &actual.vault),
    ] {
        if !text.is_empty() {
            lines.extend([String::new(), format!("{name}:")]);
            lines.extend(
                text.lines()
                    .map(|line| format!("  {line}").trim_end().to_string()),
            );
        }
    }
    lines.join("\n") + "\n"
}

/// The dialogue files, sorted, less those that `MAILVAULT_DIALOGUE` leaves out.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dialogue");
    let wanted = std::env::var("MAILVAULT_DIALOGUE").unwrap_or_default();
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .filter(|path| {
            path.file_stem()
                .unwrap()
                .to_string_lossy()
                .contains(&wanted)
        })
        .collect();
    files.sort();
    assert!(
        !files.is_empty(),
        "no dialogue in {} fits",
        folder.display()
    );
    files
}

#[test]
fn every_dialogue_goes_as_written() {
    let files = files();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = catch_unwind(AssertUnwindSafe(|| run_dialogue(file)));
                    let failure = match result {
                        Ok(Ok(())) => continue,
                        Ok(Err(report)) => report,
                        // The panic's own words were printed when it happened.
                        Err(_) => format!("{}: panicked, see above", file.display()),
                    };
                    failures.lock().unwrap().push(failure);
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let count = (failures.len(), files.len());
    assert!(
        failures.is_empty(),
        "{} of {} failed\n\n{}",
        count.0,
        count.1,
        failures.join("\n")
    );
}

#[test]
fn a_blessed_dialogue_reads_back_the_same() {
    let text = "# why\n\nargs: pull work\nexit: 3\nconfig: retries = 0\n\nconnection\n# said\nS: +OK\n\nstdout:\n  one\n\n  two\n\nvault:\n  empty\n";
    let (preface, runs) = parse(text).unwrap();
    assert_eq!(runs[0].expected.stdout, "one\n\ntwo\n");
    assert_eq!(runs[0].config, ["retries = 0"]);
    assert_eq!(preface + &rewritten(&runs[0], &runs[0].expected), text);
}
