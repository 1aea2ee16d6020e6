//! Bringing the index of words up to date: by reading the files that it has not seen.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use super::finder::FileFinder;
use super::frame::Opener;
use super::layout::Layout;
use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;
use crate::mail::readable::LIMIT;
use crate::vault::catalog::{self, Blob, Catalog, Coverage, Texts, index_pieces};

/// What is made durable at once: messages, and octets of them.
const BATCH: (u32, u64) = (1024, 32 << 20);
/// Pieces that wait to be written, of 256 KiB at most.
const PIECES: usize = 8;

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
    let (mut bytes, mut finder) = (Vec::new(), FileFinder::default());
    let mut opener = Opener::default();
    for blob in texts.unread(catalog)? {
        let job = TextJob::new(layout, catalog, &mut finder, blob)?;
        if job.read(&mut opener, &mut bytes) {
            texts.begin()?;
            let mut put = Ok(());
            index_pieces(&job.blob, Some(&bytes), &mut |piece| {
                put = texts.put(&piece);
                put.is_ok()
            });
            put?;
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
        let (mut jobs, mut octets) = (Vec::new(), 0);
        for (blob, lost) in blobs {
            octets += blob.name.size;
            left = left.saturating_sub(u64::from(!lost));
            jobs.push(if lost {
                TextJob {
                    blob,
                    files: Vec::new(),
                }
            } else {
                TextJob::new(layout, catalog, &mut finder, blob)?
            });
            if octets >= BATCH.1 {
                break;
            }
        }
        take_in(&texts, &jobs)?;
        texts.commit()?;
    }
}

/// Reads and parses messages in one thread, and writes their words in this one.
fn take_in(texts: &Texts, jobs: &[TextJob]) -> Result<()> {
    std::thread::scope(|scope| {
        let (send, pieces) = sync_channel(PIECES);
        scope.spawn(move || {
            let (mut opener, mut bytes) = (Opener::default(), Vec::new());
            for job in jobs {
                let found = job.read(&mut opener, &mut bytes);
                let message = found.then_some(&bytes[..]);
                // Nobody takes them any more once one could not be written.
                if !index_pieces(&job.blob, message, &mut |piece| send.send(piece).is_ok()) {
                    return;
                }
            }
        });
        pieces.into_iter().try_for_each(|piece| texts.put(&piece))
    })
}

/// A content to be read.
struct TextJob {
    blob: Blob,
    files: Vec<PathBuf>,
}

impl TextJob {
    fn new(
        layout: &Layout,
        catalog: &Catalog,
        finder: &mut FileFinder,
        blob: Blob,
    ) -> Result<Self> {
        let files = finder.locate(layout, catalog, &blob)?;
        let files = files.into_iter().map(|(_, path)| path).collect();
        Ok(Self { blob, files })
    }

    /// Reads as much as is looked at; false if no file has it.
    fn read(&self, opener: &mut Opener, bytes: &mut Vec<u8>) -> bool {
        let name = &self.blob.name;
        let all = name.size <= LIMIT as u64;
        self.files.iter().any(|path| {
            bytes.clear();
            let read = opener
                .open(path)
                .map(|file| file.take(LIMIT as u64).read_to_end(bytes));
            matches!(read, Ok(Ok(_))) && (!all || Hash128::of(bytes) == name.hash)
        })
    }
}
