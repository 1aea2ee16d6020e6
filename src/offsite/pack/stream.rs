//! Reading a whole pack in order, with its index or without, in bounded memory.

use std::io::{self, BufReader, Chain, Cursor, Read};

use zstd::stream::read::Decoder;

use super::cipher::CipherReader;
use super::error::{PackError, PackFault};
use super::identities::Identities;
use super::index::{FILL_HEADER, FrameStart, FrameTable, PackIndex, bytes};
use super::member::{BLOCK, PackMember, padded, parse_header};
use super::source::{SourceReader, read_header};
use super::{FILL, FRAME_LIMIT};

/// The magic number of a zstd frame (RFC 8878, 3.1.1).
pub(super) const FRAME_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Largest window of a frame, as log2: writers need 22.
const WINDOW_LOG: u32 = 23;

/// Frames that the longest member fills.
const LONGEST_FRAMES: usize = 2049;

type Sealed<R> = Chain<Cursor<Vec<u8>>, BufReader<SourceReader<R>>>;

/// Counts what is read.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

/// The frames of a pack, one after the other.
struct FrameStream<R: Read> {
    stored: BufReader<Counted<CipherReader<Sealed<R>>>>,
    plain: u64,
}

impl<R: Read> FrameStream<R> {
    fn open(source: R, identities: &Identities) -> Result<Self, PackError> {
        let mut source = SourceReader(source);
        let header = read_header(&mut source)?;
        let sealed = Cursor::new(header).chain(BufReader::new(source));
        Ok(Self {
            stored: BufReader::new(Counted {
                inner: CipherReader::open(sealed, identities)?,
                count: 0,
            }),
            plain: 0,
        })
    }

    /// Where the next frame begins.
    fn at(&self) -> FrameStart {
        let waiting = self.stored.buffer().len() as u64;
        FrameStart {
            plain: self.plain,
            stored: self.stored.get_ref().count - waiting,
        }
    }

    /// Up to `buffer.len()` bytes: fewer only at the end.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, PackError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.stored.read(rest).map_err(PackError::from_io)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }

    /// Reads the next frame, of at most `limit` plain bytes; false at the end of the pack.
    fn next(&mut self, plain: &mut Vec<u8>, limit: u64) -> Result<bool, PackError> {
        plain.clear();
        let mut magic = [0; 4];
        match self.fill(&mut magic)? {
            0 => return Ok(false),
            4 if magic == FRAME_MAGIC => {}
            4 if magic.get(1..) == Some(&[0x2A, 0x4D, 0x18]) && magic[0] & 0xF0 == 0x50 => {
                self.skip_fill()?;
                return Ok(false);
            }
            _ => return Err(PackFault::Frame.into()),
        }
        let damaged = |e| PackError::from_io_fault(e, PackFault::Frame);
        let input = Cursor::new(magic).chain(&mut self.stored);
        let mut decoder = Decoder::with_buffer(input).map_err(damaged)?.single_frame();
        decoder.window_log_max(WINDOW_LOG).map_err(damaged)?;
        let read = (&mut decoder).take(limit + 1).read_to_end(plain);
        read.map_err(damaged)?;
        if plain.len() as u64 > limit {
            return Err(PackFault::Expands.into());
        }
        if plain.is_empty() {
            return Err(PackFault::Frame.into());
        }
        self.plain += plain.len() as u64;
        Ok(true)
    }

    /// Reads the skippable frame, which nothing may follow.
    fn skip_fill(&mut self) -> Result<(), PackError> {
        let mut length = [0; 4];
        let whole = self.fill(&mut length)? == 4;
        let length = u64::from(u32::from_le_bytes(length));
        if !whole || length > FILL + FILL_HEADER {
            return Err(PackFault::Frame.into());
        }
        let mut zeros = vec![0; bytes(length)];
        let whole = self.fill(&mut zeros)? as u64 == length;
        if !whole || zeros.iter().any(|byte| *byte != 0) {
            return Err(PackFault::Frame.into());
        }
        match self.fill(&mut [0])? {
            0 => Ok(()),
            _ => Err(PackFault::Trailing.into()),
        }
    }
}

/// A member whose bytes come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackEntry {
    /// Its name and place.
    pub member: PackMember,
    /// Its time, in Unix seconds.
    pub mtime: u64,
}

/// Reads a pack from its first byte to its last: after [`PackStream::next_member`], its bytes are
/// read from the stream itself; what is not read is skipped.
///
/// Every failure of [`Read`] has a [`PackError`] in it ([`PackError::from_io`]). Only when
/// `next_member` has given none was everything read and in order.
pub struct PackStream<'p, R: Read> {
    frames: FrameStream<R>,
    frame: Vec<u8>,
    /// What was read of the frame.
    read: usize,
    /// Where the next byte is in the archive.
    at: u64,
    /// What is left of the member, and then of the zeros after it.
    left: u64,
    zeros: u64,
    may_be_named: fn(&str) -> bool,
    index: Option<&'p PackIndex>,
    members_seen: usize,
    /// Where frames began, if that is wanted, with the most that there may be.
    starts: Vec<FrameStart>,
    most_starts: usize,
    /// Where the last frame ended.
    stored: u64,
    given_up: bool,
    done: bool,
}

impl<'p, R: Read> PackStream<'p, R> {
    /// Opens a pack. With its index, nothing else is accepted than what that says. A member whose
    /// name the rule refuses ends the reading.
    pub fn open(
        source: R,
        identities: &Identities,
        index: Option<&'p PackIndex>,
        may_be_named: fn(&str) -> bool,
    ) -> Result<Self, PackError> {
        Ok(Self {
            frames: FrameStream::open(source, identities)?,
            frame: Vec::new(),
            read: 0,
            at: 0,
            left: 0,
            zeros: 0,
            may_be_named,
            index,
            members_seen: 0,
            starts: Vec::new(),
            most_starts: 0,
            stored: 0,
            given_up: false,
            done: false,
        })
    }

    /// The next frame; false at the end of the pack. Nothing is read after a failure.
    fn next_frame(&mut self) -> Result<bool, PackError> {
        if self.given_up {
            return Err(PackError::GivenUp);
        }
        self.read = 0;
        let more = self.frame_as_listed();
        if more.is_err() {
            self.given_up = true;
            self.frame.clear();
        }
        more
    }

    fn frame_as_listed(&mut self) -> Result<bool, PackError> {
        let at = self.frames.at();
        let mut limit = FRAME_LIMIT;
        if let Some(index) = self.index {
            match index.frames().holding(at.plain) {
                Some((begin, end)) if begin == at => limit = end.plain - begin.plain,
                None if at == index.frames().end() => {}
                _ => return Err(PackFault::Disagrees.into()),
            }
        }
        let more = self.frames.next(&mut self.frame, limit)?;
        if !more {
            self.stored = at.stored;
        }
        if more && self.most_starts > 0 {
            if self.starts.len() == self.most_starts {
                return Err(PackFault::TooMany.into());
            }
            self.starts.push(at);
        }
        if let Some(index) = self.index {
            let all = at == index.frames().end();
            if more == all || more && self.frame.len() as u64 != limit {
                return Err(PackFault::Disagrees.into());
            }
        }
        Ok(more)
    }

    /// Up to this many bytes of the archive; none at its end.
    fn archive(&mut self, buffer: &mut [u8]) -> Result<usize, PackError> {
        if self.read == self.frame.len() && !self.next_frame()? {
            return Ok(0);
        }
        let rest = self.frame.get(self.read..).unwrap_or_default();
        let taken = rest.len().min(buffer.len());
        let (to, from) = (buffer.get_mut(..taken), rest.get(..taken));
        if let (Some(to), Some(from)) = (to, from) {
            to.copy_from_slice(from);
        }
        self.read += taken;
        self.at += taken as u64;
        Ok(taken)
    }

    fn block(&mut self) -> Result<[u8; BLOCK], PackError> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.archive(rest)? {
                0 => return Err(PackFault::Truncated.into()),
                read => filled += read,
            }
        }
        Ok(block)
    }

    /// The next member, after what is left of the one before; none at the end of a good pack.
    pub fn next_member(&mut self) -> Result<Option<PackEntry>, PackError> {
        if self.done {
            return Ok(None);
        }
        io::copy(self, &mut io::sink()).map_err(PackError::from_io)?;
        let Some(header) = parse_header(&self.block()?)? else {
            self.end()?;
            self.done = true;
            return Ok(None);
        };
        if !(self.may_be_named)(&header.name) {
            return Err(PackError::Name { name: header.name });
        }
        let entry = PackEntry {
            mtime: header.mtime,
            member: PackMember {
                name: header.name,
                offset: self.at,
                length: header.length,
            },
        };
        let listed = self
            .index
            .map(|index| index.members().get(self.members_seen));
        if listed.is_some_and(|listed| listed != Some(&entry.member)) {
            return Err(PackFault::Disagrees.into());
        }
        self.members_seen += 1;
        self.left = header.length;
        self.zeros = padded(header.length) - header.length;
        Ok(Some(entry))
    }

    /// What comes after the last member: a second block of zeros, and nothing.
    fn end(&mut self) -> Result<(), PackError> {
        if self.block()?.iter().any(|byte| *byte != 0) {
            return Err(PackFault::Archive.into());
        }
        if self.read != self.frame.len() || self.next_frame()? {
            return Err(PackFault::Trailing.into());
        }
        let listed = self.index.map(|index| index.members().len());
        if listed.is_some_and(|listed| listed != self.members_seen) {
            return Err(PackFault::Disagrees.into());
        }
        Ok(())
    }

    fn skip_zeros(&mut self) -> Result<(), PackError> {
        let mut zeros = [0; BLOCK];
        while self.zeros > 0 {
            let most = bytes(self.zeros).min(BLOCK);
            let read = self.archive(zeros.get_mut(..most).unwrap_or_default())?;
            let seen = zeros.get(..read).unwrap_or_default();
            if read == 0 {
                return Err(PackFault::Truncated.into());
            }
            if seen.iter().any(|byte| *byte != 0) {
                return Err(PackFault::Archive.into());
            }
            self.zeros -= read as u64;
        }
        Ok(())
    }
}

impl<R: Read> Read for PackStream<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(bytes(self.left));
        let Some(buffer) = buffer.get_mut(..most).filter(|_| self.left > 0) else {
            self.skip_zeros()?;
            return Ok(0);
        };
        let read = self.archive(buffer)?;
        if read == 0 && most > 0 {
            return Err(PackError::from(PackFault::Truncated).into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

impl PackIndex {
    /// Makes the index again from the pack itself, with at most this many members.
    pub fn rebuild<R: Read>(
        source: R,
        identities: &Identities,
        most: usize,
    ) -> Result<Self, PackError> {
        let mut stream = PackStream::open(source, identities, None, |_| true)?;
        // Frames are full, or end with a member; the last may have only the archive's end.
        stream.most_starts = most.saturating_mul(2).saturating_add(LONGEST_FRAMES);
        let mut members = Vec::new();
        while let Some(entry) = stream.next_member()? {
            if members.len() == most {
                return Err(PackFault::TooMany.into());
            }
            members.push(entry.member);
        }
        let end = FrameStart {
            plain: stream.at,
            stored: stream.stored,
        };
        Self::new(FrameTable::new(stream.starts, end)?, members)
    }
}
