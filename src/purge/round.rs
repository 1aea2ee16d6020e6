//! One round of a purge, which is one session (docs/SAFETY.md, 12 and 13).
//!
//! It lists, settles what the round before asked for, proves, makes its intents durable,
//! deletes, and ends the session. What became of it only the next round's listing tells;
//! the last round does nothing but ask.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};
use crate::event::Event;
use crate::message::Hash128;
use crate::purge::apply::{Pending, Run, Session};
use crate::purge::proof::{self, Item};
use crate::purge::select::{self, Sum};
use crate::purge::{KeptMessage, Maildrop, Reason};
use crate::source::{Listings, Source, Uid};
use crate::vault::ledger::{Event as Entry, Identity};

/// Messages a round at most: what a broken line makes uncertain at once.
const ROUND: usize = 4_096;
/// A server that keeps all of so many is not asked for more.
const FUTILE: usize = 100;

impl Run<'_, '_> {
    /// One session: settle, prove, delete. True if there was nothing left to delete.
    pub(super) fn round(&mut self, session: Session) -> Result<bool> {
        let Session {
            mut source,
            listings,
            since,
        } = session;
        self.login = Some((since, source.login_delay()));
        if listings.is_empty() && !self.others.is_empty() {
            return Err(Error::Protocol {
                server: self.task.server.clone(),
                doing: "LIST".into(),
                detail: format!(
                    "it lists nothing, though others were to stay ({})",
                    self.others.len()
                ),
            });
        }
        // Where nothing of a batch is proven nothing is deleted, so the listing stays true.
        let (proven, names) = loop {
            let (batch, names) = self.batch(&listings)?;
            if batch.is_empty() || self.is_stopped() {
                return self.leave(source, &listings, batch.is_empty());
            }
            let items = self.items(&listings, &batch)?;
            let proven = self.prove(&mut *source, items)?;
            if !proven.is_empty() {
                break (proven, names);
            }
        };
        self.intend(&proven)?;
        self.others = names;
        let pending: HashSet<u64> = self.pending.iter().map(|p| p.mark).collect();
        self.others.retain(|mark| !pending.contains(mark));
        self.ended_well = false;
        let wanted: Vec<_> = proven.iter().map(|item| item.listing.clone()).collect();
        self.in_doubt = true;
        for kept in source.delete(&wanted)? {
            let name = kept.listing.uid;
            if let Some(at) = proven.iter().position(|item| item.listing.uid == name) {
                self.pending[at].kept.reason = Reason::Refused(kept.reply);
            }
        }
        self.ended_well = true;
        self.in_doubt = false;
        Ok(false)
    }

    /// Ends a session in which nothing is deleted.
    fn leave(&mut self, source: Box<dyn Source>, listings: &Listings, done: bool) -> Result<bool> {
        self.report.left = Some(Sum {
            messages: listings.len() as u64,
            octets: listings.octets(),
        });
        if let Err(e) = source.finish() {
            tracing::debug!(target: "dialogue", "QUIT failed: {e}");
        }
        if done {
            Ok(true)
        } else {
            Err(Error::Interrupted)
        }
    }

    /// What this round tries to delete, and the marks of all names.
    fn batch(&mut self, listings: &Listings) -> Result<(Vec<select::Candidate>, Vec<u64>)> {
        let (mut batch, names) = self.take_stock(listings)?;
        batch.retain(|c| {
            self.agreed.binary_search(&c.mark).is_ok() && !self.tried.contains(&c.mark)
        });
        if self.futile {
            self.report.unasked = batch.len() as u64;
            batch.clear();
        }
        // The oldest first, so that a run that ends early has freed those.
        batch.sort_unstable_by_key(|c| (c.dated, c.row));
        batch.truncate(ROUND);
        Ok((batch, names))
    }

    /// Settles what the last round asked for, and gives what may be deleted now, and the
    /// marks of all names.
    fn take_stock(&mut self, listings: &Listings) -> Result<(Vec<select::Candidate>, Vec<u64>)> {
        let task = self.task;
        let maildrop = &task.maildrop;
        let writer = self.writer()?;
        let stock = select::stock(listings, writer.catalog(), maildrop)?;
        if !stock.open.is_empty() {
            let events =
                writer
                    .catalog()
                    .settled(&maildrop.account, &maildrop.server, &stock.open)?;
            writer.record(&events)?;
        }
        let gone: HashMap<u64, bool> = stock
            .open
            .iter()
            .map(|(name, gone)| (select::mark(name), *gone))
            .collect();
        let pending = std::mem::take(&mut self.pending);
        let asked = pending.len();
        let before = self.report.kept.len();
        for Pending { mark, mut kept } in pending {
            // Another command may have settled it while we waited.
            let gone = match gone.get(&mark) {
                Some(gone) => *gone,
                None => stock.names.binary_search(&mark).is_err(),
            };
            if gone {
                self.report.freed.add(kept.octets);
                self.tried.insert(mark);
            } else if self.ended_well || !self.doubted.insert(mark) {
                if !self.ended_well {
                    kept.reason = Reason::Unended;
                }
                self.report.kept.push(kept);
                self.tried.insert(mark);
            } else {
                self.report.asked.messages -= 1;
                self.report.asked.octets -= kept.octets;
            }
        }
        self.futile |= asked >= FUTILE && self.report.kept.len() - before == asked;
        let missing = |mark: &&u64| stock.names.binary_search(mark).is_err();
        self.report.strays += self.others.iter().filter(missing).count() as u64;
        self.others.clear();
        Ok((stock.candidates, stock.names))
    }

    fn items(&mut self, listings: &Listings, batch: &[select::Candidate]) -> Result<Vec<Item>> {
        let Maildrop { account, server } = &self.task.maildrop;
        let writer = self.writer()?;
        // In one transaction: without it each question takes the catalog's locks.
        writer.catalog().begin()?;
        let mut items = Vec::with_capacity(batch.len());
        for candidate in batch {
            let listing = listings.get(candidate.row as usize);
            let record = match &listing.uid {
                Uid::Uidl(name) => writer.catalog().record_of(account, server, name)?,
                _ => None,
            };
            if let Some(record) = record {
                items.push(Item {
                    files: Vec::new(),
                    listing,
                    record,
                    doubled: candidate.doubled,
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
            let known: HashSet<u64> = items.iter().map(mark_of).collect();
            let unknown = batch.iter().map(|c| c.mark).filter(|m| !known.contains(m));
            self.tried.extend(unknown);
        }
        Ok(items)
    }

    /// Those that pass the proof; the others are kept, and named.
    fn prove(&mut self, source: &mut dyn Source, items: Vec<Item>) -> Result<Vec<Item>> {
        let planned = self.report.planned.messages;
        let mut done = self.tried.len() as u64;
        let account = &self.task.maildrop.account;
        let tell = &mut *self.tell;
        let intact = proof::read_back(&items, self.task.stop, &mut |more| {
            done += more as u64;
            tell(Event::ReadBack {
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
                self.keep(&item, Reason::NotIntact)?;
            }
        }
        let verdicts = proof::ask(source, &whole, &files)?;
        // They were durable when they were archived; but somebody may have put a copy
        // back, or renamed a file, a moment ago.
        self.writer()?.sync_names(&files)?;
        let first = |item: &&Item| !self.doubted.contains(&mark_of(item));
        self.report.intact += whole.iter().filter(first).count() as u64;
        let mut proven = Vec::with_capacity(whole.len());
        for (item, verdict) in whole.into_iter().zip(verdicts) {
            match verdict {
                None => proven.push(item),
                Some(reason) => self.keep(&item, reason)?,
            }
        }
        Ok(proven)
    }

    /// Keeps a message on the server. One that is not what was archived is wanted by the
    /// next pull.
    fn keep(&mut self, item: &Item, reason: Reason) -> Result<()> {
        let kept = self.kept(item, reason)?;
        self.tried.insert(mark_of(item));
        if kept.reason == Reason::OtherMessage {
            let event = Entry::Refused {
                identity: self.identity(item),
                octets: item.listing.octets,
                reply: b"(purge) this name now means another message"[..].into(),
                tries: 1,
            };
            self.writer()?.record(&[event])?;
        }
        self.report.kept.push(kept);
        Ok(())
    }

    fn kept(&mut self, item: &Item, reason: Reason) -> Result<KeptMessage> {
        let hash: Hash128 = item.record.blob.name.hash;
        let subject = self.writer()?.catalog().subject_of(hash)?;
        let uid = match &item.listing.uid {
            Uid::Uidl(name) => name.escape_ascii().to_string(),
            _ => format!("message {}", item.listing.number),
        };
        Ok(KeptMessage {
            uid,
            id: hash,
            octets: item.listing.octets.unwrap_or(0),
            subject,
            reason,
        })
    }

    /// Writes down, durably, what the server is about to be asked.
    fn intend(&mut self, proven: &[Item]) -> Result<()> {
        let mut events = Vec::with_capacity(proven.len());
        let mut pending = Vec::with_capacity(proven.len());
        for item in proven {
            let kept = self.kept(item, Reason::StillThere)?;
            let mark = mark_of(item);
            pending.push(Pending { mark, kept });
            events.push(Entry::PurgeIntent {
                identity: self.identity(item),
                hash: item.record.blob.name.hash,
            });
        }
        self.writer()?.record(&events)?;
        for asked in &pending {
            self.report.asked.add(asked.kept.octets);
        }
        self.pending = pending;
        Ok(())
    }

    fn identity(&self, item: &Item) -> Identity {
        Identity {
            account: self.task.maildrop.account.clone(),
            server: self.task.maildrop.server.clone(),
            uid: item.listing.uid.clone(),
            dir: None,
        }
    }
}

fn mark_of(item: &Item) -> u64 {
    match &item.listing.uid {
        Uid::Uidl(name) => select::mark(name),
        _ => 0,
    }
}
