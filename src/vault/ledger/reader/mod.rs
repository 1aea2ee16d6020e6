//! Reading the ledger: all its lines in order, each checked against the chain. Damage
//! and a torn tail are found and reported, never changed (docs/FORMAT.md, Torn tail).

use std::collections::VecDeque;

use super::chain::{Chain, LedgerLines, Position, Span, Wrong, line_before};
use super::decode::DecodedLine;
use super::encode::OpenLedger;
use super::erasure::Erasure;
use super::event::{LedgerEntry, LedgerEvent};
use super::line::Checksum;
use super::mask_check::MaskCheck;
use super::month::{MonthBytes, files, is_empty, month, packed_path};
use crate::base::error::{Error, Result};
use crate::vault::layout::Layout;

/// A stretch that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The ledger file, relative to the vault.
    pub(crate) file: String,
    /// Its first byte.
    pub(crate) first: u64,
    /// Its last byte.
    pub(crate) last: u64,
    /// What is wrong with its first line.
    pub(crate) detail: String,
    /// True if it is the rest of a compressed file that cannot be read from there on, however
    /// long that is.
    pub(crate) unreadable: bool,
}

/// The rest of an append that was never finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TornTail {
    /// The ledger file, relative to the vault.
    pub(crate) file: String,
    /// Its first byte.
    pub(crate) first: u64,
    /// Its length; 0 for a file that was created but never written to.
    pub(crate) len: u64,
}

/// A damaged stretch that repair has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The ledger file, relative to the vault.
    pub(crate) file: String,
    /// Its first byte.
    pub(crate) first: u64,
    /// Its last byte.
    pub(crate) last: u64,
}

impl Gap {
    /// True if this damage is within the gap.
    #[must_use]
    pub(crate) fn covers(&self, damage: &Damage) -> bool {
        !damage.unreadable
            && self.file == damage.file
            && self.first <= damage.first
            && damage.last <= self.last
    }
}

/// What a [`Reader`] finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// An event.
    Entry {
        /// The event.
        entry: LedgerEntry,
        /// The place after its line.
        position: Position,
    },
    /// A stretch that cannot be trusted. Where an opening line does not fit its file or
    /// the file before, or is missing, what follows it is still read.
    Damage(Damage),
    /// The end of the newest file, to be cut by the next writer.
    TornTail(TornTail),
}

/// Reads the ledger from its beginning or from a place in it.
#[derive(Debug)]
pub(crate) struct Reader {
    layout: Layout,
    vault: String,
    files: VecDeque<String>,
    /// The month that is read from its compressed file though it has a plain one.
    packed: Option<String>,
    /// The last file that is not empty: only it can have a torn tail.
    newest: Option<String>,
    reading: Option<Reading>,
    chain: Chain,
    before: LinesBefore,
    found: VecDeque<Item>,
    gaps: Vec<Gap>,
    masks: MaskCheck,
    beginning: Beginning,
    /// The offset after the last good line, and its time.
    end: u64,
    time: i64,
    failed: bool,
}

/// Where reading began.
#[derive(Debug, Clone)]
struct Beginning {
    files: Vec<String>,
    position: Option<Position>,
}

/// The file that is being read.
#[derive(Debug)]
struct Reading {
    file: String,
    lines: LedgerLines,
    damage: Option<Damage>,
    torn: Torn,
}

/// What is known of a torn tail.
#[derive(Debug)]
enum Torn {
    /// Nothing: no line was bad so far.
    Unknown,
    /// There is none, or a later one.
    Looked(Option<TornTail>),
}

/// What the opening line of the next file should name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LinesBefore {
    /// Nobody knows.
    Unknown,
    /// Nothing: it is the first one.
    Nothing,
    /// The last line of the file before, by its checksum and number.
    Ends(Checksum, u64),
}

impl Reader {
    /// Reads everything. `vault` is the vault's id.
    pub(crate) fn new(layout: &Layout, vault: &str) -> Result<Self> {
        let files = files(layout)?;
        Self::of(layout, vault, files, LinesBefore::Nothing)
    }

    /// Reads everything, one month from its compressed file though the plain one counts.
    pub(super) fn with_packed(layout: &Layout, vault: &str, file: &str) -> Result<Self> {
        let mut reader = Self::new(layout, vault)?;
        reader.packed = Some(file.to_owned());
        Ok(reader)
    }

    /// Reads what follows a place; none if the ledger does not have this place.
    pub(crate) fn from(layout: &Layout, vault: &str, position: &Position) -> Result<Option<Self>> {
        let mut files = files(layout)?;
        let Ok(at) = files.binary_search(&position.file) else {
            return Ok(None);
        };
        let mut reader = Self::of(layout, vault, files.split_off(at), LinesBefore::Unknown)?;
        Ok(reader.start_at(position)?.then_some(reader))
    }

    /// Reads one file as the newest.
    pub(super) fn of_newest(layout: &Layout, vault: &str, file: String) -> Result<Self> {
        Self::of(layout, vault, vec![file], LinesBefore::Unknown)
    }

    fn of(layout: &Layout, vault: &str, files: Vec<String>, before: LinesBefore) -> Result<Self> {
        let mut newest = None;
        for file in files.iter().rev() {
            if !is_empty(layout, file)? {
                newest = Some(file.clone());
                break;
            }
        }
        let beginning = Beginning {
            files: files.clone(),
            position: None,
        };
        Ok(Self {
            layout: layout.clone(),
            vault: vault.to_owned(),
            files: files.into(),
            packed: None,
            newest,
            reading: None,
            chain: Chain {
                prev: None,
                seq: None,
                gap: false,
            },
            before,
            found: VecDeque::new(),
            gaps: Vec::new(),
            masks: MaskCheck::default(),
            beginning,
            end: 0,
            time: 0,
            failed: false,
        })
    }

    /// Goes to a place in the first file; false if the file does not have it.
    pub(super) fn start_at(&mut self, position: &Position) -> Result<bool> {
        let Some(file) = self.files.front().filter(|file| **file == position.file) else {
            return Ok(false);
        };
        let Some(line) = line_before(&self.layout, file, position)? else {
            return Ok(false);
        };
        self.reading = Some(Reading {
            file: position.file.clone(),
            lines: LedgerLines::open(&self.layout, file, position.offset)?,
            damage: None,
            torn: Torn::Unknown,
        });
        self.files.pop_front();
        self.chain = Chain {
            prev: Some(position.c),
            seq: Some(position.seq),
            gap: false,
        };
        self.end = position.offset;
        self.time = line.time();
        self.beginning.position = Some(position.clone());
        Ok(true)
    }

    /// The damaged stretches that the lines read so far accept.
    #[must_use]
    pub(crate) fn accepted_gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The place after the last good line of `file`, and that line's time; none if the
    /// file has no good line at its end.
    pub(super) fn end_of(&self, file: &str) -> Option<(Position, i64)> {
        let position = Position {
            file: file.to_owned(),
            offset: self.end,
            c: self.chain.prev?,
            seq: self.chain.seq?,
        };
        Some((position, self.time))
    }

    fn next_item(&mut self) -> Result<Option<Item>> {
        loop {
            if let Some(item) = self.found.pop_front() {
                return Ok(Some(item));
            }
            if let Some(reading) = self.reading.take() {
                self.step(reading)?;
            } else if let Some(file) = self.files.pop_front() {
                self.open(file)?;
            } else if self.masks.is_open() {
                self.find_unnamed()?;
            } else {
                return Ok(None);
            }
        }
    }

    /// Reports the masked lines that no later line names. They are looked for in a second reading,
    /// for which alone each is kept.
    fn find_unnamed(&mut self) -> Result<()> {
        self.masks = MaskCheck::default();
        let Beginning { files, position } = self.beginning.clone();
        let mut again = Self::of(&self.layout, &self.vault, files, LinesBefore::Unknown)?;
        again.packed.clone_from(&self.packed);
        if let Some(position) = position {
            again.start_at(&position)?;
        }
        again.masks = MaskCheck::exact();
        // Everything else was reported in the first reading.
        while again.next_item()?.is_some() {}
        for (file, span) in again.masks.unnamed() {
            self.found.push_back(Item::Damage(Damage {
                file,
                first: span.first,
                last: span.end - 1,
                detail: "a line with a wrong checksum".to_owned(),
                unreadable: false,
            }));
        }
        Ok(())
    }

    fn open(&mut self, file: String) -> Result<()> {
        if self.newest.as_ref().is_none_or(|newest| *newest < file) {
            self.found.push_back(Item::TornTail(TornTail {
                file,
                first: 0,
                len: 0,
            }));
            return Ok(());
        }
        self.chain = Chain {
            prev: Some(Checksum::START),
            seq: None,
            gap: false,
        };
        let lines = if self.packed.as_ref() == Some(&file) {
            LedgerLines::of(MonthBytes::open_packed(&packed_path(&self.layout, &file))?)
        } else {
            LedgerLines::open(&self.layout, &file, 0)?
        };
        self.reading = Some(Reading {
            file,
            lines,
            damage: None,
            torn: Torn::Unknown,
        });
        Ok(())
    }

    /// Takes one line; puts the file back if there is more to read.
    fn step(&mut self, mut reading: Reading) -> Result<()> {
        let unread = self.chain;
        let Some(span) = reading.lines.next()? else {
            self.leave(reading);
            return Ok(());
        };
        match self.chain.follow(&reading.lines.line, span) {
            Ok(line) => {
                self.found.extend(reading.damage.take().map(Item::Damage));
                self.end = span.end;
                self.time = line.time();
                self.masks.begin(line.seq());
                if let DecodedLine::Masked { seq, .. } = line {
                    let bytes = &reading.lines.line;
                    self.masks.found(seq, bytes, &reading.file, span);
                }
                self.take(&reading.file, span, line);
            }
            Err(Wrong::Later(version)) => {
                return Err(Error::Format {
                    path: self.layout.root().to_path_buf(),
                    reason: format!("its ledger has lines of version {version}"),
                });
            }
            Err(Wrong::Bad(detail)) => {
                // What was compressed was not being appended to.
                if self.newest.as_ref() == Some(&reading.file) && !reading.lines.are_packed() {
                    if matches!(reading.torn, Torn::Unknown) {
                        let torn = torn_tail(&self.layout, &reading, unread, span)?;
                        reading.torn = Torn::Looked(torn);
                    }
                    if let Torn::Looked(Some(torn)) = &reading.torn
                        && torn.first == span.first
                    {
                        self.found.extend(reading.damage.take().map(Item::Damage));
                        self.found.push_back(Item::TornTail(torn.clone()));
                        self.chain = unread;
                        return Ok(());
                    }
                }
                let damage = reading.damage.get_or_insert_with(|| Damage {
                    file: reading.file.clone(),
                    first: span.first,
                    last: span.first,
                    detail: detail.to_owned(),
                    unreadable: false,
                });
                damage.last = span.end - 1;
                damage.unreadable |= span.unreadable;
            }
        }
        self.reading = Some(reading);
        Ok(())
    }

    /// Ends a file.
    fn leave(&mut self, reading: Reading) {
        self.found.extend(reading.damage.map(Item::Damage));
        if reading.lines.offset > 0 {
            self.before = match (self.chain.prev, self.chain.seq) {
                (Some(mark), Some(seq)) if !self.chain.gap => LinesBefore::Ends(mark, seq),
                _ => LinesBefore::Unknown,
            };
        }
    }

    /// Takes a good line in.
    fn take(&mut self, file: &str, span: Span, line: DecodedLine) {
        let detail = match &line {
            DecodedLine::Open { seq, open, .. } => self.misfit(file, span, *seq, open),
            DecodedLine::Entry(_) | DecodedLine::Masked { .. } if span.first == 0 => {
                Some("it has no opening line")
            }
            DecodedLine::Entry(_) | DecodedLine::Masked { .. } => None,
        };
        self.found.extend(detail.map(|detail| {
            Item::Damage(Damage {
                file: file.to_owned(),
                first: span.first,
                last: span.end - 1,
                detail: detail.to_owned(),
                unreadable: false,
            })
        }));
        let (DecodedLine::Entry(entry), Some(c)) = (line, self.chain.prev) else {
            return;
        };
        if let LedgerEvent::Chain {
            file, first, last, ..
        } = &entry.event
        {
            self.gaps.push(Gap {
                file: file.clone(),
                first: *first,
                last: *last,
            });
        }
        if let LedgerEvent::Erased(Erasure::Masked { line, now, .. }) = &entry.event {
            self.masks.named(*line, now);
        }
        let position = Position {
            file: file.to_owned(),
            offset: span.end,
            c,
            seq: entry.seq,
        };
        self.found.push_back(Item::Entry { entry, position });
    }

    /// What is wrong with an opening line that is good in itself.
    fn misfit(&self, file: &str, span: Span, seq: u64, open: &OpenLedger) -> Option<&'static str> {
        let fits = match self.before {
            LinesBefore::Unknown => true,
            LinesBefore::Nothing => open.prev.is_none() && seq == 1,
            LinesBefore::Ends(mark, last) => open.prev == Some(mark) && seq == last + 1,
        };
        if span.first > 0 {
            Some("an opening line in the middle")
        } else if open.vault != self.vault {
            Some("its opening line names another vault")
        } else if open.month != month(file) {
            Some("its opening line names another month")
        } else if !fits {
            Some("its opening line does not name the end of the file before")
        } else {
            None
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Item>;

    /// The next item; nothing after an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = self.next_item();
        self.failed = item.is_err();
        item.transpose()
    }
}

/// Looks ahead from a bad line of the newest file: the longest end of the file that
/// begins with a bad line and whose good lines all have one time.
fn torn_tail(
    layout: &Layout,
    reading: &Reading,
    mut chain: Chain,
    bad: Span,
) -> Result<Option<TornTail>> {
    let mut lines = LedgerLines::open(layout, &reading.file, bad.first)?;
    let (mut torn, mut time) = (None, None);
    // The first bad line since the last good one.
    let mut recent = None;
    while let Some(span) = lines.next()? {
        match chain.follow(&lines.line, span) {
            // It has become whole meanwhile: a writer is at work. Come back later.
            Ok(_) if span.first == bad.first => {
                recent = Some(bad.first);
                break;
            }
            Ok(line) if time == Some(line.time()) => torn = torn.or(recent.take()),
            Ok(line) => {
                torn = recent.take();
                time = Some(line.time());
            }
            Err(_) => recent = recent.or(Some(span.first)),
        }
    }
    let len = lines.offset;
    Ok(torn.or(recent).map(|first| TornTail {
        file: reading.file.clone(),
        first,
        len: len - first,
    }))
}

#[cfg(test)]
mod tests;
