//! Messages of a mailbox that are stored already, and flags that changed: names and lines,
//! no bytes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Committer, Route};
use crate::error::Result;
use crate::fsx;
use crate::message::Hash128;
use crate::source::Uid;
use crate::vault::frame;
use crate::vault::ledger::{Event, Identity, Seen};
use crate::vault::maildir;

/// A message of a mailbox that is a stored one: its header and size say so.
#[derive(Debug, Clone)]
pub struct Link {
    /// The server's name for it.
    pub uid: Uid,
    /// The size that the server lists.
    pub octets: Option<u64>,
    /// The stored content.
    pub hash: Hash128,
    /// Hash of its header on the server.
    pub header: Hash128,
    /// Flag letters, sorted.
    pub flags: String,
    /// Flags without a letter.
    pub kw: String,
    /// INTERNALDATE.
    pub idate: Option<i64>,
}

/// New flags of a message.
#[derive(Debug, Clone)]
pub struct FlagChange {
    /// Which message.
    pub identity: Identity,
    /// The stored content; `None` if it was never stored.
    pub hash: Option<Hash128>,
    /// The letters that were recorded last.
    pub before: String,
    /// The letters now.
    pub flags: String,
    /// The other flags now.
    pub kw: String,
}

impl Committer {
    /// Gives stored messages a name in another folder, and a line. One whose file is not
    /// as it was is left out: the next run fetches it.
    pub(super) fn link(&mut self, route: &Arc<Route>, links: Vec<Link>) -> Result<()> {
        let dir = route.dir.clone().unwrap_or_default();
        let folder = self.writer.layout().folder(&route.account, &dir);
        let cur = folder.join("cur");
        let mut events = Vec::with_capacity(links.len());
        for link in links {
            let Some(blob) = self.writer.catalog().find(link.hash)? else {
                continue;
            };
            let Some((place, path)) = self.writer.intact(&blob, &route.account, &dir)? else {
                continue;
            };
            if place.account != route.account || place.dir != dir {
                let layout = self.writer.layout();
                maildir::place(layout, &path, &folder, &blob.name, &link.flags)?;
            }
            let mut scanner = crate::message::Scanner::new();
            let digest = frame::scan(&path, blob.name.size, &mut scanner);
            events.push(Event::Seen(Box::new(Seen {
                identity: Identity {
                    account: route.account.clone(),
                    server: route.server.clone(),
                    uid: link.uid,
                    dir: route.dir.clone(),
                },
                octets: link.octets,
                hash: blob.name.hash,
                got: blob.name.hash,
                header: link.header,
                mid: digest.ok().and_then(|d| d.mid).map(Into::into),
                idate: link.idate,
                flags: link.flags,
                kw: link.kw,
                received: blob.name.received,
                size: blob.name.size,
                wire: blob.name.wire,
                stored: blob.stored,
            })));
        }
        fsx::sync_dir(&cur)?;
        self.writer.record(&events)?;
        let tally = self.tallies.entry(route.account.clone()).or_default();
        tally.linked += events.len() as u64;
        Ok(())
    }

    /// Records changed flags, and renames the files that have the letters of before: what
    /// somebody changed here stays.
    pub(super) fn change_flags(&mut self, changes: Vec<FlagChange>) -> Result<()> {
        let mut renames: Vec<(PathBuf, PathBuf)> = Vec::new();
        let mut touched = BTreeSet::new();
        for change in &changes {
            let Some(blob) = change
                .hash
                .map(|hash| self.writer.catalog().find(hash))
                .transpose()?
                .flatten()
            else {
                continue;
            };
            let dir = change.identity.dir.as_deref().unwrap_or_default();
            let layout = self.writer.layout();
            let cur = layout.cur(&change.identity.account, dir);
            let from = cur.join(blob.name.with_flags(&change.before));
            let to = cur.join(blob.name.with_flags(&change.flags));
            if from != to && from.exists() && !to.exists() {
                renames.push((from, to));
                touched.insert(cur);
            }
        }
        let events: Vec<Event> = changes
            .into_iter()
            .map(|change| Event::Flags {
                identity: change.identity,
                flags: change.flags,
                kw: change.kw,
            })
            .collect();
        self.writer.record(&events)?;
        for (from, to) in renames {
            fsx::rename(&from, &to)?;
        }
        for dir in touched {
            fsx::sync_dir(&dir)?;
        }
        Ok(())
    }
}
