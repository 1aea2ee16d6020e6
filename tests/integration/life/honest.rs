//! An honest server of every kind ends 0, 0, 0, 0: pull, pull, audit, purge; and each body
//! is received once.

use super::history::{Life, begin};
use super::line::{SharedAccount, locked};
use super::mail::{KINDS, mail};
use super::model::{ModelAccount, ServerKind, SizeHabit, TopHabit, UidlHabit};
use super::stage::{Stage, Way, letter};
use super::user::{Came, User};

const LETTERS: usize = 40;

/// Forty letters of different sizes over POP3.
fn over_pop3(kind: ServerKind) -> Stage {
    let stage = Stage::new(Way::Pop3, kind);
    for n in 0..LETTERS {
        stage.deliver(
            "INBOX",
            &letter(&format!("number {n}"), &"words ".repeat(n * 3)),
        );
    }
    stage
}

/// Half as many in each of two folders, and copies of some in a third.
fn over_imap(kind: ServerKind) -> Stage {
    let stage = Stage::new(Way::Imap, kind);
    for n in 0..LETTERS {
        let folder = if n % 2 == 0 { "INBOX" } else { "Sent" };
        stage.deliver(
            folder,
            &letter(&format!("number {n}"), &"words ".repeat(n * 3)),
        );
    }
    let mut account = locked(&stage.account);
    for n in 0..5 {
        let copy = account.find("Sent").unwrap().messages[n].clone();
        account.put("Kept", copy);
    }
    drop(account);
    stage
}

/// Pulls twice, audits and purges. `named` says that the server's names identify messages.
#[track_caller]
fn ends_in_order(stage: &Stage, distinct: usize, named: bool) {
    let there = stage.left();
    let originals: Vec<Vec<u8>> = {
        let account = locked(&stage.account);
        let messages = account.folders.iter().flat_map(|folder| &folder.messages);
        messages.map(|message| message.bytes.clone()).collect()
    };
    stage.expect(&[("pull", 0)]);
    let bodies = stage.bodies();
    assert_eq!(bodies.len(), distinct, "bodies in the first pull");
    assert!(bodies.values().all(|times| *times == 1), "{bodies:?}");
    stage.expect(&[("pull", 0)]);
    let again = stage.bodies().len();
    assert!(!named || again == 0, "{again} bodies in the second pull");
    if locked(&stage.account).kind.sizes != SizeHabit::StatusFields {
        stage.holds(&originals);
    }
    stage.expect(&[("audit", 0), ("purge", 0)]);
    assert_eq!(stage.left(), if named { 0 } else { there });
    stage.expect(&[("verify", 0), ("pull", 0)]);
}

#[test]
fn a_plain_maildrop_ends_in_order() {
    ends_in_order(&over_pop3(ServerKind::PLAIN), LETTERS, true);
}

#[test]
fn a_maildrop_without_pipelining_ends_in_order() {
    let kind = ServerKind {
        pipelining: false,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, true);
}

#[test]
fn a_maildrop_that_counts_line_ends_as_one_octet_ends_in_order() {
    let kind = ServerKind {
        sizes: SizeHabit::LineFeeds,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, true);
}

#[test]
fn a_maildrop_that_writes_status_fields_ends_in_order() {
    let kind = ServerKind {
        sizes: SizeHabit::StatusFields,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, true);
}

#[test]
fn a_maildrop_with_the_sizes_of_its_store_ends_in_order() {
    let kind = ServerKind {
        sizes: SizeHabit::Estimated,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, true);
}

#[test]
fn a_maildrop_whose_headers_change_as_they_are_read_ends_in_order() {
    let kind = ServerKind {
        unstable_headers: true,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, true);
}

#[test]
fn a_maildrop_without_top_ends_in_order() {
    let kind = ServerKind {
        top: TopHabit::Refused,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, true);
}

#[test]
fn a_maildrop_whose_top_has_the_body_too_ends_in_order() {
    let kind = ServerKind {
        top: TopHabit::Whole,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, true);
}

#[test]
fn a_maildrop_without_uidls_ends_in_order_and_keeps_its_mail() {
    let kind = ServerKind {
        uidls: UidlHabit::Refused,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, false);
}

#[test]
fn a_maildrop_whose_uidls_are_its_numbers_ends_in_order_and_keeps_its_mail() {
    let kind = ServerKind {
        uidls: UidlHabit::Number,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, false);
}

#[test]
fn a_maildrop_with_the_uidls_of_dovecot_ends_in_order() {
    let kind = ServerKind {
        uidls: UidlHabit::Formula,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_pop3(kind), LETTERS, true);
}

#[test]
fn plain_mailboxes_end_in_order() {
    ends_in_order(&over_imap(ServerKind::PLAIN), LETTERS + 5, true);
}

#[test]
fn mailboxes_without_uidplus_end_in_order() {
    let kind = ServerKind {
        uidplus: false,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_imap(kind), LETTERS + 5, true);
}

#[test]
fn mailboxes_with_condstore_end_in_order() {
    let kind = ServerKind {
        condstore: true,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_imap(kind), LETTERS + 5, true);
}

#[test]
fn mailboxes_with_qresync_end_in_order() {
    let kind = ServerKind {
        condstore: true,
        qresync: true,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_imap(kind), LETTERS + 5, true);
}

#[test]
fn mailboxes_whose_copies_share_an_email_id_send_each_body_once() {
    let kind = ServerKind {
        email_ids: true,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_imap(kind), LETTERS, true);
}

#[test]
fn mailboxes_whose_copies_share_a_guid_send_each_body_once() {
    let kind = ServerKind {
        guids: true,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_imap(kind), LETTERS, true);
}

#[test]
fn mailboxes_that_count_line_ends_as_one_octet_end_in_order() {
    let kind = ServerKind {
        sizes: SizeHabit::LineFeeds,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_imap(kind), LETTERS + 5, true);
}

#[test]
fn mailboxes_with_the_sizes_of_their_store_end_in_order() {
    let kind = ServerKind {
        sizes: SizeHabit::Estimated,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_imap(kind), LETTERS + 5, true);
}

#[test]
fn mailboxes_whose_headers_change_as_they_are_read_end_in_order() {
    let kind = ServerKind {
        unstable_headers: true,
        ..ServerKind::PLAIN
    };
    ends_in_order(&over_imap(kind), LETTERS + 5, true);
}

/// Mail of all sorts, copies among it, on a server of a drawn kind; what does not end well.
fn trouble(seed: u64) -> Result<(), String> {
    let life = Life::drawn(seed);
    let account = SharedAccount::new(ModelAccount::new(life.kind.clone()).into());
    let mut user = User::new(&account, life.way, life.exact);
    begin(&account);
    let distinct = {
        let mut account = locked(&account);
        for n in 0..40 {
            let folder = ["INBOX", "Sent", "Lists"][n % 3];
            // Of two that differ only at their end, and are listed so, a purge keeps one.
            let n = (n * 5..n * 5 + 100)
                .find(|n| !matches!(n / 24 % 12, 4 | 5))
                .unwrap_or(n);
            account.deliver(folder, &mail(n % KINDS));
        }
        for _ in 0..2 {
            account.deliver("INBOX", &mail(0));
        }
        for n in 0..5 {
            let copy = account.find("Sent").unwrap().messages[n].clone();
            account.put("Lists", copy);
        }
        let inbox = account.find("INBOX").unwrap().messages.len();
        let all = account.count();
        match life.way {
            Way::Pop3 => inbox,
            Way::Imap if life.kind.email_ids || life.kind.guids => all - 5,
            Way::Imap => all,
        }
    };
    let named =
        life.way == Way::Imap || matches!(life.kind.uidls, UidlHabit::Own | UidlHabit::Formula);
    let well = |step: &str, came: Came| match came {
        Came::Well(_) => Ok(()),
        other => Err(format!("{step}: {other:?}")),
    };
    well("pull", user.pull(None))?;
    let bodies = locked(&account).take_bodies();
    if bodies.len() != distinct || bodies.values().any(|times| *times != 1) {
        return Err(format!("{} bodies instead of {distinct}", bodies.len()));
    }
    well("second pull", user.pull(None))?;
    let again = locked(&account).take_bodies().len();
    if named && again > 0 {
        return Err(format!("{again} bodies in the second pull"));
    }
    well("audit", user.audit())?;
    well("purge", user.purge_all())?;
    let account = locked(&account);
    let folders = account.folders.iter();
    let left: usize = folders
        .filter(|folder| life.way == Way::Imap || folder.name == "INBOX")
        .map(|folder| folder.messages.len())
        .sum();
    if named && left > 0 {
        return Err(format!("{left} left after the purge"));
    }
    Ok(())
}

#[test]
fn an_honest_server_of_any_kind_ends_in_order() {
    let mut bad = Vec::new();
    for seed in 0..60 {
        let life = Life::drawn(seed);
        // Where neither headers nor bytes are the same when they are read again, or sizes say
        // nothing either, nothing can be compared.
        let sizes = [SizeHabit::StatusFields, SizeHabit::Estimated];
        if life.kind.unstable_headers && sizes.contains(&life.kind.sizes) {
            continue;
        }
        // Without TOP nothing vouches for a message but its size.
        let without_top = life.way == Way::Pop3 && life.kind.top == TopHabit::Refused;
        if without_top && life.kind.sizes == SizeHabit::Estimated {
            continue;
        }
        if let Err(why) = trouble(seed) {
            bad.push(format!("{:?} {:?}\n  {why}", life.way, life.kind));
        }
    }
    assert!(
        bad.is_empty(),
        "{} of 60 kinds\n{}",
        bad.len(),
        bad.join("\n")
    );
}
