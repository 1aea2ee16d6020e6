//! What came in one go, and whether it is what was listed (docs/SAFETY.md, Evidence).
//!
//! A message that fits its listed size goes on as received. One that does not waits here until
//! all of the go are in: then it is seen whether sizes say anything in this mailbox, and what
//! the headers say. Equal bytes under several names are asked about.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use super::PullRun;
use super::destination::PullTarget;
use super::misfits::{self, Earlier, Misfit};
use crate::archive::commit::{CommitRequest, Delivery};
use crate::archive::dedupe::{self, Policy};
use crate::archive::evidence::{self, MailboxSizes};
use crate::base::error::Result;
use crate::base::sync::lock;
use crate::mail::message::{Digest, Hash128, Shape};
use crate::mail::source::{Listing, Source, Uid};
use crate::vault::catalog::{Origin, Proof};
use crate::vault::ledger::LedgerEvent;
use crate::vault::now_seconds;

/// So many messages wait until it is known how their mailbox counts line ends: more than that
/// takes, with those that tell nothing.
const UNCOUNTED: usize = 4_096;

/// A message that came whole.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) number: u32,
    pub(super) hash: Hash128,
    pub(super) header: Hash128,
    /// The same for all that status fields alone make different.
    pub(super) like: u64,
    /// Message-ID and likeness, if it has them.
    pub(super) mail: Option<(Box<[u8]>, Hash128)>,
    pub(super) fits: bool,
    pub(super) shape: Shape,
    pub(super) listed: Option<u64>,
}

impl Arrival {
    fn new(number: u32, digest: &Digest, listed: Option<u64>, fits: bool) -> Self {
        let like = digest.likeness.unwrap_or(digest.hash).head();
        Self {
            number,
            hash: digest.hash,
            header: digest.header,
            like: like ^ digest.header.head(),
            mail: dedupe::same_mail(Policy::MessageId, digest)
                .map(|(mid, like)| (mid.into(), like)),
            fits,
            shape: digest.shape,
            listed,
        }
    }
}

/// What the compressors of one go have taken.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// What was known of the sizes before.
    sizes: MailboxSizes,
    arrived: Mutex<Arrived>,
}

#[derive(Debug, Default)]
struct Arrived {
    came: Vec<Arrival>,
    held: Vec<Misfit>,
}

impl Arrivals {
    pub(super) fn new(sizes: MailboxSizes) -> Self {
        Self {
            sizes,
            arrived: Mutex::default(),
        }
    }

    /// Notes a message that came; true if it fits its listed size.
    pub(super) fn note(&self, listing: &Listing, digest: &Digest) -> bool {
        let fits = self.sizes.fits(&digest.shape, listing.octets);
        let arrival = Arrival::new(listing.number, digest, listing.octets, fits);
        self.arrived().came.push(arrival);
        fits
    }

    pub(super) fn hold(&self, listing: Listing, delivery: Delivery) {
        self.arrived().held.push((listing, delivery));
    }

    fn arrived(&self) -> std::sync::MutexGuard<'_, Arrived> {
        lock(&self.arrived)
    }
}

impl PullRun<'_, '_> {
    /// What is recorded of those of `wanted` that are fetched again.
    pub(super) fn earlier(&self, place: &PullTarget<'_>, wanted: &[Listing]) -> Result<Earlier> {
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
        mut source: Option<&mut dyn Source>,
        place: &PullTarget<'_>,
        wanted: &[Listing],
        arrivals: Arrivals,
        earlier: &Earlier,
    ) -> Result<()> {
        let Arrived { mut came, mut held } = arrivals
            .arrived
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        // Two compressors note them as they are done.
        held.sort_by_key(|(listing, _)| listing.number);
        let shifted = misfits::are_shifted(&held, wanted);
        let suspects = if shifted {
            shifted_with(&held, &came)
        } else {
            HashSet::new()
        };
        let doubled = self.learn_doubled_status(&held, came.len())?;
        let were_counted = self.sizes.are_counted();
        let mut count: HashMap<u64, u32> = HashMap::new();
        for arrival in &came {
            *count.entry(arrival.like).or_default() += 1;
        }
        for arrival in &came {
            // Otherwise it is not the sizes that are wrong.
            let own = !shifted && !doubled && count[&arrival.like] == 1;
            if arrival.fits || own {
                self.sizes.take(&arrival.shape, arrival.listed);
            }
        }
        if let Some(text) = self.sizes.learned(now_seconds()) {
            if self.sizes.are_estimated() {
                let everywhere = evidence::sizes_key(&self.task.route.server, evidence::ANY);
                self.learned(everywhere, text.clone())?;
            }
            self.learned(self.sizes_key(), text)?;
        }
        came.retain(|arrival| !suspects.contains(&arrival.number));
        let asked = source
            .as_mut()
            .map(|source| &mut **source as &mut dyn Source);
        let shown = self.ask_of_misfits(asked, place, &held, earlier)?;
        self.deliver_misfits(held, &shown, shifted, earlier)?;
        if let Some(source) = source {
            self.judge_equal(source, place, wanted, &came, earlier)?;
        }
        for listing in wanted.iter().filter(|l| suspects.contains(&l.number)) {
            self.want_again(listing)?;
        }
        if !were_counted {
            self.judge_counting(wanted, &came)?;
        }
        if !earlier.is_empty() {
            self.supersede(place, wanted, &came, earlier)?;
        }
        Ok(())
    }

    /// Fetches again what fitted its size only while it was not known how this mailbox counts
    /// line ends, and does not fit it now.
    fn judge_counting(&mut self, wanted: &[Listing], came: &[Arrival]) -> Result<()> {
        let listed: HashMap<u32, &Listing> = wanted.iter().map(|l| (l.number, l)).collect();
        for arrival in came.iter().filter(|arrival| arrival.fits) {
            let Some(listing) = listed.get(&arrival.number) else {
                continue;
            };
            if self.uncounted.len() < UNCOUNTED {
                self.uncounted.push(((*listing).clone(), arrival.shape));
            }
        }
        if !self.sizes.are_counted() {
            return Ok(());
        }
        for (listing, shape) in std::mem::take(&mut self.uncounted) {
            if !self.sizes.fits(&shape, listing.octets) {
                self.want_again(&listing)?;
            }
        }
        Ok(())
    }

    /// Marks contents that were only the beginning of what came now, or the wrong answer.
    fn supersede(
        &mut self,
        place: &PullTarget<'_>,
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
                events.push(LedgerEvent::Superseded {
                    hash: before.hash,
                    by: now.hash,
                });
            }
        }
        if !events.is_empty() {
            self.order(CommitRequest::Record(events))?;
        }
        Ok(())
    }

    /// Counts a message whose bytes are in doubt, and tries it once more in this run.
    pub(super) fn doubt(&mut self, listing: &Listing, received: u64) {
        let shown = self.shown(listing);
        self.report.doubtful += 1;
        let listed = listing.octets.unwrap_or(0);
        self.report.doubted.get_or_insert((shown, received, listed));
        let key = self.key(listing);
        self.retry.insert(key);
        self.retry_octets = self.retry_octets.saturating_add(listed);
    }

    /// Fetches a message again that has its size, and may be another one.
    pub(super) fn want_again(&mut self, listing: &Listing) -> Result<()> {
        self.doubt(listing, listing.octets.unwrap_or(0));
        if listing.uid == Uid::Absent {
            return Ok(());
        }
        let identity = self.identity(&listing.uid);
        let why = "the server answered with another message".to_owned();
        self.order(CommitRequest::Record(vec![LedgerEvent::Wanted {
            identity,
            why,
        }]))
    }

    fn sizes_key(&self) -> String {
        let dir = self.dir.as_deref().unwrap_or_default();
        evidence::sizes_key(&self.task.route.server, dir)
    }

    /// Recalls what an earlier run learned of the sizes of the mailbox at hand.
    /// A maildrop has no UIDVALIDITY, which is 0 then.
    pub(super) fn recall_sizes(&mut self, uidvalidity: u32) -> Result<()> {
        let route = &self.task.route;
        let origin = Origin {
            dir: self.dir.as_deref().unwrap_or_default(),
            uidvalidity,
            ..Origin::maildrop(&route.account, &route.server)
        };
        self.sizes = evidence::recall_sizes(self.catalog, origin)?;
        let mailbox = (origin.dir.to_owned(), uidvalidity);
        // A new session goes on with the mailbox in which the last one broke off.
        if self.uncounted_in != mailbox {
            self.uncounted.clear();
            self.uncounted_in = mailbox;
        }
        self.had_messages = self.catalog.has_contents()?;
        Ok(())
    }
}

/// The numbers of messages that fit by chance where numbers are shifted: those after the first
/// misfit, if most of what came there does not fit.
fn shifted_with(held: &[Misfit], came: &[Arrival]) -> HashSet<u32> {
    let first = held.first().map(|(listing, _)| listing.number);
    let behind = |arrival: &&Arrival| first.is_some_and(|first| arrival.number > first);
    let (fitting, others): (Vec<_>, Vec<_>) =
        came.iter().filter(behind).partition(|arrival| arrival.fits);
    if fitting.len() > others.len() {
        return HashSet::new();
    }
    fitting.into_iter().map(|arrival| arrival.number).collect()
}
