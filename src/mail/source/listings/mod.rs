//! A listing of any length in little memory: a maildrop of a million messages takes
//! about 14 MB, because neighbouring names resemble each other.

mod names;
mod order;
mod sizes;

pub use names::{Cursor, Names};
pub use order::Ascending;
pub use sizes::Sizes;

use crate::mail::source::{Listing, Uid};

/// A message that claims to be larger is not believed when room is planned for.
const PLAUSIBLE: u64 = 1 << 30;

/// All rows of a listing, packed: a maildrop of a million messages takes about 14 MB.
#[derive(Debug, Default)]
pub struct Listings {
    sizes: Sizes,
    names: Names,
    /// Messages that the server counts.
    announced: u64,
    /// Of a mailbox: the UIDVALIDITY of all rows, whose names are UIDs.
    uidvalidity: Option<u32>,
}

impl Listings {
    /// Joins the answers to `LIST` and `UIDL` by message number, ascending. A row that
    /// only one of them has stands for a message all the same: one that arrived in
    /// between, or that the other answer was cut short of. Of rows with one number the
    /// first counts.
    #[must_use]
    pub(crate) fn join(sizes: Sizes, numbers: &[u32], names: Names) -> Self {
        let mut all = Self::default();
        let mut rows = numbers.iter().enumerate();
        if sizes.len() == numbers.len()
            && rows.all(|(row, n)| sizes.number_of(row) == *n)
            && numbers.is_sorted_by(|a, b| a < b)
        {
            all.sizes = sizes;
            all.names = names;
            return all;
        }
        let listed: Vec<u32> = (0..sizes.len()).map(|row| sizes.number_of(row)).collect();
        let mut list = by_number(&listed).into_iter().peekable();
        let mut uidl = by_number(numbers).into_iter().peekable();
        let mut name = Vec::new();
        loop {
            let next_list = list.peek().map(|row| listed[*row as usize]);
            let next_uidl = uidl.peek().map(|row| numbers[*row as usize]);
            let Some(number) = next_list.into_iter().chain(next_uidl).min() else {
                return all;
            };
            let octets = list
                .next_if(|_| next_list == Some(number))
                .and_then(|row| sizes.octets_of(row as usize));
            name.clear();
            if let Some(row) = uidl.next_if(|_| next_uidl == Some(number)) {
                names.read(row as usize, &mut name);
            }
            all.push(number, octets, &name);
        }
    }

    /// Takes in how many messages the server says there are.
    pub(crate) fn announce(&mut self, messages: u64) {
        self.announced = messages;
    }

    /// How many messages the server counts and does not list.
    #[must_use]
    pub(crate) fn unlisted(&self) -> u64 {
        self.announced.saturating_sub(self.len() as u64)
    }

    /// The rows of an IMAP mailbox; 0 stands for a missing UIDVALIDITY.
    #[must_use]
    pub(crate) fn of_mailbox(uidvalidity: u32) -> Self {
        Self {
            uidvalidity: Some(uidvalidity),
            ..Self::default()
        }
    }

    /// Appends a row of a mailbox, which has its UID as its number too.
    pub(crate) fn push_uid(&mut self, uid: u32, octets: Option<u64>) {
        self.push(uid, octets, &uid.to_be_bytes());
    }

    /// Appends a row; `name` is empty where the server gave none.
    pub fn push(&mut self, number: u32, octets: Option<u64>, name: &[u8]) {
        self.sizes.push(number, octets);
        self.names.push(name);
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// True if nothing is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Sum of the listed sizes, in octets.
    #[must_use]
    pub(crate) fn octets(&self) -> u64 {
        self.sizes.total
    }

    /// The size of a row, in octets.
    #[must_use]
    pub(crate) fn octets_of(&self, row: usize) -> Option<u64> {
        self.sizes.octets_of(row)
    }

    /// The listed size of a row, or 0 if it has none or one that no message can have.
    #[must_use]
    pub(crate) fn plausible_octets(&self, row: u32) -> u64 {
        let octets = self.octets_of(row as usize);
        octets.filter(|octets| *octets <= PLAUSIBLE).unwrap_or(0)
    }

    /// The message number of a row.
    #[must_use]
    pub(crate) fn number_of(&self, row: usize) -> u32 {
        self.sizes.number_of(row)
    }

    /// True if the names came in ascending order, each once.
    #[cfg(test)]
    fn is_sorted(&self) -> bool {
        self.names.is_sorted()
    }

    /// One row, unpacked.
    #[must_use]
    pub fn get(&self, row: usize) -> Listing {
        let number = self.sizes.number_of(row);
        let octets = self.octets_of(row);
        let uid = if let Some(uidvalidity) = self.uidvalidity {
            Uid::Imap {
                uidvalidity,
                uid: number,
            }
        } else {
            let mut name = Vec::new();
            self.names.read(row, &mut name);
            match name.into_boxed_slice() {
                name if name.is_empty() => Uid::Absent,
                name => Uid::Uidl(name),
            }
        };
        Listing {
            number,
            octets,
            uid,
        }
    }

    /// A cursor over the names in listing order.
    #[must_use]
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        self.names.cursor()
    }

    /// A cursor over the names in ascending order; costs four bytes a row if they did not
    /// come that way.
    #[must_use]
    pub(crate) fn ascending(&self) -> Ascending<'_> {
        Ascending::new(&self.names)
    }
}

/// Rows in the order of their numbers, each number once.
fn by_number(numbers: &[u32]) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..numbers.len())
        .map(|row| u32::try_from(row).unwrap_or(u32::MAX))
        .collect();
    rows.sort_unstable_by_key(|row| (numbers[*row as usize], *row));
    rows.dedup_by_key(|row| numbers[*row as usize]);
    rows
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_of_a_mailbox_are_named_by_their_uid() {
        let mut mailbox = Listings::of_mailbox(7);
        mailbox.push_uid(3, Some(10));
        mailbox.push_uid(258, None);
        let uid = |uid| Uid::Imap {
            uidvalidity: 7,
            uid,
        };
        assert_eq!(mailbox.get(0).uid, uid(3));
        assert_eq!(mailbox.get(1).uid, uid(258));
        assert_eq!((mailbox.get(1).number, mailbox.get(1).octets), (258, None));
        assert!(mailbox.is_sorted());
        assert_eq!(mailbox.octets(), 10);
    }

    #[test]
    fn rows_come_back_as_they_went_in() {
        let mut all = Listings::default();
        for n in 0..100u32 {
            all.push(
                n + 1,
                Some(u64::from(n)),
                format!("{n:08x}00000001").as_bytes(),
            );
        }
        all.push(101, None, b"");
        all.push(102, Some(5_000_000_000), b"x");
        assert_eq!(all.len(), 102);
        assert!(!all.is_sorted(), "an empty name breaks the order");
        assert_eq!(all.get(40).uid, Uid::Uidl(b"0000002800000001"[..].into()));
        assert_eq!(all.get(100).uid, Uid::Absent);
        assert_eq!(all.get(100).octets, None);
        assert_eq!(all.get(101).octets, Some(5_000_000_000));
    }

    #[test]
    fn list_and_uidl_are_joined_by_number() {
        let mut sizes = Sizes::default();
        sizes.push(1, Some(10));
        sizes.push(2, Some(20));
        let mut names = Names::default();
        for name in ["c", "a", "b"] {
            names.push(name.as_bytes());
        }
        let all = Listings::join(sizes, &[3, 1, 2], names);
        assert_eq!(all.len(), 3);
        assert_eq!(all.get(0).uid, Uid::Uidl(b"a"[..].into()));
        assert_eq!(all.get(1).uid, Uid::Uidl(b"b"[..].into()));
        let third = (all.get(2).number, all.get(2).octets, all.get(2).uid);
        assert_eq!(third, (3, None, Uid::Uidl(b"c"[..].into())));
        let mut names = Names::default();
        names.push(b"only");
        let all = Listings::join(Sizes::default(), &[7], names);
        assert_eq!((all.get(0).number, all.get(0).octets), (7, None));
    }

    #[test]
    fn a_number_is_listed_once() {
        let (mut sizes, mut names) = (Sizes::default(), Names::default());
        for (octets, name) in [(10, "a"), (20, "b"), (30, "c")] {
            sizes.push(1, Some(octets));
            names.push(name.as_bytes());
        }
        let all = Listings::join(sizes, &[1, 1, 1], names);
        assert_eq!((all.len(), all.octets()), (1, 10));
        assert_eq!(all.get(0).uid, Uid::Uidl(b"a"[..].into()));
    }

    #[test]
    fn what_is_counted_and_not_listed_is_known() {
        let mut all = Listings::default();
        all.push(1, None, b"a");
        assert_eq!(all.unlisted(), 0);
        all.announce(3);
        assert_eq!(all.unlisted(), 2);
        all.announce(0);
        assert_eq!(all.unlisted(), 0, "more than were counted is no lack");
    }

    #[test]
    fn a_million_dovecot_names_take_little_memory() {
        let mut all = Listings::default();
        for n in 0..1_000_000u32 {
            all.push(n + 1, Some(2000), format!("{n:08x}6b032d77").as_bytes());
        }
        assert!(all.is_sorted());
        assert!(
            all.names.packed.len() < 6_000_000,
            "{}",
            all.names.packed.len()
        );
    }

    #[test]
    fn names_in_disorder_are_sorted_however_many_and_long() {
        let mut all = Listings::default();
        let mut names = Vec::new();
        for n in 0..150_000u32 {
            let name = format!("{:08x}", (n / 2).wrapping_mul(2_654_435_761));
            // Some so long that less than 65,536 of them are much.
            let name = name.repeat(if n > 100_000 { 16 } else { 1 });
            all.push(n + 1, None, name.as_bytes());
            names.push((name, n as usize));
        }
        names.sort();
        let mut ascending = all.ascending();
        for (name, row) in &names {
            assert_eq!(ascending.advance(), Some((*row, name.as_bytes())));
        }
        assert_eq!(ascending.advance(), None);
    }

    proptest! {
        #[test]
        fn any_names_survive_packing(names in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..100)) {
            let mut all = Listings::default();
            for (n, name) in names.iter().enumerate() {
                all.push(u32::try_from(n).unwrap(), Some(7), name);
            }
            let mut walked = Vec::new();
            let mut cursor = all.cursor();
            while let Some((_, name)) = cursor.advance() {
                walked.push(name.to_vec());
            }
            prop_assert_eq!(&walked, &names);
            for (n, name) in names.iter().enumerate() {
                let want = if name.is_empty() { Uid::Absent } else { Uid::Uidl(name.clone().into()) };
                prop_assert_eq!(all.get(n).uid, want);
            }
            let mut ascending = all.ascending();
            let mut last: Option<(Vec<u8>, usize)> = None;
            let mut count = 0;
            while let Some((row, name)) = ascending.advance() {
                prop_assert_eq!(name, &names[row][..]);
                let now = (name.to_vec(), row);
                prop_assert!(last.is_none_or(|l| l < now));
                last = Some(now);
                count += 1;
            }
            prop_assert_eq!(count, names.len());
            let strictly = names.windows(2).all(|w| w[0] < w[1]);
            prop_assert_eq!(all.is_sorted(), strictly);
        }
    }
}
