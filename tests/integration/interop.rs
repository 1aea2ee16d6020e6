//! The program against a real server, and a real server on the program's vault.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use serde_json::Value;

use crate::support::client::{imap_fetch_all, on_the_wire, pop3_fetch_all};
use crate::support::corpus::{COUNT, corpus};
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::output::Output;
use crate::support::relay::Relay;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, sandbox};
use crate::support::tls::authority;

const MAIL: &[&str] = &[
    "Subject: one\r\nMessage-ID: <1@example.org>\r\n\r\nfirst\r\n",
    "Subject: two\r\nMessage-ID: <2@example.org>\r\n\r\n.second\r\n",
];

/// How many times each message is there.
pub(crate) fn counted<T: AsRef<[u8]>>(
    messages: impl IntoIterator<Item = T>,
) -> BTreeMap<Vec<u8>, usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        *counts.entry(message.as_ref().to_vec()).or_default() += 1;
    }
    counts
}

/// Compares messages in any order, and shows where the first that differs begins.
#[track_caller]
pub(crate) fn assert_same<T: AsRef<[u8]>, U: AsRef<[u8]>>(
    left: impl IntoIterator<Item = T>,
    right: impl IntoIterator<Item = U>,
) {
    let (left, right) = (counted(left), counted(right));
    for (these, those, side) in [(&left, &right, "left"), (&right, &left, "right")] {
        for (message, count) in these {
            let start = message[..message.len().min(300)].escape_ascii();
            let other = those.get(message).copied().unwrap_or(0);
            assert!(*count == other, "{count} {side}, {other} there: {start}");
        }
    }
}

/// The hash that names a message, as 32 hex digits.
fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_string()
}

/// Every message that this server gives is recorded under its UIDL with what came, and
/// is stored as it came.
#[track_caller]
fn assert_archived(sandbox: &Sandbox, server: SocketAddr, user: &str) {
    let stored: HashMap<String, Vec<u8>> = sandbox
        .messages("work")
        .into_iter()
        .map(|message| (hash(&message.bytes), message.bytes))
        .collect();
    let seen: HashMap<String, Value> = sandbox
        .ledger_lines()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["ev"] == "seen")
        .map(|line| (line["uidl"].as_str().unwrap().to_string(), line))
        .collect();
    let there = pop3_fetch_all(server, user, PASSWORD);
    assert_eq!(seen.len(), there.len());
    for (uidl, octets, bytes) in &there {
        let line = &seen[uidl];
        let id = line["hash"].as_str().unwrap();
        assert_eq!(line["octets"], *octets, "{line}");
        assert_eq!(line["got"], Value::Null, "{line}");
        assert_eq!(id, hash(bytes), "{line}");
        assert!(stored[id] == *bytes, "{line}");
    }
    // Nothing else is there.
    assert_same(
        stored.values(),
        counted(there.into_iter().map(|(.., b)| b)).keys(),
    );
}

#[test]
fn dovecot_is_archived_to_the_byte_and_only_once_and_serves_the_vault_again() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &corpus());
    let relay = Relay::to(dovecot.pop3());
    // SCRAM, which is tried first in the clear, takes two turns more.
    let account = Account::new("work", relay.port(), "ann").with("auth", "\"plain\"");
    let sandbox = sandbox(&[account]);

    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let count = relay.take();
    assert_eq!((count.connections, count.retr), (1, COUNT));
    assert!(count.turns <= 10 + COUNT / 450, "{count:?}");
    assert_archived(&sandbox, dovecot.pop3(), "ann");

    sandbox.run(&["pull"]).expect(0, "", "");
    let count = relay.take();
    assert_eq!((count.connections, count.retr, count.top), (1, 0, 0));
    assert!(count.turns <= 5, "{count:?}");

    let arrivals: Vec<String> = (0..50)
        .map(|n| format!("Subject: new\r\nMessage-ID: <new{n}@example.org>\r\n\r\n{n}\r\n"))
        .collect();
    dovecot.deliver("ann", &arrivals);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(relay.take().retr, 50);
    assert_archived(&sandbox, dovecot.pop3(), "ann");
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);

    let options = Options {
        vault: Some(sandbox.vault()),
        ..Options::default()
    };
    let Some(mirror) = Dovecot::start(&options) else {
        return;
    };
    let stored: Vec<Vec<u8>> = sandbox
        .messages("work")
        .into_iter()
        .map(|message| message.bytes)
        .collect();
    let served = pop3_fetch_all(mirror.pop3(), "work", PASSWORD);
    assert_same(
        served.into_iter().map(|(.., bytes)| bytes),
        stored.iter().map(|bytes| on_the_wire(bytes, true)),
    );
    // IMAP has no way to send a NUL, and nothing to add at a message's end.
    let without_nul = |mut bytes: Vec<u8>| {
        bytes
            .iter_mut()
            .filter(|b| **b == 0)
            .for_each(|b| *b = 0x80);
        bytes
    };
    assert_same(
        imap_fetch_all(mirror.imap(), "work", PASSWORD),
        stored
            .iter()
            .map(|bytes| without_nul(on_the_wire(bytes, false))),
    );
}

/// Pulls the mail of ann with these keys into a new vault.
fn pull(dovecot: &Dovecot, account: Account, args: &[&str]) -> (Sandbox, Output) {
    let mut sandbox = sandbox(&[account]);
    for server in [dovecot.pop3(), dovecot.pop3s()] {
        sandbox.mask_port(server.port());
    }
    let output = sandbox.run(&[&["pull", "--create"], args].concat());
    (sandbox, output)
}

fn over_tls(dovecot: &Dovecot) -> Account {
    Account::new("work", dovecot.pop3s().port(), "ann")
        .with("tls", "\"tls\"")
        .with("tls_ca_file", "\"$HOME/ca.pem\"")
}

#[test]
fn mail_comes_over_tls_and_starttls_if_the_certificate_is_trusted_or_pinned() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", MAIL);
    let pin = format!("\"{}\"", authority().localhost.fingerprint());
    let starttls = Account::new("work", dovecot.pop3().port(), "ann").with("tls", "\"starttls\"");
    for account in [
        over_tls(&dovecot),
        over_tls(&dovecot).with("host", "\"localhost\""),
        over_tls(&dovecot)
            .without("tls_ca_file")
            .with("tls_pin_sha256", &pin),
        starttls.with("tls_ca_file", "\"$HOME/ca.pem\""),
        Account::new("work", dovecot.pop3().port(), "ann")
            .with("tls", "\"starttls\"")
            .with("tls_pin_sha256", &pin),
    ] {
        let (sandbox, output) = pull(&dovecot, account, &[]);
        let _ = output.expect_code(0);
        assert_archived(&sandbox, dovecot.pop3(), "ann");
    }
}

/// What is said of a certificate, but for the reason, which is OpenSSL's.
#[track_caller]
fn assert_distrusted(output: Output, host: &str) {
    let output = output.expect_code(14);
    let stderr = output.stderr();
    let first = format!("error: work: the certificate of {host}:$PORT is not trusted\n  reason:  ");
    assert!(stderr.starts_with(&first), "{stderr}");
    assert!(
        stderr.contains("\n  No password was sent.\n  hint: "),
        "{stderr}"
    );
    let digits: String = stderr
        .split_once("sha256:  ")
        .unwrap_or_else(|| panic!("{stderr}"))
        .1
        .split("\n  No password")
        .next()
        .unwrap()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .collect();
    let shown = authority().localhost.fingerprint();
    assert_eq!(digits.to_ascii_lowercase(), shown, "{stderr}");
    assert_eq!(output.stdout(), "");
}

#[test]
fn a_certificate_of_an_unknown_authority_or_another_pin_is_refused() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", MAIL);
    let pin = format!("\"{}\"", authority().other.fingerprint());
    for account in [
        over_tls(&dovecot).without("tls_ca_file"),
        over_tls(&dovecot).with("tls_pin_sha256", &pin),
        Account::new("work", dovecot.pop3().port(), "ann").with("tls", "\"starttls\""),
    ] {
        let (sandbox, output) = pull(&dovecot, account, &[]);
        assert_distrusted(output, "127.0.0.1");
        assert_eq!(sandbox.messages("work"), []);
    }
    assert!(!dovecot.log().contains("Login:"), "{}", dovecot.log());
}

#[test]
fn a_certificate_of_another_name_is_refused() {
    let options = Options {
        host: "127.0.0.2",
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    dovecot.deliver("ann", MAIL);
    let account = over_tls(&dovecot).with("host", "\"127.0.0.2\"");
    let (_, output) = pull(&dovecot, account, &[]);
    assert_distrusted(output, "127.0.0.2");
    assert!(!dovecot.log().contains("Login:"), "{}", dovecot.log());
}

#[test]
fn every_mechanism_that_dovecot_offers_works() {
    let options = Options {
        mechanisms: "plain login scram-sha-256 xoauth2 oauthbearer",
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    dovecot.deliver("ann", MAIL);
    for auth in [
        "user",
        "plain",
        "login",
        "scram-sha-256",
        "xoauth2",
        "oauthbearer",
    ] {
        let account =
            Account::new("work", dovecot.pop3().port(), "ann").with("auth", &format!("\"{auth}\""));
        let account = if auth.contains("oauth") {
            account
                .without("password_file")
                .with("token_command", "\"echo tok-ann\"")
        } else {
            account
        };
        let (sandbox, output) = pull(&dovecot, account, &["-vv"]);
        let output = output.expect_code(0);
        assert_archived(&sandbox, dovecot.pop3(), "ann");
        let stderr = output.stderr();
        let said = match auth {
            "user" => "USER ann".to_string(),
            _ => format!("AUTH {}", auth.to_ascii_uppercase()),
        };
        assert!(stderr.contains(&said), "{auth}: {stderr}");
        for secret in [PASSWORD, "tok-ann"] {
            assert!(!stderr.contains(secret), "{auth}: {stderr}");
        }
    }
}

#[test]
fn a_wrong_password_or_token_is_told_with_the_words_of_the_server() {
    let options = Options {
        mechanisms: "plain login scram-sha-256 xoauth2 oauthbearer",
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    let refused = "\
error: work: 127.0.0.1:$PORT refused the password for ann
  server said: -ERR [AUTH] Authentication failed.
  hint: check the password of work; mailvault does not retry it, because that
        could lock the mailbox. 'mailvault login work' stores a new one.
        Providers with two-step sign-in require an app password. Some require
        the full address as the user name.
";
    for auth in ["auto", "user", "plain", "login", "scram-sha-256"] {
        let account =
            Account::new("work", dovecot.pop3().port(), "ann").with("auth", &format!("\"{auth}\""));
        let mut sandbox = sandbox(&[account]);
        sandbox.mask_port(dovecot.pop3().port());
        sandbox.write(".password", "guessed\n", 0o600);
        sandbox.run(&["pull", "--create"]).expect(12, "", refused);
    }
    for auth in ["xoauth2", "oauthbearer"] {
        let account = Account::new("work", dovecot.pop3().port(), "ann")
            .with("auth", &format!("\"{auth}\""))
            .without("password_file")
            .with("token_command", "[\"echo\", \"tok-bob\"]");
        let (_, output) = pull(&dovecot, account, &[]);
        let output = output.expect_code(12);
        let stderr = output.stderr();
        assert!(
            stderr.contains("server said: -ERR [AUTH] Authentication failed."),
            "{stderr}"
        );
        assert!(!stderr.contains("tok-bob"), "{stderr}");
    }
    let failures = dovecot.log().matches("auth failed, 1 attempts").count();
    assert_eq!(failures, 7, "each was tried once:\n{}", dovecot.log());
}

#[test]
fn a_password_is_not_offered_where_dovecot_wants_tls_first() {
    let options = Options {
        host: "127.0.0.2",
        extra: "disable_plaintext_auth = yes\nauth_mechanisms = plain login".to_string(),
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    dovecot.deliver("ann", MAIL);
    let clear = |tls: &str| {
        Account::new("work", dovecot.pop3().port(), "ann")
            .with("host", "\"127.0.0.2\"")
            .with("tls", tls)
    };
    let sandbox = sandbox(&[clear("\"none\"")]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(12);
    let pin = format!("\"{}\"", authority().localhost.fingerprint());
    let pinned = clear("\"starttls\"").with("tls_pin_sha256", &pin);
    configure(&sandbox, &[pinned]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(sandbox.messages("work").len(), MAIL.len());
}
