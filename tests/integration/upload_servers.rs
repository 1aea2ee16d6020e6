//! Uploads to real servers that count and refuse in their own ways.

use crate::support::jail::USER;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, sandbox};
use crate::support::servers::PopServer;

fn mail(n: usize, end: &str) -> String {
    format!(
        "From: bob@example.org\r\nSubject: letter {n}\r\nMessage-ID: <{n}@example.org>\r\n\
         Date: Sat, 2 Aug 2025 10:00:0{n} +0000\r\n\r\nthe text{end}"
    )
}

/// A vault with these messages, and an account for the server.
fn vault(server: &PopServer, mail: &[String]) -> Sandbox {
    let account = Account::new("home", server.address().port(), USER)
        .with("protocol", "\"imap\"")
        .with("auth", "\"user\"");
    let sandbox = sandbox(&[account]);
    for (n, mail) in mail.iter().enumerate() {
        sandbox.write(&format!("in/cur/{n}.a:2,"), mail, 0o600);
    }
    let import = ["import", "in", "--account", "old", "--create"];
    let _ = sandbox.run(&import).expect_code(0);
    sandbox
}

#[test]
fn courier_counts_what_was_uploaded_to_the_open_mailbox() {
    let Some(server) = PopServer::courier_imap() else {
        return;
    };
    server.deliver::<&[u8]>(&[]);
    let sandbox = vault(&server, &[1, 2, 3].map(|n| mail(n, "\r\n")));
    let upload = sandbox.run(&["export", "imap:home"]).expect_code(0);
    assert_eq!(upload.stdout(), "3 messages put into INBOX of home.\n");
    let again = sandbox.run(&["export", "imap:home"]).expect_code(0);
    assert_eq!(
        again.stdout().lines().next(),
        Some("all 3 messages are in home already")
    );
}

#[test]
fn cyrus_takes_messages_whatever_their_last_line() {
    let Some(server) = PopServer::cyrus_imap() else {
        return;
    };
    let ends = ["\r\n", "", "\rand more\r\n", "\r\r\n"];
    let letters = (0..).zip(ends).map(|(n, end)| mail(n, end));
    let sandbox = vault(&server, &letters.collect::<Vec<_>>());
    let upload = sandbox.run(&["export", "imap:home"]).expect_code(0);
    assert_eq!(upload.stdout(), "4 messages put into INBOX of home.\n");
    let _ = sandbox.run(&["export", "imap:home"]).expect_code(0);
    let came = sandbox.run(&["pull", "home", "--create"]).expect_code(0);
    assert_eq!(sandbox.messages("home").len(), 4, "{came}");
}

#[test]
fn a_folder_name_that_cyrus_refuses_is_changed_and_told() {
    let Some(server) = PopServer::cyrus_imap() else {
        return;
    };
    let sandbox = vault(&server, &[mail(0, "\r\n")]);
    for (n, name) in ["A:B", "A\\C"].iter().enumerate() {
        let text = format!("From a\n{}", mail(n + 1, "\n"));
        let file = format!("{n}.mbox");
        sandbox.write(&file, text, 0o600);
        let into = ["import", &file, "--account", "old", "--into", name];
        let _ = sandbox.run(&into).expect_code(0);
    }
    let check = sandbox.run(&["export", "imap:home", "--check"]);
    let check = check.stdout() + &check.stderr();
    assert!(check.contains("may refuse \\ in A\\C"), "{check}");
    let upload = sandbox.run(&["export", "imap:home"]).expect_code(0);
    let told = upload.stderr();
    assert!(!told.contains("A:B"), "{told}");
    assert!(
        told.contains("refused the folder name A\\C; its messages are in A_C"),
        "{told}"
    );
    let again = sandbox.run(&["export", "imap:home"]).expect_code(0);
    assert_eq!(
        again.stdout().lines().next(),
        Some("all 3 messages are in home already"),
        "{again}"
    );
    let came = sandbox.run(&["pull", "home", "--create"]).expect_code(0);
    let folders: Vec<_> = (sandbox.messages("home").into_iter())
        .map(|message| message.folder)
        .collect();
    assert_eq!(folders.len(), 3, "{came}");
    assert!(
        folders.iter().any(|folder| folder.contains("A_C")),
        "{folders:?}"
    );
}
