//! `mailvault status`: what is known of every account, without asking a server.

use std::collections::BTreeMap;
use std::time::Duration;

use mailvault::base::error::{Error, PARTIAL};
use mailvault::inspect::metrics;
use mailvault::vault::Vault;
use mailvault::vault::catalog::AccountStatus;
use serde_json::{Value, json};

use super::Done;
use super::args::StatusArgs;
use super::hold;
use super::output::{Output, Tone};
use super::report::{self, Failure, code_name, code_words};
use super::settings::{Settings, unknown};
use super::text::{Align, count, day, escape, now, plural, rfc3339, size, table, when, wrap};

/// The exit code where a pull is overdue.
const STALE: u8 = 19;
/// Seconds after which every message should have been read back.
const YEAR: i64 = 365 * 24 * 60 * 60;

pub(crate) fn run(args: &StatusArgs, settings: &Settings, out: &Output) -> Result<Done, Failure> {
    let accounts = accounts(args, settings)?;
    let names = settings.account_names(&args.accounts)?;
    let present = now().timestamp();
    if let Some(path) = &args.metrics {
        metrics::write(path, &settings.vault, &all_statuses(&accounts), present)?;
    }
    let stale: Vec<Stale> = args.max_age.map_or_else(Vec::new, |age| {
        let checked = accounts.iter().filter(|(name, status)| {
            names.contains(name) || names.is_empty() && is_pulled(name, status.as_ref(), settings)
        });
        checked
            .filter_map(|(name, status)| stale(name, status.as_ref(), age, present))
            .collect()
    });
    for (name, status) in &accounts {
        let mut line = to_json(name, status.as_ref());
        let account = settings.config.accounts.get(name);
        line["enabled"] = account.is_none_or(|account| account.pull).into();
        if args.max_age.is_some() {
            line["stale"] = stale.iter().any(|stale| stale.account == *name).into();
        }
        out.json("status", line, false);
    }
    print(&lines(&accounts, settings), accounts.len(), out);
    let vault = settings.open_vault()?;
    show_holds(&vault, out)?;
    let read = LastRead::of(&vault, present)?;
    read.show(out);
    let code = if stale.is_empty() { 0 } else { STALE };
    if code == STALE {
        complain(&stale, out);
    }
    Ok(Done::new(code, summary(accounts.len(), &stale, &read)))
}

fn summary(accounts: usize, stale: &[Stale], read: &LastRead) -> Value {
    let names: Vec<_> = stale.iter().map(|stale| stale.account.as_str()).collect();
    json!({
        "accounts": accounts,
        "stale": names,
        "last_read": read.last.and_then(rfc3339),
        "verify_overdue": read.overdue,
    })
}

/// Prints a table of so many rows, and the notes below it.
fn print(lines: &[String], rows: usize, out: &Output) {
    for (n, line) in lines.iter().enumerate() {
        out.line(&match (n, line.split_once(": ")) {
            (0, _) => out.word(line, Tone::Head),
            (n, Some((name, note))) if n > rows => {
                format!("{}: {note}", out.word(name, Tone::Warn))
            }
            _ => line.clone(),
        });
    }
}

/// The statuses of all accounts; one without a session has an empty one.
fn all_statuses(accounts: &BTreeMap<String, Option<AccountStatus>>) -> Vec<AccountStatus> {
    let status = |(name, status): (&String, &Option<AccountStatus>)| {
        status.clone().unwrap_or_else(|| AccountStatus {
            account: name.clone(),
            ..AccountStatus::default()
        })
    };
    accounts.iter().map(status).collect()
}

/// The accounts to show, including those that are configured but were never pulled.
fn accounts(
    args: &StatusArgs,
    settings: &Settings,
) -> Result<BTreeMap<String, Option<AccountStatus>>, Failure> {
    let vault = settings.open_vault()?;
    let configured = settings.config.accounts.keys();
    let mut accounts: BTreeMap<_, _> = configured.map(|name| (name.clone(), None)).collect();
    for status in vault.status()? {
        accounts.insert(status.account.clone(), Some(status));
    }
    let names = settings.account_names(&args.accounts)?;
    if let Some(name) = names.iter().find(|name| !accounts.contains_key(*name)) {
        return Err(unknown(name, accounts.keys().map(String::as_str)).into());
    }
    accounts.retain(|name, _| names.is_empty() || names.contains(name));
    Ok(accounts)
}

fn lines(accounts: &BTreeMap<String, Option<AccountStatus>>, settings: &Settings) -> Vec<String> {
    let head = ["ACCOUNT", "LAST GOOD PULL", "MESSAGES", "STORED"];
    let head = head.map(String::from).to_vec();
    let rows = accounts
        .iter()
        .map(|(name, status)| row(name, status.as_ref()));
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let aligns = [Align::Left, Align::Left, Align::Right, Align::Right];
    let mut lines = table(&rows, &aligns);
    // Below the table, since a note may be longer than what is left of a line.
    for (name, status) in accounts {
        let disabled = settings.config.accounts.get(name).is_some_and(|a| !a.pull);
        let disabled = disabled.then(|| "disabled".to_owned());
        let known = status.as_ref().map(note).filter(|note| !note.is_empty());
        let notes: Vec<String> = disabled.into_iter().chain(known).collect();
        let note = notes.join("; ");
        if !note.is_empty() {
            let name = format!("{}: ", escape(name));
            lines.push(wrap(&note, &name, 2, report::COLUMNS));
        }
    }
    lines
}

/// The open holds; what they cover besides by now is not counted here.
fn show_holds(vault: &Vault, out: &Output) -> Result<(), Error> {
    for held in vault.holds()? {
        out.json("hold", hold::to_json(&held), false);
        let label = format!("hold {}: ", escape(&held.name));
        let messages = plural(held.messages, "message");
        let text = format!(
            "{messages} since {}; {}",
            day(held.since),
            escape(&held.reason)
        );
        out.line(&wrap(&text, &label, 2, report::COLUMNS));
    }
    Ok(())
}

/// When every message of the vault was last read back by a verify.
struct LastRead {
    last: Option<i64>,
    /// That is more than a year ago, and the vault is older than that.
    overdue: bool,
}

impl LastRead {
    fn of(vault: &Vault, present: i64) -> Result<Self, Error> {
        let last = vault.catalog().last_read()?;
        let begins = last.or(vault.catalog().first_archived()?);
        let overdue = begins.is_some_and(|time| time < present - YEAR);
        Ok(Self { last, overdue })
    }

    fn show(&self, out: &Output) {
        if !self.overdue {
            return;
        }
        let text = match self.last {
            Some(time) => format!("not every message was read back since {}", day(time)),
            None => "the messages were never all read back".to_owned(),
        };
        let text = format!("{text}; run 'mailvault verify --read-data'");
        let label = out.word("verify", Tone::Warn);
        let line = wrap(&text, "verify: ", 2, report::COLUMNS);
        out.line(&line.replacen("verify", &label, 1));
    }
}

/// True for accounts that a pull without names fetches. Where none is configured, those of
/// the vault count that were ever pulled.
fn is_pulled(name: &str, status: Option<&AccountStatus>, settings: &Settings) -> bool {
    let configured = &settings.config.accounts;
    match configured.get(name) {
        Some(account) => account.pull,
        None => configured.is_empty() && status.is_some_and(|status| status.last.is_some()),
    }
}

/// An account whose last good pull is too long ago.
struct Stale {
    account: String,
    last_good: Option<i64>,
}

fn stale(name: &str, status: Option<&AccountStatus>, age: Duration, now: i64) -> Option<Stale> {
    let last_good = status.and_then(|status| status.last_good);
    let fresh = last_good.is_some_and(|time| {
        let oldest = now.saturating_sub_unsigned(age.as_secs());
        time >= oldest
    });
    (!fresh).then(|| Stale {
        account: name.to_owned(),
        last_good,
    })
}

/// The line that a monitor shows.
fn complain(stale: &[Stale], out: &Output) {
    let each: Vec<_> = stale
        .iter()
        .map(|stale| match stale.last_good {
            Some(time) => format!("{} (last good pull {})", stale.account, when(time, &now())),
            None => format!("{} (no good pull yet)", stale.account),
        })
        .collect();
    let message = format!("stale: {}", each.join(", "));
    let hint = "run 'mailvault pull' to see what is wrong";
    let line = json!({"code": code_name(STALE), "exit": STALE, "message": message, "hint": hint});
    out.keep_error(&line);
    out.json("error", line, true);
    out.say(&format!(
        "{} {message}\n  hint: {hint}",
        out.label("error:", Tone::Bad)
    ));
}

fn row(name: &str, status: Option<&AccountStatus>) -> Vec<String> {
    let (good, messages, stored) = match status {
        None => ("never".to_owned(), 0, 0),
        Some(status) => (
            status
                .last_good
                .map_or("never".to_owned(), |time| when(time, &now())),
            status.messages,
            status.stored,
        ),
    };
    vec![name.to_owned(), good, count(messages), size(stored)]
}

/// What is worth knowing: how the last run failed, what was refused, what was purged.
fn note(status: &AccountStatus) -> String {
    let mut notes = Vec::new();
    let failed = status.last.filter(|(_, code)| *code != 0);
    let failed = failed.map(|(time, code)| (code, when(time, &now())));
    let refused = format!("{} refused by the server", count(status.refused));
    match failed {
        // One thing is not told twice.
        Some((PARTIAL, when)) if status.refused > 0 => notes.push(format!("{refused} {when}")),
        other => {
            notes.extend(other.map(|(code, when)| format!("{} {when}", code_words(code))));
            notes.extend((status.refused > 0).then_some(refused));
        }
    }
    for (messages, what) in [
        (status.doubtful, "doubtful"),
        (status.wanted, "to be fetched again"),
        (status.recognised, "to be compared"),
        (status.settled, "not as listed"),
    ] {
        notes.extend((messages > 0).then(|| format!("{} {what}", count(messages))));
    }
    if status.purged > 0 {
        let last = status
            .last_purge
            .map(|time| format!(", last {}", when(time, &now())));
        notes.push(format!(
            "{} purged from the server ({}{})",
            plural(status.purged, "message"),
            size(status.purged_octets),
            last.unwrap_or_default()
        ));
    }
    notes.join("; ")
}

fn to_json(name: &str, status: Option<&AccountStatus>) -> Value {
    let Some(status) = status else {
        return json!({"account": name, "messages": 0, "bytes": 0, "stored_bytes": 0,
            "last_success": null, "last": null, "last_error": null, "refused": 0,
            "recognised": 0, "doubtful": 0, "settled": 0, "wanted": 0,
            "purged": 0, "purged_bytes": 0, "last_purge": null});
    };
    let failed = status.last.filter(|(_, code)| *code != 0);
    json!({
        "account": name,
        "messages": status.messages,
        "bytes": status.octets,
        "stored_bytes": status.stored,
        "last_success": status.last_good.and_then(rfc3339),
        "last": status.last.and_then(|(time, _)| rfc3339(time)),
        "last_error": failed.map(|(_, code)| code_name(code)),
        "refused": status.refused,
        "recognised": status.recognised,
        "doubtful": status.doubtful,
        "settled": status.settled,
        "wanted": status.wanted,
        "purged": status.purged,
        "purged_bytes": status.purged_octets,
        "last_purge": status.last_purge.and_then(rfc3339),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_tells_the_last_failure_and_the_purges() {
        let long_ago = 1_541_000_000;
        let status = AccountStatus {
            account: "work".to_owned(),
            messages: 1,
            octets: 1,
            stored: 1,
            last_good: None,
            last: Some((long_ago, 12)),
            refused: 2,
            doubtful: 3,
            purged: 1,
            purged_octets: 2048,
            last_purge: Some(long_ago),
            ..AccountStatus::default()
        };
        assert_eq!(
            note(&status),
            "password or token refused 2018-10-31; 2 refused by the server; \
             3 doubtful; 1 message purged from the server (2 KiB, last 2018-10-31)"
        );
        let refused = AccountStatus {
            last: Some((long_ago, PARTIAL)),
            refused: 2,
            ..AccountStatus::default()
        };
        assert_eq!(note(&refused), "2 refused by the server 2018-10-31");
    }

    #[test]
    fn an_account_that_was_never_pulled_has_a_row() {
        assert_eq!(row("new", None), ["new", "never", "0", "0 B"]);
    }
}
