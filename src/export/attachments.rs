//! The attachments of one message as files.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::names;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::readable::Parts;

/// Writes the attachments into a directory, under safe names that nothing there has.
pub fn save(parts: &Parts<'_>, dir: &Path) -> Result<Vec<PathBuf>> {
    let mut saved = Vec::new();
    if parts.attachments.is_empty() {
        return Ok(saved);
    }
    let dir = &fsx::resolve(dir);
    fsx::create_dir_all_durably(dir)?;
    let mut taken = names::Taken::default();
    for name in crate::vault::maildir::list(dir)? {
        taken.insert(&name);
    }
    for part in &parts.attachments {
        let wish = match part.name.as_str() {
            "" => "attachment".to_owned(),
            name => names::safe(name),
        };
        let path = dir.join(taken.take(&wish));
        let mut file = fsx::create_new(&path)?;
        let written = file.write_all(&part.bytes());
        if let Err(error) = written.and_then(|()| file.flush()) {
            fsx::remove(&path)?;
            return Err(Error::file("write", &path, error));
        }
        saved.push(path);
    }
    Ok(saved)
}
