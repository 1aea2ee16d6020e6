//! Running a program that is told something: bounded in time, whatever it does with its pipes.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::NotifyFault;
use crate::base::child;
use crate::base::error::{Error, Result};

/// Bytes of what a program says that are kept.
const KEPT: u64 = 512;
/// How long the last words of a program that has ended may take to arrive. What it started may
/// have its stderr for ever.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(super) fn run(
    mut command: Command,
    input: Vec<u8>,
    limit: Duration,
) -> Result<(), NotifyFault> {
    let deadline = Instant::now() + limit;
    // With --json stdout is ours. A group of its own lets all of it be ended.
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0);
    let name = command.get_program().to_owned();
    let cannot_run = |error| NotifyFault::Run(Error::file("run", Path::new(&name), error));
    let mut child = command.spawn().map_err(cannot_run)?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may read nothing, or not all: that is its own business.
        thread::spawn(move || stdin.write_all(&input));
    }
    let said = child.stderr.take().map(beginning_of);
    let ended = child::wait(&mut child, deadline, &|| false);
    if ended.is_err() {
        child::end_group(&child);
        let _ = child.kill();
        let _ = child.wait();
    }
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(NotifyFault::Ended {
            how: child::ended(status),
            said: said.as_ref().map_or_else(String::new, last_words),
        }),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(NotifyFault::TimedOut),
        Err(error) => Err(cannot_run(error)),
    }
}

/// The beginning of what is said. All of it is read, so that a program that says much can end.
fn beginning_of(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let read = pipe.by_ref().take(KEPT).read_to_end(&mut kept);
        // Nobody listens any more once the time is over.
        let _ = sender.send(kept);
        if read.is_ok() {
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
    });
    receiver
}

fn last_words(said: &Receiver<Vec<u8>>) -> String {
    let bytes = said.recv_timeout(LAST_WORDS).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        command
    }

    #[test]
    fn a_program_gets_all_that_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("told");
        let input = vec![b'x'; 1_000_000];
        run(sh(&format!("cat >{}", path.display())), input.clone(), LONG).unwrap();
        assert!(std::fs::read(path).unwrap() == input);
    }

    #[test]
    fn what_hangs_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let outlived = folder.path().join("outlived");
        let line = format!("sh -c 'sleep 1; touch {}' & sleep 60", outlived.display());
        let fault = run(sh(&line), Vec::new(), Duration::from_millis(200)).unwrap_err();
        assert!(matches!(fault, NotifyFault::TimedOut), "{fault:?}");
        thread::sleep(Duration::from_millis(1500));
        assert!(!outlived.exists());
    }

    #[test]
    fn a_program_may_read_nothing_of_much() {
        for line in ["exec <&-", "true", "head -c 1 >/dev/null"] {
            run(sh(line), vec![b'x'; 1_000_000], LONG).unwrap();
        }
    }

    #[test]
    fn a_program_may_say_much() {
        run(sh("yes | head -c 100000000"), Vec::new(), LONG).unwrap();
        let line = "yes oops | head -c 100000000 >&2; exit 3";
        let NotifyFault::Ended { how, said } = run(sh(line), Vec::new(), LONG).unwrap_err() else {
            panic!("another fault");
        };
        assert_eq!(how, "failed with exit status 3");
        assert!(
            said.starts_with("oops\noops") && said.len() <= 512,
            "{said}"
        );
    }

    #[test]
    fn what_a_program_leaves_running_keeps_nobody() {
        run(sh("sleep 60 &"), vec![b'x'; 1_000_000], LONG).unwrap();
        let fault = run(sh("sleep 60 & exit 1"), Vec::new(), LONG).unwrap_err();
        assert!(matches!(fault, NotifyFault::Ended { .. }), "{fault:?}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let fault = run(Command::new("/none/such"), Vec::new(), LONG).unwrap_err();
        let NotifyFault::Run(error) = fault else {
            panic!("{fault:?}");
        };
        assert_eq!(error.to_string(), "cannot run /none/such");
    }
}
