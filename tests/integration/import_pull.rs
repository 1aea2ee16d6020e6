//! The first pull after an import: a large mailbox that another program fetched until now is
//! recognised by its headers, and received a share at a time.

use crate::support::dovecot::{Dovecot, Options};
use crate::support::sandbox::{Sandbox, Stored};
use crate::support::scene::{Account, message, sandbox, server};

/// Three of these are more than one run receives of what is recognised.
const LARGE: usize = 100 << 20;
const LINE: &str = "a line of a large message, which is the same everywhere";

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

fn letter(n: usize, added: &str, text: &str) -> String {
    crlf(&format!(
        "Received: from mx.example.net by mail.example.org; Sat, 2 Aug 2025 10:00:0{n} +0000\n\
         From: bob@example.org\nSubject: letter {n}\nMessage-ID: <{n}@example.org>\n{added}\n{text}"
    ))
}

fn large(line: &str) -> String {
    let line = format!("{line}\n");
    line.repeat(LARGE / (line.len() + 1))
}

/// What the server has: three large ones, one of other text and equal size, one of other size.
fn served(text: &str) -> Vec<String> {
    let texts = [
        (3, "his text\n"),
        (0, text),
        (1, text),
        (2, text),
        (4, "more\ntext\n"),
    ];
    texts.map(|(n, text)| letter(n, "", text)).into()
}

/// The same as getmail and mutt have it.
fn write_copies(sandbox: &Sandbox, text: &str) {
    let added = "Status: RO\nX-Keywords:\n";
    let texts = [text, text, text, "her text\n", "text\n"];
    for (n, text) in texts.into_iter().enumerate() {
        let name = format!("in/cur/{n}.a:2,S");
        sandbox.write(&name, letter(n, added, text), 0o600);
    }
    let import = ["import", "in", "--account", "work", "--create"];
    let _ = sandbox.run(&import).expect_code(0);
}

fn found(sandbox: &Sandbox, query: &str) -> usize {
    let found = sandbox.run(&["list", query]).stdout();
    found.lines().filter(|line| line.contains("letter")).count()
}

/// Pulls twice, until all is received; `received` gives the number of messages so far, if known.
fn is_received_a_share_at_a_time(account: Account, received: &dyn Fn() -> Option<u64>) {
    let text = large(LINE);
    let sandbox = sandbox(&[account]);
    write_copies(&sandbox, &text);
    let first = sandbox.run(&["pull"]).expect_code(0);
    assert!(
        first
            .stderr()
            .contains("comparing the headers of 5 messages with those of 5 imported before"),
        "{first}"
    );
    // The one of another size, the other one of equal size, and two large ones.
    assert!(received().is_none_or(|n| n == 4), "{first}");
    assert_eq!(found(&sandbox, "is:recognised"), 1);
    let has_his = |stored: &Stored| stored.bytes.ends_with(b"his text\r\n");
    assert!(sandbox.messages("work").iter().any(has_his), "{first}");
    let _ = sandbox.run(&["audit", "work"]).expect_code(3);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert!(received().is_none_or(|n| n == 5));
    assert_eq!(found(&sandbox, "is:recognised"), 0);
    assert_eq!(sandbox.messages("work").len(), 7);
    let _ = sandbox.run(&["audit", "work", "--inbox"]).expect_code(0);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn a_large_maildrop_that_was_imported_is_received_a_share_at_a_time() {
    let letters = served(&large(LINE));
    let letters = letters.iter().enumerate();
    let messages = letters.map(|(n, text)| message(&format!("u{n}"), text));
    let server = server(messages.collect());
    is_received_a_share_at_a_time(Account::of("work", &server), &|| Some(server.retrs()));
}

#[test]
fn a_large_mailbox_that_was_imported_is_received_a_share_at_a_time() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &served(&large(LINE)));
    let account = Account::new("work", dovecot.imap().port(), "ann");
    is_received_a_share_at_a_time(account.with("protocol", "\"imap\""), &|| None);
}

#[test]
fn a_maildrop_whose_names_identify_nothing_is_received_whole_though_it_was_imported() {
    let text = large(LINE);
    let letters = served(&text);
    // Each name is the number of its message.
    let messages = (1..).zip(&letters);
    let messages = messages.map(|(n, text)| message(&n.to_string(), text));
    let server = server(messages.collect());
    let sandbox = sandbox(&[Account::of("work", &server)]);
    write_copies(&sandbox, &text);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(server.retrs(), letters.len() as u64);
    assert_eq!(found(&sandbox, "is:recognised"), 0);
}
