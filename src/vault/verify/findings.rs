//! What a verify found, in the order in which it is told: of a vault that lost its files it may
//! be more than fits into memory.

use std::vec;

use rusqlite::{Connection, Row, params};

use super::finding::{Finding, Problem};
use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::vault::catalog::{failed_scratch, scratch};

/// Findings that are read at a time.
const PAGE: i64 = 256;

const TABLE: &str = "
    PRAGMA cache_size = -2000;
    CREATE TABLE finding (place INTEGER PRIMARY KEY, account TEXT, path TEXT NOT NULL, id BLOB,
                          kind INTEGER NOT NULL, detail TEXT NOT NULL, on_server INTEGER NOT NULL,
                          mended INTEGER NOT NULL, date INTEGER NOT NULL, subject TEXT NOT NULL)";

/// Findings, in a database that spills to the disk.
#[derive(Debug, Default)]
pub struct FindingList {
    /// Nothing was found as long as there is none.
    db: Option<Connection>,
    /// The place of the next one that is added at the end.
    end: i64,
    len: u64,
}

impl FindingList {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of them, in order.
    #[must_use]
    pub fn all(&self) -> FindingIter<'_> {
        FindingIter {
            list: self,
            page: Vec::new().into_iter(),
            last: -1,
        }
    }

    /// The place behind the last one.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Adds one at the end.
    pub(super) fn push(&mut self, finding: &Finding) -> Result<()> {
        self.put(self.end, finding)
    }

    /// Adds one at a place that has none yet.
    pub(super) fn put(&mut self, place: i64, finding: &Finding) -> Result<()> {
        let db = match self.db.take() {
            Some(db) => db,
            None => scratch(TABLE)?,
        };
        insert(&db, place, finding).map_err(failed_scratch)?;
        self.db = Some(db);
        self.end = self.end.max(place + 1);
        self.len += 1;
        Ok(())
    }

    /// Takes out those from a place on.
    pub(super) fn truncate(&mut self, end: i64) -> Result<()> {
        if let Some(db) = &self.db {
            let gone = db.execute("DELETE FROM finding WHERE place >= ?1", [end]);
            self.len -= gone.map_err(failed_scratch)? as u64;
        }
        self.end = self.end.min(end);
        Ok(())
    }

    /// Notes that repair has put back the file of one.
    pub(super) fn set_mended(&self, place: i64) -> Result<()> {
        let Some(db) = &self.db else {
            return Ok(());
        };
        let update = db.prepare_cached("UPDATE finding SET mended = 1 WHERE place = ?1");
        let updated = update.and_then(|mut update| update.execute([place]));
        updated.map(drop).map_err(failed_scratch)
    }

    /// The next ones behind a place, with theirs.
    pub(super) fn page(&self, after: i64) -> Result<Vec<(i64, Finding)>> {
        let Some(db) = &self.db else {
            return Ok(Vec::new());
        };
        let page = || -> rusqlite::Result<Vec<(i64, Finding)>> {
            let mut select = db.prepare_cached(
                "SELECT place, account, path, id, kind, detail, on_server, mended, date, subject
                 FROM finding WHERE place > ?1 ORDER BY place LIMIT ?2",
            )?;
            let rows = select.query_map([after, PAGE], finding)?;
            rows.collect()
        };
        page().map_err(failed_scratch)
    }
}

/// Walks over findings.
#[derive(Debug)]
pub struct FindingIter<'f> {
    list: &'f FindingList,
    page: vec::IntoIter<(i64, Finding)>,
    last: i64,
}

impl Iterator for FindingIter<'_> {
    type Item = Result<Finding>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.as_slice().is_empty() {
            match self.list.page(self.last) {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
        let (place, finding) = self.page.next()?;
        self.last = place;
        Some(Ok(finding))
    }
}

fn insert(db: &Connection, place: i64, finding: &Finding) -> rusqlite::Result<()> {
    let (kind, detail) = parts(&finding.problem);
    db.prepare_cached("INSERT INTO finding VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
        .execute(params![
            place,
            finding.account,
            finding.path,
            finding.id.map(|id| id.0),
            kind,
            detail,
            finding.on_server,
            finding.mended,
            finding.date,
            finding.subject,
        ])?;
    Ok(())
}

fn finding(row: &Row<'_>) -> rusqlite::Result<(i64, Finding)> {
    let id: Option<[u8; 16]> = row.get(3)?;
    let finding = Finding {
        account: row.get(1)?,
        path: row.get(2)?,
        id: id.map(Hash128),
        problem: problem(row.get(4)?, row.get(5)?),
        on_server: row.get(6)?,
        mended: row.get(7)?,
        date: row.get(8)?,
        subject: row.get(9)?,
    };
    Ok((row.get(0)?, finding))
}

/// A problem as a row has it.
fn parts(problem: &Problem) -> (i64, &str) {
    match problem {
        Problem::Damaged(how) => (0, how),
        Problem::Missing => (1, ""),
        Problem::Moved => (2, ""),
        Problem::Unrecorded => (3, ""),
        Problem::Returned => (4, ""),
        Problem::Repeated => (5, ""),
        Problem::Ledger(how) => (6, how),
        Problem::Catalog(how) => (7, how),
        Problem::Manifest(how) => (8, how),
        Problem::Key(how) => (9, how),
        Problem::Purge(how) => (10, how),
    }
}

fn problem(kind: i64, detail: String) -> Problem {
    match kind {
        1 => Problem::Missing,
        2 => Problem::Moved,
        3 => Problem::Unrecorded,
        4 => Problem::Returned,
        5 => Problem::Repeated,
        6 => Problem::Ledger(detail),
        7 => Problem::Catalog(detail),
        8 => Problem::Manifest(detail),
        9 => Problem::Key(detail),
        10 => Problem::Purge(detail),
        _ => Problem::Damaged(detail),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn any_finding() -> impl Strategy<Value = Finding> {
        let text = "\\PC{0,8}";
        let problem = (0..11_i64, text).prop_map(|(kind, detail)| problem(kind, detail));
        let id = prop::option::of(any::<[u8; 16]>().prop_map(Hash128));
        (
            prop::option::of(text),
            (text, text),
            (id, problem),
            any::<(bool, bool, i64)>(),
        )
            .prop_map(
                |(account, (path, subject), (id, problem), (on_server, mended, date))| Finding {
                    account,
                    path,
                    id,
                    problem,
                    on_server,
                    mended,
                    date,
                    subject,
                },
            )
    }

    proptest! {
        #[test]
        fn what_was_found_comes_back_in_order(
            all in prop::collection::vec(any_finding(), 0..9),
            order in any::<prop::sample::Index>(),
            kept in any::<prop::sample::Index>(),
        ) {
            let mut list = FindingList::default();
            let split = order.index(all.len() + 1);
            // A page that is full, and one that is not.
            let far = PAGE * 2;
            for (place, finding) in (0..).zip(&all).skip(split) {
                list.put(far + place, finding).unwrap();
            }
            for (place, finding) in (0..).zip(&all).take(split) {
                list.put(place, finding).unwrap();
            }
            let found: Vec<Finding> = list.all().map(Result::unwrap).collect();
            prop_assert_eq!(&found, &all);
            let mut page = list.page(-1).unwrap();
            let kept = kept.index(all.len() + 1);
            let end = page.get(kept).map_or(list.end(), |(place, _)| *place);
            list.truncate(end).unwrap();
            page.truncate(kept);
            for (place, finding) in &mut page {
                list.set_mended(*place).unwrap();
                finding.mended = true;
            }
            prop_assert_eq!(list.page(-1).unwrap(), page);
            prop_assert_eq!(list.len(), kept as u64);
        }
    }

    #[test]
    fn many_findings_are_read_by_pages() {
        let mut list = FindingList::default();
        for n in 0..=3 * PAGE {
            let finding = Finding {
                account: None,
                path: n.to_string(),
                id: None,
                problem: Problem::Missing,
                on_server: false,
                mended: false,
                date: n,
                subject: String::new(),
            };
            list.push(&finding).unwrap();
        }
        let dates: Vec<i64> = list.all().map(|found| found.unwrap().date).collect();
        assert_eq!(dates, (0..=3 * PAGE).collect::<Vec<i64>>());
    }
}
