//! Names of messages in eight bytes each, in order. A server may list any number of them, so that
//! many of them are on the disk, in blocks of which memory has the first ones.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::base::sorted::Sorter;

/// Bytes of a mark.
const MARK: usize = size_of::<u64>();
/// Marks of a block: it is read at once.
const BLOCK: usize = 512;
/// So many marks are kept in memory, a megabyte of them: as many as the sorter keeps, so that no
/// room on the disk is needed for fewer.
const KEPT: usize = 256 * BLOCK;

/// Collects marks in any order.
#[derive(Debug)]
pub(super) struct MarkSorter(Sorter);

impl MarkSorter {
    pub(super) fn new() -> Self {
        Self(Sorter::new())
    }

    pub(super) fn add(&mut self, mark: u64) -> Result<()> {
        self.0.add(&mark.to_be_bytes()).map_err(failed)
    }

    /// All of them, each once.
    pub(super) fn sorted(self) -> Result<MarkSet> {
        self.into_set(KEPT).map_err(failed)
    }

    /// A set that has up to `kept` marks in memory, a multiple of [`BLOCK`].
    fn into_set(self, kept: usize) -> io::Result<MarkSet> {
        let mut set = MarkSet::default();
        let (mut block, mut last, mut written) = (Vec::new(), None, None);
        for record in self.0.sorted()? {
            let mark = u64::from_be_bytes(record?.try_into().map_err(|_| short())?);
            if last.replace(mark) == Some(mark) {
                continue;
            }
            if written.is_none() && block.len() == kept {
                let file = fsx::create_unnamed().map_err(io::Error::other)?;
                written = Some(BufWriter::new(file));
            }
            if let Some(to) = &mut written
                && block.len() >= BLOCK
            {
                write(to, &mut set.firsts, &block)?;
                block.clear();
            }
            block.push(mark);
            set.len += 1;
        }
        set.marks = block;
        if let Some(mut to) = written {
            write(&mut to, &mut set.firsts, &std::mem::take(&mut set.marks))?;
            let file = to.into_inner().map_err(io::IntoInnerError::into_error)?;
            set.file = Some(file);
        }
        Ok(set)
    }
}

/// Writes marks as blocks, of which only the last may be short.
fn write(to: &mut impl Write, firsts: &mut Vec<u64>, marks: &[u64]) -> io::Result<()> {
    for block in marks.chunks(BLOCK) {
        firsts.extend(block.first());
        for mark in block {
            to.write_all(&mark.to_be_bytes())?;
        }
    }
    Ok(())
}

/// Marks in ascending order, each once.
#[derive(Debug, Default)]
pub(super) struct MarkSet {
    len: usize,
    /// All of them, if they are few.
    marks: Vec<u64>,
    /// Otherwise the first of each block, and the file that has the blocks.
    firsts: Vec<u64>,
    file: Option<File>,
}

impl MarkSet {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn contains(&self, mark: u64) -> Result<bool> {
        Ok(self.position(mark)?.is_some())
    }

    /// Which of them it is, counted from 0.
    pub(super) fn position(&self, mark: u64) -> Result<Option<i64>> {
        let number = |at| i64::try_from(at).ok();
        if self.file.is_none() {
            return Ok(self.marks.binary_search(&mark).ok().and_then(number));
        }
        let behind = self.firsts.partition_point(|first| *first <= mark);
        let Some(block) = behind.checked_sub(1) else {
            return Ok(None);
        };
        let marks = self.block(block).map_err(failed)?;
        let at = marks.binary_search(&mark).ok();
        Ok(at.and_then(|at| number(block * BLOCK + at)))
    }

    /// How many of them another set lacks, but for some.
    pub(super) fn count_missing_from(
        &self,
        other: &Self,
        but: impl Fn(u64) -> bool,
    ) -> Result<u64> {
        let mut others = other.iter().peekable();
        let mut missing = 0;
        for mark in self.iter() {
            let mark = mark.map_err(failed)?;
            while let Some(before) =
                others.next_if(|next| !matches!(next, Ok(next) if *next >= mark))
            {
                before.map_err(failed)?;
            }
            let is_there = others.next_if(|next| matches!(next, Ok(next) if *next == mark));
            missing += u64::from(is_there.is_none() && !but(mark));
        }
        Ok(missing)
    }

    fn iter(&self) -> impl Iterator<Item = io::Result<u64>> {
        let kept = self.marks.iter().copied().map(Ok);
        let blocks = (0..self.firsts.len()).map(|block| self.block(block));
        kept.chain(blocks.flat_map(|block| match block {
            Ok(marks) => marks.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }))
    }

    fn block(&self, block: usize) -> io::Result<Vec<u64>> {
        let file = self.file.as_ref().ok_or_else(short)?;
        let begin = block * BLOCK;
        let mut bytes = vec![0; (self.len - begin).min(BLOCK) * MARK];
        file.read_exact_at(&mut bytes, (begin * MARK) as u64)?;
        let (marks, _) = bytes.as_chunks();
        Ok(marks.iter().copied().map(u64::from_be_bytes).collect())
    }
}

/// What was written is not there as it was written.
fn short() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

fn failed(source: io::Error) -> Error {
    Error::file("sort names in", &fsx::temporary(), source)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{BLOCK, MarkSet, MarkSorter};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Fewer, so that drawing them takes no time.
    const KEPT: usize = 16 * BLOCK;

    fn set_of(marks: &[u64]) -> MarkSet {
        let mut sorter = MarkSorter::new();
        for mark in marks {
            sorter.add(*mark).unwrap();
        }
        sorter.into_set(KEPT).unwrap()
    }

    /// As many as fit into memory, or into whole blocks, or a few more or less; of a few values,
    /// so that some are equal, and both ends.
    fn marks() -> impl Strategy<Value = Vec<u64>> {
        const BORDERS: [usize; 5] = [0, BLOCK, KEPT, KEPT + BLOCK, 3 * KEPT];
        let count = (
            prop::sample::select(&BORDERS[..]),
            0_usize..3,
            any::<bool>(),
        );
        let count = count.prop_map(|(border, n, less)| {
            if less {
                border.saturating_sub(n)
            } else {
                border + n
            }
        });
        (count, any::<u64>()).prop_map(|(count, seed)| {
            let step = u64::MAX / (4 * KEPT as u64);
            let mark = |n: u64| {
                let drawn = n.wrapping_add(seed).wrapping_mul(6_364_136_223_846_793_005) >> 40;
                (drawn % (4 * KEPT as u64 + 1)).saturating_mul(step + 1)
            };
            (0..count as u64).map(mark).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_set_has_what_was_added_and_nothing_else(one in marks(), other in marks()) {
            let wanted = BTreeSet::from_iter(&one);
            let set = set_of(&one);
            prop_assert_eq!(set.len(), wanted.len());
            let all: Vec<u64> = set.iter().map(Result::unwrap).collect();
            prop_assert!(all.iter().eq(wanted.iter().copied()));
            for (at, mark) in (0..).zip(&all) {
                prop_assert_eq!(set.position(*mark).unwrap(), Some(at));
            }
            for mark in other.iter().flat_map(|mark| [*mark, mark.wrapping_add(1)]) {
                prop_assert_eq!(set.contains(mark).unwrap(), wanted.contains(&mark));
            }
            let others = BTreeSet::from_iter(&other);
            let missing = wanted.iter().filter(|mark| !others.contains(**mark) && **mark % 3 > 0);
            let counted = set.count_missing_from(&set_of(&other), |mark| mark % 3 == 0);
            prop_assert_eq!(counted.unwrap(), missing.count() as u64);
        }
    }
}
