//! `mailvault account rename`.

use serde_json::json;

use super::Editable;
use crate::cli::Done;
use crate::cli::output::Output;
use crate::cli::report::Failure;

pub(super) fn run(file: &Editable, old: &str, new: &str, out: &Output) -> Result<Done, Failure> {
    let accounts = &file.file.config().accounts;
    let stored = accounts
        .get(old)
        .map_or(old, |account| account.vault_name());
    let renamed = file.file.rename(&file.settings.vault, old, new);
    let todo = format!("call the account {new}, and add stored_as = \"{stored}\" to it");
    let text = renamed.map_err(|fault| file.failure(fault, &todo))?;
    file.file.write(&text)?;
    if !out.quiet {
        out.line(&format!("Renamed {old} to {new} in {}.", file.shown()));
        if stored != new {
            out.line(&format!(
                "Its mail stays in the vault as {stored}; all commands show it as {new}."
            ));
        }
        out.line(&format!(
            "If cron, a timer or a script names the account, change {old} to {new} there."
        ));
    }
    let line = json!({"account": new, "renamed_from": old, "stored_as": stored});
    out.json("account", line, false);
    Ok(Done::new(0, json!({})))
}
