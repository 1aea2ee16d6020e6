//! Mail from a vault to a real server: each message once, with its date and flags, to the
//! byte, whatever happens on the way.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;

use crate::support::client::{imap_fetch_mailbox, imap_rows, on_the_wire};
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::line::{Trouble, line_to};
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, json_lines, sandbox, until};

/// Without these the server has to be asked more often, and says less.
const MODEST: &[&str] = &["LITERAL+", "UIDPLUS", "MULTIAPPEND", "APPENDUID"];

fn mail(n: usize) -> Vec<u8> {
    let filling = "all work and no play makes a dull message\r\n".repeat(n % 7);
    format!("Subject: number {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\nbody of {n}\r\n{filling}")
        .into_bytes()
}

fn home(port: u16) -> Account {
    Account::new("home", port, "bob").with("protocol", "\"imap\"")
}

/// A vault with these messages in a folder of the account `work`, from a Maildir.
fn put(sandbox: &Sandbox, folder: &str, messages: &[Vec<u8>], flags: &str) {
    let maildir = sandbox.path("plain").join(folder);
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    for (n, message) in messages.iter().enumerate() {
        let hash = mailvault::mail::message::Hash128::of(message);
        let path = maildir.join("cur").join(format!("{n}.{hash}.x:2,{flags}"));
        fs::write(&path, message).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + n as u64);
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    }
}

fn import(sandbox: &Sandbox) {
    let args = ["import", "plain", "--account", "work", "--create"];
    let _ = sandbox.run(&args).expect_code(0);
}

/// A vault with so many small messages, and an account for this port.
fn vault_of(messages: usize, port: u16) -> Sandbox {
    let sandbox = sandbox(&[home(port)]);
    put(
        &sandbox,
        "",
        &(0..messages).map(mail).collect::<Vec<_>>(),
        "",
    );
    import(&sandbox);
    sandbox
}

fn inbox(dovecot: &Dovecot) -> Vec<Vec<u8>> {
    imap_fetch_mailbox(dovecot.imap(), "bob", PASSWORD, "INBOX")
}

fn assert_each_once(dovecot: &Dovecot, messages: usize) {
    let there = inbox(dovecot);
    let distinct: BTreeSet<_> = there.iter().cloned().collect();
    assert_eq!((there.len(), distinct.len()), (messages, messages));
    assert!(distinct == (0..messages).map(mail).collect());
}

#[test]
fn a_tree_goes_where_another_server_has_it() {
    let options = Options {
        extra: "namespace inbox {\n  separator = .\n  prefix = INBOX.\n  \
                mailbox \"Sent Items\" {\n    special_use = \\Sent\n    auto = create\n  }\n}\n"
            .into(),
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    let sandbox = sandbox(&[home(dovecot.imap().port())]);
    put(&sandbox, "", &(0..3).map(mail).collect::<Vec<_>>(), "");
    put(
        &sandbox,
        ".Sent",
        &(3..5).map(mail).collect::<Vec<_>>(),
        "FRS",
    );
    put(&sandbox, ".Lists.&ANw-bung", &[mail(5), mail(6)], "S");
    import(&sandbox);
    let dry = sandbox.run(&["export", "imap:home", "-n"]).expect_code(0);
    assert!(dry.stdout().contains("prefix \"INBOX.\""), "{dry}");
    assert!(
        dry.stdout().contains("would upload 7 messages to home"),
        "{dry}"
    );
    assert!(inbox(&dovecot).is_empty());
    let run = sandbox.run(&["export", "imap:home"]).expect_code(0);
    assert!(run.stdout().starts_with("uploaded             7"), "{run}");
    let log = sandbox.run(&["log", "-l", "1"]).expect_code(0);
    let address = dovecot.imap();
    let row = format!("7 messages exported to bob@{address}\n");
    assert!(log.stdout().ends_with(&row), "{log}");
    let life = sandbox.run(&["log", "-l", "1", "number"]).expect_code(0);
    assert!(life.stdout().contains("  exported to bob@"), "{life}");
    for (folder, numbers) in [
        ("INBOX", 0..3),
        ("INBOX.Sent Items", 3..5),
        ("INBOX.Lists.&ANw-bung", 5..7),
    ] {
        let there = imap_fetch_mailbox(dovecot.imap(), "bob", PASSWORD, folder);
        assert_eq!(there.len(), numbers.len(), "{folder}");
        let there: BTreeSet<Vec<u8>> = there.into_iter().collect();
        assert!(there == numbers.map(mail).collect(), "{folder}");
    }
    let rows = imap_rows(
        dovecot.imap(),
        "bob",
        "INBOX.Sent Items",
        "FLAGS INTERNALDATE",
    );
    for second in ["40", "41"] {
        let date = format!("INTERNALDATE \"09-Sep-2001 01:46:{second} +0000\"");
        assert!(rows.iter().any(|row| row.contains(&date)), "{rows:?}");
    }
    for flag in ["\\Seen", "\\Flagged", "\\Answered"] {
        assert!(rows[0].contains(flag), "{rows:?}");
    }
    let subscribed = fs::read_to_string(dovecot.maildir("bob").join("subscriptions")).unwrap();
    assert!(subscribed.contains("Lists"), "{subscribed}");
    // A second time there is nothing to do, and new mail is added.
    let again = sandbox.run(&["export", "imap:home"]).expect_code(0);
    assert!(
        again
            .stdout()
            .starts_with("all 7 messages are in home already"),
        "{again}"
    );
    put(&sandbox, ".New", &[mail(9)], "");
    import(&sandbox);
    let more = sandbox
        .run(&["export", "imap:home", "--json"])
        .expect_code(0);
    let summary = json_lines(&more.stdout).pop().unwrap();
    assert_eq!(
        (&summary["uploaded"], &summary["before"]),
        (&1.into(), &7.into())
    );
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn mail_of_several_accounts_goes_into_one_only_where_that_is_said() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let sandbox = vault_of(2, dovecot.imap().port());
    put(&sandbox, "", &[mail(7)], "");
    let import = ["import", "plain", "--account", "old"];
    let _ = sandbox.run(&import).expect_code(0);
    let out = sandbox.run(&["export", "imap:home"]).expect_code(2);
    assert!(out.stderr().contains("old, work"), "{out}");
    assert!(out.stderr().contains("account:old"), "{out}");
    assert_eq!(inbox(&dovecot).len(), 0);
    for plan in ["-n", "--check"] {
        let out = sandbox.run(&["export", "imap:home", plan]).expect_code(0);
        assert!(out.stdout().contains("mail of old, work"), "{out}");
    }
    let _ = sandbox
        .run(&["export", "imap:home", "account:old"])
        .expect_code(0);
    assert_eq!(inbox(&dovecot).len(), 3);
    let _ = sandbox
        .run(&["export", "imap:home", "account:*"])
        .expect_code(0);
}

#[test]
fn nothing_to_upload_is_an_error_only_where_something_was_named() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let sandbox = vault_of(2, dovecot.imap().port());
    for query in ["newer:1d", "larger:5M"] {
        let out = sandbox.run(&["export", "imap:home", query]).expect_code(0);
        assert!(out.stdout().contains("no messages match"), "{out}");
    }
    for (query, code, said) in [
        ("id:ffffffff", 18, "no message in the vault matches"),
        (
            "folder:INBOX larger:5M",
            18,
            "no message in the vault matches",
        ),
        ("account:nobody", 2, "no account in the vault is called"),
    ] {
        let query: Vec<&str> = query.split(' ').collect();
        let out = sandbox.run(&[&["export", "imap:home"], &query[..]].concat());
        let out = out.expect_code(code);
        assert!(out.stderr().contains(said), "{out}");
    }
}

#[test]
fn a_message_that_is_found_is_put_back_by_its_id() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let sandbox = sandbox(&[home(dovecot.imap().port())]);
    let pass = b"Subject: Your boarding pass LIS-BER\r\nFrom: Example Air <air@example.org>\r\n\
        Message-ID: <pass@example.org>\r\n\r\nGate 4\r\n";
    let mut messages: Vec<Vec<u8>> = (0..20).map(mail).collect();
    messages.insert(7, pass.to_vec());
    put(&sandbox, "", &messages, "S");
    import(&sandbox);
    let found = sandbox.run(&["search", "boarding", "pass"]).expect_code(0);
    let rows: Vec<String> = found.stdout().lines().map(str::to_owned).collect();
    assert_eq!(rows.len(), 2, "{found}");
    let id = format!("id:{}", &rows[1][..4]);
    let run = sandbox.run(&["export", "imap:home", &id]);
    run.expect(0, "1 message put into INBOX of home.\n", "");
    assert_eq!(inbox(&dovecot), [pass]);
    let rows = imap_rows(dovecot.imap(), "bob", "INBOX", "FLAGS INTERNALDATE");
    assert!(rows[0].contains("\\Seen") && rows[0].contains("09-Sep-2001 01:46:47 +0000"));
}

#[test]
fn awkward_mail_comes_back_to_the_byte_and_what_is_refused_is_listed() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let sandbox = sandbox(&[home(dovecot.imap().port())]);
    let large = [
        b"Subject: large\r\n\r\n".as_slice(),
        &b"line of text\r\n".repeat(300_000),
    ]
    .concat();
    let messages: Vec<Vec<u8>> = vec![
        b"Subject: nul\r\n\r\na\0b\r\n".to_vec(),
        b"Subject: caf\xe9\r\n\r\nx\r\n".to_vec(),
        b"\r\nno header\r\n".to_vec(),
        b"Subject: open\r\n\r\nno end".to_vec(),
        b"Subject: mixed\r\n\r\na\nb\r\n".to_vec(),
        [
            b"Subject: long\r\n\r\n".as_slice(),
            &[b'x'; 20_000],
            b"\r\n",
        ]
        .concat(),
        large,
    ];
    put(&sandbox, "", &messages, "");
    import(&sandbox);
    let check = sandbox
        .run(&["export", "imap:home", "--check"])
        .expect_code(3);
    for line in [
        "will refuse          1   it holds NUL octets, which IMAP cannot carry",
        "may refuse           1   its header has characters beyond ASCII",
        "may refuse           1   its last line has no end",
        "may refuse           1   it has a line of more than 9,900 octets",
    ] {
        assert!(check.stdout().contains(line), "{check}");
    }
    assert!(inbox(&dovecot).is_empty());
    let run = sandbox.run(&["export", "imap:home"]).expect_code(3);
    for line in [
        "uploaded             6",
        "refused              1   it holds NUL octets",
        "Done with 1 refused.",
    ] {
        assert!(run.stdout().contains(line), "{run}");
    }
    let there: BTreeSet<Vec<u8>> = inbox(&dovecot).into_iter().collect();
    let wanted = messages[1..]
        .iter()
        .map(|m| on_the_wire(m, false))
        .collect();
    assert!(there == wanted);
    let again = sandbox.run(&["export", "imap:home"]).expect_code(3);
    assert!(again.stdout().contains("already there        6"), "{again}");
    assert_eq!(inbox(&dovecot).len(), 6);
}

#[test]
fn names_and_dates_that_the_server_gets_otherwise_are_told() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let sandbox = sandbox(&[home(dovecot.imap().port())]);
    put(&sandbox, "", &[mail(1)], "");
    put(&sandbox, ".50%", &[mail(2)], "");
    put(&sandbox, ".#old", &[mail(3)], "");
    import(&sandbox);
    // Copies of the vault's files without their times.
    for stored in sandbox.messages("work") {
        let file = format!("mail/work/{}/cur/{}", stored.folder, stored.name);
        let file = fs::File::open(sandbox.vault().join(file)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(500_000))
            .unwrap();
    }
    for option in ["--check", "-n"] {
        let looked = sandbox.run(&["export", "imap:home", option]);
        let looked = looked.expect_code(if option == "-n" { 0 } else { 3 });
        for line in [
            "folder        50% gets _ for control characters, * and %, which no name may have\n",
            "folder        #old may be refused: some servers reserve names that begin like this\n",
        ] {
            assert!(looked.stdout().contains(line), "{looked}");
        }
    }
    let run = sandbox.run(&["export", "imap:home", "--json"]);
    let summary = json_lines(&run.stdout).pop().unwrap();
    assert_eq!(summary["undated"], 0, "{run}");
    assert_eq!(summary["uploaded"], 3, "{run}");
    let run = sandbox
        .run(&["export", "imap:home", "--again"])
        .expect_code(0);
    assert!(!run.stderr().contains("without a date"), "{run}");
    for row in imap_rows(dovecot.imap(), "bob", "INBOX", "INTERNALDATE") {
        // As the ledger has it, whatever the time of the file.
        assert!(row.contains("09-Sep-2001 01:46:"), "{row}");
    }
}

#[test]
fn a_line_that_is_cut_costs_no_message_and_doubles_none() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    for (hide, user) in [(&[][..], "bob"), (MODEST, "ben")] {
        let trouble = Trouble {
            cut_after: Some(30_000),
            hide,
            ..Trouble::default()
        };
        let port = line_to(dovecot.imap(), &trouble);
        let account = Account::new("home", port, user).with("protocol", "\"imap\"");
        let sandbox = sandbox(&[account]);
        put(&sandbox, "", &(0..200).map(mail).collect::<Vec<_>>(), "");
        import(&sandbox);
        let run = sandbox.run(&["export", "imap:home", "-v"]).expect_code(0);
        assert!(run.stderr().contains("closed the connection"), "{run}");
        assert!(
            run.stdout()
                .contains("200 messages put into INBOX of home."),
            "{run}"
        );
        let there = imap_fetch_mailbox(dovecot.imap(), user, PASSWORD, "INBOX");
        let distinct: BTreeSet<_> = there.iter().cloned().collect();
        assert_eq!((there.len(), distinct.len()), (200, 200), "{run}");
    }
}

/// The server takes a message in about 20 ms, and goes on with what is in the pipe after the
/// run was killed; the next one begins at once.
#[test]
fn a_slow_server_that_goes_on_after_a_kill_gets_every_message_once() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    for (hide, user) in [(&[][..], "bob"), (MODEST, "ben")] {
        let trouble = Trouble {
            pace: Some((250, Duration::from_millis(20))),
            hide,
            ..Trouble::default()
        };
        let port = line_to(dovecot.imap(), &trouble);
        let account = Account::new("home", port, user).with("protocol", "\"imap\"");
        let sandbox = sandbox(&[account]);
        put(&sandbox, "", &(0..300).map(mail).collect::<Vec<_>>(), "");
        import(&sandbox);
        let count = || {
            let files = |part| fs::read_dir(dovecot.maildir(user).join(part));
            let count = |part| files(part).map_or(0, Iterator::count);
            count("cur") + count("new")
        };
        let run = sandbox.start(&["export", "imap:home"]);
        until("messages arrive", || count() >= 60);
        run.signal(Signal::KILL);
        drop(run.wait());
        let run = sandbox.run(&["export", "imap:home"]).expect_code(0);
        assert!(
            user == "ben" || run.stderr().contains("waiting until it stops growing"),
            "{run}"
        );
        let there = imap_fetch_mailbox(dovecot.imap(), user, PASSWORD, "INBOX");
        let distinct: BTreeSet<_> = there.iter().cloned().collect();
        assert_eq!((there.len(), distinct.len()), (300, 300), "{run}");
    }
}

#[test]
fn what_a_killed_run_left_twice_is_named() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let trouble = Trouble {
        pace: Some((250, Duration::from_millis(5))),
        ..Trouble::default()
    };
    let port = line_to(dovecot.imap(), &trouble);
    let sandbox = vault_of(100, port);
    let folder = |part| dovecot.maildir("bob").join(part);
    let there = || -> Vec<std::path::PathBuf> {
        let files = ["cur", "new"].map(|part| fs::read_dir(folder(part)).into_iter().flatten());
        files
            .into_iter()
            .flatten()
            .map(|file| file.unwrap().path())
            .collect()
    };
    let run = sandbox.start(&["export", "imap:home"]);
    until("messages arrive", || there().len() >= 5);
    run.signal(Signal::KILL);
    drop(run.wait());
    let mut seen = (0, 0);
    until("the server is done", || {
        let now = there().len();
        seen = (now, if now == seen.0 { seen.1 + 1 } else { 0 });
        seen.1 > 400
    });
    // Another program, or a run of an older version, brought one of them again.
    let twin = folder("new").join("1.twin.example.org");
    fs::hard_link(there().pop().unwrap(), &twin).unwrap();
    let run = sandbox
        .run(&["export", "imap:home", "--json"])
        .expect_code(3);
    let lines = json_lines(&run.stdout);
    assert_eq!(lines.last().unwrap()["doubled"], 1, "{run}");
    let doubled = lines.iter().find(|line| line["type"] == "doubled").unwrap();
    assert_eq!(
        doubled["reason"], "2 messages on the server have its size and header",
        "{run}"
    );
    assert_eq!(inbox(&dovecot).len(), 101);
}

#[test]
fn a_run_that_was_killed_is_repeated_and_every_message_is_there_once() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    for (hide, user) in [(&[][..], "bob"), (MODEST, "ben")] {
        let trouble = Trouble {
            delay: Duration::from_millis(2),
            hide,
            ..Trouble::default()
        };
        let port = line_to(dovecot.imap(), &trouble);
        let account = Account::new("home", port, user).with("protocol", "\"imap\"");
        let sandbox = sandbox(&[account]);
        put(&sandbox, "", &(0..400).map(mail).collect::<Vec<_>>(), "");
        import(&sandbox);
        let count = || {
            let files = |part| fs::read_dir(dovecot.maildir(user).join(part));
            let count = |part| files(part).map_or(0, Iterator::count);
            count("cur") + count("new")
        };
        let mut kills = 0;
        for goal in [20, 150, 300] {
            let run = sandbox.start(&["export", "imap:home"]);
            until("messages arrive", || count() >= goal);
            kills += usize::from(count() < 400);
            run.signal(if goal == 150 {
                Signal::INT
            } else {
                Signal::KILL
            });
            drop(run.wait());
        }
        assert!(kills > 0, "the runs were over before they were killed");
        let _ = sandbox.run(&["export", "imap:home"]).expect_code(0);
        let there = imap_fetch_mailbox(dovecot.imap(), user, PASSWORD, "INBOX");
        let distinct: BTreeSet<_> = there.iter().cloned().collect();
        assert_eq!((there.len(), distinct.len()), (400, 400));
        let last = sandbox.run(&["export", "imap:home"]).expect_code(0);
        assert!(
            last.stdout()
                .starts_with("all 400 messages are in home already"),
            "{last}"
        );
    }
}

#[test]
fn a_full_mailbox_ends_the_upload_with_what_came_of_it() {
    let options = Options {
        extra: "mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\n\
                plugin {\n  quota = maildir:User quota\n  quota_rule = *:messages=30\n}\n"
            .into(),
        ..Options::default()
    };
    let Some(dovecot) = Dovecot::start(&options) else {
        return;
    };
    let sandbox = vault_of(80, dovecot.imap().port());
    for _ in 0..2 {
        let run = sandbox.run(&["export", "imap:home"]).expect_code(16);
        let said = run.stderr();
        assert!(
            said.contains("home: the mailbox is full; 30 of 80 messages uploaded"),
            "{run}"
        );
        assert!(said.contains("server said: NO [OVERQUOTA]"), "{run}");
        assert!(
            said.contains("more is needed; run the same command again afterwards"),
            "{run}"
        );
        assert_eq!(inbox(&dovecot).len(), 30);
    }
}

#[test]
fn one_lost_message_is_put_back_by_two_commands() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let sandbox = vault_of(3, dovecot.imap().port());
    let pass = b"From: Example Air <air@example.net>\r\nSubject: Your boarding pass LIS-BER\r\n\
                 Message-ID: <pass@example.net>\r\n\r\nGate 4\r\n";
    put(&sandbox, "", &[pass.to_vec()], "S");
    import(&sandbox);
    let found = sandbox.run(&["search", "boarding", "pass"]).expect_code(0);
    let id = found.stdout().lines().nth(1).unwrap()[..4].to_owned();
    let id = format!("id:{id}");
    let run = sandbox.run(&["export", "imap:home", &id]);
    run.expect(0, "1 message put into INBOX of home.\n", "");
    assert_eq!(inbox(&dovecot), [pass.to_vec()]);
    // It is lost again.
    for file in fs::read_dir(dovecot.maildir("bob").join("cur")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let run = sandbox.run(&["export", "imap:home", &id]).expect_code(0);
    assert!(run.stdout().contains("--again also uploads"), "{run}");
    for said in ["1 message put into INBOX", "the message is in home already"] {
        let run = sandbox
            .run(&["export", "imap:home", &id, "--again"])
            .expect_code(0);
        assert!(run.stdout().starts_with(said), "{run}");
    }
    assert_eq!(inbox(&dovecot), [pass.to_vec()]);
    let run = sandbox.run(&["export", "imap:home", &id, "--into", "Old/Found"]);
    run.expect(0, "1 message put into Old/Found of home.\n", "");
    assert_eq!(
        imap_fetch_mailbox(dovecot.imap(), "bob", PASSWORD, "Old/Found"),
        [pass.to_vec()]
    );
}

#[test]
fn what_was_there_before_is_not_doubled() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("bob", &(0..5).map(mail).collect::<Vec<_>>());
    let sandbox = vault_of(8, dovecot.imap().port());
    let run = sandbox.run(&["export", "imap:home"]).expect_code(0);
    assert!(run.stdout().contains("already there        5"), "{run}");
    assert_each_once(&dovecot, 8);
}

#[test]
fn flags_keywords_and_dates_of_one_server_are_those_of_the_next() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("ann", &[mail(1)]);
    let maildir = dovecot.maildir("ann");
    fs::write(maildir.join("dovecot-keywords"), "0 $Label1\n1 work\n").unwrap();
    let file = fs::read_dir(maildir.join("new")).unwrap().next().unwrap();
    fs::rename(file.unwrap().path(), maildir.join("cur/1.x:2,FSab")).unwrap();
    let port = dovecot.imap().port();
    let ann = Account::new("work", port, "ann").with("protocol", "\"imap\"");
    let sandbox = sandbox(&[ann, home(port)]);
    let _ = sandbox.run(&["pull", "work", "--create"]).expect_code(0);
    let _ = sandbox.run(&["export", "imap:home"]).expect_code(0);
    let rows = |user| {
        let rows = imap_rows(dovecot.imap(), user, "INBOX", "FLAGS INTERNALDATE");
        rows[0].replace(" \\Recent", "")
    };
    assert_eq!(rows("bob"), rows("ann"));
    for flag in ["$Label1", "work", "\\Flagged"] {
        assert!(rows("bob").contains(flag), "{}", rows("bob"));
    }
}

/// As a mailing list and its author can send them: one Message-ID, and one size.
#[test]
fn one_message_id_does_not_make_two_messages_one() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let copy = |way: &str| {
        format!("Subject: {way}\r\nMessage-ID: <a@example.org>\r\n\r\nhi\r\n").into_bytes()
    };
    let port = line_to(
        dovecot.imap(),
        &Trouble {
            hide: MODEST,
            ..Trouble::default()
        },
    );
    let sandbox = sandbox(&[home(port)]);
    for (way, number) in [("mx", 1), ("my", 2)] {
        put(&sandbox, "", &[copy(way)], "");
        import(&sandbox);
        let _ = sandbox.run(&["export", "imap:home"]).expect_code(0);
        assert_eq!(inbox(&dovecot).len(), number);
    }
}

#[test]
fn a_destination_that_takes_no_mail_is_refused() {
    let sandbox = sandbox(&[Account::new("pop", 110, "ann")]);
    for (args, words) in [
        (&["export", "imap:"][..], "lacks the name of an account"),
        (&["export", "imap:pop"], "pop is a POP3 account"),
        (
            &["export", "imap:pop", "--crlf"],
            "--format, --crlf, --keep-uids and --with-eml are for files",
        ),
        (
            &["export", "out", "--check"],
            "work only for an export to a server",
        ),
    ] {
        let run = sandbox.run(args).expect_code(2);
        assert!(run.stderr().contains(words), "{run}");
    }
    configure(&sandbox, &[home(1)]);
    let run = sandbox.run(&["export", "imap:else"]).expect_code(15);
    assert!(run.stderr().contains("else"), "{run}");
}

/// Uploads at 50 ms, against one APPEND after another in the same run.
#[test]
#[ignore = "measures"]
#[allow(clippy::print_stdout, reason = "what it measures")]
fn uploads_over_a_long_line() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let messages = 3_000;
    let text = |n: usize| {
        let body = "forty-two octets of text in every line...\r\n".repeat(92);
        format!("Subject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n{body}").into_bytes()
    };
    let mut rates = Vec::new();
    for (user, hide, count) in [("fast", &[][..], messages), ("slow", MODEST, 60)] {
        let trouble = Trouble {
            delay: Duration::from_millis(25),
            hide,
            ..Trouble::default()
        };
        let port = line_to(dovecot.imap(), &trouble);
        let account = Account::new("home", port, user).with("protocol", "\"imap\"");
        let sandbox = sandbox(&[account]);
        put(&sandbox, "", &(0..count).map(text).collect::<Vec<_>>(), "");
        import(&sandbox);
        let began = Instant::now();
        let _ = sandbox.run(&["export", "imap:home"]).expect_code(0);
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        rates.push(count as f64 / began.elapsed().as_secs_f64());
    }
    println!(
        "{:.0} messages/s against {:.0} one by one: {:.1} times",
        rates[0],
        rates[1],
        rates[0] / rates[1]
    );
}
