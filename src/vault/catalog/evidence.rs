//! How the catalog keeps what is known of a name (docs/FORMAT.md, Ledger), and what it tells
//! of one name before its message is fetched again.

use rusqlite::{OptionalExtension, params};

use super::{Catalog, Origin, State, joined};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::ledger::{Evidence, Seen};

/// [`Evidence`] as a column has it: who vouched does not matter any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Proof {
    /// The bytes came under this name.
    Received = 1,
    /// The server says that it is a received message.
    Vouched = 2,
    /// It resembles a received message.
    Recognised = 3,
    /// It does not agree with what is listed.
    Doubtful = 4,
    /// The listing is wrong.
    Settled = 5,
}

impl Proof {
    pub(super) fn of(number: Option<i64>) -> Self {
        match number {
            Some(1) => Self::Received,
            Some(2) => Self::Vouched,
            Some(4) => Self::Doubtful,
            Some(5) => Self::Settled,
            _ => Self::Recognised,
        }
    }

    /// Its name in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Vouched => "vouched",
            Self::Recognised => "recognised",
            Self::Doubtful => "doubtful",
            Self::Settled => "settled",
        }
    }

    /// True if it proves that the vault has the message.
    #[must_use]
    pub(crate) fn is_possession(self) -> bool {
        matches!(self, Self::Received | Self::Vouched)
    }
}

/// What was recorded of a name before its message was fetched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    /// The content.
    pub(crate) hash: Hash128,
    /// The bytes that came.
    pub(crate) got: Hash128,
    /// How it was known.
    pub(crate) proof: Proof,
    /// Sessions that brought it, if it is doubtful.
    pub(crate) sessions: u32,
    /// When the first of them did, in Unix seconds.
    pub(crate) since: i64,
    /// The size that was listed.
    pub(crate) octets: Option<u64>,
    /// True if something was wrong with it, so that it must be fetched again.
    pub(crate) wanted: bool,
}

impl Catalog {
    /// How a line says that its content is known; `first` if no line before named the content.
    /// A line of the first version is believed only where it is the first, since then the bytes
    /// came, and they fit the size that was listed.
    pub(super) fn proof(seen: &Seen, first: bool) -> Proof {
        match seen.evidence {
            // Only POP3's final line end can be told from the line alone.
            Evidence::Unstated
                if first
                    && seen.octets.is_none_or(|octets| {
                        [seen.size, seen.wire, seen.size.saturating_sub(2)].contains(&octets)
                    }) =>
            {
                Proof::Received
            }
            Evidence::Received => Proof::Received,
            Evidence::Vouched(_) => Proof::Vouched,
            Evidence::Unstated | Evidence::Recognised => Proof::Recognised,
            Evidence::Doubtful(_) => Proof::Doubtful,
            Evidence::Settled => Proof::Settled,
        }
    }

    /// What is recorded of a name, if a content is.
    pub(crate) fn before(&self, origin: Origin<'_>, name: &[u8]) -> Result<Option<Before>> {
        self.db
            .prepare_cached(
                "SELECT h64, hrest, got, evidence, sessions, coalesce(since, time), state,
                        octets
                 FROM sighting JOIN blob ON blob.id = sighting.blob
                 WHERE origin = ?1 AND uid = ?2",
            )
            .and_then(|mut s| {
                s.query_row(params![self.origin_id(origin)?, name], |r| {
                    let hash = joined(r.get(0)?, r.get(1)?);
                    Ok(Before {
                        hash,
                        got: r.get::<_, Option<[u8; 16]>>(2)?.map_or(hash, Hash128),
                        proof: Proof::of(r.get(3)?),
                        sessions: r.get(4)?,
                        since: r.get(5)?,
                        wanted: State::of(r.get(6)?) == State::Wanted,
                        octets: r.get::<_, Option<i64>>(7)?.map(super::unsigned),
                    })
                })
                .optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// How many messages of a maildrop or mailbox were received; more than a hundred are not
    /// counted.
    pub(crate) fn received_in(&self, origin: Origin<'_>) -> Result<u64> {
        self.db
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM sighting
                 WHERE origin = ?1 AND evidence = ?2 LIMIT 100)",
            )
            .and_then(|mut s| {
                let origin = self.origin_id(origin)?;
                s.query_row(params![origin, Proof::Received as i64], |r| {
                    r.get(0).map(super::unsigned)
                })
            })
            .map_err(|e| self.failed(e))
    }

    /// Whether another name of an origin stands for a content with this header, too, however
    /// that is known: the size that is listed there, one that is not `listed` if there is any.
    #[expect(
        clippy::option_option,
        reason = "whether there is such a name, and the size if one is listed there"
    )]
    pub(crate) fn shared_as(
        &self,
        origin: Origin<'_>,
        name: &[u8],
        (blob, header): (i64, Hash128),
        listed: Option<u64>,
    ) -> Result<Option<Option<u64>>> {
        self.db
            .prepare_cached(
                "SELECT octets FROM sighting WHERE blob = ?1 AND header = ?2
                 AND origin = ?3 AND uid <> ?4 ORDER BY octets IS ?5 LIMIT 1",
            )
            .and_then(|mut s| {
                let origin = self.origin_id(origin)?;
                let listed = listed.map(super::signed);
                s.query_row(params![blob, header.0, origin, name, listed], |r| {
                    Ok(r.get::<_, Option<i64>>(0)?.map(super::unsigned))
                })
                .optional()
            })
            .map_err(|e| self.failed(e))
    }

    /// True if this content came under a name whose listing agrees with it.
    pub(crate) fn is_received(&self, hash: Hash128) -> Result<bool> {
        let (h64, hrest) = super::split(hash);
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM sighting WHERE evidence = ?3
                 AND blob = (SELECT id FROM blob WHERE h64 = ?1 AND hrest = ?2))",
            )
            .and_then(|mut s| {
                s.query_row(params![h64, hrest, Proof::Received as i64], |r| r.get(0))
            })
            .map_err(|e| self.failed(e))
    }

    /// True if a name of any account stands for this content by more than resemblance.
    pub(crate) fn is_held(&self, hash: Hash128) -> Result<bool> {
        let (h64, hrest) = super::split(hash);
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM sighting WHERE evidence IN (?3, ?4, ?5)
                 AND blob = (SELECT id FROM blob WHERE h64 = ?1 AND hrest = ?2))",
            )
            .and_then(|mut s| {
                let [received, vouched, settled] =
                    [Proof::Received, Proof::Vouched, Proof::Settled].map(|proof| proof as i64);
                s.query_row(params![h64, hrest, received, vouched, settled], |r| {
                    r.get(0)
                })
            })
            .map_err(|e| self.failed(e))
    }
}
