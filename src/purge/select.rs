//! What is to be deleted: a value, made from listings and the catalog alone.

use std::ops::AddAssign;
use std::time::Duration;

use crate::base::error::Result;
use crate::mail::message::Hash128;
use crate::mail::query::Query;
use crate::mail::source::Listings;
use crate::purge::inventory::ListingCheck;
use crate::purge::mark_set::{MarkSet, MarkSorter};
use crate::purge::{Choice, CopyCheck, PurgeSelection, RemoteFolder};
use crate::vault::catalog::{Candidate, CandidateOrder, Catalog, DateRule, Shortlist};

/// A day in seconds.
const DAY: i64 = 86_400;
/// How many of the largest messages are shown.
const LARGEST: usize = 5;
/// The ages by which messages are counted, in days.
const AGES: [u32; 4] = [365, 90, 30, 0];

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

impl Bracket {
    fn of(days: u32) -> Self {
        Self {
            days,
            all: Sum::default(),
            chosen: Sum::default(),
        }
    }
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
#[derive(Debug)]
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
    /// Selected, but not in the second copy yet that must have it.
    pub waiting: Sum,
    /// To be deleted.
    pub chosen: Sum,
    /// Of these, what is received again and compared before: it was only recognised, or the
    /// server's sizes say nothing.
    pub receive: Sum,
    /// The largest of these, or of all archived ones where nothing is selected.
    pub largest: Vec<Large>,
    /// The names of the chosen, as [`RemoteFolder::mark`]s: what was agreed to.
    pub(super) agreed: MarkSet,
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
#[derive(Debug)]
pub struct Survey<'a> {
    /// The account's `accept_short`.
    accept_short: &'a [String],
    selection: &'a PurgeSelection,
    /// What may be deleted if it passes the proof.
    candidates: Shortlist,
    places: Vec<SurveyedFolder>,
    unarchived: Sum,
    unproven: Sum,
    nameless: Sum,
    open: Vec<Vec<(Box<[u8]>, bool)>>,
}

impl<'a> Survey<'a> {
    /// For a selection, of an account that accepts wrong sizes of these messages.
    pub fn new(accept_short: &'a [String], selection: &'a PurgeSelection) -> Result<Self> {
        Ok(Self {
            accept_short,
            selection,
            candidates: Shortlist::new()?,
            places: Vec::new(),
            unarchived: Sum::default(),
            unproven: Sum::default(),
            nameless: Sum::default(),
            open: Vec::new(),
        })
    }

    /// Takes in the listing of a place.
    pub fn add(
        &mut self,
        catalog: &Catalog,
        maildrop: &RemoteFolder,
        listings: &Listings,
    ) -> Result<()> {
        // Only what lies in the place's own folder: the same mail in another one is another
        // message there.
        let folder = Some((&*maildrop.account, &*maildrop.dir));
        let fitting = match &self.selection.matching {
            Some(query) => {
                let query = std::slice::from_ref(query);
                Some(catalog.matching(query, folder, DateRule::All)?)
            }
            None => None,
        };
        let place = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let inventory = ListingCheck {
            catalog,
            maildrop,
            accept_short: self.accept_short,
            names: false,
        };
        let found = inventory.of(listings, &mut |candidate| {
            let blob = candidate.blob;
            // It may be older than the candidate: what it does not know yet is not selected.
            let fits = fitting.as_ref().is_none_or(|fits| fits.contains(blob));
            (self.candidates).put(&Candidate { place, ..candidate }, fits)
        })?;
        self.unarchived += found.unarchived;
        self.unproven += found.unproven;
        self.open.push(found.open);
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
    mut copy: Option<CopyCheck<'_>>,
    now: i64,
) -> Result<PurgePlan> {
    let Survey {
        selection,
        candidates,
        places,
        nameless,
        ..
    } = survey;
    let mut listed: Sum = places.iter().map(|place| place.listed).sum();
    listed += nameless;
    let mut unproven = survey.unproven;
    unproven += nameless;
    let mut plan = PurgePlan {
        listed,
        places,
        brackets: AGES.map(Bracket::of),
        unarchived: survey.unarchived,
        unproven,
        open: survey.open,
        held: Sum::default(),
        waiting: Sum::default(),
        chosen: Sum::default(),
        receive: Sum::default(),
        largest: Vec::new(),
        agreed: MarkSet::default(),
    };
    let nothing = selection.is_empty();
    let newest = candidates.newest(selection.keep.newest)?;
    // Asked for after all candidates: another pull may have archived one of them meanwhile, and
    // the rule keeps it wherever it fits.
    let kept = catalog.matching(&selection.keep.matching, None, DateRule::Any)?;
    let order = match (selection.free, selection.first) {
        (None, _) => CandidateOrder::Any,
        (Some(_), Choice::Oldest) => CandidateOrder::Oldest,
        (Some(_), Choice::Largest) => CandidateOrder::Largest,
    };
    let mut largest = Largest::default();
    let mut agreed = MarkSorter::new();
    let mut failed = None;
    candidates.for_each(order, |candidate, fits| {
        let bracket = bracket(now.saturating_sub(candidate.dated));
        plan.brackets[bracket].all.add(candidate.octets);
        if nothing {
            largest.add(candidate);
        }
        let old_enough = selection
            .older_than
            .is_none_or(|age| is_old(age, candidate.dated, now));
        if nothing || !old_enough || !fits {
            return;
        }
        let key = (candidate.dated, candidate.place, candidate.row);
        if kept.contains(candidate.blob) || newest.is_some_and(|last| key >= last) {
            plan.held.add(candidate.octets);
        } else if failed.is_none() && (selection.free).is_none_or(|free| plan.chosen.octets < free)
        {
            let chosen = is_copied(candidate, catalog, &mut copy).and_then(|is_copied| {
                if is_copied {
                    plan.choose(candidate, bracket);
                    largest.add(candidate);
                    return agreed.add(candidate.mark);
                }
                plan.waiting.add(candidate.octets);
                Ok(())
            });
            failed = chosen.err();
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    plan.agreed = agreed.sorted()?;
    plan.largest = largest.described(catalog)?;
    Ok(plan)
}

/// True if the second copy has a message that must be there.
fn is_copied(
    candidate: &Candidate,
    catalog: &Catalog,
    copy: &mut Option<CopyCheck<'_>>,
) -> Result<bool> {
    match copy {
        None => Ok(true),
        Some(copy) => match catalog.heading(candidate.blob)? {
            Some((hash, _)) => copy(hash),
            None => Ok(false),
        },
    }
}

impl PurgePlan {
    fn choose(&mut self, candidate: &Candidate, bracket: usize) {
        self.chosen.add(candidate.octets);
        if candidate.receive {
            self.receive.add(candidate.octets);
        }
        self.places[candidate.place as usize]
            .chosen
            .add(candidate.octets);
        self.brackets[bracket].chosen.add(candidate.octets);
    }
}

/// Which of [`AGES`] an age in seconds belongs to.
fn bracket(age: i64) -> usize {
    let older = |days: &u32| age > i64::from(*days) * DAY;
    let last = AGES.len() - 1;
    AGES[..last].iter().position(older).unwrap_or(last)
}

fn is_old(age: Duration, dated: i64, now: i64) -> bool {
    now.checked_sub_unsigned(age.as_secs())
        .is_some_and(|then| dated < then)
}

/// The largest messages so far, the smallest of them last.
#[derive(Default)]
struct Largest(Vec<Candidate>);

impl Largest {
    fn add(&mut self, candidate: &Candidate) {
        let at = (self.0).partition_point(|larger| larger.octets >= candidate.octets);
        if at < LARGEST {
            self.0.truncate(LARGEST - 1);
            self.0.insert(at, *candidate);
        }
    }

    fn described(self, catalog: &Catalog) -> Result<Vec<Large>> {
        let mut largest = Vec::new();
        for candidate in self.0 {
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
}
