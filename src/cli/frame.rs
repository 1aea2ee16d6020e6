//! What the commands that work on a server or a vault share: the first line for programs, and
//! what becomes of a run that an error ended.

use mailvault::base::error::Error;
use serde_json::json;

use super::Done;
use super::output::Output;
use super::report;
use super::signals::Stop;
use super::text::{now, rfc3339};

/// The first line for programs.
pub(crate) fn start(out: &Output, command: &str, accounts: &[String]) {
    let time = rfc3339(now().timestamp());
    let line = json!({"command": command, "time": time, "accounts": accounts});
    out.json("start", line, true);
}

/// Reports the error that ended a run, of one account or of the whole.
pub(crate) fn failed(out: &Output, stop: &Stop, error: &Error, account: Option<&str>) -> Done {
    report::print(out, error, account);
    Done::new(stop.exit_code(error.kind().exit_code()), json!({}))
}
