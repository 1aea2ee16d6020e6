//! May I leave? The server's inventory against the vault.

use std::fs;
use std::net::TcpListener;

use mailvault::sample::Message;
use serde_json::Value;

use crate::support::dovecot::{Dovecot, Options};
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, json_lines, message, pulled, sandbox, server};
use crate::support::script::Server as Script;
use crate::support::step::connections;

fn letter(n: usize) -> Message {
    message(
        &format!("u{n}"),
        &format!(
            "From: ann@example.org\r\nSubject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\nbody of {n}\r\n"
        ),
    )
}

fn letters(count: usize) -> Vec<Message> {
    (0..count).map(letter).collect()
}

fn bytes(from: usize, to: usize) -> Vec<Vec<u8>> {
    (from..to).map(|n| letter(n).bytes).collect()
}

/// The lines of a manifest.
fn manifest(sandbox: &Sandbox, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(sandbox.path(file)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[test]
fn an_inbox_of_which_everything_is_archived_is_told() {
    let (sandbox, _server) = pulled(letters(3));
    sandbox.run(&["audit", "--inbox", "work"]).expect(
        0,
        "\
127.0.0.1 lists 3 messages, 231 B

FOLDER  MESSAGES  ARCHIVED  UNKNOWN
INBOX          3         3        0

Everything in the inbox on 127.0.0.1 is archived.
Other folders were not checked, as you asked.
",
        "",
    );
    sandbox
        .run(&["audit", "--inbox", "work", "-q"])
        .expect(0, "", "");
}

#[test]
fn who_reads_an_inbox_over_pop3_may_not_leave_for_that() {
    let (sandbox, server) = pulled(letters(3));
    let output = sandbox.run(&["audit", "work"]).expect_code(3);
    let text = output.stdout();
    assert!(
        text.contains(
            "\
Everything in the inbox on 127.0.0.1 is archived.
POP3 shows the inbox only. Whether 127.0.0.1 has other folders, such as sent
mail, is not known. Do not leave yet.
  hint: with protocol = \"auto\" for work, audit checks the other folders over
        IMAP; 'mailvault audit --inbox work' checks the inbox alone, as does
        covers = \"inbox\" in the configuration
"
        ),
        "{output}"
    );
    assert!(!text.contains("you may leave"), "{output}");
    let lines = json_lines(&sandbox.run(&["audit", "work", "--json"]).stdout);
    let summary = lines.last().unwrap();
    assert_eq!(summary["may_leave"], false, "{summary}");
    assert_eq!(summary["other_folders"], "not_shown", "{summary}");
    configure(
        &sandbox,
        &[Account::of("work", &server).with("covers", "\"inbox\"")],
    );
    let _ = sandbox.run(&["audit", "work"]).expect_code(0);
}

#[test]
fn the_other_folders_are_asked_for_over_imap_where_the_account_is_read_over_both() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &bytes(0, 5));
    let account = |imap: u16| {
        Account::new("work", dovecot.pop3().port(), "ann")
            .with("protocol", "\"auto\"")
            .with("imap_port", &imap.to_string())
    };
    let sandbox = sandbox(&[account(dovecot.imap().port())]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let output = sandbox.run(&["audit", "work"]).expect_code(0);
    assert!(output.stdout().contains("you may leave"), "{output}");
    // Sent mail was never fetched: the last pull was of the inbox.
    dovecot.deliver_to("ann", ".Sent", &bytes(5, 8));
    let output = sandbox.run(&["audit", "work"]).expect_code(3);
    let text = output.stdout();
    for line in [
        "INBOX          5         5        0\n",
        "Sent           3         0        3\n",
        "'mailvault pull --all-folders work' fetches them",
        "Do not leave yet.\n",
    ] {
        assert!(text.contains(line), "{line}{output}");
    }
    // Where IMAP is closed, that is said.
    let closed = dovecot.pop3().port();
    configure(&sandbox, &[account(closed)]);
    let output = sandbox.run(&["audit", "work"]).expect_code(3);
    let text = output.stdout();
    assert!(
        text.contains("the other folders could not be read over IMAP"),
        "{output}"
    );
    let _ = sandbox.run(&["audit", "work", "--inbox"]).expect_code(0);
    configure(&sandbox, &[account(dovecot.imap().port())]);
    let _ = sandbox
        .run(&["pull", "--all-folders", "work"])
        .expect_code(0);
    let output = sandbox.run(&["audit", "work"]).expect_code(0);
    assert!(
        output
            .stdout()
            .contains("Everything on 127.0.0.1 is archived: you may leave.\n"),
        "{output}"
    );
}

#[test]
fn a_password_that_pop3_refused_goes_to_no_other_port() {
    let (sandbox, _server) = pulled(letters(1));
    for words in ["[AUTH] wrong", "login failed"] {
        let pop3 = Script::new();
        let imap = TcpListener::bind("127.0.0.1:0").unwrap();
        imap.set_nonblocking(true).unwrap();
        let script = format!(
            "connection\nS: +OK\nC: CAPA\nS: -ERR\nC: USER ann\nS: +OK\nC: PASS secret\n\
             S: -ERR {words}\n"
        );
        let play = pop3.play(connections(&script).unwrap());
        let account = Account::new("work", pop3.port(), "ann")
            .with("protocol", "\"auto\"")
            .with("imap_port", &imap.local_addr().unwrap().port().to_string());
        configure(&sandbox, &[account]);
        let output = sandbox.run(&["audit", "work"]).expect_code(12);
        assert_eq!(play.finish().deviations, [""; 0], "{output}");
        let asked = imap.accept();
        assert!(asked.is_err(), "{words}: {asked:?}");
    }
}

#[test]
fn the_list_of_an_audit_says_how_each_message_is_known() {
    let (sandbox, _server) = pulled(letters(2));
    let audit = ["audit", "--inbox", "work", "--manifest", "list.jsonl"];
    let known = |options: &[&str]| -> Vec<(Value, Value, Value)> {
        let _ = (sandbox.run(&[&audit, options].concat())).expect_code(0);
        let lines = manifest(&sandbox, "list.jsonl").into_iter();
        lines
            .map(|line| {
                let keys = ["state", "how", "header_read"];
                let [state, how, read] = keys.map(|key| line[key].clone());
                (state, how, read)
            })
            .collect()
    };
    let read = |read: bool| vec![("archived".into(), "received".into(), read.into()); 2];
    assert_eq!(known(&["--quick"]), read(false));
    assert_eq!(known(&[]), read(true));
    // It is remembered.
    assert_eq!(known(&["--quick"]), read(true));
    let summary = json_lines(&sandbox.run(&["audit", "--inbox", "work", "--json"]).stdout);
    assert_eq!(summary.last().unwrap()["compared"], 0, "{summary:?}");
    let all = ["audit", "--inbox", "work", "--json", "--fresh", "0s"];
    let summary = json_lines(&sandbox.run(&all).stdout);
    assert_eq!(summary.last().unwrap()["compared"], 2, "{summary:?}");
}

#[test]
fn what_is_not_fetched_yet_is_unknown() {
    let server = server(letters(7));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let _ = sandbox
        .run(&["pull", "--create", "--limit", "5"])
        .expect_code(0);
    let args = [
        "audit",
        "--inbox",
        "work",
        "--manifest",
        "list.jsonl",
        "--json",
    ];
    let lines = json_lines(&sandbox.run(&args).expect_code(3).stdout);
    let folder = lines.iter().find(|line| line["type"] == "folder").unwrap();
    assert_eq!(
        (&folder["archived"], &folder["unknown"]),
        (&5.into(), &2.into())
    );
    let summary = lines.last().unwrap();
    assert_eq!(summary["may_leave"], false);
    assert_eq!(summary["exit"], 3);
    let list = manifest(&sandbox, "list.jsonl");
    assert_eq!(list.len(), 7);
    let stored = sandbox.messages("work");
    for line in &list {
        let old = !["u5", "u6"].contains(&line["uidl"].as_str().unwrap());
        let state = if old { "archived" } else { "unknown" };
        assert_eq!(line["state"], state, "{line}");
        assert_eq!(line["hash"].is_string(), old, "{line}");
        assert_eq!(line["folder"], "INBOX");
        let octets = line["octets"].as_u64().unwrap();
        assert!(stored.iter().any(|m| m.bytes.len() as u64 == octets));
    }
    let output = sandbox
        .run(&["audit", "--inbox", "work", "-q"])
        .expect_code(3);
    let text = output.stdout();
    assert!(text.contains("Not archived: 2 messages, "), "{output}");
    assert!(text.contains("'mailvault pull work' fetches"), "{output}");
    assert!(text.contains("Do not leave yet.\n"), "{output}");
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let _ = sandbox.run(&["audit", "--inbox", "work"]).expect_code(0);
}

#[test]
fn a_message_whose_file_is_gone_does_not_count_as_archived() {
    let (sandbox, _server) = pulled(letters(3));
    let cur = sandbox.vault().join("mail/work/cur");
    let file = fs::read_dir(cur).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(file).unwrap();
    let output = sandbox.run(&["audit", "--inbox", "work"]).expect_code(3);
    assert!(
        output
            .stdout()
            .contains("Archived before, but missing from the vault: 1 message,"),
        "{output}"
    );
    // What it advises helps.
    let _ = sandbox.run(&["verify", "--repair"]);
    let _ = sandbox.run(&["pull", "work"]).expect_code(0);
    let _ = sandbox.run(&["audit", "--inbox", "work"]).expect_code(0);
}

#[test]
fn messages_whose_names_say_nothing_are_known_by_their_headers() {
    let mut all = letters(4);
    all[2].uidl = "same".to_owned();
    all[3].uidl = "same".to_owned();
    let (sandbox, _server) = pulled(all);
    let output = sandbox.run(&["audit", "--inbox", "work"]).expect_code(0);
    assert!(
        output
            .stdout()
            .contains("INBOX          4         4        0\n"),
        "{output}"
    );
}

#[test]
fn every_folder_of_a_server_is_told_and_rules_are_no_excuse_for_silence() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &bytes(0, 5));
    dovecot.deliver_to("ann", ".Sent", &bytes(5, 8));
    dovecot.deliver_to("ann", ".Trash", &bytes(8, 10));
    let account = Account::new("work", dovecot.imap().port(), "ann")
        .with("protocol", "\"imap\"")
        .with("exclude", "[\"Trash\"]");
    let sandbox = sandbox(&[account]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let before = sandbox.ledger_lines();
    let args = ["audit", "work", "--manifest", "list.jsonl"];
    let output = sandbox.run(&args).expect_code(0);
    let text = output.stdout();
    for line in [
        "FOLDER  MESSAGES  ARCHIVED  EXCLUDED  UNKNOWN\n",
        "INBOX          5         5         0        0\n",
        "Sent           3         3         0        0\n",
        "Trash          2         0         2        0\n",
        "total         10         8         2        0\n",
        "Excluded by your rules, and in no other folder: 2 messages, 154 B, in Trash.\n",
        "Everything else on 127.0.0.1 is archived: you may leave.\n",
        "List of all messages: ",
    ] {
        assert!(text.contains(line), "{line}{output}");
    }
    // All that it adds is which headers it has compared.
    let after = sandbox.ledger_lines();
    assert_eq!(after[..before.len()], before);
    let added = &after[before.len()..];
    assert!(added.iter().all(|line| line.contains("\"ev\":\"checked\"")));
    assert_eq!(added.len(), 2);
    let list = manifest(&sandbox, "list.jsonl");
    let of = |state: &str| list.iter().filter(|line| line["state"] == state).count();
    assert_eq!((of("archived"), of("excluded"), list.len()), (8, 2, 10));
    assert!(
        list.iter()
            .all(|line| line["uid"].is_u64() && line["uidvalidity"].is_u64())
    );
    let stored = sandbox.messages("work");
    for line in list.iter().filter(|line| line["state"] == "archived") {
        let hash = line["hash"].as_str().unwrap();
        let is = |bytes: &[u8]| blake3::hash(bytes).to_hex().as_str().starts_with(hash);
        assert!(stored.iter().any(|m| is(&m.bytes)), "{line}");
    }
    dovecot.deliver_to("ann", ".Sent", &bytes(10, 11));
    let output = sandbox.run(&["audit", "work"]).expect_code(3);
    assert!(
        output
            .stdout()
            .contains("Sent           4         3         0        1\n"),
        "{output}"
    );
}

#[test]
fn a_failure_leaves_no_half_of_a_list_and_ends_with_the_summary() {
    let (sandbox, _server) = pulled(letters(2));
    sandbox.write(".password", "wrong\n", 0o600);
    let args = [
        "audit",
        "--inbox",
        "work",
        "--manifest",
        "list.jsonl",
        "--json",
    ];
    let lines = json_lines(&sandbox.run(&args).expect_code(12).stdout);
    assert_eq!(lines.last().unwrap()["exit"], 12);
    assert!(!sandbox.path("list.jsonl").exists());
    assert!(!sandbox.path("list.jsonl.tmp").exists());
    for (args, code) in [
        (&["audit", "--json"][..], 2),
        (&["audit", "wrok", "--json"], 15),
        (&["--vault", "none", "audit", "work", "--json"], 10),
    ] {
        let lines = json_lines(&sandbox.run(args).expect_code(code).stdout);
        assert_eq!(lines.last().unwrap()["exit"], code, "{args:?}");
    }
}
