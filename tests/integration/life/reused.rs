//! Fixed histories: names that are given again, and messages that come from behind.

use std::collections::BTreeSet;

use super::history;
use super::line::locked;
use super::model::{ModelMessage, ServerKind};
use super::stage::{Stage, Way, letter};

/// The kinds of mailboxes that tell of changes in different ways.
fn kinds() -> [ServerKind; 3] {
    let condstore = ServerKind {
        condstore: true,
        ..ServerKind::PLAIN
    };
    let qresync = ServerKind {
        qresync: true,
        ..condstore.clone()
    };
    [ServerKind::PLAIN, condstore, qresync]
}

/// Letters of one length, which differ in what they say.
fn letters(year: &str, count: usize) -> Vec<Vec<u8>> {
    let text = |n| format!("what was written in {year} under {n:02}");
    (0..count)
        .map(|n| letter(&format!("{year} {n:02}"), &text(n)))
        .collect()
}

fn delivered(way: Way, kind: ServerKind, letters: &[Vec<u8>]) -> Stage {
    let stage = Stage::new(way, kind);
    for mail in letters {
        stage.deliver("INBOX", mail);
    }
    stage.expect(&[("pull", 0), ("audit", 0)]);
    stage
}

/// A backup from before the last `lost` messages is played in, and other mail arrives under
/// their UIDs. The dates of arrival are later.
fn restore(stage: &Stage, lost: usize, arrived: &[Vec<u8>]) {
    let mut account = locked(&stage.account);
    history::restore(&mut account, "INBOX", lost);
    for mail in arrived {
        account.deliver("INBOX", mail);
    }
}

#[test]
fn uids_that_a_restored_mailbox_gives_again_are_fetched() {
    // As many as were lost, so that UIDNEXT is as it was, and fewer.
    for (kind, arrive) in kinds().into_iter().flat_map(|k| [(k.clone(), 5), (k, 3)]) {
        let old = letters("2016", 10);
        let stage = delivered(Way::Imap, kind, &old);
        let new: Vec<Vec<u8>> = (0..arrive)
            .map(|n| letter(&format!("2017 {n}"), &"longer and longer ".repeat(n + 3)))
            .collect();
        restore(&stage, 5, &new);
        stage.expect(&[("pull", 0), ("audit", 0)]);
        stage.holds(old.iter().chain(&new));
        // What was lost is in the vault and no longer on the server.
        assert_eq!(stage.found(&["on:server"]), 5 + arrive);
        assert_eq!(stage.found(&["subject:2016"]), 10);
        stage.expect(&[("purge", 0), ("verify", 0)]);
        stage.nothing_lost();
        assert_eq!(stage.left(), 0);
    }
}

#[test]
fn uids_given_again_with_equal_sizes_are_told_by_their_dates() {
    for kind in kinds() {
        let (old, new) = (letters("2016", 10), letters("2017", 5));
        let stage = delivered(Way::Imap, kind, &old);
        restore(&stage, 5, &new);
        stage.expect(&[("audit", 3), ("pull", 0), ("audit", 0)]);
        stage.holds(old.iter().chain(&new));
        stage.expect(&[("purge", 0)]);
        stage.nothing_lost();
    }
}

/// Puts other messages in the place of those that are there, under their names.
fn replace(stage: &Stage, with: &[Vec<u8>]) {
    let mut account = locked(&stage.account);
    let uids = account.folder("INBOX").messages.iter().map(|m| m.uid);
    let uids: Vec<u32> = uids.collect();
    for (uid, mail) in uids.into_iter().zip(with) {
        account.replace("INBOX", uid, mail);
    }
}

#[test]
fn names_given_again_with_equal_sizes_are_found_by_an_audit() {
    for way in [Way::Pop3, Way::Imap] {
        let (old, new) = (letters("2016", 6), letters("2017", 6));
        let stage = delivered(way, ServerKind::PLAIN, &old);
        // The audit of a moment ago must not stand for this one.
        stage.age(25);
        replace(&stage, &new);
        stage.expect(&[("audit", 3), ("pull", 0), ("audit", 0)]);
        stage.holds(old.iter().chain(&new));
        stage.expect(&[("purge", 0)]);
        stage.nothing_lost();
        assert_eq!(stage.left(), 0);
    }
}

#[test]
fn a_purge_reads_headers_even_where_an_audit_just_did() {
    for way in [Way::Pop3, Way::Imap] {
        let (old, new) = (letters("2016", 6), letters("2017", 6));
        let stage = delivered(way, ServerKind::PLAIN, &old);
        replace(&stage, &new);
        let _ = stage.run(&["purge", "work", "--all", "--yes"]);
        stage.nothing_lost();
        stage.expect(&[("pull", 0), ("purge", 0)]);
        stage.holds(old.iter().chain(&new));
        stage.nothing_lost();
    }
}

/// Six messages were delivered, and the fifth has its UID without being shown; one pull.
fn with_a_late_one(kind: ServerKind) -> (Stage, Vec<Vec<u8>>) {
    let mails = letters("2016", 6);
    let stage = Stage::new(Way::Imap, kind);
    for mail in &mails {
        stage.deliver("INBOX", mail);
    }
    locked(&stage.account).folder("INBOX").messages[4].visible = false;
    stage.expect(&[("pull", 0)]);
    (stage, mails)
}

#[test]
fn a_uid_that_becomes_visible_late_is_fetched() {
    for kind in kinds() {
        let (stage, mails) = with_a_late_one(kind);
        {
            let mut account = locked(&stage.account);
            let folder = account.folder("INBOX");
            folder.take(|message| message.uid == 3);
            let modseq = folder.change();
            let late = folder.messages.iter_mut().find(|m| m.uid == 5).unwrap();
            (late.visible, late.modseq) = (true, modseq);
        }
        stage.expect(&[("pull", 0), ("audit", 0)]);
        stage.holds(&mails);
        stage.expect(&[("purge", 0)]);
        stage.nothing_lost();
        assert_eq!(stage.left(), 0);
    }
}

#[test]
fn a_uid_that_becomes_visible_late_is_fetched_though_nothing_else_changed() {
    for kind in kinds() {
        let (stage, mails) = with_a_late_one(kind);
        {
            let mut account = locked(&stage.account);
            let folder = account.folder("INBOX");
            let modseq = folder.change();
            let late = folder.messages.iter_mut().find(|m| m.uid == 5).unwrap();
            (late.visible, late.modseq) = (true, modseq);
        }
        stage.expect(&[("pull", 0), ("audit", 0)]);
        stage.holds(&mails);
    }
}

#[test]
fn a_new_uidvalidity_costs_no_message() {
    for kind in kinds() {
        let mails = letters("2016", 8);
        let stage = delivered(Way::Imap, kind, &mails);
        locked(&stage.account).folder("INBOX").renumber();
        let late = letter("after", "that");
        stage.deliver("INBOX", &late);
        stage.expect(&[("pull", 0), ("pull", 0)]);
        stage.holds(mails.iter().chain([&late]));
        assert_eq!(stage.stored().len(), 9, "and each is stored once");
        stage.expect(&[("purge", 0), ("verify", 0)]);
        stage.nothing_lost();
    }
}

#[test]
fn a_uidl_given_again_at_once_is_fetched_where_its_size_differs() {
    let old = letters("2016", 6);
    let stage = delivered(Way::Pop3, ServerKind::PLAIN, &old);
    let new: Vec<Vec<u8>> = (0..6)
        .map(|n| letter(&format!("2017 {n}"), &"longer ".repeat(n + 9)))
        .collect();
    let names: BTreeSet<String> = {
        let mut account = locked(&stage.account);
        let gone = account.folder("INBOX").take(|_| true);
        for (before, mail) in gone.iter().zip(&new) {
            let uid = account.deliver("INBOX", mail);
            let named = |message: &&mut ModelMessage| message.uid == uid;
            let messages = &mut account.folder("INBOX").messages;
            let message = messages.iter_mut().find(named).unwrap();
            message.uidl.clone_from(&before.uidl);
        }
        gone.into_iter().map(|message| message.uidl).collect()
    };
    assert_eq!(names.len(), 6);
    stage.expect(&[("audit", 3), ("pull", 0), ("audit", 0)]);
    stage.holds(old.iter().chain(&new));
    stage.expect(&[("purge", 0)]);
    stage.nothing_lost();
}
