//! Headers as proof that a message is the recorded one.

use std::collections::HashMap;
use std::io::Read;

use crate::base::error::Result;
use crate::mail::message::{HEADER_LIMIT, Hash128, Scanner, header_hash, status_octets};
use crate::mail::source::{Fetched, Listing, Source};

/// What the header of a message on the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its hash, without status fields.
    pub(crate) hash: Hash128,
    /// Size of its status fields in octets, and their lines.
    pub(crate) status: (u64, u64),
    /// True if it has one Message-ID.
    pub(crate) named: bool,
    /// What it has in common with the header of another delivery of the same mail.
    pub(crate) likeness: Option<Hash128>,
    /// Its octets, with its empty line and with each line ended CRLF.
    pub(crate) octets: u64,
}

/// The header of each message, in the order of `wanted`, whatever the order of the
/// answers; `None` where the server gives none.
pub fn headers_of(source: &mut dyn Source, wanted: &[Listing]) -> Result<Vec<Option<Header>>> {
    let places: HashMap<u32, usize> = (0..).zip(wanted).map(|(at, l)| (l.number, at)).collect();
    let mut headers = vec![None; wanted.len()];
    let mut scanner = Scanner::new();
    source.headers(wanted, &mut |listing, fetched| {
        if let Fetched::Body(body) = fetched
            && let Some(at) = places.get(&listing.number)
        {
            let mut header = Vec::new();
            let read = body.take(HEADER_LIMIT).read_to_end(&mut header);
            scanner.update(&header);
            let digest = scanner.finish();
            headers[*at] = read.ok().map(|_| Header {
                hash: header_hash(&header),
                status: status_octets(&header),
                named: digest.mid.is_some(),
                likeness: digest.likeness,
                octets: digest.wire,
            });
        }
        Ok(())
    })?;
    Ok(headers)
}
