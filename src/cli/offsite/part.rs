//! `mailvault offsite restore` of a part: files, and not a vault.

use std::io;

use chrono::Utc;
use mailvault::base::error::{ErrorKind, PARTIAL};
use mailvault::export::{self, Destination, ExportReport, Format, Plan};
use mailvault::mail::query::{self, Query};
use mailvault::offsite::restore::{PartOptions, PartReport, RestoredPart, restore_part};
use mailvault::vault::SelectionScope;
use serde_json::{Value, json};

use super::missing::{print_damaged, print_missing};
use super::source::OpenCopy;
use super::{CopyMeter, strays, words};
use crate::cli::Done;
use crate::cli::args::{Global, OffsiteRestore};
use crate::cli::export::{format_of, print_omissions, tell};
use crate::cli::frame;
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::settings::Settings;

/// True if only some messages are to be restored.
pub(super) fn is_wanted(args: &OffsiteRestore) -> bool {
    !args.query.is_empty() || !args.accounts.is_empty()
}

pub(super) fn run(
    args: &OffsiteRestore,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let query = query::parse(&args.query, Utc::now())?.in_accounts(&args.accounts);
    let format = args.format.map_or(Format::Maildir, format_of);
    // Before anything is downloaded.
    export::check_folder(&settings.vault, &args.dir, format)?;
    let stopping = "stopping; what is written stays, and the same command writes the rest \
                    (press Ctrl-C again to quit now)";
    let copy = OpenCopy::of(args, settings, global, (out, stopping))?;
    let part = fetched(args, &query, &copy, settings, out)?;
    let folder = Destination::Folder(args.dir.clone(), format);
    let plan = export::plan(&part.vault, &query, folder, scope(args), false)?;
    print_omissions(&plan.selection.omitted, out);
    let written = frame::with_progress(out, ["export"], |events| {
        export::apply(&part.vault, &plan, &mut io::sink(), &copy.stop.flag, events)
    });
    let written = match written {
        Ok(written) => written,
        Err(error) => return Ok(frame::failed(out, &copy.stop, &error, None)),
    };
    let report = part.report.clone();
    // What was written is said even if this fails.
    let removed = part.remove();
    print(args, &query, (&plan, &report, &written), out);
    removed?;
    let code = code_of(&report, &written);
    let summary = summary(&plan, &report, &written);
    Ok(Done::new(copy.stop.exit_code(code), summary))
}

fn scope(args: &OffsiteRestore) -> SelectionScope {
    if args.gone {
        SelectionScope::All
    } else {
        SelectionScope::OnServer
    }
}

/// Fetches the messages into a scratch folder below the directory.
fn fetched(
    args: &OffsiteRestore,
    query: &Query,
    copy: &OpenCopy,
    settings: &Settings,
    out: &Output,
) -> Result<RestoredPart, Failure> {
    let name = copy.place.name.as_str();
    let options = PartOptions {
        identities: &copy.keys,
        head: copy.head,
        query,
        scope: scope(args),
        names: &settings.config.names(),
        stop: &copy.stop.flag,
    };
    let part = frame::with_progress(out, [name], |events| {
        let mut heard = CopyMeter::new(name, events);
        restore_part(&copy.store, &args.dir, options, &mut |so_far| {
            heard.tell(so_far);
        })
    });
    part.map_err(|error| words::failure(error, name))
}

fn code_of(report: &PartReport, written: &ExportReport) -> u8 {
    if report.missing > 0 || !report.whole_ledger || !written.left_out.is_empty() {
        ErrorKind::Damaged.exit_code()
    } else if written.foreign.is_empty() {
        0
    } else {
        PARTIAL
    }
}

fn print(
    args: &OffsiteRestore,
    query: &Query,
    (plan, report, written): (&Plan, &PartReport, &ExportReport),
    out: &Output,
) {
    print_damaged(&report.damaged, out);
    strays(&report.strays, out);
    // Who is left out is said in the words of a restore.
    let written = ExportReport {
        left_out: Vec::new(),
        ..written.clone()
    };
    let any = written.written + written.there + written.not_written > 0;
    if any || plan.selection.messages() == 0 {
        tell(&written, &args.dir, false, out);
    }
    let what = if query.needs_contents() {
        "could not be looked at"
    } else {
        "not restored"
    };
    print_missing(what, report.missing, &report.first_missing, out);
    if !report.whole_ledger {
        out.line("The vault's records are damaged, as they were when they were pushed.");
    }
    if any && !out.quiet {
        out.line(
            "These are files, not a vault. A restore without --account and query makes the whole \
             vault.",
        );
    }
}

fn summary(plan: &Plan, report: &PartReport, written: &ExportReport) -> Value {
    json!({
        "head": report.head,
        "selected": plan.selection.messages(),
        "fetched": report.fetched,
        "bytes": report.bytes,
        "written": written.written,
        "written_bytes": written.octets,
        "there": written.there,
        "changed_files": written.foreign.len(),
        "not_written": written.not_written,
        "gone": plan.selection.omitted.messages,
        "unknown": plan.selection.omitted.unknown,
        "missing": report.missing,
        "damaged": report.damaged.len(),
        "whole_records": report.whole_ledger,
    })
}
