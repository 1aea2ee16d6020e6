#![allow(clippy::unwrap_used)]
use super::*;
use crate::mail::source::Source as _;
use crate::mail::source::Uid;
use crate::net::imap::tests::{Stream, listing, play_as};

const EXAMINE: &str = "C: m1 EXAMINE \"INBOX\"
    S: * FLAGS (\\Seen)
    S: * 3 EXISTS
    S: * OK [UIDVALIDITY 7] ok
    S: * OK [UIDNEXT 12] ok
    S: * OK [MAILBOXID (F1)] ok
    S: m1 OK [READ-ONLY] done
    ";

fn with_folder(caps: &str, script: &str, run: impl Fn(Folder<'_, Stream>)) {
    play_as(caps, &format!("{EXAMINE}{script}"), |session| {
        run(session.open(&Mailbox::inbox(), Access::Read).unwrap());
    });
}

#[test]
fn an_open_mailbox_tells_what_it_is() {
    with_folder("", "", |folder| {
        let counts = folder.counts();
        assert_eq!(counts.uidvalidity, Some(7));
        assert_eq!((counts.messages, counts.uidnext), (Some(3), Some(12)));
        assert!(!folder.writable);
    });
}

#[test]
fn select_is_for_servers_that_cannot_examine() {
    for refusal in ["S: m1 NO no", "S: m1 BAD what", "S: * 1 EXISTS\nS: m1 OK"] {
        let script = format!(
            "C: m1 EXAMINE \"INBOX\"
             {refusal}
             C: m2 SELECT \"INBOX\"
             S: * OK [UIDVALIDITY 5]
             S: m2 OK [READ-WRITE] in"
        );
        play_as("", &script, |session| {
            let folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
            assert_eq!(folder.counts().uidvalidity, Some(5));
            assert!(!folder.writable, "it was opened for reading");
        });
    }
}

/// A mailbox whose UIDVALIDITY is 8 for EXAMINE and 9 from a SELECT on.
fn examined_as_8(rest: &str, recorded: Option<u32>, told: Option<u32>, uidvalidity: u32) {
    let script = format!(
        "C: m1 EXAMINE \"INBOX\"
         S: * OK [UIDVALIDITY 8]
         S: m1 OK [READ-ONLY] in
         {rest}"
    );
    play_as("", &script, |session| {
        let mut mailbox = Mailbox::inbox();
        mailbox.counts = Some(Counts {
            uidvalidity: told,
            ..Counts::default()
        });
        let folder = session.open_known(&mailbox, recorded).unwrap();
        assert_eq!(folder.counts().uidvalidity, Some(uidvalidity));
        assert!(!folder.writable, "it was opened for reading");
    });
}

#[test]
fn numbers_that_are_new_in_each_session_are_made_to_last_by_a_select() {
    let select = "C: m2 SELECT \"INBOX\"
         S: * OK [UIDVALIDITY 9]
         S: m2 OK [READ-WRITE] in";
    examined_as_8(select, Some(7), None, 9);
    examined_as_8(select, None, Some(7), 9);
    for known in [None, Some(8)] {
        examined_as_8("", known, known, 8);
    }
    let refused = "C: m2 SELECT \"INBOX\"
         S: m2 NO [NOPERM] no
         C: m3 EXAMINE \"INBOX\"
         S: * OK [UIDVALIDITY 8]
         S: m3 OK [READ-ONLY] in";
    examined_as_8(refused, Some(7), None, 8);
}

#[test]
fn a_uidvalidity_of_zero_is_none() {
    let script = "C: m1 SELECT \"INBOX\" (CONDSTORE)
         S: * OK [UIDVALIDITY 0]
         S: * OK [UIDNEXT 0]
         S: * OK [HIGHESTMODSEQ]
         S: m1 OK [READ-WRITE] in";
    play_as("CONDSTORE", script, |session| {
        let folder = session.open(&Mailbox::inbox(), Access::Write).unwrap();
        assert_eq!(folder.counts(), Counts::default());
        assert!(folder.writable);
    });
}

#[test]
fn a_mailbox_that_cannot_be_opened_leaves_the_session_usable() {
    let script = "C: m1 EXAMINE \"INBOX\"
         S: m1 NO [NONEXISTENT] no
         C: m2 SELECT \"INBOX\"
         S: m2 NO [NONEXISTENT] no
         C: m3 NAMESPACE
         S: m3 OK";
    play_as("NAMESPACE", script, |session| {
        let error = session.open(&Mailbox::inbox(), Access::Read).unwrap_err();
        assert_eq!(error.reply(), Some("NO [NONEXISTENT] no"));
        session.namespaces().unwrap();
    });
}

#[test]
fn every_message_is_listed_once_whatever_comes_between() {
    with_folder(
        "",
        "C: m2 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)
         S: * 1 FETCH (UID 2 FLAGS (\\Seen) INTERNALDATE \" 1-Jan-2020 00:00:00 +0000\" RFC822.SIZE 10)
         S: * 4 EXISTS
         S: * 2 FETCH (FLAGS ())
         S: * 1 FETCH (FLAGS (\\Answered) UID 2)
         S: * 1 EXPUNGE
         S: * OK [UNKNOWN-CODE a b] still here
         S: * X-STRANGE ((((a
         S: * 3 FETCH (RFC822.SIZE 12 UID 9 INTERNALDATE \"00-Jan-0000 00:00:00 +0000\" X-NEW (1 (2 \"3\")))
         S: * 2 FETCH (UID 5 RFC822.SIZE 9.3e+06)
         S: m2 OK [THROTTLED] done",
        |mut folder| {
            let listings = folder.list().unwrap();
            let rows: Vec<_> = (0..listings.len()).map(|row| listings.get(row)).collect();
            assert_eq!(rows[0], listing(7, 2, 10));
            assert_eq!(rows[1], listing(7, 9, 12));
            let uidvalidity = 7;
            assert_eq!(rows[2].uid, Uid::Imap { uidvalidity, uid: 5 });
            assert_eq!((rows[2].octets, rows.len()), (None, 3));
        },
    );
}

#[test]
fn only_newer_rows_are_told_and_all_that_is_offered_is_asked_for() {
    with_folder(
        "OBJECTID X-GM-EXT-1",
        "C: m2 UID FETCH 11:* (UID FLAGS INTERNALDATE RFC822.SIZE EMAILID X-GM-MSGID X-GM-LABELS)
         S: * 3 FETCH (UID 10 FLAGS () EMAILID (M1))
         S: * 4 FETCH (UID 11 FLAGS (a b) EMAILID (M2) X-GM-MSGID 5 X-GM-LABELS (\\Inbox {3}
         S: a b))
         S: m2 OK",
        |mut folder| {
            let mut rows = Vec::new();
            let count = folder.rows(11, &mut |row| {
                rows.push(row);
                Ok(())
            });
            assert_eq!((count.unwrap(), rows.len()), (1, 1));
            assert_eq!(rows[0].email_id.as_deref(), Some(&b"M2"[..]));
            assert_eq!(rows[0].gmail_id, Some(5));
            assert_eq!(rows[0].labels, [&b"\\Inbox"[..], b"a b"]);
        },
    );
    with_folder("", "", |mut folder| {
        assert_eq!(folder.rows(12, &mut |_| Ok(())).unwrap(), 0, "no command");
    });
}

#[test]
fn one_message_without_a_size_hides_no_other() {
    with_folder(
        "",
        "C: m2 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)
         S: * 1 FETCH (UID 2 RFC822.SIZE 10)
         S: m2 NO [SERVERBUG] internal error
         C: m3 UID FETCH 1:* (UID FLAGS)
         S: * 1 FETCH (UID 2 FLAGS ())
         S: * 2 FETCH (UID 3 FLAGS ())
         S: m3 OK",
        |mut folder| {
            let listings = folder.list().unwrap();
            assert_eq!((listings.len(), listings.octets_of(0)), (2, Some(10)));
        },
    );
}

#[test]
fn a_list_that_breaks_off_is_an_error() {
    for (script, words) in [
        (
            "S: * 1 FETCH (UID 2 RFC822.SIZE 10)",
            "closed the connection",
        ),
        ("S: * 1 FETCH (UID 2 (((", "has no shape"),
        ("S: * BYE [UNAVAILABLE] going down", "busy"),
        ("S: * BYE idle for too long", "closed the connection"),
        ("S: m9 OK", "another command"),
    ] {
        let script = format!("C: m2 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)\n{script}");
        with_folder("", &script, |mut folder| {
            let error = folder.list().unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        });
    }
}

fn changes(folder: &mut Folder<'_, Stream>, known: Option<KnownMailbox>) -> (Vec<String>, Scope) {
    let mut told = Vec::new();
    let scope = folder.changes(known, &mut |change| {
        told.push(match change {
            Change::Flags(row) => format!("{}", row.uid),
            Change::Vanished(range) => format!("-{}..{}", range.start(), range.end()),
        });
        Ok(())
    });
    (told, scope.unwrap())
}

const KNOWN: KnownMailbox = KnownMailbox {
    modseq: 90,
    messages: 3,
    uidnext: 12,
};

fn with_modseq(script: &str, qresync: bool, run: impl Fn(Folder<'_, Stream>)) {
    let script = format!(
        "C: m1 EXAMINE \"INBOX\"
         S: * 3 EXISTS
         S: * OK [UIDVALIDITY 7]
         S: * OK [UIDNEXT 12]
         S: * OK [HIGHESTMODSEQ 99]
         S: m1 OK
         {script}"
    );
    play_as("", &script, |session| {
        session.qresync = qresync;
        run(session.open(&Mailbox::inbox(), Access::Read).unwrap());
    });
}

#[test]
fn changes_are_told_by_qresync() {
    with_modseq(
        "C: m2 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 90 VANISHED)
         S: * VANISHED (EARLIER) 4:5,8
         S: * 1 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (95))
         S: m2 OK",
        true,
        |mut folder| {
            let known = KnownMailbox {
                messages: 5,
                ..KNOWN
            };
            let (told, scope) = changes(&mut folder, Some(known));
            assert_eq!(told, ["-4..5", "-8..8", "2"]);
            assert_eq!(scope, Scope::Changes);
        },
    );
}

#[test]
fn condstore_suffices_where_nothing_came_or_went() {
    with_modseq(
        "C: m2 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 90)
         S: * 1 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (95))
         S: m2 OK",
        false,
        |mut folder| {
            let told = changes(&mut folder, Some(KNOWN));
            assert_eq!(told, (vec!["2".to_owned()], Scope::Changes));
            let same = KnownMailbox {
                modseq: 99,
                ..KNOWN
            };
            assert_eq!(changes(&mut folder, Some(same)), (vec![], Scope::Changes));
        },
    );
}

#[test]
fn condstore_suffices_where_messages_only_came() {
    let script = "C: m2 UID FETCH 11:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)
         S: * 3 FETCH (UID 11 FLAGS () RFC822.SIZE 9)
         S: m2 OK";
    let since = "C: m3 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 90)
         S: * 3 FETCH (UID 11 FLAGS () MODSEQ (99))
         S: m3 OK";
    let all = "C: m3 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)
         S: * 3 FETCH (UID 11 FLAGS ())
         S: m3 OK";
    // One came, and of three that were there one went.
    for (messages, answer, scope) in [(2, since, Scope::Changes), (3, all, Scope::Everything)] {
        with_modseq(&format!("{script}\n{answer}"), false, |mut folder| {
            assert_eq!(folder.rows(11, &mut |_| Ok(())).unwrap(), 1);
            let known = KnownMailbox {
                messages,
                uidnext: 11,
                ..KNOWN
            };
            assert_eq!(
                changes(&mut folder, Some(known)),
                (vec!["11".into()], scope)
            );
        });
    }
}

#[test]
fn otherwise_everything_is_told() {
    with_modseq(
        "C: m2 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)
         S: * 1 FETCH (UID 2 FLAGS (\\Seen))
         S: * 2 FETCH (UID 3 FLAGS ())
         S: m2 OK",
        false,
        |mut folder| {
            let known = KnownMailbox {
                messages: 5,
                ..KNOWN
            };
            let (told, scope) = changes(&mut folder, Some(known));
            assert_eq!(
                (told, scope),
                (vec!["2".into(), "3".into()], Scope::Everything)
            );
        },
    );
}

#[test]
fn what_others_delete_meanwhile_is_counted() {
    with_folder(
        "",
        "C: m2 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)
         S: * 1 FETCH (UID 5 FLAGS () RFC822.SIZE 9)
         S: * 2 EXPUNGE
         S: * VANISHED 8:9
         S: * VANISHED (EARLIER) 1:3
         S: m2 OK",
        |mut folder| {
            assert_eq!(folder.rows(1, &mut |_| Ok(())).unwrap(), 1);
            assert_eq!(folder.expunged(), 3);
        },
    );
}
