//! The pages of `export --format html` as files: which messages are on which, what new mail
//! changes, and how large they become.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::support::sandbox::Sandbox;
use super::support::scene::{json_lines, tree};

const EXPORT: [&str; 4] = ["export", "site", "--format", "html"];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config("vault = \"$HOME/vault\"\n");
    sandbox
}

/// Imports messages into a folder of the account `old`.
fn import(sandbox: &Sandbox, folder: &str, mbox: &str) {
    let file = format!("{folder}.mbox");
    sandbox.write(&file, mbox, 0o600);
    let args = [
        "import",
        &file,
        "--account",
        "old",
        "--into",
        folder,
        "--create",
    ];
    let _ = sandbox.run(&args).expect_code(0);
}

/// A message of an mbox file; every third answers the one before.
fn one(n: usize) -> String {
    let (day, hour, minute) = (n / 1_440 % 28 + 1, n / 60 % 24, n % 60);
    let mut text = format!(
        "From a@example.org Mon Jan {day:2} {hour:02}:{minute:02}:00 2024\n\
         Message-ID: <{n}@example.org>\nFrom: Bob {} <bob@example.org>\nSubject: Letter {n}\n",
        n % 7
    );
    if n % 3 == 2 {
        writeln!(text, "In-Reply-To: <{}@example.org>", n - 1).unwrap();
    }
    text + "\nHello\n\n"
}

fn many(numbers: std::ops::Range<usize>) -> String {
    numbers.map(one).collect()
}

/// Each file with what changes when it is written.
fn looks(sandbox: &Sandbox) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let site = sandbox.path("site");
    let names = tree(&site).into_keys();
    let look = |name: String| {
        let path = site.join(name);
        let meta = fs::metadata(&path).unwrap();
        (path, (meta.ino(), meta.mtime(), meta.mtime_nsec()))
    };
    names.map(look).collect()
}

#[test]
fn new_mail_changes_few_pages_and_none_without_it() {
    let sandbox = sandbox();
    import(&sandbox, "Box", &many(0..1_500));
    let _ = sandbox.run(&EXPORT).expect_code(0);
    let before = looks(&sandbox);
    let written = |before: &BTreeMap<_, _>, after: &BTreeMap<_, _>| {
        let is_new = |(path, look): &(&PathBuf, &_)| before.get(*path) != Some(*look);
        let written = after
            .iter()
            .filter(is_new)
            .map(|(path, _): (&PathBuf, _)| path.clone());
        written.collect::<Vec<_>>()
    };
    let again = sandbox.run(&EXPORT).expect_code(0);
    assert!(again.stdout().contains("1,500"), "{again}");
    let same = looks(&sandbox);
    // Not even the note.
    assert_eq!(written(&before, &same), Vec::<PathBuf>::new());
    import(&sandbox, "Box", &many(1_500..1_530));
    let _ = sandbox.run(&EXPORT).expect_code(0);
    let after = looks(&sandbox);
    let changed = written(&same, &after);
    let pages = changed
        .iter()
        .filter(|path| path.starts_with(sandbox.path("site/messages")));
    // Twenty conversations are new; the message before the first of them leads on to it.
    assert_eq!(pages.count(), 21, "{changed:#?}");
    // Of the search the table, the newest rows and texts, and the words of so few messages.
    let search = changed
        .iter()
        .filter(|path| path.starts_with(sandbox.path("site/search")));
    let search = search.count();
    assert!((4..=11).contains(&search), "{changed:#?}");
    // Two lists with their last pages, the start page and the statistics.
    assert!(changed.len() - search <= 21 + 6, "{changed:#?}");
    assert!(same.keys().all(|path| after.contains_key(path)));
}

#[test]
fn a_message_in_two_folders_is_counted_once_and_its_copies_are() {
    let sandbox = sandbox();
    import(&sandbox, "One", &many(0..5));
    import(&sandbox, "Two", &many(3..7));
    let json = [&EXPORT[..], &["--json"]].concat();
    for (written, there, begins) in [(7, 0, "7 messages, "), (0, 7, "0 messages, 0 B, ")] {
        let run = sandbox.run(&EXPORT).expect_code(0);
        let said = run.stdout();
        assert!(said.starts_with(begins), "{said}");
        assert!(
            said.contains("exported to site, 2 copies in other folders"),
            "{said}"
        );
        assert_eq!(said.contains("already there"), there > 0, "{said}");
        if written > 0 {
            fs::remove_dir_all(sandbox.path("site")).unwrap();
        }
        let run = sandbox.run(&json).expect_code(0);
        let lines = json_lines(&run.stdout);
        let summary = lines.last().unwrap();
        let counts = [
            "messages",
            "written",
            "there",
            "copies",
            "left_out",
            "not_written",
        ];
        let counts = counts.map(|name| summary[name].as_u64().unwrap());
        assert_eq!(counts, [9, written, there, 2, 0, 0], "{summary}");
    }
    // Where each folder has files of its own, nothing is shared.
    let plain = sandbox.run(&["export", "plain"]).expect_code(0).stdout();
    assert!(
        plain.starts_with("9 messages, ") && !plain.contains("copies"),
        "{plain}"
    );
}

#[test]
fn what_no_page_leads_to_any_more_is_named_and_counted() {
    let sandbox = sandbox();
    import(&sandbox, "One", &many(0..600));
    import(&sandbox, "Two", &many(600..606));
    let run = sandbox.run(&EXPORT).expect_code(0);
    assert!(!run.stderr().contains("earlier exports"), "{run}");
    sandbox.write("site/messages/mine.txt", "mine", 0o600);
    let again = sandbox.run(&EXPORT).expect_code(0);
    assert!(!again.stderr().contains("earlier exports"), "{again}");
    let less = [&EXPORT[..], &["folder:Two"]].concat();
    let run = sandbox.run(&less).expect_code(0);
    // Pages of 400 conversations, three lists of One, and of all two pages more than one.
    let said = run.stderr();
    assert!(
        said.contains("files of earlier exports stay and no page leads to them: all/1.html"),
        "{run}"
    );
    let json = [&less[..], &["--json"]].concat();
    let run = sandbox.run(&json).expect_code(0);
    let lines = json_lines(&run.stdout);
    let named = lines.iter().filter(|line| line["type"] == "unlinked_file");
    let named: Vec<String> = named
        .map(|line| line["path"].as_str().unwrap().to_owned())
        .collect();
    let summary = lines.last().unwrap();
    assert_eq!(summary["unlinked_files"], named.len(), "{summary}");
    let of = |start: &str| named.iter().filter(|name| name.starts_with(start)).count();
    assert_eq!(
        (of("messages/"), of("folders/One/"), of("all/")),
        (400, 3, 2),
        "{named:?}"
    );
    // Each of them is there, and neither what is linked nor what somebody else made.
    assert!(
        named
            .iter()
            .all(|name| sandbox.path("site").join(name).is_file())
    );
    assert!(
        !named
            .iter()
            .any(|name| name.contains("Two") || name.contains("mine"))
    );
    let all = sandbox.run(&EXPORT).expect_code(0);
    assert!(!all.stderr().contains("earlier exports"), "{all}");
}

#[test]
fn an_archive_and_a_forget_show_the_dates_that_a_list_shows() {
    let sandbox = sandbox();
    let dated = "From a@example.org Mon Jan  1 00:00:00 2024\nFrom: ann@example.org\n\
                 Date: Tue, 2 Mar 2004 10:00:00 +0000\nSubject: copied last year\n\nHello\n\n";
    import(&sandbox, "Box", dated);
    let _ = sandbox.run(&EXPORT).expect_code(0);
    let list = sandbox.run(&["list"]).expect_code(0).stdout();
    let pages = ["index.html", "all/index.html", "stats.html"];
    assert!(list.contains("2004-03-02"), "{list}");
    let forget = sandbox.run(&["forget", "-n", "copied"]).expect_code(0);
    assert!(forget.stdout().contains("2004-03-02"), "{forget}");
    for page in pages {
        let text = fs::read_to_string(sandbox.path("site").join(page)).unwrap();
        assert!(
            text.contains("2004") && !text.contains("2024"),
            "{page}: {text}"
        );
    }
}

#[test]
fn pages_are_small_and_lead_from_the_newest_to_the_oldest() {
    let sandbox = sandbox();
    import(&sandbox, "Box", &many(0..1_100));
    let _ = sandbox.run(&EXPORT).expect_code(0);
    let read = |name: &str| fs::read_to_string(sandbox.path(format!("site/{name}"))).unwrap();
    let (mut page, mut seen) = ("index.html".to_owned(), Vec::new());
    loop {
        let text = read(&format!("folders/Box/{page}"));
        assert!(text.len() <= 100_000, "{page}: {}", text.len());
        let subjects = text.split(" dir=\"auto\">Letter ").skip(1);
        let numbers =
            subjects.map(|rest| rest.split('<').next().unwrap().parse::<usize>().unwrap());
        seen.extend(numbers);
        let Some((rest, _)) = text.split_once("\">Older</a>") else {
            break;
        };
        page = rest.rsplit("href=\"").next().unwrap().to_owned();
    }
    assert_eq!(seen, (0..1_100).rev().collect::<Vec<_>>());
    assert_eq!(page, "1.html");
    assert!(read("index.html").len() <= 100_000);
    assert!(read("index.html").contains("#2024-01"));
}

#[test]
fn a_conversation_is_on_one_page_with_its_messages_in_order() {
    let sandbox = sandbox();
    import(&sandbox, "Box", &many(0..6));
    let _ = sandbox.run(&EXPORT).expect_code(0);
    let pages = tree(&sandbox.path("site/messages"));
    // 0, 1 and 2, 3, 4 and 5.
    assert_eq!(pages.len(), 4);
    let both = pages.values().map(|bytes| String::from_utf8_lossy(bytes));
    let both: Vec<String> = both
        .filter(|text| text.contains("<h1 dir=\"auto\">Letter 4<"))
        .map(std::borrow::Cow::into_owned)
        .collect();
    assert_eq!(both[0].matches("data-id=").count(), 2);
    assert!(
        both[0].contains("Previous in Box</span> <bdi>Letter 3<"),
        "{}",
        both[0]
    );
    let long: String = (0..120)
        .map(|n| one(1_000 + n * 3).replace("\n\nHello", "\nReferences: <root@x>\n\nHello"))
        .collect();
    import(&sandbox, "Long", &long);
    let _ = sandbox.run(&EXPORT).expect_code(0);
    let pages = tree(&sandbox.path("site/messages"));
    let counts = pages
        .values()
        .map(|b| String::from_utf8_lossy(b).matches("data-id=").count());
    let mut counts: Vec<usize> = counts.filter(|count| *count > 2).collect();
    counts.sort_unstable();
    assert_eq!(counts, [20, 50, 50]);
}

#[test]
fn a_page_leads_on_once_its_conversation_has_an_older_message() {
    let sandbox = sandbox();
    import(&sandbox, "Box", &many(2..3));
    let _ = sandbox.run(&EXPORT).expect_code(0);
    let old = tree(&sandbox.path("site/messages"))
        .into_keys()
        .next()
        .unwrap();
    import(&sandbox, "Box", &many(1..2));
    for _ in 0..2 {
        let _ = sandbox.run(&EXPORT).expect_code(0);
        let pages = tree(&sandbox.path("site/messages"));
        assert_eq!(pages.len(), 2);
        for (name, page) in pages {
            let page = String::from_utf8_lossy(&page).into_owned();
            assert_eq!(
                page.matches("data-id=").count(),
                if name == old { 0 } else { 2 }
            );
            assert_eq!(page.contains("belongs to a conversation"), name == old);
        }
    }
}

#[test]
fn an_original_lies_next_to_its_page_only_if_it_was_asked_for() {
    let sandbox = sandbox();
    import(&sandbox, "Box", &many(0..1));
    let find = || {
        let files = tree(&sandbox.path("site/messages"));
        files
            .into_iter()
            .find(|(name, _)| name.ends_with("message.eml"))
    };
    let _ = sandbox.run(&EXPORT).expect_code(0);
    assert!(find().is_none());
    let with = [&EXPORT[..], &["--with-eml"]].concat();
    let _ = sandbox.run(&with).expect_code(0);
    let (name, bytes) = find().unwrap();
    let id = name.split('/').nth(1).unwrap().to_owned();
    let raw = sandbox.run(&["show", &id, "--raw"]).expect_code(0);
    assert_eq!(bytes, raw.stdout);
    let refused = sandbox
        .run(&["export", "plain", "--with-eml"])
        .expect_code(2);
    assert!(refused.stderr().contains("--format html"), "{refused}");
}

#[test]
fn a_page_of_messages_that_somebody_else_changed_is_left_as_it_is_and_named() {
    let sandbox = sandbox();
    import(&sandbox, "Box", &many(0..2));
    let _ = sandbox.run(&EXPORT).expect_code(0);
    let pages = tree(&sandbox.path("site/messages"));
    let last = pages
        .iter()
        .find(|(_, bytes)| String::from_utf8_lossy(bytes).contains("<h1 dir=\"auto\">Letter 1<"));
    let name = format!("messages/{}", last.unwrap().0);
    let path = format!("site/{name}");
    let mine = fs::read_to_string(sandbox.path(&path))
        .unwrap()
        .replace("Hello", "Changed");
    sandbox.write(&path, &mine, 0o600);
    // An answer belongs on it.
    import(&sandbox, "Box", &many(2..3));
    let run = sandbox.run(&EXPORT).expect_code(3);
    assert!(run.stderr().contains(&name), "{run}");
    assert_eq!(fs::read_to_string(sandbox.path(&path)).unwrap(), mine);
}
