//! What is sent to a place, and what a place says of what it has.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use md5::{Digest, Md5};

use super::ObjectName;
use crate::base::error::Result;
use crate::base::fsx;

/// Bytes of a file that are read at once, so that it is heard of each few of them.
const PIECE: usize = 256 << 10;

/// Hears how many bytes of an object are on their way. If a try failed, they are counted from 0
/// once more.
#[derive(Clone, Copy)]
pub struct SentBytes<'a>(pub &'a dyn Fn(u64));

impl fmt::Debug for SentBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SentBytes")
    }
}

/// A whole object in a file, as it is sent.
#[derive(Debug, Clone, Copy)]
pub struct SpoolFile<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its length.
    pub size: u64,
    /// The MD5 of its bytes, which places compare with.
    pub md5: [u8; 16],
    /// Who hears how much of it is sent, if anybody does.
    pub sent: Option<SentBytes<'a>>,
}

impl<'a> SpoolFile<'a> {
    /// Reads the file for its length and MD5.
    pub fn measure(path: &'a Path) -> Result<Self> {
        let mut file = fsx::open(path)?;
        let (size, md5) = digest(&mut file)
            .map_err(|error| crate::base::error::Error::file("read", path, error))?;
        Ok(Self {
            path,
            size,
            md5,
            sent: None,
        })
    }

    /// The bytes to be sent.
    pub(super) fn open(&self) -> Result<SpoolReader<'a>> {
        Ok(SpoolReader {
            file: fsx::open(self.path)?,
            read: 0,
            sent: self.sent,
        })
    }
}

/// Gives the bytes of a file to whoever sends them, and counts them.
pub(super) struct SpoolReader<'a> {
    file: File,
    read: u64,
    sent: Option<SentBytes<'a>>,
}

impl Read for SpoolReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(PIECE);
        let read = self.file.read(&mut buffer[..most])?;
        self.read += read as u64;
        if let Some(SentBytes(hear)) = self.sent {
            hear(self.read);
        }
        Ok(read)
    }
}

/// Length and MD5 of what a reader gives.
pub(super) fn digest(reader: &mut dyn Read) -> std::io::Result<(u64, [u8; 16])> {
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut size = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok((size, md5.finalize().into())),
            n => {
                md5.update(&buffer[..n]);
                size += n as u64;
            }
        }
    }
}

/// What a place says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectStat {
    /// Its length.
    pub size: u64,
    /// The MD5 of its bytes, if the place vouches for one.
    pub md5: Option<[u8; 16]>,
}

impl ObjectStat {
    /// Whether this is what was sent; `None` if the place's word does not decide it.
    pub(super) fn is(&self, file: &SpoolFile<'_>) -> Option<bool> {
        match self.md5 {
            _ if self.size != file.size => Some(false),
            Some(md5) => Some(md5 == file.md5),
            None => None,
        }
    }
}

/// By what it is known that a place has an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// The place gave the MD5 of what was sent.
    Md5,
    /// It gave the length, and knows no MD5.
    SizeOnly,
}

/// What became of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The place has it now, or had an equal object before.
    Stored(Confirmation),
    /// Another object has the name, and was left alone.
    Exists(ObjectStat),
}

/// Whether a place can be asked to put an object only if there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutConditions {
    /// It refuses to overwrite, in one step.
    Work,
    /// It refuses the question, so that it is never asked: one machine may push.
    Refused,
    /// It overwrites nevertheless: one machine may push.
    Ignored,
}

/// What a place can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreAbilities {
    /// Putting an object only if there is none.
    pub conditions: PutConditions,
    /// It gives the MD5 of what it has.
    pub vouches_md5: bool,
    /// It kept a version of what was put.
    pub keeps_versions: bool,
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// What it is called.
    pub name: ObjectName,
    /// What the list says of it.
    pub stat: ObjectStat,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectPage {
    /// In the order of their names.
    pub objects: Vec<ListedObject>,
    /// Things there whose names none of ours can have.
    pub foreign: u64,
    /// What to ask the next page with; `None` on the last.
    pub next: Option<String>,
}

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion {
    /// What the place calls it.
    pub id: String,
    /// What the place says of it.
    pub stat: ObjectStat,
    /// True of the one that a plain get gives.
    pub latest: bool,
}

/// A page of versions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionPage {
    /// The newest first.
    pub versions: Vec<ObjectVersion>,
    /// What to ask the next page with; `None` on the last.
    pub next: Option<String>,
}

/// A version in a list of all that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVersion {
    /// The object.
    pub name: ObjectName,
    /// Its version.
    pub version: ObjectVersion,
}

/// A page of the versions of many objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionList {
    /// In the order of their names, those of one object from the newest to the oldest.
    pub versions: Vec<ListedVersion>,
    /// What to ask the next page with; `None` on the last.
    pub next: Option<String>,
}
