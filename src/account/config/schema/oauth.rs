//! The table `[accounts.NAME.oauth]`: how an account gets its access tokens.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{Context, RawAccount};
use crate::account::config::{OAuth, is_service_url};
use crate::base::error::Result;
use crate::base::secret::SecretSource;

/// What to say where the program was built without OAuth.
const WITHOUT: &str = "this mailvault was built without the feature oauth";
/// What to do then.
const BUILD: &str = "build it with its default features: cargo install --locked --path .; or let a \
                     program print the token: token_command";

#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOAuth {
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    provider: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    client_id: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    client_secret_file: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    device_url: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    authorize_url: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    token_url: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    scope: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    ca_file: Option<Spanned<String>>,
}

impl Context<'_> {
    /// The file of the refresh token, if the account has one.
    pub(super) fn refresh(&self, name: &str, raw: &RawAccount) -> Result<Option<SecretSource>> {
        let Some(file) = &raw.token_file else {
            return match &raw.oauth {
                Some(oauth) => Err(self.hinted(
                    &oauth.span(),
                    &format!("the account {name} has an oauth table, but no token_file"),
                    &format!("add token_file = \"secret-{name}\" to [accounts.{name}]"),
                )),
                None => Ok(None),
            };
        };
        if !cfg!(feature = "oauth") {
            return Err(self.hinted(
                &file.span(),
                &format!("token_file cannot be used: {WITHOUT}"),
                BUILD,
            ));
        }
        Ok(Some(SecretSource::Refresh(self.path("token_file", file)?)))
    }

    /// Where the tokens of an account come from.
    pub(super) fn oauth(
        &self,
        name: &str,
        at: &Range<usize>,
        raw: &RawAccount,
    ) -> Result<Option<OAuth>> {
        let Some(oauth) = &raw.oauth else {
            return match &raw.token_file {
                Some(_) => Err(self.hinted(
                    at,
                    &format!("the account {name} has a token_file, but no oauth table"),
                    &format!("add [accounts.{name}.oauth] with a client_id"),
                )),
                None => Ok(None),
            };
        };
        let at = oauth.span();
        let oauth = oauth.get_ref();
        let id = oauth.client_id.as_ref().ok_or_else(|| {
            self.hinted(
                &at,
                &format!("the oauth table of {name} has no client_id"),
                "docs/providers.md explains where to get one",
            )
        })?;
        Ok(Some(OAuth {
            provider: self.text("provider", oauth.provider.as_ref())?,
            client_id: self.text("client_id", Some(id))?.unwrap_or_default(),
            client_secret_file: (oauth.client_secret_file.as_ref())
                .map(|path| self.path("client_secret_file", path))
                .transpose()?,
            device_url: self.url("device_url", oauth.device_url.as_ref())?,
            authorize_url: self.url("authorize_url", oauth.authorize_url.as_ref())?,
            token_url: self.url("token_url", oauth.token_url.as_ref())?,
            scope: self.text("scope", oauth.scope.as_ref())?,
            ca_file: (oauth.ca_file.as_ref())
                .map(|path| self.path("ca_file", path))
                .transpose()?,
        }))
    }

    fn text(&self, key: &str, value: Option<&Spanned<String>>) -> Result<Option<String>> {
        let Some(value) = value else {
            return Ok(None);
        };
        let text = value.get_ref();
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            let message = format!("{key} is empty or contains a control character");
            return Err(self.fault(&value.span(), &message));
        }
        Ok(Some(text.clone()))
    }

    fn url(&self, key: &str, value: Option<&Spanned<String>>) -> Result<Option<String>> {
        match value {
            Some(value) if !is_service_url(value.get_ref()) => Err(self.hinted(
                &value.span(),
                &format!("{key} is no https:// address"),
                "http:// is for this machine only, since tokens are sent there",
            )),
            value => Ok(value.map(|value| value.get_ref().clone())),
        }
    }
}

/// Where a default would mislead: each account signs in by itself.
pub(super) fn span_of(raw: &RawAccount) -> Option<Range<usize>> {
    raw.oauth.as_ref().map(Spanned::span)
}

#[cfg(all(test, feature = "oauth"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::account::config::Config;
    use crate::base::error::Error;
    use std::path::Path;

    fn parse(lines: &str) -> Result<Config> {
        let text = format!("[accounts.a]\nhost = \"localhost\"\nuser = \"ann\"\n{lines}\n");
        Config::parse(&text, Path::new("/c/m.toml"), None)
    }

    fn refusal(lines: &str) -> String {
        let Err(Error::ConfigLine { message, .. }) = parse(lines) else {
            panic!("accepted: {lines}");
        };
        message
    }

    #[test]
    fn an_account_may_sign_in_by_a_service_of_its_own() {
        let config = parse(
            "auth = \"xoauth2\"\ntoken_file = \"token\"\n[accounts.a.oauth]\n\
             client_id = \"id\"\nclient_secret_file = \"cs\"\n\
             token_url = \"https://id.example.org/token\"\nscope = \"mail\"",
        );
        let account = &config.unwrap().accounts["a"];
        assert_eq!(account.secret, SecretSource::Refresh("/c/token".into()));
        let oauth = account.oauth.as_ref().unwrap();
        assert_eq!(oauth.client_id, "id");
        assert_eq!(oauth.client_secret_file, Some("/c/cs".into()));
        assert_eq!(
            oauth.token_url.as_deref(),
            Some("https://id.example.org/token")
        );
    }

    #[test]
    fn what_is_missing_or_does_not_fit_is_told() {
        let table = "[accounts.a.oauth]\nclient_id = \"id\"";
        let file = "auth = \"xoauth2\"\ntoken_file = \"t\"";
        for (lines, said) in [
            (table.to_owned(), "but no token_file"),
            (file.to_owned(), "but no oauth table"),
            (format!("{file}\n[accounts.a.oauth]"), "has no client_id"),
            (
                format!("token_file = \"t\"\n{table}"),
                "token_file needs an auth that uses a token",
            ),
            (
                format!("{file}\ntoken_command = \"x\"\n{table}"),
                "token_file and token_command cannot both be set",
            ),
            (
                format!("{file}\n{table}\ntoken_url = \"http://id.example.org/\""),
                "token_url is no https:// address",
            ),
        ] {
            let message = refusal(&lines);
            assert!(message.contains(said), "{lines}: {message}");
        }
    }
}

#[cfg(all(test, not(feature = "oauth")))]
mod tests {
    use crate::account::config::Config;
    use crate::base::error::Error;
    use std::path::Path;

    #[test]
    fn without_the_feature_the_key_names_it() {
        let text = "[accounts.a]\nhost = \"localhost\"\nuser = \"ann\"\nauth = \"xoauth2\"\n\
                    token_file = \"t\"\n[accounts.a.oauth]\nclient_id = \"id\"";
        let Err(Error::ConfigLine { message, hint, .. }) =
            Config::parse(text, Path::new("/c/m"), None)
        else {
            panic!("accepted");
        };
        assert!(message.contains("without the feature oauth"), "{message}");
        assert!(hint.is_some_and(|hint| hint.contains("default features")));
    }
}
