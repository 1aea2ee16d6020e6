//! Message files in their folders: new ones under `tmp`, whole ones under `cur`.
//!
//! A file's name says what it holds, so giving a name twice is harmless and a wrong
//! file under a right name is noticed. At most one file per folder and base.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use crate::base::error::{Error, Result};
use crate::base::fsx::{self, Linked, StagedFile, Staging, UnnamedFile};
use crate::mail::message::{Digest, Scanner};
use crate::vault::frame::{self, Compressor};
use crate::vault::layout::{FileName, Layout, base_of, is_account, is_folder_dir};

/// Numbers the files that this process makes under `tmp`.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A message that is written, but has no name yet and may not be durable.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The file.
    pub(crate) file: StagedFile,
    /// Length of the file on disk.
    pub(crate) stored: u64,
    /// What is known of the content.
    pub(crate) digest: Digest,
}

/// Writes messages of one account under its `tmp`: hash and compression in one pass.
pub(crate) struct Packer {
    tmp: PathBuf,
    staging: Staging,
    scanner: Scanner,
    compressor: Compressor,
    date: Option<u64>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer")
            .field("tmp", &self.tmp)
            .finish_non_exhaustive()
    }
}

impl Packer {
    /// A packer for `account`, whose folder must exist.
    pub(crate) fn new(
        layout: &Layout,
        account: &str,
        level: i32,
        staging: &Staging,
    ) -> Result<Self> {
        let tmp = layout.tmp(account);
        let compressor =
            Compressor::new(level).map_err(|e| Error::file("compress into", &tmp, e))?;
        Ok(Self {
            tmp,
            staging: staging.clone(),
            scanner: Scanner::new(),
            compressor,
            date: None,
        })
    }

    /// Gives the next message this time, in Unix seconds, and not that of its header.
    pub(crate) fn date(&mut self, time: Option<u64>) {
        self.date = time;
    }

    /// Writes a message that is whole in memory.
    pub(crate) fn whole(&mut self, content: &[u8]) -> Result<Packed> {
        let mut file = self.create()?;
        self.scanner.update(content);
        let digest = self.scanner.finish();
        let written = self.compressor.write_whole(content, &mut file);
        file.finish(written, digest, self.date.take())
    }

    /// Writes a message that comes in pieces: `head`, then what `next` gives.
    pub(crate) fn pieces<P: AsRef<[u8]>>(
        &mut self,
        head: &[u8],
        mut next: impl FnMut() -> Option<P>,
    ) -> Result<Packed> {
        let mut file = self.create()?;
        let written = (|| {
            let mut stream = self.compressor.stream(&mut file)?;
            self.scanner.update(head);
            stream.write(head)?;
            while let Some(piece) = next() {
                self.scanner.update(piece.as_ref());
                stream.write(piece.as_ref())?;
            }
            stream.finish()
        })();
        let digest = self.scanner.finish();
        file.finish(written, digest, self.date.take())
    }

    fn create(&self) -> Result<NewFile> {
        if let Some(file) = self.staging.create(&self.tmp)? {
            return Ok(NewFile::Unnamed(file));
        }
        let path = new_name(&self.tmp);
        let file = fsx::create_new(&path)?;
        Ok(NewFile::Named(path, file))
    }
}

/// A file that is being written.
enum NewFile {
    Named(PathBuf, fs::File),
    Unnamed(UnnamedFile),
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Named(_, file) => file.write(bytes),
            Self::Unnamed(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile {
    fn handle(&self) -> &fs::File {
        match self {
            Self::Named(_, file) => file,
            Self::Unnamed(file) => file.file(),
        }
    }

    fn finish(self, written: io::Result<u64>, digest: Digest, date: Option<u64>) -> Result<Packed> {
        let header = Some(u64::from(digest.received)).filter(|time| *time > 0);
        let time = date.or(header);
        let time = time.map(|time| UNIX_EPOCH + Duration::from_secs(time));
        let set = time.map_or(Ok(()), |time| self.handle().set_modified(time));
        let file = match self {
            Self::Named(path, _) => StagedFile::Named(path),
            Self::Unnamed(file) => StagedFile::Unnamed(file),
        };
        let failed = |what| move |path: &Path, e| Error::file(what, path, e);
        let done = match (written, set) {
            (Err(e), _) => Err(failed("write")(file.path(), e)),
            (_, Err(e)) => Err(failed("set the time of")(file.path(), e)),
            (Ok(stored), Ok(())) => Ok(stored),
        };
        match done {
            Ok(stored) => Ok(Packed {
                file,
                stored,
                digest,
            }),
            Err(e) => {
                let _ = file.discard();
                Err(e)
            }
        }
    }
}

fn new_name(tmp: &Path) -> PathBuf {
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    tmp.join(format!("{}.{n}", std::process::id()))
}

/// Makes an empty file in `tmp`. If the next run finds it there, files of the account may have
/// names and no lines, as after a kill.
pub(crate) fn mark(tmp: &Path) -> Result<PathBuf> {
    let path = new_name(tmp);
    fsx::create_new(&path)?;
    Ok(path)
}

/// Creates what is missing of a folder, durably. `dir` is empty for the root.
pub fn create_folder(layout: &Layout, account: &str, dir: &str) -> Result<()> {
    let root = layout.folder(account, dir);
    let mut whole = true;
    for name in ["tmp", "new", "cur"] {
        whole &= fsx::is_dir(&root.join(name))?;
    }
    if whole {
        return Ok(());
    }
    fsx::create_dir_all_durably(&root)?;
    for name in ["cur", "new", "tmp"] {
        fsx::create_dir(&root.join(name))?;
    }
    let marker = root.join("maildirfolder");
    if !dir.is_empty() && !fsx::is_file(&marker)? {
        fsx::create_new(&marker)?;
    }
    fsx::sync_dir(&root)
}

/// How a message got its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is new in the folder.
    New,
    /// The folder had it.
    Known,
    /// The folder had a damaged file of that name, which was moved away.
    Replaced,
}

/// Gives `from` its name in `cur`. A file of that name which does not hold what its
/// name says goes to quarantine first.
pub(crate) fn place(
    layout: &Layout,
    from: &StagedFile,
    folder: &Path,
    name: &FileName,
    flags: &str,
) -> Result<Placed> {
    let to = folder.join("cur").join(name.with_flags(flags));
    let mut placed = Placed::New;
    loop {
        match from.link(&to)? {
            Linked::Done => return Ok(placed),
            Linked::Exists => {
                if frame::check(&to, name.hash, name.size).is_ok() {
                    return Ok(Placed::Known);
                }
                quarantine(layout, &to)?;
                placed = Placed::Replaced;
            }
            Linked::Unsupported => {
                if fsx::look(&to)?.is_some() {
                    if frame::check(&to, name.hash, name.size).is_ok() {
                        return Ok(Placed::Known);
                    }
                    quarantine(layout, &to)?;
                    placed = Placed::Replaced;
                }
                copy(from, &to)?;
                return Ok(placed);
            }
        }
    }
}

/// A second copy, where a second name cannot be had.
pub(crate) fn copy(from: &StagedFile, to: &Path) -> Result<()> {
    let folder = to.parent().and_then(Path::parent).unwrap_or(to);
    let tmp = new_name(&folder.join("tmp"));
    let mut source = from.reopen()?;
    let mut target = fsx::create_new(&tmp)?;
    let modified = source.metadata().and_then(|m| m.modified());
    io::copy(&mut source, &mut target)
        .and_then(|_| target.flush())
        .map_err(|e| Error::file("write", &tmp, e))?;
    if let Ok(time) = modified {
        fsx::set_modified(&target, &tmp, time)?;
    }
    fsx::sync_file(&target, &tmp)?;
    fsx::rename(&tmp, to)
}

/// Moves a file out of the way, under a name that is free.
pub(crate) fn quarantine(layout: &Layout, path: &Path) -> Result<PathBuf> {
    let dir = layout.quarantine();
    fsx::create_dir_all_durably(&dir)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut to = dir.join(&*name);
    for n in 1.. {
        if fsx::look(&to)?.is_none() {
            break;
        }
        to = dir.join(format!("{name}.{n}"));
    }
    fsx::rename(path, &to)?;
    fsx::sync_dir(&dir)?;
    if let Some(parent) = path.parent() {
        fsx::sync_dir(parent)?;
    }
    Ok(to)
}

/// Finds the file of a message in a folder, whatever flags it was given since.
pub(crate) fn find(folder: &Path, name: &FileName, flags: &str) -> Result<Option<PathBuf>> {
    let usual = folder.join("cur").join(name.with_flags(flags));
    if fsx::look(&usual)?.is_some() {
        return Ok(Some(usual));
    }
    let base = name.base();
    for sub in ["cur", "new"] {
        let (mut found, dir) = (None, folder.join(sub));
        for_each_name(&dir, &mut |name| {
            if found.is_none() && base_of(&name) == base {
                found = Some(dir.join(name));
            }
            Ok(())
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The names in a directory; a missing directory is empty, an unreadable one an error.
pub fn list(dir: &Path) -> Result<Vec<String>> {
    let listed = entries(dir)?.into_iter();
    Ok(listed.map(|(name, _)| name).collect())
}

/// Calls `each` with every name in a directory; a missing one has none.
pub(crate) fn for_each_name(dir: &Path, each: &mut dyn FnMut(String) -> Result<()>) -> Result<()> {
    if !fsx::is_dir(dir)? {
        return Ok(());
    }
    fsx::for_each_entry(dir, &mut |name, _| {
        each(name.to_string_lossy().into_owned())
    })
}

/// The same with what they are.
pub(crate) fn entries(dir: &Path) -> Result<Vec<(String, fs::FileType)>> {
    match fsx::list(dir) {
        Ok(entries) => Ok(entries
            .into_iter()
            .map(|(name, kind)| (name.to_string_lossy().into_owned(), kind))
            .collect()),
        Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Unfinished files that a run of ours left in the `tmp` of a folder.
pub(crate) fn leftovers(folder: &Path) -> Result<Vec<PathBuf>> {
    let tmp = folder.join("tmp");
    // Others, such as a Dovecot that serves the tree, write there too.
    let ours = |name: &String| {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        name.split_once('.')
            .is_some_and(|(pid, n)| digits(pid) && digits(n))
    };
    let names = list(&tmp)?.into_iter().filter(ours);
    Ok(names.map(|name| tmp.join(name)).collect())
}

/// The accounts that have a directory. Other programs keep files beside these; a link is not passed
/// over, since it is to be refused.
pub(crate) fn accounts(layout: &Layout) -> Result<Vec<String>> {
    let mut accounts = Vec::new();
    for (name, kind) in entries(&layout.mail_dir())? {
        if is_account(&name) && (kind.is_dir() || kind.is_symlink()) {
            accounts.push(name);
        }
    }
    Ok(accounts)
}

/// What lies beside the accounts and is no directory, but for hidden files.
pub(crate) fn strays(layout: &Layout) -> Result<Vec<String>> {
    let mut strays = Vec::new();
    for (name, kind) in entries(&layout.mail_dir())? {
        if !name.starts_with('.') && !kind.is_dir() && !kind.is_symlink() {
            strays.push(name);
        }
    }
    strays.sort();
    Ok(strays)
}

/// The folders of an account below its directory: the root as an empty name, and the
/// Maildir++ subfolders.
pub(crate) fn folders(layout: &Layout, account: &str) -> Result<Vec<String>> {
    let mut dirs = vec![String::new()];
    let root = layout.mail(account);
    for (name, kind) in entries(&root)? {
        // Other programs keep files there; a directory that no folder can have is not ours.
        let is_folder = name.starts_with('.') && is_folder_dir(&name) && !kind.is_file();
        if is_folder && fsx::is_dir(&root.join(&name).join("cur"))? {
            dirs.push(name);
        }
    }
    dirs.sort();
    Ok(dirs)
}
