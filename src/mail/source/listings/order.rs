//! The names of a listing in ascending order, in the memory of four bytes a name.
//!
//! They stay packed: runs of rows are sorted, each by names that are unpacked for as long
//! as that takes, and the runs are merged while they are walked.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::names::{Cursor, Names};

/// Rows of a run at most.
const RUN: usize = 1 << 16;
/// Octets of names from which on a run ends.
const RUN_OCTETS: usize = 2 << 20;

/// Walks the names of a listing in ascending order.
#[derive(Debug)]
pub struct Ascending<'a>(Way<'a>);

#[derive(Debug)]
enum Way<'a> {
    /// They came so.
    AsListed(Cursor<'a>),
    Merged(Runs<'a>),
}

impl<'a> Ascending<'a> {
    pub(super) fn new(names: &'a Names) -> Self {
        Self(if names.is_sorted() {
            Way::AsListed(names.cursor())
        } else {
            Way::Merged(Runs::new(names))
        })
    }

    /// The next name and its row; rows of equal names ascend.
    pub(crate) fn advance(&mut self) -> Option<(usize, &[u8])> {
        match &mut self.0 {
            Way::AsListed(cursor) => cursor.advance(),
            Way::Merged(runs) => runs.advance(),
        }
    }
}

#[derive(Debug)]
struct Runs<'a> {
    names: &'a Names,
    /// Looks for the rows without a name, which come first.
    absent: Cursor<'a>,
    /// Rows with a name: those of one run after those of another, each run in the order
    /// of its names.
    order: Vec<u32>,
    /// What each run gives next.
    heads: BinaryHeap<Reverse<Head>>,
    /// The name that was given last.
    name: Vec<u8>,
}

/// The least name of a run that was not yet given. Compared by its first fields.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    name: Vec<u8>,
    row: u32,
    /// Where in `order` the rest of the run lies.
    rest: (usize, usize),
}

impl<'a> Runs<'a> {
    fn new(names: &'a Names) -> Self {
        let mut runs = Self {
            names,
            absent: names.cursor(),
            // Growing would leave holes; what is not used takes no memory.
            order: Vec::with_capacity(names.len()),
            heads: BinaryHeap::new(),
            name: Vec::new(),
        };
        let (mut flat, mut ends) = (Vec::new(), Vec::new());
        let mut cursor = names.cursor();
        let mut first = 0;
        while first < names.len() {
            flat.clear();
            ends.clear();
            let begin = runs.order.len();
            while ends.len() < RUN && flat.len() < RUN_OCTETS {
                let Some((row, name)) = cursor.advance() else {
                    break;
                };
                flat.extend_from_slice(name);
                ends.push(flat.len());
                if !name.is_empty() {
                    runs.order.push(u32::try_from(row).unwrap_or(u32::MAX));
                }
            }
            let name_of = |row: u32| {
                let at = row as usize - first;
                let start = if at == 0 { 0 } else { ends[at - 1] };
                &flat[start..ends[at]]
            };
            let end = runs.order.len();
            let run = &mut runs.order[begin..];
            run.sort_unstable_by(|a, b| name_of(*a).cmp(name_of(*b)).then(a.cmp(b)));
            if let Some(row) = run.first() {
                runs.heads.push(Reverse(Head {
                    name: name_of(*row).to_vec(),
                    row: *row,
                    rest: (begin + 1, end),
                }));
            }
            first += ends.len();
        }
        runs
    }

    fn advance(&mut self) -> Option<(usize, &[u8])> {
        while let Some((row, name)) = self.absent.advance() {
            if name.is_empty() {
                return Some((row, &[]));
            }
        }
        let mut top = self.heads.peek_mut()?;
        let Reverse(head) = &mut *top;
        let row = head.row;
        std::mem::swap(&mut self.name, &mut head.name);
        let (at, end) = head.rest;
        if at == end {
            PeekMut::pop(top);
        } else {
            head.row = self.order[at];
            head.rest.0 += 1;
            self.names.read(head.row as usize, &mut head.name);
        }
        Some((row as usize, &self.name))
    }
}
