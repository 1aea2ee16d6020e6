//! The lines of one ledger file as they lie on the disk, and the chain that says which of
//! them are good (docs/FORMAT.md, Ledger).

use std::io::{self, BufRead, Read};

use super::decode::{DecodedLine, Fault, decode, decode_masked};
use super::line::{Checksum, MAX_LINE, SUFFIX, split};
use super::month::{MonthBytes, path_of};
use super::shape::is_ours;
use crate::base::error::{Error, Result};
use crate::vault::layout::Layout;

/// A place between two lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The ledger file, relative to the vault.
    pub(crate) file: String,
    /// Bytes of it that lie before this place.
    pub(crate) offset: u64,
    /// The checksum of the line before.
    pub(crate) c: Checksum,
    /// The number of the line before.
    pub(crate) seq: u64,
}

/// Lines of one file, with a bounded buffer.
#[derive(Debug)]
pub(super) struct LedgerLines {
    bytes: MonthBytes,
    pub(super) offset: u64,
    /// The line that was read last, without its LF.
    pub(super) line: Vec<u8>,
    /// True if nothing that follows can be read.
    broken: bool,
}

/// The position of the line in the buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) first: u64,
    /// The offset after its LF.
    pub(super) end: u64,
    /// False if it has no LF or is too long.
    whole: bool,
    /// True if it and all that follows it in its file cannot be read.
    pub(super) unreadable: bool,
}

#[cfg(any(test, feature = "fuzzing"))]
impl Span {
    /// Of a whole line of so many bytes that is alone.
    pub(super) fn of_line(length: usize) -> Self {
        Self {
            first: 0,
            end: length as u64 + 1,
            whole: true,
            unreadable: false,
        }
    }
}

impl LedgerLines {
    /// The lines of a month from a place on, which it has.
    pub(super) fn open(layout: &Layout, file: &str, offset: u64) -> Result<Self> {
        let mut bytes = MonthBytes::open(layout, file)?;
        if let Err(e) = bytes.skip(offset) {
            bytes.forgive(e)?;
            return Err(Error::Damaged {
                path: path_of(layout, file)?,
                detail: "it cannot be decompressed".to_owned(),
            });
        }
        Ok(Self {
            offset,
            ..Self::of(bytes)
        })
    }

    /// The lines of a month, from its beginning.
    pub(super) fn of(bytes: MonthBytes) -> Self {
        Self {
            bytes,
            offset: 0,
            line: Vec::new(),
            broken: false,
        }
    }

    /// True if they are those of a file that nobody appends to.
    pub(super) fn are_packed(&self) -> bool {
        self.bytes.is_packed()
    }

    pub(super) fn next(&mut self) -> Result<Option<Span>> {
        self.line.clear();
        if self.broken {
            return Ok(None);
        }
        let (read, whole) = match self.read_line() {
            Ok((0, _)) => return Ok(None),
            Ok(read) => read,
            Err(e) => {
                self.bytes.forgive(e)?;
                self.broken = true;
                (self.line.len().max(1), false)
            }
        };
        let first = self.offset;
        self.offset += read as u64;
        Ok(Some(Span {
            first,
            end: self.offset,
            whole,
            unreadable: self.broken,
        }))
    }

    /// The bytes of the next line, and whether it is whole.
    fn read_line(&mut self) -> io::Result<(usize, bool)> {
        let mut read = (&mut self.bytes)
            .take(MAX_LINE as u64)
            .read_until(b'\n', &mut self.line)?;
        let whole = self.line.pop_if(|b| *b == b'\n').is_some();
        if !whole && read == MAX_LINE {
            self.line.clear();
            read += self.bytes.skip_until(b'\n')?;
        }
        Ok((read, whole))
    }
}

/// What the next line has to follow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    /// The checksum of the line before, if it has a readable one.
    pub(super) prev: Option<Checksum>,
    /// The number of the last good line, if there was one.
    pub(super) seq: Option<u64>,
    /// True if the line before was bad.
    pub(super) gap: bool,
}

impl Chain {
    /// The line, or what is wrong with it.
    pub(super) fn follow(&mut self, line: &[u8], span: Span) -> Result<DecodedLine, Wrong> {
        let before = self.prev.take();
        let judged = self.judge(before, line, span);
        self.gap = judged.is_err();
        if let Ok(line) = &judged {
            self.seq = Some(line.seq());
        }
        judged
    }

    fn judge(
        &mut self,
        before: Option<Checksum>,
        line: &[u8],
        span: Span,
    ) -> Result<DecodedLine, Wrong> {
        if span.unreadable {
            return Err(Wrong::Bad("it cannot be decompressed"));
        }
        if !span.whole {
            return Err(Wrong::Bad("a line without an end"));
        }
        let (body, mark) = split(line).ok_or(Wrong::Bad("a line without a checksum"))?;
        self.prev = Some(mark);
        let before = before.ok_or(Wrong::Bad("a line after one without a checksum"))?;
        if before.next(body) != mark {
            let masked = decode_masked(body).filter(|masked| self.is_next(masked.seq()));
            return masked.ok_or(Wrong::Bad("a line with a wrong checksum"));
        }
        let line = decode(body).map_err(|fault| match fault {
            Fault::Later(version) => Wrong::Later(version),
            Fault::Bad => Wrong::Bad("a line that makes no sense"),
        })?;
        if let DecodedLine::Entry(entry) = &line
            && !is_ours(&entry.event)
        {
            return Err(Wrong::Bad("a line that names no place of a vault"));
        }
        if self.is_next(line.seq()) {
            Ok(line)
        } else {
            Err(Wrong::Bad("a line with a wrong number"))
        }
    }

    fn is_next(&self, seq: u64) -> bool {
        self.seq
            .is_none_or(|last| seq == last + 1 || self.gap && seq > last)
    }
}

#[derive(Debug)]
pub(super) enum Wrong {
    Bad(&'static str),
    Later(u64),
}

/// The line that ends at a place, if the month has this place and the line is intact.
pub(super) fn line_before(
    layout: &Layout,
    file: &str,
    position: &Position,
) -> Result<Option<DecodedLine>> {
    // The line, and the checksum of the one before it.
    let start = position
        .offset
        .saturating_sub((MAX_LINE + SUFFIX + 1) as u64);
    let mut bytes = MonthBytes::open(layout, file)?;
    let mut window = Vec::new();
    let mut read = || {
        if !bytes.skip(start)? {
            return Ok(false);
        }
        let most = position.offset - start;
        let read = (&mut bytes).take(most).read_to_end(&mut window)?;
        Ok(read as u64 == most)
    };
    match read() {
        Ok(true) => Ok(intact_end(&window, start == 0, position)),
        Ok(false) => Ok(None),
        Err(e) => bytes.forgive(e).map(|()| None),
    }
}

fn intact_end(window: &[u8], whole: bool, position: &Position) -> Option<DecodedLine> {
    let window = window.strip_suffix(b"\n")?;
    let (before, line) = match memchr::memrchr(b'\n', window) {
        Some(at) => {
            let end = &window[at.saturating_sub(SUFFIX)..at];
            (split(end)?.1, &window[at + 1..])
        }
        None if whole => (Checksum::START, window),
        None => return None,
    };
    let (body, mark) = split(line)?;
    let line = decode(body).ok()?;
    (mark == position.c && before.next(body) == mark && line.seq() == position.seq).then_some(line)
}
