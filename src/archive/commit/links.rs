//! Messages of a server that are stored already: names and lines, no bytes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::marks::{FlagChange, date};
use super::{Committer, Route};
use crate::base::error::Result;
use crate::base::fsx::{self, StagedFile};
use crate::mail::message::Hash128;
use crate::mail::source::{ObjectId, Uid};
use crate::vault::frame;
use crate::vault::ledger::{Evidence, Identity, LedgerEvent, Seen};
use crate::vault::maildir;

/// A message of a server that is a stored one, as the server or its header says.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// The server's name for it.
    pub(crate) uid: Uid,
    /// The size that the server lists.
    pub(crate) octets: Option<u64>,
    /// The stored content.
    pub(crate) hash: Hash128,
    /// Hash of its header on the server.
    pub(crate) header: Hash128,
    /// Flag letters, sorted.
    pub(crate) flags: String,
    /// Flags without a letter.
    pub(crate) kw: String,
    /// INTERNALDATE.
    pub(crate) idate: Option<i64>,
    /// How it is known.
    pub(crate) evidence: Evidence,
    /// By what the server knows its copies.
    pub(crate) object: Option<ObjectId>,
}

impl Committer {
    /// Gives stored messages a name in another folder, and a line; returns which have it
    /// now. One whose file is not as it was gets none.
    pub(super) fn link(&mut self, route: &Arc<Route>, links: Vec<Link>) -> Result<Vec<bool>> {
        let dir = route.dir.clone().unwrap_or_default();
        let folder = self.writer.layout().folder(&route.account, &dir);
        let (cur, tmp) = (folder.join("cur"), folder.join("tmp"));
        let mut marker = None;
        let mut events = Vec::with_capacity(links.len());
        let mut changes = Vec::new();
        let mut done = Vec::with_capacity(links.len());
        // Flags of what got its name here just now, which the catalog does not know yet.
        let mut given: HashMap<Hash128, String> = HashMap::new();
        for link in links {
            let found = match self.writer.catalog().find(link.hash)? {
                Some(blob) => self
                    .writer
                    .intact(&blob, &route.account, &dir)?
                    .map(|(place, path)| (blob, place, path)),
                None => None,
            };
            done.push(found.is_some());
            let Some((blob, place, path)) = found else {
                continue;
            };
            let identity = Identity {
                account: route.account.clone(),
                server: route.server.clone(),
                uid: link.uid,
                dir: route.dir.clone(),
            };
            let is_here = place.account == route.account && place.dir == dir;
            let has = is_here.then_some(place.flags);
            let has = has.or_else(|| given.get(&blob.name.hash).cloned());
            given.insert(blob.name.hash, link.flags.clone());
            if has.is_none() {
                if marker.is_none() {
                    marker = Some(mark(&tmp)?);
                }
                let layout = self.writer.layout();
                let file = StagedFile::Named(path.clone());
                maildir::place(layout, &file, &folder, &blob.name, &link.flags)?;
            }
            if let Some(before) = has.filter(|has| route.dir.is_some() && *has != link.flags) {
                changes.push(FlagChange {
                    identity: identity.clone(),
                    hash: Some(blob.name.hash),
                    before,
                    flags: link.flags.clone(),
                    kw: link.kw.clone(),
                });
            }
            date(&path, &blob.name, link.idate)?;
            let mut scanner = crate::mail::message::Scanner::new();
            let digest = frame::scan(&path, blob.name.size, &mut scanner);
            events.push(LedgerEvent::Seen(Box::new(Seen {
                identity,
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
                evidence: link.evidence,
                object: link.object,
            })));
        }
        fsx::sync_dir(&cur)?;
        self.writer.record(&events)?;
        if let Some(marker) = marker {
            unmark(&marker, &tmp)?;
        }
        self.change_flags(changes)?;
        let tally = self.tallies.entry(route.account.clone()).or_default();
        tally.linked += events.len() as u64;
        Ok(done)
    }
}

/// A kill between names and their lines leaves what the next run must look for.
fn mark(tmp: &Path) -> Result<PathBuf> {
    let marker = maildir::mark(tmp)?;
    fsx::sync_dir(tmp)?;
    Ok(marker)
}

fn unmark(marker: &Path, tmp: &Path) -> Result<()> {
    fsx::remove(marker)?;
    fsx::sync_dir(tmp)
}
