//! A configuration file whose accounts are renamed, removed, or left out of pulls. What is decided
//! is the text of a new file; replacing the old one by it is one rename.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error as Typed;

use super::config::{Account, Config, edit, is_account_name};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::vault::layout::Layout;

/// The file, as it was read.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    home: Option<PathBuf>,
    text: String,
    config: Config,
}

/// Why an account cannot be changed as asked.
#[derive(Debug, Typed)]
pub enum AccountFault {
    /// Neither the configuration nor the vault has an account of this name.
    #[error("no account is called \"{0}\"")]
    Unknown(String),
    /// The account has another name now.
    #[error("no account is called \"{old}\" any more")]
    Renamed {
        /// The name that was given.
        old: String,
        /// The account's name.
        name: String,
    },
    /// No account can have this name.
    #[error("\"{0}\" cannot be the name of an account")]
    NotAName(String),
    /// Another account of the configuration has this name, there or in the vault.
    #[error("there is already an account called {0}")]
    Taken(String),
    /// The vault has mail of an account that was called so.
    #[error("the vault already has an account called {0}")]
    InVault(String),
    /// The account is not written as a table of its own.
    #[error("the account {0} is not in a table of its own")]
    Form(String),
    /// Something else failed.
    #[error(transparent)]
    Other(#[from] Error),
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn read(path: &Path, home: Option<&Path>) -> Result<Self> {
        let config = Config::read(path, home)?;
        let path = fsx::resolve(path);
        let text = read_text(&path)?;
        Ok(Self {
            config,
            text,
            path,
            home: home.map(Path::to_path_buf),
        })
    }

    /// What it says.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The text in which the account `old` is called `new`. The vault keeps the name that it has.
    /// If `new` is in the configuration already and has no mail, `old` is what the vault has of it.
    pub fn rename(&self, vault: &Path, old: &str, new: &str) -> Result<String, AccountFault> {
        if !is_account_name(new) {
            return Err(AccountFault::NotAName(new.to_owned()));
        }
        let in_vault = |name: &str| fsx::is_dir(&Layout::new(vault).mail_dir().join(name));
        let accounts = &self.config.accounts;
        let Some(account) = accounts.get(old) else {
            let taken = accounts.get(new).filter(|new| new.stored_as.is_none());
            return match taken {
                Some(_) if !is_account_name(old) || !in_vault(old)? => Err(self.unknown(old)),
                Some(_) if self.config.names().is_configured(old) => Err(self.unknown(old)),
                Some(_) if in_vault(new)? => Err(AccountFault::InVault(new.to_owned())),
                Some(_) => self.stored_as(&self.text, new, new, Some(old)),
                None => Err(self.unknown(old)),
            };
        };
        let stored = account.vault_name();
        let taken = accounts.values().filter(|other| other.name != old);
        let is_taken = |other: &Account| other.name == new || other.vault_name() == new;
        if new == old || { taken }.any(is_taken) {
            return Err(AccountFault::Taken(new.to_owned()));
        }
        if new != stored && in_vault(new)? {
            return Err(AccountFault::InVault(new.to_owned()));
        }
        let text = edit::rename(&self.text, old, new);
        let text = text.ok_or_else(|| AccountFault::Form(old.to_owned()))?;
        self.stored_as(
            &text,
            old,
            new,
            Some(stored).filter(|stored| *stored != new),
        )
    }

    /// The text, in which the account `from` is called `name` already, with its name in the vault.
    fn stored_as(
        &self,
        text: &str,
        from: &str,
        name: &str,
        stored: Option<&str>,
    ) -> Result<String, AccountFault> {
        let value = stored.map(|stored| format!("\"{stored}\""));
        let text = edit::set(text, name, "stored_as", value.as_deref());
        let text = text.ok_or_else(|| AccountFault::Form(name.to_owned()))?;
        self.checked(text, name, |accounts| {
            let account = accounts.remove(from)?;
            Some(Account {
                name: name.to_owned(),
                stored_as: stored.map(str::to_owned),
                ..account
            })
        })
    }

    /// The text in which an account is, or is not, one of those that a pull without names
    /// fetches; `None` if it is so already.
    pub fn enable(&self, name: &str, enabled: bool) -> Result<Option<String>, AccountFault> {
        let account = self.config.accounts.get(name);
        let account = account.ok_or_else(|| self.unknown(name))?;
        if account.pull == enabled {
            return Ok(None);
        }
        let without = edit::set(&self.text, name, "pull", None);
        let with = || edit::set(&self.text, name, "pull", Some(&enabled.to_string()));
        // The key goes if what is without it is meant.
        let parsed = without.filter(|text| {
            let config = Config::parse(text, &self.path, self.home.as_deref());
            config.is_ok_and(|config| config.accounts.get(name).is_some_and(|a| a.pull == enabled))
        });
        let text = parsed.or_else(with);
        let text = text.ok_or_else(|| AccountFault::Form(name.to_owned()))?;
        let wanted = |accounts: &mut Accounts| {
            let account = accounts.remove(name)?;
            Some(Account {
                pull: enabled,
                ..account
            })
        };
        self.checked(text, name, wanted).map(Some)
    }

    /// The text without an account.
    pub fn remove(&self, name: &str) -> Result<String, AccountFault> {
        if !self.config.accounts.contains_key(name) {
            return Err(self.unknown(name));
        }
        let text = edit::remove(&self.text, name);
        let text = text.ok_or_else(|| AccountFault::Form(name.to_owned()))?;
        self.checked(text, name, |accounts| {
            accounts.remove(name);
            None
        })
    }

    /// Replaces the file, unless somebody else has changed it.
    pub fn write(&self, text: &str) -> Result<()> {
        replace(&self.path, &self.text, text)
    }

    fn unknown(&self, name: &str) -> AccountFault {
        let names = self.config.names();
        if names.shown(name) == name {
            AccountFault::Unknown(name.to_owned())
        } else {
            AccountFault::Renamed {
                old: name.to_owned(),
                name: names.shown(name).to_owned(),
            }
        }
    }

    /// A new text, if it says of the account `name` what `change` makes of the accounts, and of
    /// all others what the old one says.
    fn checked(
        &self,
        text: String,
        name: &str,
        change: impl FnOnce(&mut Accounts) -> Option<Account>,
    ) -> Result<String, AccountFault> {
        let mut wanted = self.config.clone();
        if let Some(account) = change(&mut wanted.accounts) {
            wanted.accounts.insert(account.name.clone(), account);
        }
        let config = Config::parse(&text, &self.path, self.home.as_deref())?;
        if config == wanted {
            Ok(text)
        } else {
            Err(AccountFault::Form(name.to_owned()))
        }
    }
}

type Accounts = std::collections::BTreeMap<String, Account>;

/// A file that a person changes with an editor; what it says may be wrong.
#[derive(Debug)]
pub struct ConfigDraft {
    path: PathBuf,
    home: Option<PathBuf>,
    text: String,
}

impl ConfigDraft {
    /// Reads a file.
    pub fn read(path: &Path, home: Option<&Path>) -> Result<Self> {
        let path = fsx::resolve(path);
        Ok(Self {
            text: read_text(&path)?,
            path,
            home: home.map(Path::to_path_buf),
        })
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Replaces the file by a text that is a configuration, unless somebody else has changed it.
    ///
    /// # Errors
    /// What is wrong with the text, with its place; then the file is as it was.
    pub fn replace(&self, text: &str) -> Result<Config> {
        let config = Config::parse(text, &self.path, self.home.as_deref())?;
        replace(&self.path, &self.text, text)?;
        Ok(config)
    }
}

/// Replaces a file whose text is `old`.
fn replace(path: &Path, old: &str, new: &str) -> Result<()> {
    let meta = std::fs::metadata(path).map_err(|e| Error::file("look at", path, e))?;
    let refused = |kind| Err(Error::file("write to", path, io::Error::from(kind)));
    if meta.mode() & 0o200 == 0 {
        return refused(io::ErrorKind::PermissionDenied);
    }
    if read_text(path)? != old {
        return Err(Error::Config {
            message: format!("{} was changed meanwhile", path.display()),
            hint: Some("do this again".to_owned()),
        });
    }
    fsx::rewrite_durably(path, new.as_bytes())
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| Error::file("read", path, e))
}
