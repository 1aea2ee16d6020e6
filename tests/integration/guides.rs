//! The guides under `docs`: what they tell one to type can be typed, what they link to is
//! there, and what they say of reading a vault without mailvault is so.

use std::fs;
use std::path::{Path, PathBuf};

use mailvault::account::config::Config;
use mailvault::sample::Sample;

use crate::support::client::{Wire, imap_fetch_mailbox, on_the_wire};
use crate::support::dovecot::{Dovecot, Options, Release};
use crate::support::missing;
use crate::support::sandbox::{Sandbox, stored};
use crate::support::scene::{json_lines, pulled, tree};

const GUIDES: [&str; 11] = [
    "../README.md",
    "building.md",
    "commands.md",
    "configuration.md",
    "switching-provider.md",
    "freeing-quota.md",
    "living-with-a-vault.md",
    "cron-and-timers.md",
    "providers.md",
    "reading-without-mailvault.md",
    "second-copy.md",
];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn guide(name: &str) -> String {
    fs::read_to_string(docs().join(name)).unwrap()
}

/// Lines of code: indented, or behind a prompt.
fn typed(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        line.strip_prefix("    ")
            .or_else(|| line.strip_prefix("$ "))
            .filter(|line| !line.starts_with(' '))
    })
}

/// The words behind each `mailvault` of a line, up to what ends a command there.
fn commands(line: &str) -> Vec<Vec<&str>> {
    // A path or a blank stands before the program, and `-u` before a user of that name.
    let starts = line.match_indices("mailvault ").filter(|(at, _)| {
        let before = &line[..*at];
        before.is_empty() || before.ends_with([' ', '/']) && !before.ends_with("-u ")
    });
    starts
        .map(|(at, name)| {
            let rest = &line[at + name.len()..];
            let end = [";", ">", "<", "|", "&", "  "].into_iter();
            let end = end.filter_map(|mark| rest.find(mark)).min();
            let words = &rest[..end.unwrap_or(rest.len())];
            // A shell takes quotes as one word; what is computed is any number.
            let mut inside = false;
            let split = words.split(|c| {
                inside ^= c == '"';
                c == ' ' && !inside
            });
            split.filter(|word| !word.is_empty()).collect()
        })
        .collect()
}

#[test]
fn every_command_of_the_guides_can_be_typed() {
    let sandbox = Sandbox::new();
    let mut tried = 0;
    for name in GUIDES {
        for line in typed(&guide(name)) {
            // Unit names and a user's name come behind these.
            let others = [
                "systemctl",
                "journalctl",
                "loginctl",
                "adduser",
                "install ",
                "sed ",
                "cp ",
            ];
            // What an export to a server takes is tried where it is tested.
            if others.iter().any(|other| line.contains(other)) || line.contains(" imap:") {
                continue;
            }
            for words in commands(line) {
                let words = words.iter().map(|word| word.trim_matches('"'));
                let words = words.map(|word| word.replace("$(date", "1/7"));
                let words: Vec<_> = words.filter(|word| word != "+\\%u)/7").collect();
                let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
                args.push("--help");
                let output = sandbox.run(&args);
                assert!(output.stderr.is_empty(), "{name}: {line}\n{output}");
                let _ = output.expect_code(0);
                tried += 1;
            }
        }
    }
    assert!(tried > 30, "only {tried} commands were found");
}

#[test]
fn every_configuration_of_the_guides_can_be_read() {
    let sandbox = Sandbox::new();
    for name in GUIDES {
        for part in guide(name).split("```toml\n").skip(1) {
            let text = part.split("```").next().unwrap();
            // A rule or a key alone belongs to an account.
            let text = match text.lines().next().unwrap() {
                line if line.ends_with(".purge]") => {
                    format!("[accounts.work]\nhost = \"pop.example.org\"\nuser = \"ann\"\n{text}")
                }
                line if line.starts_with('[') => text.to_owned(),
                _ => format!("[accounts.work]\nhost = \"pop.example.org\"\nuser = \"ann\"\n{text}"),
            };
            let file = sandbox.config(&text);
            if let Err(error) = Config::read(&file, Some(sandbox.home())) {
                // What a feature is needed for is read where that is built in.
                let lacks = !cfg!(feature = "oauth")
                    && error.to_string().contains("without the feature oauth");
                assert!(lacks, "{name}: {error}\n{text}");
            }
        }
    }
}

#[test]
fn every_link_of_the_guides_leads_somewhere() {
    for name in GUIDES {
        for part in guide(name).split("](").skip(1) {
            let to = part.split(')').next().unwrap();
            let to = to.split('#').next().unwrap();
            let from = docs().join(name);
            assert!(from.parent().unwrap().join(to).is_file(), "{name}: {to}");
        }
    }
}

#[test]
fn a_vault_is_read_with_nothing_but_zstd_and_python() {
    if missing("python3") || missing("zstd") {
        return;
    }
    let (sandbox, _server) = pulled(Sample::of(12, 7));
    let text = guide("reading-without-mailvault.md");
    let script = text.split("```python\n").nth(1).unwrap();
    let script = script.split("```").next().unwrap();
    let mut python = sandbox.tool("python3");
    python.args(["-c", script]).current_dir(sandbox.vault());
    let output = sandbox.spawn(python).wait().expect_code(0);
    assert_eq!(output.stdout().lines().count(), 12, "{output}");
    // The loop that makes a plain Maildir.
    let start = text.find("    mkdir -p ~/plain/cur").unwrap();
    let lines = text[start..].lines().take(2).collect::<Vec<_>>().join("\n");
    let mut shell = sandbox.tool("sh");
    shell.args(["-ec", &lines]).current_dir(sandbox.vault());
    let _ = sandbox.spawn(shell).wait().expect_code(0);
    let mut plain: Vec<_> = fs::read_dir(sandbox.path("plain/cur"))
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    let mut stored: Vec<_> = sandbox
        .messages("work")
        .into_iter()
        .map(|m| m.bytes)
        .collect();
    plain.sort();
    stored.sort();
    assert!(plain == stored);
}

/// A folder, and its name over IMAP, within quotes.
const FOLDERS: [(&str, &str); 8] = [
    ("", "INBOX"),
    ("Lists/rust", "Lists/rust"),
    ("Lists/rust/2026", "Lists/rust/2026"),
    ("\u{dc}bung/a.b", "&ANw-bung/a.b"),
    ("~home", "~home"),
    // As a server would name it.
    ("Tom &- Jerry", "Tom &- Jerry"),
    (r"back\slash", r"back\\slash"),
    ("100% *real*", "100% *real*"),
];

/// A vault whose folders have two messages each, one of which they share with all others.
fn vault_of_folders() -> Sandbox {
    let sandbox = Sandbox::new();
    let vault = sandbox.vault();
    let vault = vault.to_str().unwrap();
    for (n, (folder, _)) in FOLDERS.iter().enumerate() {
        let own = format!("Subject: {n}\r\n\r\n.of {folder}\r\n..\r\nbare\nlf and no end");
        sandbox.write(&format!("source{n}/own.eml"), own, 0o600);
        let shared = "Subject: shared\r\n\r\nof all\r\n";
        sandbox.write(&format!("source{n}/shared.eml"), shared, 0o600);
        let source = format!("source{n}");
        let mut args = vec!["import", "--vault", vault, &source, "--account", "work"];
        args.push("--create");
        if !folder.is_empty() {
            args.extend(["--into", folder]);
        }
        let _ = sandbox.run(&args).expect_code(0);
    }
    sandbox
}

/// The names of all mailboxes that can be opened, as they stand within quotes.
fn mailboxes(imap: &mut Wire) -> Vec<String> {
    let rows = imap.tagged("LIST \"\" \"*\"").into_iter();
    let mut names: Vec<_> = rows
        .filter(|(row, _)| !row.contains("\\Noselect"))
        .map(|(row, literal)| {
            let (_, name) = row.split_once(" \"/\" ").unwrap();
            let quoted = |name| String::from_utf8(name).unwrap().replace('\\', r"\\");
            literal.map_or_else(|| name.trim_matches('"').to_owned(), quoted)
        })
        .collect();
    names.sort();
    names
}

#[test]
fn dovecot_serves_a_vault_with_the_configurations_of_the_guide() {
    let sandbox = vault_of_folders();
    let stored = stored(&sandbox.vault().join("mail/work"));
    assert_eq!(stored.len(), 2 * FOLDERS.len());
    let text = guide("reading-without-mailvault.md");
    let blocks: Vec<_> = text
        .split("```\n")
        .filter(|b| b.contains("listen ="))
        .collect();
    assert_eq!(blocks.len(), Release::ALL.len());
    for release in Release::ALL {
        let newer = release == Release::V2_4;
        let block = blocks.iter();
        let mut block = block.filter(|b| b.contains("dovecot_config_version") == newer);
        let options = Options {
            release,
            vault: Some(sandbox.vault()),
            guide: Some(block.next().unwrap().to_string()),
            ..Options::default()
        };
        let Some(dovecot) = Dovecot::start(&options) else {
            continue;
        };
        let password = "a-password-of-your-choice";
        let mut imap = Wire::imap(dovecot.imap(), "work", password);
        let mut names = FOLDERS.map(|(_, name)| name.to_owned());
        names.sort();
        assert_eq!(mailboxes(&mut imap), names, "{release:?}");
        for (n, (folder, name)) in FOLDERS.iter().enumerate() {
            let status = imap.tagged(&format!("STATUS \"{name}\" (MESSAGES)"));
            let [(status, _)] = &status[..] else {
                panic!("{status:?}");
            };
            assert!(status.ends_with("(MESSAGES 2)"), "{status}");
            let mut served = imap_fetch_mailbox(dovecot.imap(), "work", password, name);
            served.sort();
            let mine = format!("Subject: {n}\r\n");
            let mut there: Vec<_> = stored
                .iter()
                .filter(|m| m.bytes.starts_with(mine.as_bytes()) || m.bytes.ends_with(b"all\r\n"))
                .map(|m| on_the_wire(&m.bytes, false))
                .collect();
            there.sort();
            there.dedup();
            assert_eq!(served, there, "{release:?}: {folder}");
        }
    }
}

/// All sources below a folder, as one text.
fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            *into += &fs::read_to_string(path).unwrap();
        }
    }
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let text = fs::read_to_string(docs().join("SAFETY.md")).unwrap();
    let (promises, shown) = text.split_once("\n## Shown by\n").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut code = String::new();
    sources(&root.join("src"), &mut code);
    sources(&root.join("tests/integration"), &mut code);
    let mut named = Vec::new();
    for line in shown.lines().filter_map(|line| line.strip_prefix("- ")) {
        let (promise, tests) = line.split_once(": ").unwrap();
        named.push(promise.to_owned());
        for test in tests.split(", ").map(|test| test.trim_matches('`')) {
            let dialogue = root.join(format!("tests/data/dialogue/{test}.txt"));
            assert!(
                code.contains(&format!("fn {test}(")) || dialogue.exists(),
                "promise {promise} names {test}, which is nowhere"
            );
        }
    }
    let numbered = promises.lines().filter_map(|line| {
        let (number, _) = line.split_once(". ")?;
        number.parse::<u32>().ok().map(|number| number.to_string())
    });
    for promise in numbered.chain(["Evidence".to_owned()]) {
        assert!(named.contains(&promise), "promise {promise} names no test");
    }
}

/// How many messages an account of a vault has, by `status`.
fn messages_of(sandbox: &Sandbox, vault: &str, account: &str) -> u64 {
    let status = sandbox.run(&["--vault", vault, "status", "--json"]);
    let lines = json_lines(&status.expect_code(0).stdout);
    let of = lines.iter().find(|line| line["account"] == account);
    of.map_or(0, |line| line["messages"].as_u64().unwrap())
}

fn copy_of(sandbox: &Sandbox, from: &str, to: &str) {
    let mut copy = sandbox.tool("cp");
    copy.arg("-a")
        .args([from, to].map(|path| sandbox.path(path)));
    let _ = sandbox.spawn(copy).wait().expect_code(0);
}

#[test]
fn a_vault_that_was_copied_to_a_new_disk_goes_on_there_and_a_missing_one_is_not_begun() {
    let (sandbox, server) = pulled(Sample::of(4, 7));
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    copy_of(&sandbox, "vault", "new");
    let verify = ["--vault", "new", "verify", "--read-data"];
    let _ = sandbox.run(&verify).expect_code(0);
    fs::rename(sandbox.vault(), sandbox.path("old")).unwrap();
    for command in ["pull", "list"] {
        let _ = sandbox.run(&[command]).expect_code(10);
    }
    assert!(!sandbox.vault().exists());
    let retrs = server.retrs();
    let _ = sandbox.run(&["--vault", "new", "pull"]).expect_code(0);
    assert_eq!(server.retrs(), retrs);
    assert_eq!(messages_of(&sandbox, "new", "work"), 4);
}

#[test]
fn vaults_of_two_machines_are_joined_by_an_import_that_changes_the_source_in_nothing() {
    let mail = Sample::of(6, 7);
    let (sandbox, _server) = pulled(mail[..4].to_vec());
    let (other, _other_server) = pulled(mail);
    let theirs = other.vault();
    let source = || (tree(&theirs.join("mail")), tree(&theirs.join("ledger")));
    let before = source();
    let theirs = theirs.to_str().unwrap();
    let _ = sandbox.run(&["import", "-n", theirs]).expect_code(0);
    assert_eq!(messages_of(&sandbox, "vault", "work"), 4);
    let _ = sandbox.run(&["import", theirs]).expect_code(0);
    assert_eq!(messages_of(&sandbox, "vault", "work"), 6);
    assert!(source() == before);
    let lock = fs::File::open(sandbox.vault().join("lock")).unwrap();
    lock.lock().unwrap();
    let _ = sandbox.run(&["pull"]).expect_code(11);
}

#[test]
fn one_person_of_a_family_gets_a_vault_of_their_own_from_an_export() {
    let (sandbox, _server) = pulled(Sample::of(4, 7));
    assert!(
        !sandbox
            .run(&["list", "account:work"])
            .expect_code(0)
            .stdout
            .is_empty()
    );
    let _ = sandbox
        .run(&["export", "work", "account:work"])
        .expect_code(0);
    let import = [
        "--vault",
        "own",
        "import",
        "work",
        "--account",
        "ann",
        "--create",
    ];
    let _ = sandbox.run(&import).expect_code(0);
    assert_eq!(messages_of(&sandbox, "own", "ann"), 4);
    let _ = sandbox
        .run(&["--vault", "own", "verify", "--read-data"])
        .expect_code(0);
    let bytes = |account: &str, vault: &str| {
        let stored = stored(&sandbox.path(vault).join("mail").join(account));
        let mut bytes: Vec<_> = stored.into_iter().map(|stored| stored.bytes).collect();
        bytes.sort();
        bytes
    };
    assert!(bytes("ann", "own") == bytes("work", "vault"));
}

#[test]
fn a_vault_with_what_a_version_does_not_know_is_refused_and_not_changed() {
    let (sandbox, _server) = pulled(Sample::of(2, 7));
    let manifest = sandbox.vault().join("vault.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("= []", "= [\"later\"]")).unwrap();
    let before = tree(&sandbox.vault());
    for command in [
        &["status"][..],
        &["pull"],
        &["list"],
        &["verify", "--repair"],
    ] {
        let output = sandbox.run(command).expect_code(1);
        assert!(
            output.stderr().contains("it needs the feature \"later\""),
            "{output}"
        );
    }
    assert!(tree(&sandbox.vault()) == before);
}
