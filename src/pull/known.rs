//! Messages that are stored already and come under another name now: by the other protocol,
//! whose names vouch for each other, or with header and size of a stored message, which are
//! recognised only, and received and compared all the same (docs/SAFETY.md, Evidence).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::account::PulledAccount;
use super::destination::PulledMailbox;
use super::link::{self, LINE_END, SLICE, link};
use super::refusals::COMPARED;
use super::uidl;
use super::{PullRun, imported};
use crate::archive::commit::{Link, Route};
use crate::archive::dedupe::{FetchPlan, Policy, Recognition};
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::source::{Inventory, Listing, Listings, Source, Uid, Voucher};
use crate::vault::catalog::{Blob, Origin, Proof, Stored};
use crate::vault::ledger::Evidence;

/// So many messages must have been received over both protocols, alike but for their final
/// line end, before the form of a name is believed.
const PROVEN: usize = 8;

/// Names that a message may have, each with its UIDVALIDITY, or 0 for a UIDL.
type OtherNames = Vec<(u32, Vec<u8>)>;

/// Takes out of `wanted` the UIDs of what POP3 brought under a name that tells so, and
/// where recognition is worth while, of what has header and size of a stored message;
/// gives the latter.
pub(super) fn link_known(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    route: &Arc<Route>,
    mailbox: &PulledMailbox<'_>,
    wanted: &mut Vec<u32>,
) -> Result<HashSet<u32>> {
    let inventory = mailbox.inventory;
    if mailbox.dir.is_empty()
        && route.policy != Policy::Exact
        && run.account.catalog.has_maildrop(&route.account)?
    {
        let listings = inventory.listings(wanted);
        let validity = inventory.uidvalidity;
        let named = |listing: &Listing| {
            let row = inventory.row(listing.number);
            let object = row.and_then(|row| inventory.object(&row));
            let gmail = object.filter(|object| object.by == Voucher::Gmail);
            let gmail = gmail.map(|object| object.id);
            let names = uidl::names(validity, listing.number, gmail);
            names.into_iter().map(|name| (0, name)).collect()
        };
        let linked = by_name(
            run.account,
            route,
            Some(mailbox),
            &listings,
            &all(&listings),
            &named,
        )?;
        take_out(wanted, &linked);
    }
    let listings = inventory.listings(wanted);
    let large = mailbox.renumbered && listings.octets() > COMPARED;
    let mut recognised = HashSet::new();
    if large || run.account.task.recognise == Recognition::Always {
        let rows = all(&listings);
        let linked = by_header(
            run.account,
            source,
            route,
            Some(inventory),
            &listings,
            &rows,
        )?;
        recognised = uids(&listings, &linked).collect();
        take_out(wanted, &linked);
    }
    // UIDs without UIDVALIDITY hold for nothing.
    if inventory.uidvalidity == 0 {
        return Ok(recognised);
    }
    let listings = inventory.listings(wanted);
    let rows = all(&listings);
    let linked = imported::by_import(run, source, route, Some(inventory), &listings, &rows)?;
    recognised.extend(uids(&listings, &linked));
    take_out(wanted, &linked);
    Ok(recognised)
}

/// Takes out of a maildrop's plan what came by IMAP, and what seems to be imported.
pub(super) fn link_listed(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    listings: &Listings,
    plan: &mut FetchPlan,
) -> Result<()> {
    let route = Arc::clone(&run.account.task.route);
    if run.account.catalog.has_mailboxes(&route.account)? {
        link_from_mailboxes(run, source, &route, listings, plan)?;
    }
    // What is recognised under a name that identifies nothing would be so in every run, and never
    // received.
    if plan.nameless == 0 {
        let linked = imported::by_import(run, source, &route, None, listings, &plan.fetch)?;
        recognise(plan, &linked);
    }
    Ok(())
}

fn link_from_mailboxes(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    route: &Arc<Route>,
    listings: &Listings,
    plan: &mut FetchPlan,
) -> Result<()> {
    let named = |listing: &Listing| match &listing.uid {
        Uid::Uidl(name) => {
            let names = uidl::read(name).into_iter();
            let key = |(uidvalidity, uid): (u32, u32)| (uidvalidity, uid.to_be_bytes().into());
            names.map(key).collect()
        }
        _ => Vec::new(),
    };
    // Where one is missing or doubled, they are made from something else.
    if plan.nameless == 0 && route.policy != Policy::Exact {
        let linked = by_name(run.account, route, None, listings, &plan.fetch, &named)?;
        plan.fetch.retain(|row| !linked.contains(row));
        plan.known += linked.len() as u64;
    }
    if run.account.task.recognise == Recognition::Always {
        let linked = by_header(run.account, source, route, None, listings, &plan.fetch)?;
        recognise(plan, &linked);
    }
    Ok(())
}

/// Links the rows that the other protocol brought into the inbox under another form of
/// their name, and with a size that fits; gives these rows. `named` gives the names of
/// the other form, which are believed once enough messages came under both and were
/// equal. What is recorded under its own name is wanted for a reason, and fetched.
fn by_name(
    account: PulledAccount<'_>,
    route: &Arc<Route>,
    mailbox: Option<&PulledMailbox<'_>>,
    listings: &Listings,
    rows: &[u32],
    named: &dyn Fn(&Listing) -> OtherNames,
) -> Result<HashSet<u32>> {
    let mut linked = HashSet::new();
    if !forms_agree(account, route)? {
        return Ok(linked);
    }
    let origin = match mailbox {
        Some(mailbox) => account.origin(mailbox),
        None => Origin::maildrop(&route.account, &route.server),
    };
    let inventory = mailbox.map(|mailbox| mailbox.inventory);
    for slice in rows.chunks(SLICE) {
        let mut links = Vec::new();
        for row in slice {
            let listing = listings.get(*row as usize);
            let Some(octets) = listing.octets else {
                continue;
            };
            if account.catalog.has_name(origin, &listing.uid.name())? {
                continue;
            }
            for (uidvalidity, name) in named(&listing) {
                let found =
                    account
                        .catalog
                        .in_inbox(origin.account, origin.server, uidvalidity, &name)?;
                if let Some(stored) = found
                    && stored.proof == Proof::Received
                    && fits(&stored.blob, stored.octets, octets)
                {
                    let evidence = Evidence::Vouched(Voucher::Uidl);
                    links.push((*row, link(inventory, listing, &stored, evidence)));
                    break;
                }
            }
        }
        linked.extend(link::send(account, route, links)?);
    }
    Ok(linked)
}

/// True if enough messages were received under both forms of their name, and all of them
/// are one content each.
fn forms_agree(account: PulledAccount<'_>, route: &Route) -> Result<bool> {
    let mut pairs = 0;
    for (name, stored) in account.catalog.received_names(&route.account)? {
        let Some((uidvalidity, uid)) = uidl::read(&name) else {
            continue;
        };
        let other = account.catalog.in_inbox(
            &route.account,
            &route.server,
            uidvalidity,
            &uid.to_be_bytes(),
        )?;
        let Some(other) = other.filter(|other| other.proof == Proof::Received) else {
            continue;
        };
        // Without a Message-ID POP3's final line end makes another content.
        if other.header == stored.header && other.blob.name.size + LINE_END == stored.blob.name.size
        {
            continue;
        }
        // The same content is stored once, and a header covers what likeness leaves out.
        if other.blob.id != stored.blob.id || other.header != stored.header {
            return Ok(false);
        }
        pairs += 1;
        if pairs >= PROVEN {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Links the rows that have header and size of a stored message; gives these rows.
fn by_header(
    account: PulledAccount<'_>,
    source: &mut dyn Source,
    route: &Arc<Route>,
    inventory: Option<&Inventory>,
    listings: &Listings,
    rows: &[u32],
) -> Result<HashSet<u32>> {
    let mut linked = HashSet::new();
    if rows.is_empty() {
        return Ok(linked);
    }
    // Only between the protocols sizes may differ.
    let loose = inventory.is_none() || account.catalog.has_maildrop(&route.account)?;
    let around = |octets: u64| {
        let all = around(octets);
        if loose { all } else { [octets; 3] }
    };
    let known = account.catalog.sizes(&route.account)?;
    let has = |octets: u64| known.binary_search(&octets).is_ok();
    let likely = |row: &&u32| {
        let octets = listings.octets_of(**row as usize);
        octets.is_some_and(|n| around(n).into_iter().any(has))
    };
    let likely: Vec<u32> = rows.iter().filter(likely).copied().collect();
    if likely.is_empty() {
        return Ok(linked);
    }
    let mut sizes = HashSet::new();
    for row in &likely {
        sizes.extend(around(listings.octets_of(*row as usize).unwrap_or(0)));
    }
    let mut by_header: HashMap<Hash128, Vec<(Option<u64>, Blob)>> = HashMap::new();
    account
        .catalog
        .for_each_header(&route.account, &sizes, |header, octets, blob| {
            by_header.entry(header).or_default().push((octets, blob));
        })?;
    for slice in likely.chunks(SLICE) {
        let links = like_stored(source, inventory, listings, slice, &by_header)?;
        linked.extend(link::send(account, route, links)?);
    }
    Ok(linked)
}

/// Links for the rows that have header and size of one of these stored messages.
fn like_stored(
    source: &mut dyn Source,
    inventory: Option<&Inventory>,
    listings: &Listings,
    rows: &[u32],
    stored: &HashMap<Hash128, Vec<(Option<u64>, Blob)>>,
) -> Result<Vec<(u32, Link)>> {
    let wanted: Vec<Listing> = rows.iter().map(|r| listings.get(*r as usize)).collect();
    let headers = evidence::headers(source, &wanted)?;
    let mut links = Vec::new();
    for ((row, listing), header) in rows.iter().zip(wanted).zip(headers) {
        // Without a Message-ID even a header says too little.
        let Some(header) = header.filter(|header| header.named) else {
            continue;
        };
        let octets = listing.octets.unwrap_or(0);
        let found = stored.get(&header.hash).and_then(|all| {
            all.iter()
                .find(|(listed, blob)| fits(blob, *listed, octets))
        });
        if let Some((octets, blob)) = found
            && listing.uid != Uid::Absent
        {
            let stored = Stored {
                blob: blob.clone(),
                header: Some(header.hash),
                octets: *octets,
                date: None,
                proof: Proof::Recognised,
                object: None,
            };
            links.push((
                *row,
                link(inventory, listing, &stored, Evidence::Recognised),
            ));
        }
    }
    Ok(links)
}

/// Makes these rows of a plan recognised ones.
fn recognise(plan: &mut FetchPlan, rows: &HashSet<u32>) {
    plan.fetch.retain(|row| !rows.contains(row));
    plan.recognised.extend(rows);
    plan.recognised.sort_unstable();
}

fn uids(listings: &Listings, rows: &HashSet<u32>) -> impl Iterator<Item = u32> {
    rows.iter().map(|row| listings.number_of(*row as usize))
}

/// Removes what is at these places.
fn take_out(wanted: &mut Vec<u32>, places: &HashSet<u32>) {
    let mut at = 0;
    wanted.retain(|_| {
        at += 1;
        !places.contains(&(at - 1))
    });
}

/// Sizes that a message may have if a server lists it with this many octets.
fn around(octets: u64) -> [u64; 3] {
    [
        octets,
        octets.saturating_add(LINE_END),
        octets.saturating_sub(LINE_END),
    ]
}

/// True if a message that the server lists with this many octets may be this content.
fn fits(blob: &Blob, listed: Option<u64>, octets: u64) -> bool {
    let name = &blob.name;
    around(octets).contains(&name.size) || name.wire == octets || listed == Some(octets)
}

/// The places of all rows.
fn all(listings: &Listings) -> Vec<u32> {
    (0..u32::try_from(listings.len()).unwrap_or(u32::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_taken_out_by_its_place() {
        let mut wanted = vec![10, 20, 30, 40];
        take_out(&mut wanted, &HashSet::from([0, 2]));
        assert_eq!(wanted, [20, 40]);
    }
}
