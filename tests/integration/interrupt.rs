//! Ctrl-C while one huge message is on its way: the run ends before the message does. No clock is
//! read; what ends too late has moved all of the message. The same while a program is to give a
//! password: what ends too late says that the program did.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::client::imap_fetch_mailbox;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::scene::{Account, sandbox, until};

/// More than all buffers between two programs.
const SIZE: usize = 48 << 20;

fn huge() -> Vec<u8> {
    let mut bytes = b"From: a@example.org\r\nSubject: huge\r\n\r\n".to_vec();
    bytes.resize(SIZE, b'x');
    bytes.extend_from_slice(b"\r\n");
    bytes
}

#[test]
fn an_export_of_a_huge_message_ends_within_it() {
    let sandbox = sandbox(&[]);
    sandbox.write("huge.eml", huge(), 0o600);
    let import = ["import", "huge.eml", "--account", "old", "--create"];
    let _ = sandbox.run(&import).expect_code(0);
    let mut command = sandbox.command(&["export", "-"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut begin = vec![0; 1 << 20];
    out.read_exact(&mut begin).unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    // It says so before anything more is read.
    let mut said = [0; 8];
    err.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"stopping");
    let mut rest = Vec::new();
    out.read_to_end(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(begin.len() + rest.len() < SIZE, "{} bytes came", rest.len());
}

/// A line to a server that takes no more from its client than this, until it is told to go on.
fn narrow(server: SocketAddr, first: usize, sent: &Arc<AtomicUsize>, go: &Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sent, go) = (Arc::clone(sent), Arc::clone(go));
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut server = TcpStream::connect(server).unwrap();
            let (mut back, mut from) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut back));
            let mut piece = [0; 1 << 14];
            loop {
                if sent.load(Ordering::Relaxed) > first && !go.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(5));
                    continue;
                }
                let length = client.read(&mut piece).unwrap_or(0);
                if length == 0 || server.write_all(&piece[..length]).is_err() {
                    let _ = server.shutdown(std::net::Shutdown::Write);
                    break;
                }
                sent.fetch_add(length, Ordering::Relaxed);
            }
        }
    });
    port
}

#[test]
fn an_upload_of_a_huge_message_ends_within_it_and_the_next_has_it_once() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let (sent, go) = (Arc::default(), Arc::default());
    let port = narrow(dovecot.imap(), 1 << 20, &sent, &go);
    let account = Account::new("home", port, "bob").with("protocol", "\"imap\"");
    let sandbox = sandbox(&[account]);
    sandbox.write("huge.eml", huge(), 0o600);
    let import = ["import", "huge.eml", "--account", "old", "--create"];
    let _ = sandbox.run(&import).expect_code(0);
    let mut command = sandbox.command(&["export", "imap:home"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    until("some of the message", || {
        sent.load(Ordering::Relaxed) > 1 << 20
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut said = [0; 8];
    child
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut said)
        .unwrap();
    assert_eq!(&said, b"stopping");
    go.store(true, Ordering::Relaxed);
    let mut rest = String::new();
    child
        .stderr
        .as_mut()
        .unwrap()
        .read_to_string(&mut rest)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(sent.load(Ordering::Relaxed) < SIZE, "all of it came");
    let inbox = || imap_fetch_mailbox(dovecot.imap(), "bob", PASSWORD, "INBOX");
    assert!(inbox().is_empty());
    let _ = sandbox.run(&["export", "imap:home"]).expect_code(0);
    assert_eq!(inbox(), [huge()]);
}

/// A POP3 server with one message that never ends.
fn endless(listener: &TcpListener, sent: &AtomicUsize) {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = std::io::BufReader::new(stream.try_clone().unwrap());
    let mut stream: TcpStream = stream;
    stream.write_all(b"+OK\r\n").unwrap();
    loop {
        let mut line = String::new();
        if std::io::BufRead::read_line(&mut reader, &mut line).unwrap_or(0) == 0 {
            return;
        }
        let answer = match line.split([' ', '\r']).next().unwrap() {
            "CAPA" => "+OK\r\nUSER\r\nUIDL\r\n.\r\n",
            "STAT" => "+OK 1 99999999999\r\n",
            "UIDL" => "+OK\r\n1 endless\r\n.\r\n",
            "LIST" => "+OK\r\n1 99999999999\r\n.\r\n",
            "RETR" => break,
            _ => "+OK\r\n",
        };
        stream.write_all(answer.as_bytes()).unwrap();
    }
    stream
        .write_all(b"+OK\r\nSubject: endless\r\n\r\n")
        .unwrap();
    let lines = b"never ends\r\n".repeat(1000);
    while stream.write_all(&lines).is_ok() {
        sent.fetch_add(lines.len(), Ordering::Relaxed);
    }
}

#[test]
fn a_pull_of_a_message_without_end_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let sent = Arc::new(AtomicUsize::new(0));
    let sent_too = Arc::clone(&sent);
    let server = thread::spawn(move || endless(&listener, &sent_too));
    let sandbox = sandbox(&[Account::new("work", port, "ann")]);
    let child = sandbox.start(&["pull", "--create"]);
    until("much of the message", || {
        sent.load(Ordering::Relaxed) > 16 << 20
    });
    child.signal(Signal::INT);
    let _ = child.wait().expect_code(130);
    server.join().unwrap();
    assert!(sandbox.messages("work").is_empty());
}

#[test]
fn a_hanging_password_command_ends_with_the_run() {
    for signal in [Signal::INT, Signal::TERM] {
        let hanging = |name, port| {
            let command = format!("\"touch $HOME/{name}; sleep 600\"");
            Account::new(name, port, "ann")
                .without("password_file")
                .with("password_command", &command)
        };
        let sandbox = sandbox(&[hanging("home", 1), hanging("work", 2)]);
        let child = sandbox.start(&["pull", "--create"]);
        until("the program", || sandbox.path("home").exists());
        child.signal(signal);
        let _ = child.wait().expect_code(128 + signal.as_raw());
        assert!(!sandbox.path("work").exists(), "the second was asked, too");
    }
}
