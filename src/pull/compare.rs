//! Messages whose listed size has moved: an equal header means the same message.

use super::Run;
use crate::commit::{Order, Route};
use crate::dedupe::Plan;
use crate::error::Result;
use crate::message::{Hash128, Scanner};
use crate::source::{Listing, Listings, Source, Uid, headers_of};
use crate::vault::ledger::{Event as Entry, Seen};
use crate::vault::{frame, maildir};

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
