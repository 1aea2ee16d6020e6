//! The messages of one slice of a fetch, as the compressors record them.
//!
//! A message that fits its listed size is passed on as received. One that does not waits here
//! until the whole slice is in: then it is known whether sizes say anything in this mailbox,
//! and what the headers say. Equal bytes under several names have their headers read
//! (`judge.rs`).

use std::sync::{Mutex, PoisonError};

use super::misfits::Misfit;
use crate::archive::commit::Delivery;
use crate::archive::dedupe::{self, Policy};
use crate::archive::evidence::MailboxSizes;
use crate::base::sync::lock;
use crate::mail::message::{Digest, Hash128, Shape};
use crate::mail::source::Listing;

/// A message that came whole.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) number: u32,
    pub(super) hash: Hash128,
    pub(super) header: Hash128,
    /// The same for all that status fields alone make different.
    pub(super) like: u64,
    /// Message-ID and likeness, if it has them.
    pub(super) mail: Option<(Box<[u8]>, Hash128)>,
    pub(super) fits: bool,
    pub(super) shape: Shape,
    pub(super) listed: Option<u64>,
}

impl Arrival {
    fn new(number: u32, digest: &Digest, listed: Option<u64>, fits: bool) -> Self {
        let like = digest.likeness.unwrap_or(digest.hash).head();
        Self {
            number,
            hash: digest.hash,
            header: digest.header,
            like: like ^ digest.header.head(),
            mail: dedupe::same_mail(Policy::MessageId, digest)
                .map(|(mid, like)| (mid.into(), like)),
            fits,
            shape: digest.shape,
            listed,
        }
    }
}

/// What the compressors of one go have taken.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// What was known of the sizes before.
    sizes: MailboxSizes,
    arrived: Mutex<Arrived>,
}

#[derive(Debug)]
struct Arrived {
    came: Vec<Arrival>,
    held: Vec<Misfit>,
}

impl Arrivals {
    /// For `most` messages.
    pub(super) fn new(sizes: MailboxSizes, most: usize) -> Self {
        let arrived = Arrived {
            came: Vec::with_capacity(most),
            held: Vec::new(),
        };
        Self {
            sizes,
            arrived: Mutex::new(arrived),
        }
    }

    /// Notes a message that came; true if it fits its listed size.
    pub(super) fn note(&self, listing: &Listing, digest: &Digest) -> bool {
        let fits = self.sizes.fits(&digest.shape, listing.octets);
        let arrival = Arrival::new(listing.number, digest, listing.octets, fits);
        self.arrived().came.push(arrival);
        fits
    }

    pub(super) fn hold(&self, listing: Listing, delivery: Delivery) {
        self.arrived().held.push((listing, delivery));
    }

    /// What came, and those of these messages that do not fit, by number: the compressors note
    /// them as they are done, and what is learned of the first of them must not depend on that.
    pub(super) fn into_parts(self) -> (Vec<Arrival>, Vec<Misfit>) {
        let arrived = self.arrived.into_inner();
        let Arrived { mut came, mut held } = arrived.unwrap_or_else(PoisonError::into_inner);
        came.sort_by_key(|arrival| arrival.number);
        held.sort_by_key(|(listing, _)| listing.number);
        (came, held)
    }

    fn arrived(&self) -> std::sync::MutexGuard<'_, Arrived> {
        lock(&self.arrived)
    }
}

/// Messages that came, found by their bytes.
pub(super) struct ByBytes<'a>(Vec<&'a Arrival>);

impl<'a> ByBytes<'a> {
    pub(super) fn of(came: &'a [Arrival]) -> Self {
        let mut came = Vec::from_iter(came);
        came.sort_by_key(|arrival| arrival.like);
        Self(came)
    }

    /// Those that have these bytes, in the order in which they were given.
    pub(super) fn alike(&self, like: u64) -> &[&'a Arrival] {
        let behind = &self.0[self.0.partition_point(|arrival| arrival.like < like)..];
        &behind[..behind.partition_point(|arrival| arrival.like == like)]
    }
}

/// Listings, found by their number.
pub(super) struct Numbered<'l>(Vec<&'l Listing>);

impl<'l> Numbered<'l> {
    pub(super) fn of(listings: &'l [Listing]) -> Self {
        let mut listings = Vec::from_iter(listings);
        listings.sort_by_key(|listing| listing.number);
        Self(listings)
    }

    pub(super) fn get(&self, number: u32) -> Option<&'l Listing> {
        let at = self
            .0
            .binary_search_by_key(&number, |listing| listing.number);
        at.ok().map(|at| self.0[at])
    }
}
