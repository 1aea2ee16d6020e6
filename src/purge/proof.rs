//! The proof that a message may go (docs/SAFETY.md, 12), first on disk, then at the server.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::archive::evidence;
use crate::base::error::Result;
use crate::base::pause::is_set;
use crate::base::sync::lock;
use crate::mail::message::Scanner;
use crate::mail::source::{Header, Listing, Source};
use crate::purge::Reason;
use crate::vault::catalog::Record;
use crate::vault::frame::{self, Checker};

/// A message to be proven.
#[derive(Debug)]
pub(super) struct ProofItem {
    /// Its row in this session's listing.
    pub(super) listing: Listing,
    /// What it is held against.
    pub(super) record: Record,
    /// Its files, as far as they are there.
    pub(super) files: Vec<PathBuf>,
    /// True if the same bytes came under another name that is listed with another size:
    /// one of the two is not what it should be.
    pub(super) doubled: bool,
    /// True if it must be received again and compared.
    pub(super) receive: bool,
    /// True if its listed size says nothing.
    pub(super) estimated: bool,
    /// The mark of its name.
    pub(super) mark: u64,
}

impl ProofItem {
    fn octets(&self) -> u64 {
        self.listing.octets.unwrap_or(0)
    }

    /// A copy that differs from what is stored in what every delivery adds.
    fn is_likeness(&self) -> bool {
        self.record.got != self.record.blob.name.hash
    }
}

/// Reads every file back on all cores: the first intact one of each message, or none.
pub(super) fn read_back(
    items: &[ProofItem],
    stop: &AtomicBool,
    emit: &mut (dyn FnMut(usize) + Send),
) -> Vec<Option<PathBuf>> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Option<PathBuf>>> = Mutex::new(vec![None; items.len()]);
    let emit = Mutex::new(emit);
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(items.len()) {
            scope.spawn(|| {
                let mut checker = Checker::default();
                let mut scanner = Scanner::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at).filter(|_| !is_set(stop)) else {
                        return;
                    };
                    let intact = item
                        .files
                        .iter()
                        .find(|path| is_intact(item, path, &mut checker, &mut scanner));
                    lock(&found)[at] = intact.cloned();
                    lock(&emit)(1);
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn is_intact(item: &ProofItem, path: &Path, checker: &mut Checker, scanner: &mut Scanner) -> bool {
    let name = &item.record.blob.name;
    checker.check(path, name.hash, name.size).is_ok()
        && (!item.is_likeness()
            || frame::scan(path, name.size, scanner).is_ok_and(|digest| {
                digest.likeness.is_some() && digest.likeness == item.record.likeness
            }))
}

/// Asks the server whether it still has what was archived: by the header, or where it
/// gives none, by the whole message. `None` for each message that passes.
pub(super) fn ask(
    source: &mut dyn Source,
    items: &[ProofItem],
    files: &[PathBuf],
) -> Result<Vec<Option<Reason>>> {
    let listings: Vec<Listing> = items.iter().map(|item| item.listing.clone()).collect();
    let mut headers = evidence::headers(source, &listings)?;
    let suspect =
        |n: &usize| headers[*n].is_some_and(|header| items[*n].record.is_anothers(header.hash));
    let suspects: Vec<usize> = (0..items.len()).filter(suspect).collect();
    evidence::confirm(source, &listings, &mut headers, &suspects)?;
    let mut verdicts: Vec<Option<Reason>> = vec![None; items.len()];
    let (mut again, mut anothers) = (Vec::new(), Vec::new());
    for (n, (item, header)) in items.iter().zip(&headers).enumerate() {
        let shown = header.is_some_and(|header| item.record.has_header(header.hash));
        // Some servers show another header each time; the message decides.
        if !shown || item.receive {
            again.push(n);
        }
        // The server may answer with another message still.
        if header.is_some_and(|header| item.record.is_anothers(header.hash)) {
            anothers.push(n);
        }
    }
    let wanted: Vec<Listing> = again.iter().map(|n| listings[*n].clone()).collect();
    let received = evidence::receive(source, &wanted)?;
    for (n, digest) in again.into_iter().zip(received) {
        verdicts[n] = match digest {
            Some(digest) if evidence::is_same(&items[n].record, &digest) => None,
            Some(_) => Some(Reason::OtherMessage),
            None => Some(Reason::Unreadable),
        };
    }
    for n in anothers {
        verdicts[n].get_or_insert(Reason::OtherMessage);
    }
    for ((verdict, header), (item, file)) in verdicts
        .iter_mut()
        .zip(&headers)
        .zip(items.iter().zip(files))
    {
        if verdict.is_none() && !is_complete(item, file, header.as_ref()) {
            *verdict = Some(Reason::Octets {
                listed: item.octets(),
                received: item.record.blob.name.size,
            });
        }
    }
    Ok(verdicts)
}

/// The octets received are those listed, or the difference is explained. Of a copy only
/// likeness is recorded, which covers the body to its end; where sizes say
/// nothing it was received again and compared just now.
fn is_complete(item: &ProofItem, file: &Path, header: Option<&Header>) -> bool {
    if item.is_likeness() || item.estimated || item.record.blob.name.size == item.octets() {
        return true;
    }
    if item.doubled {
        return false;
    }
    let status = header.map_or((0, 0), |header| header.status);
    let digest = frame::scan(file, item.record.blob.name.size, &mut Scanner::new());
    digest.is_ok_and(|digest| evidence::explains(&digest.shape, item.octets(), status))
}
