//! `mailvault stats`: what the mail is made of, as bars.

mod table;

use std::path::Path;

use chrono::Utc;
use mailvault::mail::query;
use mailvault::stats::{self, Facet, Growth, Stats, StatsPage, StatsRow, StatsSection};
use mailvault::vault::catalog::{Amount, Grouping};
use serde_json::{Value, json};

use super::Done;
use super::args::{By, StatsArgs as Args};
use super::output::Output;
use super::report::Failure;
use super::search::read_texts;
use super::settings::Settings;
use super::text::{now, rfc3339};

/// A part of what is shown.
enum StatsPart {
    Groups(StatsSection),
    Growth(Growth),
}

pub(crate) fn run(args: &Args, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    let query = query::parse(&args.query, Utc::now())?;
    let vault = settings.open_vault()?;
    read_texts(&vault, &query, out)?;
    let stats = stats::gather(&vault, &query, &groupings(args), args.top)?;
    if let Some(path) = &args.html {
        write_page(path, &settings.vault, &stats, args)?;
    }
    let parts = parts(&stats, args);
    if out.json {
        tell(&parts, out);
    } else {
        for line in table::lines(&stats, &parts, &args.query, out.utf8) {
            out.line(&line);
        }
        if let (Some(path), false) = (&args.html, out.quiet) {
            out.line(&format!("\nWrote {}", out.link(path)));
        }
    }
    let totals = &stats.totals;
    let passed = stats.growth(args.quota).passed;
    Ok(Done::new(
        0,
        json!({
            "messages": totals.amount.messages,
            "bytes": totals.amount.octets,
            "stored_bytes": totals.stored,
            "first": totals.span.and_then(|(first, _)| rfc3339(first)),
            "last": totals.span.and_then(|(_, last)| rfc3339(last)),
            "quota_bytes": args.quota,
            "quota_passed": passed.map(|(year, month)| format!("{year:04}-{month:02}")),
            "html": args.html.as_ref().map(|path| path.to_string_lossy()),
        }),
    ))
}

fn write_page(path: &Path, vault: &Path, stats: &Stats, args: &Args) -> Result<(), Failure> {
    let about = match args.query.join(" ") {
        words if words.is_empty() => "all mail".to_owned(),
        words => words,
    };
    let page = StatsPage {
        stats,
        about: &about,
        made: &now().format("%Y-%m-%d").to_string(),
        quota: args.quota,
    };
    Ok(stats::write_page(path, vault, &page)?)
}

/// What is shown, each once, in the order in which it was asked for.
fn wanted(args: &Args) -> Vec<By> {
    let mut wanted: Vec<By> = Vec::new();
    let growth = args.quota.map(|_| By::Growth);
    for by in args.by.iter().copied().chain(growth) {
        if !wanted.contains(&by) {
            wanted.push(by);
        }
    }
    wanted
}

/// What the catalog must group by. A page has everything.
fn groupings(args: &Args) -> Vec<Grouping> {
    if args.html.is_some() {
        return vec![Grouping::Sender, Grouping::Size, Grouping::Folder];
    }
    let facets = wanted(args).into_iter().filter_map(facet);
    facets.filter_map(Facet::grouping).collect()
}

fn parts(stats: &Stats, args: &Args) -> Vec<StatsPart> {
    let part = |by| match facet(by) {
        Some(facet) => StatsPart::Groups(stats.section(facet, args.top)),
        None => StatsPart::Growth(stats.growth(args.quota)),
    };
    wanted(args).into_iter().map(part).collect()
}

fn facet(by: By) -> Option<Facet> {
    match by {
        By::Year => Some(Facet::Year),
        By::Month => Some(Facet::Month),
        By::Weekday => Some(Facet::Weekday),
        By::Hour => Some(Facet::Hour),
        By::Sender => Some(Facet::Sender),
        By::Size => Some(Facet::Size),
        By::Folder => Some(Facet::Folder),
        By::Growth => None,
    }
}

fn name(facet: Facet) -> &'static str {
    match facet {
        Facet::Year => "year",
        Facet::Month => "month",
        Facet::Weekday => "weekday",
        Facet::Hour => "hour",
        Facet::Sender => "sender",
        Facet::Size => "size",
        Facet::Folder => "folder",
    }
}

/// Says all parts to a program.
fn tell(parts: &[StatsPart], out: &Output) {
    let say = |kind: &str, by: &str, mut line: Value, amount: Amount| {
        line["by"] = by.into();
        line["messages"] = amount.messages.into();
        line["bytes"] = amount.octets.into();
        out.json(kind, line, false);
    };
    for part in parts {
        match part {
            StatsPart::Groups(section) => {
                let by = name(section.facet);
                for row in &section.rows {
                    say("group", by, group(row), row.amount);
                }
                if section.others > 0 {
                    say("rest", by, json!({"groups": section.others}), section.rest);
                }
            }
            StatsPart::Growth(growth) => {
                for (year, amount) in growth.years() {
                    let line = json!({"key": format!("{year:04}"), "query": null});
                    say("group", "growth", line, amount);
                }
            }
        }
    }
}

fn group(row: &StatsRow) -> Value {
    let query = row.key.query().map(|query| query.to_string());
    match row.key.account() {
        Some(account) => json!({"account": account, "key": row.key.to_string(), "query": query}),
        None => json!({"key": row.key.to_string(), "query": query}),
    }
}
