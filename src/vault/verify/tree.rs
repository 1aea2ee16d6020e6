//! The message files that are there, and which of them the ledger speaks of.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::vault::catalog::{Blob, Place};
use crate::vault::layout::{self, FileName, Layout, base_of};
use crate::vault::maildir;
use crate::vault::verify::report::Problem;

/// The message files that are there, by folder and base.
pub(super) struct Tree {
    /// Account and directory, then base, then the file (relative to the vault).
    folders: HashMap<(String, String), HashMap<String, (String, bool)>>,
    /// Files of the same base beyond the first, or of no base of ours.
    odd: Vec<(String, String, Problem)>,
}

impl Tree {
    pub(super) fn read(layout: &Layout, wants: impl Fn(&str) -> bool) -> Result<Self> {
        let mut tree = Self {
            folders: HashMap::new(),
            odd: Vec::new(),
        };
        for account in maildir::list(&layout.mail_dir())? {
            if !layout::is_account(&account) || !wants(&account) {
                continue;
            }
            for dir in maildir::folders(layout, &account)? {
                let mut bases = HashMap::new();
                for sub in ["cur", "new"] {
                    for file in maildir::list(&layout.folder(&account, &dir).join(sub))? {
                        let path = relative(&account, &dir, sub, &file);
                        let base = base_of(&file).to_owned();
                        let ours = FileName::parse(&file).is_some();
                        if !ours {
                            tree.odd.push((account.clone(), path, Problem::Unrecorded));
                        } else if let Entry::Vacant(free) = bases.entry(base) {
                            free.insert((path, false));
                        } else {
                            tree.odd.push((account.clone(), path, Problem::Repeated));
                        }
                    }
                }
                tree.folders.insert((account.clone(), dir), bases);
            }
        }
        Ok(tree)
    }

    /// Finds the file of a recorded message, and what is wrong with it by its name and
    /// length alone.
    pub(super) fn claim(
        &mut self,
        layout: &Layout,
        place: &Place,
        blob: &Blob,
    ) -> (String, Option<Problem>) {
        let base = blob.name.base();
        let key = (place.account.clone(), place.dir.clone());
        if let Some((path, claimed)) = self.folders.get_mut(&key).and_then(|f| f.get_mut(&base)) {
            *claimed = true;
            let length = fsx::length(&layout.root().join(&*path));
            let problem = match length {
                Ok(length) if blob.stored == 0 || length == blob.stored => None,
                Ok(length) => Some(Problem::Damaged(format!(
                    "{length} bytes long instead of {}",
                    blob.stored
                ))),
                Err(Error::Strange { what, .. }) => Some(Problem::Damaged(format!("it is {what}"))),
                Err(e) => Some(Problem::Damaged(e.to_string())),
            };
            return (path.clone(), problem);
        }
        for ((account, _), files) in &mut self.folders {
            if *account == place.account
                && let Some((path, claimed)) = files.get_mut(&base)
            {
                *claimed = true;
                return (path.clone(), Some(Problem::Moved));
            }
        }
        let usual = relative(
            &place.account,
            &place.dir,
            "cur",
            &blob.name.with_flags(&place.flags),
        );
        (usual, Some(Problem::Missing))
    }

    /// What no line speaks of, with the account.
    pub(super) fn unclaimed(self) -> Vec<(String, String, Problem)> {
        let mut rest = self.odd;
        for ((account, _), files) in self.folders {
            for (path, claimed) in files.into_values() {
                if !claimed {
                    rest.push((account.clone(), path, Problem::Unrecorded));
                }
            }
        }
        rest.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        rest
    }
}

fn relative(account: &str, dir: &str, sub: &str, file: &str) -> String {
    if dir.is_empty() {
        format!("mail/{account}/{sub}/{file}")
    } else {
        format!("mail/{account}/{dir}/{sub}/{file}")
    }
}
