//! Forgetting by rule: what is old enough goes, and nothing else, whatever its dates say.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Duration, Utc};
use mailvault::sample::Message;
use serde_json::Value;

use crate::life::ageing::age;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, json_lines, message, sandbox, server, subjects};

const APPLY: [&str; 3] = ["forget", "--by-rule", "--yes"];

/// A message from somebody, received then, if that is known.
fn mail(n: usize, from: &str, received: impl Into<Option<DateTime<Utc>>>) -> Message {
    let mut text = String::new();
    if let Some(date) = received.into() {
        let date = date.to_rfc2822();
        let _ = write!(text, "Received: by mx.example.org; {date}\r\n");
    }
    let _ = write!(
        text,
        "From: {from}@example.org\r\nSubject: {from}-{n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n\
         body of {n}\r\n"
    );
    message(&format!("u{n}"), &text)
}

fn days_ago(days: i64) -> DateTime<Utc> {
    Utc::now() - Duration::days(days)
}

/// A vault of these messages, and a configuration with these rules.
fn pulled(messages: Vec<Message>, rules: &str) -> Sandbox {
    let server = server(messages);
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    retain(&sandbox, rules);
    sandbox
}

fn retain(sandbox: &Sandbox, rules: &str) {
    sandbox.config(&format!("vault = \"$HOME/vault\"\n[retention]\n{rules}\n"));
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn lines(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let args = [args, &["--json"]].concat();
    json_lines(&sandbox.run(&args).expect_code(0).stdout)
}

/// Numbers that look random; the same for a seed.
fn draw(seed: &mut u64, below: i64) -> i64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    i64::try_from(*seed >> 33).unwrap() % below
}

#[test]
fn what_goes_is_what_a_plain_filter_of_the_dates_says() {
    for first in 1..=4 {
        let mut seed = first;
        let now = Utc::now();
        let (mut messages, mut stays) = (Vec::new(), BTreeSet::new());
        let mut goes = 0;
        for n in 0..60 {
            let from = ["spam", "shop", "ann"][usize::try_from(draw(&mut seed, 3)).unwrap()];
            let limit = match from {
                "spam" => 30,
                "shop" => 365,
                _ => 100_000,
            };
            let near = (draw(&mut seed, 2) * 2 - 1) * (60 + draw(&mut seed, 1000));
            let received = match draw(&mut seed, 6) {
                0 => None,
                // Nothing was received in these times.
                1 => DateTime::from_timestamp(draw(&mut seed, 370_000_000), 0),
                2 => Some(now + Duration::minutes(draw(&mut seed, 600_000))),
                3 if limit < 100_000 => Some(now - Duration::days(limit) + Duration::minutes(near)),
                _ => Some(now - Duration::minutes(draw(&mut seed, 1_500_000))),
            };
            let is_old = received.is_some_and(|date| {
                let earliest = DateTime::parse_from_rfc3339("1982-01-01T00:00:00Z").unwrap();
                date >= earliest && date < now - Duration::days(limit)
            });
            if is_old {
                goes += 1;
            } else {
                stays.insert(format!("{from}-{n}"));
            }
            messages.push(mail(n, from, received));
        }
        let sandbox = pulled(
            messages,
            "forget_after = [{ query = \"from:spam\", age = \"30d\" },\n\
             { query = \"from:shop\", age = \"1y\" }, { query = \"from:s\", age = \"1y\" }]",
        );
        assert!(goes > 5, "too little to tell");
        let done = lines(&sandbox, &APPLY).pop().unwrap();
        assert_eq!(done["messages"], goes, "{done}");
        assert_eq!(done["removed"], goes, "{done}");
        assert_eq!(subjects(&sandbox), stays, "seed {first}");
        let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
        // Nothing is old now, so nothing is said and done.
        let before = sandbox.ledger_lines();
        sandbox.run(&APPLY).expect(0, "", "");
        assert_eq!(sandbox.ledger_lines(), before);
    }
}

#[test]
fn a_date_that_was_in_the_future_when_the_message_came_never_gets_old() {
    let sandbox = pulled(
        vec![
            mail(1, "spam", days_ago(-100)),
            mail(2, "spam", days_ago(1)),
            mail(3, "spam", None),
        ],
        "forget_after = [{ query = \"from:spam\", age = \"90d\" }]",
    );
    // As if it had been archived so many days before.
    age(&sandbox.vault(), 400 * 24);
    sandbox.run(&APPLY).expect(0, "", "");
    assert_eq!(subjects(&sandbox), set(&["spam-1", "spam-2", "spam-3"]));
}

#[test]
fn a_clock_that_is_behind_the_newest_message_forgets_nothing() {
    let sandbox = pulled(
        vec![mail(1, "spam", days_ago(100))],
        "forget_after = [{ query = \"from:spam\", age = \"90d\" }]",
    );
    age(&sandbox.vault(), -3);
    let before = sandbox.ledger_lines();
    for args in [&APPLY[..], &["forget", "--by-rule", "-n"]] {
        let refused = sandbox.run(args).expect_code(1);
        assert!(refused.stderr().contains("clock"), "{}", refused.stderr());
    }
    assert_eq!(sandbox.ledger_lines(), before);
    age(&sandbox.vault(), 3);
    let _ = sandbox.run(&APPLY).expect_code(0);
    assert!(subjects(&sandbox).is_empty());
}

#[test]
fn what_is_kept_or_held_stays_and_is_counted() {
    let sandbox = pulled(
        (0..6)
            .map(|n| mail(n, ["spam", "bank", "ann"][n % 3], days_ago(100)))
            .collect(),
        "keep = [\"from:bank\"]\nforget_after = [{ query = \"folder:*\", age = \"90d\" }]",
    );
    let add = ["hold", "add", "tax", "subject:spam-3", "--reason", "audit"];
    let _ = sandbox.run(&add).expect_code(0);
    let before = sandbox.ledger_lines();
    let preview = ["forget", "--by-rule", "--dry-run"];
    let all = lines(&sandbox, &preview);
    let summary = all.last().unwrap();
    assert_eq!(
        (&summary["messages"], &summary["kept"]),
        (&3.into(), &2.into())
    );
    let held = all.iter().find(|line| line["type"] == "held").unwrap();
    assert_eq!(
        (&held["hold"], &held["messages"]),
        (&"tax".into(), &1.into())
    );
    let shown = sandbox.run(&preview).expect_code(0).stdout();
    for part in [
        "spam-0",
        "3 messages (",
        "would be removed from the vault for good.",
        "2 more messages stay because of keep.",
        "1 more message stays, held by tax.",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(sandbox.ledger_lines(), before);
    let shown = sandbox.run(&APPLY).expect_code(0).stdout();
    assert!(shown.contains("Removed 3 messages"), "{shown}");
    assert_eq!(subjects(&sandbox), set(&["bank-1", "bank-4", "spam-3"]));
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    // Cron is not told every night what is held.
    sandbox.run(&APPLY).expect(0, "", "");
    let _ = sandbox.run(&["hold", "release", "tax"]).expect_code(0);
    let _ = sandbox.run(&APPLY).expect_code(0);
    assert_eq!(subjects(&sandbox), set(&["bank-1", "bank-4"]));
}

#[test]
fn the_reason_is_the_rule_and_what_is_added() {
    let rules = "forget_after = [{ query = \"from:spam\", age = \"90d\" },\n\
                 { query = \"from:ann\", age = \"3mo\" }, { query = \"from:none\", age = \"1d\" }]";
    let messages = || {
        vec![
            mail(0, "spam", days_ago(100)),
            mail(1, "ann", days_ago(100)),
            mail(2, "bob", days_ago(100)),
        ]
    };
    let rule = "rule: from:spam older than 90d; rule: from:ann older than 3mo";
    for (added, wanted) in [
        (&[][..], rule.to_owned()),
        (&["--reason", " the law "], format!("{rule}; the law")),
    ] {
        let sandbox = pulled(messages(), rules);
        let _ = sandbox.run(&[&APPLY, added].concat()).expect_code(0);
        let all = lines(&sandbox, &["remember"]);
        let forget = all.iter().find(|line| line["type"] == "forget").unwrap();
        assert_eq!(forget["reason"], wanted, "{forget}");
        assert_eq!(subjects(&sandbox), set(&["bob-2"]));
    }
}

#[test]
fn without_a_rule_nothing_is_said_or_done() {
    let sandbox = pulled(vec![mail(1, "spam", days_ago(100))], "");
    sandbox.run(&APPLY).expect(0, "", "");
    retain(&sandbox, "keep = [\"from:spam\"]");
    sandbox.run(&APPLY).expect(0, "", "");
    sandbox.config("vault = \"$HOME/vault\"");
    sandbox.run(&APPLY).expect(0, "", "");
    assert_eq!(subjects(&sandbox), set(&["spam-1"]));
}

#[test]
fn what_goes_by_rule_can_be_saved_first_and_nothing_else_is() {
    let old = |n, from| mail(n, from, days_ago(100));
    let rules = "keep = [\"subject:spam-2\"]\n\
                 forget_after = [{ query = \"from:spam\", age = \"90d\" }]";
    let newer = mail(3, "spam", days_ago(10));
    let all = vec![
        old(1, "spam"),
        old(2, "spam"),
        newer,
        old(4, "ann"),
        old(5, "spam"),
    ];
    let sandbox = pulled(all, rules);
    let save = [&APPLY[..], &["--save", "old.mbox"]].concat();
    let before = sandbox.ledger_lines();
    let taken = sandbox.write("old.mbox", "mine", 0o600);
    let refused = sandbox.run(&save).expect_code(2);
    assert!(refused.stderr().contains("old.mbox exists"), "{refused}");
    assert_eq!(sandbox.ledger_lines(), before);
    std::fs::remove_file(&taken).unwrap();
    let _ = sandbox.run(&save).expect_code(0);
    let saved = std::fs::read_to_string(&taken).unwrap();
    let mut saved: Vec<_> = saved
        .lines()
        .filter(|line| line.starts_with("Subject: "))
        .collect();
    // They came in one second, so that their order is that of their hashes.
    saved.sort_unstable();
    assert_eq!(saved, ["Subject: spam-1", "Subject: spam-5"]);
    assert_eq!(subjects(&sandbox), set(&["spam-2", "spam-3", "ann-4"]));
}

#[test]
fn rules_that_cannot_be_meant_remove_nothing() {
    let sandbox = pulled(vec![mail(1, "spam", days_ago(100))], "");
    let before = sandbox.ledger_lines();
    let rule = "forget_after = [{ query = \"from:spam\", age = \"90d\" }]";
    for (rules, said) in [
        (format!("keep = [\"folder:Tax\"]\n{rule}"), "folder \"Tax\""),
        (
            format!("keep = [\"-account:hom\"]\n{rule}"),
            "account \"hom\"",
        ),
        (rule.replace("from:spam", "-folder:Spam"), "folder \"Spam\""),
        (rule.replace("from:spam", ""), "invalid query"),
        (rule.replace("from:spam", "fron:spam"), "invalid query"),
        (rule.replace("90d", "90m"), "age is not an age"),
        (rule.replace("90d", "23h"), "age is less than a day"),
        (rule.replace(", age = \"90d\"", ""), "missing field `age`"),
        (rule.replace("age", "agee"), "unknown field `agee`"),
        (format!("keeps = []\n{rule}"), "unknown field `keeps`"),
        (
            format!("keep = [\"\"]\n{rule}"),
            "keep contains an invalid query",
        ),
    ] {
        retain(&sandbox, &rules);
        let refused = sandbox.run(&APPLY).expect_code(15);
        assert!(
            refused.stderr().contains(said),
            "{rules}: {}",
            refused.stderr()
        );
    }
    retain(&sandbox, rule);
    for args in [
        &["forget", "--by-rule"][..],
        &["forget", "--by-rule", "--yes", "from:spam"],
        &["forget", "--by-rule", "--yes", "--all"],
        &["forget", "--by-rule", "--yes", "--reason", " "],
        &[
            "forget",
            "--by-rule",
            "--yes",
            "--reason",
            &"x".repeat(2001),
        ],
    ] {
        let _ = sandbox.run(args).expect_code(2);
    }
    assert_eq!(sandbox.ledger_lines(), before);
    // An age that no date has.
    retain(&sandbox, &rule.replace("90d", "99999999999y"));
    sandbox.run(&APPLY).expect(0, "", "");
    assert_eq!(subjects(&sandbox), set(&["spam-1"]));
}
