//! Deleting on the server: mark, then expunge exactly what was marked by us (RFC 4315), in
//! commands about no more messages than the server allows (RFC 9738).

use std::collections::BTreeSet;
use std::io::{Read, Write};

use crate::base::error::{Error, Result};
use crate::mail::source::Listing;
use crate::net::imap::command::ImapCommand;
use crate::net::imap::folder::{Change, Folder, PageQuery};
use crate::net::imap::reply::{Reply, holds};
use crate::net::imap::uids::written;

/// Messages that one command is about.
const SET: usize = 500;

/// What came of a deletion. Only a later listing shows what is really gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// They were marked and expunged.
    Expunged,
    /// Nothing was deleted: the server can only expunge everything that is marked, and
    /// this many messages were marked by somebody else.
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
        let most = caps.message_limit().map_or(SET, |limit| limit.min(SET));
        let exact = caps.has("UIDPLUS") || caps.has("IMAP4REV2");
        for set in uids.chunks(most) {
            self.mark(set, '+')?;
            if exact {
                self.in_parts(set, |set| format!("UID EXPUNGE {set}"))?;
            }
        }
        if exact || uids.is_empty() {
            return Ok(Removal::Expunged);
        }
        let foreign = self.expunge(&uids.iter().copied().collect())?;
        if foreign == 0 {
            return Ok(Removal::Expunged);
        }
        for set in uids.chunks(most) {
            self.mark(set, '-')?;
        }
        Ok(Removal::Kept(foreign))
    }

    fn mark(&mut self, uids: &[u32], sign: char) -> Result<()> {
        self.in_parts(uids, |set| {
            format!("UID STORE {set} {sign}FLAGS.SILENT (\\Deleted)")
        })
    }

    /// Sends a command for a set. If the server stopped at its limit, it is sent again in parts
    /// that are within the limit: to do it twice changes nothing, and which part was done
    /// need not be believed.
    fn in_parts(&mut self, uids: &[u32], command: impl Fn(&str) -> String) -> Result<()> {
        let mut left = vec![uids];
        while let Some(part) = left.pop() {
            let command = ImapCommand::new(&command(&written(part)));
            let end = self.session.wire.run(&command, |_| Ok(()))?;
            match end.limit {
                Some(_) if part.len() == 1 => return Err(self.session.wire.never_done()),
                Some(limit) => left.extend(part.chunks(limit.fewer_than(part.len()))),
                None if end.is_ok() => {}
                None => return Err(self.session.wire.refused(&end.status())),
            }
        }
        Ok(())
    }

    /// Expunges everything that is marked, unless others marked something; gives how many
    /// messages they did. Before each command that is looked at.
    fn expunge(&mut self, ours: &BTreeSet<u32>) -> Result<usize> {
        loop {
            let foreign = self.marked_by_others(ours)?;
            if foreign > 0 {
                return Ok(foreign);
            }
            let mut went = false;
            let command = ImapCommand::new("EXPUNGE");
            let end = self.session.wire.run(&command, |reply| {
                if let Reply::Data { word, .. } = reply {
                    went |= word.eq_ignore_ascii_case(b"EXPUNGE")
                        || word.eq_ignore_ascii_case(b"VANISHED");
                }
                Ok(())
            })?;
            match end.limit {
                Some(_) if went => {}
                Some(_) => return Err(self.session.wire.never_done()),
                None if end.is_ok() => return Ok(0),
                None => return Err(self.session.wire.refused(&end.status())),
            }
        }
    }

    fn marked_by_others(&mut self, ours: &BTreeSet<u32>) -> Result<usize> {
        let mut foreign = BTreeSet::new();
        let all = PageQuery::of(1, "UID FLAGS");
        let done = self.ask_pages(&all, &mut |change| {
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
