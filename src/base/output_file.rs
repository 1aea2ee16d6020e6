//! Files that a command writes where its user says, and writes again each time that it runs. They
//! take nobody else's place: not that of a vault's file, nor of one that the command did not write.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use super::fsx;

const ANOTHER: &str = "choose another file";
/// Bytes of a file by which a command knows its own.
const BEGINNING: u64 = 1_024;

/// Where the file is to be: its path without links on the way, if nothing is there, or a file that
/// is empty or begins in a way that `is_ours` knows.
pub fn place_for(path: &Path, vault: &Path, is_ours: fn(&[u8]) -> bool) -> Result<PathBuf> {
    let unfit = |reason: &str, hint: &str| Error::Unfit {
        doing: "write",
        path: path.to_path_buf(),
        reason: reason.to_owned(),
        hint: Some(hint.to_owned()),
    };
    if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(unfit("it is not the name of a file", ANOTHER));
    }
    if is_inside(path, vault) {
        return Err(unfit("it is inside the vault", ANOTHER));
    }
    let place = fsx::resolve_parent(path);
    match fsx::look(&place)? {
        None => Ok(place),
        Some(found) if !found.is_file() => Err(unfit("it exists and is not a file", ANOTHER)),
        Some(_) => {
            let mut beginning = Vec::new();
            let read = |file: File| file.take(BEGINNING).read_to_end(&mut beginning);
            fsx::open(&place)
                .map(read)?
                .map_err(|e| Error::file("read", &place, e))?;
            if beginning.is_empty() || is_ours(&beginning) {
                return Ok(place);
            }
            Err(unfit(
                "it exists, and this command did not write it",
                "choose a new file, or remove this one first",
            ))
        }
    }
}

/// True if a path is in a directory, whether it is there or not, by whatever links it leads there.
#[must_use]
pub fn is_inside(path: &Path, dir: &Path) -> bool {
    whole(path).starts_with(whole(dir))
}

/// A path without links, as far as it is there.
fn whole(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut known = path.as_path();
    let mut rest = Vec::new();
    loop {
        if let Ok(found) = known.canonicalize() {
            return rest.iter().rev().fold(found, |path, part| path.join(part));
        }
        match (known.parent(), known.file_name()) {
            (Some(parent), Some(name)) => {
                rest.push(name.to_owned());
                known = parent;
            }
            _ => return path,
        }
    }
}
