//! Who is told how a run ended: a real program, and a real server that waits for a ping.

use std::fs;
use std::net::TcpListener;

use mailvault::sample::Sample;
use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, json_lines, lines_of, pulled, until_locked};
use crate::support::schema;
#[cfg(any(feature = "oauth", feature = "offsite"))]
use crate::support::tokens::Tokens;

/// Adds the table to the configuration.
fn notify(sandbox: &Sandbox, keys: &str) {
    let path = sandbox.path(".config/mailvault/config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (before, _) = text.split_once("\n[notify]").unwrap_or((&text, ""));
    sandbox.config(&format!("{before}\n[notify]\n{keys}\n"));
}

/// Programs that add what they are told to `$HOME/told`.
fn notify_to_file(sandbox: &Sandbox) {
    sandbox.write(".tell", "#!/bin/sh\ncat >>\"$HOME/told\"\n", 0o755);
    notify(
        sandbox,
        "on_failure = [\"~/.tell\", \"it failed\"]\non_recovery = [\"~/.tell\"]",
    );
}

/// What they were told, each as the schema of JSON lines says.
#[track_caller]
fn told(sandbox: &Sandbox) -> Vec<Value> {
    let text = fs::read_to_string(sandbox.path("told")).unwrap_or_default();
    schema::check(text.as_bytes(), true, "told to a program");
    let told: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in &told {
        assert_is_line("summary", &line["summary"]);
        let errors = line["errors"].as_array().unwrap();
        for error in errors {
            assert_is_line("error", error);
        }
    }
    told
}

/// What is told has the fields of a line that a command prints.
#[track_caller]
fn assert_is_line(kind: &str, told: &Value) {
    let mut line = told.clone();
    line["v"] = 1.into();
    line["type"] = kind.into();
    assert_eq!(schema::wrong(&line), None, "{line}");
}

fn break_password(sandbox: &Sandbox) {
    sandbox.write(".password", "wrong\n", 0o600);
}

fn mend_password(sandbox: &Sandbox) {
    sandbox.write(
        ".password",
        format!("{}\n", crate::support::dovecot::PASSWORD),
        0o600,
    );
}

#[test]
fn a_program_is_told_of_failures_and_of_the_first_success_after_them() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    notify_to_file(&sandbox);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(told(&sandbox), Vec::<Value>::new());
    assert!(!sandbox.path(".local/state").exists());

    break_password(&sandbox);
    let _ = sandbox.run(&["pull"]).expect_code(12);
    let _ = sandbox.run(&["pull", "-q", "--json"]).expect_code(12);
    // Another command, and a pull of named accounts, are other jobs.
    let _ = sandbox.run(&["verify"]).expect_code(0);
    mend_password(&sandbox);
    let _ = sandbox.run(&["pull", "work"]).expect_code(0);
    assert_eq!(told(&sandbox).len(), 2);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let _ = sandbox.run(&["pull"]).expect_code(0);

    let told = told(&sandbox);
    let what: Vec<_> = told
        .iter()
        .map(|line| json!([line["event"], line["failures"], line["summary"]["exit"]]))
        .collect();
    assert_eq!(
        what,
        [
            json!(["failure", 1, 12]),
            json!(["failure", 2, 12]),
            json!(["recovery", 2, 0])
        ]
    );
    assert_eq!(told[0]["summary"]["command"], "pull");
    assert_eq!(told[0]["errors"][0]["code"], "auth_failed");
    assert_eq!(told[0]["errors"][0]["account"], "work");
    assert_eq!(told[1]["since"], told[0]["since"]);
    assert_eq!(told[0]["vault"], sandbox.vault().to_str().unwrap());
    assert!(!format!("{told:?}").contains("wrong"), "{told:?}");
}

#[test]
fn what_is_wrong_with_the_vault_is_told_too() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    notify_to_file(&sandbox);
    fs::remove_file(sandbox.vault().join("vault.toml")).unwrap();
    let _ = sandbox.run(&["verify"]).expect_code(20);
    fs::rename(sandbox.vault(), sandbox.path("elsewhere")).unwrap();
    let _ = sandbox.run(&["verify"]).expect_code(10);
    let _ = sandbox.run(&["status", "--max-age", "1d"]).expect_code(10);
    // These answer nobody who is not there.
    let _ = sandbox.run(&["status"]).expect_code(10);
    let _ = sandbox.run(&["verify", "--help"]).expect_code(0);
    let codes: Vec<_> = told(&sandbox)
        .iter()
        .map(|line| json!([line["summary"]["command"], line["errors"][0]["code"]]))
        .collect();
    assert_eq!(
        codes,
        [
            json!(["verify", "damaged"]),
            json!(["verify", "vault_missing"]),
            json!(["status", "vault_missing"])
        ]
    );
}

#[test]
fn a_state_that_cannot_be_kept_is_a_warning() {
    let (mut sandbox, _server) = pulled(Sample::of(3, 7));
    notify_to_file(&sandbox);
    sandbox.write("no-folder", "", 0o600);
    let state = sandbox.path("no-folder/state");
    sandbox.env("XDG_STATE_HOME", state);
    break_password(&sandbox);
    let output = sandbox.run(&["pull"]).expect_code(12);
    let said = output.stderr();
    assert!(
        said.contains("warning: cannot remember from run to run"),
        "{said}"
    );
    assert_eq!(told(&sandbox).len(), 1);
}

#[test]
fn a_program_that_fails_is_a_warning_and_changes_no_exit_code() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    break_password(&sandbox);
    for (program, said) in [
        (
            "[\"/none/such\", \"SECRET\"]",
            "on_failure: cannot run /none/such",
        ),
        (
            "[\"sh\", \"-c\", \"echo oh >&2; exit 7\"]",
            "on_failure: failed with exit status 7: oh",
        ),
        (
            "[\"sh\", \"-c\", \"kill -9 $$\"]",
            "on_failure: was ended by signal 9",
        ),
    ] {
        notify(&sandbox, &format!("on_failure = {program}"));
        let output = sandbox.run(&["pull"]).expect_code(12);
        let text = output.stderr();
        assert!(
            text.contains(&format!("warning: [notify] {said}")),
            "{text}"
        );
        assert!(!text.contains("SECRET"), "{text}");
        let failed = lines_of(&sandbox, &["pull"], "notify_failed");
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0]["notify"], "on_failure");
    }
}

#[test]
fn a_program_that_prints_leaves_the_output_as_it_is() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    break_password(&sandbox);
    notify(
        &sandbox,
        "on_failure = [\"sh\", \"-c\", \"exec <&-; head -c 100000000 /dev/zero; head -c 100000000 /dev/zero >&2\"]",
    );
    let output = sandbox.run(&["pull", "--json"]).expect_code(12);
    assert_eq!(json_lines(&output.stdout).last().unwrap()["exit"], 12);
    assert_eq!(output.stderr(), "");
}

#[test]
fn an_interrupted_run_tells_nobody() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    // Nobody accepts what connects here.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    configure(&sandbox, &[Account::new("work", port, "ann")]);
    notify_to_file(&sandbox);
    let child = sandbox.start(&["pull"]);
    until_locked(&sandbox, &child);
    child.signal(rustix::process::Signal::INT);
    let _ = child.wait().expect_code(130);
    assert_eq!(told(&sandbox), Vec::<Value>::new());
}

#[cfg(any(feature = "oauth", feature = "offsite"))]
#[test]
fn a_pull_pings_and_nothing_else_does() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let monitor = Tokens::start(&["ok"]);
    notify(&sandbox, &format!("ping = \"{}\"", monitor.url("/check")));
    let count = || {
        [
            monitor.requests("/check").len(),
            monitor.requests("/check/fail").len(),
        ]
    };
    for (args, code, counts) in [
        (&["pull"][..], 0, [1, 0]),
        (&["pull", "-n"], 0, [1, 0]),
        (&["verify"], 0, [1, 0]),
        (&["status", "--max-age", "0s", "nobody"], 15, [1, 0]),
    ] {
        let _ = sandbox.run(args).expect_code(code);
        assert_eq!(count(), counts, "{args:?}");
    }
    break_password(&sandbox);
    let _ = sandbox.run(&["pull"]).expect_code(12);
    assert_eq!(count(), [1, 1]);
}

#[cfg(any(feature = "oauth", feature = "offsite"))]
#[test]
fn a_ping_that_fails_is_a_warning_without_the_address() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let monitor = Tokens::start(&["{\"error\":\"no such check\"}"]);
    notify(&sandbox, &format!("ping = \"{}\"", monitor.url("/SECRET")));
    let output = sandbox.run(&["pull"]).expect_code(0);
    let said = output.stderr();
    assert!(said.contains("answered with HTTP status 400"), "{said}");
    assert!(!said.contains("SECRET"), "{said}");
    drop(monitor);
    let output = sandbox.run(&["pull"]).expect_code(0);
    let said = output.stderr();
    assert!(
        said.starts_with("warning: [notify] ping: http://127.0.0.1:"),
        "{said}"
    );
    assert!(!said.contains("SECRET"), "{said}");
    let _ = sandbox.run(&["config", "show"]).expect_code(0);
    assert!(!sandbox.run(&["config", "show"]).stdout().contains("SECRET"));
}
