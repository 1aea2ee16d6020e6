//! The files of a ledger, one for each month, and their plain bytes.
//!
//! A month that is closed may lie compressed, as `.jsonl.zst`. That is known here alone: a
//! month is named by its plain file, whichever it has, and every place in it counts plain
//! bytes (docs/FORMAT.md, Compressed months). Where both files are there the plain one counts.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::line::MAX_LINE;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::vault::frame::WINDOW_LOG_MAX;
use crate::vault::layout::{Layout, is_month, ledger_file};
use crate::vault::maildir;

/// What the name of a compressed month ends with.
const PACKED: &str = ".zst";
/// A month is at most so many times as long as its compressed file, and a megabyte: each line
/// has eight random bytes, so that no ledger comes near it. More is a bomb.
const MOST_TIMES: u64 = 1_000;
const GRACE: u64 = 1 << 20;

/// The months of a vault, oldest first, each by its plain file, relative to the vault.
pub(super) fn files(layout: &Layout) -> Result<Vec<String>> {
    let mut months = BTreeSet::new();
    // A vault that was just made has no directory yet.
    for (name, _) in maildir::entries(&layout.ledger_dir())? {
        let plain = name.strip_suffix(PACKED).unwrap_or(&name);
        let month = plain.strip_suffix(".jsonl");
        months.extend(month.filter(|month| is_month(month)).map(ledger_file));
    }
    Ok(months.into_iter().collect())
}

/// The month of a ledger file.
pub(super) fn month(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".jsonl").unwrap_or(name)
}

/// The compressed file of a month, relative to the vault.
pub(crate) fn packed_file(file: &str) -> String {
    format!("{file}{PACKED}")
}

pub(super) fn plain_path(layout: &Layout, file: &str) -> PathBuf {
    layout.root().join(file)
}

pub(super) fn packed_path(layout: &Layout, file: &str) -> PathBuf {
    layout.root().join(packed_file(file))
}

/// The file that counts for a month.
pub(crate) fn path_of(layout: &Layout, file: &str) -> Result<PathBuf> {
    let plain = plain_path(layout, file);
    if !fsx::is_file(&plain)? {
        let packed = packed_path(layout, file);
        if fsx::is_file(&packed)? {
            return Ok(packed);
        }
    }
    Ok(plain)
}

/// True if a month has a compressed file, alone or with a plain one.
pub(super) fn is_packed(layout: &Layout, file: &str) -> Result<bool> {
    fsx::is_file(&packed_path(layout, file))
}

/// True if any month has a compressed file.
pub(crate) fn has_packed(layout: &Layout) -> Result<bool> {
    for file in files(layout)? {
        if is_packed(layout, &file)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True if a month has a plain file without a byte.
pub(super) fn is_empty(layout: &Layout, file: &str) -> Result<bool> {
    let plain = fsx::look(&plain_path(layout, file))?;
    Ok(plain.is_some_and(|meta| meta.is_file() && meta.len() == 0))
}

/// How long a month may be whose compressed file has this length.
pub(super) fn most_plain(packed: u64) -> u64 {
    packed.saturating_mul(MOST_TIMES).saturating_add(GRACE)
}

/// The plain bytes of a month, from its beginning, in bounded memory.
pub(super) struct MonthBytes {
    path: PathBuf,
    input: BufReader<MonthInput>,
}

enum MonthInput {
    Plain(File),
    Packed(Box<Unpacking>),
}

/// What a compressed file holds, as far as a month may be long.
struct Unpacking {
    decoder: zstd::stream::read::Decoder<'static, BufReader<File>>,
    left: u64,
}

impl std::fmt::Debug for MonthBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MonthBytes").field(&self.path).finish()
    }
}

impl MonthBytes {
    /// Opens a month in the form that counts. A writer may change the form at any moment.
    pub(super) fn open(layout: &Layout, file: &str) -> Result<Self> {
        let (plain, packed) = (plain_path(layout, file), packed_path(layout, file));
        for opened in [Self::open_plain(&plain), Self::open_packed(&packed)] {
            match opened {
                Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
        }
        Self::open_plain(&plain)
    }

    pub(super) fn open_plain(path: &Path) -> Result<Self> {
        let input = MonthInput::Plain(fsx::open(path)?);
        Ok(Self::of(path, input))
    }

    pub(super) fn open_packed(path: &Path) -> Result<Self> {
        let file = fsx::open(path)?;
        let left = most_plain(fsx::length(path)?);
        let decoder = zstd::stream::read::Decoder::with_buffer(BufReader::new(file))
            .and_then(|mut decoder| {
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                Ok(decoder)
            })
            .map_err(|e| Error::file("read", path, e))?;
        let unpacking = Unpacking { decoder, left };
        Ok(Self::of(path, MonthInput::Packed(Box::new(unpacking))))
    }

    fn of(path: &Path, input: MonthInput) -> Self {
        Self {
            path: path.to_path_buf(),
            input: BufReader::with_capacity(MAX_LINE, input),
        }
    }

    /// Goes to a place, from the beginning; false if the month is shorter.
    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<bool> {
        if let MonthInput::Plain(file) = self.input.get_mut() {
            let is_there = bytes <= file.metadata()?.len();
            if is_there {
                file.seek(SeekFrom::Start(bytes))?;
            }
            return Ok(is_there);
        }
        let skipped = io::copy(&mut (&mut self.input).take(bytes), &mut io::sink())?;
        Ok(skipped == bytes)
    }

    /// Nothing if reading failed because a compressed file does not hold what a month may; else
    /// the failure.
    pub(super) fn forgive(&self, error: io::Error) -> Result<()> {
        match self.input.get_ref() {
            MonthInput::Packed(_) if error.raw_os_error().is_none() => Ok(()),
            _ => Err(Error::file("read", &self.path, error)),
        }
    }

    /// True if this is a compressed file.
    pub(super) fn is_packed(&self) -> bool {
        matches!(self.input.get_ref(), MonthInput::Packed(_))
    }
}

impl Read for MonthBytes {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.input.read(buf)
    }
}

impl BufRead for MonthBytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.input.consume(bytes);
    }
}

impl Read for MonthInput {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buf),
            Self::Packed(unpacking) => unpacking.read(buf),
        }
    }
}

impl Read for Unpacking {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buf)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| io::Error::other("it holds more than a month can"))?;
        Ok(read)
    }
}
