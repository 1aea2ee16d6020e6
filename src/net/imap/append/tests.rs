#![allow(clippy::unwrap_used)]
use super::*;
use crate::base::error::Error;
use crate::net::imap::folder::Access;
use crate::net::imap::tests::{Stream, play_as};

fn letter(octets: u64) -> AppendMessage {
    AppendMessage {
        octets,
        ..AppendMessage::default()
    }
}

fn send(appender: &mut Appender<'_, Stream>, key: u64, text: &str) -> Result<()> {
    let letter = letter(text.len() as u64);
    appender.send(key, &letter, &mut |piece| piece(text.as_bytes()))
}

fn verdicts(appender: &mut Appender<'_, Stream>) -> Vec<(u64, Verdict)> {
    let mut all = Vec::new();
    while let Some(verdict) = appender.take().unwrap() {
        all.push(verdict);
    }
    all
}

#[test]
fn messages_go_ahead_of_their_answers_which_are_told_apart() {
    play_as(
        "LITERAL+ UIDPLUS",
        "C: m1 APPEND \"INBOX\" {3+}
         C: one
         C: m2 APPEND \"INBOX\" {3+}
         C: two
         C: m3 APPEND \"INBOX\" {5+}
         C: three
         S: * 1 EXISTS
         S: m1 OK [APPENDUID 7 12] done
         S: m3 NO [TOOBIG] too long
         S: m2 OK done",
        |session| {
            let mut appender = session.appender(&Mailbox::inbox());
            for (key, text) in [(1, "one"), (2, "two"), (3, "three")] {
                send(&mut appender, key, text).unwrap();
            }
            let refused = Verdict::Refused(AppendRefusal::Message, "NO [TOOBIG] too long".into());
            assert_eq!(
                verdicts(&mut appender),
                [
                    (1, Verdict::Taken(Some(12))),
                    (3, refused),
                    (2, Verdict::Taken(None))
                ]
            );
        },
    );
}

#[test]
fn flags_and_date_stand_before_the_octets() {
    play_as(
        "LITERAL+",
        "C: m1 APPEND \"Sent\" (\\Seen $Junk) \" 5-Jan-2021 03:04:05 +0000\" {1+}
         C: x
         S: m1 OK",
        |session| {
            let sent = Mailbox::named(b"Sent".to_vec(), None, false);
            let letter = AppendMessage {
                flags: vec!["\\Seen".into(), "$Junk".into()],
                date: Some(1_609_815_845),
                octets: 1,
                utf8: false,
            };
            let mut appender = session.appender(&sent);
            appender.send(1, &letter, &mut |piece| piece(b"x")).unwrap();
            assert_eq!(verdicts(&mut appender), [(1, Verdict::Taken(None))]);
        },
    );
}

#[test]
fn without_literal_plus_the_server_gives_its_leave_first() {
    play_as(
        "",
        "C: m1 APPEND \"INBOX\" {3}
         S: + go on
         C: one
         S: m1 OK
         C: m2 APPEND \"INBOX\" {3}
         S: m2 NO [OVERQUOTA] full
         C: m3 APPEND \"INBOX\" {5}
         S: + go on
         C: three
         S: m3 NO [THROTTLED] slowly",
        |session| {
            let mut appender = session.appender(&Mailbox::inbox());
            for (key, text) in [(1, "one"), (2, "two"), (3, "three")] {
                send(&mut appender, key, text).unwrap();
            }
            assert_eq!(
                verdicts(&mut appender),
                [
                    (1, Verdict::Taken(None)),
                    (
                        2,
                        Verdict::Refused(AppendRefusal::Full, "NO [OVERQUOTA] full".into())
                    ),
                    (
                        3,
                        Verdict::Refused(AppendRefusal::Pause, "NO [THROTTLED] slowly".into())
                    ),
                ]
            );
        },
    );
}

#[test]
fn small_ones_go_ahead_where_only_these_may() {
    let long = "x".repeat(5_000);
    let script = format!(
        "C: m1 APPEND \"INBOX\" {{3+}}
         C: one
         S: m1 OK
         C: m2 APPEND \"INBOX\" {{5000}}
         S: + go on
         C: {long}
         S: m2 OK"
    );
    play_as("LITERAL-", &script, |session| {
        let mut appender = session.appender(&Mailbox::inbox());
        send(&mut appender, 1, "one").unwrap();
        send(&mut appender, 2, &long).unwrap();
        let keys: Vec<u64> = verdicts(&mut appender).iter().map(|v| v.0).collect();
        assert_eq!(keys, [1, 2]);
    });
}

#[test]
fn a_header_in_utf_8_is_said_to_be_one() {
    play_as(
        "LITERAL+",
        "C: m1 APPEND \"INBOX\" UTF8 (~{2+}
         C: é)
         S: m1 OK",
        |session| {
            let letter = AppendMessage {
                octets: 2,
                utf8: true,
                ..AppendMessage::default()
            };
            let mut appender = session.appender(&Mailbox::inbox());
            let body = &mut |piece: &mut dyn FnMut(&[u8]) -> Result<()>| piece("é".as_bytes());
            appender.send(1, &letter, body).unwrap();
            assert_eq!(verdicts(&mut appender), [(1, Verdict::Taken(None))]);
        },
    );
}

#[test]
fn a_connection_that_ends_gives_no_verdict() {
    for end in ["", "S: * BYE out of order", "S: m9 OK whose"] {
        let script = format!("C: m1 APPEND \"INBOX\" {{3+}}\nC: one\n{end}");
        play_as("LITERAL+", &script, |session| {
            let mut appender = session.appender(&Mailbox::inbox());
            send(&mut appender, 1, "one").unwrap();
            assert!(appender.take().is_err());
        });
    }
}

#[test]
fn a_message_of_another_length_than_announced_ends_the_session() {
    play_as("LITERAL+", "", |session| {
        let mut appender = session.appender(&Mailbox::inbox());
        let error = appender.send(1, &letter(5), &mut |piece| piece(b"one"));
        assert!(matches!(error, Err(Error::Protocol { .. })), "{error:?}");
    });
}

#[test]
fn so_many_are_under_way_and_no_more() {
    play_as("LITERAL+", "", |session| {
        let mut appender = session.appender(&Mailbox::inbox());
        assert!(!appender.is_full(u64::MAX));
        appender.under_way.push_back(WaitingAppends {
            tag: "m1".into(),
            key: 1,
            octets: 1,
        });
        appender.octets = 1;
        assert!(appender.is_full(AHEAD_OCTETS) && !appender.is_full(AHEAD_OCTETS - 1));
    });
}

#[test]
fn a_mailbox_is_made_and_subscribed_to() {
    play_as(
        "",
        "C: m1 CREATE \"INBOX.Entw&APw-rfe.2019\"
         S: m1 OK
         C: m2 SUBSCRIBE \"INBOX.Entw&APw-rfe.2019\"
         S: m2 NO later
         C: m3 CREATE \"INBOX.Files\"
         S: m3 NO [CANNOT] reserved
         C: m4 CREATE \"INBOX.Sent\"
         S: m4 NO [ALREADYEXISTS] there
         C: m5 SUBSCRIBE \"INBOX.Sent\"
         S: m5 OK",
        |session| {
            let space = Namespace {
                prefix: b"INBOX.".to_vec(),
                delimiter: Some(b'.'),
            };
            let mut create = |levels: &[&str]| {
                let levels: Vec<String> = levels.iter().map(ToString::to_string).collect();
                let mailbox = session.mailbox(&space, &levels);
                session.create(&mailbox).unwrap()
            };
            assert_eq!(create(&["Entwürfe", "2019"]), Created::Yes);
            let refused = Created::Refused {
                words: "NO [CANNOT] reserved".into(),
                by_name: true,
            };
            assert_eq!(create(&["Files"]), refused);
            assert_eq!(create(&["Sent"]), Created::Yes);
        },
    );
}

#[test]
fn the_limit_of_the_server_or_of_the_mailbox_is_found() {
    play_as("APPENDLIMIT=1000", "", |session| {
        assert_eq!(
            session.append_limit(&Mailbox::inbox()).unwrap(),
            Some(1_000)
        );
    });
    play_as(
        "APPENDLIMIT",
        "C: m1 STATUS \"INBOX\" (APPENDLIMIT)
         S: * STATUS INBOX (APPENDLIMIT 2000)
         S: m1 OK",
        |session| {
            assert_eq!(
                session.append_limit(&Mailbox::inbox()).unwrap(),
                Some(2_000)
            );
        },
    );
    play_as("", "", |session| {
        assert_eq!(session.append_limit(&Mailbox::inbox()).unwrap(), None);
    });
}

#[test]
fn the_flags_that_a_mailbox_keeps_are_told() {
    play_as(
        "",
        "C: m1 SELECT \"INBOX\"
         S: * OK [PERMANENTFLAGS (\\Seen $Junk \\*)] limited
         S: * OK [UIDVALIDITY 7]
         S: m1 OK",
        |session| {
            let folder = session.open(&Mailbox::inbox(), Access::Write).unwrap();
            let flags: Vec<&[u8]> = folder
                .permanent()
                .unwrap()
                .iter()
                .map(Vec::as_slice)
                .collect();
            assert_eq!(flags, [&b"\\Seen"[..], b"$Junk", b"\\*"]);
        },
    );
}
