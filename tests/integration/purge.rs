//! What `purge` deletes, and what it leaves.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use mailvault::sample::{Message, Sample, Server};

use crate::support::client::pop3_fetch_all;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::missing;
use crate::support::output::{Ended, Output};
use crate::support::sandbox::{Sandbox, Stored};
use crate::support::scene::{Account, json_lines, message, pulled, sandbox};

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
        "error: purge needs confirmation, but there is no terminal\n  \
         hint: add --yes to delete, or --dry-run to preview\n",
    );
    sandbox.run(&["purge", "work", "--yes"]).expect(
        2,
        "",
        "error: nothing is selected for deletion\n  \
         hint: use --older-than 90d, --free 500M, --match QUERY, or --all\n",
    );
    let _ = server;
}

/// Flips a bit in the middle of the file that holds this text.
fn flip(sandbox: &Sandbox, text: &str) {
    let cur = sandbox.vault().join("mail/work/cur");
    let holds = |m: &&Stored| String::from_utf8_lossy(&m.bytes).contains(text);
    let all = sandbox.messages("work");
    let path = cur.join(&all.iter().find(holds).unwrap().name);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&path, bytes).unwrap();
}

fn three() -> Vec<Message> {
    ["one", "two", "three"]
        .map(|word| {
            message(
                word,
                &format!("Subject: {word}\r\nMessage-ID: <{word}@example.org>\r\n\r\n{word}\r\n"),
            )
        })
        .into()
}

fn names_left(server: &Server) -> Vec<String> {
    pop3_fetch_all(server.addr(), Server::USER, PASSWORD)
        .into_iter()
        .map(|(uidl, _, _)| uidl)
        .collect()
}

#[test]
fn a_message_whose_copy_is_damaged_stays_on_the_server_and_is_fetched_again() {
    let (sandbox, server) = pulled(three());
    flip(&sandbox, "Subject: two");
    let output = sandbox.run(&["purge", "work", "--all", "--yes"]);
    let said = output.expect_code(3).stderr();
    assert!(
        said.contains("1 message kept on the server: the archived copy is damaged or missing"),
        "{said}"
    );
    assert_eq!(names_left(&server), ["two"]);

    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(20);
    let refused = sandbox.run(&["purge", "work", "--all", "--yes"]);
    let said = refused.expect_code(20).stderr();
    assert!(said.contains("nothing is deleted on a server"), "{said}");
    // The names are all there, which says nothing of a flipped bit.
    let _ = sandbox.run(&["verify"]);
    let _ = sandbox
        .run(&["purge", "work", "--all", "--yes"])
        .expect_code(20);
    assert_eq!(names_left(&server), ["two"]);

    let _ = sandbox.run(&["verify", "--read-data", "--repair"]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(sandbox.messages("work").len(), 3);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    let _ = sandbox
        .run(&["purge", "work", "--all", "--yes"])
        .expect_code(0);
    assert_eq!(names_left(&server), [""; 0]);
}

#[test]
fn a_copy_that_a_mail_reader_renamed_is_found() {
    let (sandbox, server) = pulled(three());
    let folder = sandbox.vault().join("mail/work");
    for (n, stored) in sandbox.messages("work").iter().enumerate() {
        let (sub, flags) = [("cur", "S"), ("cur", "FRS"), ("new", "")][n];
        let base = stored.name.split(":2,").next().unwrap();
        let to = folder.join(sub).join(format!("{base}:2,{flags}"));
        std::fs::rename(folder.join("cur").join(&stored.name), to).unwrap();
    }
    let _ = sandbox
        .run(&["purge", "work", "--all", "--yes"])
        .expect_code(0);
    assert_eq!(names_left(&server), [""; 0]);
}

#[test]
fn a_purge_tells_programs_all_that_happened() {
    let (sandbox, _server) = pulled(three());
    flip(&sandbox, "Subject: two");
    let run = |args: &[&str]| {
        let args = [&["purge", "work", "--json"][..], args].concat();
        let lines = json_lines(&sandbox.run(&args).stdout);
        let types: Vec<String> = lines
            .iter()
            .map(|line| line["type"].as_str().unwrap().to_owned())
            .collect();
        (types.join(" "), lines)
    };
    let (types, lines) = run(&[]);
    assert_eq!(types, "start plan summary");
    assert_eq!(lines[1]["server_messages"], 3);
    let (types, lines) = run(&["--all", "--yes"]);
    assert_eq!(types, "start plan kept account summary");
    assert_eq!(
        (&lines[1]["delete"], &lines[2]["reason"]),
        (&3.into(), &"not_intact".into())
    );
    assert_eq!(
        (&lines[3]["asked"], &lines[3]["freed"]),
        (&2.into(), &2.into())
    );
    assert_eq!(lines[4]["exit"], 3);
    let (types, lines) = run(&["--match", "frm:ann", "--yes"]);
    assert_eq!(types, "error summary");
    assert_eq!(lines[1]["exit"], 2);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(20);
    let (types, lines) = run(&["--all", "--yes"]);
    assert_eq!(types, "start error summary");
    assert_eq!(
        (&lines[1]["code"], &lines[2]["exit"]),
        (&"damaged".into(), &20.into())
    );
}

/// A purge at a terminal, at which this is typed; what the terminal showed.
fn typed(sandbox: &Sandbox, answer: &str) -> (Ended, String) {
    let program = env!("CARGO_BIN_EXE_mailvault");
    let line = format!("stty cols 80; {program} purge work --match subject:t");
    let mut script = sandbox.tool("script");
    script.args(["-qec", &line, "/dev/null"]);
    let file = sandbox.write("typed", answer, 0o600);
    script.stdin(std::fs::File::open(file).unwrap());
    let output = sandbox.spawn(script).wait();
    (output.ended, output.stdout())
}

#[test]
fn at_a_terminal_only_the_accounts_name_deletes() {
    if missing("script") {
        return;
    }
    let (sandbox, server) = pulled(three());
    for wrong in ["y\n", "yes\n", "wrok\n", "\n", ""] {
        let (ended, shown) = typed(&sandbox, wrong);
        assert_eq!(ended, Ended::Exit(1), "{wrong:?}: {shown}");
        assert!(shown.contains("Nothing was deleted."), "{shown}");
        assert_eq!(names_left(&server).len(), 3);
    }
    let (ended, shown) = typed(&sandbox, "work\n");
    assert_eq!(ended, Ended::Exit(0), "{shown}");
    let order = [
        "with --match",
        "Would delete 2 messages",
        "2 messages (110 B) of work will be deleted from 127.0.0.1.",
        "They stay in the vault. The server cannot bring them back.",
        "Type the account name to continue:",
        "Archived copies   2 of 2 read back, all match",
        "Deleted           2, confirmed by a new listing",
    ];
    let at: Vec<Option<usize>> = order.iter().map(|words| shown.find(words)).collect();
    assert!(at.is_sorted() && at[0].is_some(), "{at:?}: {shown}");
    assert!(
        shown.lines().all(|line| line.chars().count() <= 81),
        "{shown}"
    );
    assert_eq!(names_left(&server), ["one"]);
}

/// The purge events of the ledger, in their order.
fn purge_events(sandbox: &Sandbox) -> Vec<String> {
    let event = |line: String| {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let event = line["ev"].as_str().unwrap();
        let name = || line["uidl"].as_str().unwrap();
        event
            .starts_with("purge")
            .then(|| format!("{event} {}", name()))
    };
    sandbox
        .ledger_lines()
        .into_iter()
        .filter_map(event)
        .collect()
}

/// What a server says to one command of a session that deletes `one` of two messages.
fn reply(command: &str, names: &[&str]) -> String {
    let rows = |of: &dyn Fn(&str) -> String| -> String {
        let rows = (1..)
            .zip(names)
            .map(|(n, name)| format!("{n} {}\r\n", of(name)));
        format!("+OK\r\n{}.\r\n", rows.collect::<String>())
    };
    let text = |name: &str| {
        format!("Subject: {name}\r\nMessage-ID: <{name}@example.org>\r\n\r\n{name}\r\n")
    };
    let mut words = command.split(' ');
    let verb = words.next().unwrap();
    let name = words
        .next()
        .and_then(|n| n.parse::<usize>().ok())
        .map_or("", |n| names[n - 1]);
    match verb {
        "CAPA" => "+OK\r\nTOP\r\nUIDL\r\nUSER\r\n.\r\n".to_owned(),
        "LIST" => rows(&|name| text(name).len().to_string()),
        "UIDL" => rows(&ToString::to_string),
        "RETR" => format!("+OK\r\n{}.\r\n", text(name)),
        "TOP" => {
            let text = text(name);
            let end = text.find("\r\n\r\n").unwrap() + 4;
            format!("+OK\r\n{}.\r\n", &text[..end])
        }
        _ => "+OK\r\n".to_owned(),
    }
}

/// Serves one session, to its QUIT.
fn serve(listener: &TcpListener, names: &[&str]) {
    let (stream, _) = listener.accept().unwrap();
    let mut write = &stream;
    write.write_all(b"+OK ready\r\n").unwrap();
    for line in BufReader::new(&stream).lines() {
        let line = line.unwrap();
        write.write_all(reply(&line, names).as_bytes()).unwrap();
        if line == "QUIT" {
            return;
        }
    }
}

/// Runs the program against sessions that show these messages.
fn against(sandbox: &Sandbox, listener: &TcpListener, args: &[&str], shown: &[&[&str]]) -> Output {
    std::thread::scope(|scope| {
        let run = scope.spawn(|| sandbox.run(args));
        for names in shown {
            serve(listener, names);
        }
        run.join().unwrap()
    })
}

#[test]
fn a_server_that_is_gone_before_it_can_be_asked_leaves_it_to_the_next_listing() {
    for next in [&["pull"][..], &["purge", "work"]] {
        let both = ["one", "two"];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let account = Account::new("work", addr.port(), "ann").with("retries", "1");
        let sandbox = sandbox(&[account]);
        let pull = against(&sandbox, &listener, &["pull", "--create"], &[&both]);
        let _ = pull.expect_code(0);
        let end = std::thread::scope(|scope| {
            let purge = scope.spawn(|| sandbox.run(&["purge", "work", "--all", "--yes"]));
            serve(&listener, &both);
            // From now on connections are refused.
            drop(listener);
            purge.join().unwrap()
        });
        let said = end.expect_code(17).stderr();
        assert!(said.contains("it is not yet known whether"), "{said}");
        assert_eq!(
            purge_events(&sandbox),
            ["purge-intent one", "purge-intent two"]
        );

        // Half of it was done.
        let listener = TcpListener::bind(addr).unwrap();
        let _ = against(&sandbox, &listener, next, &[&["two"]]).expect_code(0);
        let mut settled = purge_events(&sandbox).split_off(2);
        settled.sort();
        assert_eq!(settled, ["purge-kept two", "purged one"], "{next:?}");
        let _ = sandbox.run(&["verify"]).expect_code(0);
        let lines = json_lines(&sandbox.run(&["status", "--json"]).stdout);
        assert!(lines.iter().any(|line| line["purged"] == 1), "{lines:?}");
    }
}

#[test]
fn what_was_purged_and_is_listed_again_is_fetched_if_its_copy_is_damaged() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sandbox = sandbox(&[Account::new("work", port, "ann")]);
    let both: &[&str] = &["one", "two"];
    let pull = &["pull", "--create"];
    let _ = against(&sandbox, &listener, pull, &[both]).expect_code(0);
    let purge = ["purge", "work", "--match", "subject:one", "--yes"];
    let _ = against(&sandbox, &listener, &purge, &[both, &["two"]]).expect_code(0);
    flip(&sandbox, "Subject: one");
    let _ = sandbox.run(&["verify", "--read-data", "--repair"]);
    assert_eq!(sandbox.messages("work").len(), 1);
    // The server only hid it.
    let _ = against(&sandbox, &listener, pull, &[both]).expect_code(0);
    assert_eq!(sandbox.messages("work").len(), 2);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn a_server_that_keeps_a_large_round_is_not_asked_for_the_rest() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sandbox = sandbox(&[Account::new("work", port, "ann")]);
    let names: Vec<String> = (0..4_100).map(|n| format!("name-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let pull = &["pull", "--create"];
    let _ = against(&sandbox, &listener, pull, &[&names]).expect_code(0);
    let purge = ["purge", "work", "--all", "--yes"];
    let purge = against(&sandbox, &listener, &purge, &[&names, &names]);
    let said = purge.expect_code(17).stderr();
    assert!(
        said.contains("4,096 messages reported as deleted, but they are still listed"),
        "{said}"
    );
    assert!(
        said.contains("  and 4,086 more\n  4 more messages not attempted after that\n"),
        "{said}"
    );
}

#[test]
fn a_pull_that_purges_tells_of_each_in_a_line_of_its_own() {
    let server = crate::support::scene::server(vec![message("aa", "Subject: a\r\n\r\nbody\r\n")]);
    let account = Account::of("work", &server).with("purge", "{ keep_newest = 0 }");
    let sandbox = sandbox(&[account]);
    let output = sandbox.run(&["pull", "--create", "--purge", "--json"]);
    let lines = json_lines(&output.expect_code(0).stdout);
    let of = |kind: &str| -> Vec<_> {
        let all = lines.iter().filter(|line| line["type"] == kind);
        all.collect()
    };
    assert_eq!(of("account").len(), 1);
    assert_eq!(of("account")[0]["new"], 1);
    assert_eq!(of("purge").len(), 1);
    assert_eq!(of("purge")[0]["freed"], 1);
}
