//! `doctor`: each thing that can be wrong is told as what it is, with its exit code.

use std::fs;
use std::net::TcpListener;

use mailvault::sample::Sample;

use crate::support::dovecot::{Dovecot, Options};
use crate::support::output::Output;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{
    Account, configure, json_lines, message, pulled, sandbox, server, tree,
};
use crate::support::script::Server as Script;
use crate::support::step::connections;
use crate::support::tls::authority;

/// The lines with what differs from run to run made equal.
fn list(output: &Output) -> String {
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let mut lines = String::new();
    for line in output.stdout().lines() {
        let line = match line.rsplit_once(", ") {
            Some((head, tail)) if tail.strip_suffix(" ms").is_some_and(digits) => {
                format!("{head}, $MS ms")
            }
            Some((head, tail)) if tail.ends_with(" free") => format!("{head}, $SIZE free"),
            _ => line.to_owned(),
        };
        let line = match line.split_once("clock           ") {
            Some((head, _)) => format!("{head}clock           $NOW"),
            None => line,
        };
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

/// The first line that begins with `fail`, and the exit code is that of its kind.
#[track_caller]
fn assert_fails(sandbox: &Sandbox, code: i32, line: &str) {
    let output = sandbox.run(&["doctor"]).expect_code(code);
    let list = list(&output);
    let failed = list.lines().find(|line| line.starts_with("fail"));
    assert_eq!(failed, Some(line), "\n{list}");
    assert!(
        list.lines().all(|line| line.chars().count() <= 80),
        "{list}"
    );
    let json = sandbox.run(&["doctor", "--json"]).expect_code(code);
    let lines = json_lines(&json.stdout);
    let failed = lines.iter().find(|line| line["result"] == "fail").unwrap();
    assert_eq!(failed["exit"], code);
    assert_eq!(lines.last().unwrap()["exit"], code);
    assert_eq!(json.stderr(), "");
}

#[test]
fn all_that_is_well_is_a_list_of_ok() {
    let (mut sandbox, server) = pulled(Sample::of(3, 7));
    sandbox.mask_port(server.addr().port());
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    // Whoever looks at a vault first brings its catalog up to date.
    let _ = sandbox.run(&["status"]).expect_code(0);
    let before = tree(&sandbox.vault());
    let output = sandbox.run(&["doctor", "work"]).expect_code(0);
    let list = list(&output);
    let expected = "\
ok    configuration   ~/.config/mailvault/config.toml, 1 account
ok    vault           ~/vault, 3 messages, $SIZE free
ok    verify          every byte, today";
    assert!(list.starts_with(expected), "{list}");
    let rest = "
ok    clock           $NOW
ok    secret          ~/.password, readable by you only
ok    port            127.0.0.1:$PORT, $MS ms
ok    certificate     none: not encrypted, but on this machine
ok    sign-in         3 messages, ";
    assert!(list.contains(rest), "{list}");
    let end = "
ok    UIDL            every message has a unique name
ok    PIPELINING      commands are sent ahead: fast even with high latency
";
    assert!(list.ends_with(end), "{list}");
    assert_eq!(output.stderr(), "");
    assert!(tree(&sandbox.vault()) == before, "the vault was changed");
    assert_eq!(server.retrs(), 3, "no mail was fetched");
}

#[test]
fn offline_asks_no_server() {
    let (sandbox, server) = pulled(Sample::of(1, 7));
    let before = server.sessions();
    let output = sandbox.run(&["doctor", "--offline"]).expect_code(0);
    assert!(output.stdout().contains("ok    secret"), "{output}");
    assert!(!output.stdout().contains("port"), "{output}");
    assert_eq!(server.sessions(), before);
}

#[test]
fn a_configuration_that_is_none_is_the_first_failure() {
    let sandbox = sandbox(&[]);
    sandbox.config("[accounts.work]\nhots = \"x\"\n");
    let line = "fail  configuration   $HOME/.config/mailvault/config.toml:2:1: unknown field";
    let output = sandbox.run(&["doctor"]).expect_code(15);
    assert!(output.stdout().starts_with(&line[..40]), "{output}");
    assert!(
        output.stdout().contains("did you mean \"host\"?"),
        "{output}"
    );
    let empty = Sandbox::new();
    let output = empty.run(&["doctor"]).expect_code(15);
    assert!(output.stderr().contains("mailvault init"), "{output}");
}

#[test]
fn a_vault_that_is_not_there_is_told() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    fs::rename(sandbox.vault(), sandbox.path("elsewhere")).unwrap();
    assert_fails(
        &sandbox,
        10,
        "fail  vault           no vault at $HOME/vault",
    );
}

#[test]
fn a_secret_that_is_not_there_is_told_and_the_server_asked_all_the_same() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    fs::remove_file(sandbox.path(".password")).unwrap();
    let output = sandbox.run(&["doctor"]).expect_code(15);
    let list = list(&output);
    assert!(
        list.contains("fail  secret          cannot read the password_file of work"),
        "{list}"
    );
    assert!(list.contains("ok    certificate"), "{list}");
    assert!(!list.contains("sign-in"), "{list}");
}

#[test]
fn a_password_program_that_needs_a_session_is_warned_of() {
    let server = server(Sample::of(1, 7));
    let account = |line: &str| {
        Account::of("work", &server)
            .without("password_file")
            .with("password_command", line)
    };
    let mut sandbox = sandbox(&[account("\"cat ~/.password\"")]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let good = sandbox.run(&["doctor"]).expect_code(0).stdout();
    let said = "ok    secret          password_command works, also under cron\n";
    assert!(good.contains(said), "{good}");
    configure(
        &sandbox,
        &[account("'test -n \"$SESSION\" && cat ~/.password'")],
    );
    sandbox.env("SESSION", "yes");
    let warned = sandbox.run(&["doctor"]).expect_code(0).stdout();
    let said = "warn  secret          password_command works here, but not in the bare";
    assert!(warned.contains(said), "{warned}");
}

#[test]
fn a_closed_port_is_told() {
    let (mut sandbox, _server) = pulled(Sample::of(1, 7));
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    configure(&sandbox, &[Account::new("work", port, "demo")]);
    sandbox.mask_port(port);
    assert_fails(
        &sandbox,
        13,
        "fail  port            127.0.0.1:$PORT refused the connection",
    );
}

#[test]
fn a_wrong_password_is_told() {
    let (mut sandbox, server) = pulled(Sample::of(1, 7));
    sandbox.mask_port(server.addr().port());
    sandbox.write(".password", "not-this-one\n", 0o600);
    let line = "fail  sign-in         127.0.0.1:$PORT refused the password for demo";
    assert_fails(&sandbox, 12, line);
    let output = sandbox.run(&["doctor", "-vv"]).expect_code(12);
    assert!(output.stdout().contains("mailvault login work"), "{output}");
    assert!(!output.to_string().contains("not-this-one"), "{output}");
}

#[test]
fn a_certificate_past_its_time_is_told() {
    let server = Script::new();
    let dialogue = "connection\ntls expired\n".repeat(3);
    let (mut sandbox, _other) = pulled(Sample::of(1, 7));
    let account = Account::new("work", server.port(), "ann")
        .with("host", "\"localhost\"")
        .with("tls", "\"tls\"")
        .with("tls_ca_file", "\"$HOME/ca.pem\"");
    configure(&sandbox, &[account]);
    sandbox.mask_port(server.port());
    let play = server.play(connections(&dialogue).unwrap());
    let output = sandbox.run(&["doctor"]).expect_code(14);
    drop(play);
    let list = list(&output);
    let said = "fail  certificate     the certificate of localhost:$PORT is not trusted\n  reason:  certificate has expired\n";
    assert!(list.contains(said), "{list}");
}

#[test]
fn what_a_server_says_of_itself_is_told_as_what_it_means() {
    let script = Script::new();
    let capa = "S: +OK\nS: UIDL\nS: USER\nS: LOGIN-DELAY 900\nS: EXPIRE 30\nS: .\n";
    let dialogue = format!(
        "connection\nS: +OK ready\nconnection\nS: +OK ready\nC: CAPA\n{capa}C: USER ann\n\
         S: +OK\nC: PASS secret\nS: +OK\nC: CAPA\n{capa}listing 10 same, 20 same, 30 other\nquit\n"
    );
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    configure(&sandbox, &[Account::new("work", script.port(), "ann")]);
    let play = script.play(connections(&dialogue).unwrap());
    let list = list(&sandbox.run(&["doctor"]).expect_code(0));
    assert_eq!(play.finish().deviations, [""; 0]);
    for line in [
        "ok    sign-in         3 messages, 60 B",
        "warn  UIDL            1 message share",
        "ok    PIPELINING      not offered",
        "warn  TOP             not offered",
        "warn  LOGIN-DELAY     the server allows one login every 15 minutes",
        "warn  EXPIRE          the server deletes mail by itself after 30 days",
    ] {
        assert!(list.contains(line), "{line}\n{list}");
    }
}

#[test]
fn an_imap_account_is_looked_at_too() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &["Subject: one\r\n\r\n1\r\n"]);
    dovecot.deliver_to("ann", ".Sent", &["Subject: two\r\n\r\n2\r\n"]);
    let account = Account::new("home", dovecot.imaps().port(), "ann")
        .with("host", "\"localhost\"")
        .with("protocol", "\"imap\"")
        .with("tls", "\"tls\"")
        .with("tls_ca_file", "\"$HOME/ca.pem\"");
    let sandbox = sandbox(&[account]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let list = list(&sandbox.run(&["doctor", "-v"]).expect_code(0));
    for line in [
        "ok    dns             localhost has ",
        "ok    certificate     trusted, good until 2040-01-01\n  sha256:  ",
        "ok    sign-in         2 messages in ",
        "ok    UIDPLUS         a purge deletes only the messages it names",
        "ok    CONDSTORE       changed flags are found at once",
    ] {
        assert!(list.contains(line), "{line}\n{list}");
    }
    let fingerprint = authority().localhost.fingerprint().to_ascii_uppercase();
    assert!(
        list.contains(&format!("sha256:  {}:", &fingerprint[..2])),
        "{list}"
    );
}

#[test]
fn several_accounts_have_a_heading_each_and_the_first_failure_decides() {
    let server = server(vec![message("a", "Subject: a\r\n\r\na\r\n")]);
    let good = Account::of("good", &server);
    let sandbox = sandbox(&[good.with("pull", "false"), Account::new("none", 1, "ann")]);
    let _ = sandbox.run(&["pull", "good", "--create"]).expect_code(0);
    let output = sandbox.run(&["doctor"]).expect_code(13);
    let list = list(&output);
    let (good, none) = list.split_once("\nnone\n").unwrap();
    assert!(good.contains("\ngood\nok    secret"), "{list}");
    assert!(
        none.contains("fail  port            127.0.0.1:1 refused"),
        "{list}"
    );
    let json = sandbox.run(&["doctor", "--json"]).expect_code(13);
    let lines = json_lines(&json.stdout);
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["fail"], &summary["command"]),
        (&1.into(), &"doctor".into())
    );
}
