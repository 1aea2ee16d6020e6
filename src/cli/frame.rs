//! What the commands that work on a server or a vault share: the first line for programs, the
//! progress of a run, and what becomes of a run that an error ended.

use mailvault::base::error::Error;
use mailvault::base::event::Events;
use serde_json::json;

use super::Done;
use super::output::Output;
use super::progress::Progress;
use super::report;
use super::signals::Stop;
use super::text::{now, rfc3339};

/// The first line for programs.
pub(crate) fn start(out: &Output, command: &str, accounts: &[String]) {
    let time = rfc3339(now().timestamp());
    let line = json!({"command": command, "time": time, "accounts": accounts});
    out.json("start", line, true);
}

/// Runs something whose progress is shown, under these names, until it ends.
pub(crate) fn with_progress<'n, T>(
    out: &Output,
    names: impl IntoIterator<Item = &'n str>,
    run: impl FnOnce(Events<'_>) -> T,
) -> T {
    let mut progress = Progress::new(out, names.into_iter());
    let done = run(&mut |event| progress.event(&event));
    progress.clear();
    done
}

/// Reports the error that ended a run, of one account or of the whole.
pub(crate) fn failed(out: &Output, stop: &Stop, error: &Error, account: Option<&str>) -> Done {
    report::print(out, error, account);
    Done::new(stop.exit_code(error.kind().exit_code()), json!({}))
}
