//! Reading and writing of lines, and the trace of the dialogue.
//!
//! Everything that a server says in a status line passes here, so this is where
//! secrets that it echoes are masked.

use std::io::{self, Read, Write};

use crate::base::error::{Endpoint, Error, Result};
use crate::base::secret::Mask;
use crate::base::stage::Stage;
use crate::net::channel::Channel;
use crate::net::pop3::multiline::Unstuffer;
use crate::net::pop3::reply::{self, Pop3Status};

/// Longest status line, in bytes; RFC 2449 s.4 allows 512.
const STATUS_LIMIT: usize = 8 << 10;
/// Longest row of a listing that is looked at, in bytes; the rest of it is skipped.
pub(super) const ROW_LIMIT: usize = 1 << 10;
/// Longest row that is skipped, in bytes; more of one means that it does not end.
const ROW_MOST: usize = 4 << 20;

/// A status line, taken in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// `+OK`
    Ok(Vec<u8>),
    /// `-ERR`
    Err(Vec<u8>),
    /// `+`, undecoded
    Challenge(Vec<u8>),
}

/// A connection that exchanges lines.
#[derive(Debug)]
pub(super) struct Pop3Wire<S> {
    pub(super) channel: Channel<S>,
    /// True if the end mark of an empty listing may come yet, before the next status line.
    owed_end: bool,
}

impl<S: Read + Write> Pop3Wire<S> {
    pub(super) fn new(stream: S, server: Endpoint, mask: Mask) -> Self {
        Self {
            channel: Channel::new(stream, server, mask),
            owed_end: false,
        }
    }

    /// A refusal as people may see it.
    pub(super) fn refusal(&self, text: &[u8]) -> String {
        format!("-ERR {}", self.words(text)).trim_end().to_owned()
    }

    fn words(&self, text: &[u8]) -> String {
        String::from_utf8_lossy(&self.channel.masked(text)).into_owned()
    }

    /// Sends one command and takes its status line. `shown` is the command as the
    /// trace may show it.
    pub(super) fn ask(&mut self, command: &str, shown: &str) -> Result<Answer> {
        tracing::debug!(target: "dialogue", "C: {shown}");
        // A secret's stars say nothing: the command goes on.
        match shown.split(' ').next() {
            Some("****") | None => {}
            Some(word) => self.channel.stage = Stage::of(word),
        }
        self.expect_silence()?;
        self.channel.send(format!("{command}\r\n").as_bytes())?;
        self.answer()
    }

    /// To be asked before a command when no answer is due: bytes that are there already
    /// would be taken for its answer.
    pub(super) fn expect_silence(&mut self) -> Result<()> {
        if self.owed_end && self.channel.waiting().starts_with(b".") {
            self.take_owed_end()?;
        }
        if self.channel.has_buffered() {
            return Err(self.channel.broken("the server sent more than requested"));
        }
        Ok(())
    }

    /// For a listing that is empty by what the server said of it: true if its end mark is
    /// left out, or has not come and need not be waited for.
    pub(super) fn leaves_out_end(&mut self) -> bool {
        match self.channel.waiting().first() {
            Some(b'+' | b'-') => true,
            Some(_) => false,
            None => {
                self.owed_end = true;
                true
            }
        }
    }

    fn take_owed_end(&mut self) -> Result<()> {
        self.owed_end = false;
        let line = self.line()?;
        if line == b"." {
            return Ok(());
        }
        let said = self.words(&line);
        Err(self
            .channel
            .broken(&format!("\"{}\" is not a valid reply", cut(&said))))
    }

    /// Takes a status line.
    pub(super) fn answer(&mut self) -> Result<Answer> {
        if self.owed_end {
            if !self.channel.has_buffered() {
                self.channel.refill()?;
            }
            if self.channel.waiting().starts_with(b".") {
                self.take_owed_end()?;
            }
            self.owed_end = false;
        }
        let line = self.line()?;
        let answer = match reply::status(&line) {
            Some(Pop3Status::Ok(text)) => Answer::Ok(self.channel.masked(text).into_owned()),
            Some(Pop3Status::Err(text)) => Answer::Err(self.channel.masked(text).into_owned()),
            Some(Pop3Status::Challenge(text)) => Answer::Challenge(text.to_vec()),
            None => {
                let said = self.words(&line);
                tracing::debug!(target: "dialogue", "S: {said}");
                let greets = self.channel.stage == Stage::Greeting;
                let guess = if greets { who_greets(&said) } else { None };
                let detail = guess.map_or_else(
                    || format!("\"{}\" is not a valid reply", cut(&said)),
                    |who| format!("this is {who}"),
                );
                return Err(self.channel.broken(&detail));
            }
        };
        match &answer {
            Answer::Ok(text) => {
                tracing::debug!(target: "dialogue", "S: +OK {}", String::from_utf8_lossy(text));
            }
            Answer::Err(text) => {
                tracing::debug!(target: "dialogue", "S: -ERR {}", String::from_utf8_lossy(text));
            }
            Answer::Challenge(_) => tracing::debug!(target: "dialogue", "S: + ..."),
        }
        Ok(answer)
    }

    /// A multi-line answer, after its status line.
    pub(super) fn body(&mut self) -> DotBody<'_, S> {
        DotBody {
            wire: self,
            state: Unstuffer::new(),
            failed: None,
        }
    }

    /// Takes a multi-line answer row by row. Rows are cut at [`ROW_LIMIT`] + 1 bytes;
    /// more than `most` of them, or one without an end, break the protocol.
    pub(super) fn rows(&mut self, most: usize, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut chunk = vec![0; 16 << 10];
        let mut row = Vec::new();
        let (mut count, mut length) = (0, 0);
        let mut body = self.body();
        loop {
            let n = match body.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(e) => return Err(body.take_failure(e)),
            };
            let mut rest = &chunk[..n];
            while let Some(at) = memchr::memchr(b'\n', rest) {
                extend(&mut row, &rest[..at]);
                rest = &rest[at + 1..];
                count += 1;
                if count > most {
                    return Err(body.wire.channel.broken("its answer does not end"));
                }
                each(row.strip_suffix(b"\r").unwrap_or(&row));
                row.clear();
                length = 0;
            }
            extend(&mut row, rest);
            length += rest.len();
            if length > ROW_MOST {
                return Err(body
                    .wire
                    .channel
                    .broken("a line of the listing does not end"));
            }
        }
    }

    /// Takes a second status line, if that is what comes next.
    pub(super) fn skip_status(&mut self) -> Result<()> {
        const OK: &[u8] = b"+OK";
        while self.channel.waiting().len() < OK.len() && OK.starts_with(self.channel.waiting()) {
            let held = self.channel.waiting().len();
            self.channel.refill()?;
            if self.channel.waiting().len() == held {
                return Ok(());
            }
        }
        if self.channel.waiting().starts_with(OK) {
            self.line()?;
        }
        Ok(())
    }

    fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let waiting = self.channel.waiting();
            if let Some(at) = memchr::memchr(b'\n', waiting) {
                line.extend_from_slice(&waiting[..at]);
                self.channel.take(at + 1);
                if line.ends_with(b"\r") {
                    line.pop();
                }
                if line.len() > STATUS_LIMIT {
                    return Err(self.channel.broken("its answer is too long"));
                }
                return Ok(line);
            }
            line.extend_from_slice(waiting);
            let taken = waiting.len();
            self.channel.take(taken);
            if line.len() > STATUS_LIMIT {
                return Err(self.channel.broken("its answer is too long"));
            }
            self.channel.refill()?;
        }
    }
}

fn extend(row: &mut Vec<u8>, bytes: &[u8]) {
    let room = (ROW_LIMIT + 1).saturating_sub(row.len());
    row.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// A guess at who greets like this.
fn who_greets(said: &str) -> Option<&'static str> {
    let greetings = [
        ("* ", "an IMAP server"),
        ("HTTP/", "a web server"),
        ("SSH-", "an SSH server"),
        ("220 ", "an SMTP server"),
        ("220-", "an SMTP server"),
    ];
    greetings
        .into_iter()
        .find(|(words, _)| said.starts_with(words))
        .map(|(_, who)| who)
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The bytes of a multi-line answer, without its stuffing. The end of the
/// connection is an error, never the end of the message.
pub(super) struct DotBody<'a, S> {
    wire: &'a mut Pop3Wire<S>,
    state: Unstuffer,
    failed: Option<Error>,
}

impl<S: Read + Write> DotBody<'_, S> {
    /// Reads and forgets what is left; reports what went wrong, now or before.
    pub(super) fn drain(mut self) -> Result<()> {
        let mut scrap = [0; 8 << 10];
        loop {
            if let Some(failure) = self.failed.take() {
                return Err(failure);
            }
            match self.read(&mut scrap) {
                Ok(0) => return Ok(()),
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
}

impl<S: Read + Write> Read for DotBody<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        while !self.state.ended() {
            if !self.wire.channel.has_buffered()
                && let Err(e) = self.wire.channel.fill()
            {
                let kind = e.kind();
                self.failed = Some(self.wire.channel.explained(e));
                return Err(kind.into());
            }
            let step = self.state.step(self.wire.channel.waiting(), buf);
            self.wire.channel.take(step.taken);
            if step.given > 0 {
                return Ok(step.given);
            }
        }
        Ok(0)
    }
}
