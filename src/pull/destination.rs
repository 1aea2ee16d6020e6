//! Where messages come from and where they go.

use std::collections::HashSet;
use std::sync::Arc;

use crate::archive::commit::{Delivery, Route};
use crate::mail::source::{Inventory, Listing, MailRow, Uid};
use crate::vault::catalog::Origin;
use crate::vault::ledger::Evidence;
use crate::vault::maildir::Packed;

/// A mailbox of the account.
#[derive(Debug)]
pub(super) struct PulledMailbox<'a> {
    /// Its directory.
    pub(super) dir: &'a str,
    /// What the server says of it.
    pub(super) inventory: &'a Inventory,
    /// True if its messages have all been known under another UIDVALIDITY.
    pub(super) renumbered: bool,
}

/// Where messages go, and what is known of them besides their bytes.
pub(super) struct PullTarget<'a> {
    pub(super) route: Arc<Route>,
    pub(super) inventory: Option<&'a Inventory>,
    /// Numbers of messages of which a content is recorded already.
    pub(super) again: HashSet<u32>,
}

impl<'a> PullTarget<'a> {
    /// As the catalog names it.
    pub(super) fn origin(&self) -> Origin<'_> {
        let Route {
            account,
            server,
            dir,
            ..
        } = &*self.route;
        Origin {
            account,
            server,
            dir: dir.as_deref().unwrap_or_default(),
            uidvalidity: self.inventory.map_or(0, |inventory| inventory.uidvalidity),
        }
    }

    fn row(&self, uid: &Uid) -> Option<(&'a Inventory, MailRow)> {
        match (self.inventory, uid) {
            (Some(inventory), Uid::Imap { uid, .. }) => {
                inventory.row(*uid).map(|row| (inventory, row))
            }
            _ => None,
        }
    }

    /// When the mailbox received it; the file gets this time.
    pub(super) fn date(&self, uid: &Uid) -> Option<i64> {
        self.row(uid).and_then(|(_, row)| row.date())
    }

    pub(super) fn delivery(&self, listing: &Listing, packed: Packed) -> Delivery {
        let row = self.row(&listing.uid);
        let marks = row.map(|(inventory, row)| inventory.marks(&row).clone());
        let marks = marks.unwrap_or_default();
        Delivery {
            route: Arc::clone(&self.route),
            uid: listing.uid.clone(),
            octets: listing.octets,
            packed,
            flags: marks.letters,
            idate: row.and_then(|(_, row)| row.date()),
            kw: marks.words,
            evidence: Evidence::Received,
            object: row.and_then(|(inventory, row)| inventory.object(&row)),
        }
    }
}
