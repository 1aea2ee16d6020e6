//! Deleting over IMAP, on a real server.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use super::{held, in_mailbox, over_imap, verify};
use crate::support::client::imap_fetch_mailbox;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::relay::Relay;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, json_lines, sandbox};

/// When the server received the old messages: a day in 2015.
const RECEIVED: Duration = Duration::from_secs(1_446_458_400);

/// A message of that year.
fn mail(n: usize, year: u32) -> Vec<u8> {
    format!(
        "Received: from a by b; Mon, 2 Nov {year} 10:00:00 +0000\n\
         Date: Mon, 2 Nov {year} 10:00:00 +0000\nFrom: ann@example.org\n\
         Subject: number {n}\nMessage-ID: <{n}@example.org>\n\n{}",
        "a line of the body\n".repeat(n % 7)
    )
    .into_bytes()
}

/// Twelve messages for each of three folders, every other one old, all pulled.
fn scene(hide: &'static str, extra: &str) -> Option<(Dovecot, Relay, Sandbox)> {
    let dovecot = Dovecot::start(&Options {
        extra: extra.to_string(),
        ..Options::default()
    })?;
    for (at, dir) in ["", ".Sent", ".Lists.rust"].iter().enumerate() {
        let mails: Vec<_> = (0..12)
            .map(|n| mail(at * 12 + n, if n % 2 == 0 { 2015 } else { 2035 }))
            .collect();
        dovecot.deliver_to("ann", dir, &mails);
        for entry in fs::read_dir(dovecot.maildir("ann").join(dir).join("new")).unwrap() {
            let path = entry.unwrap().path();
            if fs::read_to_string(&path).unwrap().contains(" 2015 ") {
                let file = fs::File::open(&path).unwrap();
                file.set_modified(UNIX_EPOCH + RECEIVED).unwrap();
            }
        }
    }
    let relay = Relay::hiding(dovecot.imap(), hide);
    let sandbox = sandbox(&[over_imap(&relay)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    relay.take();
    Some((dovecot, relay, sandbox))
}

/// Numbers of the messages in a mailbox.
fn numbers(dovecot: &Dovecot, mailbox: &str) -> Vec<usize> {
    let mut numbers: Vec<usize> = imap_fetch_mailbox(dovecot.imap(), "ann", PASSWORD, mailbox)
        .iter()
        .map(|message| {
            let text = String::from_utf8_lossy(message);
            let (_, rest) = text.split_once("Subject: number ").unwrap();
            rest.split_whitespace().next().unwrap().parse().unwrap()
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

fn purge(sandbox: &Sandbox, code: i32, args: &[&str]) -> Vec<Value> {
    let args = [&["purge", "work", "--yes", "--json"][..], args].concat();
    json_lines(&sandbox.run(&args).expect_code(code).stdout)
}

/// The account's line of a purge.
fn account(lines: &[Value]) -> &Value {
    lines.iter().find(|line| line["type"] == "account").unwrap()
}

#[test]
fn a_folder_is_purged_by_name_and_age_and_nothing_else_goes() {
    // By UID EXPUNGE, and without it.
    for hide in ["", "UIDPLUS"] {
        let Some((dovecot, relay, sandbox)) = scene(hide, "") else {
            return;
        };
        let before = held(&sandbox);
        let lines = purge(&sandbox, 0, &["--match", "folder:Sent older:90d"]);
        assert_eq!(account(&lines)["freed"], 6, "{hide}");
        assert_eq!(account(&lines)["server_messages"], 30, "{hide}");
        // One session for the plan, one that deletes, one that asks.
        assert_eq!(relay.take().connections, 3);
        assert_eq!(
            numbers(&dovecot, "Sent"),
            (12..24).filter(|n| n % 2 == 1).collect::<Vec<_>>()
        );
        assert_eq!(numbers(&dovecot, "INBOX"), (0..12).collect::<Vec<_>>());
        assert_eq!(
            numbers(&dovecot, "Lists/rust"),
            (24..36).collect::<Vec<_>>()
        );
        sandbox.run(&["pull"]).expect(0, "", "");
        assert_eq!(relay.take().bodies, 0, "{hide}");

        let lines = purge(&sandbox, 0, &["--older-than", "1y"]);
        assert_eq!(account(&lines)["freed"], 12, "{hide}");
        let lines = purge(&sandbox, 0, &["--all"]);
        assert_eq!(account(&lines)["freed"], 18, "{hide}");
        for mailbox in ["INBOX", "Sent", "Lists/rust"] {
            assert_eq!(numbers(&dovecot, mailbox), [0; 0], "{hide}");
        }
        sandbox.run(&["pull"]).expect(0, "", "");
        assert_eq!(held(&sandbox), before);
        verify(&sandbox);
    }
}

#[test]
fn what_lies_in_two_folders_goes_from_the_one_that_was_named() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mails: Vec<_> = (0..6).map(|n| mail(n, 2015)).collect();
    dovecot.deliver("ann", &mails);
    dovecot.deliver_to("ann", ".Archive", &mails);
    let relay = Relay::to(dovecot.imap());
    let sandbox = sandbox(&[over_imap(&relay)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let lines = purge(&sandbox, 0, &["--match", "folder:Archive"]);
    assert_eq!(account(&lines)["freed"], 6);
    assert_eq!(numbers(&dovecot, "Archive"), [0; 0]);
    assert_eq!(numbers(&dovecot, "INBOX"), (0..6).collect::<Vec<_>>());
    verify(&sandbox);
}

#[test]
fn a_mailbox_that_only_shows_others_is_not_purged_for_itself() {
    let extra = "mail_plugins = virtual\n\
                 namespace virtual {\n  prefix = virtual/\n  separator = /\n\
                 location = virtual:%h/virtual\n  mailbox All {\n    special_use = \\All\n  }\n}\n";
    let Some(dovecot) = Dovecot::start(&Options {
        extra: extra.to_string(),
        ..Options::default()
    }) else {
        return;
    };
    dovecot.deliver("ann", &(0..4).map(|n| mail(n, 2015)).collect::<Vec<_>>());
    let folder = dovecot.maildir("ann").join("virtual/All");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("dovecot-virtual"), "INBOX\n  all\n").unwrap();
    dovecot.deliver::<&[u8]>("ann", &[]);
    let relay = Relay::to(dovecot.imap());
    let sandbox = sandbox(&[over_imap(&relay)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(held(&sandbox).len(), 2);
    let lines = purge(&sandbox, 0, &["--all"]);
    assert_eq!(account(&lines)["planned"], 4);
    assert_eq!(account(&lines)["freed"], 4);
    assert_eq!(numbers(&dovecot, "INBOX"), [0; 0]);
    verify(&sandbox);
}

#[test]
fn a_trash_that_takes_what_is_deleted_is_told_and_the_quota_measured() {
    let extra = "namespace inbox {\n  mailbox Trash {\n    special_use = \\Trash\n    auto = create\n  }\n}\n\
                 mail_plugins = quota lazy_expunge\n\
                 protocol imap {\n  mail_plugins = quota imap_quota lazy_expunge\n}\n\
                 plugin {\n  lazy_expunge = Trash\n  quota = maildir:User quota\n\
                 quota_rule = *:storage=5M\n}\n";
    let Some((dovecot, _relay, sandbox)) = scene("", extra) else {
        return;
    };
    let output = sandbox.run(&["purge", "work", "--yes", "--match", "folder:Sent"]);
    let output = output.expect_code(0);
    assert!(
        output
            .stdout()
            .contains("They are now in the server's Trash"),
        "{output}"
    );
    assert!(output.stdout().contains("of 5.0 MiB used"), "{output}");
    assert_eq!(numbers(&dovecot, "Trash"), (12..24).collect::<Vec<_>>());

    // Its messages are recognised, and deleted there they are gone.
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let lines = purge(&sandbox, 0, &["--match", "folder:Trash"]);
    let account = account(&lines);
    assert_eq!(
        (&account["freed"], &account["in_trash"]),
        (&12.into(), &0.into())
    );
    let quota = &account["quota"];
    assert!(
        quota["used"].as_u64() < quota["used_before"].as_u64(),
        "{quota}"
    );
    assert_eq!(numbers(&dovecot, "Trash"), [0; 0]);
    verify(&sandbox);
}

#[test]
fn what_others_marked_as_deleted_does_not_go_along() {
    let Some((dovecot, _relay, sandbox)) = scene("UIDPLUS", "") else {
        return;
    };
    in_mailbox(&dovecot, "Sent", &["STORE 2 +FLAGS (\\Deleted)"]);
    let lines = purge(&sandbox, 3, &["--match", "folder:Sent older:90d"]);
    assert_eq!(account(&lines)["freed"], 0);
    assert_eq!(account(&lines)["kept"], 6);
    assert_eq!(numbers(&dovecot, "Sent").len(), 12);
    // Where it can be told apart it stays as well.
    let Some((dovecot, _relay, sandbox)) = scene("", "") else {
        return;
    };
    in_mailbox(&dovecot, "Sent", &["STORE 2 +FLAGS (\\Deleted)"]);
    let lines = purge(&sandbox, 0, &["--match", "folder:Sent older:90d"]);
    assert_eq!(account(&lines)["freed"], 6);
    assert!(numbers(&dovecot, "Sent").contains(&13));
}

#[test]
fn messages_under_a_new_uidvalidity_are_not_those_that_were_archived() {
    let Some((dovecot, _relay, sandbox)) = scene("", "") else {
        return;
    };
    for entry in fs::read_dir(dovecot.maildir("ann").join(".Sent")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("dovecot-uidlist") || name.starts_with("dovecot.index") {
            fs::remove_file(path).unwrap();
        }
    }
    let lines = purge(&sandbox, 0, &["--match", "folder:Sent"]);
    let plan = lines.iter().find(|line| line["type"] == "plan").unwrap();
    assert_eq!(
        (&plan["delete"], &plan["not_archived"]),
        (&0.into(), &12.into())
    );
    assert_eq!(numbers(&dovecot, "Sent").len(), 12);
    // Once they are recognised they may go.
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let lines = purge(&sandbox, 0, &["--match", "folder:Sent"]);
    assert_eq!(account(&lines)["freed"], 12);
    verify(&sandbox);
}

#[test]
fn a_damaged_copy_keeps_its_message_in_the_mailbox() {
    let Some((dovecot, _relay, sandbox)) = scene("", "") else {
        return;
    };
    let cur = sandbox.vault().join("mail/work/.Sent/cur");
    let path = fs::read_dir(cur).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let lines = purge(&sandbox, 3, &["--match", "folder:Sent"]);
    assert_eq!(account(&lines)["freed"], 11);
    let kept = lines.iter().find(|line| line["type"] == "kept").unwrap();
    assert_eq!(kept["reason"], "not_intact");
    assert_eq!(numbers(&dovecot, "Sent").len(), 1);
}

#[test]
fn what_came_by_pop3_and_then_by_imap_may_be_purged_over_imap() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mut mails: Vec<_> = (0..8).map(|n| mail(n, 2015)).collect();
    // POP3 adds the final line end that IMAP does not have.
    mails[3].extend(b"no line end");
    dovecot.deliver("ann", &mails);
    let relay = Relay::to(dovecot.imap());
    let sandbox = sandbox(&[Account::new("work", dovecot.pop3().port(), "ann")]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    configure(&sandbox, &[over_imap(&relay)]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(relay.take().bodies, 8);
    let lines = purge(&sandbox, 0, &["--all"]);
    assert_eq!(account(&lines)["freed"], 8);
    assert_eq!(numbers(&dovecot, "INBOX"), [0; 0]);
    verify(&sandbox);
}
