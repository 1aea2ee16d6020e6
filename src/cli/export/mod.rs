//! `mailvault export`: copy mail out of the vault.

mod tell;
mod upload;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::Utc;
use mailvault::base::error::PARTIAL;
use mailvault::export::{self, Destination, ExportReport, Format, KeptNames, Plan};
use mailvault::mail::query;
use mailvault::vault::SelectionScope;
use mailvault::vault::catalog::Omissions;
use serde_json::{Value, json};

use self::tell::show;
pub(crate) use self::tell::tell;
use super::Done;
use super::args::{Export, ExportFormat, Global};
use super::frame;
use super::output::Output;
use super::report::Failure;
use super::settings::Settings;
use super::signals::Stop;
use super::text::{escape, plural};

pub(crate) fn run(
    args: &Export,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    refuse_query_as_destination(args)?;
    if let Some(account) = args.dest.strip_prefix("imap:") {
        return upload::run(args, account, settings, global, out);
    }
    refuse_upload_options(args)?;
    let destination = destination(args, out)?;
    let to_stdout = destination == Destination::Stream;
    refuse_unfit_options(args, &destination)?;
    let query = query::parse(&args.query, Utc::now())?;
    let vault = settings.open_vault()?;
    let plan = export::plan(&vault, &query, destination, scope(args), args.crlf)?;
    let plan = with_options(plan, args);
    print_omissions(&plan.selection.omitted, out);
    if args.dry_run {
        return Ok(show(&vault, &plan, args, out));
    }
    // Until here a signal ends the program at once: reading for a search leaves nothing undone.
    let stop = Stop::watch(
        out,
        "stopping after the current message; the next run continues\n\
         from there (press Ctrl-C again to quit now)",
    );
    let done = frame::with_progress(out, ["export"], |events| {
        export::apply(&vault, &plan, &mut StdoutPipe(out), &stop.flag, events)
    });
    let report = match done {
        Ok(report) => report,
        // A reader that went away is no failure, and the end of the run tells what else it was.
        Err(_) if to_stdout && out.is_broken() => return Ok(Done::new(0, json!({}))),
        Err(error) => return Ok(frame::failed(out, &stop, &error, None)),
    };
    tell(&report, Path::new(&args.dest), to_stdout, out);
    let lost = |kept: &KeptNames| kept.unfit_uidls > 0;
    let whole = report.left_out.is_empty()
        && report.foreign.is_empty()
        && !report.kept.as_ref().is_some_and(lost);
    let summary = summary(&plan, &report);
    Ok(Done::new(if whole { 0 } else { PARTIAL }, summary))
}

fn refuse_query_as_destination(args: &Export) -> Result<(), Failure> {
    if query::is_negated_term(&args.dest) {
        return Err(Failure::usage(
            format!("{} is a query, and there is no destination", args.dest),
            "name a directory, a file or imap:ACCOUNT first",
        ));
    }
    Ok(())
}

/// Refuses options that are for another format.
fn refuse_unfit_options(args: &Export, destination: &Destination) -> Result<(), Failure> {
    if args.keep_uids && !matches!(destination, Destination::Folder(_, Format::Maildir)) {
        return Err(Failure::usage(
            "--keep-uids works only for a Maildir, which Dovecot can serve",
            "name a directory, without --format",
        ));
    }
    if args.with_eml && !matches!(destination, Destination::Folder(_, Format::Html)) {
        return Err(Failure::usage(
            "--with-eml works only for HTML pages",
            "name a directory and --format html",
        ));
    }
    Ok(())
}

fn with_options(mut plan: Plan, args: &Export) -> Plan {
    if args.keep_uids {
        plan = plan.keeping_uids();
    }
    if args.with_eml {
        plan = plan.with_originals();
    }
    plan
}

fn refuse_upload_options(args: &Export) -> Result<(), Failure> {
    if args.into.is_some() || args.check || args.again || args.lock_wait.is_some() {
        return Err(Failure::usage(
            "--into, --check, --again and --lock-wait work only for an export to a server",
            "name one as imap:ACCOUNT",
        ));
    }
    Ok(())
}

fn summary(plan: &Plan, report: &ExportReport) -> Value {
    let mut summary = json!({
        "messages": plan.selection.messages(),
        "written": report.written,
        "bytes": report.octets,
        "there": report.there,
        "copies": report.copies,
        "left_out": report.left_out.len(),
        "changed_files": report.foreign.len(),
        "not_written": report.not_written,
        "unlinked_files": report.unlinked.count,
        "gone": plan.selection.omitted.messages,
        "unknown": plan.selection.omitted.unknown,
        "dry_run": false,
    });
    if let (Some(kept), Some(fields)) = (&report.kept, summary.as_object_mut()) {
        fields.insert("kept".to_owned(), tell::kept_json(kept));
    }
    summary
}

/// Which messages of a folder are meant.
fn scope(args: &Export) -> SelectionScope {
    if args.gone {
        SelectionScope::All
    } else {
        SelectionScope::OnServer
    }
}

/// The form of a directory.
pub(crate) fn format_of(format: ExportFormat) -> Format {
    match format {
        ExportFormat::Maildir => Format::Maildir,
        ExportFormat::Mbox => Format::Mbox,
        ExportFormat::Eml => Format::Eml,
        ExportFormat::Html => Format::Html,
    }
}

/// Names what is left out since its server no longer has it, and where that is not known.
pub(crate) fn print_omissions(omitted: &Omissions, out: &Output) {
    if omitted.messages > 0 {
        out.say(&format!(
            "note: left out {} no longer on the server; use --gone to export {} too",
            plural(omitted.messages, "message"),
            if omitted.messages == 1 { "it" } else { "them" },
        ));
    }
    for account in &omitted.unknown {
        out.say(&format!(
            "note: the last pull of {} was incomplete, left messages in doubt or found far less \
             than the one before, so the export includes mail that may be gone from the server",
            escape(account)
        ));
    }
}

/// Where `DEST` and `--format` lead.
fn destination(args: &Export, out: &Output) -> Result<Destination, Failure> {
    let path = PathBuf::from(&args.dest);
    let is = |suffix| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case(suffix))
            && !path.is_dir()
    };
    let format = args.format.map(format_of);
    if args.dest == "-" {
        if out.json || args.format.is_some() {
            return Err(Failure::usage(
                "- writes the messages themselves: one unchanged, several as an mbox",
                "leave out --json and --format, or name a file",
            ));
        }
        if out.out_terminal {
            return Err(Failure::usage(
                "raw messages could do anything to your terminal",
                "send them to a file or program: mailvault export - id:4f2a > letter.eml",
            ));
        }
        return Ok(Destination::Stream);
    }
    Ok(match format {
        None | Some(Format::Mbox) if is("mbox") => Destination::Mbox(path),
        None | Some(Format::Eml) if is("eml") => Destination::Eml(path),
        format => Destination::Folder(path, format.unwrap_or(Format::Maildir)),
    })
}

/// Stdout, for the library to write to. A reader that went away ends the work.
struct StdoutPipe<'a>(&'a Output);

impl Write for StdoutPipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes(bytes);
        if self.0.is_broken() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
