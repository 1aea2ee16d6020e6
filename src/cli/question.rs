//! The question that waits for an answer at a terminal, so that a signal can take it back; also any
//! other wait in which nothing is under way that could end in order.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex};

use mailvault::base::sync::lock;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// What waits for somebody, if anything does: how the terminal was before it, if there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question(Arc<Mutex<Option<PersonWait>>>);

#[derive(Debug)]
struct PersonWait {
    terminal: Option<Termios>,
}

impl Question {
    /// Asks it.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce() -> T) -> T {
        *lock(&self.0) = Some(PersonWait {
            terminal: tcgetattr(io::stdin()).ok(),
        });
        let answer = ask();
        *lock(&self.0) = None;
        answer
    }

    /// Takes it back, and gives the terminal its echo again; false if there is none.
    pub(super) fn withdraw(&self) -> bool {
        let Some(before) = lock(&self.0).take() else {
            return false;
        };
        if let Some(before) = before.terminal {
            // The program ends next, so that nobody could act on a failure.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            let _ = io::stderr().write_all(b"\n");
        }
        true
    }
}
