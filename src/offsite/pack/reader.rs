//! Reading single members of a pack by ranges of its encrypted bytes.

use std::io::{self, Read};
use std::ops::Range;

use zstd::bulk::Decompressor;

use super::FRAME_LIMIT;
use super::cipher::{CHUNK, CipherReader, NONCE, SEALED_CHUNK, plain_length};
use super::error::{PackError, PackFault};
use super::identities::Identities;
use super::index::{FrameStart, FrameTable, bytes};
use super::member::{BLOCK, PackMember, parse_header};
use super::ranges::TwoRanges;
use super::source::{HEADER_LIMIT, header_end};
use super::stream::FRAME_MAGIC;

/// What is asked for first: enough for the header with thirty recipients.
const FIRST: u64 = 4096;

/// A pack of which ranges can be had; `fetch` gives exactly the bytes of a range.
pub struct PackReader<'p, F> {
    fetch: F,
    identities: &'p Identities,
    frames: &'p FrameTable,
    /// Encrypted bytes of the pack.
    length: u64,
    /// The header of age and what follows it, up to the first chunk.
    head: Vec<u8>,
    /// The frame that was fetched last: members that follow each other share one.
    frame: Option<Frame>,
    /// Where a frame begins that is damaged, and how.
    damaged: Option<(u64, PackFault)>,
}

impl<'p, F: FnMut(Range<u64>) -> io::Result<Vec<u8>>> PackReader<'p, F> {
    /// Opens a pack of this many encrypted bytes. The header is read here, and shows whether one
    /// of the identities opens it.
    pub fn open(
        fetch: F,
        length: u64,
        identities: &'p Identities,
        frames: &'p FrameTable,
    ) -> Result<Self, PackError> {
        let mut reader = Self {
            fetch,
            identities,
            frames,
            length,
            head: Vec::new(),
            frame: None,
            damaged: None,
        };
        let mut first = FIRST.min(length);
        let end = loop {
            reader.head = reader.range(0..first)?;
            if let Some(end) = header_end(&reader.head)? {
                break end as u64 + NONCE;
            }
            if first == length {
                return Err(PackFault::Header.into());
            }
            first = (HEADER_LIMIT as u64).min(length);
        };
        let plain = length.checked_sub(end).and_then(plain_length);
        if plain != Some(frames.filled()) {
            return Err(PackFault::Disagrees.into());
        }
        if end > first {
            reader.head = reader.range(0..end)?;
        }
        reader.head.truncate(bytes(end));
        CipherReader::open(TwoRanges::new(&reader.head, end, &[]), identities)?;
        Ok(reader)
    }

    fn range(&mut self, range: Range<u64>) -> Result<Vec<u8>, PackError> {
        let expected = range.end - range.start;
        let fetched = (self.fetch)(range).map_err(PackError::Read)?;
        if fetched.len() as u64 != expected {
            return Err(PackError::Read(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(fetched)
    }

    /// The stored bytes of a range that lies before their end.
    pub(super) fn stored(&mut self, range: Range<u64>) -> Result<Vec<u8>, PackError> {
        // At the first byte of a chunk age's reader would ask where the file ends.
        let from = match range.start {
            begin if begin > 0 && begin % CHUNK == 0 => begin - 1,
            begin => begin,
        };
        let sealed = |chunk: u64| self.head.len() as u64 + chunk * SEALED_CHUNK;
        let begin = sealed(from / CHUNK);
        let end = sealed(range.end.div_ceil(CHUNK)).min(self.length);
        let fetched = self.range(begin..end)?;
        let pieces = TwoRanges::new(&self.head, begin, &fetched);
        let mut cipher = CipherReader::open(pieces, self.identities)?;
        cipher.go_to(from)?;
        let skipped = bytes(range.start - from);
        let mut stored = vec![0; skipped + bytes(range.end - range.start)];
        let read = cipher.read_exact(&mut stored);
        read.map_err(|e| PackError::from_io_fault(e, PackFault::Truncated))?;
        stored.drain(..skipped);
        Ok(stored)
    }

    /// The frame that has this plain byte.
    fn frame(&mut self, plain: u64) -> Result<&Frame, PackError> {
        let known = self.frame.take();
        let frame = match known.filter(|frame| frame.rest(plain).is_some()) {
            Some(frame) => frame,
            None => self.fetch_frame(plain)?,
        };
        Ok(self.frame.insert(frame))
    }

    fn fetch_frame(&mut self, plain: u64) -> Result<Frame, PackError> {
        let (begin, end) = self.frames.holding(plain).ok_or(PackFault::Disagrees)?;
        // It is not fetched again for each member in it.
        if let Some((at, fault)) = self.damaged
            && at == begin.plain
        {
            return Err(fault.into());
        }
        let frame = self.frame_at(begin, end);
        if let Err(PackError::Damaged(fault)) = &frame {
            self.damaged = Some((begin.plain, *fault));
        }
        frame
    }

    fn frame_at(&mut self, begin: FrameStart, end: FrameStart) -> Result<Frame, PackError> {
        let stored = self.stored(begin.stored..end.stored)?;
        let length = end.plain - begin.plain;
        if !stored.starts_with(&FRAME_MAGIC) || length > FRAME_LIMIT {
            return Err(PackFault::Frame.into());
        }
        let mut plain = Vec::with_capacity(bytes(length));
        let damaged = |e| PackError::from_io_fault(e, PackFault::Frame);
        let mut decompressor = Decompressor::new().map_err(damaged)?;
        let read = decompressor.decompress_to_buffer(&stored, &mut plain);
        if read.map_err(damaged)? as u64 != length {
            return Err(PackFault::Disagrees.into());
        }
        Ok(Frame { begin, plain })
    }

    /// Opens a member, which must be as its row says. Its frames are fetched while it is read, but
    /// for the one that was fetched last.
    pub fn member(&mut self, member: &PackMember) -> Result<MemberReader<'_, 'p, F>, PackError> {
        let header = member.offset.checked_sub(BLOCK as u64);
        let header = header.ok_or(PackFault::Index)?;
        let frame = self.frame(header)?;
        let block = frame.rest(header).and_then(|rest| rest.first_chunk());
        let block = block.ok_or(PackFault::Disagrees)?;
        let read = parse_header(block)?.ok_or(PackFault::Disagrees)?;
        if read.name != member.name || read.length != member.length {
            return Err(PackFault::Disagrees.into());
        }
        let mtime = read.mtime;
        Ok(MemberReader {
            pack: self,
            at: member.offset,
            left: member.length,
            mtime,
        })
    }
}

/// A frame of a pack.
struct Frame {
    begin: FrameStart,
    plain: Vec<u8>,
}

impl Frame {
    /// What it has from this place in the archive on.
    fn rest(&self, at: u64) -> Option<&[u8]> {
        let from = at.checked_sub(self.begin.plain)?;
        self.plain
            .get(bytes(from)..)
            .filter(|rest| !rest.is_empty())
    }
}

/// The bytes of one member. Every failure has a [`PackError`] in it ([`PackError::from_io`]).
pub struct MemberReader<'r, 'p, F> {
    pack: &'r mut PackReader<'p, F>,
    at: u64,
    left: u64,
    mtime: u64,
}

impl<F> MemberReader<'_, '_, F> {
    /// Its time, in Unix seconds.
    #[must_use]
    pub fn mtime(&self) -> u64 {
        self.mtime
    }
}

impl<F: FnMut(Range<u64>) -> io::Result<Vec<u8>>> Read for MemberReader<'_, '_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let rest = self.pack.frame(self.at)?.rest(self.at).unwrap_or_default();
        let most = rest.len().min(bytes(self.left));
        let read = rest.get(..most).unwrap_or_default().read(buffer)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
