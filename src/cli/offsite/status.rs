//! `mailvault offsite status`: what each place has, as this machine knows it.

use mailvault::account::config::OffsiteSettings;
use mailvault::offsite::init::PlaceNotes;
use mailvault::offsite::push::{OffsitePlan, plan};
use serde_json::json;

use super::{places, recipients, warn_of_other_keys, words};
use crate::cli::Done;
use crate::cli::args::OffsiteStatus;
use crate::cli::output::{Output, Tone};
use crate::cli::report::{self, Failure};
use crate::cli::settings::Settings;
use crate::cli::text::{count, escape, now, plural, rfc3339, size, when, wrap};

pub(super) fn run(
    args: &OffsiteStatus,
    settings: &Settings,
    out: &Output,
) -> Result<Done, Failure> {
    let places = places(&args.places, settings)?;
    for place in &places {
        show(place, settings, out)?;
    }
    Ok(Done::new(0, json!({"places": places.len()})))
}

fn show(place: &OffsiteSettings, settings: &Settings, out: &Output) -> Result<(), Failure> {
    let name = place.name.as_str();
    let plan = plan(&settings.vault, name).map_err(|error| words::failure(error, name))?;
    let url = place.url.to_string();
    let notes = PlaceNotes::read(&settings.vault, name)?;
    let recipients = recipients(place)?;
    let was_ready = notes.is_some();
    let notes = notes.filter(|notes| notes.fits(&url, &recipients));
    let rehearsed = notes.as_ref().and_then(|notes| notes.rehearsed);
    let keeps_versions = (notes.as_ref()).map(|notes| notes.abilities().keeps_versions);
    let (head, time) = plan.last;
    out.line(&format!("{name}: {}", escape(&url)));
    let say = |text: &str| out.line(&wrap(text, "  ", 2, report::COLUMNS));
    if notes.is_none() {
        say(&format!(
            "{}: 'mailvault offsite init {name}'",
            out.word(
                if was_ready {
                    "its url or recipients changed since it was set up"
                } else {
                    "not set up yet"
                },
                Tone::Warn
            )
        ));
    }
    say(&last_push(&plan, out));
    if plan.owed > 0 {
        say(&format!(
            "{} lacking: not readable here ('mailvault verify --read-data'), or lost there; the next \
             push tries again",
            match plan.owed {
                1 => "1 message is".to_owned(),
                several => format!("{} are", plural(several, "message")),
            }
        ));
    }
    match (rehearsed, &notes) {
        (Some(time), _) => say(&format!("private key tried {}", when(time, &now()))),
        (None, Some(_)) => say(&format!(
            "{}: 'mailvault offsite init {name}'",
            out.word("private key never tried", Tone::Warn)
        )),
        (None, None) => {}
    }
    if keeps_versions == Some(false) {
        say("this place is not append-only: whoever can write to it can destroy the copy");
    }
    let others = warn_of_other_keys(place, &recipients, settings, out)?;
    let line = json!({
        "place": name,
        "url": url,
        "head": head,
        "pushed": (head > 0).then(|| rfc3339(time)).flatten(),
        "waiting": plan.messages,
        "waiting_bytes": plan.bytes,
        "waiting_records": plan.ledger,
        "unreadable": plan.owed,
        "of_other_keys": others,
        "ready": notes.is_some(),
        "rehearsed": rehearsed.and_then(rfc3339),
        "keeps_versions": keeps_versions,
    });
    out.json("place_status", line, false);
    Ok(())
}

fn last_push(plan: &OffsitePlan, out: &Output) -> String {
    let (head, time) = plan.last;
    let last = if head == 0 {
        out.word("nothing pushed yet", Tone::Warn)
    } else {
        format!("last push {} (number {})", when(time, &now()), count(head))
    };
    let lacks = match (plan.messages, plan.ledger) {
        (0, 0) if head == 0 => "there is nothing to push".to_owned(),
        (0, 0) => "as far as is known here, it has everything".to_owned(),
        (0, ledger) => format!("{} of records are not there yet", size(ledger)),
        (1, _) => format!("1 message ({}) is not there yet", size(plan.bytes)),
        (messages, _) => format!(
            "{} ({}) are not there yet",
            plural(messages, "message"),
            size(plan.bytes)
        ),
    };
    format!("{last}; {lacks}")
}
