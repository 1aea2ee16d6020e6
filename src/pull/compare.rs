//! Messages whose listed size has moved: an equal header means the same message.

use super::Run;
use crate::commit::{Order, Route};
use crate::dedupe::Plan;
use crate::error::Result;
use crate::message::{Hash128, Scanner};
use crate::source::{Listing, Listings, Source, Uid, headers_of};
use crate::vault::ledger::{Event as Entry, Seen};
use crate::vault::{frame, maildir};

/// Octets that a server may list for an empty message: a line end.
const EMPTY: u64 = 2;
/// What a server may add to a size by rounding it up.
const ROUNDING: u64 = 1_024;

impl Run<'_, '_> {
    /// Asks for the headers of messages whose size has moved. An equal header means
    /// the same message under its old name: recorded, not fetched.
    pub(super) fn compare(
        &mut self,
        source: &mut dyn Source,
        listings: &Listings,
        plan: &mut Plan,
    ) -> Result<()> {
        let rows: Vec<Listing> = plan
            .compare
            .iter()
            .map(|(row, _)| listings.get(*row as usize))
            .collect();
        let headers = headers_of(source, &rows)?;
        let mut same = Vec::new();
        for ((listing, (row, recorded)), found) in rows.iter().zip(&plan.compare).zip(&headers) {
            let event = match (&listing.uid, found) {
                (Uid::Uidl(name), Some(found)) if found.hash == *recorded => {
                    self.seen_as(name, listing, found.hash)?
                }
                _ => None,
            };
            match event {
                Some(event) => same.push(event),
                None => plan.fetch.push(*row),
            }
        }
        plan.fetch.sort_unstable();
        plan.known += same.len() as u64;
        if !same.is_empty() {
            self.order(Order::Record(same))?;
        }
        Ok(())
    }

    /// Looks at the size of what came. Sizes are hints, but nothing at all of a message
    /// that has a size is a refusal, and half of one is worth a word.
    pub(super) fn is_nothing(&mut self, listing: &Listing, received: u64) -> Result<bool> {
        let Some(listed) = listing.octets.filter(|n| *n > EMPTY) else {
            return Ok(false);
        };
        if received == 0 {
            self.refused(listing, "the server sent nothing of it".to_owned())?;
            return Ok(true);
        }
        if received <= listed / 2 && listed - received > ROUNDING {
            let shown = self.shown(listing);
            self.report.short += 1;
            self.report
                .shortest
                .get_or_insert((shown, received, listed));
        }
        Ok(false)
    }

    /// A line that says that a listed message is the one recorded as `name`, which has
    /// this header; `None` if its file is not as it was.
    pub(super) fn seen_as(
        &self,
        name: &[u8],
        listing: &Listing,
        header: Hash128,
    ) -> Result<Option<Entry>> {
        let Route {
            account, server, ..
        } = &*self.task.route;
        let Some((blob, got)) = self.catalog.content_of(account, server, name)? else {
            return Ok(None);
        };
        for place in self.catalog.places(blob.id)? {
            let folder = self.task.layout.folder(&place.account, &place.dir);
            let Some(path) = maildir::find(&folder, &blob.name, &place.flags)? else {
                continue;
            };
            let Ok(digest) = frame::scan(&path, blob.name.size, &mut Scanner::new()) else {
                continue;
            };
            if digest.hash == blob.name.hash {
                return Ok(Some(Entry::Seen(Box::new(Seen {
                    identity: self.identity(&listing.uid),
                    octets: listing.octets,
                    hash: digest.hash,
                    got: got.unwrap_or(digest.hash),
                    header,
                    mid: digest.mid.map(Into::into),
                    idate: None,
                    flags: place.flags,
                    kw: String::new(),
                    received: blob.name.received,
                    size: blob.name.size,
                    wire: blob.name.wire,
                    stored: blob.stored,
                }))));
            }
        }
        Ok(None)
    }
}
