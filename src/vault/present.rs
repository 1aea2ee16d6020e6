//! Which messages have a file.

use std::collections::HashSet;

use super::Vault;
use super::layout::FileName;
use super::maildir;
use super::spread::Spread;
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::catalog::{Catalog, IdSet};

/// Bytes of a hash, and of one with the key of its content.
const HASH: usize = 16;
const KEYED: usize = HASH + 8;

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
        let mut found = Spread::new();
        for account in maildir::accounts(&self.layout)? {
            for dir in maildir::folders(&self.layout, &account)? {
                for sub in ["cur", "new"] {
                    let path = self.layout.folder(&account, &dir).join(sub);
                    maildir::for_each_name(&path, &mut |name| match FileName::parse(&name) {
                        Some((name, _)) => found.put(&name.hash.0),
                        None => Ok(()),
                    })?;
                }
            }
        }
        let mut contents = Spread::new();
        self.catalog.for_each_key(|key, hash| {
            let mut record = [0; KEYED];
            record[..HASH].copy_from_slice(&hash.0);
            record[HASH..].copy_from_slice(&key.to_be_bytes());
            contents.put(&record)
        })?;
        let mut present = Present {
            catalog: &self.catalog,
            known: IdSet::default(),
            others: HashSet::new(),
        };
        for (found, contents) in found.sorted().zip(contents.sorted()) {
            present.put(&found?, &contents?);
        }
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

    /// Takes in the hashes in the names of files, given the contents that the catalog knows, both
    /// sorted.
    fn put(&mut self, found: &[[u8; HASH]], contents: &[[u8; KEYED]]) {
        let mut contents = contents.iter().peekable();
        for hash in found {
            while contents
                .next_if(|content| content[..HASH] < hash[..])
                .is_some()
            {}
            match contents
                .peek()
                .and_then(|content| content.split_last_chunk())
            {
                Some((of, key)) if of == hash => self.known.insert(i64::from_be_bytes(*key)),
                _ => drop(self.others.insert(Hash128(*hash))),
            }
        }
    }
}
