//! What a purge chooses: ages, and when it refuses to choose at all (SAFETY 12 and 14).

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mailvault::base::error::Error;
use mailvault::mail::message::Scanner;
use mailvault::mail::query;
use mailvault::mail::source::{Listings, Uid};
use mailvault::purge::{self, Keep, PurgeSelection, RemoteFolder, Survey};
use mailvault::vault::Writer;
use mailvault::vault::ledger::{Evidence, Identity, LedgerEvent, Seen};

const DAY: i64 = 86_400;

fn maildrop() -> RemoteFolder {
    RemoteFolder {
        account: "work".into(),
        server: "ann@pop.example.org:995".into(),
        dir: String::new(),
        uidvalidity: 0,
    }
}

fn writer(path: &Path) -> Writer {
    Writer::create(path).unwrap();
    Writer::open(path, Duration::ZERO, &AtomicBool::new(false)).unwrap()
}

/// Records these texts as archived, named by their order, and gives the listing of them.
fn archive(writer: &mut Writer, texts: &[String]) -> Listings {
    archive_in(writer, &maildrop(), texts)
}

fn archive_in(writer: &mut Writer, maildrop: &RemoteFolder, texts: &[String]) -> Listings {
    let mut scanner = Scanner::new();
    let mut listings = Listings::default();
    for (n, text) in (0_u32..).zip(texts) {
        scanner.update(text.as_bytes());
        let digest = scanner.finish();
        let name = format!("name-{n:06}");
        let seen = Seen {
            identity: Identity {
                account: maildrop.account.clone(),
                server: maildrop.server.clone(),
                uid: Uid::Uidl(name.as_bytes().into()),
                dir: None,
            },
            octets: Some(digest.size),
            hash: digest.hash,
            got: digest.hash,
            header: digest.header,
            mid: None,
            idate: None,
            flags: String::new(),
            kw: String::new(),
            received: digest.received,
            size: digest.size,
            wire: digest.wire,
            stored: digest.size,
            evidence: Evidence::Received,
            object: None,
        };
        writer.record(&[LedgerEvent::Seen(Box::new(seen))]).unwrap();
        writer.catalog_mut().describe(digest.hash, &digest).unwrap();
        listings.push(n + 1, Some(digest.size), name.as_bytes());
    }
    listings
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// A date in the form of mail, so many days before now.
fn ago(days: i64) -> String {
    let date = chrono::DateTime::from_timestamp(now() - days * DAY, 0).unwrap();
    date.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn older_than(days: u64) -> PurgeSelection {
    PurgeSelection {
        older_than: Some(Duration::from_secs(days * 86_400)),
        ..PurgeSelection::default()
    }
}

/// How many of these messages a purge by age would delete, so many days from now.
fn chosen(texts: &[String], days: u64, in_days: i64) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    let listings = archive(&mut writer, texts);
    let now = now() + in_days * DAY;
    let selection = older_than(days);
    purge::check(writer.catalog(), &selection, now).unwrap();
    let mut survey = Survey::new(&[], &selection).unwrap();
    survey
        .add(writer.catalog(), &maildrop(), &listings)
        .unwrap();
    let plan = purge::plan(survey, writer.catalog(), None, now).unwrap();
    assert_eq!(plan.listed.messages, texts.len() as u64);
    plan.chosen.messages
}

#[test]
fn a_date_in_the_future_is_never_old() {
    let text = format!(
        "Received: by a; {}\r\nDate: {}\r\n\r\n",
        ago(900),
        ago(-900)
    );
    assert_eq!(chosen(std::slice::from_ref(&text), 1, 0), 0);
    // Time goes by, and it is past.
    assert_eq!(chosen(&[text], 1, 1_000), 1);
    let text = format!(
        "Received: by a; {}\r\nDate: {}\r\n\r\n",
        ago(-900),
        ago(900)
    );
    assert_eq!(chosen(&[text], 1, 0), 0);
}

#[test]
fn the_later_of_received_and_date_counts() {
    let of = |received, date| {
        format!(
            "Received: by a; {}\r\nDate: {}\r\n\r\n",
            ago(received),
            ago(date)
        )
    };
    assert_eq!(
        chosen(&[of(10, 400)], 90, 0),
        0,
        "an old mail that came lately"
    );
    assert_eq!(chosen(&[of(400, 10)], 90, 0), 0);
    assert_eq!(chosen(&[of(400, 100)], 90, 0), 1);
    assert_eq!(chosen(&[of(91, 91), of(89, 89)], 90, 0), 1);
}

#[test]
fn without_a_plausible_date_the_first_sighting_counts() {
    let dates = [
        "Subject: none\r\n\r\n".to_owned(),
        "Subject: epoch\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n\r\n".to_owned(),
        "Subject: junk\r\nDate: yesterday\r\n\r\n".to_owned(),
        "Subject: before mail\r\nDate: Fri, 2 Jan 1981 00:00:00 +0000\r\n\r\n".to_owned(),
    ];
    assert_eq!(chosen(&dates, 20, 0), 0);
    assert_eq!(chosen(&dates, 20, 19), 0);
    assert_eq!(chosen(&dates, 20, 21), 4);
}

#[test]
fn a_clock_that_stands_before_the_newest_message_tells_no_age() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    let _ = archive(&mut writer, &[format!("Date: {}\r\n\r\n", ago(900))]);
    let early = now() - 30 * DAY;
    let query = |text| query::parse_text(text, chrono::Utc::now()).unwrap();
    let matching = |text| PurgeSelection {
        matching: Some(query(text)),
        ..PurgeSelection::default()
    };
    let keeping = PurgeSelection {
        all: true,
        keep: Keep {
            newest: 0,
            matching: vec![query("newer:90d")],
        },
        ..PurgeSelection::default()
    };
    for selection in [older_than(90), matching("-newer:90d"), keeping] {
        let refused = purge::check(writer.catalog(), &selection, early);
        assert!(matches!(refused, Err(Error::Clock { .. })), "{selection:?}");
        purge::check(writer.catalog(), &selection, now() + 1).unwrap();
    }
    purge::check(writer.catalog(), &matching("subject:a"), early).unwrap();
}

#[test]
fn a_finding_is_settled_only_by_a_look_that_would_find_it_again() {
    // What was found, what came after, and whether it is settled then.
    let cases: [(&[(&str, u64)], bool); 9] = [
        (&[("data", 1), ("data", 0)], true),
        (&[("data", 1), ("names", 0)], false),
        (&[("names", 1), ("data", 0)], true),
        (&[("names", 1), ("names", 0)], true),
        (&[("data 1/3", 1), ("data 2/3", 0)], false),
        (&[("data 1/3", 1), ("data 1/3", 0)], true),
        (&[("data 1/3", 1), ("data 2/3", 1), ("data 2/3", 0)], false),
        (&[("data", 1), ("names", 1), ("names", 0)], false),
        (&[("data part", 1), ("data part", 0)], false),
    ];
    for (looks, settled) in cases {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = writer(dir.path());
        for (scope, damage) in looks {
            let scope = (*scope).to_owned();
            let damage = *damage;
            writer
                .record(&[LedgerEvent::Verified { scope, damage }])
                .unwrap();
        }
        let selection = PurgeSelection {
            all: true,
            ..PurgeSelection::default()
        };
        let checked = purge::check(writer.catalog(), &selection, now());
        assert_eq!(checked.is_ok(), settled, "{looks:?}: {checked:?}");
    }
}

#[test]
fn what_is_archived_while_places_are_listed_is_kept_if_the_rule_fits_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path());
    let old = format!("Received: by a; {}\r\n\r\n", ago(900));
    let selection = PurgeSelection {
        keep: Keep {
            matching: vec![query::parse(&["larger:500"], chrono::Utc::now()).unwrap()],
            ..Keep::default()
        },
        ..older_than(30)
    };
    let first = archive(&mut writer, std::slice::from_ref(&old));
    let mut survey = Survey::new(&[], &selection).unwrap();
    let catalog = writer.catalog();
    survey.add(catalog, &maildrop(), &first).unwrap();
    // As another pull does meanwhile.
    let second = RemoteFolder {
        server: "ann@imap.example.org:993".into(),
        ..maildrop()
    };
    let large = old + &"x".repeat(1_000);
    let listings = archive_in(&mut writer, &second, &[large]);
    survey.add(writer.catalog(), &second, &listings).unwrap();
    let plan = purge::plan(survey, writer.catalog(), None, now()).unwrap();
    assert_eq!((plan.chosen.messages, plan.held.messages), (1, 1));
}
