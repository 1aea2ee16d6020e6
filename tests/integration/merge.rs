//! Accounts that are merged: what was one mailbox under two names is one account afterwards, and
//! whatever happens meanwhile no message is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use mailvault::sample::{Sample, Server};

use crate::crash::points::{self, CALLS, Point, Torn, tear};
use crate::crash::scene::{read_log, strace};
use crate::support::dovecot::{Dovecot, Options};
use crate::support::missing;
use crate::support::output::Ended;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, lines_of, message, pulled, sandbox, server, tree};

const MERGE: [&str; 5] = ["account", "merge", "work", "office", "--yes"];

/// A maildrop that was pulled as `work`, and then as `office`; each has one message that the
/// other has not.
fn doubled() -> (Sandbox, Server, Server) {
    let mut mail = Sample::of(5, 7);
    let (sandbox, first) = pulled(mail[..4].to_vec());
    let last = mail.split_off(1);
    let second = server(last);
    let office = Account::of("office", &second).with("stored_as", "\"office\"");
    configure(&sandbox, &[office]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(sandbox.messages("work").len(), 4);
    assert_eq!(sandbox.messages("office").len(), 4);
    (sandbox, first, second)
}

/// Asserts that a command ends with this code and words, and changes nothing.
#[track_caller]
fn refused(sandbox: &Sandbox, args: &[&str], code: i32, said: &str) {
    let state = || (tree(&sandbox.vault().join("mail")), sandbox.ledger_lines());
    let before = state();
    let manifest = fs::read(sandbox.vault().join("vault.toml")).unwrap();
    let output = sandbox.run(args).expect_code(code);
    assert!(output.stderr().contains(said), "{output}");
    assert!(before == state(), "{args:?}");
    assert_eq!(
        fs::read(sandbox.vault().join("vault.toml")).unwrap(),
        manifest
    );
}

/// All contents in the message files of a vault.
fn contents(sandbox: &Sandbox) -> BTreeSet<Vec<u8>> {
    let accounts = fs::read_dir(sandbox.vault().join("mail")).unwrap();
    let accounts = accounts.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let messages = accounts.flat_map(|account| sandbox.messages(&account));
    messages.map(|message| message.bytes).collect()
}

/// How many messages `list` shows of each account.
fn listed(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let mut listed = BTreeMap::new();
    for line in lines_of(sandbox, &["status"], "status") {
        let account = line["account"].as_str().unwrap();
        let query = format!("account:{account}");
        let found = lines_of(sandbox, &["list", &query], "message");
        assert_eq!(line["messages"], found.len(), "{account}");
        listed.insert(account.to_owned(), found.len());
    }
    listed
}

fn only_office(messages: usize) -> BTreeMap<String, usize> {
    BTreeMap::from([("office".to_owned(), messages)])
}

#[test]
fn merged_accounts_are_one_in_every_view_and_no_message_is_doubled() {
    let (sandbox, _first, _second) = doubled();
    let before = contents(&sandbox);
    let said = "\
work has 4 messages; office has 3 of them, too. All 5 will be in office.
This cannot be undone, and older versions of mailvault will refuse the vault.
";
    let state = tree(&sandbox.vault().join("mail"));
    sandbox
        .run(&[&MERGE[..4], &["-n"]].concat())
        .expect(0, said, "");
    refused(&sandbox, &MERGE[..4], 2, "add --yes");
    assert!(state == tree(&sandbox.vault().join("mail")));
    let done = format!("{said}Merged work into office, which has 5 messages now.\n");
    sandbox.run(&MERGE).expect(0, &done, "");
    assert!(!sandbox.vault().join("mail/work").exists());
    assert_eq!(contents(&sandbox), before);
    assert_eq!(listed(&sandbox), only_office(5));
    for file in fs::read_dir(sandbox.vault().join("mail/office/cur")).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().nlink(), 1);
    }
    // The old name still finds the mail.
    for query in ["account:work", "account:office"] {
        assert_eq!(
            lines_of(&sandbox, &["search", query], "message").len(),
            5,
            "{query}"
        );
    }
    let plan = lines_of(&sandbox, &["export", "out", "-n"], "folder");
    assert_eq!(plan.len(), 1, "{plan:?}");
    let _ = sandbox.run(&["export", "out"]).expect_code(0);
    assert!(
        !tree(&sandbox.path("out"))
            .keys()
            .any(|name| name.contains("work"))
    );
    let accounts = lines_of(&sandbox, &["account", "list"], "account");
    assert_eq!((accounts.len(), &accounts[0]["messages"]), (1, &5.into()));
    let pull = lines_of(&sandbox, &["pull"], "account");
    assert_eq!(
        (&pull[0]["new"], &pull[0]["bytes"]),
        (&0.into(), &0.into()),
        "{pull:?}"
    );
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    let merged = |line: &&String| {
        line.contains("\"ev\":\"merged\",\"account\":\"work\",\"into\":\"office\"")
    };
    assert_eq!(sandbox.ledger_lines().iter().filter(merged).count(), 1);
    let manifest = fs::read_to_string(sandbox.vault().join("vault.toml")).unwrap();
    assert!(
        manifest.contains("features_required = [\"merged\"]"),
        "{manifest}"
    );
    sandbox
        .run(&MERGE)
        .expect(0, "work was merged into office already.\n", "");
    // A replay of the whole ledger says the same.
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    assert_eq!(listed(&sandbox), only_office(5));
    let _ = sandbox.run(&["verify"]).expect_code(0);
}

#[test]
fn an_account_that_was_renamed_by_hand_over_imap_is_merged_pulled_audited_and_purged() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mail: Vec<_> = Sample::of(9, 7).into_iter().map(|m| m.bytes).collect();
    dovecot.deliver("ann", &mail[..4]);
    dovecot.deliver_to("ann", ".Lists", &mail[4..7]);
    let account =
        |name| Account::new(name, dovecot.imap().port(), "ann").with("protocol", "\"imap\"");
    let sandbox = sandbox(&[account("a")]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    configure(&sandbox, &[account("b").with("stored_as", "\"b\"")]);
    // What only one of them has.
    dovecot.deliver_to("ann", ".Sent", &mail[7..8]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    dovecot.deliver("ann", &mail[8..]);
    let _ = sandbox
        .run(&["account", "merge", "a", "b", "--yes"])
        .expect_code(0);
    let pull = lines_of(&sandbox, &["pull"], "account");
    assert_eq!(pull[0]["new"], 1, "{pull:?}");
    let pull = lines_of(&sandbox, &["pull"], "account");
    assert_eq!(
        (&pull[0]["wanted"], &pull[0]["bytes"]),
        (&0.into(), &0.into()),
        "{pull:?}"
    );
    assert_eq!(sandbox.messages("b").len(), 9);
    let _ = sandbox.run(&["audit", "b"]).expect_code(0);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    let plan = lines_of(&sandbox, &["export", "out", "-n"], "folder");
    let exported: u64 = plan
        .iter()
        .map(|line| line["messages"].as_u64().unwrap())
        .sum();
    assert_eq!(exported, 9, "{plan:?}");
    let purge = ["purge", "b", "--match", "account:a", "--yes"];
    let _ = sandbox.run(&purge).expect_code(0);
    let status = lines_of(&sandbox, &["status"], "status");
    assert_eq!((status.len(), &status[0]["purged"]), (1, &9.into()));
    assert_eq!(contents(&sandbox).len(), 9);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn what_only_the_old_account_received_is_not_fetched_again_after_a_merge() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mail: Vec<_> = Sample::of(6, 7).into_iter().map(|m| m.bytes).collect();
    dovecot.deliver("ann", &mail);
    for (protocol, port) in [
        ("pop3", dovecot.pop3().port()),
        ("imap", dovecot.imap().port()),
    ] {
        let account = |name| {
            let protocol = format!("\"{protocol}\"");
            Account::new(name, port, "ann").with("protocol", &protocol)
        };
        let sandbox = sandbox(&[account("work")]);
        let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
        let office = account("office").with("stored_as", "\"office\"");
        configure(&sandbox, &[office]);
        let _ = sandbox.run(&["pull", "--limit", "2"]);
        let _ = sandbox.run(&MERGE).expect_code(0);
        let pull = lines_of(&sandbox, &["pull"], "account");
        assert_eq!(
            (&pull[0]["wanted"], &pull[0]["bytes"]),
            (&0.into(), &0.into()),
            "{protocol} {pull:?}"
        );
        let _ = sandbox.run(&["audit", "office", "--inbox"]).expect_code(0);
        let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
    }
}

pub(crate) fn letter(text: &str) -> String {
    format!("Subject: {text}\r\n\r\nThe body of {text} it is.\r\n")
}

/// An account that pulled "first" and "third" and got another name by hand, under which it pulled
/// again after the server gave the name of the first message to "other".
pub(crate) fn renamed_with_another_first(dovecot: &Dovecot) -> Sandbox {
    dovecot.deliver("ann", &[letter("first"), letter("third")]);
    let account =
        |name| Account::new(name, dovecot.pop3().port(), "ann").with("protocol", "\"pop3\"");
    let sandbox = sandbox(&[account("work")]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    let cur = dovecot.maildir("ann").join("cur");
    let files = fs::read_dir(cur).unwrap().map(|file| file.unwrap().path());
    let first = { files }.find(|file| fs::read_to_string(file).unwrap() == letter("first"));
    fs::write(first.unwrap(), letter("other")).unwrap();
    let office = [account("office").with("stored_as", "\"office\"")];
    configure(&sandbox, &office);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    sandbox
}

#[test]
fn a_name_that_stands_for_two_messages_is_fetched_again_after_a_merge() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let sandbox = renamed_with_another_first(&dovecot);
    let _ = sandbox.run(&MERGE).expect_code(0);
    let pull = lines_of(&sandbox, &["pull"], "account");
    assert_eq!(
        (&pull[0]["wanted"], &pull[0]["new"]),
        (&1.into(), &0.into()),
        "{pull:?}"
    );
    assert_eq!(listed(&sandbox), only_office(3));
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn accounts_that_cannot_be_merged_change_nothing() {
    let (sandbox, first, second) = doubled();
    let merge = |old, new| ["account", "merge", old, new, "--yes"];
    refused(&sandbox, &merge("wrok", "office"), 15, "did you mean work?");
    refused(
        &sandbox,
        &merge("work", "offcie"),
        15,
        "did you mean office?",
    );
    refused(&sandbox, &merge("work", "work"), 2, "are the same account");
    refused(
        &sandbox,
        &merge("office", "work"),
        2,
        "merge the other one into it: 'mailvault account merge work office'",
    );
    let office = || Account::of("office", &second).with("stored_as", "\"office\"");
    configure(&sandbox, &[office(), Account::of("work", &first)]);
    refused(&sandbox, &MERGE, 2, "'mailvault account remove work'");
    // Another mailbox.
    let third = server(vec![message("x", "Subject: x\r\n\r\nx\r\n")]);
    let other = Account::of("other", &third).with("host", "\"localhost\"");
    configure(&sandbox, &[office(), other]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    configure(&sandbox, &[office()]);
    refused(
        &sandbox,
        &merge("other", "office"),
        2,
        "have mail from different servers or users",
    );
    let lock = fs::File::open(sandbox.vault().join("lock")).unwrap();
    lock.lock().unwrap();
    refused(&sandbox, &MERGE, 11, "");
    drop(lock);
    let told = [&merge("other", "office")[..], &["--any-server"]].concat();
    let _ = sandbox.run(&told).expect_code(0);
    assert_eq!(listed(&sandbox)["office"], 5);
}

#[test]
fn a_damaged_ledger_is_not_merged() {
    let (sandbox, _first, _second) = doubled();
    let ledger = fs::read_dir(sandbox.vault().join("ledger")).unwrap();
    let file = ledger.map(|entry| entry.unwrap().path()).next().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replacen("\"ev\":\"seen\"", "\"ev\":\"sean\"", 1),
    )
    .unwrap();
    refused(&sandbox, &MERGE, 20, "");
}

#[test]
fn merged_accounts_are_merged_again_and_never_in_a_circle() {
    let (sandbox, _first, second) = doubled();
    let third = Account::of("third", &second).with("stored_as", "\"third\"");
    configure(&sandbox, &[third]);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let merge = |old, new| ["account", "merge", old, new, "--yes"];
    let _ = sandbox.run(&merge("work", "office")).expect_code(0);
    refused(
        &sandbox,
        &merge("third", "work"),
        2,
        "work was merged into office already",
    );
    let _ = sandbox.run(&merge("office", "third")).expect_code(0);
    refused(
        &sandbox,
        &merge("third", "office"),
        2,
        "office was merged into third already",
    );
    let all = BTreeMap::from([("third".to_owned(), 5)]);
    assert_eq!(listed(&sandbox), all);
    assert_eq!(
        lines_of(&sandbox, &["search", "account:work"], "message").len(),
        5
    );
    fs::remove_file(sandbox.vault().join("catalog.sqlite")).unwrap();
    assert_eq!(listed(&sandbox), all);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn the_name_of_a_merged_account_is_given_to_no_other_mailbox() {
    let (sandbox, first, _second) = doubled();
    let _ = sandbox.run(&MERGE).expect_code(0);
    configure(&sandbox, &[Account::of("work", &first)]);
    for args in [&["pull"][..], &["pull", "-n"]] {
        refused(&sandbox, args, 15, "work was merged into office");
    }
    sandbox.write("mail/cur/one:2,S", "Subject: one\r\n\r\none\r\n", 0o600);
    fs::create_dir_all(sandbox.path("mail/new")).unwrap();
    let import = ["import", "mail", "--account", "work", "--new-account"];
    refused(&sandbox, &import, 15, "work was merged into office");
    // As its configured name it may be used for the account that has its mail.
    configure(
        &sandbox,
        &[Account::of("work", &first).with("stored_as", "\"office\"")],
    );
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(listed(&sandbox), BTreeMap::from([("work".to_owned(), 5)]));
}

#[test]
fn a_merge_keeps_what_is_damaged_and_what_other_programs_left() {
    let (sandbox, _first, _second) = doubled();
    let mail = sandbox.vault().join("mail");
    let before = contents(&sandbox);
    // A copy of its own, as where links are refused; one that is damaged in one account, and one
    // in the other.
    let shared: Vec<_> = { sandbox.messages("office").into_iter() }
        .filter(|m| sandbox.messages("work").iter().any(|o| o.bytes == m.bytes))
        .map(|m| m.name)
        .collect();
    let apart = |name: &String| {
        let path = mail.join("work/cur").join(name);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes).unwrap();
        path
    };
    let paths: Vec<_> = shared.iter().map(apart).collect();
    fs::write(&paths[1], "damaged").unwrap();
    fs::write(mail.join("office/cur").join(&shared[2]), "damaged, too").unwrap();
    fs::write(mail.join("work/dovecot-uidlist"), "3 V1 N2\n").unwrap();
    fs::write(mail.join("work/cur/1700000000.strange"), "what is this").unwrap();
    let _ = sandbox.run(&MERGE).expect_code(0);
    assert!(!mail.join("work").exists());
    let quarantine = tree(&sandbox.vault().join("quarantine"));
    let has = |bytes: &[u8]| quarantine.values().any(|other| other == bytes);
    assert!(
        has(b"damaged") && has(b"damaged, too") && has(b"3 V1 N2\n"),
        "{quarantine:?}"
    );
    let strange = mail.join("office/cur/1700000000.strange");
    assert_eq!(fs::read_to_string(&strange).unwrap(), "what is this");
    fs::remove_file(strange).unwrap();
    assert_eq!(contents(&sandbox), before);
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

/// What a merge that was killed, or whose disk failed, leaves: one of the two states to everyone
/// who reads, with every message; and the merge can be given again.
fn is_one_of_the_two(sandbox: &Sandbox, before: &BTreeSet<Vec<u8>>, fault: &str) -> bool {
    assert_eq!(contents(sandbox), *before, "{fault}");
    let views = listed(sandbox);
    let apart = BTreeMap::from([("office".to_owned(), 4), ("work".to_owned(), 4)]);
    assert!(
        views == only_office(5) || views == apart,
        "{fault}: {views:?}"
    );
    let _ = sandbox.run(&["verify", "--read-data"]);
    let _ = sandbox.run(&MERGE).expect_code(0);
    assert_eq!(listed(sandbox), only_office(5), "{fault}");
    assert_eq!(contents(sandbox), *before, "{fault}");
    assert_eq!(sandbox.messages("office").len(), 5, "{fault}");
    assert!(!sandbox.vault().join("mail/work").exists(), "{fault}");
    let verified = sandbox.run(&["verify", "--read-data"]);
    assert_eq!(verified.ended, Ended::Exit(0), "{fault}: {verified}");
    let merged = |line: &&String| line.contains("\"ev\":\"merged\"");
    assert_eq!(
        sandbox.ledger_lines().iter().filter(merged).count(),
        1,
        "{fault}"
    );
    views == only_office(5)
}

/// Copies a vault with its links.
fn copy(from: &Path, to: &Path) {
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// The calls of a merge below the vault, and what there was before.
fn calls(scene: &Sandbox, start: &Path) -> Vec<Point> {
    let vault = fs::canonicalize(scene.vault()).unwrap();
    copy(&vault, start);
    let log = scene.path("calls");
    let options = format!("-y -e trace={CALLS} -o {}", log.display());
    assert_eq!(strace(scene, &options, &MERGE), Ended::Exit(0));
    let points = points::points(&read_log(&log), vault.to_str().unwrap(), CALLS);
    points
        .into_iter()
        .filter(|point| point.path.is_some())
        .collect()
}

fn at_every_call(faults: &[&str]) {
    if missing("strace") {
        return;
    }
    let (scene, _first, _second) = doubled();
    let before = contents(&scene);
    let start = scene.path("start");
    let points = calls(&scene, &start);
    assert!(points.len() > 40, "too few points: {points:?}");
    let vault = scene.vault();
    let mut seen = [0, 0];
    for point in &points {
        let path = vault.join(point.path.as_ref().unwrap().trim_start_matches('/'));
        for what in faults {
            fs::remove_dir_all(&vault).unwrap();
            copy(&start, &vault);
            let inject = format!("-e inject={}:{what}:when={}", point.call, point.n);
            let options = format!("-P {} {inject} -o /dev/null", path.display());
            let _ = strace(&scene, &options, &MERGE);
            let merged = is_one_of_the_two(&scene, &before, &format!("{point:?} {what}"));
            seen[usize::from(merged)] += 1;
        }
    }
    assert!(seen[0] > 5 && seen[1] > 5, "{seen:?}");
}

#[test]
fn a_merge_that_is_killed_at_any_call_is_one_of_two_states_and_can_be_given_again() {
    at_every_call(&["signal=KILL"]);
}

#[test]
fn a_merge_whose_disk_is_full_or_fails_at_any_call_costs_nothing() {
    at_every_call(&["error=ENOSPC", "error=EIO"]);
}

#[test]
fn a_merge_whose_line_is_torn_did_not_happen() {
    if missing("strace") {
        return;
    }
    let (scene, _first, _second) = doubled();
    let before = contents(&scene);
    let start = scene.path("start");
    let points = calls(&scene, &start);
    let vault = scene.vault();
    let of_ledger = |point: &&Point| {
        let path = point.path.as_deref().unwrap_or_default();
        point.call == "write" && (path.starts_with("/ledger/") || path.starts_with("/vault.toml"))
    };
    let points: Vec<_> = points.iter().filter(of_ledger).collect();
    assert_eq!(points.len(), 2, "{points:?}");
    for point in points {
        for torn in [Torn::Half, Torn::AllButOneByte] {
            fs::remove_dir_all(&vault).unwrap();
            copy(&start, &vault);
            let path = vault.join(point.path.as_ref().unwrap().trim_start_matches('/'));
            let log = scene.path("torn");
            let inject = format!("-e inject=write:signal=KILL:when={}", point.n);
            let form = format!("-y -xx -s 1000000 -o {} -e trace=write", log.display());
            let options = format!("{form} -P {} {inject}", path.display());
            assert_ne!(strace(&scene, &options, &MERGE), Ended::Exit(0));
            assert!(tear(&read_log(&log), torn), "{point:?}");
            let merged = is_one_of_the_two(&scene, &before, &format!("{point:?} {torn:?}"));
            assert!(!merged, "{point:?} {torn:?}");
        }
    }
}
