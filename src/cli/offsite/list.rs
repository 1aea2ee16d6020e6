//! `mailvault offsite list`: the pushes that a place has.

use mailvault::base::error::ErrorKind;
use mailvault::offsite::fault::CopyError;
use mailvault::offsite::heads::{ListedPush, read_heads};
use mailvault::offsite::push::CopyGate;
use serde_json::json;

use super::{NamedPlace, open_named, recipients, strays, words};
use crate::cli::Done;
use crate::cli::args::{Global, OffsiteList};
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::settings::Settings;
use crate::cli::text::{Align, count, minute, rfc3339, size, table};

pub(super) fn run(
    args: &OffsiteList,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let place = open_named(&args.place, settings, global, out)?;
    let name = place.settings.name.as_str();
    let heads = read_heads(&place.store, None).map_err(|error| words::failure(error, name))?;
    let lost = newest_is_gone(&place, settings, out);
    print(name, &heads.pushes, lost, out);
    strays(&heads.strays, out);
    let bytes: u64 = heads.pushes.iter().map(|head| head.bytes).sum();
    let summary = json!({"pushes": heads.pushes.len(), "bytes": bytes});
    let code = if lost {
        ErrorKind::Damaged.exit_code()
    } else {
        0
    };
    Ok(Done::new(code, summary))
}

fn print(name: &str, pushes: &[ListedPush], lost: bool, out: &Output) {
    let mut rows = vec![
        ["push", "time", "objects", "size"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for head in pushes {
        rows.push(vec![
            count(head.seq),
            minute(head.time),
            count(head.objects),
            size(head.bytes),
        ]);
        let line = json!({
            "place": name,
            "head": head.seq,
            "time": rfc3339(head.time),
            "objects": head.objects,
            "bytes": head.bytes,
        });
        out.json("place_push", line, false);
    }
    if rows.len() > 1 {
        let aligns = [Align::Right, Align::Left, Align::Right, Align::Right];
        for line in table(&rows, &aligns) {
            out.line(&line);
        }
    } else if !out.quiet {
        out.line(&format!(
            "{name}: no push {}",
            if lost { "there" } else { "yet" }
        ));
    }
}

/// True if the newest push that this vault knows is not there any more, which is told. A place may
/// be listed of which nothing is known here.
fn newest_is_gone(place: &NamedPlace<'_>, settings: &Settings, out: &Output) -> bool {
    let own = place.settings;
    let Ok(recipients) = recipients(own) else {
        return false;
    };
    match CopyGate::open(&settings.vault, &own.name, &recipients, &place.store) {
        Err(error @ CopyError::HeadGone { .. }) => {
            words::failure(error, &own.name).print(out);
            true
        }
        _ => false,
    }
}
