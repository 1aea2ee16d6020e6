//! Trying again where that may help, and stopping when the user asks for it. The pauses are those
//! of mail servers (`base/retry.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::base::error::{Error, Result, StoreFault};
use crate::base::pause::{is_set, pause};
use crate::base::retry::Retry;
use crate::net::transport::Limits;

/// How long a place may keep us waiting, and how fast it is sent to.
#[derive(Debug, Clone)]
pub struct StoreLimits {
    /// The limits of its connections, and the wish to stop.
    pub wire: Limits,
    /// New tries in a row without progress.
    pub retries: u32,
    /// Bytes a second, at most.
    pub rate: Option<u64>,
}

impl StoreLimits {
    /// The usual limits.
    #[must_use]
    pub fn new(stop: Arc<AtomicBool>) -> Self {
        Self {
            wire: Limits::new(Duration::from_secs(60), stop),
            retries: 3,
            rate: None,
        }
    }
}

/// Tries again as a run does with a mail server.
#[derive(Debug)]
pub struct Patience {
    limits: StoreLimits,
    /// True once the place has answered a request as it should.
    answered: AtomicBool,
}

impl Patience {
    pub(super) fn new(limits: StoreLimits) -> Self {
        Self {
            limits,
            answered: AtomicBool::new(false),
        }
    }

    pub(super) fn limits(&self) -> &StoreLimits {
        &self.limits
    }

    pub(super) fn check(&self) -> Result<()> {
        if is_set(&self.limits.wire.stop) {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// Tries something until it succeeds, or there is no point in another try.
    pub(super) fn run<T>(&self, mut once: impl FnMut() -> Result<T>) -> Result<T> {
        let mut retry = self.retry();
        loop {
            self.check()?;
            match once() {
                Ok(value) => {
                    self.answered.store(true, Ordering::Relaxed);
                    return Ok(value);
                }
                Err(error) => self.wait(&mut retry, error)?,
            }
        }
    }

    /// The tries of one request.
    pub(super) fn retry(&self) -> Retry {
        let mut retry = Retry::new(self.limits.retries);
        if self.answered.load(Ordering::Relaxed) {
            retry.signed_in();
        }
        retry
    }

    /// Waits before the next try, or gives the error back.
    pub(super) fn wait(&self, retry: &mut Retry, error: Error) -> Result<()> {
        let wait = match &error {
            Error::Store {
                fault: StoreFault::Busy { wait: Some(wait) },
                ..
            } => retry.after_request(Duration::from_secs(*wait)),
            _ => retry.after(&error),
        };
        let Some(wait) = wait else {
            return Err(error);
        };
        tracing::debug!("{error}; trying again in {} s", wait.as_secs());
        let stop = &self.limits.wire.stop;
        pause(Instant::now() + wait, &|| is_set(stop))
    }
}
