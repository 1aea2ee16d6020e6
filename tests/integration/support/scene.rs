//! Accounts of a sandbox in the clear on this machine, mail for them, and what is
//! left of a vault when nothing has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mailvault::sample::{Message, Server};
use serde_json::Value;

use super::dovecot::PASSWORD;
use super::sandbox::{Child, Sandbox};
use super::tls::authority;

/// Accounts as the configuration has them.
pub(crate) struct Account {
    name: &'static str,
    keys: BTreeMap<String, String>,
}

impl Account {
    /// An account on a port of 127.0.0.1 in the clear, with the password of all tests.
    pub(crate) fn new(name: &'static str, port: u16, user: &str) -> Self {
        let account = Self {
            name,
            keys: BTreeMap::new(),
        };
        account
            .with("host", "\"127.0.0.1\"")
            .with("port", &port.to_string())
            .with("tls", "\"none\"")
            .with("user", &format!("\"{user}\""))
            .with("password_file", "\"$HOME/.password\"")
    }

    /// An account of this sample server.
    pub(crate) fn of(name: &'static str, server: &Server) -> Self {
        Self::new(name, server.addr().port(), Server::USER)
    }

    /// Sets a key; `value` is TOML.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.keys.insert(key.to_string(), value.to_string());
        self
    }

    /// Takes a key away.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.keys.remove(key);
        self
    }

    fn toml(&self) -> String {
        let keys: String = self
            .keys
            .iter()
            .map(|(key, value)| format!("{key} = {value}\n"))
            .collect();
        format!("\n[accounts.{}]\n{keys}", self.name)
    }
}

/// A sandbox with these accounts, their password and `$HOME/ca.pem`; the vault is
/// configured and not there yet.
pub(crate) fn sandbox(accounts: &[Account]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".password", format!("{PASSWORD}\n"), 0o600);
    sandbox.write("ca.pem", &authority().ca_pem, 0o644);
    configure(&sandbox, accounts);
    sandbox
}

/// Writes the configuration anew.
pub(crate) fn configure(sandbox: &Sandbox, accounts: &[Account]) {
    let accounts: String = accounts.iter().map(Account::toml).collect();
    sandbox.config(&format!("vault = \"$HOME/vault\"\n{accounts}"));
}

/// A sample server with the password of all tests.
pub(crate) fn server(messages: Vec<Message>) -> Server {
    Server::start_with(messages, PASSWORD).unwrap()
}

/// A message as a sample server takes it.
pub(crate) fn message(uidl: &str, text: &str) -> Message {
    Message {
        uidl: uidl.to_string(),
        bytes: text.as_bytes().to_vec(),
    }
}

/// A sandbox with a vault into which these messages were pulled as the account `work`.
pub(crate) fn pulled(messages: Vec<Message>) -> (Sandbox, Server) {
    let server = server(messages);
    let sandbox = sandbox(&[Account::of("work", &server)]);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    (sandbox, server)
}

/// The same, pulled as the account `copy`, too, whose files are links to those of `work`.
pub(crate) fn pulled_twice(messages: Vec<Message>) -> (Sandbox, Server) {
    let (sandbox, server) = pulled(messages);
    let accounts = [
        Account::of("work", &server),
        Account::of("copy", &server).with("stored_as", "\"copy\""),
    ];
    configure(&sandbox, &accounts);
    let _ = sandbox.run(&["pull"]).expect_code(0);
    (sandbox, server)
}

/// Every file below a folder, by its path relative to it.
pub(crate) fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap();
                let name = name.to_str().unwrap().to_string();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Copies a folder with all in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    for (name, bytes) in tree(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// The JSON lines that a run printed. Each must be one, of format 1, and the last the
/// summary.
#[track_caller]
pub(crate) fn json_lines(stdout: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stdout).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    assert!(lines.iter().all(|line| line["v"] == 1), "{text}");
    let summaries = lines.iter().filter(|line| line["type"] == "summary");
    assert_eq!(summaries.count(), 1, "{text}");
    assert_eq!(lines.last().unwrap()["type"], "summary", "{text}");
    lines
}

/// The lines of a kind that a command prints for programs.
pub(crate) fn lines_of(sandbox: &Sandbox, args: &[&str], kind: &str) -> Vec<Value> {
    let args = [args, &["--json"]].concat();
    let lines = json_lines(&sandbox.run(&args).stdout);
    lines
        .into_iter()
        .filter(|line| line["type"] == kind)
        .collect()
}

/// The subjects that `list` shows.
pub(crate) fn subjects(sandbox: &Sandbox) -> BTreeSet<String> {
    let lines = lines_of(sandbox, &["list"], "message").into_iter();
    lines
        .map(|line| line["subject"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until a run that goes on has brought something about.
#[track_caller]
pub(crate) fn until(what: &str, mut there: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if there() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("waited for nothing: {what}");
}

/// Waits until this run holds the vault's lock.
#[track_caller]
pub(crate) fn until_locked(sandbox: &Sandbox, by: &Child) {
    let note = format!("process {}\n", by.id());
    until("the lock", || {
        fs::read_to_string(sandbox.vault().join("lock")).is_ok_and(|text| text == note)
    });
}
