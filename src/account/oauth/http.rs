//! Posting a form over HTTPS, the only user of ureq; the only place that knows whether the
//! program was built with it.

use std::path::Path;

use crate::base::error::{Endpoint, Result};

/// An answer; what status it has does not make it an error.
#[derive(Debug)]
pub(super) struct HttpReply {
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
) -> Result<HttpReply> {
    let roots = client::roots(ca_file)?;
    client::post(url, roots, form).map_err(|error| client::explain(server, &error))
}

/// Says that it cannot be done.
#[cfg(not(feature = "oauth"))]
pub(super) fn post(_: &str, server: &Endpoint, _: Option<&Path>, _: &str) -> Result<HttpReply> {
    Err(crate::base::error::Error::Unsupported {
        server: server.clone(),
        what: "a sign-in without the feature oauth, which this mailvault was built without".into(),
    })
}

#[cfg(feature = "oauth")]
mod client {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

    use super::HttpReply;
    use crate::base::error::{Endpoint, Error, ErrorKind, Result, words};

    /// Longest that a request may take, from the look-up of the name to the last byte.
    const LIMIT: Duration = Duration::from_secs(30);
    /// No answer that gives a token is longer.
    const LONGEST: u64 = 256 * 1024;

    /// Whom to trust: the system's authorities, or those of a file.
    pub(super) fn roots(ca_file: Option<&Path>) -> Result<RootCerts> {
        let Some(file) = ca_file else {
            return Ok(RootCerts::PlatformVerifier);
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
        Ok(RootCerts::Specific(Arc::new(found)))
    }

    pub(super) fn post(
        url: &str,
        roots: RootCerts,
        form: &str,
    ) -> std::result::Result<HttpReply, ureq::Error> {
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
        Ok(HttpReply { status, body })
    }

    /// What went wrong on the way. None of it is said of the mail server, which may be well.
    pub(super) fn explain(server: &Endpoint, error: &ureq::Error) -> Error {
        let (kind, reason) = match error {
            ureq::Error::HostNotFound => (ErrorKind::Unreachable, "no such host".to_owned()),
            ureq::Error::Timeout(_) => (
                ErrorKind::Unreachable,
                format!("no answer within {} s", LIMIT.as_secs()),
            ),
            ureq::Error::ConnectionFailed => (ErrorKind::Unreachable, "cannot connect".to_owned()),
            ureq::Error::Io(source) => (ErrorKind::Unreachable, words(source)),
            ureq::Error::NativeTls(source) => (
                ErrorKind::Untrusted,
                format!("its certificate is not trusted: {source}"),
            ),
            other => (ErrorKind::Failed, other.to_string()),
        };
        Error::Token {
            server: server.clone(),
            user: String::new(),
            reason,
            reply: None,
            kind,
        }
    }
}
