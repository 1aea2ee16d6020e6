//! `mailvault export imap:ACCOUNT`: mail from the vault to a server.

use std::time::Duration;

use chrono::Utc;
use mailvault::account::config::{Account, Protocol};
use mailvault::base::error::{Error, PARTIAL};
use mailvault::export::imap::{Doubt, Outlook, RefusedUpload, UploadReport};
use mailvault::export::upload::{self, UploadOptions};
use mailvault::mail::query;
use serde_json::{Value, json};

use super::print_omissions;
use crate::cli::Done;
use crate::cli::args::{Export, Global};
use crate::cli::ask;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::report::{self, Failure};
use crate::cli::secrets;
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;
use crate::cli::text::{Align, count, day, escape, plural, size, table};

/// Messages of one list that are shown; JSON has them all.
const SHOWN: usize = 20;

pub(super) fn run(
    args: &Export,
    account: &str,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    if args.format.is_some() || args.crlf {
        return Err(Failure::usage(
            "--format and --crlf are for files",
            "leave them out: a server gets the messages as they are",
        ));
    }
    let account = chosen(account, settings)?;
    let name = account.name.clone();
    let query = query::parse(&args.query, Utc::now())?;
    let stop = Stop::watch(
        out,
        "stopping; what the server has is noted, and the next run continues from\n\
         there (press Ctrl-C again to quit now)",
    );
    let mut options = UploadOptions {
        into: args.into.clone(),
        again: args.again,
        gone: args.gone,
        several: false,
        lock_wait: args.lock_wait.unwrap_or(Duration::ZERO),
        stop: stop.flag.clone(),
    };
    let env = settings.secret_env(std::iter::once(&account));
    let asks = secrets::may_ask(global, out);
    let job = secrets::job(account.clone(), &env, asks, out);
    let mut progress = Progress::new(out, std::iter::once(name.as_str()));
    let vault = &settings.vault;
    let failed = |error, done| {
        report::print(out, &error, Some(&name));
        Ok(Done::new(stop.exit_code(error.kind().exit_code()), done))
    };
    if args.dry_run || args.check {
        let mut doubts = Vec::new();
        let mut events = |event: mailvault::base::event::RunEvent<'_>| progress.event(&event);
        let outlook = if args.check {
            let each = &mut |doubt| doubts.push(doubt);
            upload::check(vault, &query, job, &options, &mut events, each)
        } else {
            upload::outlook(vault, &query, job, &options, &mut events)
        };
        progress.clear();
        return match outlook {
            Ok(outlook) if args.check => Ok(show_doubts(&outlook, &doubts, &name, out)),
            Ok(outlook) => Ok(show(&outlook, &name, out)),
            Err(error) => failed(error, json!({})),
        };
    }
    let mut done = upload::upload(vault, &query, job, &options, &mut |event| {
        progress.event(&event);
    });
    progress.clear();
    if let (Err(Error::SeveralAccounts { accounts }), true) = (&done, asks) {
        if !agrees(accounts, &name, out)? {
            out.say("Nothing was uploaded.");
            return Ok(Done::new(1, json!({})));
        }
        options.several = true;
        let job = secrets::job(account, &env, asks, out);
        done = upload::upload(vault, &query, job, &options, &mut |event| {
            progress.event(&event);
        });
        progress.clear();
    }
    let (report, error) = match done {
        Ok(done) => done,
        Err(error) => return failed(error, json!({})),
    };
    tell(&report, &name, error.is_none(), out);
    match error {
        Some(error) => failed(error, summary(&report)),
        None => Ok(Done::new(code(&report), summary(&report))),
    }
}

/// Asks whether mail of all these accounts is to go into one.
fn agrees(accounts: &[String], into: &str, out: &Output) -> Result<bool, Failure> {
    let question = format!(
        "Upload mail from {} accounts ({}) to {}? Type yes to go ahead",
        accounts.len(),
        accounts.join(", "),
        escape(into)
    );
    Ok(ask::line(out, &question, Some("no"))?.eq_ignore_ascii_case("yes"))
}

/// The account that takes the mail.
fn chosen(name: &str, settings: &Settings) -> Result<Account, Failure> {
    if name.is_empty() {
        return Err(Failure::usage(
            "imap: lacks the name of an account",
            "name one of the configuration: mailvault export imap:home",
        ));
    }
    let account = settings.accounts(&[name.to_owned()])?.remove(0);
    if account.protocol == Protocol::Pop3 {
        return Err(Failure::usage(
            format!("{} is a POP3 account, and POP3 takes no mail", account.name),
            "add an account with protocol = \"imap\" for the same mailbox",
        ));
    }
    Ok(account)
}

fn code(report: &UploadReport) -> u8 {
    let whole = report.refused.is_empty()
        && report.stripped.is_empty()
        && report.doubled.is_empty()
        && report.left_out.is_empty();
    if whole { 0 } else { PARTIAL }
}

/// For `--dry-run`.
fn show(outlook: &Outlook, account: &str, out: &Output) -> Done {
    outlines(outlook, out);
    let rows: Vec<Vec<String>> = outlook
        .goals
        .iter()
        .map(|goal| {
            let before = match goal.before {
                0 => String::new(),
                before => format!("{} uploaded before", count(before)),
            };
            vec![
                escape(&goal.folder).into_owned(),
                count(goal.messages),
                size(goal.octets),
                if goal.missing { "new" } else { "" }.to_owned(),
                before,
            ]
        })
        .collect();
    let (left, right) = (Align::Left, Align::Right);
    for line in table(&rows, &[left, right, right, left, left]) {
        out.line(line.trim());
    }
    remarks(outlook, out);
    let (messages, before) = totals(outlook);
    out.line(&format!(
        "would upload {} to {}",
        plural(messages - before, "message"),
        escape(account)
    ));
    Done::new(
        0,
        json!({
            "messages": messages,
            "before": before,
            "gone": outlook.omitted.messages,
            "unknown": outlook.omitted.unknown,
            "dry_run": true,
        }),
    )
}

fn totals(outlook: &Outlook) -> (u64, u64) {
    let goals = &outlook.goals;
    let messages = goals.iter().map(|goal| goal.messages).sum();
    (messages, goals.iter().map(|goal| goal.before).sum())
}

/// What is known of the server, and whose mail it is.
fn outlines(outlook: &Outlook, out: &Output) {
    print_omissions(&outlook.omitted, out);
    if outlook.accounts.len() > 1 {
        let accounts = outlook.accounts.join(", ");
        out.line(&format!("mail of {accounts}"));
    }
    let quota = outlook.quota;
    for goal in &outlook.goals {
        out.json(
            "folder",
            json!({
                "folder": goal.folder,
                "new": goal.missing,
                "messages": goal.messages,
                "bytes": goal.octets,
                "before": goal.before,
                "remarks": goal.remarks,
            }),
            false,
        );
    }
    out.json(
        "server",
        json!({
            "prefix": outlook.prefix,
            "accounts": outlook.accounts,
            "quota_used": quota.map(|q| q.0),
            "quota": quota.map(|q| q.1),
        }),
        false,
    );
    let mut words = Vec::new();
    if !outlook.prefix.is_empty() {
        words.push(format!("prefix \"{}\"", escape(&outlook.prefix)));
    }
    if let Some((used, limit)) = quota {
        words.push(format!("quota {} of {} used", size(used), size(limit)));
        // What was uploaded before counts in messages only, so this is the most that it takes.
        let wanted = outlook
            .goals
            .iter()
            .filter(|goal| goal.before < goal.messages);
        let wanted: u64 = wanted.map(|goal| goal.octets).sum();
        let room = limit.saturating_sub(used);
        if wanted > room {
            words.push(format!(
                "{} too little for {}",
                size(wanted - room),
                size(wanted)
            ));
        }
    }
    if !words.is_empty() {
        out.line(&words.join(", "));
    }
}

/// What is to be said of names of folders, and how much that is.
fn remarks(outlook: &Outlook, out: &Output) -> usize {
    let all = outlook.goals.iter().flat_map(|goal| &goal.remarks);
    for remark in all.clone() {
        out.line(&format!("{:<14}{}", "folder", escape(remark)));
    }
    all.count()
}

/// For `--check`.
fn show_doubts(outlook: &Outlook, doubts: &[Doubt], account: &str, out: &Output) -> Done {
    outlines(outlook, out);
    for doubt in doubts {
        let mut line = message_json(&doubt.message);
        line["certain"] = doubt.certain.into();
        out.json("doubt", line, false);
    }
    let (sure, unsure): (Vec<&Doubt>, Vec<&Doubt>) = doubts.iter().partition(|d| d.certain);
    let mut counts = [0, 0];
    for (n, (doubts, label)) in [(sure, "will refuse"), (unsure, "may refuse")]
        .into_iter()
        .enumerate()
    {
        let messages: Vec<&RefusedUpload> = doubts.iter().map(|doubt| &doubt.message).collect();
        counts[n] = messages.len() as u64;
        list(label, &messages, out);
    }
    let (messages, before) = totals(outlook);
    let names = remarks(outlook, out);
    if doubts.is_empty() && names == 0 {
        out.line(&format!(
            "{} checked; no problems found for uploading them to {}",
            plural(messages - before, "message"),
            escape(account)
        ));
    }
    Done::new(
        if doubts.is_empty() && names == 0 {
            0
        } else {
            PARTIAL
        },
        json!({
            "messages": messages,
            "before": before,
            "gone": outlook.omitted.messages,
            "unknown": outlook.omitted.unknown,
            "certain": counts[0],
            "uncertain": counts[1],
            "names": names,
            "check": true,
        }),
    )
}

/// What came of an upload.
fn tell(report: &UploadReport, account: &str, whole: bool, out: &Output) {
    tell_programs(report, out);
    if !out.quiet {
        tell_people(report, account, whole, out);
    }
    print_omissions(&report.omitted, out);
    if report.undated > 0 {
        let text = format!(
            "note: {} without any date got the one on which mailvault archived it",
            plural(report.undated, "message")
        );
        out.say(&text);
    }
    for folder in &report.folders {
        if let (Some(held), Some(holds)) = (folder.held, folder.holds)
            && u64::from(held) + folder.uploaded != u64::from(holds)
        {
            let text = format!(
                "{} held {} before, got {}, and now holds {}",
                escape(&folder.folder),
                plural(held.into(), "message"),
                count(folder.uploaded),
                count(holds.into()),
            );
            let hint = "somebody else changed it meanwhile, or the server took copies for one";
            report::warn(out, &text, Some(hint));
        }
    }
    if !report.left_out.is_empty() {
        let hint = "'mailvault verify --read-data' shows what is damaged";
        let text = format!(
            "{} left out",
            plural(report.left_out.len() as u64, "damaged message")
        );
        report::warn(out, &text, Some(hint));
    }
}

fn tell_people(report: &UploadReport, account: &str, whole: bool, out: &Output) {
    let there = report.there + report.before;
    let clean = whole && code(report) == 0;
    if let ([folder], true, 0) = (&report.folders[..], clean, there) {
        out.line(&format!(
            "{} put into {} of {}.",
            plural(report.uploaded, "message"),
            escape(&folder.folder),
            escape(account),
        ));
        return;
    }
    if clean && report.uploaded == 0 {
        out.line(&match there {
            0 => "no messages match".to_owned(),
            1 => format!("the message is in {} already", escape(account)),
            all => format!(
                "all {} messages are in {} already",
                count(all),
                escape(account)
            ),
        });
        if report.before > 0 {
            out.line("  hint: what was deleted there since is uploaded with --again");
        }
        return;
    }
    let row = |label: &str, number: u64, rest: &str| {
        out.line(format!("{label:<14}{:>8}   {rest}", count(number)).trim_end());
    };
    row("uploaded", report.uploaded, &size(report.octets));
    if there > 0 {
        row("already there", there, "");
    }
    list("refused", &report.refused.iter().collect::<Vec<_>>(), out);
    list("changed", &report.stripped.iter().collect::<Vec<_>>(), out);
    list("doubled", &report.doubled.iter().collect::<Vec<_>>(), out);
    let number = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| count(n.into()));
    let mut rows = vec![
        ["folder", "before", "uploaded", "now"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(report.folders.iter().map(|folder| {
        vec![
            escape(&folder.folder).into_owned(),
            number(folder.held),
            count(folder.uploaded),
            number(folder.holds),
        ]
    }));
    if rows.len() > 1 {
        for line in table(
            &rows,
            &[Align::Left, Align::Right, Align::Right, Align::Right],
        ) {
            out.line(line.trim_start());
        }
    }
    if whole && !report.refused.is_empty() {
        let refused = count(report.refused.len() as u64);
        out.line(&format!(
            "Done with {refused} refused. Running the same command again continues from here."
        ));
    }
}

/// Messages by what became of them, each kind with the first of its messages.
fn list(label: &str, messages: &[&RefusedUpload], out: &Output) {
    let mut reasons: Vec<(&str, Vec<&RefusedUpload>)> = Vec::new();
    for message in messages {
        match reasons
            .iter_mut()
            .find(|(reason, _)| *reason == message.reason)
        {
            Some((_, all)) => all.push(message),
            None => reasons.push((&message.reason, vec![message])),
        }
    }
    for (reason, messages) in reasons {
        let number = count(messages.len() as u64);
        out.line(&format!("{label:<14}{number:>8}   {}", escape(reason)));
        for message in messages.iter().take(SHOWN) {
            out.line(&format!(
                "{:>19}  {:>9}  {}  {}",
                &message.id.to_string()[..8],
                size(message.octets),
                day(message.date),
                escape(&message.subject),
            ));
        }
        if messages.len() > SHOWN {
            let more = count((messages.len() - SHOWN) as u64);
            out.line(&format!("{:>19}  ({more} more: --json lists them)", ""));
        }
    }
}

fn message_json(message: &RefusedUpload) -> Value {
    json!({
        "id": message.id.to_string(),
        "folder": message.folder,
        "bytes": message.octets,
        "subject": message.subject,
        "reason": message.reason,
    })
}

fn tell_programs(report: &UploadReport, out: &Output) {
    for message in &report.refused {
        out.json("refused", message_json(message), false);
    }
    for message in &report.stripped {
        out.json("changed", message_json(message), false);
    }
    for message in &report.doubled {
        out.json("doubled", message_json(message), false);
    }
    for left in &report.left_out {
        let id = left.id.to_string();
        let line = json!({"id": id, "subject": left.subject, "reason": left.reason});
        out.json("left_out", line, true);
        let subject = escape(&left.subject);
        let text = format!(
            "{} \"{subject}\" is left out: {}",
            &id[..8],
            escape(&left.reason)
        );
        report::warn(out, &text, None);
    }
    for folder in &report.folders {
        let line = json!({
            "folder": folder.folder,
            "before": folder.held,
            "uploaded": folder.uploaded,
            "now": folder.holds,
        });
        out.json("folder", line, false);
    }
}

fn summary(report: &UploadReport) -> Value {
    json!({
        "uploaded": report.uploaded,
        "bytes": report.octets,
        "there": report.there,
        "before": report.before,
        "copies": report.copies,
        "undated": report.undated,
        "refused": report.refused.len(),
        "changed": report.stripped.len(),
        "doubled": report.doubled.len(),
        "left_out": report.left_out.len(),
        "gone": report.omitted.messages,
        "unknown": report.omitted.unknown,
        "dry_run": false,
    })
}
