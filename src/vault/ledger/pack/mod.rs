//! Compresses the months that are closed, and makes one plain again that is not. Whatever
//! stops it, each month has at every moment a file that holds all of it.

use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::month::{MonthBytes, is_packed, most_plain, packed_path, plain_path};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::vault::frame::Compressor;
use crate::vault::layout::Layout;

/// Half of what is left of a line are hashes, and the rest repeats in the next one: level 19
/// saves a twentieth more, at two hundred times the CPU, and those between save less than this.
const LEVEL: i32 = 1;
const CHUNK: usize = 64 << 10;

/// Gives a closed month a compressed file in place of its plain one. If it has both, as after a
/// run that was killed, the plain one goes if they hold the same; else both stay, for `verify`
/// to report. Does nothing more once `stop` is set.
pub(super) fn pack(layout: &Layout, file: &str, stop: &AtomicBool) -> Result<()> {
    let (plain, packed) = (plain_path(layout, file), packed_path(layout, file));
    if !is_packed(layout, file)? {
        let tmp = temporary(&packed)?;
        let input = &mut fsx::open(&plain)?;
        let written = compress(input, &plain, &tmp, stop)
            .and_then(|written| Ok(written && is_written_right(&plain, &tmp)?));
        if !matches!(written, Ok(true)) {
            // What it takes is wanted for mail where the disk is full. If this fails too, the
            // next run removes it.
            let _ = fsx::remove(&tmp);
            return written.map(|_| ());
        }
        fsx::rename(&tmp, &packed)?;
        fsx::sync_dir(&layout.ledger_dir())?;
    } else if holds_the_same(&plain, &packed)? {
        sync_copied(layout, &packed)?;
    } else {
        return Ok(());
    }
    fsx::remove(&plain)?;
    fsx::sync_dir(&layout.ledger_dir())
}

/// Writes a compressed file durably; false if it is not to be kept.
pub(super) fn compress(
    input: &mut impl Read,
    from: &Path,
    to: &Path,
    stop: &AtomicBool,
) -> Result<bool> {
    let failed = |e| Error::file("write", to, e);
    let mut output = fsx::create_new(to)?;
    let mut compressor = Compressor::new(LEVEL).map_err(failed)?;
    let mut stream = compressor.stream(&mut output).map_err(failed)?;
    let mut chunk = vec![0; CHUNK];
    let mut length = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                stream.write(&chunk[..read]).map_err(failed)?;
                length += read as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::file("read", from, e)),
        }
    }
    let packed = stream.finish().map_err(failed)?;
    fsx::sync_file(&output, to)?;
    Ok(length <= most_plain(packed))
}

fn is_written_right(plain: &Path, packed: &Path) -> Result<bool> {
    if holds_the_same(plain, packed)? {
        return Ok(true);
    }
    Err(Error::Damaged {
        path: packed.to_path_buf(),
        detail: "it does not hold what was just compressed".to_owned(),
    })
}

/// Makes a month plain that has to be appended to. One that has both files keeps the plain one
/// alone if they hold the same.
pub(super) fn unpack(layout: &Layout, file: &str) -> Result<()> {
    if !is_packed(layout, file)? {
        return Ok(());
    }
    let (plain, packed) = (plain_path(layout, file), packed_path(layout, file));
    if !fsx::is_file(&plain)? {
        write_plain(layout, file, u64::MAX)?;
    }
    if holds_the_same(&plain, &packed)? {
        sync_copied(layout, &plain)?;
        fsx::remove(&packed)?;
        fsx::sync_dir(&layout.ledger_dir())?;
    }
    Ok(())
}

/// Makes a file durable that another program may have copied here, as from a backup.
fn sync_copied(layout: &Layout, path: &Path) -> Result<()> {
    fsx::sync_file(&fsx::open(path)?, path)?;
    fsx::sync_dir(&layout.ledger_dir())
}

/// Writes the plain file of a month from its compressed one, durably, as far as `most` bytes.
pub(super) fn write_plain(layout: &Layout, file: &str, most: u64) -> Result<()> {
    let (plain, packed) = (plain_path(layout, file), packed_path(layout, file));
    let tmp = temporary(&plain)?;
    let mut input = MonthBytes::open_packed(&packed)?.take(most);
    let mut output = fsx::create_new(&tmp)?;
    loop {
        let chunk = match input.fill_buf() {
            Ok([]) => break,
            Ok(chunk) => chunk,
            Err(e) => {
                input.get_ref().forgive(e)?;
                fsx::remove(&tmp)?;
                return Err(Error::Damaged {
                    path: packed,
                    detail: "it cannot be decompressed".to_owned(),
                });
            }
        };
        let written = chunk.len();
        output
            .write_all(chunk)
            .map_err(|e| Error::file("write", &tmp, e))?;
        input.consume(written);
    }
    fsx::sync_file(&output, &tmp)?;
    fsx::rename(&tmp, &plain)?;
    fsx::sync_dir(&layout.ledger_dir())
}

/// The name of a file in the making, which a killed run may have left.
pub(super) fn temporary(path: &Path) -> Result<PathBuf> {
    let mut tmp = path.as_os_str().to_owned();
    tmp.push(".tmp");
    let tmp = PathBuf::from(tmp);
    if fsx::look(&tmp)?.is_some() {
        fsx::remove(&tmp)?;
    }
    Ok(tmp)
}

/// True if a compressed file holds the bytes of a plain one, to the last.
pub(super) fn holds_the_same(plain: &Path, packed: &Path) -> Result<bool> {
    let (mut one, mut other) = (
        MonthBytes::open_plain(plain)?,
        MonthBytes::open_packed(packed)?,
    );
    match same_bytes(&mut one, &mut other) {
        Ok(same) => Ok(same),
        Err(UnreadSide::One(e)) => one.forgive(e).map(|()| false),
        Err(UnreadSide::Other(e)) => other.forgive(e).map(|()| false),
    }
}

/// Which of two inputs could not be read.
pub(super) enum UnreadSide {
    One(io::Error),
    Other(io::Error),
}

/// True if both give the same bytes.
pub(super) fn same_bytes(
    one: &mut impl BufRead,
    other: &mut impl BufRead,
) -> Result<bool, UnreadSide> {
    loop {
        let left = one.fill_buf().map_err(UnreadSide::One)?;
        let right = other.fill_buf().map_err(UnreadSide::Other)?;
        let both = left.len().min(right.len());
        if left[..both] != right[..both] {
            return Ok(false);
        }
        if both == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        one.consume(both);
        other.consume(both);
    }
}

#[cfg(test)]
mod tests;
