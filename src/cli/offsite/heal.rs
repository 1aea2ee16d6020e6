//! `verify --repair --from`: what is damaged or missing here comes back from the second copy.

use std::path::Path;

use mailvault::base::error::Error;
use mailvault::offsite::heal::{HealOptions, HealReport, heal};
use mailvault::vault::verify::{VerifyOptions, VerifyReport, verify};
use serde_json::json;

use super::{CopyMeter, identity, open, place, strays, words};
use crate::cli::args::Global;
use crate::cli::frame;
use crate::cli::output::Output;
use crate::cli::report::{self, Failure};
use crate::cli::secrets;
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;
use crate::cli::text::{plural, size};

/// Finds what is not good, and puts back what the copy has of it, and of what earlier repairs
/// recorded as lost.
pub(crate) fn put_back(
    (name, key): (&str, &Path),
    (options, stop): (&VerifyOptions, &Stop),
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<(), Failure> {
    let place = place(name, settings)?;
    let keys = identity::read(key, global, out)?;
    let store = open(place, settings, secrets::may_ask(global, out), stop)?;
    let broken = found(options, settings, out)?.broken_contents()?;
    let options = HealOptions {
        destination: name,
        identities: &keys,
        messages: &broken,
        lost: true,
        stop: &options.stop,
    };
    let report = frame::with_progress(out, [name], |events| {
        let mut heard = CopyMeter::new(name, events);
        heal(&store, &settings.vault, options, &mut |so_far| {
            heard.tell(so_far);
        })
    });
    let report = report.map_err(|error| words::failure(error, name))?;
    tell(name, &report, out);
    Ok(())
}

/// What is not good, before anything is repaired.
fn found(
    options: &VerifyOptions,
    settings: &Settings,
    out: &Output,
) -> Result<VerifyReport, Failure> {
    let run = |repair: bool| {
        let options = VerifyOptions {
            repair,
            ..options.clone()
        };
        frame::with_progress(out, ["verify"], |events| {
            verify(&settings.vault, &options, events)
        })
    };
    match run(false) {
        // Without vault.toml and the ledger, nothing else can be looked at.
        Err(
            Error::ManifestMissing { .. }
            | Error::ManifestDamaged { .. }
            | Error::LedgerMissing { .. },
        ) => Ok(run(true)?),
        report => Ok(report?),
    }
}

fn tell(name: &str, report: &HealReport, out: &Output) {
    if !out.quiet {
        out.line(&match report.asked {
            0 => format!("{name}: nothing to put back"),
            _ => format!(
                "{name}: {} put back ({} fetched)",
                plural(report.healed, "message"),
                size(report.bytes)
            ),
        });
    }
    for (messages, what) in [
        (report.not_there, "not in the copy"),
        (
            report.unreadable,
            "in objects of the copy that are missing or damaged",
        ),
    ] {
        if messages > 0 {
            let is = if messages == 1 { "is" } else { "are" };
            let text = format!("{name}: {} {is} {what}", plural(messages, "message"));
            report::warn(out, &text, None);
        }
    }
    strays(&report.strays, out);
    let left = report.left.iter().map(ToString::to_string);
    let line = json!({
        "place": name,
        "asked": report.asked,
        "put_back": report.healed,
        "not_there": report.not_there,
        "unreadable": report.unreadable,
        "left": left.collect::<Vec<_>>(),
        "bytes": report.bytes,
        "damaged_objects": report.damaged,
    });
    out.json("put_back", line, false);
}
