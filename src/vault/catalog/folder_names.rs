//! The folders of the vault by the names that people write.

use std::collections::BTreeSet;

use super::Catalog;
use crate::base::account_name::AccountNames;
use crate::base::error::{Error, Result};
use crate::base::suggest;
use crate::mail::folder_pattern;
use crate::mail::query::{Query, What};
use crate::vault::layout::folder_label;

/// What every name of a folder begins with at some servers.
const PREFIX: &str = "INBOX/";
/// The id of an inbox in which nothing lies.
const NO_FOLDER: i64 = -1;
/// Folders that an error lists.
const LISTED: usize = 5;

/// A folder of some account.
#[derive(Debug)]
pub(super) struct KnownFolder {
    id: i64,
    /// The account's name in the vault.
    stored: String,
    /// What it is called.
    account: String,
    /// The names in the vault of the accounts that became part of it.
    merged: Vec<String>,
    /// Its name, with `/` between levels.
    label: String,
    /// The same without [`PREFIX`], if every folder of the account but the inbox has it.
    short: Option<String>,
}

impl KnownFolder {
    fn fits(&self, pattern: &str) -> bool {
        let mut names = std::iter::once(&self.label).chain(&self.short);
        names.any(|name| folder_pattern::fits(pattern, name))
    }
}

/// The ids of the folders of the accounts that a pattern fits; an error if it fits none.
pub(super) fn of_accounts(folders: &[KnownFolder], pattern: &str) -> Result<Vec<i64>> {
    let lower = pattern.to_lowercase();
    let fits = |folder: &&KnownFolder| {
        folder_pattern::fits(&lower, &folder.account)
            || folder_pattern::fits(&lower, &folder.stored)
            || { folder.merged.iter() }.any(|name| folder_pattern::fits(&lower, name))
    };
    let fits = folders.iter().filter(fits);
    let ids: Vec<i64> = fits.map(|folder| folder.id).collect();
    if !ids.is_empty() || lower == "*" {
        return Ok(ids);
    }
    let accounts = folders.iter().map(|folder| folder.account.as_str());
    Err(not_in_vault("account", pattern, accounts.collect()))
}

/// The ids of the folders that a pattern fits; an error if it fits none.
pub(super) fn fitting(folders: &[KnownFolder], pattern: &str) -> Result<Vec<i64>> {
    let fits = folders.iter().filter(|folder| folder.fits(pattern));
    let ids: Vec<i64> = fits.map(|folder| folder.id).collect();
    // Every account has an inbox, also before the first pull.
    if !ids.is_empty() || folder_pattern::fits(pattern, "INBOX") {
        return Ok(ids);
    }
    let labels = folders
        .iter()
        .map(|folder| folder.short.as_deref().unwrap_or(&folder.label));
    Err(not_in_vault("folder", pattern, labels.collect()))
}

fn not_in_vault(what: &'static str, pattern: &str, mut names: Vec<&str>) -> Error {
    names.sort_unstable();
    names.dedup();
    let same_letters = |name: &&&str| name.to_lowercase() == pattern.to_lowercase();
    let near = names.iter().find(same_letters).copied();
    let near = near.or_else(|| suggest::nearest(pattern, names.iter().copied(), usize::MAX));
    Error::NotInVault {
        what,
        pattern: pattern.to_owned(),
        near: near.map(str::to_owned),
        more: names.len() > LISTED,
        known: names.into_iter().take(LISTED).map(str::to_owned).collect(),
    }
}

impl Catalog {
    /// Calls the accounts as the configuration does.
    pub(crate) fn name_accounts(&mut self, names: AccountNames) {
        self.names = names;
    }

    /// What the accounts are called.
    #[must_use]
    pub(crate) fn names(&self) -> &AccountNames {
        &self.names
    }

    /// Refuses a query that names a folder or an account which the vault does not have.
    pub fn check_names(&self, query: &Query) -> Result<()> {
        let folders = self.known_folders()?;
        for term in &query.terms {
            match &term.what {
                What::Folder(pattern) => drop(fitting(&folders, pattern)?),
                What::Account(pattern) => drop(of_accounts(&folders, pattern)?),
                What::AnyAccount(patterns) => {
                    for pattern in patterns {
                        of_accounts(&folders, pattern)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The names of all folders, each once.
    pub(crate) fn folder_labels(&self) -> Result<BTreeSet<String>> {
        let folders = self.known_folders()?.into_iter();
        Ok(folders.map(|folder| folder.label).collect())
    }

    pub(super) fn known_folders(&self) -> Result<Vec<KnownFolder>> {
        let all: Vec<(i64, String, String)> = self
            .db
            .prepare_cached("SELECT id, account, dir FROM folder ORDER BY account")
            .and_then(|mut s| {
                s.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
                    .collect()
            })
            .map_err(|e| self.failed(e))?;
        let mut folders = Vec::with_capacity(all.len());
        for account in all.chunk_by(|one, other| one.1 == other.1) {
            let labels = account.iter().map(|(id, _, dir)| (*id, folder_label(dir)));
            let labels: Vec<(i64, String)> = labels.collect();
            let prefixed = labels
                .iter()
                .all(|(_, label)| label == "INBOX" || label.starts_with(PREFIX));
            folders.extend(labels.into_iter().map(|(id, label)| {
                KnownFolder {
                    stored: account[0].1.clone(),
                    account: self.names.shown(&account[0].1).to_owned(),
                    merged: self.merged_into(&account[0].1).map(str::to_owned).collect(),
                    id,
                    short: label
                        .strip_prefix(PREFIX)
                        .filter(|_| prefixed)
                        .map(str::to_owned),
                    label,
                }
            }));
        }
        // What was pulled has an inbox, though nothing may have been in it yet.
        let empty: Vec<String> = self
            .db
            .prepare_cached(
                "SELECT DISTINCT account FROM session
                 WHERE account NOT IN (SELECT account FROM folder)",
            )
            .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
            .map_err(|e| self.failed(e))?;
        folders.extend(empty.into_iter().map(|account| KnownFolder {
            id: NO_FOLDER,
            account: self.names.shown(&account).to_owned(),
            merged: self.merged_into(&account).map(str::to_owned).collect(),
            stored: account,
            label: folder_label(""),
            short: None,
        }));
        Ok(folders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(id: i64, label: &str, short: Option<&str>) -> KnownFolder {
        KnownFolder {
            id,
            stored: "work".to_owned(),
            account: "work".to_owned(),
            merged: Vec::new(),
            label: label.to_owned(),
            short: short.map(str::to_owned),
        }
    }

    #[test]
    fn a_name_is_whole_and_a_star_is_any_text() {
        let folders = [
            folder(1, "INBOX", None),
            folder(2, "Trash", None),
            folder(3, "Never Trash this", None),
            folder(4, "Lists/rust", None),
            folder(5, "INBOX/Sent", Some("Sent")),
        ];
        let ids = |pattern| fitting(&folders, pattern).ok();
        assert_eq!(ids("Trash"), Some(vec![2]));
        assert_eq!(ids("*Trash*"), Some(vec![2, 3]));
        assert_eq!(ids("Lists/*"), Some(vec![4]));
        assert_eq!(ids("inbox"), Some(vec![1]));
        assert_eq!(ids("Sent"), Some(vec![5]));
        assert_eq!(ids("INBOX/Sent"), Some(vec![5]));
        assert_eq!(ids("Lists"), None);
    }

    #[test]
    fn what_fits_no_folder_is_answered_with_the_nearest() {
        let folders = [folder(1, "Trash", None), folder(2, "Work", None)];
        let near = |pattern| match fitting(&folders, pattern) {
            Err(Error::NotInVault { near, .. }) => near,
            other => panic!("{other:?}"),
        };
        assert_eq!(near("trash").as_deref(), Some("Trash"));
        assert_eq!(near("Trsah").as_deref(), Some("Trash"));
        assert_eq!(near("Nowhere"), None);
        assert_eq!(fitting(&[], "INBOX").ok(), Some(Vec::new()));
    }
}
