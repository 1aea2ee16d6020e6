//! What makes one member of a pack readable without the others: where each is in the archive,
//! and where each frame begins.

use super::error::{PackError, PackFault};
use super::member::{BLOCK, PackMember, is_member_name, padded};
use super::{ARCHIVE_END, FILL, FRAME_LIMIT};

/// Header of the skippable frame that fills a pack.
pub(super) const FILL_HEADER: u64 = 8;

/// Where a frame begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameStart {
    /// Among the plain bytes, those of the archive.
    pub plain: u64,
    /// Among the stored bytes, those that are encrypted.
    pub stored: u64,
}

/// Where the frames of a pack are; in order by itself, whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameTable {
    starts: Vec<FrameStart>,
    end: FrameStart,
}

impl FrameTable {
    /// Takes frames that follow each other from 0, and where the last of them ends.
    pub fn new(starts: Vec<FrameStart>, end: FrameStart) -> Result<Self, PackError> {
        let stored_limit = zstd::zstd_safe::compress_bound(bytes(FRAME_LIMIT)) as u64;
        let zero = FrameStart {
            plain: 0,
            stored: 0,
        };
        let follows = |at: FrameStart, next: FrameStart| {
            let plain = next.plain.checked_sub(at.plain);
            let stored = next.stored.checked_sub(at.stored);
            plain.is_some_and(|plain| (1..=FRAME_LIMIT).contains(&plain))
                && stored.is_some_and(|stored| (1..=stored_limit).contains(&stored))
        };
        let nexts = starts.iter().skip(1).chain([&end]);
        let in_order = starts
            .iter()
            .zip(nexts)
            .all(|(at, next)| follows(*at, *next));
        if starts.first() != Some(&zero) || !in_order || end.stored > u64::MAX / 2 {
            return Err(PackFault::Index.into());
        }
        Ok(Self { starts, end })
    }

    /// Where each frame begins.
    #[must_use]
    pub fn starts(&self) -> &[FrameStart] {
        &self.starts
    }

    /// Where the last frame ends: the lengths of the archive and of all frames.
    #[must_use]
    pub fn end(&self) -> FrameStart {
        self.end
    }

    /// The frame that has this plain byte: begin and end.
    pub(super) fn holding(&self, plain: u64) -> Option<(FrameStart, FrameStart)> {
        let after = self.starts.partition_point(|start| start.plain <= plain);
        let begin = *self.starts.get(after.checked_sub(1)?)?;
        let end = self.starts.get(after).copied().unwrap_or(self.end);
        (plain < end.plain).then_some((begin, end))
    }

    /// The stored bytes with what fills them.
    #[must_use]
    pub fn filled(&self) -> u64 {
        self.end.stored + fill_of(self.end.stored)
    }
}

/// A length that is at most that of a frame.
pub(super) fn bytes(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// The length of the skippable frame that follows this many stored bytes.
pub(super) fn fill_of(stored: u64) -> u64 {
    match stored.next_multiple_of(FILL) - stored {
        0 => 0,
        fill if fill < FILL_HEADER => fill + FILL,
        fill => fill,
    }
}

/// Everything about a pack that its reader needs; in order by itself, whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackIndex {
    frames: FrameTable,
    members: Vec<PackMember>,
}

impl PackIndex {
    /// Takes the members in their order, which fill the archive up to its end.
    pub fn new(frames: FrameTable, members: Vec<PackMember>) -> Result<Self, PackError> {
        let mut end = 0_u64;
        for member in &members {
            let follows = member.offset.checked_sub(BLOCK as u64) == Some(end);
            if !follows || !is_member_name(&member.name) {
                return Err(PackFault::Index.into());
            }
            let next = member.offset.checked_add(padded(member.length));
            end = next.ok_or(PackFault::Index)?;
        }
        let mut names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        names.sort_unstable();
        let twice = names.windows(2).any(|two| two.first() == two.last());
        if twice || end.checked_add(ARCHIVE_END) != Some(frames.end.plain) {
            return Err(PackFault::Index.into());
        }
        Ok(Self { frames, members })
    }

    /// Where the frames are.
    #[must_use]
    pub fn frames(&self) -> &FrameTable {
        &self.frames
    }

    /// The members in the order of the archive.
    #[must_use]
    pub fn members(&self) -> &[PackMember] {
        &self.members
    }

    /// The member of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&PackMember> {
        self.members.iter().find(|member| member.name == name)
    }
}
