//! Fetching many messages: sets of UIDs, two commands under way, answers matched by UID.
//!
//! Every message that was asked for is answered once: by its octets or by a refusal.
//! A refused set is halved until the message is found that spoils it; one that the
//! server skipped is asked for alone. What is beyond a server's limit (RFC 9738) is asked
//! for in smaller sets.

mod by_number;

use std::collections::VecDeque;
use std::io::{Read, Write};

use crate::base::error::{Error, Result};
use crate::mail::source::{Each, Fetched, Listing};
use crate::net::imap::command::CommandEnd;
use crate::net::imap::fetch::{self, Content, FetchState, Section};
use crate::net::imap::folder::Folder;
use crate::net::imap::limit::LimitReached;
use crate::net::imap::oddity::{self, ScannedBody};
use crate::net::imap::reply::{Reply, StatusKind};
use crate::net::imap::uids::written;
use crate::net::imap::wire::{AnswerHead, ImapWire, LiteralBody};
use crate::net::sasl::Refusal;

/// Messages that one command asks for, and their listed octets.
const SET: usize = 500;
const SET_OCTETS: u64 = 64 << 20;
/// Commands under way.
const AHEAD: usize = 2;
/// Octets that a header, or a message without a listed size, is taken for.
const HEADER_OCTETS: u64 = 4 << 10;
const UNKNOWN_OCTETS: u64 = 64 << 10;
/// Longest message that is held in memory, where that is needed at all.
const HELD: u64 = 8 << 20;
/// Refusals in a row, without one message between, that are about no single message.
const PATIENCE: usize = 8;

/// Said of a message that was listed and then expunged by somebody else.
const GONE: &str = "no longer in the mailbox";
const BODILESS: &str = "the server listed it but did not send it";
const NIL: &str = "OK, with NIL instead of the message";
const EMPTY: &str = "OK, with nothing instead of the message";
const STAND_IN: &str = "the server said OK, but sent a notice instead of the message";
const UID_TOO_LATE: &str = "OK, with the UID behind a message too large to hold";

impl Section {
    fn item(self) -> &'static str {
        match self {
            Self::Header => "BODY.PEEK[HEADER]",
            Self::Whole => "BODY.PEEK[]",
        }
    }

    fn octets(self, listing: &Listing) -> u64 {
        match self {
            Self::Header => HEADER_OCTETS,
            Self::Whole => listing.octets.unwrap_or(UNKNOWN_OCTETS),
        }
    }
}

/// Fetches and hands on.
pub(super) fn run<S: Read + Write>(
    folder: &mut Folder<'_, S>,
    wanted: &[Listing],
    section: Section,
    each: Each<'_>,
) -> Result<()> {
    let uids = folder.uids(wanted)?;
    let mut entries: Vec<FetchSlot<'_>> = uids
        .into_iter()
        .zip(wanted)
        .map(|(uid, listing)| FetchSlot {
            uid,
            listing,
            answered: false,
            alone: false,
            seen: false,
        })
        .collect();
    // Some servers refuse sets that do not ascend.
    entries.sort_by_key(|entry| entry.uid);
    entries.dedup_by_key(|entry| entry.uid);
    folder.session.wire.section = section;
    let caps = &folder.session.caps;
    let binary = section == Section::Whole && caps.has("BINARY");
    let writable = folder.is_writable();
    let most = caps.message_limit().map_or(SET, |limit| limit.min(SET));
    Transfer {
        wire: &mut folder.session.wire,
        section,
        binary,
        most,
        limit: None,
        entries,
        next: 0,
        again: VecDeque::new(),
        flights: VecDeque::new(),
        doubtful: Vec::new(),
        numbers: !writable,
        nameless: false,
        by_number: Vec::new(),
        refusals: 0,
        each,
    }
    .run()
}

/// A wanted message.
struct FetchSlot<'l> {
    uid: u32,
    listing: &'l Listing,
    answered: bool,
    /// True once it is asked for in a command of its own.
    alone: bool,
    /// True if the server sent anything about it.
    seen: bool,
}

/// A command under way, and the entries it is about.
struct FetchFlight {
    tag: String,
    places: Vec<usize>,
}

struct Transfer<'t, 'l, 'e, S> {
    wire: &'t mut ImapWire<S>,
    section: Section,
    /// True if messages are looked through for octets that BINARY might set right.
    binary: bool,
    /// Messages that one command asks for.
    most: usize,
    /// The limit that was announced before the end of the command that met it.
    limit: Option<LimitReached>,
    entries: Vec<FetchSlot<'l>>,
    /// The first entry that was never asked for.
    next: usize,
    again: VecDeque<Vec<usize>>,
    flights: VecDeque<FetchFlight>,
    /// Entries to be fetched in both forms at the end.
    doubtful: Vec<usize>,
    /// True if a message may be identified by its number: not where something is deleted.
    numbers: bool,
    /// True once a message came without its UID.
    nameless: bool,
    /// Entries to be identified by their number at the end.
    by_number: Vec<usize>,
    refusals: usize,
    each: Each<'e>,
}

impl<S: Read + Write> Transfer<'_, '_, '_, S> {
    fn run(mut self) -> Result<()> {
        loop {
            while self.flights.len() < AHEAD
                && let Some(places) = self.next_set()
            {
                self.ask(places)?;
            }
            let Some(flight) = self.flights.front() else {
                break;
            };
            if !self.wire.channel.has_buffered() {
                let listing = self.entries[flight.places[0]].listing;
                (self.each)(listing, Fetched::Waiting)?;
            }
            self.take()?;
        }
        for place in std::mem::take(&mut self.doubtful) {
            self.fetch_both(place)?;
        }
        for place in std::mem::take(&mut self.by_number) {
            self.fetch_by_number(place)?;
        }
        Ok(())
    }

    fn next_set(&mut self) -> Option<Vec<usize>> {
        if let Some(places) = self.again.pop_front() {
            return Some(places);
        }
        let first = self.next;
        let mut octets = 0_u64;
        while let Some(entry) = self.entries.get(self.next) {
            octets = octets.saturating_add(self.section.octets(entry.listing));
            let fits = self.next - first < self.most && octets <= SET_OCTETS;
            if self.next > first && !fits {
                break;
            }
            self.next += 1;
        }
        (self.next > first).then(|| (first..self.next).collect())
    }

    fn ask(&mut self, places: Vec<usize>) -> Result<()> {
        let uids: Vec<u32> = places.iter().map(|at| self.entries[*at].uid).collect();
        let alone = places.len() == 1 && self.entries[places[0]].alone;
        // The flags tell a message without octets from one that is gone.
        let flags = if alone { " FLAGS" } else { "" };
        let item = self.section.item();
        let tag = self
            .wire
            .begin(&format!("UID FETCH {} (UID{flags} {item})", written(&uids)))?;
        self.flights.push_back(FetchFlight { tag, places });
        Ok(())
    }

    /// Takes one answer.
    fn take(&mut self) -> Result<()> {
        let head = self.wire.receive()?;
        let (item, state) = fetch::read(self.wire.text(), self.wire.section);
        if let AnswerHead::Body(octets) = head {
            return self.take_body(item, octets);
        }
        if state == FetchState::Whole {
            return self.take_item(item);
        }
        let (at, done) = match self.wire.reply()? {
            Reply::Result(theirs, status) => {
                let mut tags = self.flights.iter().map(|flight| flight.tag.as_bytes());
                let at = tags.position(|tag| tag == theirs);
                (at, CommandEnd::of(&status).after(self.limit.take()))
            }
            Reply::Status(status) => {
                self.limit = self.limit.or(LimitReached::of(&status));
                return Ok(());
            }
            Reply::Data { word, .. } if fetch::is_fetch(word) => {
                return Err(self
                    .wire
                    .channel
                    .broken("the answer about a message has no shape"));
            }
            _ => return Ok(()),
        };
        match at.and_then(|at| self.flights.remove(at)) {
            Some(flight) => self.settle(flight, &done),
            None => Err(self.wire.channel.broken("it answers another command")),
        }
    }

    /// The entry of a UID, if it is still to be answered.
    fn place(&self, uid: u32) -> Option<usize> {
        let at = self
            .entries
            .binary_search_by_key(&uid, |entry| entry.uid)
            .ok()?;
        (!self.entries[at].answered).then_some(at)
    }

    /// An answer without a literal.
    fn take_item(&mut self, item: fetch::FetchItem) -> Result<()> {
        let Some(at) = self.place(item.row.uid) else {
            self.nameless |= item.row.uid == 0 && item.content != Content::Absent;
            return Ok(());
        };
        self.entries[at].seen = true;
        match item.content {
            Content::Nil => self.refuse(at, NIL.to_owned()),
            Content::Inline(text) => self.deliver(at, &text),
            Content::Absent | Content::Ahead => Ok(()),
        }
    }

    fn take_body(&mut self, item: fetch::FetchItem, octets: u64) -> Result<()> {
        if item.row.uid == 0 {
            return self.take_nameless(item, octets);
        }
        let at = self.place(item.row.uid);
        let mut body = self.wire.body(item, octets);
        let Some(at) = at else {
            return body.drain().map(drop);
        };
        if let Some(why) = notice(&mut body, self.section, self.entries[at].listing)? {
            body.drain()?;
            return self.refuse(at, why.to_owned());
        }
        let listing = self.entries[at].listing;
        let mut has_stray = false;
        let handed = if self.binary && octets <= HELD {
            let mut scanned = ScannedBody::new(&mut body);
            let handed = (self.each)(listing, Fetched::Body(&mut scanned));
            has_stray = scanned.has_stray();
            handed
        } else {
            (self.each)(listing, Fetched::Body(&mut body))
        };
        if let Some(failure) = body.failure() {
            return Err(failure);
        }
        if has_stray {
            // It is answered at the end; what was read of it does not count.
            body.drain()?;
            self.entries[at].answered = true;
            self.doubtful.push(at);
            return Ok(());
        }
        handed?;
        body.drain()?;
        self.answered(at);
        Ok(())
    }

    /// A message whose UID comes after it, or not at all.
    fn take_nameless(&mut self, item: fetch::FetchItem, octets: u64) -> Result<()> {
        let mut body = self.wire.body(item, octets);
        let mut held = Vec::new();
        if octets <= HELD {
            body.hold(&mut held)?;
        }
        let uid = body.drain()?.row.uid;
        self.nameless |= uid == 0;
        match self.place(uid) {
            None => Ok(()),
            Some(at) if octets <= HELD => self.deliver(at, &held),
            Some(at) => self.refuse(at, UID_TOO_LATE.to_owned()),
        }
    }

    /// A message that was held in memory.
    fn deliver(&mut self, at: usize, held: &[u8]) -> Result<()> {
        let listing = self.entries[at].listing;
        if self.section == Section::Whole {
            if held.is_empty() && listing.octets.is_some_and(|octets| octets > 0) {
                return self.refuse(at, EMPTY.to_owned());
            }
            if oddity::is_stand_in(held) {
                return self.refuse(at, STAND_IN.to_owned());
            }
        }
        (self.each)(listing, Fetched::Body(&mut &*held))?;
        self.answered(at);
        Ok(())
    }

    fn answered(&mut self, at: usize) {
        self.entries[at].answered = true;
        self.refusals = 0;
    }

    fn refuse(&mut self, at: usize, words: String) -> Result<()> {
        self.entries[at].answered = true;
        (self.each)(self.entries[at].listing, Fetched::Refused(words))
    }

    /// The end of a command: what it left open is asked again in another way.
    fn settle(&mut self, flight: FetchFlight, done: &CommandEnd) -> Result<()> {
        let asked = flight.places.len();
        let mut open = flight.places;
        open.retain(|at| !self.entries[*at].answered);
        let status = done.status();
        let words = self.wire.words(&status);
        if let Some(limit) = done.limit {
            return self.go_on(&open, asked, limit, words);
        }
        if done.is_ok() {
            for at in open {
                if !self.entries[at].alone {
                    self.entries[at].alone = true;
                    self.again.push_back(vec![at]);
                } else if self.nameless && self.numbers {
                    self.by_number.push(at);
                } else if self.entries[at].seen {
                    self.refuse(at, BODILESS.to_owned())?;
                } else {
                    self.refuse(at, GONE.to_owned())?;
                }
            }
            return Ok(());
        }
        self.refusals += 1;
        let later = status.refusal() == Refusal::Later;
        let spent = self.refusals >= PATIENCE;
        if status.wants_a_pause() || (later && spent) {
            return Err(Error::Busy {
                server: self.wire.channel.server().clone(),
                reply: words,
            });
        }
        if status.kind == StatusKind::Bad && spent {
            return Err(self.wire.refused(&status));
        }
        match open.as_slice() {
            [] => {}
            [at] => self.refuse(*at, words)?,
            _ => {
                let half = open.split_off(open.len() / 2);
                self.again.push_back(open);
                self.again.push_back(half);
            }
        }
        Ok(())
    }

    /// Asks for what a command left out that stopped at the server's limit. The UID that it
    /// names is not needed: what came is known.
    fn go_on(
        &mut self,
        open: &[usize],
        asked: usize,
        limit: LimitReached,
        words: String,
    ) -> Result<()> {
        self.most = self.most.min(limit.fewer_than(asked));
        match open {
            [at] if self.entries[*at].alone => return self.refuse(*at, words),
            [at] => self.entries[*at].alone = true,
            _ => {}
        }
        for places in open.chunks(self.most) {
            self.again.push_back(places.to_vec());
        }
        Ok(())
    }

    /// Fetches a message as BODY and as BINARY, and takes the second only if it differs
    /// from the first by nothing but NULs that the first has as 0x80.
    fn fetch_both(&mut self, at: usize) -> Result<()> {
        let uid = self.entries[at].uid;
        let ask = |item: &str| format!("UID FETCH {uid} (UID {item})");
        let first = self.wire.begin(&ask("BODY.PEEK[]"))?;
        let second = self.wire.begin(&ask("BINARY.PEEK[]"))?;
        let body = self.take_one(&first, uid, None)?;
        let octets = body.as_ref().map_or(0, |body| body.len() as u64);
        let exact = self.take_one(&second, uid, Some(octets))?;
        match (body, exact) {
            (Some(body), Some(exact)) if oddity::restores(&body, &exact) => {
                self.deliver(at, &exact)
            }
            (Some(body), _) => self.deliver(at, &body),
            (None, _) => self.refuse(at, BODILESS.to_owned()),
        }
    }

    /// Takes one message into memory; if `octets` is given, only one of that length.
    fn take_one(&mut self, tag: &str, uid: u32, octets: Option<u64>) -> Result<Option<Vec<u8>>> {
        let mut found = None;
        loop {
            let head = self.wire.receive()?;
            let (item, _) = fetch::read(self.wire.text(), self.wire.section);
            if let AnswerHead::Body(length) = head {
                let fits = octets.is_none_or(|octets| octets == length) && length <= HELD;
                let mut body = self.wire.body(item, length);
                let mut octets = Vec::new();
                if fits {
                    body.hold(&mut octets)?;
                }
                if body.drain()?.row.uid == uid && fits {
                    found = Some(octets);
                }
                continue;
            }
            match self.wire.reply()? {
                Reply::Result(theirs, _) if theirs == tag.as_bytes() => return Ok(found),
                Reply::Result(..) => {
                    return Err(self.wire.channel.broken("it answers another command"));
                }
                _ => {}
            }
        }
    }
}

/// Why a message that begins like this is not one.
fn notice<S: Read + Write>(
    body: &mut LiteralBody<'_, S>,
    section: Section,
    listing: &Listing,
) -> Result<Option<&'static str>> {
    if section == Section::Header {
        return Ok(None);
    }
    if body.left() == 0 {
        let listed = listing.octets.is_some_and(|octets| octets > 0);
        return Ok(listed.then_some(EMPTY));
    }
    let stand_in = oddity::is_stand_in(body.peek(oddity::ENOUGH)?);
    Ok(stand_in.then_some(STAND_IN))
}

#[cfg(test)]
mod tests;
