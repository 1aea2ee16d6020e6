//! A Maildir++ tree of plain files, as mutt, notmuch, Dovecot and most others read it.
//!
//! Line ends are LF where an import can turn them back, else the bytes are as they are.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::body::Body;
use super::folders::TreeForm;
use super::place::{self, ExportPlace};
use super::{Finished, Put, Target};
use crate::base::error::Result;
use crate::base::fsx;
use crate::mail::mbox::ToLf;
use crate::vault::Entry;
use crate::vault::catalog::ContentSet;

/// What stands after the id in a file's name.
pub(super) const BEHIND: &str = ".mailvault,S=";

/// A Maildir++ tree in the making.
#[derive(Debug)]
pub(super) struct MaildirTree {
    place: ExportPlace,
    crlf: bool,
    folder: Option<MaildirFolder>,
    scratch: Vec<u8>,
}

/// The folder at hand, and what it has.
#[derive(Debug)]
struct MaildirFolder {
    account: String,
    dir: String,
    cur: PathBuf,
    there: ContentSet,
}

impl MaildirTree {
    pub(super) fn new(place: ExportPlace, crlf: bool) -> Self {
        Self {
            place,
            crlf,
            folder: None,
            scratch: Vec::new(),
        }
    }

    /// Makes the folder of an entry the one at hand.
    fn enter(&mut self, entry: &Entry) -> Result<()> {
        let same = |f: &MaildirFolder| f.account == entry.account && f.dir == entry.dir;
        if self.folder.as_ref().is_some_and(same) {
            return Ok(());
        }
        self.place.flush()?;
        let form = TreeForm::Maildir;
        let path = self.place.folder(&entry.account, &entry.dir, form)?;
        let is_inbox = entry.dir.is_empty();
        let root = self.place.root().join(path);
        if !is_inbox {
            // The account's own root, which a mail program opens.
            Self::create(root.parent().unwrap_or(&root))?;
        }
        Self::create(&root)?;
        let marker = root.join("maildirfolder");
        if !is_inbox && !fsx::is_file(&marker)? {
            fsx::create_new(&marker)?;
        }
        let there = ContentSet::new()?;
        for sub in ["cur", "new"] {
            let mut add = |_: &str, id| there.insert(id).map(drop);
            place::for_each_id(&root.join(sub), BEHIND, &mut add)?;
        }
        self.folder = Some(MaildirFolder {
            account: entry.account.clone(),
            dir: entry.dir.clone(),
            cur: root.join("cur"),
            there,
        });
        Ok(())
    }

    fn create(root: &Path) -> Result<()> {
        fsx::create_dir_all_durably(root)?;
        for sub in ["cur", "new", "tmp"] {
            fsx::create_dir(&root.join(sub))?;
        }
        fsx::sync_dir(root)
    }
}

impl Target for MaildirTree {
    fn put(&mut self, entry: &Entry, body: &mut Body<'_>) -> Result<Put> {
        self.enter(entry)?;
        let id = entry.name.hash;
        if let Some(folder) = &self.folder
            && folder.there.contains(id)?
        {
            return Ok(Put::There);
        }
        let shape = body.load()?;
        let plain = shape.reversible && !self.crlf;
        let (size, wire) = if plain {
            (entry.name.size - shape.lines, entry.name.size)
        } else {
            (entry.name.size, entry.name.wire)
        };
        let mut staged = self.place.stage()?;
        let (mut filter, scratch) = (ToLf::default(), &mut self.scratch);
        let written = body.each(&mut |piece| {
            if !plain {
                return staged.write(piece);
            }
            scratch.clear();
            filter.push(piece, scratch);
            staged.write(scratch)
        });
        let written = written.and_then(|()| {
            scratch.clear();
            filter.finish(scratch);
            staged.write(scratch)
        });
        if let Err(error) = written {
            staged.give_up()?;
            return Err(error);
        }
        let date = entry.date.max(0);
        let name = format!("{date}.{id}{BEHIND}{size},W={wire}:2,{}", entry.flags);
        if let Some(folder) = &self.folder {
            folder.there.insert(id)?;
            self.place.keep(staged, folder.cur.join(name), entry.date)?;
        }
        Ok(Put::Written)
    }

    fn finish(mut self: Box<Self>, _stop: &AtomicBool) -> Result<Finished> {
        Ok(Finished::leaving(self.place.finish()?))
    }
}
