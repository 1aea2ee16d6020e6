//! What is found of each row of a listing. A server may list millions, so that contents are kept
//! only for a manifest, which names them.

use super::ArchiveStatus;
use crate::mail::message::Hash128;
use crate::vault::catalog::Proof;

/// What is found of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) status: ArchiveStatus,
    /// The content that it has in the vault.
    pub(super) content: Option<Hash128>,
    /// How that is known.
    pub(super) proof: Option<Proof>,
    /// True if its header was compared, now or within the time that a comparison is believed.
    pub(super) header_read: bool,
}

impl Judgement {
    pub(super) const UNKNOWN: Self = Self::new(ArchiveStatus::Unknown, None);

    pub(super) const fn new(status: ArchiveStatus, content: Option<Hash128>) -> Self {
        Self {
            status,
            content,
            proof: None,
            header_read: false,
        }
    }
}

/// A judgement without its content.
#[derive(Debug, Clone, Copy)]
struct ShortJudgement {
    status: ArchiveStatus,
    proof: Option<Proof>,
    header_read: bool,
}

/// The judgements of all rows of a listing.
#[derive(Debug)]
pub(super) struct Judgements {
    verdicts: Vec<ShortJudgement>,
    /// Of each row, if they are wanted.
    contents: Option<Vec<Option<Hash128>>>,
}

impl Judgements {
    /// So many, of which nothing is known yet.
    pub(super) fn unknown(rows: usize, with_contents: bool) -> Self {
        let verdict = ShortJudgement {
            status: ArchiveStatus::Unknown,
            proof: None,
            header_read: false,
        };
        Self {
            verdicts: vec![verdict; rows],
            contents: with_contents.then(|| vec![None; rows]),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.verdicts.len()
    }

    /// That of a row; without its content, unless contents are wanted.
    pub(super) fn get(&self, row: usize) -> Judgement {
        let verdict = self.verdicts[row];
        Judgement {
            status: verdict.status,
            content: self.contents.as_ref().and_then(|contents| contents[row]),
            proof: verdict.proof,
            header_read: verdict.header_read,
        }
    }

    pub(super) fn set(&mut self, row: usize, judgement: Judgement) {
        self.verdicts[row] = ShortJudgement {
            status: judgement.status,
            proof: judgement.proof,
            header_read: judgement.header_read,
        };
        if let Some(contents) = &mut self.contents {
            contents[row] = judgement.content;
        }
    }
}
