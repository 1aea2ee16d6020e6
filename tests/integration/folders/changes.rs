//! What happens to mailboxes between two runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{held, in_mailbox, mail, over_imap, verify};
use crate::crash::scene::strace;
use crate::life::ageing::age;
use crate::support::dovecot::{Dovecot, Options};
use crate::support::missing;
use crate::support::output::Ended;
use crate::support::relay::Relay;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{json_lines, sandbox};

/// The ledger's events of a kind.
fn events(sandbox: &Sandbox, kind: &str) -> Vec<Value> {
    let lines = sandbox.ledger_lines();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|event: &Value| event["ev"] == kind).collect()
}

/// The flags in the file names of a directory, sorted.
fn flags(sandbox: &Sandbox, dir: &str) -> Vec<String> {
    let messages = sandbox.messages("work").into_iter();
    let mut flags: Vec<String> = messages
        .filter(|message| message.folder == dir)
        .map(|message| message.name.rsplit_once(":2,").unwrap().1.to_string())
        .collect();
    flags.sort();
    flags
}

/// Pulls, and gives how many bodies were asked for.
fn pull(sandbox: &Sandbox, relay: &Relay) -> usize {
    let _ = sandbox.run(&["pull"]).expect_code(0);
    verify(sandbox);
    relay.take().bodies
}

/// A server with ten messages in the inbox and ten in `.Lists`, both pulled.
fn scene(hide: &'static str) -> Option<(Dovecot, Relay, Sandbox)> {
    let dovecot = Dovecot::start(&Options::default())?;
    dovecot.deliver("ann", &(0..10).map(mail).collect::<Vec<_>>());
    dovecot.deliver_to("ann", ".Lists", &(10..20).map(mail).collect::<Vec<_>>());
    let relay = Relay::hiding(dovecot.imap(), hide);
    let sandbox = sandbox(&[over_imap(&relay)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(relay.take().bodies, 20);
    Some((dovecot, relay, sandbox))
}

#[test]
fn a_name_given_to_a_moved_message_is_adopted_after_a_kill() {
    if missing("strace") {
        return;
    }
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    in_mailbox(&dovecot, "INBOX", &["MOVE 1:3 Lists"]);
    // Between the names and their lines.
    let cur = fs::canonicalize(sandbox.vault()).unwrap();
    let cur = cur.join("mail/work/.Lists/cur");
    let kill = "-o /dev/null -e trace=fsync -e inject=fsync:signal=KILL:when=1";
    let options = format!("{kill} -P \"{}\"", cur.display());
    assert_ne!(strace(&sandbox, &options, &["pull"]), Ended::Exit(0));
    assert_eq!(fs::read_dir(&cur).unwrap().count(), 13);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(events(&sandbox, "adopted").len(), 3);
    verify(&sandbox);
    assert_eq!(relay.take().bodies, 0);
    for dir in ["", ".Lists"] {
        let tmp = sandbox.vault().join("mail/work").join(dir).join("tmp");
        assert_eq!(fs::read_dir(tmp).unwrap().count(), 0, "{dir}");
    }
}

#[test]
fn flags_moves_and_deletions_are_recorded_and_nothing_is_lost_here() {
    // With every extension, without QRESYNC, and with neither.
    for hide in ["", "QRESYNC", "CONDSTORE"] {
        let Some((dovecot, relay, sandbox)) = scene(hide) else {
            return;
        };
        in_mailbox(
            &dovecot,
            "INBOX",
            &[
                "STORE 1 +FLAGS (\\Seen \\Flagged $Work)",
                "STORE 2 +FLAGS (\\Answered)",
            ],
        );
        assert_eq!(pull(&sandbox, &relay), 0, "{hide}");
        assert_eq!(events(&sandbox, "flags").len(), 2, "{hide}");
        let named = flags(&sandbox, "");
        assert_eq!(&named[8..], ["FS", "R"], "{hide}");
        let words: Vec<Value> = events(&sandbox, "flags")
            .into_iter()
            .map(|event| event["kw"].clone())
            .collect();
        assert!(words.contains(&Value::from("$Work")), "{words:?}");

        in_mailbox(&dovecot, "INBOX", &["MOVE 1:3 Lists"]);
        // The server says under which name it was received before.
        assert_eq!(pull(&sandbox, &relay), 0, "{hide}");
        assert_eq!(events(&sandbox, "vanished").len(), 3, "{hide}");
        let count = |dir: &str| held(&sandbox).get(dir).map_or(0, Vec::len);
        assert_eq!((count(""), count(".Lists")), (10, 13), "{hide}");
        assert!(flags(&sandbox, ".Lists").contains(&"FS".to_string()));

        let gone = ["STORE 1:4 +FLAGS (\\Deleted)", "EXPUNGE"];
        in_mailbox(&dovecot, "Lists", &gone);
        dovecot.deliver_to("ann", ".Lists", &[mail(99)]);
        assert_eq!(pull(&sandbox, &relay), 1, "{hide}");
        assert_eq!(events(&sandbox, "vanished").len(), 7, "{hide}");
        assert_eq!((count(""), count(".Lists")), (10, 14), "{hide}");
        assert_eq!(pull(&sandbox, &relay), 0, "{hide}");
        assert_eq!(events(&sandbox, "vanished").len(), 7, "{hide}");
    }
}

#[test]
fn a_new_uidvalidity_fetches_nothing_that_the_server_vouches_for() {
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    let maildir = dovecot.maildir("ann");
    for dir in ["", ".Lists"] {
        for entry in fs::read_dir(maildir.join(dir)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            // The last UIDVALIDITY stays known, so that the next one is higher.
            if name.starts_with("dovecot-uidlist") || name.starts_with("dovecot.index") {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let before = held(&sandbox);
    in_mailbox(&dovecot, "INBOX", &["STORE 1 +FLAGS (\\Seen)"]);
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(held(&sandbox), before);
    assert_eq!(events(&sandbox, "folder").len(), 4);
    assert_eq!(events(&sandbox, "vouched").len(), 20);
    // The old names are gone, and the new ones have their flags.
    assert_eq!(events(&sandbox, "vanished").len(), 20);
    assert_eq!(flags(&sandbox, "")[9], "S");
    sandbox.run(&["pull"]).expect(0, "", "");
    assert_eq!(relay.take().bodies, 0);
}

#[test]
fn a_folder_that_goes_and_comes_back_is_told_and_kept() {
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    let (lists, away) = (
        dovecot.maildir("ann").join(".Lists"),
        dovecot.maildir("ann").join("away"),
    );
    fs::rename(&lists, &away).unwrap();
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(events(&sandbox, "vanished").len(), 10);
    // What is said once is not said again.
    let learned = events(&sandbox, "learned").len();
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(events(&sandbox, "learned").len(), learned);
    fs::rename(&away, &lists).unwrap();
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(events(&sandbox, "reappeared").len(), 10);
    assert_eq!(held(&sandbox)[".Lists"].len(), 10);
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(events(&sandbox, "reappeared").len(), 10);
}

/// Messages that an export into a new directory writes, by the folder in which they lie.
fn exported(sandbox: &Sandbox, name: &str, more: &[&str]) -> BTreeMap<String, usize> {
    let target = sandbox.path(name);
    let args = [&["export", target.to_str().unwrap()], more].concat();
    let _ = sandbox.run(&args).expect_code(0);
    let dirs = [("", target.clone()), (".Lists", target.join(".Lists"))];
    let count = |dir: &Path| fs::read_dir(dir.join("cur")).map_or(0, Iterator::count);
    dirs.into_iter()
        .map(|(name, dir)| (name.to_owned(), count(&dir)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn counts(inbox: usize, lists: usize) -> BTreeMap<String, usize> {
    let all = [(String::new(), inbox), (".Lists".to_owned(), lists)];
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn an_export_is_what_the_server_had_at_the_last_pull() {
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    in_mailbox(&dovecot, "INBOX", &["MOVE 1:3 Lists"]);
    let gone = ["STORE 1:2 +FLAGS (\\Deleted)", "EXPUNGE"];
    in_mailbox(&dovecot, "Lists", &gone);
    assert_eq!(pull(&sandbox, &relay), 0);
    let out = sandbox.run(&["export", "-n", "plain"]).expect_code(0);
    assert!(out.stderr().contains("left out 2 messages"), "{out}");
    assert_eq!(exported(&sandbox, "now", &[]), counts(7, 11));
    assert_eq!(exported(&sandbox, "ever", &["--gone"]), counts(10, 13));
    let query = |query: &[&str]| {
        let args = [&["search", "--json"], query].concat();
        let lines = json_lines(&sandbox.run(&args).expect_code(0).stdout);
        lines
            .iter()
            .filter(|line| line["type"] == "message")
            .count()
    };
    assert_eq!(query(&["on:server"]), 18);
    assert_eq!(query(&["on:server", "folder:Lists"]), 11);
    // What was deleted there is found by its id, and named where nothing else fits.
    let lost = json_lines(
        &sandbox
            .run(&["search", "--json", "--", "-on:server"])
            .stdout,
    );
    let id = format!("id:{}", lost[0]["id"].as_str().unwrap());
    assert_eq!(exported(&sandbox, "one", &[&id]), counts(0, 1));
    let out = sandbox
        .run(&["export", "-", "--", "-on:server"])
        .expect_code(18);
    assert!(out.stderr().contains("use --gone to export"), "{out}");
    // What we purged counts as there.
    let purge = ["purge", "work", "--match", "folder:Lists", "--yes"];
    let _ = sandbox.run(&purge).expect_code(0);
    assert_eq!(exported(&sandbox, "purged", &[]), counts(7, 11));
}

#[test]
fn an_export_leaves_nothing_out_where_most_folders_are_suddenly_gone() {
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    for n in 0..3_usize {
        let folder = format!(".Small{n}");
        dovecot.deliver_to("ann", &folder, &[mail(30 + n)]);
    }
    assert_eq!(pull(&sandbox, &relay), 3);
    age(&sandbox.vault(), 1);
    for n in 0..3 {
        let dir = dovecot.maildir("ann").join(format!(".Small{n}"));
        fs::rename(dir, sandbox.path(format!("away{n}"))).unwrap();
    }
    assert_eq!(pull(&sandbox, &relay), 0);
    let out = sandbox.run(&["export", "-n", "plain"]).expect_code(0);
    assert!(out.stdout().contains("23 messages"), "{out}");
    assert!(
        out.stderr()
            .contains("the last pull of work was incomplete"),
        "{out}"
    );
    assert_eq!(pull(&sandbox, &relay), 0);
    let out = sandbox.run(&["export", "-n", "plain"]).expect_code(0);
    assert!(out.stdout().contains("20 messages"), "{out}");
}

#[test]
fn an_export_leaves_nothing_out_where_the_last_pull_does_not_tell() {
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    // Most of it is suddenly gone, which may be the server's fault.
    let gone = ["STORE 1:* +FLAGS (\\Deleted)", "EXPUNGE"];
    in_mailbox(&dovecot, "Lists", &gone);
    in_mailbox(
        &dovecot,
        "INBOX",
        &["STORE 1:3 +FLAGS (\\Deleted)", "EXPUNGE"],
    );
    assert_eq!(pull(&sandbox, &relay), 0);
    let out = sandbox.run(&["export", "-n", "plain"]).expect_code(0);
    assert!(
        out.stderr()
            .contains("the last pull of work was incomplete"),
        "{out}"
    );
    assert_eq!(exported(&sandbox, "all", &[]), counts(10, 10));
    // The same again tells that it was meant.
    assert_eq!(pull(&sandbox, &relay), 0);
    assert_eq!(exported(&sandbox, "left", &[]), counts(7, 0));
    // A run that saw a part tells nothing.
    dovecot.deliver("ann", &[mail(50), mail(51)]);
    let _ = sandbox.run(&["pull", "--limit", "1"]).expect_code(0);
    assert_eq!(exported(&sandbox, "part", &[]), counts(11, 10));
}

#[test]
fn a_message_that_was_lost_here_is_fetched_again() {
    let Some((_dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    let lost = &sandbox.messages("work")[12];
    let file = sandbox
        .vault()
        .join("mail/work/.Lists/cur")
        .join(&lost.name);
    fs::remove_file(file).unwrap();
    let _ = sandbox.run(&["verify", "--repair"]);
    assert_eq!(pull(&sandbox, &relay), 1);
    assert!(sandbox.messages("work").contains(lost));
}

#[test]
fn a_damaged_file_is_no_reason_to_do_without_a_copy() {
    let Some((dovecot, relay, sandbox)) = scene("") else {
        return;
    };
    let file = sandbox.vault().join("mail/work/cur");
    let first = fs::read_dir(file).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&first).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&first, bytes).unwrap();
    in_mailbox(&dovecot, "INBOX", &["COPY 1:10 Lists"]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(relay.take().bodies, 1);
    let lists = sandbox.vault().join("mail/work/.Lists/cur");
    assert_eq!(fs::read_dir(lists).unwrap().count(), 20);
}

#[test]
fn keywords_that_are_too_many_to_keep_are_said() {
    let Some((dovecot, _relay, sandbox)) = scene("") else {
        return;
    };
    let said = |sandbox: &Sandbox| {
        let lines = json_lines(&sandbox.run(&["pull", "--json"]).expect_code(0).stdout);
        let notices = lines.iter().filter(|line| line["notice"] == "keywords_cut");
        notices.count()
    };
    let keywords: Vec<String> = (0..250).map(|n| format!("k{n:040}")).collect();
    let store = format!("STORE 1 +FLAGS ({})", keywords[..150].join(" "));
    in_mailbox(&dovecot, "INBOX", &[&store]);
    assert_eq!(said(&sandbox), 0, "150 keywords have room");
    let store = format!("STORE 1:2 +FLAGS ({})", keywords.join(" "));
    in_mailbox(&dovecot, "INBOX", &[&store]);
    assert_eq!(said(&sandbox), 1);
    let kept = events(&sandbox, "flags").pop().unwrap();
    let kept: Vec<&str> = kept["kw"].as_str().unwrap().split(' ').collect();
    assert_eq!(kept, keywords[..8192 / 42]);
    verify(&sandbox);
}
