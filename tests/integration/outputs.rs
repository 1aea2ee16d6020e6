//! Files that commands write where their user says: `stats --html`, `status --metrics` and
//! `audit --manifest` replace what they wrote before, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;

use mailvault::sample::Server;

use super::support::sandbox::Sandbox;
use super::support::scene::{Account, message, sandbox, server, tree};

const COMMANDS: [&[&str]; 3] = [
    &["stats", "--html"],
    &["status", "--metrics"],
    &["audit", "work", "--inbox", "--manifest"],
];

fn scene() -> (Sandbox, Server) {
    let server = server(vec![message("u1", "Subject: one\r\n\r\n1\r\n")]);
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    (sandbox, server)
}

#[test]
fn what_is_in_the_vault_or_is_somebody_elses_is_not_replaced() {
    let (sandbox, _server) = scene();
    let _ = sandbox.run(&["audit", "work", "--inbox"]).expect_code(0);
    let vault = sandbox.vault();
    let mail = tree(&vault).into_keys().find(|name| name.contains("/cur/"));
    sandbox.write("mine", "precious", 0o640);
    sandbox.write("other.html", "<!DOCTYPE html><title>mine</title>", 0o640);
    fs::create_dir(sandbox.path("dir")).unwrap();
    symlink("vault", sandbox.path("way")).unwrap();
    // What cannot be read to its end.
    let odd = tempfile::tempdir().unwrap();
    let odd = |name: &str| odd.path().join(name);
    symlink(sandbox.path("mine"), odd("link")).unwrap();
    symlink("/dev/full", odd("device")).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, odd("fifo"), mode).unwrap();
    let odd = ["link", "device", "fifo"].map(|name| odd(name).to_str().unwrap().to_owned());
    let inside = [
        "vault/vault.toml".to_owned(),
        "vault/new".to_owned(),
        "way/new".to_owned(),
        format!("vault/{}", mail.unwrap()),
    ];
    let others = [
        "mine",
        "other.html",
        "dir",
        "dir/",
        "new/",
        "/dev/null",
        "..",
    ];
    let all = inside.iter().chain(&odd).map(String::as_str);
    let all: Vec<&str> = all.chain(others).collect();
    for command in COMMANDS {
        let before = tree(sandbox.home());
        for path in &all {
            let refused = sandbox.run(&[command, &[path]].concat()).expect_code(2);
            assert!(refused.stderr().contains("cannot write"), "{refused}");
        }
        let changed: Vec<_> = tree(sandbox.home()).into_keys().collect();
        assert_eq!(
            changed,
            before.into_keys().collect::<Vec<_>>(),
            "{command:?}"
        );
        let read = |name: &str| fs::read_to_string(sandbox.path(name)).unwrap();
        assert_eq!(read("mine"), "precious");
        assert!(read("other.html").contains("mine"));
    }
    let _ = sandbox.run(&["verify", "--read-data"]).expect_code(0);
}

#[test]
fn what_a_command_wrote_before_is_replaced_and_what_lies_beside_it_stays() {
    let (sandbox, _server) = scene();
    for (n, command) in COMMANDS.iter().enumerate() {
        let name = format!("file-{n}");
        let beside = sandbox.write(&format!("{name}.tmp"), "mine", 0o600);
        // An empty file may have been made to be written to.
        sandbox.write(&name, "", 0o600);
        let mut sizes = Vec::new();
        for _ in 0..2 {
            let _ = sandbox
                .run(&[command, &[&*name][..]].concat())
                .expect_code(0);
            sizes.push(fs::metadata(sandbox.path(&name)).unwrap().len());
        }
        assert!(
            sizes[0] > 50 && sizes[0] == sizes[1],
            "{command:?}: {sizes:?}"
        );
        assert_eq!(fs::read_to_string(beside).unwrap(), "mine");
    }
}
