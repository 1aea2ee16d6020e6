//! Heads: what one push put there, in plain JSON, of what a store sees anyway.
//!
//! A head names its objects with their hashes and the head before it, so that whoever has the
//! newest head knows whether anything is missing. Keys that a reader does not know are ignored;
//! what an older reader would get wrong needs a new `format`, which it refuses.

mod chain;
mod text;

use super::pack::is_hex;

pub use self::chain::HeadChain;

/// Longest head that is read: some ten thousand objects.
pub const HEAD_LIMIT: u64 = 16 << 20;
/// Largest number of a head: its name has ten digits.
pub const SEQ_LIMIT: u64 = 9_999_999_999;

/// An object that a head names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadObject {
    /// `packs/<id>` or `push/<id>`.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// MD5 of its bytes, which a store may show as its `ETag`.
    pub md5: [u8; 16],
}

/// One head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushHead {
    /// The pseudonym of the vault: 32 random digits that say nothing else.
    pub vault: String,
    /// Its number, from 1.
    pub seq: u64,
    /// SHA-256 of the head before it; none for the first.
    pub previous: Option<[u8; 32]>,
    /// When it was written, in Unix seconds.
    pub time: i64,
    /// What this push put there.
    pub objects: Vec<HeadObject>,
    /// Names of objects that it makes superfluous.
    pub replaces: Vec<String>,
    /// The number of the head whose push begins the ledger that this push continues: its own if
    /// everything is sent from the beginning.
    pub begin: u64,
    /// True if the copy then has all that the vault had when the push began, but for what is owed.
    pub whole: bool,
}

/// Why a head cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// It is longer than any head.
    #[error("the head is too long")]
    TooLong,
    /// It is not JSON, or a key is missing or of another type.
    #[error("the head is damaged")]
    NotAHead,
    /// A value is not one that it can have.
    #[error("the head is damaged: {key} is not in order")]
    Value {
        /// Its key.
        key: &'static str,
    },
    /// It is in a later format.
    #[error("the head has format {format}, which is newer than this program")]
    NewerFormat {
        /// That format.
        format: u64,
    },
    /// One before it is missing.
    #[error("head {seq} is missing")]
    Missing {
        /// The number of the missing one.
        seq: u64,
    },
    /// It says another number than its name.
    #[error("head {seq} says that it is head {says}")]
    OtherNumber {
        /// The number in its name.
        seq: u64,
        /// The number in it.
        says: u64,
    },
    /// It belongs to another vault than the one before it.
    #[error("head {seq} belongs to another vault")]
    OtherVault {
        /// Its number.
        seq: u64,
    },
    /// The one before it is not the one that it continues.
    #[error("head {seq} does not continue the head before it")]
    Forked {
        /// Its number.
        seq: u64,
    },
    /// It continues a ledger that the head before it does not.
    #[error("head {seq} continues another beginning than the head before it")]
    OtherBeginning {
        /// Its number.
        seq: u64,
    },
    /// It names an object that an earlier one named with other bytes.
    #[error("head {seq} names {name} with other bytes than an earlier head")]
    Contradicts {
        /// Its number.
        seq: u64,
        /// The object.
        name: String,
    },
    /// It replaces an object that is not there.
    #[error("head {seq} replaces {name}, which no earlier head names")]
    ReplacesUnknown {
        /// Its number.
        seq: u64,
        /// The object.
        name: String,
    },
}

/// The name of the head with this number.
#[must_use]
pub fn head_name(seq: u64) -> String {
    format!("heads/{seq:010}")
}

/// The number of the head with this name.
#[must_use]
pub fn head_seq(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("heads/")?;
    let seq = digits.parse().ok()?;
    (seq > 0 && head_name(seq) == name && digits.len() == 10).then_some(seq)
}

/// True for the name of a pack or push.
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    let id = name
        .strip_prefix("packs/")
        .or_else(|| name.strip_prefix("push/"));
    id.is_some_and(|id| is_hex(id, 64))
}

/// What must hold for any bytes: what is read is written so that it is read as the same.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(data: &[u8]) {
    if let Ok(head) = PushHead::parse(data) {
        assert_eq!(PushHead::parse(&head.to_bytes()).as_ref(), Ok(&head));
        let mut chain = HeadChain::default();
        assert_eq!(
            chain.add(head.seq, data).is_ok(),
            head.seq == 1 && head.replaces.is_empty()
        );
    }
}

#[cfg(test)]
mod tests;
