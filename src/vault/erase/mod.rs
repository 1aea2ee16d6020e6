//! Removing messages from the vault on purpose (docs/FORMAT.md, Erasing).
//!
//! The decision is one append to the ledger: tombstones, and every line that is to be masked. From
//! then on the messages are gone, whatever happens: any command that opens the vault for writing
//! does the rest, in this order: files, lines, `end`, catalogs. A message is found by the lines
//! that are to be masked, so that its files go before any of these.

mod catalogs;
mod files;
mod lines;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Utc;

use crate::base::error::{Error, Result};
use crate::base::fsx;
use crate::mail::message::{Digest, Hash128};
use crate::vault::Writer;
use crate::vault::catalog::{Catalog, IdSet};
use crate::vault::hold::{held_now, holding};
use crate::vault::layout::Layout;
use crate::vault::ledger::{self, Erasure, LedgerEvent, MaskedLine};
use crate::vault::tombstones::TombstoneKey;

use self::lines::Spoken;

/// So many messages go at once: what is known of them is in memory.
const ROUND: usize = 8_192;

/// What came of a removal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Erased {
    /// Messages.
    pub(crate) messages: u64,
    /// Files.
    pub(crate) files: u64,
    /// Lines of the ledger.
    pub(crate) lines: u64,
}

impl Writer {
    /// Removes these contents for a reason. Nothing takes that back. Refused if the ledger is damaged,
    /// since then it is not known what speaks of them.
    pub(crate) fn erase(
        &mut self,
        contents: &[Hash128],
        reason: &str,
        stop: &AtomicBool,
        tell: &mut dyn FnMut(u64),
    ) -> Result<Erased> {
        self.refuse_damaged()?;
        let held = held_now(&self.layout, &self.catalog, Utc::now())?;
        self.refuse_held(&held, contents.iter().copied())?;
        let key = TombstoneKey::load_or_make(&self.layout, &self.catalog)?;
        self.require_erased()?;
        let number = self.catalog.forgets()?.last().map_or(0, |last| last.number) + 1;
        // Until the catalogs are made again, none may be published that knows the messages.
        self.erasing = true;
        let mut all = Erased::default();
        for round in contents.chunks(ROUND) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let wanted: HashSet<Hash128> = round.iter().copied().collect();
            let spoken = Spoken::find(&self.layout, &self.catalog, wanted)?;
            let mut events = vec![LedgerEvent::Erased(Erasure::Begin {
                forget: number,
                reason: reason.to_owned(),
                messages: spoken.contents.len() as u64,
                key: key.mark(),
            })];
            let erased = |erasure| LedgerEvent::Erased(erasure);
            events.extend(spoken.tombstones(&key, number).into_iter().map(erased));
            let masks = spoken.lines.iter().map(|line| masked(number, *line));
            events.extend(masks.map(erased));
            events.push(erased(Erasure::Decided { forget: number }));
            self.record(&events)?;
            let done = self.finish_erasing()?;
            all.messages += spoken.contents.len() as u64;
            all.files += done.files;
            all.lines += done.lines;
            tell(all.messages);
        }
        self.renew_catalogs()?;
        Ok(all)
    }

    /// True if a received message was forgotten.
    pub(crate) fn is_forgotten(&self, digest: &Digest) -> Result<bool> {
        match self.tombstones()? {
            Some(key) => Ok(key.forget_of(&self.catalog, digest)?.is_some()),
            None => Ok(false),
        }
    }

    pub(in crate::vault) fn tombstones(&self) -> Result<Option<&TombstoneKey>> {
        if self.tombstones.get().is_none() {
            let key = TombstoneKey::load(&self.layout, &self.catalog)?;
            let _ = self.tombstones.set(key);
        }
        Ok(self.tombstones.get().and_then(Option::as_ref))
    }

    /// Takes back the tombstones of a forget. The messages stay gone until they come again.
    pub(crate) fn remember(&mut self, forget: u32) -> Result<()> {
        self.record(&[LedgerEvent::Erased(Erasure::Remembered { forget })])
    }

    /// Does what is left of a removal that was decided.
    pub(in crate::vault) fn finish_erasing(&mut self) -> Result<Erased> {
        let lines = self.catalog.masking()?;
        if lines.is_empty() {
            return Ok(Erased::default());
        }
        let gone = lines::contents_of(&self.layout, &lines)?;
        let files = files::remove(&self.layout, &gone, &lines)?;
        self.ledger.mask(&lines)?;
        let forget = self.catalog.forgets()?.last().map_or(1, |last| last.number);
        self.record(&[LedgerEvent::Erased(Erasure::End { forget })])?;
        Ok(Erased {
            messages: gone.len() as u64,
            files,
            lines: lines.len() as u64,
        })
    }

    fn refuse_damaged(&self) -> Result<()> {
        if let Some(file) = ledger::forked(&self.layout)?.first() {
            return Err(Error::Damaged {
                path: self.layout.root().join(file),
                detail: "its compressed file does not hold the same".to_owned(),
            });
        }
        match self.first_damage()? {
            None => Ok(()),
            Some(damage) => Err(Error::Damaged {
                path: self.layout.root().join(&damage.file),
                detail: format!(
                    "bytes {} to {}: {}",
                    damage.first, damage.last, damage.detail
                ),
            }),
        }
    }

    /// Puts right what a removal left that was interrupted, after the ledger was taken in:
    /// `erased` if one ends in the part that was, `is_old` if the catalog had the part before.
    pub(in crate::vault) fn finish_forgets(&mut self, is_old: bool, erased: bool) -> Result<()> {
        self.void_undecided()?;
        if self.catalog.is_erasing()? {
            self.finish_erasing()?;
            self.renew_catalogs()
        } else if erased && is_old {
            self.renew_catalogs()
        } else if erased {
            // The catalog is a new one; the others may be of the one before.
            self.discard_derived()
        } else {
            Ok(())
        }
    }

    /// Ends what an append began that was cut: it was not decided.
    fn void_undecided(&mut self) -> Result<()> {
        match self.catalog.undecided()? {
            Some(forget) => self.record(&[LedgerEvent::Erased(Erasure::Void { forget })]),
            None => Ok(()),
        }
    }

    /// Masks lines again that a month which was restored from a backup has as they were.
    pub(in crate::vault) fn mask_again(&mut self) -> Result<()> {
        if self.catalog.forgets()?.is_empty() {
            return Ok(());
        }
        let (mut lines, mut begun) = (Vec::new(), Vec::new());
        ledger::for_each_line(&self.layout, &mut |line| {
            match line.event {
                LedgerEvent::Erased(Erasure::Begin { .. }) => begun.clear(),
                LedgerEvent::Erased(Erasure::Masked { line, was, now, .. }) => {
                    begun.push(MaskedLine { line, was, now });
                }
                LedgerEvent::Erased(Erasure::Decided { .. }) => lines.append(&mut begun),
                _ => {}
            }
            Ok(())
        })?;
        lines.sort_unstable_by_key(|line| line.line);
        if self.ledger.mask(&lines)? {
            self.renew_catalogs()?;
        }
        Ok(())
    }

    fn refuse_held(
        &self,
        held: &[(String, IdSet)],
        contents: impl Iterator<Item = Hash128>,
    ) -> Result<()> {
        let holds = holding(held, &self.catalog, contents)?;
        if holds.is_empty() {
            Ok(())
        } else {
            Err(Error::Held { holds })
        }
    }

    /// Programs that would take a masked line for damage must refuse the vault from before the
    /// first one on.
    fn require_erased(&mut self) -> Result<()> {
        if !self.manifest.erased {
            let manifest = self.manifest.clone().with_erased(true);
            fsx::write_durably(&self.layout.manifest(), manifest.text().as_bytes())?;
            self.manifest = manifest;
        }
        Ok(())
    }
}

/// Hides from readers what is to be removed and is still there, since nobody could write meanwhile.
pub(super) fn hide(layout: &Layout, catalog: &mut Catalog) -> Result<()> {
    if catalog.is_erasing()? {
        let masking = catalog.masking()?;
        for hash in lines::contents_of(layout, &masking)? {
            catalog.apply_event(&LedgerEvent::Lost { hash }, 0)?;
        }
    }
    Ok(())
}

fn masked(forget: u32, line: MaskedLine) -> Erasure {
    Erasure::Masked {
        forget,
        line: line.line,
        was: line.was,
        now: line.now,
    }
}
