//! The vault: message files, ledger and catalog under one root (`docs/FORMAT.md`).
//!
//! [`Vault`] reads; [`Writer`] holds the lock and is the only one that changes
//! anything below the root.

pub mod catalog;
mod erase;
mod finder;
pub(crate) mod frame;
#[cfg(feature = "offsite")]
mod heal;
mod held;
mod history;
mod hold;
pub mod layout;
pub mod ledger;
mod locate;
pub(crate) mod lock;
#[cfg(feature = "offsite")]
mod lost;
pub mod maildir;
mod merge;
#[cfg(feature = "offsite")]
mod part;
#[cfg(feature = "offsite")]
mod placer;
mod present;
#[cfg(feature = "offsite")]
mod receive;
#[cfg(feature = "offsite")]
mod restore;
mod retained;
#[cfg(feature = "offsite")]
mod second_copy;
mod select;
mod snippet;
mod spread;
mod texts;
pub(crate) mod tombstones;
pub mod verify;
mod writer;

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::base::account_name::AccountNames;
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use catalog::{AccountStatus, Catalog, Coverage, Hits, Order, upper_half};
use finder::FileFinder;
use layout::{Layout, Manifest};
use ledger::{Item, Reader};

use lock::Lock;
use tombstones::TombstoneKey;

use locate::{describe, locate, locate_all};

#[cfg(feature = "offsite")]
pub(crate) use heal::VaultHeal;
pub(crate) use held::HeldFiles;
pub use history::{LifeEvent, LifeEvents};
pub use hold::{HoldFault, HoldRequest, add_hold, release_hold};
pub use merge::{MergeFault, MergePlan};
#[cfg(feature = "offsite")]
pub(crate) use part::PartialVault;
#[cfg(feature = "offsite")]
pub(crate) use placer::RestoredMessage;
pub(crate) use present::Present;
#[cfg(feature = "offsite")]
pub(crate) use restore::{
    RESTORE_BEGUN, RESTORE_NOTES, VaultRestore, record_restored, sweep_restore, write_tombstone_key,
};
pub(crate) use retained::RetainedView;
pub use select::{Entries, Entry, Part, Selection, SelectionScope};
pub use writer::Writer;
use writer::unrecorded;

/// Unix time in milliseconds, for the ledger.
#[must_use]
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// Unix time in seconds.
#[must_use]
pub(crate) fn now_seconds() -> i64 {
    now_ms() / 1_000
}

/// Clocks of two machines differ, and a batch is archived some time after it was fetched.
const CLOCKS: i64 = 24 * 60 * 60;

/// 1982-01-01, in Unix seconds: RFC 822 is of that year, and an earlier date of a message is a
/// mistake, or what a server says instead of "unknown".
pub(crate) const EARLIEST: i64 = 378_691_200;

/// True if a message that was archived then can have been received on this date, both in Unix
/// seconds: nothing is received after it was archived, and 0 is what some servers say for "unknown".
pub(crate) fn is_plausible(date: i64, archived: i64) -> bool {
    date > 0 && date <= archived.saturating_add(CLOCKS)
}

/// Digits of an id that is shown, if no other message has the same.
pub const SHORT_ID: usize = 8;

/// Of more messages, ids are told apart by one walk over all instead of one by one.
const MANY: u64 = 1024;

/// A vault, open for reading.
#[derive(Debug)]
pub struct Vault {
    layout: Layout,
    /// The vault's id.
    id: String,
    catalog: Catalog,
}

impl Vault {
    /// Opens a vault. A catalog that is out of date is brought up to date: in the vault if nobody
    /// writes to it, in a copy if nothing can be written there, else in memory.
    pub fn open(path: &Path) -> Result<Self> {
        let (layout, manifest) = open_layout(path)?;
        let catalog = match Catalog::open_to_read(&layout.catalog())? {
            Some(catalog)
                if !catalog.is_erasing()? && is_current(&layout, &manifest, &catalog)? =>
            {
                catalog
            }
            _ => renewed(&layout, &manifest)?,
        };
        Ok(Self {
            layout,
            id: manifest.id,
            catalog,
        })
    }

    /// Opens the vault of somebody else: nothing in it is written, and of what it says of
    /// itself only the ledger counts. Senders and subjects are not known.
    pub(crate) fn open_foreign(path: &Path) -> Result<Self> {
        let (layout, manifest) = open_layout(path)?;
        let (mut catalog, whole) = replayed(&layout, &manifest)?;
        // Files whose lines are lost or were never written are mail all the same.
        for account in maildir::accounts(&layout)? {
            if whole {
                continue;
            }
            for dir in maildir::folders(&layout, &account)? {
                for event in unrecorded(&layout, &catalog, None, &account, &dir)? {
                    let (seq, time) = (0, now_ms());
                    catalog.apply(&ledger::LedgerEntry { seq, time, event })?;
                }
            }
        }
        Ok(Self {
            layout,
            id: manifest.id,
            catalog,
        })
    }

    /// The same vault, whose accounts are called as the configuration calls them: in queries, and
    /// in what is found. The names in the vault stay what they are.
    #[must_use]
    pub fn with_names(mut self, names: AccountNames) -> Self {
        self.catalog.name_accounts(names);
        self
    }

    /// What an account of the vault is called.
    #[must_use]
    pub fn shown<'a>(&'a self, account: &'a str) -> &'a str {
        self.catalog.names().shown(account)
    }

    /// The catalog, as up to date as it could be had.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// What tells forgotten messages, if there are any.
    pub(crate) fn tombstones(&self) -> Result<Option<TombstoneKey>> {
        TombstoneKey::load(&self.layout, &self.catalog)
    }

    /// Messages in the vault, each content once.
    pub(crate) fn count(&self) -> Result<u64> {
        self.catalog.count()
    }

    /// What is known of every account.
    pub fn status(&self) -> Result<Vec<AccountStatus>> {
        let mut all = self.catalog.status()?;
        for status in &mut all {
            status.account = self.shown(&status.account).to_owned();
        }
        Ok(all)
    }

    /// The names of all folders, each once.
    pub fn folder_names(&self) -> Result<BTreeSet<String>> {
        self.catalog.folder_labels()
    }

    /// How many messages fit a query, as [`Vault::search`] finds them.
    pub fn count_hits(&self, query: &Query) -> Result<u64> {
        self.catalog.count_hits(query)
    }

    /// The messages that fit a query. What [`Vault::read_texts`] has not read fits no text.
    pub fn search(&self, query: &Query, order: Order, limit: Option<u64>) -> Result<Hits<'_>> {
        let damaged = |e: &Error| {
            matches!(e, Error::Catalog { source, .. } if catalog::is_garbage(source))
                && query.needs_texts()
        };
        match self.catalog.search(query, order, limit) {
            Err(e) if damaged(&e) => {
                catalog::Texts::discard(&self.layout.texts())?;
                self.read_texts(&mut |_| {})?;
                self.catalog.search(query, order, limit)
            }
            found => found,
        }
    }

    /// Brings the index of words up to date, which queries for text, `to:` and
    /// `has:attachment` need; gives what it still lacks. `tell` hears now and then how many
    /// messages are to be read.
    pub fn read_texts(&self, tell: &mut dyn FnMut(u64)) -> Result<Coverage> {
        texts::refresh(&self.layout, &self.catalog, tell)
    }

    /// Attaches the index of words as it is, for what it knows of the messages that are found;
    /// where there is none, their files are read.
    pub fn recall_texts(&self) {
        // One that cannot be opened knows nothing.
        let _ = self.catalog.attach_texts(&self.layout.texts());
    }

    /// The message that an id of at least four hex digits means.
    pub fn resolve(&self, id: &str) -> Result<Hash128> {
        let fits = id.len() >= 4 && id.len() <= 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let found = if fits {
            self.catalog.with_prefix(&id.to_ascii_lowercase())?
        } else {
            Vec::new()
        };
        the_one(id, &found)
    }

    /// The id of a message as short as it may be shown: 8 digits, or more where 8 are
    /// ambiguous.
    pub fn short_id(&self, hash: Hash128) -> Result<String> {
        let full = hash.to_string();
        for digits in (SHORT_ID..32).step_by(4) {
            if self.catalog.with_prefix(&full[..digits])?.len() < 2 {
                return Ok(full[..digits].to_owned());
            }
        }
        Ok(full)
    }

    /// Gives ids as short as they may be shown, for so many messages.
    pub fn short_ids(&self, messages: u64) -> Result<ShortIds<'_>> {
        let crowded = match messages {
            ..MANY => None,
            _ => Some(self.catalog.crowded()?),
        };
        Ok(ShortIds {
            vault: self,
            crowded,
        })
    }

    /// The exact bytes of a message.
    pub fn message(&self, hash: Hash128) -> Result<Box<dyn Read>> {
        self.found_message(&mut FileFinder::default(), hash)
    }

    /// The same for many messages.
    fn found_message(&self, finder: &mut FileFinder, hash: Hash128) -> Result<Box<dyn Read>> {
        let id = hash.to_string();
        let Some(blob) = self.catalog.find(hash)? else {
            let candidates = Vec::new();
            return Err(Error::NotFound { id, candidates });
        };
        match finder.locate(&self.layout, &self.catalog, &blob)?.first() {
            Some((_, path)) => frame::open(path),
            None => Err(Error::MessageMissing { id }),
        }
    }
}

/// See [`Vault::short_ids`].
#[derive(Debug)]
pub struct ShortIds<'v> {
    vault: &'v Vault,
    /// What eight digits do not tell apart, if that was found out for all.
    crowded: Option<HashSet<u32>>,
}

impl ShortIds<'_> {
    /// The id of a message in 8 digits, or more where 8 are ambiguous.
    pub fn of(&self, hash: Hash128) -> Result<String> {
        match &self.crowded {
            Some(crowded) if !crowded.contains(&upper_half(hash.head())) => {
                let mut id = hash.to_string();
                id.truncate(SHORT_ID);
                Ok(id)
            }
            _ => self.vault.short_id(hash),
        }
    }
}

/// Writes the `vault.toml` of a vault that has lost it, as far as its ledger says; a damaged one is
/// moved to quarantine.
fn restore_manifest(path: &Path, stop: &AtomicBool) -> Result<()> {
    let layout = Layout::new(path);
    let _lock = Lock::take(&layout.lock(), path, Duration::ZERO, stop)?;
    // Another run may have been quicker.
    let is_there = match open_layout(path) {
        Err(Error::ManifestMissing { .. }) => false,
        Err(Error::ManifestDamaged { known: true, .. }) => true,
        opened => return opened.map(drop),
    };
    let Some(manifest) = ledger::origin(&layout)? else {
        return Ok(());
    };
    if is_there {
        maildir::quarantine(&layout, &layout.manifest())?;
    }
    fsx::write_durably(&layout.manifest(), manifest.text().as_bytes())
}

fn open_layout(path: &Path) -> Result<(Layout, Manifest)> {
    let layout = Layout::new(path);
    let text = match fsx::read(&layout.manifest()) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let path = path.to_path_buf();
            return Err(match ledger::origin(&layout)? {
                Some(_) => Error::ManifestMissing { path },
                None => Error::VaultMissing { path },
            });
        }
        Err(e) => return Err(e),
    };
    let manifest = match Manifest::parse(&layout, &text) {
        Err(Error::Damaged { path, detail }) => {
            let known = ledger::origin(&layout)?.is_some();
            return Err(Error::ManifestDamaged {
                path,
                detail,
                known,
            });
        }
        manifest => manifest?,
    };
    if has_lost_ledger(&layout)? {
        let path = path.to_path_buf();
        return Err(Error::LedgerMissing { path });
    }
    Ok((layout, manifest))
}

/// True if there is no directory of the ledger in a vault that had one: it is made before any mail
/// and before the catalog.
fn has_lost_ledger(layout: &Layout) -> Result<bool> {
    Ok(fsx::look(&layout.ledger_dir())?.is_none()
        && (fsx::look(&layout.catalog())?.is_some() || !maildir::accounts(layout)?.is_empty()))
}

/// The message that an id means, of those whose ids begin so.
fn the_one(id: &str, found: &[Hash128]) -> Result<Hash128> {
    match *found {
        [hash] => Ok(hash),
        _ => Err(Error::NotFound {
            id: id.to_owned(),
            candidates: found.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// True if the catalog has reached the end of the ledger.
fn is_current(layout: &Layout, manifest: &Manifest, catalog: &Catalog) -> Result<bool> {
    let Some(position) = catalog.position()? else {
        return Ok(maildir::list(&layout.ledger_dir())?.is_empty());
    };
    match Reader::from(layout, &manifest.id, &position)? {
        Some(mut rest) => Ok(rest.next().is_none()),
        None => Ok(false),
    }
}

fn renewed(layout: &Layout, manifest: &Manifest) -> Result<Catalog> {
    let stop = AtomicBool::new(false);
    match Writer::open(layout.root(), Duration::ZERO, &stop) {
        Ok(writer) => {
            drop(writer);
            if let Some(catalog) = Catalog::open_to_read(&layout.catalog())? {
                return Ok(catalog);
            }
        }
        // A running pull keeps its last batches to itself for a moment.
        Err(Error::Locked { .. }) => {
            if let Some(catalog) = Catalog::open_to_read(&layout.catalog())? {
                return Ok(catalog);
            }
        }
        Err(Error::File { .. } | Error::NoSpace { .. }) => {
            // There may be no room for a copy; the ledger alone says what it says.
            if let Ok(Some(catalog)) = caught_up(layout, manifest) {
                return Ok(catalog);
            }
        }
        Err(e) => return Err(e),
    }
    let (mut catalog, _) = replayed(layout, manifest)?;
    describe(layout, &mut catalog)?;
    Ok(catalog)
}

/// A copy of the catalog at the end of the ledger; `None` if it cannot be brought there.
fn caught_up(layout: &Layout, manifest: &Manifest) -> Result<Option<Catalog>> {
    let Some(mut catalog) = Catalog::open_copy(&layout.catalog())? else {
        return Ok(None);
    };
    let Some(position) = catalog.position()? else {
        return Ok(None);
    };
    let Some(rest) = Reader::from(layout, &manifest.id, &position)? else {
        return Ok(None);
    };
    catalog.begin()?;
    for item in rest {
        if let Item::Entry { entry, position } = item? {
            if entry.event.ends_erasure() {
                return Ok(None);
            }
            catalog.apply(&entry)?;
            catalog.put_waypoint(&position)?;
        }
    }
    erase::hide(layout, &mut catalog)?;
    describe(layout, &mut catalog)?;
    catalog.commit(None)?;
    Ok(Some(catalog))
}

/// The ledger as a catalog that leaves nothing behind; false with it if lines are damaged.
fn replayed(layout: &Layout, manifest: &Manifest) -> Result<(Catalog, bool)> {
    let (mut catalog, mut whole) = (Catalog::temporary()?, true);
    catalog.begin()?;
    for item in Reader::new(layout, &manifest.id)? {
        match item? {
            Item::Entry { entry, position } => {
                catalog.apply(&entry)?;
                catalog.put_waypoint(&position)?;
            }
            Item::Damage(_) | Item::TornTail(_) => whole = false,
        }
    }
    erase::hide(layout, &mut catalog)?;
    catalog.commit(None)?;
    Ok((catalog, whole))
}

#[cfg(test)]
mod tests {
    use super::is_plausible;

    #[test]
    fn nothing_is_received_after_it_was_archived_or_at_no_time() {
        let archived = 1_700_000_000;
        for date in [7, archived - 2, archived + 3_600] {
            assert!(is_plausible(date, archived), "{date}");
        }
        for date in [-5, 0, archived + 1_000_000, i64::MAX] {
            assert!(!is_plausible(date, archived), "{date}");
        }
    }
}
