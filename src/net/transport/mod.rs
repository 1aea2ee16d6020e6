//! The pipe to a server: connect, time limits, TLS.
//!
//! Owns every socket of the product but the sample server's. A [`Transport`] reads
//! and writes bytes and knows no protocol. Its clocks run only while it waits for
//! the socket: 30 s to connect and shake hands, the configured time for each
//! answer, and a least rate so that a drip ends too. TLS is 1.2 or later and always
//! verified against the host name, unless a certificate is pinned by its SHA-256
//! (RFC 8314 asks for the first, and leaves the second to the user).

mod certificate;
mod clock;
mod lookup;
mod loopback;
mod pipe;
mod reach;
mod tls;

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use native_tls::{HandshakeError, TlsConnector};
use sha2::{Digest, Sha256};

use crate::base::certificate::Certificate;
use crate::base::error::{Endpoint, Error, Result, TlsFault};
use crate::base::stage::Stage;
use clock::Clocked;
use pipe::Pipe;
use tls::{unverified, verified};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use certificate::assert_any_certificate;
pub(crate) use clock::explain;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use lookup::assert_any_lookup;
pub use lookup::{DnsService, Resolver};
pub(crate) use loopback::Loopback;

/// Time to find, reach and shake hands with a server.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Waiting time after which the least rate is checked.
pub(crate) const RATE_WINDOW: Duration = Duration::from_secs(300);

/// How long a connection may keep us waiting.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Time to reach the server, and again to shake hands.
    pub connect: Duration,
    /// Longest silence while an answer is due.
    pub reply: Duration,
    /// Waiting time after which the least rate is checked.
    pub window: Duration,
    /// Set from outside to end a wait early.
    pub stop: Arc<AtomicBool>,
}

impl Limits {
    /// The usual limits with this longest silence.
    #[must_use]
    pub fn new(reply: Duration, stop: Arc<AtomicBool>) -> Self {
        Self {
            connect: CONNECT_LIMIT,
            reply,
            window: RATE_WINDOW,
            stop,
        }
    }
}

/// Which certificates are good.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Only this authority (PEM), instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Only this certificate, whoever issued it for whatever name.
    pub pin: Option<[u8; 32]>,
}

/// How many addresses a server has.
pub(crate) fn addresses(server: &Endpoint, limits: &Limits) -> Result<usize> {
    let found = reach::resolve(server, Instant::now() + limits.connect)?;
    let found: BTreeSet<_> = found.iter().map(SocketAddr::ip).collect();
    Ok(found.len())
}

/// A connection, in clear or encrypted.
#[derive(Debug)]
pub struct Transport {
    pipe: Pipe,
    server: Endpoint,
}

impl Transport {
    /// Connects in clear.
    pub fn connect(server: &Endpoint, limits: &Limits) -> Result<Self> {
        let socket = reach::open_socket(server, limits)?;
        let socket = Clocked::new(socket, limits).map_err(|source| Error::Connect {
            server: server.clone(),
            source,
        })?;
        Ok(Self {
            pipe: Pipe::Plain(socket),
            server: server.clone(),
        })
    }

    /// Connects and encrypts at once (implicit TLS, RFC 8314 s.3).
    pub fn connect_tls(server: &Endpoint, limits: &Limits, trust: &Trust) -> Result<Self> {
        let failure = match Self::connect(server, limits)?.encrypt(trust) {
            Ok(encrypted) => return Ok(encrypted),
            Err(failure) => failure,
        };
        // A second connection, only to learn which certificate was refused, so that
        // the user can compare it; nothing is sent over it.
        match failure {
            Error::Tls {
                server,
                reason,
                fault: TlsFault::Untrusted,
                shown: None,
            } => {
                let shown = Self::connect(&server, limits)
                    .ok()
                    .and_then(Self::shown_certificate);
                Err(Error::Tls {
                    server,
                    reason,
                    fault: TlsFault::Untrusted,
                    shown: shown.map(Box::new),
                })
            }
            other => Err(other),
        }
    }

    /// Encrypts a connection in clear. The caller must have read everything that it
    /// was sent: bytes left over could be an attacker's.
    pub fn encrypt(self, trust: &Trust) -> Result<Self> {
        let server = self.server.clone();
        let Some(pin) = trust.pin else {
            return self.handshake(&verified(&server, trust)?);
        };
        let encrypted = self.handshake(&unverified(&server)?)?;
        match encrypted.peer_fingerprint() {
            Some(shown) if shown == pin => Ok(encrypted),
            _ => Err(Error::Tls {
                server,
                reason: "it is not the pinned certificate".into(),
                shown: encrypted.certificate().map(Box::new),
                fault: TlsFault::NotPinned,
            }),
        }
    }

    /// Looks at the certificate that the server shows, whoever it is for, and ends the
    /// connection.
    #[must_use]
    pub(crate) fn shown_certificate(self) -> Option<Certificate> {
        let server = self.server.clone();
        let encrypted = self.handshake(&unverified(&server).ok()?).ok()?;
        encrypted.certificate()
    }

    /// The same connection, which a proxy has led on to another server.
    #[cfg(feature = "offsite")]
    #[must_use]
    pub(crate) fn led_to(mut self, server: &Endpoint) -> Self {
        self.server = server.clone();
        self
    }

    /// True if the connection is open, and idle from the server's side.
    #[cfg(feature = "offsite")]
    #[must_use]
    pub(crate) fn is_quiet(&self) -> bool {
        match &self.pipe {
            Pipe::Plain(socket) => socket.is_quiet(),
            Pipe::Tls(tls) => tls.get_ref().is_quiet(),
        }
    }

    /// True once the connection is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        matches!(self.pipe, Pipe::Tls(_))
    }

    /// Changes the longest silence while an answer is due.
    pub(crate) fn set_reply_limit(&mut self, limit: Duration) {
        match &mut self.pipe {
            Pipe::Plain(socket) => socket.limits.reply = limit,
            Pipe::Tls(tls) => tls.get_mut().limits.reply = limit,
        }
    }

    /// Channel binding data of type tls-server-end-point (RFC 5929 s.4).
    #[must_use]
    pub fn channel_binding(&self) -> Option<Vec<u8>> {
        match &self.pipe {
            Pipe::Plain(_) => None,
            Pipe::Tls(tls) => tls.tls_server_end_point().ok().flatten(),
        }
    }

    /// The certificate that the server showed, if the connection is encrypted.
    #[must_use]
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        let der = self.peer_certificate()?;
        Some(certificate::read(&der))
    }

    fn handshake(self, connector: &TlsConnector) -> Result<Self> {
        let server = self.server;
        let Pipe::Plain(mut clocked) = self.pipe else {
            return Err(Error::Protocol {
                server,
                stage: Stage::Command("starting TLS".into()),
                detail: "the connection is encrypted already".into(),
            });
        };
        let limit = clocked.limits.connect;
        clocked.deadline = Some(Instant::now() + limit);
        match connector.connect(&server.host, clocked) {
            Ok(mut tls) => {
                tls.get_mut().deadline = None;
                Ok(Self {
                    pipe: Pipe::Tls(Box::new(tls)),
                    server,
                })
            }
            Err(HandshakeError::WouldBlock(_)) => Err(Error::Timeout {
                server,
                stage: Stage::Handshake,
                limit: limit.as_secs(),
            }),
            Err(HandshakeError::Failure(e)) => Err(tls::explain(&server, &e)),
        }
    }

    fn peer_fingerprint(&self) -> Option<[u8; 32]> {
        Some(Sha256::digest(self.peer_certificate()?).into())
    }

    fn peer_certificate(&self) -> Option<Vec<u8>> {
        let Pipe::Tls(tls) = &self.pipe else {
            return None;
        };
        tls.peer_certificate().ok().flatten()?.to_der().ok()
    }
}

impl Read for Transport {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.pipe.read(buf)
    }
}

impl Write for Transport {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.pipe.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}
