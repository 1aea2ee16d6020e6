//! Fetching: messages from the source into the belt, and what becomes of those that do not
//! come complete.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::arrivals::Arrivals;
use super::destination::PullTarget;
use super::feed::{self, Feeder, Stuck};
use super::pack::pack;
use super::{PullRun, judge};
use crate::archive::commit::CommitQueue;
use crate::base::error::{Error, Result};
use crate::mail::source::{Fetched, Listing, Listings, Source};
use crate::vault::ledger::Proto;

/// Messages of a mailbox without good sizes that are fetched in one go.
const SLICE_ESTIMATED: usize = 1_024;
/// Messages of all connections that are fetched in one go: bounds the memory of a first pull.
const SLICE: usize = 8_192;
/// Octets that a server may list for an empty message: a line end.
const EMPTY: u64 = 2;

/// Fetches rows of the listing while compressors work.
pub(super) fn fetch(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    listings: &Listings,
    rows: &[u32],
    place: &PullTarget<'_>,
) -> Result<()> {
    let Some(commit_queue) = run.account.commit_queue else {
        return Ok(());
    };
    // A message at which the line failed before goes last and alone, so that the next
    // failure is surely its own.
    let suspects = |row: &&u32| {
        run.refusals.has_drops()
            && run
                .refusals
                .was_dropped(&run.mailbox.key(&listings.get(**row as usize)))
    };
    let last: Vec<u32> = rows.iter().filter(suspects).copied().collect();
    let first: Cow<'_, [u32]> = if last.is_empty() {
        rows.into()
    } else {
        rows.iter().filter(|row| !suspects(row)).copied().collect()
    };
    // What does not fit its size waits for the end of its slice.
    let most = if run.mailbox.sizes.are_estimated() {
        SLICE_ESTIMATED
    } else {
        SLICE / run.account.task.connections.max(1)
    };
    let mut outcome = Ok(());
    for slice in first.chunks(most).chain(last.chunks(1)) {
        outcome = fetch_and_judge(run, source, listings, slice, place, commit_queue);
        if outcome.is_err() {
            break;
        }
    }
    // After the lines of what was received, so that these count.
    for (listing, why) in std::mem::take(&mut run.refusals.cut_short) {
        run.refused(&listing, why)?;
    }
    outcome
}

/// Fetches a slice while compressors work, and judges what came.
fn fetch_and_judge(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    listings: &Listings,
    slice: &[u32],
    place: &PullTarget<'_>,
    commit_queue: &CommitQueue,
) -> Result<()> {
    let task = run.account.task;
    let (feeder, inbox) = feed::belt(task.connections);
    let inbox = Arc::new(inbox);
    let wanted: Vec<Listing> = slice
        .iter()
        .map(|row| listings.get(*row as usize))
        .collect();
    let earlier = judge::earlier(run.account, place, &wanted)?;
    let arrivals = Arrivals::new(run.mailbox.sizes, wanted.len());
    let outcome = std::thread::scope(|scope| {
        // Dropped at the end of this block, which is what ends the compressors.
        let mut feeder = feeder;
        for _ in 0..task.workers.max(1) {
            let (inbox, arrivals) = (Arc::clone(&inbox), &arrivals);
            scope.spawn(move || pack(task, place, &inbox, arrivals, commit_queue));
        }
        drop(inbox);
        fetch_slice(run, source, &wanted, &mut feeder)
    });
    let asked = outcome.is_ok().then_some(source);
    let arrived = arrivals.into_parts();
    let judged = judge::judge(run, asked, place, &wanted, arrived, &earlier);
    outcome.and(judged)
}

fn fetch_slice(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    wanted: &[Listing],
    feeder: &mut Feeder,
) -> Result<()> {
    let mut done = 0;
    // The answers may come in another order.
    let mut answered = HashSet::new();
    let outcome = source.fetch(wanted, &mut |listing, fetched| {
        match fetched {
            Fetched::Waiting => feeder.hand_over().map_err(give_up)?,
            Fetched::Refused(reply) => {
                done += 1;
                answered.insert(listing.number);
                run.refused(listing, reply)?;
            }
            Fetched::Body(body) => {
                let before = run.reporter.report.octets;
                if let Err(stuck) = feeder.take(listing, body, |n| run.reporter.progress(n)) {
                    // Half a message does not count.
                    run.reporter.report.octets = before;
                    return Err(give_up(stuck));
                }
                done += 1;
                answered.insert(listing.number);
                run.reporter.received += 1;
                if is_nothing(run, listing, run.reporter.report.octets - before)? {
                    feeder.take_back();
                }
            }
        }
        if run.account.is_stopped() {
            return Err(Error::Interrupted);
        }
        Ok(())
    });
    // What came whole is archived even if the line failed after it.
    let handed = feeder.hand_over().map_err(give_up);
    run.session.last = wanted.last().cloned();
    match &outcome {
        // Bytes that are no answer belong to the message before: its end was not
        // its end.
        Err(Error::Protocol { detail, .. })
            if done > 0 && run.account.task.proto == Proto::Pop3 =>
        {
            run.refusals
                .cut_short
                .push((wanted[done - 1].clone(), cut_short(detail)));
        }
        Err(error) if error.is_transient() => {
            let mut open = wanted.iter().filter(|l| !answered.contains(&l.number));
            if let Some(listing) = open.next() {
                dropped(run, listing, error)?;
            }
        }
        _ => {}
    }
    outcome.and(handed)
}

/// The line failed at this message; the second time it counts as refused.
fn dropped(run: &mut PullRun<'_, '_>, listing: &Listing, error: &Error) -> Result<()> {
    if run.refusals.drop_at(run.mailbox.key(listing)) {
        run.refused(listing, error.to_string())?;
    }
    Ok(())
}

/// Nothing at all of a message that has a size is a refusal.
fn is_nothing(run: &mut PullRun<'_, '_>, listing: &Listing, received: u64) -> Result<bool> {
    if received > 0 || listing.octets.is_none_or(|n| n <= EMPTY) {
        return Ok(false);
    }
    run.refused(listing, "the server sent no data".to_owned())?;
    Ok(true)
}

/// Reading errors are replaced by what the session knows of them.
fn give_up(_: Stuck) -> Error {
    Error::Interrupted
}

/// Why a message does not count though it had an end.
pub(super) fn cut_short(detail: &str) -> String {
    format!("stored, but possibly incomplete; after it came something unexpected: {detail}")
}
