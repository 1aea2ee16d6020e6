//! `mailvault offsite restore`: make a vault from its second copy.

use chrono::NaiveDate;
use mailvault::account::config::OffsiteSettings;
use mailvault::base::error::ErrorKind;
use mailvault::offsite::heads::read_heads;
use mailvault::offsite::place::ObjectStore;
use mailvault::offsite::restore::{RestoreOptions, RestoreReport, restore};
use serde_json::{Value, json};

use super::{CopyMeter, identity, open, place, strays, words};
use crate::cli::Done;
use crate::cli::args::{Global, OffsiteRestore};
use crate::cli::frame;
use crate::cli::output::{Output, Tone};
use crate::cli::report::Failure;
use crate::cli::secrets;
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;
use crate::cli::text::{count, escape, plural};

/// Ids of missing messages that are shown.
const SHOWN: usize = 20;

pub(super) fn run(
    args: &OffsiteRestore,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let place = source(args, settings)?;
    let name = place.name.as_str();
    frame::start(out, "offsite restore", &[]);
    let stop = Stop::watch(
        out,
        "stopping; the same command continues from there (press Ctrl-C again to quit now)",
    );
    let at = args.at.as_deref().map(WantedState::parse).transpose()?;
    let keys = identity::read(&args.identity, global, out)?;
    let store = open(&place, settings, secrets::may_ask(global, out), &stop)?;
    let options = RestoreOptions {
        destination: name,
        identities: &keys,
        head: at.map(|at| at.head(&store, name)).transpose()?,
        stop: &stop.flag,
    };
    let report = frame::with_progress(out, [name], |events| {
        let mut heard = CopyMeter::new(name, events);
        restore(&store, &args.dir, options, &mut |so_far| {
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
    Ok(Done::new(stop.exit_code(code), summary(&report)))
}

/// The place to restore from: one of the configuration, or an address.
fn source(args: &OffsiteRestore, settings: &Settings) -> Result<OffsiteSettings, Failure> {
    if args.place.contains("://") || args.place.starts_with("rclone:") {
        let (endpoint, region) = (args.endpoint.as_deref(), args.region.as_deref());
        return Ok(OffsiteSettings::at(&args.place, endpoint, region)?);
    }
    if args.endpoint.is_some() || args.region.is_some() {
        return Err(Failure::usage(
            "--endpoint and --region are for an address, and not for a place of the configuration",
            "leave them out, or write the address, such as s3://BUCKET/PREFIX",
        ));
    }
    place(&args.place, settings).cloned()
}

/// Which state of the copy is wanted.
enum WantedState {
    /// After the push of this number.
    Push(u64),
    /// At this time, in Unix seconds.
    Time(i64),
}

impl WantedState {
    fn parse(text: &str) -> Result<Self, Failure> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Push(number));
        }
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let end = day.and_then(|day| day.and_hms_opt(23, 59, 59));
        match end {
            Some(end) => Ok(Self::Time(end.and_utc().timestamp())),
            None => Err(Failure::usage(
                format!("\"{text}\" is neither the number of a push nor a day"),
                "write a number, such as 12, or a day, such as 2026-01-31; 'mailvault offsite list \
                 PLACE' shows both",
            )),
        }
    }

    /// The number of the push; 0 if there was none yet.
    fn head(self, store: &ObjectStore, name: &str) -> Result<u64, Failure> {
        let time = match self {
            Self::Push(number) => return Ok(number),
            Self::Time(time) => time,
        };
        let heads = read_heads(store, None).map_err(|error| words::failure(error, name))?;
        let then = heads.pushes.iter().rev().find(|push| push.time <= time);
        Ok(then.map_or(0, |push| push.seq))
    }
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
    for object in &report.damaged {
        out.line(&format!(
            "  {}  {}",
            out.word("missing or damaged there", Tone::Bad),
            escape(object)
        ));
    }
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
    if report.missing > 0 {
        out.line(&format!(
            "{}: no object that can be read has {}.",
            out.word(
                &format!("{} not restored", plural(report.missing, "message")),
                Tone::Bad
            ),
            if report.missing == 1 { "it" } else { "them" }
        ));
        for id in report.first_missing.iter().take(SHOWN) {
            out.line(&format!("  {id}"));
        }
        let more = report.missing.saturating_sub(SHOWN as u64);
        if more > 0 {
            out.line(&format!("  and {} more", count(more)));
        }
    }
    if !report.whole_ledger {
        out.line("The vault's records are damaged, as they were when they were pushed.");
    }
    if !out.quiet && out.out_terminal {
        out.line(&format!(
            "Next: mailvault verify --vault {dir}; then set vault = \"{dir}\" in the configuration."
        ));
    }
    for id in &report.first_missing {
        out.json("not_restored", json!({"id": id.to_string()}), false);
    }
    for object in &report.damaged {
        out.json(
            "place_damage",
            json!({"object": object, "problem": "damaged"}),
            false,
        );
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
