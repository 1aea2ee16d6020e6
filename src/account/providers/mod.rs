//! What is known of mail providers without asking anybody: servers by domain, how the user
//! name is written, and the traps that make a right password fail.
//!
//! The facts are `providers/table.toml`; nothing here decides, and nothing is looked up.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::account::config::{Protocol, Tls, usual_port};
use crate::base::suggest;

const TABLE: &str = include_str!("table.toml");

/// The parsed tables; a unit test reads them whole.
static TABLES: LazyLock<ProviderFile> =
    LazyLock::new(|| toml::from_str(TABLE).expect("the table is part of the program and tested"));

/// How a provider writes the user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserForm {
    /// The whole address.
    #[default]
    Address,
    /// The part before the @.
    Local,
}

/// What a provider takes as password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accepts {
    /// A password that the user chose.
    #[default]
    Own,
    /// One that was made for a program.
    App,
    /// OAuth access tokens only.
    Token,
}

/// Where mail can be read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ProviderServer {
    /// The host.
    pub host: String,
    /// The port, if it is not the usual one.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: Tls,
}

impl ProviderServer {
    /// A server at the usual port.
    #[must_use]
    pub fn usual(host: &str, tls: Tls) -> Self {
        Self {
            host: host.to_owned(),
            port: None,
            tls,
        }
    }

    /// The port that is meant.
    #[must_use]
    pub fn port_for(&self, protocol: Protocol) -> u16 {
        self.port.unwrap_or_else(|| usual_port(protocol, self.tls))
    }
}

impl TryFrom<String> for ProviderServer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (place, tls) = match text.strip_suffix("/starttls") {
            Some(place) => (place, Tls::StartTls),
            None => (text.as_str(), Tls::Tls),
        };
        let (host, port) = match place.split_once(':') {
            Some((host, port)) => {
                let port = port.parse().map_err(|_| format!("no port: {text}"))?;
                (host, Some(port))
            }
            None => (place, None),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// Domains of addresses, or patterns of them.
    pub(crate) domains: Vec<String>,
    /// Ends of names of its mail exchangers, for domains of customers.
    #[serde(default)]
    pub(crate) mx: Vec<String>,
    /// Its POP3 server, if it has one.
    pub pop3: Option<ProviderServer>,
    /// Its IMAP server, if it has one.
    pub imap: Option<ProviderServer>,
    /// How it writes the user name.
    #[serde(default)]
    pub user: UserForm,
    /// What it takes as password.
    #[serde(default)]
    pub password: Accepts,
    /// The protocol to choose where both are there and one is better.
    pub prefer: Option<Protocol>,
    /// The service that gives access tokens for it, by name.
    pub(crate) oauth: Option<String>,
    /// What surprises people there, in whole sentences.
    pub trap: Option<String>,
}

impl Provider {
    /// The server for a protocol.
    #[must_use]
    pub fn server(&self, protocol: Protocol) -> Option<&ProviderServer> {
        match protocol {
            Protocol::Pop3 => self.pop3.as_ref(),
            Protocol::Imap => self.imap.as_ref(),
            Protocol::Auto => None,
        }
    }

    /// The user name of an address as this provider wants it.
    #[must_use]
    pub fn user_of(&self, address: &str) -> String {
        match (self.user, address.rsplit_once('@')) {
            (UserForm::Local, Some((local, _))) => local.to_owned(),
            _ => address.to_owned(),
        }
    }

    fn servers(&self) -> impl Iterator<Item = &ProviderServer> {
        self.pop3.iter().chain(&self.imap)
    }
}

/// A service that gives access tokens (OAuth 2.0).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Issuer {
    /// Its name.
    pub(crate) name: String,
    /// Where a device code is had, if it gives any for mail.
    pub(crate) device: Option<String>,
    /// The page to sign in at in a browser.
    pub(crate) authorize: Option<String>,
    /// What it calls this machine, where the address 127.0.0.1 is not taken.
    pub(crate) loopback: Option<String>,
    /// The address that issues tokens.
    pub(crate) token: String,
    /// What to ask for to read mail for as long as one likes.
    pub(crate) scope: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderFile {
    issuer: Vec<Issuer>,
    provider: Vec<Provider>,
}

/// Every provider of the table.
#[must_use]
pub(crate) fn all() -> &'static [Provider] {
    &TABLES.provider
}

/// Every service that is known to give access tokens.
#[must_use]
pub(crate) fn issuers() -> &'static [Issuer] {
    &TABLES.issuer
}

/// The service of that name.
#[must_use]
pub(crate) fn issuer(name: &str) -> Option<&'static Issuer> {
    issuers().iter().find(|issuer| issuer.name == name)
}

/// The provider of addresses in this domain. A domain written in full wins over a pattern.
#[must_use]
pub fn by_domain(domain: &str) -> Option<&'static Provider> {
    let domain = domain.to_ascii_lowercase();
    let named = |fits: &dyn Fn(&str) -> bool| {
        let mut providers = all().iter();
        providers.find(|provider| provider.domains.iter().any(|known| fits(known)))
    };
    named(&|known| known == domain).or_else(|| named(&|known| fits_pattern(known, &domain)))
}

/// The provider that one of these servers, or a mail exchanger, belongs to.
#[must_use]
pub fn by_host(host: &str) -> Option<&'static Provider> {
    let host = host.to_ascii_lowercase();
    // The loopback address is that of any program on this machine.
    all().iter().find(|provider| {
        let mut servers = provider.servers();
        servers.any(|server| server.host == host && !crate::account::config::is_loopback(&host))
    })
}

/// The provider that takes mail for a domain with this mail exchanger.
#[must_use]
pub(crate) fn by_mx(exchanger: &str) -> Option<&'static Provider> {
    let exchanger = exchanger.trim_end_matches('.').to_ascii_lowercase();
    all().iter().find(|provider| {
        provider.mx.iter().any(|end| {
            let rest = exchanger.strip_suffix(end.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    })
}

/// The known host that was probably meant: one that differs by a slip of the keys.
#[must_use]
pub fn nearest_host(host: &str) -> Option<&'static str> {
    let host = &host.to_ascii_lowercase();
    if by_host(host).is_some() {
        return None;
    }
    let hosts = all().iter().flat_map(Provider::servers);
    suggest::nearest(host, hosts.map(|server| server.host.as_str()), 1)
}

/// The hosts that a domain without an entry usually has, the likeliest first.
#[must_use]
pub(crate) fn guesses(domain: &str, protocol: Protocol) -> Vec<String> {
    let names: &[&str] = match protocol {
        Protocol::Pop3 => &["pop", "pop3", "mail"],
        _ => &["imap", "mail"],
    };
    let mut hosts: Vec<_> = names
        .iter()
        .map(|name| format!("{name}.{domain}"))
        .collect();
    hosts.push(domain.to_owned());
    hosts
}

/// `name.*` fits `name.` with one or two labels after it.
fn fits_pattern(pattern: &str, domain: &str) -> bool {
    let Some(start) = pattern.strip_suffix('*') else {
        return false;
    };
    domain.strip_prefix(start).is_some_and(|rest| {
        let labels: Vec<_> = rest.split('.').collect();
        labels.len() <= 2 && labels.iter().all(|label| (2..=3).contains(&label.len()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_sound() {
        assert!(all().len() >= 40);
        let mut domains: Vec<_> = all().iter().flat_map(|p| &p.domains).collect();
        let count = domains.len();
        domains.sort();
        domains.dedup();
        assert_eq!(domains.len(), count, "a domain is listed twice");
        for provider in all() {
            let name = &provider.name;
            assert!(
                !provider.domains.is_empty() || !provider.mx.is_empty(),
                "{name}"
            );
            if let Some(trap) = &provider.trap {
                assert!(trap.ends_with('.') && trap.len() < 240, "{name}: {trap}");
            }
            // Whoever has no server at all, or takes no password, has to say so.
            let plain = provider.password == Accepts::Own && provider.servers().count() > 0;
            assert!(plain || provider.trap.is_some(), "{name}");
            let service = provider.oauth.as_deref();
            assert!(service.is_none_or(|o| issuer(o).is_some()), "{name}");
            for server in provider.servers() {
                assert_ne!(server.tls, Tls::None, "{name}");
                assert!(server.host.contains('.'), "{name}");
            }
        }
    }

    #[test]
    fn every_service_of_tokens_has_a_way_to_sign_in_by_https() {
        for issuer in issuers() {
            let ways = issuer.device.iter().chain(&issuer.authorize);
            assert!(ways.clone().count() > 0, "{}", issuer.name);
            for url in ways.chain([&issuer.token]) {
                assert!(url.starts_with("https://"), "{url}");
                assert!(crate::account::config::service_of(url).is_some(), "{url}");
            }
        }
    }

    #[test]
    fn a_domain_leads_to_its_servers_and_user_name() {
        let gmail = by_domain("Gmail.com").unwrap();
        assert_eq!(gmail.server(Protocol::Imap).unwrap().host, "imap.gmail.com");
        assert_eq!(gmail.prefer, Some(Protocol::Imap));
        assert_eq!(gmail.user_of("ann@gmail.com"), "ann@gmail.com");
        let icloud = by_domain("icloud.com").unwrap();
        assert_eq!(icloud.user_of("ann@icloud.com"), "ann");
        assert_eq!(icloud.server(Protocol::Pop3), None);
        assert_eq!(by_domain("example.org"), None);
    }

    #[test]
    fn a_pattern_fits_countries_and_gives_way_to_a_full_name() {
        for domain in ["yahoo.com", "yahoo.co.uk", "yahoo.fr"] {
            assert_eq!(by_domain(domain).unwrap().name, "Yahoo", "{domain}");
        }
        assert_eq!(by_domain("yahoo.co.jp").unwrap().name, "Yahoo Japan");
        for domain in ["yahoo.", "yahoo.example.org", "notyahoo.com", "yahoo"] {
            assert_eq!(by_domain(domain), None, "{domain}");
        }
    }

    #[test]
    fn hosts_and_exchangers_lead_back_to_their_provider() {
        assert_eq!(by_host("POP.gmail.com").unwrap().name, "Gmail");
        assert_eq!(by_host("127.0.0.1"), None);
        assert_eq!(
            by_mx("aspmx.l.google.com.").unwrap().name,
            "Google Workspace"
        );
        assert_eq!(by_mx("notgoogle.com"), None);
    }

    #[test]
    fn a_slip_of_the_keys_is_seen() {
        assert_eq!(nearest_host("pop.gmial.com"), Some("pop.gmail.com"));
        assert_eq!(nearest_host("imap.gmal.com"), Some("imap.gmail.com"));
        assert_eq!(nearest_host("imap.gmaill.com"), Some("imap.gmail.com"));
        for host in [
            "pop.example.org",
            "imap.gmail.com.example",
            "localhost",
            "imap.gmail.com",
        ] {
            assert_eq!(nearest_host(host), None, "{host}");
        }
    }

    #[test]
    fn a_server_may_name_port_and_starttls() {
        let proton = by_domain("proton.me").unwrap().imap.clone().unwrap();
        assert_eq!(proton.tls, Tls::StartTls);
        assert_eq!(proton.port_for(Protocol::Imap), 1143);
        let usual = ProviderServer::usual("pop.example.org", Tls::Tls);
        assert_eq!(usual.port_for(Protocol::Pop3), 995);
    }

    #[test]
    fn guesses_begin_with_the_name_of_the_protocol() {
        let hosts = guesses("example.org", Protocol::Pop3);
        assert_eq!(hosts[0], "pop.example.org");
        assert_eq!(hosts.last().unwrap(), "example.org");
    }

    proptest! {
        #[test]
        fn no_name_breaks_the_look_up(text in "\\PC{0,40}") {
            let _ = (by_domain(&text), by_host(&text), by_mx(&text), nearest_host(&text));
        }
    }
}
