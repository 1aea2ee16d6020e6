//! What the mail is made of: the sums, the page, and what programs get.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use mailvault::sample::Message;
use serde_json::Value;

use crate::support::scene::{json_lines, message, pulled};

/// A message received in this year, with a body of so many lines of 64 octets.
fn letter(n: usize, year: u16, from: &str, lines: usize) -> Message {
    let body = format!("{}\r\n", "x".repeat(62)).repeat(lines);
    message(
        &format!("u{n}"),
        &format!(
            "Received: by mx.example.org; Mon, 2 Mar {year} 10:00:00 +0000\r\nFrom: {from}\r\n\
             Subject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n{body}"
        ),
    )
}

fn letters() -> Vec<Message> {
    let mut all = vec![
        letter(0, 2019, "Ann <ann@example.org>", 40_000),
        letter(1, 2020, "\"Ann, again\" <ANN@example.org>", 1),
        letter(2, 2020, "bob@example.net", 2_000),
        message("u3", "Subject: no sender and no date\r\n\r\n"),
    ];
    all.extend((4..12).map(|n| letter(n, 2021, "Lists <list@example.com>", 1)));
    all
}

/// The groups of one facet, with their messages.
fn groups(lines: &[Value], by: &str) -> Vec<(String, u64)> {
    lines
        .iter()
        .filter(|line| line["type"] == "group" && line["by"] == by)
        .map(|line| {
            let key = line["key"].as_str().unwrap().to_owned();
            (key, line["messages"].as_u64().unwrap())
        })
        .collect()
}

fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected
        .iter()
        .map(|(k, n)| ((*k).to_owned(), *n))
        .collect()
}

#[test]
fn every_message_counts_in_its_year_sender_size_and_folder() {
    let (sandbox, _server) = pulled(letters());
    let octets: usize = letters().iter().map(|message| message.bytes.len()).sum();
    let output = sandbox.run(&["stats", "--json"]).expect_code(0);
    let lines = json_lines(&output.stdout);
    assert_eq!(
        groups(&lines, "year"),
        pairs(&[("no date", 1), ("2019", 1), ("2020", 2), ("2021", 8)])
    );
    assert_eq!(
        groups(&lines, "sender"),
        pairs(&[
            ("ann@example.org", 2),
            ("bob@example.net", 1),
            ("list@example.com", 8),
            ("no sender", 1)
        ])
    );
    assert_eq!(
        groups(&lines, "size"),
        pairs(&[
            ("up to 10 KiB", 10),
            ("100 KiB - 1 MiB", 1),
            ("1 - 10 MiB", 1)
        ])
    );
    assert_eq!(groups(&lines, "folder"), pairs(&[("INBOX", 12)]));
    for by in ["year", "sender", "size", "folder"] {
        let of = lines.iter().filter(|line| line["by"] == by);
        let sum: u64 = of.map(|line| line["bytes"].as_u64().unwrap()).sum();
        assert_eq!(sum, octets as u64, "{by}");
    }
    let summary = lines.last().unwrap();
    assert_eq!(summary["messages"], 12);
    assert_eq!(summary["bytes"], octets as u64);
    assert_eq!(summary["first"], "2019-03-02T10:00:00Z");
}

#[test]
fn each_group_has_a_query_that_finds_just_its_messages() {
    let (sandbox, _server) = pulled(letters());
    let by = "year,month,weekday,hour,sender,size,folder";
    let output = sandbox.run(&["stats", "--by", by, "--json"]).expect_code(0);
    let lines = json_lines(&output.stdout);
    let mut asked = 0;
    for line in lines.iter().filter(|line| line["type"] == "group") {
        let Some(query) = line["query"].as_str() else {
            assert!(["no date", "no sender"].contains(&line["key"].as_str().unwrap()));
            continue;
        };
        let terms: Vec<&str> = query.split(' ').collect();
        let found = sandbox.run(&[&["search", "--json", "--"], &terms[..]].concat());
        let found = json_lines(&found.expect_code(0).stdout);
        let found = found
            .iter()
            .filter(|line| line["type"] == "message")
            .count();
        assert_eq!(found as u64, line["messages"].as_u64().unwrap(), "{query}");
        asked += 1;
    }
    // 3 years and months, 7 days, 24 hours, 3 senders, 3 sizes, 1 folder.
    assert_eq!(asked, 3 + 3 + 7 + 24 + 3 + 3 + 1);
}

#[test]
fn what_came_when_is_told_by_month_weekday_and_hour() {
    let (sandbox, _server) = pulled(letters());
    let text = sandbox.run(&["stats", "--by", "month,weekday,hour"]);
    let text = text.expect_code(0).stdout();
    for line in [
        "(11 months without mail)",
        "2020-03",
        // The second of March was a Saturday, a Monday and a Tuesday.
        "Saturday",
        "Monday",
        "10:00",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let json = sandbox.run(&["stats", "--by", "weekday,hour", "--json"]);
    let lines = json_lines(&json.expect_code(0).stdout);
    let all = [groups(&lines, "weekday"), groups(&lines, "hour")].concat();
    let some: Vec<_> = all
        .into_iter()
        .filter(|(_, messages)| *messages > 0)
        .collect();
    assert_eq!(
        some,
        pairs(&[
            ("Monday", 2),
            ("Tuesday", 8),
            ("Saturday", 1),
            ("no date", 1),
            ("10:00", 11),
            ("no date", 1)
        ])
    );
}

#[test]
fn how_the_mail_grew_is_compared_with_a_quota() {
    let (sandbox, _server) = pulled(letters());
    for (quota, passed, said) in [
        ("1M", Some("2019-03"), "(passed 1.0 MiB in 2019-03)"),
        ("2600K", Some("2020-03"), "(passed 2.5 MiB in 2020-03)"),
        ("1G", None, "(a full bar is 1.0 GiB, which is not reached)"),
    ] {
        let text = sandbox.run(&["stats", "--quota", quota]).expect_code(0);
        assert!(text.stdout().contains(said), "{text}");
        let json = sandbox.run(&["stats", "--quota", quota, "--json"]);
        let lines = json_lines(&json.expect_code(0).stdout);
        // The letter without a date was there from the beginning.
        let grown = pairs(&[("2019", 2), ("2020", 4), ("2021", 12)]);
        assert_eq!(groups(&lines, "growth"), grown);
        assert_eq!(lines.last().unwrap()["quota_passed"].as_str(), passed);
    }
    let page = sandbox.run(&["stats", "--quota", "1M", "--html", "mail.html"]);
    let _ = page.expect_code(0);
    let page = fs::read_to_string(sandbox.path("mail.html")).unwrap();
    assert!(
        page.contains("The dashed line is 1.0 MiB, passed in Mar\u{a0}2019."),
        "{page}"
    );
}

#[test]
fn what_does_not_fit_is_summed_up() {
    let (sandbox, _server) = pulled(letters());
    let args = ["stats", "--by", "sender,year", "--top", "1", "--json"];
    let lines = json_lines(&sandbox.run(&args).expect_code(0).stdout);
    assert_eq!(groups(&lines, "sender"), pairs(&[("ann@example.org", 2)]));
    assert_eq!(
        groups(&lines, "year"),
        pairs(&[("no date", 1), ("2021", 8)])
    );
    let rest: Vec<_> = lines.iter().filter(|line| line["type"] == "rest").collect();
    assert_eq!(rest.len(), 2);
    for rest in rest {
        let (groups, shown) = if rest["by"] == "sender" {
            (3, 2)
        } else {
            (2, 9)
        };
        assert_eq!(rest["groups"], groups, "{rest}");
        assert_eq!(rest["messages"], 12 - shown, "{rest}");
    }
}

#[test]
fn a_query_says_which_messages_and_the_advice_repeats_it() {
    let (sandbox, _server) = pulled(letters());
    let output = sandbox.run(&["stats", "account:work", "--by", "year"]);
    let text = output.stdout();
    assert!(
        text.ends_with("of the space: mailvault list account:work larger:2M\n"),
        "{output}"
    );
    let _ = sandbox
        .run(&["list", "account:work", "larger:2M"])
        .expect_code(0);
    for line in text.lines() {
        assert!(
            line.chars().count() <= 82 && !line.contains('\x1b'),
            "{line}"
        );
    }
    let none = sandbox.run(&["stats", "from:nobody"]);
    none.expect(0, "0 messages, 0 B\n", "");
}

#[test]
fn the_page_is_one_private_file() {
    let (sandbox, _server) = pulled(letters());
    // Also without a folder in its name.
    let output = sandbox
        .run(&["stats", "--html", "mail.html", "-q"])
        .expect_code(0);
    assert!(!output.stdout().contains("Wrote"), "{output}");
    let path = sandbox.path("mail.html");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!sandbox.path("mail.html.tmp").exists());
    let page = fs::read_to_string(path).unwrap();
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("prefers-color-scheme:dark"));
    assert_eq!(page.matches("<section").count(), 8);
    assert!(page.contains("ann@example.org"));
    assert!(!page.contains("<script"));
    // It is replaced, not added to.
    let _ = sandbox
        .run(&["stats", "--html", "mail.html"])
        .expect_code(0);
}

#[test]
fn a_failure_ends_with_the_summary_too() {
    let (sandbox, _server) = pulled(letters());
    for (args, code) in [
        (&["stats", "form:ann", "--json"][..], 2),
        (&["stats", "--by", "color", "--json"], 2),
        (&["stats", "--html", "/no/such/place.html", "--json"], 1),
        (&["--vault", "none", "stats", "--json"], 10),
    ] {
        let lines = json_lines(&sandbox.run(args).expect_code(code).stdout);
        assert!(lines.iter().any(|line| line["type"] == "error"), "{args:?}");
        assert_eq!(lines.last().unwrap()["exit"], code, "{args:?}");
    }
}
