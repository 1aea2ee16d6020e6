//! `mailvault account list`.

use mailvault::account::config::Account;
use mailvault::account::connect::endpoint;
use mailvault::base::error::{Error, Result};
use serde_json::json;

use crate::cli::Done;
use crate::cli::output::Output;
use crate::cli::report::Failure;
use crate::cli::settings::Settings;
use crate::cli::text::{Align, count, escape, table};

/// An account, as far as it is known.
struct AccountRow<'a> {
    name: String,
    /// `None` if only the vault has it.
    account: Option<&'a Account>,
    /// `None` if the vault cannot say.
    messages: Option<u64>,
}

pub(super) fn run(settings: &Settings, out: &Output) -> Result<Done, Failure> {
    let rows = rows(settings)?;
    if rows.is_empty() {
        return Err(settings.unconfigured().into());
    }
    for row in &rows {
        let line = json!({
            "account": row.name,
            "configured": row.account.is_some(),
            "enabled": row.account.is_some_and(|account| account.pull),
            "user": row.account.map(|account| &account.user),
            "server": row.account.map(|account| endpoint(account).to_string()),
            "stored_as": row.account.map_or(row.name.as_str(), Account::vault_name),
            "messages": row.messages,
        });
        out.json("account", line, false);
    }
    let head = ["ACCOUNT", "MESSAGES", "USER", "SERVER", ""]
        .map(String::from)
        .to_vec();
    let lines: Vec<_> = std::iter::once(head)
        .chain(rows.iter().map(cells))
        .collect();
    let aligns = [
        Align::Left,
        Align::Right,
        Align::Left,
        Align::Left,
        Align::Left,
    ];
    for line in table(&lines, &aligns) {
        out.line(line.trim_end());
    }
    Ok(Done::new(0, json!({"accounts": rows.len()})))
}

fn rows(settings: &Settings) -> Result<Vec<AccountRow<'_>>> {
    let stored = match settings.open_vault() {
        Ok(vault) => Some(vault.status()?),
        // A configuration may be older than its vault.
        Err(Error::VaultMissing { .. }) => None,
        Err(error) => return Err(error),
    };
    let messages = |name: &str| {
        let stored = stored.as_ref()?;
        let status = stored.iter().find(|status| status.account == name);
        Some(status.map_or(0, |status| status.messages))
    };
    let accounts = &settings.config.accounts;
    let configured = accounts.values().map(|account| AccountRow {
        name: account.name.clone(),
        account: Some(account),
        messages: messages(&account.name),
    });
    let others = stored.iter().flatten();
    let others = others.filter(|status| !accounts.contains_key(&status.account));
    let others = others.map(|status| AccountRow {
        name: status.account.clone(),
        account: None,
        messages: Some(status.messages),
    });
    Ok(configured.chain(others).collect())
}

fn cells(row: &AccountRow<'_>) -> Vec<String> {
    let messages = row.messages.map_or_else(|| "-".to_owned(), count);
    let name = escape(&row.name).into_owned();
    let Some(account) = row.account else {
        let note = "not in the configuration".to_owned();
        return vec![name, messages, String::new(), String::new(), note];
    };
    let mut notes = Vec::new();
    notes.extend((!account.pull).then(|| "disabled".to_owned()));
    let stored = account
        .stored_as
        .as_ref()
        .filter(|stored| **stored != account.name);
    notes.extend(stored.map(|stored| format!("stored as {stored}")));
    let server = endpoint(account).to_string();
    vec![
        name,
        messages,
        escape(&account.user).into_owned(),
        server,
        notes.join(", "),
    ]
}
