//! The service that an account gets its tokens from: what the configuration says over what
//! is known of the provider.

use std::path::PathBuf;

use super::form;
use crate::account::config::{Account, OAuth, service_of};
use crate::account::providers::{self, Issuer};
use crate::base::error::{Endpoint, Error, Result};
use crate::base::secret::{self, Mask, Secret};
use crate::net::http::{self, HttpReply, Roots};

/// Where and as whom to ask.
#[derive(Debug)]
pub struct Service {
    /// Host and port of the token endpoint, for messages.
    pub(super) server: Endpoint,
    /// The user, for messages.
    pub(super) user: String,
    pub(super) device_url: Option<String>,
    pub(super) authorize_url: Option<String>,
    /// What the service calls this machine.
    pub(super) loopback: String,
    pub(super) scope: String,
    pub(super) client_id: String,
    name: String,
    pub(super) token_url: String,
    client_secret: Option<Secret>,
    ca_file: Option<PathBuf>,
}

impl Service {
    /// The service of an account.
    ///
    /// # Errors
    /// [`Error::Config`] for what neither the configuration nor the table of providers says.
    pub fn of(account: &Account) -> Result<Self> {
        let nothing = OAuth::default();
        let told = account.oauth.as_ref().unwrap_or(&nothing);
        let name = &account.name;
        let known = match &told.provider {
            Some(provider) => Some(providers::issuer(provider).ok_or_else(|| {
                let names: Vec<_> = providers::issuers().iter().map(|i| &i.name[..]).collect();
                Error::Config {
                    message: format!("no OAuth service called \"{provider}\" is known ({name})"),
                    hint: Some(format!(
                        "known are {}; of another, set token_url and device_url or \
                         authorize_url, and scope",
                        names.join(" and ")
                    )),
                }
            })?),
            None => providers::by_host(&account.host)
                .and_then(|provider| providers::issuer(provider.oauth.as_deref()?)),
        };
        // Addresses of one service do not go together with those of another.
        let known = known.filter(|_| told.token_url.is_none() || told.provider.is_some());
        let pick = |own: &Option<String>, usual: fn(&Issuer) -> Option<&String>| {
            own.clone().or_else(|| known.and_then(usual).cloned())
        };
        let missing = |key: &str| missing(name, key);
        let token_url = pick(&told.token_url, |known| Some(&known.token))
            .ok_or_else(|| missing("token_url"))?;
        let (host, port) = service_of(&token_url).ok_or_else(|| missing("token_url"))?;
        let client_secret = told.client_secret_file.as_ref();
        Ok(Self {
            server: Endpoint { host, port },
            user: account.user.clone(),
            device_url: pick(&told.device_url, |known| known.device.as_ref()),
            authorize_url: pick(&told.authorize_url, |known| known.authorize.as_ref()),
            loopback: (known.and_then(|known| known.loopback.clone()))
                .unwrap_or_else(|| "127.0.0.1".to_owned()),
            scope: pick(&told.scope, |known| Some(&known.scope)).ok_or_else(|| missing("scope"))?,
            client_id: told.client_id.clone(),
            name: name.clone(),
            token_url,
            client_secret: client_secret
                .map(|path| secret::stored_client_secret(name, path, None))
                .transpose()?,
            ca_file: told.ca_file.clone(),
        })
    }

    /// The error for an address that a way of signing in needs.
    pub(super) fn incomplete(&self, key: &str) -> Error {
        missing(&self.name, key)
    }

    /// Posts fields and who we are; also gives what hides them in the answer.
    pub(super) fn post(&self, url: &str, fields: &[(&str, &str)]) -> Result<(HttpReply, Mask)> {
        let mut all = fields.to_vec();
        all.push(("client_id", &self.client_id));
        if let Some(secret) = &self.client_secret {
            all.push(("client_secret", secret.expose()));
        }
        let mut mask = Mask::none();
        for (name, value) in &all {
            if !["grant_type", "client_id", "scope", "redirect_uri"].contains(name) {
                mask.add(value);
            }
        }
        let host = service_of(url);
        let (host, port) = host.unwrap_or((self.server.host.clone(), self.server.port));
        let server = Endpoint { host, port };
        let grant = fields.iter().find(|(name, _)| *name == "grant_type");
        let grant = grant.map_or("a code", |(_, grant)| grant);
        tracing::debug!(target: "dialogue", "C: POST {url} ({grant})");
        let form = form::encode(&all);
        let roots = Roots::of(self.ca_file.as_deref())?;
        // None of it is said of the mail server, which may be well.
        let reply = http::post(url, roots, &form).map_err(|fault| Error::Token {
            server,
            user: self.user.clone(),
            reason: fault.reason,
            reply: None,
            kind: fault.kind,
        })?;
        tracing::debug!(target: "dialogue", "S: HTTP status {}", reply.status);
        Ok((reply, mask))
    }

    /// Some service.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn sample() -> Self {
        Self {
            server: Endpoint {
                host: "id.example.org".into(),
                port: 443,
            },
            user: "ann".into(),
            device_url: None,
            authorize_url: None,
            loopback: "127.0.0.1".into(),
            scope: "mail".into(),
            client_id: "client".into(),
            name: "work".into(),
            token_url: "https://id.example.org/token".into(),
            client_secret: None,
            ca_file: None,
        }
    }
}

fn missing(account: &str, key: &str) -> Error {
    Error::Config {
        message: format!("the OAuth service of {account} has no {key}"),
        hint: Some(format!(
            "set {key} in [accounts.{account}.oauth], or provider = \"microsoft\" or \"google\""
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn account(host: &str, oauth: OAuth) -> Account {
        Account {
            oauth: Some(oauth),
            ..Account::new("work".into(), host.into(), "ann".into())
        }
    }

    #[test]
    fn the_host_tells_the_service() {
        let service = Service::of(&account("imap.gmail.com", OAuth::default())).unwrap();
        assert_eq!(service.server.host, "oauth2.googleapis.com");
        assert_eq!(
            (service.device_url, &service.loopback[..]),
            (None, "127.0.0.1")
        );
        let service = Service::of(&account("outlook.office365.com", OAuth::default())).unwrap();
        assert_eq!(service.server.host, "login.microsoftonline.com");
        assert!(service.device_url.is_some() && service.authorize_url.is_some());
        assert_eq!(service.loopback, "localhost");
    }

    #[test]
    fn what_is_configured_comes_first_and_services_are_not_mixed() {
        let own = OAuth {
            token_url: Some("https://id.example.org/t".into()),
            scope: Some("mail".into()),
            ..OAuth::default()
        };
        let service = Service::of(&account("imap.gmail.com", own)).unwrap();
        assert_eq!(service.server.host, "id.example.org");
        assert_eq!(service.authorize_url, None);
        let tenant = OAuth {
            provider: Some("microsoft".into()),
            token_url: Some("https://login.microsoftonline.com/example/oauth2/v2.0/token".into()),
            ..OAuth::default()
        };
        let service = Service::of(&account("mail.example.org", tenant)).unwrap();
        assert!(service.device_url.is_some());
        assert!(service.token_url.contains("example"));
    }

    #[test]
    fn what_nobody_knows_is_asked_for() {
        let error = Service::of(&account("mail.example.org", OAuth::default())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the OAuth service of work has no token_url"
        );
        let odd = OAuth {
            provider: Some("gogle".into()),
            ..OAuth::default()
        };
        let error = Service::of(&account("mail.example.org", odd)).unwrap_err();
        assert!(error.to_string().contains("gogle"), "{error}");
    }
}
