//! One message of a source, as a server would have sent it.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::MboxOptions;
use super::find::{Found, MessageExtent};
use super::labels::{self, GmailLabels};
use super::mbox::MboxExtent;
use super::written::{self, LineEndChange, MboxReading};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::mbox::{LineEnd, ToLf, Unquoter, begins, to_crlf};
use crate::mail::message::Hash128;
use crate::vault::frame;

/// Messages up to this size are read once and kept.
const KEEP: usize = 1 << 20;
/// Flags are looked for in so much of a message.
const HEAD: usize = 64 << 10;
const CHUNK: usize = 128 << 10;
const SMALL: usize = 4 << 10;

/// The bytes of a message that is small enough.
#[derive(Debug, Default)]
pub(super) struct Whole {
    bytes: Vec<u8>,
    other: Vec<u8>,
    complete: bool,
}

impl Whole {
    /// All of them, if they were kept.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.complete.then_some(&self.bytes)
    }
}

/// What is known of a message after a first look.
#[derive(Debug)]
pub(super) struct ImportedMessage {
    /// Of the bytes that are to be stored.
    pub(super) hash: Hash128,
    /// Their number.
    pub(super) size: u64,
    /// Flag letters, sorted.
    pub(super) flags: String,
    /// Where it lay at Gmail.
    pub(super) labels: Option<GmailLabels>,
    reading: MboxReading,
    options: MboxOptions,
    stop: Arc<AtomicBool>,
}

impl ImportedMessage {
    /// Reads it once or twice; small ones stay in `whole`.
    pub(super) fn look(
        found: &Found,
        options: MboxOptions,
        stop: &Arc<AtomicBool>,
        whole: &mut Whole,
    ) -> Result<Self> {
        let mut message = Self {
            hash: Hash128([0; 16]),
            size: 0,
            flags: found.flags.clone(),
            labels: None,
            reading: MboxReading::default(),
            options,
            stop: Arc::clone(stop),
        };
        match &found.extent {
            MessageExtent::Mbox(extent) if extent.tag.ours => {
                message.read_written(found, extent, whole)?;
            }
            _ => message.read(found, whole)?,
        }
        Ok(message)
    }

    /// True if there is no message, though its source promises one.
    pub(super) fn is_nothing(&self, found: &Found) -> bool {
        let ours = matches!(&found.extent, MessageExtent::Mbox(extent) if extent.tag.ours);
        self.size == 0 && !ours && found.id != Some(self.hash)
    }

    fn read(&mut self, found: &Found, whole: &mut Whole) -> Result<()> {
        self.reading.line_ends = LineEndChange::Same;
        let (mut lf, mut crlf, mut last) = (false, false, 0);
        self.load(found, whole, &mut |piece| {
            for at in memchr::memchr_iter(b'\n', piece) {
                let before = if at > 0 { piece[at - 1] } else { last };
                lf = true;
                crlf |= before == b'\r';
                if crlf {
                    break;
                }
            }
            last = piece.last().copied().unwrap_or(last);
        })?;
        let lf_alone = lf && !crlf;
        if !lf_alone || found.id.is_some() {
            self.identify(whole);
        }
        let is_eml = matches!(found.extent, MessageExtent::Eml);
        if is_eml && self.reading.skip == 0 && found.id.is_none_or(|id| id != self.hash) {
            self.reading.skip = separator(&whole.bytes);
            if self.reading.skip > 0 {
                return self.read(found, whole);
            }
        }
        if matches!(found.extent, MessageExtent::Mbox(_)) {
            let head = &whole.bytes[..whole.bytes.len().min(HEAD)];
            self.labels = labels::read(head).filter(|_| self.options.labels);
            // A status field of what came from Gmail was written by its sender.
            self.flags = match &self.labels {
                Some(labels) => labels.marks.letters.clone(),
                None => status_flags(head),
            };
        }
        if lf_alone && found.id.is_none_or(|id| id != self.hash) {
            self.reading.line_ends = LineEndChange::ToCrlf;
            if whole.complete {
                whole.other.clear();
                to_crlf(&whole.bytes, &mut whole.other);
                std::mem::swap(&mut whole.bytes, &mut whole.other);
                self.identify(whole);
            } else {
                (self.hash, self.size) = self.hashed(found)?;
            }
        }
        Ok(())
    }

    /// Reads what an export wrote, in the way that leads to its id.
    fn read_written(
        &mut self,
        found: &Found,
        extent: &MboxExtent,
        whole: &mut Whole,
    ) -> Result<()> {
        let (head, tail) = extent.head_and_tail(&found.path)?;
        let readings = written::readings(extent, &head, &tail);
        let mut known = false;
        for reading in &readings {
            self.reading = *reading;
            self.load(found, whole, &mut |_| {})?;
            self.identify(whole);
            known = extent.tag.id.is_none_or(|id| id == self.hash);
            if known {
                break;
            }
        }
        let status = match (known, extent.tag) {
            // A program has changed more than that, and may have written its own fields.
            (false, _) => {
                self.reading = readings.get(1).copied().unwrap_or_default();
                self.load(found, whole, &mut |_| {})?;
                self.identify(whole);
                let rest = &whole.bytes[..whole.bytes.len().min(HEAD)];
                let skipped = usize::try_from(self.reading.skip).unwrap_or(0);
                [&head[..skipped], rest].concat()
            }
            // Exports of older versions tell no id, but never wrote these fields.
            (true, tag) if tag.id.is_none() => {
                let skipped = usize::try_from(written::fields(&head, usize::MAX)).unwrap_or(0);
                head[..skipped].to_vec()
            }
            (true, _) => {
                let skipped = usize::try_from(self.reading.skip).unwrap_or(0);
                head[..skipped].to_vec()
            }
        };
        self.flags = status_flags(&status);
        Ok(())
    }

    /// Reads it as `reading` says. What stays in `whole` is hashed by [`Self::identify`], once it
    /// is known to be what is stored.
    fn load(
        &mut self,
        found: &Found,
        whole: &mut Whole,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<()> {
        whole.bytes.clear();
        whole.complete = true;
        let (mut hasher, mut size) = (blake3::Hasher::new(), 0_u64);
        for piece in self.pieces(found)? {
            let piece = piece?;
            each(&piece);
            size += piece.len() as u64;
            if whole.complete && whole.bytes.len() + piece.len() > KEEP {
                whole.complete = false;
                hasher.update(&whole.bytes);
            }
            if whole.complete {
                whole.bytes.extend_from_slice(&piece);
                continue;
            }
            hasher.update(&piece);
            let missing = HEAD.saturating_sub(whole.bytes.len()).min(piece.len());
            whole.bytes.extend_from_slice(&piece[..missing]);
        }
        self.size = size;
        if !whole.complete {
            self.hash = Hash128::cut(hasher.finalize());
        }
        Ok(())
    }

    fn identify(&mut self, whole: &Whole) {
        if let Some(bytes) = whole.bytes() {
            self.hash = Hash128::of(bytes);
            self.size = bytes.len() as u64;
        }
    }

    fn hashed(&self, found: &Found) -> Result<(Hash128, u64)> {
        let (mut hasher, mut size) = (blake3::Hasher::new(), 0_u64);
        for piece in self.pieces(found)? {
            let piece = piece?;
            hasher.update(&piece);
            size += piece.len() as u64;
        }
        Ok((Hash128::cut(hasher.finalize()), size))
    }

    /// Hands on what is to be stored.
    pub(super) fn each(
        &self,
        found: &Found,
        whole: &Whole,
        each: &mut dyn FnMut(&[u8]),
    ) -> Result<()> {
        if let Some(bytes) = whole.bytes() {
            each(bytes);
            return Ok(());
        }
        self.pieces(found)?.try_for_each(|piece| {
            each(&piece?);
            Ok(())
        })
    }

    /// What is to be stored, piece by piece.
    pub(super) fn pieces<'a>(&self, found: &'a Found) -> Result<Pieces<'a>> {
        let failed = |e| Error::file("read", &found.path, e);
        let (mut unquoter, mut line_end) = (None, LineEnd::Lf);
        let reader: Box<dyn Read> = match &found.extent {
            MessageExtent::File | MessageExtent::Eml => {
                let mut file = frame::open(&found.path)?;
                let skipped = io::copy(&mut (&mut file).take(self.reading.skip), &mut io::sink());
                let _ = skipped.map_err(failed)?;
                file
            }
            MessageExtent::Part(start, end) => {
                let mut file = fsx::open(&found.path)?;
                file.seek(SeekFrom::Start(*start)).map_err(failed)?;
                Box::new(file.take(end - start))
            }
            MessageExtent::Mbox(extent) => {
                let once = self.options.mboxo && !extent.tag.ours;
                unquoter = extent.quoted.then(|| Unquoter::new(once));
                line_end = extent.line_end;
                let start = extent.start + self.reading.skip;
                let end = self.reading.end.unwrap_or(extent.end);
                Box::new(extent.open(start, end))
            }
        };
        Ok(Pieces {
            path: &found.path,
            reader,
            unquoter,
            line_end,
            line_ends: self.reading.line_ends,
            to_lf: ToLf::default(),
            chunk: vec![0; room(found.octets)],
            read: 0,
            stop: Arc::clone(&self.stop),
            ended: false,
        })
    }
}

/// The bytes of a message, piece by piece; an error ends them.
pub(super) struct Pieces<'a> {
    path: &'a Path,
    reader: Box<dyn Read>,
    unquoter: Option<Unquoter>,
    line_end: LineEnd,
    line_ends: LineEndChange,
    to_lf: ToLf,
    chunk: Vec<u8>,
    read: usize,
    stop: Arc<AtomicBool>,
    ended: bool,
}

impl Iterator for Pieces<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        // A small message is finished first.
        if self.read > KEEP && self.stop.load(Ordering::Relaxed) {
            self.ended = true;
            return Some(Err(Error::Interrupted));
        }
        let read = loop {
            match self.reader.read(&mut self.chunk) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.ended = true;
                    return Some(Err(Error::file("read", self.path, e)));
                }
                Ok(n) => break n,
            }
        };
        self.read += read;
        if self.line_end == LineEnd::Cr {
            for byte in self.chunk[..read].iter_mut().filter(|b| **b == b'\r') {
                *byte = b'\n';
            }
        }
        let mut piece = Vec::with_capacity(read + 16);
        match (&mut self.unquoter, read) {
            (None, 0) => self.ended = true,
            (None, n) => piece.extend_from_slice(&self.chunk[..n]),
            (Some(unquoter), 0) => {
                self.ended = true;
                unquoter.finish(&mut piece);
            }
            (Some(unquoter), n) => unquoter.push(&self.chunk[..n], &mut piece),
        }
        if self.line_ends == LineEndChange::Even {
            let mut turned = Vec::with_capacity(piece.len());
            self.to_lf.push(&piece, &mut turned);
            if self.ended {
                self.to_lf.finish(&mut turned);
            }
            piece = turned;
        }
        if self.line_ends != LineEndChange::Same {
            let mut turned = Vec::with_capacity(piece.len() + piece.len() / 32);
            to_crlf(&piece, &mut turned);
            piece = turned;
        }
        (!self.ended || !piece.is_empty()).then_some(Ok(piece))
    }
}

/// How much of a file of this many bytes is read at once: its end is to be seen as well. It may
/// be compressed, or have grown.
fn room(octets: u64) -> usize {
    let octets = usize::try_from(octets).unwrap_or(CHUNK);
    octets.saturating_add(1).clamp(SMALL, CHUNK)
}

/// Length of the `From ` line that a message begins with; 0 if it has none.
fn separator(head: &[u8]) -> u64 {
    let head = &head[..head.len().min(HEAD)];
    let end = memchr::memchr(b'\n', head).map_or(0, |lf| lf as u64 + 1);
    if head.starts_with(b"From ") && begins(head) {
        end
    } else {
        0
    }
}

/// The flags that mail programs keep in the header of a message in an mbox file.
fn status_flags(head: &[u8]) -> String {
    let mut flags = Vec::new();
    for line in head.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let text = String::from_utf8_lossy(&line[..line.len().min(60)]).to_ascii_lowercase();
        let Some((name, value)) = text.split_once(':') else {
            continue;
        };
        let value = value.trim();
        let letters: &[(char, char)] = match name {
            "status" => &[('r', 'S')],
            "x-status" => &[('a', 'R'), ('f', 'F'), ('t', 'D')],
            "x-mozilla-status" => {
                let bits = u16::from_str_radix(value, 16).unwrap_or(0);
                let known = [(1, 'S'), (2, 'R'), (4, 'F'), (0x1000, 'P')];
                flags.extend(
                    known
                        .iter()
                        .filter(|(bit, _)| bits & bit > 0)
                        .map(|(_, f)| *f),
                );
                &[]
            }
            _ => &[],
        };
        let given = letters.iter().filter(|(letter, _)| value.contains(*letter));
        flags.extend(given.map(|(_, flag)| *flag));
    }
    flags.sort_unstable();
    flags.dedup();
    flags.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_run_that_is_to_end_reads_small_messages_to_their_end_and_no_large_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.eml");
        let look = |size: usize, stop: bool| {
            std::fs::write(&path, vec![b'x'; size]).unwrap();
            let found = Found {
                path: path.clone(),
                extent: MessageExtent::Eml,
                flags: String::new(),
                keywords: String::new(),
                date: None,
                octets: size as u64,
                id: None,
                route: None,
                record: None,
            };
            let stop = Arc::new(AtomicBool::new(stop));
            let options = MboxOptions {
                mboxo: false,
                labels: false,
            };
            ImportedMessage::look(&found, options, &stop, &mut Whole::default()).is_ok()
        };
        assert!(look(KEEP / 2, true));
        assert!(look(3 * KEEP, false));
        assert!(!look(3 * KEEP, true));
    }

    #[test]
    fn flags_are_read_from_the_header_as_mail_programs_keep_them() {
        for (head, flags) in [
            ("Status: RO\nX-Status: AF\n\nX-Status: D\n", "FRS"),
            ("X-Mozilla-Status: 1005\r\nA: b\r\n\r\n", "FPS"),
            ("Status: O\n\n", ""),
        ] {
            assert_eq!(status_flags(head.as_bytes()), flags, "{head:?}");
        }
    }
}
