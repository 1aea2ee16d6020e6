//! Pieces of an encrypted file as age's reader needs them: its header, and one range.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// The first bytes of a file and some from its middle; reading elsewhere is an error.
pub(super) struct TwoRanges<'b> {
    head: &'b [u8],
    range: &'b [u8],
    /// Where the range begins in the file.
    begin: u64,
    at: u64,
}

impl<'b> TwoRanges<'b> {
    pub(super) fn new(head: &'b [u8], begin: u64, range: &'b [u8]) -> Self {
        Self {
            head,
            range,
            begin,
            at: 0,
        }
    }

    fn rest(&self) -> Option<&'b [u8]> {
        let from = |bytes: &'b [u8], begin: u64| {
            let at = usize::try_from(self.at.checked_sub(begin)?).ok()?;
            bytes.get(at..)
        };
        let in_head = from(self.head, 0).filter(|rest| !rest.is_empty());
        in_head.or_else(|| from(self.range, self.begin))
    }
}

impl BufRead for TwoRanges<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.rest()
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    fn consume(&mut self, count: usize) {
        self.at += count as u64;
    }
}

impl Read for TwoRanges<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl Seek for TwoRanges<'_> {
    /// Knows no end of the file, and so goes nowhere by it.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        self.at = place.ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
        Ok(self.at)
    }
}
