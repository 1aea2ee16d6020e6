//! The second copy: the vault's messages and ledger, encrypted to public keys, in a place that
//! is not this disk.
//!
//! Here are the objects of the place (`docs/OFFSITE-FORMAT.md`): packs of messages, pushes, heads
//! and the page that says how to read them by hand.

pub mod access;
mod checked;
pub mod fault;
mod fetch;
pub mod head;
pub mod heads;
pub mod init;
mod local;
mod object;
pub mod pack;
pub mod payload;
pub mod plan;

#[cfg(test)]
mod progress_tests;
#[cfg(test)]
mod scene_tests;
#[cfg(test)]
mod tests;

/// The name of [`README`].
pub const README_NAME: &str = "README.txt";
/// How to read what is there without mailvault. It is the same for every vault.
pub const README: &str = include_str!("README.txt");

/// What must hold for any bytes of a place.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn assert_any(data: &[u8]) {
    pack::fuzzing::assert_any(data);
    head::assert_any(data);
}

pub mod heal;
pub mod place;
pub mod push;
pub mod restore;
pub mod verify;
mod watch;

pub use watch::CopyProgress;
