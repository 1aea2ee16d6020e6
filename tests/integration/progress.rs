//! What a run shows while it goes on, and what only a terminal gets to see.

use mailvault::sample::Sample;

use crate::support::scene::{Account, json_lines, sandbox, server};

/// What no file, pipe or log should hold.
fn has_controls(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .any(|b| (*b < 0x20 && *b != b'\n') || *b == 0x7f)
}

#[test]
fn no_control_sequence_goes_to_a_file_or_pipe() {
    for term in ["xterm-256color", "dumb"] {
        let server = server(Sample::of(300, 7));
        let mut sandbox = sandbox(&[Account::of("work", &server)]);
        sandbox.env("TERM", term);
        let list = ["list"];
        for args in [
            &["pull", "--create", "--limit", "100"][..],
            &["pull", "-v", "--limit", "100"],
            &["pull", "-vv", "--limit", "50"],
            &["pull"],
            &["pull", "-v"],
            &["verify", "--read-data", "-v"],
            &["status"],
            &list,
            &["search", "a"],
            &["show", "0000"],
            &["pull", "nobody"],
            &["--help"],
        ] {
            let output = sandbox.run(args);
            for bytes in [&output.stdout, &output.stderr] {
                assert!(!has_controls(bytes), "{args:?}: {}", bytes.escape_ascii());
            }
        }
    }
}

#[test]
fn colour_is_given_where_it_is_asked_for_and_nowhere_else() {
    let server = server(Sample::of(3, 7));
    let mut sandbox = sandbox(&[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let coloured = "work  3 of 3 messages \u{1b}[1;32mgood\u{1b}[0m\n";
    let plain = "work  3 of 3 messages good\n";
    sandbox.run(&["verify"]).expect(0, plain, "");
    sandbox
        .run(&["verify", "--color", "always"])
        .expect(0, coloured, "");
    sandbox.env("CLICOLOR_FORCE", "1");
    sandbox.run(&["verify"]).expect(0, coloured, "");
    sandbox
        .run(&["verify", "--color", "never"])
        .expect(0, plain, "");
    let output = sandbox.run(&["verify", "--json"]).expect_code(0);
    let _ = json_lines(&output.stdout);
    assert!(!has_controls(&output.stdout), "JSON is never coloured");
}

#[test]
fn quiet_is_quiet_and_failures_are_still_told() {
    let server = server(Sample::of(3, 7));
    let sandbox = sandbox(&[
        Account::of("bad", &server).with("user", "\"nobody\""),
        Account::of("work", &server),
    ]);
    sandbox
        .run(&["pull", "work", "-q", "--create"])
        .expect(0, "", "");
    let output = sandbox.run(&["pull", "bad", "-q"]).expect_code(12);
    assert_eq!(output.stdout(), "");
    assert!(output.stderr().starts_with("error: bad: "), "{output}");
}

#[test]
fn with_json_nothing_but_json_is_printed_and_progress_is_part_of_it() {
    let server = server(Sample::of(3, 7));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let output = sandbox.run(&["pull", "--create", "--json"]).expect_code(0);
    assert_eq!(output.stderr(), "");
    let lines = json_lines(&output.stdout);
    let kinds: Vec<&str> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.first(), Some(&"start"), "{kinds:?}");
    let at = |kind: &str| kinds.iter().position(|k| *k == kind);
    assert!(at("account") > at("start"), "{kinds:?}");
    let account = &lines[at("account").unwrap()];
    assert_eq!(account["new"], 3);
    assert_eq!(account["server_messages"], 3);
    assert_eq!(account["status"], "ok");
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["new"], &summary["messages"]),
        (&3.into(), &3.into())
    );
}
