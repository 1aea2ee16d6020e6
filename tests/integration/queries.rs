//! Every key of a query against a plain filter over what was put into a vault, and its
//! negation, since a wrong one deletes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use mailvault::mail::message::Hash128;
use mailvault::sample::Sample;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::support::sandbox::Sandbox;
use super::support::scene::{self, Account, json_lines, message, server};

const FOLDERS: [&str; 6] = [
    "INBOX",
    "Lists/rust",
    "Lists/go",
    "Trash",
    "Never Trash this",
    "Grüße",
];
const ACCOUNTS: [&str; 2] = ["home", "work"];
const PEOPLE: [&str; 3] = [
    "ann@example.org",
    "bob@example.net",
    "Zoë <zoe@example.com>",
];
const WORDS: [&str; 4] = ["invoice", "ticket", "photo", "report"];
const YEARS: [i32; 4] = [1999, 2012, 2020, 2024];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A message of the model; equal numbers are equal bytes.
#[derive(Debug, Clone)]
struct Letter {
    number: usize,
    from: &'static str,
    to: &'static str,
    subject: &'static str,
    word: &'static str,
    year: i32,
    hour: u32,
    padding: usize,
    attached: bool,
    places: BTreeSet<(&'static str, &'static str)>,
}

impl Letter {
    fn text(&self) -> String {
        let mut text = format!(
            "From: {}\r\nTo: {}\r\nSubject: {} {:04}\r\nDate: 3 Feb {} {:02}:59:59 +0000\r\n\
             Message-ID: <{:04}@example.org>\r\n",
            self.from, self.to, self.subject, self.number, self.year, self.hour, self.number
        );
        let body = format!(
            "the {} is here\r\n{}\r\n",
            self.word,
            "-".repeat(self.padding)
        );
        let _ = if self.attached {
            write!(
                text,
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{body}--b\r\n\
                 Content-Type: application/pdf\r\n\
                 Content-Disposition: attachment; filename=\"a.pdf\"\r\n\r\nx\r\n--b--\r\n"
            )
        } else {
            write!(text, "\r\n{body}")
        };
        text
    }

    fn id(&self) -> String {
        Hash128::of(self.text().as_bytes()).to_string()
    }
}

fn letter() -> impl Strategy<Value = Letter> {
    let place = (select(&ACCOUNTS[..]), select(&FOLDERS[..]));
    (
        (select(&PEOPLE[..]), select(&PEOPLE[..])),
        (select(&WORDS[..]), select(&WORDS[..])),
        (select(&YEARS[..]), 0_u32..24),
        0_usize..3000,
        any::<bool>(),
        prop::collection::btree_set(place, 1..4),
    )
        .prop_map(
            |((from, to), (subject, word), (year, hour), padding, attached, places)| Letter {
                number: 0,
                from,
                to,
                subject,
                word,
                year,
                hour,
                padding,
                attached,
                places,
            },
        )
}

/// A term, as it is typed and as a filter.
#[derive(Debug, Clone)]
enum Asked {
    From(&'static str),
    To(&'static str),
    Subject(&'static str),
    Word(&'static str),
    Account(&'static str),
    Folder(&'static str),
    Id(usize, usize),
    MessageId(usize),
    Attachment,
    After(i32),
    Before(i32),
    Weekday(&'static str),
    Hour(u32),
    Larger(usize),
    Smaller(usize),
    OnServer,
    Superseded,
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        select(vec!["ann", "ZOE", "example.net", "nobody"]).prop_map(Asked::From),
        select(vec!["bob@", "example", "nobody"]).prop_map(Asked::To),
        select(vec!["voice", "Ticket", "0003"]).prop_map(Asked::Subject),
        select(&WORDS[..]).prop_map(Asked::Word),
        select(&ACCOUNTS[..]).prop_map(Asked::Account),
        select(vec![
            "INBOX", "inbox", "Lists/*", "Trash", "*Trash*", "Grüße", "*"
        ])
        .prop_map(Asked::Folder),
        (0_usize..40, 4_usize..=32).prop_map(|(n, digits)| Asked::Id(n, digits)),
        (0_usize..40).prop_map(Asked::MessageId),
        Just(Asked::Attachment),
        (1998..2026).prop_map(Asked::After),
        (1998..2026).prop_map(Asked::Before),
        select(&DAYS[..]).prop_map(Asked::Weekday),
        (0_u32..24).prop_map(Asked::Hour),
        (0_usize..4000).prop_map(Asked::Larger),
        (0_usize..4000).prop_map(Asked::Smaller),
        Just(Asked::OnServer),
        Just(Asked::Superseded),
    ]
}

impl Asked {
    fn typed(&self, letters: &[Letter]) -> String {
        match self {
            Self::From(part) => format!("from:{part}"),
            Self::To(part) => format!("to:{part}"),
            Self::Subject(part) => format!("subject:{part}"),
            Self::Word(word) => (*word).to_owned(),
            Self::Account(name) => format!("account:{name}"),
            Self::Folder(pattern) => format!("folder:{pattern}"),
            Self::Id(n, digits) => format!("id:{}", &letters[n % letters.len()].id()[..*digits]),
            Self::MessageId(n) => format!("msgid:{n:04}@example.org"),
            Self::Attachment => "has:attachment".to_owned(),
            Self::After(year) => format!("after:{year}"),
            Self::Before(year) => format!("before:{year}"),
            Self::Weekday(day) => format!("weekday:{day}"),
            Self::Hour(hour) => format!("hour:{hour}"),
            Self::Larger(size) => format!("larger:{size}"),
            Self::Smaller(size) => format!("smaller:{size}"),
            Self::OnServer => "on:server".to_owned(),
            Self::Superseded => "is:superseded".to_owned(),
        }
    }

    /// What is asked of where a message lies.
    fn of_place(&self, (account, folder): (&str, &str)) -> Option<bool> {
        Some(match self {
            Self::Account(name) => *name == account,
            Self::Folder(pattern) => match *pattern {
                "inbox" => folder == "INBOX",
                "*" => true,
                "Lists/*" => folder.starts_with("Lists/"),
                "*Trash*" => folder.contains("Trash"),
                name => folder == name,
            },
            // All of it was imported.
            Self::OnServer => false,
            _ => return None,
        })
    }

    fn of_content(&self, letter: &Letter, letters: &[Letter]) -> bool {
        let holds = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        match self {
            Self::From(part) => {
                holds(letter.from, part) || *part == "ZOE" && letter.from.starts_with("Zoë")
            }
            Self::To(part) => holds(letter.to, part),
            Self::Subject(part) => holds(&format!("{} {:04}", letter.subject, letter.number), part),
            Self::Word(word) => letter.word == *word || letter.subject == *word,
            Self::Id(n, digits) => letter
                .id()
                .starts_with(&letters[n % letters.len()].id()[..*digits]),
            Self::MessageId(n) => letter.number == *n,
            Self::Attachment => letter.attached,
            Self::After(year) => letter.year >= *year,
            Self::Before(year) => letter.year < *year,
            // The third of February of the four years.
            Self::Weekday(day) => {
                let days = [(1999, "wed"), (2012, "fri"), (2020, "mon"), (2024, "sat")];
                days.contains(&(letter.year, day))
            }
            Self::Hour(hour) => letter.hour == *hour,
            Self::Larger(size) => letter.text().len() > *size,
            Self::Smaller(size) => letter.text().len() < *size,
            Self::Account(_) | Self::Folder(_) | Self::OnServer | Self::Superseded => false,
        }
    }
}

/// The numbers of the letters that fit all terms. What is asked of places must be true of
/// one of them, and what is negated of none.
fn filtered(letters: &[Letter], terms: &[(bool, Asked)]) -> BTreeSet<usize> {
    let fits = |letter: &&Letter| {
        let is_placed = |term: &Asked| term.of_place(("", "")).is_some();
        let (placed, plain): (Vec<_>, Vec<_>) = terms.iter().partition(|(_, term)| is_placed(term));
        let plain = plain
            .iter()
            .all(|(negated, term)| term.of_content(letter, letters) != *negated);
        let wanted = |place: &(&str, &str)| {
            let mut positive = placed.iter().filter(|(negated, _)| !negated);
            positive.all(|(_, term)| term.of_place(*place).unwrap())
        };
        let unwanted = |place: &(&str, &str)| {
            let mut negative = placed.iter().filter(|(negated, _)| *negated);
            negative.any(|(_, term)| term.of_place(*place).unwrap())
        };
        plain && letter.places.iter().any(wanted) && !letter.places.iter().any(unwanted)
    };
    letters.iter().filter(fits).map(|l| l.number).collect()
}

/// A vault of these letters, imported from Maildirs.
fn vault_of(letters: &[Letter]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    for account in ACCOUNTS {
        for folder in FOLDERS {
            let dir = match folder {
                "INBOX" => String::new(),
                "Grüße" => "/.Gr&APwA3w-e".to_owned(),
                other => format!("/.{}", other.replace('/', ".")),
            };
            for sub in ["cur", "new", "tmp"] {
                fs::create_dir_all(sandbox.path(format!("{account}{dir}/{sub}"))).unwrap();
            }
            let here = letters
                .iter()
                .filter(|l| l.places.contains(&(account, folder)));
            for letter in here {
                let name = format!(
                    "{account}{dir}/cur/{}.{folder_len}:2,",
                    letter.number,
                    folder_len = folder.len()
                );
                fs::write(sandbox.path(name), letter.text()).unwrap();
            }
        }
        let source = sandbox.path(account);
        let source = source.to_str().unwrap();
        let _ = sandbox
            .run(&["import", source, "--account", account, "--create"])
            .expect_code(0);
    }
    sandbox
}

/// The numbers that a search finds, in its order.
fn numbers(sandbox: &Sandbox, options: &[&str], query: &[&str]) -> Vec<usize> {
    let args = [&["search", "--json"], options, &["--"], query].concat();
    let out = sandbox.run(&args).expect_code(0);
    let lines = json_lines(&out.stdout);
    let messages = lines.iter().filter(|line| line["type"] == "message");
    messages
        .map(|line| {
            let subject = line["subject"].as_str().unwrap();
            subject.rsplit(' ').next().unwrap().parse().unwrap()
        })
        .collect()
}

/// The numbers that a search finds, and how many the sums count.
fn found(sandbox: &Sandbox, query: &[String]) -> (BTreeSet<usize>, u64) {
    let query: Vec<&str> = query.iter().map(String::as_str).collect();
    let mut all = numbers(sandbox, &[], &query);
    for reverse in [&[][..], &["--reverse"]] {
        let first = numbers(sandbox, &[&["-l", "3"], reverse].concat(), &query);
        assert_eq!(first, all[..all.len().min(3)], "{query:?}");
        all.reverse();
    }
    let numbers = all.into_iter().collect();
    let out = sandbox
        .run(&[&["stats", "--json", "--"], &query[..]].concat())
        .expect_code(0);
    let summary = json_lines(&out.stdout).pop().unwrap();
    (numbers, summary["messages"].as_u64().unwrap())
}

#[test]
fn every_key_and_its_negation_select_what_a_plain_filter_does() {
    let letters = prop::collection::vec(letter(), 40);
    let terms = prop::collection::vec((any::<bool>(), asked()), 1..4);
    let mut runner = TestRunner::new(Config::with_cases(1));
    let vaults = (letters, prop::collection::vec(terms, 40));
    runner
        .run(&vaults, |(mut letters, queries)| {
            for (number, letter) in letters.iter_mut().enumerate() {
                letter.number = number;
            }
            let sandbox = vault_of(&letters);
            // Each key alone, and together with others.
            let mut all: BTreeMap<String, Vec<(bool, Asked)>> = BTreeMap::new();
            for terms in queries {
                let alone = terms.iter().flat_map(|(_, term)| {
                    [false, true].map(|negated| vec![(negated, term.clone())])
                });
                for terms in alone.chain([terms.clone()]) {
                    all.insert(format!("{terms:?}"), terms);
                }
            }
            for terms in all.into_values().take(120) {
                let query: Vec<String> = terms
                    .iter()
                    .map(|(negated, term)| {
                        let minus = if *negated { "-" } else { "" };
                        format!("{minus}{}", term.typed(&letters))
                    })
                    .collect();
                let (numbers, counted) = found(&sandbox, &query);
                let right = filtered(&letters, &terms);
                prop_assert_eq!(&numbers, &right, "{:?}", query);
                prop_assert_eq!(counted, right.len() as u64, "{:?}", query);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_folder_or_account_that_is_not_there_is_refused_with_the_nearest() {
    let letter = Letter {
        number: 0,
        from: PEOPLE[0],
        to: PEOPLE[1],
        subject: "ticket",
        word: "ticket",
        year: 2020,
        hour: 0,
        padding: 0,
        attached: false,
        places: [("home", "Trash")].into(),
    };
    let sandbox = vault_of(&[letter]);
    for (query, near) in [
        ("folder:trash", "folder:\"Trash\""),
        ("-folder:Trsh", "folder:\"Trash\""),
        ("account:hmoe", "account:\"home\""),
        ("-account:hom", "account:\"home\""),
    ] {
        for command in ["search", "stats"] {
            let out = sandbox.run(&[command, "--", query]).expect_code(2);
            assert!(
                out.stderr().contains(&format!("did you mean {near}?")),
                "{}",
                out.stderr()
            );
        }
        let target = sandbox.path("out");
        let target = target.to_str().unwrap();
        let _ = sandbox.run(&["export", target, "--", query]).expect_code(2);
        assert!(!sandbox.path("out").exists());
    }
    for query in ["folder:Nowhere", "account:somebody*"] {
        let out = sandbox.run(&["search", query]).expect_code(2);
        assert!(out.stderr().contains("Available: "), "{}", out.stderr());
    }
    let _ = sandbox.run(&["search", "account:HO*"]).expect_code(0);
}

#[test]
fn an_account_that_was_pulled_without_mail_or_in_vain_is_one_that_the_vault_has() {
    let server = server(Vec::new());
    let sandbox = scene::sandbox(&[Account::of("empty", &server), Account::of("work", &server)]);
    let _ = sandbox.run(&["pull", "empty", "--create"]).expect_code(0);
    sandbox.write(".password", "not-this-one\n", 0o600);
    let _ = sandbox.run(&["pull", "work"]).expect_code(12);
    for query in [
        "account:empty",
        "account:work",
        "-account:work",
        "folder:INBOX",
    ] {
        let _ = sandbox.run(&["list", "--", query]).expect_code(0);
    }
    let _ = sandbox.run(&["list", "account:wrok"]).expect_code(2);
}

/// An account of mail in its inbox, pulled.
fn pulled(purge: &str) -> (Sandbox, Vec<String>) {
    let mails = (0..64).map(|n| {
        let text = format!("Subject: {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\ntext {n}\r\n");
        message(&format!("u{n}"), &text)
    });
    let server = server(mails.collect());
    let account = Account::of("work", &server).with("purge", purge);
    let sandbox = scene::sandbox(&[account]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let out = sandbox.run(&["list", "--json"]).expect_code(0);
    let lines = json_lines(&out.stdout);
    let messages = lines.iter().filter(|line| line["type"] == "message");
    let ids = messages.map(|line| line["id"].as_str().unwrap().to_owned());
    let ids = ids.collect();
    std::mem::forget(server);
    (sandbox, ids)
}

fn planned(sandbox: &Sandbox, query: &str) -> (u64, u64) {
    let out = sandbox
        .run(&["purge", "work", "-n", "--json", "--match", query])
        .expect_code(0);
    let lines = json_lines(&out.stdout);
    let plan = lines.iter().find(|line| line["type"] == "plan").unwrap();
    let number = |key: &str| plan[key].as_u64().unwrap();
    (number("delete"), number("kept_by_rule"))
}

#[test]
fn an_id_finds_its_message_whatever_it_begins_with() {
    let (sandbox, ids) = pulled("{}");
    let first: BTreeMap<char, String> = ids
        .into_iter()
        .map(|id| (id.chars().next().unwrap(), id))
        .collect();
    assert!(first.len() > 12, "{first:?}");
    for id in first.values() {
        for digits in [8, 16, 17, 32] {
            let query = format!("id:{}", &id[..digits]);
            assert_eq!(planned(&sandbox, &query), (1, 0), "{query}");
            assert_eq!(planned(&sandbox, &format!("-{query}")), (63, 0), "{query}");
            let out = sandbox.run(&["search", "--json", &query]).expect_code(0);
            assert_eq!(json_lines(&out.stdout).len(), 2, "{query}");
            let _ = sandbox.run(&["show", &id[..digits]]).expect_code(0);
            let target = sandbox.path(format!("{id}-{digits}.eml"));
            let target = target.to_str().unwrap();
            let _ = sandbox.run(&["export", target, &query]).expect_code(0);
        }
    }
}

#[test]
fn a_rule_keeps_the_ids_that_it_names() {
    let (sandbox, ids) = pulled("{}");
    let kept: Vec<String> = ids
        .iter()
        .take(20)
        .map(|id| format!("\"id:{}\"", &id[..12]))
        .collect();
    let config = fs::read_to_string(sandbox.path(".config/mailvault/config.toml")).unwrap();
    let rule = format!("purge = {{ keep = [{}] }}", kept.join(", "));
    sandbox.config(&config.replace("purge = {}", &rule));
    assert_eq!(planned(&sandbox, "larger:0"), (44, 20));
}

#[test]
fn a_rule_that_keeps_a_folder_which_is_not_there_deletes_nothing() {
    let (sandbox, _) = pulled("{ older_than = \"1d\", keep = [\"folder:Lists/*\"] }");
    for args in [
        &["pull", "--purge"][..],
        &["purge", "work", "--all", "--yes"],
    ] {
        let out = sandbox.run(args).expect_code(15);
        assert!(
            out.stderr().contains("nothing is deleted"),
            "{}",
            out.stderr()
        );
    }
    for args in [&["pull"][..], &["config", "check"]] {
        let out = sandbox.run(args).expect_code(0);
        assert!(
            out.stderr().contains("protects nothing"),
            "{}",
            out.stderr()
        );
    }
}

#[test]
fn a_rule_that_keeps_no_query_is_refused_where_it_is_read() {
    let sandbox = Sandbox::new();
    sandbox.config(
        "[accounts.work]\nhost = \"pop.example.org\"\nuser = \"ann\"\n\
         purge.keep = [\"from:boss\", \"larger:much\"]\n",
    );
    let out = sandbox.run(&["config", "check"]).expect_code(15);
    assert!(
        out.stderr()
            .contains(":4:28: keep contains an invalid query"),
        "{}",
        out.stderr()
    );
}

#[test]
fn a_negated_term_is_no_option() {
    let server = server(Sample::of(3, 7));
    let sandbox = scene::sandbox(&[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let none = sandbox.run(&["search", "-account:work", "--json"]);
    let none = json_lines(&none.expect_code(0).stdout);
    assert_eq!(none.last().unwrap()["messages"], 0);
    let all = sandbox.run(&["search", "-larger:5G", "--json"]);
    let all = json_lines(&all.expect_code(0).stdout);
    assert_eq!(all.last().unwrap()["messages"], 3);
    let export = sandbox.run(&["export", "-larger:5G"]).expect_code(2);
    assert!(export.stderr().contains("no destination"), "{export}");
    let _ = sandbox.run(&["export", "out", "-larger:5G"]).expect_code(0);
    assert!(sandbox.path("out").is_dir());
}
