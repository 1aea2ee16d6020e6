//! Objects of a place as other programs read them.

#![allow(clippy::unwrap_used)]

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::pack::{Identities, PackWriter, Recipients, fuzzing};
use super::payload::{
    LedgerPosition, LedgerRange, PushCounts, PushManifest, PushWriter, message_name,
};
use super::{README, README_NAME};
use crate::mail::message::Hash128;

/// True if a program is not on this machine, which skips the test that asks; as integration
/// tests do it.
fn missing(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    if !found {
        let required = env::var_os("MAILVAULT_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "MAILVAULT_REQUIRE_TOOLS is set and {tool} is not installed"
        );
        // Past the capture of the test runner.
        let line = format!("skipped a test of the second copy: {tool} is not installed\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    !found
}

/// Runs a script and gives what it printed.
fn sh(folder: &Path, script: &str) -> String {
    let mut sh = Command::new("bash");
    let output = sh
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{said}");
    assert_eq!(said, "", "{script}");
    String::from_utf8(output.stdout).unwrap()
}

fn messages() -> Vec<Vec<u8>> {
    let short = (0..50).map(|n| format!("Subject: {n}\r\n\r\nText\r\n").into_bytes());
    let mut long = vec![0; 5 << 20];
    blake3::Hasher::new().finalize_xof().fill(&mut long);
    short.chain([vec![], long]).collect()
}

/// A place with one pack and one push, encrypted to a key of `age-keygen` and another.
fn place(folder: &Path) -> (Vec<Vec<u8>>, Vec<u8>) {
    for name in ["packs", "push"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    sh(folder, "age-keygen -o key.txt 2>/dev/null");
    let file = fs::read(folder.join("key.txt")).unwrap();
    let keys = [
        Identities::parse(fuzzing::KEY.as_bytes()),
        Identities::parse(&file),
    ];
    let texts: Vec<String> = keys
        .iter()
        .flat_map(|k| {
            let recipients = k.as_ref().unwrap().recipients();
            recipients.texts().collect::<Vec<_>>()
        })
        .collect();
    let recipients = Recipients::parse(&texts).unwrap();
    let messages = messages();
    let (packed, pushed) = messages.split_at(40);
    let mut pack = PackWriter::new(Vec::new(), &recipients, 3).unwrap();
    for message in packed {
        let name = message_name(Hash128::of(message));
        pack.add(
            &name,
            message.len() as u64,
            1_000_000_000,
            &mut &message[..],
        )
        .unwrap();
    }
    let (bytes, written) = pack.finish().unwrap();
    fs::write(folder.join("packs").join(written.digests.id()), bytes).unwrap();
    let ledger = b"{\"seq\":1}\n{\"seq\":2}\n".to_vec();
    let file = "2026-11.jsonl".to_owned();
    let manifest = PushManifest {
        vault: "0".repeat(32),
        from: None,
        to: LedgerPosition {
            file: file.clone(),
            offset: 20,
        },
        counts: PushCounts {
            messages: 12,
            ledger: 20,
            packs: 1,
            packed: 40,
            owed: 0,
        },
    };
    let mut push = PushWriter::new(Vec::new(), &recipients, 3, &manifest, 1_000_000_000).unwrap();
    for message in pushed {
        let (hash, length) = (Hash128::of(message), message.len() as u64);
        push.message(hash, length, 1_000_000_000, &mut &message[..])
            .unwrap();
    }
    for offset in [10, 0] {
        let range = LedgerRange {
            file: file.clone(),
            offset,
            length: 10,
        };
        let at = usize::try_from(offset).unwrap();
        push.ledger(&range, &mut &ledger[at..at + 10]).unwrap();
    }
    push.index(&written.digests.id(), &written.index).unwrap();
    let (bytes, written) = push.finish().unwrap();
    fs::write(folder.join("push").join(written.digests.id()), bytes).unwrap();
    fs::write(folder.join(README_NAME), README).unwrap();
    (messages, ledger)
}

/// The commands of the page, which are indented by four, from the first with this word on.
fn commands(word: &str) -> String {
    let lines = README.lines().skip_while(|line| !line.contains(word));
    let commands = lines.take_while(|line| line.starts_with("    "));
    commands.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_page_of_a_place_says_how_to_read_it_by_hand() {
    if ["age", "age-keygen", "zstd", "tar"]
        .into_iter()
        .any(missing)
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (messages, ledger) = place(folder.path());
    let extract =
        commands("mkdir mail").replace("/path/to/this/copy", &folder.path().to_string_lossy());
    let extract = extract.replace(
        "/path/to/key.txt",
        &folder.path().join("key.txt").to_string_lossy(),
    );
    assert!(extract.contains("age -d -i"), "{extract}");
    sh(folder.path(), &extract);
    let mail = folder.path().join("mail");
    for message in &messages {
        let file = mail.join(message_name(Hash128::of(message)));
        assert!(fs::read(&file).unwrap() == *message);
        assert_eq!(
            sh(&mail, &format!("stat -c '%a %Y' {}", file.display())),
            "600 1000000000\n"
        );
    }
    let found = fs::read_dir(&mail).unwrap();
    let is_message = |path: &PathBuf| path.extension().is_some_and(|end| end == "eml");
    assert_eq!(
        found
            .filter(|entry| is_message(&entry.as_ref().unwrap().path()))
            .count(),
        messages.len()
    );
    sh(&mail, &commands("for folder in ledger"));
    assert_eq!(fs::read(mail.join("2026-11.jsonl")).unwrap(), ledger);
}

#[test]
fn other_programs_find_nothing_wrong_with_a_pack() {
    if ["age", "age-keygen", "zstd", "tar"]
        .into_iter()
        .any(missing)
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    place(folder.path());
    let open = "age -d -i key.txt packs/*";
    let list = sh(folder.path(), &format!("{open} | zstd -dc | tar tv"));
    assert_eq!(list.lines().count(), 40);
    assert!(
        list.lines().all(|line| line.starts_with("-rw-------")),
        "{list}"
    );
    let length = sh(folder.path(), &format!("{open} | wc -c"));
    assert_eq!(length.trim().parse::<u64>().unwrap() % (64 << 10), 0);
    sh(
        folder.path(),
        &format!("{open} > pack.tar.zst; zstd -tq pack.tar.zst"),
    );
}

#[test]
fn packs_know_nothing_of_what_they_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/offsite/pack");
    let mut folders = vec![folder];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap().to_lowercase();
            assert!(!text.contains("mail"), "{}", path.display());
        }
    }
}
