//! What an export would do or did, in lines for people and for programs.

use mailvault::export::{ExportReport, Plan};
use serde_json::json;

use crate::cli::Done;
use crate::cli::args::Export;
use crate::cli::output::Output;
use crate::cli::report;
use crate::cli::text::{Align, count, escape, plural, size, table};

/// The plan, for `--dry-run`.
pub(super) fn show(plan: &Plan, args: &Export, out: &Output) -> Done {
    let selection = &plan.selection;
    let several = selection.accounts().len() > 1;
    let rows = selection.folders.iter().map(|part| {
        let folder = mailvault::vault::layout::folder_label(&part.dir);
        out.json(
            "folder",
            json!({
                "account": part.account,
                "folder": folder,
                "messages": part.messages,
                "bytes": part.octets,
            }),
            false,
        );
        let account = if several { part.account.as_str() } else { "" };
        vec![
            escape(account).into_owned(),
            escape(&folder).into_owned(),
            count(part.messages),
            size(part.octets),
        ]
    });
    let rows: Vec<_> = rows.collect();
    for line in table(
        &rows,
        &[Align::Left, Align::Left, Align::Right, Align::Right],
    ) {
        out.line(line.trim_start());
    }
    out.line(&format!(
        "would export {}, {}, to {}",
        plural(selection.messages(), "message"),
        size(selection.octets),
        escape(&args.dest),
    ));
    Done::new(
        0,
        json!({
            "messages": selection.messages(),
            "bytes": selection.octets,
            "gone": selection.omitted.messages,
            "unknown": selection.omitted.unknown,
            "dry_run": true,
        }),
    )
}

/// What came of it.
pub(super) fn tell(report: &ExportReport, args: &Export, to_stdout: bool, out: &Output) {
    for left in &report.left_out {
        let id = left.id.to_string();
        out.json(
            "left_out",
            json!({"id": id, "subject": left.subject, "reason": left.reason}),
            true,
        );
        let text = format!(
            "{} \"{}\" is left out: {}",
            &id[..8],
            escape(&left.subject),
            escape(&left.reason),
        );
        report::warn(out, &text, None);
    }
    if !report.left_out.is_empty() {
        let hint = "'mailvault verify --read-data' shows what is damaged";
        report::warn(
            out,
            &plural(report.left_out.len() as u64, "message").replace("message", "damaged message"),
            Some(hint),
        );
    }
    for (n, file) in report.foreign.iter().enumerate() {
        let file = file.to_string_lossy();
        out.json("changed_file", json!({"path": file}), true);
        let text = format!(
            "{} was changed by another program since it was exported, so nothing is written to it",
            escape(&file),
        );
        let last = n + 1 == report.foreign.len();
        let hint = last.then_some("export to a new directory to get all of its mail");
        report::warn(out, &text, hint);
    }
    if to_stdout || out.quiet {
        return;
    }
    let there = match report.there {
        0 => String::new(),
        there => format!(", {} already there", count(there)),
    };
    match report.written + report.there + report.not_written {
        0 => out.line("no messages match"),
        _ => out.line(&format!(
            "{}, {}, exported to {}{there}",
            plural(report.written, "message"),
            size(report.octets),
            escape(&args.dest),
        )),
    }
}
