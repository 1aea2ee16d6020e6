//! Databases of one run, for what may be too much for the memory. They spill to a temporary
//! file, of which nothing stays.

use rusqlite::Connection;

use super::failed;
use crate::base::error::{Error, Result};
use crate::base::fsx;

/// An empty database with these tables.
pub(in crate::vault) fn scratch(tables: &str) -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        let db = Connection::open("")?;
        db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
        db.execute_batch(tables)?;
        db.execute_batch("BEGIN")?;
        Ok(db)
    };
    open().map_err(failed_scratch)
}

pub(in crate::vault) fn failed_scratch(source: rusqlite::Error) -> Error {
    failed(&fsx::temporary(), source)
}
