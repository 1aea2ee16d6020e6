//! Messages whose listed size has moved: with an equal header, and a difference that status
//! fields explain to the byte, it is the same message.

use std::io::Read;

use super::PullRun;
use super::account::PulledAccount;
use crate::archive::commit::CommitRequest;
use crate::archive::dedupe::FetchPlan;
use crate::archive::evidence;
use crate::base::error::Result;
use crate::mail::message::{Digest, Hash128, Scanner};
use crate::mail::source::{Listing, Listings, Source, Uid, Voucher};
use crate::vault::catalog::Proof;
use crate::vault::ledger::{Evidence, LedgerEvent, Seen};
use crate::vault::{frame, maildir};

/// Asks for the headers of messages whose size has moved. Those that are the same message
/// are recorded with their new size; the others are fetched.
pub(super) fn compare(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    listings: &Listings,
    plan: &mut FetchPlan,
) -> Result<()> {
    let rows: Vec<Listing> = plan
        .compare
        .iter()
        .map(|(row, _)| listings.get(*row as usize))
        .collect();
    let headers = evidence::headers(source, &rows)?;
    let mut same = Vec::new();
    for ((listing, (row, recorded)), found) in rows.iter().zip(&plan.compare).zip(&headers) {
        let event = match (&listing.uid, found) {
            (Uid::Uidl(name), Some(found)) if found.hash == *recorded => {
                seen_as(run.account, name, listing, found.hash, &|digest, proof| {
                    let listed = listing.octets?;
                    let explained = run.mailbox.sizes.are_estimated()
                        || evidence::explains(&digest.shape, listed, found.status);
                    kept(proof).filter(|_| explained)
                })?
            }
            _ => None,
        };
        if let Some(event) = event {
            same.push(event);
        } else {
            plan.fetch.push(*row);
            plan.again.push(*row);
        }
    }
    plan.fetch.sort_unstable();
    plan.known += same.len() as u64;
    if !same.is_empty() {
        run.account.order(CommitRequest::Record(same))?;
    }
    Ok(())
}

/// True if the stored content `whole` begins with the stored content `stub`, but for the
/// line end after it.
pub(super) fn begins_with(
    account: PulledAccount<'_>,
    whole: Hash128,
    stub: Hash128,
) -> Result<bool> {
    let (Some(mut whole), Some(mut stub)) = (open(account, whole)?, open(account, stub)?) else {
        return Ok(false);
    };
    let mut left = [0; 8 << 10];
    let mut right = [0; 8 << 10];
    loop {
        let read = stub.read(&mut left).unwrap_or(0);
        if read == 0 {
            return Ok(true);
        }
        let there = &mut right[..read];
        if whole.read_exact(there).is_err() {
            return Ok(false);
        }
        if there != &left[..read] {
            let same = there.iter().zip(&left).take_while(|(a, b)| a == b).count();
            let rest = &left[same..read];
            let is_end = rest.iter().all(|byte| b"\r\n".contains(byte));
            return Ok(is_end && stub.read(&mut left).unwrap_or(1) == 0);
        }
    }
}

fn open(account: PulledAccount<'_>, hash: Hash128) -> Result<Option<impl Read + use<>>> {
    let Some(blob) = account.catalog.find(hash)? else {
        return Ok(None);
    };
    for place in account.catalog.places(blob.id)? {
        let folder = account.task.layout.folder(&place.account, &place.dir);
        if let Some(path) = maildir::find(&folder, &blob.name, &place.flags)? {
            return Ok(frame::open(&path).ok());
        }
    }
    Ok(None)
}

/// A line that says that a listed message of the maildrop is the one recorded as `name`, which has
/// this header; `None` if its file is not as it was, or `judge` finds no evidence in what
/// is stored and how it was known.
pub(super) fn seen_as(
    account: PulledAccount<'_>,
    name: &[u8],
    listing: &Listing,
    header: Hash128,
    judge: &dyn Fn(&Digest, Proof) -> Option<Evidence>,
) -> Result<Option<LedgerEvent>> {
    let route = &*account.task.route;
    let content = account
        .catalog
        .content_of(&route.account, &route.server, name)?;
    let Some((blob, got, proof)) = content else {
        return Ok(None);
    };
    for place in account.catalog.places(blob.id)? {
        let folder = account.task.layout.folder(&place.account, &place.dir);
        let Some(path) = maildir::find(&folder, &blob.name, &place.flags)? else {
            continue;
        };
        let Ok(digest) = frame::scan(&path, blob.name.size, &mut Scanner::new()) else {
            continue;
        };
        if digest.hash == blob.name.hash {
            let Some(evidence) = judge(&digest, proof) else {
                return Ok(None);
            };
            return Ok(Some(LedgerEvent::Seen(Box::new(Seen {
                identity: account.identity(None, &listing.uid),
                octets: listing.octets,
                hash: digest.hash,
                got: got.unwrap_or(digest.hash),
                header,
                mid: digest.mid.map(Into::into),
                idate: None,
                flags: place.flags,
                kw: String::new(),
                received: blob.name.received,
                size: blob.name.size,
                wire: blob.name.wire,
                stored: blob.stored,
                evidence,
                object: None,
            }))));
        }
    }
    Ok(None)
}

/// The evidence of a name that is still the same message; none where it was in doubt.
fn kept(proof: Proof) -> Option<Evidence> {
    match proof {
        Proof::Received => Some(Evidence::Received),
        // Over POP3 only the name itself vouches.
        Proof::Vouched => Some(Evidence::Vouched(Voucher::Uidl)),
        Proof::Recognised => Some(Evidence::Recognised),
        Proof::Doubtful | Proof::Settled => None,
    }
}
