//! Ctrl-C and SIGTERM: the first asks the run to end in order, the second ends it at once.
//! At a question the first does, since nothing is under way that could end in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;

use mailvault::base::error::ErrorKind;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::output::Output;

/// What came in so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    /// Set when the run is to end.
    pub(crate) flag: Arc<AtomicBool>,
    signal: Arc<AtomicI32>,
}

impl Stop {
    /// Watches from now on. If the system will not have it, signals end the program as ever,
    /// which the vault outlives as well.
    pub(crate) fn watch(out: &Output, words: &'static str) -> Self {
        let stop = Self::default();
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
            return stop;
        };
        let seen = stop.clone();
        let question = out.question.clone();
        let screen = (!out.json || out.verbose > 0).then(|| out.screen.clone());
        thread::spawn(move || {
            for signal in signals.forever() {
                if seen.flag.swap(true, Ordering::SeqCst) || question.withdraw() {
                    std::process::exit(128 + signal);
                }
                seen.signal.store(signal, Ordering::SeqCst);
                if let Some(screen) = &screen {
                    screen.say(words);
                }
            }
        });
        stop
    }

    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// The exit code of a run, where that of an interrupted run names the signal.
    pub(crate) fn exit_code(&self, code: u8) -> u8 {
        let interrupted = code == ErrorKind::Interrupted.exit_code();
        match u8::try_from(self.signal.load(Ordering::SeqCst)) {
            Ok(signal) if interrupted && signal > 0 => 128 + signal,
            _ => code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_told_by_the_exit_code_of_an_interrupted_run_only() {
        let stop = Stop::default();
        stop.signal.store(SIGTERM, Ordering::SeqCst);
        assert_eq!([0, 3, 130].map(|code| stop.exit_code(code)), [0, 3, 143]);
    }
}
