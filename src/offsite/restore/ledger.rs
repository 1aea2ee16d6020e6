//! Writing the ledger to the byte, stretch by stretch.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::offsite::pack::PackError;
use crate::offsite::payload::{LedgerRange, PushError};

/// Why a stretch was not written.
#[derive(Debug)]
pub(super) enum StretchFault {
    /// The disk.
    Disk(Error),
    /// What comes cannot be read.
    Source(PushError),
    /// The bytes before it are missing.
    Gap,
}

impl From<Error> for StretchFault {
    fn from(error: Error) -> Self {
        Self::Disk(error)
    }
}

/// Makes the folder, empty: what a restore that was killed wrote may be of a push that is wrong.
pub(super) fn begin_ledger(folder: &Path) -> Result<()> {
    fsx::create_dir_all_durably(folder)?;
    for (name, _) in fsx::list(folder)? {
        fsx::remove(&folder.join(name))?;
    }
    Ok(())
}

/// Writes a stretch at its place.
pub(super) fn write_stretch(
    folder: &Path,
    range: &LedgerRange,
    bytes: &mut dyn Read,
) -> Result<(), StretchFault> {
    let path = folder.join(&range.file);
    let mut file = fsx::open_or_create(&path)?;
    if fsx::length(&path)? < range.offset {
        return Err(StretchFault::Gap);
    }
    let failed = |e| StretchFault::Disk(Error::file("write", &path, e));
    file.seek(SeekFrom::Start(range.offset)).map_err(failed)?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = match bytes.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(StretchFault::Source(PackError::from_io(e).into())),
        };
        file.write_all(&buffer[..read]).map_err(failed)?;
    }
    Ok(fsx::sync_file(&file, &path)?)
}
