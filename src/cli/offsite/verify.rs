//! `mailvault offsite verify`: check what a place has.

use mailvault::base::error::{Error, ErrorKind};
use mailvault::offsite::fault::CopyError;
use mailvault::offsite::place::ObjectStore;
use mailvault::offsite::push::{CopyGate, note_losses};
use mailvault::offsite::verify::{ObjectProblem, PlaceCheck, PlaceReport, verify_place};
use serde_json::{Value, json};

use super::{CopyMeter, NamedPlace, identity, open_named, recipients, strays, words};
use crate::cli::Done;
use crate::cli::args::{Global, OffsiteVerify};
use crate::cli::frame;
use crate::cli::output::{Output, Tone};
use crate::cli::report::{self, Failure};
use crate::cli::settings::Settings;
use crate::cli::text::{count, escape, plural, size};

pub(super) fn run(
    args: &OffsiteVerify,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let place = open_named(&args.place, settings, global, out)?;
    let name = place.settings.name.as_str();
    frame::start(out, "offsite verify", &[]);
    let keys = identity::read_if(args.identity.as_deref(), global, out)?;
    let check = PlaceCheck {
        read_data: args.read_data,
        subset: args.subset,
        identities: keys.as_ref(),
        stop: &place.stop.flag,
    };
    let report = checked(name, &place.store, check, out)?;
    for (object, problem) in &report.findings {
        let line = json!({"place": name, "object": object, "problem": code(problem)});
        out.json("place_damage", line, false);
    }
    let newest = newest_is_there(&place, settings, out)?;
    note_losses_of(name, &report, settings, out)?;
    let damaged = report.lost() > 0 || !newest;
    if !report.findings.is_empty() || !out.quiet {
        print(name, args, &report, out);
    }
    let code = if damaged {
        ErrorKind::Damaged.exit_code()
    } else {
        0
    };
    Ok(Done::new(place.stop.exit_code(code), summary(&report)))
}

fn checked(
    name: &str,
    store: &ObjectStore,
    check: PlaceCheck<'_>,
    out: &Output,
) -> Result<PlaceReport, Failure> {
    let report = frame::with_progress(out, [name], |events| {
        let mut heard = CopyMeter::new(name, events);
        verify_place(store, check, &mut |so_far| heard.tell(so_far))
    });
    report.map_err(|error| failure(error, name))
}

/// True if the newest push of this machine is there, as far as one is known.
fn newest_is_there(
    place: &NamedPlace<'_>,
    settings: &Settings,
    out: &Output,
) -> Result<bool, Failure> {
    let NamedPlace {
        settings: own,
        store,
        ..
    } = place;
    match CopyGate::open(&settings.vault, &own.name, &recipients(own)?, store) {
        Ok(_) | Err(CopyError::Base(Error::VaultMissing { .. })) => Ok(true),
        Err(error @ (CopyError::HeadGone { .. } | CopyError::Forked { .. })) => {
            failure(error, &own.name).print(out);
            Ok(false)
        }
        Err(error) => Err(words::failure(error, &own.name)),
    }
}

/// In the words for a place, but for the advice to verify it.
fn failure(error: CopyError, place: &str) -> Failure {
    let is_gone = matches!(error, CopyError::HeadGone { .. });
    match words::failure(error, place) {
        Failure::Worded { kind, message, .. } if is_gone => Failure::Worded {
            kind,
            message,
            hint: Some(format!(
                "'mailvault offsite push {place} --rebuild' sends everything once more"
            )),
        },
        failure => failure,
    }
}

/// What is lost there is sent once more by the next push.
fn note_losses_of(
    name: &str,
    report: &PlaceReport,
    settings: &Settings,
    out: &Output,
) -> Result<(), Failure> {
    let lost = report.findings.iter().filter(|(_, found)| found.is_loss());
    let (packs, pushes): (Vec<&str>, Vec<&str>) = lost
        .map(|(object, _)| object.as_str())
        .partition(|object| object.starts_with("packs/"));
    if !packs.is_empty() && settings.vault.join("vault.toml").exists() {
        let noted = note_losses(&settings.vault, name, packs.into_iter());
        noted.map_err(|error| words::failure(error, name))?;
        let hint = format!("'mailvault offsite push {name}' sends their messages once more");
        report::warn(out, "packs are lost there", Some(&hint));
    }
    if !pushes.is_empty() {
        let hint = format!("'mailvault offsite push {name} --rebuild' sends everything once more");
        report::warn(out, "records are lost there", Some(&hint));
    }
    Ok(())
}

fn print(name: &str, args: &OffsiteVerify, report: &PlaceReport, out: &Output) {
    let good = report.objects - report.lost() as u64;
    // What was only listed is there, and no more is known of it.
    let word = if args.read_data && args.subset.is_none() {
        "good"
    } else {
        "there"
    };
    out.line(&format!(
        "{name}: {} of {} {} ({}), of {}",
        count(good),
        plural(report.objects, "object"),
        if report.findings.is_empty() {
            out.word(word, Tone::Good)
        } else {
            word.to_owned()
        },
        size(report.bytes),
        match report.heads {
            1 => "1 push".to_owned(),
            heads => format!("{} pushes", count(heads)),
        },
    ));
    for (object, problem) in &report.findings {
        out.line(&format!(
            "  {}  {}",
            out.word(&in_words(problem), Tone::Bad),
            escape(object)
        ));
    }
    if args.read_data {
        out.line(&match args.identity {
            Some(_) => format!(
                "{} read and decrypted; {} compared.",
                plural(report.read, "object"),
                plural(report.messages, "message")
            ),
            None => format!(
                "{} read. --identity FILE also decrypts them and compares the messages.",
                plural(report.read, "object")
            ),
        });
    } else if out.out_terminal {
        out.line(
            "Names and sizes are as pushed; --read-data also downloads and compares the bytes.",
        );
    }
    if let Some((part, parts)) = args.subset {
        out.line(&format!(
            "Only part {part} of {parts} was downloaded; of the rest, names and sizes were checked."
        ));
    }
    if report.size_only > 0 && !args.read_data {
        out.line(&format!(
            "The place shows no checksums ({}).",
            plural(report.size_only, "object")
        ));
    }
    strays(&report.strays, out);
    if report.unnamed > 0 {
        out.line(&format!(
            "{} there that no push names, as an interrupted push leaves them.",
            match report.unnamed {
                1 => "1 object is".to_owned(),
                several => format!("{} are", plural(several, "object")),
            }
        ));
    }
}

fn in_words(problem: &ObjectProblem) -> String {
    match problem {
        ObjectProblem::Missing => "missing".to_owned(),
        ObjectProblem::Size { there } => format!("has {}", size(*there)),
        ObjectProblem::Changed => "changed".to_owned(),
        ObjectProblem::Malformed => "malformed".to_owned(),
        ObjectProblem::OlderOnly => {
            "overwritten or deleted; an earlier version is right".to_owned()
        }
        _ => "damaged".to_owned(),
    }
}

fn code(problem: &ObjectProblem) -> &'static str {
    match problem {
        ObjectProblem::Missing => "missing",
        ObjectProblem::Size { .. } => "size",
        ObjectProblem::Changed => "changed",
        ObjectProblem::Malformed => "malformed",
        ObjectProblem::OlderOnly => "older_version",
        _ => "damaged",
    }
}

fn summary(report: &PlaceReport) -> Value {
    json!({
        "pushes": report.heads,
        "objects": report.objects,
        "bytes": report.bytes,
        "read": report.read,
        "messages": report.messages,
        "size_only": report.size_only,
        "unnamed": report.unnamed,
        "findings": report.findings.len(),
        "lost": report.lost(),
        "stray_heads": report.strays.after,
        "replaced_heads": report.strays.replaced,
    })
}
