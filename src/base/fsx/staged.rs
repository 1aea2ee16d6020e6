//! New files that get their first name once they are whole and durable.
//!
//! A file without a name has no entry in a directory that is made, locked and removed again,
//! which is a quarter of what the kernel does for a small message. It must stay open until it
//! has its name, so there is a limit; beyond it, and where there are no such files, a file has
//! a name in `tmp` meanwhile.

use std::fs::File;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Linked, faults, look, refused_link};
use crate::base::error::{Error, Result};
use rustix::io::Errno;

/// Two batches of 1,024 messages, and some that wait to be judged.
const MOST: u64 = 3_072;
/// Descriptors that are left for everything else.
const SPARE: u64 = 256;

/// A file that is written, and has no final name.
#[derive(Debug)]
pub(crate) enum StagedFile {
    /// It has a name that it loses, or the name of a file that gets a second one.
    Named(PathBuf),
    /// It has none.
    Unnamed(UnnamedFile),
}

impl StagedFile {
    /// What errors call it: the file, or the directory that it is made in.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Unnamed(file) => &file.dir,
        }
    }

    /// Gives it a name.
    pub(crate) fn link(&self, to: &Path) -> Result<Linked> {
        match self {
            Self::Named(path) => super::link(path, to),
            Self::Unnamed(file) => file.link(to),
        }
    }

    /// Its content, from the start.
    pub(crate) fn reopen(&self) -> Result<File> {
        match self {
            Self::Named(path) => super::open(path),
            Self::Unnamed(UnnamedFile { file, dir, .. }) => {
                let again = (&*file).seek(SeekFrom::Start(0));
                let again = again.and_then(|_| file.try_clone());
                again.map_err(|e| Error::file("read a file in", dir, e))
            }
        }
    }

    /// Gives it up.
    pub(crate) fn discard(self) -> Result<()> {
        match self {
            Self::Named(path) => super::remove(&path),
            Self::Unnamed(_) => Ok(()),
        }
    }
}

/// A file without a name. It goes when it is dropped without one.
#[derive(Debug)]
pub(crate) struct UnnamedFile {
    file: File,
    dir: PathBuf,
    slot: Slot,
}

impl UnnamedFile {
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    fn link(&self, to: &Path) -> Result<Linked> {
        look::way(to)?;
        faults::meet(to)?;
        let linked = match link_unnamed(&self.file, to) {
            Ok(()) => Linked::Done,
            // Of a missing directory the copy tells, too.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Linked::Unsupported,
            Err(e) => refused_link(to, e)?,
        };
        if linked == Linked::Unsupported {
            self.slot.0.give_up();
        }
        Ok(linked)
    }
}

/// It is written with `writev`, which nothing else here uses: the tests of kills and failing
/// disks choose calls by their paths, and this file has none, so they choose by that call.
impl Write for UnnamedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_vectored(&[IoSlice::new(bytes)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Makes files without a name, as many at a time as the process may have open.
#[derive(Debug, Clone)]
pub(crate) struct Staging {
    state: Arc<StagingState>,
    open: fn(&Path) -> io::Result<File>,
}

#[derive(Debug)]
struct StagingState {
    works: AtomicBool,
    left: AtomicUsize,
}

/// The right to have one more file open.
#[derive(Debug)]
struct Slot(Staging);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.state.left.fetch_add(1, Ordering::Relaxed);
    }
}

impl Staging {
    /// Raises the limit of open files as far as that is needed and allowed; makes no files if
    /// they are not `wanted`.
    pub(crate) fn new(wanted: bool) -> Self {
        let left = if wanted { room() } else { 0 };
        let state = Arc::new(StagingState {
            works: AtomicBool::new(left > 0),
            left: AtomicUsize::new(left),
        });
        let open = open_unnamed;
        Self { state, open }
    }

    /// A new file in `dir`; `None` if it has to be one with a name.
    pub(crate) fn create(&self, dir: &Path) -> Result<Option<UnnamedFile>> {
        let Some(slot) = self.slot() else {
            return Ok(None);
        };
        look::directory(dir)?;
        faults::meet(dir)?;
        match (self.open)(dir) {
            Ok(file) => Ok(Some(UnnamedFile {
                file,
                dir: dir.to_path_buf(),
                slot,
            })),
            Err(e) if is_unsupported(&e) => {
                self.give_up();
                Ok(None)
            }
            Err(e) if is_too_many(&e) => Ok(None),
            Err(e) => Err(Error::file("create a file in", dir, e)),
        }
    }

    /// Makes no more: they cannot be made, or cannot be named.
    pub(crate) fn give_up(&self) {
        self.state.works.store(false, Ordering::Relaxed);
    }

    fn slot(&self) -> Option<Slot> {
        let state = &self.state;
        let less = |left: usize| left.checked_sub(1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let taken = state.works.load(Ordering::Relaxed)
            && state.left.fetch_update(set, fetch, less).is_ok();
        taken.then(|| Slot(self.clone()))
    }
}

/// Files that may be open at a time beyond those that everything else needs.
fn room() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let mut current = limit.current.unwrap_or(u64::MAX);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(MOST + SPARE);
    if current < wanted {
        let raised = Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            current = wanted;
        }
    }
    usize::try_from(current.saturating_sub(SPARE).min(MOST)).unwrap_or(0)
}

/// What file systems and kernels say that have no such files.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS | Errno::NOENT)
    )
}

fn is_too_many(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(target_os = "linux")]
fn open_unnamed(dir: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::TMPFILE.bits().cast_signed())
        .open(dir)
}

#[cfg(not(target_os = "linux"))]
fn open_unnamed(_dir: &Path) -> io::Result<File> {
    Err(Errno::OPNOTSUPP.into())
}

#[cfg(target_os = "linux")]
fn link_unnamed(file: &File, to: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    match linkat(file, c"", CWD, to, AtFlags::EMPTY_PATH) {
        // Before Linux 6.10 that is for root alone.
        Err(Errno::NOENT | Errno::PERM | Errno::INVAL) => link_by_number(file, to),
        linked => Ok(linked?),
    }
}

#[cfg(target_os = "linux")]
fn link_by_number(file: &File, to: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD, linkat};
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, path, CWD, to, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn link_unnamed(_file: &File, _to: &Path) -> io::Result<()> {
    Err(Errno::OPNOTSUPP.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read;

    fn written(staging: &Staging, dir: &Path) -> StagedFile {
        let mut file = staging.create(dir).unwrap().unwrap();
        file.write_all(b"content").unwrap();
        StagedFile::Unnamed(file)
    }

    #[test]
    fn a_file_gets_its_first_name_and_no_other_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let staged = written(&Staging::new(true), &root);
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
        let mut read = String::new();
        staged.reopen().unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "content");
        let to = root.join("name");
        assert_eq!(staged.link(&to).unwrap(), Linked::Done);
        assert_eq!(staged.link(&to).unwrap(), Linked::Exists);
        let missing = staged.link(&root.join("none/name")).unwrap();
        assert_eq!(missing, Linked::Unsupported);
        staged.discard().unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"content");
    }

    #[test]
    fn a_file_gets_its_name_by_its_number_too() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let mut file = Staging::new(true).create(&root).unwrap().unwrap();
        file.write_all(b"content").unwrap();
        let to = root.join("name");
        link_by_number(&file.file, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"content");
        let again = link_by_number(&file.file, &to).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn what_a_system_says_that_has_no_such_files_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let with = |open| Staging {
            open,
            ..Staging::new(true)
        };
        for open in [
            (|_: &Path| Err(Errno::OPNOTSUPP.into())) as fn(&Path) -> io::Result<File>,
            |_| Err(Errno::ISDIR.into()),
            |_| Err(Errno::INVAL.into()),
        ] {
            let staging = with(open);
            assert!(staging.create(&root).unwrap().is_none());
            assert!(staging.slot().is_none());
        }
        let staging = with(|_| Err(Errno::MFILE.into()));
        assert!(staging.create(&root).unwrap().is_none());
        assert!(staging.slot().is_some());
        for open in [
            (|_: &Path| Err(Errno::NOSPC.into())) as fn(&Path) -> io::Result<File>,
            |_| Err(Errno::IO.into()),
            |_| Err(Errno::ROFS.into()),
        ] {
            assert!(with(open).create(&root).is_err());
        }
    }

    #[test]
    fn no_more_are_open_than_there_is_room_for() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let staging = Staging::new(true);
        staging.state.left.store(2, Ordering::Relaxed);
        let first = written(&staging, &root);
        let second = written(&staging, &root);
        assert!(staging.create(&root).unwrap().is_none());
        drop(first);
        drop((written(&staging, &root), second));
        staging.give_up();
        assert!(staging.create(&root).unwrap().is_none());
        assert!(Staging::new(false).create(&root).unwrap().is_none());
    }
}
