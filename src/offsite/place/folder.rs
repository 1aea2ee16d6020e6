//! A folder: on a USB disk, or on a NAS that is mounted.
//!
//! A file is written under a temporary name, synced, and then gets its name, which must be free.
//! A folder without README.txt is taken for a disk that is not mounted: nothing is read there, and
//! nothing but that file is written.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::object::digest;
use super::page::PageBuilder;
use super::{
    Confirmation, ObjectBody, ObjectName, ObjectPage, ObjectStat, PutOutcome, README, SpoolFile,
    fault_of,
};
use crate::base::error::{Error, Result, StoreFault};
use crate::base::fsx::{self, Linked};
use crate::base::sync::lock;

/// How the name of a file begins that is being written.
const PARTIAL: &str = ".partial-";
/// A file that has been partial for this long belongs to a push that was killed.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder.
#[derive(Debug)]
pub struct FolderStore {
    root: PathBuf,
    shown: String,
    /// Folders that were looked through for what killed pushes left.
    swept: Mutex<BTreeSet<PathBuf>>,
}

impl FolderStore {
    /// A folder by its path, which people may write with links in it.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        let root = fsx::resolve(root);
        Self {
            shown: root.display().to_string(),
            root,
            swept: Mutex::default(),
        }
    }

    /// Its path, without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    pub(super) fn put(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<PutOutcome> {
        let path = self.root.join(name.as_str());
        let parent = path.parent().unwrap_or(&self.root);
        if name.as_str() == README {
            self.make_root()?;
        } else {
            self.check_mounted()?;
            fsx::create_dir_all_durably(parent)?;
        }
        if let Some(outcome) = self.compare(name, file)? {
            return Ok(outcome);
        }
        self.sweep(parent)?;
        let partial = parent.join(format!("{PARTIAL}{:016x}", random()?));
        let linked = write(file, &partial).and_then(|()| give_name(&partial, &path));
        if fsx::look(&partial)?.is_some() {
            fsx::remove(&partial)?;
        }
        let linked = linked?;
        fsx::sync_dir(parent)?;
        match linked {
            Linked::Exists => self.compare(name, file)?.ok_or_else(|| {
                let name = name.to_string();
                fault_of(&self.shown, StoreFault::Unconfirmed { name })
            }),
            Linked::Done | Linked::Unsupported => Ok(PutOutcome::Stored(Confirmation::Md5)),
        }
    }

    pub(super) fn head(&self, name: &ObjectName) -> Result<Option<ObjectStat>> {
        self.check_mounted()?;
        let path = self.root.join(name.as_str());
        let Some(meta) = look(&path)? else {
            return Ok(None);
        };
        Ok(meta.is_file().then_some(ObjectStat {
            size: meta.len(),
            md5: None,
        }))
    }

    pub(super) fn body(&self, name: &ObjectName, range: Range<u64>) -> Result<ObjectBody<'_>> {
        let path = self.root.join(name.as_str());
        let mut file = fsx::open(&path)?;
        file.seek(SeekFrom::Start(range.start))
            .map_err(|error| Error::file("read", &path, error))?;
        Ok(Box::new(FolderReader { file, path }))
    }

    pub(super) fn list(&self, prefix: &str, after: Option<&str>) -> Result<ObjectPage> {
        self.check_mounted()?;
        let mut page = PageBuilder::new(prefix, after);
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let path = self.root.join(&folder);
            fsx::for_each_entry(&path, &mut |name, kind| {
                let is_partial = is_partial(&name);
                let full = joined(&folder, &name);
                let name = full.as_deref().and_then(ObjectName::new);
                match name {
                    Some(name) if kind.is_dir() => {
                        let (name, prefix) = (name.as_str(), prefix);
                        if prefix.starts_with(name) || name.starts_with(prefix) {
                            folders.push(name.to_owned());
                        }
                    }
                    Some(name) if kind.is_file() => {
                        if !page.wants(&name) {
                            // Only that it is there matters.
                            page.add(name, ObjectStat { size: 0, md5: None });
                        } else if let Some(meta) = look(&self.root.join(name.as_str()))? {
                            let size = meta.len();
                            page.add(name, ObjectStat { size, md5: None });
                        }
                    }
                    _ if is_partial => {}
                    _ => page.add_foreign(),
                }
                Ok(())
            })?;
        }
        Ok(page.finish())
    }

    /// What a put comes to where the name is taken; `None` where it is free.
    fn compare(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<Option<PutOutcome>> {
        let path = self.root.join(name.as_str());
        if look(&path)?.is_none() {
            return Ok(None);
        }
        let there = digest(&mut fsx::open(&path)?);
        let (size, md5) = there.map_err(|error| Error::file("read", &path, error))?;
        Ok(Some(if (size, md5) == (file.size, file.md5) {
            PutOutcome::Stored(Confirmation::Md5)
        } else {
            let md5 = Some(md5);
            PutOutcome::Exists(ObjectStat { size, md5 })
        }))
    }

    fn check_mounted(&self) -> Result<()> {
        if look(&self.root.join(README))?.is_none_or(|meta| !meta.is_file()) {
            return Err(fault_of(&self.shown, StoreFault::NotMounted));
        }
        Ok(())
    }

    /// Makes the folder itself, but not where it should be in.
    fn make_root(&self) -> Result<()> {
        let parent = self.root.parent().unwrap_or(&self.root);
        if !fsx::is_dir(parent)? {
            return Err(fault_of(&self.shown, StoreFault::NotMounted));
        }
        fsx::create_dir_all_durably(&self.root)
    }

    /// Removes what pushes left that were killed long ago.
    fn sweep(&self, folder: &Path) -> Result<()> {
        if !lock(&self.swept).insert(folder.to_path_buf()) {
            return Ok(());
        }
        let mut stale = Vec::new();
        fsx::for_each_entry(folder, &mut |name, kind| {
            if is_partial(&name) && kind.is_file() {
                stale.push(folder.join(name));
            }
            Ok(())
        })?;
        for path in stale {
            let old = look(&path)?.is_some_and(|meta| {
                let since = meta
                    .modified()
                    .map(|time| SystemTime::now().duration_since(time));
                matches!(since, Ok(Ok(since)) if since > STALE)
            });
            if old {
                fsx::remove(&path)?;
            }
        }
        Ok(())
    }
}

/// What is there; a folder on the way that is missing is no failure.
fn look(path: &Path) -> Result<Option<std::fs::Metadata>> {
    match fsx::look(path) {
        Err(Error::File { source, .. })
            if matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        other => other,
    }
}

fn write(file: &SpoolFile<'_>, partial: &Path) -> Result<()> {
    let mut from = file.open()?;
    let mut to = fsx::create_new(partial)?;
    io::copy(&mut from, &mut to).map_err(|error| Error::file("write", partial, error))?;
    fsx::sync_file(&to, partial)
}

/// Gives a file its name if that is free. FAT takes no links, but renames as carefully.
fn give_name(partial: &Path, path: &Path) -> Result<Linked> {
    match fsx::link(partial, path)? {
        Linked::Unsupported => fsx::rename_to_free(partial, path),
        linked => Ok(linked),
    }
}

fn random() -> Result<u64> {
    getrandom::u64().map_err(|error| Error::Config {
        message: format!("the system gives no random numbers: {error}"),
        hint: None,
    })
}

fn is_partial(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PARTIAL.as_bytes())
}

fn joined(folder: &str, name: &OsStr) -> Option<String> {
    let name = name.to_str()?;
    Some(if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    })
}

/// Reads a file, with errors that name it.
struct FolderReader {
    file: std::fs::File,
    path: PathBuf,
}

impl Read for FolderReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer);
        read.map_err(|error| io::Error::other(Error::file("read", &self.path, error)))
    }
}
