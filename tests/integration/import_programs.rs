//! Mail that other programs fetched, imported with the fields that they add to their copies: the
//! first pull finds that it is all there.

use std::collections::{BTreeMap, BTreeSet};

use super::support::dovecot::{Dovecot, Options};
use super::support::sandbox::Sandbox;
use super::support::scene::{Account, message, sandbox, server};

/// How a program keeps its mail.
#[derive(Clone, Copy)]
enum MailStore {
    Maildir,
    /// The separator in front of each message.
    Mbox(&'static str),
}

/// A program, the fields that it puts in front of a message, and those behind its header.
struct Program {
    name: &'static str,
    store: MailStore,
    before: &'static str,
    after: &'static str,
}

const DATED: MailStore = MailStore::Mbox("From ann@example.org Sat Aug  2 10:00:05 2025");

const PROGRAMS: [Program; 17] = [
    Program {
        name: "Thunderbird",
        store: MailStore::Mbox("From - Sat Aug 02 10:00:05 2025"),
        before: "X-Account-Key: account3\nX-UIDL: 0000012b5f3a1c44\nX-Mozilla-Status: 0001\n\
            X-Mozilla-Status2: 00000000\nX-Mozilla-Keys:                                      \n",
        after: "",
    },
    Program {
        name: "getmail over POP3",
        store: MailStore::Maildir,
        before: "Return-Path: <bob@example.org>\nDelivered-To: ann\nReceived: from pop.example.org\n\
            \tby home.example.net with POP3 (getmail6 6.18.11 msgid:0000012b5f3a1c44)\n\
            \tfor <ann@localhost>; 02 Aug 2025 10:00:05 -0000\n",
        after: "",
    },
    Program {
        name: "getmail over IMAP from Gmail",
        store: MailStore::Maildir,
        before: "Return-Path: <bob@example.org>\nDelivered-To: unknown\nReceived: from imap.example.org\n\
            \tby home.example.net with IMAP4-SSL; 02 Aug 2025 10:00:05 -0000\n",
        after: "X-getmail-retrieved-from-mailbox: INBOX\nX-GMAIL-LABELS: \"\\\\Important\"\n\
            X-GMAIL-THRID: 1825647235166379166\nX-GMAIL-MSGID: 1825647235166379166\n\
            X-getmail-filter-classifier: ham\n",
    },
    Program {
        name: "fetchmail and an MDA",
        store: DATED,
        before: "Return-Path: <bob@example.org>\nX-Original-To: ann@localhost\nDelivered-To: ann@localhost\n\
            Received: from pop.example.org [192.0.2.7]\n\
            \tby home.example.net with POP3 (fetchmail-6.4.37)\n\
            \tfor <ann@localhost> (single-drop); Sat, 02 Aug 2025 12:00:05 +0200 (CEST)\n",
        after: "X-Fetchmail-Warning: no recipient addresses matched declared local names\nStatus: RO\n\
            Content-Length: 12\nLines: 1\n",
    },
    Program {
        name: "mpop",
        store: MailStore::Maildir,
        before: "Received: from pop.example.org (192.0.2.7) by home.example.net with POP3;\n\
            \tSat, 02 Aug 2025 12:00:05 +0200\n",
        after: "",
    },
    Program {
        name: "mbsync",
        store: MailStore::Maildir,
        before: "",
        after: "X-TUID: pZeunL7I8S5Y\n",
    },
    Program {
        name: "Evolution",
        store: DATED,
        before: "",
        after: "X-Evolution-POP3-UID: 0000012b5f3a1c44\nX-Evolution-Source: 1288220347.2934.3@home\n\
            X-Evolution: 0000001f-0010\n",
    },
    Program {
        name: "KMail",
        store: MailStore::Maildir,
        before: "",
        after: "Status: RO\nX-Status: OC\nX-KMail-EncryptionState:  \nX-KMail-SignatureState:  \n\
            X-KMail-MDN-Sent:  \nX-Length: 1307\nX-UID: 6\n",
    },
    Program {
        name: "mutt and Alpine",
        store: DATED,
        before: "",
        after: "X-IMAP: 1754128805 0000000003\nStatus: RO\nX-Status: A\nX-Keywords:\nX-UID: 2\n\
            Content-Length: 12\nLines: 1\n",
    },
    Program {
        name: "a mail spool of Dovecot",
        store: DATED,
        before: "",
        after: "X-IMAPbase: 1754128805 0000000003\nX-UID: 1\nStatus: RO\nX-Keywords: $Forwarded\n",
    },
    Program {
        name: "Gnus",
        store: MailStore::Maildir,
        before: "X-From-Line: ann@example.org Sat Aug  2 10:00:05 2025\n",
        after: "X-Gnus-Mail-Source: file:/var/mail/ann\nX-Gnus-Article-Number: 7   Sat Aug  2 2025\n\
            Lines: 1\nXref: home inbox:7\n",
    },
    Program {
        name: "VM",
        store: DATED,
        before: "X-VM-v5-Data: ([nil nil nil nil nil nil nil nil nil]\n\t[\"7\" \"Saturday\" nil])\n\
            X-VM-POP-Retrieved: (\"0000012b5f3a1c44\" \"ann\" nil)\n",
        after: "",
    },
    Program {
        name: "Rmail",
        store: DATED,
        before: "X-RMAIL-ATTRIBUTES: --E-----\nX-RMAIL-KEYWORDS: friends\n",
        after: "",
    },
    Program {
        name: "Google Takeout",
        store: MailStore::Mbox("From 1825647235166379166@xxx Sat Aug 02 10:00:05 +0000 2025"),
        before: "X-GM-THRID: 1825647235166379166\nX-Gmail-Labels: Inbox,Opened\n",
        after: "",
    },
    Program {
        name: "bogofilter",
        store: MailStore::Maildir,
        before: "",
        after: "X-Bogosity: Ham, tests=bogofilter, spamicity=0.000000, version=1.2.5\n",
    },
    Program {
        name: "POPFile",
        store: MailStore::Maildir,
        before: "",
        after: "X-Text-Classification: inbox\nX-POPFile-Link: http://127.0.0.1:8080/jump?view=7\n",
    },
    Program {
        name: "SpamBayes",
        store: MailStore::Maildir,
        before: "",
        after: "X-Spambayes-Classification: ham; 0.07\n",
    },
];

fn header(n: usize, name: &str) -> String {
    format!(
        "Received: from mx.example.org by pop.example.org; Sat, 2 Aug 2025 10:00:00 +0000\n\
         From: bob@example.org\nTo: ann@example.org\nSubject: letter for {name}\n\
         Date: Sat, 2 Aug 2025 09:59:58 +0000\nMessage-ID: <{n}@example.org>\n"
    )
}

fn body(name: &str) -> String {
    format!("from {name}\n")
}

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// What the server has.
fn served() -> Vec<String> {
    let letters = PROGRAMS.iter().enumerate();
    letters
        .map(|(n, program)| {
            crlf(&format!(
                "{}\n{}",
                header(n, program.name),
                body(program.name)
            ))
        })
        .collect()
}

/// What the programs have of it, as it is stored.
fn write_copies(sandbox: &Sandbox) -> BTreeMap<&'static str, Vec<u8>> {
    let mut copies = BTreeMap::new();
    for (n, program) in PROGRAMS.iter().enumerate() {
        let Program {
            name,
            store,
            before,
            after,
        } = program;
        let copy = format!("{before}{}{after}\n{}", header(n, name), body(name));
        match store {
            MailStore::Maildir => sandbox.write(&format!("in/{name}/cur/1.a:2,S"), &copy, 0o600),
            MailStore::Mbox(line) => sandbox.write(
                &format!("in/{name}.mbox"),
                format!("{line}\n{copy}\n"),
                0o600,
            ),
        };
        copies.insert(*name, crlf(&copy).into_bytes());
    }
    copies
}

/// Imports the copies, pulls, and finds nothing that was stored in addition.
#[track_caller]
fn nothing_is_stored_twice(account: Account) {
    let sandbox = sandbox(&[account]);
    let copies = write_copies(&sandbox);
    let args = ["import", "in", "--account", "work", "--create"];
    let _ = sandbox.run(&args).expect_code(0);
    let imported: BTreeSet<Vec<u8>> = copies.values().cloned().collect();
    let stored = || -> BTreeSet<Vec<u8>> {
        let all = sandbox.messages("work").into_iter();
        all.map(|stored| stored.bytes).collect()
    };
    assert_eq!(stored(), imported);
    let output = sandbox.run(&["pull"]).expect_code(0);
    let after = stored();
    for (name, copy) in &copies {
        let text = String::from_utf8_lossy(copy);
        let id = text
            .split("Message-ID: ")
            .nth(1)
            .unwrap()
            .split('\r')
            .next();
        let named = |bytes: &&Vec<u8>| String::from_utf8_lossy(bytes).contains(id.unwrap());
        assert_eq!(after.iter().filter(named).count(), 1, "{name}: {output}");
    }
    assert_eq!(after, imported);
    let inbox = sandbox.messages("work").into_iter();
    let inbox = inbox.filter(|stored| stored.folder.is_empty());
    assert_eq!(inbox.count(), PROGRAMS.len(), "{output}");
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn what_programs_add_to_their_copies_makes_no_second_message_over_pop3() {
    let letters = served();
    let letters = letters.iter().enumerate();
    let messages = letters.map(|(n, text)| message(&format!("u{n}"), text));
    let server = server(messages.collect());
    nothing_is_stored_twice(Account::of("work", &server));
    assert_eq!(server.retrs(), PROGRAMS.len() as u64);
}

#[test]
fn what_programs_add_to_their_copies_makes_no_second_message_over_imap() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &served());
    let account = Account::new("work", dovecot.imap().port(), "ann");
    nothing_is_stored_twice(account.with("protocol", "\"imap\""));
}

#[test]
fn a_field_that_offlineimap_added_to_the_server_s_copy_makes_no_second_message() {
    let letter = |added: &str| crlf(&format!("{}{added}\n{}", header(1, "her"), body("me")));
    let added = "X-OfflineIMAP-x422171562-6772-494e: 1148566864-0688365502996-v4.0.11\n";
    let server = server(vec![message("a", &letter(added))]);
    let sandbox = sandbox(&[Account::of("work", &server)]);
    sandbox.write("in/cur/1.a:2,S", letter(""), 0o600);
    let _ = sandbox
        .run(&["import", "in", "--account", "work", "--create"])
        .expect_code(0);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let stored: Vec<Vec<u8>> = sandbox
        .messages("work")
        .into_iter()
        .map(|s| s.bytes)
        .collect();
    assert_eq!(stored, [letter("").into_bytes()]);
}

#[test]
fn a_copy_whose_text_differs_is_another_message() {
    let letters = served();
    let letters = letters.iter().enumerate();
    let messages =
        letters.map(|(n, text)| message(&format!("u{n}"), &text.replace("from ", "of ")));
    let server = server(messages.collect());
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let copies = write_copies(&sandbox);
    let _ = sandbox
        .run(&["import", "in", "--account", "work", "--create"])
        .expect_code(0);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let stored = sandbox.messages("work").into_iter();
    let stored: BTreeSet<Vec<u8>> = stored.map(|stored| stored.bytes).collect();
    assert_eq!(stored.len(), 2 * copies.len());
    assert!(copies.values().all(|copy| stored.contains(copy)));
}
