//! Bytes in and out, in clear or encrypted.

use std::io::{self, Read, Write};

use native_tls::TlsStream;

use crate::net::transport::clock::Clocked;

/// What bytes go through.
#[derive(Debug)]
pub(super) enum Pipe {
    /// In clear.
    Plain(Clocked),
    /// Encrypted.
    Tls(Box<TlsStream<Clocked>>),
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buf),
            Self::Tls(tls) => tls.read(buf),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(buf),
            Self::Tls(tls) => tls.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}
