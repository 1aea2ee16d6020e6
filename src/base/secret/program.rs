//! Running a program that prints a secret: bounded in time, its output kept to ourselves.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{SecretLine, expand_home, fault, first_lines};
use crate::base::child;
use crate::base::error::{Result, words};

/// How long a program may take to print a secret; a person may have to unlock a store.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// The same where nobody is there to unlock one.
const ALONE_LIMIT: Duration = Duration::from_secs(10);

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
        asks: bool,
        limit: Duration,
    ) -> Result<SecretLine> {
        run(self.command(what, home)?, what, asks, (limit, 1))
    }

    /// The same with the first lines of what it printed, at most so many.
    pub(super) fn first_lines(
        &self,
        what: &str,
        home: Option<&Path>,
        asks: bool,
        lines: usize,
    ) -> Result<SecretLine> {
        run(self.command(what, home)?, what, asks, (LIMIT, lines))
    }

    /// The same with as little around it as cron gives: no terminal, no session, and
    /// of the environment only home and a plain search path.
    pub(super) fn first_line_alone(&self, what: &str, home: Option<&Path>) -> Result<SecretLine> {
        let mut command = self.command(what, home)?;
        command.env_clear().env("PATH", "/usr/bin:/bin");
        if let Some(home) = home {
            command.env("HOME", home).current_dir(home);
        }
        run(command, what, false, (ALONE_LIMIT, 1))
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
    asks: bool,
    (limit, lines): (Duration, usize),
) -> Result<SecretLine> {
    command.stdout(Stdio::piped());
    if !asks {
        // Without a person to answer, the program gets a group of its own, so that all of
        // it can be ended. With one it stays in ours, else it could not use the terminal.
        command.stdin(Stdio::null()).process_group(0);
    }
    let deadline = Instant::now() + limit;
    let cannot_run = |error: io::Error| fault(format!("cannot run {what}: {}", words(&error)));
    let mut child = command.spawn().map_err(cannot_run)?;
    let pipe = child.stdout.take().expect("stdout was made a pipe");
    let line = lines_of(BufReader::new(pipe), lines).and_then(|line| {
        let left = deadline.saturating_duration_since(Instant::now());
        match line.recv_timeout(left) {
            Ok(line) => line,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    });
    match line.and_then(|line| Ok((line, child::wait(&mut child, deadline)?))) {
        Ok((line, status)) if status.success() => Ok(line),
        Ok((_, status)) => Err(fault(format!("{what} {}", child::ended(status)))),
        Err(error) => {
            stop(&mut child, asks);
            Err(if error.kind() == io::ErrorKind::TimedOut {
                fault(format!(
                    "{what} did not finish within {} s",
                    limit.as_secs()
                ))
            } else {
                cannot_run(error)
            })
        }
    }
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

    use super::*;

    #[test]
    fn a_hanging_command_is_ended() {
        let closes_early = Program::Shell("echo x; exec >&-; sleep 30".into());
        for program in [
            Program::Argv(vec!["sleep".into(), "30".into()]),
            closes_early,
        ] {
            for asks in [false, true] {
                let error = program.first_line("it", None, asks, Duration::from_millis(50));
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
        let limit = Duration::from_millis(200);
        Program::Shell(line)
            .first_line("it", None, false, limit)
            .unwrap_err();
        thread::sleep(Duration::from_millis(1500));
        assert!(!outlived.exists());
    }
}
