//! Putting messages into mailboxes: CREATE, SUBSCRIBE, APPEND (RFC 9051 s.6.3), sent ahead
//! where literals need not wait (RFC 7888), and the limit of RFC 7889.

use std::collections::VecDeque;
use std::io::{Read, Write};

use chrono::DateTime;

use crate::base::error::Result;
use crate::net::imap::capability::Literals;
use crate::net::imap::command::{CommandEnd, ImapCommand, SMALL};
use crate::net::imap::fetch::FetchItem;
use crate::net::imap::mailbox::{Mailbox, Namespace};
use crate::net::imap::name;
use crate::net::imap::reply::{Reply, StatusKind, pairs};
use crate::net::imap::session::Session;
use crate::net::imap::wire::AnswerHead;

/// Messages whose answers are not there yet.
const AHEAD: usize = 256;
/// Octets of these. What is longer waits for the server's leave, so that a refusal costs
/// no transfer.
const AHEAD_OCTETS: u64 = 8 << 20;
/// Octets that are written at once.
const PIECE: usize = 64 << 10;

/// What is said of a message besides its octets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppendMessage {
    /// Its flags.
    pub(crate) flags: Vec<String>,
    /// Its INTERNALDATE in Unix seconds; without one the server takes its own time.
    pub(crate) date: Option<i64>,
    /// Its length.
    pub(crate) octets: u64,
    /// Its header is UTF-8 beyond ASCII, and the server takes that (RFC 6855).
    pub(crate) utf8: bool,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is in the mailbox, under this UID if the server returned one.
    Taken(Option<u32>),
    /// It is not; the server's words.
    Refused(AppendRefusal, String),
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendRefusal {
    /// The account: it is full.
    Full,
    /// The account: the server requires a pause.
    Pause,
    /// The message.
    Message,
}

/// What became of a mailbox that was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    Yes,
    /// The server would not.
    Refused {
        /// Its words.
        words: String,
        /// True unless its response code blames something other than the name.
        by_name: bool,
    },
}

/// Response codes of a CREATE that is refused whatever the name (RFC 5530).
const NOT_BY_NAME: [&str; 7] = [
    "OVERQUOTA",
    "NOPERM",
    "INUSE",
    "UNAVAILABLE",
    "LIMIT",
    "SERVERBUG",
    "CONTACTADMIN",
];

/// Octets of a message, handed on in pieces.
pub(super) type AppendPieces<'a> =
    &'a mut dyn FnMut(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>;

impl<S: Read + Write> Session<S> {
    /// The mailbox with these levels below a namespace, be it there or not.
    #[must_use]
    pub(crate) fn mailbox(&self, space: &Namespace, levels: &[String]) -> Mailbox {
        let mut raw = space.prefix.clone();
        for (n, level) in levels.iter().enumerate() {
            if n > 0 {
                raw.extend(space.delimiter);
            }
            raw.extend_from_slice(&name::encode(level, self.utf8));
        }
        Mailbox::named(raw, space.delimiter, self.utf8)
    }

    /// Makes a mailbox and subscribes to it, which most programs take for showing it.
    pub(crate) fn create(&mut self, mailbox: &Mailbox) -> Result<Created> {
        let create = ImapCommand::new("CREATE").string(&mailbox.raw);
        let done = self.wire.run(&create, |_| Ok(()))?;
        if !done.is_ok() && !done.status().says("ALREADYEXISTS") {
            let by_name = !NOT_BY_NAME.iter().any(|code| done.status().says(code));
            let words = self.wire.words(&done.status());
            return Ok(Created::Refused { words, by_name });
        }
        let subscribe = ImapCommand::new("SUBSCRIBE").string(&mailbox.raw);
        self.wire.run(&subscribe, |_| Ok(()))?;
        Ok(Created::Yes)
    }

    /// The longest message that the mailbox takes, if the server says.
    pub(crate) fn append_limit(&mut self, mailbox: &Mailbox) -> Result<Option<u64>> {
        let mut limit = self.caps.number("APPENDLIMIT");
        if limit.is_none() && self.caps.has("APPENDLIMIT") {
            let command = ImapCommand::new("STATUS").string(&mailbox.raw);
            self.wire.run(&command.words(" (APPENDLIMIT)"), |reply| {
                if let Reply::Data { word, mut rest, .. } = reply
                    && word.eq_ignore_ascii_case(b"STATUS")
                    && rest.text().is_some()
                {
                    let items = pairs(&mut rest).unwrap_or_default();
                    let mut limits = items.into_iter().filter(|item| item.0 == "APPENDLIMIT");
                    limit = limits.find_map(|item| item.1);
                }
                Ok(())
            })?;
        }
        Ok(limit)
    }

    /// True if headers beyond ASCII are welcome.
    #[must_use]
    pub(crate) fn takes_utf8(&self) -> bool {
        self.utf8
    }

    /// Begins to put messages into a mailbox.
    pub(crate) fn appender(&mut self, mailbox: &Mailbox) -> Appender<'_, S> {
        Appender {
            name: mailbox.raw.clone(),
            under_way: VecDeque::new(),
            octets: 0,
            ready: VecDeque::new(),
            buffer: Vec::new(),
            session: self,
        }
    }
}

/// Messages on their way into a mailbox. Each gets exactly one verdict, unless the
/// connection fails.
#[derive(Debug)]
pub struct Appender<'s, S> {
    session: &'s mut Session<S>,
    name: Vec<u8>,
    under_way: VecDeque<WaitingAppends>,
    octets: u64,
    ready: VecDeque<(u64, Verdict)>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct WaitingAppends {
    tag: String,
    key: u64,
    octets: u64,
}

impl<S: Read + Write> Appender<'_, S> {
    /// True if a verdict should be taken before such a message is sent.
    #[must_use]
    pub(crate) fn is_full(&self, octets: u64) -> bool {
        !self.under_way.is_empty()
            && (self.under_way.len() >= AHEAD || self.octets.saturating_add(octets) > AHEAD_OCTETS)
    }

    /// Sends a message, which has to be as long as its letter says.
    pub(crate) fn send(
        &mut self,
        key: u64,
        letter: &AppendMessage,
        body: AppendPieces<'_>,
    ) -> Result<()> {
        let ahead = match self.session.wire.literals {
            Literals::Wait => false,
            Literals::Small => letter.octets <= SMALL as u64,
            Literals::Any => letter.octets <= AHEAD_OCTETS,
        };
        let words = words(letter, ahead);
        let command = ImapCommand::new("APPEND").string(&self.name).words(&words);
        let wire = &mut self.session.wire;
        let tag = wire.tag();
        wire.announce(&command.shown);
        let mut pieces = command.pieces(&tag, wire.literals);
        let last = pieces.pop().unwrap_or_default();
        if !ahead || !pieces.is_empty() {
            self.settle()?;
        }
        for piece in pieces {
            if self.waits(&tag, key, &piece)? {
                return Ok(());
            }
        }
        self.buffer.clear();
        if ahead {
            self.buffer.extend_from_slice(&last);
        } else if self.waits(&tag, key, &last)? {
            return Ok(());
        }
        let (wire, buffer) = (&mut self.session.wire, &mut self.buffer);
        let mut sent: u64 = 0;
        body(&mut |piece| {
            sent += piece.len() as u64;
            if buffer.len() + piece.len() > PIECE {
                wire.channel.send(buffer)?;
                buffer.clear();
            }
            if piece.len() > PIECE {
                return wire.channel.send(piece);
            }
            buffer.extend_from_slice(piece);
            Ok(())
        })?;
        if sent != letter.octets {
            return Err(wire.channel.broken("the message changed while it was sent"));
        }
        buffer.extend_from_slice(if letter.utf8 { b")\r\n" } else { b"\r\n" });
        wire.channel.send(buffer)?;
        self.octets += letter.octets;
        self.under_way.push_back(WaitingAppends {
            tag,
            key,
            octets: letter.octets,
        });
        Ok(())
    }

    /// The next verdict, with the key of its message; `None` if nothing is under way.
    pub(crate) fn take(&mut self) -> Result<Option<(u64, Verdict)>> {
        match self.ready.pop_front() {
            Some(ready) => Ok(Some(ready)),
            None => self.receive(),
        }
    }

    /// Waits until nothing is under way.
    fn settle(&mut self) -> Result<()> {
        while let Some(verdict) = self.receive()? {
            self.ready.push_back(verdict);
        }
        Ok(())
    }

    /// Sends a piece after which the server gives its leave; true if it refuses, which
    /// is the verdict.
    fn waits(&mut self, tag: &str, key: u64, piece: &[u8]) -> Result<bool> {
        let wire = &mut self.session.wire;
        wire.channel.send(piece)?;
        let Some(done) = wire.until(tag, true, &mut |_| Ok(()))? else {
            return Ok(false);
        };
        self.ready.push_back((key, self.verdict(&done)));
        Ok(true)
    }

    fn receive(&mut self) -> Result<Option<(u64, Verdict)>> {
        while !self.under_way.is_empty() {
            let wire = &mut self.session.wire;
            if let AnswerHead::Body(octets) = wire.receive()? {
                wire.body(FetchItem::default(), octets).drain()?;
                continue;
            }
            let Reply::Result(tag, status) = wire.reply()? else {
                continue;
            };
            let mut waiting = self.under_way.iter();
            let Some(at) = waiting.position(|w| w.tag.as_bytes() == tag) else {
                return Err(wire.channel.broken("it answers another command"));
            };
            let done = CommandEnd::of(&status);
            let verdict = self.verdict(&done);
            if let Some(waiting) = self.under_way.remove(at) {
                self.octets -= waiting.octets;
                return Ok(Some((waiting.key, verdict)));
            }
        }
        Ok(None)
    }

    fn verdict(&self, done: &CommandEnd) -> Verdict {
        let status = done.status();
        if status.kind == StatusKind::Ok {
            let mut argument = status.argument();
            let uid = (status.says("APPENDUID") && argument.number().is_some())
                .then(|| argument.number().and_then(|n| u32::try_from(n).ok()))
                .flatten();
            return Verdict::Taken(uid.filter(|uid| *uid > 0));
        }
        let refusal = if status.says("OVERQUOTA") {
            AppendRefusal::Full
        } else if status.wants_a_pause() {
            AppendRefusal::Pause
        } else {
            AppendRefusal::Message
        };
        Verdict::Refused(refusal, self.session.wire.words(&status))
    }
}

/// What is between the name of the mailbox and the octets, without the line end.
fn words(letter: &AppendMessage, ahead: bool) -> String {
    let mut words = String::new();
    if !letter.flags.is_empty() {
        words = format!(" ({})", letter.flags.join(" "));
    }
    let date = letter
        .date
        .and_then(|date| DateTime::from_timestamp(date, 0));
    if let Some(date) = date {
        words += &date.format(" \"%e-%b-%Y %H:%M:%S +0000\"").to_string();
    }
    let plus = if ahead { "+" } else { "" };
    let open = if letter.utf8 { " UTF8 (~{" } else { " {" };
    format!("{words}{open}{}{plus}}}", letter.octets)
}

#[cfg(test)]
mod tests;
