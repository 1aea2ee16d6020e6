//! Vaults and places for the tests of pushes and restores.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::fault::CopyError;
use super::pack::{Identities, Recipients, fuzzing};
use super::place::{MemoryStore, ObjectName, ObjectStore};
use super::push::{PushOptions, PushReport, push};
use super::restore::{RestoreOptions, RestoreReport, restore};
use crate::archive::commit::{CommitRequest, Delivery, Route, start};
use crate::archive::dedupe::Policy;
use crate::mail::source::Uid;
use crate::vault::Writer;
use crate::vault::frame;
use crate::vault::ledger::{Evidence, LedgerEvent};
use crate::vault::maildir::{Packer, create_folder};

pub(super) static NEVER: AtomicBool = AtomicBool::new(false);

pub(super) fn identities() -> Identities {
    Identities::parse(fuzzing::KEY.as_bytes()).unwrap()
}

/// Numbers that look random and are the same for a seed.
pub(super) struct TestDice(u64);

impl TestDice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below this one.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// A vault in a folder of its own.
pub(super) struct TestVault {
    dir: tempfile::TempDir,
    uid: u32,
}

/// A message of about this length that hardly compresses.
pub(super) fn message(n: u32, length: usize) -> Vec<u8> {
    let mut bytes = format!("Subject: message {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\n");
    let mut noise = vec![0; length / 2];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&n.to_le_bytes());
    hasher.finalize_xof().fill(&mut noise);
    for (at, byte) in noise.iter().enumerate() {
        write!(bytes, "{byte:02x}").unwrap();
        if at % 36 == 35 {
            bytes += "\r\n";
        }
    }
    bytes.into_bytes()
}

impl TestVault {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Writer::create(&dir.path().join("vault")).unwrap();
        Self { dir, uid: 0 }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("vault")
    }

    pub(super) fn next_to(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn writer(&self) -> Writer {
        Writer::open(&self.path(), Duration::ZERO, &NEVER).unwrap()
    }

    /// Archives messages, as an account's folder has them.
    pub(super) fn deliver(&mut self, account: &str, dir: &str, messages: &[Vec<u8>]) {
        let mut writer = self.writer();
        let layout = writer.layout().clone();
        create_folder(&layout, account, "").unwrap();
        create_folder(&layout, account, dir).unwrap();
        let name = dir.trim_start_matches('.').replace('.', "/");
        let name = if name.is_empty() {
            "INBOX".into()
        } else {
            name
        };
        let folder = LedgerEvent::Folder {
            account: account.into(),
            dir: dir.into(),
            name: name.into_bytes().into(),
            delim: Some(b'/'),
            uidvalidity: 7,
        };
        writer.record(&[folder]).unwrap();
        let (queue, handle) = start(writer);
        let mut packer = Packer::new(&layout, account, 2, queue.staging()).unwrap();
        let route = Arc::new(Route {
            account: account.into(),
            server: "ann@mail.example.org:993".into(),
            dir: Some(dir.into()),
            policy: Policy::Exact,
        });
        for content in messages {
            self.uid += 1;
            let delivery = Delivery {
                route: Arc::clone(&route),
                uid: Uid::Imap {
                    uidvalidity: 7,
                    uid: self.uid,
                },
                octets: Some(content.len() as u64),
                packed: packer.whole(content).unwrap(),
                flags: ["", "S", "FS"][self.uid as usize % 3].into(),
                idate: Some(1_700_000_000 + i64::from(self.uid)),
                kw: String::new(),
                evidence: Evidence::Received,
                object: None,
            };
            assert!(queue.order(CommitRequest::Deliver(Box::new(delivery))));
        }
        drop(queue);
        drop(handle.join().unwrap().unwrap());
    }
}

/// A key that is not that of [`identities`].
pub(super) fn other_identities() -> Identities {
    let key = b"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    Identities::parse(key).unwrap()
}

/// How tests push to the place `b2`.
pub(super) fn push_options(recipients: &Recipients, rebuild: bool) -> PushOptions<'_> {
    PushOptions {
        name: "b2",
        recipients,
        level: 3,
        rebuild,
        stop: &NEVER,
    }
}

pub(super) fn push_to(vault: &Path, store: &ObjectStore) -> PushReport {
    let recipients = identities().recipients();
    push(vault, store, push_options(&recipients, false), &mut |_| {}).unwrap()
}

/// Restores the newest state with this key.
pub(super) fn restore_with(
    target: &Path,
    store: &ObjectStore,
    keys: &Identities,
) -> Result<RestoreReport, CopyError> {
    let options = RestoreOptions {
        destination: "b2",
        identities: keys,
        head: None,
        stop: &NEVER,
    };
    restore(store, target, options, &mut |_| {})
}

/// Everything below a folder: contents, and which files are one.
pub(super) fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else {
            let name = path.strip_prefix(root).unwrap().to_path_buf();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

/// Name, content, smallest name of the same file, and time.
pub(super) type MessageFile = (PathBuf, Vec<u8>, PathBuf, i64);

/// Each message file with its content, and the files that share one inode by their smallest name.
pub(super) fn messages(root: &Path) -> Vec<MessageFile> {
    let files = tree(&root.join("mail"));
    let names: Vec<&PathBuf> = files.keys().collect();
    let meta = |name: &PathBuf| fs::metadata(root.join("mail").join(name)).unwrap();
    let cur = names
        .iter()
        .filter(|name| name.parent().unwrap().ends_with("cur"));
    cur.map(|name| {
        let path = root.join("mail").join(name);
        let mut content = Vec::new();
        frame::open(&path)
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
        let ino = meta(name).ino();
        let first = names.iter().find(|other| meta(other).ino() == ino).unwrap();
        (
            (*name).clone(),
            content,
            (*first).clone(),
            meta(name).mtime(),
        )
    })
    .collect()
}

pub(super) fn memory(store: &ObjectStore) -> &MemoryStore {
    match store {
        ObjectStore::Memory(store) => store,
        _ => panic!("not in memory"),
    }
}

pub(super) fn new_memory() -> ObjectStore {
    ObjectStore::Memory(MemoryStore::default())
}

/// All that is in a place in memory.
pub(super) fn objects(store: &ObjectStore) -> BTreeMap<ObjectName, Vec<u8>> {
    memory(store).objects().clone()
}
