//! What an upload would do, and what the server may refuse, in words.

use mailvault::base::error::PARTIAL;
use mailvault::export::imap::{Doubt, Outlook, RefusedUpload};
use serde_json::json;

use super::tell::{list, message_json};
use crate::cli::Done;
use crate::cli::export::print_omissions;
use crate::cli::output::Output;
use crate::cli::text::{Align, count, escape, plural, size, table};

/// For `--dry-run`.
pub(super) fn show(outlook: &Outlook, account: &str, out: &Output) -> Done {
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
pub(super) fn show_doubts(
    outlook: &Outlook,
    doubts: &[Doubt],
    account: &str,
    out: &Output,
) -> Done {
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
