//! The question that waits for an answer at a terminal, so that a signal can take it back.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex};

use mailvault::base::sync::lock;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// The question that waits for an answer, if one does: how the terminal was before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question(Arc<Mutex<Option<Termios>>>);

impl Question {
    /// Asks it.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce() -> T) -> T {
        *lock(&self.0) = tcgetattr(io::stdin()).ok();
        let answer = ask();
        *lock(&self.0) = None;
        answer
    }

    /// Takes it back, and gives the terminal its echo again; false if there is none.
    pub(super) fn withdraw(&self) -> bool {
        let Some(before) = lock(&self.0).take() else {
            return false;
        };
        // The program ends next, so that nobody could act on a failure.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        let _ = io::stderr().write_all(b"\n");
        true
    }
}
