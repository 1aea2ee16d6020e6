//! When every message was last read back.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension;

use super::Catalog;
use crate::base::error::Result;

/// Begins the key of a row of `meta` for each part of all messages that a verify has read.
pub(super) const READ: &str = "read ";

impl Catalog {
    /// When the last verify ended since whose beginning every message was read, in Unix seconds: a
    /// whole one, or the oldest of all parts of one division.
    pub fn last_read(&self) -> Result<Option<i64>> {
        let read = || {
            let sql = "SELECT substr(key, length(?1) + 1), CAST(value AS INTEGER) FROM meta
                       WHERE substr(key, 1, length(?1)) = ?1";
            let mut found = self.db.prepare_cached(sql)?;
            let rows = found.query_map([READ], |r| Ok((r.get(0)?, r.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<(String, i64)>>>()
        };
        let parts = read().map_err(|e| self.failed(e))?;
        let mut divisions: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        for (part, time) in &parts {
            if let Some(t) = part.split_once('/').and_then(|(_, t)| t.parse().ok()) {
                divisions.entry(t).or_default().push(*time);
            }
        }
        let whole = divisions
            .into_iter()
            .filter(|(t, times)| times.len() as u64 == *t)
            .filter_map(|(_, times)| times.into_iter().min());
        Ok(whole.max())
    }

    /// When the first message was archived, in Unix seconds.
    pub fn first_archived(&self) -> Result<Option<i64>> {
        self.db
            .query_row("SELECT seen FROM blob ORDER BY rowid LIMIT 1", [], |r| {
                r.get(0)
            })
            .optional()
            .map_err(|e| self.failed(e))
    }
}

/// What part of all messages a verify has read, as `n/t`; `None` if it was less than that.
pub(super) fn read_part(scope: &str) -> Option<&str> {
    match scope.strip_prefix("data")? {
        "" => Some("1/1"),
        part => {
            let part = part.strip_prefix(' ')?;
            let (n, t) = part.split_once('/')?;
            let (n, t): (u64, u64) = (n.parse().ok()?, t.parse().ok()?);
            (1..=t).contains(&n).then_some(part)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::vault::ledger::LedgerEvent;

    #[test]
    fn parts_count_when_all_of_them_were_read() {
        let mut catalog = Catalog::replica(None).unwrap();
        let mut verified = |scope: &str, time: i64| {
            let scope = scope.to_owned();
            let event = LedgerEvent::Verified { scope, damage: 0 };
            catalog.apply_event(&event, time * 1000, 1).unwrap();
            catalog.last_read().unwrap()
        };
        for (scope, time, read) in [
            ("names", 1, None),
            ("data part", 2, None),
            ("data of work", 3, None),
            ("data 1/2 part", 4, None),
            ("data 1/2", 5, None),
            ("data 1/3", 6, None),
            ("data 2/2", 7, Some(5)),
            ("data 1/2", 8, Some(7)),
            ("data", 9, Some(9)),
            ("data 2/2", 10, Some(9)),
            ("data 1/2 of work", 11, Some(9)),
            ("data 1/2", 12, Some(10)),
        ] {
            assert_eq!(verified(scope, time), read, "{scope} at {time}");
        }
    }
}
