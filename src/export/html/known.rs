//! What earlier exports found in messages, so that the next one reads only those that are new or
//! whose page changes.
//!
//! The facts of a message follow from its bytes and this version of the program alone, and its id
//! is the hash of its bytes. So a record may be believed as long as it is one of an export of this
//! version: a file of records counts only if it has the bytes that an export left there, as the
//! note of the directory says, and names this version. Flags, folders, dates and neighbours are
//! never in it. That the vault still has the message undamaged is not asked, as little as where a
//! message of a Maildir is there already.
//!
//! New records are in `known/recent` until they are many, then all are in `known/older`: an export
//! that adds little writes little. A file is a zstd frame with a line of the version, and lines of
//! an id, a blank and JSON, in the order in which an export meets the messages. The next one meets
//! them in nearly the same, so that it reads the file along and holds few of them. What it does not
//! meet is not kept.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, Take, Write as _};
use std::path::{Path, PathBuf};

use super::facts::{LetterFacts, VERSION};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::export::place::{ExportPlace, Staged};
use crate::mail::message::Hash128;

/// Records that are recent, and those that are read ahead; and their bytes.
const MOST: usize = 4_096;
const MOST_BYTES: usize = 8 << 20;
/// Bytes of a record that is kept; a message with more is read again each time.
const LONGEST: usize = 16 << 10;
/// After so many messages in a row that are not among those read ahead, some of these are given up.
const PATIENCE: usize = 256;
/// So many times the bytes of a file are read from it: records do not compress better.
const RATIO: u64 = 200;
const LEVEL: i32 = 3;

/// Records by id, of which the oldest go first if there are too many.
#[derive(Debug, Default)]
struct FewRecords {
    records: HashMap<Hash128, String>,
    order: VecDeque<Hash128>,
    bytes: usize,
}

impl FewRecords {
    fn has_room(&self) -> bool {
        self.records.len() < MOST && self.bytes < MOST_BYTES
    }

    fn add(&mut self, id: Hash128, record: String) {
        self.bytes += record.len();
        if self.records.insert(id, record).is_none() {
            self.order.push_back(id);
        }
    }

    fn take(&mut self, id: Hash128) -> Option<String> {
        let record = self.records.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(record.len());
        // What was taken leaves its id behind, until there are too many of these.
        if self.order.len() > 2 * MOST {
            self.order.retain(|id| self.records.contains_key(id));
        }
        Some(record)
    }

    /// Gives up the oldest quarter.
    fn give_up(&mut self) {
        for _ in 0..MOST / 4 {
            if let Some(id) = self.order.pop_front() {
                let _ = self.take(id);
            }
        }
    }
}

/// A file of records, read line by line.
struct RecordFile {
    lines: BufReader<Take<zstd::Decoder<'static, BufReader<File>>>>,
    path: PathBuf,
}

impl RecordFile {
    /// Opens one that an export of this version left there.
    fn begin(place: &mut ExportPlace, path: &Path) -> Result<Option<Self>> {
        if !fsx::is_file(path)? || place.is_foreign(path)? {
            return Ok(None);
        }
        let failed = |e| Error::file("read", path, e);
        let file = fsx::open(path)?;
        let limit = file.metadata().map_err(failed)?.len() * RATIO;
        let plain = zstd::Decoder::new(file).map_err(failed)?;
        let mut records = Self {
            lines: BufReader::new(plain.take(limit)),
            path: path.to_path_buf(),
        };
        let is_ours = records.line()? == Some(head());
        Ok(is_ours.then_some(records))
    }

    /// The next line; `None` at the end, and where no export wrote on.
    fn line(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        let mut next = self.lines.by_ref().take(LONGEST as u64 + 64);
        match next.read_line(&mut line) {
            Ok(_) => Ok(line.strip_suffix('\n').map(str::to_owned)),
            Err(e) => Err(Error::file("read", &self.path, e)),
        }
    }

    fn next(&mut self) -> Result<Option<(Hash128, String)>> {
        let Some(line) = self.line()? else {
            return Ok(None);
        };
        let record = line.split_once(' ');
        let record = record.and_then(|(id, rest)| Some((Hash128::parse(id)?, rest.to_owned())));
        Ok(record)
    }
}

/// The facts of messages that are known.
pub(super) struct KnownFacts {
    older_path: PathBuf,
    recent_path: PathBuf,
    older: Option<RecordFile>,
    /// Of the older ones those that were read ahead.
    ahead: FewRecords,
    misses: usize,
    /// How many of the older ones were read and not used so far.
    unused: usize,
    recent: FewRecords,
    /// What the file of the recent ones is to hold.
    fresh: FewRecords,
    /// True if that has more than there is room for.
    full: bool,
    /// True if it is not what the file holds.
    changed: bool,
    /// What the file of the older ones would hold.
    all: zstd::Encoder<'static, File>,
}

impl std::fmt::Debug for KnownFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownFacts").finish_non_exhaustive()
    }
}

fn head() -> String {
    format!("mailvault {} {VERSION}", env!("CARGO_PKG_VERSION"))
}

fn failed(e: io::Error) -> Error {
    Error::file("write", &fsx::temporary(), e)
}

impl KnownFacts {
    /// What is known in an archive.
    pub(super) fn read(place: &mut ExportPlace) -> Result<Self> {
        let dir = place.root().join("known");
        let (older_path, recent_path) = (dir.join("older"), dir.join("recent"));
        let older = RecordFile::begin(place, &older_path)?;
        let mut recent = FewRecords::default();
        if let Some(mut file) = RecordFile::begin(place, &recent_path)? {
            while let Some((id, record)) = file.next()? {
                if !recent.has_room() {
                    break;
                }
                recent.add(id, record);
            }
        }
        let mut all = zstd::Encoder::new(fsx::create_unnamed()?, LEVEL).map_err(failed)?;
        writeln!(all, "{}", head()).map_err(failed)?;
        Ok(Self {
            older_path,
            recent_path,
            older,
            ahead: FewRecords::default(),
            misses: 0,
            unused: 0,
            recent,
            fresh: FewRecords::default(),
            full: false,
            changed: false,
            all,
        })
    }

    /// The facts of a message, if they are known.
    pub(super) fn of(&mut self, id: Hash128) -> Result<Option<LetterFacts>> {
        let (record, is_recent) = match self.recent.take(id) {
            Some(record) => (record, true),
            None => match self.of_older(id)? {
                Some(record) => (record, false),
                None => return Ok(None),
            },
        };
        let Ok(facts) = serde_json::from_str(&record) else {
            self.changed = true;
            return Ok(None);
        };
        self.keep(id, record, is_recent)?;
        Ok(Some(facts))
    }

    fn of_older(&mut self, id: Hash128) -> Result<Option<String>> {
        if let Some(record) = self.ahead.take(id) {
            (self.misses, self.unused) = (0, self.unused - 1);
            return Ok(Some(record));
        }
        self.misses += 1;
        if self.misses > PATIENCE && !self.ahead.has_room() {
            self.ahead.give_up();
            self.misses = 0;
        }
        while self.ahead.has_room() {
            let Some((found, record)) = self.next_older()? else {
                break;
            };
            if found == id {
                self.misses = 0;
                return Ok(Some(record));
            }
            self.unused += 1;
            self.ahead.add(found, record);
        }
        Ok(None)
    }

    fn next_older(&mut self) -> Result<Option<(Hash128, String)>> {
        let Some(file) = &mut self.older else {
            return Ok(None);
        };
        let next = file.next()?;
        if next.is_none() {
            self.older = None;
        }
        Ok(next)
    }

    /// Notes the facts of a message that was read.
    pub(super) fn add(&mut self, id: Hash128, facts: &LetterFacts) -> Result<()> {
        match serde_json::to_string(facts) {
            Ok(record) if record.len() <= LONGEST => {
                self.changed = true;
                self.keep(id, record, true)
            }
            _ => Ok(()),
        }
    }

    fn keep(&mut self, id: Hash128, record: String, is_fresh: bool) -> Result<()> {
        writeln!(self.all, "{id} {record}").map_err(failed)?;
        if is_fresh {
            self.full |= !self.fresh.has_room();
            if self.full {
                self.fresh = FewRecords::default();
            } else {
                self.fresh.add(id, record);
            }
        }
        Ok(())
    }

    /// Writes what is known now, if that is not what the archive has.
    pub(super) fn write(mut self, place: &mut ExportPlace) -> Result<()> {
        // What was not met is not kept.
        let is_unused = self.unused > 0 || self.next_older()?.is_some();
        if !is_unused && !self.full {
            if self.changed || !self.recent.records.is_empty() {
                write_recent(place, &self.recent_path, &self.fresh)?;
            }
            return Ok(());
        }
        let mut all = self.all.finish().map_err(failed)?;
        all.rewind().map_err(failed)?;
        let mut staged = place.stage_replaceable()?;
        let copied = io::copy(&mut all, &mut StagedWriter(&mut staged));
        copied.map_err(|e| Error::file("write", &self.older_path, e))?;
        place.keep(staged, self.older_path, 0)?;
        if fsx::is_file(&self.recent_path)? {
            // All of it is in the other.
            write_recent(place, &self.recent_path, &FewRecords::default())?;
        }
        Ok(())
    }
}

fn write_recent(place: &mut ExportPlace, path: &Path, records: &FewRecords) -> Result<()> {
    let failed = |e| Error::file("write", path, e);
    let mut staged = place.stage_replaceable()?;
    let mut packer = zstd::Encoder::new(StagedWriter(&mut staged), LEVEL).map_err(failed)?;
    writeln!(packer, "{}", head()).map_err(failed)?;
    for id in &records.order {
        if let Some(record) = records.records.get(id) {
            writeln!(packer, "{id} {record}").map_err(failed)?;
        }
    }
    packer.finish().map_err(failed)?;
    place.keep(staged, path.to_path_buf(), 0)
}

/// A file on its way to its name, to write to.
struct StagedWriter<'a>(&'a mut Staged);

impl io::Write for StagedWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;
    use crate::base::account_name::AccountNames;
    use crate::export::Format;

    fn open(root: &Path) -> ExportPlace {
        let accounts = ["work".to_owned()];
        let names = AccountNames::default();
        ExportPlace::open(root, Format::Html, false, &accounts, &names).unwrap()
    }

    fn facts(n: u64) -> LetterFacts {
        LetterFacts {
            weight: n,
            ..LetterFacts::default()
        }
    }

    fn id(n: u64) -> Hash128 {
        Hash128::of(&n.to_be_bytes())
    }

    /// Selects these messages; gives how many were known.
    fn run(root: &Path, numbers: impl IntoIterator<Item = u64>) -> usize {
        let mut place = open(root);
        let mut known = KnownFacts::read(&mut place).unwrap();
        let mut count = 0;
        for n in numbers {
            match known.of(id(n)).unwrap() {
                Some(found) => {
                    assert_eq!(found, facts(n));
                    count += 1;
                }
                None => known.add(id(n), &facts(n)).unwrap(),
            }
        }
        known.write(&mut place).unwrap();
        place.finish().unwrap();
        count
    }

    #[test]
    fn what_was_read_is_known_and_what_is_new_changes_the_small_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| fs::read(dir.path().join("known").join(name)).ok();
        assert_eq!(run(dir.path(), 0..5_000), 0);
        let older = file("older");
        assert!(older.is_some() && file("recent").is_none());
        assert_eq!(run(dir.path(), 0..5_100), 5_000);
        let recent = file("recent");
        assert!(file("older") == older && recent.is_some());
        assert_eq!(run(dir.path(), 0..5_100), 5_100);
        assert!(file("older") == older && file("recent") == recent);
        assert_eq!(run(dir.path(), 0..9_200), 5_100);
        assert!(file("older") != older && file("recent") != recent);
        assert_eq!(run(dir.path(), 0..9_200), 9_200);
        // New ones between the others.
        let between = (0..9_200).flat_map(|n| {
            [n, n + 100_000]
                .into_iter()
                .take(1 + usize::from(n % 100 == 0))
        });
        assert_eq!(run(dir.path(), between), 9_200);
        // What is not selected is not kept.
        assert_eq!(run(dir.path(), 100..200), 100);
        assert_eq!(run(dir.path(), 0..200), 100);
    }

    #[test]
    fn another_order_costs_some_readings_once() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(run(dir.path(), 0..20_000), 0);
        let other = || (9_000..20_000).chain(0..9_000);
        let known = run(dir.path(), other());
        assert!((8_000..20_000).contains(&known), "{known}");
        assert_eq!(run(dir.path(), other()), 20_000);
    }

    #[test]
    fn a_file_that_no_export_of_this_version_left_there_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(run(dir.path(), 0..10), 0);
        let path = dir.path().join("known/recent");
        let plain = zstd::decode_all(&fs::read(&path).unwrap()[..]).unwrap();
        let plain = String::from_utf8(plain).unwrap();
        let forged = plain.replace("\"weight\":1,", "\"weight\":7,");
        assert_ne!(forged, plain);
        fs::write(&path, zstd::encode_all(forged.as_bytes(), 3).unwrap()).unwrap();
        assert_eq!(run(dir.path(), 0..10), 0);
        // It is somebody's, and stays.
        let other = fs::read(&path).unwrap();
        assert_eq!(zstd::decode_all(&other[..]).unwrap(), forged.as_bytes());
        fs::remove_file(&path).unwrap();
        let other = plain.replacen("mailvault ", "mailvault 0", 1);
        let mut place = open(dir.path());
        let packed = zstd::encode_all(other.as_bytes(), 3).unwrap();
        place.write_replaceable(path.clone(), &packed).unwrap();
        place.finish().unwrap();
        assert_eq!(run(dir.path(), 0..10), 0);
        assert_eq!(run(dir.path(), 0..10), 10);
    }

    #[test]
    fn a_file_that_unpacks_to_too_much_comes_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let mut text = head().into_bytes();
        text.push(b'\n');
        text.resize(64 << 20, b'x');
        let mut place = open(dir.path());
        let packed = zstd::encode_all(&text[..], 3).unwrap();
        let path = dir.path().join("known/older");
        place.write_replaceable(path, &packed).unwrap();
        place.finish().unwrap();
        assert_eq!(run(dir.path(), 0..1), 0);
    }
}
