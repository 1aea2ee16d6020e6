//! Records of bytes in order and in little memory, however many there are. Runs of them are
//! sorted and written to a temporary file, and merged from there.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::vec;

use super::fsx;

/// So many bytes of records are kept in memory, and eight or so more for each of them.
const RUN: usize = 2 << 20;
/// So much of each run is read at once.
const AHEAD: usize = 8 << 10;

/// Collects records.
#[derive(Debug)]
pub(crate) struct Sorter {
    limit: usize,
    bytes: Vec<u8>,
    /// Where in `bytes` each record is.
    records: Vec<Range<u32>>,
    written: Option<BufWriter<File>>,
    /// Where in it each run ends.
    ends: Vec<u64>,
}

impl Sorter {
    pub(crate) fn new() -> Self {
        Self::with_run(RUN)
    }

    fn with_run(limit: usize) -> Self {
        Self {
            limit,
            bytes: Vec::new(),
            records: Vec::new(),
            written: None,
            ends: Vec::new(),
        }
    }

    /// Adds a record of any length below 2 GiB.
    pub(crate) fn add(&mut self, record: &[u8]) -> io::Result<()> {
        let kept = self.bytes.len() + self.records.len() * size_of::<Range<u32>>();
        if kept > 0 && kept + record.len() > self.limit {
            self.write()?;
        }
        let at = |at: usize| u32::try_from(at).map_err(io::Error::other);
        let range = at(self.bytes.len())?..at(self.bytes.len() + record.len())?;
        self.bytes.extend_from_slice(record);
        self.records.push(range);
        Ok(())
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        (self.records).sort_unstable_by(|one, other| slice(bytes, one).cmp(slice(bytes, other)));
    }

    /// Writes the records at hand as a run: each after its length.
    fn write(&mut self) -> io::Result<()> {
        self.sort();
        let mut to = match self.written.take() {
            Some(written) => written,
            None => BufWriter::new(fsx::create_unnamed().map_err(io::Error::other)?),
        };
        for range in self.records.drain(..) {
            let record = slice(&self.bytes, &range);
            to.write_all(&(range.end - range.start).to_le_bytes())?;
            to.write_all(record)?;
        }
        self.bytes.clear();
        self.ends.push(to.stream_position()?);
        self.written = Some(to);
        Ok(())
    }

    /// All of them, from the first to the last.
    pub(crate) fn sorted(mut self) -> io::Result<SortedRecords> {
        let mut sorted = SortedRecords {
            bytes: Vec::new(),
            kept: Vec::new().into_iter(),
            runs: Vec::with_capacity(self.ends.len() + 1),
            heap: BinaryHeap::new(),
        };
        if self.written.is_none() {
            self.sort();
            sorted.bytes = self.bytes;
            sorted.kept = self.records.into_iter();
            return Ok(sorted);
        }
        self.write()?;
        if let Some(written) = self.written {
            let file = written
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            let (file, mut at) = (Rc::new(file), 0);
            for end in self.ends {
                let file = Rc::clone(&file);
                let part = FilePart { file, at, end };
                sorted.runs.push(BufReader::with_capacity(AHEAD, part));
                at = end;
            }
        }
        (0..sorted.runs.len()).try_for_each(|run| sorted.refill(run))?;
        Ok(sorted)
    }
}

fn slice<'b>(bytes: &'b [u8], range: &Range<u32>) -> &'b [u8] {
    &bytes[range.start as usize..range.end as usize]
}

/// Records, from the first to the last.
#[derive(Debug)]
pub(crate) struct SortedRecords {
    /// All of them, if nothing was written.
    bytes: Vec<u8>,
    kept: vec::IntoIter<Range<u32>>,
    runs: Vec<BufReader<FilePart>>,
    /// The next record of each run.
    heap: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
}

impl SortedRecords {
    fn refill(&mut self, run: usize) -> io::Result<()> {
        let (from, mut length) = (&mut self.runs[run], [0; 4]);
        if from.get_ref().at == from.get_ref().end && from.buffer().is_empty() {
            return Ok(());
        }
        from.read_exact(&mut length)?;
        let mut record = vec![0; u32::from_le_bytes(length) as usize];
        from.read_exact(&mut record)?;
        self.heap.push(Reverse((record, run)));
        Ok(())
    }
}

impl Iterator for SortedRecords {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(range) = self.kept.next() {
            return Some(Ok(slice(&self.bytes, &range).to_vec()));
        }
        let Reverse((record, run)) = self.heap.pop()?;
        Some(self.refill(run).map(|()| record))
    }
}

/// A part of a file that others read, too.
#[derive(Debug)]
struct FilePart {
    file: Rc<File>,
    at: u64,
    end: u64,
}

impl Read for FilePart {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let room = into.len().min(left);
        let read = self.file.read_at(&mut into[..room], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn records_come_sorted_whether_or_not_they_fit_into_memory() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state >> 33
        };
        for count in [0, 1, 6, 7, 8, 14, 15, 500] {
            // Seven of the longest ones.
            let mut sorter = Sorter::with_run(7 * (12 + size_of::<Range<u32>>()));
            let mut wanted = Vec::new();
            for _ in 0..count {
                let mut record = (random() % 400).to_string().into_bytes();
                record.resize(12, u8::try_from(random() % 2).unwrap());
                sorter.add(&record).unwrap();
                wanted.push(record);
                assert!(sorter.records.len() <= 7);
            }
            wanted.sort();
            let found = sorter.sorted().unwrap();
            assert_eq!(found.runs.len() > 1, count > 7, "{count}");
            let got: Vec<_> = found.map(|record| record.unwrap()).collect();
            assert_eq!(got, wanted, "{count}");
        }
    }

    #[test]
    fn records_may_be_empty_or_longer_than_a_run() {
        let mut sorter = Sorter::with_run(10);
        for record in [&b"xx"[..], &[b'a'; 30], b"", b"x"] {
            sorter.add(record).unwrap();
        }
        let got: Vec<_> = sorter.sorted().unwrap().map(Result::unwrap).collect();
        assert_eq!(got, [&b""[..], &[b'a'; 30], b"x", b"xx"]);
    }
}
