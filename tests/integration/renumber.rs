//! Servers that change names or sizes of messages, or lose most of them (SAFETY 2, 5
//! and 10): a source in memory, so that each change is one line.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailvault::archive::commit::{self, Route};
use mailvault::archive::dedupe::{Policy, Recognition};
use mailvault::base::error::{Endpoint, Error, Result};
use mailvault::base::event::{Notice, PullReport, RunEvent};
use mailvault::base::stage::Stage;
use mailvault::mail::source::{Each, Fetched, Kept, Listing, Listings, Source};
use mailvault::pull::{self, PullTask};
use mailvault::vault::catalog::Catalog;
use mailvault::vault::ledger::Proto;
use mailvault::vault::verify::{VerifyOptions, verify};
use mailvault::vault::{Writer, layout::Layout, maildir};

/// A message as a server lists it.
#[derive(Clone)]
struct Mail {
    name: String,
    octets: u64,
    header: String,
    body: String,
}

/// A maildrop, and what was asked of it.
struct Maildrop {
    mail: Vec<Mail>,
    habits: Habits,
    asked: Arc<Mutex<Asked>>,
}

/// What a server does besides answering.
#[derive(Clone, Copy, Default)]
struct Habits {
    /// The line fails at this number, every time.
    fails_at: Option<u32>,
    /// It lists so many of the messages that were not fetched yet.
    window: Option<usize>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    headers: usize,
    bodies: usize,
}

impl Maildrop {
    fn answer(&self, wanted: &[Listing], each: Each<'_>, whole: bool) -> Result<()> {
        for listing in wanted {
            if self.habits.fails_at == Some(listing.number) {
                return Err(Error::Lost {
                    server: server(),
                    stage: Stage::of(&format!("RETR {}", listing.number)),
                    source: None,
                });
            }
            let mail = &self.mail[listing.number as usize - 1];
            let mut text = format!("{}\r\n", mail.header);
            if whole {
                text += &mail.body;
            }
            each(listing, Fetched::Body(&mut text.as_bytes()))?;
        }
        Ok(())
    }
}

impl Source for Maildrop {
    fn list(&mut self) -> Result<Listings> {
        let mut all = Listings::default();
        let fetched = self.asked.lock().unwrap().bodies;
        let (from, most) = match self.habits.window {
            Some(window) => (fetched, window),
            None => (0, usize::MAX),
        };
        for (number, mail) in (1..).zip(&self.mail).skip(from).take(most) {
            all.push(number, Some(mail.octets), mail.name.as_bytes());
        }
        Ok(all)
    }

    fn headers(&mut self, wanted: &[Listing], each: Each<'_>) -> Result<()> {
        self.asked.lock().unwrap().headers += wanted.len();
        self.answer(wanted, each, false)
    }

    fn fetch(&mut self, wanted: &[Listing], each: Each<'_>) -> Result<()> {
        self.asked.lock().unwrap().bodies += wanted.len();
        self.answer(wanted, each, true)
    }

    fn delete(self: Box<Self>, _: &[Listing]) -> Result<Vec<Kept>> {
        panic!("a pull deletes nothing")
    }

    fn login_delay(&self) -> Duration {
        Duration::ZERO
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn mail(count: usize) -> Vec<Mail> {
    (0..count)
        .map(|n| {
            let header = format!("Subject: {n}\r\nMessage-ID: <{n}@example.org>\r\n");
            let body = format!("the body of {n}\r\n");
            Mail {
                name: format!("name-{n:04}"),
                octets: (header.len() + 2 + body.len()) as u64,
                header,
                body,
            }
        })
        .collect()
}

fn server() -> Endpoint {
    Endpoint {
        host: "pop.example.org".into(),
        port: 995,
    }
}

/// Pulls once: the report, what was asked, and the notices.
fn pull(vault: &Path, mail: &[Mail]) -> (PullReport, Asked, Vec<String>) {
    pull_over(vault, mail, Habits::default())
}

/// The same from a server with habits.
fn pull_over(vault: &Path, mail: &[Mail], habits: Habits) -> (PullReport, Asked, Vec<String>) {
    let stop = AtomicBool::new(false);
    let layout = Layout::new(vault);
    Writer::create(vault).unwrap();
    let writer = Writer::open(vault, Duration::ZERO, &stop).unwrap();
    maildir::create_folder(&layout, "work", "").unwrap();
    let catalog = Catalog::open_to_read(&layout.catalog()).unwrap().unwrap();
    let (desk, committer) = commit::start(writer);
    let task = PullTask {
        name: "work",
        moved_from: Vec::new(),
        proto: Proto::Pop3,
        route: Arc::new(Route {
            account: "work".into(),
            server: "ann@pop.example.org:995".into(),
            dir: None,
            policy: Policy::MessageId,
        }),
        layout: &layout,
        level: 3,
        workers: 1,
        connections: 1,
        retries: 1,
        limit: None,
        dry_run: false,
        recognise: Recognition::Always,
        compare_all: false,
        accept_refused: &[],
        stop: &stop,
    };
    let asked = Arc::new(Mutex::new(Asked::default()));
    let mut notices = Vec::new();
    let (report, error) = pull::account(
        &task,
        &catalog,
        Some(&desk),
        &mut |_| {
            Ok(Box::new(Maildrop {
                mail: mail.to_vec(),
                habits,
                asked: Arc::clone(&asked),
            }))
        },
        &mut |event| match event {
            RunEvent::Notice {
                notice: Notice::Renumbered { listed },
                ..
            } => notices.push(format!("renumbered {listed}")),
            RunEvent::Notice {
                notice: Notice::Shrunk { before, now },
                ..
            } => notices.push(format!("shrunk {before} to {now}")),
            _ => {}
        },
    );
    drop(desk);
    drop(committer.join().unwrap().unwrap());
    assert!(error.is_none(), "{error:?}");
    let damage = verify(vault, &VerifyOptions::default(), &mut |_| {}).unwrap();
    assert!(damage.findings.is_empty(), "{damage:?}");
    let asked = std::mem::take(&mut *asked.lock().unwrap());
    (report, asked, notices)
}

fn asked(headers: usize, bodies: usize) -> Asked {
    Asked { headers, bodies }
}

#[test]
fn renamed_messages_are_recognised_by_their_headers() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = mail(60);
    assert_eq!(pull(dir.path(), &all).1, asked(0, 60));
    for mail in &mut all {
        mail.name = format!("new-{}", mail.name);
    }
    let (report, seen, notices) = pull(dir.path(), &all);
    assert_eq!(notices, ["renumbered 60"]);
    assert_eq!(
        seen,
        asked(20 + 60, 60),
        "a sample, then all, then the bytes"
    );
    assert_eq!((report.new, report.compared, report.differed), (0, 60, 0));
    assert_eq!(pull(dir.path(), &all).1, asked(0, 0), "the new names stay");
}

#[test]
fn a_renamed_message_of_another_size_is_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = mail(60);
    let _ = pull(dir.path(), &all);
    for mail in &mut all {
        mail.name = format!("new-{}", mail.name);
    }
    all[7].body += "more\r\n";
    all[7].octets += 6;
    let (report, seen, _) = pull(dir.path(), &all);
    assert_eq!(seen.bodies, 60);
    assert_eq!(report.new, 1, "the header alone identifies nothing");
}

#[test]
fn new_mail_in_place_of_old_is_no_renaming() {
    let dir = tempfile::tempdir().unwrap();
    let _ = pull(dir.path(), &mail(60));
    let other: Vec<Mail> = mail(120).split_off(60);
    let (report, seen, notices) = pull(dir.path(), &other);
    assert_eq!(notices, [] as [&str; 0]);
    assert_eq!(seen, asked(20, 60));
    assert_eq!(report.new, 60);
}

#[test]
fn a_maildrop_that_lost_most_of_its_mail_is_an_alarm_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let all = mail(60);
    let _ = pull(dir.path(), &all);
    let (_, seen, notices) = pull(dir.path(), &all[..5]);
    assert_eq!(notices, ["shrunk 60 to 5"]);
    assert_eq!(seen, asked(0, 0));
    assert_eq!(pull(dir.path(), &all).1, asked(0, 0), "all are still known");
}

#[test]
fn a_size_that_moved_costs_a_header_and_no_download() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = mail(5);
    let _ = pull(dir.path(), &all);
    for mail in &mut all {
        mail.octets += 22;
        // Some servers write such lines into the mail they serve.
        mail.header += "Status: RO\r\nX-UID: 7\r\n";
    }
    assert_eq!(pull(dir.path(), &all).1, asked(5, 0));
    assert_eq!(
        pull(dir.path(), &all).1,
        asked(0, 0),
        "the new size is known"
    );
}

#[test]
fn a_name_used_again_for_another_message_is_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = mail(5);
    let _ = pull(dir.path(), &all);
    all[2].header = "Subject: quite another\r\n".to_owned();
    all[2].octets = (all[2].header.len() + 2 + all[2].body.len()) as u64;
    let (report, seen, _) = pull(dir.path(), &all);
    assert_eq!(seen, asked(1, 1));
    assert_eq!(report.new, 1);
}

#[test]
fn without_names_a_line_that_always_fails_at_one_message_costs_that_one_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = mail(6);
    for mail in &mut all {
        mail.name = String::new();
    }
    let fails = Habits {
        fails_at: Some(3),
        ..Habits::default()
    };
    let (report, _, _) = pull_over(dir.path(), &all, fails);
    assert_eq!(report.new, 5);
    assert_eq!(report.refused.len(), 1);
}

#[test]
fn a_maildrop_that_shows_a_window_is_listed_until_nothing_new_comes() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = mail(600);
    for (n, mail) in all.iter_mut().enumerate() {
        mail.name = format!("GmailId{n:016x}");
    }
    let windowed = Habits {
        window: Some(250),
        ..Habits::default()
    };
    let (report, first, _) = pull_over(dir.path(), &all, windowed);
    assert_eq!((report.new, report.wanted), (600, 600));
    assert_eq!(first, asked(0, 600));

    // What was fetched is no longer listed there, which is no alarm.
    let (report, _, notices) = pull(dir.path(), &all[590..]);
    assert_eq!((report.new, notices), (0, vec![]));
}
