//! Bringing the index of words up to date: by reading the files that it has not seen.

use std::io::Read;
use std::path::Path;

use super::layout::Layout;
use super::{frame, locate};
use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;
use crate::mail::readable::LIMIT;
use crate::vault::catalog::{self, Blob, Catalog, Coverage, Texts};

/// What is made durable at once: messages, and octets of them.
const BATCH: (u32, u64) = (1024, 32 << 20);

/// Reads what the index lacks, batch by batch, so that a run that is killed loses only its
/// last one, and attaches it. `tell` hears how many messages are still to be read. Where
/// nothing can be written in the vault, a copy is brought up to date; where the disk is full, the
/// index stays as it is.
pub(super) fn refresh(
    layout: &Layout,
    catalog: &Catalog,
    tell: &mut dyn FnMut(u64),
) -> Result<Coverage> {
    let path = layout.texts();
    let attached = catalog.attach_texts(&path);
    if let Ok(true) = attached {
        let coverage = catalog.coverage()?;
        if coverage == Coverage::default() {
            return Ok(coverage);
        }
    }
    let path = catalog.copy_texts(&path)?.unwrap_or(path);
    match read(layout, catalog, &path, tell) {
        Ok(()) | Err(Error::File { .. } | Error::NoSpace { .. }) => {}
        Err(Error::Catalog { source, .. }) if is_in_the_way(&source) => {}
        Err(e) => return Err(e),
    }
    // One that cannot be opened does not count.
    let _ = catalog.attach_texts(&path);
    catalog.coverage()
}

fn is_in_the_way(error: &rusqlite::Error) -> bool {
    let is_busy = error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy);
    is_busy || catalog::is_not_writable(error)
}

fn read(layout: &Layout, catalog: &Catalog, path: &Path, tell: &mut dyn FnMut(u64)) -> Result<()> {
    let texts = Texts::open(path, catalog)?;
    let mut left = catalog.coverage()?.behind;
    let mut bytes = Vec::new();
    for blob in texts.unread(catalog)? {
        if whole(layout, catalog, &blob, &mut bytes)? {
            texts.begin()?;
            texts.put(&blob, Some(&bytes))?;
            texts.commit()?;
        }
    }
    loop {
        tell(left);
        texts.begin()?;
        // Asked within the transaction: another program may have been at it.
        let blobs = texts.next(catalog, BATCH.0)?;
        if blobs.is_empty() {
            return texts.commit();
        }
        let mut octets = 0;
        for (blob, lost) in blobs {
            let found = !lost && whole(layout, catalog, &blob, &mut bytes)?;
            texts.put(&blob, found.then_some(&bytes[..]))?;
            left = left.saturating_sub(u64::from(!lost));
            octets += blob.name.size;
            if octets >= BATCH.1 {
                break;
            }
        }
        texts.commit()?;
    }
}

/// Reads a content, as much as is looked at; false if no file has it.
fn whole(layout: &Layout, catalog: &Catalog, blob: &Blob, bytes: &mut Vec<u8>) -> Result<bool> {
    let all = blob.name.size <= LIMIT as u64;
    for (_, path) in locate(layout, catalog, blob)? {
        bytes.clear();
        let read = frame::open(&path).and_then(|file| {
            file.take(LIMIT as u64)
                .read_to_end(bytes)
                .map_err(|e| Error::file("read", &path, e))
        });
        if read.is_ok() && (!all || Hash128::of(bytes) == blob.name.hash) {
            return Ok(true);
        }
    }
    Ok(false)
}
