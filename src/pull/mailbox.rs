//! One mailbox of an IMAP account: what is new, what changed, what is gone, and what is
//! stored already under another name.

use std::collections::HashSet;
use std::sync::Arc;

use super::account::PulledAccount;
use super::copies::{self, Copies};
use super::destination::{PullTarget, PulledMailbox};
use super::renumber::warn_if_shrunk;
use super::session::NextSession;
use super::{PullRun, fetch, known, link, moved};
use crate::archive::commit::{CommitRequest, FlagChange, Route};
use crate::archive::evidence;
use crate::base::error::Result;
use crate::base::event::Notice;
use crate::mail::source::{Inventory, Listing, Listings, MailRow, Source};
use crate::vault::catalog::{InMailbox, Proof, State};
use crate::vault::ledger::{Evidence, LedgerEvent, Proto};

/// What is known of a mailbox, seen against what the server says.
#[derive(Default)]
struct Changes {
    /// UIDs to be fetched.
    wanted: Vec<u32>,
    /// Those of them of which a content is recorded.
    again: HashSet<u32>,
    /// UIDs whose content is only recognised, and the listed octets.
    recognised: Vec<(u32, u64)>,
    /// UIDs whose date alone is another, or whose size where that says nothing.
    redated: Vec<u32>,
    flags: Vec<FlagChange>,
    events: Vec<LedgerEvent>,
    /// Known messages that are still there.
    there: u64,
    /// UIDs that were taken for known, and are not.
    unexpected: Vec<u32>,
    /// Doubtful messages that are left alone for now.
    resting: u64,
    /// True if a UID has another message than the recorded one.
    reused: bool,
}

/// What is received from a mailbox.
struct MailboxPlan {
    listings: Listings,
    /// The rows of it that are received.
    rows: Vec<u32>,
    /// UIDs of these of which a content is recorded.
    again: HashSet<u32>,
    /// True if nothing is left for another run.
    is_whole: bool,
}

/// Ends a round over all mailboxes.
pub(super) fn all_seen(run: &mut PullRun<'_, '_>) -> Result<NextSession> {
    run.mailbox.dir = None;
    run.reporter.report.complete = run.account.task.limit.is_none()
        && !run.account.task.dry_run
        && run.reporter.report.unlisted == 0
        && run.reporter.all_opened();
    let account = &run.account.task.route.account;
    if let (true, Some(last)) = (
        run.reporter.report.complete,
        run.account.catalog.last_complete(account, Proto::Imap)?,
    ) {
        let purged = run.account.catalog.purged_since(account, last.time)?;
        let before = last.listed.saturating_sub(purged);
        let now = run.reporter.report.listed;
        warn_if_shrunk(&mut run.reporter, before, now);
    }
    Ok(run.refusals.next_session(run.account.task))
}

/// Brings one mailbox up to date. True if everything in it is archived.
pub(super) fn bring_up_to_date(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    mailbox: &PulledMailbox<'_>,
    copies: &Copies,
) -> Result<bool> {
    let inventory = mailbox.inventory;
    let route = Arc::new(Route {
        dir: Some(mailbox.dir.to_owned()),
        ..(*run.account.task.route).clone()
    });
    run.mailbox.dir = Some(mailbox.dir.to_owned());
    run.mailbox.recall(run.account, inventory.uidvalidity)?;
    if inventory.cut > 0 {
        let messages = inventory.cut;
        run.reporter.notice(Notice::KeywordsCut { messages });
    }
    let mut changes = changes(run, mailbox)?;
    let (hidden, mut whole) = count_listed(run, inventory, &mut changes);
    leave_forgotten(run, mailbox, &mut changes)?;
    run.account
        .order(CommitRequest::Record(std::mem::take(&mut changes.events)))?;
    if !changes.flags.is_empty() {
        run.account
            .order(CommitRequest::Flags(std::mem::take(&mut changes.flags)))?;
    }
    if !run.account.task.dry_run {
        look_at_redated(run, source, &route, mailbox, &mut changes)?;
    }
    // What was removed from the vault on purpose is not in the record, and a listing of changes
    // does not show it.
    run.mailbox.must_list_all = (changes.reused || hidden > 0) && !inventory.everything;
    if run.account.task.dry_run {
        let object = |uid: u32| inventory.object(&inventory.row(uid)?);
        let comes = |uid: &u32| !object(*uid).is_some_and(|object| copies.has(object));
        changes.wanted.retain(comes);
    } else {
        let before = changes.wanted.len();
        link(run, source, &route, mailbox, copies, &mut changes)?;
        if changes.wanted.len() < before || !changes.recognised.is_empty() {
            // What comes now is compared with these.
            run.account.make_durable()?;
        }
    }
    let MailboxPlan {
        listings,
        rows,
        again,
        is_whole,
    } = choose(run, inventory, changes);
    whole &= is_whole && hidden == 0;
    let plausible = rows.iter().map(|row| listings.plausible_octets(*row));
    let octets = plausible.sum();
    run.reporter.report.wanted += rows.len() as u64;
    run.reporter.report.wanted_octets += octets;
    run.reporter.listed(rows.len() as u64, octets);
    let before = (
        run.reporter.report.refused.len(),
        run.reporter.report.doubtful,
    );
    if !run.account.task.dry_run && !rows.is_empty() {
        run.account.check_room(octets)?;
        run.session.in_transfer = true;
        let place = PullTarget {
            route,
            inventory: Some(inventory),
            again,
        };
        fetch::fetch(run, source, &listings, &rows, &place)?;
    }
    let after = (
        run.reporter.report.refused.len(),
        run.reporter.report.doubtful,
    );
    Ok(whole && after == before && !run.account.task.dry_run)
}

/// Counts what the server announces. Gives how many of these messages it does not list, and
/// true unless something went that it did not tell of.
fn count_listed(
    run: &mut PullRun<'_, '_>,
    inventory: &Inventory,
    changes: &mut Changes,
) -> (u64, bool) {
    let unexpected = unexpected(run, changes);
    let told = changes.there + inventory.rows().len() as u64 + unexpected;
    let hidden = inventory.announced.saturating_sub(told);
    run.reporter.report.listed += inventory.announced - hidden;
    run.reporter.report.unlisted += hidden;
    (hidden, told <= inventory.announced || inventory.everything)
}

/// Takes off what was removed from the vault on purpose.
fn leave_forgotten(
    run: &mut PullRun<'_, '_>,
    mailbox: &PulledMailbox<'_>,
    changes: &mut Changes,
) -> Result<()> {
    // UIDs that hold for nothing say nothing.
    let lasting = mailbox.inventory.uidvalidity > 0;
    let Some(key) = run.account.tombstones()?.filter(|_| lasting) else {
        return Ok(());
    };
    let origin = run.account.origin(mailbox);
    let listings = mailbox.inventory.listings(&changes.wanted);
    for (n, uid) in std::mem::take(&mut changes.wanted).into_iter().enumerate() {
        if key.covers(run.account.catalog, origin, &listings.get(n))? {
            run.reporter.report.forgotten += 1;
        } else {
            changes.wanted.push(uid);
        }
    }
    Ok(())
}

/// Chooses what is received: what is wanted, and a share of what is only recognised, but
/// nothing that was refused in this run, and no more than the limit.
fn choose(run: &mut PullRun<'_, '_>, inventory: &Inventory, changes: Changes) -> MailboxPlan {
    let Changes {
        mut wanted,
        mut again,
        recognised,
        ..
    } = changes;
    let share = run.refusals.to_compare(
        run.account.task,
        recognised.iter().map(|(_, octets)| *octets),
    );
    run.reporter.report.recognised += (recognised.len() - share) as u64;
    let compared = recognised[..share].iter().map(|(uid, _)| *uid);
    again.extend(compared.clone());
    wanted.extend(compared);
    let listings = inventory.listings(&wanted);
    let mut rows: Vec<u32> = (0..u32::try_from(wanted.len()).unwrap_or(u32::MAX)).collect();
    rows.retain(|row| {
        let listing = listings.get(*row as usize);
        !run.refusals.is_refused(&run.mailbox.key(&listing))
    });
    if let Some(limit) = run.account.task.limit {
        let left =
            usize::try_from(limit.saturating_sub(run.reporter.received)).unwrap_or(usize::MAX);
        rows.truncate(left);
    }
    MailboxPlan {
        is_whole: recognised.len() == share && rows.len() == wanted.len(),
        listings,
        rows,
        again,
    }
}

/// Takes off what need not be fetched: messages of which another folder has a copy, and
/// those that are recognised.
fn link(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    route: &Arc<Route>,
    mailbox: &PulledMailbox<'_>,
    copies: &Copies,
    changes: &mut Changes,
) -> Result<()> {
    let Changes { wanted, again, .. } = changes;
    let mut new: Vec<u32> = wanted
        .iter()
        .copied()
        .filter(|uid| !again.contains(uid))
        .collect();
    let listings = mailbox.inventory.listings(&new);
    let rows: Vec<u32> = (0..u32::try_from(new.len()).unwrap_or(u32::MAX)).collect();
    let inventory = Some(mailbox.inventory);
    let moved = moved::link_moved(run, source, route, inventory, &listings, &rows)?;
    let moved: HashSet<u32> = moved.iter().map(|row| new[*row as usize]).collect();
    new.retain(|uid| !moved.contains(uid));
    copies::link_copies(
        run.account,
        source,
        route,
        mailbox.inventory,
        &mut new,
        copies,
    )?;
    let linked = known::link_known(run, source, route, mailbox, &mut new)?;
    let octets = |uid: u32| mailbox.inventory.row(uid).and_then(|row| row.octets());
    let linked = linked.into_iter();
    changes
        .recognised
        .extend(linked.map(|uid| (uid, octets(uid).unwrap_or(0))));
    changes.recognised.sort_unstable();
    wanted.retain(|uid| again.contains(uid));
    wanted.extend(new);
    wanted.sort_unstable();
    Ok(())
}

/// Sees what is recorded against what the server says.
fn changes(run: &PullRun<'_, '_>, mailbox: &PulledMailbox<'_>) -> Result<Changes> {
    let inventory = mailbox.inventory;
    let origin = run.account.origin(mailbox);
    let mut changes = Changes::default();
    let mut known = HashSet::new();
    let mut recorded = HashSet::new();
    let mut flagged: Vec<(u32, String)> = Vec::new();
    // A purge that did not hear of its end is settled by the next listing, whoever asks.
    let mut asked: Vec<(Box<[u8]>, bool)> = Vec::new();
    // UIDs that hold for nothing say nothing.
    let lasting = inventory.uidvalidity > 0;
    run.account.catalog.for_each_in_mailbox(origin, |message| {
        let InMailbox { uid, state, .. } = message;
        let is_new = inventory.is_new(uid);
        let gone = inventory.is_gone(uid);
        let marks = inventory.marks_of(uid);
        let purged = matches!(state, State::Purged | State::PurgeIntent);
        let settled = message.stored || purged && marks.is_none();
        let row = inventory.row(uid).filter(|_| lasting);
        if lasting && settled && !state.is_wanted() {
            known.insert(uid);
        }
        if lasting && message.stored && row.is_some() && !gone {
            weigh(run, &message, row, mailbox, &mut changes);
        }
        recorded.insert(uid);
        if !gone && !is_new && !matches!(state, State::Vanished | State::Purged) {
            changes.there += 1;
        }
        let differs =
            marks.is_some_and(|m| m.letters != message.letters || m.words != message.words);
        let back = state == State::Vanished && marks.is_some() && message.stored;
        let identity = || run.account.identity(Some(mailbox.dir), &inventory.uid(uid));
        match state {
            State::Seen | State::PurgeKept | State::Refused | State::Wanted if gone => {
                changes.events.push(LedgerEvent::Vanished {
                    identity: identity(),
                    flags: message.letters,
                    kw: message.words,
                });
            }
            _ if back && !gone => {
                changes.events.push(LedgerEvent::Reappeared {
                    identity: identity(),
                    flags: message.letters.clone(),
                    kw: message.words,
                });
                if differs {
                    flagged.push((uid, message.letters));
                }
            }
            State::PurgeIntent if gone || marks.is_some() => {
                asked.push((Box::from(uid.to_be_bytes()), gone));
            }
            State::Seen | State::PurgeKept if differs => flagged.push((uid, message.letters)),
            _ => {}
        }
    })?;
    changes
        .events
        .extend(run.account.catalog.settled(origin, &asked)?);
    changes.flags = flag_changes(run.account, mailbox, flagged)?;
    let new = inventory.rows().iter().map(|row| row.uid);
    changes
        .wanted
        .extend(new.filter(|uid| !known.contains(uid)));
    // Of a UID that was taken for known the ledger may have nothing.
    changes.unexpected = inventory
        .known()
        .filter(|uid| lasting && !recorded.contains(uid))
        .collect();
    changes.wanted.sort_unstable();
    changes.wanted.dedup();
    Ok(changes)
}

/// The messages whose flags differ, each with the letters that are recorded.
fn flag_changes(
    account: PulledAccount<'_>,
    mailbox: &PulledMailbox<'_>,
    flagged: Vec<(u32, String)>,
) -> Result<Vec<FlagChange>> {
    let inventory = mailbox.inventory;
    let mut changes = Vec::with_capacity(flagged.len());
    for (uid, before) in flagged {
        let Some(marks) = inventory.marks_of(uid) else {
            continue;
        };
        let stored = account.catalog.content_in(account.origin(mailbox), uid)?;
        changes.push(FlagChange {
            identity: account.identity(Some(mailbox.dir), &inventory.uid(uid)),
            hash: stored.map(|stored| stored.blob.name.hash),
            before,
            flags: marks.letters.clone(),
            kw: marks.words.clone(),
        });
    }
    Ok(changes)
}

/// Takes in what the server lists of a message of which a content is recorded.
fn weigh(
    run: &PullRun<'_, '_>,
    message: &InMailbox,
    row: Option<MailRow>,
    mailbox: &PulledMailbox<'_>,
    changes: &mut Changes,
) {
    let Some(row) = row else { return };
    let uid = message.uid;
    let moved = |now: Option<u64>, then: Option<u64>| now.zip(then).is_some_and(|(a, b)| a != b);
    let wanted = if message.state.is_wanted() {
        true
    } else if message.state == State::PurgeIntent {
        false
    } else if moved(row.octets(), message.octets) && !run.mailbox.sizes.are_estimated() {
        changes.reused = true;
        true
    } else {
        match message.proof {
            Proof::Recognised => {
                let octets = row.octets().or(message.octets).unwrap_or(0);
                changes.recognised.push((uid, octets));
                return;
            }
            Proof::Doubtful => {
                let listings = mailbox.inventory.listings(&[uid]);
                let key = run.mailbox.key(&listings.get(0));
                let due =
                    run.refusals
                        .is_due(run.account.task, &key, message.sessions, message.time);
                changes.resting += u64::from(!due);
                due
            }
            Proof::Settled => run.refusals.is_settled_due(run.account.task, message.time),
            _ => false,
        }
    };
    if wanted {
        changes.wanted.push(uid);
        changes.again.insert(uid);
    } else if message.proof.is_possession()
        && (row.date().zip(message.date).is_some_and(|(a, b)| a != b)
            || moved(row.octets(), message.octets))
    {
        // An equal header would not take the doubt from any other.
        changes.redated.push(uid);
    }
}

/// Takes in messages that became visible below the highest UID; gives their number.
fn unexpected(run: &mut PullRun<'_, '_>, changes: &mut Changes) -> u64 {
    run.reporter.report.doubtful += changes.resting;
    let unexpected = std::mem::take(&mut changes.unexpected);
    let count = unexpected.len() as u64;
    if count > 0 {
        changes.wanted.extend(unexpected);
        changes.wanted.sort_unstable();
        changes.wanted.dedup();
    }
    count
}

/// Another INTERNALDATE alone may come from files that were copied: with the recorded
/// header it is the same message, else it is fetched.
fn look_at_redated(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    route: &Arc<Route>,
    mailbox: &PulledMailbox<'_>,
    changes: &mut Changes,
) -> Result<()> {
    if changes.redated.is_empty() {
        return Ok(());
    }
    let inventory = mailbox.inventory;
    let listings = inventory.listings(&changes.redated);
    let wanted: Vec<Listing> = (0..listings.len()).map(|row| listings.get(row)).collect();
    let headers = evidence::headers(source, &wanted)?;
    let mut links = Vec::new();
    for (listing, header) in wanted.into_iter().zip(headers) {
        let uid = listing.number;
        let stored = run
            .account
            .catalog
            .content_in(run.account.origin(mailbox), uid)?;
        let same = stored.filter(|s| s.header.is_some() && s.header == header.map(|h| h.hash));
        if let Some(stored) = same {
            let voucher = stored.object.map(|object| object.by);
            let evidence = match (stored.proof, voucher.or(inventory.voucher)) {
                (Proof::Received, _) => Evidence::Received,
                (Proof::Vouched, Some(voucher)) => Evidence::Vouched(voucher),
                _ => Evidence::Recognised,
            };
            let mut link = link::link(Some(inventory), listing, &stored, evidence);
            link.object = link.object.or(stored.object);
            links.push((uid, link));
        } else {
            changes.reused = true;
            changes.wanted.push(uid);
            changes.again.insert(uid);
        }
    }
    // A file that is not as it was gets no line; `verify` is for that.
    link::send(run.account, route, links)?;
    Ok(())
}
