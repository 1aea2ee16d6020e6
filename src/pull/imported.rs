//! The first pull of a mailbox whose mail was imported before, from the program that fetched it
//! until now.
//!
//! Such copies have other names, other sizes, and fields that the program added. A message whose
//! header is alike without these, and whose body has the size that the server lists, is
//! recognised: it counts as archived only after it was received and compared, a share in every
//! run (docs/SAFETY.md, Evidence).

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use super::PullRun;
use super::link::{self, LINE_END, SLICE, link};
use super::refusals::COMPARED;
use crate::archive::commit::Route;
use crate::archive::evidence;
use crate::base::error::Result;
use crate::base::event::Notice;
use crate::mail::message::{HEADER_LIMIT, Hash128, Scanner};
use crate::mail::source::{Header, Inventory, Listing, Listings, Source, Uid};
use crate::vault::catalog::{Catalog, Proof, Stored, StoredFile};
use crate::vault::layout::Layout;
use crate::vault::ledger::Evidence;
use crate::vault::{frame, maildir};

/// The imported messages of an account, by what the likeness of their headers and the size of
/// their bodies have as a key. Sorted.
#[derive(Debug)]
pub(super) struct ImportedHeaders(Vec<(u64, Hash128)>);

impl ImportedHeaders {
    /// Reads the header of every message that none of the account's servers has listed.
    fn read(catalog: &Catalog, layout: &Layout, account: &str) -> Result<Self> {
        let mut all = Vec::new();
        let mut scanner = Scanner::new();
        catalog.for_each_imported(account, &mut |file| {
            let Some(header) = stored_header(layout, account, &file)? else {
                return Ok(());
            };
            scanner.update(&header);
            let digest = scanner.finish();
            if let (Some(likeness), Some(_)) = (digest.likeness, digest.mid) {
                let body = file.blob.name.wire.saturating_sub(digest.wire);
                all.push((key(likeness, body), file.blob.name.hash));
            }
            Ok(())
        })?;
        all.sort_unstable();
        all.dedup();
        Ok(Self(all))
    }

    /// The only message with such a header, and with such a body but for a final line end.
    fn find(&self, likeness: Hash128, body: u64) -> Option<Hash128> {
        let sizes = [
            Some(body),
            body.checked_add(LINE_END),
            body.checked_sub(LINE_END),
        ];
        let mut found = sizes.into_iter().flatten().flat_map(|size| {
            let key = key(likeness, size);
            let from = self.0.partition_point(|(other, _)| *other < key);
            self.0[from..]
                .iter()
                .take_while(move |(other, _)| *other == key)
        });
        let (_, hash) = found.next()?;
        found.next().is_none().then_some(*hash)
    }
}

fn key(likeness: Hash128, body: u64) -> u64 {
    let start = likeness.0.first_chunk().copied().unwrap_or_default();
    u64::from_le_bytes(start) ^ body
}

/// The header of a stored message with its empty line; `None` if it has none, or cannot be read.
fn stored_header(layout: &Layout, account: &str, file: &StoredFile) -> Result<Option<Vec<u8>>> {
    let folder = layout.folder(account, &file.dir);
    let Some(path) = maildir::find(&folder, &file.blob.name, &file.flags)? else {
        return Ok(None);
    };
    let Ok(content) = frame::open(&path) else {
        return Ok(None);
    };
    let mut lines = BufReader::new(content.take(HEADER_LIMIT));
    let mut header = Vec::new();
    loop {
        let begin = header.len();
        match lines.read_until(b'\n', &mut header) {
            Ok(1..) if matches!(&header[begin..], b"\r\n" | b"\n") => return Ok(Some(header)),
            Ok(1..) => {}
            Ok(0) | Err(_) => return Ok(None),
        }
    }
}

/// Links the rows that are recognised as imported messages; gives these rows. Of no more than one
/// run receives and compares anyway, no header is read.
pub(super) fn by_import(
    run: &mut PullRun<'_, '_>,
    source: &mut dyn Source,
    route: &Arc<Route>,
    inventory: Option<&Inventory>,
    listings: &Listings,
    rows: &[u32],
) -> Result<HashSet<u32>> {
    let mut linked = HashSet::new();
    let octets = |row: &u32| listings.plausible_octets(*row);
    if rows.iter().map(octets).sum::<u64>() <= COMPARED {
        return Ok(linked);
    }
    let imported = match run.imported.take() {
        Some(imported) => imported,
        None => {
            ImportedHeaders::read(run.account.catalog, run.account.task.layout, &route.account)?
        }
    };
    if !imported.0.is_empty() {
        run.reporter.notice(Notice::ComparingImported {
            listed: rows.len() as u64,
            imported: imported.0.len() as u64,
        });
        for slice in rows.chunks(SLICE) {
            let mut links = Vec::new();
            let wanted: Vec<Listing> = slice
                .iter()
                .map(|row| listings.get(*row as usize))
                .collect();
            let headers = evidence::headers(source, &wanted)?;
            for ((row, listing), header) in slice.iter().zip(wanted).zip(headers) {
                if let Some(header) = header
                    && let Some(stored) = imported_as(run, &imported, &listing, &header)?
                {
                    let link = link(inventory, listing, &stored, Evidence::Recognised);
                    links.push((*row, link));
                }
            }
            linked.extend(link::send(run.account, route, links)?);
        }
    }
    run.imported = Some(imported);
    Ok(linked)
}

/// The imported message that a listed one with this header seems to be.
fn imported_as(
    run: &PullRun<'_, '_>,
    imported: &ImportedHeaders,
    listing: &Listing,
    header: &Header,
) -> Result<Option<Stored>> {
    // Without a Message-ID even a header says too little.
    let (Some(likeness), true) = (header.likeness, header.named) else {
        return Ok(None);
    };
    let body = listing
        .octets
        .and_then(|octets| octets.checked_sub(header.octets));
    let hash = body.and_then(|body| imported.find(likeness, body));
    let (Some(hash), true) = (hash, listing.uid != Uid::Absent) else {
        return Ok(None);
    };
    let blob = run.account.catalog.find(hash)?;
    Ok(blob.map(|blob| Stored {
        blob,
        header: Some(header.hash),
        octets: None,
        date: None,
        proof: Proof::Recognised,
        object: None,
    }))
}
