//! `mailvault account disable` and `enable`.

use serde_json::json;

use super::Editable;
use crate::cli::Done;
use crate::cli::output::Output;
use crate::cli::report::Failure;

pub(super) fn run(
    file: &Editable,
    name: &str,
    enabled: bool,
    out: &Output,
) -> Result<Done, Failure> {
    let changed = file.file.enable(name, enabled);
    let todo = format!("set pull = {enabled} for {name}");
    let changed = changed.map_err(|fault| file.failure(fault, &todo))?;
    if let Some(text) = &changed {
        file.file.write(text)?;
    }
    if !out.quiet {
        let word = if enabled { "enabled" } else { "disabled" };
        out.line(&match (&changed, enabled) {
            (None, _) => format!("{name} is {word} already."),
            (Some(_), true) => format!("'mailvault pull' fetches {name} again."),
            (Some(_), false) => {
                format!("'mailvault pull' no longer pulls {name} unless you name it.")
            }
        });
    }
    let line = json!({"account": name, "enabled": enabled, "changed": changed.is_some()});
    out.json("account", line, false);
    Ok(Done::new(0, json!({})))
}
