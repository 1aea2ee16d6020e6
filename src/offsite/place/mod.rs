//! The places that a second copy can be in: object storage, a folder, whatever `rclone` reaches.
//!
//! | file | owns |
//! | --- | --- |
//! | `name.rs`, `object.rs` | what an object is called, and what a place says of it |
//! | `memory.rs` | a place for tests, and the model of the others |
//! | `folder.rs` | `file:` |
//! | `s3/` | `s3:` |
//! | `rclone/` | `rclone:` |
//! | `reader.rs` | an object's bytes, continued where a connection broke |
//! | `patience.rs` | trying again, and stopping |
//!
//! No object is ever overwritten. A place is believed only as far as it goes: what counts is that
//! the bytes have the hash that the object's name or a head gives, and the caller looks at that.

mod folder;
mod memory;
mod name;
mod object;
mod page;
mod patience;
mod rclone;
mod reader;
mod s3;

use std::io::Read;
use std::ops::Range;

use crate::base::error::{Error, Result, StoreFault};

pub use folder::FolderStore;
pub use memory::MemoryStore;
pub use name::{ObjectName, README};
pub use object::{
    Confirmation, ListedObject, ListedVersion, ObjectPage, ObjectStat, ObjectVersion,
    PutConditions, PutOutcome, SentBytes, SpoolFile, StoreAbilities, VersionList, VersionPage,
};
pub use patience::{Patience, StoreLimits};
pub use rclone::{RcloneProgram, RcloneStore};
pub use reader::{ObjectReader, explain_read};
pub use s3::{HttpsProxy, S3Options, S3Store};

/// The bytes of an object as a place sends them.
type ObjectBody<'a> = Box<dyn Read + Send + 'a>;

/// An open place.
#[derive(Debug)]
pub enum ObjectStore {
    /// In memory.
    Memory(MemoryStore),
    /// A folder.
    Folder(FolderStore),
    /// Object storage.
    S3(Box<S3Store>),
    /// Whatever `rclone` reaches.
    Rclone(RcloneStore),
}

/// Calls a method of the open place.
macro_rules! ask {
    ($store:expr, $place:ident => $call:expr) => {
        match $store {
            ObjectStore::Memory($place) => $call,
            ObjectStore::Folder($place) => $call,
            ObjectStore::S3($place) => $call,
            ObjectStore::Rclone($place) => $call,
        }
    };
}

impl ObjectStore {
    /// What people know the place by.
    #[must_use]
    pub fn shown(&self) -> &str {
        ask!(self, place => place.shown())
    }

    /// Puts an object, unless there is another one of that name. An equal one is a success.
    ///
    /// # Errors
    /// [`StoreFault::Unconfirmed`] if the place does not have it afterwards as it was sent.
    pub fn put(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<PutOutcome> {
        ask!(self, place => place.put(name, file))
    }

    /// What the place says of an object; `None` if it is not there.
    ///
    /// # Errors
    /// [`StoreFault::Hidden`] where the place does not say whether it is there.
    pub fn head(&self, name: &ObjectName) -> Result<Option<ObjectStat>> {
        ask!(self, place => place.head(name))
    }

    /// Reads an object; `None` if it is not there.
    pub fn get(&self, name: &ObjectName) -> Result<Option<ObjectReader<'_>>> {
        match self.head(name)? {
            Some(stat) => ObjectReader::open(self, name, None, 0..stat.size).map(Some),
            None => Ok(None),
        }
    }

    /// Reads a part of an object, which ends early where the object ends; `None` if the object
    /// is not there.
    pub fn get_range(
        &self,
        name: &ObjectName,
        range: Range<u64>,
    ) -> Result<Option<ObjectReader<'_>>> {
        match self.head(name)? {
            Some(stat) => {
                let end = range.end.min(stat.size);
                let range = range.start.min(end)..end;
                ObjectReader::open(self, name, None, range).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Reads a version of an object that [`Self::versions`] gave.
    pub fn get_version(
        &self,
        name: &ObjectName,
        version: &ObjectVersion,
    ) -> Result<ObjectReader<'_>> {
        self.get_part(name, Some(version), 0..version.stat.size)
    }

    /// Reads a part of an object that is known to be there and to have these bytes; where a
    /// version is named, of that one.
    pub fn get_part(
        &self,
        name: &ObjectName,
        version: Option<&ObjectVersion>,
        range: Range<u64>,
    ) -> Result<ObjectReader<'_>> {
        ObjectReader::open(self, name, version.map(|version| &*version.id), range)
    }

    /// The objects whose name begins with `prefix`, a page of them in the order of their names,
    /// after the page that gave this mark.
    pub fn list(&self, prefix: &str, after: Option<&str>) -> Result<ObjectPage> {
        ask!(self, place => place.list(prefix, after))
    }

    /// The versions of an object, the newest first, a page of them after the one that gave this
    /// mark. A place that keeps no earlier ones has none to show.
    pub fn versions(&self, name: &ObjectName, after: Option<&str>) -> Result<VersionPage> {
        match self {
            Self::S3(place) => place.versions(name, after),
            Self::Memory(place) => place.versions(name),
            Self::Folder(_) | Self::Rclone(_) => Ok(VersionPage::default()),
        }
    }

    /// The versions of all objects whose name begins with `prefix`, a page of them after the one
    /// that gave this mark. Those of which the newest "version" is that they were deleted are
    /// among them. A place that keeps no earlier ones has none to show.
    pub fn all_versions(&self, prefix: &str, after: Option<&str>) -> Result<VersionList> {
        match self {
            Self::S3(place) => place.all_versions(prefix, after),
            Self::Memory(place) => place.all_versions(prefix),
            Self::Folder(_) | Self::Rclone(_) => Ok(VersionList::default()),
        }
    }

    /// Puts an object twice and learns what the place can do. What is learned holds for this
    /// value from then on, and for another one through [`S3Options::abilities`].
    pub fn probe(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<StoreAbilities> {
        match self {
            Self::S3(place) => place.probe(name, file),
            Self::Memory(_) | Self::Folder(_) | Self::Rclone(_) => self.probe_plain(name, file),
        }
    }

    fn probe_plain(&self, name: &ObjectName, file: &SpoolFile<'_>) -> Result<StoreAbilities> {
        let PutOutcome::Stored(_) = self.put(name, file)? else {
            return Err(self.fault(StoreFault::Unconfirmed {
                name: name.to_string(),
            }));
        };
        let stat = self.head(name)?;
        Ok(StoreAbilities {
            conditions: match self {
                Self::Rclone(_) => PutConditions::Refused,
                _ => PutConditions::Work,
            },
            vouches_md5: stat.is_some_and(|stat| stat.md5 == Some(file.md5)),
            keeps_versions: false,
        })
    }

    /// The bytes of an object from the first to before the last, or fewer. Where a version is
    /// named, of that one.
    fn body(
        &self,
        name: &ObjectName,
        version: Option<&str>,
        range: Range<u64>,
    ) -> Result<ObjectBody<'_>> {
        match self {
            Self::Memory(place) => place.body(name, version, range),
            Self::Folder(place) => place.body(name, range),
            Self::S3(place) => place.body(name, version, range),
            Self::Rclone(place) => place.body(name, range),
        }
    }

    fn patience(&self) -> Option<&Patience> {
        match self {
            Self::Memory(_) | Self::Folder(_) => None,
            Self::S3(place) => Some(place.patience()),
            Self::Rclone(place) => Some(place.patience()),
        }
    }

    fn fault(&self, fault: StoreFault) -> Error {
        fault_of(self.shown(), fault)
    }
}

fn fault_of(place: &str, fault: StoreFault) -> Error {
    Error::Store {
        place: place.to_owned(),
        fault,
        reply: None,
    }
}
