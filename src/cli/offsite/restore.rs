//! `mailvault offsite restore`: make a vault from its second copy.

use mailvault::base::error::ErrorKind;
use mailvault::mail::query;
use mailvault::offsite::restore::{RestoreOptions, RestoreReport, restore};
use serde_json::{Value, json};

use super::missing::{print_damaged, print_missing};
use super::source::OpenCopy;
use super::{CopyMeter, part, strays, words};
use crate::cli::Done;
use crate::cli::args::{Global, OffsiteRestore};
use crate::cli::frame;
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::settings::Settings;
use crate::cli::text::{count, escape, plural};

pub(super) fn run(
    args: &OffsiteRestore,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    refuse_slips(args)?;
    if part::is_wanted(args) {
        return part::run(args, settings, global, out);
    }
    let stopping =
        "stopping; the same command continues from there (press Ctrl-C again to quit now)";
    let copy = OpenCopy::of(args, settings, global, (out, stopping))?;
    let name = copy.place.name.as_str();
    let options = RestoreOptions {
        destination: name,
        identities: &copy.keys,
        head: copy.head,
        stop: &copy.stop.flag,
    };
    let report = frame::with_progress(out, [name], |events| {
        let mut heard = CopyMeter::new(name, events);
        restore(&copy.store, &args.dir, options, &mut |so_far| {
            heard.tell(so_far);
        })
    });
    let report = report.map_err(|error| words::failure(error, name))?;
    print(args, &report, settings, out);
    // Of a damaged object, each message may be in another one.
    let whole = report.missing == 0 && report.whole_ledger;
    let code = if whole {
        0
    } else {
        ErrorKind::Damaged.exit_code()
    };
    Ok(Done::new(copy.stop.exit_code(code), summary(&report)))
}

/// Refuses what somebody cannot have meant.
fn refuse_slips(args: &OffsiteRestore) -> Result<(), Failure> {
    let dir = args.dir.to_string_lossy();
    if query::is_negated_term(&dir) || query::is_keyed_term(&dir) {
        return Err(Failure::usage(
            format!("{} is a query, and there is no directory", escape(&dir)),
            "name a directory after the place",
        ));
    }
    if !part::is_wanted(args) && (args.format.is_some() || args.gone) {
        return Err(Failure::usage(
            "--format and --gone are for files, and without a selection the result is a vault",
            "add --account or a query, or leave them out",
        ));
    }
    Ok(())
}

fn print(args: &OffsiteRestore, report: &RestoreReport, settings: &Settings, out: &Output) {
    let dir = escape(&settings.shown(&args.dir)).into_owned();
    if !out.quiet {
        out.line(&format!(
            "{} restored to {dir}, as of push {}.",
            plural(report.messages, "message"),
            count(report.head)
        ));
    }
    print_damaged(&report.damaged, out);
    strays(&report.strays, out);
    if report.older > 0 {
        out.line(&format!(
            "{} overwritten or deleted; the earlier versions were restored.",
            match report.older {
                1 => "1 object was".to_owned(),
                several => format!("{} were", plural(several, "object")),
            }
        ));
    }
    if report.locked > 0 {
        out.line(&format!(
            "{} for other keys; what they have was found elsewhere.",
            match report.locked {
                1 => "1 object is".to_owned(),
                several => format!("{} are", plural(several, "object")),
            }
        ));
    }
    print_missing("not restored", report.missing, &report.first_missing, out);
    if !report.whole_ledger {
        out.line("The vault's records are damaged, as they were when they were pushed.");
    }
    if !out.quiet && out.out_terminal {
        out.line(&format!(
            "Next: mailvault verify --vault {dir}; then set vault = \"{dir}\" in the configuration."
        ));
    }
}

fn summary(report: &RestoreReport) -> Value {
    json!({
        "head": report.head,
        "objects": report.objects,
        "bytes": report.bytes,
        "messages": report.messages,
        "missing": report.missing,
        "older": report.older,
        "locked": report.locked,
        "damaged": report.damaged.len(),
        "whole_records": report.whole_ledger,
    })
}
