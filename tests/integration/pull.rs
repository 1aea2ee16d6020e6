//! What `pull` does, and what it leaves alone.

use std::fs;
use std::net::TcpListener;

use mailvault::sample::{Message, Sample};
use rustix::process::Signal;

use crate::support::output::Ended;
use crate::support::relay::Relay;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{
    Account, configure, json_lines, pulled, sandbox, server, tree, until, until_locked,
};
use crate::support::script::Server as Script;
use crate::support::step::connections;

/// A server that greets and then says nothing.
const SILENT: &str = "connection\nS: +OK ready\nC: CAPA\nhang\n";

fn names(sandbox: &Sandbox, account: &str) -> Vec<String> {
    let messages = sandbox.messages(account);
    messages.into_iter().map(|message| message.name).collect()
}

#[test]
fn two_accounts_are_read_at_once() {
    // Nobody greets, so that neither account ends before the other begins.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let port = |n: usize| listeners[n].local_addr().unwrap().port();
    let sandbox = sandbox(&[
        Account::new("home", port(0), "ann"),
        Account::new("work", port(1), "ann"),
    ]);
    let pull = sandbox.start(&["pull", "--create"]);
    let mut open = Vec::new();
    for (n, listener) in listeners.iter().enumerate() {
        listener.set_nonblocking(true).unwrap();
        until("both accounts", || {
            open.extend(listener.accept());
            open.len() > n
        });
    }
    pull.signal(Signal::KILL);
    let _ = pull.wait();
}

#[test]
fn a_first_pull_tells_what_it_did_and_a_second_one_nothing() {
    let mail = Sample::of(12, 7);
    let expected: Vec<Vec<u8>> = mail.iter().map(|m| m.bytes.clone()).collect();
    let server = server(mail);
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let output = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(output.stderr(), "");
    let stdout = output.stdout();
    assert!(stdout.starts_with("work  12 new  "), "{stdout}");
    assert!(
        stdout.ends_with("  $TIME\n\n12 messages in ~/vault. Nothing was deleted on a server.\n"),
        "{stdout}"
    );
    let mut stored: Vec<Vec<u8>> = sandbox
        .messages("work")
        .into_iter()
        .map(|message| message.bytes)
        .collect();
    let mut expected = expected;
    stored.sort();
    expected.sort();
    assert!(stored == expected);

    let before = sandbox.messages("work");
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(server.retrs(), 12);
    assert_eq!(sandbox.messages("work"), before);
}

#[test]
fn a_second_run_is_told_who_holds_the_vault_and_harms_nothing() {
    let (sandbox, _server) = pulled(Sample::of(3, 7));
    let script = Script::new();
    let play = script.play(connections(SILENT).unwrap());
    let busy = Account::new("busy", script.port(), "ann");
    configure(&sandbox, &[busy]);
    let first = sandbox.start(&["pull"]);
    until("a silent server", || play.has_heard("CAPA"));

    let before = tree(&sandbox.vault());
    let told = format!(
        "error: the vault at $HOME/vault is in use by process {}\n  \
         hint: try again when it has finished; pull, purge, export and import can wait\n        for it with --lock-wait 1h\n",
        first.id()
    );
    sandbox.run(&["pull"]).expect(11, "", &told);
    let output = sandbox.run(&["pull", "--lock-wait", "1s"]);
    output.expect(11, "", &told);
    assert!(tree(&sandbox.vault()) == before);
    first.signal(Signal::KILL);
    assert_eq!(first.wait().ended, Ended::Signal(9));
    assert_eq!(play.finish().deviations, [""; 0]);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn a_run_that_may_wait_goes_on_when_the_lock_is_free() {
    let script = Script::new();
    let play = script.play(connections(SILENT).unwrap());
    let server = server(Sample::of(3, 7));
    let sandbox = sandbox(&[
        Account::of("work", &server),
        Account::new("busy", script.port(), "ann"),
    ]);
    let first = sandbox.start(&["pull", "busy", "--create"]);
    until_locked(&sandbox, &first);
    let second = sandbox.start(&["pull", "work", "--lock-wait", "60s"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(server.sessions(), 0);
    first.signal(Signal::KILL);
    let _ = first.wait();
    let _ = second.wait().expect_code(0);
    assert_eq!(names(&sandbox, "work").len(), 3);
    let _ = play.finish();
}

#[test]
fn a_pull_that_was_killed_and_repeated_equals_one_pull() {
    const COUNT: usize = 2_000;
    let server = server(Sample::of(COUNT, 3));
    let undisturbed = sandbox(&[Account::of("work", &server)]);
    let _ = undisturbed.run(&["pull", "--create"]).expect_code(0);

    let sandbox = sandbox(&[Account::of("work", &server)]);
    let maildir = sandbox.vault().join("mail/work");
    let count = |sub: &str| fs::read_dir(maildir.join(sub)).map_or(0, Iterator::count);
    let mut killed = 0;
    for after in [1, 300, 1_000, 1_100, 1_500, 1_990] {
        let run = sandbox.start(&["pull", "--create"]);
        let mut ended = false;
        until("so many files", || {
            // Its state; what it has open only root may see.
            let state = fs::read_to_string(format!("/proc/{}/stat", run.id()));
            ended = state.is_ok_and(|state| state.contains(") Z "));
            ended || count("tmp") + count("cur") >= after
        });
        run.signal(Signal::KILL);
        killed += usize::from(run.wait().ended == Ended::Signal(9));
    }
    assert!(killed >= 2, "only {killed} runs were killed");
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(names(&sandbox, "work"), names(&undisturbed, "work"));
    assert!(sandbox.messages("work") == undisturbed.messages("work"));
    assert_eq!(count("tmp"), 0, "what was left behind is swept");
    sandbox
        .run(&["verify", "--read-data"])
        .expect(0, "work  2,000 of 2,000 messages good\n", "");
    sandbox.run(&["pull"]).expect(0, "", "");
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let server = server(Sample::of(12, 7));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let output = sandbox
        .run(&["pull", "--dry-run", "--create"])
        .expect_code(0);
    let stdout = output.stdout();
    assert!(
        stdout.starts_with("work  would fetch 12 messages, "),
        "{stdout}"
    );
    assert!(!sandbox.vault().exists());

    let _ = sandbox
        .run(&["pull", "--create", "--limit", "5"])
        .expect_code(0);
    // What SQLite keeps beside the catalog while somebody reads it counts for nothing.
    let vault = || {
        let mut files = tree(&sandbox.vault());
        files.retain(|name, _| !name.starts_with("catalog.sqlite-"));
        files
    };
    let before = vault();
    let output = sandbox.run(&["pull", "-n"]).expect_code(0);
    let stdout = output.stdout();
    assert!(
        stdout.starts_with("work  would fetch 7 messages, "),
        "{stdout}"
    );
    assert!(
        stdout.trim_end().ends_with(", of 12 on the server"),
        "{stdout}"
    );
    assert!(vault() == before);
    assert_eq!(server.retrs(), 5);
}

#[test]
fn a_limit_is_kept_and_the_next_run_goes_on() {
    let server = server(Sample::of(12, 7));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    for (limit, stored) in [("5", 5), ("5", 10), ("5", 12)] {
        let _ = sandbox
            .run(&["pull", "--create", "--limit", limit])
            .expect_code(0);
        assert_eq!(names(&sandbox, "work").len(), stored);
    }
    assert_eq!(server.retrs(), 12);
    sandbox.run(&["pull", "--limit", "5"]).expect(0, "", "");
}

#[test]
fn an_account_that_fails_does_not_stop_the_others() {
    let (one, two) = (server(Sample::of(3, 7)), server(Sample::of(4, 8)));
    let mut sandbox = sandbox(&[
        Account::of("aaa", &one),
        Account::of("bbb", &one).with("user", "\"nobody\""),
        Account::of("ccc", &two),
    ]);
    sandbox.mask_port(one.addr().port());
    let output = sandbox.run(&["pull", "--create"]).expect_code(3);
    assert_eq!(
        output.stderr(),
        "error: bbb: 127.0.0.1:$PORT refused the password for nobody
  server said: -ERR [AUTH] wrong user or password
  hint: check the password of bbb; mailvault does not retry it, because that
        could lock the mailbox. 'mailvault login bbb' stores a new one.
        Providers with two-step sign-in require an app password. Some require
        the full address as the user name.
"
    );
    let stdout = output.stdout();
    assert!(
        stdout.starts_with("aaa  3 new  ") && stdout.contains("\nccc  4 new  "),
        "{stdout}"
    );
    assert!(!stdout.contains("bbb"), "{stdout}");
    assert_eq!(names(&sandbox, "aaa").len(), 3);
    assert_eq!(names(&sandbox, "ccc").len(), 4);
}

#[test]
fn a_vault_that_is_configured_and_missing_is_not_made_by_itself() {
    let server = server(Sample::of(3, 7));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    sandbox.run(&["pull"]).expect(
        10,
        "",
        "error: no vault at $HOME/vault
  hint: is the disk mounted? To start a new vault there, run
        'mailvault pull --create' ('mailvault init' first, if there is no
        account yet)
",
    );
    assert!(!sandbox.vault().exists());
    assert_eq!(
        server.sessions(),
        0,
        "nobody was asked for mail that has no place"
    );
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(names(&sandbox, "work").len(), 3);
}

#[test]
fn a_vault_in_the_usual_place_is_made_at_the_first_pull() {
    let server = server(Sample::of(3, 7));
    let sandbox = sandbox(&[]);
    sandbox.write("secret", "secret\n", 0o600);
    let url = format!("pop3://{}@127.0.0.1:{}", "demo", server.addr().port());
    let args = ["pull", &url, "--password-command", "cat secret"];
    let config = sandbox.path(".config/mailvault/config.toml");
    fs::remove_file(config).unwrap();
    let _ = sandbox.run(&args).expect_code(0);
    let mail = sandbox.path(".local/share/mailvault/mail");
    let stored = tree(&mail);
    assert_eq!(stored.len(), 3, "{:?}", stored.keys());
    sandbox.run(&args).expect(0, "", "");
}

#[test]
fn json_lines_end_with_the_summary_whatever_happens() {
    let server = server(Sample::of(3, 7));
    let sandbox = sandbox(&[
        Account::of("bad", &server).with("user", "\"nobody\""),
        Account::of("work", &server),
    ]);
    for (args, code, status) in [
        (&["pull", "work", "--json"][..], 10, "vault_missing"),
        (&["pull", "work", "--json", "--create"], 0, "ok"),
        (&["pull", "--json"], 3, "partial"),
        (&["pull", "bad", "--json"], 12, "auth_failed"),
        (&["pull", "nobody", "--json"], 15, "config"),
        (&["pull", "--no-such-flag", "--json"], 2, "usage"),
        (&["show", "ffffffff", "--json"], 18, "not_found"),
        (&["status", "--json"], 0, "ok"),
        (&["list", "--json"], 0, "ok"),
        (&["verify", "--read-data", "--json"], 0, "ok"),
    ] {
        let output = sandbox.run(args).expect_code(code);
        assert_eq!(output.stderr(), "", "{args:?}");
        let lines = json_lines(&output.stdout);
        let summary = lines.last().unwrap();
        assert_eq!(
            (&summary["exit"], &summary["status"]),
            (&code.into(), &status.into())
        );
        let errors = lines.iter().filter(|line| line["type"] == "error").count();
        assert_eq!(errors > 0, code != 0, "{args:?}: {}", output.stdout());
    }
}

/// Pulls 2,000 messages through a relay, then once more, and counts.
fn turns(hide: &'static str) -> (usize, usize) {
    let server = server(Sample::of(2_000, 5));
    let relay = Relay::hiding(server.addr(), hide);
    let sandbox = sandbox(&[Account::new("work", relay.port(), "demo")]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let first = relay.take();
    assert_eq!(
        (first.connections, first.retr, first.top, first.dele),
        (1, 2_000, 0, 0)
    );
    sandbox.run(&["pull"]).expect(0, "", "");
    let again = relay.take();
    assert_eq!(
        (again.connections, again.retr, again.top, again.dele),
        (1, 0, 0, 0)
    );
    (first.turns, again.turns)
}

#[test]
fn with_pipelining_a_pull_takes_few_turns() {
    let (first, again) = turns("");
    assert!(first <= 10 + 2_000 / 450, "{first} turns");
    assert!(again <= 5, "{again} turns for nothing new");
}

#[test]
fn without_pipelining_a_pull_takes_a_turn_a_message_and_hardly_more() {
    let (first, again) = turns("PIPELINING");
    assert!(first <= 8 + 2_000, "{first} turns");
    assert!(first > 2_000, "{first} turns: something was sent ahead");
    assert!(again <= 8, "{again} turns for nothing new");
}

#[test]
fn names_that_are_awkward_are_data_and_not_paths() {
    let uidls = [
        "../../etc/passwd",
        "a b",
        "\u{e9}\u{202e}",
        "%41",
        "\"quoted\\",
        ".",
    ];
    let mail = |n: usize, uidl: &&str| Message {
        uidl: (*uidl).to_string(),
        bytes: format!("Subject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n{n}\r\n").into(),
    };
    let mail = uidls
        .iter()
        .enumerate()
        .map(|(n, uidl)| mail(n, uidl))
        .collect();
    let (sandbox, server) = pulled(mail);
    assert_eq!(names(&sandbox, "work").len(), uidls.len());
    assert!(
        sandbox
            .ledger_lines()
            .iter()
            .all(|line| line.bytes().all(|b| (0x20..0x7f).contains(&b)))
    );
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(server.retrs(), uidls.len() as u64);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}
