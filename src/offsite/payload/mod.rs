//! What one push carries: the new bytes of the ledger, the indexes of the packs that it made,
//! what it still owes, and, if it is small, the messages themselves.
//!
//! It is a pack like any other, so that the same tools read it; its members have these names:
//!
//! | member | holds |
//! | --- | --- |
//! | `push.json` | first: format, vault, place in the ledger, counts |
//! | `tombstones.key` | the key by which forgotten mail is recognised, if the vault has one |
//! | `<hash>.eml` | a message |
//! | `ledger/<file>/<offset>` | bytes of a ledger file from this offset on, of twenty digits |
//! | `index/<id>` | the index of the pack with this id |
//! | `owed/<number>` | messages that could not be read, a line of JSON each |

mod manifest;
mod owed;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use super::pack::{PackError, is_hex};
use crate::mail::message::Hash128;

pub use self::manifest::{LedgerPosition, PushCounts, PushManifest};
pub use self::owed::{OwedMessage, OwedReason};
pub use self::reader::{PushPart, PushReader};
pub use self::writer::PushWriter;

const MANIFEST: &str = "push.json";
const TOMBSTONES: &str = "tombstones.key";

/// What can go wrong with a push.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The pack that it is.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// It is in a later format.
    #[error("the push has format {format}, which is newer than this program")]
    NewerFormat {
        /// That format.
        format: u64,
    },
    /// A member is not as it must be.
    #[error("{member} of the push is damaged")]
    Member {
        /// Its name.
        member: String,
    },
    /// It has not as much as it says.
    #[error("the push does not have what it lists")]
    Counts,
}

/// Bytes of one file of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerRange {
    /// The file's name, `YYYY-MM.jsonl`, also if its month is compressed.
    pub file: String,
    /// Where they begin in its plain bytes.
    pub offset: u64,
    /// How many there are.
    pub length: u64,
}

/// The name of a message in packs and pushes.
#[must_use]
pub fn message_name(hash: Hash128) -> String {
    format!("{hash}.eml")
}

/// The message of this name, which is `[0-9a-f]{32}.eml`.
#[must_use]
pub fn message_hash(name: &str) -> Option<Hash128> {
    Hash128::parse(name.strip_suffix(".eml")?)
}

/// The rule for names in a pack of messages.
#[must_use]
pub fn is_message_name(name: &str) -> bool {
    message_hash(name).is_some()
}

/// True for `YYYY-MM.jsonl`.
fn is_ledger_file(name: &str) -> bool {
    let month = name
        .strip_suffix(".jsonl")
        .and_then(|month| month.split_once('-'));
    month.is_some_and(|(year, month)| {
        let digits =
            |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        digits(year, 4) && digits(month, 2)
    })
}

fn ledger_name(file: &str, offset: u64) -> String {
    format!("ledger/{file}/{offset:020}")
}

/// What a member of a push is, by its name.
#[derive(Debug, PartialEq, Eq)]
enum MemberKind<'n> {
    Manifest,
    Tombstones,
    Message(Hash128),
    Ledger(&'n str, u64),
    Index(&'n str),
    Owed,
}

fn kind_of(name: &str) -> Option<MemberKind<'_>> {
    if name == MANIFEST {
        return Some(MemberKind::Manifest);
    }
    if name == TOMBSTONES {
        return Some(MemberKind::Tombstones);
    }
    if let Some(hash) = message_hash(name) {
        return Some(MemberKind::Message(hash));
    }
    let (folder, rest) = name.split_once('/')?;
    match folder {
        "ledger" => {
            let (file, offset) = rest.split_once('/')?;
            let offset = offset.parse().ok()?;
            let usual = is_ledger_file(file) && ledger_name(file, offset) == name;
            usual.then_some(MemberKind::Ledger(file, offset))
        }
        "index" => is_hex(rest, 64).then_some(MemberKind::Index(rest)),
        "owed" => {
            let digits = rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_digit());
            digits.then_some(MemberKind::Owed)
        }
        _ => None,
    }
}
