//! What came in one go, and whether it is what was listed (docs/SAFETY.md, Evidence).
//!
//! A message that fits its listed size goes on as received. One that does not waits here until
//! all of the go are in: then it is seen whether sizes say anything in this mailbox, and what
//! the headers say. Equal bytes under several names are asked about.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Run;
use super::pack::Place;
use crate::commit::{Delivery, Order};
use crate::error::Result;
use crate::evidence;
use crate::message::{Digest, Hash128};
use crate::source::{Header, Listing, Source, Uid};
use crate::vault::catalog::{Before, Origin, Proof};
use crate::vault::ledger::{Event as Entry, Evidence};
use crate::vault::now_ms;

/// The same doubtful bytes count as the message when they come again so much later, in
/// seconds.
const SETTLES: i64 = 3_600;
/// Octets that a store may count for a message besides its own.
const OVERHEAD: u64 = 1_024;
/// So many messages with a status line before them, and no other, are a habit of the server.
const HABIT: usize = 3;

/// A message that came whole.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    number: u32,
    hash: Hash128,
    header: Hash128,
    fits: bool,
}

/// What the compressors of one go have taken.
#[derive(Debug, Default)]
pub(super) struct Arrivals(Mutex<Arrived>);

#[derive(Debug, Default)]
struct Arrived {
    came: Vec<Arrival>,
    held: Vec<(Listing, Delivery)>,
}

impl Arrivals {
    pub(super) fn note(&self, number: u32, digest: &Digest, fits: bool) {
        self.arrived().came.push(Arrival {
            number,
            hash: digest.hash,
            header: digest.header,
            fits,
        });
    }

    pub(super) fn hold(&self, listing: Listing, delivery: Delivery) {
        self.arrived().held.push((listing, delivery));
    }

    fn arrived(&self) -> std::sync::MutexGuard<'_, Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was recorded of messages before they were fetched again, by number.
pub(super) type Earlier = HashMap<u32, Before>;

impl Run<'_, '_> {
    /// What is recorded of those of `wanted` that are fetched again.
    pub(super) fn earlier(&self, place: &Place<'_>, wanted: &[Listing]) -> Result<Earlier> {
        let mut earlier = Earlier::new();
        for listing in wanted.iter().filter(|l| place.again.contains(&l.number)) {
            let before = self.catalog.before(place.origin(), &listing.uid.name())?;
            earlier.extend(before.map(|before| (listing.number, before)));
        }
        Ok(earlier)
    }

    /// Judges what came in one go. `source` is none if the line failed, so that nothing can be
    /// asked.
    pub(super) fn judge(
        &mut self,
        source: Option<&mut dyn Source>,
        place: &Place<'_>,
        wanted: &[Listing],
        arrivals: Arrivals,
        earlier: &Earlier,
    ) -> Result<()> {
        let Arrived { came, mut held } = arrivals
            .0
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        // Two compressors note them as they are done.
        held.sort_by_key(|(listing, _)| listing.number);
        for arrival in &came {
            self.sizes.take(arrival.fits);
        }
        match source {
            Some(source) => {
                self.judge_held(Some(&mut *source), held, came.len(), earlier)?;
                self.judge_equal(source, wanted, &came)?;
            }
            None => self.judge_held(None, held, came.len(), earlier)?,
        }
        if !earlier.is_empty() {
            self.supersede(place, wanted, &came, earlier)?;
        }
        Ok(())
    }

    /// Delivers what does not fit its size as what it is found to be.
    fn judge_held(
        &mut self,
        source: Option<&mut dyn Source>,
        held: Vec<(Listing, Delivery)>,
        came: usize,
        earlier: &Earlier,
    ) -> Result<()> {
        if held.is_empty() {
            return Ok(());
        }
        let doubled = held.iter().filter(|(listing, delivery)| {
            let shape = &delivery.packed.digest.shape;
            let listed = listing
                .octets
                .and_then(|n| n.checked_add(shape.status_line));
            shape.status_line > 0 && evidence::fits(shape, listed)
        });
        if doubled.count() == came && came >= HABIT && !self.doubled_status {
            self.doubled_status = true;
            let key = evidence::doubled_status_key(&self.task.route.server);
            self.learned(key, "yes".to_owned())?;
        }
        let now = now();
        if let Some(text) = self.sizes.learned(now) {
            let everywhere = evidence::sizes_key(&self.task.route.server, evidence::ANY);
            self.learned(everywhere, text.clone())?;
            self.learned(self.sizes_key(), text)?;
        }
        let again = |listing: &Listing, delivery: &Delivery| {
            let before = earlier.get(&listing.number)?;
            let same = before.got == delivery.packed.digest.hash;
            (same && matches!(before.proof, Proof::Doubtful | Proof::Settled)).then_some(*before)
        };
        // Where sizes say nothing, the header must be the one that the server shows now.
        let listings: Vec<Listing> = held
            .iter()
            .filter(|_| self.sizes.are_estimated())
            .map(|(listing, _)| listing.clone())
            .collect();
        let mut shown = HashMap::new();
        if let Some(source) = source
            && !listings.is_empty()
            && !self.doubled_status
        {
            let headers = evidence::headers(source, &listings)?;
            let numbers = listings.iter().map(|listing| listing.number);
            shown.extend(numbers.zip(headers).filter_map(|(n, h)| Some((n, h?.hash))));
        }
        for (listing, mut delivery) in held {
            let digest = &delivery.packed.digest;
            let listed = listing.octets.unwrap_or(0);
            let halved = digest.size <= listed / 2 && listed - digest.size > OVERHEAD;
            let shown = shown.get(&listing.number) == Some(&digest.header);
            let before = again(&listing, &delivery);
            delivery.evidence = if shown && !halved {
                Evidence::Received
            } else {
                match before {
                    Some(before) if now - before.since >= SETTLES => Evidence::Settled,
                    Some(before) => Evidence::Doubtful(before.sessions.saturating_add(1)),
                    None => Evidence::Doubtful(1),
                }
            };
            if let Evidence::Doubtful(_) = delivery.evidence {
                self.doubt(&listing, delivery.packed.digest.size);
            }
            self.order(Order::Deliver(Box::new(delivery)))?;
        }
        Ok(())
    }

    /// Asks for the headers of messages that came with equal bytes: a server that answers with
    /// another message than it was asked for shows the right header.
    fn judge_equal(
        &mut self,
        source: &mut dyn Source,
        wanted: &[Listing],
        came: &[Arrival],
    ) -> Result<()> {
        let mut count: HashMap<Hash128, u32> = HashMap::new();
        for arrival in came.iter().filter(|arrival| arrival.fits) {
            *count.entry(arrival.hash).or_default() += 1;
        }
        let equal: HashMap<u32, Hash128> = came
            .iter()
            .filter(|arrival| arrival.fits && count[&arrival.hash] > 1)
            .map(|arrival| (arrival.number, arrival.header))
            .collect();
        if equal.is_empty() {
            return Ok(());
        }
        let listings: Vec<Listing> = wanted
            .iter()
            .filter(|listing| equal.contains_key(&listing.number))
            .cloned()
            .collect();
        let headers = evidence::headers(source, &listings)?;
        let shown = |listing: &Listing, header: &Option<Header>| {
            header.map(|header| header.hash) == Some(equal[&listing.number])
        };
        if !listings.iter().zip(&headers).any(|(l, h)| shown(l, h)) {
            // Not even one of them shows the header that came. Where each reading brings other
            // headers, they say nothing.
            let again = evidence::headers(source, &listings)?;
            let hash = |header: &Option<Header>| header.map(|header| header.hash);
            if headers.iter().zip(&again).any(|(a, b)| hash(a) != hash(b)) {
                return Ok(());
            }
        }
        for (listing, header) in listings.iter().zip(&headers) {
            if header.is_some() && !shown(listing, header) {
                self.doubt(listing, listing.octets.unwrap_or(0));
                if listing.uid != Uid::Absent {
                    let identity = self.identity(&listing.uid);
                    let why = "the server answered with another message".to_owned();
                    self.order(Order::Record(vec![Entry::Wanted { identity, why }]))?;
                }
            }
        }
        Ok(())
    }

    /// Marks contents that were only the beginning of what came now, or the wrong answer.
    fn supersede(
        &mut self,
        place: &Place<'_>,
        wanted: &[Listing],
        came: &[Arrival],
        earlier: &Earlier,
    ) -> Result<()> {
        self.settle()?;
        let listed: HashMap<u32, &Listing> = wanted.iter().map(|l| (l.number, l)).collect();
        let mut events = Vec::new();
        for arrival in came {
            let Some(before) = earlier.get(&arrival.number) else {
                continue;
            };
            if before.proof == Proof::Recognised {
                self.report.compared += 1;
            }
            if arrival.hash == before.got || arrival.hash == before.hash {
                continue;
            }
            self.report.differed += 1;
            let Some(listing) = listed.get(&arrival.number) else {
                continue;
            };
            let now = self.catalog.before(place.origin(), &listing.uid.name())?;
            let Some(now) = now.filter(|now| now.proof == Proof::Received) else {
                continue;
            };
            let was_wrong =
                before.proof == Proof::Doubtful || self.begins_with(now.hash, before.hash)?;
            if now.hash != before.hash && was_wrong && !self.catalog.is_held(before.hash)? {
                events.push(Entry::Superseded {
                    hash: before.hash,
                    by: now.hash,
                });
            }
        }
        if !events.is_empty() {
            self.order(Order::Record(events))?;
        }
        Ok(())
    }

    /// Counts a message whose bytes are in doubt, and tries it once more in this run.
    fn doubt(&mut self, listing: &Listing, received: u64) {
        let shown = self.shown(listing);
        self.report.doubtful += 1;
        let listed = listing.octets.unwrap_or(0);
        self.report.doubted.get_or_insert((shown, received, listed));
        let key = self.key(listing);
        self.retry.insert(key);
        self.retry_octets = self.retry_octets.saturating_add(listed);
    }

    fn sizes_key(&self) -> String {
        let dir = self.dir.as_deref().unwrap_or_default();
        evidence::sizes_key(&self.task.route.server, dir)
    }

    /// Recalls what an earlier run learned of the sizes of the mailbox at hand.
    pub(super) fn recall_sizes(&mut self) -> Result<()> {
        let route = &self.task.route;
        let origin = Origin {
            dir: self.dir.as_deref().unwrap_or_default(),
            ..Origin::maildrop(&route.account, &route.server)
        };
        self.sizes = evidence::recall_sizes(self.catalog, origin)?;
        Ok(())
    }
}

/// Unix time in seconds.
pub(super) fn now() -> i64 {
    now_ms() / 1_000
}
