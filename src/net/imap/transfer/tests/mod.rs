#![allow(clippy::unwrap_used)]
mod limits;
mod numbers;

use super::*;
use crate::base::error::ErrorKind;
use crate::mail::source::Source;
use crate::net::imap::folder::Access;
use crate::net::imap::fuzzing::assert_any_transfer;
use crate::net::imap::mailbox::Mailbox;
use crate::net::imap::tests::{Answers, listing, note, play_as};
use proptest::prelude::*;

const EXAMINE: &str = "C: m1 EXAMINE \"INBOX\"
    S: * OK [UIDVALIDITY 7]
    S: m1 OK
    ";

/// Fetches messages of 4 listed octets each.
fn fetch(caps: &str, uids: &[u32], script: &str, check: impl Fn(Result<()>, Answers)) {
    play_as(caps, &format!("{EXAMINE}{script}"), |session| {
        let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
        let wanted: Vec<_> = uids.iter().map(|uid| listing(7, *uid, 4)).collect();
        let mut answers = Answers::new();
        let outcome = folder.fetch(&wanted, &mut note(&mut answers));
        check(outcome, answers);
    });
}

/// The same where every message is answered one way or the other.
fn answers(uids: &[u32], script: &str, expected: &[(u32, Result<&str, &str>)]) {
    fetch("", uids, script, |outcome, answers| {
        outcome.unwrap();
        let expected: Answers = expected
            .iter()
            .map(|(uid, said)| {
                (
                    *uid,
                    said.as_ref().map(|s| (*s).into()).map_err(|s| (*s).into()),
                )
            })
            .collect();
        assert_eq!(answers, expected);
    });
}

#[test]
fn answers_are_matched_by_uid_only() {
    answers(
        &[5, 3],
        "C: m2 UID FETCH 3,5 (UID BODY.PEEK[])
         S: * 9 FETCH (UID 5 BODY[] {4}
         S: hi
         S: )
         S: * 9 EXPUNGE
         S: * 9 FETCH (UID 4 BODY[] {4}
         S: no
         S: )
         S: * 9 FETCH (UID 5 BODY[] {4}
         S: no
         S: )
         S: * 1 FETCH (FLAGS (\\Seen))
         S: * 9 FETCH (UID 3 BODY[] \"a\\\"b\")
         S: m2 OK",
        &[(5, Ok("hi\r\n")), (3, Ok("a\"b"))],
    );
}

#[test]
fn a_uid_may_come_behind_its_message() {
    answers(
        &[3],
        "C: m2 UID FETCH 3 (UID BODY.PEEK[])
         S: * 1 FETCH (BODY[] {4}
         S: hi
         S:  UID 3 FLAGS (\\Seen))
         S: m2 OK",
        &[(3, Ok("hi\r\n"))],
    );
}

#[test]
fn literals_that_lie_are_no_message() {
    for (script, words) in [
        (
            // Longer than announced.
            "S: * 1 FETCH (UID 3 BODY[] {4}
             S: hi
             S: and more
             S: )
             S: m2 OK",
            "not as long as announced",
        ),
        (
            // Shorter than announced: what follows is eaten, and then nothing comes.
            "S: * 1 FETCH (UID 3 BODY[] {400}
             S: hi
             S: )
             S: m2 OK",
            "closed the connection",
        ),
        (
            "S: * 1 FETCH (UID 3 BODY[] {4294967296}
             S: hi",
            "closed the connection",
        ),
        (
            "S: * 1 FETCH (UID 3 BODY[] {4}
             S: hi
             S:  UID 4)",
            "not as long as announced",
        ),
        ("S: * 1 FETCH (UID 3 BODY[] {-1}", "invalid literal size"),
        (
            "S: * 1 FETCH (UID 3 BODY[] {99999999999999999999}",
            "invalid literal size",
        ),
        ("S: * 1 FETCH (UID 3 ENVELOPE {1048577}", "too long"),
    ] {
        let script = format!("C: m2 UID FETCH 3 (UID BODY.PEEK[])\n{script}");
        fetch("", &[3], &script, |outcome, answers| {
            let error = outcome.unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.is_transient(), "{error}");
            assert_eq!(answers, [], "nothing was handed on as whole");
        });
    }
}

#[test]
fn a_good_bye_in_mid_fetch_is_an_error_with_its_words() {
    for (words, kind) in [
        ("Autologout", "it said \"BYE Autologout\""),
        ("[OVERQUOTA] Account exceeded bandwidth limits", "busy"),
    ] {
        let script = format!(
            "C: m2 UID FETCH 3 (UID BODY.PEEK[])
             S: * BYE {words}"
        );
        fetch("", &[3], &script, |outcome, _| {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreachable);
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let said = format!("{error}: {}", source.unwrap_or_default());
            assert!(said.contains(kind), "{said}");
        });
    }
}

#[test]
fn nothing_instead_of_a_message_is_a_refusal() {
    answers(
        &[1, 2, 3, 4],
        "C: m2 UID FETCH 1:4 (UID BODY.PEEK[])
         S: * 1 FETCH (UID 1 BODY[] NIL)
         S: * 2 FETCH (UID 2 BODY[])
         S: * 3 FETCH (UID 3 BODY[] \"\")
         S: * 4 FETCH (UID 4 BODY[] {0}
         S: )
         S: m2 OK",
        &[
            (1, Err(NIL)),
            (2, Err(NIL)),
            (3, Err(EMPTY)),
            (4, Err(EMPTY)),
        ],
    );
}

#[test]
fn a_message_that_was_passed_over_is_asked_for_alone() {
    answers(
        &[1, 2, 3, 4],
        "C: m2 UID FETCH 1:4 (UID BODY.PEEK[])
         S: * 1 FETCH (UID 1 BODY[] {2}
         S: 
         S: )
         S: m2 OK
         C: m3 UID FETCH 2 (UID FLAGS BODY.PEEK[])
         C: m4 UID FETCH 3 (UID FLAGS BODY.PEEK[])
         S: * 2 FETCH (UID 2 FLAGS ())
         S: m3 OK
         C: m5 UID FETCH 4 (UID FLAGS BODY.PEEK[])
         S: m4 OK
         S: * 4 FETCH (UID 4 FLAGS () BODY[] {2}
         S: 
         S: )
         S: m5 OK",
        &[
            (1, Ok("\r\n")),
            (2, Err(BODILESS)),
            (3, Err(GONE)),
            (4, Ok("\r\n")),
        ],
    );
}

#[test]
fn a_refused_set_is_halved_until_the_culprit_is_found() {
    answers(
        &[1, 2, 3],
        "C: m2 UID FETCH 1:3 (UID BODY.PEEK[])
         S: * 1 FETCH (UID 1 BODY[] {2}
         S: 
         S: )
         S: m2 NO [SERVERBUG] Internal error
         C: m3 UID FETCH 2 (UID BODY.PEEK[])
         C: m4 UID FETCH 3 (UID BODY.PEEK[])
         S: m3 NO [SERVERBUG] Internal error
         S: * 3 FETCH (UID 3 BODY[] {2}
         S: 
         S: )
         S: m4 OK",
        &[
            (1, Ok("\r\n")),
            (2, Err("NO [SERVERBUG] Internal error")),
            (3, Ok("\r\n")),
        ],
    );
}

#[test]
fn a_throttled_server_is_left_alone() {
    for words in [
        "[THROTTLED] slow down",
        "[LIMIT] too much",
        "Request is throttled. Suggested Backoff Time: 299961 milliseconds",
    ] {
        let script = format!("C: m2 UID FETCH 1:2 (UID BODY.PEEK[])\nS: m2 NO {words}");
        fetch("", &[1, 2], &script, |outcome, answers| {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Busy { .. }), "{error}");
            assert_eq!(error.reply(), Some(format!("NO {words}").as_str()));
            assert_eq!(answers, []);
        });
    }
}

#[test]
fn a_server_that_refuses_everything_for_now_is_busy() {
    for (refusal, busy) in [("NO [UNAVAILABLE] later", true), ("BAD what", false)] {
        // 16 messages: the set, its halves, its quarters, and one eighth.
        let script = format!(
            "C: m2 UID FETCH 1:16 (UID BODY.PEEK[])
             S: m2 {refusal}
             C: m3 UID FETCH 1:8 (UID BODY.PEEK[])
             C: m4 UID FETCH 9:16 (UID BODY.PEEK[])
             S: m3 {refusal}
             C: m5 UID FETCH 1:4 (UID BODY.PEEK[])
             S: m4 {refusal}
             C: m6 UID FETCH 5:8 (UID BODY.PEEK[])
             S: m5 {refusal}
             C: m7 UID FETCH 9:12 (UID BODY.PEEK[])
             S: m6 {refusal}
             C: m8 UID FETCH 13:16 (UID BODY.PEEK[])
             S: m7 {refusal}
             C: m9 UID FETCH 1:2 (UID BODY.PEEK[])
             S: m8 {refusal}
             C: m10 UID FETCH 3:4 (UID BODY.PEEK[])
             S: m9 {refusal}"
        );
        let uids: Vec<u32> = (1..=16).collect();
        fetch("", &uids, &script, |outcome, answers| {
            let error = outcome.unwrap_err();
            assert_eq!(matches!(error, Error::Busy { .. }), busy, "{error}");
            assert_eq!(error.reply(), Some(refusal));
            assert_eq!(answers, []);
        });
    }
}

#[test]
fn a_stand_in_is_a_refusal() {
    answers(
        &[3],
        "C: m2 UID FETCH 3 (UID BODY.PEEK[])
         S: * 1 FETCH (UID 3 BODY[] {84}
         S: Subject: Retrieval using the IMAP4 protocol failed for the following message: 19
         S: 
         S: )
         S: m2 OK",
        &[(3, Err(STAND_IN))],
    );
}

#[test]
fn two_commands_are_under_way_and_each_is_bounded() {
    let second = format!("{}:{}", SET + 1, 2 * SET);
    let third = 2 * SET + 1;
    let script = format!(
        "C: m2 UID FETCH 1:{SET} (UID BODY.PEEK[])
         C: m3 UID FETCH {second} (UID BODY.PEEK[])
         S: * BYE enough"
    );
    let uids: Vec<u32> = (1..=u32::try_from(third).unwrap()).collect();
    fetch("", &uids, &script, |outcome, _| {
        outcome.unwrap_err();
    });
    // By their listed size: two of these are more than one command may bring.
    let script = format!(
        "{EXAMINE}C: m2 UID FETCH 1 (UID BODY.PEEK[])
         C: m3 UID FETCH 2 (UID BODY.PEEK[])
         S: * BYE enough"
    );
    play_as("", &script, |session| {
        let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
        let wanted = [listing(7, 1, 40 << 20), listing(7, 2, 40 << 20)];
        let mut answers = Answers::new();
        folder.fetch(&wanted, &mut note(&mut answers)).unwrap_err();
    });
}

#[test]
fn headers_are_fetched_without_the_message() {
    let script = format!(
        "{EXAMINE}C: m2 UID FETCH 3:4 (UID BODY.PEEK[HEADER])
         S: * 1 FETCH (UID 3 BODY[HEADER] {{4}}
         S: hi
         S: )
         S: * 2 FETCH (UID 4 BODY[HEADER] {{0}}
         S: )
         S: m2 OK"
    );
    play_as("BINARY", &script, |session| {
        let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
        let mut answers = Answers::new();
        let wanted = [listing(7, 3, 10), listing(7, 4, 10)];
        folder.headers(&wanted, &mut note(&mut answers)).unwrap();
        assert_eq!(answers, [(3, Ok("hi\r\n".into())), (4, Ok(String::new()))]);
    });
}

const STRAY: &str = "C: m2 UID FETCH 3:4 (UID BODY.PEEK[])
     S: * 1 FETCH (UID 3 BODY[] {3}
     S| a<80>b
     S: )
     S: * 2 FETCH (UID 4 BODY[] {4}
     S: ok
     S: )
     S: m2 OK
     C: m3 UID FETCH 3 (UID BODY.PEEK[])
     C: m4 UID FETCH 3 (UID BINARY.PEEK[])
     S: * 1 FETCH (UID 3 BODY[] {3}
     S| a<80>b
     S: )
     S: m3 OK
     ";

#[test]
fn nuls_are_restored_by_binary_where_nothing_else_differs() {
    for (answer, message) in [
        (
            "S: * 1 FETCH (UID 3 BINARY[] ~{3}\nS| a<NUL>b\nS: )\nS: m4 OK",
            "a\0b",
        ),
        (
            "S: * 1 FETCH (UID 3 BINARY[] ~{3}\nS| a<NUL>c\nS: )\nS: m4 OK",
            "a\u{80}b",
        ),
        (
            "S: * 1 FETCH (UID 3 BINARY[] ~{2}\nS| a<NUL>\nS: )\nS: m4 OK",
            "a\u{80}b",
        ),
        ("S: m4 NO [UNKNOWN-CTE] no", "a\u{80}b"),
    ] {
        fetch(
            "BINARY",
            &[3, 4],
            &format!("{STRAY}{answer}"),
            |outcome, answers| {
                outcome.unwrap();
                assert_eq!(answers, [(4, Ok("ok\r\n".into())), (3, Ok(message.into()))]);
            },
        );
    }
}

#[test]
fn without_binary_a_message_is_what_came() {
    answers(
        &[3],
        "C: m2 UID FETCH 3 (UID BODY.PEEK[])
         S: * 1 FETCH (UID 3 BODY[] {3}
         S| a<80>b
         S: )
         S: m2 OK",
        &[(3, Ok("a\u{80}b"))],
    );
}

#[test]
fn uids_of_another_validity_are_never_asked_for() {
    play_as("", EXAMINE, |session| {
        let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
        let error = folder
            .fetch(&[listing(8, 3, 1)], &mut |_, _| Ok(()))
            .unwrap_err();
        assert!(error.to_string().contains("renumbered"), "{error}");
    });
}

#[test]
fn what_is_left_unread_is_drained_and_an_error_ends_the_transfer() {
    let script = format!(
        "{EXAMINE}C: m2 UID FETCH 3:4 (UID BODY.PEEK[])
         S: * 1 FETCH (UID 3 BODY[] {{4}}
         S: hi
         S: )
         S: * 1 FETCH (UID 4 BODY[] {{4}}
         S: hi
         S: )
         S: m2 OK"
    );
    play_as("", &script, |session| {
        let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
        let wanted = [listing(7, 3, 4), listing(7, 4, 4)];
        let mut bodies = 0;
        folder
            .fetch(&wanted, &mut |_, fetched| {
                bodies += usize::from(matches!(fetched, Fetched::Body(_)));
                Ok(())
            })
            .unwrap();
        assert_eq!(bodies, 2);
    });
    let stream = crate::net::imap::tests::Stream::new(&script, usize::MAX);
    let server = crate::net::imap::tests::server();
    let mut session =
        crate::net::imap::Session::resume(stream, &server, crate::base::secret::Mask::none());
    let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
    let outcome =
        folder.fetch(
            &[listing(7, 3, 4), listing(7, 4, 4)],
            &mut |_, fetched| match fetched {
                Fetched::Body(_) => Err(Error::Interrupted),
                _ => Ok(()),
            },
        );
    assert!(matches!(outcome, Err(Error::Interrupted)));
}

/// Pieces of what servers say, right and wrong, with literals of one octet.
fn piece() -> impl Strategy<Value = String> {
    let uid = 0_u32..6;
    prop_oneof![
        8 => uid.clone().prop_map(|uid| format!("* 1 FETCH (UID {uid} BODY[] {{1}}\r\nx)\r\n")),
        2 => uid.clone().prop_map(|uid| format!("* 1 FETCH (BODY[] {{1}}\r\nx UID {uid})\r\n")),
        1 => uid.clone().prop_map(|uid| format!("* 1 FETCH (UID {uid} BODY[] {{2}}\r\nx)\r\n")),
        1 => uid.clone().prop_map(|uid| format!("* 1 FETCH (UID {uid} BODY[] {{0}}\r\nx)\r\n")),
        2 => uid.clone().prop_map(|uid| format!("* 1 FETCH (UID {uid} FLAGS (\\Seen))\r\n")),
        2 => uid.clone().prop_map(|uid| format!("* 1 FETCH (UID {uid} BODY[] NIL)\r\n")),
        2 => uid.prop_map(|uid| format!("* 1 FETCH (UID {uid} BODY[] \"\u{80}\")\r\n")),
        1 => Just("* 1 EXPUNGE\r\n".to_owned()),
        1 => "[ -~]{0,12}\r\n",
        6 => (2_u32..12).prop_map(|tag| format!("m{tag} OK\r\n")),
        3 => (2_u32..12).prop_map(|tag| format!("m{tag} NO no\r\n")),
        1 => (2_u32..12).prop_map(|tag| format!("m{tag} NO [UNAVAILABLE] no\r\n")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_a_server_says_each_message_is_answered_once_or_the_transfer_fails(
        pieces in prop::collection::vec(piece(), 0..14),
        tail in prop::collection::vec("m[2-9] OK\r\n|m1[0-9] OK\r\n", 0..1),
        cut in 0_usize..40,
        binary in any::<bool>(),
    ) {
        let mut said = pieces.concat().into_bytes();
        if tail.is_empty() {
            said.truncate(said.len().saturating_sub(cut));
        }
        let answers = assert_any_transfer(&said, binary);
        for (_, answer) in answers {
            if let Ok(octets) = answer {
                prop_assert!(["x", "\u{c2}\u{80}"].contains(&octets.as_str()), "{}", octets);
            }
        }
    }
}
