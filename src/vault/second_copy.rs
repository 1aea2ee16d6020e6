//! What a second copy takes from a vault: the contents that the ledger speaks of after a place in
//! it, their files, and the bytes of the ledger itself.

use std::io::{self, Read};
use std::path::PathBuf;

use super::Vault;
use super::catalog::Place;
use super::layout::FileName;
use super::ledger::{self, Position, Reader};
use super::tombstones::TombstoneKey;
use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;

impl Vault {
    /// The vault's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The key of what was forgotten; none if there is none, and none that is not the right one,
    /// since the copy may have that.
    pub(crate) fn tombstone_key(&self) -> Result<Option<TombstoneKey>> {
        match self.tombstones() {
            Err(Error::Damaged { .. }) => Ok(None),
            key => key,
        }
    }

    /// How far the catalog knows the ledger; none if that is empty. All lines before are durable,
    /// whoever writes more of them now.
    pub(crate) fn ledger_end(&self) -> Result<Option<Position>> {
        self.catalog.position()
    }

    /// What the ledger says after a place; none if it does not have that place.
    pub(crate) fn ledger_after(&self, position: Option<&Position>) -> Result<Option<Reader>> {
        match position {
            Some(position) => Reader::from(&self.layout, &self.id, position),
            None => Reader::new(&self.layout, &self.id).map(Some),
        }
    }

    /// The months of the ledger, oldest first, each by its plain file, relative to the vault.
    pub(crate) fn ledger_files(&self) -> Result<Vec<String>> {
        ledger::months(&self.layout)
    }

    /// The plain bytes of a month from a place on.
    pub(crate) fn ledger_bytes(&self, file: &str, offset: u64) -> Result<impl Read + use<>> {
        ledger::plain_bytes(&self.layout, file, offset)
    }

    /// How many plain bytes a month has.
    pub(crate) fn ledger_length(&self, file: &str) -> Result<u64> {
        let mut bytes = self.ledger_bytes(file, 0)?;
        let read = io::copy(&mut bytes, &mut io::sink());
        read.map_err(|e| Error::file("read", &self.layout.root().join(file), e))
    }

    /// The place after a line that a copy has, by the plain file's name; none if the ledger has
    /// another line there, or ends before. A checksum stands for all lines before it, and stays
    /// when a line is masked.
    pub(crate) fn place_after(
        &self,
        line: &[u8],
        file: &str,
        offset: u64,
    ) -> Result<Option<Position>> {
        let is_named = |known: &String| known.rsplit('/').next() == Some(file);
        let Some(file) = self.ledger_files()?.into_iter().find(is_named) else {
            return Ok(None);
        };
        let Some(begin) = offset.checked_sub(line.len() as u64 + 1) else {
            return Ok(None);
        };
        if self.ledger_length(&file)? < offset {
            return Ok(None);
        }
        let mut here = Vec::new();
        let bytes = self.ledger_bytes(&file, begin)?;
        bytes
            .take(line.len() as u64)
            .read_to_end(&mut here)
            .map_err(|e| Error::file("read", &self.layout.root().join(&file), e))?;
        Ok(ledger::place_after(&here, line, file, offset))
    }

    /// The bytes of the ledger between two places: file, offset and length of each stretch.
    pub(crate) fn ledger_parts(
        &self,
        from: Option<&Position>,
        to: &Position,
    ) -> Result<Vec<(String, u64, u64)>> {
        let mut parts = Vec::new();
        for file in self.ledger_files()? {
            if file > to.file || from.is_some_and(|from| file < from.file) {
                continue;
            }
            let offset = from.filter(|from| from.file == file);
            let offset = offset.map_or(0, |from| from.offset);
            let end = if file == to.file {
                to.offset
            } else {
                self.ledger_length(&file)?
            };
            if end > offset {
                parts.push((file, offset, end - offset));
            }
        }
        Ok(parts)
    }

    /// The name of a content and one of its places; none if it was lost or forgotten.
    pub(crate) fn content_place(&self, hash: Hash128) -> Result<Option<(FileName, Option<Place>)>> {
        let Some(blob) = self.catalog.find(hash)? else {
            return Ok(None);
        };
        let place = self.catalog.places(blob.id)?.into_iter().next();
        Ok(Some((blob.name, place)))
    }

    /// True if messages are lost here that nobody removed on purpose.
    pub(crate) fn has_lost(&self) -> Result<bool> {
        Ok(!self.catalog.lost()?.is_empty())
    }

    /// True if the ledger speaks of this content, also of one that is lost.
    pub(crate) fn knows_content(&self, hash: Hash128) -> Result<bool> {
        Ok(self.catalog.key_of(hash)?.is_some())
    }

    /// The name and files of a content; none if it was lost or forgotten.
    pub(crate) fn content_files(&self, hash: Hash128) -> Result<Option<(FileName, Vec<PathBuf>)>> {
        let Some(blob) = self.catalog.find(hash)? else {
            return Ok(None);
        };
        Ok(Some((blob.name, self.files_of(hash)?)))
    }
}
