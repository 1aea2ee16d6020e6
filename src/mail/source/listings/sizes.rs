//! Numbers and sizes of a listing, 4 bytes a row where the numbers are what they are nearly
//! always, else 8.

/// Numbers and sizes of a listing: the answer to `LIST`.
#[derive(Debug, Default)]
pub struct Sizes {
    /// Empty as long as they count up from 1.
    numbers: Vec<u32>,
    octets: Vec<u32>,
    /// Sizes that do not fit `octets`, by row in ascending order.
    large: Vec<(usize, u64)>,
    /// Sum of all sizes.
    pub(super) total: u64,
}

/// Marks a row without a size.
const UNKNOWN: u32 = u32::MAX;
/// Marks a row whose size is in `large`.
const LARGE: u32 = u32::MAX - 1;

impl Sizes {
    /// Appends a row.
    pub(crate) fn push(&mut self, number: u32, octets: Option<u64>) {
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

    pub(super) fn number_of(&self, row: usize) -> u32 {
        let number = self.numbers.get(row).copied();
        number.unwrap_or_else(|| counted(row))
    }

    /// Number of rows.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    /// True if there is no row.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    pub(super) fn octets_of(&self, row: usize) -> Option<u64> {
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
