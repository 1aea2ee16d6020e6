//! Posting a form over HTTPS, the only user of ureq; the only place that knows whether the
//! program was built with it.

use std::path::Path;

use crate::error::{Endpoint, Result};

/// An answer; what status it has does not make it an error.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Posts a form to an address of `server`.
#[cfg(feature = "oauth")]
pub(super) fn post(
    url: &str,
    server: &Endpoint,
    ca_file: Option<&Path>,
    form: &str,
) -> Result<Reply> {
    client::post(url, ca_file, form).map_err(|error| client::explain(server, error))
}

/// Says that it cannot be done.
#[cfg(not(feature = "oauth"))]
pub(super) fn post(_: &str, server: &Endpoint, _: Option<&Path>, _: &str) -> Result<Reply> {
    Err(crate::error::Error::Unsupported {
        server: server.clone(),
        what: "a sign-in without the feature oauth, which this mailvault was built without".into(),
    })
}

#[cfg(feature = "oauth")]
mod client {
    use std::fs;
    use std::io;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

    use super::Reply;
    use crate::error::{Endpoint, Error, ErrorKind};

    /// Longest that a request may take, from the look-up of the name to the last byte.
    const LIMIT: Duration = Duration::from_secs(30);
    /// No answer that gives a token is longer.
    const LONGEST: u64 = 256 * 1024;

    pub(super) fn post(
        url: &str,
        ca_file: Option<&Path>,
        form: &str,
    ) -> Result<Reply, ureq::Error> {
        let roots = match ca_file {
            None => RootCerts::PlatformVerifier,
            Some(file) => {
                let pem = fs::read(file)?;
                let items = parse_pem(&pem).filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                });
                RootCerts::Specific(Arc::new(items.collect()))
            }
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(roots)
            .build();
        // A redirection could lead a token elsewhere, and so could a proxy.
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(LIMIT))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("mailvault/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .new_agent();
        let mut answer = agent
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
        Ok(Reply { status, body })
    }

    /// What went wrong on the way, in the words that mail servers get too.
    pub(super) fn explain(server: &Endpoint, error: ureq::Error) -> Error {
        let server = server.clone();
        let doing = "a token".to_owned();
        match error {
            ureq::Error::HostNotFound => Error::Resolve {
                server,
                source: io::Error::new(io::ErrorKind::NotFound, "no such host"),
            },
            ureq::Error::Timeout(_) => Error::Timeout {
                server,
                doing,
                limit: LIMIT.as_secs(),
            },
            ureq::Error::ConnectionFailed => Error::Connect {
                server,
                source: io::ErrorKind::ConnectionRefused.into(),
            },
            ureq::Error::Io(source) if source.kind() == io::ErrorKind::ConnectionRefused => {
                Error::Connect { server, source }
            }
            ureq::Error::Io(source) => Error::Lost {
                server,
                doing,
                source: Some(source),
            },
            ureq::Error::NativeTls(source) => Error::Token {
                server,
                user: String::new(),
                reason: format!("its certificate is not trusted: {source}"),
                reply: None,
                kind: ErrorKind::Untrusted,
            },
            other => Error::Protocol {
                server,
                doing,
                detail: other.to_string(),
            },
        }
    }
}
