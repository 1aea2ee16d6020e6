//! A place in memory: for tests, and what the others are compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};
use std::ops::Range;
use std::sync::Mutex;

use super::object::digest;
use super::page::PageBuilder;
use super::{
    Confirmation, ListedVersion, ObjectBody, ObjectName, ObjectPage, ObjectStat, ObjectVersion,
    PutOutcome, SpoolFile, VersionList, VersionPage, fault_of,
};
use crate::base::error::{Error, Result, StoreFault};
use crate::base::sync::lock;

/// What the newest version of an object is called.
const CURRENT: &str = "current";

type OlderVersions = BTreeMap<ObjectName, Vec<Vec<u8>>>;

/// A place in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<ObjectName, Vec<u8>>>,
    /// What was overwritten or deleted, the oldest first; none if nothing is kept of that.
    older: Mutex<Option<OlderVersions>>,
    #[cfg(test)]
    trouble: Mutex<StoreTrouble>,
}

/// What tests see of the calls, and how they let them fail.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreTrouble {
    /// Each call so far: what was asked, and the name.
    pub(crate) calls: Vec<(&'static str, String)>,
    /// From this call on, counted from 0, all fail.
    pub(crate) fails_from: Option<usize>,
    /// The first put that fails is done nevertheless: only its answer is lost.
    pub(crate) loses_answer: bool,
    /// The first put that fails leaves a part of an object, but for heads: these are short.
    pub(crate) keeps_part: bool,
    /// An object that is read with other bytes than the place says.
    pub(crate) lies: Option<(ObjectName, Vec<u8>)>,
    /// No MD5 is given.
    pub(crate) keeps_md5_secret: bool,
}

impl MemoryStore {
    // The places are called alike.
    #[allow(clippy::unused_self)]
    pub(super) fn shown(&self) -> &'static str {
        "memory"
    }

    /// The trouble of a test.
    #[cfg(test)]
    pub(crate) fn trouble(&self) -> std::sync::MutexGuard<'_, StoreTrouble> {
        lock(&self.trouble)
    }

    /// Keeps from now on what is overwritten or deleted.
    #[cfg(test)]
    pub(crate) fn keep_versions(&self) {
        lock(&self.older).get_or_insert_default();
    }

    /// Overwrites an object as somebody does who may, or deletes it.
    #[cfg(test)]
    pub(crate) fn overwrite(&self, name: &ObjectName, bytes: Option<Vec<u8>>) {
        let mut objects = lock(&self.objects);
        let before = match bytes {
            Some(bytes) => objects.insert(name.clone(), bytes),
            None => objects.remove(name),
        };
        if let (Some(older), Some(before)) = (&mut *lock(&self.older), before) {
            older.entry(name.clone()).or_default().push(before);
        }
    }

    /// The objects, for tests that change them.
    #[cfg(test)]
    pub(crate) fn objects(&self) -> std::sync::MutexGuard<'_, BTreeMap<ObjectName, Vec<u8>>> {
        lock(&self.objects)
    }

    #[cfg(test)]
    fn meet(&self, call: &'static str, name: &str) -> Result<()> {
        let mut trouble = self.trouble();
        trouble.calls.push((call, name.to_owned()));
        match trouble.fails_from {
            Some(first) if trouble.calls.len() > first => {
                Err(fault_of("memory", StoreFault::Unreachable))
            }
            _ => Ok(()),
        }
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn meet(&self, _call: &'static str, _name: &str) -> Result<()> {
        Ok(())
    }

    pub(super) fn put(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<PutOutcome> {
        let met = self.meet("put", name.as_str());
        #[cfg(test)]
        if met.is_err() && self.trouble().loses_answer {
            self.trouble().loses_answer = false;
            self.store(name, file)?;
        }
        #[cfg(test)]
        if met.is_err() && std::mem::take(&mut self.trouble().keeps_part) {
            self.store_part(name, file)?;
        }
        met?;
        self.store(name, file)
    }

    #[cfg(test)]
    fn store_part(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<()> {
        if !name.as_str().starts_with("heads/") {
            let mut part = Vec::new();
            let read = file.open()?.take(file.size / 2).read_to_end(&mut part);
            read.map_err(|error| Error::file("read", file.path, error))?;
            lock(&self.objects).entry(name.clone()).or_insert(part);
        }
        Ok(())
    }

    fn store(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<PutOutcome> {
        let mut bytes = Vec::new();
        file.open()?
            .read_to_end(&mut bytes)
            .map_err(|error| Error::file("read", file.path, error))?;
        let mut objects = lock(&self.objects);
        let there = objects.entry(name.clone()).or_insert(bytes);
        let stat = stat(there);
        Ok(match stat.is(file) {
            Some(true) => PutOutcome::Stored(Confirmation::Md5),
            _ => PutOutcome::Exists(stat),
        })
    }

    pub(super) fn head(&self, name: &ObjectName) -> Result<Option<ObjectStat>> {
        self.meet("head", name.as_str())?;
        Ok(lock(&self.objects).get(name).map(|bytes| self.said(bytes)))
    }

    pub(super) fn body(
        &self,
        name: &ObjectName,
        version: Option<&str>,
        range: Range<u64>,
    ) -> Result<ObjectBody<'_>> {
        self.meet("get", name.as_str())?;
        #[cfg(test)]
        if let Some((_, bytes)) = self.trouble().lies.clone().filter(|(of, _)| of == name) {
            return Ok(Box::new(Cursor::new(bytes)));
        }
        let objects = lock(&self.objects);
        let older = lock(&self.older);
        let older = older.as_ref().and_then(|older| older.get(name));
        let bytes = match version.and_then(|version| version.parse::<usize>().ok()) {
            Some(number) => older.and_then(|older| older.get(number)),
            None => objects.get(name),
        };
        let bytes = bytes.ok_or_else(|| {
            fault_of(
                "memory",
                StoreFault::Unconfirmed {
                    name: name.to_string(),
                },
            )
        })?;
        let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let part = bytes[at(range.start)..at(range.end)].to_vec();
        Ok(Box::new(Cursor::new(part)))
    }

    pub(super) fn list(&self, prefix: &str, after: Option<&str>) -> Result<ObjectPage> {
        self.meet("list", prefix)?;
        let mut page = PageBuilder::new(prefix, after);
        for (name, bytes) in &*lock(&self.objects) {
            page.add(name.clone(), self.said(bytes));
        }
        Ok(page.finish())
    }

    /// What is said of these bytes.
    #[allow(clippy::unused_self)]
    fn said(&self, bytes: &[u8]) -> ObjectStat {
        let said = stat(bytes);
        #[cfg(test)]
        if self.trouble().keeps_md5_secret {
            return ObjectStat { md5: None, ..said };
        }
        said
    }

    pub(super) fn versions(&self, name: &ObjectName) -> Result<VersionPage> {
        let all = self.all_versions(name.as_str())?.versions.into_iter();
        let of_it = all.filter(|listed| listed.name == *name);
        Ok(VersionPage {
            versions: of_it.map(|listed| listed.version).collect(),
            next: None,
        })
    }

    pub(super) fn all_versions(&self, prefix: &str) -> Result<VersionList> {
        self.meet("versions", prefix)?;
        let objects = lock(&self.objects);
        let older = lock(&self.older);
        let mut list = VersionList::default();
        let Some(older) = &*older else {
            return Ok(list);
        };
        let names: BTreeSet<&ObjectName> = objects.keys().chain(older.keys()).collect();
        for name in names {
            if !name.as_str().starts_with(prefix) {
                continue;
            }
            let current = objects.get(name).map(|bytes| (CURRENT.to_owned(), bytes));
            let older = older.get(name).map_or(&[][..], Vec::as_slice);
            let older = older.iter().enumerate().rev();
            let older = older.map(|(number, bytes)| (number.to_string(), bytes));
            for (id, bytes) in current.into_iter().chain(older) {
                list.versions.push(ListedVersion {
                    name: name.clone(),
                    version: ObjectVersion {
                        latest: id == CURRENT,
                        stat: self.said(bytes),
                        id,
                    },
                });
            }
        }
        Ok(list)
    }
}

fn stat(bytes: &[u8]) -> ObjectStat {
    // A slice does not fail.
    let md5 = digest(&mut &*bytes).ok().map(|(_, md5)| md5);
    ObjectStat {
        size: bytes.len() as u64,
        md5,
    }
}
