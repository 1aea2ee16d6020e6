//! Pulling every folder over IMAP, from a real server.

mod changes;
mod connections;
mod dates;
mod protocols;
mod purge;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use crate::support::client::{Wire, imap_fetch_mailbox};
use crate::support::corpus::corpus;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::relay::Relay;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, sandbox};

fn mail(n: usize) -> Vec<u8> {
    format!(
        "From: ann@example.org\nSubject: number {n}\nMessage-ID: <{n}@example.org>\n\
         Date: Mon, 2 Nov 2026 10:00:00 +0000\n\nbody of {n}\n"
    )
    .into_bytes()
}

/// An account that is read over IMAP through a relay that counts.
fn over_imap(relay: &Relay) -> Account {
    Account::new("work", relay.port(), "ann").with("protocol", "\"imap\"")
}

/// What each directory of the account holds: the messages, sorted.
fn held(sandbox: &Sandbox) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut held: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for message in sandbox.messages("work") {
        held.entry(message.folder).or_default().push(message.bytes);
    }
    for messages in held.values_mut() {
        messages.sort();
    }
    held
}

/// What a mailbox holds, each content once, sorted. A 0x80 that a NUL may stand behind
/// is one.
fn there(dovecot: &Dovecot, mailbox: &str) -> Vec<Vec<u8>> {
    let name = mailbox.replace('\\', "\\\\").replace('"', "\\\"");
    let mut there = imap_fetch_mailbox(dovecot.imap(), "ann", PASSWORD, &name);
    for message in &mut there {
        without_nul(message);
    }
    there.sort();
    there.dedup();
    there
}

fn without_nul(message: &mut [u8]) {
    let nuls = message.iter_mut().filter(|byte| **byte == 0);
    nuls.for_each(|byte| *byte = 0x80);
}

fn verify(sandbox: &Sandbox) {
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn forty_odd_folders_come_byte_exact_and_a_second_run_fetches_no_body() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let long = format!(".{}", "long".repeat(45));
    let mut dirs: Vec<String> = [
        "",
        ".Sent",
        ".Lists.rust.2026.Q4.November.week 47",
        ".Lists",
        ".case",
        ".Case",
        ".CASE",
        ".Entw&APw-rfe",
        ".&U,BTFw-.&ZeVnLIqe-",
        ".&2D3eAA-",
        ".R&-D",
        ".a b  c",
        ".back\\slash",
        ".quote\"d",
        ".per%cent",
        ".star*star",
        ".(list) {12}",
        ".[brackets]",
        ".$HOME",
        ".-rf",
        ".INBOX.below",
        ".mv-0123456789abcdef0123456789abcdef",
        ".NIL",
        ".empty",
        &long,
    ]
    .map(ToString::to_string)
    .to_vec();
    for n in dirs.len()..40 {
        dirs.push(format!(".many.{}.f{n}", n % 4));
    }
    let mut all: Vec<Vec<u8>> = corpus().into_iter().skip(2).collect();
    for n in all.len()..3_000 {
        all.push(mail(n));
    }
    let filled: Vec<&String> = dirs.iter().filter(|dir| *dir != ".empty").collect();
    for (n, dir) in filled.iter().enumerate() {
        let mine: Vec<&Vec<u8>> = all.iter().skip(n).step_by(filled.len()).collect();
        dovecot.deliver_to("ann", dir, &mine);
    }
    dovecot.deliver_to::<&[u8]>("ann", ".empty", &[]);
    let relay = Relay::to(dovecot.imap());
    let sandbox = sandbox(&[over_imap(&relay)]);
    let first = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(first.stderr(), "");
    let mut held = held(&sandbox);
    let mut messages = 0;
    for dir in &dirs {
        let mailbox = match dir.strip_prefix('.') {
            Some(name) => name.replace('.', "/"),
            None => "INBOX".to_string(),
        };
        let there = there(&dovecot, &mailbox);
        let here = held
            .iter_mut()
            .find(|(_, here)| {
                let mut here = (*here).clone();
                for message in &mut here {
                    without_nul(message);
                }
                here.sort();
                here == there
            })
            .map(|(name, _)| name.clone());
        messages += there.len();
        if there.is_empty() {
            assert_eq!(dir, ".empty");
        } else {
            assert!(here.is_some(), "{dir}: {} messages", there.len());
        }
    }
    assert!(messages > 2_900, "{messages}");
    let named = sandbox
        .ledger_lines()
        .iter()
        .filter(|line| line.contains("\"ev\":\"folder\""))
        .count();
    assert_eq!(named, 40);
    verify(&sandbox);
    let asked = relay.take();
    // What has a 0x80 is asked for once more, to tell it from a NUL.
    assert!((2_900..3_200).contains(&asked.bodies), "{asked:?}");
    sandbox.run(&["pull"]).expect(0, "", "");
    let asked = relay.take();
    assert_eq!((asked.bodies, asked.headers), (0, 0));
}

#[test]
fn a_nul_anywhere_in_a_message_of_any_length_is_archived() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    // Its server sends 0x80 for NUL, and what was taken in until there does not count. The
    // lengths end on both sides of what is passed on at once.
    let lines = |n: usize| "long line of a long message\r\n".repeat(n);
    let message = |(n, lines): (usize, String)| {
        let head = format!("Subject: {n}\r\nMessage-ID: <nul{n}@example.org>\r\n\r\n");
        [
            head.as_bytes(),
            lines.as_bytes(),
            b"a\0b\r\n",
            b"\xe2\x82\x80\r\n",
        ]
        .concat()
    };
    let lengths = [1, 300, 5_000, 9_100, 20_000, 120_000];
    let all: Vec<Vec<u8>> = (0..).zip(lengths.map(lines)).map(message).collect();
    dovecot.deliver("ann", &all);
    let sandbox =
        sandbox(&[Account::new("work", dovecot.imap().port(), "ann").with("protocol", "\"imap\"")]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let mut wanted = all;
    wanted.sort();
    assert_eq!(held(&sandbox).into_values().collect::<Vec<_>>(), [wanted]);
    verify(&sandbox);
}

#[test]
fn dots_a_prefix_and_a_quota_change_nothing() {
    for (prefix, separator) in [("INBOX.", "."), ("", "."), ("INBOX/", "/")] {
        let options = Options {
            extra: format!(
                "namespace inbox {{\n  prefix = {prefix}\n  separator = {separator}\n}}\n\
                 mail_plugins = quota\n\
                 protocol imap {{\n  mail_plugins = quota imap_quota\n}}\n\
                 plugin {{\n  quota = maildir:User quota\n  quota_rule = *:storage=5M\n}}\n"
            ),
            ..Options::default()
        };
        let Some(dovecot) = Dovecot::start(&options) else {
            return;
        };
        dovecot.deliver("ann", &[mail(1), mail(2)]);
        dovecot.deliver_to("ann", ".Lists.rust", &[mail(3)]);
        dovecot.deliver_to("ann", ".Junk", &[mail(4)]);
        let relay = Relay::to(dovecot.imap());
        // Names are written with or without the prefix that the server wants.
        let account = over_imap(&relay).with("exclude", "[\"Junk\"]");
        let sandbox = sandbox(&[account]);
        let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
        let dir = if prefix.is_empty() {
            ".Lists.rust"
        } else {
            ".INBOX.Lists.rust"
        };
        let count = |messages: &Vec<Vec<u8>>| messages.len();
        let held: Vec<(String, usize)> = held(&sandbox)
            .iter()
            .map(|(dir, messages)| (dir.clone(), count(messages)))
            .collect();
        assert_eq!(held, [(String::new(), 2), (dir.to_string(), 1)], "{prefix}");
        verify(&sandbox);
    }
}

#[test]
fn patterns_choose_the_folders() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    for (n, dir) in ["", ".Sent", ".Lists.rust", ".Lists.go", ".Lists.go.old"]
        .iter()
        .enumerate()
    {
        dovecot.deliver_to("ann", dir, &[mail(n)]);
    }
    let relay = Relay::to(dovecot.imap());
    let account = over_imap(&relay)
        .with("folders", "[\"inbox\", \"Lists/*\"]")
        .with("exclude", "[\"*/old\"]");
    let sandbox = sandbox(&[account]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let dirs: Vec<String> = held(&sandbox).into_keys().collect();
    assert_eq!(dirs, ["", ".Lists.go", ".Lists.rust"]);
    assert!(!sandbox.vault().join("mail/work/.Sent").exists());
    verify(&sandbox);
}

#[test]
fn one_mail_in_many_folders_is_one_file_with_its_date() {
    let options = Options {
        extra: "mail_plugins = virtual\n\
                namespace virtual {\n  prefix = virtual/\n  separator = /\n\
                location = virtual:%h/virtual\n}\n"
            .to_string(),
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    let mails: Vec<Vec<u8>> = (0..20).map(mail).collect();
    dovecot.deliver("ann", &mails);
    dovecot.deliver_to("ann", ".Archive", &mails[..10]);
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    for folder in ["new", ".Archive/new"] {
        for entry in fs::read_dir(dovecot.maildir("ann").join(folder)).unwrap() {
            let file = fs::File::open(entry.unwrap().path()).unwrap();
            file.set_modified(date).unwrap();
        }
    }
    let folder = dovecot.maildir("ann").join("virtual/All");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("dovecot-virtual"), "INBOX\nArchive\n  all\n").unwrap();
    dovecot.deliver::<&[u8]>("ann", &[]);
    let relay = Relay::to(dovecot.imap());
    let sandbox = sandbox(&[over_imap(&relay)]);
    let first = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert!(first.stdout().contains("20 new"), "{first}");
    // Nothing came twice, but those that one folder has twice.
    assert_eq!(relay.take().bodies, 20);
    let held = held(&sandbox);
    let counts: Vec<usize> = held.values().map(Vec::len).collect();
    assert_eq!(counts, [20, 10, 20], "{:?}", held.keys());
    let cur = sandbox.vault().join("mail/work/cur");
    let mut links: BTreeMap<u64, usize> = BTreeMap::new();
    for entry in fs::read_dir(cur).unwrap() {
        let meta = entry.unwrap().metadata().unwrap();
        *links.entry(meta.nlink()).or_default() += 1;
        assert_eq!(meta.modified().unwrap(), date);
    }
    assert_eq!(links, BTreeMap::from([(2, 10), (3, 10)]));
    verify(&sandbox);
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(relay.take().bodies, 0);
}

#[test]
fn small_mail_of_one_size_is_fetched_and_copies_in_one_run_are_not() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let four_digits = |from: usize| (from..from + 600).map(mail).collect::<Vec<_>>();
    dovecot.deliver("ann", &four_digits(1_000));
    dovecot.deliver_to("ann", ".Other", &four_digits(2_000));
    let relay = Relay::to(dovecot.imap());
    let sandbox = sandbox(&[over_imap(&relay)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let asked = relay.take();
    assert_eq!(asked.bodies, 1_200);
    // A Maildir whose files have one name in two folders is not believed by that name.
    dovecot.deliver_to("ann", ".Copies", &four_digits(2_300));
    let second = sandbox.run(&["pull"]).expect_code(0);
    assert!(second.stdout().contains("300 new"), "{second}");
    let asked = relay.take();
    // The originals were not seen in this run.
    assert_eq!(asked.bodies, 600);
    verify(&sandbox);
}

/// Runs IMAP commands in a mailbox.
fn in_mailbox(dovecot: &Dovecot, mailbox: &str, commands: &[&str]) {
    let mut imap = Wire::imap(dovecot.imap(), "ann", PASSWORD);
    imap.tagged(&format!("SELECT \"{mailbox}\""));
    for command in commands {
        imap.tagged(command);
    }
    imap.tagged("LOGOUT");
}
