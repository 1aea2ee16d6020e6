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
#[cfg(feature = "offsite")]
use crate::vault::ledger::mask_lines;
use crate::vault::ledger::{Erasure, LedgerEvent, MaskedLine, for_each_line};
use crate::vault::tombstones::TombstoneKey;

use self::lines::{GoneContents, Mentions};

/// So many messages go at once: what is known of them is in memory.
const ROUND: usize = 8_192;

/// What came of a removal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ErasedCounts {
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
    ) -> Result<ErasedCounts> {
        self.refuse_damaged()?;
        let held = held_now(&self.layout, &self.catalog, Utc::now())?;
        self.refuse_held(&held, contents.iter().copied())?;
        let key = TombstoneKey::load_or_make(&self.layout, &self.catalog)?;
        self.require_erased()?;
        let number = self.catalog.forgets()?.last().map_or(0, |last| last.number) + 1;
        // Until the catalogs are made again, none may be published that knows the messages.
        self.erasing = true;
        let mut all = ErasedCounts::default();
        for round in contents.chunks(ROUND) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let wanted: HashSet<Hash128> = round.iter().copied().collect();
            let mentions = Mentions::find(&self.layout, &self.catalog, wanted)?;
            let mut events = vec![LedgerEvent::Erased(Erasure::Begin {
                forget: number,
                reason: reason.to_owned(),
                messages: mentions.contents.len() as u64,
                key: key.mark(),
            })];
            let erased = |erasure| LedgerEvent::Erased(erasure);
            events.extend(mentions.tombstones(&key, number).into_iter().map(erased));
            let masks = mentions.lines.iter().map(|line| masked(number, *line));
            events.extend(masks.map(erased));
            events.push(erased(Erasure::Decided { forget: number }));
            self.record(&events)?;
            let done = self.finish_erasing()?;
            all.messages += mentions.contents.len() as u64;
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
    pub(in crate::vault) fn finish_erasing(&mut self) -> Result<ErasedCounts> {
        let lines = self.catalog.masking()?;
        if lines.is_empty() {
            return Ok(ErasedCounts::default());
        }
        let gone = GoneContents::of(&self.layout, &lines)?;
        let files = files::remove(&self.layout, &gone, &lines)?;
        self.ledger.mask(&lines)?;
        let forget = self.catalog.forgets()?.last().map_or(1, |last| last.number);
        self.record(&[LedgerEvent::Erased(Erasure::End { forget })])?;
        Ok(ErasedCounts {
            messages: gone.hashes.len() as u64,
            files,
            lines: lines.len() as u64,
        })
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
        let lines = decided(&self.layout)?;
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

/// The lines that are to be masked by all removals, in order.
fn decided(layout: &Layout) -> Result<Vec<MaskedLine>> {
    let (mut lines, mut begun) = (Vec::new(), Vec::new());
    for_each_line(layout, &mut |line| {
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
    Ok(lines)
}

/// Masks again what a second copy has of a ledger from before a removal.
#[cfg(feature = "offsite")]
pub(super) fn mask_restored(layout: &Layout) -> Result<()> {
    let lines = decided(layout)?;
    if !lines.is_empty() {
        mask_lines(layout, &lines)?;
    }
    Ok(())
}

/// Hides from readers what is to be removed and is still there, since nobody could write meanwhile.
pub(super) fn hide(layout: &Layout, catalog: &mut Catalog) -> Result<()> {
    if catalog.is_erasing()? {
        let masking = catalog.masking()?;
        for hash in GoneContents::of(layout, &masking)?.hashes {
            catalog.lose_content(hash)?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;
    use crate::mail::source::{Listing, Uid};
    use crate::vault::catalog::Origin;
    use crate::vault::ledger::{Evidence, Identity, Seen};

    fn seen(uidl: &str, octets: u64, evidence: Evidence) -> LedgerEvent {
        let hash = Hash128::of(b"forgotten");
        LedgerEvent::Seen(Box::new(Seen {
            identity: Identity {
                account: "work".to_owned(),
                server: "u@h:1".to_owned(),
                uid: Uid::Uidl(uidl.as_bytes().into()),
                dir: None,
            },
            octets: Some(octets),
            hash,
            got: hash,
            header: hash,
            mid: None,
            idate: None,
            flags: String::new(),
            kw: String::new(),
            received: 7,
            size: 9,
            wire: 9,
            stored: 5,
            evidence,
            object: None,
        }))
    }

    /// Of what only resembles it, or came in doubt, nobody knows that it is the message: under such
    /// a name another one may be, which has to be fetched.
    #[test]
    fn only_a_name_whose_message_was_received_gets_a_tombstone_with_the_size_that_it_has_now() {
        let dir = tempfile::tempdir().unwrap();
        Writer::create(dir.path()).unwrap();
        let stop = AtomicBool::new(false);
        let mut writer = Writer::open(dir.path(), Duration::ZERO, &stop).unwrap();
        let events = [
            seen("received", 9, Evidence::Received),
            seen("doubtful", 9, Evidence::Doubtful(1)),
            seen("recognised", 9, Evidence::Recognised),
            seen("settled", 9, Evidence::Settled),
            seen("first-doubtful", 7, Evidence::Doubtful(1)),
            seen("first-doubtful", 9, Evidence::Received),
        ];
        writer.record(&events).unwrap();
        writer.publish().unwrap();
        let contents = [Hash128::of(b"forgotten")];
        writer.erase(&contents, "x", &stop, &mut |_| {}).unwrap();
        let covers = |uidl: &str, octets: u64| {
            let listing = Listing {
                number: 1,
                octets: Some(octets),
                uid: Uid::Uidl(uidl.as_bytes().into()),
            };
            let key = writer.tombstones().unwrap().unwrap();
            let origin = Origin::maildrop("work", "u@h:1");
            key.covers(writer.catalog(), origin, &listing).unwrap()
        };
        for (uidl, octets, is_covered) in [
            ("received", 9, true),
            ("received", 7, false),
            ("doubtful", 9, false),
            ("recognised", 9, false),
            ("settled", 9, false),
            ("first-doubtful", 9, true),
            ("first-doubtful", 7, false),
            ("unknown", 9, false),
        ] {
            assert_eq!(covers(uidl, octets), is_covered, "{uidl} {octets}");
        }
    }
}
