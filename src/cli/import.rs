//! `mailvault import`: mail of other programs into the vault.

use std::time::Duration;

use mailvault::account::config::{Dedupe, ZSTD_LEVEL};
use mailvault::archive::dedupe::Policy;
use mailvault::base::error::PARTIAL;
use mailvault::base::suggest;
use mailvault::import::{self, ImportOptions, ImportReport, MboxOptions};
use mailvault::vault::layout::is_account;
use serde_json::json;

use super::Done;
use super::args::Import;
use super::frame;
use super::output::Output;
use super::report::{self, Failure};
use super::settings::Settings;
use super::signals::Stop;
use super::text::{count, escape, plural, size};

pub(crate) fn run(args: &Import, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    if let Some(name) = args.account.as_deref().filter(|name| !is_account(name)) {
        return Err(Failure::usage(
            format!("no account can be called \"{name}\""),
            "use a-z, 0-9, dot, dash and underscore, beginning with a letter or digit",
        ));
    }
    refuse_misspelt(args, settings)?;
    let stop = Stop::watch(
        out,
        "stopping after the current message; what is stored is safe, and the next run\n\
         continues from there (press Ctrl-C again to quit now)",
    );
    let options = options(args, settings, &stop);
    let done = frame::with_progress(out, ["import"], |events| {
        import::run(&settings.vault, &args.source, &options, events)
    });
    match done {
        Ok(report) => Ok(tell(&report, args, out)),
        Err(error) => Ok(frame::failed(out, &stop, &error, None)),
    }
}

/// A new name close to that of an account is taken for a typing mistake: the mail would be stored
/// under a second account, where the next pull of the first does not find it.
fn refuse_misspelt(args: &Import, settings: &Settings) -> Result<(), Failure> {
    let (Some(name), false) = (&args.account, args.new_account) else {
        return Ok(());
    };
    // A vault that is missing or cannot be read is the import's to report.
    let Ok(known) = settings.known_accounts() else {
        return Ok(());
    };
    match suggest::nearest(name, known.iter().map(String::as_str), 2) {
        Some(near) if without_digits(near) != without_digits(name) => Err(Failure::usage(
            format!("there is no account called \"{name}\" yet; did you mean {near}?"),
            format!("to create \"{name}\", add --new-account"),
        )),
        _ => Ok(()),
    }
}

/// Numbers are no typing mistakes: people have work and work2.
fn without_digits(name: &str) -> String {
    name.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn options(args: &Import, settings: &Settings, stop: &Stop) -> ImportOptions {
    let account = args.account.as_ref();
    let configured = account.and_then(|name| settings.account_of(name));
    ImportOptions {
        account: args.account.clone(),
        names: settings.config.names(),
        into: args.into.clone(),
        policy: match configured.map(|account| account.dedupe) {
            Some(Dedupe::Exact) => Policy::Exact,
            _ => Policy::MessageId,
        },
        level: configured.map_or(ZSTD_LEVEL, |account| account.zstd_level),
        mbox: MboxOptions {
            mboxo: args.mboxo,
            labels: !args.no_labels,
        },
        dry_run: args.dry_run,
        read_all: args.read_all,
        create: args.create || (settings.usual_vault && settings.vault.symlink_metadata().is_err()),
        lock_wait: args.lock_wait.unwrap_or(Duration::ZERO),
        stop: stop.flag.clone(),
    }
}

/// How many messages came, and what became of them.
fn counts(report: &ImportReport, args: &Import) -> String {
    let skipped = match report.skipped.len() as u64 {
        0 => String::new(),
        skipped => format!(", {} skipped", count(skipped)),
    };
    let unchanged = match report.unchanged {
        0 => String::new(),
        unchanged => format!(
            ", {} in files that have not changed since the last import (not read)",
            count(unchanged)
        ),
    };
    let forgotten = match report.forgotten {
        0 => String::new(),
        forgotten => format!(", {} left out because you forgot them", count(forgotten)),
    };
    let would = if args.dry_run { "would be " } else { "" };
    let stored = if args.dry_run {
        String::new()
    } else {
        format!(" ({} stored)", size(report.stored))
    };
    format!(
        "{}, {}: {} {would}new{stored}, {} already in the vault{unchanged}{forgotten}{skipped}",
        plural(report.messages, "message"),
        size(report.octets),
        count(report.new),
        count(report.duplicates),
    )
}

fn tell(report: &ImportReport, args: &Import, out: &Output) -> Done {
    for unread in &report.unread {
        out.json(
            "unread",
            json!({"place": unread.place, "reason": unread.reason}),
            true,
        );
        let text = format!(
            "cannot read {}: {}",
            escape(&unread.place),
            escape(&unread.reason)
        );
        report::warn(out, &text, None);
    }
    for skipped in &report.skipped {
        out.json(
            "skipped",
            json!({"place": skipped.place, "reason": skipped.reason}),
            true,
        );
        let text = format!(
            "skipped {}: {}",
            escape(&skipped.place),
            escape(&skipped.reason)
        );
        report::warn(out, &text, None);
    }
    if !out.quiet {
        out.line(&counts(report, args));
    }
    if !out.quiet && report.labelled > 0 {
        let would = if args.dry_run { "would go" } else { "went" };
        out.line(&format!(
            "{} {would} into folders by Gmail labels; --no-labels ignores these",
            plural(report.labelled, "message"),
        ));
    }
    let whole = report.unread.is_empty() && report.skipped.is_empty();
    let code = if whole { 0 } else { PARTIAL };
    Done::new(
        code,
        json!({
            "messages": report.messages,
            "bytes": report.octets,
            "new": report.new,
            "duplicates": report.duplicates,
            "unchanged": report.unchanged,
            "forgotten": report.forgotten,
            "labelled": report.labelled,
            "stored_bytes": report.stored,
            "unread": report.unread.len(),
            "skipped": report.skipped.len(),
            "dry_run": args.dry_run,
        }),
    )
}
