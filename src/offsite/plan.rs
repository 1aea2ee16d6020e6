//! Which messages go into one pack: as many as follow each other in at most 64 MiB.

use super::pack::{ARCHIVE_END, member_space};

/// Plain bytes of a pack. What encryption, frames and fill add leaves it below 64 MiB even if
/// nothing can be compressed.
pub(super) const PLAIN_LIMIT: u64 = (64 << 20) - (256 << 10);
/// Longest message that is stored: a store takes no larger object in one request (5 GiB at S3).
pub const MESSAGE_LIMIT: u64 = 5_000_000_000;

/// Where the next message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackPlace {
    /// Into the pack that was begun.
    Here,
    /// Into a new pack, after the one that was begun is finished.
    Next,
    /// Nowhere: it is longer than [`MESSAGE_LIMIT`].
    TooLarge,
}

/// Divides messages among packs, in the order in which they come. A message that is longer than
/// a pack has one for itself.
#[derive(Debug)]
pub struct PackPlan {
    /// Plain bytes that a pack may have.
    limit: u64,
    /// Plain bytes of the pack that was begun; 0 if it has no member.
    plain: u64,
}

impl Default for PackPlan {
    fn default() -> Self {
        Self::within(PLAIN_LIMIT)
    }
}

impl PackPlan {
    /// Packs of so many plain bytes at most.
    pub(super) fn within(limit: u64) -> Self {
        Self { limit, plain: 0 }
    }

    /// Places a message of this many bytes.
    pub fn place(&mut self, length: u64) -> PackPlace {
        if length > MESSAGE_LIMIT {
            return PackPlace::TooLarge;
        }
        let space = member_space(length);
        if self.plain == 0 || self.plain + space + ARCHIVE_END <= self.limit {
            self.plain += space;
            return PackPlace::Here;
        }
        self.plain = space;
        PackPlace::Next
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// The lengths of each pack.
    fn packs(lengths: &[u64]) -> Vec<Vec<u64>> {
        let mut plan = PackPlan::default();
        let mut packs = vec![vec![]];
        for length in lengths {
            match plan.place(*length) {
                PackPlace::Here => packs.last_mut().unwrap().push(*length),
                PackPlace::Next => packs.push(vec![*length]),
                PackPlace::TooLarge => {}
            }
        }
        packs
    }

    #[test]
    fn a_message_longer_than_a_pack_has_its_own() {
        let long = 70 << 20;
        assert_eq!(packs(&[1, long, 2, 3]), [vec![1], vec![long], vec![2, 3]]);
        assert_eq!(packs(&[long]), [[long]]);
        assert_eq!(packs(&[1, MESSAGE_LIMIT + 1, 2]), [[1, 2]]);
    }

    #[test]
    fn a_pack_is_filled_to_its_last_block() {
        let rest = 10_000;
        let first = PLAIN_LIMIT - ARCHIVE_END - member_space(rest) - member_space(0);
        assert_eq!(packs(&[first, rest]), [[first, rest]]);
        assert_eq!(packs(&[first + 1, rest]), [[first + 1], [rest]]);
    }

    proptest! {
        #[test]
        fn packs_keep_their_limit_and_their_order(lengths in prop::collection::vec(0_u64..40 << 20, 0..50)) {
            let packs = packs(&lengths);
            prop_assert_eq!(packs.concat(), lengths);
            let space = |pack: &Vec<u64>| pack.iter().map(|length| member_space(*length)).sum::<u64>();
            for pack in &packs {
                prop_assert!(space(pack) + ARCHIVE_END <= PLAIN_LIMIT);
            }
            for two in packs.windows(2) {
                prop_assert!(space(&two[0]) + member_space(two[1][0]) + ARCHIVE_END > PLAIN_LIMIT);
            }
        }
    }
}
