//! Messages that do not fit their listed size, and how they are judged
//! (docs/SAFETY.md, Evidence).

use std::collections::{HashMap, HashSet};

use super::PullRun;
use super::account::PulledAccount;
use super::destination::PullTarget;
use crate::account::memory::doubled_status_key;
use crate::archive::commit::{CommitRequest, Delivery};
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::message::{Digest, Hash128};
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

/// What the server shows of messages that do not fit, by number.
#[derive(Debug, Default)]
pub(super) struct ShownHeaders {
    /// Their headers, where these are the same each time.
    headers: HashMap<u32, Hash128>,
    /// Those whose bytes another name has, too.
    shared: HashSet<u32>,
}

/// Learns that the server sends a second status line, if all that came have one; true
/// if so.
pub(super) fn learn_doubled_status(
    run: &mut PullRun<'_, '_>,
    held: &[Misfit],
    came: usize,
) -> Result<bool> {
    let doubled = held.iter().filter(|misfit| has_doubled_status(misfit));
    if came < HABIT || doubled.count() < came {
        return Ok(false);
    }
    if !run.doubled_status {
        run.doubled_status = true;
        let key = doubled_status_key(&run.account.task.route.server);
        run.account.learned(key, "yes".to_owned())?;
    }
    Ok(true)
}

/// Asks for the headers of what does not fit: where sizes say nothing, the header must be
/// the one that the server shows now, and what would settle may be the wrong answer.
pub(super) fn ask_of_misfits(
    run: &PullRun<'_, '_>,
    source: Option<&mut dyn Source>,
    place: &PullTarget<'_>,
    held: &[Misfit],
    earlier: &Earlier,
) -> Result<ShownHeaders> {
    let mut shown = ShownHeaders::default();
    if held.is_empty() || run.doubled_status {
        return Ok(shown);
    }
    let mut count: HashMap<Hash128, u32> = HashMap::new();
    for (_, delivery) in held {
        *count.entry(delivery.packed.digest.hash).or_default() += 1;
    }
    let mut asked = Vec::new();
    for (listing, delivery) in held {
        let digest = &delivery.packed.digest;
        let before = earlier.get(&listing.number);
        let came_again = before
            .is_some_and(|before| is_again(before, listing, digest.hash) && is_lasting(before));
        if came_again
            && (count[&digest.hash] > 1 || has_another_name(run.account, place, listing, digest)?)
        {
            shown.shared.insert(listing.number);
        }
        if came_again || run.mailbox.sizes.are_estimated() {
            asked.push((listing.clone(), came_again.then_some(digest.header)));
        }
    }
    let Some(source) = source.filter(|_| !asked.is_empty()) else {
        return Ok(shown);
    };
    let (listings, came): (Vec<Listing>, Vec<Option<Hash128>>) = asked.into_iter().unzip();
    let mut headers = evidence::headers(source, &listings)?;
    let others = listings.iter().zip(&headers).zip(&came).enumerate();
    let others = others.filter(|(_, ((_, header), came))| {
        came.is_some_and(|came| header.is_some_and(|header| header.hash != came))
    });
    let others: Vec<usize> = others.map(|(at, _)| at).collect();
    evidence::confirm(source, &listings, &mut headers, &others)?;
    let shown_now = listings.iter().zip(headers);
    shown
        .headers
        .extend(shown_now.filter_map(|(listing, h)| Some((listing.number, h?.hash))));
    Ok(shown)
}

/// True if another name of the mailbox has the same bytes.
fn has_another_name(
    account: PulledAccount<'_>,
    place: &PullTarget<'_>,
    listing: &Listing,
    digest: &Digest,
) -> Result<bool> {
    let Some(blob) = account.catalog.find(digest.hash)? else {
        return Ok(false);
    };
    let name = listing.uid.name();
    let shared = (blob.id, digest.header);
    let other = account
        .catalog
        .shared_as(place.origin(), &name, shared, listing.octets)?;
    Ok(other.is_some())
}

/// Delivers what does not fit its size as what it is found to be. Where numbers are
/// `shifted`, the same wrong bytes come again and again, and settle nothing.
pub(super) fn deliver_misfits(
    run: &mut PullRun<'_, '_>,
    held: Vec<Misfit>,
    shown: &ShownHeaders,
    shifted: bool,
    earlier: &Earlier,
) -> Result<()> {
    for mut misfit in held {
        let (listing, delivery) = &misfit;
        let digest = &delivery.packed.digest;
        let listed = listing.octets.unwrap_or(0);
        let halved = digest.size <= listed / 2 && listed - digest.size > OVERHEAD;
        let header = shown.headers.get(&listing.number);
        let agrees = header == Some(&digest.header);
        // A wrong answer may come again, too.
        let is_own = agrees || header.is_none() && !shown.shared.contains(&listing.number);
        let before = earlier.get(&listing.number);
        let before = before.filter(|before| is_again(before, listing, digest.hash));
        let evidence = match before {
            _ if agrees && !halved && run.mailbox.sizes.are_estimated() => Evidence::Received,
            // What the listing of another name explains is the wrong answer to this one.
            Some(before)
                if is_lasting(before)
                    && is_own
                    && !shifted
                    && !has_doubled_status(&misfit)
                    && !run.account.catalog.is_received(before.hash)? =>
            {
                Evidence::Settled
            }
            Some(before) => Evidence::Doubtful(before.sessions.saturating_add(1)),
            None => Evidence::Doubtful(1),
        };
        if let Evidence::Doubtful(_) = evidence {
            run.doubt(listing, digest.size);
        }
        misfit.1.evidence = evidence;
        run.account
            .order(CommitRequest::Deliver(Box::new(misfit.1)))?;
    }
    Ok(())
}

/// True if the bytes are those that were in doubt before, under the same listing.
fn is_again(before: &Before, listing: &Listing, hash: Hash128) -> bool {
    before.got == hash
        && before.octets == listing.octets
        && matches!(before.proof, Proof::Doubtful | Proof::Settled)
}

/// True if the bytes of a message are in doubt for so long that they may count as its own.
fn is_lasting(before: &Before) -> bool {
    before.proof == Proof::Settled || now_seconds() - before.since >= SETTLES
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
