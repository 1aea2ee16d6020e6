//! A directory that is exported to: the note that says so, the files on their way to
//! their names, and which name which folder got.
//!
//! A file is written in a staging directory, made durable with others of its batch, and
//! then renamed. What a killed export left there is removed by the next.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Format, names};
use crate::base::error::{Error, Result};
use crate::base::fsx::{self, BatchSync};
use crate::mail::message::Hash128;

/// The note that makes a directory one of ours.
const NOTE: &str = "mailvault-export.json";
/// The same in a tree of mbox files, where Thunderbird takes every file for a folder that does
/// not begin with a dot. Older versions left [`NOTE`] there, too.
const HIDDEN_NOTE: &str = ".mailvault-export.json";
/// Where files are written before they have a name.
const STAGING: &str = "mailvault-export.tmp";
/// Files and bytes of a batch.
const BATCH: usize = 1_024;
const BATCH_BYTES: u64 = 32 << 20;

/// What the note says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlaceState {
    v: u32,
    format: String,
    crlf: bool,
    /// The only account; none if each has a directory of its own.
    account: Option<String>,
    /// The path of each folder, by account and directory.
    folders: BTreeMap<String, String>,
    /// What whole files hold, where one holds many messages.
    pub(super) files: BTreeMap<String, (String, u64)>,
}

impl PlaceState {
    /// The note of an earlier export, or a new one; [`Error::Unfit`] if the directory
    /// holds something else.
    pub(super) fn look(
        root: &Path,
        format: Format,
        crlf: bool,
        accounts: &[String],
    ) -> Result<Self> {
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
                    None => Ok(Self {
                        v: 1,
                        format: format.name().to_owned(),
                        crlf,
                        account: match accounts {
                            [only] => Some(only.clone()),
                            _ => None,
                        },
                        folders: BTreeMap::new(),
                        files: BTreeMap::new(),
                    }),
                    Some(name) => unfit(
                        format!(
                            "it is not empty (it contains {name}), and is not an earlier \
                        export"
                        ),
                        another,
                    ),
                };
            }
            Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotADirectory => {
                return unfit("it is a file".to_owned(), another);
            }
            Err(e) => return Err(e),
        };
        let Some(state) = serde_json::from_slice::<Self>(&text)
            .ok()
            .filter(|s| s.v == 1)
        else {
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
            return unfit(
                format!("it contains only the account {only}, and {other} would be added"),
                &format!("choose a new directory, or select account:{only}"),
            );
        }
        Ok(state)
    }
}

/// What a file holds, as the note says it.
fn sum(text: &[u8]) -> (String, u64) {
    (Hash128::of(text).to_string(), text.len() as u64)
}

/// The name in the note of what a file will hold. No file has it.
fn coming(name: &str) -> String {
    format!("{name}/new")
}

/// Something in the directory that is not ours.
fn stranger(root: &Path) -> Result<Option<String>> {
    let names = crate::vault::maildir::list(root)?;
    Ok(names.into_iter().find(|name| {
        let ours = name.strip_prefix('.').unwrap_or(name);
        ![STAGING, "lost+found", "mailvault-export.json.tmp"].contains(&ours)
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
    note: &'static str,
    pub(super) state: PlaceState,
    staging: PathBuf,
    lock: Option<fs::File>,
    sync: BatchSync,
    next: u64,
    /// Written files, and the names that they get.
    pending: Vec<(PathBuf, PathBuf)>,
    bytes: u64,
}

/// A file on its way to its name.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) file: std::io::BufWriter<fs::File>,
    pub(super) path: PathBuf,
}

impl Staged {
    /// Adds bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|e| Error::file("write", &self.path, e))
    }

    /// Removes it.
    pub(super) fn give_up(self) -> Result<()> {
        let Self { file, path } = self;
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
    ) -> Result<Self> {
        // The directory may be a link; below it nothing is followed.
        let root = &fsx::resolve(root);
        let state = PlaceState::look(root, format, crlf, accounts)?;
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
            if left != "lock" {
                fsx::remove(&staging.join(left))?;
            }
        }
        let mut place = Self {
            sync: BatchSync::new(root)?,
            note: note(root, format)?,
            root: root.clone(),
            state,
            staging,
            lock: Some(lock),
            next: 0,
            pending: Vec::new(),
            bytes: 0,
        };
        place.save()?;
        Ok(place)
    }

    /// Writes the note.
    pub(super) fn save(&mut self) -> Result<()> {
        let file = self.root.join(self.note);
        let text = serde_json::to_string_pretty(&self.state)
            .map_err(|e| Error::file("write", &file, e.into()))?;
        fsx::write_durably(&file, text.as_bytes())
    }

    /// The directory itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// True if each account has a directory of its own.
    pub(super) fn several(&self) -> bool {
        self.state.account.is_none()
    }

    /// The path of a folder below the root, the same in every run. `wish` is tried first,
    /// part by part, and a number added where another folder has it, in whatever case.
    pub(super) fn folder(&mut self, account: &str, dir: &str, wish: &[String]) -> Result<PathBuf> {
        if let Some(path) = self.known_folder(account, dir) {
            return Ok(path);
        }
        let key = format!("{account}/{dir}");
        let taken: BTreeSet<String> = self
            .state
            .folders
            .values()
            .map(|path| path.to_lowercase())
            .collect();
        let path = names::unique(&wish.join("/"), &|path| taken.contains(path));
        self.state.folders.insert(key, path.clone());
        self.save()?;
        Ok(path.into())
    }

    /// The path of a folder that was exported to.
    pub(super) fn known_folder(&self, account: &str, dir: &str) -> Option<PathBuf> {
        let path = self.state.folders.get(&format!("{account}/{dir}"))?;
        // The note may have been edited.
        let parts = Path::new(path).components();
        Some(
            parts
                .filter(|part| matches!(part, std::path::Component::Normal(_)))
                .collect(),
        )
    }

    /// True if a file below the root is as an export left it. If one was killed between the
    /// write and the note, this makes up for the note: the next write replaces what was to come.
    pub(super) fn has_written(&mut self, file: &Path, text: &[u8]) -> bool {
        let (name, is) = (file.to_string_lossy(), sum(text));
        if self.state.files.get(&coming(&name)) == Some(&is) {
            self.written(file);
        }
        self.state.files.get(&*name) == Some(&is)
    }

    /// Notes what a file will hold besides what it holds now, as the write may fail.
    pub(super) fn about_to_write(&mut self, file: &Path, text: &[u8]) -> Result<()> {
        let name = coming(&file.to_string_lossy());
        self.state.files.insert(name, sum(text));
        self.save()
    }

    /// Notes, with what comes next, that it holds it.
    pub(super) fn written(&mut self, file: &Path) {
        let name = file.to_string_lossy();
        if let Some(sum) = self.state.files.remove(&coming(&name)) {
            self.state.files.insert(name.into_owned(), sum);
        }
    }

    /// True if a folder has a name that begins so.
    pub(super) fn has_named(&self, start: &str) -> bool {
        let mut paths = self.state.folders.values();
        paths.any(|path| path.starts_with(start))
    }

    /// The wish of a folder: the account where there are several, and the folder's parts.
    pub(super) fn wish(&self, account: &str, dir: &str) -> Vec<String> {
        let account = self.several().then(|| names::account(account));
        account.into_iter().chain(names::folder(dir)).collect()
    }

    /// A new file without a name.
    pub(super) fn stage(&mut self) -> Result<Staged> {
        let path = self.staging.join(self.next.to_string());
        self.next += 1;
        let file = fsx::create_new(&path)?;
        Ok(Staged {
            file: std::io::BufWriter::with_capacity(64 << 10, file),
            path,
        })
    }

    /// Lets a file have its name with the next batch, and this time.
    pub(super) fn keep(&mut self, staged: Staged, name: PathBuf, date: i64) -> Result<()> {
        let Staged { file, path } = staged;
        let file = file
            .into_inner()
            .map_err(|e| Error::file("write", &path, e.into_error()))?;
        if let Some(date) = u64::try_from(date).ok().filter(|date| *date > 0) {
            fsx::set_modified(&file, &path, UNIX_EPOCH + Duration::from_secs(date))?;
        }
        self.bytes += file.metadata().map_or(0, |m| m.len());
        self.pending.push((path, name));
        if self.pending.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes a small file at once, with the next batch.
    pub(super) fn write(&mut self, name: PathBuf, bytes: &[u8]) -> Result<()> {
        let mut staged = self.stage()?;
        staged.write(bytes)?;
        self.keep(staged, name, 0)
    }

    /// Makes what is pending durable and gives it its names.
    pub(super) fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.bytes = 0;
        let files: Vec<PathBuf> = pending.iter().map(|(from, _)| from.clone()).collect();
        self.sync.sync(&files)?;
        let mut touched = BTreeSet::new();
        for (from, to) in &pending {
            let dir = to.parent().unwrap_or(&self.root);
            if touched.insert(dir.to_path_buf()) {
                fsx::create_dir_all_durably(dir)?;
            }
            fsx::rename(from, to)?;
        }
        touched.iter().try_for_each(|dir| fsx::sync_dir(dir))
    }

    /// Ends the export.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.flush()?;
        self.save()?;
        self.lock = None;
        fsx::remove(&self.staging.join("lock"))?;
        fsx::remove_dir(&self.staging)?;
        fsx::sync_dir(&self.root)
    }
}

/// The ids in the names of a directory, told from the rest by what stands after them.
pub(super) fn ids(dir: &Path, behind: &str) -> Result<BTreeSet<Hash128>> {
    Ok(named(dir, behind)?.into_iter().map(|(_, id)| id).collect())
}

/// The same with the names.
pub(super) fn named(dir: &Path, behind: &str) -> Result<Vec<(String, Hash128)>> {
    let names = crate::vault::maildir::entries(dir)?.into_iter();
    Ok(names
        .filter(|(_, kind)| kind.is_file())
        .filter_map(|(name, _)| {
            let id = id_of(&name, behind)?;
            Some((name, id))
        })
        .collect())
}

/// The id in a name.
pub(super) fn id_of(name: &str, behind: &str) -> Option<Hash128> {
    let end = name.rfind(behind)?;
    Hash128::parse(name.get(end.checked_sub(32)?..end)?)
}
