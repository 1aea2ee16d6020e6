//! What `purge` deletes, and what it leaves.

use mailvault::sample::Sample;

use crate::support::client::pop3_fetch_all;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::scene::{Account, pulled, sandbox};

const YEAR: i64 = 365 * 86_400;
const DAY: i64 = 86_400;

/// A message of that age, which grows with its number.
fn mail(n: usize, age: i64) -> Vec<u8> {
    let date = chrono::DateTime::from_timestamp(chrono::Utc::now().timestamp() - age, 0).unwrap();
    let date = date.format("%a, %d %b %Y %H:%M:%S +0000");
    let body = "a line of the body\n".repeat(n % 50);
    format!(
        "Received: from a by b; {date}\nDate: {date}\nFrom: ann@example.org\n\
         Subject: number {n}\nMessage-ID: <{n}@example.org>\n\n{body}"
    )
    .into_bytes()
}

/// Subjects of what a maildrop holds.
fn subjects(dovecot: &Dovecot, user: &str) -> Vec<usize> {
    let mut numbers: Vec<usize> = pop3_fetch_all(dovecot.pop3(), user, PASSWORD)
        .iter()
        .map(|(_, _, bytes)| {
            let text = String::from_utf8_lossy(bytes);
            let at = text.find("Subject: number ").unwrap() + 16;
            text[at..]
                .split_whitespace()
                .next()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_real_server_keeps_exactly_what_was_not_selected() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    // A quarter each: two years, half a year, two months, new.
    let ages = [2 * YEAR, 180 * DAY, 60 * DAY, DAY];
    let messages: Vec<Vec<u8>> = (0..2_000).map(|n| mail(n, ages[n % 4])).collect();
    dovecot.deliver("ann", &messages);
    let sandbox = sandbox(&[Account::new("work", dovecot.pop3().port(), "ann")]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);

    let purge = |args: &[&str]| {
        let output = sandbox.run(&[&["purge", "work"][..], args].concat());
        let _ = output.expect_code(0);
        subjects(&dovecot, "ann")
    };
    let all: Vec<usize> = (0..2_000).collect();
    let rest = |keep: &dyn Fn(usize) -> bool| -> Vec<usize> {
        all.iter().copied().filter(|n| keep(*n)).collect()
    };
    assert_eq!(purge(&[]), all, "a table deletes nothing");
    assert_eq!(purge(&["--older-than", "90d", "-n"]), all);
    assert_eq!(
        purge(&["--older-than", "1y", "--yes"]),
        rest(&|n| n % 4 != 0)
    );
    assert_eq!(
        purge(&["--match", "subject:\"number 1\" older:90d", "--yes"]),
        rest(&|n| n % 4 != 0 && !(n % 4 == 1 && n.to_string().starts_with('1')))
    );
    let left = purge(&["--free", "20K", "--yes"]);
    assert!(left.len() < 1_400 && left.iter().filter(|n| **n % 4 != 1).count() == 1_000);
    assert_eq!(purge(&["--all", "--yes"]), [0; 0]);

    sandbox.run(&["pull"]).expect(0, "", "");
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    assert_eq!(sandbox.messages("work").len(), 2_000);
    let _ = sandbox.run(&["status"]).expect_code(0);
}

#[test]
fn without_a_terminal_a_purge_wants_to_be_told_yes() {
    let (sandbox, server) = pulled(Sample::of(3, 7));
    sandbox.run(&["purge", "work", "--all"]).expect(
        2,
        "",
        "error: purge needs a confirmation and there is no terminal to ask at\n  \
         hint: add --yes to delete, or --dry-run to look\n",
    );
    sandbox.run(&["purge", "work", "--yes"]).expect(
        2,
        "",
        "error: nothing is selected to be deleted\n  \
         hint: say what: --older-than 90d, --free 500M, --match QUERY, or --all\n",
    );
    let _ = server;
}
