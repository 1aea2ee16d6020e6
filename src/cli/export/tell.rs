//! What an export would do or did, in lines for people and for programs.

use std::path::Path;

use mailvault::export::{ExportReport, KeptNames, Plan};
use mailvault::vault::Vault;
use serde_json::{Value, json};

use crate::cli::Done;
use crate::cli::args::Export;
use crate::cli::output::Output;
use crate::cli::report;
use crate::cli::text::{Align, count, escape, plural, size, table};

/// Messages that are warned of one by one.
const WARNED: usize = 10;
/// Folders that a note names.
const SHOWN: usize = 5;

/// The plan, for `--dry-run`.
pub(super) fn show(vault: &Vault, plan: &Plan, args: &Export, out: &Output) -> Done {
    let selection = &plan.selection;
    let several = selection.accounts().len() > 1;
    let rows = selection.folders.iter().map(|part| {
        let folder = mailvault::vault::layout::folder_label(&part.dir);
        out.json(
            "folder",
            json!({
                "account": vault.shown(&part.account),
                "folder": folder,
                "messages": part.messages,
                "bytes": part.octets,
            }),
            false,
        );
        let account = if several {
            vault.shown(&part.account)
        } else {
            ""
        };
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
pub(crate) fn tell(report: &ExportReport, dest: &Path, to_stdout: bool, out: &Output) {
    for (n, left) in report.left_out.iter().enumerate() {
        let id = left.id.to_string();
        out.json(
            "left_out",
            json!({"id": id, "subject": left.subject, "reason": left.reason}),
            true,
        );
        if n >= WARNED {
            continue;
        }
        let text = format!(
            "{} \"{}\" is left out: {}",
            &id[..8],
            escape(&left.subject),
            escape(&left.reason),
        );
        report::warn(out, &text, None);
    }
    if !report.left_out.is_empty() {
        let all = report.left_out.len();
        let more = match all.saturating_sub(WARNED) {
            0 => String::new(),
            more => format!(", {} of them not named here", count(more as u64)),
        };
        let text = format!(
            "{} left out{more}",
            plural(all as u64, "missing or damaged message")
        );
        let hint = "'mailvault verify --read-data' shows what is missing or damaged";
        report::warn(out, &text, Some(hint));
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
    tell_unlinked(report, out);
    if let Some(kept) = &report.kept {
        tell_kept(kept, out);
    }
    if to_stdout || out.quiet {
        return;
    }
    let copies = match report.copies {
        0 => String::new(),
        1 => ", 1 copy in another folder".to_owned(),
        copies => format!(", {} copies in other folders", count(copies)),
    };
    let there = match report.there {
        0 => String::new(),
        there => format!(", {} already there", count(there)),
    };
    let not_written = match report.not_written {
        0 => String::new(),
        not_written => format!(", {} not written", count(not_written)),
    };
    let left_out = report.left_out.len() as u64;
    match report.written + report.there + report.not_written + left_out {
        0 => out.line("no messages match"),
        _ => out.line(&format!(
            "{}, {}, exported to {}{copies}{there}{not_written}",
            plural(report.written, "message"),
            size(report.octets),
            out.link(dest),
        )),
    }
}

/// What earlier exports wrote and this one does not lead to.
fn tell_unlinked(report: &ExportReport, out: &Output) {
    let unlinked = &report.unlinked;
    if unlinked.count == 0 {
        return;
    }
    for file in &unlinked.names {
        out.json(
            "unlinked_file",
            json!({"path": file.to_string_lossy()}),
            false,
        );
    }
    let names = unlinked.names.iter().map(|file| file.to_string_lossy());
    let names: Vec<String> = names.map(std::borrow::Cow::into_owned).collect();
    out.say(&format!(
        "note: {} of earlier exports {} and no page leads to {}: {}; export to a new directory to be \
         rid of {}",
        plural(unlinked.count, "file"),
        if unlinked.count == 1 { "stays" } else { "stay" },
        if unlinked.count == 1 { "it" } else { "them" },
        some(&names, unlinked.count),
        if unlinked.count == 1 { "it" } else { "them" },
    ));
}

/// What became of the names that the old server gave the messages.
fn tell_kept(kept: &KeptNames, out: &Output) {
    if !out.quiet {
        let new = match kept.new_uids {
            0 => String::new(),
            new => format!("; new UIDs for {}", count(new)),
        };
        out.say(&format!(
            "kept the UIDs of {} and the POP3 UIDLs of {}{new}",
            plural(kept.uids, "message"),
            count(kept.uidls),
        ));
    }
    for (folders, why) in [
        (&kept.unknown, "not pulled over IMAP, so the UIDs are new"),
        (
            &kept.renumbered,
            "renumbered by the server since the first export, whose UIDs stay",
        ),
        (
            &kept.late,
            "the first export knew no UIDs, and its own stay; an export into a new directory \
             gets the server's",
        ),
    ] {
        if !folders.is_empty() {
            out.say(&format!(
                "note: {why}: {}",
                some(folders, folders.len() as u64)
            ));
        }
    }
    for file in &kept.foreign {
        let file = file.display().to_string();
        out.say(&format!(
            "note: Dovecot has opened the mailbox of {}, or the file was changed, so it stays as \
             it is and Dovecot gives UIDs to what is new there",
            escape(&file)
        ));
    }
    if kept.others > 0 {
        out.say(&format!(
            "note: {} of messages that the server has several times in a folder, and the export once, \
             are left out",
            plural(kept.others, "UID or UIDL").replace("UID or UIDLs", "UIDs or UIDLs"),
        ));
    }
    if kept.unfit_uidls > 0 {
        let one = kept.unfit_uidls == 1;
        let text = format!(
            "{} {} characters that are not allowed: POP3 programs will fetch {} again",
            plural(kept.unfit_uidls, "UIDL"),
            if one { "has" } else { "have" },
            if one {
                "that message"
            } else {
                "those messages"
            },
        );
        report::warn(out, &text, None);
    }
}

/// The first of these names, and how many more of all there are.
fn some(names: &[String], all: u64) -> String {
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| escape(name)).collect();
    let more = match all.saturating_sub(shown.len() as u64) {
        0 => String::new(),
        more => format!(" and {} more", count(more)),
    };
    shown.join(", ") + &more
}

/// The same for programs.
pub(super) fn kept_json(kept: &KeptNames) -> Value {
    let foreign = kept.foreign.iter().map(|file| file.display().to_string());
    json!({
        "uids": kept.uids,
        "new_uids": kept.new_uids,
        "uidls": kept.uidls,
        "unfit_uidls": kept.unfit_uidls,
        "others": kept.others,
        "unknown": kept.unknown,
        "renumbered": kept.renumbered,
        "late": kept.late,
        "foreign": foreign.collect::<Vec<_>>(),
    })
}
