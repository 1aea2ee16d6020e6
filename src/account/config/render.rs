//! Accounts as TOML, the way back from [`super::schema`].

use std::fmt::{Display, Write as _};
use std::path::Path;

use toml::Value;

use super::{
    Account, AuditScope, Auth, Dedupe, Notify, OffsiteSettings, PlaceUrl, Protocol, Recognise,
    Retention, Tls, usual_port,
};
use crate::base::secret::{KeySource, Program, SecretSource};

/// What stands in the place of what may hold a secret.
const HIDDEN: &str = "****";

pub(super) fn table(account: &Account, home: Option<&Path>) -> String {
    let mut table = Table::new(&account.name);
    table.identity(account, home);
    table.secret(&account.secret, home, false);
    table.oauth(account, home);
    table.text
}

pub(super) fn effective(account: &Account, home: Option<&Path>) -> String {
    let mut table = Table::new(&account.name);
    table.identity(account, home);
    if account.auth == Auth::Auto {
        table.string("auth", "auto");
    }
    table.secret(&account.secret, home, true);
    table.plain("allow_plaintext", account.allow_plaintext);
    table.string("timeout", &format!("{}s", account.timeout.as_secs()));
    table.plain("retries", account.retries);
    let dedupe = match account.dedupe {
        Dedupe::MessageId => "message-id",
        Dedupe::Exact => "exact",
    };
    table.string("dedupe", dedupe);
    let recognise = match account.recognise {
        Recognise::Never => "never",
        Recognise::Header => "header",
    };
    table.string("recognise", recognise);
    table.plain("zstd_level", account.zstd_level);
    if account.protocol == Protocol::Imap {
        table.plain("connections", account.connections);
        table.list("folders", &account.folders);
        table.list("exclude", &account.exclude);
    }
    table.plain("pull", account.pull);
    if !account.accept_refused.is_empty() {
        table.list("accept_refused", &account.accept_refused);
    }
    if !account.accept_short.is_empty() {
        table.list("accept_short", &account.accept_short);
    }
    let covers = match account.covers {
        AuditScope::Account => "account",
        AuditScope::Inbox => "inbox",
    };
    table.string("covers", covers);
    table.oauth(account, home);
    let purge = &account.purge;
    if *purge != super::Purge::default() {
        let _ = write!(table.text, "\n[accounts.{}.purge]\n", key(&account.name));
        if let Some(age) = purge.older_than {
            table.string("older_than", &format!("{}s", age.as_secs()));
        }
        if let Some(newest) = purge.keep_newest {
            table.plain("keep_newest", newest);
        }
        if let Some(place) = &purge.require_offsite {
            table.string("require_offsite", place);
        }
        table.list("keep", &purge.keep);
    }
    table.text
}

/// The table of retention; nothing if there is none.
pub(super) fn retention(retention: &Retention) -> String {
    if *retention == Retention::default() {
        return String::new();
    }
    let mut table = Table {
        text: "[retention]\n".to_owned(),
    };
    table.list("keep", &retention.keep);
    for rule in &retention.forget_after {
        table.text.push_str("\n[[retention.forget_after]]\n");
        table.string("query", &rule.query);
        table.string("age", &rule.age_text);
    }
    table.text
}

pub(super) fn notify(notify: &Notify) -> String {
    let mut table = Table {
        text: String::new(),
    };
    let commands = [
        ("on_failure", &notify.on_failure),
        ("on_recovery", &notify.on_recovery),
    ];
    for (key, program) in commands {
        if let Some(program) = program {
            table.program(key, program, true);
        }
    }
    if let Some(ping) = &notify.ping {
        table.string("ping", &format!("{}/{HIDDEN}", ping.server()));
    }
    if table.text.is_empty() {
        return table.text;
    }
    format!("[notify]\n{}", table.text)
}

/// The table of a place of a second copy.
pub(super) fn offsite(place: &OffsiteSettings, home: Option<&Path>) -> String {
    let mut table = Table {
        text: format!("[offsite.{}]\n", key(&place.name)),
    };
    table.string("url", &place.url.to_string());
    if let PlaceUrl::S3 { .. } = place.url {
        if let Some(endpoint) = &place.endpoint {
            table.string("endpoint", endpoint);
        }
        table.string("region", &place.region);
        table.plain("path_style", place.path_style);
        match &place.credentials {
            KeySource::Command(program) => table.program("credentials_command", program, true),
            KeySource::File(path) => table.path("credentials_file", path, home),
            KeySource::Variables => {}
        }
        if let Some(path) = &place.ca_file {
            table.path("ca_file", path, home);
        }
    }
    table.list("recipients", &place.recipients);
    if let Some(rate) = place.limit_rate {
        table.string("limit_rate", &rate.to_string());
    }
    table.text
}

struct Table {
    text: String,
}

impl Table {
    fn new(name: &str) -> Self {
        Self {
            text: format!("[accounts.{}]\n", key(name)),
        }
    }

    fn plain(&mut self, key: &str, value: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{key} = {value}");
    }

    fn string(&mut self, key: &str, value: &str) {
        self.plain(key, Value::String(value.to_owned()));
    }

    fn list(&mut self, key: &str, values: &[String]) {
        let values = values.iter().cloned().map(Value::String).collect();
        self.plain(key, Value::Array(values));
    }

    fn path(&mut self, key: &str, path: &Path, home: Option<&Path>) {
        let below = home.and_then(|home| path.strip_prefix(home).ok());
        let text = match below {
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        };
        self.string(key, &text);
    }

    fn identity(&mut self, account: &Account, home: Option<&Path>) {
        let protocol = match account.protocol {
            Protocol::Pop3 => "pop3",
            Protocol::Imap => "imap",
            Protocol::Auto => "auto",
        };
        let tls = match account.tls {
            Tls::Tls => "tls",
            Tls::StartTls => "starttls",
            Tls::None => "none",
        };
        if let Some(stored) = &account.stored_as {
            self.string("stored_as", stored);
        }
        self.string("protocol", protocol);
        self.string("host", &account.host);
        self.plain("port", account.port);
        let usual = usual_port(Protocol::Imap, account.tls);
        if account.protocol == Protocol::Auto && account.imap_port != usual {
            self.plain("imap_port", account.imap_port);
        }
        self.string("tls", tls);
        if let Some(file) = &account.tls_ca_file {
            self.path("tls_ca_file", file, home);
        }
        if let Some(pin) = account.tls_pin_sha256 {
            let pin: Vec<String> = pin.iter().map(|byte| format!("{byte:02X}")).collect();
            self.string("tls_pin_sha256", &pin.join(":"));
        }
        self.string("user", &account.user);
        let auth = match account.auth {
            Auth::Auto => return,
            Auth::Password => "password",
            Auth::Plain => "plain",
            Auth::Login => "login",
            Auth::ScramSha256 => "scram-sha-256",
            Auth::ScramSha256Plus => "scram-sha-256-plus",
            Auth::User => "user",
            Auth::Xoauth2 => "xoauth2",
            Auth::Oauthbearer => "oauthbearer",
        };
        self.string("auth", auth);
    }

    fn secret(&mut self, source: &SecretSource, home: Option<&Path>, hide: bool) {
        match source {
            SecretSource::Command(program) => self.program("password_command", program, hide),
            SecretSource::Token(program) => self.program("token_command", program, hide),
            SecretSource::File(path) => self.path("password_file", path, home),
            SecretSource::Env(name) => self.string("password_env", name),
            SecretSource::Keyring => self.plain("password_keyring", true),
            SecretSource::Refresh(path) => self.path("token_file", path, home),
            SecretSource::Unset => {}
        }
    }

    fn oauth(&mut self, account: &Account, home: Option<&Path>) {
        let Some(oauth) = &account.oauth else {
            return;
        };
        let _ = write!(self.text, "\n[accounts.{}.oauth]\n", key(&account.name));
        let texts = [
            ("provider", oauth.provider.as_ref()),
            ("client_id", Some(&oauth.client_id)),
            ("device_url", oauth.device_url.as_ref()),
            ("authorize_url", oauth.authorize_url.as_ref()),
            ("token_url", oauth.token_url.as_ref()),
            ("scope", oauth.scope.as_ref()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                self.string(key, text);
            }
        }
        let files = [
            ("client_secret_file", &oauth.client_secret_file),
            ("ca_file", &oauth.ca_file),
        ];
        for (key, path) in files {
            if let Some(path) = path {
                self.path(key, path, home);
            }
        }
    }

    fn program(&mut self, key: &str, program: &Program, hide: bool) {
        match program {
            Program::Shell(_) if hide => self.string(key, HIDDEN),
            Program::Shell(line) => self.string(key, line),
            Program::Argv(words) if hide => {
                let name = words.first().cloned().unwrap_or_default();
                self.list(key, &[name, HIDDEN.to_owned()]);
            }
            Program::Argv(words) => self.list(key, words),
        }
    }
}

/// A name as a key; a dot would make two of it.
pub(super) fn key(name: &str) -> String {
    if name.contains('.') {
        Value::String(name.to_owned()).to_string()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::account::config::{Config, Purge};
    use proptest::prelude::*;
    use std::time::Duration;

    const HOME: &str = "/home/ann";

    fn parsed(text: &str) -> Account {
        let path = Path::new("/c/m.toml");
        let config = Config::parse(text, path, Some(Path::new(HOME))).unwrap();
        config.accounts.into_values().next().unwrap()
    }

    fn account() -> Account {
        Account {
            protocol: Protocol::Imap,
            port: 993,
            secret: SecretSource::File("/home/ann/.config/mailvault/secret-work".into()),
            ..Account::new("work".into(), "imap.example.org".into(), "ann".into())
        }
    }

    #[test]
    fn a_table_says_what_tells_an_account_from_others() {
        assert_eq!(
            account().to_table(Some(Path::new(HOME))),
            "[accounts.work]\nprotocol = \"imap\"\nhost = \"imap.example.org\"\nport = 993\n\
             tls = \"tls\"\nuser = \"ann\"\n\
             password_file = \"~/.config/mailvault/secret-work\"\n"
        );
    }

    #[test]
    fn what_may_hold_a_secret_is_not_shown() {
        let mut account = account();
        let words = ["curl", "-u", "ann:hunter2"].map(String::from).to_vec();
        for program in [
            Program::Argv(words),
            Program::Shell("echo hunter2".to_owned()),
        ] {
            account.secret = SecretSource::Command(program);
            let shown = account.to_effective(None);
            assert!(shown.contains("password_command"), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn effective_settings_are_a_configuration_of_the_same_account() {
        let full = Account {
            stored_as: Some("old".into()),
            timeout: Duration::from_secs(90),
            retries: 0,
            dedupe: Dedupe::Exact,
            recognise: Recognise::Header,
            exclude: vec!["[Gmail]/Spam".into()],
            pull: false,
            accept_refused: vec!["0a1b".into()],
            accept_short: vec!["0a1c".into()],
            covers: AuditScope::Inbox,
            tls_pin_sha256: Some([7; 32]),
            purge: Purge {
                older_than: Some(Duration::from_secs(90 * 86_400)),
                keep_newest: Some(3),
                require_offsite: None,
                keep: vec!["from:bank.example".into()],
            },
            ..account()
        };
        assert_eq!(parsed(&full.to_effective(Some(Path::new(HOME)))), full);
    }

    #[cfg(feature = "offsite")]
    #[test]
    fn the_table_of_a_second_copy_is_a_configuration_of_the_same_place() {
        let path = Path::new("/c/m.toml");
        let text = "[offsite.b2]\nurl = \"s3://bucket/mail\"\nendpoint = \"https://s3.example.net\"\n\
                    region = \"eu-central-1\"\ncredentials_file = \"~/b2\"\nrecipients = [\"age1abc\"]\n\
                    limit_rate = \"5M\"\n[offsite.disk]\nurl = \"file:///mnt/my disk\"\nrecipients = [\"age1c\"]";
        let home = Some(Path::new("/h"));
        let config = Config::parse(text, path, home).unwrap();
        let tables = config.offsite_tables(home);
        let again: String = tables.into_iter().map(|(_, table)| table + "\n").collect();
        assert_eq!(
            Config::parse(&again, path, home).unwrap(),
            config,
            "{again}"
        );
    }

    #[test]
    fn the_table_of_retention_is_a_configuration_of_the_same_rules() {
        let text = "[retention]\nkeep = [\"folder:Tax\"]\n\
                    forget_after = [{ query = \"from:\\\"a b\\\"\", age = \"3mo\" }, \
                    { age = \"1y\", query = \"x\" }]";
        let path = Path::new("/c/m.toml");
        let config = Config::parse(text, path, None).unwrap();
        let rules: Vec<_> = config.retention.forget_after.iter().collect();
        assert_eq!(rules[0].query, "from:\"a b\"");
        assert_eq!(rules[0].age, Duration::from_secs(90 * 86_400));
        assert_eq!((config.retention.keep.len(), rules.len()), (1, 2));
        let again = Config::parse(&config.retention_table(), path, None).unwrap();
        assert_eq!(again, config);
        assert_eq!(Config::default().retention_table(), "");
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(
            name in "[a-z0-9][a-z0-9._-]{0,12}", user in "\\PC{1,30}", line in "\\PC{1,30}",
        ) {
            let account = Account {
                name,
                user,
                port: usual_port(Protocol::Pop3, Tls::StartTls),
                imap_port: usual_port(Protocol::Imap, Tls::StartTls),
                tls: Tls::StartTls,
                protocol: Protocol::Pop3,
                secret: SecretSource::Command(Program::Shell(line)),
                ..account()
            };
            let path = Path::new("/c/m.toml");
            // Blank users and commands are refused, others come back as they were.
            if let Ok(config) = Config::parse(&account.to_table(None), path, None) {
                prop_assert_eq!(config.accounts.into_values().next(), Some(account));
            }
        }
    }
}
