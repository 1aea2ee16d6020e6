//! A server that has renamed everything, as after a move to other software.
//!
//! Downloading a large maildrop again at once because its names changed costs hours; so a
//! sample of headers is compared first, and if it fits, the headers of the rest. What is
//! recognised so is not yet archived: every run receives a share of it and compares.

use std::collections::HashMap;

use super::account::PulledAccount;
use super::refusals::COMPARED;
use super::reporter::PullReporter;
use super::{PullRun, compare};
use crate::archive::commit::CommitRequest;
use crate::archive::dedupe::{FetchPlan, Recognition};
use crate::base::error::Result;
use crate::base::event::Notice;
use crate::mail::message::Hash128;
use crate::mail::source::{Listing, Listings, Source, headers_of};
use crate::vault::ledger::{Evidence, Proto};

/// Fewer messages are simply fetched again.
const LEAST: u64 = 20;
/// Headers that are compared before it is believed.
const SAMPLE: usize = 20;
/// Messages whose headers are asked for in one go.
const SLICE: usize = 4_096;

/// Recorded names by header hash and size; several may share one.
type OldNames = HashMap<(Hash128, u64), Vec<Vec<u8>>>;

/// Finds out whether the server renamed its messages, and if so takes those out of
/// the plan whose header and size are recorded under an old name. The old names
/// stay as aliases.
pub(super) fn recognise(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    listings: &Listings,
    plan: &mut FetchPlan,
) -> Result<()> {
    if plan.windowed {
        return Ok(());
    }
    let account = &run.account.task.route.account;
    let Some(last) = run.account.catalog.last_complete(account, Proto::Pop3)? else {
        return Ok(());
    };
    let gone = plan.settled.iter().filter(|(_, gone)| *gone).count() as u64;
    let purged = run.account.catalog.purged_since(account, last.time)? + gone;
    let before = last.listed.saturating_sub(purged);
    let listed = listings.len() as u64;
    warn_if_shrunk(&mut run.reporter, before, listed);
    let octets: u64 = plan
        .fetch
        .iter()
        .map(|r| listings.plausible_octets(*r))
        .sum();
    if octets <= COMPARED && run.account.task.recognise == Recognition::Renumbered {
        return Ok(());
    }
    let steady = listed.abs_diff(before) <= before / 10;
    if before < LEAST || !steady || plan.known > before / 10 {
        return Ok(());
    }
    let mut old = old_names(run.account)?;
    let step = (plan.fetch.len() / SAMPLE).max(1);
    let sample: Vec<u32> = plan
        .fetch
        .iter()
        .copied()
        .step_by(step)
        .take(SAMPLE)
        .collect();
    let fits = matches(source, listings, &sample, &mut old.clone())?;
    if fits.len() * 2 < sample.len().max(1) {
        return Ok(());
    }
    run.reporter.notice(Notice::Renumbered {
        listed: plan.fetch.len() as u64,
    });
    let rows = std::mem::take(&mut plan.fetch);
    for slice in rows.chunks(SLICE) {
        let found = matches(source, listings, slice, &mut old)?;
        let mut events = Vec::with_capacity(found.len());
        for row in slice {
            let event = match found.get(row) {
                Some((name, header)) => {
                    let listing = listings.get(*row as usize);
                    compare::seen_as(run.account, name, &listing, *header, &|_, _| {
                        Some(Evidence::Recognised)
                    })?
                }
                None => None,
            };
            if let Some(event) = event {
                events.push(event);
                plan.recognised.push(*row);
            } else {
                plan.fetch.push(*row);
            }
        }
        if !events.is_empty() {
            run.account.order(CommitRequest::Record(events))?;
        }
    }
    Ok(())
}

/// Far fewer messages than the last time are an alarm, and change nothing here.
pub(super) fn warn_if_shrunk(reporter: &mut PullReporter<'_, '_>, before: u64, now: u64) {
    if before >= LEAST && now < before / 2 {
        reporter.notice(Notice::Shrunk { before, now });
    }
}

fn old_names(account: PulledAccount<'_>) -> Result<OldNames> {
    let route = &account.task.route;
    let mut names = OldNames::new();
    account
        .catalog
        .for_each_known(&route.account, &route.server, |known| {
            if let (Some(header), Some(octets)) = (known.header, known.octets) {
                let same = names.entry((header, octets)).or_default();
                same.push(known.uid.to_vec());
            }
        })?;
    Ok(names)
}

/// Rows whose header and size are recorded, with the old name. Each old name is
/// given away once.
fn matches(
    source: &mut dyn Source,
    listings: &Listings,
    rows: &[u32],
    old: &mut OldNames,
) -> Result<HashMap<u32, (Vec<u8>, Hash128)>> {
    let wanted: Vec<Listing> = rows.iter().map(|row| listings.get(*row as usize)).collect();
    let headers = headers_of(source, &wanted)?;
    let mut found = HashMap::new();
    for ((row, listing), header) in rows.iter().zip(&wanted).zip(headers) {
        if let (Some(header), Some(octets)) = (header, listing.octets)
            && let Some(name) = old.get_mut(&(header.hash, octets)).and_then(Vec::pop)
        {
            found.insert(*row, (name, header.hash));
        }
    }
    Ok(found)
}
