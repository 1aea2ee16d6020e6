//! A loopback server that plays a written dialogue and knows no protocol. The lines
//! are those of [`super::step`].

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::step::Step;
use super::tls::{Leaf, authority};

/// How long the server waits for a client that owes it something.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it hangs at most.
const HANG: Duration = Duration::from_secs(110);

/// What was said, and what of it was not in the dialogue.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// `<connection> C: …` and `<connection> S: …`, in order of time.
    pub(crate) transcript: Vec<String>,
    /// Empty if all went as written.
    pub(crate) deviations: Vec<String>,
}

/// The server; it keeps its port for as long as it lives.
pub(crate) struct Server {
    listener: TcpListener,
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Begins to play these connections, beside the caller.
    pub(crate) fn play(&self, parts: Vec<Vec<Step>>) -> Play {
        let stop = Arc::new(AtomicBool::new(false));
        let log = Arc::new(Mutex::new(Played::default()));
        let listener = self.listener.try_clone().unwrap();
        let (stop_too, log_too) = (Arc::clone(&stop), Arc::clone(&log));
        let thread = std::thread::spawn(move || accept(&listener, parts, &stop_too, &log_too));
        Play { stop, log, thread }
    }
}

/// A dialogue that goes on.
pub(crate) struct Play {
    stop: Arc<AtomicBool>,
    log: Arc<Mutex<Played>>,
    thread: JoinHandle<()>,
}

impl Play {
    /// True once the client has said this line on some connection.
    pub(crate) fn has_heard(&self, line: &str) -> bool {
        let said = format!(" C: {line}");
        let log = self.log.lock().unwrap();
        log.transcript.iter().any(|heard| heard.ends_with(&said))
    }

    /// To be called when the client is done: tells what was said.
    pub(crate) fn finish(self) -> Played {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap();
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn accept(
    listener: &TcpListener,
    parts: Vec<Vec<Step>>,
    stop: &AtomicBool,
    log: &Arc<Mutex<Played>>,
) {
    let mut playing = Vec::new();
    let mut parts = parts.into_iter();
    loop {
        // Asked before accepting, so that what came before the stop is still seen.
        let last_look = stop.load(Ordering::Acquire);
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                let mut peer = Peer {
                    number: playing.len() + 1,
                    socket: stream.try_clone().unwrap(),
                    stream: Box::new(stream),
                    unread: Vec::new(),
                    log: Arc::clone(log),
                };
                let part = parts.next();
                playing.push(std::thread::spawn(move || match part {
                    Some(part) => peer.play(&part),
                    None => peer.deviates("a connection more than in the dialogue"),
                }));
            }
            Err(_) if last_look => break,
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    for thread in playing {
        thread.join().unwrap();
    }
    let unused = parts.len();
    if unused > 0 {
        let text = format!("{unused} connections of the dialogue never came");
        log.lock().unwrap().deviations.push(text);
    }
}

/// Something that bytes go to and come from, clear or not.
trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// The client's end of one connection.
struct Peer {
    number: usize,
    socket: TcpStream,
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
    log: Arc<Mutex<Played>>,
}

impl Peer {
    fn play(&mut self, part: &[Step]) {
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        self.socket.set_write_timeout(Some(PATIENCE)).unwrap();
        self.socket.set_nodelay(true).unwrap();
        for step in part {
            let going_on = match step {
                Step::Send(bytes) => self.send(bytes),
                Step::Line(line) => self.expect("", line, |said| said == line),
                Step::Prefix(text) => {
                    self.expect("a line like ", text, |said| said.starts_with(text))
                }
                Step::Any => self.expect("any line", b"", |_| true),
                Step::Wait(time) => {
                    std::thread::sleep(*time);
                    true
                }
                Step::Tls {
                    certificate,
                    refused,
                } => self.handshake(certificate, *refused),
                Step::Hang => {
                    self.socket.set_read_timeout(Some(HANG)).unwrap();
                    self.drain();
                    false
                }
                Step::Close => {
                    let _ = self.socket.shutdown(Shutdown::Write);
                    self.drain();
                    false
                }
                Step::Reset => {
                    let at_once = Some(Duration::ZERO);
                    rustix::net::sockopt::set_socket_linger(&self.socket, at_once).unwrap();
                    false
                }
            };
            if !going_on {
                return;
            }
        }
        let _ = self.stream.flush();
        let _ = self.socket.shutdown(Shutdown::Write);
        match self.line() {
            Ok(None) => {}
            Ok(Some(said)) => self.deviates(&format!("the client went on: {}", show(&said))),
            Err(e) => self.deviates(&format!("the client did not close: {e}")),
        }
    }

    /// Sends; a client that is gone shows when it owes a line.
    fn send(&mut self, bytes: &[u8]) -> bool {
        self.note(&format!("S: {}", show(bytes)));
        let _ = self
            .stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush());
        true
    }

    fn expect(&mut self, kind: &str, text: &[u8], fits: impl Fn(&[u8]) -> bool) -> bool {
        let wanted = format!("{kind}{}", show(text));
        match self.line() {
            Ok(Some(said)) => match said.strip_suffix(b"\r\n") {
                Some(said) if fits(said) => return true,
                _ => self.deviates(&format!("expected {wanted}\n     but got {}", show(&said))),
            },
            Ok(None) => self.deviates(&format!("expected {wanted}\n     but the client closed")),
            Err(e) => self.deviates(&format!("expected {wanted}\n     but: {e}")),
        }
        false
    }

    /// The client's next line, with its end; none if it closed.
    fn line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut chunk = [0; 4096];
        let end = loop {
            if let Some(at) = self.unread.iter().position(|b| *b == b'\n') {
                break at + 1;
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => break self.unread.len(),
                Ok(n) => self.unread.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => break self.unread.len(),
                Err(e) => return Err(e),
            }
        };
        let line: Vec<u8> = self.unread.drain(..end).collect();
        if line.is_empty() {
            return Ok(None);
        }
        self.note(&format!("C: {}", show(&line)));
        Ok(Some(line))
    }

    /// Reads until the client closes, without looking.
    fn drain(&mut self) {
        let mut chunk = [0; 4096];
        while matches!((&self.socket).read(&mut chunk), Ok(n) if n > 0) {}
    }

    fn handshake(&mut self, certificate: &str, refused: bool) -> bool {
        if !self.unread.is_empty() {
            self.deviates("the client spoke before the handshake");
            return false;
        }
        let acceptor = native_tls::TlsAcceptor::new(leaf(certificate).identity()).unwrap();
        match acceptor.accept(self.socket.try_clone().unwrap()) {
            Ok(stream) => {
                self.note("-- TLS");
                self.stream = Box::new(stream);
                if refused {
                    // With a pin the client looks after the handshake.
                    let said = self.line();
                    if matches!(said, Ok(Some(_))) {
                        self.deviates("the client spoke to a server that it should refuse");
                    }
                }
                !refused
            }
            Err(e) if refused => {
                self.note(&format!("-- TLS refused: {e}"));
                false
            }
            Err(e) => {
                self.deviates(&format!("the TLS handshake failed: {e}"));
                false
            }
        }
    }

    fn note(&self, text: &str) {
        let line = format!("{} {text}", self.number);
        self.log.lock().unwrap().transcript.push(line);
    }

    fn deviates(&self, text: &str) {
        self.note(&format!("!! {text}"));
        let text = format!("connection {}: {text}", self.number);
        self.log.lock().unwrap().deviations.push(text);
    }
}

fn leaf(name: &str) -> &'static Leaf {
    match name {
        "" => &authority().localhost,
        "expired" => &authority().expired,
        "other" => &authority().other,
        _ => panic!("no certificate is called {name}"),
    }
}

/// Bytes as one short line.
fn show(bytes: &[u8]) -> String {
    let text = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    let shown: String = text[..text.len().min(200)].escape_ascii().to_string();
    let cut = if text.len() > 200 {
        format!(" … ({} bytes)", bytes.len())
    } else {
        String::new()
    };
    shown + &cut
}
