//! What an audit asks of the catalog.

use super::origin::Origin;
use super::{Catalog, Proof, State, joined, unsigned};
use crate::base::error::Result;
use crate::mail::message::Hash128;

/// What is recorded of a message as a server names it.
#[derive(Debug)]
pub struct Sighting<'a> {
    /// The server's name for it.
    pub(crate) uid: &'a [u8],
    /// The size that was listed.
    pub(crate) octets: Option<u64>,
    /// What became of it.
    pub(crate) state: State,
    /// Its content, if it is stored and was not found lost.
    pub(crate) content: Option<Hash128>,
    /// The key of that in this catalog.
    pub(crate) key: Option<i64>,
    /// How its content is known.
    pub(crate) proof: Proof,
    /// INTERNALDATE in Unix seconds.
    pub(crate) idate: Option<i64>,
    /// When its header was last read and found right, in Unix seconds.
    pub(crate) checked: Option<i64>,
}

impl Catalog {
    /// Calls `each` with everything recorded of a maildrop or mailbox, by ascending name.
    pub(crate) fn for_each_sighting(
        &self,
        origin: Origin<'_>,
        mut each: impl FnMut(&Sighting<'_>),
    ) -> Result<()> {
        let mut ask = || {
            let mut statement = self.db.prepare_cached(
                "SELECT uid, octets, state, header, h64, hrest, asked, got, evidence, idate,
                        checked, blob.id
                 FROM sighting LEFT JOIN blob ON blob.id = sighting.blob AND NOT lost
                 WHERE origin = ?1 ORDER BY uid",
            )?;
            let mut rows = statement.query([self.origin_id(origin)?])?;
            while let Some(row) = rows.next()? {
                let content = row.get::<_, Option<i64>>(4)?.zip(row.get(5)?);
                each(&Sighting {
                    uid: row.get_ref(0)?.as_blob()?,
                    octets: row.get::<_, Option<i64>>(1)?.map(unsigned),
                    state: State::of(row.get(2)?),
                    content: content.map(|(head, rest)| joined(head, rest)),
                    key: row.get(11)?,
                    proof: Proof::of(row.get(8)?),
                    idate: row.get(9)?,
                    checked: row.get(10)?,
                });
            }
            Ok(())
        };
        ask().map_err(|e| self.failed(e))
    }
}
