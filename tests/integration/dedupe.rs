//! What is a duplicate, and what only looks like one.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, message, pulled, sandbox, server};

/// A message that came this way, with this Message-ID and text.
fn mail(via: &str, id: &str, text: &str) -> String {
    format!(
        "Received: from {via}; Mon, 5 Jan 2026 10:00:00 +0000\r\nFrom: ann@example.org\r\n\
         Subject: minutes\r\nMessage-ID: <{id}@example.org>\r\n\r\n{text}\r\n"
    )
}

/// The `seen` lines of the ledger as objects.
fn seen(sandbox: &Sandbox) -> Vec<Value> {
    let lines = sandbox.ledger_lines();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["ev"] == "seen").collect()
}

/// Where the only message of an account lies.
#[track_caller]
fn only_file(sandbox: &Sandbox, account: &str) -> PathBuf {
    let messages = sandbox.messages(account);
    assert_eq!(messages.len(), 1, "{messages:?}");
    let cur = sandbox.vault().join("mail").join(account).join("cur");
    cur.join(&messages[0].name)
}

#[test]
fn the_same_bytes_are_stored_once() {
    let text = mail("mx1.example.net", "1", "hello");
    let (sandbox, server) = pulled(vec![message("a", &text), message("b", &text)]);
    only_file(&sandbox, "work");
    assert_eq!(server.retrs(), 2);
    let seen = seen(&sandbox);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0]["hash"], seen[1]["hash"]);
    assert!(seen.iter().all(|line| line["got"].is_null()));
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(server.retrs(), 2);
}

#[test]
fn the_same_mail_over_another_route_is_stored_once_and_its_hash_recorded() {
    let (first, second) = (
        mail("mx1.example.net", "1", "hello"),
        mail("mx2.example.net", "1", "hello"),
    );
    let (sandbox, server) = pulled(vec![message("a", &first), message("b", &second)]);
    only_file(&sandbox, "work");
    assert_eq!(sandbox.messages("work")[0].bytes, first.as_bytes());
    let seen = seen(&sandbox);
    assert_eq!(seen[0]["hash"], seen[1]["hash"]);
    let got = &blake3::hash(second.as_bytes()).to_hex()[..32];
    assert_eq!(
        (&seen[0]["got"], &seen[1]["got"]),
        (&Value::Null, &got.into())
    );
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(server.retrs(), 2);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn with_exact_every_route_is_kept() {
    let server = server(vec![
        message("a", &mail("mx1.example.net", "1", "hello")),
        message("b", &mail("mx2.example.net", "1", "hello")),
        message("c", &mail("mx2.example.net", "1", "hello")),
    ]);
    let sandbox = sandbox(&[Account::of("work", &server).with("dedupe", "\"exact\"")]);
    let output = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert!(output.stdout().contains("2 new"), "{output}");
    assert!(output.stdout().contains("1 duplicate"), "{output}");
    assert_eq!(sandbox.messages("work").len(), 2);
}

#[test]
fn another_body_under_the_same_message_id_is_kept() {
    for (first, second) in [
        (mail("mx", "1", "hello"), mail("mx", "1", "goodbye")),
        // Any header field that is not a trace of the way counts.
        (
            mail("mx", "1", "hello"),
            mail("mx", "1", "hello").replace("minutes", "minutes (2)"),
        ),
        // Two identities are none.
        (
            mail("mx1", "1", "hello").replace("Subject", "Message-ID: <2@example.org>\r\nSubject"),
            mail("mx2", "1", "hello").replace("Subject", "Message-ID: <2@example.org>\r\nSubject"),
        ),
        (
            mail("mx1", "1", "hello").replace("Message-ID", "X-ID"),
            mail("mx2", "1", "hello").replace("Message-ID", "X-ID"),
        ),
    ] {
        let (sandbox, _server) = pulled(vec![message("a", &first), message("b", &second)]);
        assert_eq!(sandbox.messages("work").len(), 2, "{first}\n{second}");
    }
}

#[test]
fn a_message_of_two_accounts_is_one_file_with_two_names() {
    let text = mail("mx1.example.net", "1", "hello");
    let (one, two) = (
        server(vec![message("a", &text)]),
        server(vec![message("b", &text)]),
    );
    let sandbox = sandbox(&[Account::of("home", &one), Account::of("work", &two)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let inode = |account| only_file(&sandbox, account).metadata().unwrap().ino();
    assert_eq!(inode("home"), inode("work"));
    assert!(sandbox.messages("home") == sandbox.messages("work"));
    let output = sandbox.run(&["verify", "--read-data"]);
    output.expect(
        0,
        "home  1 of 1 message good\nwork  1 of 1 message good\n",
        "",
    );
}

#[test]
fn the_same_mail_over_another_route_to_another_account_is_a_link() {
    let one = server(vec![message("a", &mail("mx1", "1", "hello"))]);
    let two = server(vec![message("b", &mail("mx2", "1", "hello"))]);
    let sandbox = sandbox(&[Account::of("home", &one), Account::of("work", &two)]);
    let _ = sandbox.run(&["pull", "home", "--create"]).expect_code(0);
    let _ = sandbox.run(&["pull", "work"]).expect_code(0);
    let inode = |account| only_file(&sandbox, account).metadata().unwrap().ino();
    assert_eq!(inode("home"), inode("work"));
}

#[test]
fn a_damaged_copy_makes_nothing_a_duplicate() {
    let (first, second) = (mail("mx1", "1", "hello"), mail("mx2", "1", "hello"));
    let one = server(vec![message("a", &first)]);
    let two = server(vec![message("b", &second)]);
    let sandbox = sandbox(&[Account::of("home", &one), Account::of("work", &two)]);
    let _ = sandbox.run(&["pull", "home", "--create"]).expect_code(0);
    let file = only_file(&sandbox, "home");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let _ = sandbox.run(&["pull", "work"]).expect_code(0);
    assert_eq!(sandbox.messages("work")[0].bytes, second.as_bytes());
}
