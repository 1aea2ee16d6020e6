//! What a restore has done so far: `restore/` below the new vault.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::vault::{RESTORE_BEGUN, RESTORE_NOTES, sweep_restore};

const FOLDER: &str = RESTORE_NOTES;
/// Which copy, and up to which head.
const COPY: &str = RESTORE_BEGUN;
/// The names of objects whose messages have theirs, a line each.
const DONE: &str = "done";
/// It is there when the ledger is.
const LEDGER: &str = "ledger";
/// It is there when the line `restored` was about to be written: the ledger's length before.
const RECORDING: &str = "recording";

/// The notes.
#[derive(Debug)]
pub(super) struct RestoreNotes {
    target: PathBuf,
    folder: PathBuf,
}

impl RestoreNotes {
    /// Opens the notes of a restore of this copy, or begins them in a folder that is empty.
    pub(super) fn open(target: &Path, copy: &str) -> Result<Self> {
        fsx::create_dir_all_durably(target)?;
        let target = fsx::resolve(target);
        let folder = target.join(FOLDER);
        let notes = Self {
            folder: folder.clone(),
            target: target.clone(),
        };
        let refused = |reason: &str| Error::Unfit {
            doing: "restore into",
            path: target.clone(),
            reason: reason.to_owned(),
            hint: None,
        };
        let path = folder.join(COPY);
        if fsx::is_file(&path)? {
            if fsx::read(&path)? != copy.as_bytes() {
                return Err(refused("a restore of another copy or head was begun there"));
            }
            return Ok(notes);
        }
        let foreign = |name: &&std::ffi::OsString| *name != FOLDER && *name != "lost+found";
        let names: Vec<_> = fsx::list(&target)?
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        if names.iter().any(|name| foreign(&name)) {
            if names.iter().any(|name| name == "vault.toml") {
                sweep_restore(&target)?;
            }
            return Err(refused("it is not empty"));
        }
        fsx::create_dir_all_durably(&folder)?;
        fsx::write_durably(&folder.join(DONE), b"")?;
        // Last: with it, what is there is continued.
        fsx::write_durably(&path, copy.as_bytes())?;
        Ok(notes)
    }

    pub(super) fn has_ledger(&self) -> Result<bool> {
        fsx::is_file(&self.folder.join(LEDGER))
    }

    pub(super) fn note_ledger(&self) -> Result<()> {
        fsx::write_durably(&self.folder.join(LEDGER), b"")
    }

    pub(super) fn done(&self) -> Result<HashSet<String>> {
        let text = fsx::read(&self.folder.join(DONE))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        // A line without its end was not written whole.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        Ok(whole.lines().map(str::to_owned).collect())
    }

    pub(super) fn note_done(&self, name: &str) -> Result<()> {
        // After the rest of a line that was not written whole, it must be a line of its own.
        fsx::append_durably(&self.folder.join(DONE), format!("\n{name}\n").as_bytes())
    }

    fn ledger_length(&self) -> Result<u64> {
        let folder = self.target.join("ledger");
        let mut length = 0;
        for (name, _) in fsx::list(&folder)? {
            length += fsx::length(&folder.join(name))?;
        }
        Ok(length)
    }

    pub(super) fn note_recording(&self) -> Result<()> {
        let length = self.ledger_length()?.to_string();
        fsx::write_durably(&self.folder.join(RECORDING), length.as_bytes())
    }

    /// True if the line `restored` is there.
    pub(super) fn is_recorded(&self) -> Result<bool> {
        let path = self.folder.join(RECORDING);
        if !fsx::is_file(&path)? {
            return Ok(false);
        }
        let length = self.ledger_length()?.to_string();
        Ok(fsx::read(&path)? != length.as_bytes())
    }

    /// Removes the notes: it is a vault like any other.
    pub(super) fn remove(&self) -> Result<()> {
        // First the one without which nothing is continued.
        for name in [COPY, LEDGER, DONE, RECORDING] {
            let path = self.folder.join(name);
            if fsx::is_file(&path)? {
                fsx::remove(&path)?;
            }
        }
        fsx::remove_dir(&self.folder)?;
        fsx::sync_dir(&self.target)
    }
}
