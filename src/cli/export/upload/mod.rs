//! `mailvault export imap:ACCOUNT`: mail from the vault to a server.

mod outlook;
mod tell;

use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use mailvault::account::Job;
use mailvault::account::config::{Account, Protocol};
use mailvault::base::error::Error;
use mailvault::export::upload::{self, UploadOptions};
use mailvault::mail::query::{self, Query};
use serde_json::{Value, json};

use self::outlook::{show, show_doubts};
use self::tell::{code, summary, tell};
use crate::cli::Done;
use crate::cli::args::{Export, Global};
use crate::cli::ask;
use crate::cli::frame;
use crate::cli::output::Output;
use crate::cli::report::{self, Failure};
use crate::cli::secrets;
use crate::cli::settings::Settings;
use crate::cli::signals::Stop;
use crate::cli::text::escape;

pub(super) fn run(
    args: &Export,
    account: &str,
    settings: &Settings,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    refuse_file_options(args)?;
    let account = chosen(account, settings)?;
    let stop = Stop::watch(
        out,
        "stopping; what the server has is noted, and the next run continues from\n\
         there (press Ctrl-C again to quit now)",
    );
    let command = UploadCommand {
        vault: &settings.vault,
        name: &account.name,
        query: query::parse(&args.query, Utc::now())?,
        out,
        stop: &stop,
    };
    let env = settings.secret_env(std::iter::once(&account));
    let asks = secrets::may_ask(global, out);
    let names = settings.config.names();
    let job = || secrets::job(account.clone(), &names, &env, asks, out, &stop);
    let mut options = options(args, &stop);
    if args.check {
        return Ok(command.check(job(), &options));
    }
    if args.dry_run {
        return Ok(command.foretell(job(), &options));
    }
    match command.upload(job(), &options) {
        Err(Error::SeveralAccounts { accounts }) if asks => {
            if !agrees(&accounts, command.name, out)? {
                out.say("Nothing was uploaded.");
                return Ok(Done::new(1, json!({})));
            }
            options.several = true;
            Ok(command.end(command.upload(job(), &options)))
        }
        done => Ok(command.end(done)),
    }
}

fn refuse_file_options(args: &Export) -> Result<(), Failure> {
    if args.format.is_some() || args.crlf || args.keep_uids || args.with_eml {
        return Err(Failure::usage(
            "--format, --crlf, --keep-uids and --with-eml are for files",
            "leave them out: a server gets the messages as they are",
        ));
    }
    Ok(())
}

fn options(args: &Export, stop: &Stop) -> UploadOptions {
    UploadOptions {
        into: args.into.clone(),
        again: args.again,
        gone: args.gone,
        several: false,
        lock_wait: args.lock_wait.unwrap_or(Duration::ZERO),
        stop: stop.flag.clone(),
    }
}

/// What goes to which account.
struct UploadCommand<'a> {
    vault: &'a Path,
    /// The account that takes the messages.
    name: &'a str,
    query: Query,
    out: &'a Output,
    stop: &'a Stop,
}

impl UploadCommand<'_> {
    fn check(&self, job: Job, options: &UploadOptions) -> Done {
        let mut doubts = Vec::new();
        let outlook = frame::with_progress(self.out, [self.name], |events| {
            let each = &mut |doubt| doubts.push(doubt);
            upload::check(self.vault, &self.query, job, options, events, each)
        });
        match outlook {
            Ok(outlook) => show_doubts(&outlook, &doubts, self.name, self.out),
            Err(error) => self.failed(&error, json!({})),
        }
    }

    fn foretell(&self, job: Job, options: &UploadOptions) -> Done {
        let outlook = frame::with_progress(self.out, [self.name], |events| {
            upload::outlook(self.vault, &self.query, job, options, events)
        });
        match outlook {
            Ok(outlook) => show(&outlook, self.name, self.out),
            Err(error) => self.failed(&error, json!({})),
        }
    }

    fn upload(&self, job: Job, options: &UploadOptions) -> Result<Done, Error> {
        let (report, error) = frame::with_progress(self.out, [self.name], |events| {
            upload::upload(self.vault, &self.query, job, options, events)
        })?;
        tell(&report, self.name, error.is_none(), self.out);
        Ok(match error {
            Some(error) => self.failed(&error, summary(&report)),
            None => Done::new(code(&report), summary(&report)),
        })
    }

    fn end(&self, done: Result<Done, Error>) -> Done {
        done.unwrap_or_else(|error| self.failed(&error, json!({})))
    }

    fn failed(&self, error: &Error, done: Value) -> Done {
        report::print(self.out, error, Some(self.name));
        Done::new(self.stop.exit_code(error.kind().exit_code()), done)
    }
}

/// Asks whether mail of all these accounts is to go into one.
fn agrees(accounts: &[String], into: &str, out: &Output) -> Result<bool, Failure> {
    let question = format!(
        "Upload mail from {} accounts ({}) to {}? Type yes to go ahead",
        accounts.len(),
        accounts.join(", "),
        escape(into)
    );
    Ok(ask::line(out, &question, Some("no"))?.eq_ignore_ascii_case("yes"))
}

/// The account that takes the mail.
fn chosen(name: &str, settings: &Settings) -> Result<Account, Failure> {
    if name.is_empty() {
        return Err(Failure::usage(
            "imap: lacks the name of an account",
            "name one of the configuration: mailvault export imap:home",
        ));
    }
    let account = settings.accounts(&[name.to_owned()])?.remove(0);
    if account.protocol == Protocol::Pop3 {
        return Err(Failure::usage(
            format!("{} is a POP3 account, and POP3 takes no mail", account.name),
            "add an account with protocol = \"imap\" for the same mailbox",
        ));
    }
    Ok(account)
}
