//! One open mailbox: what is in it, and what changed.

mod pages;

pub(super) use pages::PageQuery;

use std::io::{Read, Write};
use std::ops::RangeInclusive;

use crate::base::error::{Error, Result};
use crate::base::stage::Stage;
use crate::mail::source::Listing;
use crate::net::imap::command::{CommandEnd, ImapCommand};
use crate::net::imap::fetch::{self, FetchState, Row};
use crate::net::imap::limit::LimitReached;
use crate::net::imap::mailbox::{Counts, Mailbox};
use crate::net::imap::reply::Reply;
use crate::net::imap::session::Session;
use crate::net::imap::uids::{SeenUids, ranges};
use crate::net::imap::wire::AnswerHead;

/// What a mailbox is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading: nothing on the server changes.
    Read,
    /// Deleting.
    Write,
}

/// A change since an earlier session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A message with the flags that it has now.
    Flags(Row),
    /// Messages that are gone; of some it was never said that they were there.
    Vanished(RangeInclusive<u32>),
}

/// What [`Folder::changes`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What changed; all else is as it was.
    Changes,
    /// Every message that is there; all others are gone.
    Everything,
}

/// What an earlier session knew of a mailbox, under the same UIDVALIDITY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownMailbox {
    /// Its last change then.
    pub modseq: u64,
    /// Messages in it then.
    pub messages: u32,
    /// The next UID then.
    pub uidnext: u32,
}

/// A mailbox that is open in a session.
#[derive(Debug)]
pub struct Folder<'s, S> {
    pub(super) session: &'s mut Session<S>,
    pub(super) counts: Counts,
    /// False if the server said that it is open for reading only.
    writable: bool,
    permanent: Option<Vec<Vec<u8>>>,
    /// Messages that went since it was opened.
    pub(super) expunged: u32,
    /// The UID that [`Folder::rows`] was asked for last, and how many it returned from there on.
    newer: Option<(u32, usize)>,
}

impl<S: Read + Write> Session<S> {
    /// Opens a mailbox, which closes the one before. For reading it is EXAMINE, or
    /// SELECT on servers whose EXAMINE fails or gives no UIDVALIDITY. A refusal leaves
    /// the session usable.
    pub fn open(&mut self, mailbox: &Mailbox, access: Access) -> Result<Folder<'_, S>> {
        match access {
            Access::Read => self.open_known(mailbox, None),
            Access::Write => {
                let (done, found) = self.open_by("SELECT", mailbox)?;
                let writable = !done.status().says("READ-ONLY");
                self.opened(&done, found, writable)
            }
        }
    }

    /// Opens a mailbox for reading that is on record with a UIDVALIDITY. Courier and GNU mailutils
    /// number a mailbox again for every EXAMINE and STATUS, until a SELECT makes the numbers
    /// last. So if EXAMINE gives other numbers than are on record, or than STATUS gave in this
    /// session, SELECT is what counts. It changes no flag but \Recent, which nobody keeps.
    pub(crate) fn open_known(
        &mut self,
        mailbox: &Mailbox,
        recorded: Option<u32>,
    ) -> Result<Folder<'_, S>> {
        let told = mailbox.counts.and_then(|counts| counts.uidvalidity);
        let (examined, found) = self.open_by("EXAMINE", mailbox)?;
        let is_open = examined.is_ok() && found.counts.uidvalidity.is_some();
        let differs = |known: Option<u32>| known.is_some() && known != found.counts.uidvalidity;
        if is_open && !differs(told) && !differs(recorded) {
            return self.opened(&examined, found, false);
        }
        let (mut done, mut found) = self.open_by("SELECT", mailbox)?;
        if is_open && !done.is_ok() {
            // Then the numbers are what they are.
            (done, found) = self.open_by("EXAMINE", mailbox)?;
        }
        self.opened(&done, found, false)
    }

    fn opened(
        &mut self,
        done: &CommandEnd,
        found: OpenedMailbox,
        writable: bool,
    ) -> Result<Folder<'_, S>> {
        if !done.is_ok() {
            return Err(self.wire.refused(&done.status()));
        }
        Ok(Folder {
            session: self,
            counts: found.counts,
            writable,
            permanent: found.permanent,
            expunged: 0,
            newer: None,
        })
    }

    fn open_by(&mut self, verb: &str, mailbox: &Mailbox) -> Result<(CommandEnd, OpenedMailbox)> {
        let mut found = OpenedMailbox::default();
        let mut command = ImapCommand::new(verb).string(&mailbox.raw);
        if self.caps.has("CONDSTORE") && !self.qresync {
            command = command.words(" (CONDSTORE)");
        }
        let done = self.wire.run(&command, |reply| {
            found.take(&reply);
            Ok(())
        })?;
        found.take(&Reply::Status(done.status()));
        Ok((done, found))
    }
}

/// What the server says while it opens a mailbox.
#[derive(Debug, Default)]
struct OpenedMailbox {
    pub(super) counts: Counts,
    permanent: Option<Vec<Vec<u8>>>,
}

impl OpenedMailbox {
    fn take(&mut self, reply: &Reply<'_>) {
        let small = |n: Option<u64>| n.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        match reply {
            Reply::Data {
                number: Some(number),
                word,
                ..
            } if word.eq_ignore_ascii_case(b"EXISTS") => {
                self.counts.messages = u32::try_from(*number).ok();
            }
            Reply::Status(status) => {
                let mut argument = status.argument();
                if status.says("UIDVALIDITY") {
                    self.counts.uidvalidity = small(argument.number());
                } else if status.says("UIDNEXT") {
                    self.counts.uidnext = small(argument.number());
                } else if status.says("HIGHESTMODSEQ") {
                    self.counts.modseq = argument.number().filter(|n| *n > 0);
                } else if status.says("PERMANENTFLAGS") {
                    self.permanent = argument.texts().ok();
                }
            }
            _ => {}
        }
    }
}

impl<S: Read + Write> Folder<'_, S> {
    /// What the server said when the mailbox was opened; a UIDVALIDITY of `None`
    /// identifies nothing.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Messages that others deleted since it was opened, as far as the server reported.
    #[must_use]
    pub(crate) fn expunged(&self) -> u32 {
        self.expunged
    }

    /// True if it was opened for deleting, and the server agrees.
    #[must_use]
    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// The flags that the mailbox keeps, of which `\\*` stands for any other; `None` if
    /// the server does not say.
    #[must_use]
    pub(crate) fn permanent(&self) -> Option<&[Vec<u8>]> {
        self.permanent.as_deref()
    }

    /// The UIDVALIDITY of listings; 0 where there is none.
    pub(super) fn validity(&self) -> u32 {
        self.counts.uidvalidity.unwrap_or(0)
    }

    /// Tells of each message whose UID is `from` or higher, once; gives their number.
    /// If that is less than [`Counts::messages`], the server hides some.
    pub fn rows(&mut self, from: u32, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<usize> {
        let none_new = from > 1 && self.counts.uidnext.is_some_and(|next| from >= next);
        self.newer = Some((from, 0));
        if self.counts.messages == Some(0) || none_new {
            return Ok(0);
        }
        let mut items = format!("UID FLAGS INTERNALDATE RFC822.SIZE{}", self.ids());
        if self.counts.modseq.is_some() {
            items += " MODSEQ";
        }
        let mut seen = SeenUids::default();
        let mut take = |change| match change {
            Change::Flags(row) if row.uid >= from && seen.insert(row.uid) => each(row),
            _ => Ok(()),
        };
        let mut done = self.ask_pages(&PageQuery::of(from, &items), &mut take)?;
        if !done.is_ok() && self.session.guid {
            // Its name alone does not make it tell.
            self.session.guid = false;
            let items = items.replace(" X-GUID", "");
            done = self.ask_pages(&PageQuery::of(from, &items), &mut take)?;
        }
        if !done.is_ok() {
            // One message that the server cannot size must not hide the others.
            let done = self.ask_pages(&PageQuery::of(from, "UID FLAGS"), &mut take)?;
            if !done.is_ok() {
                return Err(self.session.wire.refused(&done.status()));
            }
        }
        self.newer = Some((from, seen.len()));
        Ok(seen.len())
    }

    /// Tells what changed since `known`, or where that cannot be told, every message
    /// with its flags.
    pub fn changes(
        &mut self,
        known: Option<KnownMailbox>,
        each: &mut dyn FnMut(Change) -> Result<()>,
    ) -> Result<Scope> {
        let since = known.filter(|_| self.counts.modseq.is_some());
        let items = format!("UID FLAGS INTERNALDATE RFC822.SIZE{}", self.ids());
        let Counts {
            messages,
            uidnext,
            modseq,
            ..
        } = self.counts;
        let modifiers = match since {
            // Nothing came, and as many are there: nothing went.
            Some(known) if messages == Some(known.messages) && uidnext == Some(known.uidnext) => {
                if modseq == Some(known.modseq) {
                    return Ok(Scope::Changes);
                }
                format!("CHANGEDSINCE {}", known.modseq)
            }
            Some(known) if self.session.qresync => {
                format!("CHANGEDSINCE {} VANISHED", known.modseq)
            }
            Some(known) if self.only_grew(known) => format!("CHANGEDSINCE {}", known.modseq),
            _ => return self.everything(each),
        };
        let query = PageQuery::of(1, &items).modified(&modifiers);
        if self.ask_pages(&query, each)?.is_ok() {
            return Ok(Scope::Changes);
        }
        self.everything(each)
    }

    /// True if there are just as many more messages as rows were told that are new: then
    /// nothing went.
    fn only_grew(&self, known: KnownMailbox) -> bool {
        let newer = self.newer.filter(|(from, _)| *from == known.uidnext);
        let newer = newer.and_then(|(_, rows)| u32::try_from(rows).ok());
        let expected = newer.and_then(|rows| known.messages.checked_add(rows));
        self.expunged == 0 && expected.is_some() && self.counts.messages == expected
    }

    /// The items that name a message in all mailboxes.
    fn ids(&self) -> String {
        let known = [
            ("OBJECTID", " EMAILID"),
            ("X-GM-EXT-1", " X-GM-MSGID X-GM-LABELS"),
        ];
        let offered = known
            .iter()
            .filter(|(capability, _)| self.session.caps.has(capability));
        let mut items: String = offered.map(|(_, items)| *items).collect();
        if items.is_empty() && self.session.guid {
            items += " X-GUID";
        }
        items
    }

    fn everything(&mut self, each: &mut dyn FnMut(Change) -> Result<()>) -> Result<Scope> {
        if self.counts.messages != Some(0) {
            let items = "UID FLAGS INTERNALDATE RFC822.SIZE";
            let mut done = self.ask_pages(&PageQuery::of(1, items), each)?;
            if !done.is_ok() {
                // One message that the server cannot size must not hide the others.
                done = self.ask_pages(&PageQuery::of(1, "UID FLAGS"), each)?;
            }
            if !done.is_ok() {
                return Err(self.session.wire.refused(&done.status()));
            }
        }
        Ok(Scope::Everything)
    }

    /// Sends one command and takes the rows that it brings, and what vanished. Rows
    /// without a UID tell of no message that we could name.
    fn ask_rows(
        &mut self,
        command: &str,
        each: &mut dyn FnMut(Change) -> Result<()>,
    ) -> Result<CommandEnd> {
        let wire = &mut self.session.wire;
        let tag = wire.begin(command)?;
        let mut limit = None;
        loop {
            let head = wire.receive()?;
            let (item, state) = fetch::read(wire.text(), wire.section);
            if let AnswerHead::Body(octets) = head {
                wire.body(item, octets).drain()?;
                continue;
            }
            if state == FetchState::Whole {
                if item.row.uid > 0 {
                    each(Change::Flags(item.row))?;
                }
                continue;
            }
            match wire.reply()? {
                Reply::Result(theirs, status) if theirs == tag.as_bytes() => {
                    return Ok(CommandEnd::of(&status).after(limit));
                }
                Reply::Status(status) => limit = limit.or(LimitReached::of(&status)),
                Reply::Result(..) => return Err(wire.channel.broken("it answers another command")),
                Reply::Data { word, .. } if word.eq_ignore_ascii_case(b"EXPUNGE") => {
                    self.expunged = self.expunged.saturating_add(1);
                }
                Reply::Data { word, mut rest, .. } if word.eq_ignore_ascii_case(b"VANISHED") => {
                    let said = rest.rest();
                    let earlier = said.strip_prefix(b"(EARLIER)");
                    let set = earlier.unwrap_or(said).trim_ascii();
                    if earlier.is_none() {
                        let gone = ranges(set).map(|range| range.end() - range.start() + 1);
                        self.expunged = gone.fold(self.expunged, u32::saturating_add);
                    }
                    ranges(set).try_for_each(|range| each(Change::Vanished(range)))?;
                }
                Reply::Data { word, .. } if fetch::is_fetch(word) => {
                    return Err(wire
                        .channel
                        .broken("the answer about a message has no shape"));
                }
                _ => {}
            }
        }
    }
}

impl<S: Read + Write> Folder<'_, S> {
    /// The UIDs of listings; those of another UIDVALIDITY are an error.
    pub(super) fn uids(&self, listings: &[Listing]) -> Result<Vec<u32>> {
        let validity = self.validity();
        let uid = |listing: &Listing| match listing.uid {
            crate::mail::source::Uid::Imap { uidvalidity, uid } if uidvalidity == validity => {
                Ok(uid)
            }
            _ => Err(Error::Protocol {
                server: self.session.wire.channel.server().clone(),
                stage: Stage::Command("UID FETCH".into()),
                detail: "the mailbox was renumbered".into(),
            }),
        };
        listings.iter().map(uid).collect()
    }
}

#[cfg(test)]
mod tests;
