//! Finding the servers of a domain that the table of providers does not know.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use crate::config::{Protocol, Tls, usual_port};
use crate::error::Endpoint;
use crate::providers::{Server, guesses};
use crate::transport::{Limits, Transport, Trust};

/// How long a guessed server may take to answer.
const PATIENCE: Duration = Duration::from_secs(8);

/// The first server that answers at a place where those of a domain usually are. Nothing is
/// sent to it. One with TLS from the first byte counts only with a certificate that is good.
#[must_use]
pub fn guess(domain: &str, protocol: Protocol, stop: &Arc<AtomicBool>) -> Option<Server> {
    let hosts = guesses(domain, protocol);
    let kinds = [Tls::Tls, Tls::StartTls];
    let places: Vec<Server> = kinds
        .into_iter()
        .flat_map(|tls| hosts.iter().map(move |host| Server::usual(host, tls)))
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

fn answers(server: &Server, protocol: Protocol, stop: &Arc<AtomicBool>) -> bool {
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
    }
}
