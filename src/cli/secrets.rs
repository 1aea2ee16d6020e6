//! The secret of an account, asked for on a terminal where nothing else gives it.

use std::io::{self, IsTerminal as _};

use mailvault::account::Job;
use mailvault::account::config::{Account, AccountNames};
use mailvault::base::error::{Error, Result};
use mailvault::base::secret::{self, Env, SecretNames};

use super::args::Global;
use super::output::Output;
use super::signals::Stop;

/// True if somebody sits at a terminal and may be asked.
pub(crate) fn may_ask(global: &Global, out: &Output) -> bool {
    !global.no_input && !out.json && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// An account with its secret; that it cannot be had is this account's trouble alone.
pub(crate) fn job(
    account: Account,
    names: &AccountNames,
    env: &Env,
    asks: bool,
    out: &Output,
    stop: &Stop,
) -> Job {
    Job {
        names: names.clone(),
        secret: secret_of(&account, env, asks, out, stop),
        account,
    }
}

/// What the secret of an account may be filed under.
pub(crate) fn names_of(account: &Account) -> SecretNames<'_> {
    SecretNames {
        name: &account.name,
        stored: account.vault_name(),
    }
}

/// The secret of an account.
pub(crate) fn secret_of(
    account: &Account,
    env: &Env,
    asks: bool,
    out: &Output,
    stop: &Stop,
) -> Result<secret::Secret> {
    let mut ask = |text: &str| {
        let typed = out.question.ask(|| rpassword::prompt_password(text));
        typed.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => Error::Interrupted,
            _ => Error::Secret {
                message: format!("cannot ask for the password: {error}"),
                hint: None,
            },
        })
    };
    let prompt: Option<secret::Prompt<'_>> = if asks { Some(&mut ask) } else { None };
    secret::obtain(names_of(account), &account.secret, env, prompt, &stop.flag)
}
