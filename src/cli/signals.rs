//! Ctrl-C and SIGTERM: the first asks the run to end in order, the second ends it at once.
//! At a question the first does, since nothing is under way that could end in order.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use mailvault::base::error::ErrorKind;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::output::Output;

/// The question that waits for an answer, if one does: how the terminal was before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question(Arc<Mutex<Option<Termios>>>);

impl Question {
    /// Asks it.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce() -> T) -> T {
        *self.lock() = tcgetattr(io::stdin()).ok();
        let answer = ask();
        *self.lock() = None;
        answer
    }

    /// Takes it back, and gives the terminal its echo again; false if there is none.
    fn withdraw(&self) -> bool {
        let Some(before) = self.lock().take() else {
            return false;
        };
        // The program ends next, so that nobody could act on a failure.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        let _ = io::stderr().write_all(b"\n");
        true
    }

    fn lock(&self) -> MutexGuard<'_, Option<Termios>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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

    /// The exit code of a run, where an interrupted one tells the signal.
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
