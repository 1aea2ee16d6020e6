//! One file per message, byte for byte as the vault has it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::body::Body;
use super::folders::TreeForm;
use super::place::{self, ExportPlace};
use super::{Finished, Put, Target, names};
use crate::base::error::{Error, Result};
use crate::base::fsx::{self, Linked};
use crate::vault::Entry;
use crate::vault::catalog::ContentSet;

/// A directory a folder, in which each message has a file.
#[derive(Debug)]
pub(super) struct EmlTree {
    place: ExportPlace,
    /// The folder at hand, its path, and what it has.
    folder: Option<(String, String, PathBuf, ContentSet)>,
}

impl EmlTree {
    pub(super) fn new(place: ExportPlace) -> Self {
        Self {
            place,
            folder: None,
        }
    }

    fn enter(&mut self, entry: &Entry) -> Result<()> {
        let Entry { account, dir, .. } = entry;
        if matches!(&self.folder, Some((a, d, ..)) if a == account && d == dir) {
            return Ok(());
        }
        self.place.flush()?;
        let path = self.place.folder(account, dir, TreeForm::Directories)?;
        let path = self.place.root().join(path);
        let there = ContentSet::new()?;
        place::for_each_id(&path, ".eml", &mut |_, id| there.insert(id).map(drop))?;
        self.folder = Some((account.clone(), dir.clone(), path, there));
        Ok(())
    }
}

/// `2025-08-02 Your boarding pass.<id>.eml`.
fn file_name(entry: &Entry) -> String {
    let day = chrono::DateTime::from_timestamp(entry.date, 0)
        .filter(|_| entry.date > 0)
        .map_or_else(String::new, |day| day.format("%Y-%m-%d ").to_string());
    let subject = match entry.subject.trim() {
        "" => "no subject".to_owned(),
        subject => names::safe(subject),
    };
    format!("{day}{subject}.{}.eml", entry.name.hash)
}

impl Target for EmlTree {
    fn put(&mut self, entry: &Entry, body: &mut Body<'_>) -> Result<Put> {
        self.enter(entry)?;
        let Some((_, _, path, there)) = &self.folder else {
            return Ok(Put::There);
        };
        if there.contains(entry.name.hash)? {
            return Ok(Put::There);
        }
        body.load()?;
        let mut staged = self.place.stage()?;
        if let Err(error) = body.each(&mut |piece| staged.write(piece)) {
            staged.give_up()?;
            return Err(error);
        }
        there.insert(entry.name.hash)?;
        let name = path.join(file_name(entry));
        self.place.keep(staged, name, entry.date)?;
        Ok(Put::Written)
    }

    fn finish(mut self: Box<Self>, _stop: &AtomicBool) -> Result<Finished> {
        Ok(Finished::leaving(self.place.finish()?))
    }
}

/// A single file for a single message.
#[derive(Debug)]
pub(super) struct EmlFile {
    path: PathBuf,
}

impl EmlFile {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: fsx::resolve_parent(path),
        }
    }
}

impl Target for EmlFile {
    fn put(&mut self, _: &Entry, body: &mut Body<'_>) -> Result<Put> {
        body.load()?;
        let tmp = fsx::staging_name(&self.path);
        let mut file = fsx::create_new(&tmp)?;
        let written = body.each(&mut |piece| {
            let written = file.write_all(piece);
            written.map_err(|e| Error::file("write", &tmp, e))
        });
        match written.and_then(|()| fsx::sync_file(&file, &tmp)) {
            Ok(()) => give_name(&tmp, &self.path).map(|()| Put::Written),
            Err(error) => {
                fsx::remove(&tmp)?;
                Err(error)
            }
        }
    }

    fn finish(self: Box<Self>, _stop: &AtomicBool) -> Result<Finished> {
        Ok(Finished::default())
    }
}

/// Gives a durable file its name, unless somebody else took it meanwhile.
pub(super) fn give_name(tmp: &Path, path: &Path) -> Result<()> {
    match fsx::link(tmp, path)? {
        Linked::Done => fsx::remove(tmp)?,
        Linked::Exists => {
            fsx::remove(tmp)?;
            place::refuse_taken(path)?;
        }
        Linked::Unsupported => {
            place::refuse_taken(path)?;
            fsx::rename(tmp, path)?;
        }
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    fsx::sync_dir(dir.unwrap_or(Path::new(".")))
}

/// The bytes of one message to a stream.
pub(super) struct EmlStream<'a>(&'a mut dyn Write);

impl<'a> EmlStream<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self(out)
    }
}

impl Target for EmlStream<'_> {
    fn put(&mut self, _: &Entry, body: &mut Body<'_>) -> Result<Put> {
        body.load()?;
        body.each(&mut |piece| {
            let written = self.0.write_all(piece);
            written.map_err(|e| Error::file("write to", Path::new("stdout"), e))
        })?;
        Ok(Put::Written)
    }

    fn finish(self: Box<Self>, _stop: &AtomicBool) -> Result<Finished> {
        Ok(Finished::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_day_subject_and_id() {
        let mut entry = crate::export::tests::entry(b"x");
        entry.date = 1_754_128_805;
        entry.subject = "../Re: boarding\u{7} pass".to_owned();
        let id = entry.name.hash;
        assert_eq!(
            file_name(&entry),
            format!("2025-08-02 _Re_ boarding_ pass.{id}.eml")
        );
        entry.date = 0;
        entry.subject.clear();
        assert_eq!(file_name(&entry), format!("no subject.{id}.eml"));
    }
}
