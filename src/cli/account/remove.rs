//! `mailvault account remove`.

use mailvault::account::config::Account;
use mailvault::base::error::Error;
use mailvault::base::secret::SecretSource;
use mailvault::vault::layout::Layout;
use serde_json::json;

use super::Editable;
use crate::cli::Done;
use crate::cli::args::Global;
use crate::cli::ask;
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::secrets;

pub(super) fn run(
    file: &Editable,
    name: &str,
    yes: bool,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let removed = file.file.remove(name);
    let todo = format!("delete what it says of {name}");
    let text = removed.map_err(|fault| file.failure(fault, &todo))?;
    let account = file.file.config().accounts.get(name);
    let account = account.ok_or_else(|| file.settings.unconfigured())?;
    if !yes {
        confirm(file, name, global, out)?;
    }
    file.file.write(&text)?;
    let stored = account.vault_name();
    let mail = Layout::new(&file.settings.vault).mail_dir().join(stored);
    let has_mail = mail.symlink_metadata().is_ok();
    if !out.quiet {
        out.line(&format!("Removed {name} from {}.", file.shown()));
        if has_mail {
            out.line(&format!("Its mail is still in the vault:\n  mailvault list account:{stored}\n  mailvault export DEST account:{stored}"));
        }
        if let Some(left) = left(account, file) {
            out.line(&left);
        }
    }
    let line = json!({"account": name, "stored_as": stored, "removed": true});
    out.json("account", line, false);
    Ok(Done::new(0, json!({})))
}

/// Asks; where nobody can be asked, nothing is removed.
fn confirm(file: &Editable, name: &str, global: &Global, out: &Output) -> Result<(), Failure> {
    if !secrets::may_ask(global, out) {
        return Err(Failure::usage(
            format!("removing {name} needs a confirmation, but there is no terminal"),
            "add --yes",
        ));
    }
    let question = format!(
        "{name} will be removed from {}. The vault keeps its mail.\nType the account name to \
         continue",
        file.shown()
    );
    if ask::line(out, &question, Some("no"))? == name {
        Ok(())
    } else {
        out.say("Nothing was removed.");
        Err(Error::Interrupted.into())
    }
}

/// What is left of how it signed in.
fn left(account: &Account, file: &Editable) -> Option<String> {
    match &account.secret {
        SecretSource::File(path) | SecretSource::Refresh(path) => {
            Some(format!("{} was not deleted.", file.settings.shown(path)))
        }
        SecretSource::Keyring => Some(format!(
            "The keyring still has its password (service mailvault, user {}).",
            account.vault_name()
        )),
        _ => None,
    }
}
