//! Fetching: messages from the source into the belt, and what becomes of those that do not
//! come whole.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::arrivals::Arrivals;
use super::destination::PullTarget;
use super::feed::{self, Feeder, Stuck};
use super::pack::pack;
use super::{DROPS, PullRun, SLICE};
use crate::archive::commit::{CommitQueue, CommitRequest};
use crate::base::error::{Error, Result};
use crate::base::event::RefusedMessage;
use crate::mail::source::{Fetched, Listing, Listings, Source, Uid};
use crate::vault::ledger::{LedgerEvent, Proto};

/// Messages of a mailbox without good sizes that are fetched in one go.
const SLICE_ESTIMATED: usize = 1_024;

impl PullRun<'_, '_> {
    /// Fetches rows of the listing, with compressors next to.
    pub(super) fn fetch(
        &mut self,
        source: &mut dyn Source,
        listings: &Listings,
        rows: &[u32],
        place: &PullTarget<'_>,
    ) -> Result<()> {
        let Some(commit_queue) = self.commit_queue else {
            return Ok(());
        };
        // A message at which the line failed before goes last and alone, so that the next
        // failure is surely its own.
        let suspects = |row: &&u32| {
            !self.drops.is_empty()
                && self
                    .drops
                    .contains_key(&self.key(&listings.get(**row as usize)))
        };
        let last: Vec<u32> = rows.iter().filter(suspects).copied().collect();
        let first: Cow<'_, [u32]> = if last.is_empty() {
            rows.into()
        } else {
            rows.iter().filter(|row| !suspects(row)).copied().collect()
        };
        // What does not fit its size waits for the end of its slice.
        let most = if self.sizes.are_estimated() {
            SLICE_ESTIMATED
        } else {
            SLICE
        };
        let mut outcome = Ok(());
        for slice in first.chunks(most).chain(last.chunks(1)) {
            outcome = self.fetch_and_judge(source, listings, slice, place, commit_queue);
            if outcome.is_err() {
                break;
            }
        }
        // After the lines of what was received, so that these count.
        for (listing, why) in std::mem::take(&mut self.doubtful) {
            self.refused(&listing, why)?;
        }
        outcome
    }

    /// Fetches a slice with compressors next to, and judges what came.
    fn fetch_and_judge(
        &mut self,
        source: &mut dyn Source,
        listings: &Listings,
        slice: &[u32],
        place: &PullTarget<'_>,
        commit_queue: &CommitQueue,
    ) -> Result<()> {
        let (feeder, inbox) = feed::belt();
        let inbox = Arc::new(inbox);
        let task = self.task;
        let wanted: Vec<Listing> = slice
            .iter()
            .map(|row| listings.get(*row as usize))
            .collect();
        let earlier = self.earlier(place, &wanted)?;
        let arrivals = Arrivals::new(self.sizes);
        let outcome = std::thread::scope(|scope| {
            // Dropped at the end of this block, which is what ends the compressors.
            let mut feeder = feeder;
            for _ in 0..task.workers.max(1) {
                let (inbox, arrivals) = (Arc::clone(&inbox), &arrivals);
                scope.spawn(move || pack(task, place, &inbox, arrivals, commit_queue));
            }
            drop(inbox);
            self.fetch_slice(source, &wanted, &mut feeder)
        });
        let asked = outcome.is_ok().then_some(source);
        let judged = self.judge(asked, place, &wanted, arrivals, &earlier);
        outcome.and(judged)
    }

    fn fetch_slice(
        &mut self,
        source: &mut dyn Source,
        wanted: &[Listing],
        feeder: &mut Feeder,
    ) -> Result<()> {
        let mut done = 0;
        // The answers may come in another order.
        let mut answered = HashSet::new();
        let outcome = source.fetch(wanted, &mut |listing, fetched| {
            match fetched {
                Fetched::Waiting => feeder.hand_over().map_err(give_up)?,
                Fetched::Refused(reply) => {
                    done += 1;
                    answered.insert(listing.number);
                    self.refused(listing, reply)?;
                }
                Fetched::Body(body) => {
                    let before = self.report.octets;
                    if let Err(stuck) = feeder.take(listing, body, |n| self.progress(n)) {
                        // Half a message is none.
                        self.report.octets = before;
                        return Err(give_up(stuck));
                    }
                    done += 1;
                    answered.insert(listing.number);
                    self.received += 1;
                    if self.is_nothing(listing, self.report.octets - before)? {
                        feeder.take_back();
                    }
                }
            }
            if self.is_stopped() {
                return Err(Error::Interrupted);
            }
            Ok(())
        });
        // What came whole is archived even if the line failed after it.
        let handed = feeder.hand_over().map_err(give_up);
        self.last = wanted.last().cloned();
        match &outcome {
            // Bytes that are no answer belong to the message before: its end was not
            // its end.
            Err(Error::Protocol { detail, .. }) if done > 0 && self.proto == Proto::Pop3 => {
                self.doubtful
                    .push((wanted[done - 1].clone(), cut_short(detail)));
            }
            Err(error) if error.is_transient() => {
                let mut open = wanted.iter().filter(|l| !answered.contains(&l.number));
                if let Some(listing) = open.next() {
                    self.dropped(listing, error)?;
                }
            }
            _ => {}
        }
        outcome.and(handed)
    }

    /// The line failed at this message; the second time it counts as refused.
    fn dropped(&mut self, listing: &Listing, error: &Error) -> Result<()> {
        let drops = self.drops.entry(self.key(listing)).or_default();
        *drops += 1;
        if *drops >= DROPS {
            self.refused(listing, error.to_string())?;
        }
        Ok(())
    }

    pub(super) fn refused(&mut self, listing: &Listing, reply: String) -> Result<()> {
        let key = self.key(listing);
        if !self.refused_now.insert(key.clone()) {
            return Ok(());
        }
        let (uid, named) = (self.shown(listing), listing.uid != Uid::Absent);
        let tries = self.drops.get(&key).copied().unwrap_or(1);
        self.order(CommitRequest::Record(vec![LedgerEvent::Refused {
            identity: self.identity(&listing.uid),
            octets: listing.octets,
            reply: reply.as_bytes().into(),
            tries,
        }]))?;
        self.report.refused.push(RefusedMessage {
            accepted: named && self.task.accept_refused.contains(&uid),
            uid,
            named,
            octets: listing.octets,
            reply,
        });
        Ok(())
    }
}

/// Reading errors are replaced by what the session knows of them.
fn give_up(_: Stuck) -> Error {
    Error::Interrupted
}

/// Why a message does not count though it had an end.
pub(super) fn cut_short(detail: &str) -> String {
    format!("it seems to be cut short (what came is stored): behind its end, {detail}")
}
