//! Writing a push, part by part, in bounded memory.

use std::io::{Read, Write};

use super::manifest::{PushCounts, PushManifest};
use super::owed::OwedMessage;
use super::{
    LedgerRange, MANIFEST, PushError, TOMBSTONES, is_ledger_file, ledger_name, message_name,
};
use crate::mail::message::Hash128;
use crate::offsite::pack::{PackIndex, PackWriter, Recipients, WrittenPack, is_hex};

/// Bytes of lines that wait to become a member.
const OWED_PART: usize = 1 << 20;

/// Writes a push to wherever encrypted bytes can go.
pub struct PushWriter<W: Write> {
    pack: PackWriter<W>,
    counts: PushCounts,
    listed: PushCounts,
    owed: Vec<u8>,
    owed_parts: u32,
    /// The time of members that are no messages.
    time: u64,
}

impl<W: Write> PushWriter<W> {
    /// Begins a push, of which everything is known but the bytes: what is added must be as much
    /// as the manifest counts. `time` is in Unix seconds.
    pub fn new(
        to: W,
        recipients: &Recipients,
        level: i32,
        manifest: &PushManifest,
        time: u64,
    ) -> Result<Self, PushError> {
        if !manifest.is_in_order() {
            return Err(PushError::Member {
                member: MANIFEST.into(),
            });
        }
        let mut pack = PackWriter::new(to, recipients, level)?;
        let text = manifest.to_bytes();
        pack.add(MANIFEST, text.len() as u64, time, &mut &text[..])?;
        Ok(Self {
            pack,
            counts: PushCounts::default(),
            listed: manifest.counts,
            owed: Vec::new(),
            owed_parts: 0,
            time,
        })
    }

    /// Adds a message. As with packs, one that cannot be read leaves the push as it was if it is
    /// not long; but then the manifest counts one too many.
    pub fn message(
        &mut self,
        hash: Hash128,
        length: u64,
        mtime: u64,
        data: &mut dyn Read,
    ) -> Result<(), PushError> {
        self.pack.add(&message_name(hash), length, mtime, data)?;
        self.counts.messages += 1;
        Ok(())
    }

    /// Adds new bytes of the ledger.
    pub fn ledger(&mut self, range: &LedgerRange, data: &mut dyn Read) -> Result<(), PushError> {
        let name = ledger_name(&range.file, range.offset);
        if !is_ledger_file(&range.file) {
            return Err(PushError::Member { member: name });
        }
        self.pack.add(&name, range.length, self.time, data)?;
        self.counts.ledger += range.length;
        Ok(())
    }

    /// Adds the key by which forgotten mail is recognised.
    pub fn tombstones(&mut self, key: &[u8; 32]) -> Result<(), PushError> {
        self.member(TOMBSTONES, key)
    }

    /// Adds the index of a pack.
    pub fn index(&mut self, id: &str, index: &PackIndex) -> Result<(), PushError> {
        let name = format!("index/{id}");
        if !is_hex(id, 64) {
            return Err(PushError::Member { member: name });
        }
        self.member(&name, index.to_text().as_bytes())?;
        self.counts.packs += 1;
        self.counts.packed += index.members().len() as u64;
        Ok(())
    }

    /// Adds a message that could not be read.
    pub fn owed(&mut self, message: OwedMessage) -> Result<(), PushError> {
        message.write_line(&mut self.owed);
        self.counts.owed += 1;
        if self.owed.len() >= OWED_PART {
            self.end_owed()?;
        }
        Ok(())
    }

    fn end_owed(&mut self) -> Result<(), PushError> {
        self.owed_parts += 1;
        let name = format!("owed/{:06}", self.owed_parts);
        let lines = std::mem::take(&mut self.owed);
        self.member(&name, &lines)
    }

    fn member(&mut self, name: &str, bytes: &[u8]) -> Result<(), PushError> {
        let mut data = bytes;
        self.pack
            .add(name, bytes.len() as u64, self.time, &mut data)?;
        Ok(())
    }

    /// Ends the push. Gives back where it was written to.
    pub fn finish(mut self) -> Result<(W, WrittenPack), PushError> {
        if !self.owed.is_empty() {
            self.end_owed()?;
        }
        if self.counts != self.listed {
            return Err(PushError::Counts);
        }
        Ok(self.pack.finish()?)
    }
}
