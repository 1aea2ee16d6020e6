//! Messages whose listed size has moved: an equal header means the same message.

use std::io::Read;

use super::Run;
use crate::commit::{Order, Route};
use crate::dedupe::Plan;
use crate::error::Result;
use crate::message::{Hash128, Scanner, header_hash};
use crate::source::{Fetched, Listing, Listings, Source, Uid};
use crate::vault::ledger::{Event as Entry, Seen};
use crate::vault::{frame, maildir};

/// Largest header that is compared, in bytes.
const HEADER_LIMIT: u64 = 4 << 20;

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
        let headers = Self::headers(source, &rows)?;
        let mut same = Vec::new();
        for ((listing, (row, recorded)), found) in rows.iter().zip(&plan.compare).zip(&headers) {
            let event = match (&listing.uid, found) {
                (Uid::Uidl(name), Some(found)) if found == recorded => {
                    self.seen_as(name, listing, *found)?
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

    /// The header hash of each message; `None` where the server gives no header.
    pub(super) fn headers(
        source: &mut dyn Source,
        wanted: &[Listing],
    ) -> Result<Vec<Option<Hash128>>> {
        let mut headers = Vec::with_capacity(wanted.len());
        source.headers(wanted, &mut |_, fetched| {
            match fetched {
                Fetched::Body(body) => {
                    let mut header = Vec::new();
                    let read = body.take(HEADER_LIMIT).read_to_end(&mut header);
                    headers.push(read.ok().map(|_| header_hash(&header)));
                }
                Fetched::Refused(_) => headers.push(None),
                Fetched::Waiting => {}
            }
            Ok(())
        })?;
        Ok(headers)
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
