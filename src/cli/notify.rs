//! `[notify]` of the configuration: what is told of a run that nobody watches, and of which.

use std::path::Path;

use mailvault::account::config::Notify;
use mailvault::base::secret::Program;
use mailvault::notify::{self, NotifyFault, Streak, StreakFile};
use serde_json::{Value, json};

use super::args::{Cli, Command, Global};
use super::output::Output;
use super::report;
use super::settings::{self, Settings};
use super::text::{escape, now, rfc3339};

/// A run of which somebody may be told.
pub(crate) struct Watched {
    global: Global,
    command: &'static str,
    accounts: Vec<String>,
    /// Only a pull is what a monitor waits for: a check is of one job.
    pings: bool,
}

/// What a run came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RunEnd {
    Success,
    Failure,
    /// A person ended it, or the system did: it says nothing of the mail.
    Neither,
}

impl Watched {
    /// Those commands that run from cron, if they change or answer something.
    pub(crate) fn of(cli: &Cli) -> Option<Self> {
        let accounts = match &cli.command {
            Command::Pull(args) if !args.dry_run => args.accounts.clone(),
            Command::Purge(args) if !args.dry_run => args.account.iter().cloned().collect(),
            Command::Verify(args) => args.accounts.clone(),
            Command::Audit(args) => vec![args.account.clone()],
            Command::Status(args) if args.max_age.is_some() => args.accounts.clone(),
            _ => return None,
        };
        Some(Self {
            global: cli.global.clone(),
            command: cli.command.name(),
            accounts,
            pings: matches!(cli.command, Command::Pull(_)),
        })
    }
}

/// Tells whom the configuration names. What goes wrong is a warning.
pub(crate) fn tell(watched: &Watched, summary: &Value, code: u8, out: &Output) {
    let ended = ended(code);
    // What is wrong with the configuration was said by the run.
    let settings = Settings::read(&watched.global).ok();
    let Some(settings) = settings.filter(|_| ended != RunEnd::Neither) else {
        return;
    };
    let notify = &settings.config.notify;
    if *notify == Notify::default() {
        return;
    }
    out.flush();
    let failed = ended == RunEnd::Failure;
    // Nothing is under way any more: a signal ends the wait at once.
    out.question.ask(|| {
        if let Some(url) = notify.ping.as_ref().filter(|_| watched.pings)
            && let Err(fault) = notify::ping(url, failed)
        {
            complain("ping", &fault, out);
        }
        if notify.on_failure.is_some() || notify.on_recovery.is_some() {
            run_command(watched, &settings, summary, failed, out);
        }
    });
}

fn run_command(
    watched: &Watched,
    settings: &Settings,
    summary: &Value,
    failed: bool,
    out: &Output,
) {
    let notify = &settings.config.notify;
    let (key, program) = if failed {
        ("on_failure", &notify.on_failure)
    } else {
        ("on_recovery", &notify.on_recovery)
    };
    let Some(streak) = count(watched, settings, failed, out) else {
        return;
    };
    if let Some(program) = program {
        let told = told(key, &streak, &settings.vault, summary, out);
        run_program(program, key, settings, &told, out);
    }
}

fn run_program(program: &Program, key: &str, settings: &Settings, told: &Value, out: &Output) {
    let input = format!("{told}\n").into_bytes();
    if let Err(fault) = notify::run(program, key, settings.home.as_deref(), input) {
        complain(key, &fault, out);
    }
}

/// The failures in a row with this one, or before this success; `None` if there were none.
fn count(watched: &Watched, settings: &Settings, failed: bool, out: &Output) -> Option<Streak> {
    let present = now().timestamp();
    let first = failed.then_some(Streak {
        failures: 1,
        since: present,
    });
    let Some(folder) = settings::state_folder(settings.home.as_deref()) else {
        return first;
    };
    let vault = std::path::absolute(&settings.vault).unwrap_or_else(|_| settings.vault.clone());
    let file = StreakFile::new(&folder, &vault, watched.command, &watched.accounts);
    let counted = if failed {
        file.failed(present).map(Some)
    } else {
        file.succeeded()
    };
    counted.unwrap_or_else(|error| {
        let message = format!(
            "cannot remember from run to run what failed: {}",
            escape(&report::what(&error))
        );
        let hint = "on_recovery needs a directory that can be written to; XDG_STATE_HOME names it";
        report::warn(out, &message, Some(hint));
        first
    })
}

/// What a program is told.
fn told(key: &str, streak: &Streak, vault: &Path, summary: &Value, out: &Output) -> Value {
    json!({
        "v": 1,
        "type": "notification",
        "event": key.trim_start_matches("on_"),
        "time": rfc3339(now().timestamp()),
        "vault": vault.to_string_lossy(),
        "failures": streak.failures,
        "since": rfc3339(streak.since),
        "errors": out.errors(),
        "summary": summary,
    })
}

fn ended(code: u8) -> RunEnd {
    match code {
        0 => RunEnd::Success,
        130 | 143 => RunEnd::Neither,
        _ => RunEnd::Failure,
    }
}

fn complain(key: &str, fault: &NotifyFault, out: &Output) {
    let (text, hint) = match fault {
        NotifyFault::Run(error) => (report::what(error), None),
        NotifyFault::TimedOut => ("did not finish within 30 s, and was ended".to_owned(), None),
        NotifyFault::Ended { how, said } if said.is_empty() => (how.clone(), None),
        NotifyFault::Ended { how, said } => {
            let line = said.lines().next().unwrap_or_default();
            (format!("{how}: {line}"), None)
        }
        NotifyFault::NoAnswer { server, reason } => (format!("{server}: {reason}"), None),
        NotifyFault::Refused { server, status } => (
            format!("{server} answered with HTTP status {status}"),
            (300..400).contains(status).then_some(
                "redirections are not followed; write the address that this one leads to",
            ),
        ),
    };
    let line = json!({"notify": key, "message": text, "hint": hint});
    out.json("notify_failed", line, true);
    report::warn(out, &format!("[notify] {key}: {}", escape(&text)), hint);
}
