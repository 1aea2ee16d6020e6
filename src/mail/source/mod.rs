//! What a server that holds mail looks like to `pull` and `purge`.
//!
//! A [`Source`] is one maildrop (POP3) or one selected mailbox (IMAP). Its methods
//! take lists, because round trips are what a fetch over a long line costs; the
//! bodies come back one by one, in the order asked for, as streams.

mod headers;
mod listings;
mod mailbox;
mod marks;
mod object;

use std::borrow::Cow;
use std::io::Read;
use std::time::Duration;

pub use headers::{Header, headers_of};
pub use listings::{Ascending, Cursor, Listings, Names, Sizes};
pub(crate) use mailbox::{Inventory, MailRow};
pub(crate) use marks::Marks;
pub use object::{ObjectId, Voucher};

use crate::base::error::Result;

/// How the server names a message across sessions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Uid {
    /// The server gives no name that lasts.
    Absent,
    /// A POP3 unique-id, as it was sent (RFC 1939 s.7); any bytes, never a path.
    Uidl(Box<[u8]>),
    /// An IMAP UID under its UIDVALIDITY (RFC 3501 s.2.3.1.1).
    Imap {
        /// The mailbox's UIDVALIDITY.
        uidvalidity: u32,
        /// The message's UID.
        uid: u32,
    },
}

impl Uid {
    /// The name as bytes, which sort as UIDs do; empty if there is none.
    #[must_use]
    pub(crate) fn name(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Absent => Cow::Borrowed(&[]),
            Self::Uidl(name) => Cow::Borrowed(name),
            Self::Imap { uid, .. } => Cow::Owned(uid.to_be_bytes().to_vec()),
        }
    }
}

/// One row of the server's listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Message number, valid in this session only.
    pub number: u32,
    /// Size as the server lists it, in octets: a hint, `None` if it gave none.
    pub(crate) octets: Option<u64>,
    /// The message's name.
    pub uid: Uid,
}

impl Listing {
    /// The name as people see it, escaped; failing that the number.
    #[must_use]
    pub(crate) fn shown(&self) -> String {
        match &self.uid {
            Uid::Uidl(name) => name.escape_ascii().to_string(),
            _ => format!("number {}", self.number),
        }
    }
}

/// What a server answers for one message of a list.
pub enum Fetched<'a> {
    /// Its bytes; what is left unread is drained. A message of which reading failed may be
    /// answered again.
    Body(&'a mut dyn Read),
    /// It will not give this one; its words.
    Refused(String),
    /// Nothing more has arrived: the next answer has to come over the line. A good
    /// moment to hand on what was collected.
    Waiting,
}

/// A message that the server refused to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which one.
    pub(crate) listing: Listing,
    /// The server's words.
    pub(crate) reply: String,
}

/// Receives the answers of [`Source::fetch`] and [`Source::headers`]. An error ends
/// the transfer and with it the session: the source must then be dropped.
pub type Each<'a> = &'a mut dyn FnMut(&Listing, Fetched<'_>) -> Result<()>;

/// A server that holds mail. After any error the source may only be dropped, which
/// closes the connection without committing a deletion.
pub trait Source {
    /// Lists everything, once a session.
    fn list(&mut self) -> Result<Listings>;

    /// Streams the header of each message (`TOP n 0`, `BODY.PEEK[HEADER]`).
    fn headers(&mut self, wanted: &[Listing], each: Each<'_>) -> Result<()>;

    /// Streams each message whole.
    fn fetch(&mut self, wanted: &[Listing], each: Each<'_>) -> Result<()>;

    /// Deletes messages of this session's listing and ends the session in order, which
    /// is what makes the deletion count. After an error nobody knows what was deleted:
    /// only another listing tells.
    fn delete(self: Box<Self>, wanted: &[Listing]) -> Result<Vec<Kept>>;

    /// How long the server wants to be left alone between two logins.
    fn login_delay(&self) -> Duration;

    /// False if the server says that it may delete what was fetched, asked or not.
    fn keeps_fetched(&self) -> bool {
        true
    }

    /// Ends the session in order.
    fn finish(self: Box<Self>) -> Result<()>;
}
