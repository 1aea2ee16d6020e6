//! What is to be deleted: a value, made from a listing and the catalog alone.

use std::time::Duration;

use crate::dedupe::{Met, Walk};
use crate::error::Result;
use crate::message::Hash128;
use crate::purge::{Choice, Maildrop, Selection};
use crate::query::Query;
use crate::source::Listings;
use crate::vault::catalog::{Archived, Catalog, State};

/// A day in seconds.
const DAY: i64 = 86_400;
/// A date before mail had dates, 1982-01-01 (RFC 822 is of that year), is a mistake.
const FIRST: i64 = 378_691_200;
/// How many of the largest messages are shown.
const LARGEST: usize = 5;

/// What is never deleted, whatever is selected: the account's own rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keep {
    /// The newest so many.
    pub newest: u64,
    /// What fits one of these.
    pub matching: Vec<Query>,
}

/// Messages and their listed size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub messages: u64,
    /// Octets.
    pub octets: u64,
}

impl Sum {
    /// Adds a message.
    pub(super) fn add(&mut self, octets: u64) {
        self.messages += 1;
        self.octets += octets;
    }
}

/// Messages of one age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// They are at least so old, in days.
    pub days: u32,
    /// All that are archived.
    pub all: Sum,
    /// Those to be deleted.
    pub chosen: Sum,
}

/// A large message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Large {
    /// Listed size.
    pub octets: u64,
    /// Its date in Unix seconds.
    pub date: i64,
    /// Its subject, decoded.
    pub subject: String,
    /// Its id.
    pub id: Hash128,
}

/// What a purge would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Everything listed.
    pub listed: Sum,
    /// By age, the oldest first.
    pub brackets: [Bracket; 4],
    /// Listed, but not archived: never deleted.
    pub unarchived: Sum,
    /// Listed without a size, or without a name of its own, or received empty: never
    /// deleted either, since there is nothing to prove it by.
    pub unproven: Sum,
    /// Deletions of an earlier run, of which this listing tells the end.
    pub unsettled: u64,
    /// Selected, but kept by the account's rule.
    pub held: Sum,
    /// To be deleted.
    pub chosen: Sum,
    /// The largest of these, or of all archived ones where nothing is selected.
    pub largest: Vec<Large>,
    /// The names of the chosen, as [`mark`]s in ascending order: what was agreed to.
    pub(super) agreed: Vec<u64>,
}

/// A message that is archived and listed under a name and a size that fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) row: u32,
    pub(super) blob: i64,
    pub(super) octets: u64,
    /// Its age is counted from here, in Unix seconds.
    pub(super) dated: i64,
    pub(super) mark: u64,
    /// True if another name with another size brought the same content.
    pub(super) doubled: bool,
}

/// A name in eight bytes, for sets of a million of them.
pub(super) fn mark(name: &[u8]) -> u64 {
    let mut head = [0; 8];
    head.copy_from_slice(&Hash128::of(name).0[..8]);
    u64::from_be_bytes(head)
}

/// A listing, seen against the catalog.
#[derive(Debug, Default)]
pub(super) struct Stock {
    /// What may be deleted if it passes the proof, in listing order.
    pub(super) candidates: Vec<Candidate>,
    /// What is not archived, or not as it is listed.
    unarchived: Sum,
    /// What there is nothing to prove by.
    unproven: Sum,
    /// Names that were asked to be deleted without hearing the end of it, and whether
    /// they are gone.
    pub(super) open: Vec<(Box<[u8]>, bool)>,
    /// The [`mark`]s of all names, ascending.
    pub(super) names: Vec<u64>,
}

impl Stock {
    fn take(&mut self, listings: &Listings, met: &Met<'_, Archived<'_>>) {
        let (name, rows, known, identifies) = match *met {
            Met::Gone(known) => {
                if known.state == State::PurgeIntent {
                    self.open.push((known.uid.into(), true));
                }
                return;
            }
            Met::Listed {
                name,
                rows,
                known,
                identifies,
            } => (name, rows, known, identifies),
        };
        self.names.push(mark(name));
        if known.is_some_and(|known| known.state == State::PurgeIntent) {
            self.open.push((name.into(), false));
        }
        let octets = listings.octets_of(rows[0] as usize);
        match known.filter(|_| identifies) {
            Some(known) if eligible(known, octets) => self.candidates.push(Candidate {
                row: rows[0],
                blob: known.blob,
                octets: octets.unwrap_or(0),
                dated: dated(known),
                mark: mark(name),
                doubled: false,
            }),
            _ => {
                let empty = known.is_some_and(|known| known.size == 0);
                let others = if identifies && octets.is_some() && !empty {
                    &mut self.unarchived
                } else {
                    &mut self.unproven
                };
                for row in rows {
                    others.add(listings.octets_of(*row as usize).unwrap_or(0));
                }
            }
        }
    }
}

/// Takes stock of a listing.
pub(super) fn stock(listings: &Listings, catalog: &Catalog, maildrop: &Maildrop) -> Result<Stock> {
    let mut stock = Stock::default();
    let mut walk = Walk::new(listings);
    catalog.for_each_archived(&maildrop.account, &maildrop.server, |known| {
        walk.known(known.uid, known, &mut |met| stock.take(listings, &met));
    })?;
    walk.finish(&mut |met| stock.take(listings, &met));
    stock
        .candidates
        .sort_unstable_by_key(|c| (c.blob, c.octets));
    for same in stock.candidates.chunk_by_mut(|a, b| a.blob == b.blob) {
        if same[0].octets != same[same.len() - 1].octets {
            for candidate in same {
                candidate.doubled = true;
            }
        }
    }
    stock.candidates.sort_unstable_by_key(|c| c.row);
    stock.names.sort_unstable();
    Ok(stock)
}

/// True if listing and record agree. What we deleted and is listed again is there again.
fn eligible(known: &Archived<'_>, listed: Option<u64>) -> bool {
    let stored = matches!(
        known.state,
        State::Seen | State::PurgeIntent | State::PurgeKept | State::Purged
    );
    stored && known.size > 0 && listed.is_some() && listed == known.octets
}

/// Received or Date, whichever is later; without a plausible one the day we first saw it.
fn dated(known: &Archived<'_>) -> i64 {
    if known.dated >= FIRST {
        known.dated
    } else {
        known.seen
    }
}

/// Makes the plan.
pub(super) fn plan(
    listings: &Listings,
    catalog: &Catalog,
    maildrop: &Maildrop,
    selection: &Selection,
    now: i64,
) -> Result<Plan> {
    let Stock {
        candidates: mut all,
        unarchived,
        unproven,
        open,
        ..
    } = stock(listings, catalog, maildrop)?;
    let mut brackets = [365, 90, 30, 0].map(|days| Bracket {
        days,
        all: Sum::default(),
        chosen: Sum::default(),
    });
    let place = |candidate: &Candidate| {
        let age = now.saturating_sub(candidate.dated);
        (0..3)
            .find(|n| age > i64::from([365, 90, 30][*n]) * DAY)
            .unwrap_or(3)
    };
    for candidate in &all {
        brackets[place(candidate)].all.add(candidate.octets);
    }
    let wanted = selected(&all, catalog, selection, now)?;
    let held = held(&mut all, catalog, &selection.keep)?;
    let mut plan = Plan {
        listed: Sum {
            messages: listings.len() as u64,
            octets: listings.octets(),
        },
        brackets,
        unarchived,
        unproven,
        unsettled: open.len() as u64,
        held: Sum::default(),
        chosen: Sum::default(),
        largest: Vec::new(),
        agreed: Vec::new(),
    };
    let mut chosen = Vec::new();
    for candidate in wanted {
        if held.binary_search(&candidate.row).is_ok() {
            plan.held.add(candidate.octets);
        } else if selection.free.is_none_or(|free| plan.chosen.octets < free) {
            plan.chosen.add(candidate.octets);
            plan.brackets[place(&candidate)]
                .chosen
                .add(candidate.octets);
            plan.agreed.push(candidate.mark);
            chosen.push(candidate);
        }
    }
    plan.agreed.sort_unstable();
    let shown = if selection.is_empty() {
        &mut all
    } else {
        &mut chosen
    };
    shown.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.octets));
    for candidate in shown.iter().take(LARGEST) {
        if let Some((id, subject)) = catalog.heading(candidate.blob)? {
            plan.largest.push(Large {
                octets: candidate.octets,
                date: candidate.dated,
                subject,
                id,
            });
        }
    }
    Ok(plan)
}

/// What the selection asks for, in the order in which it is to go.
fn selected(
    all: &[Candidate],
    catalog: &Catalog,
    selection: &Selection,
    now: i64,
) -> Result<Vec<Candidate>> {
    if selection.is_empty() {
        return Ok(Vec::new());
    }
    let fits = match &selection.matching {
        Some(query) => Some(catalog.matching(std::slice::from_ref(query))?),
        None => None,
    };
    let old = |age: Duration, dated: i64| {
        now.checked_sub_unsigned(age.as_secs())
            .is_some_and(|then| dated < then)
    };
    let mut wanted: Vec<Candidate> = all
        .iter()
        .filter(|candidate| {
            selection
                .older_than
                .is_none_or(|age| old(age, candidate.dated))
                && fits
                    .as_ref()
                    .is_none_or(|fits| fits.binary_search(&candidate.blob).is_ok())
        })
        .copied()
        .collect();
    match selection.first {
        Choice::Oldest => wanted.sort_unstable_by_key(|c| (c.dated, c.row)),
        Choice::Largest => wanted.sort_unstable_by_key(|c| (std::cmp::Reverse(c.octets), c.row)),
    }
    Ok(wanted)
}

/// Rows that the account's rule keeps, ascending. Leaves `all` sorted by date.
fn held(all: &mut [Candidate], catalog: &Catalog, keep: &Keep) -> Result<Vec<u32>> {
    let fits = catalog.matching(&keep.matching)?;
    all.sort_unstable_by_key(|c| std::cmp::Reverse((c.dated, c.row)));
    let newest = usize::try_from(keep.newest).unwrap_or(usize::MAX);
    let mut rows: Vec<u32> = all
        .iter()
        .enumerate()
        .filter(|(n, c)| *n < newest || fits.binary_search(&c.blob).is_ok())
        .map(|(_, c)| c.row)
        .collect();
    rows.sort_unstable();
    Ok(rows)
}
