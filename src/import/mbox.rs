//! The messages of an mbox file, plain or compressed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Unread;
use crate::base::error::{Error, Result, words};
use crate::base::fsx;
use crate::mail::mbox::{LineEnd, MboxPart, Splitter, Tag, is_end_of_message};
use crate::vault::frame;

/// So much is read at once.
const CHUNK: usize = 256 << 10;
/// So much shows what ends the lines.
const SAMPLE: usize = 64 << 10;
/// So much of what follows a message is looked at.
const AHEAD: usize = 2 << 10;

/// Where a message lies in an mbox file, and how it was written.
#[derive(Debug, Clone)]
pub(super) struct MboxExtent {
    pub(super) start: u64,
    pub(super) end: u64,
    /// After what was added to it.
    pub(super) whole: u64,
    /// What was done to it, and is undone.
    pub(super) tag: Tag,
    /// Lines that begin with `From ` are quoted.
    pub(super) quoted: bool,
    pub(super) line_end: LineEnd,
    /// The open file, or what it holds if it is compressed.
    file: Arc<File>,
}

impl MboxExtent {
    /// The bytes of the message as they are in the file, from one place to another.
    pub(super) fn open(&self, start: u64, end: u64) -> MboxReader {
        MboxReader {
            file: Arc::clone(&self.file),
            at: start,
            end,
        }
    }

    /// The first and the last bytes of the message, with what was added to it.
    pub(super) fn head_and_tail(&self, path: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
        let read = |start: u64, end: u64| {
            let mut bytes = Vec::new();
            let mut part = self.open(start, end);
            part.read_to_end(&mut bytes)
                .map_err(|e| Error::file("read", path, e))?;
            if self.line_end == LineEnd::Cr {
                bytes
                    .iter_mut()
                    .filter(|b| **b == b'\r')
                    .for_each(|b| *b = b'\n');
            }
            Ok(bytes)
        };
        let head = read(self.start, self.whole.min(self.start + AHEAD as u64))?;
        let tail = read(self.start.max(self.whole.saturating_sub(4)), self.whole)?;
        Ok((head, tail))
    }
}

/// Reads a part of a file that others may read, too.
#[derive(Debug)]
pub(super) struct MboxReader {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for MboxReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let room = into.len().min(left);
        if room == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(&mut into[..room], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Calls `each` with every message of a file, and its date if the file tells it. What belongs to
/// no message and what cannot be read comes into `unread`.
pub(super) fn scan(
    path: &Path,
    stop: &AtomicBool,
    unread: &mut Vec<Unread>,
    each: &mut dyn FnMut(MboxExtent, i64),
) -> Result<()> {
    let mut tell = |reason: String| {
        unread.push(Unread {
            place: path.display().to_string(),
            reason,
        });
    };
    let (file, cut) = if is_packed(path)? {
        let (file, broken) = unpack(path, stop)?;
        let cut = broken.is_some();
        if let Some(reason) = broken {
            tell(format!(
                "it cannot be unpacked to its end, and the last message before that is left out: \
                 {reason}"
            ));
        }
        (Arc::new(file), cut)
    } else {
        (Arc::new(fsx::open(path)?), false)
    };
    let failed = |e| Error::file("read", path, e);
    let size = file.metadata().map_err(failed)?.len();
    let mut chunk = vec![0; CHUNK];
    let sample = fill(&file, 0, &mut chunk[..SAMPLE]).map_err(failed)?;
    let line_end = LineEnd::of(&chunk[..sample]);
    let mut is_end = |at: u64| {
        let mut next = [0; AHEAD];
        let read = fill(&file, at, &mut next).unwrap_or(0);
        let last = at.saturating_add(read as u64) == size;
        at <= size && is_end_of_message(&next[..read], last, line_end)
    };
    // The last message of a file that is cut is not whole.
    let mut held = None;
    let mut take = |part| match part {
        MboxPart::Message {
            start,
            end,
            whole,
            line,
            quoted,
        } => {
            let extent = MboxExtent {
                start,
                end,
                whole,
                tag: line.tag,
                quoted,
                line_end,
                file: Arc::clone(&file),
            };
            if let Some((extent, date)) = held.replace((extent, line.date)) {
                each(extent, date);
            }
        }
        MboxPart::Stray { end } => {
            tell(format!("its first {end} bytes are not part of any message"));
        }
    };
    let mut splitter = Splitter::new(line_end);
    let mut at = 0;
    while !stop.load(Ordering::Relaxed) {
        let read = fill(&file, at, &mut chunk).map_err(failed)?;
        if read == 0 {
            splitter.finish(&mut take);
            break;
        }
        at += read as u64;
        splitter.push(&chunk[..read], &mut is_end, &mut take);
    }
    if let Some((extent, date)) = held.filter(|_| !cut) {
        each(extent, date);
    }
    Ok(())
}

/// Reads until the room is full or the file ends.
fn fill(file: &File, at: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < into.len() {
        match file.read_at(&mut into[done..], at + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// True if a file is compressed in a way that we read.
pub(super) fn is_packed(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    fsx::open(path)?
        .take(4)
        .read_to_end(&mut start)
        .map_err(|e| Error::file("read", path, e))?;
    Ok(frame::is_compressed(&start))
}

/// Puts what a compressed file holds into a temporary one. Gives that, and why it does not
/// hold everything.
fn unpack(path: &Path, stop: &AtomicBool) -> Result<(File, Option<String>)> {
    let mut to = fsx::create_unnamed()?;
    let mut from = frame::open(path)?;
    let mut chunk = vec![0; CHUNK];
    while !stop.load(Ordering::Relaxed) {
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => to
                .write_all(&chunk[..n])
                .map_err(|e| Error::file("unpack", path, e))?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Ok((to, Some(words(&e)))),
        }
    }
    Ok((to, None))
}
