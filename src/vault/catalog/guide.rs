//! A replay of the ledger that is to be compared with a catalog asks it which contents are new.
//!
//! To know that alone, the replay would need an index of hashes, which come in no order: with
//! more contents than fit into memory every one of them is a page read and a page written. The
//! catalog has such an index. Whatever it answers is checked, so that it can be wrong and the
//! replay is still one of the ledger.

use std::collections::VecDeque;

use rusqlite::OptionalExtension;

use super::lookup::hash;
use super::{Catalog, split};
use crate::base::error::Result;
use crate::mail::message::Hash128;

/// Contents that are read at once.
const PAGE: u32 = 1024;

/// What a replay asks.
#[derive(Debug)]
pub(super) struct Guide {
    catalog: Catalog,
    /// Its contents that the replay has not come to, in the order of ids.
    next: VecDeque<(i64, Hash128)>,
    last: i64,
    /// It was wrong, and is not asked any more.
    wrong: bool,
}

/// What a guide says of a content.
enum Advice {
    New,
    Known(i64),
    Wrong,
}

impl Catalog {
    /// An empty catalog for a replay of the ledger that is to be compared with `guide`.
    pub(in crate::vault) fn replica(guide: Option<Self>) -> Result<Self> {
        let replica = Self::temporary()?;
        // Nobody lists a replica by date or looks for copies.
        replica.run("DROP INDEX blob_received_at; DROP INDEX sighting_object")?;
        if let Some(catalog) = guide {
            replica.run("DROP INDEX blob_hash")?;
            catalog.run("BEGIN")?;
            replica.guide.replace(Some(Box::new(Guide {
                catalog,
                next: VecDeque::new(),
                last: i64::MIN,
                wrong: false,
            })));
        }
        Ok(replica)
    }

    /// Ends a replay; gives the guide back, and whether it has led to a replay of the ledger.
    /// It has not if it has a content twice.
    pub(in crate::vault) fn end_replica(&self) -> Result<(Option<Self>, bool)> {
        let Some(guide) = self.guide.take() else {
            return Ok((None, true));
        };
        if !guide.wrong {
            self.index_hashes().map_err(|e| self.failed(e))?;
        }
        let twice = self
            .db
            .query_row(
                "SELECT 1 FROM blob GROUP BY h64 HAVING count(*) > 1 LIMIT 1",
                [],
                |_| Ok(()),
            )
            .optional()
            .map_err(|e| self.failed(e))?;
        let Guide { catalog, .. } = *guide;
        // Nothing was written.
        let _ = catalog.run("COMMIT");
        Ok((Some(catalog), twice.is_none()))
    }

    /// The key of a content by the guide; `None` if there is no guide or it was wrong.
    #[expect(
        clippy::option_option,
        reason = "whether there is an answer, and the key if there is one"
    )]
    pub(super) fn guided_id(&self, hash: Hash128) -> rusqlite::Result<Option<Option<i64>>> {
        let mut slot = self.guide.borrow_mut();
        let Some(guide) = slot.as_deref_mut().filter(|guide| !guide.wrong) else {
            return Ok(None);
        };
        match guide.advise(hash) {
            Advice::New => return Ok(Some(None)),
            Advice::Known(id) if self.has_content(id, hash)? => return Ok(Some(Some(id))),
            Advice::Known(_) | Advice::Wrong => {}
        }
        guide.wrong = true;
        self.index_hashes()?;
        Ok(None)
    }

    /// Tells the guide that a content was new and has this key.
    pub(super) fn guide_past(&self, id: i64) -> rusqlite::Result<()> {
        let mut slot = self.guide.borrow_mut();
        if let Some(guide) = slot.as_deref_mut().filter(|guide| !guide.wrong)
            && guide.next.pop_front().is_none_or(|next| next.0 != id)
        {
            guide.wrong = true;
            self.index_hashes()?;
        }
        Ok(())
    }

    fn has_content(&self, id: i64, hash: Hash128) -> rusqlite::Result<bool> {
        let (h64, hrest) = split(hash);
        self.db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM blob WHERE id = ?1 AND h64 = ?2 AND hrest = ?3)",
            )?
            .query_row(rusqlite::params![id, h64, hrest], |r| r.get(0))
    }

    fn index_hashes(&self) -> rusqlite::Result<()> {
        self.db
            .execute_batch("CREATE INDEX blob_hash ON blob (h64)")
    }
}

impl Guide {
    /// Whether a content is the next one that the replay has not come to, or else which it is.
    fn advise(&mut self, hash: Hash128) -> Advice {
        if self.next.is_empty() && self.turn().is_err() {
            return Advice::Wrong;
        }
        if self.next.front().is_some_and(|next| next.1 == hash) {
            return Advice::New;
        }
        match self.catalog.key_of(hash) {
            Ok(Some(id)) => Advice::Known(id),
            Ok(None) | Err(_) => Advice::Wrong,
        }
    }

    fn turn(&mut self) -> rusqlite::Result<()> {
        let mut page = self
            .catalog
            .db
            .prepare_cached("SELECT h64, hrest, id FROM blob WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let mut rows = page.query((self.last, PAGE))?;
        while let Some(row) = rows.next()? {
            self.last = row.get(2)?;
            self.next.push_back((self.last, hash(row)?));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::mail::source::Uid;
    use crate::vault::catalog::test_lines::received;
    use crate::vault::ledger::{Identity, LedgerEvent};

    /// Contents in the order in which the ledger has them, some of them again.
    const LEDGER: [u8; 7] = [1, 2, 1, 3, 2, 4, 4];

    fn seen(uid: u32, content: u8) -> LedgerEvent {
        let identity = Identity {
            account: "a".to_owned(),
            server: "u@h:1".to_owned(),
            uid: Uid::Imap {
                uidvalidity: 7,
                uid,
            },
            dir: Some(String::new()),
        };
        received(identity, Hash128::of(&[content]))
    }

    /// Applies the ledger to a catalog, its contents in this order.
    fn apply(catalog: &mut Catalog, contents: &[u8]) {
        catalog.begin().unwrap();
        for (uid, content) in (1..).zip(contents) {
            // As in a replay of more contents than are remembered.
            catalog.fresh.clear();
            catalog
                .apply_event(&seen(uid, *content), 1_700_000_000_000, 1)
                .unwrap();
        }
        catalog.commit(None).unwrap();
    }

    fn catalog(contents: &[u8]) -> Catalog {
        let mut catalog = Catalog::temporary().unwrap();
        apply(&mut catalog, contents);
        catalog
    }

    /// A replay that is led by `guide`: whether it can be one of the ledger, and the first table
    /// in which they differ.
    fn compared(guide: Catalog) -> (bool, bool, Option<&'static str>) {
        let mut replica = Catalog::replica(Some(guide)).unwrap();
        apply(&mut replica, &LEDGER);
        let wrong = replica.guide.borrow().as_ref().unwrap().wrong;
        let (guide, sound) = replica.end_replica().unwrap();
        let unguided = catalog(&LEDGER);
        if sound {
            assert_eq!(replica.differs_from(&unguided).unwrap(), None);
        }
        (wrong, sound, guide.unwrap().differs_from(&replica).unwrap())
    }

    #[test]
    fn a_catalog_that_is_right_leads_a_replay() {
        assert_eq!(compared(catalog(&LEDGER)), (false, true, None));
    }

    #[test]
    fn a_catalog_that_is_wrong_leads_no_replay_astray() {
        for other in [&[1, 2, 1, 3][..], &[], &[5; 7], &[1, 2, 1, 5, 2, 4, 4]] {
            let found = compared(catalog(other));
            assert_eq!(found, (true, true, Some("blob")), "{other:?}");
        }
        // It was never asked for what only it has.
        let more = [1, 2, 1, 3, 2, 4, 5];
        assert_eq!(compared(catalog(&more)), (false, true, Some("blob")));
        // The same contents under other ids and names.
        let other = catalog(&[2, 1, 1, 3, 2, 4, 4]);
        assert_eq!(compared(other), (true, true, Some("sighting")));
    }

    #[test]
    fn a_catalog_that_has_a_content_twice_is_found_out() {
        let mut other = Catalog::temporary().unwrap();
        apply(&mut other, &[1, 2, 9, 3, 2, 4, 4]);
        let (h64, hrest) = split(Hash128::of(&[1]));
        (other.db)
            .execute(
                "UPDATE blob SET h64 = ?1, hrest = ?2 WHERE id = 3",
                (h64, hrest),
            )
            .unwrap();
        let (wrong, sound, _) = compared(other);
        assert_eq!((wrong, sound), (false, false));
    }
}
