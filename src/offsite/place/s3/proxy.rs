//! A proxy between this network and the place (RFC 9110, CONNECT): what is sent through it is
//! encrypted for the place.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::{Proxy, ProxyProtocol};
use zeroize::Zeroizing;

use crate::base::error::{Endpoint, Error, Result};
use crate::base::secret::Secret;
use crate::base::stage::Stage;
use crate::net::transport::{Limits, Transport, explain};

/// Bytes of a proxy's answer.
const LONGEST: u64 = 16 * 1024;

/// What the environment says of proxies; the command line alone reads it.
#[derive(Debug, Clone, Default)]
pub struct HttpsProxy {
    /// `HTTPS_PROXY`; it may hold a password.
    pub proxy: Option<Secret>,
    /// `NO_PROXY`.
    pub except: Option<String>,
}

impl HttpsProxy {
    /// The proxy for a server, if one is to be used.
    pub(super) fn route(&self, server: &Endpoint) -> Result<Option<ProxyRoute>> {
        let Some(address) = &self.proxy else {
            return Ok(None);
        };
        let bad = || Error::Config {
            message: "HTTPS_PROXY is not the address of an HTTP proxy".to_owned(),
            hint: Some("write http://HOST:PORT".to_owned()),
        };
        let proxy = Proxy::new(address.expose()).map_err(|_| bad())?;
        if proxy.protocol() != ProxyProtocol::Http {
            return Err(bad());
        }
        if let Some(except) = &self.except {
            let rules = Proxy::builder(ProxyProtocol::Http)
                .host(proxy.host())
                .no_proxy(except)
                .build()
                .map_err(|_| bad())?;
            let address = format!("https://{server}/").parse();
            if address.is_ok_and(|address| rules.is_no_proxy(&address)) {
                return Ok(None);
            }
        }
        let secret = proxy.username().map(|user| {
            let password = proxy.password().unwrap_or_default();
            let plain = Zeroizing::new(format!("{user}:{password}"));
            Secret::new(STANDARD.encode(&*plain))
        });
        Ok(Some(ProxyRoute {
            at: Endpoint {
                host: proxy.host().to_owned(),
                port: proxy.port(),
            },
            secret,
        }))
    }
}

/// The way through a proxy.
#[derive(Debug)]
pub(super) struct ProxyRoute {
    at: Endpoint,
    /// Name and password, as they are sent.
    secret: Option<Secret>,
}

impl fmt::Display for ProxyRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {}", self.at)
    }
}

impl ProxyRoute {
    /// A connection to the server, still in clear.
    pub(super) fn lead(&self, server: &Endpoint, limits: &Limits) -> Result<Transport> {
        let mut transport = Transport::connect(&self.at, limits)?;
        let stage = Stage::Command("CONNECT".into());
        let status = self
            .ask(server, &mut transport)
            .map_err(|error| explain(&self.at, &stage, error))?;
        match status {
            200..=299 => Ok(transport.led_to(server)),
            status => Err(Error::Refused {
                server: self.at.clone(),
                command: format!("CONNECT {server}"),
                reply: format!("status {status}"),
            }),
        }
    }

    fn ask(&self, server: &Endpoint, transport: &mut Transport) -> io::Result<u16> {
        let mut request =
            Zeroizing::new(format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n"));
        if let Some(secret) = &self.secret {
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(secret.expose());
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        transport.write_all(request.as_bytes())?;
        // Byte by byte, so that nothing of what follows is taken; the server speaks second in TLS.
        let mut reader = BufReader::with_capacity(1, transport).take(LONGEST);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let status = first
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}
