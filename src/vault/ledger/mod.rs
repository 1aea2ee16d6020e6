//! The ledger: the append-only record of everything that happened to the messages of a
//! vault, one line per event, one file per month (docs/FORMAT.md, Ledger). Together with
//! the message files it is the complete record.
//!
//! `Ledger` writes, under the vault's lock; `Reader` reads and changes nothing.

mod chain;
mod decode;
mod encode;
mod erase;
mod erasure;
mod event;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod line;
mod mask_check;
mod masking;
mod mend;
mod month;
mod pack;
mod reader;
mod shape;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::vault::layout::{Layout, Manifest, ledger_file};
use chain::LedgerLines;
use decode::{DecodedLine, decode};
use encode::{OpenLedger, encode, encode_open};
use line::{MAX_LINE, MAX_TIME, month_of, split};

pub use chain::Position;
#[cfg(feature = "offsite")]
pub(crate) use erase::mask_lines;
pub(crate) use erase::{for_each_line, mask_copy};
pub(crate) use erasure::MaskedLine;
pub use erasure::{Erasure, TombstoneKind};
pub use event::{Evidence, Identity, LedgerEntry, LedgerEvent, Proto, Seen, SessionRecord};
pub use line::Checksum;
pub(crate) use mend::{forked, is_packed_better, rescue, unreadable};
pub(crate) use month::{has_packed, packed_file, path_of};
pub(crate) use reader::{Damage, Item, Reader, TornTail};

/// The vault that a ledger is of, and when it began, by the oldest first line that is intact.
pub(crate) fn origin(layout: &Layout) -> Result<Option<Manifest>> {
    for file in month::files(layout)? {
        let mut lines = LedgerLines::open(layout, &file, 0)?;
        if lines.next()?.is_none() {
            continue;
        }
        let intact = split(&lines.line).filter(|(body, mark)| Checksum::START.next(body) == *mark);
        let decoded = intact.map(|(body, _)| decode(body));
        if let Some(Ok(DecodedLine::Open { time, open, .. })) = decoded
            && let Some(id) = Hash128::parse(&open.vault)
        {
            let manifest = Manifest::new(id.0, time / 1_000);
            let manifest = manifest.with_ledger_zst(has_packed(layout)?);
            return Ok(Some(manifest.with_erased(has_erased(layout)?)));
        }
    }
    Ok(None)
}

/// The months of a ledger, oldest first, each by its plain file, relative to the vault.
#[cfg(feature = "offsite")]
pub(crate) fn months(layout: &Layout) -> Result<Vec<String>> {
    month::files(layout)
}

/// The plain bytes of a month from a place on.
#[cfg(feature = "offsite")]
pub(crate) fn plain_bytes(layout: &Layout, file: &str, offset: u64) -> Result<impl Read + use<>> {
    let mut bytes = month::MonthBytes::open(layout, file)?;
    let skipped = bytes.skip(offset);
    let path = layout.root().join(file);
    match skipped {
        Ok(true) => Ok(bytes),
        Ok(false) => Err(Error::Damaged {
            path,
            detail: "it is shorter than it was".to_owned(),
        }),
        Err(e) => Err(Error::file("read", &path, e)),
    }
}

/// The place after a line of this ledger, if that is the line of a copy or was it before it was
/// masked.
#[cfg(feature = "offsite")]
pub(crate) fn place_after(
    here: &[u8],
    there: &[u8],
    file: String,
    offset: u64,
) -> Option<Position> {
    let (_, c) = split(here)?;
    let (_, same) = split(there)?;
    let seq = erase::seq_of(here)?;
    (c == same).then_some(Position {
        file,
        offset,
        c,
        seq,
    })
}

/// True if lines of a ledger may be masked.
fn has_erased(layout: &Layout) -> Result<bool> {
    let mut erased = false;
    for_each_line(layout, &mut |line| {
        erased |= matches!(line.event, LedgerEvent::Erased(_));
        Ok(())
    })?;
    Ok(erased)
}

/// The writer of the ledger; whoever has it holds the vault's lock.
#[derive(Debug)]
pub(crate) struct Ledger {
    layout: Layout,
    vault: String,
    /// The newest file and the end of it; none as long as nothing was ever written.
    newest: Option<(File, Position)>,
    /// The time of the last append.
    time: i64,
    /// True after a failed write: nobody knows what is on the disk.
    poisoned: bool,
}

/// What opening the ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Opened {
    /// Unfinished appends that were cut off, each with its copy in the quarantine
    /// (relative to the vault; none if there was nothing to copy).
    pub(crate) torn: Vec<(TornTail, Option<String>)>,
    /// Damage in the part that was read; it stays until it is repaired.
    pub(crate) damage: Vec<Damage>,
}

/// One append: its events are numbered from `first` on and share `time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The number of the first event.
    pub(crate) first: u64,
    /// Their time in Unix milliseconds.
    pub(crate) time: i64,
}

impl Ledger {
    /// Opens the ledger for writing and cuts off what an unfinished append left. The
    /// newest file is read from `from` if it has that place, else from its start.
    pub(crate) fn open(
        layout: &Layout,
        vault: &str,
        from: Option<&Position>,
    ) -> Result<(Self, Opened)> {
        let mut opened = Opened::default();
        let mut ledger = Self {
            layout: layout.clone(),
            vault: vault.to_owned(),
            newest: None,
            time: -1,
            poisoned: false,
        };
        while let Some(file) = month::files(layout)?.pop() {
            pack::unpack(layout, &file)?;
            let mut reader = Reader::of_newest(layout, vault, file.clone())?;
            if let Some(from) = from {
                reader.start_at(from)?;
            }
            let mut torn = None;
            for item in &mut reader {
                match item? {
                    Item::Entry { .. } => {}
                    Item::Damage(damage) => opened.damage.push(damage),
                    Item::TornTail(tail) => torn = Some(tail),
                }
            }
            let path = layout.root().join(&file);
            let handle = fsx::append(&path)?;
            let gone = torn.as_ref().is_some_and(|tail| tail.first == 0);
            if let Some(tail) = torn {
                let copy = cut(layout, &handle, &path, &tail)?;
                opened.torn.push((tail, copy));
            }
            // A writer that was killed may have left lines that are not durable yet.
            fsx::sync_file(&handle, &path)?;
            fsx::sync_dir(&layout.ledger_dir())?;
            if !gone {
                let (position, time) = reader.end_of(&file).ok_or_else(|| Error::Damaged {
                    path,
                    detail: "it does not end with a good line".to_owned(),
                })?;
                ledger.newest = Some((handle, position));
                ledger.time = time;
                break;
            }
        }
        Ok((ledger, opened))
    }

    /// The place after the last line; none as long as there is no line.
    #[must_use]
    pub(crate) fn position(&self) -> Option<&Position> {
        self.newest.as_ref().map(|(_, position)| position)
    }

    /// The months that nothing is appended to any more and that have a plain file.
    pub(crate) fn closed(&self) -> Result<Vec<String>> {
        let Some(newest) = self.position() else {
            return Ok(Vec::new());
        };
        let mut closed = Vec::new();
        for file in month::files(&self.layout)? {
            if file >= newest.file {
                break;
            }
            let plain = month::plain_path(&self.layout, &file);
            if fsx::is_file(&plain)? && fsx::length(&plain)? > 0 {
                closed.push(file);
            }
        }
        Ok(closed)
    }

    /// Compresses a closed month, unless `stop` is set meanwhile.
    pub(crate) fn pack(&self, file: &str, stop: &AtomicBool) -> Result<()> {
        pack::pack(&self.layout, file, stop)
    }

    /// Writes these events as one append, durably. After a failure nothing more can be
    /// written: the ledger has to be opened again.
    pub(crate) fn append(&mut self, events: &[LedgerEvent], now_ms: i64) -> Result<Appended> {
        let last = self.position().map_or(0, |position| position.seq);
        if events.is_empty() {
            let (first, time) = (last + 1, self.time);
            return Ok(Appended { first, time });
        }
        let time = now_ms.max(self.time + 1).min(MAX_TIME);
        let mut month = month_of(time);
        if let Some(position) = self.position() {
            month = month.max(month::month(&position.file).to_owned());
        }
        let file = ledger_file(&month);
        let path = self.layout.ledger(&month);
        let fail = |reason| Error::file("append to", &path, io::Error::other(reason));
        if self.poisoned {
            return Err(fail("an earlier write failed"));
        }

        let mut bytes = Vec::new();
        let mut seq = last;
        let old = self.position().filter(|position| position.file == file);
        let (start, mut c) = if let Some(position) = old {
            (position.offset, position.c)
        } else {
            seq += 1;
            let open = OpenLedger {
                vault: self.vault.clone(),
                month,
                prev: self.position().map(|position| position.c),
            };
            (0, encode_open(&mut bytes, seq, time, &open))
        };
        let first = seq + 1;
        for event in events {
            let before = bytes.len();
            seq += 1;
            c = encode(&mut bytes, seq, time, event, c);
            if bytes.len() - before > MAX_LINE {
                return Err(fail("an event is too large for a line"));
            }
        }

        // Stays so unless everything below succeeds.
        self.poisoned = true;
        let position = Position {
            file,
            offset: start + bytes.len() as u64,
            c,
            seq,
        };
        match &mut self.newest {
            Some((handle, end)) if start > 0 => {
                write(handle, &path, &bytes, start)?;
                *end = position;
            }
            _ => {
                let mut handle = fsx::create_new(&path)?;
                write(&mut handle, &path, &bytes, start)?;
                fsx::sync_dir(&self.layout.ledger_dir())?;
                self.newest = Some((handle, position));
            }
        }
        self.time = time;
        self.poisoned = false;
        Ok(Appended { first, time })
    }
}

/// Writes one append after `start` and makes it durable.
fn write(file: &mut File, path: &Path, bytes: &[u8], start: u64) -> Result<()> {
    let written = file
        .write_all(bytes)
        .map_err(|e| Error::file("append to", path, e))
        .and_then(|()| fsx::sync_file(file, path));
    if written.is_err() {
        // Lines that are only in memory must not look good to the next opening. If this
        // fails too, there is nothing left to try; the first failure is what counts.
        let _ = fsx::truncate(file, path, start);
    }
    written
}

/// Copies a torn tail into the quarantine, then takes it off.
fn cut(layout: &Layout, handle: &File, path: &Path, tail: &TornTail) -> Result<Option<String>> {
    let mut copy = None;
    if tail.len > 0 {
        let mut bytes = Vec::new();
        let mut from = handle;
        from.seek(SeekFrom::Start(tail.first))
            .and_then(|_| from.read_to_end(&mut bytes))
            .map_err(|e| Error::file("read", path, e))?;
        let quarantine = layout.quarantine();
        fsx::create_dir(&quarantine)?;
        fsx::sync_dir(layout.root())?;
        // Named by its content: doing it twice leaves one copy and loses none.
        let month = month::month(&tail.file);
        let name = format!("{month}.jsonl.{}.{}", tail.first, Hash128::of(&bytes));
        fsx::write_durably(&quarantine.join(&name), &bytes)?;
        copy = Some(format!("quarantine/{name}"));
    }
    if tail.first == 0 {
        fsx::remove(path)?;
    } else {
        fsx::truncate(handle, path, tail.first)?;
    }
    Ok(copy)
}

#[cfg(test)]
mod tests;
