//! Reading an object and finding out in the same pass whether it is what its head says.

use std::io::{self, Read};

use super::head::HeadObject;
use super::pack::Digester;
use super::place::{ObjectReader, ObjectStore, explain_read};
use super::watch::CopyWatch;
use crate::base::error::Error;

/// Keeps the failure of a reader apart from those of whoever writes what it gives.
pub(super) struct SourceOnly<'c> {
    inner: &'c mut dyn Read,
    failed: Option<io::Error>,
}

impl<'c> SourceOnly<'c> {
    pub(super) fn new(inner: &'c mut dyn Read) -> Self {
        Self {
            inner,
            failed: None,
        }
    }

    /// What failed, if anything did.
    pub(super) fn failed(self) -> Option<io::Error> {
        self.failed
    }
}

impl Read for SourceOnly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            self.failed = Some(error);
            io::Error::other("the object cannot be read")
        })
    }
}

/// Computes the hashes of what is read, and lets somebody hear how much that is.
pub(super) struct CheckedObject<'p> {
    reader: ObjectReader<'p>,
    watch: Option<&'p CopyWatch<'p>>,
    digester: Digester,
    failed: Option<io::Error>,
}

/// Whether an object has the bytes that its head names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectVerdict {
    Right,
    Wrong,
}
impl<'p> CheckedObject<'p> {
    pub(super) fn new(reader: ObjectReader<'p>) -> Self {
        Self {
            reader,
            watch: None,
            digester: Digester::default(),
            failed: None,
        }
    }

    /// The same; what is read is counted there.
    pub(super) fn watched(mut self, watch: &'p CopyWatch<'p>) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Reads what is left, and compares all of it.
    pub(super) fn finish(
        mut self,
        store: &ObjectStore,
        object: &HeadObject,
    ) -> Result<ObjectVerdict, Error> {
        let mut buffer = vec![0; 64 << 10];
        while self.failed.is_none() {
            match self.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if self.failed.is_some() => break,
                Err(e) => return Err(explain_read(store, e)),
            }
        }
        if let Some(error) = self.failed {
            return Err(explain_read(store, error));
        }
        let digests = self.digester.finish();
        let id = object.name.rsplit('/').next().unwrap_or_default();
        let right = digests.id() == id
            && digests.length == object.size
            && digests.sha256 == object.sha256
            && digests.md5 == object.md5;
        Ok(if right {
            ObjectVerdict::Right
        } else {
            ObjectVerdict::Wrong
        })
    }
}

impl Read for CheckedObject<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            Ok(read) => {
                self.digester.update(&buffer[..read]);
                if let Some(watch) = self.watch {
                    watch.pass(read as u64);
                }
                Ok(read)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            // It is kept here: readers above pass on only what they made of it.
            Err(e) => {
                self.failed = Some(e);
                Err(io::Error::other("the place failed"))
            }
        }
    }
}
