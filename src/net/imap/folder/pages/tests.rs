#![allow(clippy::unwrap_used)]
use super::*;
use crate::base::error::Error;
use crate::base::secret::Mask;
use crate::net::imap::capability::ImapCapabilities;
use crate::net::imap::folder::{Access, Scope};
use crate::net::imap::mailbox::Mailbox;
use crate::net::imap::session::Session;
use crate::net::imap::tests::{play_as, server};
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};
use std::io;

/// How a server says that it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopHabit {
    /// As the RFC has it: from the highest UID down, and the lowest in the tagged answer.
    Down,
    /// The same in an untagged answer before another code.
    Untagged,
    /// From the lowest up, and the highest in the answer.
    Up,
    /// It refuses, and does nothing.
    Refuses,
}

/// A mailbox on a server that announces a limit of `limit` messages per command.
#[derive(Debug)]
struct LimitedMailbox {
    uids: BTreeSet<u32>,
    limit: usize,
    habit: StopHabit,
    heard: Vec<u8>,
    saying: VecDeque<u8>,
    commands: usize,
}

impl LimitedMailbox {
    fn answer(&mut self, line: &str) {
        self.commands += 1;
        let words: Vec<&str> = line.split_whitespace().collect();
        let tag = words[0];
        if words[1] == "EXAMINE" {
            let uidnext = self.uids.last().map_or(1, |uid| uid + 1);
            let text = format!(
                "* {} EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT {uidnext}]\r\n{tag} OK in\r\n",
                self.uids.len()
            );
            self.saying.extend(text.bytes());
            return;
        }
        let last = self.uids.last().copied().unwrap_or(0);
        let (low, high) = words[3].split_once(':').unwrap_or((words[3], words[3]));
        let low: u32 = low.parse().unwrap();
        let high = high.parse().unwrap_or(last);
        let mut chosen: Vec<u32> = self.uids.iter().copied().collect();
        chosen.retain(|uid| (low.min(high)..=low.max(high)).contains(uid));
        if let Some((_, page)) = line.split_once("(PARTIAL 1:") {
            let rows: usize = page.split([')', ' ']).next().unwrap().parse().unwrap();
            assert!(rows <= self.limit);
            chosen.truncate(rows);
        }
        let mut end = format!("{tag} OK done\r\n");
        if chosen.len() > self.limit {
            let limit = self.limit;
            let first_of_last = chosen.len() - limit.max(1);
            let (lowest, highest) = (chosen[first_of_last], chosen[limit.saturating_sub(1)]);
            end = match self.habit {
                StopHabit::Down => format!("{tag} OK [MESSAGELIMIT {limit} {lowest}] part\r\n"),
                StopHabit::Untagged => format!(
                    "* NO [MESSAGELIMIT {limit} {lowest}] part\r\n{tag} OK [HIGHESTMODSEQ 5] x\r\n"
                ),
                StopHabit::Up => format!("{tag} NO [MESSAGELIMIT {limit} {highest}] part\r\n"),
                StopHabit::Refuses => format!("{tag} NO [MESSAGELIMIT {limit}] too many\r\n"),
            };
            match self.habit {
                StopHabit::Down | StopHabit::Untagged => {
                    chosen.drain(..chosen.len() - limit);
                    chosen.reverse();
                }
                StopHabit::Up => chosen.truncate(limit),
                StopHabit::Refuses => chosen.clear(),
            }
        }
        for uid in chosen {
            let number = self.uids.range(..=uid).count();
            let text = format!("* {number} FETCH (UID {uid} FLAGS () RFC822.SIZE 5)\r\n");
            self.saying.extend(text.bytes());
        }
        self.saying.extend(end.bytes());
    }
}

impl Write for LimitedMailbox {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.heard.extend_from_slice(buf);
        while let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.heard.drain(..=end).collect();
            self.answer(std::str::from_utf8(&line).unwrap());
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for LimitedMailbox {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.saying.read(buf)
    }
}

fn open(caps: &str, script: &str, check: impl Fn(Folder<'_, crate::net::imap::tests::Stream>)) {
    let script = format!(
        "C: m1 EXAMINE \"INBOX\"
         S: * 5 EXISTS
         S: * OK [UIDVALIDITY 7]
         S: * OK [UIDNEXT 12]
         S: m1 OK
         {script}"
    );
    play_as(caps, &script, |session| {
        check(session.open(&Mailbox::inbox(), Access::Read).unwrap());
    });
}

fn listed<S: Read + Write>(folder: &mut Folder<'_, S>) -> Result<Vec<u32>> {
    let mut uids = Vec::new();
    folder.rows(1, &mut |row| {
        uids.push(row.uid);
        Ok(())
    })?;
    uids.sort_unstable();
    Ok(uids)
}

const ITEMS: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE)";

#[test]
fn a_list_that_was_cut_goes_on_below_the_named_uid() {
    let script = format!(
        "C: m2 UID FETCH 1:* {ITEMS}
         S: * 5 FETCH (UID 11 RFC822.SIZE 1)
         S: * 4 FETCH (UID 9 RFC822.SIZE 1)
         S: m2 OK [MESSAGELIMIT 2 9] part
         C: m3 UID FETCH 1:8 {ITEMS}
         S: * 3 UIDFETCH (RFC822.SIZE 1)
         S: * 2 FETCH (UID 2 RFC822.SIZE 1)
         S: m3 OK [MESSAGELIMIT 2 2] part
         C: m4 UID FETCH 1 {ITEMS}
         S: * 1 FETCH (UID 1 RFC822.SIZE 1)
         S: m4 OK done"
    );
    open("MESSAGELIMIT=2", &script, |mut folder| {
        assert_eq!(listed(&mut folder).unwrap(), [1, 2, 3, 9, 11]);
    });
}

#[test]
fn where_pages_are_offered_they_are_asked_for() {
    let script = format!(
        "C: m2 UID FETCH 1:* {ITEMS} (PARTIAL 1:3)
         S: * 1 FETCH (UID 1 RFC822.SIZE 1)
         S: * 2 FETCH (UID 2 RFC822.SIZE 1)
         S: * 3 FETCH (UID 3 RFC822.SIZE 1)
         S: m2 OK
         C: m3 UID FETCH 4:* {ITEMS} (PARTIAL 1:3)
         S: * 4 FETCH (UID 9 RFC822.SIZE 1)
         S: * 5 FETCH (UID 11 RFC822.SIZE 1)
         S: m3 OK"
    );
    open("PARTIAL MESSAGELIMIT=3", &script, |mut folder| {
        assert_eq!(listed(&mut folder).unwrap(), [1, 2, 3, 9, 11]);
    });
}

#[test]
fn what_vanished_is_told_by_a_list_that_was_cut() {
    let script = "C: m1 EXAMINE \"INBOX\"
         S: * 5 EXISTS
         S: * OK [UIDVALIDITY 7]
         S: * OK [HIGHESTMODSEQ 99]
         S: m1 OK
         C: m2 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 90 VANISHED)
         S: * VANISHED (EARLIER) 4:8
         S: * NO [MESSAGELIMIT 2 7] part
         S: m2 OK [HIGHESTMODSEQ 99] done
         C: m3 UID FETCH 1:6 (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 90 VANISHED)
         S: * VANISHED (EARLIER) 4:6
         S: * 1 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (95))
         S: m3 OK
         C: m4 UID FETCH 8:* (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 90 VANISHED)
         S: m4 OK";
    play_as("PARTIAL MESSAGELIMIT=2", script, |session| {
        session.qresync = true;
        let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
        let known = crate::net::imap::folder::KnownMailbox {
            modseq: 90,
            messages: 9,
            uidnext: 12,
        };
        let mut told = 0;
        let scope = folder.changes(Some(known), &mut |_| {
            told += 1;
            Ok(())
        });
        assert_eq!((scope.unwrap(), told), (Scope::Changes, 3));
    });
}

#[test]
fn a_server_that_stops_at_every_message_ends_the_listing_with_an_error() {
    let mailbox = LimitedMailbox {
        limit: 0,
        habit: StopHabit::Refuses,
        ..mailbox([5].into())
    };
    let (outcome, commands) = with_mailbox("", mailbox, listed);
    let error = outcome.unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    assert!(commands < 50, "{commands}");
}

fn mailbox(uids: BTreeSet<u32>) -> LimitedMailbox {
    LimitedMailbox {
        uids,
        limit: 3,
        habit: StopHabit::Down,
        heard: Vec::new(),
        saying: VecDeque::new(),
        commands: 0,
    }
}

/// What a run in an open mailbox gives, and the commands that it took.
fn with_mailbox<T>(
    caps: &str,
    mailbox: LimitedMailbox,
    run: impl Fn(&mut Folder<'_, LimitedMailbox>) -> T,
) -> (T, usize) {
    let mut session = Session::resume(mailbox, &server(), Mask::none());
    session.caps = ImapCapabilities::read(caps.as_bytes());
    let mut folder = session.open(&Mailbox::inbox(), Access::Read).unwrap();
    let outcome = run(&mut folder);
    (outcome, session.stream_mut().commands - 1)
}

proptest! {
    #[test]
    fn every_message_is_listed_wherever_the_server_stops(
        uids in prop::collection::btree_set(prop_oneof![1_u32..60, any::<u32>()], 0..25),
        limit in 1_usize..5,
        habit in prop::sample::select(vec![
            StopHabit::Down, StopHabit::Untagged, StopHabit::Up, StopHabit::Refuses,
        ]),
        caps in prop::sample::select(vec!["", "MESSAGELIMIT", "PARTIAL MESSAGELIMIT"]),
    ) {
        let uids: BTreeSet<u32> = uids.into_iter().filter(|uid| (1..u32::MAX).contains(uid)).collect();
        let caps = match caps {
            "" => String::new(),
            caps => format!("{caps}={limit}"),
        };
        // One message alone says nothing of the direction, and the RFC counts.
        prop_assume!(habit != StopHabit::Up || limit > 1 || caps.starts_with("PARTIAL"));
        let pages = uids.len() / limit;
        let mailbox = LimitedMailbox { limit, habit, ..mailbox(uids.clone()) };
        let (told, commands) = with_mailbox(&caps, mailbox, listed);
        prop_assert_eq!(told.unwrap(), uids.into_iter().collect::<Vec<_>>());
        if habit != StopHabit::Refuses {
            prop_assert!(commands <= pages + 2, "{commands} commands for {pages} pages");
        }
    }
}
