//! Writing a pack, member by member, in bounded memory.

use std::collections::HashSet;
use std::io::{self, Read, Write};

use age::stream::StreamWriter;

use super::ARCHIVE_END;
use super::digest::{DigestWriter, Digests};
use super::error::PackError;
use super::frames::FrameWriter;
use super::index::{PackIndex, bytes};
use super::member::{PackMember, member_space, padded, write_header};
use super::recipients::Recipients;

const BUFFER: usize = 64 << 10;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPack {
    /// The hashes of the encrypted bytes; the name is among them.
    pub digests: Digests,
    /// Where everything is.
    pub index: PackIndex,
}

/// Writes a pack to wherever encrypted bytes can go.
pub struct PackWriter<W: Write> {
    frames: FrameWriter<StreamWriter<DigestWriter<W>>>,
    members: Vec<PackMember>,
    names: HashSet<String>,
    given_up: bool,
}

impl<W: Write> PackWriter<W> {
    /// Begins a pack; `level` is zstd's.
    pub fn new(to: W, recipients: &Recipients, level: i32) -> Result<Self, PackError> {
        let cipher = recipients.encrypt(DigestWriter::new(to))?;
        Ok(Self {
            frames: FrameWriter::new(cipher, level).map_err(PackError::Write)?,
            members: Vec::new(),
            names: HashSet::new(),
            given_up: false,
        })
    }

    /// Adds a member of exactly `length` bytes. `mtime` is in Unix seconds.
    ///
    /// After [`PackError::Member`] and [`PackError::Length`] a pack whose member had at most 4 MiB
    /// is as before and can be continued; after a longer one it is given up.
    pub fn add(
        &mut self,
        name: &str,
        length: u64,
        mtime: u64,
        data: &mut dyn Read,
    ) -> Result<(), PackError> {
        if self.given_up {
            return Err(PackError::GivenUp);
        }
        let header = write_header(name, length, mtime)?;
        if self.names.contains(name) {
            return Err(PackError::Twice { name: name.into() });
        }
        let space = member_space(length);
        // Until the member is whole.
        self.given_up = true;
        self.frames.make_room(space).map_err(PackError::Write)?;
        let begin = self.frames.plain();
        self.frames
            .put(header.as_bytes())
            .map_err(PackError::Write)?;
        let member = PackMember {
            name: name.to_owned(),
            offset: self.frames.plain(),
            length,
        };
        if let Err(error) = self.copy(&member, data) {
            let before = !matches!(error, PackError::Write(_));
            self.given_up = !(before && self.frames.take_back_to(begin));
            return Err(error);
        }
        self.given_up = false;
        self.names.insert(member.name.clone());
        self.members.push(member);
        Ok(())
    }

    fn copy(&mut self, member: &PackMember, data: &mut dyn Read) -> Result<(), PackError> {
        let mut left = member.length;
        let mut buffer = vec![0; bytes(left.saturating_add(1)).min(BUFFER)];
        loop {
            // One byte more than announced shows that there is more.
            let most = bytes(left.saturating_add(1)).min(buffer.len());
            let read = match data.read(buffer.get_mut(..most).unwrap_or_default()) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    return Err(PackError::Member {
                        name: member.name.clone(),
                        source,
                    });
                }
                Ok(read) => read,
            };
            if read as u64 > left || read == 0 && left > 0 {
                return Err(PackError::Length {
                    name: member.name.clone(),
                    announced: member.length,
                });
            }
            if read == 0 {
                break;
            }
            let now = buffer.get(..read).unwrap_or_default();
            self.frames.put(now).map_err(PackError::Write)?;
            left -= read as u64;
        }
        self.zeros(padded(member.length) - member.length)
    }

    fn zeros(&mut self, count: u64) -> Result<(), PackError> {
        let zeros = vec![0; bytes(count)];
        self.frames.put(&zeros).map_err(PackError::Write)
    }

    /// Plain bytes of the archive so far, without its end.
    #[must_use]
    pub fn plain(&self) -> u64 {
        self.frames.plain()
    }

    /// Compressed bytes so far; up to 4 MiB of plain bytes wait to be compressed.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.frames.stored()
    }

    /// Members so far.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Ends the pack; only then can it be read. Gives back where it was written to.
    pub fn finish(mut self) -> Result<(W, WrittenPack), PackError> {
        if self.given_up {
            return Err(PackError::GivenUp);
        }
        self.frames
            .make_room(ARCHIVE_END)
            .map_err(PackError::Write)?;
        self.zeros(ARCHIVE_END)?;
        let (cipher, frames) = self.frames.finish()?;
        let sealed = cipher.finish().map_err(PackError::Write)?;
        let (to, digests) = sealed.finish().map_err(PackError::Write)?;
        let index = PackIndex::new(frames, self.members)?;
        Ok((to, WrittenPack { digests, index }))
    }
}
