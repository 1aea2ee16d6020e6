//! An import that is killed at any moment leaves nothing lost, altered or doubled after the
//! next one.
//!
//! A run of the tests takes some moments of each call that changes files;
//! `MAILVAULT_CRASH=all` takes many.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use super::crash::scene::makes_unnamed;
use super::support::missing;
use super::support::output::Ended;
use super::support::sandbox::Sandbox;

/// Calls that change files, and at which of a thread's calls the import is killed.
const CALLS: [(&str, &[usize]); 12] = [
    ("openat", &[12, 24, 36]),
    ("write", &[1, 2, 5]),
    ("writev", &[1, 2, 5]),
    ("pwrite64", &[2, 9, 16, 50]),
    ("fsync", &[1, 3, 12]),
    ("fdatasync", &[1]),
    ("syncfs", &[1]),
    ("linkat", &[1, 6, 12]),
    ("unlink", &[1, 6, 12]),
    ("rename", &[1, 2]),
    ("mkdir", &[2, 5]),
    ("ftruncate", &[1, 3]),
];
fn mail(n: usize) -> String {
    let filling = "a line that is repeated\n".repeat(n * n * 40);
    format!("Subject: letter {n}\nMessage-ID: <{n}@example.org>\n\nbody of {n}\n{filling}")
}

/// An mbox, a Maildir folder and single files; two messages are in two of them.
fn source() -> Sandbox {
    let sandbox = sandbox();
    let mbox = (0..6).map(|n| format!("From - Sat Aug  2 10:00:05 2025\n{}\n", mail(n)));
    sandbox.write("in/Old.mbox", mbox.collect::<Vec<_>>().concat(), 0o600);
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(sandbox.path("in/box/.Sent").join(part)).unwrap();
        fs::create_dir_all(sandbox.path("in/box").join(part)).unwrap();
    }
    for n in 5..9 {
        let name = format!("in/box/.Sent/cur/{n}.x:2,FS");
        sandbox.write(&name, mail(n), 0o600);
    }
    for n in 8..12 {
        sandbox.write(&format!("in/{n}.eml"), mail(n), 0o600);
    }
    sandbox
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    sandbox
}

/// What each folder holds, and how often.
fn held(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let all = sandbox.messages("old").into_iter();
    let mut all: Vec<_> = all.map(|stored| (stored.folder, stored.bytes)).collect();
    all.sort();
    all
}

#[test]
fn an_import_killed_at_any_call_is_made_good_by_the_next() {
    if missing("strace") {
        return;
    }
    let whole = source();
    // Then what an import has read is remembered.
    std::thread::sleep(Duration::from_millis(2_100));
    let source = whole.path("in");
    let source = source.to_str().unwrap();
    let import = ["import", source, "--account", "old", "--create"];
    let _ = whole.run(&import).expect_code(0);
    let wanted = held(&whole);
    let distinct: BTreeSet<&Vec<u8>> = wanted.iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(distinct.len(), 12);
    let all = std::env::var("MAILVAULT_CRASH").is_ok_and(|asked| !asked.is_empty());
    let many: Vec<usize> = (1..=60).collect();
    let (mut kills, mut runs) = (0, 0);
    // With few descriptors new files have names in `tmp`.
    let ways = ["", "ulimit -n 200; "].into_iter();
    for (few, (call, some)) in ways.flat_map(|few| CALLS.map(|call| (few, call))) {
        // Only what is done with message files differs then.
        let of_names = ["openat", "write", "fsync", "syncfs", "linkat", "unlink"];
        if !few.is_empty() && !of_names.contains(&call) {
            continue;
        }
        for n in if all { &many } else { some } {
            runs += 1;
            let sandbox = sandbox();
            let inject = format!("inject={call}:signal=KILL:when={n}");
            let mut strace = sandbox.tool("sh");
            let script = format!("{few}exec strace -f -qq -o /dev/null -e {inject} \"$@\"");
            strace.args(["-c", &script, "sh"]);
            strace.arg(env!("CARGO_BIN_EXE_mailvault")).args(import);
            let ended = sandbox.spawn(strace).wait().ended;
            let killed = ended != Ended::Exit(0);
            kills += usize::from(killed);
            if (call, *n) == ("writev", 1) && makes_unnamed(&sandbox) {
                assert!(killed, "no file without a name was written");
            }
            let _ = sandbox.run(&import).expect_code(0);
            let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
            assert!(held(&sandbox) == wanted, "{few}{inject}");
            let left = fs::read_dir(sandbox.vault().join("mail/old/tmp")).unwrap();
            assert_eq!(left.count(), 0, "{inject}");
            let again = sandbox.run(&import).expect_code(0);
            assert!(
                again
                    .stdout()
                    .contains(": 0 new (0 B stored), 0 already in the vault, "),
                "{inject}: {again}"
            );
        }
    }
    assert!(
        all || kills * 2 > runs,
        "only {kills} of {runs} were killed"
    );
}
