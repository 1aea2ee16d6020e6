//! `mailvault login`: a new password or token for an account, once it has worked.

mod token;

pub(super) use token::{show, without_source};

use std::io::{self, BufRead as _, Read as _};
use std::path::Path;
use std::sync::Arc;

use mailvault::account::config::Account;
use mailvault::base::error::{Error, Result};
use mailvault::base::fsx;
use mailvault::base::secret::{Secret, SecretSource, write_to_keyring};
use mailvault::inspect::doctor::{self, Fact};
use serde_json::json;

use super::Done;
use super::args::{Global, LoginArgs};
use super::ask;
use super::output::Output;
use super::report::Failure;
use super::secrets;
use super::settings::Settings;
use super::signals::Stop;
use super::text::plural;

/// No password is longer.
const LONGEST: u64 = 64 * 1024;

/// Where an account keeps what it signs in with.
enum TokenPlace<'a> {
    /// A password, in a file.
    File(&'a Path),
    /// A password, in the keyring of the desktop.
    Keyring,
    /// A refresh token, in a file.
    Token(&'a Path),
}

pub(crate) fn run(
    args: &LoginArgs,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let accounts = settings.accounts(std::slice::from_ref(&args.account))?;
    let Some(account) = accounts.first() else {
        return Err(settings.unconfigured().into());
    };
    let place = place_of(account, settings)?;
    let messages = match place {
        TokenPlace::Token(path) => token::run(args, account, path, global, out)?,
        TokenPlace::File(_) | TokenPlace::Keyring => password(args, account, &place, global, out)?,
    };
    if !out.quiet {
        out.line(&format!("Signed in: {}.", plural(messages, "message")));
        out.line(&match place {
            TokenPlace::File(path) | TokenPlace::Token(path) => {
                format!("Wrote {} (mode 600).", settings.shown(path))
            }
            TokenPlace::Keyring => "Wrote the password to the keyring.".to_owned(),
        });
    }
    let line = match place {
        TokenPlace::File(path) | TokenPlace::Token(path) => {
            json!({"account": account.name, "path": path.to_string_lossy()})
        }
        TokenPlace::Keyring => json!({"account": account.name, "keyring": true}),
    };
    out.json("login", line, false);
    Ok(Done::new(0, json!({})))
}

/// Asks for a password, tries it, and writes it to its place.
fn password(
    args: &LoginArgs,
    account: &Account,
    place: &TokenPlace<'_>,
    global: &Global,
    out: &Output,
) -> Result<u64, Failure> {
    if args.browser {
        return Err(Failure::usage(
            format!("{} signs in with a password", account.name),
            "--browser is for accounts with a token_file",
        ));
    }
    // Before the question, which leaves the terminal without echo to a signal that kills.
    let stop = Stop::watch(out, "stopping; nothing is written");
    let secret = if args.stdin {
        from_stdin()?
    } else if secrets::may_ask(global, out) {
        ask::secret(
            out,
            &format!("New password for {} (not shown): ", account.name),
        )?
    } else {
        return Err(Failure::usage(
            "there is no terminal",
            "--stdin takes the password from standard input",
        ));
    };
    let messages = sign_in(account, &secret, &stop)?;
    let TokenPlace::File(path) = place else {
        write_to_keyring(secrets::names_of(account), &secret)?;
        return Ok(messages);
    };
    // Where the name is a link, the file it leads to is replaced.
    let path = fsx::resolve(path);
    if let Some(folder) = path.parent() {
        fsx::create_dir_all_durably(folder)?;
    }
    fsx::write_durably(&path, format!("{}\n", secret.expose()).as_bytes())?;
    Ok(messages)
}

/// Where the account has its secret, if that can be changed here.
fn place_of<'a>(account: &'a Account, settings: &Settings) -> Result<TokenPlace<'a>> {
    let name = &account.name;
    let from = match &account.secret {
        SecretSource::File(path) => return Ok(TokenPlace::File(path)),
        SecretSource::Refresh(path) => return Ok(TokenPlace::Token(path)),
        SecretSource::Keyring => return Ok(TokenPlace::Keyring),
        SecretSource::Command(_) => "password_command",
        SecretSource::Token(_) => "token_command",
        SecretSource::Env(_) => "password_env",
        SecretSource::Unset => {
            let file = settings.file.as_deref().map(|file| settings.shown(file));
            return Err(Error::Secret {
                message: format!("{name} has no password_file to keep a password in"),
                hint: Some(format!(
                    "add password_file = \"secret-{name}\" to [accounts.{name}] in {}, and do \
                     this again",
                    file.unwrap_or_default()
                )),
            });
        }
    };
    Err(Error::Secret {
        message: format!("{name} has its password from {from}, which mailvault cannot change"),
        hint: Some("change it at its source".to_owned()),
    })
}

fn from_stdin() -> Result<Secret, Failure> {
    let mut line = String::new();
    let mut stdin = io::stdin().lock().take(LONGEST);
    let read = stdin.read_line(&mut line);
    let line = line.trim_end_matches(['\r', '\n']);
    if read.is_err() || line.is_empty() {
        return Err(Failure::usage(
            "standard input contains no password",
            "the first line is the password",
        ));
    }
    Ok(Secret::new(line.to_owned()))
}

fn sign_in(account: &Account, secret: &Secret, stop: &Stop) -> Result<u64> {
    let (mut failed, mut found) = (None, 0);
    let flag = Arc::clone(&stop.flag);
    doctor::server(
        account,
        Some(secret.clone()),
        flag,
        &mut |_, fact| match fact {
            Ok(Fact::SignedIn { messages, .. }) => found = messages,
            Ok(_) => {}
            Err(error) => {
                failed.get_or_insert(error);
            }
        },
    );
    failed.map_or(Ok(found), Err)
}
