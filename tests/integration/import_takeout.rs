//! An mbox file of Google Takeout: labels become folders and flags.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use super::support::output::Output;
use super::support::sandbox::Sandbox;
use super::support::scene::{Account, json_lines, message, sandbox, server};

fn letter(n: usize) -> String {
    format!(
        "From: bob@example.org\nSubject: letter {n}\nDate: Sat, 2 Aug 2025 09:59:58 +0000\n\
         Message-ID: <{n}@example.org>\n\nbody of {n}\n"
    )
}

/// A file with a message for each field of labels, as Takeout writes it.
fn takeout(labels: &[&str]) -> String {
    let one = |(n, labels): (usize, &&str)| {
        format!(
            "From 18256472351663791{n:02}@xxx Sat Aug 02 10:00:05 +0000 2025\n\
             X-GM-THRID: 18256472351663791{n:02}\nX-Gmail-Labels: {labels}\n\
             Delivered-To: ann@example.org\n{}\n",
            letter(n)
        )
    };
    let messages: Vec<String> = labels.iter().enumerate().map(one).collect();
    messages.concat()
}

fn with(labels: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    sandbox.write("All mail.mbox", takeout(labels), 0o600);
    sandbox
}

fn import(sandbox: &Sandbox, more: &[&str]) -> Output {
    let args = ["import", "All mail.mbox", "--account", "old", "--create"];
    sandbox.run(&[&args[..], more].concat()).expect_code(0)
}

/// Each message in each of its folders, as `NUMBER FOLDER FLAGS`.
fn placed(sandbox: &Sandbox) -> BTreeSet<String> {
    let all = sandbox.messages("old").into_iter();
    all.map(|stored| {
        let text = String::from_utf8_lossy(&stored.bytes).into_owned();
        let n = text.split("body of ").nth(1).unwrap().trim();
        let flags = stored.name.rsplit(',').next().unwrap();
        format!("{n} {} {flags}", stored.folder)
    })
    .collect()
}

fn set(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().map(ToString::to_string).collect()
}

#[test]
fn labels_of_takeout_become_folders_and_flags() {
    let sandbox = with(&[
        "Inbox,Unread,Important,Category Updates",
        "Inbox,Opened,Starred",
        "Archived,Sent,Opened",
        "Draft",
        "Spam,Unread",
        "Trash,Opened,Work",
        "Archived,Opened",
        "Work/Clients,Opened,Inbox",
        "=?UTF-8?Q?Posteingang,Ungelesen,Kategorie:_=22Neuigkeiten=22?=",
        "=?UTF-8?Q?Messages_archiv=C3=A9s,Ouvert,\"Culture,_=C3=A9v=C3=A9nements\"?=",
        "Inbox,IMAP_$Forwarded,IMAP_NotJunk",
    ]);
    let output = import(&sandbox, &[]);
    let wanted = [
        "0  ",
        "1  FS",
        "2 .Sent S",
        "3 .Drafts DS",
        "4 .Spam ",
        "5 .Trash S",
        "6 .Archive S",
        "7  S",
        "7 .Work.Clients S",
        "8  ",
        "9 .Culture, &AOk-v&AOk-nements S",
        "10  PS",
    ];
    assert_eq!(placed(&sandbox), set(&wanted), "{output}");
    let text = output.stdout();
    assert!(text.starts_with("11 messages, "), "{output}");
    assert!(
        text.contains(": 11 new (") && text.contains(", 0 already"),
        "{output}"
    );
    assert!(
        text.contains("11 messages went into folders by Gmail labels"),
        "{output}"
    );
    let lines = sandbox.ledger_lines();
    let marked = lines
        .iter()
        .filter(|line| line.contains("\"kw\":\"NotJunk\""));
    assert_eq!(marked.count(), 1);
    // The bytes are those of the file, labels and all.
    for stored in sandbox.messages("old") {
        assert!(stored.bytes.starts_with(b"X-GM-THRID: 18256472351663791"));
    }
    let again = import(&sandbox, &[]);
    assert!(again.stdout().contains(": 0 new ("), "{again}");
    assert!(
        again.stdout().contains(", 11 already in the vault"),
        "{again}"
    );
    assert_eq!(placed(&sandbox), set(&wanted));
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn a_message_with_several_labels_is_one_file_with_several_names() {
    let sandbox = with(&["Inbox,Work,Home/Garden,work/,Work", "Sent,Work"]);
    let output = import(&sandbox, &["--json"]);
    let summary = json_lines(&output.stdout).pop().unwrap();
    assert_eq!(
        (
            &summary["messages"],
            &summary["new"],
            &summary["duplicates"],
            &summary["labelled"]
        ),
        (&2.into(), &2.into(), &0.into(), &2.into())
    );
    let mail = sandbox.vault().join("mail/old");
    let inode = |folder: &str, n: usize| {
        let found = sandbox.messages("old").into_iter().find(|stored| {
            stored.folder == folder
                && String::from_utf8_lossy(&stored.bytes).contains(&format!("body of {n}"))
        });
        let name = found.unwrap_or_else(|| panic!("{folder} {n}")).name;
        let path = mail.join(folder).join("cur").join(name);
        fs::metadata(path).unwrap().ino()
    };
    assert_eq!(inode("", 0), inode(".Work", 0));
    assert_eq!(inode("", 0), inode(".Home.Garden", 0));
    assert_eq!(inode(".Sent", 1), inode(".Work", 1));
}

#[test]
fn labels_can_be_ignored() {
    let sandbox = with(&["Inbox,Unread", "Sent,Work"]);
    let output = import(&sandbox, &["--no-labels"]);
    assert_eq!(placed(&sandbox), set(&["0  ", "1  "]), "{output}");
    assert!(!output.stdout().contains("labels"), "{output}");
    let summary = json_lines(&import(&sandbox, &["--no-labels", "--json"]).stdout);
    assert_eq!(summary.last().unwrap()["labelled"], 0);
}

#[test]
fn a_dry_run_says_what_the_labels_would_do_and_makes_no_folder() {
    let sandbox = with(&["Inbox,Work", "Sent,Work"]);
    let output = import(&sandbox, &["-n"]);
    assert!(output.stdout().contains("2 would be new"), "{output}");
    assert!(
        output
            .stdout()
            .contains("2 messages would go into folders by Gmail labels"),
        "{output}"
    );
    assert!(!sandbox.vault().join("mail").exists());
}

#[test]
fn labelled_mail_goes_below_the_folder_that_is_asked_for() {
    let sandbox = with(&["Inbox,Opened", "Sent,Work,Opened"]);
    let _ = import(&sandbox, &["--into", "Gmail"]);
    let wanted = ["0 .Gmail S", "1 .Gmail.Sent S", "1 .Gmail.Work S"];
    assert_eq!(placed(&sandbox), set(&wanted));
}

#[test]
fn labels_that_a_sender_wrote_are_no_labels() {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    let line = "From ann@example.org Sat Aug  2 10:00:05 2025";
    let forged = format!("{line}\nReceived: x\nX-Gmail-Labels: Spam\n{}\n", letter(0));
    sandbox.write("All mail.mbox", forged, 0o600);
    let _ = import(&sandbox, &[]);
    assert_eq!(placed(&sandbox), set(&["0  "]));
}

#[test]
fn labels_with_any_bytes_cost_no_message() {
    let labels = [
        "=?UTF-8?Q?broken",
        "=?x-none?B?////?=",
        "=?UTF-8?B?4?=,Inbox",
        "\"never closed,Work",
        "../../etc,..,.,/a//b/",
        "~home,a.b\\c,&AOk-,R&D",
        "\u{7}bell,\u{0}",
        "CON,aux,\u{202e}txt",
        "Sent,sent,SENT",
    ];
    let long = "n".repeat(300);
    let all: Vec<&str> = labels.into_iter().chain([long.as_str()]).collect();
    let sandbox = with(&all);
    let output = import(&sandbox, &[]);
    let found: BTreeSet<String> = placed(&sandbox)
        .into_iter()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(found.len(), all.len(), "{output}");
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    assert!(!sandbox.path("etc").exists() && !sandbox.path("vault/etc").exists());
}

#[test]
fn what_came_with_labels_is_not_stored_again_by_the_first_pull() {
    let letters: Vec<String> = (0..2).map(|n| letter(n).replace('\n', "\r\n")).collect();
    let named = letters.iter().enumerate();
    let server = server(
        named
            .map(|(n, text)| message(&format!("u{n}"), text))
            .collect(),
    );
    let sandbox = sandbox(&[Account::of("old", &server)]);
    sandbox.write(
        "All mail.mbox",
        takeout(&["Inbox,Work", "Sent,Opened"]),
        0o600,
    );
    let _ = import(&sandbox, &[]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let contents: BTreeSet<Vec<u8>> = sandbox
        .messages("old")
        .into_iter()
        .map(|s| s.bytes)
        .collect();
    assert_eq!(contents.len(), 2);
}
