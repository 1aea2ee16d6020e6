//! `mailvault offsite init`: get a place ready.

use mailvault::base::error::ErrorKind;
use mailvault::offsite::init::{InitOptions, InitReport, init, rehearse};
use mailvault::offsite::place::PutConditions;
use serde_json::{Value, json};

use super::{identity, open_named, place, recipients, warn_of_other_keys, words};
use crate::cli::Done;
use crate::cli::args::{Global, OffsiteInit};
use crate::cli::ask;
use crate::cli::frame;
use crate::cli::output::Output;
use crate::cli::report::{self, Failure};
use crate::cli::secrets;
use crate::cli::settings::Settings;
use crate::cli::text::{day, escape, now, rfc3339, wrap};

pub(super) fn run(
    args: &OffsiteInit,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let name = place(&args.place, settings)?.name.as_str();
    frame::start(out, "offsite init", &[]);
    if let Some(typed) = &args.words {
        let right = compare(name, typed, settings, out)?;
        return Ok(Done::new(code_of(right), json!({})));
    }
    let place = open_named(name, settings, global, out)?;
    let url = place.settings.url.to_string();
    let recipients = recipients(place.settings)?;
    let keys = identity::read_if(args.identity.as_deref(), global, out)?;
    let options = InitOptions {
        name,
        url: &url,
        recipients: &recipients,
        identities: keys.as_ref(),
        stop: &place.stop.flag,
    };
    let report = init(&settings.vault, &place.store, options);
    let mut report = report.map_err(|error| words::failure(error, name))?;
    tell(name, &url, &report, out);
    warn_of_other_keys(place.settings, &recipients, settings, out)?;
    let mut right = true;
    match (report.rehearsed, typed(&report, settings, global, out)?) {
        (Some(time), _) if !out.quiet => {
            out.line(&format!("  the private key was tried on {}", day(time)));
        }
        (_, Some(typed)) => {
            right = compare(name, &typed, settings, out)?;
            report.rehearsed = right.then(|| now().timestamp());
        }
        _ => {}
    }
    if right && report.head == 0 && !out.quiet {
        out.line(&format!("Next: mailvault offsite push {name}"));
    }
    out.json("place", line(name, &url, &report), false);
    Ok(Done::new(code_of(right), json!({})))
}

fn line(name: &str, url: &str, report: &InitReport) -> Value {
    json!({
        "place": name,
        "url": url,
        "head": report.head,
        "taken_over": report.taken_over,
        "refuses_overwriting": report.abilities.conditions == PutConditions::Work,
        "keeps_versions": report.abilities.keeps_versions,
        "checksums": report.abilities.vouches_md5,
        "rehearsed": report.rehearsed.and_then(rfc3339),
        "test": report.test,
    })
}

fn tell(name: &str, url: &str, report: &InitReport, out: &Output) {
    if out.quiet {
        return;
    }
    out.line(&format!("{name}: {}", escape(url)));
    let say = |text: &str| out.line(&wrap(text, "  ", 2, report::COLUMNS));
    if report.taken_over {
        say(&format!(
            "its copy is of this vault; the next push continues after push {}",
            report.head
        ));
    } else if report.head > 0 {
        say(&format!(
            "it has the copy of this vault, up to push {}",
            report.head
        ));
    } else {
        say("it can be written and read; it has no copy yet");
    }
    match report.abilities.conditions {
        PutConditions::Work => say("it refuses to overwrite"),
        PutConditions::Refused | PutConditions::Ignored => {
            say("it cannot be asked not to overwrite: push to it from one machine only");
        }
    }
    if report.abilities.keeps_versions {
        say(
            "it keeps earlier versions of an object. What else protects them, such as a lock on \
             the bucket, it does not say",
        );
    } else {
        say("this place is not append-only: whoever can write to it can destroy the copy");
    }
}

/// Compares the words with those of the test.
fn compare(name: &str, typed: &str, settings: &Settings, out: &Output) -> Result<bool, Failure> {
    let right = rehearse(&settings.vault, name, typed);
    let right = right.map_err(|error| words::failure(error, name))?;
    if right && !out.quiet {
        out.line(&format!(
            "Right: what is pushed to {name} from now on can be read with your private key."
        ));
    } else if !right {
        let hint = format!("'mailvault offsite init {name}' says how to read them");
        report::warn(out, "these are not the words of the test", Some(&hint));
    }
    Ok(right)
}

fn code_of(right: bool) -> u8 {
    if right {
        0
    } else {
        ErrorKind::Config.exit_code()
    }
}

/// The words, if they are typed.
fn typed(
    report: &InitReport,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Option<String>, Failure> {
    if report.rehearsed.is_some() {
        return Ok(None);
    }
    let file = settings.shown(&report.test);
    if !out.quiet {
        out.line(&format!(
            "\nTry the private key now. Read the test with it, here or on a machine that you copy \
             the test to:\n\n    age -d -i key.txt {}\n",
            escape(&file)
        ));
        if !secrets::may_ask(global, out) {
            out.line("It says how to go on from there.");
        }
    }
    if !secrets::may_ask(global, out) {
        return Ok(None);
    }
    let typed = ask::line(out, "The six words (Enter to do this later)", Some(""))?;
    Ok(Some(typed).filter(|typed| !typed.is_empty()))
}
