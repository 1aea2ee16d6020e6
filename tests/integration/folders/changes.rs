//! What happens to mailboxes between two runs.

use std::fs;

use serde_json::Value;

use super::{held, in_mailbox, mail, over_imap, verify};
use crate::support::dovecot::{Dovecot, Options};
use crate::support::relay::Relay;
use crate::support::sandbox::Sandbox;
use crate::support::scene::sandbox;

/// The ledger's events of a kind.
fn events(sandbox: &Sandbox, kind: &str) -> Vec<Value> {
    let lines = sandbox.ledger_lines();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|event: &Value| event["ev"] == kind).collect()
}

/// The flags in the file names of a directory, sorted.
fn flags(sandbox: &Sandbox, dir: &str) -> Vec<String> {
    let messages = sandbox.messages("work").into_iter();
    let mut flags: Vec<String> = messages
        .filter(|message| message.folder == dir)
        .map(|message| message.name.rsplit_once(":2,").unwrap().1.to_string())
        .collect();
    flags.sort();
    flags
}

/// Pulls, and gives how many bodies were asked for.
fn pull(sandbox: &Sandbox, relay: &Relay) -> usize {
    let _ = sandbox.run(&["pull"]).expect_code(0);
    verify(sandbox);
    relay.take().bodies
}

/// A server with ten messages in the inbox and ten in `.Lists`, both pulled.
fn scene(hide: &'static str) -> Option<(Dovecot, Relay, Sandbox)> {
    let dovecot = Dovecot::start(&Options::default())?;
    dovecot.deliver("ann", &(0..10).map(mail).collect::<Vec<_>>());
    dovecot.deliver_to("ann", ".Lists", &(10..20).map(mail).collect::<Vec<_>>());
    let relay = Relay::hiding(dovecot.imap(), hide);
    let sandbox = sandbox(&[over_imap(&relay)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(relay.take().bodies, 20);
    Some((dovecot, relay, sandbox))
}

#[test]
fn flags_moves_and_deletions_are_recorded_and_nothing_is_lost_here() {
    // With every extension, without QRESYNC, and with neither.
    for hide in ["", "QRESYNC", "CONDSTORE"] {
        let Some((dovecot, relay, sandbox)) = scene(hide) else {
            return;
        };
        in_mailbox(
            &dovecot,
            "INBOX",
            &[
                "STORE 1 +FLAGS (\\Seen \\Flagged $Work)",
                "STORE 2 +FLAGS (\\Answered)",
            ],
        );
        assert_eq!(pull(&sandbox, &relay), 0, "{hide}");
        assert_eq!(events(&sandbox, "flags").len(), 2, "{hide}");
        let named = flags(&sandbox, "");
        assert_eq!(&named[8..], ["FS", "R"], "{hide}");
        let words: Vec<Value> = events(&sandbox, "flags")
            .into_iter()
            .map(|event| event["kw"].clone())
            .collect();
        assert!(words.contains(&Value::from("$Work")), "{words:?}");

        in_mailbox(&dovecot, "INBOX", &["MOVE 1:3 Lists"]);
        // The server says under which name it was received before.
        assert_eq!(pull(&sandbox, &relay), 0, "{hide}");
        assert_eq!(events(&sandbox, "vanished").len(), 3, "{hide}");
        let count = |dir: &str| held(&sandbox).get(dir).map_or(0, Vec::len);
        assert_eq!((count(""), count(".Lists")), (10, 13), "{hide}");
        assert!(flags(&sandbox, ".Lists").contains(&"FS".to_string()));

        let gone = ["STORE 1:4 +FLAGS (\\Deleted)", "EXPUNGE"];
        in_mailbox(&dovecot, "Lists", &gone);
        dovecot.deliver_to("ann", ".Lists", &[mail(99)]);
        assert_eq!(pull(&sandbox, &relay), 1, "{hide}");
        assert_eq!(events(&sandbox, "vanished").len(), 7, "{hide}");
        assert_eq!((count(""), count(".Lists")), (10, 14), "{hide}");
        assert_eq!(pull(&sandbox, &relay), 0, "{hide}");
        assert_eq!(events(&sandbox, "vanished").len(), 7, "{hide}");
    }
}

#[test]
fn a_new_uidvalidity_fetches_nothing_that_the_server_vouches_for() {
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    let maildir = dovecot.maildir("ann");
    for dir in ["", ".Lists"] {
        for entry in fs::read_dir(maildir.join(dir)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            // The last UIDVALIDITY stays known, so that the next one is higher.
            if name.starts_with("dovecot-uidlist") || name.starts_with("dovecot.index") {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let before = held(&sandbox);
    in_mailbox(&dovecot, "INBOX", &["STORE 1 +FLAGS (\\Seen)"]);
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(held(&sandbox), before);
    assert_eq!(events(&sandbox, "folder").len(), 4);
    assert_eq!(events(&sandbox, "vouched").len(), 20);
    // The old names are gone, and the new ones have their flags.
    assert_eq!(events(&sandbox, "vanished").len(), 20);
    assert_eq!(flags(&sandbox, "")[9], "S");
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(relay.take().bodies, 0);
}

#[test]
fn a_folder_that_goes_and_comes_back_is_told_and_kept() {
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    let (lists, away) = (
        dovecot.maildir("ann").join(".Lists"),
        dovecot.maildir("ann").join("away"),
    );
    fs::rename(&lists, &away).unwrap();
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(events(&sandbox, "vanished").len(), 10);
    // What is said once is not said again.
    let learned = events(&sandbox, "learned").len();
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(events(&sandbox, "learned").len(), learned);
    fs::rename(&away, &lists).unwrap();
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(events(&sandbox, "reappeared").len(), 10);
    assert_eq!(held(&sandbox)[".Lists"].len(), 10);
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(events(&sandbox, "reappeared").len(), 10);
}

#[test]
fn a_message_that_was_lost_here_is_fetched_again() {
    let Some((_dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    let lost = &sandbox.messages("work")[12];
    let file = sandbox
        .vault()
        .join("mail/work/.Lists/cur")
        .join(&lost.name);
    fs::remove_file(file).unwrap();
    let _ = sandbox.run(&["verify", "--repair"]);
    assert_eq!(pull(&sandbox, &relay), 1);
    assert!(sandbox.messages("work").contains(lost));
}

#[test]
fn a_damaged_file_is_no_reason_to_do_without_a_copy() {
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    let file = sandbox.vault().join("mail/work/cur");
    let first = fs::read_dir(file).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&first).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&first, bytes).unwrap();
    in_mailbox(&dovecot, "INBOX", &["COPY 1:10 Lists"]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(relay.take().bodies, 1);
    let lists = sandbox.vault().join("mail/work/.Lists/cur");
    assert_eq!(fs::read_dir(lists).unwrap().count(), 20);
}
