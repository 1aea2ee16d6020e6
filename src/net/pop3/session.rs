//! The dialogue of one session: greeting, capabilities, listing, transfer, QUIT.
//!
//! Commands are sent ahead where the server offers PIPELINING (RFC 2449 s.6.6): one
//! write for many, refilled when both the commands and the bytes that they ask for
//! are at most half outstanding.

use std::io::{Read, Write};
use std::time::Duration;

use crate::base::error::{Endpoint, Error, Result};
use crate::base::secret::Mask;
use crate::base::stage::Stage;
use crate::mail::source::{Each, Fetched, Kept, Listing, Listings, Names, Sizes, Source};
use crate::net::pop3::capability::Pop3Capabilities;
use crate::net::pop3::delete;
use crate::net::pop3::login;
use crate::net::pop3::reply;
use crate::net::pop3::wire::{Answer, Pop3Wire, ROW_LIMIT};
use crate::net::sasl::Login;

/// Commands sent ahead at most, their bytes, and the octets that they ask for.
const AHEAD: usize = 1_024;
const AHEAD_BYTES: usize = 16 << 10;
const AHEAD_OCTETS: u64 = 64 << 20;
/// Commands sent ahead at first, and how fast that grows.
const AHEAD_FIRST: usize = 16;
const GROWTH: usize = 4;
/// Octets that a header without a listed size is taken for.
const HEADER_OCTETS: u64 = 4 << 10;
/// Rows of `CAPA` that are looked at.
const CAPA_ROWS: usize = 1_000;
/// Rows that a listing may have beyond the count of `STAT`.
const SPARE_ROWS: usize = 1_000;
/// Rows that a listing may have at all, whatever the server claims.
const MOST_ROWS: usize = 3_000_000;

/// What was learned about a server, and is worth keeping for the next session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// False if it falls silent when asked for its capabilities.
    pub(crate) capa: bool,
    /// Commands that may be sent ahead; 1 is lock-step.
    pub(crate) ahead: usize,
    /// True if it sends a status line twice before a message.
    pub(crate) doubled: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            capa: true,
            ahead: AHEAD,
            doubled: false,
        }
    }
}

/// One POP3 session over any stream. Dropping it ends it without QUIT.
#[derive(Debug)]
pub struct Pop3Session<S> {
    wire: Pop3Wire<S>,
    dialect: Dialect,
    caps: Pop3Capabilities,
    ahead: usize,
    /// How many messages `STAT` reported when they were listed.
    count: Option<u32>,
}

impl<S: Read + Write> Pop3Session<S> {
    /// Takes the greeting of a fresh connection.
    pub fn greet(stream: S, server: &Endpoint, mask: Mask, dialect: Dialect) -> Result<Self> {
        let mut session = Self::resume(stream, server, mask, dialect);
        match session.wire.answer()? {
            Answer::Ok(_) => Ok(session),
            Answer::Err(text) => Err(Error::Busy {
                server: server.clone(),
                reply: session.wire.refusal(&text),
            }),
            Answer::Challenge(_) => Err(session.wire.channel.broken("this is not a POP3 server")),
        }
    }

    /// Goes on where no greeting is due, as after STLS.
    pub(crate) fn resume(stream: S, server: &Endpoint, mask: Mask, dialect: Dialect) -> Self {
        Self {
            wire: Pop3Wire::new(stream, server.clone(), mask),
            dialect,
            caps: Pop3Capabilities::default(),
            ahead: AHEAD_FIRST.min(dialect.ahead),
            count: None,
        }
    }

    /// Hides a secret in all that the server says from now on.
    pub(crate) fn hide(&mut self, secret: &str) {
        self.wire.channel.hide(secret);
    }

    /// The stream below.
    pub(crate) fn stream_mut(&mut self) -> &mut S {
        self.wire.channel.stream_mut()
    }

    /// Asks for the capabilities; a refusal is an answer too.
    pub fn ask_capabilities(&mut self) -> Result<()> {
        self.caps = Pop3Capabilities::default();
        if !self.dialect.capa {
            return Ok(());
        }
        match self.wire.ask("CAPA", "CAPA")? {
            Answer::Ok(_) => self.take_capabilities(),
            _ => Ok(()),
        }
    }

    /// True if SCRAM with channel binding is offered.
    #[must_use]
    pub(crate) fn offers_binding(&self) -> bool {
        self.caps.offers("SCRAM-SHA-256-PLUS")
    }

    /// What the server said it can do.
    #[must_use]
    pub(crate) fn capabilities(&self) -> &Pop3Capabilities {
        &self.caps
    }

    /// Asks for TLS and gives the stream back for the handshake. What was learned in
    /// clear is forgotten with the session (RFC 2595 s.4).
    pub fn start_tls(mut self) -> Result<S> {
        let server = self.wire.channel.server().clone();
        if self.caps.known && !self.caps.stls {
            return Err(Error::Unsupported {
                server,
                what: "STLS, which tls = \"starttls\" asks for; nothing was sent in clear".into(),
            });
        }
        match self.wire.ask("STLS", "STLS")? {
            Answer::Ok(_) => self
                .wire
                .channel
                .into_stream()
                .ok_or_else(|| Error::Protocol {
                    server,
                    stage: Stage::Stls,
                    detail: "it sent extra data before the handshake".into(),
                }),
            Answer::Err(text) => Err(Error::Refused {
                server,
                command: "STLS".into(),
                reply: self.wire.refusal(&text),
            }),
            Answer::Challenge(_) => Err(self.wire.channel.broken("an answer was due")),
        }
    }

    /// Signs in. UTF8 is asked for first where it is offered: without it some servers
    /// wrap mail with raw 8-bit headers in a notice of their own.
    pub fn login(&mut self, login: &Login) -> Result<()> {
        if self.caps.utf8 {
            self.wire.ask("UTF8", "UTF8")?;
        }
        login::login(&mut self.wire, &self.caps, login)
    }

    fn take_capabilities(&mut self) -> Result<()> {
        let mut caps = Pop3Capabilities {
            known: true,
            ..Pop3Capabilities::default()
        };
        self.wire.rows(CAPA_ROWS, |row| caps.add(row))?;
        tracing::debug!(target: "dialogue", "S: ({caps:?})");
        self.caps = caps;
        Ok(())
    }

    fn pipelines(&self) -> bool {
        self.caps.pipelining && self.dialect.ahead > 1
    }

    /// Takes the answer to `LIST` after its status line.
    fn take_sizes(&mut self, most: usize) -> Result<Sizes> {
        let mut sizes = Sizes::default();
        self.wire.rows(most, |row| {
            if let Some((number, octets)) = reply::list_row(row) {
                sizes.push(number, octets);
            }
        })?;
        Ok(sizes)
    }

    /// Takes the answer to `UIDL` after its status line. A name that is too long to
    /// be one counts as absent.
    fn take_names(&mut self, most: usize) -> Result<(Vec<u32>, Names)> {
        let mut numbers = Vec::new();
        let mut names = Names::default();
        self.wire.rows(most, |row| {
            if let Some((number, name)) = reply::uidl_row(row) {
                numbers.push(number);
                names.push(if row.len() > ROW_LIMIT { b"" } else { name });
            }
        })?;
        Ok((numbers, names))
    }

    /// The answer to a command that is sent now, or was sent `ahead`.
    fn next_answer(&mut self, ahead: bool, command: &str) -> Result<Answer> {
        if !ahead {
            return self.wire.ask(command, command);
        }
        self.wire.channel.stage = Stage::of(command);
        self.wire.answer()
    }

    /// True if a listing is over with its status line, as some servers have it for an empty
    /// maildrop: `STAT` counted nothing, the line says so too, and no row is there.
    fn lists_nothing(&mut self, text: &[u8]) -> bool {
        self.count == Some(0) && reply::stat(text) == Some(0) && self.wire.leaves_out_end()
    }

    fn refused(&self, command: &str, text: &[u8]) -> Error {
        Error::Refused {
            server: self.wire.channel.server().clone(),
            command: command.to_owned(),
            reply: self.wire.refusal(text),
        }
    }

    /// Makes sure that answers still belong to their commands, and numbers to the messages
    /// that were listed: what is sent next cannot be taken back.
    fn check_place(&mut self) -> Result<()> {
        let count = match self.wire.ask("STAT", "STAT")? {
            Answer::Ok(text) => reply::stat(&text),
            Answer::Err(_) => None,
            Answer::Challenge(_) => return Err(self.wire.channel.broken("an answer was due")),
        };
        if count == self.count && !self.wire.channel.has_buffered() {
            Ok(())
        } else {
            Err(self
                .wire
                .channel
                .broken("it no longer has the messages that it listed"))
        }
    }

    /// Sends `command` for each message of the list, ahead where that is allowed, and
    /// hands each answer on.
    fn transfer(
        &mut self,
        wanted: &[Listing],
        command: impl Fn(u32) -> String,
        octets: impl Fn(&Listing) -> u64,
        each: Each<'_>,
    ) -> Result<()> {
        let mut flight = Flight::default();
        let mut sent = 0;
        for (done, listing) in wanted.iter().enumerate() {
            let most = if self.pipelines() { self.ahead } else { 1 };
            if flight.wants_more(most) && sent < wanted.len() {
                let mut lines = String::new();
                let before = flight.commands;
                while let Some(next) = wanted.get(sent) {
                    let line = command(next.number) + "\r\n";
                    if !flight.fits(most, line.len(), octets(next)) {
                        break;
                    }
                    flight.add(line.len(), octets(next));
                    lines += &line;
                    sent += 1;
                }
                tracing::debug!(target: "dialogue", "C: {} to {sent} of {} ahead", done + 1, wanted.len());
                self.wire.channel.stage = Stage::Command(command(listing.number).into());
                if before == 0 {
                    self.wire.expect_silence()?;
                }
                self.wire.channel.send(lines.as_bytes())?;
                self.ahead = (self.ahead * GROWTH).min(self.dialect.ahead);
            }
            self.wire.channel.stage = Stage::Command(command(listing.number).into());
            if !self.wire.channel.has_buffered() {
                each(listing, Fetched::Waiting)?;
            }
            match self.wire.answer()? {
                Answer::Ok(_) => {
                    if self.dialect.doubled {
                        self.wire.skip_status()?;
                    }
                    let mut body = self.wire.body();
                    let handed = each(listing, Fetched::Body(&mut body));
                    if let Some(failure) = body.failure() {
                        return Err(failure);
                    }
                    handed?;
                    body.drain()?;
                }
                Answer::Err(text) => {
                    let words = self.wire.refusal(&text);
                    each(listing, Fetched::Refused(words))?;
                }
                Answer::Challenge(_) => return Err(self.wire.channel.broken("an answer was due")),
            }
            flight.land(command(listing.number).len() + 2, octets(listing));
        }
        Ok(())
    }
}

impl<S: Read + Write> Source for Pop3Session<S> {
    fn list(&mut self) -> Result<Listings> {
        let together = self.pipelines();
        if together {
            tracing::debug!(target: "dialogue", "C: CAPA, STAT, LIST, UIDL");
            self.wire.expect_silence()?;
            let capa = if self.dialect.capa { "CAPA\r\n" } else { "" };
            self.wire
                .channel
                .send(format!("{capa}STAT\r\nLIST\r\nUIDL\r\n").as_bytes())?;
        }
        if self.dialect.capa {
            match self.next_answer(together, "CAPA")? {
                Answer::Ok(_) => self.take_capabilities()?,
                Answer::Err(_) => {}
                Answer::Challenge(_) => return Err(self.wire.channel.broken("an answer was due")),
            }
        }
        self.count = match self.next_answer(together, "STAT")? {
            Answer::Ok(text) => reply::stat(&text),
            _ => None,
        };
        let most = self.count.map_or(MOST_ROWS, |count| {
            (count as usize + SPARE_ROWS).min(MOST_ROWS)
        });
        let (sizes, refused) = match self.next_answer(together, "LIST")? {
            Answer::Ok(text) if self.lists_nothing(&text) => (Sizes::default(), None),
            Answer::Ok(_) => (self.take_sizes(most)?, None),
            Answer::Err(text) => (Sizes::default(), Some(self.refused("LIST", &text))),
            Answer::Challenge(_) => return Err(self.wire.channel.broken("an answer was due")),
        };
        let (numbers, names) = match (self.next_answer(together, "UIDL")?, refused) {
            (Answer::Ok(text), _) if self.lists_nothing(&text) => (Vec::new(), Names::default()),
            (Answer::Ok(_), _) => self.take_names(most)?,
            (_, Some(refused)) => return Err(refused),
            (_, None) => (Vec::new(), Names::default()),
        };
        let mut listings = Listings::join(sizes, &numbers, names);
        listings.announce(self.count.unwrap_or(0).into());
        Ok(listings)
    }

    fn headers(&mut self, wanted: &[Listing], each: Each<'_>) -> Result<()> {
        self.transfer(
            wanted,
            |number| format!("TOP {number} 0"),
            |listing| listing.octets.unwrap_or(HEADER_OCTETS).min(HEADER_OCTETS),
            each,
        )
    }

    fn fetch(&mut self, wanted: &[Listing], each: Each<'_>) -> Result<()> {
        self.transfer(
            wanted,
            |number| format!("RETR {number}"),
            |listing| listing.octets.unwrap_or(0),
            each,
        )
    }

    fn delete(mut self: Box<Self>, wanted: &[Listing]) -> Result<Vec<Kept>> {
        self.check_place()?;
        let ahead = if self.pipelines() {
            self.dialect.ahead
        } else {
            1
        };
        delete::delete(&mut self.wire, wanted, ahead)
    }

    fn login_delay(&self) -> Duration {
        Duration::from_secs(self.caps.login_delay.into())
    }

    fn keeps_fetched(&self) -> bool {
        self.caps.expire != Some(0)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        delete::send_quit(&mut self.wire)?;
        delete::take_quit(&mut self.wire)
    }
}

/// What is outstanding.
#[derive(Debug, Default)]
struct Flight {
    commands: usize,
    bytes: usize,
    octets: u64,
}

impl Flight {
    /// True if commands and octets are both at most half of what is allowed.
    fn wants_more(&self, most: usize) -> bool {
        self.commands <= most / 2 && self.octets <= AHEAD_OCTETS / 2
    }

    /// True if one more may be sent; the first one always may.
    fn fits(&self, most: usize, bytes: usize, octets: u64) -> bool {
        self.commands == 0
            || (self.commands < most
                && self.bytes + bytes <= AHEAD_BYTES
                && self.octets.saturating_add(octets) <= AHEAD_OCTETS)
    }

    fn add(&mut self, bytes: usize, octets: u64) {
        self.commands += 1;
        self.bytes += bytes;
        self.octets = self.octets.saturating_add(octets);
    }

    fn land(&mut self, bytes: usize, octets: u64) {
        self.commands -= 1;
        self.bytes -= bytes;
        self.octets = self.octets.saturating_sub(octets);
    }
}
