//! mbox files: one for all, or one a folder in the tree that Thunderbird opens (`Name`,
//! and `Name.sbd` with the folders below it).

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::body::Body;
use super::eml::give_name;
use super::folders::TreeForm;
use super::place::{ExportPlace, Staged};
use super::{Finished, Put, Target};
use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::mbox::{FromLine, Quoter, Tag, ToLf};
use crate::vault::{Entry, Part};

/// Turns messages into the text of an mbox.
#[derive(Debug, Default)]
struct MboxWriter {
    crlf: bool,
    /// Puts the fields in front of each message in which Thunderbird keeps its flags. To it a
    /// message begins only where the two lines after the separator are fields, and fields like
    /// these that a sender wrote do not count after ours.
    status: bool,
    scratch: Vec<u8>,
    quoted: Vec<u8>,
}

impl MboxWriter {
    fn new(crlf: bool) -> Self {
        Self {
            crlf,
            ..Self::default()
        }
    }

    /// For a folder of Thunderbird.
    fn for_thunderbird(crlf: bool) -> Self {
        Self {
            status: true,
            ..Self::new(crlf)
        }
    }

    fn put(
        &mut self,
        entry: &Entry,
        body: &mut Body<'_>,
        to: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let shape = body.load()?;
        let plain = shape.reversible && !self.crlf;
        let line = FromLine {
            tag: Tag {
                ours: true,
                exact: !plain,
                open: !shape.ends,
                bare: !shape.body,
                status: self.status,
                id: Some(entry.name.hash),
            },
            date: entry.date.max(0),
        };
        let end: &[u8] = if self.crlf { b"\r\n" } else { b"\n" };
        to(line.to_string().as_bytes())?;
        to(end)?;
        if self.status {
            for field in status_fields(&entry.flags) {
                to(field.as_bytes())?;
                to(end)?;
            }
        }
        let (mut lf, mut quoter) = (ToLf::default(), Quoter::default());
        let Self {
            scratch, quoted, ..
        } = self;
        body.each(&mut |piece| {
            quoted.clear();
            if plain {
                scratch.clear();
                lf.push(piece, scratch);
                quoter.push(scratch, quoted);
            } else {
                quoter.push(piece, quoted);
            }
            to(quoted)
        })?;
        scratch.clear();
        quoted.clear();
        lf.finish(scratch);
        quoter.push(scratch, quoted);
        quoter.finish(quoted);
        for added in [line.tag.open, line.tag.bare, true] {
            if added {
                quoted.extend_from_slice(end);
            }
        }
        to(quoted)
    }
}

/// The fields with a message's flags. A message that is marked as deleted would be hidden, so
/// none is.
fn status_fields(flags: &str) -> [String; 2] {
    let bits = [('S', 1), ('R', 2), ('F', 4), ('P', 0x1000)];
    let given = bits.iter().filter(|(letter, _)| flags.contains(*letter));
    let status = given.fold(0_u16, |status, (_, bit)| status | bit);
    [
        format!("X-Mozilla-Status: {status:04x}"),
        "X-Mozilla-Status2: 00000000".to_owned(),
    ]
}

/// An mbox to a stream.
pub(super) struct MboxStream<'a> {
    out: &'a mut dyn Write,
    writer: MboxWriter,
}

impl<'a> MboxStream<'a> {
    pub(super) fn new(out: &'a mut dyn Write, crlf: bool) -> Self {
        Self {
            out,
            writer: MboxWriter::new(crlf),
        }
    }
}

impl Target for MboxStream<'_> {
    fn put(&mut self, entry: &Entry, body: &mut Body<'_>) -> Result<Put> {
        let out = &mut self.out;
        self.writer.put(entry, body, &mut |bytes| {
            let written = out.write_all(bytes);
            written.map_err(|e| Error::file("write to", Path::new("stdout"), e))
        })?;
        Ok(Put::Written)
    }

    fn finish(self: Box<Self>, _stop: &AtomicBool) -> Result<Finished> {
        Ok(Finished::default())
    }
}

/// A single mbox file. It is begun again after a kill, and never replaces another.
#[derive(Debug)]
pub(super) struct MboxFile {
    path: PathBuf,
    tmp: PathBuf,
    to: BufWriter<std::fs::File>,
    writer: MboxWriter,
    done: bool,
}

impl MboxFile {
    pub(super) fn create(path: &Path, crlf: bool) -> Result<Self> {
        let path = &fsx::resolve_parent(path);
        let tmp = fsx::staging_name(path);
        let file = fsx::create_new(&tmp)?;
        Ok(Self {
            path: path.clone(),
            to: BufWriter::with_capacity(256 << 10, file),
            tmp,
            writer: MboxWriter::new(crlf),
            done: false,
        })
    }
}

impl Target for MboxFile {
    fn put(&mut self, entry: &Entry, body: &mut Body<'_>) -> Result<Put> {
        let (file, tmp) = (&mut self.to, &self.tmp);
        self.writer.put(entry, body, &mut |bytes| {
            let written = file.write_all(bytes);
            written.map_err(|e| Error::file("write", tmp, e))
        })?;
        Ok(Put::Written)
    }

    fn finish(mut self: Box<Self>, _stop: &AtomicBool) -> Result<Finished> {
        let flushed = self.to.flush();
        flushed.map_err(|e| Error::file("write", &self.tmp, e))?;
        fsx::sync_file(self.to.get_ref(), &self.tmp)?;
        give_name(&self.tmp, &self.path)?;
        self.done = true;
        Ok(Finished::default())
    }
}

impl Drop for MboxFile {
    fn drop(&mut self) {
        if !self.done {
            // It has no value: the next run begins again.
            let _ = fsx::remove(&self.tmp);
        }
    }
}

/// One file per folder.
#[derive(Debug)]
pub(super) struct MboxTree {
    place: ExportPlace,
    writer: MboxWriter,
    /// What every folder is to hold.
    lists: BTreeMap<(String, String), String>,
    open: Option<OpenMbox>,
}

/// What is to become of a folder's file.
#[derive(Debug)]
enum MboxState {
    /// It holds what it should.
    There,
    /// Somebody else has changed it, so that it stays as it is.
    Foreign,
    /// It is written again.
    Rewritten(Box<Staged>),
}

/// The folder at hand.
#[derive(Debug)]
struct OpenMbox {
    account: String,
    dir: String,
    path: PathBuf,
    to: MboxState,
    written: u64,
    whole: bool,
}

impl MboxTree {
    pub(super) fn new(place: ExportPlace, crlf: bool, parts: &[Part]) -> Self {
        let list = |part: &Part| {
            let key = (part.account.clone(), part.dir.clone());
            (key, part.list.to_string())
        };
        Self {
            place,
            writer: MboxWriter::for_thunderbird(crlf),
            lists: parts.iter().map(list).collect(),
            open: None,
        }
    }

    fn enter(&mut self, entry: &Entry) -> Result<()> {
        let Entry { account, dir, .. } = entry;
        if matches!(&self.open, Some(open) if open.account == *account && open.dir == *dir) {
            return Ok(());
        }
        self.close()?;
        let path = self.place.folder(account, dir, TreeForm::Thunderbird)?;
        self.make_parents(&path)?;
        let wanted = self.lists.get(&(account.clone(), dir.clone()));
        let recorded = self.place.state.files.get(&*path.to_string_lossy());
        let length = fsx::length(&self.place.root().join(&path)).ok();
        let same =
            recorded.is_some_and(|(held, size)| Some(held) == wanted && Some(*size) == length);
        let to = if same {
            MboxState::There
        } else if self.place.is_foreign(&self.place.root().join(&path))? {
            MboxState::Foreign
        } else {
            MboxState::Rewritten(Box::new(self.place.stage_replaceable()?))
        };
        self.open = Some(OpenMbox {
            account: account.clone(),
            dir: dir.clone(),
            path,
            to,
            written: 0,
            whole: true,
        });
        Ok(())
    }

    /// Thunderbird shows what is in `Name.sbd` only where there is a file `Name`.
    fn make_parents(&mut self, path: &Path) -> Result<()> {
        for folder in path.ancestors().skip(1) {
            if let Some(name) = folder.to_str().and_then(|name| name.strip_suffix(".sbd")) {
                let parent = self.place.root().join(name);
                if !fsx::is_file(&parent)? {
                    self.place.write(parent, b"")?;
                }
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let MboxState::Rewritten(staged) = open.to else {
            return Ok(());
        };
        let list = self.lists.get(&(open.account, open.dir));
        let name = self.place.root().join(&open.path);
        self.place.keep(*staged, name, 0)?;
        self.place.flush()?;
        if let (Some(list), true) = (list, open.whole) {
            let key = open.path.to_string_lossy().into_owned();
            let files = &mut self.place.state.files;
            // The note is saved with the next folder, or at the end.
            files.insert(key, (list.clone(), open.written));
        }
        Ok(())
    }
}

impl Target for MboxTree {
    fn put(&mut self, entry: &Entry, body: &mut Body<'_>) -> Result<Put> {
        self.enter(entry)?;
        let Some(open) = &mut self.open else {
            return Ok(Put::There);
        };
        let staged = match &mut open.to {
            MboxState::Rewritten(staged) => staged,
            MboxState::There => return Ok(Put::There),
            MboxState::Foreign => return Ok(Put::Foreign),
        };
        if let Err(error) = body.load() {
            open.whole = false;
            return Err(error);
        }
        let written = &mut open.written;
        self.writer.put(entry, body, &mut |bytes| {
            *written += bytes.len() as u64;
            staged.write(bytes)
        })?;
        Ok(Put::Written)
    }

    fn finish(mut self: Box<Self>, _stop: &AtomicBool) -> Result<Finished> {
        self.close()?;
        Ok(Finished::leaving(self.place.finish()?))
    }
}
