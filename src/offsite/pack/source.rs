//! Where encrypted bytes come from, read in order, with its own errors kept apart from damage.

use std::io::{self, Read};

use super::error::{PackError, PackFault};

/// Longest header of age that is read: hundreds of recipients.
pub(super) const HEADER_LIMIT: usize = 64 << 10;
const MAGIC: &[u8] = b"age-encryption.org/";
const MAGIC_V1: &[u8] = b"age-encryption.org/v1\n";
/// What the last line of a header begins with.
const LAST_LINE: &[u8] = b"\n---";

/// Marks the errors of a source, so that they are not taken for damage.
pub(super) struct SourceReader<R>(pub(super) R);

impl<R: Read> Read for SourceReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(PackError::Read(e).into()),
                Ok(read) => return Ok(read),
            }
        }
    }
}

/// Where the header of age ends, if these first bytes have all of it.
pub(super) fn header_end(bytes: &[u8]) -> Result<Option<usize>, PackError> {
    let common = bytes.len().min(MAGIC_V1.len());
    if bytes.get(..common) != MAGIC_V1.get(..common) {
        return Err(if bytes.starts_with(MAGIC) {
            PackError::NewerAge
        } else {
            PackFault::Header.into()
        });
    }
    let last = memchr::memmem::find(bytes, LAST_LINE).map(|at| at + LAST_LINE.len());
    let end = last.and_then(|last| Some(last + memchr::memchr(b'\n', bytes.get(last..)?)? + 1));
    if end.is_none() && bytes.len() >= HEADER_LIMIT {
        return Err(PackFault::Header.into());
    }
    Ok(end)
}

/// Reads until the header of age is there; what comes after it may be there too.
pub(super) fn read_header(source: &mut impl Read) -> Result<Vec<u8>, PackError> {
    let mut bytes = Vec::new();
    while header_end(&bytes)?.is_none() {
        let read = source.take(4096).read_to_end(&mut bytes);
        if read.map_err(PackError::from_io)? == 0 {
            return Err(if bytes.is_empty() {
                PackFault::Truncated
            } else {
                PackFault::Header
            }
            .into());
        }
    }
    Ok(bytes)
}
