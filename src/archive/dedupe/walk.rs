//! A listing and what is recorded of the same maildrop, side by side in the order of
//! names: memory for one name at a time, whatever their number.

use crate::mail::source::{Ascending, Listings};

/// Rows without a name that are given at once.
const ABSENT: usize = 4096;

/// What a walk comes by.
#[derive(Debug)]
pub(crate) enum Met<'a, K> {
    /// Rows of one name.
    Listed {
        /// The name; empty where the server gave none.
        name: &'a [u8],
        /// Rows of the listing, ascending; one, unless the name is repeated. Rows without
        /// a name come in several lots.
        rows: &'a [u32],
        /// What is recorded for it.
        known: Option<&'a K>,
        /// False if the name is missing, repeated, or the message number.
        identifies: bool,
    },
    /// A recorded name that is not listed.
    Gone(&'a K),
}

/// Feed it the records by ascending name, then [`Walk::finish`].
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    names: Ascending<'a>,
    /// The rows of one name, not yet given.
    rows: Vec<u32>,
    name: Vec<u8>,
    /// The first row after them.
    next: Option<(u32, Vec<u8>)>,
    by_number: bool,
}

impl<'a> Walk<'a> {
    /// Starts at the first name.
    #[must_use]
    pub(crate) fn new(listings: &'a Listings) -> Self {
        let mut walk = Self {
            names: listings.ascending(),
            rows: Vec::new(),
            name: Vec::new(),
            next: None,
            by_number: named_by_number(listings),
        };
        walk.step();
        walk.gather();
        walk
    }

    /// Takes in what is recorded for one name.
    pub(crate) fn known<K>(&mut self, name: &[u8], known: &K, each: &mut dyn FnMut(Met<'_, K>)) {
        while !self.rows.is_empty() && self.name.as_slice() < name {
            self.give(None, each);
        }
        if !self.rows.is_empty() && self.name == name {
            self.give(Some(known), each);
        } else {
            each(Met::Gone(known));
        }
    }

    /// Gives the rest, of which nothing is recorded.
    pub(crate) fn finish<K>(mut self, each: &mut dyn FnMut(Met<'_, K>)) {
        while !self.rows.is_empty() {
            self.give(None, each);
        }
    }

    fn give<K>(&mut self, known: Option<&K>, each: &mut dyn FnMut(Met<'_, K>)) {
        each(Met::Listed {
            name: &self.name,
            rows: &self.rows,
            known,
            identifies: self.rows.len() == 1 && !self.name.is_empty() && !self.by_number,
        });
        self.rows.clear();
        self.gather();
    }

    /// Collects the rows of the next name.
    fn gather(&mut self) {
        let Some((row, name)) = self.next.take() else {
            return;
        };
        self.rows.push(row);
        self.name = name;
        loop {
            self.step();
            match self.next.take() {
                Some((row, name))
                    if name == self.name && (!name.is_empty() || self.rows.len() < ABSENT) =>
                {
                    self.rows.push(row);
                }
                other => {
                    self.next = other;
                    return;
                }
            }
        }
    }

    fn step(&mut self) {
        self.next = self
            .names
            .advance()
            .map(|(row, name)| (u32::try_from(row).unwrap_or(u32::MAX), name.to_vec()));
    }
}

/// Some servers give message numbers for names; those mean other messages tomorrow.
fn named_by_number(listings: &Listings) -> bool {
    let mut cursor = listings.cursor();
    let mut any = false;
    while let Some((row, name)) = cursor.advance() {
        any = true;
        if name != listings.number_of(row).to_string().as_bytes() {
            return false;
        }
    }
    any
}
