//! Several connections to one server.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::process::Signal;

use super::{held, mail, over_imap, there, verify};
use crate::support::dovecot::{Dovecot, Options};
use crate::support::relay::{Fault, Relay};
use crate::support::sandbox::Sandbox;
use crate::support::scene::{json_lines, sandbox, until};

const FOLDERS: usize = 12;
const MESSAGES: usize = 60;

/// A mail whose size is that of no other kind of mail here.
fn long(n: usize) -> Vec<u8> {
    let mut mail = mail(n);
    mail.extend(
        "a line of some length that fills the mail\n"
            .repeat(100)
            .bytes(),
    );
    mail
}

/// Folders full of mail; every tenth message lies in the next folder too.
fn filled(options: &Options) -> Option<Dovecot> {
    let dovecot = Dovecot::start(options)?;
    for folder in 0..FOLDERS {
        let first = folder * MESSAGES;
        let mut mails: Vec<Vec<u8>> = (first..first + MESSAGES).map(long).collect();
        if folder > 0 {
            mails.extend((first - MESSAGES..first).step_by(10).map(long));
        }
        let dir = format!(".f{folder}");
        dovecot.deliver_to("ann", if folder == 0 { "" } else { &dir }, &mails);
    }
    Some(dovecot)
}

/// Proves that the vault has what the server has, and each content once.
fn exact(sandbox: &Sandbox, dovecot: &Dovecot) {
    let held = held(sandbox);
    assert_eq!(held.len(), FOLDERS);
    for (dir, messages) in &held {
        let mailbox = dir.strip_prefix('.').unwrap_or("INBOX");
        assert!(*messages == there(dovecot, mailbox), "{mailbox}");
    }
    let mut files: BTreeMap<u64, usize> = BTreeMap::new();
    for dir in held.keys() {
        let cur = sandbox.vault().join("mail/work").join(dir).join("cur");
        for entry in fs::read_dir(cur).unwrap() {
            *files
                .entry(entry.unwrap().metadata().unwrap().ino())
                .or_default() += 1;
        }
    }
    assert_eq!(files.len(), FOLDERS * MESSAGES);
    let doubled = files.values().filter(|names| **names == 2).count();
    assert_eq!(doubled, (FOLDERS - 1) * MESSAGES / 10);
    verify(sandbox);
}

#[test]
fn folders_come_side_by_side_and_nothing_is_doubled() {
    let Some(dovecot) = filled(&Options::default()) else {
        return;
    };
    let relay = Relay::to(dovecot.imap());
    let sandbox = sandbox(&[over_imap(&relay).with("connections", "3")]);
    let first = sandbox.run(&["pull", "--create", "--json"]).expect_code(0);
    assert_eq!(relay.take().connections, 3);
    let lines = json_lines(first.stdout().as_bytes());
    let account = lines.iter().find(|line| line["type"] == "account").unwrap();
    let number = |key: &str| account[key].as_u64().unwrap();
    let messages = (FOLDERS * MESSAGES) as u64;
    let copies = ((FOLDERS - 1) * MESSAGES / 10) as u64;
    assert_eq!(number("new"), messages);
    assert_eq!(number("server_messages"), messages + copies);
    assert_eq!(number("duplicates") + number("linked"), copies);
    assert_eq!(number("wanted"), messages + number("duplicates"));
    assert_eq!(account["complete"], true);
    exact(&sandbox, &dovecot);
    // Where nothing is new, nothing more is asked for.
    sandbox.run(&["pull"]).expect(0, "", "");
    let asked = relay.take();
    assert_eq!((asked.connections, asked.bodies, asked.headers), (1, 0, 0));
    dovecot.deliver_to("ann", ".f3", &[long(10_000)]);
    let third = sandbox.run(&["pull"]).expect_code(0);
    assert!(third.stdout().contains("1 new"), "{third}");
    assert_eq!(relay.take().connections, 1);
}

#[test]
fn a_server_that_gives_no_more_connections_is_told_of_once() {
    let options = Options {
        extra: "protocol imap {\n  mail_max_userip_connections = 1\n}\n".to_string(),
        ..Options::default()
    };
    let Some(dovecot) = filled(&options) else {
        return;
    };
    let relay = Relay::to(dovecot.imap());
    let sandbox = sandbox(&[over_imap(&relay).with("connections", "4")]);
    let first = sandbox.run(&["pull", "--create"]).expect_code(0);
    let told = first.stderr();
    assert_eq!(
        told.matches("did not allow another connection").count(),
        1,
        "{told}"
    );
    assert!(told.contains("Maximum number of connections"), "{told}");
    assert_eq!(relay.take().connections, 2);
    exact(&sandbox, &dovecot);
}

#[test]
fn what_a_lost_connection_had_in_hand_is_fetched_by_another() {
    let Some(dovecot) = filled(&Options::default()) else {
        return;
    };
    let relay = Relay::failing(dovecot.imap(), Fault::HangUpOnMore(100_000));
    let sandbox = sandbox(&[over_imap(&relay).with("connections", "2")]);
    let first = sandbox.run(&["pull", "--create"]).expect_code(0);
    let told = first.stderr();
    assert_eq!(
        told.matches("did not allow another connection").count(),
        1,
        "{told}"
    );
    assert_eq!(relay.take().connections, 2);
    exact(&sandbox, &dovecot);
}

#[test]
fn an_interrupt_ends_all_connections_and_the_next_run_goes_on() {
    let Some(dovecot) = filled(&Options::default()) else {
        return;
    };
    let relay = Relay::failing(dovecot.imap(), Fault::Stall(500_000));
    let sandbox = sandbox(&[over_imap(&relay).with("connections", "3")]);
    let child = sandbox.start(&["pull", "--create"]);
    let seen = |lines: Vec<String>| {
        lines
            .iter()
            .filter(|l| l.contains("\"ev\":\"seen\""))
            .count()
    };
    let mut connections = 0;
    until("three lines, and more than the first folder", || {
        connections += relay.take().connections;
        connections == 3
            && sandbox.vault().join("ledger").is_dir()
            && seen(sandbox.ledger_lines()) > MESSAGES
    });
    child.signal(Signal::INT);
    let _ = child.wait().expect_code(130);
    let before = seen(sandbox.ledger_lines());
    assert!(before < FOLDERS * MESSAGES);
    relay.mend();
    let second = sandbox.run(&["pull"]).expect_code(0);
    assert!(
        !second.stderr().contains("did not allow another connection"),
        "{second}"
    );
    exact(&sandbox, &dovecot);
}
