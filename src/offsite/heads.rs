//! The heads of a place, read and checked as one chain.
//!
//! Whoever may put into the place may overwrite heads and add some. Writers never overwrite, so
//! that the oldest version that continues the chain is the head. Where the place shows versions,
//! the chain ends with the last head that fits, and what comes after it is only counted. Where it
//! shows none, nobody can tell a head that was added from one that was lost: that is an error.

use std::collections::VecDeque;

use super::fault::CopyError;
use super::head::{HEAD_LIMIT, HeadChain, HeadError, head_seq};
use super::object::shown_versions;
use super::pack::{Digester, Digests};
use super::place::{ObjectName, ObjectStat, ObjectStore, ObjectVersion};

/// Versions of one head that are looked at, the oldest ones.
const VERSIONS: usize = 1_000;
/// What object storage calls the only version of an object where it keeps no others.
const UNVERSIONED: &str = "null";

/// The newest head that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestHead {
    /// Its number.
    pub seq: u64,
    /// When it was written, in Unix seconds.
    pub time: i64,
    /// The hashes of its bytes.
    pub digests: Digests,
}

/// A push, as its head tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedPush {
    /// The number of the head.
    pub seq: u64,
    /// When it was written, in Unix seconds.
    pub time: i64,
    /// The number of the push that begins the ledger which it continues.
    pub begin: u64,
    /// True if the copy then had all that the vault had, but for what is owed.
    pub whole: bool,
    /// Objects that it put there.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The heads of a place.
#[derive(Debug, Default)]
pub struct PlaceHeads {
    /// Each of them, from the first on.
    pub pushes: Vec<ListedPush>,
    /// The chain of them.
    pub chain: HeadChain,
    /// The newest; none if there is no head.
    pub newest: Option<NewestHead>,
    /// The names of all objects, in the order in which heads name them.
    pub names: Vec<String>,
    /// What does not belong to the chain.
    pub strays: StrayHeads,
}

impl PlaceHeads {
    /// The number of the head that begins the ledger. What began again and is not whole yet does
    /// not count.
    #[must_use]
    pub fn ledger_begin(&self) -> Option<u64> {
        let whole = self.pushes.iter().rev().find(|push| push.whole);
        whole.or(self.pushes.last()).map(|push| push.begin)
    }

    /// The names of the pushes that have the ledger, in the order in which they continue each
    /// other.
    #[must_use]
    pub fn ledger_pushes(&self) -> Vec<&str> {
        let begin = self.ledger_begin();
        let mut found = Vec::new();
        let mut names = &self.names[..];
        for push in &self.pushes {
            let count = usize::try_from(push.objects).unwrap_or(usize::MAX);
            let (own, rest) = names.split_at(count.min(names.len()));
            names = rest;
            if Some(push.begin) == begin {
                let pushes = own.iter().filter(|name| name.starts_with("push/"));
                found.extend(pushes.map(String::as_str));
            }
        }
        found
    }
}

/// Heads that are there and do not belong to the chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StrayHeads {
    /// Heads after the last that fits.
    pub after: u64,
    /// The first of these is in a newer format: a newer program may have written it.
    pub newer_format: bool,
    /// Heads of the chain that somebody overwrote or deleted, so that they were read from an
    /// older version.
    pub replaced: u64,
    /// False if the place shows no versions: then a chain that somebody replaced as a whole
    /// cannot be told from the true one.
    pub versions_seen: bool,
}

/// Reads and checks the heads up to a number, or all that are there.
pub fn read_heads(store: &ObjectStore, to: Option<u64>) -> Result<PlaceHeads, CopyError> {
    let mut reading = HeadReading {
        store,
        to,
        heads: PlaceHeads::default(),
        broken: None,
    };
    if !reading.versions()? {
        reading.list()?;
    }
    let HeadReading { heads, broken, .. } = reading;
    match broken {
        Some(error) if !heads.strays.versions_seen => Err(error),
        _ => Ok(heads),
    }
}

struct HeadReading<'p> {
    store: &'p ObjectStore,
    to: Option<u64>,
    heads: PlaceHeads,
    /// Why the chain ended before the last head.
    broken: Option<CopyError>,
}

impl HeadReading<'_> {
    /// Reads heads by their versions; false if the place shows none.
    fn versions(&mut self) -> Result<bool, CopyError> {
        let mut mark: Option<String> = None;
        let mut versions: VecDeque<ObjectVersion> = VecDeque::new();
        let mut last: Option<ObjectName> = None;
        let mut any = false;
        loop {
            let page = shown_versions(self.store, "heads/", mark.as_deref())?;
            let Some(page) = page else {
                return Ok(any);
            };
            for row in page.versions {
                any = true;
                self.heads.strays.versions_seen |= row.version.id != UNVERSIONED;
                if last.as_ref() != Some(&row.name) {
                    self.head_of(last.replace(row.name).as_ref(), &mut versions)?;
                }
                if versions.len() == VERSIONS {
                    versions.pop_front();
                }
                versions.push_back(row.version);
            }
            mark = page.next;
            if mark.is_none() {
                self.head_of(last.as_ref(), &mut versions)?;
                return Ok(any);
            }
        }
    }

    /// Takes the oldest of these versions that continues the chain.
    fn head_of(
        &mut self,
        name: Option<&ObjectName>,
        versions: &mut VecDeque<ObjectVersion>,
    ) -> Result<(), CopyError> {
        let versions = std::mem::take(versions);
        let Some((name, seq)) = name.and_then(|name| self.wants(name)) else {
            return Ok(());
        };
        let mut why = None;
        for version in versions.iter().rev() {
            match self.add(name, seq, &version.stat, Some(version))? {
                None => {
                    self.heads.strays.replaced += u64::from(!version.latest);
                    return Ok(());
                }
                Some(error) => drop(why.get_or_insert(error)),
            }
        }
        self.end_chain(why.unwrap_or(CopyError::HeadGone { seq }));
        Ok(())
    }

    /// Reads heads as they are now.
    fn list(&mut self) -> Result<(), CopyError> {
        let mut mark: Option<String> = None;
        loop {
            let page = self.store.list("heads/", mark.as_deref())?;
            for row in &page.objects {
                if let Some((name, seq)) = self.wants(&row.name)
                    && let Some(error) = self.add(name, seq, &row.stat, None)?
                {
                    self.end_chain(error);
                }
            }
            mark = page.next;
            if mark.is_none() {
                return Ok(());
            }
        }
    }

    /// The number of a head that is to be read; the others after the end are counted.
    fn wants<'n>(&mut self, name: &'n ObjectName) -> Option<(&'n ObjectName, u64)> {
        let seq = head_seq(name.as_str())?;
        if self.to.is_some_and(|to| seq > to) {
            return None;
        }
        if self.broken.is_some() {
            self.heads.strays.after += 1;
            return None;
        }
        match self.heads.chain.next_seq() {
            Some(next) if next < seq => {
                self.end_chain(HeadError::Missing { seq: next }.into());
                None
            }
            _ => Some((name, seq)),
        }
    }

    fn end_chain(&mut self, error: CopyError) {
        let strays = &mut self.heads.strays;
        strays.after += 1;
        strays.newer_format = matches!(error, CopyError::Head(HeadError::NewerFormat { .. }));
        self.broken = Some(error);
    }

    /// Adds a head to the chain; gives why not, if it does not fit.
    fn add(
        &mut self,
        name: &ObjectName,
        seq: u64,
        stat: &ObjectStat,
        version: Option<&ObjectVersion>,
    ) -> Result<Option<CopyError>, CopyError> {
        if stat.size > HEAD_LIMIT {
            return Ok(Some(HeadError::TooLong.into()));
        }
        let reader = match version {
            Some(version) => Some(self.store.get_version(name, version)?),
            None => self.store.get(name)?,
        };
        let Some(reader) = reader else {
            return Ok(Some(CopyError::HeadGone { seq }));
        };
        let bytes = reader.read_all(HEAD_LIMIT)?;
        let head = match self.heads.chain.add(seq, &bytes) {
            Ok(head) => head,
            Err(error) => return Ok(Some(error.into())),
        };
        let mut digester = Digester::default();
        digester.update(&bytes);
        self.heads.newest = Some(NewestHead {
            seq,
            time: head.time,
            digests: digester.finish(),
        });
        self.heads.pushes.push(ListedPush {
            seq,
            time: head.time,
            begin: head.begin,
            whole: head.whole,
            objects: head.objects.len() as u64,
            bytes: head.objects.iter().map(|object| object.size).sum(),
        });
        let objects = head.objects.into_iter().map(|object| object.name);
        self.heads.names.extend(objects);
        Ok(None)
    }
}
