//! Which messages of a listing are wanted, and which received ones are known already
//! (`docs/SAFETY.md`, 2 to 4). Decisions only; nothing here reads or writes.

mod walk;

pub(crate) use walk::{Met, Walk};

use crate::mail::message::{Digest, Hash128};
use crate::mail::source::Listings;
use crate::vault::catalog::{Known, Proof, State};

/// When two messages count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Equal Message-ID and equal likeness.
    #[default]
    MessageId,
    /// Equal bytes only.
    Exact,
}

/// Whether messages are recognised by header and size before they are received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recognition {
    /// Only where a large maildrop or mailbox was renumbered as a whole.
    #[default]
    Renumbered,
    /// Wherever header, size and Message-ID agree.
    Always,
}

/// How the names of a server begin that lists a window of about 250 messages, and the
/// next ones once these were fetched.
const WINDOWED: &[u8] = b"GmailId";

/// What to do with the rows of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FetchPlan {
    /// Rows to fetch, ascending.
    pub(crate) fetch: Vec<u32>,
    /// Rows whose listed size is not the recorded one, with the recorded header hash: with
    /// an equal header and a difference that its status fields explain it is the same
    /// message. Ascending.
    pub(crate) compare: Vec<(u32, Hash128)>,
    /// Rows of which a content is recorded that is not believed: to be fetched, too.
    pub(crate) again: Vec<u32>,
    /// Rows whose content is only recognised, ascending.
    pub(crate) recognised: Vec<u32>,
    /// Rows whose content is in doubt: the sessions that brought it, and the time of the
    /// last. Ascending.
    pub(crate) doubtful: Vec<(u32, u32, i64)>,
    /// Rows that arrived twice with another size than listed, and since when. Ascending.
    pub(crate) mis_sized: Vec<(u32, i64)>,
    /// Rows that are archived.
    pub(crate) known: u64,
    /// Rows whose name identifies nothing: missing, repeated, or the message number.
    pub(crate) nameless: u64,
    /// Names that we asked to be deleted without hearing the end of it, and whether they
    /// are gone now.
    pub(crate) settled: Vec<(Box<[u8]>, bool)>,
    /// True if the server shows only a part of its messages at a time, each once:
    /// Gmail, whose names begin with `GmailId`.
    pub(crate) windowed: bool,
}

/// Makes a [`FetchPlan`]. Feed it the records by ascending name, then [`Merge::finish`].
#[derive(Debug)]
pub(crate) struct Merge<'a> {
    listings: &'a Listings,
    walk: Walk<'a>,
    plan: FetchPlan,
}

impl<'a> Merge<'a> {
    /// Starts at the first name.
    #[must_use]
    pub(crate) fn new(listings: &'a Listings) -> Self {
        Self {
            listings,
            walk: Walk::new(listings),
            plan: FetchPlan {
                // Growing would leave holes; what is not used takes no memory.
                fetch: Vec::with_capacity(listings.len()),
                ..FetchPlan::default()
            },
        }
    }

    /// Takes in what is recorded for one name.
    pub(crate) fn known(&mut self, known: &Known<'_>) {
        let Self {
            listings,
            walk,
            plan,
        } = self;
        plan.windowed |= known.uid.starts_with(WINDOWED);
        walk.known(known.uid, known, &mut |met| plan.take(listings, &met));
    }

    /// Decides the rest.
    #[must_use]
    pub(crate) fn finish(self) -> FetchPlan {
        let Self {
            listings,
            walk,
            mut plan,
        } = self;
        walk.finish(&mut |met| plan.take(listings, &met));
        // Names ascend, but messages should come in the server's order.
        plan.fetch.sort_unstable();
        plan.compare.sort_unstable_by_key(|(row, _)| *row);
        plan.recognised.sort_unstable();
        plan.doubtful.sort_unstable();
        plan.mis_sized.sort_unstable();
        plan
    }
}

impl FetchPlan {
    fn take(&mut self, listings: &Listings, met: &Met<'_, Known<'_>>) {
        match *met {
            Met::Gone(known) if known.state == State::PurgeIntent => {
                self.settled.push((known.uid.into(), true));
            }
            Met::Gone(_) => {}
            Met::Listed {
                name,
                rows,
                known,
                identifies,
            } => {
                if let Some(known) = known.filter(|known| known.state == State::PurgeIntent) {
                    self.settled.push((known.uid.into(), false));
                }
                if identifies {
                    self.windowed |= name.starts_with(WINDOWED);
                    self.decide(listings, rows[0], known);
                } else {
                    self.nameless += rows.len() as u64;
                    self.fetch.extend(rows);
                }
            }
        }
    }

    fn decide(&mut self, listings: &Listings, row: u32, known: Option<&Known<'_>>) {
        match known {
            Some(known) if !known.state.is_wanted() => {
                if listings.octets_of(row as usize) == known.octets {
                    match known.proof {
                        Proof::Recognised => self.recognised.push(row),
                        Proof::Doubtful => {
                            self.doubtful.push((row, known.sessions, known.time));
                        }
                        Proof::Settled => self.mis_sized.push((row, known.time)),
                        Proof::Received | Proof::Vouched => self.known += 1,
                    }
                } else if let Some(header) = known.header {
                    self.compare.push((row, header));
                } else {
                    self.again.push(row);
                    self.fetch.push(row);
                }
            }
            Some(_) => {
                self.again.push(row);
                self.fetch.push(row);
            }
            None => self.fetch.push(row),
        }
    }
}

/// What has to be equal, besides the bytes, for a message to be a duplicate; `None`
/// if only equal bytes count. Message-ID alone never does: forged and reused ones
/// are real.
#[must_use]
pub(crate) fn same_mail(policy: Policy, digest: &Digest) -> Option<(&[u8], Hash128)> {
    match policy {
        Policy::Exact => None,
        Policy::MessageId => Some((digest.mid.as_deref()?, digest.likeness?)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn listing(rows: &[(&str, u64)]) -> Listings {
        let mut all = Listings::default();
        for (n, (name, octets)) in rows.iter().enumerate() {
            all.push(
                u32::try_from(n).unwrap() + 10,
                Some(*octets),
                name.as_bytes(),
            );
        }
        all
    }

    fn plan(rows: &[(&str, u64)], records: &[(&str, u64, State)]) -> FetchPlan {
        let listings = listing(rows);
        let mut merge = Merge::new(&listings);
        let mut sorted = records.to_vec();
        sorted.sort_by_key(|r| r.0);
        for (uid, octets, state) in sorted {
            merge.known(&Known {
                uid: uid.as_bytes(),
                octets: Some(octets),
                state,
                header: (state != State::Refused).then_some(Hash128([7; 16])),
                proof: Proof::Received,
                sessions: 0,
                time: 0,
            });
        }
        merge.finish()
    }

    #[test]
    fn a_known_name_of_the_same_size_is_skipped() {
        let plan = plan(
            &[("b", 5), ("a", 6), ("c", 7)],
            &[("a", 6, State::Seen), ("x", 1, State::Seen)],
        );
        assert_eq!(plan.fetch, [0, 2]);
        assert_eq!(plan.known, 1);
    }

    #[test]
    fn a_moved_size_asks_for_the_header() {
        let plan = plan(&[("a", 6)], &[("a", 7, State::Seen)]);
        assert_eq!(plan.compare, [(0, Hash128([7; 16]))]);
        assert!(plan.fetch.is_empty());
    }

    #[test]
    fn refused_and_lost_messages_are_wanted_again() {
        let plan = plan(
            &[("a", 6), ("b", 6)],
            &[("a", 6, State::Refused), ("b", 6, State::Lost)],
        );
        assert_eq!(plan.fetch, [0, 1]);
    }

    #[test]
    fn a_repeated_or_missing_name_identifies_nothing() {
        let plan = plan(
            &[("a", 6), ("a", 6), ("", 1), ("b", 2)],
            &[("a", 6, State::Seen), ("b", 2, State::Seen)],
        );
        assert_eq!(plan.fetch, [0, 1, 2]);
        assert_eq!((plan.nameless, plan.known), (3, 1));
    }

    #[test]
    fn names_that_are_the_message_numbers_identify_nothing() {
        let plan = plan(
            &[("10", 6), ("11", 6)],
            &[("10", 6, State::Seen), ("11", 6, State::Seen)],
        );
        assert_eq!(plan.fetch, [0, 1]);
        assert_eq!(plan.nameless, 2);
    }

    #[test]
    fn an_open_deletion_is_settled_by_the_listing() {
        let plan = plan(
            &[("b", 6), ("c", 6), ("c", 6)],
            &[
                ("a", 6, State::PurgeIntent),
                ("b", 6, State::PurgeIntent),
                ("c", 6, State::PurgeIntent),
            ],
        );
        let settled: Vec<_> = plan
            .settled
            .iter()
            .map(|(n, gone)| (&n[..], *gone))
            .collect();
        assert_eq!(settled, [(&b"a"[..], true), (b"b", false), (b"c", false)]);
        assert_eq!((plan.known, plan.nameless), (1, 2));
    }

    proptest! {
        #[test]
        fn every_row_is_decided_once(
            rows in prop::collection::vec(("[ab]{0,3}", 0u64..3), 0..40),
            records in prop::collection::btree_map("[ab]{1,3}", 0u64..3, 0..10),
        ) {
            let rows: Vec<(&str, u64)> = rows.iter().map(|(n, o)| (n.as_str(), *o)).collect();
            let records: Vec<(&str, u64, State)> =
                records.iter().map(|(n, o)| (n.as_str(), *o, State::Seen)).collect();
            let plan = plan(&rows, &records);
            let mut count = BTreeMap::new();
            for (name, _) in &rows {
                *count.entry(*name).or_insert(0) += 1;
            }
            let (mut fetch, mut compare, mut known) = (Vec::new(), Vec::new(), 0);
            for (n, (name, octets)) in rows.iter().enumerate() {
                let n = u32::try_from(n).unwrap();
                let record = records.iter().find(|r| r.0 == *name);
                match record {
                    Some(r) if count[name] == 1 && !name.is_empty() => {
                        if r.1 == *octets { known += 1 } else { compare.push(n) }
                    }
                    _ => fetch.push(n),
                }
            }
            prop_assert_eq!(plan.fetch, fetch);
            prop_assert_eq!(plan.compare.iter().map(|c| c.0).collect::<Vec<_>>(), compare);
            prop_assert_eq!(plan.known, known);
        }
    }
}
