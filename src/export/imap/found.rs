//! Which messages a mailbox has already.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};

use crate::base::error::Result;
use crate::export::Body;
use crate::mail::message::{HEADER_LIMIT, Hash128, Scanner, header_hash};
use crate::mail::source::{Fetched, Listing, Source as _, Uid};
use crate::net::imap::Folder;

/// Headers that are asked for at once.
const SLICE: usize = 4_096;

/// Messages of a mailbox by what they have in common with ours: size and header, and with it
/// the Message-ID. That alone would take the copy of a mailing list for the one that was sent
/// directly. Each stands for one of ours only.
#[derive(Default)]
pub(super) struct ServerMessages {
    sizes: HashSet<u64>,
    uids: HashMap<(u64, Hash128), Vec<u32>>,
    scanner: Scanner,
}

impl ServerMessages {
    /// Asks for those that have one of these sizes, without some UIDs.
    pub(super) fn look<S: Read + Write>(
        folder: &mut Folder<'_, S>,
        sizes: &HashSet<u64>,
        without: &HashSet<u32>,
    ) -> Result<Self> {
        let uidvalidity = folder.counts().uidvalidity.unwrap_or(0);
        let mut wanted = Vec::new();
        folder.rows(1, &mut |row| {
            if row.octets.is_some_and(|octets| sizes.contains(&octets))
                && !without.contains(&row.uid)
            {
                let uid = row.uid;
                wanted.push(Listing {
                    number: uid,
                    octets: row.octets,
                    uid: Uid::Imap { uidvalidity, uid },
                });
            }
            Ok(())
        })?;
        let mut found = Self::default();
        for slice in wanted.chunks(SLICE) {
            folder.headers(slice, &mut |listing, fetched| {
                if let (Fetched::Body(body), Some(octets)) = (fetched, listing.octets) {
                    let mut header = Vec::new();
                    // A failure shows when what is left is drained.
                    if body.take(HEADER_LIMIT).read_to_end(&mut header).is_ok() {
                        let key = (octets, header_hash(&header));
                        found.sizes.insert(octets);
                        found.uids.entry(key).or_default().push(listing.number);
                    }
                }
                Ok(())
            })?;
        }
        for uids in found.uids.values_mut() {
            // The oldest is given first.
            uids.sort_unstable_by(|a, b| b.cmp(a));
        }
        Ok(found)
    }

    /// The UID of our message, if it is there. `octets` is its size on a server.
    pub(super) fn take(&mut self, body: &mut Body<'_>, octets: u64) -> Result<Option<u32>> {
        if !self.sizes.contains(&octets) {
            return Ok(None);
        }
        let key = self.key(body, octets)?;
        Ok(self.uids.get_mut(&key).and_then(Vec::pop))
    }

    /// What our message has in common with the one that is there.
    pub(super) fn key(&mut self, body: &mut Body<'_>, octets: u64) -> Result<(u64, Hash128)> {
        let scanner = &mut self.scanner;
        body.each(&mut |piece| {
            scanner.update(piece);
            Ok(())
        })?;
        Ok((octets, self.scanner.finish().header))
    }

    /// How many are there with this size and header.
    pub(super) fn count(&self, key: (u64, Hash128)) -> usize {
        self.uids.get(&key).map_or(0, Vec::len)
    }
}
