//! Every command that a run prints in quotes is typed once, in a copy of the home in which it was
//! printed and without a network: it must be one that the program understands there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use tempfile::TempDir;

use super::skip;

/// What was typed before, in this process: with its words in capitals and numbers, but without
/// the names of accounts.
static TYPED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// These ask a person, and say so where there is none.
const ASK: [&str; 2] = ["init", "login"];
/// What is longer is no message: a completion script says 'mailvault commands', and is none.
const LONGEST: usize = 16 << 10;
/// A home with more files is not copied.
const MOST_FILES: usize = 2_000;

/// The commands in quotes of a text that is wrapped at words.
fn commands(text: &str) -> Vec<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for part in text.split("'mailvault ").skip(1) {
        let Some((line, _)) = part.split_once('\'') else {
            continue;
        };
        let line = line.replace(" && ", "; ");
        let lines = line.split("; ");
        found.extend(lines.map(|l| l.trim_start_matches("mailvault ").to_owned()));
    }
    found
}

/// True for a word such as ID or DIR, which stands for another.
fn is_placeholder(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|b| b.is_ascii_uppercase())
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path()),
            _ => 1,
        })
        .sum()
}

/// A copy of a home, whose configuration names nothing of the original.
fn copy(home: &Path) -> TempDir {
    let copy = tempfile::Builder::new().prefix("mv").tempdir().unwrap();
    let mut program = Command::new("cp");
    let copied = program
        .arg("-a")
        .arg(home.join("."))
        .arg(copy.path())
        .status();
    assert!(copied.unwrap().success(), "cannot copy {}", home.display());
    let config = copy.path().join(".config/mailvault/config.toml");
    if let Ok(text) = fs::read_to_string(&config) {
        fs::write(&config, moved(&text, home, copy.path())).unwrap();
    }
    copy
}

fn moved(text: &str, home: &Path, copy: &Path) -> String {
    text.replace(home.to_str().unwrap(), copy.to_str().unwrap())
}

/// Types what was printed.
pub(super) fn type_all(printed: &str, home: &Path, env: &BTreeMap<OsString, OsString>) {
    if printed.len() > LONGEST {
        return;
    }
    for line in commands(printed) {
        let words: Vec<&str> = line.split(' ').collect();
        let skipped = ASK.contains(&words[0]) || words.iter().any(|word| is_placeholder(word));
        if skipped || !TYPED.lock().unwrap().insert(line.clone()) || files(home) > MOST_FILES {
            continue;
        }
        let copy = copy(home);
        let env = env
            .iter()
            .filter_map(|(name, value)| Some((name, moved(value.to_str()?, home, copy.path()))));
        let output = Command::new("unshare")
            .env_clear()
            .envs(env)
            .args(["-rn", env!("CARGO_BIN_EXE_mailvault")])
            .args(&words)
            .current_dir(copy.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if said.starts_with("unshare: ") {
            return skip("no network of its own can be had");
        }
        let asks = said.contains("no terminal");
        assert!(
            asks || !matches!(output.status.code(), None | Some(2 | 101)),
            "a hint says 'mailvault {line}', which ends with {}:\n{said}",
            output.status
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{commands, is_placeholder};

    #[test]
    fn commands_are_found_across_lines() {
        let text = "hint: 'mailvault verify --repair;\n        mailvault pull work' or 'this'";
        assert_eq!(commands(text), ["verify --repair", "pull work"]);
        assert!(is_placeholder("ID") && !is_placeholder("work") && !is_placeholder("-n"));
    }
}
