//! Requests over HTTP: a form that is posted, an address that is called. Built with the features
//! that need it, and then the only user of ureq besides the places of a second copy; the only
//! place that knows whether the program was built with one of them.

#[cfg(any(feature = "oauth", feature = "offsite"))]
pub(crate) use client::{Roots, call, post};
#[cfg(not(any(feature = "oauth", feature = "offsite")))]
pub(crate) use none::{Roots, call, post};

use crate::base::error::ErrorKind;

/// An answer; what status it has does not make it an error.
#[derive(Debug)]
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why there was no answer. It does not name the address, which may be a secret.
#[derive(Debug)]
pub(crate) struct HttpFault {
    pub(crate) kind: ErrorKind,
    pub(crate) reason: String,
}

#[cfg(not(any(feature = "oauth", feature = "offsite")))]
mod none {
    use std::path::Path;
    use std::time::Duration;

    use super::{HttpFault, HttpReply};
    use crate::base::error::{ErrorKind, Result};

    /// Nobody, since nobody is asked.
    pub(crate) struct Roots;

    impl Roots {
        #[allow(
            clippy::unnecessary_wraps,
            reason = "as where the program is built with a client"
        )]
        pub(crate) fn of(_: Option<&Path>) -> Result<Self> {
            Ok(Self)
        }
    }

    pub(crate) fn post(_: &str, _: Roots, _: &str) -> Result<HttpReply, HttpFault> {
        Err(missing())
    }

    pub(crate) fn call(_: &str, _: Duration) -> Result<u16, HttpFault> {
        Err(missing())
    }

    fn missing() -> HttpFault {
        HttpFault {
            kind: ErrorKind::Failed,
            reason: "this mailvault was built without the features oauth and offsite".to_owned(),
        }
    }
}

#[cfg(any(feature = "oauth", feature = "offsite"))]
mod client {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use ureq::Agent;
    use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

    use super::{HttpFault, HttpReply};
    use crate::base::error::{Error, ErrorKind, Result, words};

    /// Longest that a post may take, from the look-up of the name to the last byte.
    const LIMIT: Duration = Duration::from_secs(30);
    /// No answer that gives a token is longer.
    const LONGEST: u64 = 256 * 1024;

    /// Whom to trust.
    pub(crate) struct Roots(RootCerts);

    impl Roots {
        /// The system's authorities, or those of a file.
        pub(crate) fn of(ca_file: Option<&Path>) -> Result<Self> {
            let Some(file) = ca_file else {
                return Ok(Self(RootCerts::PlatformVerifier));
            };
            let pem = fs::read(file).map_err(|e| Error::file("read", file, e))?;
            let items = parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            let found: Vec<_> = items.collect();
            if found.is_empty() {
                return Err(Error::Config {
                    message: format!("{} holds no PEM certificate", file.display()),
                    hint: Some("ca_file needs the authority's certificate as PEM".to_owned()),
                });
            }
            Ok(Self(RootCerts::Specific(Arc::new(found))))
        }
    }

    /// Posts a form.
    pub(crate) fn post(url: &str, roots: Roots, form: &str) -> Result<HttpReply, HttpFault> {
        let answer = || {
            let mut answer = agent(roots, LIMIT)
                .post(url)
                .header("Accept", "application/json")
                .content_type("application/x-www-form-urlencoded")
                .send(form)?;
            let status = answer.status().as_u16();
            let body = answer
                .body_mut()
                .with_config()
                .limit(LONGEST)
                .read_to_vec()?;
            Ok(HttpReply { status, body })
        };
        answer().map_err(|error| explain(&error, LIMIT))
    }

    /// Calls an address (GET) and gives the status. What else is in the answer is not read.
    pub(crate) fn call(url: &str, limit: Duration) -> Result<u16, HttpFault> {
        let agent = agent(Roots(RootCerts::PlatformVerifier), limit);
        let answer = agent.get(url).call();
        let answer = answer.map_err(|error| explain(&error, limit))?;
        Ok(answer.status().as_u16())
    }

    fn agent(roots: Roots, limit: Duration) -> Agent {
        let tls = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(roots.0)
            .build();
        // A redirection could lead a token elsewhere, and so could a proxy.
        Agent::config_builder()
            .timeout_global(Some(limit))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("mailvault/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .new_agent()
    }

    fn explain(error: &ureq::Error, limit: Duration) -> HttpFault {
        let (kind, reason) = match error {
            ureq::Error::HostNotFound => (ErrorKind::Unreachable, "no such host".to_owned()),
            ureq::Error::Timeout(_) => (
                ErrorKind::Unreachable,
                format!("no answer within {} s", limit.as_secs()),
            ),
            ureq::Error::ConnectionFailed => (ErrorKind::Unreachable, "cannot connect".to_owned()),
            ureq::Error::Io(source) => (ErrorKind::Unreachable, words(source)),
            ureq::Error::NativeTls(source) => (
                ErrorKind::Untrusted,
                format!("its certificate is not trusted: {source}"),
            ),
            other => (ErrorKind::Failed, other.to_string()),
        };
        HttpFault { kind, reason }
    }
}

#[cfg(test)]
#[cfg(any(feature = "oauth", feature = "offsite"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    /// The address of a server that answers one request with these bytes, with a pause after each.
    fn server(answer: Vec<u8>, pause: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            for byte in answer {
                // The client may have given up.
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                thread::sleep(pause);
            }
        });
        url
    }

    #[test]
    fn an_answer_that_drips_ends_in_time() {
        let url = server(
            [&b"HTTP/1.1 200 OK\r\nX: "[..], &[b'x'; 5_000]].concat(),
            Duration::from_millis(20),
        );
        let fault = call(&url, Duration::from_millis(300)).unwrap_err();
        assert_eq!(fault.kind, ErrorKind::Unreachable);
        assert_eq!(fault.reason, "no answer within 0 s");
    }

    #[test]
    fn a_redirection_is_not_followed_and_a_body_not_awaited() {
        let moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\
                      Content-Length: 1000000000\r\n\r\n";
        let url = server(moved.to_vec(), Duration::ZERO);
        assert_eq!(call(&url, Duration::from_secs(30)).unwrap(), 302);
    }
}
