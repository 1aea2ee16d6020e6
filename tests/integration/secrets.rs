//! Where passwords come from, and that they show nowhere.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use mailvault::sample::{Sample, Server};

use crate::support::sandbox::Sandbox;
use crate::support::say_skipped;
use crate::support::scene::{Account, message, sandbox, server, tree};
use crate::support::script::Server as Script;
use crate::support::step::connections;

fn mailbox() -> (Server, Account) {
    let server = server(Sample::of(1, 7));
    let account = Account::of("work", &server).without("password_file");
    (server, account)
}

#[test]
fn a_password_comes_from_a_command_a_file_the_environment_or_a_credential() {
    for (key, value) in [
        ("password_command", "\"printf 'secret\\\\nmore\\\\n'\""),
        ("password_command", "[\"cat\", \"~/.password\"]"),
        ("password_file", "\"~/.password\""),
        ("password_env", "\"WORK_PASSWORD\""),
    ] {
        let (_server, account) = mailbox();
        let mut sandbox = sandbox(&[account.with(key, value)]);
        sandbox.env("WORK_PASSWORD", "secret");
        let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    }
    let (_server, account) = mailbox();
    let mut sandbox = sandbox(&[account]);
    sandbox.write("credentials/work", "secret", 0o400);
    let path = sandbox.path("credentials");
    sandbox.env("CREDENTIALS_DIRECTORY", path);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
}

/// Pulls with this key; no server is asked.
#[track_caller]
fn assert_no_secret(keys: &[(&str, &str)], said: &str) {
    let (server, mut account) = mailbox();
    for (key, value) in keys {
        account = account.with(key, value);
    }
    let sandbox = sandbox(&[account]);
    sandbox.write("open", "secret\n", 0o644);
    sandbox.write("empty", "\n", 0o600);
    sandbox.run(&["pull", "--create"]).expect(15, "", said);
    assert_eq!(server.sessions(), 0);
}

#[test]
fn a_secret_that_cannot_be_had_is_told() {
    for (key, value, said) in [
        (
            "password_file",
            "\"~/gone\"",
            "cannot read the password_file of work, $HOME/gone: No such file or directory",
        ),
        (
            "password_file",
            "\"~/empty\"",
            "the password_file of work gave nothing",
        ),
        (
            "password_env",
            "\"NOT_SET\"",
            "the environment variable NOT_SET (password_env of work) is not set",
        ),
        (
            "password_command",
            "\"echo secret; exit 3\"",
            "the password_command of work failed with exit status 3",
        ),
        (
            "password_command",
            "\"kill -9 $$\"",
            "the password_command of work was ended by signal 9",
        ),
        (
            "password_command",
            "[\"no-such-program\"]",
            "cannot run the password_command of work: No such file or directory",
        ),
    ] {
        assert_no_secret(&[(key, value)], &format!("error: work: {said}\n"));
    }
    assert_no_secret(
        &[],
        "error: work: no password for work
  hint: set password_command or password_file for work, or run on a terminal to
        be asked
",
    );
}

#[test]
fn a_password_file_that_others_can_read_is_refused() {
    assert_no_secret(
        &[("password_file", "\"~/open\"")],
        "error: work: open can be read by others (mode 644)\n  hint: chmod 600 ~/open\n",
    );
}

#[test]
fn two_sources_of_one_secret_are_one_too_many() {
    assert_no_secret(
        &[("password_file", "\"~/.password\""), ("password_env", "\"X\"")],
        "error: $HOME/.config/mailvault/config.toml:5:16: password_file and password_env cannot both be set
  5 | password_env = ...
    |                ^^^
  hint: an account has one secret; remove one of them
",
    );
}

/// All that a run prints and leaves behind.
fn traces(sandbox: &Sandbox, args: &[&str]) -> Vec<(String, Vec<u8>)> {
    let output = sandbox.run(args);
    let mut all: Vec<(String, Vec<u8>)> = tree(&sandbox.vault()).into_iter().collect();
    all.push((format!("stdout of {args:?}"), output.stdout.clone()));
    all.push((format!("stderr of {args:?}"), output.stderr.clone()));
    all
}

#[track_caller]
fn assert_hidden(traces: &[(String, Vec<u8>)], secrets: &[&str]) {
    for (place, bytes) in traces {
        for secret in secrets {
            let seen = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!seen, "{secret} in {place}: {}", bytes.escape_ascii());
        }
    }
}

#[test]
fn no_output_shows_a_password_even_if_the_server_repeats_it() {
    const LOGIN: &str = "connection
S: +OK ready for PASS s3cr3t-w0rd
C: CAPA
S: +OK
S: USER
S: .
C: USER ann
S: +OK the password of ann is s3cr3t-w0rd, too
C: PASS s3cr3t-w0rd
";
    let refused = format!("{LOGIN}S: -ERR [AUTH] s3cr3t-w0rd is wrong, AGFubgBzM2NyM3QtdzByZA==\n");
    let accepted = format!(
        "{LOGIN}S: +OK s3cr3t-w0rd\nC: CAPA\nS: -ERR s3cr3t-w0rd\nC: STAT\nS: +OK 1 20 s3cr3t-w0rd\n\
         C: LIST\nS: +OK s3cr3t-w0rd\nS: 1 20\nS: .\nC: UIDL\nS: +OK s3cr3t-w0rd\nS: 1 a\nS: .\n\
         C: RETR 1\nS: -ERR s3cr3t-w0rd\nC: QUIT\nS: +OK s3cr3t-w0rd\n"
    );
    for (script, code) in [(refused, 12), (accepted, 3)] {
        for flags in [&[][..], &["-vv"], &["--json"], &["--json", "-vv"]] {
            let server = Script::new();
            let play = server.play(connections(&script).unwrap());
            let sandbox = sandbox(&[Account::new("work", server.port(), "ann")]);
            sandbox.write(".password", "s3cr3t-w0rd\n", 0o600);
            let args = [&["pull", "--create"], flags].concat();
            let traces = traces(&sandbox, &args);
            let played = play.finish();
            assert_eq!(played.deviations, [""; 0], "{code}");
            assert_hidden(
                &traces,
                &["s3cr3t-w0rd", "czNjcjN0LXcwcmQ", "AGFubgBzM2NyM3QtdzByZA"],
            );
        }
    }
}

#[test]
fn the_dialogue_is_shown_without_the_secret() {
    let (_server, account) = mailbox();
    let sandbox = sandbox(&[account.with("password_file", "\"~/.password\"")]);
    let traces = traces(&sandbox, &["pull", "--create", "-vv"]);
    assert_hidden(&traces, &["secret", "c2VjcmV0", "AGRlbW8Ac2VjcmV0"]);
    let stderr = String::from_utf8_lossy(&traces.last().unwrap().1);
    for line in ["C: CAPA", "C: AUTH PLAIN ****", "C: QUIT"] {
        assert!(stderr.contains(line), "{line}: {stderr}");
    }
}

#[test]
fn the_vault_is_private() {
    let (_server, account) = mailbox();
    let sandbox = sandbox(&[account.with("password_file", "\"~/.password\"")]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let mut folders = vec![sandbox.vault()];
    while let Some(folder) = folders.pop() {
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
}

#[test]
fn a_subject_cannot_command_the_terminal() {
    let text = "From: \x1b]0;owned\x07 <ann@example.org>\r\nSubject: a\x1b[2J\u{202e}b\r\n\
                Message-ID: <1@example.org>\r\n\r\nbody \x1b[31m\x07\u{202e}\r\n";
    let server = server(vec![message("a", text)]);
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let id = sandbox.messages("work")[0].name.split('.').nth(1).unwrap()[..8].to_string();
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["show", &id],
        &["show", &id, "--json"],
        &["show", &id, "--headers"],
    ] {
        let output = sandbox.run(args).expect_code(0);
        let stdout = output.stdout();
        let foul = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(
            !stdout.contains(foul),
            "{args:?}: {}",
            stdout.escape_debug()
        );
        assert!(stdout.lines().count() > 1);
    }
    let raw = sandbox.run(&["show", &id, "--raw"]).expect_code(0);
    assert_eq!(raw.stdout, text.as_bytes());
}

/// Whether this ends with a dump when it aborts, where dumps are allowed.
fn dumps(sandbox: &Sandbox, args: &[&str]) -> bool {
    let mut shell = sandbox.tool("sh");
    let script = "ulimit -c unlimited 2>/dev/null; exec \"$@\"";
    let mut child = shell
        .args(["-c", script, "sh"])
        .args(args)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It has begun when it says something.
    let mut said = [0];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut said)
        .unwrap();
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::ABORT).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(6));
    status.core_dumped()
}

#[test]
fn no_dump_has_a_password_in_it() {
    let sandbox = Sandbox::new();
    if !dumps(&sandbox, &["sh", "-c", "echo x; exec sleep 60"]) {
        return say_skipped("no program is dumped on this machine");
    }
    let program = env!("CARGO_BIN_EXE_mailvault");
    assert!(!dumps(&sandbox, &[program, "demo", "--serve", "--json"]));
}
