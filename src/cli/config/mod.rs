//! `mailvault config`: where the configuration is, whether it is right, and what it says.

mod edit;

use mailvault::account::oauth::Service;
use mailvault::base::error::Result;
use mailvault::base::secret::SecretSource;
use serde_json::json;

use super::Done;
use super::args::{ConfigureCommand, Global};
use super::output::Output;
use super::purge::warn_of_keep;
use super::report::Failure;
use super::settings::{ConfigPlace, Settings};
use super::text::{escape, plural};

pub(crate) fn run(
    command: ConfigureCommand,
    global: &Global,
    out: &Output,
) -> Result<Done, Failure> {
    match command {
        ConfigureCommand::Edit => edit::run(global, out),
        ConfigureCommand::Path => path(global, out),
        ConfigureCommand::Check => check(global, out),
        ConfigureCommand::Show => show(global, out),
    }
}

/// For `$EDITOR "$(mailvault config path)"`, so it is printed as it is.
fn path(global: &Global, out: &Output) -> Result<Done, Failure> {
    let place = ConfigPlace::find(global)?;
    let path = match place.file {
        Some(file) => file,
        None => place.to_write()?,
    };
    let exists = path.exists();
    out.line(&path.display().to_string());
    out.json(
        "config",
        json!({"path": path.to_string_lossy(), "exists": exists}),
        false,
    );
    Ok(Done::new(0, json!({})))
}

fn check(global: &Global, out: &Output) -> Result<Done, Failure> {
    let settings = Settings::load(global)?;
    let file = file_of(&settings)?;
    for account in settings.config.accounts.values() {
        if matches!(account.secret, SecretSource::Refresh(_)) {
            Service::of(account)?;
        }
    }
    let names: Vec<String> = settings.config.accounts.keys().cloned().collect();
    let accounts = names.len() as u64;
    if !out.quiet {
        let accounts = plural(accounts, "account");
        out.line(&format!("{} is valid: {accounts}", escape(&file)));
    }
    warn_of_keep(&names, &settings, out);
    Ok(Done::new(0, json!({"path": file, "accounts": accounts})))
}

fn show(global: &Global, out: &Output) -> Result<Done, Failure> {
    let settings = Settings::load(global)?;
    let file = file_of(&settings)?;
    let vault = settings.shown(&settings.vault);
    out.line(&format!("# {}, with the defaults filled in", escape(&file)));
    out.line(&format!("vault = {}", toml_string(&vault)));
    for account in settings.config.accounts.values() {
        let table = account.to_effective(settings.home.as_deref());
        print_table(&table, out);
        let line = json!({"account": account.name, "settings": table});
        out.json("account", line, false);
    }
    let table = settings.config.retention_table();
    if !table.is_empty() {
        print_table(&table, out);
        out.json("retention", json!({"settings": table}), false);
    }
    let table = settings.config.notify_table();
    if !table.is_empty() {
        print_table(&table, out);
        out.json("notify", json!({"settings": table}), false);
    }
    for (name, table) in settings.config.offsite_tables(settings.home.as_deref()) {
        print_table(&table, out);
        let line = json!({"offsite": name, "settings": table});
        out.json("offsite", line, false);
    }
    Ok(Done::new(0, json!({"path": file, "vault": vault})))
}

/// Prints a table of the configuration below another.
fn print_table(table: &str, out: &Output) {
    out.line("");
    for line in table.lines() {
        out.line(&escape(line));
    }
}

fn file_of(settings: &Settings) -> Result<String> {
    match &settings.file {
        Some(file) => Ok(settings.shown(file)),
        None => Err(settings.unconfigured()),
    }
}

fn toml_string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
