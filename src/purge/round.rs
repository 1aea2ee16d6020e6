//! One place in one round of a purge (docs/SAFETY.md, 12 and 13).
//!
//! It settles what the round before asked for there, proves, makes its intents durable, and
//! deletes. Only the next round's listing shows the result; the last round does nothing but
//! list.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, HashSet};

use crate::base::error::{Error, Result};
use crate::base::event::RunEvent;
use crate::base::stage::Stage;
use crate::mail::message::Hash128;
use crate::mail::source::{Listings, Source};
use crate::purge::apply::{AgreedMarks, Last, Pending, PurgeRun};
use crate::purge::inventory::{ListingCheck, PurgeInventory};
use crate::purge::mark_set::MarkSet;
use crate::purge::proof::{self, ProofItem};
use crate::purge::select::Sum;
use crate::purge::{KeptMessage, Reason, RemoteFolder};
use crate::vault::catalog::Candidate;
use crate::vault::layout::message_label;
use crate::vault::ledger::LedgerEvent;

/// Messages a round at most: what a broken line makes uncertain at once.
const ROUND: usize = 4_096;
/// A server that keeps all of this many messages is not asked to delete more.
const FUTILE: usize = 100;

/// Collects what a round may delete, in memory for what it does delete.
struct Batch {
    most: usize,
    /// What the last round asked for: whether it is tried again is settled later.
    asked: HashSet<u64>,
    /// The oldest but for those.
    oldest: BinaryHeap<Older>,
    /// Those that the last round asked for.
    again: Vec<Candidate>,
}

/// A candidate; the younger is the greater.
#[derive(PartialEq, Eq)]
struct Older(Candidate);

impl Older {
    fn key(&self) -> (i64, u32) {
        (self.0.dated, self.0.row)
    }
}

impl Ord for Older {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Older {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Batch {
    /// True if a candidate would be one of the batch.
    fn has_room_for(&self, candidate: &Candidate) -> bool {
        self.oldest.len() < self.most
            || self.asked.contains(&candidate.mark)
            || (self.oldest.peek()).is_some_and(|youngest| Older(*candidate) < *youngest)
    }

    fn add(&mut self, candidate: Candidate) {
        if self.asked.contains(&candidate.mark) {
            self.again.push(candidate);
            return;
        }
        self.oldest.push(Older(candidate));
        if self.oldest.len() > self.most {
            self.oldest.pop();
        }
    }

    /// The oldest of those that are not tried yet.
    fn open(self, agreed: &AgreedMarks<'_>) -> Result<Vec<Candidate>> {
        let mut chosen: Vec<Candidate> = self.oldest.into_iter().map(|older| older.0).collect();
        for candidate in self.again {
            if agreed.is_open(candidate.mark)? {
                chosen.push(candidate);
            }
        }
        chosen.sort_unstable_by_key(|candidate| (candidate.dated, candidate.row));
        chosen.truncate(self.most);
        Ok(chosen)
    }
}

impl PurgeRun<'_, '_> {
    /// Goes by a place whose session stands and has listed it: settles, proves, deletes. True
    /// if nothing is left to be done there.
    pub(crate) fn visit(
        &mut self,
        maildrop: &RemoteFolder,
        mut source: Box<dyn Source + '_>,
        listings: &Listings,
    ) -> Result<bool> {
        let broken = |detail: String| Error::Protocol {
            server: self.task.server.clone(),
            stage: Stage::Command("LIST".into()),
            detail,
        };
        if let Some(last) = self.last.get(maildrop) {
            let others = last.others();
            if listings.is_empty() && others > 0 {
                let detail = format!("it lists nothing, although others should remain ({others})");
                return Err(broken(detail));
            }
            // What is counted may be what was asked for.
            let hidden = listings.unlisted();
            if !last.pending.is_empty() && hidden > last.hidden {
                let detail = format!("it counts more messages than it lists ({hidden})");
                return Err(broken(detail));
            }
        }
        // Where nothing of a batch is proven nothing is deleted, so the listing stays true.
        let (proven, names) = loop {
            let (batch, names) = self.batch(maildrop, listings)?;
            if batch.is_empty() || self.is_stopped() {
                return self.leave(maildrop, source, listings, batch.is_empty());
            }
            let items = self.items(maildrop, listings, (&batch, &names))?;
            let proven = self.prove(maildrop, &mut *source, items)?;
            if !proven.is_empty() {
                break (proven, names);
            }
        };
        self.intend(maildrop, &proven, names, listings.unlisted())?;
        let wanted: Vec<_> = proven.iter().map(|item| item.listing.clone()).collect();
        self.delete_unconfirmed = true;
        let refused = source.delete(&wanted)?;
        self.delete_unconfirmed = false;
        if let Some(last) = self.last.get_mut(maildrop) {
            last.heard = true;
            for kept in refused {
                let name = kept.listing.uid;
                if let Some(at) = proven.iter().position(|item| item.listing.uid == name) {
                    last.pending[at].kept.reason = Reason::Refused(kept.reply);
                }
            }
        }
        Ok(false)
    }

    /// True if this round should ask for nothing more.
    #[must_use]
    pub(crate) fn is_full(&self) -> bool {
        self.asked_now >= ROUND
    }

    /// Leaves a place in which nothing is deleted now.
    fn leave(
        &mut self,
        maildrop: &RemoteFolder,
        source: Box<dyn Source + '_>,
        listings: &Listings,
        done: bool,
    ) -> Result<bool> {
        self.last.entry(maildrop.clone()).or_default().listed = Some(Sum::of(listings));
        if let Err(e) = source.finish() {
            tracing::debug!(target: "dialogue", "QUIT failed: {e}");
        }
        if done {
            Ok(true)
        } else {
            Err(Error::Interrupted)
        }
    }

    /// What this round tries to delete, the oldest first, so that a run that ends early has
    /// freed those; and all names.
    fn batch(
        &mut self,
        maildrop: &RemoteFolder,
        listings: &Listings,
    ) -> Result<(Vec<Candidate>, MarkSet)> {
        let last = self.last.get(maildrop);
        let mut batch = Batch {
            most: ROUND.saturating_sub(self.asked_now),
            asked: last.map_or_else(HashSet::new, |last| {
                last.pending.iter().map(|pending| pending.mark).collect()
            }),
            oldest: BinaryHeap::new(),
            again: Vec::new(),
        };
        let found = self.look(maildrop, listings, &mut |candidate, agreed| {
            if batch.has_room_for(&candidate) && agreed.is_open(candidate.mark)? {
                batch.add(candidate);
            }
            Ok(())
        })?;
        let names = self.settle_last(maildrop, found)?;
        if !self.futile {
            return Ok((batch.open(&self.agreed)?, names));
        }
        let mut unasked = 0;
        self.look(maildrop, listings, &mut |candidate, agreed| {
            unasked += u64::from(agreed.is_open(candidate.mark)?);
            Ok(())
        })?;
        self.report.unasked += unasked;
        Ok((Vec::new(), names))
    }

    /// Holds the listing against the catalog, and notes what became of deletions whose end was
    /// not heard.
    fn look(
        &mut self,
        maildrop: &RemoteFolder,
        listings: &Listings,
        each: &mut dyn FnMut(Candidate, &AgreedMarks<'_>) -> Result<()>,
    ) -> Result<PurgeInventory> {
        let accept_short = self.task.accept_short;
        let (writer, agreed) = self.writer_and_agreed()?;
        let inventory = ListingCheck {
            catalog: writer.catalog(),
            maildrop,
            accept_short,
            names: true,
        }
        .of(listings, &mut |candidate| each(candidate, agreed))?;
        if !inventory.open.is_empty() {
            let events = writer
                .catalog()
                .settled(maildrop.origin(), &inventory.open)?;
            writer.record(&events)?;
        }
        Ok(inventory)
    }

    /// Settles what the last round asked for. Gives all names.
    fn settle_last(
        &mut self,
        maildrop: &RemoteFolder,
        inventory: PurgeInventory,
    ) -> Result<MarkSet> {
        let names = inventory.names;
        let mut gone: HashMap<u64, bool> = inventory
            .open
            .iter()
            .map(|(name, gone)| (maildrop.mark(name), *gone))
            .collect();
        let nothing = Last::default();
        let last = self.last.get(maildrop).unwrap_or(&nothing);
        for asked in &last.pending {
            // Another command may have settled it while we waited.
            if let Entry::Vacant(unsettled) = gone.entry(asked.mark) {
                unsettled.insert(!names.contains(asked.mark)?);
            }
        }
        let asked: HashSet<u64> = last.pending.iter().map(|asked| asked.mark).collect();
        let strays = last
            .names
            .count_missing_from(&names, |mark| asked.contains(&mark))?;
        self.report.strays += strays;
        // All is read that can fail: each of them is counted, and once.
        let Last { pending, heard, .. } = self.last.remove(maildrop).unwrap_or_default();
        let asked = pending.len();
        let (mut tried, mut stayed) = (Vec::with_capacity(asked), Vec::new());
        for Pending { mark, mut kept } in pending {
            if gone[&mark] {
                self.report.freed.add(kept.octets);
                tried.push(mark);
            } else if heard || !self.doubted.insert(mark) {
                if !heard {
                    kept.reason = Reason::Unended;
                }
                stayed.push(kept);
                tried.push(mark);
            } else {
                self.report.asked.messages -= 1;
                self.report.asked.octets -= kept.octets;
            }
        }
        for mark in tried {
            self.agreed.tried(mark)?;
        }
        // A mailbox that refuses says nothing of the others.
        let refuses = |kept: &KeptMessage| matches!(kept.reason, Reason::Refused(_));
        self.futile |= asked >= FUTILE
            && stayed.len() == asked
            && !(maildrop.is_mailbox() && stayed.iter().all(refuses));
        for kept in stayed {
            self.report.keep(kept);
        }
        Ok(names)
    }

    fn items(
        &mut self,
        maildrop: &RemoteFolder,
        listings: &Listings,
        (batch, names): (&[Candidate], &MarkSet),
    ) -> Result<Vec<ProofItem>> {
        let writer = self.writer()?;
        // In one transaction: without it each question takes the catalog's locks.
        writer.catalog().begin()?;
        let mut items = Vec::with_capacity(batch.len());
        for candidate in batch {
            let listing = listings.get(candidate.row as usize);
            let name = listing.uid.name();
            if let Some(record) = writer.catalog().record_of(maildrop.origin(), &name)? {
                let others = (writer.catalog())
                    .other_sizes(maildrop.origin(), (candidate.blob, candidate.octets))?;
                let mut doubled = false;
                for other in others {
                    doubled |= names.contains(maildrop.mark(&other))?;
                }
                items.push(ProofItem {
                    files: Vec::new(),
                    listing,
                    record,
                    doubled,
                    receive: candidate.receive,
                    estimated: candidate.estimated,
                    mark: candidate.mark,
                });
            }
        }
        let blobs: Vec<_> = items.iter().map(|item| &item.record.blob).collect();
        let files = writer.files_of(&blobs)?;
        for (item, files) in items.iter_mut().zip(files) {
            item.files = files;
        }
        // Whatever becomes of them, no other round tries these again.
        if items.len() < batch.len() {
            let known: HashSet<u64> = items.iter().map(|item| item.mark).collect();
            for candidate in batch.iter().filter(|c| !known.contains(&c.mark)) {
                self.agreed.tried(candidate.mark)?;
            }
        }
        Ok(items)
    }

    /// Those that the second copy has, if it must: a name may stand for another message than when
    /// the plan was made.
    fn copied(&mut self, maildrop: &RemoteFolder, items: Vec<ProofItem>) -> Result<Vec<ProofItem>> {
        let mut copied = Vec::with_capacity(items.len());
        for item in items {
            let is_copied = match &mut self.copy {
                None => true,
                Some(copy) => copy(item.record.blob.name.hash)?,
            };
            if is_copied {
                copied.push(item);
            } else {
                self.keep(maildrop, &item, Reason::NotCopied)?;
            }
        }
        Ok(copied)
    }

    /// Those that pass the proof; the others are kept, and named.
    fn prove(
        &mut self,
        maildrop: &RemoteFolder,
        source: &mut dyn Source,
        items: Vec<ProofItem>,
    ) -> Result<Vec<ProofItem>> {
        let items = self.copied(maildrop, items)?;
        let planned = self.report.planned.messages;
        let mut done = self.agreed.count_tried();
        let account = self.task.account;
        let emit = &mut *self.emit;
        let intact = proof::read_back(&items, self.task.stop, &mut |more| {
            done += more as u64;
            emit(RunEvent::ReadBack {
                account,
                done,
                planned,
            });
        });
        if self.is_stopped() {
            return Err(Error::Interrupted);
        }
        let (mut whole, mut files) = (Vec::with_capacity(items.len()), Vec::new());
        for (item, file) in items.into_iter().zip(intact) {
            if let Some(file) = file {
                whole.push(item);
                files.push(file);
            } else {
                self.keep(maildrop, &item, Reason::NotIntact)?;
            }
        }
        let verdicts = proof::ask(source, &whole, &files)?;
        // They were durable when they were archived; but somebody may have put a copy
        // back, or renamed a file, a moment ago.
        self.writer()?.sync_names(&files)?;
        let first = |item: &&ProofItem| !self.doubted.contains(&item.mark);
        self.report.intact += whole.iter().filter(first).count() as u64;
        let mut proven = Vec::with_capacity(whole.len());
        for (item, verdict) in whole.into_iter().zip(verdicts) {
            match verdict {
                None => proven.push(item),
                Some(reason) => self.keep(maildrop, &item, reason)?,
            }
        }
        Ok(proven)
    }

    /// Keeps a message on the server. One that is not what was archived is wanted by the
    /// next pull.
    fn keep(&mut self, maildrop: &RemoteFolder, item: &ProofItem, reason: Reason) -> Result<()> {
        let kept = self.kept(maildrop, item, reason)?;
        self.agreed.tried(item.mark)?;
        if kept.reason == Reason::OtherMessage {
            let event = LedgerEvent::Wanted {
                identity: maildrop.origin().identity(&item.listing.uid.name()),
                why: "a purge found another message under this name".to_owned(),
            };
            self.writer()?.record(&[event])?;
        }
        self.report.keep(kept);
        Ok(())
    }

    fn kept(
        &mut self,
        maildrop: &RemoteFolder,
        item: &ProofItem,
        reason: Reason,
    ) -> Result<KeptMessage> {
        let hash: Hash128 = item.record.blob.name.hash;
        let subject = self.writer()?.catalog().subject_of(hash)?;
        let uid =
            message_label(&maildrop.dir, &item.listing.uid).unwrap_or_else(|| item.listing.shown());
        Ok(KeptMessage {
            uid,
            id: hash,
            octets: item.listing.octets.unwrap_or(0),
            subject,
            reason,
        })
    }

    /// Writes down, durably, what the server is about to be asked.
    /// `names` are those of everything listed, `hidden` tells what else is counted.
    fn intend(
        &mut self,
        maildrop: &RemoteFolder,
        proven: &[ProofItem],
        names: MarkSet,
        hidden: u64,
    ) -> Result<()> {
        let mut events = Vec::with_capacity(proven.len());
        let mut pending = Vec::with_capacity(proven.len());
        for item in proven {
            let kept = self.kept(maildrop, item, Reason::StillThere)?;
            let mark = item.mark;
            pending.push(Pending { mark, kept });
            events.push(LedgerEvent::PurgeIntent {
                identity: maildrop.origin().identity(&item.listing.uid.name()),
                hash: item.record.blob.name.hash,
            });
        }
        self.writer()?.record(&events)?;
        for asked in &pending {
            self.report.asked.add(asked.kept.octets);
        }
        self.asked_now += pending.len();
        let last = Last {
            pending,
            names,
            hidden,
            ..Last::default()
        };
        self.last.insert(maildrop.clone(), last);
        Ok(())
    }
}
