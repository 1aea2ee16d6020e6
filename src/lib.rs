//! mailvault keeps a local, compressed, crash-safe archive of mail accounts.
//!
//! A message takes this way: server, [`net`], [`pull`], [`archive`], [`vault`].
//!
//! Programs that only read a vault begin at [`vault::Vault`]; `examples/search.rs` is one.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests make and break files as they like"
    )
)]

pub mod account;
pub mod archive;
pub mod base;
pub mod export;
pub mod forget;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod import;
pub mod inspect;
pub mod mail;
pub mod net;
pub mod notify;
#[cfg(feature = "offsite")]
pub mod offsite;
pub mod pull;
pub mod purge;
pub mod sample;
pub mod stats;
pub mod vault;

pub use base::error::{Error, ErrorKind, Result};
