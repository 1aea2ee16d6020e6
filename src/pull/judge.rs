//! How messages that came together are judged (docs/SAFETY.md, Evidence).

use std::collections::HashSet;

use super::PullRun;
use super::account::PulledAccount;
use super::arrivals::{Arrival, ByBytes, Numbered};
use super::destination::PullTarget;
use super::misfits::{self, Earlier, Misfit};
use super::{compare, equal};
use crate::archive::commit::CommitRequest;
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::source::{Listing, Source};
use crate::vault::catalog::Proof;
use crate::vault::ledger::LedgerEvent;
use crate::vault::now_seconds;

/// What is recorded of those of `wanted` that are fetched again.
pub(super) fn earlier(
    account: PulledAccount<'_>,
    place: &PullTarget<'_>,
    wanted: &[Listing],
) -> Result<Earlier> {
    let mut earlier = Earlier::new();
    for listing in wanted.iter().filter(|l| place.again.contains(&l.number)) {
        let before = account
            .catalog
            .before(place.origin(), &listing.uid.name())?;
        earlier.extend(before.map(|before| (listing.number, before)));
    }
    Ok(earlier)
}

/// Judges what came in one go. `source` is `None` if the connection failed, so that nothing can be
/// asked.
pub(super) fn judge(
    run: &mut PullRun<'_, '_>,
    mut source: Option<&mut dyn Source>,
    place: &PullTarget<'_>,
    wanted: &[Listing],
    (mut came, held): (Vec<Arrival>, Vec<Misfit>),
    earlier: &Earlier,
) -> Result<()> {
    let shifted = misfits::are_shifted(&held, wanted);
    let suspects = if shifted {
        shifted_with(&held, &came)
    } else {
        HashSet::new()
    };
    let doubled = misfits::learn_doubled_status(run, &held, came.len())?;
    let were_counted = run.mailbox.sizes.are_counted();
    let by_bytes = ByBytes::of(&came);
    for arrival in &came {
        // Otherwise it is not the sizes that are wrong.
        let own = !shifted && !doubled && by_bytes.alike(arrival.like).len() == 1;
        if arrival.fits || own {
            run.mailbox.sizes.take(&arrival.shape, arrival.listed);
        }
    }
    if let Some(text) = run.mailbox.sizes.learned(now_seconds()) {
        if run.mailbox.sizes.are_estimated() {
            let everywhere = evidence::sizes_key(&run.account.task.route.server, evidence::ANY);
            run.account.learned(everywhere, text.clone())?;
        }
        run.account
            .learned(run.mailbox.sizes_key(&run.account.task.route.server), text)?;
    }
    came.retain(|arrival| !suspects.contains(&arrival.number));
    let asked = source
        .as_mut()
        .map(|source| &mut **source as &mut dyn Source);
    let shown = misfits::ask_of_misfits(run, asked, place, &held, earlier)?;
    misfits::deliver_misfits(run, held, &shown, shifted, earlier)?;
    if let Some(source) = source {
        equal::judge_equal(run, source, place, wanted, &came, earlier)?;
    }
    for listing in wanted.iter().filter(|l| suspects.contains(&l.number)) {
        run.want_again(listing)?;
    }
    if !were_counted {
        judge_counting(run, wanted, &came)?;
    }
    if !earlier.is_empty() {
        supersede(run, place, wanted, &came, earlier)?;
    }
    Ok(())
}

/// Fetches again what fitted its size only while it was not known how this mailbox counts
/// line ends, and does not fit it now.
fn judge_counting(run: &mut PullRun<'_, '_>, wanted: &[Listing], came: &[Arrival]) -> Result<()> {
    let listed = Numbered::of(wanted);
    for arrival in came.iter().filter(|arrival| arrival.fits) {
        let Some(listing) = listed.get(arrival.number) else {
            continue;
        };
        run.mailbox.keep_uncounted(listing, arrival.shape);
    }
    for listing in run.mailbox.miscounted() {
        run.want_again(&listing)?;
    }
    Ok(())
}

/// Marks contents that were only the beginning of what came now, or the wrong answer.
fn supersede(
    run: &mut PullRun<'_, '_>,
    place: &PullTarget<'_>,
    wanted: &[Listing],
    came: &[Arrival],
    earlier: &Earlier,
) -> Result<()> {
    run.account.make_durable()?;
    let listed = Numbered::of(wanted);
    let mut events = Vec::new();
    for arrival in came {
        let Some(before) = earlier.get(&arrival.number) else {
            continue;
        };
        if before.proof == Proof::Recognised {
            run.reporter.report.compared += 1;
        }
        if arrival.hash == before.got || arrival.hash == before.hash {
            continue;
        }
        run.reporter.report.differed += 1;
        let Some(listing) = listed.get(arrival.number) else {
            continue;
        };
        let now = run
            .account
            .catalog
            .before(place.origin(), &listing.uid.name())?;
        let Some(now) = now.filter(|now| now.proof == Proof::Received) else {
            continue;
        };
        let was_wrong = before.proof == Proof::Doubtful
            || compare::begins_with(run.account, now.hash, before.hash)?;
        if now.hash != before.hash && was_wrong && !run.account.catalog.is_held(before.hash)? {
            events.push(LedgerEvent::Superseded {
                hash: before.hash,
                by: now.hash,
            });
        }
    }
    if !events.is_empty() {
        run.account.order(CommitRequest::Record(events))?;
    }
    Ok(())
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
