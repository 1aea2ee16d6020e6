//! What is said, where, and with which exit code, when a run does not go well. Codes
//! that other files prove: 3, 10 and 11 in `pull`, 12 in `interop`, 15 in `config` and
//! `secrets`.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use mailvault::sample::Sample;
use rustix::process::Signal;

use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, pulled, sandbox, server, until};
use crate::support::script::Server as Script;
use crate::support::skip;
use crate::support::step::connections;
use crate::support::tls::{Leaf, authority};

#[test]
fn a_vault_of_a_later_format_is_left_alone() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let file = sandbox.vault().join("vault.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("format = 1", "format = 2")).unwrap();
    let said = "\
error: the vault at $HOME/vault cannot be used: its format is 2, not 1
  hint: use the version of mailvault that made it, or another vault with --vault
";
    for args in [&["pull"][..], &["list"], &["verify"], &["status"]] {
        sandbox.run(args).expect(1, "", said);
    }
}

#[test]
fn a_full_standard_output_is_told() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let mut shell = sandbox.tool("sh");
    let program = env!("CARGO_BIN_EXE_mailvault");
    shell.args(["-c", &format!("{program} list > /dev/full")]);
    let said = "error: cannot write to stdout: no storage space\n";
    sandbox.spawn(shell).wait().expect(16, "", said);
    let mut shell = sandbox.tool("sh");
    shell.args(["-c", &format!("{program} export - > /dev/full")]);
    sandbox.spawn(shell).wait().expect(16, "", said);
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let (sandbox, _server) = pulled(Sample::of(200, 7));
    let mut shell = sandbox.tool("sh");
    let program = env!("CARGO_BIN_EXE_mailvault");
    shell.args([
        "-c",
        &format!("({program} list; echo $? >code) | true; cat code"),
    ]);
    sandbox.spawn(shell).wait().expect(0, "0\n", "");
    let mut shell = sandbox.tool("sh");
    shell.args([
        "-c",
        &format!("({program} export -; echo $? >code) | true; cat code"),
    ]);
    sandbox.spawn(shell).wait().expect(0, "0\n", "");
}

#[test]
fn what_cannot_be_typed_is_a_matter_of_usage() {
    let sandbox = sandbox(&[
        Account::new("home", 1, "ann"),
        Account::new("work", 1, "ann"),
    ]);
    for (args, said) in [
        (
            &["pull", "--password-command", "true"][..],
            "error: --password-command works with one account, but there are several
  hint: name the account: mailvault pull ACCOUNT --password-command CMD
",
        ),
        (
            &["pul"],
            "error: unrecognized subcommand 'pul'

  tip: a similar subcommand exists: 'pull'

Usage: mailvault [OPTIONS] <COMMAND>

For more information, try '--help'.
",
        ),
        (
            &["pull", "--lock-wait", "soon"],
            "error: invalid value 'soon' for '--lock-wait <DURATION>': write a whole number and one of s min h d w mo y, such as 2h

For more information, try '--help'.
",
        ),
        (
            &["verify", "--read-data", "--subset", "4/3"],
            "error: invalid value '4/3' for '--subset <n/t>': write two numbers such as 2/7, the first no greater than the second

For more information, try '--help'.
",
        ),
        (
            &["purge", "work", "--older-than", "5m"],
            "error: invalid value '5m' for '--older-than <DURATION>': write 5min for minutes or 5mo for months

For more information, try '--help'.
",
        ),
        (
            &["status", "--max-age", "12m"],
            "error: invalid value '12m' for '--max-age <DURATION>': write 12min for minutes or 12mo for months

For more information, try '--help'.
",
        ),
        (
            &["search", "older:5m"],
            "error: cannot understand \"older:5m\" in the query: write 5min for minutes or 5mo for months
  hint: 'mailvault help query' shows what a query may contain
",
        ),
        (
            &["search", "larger:lots"],
            "error: cannot understand \"larger:lots\" in the query: write larger:5M (K, M or G)
  hint: 'mailvault help query' shows what a query may contain
",
        ),
    ] {
        sandbox.run(args).expect(2, "", said);
    }
}

#[test]
fn the_ledger_records_the_protocol_of_a_session_that_was_refused() {
    for protocol in ["pop3", "imap"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let account = Account::new("work", port, "ann")
            .with("protocol", &format!("\"{protocol}\""))
            .with("retries", "0");
        let sandbox = sandbox(&[account]);
        let _ = sandbox.run(&["pull", "--create"]).expect_code(13);
        let lines = sandbox.ledger_lines();
        let session = lines
            .iter()
            .find(|line| line.contains("\"ev\":\"session\""));
        let session = session.expect("the session is recorded");
        let proto = format!("\"proto\":\"{protocol}\"");
        assert!(session.contains(&proto), "{session}");
    }
}

#[test]
fn a_server_out_of_reach_is_told_with_its_port() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut sandbox = sandbox(&[Account::new("work", port, "ann")]);
    sandbox.mask_port(port).run(&["pull", "--create"]).expect(
        13,
        "",
        "error: work: 127.0.0.1:$PORT refused the connection
  hint: is POP3 or IMAP switched on at your provider? 'mailvault doctor work'
        tries the other usual ports
",
    );
}

#[test]
fn the_doctor_does_not_send_people_to_the_doctor() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let sandbox = sandbox(&[Account::new("work", port, "ann")]);
    let found = sandbox.run(&["doctor", "work"]).expect_code(10).stdout();
    assert!(found.contains("refused the connection"), "{found}");
    assert!(!found.contains("mailvault doctor"), "{found}");
}

#[test]
fn whoever_has_set_up_nothing_is_sent_to_init() {
    let sandbox = Sandbox::new();
    for command in ["status", "list", "stats"] {
        sandbox.run(&[command]).expect(
            10,
            "",
            "error: no vault at $HOME/.local/share/mailvault
  hint: run 'mailvault init' to set up an account; 'mailvault demo' shows it
        working
",
        );
    }
}

/// A fingerprint as it is shown, in two lines.
fn shown(leaf: &Leaf) -> String {
    let digits = leaf.fingerprint().to_ascii_uppercase();
    let pairs: Vec<&str> = (0..32).map(|n| &digits[2 * n..2 * n + 2]).collect();
    format!(
        "{}\n           {}",
        pairs[..16].join(":"),
        pairs[16..].join(":")
    )
}

#[test]
fn a_refused_certificate_is_shown_and_nothing_is_sent() {
    for (step, leaf, reason, valid, hint) in [
        (
            "expired",
            &authority().expired,
            "certificate has expired",
            "for:     localhost\n  valid:   2020-01-01 to 2021-01-01",
            "it has expired, and only whoever runs the server can renew it. If its
        dates look right, check the clock of this machine",
        ),
        (
            "other",
            &authority().other,
            "IP address mismatch",
            "for:     mail.example.net\n  valid:   2020-01-01 to 2040-01-01",
            "if this is your own server, compare the fingerprint there, then set
        tls_pin_sha256 (or tls_ca_file) for work. If not, someone may be between
        you and the server.",
        ),
    ] {
        let script = Script::new();
        // The second connection is only to look at the certificate.
        let text = format!("connection\ntls {step} refused\n").repeat(2);
        let play = script.play(connections(&text).unwrap());
        let account = Account::new("work", script.port(), "ann")
            .with("tls", "\"tls\"")
            .with("tls_ca_file", "\"$HOME/ca.pem\"");
        let mut sandbox = sandbox(&[account]);
        let output = sandbox.mask_port(script.port()).run(&["pull", "--create"]);
        assert_eq!(play.finish().deviations, [""; 0]);
        let said = format!(
            "error: work: the certificate of 127.0.0.1:$PORT is not trusted
  reason:  {reason}
  {valid}
  sha256:  {}
  No password was sent.
  hint: {hint}
",
            shown(leaf)
        );
        output.expect(14, "", &said);
    }
}

/// A small file system in memory, gone when dropped.
struct Disk(PathBuf);

impl Disk {
    /// None if this user or machine cannot mount.
    fn mount(at: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let disk = Self(at);
        disk.tmpfs(&format!("size={size}")).then_some(disk)
    }

    fn resize(&self, size: &str) {
        assert!(self.tmpfs(&format!("remount,size={size}")));
    }

    fn tmpfs(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&self.0);
        mount.output().is_ok_and(|done| done.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Fails only if it was never mounted.
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_stops_cleanly_and_the_next_run_goes_on() {
    let mail = Sample::messages();
    let server = server(mail);
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let Some(disk) = Disk::mount(sandbox.path("vault"), "1m") else {
        skip("no tmpfs can be mounted");
        return;
    };
    // Too little from the start: nothing is fetched.
    let output = sandbox.run(&["pull", "--create"]).expect_code(16);
    let stderr = output.stderr();
    let first = "error: work: not enough space in $HOME/vault: 2.7 MiB needed, ";
    assert!(stderr.starts_with(first), "{stderr}");
    assert!(
        stderr.ends_with(
            " free\n  hint: what was stored is safe. Free some space there, and run the \
             same command\n        again\n"
        ),
        "{stderr}"
    );
    assert_eq!(server.retrs(), 0);
    // Enough to begin with, too little for all.
    disk.resize("4m");
    let output = sandbox.run(&["pull", "--create"]).expect_code(16);
    let stderr = output.stderr();
    assert!(
        stderr.contains("not enough space in $HOME/vault"),
        "{stderr}"
    );
    // Some room is always left.
    disk.resize("256m");
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let output = sandbox.run(&["verify", "--read-data"]);
    output.expect(0, "work  198 of 198 messages good\n", "");
    assert!(
        !stderr.contains("interrupted"),
        "nobody stopped it: {stderr}"
    );
}

#[test]
fn an_id_that_fits_nothing_or_too_much_is_told() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    sandbox.run(&["show", "ffffffff"]).expect(
        18,
        "",
        "error: no message with the id ffffffff
  hint: 'mailvault list' shows the ids; at least four digits are needed
",
    );
    let _ = sandbox.run(&["show", "fff"]).expect_code(18);
}

#[test]
fn damage_is_told_with_what_can_be_done() {
    let (sandbox, _server) = pulled(Sample::of(2, 7));
    let gone = sandbox.messages("work")[0].name.clone();
    fs::remove_file(sandbox.vault().join("mail/work/cur").join(&gone)).unwrap();
    let id = &gone.split('.').nth(1).unwrap()[..8];
    let output = sandbox.run(&["verify"]).expect_code(20);
    assert_eq!(output.stderr(), "");
    let stdout = output.stdout();
    let mut lines = stdout.lines();
    assert_eq!(lines.next(), Some("work  1 of 2 messages good"));
    let found = lines.next().unwrap();
    assert!(found.starts_with(&format!("  missing  {id}  ")), "{stdout}");
    assert!(found.ends_with("  still on the server"), "{stdout}");
    assert_eq!(
        lines.collect::<Vec<_>>().join("\n"),
        "
1 of 2 messages is not good.
  hint: 'mailvault verify --repair; mailvault pull' fetches them again."
    );
}

/// Runs a pull against a server that falls silent, until it has connected.
fn interrupted(signal: Signal) -> (Sandbox, crate::support::output::Output) {
    let script = Script::new();
    let play = script.play(connections("connection\nS: +OK ready\nC: CAPA\nhang\n").unwrap());
    let sandbox = sandbox(&[Account::new("work", script.port(), "ann")]);
    let run = sandbox.start(&["pull", "--create"]);
    until("a pull that waits for the server", || {
        play.has_heard("CAPA")
    });
    run.signal(signal);
    let output = run.wait();
    assert_eq!(play.finish().deviations, [""; 0]);
    (sandbox, output)
}

#[test]
fn an_interrupted_pull_says_that_the_next_one_goes_on() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (sandbox, output) = interrupted(signal);
        output.expect(
            code,
            "",
            "stopping after the current message; what is stored is safe, and the next run
continues from there (press Ctrl-C again to quit now)
error: work: interrupted
",
        );
        let _ = sandbox.run(&["verify"]).expect_code(0);
    }
}
