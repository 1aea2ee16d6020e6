//! Sets of any number of records that are compared in little memory: both are divided into parts
//! by the same bits, and one part of each is sorted at a time.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use crate::base::error::{Error, Result};
use crate::base::fsx;

/// Into how many parts records are divided, by their first bits.
const PARTS: usize = 128;
/// Bytes of a part that wait to be written.
const CHUNK: usize = 4 << 10;

/// Records of `N` bytes that begin with a hash. What does not fit into a few pages lies in a file
/// without a name.
#[derive(Debug)]
pub(super) struct Spread<const N: usize> {
    parts: Vec<SpreadPart>,
    file: Option<File>,
    end: u64,
}

#[derive(Debug, Default)]
struct SpreadPart {
    waiting: Vec<u8>,
    /// Where in the file the rest lies: so many bytes at each place.
    written: Vec<(u64, usize)>,
}

impl<const N: usize> Spread<N> {
    pub(super) fn new() -> Self {
        Self {
            parts: std::iter::repeat_with(SpreadPart::default)
                .take(PARTS)
                .collect(),
            file: None,
            end: 0,
        }
    }

    /// Adds a record.
    pub(super) fn put(&mut self, record: &[u8; N]) -> Result<()> {
        let part = &mut self.parts[usize::from(record[0]) * PARTS / 256];
        if part.waiting.len() + N > CHUNK {
            let mut file = match self.file.take() {
                Some(file) => file,
                None => fsx::create_unnamed()?,
            };
            file.write_all(&part.waiting).map_err(failed)?;
            self.file = Some(file);
            part.written.push((self.end, part.waiting.len()));
            self.end += part.waiting.len() as u64;
            part.waiting.clear();
        }
        part.waiting.extend_from_slice(record);
        Ok(())
    }

    /// Takes the parts out, one after the other, each sorted.
    pub(super) fn sorted(self) -> impl Iterator<Item = Result<Vec<[u8; N]>>> {
        let Self { parts, file, .. } = self;
        parts.into_iter().map(move |part| {
            let mut bytes = part.waiting;
            for (place, length) in part.written {
                let start = bytes.len();
                bytes.resize(start + length, 0);
                if let Some(file) = &file {
                    file.read_exact_at(&mut bytes[start..], place)
                        .map_err(failed)?;
                }
            }
            let mut records: Vec<[u8; N]> = bytes.as_chunks().0.to_vec();
            records.sort_unstable();
            Ok(records)
        })
    }
}

fn failed(error: io::Error) -> Error {
    Error::file("use a temporary file in", &fsx::temporary(), error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn all_records_come_back_in_order() {
        for count in [0_u64, 3, 100_000] {
            let mut spread = Spread::<16>::new();
            let mut expected: Vec<[u8; 16]> = Vec::new();
            for n in 0..count {
                let hash = *blake3::hash(&n.to_be_bytes()).as_bytes();
                let record: [u8; 16] = hash[..16].try_into().unwrap();
                expected.push(record);
                spread.put(&record).unwrap();
            }
            assert_eq!(spread.file.is_some(), count > 1_000);
            expected.sort_unstable();
            let sorted: Vec<_> = spread.sorted().flat_map(Result::unwrap).collect();
            assert_eq!(sorted, expected);
        }
    }
}
