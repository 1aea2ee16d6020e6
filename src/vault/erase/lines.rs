//! Which lines of the ledger speak of messages, and by what these are known.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::source::Uid;
use crate::vault::catalog::{Catalog, Origin};
use crate::vault::layout::{FileName, Layout};
use crate::vault::ledger::{
    Erasure, Identity, LedgerEvent, MaskedLine, TombstoneKind, for_each_line,
};
use crate::vault::tombstones::TombstoneKey;

/// What the ledger says of messages.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// The messages.
    pub(super) contents: HashSet<Hash128>,
    /// The lines that speak of them.
    pub(super) lines: Vec<MaskedLine>,
    /// Bytes that came for them and are stored in another form.
    arrivals: HashSet<Hash128>,
    /// Message-ID and likeness of each.
    likenesses: HashSet<(Vec<u8>, Hash128)>,
    /// Their names on servers, as a pull knows them.
    names: HashSet<Identity>,
    /// Those that stand for one of them, as far as that is certain, with the sizes that are listed.
    certain: Vec<(Identity, Option<u64>)>,
}

impl Mentions {
    /// Finds what is said of these contents.
    pub(super) fn find(
        layout: &Layout,
        catalog: &Catalog,
        contents: HashSet<Hash128>,
    ) -> Result<Self> {
        let mut mentions = Self {
            contents,
            ..Self::default()
        };
        for_each_line(layout, &mut |line| mentions.note(catalog, &line.event))?;
        mentions.find_lines(layout, catalog)?;
        Ok(mentions)
    }

    fn note(&mut self, catalog: &Catalog, event: &LedgerEvent) -> Result<()> {
        match event {
            LedgerEvent::Seen(seen) if self.contents.contains(&seen.hash) => {
                if seen.got != seen.hash {
                    self.arrivals.insert(seen.got);
                }
                if seen.identity.uid != Uid::Absent {
                    self.names
                        .insert(owned(catalog, &seen.identity).into_owned());
                }
                if let Some(mid) = &seen.mid
                    && let Some(id) = catalog.key_of(seen.hash)?
                    && let Some(likeness) = catalog.likeness_of(id)?
                {
                    self.likenesses.insert((mid.to_vec(), likeness));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A line speaks of a message if it names it, or a name that stands for it at that point.
    fn find_lines(&mut self, layout: &Layout, catalog: &Catalog) -> Result<()> {
        let Self {
            contents,
            names,
            lines,
            ..
        } = self;
        // What comes before the first content of a name is taken to speak of that.
        let mut current: HashSet<Identity> = names.clone();
        let mut listed: HashMap<Origin<'_>, HashSet<Vec<u8>>> = HashMap::new();
        for name in names.iter() {
            let mailbox = listed.entry(Origin::of(name)).or_default();
            mailbox.insert(name.uid.name().into_owned());
        }
        for_each_line(layout, &mut |line| {
            let speaks = names_any(&line.event, contents)
                || match &line.event {
                    LedgerEvent::Checked { identity, names } => listed
                        .get(&Origin::of(&owned(catalog, identity)))
                        .is_some_and(|uids| are_in(uids, &identity.uid, names)),
                    event => identity_of(event)
                        .is_some_and(|name| current.contains(&*owned(catalog, name))),
                };
            if let LedgerEvent::Seen(seen) = &line.event {
                let name = owned(catalog, &seen.identity);
                if names.contains(&*name) {
                    if speaks {
                        current.insert(name.into_owned());
                    } else {
                        current.remove(&*name);
                    }
                }
            }
            if speaks {
                lines.extend(line.mask());
            }
            Ok(())
        })?;
        self.find_certain(catalog)
    }

    /// Under any other name there may be another message, which a pull must fetch: one that only
    /// resembles it, came in doubt or stands for another content by now gets no tombstone.
    fn find_certain(&mut self, catalog: &Catalog) -> Result<()> {
        for name in &self.names {
            let now = catalog.before(Origin::of(name), &name.uid.name())?;
            let certain = now.filter(|now| {
                !now.wanted && now.proof.is_possession() && self.contents.contains(&now.hash)
            });
            self.certain
                .extend(certain.map(|now| (name.clone(), now.octets)));
        }
        Ok(())
    }

    /// What must not be stored again.
    pub(super) fn tombstones(&self, key: &TombstoneKey, forget: u32) -> Vec<Erasure> {
        let mut tags: Vec<(TombstoneKind, Hash128)> = Vec::new();
        for (kind, hashes) in [
            (TombstoneKind::Content, &self.contents),
            (TombstoneKind::Arrival, &self.arrivals),
        ] {
            tags.extend(hashes.iter().map(|hash| (kind, key.bytes(kind, *hash))));
        }
        for (mid, likeness) in &self.likenesses {
            tags.push((TombstoneKind::Likeness, key.likeness(*likeness, mid)));
        }
        for (name, octets) in &self.certain {
            let tag = key.name(Origin::of(name), &name.uid, *octets);
            tags.extend(tag.map(|tag| (TombstoneKind::Name, tag)));
        }
        // In no order that says anything of what they stand for.
        tags.sort_unstable_by_key(|(_, tag)| tag.0);
        let tombstone = |(kind, tag)| Erasure::Tombstone { forget, kind, tag };
        tags.into_iter().map(tombstone).collect()
    }
}

/// Contents that are to go.
#[derive(Debug, Default)]
pub(super) struct GoneContents {
    pub(super) hashes: HashSet<Hash128>,
    /// The size of the largest of them.
    pub(super) largest: u64,
}

impl GoneContents {
    /// Those that lines speak of which are to be masked and are not yet.
    pub(super) fn of(layout: &Layout, lines: &[MaskedLine]) -> Result<Self> {
        let mut gone = Self::default();
        for_each_line(layout, &mut |line| {
            let Ok(at) = lines.binary_search_by_key(&line.seq, |line| line.line) else {
                return Ok(());
            };
            if line.mask().is_some_and(|mask| mask.was == lines[at].was) {
                gone.add(&line.event);
            }
            Ok(())
        })?;
        Ok(gone)
    }

    fn add(&mut self, event: &LedgerEvent) {
        let (hash, size) = match event {
            LedgerEvent::Seen(seen) => (seen.hash, seen.size),
            LedgerEvent::Adopted { hash, file, .. } => {
                let name = file.rsplit(|b| *b == b'/').next().unwrap_or_default();
                let name = FileName::parse(&String::from_utf8_lossy(name));
                (*hash, name.map_or(0, |(name, _)| name.size))
            }
            _ => return,
        };
        self.hashes.insert(hash);
        self.largest = self.largest.max(size);
    }
}

/// A name as a pull knows it: of an account that became part of another, it is the other's.
fn owned<'a>(catalog: &Catalog, name: &'a Identity) -> Cow<'a, Identity> {
    let owner = catalog.owner(&name.account);
    if owner == name.account {
        return Cow::Borrowed(name);
    }
    Cow::Owned(Identity {
        account: owner.to_owned(),
        ..name.clone()
    })
}

/// True if an event is about one of these contents.
pub(super) fn names_any(event: &LedgerEvent, contents: &HashSet<Hash128>) -> bool {
    let has = |hash: &Hash128| contents.contains(hash);
    match event {
        LedgerEvent::Seen(seen) => has(&seen.hash),
        LedgerEvent::Superseded { hash, by } => has(hash) || has(by),
        LedgerEvent::PurgeIntent { hash, .. }
        | LedgerEvent::Purged { hash, .. }
        | LedgerEvent::PurgeKept { hash, .. }
        | LedgerEvent::Adopted { hash, .. }
        | LedgerEvent::Lost { hash }
        | LedgerEvent::Forgotten { hash, .. }
        | LedgerEvent::Held { hash, .. }
        | LedgerEvent::UploadIntent { hash, .. }
        | LedgerEvent::UploadFailed { hash, .. }
        | LedgerEvent::Uploaded { hash, .. } => has(hash),
        _ => false,
    }
}

/// True if a list of names, as `checked` has it, has one of these.
fn are_in(uids: &HashSet<Vec<u8>>, kind: &Uid, names: &[u8]) -> bool {
    if !matches!(kind, Uid::Imap { .. }) {
        return names.split(|b| *b == b' ').any(|name| uids.contains(name));
    }
    let text = String::from_utf8_lossy(names);
    let ranges: Vec<(u32, u32)> = text
        .split(',')
        .filter_map(|range| {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            Some((first.parse().ok()?, last.parse().ok()?))
        })
        .collect();
    uids.iter().any(|uid| {
        let uid = <[u8; 4]>::try_from(&uid[..]).map_or(0, u32::from_be_bytes);
        ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&uid))
    })
}

fn identity_of(event: &LedgerEvent) -> Option<&Identity> {
    match event {
        LedgerEvent::Flags { identity, .. }
        | LedgerEvent::Vanished { identity, .. }
        | LedgerEvent::Reappeared { identity, .. }
        | LedgerEvent::Refused { identity, .. }
        | LedgerEvent::Wanted { identity, .. }
        | LedgerEvent::Asked { identity, .. } => Some(identity),
        _ => None,
    }
}
