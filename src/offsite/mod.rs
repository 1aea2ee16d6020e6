//! The second copy: the vault's messages and ledger, encrypted to public keys, in a place that
//! is not this disk.

pub mod pack;

/// What must hold for any bytes of a place.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(data: &[u8]) {
    pack::fuzzing::assert_any(data);
}
