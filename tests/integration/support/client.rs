//! Small clients that see a maildrop or mailbox as it is on the wire, apart from
//! the program under test. They trust the server and panic at any surprise.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One message of a maildrop: UIDL, the octets that LIST gives, the bytes of RETR.
pub(crate) type Retrieved = (String, u64, Vec<u8>);

/// All messages of a maildrop, in its order, unstuffed and otherwise as they came.
pub(crate) fn pop3_fetch_all(server: SocketAddr, user: &str, password: &str) -> Vec<Retrieved> {
    Wire::pop3(server, user, password).fetch_all(false)
}

/// All messages of the INBOX, in its order, as `BODY.PEEK[]` gives them.
pub(crate) fn imap_fetch_all(server: SocketAddr, user: &str, password: &str) -> Vec<Vec<u8>> {
    imap_fetch_mailbox(server, user, password, "INBOX")
}

/// All messages of one mailbox, whose name has its backslashes before what needs them.
pub(crate) fn imap_fetch_mailbox(
    server: SocketAddr,
    user: &str,
    password: &str,
    mailbox: &str,
) -> Vec<Vec<u8>> {
    let mut imap = Wire::imap(server, user, password);
    let examined = imap.tagged(&format!("EXAMINE \"{mailbox}\""));
    if examined.iter().any(|(line, _)| line == "* 0 EXISTS") {
        return Vec::new();
    }
    let fetched = imap.tagged("FETCH 1:* BODY.PEEK[]");
    imap.tagged("LOGOUT");
    fetched.into_iter().filter_map(|(_, body)| body).collect()
}

/// What FETCH says of all messages of a mailbox, a line each.
pub(crate) fn imap_rows(server: SocketAddr, user: &str, mailbox: &str, items: &str) -> Vec<String> {
    let mut imap = Wire::connect(server);
    imap.line();
    imap.tagged(&format!("LOGIN {user} {}", super::dovecot::PASSWORD));
    imap.tagged(&format!("EXAMINE \"{mailbox}\""));
    let rows = imap.tagged(&format!("FETCH 1:* ({items})"));
    imap.tagged("LOGOUT");
    rows.into_iter().map(|(line, _)| line).collect()
}

/// Bytes with every line ended by CR LF, as Dovecot sends them.
pub(crate) fn on_the_wire(message: &[u8], final_newline: bool) -> Vec<u8> {
    let mut wire = Vec::new();
    for byte in message {
        if *byte == b'\n' && wire.last() != Some(&b'\r') {
            wire.push(b'\r');
        }
        wire.push(*byte);
    }
    if final_newline && !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

/// A connection that is read by lines.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
}

impl Wire {
    fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// A POP3 session that is signed in, and goes on until it is dropped.
    pub(crate) fn pop3(server: SocketAddr, user: &str, password: &str) -> Self {
        let mut pop3 = Self::connect(server);
        pop3.line();
        pop3.ok(&format!("USER {user}"));
        pop3.ok(&format!("PASS {password}"));
        pop3
    }

    /// An IMAP session that is signed in, and goes on until it is dropped.
    pub(crate) fn imap(server: SocketAddr, user: &str, password: &str) -> Self {
        let mut imap = Self::connect(server);
        imap.line();
        imap.tagged(&format!("LOGIN {user} {password}"));
        imap
    }

    /// All messages of this maildrop, then QUIT. Some servers take 40 ms for each that
    /// is asked for alone, so they can be asked for at once.
    pub(crate) fn fetch_all(mut self, at_once: bool) -> Vec<Retrieved> {
        let uidls = self.rows("UIDL");
        let octets = self.rows("LIST");
        assert_eq!(uidls.len(), octets.len());
        let retr = |number: &str| format!("RETR {number}\r\n");
        if at_once {
            let commands: String = uidls.iter().map(|(number, _)| retr(number)).collect();
            self.send(&commands);
        }
        let mut messages = Vec::new();
        for ((number, uidl), (_, octets)) in uidls.into_iter().zip(octets) {
            if !at_once {
                self.send(&retr(&number));
            }
            self.is_ok(&number);
            messages.push((uidl, octets.parse().unwrap(), self.multiline()));
        }
        self.ok("QUIT");
        messages
    }

    fn send(&mut self, commands: &str) {
        self.stream
            .get_mut()
            .write_all(commands.as_bytes())
            .unwrap();
    }

    /// Bytes up to and with the next LF.
    fn raw_line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).unwrap();
        assert!(line.ends_with(b"\n"), "the server closed");
        line
    }

    fn line(&mut self) -> String {
        let line = String::from_utf8(self.raw_line()).unwrap();
        line.strip_suffix("\r\n").unwrap().to_string()
    }

    /// A command that must be accepted.
    pub(crate) fn ok(&mut self, command: &str) {
        self.send(&format!("{command}\r\n"));
        self.is_ok(command);
    }

    fn is_ok(&mut self, command: &str) {
        let reply = self.line();
        assert!(reply.starts_with("+OK"), "{command}: {reply}");
    }

    /// A multi-line reply without its end and its dot stuffing.
    fn multiline(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut at_line_start = true;
        loop {
            let line = self.raw_line();
            if at_line_start && line == b".\r\n" {
                return body;
            }
            let stuffed = at_line_start && line[0] == b'.';
            body.extend_from_slice(&line[usize::from(stuffed)..]);
            at_line_start = line.ends_with(b"\r\n");
        }
    }

    /// A listing as pairs of number and value.
    fn rows(&mut self, command: &str) -> Vec<(String, String)> {
        self.ok(command);
        let text = String::from_utf8(self.multiline()).unwrap();
        let row = |line: &str| {
            let (number, value) = line.split_once(' ').unwrap();
            (number.to_string(), value.to_string())
        };
        text.lines().map(row).collect()
    }

    /// The untagged lines of an IMAP command, each with its literal if it has one.
    pub(crate) fn tagged(&mut self, command: &str) -> Vec<(String, Option<Vec<u8>>)> {
        self.send(&format!("a {command}\r\n"));
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if let Some(result) = line.strip_prefix("a ") {
                assert!(result.starts_with("OK"), "{command}: {result}");
                return lines;
            }
            let size = line.strip_suffix('}').and_then(|l| l.rsplit_once('{'));
            let body = size.map(|(_, size)| {
                let mut body = vec![0; size.parse().unwrap()];
                self.stream.read_exact(&mut body).unwrap();
                self.line();
                body
            });
            lines.push((line, body));
        }
    }
}
