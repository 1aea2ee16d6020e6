//! Messages that do not fit their listed size, and what they are taken for
//! (docs/SAFETY.md, Evidence).

use std::collections::HashMap;

use super::PullRun;
use crate::account::memory::doubled_status_key;
use crate::archive::commit::{CommitRequest, Delivery};
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::source::{Listing, Source};
use crate::vault::catalog::{Before, Proof};
use crate::vault::ledger::Evidence;
use crate::vault::now_seconds;

/// The same doubtful bytes count as the message when they come again so much later, in
/// seconds.
const SETTLES: i64 = 3_600;
/// Octets that a store may count for a message besides its own.
const OVERHEAD: u64 = 1_024;
/// So many messages with a status line before them, and no other, are a habit of the server.
const HABIT: usize = 3;

/// What was recorded of messages before they were fetched again, by number.
pub(super) type Earlier = HashMap<u32, Before>;

/// A message that waits to be judged.
pub(super) type Misfit = (Listing, Delivery);

impl PullRun<'_, '_> {
    /// Learns that the server sends a second status line, if all that came have one; true
    /// if so.
    pub(super) fn learn_doubled_status(&mut self, held: &[Misfit], came: usize) -> Result<bool> {
        let doubled = held.iter().filter(|misfit| has_doubled_status(misfit));
        if came < HABIT || doubled.count() < came {
            return Ok(false);
        }
        if !self.doubled_status {
            self.doubled_status = true;
            let key = doubled_status_key(&self.task.route.server);
            self.learned(key, "yes".to_owned())?;
        }
        Ok(true)
    }

    /// Where sizes say nothing, the header must be the one that the server shows now: its
    /// hash by number.
    pub(super) fn shown_headers(
        &self,
        source: &mut dyn Source,
        held: &[Misfit],
    ) -> Result<HashMap<u32, Hash128>> {
        if held.is_empty() || !self.sizes.are_estimated() || self.doubled_status {
            return Ok(HashMap::new());
        }
        let listings: Vec<Listing> = held.iter().map(|(listing, _)| listing.clone()).collect();
        let headers = evidence::headers(source, &listings)?;
        let numbers = listings.iter().map(|listing| listing.number);
        let shown = numbers.zip(headers).filter_map(|(n, h)| Some((n, h?.hash)));
        Ok(shown.collect())
    }

    /// Delivers what does not fit its size as what it is found to be. Where numbers are
    /// `shifted`, the same wrong bytes come again and again, and settle nothing.
    pub(super) fn deliver_misfits(
        &mut self,
        held: Vec<Misfit>,
        shown: &HashMap<u32, Hash128>,
        shifted: bool,
        earlier: &Earlier,
    ) -> Result<()> {
        let now = now_seconds();
        for mut misfit in held {
            let (listing, delivery) = &misfit;
            let digest = &delivery.packed.digest;
            let listed = listing.octets.unwrap_or(0);
            let halved = digest.size <= listed / 2 && listed - digest.size > OVERHEAD;
            let agrees = shown.get(&listing.number) == Some(&digest.header);
            let before = earlier.get(&listing.number);
            let before = before.filter(|before| is_again(before, listing, digest.hash));
            let evidence = match before {
                _ if agrees && !halved => Evidence::Received,
                // What the listing of another name explains is the wrong answer to this one.
                Some(before)
                    if (before.proof == Proof::Settled || now - before.since >= SETTLES)
                        && !shifted
                        && !has_doubled_status(&misfit)
                        && !self.catalog.is_received(before.hash)? =>
                {
                    Evidence::Settled
                }
                Some(before) => Evidence::Doubtful(before.sessions.saturating_add(1)),
                None => Evidence::Doubtful(1),
            };
            if let Evidence::Doubtful(_) = evidence {
                self.doubt(listing, digest.size);
            }
            misfit.1.evidence = evidence;
            self.order(CommitRequest::Deliver(Box::new(misfit.1)))?;
        }
        Ok(())
    }
}

/// True if the bytes are those that were in doubt before, under the same listing.
fn is_again(before: &Before, listing: &Listing, hash: Hash128) -> bool {
    before.got == hash
        && before.octets == listing.octets
        && matches!(before.proof, Proof::Doubtful | Proof::Settled)
}

/// True if most of what does not fit has the size of its neighbour: then the server counts
/// messages otherwise than it listed them, and its sizes are as good as they were.
pub(super) fn are_shifted(held: &[Misfit], wanted: &[Listing]) -> bool {
    let fits_another = |(listing, delivery): &&Misfit| {
        let shape = &delivery.packed.digest.shape;
        let at = wanted.partition_point(|other| other.number < listing.number);
        let around = [at.checked_sub(1), at.checked_add(1)].into_iter().flatten();
        let mut sizes = around.filter_map(|at| wanted.get(at)?.octets);
        sizes.any(|octets| evidence::fits(shape, Some(octets)))
    };
    2 * held.iter().filter(fits_another).count() > held.len()
}

/// True if a second status line before the message accounts for all that is too much, with
/// its line end counted as two octets, or as one.
fn has_doubled_status((listing, delivery): &Misfit) -> bool {
    let shape = &delivery.packed.digest.shape;
    let listed = |line| listing.octets.and_then(|octets| octets.checked_add(line));
    let ways = [shape.status_line, shape.status_line.saturating_sub(1)];
    shape.status_line > 0 && ways.iter().any(|line| evidence::fits(shape, listed(*line)))
}
