//! Running other programs: waited for as long as they may take, and ended with all that they
//! started.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Waits for the end of a program.
///
/// # Errors
/// `TimedOut` if it still runs then, `Interrupted` if it does when `is_stopped` says so.
pub(crate) fn wait(
    child: &mut Child,
    deadline: Instant,
    is_stopped: &dyn Fn() -> bool,
) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if is_stopped() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a program that leads a group of its own, and all of the group. It may be gone already.
pub(crate) fn end_group(child: &Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

/// How it ended, after its name.
pub(crate) fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}
