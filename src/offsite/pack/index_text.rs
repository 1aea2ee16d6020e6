//! The text of an index: a line per frame and member, so that a person can read it.

use std::fmt::Write as _;

use super::error::{PackError, PackFault};
use super::index::{FrameStart, FrameTable, PackIndex};
use super::member::PackMember;

/// The first line; its number rises with what an older reader would get wrong.
const FIRST: &str = "pack-index 1";

impl PackIndex {
    /// Its text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST}\n");
        // Writing to a string cannot fail.
        for FrameStart { plain, stored } in self.frames().starts() {
            let _ = writeln!(text, "frame {plain} {stored}");
        }
        let FrameStart { plain, stored } = self.frames().end();
        let _ = writeln!(text, "end {plain} {stored}");
        for member in self.members() {
            let PackMember {
                name,
                offset,
                length,
            } = member;
            let _ = writeln!(text, "{offset} {length} {name}");
        }
        text
    }

    /// Reads the text of an index, and only as [`PackIndex::to_text`] writes it.
    pub fn parse(text: &[u8]) -> Result<Self, PackError> {
        let damaged = || PackError::from(PackFault::Index);
        let text = str::from_utf8(text).map_err(|_| damaged())?;
        let text = text.strip_suffix('\n').ok_or_else(damaged)?;
        let mut lines = text.split('\n');
        if lines.next() != Some(FIRST) {
            return Err(damaged());
        }
        let mut starts = Vec::new();
        let end = loop {
            let line = lines.next().ok_or_else(damaged)?;
            if let Some(rest) = line.strip_prefix("frame ") {
                starts.push(frame(rest).ok_or_else(damaged)?);
            } else {
                let rest = line.strip_prefix("end ").ok_or_else(damaged)?;
                break frame(rest).ok_or_else(damaged)?;
            }
        };
        let members: Option<Vec<PackMember>> = lines.map(member).collect();
        let frames = FrameTable::new(starts, end)?;
        Self::new(frames, members.ok_or_else(damaged)?)
    }
}

fn frame(text: &str) -> Option<FrameStart> {
    let (plain, stored) = text.split_once(' ')?;
    Some(FrameStart {
        plain: number(plain)?,
        stored: number(stored)?,
    })
}

fn member(line: &str) -> Option<PackMember> {
    let (offset, rest) = line.split_once(' ')?;
    let (length, name) = rest.split_once(' ')?;
    Some(PackMember {
        name: name.to_owned(),
        offset: number(offset)?,
        length: number(length)?,
    })
}

/// A number in its shortest form.
pub(super) fn number(text: &str) -> Option<u64> {
    let shortest = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| shortest)
}
