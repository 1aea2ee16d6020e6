//! The current mailbox: where its messages go, and what is known of the sizes that it lists.

use super::account::PulledAccount;
use super::refusals::MessageKey;
use crate::archive::evidence::{self, MailboxSizes};
use crate::base::error::Result;
use crate::mail::message::Shape;
use crate::mail::source::Listing;
use crate::vault::catalog::Origin;
use crate::vault::layout;

/// So many messages wait until it is known how their mailbox counts line ends: more than that
/// takes, with those that tell nothing.
const UNCOUNTED: usize = 4_096;

/// The mailbox that a session has open, or its maildrop.
#[derive(Debug, Default)]
pub(super) struct OpenMailbox {
    /// Its directory, with IMAP.
    pub(super) dir: Option<String>,
    /// What is known of its sizes.
    pub(super) sizes: MailboxSizes,
    /// What came before it was known how they count line ends, and in which mailbox: its
    /// directory and UIDVALIDITY.
    uncounted: Vec<(Listing, Shape)>,
    uncounted_in: (String, u32),
    /// True if anything was stored before it was opened.
    pub(super) had_messages: bool,
    /// True if it was not listed whole, and gave a UID to another message, as after a restore from
    /// a backup, or has more messages than the record and the changes come to.
    pub(super) must_list_all: bool,
}

impl OpenMailbox {
    /// Recalls what an earlier run learned of its sizes.
    /// A maildrop has no UIDVALIDITY, which is 0 then.
    pub(super) fn recall(&mut self, account: PulledAccount<'_>, uidvalidity: u32) -> Result<()> {
        let route = &account.task.route;
        let origin = Origin {
            dir: self.dir.as_deref().unwrap_or_default(),
            uidvalidity,
            ..Origin::maildrop(&route.account, &route.server)
        };
        self.sizes = evidence::recall_sizes(account.catalog, origin)?;
        let mailbox = (origin.dir.to_owned(), uidvalidity);
        // A new session continues with the mailbox in which the last one broke off.
        if self.uncounted_in != mailbox {
            self.uncounted.clear();
            self.uncounted_in = mailbox;
        }
        self.had_messages = account.catalog.has_contents()?;
        Ok(())
    }

    /// The key by which its sizes are remembered.
    pub(super) fn sizes_key(&self, server: &str) -> String {
        evidence::sizes_key(server, self.dir.as_deref().unwrap_or_default())
    }

    /// Keeps a message in mind that came before it was known how sizes count line ends.
    pub(super) fn keep_uncounted(&mut self, listing: &Listing, shape: Shape) {
        if self.uncounted.len() < UNCOUNTED {
            self.uncounted.push((listing.clone(), shape));
        }
    }

    /// Those of them that do not fit their size, now that this is known.
    pub(super) fn miscounted(&mut self) -> Vec<Listing> {
        if !self.sizes.are_counted() {
            return Vec::new();
        }
        let mut listings = Vec::new();
        for (listing, shape) in std::mem::take(&mut self.uncounted) {
            if !self.sizes.fits(&shape, listing.octets) {
                listings.push(listing);
            }
        }
        listings
    }

    /// A message as a run tells it from all others.
    pub(super) fn key(&self, listing: &Listing) -> MessageKey {
        let Listing {
            number,
            octets,
            uid,
        } = listing;
        (self.dir.clone(), uid.clone(), *number, *octets)
    }

    /// A message as people see it; with IMAP a name that no other folder has.
    pub(super) fn shown(&self, listing: &Listing) -> String {
        let dir = self.dir.as_deref().unwrap_or_default();
        layout::message_label(dir, &listing.uid).unwrap_or_else(|| listing.shown())
    }
}
