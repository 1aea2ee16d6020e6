//! Mail that moves to a Dovecot of one's own and keeps its UIDs, UIDVALIDITY and UIDLs, so that
//! no mail program fetches it again.

use std::fmt::Write as _;
use std::fs;

use crate::support::client::{Retrieved, Wire, imap_rows, pop3_fetch_all};
use crate::support::dovecot::{Dovecot, Options, PASSWORD, Release};
use crate::support::output::Output;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, json_lines, message, pulled, sandbox};

const MAILBOXES: [&str; 2] = ["INBOX", "Sent"];

/// What a mail program remembers of a server: the maildrop, and of each mailbox its UIDVALIDITY
/// and the UIDs with their messages' sizes.
#[derive(Debug, PartialEq, Eq)]
struct RememberedMail {
    maildrop: Vec<Retrieved>,
    mailboxes: Vec<(String, Vec<String>)>,
}

fn remembered(dovecot: &Dovecot) -> RememberedMail {
    let mailbox = |name: &&str| {
        let mut imap = Wire::imap(dovecot.imap(), "ann", PASSWORD);
        let status = imap.tagged(&format!("STATUS \"{name}\" (MESSAGES UIDVALIDITY)"));
        let rows = imap_rows(dovecot.imap(), "ann", name, "UID RFC822.SIZE");
        let rows = rows.into_iter().filter(|row| row.contains("FETCH"));
        (status[0].0.clone(), rows.collect())
    };
    RememberedMail {
        maildrop: pop3_fetch_all(dovecot.pop3(), "ann", PASSWORD),
        mailboxes: MAILBOXES.iter().map(mailbox).collect(),
    }
}

/// A server whose UIDs have gaps, and whose UIDLs nobody could derive from them.
fn old_server(release: Release) -> Option<Dovecot> {
    let guid = match release {
        Release::V2_3 => "%g",
        Release::V2_4 => "%{guid}",
    };
    let dovecot = Dovecot::start(&Options {
        release,
        extra: format!("pop3_uidl_format = {guid}"),
        ..Options::default()
    })?;
    dovecot.deliver("ann", &letters(0..6));
    dovecot.deliver_to("ann", ".Sent", &letters(10..13));
    let mut imap = Wire::imap(dovecot.imap(), "ann", PASSWORD);
    for (mailbox, uids) in [("INBOX", "2,6"), ("Sent", "1")] {
        imap.tagged(&format!("SELECT {mailbox}"));
        imap.tagged(&format!("UID STORE {uids} +FLAGS (\\Deleted)"));
        imap.tagged("EXPUNGE");
    }
    Some(dovecot)
}

/// Letters whose dates go the other way than their numbers.
fn letters(numbers: std::ops::Range<usize>) -> Vec<String> {
    let date = |n: usize| format!("{} Aug 2025 10:00:00 +0000", 30 - n);
    let letter = |n| {
        format!(
            "Date: {}\r\nSubject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n.line {n}\r\n",
            date(n)
        )
    };
    numbers.map(letter).collect()
}

/// Pulls the account over these protocols, one after the other.
fn pull(sandbox: &Sandbox, dovecot: &Dovecot, protocols: &[&str]) {
    for protocol in protocols {
        let server = match *protocol {
            "pop3" => dovecot.pop3(),
            _ => dovecot.imap(),
        };
        let account = Account::new("work", server.port(), "ann");
        let account = account.with("protocol", &format!("\"{protocol}\""));
        configure(sandbox, &[account]);
        let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    }
}

fn export(sandbox: &Sandbox) -> Output {
    sandbox.run(&["export", "plain", "--keep-uids"])
}

/// What the export is when a Dovecot of this release serves it.
fn served(sandbox: &Sandbox, release: Release) -> Option<RememberedMail> {
    let dovecot = Dovecot::start(&Options {
        release,
        ..Options::default()
    })?;
    dovecot.adopt("ann", &sandbox.path("plain"));
    let served = remembered(&dovecot);
    let log = dovecot.log();
    assert!(
        !log.contains("Error:") && !log.contains("Warning:"),
        "{log}"
    );
    // What it was given is what it has, also when it looks again.
    assert_eq!(remembered(&dovecot), served);
    Some(served)
}

#[test]
fn dovecot_keeps_the_uids_and_uidls_of_the_old_server() {
    for old in Release::ALL {
        let Some(server) = old_server(old) else {
            continue;
        };
        let sandbox = sandbox(&[]);
        pull(&sandbox, &server, &["pop3", "imap"]);
        let output = export(&sandbox).expect_code(0);
        let said = "kept the UIDs of 6 messages and the POP3 UIDLs of 4\n";
        assert_eq!(output.stderr(), said);
        let there = remembered(&server);
        assert_eq!(there.maildrop.len(), 4);
        for new in Release::ALL {
            if let Some(served) = served(&sandbox, new) {
                assert_eq!(served, there, "{old:?} to {new:?}");
            }
        }

        // New mail gets its UIDs and UIDLs, too, and what is there keeps them.
        server.deliver("ann", &letters(6..9));
        server.deliver_to("ann", ".Sent", &letters(13..14));
        pull(&sandbox, &server, &["pop3", "imap"]);
        let _ = export(&sandbox).expect_code(0);
        let there = remembered(&server);
        assert_eq!(there.maildrop.len(), 7);
        for new in Release::ALL {
            if let Some(served) = served(&sandbox, new) {
                assert_eq!(served, there, "{old:?} to {new:?}");
            }
        }
    }
}

#[test]
fn dovecot_keeps_uidls_where_only_pop3_was_read() {
    let Some(server) = old_server(Release::V2_3) else {
        return;
    };
    let sandbox = sandbox(&[]);
    pull(&sandbox, &server, &["pop3"]);
    let output = export(&sandbox).expect_code(0);
    let said = "kept the UIDs of 0 messages and the POP3 UIDLs of 4; new UIDs for 4\n\
                note: not pulled over IMAP, so the UIDs are new: INBOX\n";
    assert_eq!(output.stderr(), said);
    let sorted = |mut maildrop: Vec<Retrieved>| {
        maildrop.sort();
        maildrop
    };
    let there = sorted(pop3_fetch_all(server.pop3(), "ann", PASSWORD));
    for release in Release::ALL {
        let options = Options {
            release,
            ..Options::default()
        };
        let Some(dovecot) = Dovecot::start(&options) else {
            continue;
        };
        dovecot.adopt("ann", &sandbox.path("plain"));
        let here = pop3_fetch_all(dovecot.pop3(), "ann", PASSWORD);
        assert_eq!(sorted(here), there, "{release:?}");
    }
    // New mail changes no UID.
    let before = fs::read_to_string(sandbox.path("plain/dovecot-uidlist")).unwrap();
    server.deliver("ann", &letters(6..7));
    pull(&sandbox, &server, &["pop3"]);
    let _ = export(&sandbox).expect_code(0);
    let after = fs::read_to_string(sandbox.path("plain/dovecot-uidlist")).unwrap();
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    assert_eq!(after[1..5], before[1..]);
    assert_eq!(after.len(), 6);
}

#[test]
fn a_list_that_dovecot_has_changed_is_left_to_it() {
    let Some(server) = old_server(Release::V2_3) else {
        return;
    };
    let sandbox = sandbox(&[]);
    pull(&sandbox, &server, &["imap"]);
    let _ = export(&sandbox).expect_code(0);
    let list = sandbox.path("plain/dovecot-uidlist");
    let changed = fs::read_to_string(&list).unwrap().replace(" N", " N1");
    fs::write(&list, &changed).unwrap();
    server.deliver("ann", &letters(6..7));
    server.deliver_to("ann", ".Sent", &letters(13..14));
    pull(&sandbox, &server, &["imap"]);
    let output = export(&sandbox).expect_code(0);
    assert_eq!(fs::read_to_string(&list).unwrap(), changed);
    let stderr = output.stderr();
    let note = "plain/dovecot-uidlist, or the file was changed, so it stays as it is";
    assert!(stderr.contains(note), "{stderr}");
    assert!(stderr.contains("kept the UIDs of 3 messages"), "{stderr}");
    // Neither is one that an export without the option left to Dovecot.
    let _ = sandbox.run(&["export", "other"]).expect_code(0);
    assert!(!sandbox.path("other/dovecot-uidlist").exists());
    sandbox.write("other/dovecot-uidlist", &changed, 0o600);
    let args = ["export", "other", "--keep-uids", "--json"];
    let output = sandbox.run(&args).expect_code(0);
    let lines = json_lines(&output.stdout);
    let kept = &lines.last().unwrap()["kept"];
    assert_eq!(kept["foreign"].as_array().unwrap().len(), 1, "{kept}");
    assert_eq!(
        fs::read_to_string(sandbox.path("other/dovecot-uidlist")).unwrap(),
        changed
    );
}

#[test]
fn a_mailbox_that_dovecot_has_opened_is_left_to_it() {
    let Some(server) = old_server(Release::V2_3) else {
        return;
    };
    let sandbox = sandbox(&[]);
    pull(&sandbox, &server, &["imap"]);
    let _ = export(&sandbox).expect_code(0);
    for release in Release::ALL {
        let options = Options {
            release,
            ..Options::default()
        };
        let Some(dovecot) = Dovecot::start(&options) else {
            continue;
        };
        dovecot.adopt("ann", &sandbox.path("plain"));
        let opened = remembered(&dovecot);
        let list = dovecot.maildir("ann").join("dovecot-uidlist");
        let before = fs::read_to_string(&list).unwrap();
        let number = if release == Release::V2_3 { 6 } else { 7 };
        server.deliver("ann", &letters(number..number + 1));
        pull(&sandbox, &server, &["imap"]);
        let maildir = dovecot.maildir("ann").display().to_string();
        let output = sandbox.run(&["export", &maildir, "--keep-uids"]);
        let output = output.expect_code(0);
        let stderr = output.stderr();
        let note = format!("note: Dovecot has opened the mailbox of {}", list.display());
        assert!(stderr.contains(&note), "{stderr}");
        assert_eq!(fs::read_to_string(&list).unwrap(), before);
        // The owner of what is new is the one who exported.
        dovecot.deliver::<&str>("ann", &[]);
        let now = remembered(&dovecot);
        let (old, new) = (&opened.mailboxes[0].1, &now.mailboxes[0].1);
        assert_eq!(new[..old.len()], old[..]);
        assert!(new.len() > old.len());
        let log = dovecot.log();
        assert!(
            !log.contains("Error:") && !log.contains("Warning:"),
            "{log}"
        );
    }
}

#[test]
fn a_uid_of_a_file_that_was_removed_is_not_given_to_another_message() {
    let Some(server) = old_server(Release::V2_3) else {
        return;
    };
    let sandbox = sandbox(&[]);
    pull(&sandbox, &server, &["imap"]);
    let _ = export(&sandbox).expect_code(0);
    let removed = |name: &str| name.split(" :").nth(1).unwrap().to_owned();
    let list = fs::read_to_string(sandbox.path("plain/dovecot-uidlist")).unwrap();
    let base = removed(list.lines().nth(2).unwrap());
    for sub in ["cur", "new"] {
        for entry in fs::read_dir(sandbox.path("plain").join(sub)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_string_lossy().starts_with(&base) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
    let args = ["export", "plain", "--keep-uids", "subject:0"];
    let output = sandbox.run(&args).expect_code(0);
    assert!(
        output.stderr().contains("kept the UIDs of 3 messages"),
        "{output}"
    );
    let after = fs::read_to_string(sandbox.path("plain/dovecot-uidlist")).unwrap();
    assert_eq!(after, list);
    for release in Release::ALL {
        if let Some(served) = served(&sandbox, release) {
            assert_eq!(served.maildrop.len(), 3);
        }
    }
}

#[test]
fn a_uidl_that_the_server_gave_to_another_message_goes_there() {
    let Some(server) = Dovecot::start(&Options::default()) else {
        return;
    };
    let sandbox = sandbox(&[]);
    let serve = |uidls: &[&str], letters: &[String]| {
        let _ = fs::remove_dir_all(server.maildir("ann"));
        server.deliver("ann", letters);
        let mut list = "3 V7 N9 G0123456789abcdef0123456789abcdef\n".to_owned();
        for (n, uidl) in uidls.iter().enumerate() {
            let base = format!("{}.{n}.example.org", 1_000_000_000 + n);
            let _ = writeln!(list, "{} P{uidl} :{base}", n + 1);
        }
        fs::write(server.maildir("ann").join("dovecot-uidlist"), list).unwrap();
        server.deliver::<&str>("ann", &[]);
        pull(&sandbox, &server, &["pop3"]);
        let _ = export(&sandbox).expect_code(0);
        let there = pop3_fetch_all(server.pop3(), "ann", PASSWORD);
        let list = fs::read_to_string(sandbox.path("plain/dovecot-uidlist")).unwrap();
        (there, list)
    };
    let (a, b, c) = (
        &letters(0..1)[0],
        &letters(1..2)[0],
        letters(2..3)[0].clone() + "more\r\n",
    );
    let (_, list) = serve(&["u1", "u2"], &[a.clone(), b.clone()]);
    assert!(list.contains(" Pu1 :") && list.contains(" Pu2 :"), "{list}");
    let (there, list) = serve(&["u1", "u2", "u9"], &[c, b.clone(), a.clone()]);
    assert_eq!(list.matches(" P").count(), 3, "{list}");
    let dovecot = Dovecot::start(&Options::default()).unwrap();
    dovecot.adopt("ann", &sandbox.path("plain"));
    let sorted = |mut maildrop: Vec<Retrieved>| {
        maildrop.sort();
        maildrop
    };
    let here = pop3_fetch_all(dovecot.pop3(), "ann", PASSWORD);
    assert_eq!(sorted(here), sorted(there));
}

#[test]
fn a_first_export_that_knew_no_uids_is_named_as_that() {
    let Some(server) = old_server(Release::V2_3) else {
        return;
    };
    let sandbox = sandbox(&[]);
    pull(&sandbox, &server, &["pop3"]);
    // Both take the time for a UIDVALIDITY, and the server's is not to be that of the export.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let _ = export(&sandbox).expect_code(0);
    pull(&sandbox, &server, &["imap"]);
    let output = export(&sandbox).expect_code(0);
    let said = "kept the UIDs of 2 messages and the POP3 UIDLs of 4; new UIDs for 4\n\
                note: the first export knew no UIDs, and its own stay; an export into a new \
                directory gets the server's: INBOX\n";
    assert_eq!(output.stderr(), said);
    let output = sandbox.run(&["export", "another", "--keep-uids"]);
    let said = "kept the UIDs of 6 messages and the POP3 UIDLs of 4\n";
    assert_eq!(output.expect_code(0).stderr(), said);
}

#[test]
fn a_uidl_that_dovecot_cannot_keep_is_counted() {
    let (sandbox, _server) = pulled(vec![
        message("caf\u{e9}", "Subject: a\r\n\r\none\r\n"),
        message("plain", "Subject: b\r\n\r\ntwo\r\n"),
    ]);
    let output = export(&sandbox).expect_code(3);
    let said = "1 UIDL has characters that are not allowed: POP3 programs will fetch that message \
                again";
    let stderr = output.stderr();
    assert!(stderr.contains(said), "{stderr}");
    let list = fs::read_to_string(sandbox.path("plain/dovecot-uidlist")).unwrap();
    assert_eq!(list.matches(" P").count(), 1, "{list}");
    assert!(list.contains(" Pplain :"), "{list}");
}

#[test]
fn only_a_maildir_keeps_uids() {
    let (sandbox, _server) = pulled(vec![message("a", "Subject: a\r\n\r\none\r\n")]);
    for args in [
        &["x.mbox"][..],
        &["x", "--format", "html"],
        &["-"],
        &["imap:work"],
    ] {
        let args = [&["export", "--keep-uids"], args].concat();
        let output = sandbox.run(&args).expect_code(2);
        assert!(output.stderr().contains("--keep-uids"), "{output}");
    }
    assert!(!sandbox.path("x").exists());
}
