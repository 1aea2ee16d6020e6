//! Two accounts become one. The line in the ledger decides it; the files follow, and whoever opens
//! the vault to write to it moves those that a killed run left where they were.
//!
//! A file gets its name in the other account before it loses the old one, and loses that only if
//! it is the same file or both were read and hold what their name says.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error as Typed;

use super::catalog::Catalog;
use super::layout::{FileName, Layout, base_of};
use super::ledger::LedgerEvent;
use super::{Vault, Writer, frame, maildir};
use crate::base::error::{Error, Result};
use crate::base::fsx::{self, StagedFile};

/// Names that are given and removed together.
const TOGETHER: usize = 1024;

/// What merging one account into another would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergePlan {
    /// The name in the vault of the account that is to become part of the other.
    pub account: String,
    /// The name in the vault of the other.
    pub into: String,
    /// Messages of the account, by folder.
    pub messages: u64,
    /// Of these, those that the same folder of the other account has, too.
    pub in_both: u64,
    /// Messages of both together afterwards.
    pub total: u64,
}

/// Why an account cannot become part of another.
#[derive(Debug, Typed)]
pub enum MergeFault {
    /// The vault has no account of this name.
    #[error("the vault has no account called \"{0}\"")]
    Unknown(String),
    /// Both names are those of one account.
    #[error("{account} and {into} are the same account")]
    Same {
        /// The name that was given first.
        account: String,
        /// The other.
        into: String,
    },
    /// It became part of this one or another before.
    #[error("{account} was merged into {into} already")]
    Before {
        /// The account.
        account: String,
        /// The account that has its mail.
        into: String,
    },
    /// They were never on one server under one user name.
    #[error("{account} ({}) and {into} ({}) have mail from different servers or users",
            .servers.join(", "), .others.join(", "))]
    Servers {
        /// The account.
        account: String,
        /// Where its mail is from.
        servers: Vec<String>,
        /// The other account.
        into: String,
        /// Where the mail of that is from.
        others: Vec<String>,
    },
    /// Something else failed.
    #[error(transparent)]
    Other(#[from] Error),
}

/// What merging would do, as a catalog has it. With `any_server` the accounts may be of different
/// servers or users.
fn plan(
    catalog: &Catalog,
    account: &str,
    into: &str,
    any_server: bool,
) -> Result<MergePlan, MergeFault> {
    let owned = str::to_owned;
    for name in [account, into] {
        if let Some((_, owner)) = catalog.merged().find(|(merged, _)| *merged == name) {
            return Err(MergeFault::Before {
                account: owned(name),
                into: owned(owner),
            });
        }
    }
    if account == into {
        return Err(MergeFault::Same {
            account: owned(account),
            into: owned(into),
        });
    }
    let known = catalog.status()?;
    for name in [account, into] {
        if !known.iter().any(|status| status.account == name) {
            return Err(MergeFault::Unknown(owned(name)));
        }
    }
    let servers = catalog.servers(account)?;
    let others = catalog.servers(into)?;
    let place = |server: &str| {
        let place = server.rsplit_once(':').map_or(server, |(place, _)| place);
        place.to_ascii_lowercase()
    };
    let shared = servers
        .iter()
        .any(|server| others.iter().any(|other| place(other) == place(server)));
    // What was only imported is of no server.
    if !(any_server || shared || servers.is_empty() || others.is_empty()) {
        return Err(MergeFault::Servers {
            account: owned(account),
            servers,
            into: owned(into),
            others,
        });
    }
    let overlap = catalog.overlap(account, into)?;
    Ok(MergePlan {
        account: owned(account),
        into: owned(into),
        messages: overlap.messages,
        in_both: overlap.in_both,
        total: overlap.messages + overlap.others - overlap.in_both,
    })
}

impl Vault {
    /// What merging `account` into `into` would do, by their names in the vault. With `any_server`
    /// they may be of different servers or users.
    pub fn plan_merge(
        &self,
        account: &str,
        into: &str,
        any_server: bool,
    ) -> Result<MergePlan, MergeFault> {
        plan(self.catalog(), account, into, any_server)
    }
}

impl Writer {
    /// Merges an account into another, by their names in the vault, whatever their servers are.
    pub fn merge(&mut self, account: &str, into: &str) -> Result<MergePlan, MergeFault> {
        let plan = plan(self.catalog(), account, into, true)?;
        self.refuse_damaged()?;
        self.require_merged()?;
        self.record(&[LedgerEvent::Merged {
            account: account.to_owned(),
            into: into.to_owned(),
        }])?;
        self.publish()?;
        self.finish_merges()?;
        Ok(plan)
    }

    /// Moves the files of accounts that became part of others, where that was not done yet.
    pub(super) fn finish_merges(&mut self) -> Result<()> {
        let merged: Vec<(String, String)> = { self.catalog().merged() }
            .map(|(account, into)| (account.to_owned(), into.to_owned()))
            .collect();
        if merged.is_empty() {
            return Ok(());
        }
        self.require_merged()?;
        for (account, into) in merged {
            if fsx::is_dir(&self.layout().mail(&account))? {
                self.move_mail(&account, &into)?;
            }
        }
        Ok(())
    }

    fn move_mail(&self, account: &str, into: &str) -> Result<()> {
        let layout = self.layout();
        for dir in maildir::folders(layout, account)? {
            maildir::create_folder(layout, into, &dir)?;
            let to = layout.folder(into, &dir);
            let bases = Bases::of(&to)?;
            for sub in ["cur", "new"] {
                let from = layout.folder(account, &dir).join(sub);
                loop {
                    let names = some_names(&from)?;
                    if names.is_empty() {
                        break;
                    }
                    self.move_names(&from, &names, &to.join(sub), &bases)?;
                }
            }
        }
        remove_emptied(layout, account)
    }

    /// Gives files their names in another directory, durably, and then removes the old ones.
    fn move_names(&self, from: &Path, names: &[OsString], to: &Path, bases: &Bases) -> Result<()> {
        let mut doubled = Vec::new();
        for name in names {
            let path = from.join(name);
            if place(self.layout(), &path, &to.join(name), bases)? {
                doubled.push(path);
            }
        }
        self.sync_links(to)?;
        doubled.iter().try_for_each(|path| fsx::remove(path))?;
        fsx::sync_dir(from)
    }
}

/// True if the files of an account that became part of another are still in its own directory.
pub(super) fn is_unfinished(layout: &Layout, catalog: &Catalog) -> Result<bool> {
    for (account, _) in catalog.merged() {
        if fsx::is_dir(&layout.mail(account))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lets a file have a name in the other account's folder, unless that has a file of the same base.
/// True if the old name is one too many now; what cannot be decided goes to quarantine.
fn place(layout: &Layout, from: &Path, to: &Path, bases: &Bases) -> Result<bool> {
    let name = from.file_name().unwrap_or_default().to_string_lossy();
    let Some(found) = fsx::look(from)?.filter(std::fs::Metadata::is_file) else {
        return maildir::quarantine(layout, from).map(|_| false);
    };
    let parsed = FileName::parse(&name).map(|(name, _)| name);
    let taken = match &parsed {
        Some(parsed) => bases.find(base_of(&name), parsed)?,
        None => None,
    };
    let taken = match taken {
        None => fsx::look(to)?.map(|other| (to.to_path_buf(), other)),
        taken => taken,
    };
    let Some((path, other)) = taken else {
        if fsx::link(from, to)? != fsx::Linked::Done {
            maildir::copy(&StagedFile::Named(from.to_path_buf()), to)?;
        }
        return Ok(true);
    };
    if (other.dev(), other.ino()) == (found.dev(), found.ino()) {
        return Ok(true);
    }
    let is_whole = |path: &Path| {
        { parsed.as_ref() }.is_some_and(|name| frame::check(path, name.hash, name.size).is_ok())
    };
    if !is_whole(from) {
        return maildir::quarantine(layout, from).map(|_| false);
    }
    if !is_whole(&path) {
        maildir::quarantine(layout, &path)?;
        if fsx::link(from, to)? != fsx::Linked::Done {
            maildir::copy(&StagedFile::Named(from.to_path_buf()), to)?;
        }
    }
    Ok(true)
}

/// Some of the names in a directory.
fn some_names(dir: &Path) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    if fsx::is_dir(dir)? {
        fsx::for_each_length(dir, &mut |name, _| {
            names.push(name);
            Ok(names.len() < TOGETHER)
        })?;
    }
    Ok(names)
}

/// The files of a folder by what their names say: few bytes for each, since there may be a million.
struct Bases {
    folder: PathBuf,
    /// The first bits of each hash, and in which form the base is there.
    files: Vec<(u64, u32)>,
    /// Directory, and what follows the base.
    forms: Vec<(&'static str, String)>,
}

impl Bases {
    fn of(folder: &Path) -> Result<Self> {
        let (mut files, mut forms) = (Vec::new(), Vec::new());
        for sub in ["cur", "new"] {
            maildir::for_each_name(&folder.join(sub), &mut |name| {
                if let Some((parsed, _)) = FileName::parse(&name) {
                    let form = (sub, name[base_of(&name).len()..].to_owned());
                    let at = forms.iter().position(|known| *known == form);
                    let at = at.unwrap_or_else(|| {
                        forms.push(form);
                        forms.len() - 1
                    });
                    files.push((parsed.hash.head(), u32::try_from(at).unwrap_or(u32::MAX)));
                }
                Ok(())
            })?;
        }
        files.sort_unstable();
        Ok(Self {
            folder: folder.to_path_buf(),
            files,
            forms,
        })
    }

    /// The file of a base, if there is one.
    fn find(&self, base: &str, name: &FileName) -> Result<Option<(PathBuf, std::fs::Metadata)>> {
        let head = name.hash.head();
        let first = self.files.partition_point(|(other, _)| *other < head);
        for (_, form) in self.files[first..].iter().take_while(|file| file.0 == head) {
            let Some((sub, rest)) = self.forms.get(*form as usize) else {
                continue;
            };
            let path = self.folder.join(sub).join(format!("{base}{rest}"));
            if let Some(found) = fsx::look(&path)? {
                return Ok(Some((path, found)));
            }
        }
        Ok(None)
    }
}

/// Removes the directories of an account that have no mail any more. What other programs left
/// there goes to quarantine with them.
fn remove_emptied(layout: &Layout, account: &str) -> Result<()> {
    let root = layout.mail(account);
    let mut dirs = vec![root.clone()];
    let (mut markers, mut bare) = (Vec::new(), true);
    let mut next = 0;
    while let Some(dir) = dirs.get(next).cloned() {
        next += 1;
        for (name, kind) in maildir::entries(&dir)? {
            let path = dir.join(&name);
            match &*name {
                _ if kind.is_dir() => dirs.push(path),
                "maildirfolder" if kind.is_file() => markers.push(path),
                _ => bare = false,
            }
        }
    }
    if bare {
        markers.iter().try_for_each(|path| fsx::remove(path))?;
        dirs.iter().rev().try_for_each(|dir| fsx::remove_dir(dir))?;
        fsx::sync_dir(&layout.mail_dir())
    } else {
        maildir::quarantine(layout, &root).map(drop)
    }
}
