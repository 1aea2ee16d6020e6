//! The one date of a message in every view, sort and query.

use std::fs;
use std::time::{Duration, SystemTime};

use super::{mail, over_imap};
use crate::support::dovecot::{Dovecot, Options};
use crate::support::relay::Relay;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{configure, json_lines, sandbox};

/// Years as long as they are without leap days.
const YEAR: u64 = 365 * 24 * 60 * 60;

#[test]
fn every_view_of_a_message_has_the_first_date_at_which_its_server_received_it() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    // In December 2009 and 2007, and on a date that no mail has.
    for (folder, years) in [("", 40), (".Old", 38), (".Lost", 0)] {
        dovecot.deliver_to("ann", folder, &[mail(1)]);
        for entry in fs::read_dir(dovecot.maildir("ann").join(folder).join("new")).unwrap() {
            let file = fs::File::open(entry.unwrap().path()).unwrap();
            let date = SystemTime::UNIX_EPOCH + Duration::from_secs(years * YEAR);
            file.set_modified(date).unwrap();
        }
    }
    let relay = Relay::to(dovecot.imap());
    let sandbox = sandbox(&[over_imap(&relay)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    // Without a server its header counts, which says 2026, and not the time of its file.
    sandbox.write("2.eml", mail(2), 0o600);
    let import = ["import", "2.eml", "--account", "old"];
    let _ = sandbox.run(&import).expect_code(0);

    let listed = |args: &[&str]| -> Vec<String> {
        let out = sandbox.run(&[&["list", "--json"], args].concat());
        let lines = json_lines(&out.expect_code(0).stdout);
        let messages = lines.iter().filter(|line| line["type"] == "message");
        let said = messages.map(|line| format!("{} {}", line["subject"], line["date"]));
        said.map(|text| text.replace('"', "")[.."number 1 2007-12".len()].to_owned())
            .collect()
    };
    let (one, two) = ("number 1 2007-12", "number 2 2026-11");
    assert_eq!(listed(&[]), [two, one]);
    assert_eq!(listed(&["--reverse"]), [one, two]);
    assert_eq!(listed(&["before:2026"]), [one]);
    assert_eq!(listed(&["after:2007", "folder:Old"]), [one]);
    assert_eq!(listed(&["after:2008"]), [two]);
    let stats = sandbox.run(&["stats", "account:work", "--by", "year"]);
    let stats = stats.expect_code(0).stdout();
    assert!(stats.contains("2007") && !stats.contains("2009"), "{stats}");
    // So it is on each page, whatever date it has in that folder.
    let html = ["export", "pages", "account:work", "--format", "html"];
    let _ = sandbox.run(&html).expect_code(0);
    let read = |page: &str| fs::read_to_string(sandbox.path(page)).unwrap();
    let (all, inbox) = (
        read("pages/index.html"),
        read("pages/folders/INBOX/index.html"),
    );
    assert!(
        all.contains("#2007-12") && !all.contains("#2009-12"),
        "{all}"
    );
    assert!(inbox.contains("id=\"2007-12\""), "{inbox}");
    let _ = sandbox.run(&["verify"]).expect_code(0);
}

/// An account with three messages whose header is of November 2026, and which the server says it
/// received at these Unix seconds.
fn received_at(dovecot: &Dovecot, relay: &Relay, seconds: [u64; 3]) -> Sandbox {
    for (n, second) in seconds.into_iter().enumerate() {
        dovecot.deliver("ann", &[mail(n)]);
        for entry in fs::read_dir(dovecot.maildir("ann").join("new")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            if text.contains(&format!("Subject: number {n}\n")) {
                let date = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
                fs::File::open(&path).unwrap().set_modified(date).unwrap();
            }
        }
    }
    let sandbox = sandbox(&[over_imap(relay)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    sandbox
}

#[test]
fn one_wrong_date_makes_no_message_old_for_a_purge() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let relay = Relay::to(dovecot.imap());
    // 1970 in a wrong zone, a clock of 1987, and the right time.
    let sandbox = received_at(&dovecot, &relay, [5 * 3_600, 17 * YEAR, 1_793_613_600]);
    let selected = |args: &[&str]| -> u64 {
        let args = [&["purge", "work", "-n", "--json"], args].concat();
        let lines = json_lines(&sandbox.run(&args).expect_code(0).stdout);
        let line = lines.iter().find(|line| line["type"] == "plan").unwrap();
        line["delete"].as_u64().unwrap()
    };
    assert_eq!(selected(&["--all"]), 3);
    assert_eq!(selected(&["--match", "before:2026-06"]), 0);
    assert_eq!(selected(&["--match", "after:2026-06"]), 2);
    assert_eq!(selected(&["--match", "-after:2026-06"]), 0);
    assert_eq!(selected(&["--match", "before:2027"]), 3);
    let listed = sandbox.run(&["list", "before:2026-06"]).expect_code(0);
    assert_eq!(
        listed
            .stdout()
            .lines()
            .filter(|l| l.contains("number"))
            .count(),
        1
    );
    let rule = |query: &str| {
        let keep = format!("{{ keep = [\"{query}\"] }}");
        configure(&sandbox, &[over_imap(&relay).with("purge", &keep)]);
    };
    for (query, deleted) in [
        ("after:2026-06", 0),
        ("before:2026-06", 2),
        ("-before:2026-06", 0),
        ("before:1980", 3),
    ] {
        rule(query);
        assert_eq!(selected(&["--all"]), deleted, "{query}");
    }
}

#[test]
fn a_date_that_cannot_be_true_is_in_no_export() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let relay = Relay::to(dovecot.imap());
    // 1970, 2096, and a day in 2009.
    let sandbox = received_at(&dovecot, &relay, [0, 127 * YEAR, 40 * YEAR]);
    let html = ["export", "pages", "--format", "html"];
    let _ = sandbox.run(&html).expect_code(0);
    let months = fs::read_to_string(sandbox.path("pages/index.html")).unwrap();
    for (month, there) in [
        ("2009-12", true),
        ("2026-11", true),
        ("2096", false),
        ("undated", false),
    ] {
        assert_eq!(months.contains(month), there, "{month}: {months}");
    }
}
