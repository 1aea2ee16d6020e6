//! Reading headers and whole messages for comparison; nothing is kept of them but hashes.

use std::collections::HashMap;

use crate::base::error::Result;
use crate::mail::message::{Digest, Scanner};
use crate::mail::source::{Fetched, Header, Listing, Source, headers_of};
use crate::vault::catalog::Record;

/// Headers that are asked for in one go.
const SLICE: usize = 4_096;

/// The header of each message, in the order of `wanted`; `None` where the server gives none.
pub(crate) fn headers(source: &mut dyn Source, wanted: &[Listing]) -> Result<Vec<Option<Header>>> {
    let mut all = Vec::with_capacity(wanted.len());
    for slice in wanted.chunks(SLICE) {
        all.extend(headers_of(source, slice)?);
    }
    Ok(all)
}

/// Reads some of these headers once more, by their places, and takes out those that are
/// others now: what changes as it is read says nothing.
pub(crate) fn confirm(
    source: &mut dyn Source,
    wanted: &[Listing],
    headers: &mut [Option<Header>],
    places: &[usize],
) -> Result<()> {
    let again: Vec<Listing> = places.iter().map(|at| wanted[*at].clone()).collect();
    let again = self::headers(source, &again)?;
    for (at, header) in places.iter().zip(again) {
        if header.map(|header| header.hash) != headers[*at].map(|header| header.hash) {
            headers[*at] = None;
        }
    }
    Ok(())
}

/// What each message is, received whole, in the order of `wanted`, whatever the order of the
/// answers; `None` where the server refuses it.
pub(crate) fn receive(source: &mut dyn Source, wanted: &[Listing]) -> Result<Vec<Option<Digest>>> {
    let mut digests = vec![None; wanted.len()];
    if wanted.is_empty() {
        return Ok(digests);
    }
    let places: HashMap<u32, usize> = (0..).zip(wanted).map(|(at, l)| (l.number, at)).collect();
    let mut scanner = Scanner::new();
    source.fetch(wanted, &mut |listing, fetched| {
        if let Fetched::Body(body) = fetched {
            // Of a failure the session knows why, and ends with it.
            let digest = scanner.read(body).ok();
            if let Some(at) = places.get(&listing.number) {
                digests[*at] = digest;
            }
        }
        Ok(())
    })?;
    Ok(digests)
}

/// True if a message that was received just now is the stored one: the same bytes, or what
/// POP3 and IMAP give of one message, alike but for the line end after it.
#[must_use]
pub(crate) fn is_same(record: &Record, now: &Digest) -> bool {
    now.hash == record.got
        || now.hash == record.blob.name.hash
        || now.likeness.is_some() && now.likeness == record.likeness && now.header == record.header
}
