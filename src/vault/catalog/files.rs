//! The files of an `SQLite` database, looked at before `SQLite` opens them: it follows what
//! lies at their names, and does what a journal tells it.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::failed;
use crate::base::error::{Error, Result};
use crate::base::fsx;

/// What `SQLite` puts behind the name of a database, for its own file first.
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

/// Removes the names of a database that is to be made anew; what links lead to stays.
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

fn with(path: &Path, flags: OpenFlags) -> Result<Connection> {
    exists(path)?;
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Connection::open_with_flags(path, flags).map_err(|e| failed(path, e))
}
