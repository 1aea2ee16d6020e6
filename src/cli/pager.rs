//! The pager: the program through which a terminal shows long results.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;

use super::settings::Pagers;

/// What `less` does unless LESS says something else: end if all fits the screen, show colours, and
/// leave the text on the screen.
const LESS: &str = "FRX";

/// A pager that runs.
#[derive(Debug)]
pub(crate) struct Pager {
    child: Child,
    program: String,
    /// Somebody pressed Ctrl-C.
    interrupted: Arc<AtomicBool>,
}

/// A pager that failed, so that nobody knows what it showed.
#[derive(Debug)]
pub(crate) struct PagerFault {
    pub(crate) program: String,
    pub(crate) code: i32,
}

impl Pager {
    /// Starts the pager, if one is wanted and can be found; and gives what it reads.
    ///
    /// # Errors
    /// The name of a pager that was asked for and is not there.
    pub(crate) fn start(pagers: &Pagers) -> Result<Option<(Self, ChildStdin)>, String> {
        let (line, asked) = match wanted(pagers) {
            Some(line) => (line.to_owned(), true),
            None if pagers.named().is_some() => return Ok(None),
            None => (OsString::from("less"), false),
        };
        // A shell that cannot find it would swallow what it was to show.
        let program = program(&line);
        if !is_there(&program, pagers.path.as_deref()) {
            return if asked { Err(program) } else { Ok(None) };
        }
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(&line).stdin(Stdio::piped());
        if !pagers.less_is_set {
            shell.env("LESS", LESS);
        }
        let Ok(mut child) = shell.spawn() else {
            return Ok(None);
        };
        // Ctrl-C is for the pager, which a dead program would leave alone with the terminal.
        let interrupted = Arc::new(AtomicBool::new(false));
        let _ = signal_hook::flag::register(SIGINT, Arc::clone(&interrupted));
        Ok(child.stdin.take().map(|input| {
            let pager = Self {
                child,
                program,
                interrupted,
            };
            (pager, input)
        }))
    }

    /// Waits until the person has read enough, and says if the pager failed.
    ///
    /// A signal is no failure: somebody wanted it to end. Shells report one as 128 and more, and
    /// `less -K` exits with 2 after Ctrl-C.
    pub(crate) fn wait(mut self) -> Option<PagerFault> {
        let code = self.child.wait().ok()?.code()?;
        let failed = (1..=128).contains(&code) && !self.interrupted.load(Ordering::SeqCst);
        failed.then_some(PagerFault {
            program: self.program,
            code,
        })
    }
}

/// The command line that was asked for; nothing and `cat` mean none.
fn wanted(pagers: &Pagers) -> Option<&OsStr> {
    pagers
        .named()
        .filter(|line| !line.to_string_lossy().trim().is_empty() && *line != "cat")
}

/// The program of a command line, after variables that are set for it.
fn program(line: &OsStr) -> String {
    let line = line.to_string_lossy();
    let mut words = line.split_whitespace();
    let word = words.find(|word| !word.contains('='));
    word.unwrap_or_default().to_owned()
}

fn is_there(program: &str, path: Option<&OsStr>) -> bool {
    if program.contains('/') || program.starts_with('~') {
        return true;
    }
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    let mut files = folders.map(|folder| folder.join(program));
    files.any(|file| fs::metadata(file).is_ok_and(|file| file.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pagers(own: Option<&str>, usual: Option<&str>) -> Pagers {
        Pagers {
            own: own.map(OsString::from),
            usual: usual.map(OsString::from),
            ..Pagers::default()
        }
    }

    #[test]
    fn the_pager_of_mailvault_goes_before_the_usual_one_and_may_be_none() {
        for (own, usual, line) in [
            (None, None, None),
            (None, Some("most"), Some("most")),
            (Some("less -S"), Some("most"), Some("less -S")),
            (Some(""), Some("most"), None),
            (Some("cat"), Some("most"), None),
            (None, Some(" "), None),
        ] {
            assert_eq!(wanted(&pagers(own, usual)), line.map(OsStr::new));
        }
    }

    #[test]
    fn the_program_is_the_first_word_that_sets_no_variable() {
        assert_eq!(program(OsStr::new("LESS=R less -S")), "less");
        assert!(is_there("/x/y", None));
        assert!(!is_there("less", None));
    }
}
