//! The status for monitors: overdue pulls, metrics, and purges.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use mailvault::sample::Sample;

use crate::life::ageing::age;
use crate::support::scene::{Account, configure, json_lines, lines_of, pulled};

#[test]
fn an_overdue_pull_is_named_and_ends_with_19() {
    let (sandbox, server) = pulled(Sample::of(3, 7));
    let _ = sandbox.run(&["status", "--max-age", "2d"]).expect_code(0);
    let never = Account::of("never", &server);
    let by_hand = Account::of("hand", &server).with("pull", "false");
    configure(&sandbox, &[Account::of("work", &server), never, by_hand]);
    let output = sandbox.run(&["status", "--max-age", "2d"]).expect_code(19);
    assert_eq!(
        output.stderr(),
        "error: stale: never (no good pull yet)\n  hint: run 'mailvault pull' to see what is wrong\n"
    );
    assert!(output.stdout().starts_with("ACCOUNT"), "{output}");
    // Those who are named are meant, whatever a pull without names does.
    let _ = sandbox
        .run(&["status", "work", "--max-age", "1h"])
        .expect_code(0);
    let output = sandbox
        .run(&["status", "hand", "--max-age", "1h"])
        .expect_code(19);
    assert!(
        output.stderr().contains("hand (no good pull yet)"),
        "{output}"
    );
}

#[test]
fn a_pull_that_failed_does_not_make_an_account_fresh() {
    let (sandbox, server) = pulled(Sample::of(3, 7));
    sandbox.write(".password", "wrong\n", 0o600);
    let _ = sandbox.run(&["pull"]).expect_code(12);
    // Long enough for a second to pass on any machine.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let output = sandbox
        .run(&["status", "--max-age", "0d", "--json"])
        .expect_code(19);
    let lines = json_lines(&output.stdout);
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["status", "error", "summary"]);
    assert_eq!(lines[0]["stale"], true);
    assert_eq!(lines[0]["last_error"], "auth_failed");
    assert_eq!(lines[1]["code"], "stale");
    assert_eq!(lines[2]["exit"], 19);
    assert_eq!(lines[2]["stale"][0], "work");
    drop(server);
}

#[test]
fn metrics_are_one_whole_file_that_a_monitor_may_read() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let args = ["status", "--metrics", "mail.prom"];
    let _ = sandbox.run(&args).expect_code(0);
    // It is replaced.
    let _ = sandbox.run(&args).expect_code(0);
    let path = sandbox.path("mail.prom");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o600, 0o600);
    assert_eq!(mode & 0o022, 0);
    let text = fs::read_to_string(path).unwrap();
    assert!(
        text.contains("\nmailvault_messages{account=\"work\"} 3\n"),
        "{text}"
    );
    assert!(
        text.contains("\nmailvault_last_run_exit_code{account=\"work\"} 0\n"),
        "{text}"
    );
    for line in text.lines() {
        let sample = line.split_once(' ').is_some_and(|(name, value)| {
            name.starts_with("mailvault_") && value.parse::<u64>().is_ok()
        });
        assert!(
            sample || line.starts_with("# HELP ") || line.starts_with("# TYPE "),
            "{line}"
        );
    }
}

#[test]
fn every_metric_is_in_the_guide() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let _ = sandbox
        .run(&["status", "--metrics", "mail.prom"])
        .expect_code(0);
    let text = fs::read_to_string(sandbox.path("mail.prom")).unwrap();
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cron-and-timers.md");
    let guide = fs::read_to_string(guide).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in names.filter_map(|rest| rest.split(' ').next()) {
        assert!(guide.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn purges_are_told_an_account_with_their_time() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let _ = sandbox
        .run(&["purge", "work", "--all", "--yes"])
        .expect_code(0);
    let output = sandbox.run(&["status"]).expect_code(0);
    let text = output.stdout();
    assert!(
        text.contains("3 messages purged from the server ("),
        "{output}"
    );
    assert!(text.contains(", last today "), "{output}");
    let _ = sandbox
        .run(&["status", "--metrics", "mail.prom"])
        .expect_code(0);
    let text = fs::read_to_string(sandbox.path("mail.prom")).unwrap();
    assert!(
        text.contains("mailvault_purged_messages{account=\"work\"} 3\n"),
        "{text}"
    );
    assert!(
        text.contains("mailvault_last_purge_timestamp_seconds{account=\"work\"} 1"),
        "{text}"
    );
}

#[test]
fn a_failure_leaves_the_old_metrics_and_ends_with_the_summary() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let _ = sandbox
        .run(&["status", "--metrics", "mail.prom"])
        .expect_code(0);
    let before = fs::read(sandbox.path("mail.prom")).unwrap();
    let args = [
        "--vault",
        "none",
        "status",
        "--metrics",
        "mail.prom",
        "--json",
    ];
    let lines = json_lines(&sandbox.run(&args).expect_code(10).stdout);
    assert_eq!(lines.last().unwrap()["exit"], 10);
    assert!(fs::read(sandbox.path("mail.prom")).unwrap() == before);
    let args = ["status", "--metrics", "/no/such/dir/mail.prom"];
    let _ = sandbox.run(&args).expect_code(1);
}

#[test]
fn the_status_says_that_no_verify_has_read_the_mail_for_a_year() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let overdue = || {
        let summary = lines_of(&sandbox, &["status"], "summary").remove(0);
        let text = sandbox.run(&["status"]).expect_code(0).stdout();
        // The line may be wrapped.
        let said = text.find("verify: ").map(|at| {
            let words: Vec<&str> = text[at..].split_whitespace().collect();
            words.join(" ")
        });
        assert_eq!(summary["verify_overdue"], said.is_some(), "{text}");
        (summary["last_read"].is_null(), said)
    };
    assert_eq!(overdue(), (true, None));
    age(&sandbox.vault(), 366 * 24);
    let never = "verify: the messages were never all read back; run 'mailvault verify --read-data'";
    assert_eq!(overdue(), (true, Some(never.to_owned())));
    let _ = sandbox.run(&["verify"]).expect_code(0);
    let _ = sandbox
        .run(&["verify", "work", "--read-data"])
        .expect_code(0);
    let _ = sandbox
        .run(&["verify", "--read-data", "--subset", "1/2"])
        .expect_code(0);
    assert_eq!(overdue(), (true, Some(never.to_owned())));
    let _ = sandbox
        .run(&["verify", "--read-data", "--subset", "2/2"])
        .expect_code(0);
    assert_eq!(overdue(), (false, None));
    age(&sandbox.vault(), 366 * 24);
    let (none, said) = overdue();
    assert!(!none);
    assert!(
        said.unwrap()
            .starts_with("verify: not every message was read back since 20")
    );
}
