//! How an account gets its access tokens, as the configuration says it.

use std::path::PathBuf;

use super::is_loopback;

/// The table `[accounts.NAME.oauth]`. What it leaves out is known of the provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OAuth {
    /// The service by name, if it cannot be derived from the account's host.
    pub(crate) provider: Option<String>,
    /// What the service calls this program; everybody registers one of their own.
    pub(crate) client_id: String,
    /// A file with what the service calls a client secret, if it wants one.
    pub(crate) client_secret_file: Option<PathBuf>,
    /// Where a device code is had (RFC 8628).
    pub(crate) device_url: Option<String>,
    /// The page to sign in at in a browser.
    pub(crate) authorize_url: Option<String>,
    /// The address that issues tokens.
    pub(crate) token_url: Option<String>,
    /// The scope to request.
    pub(crate) scope: Option<String>,
    /// Certificates (PEM) that these addresses are trusted by, instead of the system's.
    pub(crate) ca_file: Option<PathBuf>,
}

impl OAuth {
    /// The keys of the table, as the configuration has them.
    pub const KEYS: [&str; 8] = [
        "client_id",
        "client_secret_file",
        "provider",
        "device_url",
        "authorize_url",
        "token_url",
        "scope",
        "ca_file",
    ];

    /// Sets one key; false if the table has no such key. The value is checked when the
    /// configuration is read back.
    pub fn set(&mut self, key: &str, value: &str) -> bool {
        let text = || Some(value.to_owned());
        let path = || Some(PathBuf::from(value));
        match key {
            "client_id" => value.clone_into(&mut self.client_id),
            "client_secret_file" => self.client_secret_file = path(),
            "ca_file" => self.ca_file = path(),
            "provider" => self.provider = text(),
            "device_url" => self.device_url = text(),
            "authorize_url" => self.authorize_url = text(),
            "token_url" => self.token_url = text(),
            "scope" => self.scope = text(),
            _ => return false,
        }
        true
    }
}

/// Host and port of an address that tokens may be sent to: `https`, or `http` to this very
/// machine.
#[must_use]
pub(crate) fn service_of(url: &str) -> Option<(String, u16)> {
    let (rest, usual) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, 443),
        (_, Some(rest)) => (rest, 80),
        _ => return None,
    };
    if url.chars().any(|c| !c.is_ascii_graphic()) {
        return None;
    }
    let place = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match place.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((host, "")) => (host, usual),
        Some((host, port)) => (host, port.strip_prefix(':')?.parse().ok()?),
        None => match place.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (place, usual),
        },
    };
    let safe = usual == 443 || is_loopback(host);
    (super::is_host(host) && safe && port > 0).then(|| (host.to_ascii_lowercase(), port))
}

/// True if tokens may be sent to this address.
pub(super) fn is_service_url(url: &str) -> bool {
    service_of(url).is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_go_to_https_or_to_this_machine() {
        let at = |url| service_of(url).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(
            at("https://Id.example.org/a?b").unwrap(),
            "id.example.org 443"
        );
        assert_eq!(
            at("https://id.example.org:8443").unwrap(),
            "id.example.org 8443"
        );
        assert_eq!(at("http://127.0.0.1:80/x").unwrap(), "127.0.0.1 80");
        assert_eq!(at("http://[::1]:99/").unwrap(), "::1 99");
        for url in [
            "http://id.example.org/",
            "https://",
            "https://a b/",
            "https://a@b/",
            "https://a:0/",
            "https://a:b/",
            "ftp://127.0.0.1/",
            "https://a/\n",
        ] {
            assert_eq!(at(url), None, "{url}");
        }
    }

    #[test]
    fn every_key_of_the_table_can_be_set() {
        for key in OAuth::KEYS {
            let mut table = OAuth::default();
            assert!(table.set(key, "value"), "{key}");
            assert_ne!(table, OAuth::default(), "{key}");
        }
        assert!(!OAuth::default().set("client_secret", "value"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,30}") {
            let _ = service_of(&format!("https://{text}"));
            let _ = service_of(&text);
        }
    }
}
