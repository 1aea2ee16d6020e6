//! Finding the lines of the ledger that speak of messages, and masking them, month by month
//! (docs/FORMAT.md, Erasing). A month is written next to the old one and takes its place by one
//! rename; its length, its places and its chain stay what they were.

use std::collections::HashSet;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::Ledger;
use super::chain::LedgerLines;
use super::decode::{DecodedLine, decode};
use super::erasure::{LineHash, MaskedLine};
use super::event::LedgerEvent;
use super::line::{Checksum, MAX_LINE, split};
use super::masking::{line_hash, masked};
use super::month::{MonthBytes, files, is_packed, packed_path, plain_path};
use super::pack::{UnreadSide, compress, pack, same_bytes, temporary};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::vault::frame::is_compressed;
use crate::vault::layout::Layout;

/// A good line, as it lies on the disk and as what it says.
pub(crate) struct IntactLine<'a> {
    /// Its number.
    pub(crate) seq: u64,
    /// What it says.
    pub(crate) event: LedgerEvent,
    bytes: &'a [u8],
}

impl IntactLine<'_> {
    /// What masking makes of it; nothing if it has nothing to hide.
    pub(crate) fn mask(&self) -> Option<MaskedLine> {
        let now = masked(self.bytes).filter(|now| now != self.bytes)?;
        Some(MaskedLine {
            line: self.seq,
            was: line_hash(self.bytes),
            now: line_hash(&now),
        })
    }
}

/// Calls `each` with every line whose checksum is good, oldest first. Masked lines are not.
pub(crate) fn for_each_line(
    layout: &Layout,
    each: &mut dyn FnMut(&IntactLine<'_>) -> Result<()>,
) -> Result<()> {
    for file in files(layout)? {
        let mut lines = LedgerLines::open(layout, &file, 0)?;
        let mut before = Some(Checksum::START);
        while lines.next()?.is_some() {
            let bytes = &lines.line[..];
            let Some((body, mark)) = split(bytes) else {
                before = None;
                continue;
            };
            let intact = before.is_some_and(|before| before.next(body) == mark);
            before = Some(mark);
            if let (true, Ok(DecodedLine::Entry(entry))) = (intact, decode(body)) {
                each(&IntactLine {
                    seq: entry.seq,
                    event: entry.event,
                    bytes,
                })?;
            }
        }
    }
    Ok(())
}

impl Ledger {
    /// Masks these lines, which are in order. Those that are masked already stay as they are; false
    /// if all are.
    pub(crate) fn mask(&mut self, lines: &[MaskedLine]) -> Result<bool> {
        let changed = mask_lines(&self.layout, lines)?;
        if let Some((handle, position)) = &mut self.newest {
            *handle = fsx::append(&plain_path(&self.layout, &position.file))?;
        }
        Ok(changed)
    }
}

/// Masks lines of a ledger that nobody writes to.
pub(crate) fn mask_lines(layout: &Layout, lines: &[MaskedLine]) -> Result<bool> {
    // What a killed run left of a month has its lines, too.
    for (name, _) in fsx::list(&layout.ledger_dir())? {
        if Path::new(&name).extension().is_some_and(|end| end == "tmp") {
            fsx::remove(&layout.ledger_dir().join(name))?;
        }
    }
    let mut changed = false;
    for file in files(layout)? {
        changed |= mask_month(layout, &file, lines)?;
    }
    Ok(changed)
}

fn mask_month(layout: &Layout, file: &str, lines: &[MaskedLine]) -> Result<bool> {
    let (plain, packed) = (plain_path(layout, file), packed_path(layout, file));
    if is_packed(layout, file)? && fsx::is_file(&plain)? {
        // What a killed run left; the plain one goes if both hold the same.
        pack(layout, file, &AtomicBool::new(false))?;
        if fsx::is_file(&plain)? {
            return Err(Error::Damaged {
                path: packed,
                detail: "it does not hold what the plain file holds".to_owned(),
            });
        }
    }
    let open = || MonthBytes::open(layout, file);
    let mut look = MaskedBytes::new(open()?, lines);
    io::copy(&mut look, &mut io::sink()).map_err(|e| unreadable(&plain, &e))?;
    if !look.changed {
        return Ok(false);
    }
    let is_packed = look.input.is_packed();
    let to = if is_packed { packed } else { plain };
    let tmp = temporary(&to)?;
    let input = &mut MaskedBytes::new(open()?, lines);
    let opened = if is_packed {
        compress(input, &to, &tmp, &AtomicBool::new(false))?;
        MonthBytes::open_packed(&tmp)?
    } else {
        write_plain(input, &tmp)?;
        MonthBytes::open_plain(&tmp)?
    };
    check(opened, MaskedBytes::new(open()?, lines), &tmp)?;
    fsx::rename(&tmp, &to)?;
    fsx::sync_dir(&layout.ledger_dir())?;
    Ok(true)
}

fn write_plain(input: &mut impl Read, to: &Path) -> Result<()> {
    let mut output = fsx::create_new(to)?;
    io::copy(input, &mut output).map_err(|e| Error::file("write", to, e))?;
    fsx::sync_file(&output, to)
}

/// Reads back what was written.
fn check(
    mut written: MonthBytes,
    mut wanted: MaskedBytes<'_, MonthBytes>,
    tmp: &Path,
) -> Result<()> {
    match same_bytes(&mut written, &mut wanted) {
        Ok(true) => Ok(()),
        Ok(false) => Err(unreadable(
            tmp,
            &io::Error::other("it was not written right"),
        )),
        Err(UnreadSide::One(e) | UnreadSide::Other(e)) => Err(Error::file("read", tmp, e)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Damaged {
        path: path.to_path_buf(),
        detail: error.to_string(),
    }
}

/// The number of a line, without reading the rest of it.
pub(super) fn seq_of(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"{\"v\":1,\"seq\":")?;
    let end = rest.iter().position(|b| !b.is_ascii_digit())?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

/// Lines with some of them masked; everything else comes as it is, damage too.
struct MaskedBytes<'a, R> {
    input: R,
    lines: &'a [MaskedLine],
    piece: Vec<u8>,
    at: usize,
    /// True if the piece before was the end of a line.
    at_line: bool,
    /// True if a line was masked.
    changed: bool,
}

impl<'a, R: BufRead> MaskedBytes<'a, R> {
    fn new(input: R, lines: &'a [MaskedLine]) -> Self {
        Self {
            input,
            lines,
            piece: Vec::new(),
            at: 0,
            at_line: true,
            changed: false,
        }
    }

    fn next_piece(&mut self) -> io::Result<()> {
        self.piece.clear();
        self.at = 0;
        let most = MAX_LINE as u64;
        (&mut self.input)
            .take(most)
            .read_until(b'\n', &mut self.piece)?;
        let ends = self.piece.last() == Some(&b'\n');
        if ends && self.at_line {
            let line = &self.piece[..self.piece.len() - 1];
            if let Some(mut now) = mask_listed(line, self.lines) {
                now.push(b'\n');
                self.piece = now;
                self.changed = true;
            }
        }
        self.at_line = ends;
        Ok(())
    }
}

fn mask_listed(line: &[u8], lines: &[MaskedLine]) -> Option<Vec<u8>> {
    let seq = seq_of(line)?;
    let at = lines.binary_search_by_key(&seq, |line| line.line).ok()?;
    let wanted = (line_hash(line) == lines[at].was).then(|| masked(line))??;
    (line_hash(&wanted) == lines[at].now).then_some(wanted)
}

impl<R: BufRead> BufRead for MaskedBytes<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.piece.len() {
            self.next_piece()?;
        }
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

impl<R: BufRead> Read for MaskedBytes<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let some = self.fill_buf()?;
        let read = some.len().min(buf.len());
        buf[..read].copy_from_slice(&some[..read]);
        self.consume(read);
        Ok(read)
    }
}

/// Masks what a copy of a ledger file in the quarantine says of messages: lines that are listed,
/// and any that names one of them, good or not. A compressed copy becomes a plain one, as far as
/// it can be read.
pub(crate) fn mask_copy(
    path: &Path,
    lines: &[MaskedLine],
    names: &dyn Fn(&LedgerEvent) -> bool,
    is_gone: &dyn Fn(Hash128) -> bool,
) -> Result<()> {
    let is_packed = starts_packed(path)?;
    let mut input = if is_packed {
        MonthBytes::open_packed(path)?
    } else {
        MonthBytes::open_plain(path)?
    };
    let hashes: HashSet<LineHash> = lines.iter().map(|line| line.was).collect();
    let tmp = temporary(path)?;
    let mut output = fsx::create_new(&tmp)?;
    let (mut line, mut changed) = (Vec::new(), false);
    loop {
        line.clear();
        let most = MAX_LINE as u64;
        match (&mut input).take(most).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) => {
                input.forgive(e)?;
                break;
            }
        }
        let ends = line.pop_if(|b| *b == b'\n').is_some();
        let speaks = match decoded(&line) {
            Some(event) => names(&event),
            // Damage: what can be told is whether it has such digits.
            None => holds_hash(&line, is_gone),
        };
        if speaks || hashes.contains(&line_hash(&line)) {
            line = masked(&line).unwrap_or_else(|| vec![b'-'; line.len()]);
            changed = true;
        }
        line.extend(ends.then_some(b'\n'));
        output
            .write_all(&line)
            .map_err(|e| Error::file("write", &tmp, e))?;
    }
    if !changed {
        return fsx::remove(&tmp);
    }
    fsx::sync_file(&output, &tmp)?;
    let mut to = path.as_os_str().to_owned();
    if is_packed {
        to.push(".plain");
    }
    fsx::rename(&tmp, Path::new(&to))?;
    if is_packed {
        fsx::remove(path)?;
    }
    fsx::sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// The event of a line, whatever its checksum.
fn decoded(line: &[u8]) -> Option<LedgerEvent> {
    match decode(split(line)?.0) {
        Ok(DecodedLine::Entry(entry)) => Some(entry.event),
        _ => None,
    }
}

fn starts_packed(path: &Path) -> Result<bool> {
    let mut start = [0; 4];
    let read = fsx::open(path)?
        .read(&mut start)
        .map_err(|e| Error::file("read", path, e))?;
    Ok(is_compressed(&start[..read]))
}

/// True if bytes hold the 32 digits of a hash for which `fits` holds.
fn holds_hash(bytes: &[u8], fits: &dyn Fn(Hash128) -> bool) -> bool {
    bytes
        .split(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        .filter_map(|digits| Hash128::parse(std::str::from_utf8(digits).ok()?))
        .any(fits)
}
