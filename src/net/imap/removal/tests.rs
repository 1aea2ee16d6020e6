#![allow(clippy::unwrap_used)]
use super::*;
use crate::net::imap::folder::Access;
use crate::net::imap::mailbox::Mailbox;
use crate::net::imap::tests::{listing, play_as};

const SELECT: &str = "C: m1 SELECT \"INBOX\"
    S: * 3 EXISTS
    S: * OK [UIDVALIDITY 7]
    S: m1 OK [READ-WRITE] in
    ";

fn delete(caps: &str, script: &str, check: impl Fn(Result<Removal>)) {
    play_as(caps, &format!("{SELECT}{script}"), |session| {
        let mut folder = session.open(&Mailbox::inbox(), Access::Write).unwrap();
        check(folder.remove(&[listing(7, 5, 1), listing(7, 3, 1), listing(7, 4, 1)]));
    });
}

#[test]
fn exactly_the_given_uids_are_expunged() {
    delete(
        "UIDPLUS",
        "C: m2 UID STORE 3:5 +FLAGS.SILENT (\\Deleted)
         S: m2 OK
         C: m3 UID EXPUNGE 3:5
         S: * 1 EXPUNGE
         S: * 1 EXPUNGE
         S: * VANISHED 5
         S: m3 OK",
        |removal| assert_eq!(removal.unwrap(), Removal::Expunged),
    );
}

#[test]
fn without_uidplus_others_marks_are_left_alone() {
    delete(
        "",
        "C: m2 UID STORE 3:5 +FLAGS.SILENT (\\Deleted)
         S: m2 OK
         C: m3 UID FETCH 1:* (UID FLAGS)
         S: * 1 FETCH (UID 3 FLAGS (\\Deleted))
         S: * 2 FETCH (UID 9 FLAGS (\\Seen \\deleted))
         S: * 3 FETCH (UID 10 FLAGS ())
         S: m3 OK
         C: m4 UID STORE 3:5 -FLAGS.SILENT (\\Deleted)
         S: m4 OK",
        |removal| assert_eq!(removal.unwrap(), Removal::Kept(1)),
    );
    delete(
        "",
        "C: m2 UID STORE 3:5 +FLAGS.SILENT (\\Deleted)
         S: m2 OK
         C: m3 UID FETCH 1:* (UID FLAGS)
         S: * 1 FETCH (UID 3 FLAGS (\\Deleted))
         S: m3 OK
         C: m4 EXPUNGE
         S: m4 OK",
        |removal| assert_eq!(removal.unwrap(), Removal::Expunged),
    );
}

#[test]
fn what_the_server_left_out_is_marked_and_expunged_in_parts() {
    delete(
        "UIDPLUS",
        "C: m2 UID STORE 3:5 +FLAGS.SILENT (\\Deleted)
         S: m2 OK [MESSAGELIMIT 2 4] part
         C: m3 UID STORE 5 +FLAGS.SILENT (\\Deleted)
         S: m3 OK
         C: m4 UID STORE 3:4 +FLAGS.SILENT (\\Deleted)
         S: m4 OK
         C: m5 UID EXPUNGE 3:5
         S: * VANISHED 5
         S: * NO [MESSAGELIMIT 1 5] part
         S: m5 OK [HIGHESTMODSEQ 9] part
         C: m6 UID EXPUNGE 5
         S: m6 OK
         C: m7 UID EXPUNGE 4
         S: m7 OK
         C: m8 UID EXPUNGE 3
         S: m8 OK",
        |removal| assert_eq!(removal.unwrap(), Removal::Expunged),
    );
    delete(
        "UIDPLUS MESSAGELIMIT=2",
        "C: m2 UID STORE 3:4 +FLAGS.SILENT (\\Deleted)
         S: m2 OK
         C: m3 UID EXPUNGE 3:4
         S: m3 OK
         C: m4 UID STORE 5 +FLAGS.SILENT (\\Deleted)
         S: m4 NO [MESSAGELIMIT 2] no",
        |removal| {
            let error = removal.unwrap_err();
            assert!(error.to_string().contains("MESSAGELIMIT"), "{error}");
        },
    );
}

#[test]
fn a_mark_of_others_counts_wherever_a_list_was_cut() {
    delete(
        "MESSAGELIMIT=3",
        "C: m2 UID STORE 3:5 +FLAGS.SILENT (\\Deleted)
         S: m2 OK
         C: m3 UID FETCH 1:* (UID FLAGS)
         S: * 4 FETCH (UID 5 FLAGS (\\Deleted))
         S: * 3 FETCH (UID 4 FLAGS (\\Deleted))
         S: * 2 FETCH (UID 3 FLAGS (\\Deleted))
         S: m3 OK [MESSAGELIMIT 3 3] part
         C: m4 UID FETCH 1:2 (UID FLAGS)
         S: * 1 FETCH (UID 2 FLAGS (\\Deleted))
         S: m4 OK
         C: m5 UID STORE 3:5 -FLAGS.SILENT (\\Deleted)
         S: m5 OK",
        |removal| assert_eq!(removal.unwrap(), Removal::Kept(1)),
    );
}

#[test]
fn an_expunge_that_was_cut_is_sent_again_only_after_another_look() {
    let script = |answer: &str| {
        format!(
            "C: m2 UID STORE 3:5 +FLAGS.SILENT (\\Deleted)
             S: m2 OK
             C: m3 UID FETCH 1:* (UID FLAGS)
             S: m3 OK
             C: m4 EXPUNGE
             {answer}
             S: m4 OK [MESSAGELIMIT 2 4] part"
        )
    };
    let again = "
             C: m5 UID FETCH 1:* (UID FLAGS)
             S: m5 OK
             C: m6 EXPUNGE
             S: m6 OK";
    delete("", &(script("S: * 3 EXPUNGE") + again), |removal| {
        assert_eq!(removal.unwrap(), Removal::Expunged);
    });
    delete("", &script("S: * 3 EXISTS"), |removal| {
        assert!(
            matches!(removal, Err(Error::Protocol { .. })),
            "{removal:?}"
        );
    });
}

#[test]
fn a_refusal_expunges_nothing() {
    for script in [
        "C: m2 UID STORE 3:5 +FLAGS.SILENT (\\Deleted)\nS: m2 NO [NOPERM] no",
        "C: m2 UID STORE 3:5 +FLAGS.SILENT (\\Deleted)\nS: m2 OK\n
         C: m3 UID FETCH 1:* (UID FLAGS)\nS: m3 NO no",
    ] {
        delete("", script, |removal| {
            assert!(matches!(removal, Err(Error::Refused { .. })), "{removal:?}");
        });
    }
}

#[test]
fn nothing_is_deleted_by_uids_that_do_not_hold() {
    play_as("UIDPLUS", SELECT, |session| {
        let mut folder = session.open(&Mailbox::inbox(), Access::Write).unwrap();
        let error = folder.remove(&[listing(8, 3, 1)]).unwrap_err();
        assert!(error.to_string().contains("renumbered"), "{error}");
    });
    let examined = "C: m1 EXAMINE \"INBOX\"\nS: * OK [UIDVALIDITY 7]\nS: m1 OK";
    play_as("UIDPLUS", examined, |session| {
        let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
        let error = folder.remove(&[listing(7, 3, 1)]).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    });
    for answer in [
        "S: * OK [UIDVALIDITY 7]\nS: m1 OK [READ-ONLY]",
        "S: m1 OK [READ-WRITE]",
    ] {
        let selected = format!("C: m1 SELECT \"INBOX\"\n{answer}");
        play_as("UIDPLUS", &selected, |session| {
            let mut folder = session.open(&Mailbox::inbox(), Access::Write).unwrap();
            let error = folder.remove(&[listing(0, 3, 1)]).unwrap_err();
            assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        });
    }
}
