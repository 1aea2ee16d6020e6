//! From a query to messages with their files, one after another and any number of them:
//! what an export reads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Vault;
use super::finder::{FileFinder, homes};
use super::layout::{FileName, Layout};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::vault::catalog::{Catalog, IdSet, Omissions, Picked, PickedRows};

/// The messages that a query selects, in little memory.
#[derive(Debug)]
pub struct Selection {
    rows: PickedRows,
    messages: u64,
    /// Every folder that has some of them, in order.
    pub folders: Vec<Part>,
    /// Their size in octets.
    pub octets: u64,
    /// What was left out, since the server no longer has it.
    pub omitted: Omissions,
    /// Each content is in it once.
    once: bool,
}

/// Which messages of a folder are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectionScope {
    /// All that were ever in it.
    All,
    /// Those that the server had there at the last pull, or that we deleted there. What
    /// no IMAP server lists is included, and so is what is asked for by its id.
    OnServer,
}

/// What is selected of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The folder's key in the catalog.
    pub(crate) key: i64,
    /// The account's name in the vault.
    pub account: String,
    /// The folder's directory below it; empty for the inbox.
    pub dir: String,
    /// Where the first of them lies in the selection.
    pub(crate) first: u64,
    /// Messages.
    pub messages: u64,
    /// Their size in octets.
    pub octets: u64,
    /// Over their ids in order: equal if the same messages are selected again.
    pub(crate) list: Hash128,
}

impl Selection {
    /// How many there are.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The accounts that they are of, as they are called.
    #[must_use]
    pub fn shown_accounts(&self, vault: &Vault) -> Vec<String> {
        let names = self.accounts().into_iter();
        names.map(|name| vault.shown(&name).to_owned()).collect()
    }

    /// The accounts that they are of, by their names in the vault.
    #[must_use]
    pub fn accounts(&self) -> Vec<String> {
        let mut names: Vec<_> = self.folders.iter().map(|p| p.account.clone()).collect();
        names.dedup();
        names
    }
}

/// A message in a folder of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What its file name says.
    pub(crate) name: FileName,
    /// The account.
    pub(crate) account: String,
    /// The folder's directory below the account; empty for the inbox.
    pub(crate) dir: String,
    /// Flag letters, as the file has them now.
    pub(crate) flags: String,
    /// When it was received, in Unix seconds; 0 if nobody knows: the INTERNALDATE that the ledger
    /// has for this folder, or, where each content is selected once, the first of all its folders;
    /// else what the content says. Never the file's time, which a copy of the vault may have lost.
    pub(crate) date: i64,
    /// When it was received, in Unix seconds, as `list` and `search` say it wherever it lies; 0 if
    /// nobody knows.
    pub(crate) shown_date: i64,
    /// When it was archived, in Unix seconds.
    pub(crate) archived: i64,
    /// Its sender, decoded.
    pub(crate) from: String,
    /// Its subject, decoded.
    pub(crate) subject: String,
    /// Its file; `None` if it is missing.
    pub(crate) path: Option<PathBuf>,
}

impl Entry {
    /// The date of all views. What no view has a date for has that of its `From ` line or file.
    pub(crate) fn date_in_views(&self) -> i64 {
        match self.shown_date {
            0 => self.date,
            date => date,
        }
    }
}

impl Vault {
    /// What a query selects: folder by folder, oldest first; with `once`, each content
    /// only once and all by date.
    pub(crate) fn select(
        &self,
        query: &Query,
        once: bool,
        scope: SelectionScope,
    ) -> Result<Selection> {
        let on_server = scope == SelectionScope::OnServer && !query.names_a_message();
        let (rows, omitted) = self.catalog.select(query, once, on_server)?;
        self.selection(rows, omitted, once)
    }

    /// These contents, each once and all by date.
    pub(crate) fn select_ids(&self, ids: IdSet) -> Result<Selection> {
        let rows = self.catalog.pick(ids)?;
        self.selection(rows, Omissions::default(), true)
    }

    fn selection(&self, rows: PickedRows, omitted: Omissions, once: bool) -> Result<Selection> {
        let mut selection = Selection {
            rows,
            omitted,
            messages: 0,
            folders: Vec::new(),
            octets: 0,
            once,
        };
        let mut parts: HashMap<i64, PartTally> = HashMap::new();
        loop {
            let some = (self.catalog).picked(&selection.rows, selection.messages, u64::MAX)?;
            if some.is_empty() {
                break;
            }
            for picked in some {
                let part = parts.entry(picked.folder).or_insert_with(|| PartTally {
                    first: selection.messages,
                    ..PartTally::default()
                });
                part.messages += 1;
                part.octets += picked.size;
                part.list.update(&picked.hash.0);
                selection.messages += 1;
                selection.octets += picked.size;
            }
        }
        for (folder, part) in parts {
            let (account, dir) = self.catalog.folder_of(folder)?;
            selection.folders.push(Part {
                key: folder,
                account,
                dir,
                first: part.first,
                messages: part.messages,
                octets: part.octets,
                list: Hash128::cut(part.list.finalize()),
            });
        }
        let key = |part: &Part| (part.account.clone(), part.dir.clone());
        selection.folders.sort_by_key(key);
        Ok(selection)
    }

    /// The messages of a selection, one after another.
    #[must_use]
    pub(crate) fn entries<'a>(&'a self, selection: &'a Selection) -> Entries<'a> {
        Entries {
            rows: &selection.rows,
            page: Vec::new().into_iter(),
            next: 0,
            end: selection.messages,
            catalog: &self.catalog,
            layout: &self.layout,
            finder: FileFinder::default(),
            once: selection.once,
            bare: false,
        }
    }

    /// Tells of the messages of a selection by their ids, in its order.
    pub(crate) fn each_content(
        &self,
        selection: &Selection,
        each: &mut dyn FnMut(Hash128) -> Result<()>,
    ) -> Result<()> {
        let mut done = 0;
        loop {
            let some = self.catalog.picked(&selection.rows, done, u64::MAX)?;
            if some.is_empty() {
                return Ok(());
            }
            done += some.len() as u64;
            for picked in some {
                each(picked.hash)?;
            }
        }
    }

    /// The accounts whose servers list messages of a selection, as far as is known, as they are
    /// called, and how many.
    pub(crate) fn listed_on_servers(&self, selection: &Selection) -> Result<Vec<(String, u64)>> {
        let mut accounts = self.catalog.on_servers(&selection.rows)?;
        for (account, _) in &mut accounts {
            *account = self.shown(account).to_owned();
        }
        Ok(accounts)
    }

    /// Those of one folder, of a selection by folders.
    #[must_use]
    pub(crate) fn entries_in<'a>(&'a self, selection: &'a Selection, part: &Part) -> Entries<'a> {
        Entries {
            next: part.first,
            end: part.first + part.messages,
            ..self.entries(selection)
        }
    }

    /// Where the vault is.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.layout.root()
    }
}

/// What is selected of a folder, so far.
#[derive(Default)]
struct PartTally {
    first: u64,
    messages: u64,
    octets: u64,
    list: blake3::Hasher,
}

/// Gives the messages of a [`Selection`], page by page.
#[derive(Debug)]
pub struct Entries<'a> {
    rows: &'a PickedRows,
    page: std::vec::IntoIter<Picked>,
    /// Where the page after this one begins, and the last one ends.
    next: u64,
    end: u64,
    catalog: &'a Catalog,
    layout: &'a Layout,
    finder: FileFinder,
    once: bool,
    /// Files are not looked for.
    bare: bool,
}

impl Entries<'_> {
    /// The same as the catalog has them, without a look at their files.
    #[must_use]
    pub(crate) fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    fn entry(&mut self, folder: i64, blob: i64) -> Result<Entry> {
        let mut entry = self.catalog.entry(folder, blob, self.once)?;
        if self.bare {
            return Ok(entry);
        }
        for root in homes(self.layout, self.catalog, &entry.account, &entry.dir)? {
            if let Some(path) = self.finder.find(&root, &entry.name, &entry.flags)? {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                if let Some((_, flags)) = FileName::parse(&file) {
                    entry.flags = flags;
                }
                entry.path = Some(path);
                break;
            }
        }
        Ok(entry)
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.as_slice().is_empty() && self.next < self.end {
            match self.catalog.picked(self.rows, self.next, self.end) {
                Ok(page) if page.is_empty() => self.next = self.end,
                Ok(page) => {
                    self.next += page.len() as u64;
                    self.page = page.into_iter();
                }
                Err(e) => {
                    self.next = self.end;
                    return Some(Err(e));
                }
            }
        }
        let picked = self.page.next()?;
        Some(self.entry(picked.folder, picked.blob))
    }
}
