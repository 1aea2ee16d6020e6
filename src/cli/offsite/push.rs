//! `mailvault offsite push`: send what is new.

use mailvault::account::config::OffsiteSettings;
use mailvault::base::error::{ErrorKind, PARTIAL};
use mailvault::base::event::RunEvent;
use mailvault::offsite::access::level_for;
use mailvault::offsite::fault::CopyError;
use mailvault::offsite::init::PlaceNotes;
use mailvault::offsite::push::{OffsitePlan, PushOptions, PushReport, plan, push};
use serde_json::json;

use super::{CopyMeter, open, places, recipients, words};
use crate::cli::Done;
use crate::cli::args::{Global, OffsitePush};
use crate::cli::frame;
use crate::cli::output::Output;
use crate::cli::report::{self, Failure, together};
use crate::cli::secrets;
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;
use crate::cli::text::{count, escape, plural, size};

/// What some classes of storage bill an object for at least.
const LEAST_BILLED: u64 = 128 << 10;

pub(super) fn run(
    args: &OffsitePush,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let places = places(&args.places, settings)?;
    frame::start(out, "offsite push", &[]);
    if args.dry_run {
        for place in &places {
            foresee(place, settings, out)?;
        }
        return Ok(Done::new(0, json!({"dry_run": true})));
    }
    let stop = Stop::watch(
        out,
        "stopping; what was sent stays, and the next push continues from there (press Ctrl-C \
         again to quit now)",
    );
    let code = to_each(&places, args.rebuild, settings, global, out, &stop);
    Ok(Done::new(stop.exit_code(code), json!({"dry_run": false})))
}

/// Pushes to every place, after a pull; gives the exit code.
pub(crate) fn push_all(
    settings: &Settings,
    global: &Global,
    out: &Output,
    stop: &Stop,
    dry_run: bool,
) -> u8 {
    let places: Vec<&OffsiteSettings> = settings.config.offsite.values().collect();
    if !dry_run {
        return to_each(&places, false, settings, global, out, stop);
    }
    let mut codes = Vec::new();
    for place in places {
        let foreseen = foresee(place, settings, out);
        codes.push(foreseen.map_or_else(
            |failure| {
                failure.print(out);
                failure.exit_code()
            },
            |()| 0,
        ));
    }
    together(&codes)
}

fn to_each(
    places: &[&OffsiteSettings],
    rebuild: bool,
    settings: &Settings,
    global: &Global,
    out: &Output,
    stop: &Stop,
) -> u8 {
    let mut codes = Vec::new();
    for place in places {
        if stop.is_set() {
            codes.push(ErrorKind::Interrupted.exit_code());
            break;
        }
        let pushed = to_one(place, rebuild, settings, global, out, stop);
        codes.push(pushed.unwrap_or_else(|failure| {
            failure.print(out);
            failure.exit_code()
        }));
    }
    together(&codes)
}

fn to_one(
    place: &OffsiteSettings,
    rebuild: bool,
    settings: &Settings,
    global: &Global,
    out: &Output,
    stop: &Stop,
) -> Result<u8, Failure> {
    let name = place.name.as_str();
    let failed = |error| words::failure(error, name);
    let recipients = recipients(place)?;
    match PlaceNotes::read(&settings.vault, name)? {
        None => return Err(failed(CopyError::NotReady)),
        Some(notes) if !notes.fits(&place.url.to_string(), &recipients) => {
            return Err(words::changed(name));
        }
        Some(_) => {}
    }
    let store = open(place, settings, secrets::may_ask(global, out), stop)?;
    // It reads what is new once more, only for what progress shows.
    let shows = out.progress && (out.err_terminal || out.json || out.verbose > 0);
    let planned = shows.then(|| plan(&settings.vault, name));
    let planned = planned.transpose().map_err(failed)?.unwrap_or_default();
    let options = PushOptions {
        name,
        recipients: &recipients,
        level: level_for(&place.url),
        rebuild,
        stop: &stop.flag,
    };
    let report = frame::with_progress(out, [name], |events| {
        events(RunEvent::Listed {
            account: name,
            listed: planned.messages,
            wanted: planned.messages,
            wanted_octets: planned.bytes,
        });
        let mut heard = CopyMeter::new(name, events);
        push(&settings.vault, &store, options, &mut |so_far| {
            heard.tell(so_far);
        })
    });
    let report = report.map_err(failed)?;
    tell(name, &report, out);
    Ok(if report.owed.is_empty() { 0 } else { PARTIAL })
}

fn tell(name: &str, report: &PushReport, out: &Output) {
    // A timer that has nothing to tell is silent.
    let is_news = report.messages > 0 || out.out_terminal || out.verbose > 0;
    if !out.quiet && is_news {
        out.line(&if report.heads == 0 {
            format!("{name}: nothing new")
        } else if report.messages == 0 {
            format!("{name}: records pushed, {}", size(report.bytes))
        } else {
            format!(
                "{name}: {} pushed, {} in {}",
                plural(report.messages, "message"),
                size(report.bytes),
                plural(report.objects, "object")
            )
        });
    }
    if !report.owed.is_empty() {
        report::warn(
            out,
            &format!(
                "{name}: {} could not be read here, so that the copy lacks them",
                plural(report.owed.len() as u64, "message")
            ),
            Some("'mailvault verify --read-data' shows which"),
        );
    }
    let line = json!({
        "place": name,
        "head": report.seq,
        "messages": report.messages,
        "objects": report.objects,
        "bytes": report.bytes,
        "records": report.ledger,
        "size_only": report.size_only,
        "unreadable": report.owed.iter().map(|owed| json!({
            "id": owed.hash.to_string(),
            "reason": owed.reason.as_str(),
        })).collect::<Vec<_>>(),
    });
    out.json("push", line, false);
}

/// What a push would do and cost.
fn foresee(place: &OffsiteSettings, settings: &Settings, out: &Output) -> Result<(), Failure> {
    let name = place.name.as_str();
    let plan = plan(&settings.vault, name).map_err(|error| words::failure(error, name))?;
    if !out.quiet {
        for line in told(name, &place.url.to_string(), &plan) {
            out.line(&line);
        }
    }
    let line = json!({
        "place": name,
        "messages": plan.messages,
        "message_bytes": plan.bytes,
        "records": plan.ledger,
        "unreadable": plan.owed,
        "put": plan.puts(),
        "head": plan.questions(),
        "list": plan.lists,
    });
    out.json("push_plan", line, false);
    Ok(())
}

fn told(name: &str, url: &str, plan: &OffsitePlan) -> Vec<String> {
    if plan.is_empty() {
        return vec![format!("{name}: nothing new")];
    }
    let mut lines = vec![
        format!("{name}: {}", escape(url)),
        format!(
            "  {} ({} before compression) and {} of records",
            plural(plan.messages, "message"),
            size(plan.bytes),
            size(plan.ledger)
        ),
        format!(
            "  requests: {} PUT, {} HEAD, {} LIST",
            count(plan.puts()),
            count(plan.questions()),
            count(plan.lists)
        ),
    ];
    // Packs are larger, up to the last.
    let small = plan.puts();
    lines.push(format!(
        "  where an object is billed as at least {}: at most {} on top",
        size(LEAST_BILLED),
        size(small * LEAST_BILLED)
    ));
    lines
}
