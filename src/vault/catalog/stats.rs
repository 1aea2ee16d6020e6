//! Sums over what a query finds: by year, sender, size and folder.

use rusqlite::functions::FunctionFlags;
use rusqlite::params;

use super::conditions::{Conditions, PLACES};
use super::{Catalog, signed, unsigned};
use crate::base::error::Result;
use crate::mail::query::Query;

/// Lower ends of the brackets of sizes, in octets; the first begins at nothing.
pub const BRACKETS: [u64; 6] = [0, 10 << 10, 100 << 10, 1 << 20, 10 << 20, 100 << 20];
/// Sizes that one would type behind `larger:`, the largest first.
const ROUND: [u64; 10] = [
    100 << 20,
    50 << 20,
    20 << 20,
    10 << 20,
    5 << 20,
    2 << 20,
    1 << 20,
    500 << 10,
    100 << 10,
    10 << 10,
];

/// What messages are sorted into groups by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Facet {
    /// The year in which they were received, in UTC.
    Year,
    /// The address of the sender.
    Sender,
    /// Brackets of their size.
    Size,
    /// The folder; a message in two of them counts in both.
    Folder,
}

/// Messages and their sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
}

/// What belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The year, the address, the index in [`BRACKETS`], or account and directory with a
    /// line feed between them; empty if nobody knows.
    pub key: String,
    /// How much it is.
    pub amount: Amount,
}

/// The groups of one facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// By what.
    pub facet: Facet,
    /// The newest years and the largest senders and folders, in this order (years ascend);
    /// all brackets that hold something.
    pub shown: Vec<Group>,
    /// How many groups are left out.
    pub others: u64,
    /// What they amount to.
    pub rest: Amount,
}

/// All messages that a query finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How much it is.
    pub amount: Amount,
    /// Bytes that they take on disk, each content once.
    pub stored: u64,
    /// When the first and the last were received, in Unix seconds.
    pub span: Option<(i64, i64)>,
    /// The few that take much: all that are larger than so many octets.
    pub heavy: Option<(u64, Amount)>,
}

impl Catalog {
    /// Sums up what a query finds, each content once but in folders; of each facet at
    /// most `top` groups.
    pub fn statistics(
        &self,
        query: &Query,
        facets: &[Facet],
        top: u64,
    ) -> Result<(Totals, Vec<Groups>)> {
        self.check_texts(query, false)?;
        let conditions = self.conditions(query)?;
        let content = conditions.whole();
        let Conditions { place, values, .. } = conditions;
        let sql = format!(
            "CREATE TEMP TABLE picked AS
             SELECT blob.id AS blob, f AS folder, received, size, stored,
                    address(coalesce(sender, '')) AS sender
             FROM blob
             JOIN ({PLACES}) ON place.blob = blob.id
             LEFT JOIN envelope ON envelope.blob = blob.id
             WHERE NOT lost {content} {place}"
        );
        let sums = || {
            self.teach_address()?;
            self.db.execute_batch("DROP TABLE IF EXISTS temp.picked")?;
            self.db.execute(&sql, rusqlite::params_from_iter(&values))?;
            let groups = facets
                .iter()
                .map(|facet| self.groups(*facet, top))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let totals = self.totals()?;
            self.db.execute_batch("DROP TABLE temp.picked")?;
            Ok((totals, groups))
        };
        sums().map_err(|e| self.failed(e))
    }

    fn totals(&self) -> rusqlite::Result<Totals> {
        const ONCE: &str = "FROM (SELECT received, size, stored FROM picked GROUP BY blob)";
        let (all, stored, span) = self.db.query_row(
            &format!(
                "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(stored), 0),
                        min(nullif(received, 0)), max(nullif(received, 0)) {ONCE}"
            ),
            [],
            |r| {
                let span = r.get::<_, Option<i64>>(3)?.zip(r.get(4)?);
                Ok((amount(r, 0)?, unsigned(r.get(2)?), span))
            },
        )?;
        let mut totals = Totals {
            amount: all,
            stored,
            span,
            heavy: None,
        };
        let larger = format!("SELECT count(*), coalesce(sum(size), 0) {ONCE} WHERE size > ?1");
        let mut larger = self.db.prepare(&larger)?;
        for size in ROUND {
            let above = larger.query_row([signed(size)], |r| amount(r, 0))?;
            // A fifth of the messages at most, and half of the space at least.
            let few = above.messages > 0 && above.messages * 5 <= all.messages;
            if few && above.octets * 2 >= all.octets {
                totals.heavy = Some((size, above));
                break;
            }
        }
        Ok(totals)
    }

    fn groups(&self, facet: Facet, top: u64) -> rusqlite::Result<Groups> {
        let (key, once, order) = match facet {
            Facet::Year => (
                "CASE received WHEN 0 THEN '' ELSE strftime('%Y', received, 'unixepoch') END",
                true,
                "k = '', k DESC",
            ),
            Facet::Sender => ("sender", true, "octets DESC, k"),
            Facet::Size => ("", true, "k"),
            Facet::Folder => (
                "(SELECT account || char(10) || dir FROM folder WHERE id = folder)",
                false,
                "octets DESC, k",
            ),
        };
        let brackets: Vec<_> = (BRACKETS.iter().skip(1))
            .map(|low| format!("(size >= {low})"))
            .collect();
        let brackets = format!("CAST({} AS TEXT)", brackets.join(" + "));
        let key = if facet == Facet::Size { &brackets } else { key };
        let from = if once {
            "(SELECT received, size, sender FROM picked GROUP BY blob)"
        } else {
            "(SELECT received, size, sender, folder FROM picked)"
        };
        let grouped = format!(
            "SELECT n, octets, k, row_number() OVER (ORDER BY {order}) AS place
             FROM (SELECT count(*) AS n, sum(size) AS octets, {key} AS k
                   FROM {from} GROUP BY k)"
        );
        // There are few brackets; one more or less says nothing.
        let top = if facet == Facet::Size {
            BRACKETS.len() as u64
        } else {
            top
        };
        let mut statement = self.db.prepare(&format!(
            "SELECT n, octets, k FROM ({grouped}) WHERE place <= ?1 ORDER BY place"
        ))?;
        let mut shown = statement
            .query_map([signed(top)], |r| {
                Ok(Group {
                    key: r.get(2)?,
                    amount: amount(r, 0)?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        if facet == Facet::Year {
            shown.reverse();
        }
        self.db
            .prepare(&format!(
                "SELECT coalesce(sum(n), 0), coalesce(sum(octets), 0), count(*)
                 FROM ({grouped}) WHERE place > ?1"
            ))?
            .query_row(params![signed(top)], |r| {
                Ok(Groups {
                    facet,
                    shown,
                    others: unsigned(r.get(2)?),
                    rest: amount(r, 0)?,
                })
            })
    }

    /// `address(sender)`: the address alone, in lower case.
    fn teach_address(&self) -> rusqlite::Result<()> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        self.db.create_scalar_function("address", 1, flags, |args| {
            Ok(address(args.get_raw(0).as_str().unwrap_or_default()))
        })
    }
}

fn amount(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Amount> {
    Ok(Amount {
        messages: unsigned(row.get(at)?),
        octets: unsigned(row.get(at + 1)?),
    })
}

/// What stands in the last angle brackets, else all of it.
fn address(sender: &str) -> String {
    let inner = sender
        .rsplit_once('<')
        .map(|(_, rest)| rest.split('>').next().unwrap_or_default().trim())
        .filter(|inner| !inner.is_empty());
    inner.unwrap_or(sender.trim()).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn one_sender_is_one_address_however_it_is_written() {
        for text in [
            "ann@example.org",
            " Ann@Example.org ",
            "\"Ann <3\" <ANN@example.org>",
            "Ann <ann@example.org",
        ] {
            assert_eq!(address(text), "ann@example.org", "{text}");
        }
        assert_eq!(address("Undisclosed <>"), "undisclosed <>");
        assert_eq!(address(""), "");
    }
}
