//! Whether a new connection is made after one that failed, and when. The one rule of pull,
//! purge and upload.
//!
//! Before the first session of a run has signed in, nothing is tried again: somebody should
//! look, and a server that hangs up there may be refusing the password. A refused login is
//! never tried again.

use std::time::Duration;

use super::error::{Error, ErrorKind};

/// Pauses before a new connection, in seconds; the last one also before every later one.
const PAUSES: [u64; 3] = [1, 5, 15];

/// Longest pause that a server may ask for.
#[cfg(feature = "offsite")]
const LONGEST_REQUEST: Duration = Duration::from_secs(300);

/// The failures of a run in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry {
    /// New connections in a row without progress, at most.
    most: u32,
    failures: u32,
    signed_in: bool,
}

impl Retry {
    /// Up to this many new connections in a row without progress.
    #[must_use]
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most,
            failures: 0,
            signed_in: false,
        }
    }

    /// To be called once a session of the run has signed in.
    pub(crate) fn signed_in(&mut self) {
        self.signed_in = true;
    }

    /// To be called when a session brought something.
    pub(crate) fn progressed(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row so far.
    #[must_use]
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// How long to wait before asking what became of a deletion that was not confirmed. That is always
    /// asked, and is no further try: no message is asked for more than twice.
    #[must_use]
    pub(crate) fn after_unconfirmed_deletion(&self) -> Duration {
        self.pause()
    }

    /// The pause before the next failure's new connection.
    fn pause(&self) -> Duration {
        Duration::from_secs(PAUSES[(self.failures as usize).min(PAUSES.len() - 1)])
    }

    /// How long to wait before a new connection after this failure; `None` to give up.
    pub(crate) fn after(&mut self, error: &Error) -> Option<Duration> {
        let passing = error.is_transient() || error.kind() == ErrorKind::Unreachable;
        if !self.signed_in || !passing || self.failures >= self.most {
            return None;
        }
        let pause = self.pause();
        self.failures += 1;
        Some(pause)
    }

    /// The same after a server said itself how long it wants to be left alone. That is no refusal
    /// of a login, so it counts before the first one, too.
    #[cfg(feature = "offsite")]
    pub(crate) fn after_request(&mut self, asked: Duration) -> Option<Duration> {
        if self.failures >= self.most {
            return None;
        }
        let pause = self.pause().max(asked.min(LONGEST_REQUEST));
        self.failures += 1;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Endpoint;

    fn server() -> Endpoint {
        Endpoint {
            host: "mail.example.org".to_owned(),
            port: 995,
        }
    }

    fn busy() -> Error {
        Error::Busy {
            server: server(),
            reply: "* BYE [UNAVAILABLE]".to_owned(),
        }
    }

    #[test]
    fn nothing_is_tried_again_before_the_first_login() {
        let mut retry = Retry::new(3);
        assert_eq!(retry.after(&busy()), None);
        retry.signed_in();
        assert_eq!(retry.after(&busy()), Some(Duration::from_secs(1)));
    }

    #[test]
    fn pauses_grow_until_there_is_progress_or_the_tries_are_used_up() {
        let mut retry = Retry::new(4);
        retry.signed_in();
        let seconds = |retry: &mut Retry| retry.after(&busy()).map(|pause| pause.as_secs());
        let first: Vec<_> = (0..5).map(|_| seconds(&mut retry)).collect();
        assert_eq!(first, [Some(1), Some(5), Some(15), Some(15), None]);
        retry.progressed();
        assert_eq!(seconds(&mut retry), Some(1));
    }

    #[cfg(feature = "offsite")]
    #[test]
    fn a_server_may_ask_for_a_longer_pause_but_not_for_an_endless_one() {
        let mut retry = Retry::new(3);
        let asked = [0, 20, 86_400, 1].map(Duration::from_secs);
        let pauses = asked.map(|asked| retry.after_request(asked).map(|pause| pause.as_secs()));
        assert_eq!(pauses, [Some(1), Some(20), Some(300), None]);
    }

    #[test]
    fn a_refused_login_is_never_tried_again() {
        let mut retry = Retry::new(4);
        retry.signed_in();
        let refused = Error::Auth {
            server: server(),
            user: "ann".to_owned(),
            reply: "-ERR no".to_owned(),
            certain: true,
            scram: false,
        };
        assert_eq!(retry.after(&refused), None);
    }
}
