//! A server that sends some messages shorter than it lists them.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use crate::support::scene::{Account, sandbox};

/// A message of a maildrop, and how much of it the server sends.
struct Cut {
    whole: String,
    sent: usize,
}

/// Sixty lines of text each; of the last `cut` the server sends forty.
fn maildrop(salt: u32, count: usize, cut: usize) -> Vec<Cut> {
    let message = |n: usize| {
        let header = format!("Subject: {n}\r\nMessage-ID: <{n}.{salt}@example.org>\r\n\r\n");
        let line = |at: usize| format!("line {at:02} of message {n}\r\n");
        let text: String = (0..60).map(line).collect();
        let lines = if n < count - cut { 60 } else { 40 };
        Cut {
            sent: header.len() + lines * line(0).len(),
            whole: header + &text,
        }
    };
    (0..count).map(message).collect()
}

fn serve(stream: TcpStream, messages: &[Cut]) -> std::io::Result<()> {
    let mut to = stream.try_clone()?;
    to.write_all(b"+OK\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let mut words = line.split(' ');
        let command = words.next().unwrap_or_default();
        let message = words
            .next()
            .and_then(|n| messages.get(n.parse::<usize>().ok()? - 1));
        let rows =
            |row: &dyn Fn(usize) -> String| -> String { (0..messages.len()).map(row).collect() };
        let answer = match (command, message) {
            ("CAPA", _) => "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.\r\n".to_owned(),
            ("STAT", _) => {
                let octets: usize = messages.iter().map(|message| message.whole.len()).sum();
                format!("+OK {} {octets}\r\n", messages.len())
            }
            ("LIST", None) => {
                let row = |n: usize| format!("{} {}\r\n", n + 1, messages[n].whole.len());
                format!("+OK\r\n{}.\r\n", rows(&row))
            }
            ("UIDL", None) => format!("+OK\r\n{}.\r\n", rows(&|n| format!("{} u{n}\r\n", n + 1))),
            ("RETR", Some(message)) => format!("+OK\r\n{}.\r\n", &message.whole[..message.sent]),
            ("TOP", Some(message)) => {
                let (header, _) = message.whole.split_once("\r\n\r\n").unwrap();
                format!("+OK\r\n{header}\r\n\r\n.\r\n")
            }
            _ => "+OK\r\n".to_owned(),
        };
        to.write_all(answer.as_bytes())?;
        if command == "QUIT" {
            break;
        }
    }
    Ok(())
}

/// Serves these messages on the port that it gives, as long as the test runs.
fn server(messages: Vec<Cut>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let messages = Arc::new(messages);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let messages = Arc::clone(&messages);
            std::thread::spawn(move || serve(stream.unwrap(), &messages));
        }
    });
    port
}

/// What is learned of a mailbox's sizes is learned of the messages that came first, and not of
/// some of them that their hashes put in front.
#[test]
fn cut_messages_at_the_end_of_a_maildrop_are_never_taken_for_whole() {
    for salt in 0..6 {
        let (count, cut) = [(200, 20), (500, 50)][salt as usize % 2];
        let port = server(maildrop(salt, count, cut));
        let sandbox = sandbox(&[Account::new("work", port, "ann")]);
        let output = sandbox.run(&["pull", "--create"]).expect_code(3);
        let told = format!("{cut} messages did not arrive as listed");
        assert!(output.stderr().contains(&told), "{salt}: {output}");
        let _ = sandbox.run(&["audit", "--inbox", "work"]).expect_code(3);
    }
}
