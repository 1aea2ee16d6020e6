//! One mailbox of an IMAP account: what is new, what changed, what is gone, and what is
//! stored already under another name.

use std::collections::HashSet;
use std::sync::Arc;

use super::known::Copies;
use super::pack::Place;
use super::{Left, Run};
use crate::commit::{FlagChange, Order, Route};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::source::{Inventory, Source, Uid};
use crate::vault::catalog::{InMailbox, Origin, State};
use crate::vault::ledger::{Event as Entry, Identity, Proto};

/// A mailbox of the account.
#[derive(Debug)]
pub struct Mailbox<'a> {
    /// Its directory.
    pub dir: &'a str,
    /// What the server says of it.
    pub inventory: &'a Inventory,
}

/// What is known of a mailbox, seen against what the server says.
#[derive(Default)]
struct Changes {
    /// Rows to be fetched or recognised.
    wanted: Vec<u32>,
    flags: Vec<FlagChange>,
    events: Vec<Entry>,
    /// Known messages that are still there.
    there: u64,
}

impl Run<'_, '_> {
    /// To be called when a session is signed in.
    pub fn signed_in(&mut self) {
        self.proto = Proto::Imap;
        self.signed_in = true;
        self.report.listed = 0;
        self.report.listed_octets = 0;
        self.report.wanted = self.received + self.report.refused.len() as u64;
        self.report.wanted_octets = self.report.octets;
        self.report.folders_failed.clear();
        self.report.unlisted = 0;
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

    /// Messages received whole so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Remembers a fact about the server, behind everything that was delivered.
    pub fn learned(&self, key: String, value: String) -> Result<()> {
        self.record(Entry::Learned {
            account: self.task.route.account.clone(),
            key,
            value,
        })
    }

    /// Writes an event behind everything that was delivered.
    pub fn record(&self, event: Entry) -> Result<()> {
        self.order(Order::Record(vec![event]))
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
            Entry::Vanished {
                identity: self.identity_of(dir, &uid),
                flags: message.letters,
                kw: message.words,
            }
        };
        self.order(Order::Record(all.into_iter().map(event).collect()))
    }

    /// Ends a round over all mailboxes.
    pub fn all_seen(&mut self) -> Result<Left> {
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
        Ok(Left::Nothing)
    }

    /// Brings one mailbox up to date. True if everything in it is archived.
    pub fn mailbox(
        &mut self,
        source: &mut dyn Source,
        mailbox: &Mailbox<'_>,
        copies: &Copies,
    ) -> Result<bool> {
        let inventory = mailbox.inventory;
        let route = Arc::new(Route {
            dir: Some(mailbox.dir.to_owned()),
            ..(*self.task.route).clone()
        });
        self.dir = Some(mailbox.dir.to_owned());
        let mut changes = self.changes(mailbox)?;
        let told = changes.there + inventory.rows().len() as u64;
        let hidden = inventory.announced.saturating_sub(told);
        self.report.listed += inventory.announced - hidden;
        self.report.unlisted += hidden;
        self.order(Order::Record(std::mem::take(&mut changes.events)))?;
        if !changes.flags.is_empty() {
            self.order(Order::Flags(std::mem::take(&mut changes.flags)))?;
        }
        let mut wanted = changes.wanted;
        if self.task.dry_run {
            wanted.retain(|row| !copies.has(&inventory.rows()[*row as usize]));
        } else {
            self.link_copies(&route, mailbox, &mut wanted, copies)?;
            self.link_known(source, &route, mailbox, &mut wanted)?;
        }
        let listings = inventory.listings(&wanted);
        let mut rows: Vec<u32> = (0..u32::try_from(wanted.len()).unwrap_or(u32::MAX)).collect();
        rows.retain(|row| {
            let listing = listings.get(*row as usize);
            !self.refused_now.contains(&self.key(&listing))
        });
        let mut whole = rows.len() == wanted.len() && hidden == 0;
        if let Some(limit) = self.task.limit {
            let left = usize::try_from(limit.saturating_sub(self.received)).unwrap_or(usize::MAX);
            whole &= rows.len() <= left;
            rows.truncate(left);
        }
        let octets = rows
            .iter()
            .map(|row| super::plausible(&listings, *row))
            .sum();
        self.report.wanted += rows.len() as u64;
        self.report.wanted_octets += octets;
        (self.tell)(Event::Listed {
            account: &self.task.route.account,
            listed: self.report.listed,
            wanted: rows.len() as u64,
            wanted_octets: octets,
        });
        let refused = self.report.refused.len();
        if !self.task.dry_run && !rows.is_empty() {
            self.check_room(octets)?;
            self.in_transfer = true;
            let place = Place {
                route,
                inventory: Some(inventory),
            };
            self.fetch(source, &listings, &rows, &place)?;
        }
        Ok(whole && self.report.refused.len() == refused && !self.task.dry_run)
    }

    /// Sees what is recorded against what the server says.
    fn changes(&self, mailbox: &Mailbox<'_>) -> Result<Changes> {
        let inventory = mailbox.inventory;
        let origin = self.origin(mailbox);
        let mut changes = Changes::default();
        let mut known = HashSet::new();
        let mut flagged: Vec<(u32, String)> = Vec::new();
        // A purge that did not hear of its end is settled by the next listing, whoever asks.
        let mut asked: Vec<(Box<[u8]>, bool)> = Vec::new();
        // UIDs that hold for nothing say nothing.
        let lasting = inventory.uidvalidity > 0;
        self.catalog.for_each_in_mailbox(origin, |message| {
            let InMailbox { uid, state, .. } = message;
            let is_new = inventory.row(uid).is_some();
            let gone = inventory.is_gone(uid);
            let marks = inventory.marks_of(uid);
            let purged = matches!(state, State::Purged | State::PurgeIntent);
            let settled = message.stored || purged && marks.is_none();
            if lasting && settled && !matches!(state, State::Refused | State::Lost) {
                known.insert(uid);
            }
            if !gone && !is_new && !matches!(state, State::Vanished | State::Purged) {
                changes.there += 1;
            }
            let differs =
                marks.is_some_and(|m| m.letters != message.letters || m.words != message.words);
            let back = state == State::Vanished && marks.is_some() && message.stored;
            let event = match state {
                State::Seen | State::PurgeKept | State::Refused if gone => Entry::Vanished {
                    identity: self.identity_of(mailbox.dir, &inventory.uid(uid)),
                    flags: message.letters.clone(),
                    kw: message.words.clone(),
                },
                _ if back && !gone => Entry::Reappeared {
                    identity: self.identity_of(mailbox.dir, &inventory.uid(uid)),
                    flags: message.letters.clone(),
                    kw: message.words.clone(),
                },
                State::PurgeIntent if gone || marks.is_some() => {
                    asked.push((Box::from(uid.to_be_bytes()), gone));
                    return;
                }
                State::Seen | State::PurgeKept if differs => {
                    flagged.push((uid, message.letters));
                    return;
                }
                _ => return,
            };
            changes.events.push(event);
            if back && differs {
                flagged.push((uid, message.letters));
            }
        })?;
        changes.events.extend(self.catalog.settled(origin, &asked)?);
        for (uid, before) in flagged {
            let blob = self.catalog.content_in(origin, uid)?;
            let Some(marks) = inventory.marks_of(uid) else {
                continue;
            };
            changes.flags.push(FlagChange {
                identity: self.identity_of(mailbox.dir, &inventory.uid(uid)),
                hash: blob.map(|(blob, _)| blob.name.hash),
                before,
                flags: marks.letters.clone(),
                kw: marks.words.clone(),
            });
        }
        changes.wanted = (0..)
            .zip(inventory.rows())
            .filter(|(_, row)| !known.contains(&row.uid))
            .map(|(at, _)| at)
            .collect();
        Ok(changes)
    }

    pub(super) fn origin<'o>(&'o self, mailbox: &Mailbox<'o>) -> Origin<'o> {
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
