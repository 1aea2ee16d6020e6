//! A directory that is exported to: the note that says so, the files on their way to
//! their names, and which name which folder got.
//!
//! A file is written in a staging directory, made durable with others of its batch, and
//! then renamed. What a killed export left there is removed by the next.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::Format;
use crate::base::account_name::AccountNames;
use crate::base::error::{Error, Result};
use crate::base::fsx::{self, BatchSync};
use crate::mail::export_note::{ExportNote, HIDDEN_NOTE, NOTE, RESTORE_FOLDER};
use crate::mail::message::Hash128;

/// Where files are written before they have a name.
const STAGING: &str = "mailvault-export.tmp";
/// Files and bytes of a batch.
const BATCH: usize = 1_024;
const BATCH_BYTES: u64 = 32 << 20;

/// The note of an earlier export, or a new one; [`Error::Unfit`] if the directory holds
/// something else.
pub(super) fn look(
    root: &Path,
    format: Format,
    crlf: bool,
    accounts: &[String],
    names: &AccountNames,
) -> Result<ExportNote> {
    let root = &fsx::resolve(root);
    let unfit = |reason: String, hint: &str| {
        Err(Error::Unfit {
            doing: "export to",
            path: root.clone(),
            reason,
            hint: Some(hint.to_owned()),
        })
    };
    let another = "choose a new directory";
    let name = note(root, format)?;
    let text = match fsx::read(&root.join(name)) {
        Ok(text) => text,
        Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return match stranger(root)? {
                None => {
                    let only = match accounts {
                        [only] => Some(only.clone()),
                        _ => None,
                    };
                    Ok(ExportNote::new(format.name(), crlf, only))
                }
                Some(name) => unfit(
                    format!("it is not empty (it contains {name}), and is not an earlier export"),
                    another,
                ),
            };
        }
        Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotADirectory => {
            return unfit("it is a file".to_owned(), another);
        }
        Err(e) => return Err(e),
    };
    let Some(state) = ExportNote::parse(&text) else {
        return unfit(
            format!("its {name} cannot be read by this version"),
            another,
        );
    };
    if state.format != format.name() {
        return unfit(
            format!("it contains an earlier export as {}", state.format),
            another,
        );
    }
    if state.crlf != crlf {
        let which = if crlf { "without" } else { "with" };
        return unfit(
            format!("its earlier export was made {which} --crlf"),
            another,
        );
    }
    if let Some(only) = &state.account
        && let Some(other) = accounts.iter().find(|name| *name != only)
    {
        let (only, other) = (names.shown(only), names.shown(other));
        return unfit(
            format!("it contains only the account {only}, and {other} would be added"),
            &format!("choose a new directory, or select account:{only}"),
        );
    }
    Ok(state)
}

/// Something in the directory that is not ours.
fn stranger(root: &Path) -> Result<Option<String>> {
    let names = crate::vault::maildir::list(root)?;
    Ok(names.into_iter().find(|name| {
        let ours = name.strip_prefix('.').unwrap_or(name);
        let known = [
            STAGING,
            RESTORE_FOLDER,
            "lost+found",
            "mailvault-export.json.tmp",
        ];
        !known.contains(&ours)
    }))
}

/// The name of the note in a directory.
fn note(root: &Path, format: Format) -> Result<&'static str> {
    for name in [NOTE, HIDDEN_NOTE] {
        if fsx::look(&root.join(name))?.is_some() {
            return Ok(name);
        }
    }
    Ok(match format {
        Format::Mbox => HIDDEN_NOTE,
        _ => NOTE,
    })
}

/// Refuses a file that is there and not empty.
pub(super) fn refuse_taken(path: &Path) -> Result<()> {
    match fsx::look(&fsx::resolve_parent(path))? {
        Some(_) => Err(Error::Unfit {
            doing: "export to",
            path: path.to_path_buf(),
            reason: "it already exists".to_owned(),
            hint: Some("choose a new file, or remove this one first".to_owned()),
        }),
        None => Ok(()),
    }
}

/// The directory, open for writing.
#[derive(Debug)]
pub(super) struct ExportPlace {
    root: PathBuf,
    names: AccountNames,
    note: &'static str,
    /// The note as it is on the disk.
    saved: Option<Vec<u8>>,
    is_new: bool,
    pub(super) state: ExportNote,
    staging: PathBuf,
    lock: Option<fs::File>,
    sync: BatchSync,
    next: u64,
    /// Written files that wait for their names.
    pending: Vec<PendingFile>,
    bytes: u64,
    /// Files that had the bytes of an earlier export when they were read, and how they looked.
    read: HashMap<PathBuf, FileLook>,
    /// Files below the root that were left as they are: somebody else has changed them.
    foreign: BTreeSet<PathBuf>,
}

/// A file on its way to its name.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) file: std::io::BufWriter<fs::File>,
    pub(super) path: PathBuf,
    /// Of its bytes, if a later export may replace it.
    hasher: Option<blake3::Hasher>,
}

/// A written file, its name, and what it may replace there.
#[derive(Debug)]
struct PendingFile {
    from: PathBuf,
    to: PathBuf,
    /// Of its bytes, which the note keeps.
    hash: Option<Hash128>,
    /// Of the bytes that were read from the file it replaces.
    over: Option<Hash128>,
}

/// What changes whenever a file is written to.
#[derive(Debug, PartialEq, Eq)]
struct FileLook {
    size: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileLook {
    fn of(meta: &fs::Metadata) -> Self {
        Self {
            size: meta.size(),
            inode: meta.ino(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

impl Staged {
    /// Adds bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        self.file
            .write_all(bytes)
            .map_err(|e| Error::file("write", &self.path, e))
    }

    /// Removes it.
    pub(super) fn give_up(self) -> Result<()> {
        let Self { file, path, .. } = self;
        drop(file);
        fsx::remove(&path)
    }
}

impl ExportPlace {
    pub(super) fn open(
        root: &Path,
        format: Format,
        crlf: bool,
        accounts: &[String],
        names: &AccountNames,
    ) -> Result<Self> {
        // The directory may be a link; below it nothing is followed.
        let root = &fsx::resolve(root);
        let state = look(root, format, crlf, accounts, names)?;
        fsx::create_dir_all_durably(root)?;
        let staging = root.join(STAGING);
        fsx::create_dir(&staging)?;
        let lock = fsx::open_or_create(&staging.join("lock"))?;
        if lock.try_lock().is_err() {
            return Err(Error::Unfit {
                doing: "export to",
                path: root.clone(),
                reason: "another mailvault is using it".to_owned(),
                hint: None,
            });
        }
        for left in crate::vault::maildir::list(&staging)? {
            // Whatever else lies there is none of ours.
            if left.bytes().all(|b| b.is_ascii_digit()) {
                fsx::remove(&staging.join(left))?;
            }
        }
        let note = note(root, format)?;
        let saved = fsx::read(&root.join(note)).ok();
        let mut place = Self {
            sync: BatchSync::new(root)?,
            is_new: saved.is_none(),
            saved,
            note,
            root: root.clone(),
            names: names.clone(),
            state,
            staging,
            lock: Some(lock),
            next: 0,
            pending: Vec::new(),
            bytes: 0,
            read: HashMap::new(),
            foreign: BTreeSet::new(),
        };
        place.save()?;
        Ok(place)
    }

    /// Writes the note, unless the disk has it.
    pub(super) fn save(&mut self) -> Result<()> {
        let file = self.root.join(self.note);
        let text = self.state.text();
        let text = text.map_err(|e| Error::file("write", &file, e.into()))?;
        if self.saved.as_deref() == Some(text.as_bytes()) {
            return fsx::remove_unfinished(&file);
        }
        fsx::write_durably(&file, text.as_bytes())?;
        self.saved = Some(text.into_bytes());
        Ok(())
    }

    /// The directory itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// True if no export was here before.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// What an account of the vault is called.
    pub(super) fn shown<'a>(&'a self, account: &'a str) -> &'a str {
        self.names.shown(account)
    }

    /// True if each account has a directory of its own.
    pub(super) fn several(&self) -> bool {
        self.state.account.is_none()
    }

    /// A new file without a name, which no later export replaces.
    pub(super) fn stage(&mut self) -> Result<Staged> {
        let path = self.staging.join(self.next.to_string());
        self.next += 1;
        let file = fsx::create_new(&path)?;
        Ok(Staged {
            file: std::io::BufWriter::with_capacity(64 << 10, file),
            path,
            hasher: None,
        })
    }

    /// A new file without a name, in whose place a later export may put another.
    pub(super) fn stage_replaceable(&mut self) -> Result<Staged> {
        Ok(Staged {
            hasher: Some(blake3::Hasher::new()),
            ..self.stage()?
        })
    }

    /// Lets a file have its name with the next batch, and this time.
    pub(super) fn keep(&mut self, staged: Staged, name: PathBuf, date: i64) -> Result<()> {
        self.queue(staged, name, date, None)
    }

    fn queue(
        &mut self,
        staged: Staged,
        to: PathBuf,
        date: i64,
        over: Option<Hash128>,
    ) -> Result<()> {
        let Staged { file, path, hasher } = staged;
        let file = file
            .into_inner()
            .map_err(|e| Error::file("write", &path, e.into_error()))?;
        if let Some(date) = u64::try_from(date).ok().filter(|date| *date > 0) {
            fsx::set_modified(&file, &path, UNIX_EPOCH + Duration::from_secs(date))?;
        }
        self.bytes += file.metadata().map_or(0, |m| m.len());
        self.pending.push(PendingFile {
            from: path,
            to,
            hash: hasher.map(|hasher| Hash128::cut(hasher.finalize())),
            over,
        });
        if self.pending.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes a small file with the next batch.
    pub(super) fn write(&mut self, name: PathBuf, bytes: &[u8]) -> Result<()> {
        let mut staged = self.stage()?;
        staged.write(bytes)?;
        self.keep(staged, name, 0)
    }

    /// The same for one that a later export may replace.
    pub(super) fn write_replaceable(&mut self, name: PathBuf, bytes: &[u8]) -> Result<()> {
        let mut staged = self.stage_replaceable()?;
        staged.write(bytes)?;
        self.keep(staged, name, 0)
    }

    /// Replaces a file whose bytes were `old` when it was read.
    pub(super) fn rewrite(&mut self, name: PathBuf, old: &[u8], new: &[u8]) -> Result<()> {
        let mut staged = self.stage()?;
        staged.write(new)?;
        self.queue(staged, name, 0, Some(Hash128::of(old)))
    }

    /// True if a file has bytes that no export is known to have left there. It is then told of.
    pub(super) fn is_foreign(&mut self, path: &Path) -> Result<bool> {
        let is_foreign = self.foreign_hash(path, None)?.is_some();
        if is_foreign {
            self.leave(path);
        }
        Ok(is_foreign)
    }

    /// The hash of a file that must not be replaced, except by a file with that hash; `None` if
    /// it may be. `over` is another that it may have.
    fn foreign_hash(&mut self, path: &Path, over: Option<Hash128>) -> Result<Option<Hash128>> {
        let Some(meta) = fsx::look(path)?.filter(fs::Metadata::is_file) else {
            return Ok(None);
        };
        // Thunderbird wants an empty file next to the directory of the folders below it.
        if meta.len() == 0 || self.read.get(path) == Some(&FileLook::of(&meta)) {
            return Ok(None);
        }
        let hash = hash_of(path)?;
        if Some(hash) == over {
            return Ok(None);
        }
        if self.state.wrote(&self.within(path), hash) {
            self.read.insert(path.to_path_buf(), FileLook::of(&meta));
            return Ok(None);
        }
        Ok(Some(hash))
    }

    /// A path below the root, as the note has it.
    fn within(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        path.to_string_lossy().into_owned()
    }

    fn leave(&mut self, path: &Path) {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        self.foreign.insert(path.to_path_buf());
    }

    /// Makes what is pending durable and gives it its names. A file of that name is replaced
    /// only if an export left it there.
    pub(super) fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.bytes = 0;
        let files: Vec<PathBuf> = pending.iter().map(|file| file.from.clone()).collect();
        self.sync.sync(&files)?;
        let mut named = Vec::with_capacity(pending.len());
        let mut noted = false;
        for file in pending {
            if let Some(there) = self.foreign_hash(&file.to, file.over)?
                && hash_of(&file.from)? != there
            {
                self.leave(&file.to);
                fsx::remove(&file.from)?;
                continue;
            }
            if let Some(hash) = file.hash {
                self.state.will_write(&self.within(&file.to), hash);
                noted = true;
            }
            named.push(file);
        }
        if noted {
            // If this run is killed now, the next still knows the file, old or new.
            self.save()?;
        }
        let mut touched = BTreeSet::new();
        for PendingFile { from, to, hash, .. } in named {
            let dir = to.parent().unwrap_or(&self.root);
            if touched.insert(dir.to_path_buf()) {
                fsx::create_dir_all_durably(dir)?;
            }
            fsx::rename(&from, &to)?;
            if let Some(hash) = hash {
                self.state.has_written(&self.within(&to), hash);
            }
        }
        touched.iter().try_for_each(|dir| fsx::sync_dir(dir))
    }

    /// Ends the export. Gives the files that were left as they are, as somebody else has
    /// changed them.
    pub(super) fn finish(&mut self) -> Result<Vec<PathBuf>> {
        self.flush()?;
        self.save()?;
        self.lock = None;
        fsx::remove(&self.staging.join("lock"))?;
        if crate::vault::maildir::list(&self.staging)?.is_empty() {
            fsx::remove_dir(&self.staging)?;
        }
        fsx::sync_dir(&self.root)?;
        Ok(std::mem::take(&mut self.foreign).into_iter().collect())
    }
}

/// The hash of a file's bytes.
pub(super) fn hash_of(path: &Path) -> Result<Hash128> {
    let mut hasher = blake3::Hasher::new();
    hasher
        .update_reader(fsx::open(path)?)
        .map_err(|e| Error::file("read", path, e))?;
    Ok(Hash128::cut(hasher.finalize()))
}

/// Calls `each` with the names of a directory's files that have an id, told from the rest by
/// what stands after it. A missing directory has none.
pub(super) fn for_each_id(
    dir: &Path,
    behind: &str,
    each: &mut dyn FnMut(&str, Hash128) -> Result<()>,
) -> Result<()> {
    if !fsx::is_dir(dir)? {
        return Ok(());
    }
    fsx::for_each_entry(dir, &mut |name, kind| {
        let name = name.to_string_lossy();
        match id_of(&name, behind).filter(|_| kind.is_file()) {
            Some(id) => each(&name, id),
            None => Ok(()),
        }
    })
}

/// The id in a name.
pub(super) fn id_of(name: &str, behind: &str) -> Option<Hash128> {
    let end = name.rfind(behind)?;
    Hash128::parse(name.get(end.checked_sub(32)?..end)?)
}
