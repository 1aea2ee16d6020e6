//! `mailvault pull`: fetch what is new.

mod push;
mod tell;

use std::time::{Duration, Instant};

use mailvault::account::Job;
use mailvault::account::config::Account;
use mailvault::base::error::Result;
use mailvault::base::event::{PullReport, RunEvent};
use mailvault::base::secret::{Program, SecretSource};
use mailvault::pull::{self, Outcome, PullOptions, RunReport};
use mailvault::purge::PurgeOptions;
use serde_json::{Value, json};

use self::push::AfterPull;
use self::tell::{code, results, tell};
use super::Done;
use super::args::{Global, Pull};
use super::frame;
use super::output::Output;
use super::progress::Progress;
use super::purge::after::{self, Later};
use super::purge::warn_of_keep;
use super::report::{self, Failure, code_name, together};
use super::secrets;
use super::settings::Settings;
use super::signals::Stop;
use super::text::{escape, now, plural};

/// Accounts at once.
const PARALLEL: usize = 2;

pub(crate) fn run(
    args: &Pull,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let accounts = chosen(args, settings)?;
    let names: Vec<String> = accounts.iter().map(|a| a.name.clone()).collect();
    frame::start(out, "pull", &names);
    // Before the questions, which leave the terminal without echo to a signal that kills.
    let stop = Stop::watch(
        out,
        "stopping after the current message; what is stored is safe, and the next run\n\
         continues from there (press Ctrl-C again to quit now)",
    );
    let jobs = jobs(accounts, settings, global, out, &stop);
    let mut push = AfterPull::of(args, settings)?;
    let later = if args.purge {
        after::later(&jobs)?
    } else {
        Vec::new()
    };
    let mut progress = Progress::new(out, names.iter().map(String::as_str));
    let options = options(args, settings, &stop);
    let ran = pull::pull(&settings.vault, jobs, &options, &mut |event| {
        progress.event(&event);
        tell_end(out, &event);
    });
    progress.clear();
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => return Ok(frame::failed(out, &stop, &error, None)),
    };
    if !out.quiet {
        print(&ran, args, settings, out);
        print_disabled(&disabled(args, settings), out);
    }
    warn_of_keep(&names, settings, out);
    if let Some(error) = &ran.close_error {
        return Ok(frame::failed(out, &stop, error, None));
    }
    push.run(settings, global, out, &stop);
    Ok(end(args, settings, out, &stop, &ran, (later, &push)))
}

/// Purges what the run may purge, and sums up.
fn end(
    args: &Pull,
    settings: &Settings,
    out: &Output,
    stop: &Stop,
    ran: &RunReport,
    (later, push): (Vec<Later>, &AfterPull),
) -> Done {
    let mut codes: Vec<u8> = ran.outcomes.iter().map(code).collect();
    if push.has_failed() && !later.is_empty() {
        report::warn(out, "nothing was purged, because the push failed", None);
    } else {
        purge_later(later, ran, &mut codes, |later, not_before| {
            let options = purge_options(args, stop, not_before);
            (!stop.is_set()).then(|| later.apply(settings, &options, args.dry_run, (stop, out)))
        });
    }
    codes.extend(push.code);
    let code = stop.exit_code(together(&codes));
    let mut summary = summary(ran, args);
    summary["disabled"] = json!(disabled(args, settings));
    if let Some(code) = push.code {
        summary["push"] = code_name(code).into();
    }
    Done::new(code, summary)
}

/// The accounts that are left out since they are disabled.
fn disabled(args: &Pull, settings: &Settings) -> Vec<String> {
    let all = settings.config.accounts.values();
    let left = all.filter(|account| args.accounts.is_empty() && !account.pull);
    left.map(|account| account.name.clone()).collect()
}

fn print_disabled(names: &[String], out: &Output) {
    if !names.is_empty() && (out.out_terminal || out.verbose > 0) {
        out.line(&format!("left out, as disabled: {}", names.join(", ")));
    }
}

fn jobs(
    accounts: Vec<Account>,
    settings: &Settings,
    global: &Global,
    out: &Output,
    stop: &Stop,
) -> Vec<Job> {
    let env = settings.secret_env(accounts.iter());
    let asks = secrets::may_ask(global, out);
    let jobs = accounts.into_iter();
    let names = settings.config.names();
    jobs.map(|account| secrets::job(account, &names, &env, asks, out, stop))
        .collect()
}

/// Says what came of an account once it has ended.
fn tell_end(out: &Output, event: &RunEvent<'_>) {
    if let RunEvent::Finished {
        account,
        report,
        error,
    } = event
    {
        tell(out, account, report, *error);
    }
}

fn options(args: &Pull, settings: &Settings, stop: &Stop) -> PullOptions {
    PullOptions {
        moved_from: args.moved_from.clone(),
        dry_run: args.dry_run,
        limit: args.limit,
        compare_all: args.compare,
        all_folders: args.all_folders,
        lock_wait: args.lock_wait.unwrap_or(Duration::ZERO),
        create: args.create || (settings.usual_vault && settings.vault.symlink_metadata().is_err()),
        parallel: PARALLEL,
        stop: stop.flag.clone(),
    }
}

fn purge_options(args: &Pull, stop: &Stop, not_before: Option<Instant>) -> PurgeOptions {
    PurgeOptions {
        lock_wait: args.lock_wait.unwrap_or(Duration::ZERO),
        now: now().timestamp(),
        not_before,
        stop: stop.flag.clone(),
    }
}

/// Applies the rules of the accounts that were pulled whole; refused messages block nobody.
/// `purge` gets the time before which the server wants no login.
fn purge_later(
    later: Vec<Later>,
    ran: &RunReport,
    codes: &mut [u8],
    purge: impl Fn(Later, Option<Instant>) -> Option<u8>,
) {
    for later in later {
        let pulled = |o: &Outcome| o.account == later.name() && o.error.is_none();
        let Some(at) = ran.outcomes.iter().position(pulled) else {
            continue;
        };
        match purge(later, ran.outcomes[at].report.next_login) {
            None | Some(0) => {}
            Some(code) => codes[at] = code,
        }
    }
}

fn summary(ran: &RunReport, args: &Pull) -> Value {
    let sum = |of: fn(&PullReport) -> u64| ran.outcomes.iter().map(|o| of(&o.report)).sum::<u64>();
    json!({
        "new": sum(|report| report.new),
        "duplicates": sum(|report| report.duplicates),
        "failed": sum(|report| report.failed() as u64),
        "bytes": sum(|report| report.octets),
        "stored_bytes": sum(|report| report.stored),
        "messages": ran.total_messages,
        "dry_run": args.dry_run,
    })
}

/// The accounts to pull, with the password command of the command line.
fn chosen(args: &Pull, settings: &Settings) -> Result<Vec<Account>, Failure> {
    let mut accounts = settings.accounts(&args.accounts)?;
    if let Some(command) = &args.password_command {
        let [account] = &mut accounts[..] else {
            return Err(Failure::usage(
                "--password-command works with one account, but there are several",
                "name the account: mailvault pull ACCOUNT --password-command CMD",
            ));
        };
        let program = Program::Shell(command.clone());
        account.secret = if account.auth.takes_token() {
            SecretSource::Token(program)
        } else {
            SecretSource::Command(program)
        };
    }
    Ok(accounts)
}

fn print(ran: &RunReport, args: &Pull, settings: &Settings, out: &Output) {
    for line in results(&ran.outcomes, out) {
        out.line(&line);
    }
    if ran.outcomes.iter().any(|outcome| outcome.report.new > 0) {
        out.line(&format!(
            "\n{} in {}.{}",
            plural(ran.total_messages, "message"),
            escape(&settings.shown(&settings.vault)),
            if args.purge {
                ""
            } else {
                " Nothing was deleted on a server."
            },
        ));
    }
}
