//! `mailvault hold`: mail that must not be forgotten.

use std::time::Duration;

use chrono::Utc;
use mailvault::base::suggest;
use mailvault::mail::query;
use mailvault::vault::catalog::Hold;
use mailvault::vault::{HoldFault, HoldRequest, add_hold, release_hold};
use serde_json::{Value, json};

use super::Done;
use super::args::{HoldArgs, HoldCommand};
use super::output::Output;
use super::report::{self, Failure};
use super::settings::Settings;
use super::text::{day, escape, plural, rfc3339, wrap};

pub(crate) fn run(args: &HoldArgs, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    match &args.command {
        HoldCommand::Add {
            name,
            query,
            reason,
            lock_wait,
        } => {
            let query = query::written(query);
            let request = HoldRequest {
                name,
                query: &query,
                reason,
            };
            add(request, lock_wait.unwrap_or_default(), settings, out)
        }
        HoldCommand::List => list(settings, out),
        HoldCommand::Release {
            name,
            reason,
            lock_wait,
        } => {
            let patience = lock_wait.unwrap_or_default();
            release(name, reason.as_deref(), patience, settings, out)
        }
    }
}

fn add(
    request: HoldRequest<'_>,
    patience: Duration,
    settings: &Settings,
    out: &Output,
) -> Result<Done, Failure> {
    let names = settings.config.names();
    let added = add_hold(&settings.vault, names, request, Utc::now(), patience);
    let messages = added.map_err(failure)?;
    let HoldRequest {
        name,
        query,
        reason,
    } = request;
    if !out.quiet {
        out.line(&format!("{name} holds {}.", plural(messages, "message")));
    }
    let line = json!({"hold": name, "query": query, "reason": reason, "messages": messages});
    out.json("hold", line, false);
    Ok(Done::new(0, json!({})))
}

fn release(
    name: &str,
    reason: Option<&str>,
    patience: Duration,
    settings: &Settings,
    out: &Output,
) -> Result<Done, Failure> {
    let hold = release_hold(&settings.vault, name, reason, patience).map_err(failure)?;
    if !out.quiet {
        out.line(&format!("Released {name}."));
    }
    let mut line = to_json(&hold);
    line["released"] = true.into();
    out.json("hold", line, false);
    Ok(Done::new(0, json!({})))
}

fn list(settings: &Settings, out: &Output) -> Result<Done, Failure> {
    let vault = settings.open_vault()?;
    let holds = vault.holds()?;
    let mut unknown = 0;
    for hold in &holds {
        let covered = vault.covered_by(hold, Utc::now());
        let mut line = to_json(hold);
        line["covers"] = covered.as_ref().ok().copied().into();
        out.json("hold", line, false);
        let messages = match &covered {
            Ok(messages) => plural(*messages, "message"),
            Err(_) => format!("at least {}", plural(hold.messages, "message")),
        };
        out.line(&format!(
            "{}: {messages}, since {}",
            escape(&hold.name),
            day(hold.since)
        ));
        for (label, text) in [("query", &hold.query), ("reason", &hold.reason)] {
            let label = format!("  {label}: ");
            out.line(&wrap(&escape(text), &label, 4, report::COLUMNS));
        }
        if let Err(fault) = covered {
            unknown += 1;
            report::warn(out, &escape(&fault.to_string()), None);
        }
    }
    if holds.is_empty() && out.out_terminal && !out.quiet {
        out.line("no holds");
    }
    let summary = json!({"holds": holds.len(), "undecided": unknown});
    Ok(Done::new(0, summary))
}

/// A hold, for programs.
pub(crate) fn to_json(hold: &Hold) -> Value {
    json!({
        "hold": hold.name,
        "query": hold.query,
        "reason": hold.reason,
        "since": rfc3339(hold.since),
        "messages": hold.messages,
    })
}

fn failure(fault: HoldFault) -> Failure {
    let message = fault.to_string();
    let hint = match fault {
        HoldFault::Other(error) => return error.into(),
        HoldFault::Undecided { source, .. } => return (*source).into(),
        HoldFault::NotAName(_) => {
            "up to 64 of a-z 0-9 . _ - are allowed, the first a letter or digit".to_owned()
        }
        HoldFault::Taken(_) => "'mailvault hold list' lists the names that are in use".to_owned(),
        HoldFault::Unknown { name, known } => {
            match suggest::nearest(&name, known.iter().map(String::as_str), 2) {
                Some(near) => format!("did you mean {near}?"),
                None if known.is_empty() => "no messages are held".to_owned(),
                None => format!("there are: {}", known.join(", ")),
            }
        }
        HoldFault::NoReason => "say why, such as --reason \"tax audit of 2025\"".to_owned(),
        HoldFault::TooLong(_) => "use a shorter one".to_owned(),
    };
    Failure::usage(message, hint)
}
