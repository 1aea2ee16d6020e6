//! The calls of a pull as strace tells them, and what may happen at one of them.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;

/// Calls that change files, and those that send.
pub(crate) const CALLS: &str = "openat,write,pwrite64,writev,ftruncate,utimensat,fallocate,\
    fdatasync,fsync,syncfs,link,linkat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,\
    rmdir,sendto";

/// A file that has no name yet. Linux shows it as `#` and a number that is another in each run,
/// so a fault cannot be limited to its path: it strikes by the call, `writev` or `utimensat`,
/// which a pull over POP3 uses for files without a name alone where it makes such files.
pub(crate) const UNNAMED: &str = "(unnamed)";

/// One call of a pull.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) call: String,
    /// Below the vault, with `$$` for the pid; none for a socket.
    pub(crate) path: Option<String>,
    pub(crate) n: usize,
    /// Whether the call opens a file to read it, which needs no room.
    pub(crate) reads: bool,
}

/// What happens to a pull.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) call: String,
    /// The path it is limited to, as in [`Point`]; `*` for all that are known.
    pub(super) path: Option<String>,
    /// `signal=KILL:when=3` and such.
    pub(super) what: String,
    /// What of the bytes of the killed write reaches the disk.
    pub(super) torn: Option<Torn>,
}

/// How much of a write that is killed is done.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Torn {
    Half,
    AllButOneByte,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.as_deref().unwrap_or("socket");
        write!(f, "{} {path} {}", self.call, self.what)?;
        match self.torn {
            Some(torn) => write!(f, " {torn:?}"),
            None => Ok(()),
        }
    }
}

impl Fault {
    /// Whether no run can end without it: the first call of a kind, whichever thread makes it.
    pub(super) fn must_be_met(&self) -> bool {
        let first = self.what.ends_with(":when=1") || self.what.ends_with(":when=1+");
        self.call == "writev" && first
    }
}

impl Point {
    /// A fault at this call and no other.
    pub(super) fn fault(&self, what: &str) -> Fault {
        Fault {
            call: self.call.clone(),
            path: self.path.clone(),
            what: format!("{what}:when={}", self.n),
            torn: None,
        }
    }

    pub(super) fn is_unnamed(&self) -> bool {
        self.path.as_deref() == Some(UNNAMED)
    }

    /// Whether it is about a message file or its folder.
    pub(super) fn is_of_mail(&self) -> bool {
        self.path
            .as_ref()
            .is_some_and(|path| path.starts_with("/mail/"))
    }

    pub(super) fn writes(&self) -> bool {
        matches!(self.call.as_str(), "write" | "pwrite64")
    }
}

/// The points of a log that `strace -f -y -o` wrote.
pub(crate) fn points(log: &str, vault: &str, calls: &str) -> Vec<Point> {
    let pid = log.split(' ').next().unwrap();
    let mut counts: BTreeMap<(String, String, Option<String>), usize> = BTreeMap::new();
    let mut points = Vec::new();
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let Some((call, arguments)) = rest.trim_start().split_once('(') else {
            continue;
        };
        if !calls.split(',').any(|known| known == call) {
            continue;
        }
        let path = path_in(call, arguments, vault).map(|path| {
            let name = path.rsplit('/').next().unwrap();
            // Whether strace puts `(deleted)` inside of the brackets or after them.
            if name.starts_with('#') {
                return UNNAMED.to_owned();
            }
            let of_pid = name.strip_prefix(pid).is_some_and(|n| n.starts_with('.'));
            if of_pid {
                path.replace(&format!("/{pid}."), "/$$.")
            } else {
                path
            }
        });
        if path.is_none() && !["sendto", "recvfrom"].contains(&call) {
            continue;
        }
        let key = (thread.to_owned(), call.to_owned(), path.clone());
        let n = counts.entry(key).or_default();
        *n += 1;
        let reads = call == "openat" && arguments.contains("O_RDONLY");
        let (call, n) = (call.to_owned(), *n);
        points.push(Point {
            call,
            path,
            n,
            reads,
        });
    }
    points.sort();
    points.dedup();
    points
}

/// The first path below the vault that a call names, from there: quoted, or as what a
/// descriptor is. A link is known by the name that it gives.
fn path_in(call: &str, arguments: &str, vault: &str) -> Option<String> {
    let mut starts: Vec<usize> = arguments.match_indices(vault).map(|(at, _)| at).collect();
    if call == "linkat" {
        starts.reverse();
    }
    for at in starts {
        let end = match arguments[..at].chars().next_back()? {
            '"' => '"',
            '<' => '>',
            _ => continue,
        };
        let path = arguments[at..].split(end).next()?;
        let below = &path[vault.len()..];
        if below.is_empty() || below.starts_with('/') {
            return Some(below.to_owned());
        }
    }
    None
}

/// Does part of the write at which a pull was killed, from a log that
/// `strace -y -xx -s 1000000` wrote. False if it was not killed at one.
pub(crate) fn tear(log: &str, torn: Torn) -> bool {
    // Its end may have a line of its own, without the arguments.
    let begins = |line: &&str| line.contains("write") && !line.contains("resumed>");
    let unfinished = |line: &&str| line.ends_with(" = ?") || line.ends_with("<unfinished ...>");
    let line = log.lines().rev().filter(begins).find(unfinished);
    let Some((call, arguments)) = line.and_then(|line| line.split_once('(')) else {
        return false;
    };
    let (path, arguments) = arguments.split_once('>').unwrap();
    let path = unhex(path.split_once('<').unwrap().1);
    let (bytes, arguments) = arguments
        .trim_start_matches(", \"")
        .split_once('"')
        .unwrap();
    let bytes = unhex(bytes);
    let done = match torn {
        Torn::Half => bytes.len() / 2,
        Torn::AllButOneByte => bytes.len() - 1,
    };
    let path = Path::new(std::str::from_utf8(&path).unwrap());
    // Another thread may have removed or renamed it before all of them were killed.
    let mut file = match OpenOptions::new().write(true).open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return false,
        file => file.unwrap(),
    };
    // `, length)` or `, length, offset)`; whoever gives no offset writes at the end.
    let offset = call.contains("pwrite64").then(|| {
        let arguments = arguments.split([')', '<']).next().unwrap();
        let offset = arguments.trim_end().rsplit(' ').next().unwrap();
        offset.parse().unwrap()
    });
    let place = offset.map_or(SeekFrom::End(0), SeekFrom::Start);
    file.seek(place).unwrap();
    file.write_all(&bytes[..done]).unwrap();
    true
}

/// The bytes of `\x41\x42`.
fn unhex(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}
