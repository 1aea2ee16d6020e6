//! Pulling every folder over IMAP, from a real server.

use crate::support::client::imap_fetch_mailbox;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::scene::{Account, sandbox};

fn mail(n: usize) -> Vec<u8> {
    format!(
        "From: ann@example.org\nSubject: number {n}\nMessage-ID: <{n}@example.org>\n\
         Date: Mon, 2 Nov 2026 10:00:00 +0000\n\nbody of {n}\n"
    )
    .into_bytes()
}

#[test]
fn every_folder_is_archived_and_a_second_run_fetches_nothing() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &(0..30).map(mail).collect::<Vec<_>>());
    dovecot.deliver_to("ann", ".Sent", &(30..40).map(mail).collect::<Vec<_>>());
    dovecot.deliver_to(
        "ann",
        ".Lists.rust",
        &(40..50).map(mail).collect::<Vec<_>>(),
    );
    let account = Account::new("work", dovecot.imap().port(), "ann").with("protocol", "\"imap\"");
    let sandbox = sandbox(&[account]);
    let first = sandbox.run(&["pull", "--create"]);
    assert!(first.stdout().contains("50 new"), "{first}");
    let _ = first.expect_code(0);
    for (folder, dir, count) in [
        ("INBOX", "", 30),
        ("Sent", ".Sent", 10),
        ("Lists/rust", ".Lists.rust", 10),
    ] {
        let mut there: Vec<Vec<u8>> = imap_fetch_mailbox(dovecot.imap(), "ann", PASSWORD, folder);
        let mut here: Vec<Vec<u8>> = sandbox
            .messages("work")
            .into_iter()
            .filter(|m| m.folder == dir)
            .map(|m| m.bytes)
            .collect();
        there.sort();
        here.sort();
        assert_eq!(here.len(), count, "{folder}");
        assert!(here == there, "{folder}");
    }
    sandbox.run(&["pull"]).expect(0, "", "");
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}
