//! The keys of the configuration file, and how each becomes a plain value.

mod notify;
mod oauth;
mod offsite;
mod purge;
mod retention;
mod values;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Spanned, Value};

use self::notify::RawNotify;
use self::offsite::RawOffsite;
use self::purge::RawPurge;
use self::retention::RawRetention;
use super::{
    Account, AuditScope, Auth, Config, Dedupe, Protocol, Recognise, Tls, is_account_name, is_host,
    is_loopback, place, usual_port,
};
use crate::base::error::{Error, Result};
use crate::base::secret::{SecretSource, expand_home};

/// Reads a configuration from its text.
pub(super) fn config(text: &str, path: &Path, home: Option<&Path>) -> Result<Config> {
    let file: RawConfig = toml::from_str(text)
        .map_err(|error| place::parse_fault(path, text, &error, &account_keys()))?;
    let context = Context { text, path, home };
    context.check_defaults(&file.defaults)?;
    context.check_stored(&file.accounts)?;
    let offsite = context.offsite(&file.offsite)?;
    let mut accounts = BTreeMap::new();
    for (name, own) in file.accounts {
        let rule = own.purge.as_ref().map(Spanned::get_ref);
        context.check_required(rule, &offsite)?;
        let account = context.account(&name, &own.over(&file.defaults))?;
        accounts.insert(name.into_inner(), account);
    }
    let vault = file.vault.as_ref();
    let vault = vault.map(|path| context.path("vault", path)).transpose()?;
    let retention = context.retention(file.retention.as_ref())?;
    Ok(Config {
        vault,
        accounts,
        retention,
        notify: context.notify(file.notify.as_ref())?,
        offsite,
    })
}

/// The keys of an account, as its parser tells them that refuses another one.
fn account_keys() -> Vec<String> {
    let refused = toml::from_str::<RawAccount>("'' = 0").err();
    refused.map_or_else(Vec::new, |error| place::known(error.message()))
}

#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    vault: Option<Spanned<String>>,
    #[serde(default)]
    defaults: RawAccount,
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, RawAccount>"))]
    accounts: BTreeMap<Spanned<String>, RawAccount>,
    retention: Option<RawRetention>,
    notify: Option<RawNotify>,
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, RawOffsite>"))]
    offsite: BTreeMap<Spanned<String>, RawOffsite>,
}

/// `[defaults]` or `[accounts.NAME]`.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccount {
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    stored_as: Option<Spanned<String>>,
    protocol: Option<Protocol>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    host: Option<Spanned<String>>,
    port: Option<NonZeroU16>,
    imap_port: Option<NonZeroU16>,
    #[cfg_attr(test, schemars(with = "Option<Tls>"))]
    tls: Option<Spanned<Tls>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    tls_ca_file: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    tls_pin_sha256: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<bool>"))]
    allow_plaintext: Option<Spanned<bool>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    user: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<Auth>"))]
    auth: Option<Spanned<Auth>>,
    #[cfg_attr(test, schemars(with = "Option<json::ProgramForm>"))]
    password_command: Option<Spanned<Value>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    password_file: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    password_env: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<bool>"))]
    password_keyring: Option<Spanned<bool>>,
    #[cfg_attr(test, schemars(with = "Option<json::ProgramForm>"))]
    token_command: Option<Spanned<Value>>,
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    token_file: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(with = "Option<oauth::RawOAuth>"))]
    oauth: Option<Spanned<oauth::RawOAuth>>,
    #[cfg_attr(test, schemars(with = "Option<json::TimeForm>"))]
    timeout: Option<Spanned<Value>>,
    #[cfg_attr(test, schemars(with = "Option<i64>"))]
    retries: Option<Spanned<i64>>,
    dedupe: Option<Dedupe>,
    recognise: Option<Recognise>,
    #[cfg_attr(test, schemars(with = "Option<i64>"))]
    zstd_level: Option<Spanned<i64>>,
    #[cfg_attr(test, schemars(with = "Option<i64>"))]
    connections: Option<Spanned<i64>>,
    folders: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    pull: Option<bool>,
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    accept_refused: Option<Spanned<Vec<String>>>,
    #[cfg_attr(test, schemars(with = "Option<Vec<String>>"))]
    accept_short: Option<Spanned<Vec<String>>>,
    covers: Option<AuditScope>,
    #[cfg_attr(test, schemars(with = "Option<RawPurge>"))]
    purge: Option<Spanned<RawPurge>>,
}

impl RawAccount {
    /// These values, and the base's where there is none.
    fn over(self, base: &Self) -> Self {
        Self {
            protocol: self.protocol.or(base.protocol),
            port: self.port.or(base.port),
            imap_port: self.imap_port.or(base.imap_port),
            tls: self.tls.or(base.tls.clone()),
            tls_ca_file: self.tls_ca_file.or(base.tls_ca_file.clone()),
            tls_pin_sha256: self.tls_pin_sha256.or(base.tls_pin_sha256.clone()),
            auth: self.auth.or(base.auth.clone()),
            timeout: self.timeout.or(base.timeout.clone()),
            retries: self.retries.or(base.retries.clone()),
            dedupe: self.dedupe.or(base.dedupe),
            recognise: self.recognise.or(base.recognise),
            zstd_level: self.zstd_level.or(base.zstd_level.clone()),
            connections: self.connections.or(base.connections.clone()),
            folders: self.folders.or(base.folders.clone()),
            exclude: self.exclude.or(base.exclude.clone()),
            pull: self.pull.or(base.pull),
            covers: self.covers.or(base.covers),
            ..self
        }
    }

    fn allows_plaintext(&self) -> bool {
        let allowed = self.allow_plaintext.as_ref();
        allowed.is_some_and(|allowed| *allowed.get_ref())
    }

    /// The keys that give a secret, with their places.
    fn secrets(&self) -> [(&'static str, Option<Range<usize>>); 6] {
        [
            ("password_command", span(self.password_command.as_ref())),
            ("password_file", span(self.password_file.as_ref())),
            ("password_env", span(self.password_env.as_ref())),
            ("password_keyring", span(self.password_keyring.as_ref())),
            ("token_file", span(self.token_file.as_ref())),
            ("token_command", span(self.token_command.as_ref())),
        ]
    }
}

fn span<T>(value: Option<&Spanned<T>>) -> Option<Range<usize>> {
    value.map(Spanned::span)
}

/// What is needed to say where a value is wrong, and to complete paths.
struct Context<'a> {
    text: &'a str,
    path: &'a Path,
    home: Option<&'a Path>,
}

impl Context<'_> {
    fn fault(&self, at: &Range<usize>, message: &str) -> Error {
        place::fault(self.path, self.text, at, message, None)
    }

    fn hinted(&self, at: &Range<usize>, message: &str, hint: &str) -> Error {
        let hint = Some(hint.to_owned());
        place::fault(self.path, self.text, at, message, hint)
    }

    fn check_defaults(&self, defaults: &RawAccount) -> Result<()> {
        let misplaced = [
            ("host", span(defaults.host.as_ref())),
            ("user", span(defaults.user.as_ref())),
            ("stored_as", span(defaults.stored_as.as_ref())),
            ("allow_plaintext", span(defaults.allow_plaintext.as_ref())),
            ("accept_refused", span(defaults.accept_refused.as_ref())),
            ("accept_short", span(defaults.accept_short.as_ref())),
            ("purge", span(defaults.purge.as_ref())),
            ("oauth", oauth::span_of(defaults)),
        ];
        for (key, at) in misplaced.into_iter().chain(defaults.secrets()) {
            if let Some(at) = at {
                let message = format!("{key} cannot be a default");
                return Err(self.hinted(&at, &message, "set it in [accounts.NAME]"));
            }
        }
        Ok(())
    }

    /// Each name in the vault is that of one account.
    fn check_stored(&self, accounts: &BTreeMap<Spanned<String>, RawAccount>) -> Result<()> {
        let mut taken = BTreeMap::new();
        for (name, own) in accounts {
            let (name, Some(stored)) = (name.get_ref(), &own.stored_as) else {
                continue;
            };
            let (text, at) = (stored.get_ref(), stored.span());
            if !is_account_name(text) {
                return Err(self.hinted(
                    &at,
                    "stored_as is not the name of an account",
                    "it is the name that the account has in the vault",
                ));
            }
            let other = accounts.keys().map(Spanned::get_ref);
            let other = other
                .filter(|other| *other != name)
                .find(|other| *other == text);
            if let Some(other) = other.or(taken.insert(text, name)) {
                return Err(self.hinted(
                    &at,
                    &format!("the mail of {name} and {other} would both be stored as {text}"),
                    "each account needs a name of its own in the vault",
                ));
            }
        }
        Ok(())
    }

    fn account(&self, key: &Spanned<String>, raw: &RawAccount) -> Result<Account> {
        let (name, at) = (key.get_ref(), key.span());
        if !is_account_name(name) {
            // An address may have a password in it.
            let shown = if name.contains(':') {
                "this".to_owned()
            } else {
                format!("\"{}\"", name.escape_debug())
            };
            return Err(self.hinted(
                &at,
                &format!("{shown} cannot be the name of an account"),
                "up to 64 of a-z 0-9 . _ - are allowed, the first a letter or digit",
            ));
        }
        let missing = |what| self.fault(&at, &format!("the account {name} has no {what}"));
        let host = self.host(raw.host.as_ref().ok_or_else(|| missing("host"))?)?;
        let user = self.user(raw.user.as_ref().ok_or_else(|| missing("user"))?)?;
        let builtin = Account::new(name.clone(), host, user);
        let protocol = raw.protocol.unwrap_or(builtin.protocol);
        let tls = self.tls(raw, &builtin.host)?;
        let (auth, secret) = self.secret(name, &at, raw)?;
        let imap = protocol == Protocol::Imap;
        let port = if imap {
            raw.port.or(raw.imap_port)
        } else {
            raw.port
        };
        let imap_port = if imap { port } else { raw.imap_port };
        Ok(Account {
            stored_as: raw.stored_as.clone().map(Spanned::into_inner),
            protocol,
            port: port.map_or(usual_port(protocol, tls), NonZeroU16::get),
            imap_port: imap_port.map_or(usual_port(Protocol::Imap, tls), NonZeroU16::get),
            tls,
            tls_ca_file: (raw.tls_ca_file.as_ref())
                .map(|path| self.path("tls_ca_file", path))
                .transpose()?,
            tls_pin_sha256: (raw.tls_pin_sha256.as_ref())
                .map(|pin| self.pin(pin))
                .transpose()?,
            allow_plaintext: raw.allows_plaintext(),
            auth,
            secret,
            oauth: self.oauth(name, &at, raw)?,
            timeout: self.timeout(raw.timeout.as_ref(), builtin.timeout)?,
            retries: self.number("retries", raw.retries.as_ref(), 0..=100, builtin.retries)?,
            dedupe: raw.dedupe.unwrap_or(builtin.dedupe),
            recognise: raw.recognise.unwrap_or(builtin.recognise),
            zstd_level: self.number(
                "zstd_level",
                raw.zstd_level.as_ref(),
                1..=9,
                builtin.zstd_level,
            )?,
            connections: self.number(
                "connections",
                raw.connections.as_ref(),
                1..=4,
                builtin.connections,
            )?,
            folders: raw.folders.clone().unwrap_or(builtin.folders),
            exclude: raw.exclude.clone().unwrap_or(builtin.exclude),
            pull: raw.pull.unwrap_or(builtin.pull),
            accept_refused: (raw.accept_refused.as_ref())
                .map_or_else(Vec::new, |ids| ids.get_ref().clone()),
            accept_short: (raw.accept_short.as_ref())
                .map_or_else(Vec::new, |ids| ids.get_ref().clone()),
            covers: raw.covers.unwrap_or(builtin.covers),
            purge: self.purge(raw.purge.as_ref().map(Spanned::get_ref))?,
            ..builtin
        })
    }

    fn host(&self, host: &Spanned<String>) -> Result<String> {
        let text = host.get_ref().to_ascii_lowercase();
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let text = bare.map_or(text.clone(), str::to_owned);
        if is_host(&text) && (bare.is_none() || text.contains(':')) {
            return Ok(text);
        }
        Err(self.hinted(
            &host.span(),
            "host is neither a host name nor an address",
            "set the port with its own key; write non-ASCII letters in the xn-- form",
        ))
    }

    fn user(&self, user: &Spanned<String>) -> Result<String> {
        let text = user.get_ref();
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(self.fault(
                &user.span(),
                "user is empty or contains a control character",
            ));
        }
        Ok(text.clone())
    }

    fn tls(&self, raw: &RawAccount, host: &str) -> Result<Tls> {
        let Some(tls) = &raw.tls else {
            return Ok(Tls::default());
        };
        if *tls.get_ref() == Tls::None && !is_loopback(host) && !raw.allows_plaintext() {
            return Err(self.hinted(
                &tls.span(),
                &format!(
                    "tls = \"none\" would send the password and all mail to {host} \
                unencrypted"
                ),
                "use \"tls\" or \"starttls\"; if you must, add allow_plaintext = true \
                 to the account",
            ));
        }
        Ok(*tls.get_ref())
    }

    /// Hexadecimal digits, with or without colons between the bytes.
    fn pin(&self, pin: &Spanned<String>) -> Result<[u8; 32]> {
        let digits: Option<Vec<u8>> = (pin.get_ref().chars())
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let bytes = digits
            .filter(|digits| digits.len() == 64)
            .map(|digits| std::array::from_fn(|i| digits[2 * i] << 4 | digits[2 * i + 1]));
        bytes.ok_or_else(|| self.fault(&pin.span(), "tls_pin_sha256 is not 64 hexadecimal digits"))
    }

    /// How to log in, and with what: tokens and passwords do not go together.
    fn secret(
        &self,
        name: &str,
        at: &Range<usize>,
        raw: &RawAccount,
    ) -> Result<(Auth, SecretSource)> {
        let mut given = raw
            .secrets()
            .into_iter()
            .filter_map(|(key, at)| Some((key, at?)));
        if let (Some((one, _)), Some((two, at))) = (given.next(), given.next()) {
            return Err(self.hinted(
                &at,
                &format!("{one} and {two} cannot both be set"),
                "an account has one secret; remove one of them",
            ));
        }
        let auth = raw.auth.as_ref().map_or(Auth::Auto, |auth| *auth.get_ref());
        let token = span(raw.token_command.as_ref()).map(|at| ("token_command", at));
        let token = token.or(span(raw.token_file.as_ref()).map(|at| ("token_file", at)));
        match token {
            Some((key, at)) if !auth.takes_token() => {
                return Err(self.hinted(
                    &at,
                    &format!("{key} needs an auth that uses a token"),
                    "add auth = \"xoauth2\" or auth = \"oauthbearer\"",
                ));
            }
            None if auth.takes_token() => {
                let message = format!(
                    "the auth of {name} uses a token, but there is no \
                token_command"
                );
                return Err(self.hinted(
                    // The auth may be a default, whose place would mislead.
                    at,
                    &message,
                    "add token_command = [\"PROGRAM\", \"ARGUMENT\"], or set another auth",
                ));
            }
            _ => {}
        }
        if let Some(source) = self.refresh(name, raw)? {
            return Ok((auth, source));
        }
        let source = if let Some(command) = &raw.password_command {
            SecretSource::Command(self.program("password_command", command)?)
        } else if let Some(path) = &raw.password_file {
            SecretSource::File(self.path("password_file", path)?)
        } else if let Some(variable) = &raw.password_env {
            SecretSource::Env(self.variable(variable)?)
        } else if let Some(command) = &raw.token_command {
            SecretSource::Token(self.program("token_command", command)?)
        } else if let Some(wanted) = &raw.password_keyring {
            self.keyring(wanted)?
        } else {
            SecretSource::Unset
        };
        Ok((auth, source))
    }

    fn keyring(&self, wanted: &Spanned<bool>) -> Result<SecretSource> {
        if !wanted.get_ref() {
            let message = "password_keyring must be true or left out";
            return Err(self.fault(&wanted.span(), message));
        }
        if !cfg!(feature = "keyring") {
            return Err(self.hinted(
                &wanted.span(),
                "password_keyring cannot be used: this mailvault was built without the feature \
                 keyring",
                "build it with: cargo install --locked --path . --features keyring; or let a \
                 program print the password: password_command",
            ));
        }
        Ok(SecretSource::Keyring)
    }

    fn variable(&self, name: &Spanned<String>) -> Result<String> {
        let text = name.get_ref();
        // What no variable can be called is perhaps the password itself, so it is not shown.
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.is_empty() || !text.chars().all(fits) {
            return Err(self.fault(
                &name.span(),
                "password_env is not the name of an environment variable",
            ));
        }
        Ok(text.clone())
    }

    /// A path, from the home if it begins with `~`, else from the folder of this file.
    fn path(&self, key: &str, value: &Spanned<String>) -> Result<PathBuf> {
        let text = value.get_ref();
        let at = value.span();
        if text.is_empty() || text.contains('\0') {
            return Err(self.fault(&at, &format!("{key} is not a path")));
        }
        let Some(path) = expand_home(text, self.home) else {
            let message = format!("{key} begins with \"~\", but no home directory is known");
            return Err(self.hinted(&at, &message, "write the path in full"));
        };
        if text.starts_with('~') && !path.is_absolute() {
            let message = format!("{key} begins with the home of another user");
            return Err(self.hinted(&at, &message, "write the path in full"));
        }
        Ok(self.path.parent().unwrap_or(Path::new("")).join(path))
    }
}

#[cfg(test)]
mod json;
