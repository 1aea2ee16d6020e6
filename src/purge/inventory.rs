//! What a listing holds that may be deleted, seen against the catalog.

use crate::archive::dedupe::{Met, Walk};
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::source::Listings;
use crate::purge::mark_set::{MarkSet, MarkSorter};
use crate::purge::{RemoteFolder, Sum};
use crate::vault::EARLIEST;
use crate::vault::catalog::{Archived, Candidate, Catalog, Proof, State};
use crate::vault::layout::message_label;

/// A listing, seen against the catalog.
#[derive(Debug, Default)]
pub(super) struct PurgeInventory {
    /// What is not archived, or not as it is listed.
    pub(super) unarchived: Sum,
    /// What there is nothing to prove by.
    pub(super) unproven: Sum,
    /// Names that were asked to be deleted without hearing the end of it, and whether
    /// they are gone.
    pub(super) open: Vec<(Box<[u8]>, bool)>,
    /// All names, if they are wanted.
    pub(super) names: MarkSet,
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
        names: Option<&mut MarkSorter>,
    ) -> Result<Option<Candidate>> {
        let (name, rows, known, identifies) = match *met {
            Met::Gone(known) => {
                if known.state == State::PurgeIntent {
                    self.open.push((known.uid.into(), true));
                }
                return Ok(None);
            }
            Met::Listed {
                name,
                rows,
                known,
                identifies,
            } => (name, rows, known, identifies),
        };
        let mark = maildrop.mark(name);
        if let Some(names) = names {
            names.add(mark)?;
        }
        if known.is_some_and(|known| known.state == State::PurgeIntent) {
            self.open.push((name.into(), false));
        }
        let octets = listings.octets_of(rows[0] as usize);
        let accepted = || {
            let label = message_label(&maildrop.dir, &listings.get(rows[0] as usize).uid);
            label.is_some_and(|label| accept_short.contains(&label))
        };
        let settled = known.is_some_and(|known| known.proof == Proof::Settled) && accepted();
        if let Some(known) = known.filter(|known| identifies && eligible(known, octets, settled)) {
            return Ok(Some(Candidate {
                row: rows[0],
                place: 0,
                blob: known.blob,
                octets: octets.unwrap_or(0),
                dated: dated(known),
                mark,
                receive: self.estimated || settled || known.proof == Proof::Recognised,
                estimated: self.estimated || settled,
            }));
        }
        let empty = known.is_some_and(|known| known.size == 0);
        let others = if identifies && octets.is_some() && !empty {
            &mut self.unarchived
        } else {
            &mut self.unproven
        };
        for row in rows {
            others.add(listings.octets_of(*row as usize).unwrap_or(0));
        }
        Ok(None)
    }
}

/// What a listing is held against, and what is wanted of it.
pub(super) struct ListingCheck<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) maildrop: &'a RemoteFolder,
    /// Sizes that are wrong by the account's word.
    pub(super) accept_short: &'a [String],
    /// True if the names are wanted.
    pub(super) names: bool,
}

impl ListingCheck<'_> {
    /// Holds a listing against the catalog. `each` gets what may be deleted if it passes the
    /// proof, by name.
    pub(super) fn of(
        &self,
        listings: &Listings,
        each: &mut dyn FnMut(Candidate) -> Result<()>,
    ) -> Result<PurgeInventory> {
        let origin = self.maildrop.origin();
        let mut inventory = PurgeInventory {
            estimated: evidence::recall_sizes(self.catalog, origin)?.are_estimated(),
            ..PurgeInventory::default()
        };
        let mut names = self.names.then(MarkSorter::new);
        let mut given = Ok(());
        let mut meet = |met: &Met<'_, Archived<'_>>| {
            if given.is_ok() {
                let names = names.as_mut();
                given = inventory
                    .take(self.maildrop, listings, self.accept_short, met, names)
                    .and_then(|candidate| candidate.map_or(Ok(()), &mut *each));
            }
        };
        let mut walk = Walk::new(listings);
        self.catalog.for_each_archived(origin, |known| {
            walk.known(known.uid, known, &mut |met| meet(&met));
        })?;
        walk.finish(&mut |met| meet(&met));
        given?;
        if let Some(names) = names {
            inventory.names = names.sorted()?;
        }
        Ok(inventory)
    }
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
    if known.dated >= EARLIEST {
        known.dated
    } else {
        known.seen
    }
}
