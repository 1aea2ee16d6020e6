//! What a run printed and how it ended, compared as a whole.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use super::diff::diff;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself, with this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        let signal = || Self::Signal(status.signal().unwrap());
        status.code().map_or_else(signal, Self::Exit)
    }
}

/// What a run printed and how it ended.
#[must_use = "a run whose output nobody looks at proves nothing"]
pub(crate) struct Output {
    /// How it ended.
    pub(crate) ended: Ended,
    /// Its results, as they came.
    pub(crate) stdout: Vec<u8>,
    /// Its progress and errors, as they came.
    pub(crate) stderr: Vec<u8>,
    /// The command, the home and the ports that stand behind the placeholders.
    pub(super) shown: String,
    pub(super) home: String,
    pub(super) ports: Vec<u16>,
}

impl Output {
    /// Compares all that the run said and how it ended; what is not written is
    /// expected not to be there.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, stdout: &str, stderr: &str) {
        let mut wrong = Vec::new();
        if self.ended != Ended::Exit(code) {
            wrong.push(format!("ended with {:?}, not {code}\n", self.ended));
        }
        for (name, expected, actual) in [
            ("stdout", stdout, self.stdout()),
            ("stderr", stderr, self.stderr()),
        ] {
            if let Some(shown) = diff(expected, &actual) {
                wrong.push(format!("{name} (- expected, + printed):\n{shown}"));
            }
        }
        assert!(wrong.is_empty(), "{}\n{}", self.shown, wrong.concat());
    }

    /// Expects this exit code, whatever was printed, which it gives back.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.ended, Ended::Exit(code), "\n{self}");
        self
    }

    /// The results as text, with placeholders.
    pub(crate) fn stdout(&self) -> String {
        self.text(&self.stdout)
    }

    /// Progress and errors as text, with placeholders.
    pub(crate) fn stderr(&self) -> String {
        self.text(&self.stderr)
    }

    /// Puts `$HOME`, `$PORT` and, for a duration in a line's last column, `$TIME` in
    /// the place of what differs between runs.
    fn text(&self, bytes: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(bytes).replace(&self.home, "$HOME");
        for port in &self.ports {
            text = replace_number(&text, *port);
        }
        text.split_inclusive('\n').map(mask_duration).collect()
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (stdout, stderr) = (self.stdout(), self.stderr());
        write!(
            f,
            "{}\nended: {:?}\nstdout:\n{stdout}\nstderr:\n{stderr}",
            self.shown, self.ended
        )
    }
}

/// `text` with `$PORT` for each number that is this port and not part of a longer one.
fn replace_number(text: &str, port: u16) -> String {
    let port = port.to_string();
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(&port) {
        let (before, after) = (&rest[..at], &rest[at + port.len()..]);
        masked.push_str(before);
        let whole = !digit(masked.chars().next_back()) && !digit(after.chars().next());
        masked.push_str(if whole { "$PORT" } else { &port });
        rest = after;
    }
    masked + rest
}

/// The line with `$TIME` for a last column such as `0.3s` or `1m54s`.
fn mask_duration(line: &str) -> String {
    let bare = line.trim_end();
    let Some(at) = bare.rfind("  ").map(|at| at + 2) else {
        return line.to_string();
    };
    let word = &bare[at..];
    let word = word.trim_start_matches('<');
    let is_duration = word.starts_with(|c: char| c.is_ascii_digit())
        && word.ends_with('s')
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || ".hms".contains(c));
    if is_duration {
        let column = bare[..at].trim_end();
        format!("{column}  $TIME{}", &line[bare.len()..])
    } else {
        line.to_string()
    }
}

#[test]
fn only_whole_ports_and_last_columns_are_masked() {
    assert_eq!(
        replace_number("a:110 1100 2110 110", 110),
        "a:$PORT 1100 2110 $PORT"
    );
    assert_eq!(
        mask_duration("work   3 new     0.2s\n"),
        "work   3 new  $TIME\n"
    );
    assert_eq!(mask_duration("silent for 60s\n"), "silent for 60s\n");
}
