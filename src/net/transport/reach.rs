//! Finding and reaching a server.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Instant;

use crate::base::error::{Endpoint, Error, Result};
use crate::base::stage::Stage;
use crate::net::transport::Limits;

/// Connects to the first address that answers.
pub(super) fn open_socket(server: &Endpoint, limits: &Limits) -> Result<TcpStream> {
    let deadline = Instant::now() + limits.connect;
    let is_stopped = || limits.stop.load(Ordering::Relaxed);
    let addresses = resolve(server, deadline)?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let mut addresses = addresses.iter();
    while let Some(address) = addresses.next() {
        // One that swallows everything must leave time for the others.
        let others = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let left = deadline.saturating_duration_since(Instant::now()) / others.saturating_add(1);
        if left.is_zero() || is_stopped() {
            break;
        }
        match TcpStream::connect_timeout(address, left) {
            Ok(socket) => return Ok(socket),
            Err(e) => last = e,
        }
    }
    if is_stopped() {
        return Err(Error::Interrupted);
    }
    if last.kind() == io::ErrorKind::TimedOut {
        return Err(Error::Timeout {
            server: server.clone(),
            stage: Stage::Connecting,
            limit: limits.connect.as_secs(),
        });
    }
    Err(Error::Connect {
        server: server.clone(),
        source: last,
    })
}

/// Name resolution has no time limit of its own, so it runs in a thread of its own.
pub(super) fn resolve(server: &Endpoint, deadline: Instant) -> Result<Vec<SocketAddr>> {
    let (tell, told) = mpsc::channel();
    let wanted = (server.host.clone(), server.port);
    std::thread::spawn(move || {
        let found = wanted.to_socket_addrs().map(Vec::from_iter);
        let _ = tell.send(found);
    });
    let failed = |source| Error::Resolve {
        server: server.clone(),
        source,
    };
    match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(found)) if found.is_empty() => {
            Err(failed(io::Error::from(io::ErrorKind::AddrNotAvailable)))
        }
        Ok(Ok(found)) => Ok(found),
        Ok(Err(e)) => Err(failed(e)),
        Err(_) => Err(failed(io::Error::from(io::ErrorKind::TimedOut))),
    }
}
