//! What both servers stand on: a port of this machine, a thread for each connection, and a
//! line that can break.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::model::{Fault, ModelAccount};

/// An account that servers and a test share.
pub(crate) type SharedAccount = Arc<Mutex<ModelAccount>>;

/// The account, for a moment.
pub(crate) fn locked(account: &SharedAccount) -> MutexGuard<'_, ModelAccount> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server that runs until it is dropped.
pub(crate) struct Served {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Hands each connection to `talk`, on a thread of its own.
    pub(crate) fn start(
        talk: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, talk) = (Arc::clone(&stop), Arc::new(talk));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let talk = Arc::clone(&talk);
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
                    // A client may hang up when it likes.
                    let _ = talk(stream);
                });
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a server writes, collected, on a line that may break behind so many octets.
pub(crate) struct FaultyLine {
    stream: TcpStream,
    held: Vec<u8>,
    left: Option<usize>,
}

impl FaultyLine {
    pub(crate) fn new(stream: TcpStream, faults: &[Fault]) -> Self {
        let left = faults.iter().find_map(|fault| match fault {
            Fault::Drop { after } => Some(*after),
            _ => None,
        });
        Self {
            stream,
            held: Vec::new(),
            left,
        }
    }

    /// Writes a line.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        self.write_all(text.as_bytes())?;
        self.write_all(b"\r\n")
    }

    /// Writes the lines of a POP3 answer, and their end.
    pub(crate) fn block(&mut self, text: &[u8]) -> io::Result<()> {
        for line in text.split_inclusive(|b| *b == b'\n') {
            if line.starts_with(b".") {
                self.write_all(b".")?;
            }
            self.write_all(line)?;
        }
        if !text.is_empty() && !text.ends_with(b"\r\n") {
            self.write_all(b"\r\n")?;
        }
        self.write_all(b".\r\n")
    }
}

impl Write for FaultyLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() > 64 << 10 {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut held = std::mem::take(&mut self.held);
        let breaks = self.left.is_some_and(|left| held.len() >= left);
        if let Some(left) = &mut self.left {
            held.truncate(*left);
            *left -= held.len();
        }
        self.stream.write_all(&held)?;
        self.stream.flush()?;
        if breaks {
            let _ = self.stream.shutdown(Shutdown::Both);
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}
