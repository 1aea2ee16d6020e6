//! Completion: the scripts for shells, and what mailvault answers when they ask it.
//!
//! A script calls mailvault with the words of a line and the variable [`VARIABLE`]; clap's engine
//! finds what is completed, and [`Words`] knows the accounts, folders and messages. Nothing here
//! asks a server or a person, and what fails is completed with nothing.

mod words;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, PathCompleter};
use clap_complete::env::Shells;
use serde_json::json;

use self::words::Words;
use super::Done;
use super::args::Completions;
use super::help;
use super::output::Output;
use super::report::Failure;

/// Names the shell that asks.
pub(super) const VARIABLE: &str = "MAILVAULT_COMPLETE";
/// Commands that ask the server of an account, which must be in the configuration.
const CONFIGURED: [&str; 5] = ["pull", "purge", "audit", "doctor", "login"];
/// bash takes a colon for the end of a word, which clap's script does not know.
const BASH: &str = include_str!("mailvault.bash");

/// `mailvault completions`.
pub(crate) fn run(args: &Completions, out: &Output) -> Result<Done, Failure> {
    let name = args.shell.to_string();
    let mut script = Vec::new();
    match (name.as_str(), Shells::builtins().completer(&name)) {
        ("bash", _) => script.extend_from_slice(BASH.as_bytes()),
        (_, Some(shell)) => {
            let written = shell.write_registration(
                VARIABLE,
                "mailvault",
                "mailvault",
                "mailvault",
                &mut script,
            );
            written.map_err(|error| mailvault::Error::file("write", Path::new("stdout"), error))?;
        }
        (_, None) => {
            return Err(Failure::usage(
                format!("there is no script for {name}"),
                "there are scripts for bash, elvish, fish, powershell and zsh",
            ));
        }
    }
    if out.json {
        let line = json!({"shell": name, "script": String::from_utf8_lossy(&script)});
        out.json("completions", line, false);
    } else {
        out.bytes(&script);
    }
    Ok(Done::new(0, json!({})))
}

/// Answers the script of a shell; the exit code, if one asked.
pub(crate) fn answer(shell: Option<&OsString>, line: &[OsString]) -> Option<u8> {
    let shell = shell?.to_str()?;
    let start = line.iter().position(|word| word == "--")? + 1;
    let shells = Shells::builtins();
    let shell = shells.completer(shell)?;
    let words = line.get(start..)?.to_vec();
    let folder = std::env::current_dir().ok();
    let mut command = with_words(help::command(), false, &Arc::new(Words::of(&words)));
    let mut answer = Vec::new();
    // What was typed so far may be anything; then there is nothing to answer.
    let _ = shell.write_complete(&mut command, words, folder.as_deref(), &mut answer);
    let written = io::stdout().write_all(&answer);
    Some(u8::from(written.is_err()))
}

/// The command line with what its values may be: by their names, which say the same in every
/// command.
fn with_words(command: Command, configured: bool, words: &Arc<Words>) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|inner| inner.get_name().to_owned())
        .collect();
    let command = command.mut_args(|arg| with_values(arg, configured, words));
    names.into_iter().fold(command, |command, name| {
        let configured = CONFIGURED.contains(&name.as_str());
        command.mut_subcommand(name, |inner| with_words(inner, configured, words))
    })
}

fn with_values(arg: Arg, configured: bool, words: &Arc<Words>) -> Arg {
    let name = arg.get_value_names().and_then(|names| names.first());
    // Without a name of its own, a value has that of its field.
    let name = name.map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string);
    let words = Arc::clone(words);
    let completer = match name.as_str() {
        "ACCOUNT" | "OLD" => {
            ArgValueCompleter::new(move |typed: &_| words.accounts(typed, configured))
        }
        "NAME" if arg.is_positional() => {
            ArgValueCompleter::new(move |typed: &_| words.accounts(typed, configured))
        }
        "PLACE" => ArgValueCompleter::new(move |typed: &_| words.places(typed)),
        "HOLD" => ArgValueCompleter::new(move |typed: &_| words.holds(typed)),
        "FOLDER" => ArgValueCompleter::new(move |typed: &_| words.folders(typed)),
        "ID" => ArgValueCompleter::new(move |typed: &_| words.ids(typed)),
        "QUERY" => ArgValueCompleter::new(move |typed: &_| words.query(typed)),
        "DEST" => ArgValueCompleter::new(move |typed: &_| words.destination(typed)),
        "WORD" => ArgValueCompleter::new(words::help),
        "FILE" | "SOURCE" => ArgValueCompleter::new(PathCompleter::any()),
        "DIR" | "OUT" => ArgValueCompleter::new(PathCompleter::dir()),
        _ => return arg,
    };
    arg.add(completer)
}
