//! `mailvault account merge`.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mailvault::base::error::Error;
use mailvault::vault::{MergeFault, MergePlan, Writer};
use serde_json::json;

use crate::cli::Done;
use crate::cli::args::Global;
use crate::cli::ask;
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::secrets;
use crate::cli::settings::{Settings, unknown};
use crate::cli::text::{count, plural};

/// What is asked for.
pub(super) struct Request<'a> {
    pub(super) old: &'a str,
    pub(super) new: &'a str,
    pub(super) dry_run: bool,
    pub(super) any_server: bool,
    pub(super) yes: bool,
}

pub(super) fn run(
    request: &Request<'_>,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let names = settings.config.names();
    let (old, new) = (names.stored(request.old), names.stored(request.new));
    let vault = settings.open_vault()?;
    let planned = vault.plan_merge(old, new, request.any_server);
    let done = matches!(&planned, Err(MergeFault::Before { account, into }) if account == old && into == new);
    if done {
        return finished(request, settings, out);
    }
    let plan = planned.map_err(|fault| failure(fault, settings, request))?;
    if names.is_configured(old) {
        return Err(configured(request, settings));
    }
    drop(vault);
    show(&plan, request, out);
    if request.dry_run {
        return Ok(Done::new(0, summary(&plan, false)));
    }
    if !request.yes {
        confirm(request, global, out)?;
    }
    let merged = writer(settings)?.merge(old, new);
    let merged = merged.map_err(|fault| failure(fault, settings, request))?;
    if !out.quiet {
        out.line(&format!(
            "Merged {} into {}, which has {} now.",
            request.old,
            request.new,
            plural(merged.total, "message")
        ));
    }
    Ok(Done::new(0, summary(&merged, true)))
}

fn writer(settings: &Settings) -> Result<Writer, Error> {
    Writer::open(&settings.vault, Duration::ZERO, &AtomicBool::new(false))
}

/// They were merged before. A run that was killed then may have left files, which are moved
/// whenever the vault is opened for writing.
fn finished(request: &Request<'_>, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    if !request.dry_run {
        drop(writer(settings)?);
    }
    if !out.quiet {
        out.line(&format!(
            "{} was merged into {} already.",
            request.old, request.new
        ));
    }
    Ok(Done::new(0, json!({"merged": true})))
}

fn show(plan: &MergePlan, request: &Request<'_>, out: &Output) {
    if out.quiet && !request.dry_run {
        return;
    }
    let Request { old, new, .. } = request;
    out.line(&format!(
        "{old} has {}; {new} has {} of them, too. All {} will be in {new}.\nThis cannot be undone, \
         and older versions of mailvault will refuse the vault.",
        plural(plan.messages, "message"),
        count(plan.in_both),
        count(plan.total),
    ));
}

fn summary(plan: &MergePlan, merged: bool) -> serde_json::Value {
    json!({
        "account": plan.account,
        "into": plan.into,
        "messages": plan.messages,
        "in_both": plan.in_both,
        "total": plan.total,
        "merged": merged,
    })
}

/// Asks; where nobody can be asked, nothing is merged.
fn confirm(request: &Request<'_>, global: &Global, out: &Output) -> Result<(), Failure> {
    let Request { old, new, .. } = request;
    if !secrets::may_ask(global, out) {
        return Err(Failure::usage(
            format!("merging {old} into {new} needs a confirmation, but there is no terminal"),
            "add --yes",
        ));
    }
    if ask::line(out, &format!("Type {old} to continue"), Some("no"))? == *old {
        Ok(())
    } else {
        out.say("Nothing was merged.");
        Err(Error::Interrupted.into())
    }
}

/// The configuration would go on using the name of an account that there is no longer.
fn configured(request: &Request<'_>, settings: &Settings) -> Failure {
    let Request { old, new, .. } = request;
    let names = settings.config.names();
    let hint = if names.is_configured(names.stored(new)) {
        format!("remove it first: 'mailvault account remove {old}'; its mail stays in the vault")
    } else {
        format!("merge the other one into it: 'mailvault account merge {new} {old}'")
    };
    Failure::usage(format!("{old} is in the configuration"), hint)
}

fn failure(fault: MergeFault, settings: &Settings, request: &Request<'_>) -> Failure {
    let message = fault.to_string();
    let hint = match fault {
        MergeFault::Other(error) => return error.into(),
        MergeFault::Unknown(name) => {
            // Where the names cannot be read, the first error says why.
            let known = settings.known_accounts().unwrap_or_default();
            if settings.config.accounts.contains_key(&name) {
                return Failure::usage(
                    message,
                    "to give an account another name, use 'mailvault account rename'",
                );
            }
            return unknown(&name, known.iter().map(String::as_str)).into();
        }
        MergeFault::Same { .. } => {
            "'mailvault account list' lists the accounts and their names in the vault".to_owned()
        }
        MergeFault::Before { account, into } => format!("use {into} in place of {account}"),
        MergeFault::Servers { .. } => format!(
            "if {} is meant to have the mail of both, add --any-server",
            request.new
        ),
    };
    Failure::usage(message, hint)
}
