//! The real Thunderbird on an exported tree: it shows every folder and message with its flags,
//! and what it does to the tree costs no mail.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::support::missing;
use super::support::sandbox::Sandbox;
use super::support::scene::json_lines;

/// Folders whose names Thunderbird would not show as they are, and some that it does.
const FOLDERS: [&str; 22] = [
    "Archives",
    "Archives/2024/Q1",
    "R&D",
    "\u{dc}bersicht \u{1f389}",
    "x.sbd",
    "x.msf",
    "old.toc",
    "old.snm",
    "x.mozmsgs",
    "FEEDS.rdf",
    "filterlog.html",
    "filters.js",
    "#hash",
    "semi;colon",
    "tilde~",
    "50%25",
    "trash",
    "unsent messages",
    "foo.eml",
    "foo.mbox.gz",
    "dovecot",
    "LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL",
];

/// Mail that Thunderbird would merge with the message before, or hide.
const HARD: [&str; 16] = [
    "Subject: plain\r\n\r\nFrom here\r\n>From there\r\n\r\nFrom a@b Sat Aug  2 10:00:05 2025\r\nA: b\r\n",
    "X-Mozilla-Status: 0009\r\nX-Mozilla-Status2: 00000000\r\nSubject: says it is deleted\r\n\r\nx\r\n",
    "Subject: says so later\r\nX-Mozilla-Status: 0008\r\n\r\nx\r\n",
    ">From a@example.org Sat Aug  2 10:00:05 2025\r\nSubject: quoted\r\n\r\nx\r\n",
    "Subject: folded\r\n at once\r\n\r\nx\r\n",
    "Subject: alone\r\n\r\nx\r\n",
    "\r\nno header\r\n",
    "no header at all\r\n",
    "Subject: no end\r\n\r\nx",
    "Subject: header only\r\n",
    "Subject: header only, no end",
    "Subject: no body\r\n\r\n",
    "Subject: mixed\r\nTo: a@example.org\r\n\r\none\r\ntwo\nthree\r\n",
    "Subject: raw \u{e9}\r\nX-\u{e9}: b\r\n\r\nb\r\n",
    "Subject: blank lines\r\nTo: b@example.org\r\n\r\n\r\n\r\nx\r\n\r\n\r\n",
    "Subject: bare\r\nTo: c@example.org\r\n\r\none\rtwo\r\n",
];

const FLAGS: [&str; 4] = ["", "S", "FS", "RS"];

/// A vault with all of that.
fn scene() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    for (n, folder) in FOLDERS.iter().enumerate() {
        for k in 0..2 {
            let mail =
                format!("Subject: {n}.{k}\r\nMessage-ID: <{n}.{k}@example.org>\r\n\r\nx\r\n");
            let file = format!("in/{folder}/cur/1{n:03}{k}.a:2,{}", FLAGS[(n + k) % 4]);
            sandbox.write(&file, mail, 0o600);
        }
    }
    for (n, mail) in HARD.iter().enumerate() {
        let id = mailvault::mail::message::Hash128::of(mail.as_bytes());
        let file = format!("in/cur/2{n:03}.{id}:2,{}", FLAGS[n % 4]);
        sandbox.write(&file, mail, 0o600);
    }
    let args = ["import", "in", "--account", "work", "--create"];
    let _ = sandbox.run(&args).expect_code(0);
    sandbox
}

/// What Thunderbird shows of a tree; the profile with its copy stays.
fn shown(sandbox: &Sandbox, tree: &str, profile: &str, action: &[&str]) -> BTreeMap<String, Value> {
    let mut python = sandbox.tool("python3");
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/integration/thunderbird.py"
    );
    python.arg(script).args([tree, profile]).args(action);
    let ended = sandbox.spawn(python).wait().expect_code(0);
    serde_json::from_slice(&ended.stdout).unwrap()
}

/// Text and flags of each message, however often it is there.
type Messages = Vec<(String, bool, bool, bool)>;

fn messages_of(shown: &Value) -> Messages {
    let is = |message: &Value, flag: &str| message[flag].as_bool().unwrap();
    let each = shown.as_array().unwrap().iter().map(|message| {
        let text = message["text"].as_str().unwrap().to_owned();
        let [read, starred, answered] = ["read", "starred", "answered"].map(|f| is(message, f));
        (text, read, starred, answered)
    });
    let mut all: Messages = each.collect();
    all.sort();
    all
}

/// The same of the vault, by the directory of the folder.
fn archived(sandbox: &Sandbox) -> BTreeMap<String, Messages> {
    let mut all: BTreeMap<String, Messages> = BTreeMap::new();
    for stored in sandbox.messages("work") {
        let latin: String = stored.bytes.iter().map(|b| char::from(*b)).collect();
        let (_, flags) = stored.name.rsplit_once(":2,").unwrap();
        let has = |flag| flags.contains(flag);
        let message = (latin.replace("\r\n", "\n"), has('S'), has('F'), has('R'));
        all.entry(stored.folder).or_default().push(message);
    }
    for messages in all.values_mut() {
        messages.sort();
    }
    all
}

/// Without what an export adds, which Thunderbird shows as part of the message.
fn stripped(messages: Messages) -> Messages {
    let strip = |text: String| {
        let mut text = text.as_str();
        for field in ["X-Mozilla-Status: ", "X-Mozilla-Status2: "] {
            let (first, rest) = text.split_once('\n').unwrap();
            assert!(first.starts_with(field), "{text:?}");
            text = rest;
        }
        // It takes quotes away in bodies alone.
        let text = text
            .strip_prefix(">>From ")
            .map_or_else(|| text.to_owned(), |rest| format!(">From {rest}"));
        text.trim_end_matches('\n').to_owned()
    };
    let each = messages.into_iter();
    let mut all: Messages = each.map(|(t, r, s, a)| (strip(t), r, s, a)).collect();
    all.sort();
    all
}

fn ends_cut(messages: &Messages) -> Messages {
    let cut = |text: &str| text.trim_end_matches('\n').to_owned();
    let mut all: Messages = messages
        .iter()
        .map(|(t, r, s, a)| (cut(t), *r, *s, *a))
        .collect();
    all.sort();
    all
}

#[test]
fn thunderbird_shows_every_folder_and_message_and_what_it_does_costs_none() {
    if missing("thunderbird") || missing("python3") {
        return;
    }
    let sandbox = scene();
    let args = ["export", "out", "--format", "mbox"];
    let _ = sandbox.run(&args).expect_code(0);
    let note = fs::read(sandbox.path("out/.mailvault-export.json")).unwrap();
    let note: Value = serde_json::from_slice(&note).unwrap();
    let seen = shown(&sandbox, "out", "profile", &["add"]);
    for (dir, wanted) in archived(&sandbox) {
        let path = note["folders"][format!("work/{dir}")].as_str().unwrap();
        let found = seen
            .get(path)
            .unwrap_or_else(|| panic!("{path} is not shown: {seen:?}"));
        let found = stripped(messages_of(found));
        assert_eq!(found, ends_cut(&wanted), "{path}");
    }
    // The tree as Thunderbird left it: its own message is new, and nothing else.
    let mine = sandbox.path("profile/Mail/Local Folders");
    let before: BTreeSet<Vec<u8>> = all(&sandbox);
    let _ = sandbox.run(&["import", mine.to_str().unwrap(), "--account", "work"]);
    let after = all(&sandbox);
    let new: Vec<_> = after.difference(&before).collect();
    assert_eq!(
        new.len(),
        1,
        "{:?}",
        new.iter()
            .map(|m| m.escape_ascii().to_string())
            .collect::<Vec<_>>()
    );
    assert!(new[0].ends_with(b"only here\r\n"));
    // The next export leaves it alone.
    let mail = fs::read(mine.join("Inbox")).unwrap();
    let args = [
        "export",
        "--json",
        mine.to_str().unwrap(),
        "--format",
        "mbox",
    ];
    let lines = json_lines(&sandbox.run(&args).expect_code(3).stdout);
    let changed: Vec<&Value> = lines
        .iter()
        .filter(|line| line["type"] == "changed_file")
        .collect();
    assert_eq!(changed.len(), 1, "{lines:?}");
    assert_eq!(changed[0]["path"], "Inbox");
    assert!(fs::read(mine.join("Inbox")).unwrap() == mail);
    // Flags that were set there come with the mail into a new vault, and names come back.
    let fresh = Sandbox::new();
    fresh.config("vault = \"$HOME/vault\"\n");
    let args = [
        "import",
        mine.to_str().unwrap(),
        "--account",
        "work",
        "--create",
    ];
    let _ = fresh.run(&args);
    let (ours, theirs) = (archived(&sandbox), archived(&fresh));
    assert!(
        ours.keys().eq(theirs.keys()),
        "{:?} {:?}",
        ours.keys(),
        theirs.keys()
    );
    for (dir, messages) in &ours {
        if !dir.is_empty() {
            assert_eq!(messages, &theirs[dir], "{dir}");
        }
    }
    let starred = |messages: &Messages| messages.iter().filter(|m| m.2 && m.1).count();
    assert!(starred(&theirs[""]) >= starred(&ours[""]));
}

fn all(sandbox: &Sandbox) -> BTreeSet<Vec<u8>> {
    let messages = sandbox.messages("work").into_iter();
    messages.map(|stored| stored.bytes).collect()
}
