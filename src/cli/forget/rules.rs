//! `mailvault forget --by-rule`: remove what `[retention]` says is old enough.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mailvault::account::config::RetentionRule;
use mailvault::forget::ForgetReport;
use mailvault::forget::rules::{self, RulePlan};
use mailvault::mail::query::{self, Query};
use serde_json::{Value, json};

use super::{
    agrees, carry_out, check_asks, check_reason, check_save, save, show, summary, tell_of_copies,
    tell_of_saved,
};
use crate::cli::Done;
use crate::cli::args::{Forget, Global};
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::secrets;
use crate::cli::settings::Settings;
use crate::cli::text::{escape, plural};

/// Bytes of what a reason says of rules, and of what is added to it. Both have room in one.
const ROOM: usize = 2_000;

pub(super) fn run(
    args: &Forget,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    refuse_early(args, secrets::may_ask(global, out))?;
    let retention = &settings.config.retention;
    if retention.forget_after.is_empty() {
        let why = "The configuration has no rule in [retention].";
        return Ok(nothing(args, 0, why, out));
    }
    let now = Utc::now();
    let vault = settings.open_vault()?;
    let planned = rules::plan(&vault, retention, now)?;
    for (name, messages) in &planned.held {
        out.json("held", json!({"hold": name, "messages": messages}), false);
    }
    if planned.plan.messages == 0 {
        if out.out_terminal {
            tell_left_out(&planned, out);
        }
        let why = "No mail is old enough to be forgotten.";
        return Ok(nothing(args, planned.kept, why, out));
    }
    show(&vault, &queries(&planned, now)?, &planned.plan, args, out)?;
    tell_of_copies(settings, out);
    tell_left_out(&planned, out);
    if args.dry_run {
        return Ok(Done::new(0, summary_of(&planned, None, args.dry_run)));
    }
    if !args.yes && !agrees(&planned.plan, out)? {
        out.say("Nothing was removed.");
        return Ok(Done::new(1, summary_of(&planned, None, args.dry_run)));
    }
    if let Some(file) = &args.save {
        save(&vault, file, &planned.plan, out)?;
    }
    drop(vault);
    Ok(remove(&planned, args, settings, out))
}

fn remove(planned: &RulePlan, args: &Forget, settings: &Settings, out: &Output) -> Done {
    let reason = reason(&planned.rules, args.reason.as_deref());
    let wait = args.lock_wait.unwrap_or(Duration::ZERO);
    let mut spared = 0;
    let (code, report) = carry_out(settings, &reason, wait, out, |options, events| {
        let report = rules::apply(&settings.vault, planned, options, events)?;
        spared = report.spared;
        Ok((report.forgotten, report.is_whole))
    });
    if spared > 0 {
        let spared = plural(spared, "message");
        out.say(&format!(
            "{spared} came under keep or a hold meanwhile, and stay."
        ));
    }
    tell_of_saved(args, report.as_ref(), out);
    Done::new(code, summary_of(planned, report.as_ref(), false))
}

fn refuse_early(args: &Forget, asks: bool) -> Result<(), Failure> {
    check_save(args)?;
    if let Some(reason) = &args.reason {
        check_reason(Some(reason))?;
        if reason.len() > ROOM {
            return Err(Failure::usage(
                format!("the reason is longer than {ROOM} bytes"),
                "shorten it; the rules themselves are part of the reason",
            ));
        }
    }
    check_asks(args, asks)
}

fn nothing(args: &Forget, kept: u64, why: &str, out: &Output) -> Done {
    if out.out_terminal && !out.quiet {
        out.line(why);
    }
    let summary = json!({
        "messages": 0,
        "bytes": 0,
        "removed": 0,
        "files": 0,
        "masked_lines": 0,
        "kept": kept,
        "dry_run": args.dry_run,
    });
    Done::new(0, summary)
}

/// The summary, with what stays because of `keep`.
fn summary_of(planned: &RulePlan, report: Option<&ForgetReport>, dry_run: bool) -> Value {
    let mut summary = summary(&planned.plan, report, dry_run);
    summary["kept"] = planned.kept.into();
    summary
}

/// Says what is old enough and stays.
fn tell_left_out(planned: &RulePlan, out: &Output) {
    if out.quiet {
        return;
    }
    let verb = |messages| if messages == 1 { "stays" } else { "stay" };
    if planned.kept > 0 {
        let messages = plural(planned.kept, "more message");
        out.line(&format!(
            "{messages} {} because of keep.",
            verb(planned.kept)
        ));
    }
    for (name, held) in &planned.held {
        let messages = plural(*held, "more message");
        let name = escape(name);
        out.line(&format!("{messages} {}, held by {name}.", verb(*held)));
    }
}

/// What each rule selects, as a query.
fn queries(planned: &RulePlan, now: DateTime<Utc>) -> Result<Vec<Query>, Failure> {
    let query = |rule: &RetentionRule| {
        let text = format!("{} older:{}", rule.query, rule.age_text);
        Ok(query::parse_text(&text, now)?)
    };
    planned.rules.iter().map(query).collect()
}

/// The rules by which mail goes, and what is added to that.
fn reason(rules: &[RetentionRule], added: Option<&str>) -> String {
    let mut text = String::new();
    for (n, rule) in rules.iter().enumerate() {
        let rule = format!("rule: {} older than {}", rule.query, rule.age_text);
        let more = rules.len() - n;
        if text.len() + rule.len() > ROOM {
            text.push_str("; and ");
            text.push_str(&plural(more as u64, "more rule"));
            break;
        }
        if n > 0 {
            text.push_str("; ");
        }
        text.push_str(&rule);
    }
    match added {
        Some(added) => format!("{text}; {}", added.trim()),
        None => text,
    }
}
