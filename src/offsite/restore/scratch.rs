//! The folder in which a part of a copy lies while it is selected and written to where it belongs.
//!
//! It is below the directory that the mail goes to: on the same disk, and as private. Whoever
//! makes one removes what a killed run left, which has its lock. A folder of this name without one is
//! somebody's, and stays.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::export_note::RESTORE_FOLDER;

const LOCK: &str = "lock";

/// The folder, which is gone with this value.
#[derive(Debug)]
pub(super) struct ScratchFolder {
    /// The directory that it is in.
    target: PathBuf,
    path: PathBuf,
    /// True if the directory was made for it.
    made: bool,
    lock: File,
    /// True while it is there.
    left: bool,
}

impl ScratchFolder {
    /// Makes it, empty.
    pub(super) fn make(target: &Path) -> Result<Self> {
        let target = fsx::resolve(target);
        let made = fsx::look(&target)?.is_none();
        fsx::create_dir_all_durably(&target)?;
        let path = target.join(RESTORE_FOLDER);
        fsx::create_dir(&path)?;
        let lock = path.join(LOCK);
        if !fsx::is_file(&lock)? && !fsx::list(&path)?.is_empty() {
            return Err(Error::Unfit {
                doing: "restore into",
                path: target,
                reason: format!("no restore made the files in {RESTORE_FOLDER}"),
                hint: Some("move them, or name another directory".to_owned()),
            });
        }
        let file = fsx::open_or_create(&lock)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Unfit {
                    doing: "restore into",
                    path: target,
                    reason: "another mailvault is restoring into it".to_owned(),
                    hint: None,
                });
            }
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", &lock, error)),
        }
        let scratch = Self {
            target,
            path,
            made,
            lock: file,
            left: true,
        };
        clear(&scratch.path, Some(LOCK))?;
        Ok(scratch)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, and the directory that it is in, if that was made for it and got nothing.
    pub(super) fn remove(mut self) -> Result<()> {
        self.left = false;
        self.clean()
    }

    fn clean(&self) -> Result<()> {
        clear(&self.path, Some(LOCK))?;
        // While it is held, nobody else takes the folder for one that was left.
        fsx::remove(&self.path.join(LOCK))?;
        fsx::remove_dir(&self.path)?;
        let _ = &self.lock;
        if self.made && fsx::list(&self.target)?.is_empty() {
            fsx::remove_dir(&self.target)?;
        }
        Ok(())
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        if self.left
            && let Err(error) = self.clean()
        {
            // The next run removes it.
            tracing::warn!("{}: {error}", self.path.display());
        }
    }
}

/// Removes everything in a folder but a file of this name.
fn clear(folder: &Path, but: Option<&str>) -> Result<()> {
    fsx::for_each_entry(folder, &mut |name, kind| {
        let path = folder.join(&name);
        if kind.is_dir() {
            clear(&path, None)?;
            fsx::remove_dir(&path)
        } else if but.is_none_or(|but| name != but) {
            fsx::remove(&path)
        } else {
            Ok(())
        }
    })
}
