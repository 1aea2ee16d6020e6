//! One mailbox of an IMAP account: what is new, what changed, what is gone, and what is
//! stored already under another name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::pack::Place;
use super::{Left, Run};
use crate::commit::{FlagChange, Link, Order, Route};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::message::Hash128;
use crate::source::{Inventory, Source, Uid, headers_of};
use crate::vault::catalog::{Blob, Origin, State};
use crate::vault::ledger::{Event as Entry, Identity, Proto};

/// Headers that are asked for in one go.
const SLICE: usize = 4_096;
/// POP3 adds a line end to a message that lacks it, IMAP does not (RFC 1939 s.3).
const LINE_END: u64 = 2;

/// Where copies of a message were seen in this run.
#[derive(Debug, Default)]
pub struct Copies(HashMap<u64, (String, u32, u32)>);

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
}

impl Run<'_, '_> {
    /// To be called when a session is signed in.
    pub fn signed_in(&mut self) {
        self.proto = Proto::Imap;
        self.signed_in = true;
        self.report.listed = 0;
        self.report.listed_octets = 0;
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

    /// Ends a round over all mailboxes.
    pub fn all_seen(&mut self) -> Left {
        self.report.complete =
            self.task.limit.is_none() && !self.task.dry_run && self.report.unlisted == 0;
        Left::Nothing
    }

    /// Brings one mailbox up to date. True if everything in it is archived.
    pub fn mailbox(
        &mut self,
        source: &mut dyn Source,
        mailbox: &Mailbox<'_>,
        copies: &mut Copies,
    ) -> Result<bool> {
        let inventory = mailbox.inventory;
        let route = Arc::new(Route {
            dir: Some(mailbox.dir.to_owned()),
            ..(*self.task.route).clone()
        });
        self.dir = Some(mailbox.dir.to_owned());
        let mut changes = self.changes(mailbox)?;
        self.report.listed += inventory.announced;
        self.report.unlisted += inventory.hidden;
        self.order(Order::Record(std::mem::take(&mut changes.events)))?;
        if !changes.flags.is_empty() {
            self.order(Order::Flags(std::mem::take(&mut changes.flags)))?;
        }
        let mut wanted = changes.wanted;
        if !self.task.dry_run {
            self.link_copies(&route, mailbox, &mut wanted, copies)?;
            self.link_known(source, &route, mailbox, &mut wanted)?;
        }
        let listings = inventory.listings(&wanted);
        let mut rows: Vec<u32> = (0..u32::try_from(wanted.len()).unwrap_or(u32::MAX)).collect();
        rows.retain(|row| {
            let listing = listings.get(*row as usize);
            !self.refused_now.contains(&super::key(&listing))
        });
        let mut whole = rows.len() == wanted.len();
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
            for row in rows
                .iter()
                .filter_map(|row| inventory.row(listings.number_of(*row as usize)))
            {
                copies.remember(mailbox, row);
            }
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
        self.catalog
            .for_each_in_mailbox(origin, |uid, state, letters, words| {
                let uid_of = || Uid::Imap {
                    uidvalidity: inventory.uidvalidity,
                    uid,
                };
                let gone = inventory.is_gone(uid);
                let marks = inventory.marks_of(uid);
                let flags = marks.map_or(letters, |m| &m.letters).to_owned();
                let kw = marks.map_or(words, |m| &m.words).to_owned();
                let identity = || self.identity_of(mailbox.dir, &uid_of());
                if !matches!(state, State::Refused | State::Lost) {
                    known.insert(uid);
                }
                match state {
                    State::Seen | State::PurgeKept if gone => {
                        changes.events.push(Entry::Vanished {
                            identity: identity(),
                            flags,
                            kw,
                        });
                    }
                    State::Vanished if marks.is_some() && !gone => {
                        changes.events.push(Entry::Reappeared {
                            identity: identity(),
                            flags,
                            kw,
                        });
                    }
                    State::Seen | State::PurgeKept
                        if marks.is_some_and(|m| m.letters != letters || m.words != words) =>
                    {
                        flagged.push((uid, letters.to_owned()));
                    }
                    _ => {}
                }
            })?;
        for (uid, before) in flagged {
            let blob = self.catalog.content_in(origin, uid)?;
            let Some(marks) = inventory.marks_of(uid) else {
                continue;
            };
            changes.flags.push(FlagChange {
                identity: self.identity_of(
                    mailbox.dir,
                    &Uid::Imap {
                        uidvalidity: inventory.uidvalidity,
                        uid,
                    },
                ),
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

    /// Takes out what the server itself calls the same message as one seen before.
    fn link_copies(
        &mut self,
        route: &Arc<Route>,
        mailbox: &Mailbox<'_>,
        wanted: &mut Vec<u32>,
        copies: &Copies,
    ) -> Result<()> {
        if copies.0.is_empty() {
            return Ok(());
        }
        let mut links = Vec::new();
        let mut rest = Vec::with_capacity(wanted.len());
        for at in wanted.drain(..) {
            let row = &mailbox.inventory.rows()[at as usize];
            let found = match row.same().and_then(|same| copies.0.get(&same)) {
                Some((dir, uidvalidity, uid)) => {
                    let origin = Origin {
                        account: &route.account,
                        server: &route.server,
                        dir,
                        uidvalidity: *uidvalidity,
                    };
                    self.catalog
                        .content_in(origin, *uid)?
                        .filter(|(blob, _)| row.octets().is_none_or(|n| fits(blob, None, n)))
                }
                None => None,
            };
            match found {
                Some((blob, Some(header))) => links.push(link(mailbox, at, &blob, header)),
                _ => rest.push(at),
            }
        }
        *wanted = rest;
        self.send_links(route, links)
    }

    /// Takes out what has header and size of a stored message: a copy from another folder,
    /// the same folder before its UIDs changed, or what POP3 brought.
    fn link_known(
        &mut self,
        source: &mut dyn Source,
        route: &Arc<Route>,
        mailbox: &Mailbox<'_>,
        wanted: &mut Vec<u32>,
    ) -> Result<()> {
        let inventory = mailbox.inventory;
        if wanted.is_empty() {
            return Ok(());
        }
        let known = self.catalog.sizes(&route.account)?;
        let has = |octets: u64| known.binary_search(&octets).is_ok();
        let likely = |at: &&u32| {
            let octets = inventory.rows()[**at as usize].octets();
            octets.is_some_and(|n| has(n) || has(n + LINE_END))
        };
        let likely: Vec<u32> = wanted.iter().filter(likely).copied().collect();
        if likely.is_empty() {
            return Ok(());
        }
        let mut sizes = HashSet::new();
        for at in &likely {
            if let Some(octets) = inventory.rows()[*at as usize].octets() {
                sizes.extend([octets, octets + LINE_END]);
            }
        }
        let mut by_header: HashMap<Hash128, Vec<(Option<u64>, Blob)>> = HashMap::new();
        self.catalog
            .for_each_header(&route.account, &sizes, |header, octets, blob| {
                by_header.entry(header).or_default().push((octets, blob));
            })?;
        let mut linked = HashSet::new();
        for slice in likely.chunks(SLICE) {
            let listings = inventory.listings(slice);
            let rows: Vec<_> = (0..slice.len()).map(|n| listings.get(n)).collect();
            let headers = headers_of(source, &rows)?;
            let mut links = Vec::new();
            for (at, header) in slice.iter().zip(headers) {
                let octets = inventory.rows()[*at as usize].octets().unwrap_or(0);
                let Some(header) = header else { continue };
                let found = by_header.get(&header.hash).and_then(|all| {
                    all.iter()
                        .find(|(listed, blob)| fits(blob, *listed, octets))
                });
                if let Some((_, blob)) = found {
                    linked.insert(*at);
                    links.push(link(mailbox, *at, blob, header.hash));
                }
            }
            self.send_links(route, links)?;
        }
        wanted.retain(|at| !linked.contains(at));
        Ok(())
    }

    fn send_links(&self, route: &Arc<Route>, links: Vec<Link>) -> Result<()> {
        if links.is_empty() {
            return Ok(());
        }
        self.order(Order::Link(Arc::clone(route), links))
    }

    fn origin<'o>(&'o self, mailbox: &Mailbox<'o>) -> Origin<'o> {
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

impl Copies {
    fn remember(&mut self, mailbox: &Mailbox<'_>, row: &crate::source::MailRow) {
        if let Some(same) = row.same() {
            let place = (
                mailbox.dir.to_owned(),
                mailbox.inventory.uidvalidity,
                row.uid,
            );
            self.0.entry(same).or_insert(place);
        }
    }
}

/// True if a message that the server lists with so many octets may be this content.
fn fits(blob: &Blob, listed: Option<u64>, octets: u64) -> bool {
    let name = &blob.name;
    [name.size, name.wire].contains(&octets)
        || name.size == octets + LINE_END
        || listed == Some(octets)
}

fn link(mailbox: &Mailbox<'_>, at: u32, blob: &Blob, header: Hash128) -> Link {
    let inventory = mailbox.inventory;
    let row = &inventory.rows()[at as usize];
    let marks = inventory.marks(row).clone();
    Link {
        uid: Uid::Imap {
            uidvalidity: inventory.uidvalidity,
            uid: row.uid,
        },
        octets: row.octets(),
        hash: blob.name.hash,
        header,
        flags: marks.letters,
        kw: marks.words,
        idate: row.date(),
    }
}
