//! Flags over environment over configuration over what is built in. The only reader of the
//! environment and of the home directory.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use mailvault::account::config::{Account, Config};
use mailvault::base::error::{Error, Result};
use mailvault::base::secret::{Env, SecretSource};
#[cfg(feature = "offsite")]
use mailvault::base::secret::{KeySource, Secret};
use mailvault::base::suggest;
#[cfg(feature = "offsite")]
use mailvault::offsite::place::HttpsProxy;
use mailvault::vault::Vault;
use mailvault::vault::layout::Layout;

use super::args::{Global, When};

/// The configuration below a configuration directory.
const FILE: &str = "mailvault/config.toml";
/// The configuration of the machine.
const SYSTEM: &str = "/etc/mailvault/config.toml";

/// What the environment says about terminals.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own.
pub(crate) struct Surroundings {
    pub(crate) no_color: bool,
    pub(crate) color_forced: bool,
    /// The terminal knows no control sequences.
    pub(crate) dumb: bool,
    /// It shows more than ASCII.
    pub(crate) utf8: bool,
    /// So many columns are asked for.
    pub(crate) columns: Option<usize>,
}

impl Surroundings {
    pub(crate) fn read() -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let locale = locale.unwrap_or_default().to_string_lossy().to_lowercase();
        Self {
            no_color: set("NO_COLOR").is_some(),
            color_forced: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb: set("TERM").is_none_or(|term| term == "dumb"),
            utf8: locale.contains("utf-8") || locale.contains("utf8"),
            columns: set("COLUMNS").and_then(|columns| columns.to_str()?.parse().ok()),
        }
    }
}

/// What the environment says about pagers.
#[derive(Debug, Default)]
pub(crate) struct Pagers {
    /// `MAILVAULT_PAGER`, which may be empty.
    pub(crate) own: Option<OsString>,
    /// PAGER, which may be empty.
    pub(crate) usual: Option<OsString>,
    /// PATH.
    pub(crate) path: Option<OsString>,
    /// LESS says how `less` behaves.
    pub(crate) less_is_set: bool,
}

impl Pagers {
    pub(crate) fn read() -> Self {
        Self {
            own: env::var_os("MAILVAULT_PAGER"),
            usual: env::var_os("PAGER"),
            path: env::var_os("PATH"),
            less_is_set: env::var_os("LESS").is_some(),
        }
    }

    /// The one that counts.
    pub(crate) fn named(&self) -> Option<&OsStr> {
        self.own.as_deref().or(self.usual.as_deref())
    }
}

/// A variable that switches something on or off and says neither.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadVariable {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) valid: &'static str,
}

impl Global {
    /// Takes from the environment what no flag says.
    pub(crate) fn complete(&mut self) -> std::result::Result<(), BadVariable> {
        self.complete_from(set)
    }

    fn complete_from(
        &mut self,
        set: impl Fn(&str) -> Option<OsString>,
    ) -> std::result::Result<(), BadVariable> {
        let switch = |name: &'static str| match set(name) {
            None => Ok(false),
            Some(value) => as_switch(name, &value),
        };
        // What is wrong is said, even where a flag makes it useless.
        let quiet = switch("MAILVAULT_QUIET")?;
        let verbose = set("MAILVAULT_VERBOSE").map_or(Ok(0), |value| as_level(&value))?;
        if !self.quiet && self.verbose == 0 {
            (self.quiet, self.verbose) = (quiet, verbose);
        }
        self.json |= switch("MAILVAULT_JSON")?;
        self.no_progress |= switch("MAILVAULT_NO_PROGRESS")?;
        self.no_input |= switch("MAILVAULT_NO_INPUT")?;
        if let Some(value) = set("MAILVAULT_COLOR") {
            let parsed = value
                .to_str()
                .and_then(|text| When::from_str(text, false).ok());
            let parsed = parsed.ok_or_else(|| BadVariable {
                name: "MAILVAULT_COLOR",
                value: value.to_string_lossy().into_owned(),
                valid: "auto, always or never",
            })?;
            self.color = self.color.or(Some(parsed));
        }
        Ok(())
    }
}

/// The editor of the person.
pub(crate) fn editor() -> OsString {
    let editor = ["VISUAL", "EDITOR"].into_iter().find_map(set);
    editor.unwrap_or_else(|| "vi".into())
}

/// The shell that asks how a line goes on.
pub(crate) fn asking_shell() -> Option<OsString> {
    set("MAILVAULT_COMPLETE")
}

/// True if JSON is asked for, as far as that can be understood.
pub(crate) fn wants_json() -> bool {
    const NAME: &str = "MAILVAULT_JSON";
    set(NAME).is_some_and(|value| as_switch(NAME, &value).unwrap_or(false))
}

fn as_switch(name: &'static str, value: &OsStr) -> std::result::Result<bool, BadVariable> {
    match value.to_string_lossy().to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(BadVariable {
            name,
            value: value.to_string_lossy().into_owned(),
            valid: "1 or 0",
        }),
    }
}

fn as_level(value: &OsStr) -> std::result::Result<u8, BadVariable> {
    match value.to_str() {
        Some("0") => Ok(0),
        Some("1") => Ok(1),
        Some("2") => Ok(2),
        _ => Err(BadVariable {
            name: "MAILVAULT_VERBOSE",
            value: value.to_string_lossy().into_owned(),
            valid: "0, 1 or 2",
        }),
    }
}

/// A variable that is set to something.
fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// A directory of the XDG specification, which says to ignore relative ones.
fn xdg(name: &str, home: Option<&Path>, below: &str) -> Option<PathBuf> {
    set(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home?.join(below)))
}

/// Where a new temporary directory may be made.
pub(crate) fn temporary() -> PathBuf {
    env::temp_dir()
}

/// What a command that the demo runs needs of our environment: only how to print.
pub(crate) fn printing() -> Vec<(&'static str, OsString)> {
    const NAMES: [&str; 8] = [
        "TERM",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "LC_ALL",
        "LC_CTYPE",
        "LANG",
        "TZ",
        "COLUMNS",
    ];
    NAMES
        .into_iter()
        .filter_map(|name| Some((name, set(name)?)))
        .collect()
}

/// Everything that is settled before a command begins.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The home directory, for `~`.
    pub(crate) home: Option<PathBuf>,
    /// The configuration; empty if there is none.
    pub(crate) config: Config,
    /// Where it was found.
    pub(crate) file: Option<PathBuf>,
    /// Where the vault is.
    pub(crate) vault: PathBuf,
    /// Nobody said where the vault is: it is in the usual place.
    pub(crate) usual_vault: bool,
    /// Where a configuration of one's own belongs.
    own_file: Option<PathBuf>,
}

/// Where the configuration is, or would be.
#[derive(Debug)]
pub(crate) struct ConfigPlace {
    /// The home directory, for `~`.
    pub(crate) home: Option<PathBuf>,
    /// The file that is read.
    pub(crate) file: Option<PathBuf>,
    /// Where a configuration of one's own belongs.
    pub(crate) own_file: Option<PathBuf>,
}

impl ConfigPlace {
    pub(crate) fn find(global: &Global) -> Result<Self> {
        let home = etcetera::home_dir().ok().filter(|home| home.is_absolute());
        let own_file = xdg("XDG_CONFIG_HOME", home.as_deref(), ".config").map(|dir| dir.join(FILE));
        let named = global
            .config
            .clone()
            .or_else(|| set("MAILVAULT_CONFIG").map(PathBuf::from));
        let (file, own_file) = match named {
            Some(file) => (Some(file.clone()), Some(file)),
            None => (usual_file(own_file.as_deref())?, own_file),
        };
        Ok(Self {
            home,
            file,
            own_file,
        })
    }

    /// Where a new account is written to: never to the file of the machine unasked.
    pub(crate) fn to_write(&self) -> Result<PathBuf> {
        let path = self.own_file.as_deref().ok_or_else(|| Error::Config {
            message: "there is no home directory to keep the configuration in".to_owned(),
            hint: Some("name a file with --config".to_owned()),
        })?;
        std::path::absolute(path).map_err(|error| Error::file("find", path, error))
    }
}

/// A path as people write it: `~` for the home.
pub(crate) fn shown(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// The vault that nobody has to name.
pub(crate) fn usual_vault(home: Option<&Path>) -> Option<PathBuf> {
    Some(xdg("XDG_DATA_HOME", home, ".local/share")?.join("mailvault"))
}

/// Where it is kept between runs that something failed.
pub(crate) fn state_folder(home: Option<&Path>) -> Option<PathBuf> {
    Some(xdg("XDG_STATE_HOME", home, ".local/state")?.join("mailvault"))
}

impl Settings {
    pub(crate) fn load(global: &Global) -> Result<Self> {
        let settings = Self::read(global)?;
        let mail = Layout::new(&settings.vault).mail_dir();
        for (name, stored) in settings.config.names().renamed() {
            // Two accounts would be shown as one.
            if mail.join(name).symlink_metadata().is_ok() {
                return Err(Error::Config {
                    message: format!(
                        "{name} is stored as {stored}, but the vault has another account called \
                         {name}"
                    ),
                    hint: Some(format!(
                        "give it a name that is not in the vault: 'mailvault account rename {name} \
                         NEW'"
                    )),
                });
            }
        }
        Ok(settings)
    }

    /// The same, whatever the vault has.
    pub(crate) fn read(global: &Global) -> Result<Self> {
        let ConfigPlace {
            home,
            file,
            own_file,
        } = ConfigPlace::find(global)?;
        let config = match &file {
            Some(file) => Config::read(file, home.as_deref())?,
            None => Config::default(),
        };
        let chosen = global
            .vault
            .clone()
            .or_else(|| set("MAILVAULT_VAULT").map(PathBuf::from))
            .or_else(|| config.vault.clone());
        let usual_vault = chosen.is_none();
        let vault = chosen
            .or_else(|| self::usual_vault(home.as_deref()))
            .ok_or_else(|| Error::Config {
                message: "there is no home directory to keep the vault in".to_owned(),
                hint: Some("name a place with --vault or MAILVAULT_VAULT".to_owned()),
            })?;
        Ok(Self {
            home,
            config,
            file,
            vault,
            usual_vault,
            own_file,
        })
    }

    /// The accounts to pull: those named, by name or URL, or all with `pull = true`.
    pub(crate) fn accounts(&self, names: &[String]) -> Result<Vec<Account>> {
        let accounts = self.config.accounts.values();
        if names.is_empty() {
            if accounts.len() == 0 {
                return Err(self.unconfigured());
            }
            let all: Vec<_> = accounts.filter(|account| account.pull).cloned().collect();
            if all.is_empty() {
                return Err(Error::Config {
                    message: "every account has pull = false".to_owned(),
                    hint: Some(format!("name the account to pull: {}", self.names())),
                });
            }
            return Ok(all);
        }
        let mut chosen: Vec<Account> = Vec::new();
        for name in names {
            let account = match self.config.accounts.get(name) {
                Some(account) => account.clone(),
                None if name.contains("://") => Account::from_url(name)?,
                None if accounts.len() == 0 => return Err(self.unconfigured()),
                None if self.account_of(name).is_some() => {
                    let shown = self.config.names().shown(name).to_owned();
                    return Err(Error::Config {
                        message: format!("no account is called \"{name}\" any more"),
                        hint: Some(format!("it was renamed to {shown}")),
                    });
                }
                None => {
                    return Err(unknown(
                        name,
                        self.config.accounts.keys().map(String::as_str),
                    ));
                }
            };
            if !chosen.iter().any(|other| other.name == account.name) {
                chosen.push(account);
            }
        }
        Ok(chosen)
    }

    /// The names of all accounts, of the configuration and of the vault.
    pub(crate) fn known_accounts(&self) -> Result<BTreeSet<String>> {
        let stored = self.open_vault()?.status()?.into_iter();
        let stored = stored.map(|status| status.account);
        Ok(self.config.accounts.keys().cloned().chain(stored).collect())
    }

    /// Opens the vault, whose accounts are called as the configuration calls them.
    pub(crate) fn open_vault(&self) -> Result<Vault> {
        Ok(Vault::open(&self.vault)?.with_names(self.config.names()))
    }

    /// The account of the configuration with this name, there or in the vault.
    pub(crate) fn account_of(&self, name: &str) -> Option<&Account> {
        let names = self.config.names();
        self.config.accounts.get(names.shown(names.stored(name)))
    }

    /// Account names, for commands that look at the vault: a URL stands for its name, and the
    /// name that the vault has for that in the configuration.
    pub(crate) fn account_names(&self, names: &[String]) -> Result<Vec<String>> {
        let known = self.config.names();
        let name = |name: &String| {
            if name.contains("://") {
                Ok(Account::from_url(name)?.name)
            } else {
                Ok(known.shown(known.stored(name)).to_owned())
            }
        };
        names.iter().map(name).collect()
    }

    /// What secrets of these accounts may need of the environment.
    pub(crate) fn secret_env<'a>(&self, accounts: impl Iterator<Item = &'a Account>) -> Env {
        secret_env(self.home.clone(), accounts)
    }

    /// A path as people write it: `~` for the home.
    pub(crate) fn shown(&self, path: &Path) -> String {
        shown(path, self.home.as_deref())
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.config.accounts.keys().map(String::as_str).collect();
        names.join(", ")
    }

    pub(crate) fn unconfigured(&self) -> Error {
        let demo = "'mailvault demo' shows it working";
        let (message, hint) = match (&self.file, &self.own_file) {
            (Some(file), _) => (
                "there is no account in the configuration",
                format!("'mailvault init' adds one to {}; {demo}", self.shown(file)),
            ),
            (None, own) => {
                let own = own.iter().map(|own| format!("{}, ", self.shown(own)));
                let looked: String = own.chain([SYSTEM.to_owned()]).collect();
                (
                    "no configuration file found",
                    format!(
                        "run 'mailvault init' to set up an account; {demo}\n(looked for: {looked})"
                    ),
                )
            }
        };
        Error::Config {
            message: message.to_owned(),
            hint: Some(hint),
        }
    }
}

/// What secrets of these accounts may need of the environment.
pub(crate) fn secret_env<'a>(
    home: Option<PathBuf>,
    accounts: impl Iterator<Item = &'a Account>,
) -> Env {
    let named = accounts.filter_map(|account| match &account.secret {
        SecretSource::Env(name) => Some((name.clone(), env::var(name).ok()?)),
        _ => None,
    });
    Env {
        home,
        credentials_directory: set("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        vars: named.collect::<BTreeMap<_, _>>(),
    }
}

/// What the keys of object storage may need of the environment.
#[cfg(feature = "offsite")]
pub(crate) fn storage_env(home: Option<PathBuf>, source: &KeySource) -> Env {
    let named = source.variables().iter();
    let vars = named.filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?)));
    Env {
        home,
        credentials_directory: None,
        vars: vars.collect(),
    }
}

/// The proxy on the way to object storage; programs take both ways of writing it.
#[cfg(feature = "offsite")]
pub(crate) fn https_proxy() -> HttpsProxy {
    let of = |names: [&str; 2]| names.into_iter().find_map(set)?.into_string().ok();
    HttpsProxy {
        proxy: of(["HTTPS_PROXY", "https_proxy"]).map(Secret::new),
        except: of(["NO_PROXY", "no_proxy"]),
    }
}

/// The first of the usual configuration files that is there.
fn usual_file(own: Option<&Path>) -> Result<Option<PathBuf>> {
    for file in own.into_iter().chain([Path::new(SYSTEM)]) {
        match fs::symlink_metadata(file) {
            Ok(_) => return Ok(Some(file.to_path_buf())),
            // A file that may be there but cannot be seen must not be passed over.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(Error::file("look for", file, error));
            }
            Err(_) => {}
        }
    }
    Ok(None)
}

/// The error for a name that is none of those known.
pub(crate) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect::<BTreeSet<_>>().into_iter().collect();
    let near = suggest::nearest(name, known.iter().copied(), usize::MAX);
    let list = match known[..] {
        [] => "there is none yet".to_owned(),
        _ => format!("known accounts: {}", known.join(", ")),
    };
    Error::Config {
        message: format!("no account is called \"{name}\""),
        hint: Some(match near {
            Some(near) => format!("did you mean {near}? ({list})"),
            None => list,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn settings(accounts: &str) -> Settings {
        let home = Path::new("/home/ann");
        Settings {
            home: Some(home.to_path_buf()),
            config: Config::parse(accounts, Path::new("/c.toml"), Some(home)).unwrap(),
            file: None,
            vault: home.join("mail"),
            usual_vault: true,
            own_file: Some(home.join(".config/mailvault/config.toml")),
        }
    }

    const TWO: &str = "[accounts.work]\nhost = \"pop.example.org\"\nuser = \"ann\"\n\
        [accounts.old]\nhost = \"pop.example.net\"\nuser = \"ann\"\npull = false\n";

    fn names(accounts: &[Account]) -> Vec<&str> {
        accounts
            .iter()
            .map(|account| account.name.as_str())
            .collect()
    }

    fn completed(
        line: &[&str],
        variables: &[(&str, &str)],
    ) -> std::result::Result<Global, BadVariable> {
        use clap::Parser as _;
        let line = ["mailvault", "demo"].iter().chain(line);
        let mut global = crate::cli::args::Cli::parse_from(line).global;
        global.complete_from(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })?;
        Ok(global)
    }

    #[test]
    fn variables_stand_for_flags_and_flags_override_them() {
        let all = [
            ("MAILVAULT_QUIET", "1"),
            ("MAILVAULT_COLOR", "always"),
            ("MAILVAULT_JSON", "true"),
            ("MAILVAULT_NO_PROGRESS", "yes"),
            ("MAILVAULT_NO_INPUT", "on"),
        ];
        let global = completed(&[], &all).unwrap();
        assert!(global.quiet && global.json && global.no_progress && global.no_input);
        assert_eq!(global.color, Some(When::Always));
        let global = completed(&["-v", "--color", "never"], &all).unwrap();
        assert_eq!((global.quiet, global.verbose), (false, 1));
        assert_eq!(global.color, Some(When::Never));
        let global = completed(&["-q"], &[("MAILVAULT_VERBOSE", "2")]).unwrap();
        assert_eq!((global.quiet, global.verbose), (true, 0));
        let global = completed(&[], &[("MAILVAULT_JSON", "0")]).unwrap();
        assert!(!global.json && !global.quiet && global.color.is_none());
    }

    #[test]
    fn a_variable_that_means_nothing_is_refused() {
        for (name, value) in [
            ("MAILVAULT_JSON", "maybe"),
            ("MAILVAULT_VERBOSE", "9"),
            ("MAILVAULT_COLOR", "green"),
            ("MAILVAULT_QUIET", "2"),
        ] {
            assert_eq!(completed(&["-v"], &[(name, value)]).unwrap_err().name, name);
        }
    }

    #[test]
    fn without_names_those_with_pull_are_meant() {
        assert_eq!(names(&settings(TWO).accounts(&[]).unwrap()), ["work"]);
    }

    #[test]
    fn named_accounts_come_once_and_in_the_order_given() {
        let given = ["old", "work", "old"].map(String::from);
        assert_eq!(
            names(&settings(TWO).accounts(&given).unwrap()),
            ["old", "work"]
        );
    }

    #[test]
    fn a_url_needs_no_configuration() {
        let given = ["pop3s://ann@pop.example.org".to_owned()];
        let accounts = settings("").accounts(&given).unwrap();
        assert_eq!(names(&accounts), ["ann_at_pop.example.org"]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_and_all() {
        let Error::Config { message, hint } = settings(TWO).accounts(&["wrok".into()]).unwrap_err()
        else {
            panic!("another error");
        };
        assert_eq!(message, "no account is called \"wrok\"");
        assert_eq!(
            hint.unwrap(),
            "did you mean work? (known accounts: old, work)"
        );
    }

    #[test]
    fn without_a_configuration_the_hint_names_init_and_its_place() {
        let Error::Config { hint, .. } = settings("").accounts(&[]).unwrap_err() else {
            panic!("another error");
        };
        let hint = hint.unwrap();
        assert!(hint.contains("mailvault init"), "{hint}");
        assert!(hint.contains("~/.config/mailvault/config.toml"), "{hint}");
    }

    #[test]
    fn the_home_is_shown_as_a_tilde() {
        let settings = settings("");
        assert_eq!(settings.shown(Path::new("/home/ann/mail")), "~/mail");
        assert_eq!(settings.shown(Path::new("/home/anna")), "/home/anna");
    }
}
