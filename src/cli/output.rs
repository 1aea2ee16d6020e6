//! The one home of printing: what goes to stdout, what to stderr, and what is left out.
//!
//! Results go to stdout, everything else to stderr, past the progress bars. With `--json`
//! stdout carries JSON lines only, and stderr nothing unless `-v` asks for it. A reader
//! that closes stdout early (`| head`) is no failure: the rest is not printed, and the work
//! goes on to its orderly end.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};
use std::path::Path;
use std::process::ChildStdin;
use std::sync::{Mutex, MutexGuard};

use mailvault::base::sync::lock;

use serde_json::{Map, Value};

use super::args::{Global, When};
use super::pager::{Pager, PagerFault};
use super::question::Question;
use super::screen::Screen;
use super::settings::{Pagers, Surroundings};
use super::text::{escape, escape_json, file_url};

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
    columns: usize,
    pageable: bool,
    pub(crate) screen: Screen,
    pub(crate) question: Question,
    stdout: Mutex<Out>,
    errors: Mutex<Vec<Value>>,
}

#[derive(Debug)]
struct Out {
    to: BufWriter<Sink>,
    paging: Option<Paging>,
    /// Why nothing more can be printed.
    broken: Option<ErrorKind>,
}

/// A result that a pager shows.
#[derive(Debug)]
struct Paging {
    /// Until it has ended.
    pager: Option<Pager>,
    /// What it got, as long as that is not much: if it fails, this is shown without it.
    kept: Option<Vec<u8>>,
    /// Messages that wait for its end.
    held: Vec<String>,
}

impl Out {
    fn put(&mut self, bytes: &[u8], at_once: bool) {
        if self.broken.is_some() {
            return;
        }
        if let Some(paging) = &mut self.paging {
            paging.keep(bytes);
        }
        let mut done = self.to.write_all(bytes);
        if at_once && done.is_ok() {
            done = self.to.flush();
        }
        self.note(done);
    }

    fn flush(&mut self) {
        if self.broken.is_none() {
            let done = self.to.flush();
            self.note(done);
        }
    }

    /// Takes note of a failure. If it was the pager's, stdout takes its place.
    fn note(&mut self, done: io::Result<()>) {
        self.broken = done.err().map(|error| error.kind());
        if self.broken.is_some() {
            self.end_pager();
        }
    }

    /// Waits for the pager. What one that failed was to show goes to stdout, unless it was too
    /// much to keep: then the pager read a good part of it.
    fn end_pager(&mut self) {
        let Some(paging) = &mut self.paging else {
            return;
        };
        let Some(pager) = paging.pager.take() else {
            return;
        };
        // Closes what the pager reads. Without this it would wait for more.
        self.to = BufWriter::new(Sink::Stdout(io::stdout()));
        let kept = paging.kept.take();
        if let (Some(PagerFault { program, code }), Some(kept)) = (pager.wait(), kept) {
            paging.held.push(format!(
                "note: the pager \"{}\" failed with exit status {code}",
                escape(&program)
            ));
            let done = self.to.write_all(&kept).and_then(|()| self.to.flush());
            self.broken = done.err().map(|error| error.kind());
        }
    }
}

impl Paging {
    fn keep(&mut self, bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
        self.kept = self.kept.take().filter(|kept| kept.len() <= KEPT);
    }
}

/// Where the result goes.
#[derive(Debug)]
enum Sink {
    Stdout(Stdout),
    Pager(ChildStdin),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Pager(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Pager(out) => out.flush(),
        }
    }
}

/// What a colour says; it is never the only sign.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tone {
    Bad,
    Good,
    Warn,
    /// What matters less, such as a date.
    Dim,
    /// A heading, or the name of a field.
    Head,
    /// What one types to get at something.
    Id,
    /// What was looked for.
    Match,
    /// What somebody else wrote before.
    Quote,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Bad => "1;31",
            Self::Good => "1;32",
            Self::Warn => "1;33",
            Self::Dim => "2",
            Self::Head => "1",
            Self::Id => "33",
            Self::Match => "1;4",
            Self::Quote => "36",
        }
    }
}

/// Most bytes that are kept for a pager that fails, more than a pipe holds.
const KEPT: usize = 1 << 20;
/// Most errors of a run that are kept.
const ERRORS: usize = 100;
/// Columns of a terminal that says nothing of them.
const COLUMNS: usize = 80;
/// In fewer columns no table can be read.
const FEWEST: usize = 50;

impl Output {
    pub(crate) fn new(global: &Global, around: Surroundings) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let color = |terminal: bool| match global.color {
            Some(When::Always) => true,
            Some(When::Never) => false,
            _ if around.color_forced => true,
            _ => terminal && !around.no_color && !around.dumb,
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
            columns: columns(around).max(FEWEST),
            pageable: out && !around.dumb && !global.json && !global.no_input,
            screen: Screen::new(err_terminal && progress && !global.json, around.utf8),
            question: Question::default(),
            stdout: Mutex::new(Out {
                to: BufWriter::new(Sink::Stdout(io::stdout())),
                paging: None,
                broken: None,
            }),
            errors: Mutex::default(),
        }
    }

    /// Keeps an error for those who are told at the end of the run.
    pub(crate) fn keep_error(&self, line: &Value) {
        let mut errors = lock(&self.errors);
        if errors.len() < ERRORS {
            errors.push(line.clone());
        }
    }

    /// The errors of the run.
    pub(crate) fn errors(&self) -> Vec<Value> {
        lock(&self.errors).clone()
    }

    /// Columns of the terminal that shows the result; none where it is no terminal, and lines may
    /// be of any length.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.out_terminal.then_some(self.columns)
    }

    /// Shows what follows through a pager, if stdout is a terminal and there is one.
    pub(crate) fn page(&self) {
        if !self.pageable {
            return;
        }
        self.flush();
        match Pager::start(&Pagers::read()) {
            Ok(Some((pager, input))) => {
                let mut out = self.out();
                out.to = BufWriter::new(Sink::Pager(input));
                out.paging = Some(Paging {
                    pager: Some(pager),
                    kept: Some(Vec::new()),
                    held: Vec::new(),
                });
            }
            Ok(None) => {}
            Err(name) => self.say(&format!(
                "note: the pager \"{}\" was not found",
                escape(&name)
            )),
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
        if self.json && self.verbose == 0 {
            return;
        }
        if let Some(paging) = &mut self.out().paging {
            paging.held.push(text.to_owned());
            return;
        }
        self.screen.say(text);
    }

    /// A label such as `error:` in its colour on stderr.
    pub(crate) fn label(&self, word: &str, tone: Tone) -> String {
        paint(word, tone, self.color_err)
    }

    /// A status word in its colour on stdout.
    pub(crate) fn word(&self, word: &str, tone: Tone) -> String {
        paint(word, tone, self.color_out)
    }

    /// True if stdout is coloured.
    pub(crate) fn colors(&self) -> bool {
        self.color_out
    }

    /// True if nobody reads stdout any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.out().broken.is_some()
    }

    /// Writes out what is held back, since somebody may wait for it.
    pub(crate) fn flush(&self) {
        self.out().flush();
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    /// The first failure of any printing that was not a reader that went away.
    pub(crate) fn finish(&self) -> Result<(), ErrorKind> {
        self.flush();
        self.end_pager();
        match self.out().broken {
            None | Some(ErrorKind::BrokenPipe) => Ok(()),
            Some(kind) => Err(kind),
        }
    }

    fn end_pager(&self) {
        let paging = {
            let mut out = self.out();
            out.end_pager();
            out.paging.take()
        };
        for text in paging.into_iter().flat_map(|paging| paging.held) {
            self.say(&text);
        }
    }

    /// A path as a link that a terminal can open; elsewhere, and where there is no colour, only
    /// the text.
    pub(crate) fn link(&self, path: &Path) -> String {
        let shown = path.to_string_lossy();
        let text = escape(&shown);
        let whole = std::path::absolute(path).ok();
        let url = whole.and_then(|path| file_url(&path));
        match url.filter(|_| self.color_out && self.out_terminal) {
            Some(url) => format!("\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"),
            None => text.into_owned(),
        }
    }

    fn put(&self, bytes: &[u8], at_once: bool) {
        let write = || self.out().put(bytes, at_once);
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

/// Columns of the terminal on stdout.
fn columns(around: Surroundings) -> usize {
    let asked = around.columns.filter(|columns| *columns > 0);
    asked
        .or_else(|| {
            let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
            Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
        })
        .unwrap_or(COLUMNS)
}

fn paint(word: &str, tone: Tone, color: bool) -> String {
    if color {
        format!("\x1b[{}m{word}\x1b[0m", tone.code())
    } else {
        word.to_owned()
    }
}
