//! What `log` says of the vault and of its messages, against the ledger as these tests read it.

use std::collections::BTreeSet;
use std::fs;

use mailvault::sample::{Message, Server};
use serde_json::{Value, json};

use crate::support::client::Wire;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::ledger;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, json_lines, lines_of, message, pulled, sandbox, server};
use crate::support::synthetic::{FileKind, fill};

fn letter(n: usize) -> Message {
    let text = format!(
        "From: ann@example.org\r\nSubject: letter {n}\r\nMessage-ID: <{n}@example.org>\r\n\
         Date: Tue, 6 Oct 2020 08:14:58 +0000\r\n\r\nbody of {n}\r\n"
    );
    message(&format!("u{n}"), &text)
}

fn letters(count: usize) -> Vec<Message> {
    (0..count).map(letter).collect()
}

/// A vault into which the inbox of a Dovecot was pulled over IMAP.
struct Pulled {
    sandbox: Sandbox,
    dovecot: Dovecot,
}

impl Pulled {
    fn new(count: usize) -> Option<Self> {
        let dovecot = Dovecot::start(&Options::default())?;
        let mail: Vec<_> = letters(count).into_iter().map(|m| m.bytes).collect();
        dovecot.deliver("bob", &mail);
        let account = Account::new("work", dovecot.imap().port(), "bob");
        let sandbox = sandbox(&[account.with("protocol", "\"imap\"")]);
        run(&sandbox, &["pull", "--create"]);
        Some(Self { sandbox, dovecot })
    }

    /// Deletes a message as another mail program would, and pulls.
    fn delete(&self, number: usize) {
        let mut imap = Wire::imap(self.dovecot.imap(), "bob", PASSWORD);
        imap.tagged("SELECT INBOX");
        imap.tagged(&format!("STORE {number} +FLAGS (\\Deleted)"));
        imap.tagged("EXPUNGE");
        imap.tagged("LOGOUT");
        run(&self.sandbox, &["pull"]);
    }

    /// The same with a flag.
    fn flag(&self, number: usize) {
        let mut imap = Wire::imap(self.dovecot.imap(), "bob", PASSWORD);
        imap.tagged("SELECT INBOX");
        imap.tagged(&format!("STORE {number} +FLAGS (\\Flagged)"));
        imap.tagged("LOGOUT");
        run(&self.sandbox, &["pull"]);
    }
}

fn run(sandbox: &Sandbox, args: &[&str]) {
    let _ = sandbox.run(args).expect_code(0);
}

/// What happened, by kind and number.
fn log(sandbox: &Sandbox, args: &[&str]) -> Vec<(String, Value)> {
    let lines = lines_of(sandbox, &[&["log"], args].concat(), "log");
    let row = |line: &Value| {
        let number = ["new", "damage", "messages"];
        let number = number.iter().find_map(|key| line.get(*key)).cloned();
        (line["event"].as_str().unwrap().to_owned(), number.unwrap())
    };
    lines.iter().map(row).collect()
}

fn kinds(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    log(sandbox, args)
        .into_iter()
        .map(|(kind, _)| kind)
        .collect()
}

fn id_of(sandbox: &Sandbox, subject: &str) -> String {
    let found = lines_of(
        sandbox,
        &["search", &format!("subject:\"{subject}\"")],
        "message",
    );
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]["id"].as_str().unwrap().to_owned()
}

fn life(sandbox: &Sandbox, id: &str) -> Vec<Value> {
    lines_of(sandbox, &["log", &format!("id:{id}")], "event")
}

/// The numbers of the lines that speak of a content, the newest first, as the ledger alone has it:
/// those with its hash, and those with a name that is its at that time.
fn lines_about(sandbox: &Sandbox, id: &str) -> Vec<u64> {
    let mut names = BTreeSet::new();
    let mut found = Vec::new();
    let text = ledger::text(&sandbox.vault());
    for line in text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
    {
        let name: Vec<_> = ["account", "server", "dir", "uidvalidity", "uid", "uidl"]
            .iter()
            .map(|key| line[key].to_string())
            .collect();
        let ev = line["ev"].as_str().unwrap();
        let is_named = names.contains(&name);
        let seen = ["seen", "vouched", "recognised", "doubtful", "settled"].contains(&ev);
        if seen && line["hash"] != id {
            names.remove(&name);
        } else if seen {
            names.insert(name);
        }
        let by_name = ["flags", "vanished", "reappeared", "wanted", "asked"].contains(&ev);
        let by_hash = !matches!(ev, "upload-intent" | "held" | "forgotten");
        if by_name && is_named || by_hash && (line["hash"] == id || line["by"] == id) {
            found.push(line["seq"].as_u64().unwrap());
        }
    }
    found.reverse();
    found
}

#[track_caller]
fn assert_life_is_complete(sandbox: &Sandbox, id: &str) {
    let shown: Vec<_> = life(sandbox, id)
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(shown, lines_about(sandbox, id), "{id}");
    assert!(!shown.is_empty());
}

#[test]
fn each_run_is_a_row_and_pulls_that_found_nothing_are_counted() {
    let Some(mailbox) = Pulled::new(4) else {
        return;
    };
    let sandbox = &mailbox.sandbox;
    run(sandbox, &["pull"]);
    mailbox.delete(4);
    run(sandbox, &["verify"]);
    run(sandbox, &["purge", "--all", "--yes"]);
    let rows = log(sandbox, &[]);
    let wanted = [
        ("purged", 3),
        ("verified", 0),
        ("vanished", 1),
        ("pulled", 4),
    ];
    let wanted = wanted.map(|(kind, number)| (kind.to_owned(), json!(number)));
    assert_eq!(rows, wanted);
    let all = [
        "purged", "verified", "pulled", "vanished", "pulled", "pulled",
    ];
    assert_eq!(kinds(sandbox, &["--all"]), all);
    let out = sandbox.run(&["log"]).expect_code(0);
    assert!(
        out.stderr()
            .contains("2 pulls that found nothing new are left out"),
        "{out}"
    );
    let lines = json_lines(&sandbox.run(&["log", "--json"]).stdout);
    assert_eq!(lines.last().unwrap()["nothing_new"], 2);
}

#[test]
fn a_limit_shows_the_newest_and_says_that_there_are_more() {
    let (sandbox, _server) = pulled(letters(1));
    for _ in 0..3 {
        run(&sandbox, &["pull"]);
        run(&sandbox, &["verify"]);
    }
    let every = kinds(&sandbox, &["--all"]);
    assert_eq!(every.len(), 7);
    for limit in 1..=8 {
        let args = ["log", "--all", "--json", "-l", &limit.to_string()];
        let lines = json_lines(&sandbox.run(&args).stdout);
        let shown: Vec<_> = lines.iter().filter(|line| line["type"] == "log").collect();
        let shown: Vec<_> = shown
            .iter()
            .map(|line| line["event"].as_str().unwrap())
            .collect();
        assert_eq!(shown, every[..limit.min(7)]);
        assert_eq!(lines.last().unwrap()["more"], limit < 7);
    }
}

#[test]
fn the_life_of_a_message_is_every_line_that_speaks_of_it() {
    let Some(mailbox) = Pulled::new(4) else {
        return;
    };
    let sandbox = &mailbox.sandbox;
    let letters = (0..4).map(|n| id_of(sandbox, &format!("letter {n}")));
    let ids: Vec<_> = letters.collect();
    mailbox.flag(3);
    mailbox.delete(1);
    let purge = ["purge", "--match", "subject:\"letter 2\"", "--yes"];
    run(sandbox, &purge);
    for id in &ids {
        assert_life_is_complete(sandbox, id);
    }
    let events = |n: usize| -> Vec<String> {
        let lines = life(sandbox, &ids[n]);
        let names = lines
            .iter()
            .map(|line| line["event"].as_str().unwrap().to_owned());
        names.collect()
    };
    assert_eq!(events(0), ["vanished", "seen"]);
    assert_eq!(events(2), ["purged", "purge-intent", "flags", "seen"]);
    assert_eq!(events(3), ["seen"]);
    let text = sandbox
        .run(&["log", &format!("id:{}", ids[2])])
        .expect_code(0);
    for part in [
        "letter 2",
        "  in $HOME/vault/mail/work/cur/",
        "deleted there by mailvault on ",
        "deleted on the server, which no longer lists it",
        "received over IMAP",
    ] {
        assert!(text.stdout().contains(part), "{part}\n{text}");
    }
    let gone = sandbox.run(&["search", "-on:server"]).expect_code(0);
    assert_eq!(gone.stdout().matches("letter").count(), 2, "{gone}");
}

#[test]
fn a_message_whose_file_is_missing_still_has_its_life() {
    let (sandbox, _server) = pulled(letters(2));
    let id = id_of(&sandbox, "letter 1");
    let file = lines_of(&sandbox, &["log", &format!("id:{id}")], "life");
    fs::remove_file(file[0]["files"][0].as_str().unwrap()).unwrap();
    let _ = sandbox.run(&["verify", "--repair"]);
    let out = sandbox.run(&["log", &format!("id:{id}")]).expect_code(0);
    assert!(out.stdout().contains("its file is missing"), "{out}");
    assert_life_is_complete(&sandbox, &id);
    let life: Vec<_> = life(&sandbox, &id);
    assert_eq!(life[0]["event"], "lost");
    assert_eq!(kinds(&sandbox, &[])[..2], ["verified", "lost"]);
}

#[test]
fn a_catalog_that_is_made_again_tells_the_same() {
    let Some(mailbox) = Pulled::new(5) else {
        return;
    };
    let sandbox = &mailbox.sandbox;
    mailbox.delete(2);
    run(
        sandbox,
        &["purge", "--match", "subject:\"letter 3\"", "--yes"],
    );
    run(
        sandbox,
        &["hold", "add", "tax", "from:ann", "--reason", "audit"],
    );
    run(sandbox, &["hold", "release", "tax"]);
    run(
        sandbox,
        &[
            "forget",
            "subject:\"letter 4\"",
            "--reason",
            "her wish",
            "--yes",
        ],
    );
    let shown = |args: &[&str]| {
        let text = sandbox.run(args).expect_code(0).stdout();
        // The summary says how long it took.
        let lines = text.lines().filter(|line| !line.contains("summary"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let commands: [&[&str]; 3] = [&["log"], &["log", "--all", "--json"], &["log", "letter"]];
    let before = commands.map(shown);
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    assert_eq!(commands.map(shown), before);
    run(sandbox, &["pull"]);
    assert_eq!(shown(&["log"]), before[0]);
}

#[test]
fn what_was_forgotten_has_no_life_but_a_row() {
    let (sandbox, _server) = pulled(letters(3));
    let id = id_of(&sandbox, "letter 1");
    run(
        &sandbox,
        &[
            "forget",
            &format!("id:{id}"),
            "--reason",
            "her wish",
            "--yes",
        ],
    );
    let out = sandbox.run(&["log", &format!("id:{id}")]).expect_code(18);
    assert!(!out.stdout().contains(&id[..8]), "{out}");
    let rows = lines_of(&sandbox, &["log"], "log");
    assert_eq!(rows[0]["event"], "forgotten");
    assert_eq!(
        (&rows[0]["messages"], &rows[0]["reason"]),
        (&json!(1), &json!("her wish"))
    );
    run(&sandbox, &["remember", "1"]);
    assert_eq!(kinds(&sandbox, &[])[..2], ["remembered", "forgotten"]);
    for n in [0, 2] {
        let id = id_of(&sandbox, &format!("letter {n}"));
        assert_life_is_complete(&sandbox, &id);
    }
}

#[test]
fn a_damaged_line_is_counted_and_the_others_are_shown() {
    let (sandbox, _server) = pulled(letters(3));
    let ledger_dir = sandbox.vault().join("ledger");
    let month = fs::read_dir(ledger_dir)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = fs::read_to_string(&month).unwrap();
    let at = text
        .lines()
        .position(|line| line.contains("\"u1\""))
        .unwrap();
    let lines = text.lines().enumerate().map(|(n, line)| {
        if n == at {
            line.replace("u1", "uX") + "\n"
        } else {
            line.to_owned() + "\n"
        }
    });
    fs::write(&month, lines.collect::<String>()).unwrap();
    let out = sandbox.run(&["log", "letter", "--json"]).expect_code(20);
    let summary = json_lines(&out.stdout).pop().unwrap();
    assert!(summary["unreadable"].as_u64().unwrap() >= 1, "{summary}");
    let shown = lines_of(&sandbox, &["log", "letter"], "event");
    assert!(shown.iter().any(|line| line["uid"] == "u0"), "{shown:?}");
    let out = sandbox.run(&["log", "letter"]).expect_code(20);
    assert!(out.stderr().contains("mailvault verify"), "{out}");
    // What cannot be read makes room for what can.
    let limited = ["log", "letter", "-l", "2", "--json"];
    let shown = json_lines(&sandbox.run(&limited).stdout);
    assert_eq!(
        shown.iter().filter(|line| line["type"] == "event").count(),
        2
    );
}

#[test]
fn an_account_and_a_query_are_told_apart() {
    let (sandbox, _server) = pulled(letters(2));
    run(&sandbox, &["verify"]);
    assert_eq!(kinds(&sandbox, &["work"]), ["pulled"]);
    let events = |args: &[&str]| lines_of(&sandbox, &[&["log"], args].concat(), "event").len();
    assert_eq!(events(&["letter"]), 2);
    assert_eq!(events(&["work", "subject:\"letter 1\""]), 1);
    assert_eq!(events(&["-on:server"]), 0);
    let out = sandbox.run(&["log", "wrok"]).expect_code(0);
    assert!(out.stderr().contains("did you mean work?"), "{out}");
    let _ = sandbox.run(&["log", "--all", "letter"]).expect_code(2);
    let _ = sandbox.run(&["log", "id:0123456"]).expect_code(18);
    let _ = sandbox.run(&["log", "id:xyz"]).expect_code(2);
}

#[test]
fn the_accounts_have_the_names_that_they_are_called_by() {
    let (old, new) = (server(letters(2)), server(letters(3)));
    let sandbox = sandbox(&[Account::of("old", &old), Account::of("new", &new)]);
    run(&sandbox, &["pull", "--create"]);
    run(&sandbox, &["account", "remove", "old", "--yes"]);
    run(
        &sandbox,
        &["account", "merge", "old", "new", "--yes", "--any-server"],
    );
    run(&sandbox, &["account", "rename", "new", "home"]);
    let rows = lines_of(&sandbox, &["log"], "log");
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (&row["event"], &row["account"]))
        .collect();
    let (merged, pulled, home) = (json!("merged"), json!("pulled"), json!("home"));
    assert_eq!(rows, [(&merged, &home), (&pulled, &home), (&pulled, &home)]);
    let events = lines_of(&sandbox, &["log", "home", "letter"], "event");
    assert_eq!(events.len(), 5);
    assert!(
        events.iter().all(|event| event["account"] == "home"),
        "{events:?}"
    );
}

#[test]
fn lines_far_apart_are_found_in_months_that_are_open_and_closed() {
    let server = server(Vec::new());
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let name = format!("{}@{}", Server::USER, server.addr());
    fill(&sandbox.vault(), &name, 20_000, FileKind::None);
    let check = || {
        let found = lines_of(&sandbox, &["search", "--sort", "size"], "message");
        for line in found.iter().step_by(1_999) {
            assert_life_is_complete(&sandbox, line["id"].as_str().unwrap());
        }
        let out = sandbox.run(&["log", "account:*", "--json"]).expect_code(0);
        let seqs: Vec<_> = json_lines(&out.stdout)
            .iter()
            .filter_map(|line| line["seq"].as_u64())
            .collect();
        assert!(seqs.is_sorted_by(|a, b| a > b));
        assert_eq!(seqs.len(), 21_000);
    };
    check();
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    check();
}
