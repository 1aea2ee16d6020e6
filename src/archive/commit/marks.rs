//! Flags and dates that a mailbox gives to files which are there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::{Committer, Delivery, Placement, identity};
use crate::base::error::Result;
use crate::base::fsx;
use crate::mail::message::Hash128;
use crate::vault::layout::FileName;
use crate::vault::ledger::{Identity, LedgerEvent};

/// New flags of a message.
#[derive(Debug, Clone)]
pub(crate) struct FlagChange {
    /// Which message.
    pub(crate) identity: Identity,
    /// The stored content; `None` if it was never stored.
    pub(crate) hash: Option<Hash128>,
    /// The letters that were recorded last.
    pub(crate) before: String,
    /// The letters now.
    pub(crate) flags: String,
    /// The other flags now.
    pub(crate) kw: String,
}

impl Committer {
    /// Gives flags and date of a mailbox to files that its folder had already, as when
    /// they came by POP3.
    pub(super) fn adopt_marks(
        &mut self,
        batch: &[Delivery],
        placements: &[Placement],
    ) -> Result<()> {
        let mut changes = Vec::new();
        for (delivery, placement) in batch.iter().zip(placements) {
            let Placement::Stored(name, _, path, Some(before)) = placement else {
                continue;
            };
            date(path, name, delivery.idate)?;
            if delivery.route.dir.is_some() && *before != delivery.flags {
                changes.push(FlagChange {
                    identity: identity(delivery),
                    hash: Some(name.hash),
                    before: before.clone(),
                    flags: delivery.flags.clone(),
                    kw: delivery.kw.clone(),
                });
            }
        }
        self.change_flags(changes)
    }

    /// Records changed flags, and renames the files that have the letters of before: what
    /// somebody changed here stays.
    pub(super) fn change_flags(&mut self, changes: Vec<FlagChange>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
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
            if from != to {
                renames.push((from, to));
                touched.insert(cur);
            }
        }
        let events: Vec<LedgerEvent> = changes
            .into_iter()
            .map(|change| LedgerEvent::Flags {
                identity: change.identity,
                flags: change.flags,
                kw: change.kw,
            })
            .collect();
        self.writer.record(&events)?;
        for (from, to) in renames {
            if from.exists() && !to.exists() {
                fsx::rename(&from, &to)?;
            }
        }
        for dir in touched {
            fsx::sync_dir(&dir)?;
        }
        Ok(())
    }
}

/// Gives a file the date of its mailbox, if so far it has only the one of its header.
pub(super) fn date(path: &Path, name: &FileName, idate: Option<i64>) -> Result<()> {
    let Some(idate) = idate.and_then(|date| u64::try_from(date).ok()) else {
        return Ok(());
    };
    let file = fsx::open(path)?;
    let modified = file.metadata().and_then(|meta| meta.modified());
    let from_header = UNIX_EPOCH + Duration::from_secs(u64::from(name.received));
    if modified.is_ok_and(|time| time == from_header) {
        fsx::set_modified(&file, path, UNIX_EPOCH + Duration::from_secs(idate))?;
    }
    Ok(())
}
