//! The only place that creates, syncs, renames, links or removes files.
//!
//! No symbolic link is followed, at the end of a path or on the way (`fsx/look.rs`), and
//! what is opened is a file: a named pipe keeps nobody waiting.
//!
//! Everything made here is private, files 0600, directories 0700, from the first
//! byte on; only what is published is for others. Durability follows the same rule everywhere: data first, then names,
//! then the directories that hold the names (`docs/FORMAT.md`, "Writing").

#![allow(
    clippy::disallowed_methods,
    reason = "this is the one place that may call them"
)]

pub mod faults;
mod look;
mod staged;

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use rustix::fs::{Access, OFlags, StatVfsMountFlags};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::base::error::{Error, Result};

pub(crate) use staged::{StagedFile, Staging, UnnamedFile};

pub(crate) use look::for_each_length;
pub use look::{for_each_entry, is_dir, is_file, list, look, resolve, resolve_parent};

/// Threads that sync files one by one where one `syncfs` cannot do it for all.
const SYNC_THREADS: usize = 8;

/// Creates a new file; an existing one is an error.
pub fn create_new(path: &Path) -> Result<File> {
    create_for(path, 0o600)
}

fn create_for(path: &Path, mode: u32) -> Result<File> {
    look::way(path)?;
    faults::meet(path)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(|e| Error::file("create", path, e))
}

/// A file without a name, for what need not be kept in memory; it goes when it is closed.
/// It is where `TMPDIR` says, else in `/var/tmp`: `/tmp` is memory on many systems.
pub(crate) fn create_unnamed() -> Result<File> {
    let dir = temporary();
    faults::meet(&dir)?;
    tempfile::tempfile_in(&dir).map_err(|e| Error::file("create a temporary file in", &dir, e))
}

/// A directory in the same place, which goes with what is in it when it is dropped.
pub(crate) fn create_temporary_dir() -> Result<TempDir> {
    let dir = temporary();
    faults::meet(&dir)?;
    tempfile::Builder::new()
        .prefix("mailvault-")
        .tempdir_in(&dir)
        .map_err(|e| Error::file("create a temporary directory in", &dir, e))
}

/// Where files without a name are. `SQLite` goes by the same variable.
pub(crate) fn temporary() -> PathBuf {
    let chosen = std::env::var_os("TMPDIR").filter(|dir| !dir.is_empty());
    resolve(&chosen.map_or_else(|| PathBuf::from("/var/tmp"), PathBuf::from))
}

/// Opens an existing file for reading.
pub(crate) fn open(path: &Path) -> Result<File> {
    opened(path, OpenOptions::new().read(true))
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?
        .read_to_end(&mut bytes)
        .map_err(|e| Error::file("read", path, e))?;
    Ok(bytes)
}

/// Opens an existing file for reading and appending.
pub(crate) fn append(path: &Path) -> Result<File> {
    opened(path, OpenOptions::new().read(true).append(true))
}

/// Opens a file, and nothing else.
fn opened(path: &Path, options: &mut OpenOptions) -> Result<File> {
    look::way(path)?;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|e| look::failed("open", path, e))?;
    let kind = file
        .metadata()
        .map_err(|e| Error::file("look at", path, e))?
        .file_type();
    if kind.is_file() {
        Ok(file)
    } else {
        Err(look::strange(path, kind))
    }
}

fn open_dir(path: &Path) -> Result<File> {
    look::way(path)?;
    OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::DIRECTORY).bits().cast_signed())
        .open(path)
        .map_err(|e| match look::is_dir(path) {
            Err(refused @ Error::Strange { .. }) => refused,
            _ => Error::file("open", path, e),
        })
}

/// Opens a file for reading and writing, creating it if it is missing.
pub(crate) fn open_or_create(path: &Path) -> Result<File> {
    opened(
        path,
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600),
    )
}

/// Creates one directory; an existing one is fine. Does not sync its parent.
pub(crate) fn create_dir(path: &Path) -> Result<()> {
    look::way(path)?;
    faults::meet(path)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && is_dir(path)? => Ok(()),
        Err(e) => Err(Error::file("create", path, e)),
    }
}

/// Creates a directory and its missing parents, each durably.
pub fn create_dir_all_durably(path: &Path) -> Result<()> {
    if is_dir(path)? {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(p) if p.as_os_str().is_empty() => Path::new("."),
        Some(p) => p,
        None => Path::new("/"),
    };
    create_dir_all_durably(parent)?;
    create_dir(path)?;
    sync_dir(path)?;
    sync_dir(parent)
}

/// Makes a file's data durable (`fdatasync`).
pub fn sync_file(file: &File, path: &Path) -> Result<()> {
    faults::meet(path)?;
    file.sync_data().map_err(|e| Error::file("sync", path, e))
}

/// Makes the names in a directory durable.
pub fn sync_dir(path: &Path) -> Result<()> {
    let dir = open_dir(path)?;
    faults::meet(path)?;
    dir.sync_all().map_err(|e| Error::file("sync", path, e))
}

/// Cuts a file to `len` bytes, durably.
pub(crate) fn truncate(file: &File, path: &Path, len: u64) -> Result<()> {
    faults::meet(path)?;
    file.set_len(len)
        .and_then(|()| file.sync_all())
        .map_err(|e| Error::file("truncate", path, e))
}

/// Sets a file's modification time.
pub(crate) fn set_modified(file: &File, path: &Path, time: SystemTime) -> Result<()> {
    file.set_modified(time)
        .map_err(|e| Error::file("set the time of", path, e))
}

/// What became of a wish for a second name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    /// The name is there.
    Done,
    /// The name was taken before.
    Exists,
    /// This file system or file takes no (further) links.
    Unsupported,
}

/// Gives a file a second name.
pub(crate) fn link(from: &Path, to: &Path) -> Result<Linked> {
    look::way(from)?;
    look::way(to)?;
    faults::meet(to)?;
    match fs::hard_link(from, to) {
        Ok(()) => Ok(Linked::Done),
        Err(e) => refused_link(to, e),
    }
}

/// What the refusal of a link means.
fn refused_link(to: &Path, refusal: io::Error) -> Result<Linked> {
    match refusal.kind() {
        io::ErrorKind::AlreadyExists => Ok(Linked::Exists),
        io::ErrorKind::CrossesDevices
        | io::ErrorKind::TooManyLinks
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::Unsupported => Ok(Linked::Unsupported),
        _ => Err(Error::file("link", to, refusal)),
    }
}

/// Renames a file, replacing nothing that the caller did not look for.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    look::way(from)?;
    look::way(to)?;
    faults::meet(to)?;
    fs::rename(from, to).map_err(|e| Error::file("rename", to, e))
}

/// Renames a file, unless the new name is taken; in one step where the system can.
#[cfg(feature = "offsite")]
pub(crate) fn rename_to_free(from: &Path, to: &Path) -> Result<Linked> {
    look::way(from)?;
    look::way(to)?;
    faults::meet(to)?;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(Linked::Done),
            Err(Errno::EXIST) => return Ok(Linked::Exists),
            Err(Errno::INVAL | Errno::NOSYS) => {}
            Err(e) => return Err(Error::file("rename", to, e.into())),
        }
    }
    if look(to)?.is_some() {
        return Ok(Linked::Exists);
    }
    rename(from, to).map(|()| Linked::Done)
}

/// Removes a name; of a link the link itself.
pub fn remove(path: &Path) -> Result<()> {
    look::way(path)?;
    faults::meet(path)?;
    fs::remove_file(path).map_err(|e| Error::file("remove", path, e))
}

/// Removes an empty directory.
pub(crate) fn remove_dir(path: &Path) -> Result<()> {
    look::way(path)?;
    faults::meet(path)?;
    look::forget(path);
    fs::remove_dir(path).map_err(|e| Error::file("remove", path, e))
}

/// Writes a whole file so that it is either there with all its bytes or not at all.
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes, 0o600, None)
}

/// Replaces a file that is there by one with these bytes, and the same mode and owner.
pub fn rewrite_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let meta = fs::metadata(path).map_err(|e| Error::file("look at", path, e))?;
    replace(path, bytes, 0o600, Some(&meta))
}

/// The same among files that are not ours, of which none is touched. What fails leaves nothing.
/// Others may read it as far as `mode` and the umask allow.
pub fn publish(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let tmp = staging_name(path);
    let file = create_for(&tmp, mode)?;
    let put = put(file, &tmp, bytes, None).and_then(|()| rename(&tmp, path));
    if put.is_err() {
        // It has no value, and the first error says why.
        let _ = remove(&tmp);
    }
    put?;
    sync_parent(path)
}

/// Beside a file, under a name that no other process makes.
#[must_use]
pub fn staging_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Where a file is written that replaces another.
fn unfinished(path: &Path) -> PathBuf {
    let mut tmp = path.as_os_str().to_owned();
    tmp.push(".tmp");
    PathBuf::from(tmp)
}

/// Removes what a killed [`write_durably`] left, where nothing is to be written now.
pub(crate) fn remove_unfinished(path: &Path) -> Result<()> {
    let tmp = unfinished(path);
    if look(&tmp)?.is_some() {
        remove(&tmp)?;
    }
    Ok(())
}

fn replace(path: &Path, bytes: &[u8], mode: u32, like: Option<&Metadata>) -> Result<()> {
    remove_unfinished(path)?;
    let tmp = unfinished(path);
    let file = create_for(&tmp, mode)?;
    put(file, &tmp, bytes, like)?;
    rename(&tmp, path)?;
    sync_parent(path)
}

/// Writes all bytes of a file, and makes them durable.
fn put(mut file: File, path: &Path, bytes: &[u8], like: Option<&Metadata>) -> Result<()> {
    like.map_or(Ok(()), |meta| resemble(&file, meta))
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .map_err(|e| Error::file("write", path, e))
}

/// Makes the name of a file durable.
fn sync_parent(path: &Path) -> Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    sync_dir(parent.unwrap_or(Path::new(".")))
}

/// Gives a file the mode and the owner of another.
fn resemble(file: &File, other: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if own.uid() != other.uid() {
        fchown(file, Some(other.uid()), Some(other.gid()))?;
    } else if own.gid() != other.gid() {
        // Who owns it decides who may read it; its group may be one that we are not in.
        let _ = fchown(file, None, Some(other.gid()));
    }
    file.set_permissions(other.permissions())
}

/// Adds to the end of a file, durably: all of it, or nothing.
pub fn append_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    faults::meet(path)?;
    let mut file = append(path)?;
    let before = length(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|e| {
        // A part of it would be worse than nothing; the error says that it stays.
        let _ = file.set_len(before);
        Error::file("write", path, e)
    })
}

/// The length of a file in bytes.
pub(crate) fn length(path: &Path) -> Result<u64> {
    match look(path)? {
        Some(meta) if meta.is_file() => Ok(meta.len()),
        Some(meta) => Err(look::strange(path, meta.file_type())),
        None => Err(Error::file("look at", path, Errno::NOENT.into())),
    }
}

/// Bytes that are free for us on the file system of `path`.
pub(crate) fn free_space(path: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(path)
        .map_err(|e| Error::file("ask for the free space of", path, e.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Whether the disk takes a megabyte in this directory now, tried with a file that has no
/// name. An error is a full disk or quota, or a file system that is read-only; any other
/// trouble, such as a system without such files, says nothing.
pub(crate) fn try_write(dir: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        let tried = OpenOptions::new()
            .write(true)
            .mode(0o600)
            .custom_flags(OFlags::TMPFILE.bits().cast_signed())
            .open(dir)
            .and_then(|mut file| file.write_all(&vec![0; 1 << 20]));
        if let Err(e) = tried
            && matches!(
                e.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::ReadOnlyFilesystem
            )
        {
            return Err(Error::file("write to", dir, e));
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = dir;
    Ok(())
}

/// True if the system lets us write in this directory.
#[must_use]
pub(crate) fn is_writable(dir: &Path) -> bool {
    rustix::fs::access(dir, Access::WRITE_OK).is_ok()
}

/// True if the file system of `path` is mounted for reading only.
#[must_use]
pub(crate) fn is_read_only(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// True if the file system of `path` is one that several machines may share, where
/// memory maps and some locks cannot be trusted.
#[must_use]
pub(crate) fn is_network(path: &Path) -> bool {
    const NFS: u64 = 0x6969;
    const SMB: u64 = 0x517b;
    const CIFS: u64 = 0xff53_4d42;
    const SMB2: u64 = 0xfe53_4d42;
    const FUSE: u64 = 0x6573_5546;
    matches!(magic(path), Some(NFS | SMB | CIFS | SMB2 | FUSE))
}

/// True if each change to a file of this file system gives it a new time of change, which no
/// program can set. FAT keeps no such time, and what comes over a network may be out of date.
#[must_use]
pub(crate) fn tells_changes(path: &Path) -> bool {
    const EXT: u64 = 0xef53;
    const XFS: u64 = 0x5846_5342;
    const BTRFS: u64 = 0x9123_683e;
    const F2FS: u64 = 0xf2f5_2010;
    const ZFS: u64 = 0x2fc1_2fc1;
    const TMPFS: u64 = 0x0102_1994;
    const OVERLAY: u64 = 0x794c_7630;
    let known = [EXT, XFS, BTRFS, F2FS, ZFS, TMPFS, OVERLAY];
    magic(path).is_some_and(|magic| known.contains(&magic))
}

fn magic(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statfs(path).ok()?;
    #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)]
    Some((stat.f_type as u64) & 0xffff_ffff)
}

/// Makes whole batches of files durable, in the way that this file system and
/// kernel allow.
#[derive(Debug)]
pub(crate) struct BatchSync {
    /// A descriptor opened before the first write: errors of write-back are reported
    /// to it, and only to it.
    root: File,
    path: PathBuf,
    whole: bool,
}

impl BatchSync {
    /// Prepares for batches below `root`.
    pub(crate) fn new(root: &Path) -> Result<Self> {
        const EXT4: u64 = 0xef53;
        const XFS: u64 = 0x5846_5342;
        const BTRFS: u64 = 0x9123_683e;
        const F2FS: u64 = 0xf2f5_2010;
        let known = matches!(magic(root), Some(EXT4 | XFS | BTRFS | F2FS));
        Ok(Self {
            root: open_dir(root)?,
            path: root.to_path_buf(),
            whole: known && kernel_reports_syncfs_errors(),
        })
    }

    /// True if one call makes everything durable, whether it has a name or not.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Makes everything on the file system durable: data, names and counts of links.
    pub(crate) fn everything(&self) -> Result<()> {
        rustix::fs::syncfs(self.root.as_fd()).map_err(|e| Error::file("sync", &self.path, e.into()))
    }

    /// Makes the data of all `files` durable. After an error none of them counts as
    /// durable: they must be written again, not synced again.
    ///
    /// # Panics
    /// Never: the threads it starts do not.
    pub(crate) fn sync(&self, files: &[PathBuf]) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        if self.whole {
            return self.everything();
        }
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..SYNC_THREADS.min(files.len()))
                .map(|_| {
                    scope.spawn(|| {
                        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                            sync_file(&open(path)?, path)?;
                        }
                        Ok(())
                    })
                })
                .collect();
            workers
                .into_iter()
                .try_for_each(|w| w.join().expect("a sync thread does not panic"))
        })
    }
}

/// Linux reports failed write-back to `syncfs` since 5.8.
fn kernel_reports_syncfs_errors() -> bool {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|n| n.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (5, 8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_made_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let sub = dir.path().join("a/b");
        create_dir_all_durably(&sub).unwrap();
        let file = create_new(&sub.join("f")).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(&sub).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert!(create_new(&sub.join("f")).is_err());
    }

    #[test]
    fn both_ways_of_syncing_take_a_batch() {
        let dir = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..20)
            .map(|n| {
                let path = dir.path().join(n.to_string());
                create_new(&path).unwrap().write_all(b"x").unwrap();
                path
            })
            .collect();
        for whole in [false, true] {
            let mut sync = BatchSync::new(dir.path()).unwrap();
            sync.whole = whole;
            sync.sync(&files).unwrap();
        }
        let mut sync = BatchSync::new(dir.path()).unwrap();
        sync.whole = false;
        assert!(sync.sync(&[dir.path().join("missing")]).is_err());
    }

    #[test]
    fn trying_to_write_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        try_write(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        // A missing directory says nothing of the disk.
        try_write(&dir.path().join("missing")).unwrap();
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(dir.path().join("f.tmp"), "left by a killed run").unwrap();
        write_durably(&path, b"one").unwrap();
        write_durably(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(!dir.path().join("f.tmp").exists());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        publish(&path, b"three", 0o644).unwrap();
        assert_eq!(mode(&path) & 0o600, 0o600);
        assert_eq!(fs::read(&path).unwrap(), b"three");
    }
}
