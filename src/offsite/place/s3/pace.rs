//! Sending and receiving no faster than is allowed, and stopping in between.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::super::Patience;
use crate::base::error::Error;
use crate::base::pause::{is_set, pause};

/// Slows a reader down.
pub(super) struct Paced<'p, R> {
    reader: R,
    patience: &'p Patience,
    began: Instant,
    passed: u64,
}

impl<'p, R: Read> Paced<'p, R> {
    pub(super) fn new(reader: R, patience: &'p Patience) -> Self {
        Self {
            reader,
            patience,
            began: Instant::now(),
            passed: 0,
        }
    }
}

impl<R: Read> Read for Paced<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patience.check().map_err(io::Error::other)?;
        let limits = self.patience.limits();
        let Some(rate) = limits.rate.filter(|rate| *rate > 0) else {
            return self.reader.read(buffer);
        };
        // A tenth of a second's worth at once.
        let most = usize::try_from(rate / 10).unwrap_or(usize::MAX);
        let most = buffer.len().min(most.max(1));
        let read = self.reader.read(&mut buffer[..most])?;
        self.passed += read as u64;
        let due = Duration::from_millis(self.passed.saturating_mul(1_000) / rate);
        let stop = &limits.wire.stop;
        pause(self.began + due, &|| is_set(stop))
            .map_err(|error: Error| io::Error::other(error))?;
        Ok(read)
    }
}
