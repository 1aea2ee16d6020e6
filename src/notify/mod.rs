//! Telling somebody how a run ended: a program that gets a summary, and an address that is called.
//!
//! What goes wrong here never changes what became of the run.

mod command;
mod streak;

use std::path::Path;
use std::time::Duration;

use crate::account::config::PingUrl;
use crate::base::error::{Error, Result};
use crate::base::secret::Program;
use crate::net::http::{self, HttpFault};

pub use streak::{Streak, StreakFile};

/// Longest that a program or an address may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Why somebody was not told.
#[derive(Debug)]
pub enum NotifyFault {
    /// The program could not be run.
    Run(Error),
    /// It still ran when its time was over, and was ended.
    TimedOut,
    /// It failed.
    Ended {
        /// How, after its name.
        how: String,
        /// The beginning of what it said of that.
        said: String,
    },
    /// The address gave no answer.
    NoAnswer {
        /// Scheme, host and port.
        server: String,
        /// Why.
        reason: String,
    },
    /// It answered that this is not its address.
    Refused {
        /// Scheme, host and port.
        server: String,
        /// The HTTP status.
        status: u16,
    },
}

/// Runs a program that gets `input` on its standard input.
pub fn run(
    program: &Program,
    key: &str,
    home: Option<&Path>,
    input: Vec<u8>,
) -> Result<(), NotifyFault> {
    let command = program.command(key, home).map_err(NotifyFault::Run)?;
    command::run(command, input, LIMIT)
}

/// Calls an address.
pub fn ping(url: &PingUrl, failed: bool) -> Result<(), NotifyFault> {
    let server = || url.server().to_owned();
    match http::call(&url.address(failed), LIMIT) {
        Ok(200..300) => Ok(()),
        Ok(status) => Err(NotifyFault::Refused {
            server: server(),
            status,
        }),
        Err(HttpFault { reason, .. }) => Err(NotifyFault::NoAnswer {
            server: server(),
            reason,
        }),
    }
}
