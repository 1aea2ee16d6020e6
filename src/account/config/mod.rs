//! The configuration file: its TOML schema, and the plain values it stands for.
//!
//! ```toml
//! vault = "~/mail"                     # relative paths start at this file's folder
//!
//! [defaults]                           # for every account that does not say otherwise
//! timeout = "60s"
//!
//! [accounts.work]                      # a name of your own: [a-z0-9][a-z0-9._-]{0,63}
//! host = "pop.example.org"
//! user = "ann@example.org"
//! password_command = ["pass", "show", "mail-work"]
//!
//! [accounts.work.purge]
//! older_than = "90d"
//!
//! [retention]                          # for `forget --by-rule`
//! keep = ["from:bank.example"]
//! forget_after = [{ query = "folder:Spam", age = "90d" }]
//!
//! [notify]                             # how a run ended
//! on_failure = ["mail", "-s", "mailvault failed", "ann@example.org"]
//! ping = "https://ping.example.org/your-check"
//! [offsite.b2]                         # a second copy
//! url = "s3://bucket/mail"
//! recipients = ["age1…"]
//! ```
//!
//! `[defaults]` takes the keys of an account, except those that belong to one account alone:
//! `host`, `user`, `stored_as`, the secrets, `allow_plaintext`, `accept_refused`, `accept_short`
//! and `purge`. A key that
//! an account sets replaces the default; lists are not joined. Unknown keys are errors.
//!
//! A plain connection is refused here already unless it is spelled out and safe
//! (`docs/SAFETY.md`, promise 19). The file holds no password, so others may read it; but
//! it names programs to run, so nobody else may write to it.

pub mod edit;
mod notify;
mod oauth;
mod offsite;
mod place;
mod render;
mod retention;
mod schema;
mod url;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use crate::base::account_name::{AccountNames, is_account_name};
use crate::base::error::{Error, Result, words};
use crate::base::secret::{SecretSource, typed_path};

pub use notify::{Notify, PingUrl};
pub use oauth::OAuth;
use oauth::is_service_url;
pub(crate) use oauth::service_of;
pub use offsite::{OffsiteSettings, PlaceUrl};
pub use retention::{Retention, RetentionRule};
#[cfg(feature = "offsite")]
pub(crate) use url::decode as percent_decoded;

/// No configuration that people write comes near this many bytes.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// The protocol of an account.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// POP3: the one maildrop.
    #[default]
    Pop3,
    /// IMAP: folders.
    Imap,
    /// POP3 for the inbox, IMAP for folders or where there is no POP3.
    Auto,
}

/// How a connection is protected.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// Starts unencrypted, then requires TLS before anything else.
    StartTls,
    /// In clear.
    None,
}

/// How to log in.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// The best that the server offers and the secret allows.
    #[default]
    Auto,
    /// The best that works with a password.
    Password,
    /// SASL PLAIN.
    Plain,
    /// SASL LOGIN.
    Login,
    /// SASL SCRAM-SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SASL SCRAM-SHA-256-PLUS, bound to the TLS channel.
    #[serde(rename = "scram-sha-256-plus")]
    ScramSha256Plus,
    /// The protocol's own: USER and PASS, or LOGIN.
    User,
    /// SASL XOAUTH2 with a token.
    Xoauth2,
    /// SASL OAUTHBEARER with a token.
    Oauthbearer,
}

impl Auth {
    /// True if it takes an access token instead of a password.
    #[must_use]
    pub fn takes_token(self) -> bool {
        matches!(self, Self::Xoauth2 | Self::Oauthbearer)
    }
}

/// What counts as the same message (`docs/SAFETY.md`, promise 3).
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dedupe {
    /// Equal Message-ID and equal likeness.
    #[default]
    MessageId,
    /// Equal bytes.
    Exact,
}

/// Whether resemblance may save a download (`docs/SAFETY.md`, Evidence).
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recognise {
    /// Only where a large maildrop or mailbox was renumbered as a whole.
    #[default]
    Never,
    /// Wherever header, size and Message-ID agree.
    Header,
}

/// What an audit of an account answers for.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditScope {
    /// All folders.
    #[default]
    Account,
    /// The inbox alone.
    Inbox,
}

/// The purge rule of an account; it deletes nothing by being there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Purge {
    /// Only what is older than this.
    pub older_than: Option<Duration>,
    /// Never the newest so many.
    pub keep_newest: Option<u64>,
    /// Only what this second copy has.
    pub require_offsite: Option<String>,
    /// Never what fits one of these queries, as written.
    pub keep: Vec<String>,
}

/// One account with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its name in the vault, if the configuration gives one.
    pub stored_as: Option<String>,
    /// The protocol.
    pub protocol: Protocol,
    /// Host name or address, in lower case, an IPv6 address without brackets.
    pub host: String,
    /// The port set, or the usual one; for [`Protocol::Auto`] that of POP3.
    pub port: u16,
    /// The port of IMAP where the account may be read by both protocols.
    pub imap_port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Certificates (PEM) to trust besides those of the system.
    pub tls_ca_file: Option<PathBuf>,
    /// SHA-256 of the one certificate to accept, instead of any other check.
    pub tls_pin_sha256: Option<[u8; 32]>,
    /// Permits [`Tls::None`] to a host other than this machine.
    pub allow_plaintext: bool,
    /// The user name that is sent.
    pub user: String,
    /// How to log in.
    pub auth: Auth,
    /// Where the password or token comes from.
    pub secret: SecretSource,
    /// Where its access tokens come from, if mailvault gets them itself.
    pub oauth: Option<OAuth>,
    /// Longest silence of the server.
    pub timeout: Duration,
    /// New connections in a row without progress.
    pub retries: u32,
    /// What counts as the same message.
    pub dedupe: Dedupe,
    /// Whether resemblance may save a download.
    pub recognise: Recognise,
    /// Zstandard level, 1 to 9.
    pub zstd_level: i32,
    /// IMAP connections at once, 1 to 4.
    pub connections: usize,
    /// IMAP folders to fetch, as patterns.
    pub folders: Vec<String>,
    /// IMAP folders to leave out, as patterns.
    pub exclude: Vec<String>,
    /// Fetched by a pull that names no account.
    pub pull: bool,
    /// Ids of messages whose refusal by the server is known and accepted.
    pub accept_refused: Vec<String>,
    /// Names of messages whose size the server is known to list wrongly.
    pub accept_short: Vec<String>,
    /// What an audit answers for.
    pub covers: AuditScope,
    /// The purge rule.
    pub purge: Purge,
}

/// The usual compression level. Level 3 makes a mailbox 0.7 % smaller and takes a fifth more
/// CPU for its whole pull.
pub const ZSTD_LEVEL: i32 = 2;

impl Account {
    /// An account with the built-in defaults: POP3 over TLS.
    #[must_use]
    pub fn new(name: String, host: String, user: String) -> Self {
        Self {
            name,
            stored_as: None,
            protocol: Protocol::default(),
            host,
            port: usual_port(Protocol::default(), Tls::default()),
            imap_port: usual_port(Protocol::Imap, Tls::default()),
            tls: Tls::default(),
            tls_ca_file: None,
            tls_pin_sha256: None,
            allow_plaintext: false,
            user,
            auth: Auth::default(),
            secret: SecretSource::Unset,
            oauth: None,
            timeout: Duration::from_secs(60),
            retries: 3,
            dedupe: Dedupe::default(),
            recognise: Recognise::default(),
            zstd_level: ZSTD_LEVEL,
            connections: 1,
            folders: vec!["*".to_owned()],
            exclude: Vec::new(),
            pull: true,
            accept_refused: Vec::new(),
            accept_short: Vec::new(),
            covers: AuditScope::default(),
            purge: Purge::default(),
        }
    }

    /// Its name in the vault: in the ledger and as a directory. A new name changes nothing there.
    #[must_use]
    pub fn vault_name(&self) -> &str {
        self.stored_as.as_deref().unwrap_or(&self.name)
    }

    /// The same account over IMAP.
    #[must_use]
    pub(crate) fn over_imap(&self) -> Self {
        Self {
            protocol: Protocol::Imap,
            port: self.imap_port,
            ..self.clone()
        }
    }

    /// True if only some folders are wanted, or not all.
    #[must_use]
    pub(crate) fn names_folders(&self) -> bool {
        self.folders != ["*"] || !self.exclude.is_empty()
    }

    /// The table of this account for a new configuration: what tells it from others, and
    /// where it is not the default, how it signs in. Paths begin with `~` where they can.
    #[must_use]
    pub fn to_table(&self, home: Option<&Path>) -> String {
        render::table(self, home)
    }

    /// The table with every setting as it counts now. A program that prints a secret is
    /// named without its arguments, which may hold one.
    #[must_use]
    pub fn to_effective(&self, home: Option<&Path>) -> String {
        render::effective(self, home)
    }

    /// An account for one-shot use from a URL such as `pop3s://ann@pop.example.org:995`.
    ///
    /// `pop3s` and `imaps` are TLS; `pop3` and `imap` require STARTTLS, except to a
    /// loopback host, where they are plain. The user may be percent-encoded. The name is
    /// `user@host` in the letters of an account name: `ann_at_pop.example.org`.
    ///
    /// # Errors
    /// [`Error::Config`], also for a password in the URL; it never shows the URL.
    pub fn from_url(url: &str) -> Result<Self> {
        url::account(url)
    }
}

/// The port that a protocol uses unless told otherwise; [`Protocol::Auto`] begins with POP3.
#[must_use]
pub(crate) fn usual_port(protocol: Protocol, tls: Tls) -> u16 {
    match (protocol, tls) {
        (Protocol::Imap, Tls::Tls) => 993,
        (Protocol::Imap, _) => 143,
        (_, Tls::Tls) => 995,
        (_, _) => 110,
    }
}

/// True if the host is this machine by its very name or address.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn is_host(text: &str) -> bool {
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().is_ok();
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    (1..=253).contains(&text.len()) && text.chars().all(fits)
}

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Where the vault is, if the file says so.
    pub vault: Option<PathBuf>,
    /// The accounts by name.
    pub accounts: BTreeMap<String, Account>,
    /// How long mail stays in the vault.
    pub retention: Retention,
    /// Whom to tell how a run ended.
    pub notify: Notify,
    /// The places of second copies by name.
    pub offsite: BTreeMap<String, OffsiteSettings>,
}

impl Config {
    /// Reads a configuration from its text; `path` is for messages and relative paths.
    ///
    /// # Errors
    /// [`Error::Config`] with place and hint.
    pub fn parse(text: &str, path: &Path, home: Option<&Path>) -> Result<Self> {
        schema::config(text, path, home)
    }

    /// The table of retention, as it counts now; empty if there is none.
    #[must_use]
    pub fn retention_table(&self) -> String {
        render::retention(&self.retention)
    }

    /// The table of notifications without what may be secret; empty if there is none.
    #[must_use]
    pub fn notify_table(&self) -> String {
        render::notify(&self.notify)
    }

    /// The table of each place of a second copy, as it counts now, with its name.
    #[must_use]
    pub fn offsite_tables(&self, home: Option<&Path>) -> Vec<(&str, String)> {
        let places = self.offsite.values();
        let table = |place| render::offsite(place, home);
        places
            .map(|place| (place.name.as_str(), table(place)))
            .collect()
    }

    /// What the accounts are called here and in the vault.
    #[must_use]
    pub fn names(&self) -> AccountNames {
        let accounts = self.accounts.values();
        AccountNames::new(accounts.map(|account| (account.name.as_str(), account.vault_name())))
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`Error::Config`], also if there is no file or others may write to it.
    pub fn read(path: &Path, home: Option<&Path>) -> Result<Self> {
        let failed = |error: io::Error| {
            plain_fault(match error.kind() {
                io::ErrorKind::NotFound => format!("no configuration at {}", path.display()),
                _ => format!(
                    "cannot read the configuration {}: {}",
                    path.display(),
                    words(&error)
                ),
            })
        };
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
        if mode & 0o022 != 0 {
            return Err(Error::Config {
                message: format!(
                    "{} can be changed by others (mode {mode:o})",
                    path.display()
                ),
                hint: Some(format!("chmod go-w {}", typed_path(path, home))),
            });
        }
        let mut bytes = Vec::new();
        file.take(FILE_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > FILE_LIMIT {
            return Err(plain_fault(format!(
                "{} is too long to be a configuration",
                path.display()
            )));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(text, path, home),
            Err(error) => {
                let at = error.valid_up_to();
                let text = String::from_utf8_lossy(&bytes);
                Err(place::fault(path, &text, &(at..at), "not UTF-8", None))
            }
        }
    }
}

fn plain_fault(message: String) -> Error {
    Error::Config {
        message,
        hint: None,
    }
}

/// What holds for any text as a configuration, or as the URL of an account: a refusal is one line
/// that says where, and an account is written so that it reads as the same.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(text: &str) {
    let path = Path::new("/c/m.toml");
    match Config::parse(text, path, None) {
        Ok(config) => config.accounts.values().for_each(assert_written),
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("/c/m.toml:"), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }
    if let Ok(account) = Account::from_url(text.trim()) {
        assert!(is_account_name(&account.name), "{}", account.name);
        assert_written(&account);
    }
    let _ = service_of(text);
}

/// The table of an account reads as where and how it signs in.
#[cfg(any(test, feature = "fuzzing"))]
fn assert_written(account: &Account) {
    let essence = |account: &Account| {
        let place = (account.host.clone(), account.port, account.tls);
        let pinned = (account.tls_ca_file.clone(), account.tls_pin_sha256);
        let who = (account.protocol, account.user.clone(), account.auth);
        (
            account.name.clone(),
            place,
            pinned,
            who,
            account.secret.clone(),
        )
    };
    let table = account.to_table(None);
    // What permits a connection in clear is no part of it.
    let table = if account.allow_plaintext {
        table.replacen("]\n", "]\nallow_plaintext = true\n", 1)
    } else {
        table
    };
    let config = Config::parse(&table, Path::new("/c/m.toml"), None);
    let config = config.unwrap_or_else(|error| panic!("{error}: {table}"));
    let again: Vec<_> = config.accounts.values().map(essence).collect();
    assert_eq!(again, [essence(account)], "{table}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::too_many_lines)]

    use super::*;
    use crate::base::secret::Program;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const FULL: &str = r#"
vault = "~/mail"

[defaults]
protocol = "imap"
timeout = "90s"
retries = 5
zstd_level = 9
exclude = ["Spam"]
tls_ca_file = "ca.pem"

[accounts.work]
stored_as = "office"
protocol = "pop3"
host = "POP.example.org"
port = 9950
imap_port = 1430
tls = "starttls"
tls_ca_file = "/etc/ca.pem"
tls_pin_sha256 = "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:ff"
user = "ann@example.org"
auth = "scram-sha-256-plus"
password_command = ["pass", "show", "~/mail-work"]
timeout = 30
retries = 0
dedupe = "exact"
zstd_level = 1
connections = 4
folders = ["INBOX", "Lists/*"]
exclude = []
pull = false
accept_refused = ["0a1b"]
accept_short = ["INBOX:7.1"]
covers = "inbox"

[accounts.work.purge]
older_than = "90d"
keep_newest = 100
keep = ["from:bank.example", "subject:password"]

[accounts."x.y_z-9"]
host = "imap.example.net"
user = "ann"
password_file = "secret-home"

[accounts.token]
host = "imap.example.com"
user = "ann@example.com"
auth = "xoauth2"
token_command = "get-token ann"

[accounts.lan]
protocol = "auto"
host = "10.0.0.7"
user = "ann"
tls = "none"
allow_plaintext = true
password_env = "LAN_PASSWORD"

[accounts.here]
protocol = "pop3"
host = "[::1]"
user = "ann"
tls = "none"
"#;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("/c/m.toml"), Some(Path::new("/home/ann")))
    }

    /// The message without the path, and the hint.
    fn refusal(text: &str) -> (String, String) {
        let Err(Error::ConfigLine { message, hint, .. }) = parse(text) else {
            panic!("accepted: {text}");
        };
        let message = message.strip_prefix("/c/m.toml:").unwrap().to_owned();
        (message, hint.unwrap_or_default())
    }

    /// An account `a` on loopback with more lines; they begin at line 4.
    fn with(lines: &str) -> String {
        format!("[accounts.a]\nhost = \"localhost\"\nuser = \"ann\"\n{lines}\n")
    }

    #[test]
    fn every_key_of_an_account_arrives() {
        let config = parse(FULL).unwrap();
        assert_eq!(config.vault, Some(PathBuf::from("/home/ann/mail")));
        assert_eq!(config.accounts.len(), 5);
        let mut pin: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        pin[31] = 255;
        let words = ["pass", "show", "~/mail-work"];
        assert_eq!(
            config.accounts["work"],
            Account {
                name: "work".into(),
                stored_as: Some("office".into()),
                protocol: Protocol::Pop3,
                host: "pop.example.org".into(),
                port: 9950,
                imap_port: 1430,
                tls: Tls::StartTls,
                tls_ca_file: Some("/etc/ca.pem".into()),
                tls_pin_sha256: Some(pin),
                allow_plaintext: false,
                user: "ann@example.org".into(),
                auth: Auth::ScramSha256Plus,
                secret: SecretSource::Command(Program::Argv(words.map(String::from).to_vec())),
                oauth: None,
                timeout: Duration::from_secs(30),
                retries: 0,
                dedupe: Dedupe::Exact,
                recognise: Recognise::Never,
                zstd_level: 1,
                connections: 4,
                folders: vec!["INBOX".into(), "Lists/*".into()],
                exclude: vec![],
                pull: false,
                accept_refused: vec!["0a1b".into()],
                accept_short: vec!["INBOX:7.1".into()],
                covers: AuditScope::Inbox,
                purge: Purge {
                    older_than: Some(Duration::from_secs(90 * 86_400)),
                    keep_newest: Some(100),
                    require_offsite: None,
                    keep: vec!["from:bank.example".into(), "subject:password".into()],
                },
            }
        );
    }

    #[test]
    fn defaults_fill_what_an_account_leaves_open() {
        let config = parse(FULL).unwrap();
        assert_eq!(
            config.accounts["x.y_z-9"],
            Account {
                protocol: Protocol::Imap,
                port: 993,
                tls_ca_file: Some("/c/ca.pem".into()),
                secret: SecretSource::File("/c/secret-home".into()),
                timeout: Duration::from_secs(90),
                retries: 5,
                zstd_level: 9,
                exclude: vec!["Spam".into()],
                ..Account::new("x.y_z-9".into(), "imap.example.net".into(), "ann".into())
            }
        );
    }

    #[test]
    fn tokens_and_plain_connections_are_taken_where_they_are_allowed() {
        let accounts = parse(FULL).unwrap().accounts;
        let token = SecretSource::Token(Program::Shell("get-token ann".into()));
        assert_eq!(
            (accounts["token"].auth, &accounts["token"].secret),
            (Auth::Xoauth2, &token)
        );
        let lan = &accounts["lan"];
        assert_eq!(
            (lan.tls, lan.port, lan.allow_plaintext),
            (Tls::None, 110, true)
        );
        assert_eq!(lan.secret, SecretSource::Env("LAN_PASSWORD".into()));
        let here = &accounts["here"];
        assert_eq!(
            (here.tls, here.port, here.host.as_str()),
            (Tls::None, 110, "::1")
        );
    }

    #[test]
    fn an_empty_file_is_a_configuration_without_accounts() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn every_auth_has_its_word() {
        for (word, auth) in [
            ("auto", Auth::Auto),
            ("password", Auth::Password),
            ("plain", Auth::Plain),
            ("login", Auth::Login),
            ("scram-sha-256", Auth::ScramSha256),
            ("scram-sha-256-plus", Auth::ScramSha256Plus),
            ("user", Auth::User),
        ] {
            let config = parse(&with(&format!("auth = \"{word}\""))).unwrap();
            assert_eq!(config.accounts["a"].auth, auth);
        }
        for (word, auth) in [
            ("xoauth2", Auth::Xoauth2),
            ("oauthbearer", Auth::Oauthbearer),
        ] {
            let lines = format!("auth = \"{word}\"\ntoken_command = [\"t\"]");
            assert_eq!(parse(&with(&lines)).unwrap().accounts["a"].auth, auth);
        }
    }

    #[test]
    fn the_usual_port_follows_protocol_and_tls() {
        for (protocol, tls, port) in [
            ("pop3", "tls", 995),
            ("pop3", "starttls", 110),
            ("pop3", "none", 110),
            ("imap", "tls", 993),
            ("imap", "starttls", 143),
            ("imap", "none", 143),
            ("auto", "tls", 995),
        ] {
            let lines = format!("protocol = \"{protocol}\"\ntls = \"{tls}\"");
            assert_eq!(
                parse(&with(&lines)).unwrap().accounts["a"].port,
                port,
                "{lines}"
            );
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_known_one() {
        let near = |message: &str, hint: &str| (message.to_owned(), hint.to_owned());
        assert_eq!(
            refusal("[accounts.a]\nhsot = \"x\""),
            near("2:1: unknown field `hsot`", "did you mean \"host\"?")
        );
        assert_eq!(
            refusal("# é\n[default]\n"),
            near("2:2: unknown field `default`", "did you mean \"defaults\"?")
        );
        assert_eq!(
            refusal(&with("purge.keep_newst = 3")),
            near(
                "4:7: unknown field `keep_newst`",
                "did you mean \"keep_newest\"?"
            )
        );
        assert_eq!(
            refusal(&with("tls = \"startls\"")),
            near(
                "4:7: unknown variant `startls`",
                "did you mean \"starttls\"?"
            )
        );
        assert_eq!(
            refusal("hsot = \"x\""),
            near(
                "1:1: unknown field `hsot`",
                "\"host\" belongs in [accounts.NAME]"
            )
        );
        assert_eq!(
            refusal("colour = 1"),
            near(
                "1:1: unknown field `colour`, expected one of `vault`, `defaults`, `accounts`, `retention`, `notify`, `offsite`",
                ""
            )
        );
    }

    #[test]
    fn a_password_in_the_file_is_answered_with_the_right_keys() {
        let (message, hint) = refusal(&with("password = \"hunter2\""));
        assert_eq!(message, "4:1: unknown field `password`");
        assert_eq!(
            hint,
            "the configuration must not contain a password; use password_command or password_file"
        );
    }

    #[test]
    fn a_key_for_a_secret_is_answered_in_any_spelling() {
        for key in [
            "Password",
            "PASS-WORD",
            "imap_password",
            "pwd",
            "\"app-pass\"",
            "client_secret",
        ] {
            let (_, hint) = refusal(&with(&format!("{key} = \"hunter2\"")));
            assert!(
                hint.contains("must not contain a password"),
                "{key}: {hint}"
            );
        }
        let (_, hint) = refusal(&with("pasword_file = \"hunter2\""));
        assert_eq!(hint, "did you mean \"password_file\"?");
    }

    #[test]
    fn an_address_with_a_password_is_not_repeated() {
        for text in [
            "[accounts.\"pop3s://ann:hunter2@pop.example.org\"]",
            "[accounts.\"ann:hunter2@h\"]\nhost = 1",
            "[accounts.a]\n\"imaps://ann:hunter2@h\" = 1",
            "[accounts.a]\n'a`, expected hunter2' = 1",
            "[accounts.a]\nhost = \"ann:hunter2@pop.example.org\"",
            "accounts = \"pop3s://ann:hunter2@pop.example.org\"",
            "\"pop3s://ann:hunter2@pop.example.org\" = {}",
        ] {
            let (message, hint) = refusal(text);
            assert!(
                !message.contains("hunter2") && !hint.contains("hunter2"),
                "{message}"
            );
        }
        let oauth = "token_file = \"f\"\noauth.client_id = \"c\"\noauth.token_url = \"https://a:hunter2@h/\"";
        let (message, hint) = refusal(&with(oauth));
        assert!(
            !message.contains("hunter2") && !hint.contains("hunter2"),
            "{message}"
        );
    }

    #[test]
    fn a_syntax_error_is_one_line_with_its_place() {
        assert_eq!(
            refusal("vault = ").0,
            "1:9: string values must be quoted, expected literal string"
        );
        assert_eq!(refusal("a = 1\na = 2\n").0, "2:1: duplicate key");
        assert_eq!(
            refusal("[accounts.a]\nport = \"x\"").0,
            "2:8: invalid type: string, expected a whole number above 0"
        );
    }

    #[test]
    fn every_refusal_says_where_and_what() {
        let pin = "tls_pin_sha256 is not 64 hexadecimal digits";
        let timeout = "timeout must be from 1 second to 1 hour";
        let program = "is neither a shell command nor a list of strings";
        let host = "host is neither a host name nor an address";
        let user = "user is empty or contains a control character";
        let cases = [
            (
                "[accounts.A]",
                "1:11: \"A\" cannot be the name of an account".into(),
            ),
            (
                "[accounts.\"\"]",
                "1:11: \"\" cannot be the name of an account".into(),
            ),
            (
                "[accounts.\"../x\"]",
                "1:11: \"../x\" cannot be the name of an account".into(),
            ),
            (
                "[accounts.a]\nuser = \"ann\"",
                "1:11: the account a has no host".into(),
            ),
            (
                "[accounts.a]\nhost = \"h\"",
                "1:11: the account a has no user".into(),
            ),
            ("[accounts.a]\nhost = \"\"", format!("2:8: {host}")),
            (
                "[accounts.a]\nhost = \"pop.example.org:995\"",
                format!("2:8: {host}"),
            ),
            (
                "[accounts.a]\nhost = \"ex ample.org\"",
                format!("2:8: {host}"),
            ),
            ("[accounts.a]\nhost = \"[x]\"", format!("2:8: {host}")),
            (
                "[accounts.a]\nhost = \"h\"\nuser = \"\"",
                format!("3:8: {user}"),
            ),
            (
                "[accounts.a]\nhost = \"h\"\nuser = \"a\\r\\nQUIT\"",
                format!("3:8: {user}"),
            ),
            (
                "[defaults]\nhost = \"h\"",
                "2:8: host cannot be a default".into(),
            ),
            (
                "[defaults]\nuser = \"h\"",
                "2:8: user cannot be a default".into(),
            ),
            (
                "[defaults]\npassword_command = \"h\"",
                "2:20: password_command cannot be a default".into(),
            ),
            (
                "[defaults]\npassword_file = \"h\"",
                "2:17: password_file cannot be a default".into(),
            ),
            (
                "[defaults]\npassword_env = \"h\"",
                "2:16: password_env cannot be a default".into(),
            ),
            (
                "[defaults]\ntoken_command = \"h\"",
                "2:17: token_command cannot be a default".into(),
            ),
            (
                "[defaults]\nallow_plaintext = true",
                "2:19: allow_plaintext cannot be a default".into(),
            ),
            (
                "[defaults]\naccept_refused = []",
                "2:18: accept_refused cannot be a default".into(),
            ),
            (
                "[defaults]\naccept_short = []",
                "2:16: accept_short cannot be a default".into(),
            ),
            (
                "[defaults]\npurge = {}",
                "2:9: purge cannot be a default".into(),
            ),
            ("vault = \"\"", "1:9: vault is not a path".into()),
            (
                "vault = \"~bob/mail\"",
                "1:9: vault begins with the home of another user".into(),
            ),
            (&with("tls_pin_sha256 = \"00\""), format!("4:18: {pin}")),
            (
                &with(&format!("tls_pin_sha256 = \"{}\"", "0g".repeat(32))),
                format!("4:18: {pin}"),
            ),
            (
                &with(&format!("tls_pin_sha256 = \"{}\"", "00".repeat(33))),
                format!("4:18: {pin}"),
            ),
            (&with("timeout = 0"), format!("4:11: {timeout}")),
            (&with("timeout = \"61m\""), format!("4:11: {timeout}")),
            (&with("timeout = \"1mo\""), format!("4:11: {timeout}")),
            (&with("timeout = \"60\""), format!("4:11: {timeout}")),
            (&with("timeout = 1.5"), format!("4:11: {timeout}")),
            (&with("timeout = -1"), format!("4:11: {timeout}")),
            (
                &with("port = 0"),
                "4:8: invalid value: integer, expected a whole number above 0".into(),
            ),
            (
                &with("retries = -1"),
                "4:11: retries must be from 0 to 100".into(),
            ),
            (
                &with("zstd_level = 0"),
                "4:14: zstd_level must be from 1 to 9".into(),
            ),
            (
                &with("zstd_level = 10"),
                "4:14: zstd_level must be from 1 to 9".into(),
            ),
            (
                &with("connections = 5"),
                "4:15: connections must be from 1 to 4".into(),
            ),
            (
                &with("purge.older_than = \"soon\""),
                "4:20: older_than is not an age".into(),
            ),
            (
                &with("purge.older_than = \"5m\""),
                "4:20: older_than is not an age".into(),
            ),
            (
                &with("password_command = []"),
                format!("4:20: password_command {program}"),
            ),
            (
                &with("password_command = 5"),
                format!("4:20: password_command {program}"),
            ),
            (
                &with("password_command = \" \""),
                format!("4:20: password_command {program}"),
            ),
            (
                &with("password_command = [\"a\", 5]"),
                format!("4:20: password_command {program}"),
            ),
            (
                &with("password_env = \"hunter2!\""),
                "4:16: password_env is not the name of an environment variable".into(),
            ),
            (
                &with("password_env = \"X\"\npassword_file = \"f\""),
                "4:16: password_file and password_env cannot both be set".into(),
            ),
            (
                &with("password_env = \"X\"\ntoken_command = \"f\"\nauth = \"xoauth2\""),
                "5:17: password_env and token_command cannot both be set".into(),
            ),
            (
                &with("token_command = \"t\""),
                "4:17: token_command needs an auth that uses a token".into(),
            ),
            (
                &with("auth = \"xoauth2\""),
                "1:11: the auth of a uses a token, but there is no token_command".into(),
            ),
            (
                &with("auth = \"oauthbearer\"\npassword_env = \"X\""),
                "1:11: the auth of a uses a token, but there is no token_command".into(),
            ),
        ];
        for (text, message) in cases {
            let message: String = message;
            assert_eq!(refusal(text).0, message, "{text}");
        }
    }

    #[test]
    fn a_plain_connection_to_another_machine_is_refused_unless_the_account_allows_it() {
        let text = |more: &str| {
            format!(
                "[defaults]\ntls = \"none\"\n[accounts.a]\nhost = \"pop.example.org\"\n\
                 user = \"ann\"\n{more}"
            )
        };
        assert_eq!(
            refusal(&text("")),
            (
                "2:7: tls = \"none\" would send the password and all mail to pop.example.org \
                 unencrypted"
                    .into(),
                "use \"tls\" or \"starttls\"; if you must, add allow_plaintext = true to the \
                 account"
                    .into()
            )
        );
        assert!(parse(&text("allow_plaintext = false")).is_err());
        assert_eq!(
            parse(&text("allow_plaintext = true")).unwrap().accounts["a"].tls,
            Tls::None
        );
        assert_eq!(
            parse(&text("tls = \"tls\"")).unwrap().accounts["a"].tls,
            Tls::Tls
        );
    }

    #[test]
    fn a_tilde_needs_a_home() {
        let error = Config::parse("vault = \"~/mail\"", Path::new("m.toml"), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "m.toml:1:9: vault begins with \"~\", but no home directory is known"
        );
        let config = Config::parse("vault = \"mail\"", Path::new("m.toml"), None).unwrap();
        assert_eq!(config.vault, Some("mail".into()));
    }

    #[test]
    fn a_file_is_read_only_if_nobody_else_can_change_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let shown = path.display();
        let message = || Config::read(&path, None).unwrap_err().to_string();
        assert_eq!(message(), format!("no configuration at {shown}"));
        fs::write(&path, "vault = \"mail\"").unwrap();
        for mode in [0o664, 0o602, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                message(),
                format!("{shown} can be changed by others (mode {mode:o})")
            );
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let config = Config::read(&path, None).unwrap();
        assert_eq!(config.vault, Some(folder.path().join("mail")));
        fs::write(&path, b"# ok\n# \xe9\n").unwrap();
        assert_eq!(message(), format!("{shown}:2:3: not UTF-8"));
    }

    #[test]
    fn a_folder_is_no_configuration() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let message = Config::read(folder.path(), None).unwrap_err().to_string();
        let start = format!(
            "cannot read the configuration {}: ",
            folder.path().display()
        );
        assert!(message.starts_with(&start), "{message}");
    }

    #[test]
    fn a_name_has_up_to_64_characters() {
        assert!(is_account_name(&"a".repeat(64)));
        assert!(!is_account_name(&"a".repeat(65)));
        for name in ["", ".a", "-a", "_a", "a b", "aB", "a/b", "é"] {
            assert!(!is_account_name(name), "{name:?}");
        }
    }

    /// The same digits as far as they are octal, and at least four.
    fn octal(digits: &str) -> String {
        let digits = digits.bytes().map(|byte| char::from(b'1' + byte % 7));
        digits.take(20).collect()
    }

    fn binary(digits: &str) -> String {
        // Long enough to be found nowhere else.
        let digits = digits.bytes().map(|byte| char::from(b'0' + byte % 2));
        format!("1101011100{}", digits.take(50).collect::<String>())
    }

    #[test]
    fn a_number_as_a_secret_is_not_repeated_and_kinds_have_plain_names() {
        for (value, kind) in [
            ("123456789012345678901234567890", "integer"),
            ("0x7fffffffffffffffffff", "integer"),
            ("4711471147114711", "integer"),
            ("47114711.25", "float"),
            ("true", "boolean"),
            ("[4711]", "list"),
            ("{ x = 4711 }", "table"),
        ] {
            let error = parse(&format!("[accounts.a]\nhost = \"h\"\nuser = {value}\n"));
            let said = error.unwrap_err().to_string();
            assert!(
                said.ends_with(&format!("invalid type: {kind}, expected a string")),
                "{said}"
            );
        }
        for (text, expected) in [
            ("accounts = 4711", "invalid type: integer, expected a table"),
            (
                "[accounts]\na = 4711",
                "invalid type: integer, expected a table",
            ),
            (
                "[accounts.a]\nport = 70000",
                "invalid value: integer, expected a whole number above 0",
            ),
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.ends_with(expected), "{said}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_configuration_or_an_error(text in "(\\PC|\n)*") {
            assert_any(&text);
        }

        #[test]
        fn any_value_of_any_key_is_taken_or_refused(
            key in "protocol|host|port|tls|tls_pin_sha256|user|auth|password_command|timeout\
                    |retries|zstd_level|purge|purge.older_than|password_env|token_command|x",
            value in "-?[0-9]{1,25}|\"[^\"\\\\\n]{0,8}\"|\\[\\]|\\[\"[a-z]*\"\\]|true|\\{\\}|\\PC{0,9}",
        ) {
            assert_any(&format!("[accounts.a]\nhost = \"h\"\nuser = \"u\"\n{key} = {value}"));
        }

        #[test]
        fn a_secret_in_the_wrong_place_is_not_repeated(
            table in prop::sample::select(vec![
                "", "defaults.", "accounts.", "accounts.a.", "accounts.a.purge.", "accounts.a.oauth.",
            ]),
            key in "[a-z]{1,4}_?(pass|Password|PASSWD|secret|tok-?en)[a-z0-9_]{0,4}|password|token\
                    |protocol|host|port|imap_port|tls|tls_ca_file|tls_pin_sha256|allow_plaintext|auth\
                    |password_command|password_file|password_env|password_keyring|token_command\
                    |token_file|oauth|timeout|retries|dedupe|recognise|zstd_level|connections|folders\
                    |pull|accept_refused|purge|vault|defaults|accounts|a|older_than|keep_newest",
            secret in "[A-Za-z0-9]{9,14}",
            number in "[1-9][0-9]{5,50}",
            form in 0..18_usize,
        ) {
            let digits: String = secret.bytes().map(|byte| char::from(b'1' + byte % 9)).collect();
            let value = [
                format!("\"{secret}\""), format!("'{secret}'"), format!("\"\"\"\n{secret}\"\"\""),
                format!("\"a\\n`{secret}\""), format!("[\"{secret}\"]"), format!("{{ x = \"{secret}\" }}"),
                secret.clone(), format!("\"{secret}"), digits.clone(), format!("{digits}.5"),
                format!("[{digits}]"), format!("\"pop3s://ann:{secret}@pop.example.org\""),
                number.clone(), format!("-{number}"), format!("{number}.25"),
                format!("0x{digits}"), format!("0o{}", octal(&number)), format!("0b{}", binary(&number)),
            ][form]
                .clone();
            let text = format!("{table}{key} = {value}\n");
            if let Err(error) = parse(&text) {
                let said = match &error {
                    Error::ConfigLine { message, hint, excerpt } => {
                        format!("{message} {hint:?} {excerpt:?}")
                    }
                    other => other.to_string(),
                };
                prop_assert!(!said.contains(&secret) && !said.contains(&digits), "{} {}", text, said);
                // As it is written, and with ten digits; a short number may stand there by chance.
                let value = value.trim_start_matches("0x").trim_start_matches("0o").trim_start_matches("0b");
                let tells = |radix| i128::from_str_radix(value, radix).is_ok_and(|n| n.abs() > 99_999 && said.contains(&n.to_string()));
                let is_number = form >= 12;
                prop_assert!(!(is_number && (said.contains(value) || said.contains(&number))), "{} {}", text, said);
                prop_assert!(!(is_number && [2, 8, 10, 16].into_iter().any(tells)), "{} {}", text, said);
            }
        }

        #[test]
        fn a_broken_sample_never_panics(cut in 0..FULL.len(), junk in "\\PC{0,3}") {
            let mut text = FULL.to_owned();
            text.replace_range(cut..=cut, &junk);
            assert_any(&text);
        }
    }
}
