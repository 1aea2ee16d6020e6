//! Deleting on the server what is archived, by proof (docs/SAFETY.md, 12 to 14).
//!
//! `select` makes the plan, a value that can be shown, from what `inventory` finds in listings;
//! `apply` carries it out in rounds. In each of them `round` goes by a maildrop, or by mailbox
//! after mailbox: it lists, proves (`proof`), writes down what it is about to do, and
//! deletes. The next round's listing, in a new session, shows the result.
//! Only the server's copy is deleted here, never a file of the vault.

mod apply;
mod confirmed;
mod inventory;
mod mailboxes;
mod maildrop;
mod mark_set;
mod proof;
mod round;
mod select;

use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::mail::message::Hash128;
use crate::mail::query::{Query, Term, What};
use crate::vault::Writer;
use crate::vault::catalog::{Catalog, Origin};

pub use apply::{PurgeRun, PurgeTask, apply};
pub use confirmed::{ConfirmedPlan, PurgeOptions};
pub use select::{Bracket, Keep, Large, PurgePlan, Sum, Survey, SurveyedFolder};

/// Messages that stay and are named: the memory that they take must have a bound.
const MOST_NAMED: usize = 50_000;

/// Which mail of which server: its one maildrop, or a mailbox in one epoch of its UIDs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteFolder {
    /// The account.
    pub account: String,
    /// `user@host:port`, as the ledger has it.
    pub server: String,
    /// The folder's directory; empty for a maildrop, and for INBOX.
    pub dir: String,
    /// The mailbox's UIDVALIDITY; 0 for a maildrop.
    pub uidvalidity: u32,
}

impl RemoteFolder {
    /// As the catalog names it.
    #[must_use]
    pub(crate) fn origin(&self) -> Origin<'_> {
        Origin {
            account: &self.account,
            server: &self.server,
            dir: &self.dir,
            uidvalidity: self.uidvalidity,
        }
    }

    /// True if it is a mailbox, whose messages have UIDs.
    #[must_use]
    pub fn is_mailbox(&self) -> bool {
        self.uidvalidity > 0
    }

    /// A name of it in eight bytes, for sets of a million of them.
    pub(self) fn mark(&self, name: &[u8]) -> u64 {
        let hash = if self.is_mailbox() {
            Hash128::of(&[self.dir.as_bytes(), &self.uidvalidity.to_be_bytes(), name].concat())
        } else {
            Hash128::of(name)
        };
        let mut head = [0; 8];
        head.copy_from_slice(&hash.0[..8]);
        u64::from_be_bytes(head)
    }
}

/// Which of several messages goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The oldest.
    #[default]
    Oldest,
    /// The largest.
    Largest,
}

/// What is to be deleted. All conditions must hold; without any, nothing is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurgeSelection {
    /// Messages older than this.
    pub older_than: Option<Duration>,
    /// Until this many octets are free.
    pub free: Option<u64>,
    /// The order, which matters where `free` ends before all are gone.
    pub first: Choice,
    /// Messages that fit.
    pub matching: Option<Query>,
    /// Everything that is archived.
    pub all: bool,
    /// What stays all the same.
    pub keep: Keep,
}

impl PurgeSelection {
    /// True if nothing is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.older_than.is_none() && self.free.is_none() && self.matching.is_none()
    }
}

impl PurgeSelection {
    /// True if the index of words is asked, for what goes or for what stays.
    #[must_use]
    pub(crate) fn needs_texts(&self) -> bool {
        let mut queries = self.matching.iter().chain(&self.keep.matching);
        queries.any(Query::needs_texts)
    }
}

/// Why a message was not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The vault has no intact copy.
    NotIntact,
    /// The second copy does not have it.
    NotCopied,
    /// The octets received are not those listed.
    Octets {
        /// Listed.
        listed: u64,
        /// Received when it was archived.
        received: u64,
    },
    /// The server shows another message under this name.
    OtherMessage,
    /// The server gives neither its header nor the message.
    Unreadable,
    /// The server refused to delete it.
    Refused(String),
    /// The server said yes, and lists it still.
    StillThere,
    /// It is listed still, and the end of the session was not heard, twice.
    Unended,
}

/// A message that was to be deleted, and was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// Its name on the server, escaped.
    pub uid: String,
    /// Its id.
    pub id: Hash128,
    /// Its listed size in octets.
    pub octets: u64,
    /// Its subject, decoded.
    pub subject: String,
    /// Why.
    pub reason: Reason,
}

/// What a purge came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// To be deleted.
    pub planned: Sum,
    /// Archived copies read back just now and found intact.
    pub intact: u64,
    /// What the server was asked to delete.
    pub asked: Sum,
    /// What the server has not listed since.
    pub freed: Sum,
    /// Not asked for any more, since the server kept all of a large round.
    pub unasked: u64,
    /// Asked for, and whether it is gone nobody knows yet.
    pub unknown: u64,
    /// What stayed, and why; of very many messages the first.
    pub kept: Vec<KeptMessage>,
    /// How many stayed besides.
    pub kept_unnamed: u64,
    /// Messages that the server was asked to delete, did not refuse, and lists still.
    pub still_there: u64,
    /// Messages that disappeared though nobody here asked for it.
    pub strays: u64,
    /// How much more is in the Trash now, of what was freed.
    pub in_trash: u64,
    /// The server's limit, and what counted against it.
    pub quota: Option<Quota>,
    /// Mailboxes that could not be gone into, and why.
    pub folders_failed: Vec<(String, String)>,
    /// What the server lists now.
    pub left: Option<Sum>,
    /// Time that it took.
    pub elapsed: Duration,
}

/// The room that mail takes on a server, in octets, around a purge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Used before.
    pub before: u64,
    /// Used after.
    pub after: u64,
    /// What may be used.
    pub limit: u64,
}

impl PurgeReport {
    /// Notes a message that stays.
    fn keep(&mut self, message: KeptMessage) {
        let is_still_there = matches!(message.reason, Reason::StillThere | Reason::Unended);
        self.still_there += u64::from(is_still_there);
        if self.kept.len() < MOST_NAMED {
            self.kept.push(message);
        } else {
            self.kept_unnamed += 1;
        }
    }

    /// How many messages stayed.
    #[must_use]
    pub fn count_kept(&self) -> u64 {
        self.kept.len() as u64 + self.kept_unnamed
    }
}

/// Says whether a message is in the second copy without which it must not be deleted.
pub type CopyCheck<'c> = &'c mut (dyn FnMut(Hash128) -> Result<bool> + 'c);

/// Says what would be deleted of what was surveyed.
pub fn plan(
    survey: Survey<'_>,
    catalog: &Catalog,
    copy: Option<CopyCheck<'_>>,
    now: i64,
) -> Result<PurgePlan> {
    select::plan(survey, catalog, copy, now)
}

/// Refuses to delete anything while the vault is known to be damaged, or, by age, while
/// the clock cannot be right.
pub fn check(catalog: &Catalog, selection: &PurgeSelection, now: i64) -> Result<()> {
    if let Some((time, damage)) = catalog.unsettled_damage()? {
        return Err(Error::Unsettled { time, damage });
    }
    let newest = catalog.newest()?;
    let by_age = |query: &Query| {
        let dated =
            |term: &Term| matches!(term.what, What::ReceivedFrom(_) | What::ReceivedBefore(_));
        query.terms.iter().any(dated)
    };
    let by_age = selection.older_than.is_some()
        || selection.matching.as_ref().is_some_and(by_age)
        || selection.keep.matching.iter().any(by_age);
    if by_age && now < newest {
        return Err(Error::Clock { now, newest });
    }
    Ok(())
}

/// Refuses to go by folders or accounts that the vault does not have: what is to go would be
/// another choice than was meant, and a rule that names what stays would protect nothing.
pub(crate) fn check_names(
    catalog: &Catalog,
    selection: &PurgeSelection,
    account: &str,
) -> Result<()> {
    if let Some(query) = &selection.matching {
        catalog.check_names(query)?;
    }
    for query in &selection.keep.matching {
        match catalog.check_names(query) {
            Err(Error::NotInVault { what, pattern, .. }) => {
                return Err(Error::Config {
                    message: format!(
                        "the purge rule of {account} keeps the {what} \"{pattern}\", which is not \
                         in the vault, so nothing is deleted"
                    ),
                    hint: Some(format!(
                        "in keep of {account}, use the {what}'s full name, or * as a wildcard"
                    )),
                });
            }
            other => other?,
        }
    }
    Ok(())
}

/// Notes what the listings of a plan tell of deletions whose end was not heard.
pub(crate) fn settle(writer: &mut Writer, plan: &PurgePlan) -> Result<()> {
    for (place, open) in plan.places.iter().zip(&plan.open) {
        let events = writer.catalog().settled(place.maildrop.origin(), open)?;
        writer.record(&events)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_a_bound_what_stays_is_counted_and_not_named() {
        let mut report = PurgeReport::default();
        let reasons = [Reason::NotIntact, Reason::StillThere, Reason::Unended];
        for reason in reasons.iter().cycle().take(MOST_NAMED + 5) {
            report.keep(KeptMessage {
                uid: String::new(),
                id: Hash128::of(b""),
                octets: 1,
                subject: String::new(),
                reason: reason.clone(),
            });
        }
        assert_eq!((report.kept.len(), report.kept_unnamed), (MOST_NAMED, 5));
        assert_eq!(report.count_kept(), MOST_NAMED as u64 + 5);
        // Two of three, of those that are not named, too.
        assert_eq!(report.still_there, (MOST_NAMED as u64 + 5) * 2 / 3);
    }
}
