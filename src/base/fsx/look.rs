//! A look at names before anything is done to them: nothing is followed.
//!
//! A path is taken as it is spelled. Whoever has one from a person resolves it once
//! ([`resolve`]); what is joined to it afterwards must lead straight down, through
//! directories. A directory is looked at once by each thread, so that a file costs nothing
//! more. That guards against what lies in a vault that somebody else has made, and not
//! against somebody who changes it meanwhile.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

use crate::base::error::{Error, LINK, Result};

/// So many directories are remembered.
const REMEMBERED: usize = 1_024;

thread_local! {
    /// Directories that no link leads to.
    static SOUND: RefCell<HashSet<PathBuf>> = RefCell::default();
    /// The one of them that was looked for last, which mostly is the next one, too.
    static LAST: RefCell<OsString> = RefCell::default();
}

/// Refuses a path that leads through a link, or upwards.
pub(super) fn way(path: &Path) -> Result<()> {
    let may_lead_up = memchr::memmem::find(path.as_os_str().as_bytes(), b"..").is_some();
    if may_lead_up && path.components().any(|part| part == Component::ParentDir) {
        return Err(Error::Strange {
            path: path.to_path_buf(),
            what: "a path that leads upwards",
        });
    }
    path.parent().map_or(Ok(()), directory)
}

pub(super) fn directory(dir: &Path) -> Result<()> {
    if dir.as_os_str().is_empty() || LAST.with_borrow(|last| last == dir.as_os_str()) {
        return Ok(());
    }
    if SOUND.with_borrow(|sound| sound.contains(dir)) {
        LAST.with_borrow_mut(|last| dir.as_os_str().clone_into(last));
        return Ok(());
    }
    dir.parent().map_or(Ok(()), directory)?;
    match fs::symlink_metadata(dir) {
        Ok(meta) if meta.is_symlink() => Err(strange(dir, meta.file_type())),
        Ok(meta) if meta.is_dir() => {
            SOUND.with_borrow_mut(|sound| {
                if sound.len() >= REMEMBERED {
                    sound.clear();
                }
                sound.insert(dir.to_path_buf());
            });
            Ok(())
        }
        // What is missing or no directory, the call itself will tell.
        _ => Ok(()),
    }
}

/// Takes a directory for an unknown one again.
pub(super) fn forget(dir: &Path) {
    SOUND.with_borrow_mut(|sound| sound.remove(dir));
    LAST.with_borrow_mut(OsString::clear);
}

/// What is at a name, if anything; a link is reported as itself.
pub fn look(path: &Path) -> Result<Option<Metadata>> {
    way(path)?;
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::file("look at", path, e)),
    }
}

/// True for a file, false where there is nothing; anything else is refused.
pub fn is_file(path: &Path) -> Result<bool> {
    expect(path, FileType::is_file)
}

/// True for a directory, false where there is nothing; anything else is refused.
pub fn is_dir(path: &Path) -> Result<bool> {
    expect(path, FileType::is_dir)
}

fn expect(path: &Path, is: fn(&FileType) -> bool) -> Result<bool> {
    match look(path)?.map(|meta| meta.file_type()) {
        None => Ok(false),
        Some(kind) if is(&kind) => Ok(true),
        Some(kind) => Err(strange(path, kind)),
    }
}

/// The names in a directory, and what they are.
pub fn list(dir: &Path) -> Result<Vec<(OsString, FileType)>> {
    let mut entries = Vec::new();
    for_each_entry(dir, &mut |name, kind| {
        entries.push((name, kind));
        Ok(())
    })?;
    Ok(entries)
}

/// Calls `each` with the names in a directory, and what they are: there may be a million.
pub fn for_each_entry(
    dir: &Path,
    each: &mut dyn FnMut(OsString, FileType) -> Result<()>,
) -> Result<()> {
    let failed = |e| Error::file("list", dir, e);
    if !is_dir(dir)? {
        return Err(failed(Errno::NOENT.into()));
    }
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        each(entry.file_name(), entry.file_type().map_err(failed)?)?;
    }
    Ok(())
}

/// Calls `each` with the names in a directory, and how long the files among them are, until it
/// says false.
pub(crate) fn for_each_length(
    dir: &Path,
    each: &mut dyn FnMut(OsString, Option<u64>) -> Result<bool>,
) -> Result<()> {
    let failed = |e| Error::file("list", dir, e);
    directory(dir)?;
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // Of a link, this is what it is itself.
        let meta = entry.metadata().ok().filter(fs::Metadata::is_file);
        if !each(entry.file_name(), meta.map(|meta| meta.len()))? {
            break;
        }
    }
    Ok(())
}

/// The same place by a path without links, as far as it is there. One that has none stays
/// as it is.
#[must_use]
pub fn resolve(path: &Path) -> PathBuf {
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    if way(path).is_ok() && !is_link(path) {
        return path.to_path_buf();
    }
    let (mut known, mut rest) = (path, Vec::new());
    loop {
        if let Ok(found) = known.canonicalize() {
            return rest.iter().rev().fold(found, |path, part| path.join(part));
        }
        let (Some(parent), Some(name)) = (known.parent(), known.file_name()) else {
            return path.to_path_buf();
        };
        rest.push(name);
        known = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        };
    }
}

/// A new name in a place that a person named: its directory is resolved, and the name
/// itself stays.
#[must_use]
pub fn resolve_parent(path: &Path) -> PathBuf {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => resolve(parent).join(name),
        _ => path.to_path_buf(),
    }
}

/// Why an open failed: the system's words for a link or a pipe help nobody.
pub(super) fn failed(doing: &'static str, path: &Path, error: io::Error) -> Error {
    let odd = [Errno::LOOP, Errno::NXIO, Errno::ISDIR].map(|errno| Some(errno.raw_os_error()));
    match fs::symlink_metadata(path) {
        Ok(meta) if odd.contains(&error.raw_os_error()) && !meta.is_file() => {
            strange(path, meta.file_type())
        }
        _ => Error::file(doing, path, error),
    }
}

/// Refuses what is there.
pub(super) fn strange(path: &Path, kind: FileType) -> Error {
    let what = if kind.is_symlink() {
        LINK
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_file() {
        "a file and no directory"
    } else {
        "no file"
    };
    Error::Strange {
        path: path.to_path_buf(),
        what,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_refused_wherever_they_stand_in_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("real")).unwrap();
        fs::write(root.join("real/file"), "").unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink("file", root.join("real/link")).unwrap();
        assert!(is_file(&root.join("real/file")).unwrap());
        assert!(!is_file(&root.join("real/none")).unwrap());
        assert!(is_dir(&root.join("real")).unwrap());
        for (path, named) in [
            ("real/link", "real/link"),
            ("link", "link"),
            ("link/file", "link"),
            ("link/none", "link"),
        ] {
            let error = is_file(&root.join(path)).unwrap_err();
            let named = root.join(named).display().to_string();
            let wanted = format!("refused: {named} is a symbolic link; links inside a vault");
            assert!(error.to_string().starts_with(&wanted), "{path}: {error}");
        }
        assert!(is_file(&root.join("real/../real/file")).is_err());
        assert!(list(&root.join("link")).is_err());
        assert_eq!(list(&root.join("real")).unwrap().len(), 2);
    }

    #[test]
    fn what_a_person_names_is_resolved_as_far_as_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("real")).unwrap();
        symlink("real", root.join("link")).unwrap();
        for (path, wanted) in [
            ("real", "real"),
            ("real/a/b", "real/a/b"),
            ("link", "real"),
            ("link/a/b", "real/a/b"),
            ("real/../link", "real"),
        ] {
            assert_eq!(resolve(&root.join(path)), root.join(wanted), "{path}");
        }
        symlink("nowhere", root.join("dangling")).unwrap();
        assert_eq!(
            resolve_parent(&root.join("link/new")),
            root.join("real/new")
        );
        assert_eq!(resolve(Path::new("a/b")), Path::new("a/b"));
    }
}
