//! Sets of UIDs: as commands write them, as answers tell them, and as a run of rows
//! is remembered (RFC 9051 s.9, `sequence-set`).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::net::imap::token::decimal;

/// A set of ascending UIDs in the form of a command, such as `1:3,7`.
pub(super) fn written(uids: &[u32]) -> String {
    let mut parts = Vec::new();
    let mut rest = uids;
    while let Some((first, mut behind)) = rest.split_first() {
        let mut last = *first;
        while let Some((next, after)) = behind.split_first()
            && last.checked_add(1) == Some(*next)
        {
            (last, behind) = (*next, after);
        }
        parts.push(if last == *first {
            first.to_string()
        } else {
            format!("{first}:{last}")
        });
        rest = behind;
    }
    parts.join(",")
}

/// The ranges of a set, as far as they can be read.
pub(super) fn ranges(text: &[u8]) -> impl Iterator<Item = RangeInclusive<u32>> {
    let uid = |digits: &[u8]| decimal(digits).and_then(|n| u32::try_from(n).ok());
    text.split(|byte| *byte == b',').filter_map(move |part| {
        let mut ends = part.splitn(2, |byte| *byte == b':');
        let first = uid(ends.next()?)?;
        let last = match ends.next() {
            Some(last) => uid(last)?,
            None => first,
        };
        Some(first.min(last)..=first.max(last))
    })
}

/// UIDs that were seen, 4 bytes each as long as they ascend.
#[derive(Debug, Default)]
pub(super) struct SeenUids {
    ascending: Vec<u32>,
    others: BTreeSet<u32>,
}

impl SeenUids {
    /// Adds one; false if it was there.
    pub(super) fn insert(&mut self, uid: u32) -> bool {
        if self.ascending.last().is_none_or(|last| uid > *last) {
            self.ascending.push(uid);
            return true;
        }
        self.ascending.binary_search(&uid).is_err() && self.others.insert(uid)
    }

    pub(super) fn len(&self) -> usize {
        self.ascending.len() + self.others.len()
    }
}

/// What holds for any text: its ranges ascend.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn assert_any(text: &[u8]) {
    for range in ranges(text) {
        assert!(range.start() <= range.end());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_become_ranges() {
        assert_eq!(written(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(written(&[u32::MAX - 1, u32::MAX]), "4294967294:4294967295");
        assert_eq!(written(&[]), "");
    }

    #[test]
    fn odd_sets_lose_only_what_is_odd() {
        let read: Vec<_> = ranges(b"5:3,x,9,1:2:3,4294967296").collect();
        assert_eq!(read, [3..=5, 9..=9]);
    }

    proptest! {
        #[test]
        fn a_written_set_is_read_back(uids in prop::collection::btree_set(1_u32..200, 0..60)) {
            let uids: Vec<u32> = uids.into_iter().collect();
            let text = written(&uids);
            let read: Vec<u32> = ranges(text.as_bytes()).flatten().collect();
            prop_assert_eq!(read, uids);
        }

        #[test]
        fn seen_is_a_set(uids in prop::collection::vec(0_u32..40, 0..80)) {
            let (mut seen, mut set) = (SeenUids::default(), BTreeSet::new());
            for uid in uids {
                prop_assert_eq!(seen.insert(uid), set.insert(uid));
            }
            prop_assert_eq!(seen.len(), set.len());
        }

        #[test]
        fn no_set_breaks_it(text in prop::collection::vec(any::<u8>(), 0..60)) {
            assert_any(&text);
        }
    }
}
