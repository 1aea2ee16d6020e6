//! What the findings of the doctor mean, in words.

use mailvault::account::config::{Account, is_loopback};
use mailvault::account::providers;
use mailvault::base::certificate::Certificate;
use mailvault::base::error::Result;
use mailvault::base::secret::{Env, SecretSource};
use mailvault::inspect::doctor::{Fact, Point, UidlQuality, VaultFacts};
use mailvault::net::pop3::Pop3Capabilities;
use serde_json::json;

use super::DoctorRow;
use crate::cli::report;
use crate::cli::settings::Settings;
use crate::cli::text::{count, day, now, plural, rfc3339, size, when};

/// Free room below which a pull may soon stop.
const LITTLE_ROOM: u64 = 1 << 30;
/// Days after which a proof is old.
const OLD_PROOF: i64 = 90;
/// Days before its end from which a certificate is worth a word.
const ENDS_SOON: i64 = 14;
/// Percent of a quota that are nearly all.
const NEARLY_FULL: u64 = 90;
const DAY: i64 = 86_400;

/// How good a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Ok,
    Warn,
    Fail,
}

impl Mark {
    pub(super) fn word(self) -> &'static str {
        ["ok", "warn", "fail"][self as usize]
    }

    fn warn_if(condition: bool) -> Self {
        if condition { Self::Warn } else { Self::Ok }
    }
}

/// The name of a point where something failed.
pub(super) fn point(point: Point) -> &'static str {
    match point {
        Point::Dns => "dns",
        Point::Port => "port",
        Point::Certificate => "certificate",
        Point::SignIn => "sign-in",
        Point::Abilities => "abilities",
    }
}

pub(super) fn vault(facts: &VaultFacts, path: &str) -> Vec<DoctorRow> {
    let text = format!(
        "{path}, {}, {} free",
        plural(facts.messages, "message"),
        size(facts.free)
    );
    let little = facts.free < LITTLE_ROOM;
    let mut rows = vec![
        DoctorRow::new(Mark::warn_if(little), "vault", text)
            .data(json!({"messages": facts.messages, "free": facts.free})),
    ];
    if let Some(holder) = &facts.holder {
        let text = format!("{holder} is writing to the vault now");
        rows.push(DoctorRow::new(Mark::Warn, "lock", text));
    }
    if facts.network {
        let text = "the vault is on a network or user-space file system, where locks may not \
                    hold: pull from one machine only";
        rows.push(DoctorRow::new(Mark::Warn, "file system", text));
    }
    if facts.damage.is_none() && facts.messages > 0 {
        rows.push(verified(facts.verified.as_ref()));
    }
    rows
}

fn verified(last: Option<&(i64, u64, String)>) -> DoctorRow {
    let Some((time, damage, scope)) = last else {
        return DoctorRow::new(Mark::Warn, "verify", "the vault was never verified")
            .hint("mailvault verify --read-data");
    };
    let look = match scope.as_str() {
        "data" => "every byte",
        scope if scope.starts_with("data") => "part of the bytes",
        _ => "names and sizes",
    };
    let good = if *damage == 0 { "all good" } else { "repaired" };
    let text = format!("{look}, {}, {good}", when(*time, &now()));
    let old = now().timestamp() - time > OLD_PROOF * DAY;
    let row =
        DoctorRow::new(Mark::warn_if(old), "verify", text).data(json!({"time": rfc3339(*time)}));
    if old {
        row.hint("mailvault verify --read-data")
    } else {
        row
    }
}

pub(super) fn clock() -> DoctorRow {
    let time = now().format("%Y-%m-%d %H:%M %z").to_string();
    DoctorRow::new(
        Mark::Ok,
        "clock",
        format!("{time}, later than every message"),
    )
}

/// Where the secret came from, and whether it would come under cron, too.
pub(super) fn secret(
    account: &Account,
    env: &Env,
    alone: &Result<()>,
    settings: &Settings,
) -> DoctorRow {
    let program = |key: &str| match alone {
        Ok(()) => DoctorRow::new(Mark::Ok, "secret", format!("{key} works, also under cron")),
        Err(error) => {
            let text = format!(
                "{key} works here, but not in the bare environment of cron: {}",
                report::what(error)
            );
            let row = DoctorRow::new(Mark::Warn, "secret", text);
            row.hint("a password_file works without a session")
        }
    };
    match &account.secret {
        SecretSource::Command(_) => program("password_command"),
        SecretSource::Token(_) => program("token_command"),
        SecretSource::File(path) => {
            let text = format!("{}, readable by you only", settings.shown(path));
            DoctorRow::new(Mark::Ok, "secret", text)
        }
        SecretSource::Refresh(path) => {
            let text = format!("a sign-in is kept in {}", settings.shown(path));
            DoctorRow::new(Mark::Ok, "secret", text)
        }
        SecretSource::Keyring => {
            let text = "from the keyring of this session, which cron cannot reach";
            DoctorRow::new(Mark::Warn, "secret", text).hint(
                "a password_file works without a \
            session",
            )
        }
        SecretSource::Env(name) => {
            let text = format!("from the variable {name}, which cron does not set");
            DoctorRow::new(Mark::Warn, "secret", text)
        }
        SecretSource::Unset if env.credentials_directory.is_some() => {
            DoctorRow::new(Mark::Ok, "secret", "a systemd credential")
        }
        SecretSource::Unset => asked_for(),
    }
}

pub(super) fn asked_for() -> DoctorRow {
    let text = "asked for at the terminal; cron cannot answer";
    DoctorRow::new(Mark::Warn, "secret", text).hint("set password_file or password_command")
}

/// What is known of the provider and speaks against this protocol.
pub(super) fn provider(account: &Account) -> Option<DoctorRow> {
    let provider = providers::by_host(&account.host)?;
    let trap = provider.trap.as_ref()?;
    let against = provider.prefer.is_some_and(|p| p != account.protocol);
    against.then(|| DoctorRow::new(Mark::Warn, "provider", trap.clone()))
}

pub(super) fn fact(account: &Account, fact: &Fact, verbose: bool) -> Vec<DoctorRow> {
    let row = match fact {
        Fact::Addresses(0) => return Vec::new(),
        Fact::Addresses(found) => {
            let s = if *found == 1 { "" } else { "es" };
            let text = format!("{} has {found} address{s}", account.host);
            DoctorRow::new(Mark::Ok, "dns", text)
        }
        Fact::Reached(time) => {
            let server = mailvault::account::connect::endpoint(account);
            let ms = time.as_millis();
            DoctorRow::new(Mark::Ok, "port", format!("{server}, {ms} ms"))
        }
        Fact::OtherPorts(ports) if ports.is_empty() => return Vec::new(),
        Fact::OtherPorts(ports) => other_ports(account, ports),
        Fact::Clear if is_loopback(&account.host) => DoctorRow::new(
            Mark::Ok,
            "certificate",
            "none: not encrypted, but on this machine",
        ),
        Fact::Clear => DoctorRow::new(
            Mark::Warn,
            "certificate",
            "none: not encrypted, as allow_plaintext permits",
        ),
        Fact::Trusted(shown) => certificate(account, shown, verbose),
        Fact::SignedIn {
            messages,
            octets,
            folders,
        } => {
            let mut text = plural(*messages, "message");
            if let Some(octets) = octets {
                text = format!("{text}, {}", size(*octets));
            }
            if let Some(folders) = folders {
                text = format!("{text} in {}", plural(*folders, "folder"));
            }
            let data = json!({"messages": messages, "bytes": octets, "folders": folders});
            DoctorRow::new(Mark::Ok, "sign-in", text).data(data)
        }
        Fact::Pop3 {
            capabilities,
            names,
            unlisted,
        } => return pop3(capabilities, *names, *unlisted),
        Fact::Imap { extensions, quota } => return imap(extensions, *quota),
    };
    vec![row]
}

fn other_ports(account: &Account, ports: &[u16]) -> DoctorRow {
    let known = |port: &u16| match port {
        995 => "995 (pop3, tls)",
        110 => "110 (pop3, starttls)",
        993 => "993 (imap, tls)",
        _ => "143 (imap, starttls)",
    };
    let known: Vec<_> = ports.iter().map(known).collect();
    let text = format!("{} answers at {}", account.host, known.join(", "));
    let hint = format!("set protocol, port and tls of {} accordingly", account.name);
    DoctorRow::new(Mark::Warn, "other ports", text)
        .hint(hint)
        .data(json!({"ports": ports}))
}

fn certificate(account: &Account, shown: &Certificate, verbose: bool) -> DoctorRow {
    let trusted = match account.tls_pin_sha256 {
        Some(_) => "pinned",
        None => "trusted",
    };
    let mut soon = false;
    let text = match shown.until {
        None => trusted.to_owned(),
        Some(until) => {
            let days = (until - now().timestamp()).div_euclid(DAY);
            // A pinned one may be past its time; that is what a pin is for.
            soon = days < ENDS_SOON && account.tls_pin_sha256.is_none();
            let until = day(until);
            if soon {
                format!(
                    "{trusted}, but only until {until}: {}",
                    plural(u64::try_from(days).unwrap_or(0), "day")
                )
            } else {
                format!("{trusted}, good until {until}")
            }
        }
    };
    let data = json!({"sha256": shown.fingerprint, "until": shown.until.and_then(rfc3339)});
    let mut row = DoctorRow::new(Mark::warn_if(soon), "certificate", text).data(data);
    row.sha256 = verbose.then(|| shown.fingerprint.clone());
    row
}

fn pop3(capabilities: &Pop3Capabilities, names: UidlQuality, unlisted: u64) -> Vec<DoctorRow> {
    let mut rows = Vec::new();
    rows.push(match names {
        UidlQuality::Unknown => DoctorRow::new(
            Mark::Ok,
            "UIDL",
            "no messages on the server to \
        judge by",
        ),
        UidlQuality::Good => DoctorRow::new(Mark::Ok, "UIDL", "every message has a unique name"),
        UidlQuality::Shared(n) => {
            let text = format!(
                "{} share a name with another; such mail is identified by its content, which \
                 takes longer",
                plural(n, "message")
            );
            DoctorRow::new(Mark::Warn, "UIDL", text)
        }
        UidlQuality::Absent(n) => {
            let text = format!(
                "{} without a lasting name; such mail is identified by its content, which \
                 takes longer",
                plural(n, "message")
            );
            DoctorRow::new(Mark::Warn, "UIDL", text)
        }
    });
    if unlisted > 0 {
        let text = format!(
            "the server counts {} that it does not list",
            plural(unlisted, "message")
        );
        rows.push(DoctorRow::new(Mark::Warn, "listing", text));
    }
    if !capabilities.known {
        let text = "the server does not list them; commands are sent one at a time";
        rows.push(DoctorRow::new(Mark::Ok, "abilities", text));
        return rows;
    }
    let ahead = if capabilities.pipelining {
        "commands are sent ahead: fast even with high latency"
    } else {
        "not offered: one message at a time, slower with high latency"
    };
    rows.push(DoctorRow::new(Mark::Ok, "PIPELINING", ahead));
    if !capabilities.top {
        let text = "not offered: purge downloads each message again to compare it";
        rows.push(DoctorRow::new(Mark::Warn, "TOP", text));
    }
    match capabilities.login_delay {
        0 => {}
        delay => {
            let text = format!("the server allows one login every {}", minutes(delay));
            rows.push(
                DoctorRow::new(Mark::Warn, "LOGIN-DELAY", text).data(json!({"seconds": delay})),
            );
        }
    }
    let expire = match capabilities.expire {
        None => return rows,
        Some(0) => "the server deletes mail once any program, such as mailvault, has fetched \
        it"
        .to_owned(),
        Some(days) => format!(
            "the server deletes mail by itself after {}: pull more often",
            plural(u64::from(days), "day")
        ),
    };
    let days = json!({"days": capabilities.expire});
    rows.push(DoctorRow::new(Mark::Warn, "EXPIRE", expire).data(days));
    rows
}

fn minutes(seconds: u32) -> String {
    if seconds.is_multiple_of(60) {
        plural(u64::from(seconds / 60), "minute")
    } else {
        plural(u64::from(seconds), "second")
    }
}

fn imap(extensions: &[(&'static str, bool)], quota: Option<(u64, u64)>) -> Vec<DoctorRow> {
    let mut rows = Vec::new();
    for (name, there) in extensions {
        let row = match (*name, *there) {
            ("UIDPLUS", true) => DoctorRow::new(
                Mark::Ok,
                name,
                "a purge deletes only the \
            messages it names",
            ),
            ("UIDPLUS", false) => DoctorRow::new(
                Mark::Warn,
                name,
                "not offered: purge skips folders where others have marked messages as deleted",
            ),
            ("CONDSTORE", true) => {
                DoctorRow::new(Mark::Ok, name, "changed flags are found at once")
            }
            ("CONDSTORE", false) => DoctorRow::new(
                Mark::Ok,
                name,
                "not offered: all flags are read in every run",
            ),
            _ => continue,
        };
        rows.push(row);
    }
    if let Some((used, limit)) = quota.filter(|(_, limit)| *limit > 0) {
        let percent = used.saturating_mul(100) / limit;
        let text = format!("{} of {}, {} %", size(used), size(limit), count(percent));
        let data = json!({"used": used, "limit": limit});
        let row = DoctorRow::new(Mark::warn_if(percent >= NEARLY_FULL), "quota", text).data(data);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn account() -> Account {
        let mut account = Account::new("work".into(), "pop.gmail.com".into(), "ann".into());
        account.tls_pin_sha256 = None;
        account
    }

    fn only(found: &Fact) -> DoctorRow {
        let mut rows = fact(&account(), found, false);
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    fn until(days: i64) -> Fact {
        Fact::Trusted(Certificate {
            fingerprint: String::new(),
            until: Some(now().timestamp() + days * DAY + 60),
            ..Certificate::default()
        })
    }

    #[test]
    fn ports_that_answer_are_told_with_what_they_speak() {
        let row = only(&Fact::OtherPorts(vec![110, 993]));
        assert_eq!(row.mark, Mark::Warn);
        assert_eq!(
            row.text,
            "pop.gmail.com answers at 110 (pop3, starttls), 993 (imap, tls)"
        );
        assert!(fact(&account(), &Fact::OtherPorts(Vec::new()), false).is_empty());
    }

    #[test]
    fn a_certificate_that_ends_soon_is_warned_of() {
        assert_eq!(only(&until(15)).mark, Mark::Ok);
        let soon = only(&until(9));
        assert_eq!(soon.mark, Mark::Warn);
        assert!(soon.text.ends_with(": 9 days"), "{}", soon.text);
        let mut pinned = account();
        pinned.tls_pin_sha256 = Some([0; 32]);
        let rows = fact(&pinned, &until(-9), true);
        assert_eq!(rows[0].mark, Mark::Ok);
        assert!(rows[0].text.starts_with("pinned"));
    }

    #[test]
    fn a_quota_that_is_nearly_used_up_is_warned_of() {
        for (used, mark) in [(89, Mark::Ok), (90, Mark::Warn), (120, Mark::Warn)] {
            let rows = imap(&[], Some((used << 20, 100 << 20)));
            assert_eq!(rows[0].mark, mark, "{}", rows[0].text);
        }
        assert!(imap(&[], Some((0, 0))).is_empty());
    }

    #[test]
    fn a_provider_that_is_better_read_otherwise_is_told() {
        let row = provider(&account()).unwrap();
        assert!(row.text.starts_with("Gmail requires"), "{}", row.text);
        let mut better = account();
        better.protocol = mailvault::account::config::Protocol::Imap;
        assert_eq!(provider(&better), None);
    }

    #[test]
    fn an_old_proof_is_none() {
        let proof = |days: i64| (now().timestamp() - days * DAY, 0, "data".to_owned());
        assert_eq!(verified(Some(&proof(2))).mark, Mark::Ok);
        assert_eq!(verified(Some(&proof(100))).mark, Mark::Warn);
        assert_eq!(verified(None).mark, Mark::Warn);
    }
}
