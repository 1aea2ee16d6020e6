//! Which messages have a file.

use std::collections::HashSet;

use super::Vault;
use super::layout::{self, FileName};
use super::maildir;
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::catalog::{Catalog, IdSet};

/// Names whose contents are looked up at once, in the order of the index.
const BATCH: usize = 16_384;

/// The messages that have a file, whatever the catalog says: a bit for each that it knows.
/// That they are undamaged is for `verify` to find out.
#[derive(Debug)]
pub(crate) struct Present<'v> {
    catalog: &'v Catalog,
    known: IdSet,
    /// What the catalog does not know.
    others: HashSet<Hash128>,
}

impl Vault {
    /// Looks at the names of all message files.
    pub(crate) fn present(&self) -> Result<Present<'_>> {
        let mut present = Present {
            catalog: &self.catalog,
            known: IdSet::default(),
            others: HashSet::new(),
        };
        let mut found = Vec::with_capacity(BATCH);
        for account in maildir::list(&self.layout.mail_dir())? {
            if !layout::is_account(&account) {
                continue;
            }
            for dir in maildir::folders(&self.layout, &account)? {
                for sub in ["cur", "new"] {
                    let path = self.layout.folder(&account, &dir).join(sub);
                    maildir::for_each_name(&path, &mut |name| {
                        found.extend(FileName::parse(&name).map(|(name, _)| name.hash));
                        if found.len() >= BATCH {
                            present.put(&mut found)?;
                        }
                        Ok(())
                    })?;
                }
            }
        }
        present.put(&mut found)?;
        Ok(present)
    }
}

impl Present<'_> {
    /// True if the content of this key in the catalog has a file.
    #[must_use]
    pub(crate) fn has_key(&self, key: i64) -> bool {
        self.known.contains(key)
    }

    /// True if a content has a file.
    pub(crate) fn has(&self, hash: Hash128) -> Result<bool> {
        Ok(match self.catalog.key_of(hash)? {
            Some(key) => self.has_key(key),
            None => self.others.contains(&hash),
        })
    }

    fn put(&mut self, found: &mut Vec<Hash128>) -> Result<()> {
        found.sort_unstable_by_key(|hash| hash.head().cast_signed());
        for hash in found.drain(..) {
            match self.catalog.key_of(hash)? {
                Some(key) => self.known.insert(key),
                None => drop(self.others.insert(hash)),
            }
        }
        Ok(())
    }
}
