//! What a person needs to know of a certificate that is refused, and the likely cause.

use std::net::IpAddr;

use mailvault::base::certificate::Certificate;
use mailvault::base::error::{Endpoint, TlsFault};

use super::{in_two_lines, part};
use crate::cli::text::{count, day, escape, now};

/// More names of a certificate help nobody.
const NAMES: usize = 3;

/// The lines on a certificate.
pub(crate) fn lines(shown: &Certificate) -> String {
    let mut text = String::new();
    if !shown.hosts.is_empty() {
        let mut names = shown.hosts[..shown.hosts.len().min(NAMES)].join(", ");
        if shown.hosts.len() > NAMES {
            names = format!(
                "{names} and {} more",
                count((shown.hosts.len() - NAMES) as u64)
            );
        }
        text.push_str(&part("for:     ", &escape(&names)));
    }
    if let (Some(from), Some(until)) = (shown.from, shown.until) {
        text.push_str(&part(
            "valid:   ",
            &format!("{} to {}", day(from), day(until)),
        ));
    }
    text.push_str(&part("sha256:  ", &in_two_lines(&shown.fingerprint)));
    text
}

/// What to do about a certificate that is refused.
pub(super) fn hint(
    server: &Endpoint,
    shown: Option<&Certificate>,
    fault: TlsFault,
    name: &str,
) -> String {
    if fault == TlsFault::NotPinned {
        return format!(
            "either the server has a new certificate, or someone is between you and the server. \
             Ask whoever runs the server for its fingerprint; only if it is the one above, \
             set tls_pin_sha256 for {name}"
        );
    }
    let time = now().timestamp();
    match shown {
        Some(shown) if shown.until.is_some_and(|until| until < time) => {
            "it has expired, and only whoever runs the server can renew it. If its dates look right, \
             check the clock of this machine"
                .to_owned()
        }
        Some(shown) if shown.from.is_some_and(|from| from > time) => {
            "it is not valid yet: check the clock of this machine".to_owned()
        }
        Some(shown)
            if !shown.hosts.is_empty()
                && !shown.is_for(&server.host)
                // Addresses of a certificate are not read.
                && server.host.parse::<IpAddr>().is_err() =>
        {
            other_name(server, shown, name)
        }
        _ => format!(
            "if this is your own server, compare the fingerprint there, then set \
             tls_pin_sha256 (or tls_ca_file) for {name}. If not, someone may be between you \
             and the server."
        ),
    }
}

/// A provider that hosts many domains on one server often has a certificate for that alone.
fn other_name(server: &Endpoint, shown: &Certificate, name: &str) -> String {
    let plain = shown.hosts.iter().find(|host| !host.starts_with("*."));
    let try_it = match plain {
        Some(host) => format!("set host = \"{}\" for {name}", escape(host)),
        None => format!("use the host for mail that your provider names, and set it for {name}"),
    };
    format!(
        "it is not for {}. A provider that hosts many domains often has a certificate for its own \
         name only: if your provider runs that host, {try_it}. If you do not know that name, \
         someone may be between you and the server.",
        escape(&server.host)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Endpoint {
        Endpoint {
            host: "mail.example.org".into(),
            port: 993,
        }
    }

    fn shown(hosts: &[&str], from: i64, until: i64) -> Certificate {
        Certificate {
            fingerprint: "AA".into(),
            hosts: hosts.iter().map(ToString::to_string).collect(),
            from: Some(now().timestamp() + from),
            until: Some(now().timestamp() + until),
        }
    }

    #[test]
    fn the_hint_names_the_likely_cause() {
        let own = &["mail.example.org"][..];
        let shared = &["*.hosting.example", "web7.hosting.example"][..];
        for (certificate, fault, said) in [
            (shown(own, -9, 9), TlsFault::Untrusted, "your own server"),
            (shown(own, -9, -1), TlsFault::Untrusted, "it has expired"),
            (shown(own, 60, 99), TlsFault::Untrusted, "not valid yet"),
            (
                shown(shared, -9, 9),
                TlsFault::Untrusted,
                "set host = \"web7.hosting.example\"",
            ),
            (
                shown(&shared[..1], -9, 9),
                TlsFault::Untrusted,
                "that your provider names",
            ),
            (
                shown(shared, -9, 9),
                TlsFault::NotPinned,
                "a new certificate",
            ),
        ] {
            let hint = hint(&server(), Some(&certificate), fault, "work");
            assert!(hint.contains(said), "{hint}");
        }
    }

    #[test]
    fn of_many_names_a_few_are_shown() {
        let many = shown(&["a.example", "b.example", "c.example", "d.example"], 0, 0);
        let lines = lines(&many);
        assert!(
            lines.contains("a.example, b.example, c.example and 1 more"),
            "{lines}"
        );
    }
}
