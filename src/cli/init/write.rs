//! What is written, where, and in which order: nothing that is there is changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mailvault::account::config::{Account, Config, is_account_name};
use mailvault::base::error::{Error, Result};
use mailvault::base::fsx;
use mailvault::base::secret::Secret;
use mailvault::vault::Writer;

use super::super::report::Failure;
use super::super::settings::shown;
use super::name_of;

/// The configuration as it is, and what is to be added.
pub(super) struct InitPlan {
    path: PathBuf,
    home: Option<PathBuf>,
    /// What the file holds now, if there is one.
    text: Option<String>,
    config: Config,
    vault: Option<PathBuf>,
}

impl InitPlan {
    pub(super) fn read(path: PathBuf, home: Option<PathBuf>) -> Result<Self> {
        let (text, config) = match std::fs::read_to_string(&path) {
            Ok(text) => (Some(text), Config::read(&path, home.as_deref())?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (None, Config::default()),
            Err(error) => return Err(Error::file("read", &path, error)),
        };
        Ok(Self {
            path,
            home,
            text,
            config,
            vault: None,
        })
    }

    pub(super) fn exists(&self) -> bool {
        self.text.is_some()
    }

    pub(super) fn path(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// A new file can say where the vault is; an old one has its own opinion.
    pub(super) fn takes_vault(&self) -> bool {
        self.text.is_none()
    }

    /// A vault that is asked for, but that the file there would not mean, is an error.
    pub(super) fn check_vault(&self, path: Option<&Path>) -> Result<(), Failure> {
        let (Some(path), false) = (path, self.takes_vault()) else {
            return Ok(());
        };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        if self.config.vault.as_ref() == Some(&path) {
            return Ok(());
        }
        let file = shown(&self.path, self.home.as_deref());
        let line = toml::Value::String(shown(&path, self.home.as_deref()));
        let hint = match &self.config.vault {
            Some(_) => format!("leave out --vault, or change its line to vault = {line}"),
            None => format!("leave out --vault, or add as its first line: vault = {line}"),
        };
        Err(Failure::usage(
            format!("{file} already exists, and uses another vault"),
            hint,
        ))
    }

    pub(super) fn choose_vault(&mut self, path: Option<&Path>) {
        if let Some(path) = path
            && self.takes_vault()
        {
            self.vault = Some(std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()));
        }
    }

    pub(super) fn check_name(&self, name: &str) -> Result<(), Failure> {
        if !is_account_name(name) {
            return Err(Failure::usage(
                format!("\"{name}\" cannot be the name of an account"),
                "up to 64 of a-z 0-9 . _ - are allowed, the first a letter or digit",
            ));
        }
        if self.config.names().is_configured(name) || self.accounts().contains_key(name) {
            return Err(Failure::usage(
                format!("there is already an account called {name}"),
                "choose another name with --name; 'mailvault login' changes its password",
            ));
        }
        Ok(())
    }

    /// A name made of the address's domain that is still free.
    pub(super) fn usual_name(&self, email: Option<&str>, host: &str) -> String {
        let domain = email
            .and_then(|email| email.rsplit_once('@'))
            .map_or(host, |(_, domain)| domain);
        let name = name_of(domain.split('.').next().unwrap_or_default());
        let names = self.config.names();
        let taken = |name: &str| self.accounts().contains_key(name) || names.is_configured(name);
        let mut numbered = (2..).map(|n| format!("{name}-{n}"));
        if taken(&name) {
            numbered.find(|name| !taken(name)).unwrap_or(name)
        } else {
            name
        }
    }

    fn accounts(&self) -> &BTreeMap<String, Account> {
        &self.config.accounts
    }

    /// What is to be added: the whole of a new file, or a table.
    pub(super) fn text(&self, account: &Account, pin: Option<&str>) -> Result<String> {
        let mut text = String::new();
        if self.text.is_none() {
            text.push_str("# Check it after a change: mailvault config check\n\n");
            if let Some(vault) = &self.vault {
                let vault = toml::Value::String(shown(vault, self.home.as_deref()));
                // Writing to a string does not fail.
                let _ = write!(text, "vault = {vault}\n\n");
            }
        }
        let table = account.to_table(self.home.as_deref());
        // The account's own keys come before the table inside it.
        let (keys, inner) = table.split_at(table.find("\n\n[").map_or(table.len(), |at| at + 1));
        text.push_str(keys);
        if let Some(pin) = pin {
            let pin = toml::Value::String(pin.to_owned());
            let _ = writeln!(text, "tls_pin_sha256 = {pin}");
        }
        text.push_str(inner);
        self.parse(&text)?;
        Ok(text)
    }

    /// The account as the whole configuration will mean it.
    pub(super) fn parsed(&self, account: &Account, pin: Option<&str>) -> Result<Account> {
        let text = self.text(account, pin)?;
        let parsed = self.parse(&text)?.accounts.remove(&account.name);
        parsed.ok_or_else(|| Error::Config {
            message: format!("{} cannot be added to", self.path.display()),
            hint: Some(format!("add this to it yourself:\n{text}")),
        })
    }

    fn parse(&self, added: &str) -> Result<Config> {
        Config::parse(&self.joined(added), &self.path, self.home.as_deref())
    }

    fn joined(&self, added: &str) -> String {
        match &self.text {
            None => added.to_owned(),
            Some(text) => format!("{text}{}{added}", gap(text)),
        }
    }

    /// Secret first, then the configuration that names it, then the vault.
    pub(super) fn write(&self, account: &Account, typed: Option<&Secret>) -> Result<()> {
        let path = &fsx::resolve(&self.path);
        let folder = &fsx::resolve(self.path.parent().unwrap_or(Path::new("/")));
        fsx::create_dir_all_durably(folder)?;
        let secret = folder.join(format!("secret-{}", account.name));
        let added = self.text(account, None)?;
        if let Some(typed) = typed {
            write_new(&secret, &format!("{}\n", typed.expose()))?;
        }
        let written = match &self.text {
            None => write_new(path, &added),
            Some(text) => fsx::append_durably(path, format!("{}{added}", gap(text)).as_bytes()),
        };
        if written.is_err() && typed.is_some() {
            // It was made just now, and nothing names it.
            let _ = fsx::remove(&secret);
        }
        written?;
        match &self.vault {
            // Chosen just now, so that it is no disk that happens not to be mounted.
            Some(vault) => Writer::create(vault),
            None => Ok(()),
        }
    }
}

/// What keeps an added table apart from the text before it.
fn gap(text: &str) -> &'static str {
    match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    }
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let mut file = fsx::create_new(path)?;
    file.write_all(text.as_bytes())
        .map_err(|error| Error::file("write", path, error))?;
    fsx::sync_file(&file, path)?;
    fsx::sync_dir(path.parent().unwrap_or(Path::new("/")))
}
