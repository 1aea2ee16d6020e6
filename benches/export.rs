//! How long mail takes out of a vault, compared with reading and copying the same files, and
//! to a server 50 ms away, compared with one APPEND after the other, in the same run:
//! `cargo bench --bench export [MESSAGES]`. The server is a Dovecot of its own, if there is one.
//!
//! Rates say little on a machine that others use too; ratios say more.
#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for people who measure"
)]

mod support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use mailvault::export::upload::{self, UploadOptions};
use mailvault::export::{self, Destination, Format};
use mailvault::mail::query;
use mailvault::sample::{Message, Sample, Server};
use mailvault::vault::{SelectionScope, Vault};

use support::dovecot::{Dovecot, Options, PASSWORD};
use support::line::{Trouble, line_to};
use support::{job, job_of, median, pull, timed};

const ROUNDS: usize = 5;
/// Messages of 4 kB that are uploaded, and how many of them one by one.
const UPLOADED: usize = 3_000;
const ONE_BY_ONE: usize = 40;
const ONE_WAY: Duration = Duration::from_millis(25);

fn main() {
    let count = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(10_000);
    to_files(count);
    to_a_server();
}

fn to_files(count: usize) {
    let dir = tempfile::tempdir().unwrap();
    let messages = Sample::of(count, 1);
    let octets: usize = messages.iter().map(|m| m.bytes.len()).sum();
    let vault = vault_of(messages, &dir.path().join("vault"));
    println!("{count} messages, {} kB, {ROUNDS} rounds", octets / 1000);
    let plain = dir.path().join("plain");
    export(&vault, Destination::Folder(plain.clone(), Format::Maildir));
    let (stored, copied) = (files(&vault.root().join("mail")), files(&plain));
    let (mut mbox, mut mbox_s, mut maildir, mut maildir_s) = (vec![], vec![], vec![], vec![]);
    for n in 0..ROUNDS {
        let raw = timed(|| read(&stored));
        let file = dir.path().join(format!("{n}.mbox"));
        let took = timed(|| export(&vault, Destination::Mbox(file.clone())));
        mbox.push(took / raw);
        mbox_s.push(octets as f64 / 1e6 / took);
        fs::remove_file(file).unwrap();
        let to = dir.path().join(format!("copy-{n}"));
        let raw = timed(|| copy(&copied, &to));
        fs::remove_dir_all(to).unwrap();
        let to = dir.path().join(format!("maildir-{n}"));
        let took = timed(|| export(&vault, Destination::Folder(to.clone(), Format::Maildir)));
        maildir.push(took / raw);
        maildir_s.push(count as f64 / took);
        fs::remove_dir_all(to).unwrap();
    }
    println!(
        "to an mbox           {:5.2} x reading the vault's files (median), {:5.0} MB/s",
        median(mbox),
        median(mbox_s)
    );
    println!(
        "to a Maildir         {:5.2} x copying its files durably (median), {:5.0} messages/s",
        median(maildir),
        median(maildir_s)
    );
}

fn to_a_server() {
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let messages: Vec<Message> = (0..UPLOADED).map(letter).collect();
    let vault = vault_of(messages.clone(), &dir.path().join("vault"));
    let trouble = Trouble {
        delay: ONE_WAY,
        ..Trouble::default()
    };
    let port = line_to(dovecot.imap(), &trouble);
    let slow = timed(|| append(port, &messages[..ONE_BY_ONE])) / ONE_BY_ONE as f64;
    let mut rates = Vec::new();
    for n in 0..3 {
        let took = timed(|| upload(vault.root(), port, &format!("user{n}")));
        rates.push(UPLOADED as f64 / took);
    }
    let rate = median(rates);
    println!(
        "to a server at 50 ms {rate:5.0} messages of 4 kB a second (median), {:4.0} x APPEND one by one",
        rate * slow
    );
}

fn letter(n: usize) -> Message {
    let text = Sample::of(1, n as u64 + 1).swap_remove(0);
    let head = format!("Subject: letter {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n");
    let body = String::from_utf8_lossy(&text.bytes).repeat(4);
    let body: String = body.chars().filter(char::is_ascii).take(3_990).collect();
    Message {
        uidl: format!("u{n}"),
        bytes: format!("{head}{}\r\n", body.trim_end()).into_bytes(),
    }
}

fn vault_of(messages: Vec<Message>, path: &Path) -> Vault {
    let server = Server::start(messages).unwrap();
    pull(job_of(&server), path);
    Vault::open(path).unwrap()
}

fn export(vault: &Vault, destination: Destination) {
    let all = query::parse::<&str>(&[], Utc::now()).unwrap();
    let plan = export::plan(vault, &all, destination, SelectionScope::OnServer, false).unwrap();
    let (mut out, stop) = (std::io::sink(), std::sync::atomic::AtomicBool::new(false));
    let report = export::apply(vault, &plan, &mut out, &stop, &mut |_| {}).unwrap();
    assert_eq!(report.written, plan.selection.messages());
}

fn upload(vault: &Path, port: u16, user: &str) {
    let options = UploadOptions {
        into: None,
        again: false,
        gone: false,
        several: false,
        lock_wait: Duration::ZERO,
        stop: Arc::default(),
    };
    let all = query::parse::<&str>(&[], Utc::now()).unwrap();
    let job = job(&format!("imap://{user}@127.0.0.1:{port}"), PASSWORD);
    let (report, error) = upload::upload(vault, &all, job, &options, &mut |_| {}).unwrap();
    assert!(error.is_none(), "{error:?}");
    assert_eq!(report.uploaded, UPLOADED as u64);
}

/// Sends one message after the other, as simple programs do.
fn append(port: u16, messages: &[Message]) {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut until = |start: &str| {
        let mut lines = answers.by_ref().map(Result::unwrap);
        assert!(lines.any(|line| line.starts_with(start)), "{start}");
    };
    until("* OK");
    write!(stream, "a LOGIN slow {PASSWORD}\r\n").unwrap();
    until("a OK");
    for message in messages {
        write!(stream, "b APPEND INBOX {{{}}}\r\n", message.bytes.len()).unwrap();
        until("+");
        stream.write_all(&message.bytes).unwrap();
        stream.write_all(b"\r\n").unwrap();
        until("b OK");
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Reads and decompresses files.
fn read(files: &[PathBuf]) {
    for file in files {
        let file = File::open(file).unwrap();
        zstd::stream::copy_decode(file, std::io::sink()).unwrap();
    }
}

fn copy(files: &[PathBuf], to: &Path) {
    fs::create_dir(to).unwrap();
    for (n, file) in files.iter().enumerate() {
        fs::copy(file, to.join(n.to_string())).unwrap();
    }
    rustix::fs::syncfs(File::open(to).unwrap()).unwrap();
}
