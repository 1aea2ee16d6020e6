//! The server of an account, from its name to what it can do.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::account::config::{Account, Protocol};
use crate::account::connect::{Connector, endpoint};
use crate::base::certificate::Certificate;
use crate::base::error::{Endpoint, Error, Result};
use crate::base::secret::Secret;
use crate::mail::source::{Listings, Source};
use crate::net::imap::Mailbox;
use crate::net::pop3::{Dialect, Pop3Capabilities};
use crate::net::transport::{Limits, Transport, addresses};

/// Where mail servers usually listen.
const PORTS: [u16; 4] = [995, 110, 993, 143];
/// How long another port may take to answer.
const KNOCK: Duration = Duration::from_secs(4);
/// IMAP extensions that spare work or make it safer.
const EXTENSIONS: [&str; 4] = ["UIDPLUS", "CONDSTORE", "QRESYNC", "LIST-STATUS"];

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Its name.
    Dns,
    /// The port.
    Port,
    /// Greeting, TLS and certificate.
    Certificate,
    /// The login.
    SignIn,
    /// How it names messages, and what it can do.
    Abilities,
}

/// How a POP3 server names messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UidlQuality {
    /// It has no messages, so nobody knows.
    Unknown,
    /// Every message has a name of its own.
    Good,
    /// So many share one with another.
    Shared(u64),
    /// So many have none.
    Absent(u64),
}

/// What was found.
#[derive(Debug)]
pub enum Fact {
    /// The name has so many addresses; none if it is one itself.
    Addresses(usize),
    /// It accepted a connection after so long.
    Reached(Duration),
    /// At the same host, these other ports accept one.
    OtherPorts(Vec<u16>),
    /// The connection is encrypted, and this certificate is trusted.
    Trusted(Certificate),
    /// The connection is in clear.
    Clear,
    /// The password was taken.
    SignedIn {
        /// Messages on the server.
        messages: u64,
        /// Their size, where it costs nothing to know.
        octets: Option<u64>,
        /// Folders, over IMAP.
        folders: Option<u64>,
    },
    /// What a POP3 server offers.
    Pop3 {
        /// As it says itself.
        capabilities: Pop3Capabilities,
        /// Going by its listing.
        names: UidlQuality,
        /// Messages that it counts and does not list.
        unlisted: u64,
    },
    /// What an IMAP server offers.
    Imap {
        /// Extensions that spare work or make it safer, and whether it has each.
        extensions: Vec<(&'static str, bool)>,
        /// Octets used and allowed.
        quota: Option<(u64, u64)>,
    },
}

/// Receives what was found at each point.
pub type Tell<'a> = &'a mut dyn FnMut(Point, Result<Fact>);

/// Looks at the server of an account, as far as it gets; without a secret, up to the login.
pub fn server(account: &Account, secret: Option<Secret>, stop: Arc<AtomicBool>, tell: Tell<'_>) {
    let server = endpoint(account);
    let limits = Limits::new(account.timeout, Arc::clone(&stop));
    let literal = server.host.parse::<IpAddr>().is_ok();
    match addresses(&server, &limits) {
        Ok(found) => tell(
            Point::Dns,
            Ok(Fact::Addresses(if literal { 0 } else { found })),
        ),
        Err(error) => return tell(Point::Dns, Err(error)),
    }
    let began = Instant::now();
    match Transport::connect(&server, &limits) {
        Ok(_) => tell(Point::Port, Ok(Fact::Reached(began.elapsed()))),
        Err(error) => {
            let ended = matches!(error, Error::Interrupted);
            tell(Point::Port, Err(error));
            if !ended {
                tell(Point::Port, Ok(Fact::OtherPorts(others(&server, &limits))));
            }
            return;
        }
    }
    let signs_in = secret.is_some();
    let secret = secret.unwrap_or_else(|| Secret::new(String::new()));
    let mut connector = Connector::new(account, secret, Dialect::default(), stop);
    if account.protocol == Protocol::Imap {
        imap(&connector, signs_in, tell);
    } else {
        pop3(&mut connector, signs_in, tell);
    }
}

fn others(server: &Endpoint, limits: &Limits) -> Vec<u16> {
    let mut limits = limits.clone();
    limits.connect = KNOCK;
    let accepts = |port: &u16| {
        let there = Endpoint {
            host: server.host.clone(),
            port: *port,
        };
        *port != server.port && Transport::connect(&there, &limits).is_ok()
    };
    PORTS.into_iter().filter(accepts).collect()
}

fn encryption(transport: &Transport) -> Fact {
    transport.certificate().map_or(Fact::Clear, Fact::Trusted)
}

fn pop3(connector: &mut Connector, signs_in: bool, tell: Tell<'_>) {
    let mut session = match connector.meet() {
        Ok(session) => session,
        Err(error) => return tell(Point::Certificate, Err(error)),
    };
    tell(Point::Certificate, Ok(encryption(session.stream_mut())));
    if !signs_in {
        return;
    }
    let listed = connector
        .sign_in(&mut session)
        .and_then(|()| session.list());
    let listings = match listed {
        Ok(listings) => listings,
        Err(error) => return tell(Point::SignIn, Err(error)),
    };
    let signed_in = Fact::SignedIn {
        messages: listings.len() as u64 + listings.unlisted(),
        octets: Some(listings.octets()),
        folders: None,
    };
    tell(Point::SignIn, Ok(signed_in));
    let abilities = Fact::Pop3 {
        capabilities: session.capabilities().clone(),
        names: quality(&listings),
        unlisted: listings.unlisted(),
    };
    tell(Point::Abilities, Ok(abilities));
    // Nothing was changed, so a failure to say goodbye means nothing.
    let _ = Box::new(session).finish();
}

fn quality(listings: &Listings) -> UidlQuality {
    if listings.is_empty() {
        return UidlQuality::Unknown;
    }
    let (mut absent, mut shared) = (0, 0);
    let mut last: Option<Vec<u8>> = None;
    let mut rows = listings.ascending();
    while let Some((_, name)) = rows.advance() {
        if name.is_empty() {
            absent += 1;
        } else if last.as_deref() == Some(name) {
            shared += 1;
        } else {
            last = Some(name.to_vec());
        }
    }
    match (absent, shared) {
        (0, 0) => UidlQuality::Good,
        (0, shared) => UidlQuality::Shared(shared),
        (absent, _) => UidlQuality::Absent(absent),
    }
}

fn imap(connector: &Connector, signs_in: bool, tell: Tell<'_>) {
    let mut session = match connector.meet_imap() {
        Ok(session) => session,
        Err(error) => return tell(Point::Certificate, Err(error)),
    };
    tell(Point::Certificate, Ok(encryption(session.stream_mut())));
    if !signs_in {
        return;
    }
    let counted = connector.sign_in_imap(&mut session).and_then(|()| {
        let mut mailboxes = session.mailboxes()?;
        session.ask_counts(&mut mailboxes)?;
        Ok(mailboxes)
    });
    let mailboxes = match counted {
        Ok(mailboxes) => mailboxes,
        Err(error) => return tell(Point::SignIn, Err(error)),
    };
    let counts = mailboxes
        .iter()
        .filter_map(|mailbox| mailbox.counts.as_ref());
    let signed_in = Fact::SignedIn {
        messages: counts.filter_map(|c| c.messages).map(u64::from).sum(),
        octets: None,
        folders: Some(mailboxes.iter().filter(|m| m.selectable).count() as u64),
    };
    tell(Point::SignIn, Ok(signed_in));
    let quota = match session.quota(&Mailbox::inbox()) {
        Ok(limits) => limits
            .iter()
            .find(|limit| limit.resource == "STORAGE")
            .map(|limit| {
                (
                    limit.used.saturating_mul(1024),
                    limit.limit.saturating_mul(1024),
                )
            }),
        Err(error) => return tell(Point::Abilities, Err(error)),
    };
    let knows = |name: &'static str| (name, session.knows(name));
    let abilities = Fact::Imap {
        extensions: EXTENSIONS.into_iter().map(knows).collect(),
        quota,
    };
    tell(Point::Abilities, Ok(abilities));
    // Nothing was changed, so a failure to say goodbye means nothing.
    let _ = session.logout();
}
