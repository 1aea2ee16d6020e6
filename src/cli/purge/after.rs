//! `pull --purge`: the accounts' own rules, applied when everything is archived.

use mailvault::account::Job;
use mailvault::account::config::Account;
use mailvault::base::error::Error;
use mailvault::base::secret::Secret;
use mailvault::purge::{ConfirmedPlan, CopyCheck, PurgeOptions, PurgeSelection};

use super::required::RequiredCopy;
use super::{outcome, rule, table};
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::report::{self, Failure};
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;
use crate::cli::text::{escape, plural, size};

/// An account to be purged after its pull.
pub(crate) struct Later {
    account: Account,
    secret: Secret,
    selection: PurgeSelection,
}

/// The accounts that have a rule. That none has one is an error: whoever asks for a purge
/// expects some.
pub(crate) fn later(jobs: &[Job]) -> Result<Vec<Later>, Failure> {
    let mut all = Vec::new();
    let mut rules = 0;
    for job in jobs {
        let Some(selection) = rule(&job.account)? else {
            continue;
        };
        rules += 1;
        // Without its secret the account fails by itself.
        if let Ok(secret) = &job.secret {
            all.push(Later {
                account: job.account.clone(),
                secret: secret.clone(),
                selection,
            });
        }
    }
    if rules == 0 {
        return Err(Failure::usage(
            "pull --purge needs a purge rule, but none of these accounts has one",
            "add to the configuration: [accounts.NAME.purge] and older_than = \"90d\"",
        ));
    }
    Ok(all)
}

impl Later {
    pub(crate) fn name(&self) -> &str {
        &self.account.name
    }

    /// Applies the rule; returns the exit code.
    pub(crate) fn apply(
        self,
        settings: &Settings,
        options: &PurgeOptions,
        dry_run: bool,
        (stop, out): (&Stop, &Output),
    ) -> u8 {
        let code = self.purge(settings, options, dry_run, (stop, out));
        code.unwrap_or_else(|failure| {
            failure.print(out);
            failure.exit_code()
        })
    }

    fn purge(
        self,
        settings: &Settings,
        options: &PurgeOptions,
        dry_run: bool,
        (stop, out): (&Stop, &Output),
    ) -> Result<u8, Failure> {
        let required = RequiredCopy::of(&self.account, settings, false, stop)?;
        let gate = required.as_ref().map(|required| required.gate(settings));
        let mut gate = gate.transpose()?;
        let name = self.account.name.clone();
        let mut progress = Progress::new(out, std::iter::once(name.as_str()));
        let job = Job {
            account: self.account,
            secret: Ok(self.secret),
            names: settings.config.names(),
        };
        let mut copy = gate.as_mut().map(|gate| |hash| gate.has(hash));
        let planned = ConfirmedPlan::plan(
            &settings.vault,
            job,
            &self.selection,
            copy.as_mut().map(|copy| copy as CopyCheck<'_>),
            options,
            &mut |event| progress.event(&event),
        );
        progress.clear();
        let mut agreed = match planned {
            Ok(agreed) => agreed,
            Err(error) => return Ok(failed(out, &name, &error)),
        };
        table::plan_line(out, &name, &agreed, dry_run);
        let chosen = agreed.plan.chosen;
        let host = agreed.server().host;
        if dry_run || chosen.messages == 0 {
            let code = if dry_run {
                0
            } else {
                outcome::settled(out, &name, &agreed, options)
            };
            agreed.hang_up();
            if dry_run && !out.quiet {
                out.line(&format!(
                    "{name}  would delete {}, {}, on {}",
                    plural(chosen.messages, "message"),
                    size(chosen.octets),
                    escape(&host)
                ));
            }
            return Ok(code);
        }
        // A gate asks for an object once. Since the plan was made, it may have gone from the place.
        let gate = required.as_ref().map(|required| required.gate(settings));
        let mut gate = gate.transpose()?;
        let mut copy = gate.as_mut().map(|gate| |hash| gate.has(hash));
        let copy = copy.as_mut().map(|copy| copy as CopyCheck<'_>);
        let (report, error) = agreed.apply(copy, options, &mut |event| progress.event(&event));
        progress.clear();
        if !out.quiet && report.freed.messages > 0 {
            out.line(&format!(
                "{name}  deleted {}, {}, on {}; the vault keeps them",
                plural(report.freed.messages, "message"),
                size(report.freed.octets),
                escape(&host)
            ));
        }
        // The line "account" is that of the pull.
        let code = outcome::outcome(out, "purge", &name, &report, error.as_ref());
        Ok(code)
    }
}

fn failed(out: &Output, name: &str, error: &Error) -> u8 {
    report::print(out, error, Some(name));
    error.kind().exit_code()
}
