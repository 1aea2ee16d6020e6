//! The first member of a push: what it is and how much it has.

use serde::{Deserialize, Serialize};

use super::{MANIFEST, PushError, is_ledger_file};
use crate::offsite::pack::is_hex;

/// The format that this program writes, and the newest that it reads.
const FORMAT: u64 = 1;

/// A place in the ledger: everything before it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LedgerPosition {
    /// The newest file, `YYYY-MM.jsonl`.
    pub file: String,
    /// Plain bytes of it.
    pub offset: u64,
}

/// How much a push has of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushCounts {
    /// Messages in the push itself.
    pub messages: u64,
    /// Bytes of the ledger.
    pub ledger: u64,
    /// Packs whose index it has.
    pub packs: u64,
    /// Messages in these packs.
    pub packed: u64,
    /// Messages that could not be read.
    pub owed: u64,
}

/// What a push says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushManifest {
    /// The pseudonym of the vault, as in its heads.
    pub vault: String,
    /// The place up to which earlier pushes have the ledger; none for the first.
    pub from: Option<LedgerPosition>,
    /// The place up to which this one has it.
    pub to: LedgerPosition,
    /// How much it has.
    pub counts: PushCounts,
}

#[derive(Deserialize)]
struct ManifestFormat {
    format: u64,
}

#[derive(Serialize)]
struct ManifestText<'m> {
    format: u64,
    #[serde(flatten)]
    manifest: &'m PushManifest,
}

impl PushManifest {
    pub(super) fn is_in_order(&self) -> bool {
        let from = self.from.as_ref();
        is_hex(&self.vault, 32)
            && from.is_none_or(|from| is_ledger_file(&from.file) && *from <= self.to)
            && is_ledger_file(&self.to.file)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let text = ManifestText {
            format: FORMAT,
            manifest: self,
        };
        // A structure of texts and numbers always has a JSON.
        let mut bytes = serde_json::to_vec_pretty(&text).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, PushError> {
        let damaged = || PushError::Member {
            member: MANIFEST.into(),
        };
        let format: ManifestFormat = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        if format.format > FORMAT {
            return Err(PushError::NewerFormat {
                format: format.format,
            });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        let good = format.format == FORMAT && manifest.is_in_order();
        good.then_some(manifest).ok_or_else(damaged)
    }
}
