//! One run of `rclone`: its output as it comes, and an end in time. It is in a group of its own,
//! so that Ctrl-C reaches it through us alone, and what it started ends with it.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::RcloneStore;
use crate::base::error::{Error, Result, StoreFault, words};
use crate::base::pause::is_set;

/// Bytes that are handed on at once.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait to be taken.
const AHEAD: usize = 4;
/// How often the wish to stop is looked for.
const TICK: Duration = Duration::from_millis(100);
/// Bytes of what it prints where that is no object.
const LONGEST: usize = 64 * 1024;
/// Bytes of a line of a list.
const LONGEST_LINE: u64 = 64 * 1024;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    NotThere,
    /// With this status, or by a signal.
    Badly(Option<i32>),
}

/// A run.
pub(super) struct RcloneRun<'s> {
    store: &'s RcloneStore,
    child: Child,
    chunks: Receiver<io::Result<Vec<u8>>>,
    rest: Vec<u8>,
    taken: usize,
    /// Longest silence.
    limit: Duration,
}

impl<'s> RcloneRun<'s> {
    pub(super) fn start(store: &'s RcloneStore, arguments: &[OsString]) -> Result<Self> {
        let program = &store.program.program;
        let no_program = |error: io::Error| {
            store.fault(StoreFault::NoProgram {
                program: program.display().to_string(),
                reason: words(&error),
            })
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Its words are not ours to pass on: they may name what a server sent.
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(no_program)?;
        let (sender, chunks) = sync_channel(AHEAD);
        if let Some(mut output) = child.stdout.take() {
            thread::spawn(move || {
                loop {
                    let mut chunk = vec![0; CHUNK];
                    let read = output.read(&mut chunk).map(|read| {
                        chunk.truncate(read);
                        chunk
                    });
                    let last = read.as_ref().map_or(true, Vec::is_empty);
                    if sender.send(read).is_err() || last {
                        break;
                    }
                }
            });
        }
        Ok(Self {
            store,
            child,
            chunks,
            rest: Vec::new(),
            taken: 0,
            limit: store.patience.limits().wire.reply + store.patience.limits().wire.connect,
        })
    }

    /// Allows it to be silent for so many seconds more.
    pub(super) fn allow(&mut self, seconds: u64) {
        self.limit += Duration::from_secs(seconds);
    }

    /// Everything that it prints, which is not much.
    pub(super) fn read_text(&mut self) -> Result<String> {
        let mut text = String::new();
        while let Some(line) = self.read_line()? {
            text.push_str(&line);
            if text.len() > LONGEST {
                return Err(self.store.garbled());
            }
        }
        Ok(text)
    }

    /// The next line.
    pub(super) fn read_line(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        let read = BufReader::with_capacity(1, &mut *self)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        if let Err(error) = read {
            return Err(error.downcast().unwrap_or_else(|_| self.store.garbled()));
        }
        if line.is_empty() {
            return Ok(None);
        }
        let line = String::from_utf8(line).map_err(|_| self.store.garbled())?;
        Ok(Some(line))
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Result<Ended> {
        self.wait()
    }

    /// Its output as the body of an object.
    pub(super) fn into_body(self) -> RcloneBody<'s> {
        RcloneBody(self)
    }

    fn wait(&mut self) -> Result<Ended> {
        let began = Instant::now();
        loop {
            let status = self.child.try_wait().map_err(|error| {
                self.store.fault(StoreFault::Garbled {
                    what: format!("rclone: {}", words(&error)),
                })
            })?;
            if let Some(status) = status {
                return Ok(match status.code() {
                    Some(0) => Ended::Well,
                    Some(3 | 4) => Ended::NotThere,
                    code => Ended::Badly(code),
                });
            }
            self.look(began)?;
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether there is still a reason to wait.
    fn look(&self, began: Instant) -> Result<()> {
        if is_set(&self.store.patience.limits().wire.stop) {
            return Err(Error::Interrupted);
        }
        if began.elapsed() > self.limit {
            let limit = self.limit.as_secs();
            return Err(self.store.fault(StoreFault::Silent { limit }));
        }
        Ok(())
    }

    fn refill(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            match self.chunks.recv_timeout(TICK) {
                Ok(Ok(chunk)) => {
                    self.rest = chunk;
                    self.taken = 0;
                    return Ok(());
                }
                Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                    self.rest.clear();
                    self.taken = 0;
                    return Ok(());
                }
                Err(RecvTimeoutError::Timeout) => self.look(began)?,
            }
        }
    }
}

impl Read for RcloneRun<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.rest.len() {
            self.refill().map_err(io::Error::other)?;
        }
        let rest = &self.rest[self.taken..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.taken += n;
        Ok(n)
    }
}

impl Drop for RcloneRun<'_> {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let group = rustix::process::Pid::from_child(&self.child);
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// The body of an object. That it ended is believed only of a run that ended well.
pub(super) struct RcloneBody<'s>(RcloneRun<'s>);

impl Read for RcloneBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        match self.0.wait().map_err(io::Error::other)? {
            Ended::Well => Ok(0),
            Ended::NotThere => Err(io::Error::other(self.0.store.garbled())),
            Ended::Badly(status) => Err(io::Error::other(self.0.store.failed(status))),
        }
    }
}
