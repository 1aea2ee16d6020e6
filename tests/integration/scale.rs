//! The commands that go through a vault of very many messages take little memory.
//!
//! `cargo bench --bench scale` measures the same commands with any number of messages.

use std::fs;

use crate::limits::peak;
use crate::support::scene::{Account, sandbox, server};
use crate::support::synthetic::{FileKind, fill, maildrop};
use crate::support::walks::{Looks, WALKS};
use mailvault::sample::Server;

const COUNT: u64 = 50_000;
/// Messages of the vault that loses its files: all that is wrong would not fit into what is
/// allowed.
const LOST: u64 = 100_000;

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

#[test]
fn a_vault_that_lost_its_files_is_verified_and_repaired_in_little_memory() {
    let server = server(maildrop(LOST));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let name = format!("{}@{}", Server::USER, server.addr());
    fill(&sandbox.vault(), &name, LOST, FileKind::Linked);
    // One account has none of its files, the other every second one.
    fs::remove_dir_all(sandbox.vault().join("mail/home")).unwrap();
    let cur = sandbox.vault().join("mail/work/cur");
    for (n, file) in fs::read_dir(cur).unwrap().enumerate() {
        if n % 2 == 0 {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
    }
    for args in [&["verify"][..], &["verify", "--repair"]] {
        let child = sandbox.start(args);
        let id = child.id();
        let watch = std::thread::spawn(move || peak(id));
        let output = child.wait().expect_code(20);
        let most = watch.join().unwrap() >> 10;
        assert!(most <= 48, "{args:?}: {most} MiB resident");
        let lost = output.stdout().matches("  missing  ").count() as u64;
        assert!((LOST / 4 * 3..LOST).contains(&lost), "{lost}");
    }
    let _ = sandbox.run(&["verify"]).expect_code(0);
}
