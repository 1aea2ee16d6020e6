//! How often in a row a command has failed, in a file that exists only while it fails.
//!
//! It is not in the vault, which may be what is missing, locked or on a read-only medium.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::fsx;

/// A row of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// How many.
    pub failures: u64,
    /// When the first of them ended, in Unix seconds.
    pub since: i64,
}

/// Where the failures of one command, with one vault and the same accounts, are counted.
#[derive(Debug)]
pub struct StreakFile(PathBuf);

impl StreakFile {
    /// The file in a folder.
    #[must_use]
    pub fn new(folder: &Path, vault: &Path, command: &str, accounts: &[String]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(vault.as_os_str().as_encoded_bytes());
        for word in accounts {
            hasher.update(b"\0").update(word.as_bytes());
        }
        let name = hasher.finalize().to_hex();
        Self(fsx::resolve(folder).join(format!("{command}-{}.json", &name[..16])))
    }

    /// Adds a failure; gives all in a row.
    pub fn failed(&self, now: i64) -> Result<Streak> {
        let before = self.read()?;
        let streak = Streak {
            failures: before.map_or(0, |streak| streak.failures).saturating_add(1),
            since: before.map_or(now, |streak| streak.since),
        };
        if let Some(folder) = self.0.parent() {
            fsx::create_dir_all_durably(folder)?;
        }
        let text = serde_json::to_vec(&streak).map_err(|e| self.error("write", e.into()))?;
        fsx::write_durably(&self.0, &text)?;
        Ok(streak)
    }

    /// Ends the row; gives it, if there was one.
    pub fn succeeded(&self) -> Result<Option<Streak>> {
        let before = self.read()?;
        if fsx::is_file(&self.0)? {
            fsx::remove(&self.0)?;
        }
        Ok(before)
    }

    /// What is no row is none.
    fn read(&self) -> Result<Option<Streak>> {
        if !fsx::is_file(&self.0)? {
            return Ok(None);
        }
        Ok(serde_json::from_slice(&fsx::read(&self.0)?).ok())
    }

    fn error(&self, doing: &'static str, source: std::io::Error) -> Error {
        Error::file(doing, &self.0, source)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::fs;

    #[test]
    fn failures_are_counted_until_a_success() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state/mailvault");
        let file = StreakFile::new(&state, Path::new("/v"), "pull", &[]);
        assert_eq!(file.succeeded().unwrap(), None);
        assert!(!state.exists());
        let row = |failures| Streak { failures, since: 5 };
        assert_eq!(file.failed(5).unwrap(), row(1));
        assert_eq!(file.failed(9).unwrap(), row(2));
        let other = StreakFile::new(&state, Path::new("/v"), "pull", &["work".into()]);
        assert_eq!(other.succeeded().unwrap(), None);
        assert_eq!(file.succeeded().unwrap(), Some(row(2)));
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
        fs::write(&file.0, "junk").unwrap();
        assert_eq!(file.succeeded().unwrap(), None);
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
    }
}
