//! Messages that came with the bytes of another one: the server may have answered with another
//! message than it was asked for, and its header tells (docs/SAFETY.md, Evidence).

use std::collections::HashMap;

use super::PullRun;
use super::arrivals::Arrival;
use super::destination::PullTarget;
use super::misfits::Earlier;
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::source::{Header, Listing, Source};

/// So many messages of a run are remembered, so that their bytes are known when they come
/// under another name.
const REMEMBERED: usize = 1 << 16;

impl PullRun<'_, '_> {
    /// Messages that came with the bytes of another one of the mailbox, in this run or before:
    /// by number, with the header that came.
    fn equal_to_another(
        &mut self,
        place: &PullTarget<'_>,
        wanted: &[Listing],
        came: &[Arrival],
        earlier: &Earlier,
    ) -> Result<HashMap<u32, Hash128>> {
        let fitting = || came.iter().filter(|arrival| arrival.fits);
        let mut count: HashMap<u64, u32> = HashMap::new();
        for arrival in fitting() {
            *count.entry(arrival.like).or_default() += 1;
        }
        let names: HashMap<u32, &Listing> = wanted.iter().map(|l| (l.number, l)).collect();
        let mut equal = HashMap::new();
        for arrival in fitting() {
            let is_another = count[&arrival.like] > 1 || self.came.contains(&arrival.like);
            let before = earlier.get(&arrival.number);
            // Nothing was wrong with these, and they came again.
            let again = before.is_some_and(|b| !b.wanted && b.got == arrival.hash);
            let listing = names.get(&arrival.number).filter(|_| !again);
            if is_another || self.is_anothers(place, listing.copied(), arrival)? {
                equal.insert(arrival.number, arrival.header);
            }
        }
        let room = REMEMBERED.saturating_sub(self.came.len());
        self.came.extend(count.into_keys().take(room));
        Ok(equal)
    }

    /// True if what came was received under another name of the mailbox before this run.
    fn is_anothers(
        &self,
        place: &PullTarget<'_>,
        listing: Option<&Listing>,
        arrival: &Arrival,
    ) -> Result<bool> {
        // Without names of their own they all come again in every run.
        let Some(listing) = listing.filter(|_| self.had_messages && !self.nameless) else {
            return Ok(false);
        };
        let mut blobs = Vec::from_iter(self.catalog.find(arrival.hash)?);
        if let Some((mid, likeness)) = &arrival.mail {
            blobs.extend(self.catalog.find_like(mid, *likeness)?);
        }
        for blob in blobs {
            let name = listing.uid.name();
            let origin = place.origin();
            if self
                .catalog
                .is_shared(origin, &name, blob.id, arrival.header)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks for the headers of messages that came with equal bytes: a server that answers with
    /// another message than it was asked for shows the right header.
    pub(super) fn judge_equal(
        &mut self,
        source: &mut dyn Source,
        place: &PullTarget<'_>,
        wanted: &[Listing],
        came: &[Arrival],
        earlier: &Earlier,
    ) -> Result<()> {
        let equal = self.equal_to_another(place, wanted, came, earlier)?;
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
                self.want_again(listing)?;
            }
        }
        Ok(())
    }
}
