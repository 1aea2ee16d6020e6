//! By which protocol an account is read.

use crate::account::config::{Account, Protocol};
use crate::account::connect::endpoint;
use crate::base::error::{Error, Result, TlsFault};
use crate::base::stage::Stage;
use crate::vault::ledger::LedgerEvent;
use crate::vault::{self, catalog::Catalog};

/// For how many seconds it is remembered that there is no POP3: a port may have been closed
/// for an hour only.
const REMEMBERED: i64 = 7 * 24 * 60 * 60;

/// How an account is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ProtocolChoice {
    /// Its inbox over POP3.
    Pop3,
    /// Its inbox over POP3, and where that cannot be, as this account over IMAP.
    Either(Account),
    /// As this account over IMAP.
    Imap(Account),
}

/// The way that configuration, command line and memory lead to.
pub(crate) fn way(
    account: &Account,
    all_folders: bool,
    catalog: &Catalog,
) -> Result<ProtocolChoice> {
    way_at(account, all_folders, catalog, vault::now_seconds())
}

fn way_at(
    account: &Account,
    all_folders: bool,
    catalog: &Catalog,
    now: i64,
) -> Result<ProtocolChoice> {
    let mut imap = account.over_imap();
    if all_folders {
        imap.folders = vec!["*".to_owned()];
        imap.exclude.clear();
        return Ok(ProtocolChoice::Imap(imap));
    }
    Ok(match account.protocol {
        Protocol::Pop3 => ProtocolChoice::Pop3,
        Protocol::Imap => ProtocolChoice::Imap(account.clone()),
        Protocol::Auto => {
            let learned = catalog.learned(account.vault_name(), &key(account))?;
            if account.names_folders() || learned.is_some_and(|fact| is_fresh(&fact, now)) {
                ProtocolChoice::Imap(imap)
            } else {
                ProtocolChoice::Either(imap)
            }
        }
    })
}

/// True if a session could not be had because there is no POP3 for this account; a wrong
/// password would be wrong over IMAP too.
pub(crate) fn is_closed(error: &Error) -> bool {
    match error {
        Error::Connect { .. }
        | Error::Lost { .. }
        | Error::Protocol { .. }
        | Error::Refused { .. }
        | Error::Unsupported { .. } => true,
        Error::Tls { fault, .. } => *fault == TlsFault::Handshake,
        Error::Auth { certain, .. } => !certain,
        Error::Timeout { stage, .. } => matches!(stage, Stage::Connecting | Stage::Greeting),
        _ => false,
    }
}

/// What is to be remembered once IMAP has worked where POP3 had not.
pub(crate) fn remember(account: &Account) -> LedgerEvent {
    remember_at(account, vault::now_seconds())
}

fn remember_at(account: &Account, now: i64) -> LedgerEvent {
    LedgerEvent::Learned {
        account: account.vault_name().to_owned(),
        key: key(account),
        value: format!("imap {now}"),
    }
}

fn is_fresh(fact: &str, now: i64) -> bool {
    let since = fact.strip_prefix("imap ").and_then(|s| s.parse().ok());
    since.is_some_and(|since: i64| (since..since.saturating_add(REMEMBERED)).contains(&now))
}

fn key(account: &Account) -> String {
    format!("protocol {}", endpoint(account))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn account(protocol: Protocol, folders: &[&str]) -> Account {
        let url = "pop3s://ann@mail.example.org";
        let mut account = Account::from_url(url).unwrap();
        account.protocol = protocol;
        account.folders = folders.iter().map(ToString::to_string).collect();
        account
    }

    #[test]
    fn the_inbox_goes_over_pop3_and_folders_over_imap() {
        let mut catalog = Catalog::temporary().unwrap();
        let name_at =
            |account: &Account, catalog: &Catalog, now| match way_at(account, false, catalog, now)
                .unwrap()
            {
                ProtocolChoice::Pop3 => ("pop3", 0),
                ProtocolChoice::Either(imap) => ("either", imap.port),
                ProtocolChoice::Imap(imap) => ("imap", imap.port),
            };
        let way_of = |account: &Account, catalog: &Catalog| name_at(account, catalog, 1_000);
        let auto = account(Protocol::Auto, &["*"]);
        assert_eq!(
            way_of(&account(Protocol::Pop3, &["*"]), &catalog),
            ("pop3", 0)
        );
        assert_eq!(way_of(&auto, &catalog), ("either", 993));
        let chosen = account(Protocol::Auto, &["Lists/*"]);
        assert_eq!(way_of(&chosen, &catalog), ("imap", 993));
        let entry = crate::vault::ledger::LedgerEntry {
            seq: 1,
            time: 0,
            event: remember_at(&auto, 900),
        };
        catalog.apply(&entry).unwrap();
        assert_eq!(way_of(&auto, &catalog), ("imap", 993));
        // After a week, or with a clock that went back, it is tried again.
        let week = 7 * 24 * 60 * 60;
        assert_eq!(name_at(&auto, &catalog, 899 + week), ("imap", 993));
        assert_eq!(name_at(&auto, &catalog, 900 + week), ("either", 993));
        assert_eq!(name_at(&auto, &catalog, 899), ("either", 993));
        // So it was written once.
        assert!(!is_fresh("imap", 1_000));
    }

    #[test]
    fn all_folders_are_all_folders() {
        let catalog = Catalog::temporary().unwrap();
        let mut one = account(Protocol::Pop3, &["INBOX"]);
        one.exclude.push("Spam".to_owned());
        let ProtocolChoice::Imap(imap) = way(&one, true, &catalog).unwrap() else {
            panic!("it is IMAP");
        };
        assert!(!imap.names_folders());
    }
}
