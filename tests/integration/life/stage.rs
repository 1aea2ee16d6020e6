//! A vault, the program, and a modelled account that it reads over POP3 or IMAP.

use std::collections::BTreeMap;

use super::ageing::age;
use super::line::{Served, SharedAccount, locked};
use super::model::{Fault, ModelAccount, ServerKind};
use super::{imap, pop3};
use crate::support::output::{Ended, Output};
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, configure, json_lines, sandbox};

/// The protocol by which the program reads the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Pop3,
    Imap,
}

/// The scene of a history.
pub(crate) struct Stage {
    pub(crate) account: SharedAccount,
    pub(crate) sandbox: Sandbox,
    pop3: Served,
    imap: Served,
    way: Way,
    keys: Vec<(&'static str, String)>,
}

impl Stage {
    /// An account that is empty, and a vault that is not there yet.
    pub(crate) fn new(way: Way, kind: ServerKind) -> Self {
        let account = SharedAccount::new(ModelAccount::new(kind).into());
        let (pop3, imap) = (pop3::serve(&account), imap::serve(&account));
        let mut stage = Self {
            account,
            sandbox: sandbox(&[]),
            pop3,
            imap,
            way,
            keys: Vec::new(),
        };
        stage.read_over(way);
        stage
    }

    /// Reads the account over this protocol from now on.
    pub(crate) fn read_over(&mut self, way: Way) {
        self.way = way;
        let (port, protocol, covers) = match way {
            Way::Pop3 => (self.pop3.port(), "\"pop3\"", "\"inbox\""),
            Way::Imap => (self.imap.port(), "\"imap\"", "\"account\""),
        };
        let mut account = Account::new("work", port, "ann")
            .with("protocol", protocol)
            .with("covers", covers)
            .with("retries", "1");
        for (key, value) in &self.keys {
            account = account.with(key, value);
        }
        configure(&self.sandbox, &[account]);
    }

    /// Sets a key of the account; `value` is TOML.
    pub(crate) fn set(&mut self, key: &'static str, value: &str) {
        self.keys.push((key, value.to_owned()));
        self.read_over(self.way);
    }

    /// Delivers a message.
    pub(crate) fn deliver(&self, folder: &str, bytes: &[u8]) -> u32 {
        locked(&self.account).deliver(folder, bytes)
    }

    /// Delivers so many ordinary letters, and pulls them: the server's sizes are known then.
    #[track_caller]
    pub(crate) fn settle(&self, letters: usize) {
        for n in 0..letters {
            self.deliver(
                "INBOX",
                &letter(&format!("settled {n}"), &"filling ".repeat(n + 1)),
            );
        }
        let _ = self.run(&["pull"]).expect_code(0);
        locked(&self.account).take_bodies();
    }

    /// Something is wrong with the server's sessions from now on.
    pub(crate) fn fault(&self, fault: Fault) {
        locked(&self.account).faults.push(fault);
    }

    /// Nothing is wrong any more.
    pub(crate) fn recover(&self) {
        locked(&self.account).faults.clear();
    }

    /// Runs the program.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let create: &[&str] = match args {
            ["pull", ..] if !self.sandbox.vault().exists() => &["--create"],
            _ => &[],
        };
        self.sandbox.run(&[args, create].concat())
    }

    /// The exit codes of a pull, and of what follows it.
    #[track_caller]
    pub(crate) fn expect(&self, steps: &[(&str, i32)]) {
        for (n, (step, code)) in steps.iter().enumerate() {
            let output = self.step(step);
            assert!(
                output.ended == Ended::Exit(*code),
                "step {n}, {step}, was to end {code}\n{output}"
            );
        }
    }

    fn step(&self, step: &str) -> Output {
        self.run(match step {
            "pull" => &["pull"],
            "audit" => &["audit", "work"],
            "purge" => &["purge", "work", "--all", "--yes"],
            "verify" => &["verify", "--read-data"],
            other => panic!("no step: {other}"),
        })
    }

    /// The contents of the vault, with their folders, superseded ones among them.
    pub(crate) fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let stored = self.sandbox.messages("work").into_iter();
        stored.map(|stored| (stored.folder, stored.bytes)).collect()
    }

    /// True if the vault has these very bytes.
    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
        self.stored().iter().any(|(_, stored)| stored == bytes)
    }

    /// The vault must have each of these.
    #[track_caller]
    pub(crate) fn holds<T: AsRef<[u8]>>(&self, all: impl IntoIterator<Item = T>) {
        let stored = self.stored();
        let all: Vec<T> = all.into_iter().collect();
        let missing: Vec<String> = all
            .iter()
            .filter(|bytes| !stored.iter().any(|(_, stored)| stored == bytes.as_ref()))
            .map(|bytes| String::from_utf8_lossy(bytes.as_ref()).into_owned())
            .collect();
        assert!(
            missing.is_empty(),
            "{} of {} are not in the vault; the first:\n{}",
            missing.len(),
            all.len(),
            missing[0]
        );
    }

    /// How many messages a search finds.
    #[track_caller]
    pub(crate) fn found(&self, query: &[&str]) -> usize {
        let output = self.run(&[&["search", "--json"], query].concat());
        let lines = json_lines(&output.stdout);
        lines
            .iter()
            .filter(|line| line["type"] == "message")
            .count()
    }

    /// The bodies that the server sent since this was asked last.
    pub(crate) fn bodies(&self) -> BTreeMap<(String, u32), u32> {
        locked(&self.account).take_bodies()
    }

    /// How many messages the server shows.
    pub(crate) fn left(&self) -> usize {
        locked(&self.account).count()
    }

    /// Whatever was deleted on the server must be in the vault.
    #[track_caller]
    pub(crate) fn nothing_lost(&self) {
        let deleted = locked(&self.account).deleted.clone();
        self.holds(deleted.iter().map(|deleted| &deleted.key.1));
    }

    /// Lets so many hours pass.
    pub(crate) fn age(&self, hours: i64) {
        age(&self.sandbox.vault(), hours);
    }
}

/// A letter with this subject, which is its Message-ID too, and body.
pub(crate) fn letter(subject: &str, body: &str) -> Vec<u8> {
    let id = subject.replace(' ', ".");
    format!(
        "From: ann@example.org\r\nTo: bob@example.org\r\nSubject: {subject}\r\n\
         Date: Mon, 7 Mar 2016 10:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n\r\n{body}\r\n"
    )
    .into_bytes()
}
