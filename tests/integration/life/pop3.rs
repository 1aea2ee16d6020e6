//! A POP3 server over a model account: INBOX, as it was when the session began.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;

use super::line::{FaultyLine, Served, SharedAccount, locked};
use super::model::{Fault, SizeHabit, TopHabit, UidlHabit};

const INBOX: &str = "INBOX";

/// Serves over POP3 until it is dropped.
pub(crate) fn serve(account: &SharedAccount) -> Served {
    let account = SharedAccount::clone(account);
    Served::start(move |stream| Maildrop::open(&account, stream).and_then(Maildrop::talk))
}

/// One session.
struct Maildrop {
    account: SharedAccount,
    input: BufReader<TcpStream>,
    out: FaultyLine,
    faults: Vec<Fault>,
    /// The UIDs behind the numbers, and whether they are to go.
    rows: Vec<(u32, bool)>,
}

impl Maildrop {
    fn open(account: &SharedAccount, stream: TcpStream) -> io::Result<Self> {
        let (faults, rows) = {
            let account = locked(account);
            let inbox = account.find(INBOX).expect("every account has one");
            let rows = inbox.shown().map(|message| (message.uid, false)).collect();
            (account.faults.clone(), rows)
        };
        Ok(Self {
            account: SharedAccount::clone(account),
            input: BufReader::new(stream.try_clone()?),
            out: FaultyLine::new(stream, &faults),
            faults,
            rows,
        })
    }

    fn talk(mut self) -> io::Result<()> {
        self.out.say("+OK ready")?;
        loop {
            if self.input.buffer().is_empty() {
                self.out.flush()?;
            }
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
            let verb = verb.to_ascii_uppercase();
            locked(&self.account)
                .commands
                .push((verb.clone(), self.faults.clone()));
            match verb.as_str() {
                "CAPA" => self.capabilities()?,
                "USER" | "PASS" | "NOOP" => self.out.say("+OK")?,
                "STAT" => self.stat()?,
                "LIST" => self.list()?,
                "UIDL" => self.uidl()?,
                "TOP" => self.top(argument)?,
                "RETR" => self.retr(argument)?,
                "DELE" => match self.row(argument) {
                    Some(at) => {
                        self.rows[at].1 = true;
                        self.out.say("+OK")?;
                    }
                    None => self.out.say("-ERR no such message")?,
                },
                "RSET" => {
                    for row in &mut self.rows {
                        row.1 = false;
                    }
                    self.out.say("+OK")?;
                }
                "QUIT" => {
                    self.update();
                    self.out.say("+OK bye")?;
                    return self.out.flush();
                }
                _ => self.out.say("-ERR unknown command")?,
            }
        }
    }

    fn capabilities(&mut self) -> io::Result<()> {
        let kind = locked(&self.account).kind.clone();
        self.out.say("+OK")?;
        self.out.say("USER")?;
        if kind.pipelining {
            self.out.say("PIPELINING")?;
        }
        if kind.top != TopHabit::Refused {
            self.out.say("TOP")?;
        }
        if kind.uidls != UidlHabit::Refused {
            self.out.say("UIDL")?;
        }
        self.out.say(".")
    }

    /// The place of a message that is still there, by its number.
    fn row(&self, number: &str) -> Option<usize> {
        let number: usize = number.split(' ').next()?.parse().ok()?;
        let at = number.checked_sub(1)?;
        self.rows.get(at).filter(|row| !row.1).map(|_| at)
    }

    /// A line for each message that is still there.
    fn lines(&self, what: impl Fn(usize, &super::model::ModelMessage) -> String) -> Vec<String> {
        let account = locked(&self.account);
        let inbox = account.find(INBOX).expect("every account has one");
        let rows = self.rows.iter().enumerate().filter(|(_, row)| !row.1);
        rows.filter_map(|(at, row)| {
            let message = inbox.shown().find(|message| message.uid == row.0)?;
            Some(format!("{} {}", at + 1, what(at, message)))
        })
        .collect()
    }

    fn sizes(&self) -> Vec<String> {
        let account = SharedAccount::clone(&self.account);
        let octets: Vec<(u32, u64)> = {
            let account = locked(&account);
            let inbox = account.find(INBOX).expect("every account has one");
            let octets = |(at, message): (usize, &super::model::ModelMessage)| {
                // A message ends with a line end here, which exact sizes count.
                let ended = message.bytes.ends_with(b"\r\n");
                let counted = account.kind.sizes == SizeHabit::Exact && !ended;
                let end = if counted { 2 } else { 0 };
                (message.uid, account.octets(at, message, &self.faults) + end)
            };
            inbox.shown().enumerate().map(octets).collect()
        };
        self.lines(|_, message| {
            let row = octets.iter().find(|row| row.0 == message.uid);
            row.map_or(0, |row| row.1).to_string()
        })
    }

    fn stat(&mut self) -> io::Result<()> {
        let count = self.rows.iter().filter(|row| !row.1).count();
        self.out.say(&format!("+OK {count} {}", count * 100))
    }

    fn list(&mut self) -> io::Result<()> {
        let rows = self.sizes();
        self.out.say("+OK")?;
        rows.iter().try_for_each(|row| self.out.say(row))?;
        self.out.say(".")
    }

    fn uidl(&mut self) -> io::Result<()> {
        let kind = locked(&self.account).kind.clone();
        if kind.uidls == UidlHabit::Refused {
            return self.out.say("-ERR unknown command");
        }
        let names: Vec<(u32, String)> = {
            let account = locked(&self.account);
            let inbox = account.find(INBOX).expect("every account has one");
            let places = self.rows.iter().enumerate();
            places
                .filter_map(|(at, row)| {
                    let message = inbox.shown().find(|message| message.uid == row.0)?;
                    Some((row.0, account.uidl(at + 1, message)))
                })
                .collect()
        };
        let rows = self.lines(|_, message| {
            let row = names.iter().find(|row| row.0 == message.uid);
            row.map(|row| row.1.clone()).unwrap_or_default()
        });
        self.out.say("+OK")?;
        rows.iter().try_for_each(|row| self.out.say(row))?;
        self.out.say(".")
    }

    fn top(&mut self, argument: &str) -> io::Result<()> {
        let kind = locked(&self.account).kind.clone();
        // Only whole messages are mixed up, unless it is the numbers that mean others.
        let shifted = self.faults.contains(&Fault::Shifted);
        let place = |at: usize| if shifted { self.meant(at) } else { at };
        let uid = self.row(argument).map(|at| self.rows[place(at)].0);
        let Some(uid) = uid.filter(|_| kind.top != TopHabit::Refused) else {
            return self.out.say("-ERR not here");
        };
        let header = locked(&self.account).header(INBOX, uid);
        let Some(mut text) = header else {
            return self.out.say("-ERR no such message");
        };
        if kind.top == TopHabit::Whole {
            let whole = locked(&self.account).body(INBOX, uid).unwrap_or_default();
            let end = super::model::header_end(&whole);
            let body = whole[end..].strip_prefix(b"\r\n").unwrap_or_default();
            text.extend_from_slice(body);
        }
        self.out.say("+OK")?;
        self.out.block(&text)
    }

    /// The place of the message that comes for the one in this place.
    fn meant(&self, at: usize) -> usize {
        if self.faults.contains(&Fault::FirstForAll) {
            0
        } else if self.faults.contains(&Fault::Shifted) {
            at.saturating_sub(1)
        } else if self.faults.contains(&Fault::Swapped { place: at }) {
            (at + 1) % self.rows.len()
        } else {
            at
        }
    }

    fn retr(&mut self, argument: &str) -> io::Result<()> {
        let Some(at) = self.row(argument) else {
            return self.out.say("-ERR no such message");
        };
        let uid = self.rows[self.meant(at)].0;
        let body = locked(&self.account).body(INBOX, uid);
        let Some(mut body) = body else {
            return self.out.say("-ERR no such message");
        };
        for fault in &self.faults {
            if let Fault::Cut { place, keep } = fault
                && *place == at
            {
                body.truncate(*keep);
            }
        }
        if self.faults.contains(&Fault::ExtraStatus { place: at }) {
            self.out.say("+OK")?;
        }
        let status = format!("+OK {} octets", body.len());
        self.out.say(&status)?;
        if self.faults.contains(&Fault::DoubledStatus) {
            self.out.say(&status)?;
        }
        self.out.block(&body)?;
        let asked = self.rows[at].0;
        let mut account = locked(&self.account);
        account.count_body(INBOX, asked);
        if !self.faults.is_empty() {
            account.note(INBOX, asked, &body, &self.faults);
        }
        Ok(())
    }

    /// What was marked goes.
    fn update(&mut self) {
        let marked: Vec<u32> = self.rows.iter().filter(|r| r.1).map(|r| r.0).collect();
        if !marked.is_empty() {
            locked(&self.account).expunge(INBOX, |message| marked.contains(&message.uid));
        }
    }
}
