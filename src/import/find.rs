//! Where the messages of a source are: which folders it has, of which form, and what is in
//! them ([`super::tree`] says what of it is looked at).

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use super::tree::{Child, SourceTree};
use super::{Unread, id_in, mbox, shown};
use crate::archive::commit::Route;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::mbox::{FromLine, Tag};
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::vault::layout::{folder_dir, folder_label};
use crate::vault::{Entry, Part, Selection, SelectionScope, Vault};

/// Folders below folders; more would be a loop of some kind.
const DEEPEST: usize = 64;

/// The form of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Maildir.
    Maildir,
    /// An mbox file.
    Mbox,
    /// Files of one message each.
    Eml,
    /// Another vault.
    Vault,
}

impl Kind {
    /// As the ledger names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Maildir => "maildir",
            Self::Mbox => "mbox",
            Self::Eml => "eml",
            Self::Vault => "vault",
        }
    }
}

/// A folder of the source.
#[derive(Debug)]
pub(super) struct SourceFolder {
    pub(super) kind: Kind,
    /// Its file or directory.
    path: PathBuf,
    /// The account, where the source says so.
    pub(super) account: Option<String>,
    /// The directory that it had in a vault or Maildir++ tree.
    dir: Option<String>,
    /// Its name, part by part; none for the inbox.
    parts: Vec<String>,
    pub(super) octets: u64,
    vault: Option<(Rc<(Vault, Selection)>, Part)>,
}

impl SourceFolder {
    fn new(kind: Kind, path: &Path, parts: &[String]) -> Self {
        Self {
            kind,
            path: path.to_path_buf(),
            account: None,
            dir: None,
            parts: parts.to_vec(),
            octets: 0,
            vault: None,
        }
    }

    /// The directory for its messages, where those of `taken` are in use.
    pub(super) fn target(&self, into: Option<&str>, taken: &[String]) -> String {
        let mut parts: Vec<String> = into
            .map(|into| into.split('/').map(str::to_owned).collect())
            .unwrap_or_default();
        parts.retain(|part| !part.is_empty());
        match &self.dir {
            Some(dir) if !dir.is_empty() => {
                parts.extend(folder_label(dir).split('/').map(str::to_owned));
            }
            Some(_) => {}
            None => {
                let mut own = self.parts.as_slice();
                while let Some((first, rest)) = own.split_first()
                    && !parts.is_empty()
                    && first.eq_ignore_ascii_case("INBOX")
                {
                    own = rest;
                }
                parts.extend_from_slice(own);
            }
        }
        if parts.is_empty() {
            return String::new();
        }
        let name = parts.join("/");
        let wish = folder_dir(name.as_bytes(), Some(b'/'), &|_| false);
        let other = |dir: &String| *dir != wish && dir.eq_ignore_ascii_case(&wish);
        if taken.iter().any(other) {
            return folder_dir(name.as_bytes(), Some(b'/'), &|_| true);
        }
        wish
    }
}

/// A message of the source.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Its place in an mbox file, and what was done to it.
    pub(super) range: Option<(u64, u64, Tag)>,
    pub(super) flags: String,
    /// When it was received, as the source has it.
    pub(super) date: Option<i64>,
    pub(super) octets: u64,
    /// The id that its name claims.
    pub(super) id: Option<Hash128>,
    pub(super) route: Option<Arc<Route>>,
}

impl Found {
    /// Where it is, in words.
    pub(super) fn place(&self) -> String {
        match self.range {
            Some((start, ..)) => format!("{} (byte {start})", self.path.display()),
            None => self.path.display().to_string(),
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
        let kind = if is_mbox(source)? {
            Kind::Mbox
        } else {
            Kind::Eml
        };
        let mut spot = SourceFolder::new(kind, source, &[]);
        spot.octets = meta.len();
        spots.push(spot);
    } else if fsx::is_file(&source.join("vault.toml"))? {
        vault(source, &mut spots)?;
    } else {
        walk(tree, source, &[], &mut spots)?;
        if spots.is_empty() {
            return Err(unfit(source, "it holds no Maildir, mbox or .eml files"));
        }
    }
    Ok(spots)
}

fn vault(source: &Path, spots: &mut Vec<SourceFolder>) -> Result<()> {
    let vault = Vault::open_foreign(source)?;
    let selection = vault.select(&Query::default(), false, SelectionScope::Ever)?;
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

fn walk(
    tree: &mut SourceTree,
    dir: &Path,
    parts: &[String],
    spots: &mut Vec<SourceFolder>,
) -> Result<()> {
    if parts.len() > DEEPEST {
        return Ok(());
    }
    let is_maildir = |dir: &Path| is_dir(&dir.join("cur")) || is_dir(&dir.join("new"));
    let within = |name: &str| [parts, &[name.to_owned()]].concat();
    let own = is_maildir(dir);
    if own {
        let mut spot = SourceFolder::new(Kind::Maildir, dir, parts);
        spot.octets = octets(tree, &dir.join("cur"))? + octets(tree, &dir.join("new"))?;
        spots.push(spot);
    }
    let mut eml: Option<SourceFolder> = None;
    for Child { name, path, size } in tree.children(dir)? {
        let Some(size) = size else {
            if name.starts_with('.') {
                if is_maildir(&path) {
                    let mut spot = SourceFolder::new(Kind::Maildir, &path, parts);
                    if parts.is_empty() {
                        spot.dir = Some(name);
                    } else {
                        let label = folder_label(&name);
                        spot.parts.extend(label.split('/').map(str::to_owned));
                    }
                    spot.octets =
                        octets(tree, &path.join("cur"))? + octets(tree, &path.join("new"))?;
                    spots.push(spot);
                }
            } else if !(own && ["cur", "new", "tmp"].contains(&name.as_str())) {
                let name = name.strip_suffix(".sbd").unwrap_or(&name);
                walk(tree, &path, &within(name), spots)?;
            }
            continue;
        };
        if !own {
            if has_suffix(&name, "eml") {
                let spot = eml.get_or_insert_with(|| SourceFolder::new(Kind::Eml, dir, parts));
                spot.octets += size;
            } else if is_mbox(&path)? {
                let stem = name.strip_suffix(".mbox").unwrap_or(&name);
                let mut spot = SourceFolder::new(Kind::Mbox, &path, &within(stem));
                spot.octets = size;
                spots.push(spot);
            }
        }
    }
    spots.extend(eml);
    Ok(())
}

fn is_dir(path: &Path) -> bool {
    fsx::is_dir(path).unwrap_or(false)
}

fn octets(tree: &mut SourceTree, dir: &Path) -> Result<u64> {
    if !is_dir(dir) {
        return Ok(0);
    }
    let all = tree.children(dir)?;
    Ok(all.iter().filter_map(|child| child.size).sum())
}

fn has_suffix(name: &str, suffix: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|e: &OsStr| e.eq_ignore_ascii_case(suffix))
}

fn is_mbox(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    fsx::open(path)?
        .take(512)
        .read_to_end(&mut start)
        .map_err(|e| Error::file("read", path, e))?;
    let line = start.split(|b| *b == b'\n').next().unwrap_or_default();
    Ok(FromLine::parse(line).is_some())
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
            in_vault(entries, &stopped, unread, &mut unless_stopped)
        }
        (None, Kind::Mbox) => mbox::scan(&spot.path, stop, &mut |start, end, line| {
            each(Found {
                path: spot.path.clone(),
                range: Some((start, end, line.tag)),
                flags: String::new(),
                date: Some(line.date),
                octets: end - start,
                id: None,
                route: None,
            });
        }),
        (None, Kind::Maildir) => in_maildir(&spot.path, tree, &mut unless_stopped),
        (None, _) => in_files(&spot.path, tree, &mut unless_stopped),
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
        each(Found {
            path,
            range: None,
            flags: entry.flags,
            date: Some(entry.date),
            octets: entry.name.size,
            id: Some(entry.name.hash),
            route: None,
        });
    }
    Ok(())
}

fn in_maildir(path: &Path, tree: &mut SourceTree, each: &mut dyn FnMut(Found)) -> Result<()> {
    for sub in ["cur", "new"] {
        let dir = path.join(sub);
        if !is_dir(&dir) {
            continue;
        }
        for Child { name, path, size } in tree.children(&dir)? {
            if size.is_some() && !name.starts_with('.') {
                let mut found = single(path, &name);
                if sub == "cur" {
                    found.flags = flags_of(&name);
                }
                each(found);
            }
        }
    }
    Ok(())
}

/// A file that is a message, or a directory of `.eml` files.
fn in_files(path: &Path, tree: &mut SourceTree, each: &mut dyn FnMut(Found)) -> Result<()> {
    if !is_dir(path) {
        let name = path.file_name().unwrap_or_default();
        each(eml(path.to_path_buf(), &name.to_string_lossy()));
        return Ok(());
    }
    for Child { name, path, size } in tree.children(path)? {
        if size.is_some() && has_suffix(&name, "eml") {
            each(eml(path, &name));
        }
    }
    Ok(())
}

/// A file that is one message. Whoever copied it gave it a time of its own, unless its name is
/// one of ours.
fn eml(path: PathBuf, name: &str) -> Found {
    let found = single(path, name);
    Found {
        date: found.date.filter(|_| found.id.is_some()),
        ..found
    }
}

fn single(path: PathBuf, name: &str) -> Found {
    let meta = fsx::look(&path).ok().flatten();
    let time = meta.as_ref().and_then(|m| m.modified().ok());
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Found {
        range: None,
        flags: String::new(),
        date: since.and_then(|s| i64::try_from(s.as_secs()).ok()),
        octets: meta.map_or(0, |m| m.len()),
        id: id_in(name),
        path,
        route: None,
    }
}

/// The flags in a Maildir's file name; T is not one that a vault keeps.
fn flags_of(name: &str) -> String {
    let letters = name.rsplit_once(":2,").map_or("", |(_, letters)| letters);
    let mut flags: Vec<char> = letters.chars().filter(|c| "DFPRS".contains(*c)).collect();
    flags.sort_unstable();
    flags.dedup();
    flags.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_that_a_vault_keeps() {
        assert_eq!(flags_of("1.x:2,TSRa"), "RS");
        assert_eq!(flags_of("1.x"), "");
    }

    #[test]
    fn folders_go_where_they_are_sent() {
        let spot = |dir: Option<&str>, parts: &[&str]| {
            let mut spot = SourceFolder::new(Kind::Mbox, Path::new("x"), &[]);
            spot.dir = dir.map(str::to_owned);
            spot.parts = parts.iter().map(ToString::to_string).collect();
            spot
        };
        for (dir, parts, into, wanted) in [
            (None, &[][..], None, ""),
            (None, &["Inbox"], None, ""),
            (None, &["Inbox"], Some("Old"), ".Old"),
            (
                None,
                &["Work", "2019.x"],
                Some("Old/Mail"),
                ".Old.Mail.Work.2019\\2ex",
            ),
            (Some(""), &[], Some("Old"), ".Old"),
            (Some(".Sent.2019"), &[], None, ".Sent.2019"),
            (Some(".Sent"), &[], Some("INBOX"), ".INBOX.Sent"),
        ] {
            assert_eq!(
                spot(dir, parts).target(into, &[]),
                wanted,
                "{dir:?} {parts:?} {into:?}"
            );
        }
        let taken = [".sent".to_owned()];
        let dir = spot(None, &["Sent"]).target(None, &taken);
        assert!(dir.starts_with(".mv-"), "{dir}");
    }
}
