//! Deleting on the server: mark, then expunge exactly what was marked by us.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use crate::base::error::{Error, Result};
use crate::mail::source::Listing;
use crate::net::imap::command::ImapCommand;
use crate::net::imap::folder::{Change, Folder};
use crate::net::imap::reply::holds;
use crate::net::imap::uids::written;

/// Messages that one command is about.
const SET: usize = 500;

/// What came of a deletion. Only a later listing tells what is really gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// They were marked and expunged.
    Expunged,
    /// Nothing was deleted: the server can only expunge everything that is marked, and
    /// so many messages were marked by somebody else.
    Kept(usize),
}

impl<S: Read + Write> Folder<'_, S> {
    /// Deletes messages. Without UIDPLUS an expunge takes everything that is marked as
    /// deleted, so it is sent only if nobody else marked anything.
    pub fn remove(&mut self, listings: &[Listing]) -> Result<Removal> {
        let lacks = |what: &str| Error::Unsupported {
            server: self.session.wire.channel.server().clone(),
            what: what.to_owned(),
        };
        if !self.is_writable() {
            return Err(lacks("deleting in this mailbox"));
        }
        if self.validity() == 0 {
            return Err(lacks("UIDs that last, without which nothing is deleted"));
        }
        let mut uids = self.uids(listings)?;
        uids.sort_unstable();
        uids.dedup();
        let caps = &self.session.caps;
        let exact = caps.has("UIDPLUS") || caps.has("IMAP4REV2");
        for set in uids.chunks(SET) {
            let set = written(set);
            self.store(&set, '+')?;
            if exact {
                self.must(&format!("UID EXPUNGE {set}"))?;
            }
        }
        if exact || uids.is_empty() {
            return Ok(Removal::Expunged);
        }
        let foreign = self.marked_by_others(&uids.iter().copied().collect())?;
        if foreign == 0 {
            self.must("EXPUNGE")?;
            return Ok(Removal::Expunged);
        }
        for set in uids.chunks(SET) {
            self.store(&written(set), '-')?;
        }
        Ok(Removal::Kept(foreign))
    }

    fn store(&mut self, set: &str, sign: char) -> Result<()> {
        self.must(&format!("UID STORE {set} {sign}FLAGS.SILENT (\\Deleted)"))
    }

    fn must(&mut self, command: &str) -> Result<()> {
        let command = ImapCommand::new(command);
        self.session.wire.must(&command, |_| Ok(())).map(drop)
    }

    fn marked_by_others(&mut self, ours: &BTreeSet<u32>) -> Result<usize> {
        let mut foreign = BTreeSet::new();
        let done = self.ask_rows("UID FETCH 1:* (UID FLAGS)", &mut |change| {
            if let Change::Flags(row) = change
                && !ours.contains(&row.uid)
                && row.flags.is_some_and(|flags| holds(&flags, "\\Deleted"))
            {
                foreign.insert(row.uid);
            }
            Ok(())
        })?;
        if done.is_ok() {
            Ok(foreign.len())
        } else {
            Err(self.session.wire.refused(&done.status()))
        }
    }
}

#[cfg(test)]
mod tests;
