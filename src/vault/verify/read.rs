//! Reading message files back on all cores, while they are found.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::base::error::Result;
use crate::base::event::RunEvent;
use crate::base::sync::lock;
use crate::vault::catalog::{Blob, Place};
use crate::vault::frame::{self, Flaw};
use crate::vault::verify::report::VerifyOptions;

/// How often progress is reported, in files.
const TELL: u64 = 64;
/// Files that wait for a reader.
const QUEUE: usize = 256;

/// A file to be read.
pub(super) struct ReadJob {
    /// Its place in the order of findings.
    pub(super) row: i64,
    pub(super) place: Place,
    pub(super) blob: Blob,
    /// Relative to the vault.
    pub(super) path: String,
}

/// What the readers found.
pub(super) struct ReadOutcome {
    /// Bytes of files that were read.
    pub(super) octets: u64,
    /// False if not all were read.
    pub(super) complete: bool,
    /// Those that the finder was not told of.
    pub(super) flawed: Vec<(ReadJob, Flaw)>,
}

impl ReadOutcome {
    /// Where nothing is to be read.
    pub(super) const NONE: Self = Self {
        octets: 0,
        complete: true,
        flawed: Vec::new(),
    };
}

/// Reads the files that `find` hands over, `total` bytes of them. It is told each time which of
/// them turned out to be flawed.
pub(super) fn read(
    root: &Path,
    options: &VerifyOptions,
    total: u64,
    events: &mut dyn FnMut(RunEvent<'_>),
    find: impl FnOnce(&mut dyn FnMut(ReadJob) -> Vec<(ReadJob, Flaw)>) -> Result<()>,
) -> Result<ReadOutcome> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let until = options.max_duration.map(|d| Instant::now() + d);
    let goes_on = || {
        !options.stop.load(Ordering::Relaxed) && until.is_none_or(|until| Instant::now() < until)
    };
    let (octets, count) = (AtomicU64::new(0), AtomicU64::new(0));
    let (tell, told) = channel();
    let (report, reported) = channel();
    let (hand, queue) = sync_channel::<ReadJob>(QUEUE);
    // It ends with the last reader, so that nobody waits for one that is no more.
    let queue = Arc::new(Mutex::new(queue));
    let mut handed = 0;
    let flawed = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..cores)
            .map(|_| {
                let (tell, report) = (tell.clone(), report.clone());
                let queue = Arc::clone(&queue);
                let (octets, count) = (&octets, &count);
                scope.spawn(move || {
                    let mut checker = frame::Checker::default();
                    let next = || lock(&queue).recv();
                    while let Ok(job) = next() {
                        // What nobody reads any more must not keep the finder waiting.
                        if !goes_on() {
                            continue;
                        }
                        let (name, stored) = (job.blob.name, job.blob.stored);
                        let path = root.join(&job.path);
                        if let Err(flaw) = checker.check(&path, name.hash, name.size) {
                            // As below.
                            let _ = report.send((job, flaw));
                        }
                        let read = octets.fetch_add(stored, Ordering::Relaxed) + stored;
                        let files = count.fetch_add(1, Ordering::Relaxed) + 1;
                        if files.is_multiple_of(TELL) {
                            // Nobody may be listening any more.
                            let _ = tell.send(read);
                        }
                    }
                })
            })
            .collect();
        drop((tell, report, queue));
        let found = find(&mut |job| {
            for done in told.try_iter() {
                events(RunEvent::Verified { done, total });
            }
            // The readers end after the queue.
            let _ = hand.send(job);
            handed += 1;
            reported.try_iter().collect()
        });
        drop(hand);
        for done in told {
            events(RunEvent::Verified { done, total });
        }
        for reader in readers {
            let ended = reader.join();
            ended.unwrap_or_else(|p| std::panic::resume_unwind(p));
        }
        found.map(|()| reported.try_iter().collect())
    })?;
    Ok(ReadOutcome {
        octets: octets.into_inner(),
        complete: count.into_inner() == handed,
        flawed,
    })
}
