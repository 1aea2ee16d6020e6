//! The current session: how far it got before it ended, and what it leaves for another one.

use crate::mail::source::Listing;

/// What a session that went well leaves for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextSession {
    /// Nothing.
    Nothing,
    /// Perhaps messages that were not listed.
    Unlisted,
    /// Messages whose bytes are in doubt.
    Doubtful,
}

/// How far the session at hand came.
#[derive(Debug, Default)]
pub(super) struct PullSession {
    /// True once it has signed in.
    pub(super) signed_in: bool,
    /// True once it has asked for messages.
    pub(super) in_transfer: bool,
    /// The message that was asked for last.
    pub(super) last: Option<Listing>,
    /// True if messages have no usable name: the next session begins with the first again.
    pub(super) nameless: bool,
    /// The most messages that one session of this run received.
    furthest: u64,
}

impl PullSession {
    /// Begins a new one.
    pub(super) fn begin(&mut self) {
        self.signed_in = false;
        self.in_transfer = false;
        self.last = None;
    }

    /// True if it got further than those before it, having received this many messages.
    pub(super) fn came_further(&mut self, received: u64) -> bool {
        let before = if self.nameless { self.furthest } else { 0 };
        self.furthest = self.furthest.max(received);
        received > before
    }
}
