//! What a purge would do, in lines for people and for programs.

use std::cmp::Reverse;

use mailvault::base::error::Endpoint;
use mailvault::base::units::age_text;
use mailvault::purge::ConfirmedPlan;
use mailvault::purge::{Bracket, PurgePlan, Sum, SurveyedFolder};
use mailvault::vault::layout::folder_label;
use serde_json::{Value, json};

use crate::cli::args::PurgeArgs;
use crate::cli::output::Output;
use crate::cli::text::{self, Align, count, cut, day, escape, plural, rfc3339, size};

/// Folders that are named; the rest is counted.
const FOLDERS: usize = 10;

/// The table of what could be freed, or would be.
pub(super) fn table(plan: &PurgePlan, server: &Endpoint, args: &PurgeArgs) -> Vec<String> {
    let selects = selects(plan, args);
    let mut lines = vec![
        format!(
            "{} lists {}, {}",
            escape(&server.host),
            plural(plan.listed.messages, "message"),
            size(plan.listed.octets)
        ),
        String::new(),
    ];
    let row = |label: &str, sum: Sum, what: &str| {
        vec![
            label.to_owned(),
            count(sum.messages),
            size(sum.octets),
            what.to_owned(),
        ]
    };
    let mut rows = vec![vec![
        "age".to_owned(),
        "messages".to_owned(),
        "size".to_owned(),
        if selects {
            chosen_words(args)
        } else {
            String::new()
        },
    ]];
    for (bracket, label) in plan.brackets.iter().zip([
        "over 1 year",
        "90 days - 1 year",
        "30 - 90 days",
        "under 30 days",
    ]) {
        let what = if selects {
            fate(bracket)
        } else {
            String::new()
        };
        rows.push(row(label, bracket.all, &what));
    }
    if plan.unarchived.messages > 0 {
        let what = "never deleted; run 'pull' first";
        rows.push(row("not archived", plan.unarchived, what));
    }
    if plan.unproven.messages > 0 {
        let what = "never deleted; no usable name or size";
        rows.push(row("without proof", plan.unproven, what));
    }
    rows.push(row("total", plan.listed, ""));
    let aligns = [Align::Left, Align::Right, Align::Right, Align::Left];
    lines.extend(
        text::table(&rows, &aligns)
            .into_iter()
            .map(|l| format!("  {l}")),
    );
    lines.push(String::new());
    if selects {
        lines.extend(effect(plan));
    }
    lines.extend(folders(plan));
    lines.extend(largest(plan));
    lines
}

/// What would be deleted, in sentences.
fn effect(plan: &PurgePlan) -> Vec<String> {
    let left = plan.listed.messages - plan.chosen.messages;
    let mut lines = vec![format!(
        "Would delete {} and free {}; {} ({}) would stay.",
        plural(plan.chosen.messages, "message"),
        size(plan.chosen.octets),
        count(left),
        size(plan.listed.octets.saturating_sub(plan.chosen.octets)),
    )];
    if plan.receive.messages > 0 {
        lines.push(format!(
            "To download again and compare first: {}, {}.",
            plural(plan.receive.messages, "message"),
            size(plan.receive.octets)
        ));
    }
    if plan.waiting.messages > 0 {
        lines.push(format!(
            "Waiting for 'mailvault offsite push': {} ({}) of what is selected.",
            plural(plan.waiting.messages, "message"),
            size(plan.waiting.octets)
        ));
    }
    if plan.held.messages > 0 {
        lines.push(format!(
            "The account's rule keeps {} ({}) of what is selected.",
            plural(plan.held.messages, "message"),
            size(plan.held.octets)
        ));
    }
    lines
}

/// Where it would be deleted, if that is not the inbox alone.
fn folders(plan: &PurgePlan) -> Vec<String> {
    let mut places: Vec<&SurveyedFolder> = plan.places.iter().collect();
    places.retain(|place| place.chosen.messages > 0);
    if places.iter().all(|place| place.maildrop.dir.is_empty()) {
        return Vec::new();
    }
    places.sort_by_key(|place| Reverse(place.chosen.octets));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for place in places.iter().take(FOLDERS) {
        let Sum { messages, octets } = place.chosen;
        rows.push(vec![
            cut(&escape(&folder_label(&place.maildrop.dir)), 36),
            count(messages),
            size(octets),
        ]);
    }
    let more = places.len() - rows.len();
    if more > 0 {
        rows.push(vec![format!("and {}", plural(more as u64, "more folder"))]);
    }
    let aligns = [Align::Left, Align::Right, Align::Right];
    headed("Folders:  ", &rows, &aligns)
}

/// The table where nothing is deleted, with a last word that says so.
pub(super) fn only_shown(
    plan: &PurgePlan,
    server: &Endpoint,
    args: &PurgeArgs,
    out: &Output,
) -> Vec<String> {
    let selects = selects(plan, args);
    if !args.dry_run && selects && !out.out_terminal && out.verbose == 0 {
        let line = (!out.quiet).then(|| nothing_to_delete(plan, server, args));
        return line.into_iter().collect();
    }
    let mut lines = table(plan, server, args);
    lines.push(if args.dry_run {
        "Dry run: nothing was deleted.".to_owned()
    } else if selects {
        "Nothing was deleted.".to_owned()
    } else {
        "Nothing was deleted. To free some of it: --older-than 90d, --free 500M,\n\
         --match QUERY or --all; --dry-run shows what would be deleted."
            .to_owned()
    });
    lines
}

/// Why nothing is deleted, in a line for a log.
fn nothing_to_delete(plan: &PurgePlan, server: &Endpoint, args: &PurgeArgs) -> String {
    let causes = [
        (plan.held, "kept by the account's rule"),
        (plan.waiting, "not in the second copy yet"),
        (plan.unarchived, "not archived"),
        (plan.unproven, "without proof"),
    ];
    let mut known: Vec<String> = causes
        .iter()
        .filter(|(sum, _)| sum.messages > 0)
        .map(|(sum, words)| format!("{} {words}", count(sum.messages)))
        .collect();
    if known.is_empty() {
        known.push("none selected".to_owned());
    }
    let words = chosen_words(args);
    format!(
        "Nothing to delete{}{words}: {} lists {}, {}.",
        if words.is_empty() { "" } else { " " },
        escape(&server.host),
        plural(plan.listed.messages, "message"),
        known.join(", "),
    )
}

/// True if something was asked for, which may be nothing.
fn selects(plan: &PurgePlan, args: &PurgeArgs) -> bool {
    plan.chosen.messages > 0
        || plan.held.messages > 0
        || plan.waiting.messages > 0
        || !chosen_words(args).is_empty()
}

/// The selection as it was typed.
fn chosen_words(args: &PurgeArgs) -> String {
    if let Some(age) = args.older_than {
        format!("with --older-than {}", age_text(age))
    } else if args.free.is_some() {
        "with --free".to_owned()
    } else if args.matching.is_some() {
        "with --match".to_owned()
    } else if args.all {
        "with --all".to_owned()
    } else {
        String::new()
    }
}

fn fate(bracket: &Bracket) -> String {
    let (all, chosen) = (bracket.all.messages, bracket.chosen.messages);
    match chosen {
        0 if all == 0 => String::new(),
        0 => "keep".to_owned(),
        _ if chosen == all => "delete".to_owned(),
        _ => format!("delete {}, {}", count(chosen), size(bracket.chosen.octets)),
    }
}

fn largest(plan: &PurgePlan) -> Vec<String> {
    let rows: Vec<Vec<String>> = plan
        .largest
        .iter()
        .map(|large| {
            vec![
                size(large.octets),
                day(large.date),
                cut(&escape(&large.subject), 36),
                large.id.to_string()[..8].to_owned(),
            ]
        })
        .collect();
    let aligns = [Align::Right, Align::Left, Align::Left, Align::Left];
    headed("Largest:  ", &rows, &aligns)
}

/// A table after a word.
fn headed(word: &str, rows: &[Vec<String>], aligns: &[Align]) -> Vec<String> {
    let blank = " ".repeat(word.len());
    text::table(rows, aligns)
        .into_iter()
        .enumerate()
        .map(|(n, line)| format!("{}{line}", if n == 0 { word } else { &blank }))
        .collect()
}

/// The plan for programs.
pub(crate) fn plan_line(out: &Output, account: &str, agreed: &ConfirmedPlan, dry_run: bool) {
    let plan = &agreed.plan;
    let brackets: Vec<Value> = plan
        .brackets
        .iter()
        .map(|b| {
            json!({
                "older_than_days": b.days,
                "messages": b.all.messages, "bytes": b.all.octets,
                "delete": b.chosen.messages, "delete_bytes": b.chosen.octets,
            })
        })
        .collect();
    let largest: Vec<Value> = plan
        .largest
        .iter()
        .map(|large| {
            json!({
                "id": large.id.to_string(), "bytes": large.octets,
                "date": rfc3339(large.date), "subject": large.subject,
            })
        })
        .collect();
    let folders: Vec<Value> = plan
        .places
        .iter()
        .filter(|place| place.maildrop.is_mailbox())
        .map(|place| {
            json!({
                "folder": folder_label(&place.maildrop.dir),
                "server_messages": place.listed.messages, "server_bytes": place.listed.octets,
                "delete": place.chosen.messages, "delete_bytes": place.chosen.octets,
            })
        })
        .collect();
    let line = json!({
        "account": account,
        "server": agreed.server().host,
        "server_messages": plan.listed.messages,
        "server_bytes": plan.listed.octets,
        "not_archived": plan.unarchived.messages,
        "without_proof": plan.unproven.messages,
        "kept_by_rule": plan.held.messages,
        "waiting_for_push": plan.waiting.messages,
        "delete": plan.chosen.messages,
        "delete_bytes": plan.chosen.octets,
        "ages": brackets,
        "folders": folders,
        "largest": largest,
        "dry_run": dry_run,
    });
    out.json("plan", line, true);
}
