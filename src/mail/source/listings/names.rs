//! Names of a listing, packed, and a walk over them in the order of the listing.

/// Names of a listing, each kept as what differs from the one before: neighbours
/// resemble each other, so a name takes about five bytes.
#[derive(Debug, Default)]
pub struct Names {
    pub(super) packed: Vec<u8>,
    /// Where each block of [`BLOCK`] names begins; the first of a block is whole.
    blocks: Vec<u32>,
    len: usize,
    last: Vec<u8>,
    unsorted: bool,
}

/// Names a block.
const BLOCK: usize = 16;

/// Memory that names may take; those beyond it count as absent, so that a hostile
/// listing costs downloads and not memory.
const NAMES_LIMIT: usize = 24 << 20;
/// The same for names in disorder, with what each of them costs while they are sorted and
/// their rows are decided on.
const DISORDER_LIMIT: usize = 40 << 20;
const DISORDER: usize = 12;

impl Names {
    /// Appends a name, empty where the server gave none.
    pub(crate) fn push(&mut self, name: &[u8]) {
        let name = if self.is_full() { &[] } else { name };
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
    }

    fn is_full(&self) -> bool {
        let packed = self.packed.len();
        packed > NAMES_LIMIT || (self.unsorted && packed + self.len * DISORDER > DISORDER_LIMIT)
    }

    /// Number of names.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// True if they came in ascending order, each once.
    pub(super) fn is_sorted(&self) -> bool {
        !self.unsorted
    }

    /// Unpacks the name of a row in place of what `name` holds.
    pub(super) fn read(&self, row: usize, name: &mut Vec<u8>) {
        name.clear();
        let mut at = self.blocks[row / BLOCK] as usize;
        for _ in 0..=row % BLOCK {
            at = self.unpack(at, name);
        }
    }

    pub(super) fn cursor(&self) -> Cursor<'_> {
        Cursor {
            names: self,
            at: 0,
            row: 0,
            name: Vec::new(),
        }
    }

    fn unpack(&self, at: usize, name: &mut Vec<u8>) -> usize {
        let (head, at) = get_varint(&self.packed, at);
        let (tail, at) = get_varint(&self.packed, at);
        let (middle, at) = get_varint(&self.packed, at);
        let end = at + middle;
        let middle = &self.packed[at..end];
        if tail == 0 {
            // The first of a block shares nothing, whatever stood before it.
            name.truncate(head);
            name.extend_from_slice(middle);
        } else {
            let kept = name.len() - tail;
            name.splice(head..kept, middle.iter().copied());
        }
        end
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
    pub(crate) fn advance(&mut self) -> Option<(usize, &[u8])> {
        if self.row == self.names.len {
            return None;
        }
        self.at = self.names.unpack(self.at, &mut self.name);
        self.row += 1;
        Some((self.row - 1, &self.name))
    }
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
