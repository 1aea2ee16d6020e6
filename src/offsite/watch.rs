//! How far a transfer is, said while the bytes of an object pass and not only at its end.

use std::cell::{Cell, RefCell};

/// Bytes that may pass before it is said again.
const STEP: u64 = 256 << 10;

/// How far a push, a check or a restore is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopyProgress {
    /// Messages that have arrived.
    pub messages: u64,
    /// Bytes that have passed: of objects, or of a push those of the messages in them.
    pub bytes: u64,
    /// The bytes that are to pass, as far as that is known; else 0.
    pub total: u64,
    /// The messages that are to arrive, as far as that is known; else 0.
    pub wanted: u64,
}

/// Counts what passes, and says so after every few bytes.
pub(super) struct CopyWatch<'w> {
    so_far: Cell<CopyProgress>,
    told: Cell<u64>,
    tell: RefCell<&'w mut dyn FnMut(CopyProgress)>,
}

impl<'w> CopyWatch<'w> {
    pub(super) fn new(tell: &'w mut dyn FnMut(CopyProgress)) -> Self {
        Self {
            so_far: Cell::default(),
            told: Cell::new(0),
            tell: RefCell::new(tell),
        }
    }

    pub(super) fn so_far(&self) -> CopyProgress {
        self.so_far.get()
    }

    /// More bytes are to pass than was known.
    pub(super) fn expect(&self, bytes: u64) {
        let mut so_far = self.so_far.get();
        so_far.total += bytes;
        self.so_far.set(so_far);
    }

    /// So many messages are to arrive.
    pub(super) fn want(&self, messages: u64) {
        let mut so_far = self.so_far.get();
        so_far.wanted = messages;
        self.so_far.set(so_far);
    }

    /// Bytes have passed.
    pub(super) fn pass(&self, bytes: u64) {
        self.reach(self.so_far.get().bytes + bytes);
    }

    /// So many bytes have passed in all; fewer than before if an object is sent once more.
    pub(super) fn reach(&self, bytes: u64) {
        let mut so_far = self.so_far.get();
        so_far.bytes = bytes.max(so_far.bytes);
        self.so_far.set(so_far);
        if so_far.bytes - self.told.get() >= STEP {
            self.say();
        }
    }

    /// So many messages have arrived in all.
    pub(super) fn count(&self, messages: u64) {
        let mut so_far = self.so_far.get();
        so_far.messages = messages;
        self.so_far.set(so_far);
    }

    /// Says how far it is now.
    pub(super) fn say(&self) {
        let so_far = self.so_far.get();
        self.told.set(so_far.bytes);
        // Whoever hears of it does not ask for more meanwhile.
        if let Ok(mut tell) = self.tell.try_borrow_mut() {
            tell(so_far);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_after_a_few_bytes_and_never_that_there_are_fewer() {
        let mut heard = Vec::new();
        let mut tell = |so_far: CopyProgress| heard.push((so_far.bytes, so_far.messages));
        let watch = CopyWatch::new(&mut tell);
        for _ in 0..1024 {
            watch.pass(1_000);
        }
        watch.count(2);
        watch.reach(5);
        watch.reach(1_500_000);
        watch.say();
        let step = STEP.next_multiple_of(1_000);
        let all = [
            (step, 0),
            (2 * step, 0),
            (3 * step, 0),
            (1_500_000, 2),
            (1_500_000, 2),
        ];
        assert_eq!(heard, all);
    }
}
