//! Reading and writing of lines, and the trace of the dialogue.
//!
//! Everything that a server says in a status line passes here, so this is where
//! secrets that it echoes are masked.

use std::io::{self, Read, Write};

use crate::error::{Endpoint, Error, Result};
use crate::pop3::multiline::Unstuffer;
use crate::pop3::reply::{self, Status};
use crate::secret::Mask;
use crate::transport::explain;

/// Longest status line, in bytes; RFC 2449 s.4 allows 512.
const STATUS_LIMIT: usize = 8 << 10;
/// Longest row of a listing that is looked at, in bytes; the rest of it is skipped.
pub(super) const ROW_LIMIT: usize = 1 << 10;
/// Longest row that is skipped, in bytes; more of one means that it does not end.
const ROW_MOST: usize = 4 << 20;
const BUFFER: usize = 64 << 10;

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

/// A buffered stream that speaks in lines.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    server: Endpoint,
    mask: Mask,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// What is going on, for messages.
    pub(super) doing: String,
}

impl<S: Read + Write> Wire<S> {
    pub(super) fn new(stream: S, server: Endpoint, mask: Mask) -> Self {
        Self {
            stream,
            server,
            mask,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            doing: "greeting".into(),
        }
    }

    /// Hides a secret in what comes.
    pub(super) fn hide(&mut self, secret: &str) {
        self.mask.add(secret);
    }

    pub(super) fn server(&self) -> &Endpoint {
        &self.server
    }

    pub(super) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Gives the stream back; `None` if bytes are waiting that nobody asked for.
    pub(super) fn into_stream(self) -> Option<S> {
        (self.start == self.end).then_some(self.stream)
    }

    /// True if the next answer has at least begun to arrive.
    pub(super) fn has_buffered(&self) -> bool {
        self.start < self.end
    }

    /// A refusal as people may see it.
    pub(super) fn refusal(&self, text: &[u8]) -> String {
        format!("-ERR {}", self.words(text)).trim_end().to_owned()
    }

    fn words(&self, text: &[u8]) -> String {
        String::from_utf8_lossy(&self.mask.apply(text)).into_owned()
    }

    /// Sends whole command lines in one write.
    pub(super) fn send(&mut self, lines: &[u8]) -> Result<()> {
        self.stream
            .write_all(lines)
            .and_then(|()| self.stream.flush())
            .map_err(|e| explain(&self.server, &self.doing, e))
    }

    /// Sends one command and takes its status line. `shown` is the command as the
    /// trace may show it.
    pub(super) fn ask(&mut self, command: &str, shown: &str) -> Result<Answer> {
        tracing::debug!(target: "dialogue", "C: {shown}");
        // A secret's stars say nothing: the command goes on.
        match shown.split(' ').next() {
            Some("****") | None => {}
            Some(word) => word.clone_into(&mut self.doing),
        }
        self.expect_silence()?;
        self.send(format!("{command}\r\n").as_bytes())?;
        self.answer()
    }

    /// To be asked before a command when no answer is due: bytes that are there already
    /// would be taken for its answer.
    pub(super) fn expect_silence(&self) -> Result<()> {
        if self.has_buffered() {
            return Err(self.broken("the server said more than it was asked for"));
        }
        Ok(())
    }

    /// Takes a status line.
    pub(super) fn answer(&mut self) -> Result<Answer> {
        let line = self.line()?;
        let answer = match reply::status(&line) {
            Some(Status::Ok(text)) => Answer::Ok(self.mask.apply(text).into_owned()),
            Some(Status::Err(text)) => Answer::Err(self.mask.apply(text).into_owned()),
            Some(Status::Challenge(text)) => Answer::Challenge(text.to_vec()),
            None => {
                let said = self.words(&line);
                tracing::debug!(target: "dialogue", "S: {said}");
                let greets = self.doing == "greeting";
                let guess = if greets { who_greets(&said) } else { None };
                let detail = guess.map_or_else(
                    || format!("\"{}\" is no answer", cut(&said)),
                    |who| format!("this is {who}"),
                );
                return Err(self.broken(&detail));
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

    /// A multi-line answer, behind its status line.
    pub(super) fn body(&mut self) -> Body<'_, S> {
        Body {
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
                    return Err(body.wire.broken("its answer does not end"));
                }
                each(row.strip_suffix(b"\r").unwrap_or(&row));
                row.clear();
                length = 0;
            }
            extend(&mut row, rest);
            length += rest.len();
            if length > ROW_MOST {
                return Err(body.wire.broken("a line of the listing does not end"));
            }
        }
    }

    /// An error that says how the server broke the protocol.
    pub(super) fn broken(&self, detail: &str) -> Error {
        Error::Protocol {
            server: self.server.clone(),
            doing: self.doing.clone(),
            detail: detail.to_owned(),
        }
    }

    fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let waiting = &self.buffer[self.start..self.end];
            if let Some(at) = memchr::memchr(b'\n', waiting) {
                line.extend_from_slice(&waiting[..at]);
                self.start += at + 1;
                if line.ends_with(b"\r") {
                    line.pop();
                }
                if line.len() > STATUS_LIMIT {
                    return Err(self.broken("its answer is too long"));
                }
                return Ok(line);
            }
            line.extend_from_slice(waiting);
            self.start = self.end;
            if line.len() > STATUS_LIMIT {
                return Err(self.broken("its answer is too long"));
            }
            self.fill()
                .map_err(|e| explain(&self.server, &self.doing, e))?;
        }
    }

    /// Reads once from the stream; the buffer must be empty.
    fn fill(&mut self) -> io::Result<()> {
        loop {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.start = 0;
                    self.end = n;
                    return Ok(());
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
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
pub(super) struct Body<'a, S> {
    wire: &'a mut Wire<S>,
    state: Unstuffer,
    failed: Option<Error>,
}

impl<S: Read + Write> Body<'_, S> {
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
            .unwrap_or_else(|| explain(&self.wire.server, &self.wire.doing, error))
    }
}

impl<S: Read + Write> Read for Body<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        while !self.state.ended() {
            if !self.wire.has_buffered()
                && let Err(e) = self.wire.fill()
            {
                let kind = e.kind();
                self.failed = Some(explain(&self.wire.server, &self.wire.doing, e));
                return Err(kind.into());
            }
            let waiting = &self.wire.buffer[self.wire.start..self.wire.end];
            let step = self.state.step(waiting, buf);
            self.wire.start += step.taken;
            if step.given > 0 {
                return Ok(step.given);
            }
        }
        Ok(0)
    }
}
