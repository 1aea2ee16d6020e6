//! `mailvault config edit`: the configuration in an editor, checked before it counts.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::Command;

use mailvault::account::config_file::ConfigDraft;
use mailvault::base::error::{Error, ErrorKind, Result};
use mailvault::base::fsx;
use serde_json::json;

use crate::cli::Done;
use crate::cli::args::Global;
use crate::cli::ask;
use crate::cli::output::Output;
use crate::cli::report::{self, Failure};
use crate::cli::settings::{self, ConfigPlace, Settings, shown};
use crate::cli::text::plural;

/// The name tells an editor what language it is.
const FILE: &str = "config.toml";

pub(super) fn run(global: &Global, out: &Output) -> Result<Done, Failure> {
    refuse_early(global)?;
    let place = ConfigPlace::find(global)?;
    let Some(path) = &place.file else {
        return Err(Settings::read(global)?.unconfigured().into());
    };
    let draft = ConfigDraft::read(path, place.home.as_deref())?;
    let accounts = match edit_copy(&draft, out)? {
        EditEnd::Changed(accounts) => Some(accounts),
        EditEnd::Unchanged => None,
        EditEnd::GivenUp(why) => return Ok(Done::new(why.exit_code(), json!({}))),
    };
    let file = shown(path, place.home.as_deref());
    if !out.quiet {
        out.line(&match accounts {
            Some(accounts) => format!("{file} is changed: {}", plural(accounts, "account")),
            None => format!("{file} is unchanged."),
        });
    }
    let line = json!({"path": file, "changed": accounts.is_some()});
    out.json("config", line, false);
    Ok(Done::new(0, json!({})))
}

/// An editor without a terminal waits for keys that nobody can press.
fn refuse_early(global: &Global) -> Result<(), Failure> {
    if global.no_input {
        return Err(Failure::usage(
            "an editor needs a person",
            "leave out --no-input, or change the file that 'mailvault config path' prints",
        ));
    }
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage(
        "an editor needs a terminal",
        "change the file that 'mailvault config path' prints; 'mailvault config check' checks it",
    ))
}

/// What became of an edit that ended in order.
enum EditEnd {
    /// The file is replaced, and has this many accounts.
    Changed(u64),
    Unchanged,
    /// The text is no configuration, which was said, and nobody wants to correct it.
    GivenUp(ErrorKind),
}

/// Edits a copy of the configuration, and leaves it where it is if nothing comes of it.
fn edit_copy(draft: &ConfigDraft, out: &Output) -> Result<EditEnd> {
    // Only its owner can read this directory.
    let folder = tempfile::Builder::new()
        .prefix("mailvault-")
        .tempdir_in(settings::temporary())
        .map_err(|e| Error::file("create a directory in", &settings::temporary(), e))?;
    let copy = folder.path().join(FILE);
    fsx::publish(&copy, draft.text().as_bytes(), 0o600)?;
    let end = edited(draft, &copy, out);
    if matches!(end, Err(_) | Ok(EditEnd::GivenUp(_))) {
        // What was typed is not lost.
        let kept = folder.keep().join(FILE);
        out.say(&format!(
            "note: the configuration is as it was; your text is in {}",
            kept.display()
        ));
    }
    end
}

/// Runs the editor until the text is a configuration, and replaces the file by it.
fn edited(draft: &ConfigDraft, copy: &Path, out: &Output) -> Result<EditEnd> {
    loop {
        run_editor(copy)?;
        let text = fs::read_to_string(copy).map_err(|e| Error::file("read", copy, e))?;
        if text == draft.text() {
            return Ok(EditEnd::Unchanged);
        }
        let error = match draft.replace(&text) {
            Ok(config) => return Ok(EditEnd::Changed(config.accounts.len() as u64)),
            Err(error) => error,
        };
        if out.json || !matches!(error, Error::Config { .. } | Error::ConfigLine { .. }) {
            return Err(error);
        }
        report::print(out, &error, None);
        let answer = ask::line(out, "Edit again? (y or n)", Some("y"))?;
        if !answer.to_lowercase().starts_with('y') {
            return Ok(EditEnd::GivenUp(error.kind()));
        }
    }
}

fn run_editor(copy: &Path) -> Result<()> {
    let editor = settings::editor();
    let mut shell = Command::new("sh");
    // The variable may hold options.
    let line = format!("{} \"$1\"", editor.to_string_lossy());
    shell.arg("-c").arg(line).arg("sh").arg(copy);
    let status = shell
        .status()
        .map_err(|e| Error::file("run", Path::new("sh"), e))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Config {
        message: format!(
            "the editor \"{}\" failed: {status}",
            editor.to_string_lossy()
        ),
        hint: Some("set VISUAL or EDITOR to your editor".to_owned()),
    })
}
