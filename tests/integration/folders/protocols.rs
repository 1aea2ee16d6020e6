//! One account by both protocols.

use super::{held, in_mailbox, mail, over_imap, verify};
use crate::support::corpus::corpus;
use crate::support::dovecot::{Dovecot, Options};
use crate::support::relay::Relay;
use crate::support::scene::{Account, configure, sandbox, server};

/// Mail that both protocols give alike, and mail that lacks its last line end.
fn mails() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..40).map(mail).collect();
    for n in 40..60 {
        let mut open = mail(n);
        open.pop();
        all.push(open);
    }
    all
}

fn over_pop3(relay: &Relay) -> Account {
    Account::new("work", relay.port(), "ann")
}

#[test]
fn what_pop3_brought_and_imap_fetches_again_is_stored_once() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &mails());
    let (pop3, imap) = (Relay::to(dovecot.pop3()), Relay::to(dovecot.imap()));
    let sandbox = sandbox(&[over_pop3(&pop3)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(pop3.take().retr, 60);
    dovecot.deliver_to("ann", ".Archive", &[mail(100)]);
    let flagged = ["STORE 1 +FLAGS (\\Seen)", "COPY 1:5 Archive"];
    in_mailbox(&dovecot, "INBOX", &flagged);
    configure(&sandbox, &[over_imap(&imap)]);
    let second = sandbox.run(&["pull"]).expect_code(0);
    assert!(second.stdout().contains("1 new"), "{second}");
    assert_eq!(imap.take().bodies, 61);
    let counts: Vec<usize> = held(&sandbox).values().map(Vec::len).collect();
    assert_eq!(counts, [60, 6]);
    // What came without a folder, flags and date has them now.
    let mut seen = sandbox.messages("work").into_iter();
    assert!(seen.any(|m| m.folder.is_empty() && m.name.ends_with(":2,S")));
    verify(&sandbox);
    configure(&sandbox, &[over_pop3(&pop3)]);
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(pop3.take().retr, 0);
}

#[test]
fn names_that_tell_the_other_ones_need_no_header() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    // Without a Message-ID a header would not be enough.
    let nameless = |n: usize| format!("Subject: same\n\nbody of {n}\n").into_bytes();
    let mut all: Vec<Vec<u8>> = (0..9).map(nameless).collect();
    all.extend(mails());
    dovecot.deliver("ann", &all);
    let (pop3, imap) = (Relay::to(dovecot.pop3()), Relay::to(dovecot.imap()));
    let mut sandboxes = Vec::new();
    for imap_first in [false, true] {
        let mut accounts = [over_pop3(&pop3), over_imap(&imap)];
        if imap_first {
            accounts.reverse();
        }
        let [first, then] = accounts;
        let sandbox = sandbox(&[first]);
        let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
        pop3.take();
        imap.take();
        configure(&sandbox, &[then]);
        let _ = sandbox.run(&["pull"]).expect_code(0);
        let (pop3, imap) = (pop3.take(), imap.take());
        // Names are not believed before eight messages came under both.
        assert_eq!(imap.bodies + pop3.retr, 69);
        assert_eq!(held(&sandbox)[""].len(), 69);
        sandbox.run(&["pull"]).expect(0, "", "");
        verify(&sandbox);
        sandboxes.push(sandbox);
    }
    dovecot.deliver("ann", &(200..210).map(mail).collect::<Vec<_>>());
    for sandbox in &sandboxes {
        for account in [over_pop3(&pop3), over_imap(&imap)] {
            configure(sandbox, &[account]);
            let _ = sandbox.run(&["pull"]).expect_code(0);
        }
        // What one protocol brought, the other knows by its name.
        assert_eq!(imap.take().bodies + pop3.take().retr, 10);
        verify(sandbox);
    }
}

#[test]
fn what_imap_brought_and_pop3_fetches_again_is_stored_once() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &mails());
    let (pop3, imap) = (Relay::to(dovecot.pop3()), Relay::to(dovecot.imap()));
    let sandbox = sandbox(&[over_imap(&imap)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(imap.take().bodies, 60);
    dovecot.deliver("ann", &[mail(100)]);
    configure(&sandbox, &[over_pop3(&pop3)]);
    let second = sandbox.run(&["pull"]).expect_code(0);
    assert!(second.stdout().contains("1 new"), "{second}");
    let asked = pop3.take();
    // Until eight came under both names, a name proves nothing.
    assert_eq!((asked.retr, asked.top), (61, 0));
    assert_eq!(held(&sandbox)[""].len(), 61);
    verify(&sandbox);
    // From now on the names are known, and nothing is asked.
    sandbox.run(&["pull"]).expect(0, "", "");
    let asked = pop3.take();
    assert_eq!((asked.retr, asked.top), (0, 0));
    // Its proof is as good as that of any other.
    let purged = sandbox.run(&["purge", "work", "--all", "--yes"]);
    let _ = purged.expect_code(0);
    assert_eq!(pop3.take().dele, 61);
    assert_eq!(held(&sandbox)[""].len(), 61);
    verify(&sandbox);
}

#[test]
fn awkward_mail_is_stored_once_whatever_brings_it() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let all: Vec<Vec<u8>> = corpus().into_iter().skip(2).take(400).collect();
    dovecot.deliver("ann", &all);
    let (pop3, imap) = (Relay::to(dovecot.pop3()), Relay::to(dovecot.imap()));
    let sandbox = sandbox(&[over_pop3(&pop3)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let before = held(&sandbox)[""].clone();
    configure(&sandbox, &[over_imap(&imap)]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    imap.take();
    // Only what has no Message-ID is there in the form of either protocol.
    let after = held(&sandbox)[""].clone();
    assert!(before.iter().all(|message| after.contains(message)));
    let more = after.len() - before.len();
    assert!(more <= 20, "{more}");
    verify(&sandbox);
}

/// An account that is read as it can be.
fn either(pop3: u16, imap: &Relay) -> Account {
    Account::new("work", pop3, "ann")
        .with("protocol", "\"auto\"")
        .with("imap_port", &imap.port().to_string())
}

#[test]
fn auto_is_pop3_for_the_inbox_and_imap_for_folders() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &[mail(1), mail(2)]);
    dovecot.deliver_to("ann", ".Lists", &[mail(3)]);
    let (pop3, imap) = (Relay::to(dovecot.pop3()), Relay::to(dovecot.imap()));
    let sandbox = sandbox(&[either(pop3.port(), &imap)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!((pop3.take().retr, imap.take().connections), (2, 0));
    // All folders for once, and the inbox again over POP3.
    let all = sandbox.run(&["pull", "--all-folders"]).expect_code(0);
    assert!(all.stdout().contains("1 new"), "{all}");
    assert_eq!((pop3.take().connections, imap.take().bodies), (0, 3));
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!((pop3.take().connections, imap.take().connections), (1, 0));
    let folders = either(pop3.port(), &imap).with("folders", "[\"INBOX\", \"Lists\"]");
    configure(&sandbox, &[folders]);
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!((pop3.take().connections, imap.take().connections), (0, 1));
    verify(&sandbox);
}

#[test]
fn where_there_is_no_pop3_it_is_imap_and_that_is_said_once() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &[mail(1)]);
    dovecot.deliver_to("ann", ".Lists", &[mail(2)]);
    let imap = Relay::to(dovecot.imap());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let sandbox = sandbox(&[either(port, &imap)]);
    let first = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert!(first.stdout().contains("2 new"), "{first}");
    assert!(first.stderr().contains("no POP3 (127.0.0.1:"), "{first}");
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(imap.take().connections, 2);
    let purge = ["purge", "work", "--all", "--yes"];
    let purged = sandbox.run(&purge).expect_code(0);
    assert!(purged.stdout().contains("2, confirmed"), "{purged}");
    verify(&sandbox);
}

#[test]
fn a_wrong_password_is_not_tried_over_imap_too() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &[mail(1)]);
    let pop3 = server(Vec::new());
    let imap = Relay::to(dovecot.imap());
    // The sample server knows another user.
    let account = either(pop3.addr().port(), &imap).with("user", "\"nobody\"");
    let sandbox = sandbox(&[account]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(12);
    assert_eq!(imap.take().connections, 0);
}
