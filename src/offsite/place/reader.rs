//! An object's bytes, continued where a connection broke.

use std::io::{self, Read};
use std::ops::Range;

use super::{ObjectBody, ObjectName, ObjectStore};
use crate::base::error::{Error, Result, StoreFault};
use crate::base::retry::Retry;

/// Reads an object, or a part of it. It ends where the object was said to end and nowhere else.
///
/// Its errors hold those of this library: [`explain_read`] gets them back.
pub struct ObjectReader<'p> {
    store: &'p ObjectStore,
    name: ObjectName,
    version: Option<String>,
    left: Range<u64>,
    body: Option<ObjectBody<'p>>,
    retry: Option<Retry>,
}

impl<'p> ObjectReader<'p> {
    pub(super) fn open(
        store: &'p ObjectStore,
        name: &ObjectName,
        version: Option<&str>,
        range: Range<u64>,
    ) -> Result<Self> {
        let mut reader = Self {
            store,
            name: name.clone(),
            version: version.map(str::to_owned),
            left: range,
            body: None,
            retry: store.patience().map(super::Patience::retry),
        };
        // What is not there is known before the first byte is asked for.
        if !reader.left.is_empty() {
            reader.persist(Self::connect)?;
        }
        Ok(reader)
    }

    /// Bytes that are still to come.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.end.saturating_sub(self.left.start)
    }

    /// Reads all the rest, which must not be longer than `most`.
    ///
    /// # Errors
    /// [`StoreFault::Garbled`] if it is longer.
    pub fn read_all(mut self, most: u64) -> Result<Vec<u8>> {
        if self.left() > most {
            let what = format!("{} is longer than {most} bytes", self.name);
            return Err(self.store.fault(StoreFault::Garbled { what }));
        }
        let mut bytes = Vec::new();
        let read = self.read_to_end(&mut bytes);
        read.map_err(|error| explain_read(self.store, error))?;
        Ok(bytes)
    }

    fn connect(&mut self) -> Result<()> {
        let version = self.version.as_deref();
        self.body = Some(self.store.body(&self.name, version, self.left.clone())?);
        Ok(())
    }

    /// Does something again as long as that may help.
    fn persist<T>(&mut self, mut once: impl FnMut(&mut Self) -> Result<T>) -> Result<T> {
        loop {
            match once(self) {
                Ok(done) => return Ok(done),
                Err(error) => {
                    self.body = None;
                    match (self.store.patience(), &mut self.retry) {
                        (Some(patience), Some(retry)) => patience.wait(retry, error)?,
                        _ => return Err(error),
                    }
                }
            }
        }
    }

    fn once(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.body.is_none() {
            self.connect()?;
        }
        let most = usize::try_from(self.left()).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let early = || StoreFault::Garbled {
            what: format!("{} ended early", self.name),
        };
        let body = self
            .body
            .as_mut()
            .ok_or_else(|| self.store.fault(early()))?;
        match body.read(&mut buffer[..most]) {
            Ok(0) => Err(self.store.fault(early())),
            Ok(n) => {
                self.left.start += n as u64;
                if let Some(retry) = &mut self.retry {
                    retry.progressed();
                }
                Ok(n)
            }
            Err(error) => Err(explain_read(self.store, error)),
        }
    }
}

impl Read for ObjectReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() || buffer.is_empty() {
            return Ok(0);
        }
        let read = self.persist(|reader| reader.once(buffer));
        read.map_err(io::Error::other)
    }
}

impl std::fmt::Debug for ObjectReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReader")
            .field("name", &self.name)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// What failed when an [`ObjectReader`] failed.
#[must_use]
pub fn explain_read(store: &ObjectStore, error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => store.fault(StoreFault::Garbled {
            what: crate::base::error::words(&error),
        }),
    }
}
