//! The files of an `SQLite` database, looked at before `SQLite` opens them: it follows what
//! is at their names, and does what a journal says.

use std::fmt::Write as _;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::failed;
use crate::base::error::{Error, Result};
use crate::base::fsx;

/// What `SQLite` appends to the name of a database, for its own file first.
const ENDS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// How a journal ends that names another file, which `SQLite` removes when it is done.
const NAMES_ANOTHER: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

fn names(path: &Path) -> [PathBuf; 4] {
    ENDS.map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    })
}

/// True if the database is there; refuses anything but files at its names.
pub(super) fn exists(path: &Path) -> Result<bool> {
    let [main, wal, shm, journal] = names(path);
    for file in [wal, shm] {
        fsx::is_file(&file)?;
    }
    if fsx::is_file(&journal)? && names_another(&journal)? {
        return Err(Error::Strange {
            path: journal,
            what: "a journal of several databases",
        });
    }
    fsx::is_file(&main)
}

fn names_another(journal: &Path) -> Result<bool> {
    let mut file = fsx::open(journal)?;
    let mut end = [0; NAMES_ANOTHER.len()];
    let offset = i64::try_from(end.len()).unwrap_or(0);
    let read = match file.seek(SeekFrom::End(-offset)) {
        Ok(_) => file.read_exact(&mut end),
        // Too short to name anything.
        Err(_) => return Ok(false),
    };
    read.map_err(|e| Error::file("read", journal, e))?;
    Ok(end == NAMES_ANOTHER)
}

/// Removes the names of a database that is to be rebuilt; what links point to stays.
pub(in crate::vault) fn discard(path: &Path) -> Result<()> {
    for name in names(path) {
        if fsx::look(&name)?.is_some() {
            fsx::remove(&name)?;
        }
    }
    Ok(())
}

/// Opens a database whose names were looked at, to write to it.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    with(path, flags)
}

/// The same, to read it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection> {
    with(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// True if nobody can write to a database now, as on a disk that is mounted for reading only.
/// Another machine may write to what it shares with us.
pub(super) fn is_frozen(path: &Path) -> bool {
    let [_, wal, _, journal] = names(path);
    let is_left = |path: &PathBuf| fsx::look(path).map_or(true, |file| file.is_some());
    let left = [wal, journal].iter().any(is_left);
    !left && fsx::is_read_only(path) && !fsx::is_network(path)
}

/// Opens a database to which nobody can write. `SQLite` creates no file next to it.
pub(super) fn open_frozen(path: &Path) -> Result<Connection> {
    exists(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(frozen_uri(path), flags).map_err(|e| failed(path, e))
}

/// The name by which `SQLite` opens a database as one to which nobody can write
/// (sqlite.org/uri.html).
pub(super) fn frozen_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri + "?immutable=1"
}

/// Copies a database, with what its journals say.
pub(super) fn copy(path: &Path, copy: &Path) -> Result<()> {
    exists(path)?;
    let [main, wal, _, journal] = names(path);
    let [main_copy, wal_copy, _, journal_copy] = names(copy);
    for (from, to) in [(journal, journal_copy), (main, main_copy), (wal, wal_copy)] {
        if fsx::is_file(&from)? {
            let (mut read, mut written) = (fsx::open(&from)?, fsx::create_new(&to)?);
            io::copy(&mut read, &mut written).map_err(|e| Error::file("copy to", &to, e))?;
        }
    }
    Ok(())
}

fn with(path: &Path, flags: OpenFlags) -> Result<Connection> {
    exists(path)?;
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(path, flags).map_err(|e| failed(path, e))
}
