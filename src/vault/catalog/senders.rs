//! Sums by sender, in a temporary table: in spam each message has another.

use rusqlite::Connection;

use super::stats::{Amount, Group, Grouping, Groups, amount};
use super::{signed, unsigned};

/// Begins with none.
pub(super) fn begin(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "DROP TABLE IF EXISTS temp.sent;
         CREATE TEMP TABLE sent (sender TEXT PRIMARY KEY, n INTEGER, octets INTEGER)
         WITHOUT ROWID",
    )
}

/// Adds what a sender sent.
pub(super) fn add(db: &Connection, sender: &str, amount: Amount) -> rusqlite::Result<()> {
    let mut put = db.prepare_cached(
        "INSERT INTO temp.sent VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE
         SET n = n + excluded.n, octets = octets + excluded.octets",
    )?;
    put.execute((sender, signed(amount.messages), signed(amount.octets)))?;
    Ok(())
}

/// The `top` senders who sent most, in octets.
pub(super) fn largest(db: &Connection, top: u64) -> rusqlite::Result<Groups> {
    let shown = db
        .prepare("SELECT n, octets, sender FROM temp.sent ORDER BY octets DESC, sender LIMIT ?1")?
        .query_map([signed(top)], |r| {
            Ok(Group {
                key: r.get(2)?,
                amount: amount(r, 0)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let all = "SELECT coalesce(sum(n), 0), coalesce(sum(octets), 0), count(*) FROM temp.sent";
    let (mut rest, groups) = db.query_row(all, [], |r| Ok((amount(r, 0)?, unsigned(r.get(2)?))))?;
    for group in &shown {
        rest.messages -= group.amount.messages;
        rest.octets -= group.amount.octets;
    }
    Ok(Groups {
        by: Grouping::Sender,
        others: groups - shown.len() as u64,
        shown,
        rest,
    })
}

/// Ends with none.
pub(super) fn end(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("DROP TABLE temp.sent")
}
