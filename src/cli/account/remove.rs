//! `mailvault account remove`.

use std::time::Duration;

use chrono::Utc;
use mailvault::account::config::Account;
use mailvault::base::error::Error;
use mailvault::base::secret::SecretSource;
use mailvault::forget::ForgetPlan;
use mailvault::mail::query;
use mailvault::vault::Vault;
use mailvault::vault::layout::Layout;
use serde_json::json;

use super::Editable;
use crate::cli::Done;
use crate::cli::args::Global;
use crate::cli::ask;
use crate::cli::forget;
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::secrets;
use crate::cli::text::plural;

pub(super) fn run(
    file: &Editable,
    (name, yes): (&str, bool),
    reason: Option<&str>,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    if reason.is_some() {
        forget::check_reason(reason)?;
    }
    let removed = file.file.remove(name);
    let todo = format!("delete what it says of {name}");
    let text = removed.map_err(|fault| file.failure(fault, &todo))?;
    let account = file.file.config().accounts.get(name);
    let account = account.ok_or_else(|| file.settings.unconfigured())?;
    let stored = account.vault_name();
    let plan = match reason {
        Some(_) => Some(own_mail(file, stored)?),
        None => None,
    };
    if !yes {
        confirm(file, name, plan.as_ref(), global, out)?;
    }
    // The mail first: if that fails, the command can be repeated.
    let plan = plan.and_then(|mail| mail.plan);
    let (code, removed) = forget_all(file, plan.as_ref(), reason, out);
    let summary = json!({"removed_messages": removed});
    if code != 0 {
        return Ok(Done::new(code, summary));
    }
    file.file.write(&text)?;
    tell(file, account, reason.is_none(), out);
    let line = json!({"account": name, "stored_as": stored, "removed": true});
    out.json("account", line, false);
    Ok(Done::new(0, summary))
}

fn forget_all(
    file: &Editable,
    plan: Option<&ForgetPlan>,
    reason: Option<&str>,
    out: &Output,
) -> (u8, u64) {
    let (Some(plan), Some(reason)) = (plan, reason) else {
        return (0, 0);
    };
    let (code, report) = forget::remove(&file.settings, plan, reason, Duration::ZERO, out);
    (code, report.map_or(0, |report| report.messages))
}

fn tell(file: &Editable, account: &Account, keeps: bool, out: &Output) {
    if out.quiet {
        return;
    }
    let (name, stored) = (&account.name, account.vault_name());
    out.line(&format!("Removed {name} from {}.", file.shown()));
    let mail = Layout::new(&file.settings.vault).mail_dir().join(stored);
    if keeps && mail.symlink_metadata().is_ok() {
        out.line(&format!("Its mail is still in the vault:\n  mailvault list account:{stored}\n  mailvault export DEST account:{stored}"));
    }
    if let Some(left) = left(account, file) {
        out.line(&left);
    }
}

/// The mail that only this account has.
struct OwnMail {
    /// What goes; nothing if there is none.
    plan: Option<ForgetPlan>,
    /// Messages that other accounts have, too.
    shared: u64,
}

fn own_mail(file: &Editable, stored: &str) -> Result<OwnMail, Failure> {
    let vault = file.settings.open_vault()?;
    let accounts = vault.status()?.into_iter().map(|status| status.account);
    let others = accounts.filter(|name| name != vault.shown(stored));
    let mut words = vec![format!("account:{stored}")];
    let all = planned(&vault, &words)?;
    words.extend(others.map(|name| format!("-account:{name}")));
    let plan = planned(&vault, &words)?;
    let messages = |plan: &Option<ForgetPlan>| plan.as_ref().map_or(0, |plan| plan.messages);
    Ok(OwnMail {
        shared: messages(&all) - messages(&plan),
        plan,
    })
}

fn planned(vault: &Vault, words: &[String]) -> Result<Option<ForgetPlan>, Failure> {
    match mailvault::forget::plan(vault, &query::parse(words, Utc::now())?) {
        Ok(plan) => Ok(Some(plan)),
        Err(Error::NoMatch { .. } | Error::NotInVault { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Asks; where nobody can be asked, nothing is removed.
fn confirm(
    file: &Editable,
    name: &str,
    mail: Option<&OwnMail>,
    global: &Global,
    out: &Output,
) -> Result<(), Failure> {
    if !secrets::may_ask(global, out) {
        return Err(Failure::usage(
            format!("removing {name} needs a confirmation, but there is no terminal"),
            "add --yes",
        ));
    }
    let fate = match mail {
        None => "The vault keeps its mail.".to_owned(),
        Some(OwnMail { plan, shared }) => {
            let messages = plan.as_ref().map_or(0, |plan| plan.messages);
            let stay = match shared {
                0 => String::new(),
                shared => format!(
                    "\n{} that other accounts have, too, will stay.",
                    plural(*shared, "message")
                ),
            };
            format!(
                "\n{} will be removed from the vault for good. There is no undo.{stay}",
                plural(messages, "message")
            )
        }
    };
    let question = format!(
        "{name} will be removed from {}. {fate}\nType the account name to continue",
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
