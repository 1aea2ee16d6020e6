//! What a restore did not find, in lines for people and for programs.

use mailvault::mail::message::Hash128;
use serde_json::json;

use crate::cli::output::{Output, Tone};
use crate::cli::text::{count, escape, plural};

/// Ids of missing messages that are shown.
const SHOWN: usize = 20;

/// Names the objects that are not there or not right.
pub(super) fn print_damaged(objects: &[String], out: &Output) {
    for object in objects {
        out.line(&format!(
            "  {}  {}",
            out.word("missing or damaged there", Tone::Bad),
            escape(object)
        ));
        out.json(
            "place_damage",
            json!({"object": object, "problem": "damaged"}),
            false,
        );
    }
}

/// Names the messages that no object has.
pub(super) fn print_missing(what: &str, missing: u64, first: &[Hash128], out: &Output) {
    for id in first {
        out.json("not_restored", json!({"id": id.to_string()}), false);
    }
    if missing == 0 {
        return;
    }
    out.line(&format!(
        "{}: no object that can be read has {}.",
        out.word(&format!("{} {what}", plural(missing, "message")), Tone::Bad),
        if missing == 1 { "it" } else { "them" }
    ));
    for id in first.iter().take(SHOWN) {
        out.line(&format!("  {id}"));
    }
    let more = missing.saturating_sub(SHOWN as u64);
    if more > 0 {
        out.line(&format!("  and {} more", count(more)));
    }
}
