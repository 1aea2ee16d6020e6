//! The second copy: the vault's messages and ledger, encrypted to public keys, in a place that
//! is not this disk.

pub mod place;
