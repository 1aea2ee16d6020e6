//! Running a program that prints a secret: bounded in time, its output kept to ourselves.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{SecretLine, expand_home, fault, first_lines};
use crate::base::child;
use crate::base::error::{Error, Result, words};
use crate::base::pause::is_set;

/// How long a program may take to print a secret; a person may have to unlock a store.
const LIMIT: Duration = Duration::from_secs(60);

/// The same where nobody is there to unlock one.
const ALONE_LIMIT: Duration = Duration::from_secs(10);

/// How often the wish to stop is looked for while a program prints nothing.
const STEP: Duration = Duration::from_millis(50);

/// How a program is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProgramWait<'a> {
    /// Somebody sits at the terminal, which the program may use.
    pub(super) asks: bool,
    pub(super) limit: Duration,
    /// Set when nobody wants the secret any more.
    pub(super) stop: &'a AtomicBool,
}

impl<'a> ProgramWait<'a> {
    /// The usual wait.
    pub(super) fn new(asks: bool, stop: &'a AtomicBool) -> Self {
        Self {
            asks,
            limit: LIMIT,
            stop,
        }
    }
}

/// A program that prints a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A line for `sh -c`.
    Shell(String),
    /// A program and its arguments, run directly; a leading `~/` in any of them is the home.
    Argv(Vec<String>),
}

impl Program {
    /// Runs a program and returns the first line it printed, if it succeeded in time.
    pub(super) fn first_line(
        &self,
        what: &str,
        home: Option<&Path>,
        wait: ProgramWait<'_>,
    ) -> Result<SecretLine> {
        run(self.command(what, home)?, what, wait, 1)
    }

    /// The same with the first lines of what it printed, at most so many.
    pub(super) fn first_lines(
        &self,
        what: &str,
        home: Option<&Path>,
        wait: ProgramWait<'_>,
        lines: usize,
    ) -> Result<SecretLine> {
        run(self.command(what, home)?, what, wait, lines)
    }

    /// The same with as little around it as cron gives: no terminal, no session, and
    /// of the environment only home and a plain search path.
    pub(super) fn first_line_alone(
        &self,
        what: &str,
        home: Option<&Path>,
        stop: &AtomicBool,
    ) -> Result<SecretLine> {
        let mut command = self.command(what, home)?;
        command.env_clear().env("PATH", "/usr/bin:/bin");
        if let Some(home) = home {
            command.env("HOME", home).current_dir(home);
        }
        let wait = ProgramWait {
            asks: false,
            limit: ALONE_LIMIT,
            stop,
        };
        run(command, what, wait, 1)
    }

    /// The program, ready to run; `what` is what people call it.
    pub(crate) fn command(&self, what: &str, home: Option<&Path>) -> Result<Command> {
        match self {
            Self::Shell(line) => {
                let mut command = Command::new("sh");
                command.arg("-c").arg(line);
                Ok(command)
            }
            Self::Argv(words) => {
                let mut paths = Vec::with_capacity(words.len());
                for word in words {
                    paths.push(expand_home(word, home).ok_or_else(|| {
                        fault(format!(
                            "{what} has a \"~\", but no home directory is known"
                        ))
                    })?);
                }
                let Some((name, arguments)) = paths.split_first() else {
                    return Err(fault(format!("{what} is an empty list")));
                };
                let mut command = Command::new(name);
                command.args(arguments);
                Ok(command)
            }
        }
    }
}

/// Runs a command and returns the first lines it printed, at most so many, if it succeeded in time.
fn run(
    mut command: Command,
    what: &str,
    wait: ProgramWait<'_>,
    lines: usize,
) -> Result<SecretLine> {
    if is_set(wait.stop) {
        return Err(Error::Interrupted);
    }
    command.stdout(Stdio::piped());
    if !wait.asks {
        // Without a person to answer, the program gets a group of its own, so that all of
        // it can be ended. With one it stays in ours, else it could not use the terminal.
        command.stdin(Stdio::null()).process_group(0);
    }
    let deadline = Instant::now() + wait.limit;
    let cannot_run = |error: io::Error| fault(format!("cannot run {what}: {}", words(&error)));
    let mut child = command.spawn().map_err(cannot_run)?;
    let pipe = child.stdout.take().expect("stdout was made a pipe");
    let line = lines_of(BufReader::new(pipe), lines)
        .and_then(|line| receive(&line, deadline, wait.stop))
        .and_then(|line| {
            let status = child::wait(&mut child, deadline, &|| is_set(wait.stop))?;
            Ok((line, status))
        });
    match line {
        Ok((line, status)) if status.success() => Ok(line),
        // In our group it gets the Ctrl-C as well, and may end before we know of it.
        Ok((_, status)) if is_set(wait.stop) || was_interrupted(status) => Err(Error::Interrupted),
        Ok((_, status)) => Err(fault(format!("{what} {}", child::ended(status)))),
        Err(error) => {
            stop(&mut child, wait.asks);
            Err(match error.kind() {
                io::ErrorKind::Interrupted => Error::Interrupted,
                io::ErrorKind::TimedOut => fault(format!(
                    "{what} did not finish within {} s",
                    wait.limit.as_secs()
                )),
                _ => cannot_run(error),
            })
        }
    }
}

/// The lines that a program printed, unless the time is over or nobody wants them any more.
fn receive(
    lines: &mpsc::Receiver<io::Result<SecretLine>>,
    deadline: Instant,
    stop: &AtomicBool,
) -> io::Result<SecretLine> {
    loop {
        if is_set(stop) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left.min(STEP)) {
            Ok(lines) => return lines,
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

fn was_interrupted(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::INT.as_raw())
}

/// Reads the first lines on a thread of its own, so that waiting for them can end, and then
/// drains the rest, so that the program does not fail on a closed pipe.
fn lines_of(
    mut reader: impl BufRead + Send + 'static,
    lines: usize,
) -> io::Result<mpsc::Receiver<io::Result<SecretLine>>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        // Nobody listens any more once the time is over.
        let _ = sender.send(first_lines(&mut reader, lines));
        let _ = io::copy(&mut reader, &mut io::sink());
    })?;
    Ok(receiver)
}

/// Ends the program, and in its own group all that it started. It may be gone already.
fn stop(child: &mut Child, asks: bool) {
    if !asks {
        child::end_group(child);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn a_hanging_command_is_ended() {
        let closes_early = Program::Shell("echo x; exec >&-; sleep 30".into());
        for program in [
            Program::Argv(vec!["sleep".into(), "30".into()]),
            closes_early,
        ] {
            for asks in [false, true] {
                let wait = ProgramWait {
                    asks,
                    limit: Duration::from_millis(50),
                    stop: &AtomicBool::new(false),
                };
                let error = program.first_line("it", None, wait);
                assert_eq!(
                    error.unwrap_err().to_string(),
                    "it did not finish within 0 s"
                );
            }
        }
    }

    #[test]
    fn what_a_hanging_command_started_is_ended_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let outlived = folder.path().join("outlived");
        let line = format!("sh -c 'sleep 1; touch {}'; true", outlived.display());
        let wait = ProgramWait {
            asks: false,
            limit: Duration::from_millis(200),
            stop: &AtomicBool::new(false),
        };
        Program::Shell(line)
            .first_line("it", None, wait)
            .unwrap_err();
        thread::sleep(Duration::from_millis(1500));
        assert!(!outlived.exists());
    }

    #[test]
    fn nobody_waits_for_a_command_after_a_signal() {
        let hangs = Program::Argv(vec!["sleep".into(), "30".into()]);
        let closes_early = Program::Shell("echo x; exec >&-; sleep 30".into());
        let is_ended = Program::Shell("kill -INT $$".into());
        for asks in [false, true] {
            for program in [&hangs, &closes_early] {
                let stop = AtomicBool::new(false);
                let error = thread::scope(|scope| {
                    scope.spawn(|| {
                        thread::sleep(Duration::from_millis(100));
                        stop.store(true, Ordering::Relaxed);
                    });
                    program.first_line("it", None, ProgramWait::new(asks, &stop))
                });
                assert!(matches!(error, Err(Error::Interrupted)), "{error:?}");
            }
            let stop = AtomicBool::new(false);
            let error = is_ended.first_line("it", None, ProgramWait::new(asks, &stop));
            assert!(matches!(error, Err(Error::Interrupted)), "{error:?}");
        }
    }

    #[test]
    fn after_a_signal_no_command_is_started() {
        let folder = tempfile::tempdir().unwrap();
        let started = folder.path().join("started");
        let touch = Program::Shell(format!("touch {}", started.display()));
        let stop = AtomicBool::new(true);
        let error = touch.first_line("it", None, ProgramWait::new(false, &stop));
        assert!(matches!(error, Err(Error::Interrupted)) && !started.exists());
    }
}
