//! A port of this machine that a browser brings an answer to.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};

/// How often a new connection and the wish to stop are looked for.
const STEP: Duration = Duration::from_millis(50);
/// How long a connection may stay silent.
const SILENCE: Duration = Duration::from_secs(3);

/// Listens on 127.0.0.1 and nowhere else.
#[derive(Debug)]
pub(crate) struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    /// Listens on a free port.
    pub(crate) fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    /// The port.
    #[must_use]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next connection; none if there is none until `end`.
    pub(crate) fn accept(&self, end: Instant, stop: &AtomicBool) -> Result<Option<TcpStream>> {
        while Instant::now() < end {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let Ok((stream, _)) = self.listener.accept() else {
                std::thread::sleep(STEP);
                continue;
            };
            let ready = stream
                .set_nonblocking(false)
                .and_then(|()| stream.set_read_timeout(Some(SILENCE)))
                .and_then(|()| stream.set_write_timeout(Some(SILENCE)));
            if ready.is_ok() {
                return Ok(Some(stream));
            }
        }
        Ok(None)
    }
}
