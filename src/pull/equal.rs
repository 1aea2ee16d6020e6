//! Messages that came with the bytes of another one: the server may have answered with another
//! message than it was asked for, and its header shows that (docs/SAFETY.md, Evidence).

use std::collections::HashMap;

use super::PullRun;
use super::arrivals::{Arrival, ByBytes, Numbered};
use super::destination::PullTarget;
use super::misfits::Earlier;
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::source::{Header, Listing, Source};

/// So many messages of a run are remembered, so that their bytes are known when they come
/// under another name. A table of 2^16 buckets holds this many.
const REMEMBERED: usize = (1 << 16) / 8 * 7;

/// Stands for no listed size.
const UNLISTED: u64 = u64::MAX;

/// What came in a run, by its content, with the size that was listed for it.
#[derive(Debug, Default)]
pub(super) struct ReceivedBytes(HashMap<u64, u64>);

impl ReceivedBytes {
    /// Remembers some more, while there is room.
    fn add<'a>(&mut self, came: impl Iterator<Item = &'a Arrival>) {
        for arrival in came {
            if self.0.len() >= REMEMBERED {
                return;
            }
            let listed = arrival.listed.unwrap_or(UNLISTED);
            self.0.entry(arrival.like).or_insert(listed);
        }
    }

    /// The size that was listed, if there was one, for these bytes, if they came.
    #[expect(
        clippy::option_option,
        reason = "a name without a listed size is a name"
    )]
    fn get(&self, like: u64) -> Option<Option<u64>> {
        let listed = *self.0.get(&like)?;
        Some((listed != UNLISTED).then_some(listed))
    }
}

/// A message that came with the bytes of another one.
struct EqualArrival {
    header: Hash128,
    /// True if another name has the same bytes with another size, so that the listing of one of
    /// them is wrong, and this one is not exact.
    is_odd: bool,
}

/// Messages that came with the bytes of another one of the mailbox, in this run or before,
/// by number.
fn equal_to_another(
    run: &mut PullRun<'_, '_>,
    place: &PullTarget<'_>,
    wanted: &[Listing],
    came: &[Arrival],
    earlier: &Earlier,
) -> Result<HashMap<u32, EqualArrival>> {
    let (names, by_bytes) = (Numbered::of(wanted), ByBytes::of(came));
    let mut equal = HashMap::new();
    for arrival in came.iter().filter(|arrival| arrival.fits) {
        let before = earlier.get(&arrival.number);
        // Nothing was wrong with these, and they came again.
        let again = before.is_some_and(|b| !b.wanted && b.got == arrival.hash);
        let listing = names.get(arrival.number).filter(|_| !again);
        let mut elsewhere = Vec::from_iter(run.came.get(arrival.like));
        elsewhere.extend(anothers(run, place, listing, arrival)?);
        let here = by_bytes.alike(arrival.like).iter().copied();
        let here = here.filter(|other| other.fits && !std::ptr::eq(*other, arrival));
        let mut others = elsewhere.into_iter().chain(here.map(|other| other.listed));
        if let Some(first) = others.next() {
            // A final line end explains two octets.
            let is_apart = |other: Option<u64>| {
                let both = other.zip(arrival.listed);
                both.is_some_and(|(other, listed)| other.abs_diff(listed) > 2)
            };
            let is_exact = arrival.listed == Some(arrival.shape.size);
            equal.insert(
                arrival.number,
                EqualArrival {
                    header: arrival.header,
                    is_odd: !is_exact && (is_apart(first) || others.any(is_apart)),
                },
            );
        }
    }
    run.came.add(came.iter().filter(|arrival| arrival.fits));
    Ok(equal)
}

/// The size that is listed, if there is one, for another name of the mailbox which had
/// these bytes before this run, if there is one.
#[expect(
    clippy::option_option,
    reason = "a name without a listed size is a name"
)]
fn anothers(
    run: &PullRun<'_, '_>,
    place: &PullTarget<'_>,
    listing: Option<&Listing>,
    arrival: &Arrival,
) -> Result<Option<Option<u64>>> {
    // Without names of their own they all come again in every run.
    let Some(listing) = listing.filter(|_| run.mailbox.had_messages && !run.session.nameless)
    else {
        return Ok(None);
    };
    let mut blobs = Vec::from_iter(run.account.catalog.find(arrival.hash)?);
    if let Some((mid, likeness)) = &arrival.mail {
        blobs.extend(run.account.catalog.find_like(mid, *likeness)?);
    }
    let name = listing.uid.name();
    for blob in blobs {
        let shared = (blob.id, arrival.header);
        let other = run
            .account
            .catalog
            .shared_as(place.origin(), &name, shared, arrival.listed)?;
        if other.is_some() {
            return Ok(other);
        }
    }
    Ok(None)
}

/// Asks for the headers of messages that came with equal bytes: a server that answers with
/// another message than it was asked for shows the right header.
pub(super) fn judge_equal(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    place: &PullTarget<'_>,
    wanted: &[Listing],
    came: &[Arrival],
    earlier: &Earlier,
) -> Result<()> {
    let equal = equal_to_another(run, place, wanted, came, earlier)?;
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
        header.map(|header| header.hash) == Some(equal[&listing.number].header)
    };
    if !listings.iter().zip(&headers).any(|(l, h)| shown(l, h)) {
        // Not even one of them shows the header that came. Where each reading brings other
        // headers, they say nothing.
        let again = evidence::headers(source, &listings)?;
        let hash = |header: &Option<Header>| header.map(|header| header.hash);
        if headers.iter().zip(&again).any(|(a, b)| hash(a) != hash(b)) {
            for listing in listings.iter().filter(|l| equal[&l.number].is_odd) {
                run.want_again(listing)?;
            }
            return Ok(());
        }
    }
    for (listing, header) in listings.iter().zip(&headers) {
        if header.is_some() && !shown(listing, header) {
            run.want_again(listing)?;
        }
    }
    Ok(())
}
