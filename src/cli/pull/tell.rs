//! What came of the accounts of a pull, in lines for people and for programs.

use mailvault::base::error::{Error, PARTIAL};
use mailvault::base::event::{PullReport, RefusedMessage};
use mailvault::pull::Outcome;
use serde_json::json;

use crate::cli::output::{Output, Tone};
use crate::cli::report::{self, code_name};
use crate::cli::text::{Align, count, escape, plural, seconds, size, span, table, toml_string};

/// Tells of an account when it is done: what failed to people, everything to programs.
pub(super) fn tell(out: &Output, account: &str, report: &PullReport, error: Option<&Error>) {
    if let Some(error) = error {
        report::print(out, error, Some(account));
    }
    let code = code_of(report, error);
    for refused in report.refused.iter().filter(|refused| !refused.accepted) {
        tell_refused(out, account, refused);
        let line = json!({
            "account": account,
            "uid": refused.uid,
            "bytes": refused.octets,
            "server_reply": refused.reply,
        });
        out.json("refused", line, true);
    }
    tell_doubts(out, account, report);
    for (folder, words) in &report.folders_failed {
        let message = format!(
            "{account}: the server refused to open the folder {}\n  server said: {}",
            escape(folder),
            escape(words)
        );
        let hint = format!(
            "the next run tries again. To skip this folder, set\n\
             exclude = [\"{}\"] for {account}",
            escape(folder)
        );
        report::warn(out, &message, Some(&hint));
        let line = json!({"account": account, "folder": folder, "server_reply": words});
        out.json("folder_failed", line, true);
    }
    let line = json!({
        "account": account,
        "status": code_name(code),
        "new": report.new,
        "duplicates": report.duplicates,
        "linked": report.linked,
        "forgotten": report.forgotten,
        "failed": report.failed(),
        "unlisted": report.unlisted,
        "doubtful": report.doubtful,
        "recognised": report.recognised,
        "compared": report.compared,
        "differed": report.differed,
        "bytes": report.octets,
        "stored_bytes": report.stored,
        "wanted": report.wanted,
        "wanted_bytes": report.wanted_octets,
        "server_messages": report.listed,
        "server_bytes": report.listed_octets,
        "seconds": seconds(report.elapsed),
        "complete": report.complete,
        "dry_run": report.dry_run,
    });
    out.json("account", line, true);
}

fn tell_refused(out: &Output, account: &str, refused: &RefusedMessage) {
    let octets = refused.octets.map(|octets| format!(" ({})", size(octets)));
    let (uid, octets) = (escape(&refused.uid), octets.unwrap_or_default());
    let reply = escape(&refused.reply);
    let says_no = |word| refused.reply.starts_with(word);
    let message = if ["-ERR", "NO ", "BAD "].into_iter().any(says_no) {
        format!(
            "{account}: the server refused to send message {uid}{octets}\n  server said: {reply}"
        )
    } else {
        format!("{account}: message {uid}{octets} was truncated\n  reason: {reply}")
    };
    let hint = if refused.named {
        format!(
            "the next run will retry. To accept the loss of this message, set\n\
             accept_refused = [{}] for {account}",
            toml_string(&uid)
        )
    } else {
        // A number means another message tomorrow.
        "the next run asks again".to_owned()
    };
    report::warn(out, &message, Some(&hint));
}

/// What makes one doubt that everything is here.
fn tell_doubts(out: &Output, account: &str, report: &PullReport) {
    if report.unlisted > 0 {
        let message = format!(
            "{account}: the server counts {}, but lists only {}",
            plural(report.listed + report.unlisted, "message"),
            count(report.listed),
        );
        let hint = "the listed messages are stored. The next run asks again; if the numbers \
        still differ, ask the provider";
        report::warn(out, &message, Some(hint));
    }
    if report.doubtful > 0 {
        let example = report.doubted.as_ref().map(|(uid, received, listed)| {
            format!(
                ", such as {} ({} received, {} listed)",
                escape(uid),
                size(*received),
                size(*listed)
            )
        });
        let message = format!(
            "{account}: {} did not arrive as listed{}",
            plural(report.doubtful, "message"),
            example.unwrap_or_default(),
        );
        let hint =
            "what arrived is stored, but not counted as archived. The next run will try again";
        report::warn(out, &message, Some(hint));
    }
    if report.recognised > 0 && out.verbose > 0 {
        let message = format!(
            "{account}: {} recognised only by header and size, and still to be compared",
            plural(report.recognised, "message"),
        );
        let hint = format!(
            "every run downloads and compares some of them; 'mailvault pull --compare {account}' \
             does them all"
        );
        report::warn(out, &message, Some(&hint));
    }
}

/// The exit code of one account.
pub(super) fn code(outcome: &Outcome) -> u8 {
    code_of(&outcome.report, outcome.error.as_ref())
}

fn code_of(report: &PullReport, error: Option<&Error>) -> u8 {
    match error {
        Some(error) => error.kind().exit_code(),
        None if report.is_partial() => PARTIAL,
        None => 0,
    }
}

/// One line per account; none if nothing was new and nobody watches.
pub(super) fn results(outcomes: &[Outcome], out: &Output) -> Vec<String> {
    let looks = out.out_terminal || out.verbose > 0;
    let wide = outcomes
        .iter()
        .map(|outcome| outcome.account.len())
        .max()
        .unwrap_or(0);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut lines: Vec<Option<String>> = Vec::new();
    for Outcome {
        account,
        report,
        error,
    } in outcomes
    {
        // Messages that the server cannot name are fetched again by every run, and found
        // to be known: no news.
        let gained = report.new > 0;
        if report.dry_run && report.wanted > 0 {
            lines.push(Some(format!(
                "{account:wide$}  would fetch {}, {}, of {} on the server",
                plural(report.wanted, "message"),
                size(report.wanted_octets),
                count(report.listed),
            )));
        } else if gained {
            lines.push(None);
            rows.push(row(account, report));
        } else if error.is_none() && looks && !report.is_partial() {
            let nothing = out.word("nothing new", Tone::Good);
            let listed = count(report.listed);
            let forgotten = unless_none(
                report.forgotten,
                format!(", {} forgotten", count(report.forgotten)),
            );
            lines.push(Some(format!(
                "{account:wide$}  {nothing} ({listed} on the server{forgotten})"
            )));
        }
    }
    // The rows that are aligned with each other go back to their places.
    let mut aligned = aligned(&rows).into_iter();
    lines
        .into_iter()
        .filter_map(|line| line.or_else(|| aligned.next()))
        .collect()
}

fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    use Align::{Left, Right};
    let lines = table(rows, &[Left, Right, Right, Left, Left, Left, Right]).into_iter();
    // The two sizes belong together.
    lines.map(|line| line.replacen("  (", " (", 1)).collect()
}

fn unless_none(number: u64, text: String) -> String {
    match number {
        0 => String::new(),
        _ => text,
    }
}

fn row(account: &str, report: &PullReport) -> Vec<String> {
    let done = report.new + report.duplicates + report.refused.len() as u64;
    let left = report.wanted.saturating_sub(done + report.forgotten);
    vec![
        account.to_owned(),
        format!("{} new", count(report.new)),
        size(report.octets),
        format!("({} stored)", size(report.stored)),
        unless_none(report.duplicates, plural(report.duplicates, "duplicate")),
        unless_none(left, format!("{} left for the next run", count(left))),
        span(report.elapsed),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn report(new: u64, octets: u64, stored: u64, seconds: u64) -> PullReport {
        PullReport {
            new,
            octets,
            stored,
            wanted: new,
            elapsed: Duration::from_secs(seconds),
            ..PullReport::default()
        }
    }

    #[test]
    fn the_lines_of_accounts_are_aligned() {
        let mut work = report(1272, 432_640_000, 281_018_000, 114);
        work.duplicates = 12;
        work.wanted += 12;
        let home = report(9310, 2_040_109_466, 1_288_490_189, 391);
        let rows = [row("work", &work), row("home", &home)];
        assert_eq!(
            aligned(&rows),
            [
                "work  1,272 new  412.6 MiB (268.0 MiB stored)  12 duplicates  1m54s",
                "home  9,310 new    1.9 GiB (1.2 GiB stored)                   6m31s",
            ]
        );
    }

    #[test]
    fn what_a_limit_left_is_told() {
        let mut work = report(5, 1000, 500, 1);
        work.wanted = 12;
        assert_eq!(row("work", &work)[5], "7 left for the next run");
    }
}
