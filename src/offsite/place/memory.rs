//! A place in memory: for tests, and what the others are compared with.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::ops::Range;
use std::sync::Mutex;

use super::object::digest;
use super::page::PageBuilder;
use super::{
    Confirmation, ObjectBody, ObjectName, ObjectPage, ObjectStat, PutOutcome, SpoolFile, fault_of,
};
use crate::base::error::{Error, Result, StoreFault};
use crate::base::sync::lock;

/// A place in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<ObjectName, Vec<u8>>>,
}

impl MemoryStore {
    // The places are called alike.
    #[allow(clippy::unused_self)]
    pub(super) fn shown(&self) -> &'static str {
        "memory"
    }

    pub(super) fn put(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<PutOutcome> {
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

    #[allow(clippy::unnecessary_wraps)]
    pub(super) fn head(&self, name: &ObjectName) -> Result<Option<ObjectStat>> {
        Ok(lock(&self.objects).get(name).map(|bytes| stat(bytes)))
    }

    pub(super) fn body(&self, name: &ObjectName, range: Range<u64>) -> Result<ObjectBody<'_>> {
        let objects = lock(&self.objects);
        let bytes = objects.get(name).ok_or_else(|| {
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

    #[allow(clippy::unnecessary_wraps)]
    pub(super) fn list(&self, prefix: &str, after: Option<&str>) -> Result<ObjectPage> {
        let mut page = PageBuilder::new(prefix, after);
        for (name, bytes) in &*lock(&self.objects) {
            page.add(name.clone(), stat(bytes));
        }
        Ok(page.finish())
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
