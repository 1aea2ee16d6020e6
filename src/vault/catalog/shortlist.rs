//! Messages that may be purged, in a database of their own that spills to the disk: a server
//! may list any number of them.

use rusqlite::{Connection, OptionalExtension, params};

use super::scratch::{failed_scratch, scratch};
use super::{signed, unsigned};
use crate::base::error::Result;

/// Bits of a row.
const RECEIVE: i64 = 1;
const FITS: i64 = 2;
const ESTIMATED: i64 = 4;

/// A message that is archived and listed under a name and a size that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its row in the listing.
    pub(crate) row: u32,
    /// Which of the places that were surveyed.
    pub(crate) place: u32,
    /// Its content.
    pub(crate) blob: i64,
    /// Its listed size.
    pub(crate) octets: u64,
    /// Its age is counted from here, in Unix seconds.
    pub(crate) dated: i64,
    /// Its name in eight bytes.
    pub(crate) mark: u64,
    /// True if it must be received again and compared before it may go.
    pub(crate) receive: bool,
    /// True if its listed size says nothing.
    pub(crate) estimated: bool,
}

/// The order in which candidates are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CandidateOrder {
    /// As they came, for which nothing need be sorted.
    Any,
    /// The oldest first.
    Oldest,
    /// The largest first.
    Largest,
}

impl CandidateOrder {
    fn clause(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Oldest => "ORDER BY dated, place, listed",
            Self::Largest => "ORDER BY octets DESC, place, listed",
        }
    }
}

/// The candidates of all places.
#[derive(Debug)]
pub(crate) struct Shortlist {
    db: Connection,
}

impl Shortlist {
    /// An empty one, of which nothing stays.
    pub(crate) fn new() -> Result<Self> {
        let db = scratch(
            "CREATE TABLE candidate (listed INTEGER, place INTEGER, blob INTEGER, octets INTEGER,
                                     dated INTEGER, mark INTEGER, bits INTEGER)",
        )?;
        Ok(Self { db })
    }

    /// Adds a candidate, and whether it fits what is to go.
    pub(crate) fn put(&self, candidate: &Candidate, fits: bool) -> Result<()> {
        let bits = i64::from(candidate.receive) * RECEIVE
            + i64::from(fits) * FITS
            + i64::from(candidate.estimated) * ESTIMATED;
        self.db
            .prepare_cached("INSERT INTO candidate VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
            .and_then(|mut put| {
                put.execute(params![
                    candidate.row,
                    candidate.place,
                    candidate.blob,
                    signed(candidate.octets),
                    candidate.dated,
                    candidate.mark.cast_signed(),
                    bits
                ])
            })
            .map(drop)
            .map_err(failed_scratch)
    }

    /// Date, place and row of the last of the newest `count`; the least of all if there are no
    /// more.
    pub(crate) fn newest(&self, count: u64) -> Result<Option<(i64, u32, u32)>> {
        let Some(before) = count.checked_sub(1) else {
            return Ok(None);
        };
        self.db
            .query_row(
                "SELECT dated, place, listed FROM candidate
                 ORDER BY dated DESC, place DESC, listed DESC LIMIT 1 OFFSET ?1",
                [signed(before)],
                |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
            )
            .optional()
            .map(|last| last.or(Some((i64::MIN, 0, 0))))
            .map_err(failed_scratch)
    }

    /// Calls `each` with every candidate, and whether it fits what is to go.
    pub(crate) fn for_each(
        &self,
        order: CandidateOrder,
        mut each: impl FnMut(&Candidate, bool),
    ) -> Result<()> {
        let sql = format!(
            "SELECT listed, place, blob, octets, dated, mark, bits FROM candidate {}",
            order.clause()
        );
        let mut walk = || -> rusqlite::Result<()> {
            let mut statement = self.db.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let bits: i64 = row.get(6)?;
                let candidate = Candidate {
                    row: row.get(0)?,
                    place: row.get(1)?,
                    blob: row.get(2)?,
                    octets: unsigned(row.get(3)?),
                    dated: row.get(4)?,
                    mark: row.get::<_, i64>(5)?.cast_unsigned(),
                    receive: bits & RECEIVE != 0,
                    estimated: bits & ESTIMATED != 0,
                };
                each(&candidate, bits & FITS != 0);
            }
            Ok(())
        };
        walk().map_err(failed_scratch)
    }
}
