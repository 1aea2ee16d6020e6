//! What was made and is not yet named by a head: `<vault>/offsite/<name>/pending`.
//!
//! | file | holds |
//! | --- | --- |
//! | `pack-<id>` | a pack that may not be in the place |
//! | `pack-<id>.json` | its hashes and index; alone: the place has confirmed it |
//! | `push`, `push.json` | the same of the push |
//! | `head` | the head; all that it names was confirmed |
//!
//! Each file is durable before the place hears of it. So a push that was killed is continued: with
//! a head it is finished, without one its packs are kept and the push is made again.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::offsite::head::HeadObject;
use crate::offsite::pack::{Digests, PackIndex, WrittenPack, hex, unhex};
use crate::offsite::payload::{OwedMessage, OwedReason};
use crate::offsite::place::SpoolFile;
use crate::vault::ledger::{Checksum, Position};

const PUSH: &str = "push";
const HEAD: &str = "head";
const PART: &str = "part";
const PACK: &str = "pack-";
const JSON: &str = ".json";

/// A place in the ledger, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PositionText {
    file: String,
    offset: u64,
    c: String,
    line: u64,
}

impl PositionText {
    pub(super) fn of(position: &Position) -> Self {
        Self {
            file: position.file.clone(),
            offset: position.offset,
            c: position.c.to_string(),
            line: position.seq,
        }
    }

    pub(super) fn position(&self) -> Option<Position> {
        Some(Position {
            file: self.file.clone(),
            offset: self.offset,
            c: Checksum::parse(&self.c)?,
            seq: self.line,
        })
    }
}

/// What a head says of an object, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpooledObject {
    pub(super) name: String,
    pub(super) size: u64,
    sha256: String,
    md5: String,
}

impl SpooledObject {
    fn of(folder: &str, digests: &Digests) -> Self {
        Self {
            name: format!("{folder}/{}", digests.id()),
            size: digests.length,
            sha256: hex(&digests.sha256),
            md5: hex(&digests.md5),
        }
    }

    pub(super) fn head_object(&self) -> Option<HeadObject> {
        Some(HeadObject {
            name: self.name.clone(),
            size: self.size,
            sha256: unhex(&self.sha256)?,
            md5: unhex(&self.md5)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct PackText {
    object: SpooledObject,
    /// Who can read it (`keys_id`).
    keys: String,
    index: String,
}

/// A round as its push was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoundEnd {
    pub(super) object: SpooledObject,
    /// Up to where it has the ledger, if it has any of it.
    pub(super) position: Option<PositionText>,
    /// Who can read the push and its packs (`keys_id`).
    keys: String,
    /// The messages in it.
    pub(super) messages: Vec<String>,
    owed: Vec<(String, OwedReason)>,
}

impl RoundEnd {
    pub(super) fn new(
        digests: &Digests,
        keys: Hash128,
        position: Option<PositionText>,
        messages: impl Iterator<Item = Hash128>,
        owed: &[OwedMessage],
    ) -> Self {
        let owed = owed.iter().map(|owed| (owed.hash.to_string(), owed.reason));
        Self {
            object: SpooledObject::of(PUSH, digests),
            keys: keys.to_string(),
            position,
            messages: messages.map(|hash| hash.to_string()).collect(),
            owed: owed.collect(),
        }
    }

    /// Who can read it.
    pub(super) fn keys(&self) -> Hash128 {
        Hash128::parse(&self.keys).unwrap_or(Hash128([0; 16]))
    }

    pub(super) fn owed(&self) -> Vec<OwedMessage> {
        let owed = |(hash, reason): &(String, OwedReason)| {
            let (hash, reason) = (Hash128::parse(hash)?, *reason);
            Some(OwedMessage { hash, reason })
        };
        self.owed.iter().filter_map(owed).collect()
    }
}

/// The folder.
#[derive(Debug)]
pub(super) struct PushSpool {
    folder: PathBuf,
}

impl PushSpool {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        fsx::create_dir_all_durably(folder)?;
        Ok(Self {
            folder: folder.to_path_buf(),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The file of an object that may not be in the place.
    pub(super) fn data(&self, object: &SpooledObject) -> PathBuf {
        match object.name.strip_prefix("packs/") {
            Some(id) => self.path(&format!("{PACK}{id}")),
            None => self.path(PUSH),
        }
    }

    /// A new file to write an object into.
    pub(super) fn begin(&self) -> Result<(File, PathBuf)> {
        let path = self.path(PART);
        remove(&path)?;
        Ok((fsx::create_new(&path)?, path))
    }

    /// Keeps the pack that was written.
    pub(super) fn keep_pack(
        &self,
        file: &File,
        written: &WrittenPack,
        keys: Hash128,
    ) -> Result<SpooledObject> {
        let object = SpooledObject::of("packs", &written.digests);
        let text = PackText {
            object: object.clone(),
            keys: keys.to_string(),
            index: written.index.to_text(),
        };
        self.keep(file, &object, &text)?;
        Ok(object)
    }

    /// Keeps the push that was written.
    pub(super) fn keep_push(&self, file: &File, end: &RoundEnd) -> Result<()> {
        self.keep(file, &end.object, end)
    }

    fn keep(&self, file: &File, object: &SpooledObject, text: &impl Serialize) -> Result<()> {
        let (part, data) = (self.path(PART), self.data(object));
        fsx::sync_file(file, &part)?;
        fsx::rename(&part, &data)?;
        // Texts and numbers always have a JSON.
        let text = serde_json::to_vec(text).unwrap_or_default();
        fsx::write_durably(&record_of(&data), &text)
    }

    /// Forgets the bytes of an object that the place has confirmed.
    pub(super) fn confirmed(&self, object: &SpooledObject) -> Result<()> {
        remove(&self.data(object))
    }

    /// Drops an object as if it was never made.
    pub(super) fn drop_object(&self, object: &SpooledObject) -> Result<()> {
        let data = self.data(object);
        remove(&record_of(&data))?;
        remove(&data)
    }

    /// What is left to do with an object of an earlier push.
    pub(super) fn unsent(&self, object: &SpooledObject) -> Result<Unsent> {
        let path = self.data(object);
        if !fsx::is_file(&path)? {
            return Ok(Unsent::Confirmed);
        }
        let measured = SpoolFile::measure(&path)?;
        let whole = measured.size == object.size && hex(&measured.md5) == object.md5;
        Ok(if whole { Unsent::Whole } else { Unsent::Torn })
    }

    /// The packs, in the order of their names.
    pub(super) fn packs(&self) -> Result<Vec<SpooledObject>> {
        let mut packs = Vec::new();
        for name in self.names()? {
            if name.starts_with(PACK) && name.ends_with(JSON) {
                packs.push(self.read::<PackText>(&name)?.object);
            }
        }
        packs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(packs)
    }

    /// True if these keys can read a pack.
    pub(super) fn is_for(&self, pack: &SpooledObject, keys: Hash128) -> Result<bool> {
        let (text, _) = self.text(pack)?;
        Ok(text.keys == keys.to_string())
    }

    fn text(&self, pack: &SpooledObject) -> Result<(PackText, PathBuf)> {
        let record = record_of(&self.data(pack));
        let name = record.file_name().unwrap_or_default().to_string_lossy();
        Ok((self.read(&name)?, record))
    }

    /// The index of a pack.
    pub(super) fn index(&self, pack: &SpooledObject) -> Result<PackIndex> {
        let (text, record) = self.text(pack)?;
        PackIndex::parse(text.index.as_bytes()).map_err(|_| damaged(&record))
    }

    /// Keeps the head. From now on the round is only finished.
    pub(super) fn keep_head(&self, head: &[u8]) -> Result<()> {
        fsx::write_durably(&self.path(HEAD), head)
    }

    /// The head and the round that it ends, if a push was killed after it was made.
    pub(super) fn head(&self) -> Result<Option<(Vec<u8>, RoundEnd)>> {
        let path = self.path(HEAD);
        if !fsx::is_file(&path)? {
            return Ok(None);
        }
        let end = self.read(&format!("{PUSH}{JSON}"))?;
        Ok(Some((fsx::read(&path)?, end)))
    }

    pub(super) fn head_path(&self) -> PathBuf {
        self.path(HEAD)
    }

    /// Removes all but the packs that have their record.
    pub(super) fn sweep(&self) -> Result<()> {
        // Without its head, the push is nothing.
        remove(&self.path(HEAD))?;
        let names = self.names()?;
        for name in &names {
            let pack = name.strip_suffix(JSON).unwrap_or(name);
            let whole = pack.starts_with(PACK) && names.contains(&format!("{pack}{JSON}"));
            if !whole {
                remove(&self.path(name))?;
            }
        }
        Ok(())
    }

    /// Removes everything, after the round was taken in.
    pub(super) fn clear(&self) -> Result<()> {
        // First: with it the round would be finished once more, without its packs.
        remove(&self.path(HEAD))?;
        fsx::sync_dir(&self.folder)?;
        for name in self.names()? {
            remove(&self.path(&name))?;
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>> {
        let names = fsx::list(&self.folder)?.into_iter();
        Ok(names
            .filter_map(|(name, _)| name.into_string().ok())
            .collect())
    }

    fn read<T: for<'t> Deserialize<'t>>(&self, name: &str) -> Result<T> {
        let path = self.path(name);
        let bytes = fsx::read(&path)?;
        serde_json::from_slice(&bytes).map_err(|_| damaged(&path))
    }
}

/// What is left to do with an object.
#[derive(Debug)]
pub(super) enum Unsent {
    /// Nothing: the place has it.
    Confirmed,
    /// To put it.
    Whole,
    /// To make it again.
    Torn,
}

fn remove(path: &Path) -> Result<()> {
    match fsx::look(path)? {
        Some(_) => fsx::remove(path),
        None => Ok(()),
    }
}

fn record_of(data: &Path) -> PathBuf {
    let mut name = data.as_os_str().to_owned();
    name.push(JSON);
    name.into()
}

fn damaged(path: &Path) -> Error {
    Error::Damaged {
        path: path.to_path_buf(),
        detail: "it is not what a push left there".to_owned(),
    }
}
