//! `mailvault login`: a new password for an account, once it has worked.

use std::io::{self, BufRead as _, Read as _};
use std::path::Path;
use std::sync::Arc;

use mailvault::config::Account;
use mailvault::doctor::{self, Fact};
use mailvault::error::{Error, Result};
use mailvault::fsx;
use mailvault::secret::{Secret, SecretSource};
use serde_json::json;

use super::Done;
use super::args::{Global, Login};
use super::ask;
use super::output::Output;
use super::report::Failure;
use super::secrets;
use super::settings::Settings;
use super::signals::Stop;
use super::text::plural;

/// No password is longer.
const LONGEST: u64 = 64 * 1024;

pub(crate) fn run(
    args: &Login,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    let accounts = settings.accounts(std::slice::from_ref(&args.account))?;
    let Some(account) = accounts.first() else {
        return Err(settings.unconfigured().into());
    };
    let path = file_of(account, settings)?;
    let secret = if args.stdin {
        from_stdin()?
    } else if secrets::may_ask(global, out) {
        ask::secret(&format!("New password for {} (not shown): ", account.name))?
    } else {
        return Err(Failure::usage(
            "there is no terminal to ask at",
            "--stdin takes the password from standard input",
        ));
    };
    let messages = sign_in(account, &secret, out)?;
    // Where the name is a link, the file behind it is replaced.
    let place = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    if let Some(folder) = place.parent() {
        fsx::create_dir_all_durably(folder)?;
    }
    fsx::write_durably(&place, format!("{}\n", secret.expose()).as_bytes())?;
    if !out.quiet {
        out.line(&format!("Signed in: {}.", plural(messages, "message")));
        out.line(&format!("Wrote {} (mode 600).", settings.shown(path)));
    }
    let line = json!({"account": account.name, "path": path.to_string_lossy()});
    out.json("login", line, false);
    Ok(Done::new(0, json!({})))
}

/// The file that the account has its password in.
fn file_of<'a>(account: &'a Account, settings: &Settings) -> Result<&'a Path> {
    let name = &account.name;
    let from = match &account.secret {
        SecretSource::File(path) => return Ok(path),
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
        hint: Some("change it where that gets it".to_owned()),
    })
}

fn from_stdin() -> Result<Secret, Failure> {
    let mut line = String::new();
    let mut stdin = io::stdin().lock().take(LONGEST);
    let read = stdin.read_line(&mut line);
    let line = line.trim_end_matches(['\r', '\n']);
    if read.is_err() || line.is_empty() {
        return Err(Failure::usage(
            "standard input holds no password",
            "its first line is taken",
        ));
    }
    Ok(Secret::new(line.to_owned()))
}

fn sign_in(account: &Account, secret: &Secret, out: &Output) -> Result<u64> {
    let stop = Stop::watch(out, "stopping; nothing is written");
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
