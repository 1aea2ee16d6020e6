//! A relay that counts what a client does, for clear connections.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What went through a relay.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    /// Connections that were opened.
    pub(crate) connections: usize,
    /// Octets that the server sent.
    pub(crate) received: usize,
    /// How often a client spoke after it had been spoken to.
    pub(crate) turns: usize,
    /// Lines that begin with RETR.
    pub(crate) retr: usize,
    /// Lines that begin with TOP.
    pub(crate) top: usize,
    /// Lines that begin with DELE.
    pub(crate) dele: usize,
    /// Messages that IMAP was asked for whole.
    pub(crate) bodies: usize,
    /// Headers that IMAP was asked for.
    pub(crate) headers: usize,
}

/// Passes connections on to another port of this machine. It ends with the process.
pub(crate) struct Relay {
    port: u16,
    count: Arc<Mutex<Count>>,
    fault: Arc<Mutex<Option<Fault>>>,
}

/// What becomes of a connection once it has carried so many octets from the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The relay hangs up, but not on the first one.
    HangUpOnMore(usize),
    /// Nothing more comes.
    Stall(usize),
}

impl Relay {
    /// A relay to this server.
    pub(crate) fn to(server: SocketAddr) -> Self {
        Self::hiding(server, "")
    }

    /// A relay that overwrites this word wherever the server says it, such as a
    /// capability that the client is not to see. The word must come in one piece.
    pub(crate) fn hiding(server: SocketAddr, word: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(Mutex::new(Count::default()));
        let fault = Arc::new(Mutex::new(None));
        let (counted, faulty) = (Arc::clone(&count), Arc::clone(&fault));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
                let mut count = counted.lock().unwrap();
                count.connections += 1;
                let fault = faulty.lock().unwrap().filter(|fault| match fault {
                    Fault::HangUpOnMore(_) => count.connections > 1,
                    Fault::Stall(_) => true,
                });
                drop(count);
                pass_on(client, server, word, fault, &counted);
            }
        });
        Self { port, count, fault }
    }

    /// A relay that fails so, until it is mended.
    pub(crate) fn failing(server: SocketAddr, fault: Fault) -> Self {
        let relay = Self::to(server);
        *relay.fault.lock().unwrap() = Some(fault);
        relay
    }

    /// New connections are carried as they should be.
    pub(crate) fn mend(&self) {
        *self.fault.lock().unwrap() = None;
    }

    /// The port to connect to.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What was counted since the last call.
    pub(crate) fn take(&self) -> Count {
        std::mem::take(&mut *self.count.lock().unwrap())
    }
}

/// Carries one connection, on two threads.
fn pass_on(
    client: TcpStream,
    server: TcpStream,
    hide: &'static str,
    fault: Option<Fault>,
    count: &Arc<Mutex<Count>>,
) {
    let spoken_to = Arc::new(Mutex::new(true));
    let heard = Arc::clone(&spoken_to);
    let (mut left, hangs_up) = match fault {
        None => (usize::MAX, false),
        Some(Fault::HangUpOnMore(octets)) => (octets, true),
        Some(Fault::Stall(octets)) => (octets, false),
    };
    let (client_in, server_in) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (received, count) = (Arc::clone(count), Arc::clone(count));
    std::thread::spawn(move || {
        carry(server_in, client, |bytes| {
            received.lock().unwrap().received += bytes.len();
            *heard.lock().unwrap() = true;
            overwrite(bytes, hide.as_bytes());
            left = left.saturating_sub(bytes.len());
            if left == 0 && !hangs_up {
                // Held open, as a dead line looks.
                std::thread::park();
            }
            left > 0
        });
    });
    let mut line = Vec::new();
    std::thread::spawn(move || {
        carry(client_in, server, |bytes| {
            let mut count = count.lock().unwrap();
            count.turns += usize::from(std::mem::take(&mut *spoken_to.lock().unwrap()));
            for byte in bytes.iter() {
                if *byte != b'\n' {
                    line.push(byte.to_ascii_uppercase());
                    continue;
                }
                count.retr += usize::from(line.starts_with(b"RETR "));
                count.top += usize::from(line.starts_with(b"TOP "));
                count.dele += usize::from(line.starts_with(b"DELE "));
                let text = String::from_utf8_lossy(&line);
                if text.contains("BODY.PEEK[]") {
                    count.bodies += messages(&text);
                } else if text.contains("BODY.PEEK[HEADER]") {
                    count.headers += messages(&text);
                }
                line.clear();
            }
            true
        });
    });
}

/// Until the end, or until `each` says that it is enough.
fn carry(mut from: TcpStream, mut to: TcpStream, mut each: impl FnMut(&mut [u8]) -> bool) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        // Some servers wait for it before they send the end of a message.
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_quickack(&from, true);
        if !each(&mut chunk[..n]) {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
        if to.write_all(&chunk[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn overwrite(bytes: &mut [u8], word: &[u8]) {
    if word.is_empty() {
        return;
    }
    while let Some(at) = bytes.windows(word.len()).position(|w| w == word) {
        bytes[at..at + word.len()].fill(b'X');
    }
}

/// How many messages a UID FETCH names.
fn messages(command: &str) -> usize {
    let set = command.split("UID FETCH ").nth(1).unwrap_or_default();
    let set = set.split(' ').next().unwrap_or_default();
    let number = |text: &str| text.parse::<usize>().unwrap();
    set.split(',')
        .map(|range| match range.split_once(':') {
            Some((first, last)) => number(last) - number(first) + 1,
            None => 1,
        })
        .sum()
}
