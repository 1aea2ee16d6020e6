//! Reading a push, part by part, in bounded memory.

use std::io::{self, Read};

use zeroize::Zeroizing;

use super::manifest::{PushCounts, PushManifest};
use super::owed::OwedMessage;
use super::{LedgerRange, MANIFEST, MemberKind, PushError, kind_of};
use crate::mail::message::Hash128;
use crate::offsite::pack::{Identities, PackEntry, PackError, PackIndex, PackStream};

const MANIFEST_LIMIT: u64 = 64 << 10;
/// Longest index of a pack: twice the members that a full one can have.
const INDEX_LIMIT: u64 = 16 << 20;
/// Writers end a part after 1 MiB.
const OWED_LIMIT: u64 = 2 << 20;

/// What comes next in a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushPart {
    /// A message, whose bytes are read from the [`PushReader`]. That they hash to its id is for
    /// the caller to check.
    Message {
        /// Its id.
        hash: Hash128,
        /// Its length.
        length: u64,
        /// Its time, in Unix seconds.
        mtime: u64,
    },
    /// Bytes of the ledger, which are read from the [`PushReader`].
    Ledger(LedgerRange),
    /// The index of a pack.
    Index {
        /// The id of the pack.
        id: String,
        /// Where everything is in it.
        index: PackIndex,
    },
    /// Messages that could not be read.
    Owed(Vec<OwedMessage>),
    /// The key by which forgotten mail is recognised.
    Tombstones(Box<Zeroizing<[u8; 32]>>),
}

/// Reads a push. Only when [`PushReader::next_part`] has given none was everything there.
pub struct PushReader<R: Read> {
    stream: PackStream<'static, R>,
    manifest: PushManifest,
    counts: PushCounts,
}

impl<R: Read> PushReader<R> {
    /// Opens a push and reads its manifest.
    pub fn open(source: R, identities: &Identities) -> Result<Self, PushError> {
        let mut stream =
            PackStream::open(source, identities, None, |name| kind_of(name).is_some())?;
        let first = stream.next_member()?;
        let first = first.filter(|entry| entry.member.name == MANIFEST);
        let first = first.ok_or_else(|| PushError::Member {
            member: MANIFEST.into(),
        })?;
        let text = whole(&mut stream, &first, MANIFEST_LIMIT)?;
        Ok(Self {
            manifest: PushManifest::parse(&text)?,
            stream,
            counts: PushCounts::default(),
        })
    }

    /// What the push says of itself.
    pub fn manifest(&self) -> &PushManifest {
        &self.manifest
    }

    /// The next part; what was not read of the one before is skipped.
    pub fn next_part(&mut self) -> Result<Option<PushPart>, PushError> {
        let Some(entry) = self.stream.next_member()? else {
            let all = self.counts == self.manifest.counts;
            return all.then_some(None).ok_or(PushError::Counts);
        };
        let length = entry.member.length;
        let damaged = || PushError::Member {
            member: entry.member.name.clone(),
        };
        let part = match kind_of(&entry.member.name).ok_or_else(damaged)? {
            MemberKind::Manifest => return Err(damaged()),
            MemberKind::Tombstones => {
                let bytes = Zeroizing::new(whole(&mut self.stream, &entry, 32)?);
                let key = <[u8; 32]>::try_from(&bytes[..]).map_err(|_| damaged())?;
                PushPart::Tombstones(Box::new(Zeroizing::new(key)))
            }
            MemberKind::Message(hash) => {
                self.counts.messages += 1;
                PushPart::Message {
                    hash,
                    length,
                    mtime: entry.mtime,
                }
            }
            MemberKind::Ledger(file, offset) => {
                let end = offset.checked_add(length);
                let counted = self.counts.ledger.checked_add(length);
                self.counts.ledger = end.and(counted).ok_or_else(damaged)?;
                PushPart::Ledger(LedgerRange {
                    file: file.to_owned(),
                    offset,
                    length,
                })
            }
            MemberKind::Index(id) => {
                let text = whole(&mut self.stream, &entry, INDEX_LIMIT)?;
                let index = PackIndex::parse(&text).map_err(|_| damaged())?;
                self.counts.packs += 1;
                self.counts.packed += index.members().len() as u64;
                PushPart::Index {
                    id: id.to_owned(),
                    index,
                }
            }
            MemberKind::Owed => {
                let lines = whole(&mut self.stream, &entry, OWED_LIMIT)?;
                let owed = OwedMessage::parse_lines(&lines).ok_or_else(damaged)?;
                self.counts.owed += owed.len() as u64;
                PushPart::Owed(owed)
            }
        };
        Ok(Some(part))
    }
}

/// All bytes of a member that is short.
fn whole<R: Read>(
    stream: &mut PackStream<'_, R>,
    entry: &PackEntry,
    limit: u64,
) -> Result<Vec<u8>, PushError> {
    if entry.member.length > limit {
        return Err(PushError::Member {
            member: entry.member.name.clone(),
        });
    }
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    read.map_err(PackError::from_io)?;
    Ok(bytes)
}

impl<R: Read> Read for PushReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}
