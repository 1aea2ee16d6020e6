//! Where messages were whose files are lost, by all that the ledger ever said of them.
//!
//! A line `lost` ends what the catalog knows of a message's places. Who brings the message back
//! wants them again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::catalog::{Catalog, Place};
use super::layout::{FileName, Layout};
use super::ledger::{Identity, Item, LedgerEvent, Reader, Seen};
use crate::base::error::Result;
use crate::mail::message::Hash128;

/// A message that is lost.
#[derive(Debug, Clone)]
pub(super) struct LostMessage {
    pub(super) name: FileName,
    /// The length that its file had.
    pub(super) stored: u64,
    pub(super) places: Vec<Place>,
}

type FolderKey = (String, String);

/// What was said of a message so far.
#[derive(Debug)]
struct LostTrace {
    name: FileName,
    stored: u64,
    /// Flags by account and directory.
    places: BTreeMap<FolderKey, String>,
    /// True after a line `lost`: what comes next begins again.
    ended: bool,
}

/// The messages that are lost and that nobody removed on purpose, with where they were.
pub(super) fn lost_messages(
    layout: &Layout,
    vault: &str,
    catalog: &Catalog,
) -> Result<BTreeMap<Hash128, LostMessage>> {
    let lost: BTreeSet<Hash128> = catalog.lost()?.into_iter().collect();
    let mut traces = LostTraces {
        catalog,
        lost: &lost,
        found: BTreeMap::new(),
        names: HashMap::new(),
    };
    if !lost.is_empty() {
        for item in Reader::new(layout, vault)? {
            if let Item::Entry { entry, .. } = item? {
                traces.take(&entry.event);
            }
        }
    }
    let places = |trace: LostTrace| LostMessage {
        name: trace.name,
        stored: trace.stored,
        places: (trace.places.into_iter())
            .map(|((account, dir), flags)| Place {
                account,
                dir,
                flags,
            })
            .collect(),
    };
    let found = traces.found.into_iter();
    Ok(found.map(|(hash, trace)| (hash, places(trace))).collect())
}

struct LostTraces<'l> {
    catalog: &'l Catalog,
    lost: &'l BTreeSet<Hash128>,
    found: BTreeMap<Hash128, LostTrace>,
    /// The lost messages behind the names that servers gave them.
    names: HashMap<Identity, Hash128>,
}

impl LostTraces<'_> {
    fn take(&mut self, event: &LedgerEvent) {
        match event {
            LedgerEvent::Seen(seen) if self.lost.contains(&seen.hash) => self.seen(seen),
            LedgerEvent::Adopted {
                account,
                file,
                hash,
            } if self.lost.contains(hash) => self.adopted(account, file, *hash),
            LedgerEvent::Flags {
                identity, flags, ..
            } => {
                let trace = self.names.get(identity);
                if let Some(trace) = trace.and_then(|hash| self.found.get_mut(hash)) {
                    let dir = identity.dir.as_deref().unwrap_or_default();
                    let folder = (self.catalog.owner(&identity.account), dir);
                    let folder = (folder.0.to_owned(), folder.1.to_owned());
                    trace.places.insert(folder, flags.clone());
                }
            }
            LedgerEvent::Lost { hash } => {
                if let Some(trace) = self.found.get_mut(hash) {
                    trace.ended = true;
                }
            }
            LedgerEvent::Forgotten { hash, .. } => drop(self.found.remove(hash)),
            _ => {}
        }
    }

    fn trace(&mut self, name: FileName) -> &mut LostTrace {
        let trace = self.found.entry(name.hash).or_insert_with(|| LostTrace {
            name,
            stored: 0,
            places: BTreeMap::new(),
            ended: false,
        });
        if std::mem::take(&mut trace.ended) {
            trace.places.clear();
        }
        trace
    }

    fn seen(&mut self, seen: &Seen) {
        let Seen {
            identity,
            hash,
            received,
            size,
            wire,
            ..
        } = seen;
        self.names.insert(identity.clone(), *hash);
        let account = self.catalog.owner(&identity.account).to_owned();
        let dir = identity.dir.clone().unwrap_or_default();
        let trace = self.trace(FileName {
            received: *received,
            hash: *hash,
            size: *size,
            wire: *wire,
        });
        if seen.stored > 0 {
            trace.stored = seen.stored;
        }
        let flags = trace.places.entry((account, dir));
        flags.or_insert_with(|| seen.flags.clone());
    }

    fn adopted(&mut self, account: &str, file: &[u8], hash: Hash128) {
        let file = String::from_utf8_lossy(file);
        let path = Path::new(&*file);
        let base = path.file_name().unwrap_or_default().to_string_lossy();
        let Some((name, _)) = FileName::parse(&base).filter(|(name, _)| name.hash == hash) else {
            return;
        };
        let folder = path
            .parent()
            .and_then(Path::parent)
            .and_then(Path::file_name);
        let dir = folder.unwrap_or_default().to_string_lossy();
        let dir = if dir.starts_with('.') { &*dir } else { "" };
        let account = self.catalog.owner(account).to_owned();
        let places = &mut self.trace(name).places;
        places.entry((account, dir.to_owned())).or_default();
    }
}

/// The line that takes a file in again.
pub(super) fn adoption(name: &FileName, place: &Place) -> LedgerEvent {
    let mut file = format!("mail/{}", place.account);
    for part in [&*place.dir, "cur", &name.base()] {
        if !part.is_empty() {
            file = file + "/" + part;
        }
    }
    LedgerEvent::Adopted {
        account: place.account.clone(),
        file: file.into_bytes().into(),
        hash: name.hash,
    }
}
