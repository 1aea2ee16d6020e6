//! The one date of a message in every view, sort and query.

use std::fs;
use std::time::{Duration, SystemTime};

use super::{mail, over_imap};
use crate::support::dovecot::{Dovecot, Options};
use crate::support::relay::Relay;
use crate::support::scene::{json_lines, sandbox};

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
    // In a folder it keeps the date that it has there.
    let html = ["export", "pages", "account:work", "--format", "html"];
    let _ = sandbox.run(&html).expect_code(0);
    let months = fs::read_to_string(sandbox.path("pages/index.html")).unwrap();
    assert!(
        months.contains("2007-12") && months.contains("2009-12"),
        "{months}"
    );
    let _ = sandbox.run(&["verify"]).expect_code(0);
}
