//! The commands that go through a vault of very many messages take little memory.
//!
//! `cargo bench --bench scale` measures the same commands with any number of messages.

use crate::limits::peak;
use crate::support::scene::{Account, sandbox, server};
use crate::support::synthetic::{FileKind, fill, maildrop};
use crate::support::walks::{Looks, WALKS};
use mailvault::sample::Server;

const COUNT: u64 = 50_000;

#[test]
fn many_messages_are_walked_in_little_memory() {
    let server = server(maildrop(COUNT));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    sandbox.write("one.eml", "Subject: one\r\n\r\nbody\r\n", 0o600);
    let name = format!("{}@{}", Server::USER, server.addr());
    fill(&sandbox.vault(), &name, COUNT, FileKind::Linked);
    for walk in WALKS.iter().filter(|walk| walk.looks != Looks::Bodies) {
        let child = sandbox.start(walk.args);
        let id = child.id();
        let watch = std::thread::spawn(move || peak(id));
        let output = child.wait().expect_code(walk.code);
        let most = watch.join().unwrap() >> 10;
        assert!(
            most <= walk.memory,
            "{:?}: {most} MiB resident\n{}",
            walk.args,
            output.stderr()
        );
    }
}
