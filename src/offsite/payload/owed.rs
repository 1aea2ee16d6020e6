//! Messages that the ledger has and a push could not read, so that no restore can have them
//! until a later push brings them.

use serde::{Deserialize, Serialize};

use crate::mail::message::Hash128;

/// Why a message could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OwedReason {
    /// Its file is missing.
    Missing,
    /// Its file is damaged.
    Damaged,
    /// Its file could not be read.
    Unreadable,
    /// It is longer than a pack may be.
    TooLarge,
}

impl OwedReason {
    /// As pushes write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Damaged => "damaged",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too-large",
        }
    }
}

/// A message that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwedMessage {
    /// Its id.
    pub hash: Hash128,
    /// Why not.
    pub reason: OwedReason,
}

#[derive(Serialize, Deserialize)]
struct OwedLine {
    hash: String,
    reason: OwedReason,
}

impl OwedMessage {
    pub(super) fn write_line(self, lines: &mut Vec<u8>) {
        let line = OwedLine {
            hash: self.hash.to_string(),
            reason: self.reason,
        };
        // A structure of texts always has a JSON.
        lines.extend(serde_json::to_vec(&line).unwrap_or_default());
        lines.push(b'\n');
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let line: OwedLine = serde_json::from_slice(line).ok()?;
        Some(Self {
            hash: Hash128::parse(&line.hash)?,
            reason: line.reason,
        })
    }

    pub(super) fn parse_lines(lines: &[u8]) -> Option<Vec<Self>> {
        let lines = lines.strip_suffix(b"\n")?;
        lines
            .split(|byte| *byte == b'\n')
            .map(Self::parse)
            .collect()
    }
}
