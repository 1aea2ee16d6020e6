#![allow(clippy::unwrap_used)]
use super::*;
use crate::base::error::ErrorKind;
use crate::net::imap::fuzzing::assert_any_session;
use crate::net::imap::mailbox::SpecialUse;
use crate::net::imap::tests::{Stream, login, play, play_as, server};
use crate::net::sasl::{Mechanism, Method};
use proptest::prelude::*;

fn greet(stream: Stream, encrypted: bool) -> Result<Session<Stream>> {
    let mut mask = Mask::none();
    mask.add("hunter2");
    Session::greet(stream, &server(), mask, encrypted)
}

#[test]
fn a_whole_session_from_greeting_to_good_bye() {
    play(
        "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready
         C: m1 AUTHENTICATE PLAIN AGFubgBodW50ZXIy
         S: m1 OK [CAPABILITY IMAP4rev1 ID ENABLE QRESYNC CONDSTORE UTF8=ACCEPT] in
         C: m2 ID (\"name\" \"mailvault\" \"version\" \"0.1.0\")
         S: * ID NIL
         S: m2 OK
         C: m3 ENABLE QRESYNC UTF8=ACCEPT
         S: * ENABLED QRESYNC
         S: m3 OK
         C: m4 LOGOUT
         S: * BYE see you
         S: m4 OK bye",
        |stream| {
            let mut session = greet(stream, true).unwrap();
            session.ask_capabilities().unwrap();
            session.login(&login(Method::Auto, true)).unwrap();
            assert!(session.qresync && !session.utf8);
            session.logout().unwrap();
        },
    );
}

#[test]
fn capabilities_are_asked_for_again_after_the_login() {
    play(
        "S: * OK hello
         C: m1 CAPABILITY
         S: * CAPABILITY IMAP4rev1 AUTH=PLAIN
         S: m1 OK
         C: m2 AUTHENTICATE PLAIN
         S: +
         C: AGFubgBodW50ZXIy
         S: m2 OK
         C: m3 CAPABILITY
         S: * CAPABILITY IMAP4rev1 LITERAL+
         S: m3 OK",
        |stream| {
            let mut session = greet(stream, true).unwrap();
            session.ask_capabilities().unwrap();
            session.login(&login(Method::Auto, true)).unwrap();
            assert!(session.caps.has("LITERAL+") && !session.caps.offers("PLAIN"));
        },
    );
}

#[test]
fn greetings_that_end_a_session() {
    for (greeting, encrypted, kind, words) in [
        (
            "* BYE too many connections",
            true,
            ErrorKind::Unreachable,
            "busy",
        ),
        ("* BYE not today", true, ErrorKind::Unreachable, "busy"),
        ("* NO down for repair", true, ErrorKind::Unreachable, "busy"),
        (
            "* PREAUTH welcome",
            false,
            ErrorKind::Failed,
            "skips the login",
        ),
        (
            "+OK hello",
            true,
            ErrorKind::Failed,
            "this is a POP3 server",
        ),
        (
            "220 ESMTP",
            true,
            ErrorKind::Failed,
            "\"220 ESMTP\" is not a valid reply",
        ),
    ] {
        play(&format!("S: {greeting}"), |stream| {
            let error = greet(stream, encrypted).unwrap_err();
            assert_eq!(error.kind(), kind, "{greeting}");
            assert!(error.to_string().contains(words), "{error}");
            if let Some(reply) = error.reply() {
                assert_eq!(format!("* {reply}"), greeting);
            }
        });
    }
    play("S: * PREAUTH welcome", |stream| {
        assert!(greet(stream, true).unwrap().preauth);
    });
    play("S| * OK half", |stream| {
        assert!(matches!(greet(stream, true), Err(Error::Lost { .. })));
    });
}

#[test]
fn starttls_fails_closed() {
    play(
        "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi
         C: m1 STARTTLS
         S: m1 OK go",
        |stream| {
            greet(stream, false).unwrap().start_tls().unwrap();
        },
    );
    play("S: * OK [CAPABILITY IMAP4rev1] hi", |stream| {
        let error = greet(stream, false).unwrap().start_tls().unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    });
    play(
        "S: * OK hi
         C: m1 STARTTLS
         S: m1 BAD what",
        |stream| {
            let error = greet(stream, false).unwrap().start_tls().unwrap_err();
            assert_eq!(error.reply(), Some("BAD what"));
        },
    );
}

#[test]
fn what_is_sent_in_clear_behind_starttls_is_not_taken_over_it() {
    let script = "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi
         C: m1 STARTTLS
         S: m1 OK go
         S: m2 OK injected";
    let stream = Stream::new(script, usize::MAX);
    let error = greet(stream, false).unwrap().start_tls().unwrap_err();
    assert!(error.to_string().contains("extra data before"), "{error}");
}

#[test]
fn a_disabled_login_is_respected() {
    play_as("IMAP4rev1 LOGINDISABLED", "", |session| {
        let error = session.login(&login(Method::Auto, false)).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        let error = session.login(&login(Method::User, false)).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    });
}

#[test]
fn an_unknown_mechanism_falls_through_and_a_refused_password_does_not() {
    play_as(
        "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=LOGIN",
        "C: m1 AUTHENTICATE PLAIN AGFubgBodW50ZXIy
         S: m1 NO Unsupported authentication mechanism
         C: m2 AUTHENTICATE LOGIN
         S: + VXNlcm5hbWU6
         C: YW5u
         S: + UGFzc3dvcmQ6
         C: aHVudGVyMg==
         S: m2 BAD what
         C: m3 LOGIN \"ann\" \"hunter2\"
         S: m3 NO [AUTHENTICATIONFAILED] hunter2 is wrong",
        |session| {
            let error = session.login(&login(Method::Auto, true)).unwrap_err();
            let Error::Auth { reply, certain, .. } = error else {
                panic!("{error}");
            };
            assert!(certain);
            assert_eq!(reply, "NO [AUTHENTICATIONFAILED] **** is wrong");
        },
    );
}

#[test]
fn a_refused_scram_is_followed_by_plain_once_unless_the_password_is_wrong() {
    let refused = |code: &str| {
        format!(
            "C: m1 AUTHENTICATE SCRAM-SHA-256-PLUS
             S: m1 NO {code}not for this account"
        )
    };
    let plain = "
         C: m2 AUTHENTICATE PLAIN
         S: +
         C: AGFubgBodW50ZXIy
         S: m2 OK [CAPABILITY IMAP4rev1] in";
    let caps = "AUTH=SCRAM-SHA-256-PLUS AUTH=PLAIN";
    let bound = || {
        let mut login = login(Method::Auto, true);
        login.credentials.channel_binding = Some(vec![1; 32]);
        login
    };
    play_as(caps, &(refused("") + plain), |session| {
        let login = bound();
        session.login(&login).unwrap();
        assert!(login.scram.is_news());
    });
    play_as(caps, &refused("[AUTHENTICATIONFAILED] "), |session| {
        let error = session.login(&bound()).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Auth {
                    certain: true,
                    scram: true,
                    ..
                }
            ),
            "{error:?}"
        );
    });
}

#[test]
fn refusals_of_a_login_are_told_apart() {
    for (words, kind) in [
        ("NO [UNAVAILABLE] directory down", ErrorKind::Unreachable),
        ("NO [CONTACTADMIN] blocked", ErrorKind::Failed),
        (
            "NO User is authenticated but not connected.",
            ErrorKind::Auth,
        ),
        ("NO LOGIN failed.", ErrorKind::Auth),
    ] {
        play_as(
            "IMAP4rev1",
            &format!("C: m1 LOGIN \"ann\" \"hunter2\"\nS: m1 {words}"),
            |session| {
                let error = session.login(&login(Method::Auto, true)).unwrap_err();
                assert_eq!(error.kind(), kind, "{words}");
                assert_eq!(error.reply(), Some(words));
            },
        );
    }
}

#[test]
fn a_server_that_does_not_prove_itself_is_not_believed() {
    play_as("IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256", "", |session| {
        // The nonce is random, so the script cannot await it.
        let login = login(Method::Sasl(Mechanism::ScramSha256Plus), true);
        let error = session.login(&login).unwrap_err();
        assert!(
            error.to_string().contains("needs a TLS certificate"),
            "{error}"
        );
    });
}

#[test]
fn passwords_in_other_alphabets_are_sent_as_literals() {
    play_as(
        "IMAP4rev1",
        "C: m1 LOGIN \"ann\" {7}
         S: + go
         C: pässwd
         S: m1 OK in
         C: m2 CAPABILITY
         S: * CAPABILITY IMAP4rev1
         S: m2 OK",
        |session| {
            let mut login = login(Method::Auto, true);
            login.credentials.secret = crate::base::secret::Secret::new("pässwd".into());
            session.login(&login).unwrap();
        },
    );
}

#[test]
fn a_refused_literal_is_not_sent() {
    play_as(
        "IMAP4rev1",
        "C: m1 LOGIN \"ann\" {7}
         S: m1 NO no literals here",
        |session| {
            let mut login = login(Method::Auto, true);
            login.credentials.secret = crate::base::secret::Secret::new("pässwd".into());
            let error = session.login(&login).unwrap_err();
            assert_eq!(error.reply(), Some("NO no literals here"));
        },
    );
}

#[test]
fn mailboxes_are_listed_with_everything_along() {
    play_as(
        "IMAP4rev1 LIST-EXTENDED SPECIAL-USE LIST-STATUS CONDSTORE",
        "C: m1 LIST \"\" \"*\" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))
         S: * LIST (\\HasNoChildren) \"/\" INBOX
         S: * STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 7 HIGHESTMODSEQ 12)
         S: * LIST (\\Trash) \"/\" \"Papierk&APY-rbe\"
         S: * LIST (\\Noselect) \"/\" {4}
         S: only
         S: * LIST (\\Noselect) \"/\" only
         S: m1 OK",
        |session| {
            let found = session.mailboxes().unwrap();
            let labels: Vec<_> = found.iter().map(|m| m.label.as_str()).collect();
            assert_eq!(labels, ["INBOX", "Papierkörbe", "only"]);
            assert_eq!(found[0].counts.unwrap().modseq, Some(12));
            assert_eq!(found[1].special, [SpecialUse::Trash]);
            assert!(!found[2].selectable);
        },
    );
}

#[test]
fn an_extended_list_that_is_refused_is_asked_for_plainly() {
    play_as(
        "IMAP4rev1 LIST-EXTENDED LIST-STATUS",
        "C: m1 LIST \"\" \"*\" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY))
         S: m1 BAD what
         C: m2 LIST \"\" \"*\"
         S: * LIST () \".\" INBOX.Sent
         S: * X-UNKNOWN (a (b)) {2}
         S: hi
         S: m2 OK",
        |session| {
            let found = session.mailboxes().unwrap();
            let labels: Vec<_> = found.iter().map(|m| m.label.as_str()).collect();
            assert_eq!(labels, ["INBOX", "INBOX.Sent"], "the inbox is always there");
        },
    );
}

#[test]
fn counts_are_asked_for_ahead_and_a_refusal_is_none() {
    play_as(
        "IMAP4rev1",
        "C: m1 STATUS \"a\" (MESSAGES UIDNEXT UIDVALIDITY)
         C: m2 STATUS \"b\" (MESSAGES UIDNEXT UIDVALIDITY)
         S: * STATUS a (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)
         S: m1 OK
         S: m2 NO not that one
         C: m3 STATUS {5}
         S: + go
         C: caf\u{e9} (MESSAGES UIDNEXT UIDVALIDITY)
         S: * STATUS {5}
         S| caf\u{e9}
         S:  (MESSAGES 5)
         S: m3 OK",
        |session| {
            let named = |raw: &str| {
                let mut mailbox = Mailbox::inbox();
                mailbox.raw = raw.into();
                mailbox
            };
            let mut all = [named("a"), named("b"), named("caf\u{e9}")];
            session.ask_counts(&mut all).unwrap();
            assert_eq!(all[0].counts.unwrap().uidnext, Some(2));
            assert_eq!(all[1].counts, None);
            assert_eq!(all[2].counts.unwrap().messages, Some(5));
        },
    );
}

#[test]
fn quota_and_namespace_are_asked_for_only_where_they_are_known() {
    play_as(
        "IMAP4rev1 QUOTA NAMESPACE",
        "C: m1 GETQUOTAROOT \"INBOX\"
         S: * QUOTAROOT INBOX \"User quota\"
         S: * QUOTA \"User quota\" (STORAGE 10 5120)
         S: m1 OK
         C: m2 NAMESPACE
         S: * NAMESPACE ((\"INBOX.\" \".\")) NIL NIL
         S: m2 OK",
        |session| {
            let quota = session.quota(&Mailbox::inbox()).unwrap();
            assert_eq!((quota[0].used, quota[0].limit), (10, 5120));
            assert_eq!(session.namespaces().unwrap().personal[0].prefix, b"INBOX.");
        },
    );
    play_as("IMAP4rev1", "", |session| {
        assert_eq!(session.quota(&Mailbox::inbox()).unwrap(), []);
        assert_eq!(session.namespaces().unwrap(), Namespaces::default());
    });
}

#[test]
fn the_end_of_a_session_may_be_abrupt_or_wordy() {
    play_as("", "C: m1 LOGOUT\nS: * BYE bye", |session| {
        let stream = session.stream_mut().clone();
        Session::resume(stream, &server(), Mask::none())
            .logout()
            .unwrap();
    });
    let endless = format!("C: m1 LOGOUT\n{}", "S: * BYE bye\n".repeat(16));
    play_as("", &endless, |session| {
        let stream = session.stream_mut().clone();
        Session::resume(stream, &server(), Mask::none())
            .logout()
            .unwrap();
    });
    play_as("", "C: m1 LOGOUT", |session| {
        let stream = session.stream_mut().clone();
        let ended = Session::resume(stream, &server(), Mask::none()).logout();
        assert!(matches!(ended, Err(Error::Lost { .. })), "{ended:?}");
    });
}

#[test]
fn literals_beyond_reason_end_the_session() {
    for (line, words) in [
        ("* LIST () \"/\" {4294967296}", "too long"),
        ("* LIST () \"/\" {-1}", "invalid literal size"),
        (
            "* LIST () \"/\" {18446744073709551616}",
            "invalid literal size",
        ),
    ] {
        play_as(
            "",
            &format!("C: m1 LIST \"\" \"*\"\nS: {line}"),
            |session| {
                let error = session.mailboxes().unwrap_err();
                assert!(error.to_string().contains(words), "{error}");
            },
        );
    }
}

#[test]
fn the_last_octet_of_a_literal_belongs_to_no_line_end() {
    play_as(
        "",
        "C: m1 LIST \"\" \"*\"
         S: * LIST () \"/\" {2}
         S| a<CR><LF>
         S: m1 OK",
        |session| {
            let found = session.mailboxes().unwrap();
            assert_eq!(found.last().unwrap().raw, b"a\r");
        },
    );
}

#[test]
fn answers_without_end_are_cut_off() {
    let script = format!("C: m1 LIST \"\" \"*\"\nS: * X {}", "a".repeat(5 << 20));
    let stream = Stream::new(&script, usize::MAX);
    let error = Session::resume(stream, &server(), Mask::none())
        .mailboxes()
        .unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}

proptest! {
    #[test]
    fn no_answers_break_a_session(
        lines in prop::collection::vec(prop_oneof![
            2 => "[*+m] ?[0-9]{0,2} [A-Z]{0,8} ?[()\"{}~\\[\\]0-9a-zA-Z\\\\ ]{0,30}\r\n".prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..30),
            1 => Just(b"* LIST () \"/\" {3}\r\na/b\r\n".to_vec()),
            1 => Just(b"* 1 FETCH (UID 2 FLAGS (a))\r\n".to_vec()),
            2 => (1_u32..9).prop_map(|tag| format!("m{tag} OK\r\n").into_bytes()),
        ], 0..30),
    ) {
        assert_any_session(&lines.concat());
    }
}
