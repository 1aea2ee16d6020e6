//! Holds: what they cover, how they end, and what a run leaves that is killed.

use std::fs;
use std::path::Path;

use mailvault::sample::Message;
use serde_json::Value;

use crate::crash::points::{self, CALLS};
use crate::crash::scene::{read_log, strace};
use crate::support::missing;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{json_lines, message, pulled};

fn letter(n: usize, from: &str) -> Message {
    let text = format!(
        "From: {from}@example.org\r\nSubject: letter {n}\r\nMessage-ID: <{n}@example.org>\r\n\
         Date: Tue, 6 Oct 2020 08:14:58 +0000\r\n\r\nbody of {n}\r\n"
    );
    message(&format!("u{n}"), &text)
}

fn letters() -> Vec<Message> {
    let senders = ["bank", "ann", "bank", "bob"];
    (0..)
        .zip(senders)
        .map(|(n, from)| letter(n, from))
        .collect()
}

const ADD: [&str; 7] = [
    "hold",
    "add",
    "tax",
    "from:bank",
    "-subject:x",
    "--reason",
    "an audit",
];

fn add(sandbox: &Sandbox, args: &[&str]) {
    let args = [&["hold", "add"], args].concat();
    let _ = sandbox.run(&args).expect_code(0);
}

/// The lines of a kind that a command prints for programs.
fn lines(sandbox: &Sandbox, args: &[&str], kind: &str) -> Vec<Value> {
    let args = [args, &["--json"]].concat();
    let lines = json_lines(&sandbox.run(&args).expect_code(0).stdout);
    lines
        .into_iter()
        .filter(|line| line["type"] == kind)
        .collect()
}

/// What the vault says of holds, without the time.
fn holds(sandbox: &Sandbox) -> Vec<Value> {
    let mut all = lines(sandbox, &["hold", "list"], "hold");
    for hold in &mut all {
        let hold = hold.as_object_mut().unwrap();
        hold.retain(|key, _| {
            ["hold", "query", "reason", "messages", "covers"].contains(&key.as_str())
        });
    }
    all
}

fn events(sandbox: &Sandbox, kind: &str) -> usize {
    let kind = format!("\"ev\":\"{kind}\"");
    let lines = sandbox.ledger_lines();
    lines.iter().filter(|line| line.contains(&kind)).count()
}

#[test]
fn a_hold_names_what_it_covers_and_is_shown_until_it_is_released() {
    let (sandbox, _server) = pulled(letters());
    sandbox.run(&ADD).expect(0, "tax holds 2 messages.\n", "");
    assert_eq!((events(&sandbox, "held"), events(&sandbox, "hold")), (2, 1));
    let wanted = serde_json::json!([{"hold": "tax", "query": "from:bank -subject:x",
        "reason": "an audit", "messages": 2, "covers": 2}]);
    assert_eq!(Value::from(holds(&sandbox)), wanted);
    let listed = sandbox.run(&["hold", "list"]).expect_code(0).stdout();
    assert!(listed.starts_with("tax: 2 messages, since 20"), "{listed}");
    assert!(
        listed.ends_with("  query: from:bank -subject:x\n  reason: an audit\n"),
        "{listed}"
    );
    let status = sandbox.run(&["status"]).expect_code(0).stdout();
    assert!(
        status.contains("\nhold tax: 2 messages since 20"),
        "{status}"
    );
    assert_eq!(lines(&sandbox, &["status"], "hold").len(), 1);
    for (query, held) in [("subject:\"letter 0\"", 1), ("subject:\"letter 1\"", 0)] {
        let id = lines(&sandbox, &["search", query], "message")[0]["id"].clone();
        let id = id.as_str().unwrap();
        let shown = &lines(&sandbox, &["show", id], "message")[0];
        assert_eq!(shown["holds"].as_array().unwrap().len(), held, "{shown}");
        let shown = sandbox.run(&["show", id]).expect_code(0).stdout();
        assert_eq!(
            shown.contains("\nHeld by tax: an audit\n"),
            held == 1,
            "{shown}"
        );
    }
    let _ = sandbox.run(&["verify"]).expect_code(0);
    // The catalog is a replay of the ledger.
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    assert_eq!(Value::from(holds(&sandbox)), wanted);
    let release = ["hold", "release", "tax", "--reason", "closed"];
    sandbox.run(&release).expect(0, "Released tax.\n", "");
    assert!(holds(&sandbox).is_empty());
    let _ = sandbox.run(&["verify"]).expect_code(0);
    // The name is free again.
    let _ = sandbox.run(&ADD).expect_code(0);
}

#[test]
fn a_hold_also_covers_what_comes_later_and_what_no_longer_matches() {
    let (sandbox, _server) = pulled(letters());
    add(&sandbox, &["young", "newer:20y", "--reason", "x"]);
    add(&sandbox, &["bank", "from:bank", "--reason", "x"]);
    add(&sandbox, &["words", "body of", "--reason", "x"]);
    sandbox.write("more.eml", letter(9, "bank").bytes, 0o600);
    let _ = sandbox
        .run(&["import", "more.eml", "--account", "work"])
        .expect_code(0);
    let covered = |name: &str| {
        let all = holds(&sandbox).into_iter();
        let hold = all.into_iter().find(|hold| hold["hold"] == name).unwrap();
        (
            hold["messages"].as_u64().unwrap(),
            hold["covers"].as_u64().unwrap(),
        )
    };
    assert_eq!(covered("bank"), (2, 3));
    assert_eq!(covered("words"), (4, 5));
    assert_eq!(covered("young"), (4, 5));
    // An age is kept as it was written, and counts from the day on which it is asked.
    let ledger = sandbox.ledger_lines().concat();
    assert!(ledger.contains("\"query\":\"newer:20y\""), "{ledger}");
    assert!(ledger.contains("\"query\":\"%22body of%22\""), "{ledger}");
}

#[test]
fn a_hold_that_cannot_be_changes_nothing() {
    let (sandbox, _server) = pulled(letters());
    add(&sandbox, &["tax", "from:bank", "--reason", "x"]);
    let before = sandbox.ledger_lines();
    for (args, code, said) in [
        (
            &["add", "tax", "from:ann", "--reason", "x"][..],
            2,
            "already a hold called tax",
        ),
        (
            &["add", "../x", "from:ann", "--reason", "x"],
            2,
            "cannot be the name",
        ),
        (
            &["add", "Tax", "from:ann", "--reason", "x"],
            2,
            "cannot be the name",
        ),
        (
            &["add", "a", "from:ann", "--reason", " "],
            2,
            "the reason is empty",
        ),
        (&["add", "a", "from:ann"], 2, "--reason"),
        (&["add", "a", "--reason", "x"], 2, "<QUERY>"),
        (&["add", "a", "form:ann", "--reason", "x"], 2, "write from:"),
        (
            &["add", "a", "account:other", "--reason", "x"],
            2,
            "no account in the vault",
        ),
        (
            &["add", "a", "from:nobody", "--reason", "x"],
            18,
            "no message",
        ),
        (&["release", "tac"], 2, "did you mean tax?"),
    ] {
        let output = sandbox.run(&[&["hold"], args].concat()).expect_code(code);
        assert!(output.stderr().contains(said), "{output}");
    }
    let long = "x".repeat(5000);
    let output = sandbox.run(&["hold", "add", "a", "from:ann", "--reason", &long]);
    assert!(output.expect_code(2).stderr().contains("longer than 4096"));
    assert!(before == sandbox.ledger_lines());
    // A message that the index of words cannot read may match or not.
    let name = sandbox.messages("work").remove(0).name;
    let file = sandbox.vault().join("mail/work/cur").join(name);
    fs::write(&file, "damaged").unwrap();
    let output = sandbox
        .run(&["hold", "add", "a", "body", "--reason", "x"])
        .expect_code(20);
    assert!(
        output.stderr().contains("it is not known which"),
        "{output}"
    );
    assert!(before == sandbox.ledger_lines());
}

#[test]
fn a_hold_waits_for_the_lock_and_refuses_a_damaged_ledger() {
    let (sandbox, _server) = pulled(letters());
    let lock = fs::File::options()
        .write(true)
        .open(sandbox.vault().join("lock"))
        .unwrap();
    lock.lock().unwrap();
    let _ = sandbox.run(&ADD).expect_code(11);
    drop(lock);
    let file = fs::read_dir(sandbox.vault().join("ledger")).unwrap().next();
    let file = file.unwrap().unwrap().path();
    let text = fs::read_to_string(&file).unwrap();
    let damaged = text.replacen("\"octets\":", "\"octetz\":", 1);
    assert_ne!(text, damaged);
    fs::write(&file, &damaged).unwrap();
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    let _ = sandbox.run(&ADD).expect_code(20);
    let _ = sandbox.run(&["hold", "release", "tax"]).expect_code(20);
    assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
}

/// Asserts that there is a whole hold or none, and that adding it again is possible in one case
/// and refused in the other; returns whether there was one.
fn is_whole_or_none(sandbox: &Sandbox, what: &str) -> bool {
    let all = holds(sandbox);
    if let [hold] = &all[..] {
        assert_eq!(
            (&hold["messages"], &hold["covers"]),
            (&2.into(), &2.into()),
            "{what}"
        );
    }
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    let again = sandbox.run(&ADD);
    assert_eq!(
        again.ended,
        crate::support::output::Ended::Exit(if all.is_empty() { 0 } else { 2 }),
        "{what}"
    );
    assert_eq!(holds(sandbox).len(), 1, "{what}");
    let _ = sandbox.run(&["verify"]).expect_code(0);
    all.len() == 1
}

/// Lets a command be killed, and find no room, at each of its calls in the vault of the scene, and
/// asks each time what there is then; both answers must come.
fn killed_at_each_call(scene: &Sandbox, command: &[&str], is_done: impl Fn(&str) -> bool) {
    let (vault, kept) = (scene.vault(), scene.path("copy"));
    let copy = |from: &Path, to: &Path| {
        let _ = scene.tool("cp").arg("-a").arg(from).arg(to).status();
    };
    copy(&vault, &kept);
    let log = scene.path("calls");
    let options = format!("-y -e trace={CALLS} -o {}", log.display());
    let _ = strace(scene, &options, command);
    let points = points::points(&read_log(&log), vault.to_str().unwrap(), CALLS);
    assert!(points.len() > 10, "too few points: {points:?}");
    let mut seen = [false; 2];
    for point in &points {
        let Some(path) = &point.path else { continue };
        if path.ends_with("-shm") {
            continue;
        }
        let path = vault.join(Path::new(path.trim_start_matches('/')));
        for what in ["signal=KILL", "error=ENOSPC"] {
            let _ = fs::remove_dir_all(&vault);
            copy(&kept, &vault);
            let inject = format!("-e inject={}:{what}:when={}", point.call, point.n);
            let options = format!("-P {} {inject} -o /dev/null", path.display());
            let _ = strace(scene, &options, command);
            let done = is_done(&format!("{point:?} {what}"));
            seen[usize::from(done)] = true;
        }
    }
    assert_eq!(seen, [true; 2], "{points:?}");
}

#[test]
fn a_hold_that_is_killed_or_has_no_room_is_whole_or_none() {
    if missing("strace") {
        return;
    }
    let (scene, _server) = pulled(letters());
    killed_at_each_call(&scene, &ADD, |what| is_whole_or_none(&scene, what));
}

#[test]
fn a_release_that_is_killed_or_has_no_room_ends_the_hold_or_leaves_it_whole() {
    if missing("strace") {
        return;
    }
    let (scene, _server) = pulled(letters());
    let _ = scene.run(&ADD).expect_code(0);
    let release = ["hold", "release", "tax"];
    killed_at_each_call(&scene, &release, |what| {
        let held = holds(&scene);
        if let [hold] = &held[..] {
            assert_eq!(
                (&hold["messages"], &hold["covers"]),
                (&2.into(), &2.into()),
                "{what}"
            );
        }
        let _ = scene.run(&["verify", "--read-data"]).expect_code(0);
        // What is held is not forgotten, and can be once nothing holds it.
        let forget = ["forget", "from:bank", "--reason", "x", "--yes"];
        let code = i32::from(!held.is_empty());
        let _ = scene.run(&forget).expect_code(code);
        let code = if held.is_empty() { 2 } else { 0 };
        let _ = scene.run(&release).expect_code(code);
        assert!(holds(&scene).is_empty(), "{what}");
        let _ = scene.run(&["verify"]).expect_code(0);
        held.is_empty()
    });
}

#[test]
fn contents_of_a_hold_that_never_began_are_void() {
    let (sandbox, _server) = pulled(letters());
    let _ = sandbox.run(&ADD).expect_code(0);
    // As if the run had been killed before its last line: what it wrote is all of one append, so
    // that the end of a large hold is made here.
    let text = sandbox.ledger_lines();
    let file = fs::read_dir(sandbox.vault().join("ledger")).unwrap().next();
    let file = file.unwrap().unwrap().path();
    assert!(text.last().unwrap().contains("\"ev\":\"hold\""));
    let kept = text[..text.len() - 1].join("\n") + "\n";
    fs::write(&file, kept).unwrap();
    for catalog in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
        let _ = fs::remove_file(sandbox.vault().join(catalog));
    }
    assert!(holds(&sandbox).is_empty());
    let _ = sandbox.run(&["verify"]).expect_code(0);
    let _ = sandbox.run(&["hold", "release", "tax"]).expect_code(2);
    add(&sandbox, &["tax", "from:ann", "--reason", "x"]);
    let [hold] = &holds(&sandbox)[..] else {
        panic!("there is one hold");
    };
    assert_eq!((&hold["messages"], &hold["covers"]), (&1.into(), &1.into()));
    assert_eq!(events(&sandbox, "released"), 1);
}
