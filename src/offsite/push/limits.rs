//! How much one round of a push takes.

use std::time::Duration;

use crate::offsite::plan::PLAIN_LIMIT;

/// How much one round of a push takes; then a head follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct PushLimits {
    /// Messages that are put in order and packed together.
    pub(super) messages: usize,
    /// Their bytes.
    pub(super) round: u64,
    /// The time after which a head is written between two packs.
    pub(super) time: Duration,
    /// Fewer bytes of messages have no pack of their own.
    pub(super) inline: u64,
    /// Plain bytes of a pack.
    pub(super) pack: u64,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            messages: 1 << 16,
            round: 1 << 30,
            time: Duration::from_secs(600),
            inline: 1 << 20,
            pack: PLAIN_LIMIT,
        }
    }
}
