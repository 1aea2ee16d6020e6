//! What came of an upload, in words.

use mailvault::base::error::PARTIAL;
use mailvault::export::imap::{RefusedUpload, UploadReport};
use serde_json::{Value, json};

use crate::cli::export::print_omissions;
use crate::cli::output::Output;
use crate::cli::report;
use crate::cli::text::{Align, count, day, escape, plural, size, table};

/// Messages of one list that are shown; JSON has them all.
const SHOWN: usize = 20;

pub(super) fn code(report: &UploadReport) -> u8 {
    let whole = report.refused.is_empty()
        && report.stripped.is_empty()
        && report.doubled.is_empty()
        && report.left_out.is_empty();
    if whole { 0 } else { PARTIAL }
}

/// What came of an upload.
pub(super) fn tell(report: &UploadReport, account: &str, whole: bool, out: &Output) {
    tell_programs(report, out);
    if !out.quiet {
        tell_people(report, account, whole, out);
    }
    print_omissions(&report.omitted, out);
    if report.undated > 0 {
        let text = format!(
            "note: {} without a date got the date on which mailvault archived it",
            plural(report.undated, "message")
        );
        out.say(&text);
    }
    for renamed in &report.renamed {
        let text = format!(
            "the server refused the folder name {}; its messages are in {}",
            escape(&renamed.folder),
            escape(&renamed.mailbox),
        );
        report::warn(out, &text, None);
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
            let hint = "something else changed it meanwhile, or the server treats copies as one \
            message";
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
            out.line("  hint: --again also uploads what was deleted there since");
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
pub(super) fn list(label: &str, messages: &[&RefusedUpload], out: &Output) {
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

pub(super) fn message_json(message: &RefusedUpload) -> Value {
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
    for renamed in &report.renamed {
        let line = json!({"folder": renamed.folder, "mailbox": renamed.mailbox});
        out.json("renamed", line, false);
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

pub(super) fn summary(report: &UploadReport) -> Value {
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
