//! A listing of any length in little memory: a maildrop of a million messages takes
//! about 14 MB, because neighbouring names resemble each other.

use crate::source::{Listing, Uid};

/// Numbers and sizes of a listing (the answer to `LIST`), 4 bytes a row where the numbers
/// are what they are nearly always, else 8.
#[derive(Debug, Default)]
pub struct Sizes {
    /// Empty as long as they count up from 1.
    numbers: Vec<u32>,
    octets: Vec<u32>,
    /// Sizes that do not fit `octets`, by row in ascending order.
    large: Vec<(usize, u64)>,
    total: u64,
}

/// Marks a row without a size.
const UNKNOWN: u32 = u32::MAX;
/// Marks a row whose size is in `large`.
const LARGE: u32 = u32::MAX - 1;

impl Sizes {
    /// Appends a row.
    pub fn push(&mut self, number: u32, octets: Option<u64>) {
        self.total = self.total.saturating_add(octets.unwrap_or(0));
        let small = match octets.map(u32::try_from) {
            None => UNKNOWN,
            Some(Ok(n)) if n < LARGE => n,
            Some(_) => {
                self.large.push((self.octets.len(), octets.unwrap_or(0)));
                LARGE
            }
        };
        let row = self.octets.len();
        if !self.numbers.is_empty() || number != counted(row) {
            if self.numbers.is_empty() {
                self.numbers.extend((0..row).map(counted));
            }
            self.numbers.push(number);
        }
        self.octets.push(small);
    }

    fn number_of(&self, row: usize) -> u32 {
        let number = self.numbers.get(row).copied();
        number.unwrap_or_else(|| counted(row))
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// True if there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    fn octets_of(&self, row: usize) -> Option<u64> {
        match self.octets[row] {
            UNKNOWN => None,
            LARGE => self
                .large
                .binary_search_by_key(&row, |(row, _)| *row)
                .ok()
                .map(|at| self.large[at].1),
            n => Some(u64::from(n)),
        }
    }
}

/// The number of a row in a listing without gaps.
fn counted(row: usize) -> u32 {
    u32::try_from(row + 1).unwrap_or(u32::MAX)
}

/// Names of a listing, each kept as what differs from the one before: neighbours
/// resemble each other, so a name takes about five bytes.
#[derive(Debug, Default)]
pub struct Names {
    packed: Vec<u8>,
    /// Where each block of [`BLOCK`] names begins; the first of a block is whole.
    blocks: Vec<u32>,
    len: usize,
    last: Vec<u8>,
    unsorted: bool,
    /// Bytes of all names.
    unpacked: usize,
}

/// Names a block.
const BLOCK: usize = 32;

/// Memory that names may take; those beyond it count as absent, so that a hostile
/// listing costs downloads and not memory.
const NAMES_LIMIT: usize = 24 << 20;
/// Memory that names may take while they are sorted.
const FLAT_LIMIT: usize = 40 << 20;

impl Names {
    /// Appends a name, empty where the server gave none.
    pub fn push(&mut self, name: &[u8]) {
        let name = if self.packed.len() > NAMES_LIMIT {
            &[]
        } else {
            name
        };
        if self.len > 0 && name <= self.last.as_slice() {
            self.unsorted = true;
        }
        let fresh = self.len.is_multiple_of(BLOCK);
        let (head, tail) = if fresh {
            self.blocks
                .push(u32::try_from(self.packed.len()).unwrap_or(u32::MAX));
            (0, 0)
        } else {
            shared_ends(&self.last, name)
        };
        let middle = &name[head..name.len() - tail];
        for n in [head, tail, middle.len()] {
            put_varint(&mut self.packed, n);
        }
        self.packed.extend_from_slice(middle);
        self.last.clear();
        self.last.extend_from_slice(name);
        self.len += 1;
        self.unpacked += name.len();
    }

    /// Number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn get(&self, row: usize) -> Vec<u8> {
        let mut name = Vec::new();
        let mut at = self.blocks[row / BLOCK] as usize;
        for _ in 0..=row % BLOCK {
            at = self.unpack(at, &mut name);
        }
        name
    }

    fn unpack(&self, at: usize, name: &mut Vec<u8>) -> usize {
        let (head, at) = get_varint(&self.packed, at);
        let (tail, at) = get_varint(&self.packed, at);
        let (middle, at) = get_varint(&self.packed, at);
        let end = at + middle;
        // The first of a block shares nothing, whatever stood before it.
        let kept = name.len() - tail;
        name.splice(head..kept, self.packed[at..end].iter().copied());
        end
    }
}

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
    pub fn join(sizes: Sizes, numbers: &[u32], names: Names) -> Self {
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
        loop {
            let next_list = list.peek().map(|row| listed[*row as usize]);
            let next_uidl = uidl.peek().map(|row| numbers[*row as usize]);
            let Some(number) = next_list.into_iter().chain(next_uidl).min() else {
                return all;
            };
            let octets = list
                .next_if(|_| next_list == Some(number))
                .and_then(|row| sizes.octets_of(row as usize));
            let name = uidl
                .next_if(|_| next_uidl == Some(number))
                .map(|row| names.get(row as usize))
                .unwrap_or_default();
            all.push(number, octets, &name);
        }
    }

    /// Takes in how many messages the server says there are.
    pub fn announce(&mut self, messages: u64) {
        self.announced = messages;
    }

    /// How many messages the server counts and does not list.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        self.announced.saturating_sub(self.len() as u64)
    }

    /// The rows of an IMAP mailbox; 0 stands for a missing UIDVALIDITY.
    #[must_use]
    pub fn of_mailbox(uidvalidity: u32) -> Self {
        Self {
            uidvalidity: Some(uidvalidity),
            ..Self::default()
        }
    }

    /// Appends a row of a mailbox, which has its UID as its number too.
    pub fn push_uid(&mut self, uid: u32, octets: Option<u64>) {
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
    pub fn octets(&self) -> u64 {
        self.sizes.total
    }

    /// The size of a row, in octets.
    #[must_use]
    pub fn octets_of(&self, row: usize) -> Option<u64> {
        self.sizes.octets_of(row)
    }

    /// The message number of a row.
    #[must_use]
    pub fn number_of(&self, row: usize) -> u32 {
        self.sizes.number_of(row)
    }

    /// True if the names came in ascending order, each once.
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        !self.names.unsorted
    }

    /// One row, unpacked.
    #[must_use]
    pub fn get(&self, row: usize) -> Listing {
        let number = self.sizes.number_of(row);
        let octets = self.octets_of(row);
        let uid = match self.uidvalidity {
            Some(uidvalidity) => Uid::Imap {
                uidvalidity,
                uid: number,
            },
            None => match self.names.get(row) {
                name if name.is_empty() => Uid::Absent,
                name => Uid::Uidl(name.into_boxed_slice()),
            },
        };
        Listing {
            number,
            octets,
            uid,
        }
    }

    /// A cursor over the names in listing order.
    #[must_use]
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor {
            names: &self.names,
            at: 0,
            row: 0,
            name: Vec::new(),
        }
    }

    /// A cursor over the names in ascending order; costs memory for all of them if
    /// they did not come that way.
    #[must_use]
    pub fn ascending(&self) -> Ascending<'_> {
        if self.is_sorted() {
            return Ascending::AsListed(self.cursor());
        }
        if self.names.unpacked > FLAT_LIMIT {
            return Ascending::Nameless(0..self.len());
        }
        let mut flat = Vec::with_capacity(self.names.unpacked);
        let mut ends = Vec::with_capacity(self.len());
        let mut cursor = self.cursor();
        while let Some((_, name)) = cursor.advance() {
            flat.extend_from_slice(name);
            // No more than FLAT_LIMIT.
            ends.push(u32::try_from(flat.len()).unwrap_or(u32::MAX));
        }
        let mut all = Ascending::Sorted {
            order: Vec::new(),
            flat,
            ends,
            next: 0,
        };
        let mut rows: Vec<u32> = (0..self.len())
            .map(|row| u32::try_from(row).unwrap_or(u32::MAX))
            .collect();
        rows.sort_unstable_by(|a, b| {
            all.flat_name(*a as usize)
                .cmp(all.flat_name(*b as usize))
                .then(a.cmp(b))
        });
        if let Ascending::Sorted { order, .. } = &mut all {
            *order = rows;
        }
        all
    }
}

/// Walks the names of a listing in ascending order.
#[derive(Debug)]
pub enum Ascending<'a> {
    /// They came so.
    AsListed(Cursor<'a>),
    /// They are too much to sort in memory, and so identify nothing.
    Nameless(std::ops::Range<usize>),
    /// They were sorted.
    Sorted {
        /// Rows in the order of their names.
        order: Vec<u32>,
        /// All names.
        flat: Vec<u8>,
        /// Where each name ends in `flat`.
        ends: Vec<u32>,
        /// The next one to give.
        next: usize,
    },
}

impl Ascending<'_> {
    /// The next name and its row; rows of equal names ascend.
    pub fn advance(&mut self) -> Option<(usize, &[u8])> {
        match self {
            Self::AsListed(cursor) => cursor.advance(),
            Self::Nameless(rows) => rows.next().map(|row| (row, &[][..])),
            Self::Sorted { order, next, .. } => {
                let row = *order.get(*next)? as usize;
                *next += 1;
                Some((row, self.flat_name(row)))
            }
        }
    }

    fn flat_name(&self, row: usize) -> &[u8] {
        match self {
            Self::AsListed(_) | Self::Nameless(_) => &[],
            Self::Sorted { flat, ends, .. } => {
                let start = if row == 0 { 0 } else { ends[row - 1] };
                &flat[start as usize..ends[row] as usize]
            }
        }
    }
}

/// Walks the names of a listing without unpacking them all.
#[derive(Debug)]
pub struct Cursor<'a> {
    names: &'a Names,
    at: usize,
    row: usize,
    name: Vec<u8>,
}

impl Cursor<'_> {
    /// Goes to the next row and gives its number in the listing and its name.
    pub fn advance(&mut self) -> Option<(usize, &[u8])> {
        if self.row == self.names.len {
            return None;
        }
        self.at = self.names.unpack(self.at, &mut self.name);
        self.row += 1;
        Some((self.row - 1, &self.name))
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

fn shared_ends(last: &[u8], name: &[u8]) -> (usize, usize) {
    let head = last.iter().zip(name).take_while(|(a, b)| a == b).count();
    let tail = last[head..]
        .iter()
        .rev()
        .zip(name[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    (head, tail)
}

fn put_varint(out: &mut Vec<u8>, mut n: usize) {
    while n >= 0x80 {
        out.push(low_bits(n) | 0x80);
        n >>= 7;
    }
    out.push(low_bits(n));
}

#[allow(clippy::cast_possible_truncation, reason = "masked")]
fn low_bits(n: usize) -> u8 {
    (n & 0x7f) as u8
}

fn get_varint(bytes: &[u8], mut at: usize) -> (usize, usize) {
    let (mut n, mut shift) = (0, 0);
    loop {
        let byte = bytes[at];
        at += 1;
        n |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (n, at);
        }
        shift += 7;
    }
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
