//! One message on a terminal, in a file, and as its attachments: whatever is in it.

use std::fmt::Write as _;
use std::fs;

use mailvault::sample::Message;

use super::support::sandbox::Sandbox;
use super::support::scene::{json_lines, message, pulled};

/// The id of the only message.
fn only(sandbox: &Sandbox) -> String {
    let listed = sandbox.run(&["list", "--json"]).expect_code(0);
    let lines = json_lines(&listed.stdout);
    assert_eq!(lines.len(), 2);
    lines[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn raw_is_the_message_to_the_byte() {
    for bytes in [
        &b"Subject: a\r\n\r\nA bare \r CR, a bare \n LF, \0, \x1b[2J and \xff"[..],
        b"\r\nno header\r\n",
        b"Subject: header only",
        &[
            b"Subject: big\r\n\r\n".as_slice(),
            &b"line\r\n".repeat(500_000),
        ]
        .concat(),
    ] {
        let mail = Message {
            uidl: "a".to_owned(),
            bytes: bytes.to_vec(),
        };
        let (sandbox, _server) = pulled(vec![mail]);
        let stored = sandbox.messages("work").swap_remove(0).bytes;
        let raw = sandbox.run(&["show", &only(&sandbox), "--raw"]);
        assert!(raw.expect_code(0).stdout == stored);
        // POP3 ends the last line; all else is as it was.
        assert!(stored.starts_with(bytes) && stored.len() <= bytes.len() + 2);
    }
}

#[test]
fn nothing_that_a_message_says_reaches_the_terminal_as_a_command() {
    let text = "From: \x1b]0;owned\x07 <a@example.org>\r\n\
        Subject: =?utf-8?q?=1B[2J=C2=9B31m=E2=80=AEdrow?= \x1b[31m\r\n\
        X-Other: \x1b[5m\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
        \x1b[2J\u{9b}2J bell \x07 back \x08 over\rwritten \u{202e}drow\r\n\
        --b\r\nContent-Disposition: attachment; filename=\"\x1b[2Ja.txt\"\r\n\r\nx\r\n--b--\r\n";
    let (sandbox, _server) = pulled(vec![message("a", text)]);
    let id = only(&sandbox);
    for args in [
        &["show", &id][..],
        &["show", &id, "--headers"],
        &["show", &id, "--save", "got"],
        &["show", &id, "--json"],
        &["list"],
        &["list", "--json"],
        &["search", "bell"],
    ] {
        let output = sandbox.run(args).expect_code(0);
        let shown = output.stdout();
        assert!(!shown.is_empty());
        let bad = |c: char| c.is_control() && c != '\n' && c != '\t' || c == '\u{202e}';
        let found = shown.chars().find(|c| bad(*c));
        assert_eq!(found, None, "{args:?}: {}", shown.escape_debug());
    }
    let shown = sandbox.run(&["show", &id]).expect_code(0);
    assert!(shown.stdout().contains("\\x1b[2J"), "{shown}");
}

#[test]
fn attachments_stay_in_their_folder_and_replace_nothing() {
    let long = format!("{}.pdf", "long".repeat(200));
    let names = [
        "../../evil",
        "/etc/passwd",
        "..",
        "",
        "con",
        "-rf",
        "a/b\\c",
        "there.txt",
        "link.txt",
        "THERE.TXT",
        &long,
        "tab\there",
    ];
    let mut text = "Subject: a\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        .to_owned();
    for name in names {
        let name = name.replace('\\', "\\\\");
        let part = "--b\r\nContent-Disposition: attachment; filename=";
        write!(text, "{part}\"{name}\"\r\n\r\n{}\r\n", name.len()).unwrap();
    }
    text += "--b--\r\n";
    let (sandbox, _server) = pulled(vec![message("a", &text)]);
    sandbox.write("got/there.txt", "mine", 0o600);
    sandbox.write("target", "mine", 0o600);
    std::os::unix::fs::symlink("../target", sandbox.path("got/link.txt")).unwrap();
    let before = fs::read_dir(sandbox.home()).unwrap().count();
    let id = only(&sandbox);
    let saved = sandbox.run(&["show", &id, "--save", "got"]).expect_code(0);
    let lines: Vec<String> = saved.stdout().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), names.len(), "{saved}");
    for line in &lines {
        let name = line.strip_prefix("got/").unwrap();
        assert!(!name.contains('/') && name.len() < 200, "{name}");
        assert!(sandbox.path(line).is_file(), "{line}");
    }
    let count = fs::read_dir(sandbox.path("got")).unwrap().count();
    assert_eq!(count, names.len() + 2);
    for mine in ["got/there.txt", "target"] {
        assert_eq!(fs::read(sandbox.path(mine)).unwrap(), b"mine");
    }
    assert_eq!(fs::read_dir(sandbox.home()).unwrap().count(), before);
}
