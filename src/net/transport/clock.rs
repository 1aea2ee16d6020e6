//! Time limits. They run only while we wait for the socket.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::base::error::{Endpoint, Error};
use crate::base::stage::Stage;
use crate::net::transport::Limits;

/// Least rate, in bytes a second of waiting.
const LEAST_RATE: u64 = 64;
/// How long one read of the socket blocks before the clocks are looked at again.
const TICK: Duration = Duration::from_millis(500);
/// How long a server may go on sending once the run is to end.
const LAST: Duration = Duration::from_millis(700);

/// Turns a failed read or write into the error that says what was going on.
#[must_use]
pub(crate) fn explain(server: &Endpoint, stage: &Stage, error: io::Error) -> Error {
    let server = server.clone();
    let stage = stage.clone();
    if let Some(stall) = error.get_ref().and_then(|e| e.downcast_ref::<Stall>()) {
        return match stall {
            Stall::Stopped => Error::Interrupted,
            Stall::Silent(limit) | Stall::Drip(limit) => Error::Timeout {
                server,
                stage,
                limit: limit.as_secs(),
            },
        };
    }
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::Timeout {
            server,
            stage,
            limit: 60,
        },
        io::ErrorKind::UnexpectedEof => Error::Lost {
            server,
            stage,
            source: None,
        },
        _ => Error::Lost {
            server,
            stage,
            source: Some(error),
        },
    }
}
/// Why a wait was given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stall {
    #[error("no byte within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("less than {LEAST_RATE} bytes a second over {} s", .0.as_secs())]
    Drip(Duration),
    #[error("stopped")]
    Stopped,
}

impl From<Stall> for io::Error {
    fn from(stall: Stall) -> Self {
        Self::new(io::ErrorKind::TimedOut, stall)
    }
}

/// A socket with the time limits of this module. It sits below TLS, so that a drip
/// inside a TLS record or a handshake is noticed too.
#[derive(Debug)]
pub(super) struct Clocked {
    socket: TcpStream,
    pub(super) limits: Limits,
    /// End of the present phase as a whole; without it each read has its own limit.
    pub(super) deadline: Option<Instant>,
    waited: Duration,
    received: u64,
    /// When something first arrived although the run is to end.
    unwanted: Option<Instant>,
}

impl Clocked {
    pub(super) fn new(socket: TcpStream, limits: &Limits) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(TICK))?;
        Ok(Self {
            socket,
            limits: limits.clone(),
            deadline: None,
            waited: Duration::ZERO,
            received: 0,
            unwanted: None,
        })
    }

    /// What is on its way may still arrive, but not for ever: a message may be of any size.
    fn check_stop(&mut self, now: Instant) -> io::Result<()> {
        if !self.limits.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        if now - *self.unwanted.get_or_insert(now) >= LAST {
            return Err(Stall::Stopped.into());
        }
        Ok(())
    }

    /// True if the connection is open and nothing has come that nobody asked for.
    #[cfg(feature = "offsite")]
    pub(super) fn is_quiet(&self) -> bool {
        let peeked = self.socket.set_nonblocking(true).and_then(|()| {
            let peeked = self.socket.peek(&mut [0]);
            self.socket.set_nonblocking(false)?;
            peeked
        });
        peeked.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
    }

    fn check_rate(&mut self) -> io::Result<()> {
        let window = self.limits.window;
        if self.waited < window {
            return Ok(());
        }
        if self.received < LEAST_RATE * window.as_secs() {
            return Err(Stall::Drip(window).into());
        }
        self.waited = Duration::ZERO;
        self.received = 0;
        Ok(())
    }
}

impl Read for Clocked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        loop {
            let outcome = self.socket.read(buf);
            let now = Instant::now();
            match outcome {
                Ok(n) => {
                    self.waited += now - began;
                    self.received += n as u64;
                    self.check_rate()?;
                    self.check_stop(now)?;
                    if self.deadline.is_some_and(|d| now > d) {
                        return Err(Stall::Silent(self.limits.connect).into());
                    }
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if is_time_out(&e) => {
                    if self.limits.stop.load(Ordering::Relaxed) {
                        return Err(Stall::Stopped.into());
                    }
                    if self.deadline.is_some_and(|d| now > d) {
                        return Err(Stall::Silent(self.limits.connect).into());
                    }
                    if now - began >= self.limits.reply {
                        return Err(Stall::Silent(self.limits.reply).into());
                    }
                }
                Err(e) => return Err(e),
            }
        }
    }
}

/// True if the socket's own time limit, a slice of ours, has passed.
fn is_time_out(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

impl Write for Clocked {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let began = Instant::now();
        loop {
            match self.socket.write(buf) {
                Ok(written) => {
                    quick_ack(&self.socket);
                    return Ok(written);
                }
                Err(e) if is_time_out(&e) => {
                    if self.limits.stop.load(Ordering::Relaxed) {
                        return Err(Stall::Stopped.into());
                    }
                    if began.elapsed() >= self.limits.reply {
                        return Err(Stall::Silent(self.limits.reply).into());
                    }
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

impl Drop for Clocked {
    fn drop(&mut self) {
        // TLS would otherwise send its close over a connection that is given up.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// Asks the kernel to acknowledge the next answer at once. It forgets after each
/// exchange; servers that wait for it (Nagle's algorithm) answer 10 to 100 times
/// faster in lock-step when asked every time.
fn quick_ack(socket: &TcpStream) {
    #[cfg(target_os = "linux")]
    let _ = rustix::net::sockopt::set_tcp_quickack(socket, true);
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}
