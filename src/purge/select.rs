//! What is to be deleted: a value, made from listings and the catalog alone.

use std::ops::AddAssign;
use std::time::Duration;

use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::mail::source::Listings;
use crate::purge::inventory::{Candidate, PurgeInventory, inventory};
use crate::purge::{Choice, PurgeSelection, RemoteFolder};
use crate::vault::catalog::{Catalog, DateRule};

/// A day in seconds.
const DAY: i64 = 86_400;
/// How many of the largest messages are shown.
const LARGEST: usize = 5;

/// What is never deleted, whatever is selected: the account's own rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keep {
    /// The newest N.
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
    /// Everything that is listed.
    pub(super) fn of(listings: &Listings) -> Self {
        Self {
            messages: listings.len() as u64,
            octets: listings.octets(),
        }
    }

    /// Adds a message.
    pub(super) fn add(&mut self, octets: u64) {
        self.messages += 1;
        self.octets += octets;
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, more: Self) {
        self.messages += more.messages;
        self.octets += more.octets;
    }
}

impl std::iter::Sum for Sum {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, more| {
            sum += more;
            sum
        })
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

/// One maildrop or mailbox, and its part in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyedFolder {
    /// Which one.
    pub maildrop: RemoteFolder,
    /// Everything listed there.
    pub listed: Sum,
    /// To be deleted there.
    pub chosen: Sum,
}

/// What a purge would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgePlan {
    /// Everything listed.
    pub listed: Sum,
    /// The same by place, in the order in which they were looked at.
    pub places: Vec<SurveyedFolder>,
    /// By age, the oldest first.
    pub brackets: [Bracket; 4],
    /// Listed, but not archived: never deleted.
    pub unarchived: Sum,
    /// Listed without a size, or without a name of its own, or received empty: never
    /// deleted either, since there is nothing to prove it by.
    pub unproven: Sum,
    /// Selected, but kept by the account's rule.
    pub held: Sum,
    /// To be deleted.
    pub chosen: Sum,
    /// Of these, what is received again and compared before: it was only recognised, or the
    /// server's sizes say nothing.
    pub receive: Sum,
    /// The largest of these, or of all archived ones where nothing is selected.
    pub largest: Vec<Large>,
    /// The names of the chosen, as [`RemoteFolder::mark`]s in ascending order: what was agreed
    /// to.
    pub(super) agreed: Vec<u64>,
    /// By place, names whose deletion an earlier run asked for without hearing the end of
    /// it, and whether they are gone.
    pub(super) open: Vec<Vec<(Box<[u8]>, bool)>>,
}

impl PurgePlan {
    /// True if the listings tell what became of deletions of an earlier run.
    #[must_use]
    pub(crate) fn is_unsettled(&self) -> bool {
        self.open.iter().any(|open| !open.is_empty())
    }
}

/// What a server lists, place by place, seen against the catalog.
#[derive(Debug, Default)]
pub struct Survey<'a> {
    /// The account's `accept_short`.
    accept_short: &'a [String],
    /// What may be deleted if it passes the proof.
    candidates: Vec<Candidate>,
    places: Vec<SurveyedFolder>,
    unarchived: Sum,
    unproven: Sum,
    nameless: Sum,
    open: Vec<Vec<(Box<[u8]>, bool)>>,
}

impl<'a> Survey<'a> {
    /// Of an account that accepts wrong sizes of these messages.
    #[must_use]
    pub(crate) fn new(accept_short: &'a [String]) -> Self {
        Self {
            accept_short,
            ..Self::default()
        }
    }

    /// Takes in the listing of a place.
    pub fn add(
        &mut self,
        catalog: &Catalog,
        maildrop: &RemoteFolder,
        listings: &Listings,
    ) -> Result<()> {
        let PurgeInventory {
            candidates,
            unarchived,
            unproven,
            open,
            ..
        } = inventory(listings, catalog, maildrop, self.accept_short)?;
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let here = |candidate| Candidate { place, ..candidate };
        self.candidates.extend(candidates.into_iter().map(here));
        self.unarchived += unarchived;
        self.unproven += unproven;
        self.open.push(open);
        self.places.push(SurveyedFolder {
            maildrop: maildrop.clone(),
            listed: Sum::of(listings),
            chosen: Sum::default(),
        });
        Ok(())
    }

    /// Takes in the listing of a mailbox whose UIDs hold for nothing.
    pub(crate) fn add_nameless(&mut self, listings: &Listings) {
        self.nameless += Sum::of(listings);
    }
}

/// Makes the plan.
pub(super) fn plan(
    survey: Survey<'_>,
    catalog: &Catalog,
    selection: &PurgeSelection,
    now: i64,
) -> Result<PurgePlan> {
    let Survey {
        candidates: mut all,
        places,
        unarchived,
        mut unproven,
        nameless,
        open,
        ..
    } = survey;
    unproven += nameless;
    let mut brackets = [365, 90, 30, 0].map(|days| Bracket {
        days,
        all: Sum::default(),
        chosen: Sum::default(),
    });
    let bracket = |candidate: &Candidate| {
        let age = now.saturating_sub(candidate.dated);
        (0..3)
            .find(|n| age > i64::from([365, 90, 30][*n]) * DAY)
            .unwrap_or(3)
    };
    for candidate in &all {
        brackets[bracket(candidate)].all.add(candidate.octets);
    }
    let wanted = selected(&all, &places, catalog, selection, now)?;
    let held = held(&mut all, catalog, &selection.keep)?;
    let mut listed: Sum = places.iter().map(|place| place.listed).sum();
    listed += nameless;
    let mut plan = PurgePlan {
        listed,
        places,
        brackets,
        unarchived,
        unproven,
        open,
        held: Sum::default(),
        chosen: Sum::default(),
        receive: Sum::default(),
        largest: Vec::new(),
        agreed: Vec::new(),
    };
    let mut chosen = Vec::new();
    for candidate in wanted {
        if held.binary_search(&candidate.mark).is_ok() {
            plan.held.add(candidate.octets);
        } else if selection.free.is_none_or(|free| plan.chosen.octets < free) {
            plan.chosen.add(candidate.octets);
            if candidate.receive {
                plan.receive.add(candidate.octets);
            }
            plan.places[candidate.place as usize]
                .chosen
                .add(candidate.octets);
            plan.brackets[bracket(&candidate)]
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
    plan.largest = largest(shown, catalog)?;
    Ok(plan)
}

/// The largest of these, which are sorted for that.
fn largest(shown: &mut [Candidate], catalog: &Catalog) -> Result<Vec<Large>> {
    shown.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.octets));
    let mut largest = Vec::new();
    for candidate in shown.iter().take(LARGEST) {
        if let Some((id, subject)) = catalog.heading(candidate.blob)? {
            largest.push(Large {
                octets: candidate.octets,
                date: candidate.dated,
                subject,
                id,
            });
        }
    }
    Ok(largest)
}

/// What the selection asks for, in the order in which it is to go.
fn selected(
    all: &[Candidate],
    places: &[SurveyedFolder],
    catalog: &Catalog,
    selection: &PurgeSelection,
    now: i64,
) -> Result<Vec<Candidate>> {
    if selection.is_empty() {
        return Ok(Vec::new());
    }
    let fits = match &selection.matching {
        Some(query) => Some(fitting(places, catalog, query)?),
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
                && fits.as_ref().is_none_or(|fits| {
                    fits[candidate.place as usize]
                        .binary_search(&candidate.blob)
                        .is_ok()
                })
        })
        .copied()
        .collect();
    match selection.first {
        Choice::Oldest => wanted.sort_unstable_by_key(|c| (c.dated, c.place, c.row)),
        Choice::Largest => {
            wanted.sort_unstable_by_key(|c| (std::cmp::Reverse(c.octets), c.place, c.row));
        }
    }
    Ok(wanted)
}

/// Keys of the contents that fit, for each place: only what lies in its own folder, since the
/// same mail in another one is another message there.
fn fitting(places: &[SurveyedFolder], catalog: &Catalog, query: &Query) -> Result<Vec<Vec<i64>>> {
    let query = std::slice::from_ref(query);
    let fitting = |place: &SurveyedFolder| {
        let RemoteFolder { account, dir, .. } = &place.maildrop;
        catalog.matching(query, Some((account, dir)), DateRule::All)
    };
    places.iter().map(fitting).collect()
}

/// The [`RemoteFolder::mark`]s of what the account's rule keeps, wherever it fits, ascending.
/// Leaves `all` sorted by date.
fn held(all: &mut [Candidate], catalog: &Catalog, keep: &Keep) -> Result<Vec<u64>> {
    let fits = catalog.matching(&keep.matching, None, DateRule::Any)?;
    all.sort_unstable_by_key(|c| std::cmp::Reverse((c.dated, c.place, c.row)));
    let newest = usize::try_from(keep.newest).unwrap_or(usize::MAX);
    let mut marks: Vec<u64> = all
        .iter()
        .enumerate()
        .filter(|(n, c)| *n < newest || fits.binary_search(&c.blob).is_ok())
        .map(|(_, c)| c.mark)
        .collect();
    marks.sort_unstable();
    Ok(marks)
}
