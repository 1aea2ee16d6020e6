//! What a listing holds that may be deleted, seen against the catalog.

use crate::archive::dedupe::{Met, Walk};
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::source::Listings;
use crate::purge::{RemoteFolder, Sum};
use crate::vault::catalog::{Archived, Catalog, Proof, State};
use crate::vault::layout::message_label;

/// A date before mail had dates, 1982-01-01 (RFC 822 is of that year), is a mistake.
const FIRST: i64 = 378_691_200;

/// A message that is archived and listed under a name and a size that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) row: u32,
    /// Which of the places that were surveyed.
    pub(super) place: u32,
    pub(super) blob: i64,
    pub(super) octets: u64,
    /// Its age is counted from here, in Unix seconds.
    pub(super) dated: i64,
    pub(super) mark: u64,
    /// True if another name with another size brought the same content.
    pub(super) doubled: bool,
    /// True if it must be received again and compared before it may go.
    pub(super) receive: bool,
    /// True if its listed size says nothing.
    pub(super) estimated: bool,
}

/// A listing, seen against the catalog.
#[derive(Debug, Default)]
pub(super) struct PurgeInventory {
    /// What may be deleted if it passes the proof, in listing order.
    pub(super) candidates: Vec<Candidate>,
    /// What is not archived, or not as it is listed.
    pub(super) unarchived: Sum,
    /// What there is nothing to prove by.
    pub(super) unproven: Sum,
    /// Names that were asked to be deleted without hearing the end of it, and whether
    /// they are gone.
    pub(super) open: Vec<(Box<[u8]>, bool)>,
    /// The [`mark`]s of all names, ascending.
    pub(super) names: Vec<u64>,
    /// True if sizes say nothing here.
    pub(super) estimated: bool,
}

impl PurgeInventory {
    fn take(
        &mut self,
        maildrop: &RemoteFolder,
        listings: &Listings,
        accept_short: &[String],
        met: &Met<'_, Archived<'_>>,
    ) {
        let (name, rows, known, identifies) = match *met {
            Met::Gone(known) => {
                if known.state == State::PurgeIntent {
                    self.open.push((known.uid.into(), true));
                }
                return;
            }
            Met::Listed {
                name,
                rows,
                known,
                identifies,
            } => (name, rows, known, identifies),
        };
        self.names.push(maildrop.mark(name));
        if known.is_some_and(|known| known.state == State::PurgeIntent) {
            self.open.push((name.into(), false));
        }
        let octets = listings.octets_of(rows[0] as usize);
        let accepted = || {
            let label = message_label(&maildrop.dir, &listings.get(rows[0] as usize).uid);
            label.is_some_and(|label| accept_short.contains(&label))
        };
        let settled = known.is_some_and(|known| known.proof == Proof::Settled) && accepted();
        match known.filter(|_| identifies) {
            Some(known) if eligible(known, octets, settled) => self.candidates.push(Candidate {
                row: rows[0],
                place: 0,
                blob: known.blob,
                octets: octets.unwrap_or(0),
                dated: dated(known),
                mark: maildrop.mark(name),
                doubled: false,
                receive: self.estimated || settled || known.proof == Proof::Recognised,
                estimated: self.estimated || settled,
            }),
            _ => {
                let empty = known.is_some_and(|known| known.size == 0);
                let others = if identifies && octets.is_some() && !empty {
                    &mut self.unarchived
                } else {
                    &mut self.unproven
                };
                for row in rows {
                    others.add(listings.octets_of(*row as usize).unwrap_or(0));
                }
            }
        }
    }
}

/// Holds a listing against the catalog; sizes that are wrong by the account's word are in `accept_short`.
pub(super) fn inventory(
    listings: &Listings,
    catalog: &Catalog,
    maildrop: &RemoteFolder,
    accept_short: &[String],
) -> Result<PurgeInventory> {
    let mut inventory = PurgeInventory {
        estimated: evidence::recall_sizes(catalog, maildrop.origin())?.are_estimated(),
        ..PurgeInventory::default()
    };
    let mut walk = Walk::new(listings);
    catalog.for_each_archived(maildrop.origin(), |known| {
        walk.known(known.uid, known, &mut |met| {
            inventory.take(maildrop, listings, accept_short, &met);
        });
    })?;
    walk.finish(&mut |met| inventory.take(maildrop, listings, accept_short, &met));
    inventory
        .candidates
        .sort_unstable_by_key(|c| (c.blob, c.octets));
    for same in inventory.candidates.chunk_by_mut(|a, b| a.blob == b.blob) {
        if same[0].octets != same[same.len() - 1].octets {
            for candidate in same {
                candidate.doubled = true;
            }
        }
    }
    inventory.candidates.sort_unstable_by_key(|c| c.row);
    inventory.names.sort_unstable();
    Ok(inventory)
}

/// True if listing and record agree, and the record is not in doubt, or `settled` by leave.
/// What we deleted and is listed again is there again.
fn eligible(known: &Archived<'_>, listed: Option<u64>, settled: bool) -> bool {
    let stored = matches!(
        known.state,
        State::Seen | State::PurgeIntent | State::PurgeKept | State::Purged
    );
    let believed = settled
        || matches!(
            known.proof,
            Proof::Received | Proof::Vouched | Proof::Recognised
        );
    stored
        && believed
        && !known.superseded
        && known.size > 0
        && listed.is_some()
        && listed == known.octets
}

/// Received or Date, whichever is later; without a plausible one the day we first saw it.
fn dated(known: &Archived<'_>) -> i64 {
    if known.dated >= FIRST {
        known.dated
    } else {
        known.seen
    }
}
