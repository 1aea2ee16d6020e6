//! Access tokens by OAuth 2.0 (RFC 6749), for providers that take no passwords.
//!
//! A person signs in once, by a code that is typed on any device (RFC 8628) or in a
//! browser on this machine (RFC 8252, with PKCE of RFC 7636). What is kept of it is the
//! refresh token, in a file that nobody else can read; every sign-in to the mail server
//! gets an access token for it. Where the service hands out a new refresh token, the file
//! is replaced before the access token is used.

mod browser;
mod device;
mod form;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod keep;
mod service;
mod token;

use std::path::Path;
use std::sync::atomic::AtomicBool;

pub use service::Service;

use crate::account::config::Account;
use crate::base::error::{Error, ErrorKind, Result};
use crate::base::secret::Secret;

/// What a sign-in gives.
#[derive(Debug)]
pub struct Grant {
    /// For the mail server, for about an hour.
    pub access: Secret,
    /// For more access tokens, for months.
    pub refresh: Secret,
}

/// What a person has to do. The texts are the service's and may hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Type this code on that page, on any device.
    Code {
        /// The page.
        url: String,
        /// The code.
        code: String,
        /// How long it is good, in minutes.
        minutes: u64,
    },
    /// Open this page in a browser of this machine.
    Page {
        /// The page.
        url: String,
        /// The port of this machine that it leads back to.
        port: u16,
    },
}

/// Signs a person in, in a browser of this machine if asked to or if there is no other way.
/// Nothing is stored.
pub fn sign_in(
    account: &Account,
    browser: bool,
    stop: &AtomicBool,
    show: &mut dyn FnMut(&Ask),
) -> Result<Grant> {
    let service = Service::of(account)?;
    match (&service.device_url, &service.authorize_url) {
        (Some(url), _) if !browser => device::sign_in(&service, url, stop, show),
        (_, Some(url)) => browser::sign_in(&service, url, stop, show),
        (Some(_), None) => Err(service.incomplete("authorize_url")),
        (None, None) => Err(service.incomplete("device_url or authorize_url")),
    }
}

/// An access token for the refresh token that is kept in `file`.
pub(crate) fn access(account: &Account, file: &Path) -> Result<Secret> {
    let service = Service::of(account)?;
    let kept = keep::open(&account.name, file)?;
    let tokens = service.ask(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", kept.token().expose()),
        ("scope", &service.scope),
    ])?;
    if let Some(new) = tokens.refresh
        && new.expose() != kept.token().expose()
    {
        kept.replace(&new)?;
    }
    Ok(tokens.access)
}

/// Keeps the refresh token of a sign-in.
pub fn store(file: &Path, refresh: &Secret) -> Result<()> {
    keep::put(file, refresh)
}

fn refused(service: &Service, kind: ErrorKind, reason: &str, reply: Option<String>) -> Error {
    Error::Token {
        server: service.server.clone(),
        user: service.user.clone(),
        reason: reason.to_owned(),
        reply,
        kind,
    }
}
