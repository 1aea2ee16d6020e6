//! What is known of accounts, as text for Prometheus (exposition format 0.0.4): a file for
//! the textfile collector of its node exporter. `docs/cron-and-timers.md` lists the metrics.

use std::fmt::Write as _;
use std::path::Path;

use crate::base::error::Result;
use crate::base::{fsx, output_file};
use crate::vault::catalog::AccountStatus;

/// A metric: its name, its type, what it says, and its value for an account, if it has one.
type Metric = (
    &'static str,
    &'static str,
    &'static str,
    fn(&AccountStatus) -> Option<i128>,
);

const METRICS: [Metric; 11] = [
    (
        "mailvault_last_success_timestamp_seconds",
        "gauge",
        "When the last complete pull of the account ended; 0 if there was none.",
        |s| Some(s.last_good.unwrap_or(0).into()),
    ),
    (
        "mailvault_last_run_timestamp_seconds",
        "gauge",
        "When the last pull of the account ended, whatever came of it.",
        |s| Some(s.last?.0.into()),
    ),
    (
        "mailvault_last_run_exit_code",
        "gauge",
        "How the last pull of the account ended; 0 is good.",
        |s| Some(s.last?.1.into()),
    ),
    (
        "mailvault_messages",
        "gauge",
        "Messages of the account in the vault.",
        |s| Some(s.messages.into()),
    ),
    ("mailvault_message_bytes", "gauge", "Their size.", |s| {
        Some(s.octets.into())
    }),
    (
        "mailvault_stored_bytes",
        "gauge",
        "What they take on disk.",
        |s| Some(s.stored.into()),
    ),
    (
        "mailvault_refused_messages",
        "gauge",
        "Messages that the server would not give.",
        |s| Some(s.refused.into()),
    ),
    (
        "mailvault_purged_messages",
        "gauge",
        "Messages that mailvault deleted from the server.",
        |s| Some(s.purged.into()),
    ),
    (
        "mailvault_purged_bytes",
        "gauge",
        "Their size as the server listed it.",
        |s| Some(s.purged_octets.into()),
    ),
    (
        "mailvault_last_purge_timestamp_seconds",
        "gauge",
        "When the last purge of the account was confirmed.",
        |s| Some(s.last_purge?.into()),
    ),
    (
        "mailvault_status_timestamp_seconds",
        "gauge",
        "When these numbers were written.",
        |_| None,
    ),
];

/// The metrics of these accounts at this Unix time. An account that was never pulled has a
/// status with its name alone.
#[must_use]
pub(crate) fn text(accounts: &[AccountStatus], now: i64) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in METRICS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        if name == "mailvault_status_timestamp_seconds" {
            let _ = writeln!(text, "{name} {now}");
        }
        for status in accounts {
            if let Some(value) = value(status) {
                let _ = writeln!(
                    text,
                    "{name}{{account=\"{}\"}} {value}",
                    label(&status.account)
                );
            }
        }
    }
    text
}

/// Puts the metrics into a file that is always whole, for whoever may read it. No other file is
/// replaced, nor one in the vault at `vault`.
pub fn write(path: &Path, vault: &Path, accounts: &[AccountStatus], now: i64) -> Result<()> {
    let is_ours = |beginning: &[u8]| beginning.starts_with(b"# HELP mailvault_");
    let place = output_file::place_for(path, vault, is_ours)?;
    fsx::publish(&place, text(accounts, now).as_bytes(), 0o644)
}

fn label(name: &str) -> String {
    name.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_told_once_and_has_a_line_an_account() {
        let work = AccountStatus {
            account: "work".to_owned(),
            messages: 3,
            last_good: Some(1_700_000_000),
            last: Some((1_700_000_009, 12)),
            ..AccountStatus::default()
        };
        let new = AccountStatus {
            account: "new".to_owned(),
            ..AccountStatus::default()
        };
        let text = text(&[work, new], 1_700_000_100);
        for (name, kind, ..) in METRICS {
            let line = format!("# TYPE {name} {kind}\n");
            assert_eq!(text.matches(&line).count(), 1, "{name}");
        }
        for line in [
            "mailvault_last_success_timestamp_seconds{account=\"work\"} 1700000000",
            "mailvault_last_success_timestamp_seconds{account=\"new\"} 0",
            "mailvault_last_run_exit_code{account=\"work\"} 12",
            "mailvault_messages{account=\"work\"} 3",
            "mailvault_status_timestamp_seconds 1700000100",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(!text.contains("last_run_exit_code{account=\"new\"}"));
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
