//! One mailbox of an IMAP account: what is new, what changed, what is gone, and what is
//! stored already under another name.

use std::collections::HashSet;
use std::sync::Arc;

use super::copies::Copies;
use super::destination::{PullTarget, PulledMailbox};
use super::known;
use super::{NextSession, PullRun};
use crate::archive::commit::{CommitRequest, FlagChange, Route};
use crate::archive::evidence;
use crate::base::error::{Error, Result};
use crate::base::event::RunEvent;
use crate::mail::source::{Inventory, Listing, Listings, MailRow, Source, Uid};
use crate::vault::catalog::{InMailbox, Origin, Proof, State};
use crate::vault::ledger::{Evidence, Identity, LedgerEvent, Proto};

/// What is known of a mailbox, seen against what the server says.
#[derive(Default)]
struct Changes {
    /// UIDs to be fetched.
    wanted: Vec<u32>,
    /// Those of them of which a content is recorded.
    again: HashSet<u32>,
    /// UIDs whose content is only recognised, and the listed octets.
    recognised: Vec<(u32, u64)>,
    /// UIDs whose date alone is another, or whose size where that says nothing.
    redated: Vec<u32>,
    flags: Vec<FlagChange>,
    events: Vec<LedgerEvent>,
    /// Known messages that are still there.
    there: u64,
    /// UIDs that were taken for known, and are not.
    unexpected: Vec<u32>,
    /// Doubtful messages that are left alone for now.
    resting: u64,
    /// True if a UID has another message than the recorded one.
    reused: bool,
}

/// What is received from a mailbox.
struct MailboxPlan {
    listings: Listings,
    /// The rows of it that are received.
    rows: Vec<u32>,
    /// UIDs of these of which a content is recorded.
    again: HashSet<u32>,
    /// True if nothing is left for another run.
    is_whole: bool,
}

impl PullRun<'_, '_> {
    /// To be called when a session is signed in.
    pub fn signed_in(&mut self) {
        self.signed_in = true;
        self.report.listed = 0;
        self.report.listed_octets = 0;
        self.report.wanted = self.received + self.report.refused.len() as u64;
        self.report.wanted_octets = self.report.octets;
        self.report.folders_failed.clear();
        self.report.unlisted = 0;
        self.report.doubtful = 0;
        self.report.recognised = 0;
    }

    /// Notes a mailbox that needs no look, or could not be looked at.
    pub fn count(&mut self, messages: u64) {
        self.report.listed += messages;
    }

    /// Notes a mailbox that the server refuses to open.
    pub fn folder_failed(&mut self, label: &str, error: &Error) {
        let words = error
            .reply()
            .map_or_else(|| error.to_string(), str::to_owned);
        self.report.folders_failed.push((label.to_owned(), words));
    }

    /// True if every mailbox could be looked at so far.
    #[must_use]
    pub fn all_opened(&self) -> bool {
        self.report.folders_failed.is_empty()
    }

    /// True if the mailbox that was brought up to date last has another message under a UID,
    /// and was not listed whole: it was restored from a backup.
    #[must_use]
    pub fn must_list_all(&self) -> bool {
        self.reused
    }

    /// Messages received whole so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Remembers a fact about the server, behind everything that was delivered.
    pub fn learned(&self, key: String, value: String) -> Result<()> {
        self.record(LedgerEvent::Learned {
            account: self.task.route.account.clone(),
            key,
            value,
        })
    }

    /// Writes an event after everything that was delivered.
    pub fn record(&self, event: LedgerEvent) -> Result<()> {
        self.order(CommitRequest::Record(vec![event]))
    }

    /// Makes everything durable, so that the catalog has it.
    pub fn make_durable(&self) -> Result<()> {
        self.settle()
    }

    /// Notes that messages are gone which an earlier listing had: a folder that is no
    /// more, or their names under another UIDVALIDITY.
    pub fn gone(&self, dir: &str, uidvalidity: u32, all: Vec<InMailbox>) -> Result<()> {
        let event = |message: InMailbox| {
            let uid = Uid::Imap {
                uidvalidity,
                uid: message.uid,
            };
            LedgerEvent::Vanished {
                identity: self.identity_of(dir, &uid),
                flags: message.letters,
                kw: message.words,
            }
        };
        self.order(CommitRequest::Record(all.into_iter().map(event).collect()))
    }

    /// Ends a round over all mailboxes.
    pub fn all_seen(&mut self) -> Result<NextSession> {
        self.dir = None;
        self.report.complete = self.task.limit.is_none()
            && !self.task.dry_run
            && self.report.unlisted == 0
            && self.report.folders_failed.is_empty();
        let account = &self.task.route.account;
        if let (true, Some(last)) = (
            self.report.complete,
            self.catalog.last_complete(account, Proto::Imap)?,
        ) {
            let purged = self.catalog.purged_since(account, last.time)?;
            self.warn_if_shrunk(last.listed.saturating_sub(purged), self.report.listed);
        }
        Ok(self.doubts())
    }

    /// Brings one mailbox up to date. True if everything in it is archived.
    pub fn mailbox(
        &mut self,
        source: &mut dyn Source,
        mailbox: &PulledMailbox<'_>,
        copies: &Copies,
    ) -> Result<bool> {
        let inventory = mailbox.inventory;
        let route = Arc::new(Route {
            dir: Some(mailbox.dir.to_owned()),
            ..(*self.task.route).clone()
        });
        self.dir = Some(mailbox.dir.to_owned());
        self.recall_sizes(inventory.uidvalidity)?;
        let mut changes = self.changes(mailbox)?;
        let (hidden, mut whole) = self.count_listed(inventory, &mut changes);
        self.order(CommitRequest::Record(std::mem::take(&mut changes.events)))?;
        if !changes.flags.is_empty() {
            self.order(CommitRequest::Flags(std::mem::take(&mut changes.flags)))?;
        }
        if !self.task.dry_run {
            self.look_at_redated(source, &route, mailbox, &mut changes)?;
        }
        self.reused = changes.reused && !inventory.everything;
        if self.task.dry_run {
            let object = |uid: u32| inventory.object(&inventory.row(uid)?);
            let comes = |uid: &u32| !object(*uid).is_some_and(|object| copies.has(object));
            changes.wanted.retain(comes);
        } else {
            let before = changes.wanted.len();
            self.link(source, &route, mailbox, copies, &mut changes)?;
            if changes.wanted.len() < before || !changes.recognised.is_empty() {
                // What comes now is compared with these.
                self.settle()?;
            }
        }
        let MailboxPlan {
            listings,
            rows,
            again,
            is_whole,
        } = self.choose(inventory, changes);
        whole &= is_whole && hidden == 0;
        let plausible = rows.iter().map(|row| listings.plausible_octets(*row));
        let octets = plausible.sum();
        self.report.wanted += rows.len() as u64;
        self.report.wanted_octets += octets;
        (self.emit)(RunEvent::Listed {
            account: &self.task.route.account,
            listed: self.report.listed,
            wanted: rows.len() as u64,
            wanted_octets: octets,
        });
        let before = (self.report.refused.len(), self.report.doubtful);
        if !self.task.dry_run && !rows.is_empty() {
            self.check_room(octets)?;
            self.in_transfer = true;
            let place = PullTarget {
                route,
                inventory: Some(inventory),
                again,
            };
            self.fetch(source, &listings, &rows, &place)?;
        }
        let after = (self.report.refused.len(), self.report.doubtful);
        Ok(whole && after == before && !self.task.dry_run)
    }

    /// Counts what the server announces. Gives how many of these messages it does not list, and
    /// true unless something went that it did not tell of.
    fn count_listed(&mut self, inventory: &Inventory, changes: &mut Changes) -> (u64, bool) {
        let unexpected = self.unexpected(changes);
        let told = changes.there + inventory.rows().len() as u64 + unexpected;
        let hidden = inventory.announced.saturating_sub(told);
        self.report.listed += inventory.announced - hidden;
        self.report.unlisted += hidden;
        (hidden, told <= inventory.announced || inventory.everything)
    }

    /// Chooses what is received: what is wanted, and a share of what is only recognised, but
    /// nothing that was refused in this run, and no more than the limit.
    fn choose(&mut self, inventory: &Inventory, changes: Changes) -> MailboxPlan {
        let Changes {
            mut wanted,
            mut again,
            recognised,
            ..
        } = changes;
        let share = self.to_compare(recognised.iter().map(|(_, octets)| *octets));
        self.report.recognised += (recognised.len() - share) as u64;
        let compared = recognised[..share].iter().map(|(uid, _)| *uid);
        again.extend(compared.clone());
        wanted.extend(compared);
        let listings = inventory.listings(&wanted);
        let mut rows: Vec<u32> = (0..u32::try_from(wanted.len()).unwrap_or(u32::MAX)).collect();
        rows.retain(|row| {
            let listing = listings.get(*row as usize);
            !self.refused_now.contains(&self.key(&listing))
        });
        if let Some(limit) = self.task.limit {
            let left = usize::try_from(limit.saturating_sub(self.received)).unwrap_or(usize::MAX);
            rows.truncate(left);
        }
        MailboxPlan {
            is_whole: recognised.len() == share && rows.len() == wanted.len(),
            listings,
            rows,
            again,
        }
    }

    /// Takes off what need not be fetched: messages of which another folder has a copy, and
    /// those that are recognised.
    fn link(
        &mut self,
        source: &mut dyn Source,
        route: &Arc<Route>,
        mailbox: &PulledMailbox<'_>,
        copies: &Copies,
        changes: &mut Changes,
    ) -> Result<()> {
        let Changes { wanted, again, .. } = changes;
        let mut new: Vec<u32> = wanted
            .iter()
            .copied()
            .filter(|uid| !again.contains(uid))
            .collect();
        self.link_copies(source, route, mailbox.inventory, &mut new, copies)?;
        let linked = self.link_known(source, route, mailbox, &mut new)?;
        let octets = |uid: u32| mailbox.inventory.row(uid).and_then(|row| row.octets());
        let linked = linked.into_iter();
        changes
            .recognised
            .extend(linked.map(|uid| (uid, octets(uid).unwrap_or(0))));
        changes.recognised.sort_unstable();
        wanted.retain(|uid| again.contains(uid));
        wanted.extend(new);
        wanted.sort_unstable();
        Ok(())
    }

    /// Sees what is recorded against what the server says.
    fn changes(&self, mailbox: &PulledMailbox<'_>) -> Result<Changes> {
        let inventory = mailbox.inventory;
        let origin = self.origin(mailbox);
        let mut changes = Changes::default();
        let mut known = HashSet::new();
        let mut recorded = HashSet::new();
        let mut flagged: Vec<(u32, String)> = Vec::new();
        // A purge that did not hear of its end is settled by the next listing, whoever asks.
        let mut asked: Vec<(Box<[u8]>, bool)> = Vec::new();
        // UIDs that hold for nothing say nothing.
        let lasting = inventory.uidvalidity > 0;
        self.catalog.for_each_in_mailbox(origin, |message| {
            let InMailbox { uid, state, .. } = message;
            let is_new = inventory.is_new(uid);
            let gone = inventory.is_gone(uid);
            let marks = inventory.marks_of(uid);
            let purged = matches!(state, State::Purged | State::PurgeIntent);
            let settled = message.stored || purged && marks.is_none();
            let row = inventory.row(uid).filter(|_| lasting);
            if lasting && settled && !state.is_wanted() {
                known.insert(uid);
            }
            if lasting && message.stored && row.is_some() && !gone {
                self.weigh(&message, row, mailbox, &mut changes);
            }
            recorded.insert(uid);
            if !gone && !is_new && !matches!(state, State::Vanished | State::Purged) {
                changes.there += 1;
            }
            let differs =
                marks.is_some_and(|m| m.letters != message.letters || m.words != message.words);
            let back = state == State::Vanished && marks.is_some() && message.stored;
            let identity = || self.identity_of(mailbox.dir, &inventory.uid(uid));
            match state {
                State::Seen | State::PurgeKept | State::Refused | State::Wanted if gone => {
                    changes.events.push(LedgerEvent::Vanished {
                        identity: identity(),
                        flags: message.letters,
                        kw: message.words,
                    });
                }
                _ if back && !gone => {
                    changes.events.push(LedgerEvent::Reappeared {
                        identity: identity(),
                        flags: message.letters.clone(),
                        kw: message.words,
                    });
                    if differs {
                        flagged.push((uid, message.letters));
                    }
                }
                State::PurgeIntent if gone || marks.is_some() => {
                    asked.push((Box::from(uid.to_be_bytes()), gone));
                }
                State::Seen | State::PurgeKept if differs => flagged.push((uid, message.letters)),
                _ => {}
            }
        })?;
        changes.events.extend(self.catalog.settled(origin, &asked)?);
        changes.flags = self.flag_changes(mailbox, flagged)?;
        let new = inventory.rows().iter().map(|row| row.uid);
        changes
            .wanted
            .extend(new.filter(|uid| !known.contains(uid)));
        // Of a UID that was taken for known the ledger may have nothing.
        changes.unexpected = inventory
            .known()
            .filter(|uid| lasting && !recorded.contains(uid))
            .collect();
        changes.wanted.sort_unstable();
        changes.wanted.dedup();
        Ok(changes)
    }

    /// The messages whose flags differ, each with the letters that are recorded.
    fn flag_changes(
        &self,
        mailbox: &PulledMailbox<'_>,
        flagged: Vec<(u32, String)>,
    ) -> Result<Vec<FlagChange>> {
        let inventory = mailbox.inventory;
        let mut changes = Vec::with_capacity(flagged.len());
        for (uid, before) in flagged {
            let Some(marks) = inventory.marks_of(uid) else {
                continue;
            };
            let stored = self.catalog.content_in(self.origin(mailbox), uid)?;
            changes.push(FlagChange {
                identity: self.identity_of(mailbox.dir, &inventory.uid(uid)),
                hash: stored.map(|stored| stored.blob.name.hash),
                before,
                flags: marks.letters.clone(),
                kw: marks.words.clone(),
            });
        }
        Ok(changes)
    }

    /// Takes in what the server lists of a message of which a content is recorded.
    fn weigh(
        &self,
        message: &InMailbox,
        row: Option<MailRow>,
        mailbox: &PulledMailbox<'_>,
        changes: &mut Changes,
    ) {
        let Some(row) = row else { return };
        let uid = message.uid;
        let moved =
            |now: Option<u64>, then: Option<u64>| now.zip(then).is_some_and(|(a, b)| a != b);
        let wanted = if message.state.is_wanted() {
            true
        } else if message.state == State::PurgeIntent {
            false
        } else if moved(row.octets(), message.octets) && !self.sizes.are_estimated() {
            changes.reused = true;
            true
        } else {
            match message.proof {
                Proof::Recognised => {
                    let octets = row.octets().or(message.octets).unwrap_or(0);
                    changes.recognised.push((uid, octets));
                    return;
                }
                Proof::Doubtful => {
                    let listings = mailbox.inventory.listings(&[uid]);
                    let key = self.key(&listings.get(0));
                    let due = self.is_due(&key, message.sessions, message.time);
                    changes.resting += u64::from(!due);
                    due
                }
                Proof::Settled => self.is_settled_due(message.time),
                _ => false,
            }
        };
        if wanted {
            changes.wanted.push(uid);
            changes.again.insert(uid);
        } else if message.proof.is_possession()
            && (row.date().zip(message.date).is_some_and(|(a, b)| a != b)
                || moved(row.octets(), message.octets))
        {
            // An equal header would not take the doubt from any other.
            changes.redated.push(uid);
        }
    }

    /// Takes in messages that became visible below the highest UID; gives their number.
    fn unexpected(&mut self, changes: &mut Changes) -> u64 {
        self.report.doubtful += changes.resting;
        let unexpected = std::mem::take(&mut changes.unexpected);
        let count = unexpected.len() as u64;
        if count > 0 {
            changes.wanted.extend(unexpected);
            changes.wanted.sort_unstable();
            changes.wanted.dedup();
        }
        count
    }

    /// Another INTERNALDATE alone may come from files that were copied: with the recorded
    /// header it is the same message, else it is fetched.
    fn look_at_redated(
        &mut self,
        source: &mut dyn Source,
        route: &Arc<Route>,
        mailbox: &PulledMailbox<'_>,
        changes: &mut Changes,
    ) -> Result<()> {
        if changes.redated.is_empty() {
            return Ok(());
        }
        let inventory = mailbox.inventory;
        let listings = inventory.listings(&changes.redated);
        let wanted: Vec<Listing> = (0..listings.len()).map(|row| listings.get(row)).collect();
        let headers = evidence::headers(source, &wanted)?;
        let mut links = Vec::new();
        for (listing, header) in wanted.into_iter().zip(headers) {
            let uid = listing.number;
            let stored = self.catalog.content_in(self.origin(mailbox), uid)?;
            let same = stored.filter(|s| s.header.is_some() && s.header == header.map(|h| h.hash));
            if let Some(stored) = same {
                let voucher = stored.object.map(|object| object.by);
                let evidence = match (stored.proof, voucher.or(inventory.voucher)) {
                    (Proof::Received, _) => Evidence::Received,
                    (Proof::Vouched, Some(voucher)) => Evidence::Vouched(voucher),
                    _ => Evidence::Recognised,
                };
                let mut link = known::link(Some(inventory), listing, &stored, evidence);
                link.object = link.object.or(stored.object);
                links.push((uid, link));
            } else {
                changes.reused = true;
                changes.wanted.push(uid);
                changes.again.insert(uid);
            }
        }
        // A file that is not as it was gets no line; `verify` is for that.
        self.send_links(route, links)?;
        Ok(())
    }

    pub(super) fn origin<'o>(&'o self, mailbox: &PulledMailbox<'o>) -> Origin<'o> {
        Origin {
            account: &self.task.route.account,
            server: &self.task.route.server,
            dir: mailbox.dir,
            uidvalidity: mailbox.inventory.uidvalidity,
        }
    }

    fn identity_of(&self, dir: &str, uid: &Uid) -> Identity {
        Identity {
            dir: Some(dir.to_owned()),
            ..self.identity(uid)
        }
    }
}
