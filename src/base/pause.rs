//! Waiting that a user can end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result};

/// How often the wish to stop is looked for.
const STEP: Duration = Duration::from_millis(50);

/// Waits until a moment; ends early, with an error, if `is_stopped` says so.
pub(crate) fn pause(until: Instant, is_stopped: &dyn Fn() -> bool) -> Result<()> {
    while Instant::now() < until {
        if is_stopped() {
            return Err(Error::Interrupted);
        }
        std::thread::sleep(STEP.min(until.saturating_duration_since(Instant::now())));
    }
    Ok(())
}

/// True if the run is to end.
#[must_use]
pub(crate) fn is_set(stop: &AtomicBool) -> bool {
    stop.load(Ordering::Relaxed)
}
