//! A connection to a named server: reads through a buffer, whole writes, secrets masked in
//! what comes, and errors that say what was going on. What POP3 and IMAP have in common
//! below their lines.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use crate::base::error::{Endpoint, Error, Result};
use crate::base::secret::Mask;
use crate::base::stage::Stage;
use crate::net::transport::explain;

/// Size of the buffer, in bytes.
pub(crate) const BUFFER: usize = 64 << 10;

/// A buffered stream to a server.
#[derive(Debug)]
pub(crate) struct Channel<S> {
    stream: S,
    server: Endpoint,
    mask: Mask,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// What is going on, for messages.
    pub(crate) stage: Stage,
}

impl<S: Read + Write> Channel<S> {
    pub(crate) fn new(stream: S, server: Endpoint, mask: Mask) -> Self {
        Self {
            stream,
            server,
            mask,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            stage: Stage::Greeting,
        }
    }

    /// Hides a secret in what comes.
    pub(crate) fn hide(&mut self, secret: &str) {
        self.mask.add(secret);
    }

    /// What the server said, as people may see it.
    pub(crate) fn masked<'a>(&self, said: &'a [u8]) -> Cow<'a, [u8]> {
        self.mask.apply(said)
    }

    pub(super) fn server(&self) -> &Endpoint {
        &self.server
    }

    pub(crate) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Gives the stream back; `None` if bytes are waiting that nobody asked for.
    pub(crate) fn into_stream(self) -> Option<S> {
        (!self.has_buffered()).then_some(self.stream)
    }

    /// True if the next answer has at least begun to arrive.
    pub(crate) fn has_buffered(&self) -> bool {
        self.start < self.end
    }

    /// What has arrived and was not taken.
    pub(crate) fn waiting(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes this many bytes of what is waiting.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.start = self.end.min(self.start + bytes);
    }

    /// Reads once from the stream, after what is waiting; the end of the stream is an error.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        self.end += read_some(&mut self.stream, &mut self.buffer[self.end..])?;
        Ok(())
    }

    /// The same, with a failure as people may see it.
    pub(crate) fn refill(&mut self) -> Result<()> {
        self.fill().map_err(|e| self.explained(e))
    }

    /// Reads once past the buffer, which must be empty.
    pub(crate) fn read_past(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        read_some(&mut self.stream, buf)
    }

    /// Sends bytes in one write.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush())
            .map_err(|e| self.explained(e))
    }

    /// A failed read or write as people may see it.
    pub(crate) fn explained(&self, error: io::Error) -> Error {
        explain(&self.server, &self.stage, error)
    }

    /// An error that says how the server broke the protocol.
    pub(crate) fn broken(&self, detail: &str) -> Error {
        Error::Protocol {
            server: self.server.clone(),
            stage: self.stage.clone(),
            detail: detail.to_owned(),
        }
    }
}

/// Reads at least one byte; the end of the stream is an error.
fn read_some(stream: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buf) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
