//! The files of the ledger's months: a compressed one that cannot be read, and one that
//! differs from the plain one next to it.

use super::Check;
use super::finding::Problem;
use crate::base::error::Result;
use crate::vault::ledger::{forked, is_packed_better, packed_file, rescue, unreadable};
use crate::vault::maildir;

impl Check<'_> {
    /// Finds what the chain does not tell. A repair leaves each month one file that can be read
    /// to its end, and moves the other to quarantine; lines that are gone then are damage that
    /// the chain tells.
    pub(super) fn months(&mut self, vault: &str) -> Result<()> {
        let root = self.layout.root();
        for file in forked(self.layout)? {
            let what = format!("it differs from {file}");
            self.find(&packed_file(&file), Problem::Ledger(what))?;
            if !self.options.repair {
                continue;
            }
            let worse = if is_packed_better(self.layout, vault, &file)? {
                root.join(&file)
            } else {
                root.join(packed_file(&file))
            };
            maildir::quarantine(self.layout, &worse)?;
        }
        if !self.options.repair {
            return Ok(());
        }
        for (file, whole) in unreadable(self.layout)? {
            self.find(&packed_file(&file), Problem::Ledger(cut_off(whole)))?;
            rescue(self.layout, &file, whole)?;
            maildir::quarantine(self.layout, &root.join(packed_file(&file)))?;
        }
        Ok(())
    }
}

/// What is said of a compressed file that cannot be read from a byte on.
pub(super) fn cut_off(first: u64) -> String {
    format!("it cannot be decompressed from byte {first} on")
}
