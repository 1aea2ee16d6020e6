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
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use mailvault::config::Account;
use mailvault::run::{self, Job, PullOptions};
use mailvault::sample::Sample;
use mailvault::secret::Secret;
use support::dovecot::{Dovecot, Options, PASSWORD};

const ROUNDS: usize = 3;
/// Folders of the account that is pulled over several connections.
const FOLDERS: usize = 8;
/// Half of the round trip time of the slow line.
const DELAY: Duration = Duration::from_millis(25);

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
    let far = delayed(dovecot.imap());
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

fn timed(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64()
}

fn pull(server: SocketAddr, user: &str, connections: usize, vault: &Path) {
    let mut account = Account::from_url(&format!("imap://{user}@{server}")).unwrap();
    account.connections = connections;
    let job = Job {
        account,
        secret: Ok(Secret::new(PASSWORD.to_owned())),
    };
    let options = PullOptions {
        all_folders: false,
        dry_run: false,
        limit: None,
        lock_wait: Duration::ZERO,
        create: true,
        parallel: 1,
        stop: Arc::default(),
    };
    let report = run::pull(vault, vec![job], &options, &mut |_| {}).unwrap();
    assert!(report.outcomes[0].error.is_none());
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

/// The same server at the end of a long line.
fn delayed(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.unwrap(), TcpStream::connect(server).unwrap());
            std::thread::sleep(2 * DELAY);
            late(near.try_clone().unwrap(), far.try_clone().unwrap());
            late(far, near);
        }
    });
    address
}

/// Passes on what comes, each piece so much later.
fn late(mut from: TcpStream, mut to: TcpStream) {
    to.set_nodelay(true).unwrap();
    let (pieces, due) = sync_channel::<(Instant, Vec<u8>)>(256);
    std::thread::spawn(move || {
        loop {
            let mut piece = vec![0; 64 << 10];
            let n = from.read(&mut piece).unwrap_or(0);
            piece.truncate(n);
            if pieces.send((Instant::now() + DELAY, piece)).is_err() || n == 0 {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (when, piece) in due {
            std::thread::sleep(when.saturating_duration_since(Instant::now()));
            if piece.is_empty() || to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
