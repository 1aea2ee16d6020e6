//! The folders of one account that wait to be brought up to date, for one or more connections.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use super::checkpoint::Remembered;
use crate::base::sync::lock;
use crate::net::imap::Mailbox;

/// A folder to be looked into.
#[derive(Debug, Clone)]
pub(super) struct FolderJob<'m> {
    pub(super) mailbox: &'m Mailbox,
    pub(super) dir: String,
    pub(super) remembered: Option<Remembered>,
    /// True if another connection was refused it.
    for_first: bool,
}

impl<'m> FolderJob<'m> {
    pub(super) fn new(mailbox: &'m Mailbox, dir: String) -> Self {
        Self {
            mailbox,
            dir,
            remembered: None,
            for_first: false,
        }
    }
}

/// The folders that nobody is working on.
pub(super) struct FolderQueue<'m> {
    waiting: Mutex<Waiting<'m>>,
    changed: Condvar,
}

struct Waiting<'m> {
    jobs: VecDeque<FolderJob<'m>>,
    /// Folders that are being worked on.
    held: usize,
}

/// A folder that is being worked on. When it is dropped, it is done.
pub(super) struct HeldFolder<'q, 'm> {
    queue: &'q FolderQueue<'m>,
    pub(super) job: FolderJob<'m>,
}

impl<'m> FolderQueue<'m> {
    pub(super) fn of(jobs: Vec<FolderJob<'m>>) -> Self {
        let jobs = jobs.into();
        Self {
            waiting: Mutex::new(Waiting { jobs, held: 0 }),
            changed: Condvar::new(),
        }
    }

    /// The next folder. The first connection waits for what others are working on: they may
    /// put it back.
    pub(super) fn next(&self, first: bool) -> Option<HeldFolder<'_, 'm>> {
        let mut waiting = lock(&self.waiting);
        loop {
            let mut jobs = waiting.jobs.iter();
            let at = jobs.position(|job| first || !job.for_first);
            if let Some(job) = at.and_then(|at| waiting.jobs.remove(at)) {
                waiting.held += 1;
                return Some(HeldFolder { queue: self, job });
            }
            if !first || waiting.held == 0 {
                return None;
            }
            let woken = self.changed.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.waiting).jobs.is_empty()
    }

    pub(super) fn clear(&self) {
        lock(&self.waiting).jobs.clear();
    }
}

impl HeldFolder<'_, '_> {
    /// Leaves the folder to others.
    pub(super) fn put_back(self, for_first: bool) {
        let mut job = self.job.clone();
        job.for_first |= for_first;
        lock(&self.queue.waiting).jobs.push_back(job);
    }
}

impl Drop for HeldFolder<'_, '_> {
    fn drop(&mut self) {
        lock(&self.queue.waiting).held -= 1;
        self.queue.changed.notify_all();
    }
}
