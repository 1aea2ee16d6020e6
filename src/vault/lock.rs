//! One writer per vault.
//!
//! The lock is the kernel's and dies with its process, so none is ever stale. The
//! file says who holds it, for messages only; that it exists means nothing.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};
use crate::base::fsx;

/// How often a taken lock is tried again.
const POLL: Duration = Duration::from_millis(200);
/// Who only looks whether somebody holds the lock has it for an instant. So it is tried for
/// this long, whatever the patience, and so often.
const GLANCE: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(10));

/// The right to write to a vault, held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A child of another thread has the descriptor too, until it has become its program;
        // closing ours would leave the lock with it.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Takes the lock, waiting at most `patience` for another writer to finish.
    pub(crate) fn take(
        path: &Path,
        vault: &Path,
        patience: Duration,
        stop: &AtomicBool,
    ) -> Result<Self> {
        let mut file = fsx::open_or_create(path)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    if stop.load(Ordering::Relaxed) {
                        return Err(Error::Interrupted);
                    }
                    let waited = began.elapsed();
                    if waited >= patience.max(GLANCE.0) {
                        return Err(Error::Locked {
                            path: vault.to_path_buf(),
                            holder: holder(&mut file),
                        });
                    }
                    let early = waited < GLANCE.0;
                    std::thread::sleep(if early { GLANCE.1 } else { POLL });
                }
                Err(TryLockError::Error(e)) => return Err(Error::file("lock", path, e)),
            }
        }
        let note = format!("process {}\n", std::process::id());
        // Only a note for people: failing to leave it is no reason to stop.
        let _ = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(note.as_bytes()));
        Ok(Self { file })
    }
}

/// Who holds the lock now, if anybody does and it can be asked. Creates nothing.
#[must_use]
pub(crate) fn held(path: &Path) -> Option<String> {
    let mut file = fsx::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(holder(&mut file)),
        _ => None,
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(100).read_to_string(&mut text));
    let note = text.trim();
    match note.strip_prefix("process ") {
        Some(pid) if read.is_ok() && pid.bytes().all(|b| b.is_ascii_digit()) => note.to_owned(),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn who_looks_for_the_holder_is_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let stop = AtomicBool::new(false);
        drop(Lock::take(&path, dir.path(), Duration::ZERO, &stop).unwrap());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = held(&path);
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            for _ in 0..300 {
                let taken = Lock::take(&path, dir.path(), Duration::ZERO, &stop);
                if taken.is_err() {
                    done.store(true, Ordering::Relaxed);
                }
                drop(taken.unwrap());
            }
            done.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_second_writer_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let stop = AtomicBool::new(false);
        let first = Lock::take(&path, dir.path(), Duration::ZERO, &stop).unwrap();
        let error = Lock::take(&path, dir.path(), Duration::ZERO, &stop).unwrap_err();
        let me = format!("process {}", std::process::id());
        assert!(matches!(error, Error::Locked { holder, .. } if holder == me));
        assert_eq!(held(&path), Some(me));
        drop(first);
        assert_eq!(held(&path), None);
        Lock::take(&path, dir.path(), Duration::ZERO, &stop).unwrap();
    }

    #[test]
    fn a_lock_ends_though_a_child_has_its_descriptor() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let stop = AtomicBool::new(false);
        let lock = Lock::take(&path, dir.path(), Duration::ZERO, &stop).unwrap();
        let inherited = lock.file.try_clone().unwrap();
        drop(lock);
        assert_eq!(held(&path), None);
        drop(inherited);
    }
}
