//! The commands for a second copy, at a folder, at object storage and by way of `rclone`.

mod faults;
mod gate;
mod part;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mailvault::sample::{Message, Server};
use serde_json::Value;

use super::places::rclone::serve;
use super::support::client::pop3_fetch_all;
use super::support::dovecot::PASSWORD;
use super::support::missing;
use super::support::moto::Moto;
use super::support::sandbox::{Sandbox, stored};
use super::support::scene::{
    Account, json_lines, lines_of, message, pulled, sandbox, server, tree,
};

/// A secret that nothing may show.
const SECRET: &str = "hunter2hunter2";

fn letter(n: usize) -> Message {
    let body = format!("Dear Zebedee, this is letter number {n}.\r\n").repeat(20 + n % 7);
    let text = format!(
        "From: carol@example.org\r\nTo: ann@example.org\r\nSubject: meeting {n}\r\n\
         Message-ID: <{n}@example.org>\r\nDate: Tue, 6 Oct 2020 08:14:58 +0000\r\n\r\n{body}"
    );
    message(&format!("u{n}"), &text)
}

fn letters(numbers: std::ops::Range<usize>) -> Vec<Message> {
    numbers.map(letter).collect()
}

/// Makes a key; gives its public half.
fn key(sandbox: &Sandbox, file: &str) -> String {
    let path = sandbox.path(file);
    let made = Command::new("age-keygen").arg("-o").arg(&path).output();
    assert!(made.unwrap().status.success());
    public(&path)
}

/// Adds a place to the configuration.
fn add_place(sandbox: &Sandbox, name: &str, url: &str, more: &str) {
    let config = sandbox.path(".config/mailvault/config.toml");
    let recipient = key_of(sandbox);
    let text = fs::read_to_string(&config).unwrap();
    let table =
        format!("\n[offsite.{name}]\nurl = \"{url}\"\nrecipients = [\"{recipient}\"]\n{more}\n");
    fs::write(&config, text + &table).unwrap();
}

fn key_of(sandbox: &Sandbox) -> String {
    if !sandbox.path("key.txt").exists() {
        return key(sandbox, "key.txt");
    }
    public(&sandbox.path("key.txt"))
}

fn public(file: &Path) -> String {
    let shown = Command::new("age-keygen").arg("-y").arg(file).output();
    String::from_utf8(shown.unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned()
}

/// The address of a folder next to the vault, whose parent is there.
fn folder(sandbox: &Sandbox) -> String {
    fs::create_dir_all(sandbox.path("disk")).unwrap();
    format!("file://{}", sandbox.path("disk/copy").display())
}

/// The words of the test, as somebody reads them with the program age.
fn words(sandbox: &Sandbox, place: &str) -> String {
    let name = format!("offsite/{place}/test.age");
    let read = Command::new("age")
        .args(["-d", "-i"])
        .args([sandbox.path("key.txt"), sandbox.vault().join(name)])
        .output()
        .unwrap();
    assert!(
        read.status.success(),
        "{}",
        String::from_utf8_lossy(&read.stderr)
    );
    let text = String::from_utf8(read.stdout).unwrap();
    text.lines()
        .find_map(|line| line.strip_prefix("    "))
        .unwrap()
        .to_owned()
}

/// A vault with the first messages of a server that has more.
fn partly_pulled(first: usize, all: usize) -> (Sandbox, Server) {
    let server = server(letters(0..all));
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let first = first.to_string();
    run(&sandbox, &["pull", "--create", "--limit", &first]);
    (sandbox, server)
}

/// How many messages the server still has.
fn left(server: &Server) -> usize {
    pop3_fetch_all(server.addr(), Server::USER, PASSWORD).len()
}

/// A vault with 40 messages and a place that is set up.
fn with_place(url: impl Fn(&Sandbox) -> String, more: &str) -> (Sandbox, Server) {
    with_place_of(40, url, more)
}

/// The same, of a server that has so many.
fn with_place_of(all: usize, url: impl Fn(&Sandbox) -> String, more: &str) -> (Sandbox, Server) {
    let (sandbox, server) = partly_pulled(40, all);
    let url = url(&sandbox);
    add_place(&sandbox, "b2", &url, more);
    let _ = sandbox.run(&["offsite", "init", "b2"]).expect_code(0);
    (sandbox, server)
}

fn run(sandbox: &Sandbox, args: &[&str]) {
    let _ = sandbox.run(args).expect_code(0);
}

fn one(sandbox: &Sandbox, args: &[&str], kind: &str) -> Value {
    let mut lines = lines_of(sandbox, args, kind);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

/// Everything from setting up to a vault that is restored and goes on.
fn there_and_back(sandbox: &Sandbox, server: &Server) {
    let status = one(sandbox, &["offsite", "status"], "place_status");
    assert_eq!(
        (&status["head"], &status["waiting"]),
        (&0.into(), &40.into())
    );
    assert_eq!(status["rehearsed"], Value::Null);
    let words = words(sandbox, "b2");
    run(sandbox, &["offsite", "init", "b2", "--words", &words]);
    let planned = one(sandbox, &["offsite", "push", "-n"], "push_plan");
    assert_eq!(planned["messages"], 40);
    let pushed = one(sandbox, &["offsite", "push"], "push");
    assert_eq!(
        (&pushed["messages"], &pushed["head"]),
        (&40.into(), &1.into())
    );
    let nothing = one(sandbox, &["offsite", "push", "b2"], "push");
    assert_eq!(
        (&nothing["objects"], &nothing["head"]),
        (&0.into(), &1.into())
    );
    let status = one(sandbox, &["offsite", "status"], "place_status");
    assert_eq!(status["waiting"], 0);
    assert!(status["rehearsed"].is_string());
    let heads = lines_of(sandbox, &["offsite", "list", "b2"], "place_push");
    assert_eq!(heads.len(), 1);
    run(sandbox, &["offsite", "verify", "b2"]);
    let key = sandbox.path("key.txt").display().to_string();
    let verify = ["offsite", "verify", "b2", "--read-data", "--identity", &key];
    assert_eq!(one(sandbox, &verify, "summary")["messages"], 40);
    let vault = sandbox.vault();
    let before = sandbox.messages("work");
    assert_eq!(before.len(), 40);
    let ledger = tree(&vault.join("ledger"));
    fs::remove_dir_all(&vault).unwrap();
    let target = vault.display().to_string();
    run(
        sandbox,
        &["offsite", "restore", "b2", &target, "--identity", &key],
    );
    assert!(before == sandbox.messages("work"));
    for (name, bytes) in tree(&vault.join("ledger")) {
        assert!(bytes.starts_with(&ledger[&name]), "{name}");
    }
    run(sandbox, &["verify", "--read-data"]);
    let again = one(sandbox, &["pull"], "summary");
    assert_eq!((&again["new"], &again["bytes"]), (&0.into(), &0.into()));
    // What is known of the place was lost with the vault.
    let _ = sandbox.run(&["offsite", "push"]).expect_code(15);
    run(sandbox, &["offsite", "init", "b2", "--identity", &key]);
    let _ = server;
    let records = one(sandbox, &["offsite", "push"], "push");
    assert_eq!(
        (&records["messages"], &records["head"]),
        (&0.into(), &2.into())
    );
}

#[test]
fn a_vault_goes_to_a_folder_and_comes_back() {
    if missing("age") {
        return;
    }
    let (sandbox, server) = with_place(folder, "");
    there_and_back(&sandbox, &server);
}

#[test]
fn a_vault_goes_to_object_storage_and_comes_back_and_no_secret_is_shown() {
    let Some(moto) = Moto::start() else { return };
    if missing("age") {
        return;
    }
    moto.make_bucket("bucket", true);
    let (mut sandbox, server) = pulled(letters(0..40));
    sandbox.mask_port(moto.port);
    sandbox.write("keys", format!("KEYID\n{SECRET}\n"), 0o600);
    let more = format!(
        "endpoint = \"http://127.0.0.1:{}\"\ncredentials_file = \"{}\"",
        moto.port,
        sandbox.path("keys").display()
    );
    add_place(&sandbox, "b2", "s3://bucket/mail/ann", &more);
    let told = sandbox
        .run(&["offsite", "init", "b2", "-vv"])
        .expect_code(0);
    let told = format!("{}{}", told.stdout(), told.stderr());
    assert!(
        told.contains("refuses to overwrite") && told.contains("keeps earlier versions"),
        "{told}"
    );
    assert!(!told.contains(SECRET), "{told}");
    there_and_back(&sandbox, &server);
    // On an empty machine there is no configuration.
    let mut empty = Sandbox::new();
    empty
        .env("AWS_ACCESS_KEY_ID", "KEYID")
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    let (key, dir) = (sandbox.path("key.txt"), empty.path("new"));
    let (key, dir) = (key.display().to_string(), dir.display().to_string());
    let endpoint = format!("http://127.0.0.1:{}", moto.port);
    let restore = [
        "offsite",
        "restore",
        "s3://bucket/mail/ann",
        &dir,
        "--identity",
        &key,
    ];
    run(&empty, &[&restore[..], &["--endpoint", &endpoint]].concat());
    assert_eq!(stored(&empty.path("new/mail/work")).len(), 40);
}

#[test]
fn a_vault_goes_by_way_of_rclone_and_comes_back() {
    if missing("age") || missing("rclone") {
        return;
    }
    let url = |sandbox: &Sandbox| {
        fs::create_dir_all(sandbox.path("nas")).unwrap();
        format!("rclone::local:{}", sandbox.path("nas").display())
    };
    let (sandbox, server) = with_place(url, "");
    there_and_back(&sandbox, &server);
}

/// The same by way of a server of this kind, which rclone starts and reaches.
fn by_way_of(kind: &str) {
    if missing("age") || missing("rclone") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (_serving, program) = serve(kind, dir.path());
    let (mut sandbox, server) = partly_pulled(40, 40);
    sandbox.env("RCLONE_CONFIG", program.config.unwrap());
    add_place(&sandbox, "b2", "rclone:nas:mail", "");
    run(&sandbox, &["offsite", "init", "b2"]);
    there_and_back(&sandbox, &server);
    assert!(files(&dir.path().join("served/mail")).len() > 5);
}

#[test]
fn a_vault_goes_over_sftp_and_comes_back() {
    by_way_of("sftp");
}

#[test]
fn a_vault_goes_over_webdav_and_comes_back() {
    by_way_of("webdav");
}

/// All files below a folder.
fn files(root: &Path) -> Vec<PathBuf> {
    tree(root).into_keys().map(|name| root.join(name)).collect()
}

#[test]
fn nothing_readable_is_in_the_place() {
    let (sandbox, _server) = with_place(folder, "");
    run(&sandbox, &["offsite", "push"]);
    sandbox.write(
        "a.eml",
        "From: zebedee@example.org\r\n\r\nmeeting\r\n",
        0o600,
    );
    let file = sandbox.path("a.eml").display().to_string();
    run(&sandbox, &["import", &file, "--account", "second"]);
    run(&sandbox, &["offsite", "push"]);
    let copy = sandbox.path("disk/copy");
    assert!(files(&copy).len() > 5);
    for file in files(&copy) {
        let mut text = String::from_utf8_lossy(&fs::read(&file).unwrap()).to_lowercase();
        text += &file.strip_prefix(&copy).unwrap().display().to_string();
        for word in [
            "carol",
            "ann@",
            "example.org",
            "meeting",
            "zebedee",
            "inbox",
            "second",
            "127.0.0.1",
        ] {
            assert!(!text.contains(word), "{word} in {}", file.display());
        }
    }
}

/// The commands of README.txt, in the order in which they stand there.
#[test]
fn the_copy_is_read_by_hand_as_its_readme_says() {
    if missing("age") || missing("zstd") {
        return;
    }
    let (sandbox, _server) = with_place(folder, "");
    run(&sandbox, &["offsite", "push"]);
    let copy = sandbox.path("disk/copy");
    let readme = fs::read_to_string(copy.join("README.txt")).unwrap();
    let lines = readme.lines().filter_map(|line| line.strip_prefix("    "));
    let lines: Vec<&str> = lines
        .skip_while(|line| !line.starts_with("mkdir"))
        .take_while(|line| !line.starts_with("b3sum"))
        .collect();
    let script = lines
        .join("\n")
        .replace("/path/to/this/copy", &copy.display().to_string())
        .replace(
            "/path/to/key.txt",
            &sandbox.path("key.txt").display().to_string(),
        );
    let done = Command::new("bash")
        .args(["-ec", &script])
        .current_dir(sandbox.home())
        .status();
    assert!(done.unwrap().success(), "{script}");
    let mut by_hand: Vec<Vec<u8>> = tree(&sandbox.path("mail"))
        .into_iter()
        .filter(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "eml"))
        .map(|(_, bytes)| bytes)
        .collect();
    let mut here: Vec<Vec<u8>> = sandbox
        .messages("work")
        .into_iter()
        .map(|message| message.bytes)
        .collect();
    by_hand.sort();
    here.sort();
    assert_eq!(by_hand.len(), 40);
    assert!(by_hand == here);
}

#[test]
fn a_push_that_another_one_runs_beside_waits_for_nobody() {
    let (sandbox, _server) = with_place(folder, "");
    let lock = sandbox.vault().join("offsite/b2/lock");
    let file = fs::File::options().write(true).open(lock).unwrap();
    file.lock().unwrap();
    let out = sandbox.run(&["offsite", "push"]).expect_code(11);
    assert!(out.stderr().contains("another push"), "{}", out.stderr());
}

#[test]
fn a_pull_pushes_what_it_fetched() {
    let (sandbox, _server) = with_place_of(45, folder, "");
    run(&sandbox, &["offsite", "push"]);
    let lines = json_lines(
        &sandbox
            .run(&["pull", "--push", "--json"])
            .expect_code(0)
            .stdout,
    );
    let push = lines.iter().find(|line| line["type"] == "push").unwrap();
    assert_eq!(push["messages"], 5);
    assert_eq!(lines.last().unwrap()["push"], "ok");
    let status = one(&sandbox, &["offsite", "status"], "place_status");
    assert_eq!(status["waiting"], 0);
}

/// Files of all kinds of damage, one of them lost long ago, and a message whose copies lie in two
/// folders.
#[test]
fn what_is_damaged_here_comes_back_from_the_copy_to_the_byte() {
    let (sandbox, _server) = with_place(folder, "");
    run(&sandbox, &["offsite", "push"]);
    // The server does not give them back.
    run(&sandbox, &["purge", "work", "--all", "--yes"]);
    let before = sandbox.messages("work");
    let cur = sandbox.vault().join("mail/work/cur");
    let damaged: Vec<PathBuf> = files(&cur).into_iter().step_by(5).collect();
    assert_eq!(damaged.len(), 8);
    for (n, file) in damaged.iter().enumerate() {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        match n % 4 {
            0 => fs::remove_file(file).unwrap(),
            1 => {
                bytes[middle] ^= 0x20;
                fs::write(file, bytes).unwrap();
            }
            2 => fs::write(file, &bytes[..middle]).unwrap(),
            _ => fs::write(file, b"").unwrap(),
        }
        if n == 3 {
            // The first four are recorded as lost before.
            let _ = sandbox
                .run(&["verify", "--read-data", "--repair"])
                .expect_code(20);
        }
    }
    let key = sandbox.path("key.txt").display().to_string();
    let shown = sandbox.run(&["verify", "--read-data"]).expect_code(20);
    assert!(
        shown.stdout().contains("--from b2 --identity"),
        "{}",
        shown.stdout()
    );
    let heal = [
        "verify",
        "--read-data",
        "--repair",
        "--from",
        "b2",
        "--identity",
        &key,
    ];
    let out = sandbox.run(&heal).expect_code(0);
    assert!(
        out.stdout().contains("b2: 8 messages put back"),
        "{}",
        out.stdout()
    );
    assert!(before == sandbox.messages("work"));
    run(&sandbox, &["verify", "--read-data"]);
    let again = one(&sandbox, &heal, "put_back");
    assert_eq!((&again["asked"], &again["bytes"]), (&0.into(), &0.into()));
    let other = key_file(&sandbox, "other.txt");
    fs::remove_file(&damaged[0]).unwrap();
    let heal = ["verify", "--repair", "--from", "b2", "--identity", &other];
    let out = sandbox.run(&heal).expect_code(12);
    assert!(
        out.stderr().contains("does not open the copy"),
        "{}",
        out.stderr()
    );
}

/// A key that is not that of the place.
fn key_file(sandbox: &Sandbox, name: &str) -> String {
    key(sandbox, name);
    sandbox.path(name).display().to_string()
}

#[test]
fn an_earlier_state_is_restored_by_its_number_or_its_day() {
    let (sandbox, _server) = with_place_of(45, folder, "");
    run(&sandbox, &["offsite", "push"]);
    run(&sandbox, &["pull", "--push"]);
    let key = sandbox.path("key.txt").display().to_string();
    let head = one(&sandbox, &["offsite", "list", "b2"], "summary");
    assert_eq!(head["pushes"], 2);
    let day = chrono::Utc::now().format("%Y-%m-%d").to_string();
    fs::create_dir(sandbox.path("here")).unwrap();
    for (at, messages) in [("1", 40), ("2", 45), (&*day, 45)] {
        let dir = sandbox.path(format!("here/../at-{at}"));
        let dir = dir.display().to_string();
        run(
            &sandbox,
            &[
                "offsite",
                "restore",
                "b2",
                &dir,
                "--identity",
                &key,
                "--at",
                at,
            ],
        );
        assert_eq!(stored(&Path::new(&dir).join("mail/work")).len(), messages);
    }
    let dir = sandbox.path("none").display().to_string();
    let restore = ["offsite", "restore", "b2", &dir, "--identity", &key, "--at"];
    for (at, code) in [
        ("3", 18),
        ("2020-01-31", 18),
        ("0", 18),
        ("soon", 2),
        ("2020-13-01", 2),
    ] {
        let _ = sandbox
            .run(&[&restore[..], &[at]].concat())
            .expect_code(code);
    }
    assert!(!sandbox.path("none/vault.toml").exists());
}
