//! `mailvault config edit`: the configuration in an editor, checked before it counts.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::Command;

use mailvault::account::config_file::ConfigDraft;
use mailvault::base::error::{Error, Result};
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
    if global.no_input {
        return Err(Failure::usage(
            "an editor needs a person",
            "leave out --no-input, or change the file that 'mailvault config path' prints",
        ));
    }
    let place = ConfigPlace::find(global)?;
    let Some(path) = &place.file else {
        return Err(Settings::read(global)?.unconfigured().into());
    };
    let draft = ConfigDraft::read(path, place.home.as_deref())?;
    // Only its owner can read this directory.
    let folder = tempfile::Builder::new()
        .prefix("mailvault-")
        .tempdir_in(settings::temporary())
        .map_err(|e| Error::file("create a directory in", &settings::temporary(), e))?;
    let copy = folder.path().join(FILE);
    fsx::publish(&copy, draft.text().as_bytes())?;
    let accounts = match edited(&draft, &copy, out) {
        Ok(accounts) => accounts,
        Err(error) => {
            // What was typed is not lost.
            let kept = folder.keep().join(FILE);
            out.say(&format!(
                "note: the configuration is as it was; your text is in {}",
                kept.display()
            ));
            return Err(error.into());
        }
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

/// Runs the editor until the text is a configuration, and replaces the file by it; how many
/// accounts it has, or `None` if nothing was changed.
fn edited(draft: &ConfigDraft, copy: &Path, out: &Output) -> Result<Option<u64>> {
    loop {
        run_editor(copy)?;
        let text = fs::read_to_string(copy).map_err(|e| Error::file("read", copy, e))?;
        if text == draft.text() {
            return Ok(None);
        }
        let error = match draft.replace(&text) {
            Ok(config) => return Ok(Some(config.accounts.len() as u64)),
            Err(error) => error,
        };
        let can_ask = io::stdin().is_terminal() && !out.json;
        if !can_ask || !matches!(error, Error::Config { .. }) {
            return Err(error);
        }
        report::print(out, &error, None);
        let answer = ask::line(out, "Edit again? (y or n)", Some("y"))?;
        if !answer.to_lowercase().starts_with('y') {
            return Err(Error::Interrupted);
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
