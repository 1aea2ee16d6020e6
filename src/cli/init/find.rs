//! Which server, and by which protocol.

use std::num::NonZeroU16;

use mailvault::account::config::{Protocol, Tls};
use mailvault::account::discover::{self, DomainAnswer};
use mailvault::account::providers::{Provider, ProviderServer};
use mailvault::base::error::Error;
use mailvault::net::transport::Resolver;

use super::super::args::TlsKind;
use super::super::report::Failure;
use super::super::{ask, text::escape};
use super::{Wizard, known, wanted};

/// What the account connects to.
pub(super) struct FoundServers {
    pub(super) provider: Option<&'static Provider>,
    pub(super) protocol: Protocol,
    pub(super) server: ProviderServer,
}

/// What a domain offers.
#[derive(Default)]
struct Offer {
    provider: Option<&'static Provider>,
    pop3: Option<ProviderServer>,
    imap: Option<ProviderServer>,
}

impl Wizard<'_> {
    pub(super) fn find(&self, email: Option<&str>) -> Result<FoundServers, Failure> {
        let args = self.args;
        let (host, port) = match &args.host {
            Some(host) => {
                let (host, port) = host_and_port(host);
                (Some(host), args.port.map(NonZeroU16::get).or(port))
            }
            None => (None, args.port.map(NonZeroU16::get)),
        };
        let provider = known(email, host);
        let offer = match host {
            Some(host) => {
                let of = |protocol| {
                    let known = provider.and_then(|p| p.server(protocol));
                    // A host that is known for the other protocol only is not this one's.
                    match (provider, known) {
                        (Some(_), None) => None,
                        (_, Some(server)) if server.host == host => Some(server.clone()),
                        _ => Some(ProviderServer::usual(host, Tls::Tls)),
                    }
                };
                Offer {
                    provider,
                    pop3: of(Protocol::Pop3),
                    imap: of(Protocol::Imap),
                }
            }
            None => self.offer(email.unwrap_or_default(), provider)?,
        };
        let provider = offer.provider;
        let meant = wanted(args).or(port.and_then(protocol_of_port));
        let protocol = self.protocol(&offer, provider, meant)?;
        let server = match protocol {
            Protocol::Pop3 => offer.pop3,
            _ => offer.imap,
        };
        let mut server = match (server, host) {
            (Some(server), _) => server,
            (None, Some(host)) => ProviderServer::usual(host, Tls::Tls),
            (None, None) => return Err(none_found(protocol, provider)),
        };
        if let Some(tls) = args.tls {
            let tls = match tls {
                TlsKind::Tls => Tls::Tls,
                TlsKind::Starttls => Tls::StartTls,
                TlsKind::None => Tls::None,
            };
            if tls != server.tls {
                server = ProviderServer::usual(&server.host, tls);
            }
        }
        if port.is_some() {
            server.port = port;
        }
        Ok(FoundServers {
            provider,
            protocol,
            server,
        })
    }

    fn offer(&self, email: &str, provider: Option<&'static Provider>) -> Result<Offer, Failure> {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        if let Some(provider) = provider {
            return self.of_provider(domain, provider);
        }
        self.talk(&format!("Looking for the servers of {}", escape(domain)));
        self.talk("  built-in table   not listed");
        let told = discover::ask(domain, &Resolver::of_system());
        match told {
            DomainAnswer::Provider(provider) => {
                self.talk(&format!(
                    "  DNS (MX)         mail is delivered to {}",
                    provider.name
                ));
                return self.of_provider(domain, provider);
            }
            DomainAnswer::Servers { pop3, imap } if pop3.is_some() || imap.is_some() => {
                self.show("DNS (SRV)", pop3.as_ref(), imap.as_ref());
                self.confirm(domain, pop3.as_ref(), imap.as_ref())?;
                return Ok(Offer {
                    provider: None,
                    pop3,
                    imap,
                });
            }
            DomainAnswer::Servers { .. } => self.talk("  DNS (SRV)        names none"),
            DomainAnswer::Silence => self.talk("  DNS (SRV)        no answer"),
        }
        let guess = |protocol| {
            let unwanted = wanted(self.args).is_some_and(|wanted| wanted != protocol);
            if unwanted {
                return None;
            }
            discover::guess(domain, protocol, &self.stop.flag)
        };
        let mut offer = Offer {
            provider: None,
            pop3: guess(Protocol::Pop3),
            imap: guess(Protocol::Imap),
        };
        self.show("usual names", offer.pop3.as_ref(), offer.imap.as_ref());
        if offer.pop3.is_none() && offer.imap.is_none() && self.asks {
            let typed = ask::line(self.out, "Server (its host name)", None)?;
            let (host, port) = host_and_port(&typed);
            let server = ProviderServer {
                port,
                ..ProviderServer::usual(host, Tls::Tls)
            };
            let meant = port.and_then(protocol_of_port);
            let of = |protocol| meant.is_none_or(|meant| meant == protocol);
            offer.pop3 = of(Protocol::Pop3).then(|| server.clone());
            offer.imap = of(Protocol::Imap).then_some(server);
        }
        Ok(offer)
    }

    fn of_provider(&self, domain: &str, provider: &'static Provider) -> Result<Offer, Failure> {
        let Provider {
            name, pop3, imap, ..
        } = provider;
        if pop3.is_none() && imap.is_none() {
            return Err(Error::Config {
                message: format!("{name} cannot be read by mailvault"),
                hint: provider.trap.clone(),
            }
            .into());
        }
        self.talk(&format!("{} is {name}.", escape(domain)));
        Ok(Offer {
            provider: Some(provider),
            pop3: pop3.clone(),
            imap: imap.clone(),
        })
    }

    fn show(&self, from: &str, pop3: Option<&ProviderServer>, imap: Option<&ProviderServer>) {
        let place = |server: Option<&ProviderServer>, protocol, name| match server {
            Some(server) => {
                let port = server.port_for(protocol);
                format!("{name} {}:{port}", escape(&server.host))
            }
            None => format!("no {name}"),
        };
        let pop3 = place(pop3, Protocol::Pop3, "POP3");
        let imap = place(imap, Protocol::Imap, "IMAP");
        self.talk(&format!("  {from:<15}  {pop3}"));
        self.talk(&format!("  {:<15}  {imap}", ""));
    }

    /// A forged answer could name anybody, so a host of another domain is asked about.
    fn confirm(
        &self,
        domain: &str,
        pop3: Option<&ProviderServer>,
        imap: Option<&ProviderServer>,
    ) -> Result<(), Failure> {
        let foreign = pop3
            .into_iter()
            .chain(imap)
            .find(|server| !discover::belongs(&server.host, domain));
        let Some(server) = foreign else {
            return Ok(());
        };
        let host = escape(&server.host);
        let question = format!("{host} does not belong to {}. Continue", escape(domain));
        if self.asks && ask::line(self.out, &format!("{question} (yes or no)"), None)? == "yes" {
            return Ok(());
        }
        Err(Failure::usage(
            format!(
                "the servers of {domain} belong to another domain: {}",
                server.host
            ),
            "if that is right, choose one with --host",
        ))
    }

    fn protocol(
        &self,
        offer: &Offer,
        provider: Option<&Provider>,
        meant: Option<Protocol>,
    ) -> Result<Protocol, Failure> {
        let prefer = provider.and_then(|provider| provider.prefer);
        match (meant, &offer.pop3, &offer.imap) {
            (Some(protocol), ..) => Ok(protocol),
            (None, None, None) => Err(none_found(Protocol::Auto, provider)),
            (None, Some(_), None) => Ok(Protocol::Pop3),
            (None, None, Some(_)) => Ok(Protocol::Imap),
            (None, Some(_), Some(_)) if self.asks && !self.args.print => {
                let ways = [
                    "IMAP   All folders, with flags such as read. It can free quota.",
                    "POP3   The inbox only, without flags. It can free quota.",
                ];
                let usual = usize::from(prefer == Some(Protocol::Pop3));
                let chosen = ask::choice(self.out, "Fetch by", &ways, usual)?;
                Ok([Protocol::Imap, Protocol::Pop3][chosen])
            }
            _ => prefer.ok_or_else(|| {
                Failure::usage(
                    "the server offers both POP3 and IMAP, and neither was chosen",
                    "--pop3 fetches the inbox; --imap fetches all folders, with flags",
                )
            }),
        }
    }
}

/// The protocol that a port is for, if it is a usual one.
fn protocol_of_port(port: u16) -> Option<Protocol> {
    match port {
        110 | 995 => Some(Protocol::Pop3),
        143 | 993 => Some(Protocol::Imap),
        _ => None,
    }
}

/// A host, and the port after it if there is one, as in `mail.example.org:993`.
fn host_and_port(typed: &str) -> (&str, Option<u16>) {
    let typed = typed.trim();
    let port = typed.rsplit_once(':').and_then(|(host, port)| {
        let is_address = host.contains(':') && !host.ends_with(']');
        let port = port.parse::<NonZeroU16>().ok()?;
        (!is_address && !host.is_empty()).then_some((host, port.get()))
    });
    let (host, port) = port.map_or((typed, None), |(host, port)| (host, Some(port)));
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    (bare.unwrap_or(host), port)
}

fn none_found(protocol: Protocol, provider: Option<&Provider>) -> Failure {
    let name = match protocol {
        Protocol::Pop3 => "POP3",
        Protocol::Imap => "IMAP",
        Protocol::Auto => "mail",
    };
    match provider {
        Some(provider) => Failure::usage(
            format!("{} has no {name} server", provider.name),
            provider.trap.clone().unwrap_or_default(),
        ),
        None => Failure::usage(
            format!("no {name} server was found"),
            "set it with --host; your provider's help pages list it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use mailvault::account::config::Protocol;

    use super::{host_and_port, protocol_of_port};

    #[test]
    fn a_port_after_a_host_is_a_port() {
        for (typed, host, port) in [
            ("mail.example.org", "mail.example.org", None),
            (" mail.example.org:993 ", "mail.example.org", Some(993)),
            ("192.0.2.1:1995", "192.0.2.1", Some(1995)),
            ("[2001:db8::1]:993", "2001:db8::1", Some(993)),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("2001:db8::1", "2001:db8::1", None),
            ("mail.example.org:0", "mail.example.org:0", None),
            ("mail.example.org:imap", "mail.example.org:imap", None),
            (":993", ":993", None),
        ] {
            assert_eq!(host_and_port(typed), (host, port), "{typed}");
        }
    }

    #[test]
    fn only_a_usual_port_says_which_protocol_is_meant() {
        for (port, protocol) in [
            (110, Some(Protocol::Pop3)),
            (995, Some(Protocol::Pop3)),
            (143, Some(Protocol::Imap)),
            (993, Some(Protocol::Imap)),
            (1993, None),
        ] {
            assert_eq!(protocol_of_port(port), protocol, "{port}");
        }
    }
}
