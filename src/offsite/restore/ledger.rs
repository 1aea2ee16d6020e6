//! Writing the ledger to the byte, stretch by stretch.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::damaged;
use super::point::right_push;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::offsite::checked::{CheckedObject, ObjectVerdict};
use crate::offsite::fault::CopyError;
use crate::offsite::head::HeadObject;
use crate::offsite::pack::{Identities, PackError};
use crate::offsite::payload::{LedgerRange, PushError, PushPart, PushReader};
use crate::offsite::place::ObjectStore;
use crate::offsite::watch::CopyWatch;
use crate::vault::write_tombstone_key;

/// Writes the ledger of a copy below a folder, and with it what tells forgotten mail.
pub(super) struct LedgerWriter<'r> {
    pub(super) store: &'r ObjectStore,
    pub(super) identities: &'r Identities,
    pub(super) stop: &'r AtomicBool,
    pub(super) watch: &'r CopyWatch<'r>,
    pub(super) target: &'r Path,
}

impl<'r> LedgerWriter<'r> {
    /// Writes all of it. Without all nothing is known of what is missing, so that a push that
    /// cannot be read is an error.
    pub(super) fn write(&self, pushes: &[&'r HeadObject]) -> Result<(), CopyError> {
        let folder = self.target.join("ledger");
        begin_ledger(&folder)?;
        for object in pushes {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted.into());
            }
            let found = right_push(self.store, object)?;
            let mut body = found.body()?.watched(self.watch);
            let read = self.stretches(&mut body, &folder);
            if body.finish(self.store, object)? != ObjectVerdict::Right {
                return Err(damaged(&object.name));
            }
            read.map_err(|fault| match fault {
                StretchFault::Disk(error) => error.into(),
                StretchFault::Gap => damaged(&object.name),
                StretchFault::Source(source) => CopyError::Push {
                    name: object.name.clone(),
                    source,
                },
            })?;
        }
        Ok(fsx::sync_dir(&folder)?)
    }

    fn stretches(&self, body: &mut CheckedObject<'_>, folder: &Path) -> Result<(), StretchFault> {
        let unread = StretchFault::Source;
        let mut push = PushReader::open(body, self.identities).map_err(unread)?;
        while let Some(part) = push.next_part().map_err(unread)? {
            match part {
                PushPart::Ledger(range) => write_stretch(folder, &range, &mut push)?,
                PushPart::Tombstones(key) => write_tombstone_key(self.target, &key)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Why a stretch was not written.
#[derive(Debug)]
enum StretchFault {
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
fn begin_ledger(folder: &Path) -> Result<()> {
    fsx::create_dir_all_durably(folder)?;
    for (name, _) in fsx::list(folder)? {
        fsx::remove(&folder.join(name))?;
    }
    Ok(())
}

/// Writes a stretch at its place.
fn write_stretch(
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
