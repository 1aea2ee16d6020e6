//! The one home of printing: what goes to stdout, what to stderr, and what is left out.
//!
//! Results go to stdout, everything else to stderr, past the progress bars. With `--json`
//! stdout carries JSON lines only, and stderr nothing unless `-v` asks for it. A reader
//! that closes stdout early (`| head`) is no failure: the rest is not printed, and the work
//! goes on to its orderly end.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};
use std::sync::{Mutex, MutexGuard};

use mailvault::base::sync::lock;

use serde_json::{Map, Value};

use super::args::{Global, When};
use super::question::Question;
use super::screen::Screen;
use super::settings::Surroundings;
use super::text::escape_json;

/// Where and how to print.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own.
pub(crate) struct Output {
    /// JSON lines instead of text.
    pub(crate) json: bool,
    /// No results of commands that change something, no notes.
    pub(crate) quiet: bool,
    /// How often `-v` was given.
    pub(crate) verbose: u8,
    /// Stdout is a terminal.
    pub(crate) out_terminal: bool,
    /// Stderr is a terminal that can show bars.
    pub(crate) err_terminal: bool,
    /// The terminal shows more than ASCII.
    pub(crate) utf8: bool,
    /// Progress is wanted.
    pub(crate) progress: bool,
    color_out: bool,
    color_err: bool,
    pub(crate) screen: Screen,
    pub(crate) question: Question,
    stdout: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    to: BufWriter<Stdout>,
    /// Why nothing more can be printed.
    broken: Option<ErrorKind>,
}

/// Words that colour may underline; it is never the only sign.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Bad = 31,
    Good = 32,
    Warn = 33,
}

impl Output {
    pub(crate) fn new(global: &Global, around: Surroundings) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let color = |terminal: bool| match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto if around.color_forced => true,
            When::Auto => terminal && !around.no_color && !around.dumb,
        };
        let err_terminal = err && !around.dumb;
        let progress = !global.no_progress && !global.quiet;
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            out_terminal: out,
            err_terminal,
            utf8: around.utf8,
            progress,
            color_out: color(out) && !global.json,
            color_err: color(err),
            screen: Screen::new(err_terminal && progress && !global.json, around.utf8),
            question: Question::default(),
            stdout: Mutex::new(Out {
                to: BufWriter::new(io::stdout()),
                broken: None,
            }),
        }
    }

    /// A line of the result for people.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            self.put(&[text.as_bytes(), b"\n"].concat(), self.out_terminal);
        }
    }

    /// Bytes of the result as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        self.put(bytes, false);
    }

    /// A JSON line, safe on a terminal; `value` must be an object. Shown at once if somebody may
    /// wait for it.
    pub(crate) fn json(&self, kind: &str, value: Value, at_once: bool) {
        if !self.json {
            return;
        }
        let mut line = Map::new();
        line.insert("v".into(), 1.into());
        line.insert("type".into(), kind.into());
        if let Value::Object(fields) = value {
            line.extend(fields);
        }
        let line = Value::Object(line).to_string();
        let line = [escape_json(&line).as_bytes(), b"\n"].concat();
        self.put(&line, at_once);
    }

    /// A message next to the result: error, warning, note.
    pub(crate) fn say(&self, text: &str) {
        if !self.json || self.verbose > 0 {
            self.screen.say(text);
        }
    }

    /// A label such as `error:` in its colour on stderr.
    pub(crate) fn label(&self, word: &str, tone: Tone) -> String {
        paint(word, tone, self.color_err)
    }

    /// A status word in its colour on stdout.
    pub(crate) fn word(&self, word: &str, tone: Tone) -> String {
        paint(word, tone, self.color_out)
    }

    /// True if nobody reads stdout any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.out().broken.is_some()
    }

    /// Writes out what is held back, since somebody may wait for it.
    pub(crate) fn flush(&self) {
        let mut out = self.out();
        if out.broken.is_none() {
            out.broken = out.to.flush().err().map(|error| error.kind());
        }
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// The first failure of any printing that was not a reader that went away.
    pub(crate) fn finish(&self) -> Result<(), ErrorKind> {
        self.flush();
        match self.out().broken {
            None | Some(ErrorKind::BrokenPipe) => Ok(()),
            Some(kind) => Err(kind),
        }
    }

    fn put(&self, bytes: &[u8], at_once: bool) {
        let write = || {
            let mut out = self.out();
            if out.broken.is_some() {
                return;
            }
            let mut done = out.to.write_all(bytes);
            if at_once && done.is_ok() {
                done = out.to.flush();
            }
            out.broken = done.err().map(|error| error.kind());
        };
        if self.out_terminal {
            self.screen.aside(write);
        } else {
            write();
        }
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        lock(&self.stdout)
    }
}

fn paint(word: &str, tone: Tone, color: bool) -> String {
    if color {
        format!("\x1b[1;{}m{word}\x1b[0m", tone as u8)
    } else {
        word.to_owned()
    }
}
