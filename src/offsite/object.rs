//! Finding the right bytes of an object, and reading them.
//!
//! An object is right if its bytes have the name and the hashes that a head gives. Whoever may
//! put into a place may overwrite what is there, or mark it as deleted. If the place keeps older
//! versions, the right bytes are among them.

use std::collections::VecDeque;
use std::ops::Range;

use super::checked::{CheckedObject, ObjectVerdict};
use super::fault::CopyError;
use super::head::HeadObject;
use super::place::{ObjectName, ObjectStat, ObjectStore, ObjectVersion, VersionList, VersionPage};
use crate::base::error::{Error, StoreFault};

/// The name of an object that a head names.
pub(super) fn name_of(object: &HeadObject) -> Result<ObjectName, CopyError> {
    ObjectName::new(&object.name).ok_or_else(|| CopyError::Occupied {
        name: object.name.clone(),
    })
}

/// How what a place says of an object differs from what its head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatVerdict {
    Fits,
    Size { there: u64 },
    Changed,
}

impl StatVerdict {
    pub(super) fn of(stat: &ObjectStat, object: &HeadObject) -> Self {
        if stat.size != object.size {
            return Self::Size { there: stat.size };
        }
        match stat.md5 {
            Some(md5) if md5 != object.md5 => Self::Changed,
            _ => Self::Fits,
        }
    }
}

/// What a question for versions came to; nothing if the place does not answer it.
pub(super) fn if_shown<P>(answer: Result<P, Error>) -> Result<Option<P>, Error> {
    match answer {
        Ok(page) => Ok(Some(page)),
        // Listing versions is a right of its own, and some places do not know the question.
        Err(Error::Store {
            fault: StoreFault::Denied | StoreFault::Refused { .. } | StoreFault::Hidden { .. },
            ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A page of versions, or that there are none to see.
pub(super) fn shown_versions(
    store: &ObjectStore,
    prefix: &str,
    mark: Option<&str>,
) -> Result<Option<VersionList>, Error> {
    if_shown(store.all_versions(prefix, mark))
}

/// One version of an object that may be right.
#[derive(Debug)]
pub(super) struct ObjectCandidate<'p> {
    store: &'p ObjectStore,
    name: ObjectName,
    size: u64,
    version: Option<ObjectVersion>,
}

impl<'p> ObjectCandidate<'p> {
    /// True if other bytes, or none, are what the place gives to whoever asks for the object.
    pub(super) fn is_older(&self) -> bool {
        self.version.is_some()
    }

    /// All of it, from the start.
    pub(super) fn body(&self) -> Result<CheckedObject<'p>, Error> {
        let version = self.version.as_ref();
        let reader = self.store.get_part(&self.name, version, 0..self.size)?;
        Ok(CheckedObject::new(reader))
    }

    /// Some of its bytes; fewer if it ends before.
    pub(super) fn part(&self, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let end = range.end.min(self.size);
        let range = range.start.min(end)..end;
        let length = range.end - range.start;
        let reader = self
            .store
            .get_part(&self.name, self.version.as_ref(), range)?;
        reader.read_all(length)
    }
}

/// The versions of an object that are right as far as the place's word goes, the current one
/// first, then the older ones from the newest on. These are asked for only when they are needed.
#[derive(Debug)]
pub(super) struct ObjectSearch<'p> {
    store: &'p ObjectStore,
    object: &'p HeadObject,
    name: ObjectName,
    /// What the place says of the current version; none if there is none.
    current: Option<ObjectStat>,
    asked: bool,
    /// True until the current version was given.
    is_left: bool,
    found: VecDeque<ObjectVersion>,
    mark: Option<String>,
    more: bool,
}

impl<'p> ObjectSearch<'p> {
    /// A search that begins by asking for the object.
    pub(super) fn open(store: &'p ObjectStore, object: &'p HeadObject) -> Result<Self, CopyError> {
        let name = name_of(object)?;
        let current = match store.head(&name) {
            // Where nothing is said of it, its versions may be seen.
            Err(Error::Store {
                fault: StoreFault::Hidden { .. },
                ..
            }) if if_shown(store.versions(&name, None))?.is_some() => None,
            current => current?,
        };
        Self::new(store, object, current)
    }

    /// A search where it is known already what the place says of the object.
    pub(super) fn new(
        store: &'p ObjectStore,
        object: &'p HeadObject,
        current: Option<ObjectStat>,
    ) -> Result<Self, CopyError> {
        Ok(Self {
            store,
            name: name_of(object)?,
            object,
            current,
            asked: false,
            is_left: current.is_some(),
            found: VecDeque::new(),
            mark: None,
            more: true,
        })
    }

    /// The place.
    pub(super) fn store(&self) -> &'p ObjectStore {
        self.store
    }

    fn candidate(&self, size: u64, version: Option<ObjectVersion>) -> ObjectCandidate<'p> {
        ObjectCandidate {
            store: self.store,
            name: self.name.clone(),
            size,
            version,
        }
    }

    /// The next version that may be right; none after the last.
    pub(super) fn next(&mut self) -> Result<Option<ObjectCandidate<'p>>, CopyError> {
        let fits = |stat: &ObjectStat| StatVerdict::of(stat, self.object) == StatVerdict::Fits;
        if !self.asked {
            self.asked = true;
            if let Some(stat) = self.current.filter(|stat| fits(stat)) {
                self.is_left = false;
                return Ok(Some(self.candidate(stat.size, None)));
            }
        }
        loop {
            if let Some(version) = self.found.pop_front() {
                if fits(&version.stat) && !(version.latest && self.current.is_some()) {
                    return Ok(Some(self.candidate(version.stat.size, Some(version))));
                }
                continue;
            }
            if !self.more {
                return Ok(None);
            }
            let page = if_shown(self.store.versions(&self.name, self.mark.as_deref()))?;
            let VersionPage { versions, next } = page.unwrap_or_default();
            self.found = versions.into();
            self.more = next.is_some();
            self.mark = next;
        }
    }

    /// The same, and in the end the current version even if it is wrong: some of it may be in
    /// order.
    pub(super) fn next_or_wrong(&mut self) -> Result<Option<ObjectCandidate<'p>>, CopyError> {
        if let Some(found) = self.next()? {
            return Ok(Some(found));
        }
        let left = self.current.filter(|_| std::mem::take(&mut self.is_left));
        Ok(left.map(|stat| self.candidate(stat.size, None)))
    }

    /// The next version whose bytes are right; all of it is read for that.
    fn next_right(&mut self) -> Result<Option<ObjectCandidate<'p>>, CopyError> {
        while let Some(candidate) = self.next()? {
            let body = candidate.body()?;
            if body.finish(self.store, self.object)? == ObjectVerdict::Right {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// The version that is right, before anything is done with its bytes. The MD5 that a place
    /// gives is enough for that; who reads the bytes finds out whether it was true.
    pub(super) fn next_trusted(&mut self) -> Result<Option<ObjectCandidate<'p>>, CopyError> {
        let stat = self.current.as_ref();
        let vouched = stat.is_some_and(|stat| {
            stat.md5.is_some() && StatVerdict::of(stat, self.object) == StatVerdict::Fits
        });
        if vouched {
            self.next()
        } else {
            self.next_right()
        }
    }
}
