//! `mailvault purge`: free quota, only by proof.

pub(crate) mod after;
mod outcome;
mod required;
mod table;

use std::io::{self, BufRead as _, Write as _};
use std::time::Duration;

use mailvault::account::config::Account;
use mailvault::base::error::Error;
use mailvault::mail::query::{self, Query};
use mailvault::purge::{Choice, ConfirmedPlan, CopyCheck, Keep, PurgeOptions, PurgeSelection};

use self::required::RequiredCopy;
use super::Done;
use super::args::{Global, PurgeArgs};
use super::frame;
use super::output::Output;
use super::report::{self, Failure};
use super::secrets;
use super::settings::Settings;
use super::signals::Stop;
use super::text::{escape, now, plural, size, toml_string};

/// What Ctrl-C answers while messages are deleted.
pub(crate) const STOPPING: &str = "stopping before the next deletion; the next run checks what \
     was deleted\n\
     (press Ctrl-C again to quit now)";

pub(crate) fn run(
    args: &PurgeArgs,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let account = chosen(args, settings)?;
    let selection = selection(args, &account)?;
    let asks = secrets::may_ask(global, out);
    refuse_early(args, &selection, asks)?;
    let name = account.name.clone();
    frame::start(out, "purge", std::slice::from_ref(&name));
    let env = settings.secret_env(std::iter::once(&account));
    let stop = Stop::watch(out, STOPPING);
    let options = options(args, &stop);
    let required = if selection.is_empty() {
        None
    } else {
        RequiredCopy::of(&account, settings, asks, &stop)?
    };
    let gate = required.as_ref().map(|required| required.gate(settings));
    let mut gate = gate.transpose()?;
    let job = secrets::job(account, &settings.config.names(), &env, asks, out, &stop);
    let planned = frame::with_progress(out, [name.as_str()], |events| {
        let mut copy = gate.as_mut().map(|gate| |hash| gate.has(hash));
        let copy = copy.as_mut().map(|copy| copy as CopyCheck<'_>);
        ConfirmedPlan::plan(&settings.vault, job, &selection, copy, &options, events)
    });
    let agreed = match planned {
        Ok(agreed) => agreed,
        Err(error) => return Ok(frame::failed(out, &stop, &error, Some(&name))),
    };
    let required = (required.as_ref(), settings);
    carry_out(args, &name, agreed, required, &options, (&stop, out))
}

/// Shows the plan, and deletes what it chose if that is agreed to.
fn carry_out(
    args: &PurgeArgs,
    name: &str,
    mut agreed: ConfirmedPlan,
    (required, settings): (Option<&RequiredCopy>, &Settings),
    options: &PurgeOptions,
    (stop, out): (&Stop, &Output),
) -> Result<Done, Failure> {
    table::plan_line(out, name, &agreed, args.dry_run);
    // Where nothing is selected, nothing is chosen.
    if args.dry_run || agreed.plan.chosen.messages == 0 {
        let code = only_show(args, name, &mut agreed, options, out);
        return Ok(Done::new(code, outcome::summary(None)));
    }
    if !args.yes && !agrees(args, name, &mut agreed, out) {
        out.say("Nothing was deleted.");
        return Ok(Done::new(1, outcome::summary(None)));
    }
    // A gate asks for an object once. Since the plan was made, it may have gone from the place.
    let mut gate = required
        .map(|required| required.gate(settings))
        .transpose()?;
    let mut copy = gate.as_mut().map(|gate| |hash| gate.has(hash));
    let copy = copy.as_mut().map(|copy| copy as CopyCheck<'_>);
    let (report, error) =
        frame::with_progress(out, [name], |events| agreed.apply(copy, options, events));
    let code = outcome::outcome(out, "account", name, &report, error.as_ref());
    outcome::print_result(&report, name, out);
    let summary = outcome::summary(Some(&report));
    Ok(Done::new(stop.exit_code(code), summary))
}

fn options(args: &PurgeArgs, stop: &Stop) -> PurgeOptions {
    PurgeOptions {
        lock_wait: args.lock_wait.unwrap_or(Duration::ZERO),
        now: now().timestamp(),
        not_before: None,
        stop: stop.flag.clone(),
    }
}

/// Refuses what could only end in nothing, before anything is asked of a server.
fn refuse_early(args: &PurgeArgs, selection: &PurgeSelection, asks: bool) -> Result<(), Failure> {
    if selection.is_empty() && args.yes {
        return Err(Failure::usage(
            "nothing is selected for deletion",
            "use --older-than 90d, --free 500M, --match QUERY, or --all",
        ));
    }
    if !selection.is_empty() && !args.dry_run && !args.yes && !asks {
        return Err(Failure::usage(
            "purge needs confirmation, but there is no terminal",
            "add --yes to delete, or --dry-run to preview",
        ));
    }
    Ok(())
}

/// Shows a plan that is not carried out, and ends the session; returns the exit code.
fn only_show(
    args: &PurgeArgs,
    name: &str,
    agreed: &mut ConfirmedPlan,
    options: &PurgeOptions,
    out: &Output,
) -> u8 {
    for line in table::only_shown(&agreed.plan, &agreed.server(), args, out) {
        out.line(&line);
    }
    let code = if args.dry_run {
        0
    } else {
        outcome::settled(out, name, agreed, options)
    };
    agreed.hang_up();
    code
}

/// Shows a plan and asks for the account's name. No session waits for an answer.
fn agrees(args: &PurgeArgs, name: &str, agreed: &mut ConfirmedPlan, out: &Output) -> bool {
    agreed.hang_up();
    if !out.quiet {
        for line in table::table(&agreed.plan, &agreed.server(), args) {
            out.line(&line);
        }
        out.line("");
    }
    confirmed(name, agreed, out)
}

fn chosen(args: &PurgeArgs, settings: &Settings) -> Result<Account, Failure> {
    let names = Vec::from_iter(args.account.clone());
    let mut accounts = settings.accounts(&names)?;
    match (accounts.pop(), accounts.pop()) {
        (Some(account), None) => Ok(account),
        _ => Err(Failure::usage(
            "there are several accounts; a purge needs one",
            "name it: mailvault purge ACCOUNT",
        )),
    }
}

fn selection(args: &PurgeArgs, account: &Account) -> Result<PurgeSelection, Failure> {
    let matching = args.matching.as_deref();
    Ok(PurgeSelection {
        older_than: args.older_than,
        free: args.free,
        first: if args.largest_first {
            Choice::Largest
        } else {
            Choice::Oldest
        },
        matching: matching.map(parsed).transpose()?,
        all: args.all,
        keep: keep(account)?,
    })
}

/// What the account's rule selects; `None` if it has none.
fn rule(account: &Account) -> Result<Option<PurgeSelection>, Error> {
    let rule = &account.purge;
    if rule.older_than.is_none() && rule.keep_newest.is_none() {
        return Ok(None);
    }
    Ok(Some(PurgeSelection {
        older_than: rule.older_than,
        all: rule.older_than.is_none(),
        keep: keep(account)?,
        ..PurgeSelection::default()
    }))
}

/// What stays whatever is selected.
fn keep(account: &Account) -> Result<Keep, Error> {
    let rule = &account.purge;
    Ok(Keep {
        newest: rule.keep_newest.unwrap_or(0),
        matching: rule
            .keep
            .iter()
            .map(|text| parsed(text))
            .collect::<Result<_, _>>()?,
    })
}

fn parsed(text: &str) -> Result<Query, Error> {
    query::parse_text(text, now().to_utc())
}

/// Warns about rules that keep a folder or an account which the vault does not have.
pub(crate) fn warn_of_keep(accounts: &[String], settings: &Settings, out: &Output) {
    let Ok(vault) = settings.open_vault() else {
        return;
    };
    for name in accounts {
        let account = settings.config.accounts.get(name);
        for text in account.into_iter().flat_map(|account| &account.purge.keep) {
            let Ok(query) = parsed(text) else { continue };
            if let Err(error @ Error::NotInVault { .. }) = vault.catalog().check_names(&query) {
                let message = format!(
                    "{name}: keep = [{}] protects nothing: {}",
                    toml_string(&escape(text)),
                    report::text(&error, None)
                );
                report::warn(out, &message, None);
            }
        }
    }
}

/// Asks for the account's name: a word that nobody types by habit.
fn confirmed(name: &str, agreed: &ConfirmedPlan, out: &Output) -> bool {
    let chosen = agreed.plan.chosen;
    let mut typed = String::new();
    out.screen.aside(|| {
        let mut err = io::stderr();
        // Who cannot see the question will not answer it.
        let _ = write!(
            err,
            "{} ({}) of {name} will be deleted from {}.\n\
             {} in the vault. The server cannot bring them back.\n\
             Type the account name to continue: ",
            plural(chosen.messages, "message"),
            size(chosen.octets),
            escape(&agreed.server().host),
            if chosen.messages == 1 {
                "It stays"
            } else {
                "They stay"
            },
        );
        let _ = err.flush();
        let _ = out
            .question
            .ask(|| io::stdin().lock().read_line(&mut typed));
    });
    typed.trim() == name
}
