//! Which certificates are trusted, and what is wrong with the others.

use std::io;

use native_tls::{Certificate, Protocol, TlsConnector};

use crate::base::error::{Endpoint, Error, Result, TlsFault};
use crate::base::stage::Stage;
use crate::net::transport::Trust;
use crate::net::transport::clock::Stall;

/// Verifies the certificate against the host name.
pub(super) fn verified(server: &Endpoint, trust: &Trust) -> Result<TlsConnector> {
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv12));
    if let Some(path) = &trust.ca_file {
        let pem = std::fs::read(path).map_err(|e| Error::file("read", path, e))?;
        let not_pem = || Error::Config {
            message: format!("{} holds no PEM certificate", path.display()),
            hint: Some("tls_ca_file needs the authority's certificate as PEM".into()),
        };
        let found = Certificate::stack_from_pem(&pem).map_err(|_| not_pem())?;
        if found.is_empty() {
            return Err(not_pem());
        }
        builder.disable_built_in_roots(true);
        for certificate in found {
            builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|e| explain(server, &e))
}

/// Verifies nothing: for pins, and for looking at a refused certificate.
pub(super) fn unverified(server: &Endpoint) -> Result<TlsConnector> {
    TlsConnector::builder()
        .min_protocol_version(Some(Protocol::Tlsv12))
        .danger_accept_invalid_certs(true)
        .danger_accept_invalid_hostnames(true)
        .build()
        .map_err(|e| explain(server, &e))
}

/// OpenSSL names the trouble in brackets at the end of a long line.
pub(super) fn explain(server: &Endpoint, error: &native_tls::Error) -> Error {
    let text = error.to_string();
    // native-tls has no other way to tell.
    let fault = if text.contains("certificate verify failed") {
        TlsFault::Untrusted
    } else {
        TlsFault::Handshake
    };
    let reason = if let Some((_, reason)) = text.rsplit_once('(') {
        reason.trim_end_matches(')').to_owned()
    } else if text.contains("wrong version number") || text.contains("unexpected message") {
        "no TLS on this port".to_owned()
    } else {
        text
    };
    if let Some(stall) = std::error::Error::source(error)
        .and_then(|e| e.downcast_ref::<io::Error>())
        .and_then(io::Error::get_ref)
        .and_then(|e| e.downcast_ref::<Stall>())
    {
        return match stall {
            Stall::Stopped => Error::Interrupted,
            Stall::Silent(limit) | Stall::Drip(limit) => Error::Timeout {
                server: server.clone(),
                stage: Stage::Handshake,
                limit: limit.as_secs(),
            },
        };
    }
    Error::Tls {
        server: server.clone(),
        reason,
        shown: None,
        fault,
    }
}

/// A fingerprint as people compare it.
pub(super) fn colons(fingerprint: [u8; 32]) -> String {
    let hex: Vec<String> = fingerprint.iter().map(|b| format!("{b:02X}")).collect();
    hex.join(":")
}
