//! An account whose server or user has another name, as after a provider renamed its servers. The
//! names that its messages had there are believed once a sample of them was received and is what
//! the vault has (`docs/SAFETY.md`, Evidence). Otherwise everything is fetched, and stored once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::PullRun;
use super::link::{self, SLICE, link};
use crate::archive::commit::{Link, Route};
use crate::archive::evidence;
use crate::base::error::Result;
use crate::base::event::Notice;
use crate::mail::source::{Inventory, Listing, Listings, Source, Uid, Voucher};
use crate::vault::catalog::{Origin, Proof, Record, Stored};
use crate::vault::ledger::Evidence;

/// Messages that are received and compared before the others are believed, of a maildrop or folder.
const SAMPLE: usize = 20;

/// Links the rows that the old server had under the same name and with the same size, and gives
/// those that have their messages now.
pub(super) fn link_moved(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    route: &Arc<Route>,
    inventory: Option<&Inventory>,
    listings: &Listings,
    rows: &[u32],
) -> Result<HashSet<u32>> {
    if run.account.task.moved_from.is_empty() || rows.is_empty() {
        return Ok(HashSet::new());
    }
    let found = candidates(run, route, inventory, listings, rows)?;
    let size = found.len().min(SAMPLE);
    let sample: Vec<&(u32, Listing, Record)> =
        (0..size).map(|n| &found[n * found.len() / size]).collect();
    let wanted: Vec<Listing> = sample
        .iter()
        .map(|(_, listing, _)| listing.clone())
        .collect();
    let received = evidence::receive(source, &wanted)?;
    let same = sample.iter().zip(&received).filter(|((.., record), now)| {
        now.as_ref()
            .is_some_and(|now| evidence::is_same(record, now))
    });
    let same = same.count();
    let believed = !found.is_empty() && same == sample.len();
    run.reporter.notice(Notice::Moved {
        compared: sample.len() as u64,
        same: same as u64,
        believed: if believed { found.len() as u64 } else { 0 },
    });
    let mut linked = HashSet::new();
    if believed {
        let links = found.into_iter().map(|(row, listing, record)| {
            let stored = Stored {
                header: Some(record.header),
                octets: record.octets,
                blob: record.blob,
                date: None,
                proof: Proof::Vouched,
                object: None,
            };
            let by = Evidence::Vouched(Voucher::Uidl);
            (row, link(inventory, listing, &stored, by))
        });
        let links: Vec<(u32, Link)> = links.collect();
        for slice in links.chunks(SLICE) {
            linked.extend(link::send(run.account, route, slice.to_vec())?);
        }
    }
    Ok(linked)
}

/// The rows with what the vault has of them from the old server. Only what is certain there is
/// taken for known, and a name that is listed twice tells nothing.
fn candidates(
    run: &PullRun<'_, '_>,
    route: &Route,
    inventory: Option<&Inventory>,
    listings: &Listings,
    rows: &[u32],
) -> Result<Vec<(u32, Listing, Record)>> {
    let mut times: HashMap<Vec<u8>, u32> = HashMap::new();
    for row in 0..listings.len() {
        let name = listings.get(row).uid.name().into_owned();
        *times.entry(name).or_default() += 1;
    }
    let catalog = run.account.catalog;
    let origin_at = |server| Origin {
        account: &route.account,
        server,
        dir: route.dir.as_deref().unwrap_or_default(),
        uidvalidity: inventory.map_or(0, |inventory| inventory.uidvalidity),
    };
    let here = origin_at(&route.server);
    // Estimated sizes are equal by chance.
    let is_estimated =
        |origin| evidence::recall_sizes(catalog, origin).map(|sizes| sizes.are_estimated());
    let mut found = Vec::new();
    if is_estimated(here)? {
        return Ok(found);
    }
    let mut servers = Vec::new();
    for server in &run.account.task.moved_from {
        let origin = origin_at(server);
        if !is_estimated(origin)? {
            servers.push(origin);
        }
    }
    for row in rows {
        let listing = listings.get(*row as usize);
        let name = listing.uid.name().into_owned();
        if listing.uid == Uid::Absent || times.get(&name) != Some(&1) {
            continue;
        }
        // What is recorded under its name here is wanted for a reason, and fetched.
        if catalog.has_name(here, &name)? {
            continue;
        }
        for origin in servers.iter().copied() {
            let certain = catalog.is_certain(origin, &name)?;
            let record = if certain {
                catalog.record_of(origin, &name)?
            } else {
                None
            };
            let record =
                record.filter(|record| record.octets.is_some() && record.octets == listing.octets);
            if let Some(record) = record {
                found.push((*row, listing, record));
                break;
            }
        }
    }
    Ok(found)
}
