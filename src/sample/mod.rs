//! The sample POP3 server behind `demo` and the volume tests: invented mail and a small
//! server for it on the loopback interface.
//!
//! The server speaks RFC 1939, CAPA and response codes (RFC 2449) and AUTH PLAIN
//! (RFC 5034), in the clear and for one maildrop. It is for trying things out and
//! takes short cuts: a session sees the maildrop as it was at its login, and several
//! sessions may be open at once.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::sync::lock;

mod mail;

pub use mail::{Message, Sample};

use mail::push_base64;

/// Sessions at a time; more are turned away.
const SESSIONS: usize = 8;

/// Longest command line.
const LINE: u64 = 4096;

const CAPABILITIES: &str = "+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n\
    SASL PLAIN\r\nUSER\r\n.\r\n";

/// A POP3 server on a free port of 127.0.0.1 that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    shared: Arc<SampleState>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct SampleState {
    password: String,
    maildrop: Mutex<Vec<Arc<Message>>>,
    doors: Mutex<Doors>,
    retrs: AtomicU64,
    sessions: AtomicU64,
}

/// The connections that are open, so that the end can close them.
#[derive(Debug, Default)]
struct Doors {
    closed: bool,
    open: Vec<(u64, TcpStream)>,
}

impl Server {
    /// The only user.
    pub const USER: &str = "demo";
    /// The password of a server that was given none.
    pub const PASSWORD: &str = "demo";

    /// Starts a server with these messages.
    pub fn start(messages: Vec<Message>) -> Result<Self> {
        Self::start_with(messages, Self::PASSWORD)
    }

    /// Starts a server with these messages and this password.
    pub fn start_with(messages: Vec<Message>, password: &str) -> Result<Self> {
        let failed = |source| Error::file("listen on", Path::new("127.0.0.1"), source);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(SampleState {
            password: password.to_owned(),
            maildrop: Mutex::new(messages.into_iter().map(Arc::new).collect()),
            doors: Mutex::default(),
            retrs: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
        });
        let acceptor = thread::Builder::new()
            .name("sample server".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || shared.accept(&listener)
            });
        Ok(Self {
            addr,
            shared,
            acceptor: Some(acceptor.map_err(failed)?),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Messages that were sent whole, over all sessions.
    #[must_use]
    pub fn retrs(&self) -> u64 {
        self.shared.retrs.load(Ordering::Relaxed)
    }

    /// Sessions that were greeted.
    #[must_use]
    pub fn sessions(&self) -> u64 {
        self.shared.sessions.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            let mut doors = lock(&self.shared.doors);
            doors.closed = true;
            for (_, stream) in &doors.open {
                // A session that has just ended by itself needs no end.
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        }
        // The connection wakes the acceptor. Without it a thread is left behind, which
        // is better than to wait for ever.
        if TcpStream::connect(self.addr).is_ok()
            && let Some(acceptor) = self.acceptor.take()
        {
            let _ = acceptor.join();
        }
    }
}

impl SampleState {
    /// Gives each connection a thread, until the doors are closed; the scope then waits
    /// for all of them.
    fn accept(&self, listener: &TcpListener) {
        thread::scope(|scope| {
            for number in 0.. {
                let accepted = listener.accept();
                let mut doors = lock(&self.doors);
                if doors.closed {
                    return;
                }
                let Ok((mut stream, _)) = accepted else {
                    drop(doors);
                    // Such as too many open files: no use in asking again at once.
                    thread::sleep(Duration::from_millis(10));
                    continue;
                };
                if doors.open.len() >= SESSIONS {
                    let _ = stream.write_all(b"-ERR [SYS/TEMP] too many sessions\r\n");
                    continue;
                }
                let Ok(handle) = stream.try_clone() else {
                    continue;
                };
                doors.open.push((number, handle));
                drop(doors);
                let session = thread::Builder::new().spawn_scoped(scope, move || {
                    // A lost connection is the client's affair.
                    let _ = self.serve(&stream);
                    self.leave(number);
                });
                if session.is_err() {
                    self.leave(number);
                }
            }
        });
    }

    fn leave(&self, number: u64) {
        lock(&self.doors).open.retain(|(open, _)| *open != number);
    }

    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut input = BufReader::with_capacity(1 << 16, stream);
        let mut output = BufWriter::with_capacity(1 << 16, stream);
        let mut session = SampleSession {
            shared: self,
            user: String::new(),
            sasl: false,
            rows: None,
        };
        self.sessions.fetch_add(1, Ordering::Relaxed);
        output.write_all(b"+OK sample server ready\r\n")?;
        let mut line = Vec::new();
        loop {
            // Answers to commands that came together leave together.
            if !input.buffer().contains(&b'\n') {
                output.flush()?;
            }
            line.clear();
            input.by_ref().take(LINE).read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            if session.answer(text.trim_end_matches(['\r', '\n']), &mut output)? {
                return output.flush();
            }
        }
    }
}

/// A dialogue with one client.
struct SampleSession<'a> {
    shared: &'a SampleState,
    user: String,
    /// True if the next line is the answer to AUTH PLAIN.
    sasl: bool,
    /// The maildrop as it was at the login, and which messages are marked as deleted.
    rows: Option<Vec<(Arc<Message>, bool)>>,
}

impl SampleSession<'_> {
    /// Answers one line; true after QUIT.
    fn answer(&mut self, line: &str, out: &mut impl Write) -> io::Result<bool> {
        if std::mem::take(&mut self.sasl) {
            self.plain(line, out)?;
            return Ok(false);
        }
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        match (verb.as_str(), &mut self.rows) {
            ("CAPA", _) => out.write_all(CAPABILITIES.as_bytes())?,
            ("QUIT", _) => {
                self.commit();
                out.write_all(b"+OK bye\r\n")?;
                return Ok(true);
            }
            ("USER", None) => {
                argument.clone_into(&mut self.user);
                out.write_all(b"+OK\r\n")?;
            }
            ("PASS", None) => {
                let right = self.user == Server::USER && argument == self.shared.password;
                self.login(right, out)?;
            }
            ("AUTH", None) => match argument.split_once(' ').unwrap_or((argument, "")) {
                (name, "") if name.eq_ignore_ascii_case("PLAIN") => {
                    self.sasl = true;
                    out.write_all(b"+ \r\n")?;
                }
                (name, initial) if name.eq_ignore_ascii_case("PLAIN") => {
                    self.plain(initial, out)?;
                }
                _ => out.write_all(b"-ERR only PLAIN\r\n")?,
            },
            (_, Some(rows)) => transaction(rows, &verb, argument, self.shared, out)?,
            _ => out.write_all(b"-ERR log in first\r\n")?,
        }
        Ok(false)
    }

    /// AUTH PLAIN, with or without the identity to act as.
    fn plain(&mut self, response: &str, out: &mut impl Write) -> io::Result<()> {
        let right = ["", Server::USER].iter().any(|identity| {
            let mut expected = String::new();
            let words = format!("{identity}\0{}\0{}", Server::USER, self.shared.password);
            push_base64(&mut expected, words.as_bytes());
            expected == response
        });
        self.login(right, out)
    }

    fn login(&mut self, right: bool, out: &mut impl Write) -> io::Result<()> {
        if !right {
            return out.write_all(b"-ERR [AUTH] wrong user or password\r\n");
        }
        let maildrop = lock(&self.shared.maildrop);
        self.rows = Some(
            maildrop
                .iter()
                .map(|row| (Arc::clone(row), false))
                .collect(),
        );
        write!(out, "+OK {} messages\r\n", maildrop.len())
    }

    /// Deletes what was marked.
    fn commit(&mut self) {
        let rows = self.rows.take().unwrap_or_default();
        let gone = rows.iter().filter(|(_, deleted)| *deleted);
        let gone: HashSet<_> = gone.map(|(message, _)| Arc::as_ptr(message)).collect();
        if !gone.is_empty() {
            lock(&self.shared.maildrop).retain(|message| !gone.contains(&Arc::as_ptr(message)));
        }
    }
}

/// Answers a command of a session that is logged in.
fn transaction(
    rows: &mut [(Arc<Message>, bool)],
    verb: &str,
    argument: &str,
    shared: &SampleState,
    out: &mut impl Write,
) -> io::Result<()> {
    let (number, lines) = argument.split_once(' ').unwrap_or((argument, ""));
    let row = number
        .parse()
        .ok()
        .and_then(|number: usize| number.checked_sub(1));
    let row = row.filter(|row| rows.get(*row).is_some_and(|(_, deleted)| !deleted));
    match (verb, row) {
        ("NOOP", _) => out.write_all(b"+OK\r\n"),
        ("RSET", _) => {
            for (_, deleted) in rows {
                *deleted = false;
            }
            out.write_all(b"+OK\r\n")
        }
        ("STAT", _) => {
            let left = || rows.iter().filter(|(_, deleted)| !deleted);
            let octets: usize = left().map(|(message, _)| message.octets()).sum();
            write!(out, "+OK {} {octets}\r\n", left().count())
        }
        ("LIST" | "UIDL", None) if argument.is_empty() => {
            let mut text = "+OK\r\n".to_owned();
            for (row, _) in rows.iter().enumerate().filter(|(_, (_, deleted))| !deleted) {
                push_row(&mut text, verb, rows, row);
            }
            text.push_str(".\r\n");
            out.write_all(text.as_bytes())
        }
        ("LIST" | "UIDL", Some(row)) => {
            let mut text = "+OK ".to_owned();
            push_row(&mut text, verb, rows, row);
            out.write_all(text.as_bytes())
        }
        ("DELE", Some(row)) => {
            rows[row].1 = true;
            out.write_all(b"+OK\r\n")
        }
        ("RETR", Some(row)) => {
            let message = &rows[row].0;
            write!(out, "+OK {} octets\r\n", message.octets())?;
            stuffed(&message.bytes, out)?;
            shared.retrs.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        ("TOP", Some(row)) => match lines.parse() {
            Ok(lines) => {
                out.write_all(b"+OK\r\n")?;
                stuffed(top(&rows[row].0.bytes, lines), out)
            }
            Err(_) => out.write_all(b"-ERR TOP wants a message and a number of lines\r\n"),
        },
        ("LIST" | "UIDL" | "DELE" | "RETR" | "TOP", None) => {
            out.write_all(b"-ERR no such message\r\n")
        }
        _ => out.write_all(b"-ERR unknown command\r\n"),
    }
}

fn push_row(text: &mut String, verb: &str, rows: &[(Arc<Message>, bool)], row: usize) {
    let (message, number) = (&rows[row].0, row + 1);
    let written = if verb == "LIST" {
        write!(text, "{number} {}\r\n", message.octets())
    } else {
        write!(text, "{number} {}\r\n", message.uidl)
    };
    written.expect("writing to a string does not fail");
}

/// The header, the empty line and so many lines of the body.
fn top(bytes: &[u8], lines: usize) -> &[u8] {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let head = end.map_or(bytes.len(), |end| end + 4);
    let body = bytes[head..].split_inclusive(|byte| *byte == b'\n');
    &bytes[..head + body.take(lines).map(<[u8]>::len).sum::<usize>()]
}

/// Sends a message: dots at the start of lines doubled, the last line ended.
fn stuffed(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    let mut fresh = true;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if fresh && line.starts_with(b".") {
            out.write_all(b".")?;
        }
        out.write_all(line)?;
        fresh = line.ends_with(b"\r\n");
    }
    out.write_all(if fresh { b".\r\n" } else { b"\r\n.\r\n" })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A client that knows just enough to be told apart from the server.
    struct Client(BufReader<TcpStream>);

    impl Client {
        fn connect(server: &Server) -> Self {
            let stream = TcpStream::connect(server.addr()).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            let mut client = Self(BufReader::new(stream));
            assert_eq!(client.line(), "+OK sample server ready\r\n");
            client
        }

        fn login(server: &Server) -> Self {
            let mut client = Self::connect(server);
            assert_eq!(client.ask("USER demo"), "+OK\r\n");
            assert!(client.ask("PASS demo").starts_with("+OK "));
            client
        }

        fn send(&mut self, text: &str) {
            self.0.get_mut().write_all(text.as_bytes()).unwrap();
        }

        fn line(&mut self) -> String {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            line
        }

        fn ask(&mut self, command: &str) -> String {
            self.send(&format!("{command}\r\n"));
            self.line()
        }

        /// The lines of a multi-line answer with their dot-stuffing taken away.
        fn block(&mut self) -> Vec<u8> {
            let mut block = Vec::new();
            loop {
                let mut line = Vec::new();
                assert!(
                    self.0.read_until(b'\n', &mut line).unwrap() > 0,
                    "the end is missing"
                );
                if line == b".\r\n" {
                    return block;
                }
                block.extend(line.strip_prefix(b".").unwrap_or(&line));
            }
        }

        fn ask_block(&mut self, command: &str) -> String {
            assert!(self.ask(command).starts_with("+OK"), "{command}");
            String::from_utf8(self.block()).unwrap()
        }

        fn ended(&mut self) -> bool {
            !matches!(self.0.read(&mut [0]), Ok(1..))
        }
    }

    fn few() -> Vec<Message> {
        [
            &b"A: 1\r\n\r\none\r\n.two\r\n"[..],
            b"B: 2\r\n\r\n.",
            b"C: 3\r\n",
        ]
        .iter()
        .zip(["u1", "u2", "u3"])
        .map(|(bytes, uidl)| Message {
            uidl: uidl.to_owned(),
            bytes: bytes.to_vec(),
        })
        .collect()
    }

    #[test]
    fn capabilities_are_told_before_and_after_the_login() {
        let server = Server::start(few()).unwrap();
        let mut client = Client::connect(&server);
        let before = client.ask_block("capa");
        for capability in [
            "TOP",
            "UIDL",
            "PIPELINING",
            "RESP-CODES",
            "SASL PLAIN",
            "USER",
        ] {
            assert!(
                before.lines().any(|line| line == capability),
                "{capability}"
            );
        }
        assert_eq!(
            client.ask("AUTH PLAIN AGRlbW8AZGVtbw=="),
            "+OK 3 messages\r\n"
        );
        assert_eq!(client.ask_block("CAPA"), before);
    }

    #[test]
    fn only_the_right_password_opens() {
        let server = Server::start_with(few(), "two words").unwrap();
        let mut client = Client::connect(&server);
        assert_eq!(client.ask("STAT"), "-ERR log in first\r\n");
        for (user, password) in [("demo", "wrong"), ("ann", "two words"), ("demo", "two")] {
            assert_eq!(client.ask(&format!("USER {user}")), "+OK\r\n");
            assert!(
                client
                    .ask(&format!("PASS {password}"))
                    .starts_with("-ERR [AUTH] ")
            );
        }
        client.ask("USER demo");
        assert_eq!(client.ask("PASS two words"), "+OK 3 messages\r\n");
        assert_eq!(client.ask("USER demo"), "-ERR unknown command\r\n");
    }

    #[test]
    fn sasl_plain_works_at_once_and_after_a_prompt() {
        let server = Server::start(few()).unwrap();
        for response in ["AGRlbW8AZGVtbw==", "ZGVtbwBkZW1vAGRlbW8="] {
            let mut client = Client::connect(&server);
            assert_eq!(client.ask("AUTH PLAIN"), "+ \r\n");
            assert!(client.ask("*").starts_with("-ERR "));
            assert!(
                client
                    .ask("AUTH PLAIN AGRlbW8AeA==")
                    .starts_with("-ERR [AUTH] ")
            );
            assert!(client.ask("AUTH LOGIN").starts_with("-ERR "));
            assert_eq!(client.ask("AUTH plain"), "+ \r\n");
            assert_eq!(client.ask(response), "+OK 3 messages\r\n");
        }
        assert_eq!(server.sessions(), 2);
    }

    #[test]
    fn listings_count_octets_as_they_are_sent() {
        let server = Server::start(few()).unwrap();
        let mut client = Client::login(&server);
        assert_eq!(client.ask("STAT"), "+OK 3 36\r\n");
        assert_eq!(client.ask_block("LIST"), "1 19\r\n2 11\r\n3 6\r\n");
        assert_eq!(client.ask("LIST 2"), "+OK 2 11\r\n");
        assert_eq!(client.ask_block("UIDL"), "1 u1\r\n2 u2\r\n3 u3\r\n");
        assert_eq!(client.ask("UIDL 3"), "+OK 3 u3\r\n");
        for wrong in ["0", "4", "x", "-1", "99999999999999999999"] {
            assert_eq!(
                client.ask(&format!("LIST {wrong}")),
                "-ERR no such message\r\n"
            );
            assert_eq!(
                client.ask(&format!("UIDL {wrong}")),
                "-ERR no such message\r\n"
            );
        }
        assert_eq!(client.ask("NOOP"), "+OK\r\n");
        assert_eq!(client.ask("XYZZY"), "-ERR unknown command\r\n");
    }

    #[test]
    fn dots_are_doubled_and_a_missing_last_line_ending_is_added() {
        let server = Server::start(few()).unwrap();
        let mut client = Client::login(&server);
        client.send("RETR 1\r\nRETR 2\r\nQUIT\r\n");
        let mut answer = String::new();
        client.0.read_to_string(&mut answer).unwrap();
        assert_eq!(
            answer,
            "+OK 19 octets\r\nA: 1\r\n\r\none\r\n..two\r\n.\r\n\
             +OK 11 octets\r\nB: 2\r\n\r\n..\r\n.\r\n+OK bye\r\n"
        );
        assert_eq!(server.retrs(), 2);
    }

    #[test]
    fn top_gives_the_header_and_some_lines() {
        let server = Server::start(few()).unwrap();
        let mut client = Client::login(&server);
        assert_eq!(client.ask_block("TOP 1 0"), "A: 1\r\n\r\n");
        assert_eq!(client.ask_block("TOP 1 1"), "A: 1\r\n\r\none\r\n");
        assert_eq!(client.ask_block("TOP 1 9"), "A: 1\r\n\r\none\r\n.two\r\n");
        assert_eq!(client.ask_block("TOP 3 5"), "C: 3\r\n");
        assert!(client.ask("TOP 1").starts_with("-ERR "));
        assert_eq!(server.retrs(), 0);
    }

    #[test]
    fn every_sample_message_comes_back_byte_for_byte_in_one_flight() {
        let messages = Sample::messages();
        let server = Server::start(messages.clone()).unwrap();
        let mut client = Client::login(&server);
        let commands: Vec<_> = (1..=messages.len())
            .map(|n| format!("RETR {n}\r\n"))
            .collect();
        client.send(&commands.concat());
        for message in &messages {
            assert_eq!(
                client.line(),
                format!("+OK {} octets\r\n", message.octets())
            );
            let mut expected = message.bytes.clone();
            if !expected.ends_with(b"\r\n") {
                expected.extend(b"\r\n");
            }
            assert!(client.block() == expected, "{} differs", message.uidl);
        }
        assert_eq!(server.retrs(), 200);
    }

    #[test]
    fn deletions_count_only_after_quit() {
        let server = Server::start(few()).unwrap();
        let mut lost = Client::login(&server);
        assert_eq!(lost.ask("DELE 1"), "+OK\r\n");
        drop(lost);
        let mut client = Client::login(&server);
        assert_eq!(client.ask("STAT"), "+OK 3 36\r\n");
        assert_eq!(client.ask("DELE 1"), "+OK\r\n");
        assert_eq!(client.ask("RSET"), "+OK\r\n");
        assert_eq!(client.ask("DELE 2"), "+OK\r\n");
        for command in ["DELE 2", "RETR 2", "TOP 2 0", "LIST 2", "UIDL 2"] {
            assert_eq!(client.ask(command), "-ERR no such message\r\n");
        }
        assert_eq!(client.ask("STAT"), "+OK 2 25\r\n");
        assert_eq!(client.ask_block("UIDL"), "1 u1\r\n3 u3\r\n");
        assert_eq!(client.ask("QUIT"), "+OK bye\r\n");
        assert!(client.ended());
        assert_eq!(Client::login(&server).ask_block("UIDL"), "1 u1\r\n2 u3\r\n");
    }

    #[test]
    fn a_command_may_arrive_in_pieces() {
        let server = Server::start(few()).unwrap();
        let mut client = Client::login(&server);
        client.send("NOOP\r\nST");
        assert_eq!(client.line(), "+OK\r\n");
        client.send("AT\r\n");
        assert_eq!(client.line(), "+OK 3 36\r\n");
    }

    #[test]
    fn an_endless_line_ends_the_session() {
        let server = Server::start(few()).unwrap();
        let mut client = Client::login(&server);
        client.send(&"x".repeat(5000));
        assert!(client.ended());
        assert_eq!(Client::login(&server).ask("NOOP"), "+OK\r\n");
    }

    #[test]
    fn too_many_sessions_are_turned_away() {
        let server = Server::start(few()).unwrap();
        let sessions: Vec<_> = (0..SESSIONS).map(|_| Client::login(&server)).collect();
        let mut line = String::new();
        let stream = TcpStream::connect(server.addr()).unwrap();
        BufReader::new(stream).read_line(&mut line).unwrap();
        assert!(line.starts_with("-ERR [SYS/TEMP] "), "{line}");
        assert_eq!(server.sessions(), sessions.len() as u64);
    }

    #[test]
    fn a_dropped_server_ends_its_sessions_and_leaves_no_thread() {
        let server = Server::start(few()).unwrap();
        let addr = server.addr();
        let shared = Arc::downgrade(&server.shared);
        let mut client = Client::login(&server);
        drop(server);
        assert!(client.ended());
        assert!(TcpStream::connect(addr).is_err());
        assert!(
            shared.upgrade().is_none(),
            "a thread still holds the maildrop"
        );
    }
}
