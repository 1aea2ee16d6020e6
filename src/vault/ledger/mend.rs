//! What `verify` finds out about the files of months, and what its repair makes of them.

use std::io::BufRead;

use super::month::{MonthBytes, files, is_packed, packed_path, plain_path};
use super::pack::{holds_the_same, write_plain};
use super::reader::{Item, Reader};
use crate::base::error::Result;
use crate::base::fsx;
use crate::vault::layout::Layout;

/// The months that have a plain and a compressed file which differ.
pub(crate) fn forked(layout: &Layout) -> Result<Vec<String>> {
    let mut forked = Vec::new();
    for file in files(layout)? {
        let (plain, packed) = (plain_path(layout, &file), packed_path(layout, &file));
        if is_packed(layout, &file)? && fsx::is_file(&plain)? && !holds_the_same(&plain, &packed)? {
            forked.push(file);
        }
    }
    Ok(forked)
}

/// True if the ledger has less damage with the compressed file of a month than with the plain
/// one, as after an old plain one was restored next to it.
pub(crate) fn is_packed_better(layout: &Layout, vault: &str, file: &str) -> Result<bool> {
    let damage = |reader: Result<Reader>| -> Result<usize> {
        let mut reader = reader?;
        let mut found = Vec::new();
        for item in &mut reader {
            if let Item::Damage(damage) = item? {
                found.push(damage);
            }
        }
        let gaps = reader.accepted_gaps();
        found.retain(|damage| !gaps.iter().any(|gap| gap.covers(damage)));
        Ok(found.len())
    };
    let plain = damage(Reader::new(layout, vault))?;
    Ok(damage(Reader::with_packed(layout, vault, file))? < plain)
}

/// The months whose compressed file counts and cannot be read to its end, each with the bytes
/// of whole lines that can.
pub(crate) fn unreadable(layout: &Layout) -> Result<Vec<(String, u64)>> {
    let mut unreadable = Vec::new();
    for file in files(layout)? {
        let mut bytes = MonthBytes::open(layout, &file)?;
        if !bytes.is_packed() {
            continue;
        }
        let (mut read, mut whole) = (0, 0);
        loop {
            let chunk = match bytes.fill_buf() {
                Ok([]) => break,
                Ok(chunk) => chunk,
                Err(e) => {
                    bytes.forgive(e)?;
                    unreadable.push((file, whole));
                    break;
                }
            };
            if let Some(end) = memchr::memrchr(b'\n', chunk) {
                whole = read + end as u64 + 1;
            }
            let length = chunk.len();
            read += length as u64;
            bytes.consume(length);
        }
    }
    Ok(unreadable)
}

/// Writes what can be read of a compressed file as the plain one, which counts from then on.
pub(crate) fn rescue(layout: &Layout, file: &str, whole: u64) -> Result<()> {
    if whole == 0 {
        return Ok(());
    }
    write_plain(layout, file, whole)
}
