//! Whether each masked line of the ledger is named by a later one (docs/FORMAT.md, Erasing).

use std::collections::HashMap;

use super::chain::Span;
use super::erasure::LineHash;
use super::masking::line_hash;

/// Whether every masked line that is read is named by a later one, in little memory: the sum of
/// the hashes of those read must be that of those named. Only if it is not are they kept one by
/// one, in a second reading.
#[derive(Debug, Default)]
pub(super) struct MaskCheck {
    sum: [u64; 4],
    /// Where masked lines lie that are not named yet; none if only the sum is kept.
    open: Option<HashMap<u64, (LineHash, String, Span)>>,
    /// The number of the first line that was read.
    first: Option<u64>,
}

impl MaskCheck {
    /// One that tells which lines are not named.
    pub(super) fn exact() -> Self {
        Self {
            open: Some(HashMap::new()),
            ..Self::default()
        }
    }

    /// Takes note of the number of a line of any kind.
    pub(super) fn begin(&mut self, seq: u64) {
        self.first.get_or_insert(seq);
    }

    /// Takes in a masked line.
    pub(super) fn found(&mut self, seq: u64, line: &[u8], file: &str, span: Span) {
        let hash = line_hash(line);
        self.add(seq, &hash, u64::wrapping_add);
        if let Some(open) = &mut self.open {
            open.insert(seq, (hash, file.to_owned(), span));
        }
    }

    /// Takes in a line that names one.
    pub(super) fn named(&mut self, seq: u64, now: &LineHash) {
        if self.first.is_none_or(|first| seq < first) {
            return;
        }
        self.add(seq, now, u64::wrapping_sub);
        if let Some(open) = &mut self.open
            && open.get(&seq).is_some_and(|(hash, ..)| hash == now)
        {
            open.remove(&seq);
        }
    }

    /// True if what was found is not what was named, and lines were not kept.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_none() && self.sum != [0; 4]
    }

    /// The lines that nothing names, in order, each with its file.
    pub(super) fn unnamed(self) -> Vec<(String, Span)> {
        let mut open: Vec<_> = self.open.unwrap_or_default().into_iter().collect();
        open.sort_unstable_by_key(|(seq, _)| *seq);
        let place = |(_, (_, file, span))| (file, span);
        open.into_iter().map(place).collect()
    }

    fn add(&mut self, seq: u64, hash: &LineHash, add: fn(u64, u64) -> u64) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seq.to_be_bytes());
        hasher.update(hash);
        let bytes = hasher.finalize();
        for (sum, part) in self.sum.iter_mut().zip(bytes.as_bytes().chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(part);
            *sum = add(*sum, u64::from_be_bytes(word));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_were_found_and_named_add_up_to_nothing_in_any_order() {
        let span = Span::of_line(3);
        let run = |mut check: MaskCheck, named: &[u64]| {
            check.begin(5);
            for seq in [5, 6, 9] {
                check.found(seq, &seq.to_be_bytes(), "f", span);
            }
            for seq in named {
                check.named(*seq, &line_hash(&seq.to_be_bytes()));
            }
            check
        };
        // 4 is of a part of the ledger that was not read.
        for named in [&[9, 4, 5, 6][..], &[5, 6, 9]] {
            assert!(!run(MaskCheck::default(), named).is_open());
            assert!(run(MaskCheck::exact(), named).unnamed().is_empty());
        }
        for named in [&[9, 5][..], &[], &[5, 6, 7], &[5, 6, 9, 9]] {
            assert!(run(MaskCheck::default(), named).is_open(), "{named:?}");
        }
        assert_eq!(run(MaskCheck::exact(), &[9, 5]).unnamed().len(), 1);
        let mut other = run(MaskCheck::exact(), &[9, 5]);
        other.named(6, &line_hash(b"another"));
        assert_eq!(other.unnamed().len(), 1);
    }
}
