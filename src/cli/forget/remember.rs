//! `mailvault remember`: list what was forgotten, or let it come back.

use std::time::Duration;

use mailvault::forget;
use mailvault::vault::catalog::ForgetRecord;
use serde_json::json;

use crate::cli::Done;
use crate::cli::args::Remember;
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;
use crate::cli::text::{day, escape, plural, rfc3339};

pub(crate) fn run(args: &Remember, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    if args.number.is_none() && !args.all {
        return list(settings, out);
    }
    let stop = Stop::watch(out, "stopping");
    let wait = args.lock_wait.unwrap_or(Duration::ZERO);
    let taken = forget::remember(&settings.vault, args.number, wait, &stop.flag)?;
    for record in &taken {
        out.json("forget", line(record, false), false);
        if !out.quiet {
            out.line(&format!(
                "{} forgotten on {} may come back with the next pull or import.",
                plural(record.messages, "message"),
                day(record.time)
            ));
        }
    }
    if taken.is_empty() && !out.quiet {
        out.line("Nothing to take back.");
    }
    Ok(Done::new(0, json!({"forgets": taken.len()})))
}

fn list(settings: &Settings, out: &Output) -> Result<Done, Failure> {
    let vault = settings.open_vault()?;
    let records = vault.catalog().forgets()?;
    for record in &records {
        out.json("forget", line(record, record.holds), false);
        if out.quiet {
            continue;
        }
        let may_return = if record.holds { "" } else { " (may come back)" };
        out.line(&format!(
            "{:>3}  {}  {}{may_return}: {}",
            record.number,
            day(record.time),
            plural(record.messages, "message"),
            escape(&record.reason)
        ));
    }
    if records.is_empty() && !out.quiet && out.out_terminal {
        out.line("Nothing was forgotten.");
    }
    Ok(Done::new(0, json!({"forgets": records.len()})))
}

fn line(record: &ForgetRecord, holds: bool) -> serde_json::Value {
    json!({
        "number": record.number,
        "time": rfc3339(record.time),
        "messages": record.messages,
        "reason": record.reason,
        "holds": holds,
    })
}
