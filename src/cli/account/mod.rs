//! `mailvault account`: what the configuration has of accounts.

mod list;
mod merge;
mod moving;
mod remove;
mod rename;
mod toggle;

use std::path::PathBuf;

use mailvault::account::config_file::{AccountFault, ConfigFile};
use mailvault::base::error::Error;

use super::Done;
use super::args::{AccountArgs, AccountCommand, Global};
use super::output::Output;
use super::report::Failure;
use super::settings::{Settings, unknown};

pub(crate) fn run(args: &AccountArgs, global: &Global, out: &Output) -> Result<Done, Failure> {
    let open = || Editable::open(global);
    match &args.command {
        AccountCommand::List => list::run(&Settings::load(global)?, out),
        AccountCommand::Rename { old, new } => rename::run(&open()?, old, new, out),
        AccountCommand::Merge {
            old,
            new,
            dry_run,
            any_server,
            yes,
        } => {
            let request = merge::Request {
                old,
                new,
                dry_run: *dry_run,
                any_server: *any_server,
                yes: *yes,
            };
            merge::run(&request, &Settings::load(global)?, global, out)
        }
        AccountCommand::Move { name, from } => moving::run(name, from, global, out),
        AccountCommand::Disable { name } => toggle::run(&open()?, name, false, out),
        AccountCommand::Enable { name } => toggle::run(&open()?, name, true, out),
        AccountCommand::Remove {
            name, reason, yes, ..
        } => remove::run(&open()?, (name, *yes), reason.as_deref(), global, out),
    }
}

/// The configuration that is to be changed.
struct Editable {
    settings: Settings,
    file: ConfigFile,
    path: PathBuf,
}

impl Editable {
    fn open(global: &Global) -> Result<Self, Failure> {
        // A name that the vault has twice can be changed here, too.
        let settings = Settings::read(global)?;
        let path = settings.file.clone();
        let path = path.ok_or_else(|| settings.unconfigured())?;
        Ok(Self {
            file: ConfigFile::read(&path, settings.home.as_deref())?,
            path,
            settings,
        })
    }

    /// The configuration's path, as people write it.
    fn shown(&self) -> String {
        self.settings.shown(&self.path)
    }

    /// A fault in words; `todo` is what to do by hand where the account is no table of its own.
    fn failure(&self, fault: AccountFault, todo: &str) -> Failure {
        let message = fault.to_string();
        let hint = match fault {
            AccountFault::Other(error) => return error.into(),
            AccountFault::Unknown(name) => {
                let accounts = self.file.config().accounts.keys();
                return unknown(&name, accounts.map(String::as_str)).into();
            }
            AccountFault::Form(_) => {
                let hint = format!("change {} yourself: {todo}", self.shown());
                let hint = Some(hint);
                return Error::Config { message, hint }.into();
            }
            AccountFault::Renamed { name, .. } => {
                let hint = Some(format!("it was renamed to {name}"));
                return Error::Config { message, hint }.into();
            }
            AccountFault::NotAName(_) => {
                "up to 64 of a-z 0-9 . _ - are allowed, the first a letter or digit".to_owned()
            }
            AccountFault::Taken(_) => {
                "'mailvault account list' lists the names that are in use".to_owned()
            }
            AccountFault::InVault(_) => {
                "choose another name, so that their mail is not mixed".to_owned()
            }
        };
        Failure::usage(message, hint)
    }
}
