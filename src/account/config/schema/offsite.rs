//! The keys of `[offsite.NAME]`: a place of a second copy.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Spanned, Value};

#[cfg(test)]
use super::json;
use super::purge::RawPurge;
use super::{Context, span};
use crate::account::config::offsite::{REGION, REGION_FORM, is_region};
use crate::account::config::{OffsiteSettings, PlaceUrl, is_account_name, is_service_url};
use crate::base::error::{Error, Result};
use crate::base::secret::KeySource;
use crate::base::units::parse_size;

#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOffsite {
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    url: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    endpoint: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    region: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<bool>"))]
    path_style: Option<Spanned<bool>>,
    #[cfg_attr(test, schemars(with = "Option<json::ProgramForm>"))]
    credentials_command: Option<Spanned<Value>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    credentials_file: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    ca_file: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    recipients: Option<Spanned<Vec<String>>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    limit_rate: Option<Spanned<String>>,
}

impl Context<'_> {
    pub(super) fn offsite(
        &self,
        raw: &BTreeMap<Spanned<String>, RawOffsite>,
    ) -> Result<BTreeMap<String, OffsiteSettings>> {
        let places = raw.iter().map(|(name, raw)| {
            let place = self.place(name, raw)?;
            Ok((place.name.clone(), place))
        });
        places.collect()
    }

    /// A rule that requires a copy which is nowhere configured would delete nothing for ever.
    pub(super) fn check_required(
        &self,
        rule: Option<&RawPurge>,
        places: &BTreeMap<String, OffsiteSettings>,
    ) -> Result<()> {
        let Some(name) = rule.and_then(|rule| rule.require_offsite.as_ref()) else {
            return Ok(());
        };
        if places.contains_key(name.get_ref()) {
            return Ok(());
        }
        Err(self.hinted(
            &name.span(),
            &format!(
                "require_offsite: there is no table [offsite.{}]",
                name.get_ref()
            ),
            "name a second copy that is configured",
        ))
    }

    fn place(&self, key: &Spanned<String>, raw: &RawOffsite) -> Result<OffsiteSettings> {
        let (name, at) = (key.get_ref(), key.span());
        if !cfg!(feature = "offsite") {
            return Err(self.hinted(
                &at,
                "a second copy cannot be kept: this mailvault was built without the feature \
                 offsite",
                "build it with its default features: cargo install --locked --path .",
            ));
        }
        if !is_account_name(name) {
            return Err(self.hinted(
                &at,
                "this cannot be the name of a second copy",
                "up to 64 of a-z 0-9 . _ - are allowed, the first a letter or digit",
            ));
        }
        let url = raw.url.as_ref().ok_or_else(|| {
            self.hinted(
                &at,
                &format!("the second copy {name} has no url"),
                "add url = \"s3://BUCKET/PREFIX\", \"file:///PATH\" or \"rclone:REMOTE:PATH\"",
            )
        })?;
        let url = self.parsed(url)?;
        self.check_storage_keys(&url, raw)?;
        let recipients = self.recipients(key, raw)?;
        let endpoint = self.endpoint(raw)?;
        Ok(OffsiteSettings {
            name: name.clone(),
            url,
            // Few services but Amazon's have a host for each bucket.
            path_style: (raw.path_style.as_ref())
                .map_or(endpoint.is_some(), |wanted| *wanted.get_ref()),
            endpoint,
            region: self.region(raw)?,
            credentials: self.credentials(raw)?,
            ca_file: (raw.ca_file.as_ref())
                .map(|path| self.path("ca_file", path))
                .transpose()?,
            recipients,
            limit_rate: self.limit_rate(raw)?,
        })
    }

    fn parsed(&self, url: &Spanned<String>) -> Result<PlaceUrl> {
        PlaceUrl::parse(url.get_ref()).map_err(|error| match error {
            Error::Config { message, hint } => {
                self.hinted(&url.span(), &message, &hint.unwrap_or_default())
            }
            other => other,
        })
    }

    /// Keys that mean nothing at a folder or with `rclone`.
    fn check_storage_keys(&self, url: &PlaceUrl, raw: &RawOffsite) -> Result<()> {
        let own = [
            ("endpoint", span(raw.endpoint.as_ref())),
            ("region", span(raw.region.as_ref())),
            ("path_style", span(raw.path_style.as_ref())),
            (
                "credentials_command",
                span(raw.credentials_command.as_ref()),
            ),
            ("credentials_file", span(raw.credentials_file.as_ref())),
            ("ca_file", span(raw.ca_file.as_ref())),
        ];
        if matches!(url, PlaceUrl::S3 { .. }) {
            return Ok(());
        }
        for (key, at) in own {
            if let Some(at) = at {
                let hint = "rclone has a configuration of its own, and a folder needs none";
                return Err(self.hinted(&at, &format!("{key} is for s3:// only"), hint));
            }
        }
        Ok(())
    }

    fn endpoint(&self, raw: &RawOffsite) -> Result<Option<String>> {
        match &raw.endpoint {
            Some(endpoint) if !is_service_url(endpoint.get_ref()) => Err(self.hinted(
                &endpoint.span(),
                "endpoint is no https:// address",
                "write https://HOST; http:// is for this machine only",
            )),
            endpoint => Ok(endpoint.clone().map(Spanned::into_inner)),
        }
    }

    fn region(&self, raw: &RawOffsite) -> Result<String> {
        let Some(region) = &raw.region else {
            return Ok(REGION.to_owned());
        };
        if !is_region(region.get_ref()) {
            let message = "region is not the name of a region";
            return Err(self.hinted(&region.span(), message, REGION_FORM));
        }
        Ok(region.get_ref().clone())
    }

    fn credentials(&self, raw: &RawOffsite) -> Result<KeySource> {
        match (&raw.credentials_command, &raw.credentials_file) {
            (Some(_), Some(file)) => Err(self.hinted(
                &file.span(),
                "credentials_command and credentials_file cannot both be set",
                "remove one of them",
            )),
            (Some(command), None) => {
                let program = self.program("credentials_command", command)?;
                Ok(KeySource::Command(program))
            }
            (None, Some(file)) => Ok(KeySource::File(self.path("credentials_file", file)?)),
            (None, None) => Ok(KeySource::Variables),
        }
    }

    /// Public keys.
    fn recipients(&self, key: &Spanned<String>, raw: &RawOffsite) -> Result<Vec<String>> {
        let Some(recipients) = raw.recipients.as_ref().filter(|r| !r.get_ref().is_empty()) else {
            return Err(self.hinted(
                &key.span(),
                &format!("the second copy {} has no recipients", key.get_ref()),
                "add recipients = [\"age1…\"]; 'age-keygen -o key.txt' makes a key and prints that",
            ));
        };
        let good = |text: &String| {
            let rest = text.strip_prefix("age1").unwrap_or_default();
            !rest.is_empty()
                && rest
                    .bytes()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        // What is none may be a private key, so it is not shown.
        if !recipients.get_ref().iter().all(good) {
            return Err(self.hinted(
                &recipients.span(),
                "recipients has something that is not a public key of age",
                "a public key begins with age1; a private key (AGE-SECRET-KEY-…) does not belong \
                 here",
            ));
        }
        Ok(recipients.get_ref().clone())
    }

    fn limit_rate(&self, raw: &RawOffsite) -> Result<Option<u64>> {
        let Some(rate) = &raw.limit_rate else {
            return Ok(None);
        };
        let bytes = parse_size(rate.get_ref()).filter(|bytes| *bytes >= 1024);
        let bytes = bytes.ok_or_else(|| {
            self.hinted(
                &rate.span(),
                "limit_rate is not a size of at least 1K",
                "write bytes a second, such as \"500K\" or \"5M\"",
            )
        })?;
        Ok(Some(bytes))
    }
}

#[cfg(all(test, feature = "offsite"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;
    use crate::account::config::Config;
    use crate::base::secret::Program;

    fn parse(lines: &str) -> Result<OffsiteSettings> {
        let text = format!("[offsite.b2]\n{lines}\n");
        let config = Config::parse(&text, Path::new("/c/m.toml"), None)?;
        Ok(config.offsite["b2"].clone())
    }

    const TO: &str = "recipients = [\"age1abc\", \"age1def\"]";

    #[test]
    fn a_place_has_its_defaults() {
        let place = parse(&format!("url = \"s3://bucket/mail\"\n{TO}")).unwrap();
        assert_eq!(
            (place.region.as_str(), place.path_style),
            ("us-east-1", false)
        );
        assert_eq!(place.recipients.len(), 2);
        assert_eq!(place.credentials, KeySource::Variables);
        let lines = "url = \"s3://bucket\"\nendpoint = \"http://127.0.0.1:9000\"\n\
                     recipients = [\"age1abc\"]\nlimit_rate = \"5M\"\ncredentials_command = \"pass show b2\"\nca_file = \"ca.pem\"";
        let place = parse(lines).unwrap();
        assert!(place.path_style);
        assert_eq!(place.limit_rate, Some(5 << 20));
        assert_eq!(place.ca_file, Some("/c/ca.pem".into()));
        let program = Program::Shell("pass show b2".into());
        assert_eq!(place.credentials, KeySource::Command(program));
        let place = parse(&format!("url = \"file:///mnt/disk\"\n{TO}")).unwrap();
        assert_eq!(place.url, PlaceUrl::Folder("/mnt/disk".into()));
    }

    #[test]
    fn what_is_missing_or_does_not_fit_is_told() {
        let s3 = "url = \"s3://bucket\"";
        for (lines, said) in [
            (TO.to_owned(), "the second copy b2 has no url"),
            (s3.to_owned(), "the second copy b2 has no recipients"),
            (format!("{s3}\nrecipients = []"), "has no recipients"),
            (
                format!("{s3}\nencrypt = false\n{TO}"),
                "unknown field `encrypt`",
            ),
            (
                format!("{s3}\nrecipients = [\"AGE-SECRET-KEY-1HUNTER2\"]"),
                "is not a public key of age",
            ),
            (format!("url = \"b\"\n{TO}"), "is not that of a second copy"),
            (
                format!("url = \"file:///x\"\nregion = \"x\"\n{TO}"),
                "region is for s3:// only",
            ),
            (
                format!("{s3}\nendpoint = \"http://example.org\"\n{TO}"),
                "endpoint is no https:// address",
            ),
            (
                format!("{s3}\nregion = \"a b\"\n{TO}"),
                "is not the name of a region",
            ),
            (
                format!("{s3}\nlimit_rate = \"9\"\n{TO}"),
                "not a size of at least 1K",
            ),
            (
                format!("{s3}\ncredentials_file = \"x\"\ncredentials_command = \"y\"\n{TO}"),
                "cannot both be set",
            ),
            (
                format!("{s3}\npassword = \"x\"\n{TO}"),
                "unknown field `password`",
            ),
        ] {
            let Err(Error::ConfigLine { message, hint, .. }) = parse(&lines) else {
                panic!("accepted: {lines}");
            };
            assert!(message.contains(said), "{lines}: {message}");
            assert!(
                !format!("{message}{hint:?}").contains("HUNTER2"),
                "{message}"
            );
        }
        let text = "[offsite.B2]\nurl = \"s3://bucket\"";
        assert!(Config::parse(text, Path::new("/c/m.toml"), None).is_err());
    }
}
