//! The names in a directory, in order and in little memory: there may be a million.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::base::sorted::{SortedRecords, Sorter};

/// A name, and whether it is that of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DirName {
    name: OsString,
    pub(super) is_link: bool,
}

impl DirName {
    pub(super) fn into_name(self) -> OsString {
        self.name
    }
}

/// All names in a directory, sorted.
pub(super) fn sorted_names(dir: &Path) -> Result<SortedNames> {
    let mut sorter = Sorter::new();
    let failed = |e| Error::file("sort the names in", dir, e);
    fsx::for_each_entry(dir, &mut |name, kind| {
        // NUL, which no name has, sorts a name before those that it begins.
        let mut record = name.into_vec();
        record.extend([0, u8::from(kind.is_symlink())]);
        sorter.add(&record).map_err(failed)
    })?;
    Ok(SortedNames {
        dir: dir.to_path_buf(),
        records: sorter.sorted().map_err(failed)?,
    })
}

/// Names, from the first to the last.
#[derive(Debug)]
pub(super) struct SortedNames {
    dir: PathBuf,
    records: SortedRecords,
}

impl Iterator for SortedNames {
    type Item = Result<DirName>;

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.records.next()?.map(|mut record| {
            let is_link = record.pop() == Some(1);
            record.pop();
            DirName {
                name: OsString::from_vec(record),
                is_link,
            }
        });
        Some(name.map_err(|e| Error::file("sort the names in", &self.dir, e)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)]
    fn names_come_sorted_with_what_they_are() {
        let dir = tempfile::tempdir().unwrap();
        for name in [&b"b"[..], b"a\n", b"a", b"a\xff"] {
            std::fs::write(dir.path().join(OsString::from_vec(name.to_vec())), "").unwrap();
        }
        std::os::unix::fs::symlink("b", dir.path().join("aa")).unwrap();
        let names = sorted_names(dir.path()).unwrap();
        let names = names.map(|name| name.unwrap());
        let got: Vec<_> = names
            .map(|name| (name.is_link, name.into_name().into_vec()))
            .collect();
        let wanted = [(false, &b"a"[..]), (false, b"a\n"), (true, b"aa")];
        let wanted = wanted
            .into_iter()
            .chain([(false, &b"a\xff"[..]), (false, b"b")]);
        assert!(got.into_iter().eq(wanted.map(|(l, n)| (l, n.to_vec()))));
    }
}
