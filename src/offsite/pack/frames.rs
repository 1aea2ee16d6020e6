//! zstd frames around an archive: how they are cut, and the skippable frame that fills them up.
//!
//! A member that fits into a frame lies in one frame, so that one frame is all that reading it
//! takes. Each frame says its content's size and has a checksum.

use std::io::{self, Write};

use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use super::index::{FILL_HEADER, FrameStart, FrameTable, bytes, fill_of};
use super::{FRAME_LIMIT, PackError};

/// The magic number of the skippable frame (RFC 8878, 3.1.2).
const FILL_MAGIC: u32 = 0x184D_2A50;

/// Compresses plain bytes frame by frame.
pub(super) struct FrameWriter<W> {
    to: W,
    compressor: Compressor<'static>,
    /// Plain bytes of the frame that is not compressed yet.
    plain: Vec<u8>,
    packed: Vec<u8>,
    starts: Vec<FrameStart>,
    /// Where that frame begins.
    at: FrameStart,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(to: W, level: i32) -> io::Result<Self> {
        let mut compressor = Compressor::new(level)?;
        compressor.include_checksum(true)?;
        Ok(Self {
            to,
            compressor,
            plain: Vec::with_capacity(bytes(FRAME_LIMIT)),
            packed: Vec::with_capacity(compress_bound(bytes(FRAME_LIMIT))),
            starts: Vec::new(),
            at: FrameStart {
                plain: 0,
                stored: 0,
            },
        })
    }

    /// Plain bytes so far.
    pub(super) fn plain(&self) -> u64 {
        self.at.plain + self.plain.len() as u64
    }

    /// Stored bytes so far, without the frame that is not compressed yet.
    pub(super) fn stored(&self) -> u64 {
        self.at.stored
    }

    /// Before a member: ends the frame if the member would not fit into it.
    pub(super) fn make_room(&mut self, space: u64) -> io::Result<()> {
        if self.plain.len() as u64 + space > FRAME_LIMIT {
            self.cut()?;
        }
        Ok(())
    }

    /// Takes back plain bytes of the frame that is not compressed yet; false if it is too late.
    pub(super) fn take_back_to(&mut self, plain: u64) -> bool {
        let kept = plain.checked_sub(self.at.plain).map(bytes);
        let kept = kept.filter(|kept| *kept <= self.plain.len());
        kept.map(|kept| self.plain.truncate(kept)).is_some()
    }

    pub(super) fn put(&mut self, mut plain: &[u8]) -> io::Result<()> {
        while !plain.is_empty() {
            if self.plain.len() as u64 == FRAME_LIMIT {
                self.cut()?;
            }
            let room = bytes(FRAME_LIMIT) - self.plain.len();
            let (now, later) = plain.split_at(room.min(plain.len()));
            self.plain.extend_from_slice(now);
            plain = later;
        }
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        if self.plain.is_empty() {
            return Ok(());
        }
        self.packed.clear();
        self.compressor
            .compress_to_buffer(&self.plain, &mut self.packed)?;
        self.to.write_all(&self.packed)?;
        self.starts.push(self.at);
        self.at.plain += self.plain.len() as u64;
        self.at.stored += self.packed.len() as u64;
        self.plain.clear();
        Ok(())
    }

    /// Ends the last frame and fills up.
    pub(super) fn finish(mut self) -> Result<(W, FrameTable), PackError> {
        self.cut().map_err(PackError::Write)?;
        let fill = fill_of(self.at.stored);
        if let Some(zeros) = fill.checked_sub(FILL_HEADER) {
            let mut frame = FILL_MAGIC.to_le_bytes().to_vec();
            // Less than twice 64 KiB.
            frame.extend_from_slice(&u32::try_from(zeros).unwrap_or(0).to_le_bytes());
            frame.resize(bytes(fill), 0);
            self.to.write_all(&frame).map_err(PackError::Write)?;
        }
        Ok((self.to, FrameTable::new(self.starts, self.at)?))
    }
}
