//! Keys of contents or rows, of which there may be any number: a bit for each.

use std::collections::HashSet;

/// Words of bits at most, 32 MiB. Keys are counted up, but a catalog may come from somebody else.
const WORDS: usize = 1 << 22;

/// A set of keys.
#[derive(Debug, Default)]
pub(crate) struct IdSet {
    bits: Vec<u64>,
    /// Keys beyond [`WORDS`], and what is no key.
    far: HashSet<i64>,
    len: u64,
}

impl IdSet {
    /// Adds a key.
    pub(crate) fn insert(&mut self, id: i64) {
        let fresh = match place(id) {
            Some((word, bit)) => {
                if word >= self.bits.len() {
                    self.bits.resize(word + 1, 0);
                }
                let fresh = self.bits[word] & bit == 0;
                self.bits[word] |= bit;
                fresh
            }
            None => self.far.insert(id),
        };
        self.len += u64::from(fresh);
    }

    /// True if a key is in it.
    #[must_use]
    pub(crate) fn contains(&self, id: i64) -> bool {
        match place(id) {
            Some((word, bit)) => self.bits.get(word).is_some_and(|bits| bits & bit != 0),
            None => self.far.contains(&id),
        }
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let near = (0_i64..)
            .step_by(64)
            .zip(&self.bits)
            .flat_map(|(first, bits)| {
                let ids = (0..64).filter(move |bit| bits >> bit & 1 == 1);
                ids.map(move |bit| first + bit)
            });
        near.chain(self.far.iter().copied())
    }
}

impl FromIterator<i64> for IdSet {
    fn from_iter<I: IntoIterator<Item = i64>>(ids: I) -> Self {
        let mut set = Self::default();
        ids.into_iter().for_each(|id| set.insert(id));
        set
    }
}

/// The word and the bit of a key.
fn place(id: i64) -> Option<(usize, u64)> {
    let word = usize::try_from(id / 64).ok().filter(|_| id >= 0)?;
    (word < WORDS).then_some((word, 1 << (id % 64)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_set(ids in prop::collection::vec(prop_oneof![-9_i64..500, any::<i64>()], 0..99)) {
            let set: IdSet = ids.iter().copied().collect();
            let plain: BTreeSet<i64> = ids.iter().copied().collect();
            prop_assert_eq!(set.len(), plain.len() as u64);
            prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), plain.clone());
            for id in ids.into_iter().flat_map(|id| [id, id.wrapping_add(1), id.wrapping_neg()]) {
                prop_assert_eq!(set.contains(id), plain.contains(&id));
            }
        }
    }
}
