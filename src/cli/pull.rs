//! `mailvault pull`: fetch what is new.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use mailvault::config::{Account, Protocol};
use mailvault::error::{Error, PARTIAL, Result};
use mailvault::event::{Event, PullReport};
use mailvault::run::{self, Job, Outcome, PullOptions};
use mailvault::secret::{self, Env, Program, SecretSource};
use serde_json::json;

use super::Done;
use super::args::{Global, Pull};
use super::output::{Output, Tone};
use super::progress::Progress;
use super::report::{self, Failure, code_name, together};
use super::settings::Settings;
use super::signals::Stop;
use super::text::{Align, count, escape, plural, rfc3339, size, span, table};

/// Accounts at once.
const PARALLEL: usize = 2;

pub(crate) fn run(
    args: &Pull,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let mut accounts = settings.accounts(&args.accounts)?;
    if let Some(command) = &args.password_command {
        let [account] = &mut accounts[..] else {
            return Err(Failure::usage(
                "--password-command is for one account, and several are to be pulled",
                "name the account: mailvault pull ACCOUNT --password-command CMD",
            ));
        };
        let program = Program::Shell(command.clone());
        account.secret = match account.auth.takes_token() {
            true => SecretSource::Token(program),
            false => SecretSource::Command(program),
        };
    }
    let names: Vec<String> = accounts
        .iter()
        .map(|account| account.name.clone())
        .collect();
    let time = rfc3339(super::text::now().timestamp());
    out.json(
        "start",
        json!({"command": "pull", "time": time, "accounts": names}),
        true,
    );

    let env = settings.secret_env(accounts.iter());
    let asks =
        !global.no_input && !out.json && io::stdin().is_terminal() && io::stderr().is_terminal();
    let jobs: Vec<Job> = accounts
        .into_iter()
        .map(|account| Job {
            secret: secret_of(&account, &env, asks),
            account,
        })
        .collect();
    let stop = Stop::watch(
        out,
        "stopping after the message in hand; what is stored is safe, and a second run \
         goes on\nfrom there (once more to quit at once)",
    );
    let options = PullOptions {
        dry_run: args.dry_run,
        limit: args.limit,
        lock_wait: args.lock_wait.unwrap_or(Duration::ZERO),
        create: args.create || (settings.usual_vault && settings.vault.symlink_metadata().is_err()),
        parallel: PARALLEL,
        stop: stop.flag.clone(),
    };
    let mut progress = Progress::new(out, names.iter().map(String::as_str));
    let mut told: Vec<String> = Vec::new();
    let mut on_event = |event: Event<'_>| {
        progress.event(&event);
        if let Event::Finished {
            account,
            report,
            error,
        } = event
        {
            told.push(account.to_owned());
            tell(out, account, report, error);
        }
    };
    let ran = run::pull(&settings.vault, jobs, &options, &mut on_event);
    progress.clear();
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => {
            report::print(out, &error, None);
            return Ok(Done::new(
                stop.exit_code(error.kind().exit_code()),
                json!({}),
            ));
        }
    };
    for outcome in ran
        .outcomes
        .iter()
        .filter(|outcome| !told.contains(&outcome.account))
    {
        tell(
            out,
            &outcome.account,
            &outcome.report,
            outcome.error.as_ref(),
        );
    }
    if !out.quiet {
        for line in results(&ran.outcomes, out) {
            out.line(&line);
        }
        if ran.outcomes.iter().any(|outcome| outcome.report.new > 0) {
            out.line(&format!(
                "\n{} in {}. Nothing was deleted on a server.",
                plural(ran.total_messages, "message"),
                escape(&settings.shown(&settings.vault)),
            ));
        }
    }
    let codes: Vec<u8> = ran.outcomes.iter().map(code).collect();
    let sum = |of: fn(&PullReport) -> u64| ran.outcomes.iter().map(|o| of(&o.report)).sum::<u64>();
    let summary = json!({
        "new": sum(|report| report.new),
        "duplicates": sum(|report| report.duplicates),
        "failed": sum(|report| report.failed() as u64),
        "bytes": sum(|report| report.octets),
        "stored_bytes": sum(|report| report.stored),
        "messages": ran.total_messages,
        "dry_run": args.dry_run,
    });
    Ok(Done::new(stop.exit_code(together(&codes)), summary))
}

fn secret_of(account: &Account, env: &Env, asks: bool) -> Result<secret::Secret> {
    if account.protocol != Protocol::Pop3 {
        return Err(Error::Config {
            message: "this version fetches over POP3 only".to_owned(),
            hint: Some(format!(
                "if the server offers POP3, set protocol = \"pop3\" for {}; \
                 else set pull = false",
                account.name
            )),
        });
    }
    let mut ask = |text: &str| {
        rpassword::prompt_password(text).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => Error::Interrupted,
            _ => Error::Secret {
                message: format!("cannot ask for the password: {error}"),
                hint: None,
            },
        })
    };
    let prompt: Option<secret::Prompt<'_>> = if asks { Some(&mut ask) } else { None };
    secret::obtain(&account.name, &account.secret, env, prompt)
}

/// Tells of an account when it is done: what failed to people, everything to programs.
fn tell(out: &Output, account: &str, report: &PullReport, error: Option<&Error>) {
    if let Some(error) = error {
        report::print(out, error, Some(account));
    }
    let code = code_of(report, error);
    for refused in report.refused.iter().filter(|refused| !refused.accepted) {
        let octets = refused.octets.map(|octets| format!(" ({})", size(octets)));
        let message = format!(
            "{account}: the server does not give the message {}{}\n  server said: {}",
            escape(&refused.uid),
            octets.unwrap_or_default(),
            escape(&refused.reply),
        );
        let hint = format!(
            "the next run asks again. To do without it, set\n\
             accept_refused = [\"{}\"] for {account}",
            escape(&refused.uid)
        );
        report::warn(out, &message, Some(&hint));
        let line = json!({
            "account": account,
            "uid": refused.uid,
            "bytes": refused.octets,
            "server_reply": refused.reply,
        });
        out.json("refused", line, true);
    }
    let line = json!({
        "account": account,
        "status": code_name(code),
        "new": report.new,
        "duplicates": report.duplicates,
        "failed": report.failed(),
        "bytes": report.octets,
        "stored_bytes": report.stored,
        "wanted": report.wanted,
        "wanted_bytes": report.wanted_octets,
        "server_messages": report.listed,
        "server_bytes": report.listed_octets,
        "seconds": report.elapsed.as_millis() as f64 / 1000.0,
        "complete": report.complete,
        "dry_run": report.dry_run,
    });
    out.json("account", line, true);
}

fn code(outcome: &Outcome) -> u8 {
    code_of(&outcome.report, outcome.error.as_ref())
}

fn code_of(report: &PullReport, error: Option<&Error>) -> u8 {
    match error {
        Some(error) => error.kind().exit_code(),
        None if report.failed() > 0 => PARTIAL,
        None => 0,
    }
}

/// A line an account; none where nothing was new and nobody looks.
fn results(outcomes: &[Outcome], out: &Output) -> Vec<String> {
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
        let gained = report.new + report.duplicates > 0;
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
        } else if error.is_none() && looks && report.failed() == 0 {
            let nothing = out.word("nothing new", Tone::Good);
            let listed = count(report.listed);
            lines.push(Some(format!(
                "{account:wide$}  {nothing} ({listed} on the server)"
            )));
        }
    }
    // The rows that are aligned with each other go back to their places.
    let mut aligned = table(
        &rows,
        &[
            Align::Left,
            Align::Right,
            Align::Right,
            Align::Left,
            Align::Left,
            Align::Left,
            Align::Right,
        ],
    )
    .into_iter();
    lines
        .into_iter()
        .filter_map(|line| line.or_else(|| aligned.next()))
        .collect()
}

fn row(account: &str, report: &PullReport) -> Vec<String> {
    let done = report.new + report.duplicates + report.refused.len() as u64;
    let left = report.wanted.saturating_sub(done);
    let unless_none = |number: u64, text: String| match number {
        0 => String::new(),
        _ => text,
    };
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
    use std::sync::atomic::Ordering;

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
        let aligns = [
            Align::Left,
            Align::Right,
            Align::Right,
            Align::Left,
            Align::Left,
            Align::Left,
            Align::Right,
        ];
        assert_eq!(
            table(&rows, &aligns),
            [
                "work  1,272 new  412.6 MiB  (268.0 MiB stored)  12 duplicates  1m54s",
                "home  9,310 new    1.9 GiB  (1.2 GiB stored)                   6m31s",
            ]
        );
    }

    #[test]
    fn what_a_limit_left_is_told() {
        let mut work = report(5, 1000, 500, 1);
        work.wanted = 12;
        assert_eq!(row("work", &work)[5], "7 left for the next run");
    }

    #[test]
    fn a_signal_is_told_by_the_exit_code_of_an_interrupted_run_only() {
        let stop = Stop::default();
        stop.flag.store(true, Ordering::SeqCst);
        assert_eq!([0, 130].map(|code| stop.exit_code(code)), [0, 130]);
    }
}
