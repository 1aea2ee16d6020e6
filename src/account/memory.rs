//! What is remembered of an account's server between runs.

use crate::account::config::Account;
use crate::account::connect::{endpoint, server_name};
use crate::base::error::Result;
use crate::net::pop3::Dialect;
use crate::net::sasl::ScramHistory;
use crate::vault::catalog::Catalog;
use crate::vault::ledger::LedgerEvent;

/// Keys of what is remembered of a server.
const CAPA: &str = "capa";
const AHEAD: &str = "pipelining";
const SCRAM: &str = "scram";

pub(crate) fn recall(catalog: &Catalog, account: &Account) -> Result<Dialect> {
    let mut dialect = Dialect::default();
    let server = endpoint(account);
    if catalog
        .learned(account.vault_name(), &format!("{CAPA} {server}"))?
        .as_deref()
        == Some("no")
    {
        dialect.capa = false;
    }
    let ahead = catalog.learned(account.vault_name(), &format!("{AHEAD} {server}"))?;
    if let Some(ahead) = ahead.and_then(|text| text.parse().ok()) {
        dialect.ahead = dialect.ahead.min(ahead).max(1);
    }
    dialect.doubled = doubles(catalog, account)?;
    Ok(dialect)
}

/// What is remembered of SCRAM at an account.
pub(crate) fn recall_scram(catalog: &Catalog, account: &Account) -> Result<ScramHistory> {
    let learned = catalog.learned(account.vault_name(), &scram_key(account))?;
    Ok(match learned.as_deref() {
        Some("no") => ScramHistory::recalled(),
        _ => ScramHistory::default(),
    })
}

/// What was learned of SCRAM at an account.
pub(crate) fn learned_scram(account: &Account, scram: &ScramHistory) -> Vec<LedgerEvent> {
    let event = || LedgerEvent::Learned {
        account: account.vault_name().to_owned(),
        key: scram_key(account),
        value: "no".to_owned(),
    };
    scram.is_news().then(event).into_iter().collect()
}

/// A server may know SCRAM for one user and not for another.
fn scram_key(account: &Account) -> String {
    format!("{SCRAM} {}", server_name(account))
}

/// The key under which it is remembered that a server sends a status line twice.
pub(crate) fn doubled_status_key(server: &str) -> String {
    format!("doubled_status {server}")
}

/// True if the server was seen to send a status line twice before each message.
pub(crate) fn doubles(catalog: &Catalog, account: &Account) -> Result<bool> {
    let key = doubled_status_key(&server_name(account));
    let learned = catalog.learned(account.vault_name(), &key)?;
    Ok(learned.is_some_and(|value| value == "yes"))
}

pub(crate) fn learned(account: &Account, before: Dialect, after: Dialect) -> Vec<LedgerEvent> {
    let server = endpoint(account);
    let learn = |key: &str, value: String| LedgerEvent::Learned {
        account: account.vault_name().to_owned(),
        key: format!("{key} {server}"),
        value,
    };
    let mut events = Vec::new();
    if before.capa != after.capa {
        events.push(learn(CAPA, "no".to_owned()));
    }
    if before.ahead != after.ahead {
        events.push(learn(AHEAD, after.ahead.to_string()));
    }
    events
}
