//! Links: names of messages for contents that are stored already.

use std::collections::HashSet;
use std::sync::Arc;

use super::account::PulledAccount;
use crate::archive::commit::{CommitRequest, Link, Route};
use crate::base::error::{Error, Result};
use crate::mail::source::{Inventory, Listing};
use crate::vault::catalog::Stored;
use crate::vault::ledger::Evidence;

/// Links that are ordered in one go.
pub(super) const SLICE: usize = 4_096;
/// POP3 adds a line end to a message that lacks it, IMAP does not (RFC 1939 s.3).
pub(super) const LINE_END: u64 = 2;

/// A link to a stored content; its header must be known.
pub(super) fn link(
    inventory: Option<&Inventory>,
    listing: Listing,
    stored: &Stored,
    evidence: Evidence,
) -> Link {
    let row = inventory.and_then(|inventory| Some((inventory, inventory.row(listing.number)?)));
    let marks = row.map(|(inventory, row)| inventory.marks(&row).clone());
    let marks = marks.unwrap_or_default();
    Link {
        uid: listing.uid,
        octets: listing.octets,
        hash: stored.blob.name.hash,
        header: stored.header.unwrap_or(stored.blob.name.hash),
        flags: marks.letters,
        kw: marks.words,
        idate: row.and_then(|(_, row)| row.date()),
        evidence,
        object: row.and_then(|(inventory, row)| inventory.object(&row)),
    }
}

/// Orders links, and gives the rows that have one now: a stored file that is not as it
/// was gets none.
pub(super) fn send(
    account: PulledAccount<'_>,
    route: &Arc<Route>,
    links: Vec<(u32, Link)>,
) -> Result<HashSet<u32>> {
    if account.is_stopped() {
        return Err(Error::Interrupted);
    }
    if links.is_empty() {
        return Ok(HashSet::new());
    }
    let (rows, links): (Vec<u32>, Vec<Link>) = links.into_iter().unzip();
    let (emit, told) = std::sync::mpsc::channel();
    account.order(CommitRequest::Link(Arc::clone(route), links, emit))?;
    let done: Vec<bool> = told.recv().map_err(|_| Error::Interrupted)?;
    let linked = rows.into_iter().zip(done).filter(|(_, done)| *done);
    Ok(linked.map(|(row, _)| row).collect())
}
