//! Giving messages that come from a second copy the names that the ledger has for them.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;

use super::catalog::{Catalog, Place};
use super::layout::{FileName, Layout};
use super::maildir;
use super::receive::{ExpectedMessage, Receiver};
use crate::base::error::Result;
use crate::base::fsx::{self, Linked, StagedFile};
use crate::mail::message::{Digest, Hash128};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestoredMessage {
    /// It has its names.
    Placed,
    /// The ledger knows no place for it: it was lost, forgotten or removed on purpose.
    Unplaced,
    /// Its bytes do not have its hash.
    Wrong,
}

/// Writes messages below a root, where the ledger is and no file of theirs need be.
pub(super) struct MessagePlacer {
    layout: Layout,
    receiver: Receiver,
    /// Folders that are there.
    folders: BTreeSet<(String, String)>,
    written: Vec<PathBuf>,
}

impl MessagePlacer {
    pub(super) fn new(layout: &Layout) -> Self {
        Self {
            layout: layout.clone(),
            receiver: Receiver::new(),
            folders: BTreeSet::new(),
            written: Vec::new(),
        }
    }

    /// Gives a message all its names. `size` is that of its bytes. What they say comes with it if
    /// it has its names now.
    pub(super) fn put(
        &mut self,
        catalog: &Catalog,
        hash: Hash128,
        (size, mtime): (u64, u64),
        content: &mut dyn Read,
    ) -> Result<(RestoredMessage, Option<Digest>)> {
        let Some(blob) = catalog.find(hash)? else {
            return Ok((RestoredMessage::Unplaced, None));
        };
        let places = catalog.places(blob.id)?;
        let Some(first) = places.first() else {
            return Ok((RestoredMessage::Unplaced, None));
        };
        for place in &places {
            self.create_folder(&place.account, &place.dir)?;
        }
        let expected = ExpectedMessage {
            hash,
            size,
            mtime,
            stored: 0,
        };
        let arrived = (self.receiver).take(&self.layout, &first.account, expected, content)?;
        let Some(arrived) = arrived else {
            return Ok((RestoredMessage::Wrong, None));
        };
        self.give_names(&arrived.file, &blob.name, &places)?;
        arrived.file.discard()?;
        Ok((RestoredMessage::Placed, Some(arrived.digest)))
    }

    /// The files that were written and not yet taken.
    pub(super) fn written(&self) -> &[PathBuf] {
        &self.written
    }

    pub(super) fn take_written(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.written)
    }

    fn create_folder(&mut self, account: &str, dir: &str) -> Result<()> {
        for dir in ["", dir] {
            let folder = (account.to_owned(), dir.to_owned());
            if !self.folders.contains(&folder) {
                maildir::create_folder(&self.layout, account, dir)?;
                self.folders.insert(folder);
            }
        }
        Ok(())
    }

    fn give_names(&mut self, file: &StagedFile, name: &FileName, places: &[Place]) -> Result<()> {
        let mut first: Option<PathBuf> = None;
        for place in places {
            let folder = self.layout.folder(&place.account, &place.dir);
            let path = folder.join("cur").join(name.with_flags(&place.flags));
            // What a restore that was killed left may be torn.
            let linked = match &first {
                Some(first) if fsx::look(&path)?.is_none() => fsx::link(first, &path)?,
                _ => Linked::Unsupported,
            };
            if linked != Linked::Done {
                maildir::place(&self.layout, file, &folder, name, &place.flags)?;
            }
            self.written.push(path.clone());
            first.get_or_insert(path);
        }
        Ok(())
    }
}
