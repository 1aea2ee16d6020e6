//! What is kept here of a place: `<vault>/offsite/<name>/`. All of it may be deleted.
//!
//! | file | holds |
//! | --- | --- |
//! | `place.json` | what `init` learned of the place (`init/notes.rs`) |
//! | `test.age` | the words by which the private key is tried |
//! | `pseudonym` | what the vault is called in its heads there |
//! | `index.sqlite` | what is there (`push/record.rs`) |
//! | `pending/` | what was made and no head names yet (`push/spool.rs`) |
//! | `lock` | held by whoever pushes |

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::fault::CopyError;
use super::pack::is_hex;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::vault::lock::Lock;

const PSEUDONYM: &str = "pseudonym";

/// The folder of a place.
#[derive(Debug, Clone)]
pub(super) struct LocalPlace {
    folder: PathBuf,
}

impl LocalPlace {
    pub(super) fn of(vault: &Path, name: &str) -> Self {
        Self {
            folder: vault.join("offsite").join(name),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes the folder and keeps others from it.
    pub(super) fn lock(&self, stop: &AtomicBool) -> Result<Lock, CopyError> {
        fsx::create_dir_all_durably(&self.folder)?;
        match Lock::take(&self.path("lock"), &self.folder, Duration::ZERO, stop) {
            Err(Error::Locked { holder, .. }) => Err(CopyError::Running { holder }),
            taken => Ok(taken?),
        }
    }

    /// What the vault is called there, if that is known.
    pub(super) fn pseudonym(&self) -> Result<Option<String>> {
        let path = self.path(PSEUDONYM);
        if !fsx::is_file(&path)? {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&fsx::read(&path)?).into_owned();
        Ok(Some(text.trim_end().to_owned()).filter(|name| is_hex(name, 32)))
    }

    pub(super) fn forget_pseudonym(&self) -> Result<()> {
        match fsx::look(&self.path(PSEUDONYM))? {
            Some(_) => fsx::remove(&self.path(PSEUDONYM)),
            None => Ok(()),
        }
    }

    pub(super) fn set_pseudonym(&self, name: &str) -> Result<()> {
        fsx::write_durably(&self.path(PSEUDONYM), format!("{name}\n").as_bytes())
    }
}
