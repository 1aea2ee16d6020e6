//! Which folders of a server are fetched, and the directories that they have for ever.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};

use crate::account::config::Account;
use crate::base::error::Result;
use crate::mail::folder_pattern;
use crate::net::imap::{Mailbox, Session};
use crate::vault::catalog::Catalog;
use crate::vault::layout;
use crate::vault::ledger::LedgerEvent;

/// The key by which the counts of a mailbox are remembered that was archived whole.
pub(crate) fn mailbox_key(server: &str, dir: &str) -> String {
    format!("mailbox {server} {dir}")
}

/// The folders of an account that have their directory.
pub(crate) struct Folders {
    account: String,
    /// Directory and recorded UIDVALIDITY by name.
    by_name: HashMap<Vec<u8>, (String, Option<u32>)>,
}

impl Folders {
    pub(crate) fn new(catalog: &Catalog, account: &str) -> Result<Self> {
        let by_name = catalog
            .named_folders(account)?
            .into_iter()
            .map(|folder| (folder.name, (folder.dir, Some(folder.uidvalidity))))
            .collect();
        Ok(Self {
            account: account.to_owned(),
            by_name,
        })
    }

    /// The directory of a mailbox, found once and fixed.
    pub(crate) fn dir_of(&mut self, mailbox: &Mailbox) -> String {
        if let Some((dir, _)) = self.by_name.get(&mailbox.raw) {
            return dir.clone();
        }
        let taken = |dir: &str| {
            let mut all = self.by_name.values();
            all.any(|(other, _)| other.to_ascii_lowercase() == dir)
        };
        let dir = layout::folder_dir(&mailbox.raw, mailbox.delimiter, &taken);
        self.by_name
            .insert(mailbox.raw.clone(), (dir.clone(), None));
        dir
    }

    /// The UIDVALIDITY under which a mailbox is on record.
    pub(crate) fn recorded(&self, mailbox: &Mailbox) -> Option<u32> {
        let (_, uidvalidity) = self.by_name.get(&mailbox.raw)?;
        uidvalidity.filter(|uidvalidity| *uidvalidity > 0)
    }

    /// The directories of folders that the server no longer lists.
    pub(crate) fn gone(&self, listed: &[Mailbox]) -> Vec<String> {
        let listed: HashSet<&[u8]> = listed.iter().map(|mailbox| &mailbox.raw[..]).collect();
        let gone = |(name, _): &(&Vec<u8>, _)| !listed.contains(&name[..]);
        let dirs = self.by_name.iter().filter(gone);
        let mut dirs: Vec<String> = dirs.map(|(_, (dir, _))| dir.clone()).collect();
        dirs.sort_unstable();
        dirs
    }

    /// The line that fixes the directory, if it is new or the UIDVALIDITY is.
    pub(crate) fn record(
        &mut self,
        mailbox: &Mailbox,
        dir: &str,
        uidvalidity: u32,
    ) -> Option<LedgerEvent> {
        let entry = self.by_name.get_mut(&mailbox.raw)?;
        if entry.1 == Some(uidvalidity) {
            return None;
        }
        entry.1 = Some(uidvalidity);
        Some(LedgerEvent::Folder {
            account: self.account.clone(),
            dir: dir.to_owned(),
            name: mailbox.raw.clone().into(),
            delim: mailbox.delimiter,
            uidvalidity,
        })
    }
}

/// What the names of all folders begin with at this server. Some hang up at the
/// question, and it matters for patterns only.
pub(crate) fn prefix<S: Read + Write>(
    account: &Account,
    session: &mut Session<S>,
) -> Result<Vec<u8>> {
    if !account.names_folders() {
        return Ok(Vec::new());
    }
    let personal = session.namespaces()?.personal.into_iter().next();
    Ok(personal.map(|space| space.prefix).unwrap_or_default())
}

/// True if the account's patterns take the mailbox in. Names may be written without the
/// `prefix` that all folders of some servers have.
pub(crate) fn chosen(account: &Account, mailbox: &Mailbox, prefix: &[u8]) -> bool {
    let name = mailbox.levels().join("/");
    let has_prefix = !prefix.is_empty() && mailbox.raw.starts_with(prefix);
    let short = name.split_once('/').filter(|_| has_prefix);
    let any = |patterns: &[String]| {
        patterns.iter().any(|pattern| {
            folder_pattern::fits(pattern, &name)
                || short.is_some_and(|(_, short)| folder_pattern::fits(pattern, short))
        })
    };
    any(&account.folders) && !any(&account.exclude)
}
