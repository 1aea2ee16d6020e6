//! The words that a line may go on with: accounts, folders, ids, terms of a query.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::PathBuf;

use chrono::Utc;
use clap::builder::StyledStr;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};
use mailvault::mail::query;
use mailvault::vault::Vault;
use mailvault::vault::catalog::Order;

use crate::cli::args::Global;
use crate::cli::help;
use crate::cli::settings::Settings;
use crate::cli::text::{cut, day, escape, is_plain};

/// So many messages are offered, the newest.
const MESSAGES: u64 = 40;
/// An id is looked up from so many digits on.
const DIGITS: usize = 4;
/// Columns of what is said of a word.
const COLUMNS: usize = 60;

/// What the line that is completed says of the configuration and the vault.
pub(super) struct Words {
    config: Option<PathBuf>,
    vault: Option<PathBuf>,
}

impl Words {
    pub(super) fn of(line: &[OsString]) -> Self {
        let value = |names: &[&str]| {
            let at = line
                .iter()
                .position(|word| names.iter().any(|name| word == name));
            let next = at.and_then(|at| line.get(at + 1));
            let joined = line.iter().find_map(|word| {
                let (name, value) = word.to_str()?.split_once('=')?;
                names.contains(&name).then(|| OsString::from(value))
            });
            joined.or_else(|| next.cloned()).map(PathBuf::from)
        };
        Self {
            config: value(&["--config", "-c"]),
            vault: value(&["--vault"]),
        }
    }

    fn settings(&self) -> Option<Settings> {
        let global = Global {
            config: self.config.clone(),
            vault: self.vault.clone(),
            ..Global::default()
        };
        Settings::load(&global).ok()
    }

    fn open(&self) -> Option<Vault> {
        self.settings()?.open_vault().ok()
    }

    /// The accounts; `configured` leaves out those that only the vault has.
    pub(super) fn accounts(&self, typed: &OsStr, configured: bool) -> Vec<CompletionCandidate> {
        let Some(settings) = self.settings() else {
            return Vec::new();
        };
        let stored = (!configured)
            .then(|| settings.known_accounts().ok())
            .flatten();
        let names = stored.unwrap_or_else(|| settings.config.accounts.keys().cloned().collect());
        let about = |name: &str| {
            let account = settings.config.accounts.get(name)?;
            Some(format!("{} at {}", account.user, account.host))
        };
        let found = names.into_iter().map(|name| {
            let about = about(&name);
            (name, about)
        });
        beginning(typed, "", found)
    }

    pub(super) fn places(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        let places = self.settings().map(|settings| settings.config.offsite);
        let places = places.unwrap_or_default().into_values();
        let found = places.map(|place| (place.name, Some(place.url.to_string())));
        beginning(typed, "", found)
    }

    pub(super) fn holds(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        let holds = self.open().and_then(|vault| vault.holds().ok());
        let holds = holds.unwrap_or_default().into_iter();
        beginning(typed, "", holds.map(|hold| (hold.name, Some(hold.reason))))
    }

    pub(super) fn folders(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        let names = self.open().and_then(|vault| vault.folder_names().ok());
        let names = names.unwrap_or_default().into_iter();
        beginning(typed, "", names.map(|name| (name, None)))
    }

    pub(super) fn ids(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        let found = self.messages(&typed.to_string_lossy());
        beginning(typed, "", found.unwrap_or_default().into_iter())
    }

    /// The newest messages whose id begins so.
    fn messages(&self, typed: &str) -> Option<Vec<(String, Option<String>)>> {
        let vault = self.open()?;
        let asked = (typed.len() >= DIGITS).then(|| format!("id:{typed}"));
        let query = query::parse(asked.as_slice(), Utc::now()).ok()?;
        let hits = vault
            .search(&query, Order::default(), Some(MESSAGES))
            .ok()?;
        let ids = vault.short_ids(hits.len()).ok()?;
        let rows = hits.rows().map_while(Result::ok).map(|hit| {
            let id = ids.of(hit.id).ok()?;
            // A longer id goes on as what was typed does.
            let whole = hit.id.to_string();
            let id = if typed.len() > id.len() { whole } else { id };
            Some((id, Some(format!("{}  {}", day(hit.date), hit.subject))))
        });
        Some(rows.flatten().collect())
    }

    pub(super) fn query(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        let text = typed.to_string_lossy();
        let (minus, term) = match text.strip_prefix('-') {
            Some(term) => ("-", term),
            None => ("", &*text),
        };
        let Some((key, value)) = term.split_once(':') else {
            let keys = query::keys()
                .map(|(name, form)| (format!("{minus}{name}:"), Some(format!("such as {form}"))));
            return beginning(typed, "", keys);
        };
        let before = format!("{minus}{key}:");
        let value = OsStr::new(value);
        let fixed = |words: &[&str]| {
            words
                .iter()
                .map(|word| ((*word).to_owned(), None))
                .collect()
        };
        let found: Vec<(String, Option<String>)> = match key.to_ascii_lowercase().as_str() {
            "account" => return prefixed(&before, self.accounts(value, false)),
            "folder" => return prefixed(&before, self.folders(value)),
            "id" => return prefixed(&before, self.ids(value)),
            "has" => fixed(&["attachment"]),
            "on" => fixed(&["server"]),
            "weekday" => fixed(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
            "hour" => (0..24).map(|hour| (format!("{hour}"), None)).collect(),
            "is" => fixed(&["recognised", "doubtful", "settled", "superseded"]),
            _ => Vec::new(),
        };
        beginning(value, &before, found.into_iter())
    }

    /// Where an export goes: a path, or the account of a server.
    pub(super) fn destination(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        const SERVER: &str = "imap:";
        let text = typed.to_string_lossy();
        if let Some(name) = text.strip_prefix(SERVER) {
            return prefixed(SERVER, self.accounts(OsStr::new(name), true));
        }
        let mut found = PathCompleter::any().complete(typed);
        let server = (SERVER.to_owned(), Some("a folder on a server".to_owned()));
        found.extend(beginning(typed, "", [server].into_iter()));
        found
    }
}

pub(super) fn help(typed: &OsStr) -> Vec<CompletionCandidate> {
    beginning(typed, "", help::subjects().into_iter())
}

/// Those that begin with what was typed, after a text. What would not be typed as it stands is
/// left out.
fn beginning(
    typed: &OsStr,
    before: &str,
    words: impl Iterator<Item = (String, Option<String>)>,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    words
        .filter(|(word, _)| word.starts_with(&*typed) && is_plain(word))
        .map(|(word, about)| {
            let about = about.map(|about| StyledStr::from(cut(&escape(&about), COLUMNS)));
            CompletionCandidate::new(format!("{before}{word}")).help(about)
        })
        .collect()
}

fn prefixed(before: &str, found: Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    found
        .into_iter()
        .map(|word| word.add_prefix(before))
        .collect()
}
