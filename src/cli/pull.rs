//! `mailvault pull`: fetch what is new.

mod tell;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use mailvault::config::{Account, Protocol};
use mailvault::error::{Error, Result};
use mailvault::event::{Event, PullReport};
use mailvault::run::{self, Job, PullOptions, RunReport};
use mailvault::secret::{self, Env, Program, SecretSource};
use serde_json::json;

use self::tell::{code, results, tell};
use super::Done;
use super::args::{Global, Pull};
use super::output::Output;
use super::progress::Progress;
use super::report::{self, Failure, together};
use super::settings::Settings;
use super::signals::Stop;
use super::text::{escape, now, plural, rfc3339};

/// Accounts at once.
const PARALLEL: usize = 2;

pub(crate) fn run(
    args: &Pull,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let accounts = chosen(args, settings)?;
    let names: Vec<String> = accounts
        .iter()
        .map(|account| account.name.clone())
        .collect();
    let time = rfc3339(now().timestamp());
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
        "stopping after the message in hand; what is stored is safe, and a second run\n\
         goes on from there (once more to quit at once)",
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
        print(&ran, settings, out);
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

/// The accounts to pull, with the password command of the command line.
fn chosen(args: &Pull, settings: &Settings) -> Result<Vec<Account>, Failure> {
    let mut accounts = settings.accounts(&args.accounts)?;
    if let Some(command) = &args.password_command {
        let [account] = &mut accounts[..] else {
            return Err(Failure::usage(
                "--password-command is for one account, and several are to be pulled",
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

fn print(ran: &RunReport, settings: &Settings, out: &Output) {
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
