//! The names in a directory, in order and in little memory: there may be a million. Runs of them
//! are sorted and written to a temporary file, and merged from there.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::vec;

use crate::base::error::{Error, Result};
use crate::base::fsx;

/// So many names are kept in memory, of 255 bytes at most.
const RUN: usize = 32 << 10;
/// So much of each run is read at once.
const AHEAD: usize = 8 << 10;

/// A name, and whether it is that of a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DirName {
    name: Box<[u8]>,
    pub(super) is_link: bool,
}

impl DirName {
    pub(super) fn into_name(self) -> OsString {
        OsString::from_vec(self.name.into_vec())
    }
}

/// All names in a directory, sorted.
pub(super) fn sorted_names(dir: &Path) -> Result<SortedNames> {
    let mut sorter = NameSorter::new(RUN);
    let failed = |e| Error::file("sort the names in", dir, e);
    fsx::for_each_entry(dir, &mut |name, kind| {
        sorter.add(name, kind.is_symlink()).map_err(failed)
    })?;
    SortedNames::new(dir, sorter.sorted().map_err(failed)?)
}

/// Collects names.
struct NameSorter {
    run: usize,
    names: Vec<DirName>,
    written: Option<BufWriter<File>>,
    /// Where in it each run ends.
    ends: Vec<u64>,
}

impl NameSorter {
    fn new(run: usize) -> Self {
        Self {
            run,
            names: Vec::new(),
            written: None,
            ends: Vec::new(),
        }
    }

    fn add(&mut self, name: OsString, is_link: bool) -> io::Result<()> {
        if self.names.len() >= self.run {
            self.write()?;
        }
        let name = name.into_vec().into_boxed_slice();
        self.names.push(DirName { name, is_link });
        Ok(())
    }

    /// Writes the names at hand as a run: each ends with NUL, which no name has, and a byte that
    /// tells a link.
    fn write(&mut self) -> io::Result<()> {
        self.names.sort_unstable();
        let mut to = match self.written.take() {
            Some(written) => written,
            None => BufWriter::new(fsx::create_unnamed().map_err(io::Error::other)?),
        };
        for DirName { name, is_link } in self.names.drain(..) {
            to.write_all(&name)?;
            to.write_all(&[0, u8::from(is_link)])?;
        }
        self.ends.push(to.stream_position()?);
        self.written = Some(to);
        Ok(())
    }

    /// The names that were not written, sorted, and the runs of those that were.
    fn sorted(mut self) -> io::Result<(vec::IntoIter<DirName>, Vec<NameRun>)> {
        self.names.sort_unstable();
        if self.written.is_none() {
            return Ok((self.names.into_iter(), Vec::new()));
        }
        self.write()?;
        let mut runs = Vec::with_capacity(self.ends.len());
        if let Some(written) = self.written {
            let file = written
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            let (file, mut at) = (Rc::new(file), 0);
            for end in self.ends {
                let file = Rc::clone(&file);
                runs.push(BufReader::with_capacity(AHEAD, FilePart { file, at, end }));
                at = end;
            }
        }
        Ok((Vec::new().into_iter(), runs))
    }
}

type NameRun = BufReader<FilePart>;

/// Names, from the first to the last.
pub(super) struct SortedNames {
    dir: PathBuf,
    /// All of them, if nothing was written.
    kept: vec::IntoIter<DirName>,
    runs: Vec<NameRun>,
    /// The next name of each run.
    heap: BinaryHeap<Reverse<(DirName, usize)>>,
}

impl SortedNames {
    fn new(dir: &Path, (kept, runs): (vec::IntoIter<DirName>, Vec<NameRun>)) -> Result<Self> {
        let mut names = Self {
            dir: dir.to_path_buf(),
            kept,
            runs,
            heap: BinaryHeap::new(),
        };
        (0..names.runs.len()).try_for_each(|run| names.refill(run))?;
        Ok(names)
    }

    fn refill(&mut self, run: usize) -> Result<()> {
        let mut read = || {
            let (mut name, mut flag) = (Vec::new(), [0]);
            let from = &mut self.runs[run];
            if from.read_until(0, &mut name)? == 0 {
                return Ok(None);
            }
            from.read_exact(&mut flag)?;
            name.pop();
            Ok(Some(DirName {
                name: name.into_boxed_slice(),
                is_link: flag != [0],
            }))
        };
        let next = read().map_err(|e| Error::file("sort the names in", &self.dir, e))?;
        self.heap.extend(next.map(|name| Reverse((name, run))));
        Ok(())
    }
}

impl Iterator for SortedNames {
    type Item = Result<DirName>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(name) = self.kept.next() {
            return Some(Ok(name));
        }
        let Reverse((name, run)) = self.heap.pop()?;
        Some(self.refill(run).map(|()| name))
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
    use std::collections::BTreeMap;

    #[test]
    fn names_come_sorted_whether_or_not_they_fit_into_memory() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state >> 33
        };
        for count in [0, 1, 6, 7, 8, 14, 15, 500] {
            let mut wanted = BTreeMap::new();
            let mut sorter = NameSorter::new(7);
            while wanted.len() < count {
                let mut name = random().to_string().into_bytes();
                name.push(b'\n');
                name.push(0xff);
                let is_link = random() % 5 == 0;
                if wanted.insert(name.clone(), is_link).is_none() {
                    sorter.add(OsString::from_vec(name), is_link).unwrap();
                }
                assert!(sorter.names.len() <= 7);
            }
            let (kept, runs) = sorter.sorted().unwrap();
            assert_eq!(runs.len() > 1, count > 7, "{count}");
            let names = SortedNames::new(Path::new(""), (kept, runs)).unwrap();
            let names = names.map(|name| name.unwrap());
            let got: Vec<_> = names
                .map(|name| (name.is_link, name.into_name().into_vec()))
                .map(|(is_link, name)| (name, is_link))
                .collect();
            assert!(got.iter().cloned().eq(wanted), "{count}");
        }
    }
}
