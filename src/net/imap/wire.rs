//! Lines, tags and literals in both directions, and the trace of the dialogue.
//!
//! Everything that a server says about a command passes here, so this is where
//! secrets that it echoes are masked. The end of the connection ends nothing: it is
//! an error wherever it comes.

use std::io::{self, Read, Write};

use crate::base::error::{Endpoint, Error, Result};
use crate::base::secret::Mask;
use crate::net::channel::{BUFFER, Channel};
use crate::net::imap::capability::Literals;
use crate::net::imap::fetch::{self, FetchState, Section};
use crate::net::imap::reply::{self, ImapStatus, Reply, StatusKind};

/// Longest answer without the messages in it, in bytes.
const TEXT_LIMIT: usize = 4 << 20;
/// Longest literal that is no message, in octets.
const LITERAL_LIMIT: u64 = 1 << 20;
/// Literals in one answer.
const LITERALS: usize = 1_000;
/// Answers longer than this give their room back.
const KEPT: usize = 64 << 10;
/// Characters of an answer that the trace shows.
const SHOWN: usize = 200;

/// What an answer came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerHead {
    /// All of it is in [`ImapWire::text`].
    Whole,
    /// It goes up to a message of this many octets, which follow.
    Body(u64),
}

/// A connection that exchanges replies.
#[derive(Debug)]
pub(super) struct ImapWire<S> {
    pub(super) channel: Channel<S>,
    text: Vec<u8>,
    tags: u32,
    /// How literals may be sent.
    pub(super) literals: Literals,
    /// Which part of messages is asked for.
    pub(super) section: Section,
}

impl<S: Read + Write> ImapWire<S> {
    pub(super) fn new(stream: S, server: Endpoint, mask: Mask) -> Self {
        Self {
            channel: Channel::new(stream, server, mask),
            text: Vec::new(),
            tags: 0,
            literals: Literals::Wait,
            section: Section::default(),
        }
    }

    /// The answer that was taken last, without its line end.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// A status as people may see it.
    pub(super) fn words(&self, status: &ImapStatus<'_>) -> String {
        let word = match status.kind {
            StatusKind::Ok => "OK",
            StatusKind::No => "NO",
            StatusKind::Bad => "BAD",
            StatusKind::Bye => "BYE",
            StatusKind::Preauth => "PREAUTH",
        };
        let text = self.channel.masked(status.text);
        format!("{word} {}", String::from_utf8_lossy(&text))
            .trim_end()
            .to_owned()
    }

    /// A tag that was not used yet.
    pub(super) fn tag(&mut self) -> String {
        self.tags += 1;
        format!("m{}", self.tags)
    }

    /// Takes the next answer.
    pub(super) fn receive(&mut self) -> Result<AnswerHead> {
        self.text.clear();
        self.text.shrink_to(KEPT);
        let head = self.assemble(false)?;
        if !matches!(head, AnswerHead::Body(_)) {
            self.trace();
        }
        Ok(head)
    }

    /// What the last answer means; an error if it is not a reply, or says goodbye.
    pub(super) fn reply(&self) -> Result<Reply<'_>> {
        match self.any_reply()? {
            Reply::Status(status) if status.kind == StatusKind::Bye => Err(self.farewell(&status)),
            reply => Ok(reply),
        }
    }

    /// What the last answer means, a good-bye too.
    pub(super) fn any_reply(&self) -> Result<Reply<'_>> {
        reply::reply(&self.text).ok_or_else(|| {
            let said = String::from_utf8_lossy(&self.channel.masked(&self.text)).into_owned();
            self.channel.broken(&if said.starts_with("+OK") {
                "this is a POP3 server".to_owned()
            } else {
                let cut: String = said.chars().take(80).collect();
                format!("\"{cut}\" is not a valid reply")
            })
        })
    }

    /// The message that follows the last answer, of which it is a part.
    pub(super) fn body(&mut self, item: fetch::FetchItem, octets: u64) -> LiteralBody<'_, S> {
        LiteralBody {
            wire: self,
            item,
            left: octets,
            whole: false,
            failed: None,
        }
    }

    /// A refusal of a command that the caller cannot do without.
    pub(super) fn refused(&self, status: &ImapStatus<'_>) -> Error {
        if status.wants_a_pause() {
            return Error::Busy {
                server: self.channel.server().clone(),
                reply: self.words(status),
            };
        }
        Error::Refused {
            server: self.channel.server().clone(),
            command: self.channel.stage.to_string(),
            reply: self.words(status),
        }
    }

    /// A server that stops at its limit however few messages a command is about.
    pub(super) fn never_done(&self) -> Error {
        let detail = "it does less in each command than it allows (MESSAGELIMIT)";
        self.channel.broken(detail)
    }

    /// What a good-bye that nobody asked for leads to.
    pub(super) fn farewell(&self, status: &ImapStatus<'_>) -> Error {
        let reply = self.words(status);
        let server = self.channel.server().clone();
        if status.refusal() == crate::net::sasl::Refusal::Later {
            return Error::Busy { server, reply };
        }
        Error::Lost {
            server,
            stage: self.channel.stage.clone(),
            source: Some(io::Error::other(format!("it said \"{reply}\""))),
        }
    }

    fn trace(&self) {
        if tracing::enabled!(target: "dialogue", tracing::Level::DEBUG) {
            let said = String::from_utf8_lossy(&self.channel.masked(&self.text)).into_owned();
            let said: String = match said.strip_prefix("+ ") {
                Some(_) => "+ ...".to_owned(),
                None => said.chars().take(SHOWN).collect(),
            };
            tracing::debug!(target: "dialogue", "S: {said}");
        }
    }

    /// Adds lines and small literals to the text, up to the end of the answer or to a
    /// message. `tail` says that the text continues after a message.
    fn assemble(&mut self, tail: bool) -> Result<AnswerHead> {
        for _ in 0..LITERALS {
            let from = self.text.len();
            self.line()?;
            if !tail && !reply::holds_literals(&self.text) {
                return Ok(AnswerHead::Whole);
            }
            let octets = match reply::announced(&self.text[from..]) {
                Ok(None) => return Ok(AnswerHead::Whole),
                Ok(Some(octets)) => octets,
                Err(_) => return Err(self.channel.broken("invalid literal size")),
            };
            let state = if tail {
                fetch::FetchItem::new(self.section).resume(&self.text)
            } else {
                fetch::read(&self.text, self.section).1
            };
            if state == FetchState::Body {
                return Ok(AnswerHead::Body(octets));
            }
            if state == FetchState::Unasked {
                self.pass_over(octets)?;
                continue;
            }
            if octets > LITERAL_LIMIT {
                return Err(self
                    .channel
                    .broken("a literal that is no message is too long"));
            }
            self.text.extend_from_slice(b"\r\n");
            self.copy(octets)?;
        }
        Err(self.channel.broken("an answer has too many literals"))
    }

    /// Reads a part of a message that nobody asked for, and puts an empty text in its place.
    fn pass_over(&mut self, octets: u64) -> Result<()> {
        let announced = self.text.iter().rposition(|byte| *byte == b'{');
        self.text.truncate(announced.unwrap_or(self.text.len()));
        if self.text.ends_with(b"~") {
            self.text.pop();
        }
        self.text.extend_from_slice(b"\"\"");
        let mut octets = Octets {
            wire: self,
            left: octets,
        };
        let scrapped = io::copy(&mut octets, &mut io::sink());
        scrapped.map(drop).map_err(|e| self.channel.explained(e))
    }

    /// Adds a line, without its end, to the text. A CR before it is the last octet of a literal.
    fn line(&mut self) -> Result<()> {
        let from = self.text.len();
        loop {
            let waiting = self.channel.waiting();
            let at = memchr::memchr(b'\n', waiting);
            let taken = at.map_or(waiting.len(), |at| at + 1);
            self.text.extend_from_slice(&waiting[..taken]);
            self.channel.take(taken);
            if self.text.len() > TEXT_LIMIT {
                return Err(self.channel.broken("its answer is too long"));
            }
            if at.is_some() {
                self.text.pop();
                if self.text[from..].ends_with(b"\r") {
                    self.text.pop();
                }
                return Ok(());
            }
            self.channel.refill()?;
        }
    }

    /// Adds octets to the text.
    fn copy(&mut self, octets: u64) -> Result<()> {
        let mut left = usize::try_from(octets).unwrap_or(usize::MAX);
        while left > 0 {
            if !self.channel.has_buffered() {
                self.channel.refill()?;
            }
            let waiting = self.channel.waiting();
            let taken = waiting.len().min(left);
            self.text.extend_from_slice(&waiting[..taken]);
            self.channel.take(taken);
            left -= taken;
            if self.text.len() > TEXT_LIMIT {
                return Err(self.channel.broken("its answer is too long"));
            }
        }
        Ok(())
    }
}

/// The octets of a message inside an answer.
///
/// It ends only when the rest of the answer has arrived and fits: a literal that was
/// longer or shorter than announced is an error and no message.
pub(super) struct LiteralBody<'a, S> {
    wire: &'a mut ImapWire<S>,
    item: fetch::FetchItem,
    left: u64,
    whole: bool,
    failed: Option<Error>,
}

impl<S: Read + Write> LiteralBody<'_, S> {
    /// The first octets, up to `most`, which stay.
    pub(super) fn peek(&mut self, most: usize) -> Result<&[u8]> {
        let most = usize::try_from(self.left).map_or(most, |left| most.min(left));
        let most = most.min(BUFFER);
        while self.wire.channel.waiting().len() < most {
            self.wire.channel.refill()?;
        }
        Ok(&self.wire.channel.waiting()[..most])
    }

    /// Octets that are left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Reads everything into memory.
    pub(super) fn hold(&mut self, held: &mut Vec<u8>) -> Result<()> {
        held.clear();
        match self.read_to_end(held) {
            Ok(_) => Ok(()),
            Err(e) => Err(self.take_failure(e)),
        }
    }

    /// Reads and forgets what is left; gives what the answer says besides the message,
    /// or what went wrong, now or before.
    pub(super) fn drain(mut self) -> Result<fetch::FetchItem> {
        let mut scrap = [0; 8 << 10];
        loop {
            if let Some(failure) = self.failed.take() {
                return Err(failure);
            }
            match self.read(&mut scrap) {
                Ok(0) => return Ok(self.item),
                Ok(_) => {}
                Err(e) => return Err(self.take_failure(e)),
            }
        }
    }

    /// The typed error behind a failed read, if a read has failed.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    fn take_failure(&mut self, error: io::Error) -> Error {
        self.failed
            .take()
            .unwrap_or_else(|| self.wire.channel.explained(error))
    }

    /// Takes the rest of the answer.
    fn finish(&mut self) -> Result<()> {
        loop {
            self.wire.text.clear();
            let head = self.wire.assemble(true)?;
            match (self.item.resume(&self.wire.text), head) {
                (FetchState::Whole, AnswerHead::Whole) => return Ok(()),
                // A second part that nobody asked for.
                (FetchState::Body, AnswerHead::Body(octets)) => {
                    let scrapped = io::copy(
                        &mut Octets {
                            wire: self.wire,
                            left: octets,
                        },
                        &mut io::sink(),
                    );
                    scrapped.map_err(|e| self.wire.channel.explained(e))?;
                }
                _ => {
                    let detail = "a message is not as long as announced";
                    return Err(self.wire.channel.broken(detail));
                }
            }
        }
    }
}

impl<S: Read + Write> Read for LiteralBody<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.whole {
            return Ok(0);
        }
        let mut octets = Octets {
            wire: self.wire,
            left: self.left,
        };
        if self.left > 0 {
            let outcome = octets.read(buf);
            self.left = octets.left;
            return outcome.map_err(|e| {
                let kind = e.kind();
                self.failed = Some(self.wire.channel.explained(e));
                kind.into()
            });
        }
        match self.finish() {
            Ok(()) => {
                self.whole = true;
                Ok(0)
            }
            Err(failure) => {
                self.failed = Some(failure);
                Err(io::ErrorKind::InvalidData.into())
            }
        }
    }
}

/// The octets of a literal, and nothing after them.
struct Octets<'a, S> {
    wire: &'a mut ImapWire<S>,
    left: u64,
}

impl<S: Read + Write> Read for Octets<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()));
        if room == 0 {
            return Ok(0);
        }
        let channel = &mut self.wire.channel;
        let taken = if channel.has_buffered() || room < BUFFER / 4 {
            if !channel.has_buffered() {
                channel.fill()?;
            }
            let waiting = channel.waiting();
            let taken = room.min(waiting.len());
            buf[..taken].copy_from_slice(&waiting[..taken]);
            channel.take(taken);
            taken
        } else {
            // Past the buffer: one copy less.
            channel.read_past(&mut buf[..room])?
        };
        self.left -= taken as u64;
        Ok(taken)
    }
}
