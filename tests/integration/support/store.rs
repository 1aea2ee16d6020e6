//! How mail gets into the store of a server that runs in a jail.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use super::client::on_the_wire;
use super::jail::{Jail, USER, give};

/// Where a server has its mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// A file below `/var/mail`.
    Mbox,
    /// A Maildir in the home.
    Maildir,
    /// The spool of Cyrus, with an index.
    Cyrus,
}

impl Store {
    /// Delivers messages after those that are there, as those who deliver do: with LF for
    /// CR LF and, in an mbox, `>` before `From `; for Cyrus with CR LF.
    pub(crate) fn deliver<T: AsRef<[u8]>>(self, jail: &Jail, messages: &[T]) {
        match self {
            Self::Mbox => {
                let path = jail.path("var/mail").join(USER);
                let mut mbox = fs::read(&path).unwrap_or_default();
                for message in messages {
                    mbox.extend_from_slice(b"From ann@example.org Thu Jan  1 00:00:00 2004\n");
                    mbox.extend(in_an_mbox(message.as_ref()));
                    mbox.push(b'\n');
                }
                fs::write(&path, mbox).unwrap();
                give(&path);
            }
            Self::Maildir => {
                jail.folder(&format!("home/{USER}"));
                let [_, _, new] = ["", "/tmp", "/new"]
                    .map(|part| jail.folder(&format!("home/{USER}/Maildir{part}")));
                let cur = jail.folder(&format!("home/{USER}/Maildir/cur"));
                let files = |folder| fs::read_dir(folder).unwrap().count();
                let first = 1_000_000_000 + files(&new) + files(&cur);
                for (n, message) in messages.iter().enumerate() {
                    let file = new.join(format!("{}.{n}.example.org", first + n));
                    fs::write(&file, with_lf(message.as_ref())).unwrap();
                    give(&file);
                }
            }
            Self::Cyrus => {
                let folder = folder_with("cyrus.index", jail.path("cyrus/spool"));
                let folder = folder.expect("the INBOX");
                let number = |name: &str| name.strip_suffix('.')?.parse::<u32>().ok();
                let names = fs::read_dir(&folder).unwrap();
                let last = names
                    .filter_map(|entry| number(entry.unwrap().file_name().to_str()?))
                    .max();
                for (n, message) in (last.unwrap_or(0) + 1..).zip(messages) {
                    let file = folder.join(format!("{n}."));
                    fs::write(&file, on_the_wire(message.as_ref(), true)).unwrap();
                    give(&file);
                }
                let inbox = format!("user/{USER}");
                let mut index = jail.command("/usr/lib/cyrus/bin/reconstruct", &[&inbox]);
                let done = index.stdin(Stdio::null()).output().unwrap();
                assert!(done.status.success(), "{done:?}");
            }
        }
    }
}

/// A message with LF for each CR LF.
pub(crate) fn with_lf(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in message.split_inclusive(|b| *b == b'\n') {
        text.extend_from_slice(line.strip_suffix(b"\r\n").unwrap_or(line));
        if line.ends_with(b"\r\n") {
            text.push(b'\n');
        }
    }
    text
}

/// A message as it lies in an mbox.
pub(crate) fn in_an_mbox(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in with_lf(message).split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b"From ") {
            text.push(b'>');
        }
        text.extend_from_slice(line);
    }
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text
}

/// The first folder at or below this one that holds a file of this name.
fn folder_with(name: &str, folder: PathBuf) -> Option<PathBuf> {
    if folder.join(name).is_file() {
        return Some(folder);
    }
    let entries = fs::read_dir(&folder).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths.find_map(|path| path.is_dir().then(|| folder_with(name, path))?)
}
