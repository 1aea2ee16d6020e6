//! Each event as bytes, and back.
#![allow(clippy::unwrap_used)]

mod events;

use std::fs;

use proptest::prelude::*;

use super::encode;
use crate::base::error::Error;
use crate::mail::message::Hash128;
use crate::mail::source::{ObjectId, Uid, Voucher};
use crate::vault::ledger::fuzzing::assert_any_body;
use crate::vault::ledger::line::{self, MAX_LINE, MAX_TIME};
use crate::vault::ledger::tests::{NOW, Scratch, VAULT, entry, imap, lost, pop3, seen};
use crate::vault::ledger::{
    Appended, Checksum, Evidence, Identity, Item, Ledger, LedgerEntry, LedgerEvent, Proto, Reader,
    Seen, SessionRecord, decode,
};
use events::any_event;

/// The chain as the format describes it, with nothing of ours but BLAKE3.
fn naive_file(bodies: &[String]) -> String {
    let mut c = "0".repeat(16);
    let mut file = String::new();
    for body in bodies {
        let digest = blake3::hash(format!("{c}{body}").as_bytes()).to_hex();
        c = digest.as_str()[..16].to_owned();
        file.extend([body, ",\"c\":\"", &c, "\"}\n"]);
    }
    file
}

#[test]
#[expect(clippy::too_many_lines, reason = "one case for each kind of event")]
fn every_event_has_exactly_these_bytes() {
    let id1 = "1".repeat(32);
    let id2 = "2".repeat(32);
    let hash = Hash128([0x11; 16]);
    let pop = "\"account\":\"work\",\"proto\":\"pop3\",\
        \"server\":\"me@example.org@pop.example.org:995\",\"uidl\":\"a%22%25%5c%ff\"";
    let map = "\"account\":\"home\",\"proto\":\"imap\",\"server\":\"me@imap.example.net:993\",\
        \"dir\":\".Entw&APw-rfe.a%5c2eb\",\"uidvalidity\":7,\"uid\":42";
    let (flags, kw) = ("S".to_owned(), "$Junk a%b".to_owned());
    let (octets, reply, tries) = (None, b"-ERR no\r\n".as_slice().into(), 3);
    let cases: Vec<(LedgerEvent, String)> = vec![
        (
            LedgerEvent::Folder {
                account: "home".to_owned(),
                dir: String::new(),
                name: b"INBOX".as_slice().into(),
                delim: Some(b'\\'),
                uidvalidity: 7,
            },
            "\"ev\":\"folder\",\"account\":\"home\",\"dir\":\"\",\"name\":\"INBOX\",\
             \"delim\":\"%5c\",\"uidvalidity\":7"
                .to_owned(),
        ),
        (
            LedgerEvent::Folder {
                account: "home".to_owned(),
                dir: ".x".to_owned(),
                name: b"x".as_slice().into(),
                delim: None,
                uidvalidity: 8,
            },
            "\"ev\":\"folder\",\"account\":\"home\",\"dir\":\".x\",\"name\":\"x\",\
             \"delim\":null,\"uidvalidity\":8"
                .to_owned(),
        ),
        (
            LedgerEvent::Seen(Box::new(seen(pop3()))),
            format!(
                "\"ev\":\"seen\",{pop},\"octets\":1000,\"hash\":\"{id1}\",\"got\":null,\
             \"header\":\"{id2}\",\"mid\":\"<x@example.org>\",\"idate\":null,\"flags\":\"FS\",\
             \"kw\":\"\",\"received\":1700000000,\"size\":1000,\"wire\":null,\"stored\":500"
            ),
        ),
        (
            LedgerEvent::Seen(Box::new(Seen {
                octets: None,
                got: Hash128([0x22; 16]),
                mid: None,
                idate: Some(-5),
                wire: 1010,
                object: Some(ObjectId {
                    by: Voucher::Guid,
                    id: 0xabc,
                }),
                ..seen(imap())
            })),
            format!(
                "\"ev\":\"seen\",{map},\"octets\":null,\"hash\":\"{id1}\",\"got\":\"{id2}\",\
             \"header\":\"{id2}\",\"mid\":null,\"idate\":-5,\"flags\":\"FS\",\
             \"kw\":\"\",\"received\":1700000000,\"size\":1000,\"wire\":1010,\"stored\":500,\
             \"object\":\"guid 0000000000000abc\""
            ),
        ),
        (
            LedgerEvent::Seen(Box::new(Seen {
                evidence: Evidence::Doubtful(2),
                ..seen(pop3())
            })),
            format!(
                "\"ev\":\"doubtful\",{pop},\"octets\":1000,\"hash\":\"{id1}\",\"got\":null,\
             \"header\":\"{id2}\",\"mid\":\"<x@example.org>\",\"idate\":null,\"flags\":\"FS\",\
             \"kw\":\"\",\"received\":1700000000,\"size\":1000,\"wire\":null,\"stored\":500,\
             \"sessions\":2"
            ),
        ),
        (
            LedgerEvent::Wanted {
                identity: pop3(),
                why: "audit".to_owned(),
            },
            format!("\"ev\":\"wanted\",{pop},\"why\":\"audit\""),
        ),
        (
            LedgerEvent::Checked {
                identity: imap(),
                names: b"1:3,7".as_slice().into(),
            },
            format!("\"ev\":\"checked\",{map},\"names\":\"1:3,7\""),
        ),
        (
            LedgerEvent::Asked {
                identity: pop3(),
                header: Hash128([0x22; 16]),
            },
            format!("\"ev\":\"asked\",{pop},\"header\":\"{id2}\""),
        ),
        (
            LedgerEvent::Superseded {
                hash: Hash128([0x11; 16]),
                by: Hash128([0x22; 16]),
            },
            format!("\"ev\":\"superseded\",\"hash\":\"{id1}\",\"by\":\"{id2}\""),
        ),
        (
            LedgerEvent::Flags {
                identity: imap(),
                flags: flags.clone(),
                kw: kw.clone(),
            },
            format!("\"ev\":\"flags\",{map},\"flags\":\"S\",\"kw\":\"$Junk a%25b\""),
        ),
        (
            LedgerEvent::Vanished {
                identity: pop3(),
                flags: flags.clone(),
                kw: kw.clone(),
            },
            format!("\"ev\":\"vanished\",{pop},\"flags\":\"S\",\"kw\":\"$Junk a%25b\""),
        ),
        (
            LedgerEvent::Reappeared {
                identity: imap(),
                flags,
                kw,
            },
            format!("\"ev\":\"reappeared\",{map},\"flags\":\"S\",\"kw\":\"$Junk a%25b\""),
        ),
        (
            LedgerEvent::Refused {
                identity: Identity {
                    uid: Uid::Absent,
                    ..pop3()
                },
                octets,
                reply,
                tries,
            },
            format!(
                "\"ev\":\"refused\",{},\"octets\":null,\"reply\":\"-ERR no%0d%0a\",\"tries\":3",
                pop.replace("\"a%22%25%5c%ff\"", "null")
            ),
        ),
        (
            LedgerEvent::PurgeIntent {
                identity: pop3(),
                hash,
            },
            format!("\"ev\":\"purge-intent\",{pop},\"hash\":\"{id1}\""),
        ),
        (
            LedgerEvent::Purged {
                identity: imap(),
                hash,
            },
            format!("\"ev\":\"purged\",{map},\"hash\":\"{id1}\""),
        ),
        (
            LedgerEvent::PurgeKept {
                identity: pop3(),
                hash,
            },
            format!("\"ev\":\"purge-kept\",{pop},\"hash\":\"{id1}\""),
        ),
        (
            LedgerEvent::Adopted {
                account: "work".to_owned(),
                file: format!("mail/work/cur/7.{id1}.mv,S=3,W=3")
                    .into_bytes()
                    .into(),
                hash,
            },
            format!(
                "\"ev\":\"adopted\",\"account\":\"work\",\
             \"file\":\"mail/work/cur/7.{id1}.mv,S=3,W=3\",\"hash\":\"{id1}\""
            ),
        ),
        (
            LedgerEvent::Merged {
                account: "work".to_owned(),
                into: "office".to_owned(),
            },
            "\"ev\":\"merged\",\"account\":\"work\",\"into\":\"office\"".to_owned(),
        ),
        (
            LedgerEvent::Restored {
                destination: "b2".to_owned(),
                head: 7,
            },
            "\"ev\":\"restored\",\"destination\":\"b2\",\"head\":7".to_owned(),
        ),
        (lost(0x11), format!("\"ev\":\"lost\",\"hash\":\"{id1}\"")),
        (
            LedgerEvent::Forgotten {
                hash,
                reason: "asked".to_owned(),
            },
            format!("\"ev\":\"forgotten\",\"hash\":\"{id1}\",\"reason\":\"asked\""),
        ),
        (
            LedgerEvent::Verified {
                scope: "all".to_owned(),
                damage: 0,
            },
            "\"ev\":\"verified\",\"scope\":\"all\",\"damage\":0".to_owned(),
        ),
        (
            LedgerEvent::Learned {
                account: "work".to_owned(),
                key: "capa".to_owned(),
                value: "no".to_owned(),
            },
            "\"ev\":\"learned\",\"account\":\"work\",\"key\":\"capa\",\"value\":\"no\"".to_owned(),
        ),
        (
            LedgerEvent::UploadIntent {
                destination: "me@imap.example.net:993".to_owned(),
                folder: "Old".to_owned(),
                hash,
            },
            format!(
                "\"ev\":\"upload-intent\",\"destination\":\"me@imap.example.net:993\",\
             \"folder\":\"Old\",\"hash\":\"{id1}\""
            ),
        ),
        (
            LedgerEvent::UploadFailed {
                destination: "me@imap.example.net:993".to_owned(),
                folder: "Old".to_owned(),
                hash,
            },
            format!(
                "\"ev\":\"upload-failed\",\"destination\":\"me@imap.example.net:993\",\
             \"folder\":\"Old\",\"hash\":\"{id1}\""
            ),
        ),
        (
            LedgerEvent::Uploaded {
                destination: "me@imap.example.net:993".to_owned(),
                folder: "Old".to_owned(),
                hash,
                uid: Some(9),
            },
            format!(
                "\"ev\":\"uploaded\",\"destination\":\"me@imap.example.net:993\",\
             \"folder\":\"Old\",\"hash\":\"{id1}\",\"uid\":9"
            ),
        ),
        (
            LedgerEvent::Hold {
                name: "tax".to_owned(),
                query: "from:\"my bank\"".to_owned(),
                reason: "audit of 2025".to_owned(),
                messages: 3,
            },
            "\"ev\":\"hold\",\"name\":\"tax\",\"query\":\"from:%22my bank%22\",\
             \"reason\":\"audit of 2025\",\"messages\":3"
                .to_owned(),
        ),
        (
            LedgerEvent::Held {
                name: "tax".to_owned(),
                hash,
            },
            format!("\"ev\":\"held\",\"name\":\"tax\",\"hash\":\"{id1}\""),
        ),
        (
            LedgerEvent::Released {
                name: "tax".to_owned(),
                reason: None,
            },
            "\"ev\":\"released\",\"name\":\"tax\",\"reason\":null".to_owned(),
        ),
        (
            LedgerEvent::Chain {
                file: "ledger/2026-10.jsonl".to_owned(),
                first: 100,
                last: 299,
                copy: "quarantine/x".to_owned(),
            },
            "\"ev\":\"chain\",\"file\":\"ledger/2026-10.jsonl\",\"first\":100,\"last\":299,\
             \"copy\":\"quarantine/x\""
                .to_owned(),
        ),
        (
            LedgerEvent::Session(SessionRecord {
                account: "work".to_owned(),
                proto: Proto::Pop3,
                complete: true,
                listed: 10,
                new: 3,
                duplicates: 2,
                refused: 1,
                octets: u64::MAX,
                result: 9,
            }),
            "\"ev\":\"session\",\"account\":\"work\",\"proto\":\"pop3\",\"complete\":1,\
             \"listed\":10,\"new\":3,\"duplicates\":2,\"refused\":1,\
             \"octets\":18446744073709551615,\"result\":9"
                .to_owned(),
        ),
        (
            LedgerEvent::Unknown("later".to_owned()),
            "\"ev\":\"later\"".to_owned(),
        ),
    ];
    let head = |seq: usize| format!("{{\"v\":1,\"seq\":{seq},\"t\":\"2026-11-22T18:00:00.000Z\",");
    let mut bodies = vec![format!(
        "{}\"ev\":\"open\",\"vault\":\"{VAULT}\",\"month\":\"2026-11\",\"prev\":null",
        head(1)
    )];
    bodies.extend((2..).zip(&cases).map(|(seq, case)| head(seq) + &case.1));
    let events: Vec<LedgerEvent> = cases.into_iter().map(|case| case.0).collect();

    let scratch = Scratch::new();
    let appended = scratch.append(&events, NOW);
    assert_eq!(
        appended,
        Appended {
            first: 2,
            time: NOW
        }
    );
    let text = fs::read_to_string(scratch.path()).unwrap();
    assert_eq!(text, naive_file(&bodies));
    let read: Vec<LedgerEvent> = scratch.entries().into_iter().map(|e| e.event).collect();
    assert_eq!(read, events);
}

#[test]
fn unknown_fields_are_ignored_and_missing_ones_are_damage() {
    let scratch = Scratch::new();
    let head =
        |seq: usize| format!("{{\"v\":1,\"seq\":{seq},\"t\":\"2026-11-22T18:00:0{seq}.000Z\",");
    let hash = "1".repeat(32);
    let bodies = [
        format!(
            "{}\"ev\":\"open\",\"vault\":\"{VAULT}\",\"month\":\"2026-11\",\"prev\":null",
            head(1)
        ),
        format!(
            "{}\"x\":1,\"ev\":\"lost\",\"y\":\"%00\",\"hash\":\"{hash}\",\"z\":null",
            head(2)
        ),
        format!("{}\"ev\":\"lost\",\"hsah\":\"{hash}\"", head(3)),
        format!("{}\"ev\":\"lost\",\"hash\":\"{hash}\"", head(4)),
        format!("{}\"ev\":\"lost\",\"hash\":\"{hash}\"", head(5)),
    ];
    fs::write(scratch.path(), naive_file(&bodies)).unwrap();
    let items = scratch.items();
    let numbers: Vec<u64> = items
        .iter()
        .cloned()
        .filter_map(entry)
        .map(|e| e.seq)
        .collect();
    assert_eq!(numbers, [2, 4, 5]);
    assert!(matches!(&items[1], Item::Damage(d) if d.detail.contains("no sense")));
}

#[test]
fn a_line_of_a_later_version_is_refused() {
    let scratch = Scratch::new();
    let time = "2026-11-22T18:00:00.000Z";
    let bodies = [
        format!(
            "{{\"v\":1,\"seq\":1,\"t\":\"{time}\",\"ev\":\"open\",\"vault\":\"{VAULT}\",\"month\":\"2026-11\",\"prev\":null"
        ),
        format!("{{\"v\":2,\"seq\":2,\"t\":\"{time}\",\"ev\":\"lost\""),
    ];
    fs::write(scratch.path(), naive_file(&bodies)).unwrap();
    let mut reader = Reader::new(&scratch.layout, VAULT).unwrap();
    assert!(matches!(reader.next(), Some(Err(Error::Format { .. }))));
    assert!(reader.next().is_none());
    let opened = Ledger::open(&scratch.layout, VAULT, None);
    assert!(matches!(opened, Err(Error::Format { .. })));
    assert_eq!(
        fs::read_to_string(scratch.path()).unwrap(),
        naive_file(&bodies)
    );
}

proptest! {
    #[test]
    fn every_event_comes_back(event in any_event(), seq in 1..1_u64 << 62, time in 0..=MAX_TIME) {
        let mut out = Vec::new();
        encode(&mut out, seq, time, &event, Checksum::START);
        prop_assert!(out.len() <= MAX_LINE);
        let (body, _) = line::split(out.strip_suffix(b"\n").unwrap()).unwrap();
        let entry = LedgerEntry { seq, time, event };
        prop_assert_eq!(decode::decode(body), Ok(decode::DecodedLine::Entry(entry)));
    }

    #[test]
    fn no_body_is_too_strange_to_be_judged(
        tail in "(,\"[a-z]{1,6}\":(null|-?[0-9]{1,3}|\"[ -~]{0,8}\")){0,6}",
        ev in "seen|folder|open|session|refused|x"
    ) {
        let head = "{\"v\":1,\"seq\":1,\"t\":\"2026-11-22T18:00:00.000Z\",\"ev\":";
        let body = format!("{head}\"{ev}\"{tail}");
        assert_any_body(body.as_bytes());
    }
}
