//! A maildrop of a million messages of which none is new: how long a pull takes compared
//! with merely reading the same listing from the same server, and in how much memory.
//!
//! Takes a minute or two, so that it is run by hand:
//! `cargo test --release --test integration volume -- --ignored --nocapture`.

#![allow(clippy::print_stdout, reason = "for people who measure")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use mailvault::mail::message::Hash128;
use mailvault::mail::source::Uid;
use mailvault::sample::{Message, Server};
use mailvault::vault::Writer;
use mailvault::vault::ledger::{Evidence, Identity, LedgerEvent, Seen};

use crate::limits::peak;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, sandbox, server};

const COUNT: u32 = 1_000_000;
const ROUNDS: usize = 5;
/// Resident at most, in kB.
const MEMORY: u64 = 32 << 10;

fn messages() -> Vec<Message> {
    let message = |n: u32| Message {
        // As Dovecot names them.
        uidl: format!("{n:08x}6b032d77"),
        bytes: format!("Subject: {n}\r\n\r\n").into_bytes(),
    };
    (1..=COUNT).map(message).collect()
}

/// Records all messages as archived. Their files are not there: nobody asks for them.
fn fill(sandbox: &Sandbox, server: &Server, messages: &[Message]) {
    let vault = sandbox.vault();
    Writer::create(&vault).unwrap();
    let mut writer = Writer::open(&vault, Duration::ZERO, &AtomicBool::new(false)).unwrap();
    let seen = |message: &Message| {
        let hash = Hash128::of(message.uidl.as_bytes());
        let size = message.bytes.len() as u64;
        LedgerEvent::Seen(Box::new(Seen {
            identity: Identity {
                account: "work".to_owned(),
                server: format!("{}@{}", Server::USER, server.addr()),
                uid: Uid::Uidl(message.uidl.as_bytes().into()),
                dir: None,
            },
            octets: Some(message.octets() as u64),
            hash,
            got: hash,
            header: hash,
            mid: None,
            idate: None,
            flags: String::new(),
            kw: String::new(),
            received: 1_700_000_000,
            size,
            wire: size,
            stored: size,
            evidence: Evidence::Received,
            object: None,
        }))
    };
    for some in messages.chunks(10_000) {
        let events: Vec<LedgerEvent> = some.iter().map(seen).collect();
        writer.record(&events).unwrap();
    }
    writer.publish().unwrap();
}

/// Signs in and reads the listing, and throws it away.
fn drain(server: &Server) {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    let password = crate::support::dovecot::PASSWORD;
    let lines = format!(
        "CAPA\r\nUSER {}\r\nPASS {password}\r\nCAPA\r\nSTAT\r\nLIST\r\nUIDL\r\nQUIT\r\n",
        Server::USER
    );
    stream.write_all(lines.as_bytes()).unwrap();
    let mut buffer = vec![0; 64 << 10];
    let mut octets = 0;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            n => octets += n,
        }
    }
    assert!(octets > 30 * COUNT as usize, "only {octets} octets");
}

#[test]
#[ignore = "takes a minute or two; see the head of the file"]
fn a_million_known_messages_take_little_time_and_memory() {
    let messages = messages();
    let server = server(messages.clone());
    let sandbox = sandbox(&[Account::of("work", &server)]);
    fill(&sandbox, &server, &messages);
    drop(messages);
    // Settles what only the first run has to do.
    let _ = sandbox.run(&["pull"]).expect_code(0);
    let (mut ratios, mut most) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        drain(&server);
        let raw = began.elapsed().as_secs_f64();
        let began = Instant::now();
        let child = sandbox.start(&["pull"]);
        let id = child.id();
        let watch = std::thread::spawn(move || peak(id));
        child.wait().expect(0, "", "");
        let taken = began.elapsed().as_secs_f64();
        most = most.max(watch.join().unwrap());
        println!("pull {taken:.2} s, raw {raw:.2} s");
        ratios.push(taken / raw);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "nothing new in {COUNT} messages: {:.2} x raw listing (median), {most} kB resident",
        ratios[ROUNDS / 2]
    );
    assert_eq!(server.retrs(), 0);
    assert!(most < MEMORY, "{most} kB resident");
}
