//! The maildrop of a POP3 account: what is new in it, and what of it is fetched.

use std::sync::Arc;
use std::time::Instant;

use super::PullRun;
use super::account::PulledAccount;
use super::compare::compare;
use super::destination::PullTarget;
use super::fetch::{self, cut_short};
use super::known::link_listed;
use super::moved::link_moved;
use super::renumber::recognise;
use super::session::NextSession;
use crate::archive::commit::CommitRequest;
use crate::archive::dedupe::{FetchPlan, Merge};
use crate::base::error::{Error, Result};
use crate::base::event::Notice;
use crate::mail::source::{Listings, Source};
use crate::vault::catalog::Origin;

/// One connection: list, plan, compare, fetch, QUIT.
pub(super) fn session(
    run: &mut PullRun<'_, '_>,
    mut source: Box<dyn Source>,
) -> Result<NextSession> {
    run.session.signed_in = true;
    let now = Instant::now();
    let before = run.reporter.received;
    let listings = source.list()?;
    let delay = source.login_delay();
    run.reporter.report.next_login = (!delay.is_zero()).then(|| now + delay);
    run.mailbox.recall(run.account, 0)?;
    let mut plan = plan_of(run.account, &listings)?;
    settle_purge(run.account, &plan)?;
    leave_forgotten(run, &listings, &mut plan)?;
    run.reporter.report.doubtful = 0;
    run.reporter.report.recognised = 0;
    run.reporter.report.listed = listings.len() as u64;
    run.reporter.report.listed_octets = listings.octets();
    run.reporter.report.unlisted = listings.unlisted();
    run.session.nameless = plan.nameless > 0;
    if run.session.nameless {
        run.reporter.notice(Notice::Nameless {
            messages: plan.nameless,
        });
    }
    if !run.account.task.dry_run {
        if !plan.compare.is_empty() {
            compare(run, &mut *source, &listings, &mut plan)?;
        }
        link_old_names(run, &mut *source, &listings, &mut plan)?;
        recognise(run, &mut *source, &listings, &mut plan)?;
        link_listed(run, &mut *source, &listings, &mut plan)?;
        run.account.make_durable()?;
    }
    plan_again(run, &listings, &mut plan);
    forget_refused(run, &listings, &mut plan);
    let left = run
        .account
        .task
        .limit
        .map(|limit| limit.saturating_sub(run.reporter.received));
    if let Some(left) = left {
        plan.fetch
            .truncate(usize::try_from(left).unwrap_or(usize::MAX));
    }
    let octets = plan
        .fetch
        .iter()
        .map(|row| listings.plausible_octets(*row))
        .sum();
    run.reporter.report.wanted = run.reporter.received + plan.fetch.len() as u64;
    run.reporter.report.wanted_octets = run.reporter.report.octets + octets;
    run.reporter.listed(plan.fetch.len() as u64, octets);
    if run.account.task.dry_run {
        run.reporter.report.wanted += plan.compare.len() as u64;
    } else if !plan.fetch.is_empty() {
        run.reporter.tell_expiry(&*source);
        run.account.check_room(octets)?;
        run.session.in_transfer = true;
        let again = plan.again.iter();
        let place = PullTarget {
            route: Arc::clone(&run.account.task.route),
            inventory: None,
            again: again.map(|row| listings.number_of(*row as usize)).collect(),
        };
        fetch::fetch(run, &mut *source, &listings, &plan.fetch, &place)?;
    }
    run.reporter.report.complete = run.account.task.limit.is_none()
        && !run.account.task.dry_run
        && run.reporter.report.unlisted == 0;
    say_goodbye(run, source)?;
    // A server that shows a window may show the next one to a new session. Names
    // that identify nothing would come again for ever.
    let more = plan.windowed && !run.session.nameless && run.reporter.received > before;
    Ok(if more && run.reporter.report.complete {
        NextSession::Unlisted
    } else {
        run.refusals.next_session(run.account.task)
    })
}

/// Takes out of the plan what was removed from the vault on purpose.
fn leave_forgotten(
    run: &mut PullRun<'_, '_>,
    listings: &Listings,
    plan: &mut FetchPlan,
) -> Result<()> {
    run.reporter.report.forgotten = 0;
    // Where one name identifies nothing, the bytes decide.
    let Some(key) = run.account.tombstones()?.filter(|_| plan.nameless == 0) else {
        return Ok(());
    };
    let route = &*run.account.task.route;
    let origin = Origin::maildrop(&route.account, &route.server);
    for row in std::mem::take(&mut plan.fetch) {
        if key.covers(run.account.catalog, origin, &listings.get(row as usize))? {
            plan.known += 1;
            run.reporter.report.forgotten += 1;
        } else {
            plan.fetch.push(row);
        }
    }
    Ok(())
}

/// Takes out of the plan what the account's server had under the same names when it had another
/// name itself.
fn link_old_names(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    listings: &Listings,
    plan: &mut FetchPlan,
) -> Result<()> {
    // Where one identifies nothing, the others may be made from something else.
    if plan.nameless > 0 {
        return Ok(());
    }
    let route = Arc::clone(&run.account.task.route);
    let linked = link_moved(run, source, &route, None, listings, &plan.fetch)?;
    plan.fetch.retain(|row| !linked.contains(row));
    plan.known += linked.len() as u64;
    Ok(())
}

/// Ends a session in which everything was asked for: a server that fails to say goodbye
/// costs nothing, unless what it says instead belongs to the last message.
fn say_goodbye(run: &mut PullRun<'_, '_>, source: Box<dyn Source>) -> Result<()> {
    let Err(error) = source.finish() else {
        return Ok(());
    };
    tracing::debug!(target: "dialogue", "QUIT failed: {error}");
    match (&error, run.session.last.take()) {
        (Error::Protocol { detail, .. }, Some(last)) => run.refused(&last, cut_short(detail)),
        _ => Ok(()),
    }
}

/// Adds to the plan what is recorded and must be received again: a share of what is only
/// recognised, after what is new, and doubtful messages whose rest is over.
fn plan_again(run: &mut PullRun<'_, '_>, listings: &Listings, plan: &mut FetchPlan) {
    for (row, sessions, time) in std::mem::take(&mut plan.doubtful) {
        let key = run.mailbox.key(&listings.get(row as usize));
        if run.refusals.is_due(run.account.task, &key, sessions, time) {
            plan.fetch.push(row);
            plan.again.push(row);
        } else {
            run.reporter.report.doubtful += 1;
        }
    }
    for (row, time) in std::mem::take(&mut plan.mis_sized) {
        if run.refusals.is_settled_due(run.account.task, time) {
            plan.fetch.push(row);
            plan.again.push(row);
        } else {
            plan.known += 1;
        }
    }
    let rows = std::mem::take(&mut plan.recognised);
    let octets = |row: &u32| listings.plausible_octets(*row);
    let share = run
        .refusals
        .to_compare(run.account.task, rows.iter().map(octets));
    run.reporter.report.recognised += (rows.len() - share) as u64;
    plan.fetch.extend(&rows[..share]);
    plan.again.extend(&rows[..share]);
}

/// What the listing and the record say together.
fn plan_of(account: PulledAccount<'_>, listings: &Listings) -> Result<FetchPlan> {
    let route = &*account.task.route;
    let mut merge = Merge::new(listings);
    account
        .catalog
        .for_each_known(&route.account, &route.server, |known| merge.known(known))?;
    Ok(merge.finish())
}

/// A purge that did not hear of its end is settled by the next listing, whoever asks.
fn settle_purge(account: PulledAccount<'_>, plan: &FetchPlan) -> Result<()> {
    if plan.settled.is_empty() {
        return Ok(());
    }
    let route = &*account.task.route;
    let origin = Origin::maildrop(&route.account, &route.server);
    let events = account.catalog.settled(origin, &plan.settled)?;
    account.order(CommitRequest::Record(events))
}

/// Takes out what was refused or dropped too often in this very run.
fn forget_refused(run: &PullRun<'_, '_>, listings: &Listings, plan: &mut FetchPlan) {
    if !run.refusals.has_refused() {
        return;
    }
    plan.fetch.retain(|row| {
        !run.refusals
            .is_refused(&run.mailbox.key(&listings.get(*row as usize)))
    });
}
