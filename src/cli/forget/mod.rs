//! `mailvault forget`: remove messages from the vault for good.

mod remember;
mod rules;

use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use mailvault::base::error::Error;
use mailvault::base::event::RunEvent;
use mailvault::export;
use mailvault::forget::{self, ForgetOptions, ForgetPlan, ForgetReport};
use mailvault::mail::query::{self, Query};
use mailvault::vault::Vault;
use serde_json::{Value, json};

use super::Done;
use super::args::{Forget, Global};
use super::ask;
use super::frame;
use super::output::Output;
use super::report::{self, Failure};
use super::secrets;
use super::settings::Settings;
use super::signals::Stop;
use super::text::{cut, day, escape, plural, quoted, rfc3339, size, wrap};

pub(crate) use self::remember::run as remember;

/// What has to be typed: a word that nobody types by habit.
const WORD: &str = "forget";
/// Columns of a sender and a subject.
const SENDER: usize = 24;
const SUBJECT: usize = 40;

pub(crate) fn run(
    args: &Forget,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    if args.by_rule {
        return rules::run(args, settings, global, out);
    }
    let query = query::parse(&args.query, Utc::now())?;
    refuse_early(args, secrets::may_ask(global, out))?;
    let vault = settings.open_vault()?;
    let plan = forget::plan(&vault, &query)?;
    show(&vault, std::slice::from_ref(&query), &plan, args, out)?;
    tell_of_copies(settings, out);
    if args.dry_run {
        return Ok(Done::new(0, summary(&plan, None, args.dry_run)));
    }
    if !plan.holds.is_empty() {
        let holds = plan.holds.clone();
        return Err(Error::Held { holds }.into());
    }
    if !args.yes && !agrees(&plan, out)? {
        out.say("Nothing was removed.");
        return Ok(Done::new(1, summary(&plan, None, args.dry_run)));
    }
    if let Some(file) = &args.save {
        save(&vault, file, &plan, out)?;
    }
    drop(vault);
    let reason = args.reason.as_deref().unwrap_or_default();
    let wait = args.lock_wait.unwrap_or(Duration::ZERO);
    let (code, report) = remove(settings, &plan, reason, wait, out);
    tell_of_saved(args, report.as_ref(), out);
    Ok(Done::new(code, summary(&plan, report.as_ref(), false)))
}

/// Says that a file has the messages though nothing was removed.
fn tell_of_saved(args: &Forget, report: Option<&ForgetReport>, out: &Output) {
    if let (None, Some(file)) = (report, &args.save) {
        out.say(&format!("The messages stay saved in {}.", file.display()));
    }
}

/// Removes what was planned, tells of it, and gives the exit code.
pub(super) fn remove(
    settings: &Settings,
    plan: &ForgetPlan,
    reason: &str,
    lock_wait: Duration,
    out: &Output,
) -> (u8, Option<ForgetReport>) {
    carry_out(settings, reason, lock_wait, out, |options, events| {
        let report = forget::apply(&settings.vault, plan, options, events)?;
        Ok((report, report.messages >= plan.messages + plan.superseded))
    })
}

/// Runs a removal that also says whether it is whole, tells of it, and gives the exit code.
fn carry_out(
    settings: &Settings,
    reason: &str,
    lock_wait: Duration,
    out: &Output,
    apply: impl FnOnce(
        &ForgetOptions,
        &mut dyn FnMut(RunEvent<'_>),
    ) -> Result<(ForgetReport, bool), Error>,
) -> (u8, Option<ForgetReport>) {
    let stop = Stop::watch(
        out,
        "stopping after the messages in hand\n(press Ctrl-C again to quit now; the next command \
         completes what has begun)",
    );
    let options = ForgetOptions {
        reason: reason.trim().to_owned(),
        names: settings.config.names(),
        lock_wait,
        stop: stop.flag.clone(),
    };
    let done = frame::with_progress(out, [WORD], |events| apply(&options, events));
    match done {
        Ok((report, is_whole)) => {
            tell(&report, out);
            let code = if is_whole { 0 } else { stop.exit_code(1) };
            (code, Some(report))
        }
        Err(error) => {
            report::print(out, &error, None);
            (stop.exit_code(error.kind().exit_code()), None)
        }
    }
}

/// Refuses what could only end in nothing, before the vault is read.
fn refuse_early(args: &Forget, asks: bool) -> Result<(), Failure> {
    if args.query.is_empty() && !args.all {
        return Err(Failure::usage(
            "nothing is selected",
            "name messages by a query, such as id:4f2a91c0, or use --all for every message",
        ));
    }
    check_save(args)?;
    if args.dry_run {
        return Ok(());
    }
    check_reason(args.reason.as_deref())?;
    check_asks(args, asks)
}

/// Refuses a file that is there.
fn check_save(args: &Forget) -> Result<(), Failure> {
    match &args.save {
        Some(file) if file.symlink_metadata().is_ok() => Err(Failure::usage(
            format!("{} exists", file.display()),
            "name a new file, or leave --save out if the messages are in it",
        )),
        _ => Ok(()),
    }
}

/// Refuses to remove anything without an answer.
fn check_asks(args: &Forget, asks: bool) -> Result<(), Failure> {
    if args.dry_run || args.yes || asks {
        return Ok(());
    }
    Err(Failure::usage(
        "forget needs confirmation, but there is no terminal",
        "add --yes to remove, or --dry-run to preview",
    ))
}

/// Refuses a reason that says nothing, or has no room in the ledger.
pub(super) fn check_reason(reason: Option<&str>) -> Result<(), Failure> {
    match reason.map(str::trim) {
        None | Some("") => Err(Failure::usage(
            "a reason is missing",
            "add --reason 'why they must go'; it stays in the vault",
        )),
        Some(reason) if reason.len() > forget::MAX_REASON => Err(Failure::usage(
            format!("the reason is longer than {} bytes", forget::MAX_REASON),
            "shorten it",
        )),
        Some(_) => Ok(()),
    }
}

/// Shows what goes, and where servers still have it.
fn show(
    vault: &Vault,
    queries: &[Query],
    plan: &ForgetPlan,
    args: &Forget,
    out: &Output,
) -> Result<(), Failure> {
    for example in &plan.examples {
        let line = json!({
            "id": example.id.to_string(),
            "date": rfc3339(example.date),
            "from": example.from,
            "subject": example.subject,
        });
        out.json("message", line, false);
    }
    for (account, messages) in &plan.on_server {
        out.json(
            "on_server",
            json!({"account": account, "messages": messages}),
            false,
        );
    }
    for (name, messages) in &plan.holds {
        out.json("held", json!({"hold": name, "messages": messages}), false);
    }
    if out.quiet {
        return Ok(());
    }
    for example in &plan.examples {
        out.line(&format!(
            "{}  {}  {:SENDER$}  {}",
            vault.short_id(example.id)?,
            day(example.date),
            cut(&escape(&example.from), SENDER),
            cut(&escape(&example.subject), SUBJECT),
        ));
    }
    let more = plan.messages - plan.examples.len() as u64;
    if more > 0 {
        out.line(&format!("and {more} more"));
    }
    for (name, messages) in &plan.holds {
        out.line(&format!(
            "The hold {} covers {}, so nothing can be removed.",
            escape(name),
            plural(*messages, "message")
        ));
    }
    let forms = match plan.superseded {
        0 => String::new(),
        forms => format!(", and {} of them", plural(forms, "cut or wrong form")),
    };
    let verb = if args.dry_run {
        "would be removed"
    } else {
        "to remove"
    };
    out.line(&format!(
        "{} ({}){forms} {verb} from the vault for good.",
        plural(plan.messages, "message"),
        size(plan.octets)
    ));
    for (account, messages) in &plan.on_server {
        let account = escape(account);
        let purges = queries.iter().map(|query| purge(&account, query));
        let purges: Vec<String> = purges.collect();
        out.line(&format!(
            "{account}: the server still has {messages} of them. To delete them there, do it \
             first, since\nit needs the copy in the vault: {}",
            purges.join("; ")
        ));
    }
    Ok(())
}

/// The purge that deletes the same on the server.
fn purge(account: &str, query: &Query) -> String {
    let query = query.to_string();
    if query.is_empty() {
        format!("mailvault purge {account} --all")
    } else {
        format!("mailvault purge {account} --match {}", quoted(&query))
    }
}

/// What was pushed cannot be taken back.
pub(super) fn tell_of_copies(settings: &Settings, out: &Output) {
    let places: Vec<&str> = settings.config.offsite.keys().map(String::as_str).collect();
    if places.is_empty() || out.quiet {
        return;
    }
    let text = format!(
        "A second copy ({}) keeps what was pushed before: whoever has its private key can read it there.",
        places.join(", ")
    );
    out.line(&wrap(&text, "", 0, report::COLUMNS));
}

fn agrees(plan: &ForgetPlan, out: &Output) -> Result<bool, Failure> {
    let question = format!(
        "There is no undo. Type {WORD} to remove {}",
        if plan.messages == 1 { "it" } else { "them" }
    );
    match ask::line(out, &question, Some("no")) {
        Ok(typed) => Ok(typed == WORD),
        Err(error) => Err(error.into()),
    }
}

/// Exports what goes to a new file, and is content with nothing less than all of it.
fn save(vault: &Vault, file: &Path, plan: &ForgetPlan, out: &Output) -> Result<(), Failure> {
    let export = export::plan_contents(vault, plan.contents(), file)?;
    let stop = Stop::watch(out, "stopping after the current message");
    let report = frame::with_progress(out, ["export"], |events| {
        export::apply(vault, &export, &mut std::io::sink(), &stop.flag, events)
    })?;
    if report.written < plan.messages {
        return Err(Error::Unfit {
            doing: "save to",
            path: file.to_path_buf(),
            reason: format!(
                "{} of {} could be written, so nothing was removed",
                report.written,
                plural(plan.messages, "message")
            ),
            hint: Some("'mailvault verify' says what is wrong with the others".to_owned()),
        }
        .into());
    }
    if !out.quiet {
        out.line(&format!(
            "Saved {} to {}.",
            plural(report.written, "message"),
            out.link(file)
        ));
    }
    Ok(())
}

fn tell(report: &ForgetReport, out: &Output) {
    if out.quiet {
        return;
    }
    out.line(&format!(
        "Removed {} and {} from the vault.",
        plural(report.messages, "message"),
        plural(report.files, "file")
    ));
    out.line(
        "Backups, snapshots and exports of the vault may still have them.\n\
         mailvault remember lists what was forgotten.",
    );
}

fn summary(plan: &ForgetPlan, report: Option<&ForgetReport>, dry_run: bool) -> Value {
    json!({
        "messages": plan.messages,
        "bytes": plan.octets,
        "removed": report.map_or(0, |report| report.messages),
        "files": report.map_or(0, |report| report.files),
        "masked_lines": report.map_or(0, |report| report.lines),
        "dry_run": dry_run,
    })
}
