//! Promises 6, 7 and 13 of docs/SAFETY.md for `purge`: killed at any call it loses nothing
//! and deletes nothing without a durable intact copy and a recorded intent; and when the
//! first deletion leaves, nothing that it rests on is unsynced.
//!
//! The points come from a first run under strace, as in `crash.rs`. Each point has a
//! maildrop, a vault and a run of its own, since a purge changes the server. Over IMAP the
//! server is a Dovecot, and a usual run takes every fourth point.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use mailvault::mail::message::Hash128;
use mailvault::sample::{Message, Server};
use serde_json::Value;

use super::crash::points::{CALLS, Point, points};
use super::crash::scene::{read_log, strace};
use super::crash::unsynced::Unsynced;
use super::support::client::{imap_fetch_mailbox, pop3_fetch_all};
use super::support::dovecot::{Dovecot, Options, PASSWORD};
use super::support::missing;
use super::support::output::Ended;
use super::support::sandbox::Sandbox;
use super::support::scene::{Account, pulled, sandbox, server};

/// Runs at a time.
const WORKERS: usize = 2;
const PURGE: [&str; 5] = ["purge", "work", "--match", "subject:old", "--yes"];

fn mail(n: usize, subject: &str) -> Message {
    let text = format!(
        "Received: by mx.example.org; {} Nov 2020 10:00:00 +0000\r\nFrom: ann@example.org\r\n\
         Subject: {subject} {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\nbody of {n}\r\n",
        n % 28 + 1
    );
    Message {
        uidl: format!("uid-{n}"),
        bytes: text.into_bytes(),
    }
}

/// Three to go and two to stay.
fn maildrop() -> Vec<Message> {
    (0..5).map(|n| mail(n, ["old", "new"][n % 2])).collect()
}

/// Where the maildrop is.
enum Place<'a> {
    Pop3(Server),
    /// The inbox of this user.
    Imap(&'a Dovecot, String),
}

impl<'a> Place<'a> {
    /// A sandbox that has pulled the maildrop, and where that is.
    fn pulled(dovecot: Option<&'a Dovecot>, user: &str) -> (Sandbox, Self) {
        let Some(dovecot) = dovecot else {
            let (sandbox, server) = pulled(maildrop());
            return (sandbox, Self::Pop3(server));
        };
        let mails: Vec<Vec<u8>> = maildrop().into_iter().map(|m| m.bytes).collect();
        dovecot.deliver(user, &mails);
        let account = Account::new("work", dovecot.imap().port(), user);
        let sandbox = sandbox(&[account.with("protocol", "\"imap\"")]);
        let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
        (sandbox, Self::Imap(dovecot, user.to_owned()))
    }

    /// What it holds, by hash.
    fn left(&self) -> BTreeSet<String> {
        let hash = |bytes: &[u8]| Hash128::of(bytes).to_string();
        match self {
            Self::Pop3(server) => pop3_fetch_all(server.addr(), Server::USER, PASSWORD)
                .iter()
                .map(|(_, _, bytes)| hash(bytes))
                .collect(),
            Self::Imap(dovecot, user) => {
                imap_fetch_mailbox(dovecot.imap(), user, PASSWORD, "INBOX")
                    .iter()
                    .map(|bytes| hash(bytes))
                    .collect()
            }
        }
    }
}

/// Hash and bytes of each message.
fn messages() -> BTreeMap<String, Vec<u8>> {
    maildrop()
        .into_iter()
        .map(|m| (Hash128::of(&m.bytes).to_string(), m.bytes))
        .collect()
}

/// The last word of the ledger on each message that was to be purged, by hash.
fn purges(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let mut purges = BTreeMap::new();
    for line in sandbox.ledger_lines() {
        // The last line of a killed run may be torn: it says nothing then.
        let Ok(line) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let event = line["ev"].as_str().unwrap();
        if event.starts_with("purge") {
            let hash = line["hash"].as_str().unwrap().to_owned();
            purges.insert(hash, event.to_owned());
        }
    }
    purges
}

/// Kills a purge at a point and tries again; the error says what is wrong. False if the
/// purge came to its end.
fn try_kill(point: &Point, dovecot: Option<&Dovecot>, user: &str) -> Result<bool, String> {
    let (sandbox, place) = Place::pulled(dovecot, user);
    let vault = fs::canonicalize(sandbox.vault()).unwrap();
    let limit = match &point.path {
        Some(path) => format!(" -P \"{}{path}\"", vault.display()),
        None => String::new(),
    };
    let (call, n) = (&point.call, point.n);
    let options =
        format!("--seccomp-bpf -o /dev/null -e inject={call}:signal=KILL:when={n}{limit}");
    let ended = strace(&sandbox, &options, &PURGE);

    let whole = |when: &str| {
        let stored: BTreeSet<Vec<u8>> = sandbox
            .messages("work")
            .into_iter()
            .map(|m| m.bytes)
            .collect();
        let all: BTreeSet<Vec<u8>> = messages().into_values().collect();
        if stored == all {
            Ok(())
        } else {
            Err(format!(
                "{when}: the vault has {} of {}",
                stored.len(),
                all.len()
            ))
        }
    };
    whole("killed")?;
    let intended = purges(&sandbox);
    let there = place.left();
    for hash in messages().keys() {
        if !there.contains(hash) && !intended.contains_key(hash) {
            return Err(format!("{hash} was deleted without an intent"));
        }
    }
    let honest = sandbox.run(&PURGE);
    if honest.ended != Ended::Exit(0) {
        return Err(format!("stuck: {honest}"));
    }
    whole("again")?;
    let stays = |bytes: &[u8]| bytes.windows(8).any(|part| part == b"ect: new");
    let left = place.left();
    if left.len() != 2 || !left.iter().all(|hash| stays(&messages()[hash])) {
        return Err(format!("the server has {left:?}"));
    }
    let purged = purges(&sandbox);
    if purged.len() != 3 || purged.values().any(|event| event != "purged") {
        return Err(format!("the ledger says {purged:?}"));
    }
    let verified = sandbox.run(&["verify", "--read-data"]);
    if verified.ended != Ended::Exit(0) {
        return Err(format!("not whole: {verified}"));
    }
    let pull = sandbox.run(&["pull"]);
    if pull.ended != Ended::Exit(0) || !pull.stdout.is_empty() {
        return Err(format!("fetched again: {pull}"));
    }
    Ok(ended != Ended::Exit(0))
}

#[test]
fn a_purge_killed_at_any_call_is_made_good_by_the_next() {
    if missing("strace") {
        return;
    }
    kill_everywhere(None);
}

#[test]
fn a_purge_over_imap_killed_at_any_call_is_made_good_by_the_next() {
    if missing("strace") {
        return;
    }
    if let Some(dovecot) = Dovecot::start(&Options::default()) {
        kill_everywhere(Some(&dovecot));
    }
}

fn kill_everywhere(dovecot: Option<&Dovecot>) {
    let (sandbox, _place) = Place::pulled(dovecot, "first");
    let log = sandbox.path("log");
    let calls = format!("{CALLS},recvfrom");
    let options = format!("-y -s 0 -e trace={calls} -o {}", log.display());
    assert_eq!(strace(&sandbox, &options, &PURGE), Ended::Exit(0));
    let vault = fs::canonicalize(sandbox.vault()).unwrap();
    let mut points = points(&read_log(&log), vault.to_str().unwrap(), &calls);
    let sent = points.iter().filter(|point| point.call == "sendto").count();
    assert!(points.len() > 20 && sent > 5, "too few points: {points:?}");

    let only = std::env::var("MAILVAULT_CRASH").unwrap_or_default();
    if dovecot.is_some() && only.is_empty() {
        points = points.into_iter().step_by(4).collect();
    }
    let count = points.len();
    let queue = Mutex::new((0..).zip(points));
    let (hits, wrong) = (Mutex::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((at, point)) = next else { break };
                    if only != "all" && !format!("{point:?}").contains(&only) {
                        continue;
                    }
                    match try_kill(&point, dovecot, &format!("user{at}")) {
                        Ok(hit) => *hits.lock().unwrap() += usize::from(hit),
                        Err(error) => wrong.lock().unwrap().push(format!("{point:?}: {error}")),
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let hits = hits.into_inner().unwrap();
    assert!(
        hits * 2 >= count || !only.is_empty(),
        "only {hits} of {count} were met"
    );
}

/// Fails if anything below the vault is unsynced when the first deletion leaves.
fn check_first_deletion(sandbox: &Sandbox, args: &[&str], least: usize) {
    let mut unsynced = Unsynced::of(sandbox);
    let log = sandbox.path("log");
    let options = format!("-y -s 64 -e trace={CALLS} -o {}", log.display());
    assert_eq!(strace(sandbox, &options, args), Ended::Exit(0));
    let mut deleted = false;
    unsynced.walk(&read_log(&log), |unsynced, _, arguments, calls| {
        if !deleted && (arguments.contains("\"DELE ") || arguments.contains(" UID STORE ")) {
            assert!(calls >= least, "only {calls} calls before the deletion");
            assert_eq!(unsynced.left(), Vec::<&PathBuf>::new());
            deleted = true;
        }
    });
    assert!(deleted, "nothing was deleted");
}

fn fifty() -> Vec<Message> {
    (0..50).map(|n| mail(n, "old")).collect()
}

/// What a POP3 server holds.
fn count(server: &Server) -> usize {
    pop3_fetch_all(server.addr(), Server::USER, PASSWORD).len()
}

#[test]
fn when_a_purge_sends_its_first_deletion_nothing_is_unsynced() {
    if missing("strace") {
        return;
    }
    let (sandbox, server) = pulled(fifty());
    check_first_deletion(&sandbox, &PURGE, 50);
    assert_eq!(count(&server), 0);
}

#[test]
fn when_a_pull_goes_on_to_purge_nothing_is_unsynced_either() {
    if missing("strace") {
        return;
    }
    let server = server(fifty());
    let account = Account::of("work", &server).with("purge", "{ older_than = \"90d\" }");
    let sandbox = sandbox(&[account]);
    check_first_deletion(&sandbox, &["pull", "--create", "--purge"], 200);
    assert_eq!(count(&server), 0);
}

#[test]
fn over_imap_nothing_is_unsynced_at_the_first_deletion() {
    if missing("strace") {
        return;
    }
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let mails: Vec<Vec<u8>> = fifty().into_iter().map(|m| m.bytes).collect();
    dovecot.deliver("ann", &mails);
    let account = Account::new("work", dovecot.imap().port(), "ann")
        .with("protocol", "\"imap\"")
        .with("purge", "{ older_than = \"90d\" }");
    let sandbox = sandbox(&[account]);
    check_first_deletion(&sandbox, &["pull", "--create", "--purge"], 200);
    let left = imap_fetch_mailbox(dovecot.imap(), "ann", PASSWORD, "INBOX");
    assert_eq!(left.len(), 0);
}
