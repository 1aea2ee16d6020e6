//! Headers as proof that a message is the recorded one.

use std::io::Read;

use crate::error::Result;
use crate::message::{HEADER_LIMIT, Hash128, header_hash, status_octets};
use crate::source::{Fetched, Listing, Source};

/// What the header of a message on the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its hash, without status fields.
    pub hash: Hash128,
    /// Size of its status fields in octets, and their lines.
    pub status: (u64, u64),
}

/// The header of each message; `None` where the server gives none.
pub fn headers_of(source: &mut dyn Source, wanted: &[Listing]) -> Result<Vec<Option<Header>>> {
    let mut headers = Vec::with_capacity(wanted.len());
    source.headers(wanted, &mut |_, fetched| {
        match fetched {
            Fetched::Body(body) => {
                let mut header = Vec::new();
                let read = body.take(HEADER_LIMIT).read_to_end(&mut header);
                headers.push(read.ok().map(|_| Header {
                    hash: header_hash(&header),
                    status: status_octets(&header),
                }));
            }
            Fetched::Refused(_) => headers.push(None),
            Fetched::Waiting => {}
        }
        Ok(())
    })?;
    Ok(headers)
}
