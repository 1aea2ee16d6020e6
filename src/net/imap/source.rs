//! An open mailbox as a [`Source`]: listing, headers, whole messages, deleting.

use std::io::{Read, Write};
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::mail::source::{Each, Kept, Listing, Listings, Source};
use crate::net::imap::fetch::Section;
use crate::net::imap::folder::Folder;
use crate::net::imap::removal::Removal;
use crate::net::imap::transfer;

impl<S: Read + Write> Source for Folder<'_, S> {
    fn list(&mut self) -> Result<Listings> {
        let mut listings = Listings::of_mailbox(self.validity());
        self.rows(1, &mut |row| {
            listings.push_uid(row.uid, row.octets);
            Ok(())
        })?;
        let counted = self.counts.messages.unwrap_or(0);
        listings.announce(counted.saturating_sub(self.expunged).into());
        Ok(listings)
    }

    fn headers(&mut self, wanted: &[Listing], each: Each<'_>) -> Result<()> {
        transfer::run(self, wanted, Section::Header, each)
    }

    fn fetch(&mut self, wanted: &[Listing], each: Each<'_>) -> Result<()> {
        transfer::run(self, wanted, Section::Whole, each)
    }

    fn delete(mut self: Box<Self>, wanted: &[Listing]) -> Result<Vec<Kept>> {
        let reply = match self.remove(wanted) {
            Ok(Removal::Expunged) => return Ok(Vec::new()),
            Ok(Removal::Kept(foreign)) => format!(
                "(not asked: {foreign} other messages are marked as deleted, and the server can \
                 only expunge all of them)"
            ),
            // What went before that the next listing tells.
            Err(Error::Refused { reply, .. }) => reply,
            Err(error) => return Err(error),
        };
        let kept = |listing: &Listing| Kept {
            listing: listing.clone(),
            reply: reply.clone(),
        };
        Ok(wanted.iter().map(kept).collect())
    }

    fn login_delay(&self) -> Duration {
        Duration::ZERO
    }

    /// Leaves the mailbox as it is: closing it would expunge, and not only what is ours.
    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
