//! A BLAKE3 hash that is fed in small spans: it hashes in blocks of 16 KiB, because BLAKE3 is slow
//! on a few bytes at a time.

use super::Hash128;

const BLOCK: usize = 16 << 10;

pub(super) struct Spool {
    hasher: blake3::Hasher,
    block: Vec<u8>,
}

impl Spool {
    pub(super) fn new() -> Self {
        Self {
            hasher: blake3::Hasher::new(),
            block: Vec::with_capacity(BLOCK),
        }
    }

    /// Appends `bytes` to what is hashed.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if bytes.len() < BLOCK - self.block.len() {
            self.block.extend_from_slice(bytes);
        } else {
            self.push_through(bytes);
        }
    }

    /// Hashes whole blocks only: BLAKE3 uses its widest code for aligned powers of two.
    #[cold]
    fn push_through(&mut self, mut bytes: &[u8]) {
        while bytes.len() >= BLOCK - self.block.len() {
            let (now, later) = bytes.split_at(BLOCK - self.block.len());
            self.block.extend_from_slice(now);
            self.hasher.update(&self.block);
            self.block.clear();
            bytes = later;
        }
        self.block.extend_from_slice(bytes);
    }

    /// The state so far, to come back to with [`Spool::restore`].
    pub(super) fn save(&mut self) -> Box<blake3::Hasher> {
        self.hasher.update(&self.block);
        self.block.clear();
        Box::new(self.hasher.clone())
    }

    /// Forgets everything pushed since `saved`.
    pub(super) fn restore(&mut self, saved: Box<blake3::Hasher>) {
        self.hasher = *saved;
        self.block.clear();
    }

    /// The hash of all that was pushed; the spool is then empty.
    pub(super) fn finish(&mut self) -> Hash128 {
        self.hasher.update(&self.block);
        let hash = Hash128::cut(self.hasher.finalize());
        self.block.clear();
        self.hasher.reset();
        hash
    }
}
