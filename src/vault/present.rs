//! Which messages have a file.

use std::collections::HashSet;

use super::Vault;
use super::layout::{self, FileName};
use super::maildir;
use crate::base::error::Result;
use crate::mail::message::Hash128;

impl Vault {
    /// The ids of all message files, whatever the catalog says. That they are undamaged
    /// is for `verify` to find out.
    pub fn present(&self) -> Result<HashSet<Hash128>> {
        let mut ids = HashSet::new();
        for account in maildir::list(&self.layout.mail_dir())? {
            if !layout::is_account(&account) {
                continue;
            }
            for dir in maildir::folders(&self.layout, &account)? {
                for sub in ["cur", "new"] {
                    let names = maildir::list(&self.layout.folder(&account, &dir).join(sub))?;
                    let parsed = names.iter().filter_map(|name| FileName::parse(name));
                    ids.extend(parsed.map(|(name, _)| name.hash));
                }
            }
        }
        Ok(ids)
    }
}
