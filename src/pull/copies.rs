//! Messages that the server itself calls the same as one that was received: copies in other
//! folders, what was moved, and what got another UIDVALIDITY (docs/SAFETY.md, Evidence).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use super::account::PulledAccount;
use super::link::{self, SLICE, link};
use crate::archive::commit::Route;
use crate::archive::evidence;
use crate::base::error::Result;
use crate::base::sync::lock;
use crate::mail::source::{Inventory, Listing, MailRow, ObjectId, Source, Voucher};
use crate::vault::catalog::{Origin, Proof, Stored};
use crate::vault::ledger::Evidence;

/// Where copies of a message were seen in this run, by any of its connections.
#[derive(Debug, Default)]
pub(super) struct Copies(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    /// Directories and their UIDVALIDITY.
    mailboxes: Vec<(String, u32)>,
    /// Which of them, and the UID there.
    copies: HashMap<u64, (usize, u32)>,
}

impl Copies {
    /// Notes what the server says of messages of a mailbox: what they have in common with
    /// their copies, and their UIDs.
    pub(super) fn remember(
        &self,
        dir: &str,
        uidvalidity: u32,
        messages: impl IntoIterator<Item = (u64, u32)>,
    ) {
        let mut places = self.places();
        let Places { mailboxes, copies } = &mut *places;
        let here = |place: &(String, u32)| place.0 == dir && place.1 == uidvalidity;
        let at = mailboxes.iter().position(here).unwrap_or(mailboxes.len());
        if at == mailboxes.len() {
            mailboxes.push((dir.to_owned(), uidvalidity));
        }
        for (object, uid) in messages {
            copies.entry(object).or_insert((at, uid));
        }
    }

    /// True if another mailbox is said to have the message too.
    pub(super) fn has(&self, object: ObjectId) -> bool {
        self.find(object).is_some()
    }

    fn find(&self, object: ObjectId) -> Option<(String, u32, u32)> {
        let places = self.places();
        let (at, uid) = *places.copies.get(&object.id)?;
        let (dir, uidvalidity) = places.mailboxes.get(at)?.clone();
        Some((dir, uidvalidity, uid))
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        lock(&self.0)
    }
}

/// Takes out of `wanted` the UIDs of what the server itself calls the same message as one
/// that was received, in this run or in one before it.
pub(super) fn link_copies(
    account: PulledAccount<'_>,
    source: &mut dyn Source,
    route: &Arc<Route>,
    inventory: &Inventory,
    wanted: &mut Vec<u32>,
    copies: &Copies,
) -> Result<()> {
    let Some(voucher) = inventory.voucher else {
        return Ok(());
    };
    let mut linked = HashSet::new();
    for slice in wanted.chunks(SLICE) {
        let mut found = Vec::new();
        for uid in slice {
            let row = inventory.row(*uid);
            if let Some(row) = row
                && let Some(object) = inventory.object(&row)
                && let Some(stored) = copy_of(account, route, &row, object, copies)?
            {
                let listing = Listing {
                    number: *uid,
                    octets: row.octets(),
                    uid: inventory.uid(*uid),
                };
                found.push((listing, stored));
            }
        }
        if voucher == Voucher::Guid {
            same_headers(source, &mut found)?;
        }
        let evidence = Evidence::Vouched(voucher);
        let links = found.into_iter().map(|(listing, stored)| {
            let uid = listing.number;
            (uid, link(Some(inventory), listing, &stored, evidence))
        });
        let links = links.collect();
        linked.extend(link::send(account, route, links)?);
    }
    wanted.retain(|uid| !linked.contains(uid));
    Ok(())
}

/// A received message that the server calls the same one, and lists with the same size.
fn copy_of(
    account: PulledAccount<'_>,
    route: &Route,
    row: &MailRow,
    object: ObjectId,
    copies: &Copies,
) -> Result<Option<Stored>> {
    let Some(octets) = row.octets() else {
        return Ok(None);
    };
    // Whoever fills a Maildir may give one name to two messages.
    let is_guid = object.by == Voucher::Guid;
    let date = row.date().filter(|_| is_guid);
    if is_guid && date.is_none() {
        return Ok(None);
    }
    let stored = account
        .catalog
        .copy_of(&route.account, &route.server, object, octets, date)?;
    if stored.is_some() {
        return Ok(stored);
    }
    // Messages of an old vault have no object id on record.
    let Some((dir, uidvalidity, other)) = copies.find(object) else {
        return Ok(None);
    };
    let origin = Origin {
        account: &route.account,
        server: &route.server,
        dir: &dir,
        uidvalidity,
    };
    let stored = account.catalog.content_in(origin, other)?;
    Ok(stored.filter(|stored| {
        stored.proof == Proof::Received
            && stored.octets == Some(octets)
            && (date.is_none() || stored.date == date)
    }))
}

/// Leaves those whose header on the server is the recorded one. Dovecot's X-GUID is the name of
/// a file, and whoever fills a Maildir may give one name in two folders.
fn same_headers(source: &mut dyn Source, found: &mut Vec<(Listing, Stored)>) -> Result<()> {
    let wanted: Vec<Listing> = found.iter().map(|(listing, _)| listing.clone()).collect();
    let mut headers = evidence::headers(source, &wanted)?.into_iter();
    found.retain(|(_, stored)| {
        let header = headers.next().flatten();
        header.is_some() && header.map(|header| header.hash) == stored.header
    });
    Ok(())
}
