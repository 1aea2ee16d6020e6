//! `mailvault offsite list`: the pushes that a place has.

use mailvault::offsite::heads::read_heads;
use serde_json::json;

use super::{open_named, strays, words};
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
    let mut rows = vec![
        ["push", "time", "objects", "size"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for head in &heads.pushes {
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
        out.line(&format!("{name}: no push yet"));
    }
    strays(&heads.strays, out);
    let bytes: u64 = heads.pushes.iter().map(|head| head.bytes).sum();
    let summary = json!({"pushes": heads.pushes.len(), "bytes": bytes});
    Ok(Done::new(0, summary))
}
