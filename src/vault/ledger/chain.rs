//! The lines of one ledger file as they lie on the disk, and the chain that says which of
//! them are good (docs/FORMAT.md, Ledger).

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::decode::{DecodedLine, Fault, decode};
use super::line::{Checksum, MAX_LINE, SUFFIX, split};
use super::shape::is_ours;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::vault::layout::{Layout, is_month, ledger_file};

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

/// The ledger files of a vault, oldest first, relative to it.
pub(super) fn files(layout: &Layout) -> Result<Vec<String>> {
    let dir = layout.ledger_dir();
    let mut files = Vec::new();
    for (name, _) in fsx::list(&dir)? {
        let month = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        files.extend(month.filter(|month| is_month(month)).map(ledger_file));
    }
    files.sort_unstable();
    Ok(files)
}

/// The month of a ledger file.
pub(super) fn month(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".jsonl").unwrap_or(name)
}

/// Lines of one file, with a bounded buffer.
#[derive(Debug)]
pub(super) struct LedgerLines {
    pub(super) path: PathBuf,
    input: BufReader<File>,
    pub(super) offset: u64,
    /// The line that was read last, without its LF.
    pub(super) line: Vec<u8>,
}

/// The position of the line in the buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) first: u64,
    /// The offset after its LF.
    pub(super) end: u64,
    /// False if it has no LF or is too long.
    whole: bool,
}

#[cfg(any(test, feature = "fuzzing"))]
impl Span {
    /// Of a whole line of so many bytes that is alone.
    pub(super) fn of_line(length: usize) -> Self {
        Self {
            first: 0,
            end: length as u64 + 1,
            whole: true,
        }
    }
}

impl LedgerLines {
    pub(super) fn open(path: PathBuf, offset: u64) -> Result<Self> {
        let mut file = fsx::open(&path)?;
        file.seek(SeekFrom::Start(offset))
            .map_err(|e| Error::file("read", &path, e))?;
        Ok(Self {
            path,
            input: BufReader::with_capacity(MAX_LINE, file),
            offset,
            line: Vec::new(),
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Span>> {
        let failed = |e| Error::file("read", &self.path, e);
        self.line.clear();
        let mut read = (&mut self.input)
            .take(MAX_LINE as u64)
            .read_until(b'\n', &mut self.line)
            .map_err(failed)?;
        if read == 0 {
            return Ok(None);
        }
        let whole = self.line.pop_if(|b| *b == b'\n').is_some();
        if !whole && read == MAX_LINE {
            self.line.clear();
            read += self.input.skip_until(b'\n').map_err(failed)?;
        }
        let first = self.offset;
        self.offset += read as u64;
        Ok(Some(Span {
            first,
            end: self.offset,
            whole,
        }))
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
        if !span.whole {
            return Err(Wrong::Bad("a line without an end"));
        }
        let (body, mark) = split(line).ok_or(Wrong::Bad("a line without a checksum"))?;
        self.prev = Some(mark);
        let before = before.ok_or(Wrong::Bad("a line after one without a checksum"))?;
        if before.next(body) != mark {
            return Err(Wrong::Bad("a line with a wrong checksum"));
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
        let in_order = self
            .seq
            .is_none_or(|last| line.seq() == last + 1 || self.gap && line.seq() > last);
        if in_order {
            Ok(line)
        } else {
            Err(Wrong::Bad("a line with a wrong number"))
        }
    }
}

#[derive(Debug)]
pub(super) enum Wrong {
    Bad(&'static str),
    Later(u64),
}

pub(super) fn length(path: &Path) -> Result<u64> {
    fsx::length(path)
}

/// The line that ends at a place, if the file has this place and the line is intact.
pub(super) fn line_before(path: &Path, position: &Position) -> Result<Option<DecodedLine>> {
    let failed = |e| Error::file("read", path, e);
    if length(path)? < position.offset {
        return Ok(None);
    }
    // The line, and the checksum of the one before it.
    let start = position
        .offset
        .saturating_sub((MAX_LINE + SUFFIX + 1) as u64);
    let mut file = fsx::open(path)?;
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let mut window = Vec::new();
    file.take(position.offset - start)
        .read_to_end(&mut window)
        .map_err(failed)?;
    Ok(intact_end(&window, start == 0, position))
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
