//! How far a transfer from or to a place is, as an event of a run.

use mailvault::base::event::{Events, RunEvent};
use mailvault::offsite::CopyProgress;

/// Passes on how far a transfer is.
pub(super) struct CopyMeter<'n, 'e> {
    name: &'n str,
    events: Events<'e>,
    /// The bytes and messages to come, as they were said last.
    to_come: (u64, u64),
}

impl<'n, 'e> CopyMeter<'n, 'e> {
    pub(super) fn new(name: &'n str, events: Events<'e>) -> Self {
        Self {
            name,
            events,
            to_come: (0, 0),
        }
    }

    pub(super) fn tell(&mut self, so_far: CopyProgress) {
        let account = self.name;
        (self.events)(RunEvent::Progress {
            account,
            messages: so_far.messages,
            octets: so_far.bytes,
        });
        let to_come = (so_far.total, so_far.wanted);
        if to_come != self.to_come {
            self.to_come = to_come;
            // After what has passed, to which it is added.
            (self.events)(RunEvent::Listed {
                account,
                listed: 0,
                wanted: so_far.wanted.saturating_sub(so_far.messages),
                wanted_octets: so_far.total.saturating_sub(so_far.bytes),
            });
        }
    }
}
