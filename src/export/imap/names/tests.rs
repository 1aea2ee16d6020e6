#![allow(clippy::unwrap_used, clippy::format_push_string)]
use super::*;
use crate::base::error::Endpoint;
use crate::base::secret::Mask;
use std::io;

/// A server that has said everything already.
#[derive(Debug)]
struct Said(io::Cursor<Vec<u8>>);

impl Read for Said {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Said {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What folders become on a server with these rows of LIST, and this NAMESPACE.
fn goals(namespace: &str, rows: &[&str], folders: &[&str]) -> Vec<(String, bool)> {
    let (names, session) = learned(namespace, rows);
    let goal = |folder: &&str| {
        let goal = names.goal(&session, &levels(folder));
        (String::from_utf8(goal.mailbox.raw).unwrap(), goal.missing)
    };
    folders.iter().map(goal).collect()
}

fn levels(folder: &str) -> Vec<String> {
    folder.split('/').map(str::to_owned).collect()
}

fn learned(namespace: &str, rows: &[&str]) -> (FolderNames, Session<Said>) {
    let mut said = String::from("* CAPABILITY IMAP4rev1 NAMESPACE\r\nm1 OK\r\n");
    if namespace.is_empty() {
        said = said.replace(" NAMESPACE", "");
    } else {
        said += &format!("* NAMESPACE {namespace} NIL NIL\r\nm2 OK\r\n");
    }
    for row in rows {
        said += &format!("* LIST {row}\r\n");
    }
    said += if namespace.is_empty() {
        "m2 OK\r\n"
    } else {
        "m3 OK\r\n"
    };
    let server = Endpoint {
        host: "mail.example.org".into(),
        port: 993,
    };
    let stream = Said(io::Cursor::new(said.into_bytes()));
    let mut session = Session::resume(stream, &server, Mask::none());
    session.ask_capabilities().unwrap();
    let names = FolderNames::learn(&mut session).unwrap();
    (names, session)
}

fn names(goals: &[(String, bool)]) -> Vec<&str> {
    goals.iter().map(|goal| goal.0.as_str()).collect()
}

#[test]
fn prefix_and_delimiter_are_those_of_the_server() {
    let folders = ["INBOX", "Work/2019", "INBOX/Old", "a.b", "Entwürfe/x"];
    let courier = goals("((\"INBOX.\" \".\"))", &["() \".\" INBOX"], &folders);
    assert_eq!(
        names(&courier),
        [
            "INBOX",
            "INBOX.Work.2019",
            "INBOX.Old",
            "INBOX.a_b",
            "INBOX.Entw&APw-rfe.x"
        ]
    );
    let plain = goals("((\"\" \"/\"))", &["() \"/\" INBOX"], &folders);
    assert_eq!(
        names(&plain),
        ["INBOX", "Work/2019", "INBOX/Old", "a.b", "Entw&APw-rfe/x"]
    );
    assert!(plain[1].1 && !plain[0].1);
    let flat = goals("((\"\" NIL))", &["() NIL INBOX"], &["Work/2019"]);
    assert_eq!(names(&flat), ["Work-2019"]);
}

#[test]
fn a_server_that_does_not_tell_is_guessed_from_its_mailboxes() {
    let rows = ["() \".\" INBOX", "() \".\" INBOX.Sent"];
    let found = goals("", &rows, &["Sent", "New"]);
    assert_eq!(names(&found), ["INBOX.Sent", "INBOX.New"]);
    assert!(!found[0].1 && found[1].1);
    let rows = ["() \".\" INBOX", "() \".\" INBOX.Sent", "() \".\" Other"];
    assert_eq!(names(&goals("", &rows, &["New"])), ["New"]);
}

#[test]
fn a_folder_for_a_purpose_goes_where_the_server_has_it() {
    let rows = [
        "() \"/\" INBOX",
        "(\\Sent) \"/\" \"Sent Items\"",
        "() \"/\" Sent",
        "(\\Junk) \"/\" Spam",
        "(\\Archive) \"/\" Archives",
    ];
    let folders = [
        "Sent",
        "Gesendet",
        "[Gmail]/Sent Mail",
        "Junk",
        "[Gmail]/All Mail",
        "Old/Sent",
    ];
    assert_eq!(
        names(&goals("((\"\" \"/\"))", &rows, &folders)),
        [
            "Sent Items",
            "Sent Items",
            "Sent Items",
            "Spam",
            "Archives",
            "Old/Sent"
        ]
    );
    let untold = [
        "() \"/\" INBOX",
        "() \"/\" \"Sent Messages\"",
        "() \"/\" trash",
    ];
    assert_eq!(
        names(&goals(
            "((\"\" \"/\"))",
            &untold,
            &["Sent", "Trash", "Drafts"]
        )),
        ["Sent Messages", "trash", "Drafts"]
    );
}

#[test]
fn a_name_that_only_holds_others_is_made_a_mailbox() {
    let rows = ["() \"/\" INBOX", "(\\Noselect) \"/\" Lists"];
    assert_eq!(
        goals("((\"\" \"/\"))", &rows, &["Lists"]),
        [("Lists".to_owned(), true)]
    );
}

#[test]
fn names_that_are_changed_or_may_be_refused_are_told() {
    let rows = ["() \".\" INBOX", "() \".\" there.it"];
    let (names, session) = learned("((\"\" \".\"))", &rows);
    let told = |folder: &str| {
        let levels = levels(folder);
        names
            .remarks(&levels, &names.goal(&session, &levels))
            .join("\n")
    };
    for quiet in ["INBOX", "Work/2019", "there/it", "Sent"] {
        assert_eq!(told(quiet), "", "{quiet}");
    }
    for (folder, wanted) in [
        ("Inbox", "means the inbox there"),
        ("a.b", "gets _ for ., which separates levels"),
        ("a\u{7}b", "control characters"),
        ("50%", "control characters, * and %"),
        ("#news", "may be refused: some servers reserve"),
        ("~ann", "may be refused"),
    ] {
        assert!(told(folder).contains(wanted), "{}", told(folder));
    }
    let long = told(&"ä".repeat(90));
    assert!(long.contains("may be refused: its name has"), "{long}");
    let (names, session) = learned("((\"\" NIL))", &["() NIL INBOX"]);
    let levels = levels("Work/2019");
    let told = names.remarks(&levels, &names.goal(&session, &levels));
    assert_eq!(told, ["Work/2019 gets - for /: that server has no levels"]);
}
