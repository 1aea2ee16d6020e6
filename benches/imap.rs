//! How long a pull over IMAP takes compared with merely draining the same bytes from the
//! same Dovecot, and with mbsync, in the same run: `cargo bench --bench imap [MESSAGES]`.
//!
//! Prints ratios only. Absolute times say little on a machine that others use too.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for people who measure"
)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use mailvault::sample::Sample;
use support::dovecot::{Dovecot, Options, PASSWORD};
use support::line::{Trouble, line_to};
use support::timed;

const ROUNDS: usize = 3;
/// Folders of the account that is pulled over several connections.
const FOLDERS: usize = 8;
/// Half of the round trip time of the slow line.
const ONE_WAY: Duration = Duration::from_millis(25);

fn main() {
    let count = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(2_000);
    let sample = Sample::of(count, 1).into_iter().map(|m| m.bytes);
    let messages: Vec<Vec<u8>> = (0..).zip(sample).map(|(n, m)| grown(n, m)).collect();
    let octets: usize = messages.iter().map(Vec::len).sum();
    let Some(dovecot) = Dovecot::start(&Options::default()) else {
        return;
    };
    dovecot.deliver("one", &messages);
    for (folder, part) in messages.chunks(count.div_ceil(FOLDERS)).enumerate() {
        dovecot.deliver_to("many", &format!(".f{folder}"), part);
    }
    println!(
        "{count} messages, {} kB, {ROUNDS} rounds, median (least to most)",
        octets / 1000
    );
    let slow = Trouble {
        delay: ONE_WAY,
        ..Trouble::default()
    };
    let far = SocketAddr::from(([127, 0, 0, 1], line_to(dovecot.imap(), &slow)));
    // The first look at a Maildir makes its index.
    drain(dovecot.imap(), "one");
    let dir = tempfile::tempdir().unwrap();
    pull(dovecot.imap(), "many", 1, &dir.path().join("vault"));
    for (line, server) in [("0 ms", dovecot.imap()), ("50 ms", far)] {
        let (mut raw_ratios, mut peer_ratios, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let dir = tempfile::tempdir().unwrap();
            let raw = timed(|| drain(server, "one"));
            let ours = timed(|| pull(server, "one", 1, &dir.path().join("one")));
            raw_ratios.push(ours / raw);
            // It takes so long that once must do.
            if round == 0 && support::find_tool("mbsync").is_some() {
                peer_ratios.push(ours / timed(|| mbsync(server, dir.path())));
            }
            let alone = timed(|| pull(server, "many", 1, &dir.path().join("alone")));
            beside.push(timed(|| pull(server, "many", 4, &dir.path().join("four"))) / alone);
        }
        show(line, "full pull, durable, x raw drain", raw_ratios);
        show(line, "full pull, durable, x mbsync", peer_ratios);
        show(line, "8 folders over 4 connections, x over 1", beside);
    }
}

/// Adds what looks like an attachment, up to 64 kB: the sample is smaller than mail is.
fn grown(n: u32, mut message: Vec<u8>) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = n | 1;
    for _ in 0..n.wrapping_mul(2_654_435_761) % 840 {
        for _ in 0..76 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            message.push(LETTERS[(state >> 26) as usize]);
        }
        message.extend(b"\r\n");
    }
    message
}

fn show(line: &str, what: &str, mut ratios: Vec<f64>) {
    ratios.sort_by(f64::total_cmp);
    if let (Some(least), Some(most)) = (ratios.first(), ratios.last()) {
        let median = ratios[ratios.len() / 2];
        println!("{line:>5}  {what:40} {median:5.2} ({least:.2} to {most:.2})");
    }
}

fn pull(server: SocketAddr, user: &str, connections: usize, vault: &Path) {
    let mut job = support::job(&format!("imap://{user}@{server}"), PASSWORD);
    job.account.connections = connections;
    support::pull(job, vault);
}

fn mbsync(server: SocketAddr, dir: &Path) {
    let (dir, host, port) = (dir.display(), server.ip(), server.port());
    let text = format!(
        "FSync yes\n\nIMAPAccount a\nHost {host}\nPort {port}\nUser one\nPass {PASSWORD}\n\
         AuthMechs LOGIN\nTimeout 0\nSSLType None\n\nIMAPStore far\nAccount a\n\n\
         MaildirStore near\nPath {dir}/md/\nInbox {dir}/md/INBOX\n\nChannel c\nFar :far:\n\
         Near :near:\nPatterns INBOX\nCreate Near\nSync Pull New\nExpunge None\n\
         CopyArrivalDate yes\nSyncState {dir}/state-\n"
    );
    let file = format!("{dir}/mbsyncrc");
    std::fs::create_dir(format!("{dir}/md")).unwrap();
    std::fs::write(&file, text).unwrap();
    let status = Command::new("mbsync")
        .args(["-q", "-c", &file, "-a"])
        .status();
    assert!(status.unwrap().success());
}

/// Signs in, fetches everything in the INBOX with one command, and throws it away.
fn drain(server: SocketAddr, user: &str) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::with_capacity(256 << 10, stream.try_clone().unwrap());
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).unwrap();
    for (tag, command) in [
        ("a", format!("LOGIN {user} {PASSWORD}")),
        ("b", "EXAMINE INBOX".to_owned()),
        ("c", "UID FETCH 1:* (UID BODY.PEEK[])".to_owned()),
    ] {
        stream
            .write_all(format!("{tag} {command}\r\n").as_bytes())
            .unwrap();
        loop {
            line.clear();
            assert!(
                reader.read_until(b'\n', &mut line).unwrap() > 0,
                "the server hung up"
            );
            if line.starts_with(tag.as_bytes()) && line.get(1) == Some(&b' ') {
                assert!(line[2..].starts_with(b"OK"));
                break;
            }
            let text = line.strip_suffix(b"}\r\n").unwrap_or_default();
            if let Some(at) = text.iter().rposition(|byte| *byte == b'{') {
                let octets = std::str::from_utf8(&text[at + 1..])
                    .unwrap()
                    .parse()
                    .unwrap();
                let mut literal = (&mut reader).take(octets);
                std::io::copy(&mut literal, &mut std::io::sink()).unwrap();
            }
        }
    }
}
