//! How long a pull takes compared with merely draining the same bytes from the same
//! server, in the same run: `cargo bench --bench pull [MESSAGES]`.
//!
//! Prints ratios only. Absolute times say little on a machine that others use too.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for people who measure"
)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use mailvault::sample::{Sample, Server};
use memchr::memmem;
use support::{job_of, median, pull, timed};

const ROUNDS: usize = 5;
/// Commands sent ahead by the drain.
const AHEAD: usize = 1_024;

fn main() {
    let count = std::env::args()
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(10_000);
    let messages = Sample::of(count, 1);
    let octets: usize = messages.iter().map(|m| m.bytes.len()).sum();
    let server = Server::start(messages).unwrap();
    println!("{count} messages, {} kB, {ROUNDS} rounds", octets / 1000);
    let (mut full, mut again) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let vault = dir.path().join("vault");
        let raw = timed(|| drain(&server, count, true));
        full.push(timed(|| pull(job_of(&server), &vault)) / raw);
        let raw = timed(|| drain(&server, count, false));
        again.push(timed(|| pull(job_of(&server), &vault)) / raw);
    }
    println!(
        "full pull, durable   {:5.2} x raw drain (median)",
        median(full)
    );
    println!(
        "nothing new          {:5.2} x raw listing (median)",
        median(again)
    );
}

/// Signs in, lists, and if `bodies` fetches everything and throws it away.
fn drain(server: &Server, count: usize, bodies: bool) {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 256 << 10];
    let login = format!(
        "USER {}\r\nPASS {}\r\nSTAT\r\nLIST\r\nUIDL\r\n",
        Server::USER,
        Server::PASSWORD
    );
    stream.write_all(login.as_bytes()).unwrap();
    swallow(&mut stream, &mut buffer, 2);
    let numbers: Vec<usize> = (1..=count).collect();
    for window in numbers.chunks(AHEAD) {
        if !bodies {
            break;
        }
        let lines: Vec<String> = window.iter().map(|n| format!("RETR {n}\r\n")).collect();
        let lines = lines.concat();
        stream.write_all(lines.as_bytes()).unwrap();
        swallow(&mut stream, &mut buffer, window.len());
    }
    stream.write_all(b"QUIT\r\n").unwrap();
}

/// Reads until so many multi-line answers have ended.
fn swallow(stream: &mut TcpStream, buffer: &mut [u8], mut ends: usize) {
    const END: &[u8] = b"\r\n.\r\n";
    let mut kept = 0;
    while ends > 0 {
        let n = stream.read(&mut buffer[kept..]).unwrap();
        assert!(n > 0, "the server hung up");
        let filled = kept + n;
        let mut from = 0;
        while let Some(at) = memmem::find(&buffer[from..filled], END) {
            from += at + END.len();
            ends -= 1;
        }
        // An end may straddle two reads.
        let tail = (filled - from).min(END.len() - 1);
        buffer.copy_within(filled - tail..filled, 0);
        kept = tail;
    }
}
