//! Signing in to a service that gives tokens: what a person has to do, in words.

use std::path::Path;
use std::sync::Arc;

use mailvault::account::config::Account;
use mailvault::account::oauth::{self, Ask};
use mailvault::base::secret::SecretSource;
use serde_json::json;

use crate::cli::args::{Global, LoginArgs};
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::signals::Stop;
use crate::cli::text::escape;

/// Signs in and keeps the refresh token, once the mail server has taken the access token.
pub(super) fn run(
    args: &LoginArgs,
    account: &Account,
    file: &Path,
    global: &Global,
    out: &Output,
) -> Result<u64, Failure> {
    if args.stdin {
        return Err(Failure::usage(
            format!("{} has a token_file, and no password", account.name),
            "leave out --stdin: sign in with a browser",
        ));
    }
    if global.no_input {
        return Err(Failure::usage(
            "signing in with a browser needs a person",
            "leave out --no-input",
        ));
    }
    let stop = Stop::watch(out, "stopping; nothing is written");
    let flag = Arc::clone(&stop.flag);
    let grant = oauth::sign_in(account, args.browser, &flag, &mut |ask| {
        show(ask, account, out);
    })?;
    let messages = super::sign_in(&without_source(account), &grant.access, &stop)?;
    oauth::store(file, &grant.refresh)?;
    Ok(messages)
}

/// The account for a sign-in with a token at hand, instead of one that its file gives.
pub(in crate::cli) fn without_source(account: &Account) -> Account {
    Account {
        secret: SecretSource::Unset,
        ..account.clone()
    }
}

pub(in crate::cli) fn show(ask: &Ask, account: &Account, out: &Output) {
    match ask {
        Ask::Code { url, code, minutes } => {
            out.say(&format!(
                "To sign in as {}, open this page in any browser:\n\n  {}\n\n\
                 and type this code there:\n\n  {}\n\n\
                 Waiting, {minutes} minutes at most; Ctrl-C ends it.",
                escape(&account.user),
                escape(url),
                escape(code),
            ));
            let line = json!({
                "account": account.name, "url": url, "code": code, "minutes": minutes,
            });
            out.json("authorize", line, true);
        }
        Ask::Page { url, port } => {
            out.say(&format!(
                "To sign in as {}, open this page in a browser on this machine:\n\n{}\n\n\
                 Afterwards it returns to port {port} on this machine. To use a browser on another \
                 machine, first run this there:\n\n  ssh -L {port}:127.0.0.1:{port} THIS-MACHINE\n\n\
                 Waiting, 15 minutes at most; Ctrl-C ends it.",
                escape(&account.user),
                escape(url),
            ));
            let line = json!({"account": account.name, "url": url, "port": port});
            out.json("authorize", line, true);
        }
    }
}
