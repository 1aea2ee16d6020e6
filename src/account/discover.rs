//! Finding the servers of a domain that the table of providers does not know: by its mail
//! exchanger, by what it says itself (RFC 6186), by trying the usual names.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crate::account::config::{Protocol, Tls, usual_port};
use crate::account::providers::{self, Provider, ProviderServer, guesses};
use crate::base::error::Endpoint;
use crate::net::transport::{Limits, Resolver, Transport, Trust};

/// How long a guessed server may take to answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the domain name system says of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainAnswer {
    /// Nobody answered.
    Silence,
    /// Its mail goes to this provider.
    Provider(&'static Provider),
    /// It names these servers itself.
    Servers {
        /// For POP3.
        pop3: Option<ProviderServer>,
        /// For IMAP.
        imap: Option<ProviderServer>,
    },
}

/// Asks the domain name system; TLS from the first byte is preferred.
#[must_use]
pub fn ask(domain: &str, resolver: &Resolver) -> DomainAnswer {
    let Some(exchangers) = resolver.exchangers(domain) else {
        return DomainAnswer::Silence;
    };
    let service = |name: &str, tls| {
        let found = resolver.services(&format!("_{name}._tcp.{domain}"))?;
        let first = found.into_iter().next()?;
        Some(ProviderServer {
            host: first.host.to_ascii_lowercase(),
            port: Some(first.port),
            tls,
        })
    };
    let of = |secure, clear| service(secure, Tls::Tls).or_else(|| service(clear, Tls::StartTls));
    let (pop3, imap) = (of("pop3s", "pop3"), of("imaps", "imap"));
    if pop3.is_some() || imap.is_some() {
        return DomainAnswer::Servers { pop3, imap };
    }
    match exchangers.iter().find_map(|host| providers::by_mx(host)) {
        Some(provider) => DomainAnswer::Provider(provider),
        None => DomainAnswer::Servers {
            pop3: None,
            imap: None,
        },
    }
}

/// True if nobody but the domain itself can have named this host: answers are not proven, so
/// others are for a person to confirm (RFC 6186 s.5).
#[must_use]
pub fn belongs(host: &str, domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    let rest = host.strip_suffix(domain.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The first server that answers at a place where those of a domain usually are. Nothing is
/// sent to it. One with TLS from the first byte counts only with a certificate that is good.
#[must_use]
pub fn guess(domain: &str, protocol: Protocol, stop: &Arc<AtomicBool>) -> Option<ProviderServer> {
    let hosts = guesses(domain, protocol);
    let kinds = [Tls::Tls, Tls::StartTls];
    let places: Vec<ProviderServer> = kinds
        .into_iter()
        .flat_map(|tls| {
            hosts
                .iter()
                .map(move |host| ProviderServer::usual(host, tls))
        })
        .collect();
    thread::scope(|scope| {
        let asked: Vec<_> = places
            .iter()
            .map(|server| scope.spawn(move || answers(server, protocol, stop)))
            .collect();
        let answers = asked.into_iter().map(|asked| asked.join().unwrap_or(false));
        let answers: Vec<bool> = answers.collect();
        let first = answers.iter().position(|there| *there)?;
        places.get(first).cloned()
    })
}

fn answers(server: &ProviderServer, protocol: Protocol, stop: &Arc<AtomicBool>) -> bool {
    let mut limits = Limits::new(PATIENCE, Arc::clone(stop));
    limits.connect = PATIENCE;
    let place = Endpoint {
        host: server.host.clone(),
        port: usual_port(protocol, server.tls),
    };
    match server.tls {
        Tls::Tls => Transport::connect_tls(&place, &limits, &Trust::default()).is_ok(),
        _ => Transport::connect(&place, &limits).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_without_servers_has_none() {
        // RFC 6761 s.6.4: no name below it exists.
        let stop = Arc::default();
        assert_eq!(guess("nothing.invalid", Protocol::Pop3, &stop), None);
        let nobody = Resolver::at(Vec::new());
        assert_eq!(ask("nothing.invalid", &nobody), DomainAnswer::Silence);
    }

    #[test]
    fn a_host_belongs_to_a_domain_by_its_end() {
        assert!(belongs("pop.example.org", "Example.org"));
        assert!(belongs("example.org", "example.org"));
        assert!(!belongs("notexample.org", "example.org"));
        assert!(!belongs("pop.example.net", "example.org"));
    }
}
