//! Where the messages of a source are: which folders it has, of which form, and what is in
//! them ([`super::tree`] says what of it is looked at).

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use super::earlier::FileRecord;
use super::folder::{Kind, SourceFolder};
use super::form::{self, FileForm};
use super::mbox::MboxExtent;
use super::names::{FolderKeywords, KEYWORDS, flags};
use super::sorted::sorted_names;
use super::tree::{Child, SourceTree};
use super::walk::{is_dir, is_message_file};
use super::{Unread, emlx, id_in, mbox, reason, shown, walk};
use crate::archive::commit::Route;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::vault::{Entry, SelectionScope, Vault};

/// What of a file is a message.
#[derive(Debug)]
pub(super) enum MessageExtent {
    /// All of it.
    File,
    /// All of it but a `From ` line that it may begin with.
    Eml,
    /// From one byte to another (exclusive).
    Part(u64, u64),
    /// A part of an mbox file.
    Mbox(MboxExtent),
}

/// A message of the source.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) extent: MessageExtent,
    pub(super) flags: String,
    /// Keywords, sorted, with spaces between them.
    pub(super) keywords: String,
    /// When it was received, as the source has it.
    pub(super) date: Option<i64>,
    pub(super) octets: u64,
    /// The id that its name claims.
    pub(super) id: Option<Hash128>,
    pub(super) route: Option<Arc<Route>>,
    /// Its file, if that is to be remembered.
    pub(super) record: Option<Arc<FileRecord>>,
}

impl Found {
    pub(super) fn is_in_mbox(&self) -> bool {
        matches!(self.extent, MessageExtent::Mbox(_))
    }

    /// Where it is, in words.
    pub(super) fn place(&self) -> String {
        match &self.extent {
            MessageExtent::Mbox(extent) => {
                format!("{} (byte {})", self.path.display(), extent.start)
            }
            _ => self.path.display().to_string(),
        }
    }
}

/// An error for a source that cannot be one.
pub(super) fn unfit(path: &Path, reason: &str) -> Error {
    Error::Unfit {
        doing: "import",
        path: path.to_path_buf(),
        reason: reason.to_owned(),
        hint: None,
    }
}

/// The folders of a source.
pub(super) fn spots(source: &Path, tree: &mut SourceTree) -> Result<Vec<SourceFolder>> {
    let missing = || Error::file("read", source, std::io::ErrorKind::NotFound.into());
    let meta = fsx::look(source)?.ok_or_else(missing)?;
    let mut spots = Vec::new();
    if meta.is_file() {
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        let mut spot = SourceFolder::new(kind_of(source, &name)?, source, &[]);
        spot.octets = meta.len();
        spots.push(spot);
    } else if fsx::is_file(&source.join("vault.toml"))? {
        vault(source, &mut spots)?;
    } else {
        spots = walk::folders(source, tree)?;
        if spots.is_empty() {
            return Err(without_mail(source, tree));
        }
    }
    Ok(spots)
}

/// An mbox file, to be remembered when all of it was read.
pub(super) fn mbox_record(
    spot: &SourceFolder,
    tree: &SourceTree,
) -> Result<Option<Arc<FileRecord>>> {
    if spot.kind != Kind::Mbox {
        return Ok(None);
    }
    let meta = fsx::look(&spot.path)?;
    Ok(tree.record(&spot.path, meta.as_ref(), None))
}

/// The directories with the messages of Maildirs, if all folders are such.
pub(super) fn maildirs(spots: &[SourceFolder]) -> Option<Vec<PathBuf>> {
    let mut dirs = Vec::new();
    for spot in spots {
        if spot.kind != Kind::Maildir {
            return None;
        }
        let subs = ["cur", "new"].map(|sub| spot.path.join(sub));
        dirs.extend(subs.into_iter().filter(|dir| is_dir(dir)));
    }
    Some(dirs)
}

/// Why a directory is no source; what it has instead is named.
fn without_mail(source: &Path, tree: &SourceTree) -> Error {
    let reason = "it holds no Maildir, mbox or .eml files".to_owned();
    let Some((path, why)) = tree.first_skipped() else {
        return unfit(source, &reason);
    };
    let path = shown(path, source);
    unfit(source, &format!("{reason}; {}: {why}", path.display()))
}

/// What a single file is to be read as.
fn kind_of(source: &Path, name: &str) -> Result<Kind> {
    let refused = |reason: String, hint: &str| Error::Unfit {
        doing: "import",
        path: source.to_path_buf(),
        reason,
        hint: Some(hint.to_owned()),
    };
    Err(match form::look(source, name)? {
        FileForm::Mbox => return Ok(Kind::Mbox),
        FileForm::Message | FileForm::Emlx => return Ok(Kind::Eml),
        FileForm::Empty => refused(
            "it is empty".to_owned(),
            "check that it was copied completely",
        ),
        FileForm::Foreign(form) => refused(format!("it is {}", form.what), form.hint),
        FileForm::PartOfEmlx => refused(
            "Apple Mail has stored only part of the message in it".to_owned(),
            "let Apple Mail load the whole message, then import it again",
        ),
        FileForm::Unknown => refused(
            "it looks like neither an mbox file nor a message".to_owned(),
            "if it is one message, give it a name that ends in .eml",
        ),
    })
}

fn vault(source: &Path, spots: &mut Vec<SourceFolder>) -> Result<()> {
    let vault = Vault::open_foreign(source)?;
    let selection = vault.select(&Query::default(), false, SelectionScope::All)?;
    let shared = Rc::new((vault, selection));
    for part in &shared.1.folders {
        let mut spot = SourceFolder::new(Kind::Vault, source, &[]);
        spot.account = Some(part.account.clone());
        spot.dir = Some(part.dir.clone());
        spot.octets = part.octets;
        spot.vault = Some((Rc::clone(&shared), part.clone()));
        spots.push(spot);
    }
    Ok(())
}

/// Hands on every message of a folder.
pub(super) fn messages(
    spot: &SourceFolder,
    (source, tree): (&Path, &mut SourceTree),
    stop: &AtomicBool,
    unread: &mut Vec<Unread>,
    each: &mut dyn FnMut(Found),
) -> Result<()> {
    let stopped = || stop.load(Ordering::Relaxed);
    let mut unless_stopped = |found| {
        if !stopped() {
            each(found);
        }
    };
    match (&spot.vault, spot.kind) {
        (Some((shared, part)), _) => {
            let (vault, selection) = &**shared;
            let entries = vault.entries_in(selection, part);
            in_vault(entries, tree, &stopped, unread, &mut unless_stopped)
        }
        (None, Kind::Mbox) => {
            let scanned = mbox::scan(&spot.path, stop, unread, &mut |extent, date| {
                unless_stopped(Found {
                    path: spot.path.clone(),
                    flags: String::new(),
                    keywords: String::new(),
                    date: Some(date),
                    octets: extent.end - extent.start,
                    extent: MessageExtent::Mbox(extent),
                    id: None,
                    route: None,
                    record: None,
                });
            });
            if let Err(error) = scanned {
                unread.push(Unread {
                    place: spot.path.display().to_string(),
                    reason: reason(&error),
                });
            }
            Ok(())
        }
        (None, Kind::Maildir) => in_maildir(&spot.path, tree, &stopped, &mut unless_stopped),
        (None, _) => in_files(spot, tree, unread, &mut unless_stopped),
    }
    .map_err(|error| match error {
        Error::File {
            doing,
            path,
            source: cause,
        } => Error::File {
            doing,
            path: shown(&path, source).as_path().to_path_buf(),
            source: cause,
        },
        other => other,
    })
}

fn in_vault(
    entries: impl Iterator<Item = Result<Entry>>,
    tree: &SourceTree,
    stopped: &dyn Fn() -> bool,
    unread: &mut Vec<Unread>,
    each: &mut dyn FnMut(Found),
) -> Result<()> {
    for entry in entries {
        let entry = entry?;
        let Some(path) = entry.path else {
            unread.push(Unread {
                place: entry.name.hash.to_string(),
                reason: "its file is missing".to_owned(),
            });
            continue;
        };
        if stopped() {
            break;
        }
        let meta = fsx::look(&path).ok().flatten();
        each(Found {
            record: tree.record(&path, meta.as_ref(), Some(1)),
            path,
            extent: MessageExtent::File,
            flags: entry.flags,
            keywords: String::new(),
            date: Some(entry.date),
            octets: entry.name.size,
            id: Some(entry.name.hash),
            route: None,
        });
    }
    Ok(())
}

fn in_maildir(
    folder: &Path,
    tree: &mut SourceTree,
    stopped: &dyn Fn() -> bool,
    each: &mut dyn FnMut(Found),
) -> Result<()> {
    let mut keywords = FolderKeywords::read(folder).unwrap_or_else(|error| {
        tree.skip(&folder.join(KEYWORDS), &reason(&error));
        FolderKeywords::default()
    });
    for sub in ["cur", "new"] {
        let dir = folder.join(sub);
        if !is_dir(&dir) {
            continue;
        }
        for name in sorted_names(&dir)? {
            if stopped() {
                break;
            }
            let name = name?;
            let is_link = name.is_link;
            let found = tree.child(&dir, &name.into_name(), is_link)?;
            let Some((Child { name, path, size }, meta)) = found else {
                continue;
            };
            if size.is_none() {
                tree.skip(&path, "a directory among messages");
            } else if name.starts_with('.') {
                tree.skip(
                    &path,
                    "a hidden file, which programs create while they copy",
                );
            } else {
                tree.take(&dir, &name, &path);
                let record = tree.record(&path, Some(&meta), Some(1));
                let mut found = single(path, &name, Some(&meta));
                found.record = record;
                found.flags = flags(&name);
                found.keywords = keywords.of(&name);
                each(found);
            }
        }
    }
    if let Some(reason) = keywords.unknown() {
        tree.skip(folder, &reason);
    }
    Ok(())
}

/// A file that is a message, or a directory of such files.
fn in_files(
    spot: &SourceFolder,
    tree: &mut SourceTree,
    unread: &mut Vec<Unread>,
    each: &mut dyn FnMut(Found),
) -> Result<()> {
    let path = &spot.path;
    let files = if is_dir(path) {
        let mut files = tree.children(path)?;
        files.retain(|file| {
            let is_mailbox = spot.mailboxes.contains(&file.name);
            file.size.is_some() && is_message_file(&file.name) && !is_mailbox
        });
        files
    } else {
        let name = path.file_name().unwrap_or_default();
        vec![Child {
            name: name.to_string_lossy().into_owned(),
            path: path.clone(),
            size: Some(0),
        }]
    };
    for Child { name, path, .. } in files {
        if !form::has_suffix(&name, "emlx") {
            each(eml(path, &name, tree));
            continue;
        }
        match emlx::parts(&path) {
            Ok(parts) => each(Found {
                extent: MessageExtent::Part(parts.start, parts.end),
                flags: parts.flags,
                date: parts.date,
                octets: parts.end - parts.start,
                ..single(path.clone(), &name, None)
            }),
            Err(error) => unread.push(Unread {
                place: path.display().to_string(),
                reason: reason(&error),
            }),
        }
    }
    Ok(())
}

/// A file that is one message. Whoever copied it gave it a time of its own, unless its name is
/// one of ours.
fn eml(path: PathBuf, name: &str, tree: &SourceTree) -> Found {
    let meta = fsx::look(&path).ok().flatten();
    let record = tree.record(&path, meta.as_ref(), Some(1));
    let found = single(path, name, meta.as_ref());
    Found {
        extent: MessageExtent::Eml,
        date: found.date.filter(|_| found.id.is_some()),
        record,
        ..found
    }
}

fn single(path: PathBuf, name: &str, meta: Option<&Metadata>) -> Found {
    let time = meta.and_then(|m| m.modified().ok());
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Found {
        extent: MessageExtent::File,
        flags: String::new(),
        keywords: String::new(),
        date: since.and_then(|s| i64::try_from(s.as_secs()).ok()),
        octets: meta.map_or(0, Metadata::len),
        id: id_in(name),
        path,
        route: None,
        record: None,
    }
}
