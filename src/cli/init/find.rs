//! Which server, and by which protocol.

use mailvault::config::{Protocol, Tls};
use mailvault::discover;
use mailvault::error::Error;
use mailvault::providers::{Provider, Server};

use super::super::args::TlsKind;
use super::super::report::Failure;
use super::super::{ask, text::escape};
use super::{Wizard, known, wanted};

/// What the account connects to.
pub(super) struct Found {
    pub(super) provider: Option<&'static Provider>,
    pub(super) protocol: Protocol,
    pub(super) server: Server,
}

/// What a domain offers.
#[derive(Default)]
struct Offer {
    pop3: Option<Server>,
    imap: Option<Server>,
}

impl Wizard<'_> {
    pub(super) fn find(&self, email: Option<&str>) -> Result<Found, Failure> {
        let args = self.args;
        let provider = known(email, args.host.as_deref());
        let offer = match &args.host {
            Some(host) => {
                let of = |protocol| {
                    let known = provider.and_then(|p| p.server(protocol));
                    // A host that is known for the other protocol only is not this one's.
                    match (provider, known) {
                        (Some(_), None) => None,
                        (_, Some(server)) if server.host == *host => Some(server.clone()),
                        _ => Some(Server::usual(host, Tls::Tls)),
                    }
                };
                Offer {
                    pop3: of(Protocol::Pop3),
                    imap: of(Protocol::Imap),
                }
            }
            None => self.offer(email.unwrap_or_default(), provider)?,
        };
        let protocol = self.protocol(&offer, provider)?;
        let server = match protocol {
            Protocol::Pop3 => offer.pop3,
            _ => offer.imap,
        };
        let mut server = match (server, &args.host) {
            (Some(server), _) => server,
            (None, Some(host)) => Server::usual(host, Tls::Tls),
            (None, None) => return Err(none_found(protocol, provider)),
        };
        if let Some(tls) = args.tls {
            let tls = match tls {
                TlsKind::Tls => Tls::Tls,
                TlsKind::Starttls => Tls::StartTls,
                TlsKind::None => Tls::None,
            };
            if tls != server.tls {
                server = Server::usual(&server.host, tls);
            }
        }
        if let Some(port) = args.port {
            server.port = Some(port.get());
        }
        Ok(Found {
            provider,
            protocol,
            server,
        })
    }

    fn offer(&self, email: &str, provider: Option<&Provider>) -> Result<Offer, Failure> {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        if let Some(provider) = provider {
            let Provider {
                name,
                pop3,
                imap,
                trap,
                ..
            } = provider;
            if pop3.is_none() && imap.is_none() {
                return Err(Error::Config {
                    message: format!("{name} cannot be read by mailvault"),
                    hint: trap.clone(),
                }
                .into());
            }
            self.talk(&format!("{} is {name}.", escape(domain)));
            return Ok(Offer {
                pop3: pop3.clone(),
                imap: imap.clone(),
            });
        }
        self.talk(&format!("Looking for the servers of {}", escape(domain)));
        self.talk("  built-in table   not listed");
        let guess = |protocol| {
            let unwanted = wanted(self.args).is_some_and(|wanted| wanted != protocol);
            if unwanted {
                return None;
            }
            discover::guess(domain, protocol, &self.stop.flag)
        };
        let mut offer = Offer {
            pop3: guess(Protocol::Pop3),
            imap: guess(Protocol::Imap),
        };
        let show = |server: &Option<Server>, protocol, name| match server {
            Some(server) => format!("{name} {}:{}", server.host, server.port_for(protocol)),
            None => format!("no {name}"),
        };
        let pop3 = show(&offer.pop3, Protocol::Pop3, "POP3");
        let imap = show(&offer.imap, Protocol::Imap, "IMAP");
        self.talk(&format!("  usual names      {pop3}, {imap}"));
        if offer.pop3.is_none() && offer.imap.is_none() && self.asks {
            let host = ask::line(self.out, "Server (its host name)", None)?;
            offer.pop3 = Some(Server::usual(&host, Tls::Tls));
            offer.imap = Some(Server::usual(&host, Tls::Tls));
        }
        Ok(offer)
    }

    fn protocol(&self, offer: &Offer, provider: Option<&Provider>) -> Result<Protocol, Failure> {
        let prefer = provider.and_then(|provider| provider.prefer);
        match (wanted(self.args), &offer.pop3, &offer.imap) {
            (Some(protocol), ..) => Ok(protocol),
            (None, None, None) => Err(none_found(Protocol::Auto, provider)),
            (None, Some(_), None) => Ok(Protocol::Pop3),
            (None, None, Some(_)) => Ok(Protocol::Imap),
            (None, Some(_), Some(_)) if self.asks && !self.args.print => {
                let ways = [
                    "POP3   the inbox only; simple, and can free quota",
                    "IMAP   all folders, with flags such as read and answered",
                ];
                let usual = usize::from(prefer == Some(Protocol::Imap));
                let chosen = ask::choice(self.out, "Fetch by", &ways, usual)?;
                Ok([Protocol::Pop3, Protocol::Imap][chosen])
            }
            _ => prefer.ok_or_else(|| {
                Failure::usage(
                    "both POP3 and IMAP are there, and neither was chosen",
                    "--pop3 fetches the inbox; --imap fetches all folders, with flags",
                )
            }),
        }
    }
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
            "name it with --host; your provider's help pages have it",
        ),
    }
}
