//! Which messages have a file, and what their headers are.

use std::collections::HashSet;
use std::io::Read as _;

use super::Vault;
use super::layout::{self, FileName};
use super::maildir;
use crate::error::{Error, Result};
use crate::message::{HEADER_LIMIT, Hash128, header_hash};

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

    /// The hash of a message's header, as a server's answer to a question for it would have.
    pub fn header_of(&self, hash: Hash128) -> Result<Hash128> {
        let mut head = Vec::new();
        self.message(hash)?
            .take(HEADER_LIMIT)
            .read_to_end(&mut head)
            .map_err(|e| Error::file("read", self.layout.root(), e))?;
        Ok(header_hash(&head))
    }
}
